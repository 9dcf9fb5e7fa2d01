/**
 * What all experiments share: a world, the steps that every one of them takes (joins, cycles, a broadcast), the record
 * of what was measured, and how far they have come.
 */
import { type HyParView, Plumtree } from "@hyparview/core"
import { FaultPlan, Latency } from "@hyparview/faults"
import * as Graph from "../Graph.ts"
import * as Measure from "../Measure.ts"
import type {
  BroadcastResult,
  Cost,
  FirstMessage,
  FurtherKill,
  GossipRound,
  Measured,
  Overlay,
  Partition,
  Result,
  Results,
  Sample,
  Thicket
} from "../Result.ts"
import { TraceHash } from "../TraceHash.ts"
import { World } from "../World.ts"
import { contactsOfIslands } from "./cuts.ts"
import type { Name, Options } from "./Options.ts"

/** A piece of work between two looks at progress and interruption: some tenths of a second. */
const piece = 100_000

/** The steps of an experiment: it yields whenever it may be interrupted. */
export type Work = Generator<void, void>

/**
 * The work of a join for each neighbour, of a node's cycle and of a delivery, in events: what progress is measured in. As
 * measured of 10,000 nodes with five neighbours.
 */
export const weights = { join: 28, cycle: 8, delivery: 4 } as const

/**
 * How far a run has come.
 *
 * @category models
 * @since 0.1.0
 */
export interface Progress {
  /** What it is doing, in a word or two. */
  readonly phase: string
  /** From 0 to 1, by the work that is behind it as far as that can be foreseen. */
  readonly share: number
  readonly events: number
  readonly virtualSeconds: number
}

/** Broadcasts that tell how an overlay fares: the paper's, after each cycle. */
export const probes = 10

/** The copy of the world in which `takeStock` broadcasts. */
const stockBranch = 6_000

/** What a host that was not asked for a clock says. */
export const unmeasured: Measured = { cpuSeconds: 0, wallSeconds: 0, peakRssBytes: 0 }

type Seconds = Pick<Measured, "cpuSeconds" | "wallSeconds">

/** A world to begin runs from, and the seconds that it took to come to be. */
export interface Origin {
  readonly world: World
  readonly seconds: Seconds
}

/** Mutable: one for each run. */
export class Laboratory {
  readonly experiment: Name
  /** Those of the run under way: a composite experiment changes them from run to run. */
  options: Options
  readonly membership: HyParView.Config
  world: World
  complete = false

  readonly broadcasts: Array<BroadcastResult> = []
  readonly samples: Array<Sample> = []
  readonly rounds: Array<GossipRound> = []
  readonly firstMessages: Array<FirstMessage> = []
  readonly furtherKills: Array<FurtherKill> = []
  /** Of a composite experiment. */
  readonly runs: Array<Result> = []
  healingCycles: number | null = null
  before: Overlay | undefined
  /** What a failure's survivors must regain; null where the overlay was not whole before it. */
  private reliabilityBefore: number | null = null
  partition: Partition | undefined
  thicket: Thicket | undefined

  private phase = "joins"
  private done = 0
  private total = 1
  /** The count of events at which to yield. */
  private pieceEnd = piece
  /** Inputs and frames of worlds that are gone: in the run under way, and in those before it. */
  private spentEvents = 0
  private spentMessages = 0
  private pastEvents = 0
  private pastMessages = 0
  /** Of a composite experiment: what the run under way is called. */
  private part: Name = "stable"
  /** The traces of the copies that a run consists of, one after the other; undefined where it is one world's. */
  private traces: TraceHash | undefined
  /** What the host measures, from the beginning until now. */
  private readonly measure: () => Measured
  /** The reading at the beginning of the run under way, and the seconds behind the world that it began with. */
  private partStart = unmeasured
  private partOrigin: Seconds = unmeasured

  constructor(experiment: Name, options: Options, membership: HyParView.Config, measure = () => unmeasured) {
    this.measure = measure
    this.experiment = experiment
    this.options = options
    this.membership = membership
    this.world = new World({
      nodes: options.nodes,
      seed: options.seed,
      config: { membership, broadcast: broadcastOf(experiment, options) },
      latency: Latency.modelOf(options.latency),
      detectionMillis: options.detectionMillis,
      dialFailure: "refused",
      dialTimeoutMillis: Math.max(1, Math.floor((membership.requestTimeoutMillis * 2) / 3)),
      sendAttempts: options.sendAttempts,
      discoverySize: 3,
      ...(experiment === "partition" && options.cut === "islands" ? { discoverable: contactsOfIslands(options) } : {})
    })
  }

  get progress(): Progress {
    return {
      phase: this.phase,
      share: this.complete ? 1 : Math.min(1, this.done / this.total),
      events: this.pastEvents + this.spentEvents + this.world.events,
      virtualSeconds: this.world.now / 1e6
    }
  }

  /** Says how much work lies ahead, in units of its own choosing. */
  expect(total: number): void {
    this.total = Math.max(1, total)
  }

  enter(phase: string): void {
    this.phase = phase
  }

  advance(units: number): void {
    this.done += units
  }

  get joinWork(): number {
    return weights.join * this.membership.activeSize
  }

  // --- steps -----------------------------------------------------------------------------------------------------------

  /**
   * "The overlay was created by having nodes join the network one by one, without running any membership rounds in
   * between" (paper §5.1); with K contacts K at a time, one through each. The next ones join when the walks of those
   * before have ended and been answered. Or all that are no contacts join at one instant.
   */
  *join(contactsOf: (node: number, nth: number) => ReadonlyArray<number> = (...of) => this.oneContact(...of)): Work {
    const { world } = this
    const { contacts, joins, nodes, sendFailure } = this.options
    this.enter("joins")
    if (sendFailure > 0) world.apply(FaultPlan.Fault.SendFailure({ probability: sendFailure }))
    world.pauseCycles()
    const interval = joinMicros(world)
    for (let first = 0; first < nodes;) {
      const wave = first < contacts ? 1 : joins === "at-once" ? nodes - first : Math.min(contacts, nodes - first)
      for (let i = 0; i < wave; i++) {
        world.start(first + i, contactsOf(first + i, i))
      }
      first += wave
      yield* this.runFor(interval)
      this.advance(wave * this.joinWork)
    }
    yield* this.settle()
  }

  private oneContact(node: number, nth: number): ReadonlyArray<number> {
    return node === 0 ? [] : [node < this.options.contacts ? 0 : nth % this.options.contacts]
  }

  /** Cycles of virtual time; then only what is under way ends, and no cycle runs until the next call. */
  *cycle(count: number): Work {
    const { world } = this
    world.resumeCycles()
    for (let i = 0; i < count; i++) {
      yield* this.runFor(this.membership.cycleMillis * 1000)
      this.advance(this.world.alive * weights.cycle)
    }
    world.pauseCycles()
    yield* this.settle()
  }

  *runFor(micros: number): Work {
    const until = this.world.now + micros
    while (!this.world.runUntil(until, this.budget())) yield
  }

  /**
   * Until nothing is under way; but where something always is (heartbeats, sends that fail), only until what was under way
   * has been noticed, answered or given up.
   */
  *settle(): Work {
    const { requestTimeoutMillis } = this.membership
    const until = this.world.now + (this.options.detectionMillis + requestTimeoutMillis) * 1000
    const isCalm = this.options.heartbeatMillis === 0 && this.options.sendFailure === 0
    while (!this.world.drain(isCalm ? Number.MAX_SAFE_INTEGER : until, this.budget())) yield
  }

  /** Events left of this piece of work; after a yield, a new piece. */
  private budget(): number {
    const { events } = this.world
    if (events >= this.pieceEnd || this.pieceEnd - events > piece) this.pieceEnd = events + piece
    return this.pieceEnd - events
  }

  /** Publishes from a node, drains, and gives what became of it. */
  *broadcast(source: number): Generator<void, BroadcastResult> {
    const { world } = this
    const { alive, controls } = world
    const index = world.publish(source)
    yield* this.settle()
    this.advance(alive * weights.delivery)
    const broadcast = world.broadcasts[index]
    return broadcast === undefined
      ? { reliability: 0, rmr: 0, hops: 0, payload: 0, control: 0 }
      : Measure.broadcastResult(broadcast, alive, world.controls - controls)
  }

  /** How the overlay fares: its parts, and the mean reliability of some broadcasts from random nodes. */
  *sample(cycle: number, broadcasts: number): Generator<void, Sample> {
    let sum = 0
    for (let i = 0; i < broadcasts; i++) sum += (yield* this.broadcast(this.world.randomAlive())).reliability
    const parts = Graph.components(Measure.picture(this.world, "active").graph)
    return {
      cycle,
      alive: this.world.alive,
      components: parts.count,
      largestComponent: parts.largest,
      reliability: broadcasts === 0 ? 0 : sum / broadcasts,
      deadPassiveShare: Measure.deadPassiveShare(this.world)
    }
  }

  /**
   * The overlay as it is before anything fails, and the share that its broadcasts reach: all of a whole one, and where sends fail
   * what some on a copy do.
   */
  *takeStock(): Work {
    const { options, world } = this
    this.before = Measure.overlay(world)
    if (this.before.components > 1) return
    this.reliabilityBefore = 1
    if (options.sendFailure === 0) return
    this.replaceWorld(world.fork(stockBranch))
    this.reliabilityBefore = (yield* this.sample(0, probes)).reliability
    this.replaceWorld(world)
  }

  /** Whether the survivors are whole, and reach as large a share as before: the paper's "healed" (§5.3). */
  hasHealed({ components, reliability }: Pick<Sample, "components" | "reliability">): boolean {
    return components === 1 && this.reliabilityBefore !== null && reliability >= this.reliabilityBefore
  }

  /** Goes on in a copy of a world, and counts what the one before has cost. */
  replaceWorld(world: World): void {
    this.spentEvents += this.world.events - world.events
    this.spentMessages += this.world.messages - world.messages
    this.world = world
  }

  /** The copy of a world that this run is in has done its part: the run's trace is that of all such copies in turn. */
  absorbTrace(): void {
    this.traces ??= new TraceHash()
    this.traces.text(this.world.traceHash)
  }

  /** The world as it is now, to begin runs from. */
  origin(): Origin {
    const { cpuSeconds, wallSeconds } = this.ofPart(this.measure())
    return { world: this.world, seconds: { cpuSeconds, wallSeconds } }
  }

  /** A composite experiment begins another run, in a copy of a world: its cost is that of the world, and what it adds. */
  beginPart(part: Name, world: World, { seconds }: Origin, change: Partial<Options>): void {
    this.pastEvents += this.spentEvents + this.world.events - world.events
    this.pastMessages += this.spentMessages + this.world.messages - world.messages
    this.spentEvents = 0
    this.spentMessages = 0
    this.world = world
    this.part = part
    this.options = { ...this.options, ...change }
    this.partOrigin = seconds
    this.partStart = this.measure()
  }

  /** Of a reading, what belongs to the run under way. */
  private ofPart({ cpuSeconds, peakRssBytes, wallSeconds }: Measured): Measured {
    const since = (now: number, of: (seconds: Seconds) => number) =>
      of(this.partOrigin) + Math.max(0, now - of(this.partStart))
    return {
      cpuSeconds: since(cpuSeconds, (seconds) => seconds.cpuSeconds),
      wallSeconds: since(wallSeconds, (seconds) => seconds.wallSeconds),
      peakRssBytes
    }
  }

  /** Writes down the run under way, and clears the record for the next. */
  concludePart(): void {
    // Read before the metrics are computed: they are no part of what a run costs.
    const measured = this.ofPart(this.measure())
    this.runs.push({ ...this.single(this.part, measured), complete: true })
    this.broadcasts.length = 0
    this.samples.length = 0
    this.firstMessages.length = 0
    this.traces = undefined
    this.healingCycles = null
  }

  // --- results ---------------------------------------------------------------------------------------------------------

  result(measured: Measured): Result | Results {
    if (this.experiment !== "paper") return this.single(this.experiment, measured)
    const underWay = this.complete ? [] : [this.single(this.part, this.ofPart(measured))]
    return {
      experiment: this.experiment,
      runs: [...this.runs, ...underWay],
      costs: [{ seed: this.options.seed, ...this.costOf(this.pastEvents, this.pastMessages, measured) }]
    }
  }

  /** What it took to come here, `before` this run included. */
  private costOf(eventsBefore: number, messagesBefore: number, measured: Measured): Cost {
    const events = eventsBefore + this.spentEvents + this.world.events
    return {
      events,
      messages: messagesBefore + this.spentMessages + this.world.messages,
      ...measured,
      eventsPerSecond: measured.cpuSeconds > 0 ? events / measured.cpuSeconds : 0
    }
  }

  /** The result of the run under way, with the world as it is now. */
  private single(experiment: Name, measured: Measured): Result {
    const { options, world } = this
    return {
      experiment,
      seed: options.seed,
      nodes: options.nodes,
      config: { ...options, protocol: this.membership, broadcast: world.options.config.broadcast },
      complete: this.complete,
      traceHash: this.traces?.value() ?? world.traceHash,
      overlay: Measure.overlay(world),
      broadcasts: [...this.broadcasts],
      healingCycles: this.healingCycles,
      cost: this.costOf(0, 0, measured),
      ...(this.before === undefined ? {} : { before: this.before }),
      ...(this.partition === undefined ? {} : { partition: this.partition }),
      ...(this.thicket === undefined ? {} : { thicket: this.thicket }),
      ...(this.samples.length === 0 ? {} : { samples: [...this.samples] }),
      ...(this.rounds.length === 0 ? {} : { rounds: [...this.rounds] }),
      ...(this.firstMessages.length === 0 ? {} : { firstMessages: [...this.firstMessages] }),
      ...(this.furtherKills.length === 0 ? {} : { furtherKills: [...this.furtherKills] }),
      bootstraps: {
        discoveries: world.discoveries,
        dials: world.dials,
        byNode: Graph.histogram(world.bootstrapCounts)
      }
    }
  }

  edges(view: "active" | "passive"): Iterable<string> {
    return Measure.edges(this.world, view)
  }
}

/** The broadcast of a world. Most experiments flood. */
const broadcastOf = (experiment: Name, options: Options): Plumtree.Config =>
  experiment === "plumtree" ? treeConfig(options) : { ...Plumtree.floodConfig, sourcesSize: drainedSources }

/** Where one broadcast is drained before the next, a short memory of sources forgets nothing that matters. */
const drainedSources = 2

/** The paper's Plumtree, or flooding, as the options have it. */
export const treeConfig = (
  options: Pick<Options, "announceMillis" | "guideMillis" | "optimizeHops" | "pace" | "pruneAfter" | "strategy">
): Plumtree.Config => {
  const { announceMillis, guideMillis, optimizeHops, pace, pruneAfter, strategy } = options
  const sourcesSize = pace === "rate" ? 1_024 : drainedSources
  if (strategy === "flood") return { ...Plumtree.floodConfig, sourcesSize }
  // A message that waits to be announced must not be missed before it is.
  const graftMillis = Math.max(Plumtree.paperConfig.graftMillis, 2 * announceMillis)
  return { ...Plumtree.paperConfig, sourcesSize, announceMillis, guideMillis, optimizeHops, pruneAfter, graftMillis }
}

/**
 * How long a join takes, its walks and their answers included: a dial and a request there and back, ARWL + 1 hops, a
 * request there and back, at the mean latency (and half as much again where latencies vary).
 */
const joinMicros = (world: World): number => {
  const { config, latency, nodes } = world.options
  const oneWays = 2 + 2 + (config.membership.activeWalkLength + 1) + 2
  if (latency._tag === "Constant") return oneWays * latency.micros
  const random = world.randomFor(1)
  let sum = 0
  for (let i = 0; i < 1000; i++) sum += Latency.sampleMicros(latency, i % nodes, (i * 7 + 1) % nodes, random)
  return Math.ceil((oneWays * sum * 1.5) / 1000)
}
