/**
 * A cluster of bare nodes under a random schedule: a seed draws its size and configuration, then joins, lost links, kills,
 * restarts and departures while messages are held up at random; then comes calm, in which the overlay must become whole.
 */
import * as HyParView from "@hyparview/core/HyParView"
import { nextBelow, type Random, seeded, seededFor } from "@hyparview/core/Random"
import * as Result from "effect/Result"
import { calmFaults, settledFaults } from "../explore/Calm.ts"
import { idleLinks, nextTimerAt, timersDue, underWay } from "../explore/Events.ts"
import { Watch } from "../explore/Watch.ts"
import { type Event, type Id, World } from "../explore/World.ts"

/** What a seed has drawn, and what came of it. */
export interface Report {
  readonly nodes: number
  readonly activeSize: number
  /** Nodes that run when calm begins. */
  readonly alive: number
  readonly faults: Readonly<Record<string, number>>
  /** Sent in calm, by a node in a minute, on average. */
  readonly messagesPerNodeMinute: number
  /** The bound on it: protocol rules, §1.4. */
  readonly mostMessages: number
  /** How long calm had lasted when the overlay was whole for the first time. */
  readonly wholeAfterMillis: number
  /** What is wrong; none if all is well. */
  readonly wrong: ReadonlyArray<string>
}

/**
 * How long calm lasts, how long the traffic is then measured, and how much longer the rarest case may take: an island whose
 * only memory of the others is its contacts, most of them dead. Its nodes together sound out one in ten minutes.
 */
const calmMillis = 300_000
const measuredMillis = 120_000
const graceMillis = 6 * 3_600_000
/** Links that nobody needs are closed after this. */
const idleMillis = 10_000

/** A round of X-BOT that is accepted has seven messages, one that is refused at its end eight. */
const mostOfRound = 8

const chance = (random: Random, oneIn: number): boolean => nextBelow(random, oneIn) === 0

const shuffled = <A>(items: Array<A>, random: Random): Array<A> => {
  for (let i = items.length - 1; i > 0; i--) {
    const j = nextBelow(random, i + 1)
    const a = items[i] as A
    items[i] = items[j] as A
    items[j] = a
  }
  return items
}

/** Ages count in some runs, and in some of these alone. It follows from the seed, and so leaves all draws as they are. */
const ageWeightOf = (seed: number): number => [0, 0, 1, 0, 0.5][seed % 5] ?? 0

/** One run. */
export class Cluster {
  readonly world: World
  readonly random: Random
  private readonly watch: Watch
  private readonly counts: Record<string, number> = {}
  private readonly wrong: Array<string> = []
  private sent = 0
  private epochs = 0
  private readonly size: number
  /** Whether the network loses and repeats messages, though links hold. */
  private readonly isCareless: boolean
  /** From when on both ends must agree whenever nothing is under way. */
  private symmetricFrom = Infinity

  constructor(seed: number) {
    const random = seeded(seed)
    this.random = random
    // One in five is tiny, one in five large.
    const kind = nextBelow(random, 5)
    this.size = kind === 0 ? 2 + nextBelow(random, 8) : 10 + nextBelow(random, kind === 1 ? 51 : 16)
    this.isCareless = chance(random, 4)
    const config = Result.getOrThrow(
      HyParView.forClusterSize(10_000, {
        activeSize: 3 + nextBelow(random, 4),
        admissionPerPeer: { burst: 5, perMinute: 12 },
        ageWeight: ageWeightOf(seed),
        // Islands that met mix, in some runs.
        mixMillis: seed % 5 === 3 ? 30_000 : 0,
        // In every third, links are exchanged for shorter ones; nothing is drawn for it, so that the others stay as they were.
        optimizeCandidates: seed % 3 === 0 ? 3 : 0,
        unbiasedLinks: seed % 2
      })
    )
    // Everybody joins through one, two or three of these, and Discovery knows them all.
    const seeds = Array.from({ length: 1 + nextBelow(random, 4) }, (_, id) => id)
    this.world = new World({ config, seeds, randomFor: (node, epoch) => seededFor(seed + epoch, node) }, this.size)
    this.watch = new Watch(seed % 10 === 0)
    this.watch.attach(this.world)
    const { observer } = this.world
    this.world.observer = (node, before, input, step) => {
      observer?.(node, before, input, step)
      for (const output of step.outputs) if (output._tag === "Send") this.sent++
    }
  }

  run(): Report {
    this.chaos()
    const alive = this.members().length
    const start = this.world.now
    // What a careless network has lost, and a node whose clock was set back and who is ignored where a later epoch is
    // known, only heartbeats find: within two of their time-outs.
    const { heartbeatMillis, heartbeatMisses } = this.world.config
    const late = this.isCareless || this.counts["ClockBack"] !== undefined
    this.symmetricFrom = start + (late ? 2 * heartbeatMillis * (heartbeatMisses + 1) : 0)
    let wholeAfterMillis = -1
    let whole = false
    let lookedAt = -1
    const look = () => {
      if (this.world.now < lookedAt + 1_000) return
      lookedAt = this.world.now
      whole = calmFaults(this.world).length === 0
      if (whole && wholeAfterMillis < 0) wholeAfterMillis = this.world.now - start
    }
    this.calm(calmMillis, look)
    this.sent = 0
    const measuredFrom = this.world.now
    this.calm(measuredMillis, look)
    const sent = this.sent
    const measuredUntil = this.world.now
    // Now and then a bridge mixes the overlay; then it is whole again in a moment.
    if (!whole) this.calm(graceMillis, look, () => whole)
    if (!whole) this.wrong.push(...calmFaults(this.world))
    const minutes = (measuredUntil - measuredFrom) / 60_000
    const { activeSize, cycleMillis, optimizeCandidates, shuffleWalkLength } = this.world.config
    const mostMessages =
      1.1 *
      ((60_000 / cycleMillis) * (shuffleWalkLength + 1 + (optimizeCandidates > 0 ? mostOfRound : 0)) +
        (2 * 60_000 * activeSize) / heartbeatMillis)
    const messagesPerNodeMinute = sent / minutes / Math.max(1, alive)
    if (messagesPerNodeMinute > mostMessages) {
      this.wrong.push(`${messagesPerNodeMinute} messages a node and minute in calm, at most ${mostMessages} allowed`)
    }
    return {
      nodes: this.size,
      activeSize,
      alive,
      faults: this.counts,
      messagesPerNodeMinute,
      mostMessages,
      wholeAfterMillis,
      wrong: [...new Set(this.wrong)]
    }
  }

  private members(): ReadonlyArray<Id> {
    return [...this.world.stations.entries()].flatMap(([id, { state }]) =>
      state !== undefined && (state.status === "joining" || state.status === "joined") ? [id] : []
    )
  }

  private do(event: Event): void {
    this.world.apply(event)
    this.wrong.push(...this.watch.take())
  }

  // --- chaos -----------------------------------------------------------------------------------------------------------

  private chaos(): void {
    const { random, world } = this
    const until = world.now + 60_000 + nextBelow(random, 180_000)
    for (let id = 0; id < this.size; id++) if (chance(random, 2)) this.begin(id)
    while (world.now < until && this.wrong.length === 0) {
      for (const event of shuffled(underWay(world), random)) if (!chance(random, 4)) this.do(this.perhapsFailing(event))
      if (chance(random, 6)) this.fault()
      if (chance(random, 2)) this.pass(nextBelow(random, chance(random, 10) ? 2_000 : 100))
    }
    // The worst comes last: a part of all dies at once, and somebody that Discovery knows must be there to be found.
    if (chance(random, 2)) for (const id of this.members()) if (chance(random, 3)) this.count("Crash", id)
    const [first = 0] = world.seeds
    if (!world.seeds.some((id) => this.members().includes(id))) this.begin(first)
  }

  /** A dial that would be answered fails now and then; so does a message on a careless network. */
  private perhapsFailing(event: Event): Event {
    if (!chance(this.random, 20)) return event
    if (event._tag === "Deliver" && this.isCareless) {
      const tag = chance(this.random, 2) ? "Lose" : "Repeat"
      this.counts[tag] = (this.counts[tag] ?? 0) + 1
      return { ...event, _tag: tag }
    }
    if (event._tag === "Connect") return { ...event, _tag: "FailDial" }
    if (event._tag === "OpenContact") return { ...event, _tag: "FailContact" }
    return event
  }

  private count(tag: "Crash" | "Leave", node: Id): void {
    this.counts[tag] = (this.counts[tag] ?? 0) + 1
    this.do({ _tag: tag, node })
  }

  /** Starts a node, or starts it again; now and then with a clock that was set back. */
  private begin(node: Id): void {
    const { random, world } = this
    const { epoch = 0, state } = world.stations[node] ?? {}
    if (state?.status === "joining" || state?.status === "joined") return
    if (state?.status === "stopped") this.do({ _tag: "Crash", node })
    this.counts["Start"] = (this.counts["Start"] ?? 0) + 1
    const back = epoch > 0 && chance(random, 8)
    if (back) this.counts["ClockBack"] = (this.counts["ClockBack"] ?? 0) + 1
    // No epoch is ever taken twice, as no millisecond comes twice.
    this.epochs++
    const contacts = world.seeds.filter((id) => id !== node && chance(random, 2))
    this.do({ _tag: "Start", node, contacts, epoch: back ? epoch - 500 + this.epochs : epoch + 1_000 })
  }

  private fault(): void {
    const { random, world } = this
    const node = nextBelow(random, this.size)
    const state = world.stateOf(node)
    if (state?.status !== "joining" && state?.status !== "joined") return this.begin(node)
    const other = state.active[nextBelow(random, Math.max(1, state.active.length))]?.peer.id
    switch (nextBelow(random, 8)) {
      case 0:
        return this.count("Crash", node)
      case 1:
        return this.count("Leave", node)
      case 2:
        for (const event of idleLinks(world)) if (chance(random, 3)) this.do(event)
        return
      default:
        if (other === undefined || !world.isWhole(node, other)) return
        this.counts["Break"] = (this.counts["Break"] ?? 0) + 1
        this.do({ _tag: "Break", from: node, to: other, lost: chance(random, 2) })
    }
  }

  /** Time passes, and timers fire that are due by then. */
  private pass(millis: number): void {
    const { random, world } = this
    const until = world.now + millis
    while (nextTimerAt(world) <= until) {
      const due = timersDue(world)
      const event = due[nextBelow(random, Math.max(1, due.length))]
      if (event === undefined) break
      this.do(event)
    }
    world.now = Math.max(world.now, until)
  }

  // --- calm ------------------------------------------------------------------------------------------------------------

  /** Everything arrives and timers fire in time; `onRest` whenever nothing is under way, until `isOver`. */
  private calm(millis: number, onRest: () => void, isOver: () => boolean = () => false): void {
    const { random, world } = this
    const until = world.now + millis
    while (world.now < until && this.wrong.length === 0 && !isOver()) {
      let rounds = 0
      for (let events = underWay(world); events.length > 0; events = underWay(world)) {
        for (const event of shuffled(events, random)) this.do(event)
        if (++rounds > 1_000) {
          this.wrong.push("a storm: a thousand rounds of messages at one instant")
          return
        }
      }
      if (world.now >= this.symmetricFrom) this.wrong.push(...settledFaults(world))
      onRest()
      for (const event of idleLinks(world, world.now - idleMillis)) this.do(event)
      this.pass(Math.max(1, Math.min(nextTimerAt(world), world.now + 1_000) - world.now))
    }
  }
}
