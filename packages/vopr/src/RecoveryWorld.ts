/**
 * Broadcasts by themselves, on links that whoever drives this makes and breaks: every node's `Plumtree.step`, on virtual time. A link
 * delivers in order and without gaps until it is cut (L1); what is under way then is lost, and each end is told when it notices, or by
 * the link that takes its place (L3).
 */
import { type Peer, Plumtree, Random } from "@hyparview/core"
import { EventQueue } from "@hyparview/simulator/EventQueue"
import { TraceHash } from "@hyparview/simulator/TraceHash"
import { judgedTopic, type RecoveryScenario } from "./RecoveryScenario.ts"

export type State = Plumtree.State<number, number>
export type Input = Plumtree.Input<number, number>
export type Output = Plumtree.Output<number, number>
type Message = Plumtree.Message<number>

type Timeless<T> = T extends unknown ? Omit<T, "now"> : never

/** A node between a start and its end. */
export interface Process {
  readonly node: number
  /** How often its node has been started. */
  readonly start: number
  state: State
  /** Whether it has not left. */
  isMember: boolean
  /** By which link it holds a neighbour. */
  readonly holds: Map<number, Link>
}

interface Link {
  readonly latencyMillis: number
  /** When what was sent last to each end arrives there. */
  readonly lastAt: Map<number, number>
  isOpen: boolean
}

/** What a verdict comes to, for the record. */
export type Judgement = "Accepted" | "Refused" | "JudgedLate" | "NeverJudged"

export interface Hooks {
  /** Every transition. */
  readonly observe: (process: Process, before: State, input: Input, step: Plumtree.Step<number, number>) => void
  readonly judged: (judgement: Judgement) => void
}

/** Clocks begin here, so that none reads 0. */
const epochMillis = 1_000_000

export class RecoveryWorld {
  readonly trace = new TraceHash()
  /** Inputs that nodes were given. */
  events = 0
  /** Messages that nodes have sent. */
  sent = 0
  /** From now on nothing vanishes. */
  isCalm = false
  private readonly scenario: RecoveryScenario
  private readonly hooks: Hooks
  private readonly random: Random.Random
  private readonly queue = new EventQueue<() => void>(256)
  private readonly processes: Array<Process | undefined>
  private readonly starts: Array<number>
  private readonly epochs: Array<number>
  private readonly links = new Map<string, Link>()
  private requests = 0
  private payloads = 0
  private fetchListener: ((from: number, to: number) => void) | undefined

  constructor(scenario: RecoveryScenario, hooks: Hooks) {
    this.scenario = scenario
    this.hooks = hooks
    this.random = Random.seeded(scenario.seed)
    this.processes = Array.from({ length: scenario.nodes }, () => undefined)
    this.starts = Array.from({ length: scenario.nodes }, () => 0)
    this.epochs = Array.from({ length: scenario.nodes }, () => 0)
  }

  get nowMillis(): number {
    return this.queue.now
  }

  /** Every process that is a member, in the order of their nodes. */
  get members(): ReadonlyArray<Process> {
    return this.processes.flatMap((process) => (process?.isMember === true ? [process] : []))
  }

  /** What time it is for a process. */
  clockOf({ node }: Process): number {
    return epochMillis + this.nowMillis + (this.scenario.clocksMillis[node] ?? 0)
  }

  /** Lets time pass; false if there were more events than this. */
  passUntil(atMillis: number, mostEvents: number): boolean {
    const most = this.events + mostEvents
    while (this.queue.next(atMillis)) {
      const event = this.queue.reference
      event?.()
      if (this.events > most) return false
    }
    return true
  }

  at(atMillis: number, event: () => void): void {
    this.queue.push(Math.max(this.nowMillis, Math.floor(atMillis)), 0, 0, 0, 0, 0, event)
  }

  // --- nodes ------------------------------------------------------------------------------------------------------------

  /** "Rejoin": it had left, and keeps what it knows. Undefined: it runs. */
  start(node: number): "Join" | "Restart" | "Rejoin" | undefined {
    const process = this.processes[node]
    if (process?.isMember === true) return undefined
    if (process !== undefined) {
      process.isMember = true
      this.give(process, { _tag: "EpochRaised", self: this.nextSelf(node) })
      return "Rejoin"
    }
    const starts = this.starts[node] ?? 0
    this.starts[node] = starts + 1
    const self = this.nextSelf(node)
    const random = Random.seededFor(this.scenario.seed, node + 1_000 * self.epoch)
    const state = Plumtree.init({ config: this.scenario.broadcast, self, random })
    const fresh: Process = { node, start: starts + 1, state, isMember: true, holds: new Map() }
    this.processes[node] = fresh
    if (this.scenario.judges) this.give(fresh, { _tag: "ValidateTopic", topic: judgedTopic, on: true })
    return starts === 0 ? "Join" : "Restart"
  }

  crash(node: number, noticeMillis: number): boolean {
    const process = this.processes[node]
    if (process === undefined) return false
    this.processes[node] = undefined
    for (const other of this.others(node)) {
      this.drop(node, other, noticeMillis, () => Random.nextBelow(this.random, noticeMillis + 1))
    }
    return true
  }

  leave(node: number): boolean {
    const process = this.processes[node]
    if (process?.isMember !== true) return false
    process.isMember = false
    process.holds.clear()
    this.give(process, { _tag: "Left" })
    for (const other of this.others(node)) this.drop(node, other, 0, () => 0)
    return true
  }

  raiseEpoch(node: number): boolean {
    const process = this.processes[node]
    if (process?.isMember !== true) return false
    const others = this.others(node)
    for (const other of others) this.drop(node, other, 0, () => 0)
    this.give(process, { _tag: "EpochRaised", self: this.nextSelf(node) })
    for (const other of others) this.link(node, other, 5)
    return true
  }

  private nextSelf(node: number): Peer.Peer<number, number> {
    const epoch = (this.epochs[node] ?? 0) + 1
    this.epochs[node] = epoch
    return { id: node, epoch, address: node }
  }

  // --- links ------------------------------------------------------------------------------------------------------------

  isLinked(one: number, other: number): boolean {
    return this.links.has(nameOf(one, other))
  }

  /** The first end holds it at once, the other as soon as it hears of it. False: one of them does not run. */
  link(one: number, other: number, latencyMillis: number): boolean {
    const process = this.processes[one]
    const far = this.processes[other]
    if (one === other || process?.isMember !== true || far?.isMember !== true) return false
    const name = nameOf(one, other)
    const old = this.links.get(name)
    if (old !== undefined) old.isOpen = false
    const link: Link = { latencyMillis, lastAt: new Map(), isOpen: true }
    this.links.set(name, link)
    this.at(this.nowMillis + latencyMillis, () => this.hold(far, process, link))
    this.hold(process, far, link)
    return true
  }

  private hold(process: Process, far: Process, link: Link): void {
    if (!link.isOpen || this.processes[process.node] !== process || !process.isMember) return
    process.holds.set(far.node, link)
    this.give(process, { _tag: "NeighborUp", peer: far.state.self })
  }

  /** Cuts a link: "InFetch" if an answer was awaited over it. */
  cut(one: number, other: number, noticeMillis: readonly [number, number]): "Cut" | "InFetch" | undefined {
    if (!this.isLinked(one, other)) return undefined
    const asks = [this.asks(one, other), this.asks(other, one)]
    this.drop(one, other, ...([noticeMillis[0], () => noticeMillis[1]] as const))
    return asks.includes(true) ? "InFetch" : "Cut"
  }

  /** Is told of the next question for what is missing, in chaos: from whom to whom. */
  onNextFetch(listener: (from: number, to: number) => void): void {
    this.fetchListener = listener
  }

  private asks(one: number, other: number): boolean {
    const state = this.processes[one]?.state
    const index = state?.neighbors.findIndex(({ id }) => id === other) ?? -1
    return (state?.links[index]?.fetchAt ?? 0) > 0
  }

  private drop(one: number, other: number, ownMillis: number, otherMillis: () => number): void {
    const name = nameOf(one, other)
    const link = this.links.get(name)
    if (link === undefined) return
    link.isOpen = false
    this.links.delete(name)
    this.notice(one, other, link, ownMillis)
    this.notice(other, one, link, otherMillis())
  }

  /** An end notices that its link is gone, unless another has taken its place. */
  private notice(node: number, other: number, link: Link, afterMillis: number): void {
    const process = this.processes[node]
    if (process === undefined) return
    const notice = (): void => {
      if (this.processes[node] !== process || process.holds.get(other) !== link) return
      process.holds.delete(other)
      const peer = process.state.neighbors.find(({ id }) => id === other)
      if (peer !== undefined) this.give(process, { _tag: "NeighborDown", peer })
    }
    if (afterMillis === 0) notice()
    else this.at(this.nowMillis + afterMillis, notice)
  }

  /** With whom it is linked. */
  private others(node: number): ReadonlyArray<number> {
    return this.processes.flatMap((_, other) => (this.isLinked(node, other) ? [other] : []))
  }

  // --- the application --------------------------------------------------------------------------------------------------

  publish(node: number, topic: string, bytes: number): boolean {
    const process = this.processes[node]
    if (process?.isMember !== true) return false
    const payload = new Uint8Array(bytes)
    // No two alike, as far as there is room.
    for (let at = 0, left = ++this.payloads; at < Math.min(4, bytes); at++, left >>= 8) payload[at] = left
    this.give(process, { _tag: "Publish", topic, payload })
    return true
  }

  recall(node: number, topic: string, count: number): boolean {
    const process = this.processes[node]
    if (process?.isMember !== true) return false
    this.give(process, { _tag: "Recall", requestId: this.requests++, topic, count })
    return true
  }

  private judge(process: Process, id: Plumtree.MessageId<number>): void {
    const { verdictMillis } = this.scenario.broadcast
    const soon = Random.nextBelow(this.random, 50)
    const after = (afterMillis: number, verdict: Plumtree.Verdict, judgement: Judgement): void => {
      this.hooks.judged(judgement)
      this.at(this.nowMillis + afterMillis, () => {
        if (this.processes[process.node] === process) this.give(process, { _tag: "Validated", id, verdict })
      })
    }
    switch (Random.nextBelow(this.random, 12)) {
      case 0:
        return this.hooks.judged("NeverJudged")
      case 1:
        return after(verdictMillis + 500, "accept", "JudgedLate")
      case 2:
        return after(soon, "reject", "Refused")
      case 3:
        return after(soon, "ignore", "Refused")
      case 4:
        return after(verdictMillis - 1, "accept", "Accepted")
      case 5:
        return after(Math.floor(verdictMillis / 2), "accept", "Accepted")
      default:
        return after(soon, "accept", "Accepted")
    }
  }

  // --- steps ------------------------------------------------------------------------------------------------------------

  private give(process: Process, input: Timeless<Input>): void {
    const given: Input = { ...input, now: this.clockOf(process) }
    const before = process.state
    const step = Plumtree.step(before, given)
    process.state = step.state
    this.events++
    this.trace.word(process.node)
    this.trace.whole(this.nowMillis)
    this.trace.kind(given._tag === "Received" ? given.message._tag : given._tag)
    this.trace.word(step.outputs.length)
    this.hooks.observe(process, before, given, step)
    for (const output of step.outputs) {
      if (output._tag === "Send") this.send(process, output.to.id, output.message)
      else if (output._tag === "SetTimer") this.setTimer(process, output.kind, output.nonce, output.at)
      else if (output._tag === "Validate") this.judge(process, output.id)
    }
  }

  private send(from: Process, to: number, message: Message): void {
    this.sent++
    if (message._tag === "Fetch" && !this.isCalm) {
      const heard = this.fetchListener
      this.fetchListener = undefined
      heard?.(from.node, to)
    }
    const link = from.holds.get(to)
    const receiver = this.processes[to]
    if (link?.isOpen !== true || receiver === undefined) return
    const { jitterMillis, loss } = this.scenario
    if (!this.isCalm && loss > 0 && Random.nextBelow(this.random, 1_000_000) < loss * 1_000_000) return
    const soonest = this.nowMillis + link.latencyMillis + Random.nextBelow(this.random, jitterMillis + 1)
    const arrivesAt = Math.max(soonest, link.lastAt.get(to) ?? 0)
    link.lastAt.set(to, arrivesAt)
    const sender = from.state.self
    this.at(arrivesAt, () => {
      const isThere = this.processes[to] === receiver && receiver.holds.get(from.node) === link
      if (isThere && link.isOpen) this.give(receiver, { _tag: "Received", from: sender, message })
    })
  }

  private setTimer(process: Process, kind: Plumtree.Timer, nonce: number, atClock: number): void {
    this.at(atClock - this.clockOf(process) + this.nowMillis, () => {
      if (this.processes[process.node] !== process || process.state.timers[kind].nonce !== nonce) return
      this.give(process, { _tag: "TimerFired", kind, nonce })
    })
  }
}

const nameOf = (one: number, other: number): string => (one < other ? `${one}-${other}` : `${other}-${one}`)
