/** One scenario of the broadcast alone: links come and go, bursts are published, nodes begin and end; then comes calm. */
import { Plumtree, Random } from "@hyparview/core"
import { Broadcast } from "@hyparview/faults"
import { Marks } from "./Marks.ts"
import type { RecoveryOutcome, Violation } from "./Outcome.ts"
import { calmTopic, type Happening, isAmple, judgedTopic, type RecoveryScenario } from "./RecoveryScenario.ts"
import { type Input, type Process, RecoveryWorld, type State } from "./RecoveryWorld.ts"
import { originOf, type Published, RecoveryWatch } from "./RecoveryWatch.ts"
import { Trace } from "./Trace.ts"

/** The parts of a run: what happens; the time in which what one keeps comes to all; broadcasts; the time until nothing is kept. */
export type RecoveryPhase = "chaos" | "calm" | "broadcasts" | "rest"

/** Broadcasts that must come to everybody in calm, and how soon each. */
const calmBroadcasts = 3
const reachMillis = 60_000

/** Between two looks in calm. */
const lookMillis = 5_000

/** Where something may be lost, what is missing must come at least so often for more to be awaited. */
const progressMillis = 10_000

/** How long calm may take where nothing may be lost: what was asked in vain is asked again after pauses that grow. */
const ampleMillis = 2 * 3_600_000

/** More events than this in a phase are a storm. */
const mostEvents = 1_000_000

const nameOf = ({ node, start }: Process): string => `node ${node}, start ${start}`

export class RecoveryRun {
  readonly world: RecoveryWorld
  private readonly scenario: RecoveryScenario
  private readonly onPhase: (phase: RecoveryPhase) => void
  private readonly marks = new Marks()
  private readonly trace = new Trace<number>()
  private readonly violations: Array<Violation> = []
  private readonly published: Published = new Map()
  private readonly watches = new Map<Process, RecoveryWatch>()
  private delivered = 0
  private copies = 0
  /** Of those that are published in calm. */
  private calmCopies = 0
  private settledAfterMillis = -1

  constructor(scenario: RecoveryScenario, onPhase: (phase: RecoveryPhase) => void = () => {}) {
    this.scenario = scenario
    this.onPhase = onPhase
    this.world = new RecoveryWorld(scenario, {
      observe: this.observe,
      judged: (judgement) => this.marks.add(judgement)
    })
  }

  /** Plays chaos, then calm; ends with the first violation. */
  run(): RecoveryOutcome {
    const { scenario, world } = this
    this.marks.ofRecovery(scenario)
    this.onPhase("chaos")
    this.chaos()
    if (this.violations.length === 0) this.calm()
    return {
      target: "recovery",
      scenario,
      violations: this.violations,
      marks: this.marks.counts,
      settledAfterMillis: this.settledAfterMillis,
      copies: this.copies / Math.max(1, this.delivered),
      events: world.events,
      tail: this.violations.length > 0 ? this.trace.tail() : [],
      traceHash: world.trace.value()
    }
  }

  private violate(rule: string, ...details: ReadonlyArray<string>): void {
    for (const detail of details) this.violations.push({ rule, atMillis: this.world.nowMillis, detail })
  }

  private watchOf(process: Process): RecoveryWatch {
    const known = this.watches.get(process)
    if (known !== undefined) return known
    const watch = new RecoveryWatch(nameOf(process), this.scenario, this.published)
    this.watches.set(process, watch)
    return watch
  }

  private readonly observe = (
    process: Process,
    before: State,
    input: Input,
    step: Plumtree.Step<number, number>
  ): void => {
    this.trace.add(process.node, input, step.outputs)
    for (const [rule, detail] of this.watchOf(process).see(before, input, step)) this.violate(rule, detail)
    for (const output of step.outputs) {
      switch (output._tag) {
        case "Send":
          if (output.message._tag === "Gossip") {
            this.copies++
            if (output.message.id.topic === calmTopic) this.calmCopies++
          }
          if (output.message._tag === "Recall") this.marks.add("AskedForHistory")
          break
        case "Delivered":
          if (output.via === "self") break
          this.delivered++
          this.marks.ofDelivery(output.via)
          if (
            !this.world.members.some(
              ({ state: { self } }) => self.id === output.id.source && self.epoch === output.id.epoch
            )
          )
            this.marks.add("OfOneThatIsOver")
          break
        case "Lagged":
          this.marks.add("Lagged")
          break
        case "Recalled":
          if (output.messages.length > 0)
            this.marks.add(input._tag === "Recall" ? "HistoryFromHere" : "HistoryFromOthers")
          break
        default:
      }
    }
    if (before.streams.forgotten !== step.state.streams.forgotten) this.marks.add("OriginMadeRoom")
  }

  /** Lets time pass; false once something is wrong. */
  private passUntil(atMillis: number): boolean {
    if (!this.world.passUntil(atMillis, mostEvents))
      this.violate("storm", `more than ${mostEvents} events before ${atMillis} ms`)
    return this.violations.length === 0
  }

  // --- chaos ------------------------------------------------------------------------------------------------------------

  private ring(): void {
    const nodes = this.world.members.map(({ node }) => node)
    nodes.forEach((node, index) => {
      const next = nodes[(index + 1) % nodes.length]
      if (next !== undefined && !this.world.isLinked(node, next)) this.world.link(node, next, 5)
    })
  }

  private chaos(): void {
    const { chaosMillis, first, happenings } = this.scenario
    for (let node = 0; node < first; node++) this.world.start(node)
    this.ring()
    for (const { atMillis, happening } of happenings) {
      if (!this.passUntil(atMillis)) return
      this.happen(happening)
    }
    this.passUntil(chaosMillis)
  }

  private happen(happening: Happening): void {
    const { marks, world } = this
    switch (happening._tag) {
      case "Starts": {
        const started = world.start(happening.node)
        if (started === undefined) return
        marks.add(started)
        for (const peer of happening.peers) world.link(happening.node, peer, happening.latencyMillis)
        return
      }
      case "Crashes":
        if (world.crash(happening.node, happening.noticeMillis)) marks.add("Crash")
        return
      case "Leaves":
        if (world.leave(happening.node)) marks.add("Leave")
        return
      case "RaisesEpoch":
        if (world.raiseEpoch(happening.node)) marks.add("EpochRaised")
        return
      case "Links": {
        const [one, other] = happening.ends
        const isRenewed = world.isLinked(one, other)
        if (world.link(one, other, happening.latencyMillis)) marks.add(isRenewed ? "LinkRenewed" : "Link")
        return
      }
      case "Cuts": {
        const [one, other] = happening.ends
        return this.cut(one, other, happening.noticeMillis)
      }
      case "CutsNextFetch": {
        const { afterMillis, noticeMillis } = happening
        return world.onNextFetch((from, to) =>
          world.at(world.nowMillis + afterMillis, () => {
            if (!world.isCalm) this.cut(from, to, noticeMillis)
          })
        )
      }
      case "Publishes": {
        const { bytes, count, everyMillis, node, topic } = happening
        for (let index = 0; index < count; index++) {
          const publish = (): void => {
            if (world.publish(node, topic, bytes)) marks.add("Publication")
          }
          if (everyMillis === 0) publish()
          else world.at(world.nowMillis + index * everyMillis, publish)
        }
        if (count > this.scenario.broadcast.retainedMessages) marks.add("BurstBeyondKept")
        return
      }
      case "Recalls":
        if (world.recall(happening.node, happening.topic, happening.count)) marks.add("Recall")
    }
  }

  private cut(one: number, other: number, noticeMillis: readonly [number, number]): void {
    const what = this.world.cut(one, other, noticeMillis)
    if (what !== undefined) this.marks.add("Cut")
    if (what === "InFetch") this.marks.add("CutInFetch")
  }

  // --- calm -------------------------------------------------------------------------------------------------------------

  private calm(): void {
    const { scenario, world } = this
    world.isCalm = true
    this.onPhase("calm")
    this.ring()
    const { retainedMillis } = scenario.broadcast
    const untilMillis = world.nowMillis + (isAmple(scenario) ? ampleMillis : Math.floor(retainedMillis / 2))
    const begunAt = world.nowMillis
    // Until every end has noticed what was cut last.
    if (!this.passUntil(world.nowMillis + lookMillis)) return
    for (;;) {
      const lacks = this.lacks()
      if (lacks.length === 0) break
      if (world.nowMillis >= untilMillis) return this.violate("completeness", ...lacks)
      if (!this.passUntil(Math.min(untilMillis, world.nowMillis + lookMillis))) return
    }
    this.settledAfterMillis = world.nowMillis - begunAt
    this.onPhase("broadcasts")
    if (!this.reachesEverybody()) return
    this.onPhase("rest")
    this.rests()
  }

  /**
   * What is kept by one and has not come to another, though it should have. Where something may be lost it is enough that the other was
   * told, or will be once its application has judged it, or wants it no more because it is older than what it is owed.
   */
  private lacks(): ReadonlyArray<string> {
    const { broadcast, loss } = this.scenario
    // Who has lost the last of an origin without a word is told of it by nobody.
    if (loss > 0 || !broadcast.recovery || !broadcast.catchUp) return []
    if (broadcast.sourcesSize < this.published.size) return []
    // What other origins drive out may be gone before it is grafted, and one more announcer is not remembered (PT12, PT15).
    if (broadcast.retainedBytes < 1_000_000 && broadcast.announcersSize < this.scenario.nodes - 1) return []
    // Who leaves gives up what is missing, and says so to whoever asks for it later (R15, R7).
    const isStrict = isAmple(this.scenario) && (this.marks.counts.Rejoin ?? 0) === 0
    const lacks: Array<string> = []
    const kept = new Map<string, Map<number, Array<number>>>()
    const origins = new Map<string, Plumtree.Origin<number>>()
    for (const holder of this.world.members) {
      for (const stream of Broadcast.streamsOf(holder.state)) {
        const name = originOf(stream)
        origins.set(name, stream)
        const numbers = kept.get(name) ?? new Map<number, Array<number>>()
        kept.set(name, numbers)
        const since = this.world.clockOf(holder) - broadcast.retainedMillis
        for (const { bornAt, sequence } of Plumtree.retainedOf(holder.state, stream)) {
          if (bornAt >= since) numbers.set(sequence, [...(numbers.get(sequence) ?? []), holder.node])
        }
      }
    }
    for (const process of this.world.members) {
      const told = this.watchOf(process).told
      const streams = new Map(Broadcast.streamsOf(process.state).map((stream) => [originOf(stream), stream]))
      const waiting = new Set(process.state.upkeep.waiting.map(({ gossip }) => Plumtree.keyOf(gossip.id)))
      for (const [name, numbers] of kept) {
        const origin = origins.get(name)
        const { self } = process.state
        if (origin === undefined || (origin.source === self.id && origin.epoch >= self.epoch)) continue
        const isJudged = this.scenario.judges && origin.topic === judgedTopic
        for (const [number, holders] of numbers) {
          const isOwed = isStrict && !isJudged
          // Beyond a node that has not accepted it (R14), or keeps it no more, nobody hears of it.
          if (!isOwed && !holders.some((holder) => this.world.isLinked(holder, process.node))) continue
          const fate = told.get(name)?.get(number)
          const isFine = isOwed
            ? fate === "Delivered"
            : fate !== undefined ||
              waiting.has(Plumtree.keyOf({ ...origin, sequence: number })) ||
              this.isBeyond(process, streams.get(name), number)
          if (!isFine)
            lacks.push(`${nameOf(process)} has not got ${name}#${number}, which is kept: ${fate ?? "nothing"}`)
        }
      }
    }
    return lacks
  }

  /**
   * Whether a number is older than what is owed and wanted no more; or a little of what is missing comes, again and again, or waits for
   * its verdict, before which no more is asked for (R14); or so many gaps are open below it that no Fetch names it yet (R3).
   */
  private isBeyond(process: Process, stream: State["streams"]["near"][number] | undefined, number: number): boolean {
    if (stream === undefined) return false
    if (number <= stream.floor || number < stream.wanted) return true
    const { gap, top } = stream
    if (gap?.open !== true || number > top) return false
    const missing = Plumtree.missingOf(process.state, stream, Math.max(stream.floor + 1, stream.wanted), top)
    const isNamed = number <= (missing[2 * this.scenario.broadcast.gapsSize + 1] ?? top)
    const isJudging = stream.topic === judgedTopic && process.state.upkeep.waiting.length > 0
    return !isNamed || isJudging || this.world.clockOf(process) - gap.since < progressMillis
  }

  private reachesEverybody(): boolean {
    const { world } = this
    const random = Random.seeded(this.scenario.seed + 1)
    for (let count = 0; count < calmBroadcasts; count++) {
      const { members } = world
      const process = members[Random.nextBelow(random, members.length)]
      if (process === undefined) return true
      this.calmCopies = 0
      world.publish(process.node, calmTopic, 10)
      if (!this.passUntil(world.nowMillis + reachMillis)) return false
      // Once over each link in each direction, as a flood has it, and once more to whoever had to ask for it.
      const most = members.reduce((sum, { state }) => sum + state.neighbors.length, members.length)
      if (this.watchOf(process).remembers && this.calmCopies > most) {
        this.violate("copies", `${this.calmCopies} copies of one message in calm, at most ${most} allowed`)
      }
      const { self } = process.state
      const name = originOf({ source: self.id, epoch: self.epoch, topic: calmTopic })
      const number = (this.published.get(name)?.length ?? 0) - 1
      for (const other of members) {
        if (this.watchOf(other).told.get(name)?.get(number) !== "Delivered") {
          this.violate("reach", `${nameOf(other)} was not handed ${name}#${number} of calm`)
        }
      }
    }
    return this.violations.length === 0
  }

  /** All is told, nothing is open and nothing is said any more. */
  private rests(): void {
    const { gapMillis, retainedMillis } = this.scenario.broadcast
    const { world } = this
    if (!this.passUntil(world.nowMillis + 3 * Math.max(retainedMillis, gapMillis))) return
    const { sent } = world
    if (!this.passUntil(world.nowMillis + Math.max(retainedMillis, gapMillis))) return
    if (world.sent > sent)
      this.violate("rest", `${world.sent - sent} messages are sent long after the last was published`)
    for (const process of world.members) {
      const name = nameOf(process)
      for (const what of this.unrest(process.state)) this.violate("rest", `${name}: ${what}`)
      const watch = this.watchOf(process)
      if (watch.openRecalls > 0) this.violate("recall", `${name}: ${watch.openRecalls} requests have not ended`)
      this.violate("told", ...this.untold(process, watch).map((what) => `${name}: ${what}`))
    }
  }

  private unrest({ announcingCount, missing, streams, timers, upkeep }: State): ReadonlyArray<string> {
    const unrest: Array<string> = []
    const rest = (size: number, what: string): void => {
      if (size > 0) unrest.push(`${size} ${what}`)
    }
    rest(upkeep.gaps.length, "gaps are open")
    rest(upkeep.waiting.length, "messages wait for a verdict")
    rest(upkeep.recalls.length, "requests for history wait")
    rest(missing.length, "messages are waited for that were announced")
    rest(announcingCount, "announcements wait")
    rest(streams.bytes, "bytes are kept")
    rest(Object.values(timers).filter(({ nonce }) => nonce > 0).length, "timers are set")
    return unrest
  }

  /** From the first number that its application was told of each of an origin, and from the baseline on that of every one. */
  private untold({ state }: Process, { remembers, told }: RecoveryWatch): ReadonlyArray<string> {
    const { broadcast } = this.scenario
    if (!broadcast.recovery || !remembers) return []
    const untold: Array<string> = []
    for (const [name, fates] of told) {
      // Verdicts come in any order: the first that its application is told of may be older than the baseline.
      if (this.scenario.judges && name.endsWith(`/${judgedTopic}`)) continue
      const first = fates.keys().next().value ?? 0
      const highest = Math.max(...fates.keys())
      for (let number = first; number <= highest; number++) {
        if (!fates.has(number)) untold.push(`was told nothing of ${name}#${number}`)
      }
    }
    for (const stream of Broadcast.streamsOf(state)) {
      const fates = told.get(originOf(stream))
      for (let number = stream.owed; number <= stream.top; number++) {
        if (fates?.has(number) !== true)
          untold.push(`was told nothing of ${originOf(stream)}#${number}, which it is owed`)
      }
    }
    return untold
  }
}

/** Runs a scenario of the broadcast alone. Pure but for the time it takes: same scenario, same outcome. */
export const runRecovery = (scenario: RecoveryScenario): RecoveryOutcome => new RecoveryRun(scenario).run()
