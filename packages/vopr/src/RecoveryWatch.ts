/**
 * What one process of a run may do and say, transition by transition: the rules of the broadcast that can be judged at one node. What
 * the whole must come to is the run's affair.
 */
import { Plumtree } from "@hyparview/core"
import { Broadcast } from "@hyparview/faults"
import type { RecoveryScenario } from "./RecoveryScenario.ts"
import type { Input, Output, State } from "./RecoveryWorld.ts"

type Origin = Plumtree.Origin<number>

export type Fate = "Delivered" | "Rejected" | "Lagged"

/** What was published in a run: by origin, the payloads in the order of their numbers. */
export type Published = Map<string, Array<Uint8Array>>

export const originOf = ({ epoch, source, topic }: Origin): string => `${source}@${epoch}/${topic}`

const nameOf = (id: Plumtree.MessageId<number>): string => `${originOf(id)}#${id.sequence}`

/** Rule and sentence. */
export type Fault = readonly [rule: string, detail: string]

const isSame = (one: Uint8Array, other: Uint8Array | undefined): boolean =>
  other !== undefined && one.length === other.length && one.every((byte, index) => byte === other[index])

interface OpenRecall {
  readonly wanted: number
  readonly found: Set<string>
  isDone: boolean
}

interface OpenFetch {
  readonly at: number
  /** Until when it may bring nothing new of what was asked for, at least (R3): an answer of many bytes is waited for longer. */
  readonly until: number
  readonly wanted: ReadonlyArray<Plumtree.Ranges<number>>
}

const isAskedFor = (wanted: ReadonlyArray<Plumtree.Ranges<number>>, origin: Origin, number: number): boolean => {
  // Of what names an origin twice the last counts.
  const runs = wanted.findLast((ranges) => Plumtree.sameOrigin(ranges, origin))?.runs ?? []
  return runs.some((first, i) => i % 2 === 0 && number >= first && number <= (runs[i + 1] ?? -1))
}

export class RecoveryWatch {
  /** By origin, what its application was told of each number, in the order in which it was. */
  readonly told = new Map<string, Map<number, Fate>>()
  private readonly name: string
  private readonly config: Plumtree.Config
  private readonly published: Published
  private readonly ledger = new Broadcast.Ledger<number, number>()
  /** The open FETCH to a neighbour. */
  private readonly fetches = new Map<number, OpenFetch>()
  /** What was pushed, and to whom. */
  private readonly pushes = new Set<string>()
  private readonly recalls = new Map<number, OpenRecall>()
  private faults: Array<Fault> = []

  constructor(name: string, scenario: RecoveryScenario, published: Published) {
    this.name = name
    this.config = scenario.broadcast
    this.published = published
  }

  /** Sees a transition; what is wrong with it. */
  see(before: State, input: Input, { outputs, state }: Plumtree.Step<number, number>): ReadonlyArray<Fault> {
    this.faults = []
    for (const fault of Broadcast.stateFaults(state)) this.fault("always", fault)
    this.seeFloors(before, state)
    this.seeFetchEnds(before, input)
    for (const output of outputs) {
      if (output._tag === "Send") this.seeSend(state, input, output)
      else this.seeTold(before, input, output)
    }
    if (this.remembers) for (const fault of this.ledger.see(outputs)) this.fault("once", fault)
    if (input._tag === "Recall") this.seeRecallBegin(input.requestId, outputs)
    if (input._tag === "Received" && input.message._tag === "Fetch") this.seeAnswer(before, input, outputs)
    return this.faults
  }

  /** Whether what is done of an origin has been remembered so far, whatever made room (R9). */
  get remembers(): boolean {
    return this.published.size <= 2 * this.config.sourcesSize
  }

  /** Recalls that have not ended. */
  get openRecalls(): number {
    return [...this.recalls.values()].filter(({ isDone }) => !isDone).length
  }

  private fault(rule: string, detail: string): void {
    this.faults.push([rule, `${this.name}: ${detail}`])
  }

  private check(holds: boolean, rule: string, detail: () => string): void {
    if (!holds) this.fault(rule, detail())
  }

  /** What is done stays done. */
  private seeFloors(before: State, after: State): void {
    if (before.streams === after.streams) return
    const floors = new Map(Broadcast.streamsOf(after).map((stream) => [originOf(stream), stream]))
    for (const stream of Broadcast.streamsOf(before)) {
      const next = floors.get(originOf(stream))
      if (next === undefined || next === stream) continue
      this.check(
        next.floor >= stream.floor,
        "order",
        () => `${originOf(stream)}: done to ${stream.floor}, then ${next.floor}`
      )
      this.check(next.top >= next.floor, "order", () => `${originOf(stream)}: done to ${next.floor}, above ${next.top}`)
    }
  }

  // --- what it says -----------------------------------------------------------------------------------------------------

  private seeFetchEnds(before: State, input: Input): void {
    if (input._tag === "NeighborUp" || input._tag === "NeighborDown") this.fetches.delete(input.peer.id)
    if (input._tag === "Left") this.fetches.clear()
    if (input._tag !== "Received") return
    const { from, message, now } = input
    const fetch = this.fetches.get(from.id)
    if (fetch === undefined) return
    if (message._tag === "Fetched") this.fetches.delete(from.id)
    if (message._tag !== "Gossip" || message.replay !== "recovery" || now > fetch.until) return
    if (Plumtree.hasSeen(before, message.id) || !isAskedFor(fetch.wanted, message.id, message.id.sequence)) return
    // An origin that has made room since is not asked for any more, though it may have begun anew (R9).
    const stream = Broadcast.streamsOf(before).find((stream) => Plumtree.sameOrigin(stream, message.id))
    if (stream?.gap?.asking?.id !== from.id) return
    const { fetchMillis, gapMillis } = this.config
    const end = fetch.at + Math.max(fetchMillis, Math.floor(gapMillis / 2))
    this.fetches.set(from.id, { ...fetch, until: Math.min(now + fetchMillis, end) })
  }

  private seeSend(after: State, input: Input, { message, to }: Extract<Output, { _tag: "Send" }>): void {
    const { config } = this
    const isNeighbor = ({ neighbors }: State): boolean =>
      neighbors.some(({ epoch, id }) => id === to.id && epoch === to.epoch)
    this.check(isNeighbor(after), "gone", () => `${message._tag} to ${to.id}@${to.epoch}, which is no neighbour`)
    const atMost = (size: number, most: number, what: string): void =>
      this.check(size <= most, "bounds", () => `${message._tag} with ${size} ${what}, at most ${most} allowed`)
    switch (message._tag) {
      case "Gossip": {
        if (message.replay !== undefined || !this.remembers) break
        const push = `${nameOf(message.id)} to ${to.id}@${to.epoch}`
        this.check(!this.pushes.has(push), "copies", () => `${push} is pushed again`)
        this.pushes.add(push)
        break
      }
      case "Fetch": {
        const { now } = input
        const until = this.fetches.get(to.id)?.until ?? 0
        this.check(now >= until, "bounds", () => `a second Fetch to ${to.id} before the first has ended`)
        this.fetches.set(to.id, { at: now, until: now + config.fetchMillis, wanted: message.wanted })
        atMost(message.wanted.length, config.digestSize, "origins")
        for (const ranges of message.wanted) this.seeAsked(after, ranges, atMost)
        break
      }
      case "Digest":
        atMost(message.held.length, config.digestSize, "origins")
        for (const ranges of message.held) this.seeNamed(after, input.now, ranges, atMost)
        break
      case "Graft":
        atMost(message.ids.length, Math.max(1, config.graftSize), "messages")
        break
      case "IHave": {
        const again = input._tag === "Received" && input.message._tag === "Graft" ? input.message.ids.length : 0
        atMost(message.announcements.length, Math.max(config.announceSize, again), "messages")
        break
      }
      default:
    }
  }

  /** What is asked for is missing, and has been published, or somebody has said so. */
  private seeAsked(
    state: State,
    ranges: Plumtree.Ranges<number>,
    atMost: (size: number, most: number, what: string) => void
  ) {
    const { runs } = ranges
    atMost(runs.length / 2, this.config.gapsSize + 1, `gaps of ${originOf(ranges)}`)
    for (let i = 0; i + 1 < runs.length; i += 2) {
      const first = runs[i] ?? 0
      const last = runs[i + 1] ?? 0
      const missing = Plumtree.missingOf(state, ranges, first, last)
      this.check(
        missing[0] === first && missing[1] === last,
        "asks",
        () => `${originOf(ranges)}: ${first} to ${last}, not all missing`
      )
    }
    this.seeReal("asks", ranges, runs[runs.length - 1] ?? 0)
  }

  /** What is named is kept, and not too old. */
  private seeNamed(
    state: State,
    now: number,
    ranges: Plumtree.Ranges<number>,
    atMost: (size: number, most: number, what: string) => void
  ): void {
    const { runs } = ranges
    atMost(runs.length / 2, this.config.gapsSize, `runs of ${originOf(ranges)}`)
    const kept = new Set(this.keptOf(state, now, ranges))
    let named = 0
    for (let i = 0; i + 1 < runs.length; i += 2) {
      for (let number = runs[i] ?? 0; number <= (runs[i + 1] ?? 0); number++, named++) {
        this.check(kept.has(number), "names", () => `${originOf(ranges)}: ${number}, which is not kept`)
      }
    }
    const isWhole = named === kept.size || runs.length / 2 >= this.config.gapsSize
    this.check(isWhole, "names", () => `${originOf(ranges)}: ${named} of ${kept.size} that are kept`)
  }

  private keptOf(state: State, now: number, origin: Origin): ReadonlyArray<number> {
    return Plumtree.retainedOf(state, origin).flatMap(({ bornAt, sequence }) =>
      bornAt >= now - this.config.retainedMillis ? [sequence] : []
    )
  }

  /** The answer to a FETCH: some of what is kept, within bounds, then the end; and what is over is sent or not kept. */
  private seeAnswer(state: State, input: Extract<Input, { _tag: "Received" }>, outputs: ReadonlyArray<Output>): void {
    if (input.message._tag !== "Fetch") return
    const { fetchBytes, fetchMessages } = this.config
    const answer = outputs.flatMap((output) =>
      output._tag === "Send" && output.to.id === input.from.id ? [output.message] : []
    )
    const gossips = answer.flatMap((message) => (message._tag === "Gossip" ? [message] : []))
    const bytes = gossips.reduce((sum, { payload }) => sum + payload.length, 0)
    this.check(gossips.length <= fetchMessages, "bounds", () => `an answer of ${gossips.length} messages`)
    this.check(gossips.length <= 1 || bytes <= fetchBytes, "bounds", () => `an answer of ${bytes} bytes`)
    const end = answer.at(-1)
    if (end?._tag !== "Fetched") return this.fault("answers", "a Fetch without its end")
    const { wanted } = input.message
    for (const { id } of gossips) {
      this.check(isAskedFor(wanted, id, id.sequence), "answers", () => `${nameOf(id)} was not asked for`)
    }
    const sent = new Set(gossips.map(({ id }) => Plumtree.keyOf(id)))
    // What is asked for and over is neither kept, unless it is sent with this answer, nor waits for a verdict.
    for (const gone of end.gone) {
      const has = this.keptOf(state, input.now, gone).find(
        (sequence) =>
          sequence < gone.below &&
          isAskedFor(wanted, gone, sequence) &&
          !sent.has(Plumtree.keyOf({ ...gone, sequence }))
      )
      this.check(has === undefined, "answers", () => `${originOf(gone)}: over below ${gone.below}, but ${has} is kept`)
      for (const { gossip } of state.upkeep.waiting) {
        const { id } = gossip
        const isOver =
          Plumtree.sameOrigin(id, gone) && id.sequence < gone.below && isAskedFor(wanted, gone, id.sequence)
        this.check(!isOver, "answers", () => `${nameOf(id)} is over, and waits for its verdict`)
      }
    }
    if (end.more || gossips.length === fetchMessages) return
    // All that there was room to ask for, and that is kept, is sent.
    let kept = 0
    for (const ranges of new Map(wanted.map((ranges) => [originOf(ranges), ranges] as const)).values()) {
      for (const number of this.keptOf(state, input.now, ranges)) if (isAskedFor(wanted, ranges, number)) kept++
    }
    this.check(gossips.length === kept, "answers", () => `${gossips.length} of ${kept} that are kept, and no more`)
  }

  // --- what it tells its application ------------------------------------------------------------------------------------

  private seeTold(before: State, input: Input, output: Output): void {
    switch (output._tag) {
      case "Delivered": {
        const { id, payload, via } = output
        if (via === "self") this.publish(id, payload)
        this.seePayload(id, payload)
        this.seeDone(before, input, id)
        return this.tell(id, id.sequence, id.sequence, "Delivered")
      }
      case "Rejected": {
        this.seeDone(before, input, output.id)
        const { sequence } = output.id
        return this.tell(output.id, sequence, sequence, "Rejected")
      }
      case "Validate": {
        const isAsked = before.upkeep.waiting.some(({ gossip }) => Plumtree.sameMessage(gossip.id, output.id))
        this.check(!isAsked, "once", () => `${nameOf(output.id)} is asked about again`)
        return this.seePayload(output.id, output.payload)
      }
      case "Lagged": {
        this.seeReal("truth", output, output.last)
        return this.tell(output, output.first, output.last, "Lagged")
      }
      case "Recalled":
        return this.seeRecalled(output)
      default:
    }
  }

  private publish(id: Plumtree.MessageId<number>, payload: Uint8Array): void {
    const origin = originOf(id)
    const known = this.published.get(origin) ?? []
    this.check(known.length === id.sequence, "truth", () => `published ${nameOf(id)} after ${known.length - 1}`)
    known.push(payload)
    this.published.set(origin, known)
  }

  private seePayload(id: Plumtree.MessageId<number>, payload: Uint8Array): void {
    const published = this.published.get(originOf(id))?.[id.sequence]
    this.check(isSame(payload, published), "truth", () => `${nameOf(id)} is not what was published`)
  }

  /** Nothing is said of a number that nobody has published. */
  private seeReal(rule: string, origin: Origin, last: number): void {
    const count = this.published.get(originOf(origin))?.length ?? 0
    this.check(last < count, rule, () => `${originOf(origin)}: up to ${last}, of ${count} that were published`)
  }

  /** What is told of is new, or waited for its verdict. */
  private seeDone(before: State, input: Input, id: Plumtree.MessageId<number>): void {
    const awaited = before.upkeep.waiting.some(({ gossip }) => Plumtree.sameMessage(gossip.id, id))
    const isNew = input._tag === "Received" || input._tag === "Publish"
    this.check(awaited || (isNew && !Plumtree.hasSeen(before, id)), "order", () => `${nameOf(id)} was done`)
  }

  private tell(origin: Origin, first: number, last: number, fate: Fate): void {
    const name = originOf(origin)
    const told = this.told.get(name) ?? new Map<number, Fate>()
    this.told.set(name, told)
    for (let number = first; number <= last; number++) told.set(number, fate)
  }

  private seeRecallBegin(requestId: number, outputs: ReadonlyArray<Output>): void {
    const answered = outputs.some((output) => output._tag === "Recalled" && output.requestId === requestId)
    this.check(answered, "recall", () => `request ${requestId} was not answered`)
  }

  private seeRecalled({ done, messages, requestId, topic }: Extract<Output, { _tag: "Recalled" }>): void {
    const known = this.recalls.get(requestId)
    const recall = known ?? { wanted: this.config.recallMessages, found: new Set<string>(), isDone: false }
    this.recalls.set(requestId, recall)
    this.check(!recall.isDone, "recall", () => `request ${requestId} goes on after its end`)
    for (const { id, payload } of messages) {
      const key = Plumtree.keyOf(id)
      this.check(!recall.found.has(key), "recall", () => `${key} was found twice`)
      this.check(id.topic === topic, "recall", () => `${key} is of another topic`)
      this.seePayload(id, payload)
      recall.found.add(key)
    }
    this.check(
      recall.found.size <= recall.wanted,
      "recall",
      () => `${recall.found.size} of ${recall.wanted} were found`
    )
    recall.isDone = done
  }
}
