/** One scenario on the bare core: every node's own `step`, in the simulator's world, with every transition looked at. */
import type { Peer } from "@hyparview/core"
import { Overlay, Scenario, Transition } from "@hyparview/faults"
import { World } from "@hyparview/simulator/World"
import type { Observer } from "@hyparview/simulator/World"
import { broadcastOf, dueSince, openMillis, reachMillis } from "./BroadcastDraw.ts"
import { Histories } from "./Histories.ts"
import { Marks } from "./Marks.ts"
import { OneSided } from "./OneSided.ts"
import type { ClusterOutcome, Violation } from "./Outcome.ts"
import { Trace } from "./Trace.ts"

const micros = 1_000

/** Cycles of calm in which messages are counted, after the overlay is whole. */
const measuredCycles = 6

/** Broadcasts that a calm overlay must bring to everybody. */
const calmBroadcasts = 3

/** More events than this for each node and second of virtual time are a storm, on average over a phase. */
const stormRate = 1_000

/**
 * The parts of a run: the plan; the time in which the overlay becomes whole; that in which it is to stay so, which begins
 * again while free slots move; the broadcasts that must reach everybody; the look at what is left.
 */
export type Phase = "chaos" | "calm" | "quiet" | "broadcasts" | "rest"

/** One run of one scenario. */
export class CoreRun {
  readonly world: World
  private readonly scenario: Scenario.Scenario
  private readonly marks = new Marks()
  private readonly trace = new Trace<number>()
  private readonly violations: Array<Violation> = []
  private readonly histories = new Histories()
  private readonly onPhase: (phase: Phase) => void
  private wholeAfterMillis = -1
  private rateShare = -1
  /** In calm, the incarnations that live; undefined in chaos, when a message of a dead one may still be under way. */
  private livingEpochs: ReadonlyMap<number, number> | undefined

  /** `onPhase` is told of the beginning of each phase: where the tests of the checkers do harm. */
  constructor(scenario: Scenario.Scenario, onPhase: (phase: Phase) => void = () => {}) {
    this.scenario = scenario
    this.onPhase = onPhase
    const { detectionMillis, dialFailure, dialTimeoutMillis, discoverable, latency, membership, nodes, seed } = scenario
    this.world = new World({
      nodes,
      seed,
      // So few that every large set loses something.
      config: { membership, broadcast: broadcastOf(scenario) },
      latency,
      detectionMillis,
      dialFailure,
      dialTimeoutMillis,
      sendAttempts: 1,
      discoverySize: discoverable.length,
      discoverable,
      // No trace depends on it: so each way is tried by half of the seeds.
      rests: seed % 2 === 1
    })
    this.world.observer = this.observe
  }

  /** Plays chaos, then calm; ends with the first violation. */
  run(): ClusterOutcome {
    this.marks.ofScenario(this.scenario)
    this.onPhase("chaos")
    this.chaos()
    if (this.violations.length === 0) this.calm()
    const { events, traceHash } = this.world
    return {
      target: "core",
      scenario: this.scenario,
      violations: this.violations,
      marks: this.marks.counts,
      wholeAfterMillis: this.wholeAfterMillis,
      boundMillis: Scenario.calmBound(this.scenario).total,
      rateShare: this.rateShare,
      events,
      tail: this.violations.length > 0 ? this.trace.tail() : [],
      traceHash
    }
  }

  private get nowMillis(): number {
    return this.world.now / micros
  }

  private violate(rule: string, ...details: ReadonlyArray<string>): void {
    for (const detail of details) this.violations.push({ rule, atMillis: Math.floor(this.nowMillis), detail })
  }

  private readonly observe: Observer = (node, before, input, { outputs, state }) => {
    this.trace.add(node, input, outputs)
    if (input._tag === "Join") this.starts.set(node, (this.starts.get(node) ?? 0) + 1)
    const faults = Transition.changeFaults(before.membership, input.now, { state: state.membership, outputs })
    if (faults.length > 0) this.violate("always", ...faults.map((fault) => `node ${node}: ${fault}`))
    if (input._tag === "EpochConflict") this.marks.add("EpochConflict")
    if (input._tag === "DialFailed" || input._tag === "SendFailed") this.marks.add("DialFailed")
    for (const output of outputs) {
      switch (output._tag) {
        case "NeighborUp":
          this.neighborUp(node, before.membership.memory.departed, input.now, output.peer)
          this.histories.meet(this.incarnationOf(node), { _tag: "NeighborUp", peer: output.peer.id })
          break
        case "NeighborDown":
          if (output.reason === "optimized") this.marks.add("Exchange")
          this.histories.meet(this.incarnationOf(node), { _tag: "NeighborDown", peer: output.peer.id })
          break
        case "Delivered":
          if (input._tag === "Publish") this.histories.publish(output.id, this.nowMillis)
          this.marks.ofDelivery(output.via)
          this.histories.tell(this.incarnationOf(node), { _tag: "Delivered", id: output.id })
          break
        case "Lagged":
          this.marks.add("Lagged")
          this.histories.tell(this.incarnationOf(node), output)
          break
        default:
      }
    }
  }

  private readonly starts = new Map<number, number>()

  /** A process by its node and how often that has been started; its epoch may rise while it runs. */
  private incarnationOf(node: number): string {
    return `node ${node}, start ${this.starts.get(node) ?? 0}`
  }

  /** Who has said goodbye does not come back, and in calm nobody links with an incarnation that is over. */
  private neighborUp(
    node: number,
    departed: ReadonlyArray<{ readonly id: number; readonly epoch: number; readonly until: number }>,
    now: number,
    peer: Peer.Peer<number, number>
  ): void {
    for (const gone of departed) {
      if (gone.id === peer.id && peer.epoch <= gone.epoch && now < gone.until) {
        this.violate("resurrection", `node ${node} took up ${peer.id}@${peer.epoch}, which has left it`)
      }
    }
    // Its epoch may still rise, when it meets somebody who remembers a higher one.
    const least = this.livingEpochs === undefined ? 0 : (this.livingEpochs.get(peer.id) ?? Infinity)
    const most = this.world.stateOf(peer.id)?.membership.self.epoch ?? -1
    if (this.livingEpochs !== undefined && !(least <= peer.epoch && peer.epoch <= most)) {
      this.violate("truth", `node ${node} took up ${peer.id}@${peer.epoch} in calm, which is no living incarnation`)
    }
  }

  /** Lets time pass; false once something is wrong. */
  private passUntil(atMillis: number): boolean {
    const { nodes } = this.scenario
    const { world } = this
    while (this.nowMillis < atMillis) {
      const next = Math.min(atMillis, this.nowMillis + 1_000)
      if (!world.runUntil(next * micros, stormRate * nodes)) {
        this.violate("storm", `more than ${stormRate} events a node within a second`)
      }
      if (this.violations.length > 0) return false
    }
    return true
  }

  private chaos(): void {
    const { world } = this
    const keepsEpoch = new Set(Scenario.mustKeepEpochs(this.scenario))
    for (const { atMillis, happening } of Scenario.agenda(this.scenario)) {
      if (!this.passUntil(atMillis)) return
      switch (happening._tag) {
        case "Starts":
          world.start(happening.start.node, happening.start.contacts)
          break
        case "Fails":
          // A clock matters here to the epoch of the next start alone, and not where a store keeps it.
          if (happening.fault._tag !== "ClockJump" || !keepsEpoch.has(happening.fault.node))
            world.apply(happening.fault)
          this.marks.ofFault(happening.fault)
          break
        case "Publishes": {
          const { bytes, node, topic } = happening.publication
          if (world.publish(node, topic, bytes) >= 0) this.marks.add("Publication")
        }
      }
    }
    this.passUntil(this.scenario.chaosMillis)
  }

  private snapshot(): Overlay.Snapshot<number> {
    const views: Array<Overlay.NodeView<number>> = []
    for (let id = 0; id < this.scenario.nodes; id++) {
      const membership = this.world.stateOf(id)?.membership
      if (membership === undefined) continue
      const active = membership.active.map(({ peer }) => peer.id)
      const passive = membership.passive.ids
      views.push({ id, active, passive, pending: membership.pending.length })
    }
    return views
  }

  /** What a calm overlay still lacks. */
  private lacks(): ReadonlyArray<string> {
    return Overlay.violations(this.snapshot(), this.scenario.membership, { calm: true })
  }

  private calm(): void {
    const { chaosMillis, membership, nodes } = this.scenario
    const bound = Scenario.calmBound(this.scenario)
    const everyMillis = membership.requestTimeoutMillis
    this.onPhase("calm")
    if (!this.becomesWhole(chaosMillis + bound.total)) return
    this.wholeAfterMillis = Math.max(0, this.nowMillis - everyMillis - chaosMillis)
    if (!this.passUntil(Math.max(this.nowMillis, chaosMillis + bound.notice))) return
    this.livingEpochs = new Map(
      Array.from({ length: nodes }, (_, node) => this.world.stateOf(node)?.membership.self).flatMap((self) =>
        self === undefined ? [] : [[self.id, self.epoch]]
      )
    )
    if (!this.staysQuiet()) return
    this.onPhase("broadcasts")
    this.reachesEverybody()
    this.onPhase("rest")
    if (this.violations.length === 0 && this.losesNothing()) this.holdsNothingBack()
  }

  /** Whole is what has been so at two looks, a request time-out apart: what one look takes for well may be about to break. */
  private becomesWhole(untilMillis: number): boolean {
    const everyMillis = this.scenario.membership.requestTimeoutMillis
    let wasWhole = false
    for (;;) {
      const lacks = this.lacks()
      if (wasWhole && lacks.length === 0) return true
      if (this.nowMillis >= untilMillis) {
        this.violate("calm", ...lacks)
        return false
      }
      wasWhole = lacks.length === 0
      if (!this.passUntil(this.nowMillis + everyMillis)) return false
    }
  }

  /**
   * In calm a node sends no more than the rules allow, once the overlay has done with mixing itself, and whatever it does
   * for that, it stays one (or, with the smallest views, becomes one again), and no link is one-sided for longer than a
   * request time-out.
   */
  private staysQuiet(): boolean {
    const { membership } = this.scenario
    const { world } = this
    const restMillis = this.nowMillis + Scenario.mixingBound(this.scenario)
    let parted = false
    for (;;) {
      this.onPhase("quiet")
      const begin = this.nowMillis
      const before = world.messages
      const now = this.staysOne(begin + measuredCycles * membership.cycleMillis)
      if (now === undefined) return false
      parted = now === "parted"
      const minutes = (this.nowMillis - begin) / 60_000
      const rate = (world.messages - before) / minutes / Math.max(1, world.alive)
      const most = Scenario.mostMessages(membership)
      this.rateShare = rate / most
      if (rate <= most) break
      if (this.nowMillis >= restMillis) {
        this.violate(
          "message rate",
          `${rate.toFixed(1)} messages a node and minute, at most ${most.toFixed(1)} allowed`
        )
        return false
      }
    }
    return !parted || this.becomesWhole(this.nowMillis + Scenario.calmBound(this.scenario).total)
  }

  /** Looks at it time and again; whether it has parted at the end, where it may. Undefined: something is wrong. */
  private staysOne(untilMillis: number): "one" | "parted" | undefined {
    const { membership } = this.scenario
    const oneSided = new OneSided<number>(membership.requestTimeoutMillis)
    let parted = false
    while (this.nowMillis < untilMillis) {
      if (!this.passUntil(this.nowMillis + oneSided.everyMillis)) return undefined
      const snapshot = this.snapshot()
      this.violate("symmetry", ...oneSided.look(snapshot, this.nowMillis))
      const { count } = Overlay.components(snapshot)
      parted = count > 1
      if (parted && !Scenario.mayPart(membership)) {
        this.violate("one component", `whole, then ${count} components without a fault`)
      }
    }
    if (this.violations.length > 0) return undefined
    return parted ? "parted" : "one"
  }

  private reachesEverybody(): void {
    const { world } = this
    for (let count = 0; count < calmBroadcasts; count++) {
      const broadcast = world.broadcasts[world.publish(world.randomAlive())]
      if (broadcast === undefined) continue
      if (!this.passUntil(this.nowMillis + reachMillis(this.scenario))) return
      if (broadcast.delivered !== world.alive) {
        this.violate(
          "completeness",
          `a broadcast of node ${broadcast.source} in calm reached ${broadcast.delivered} of ${world.alive}`
        )
      }
    }
  }

  /** Every message is handed to everybody, or told to be lost; and what is there to be had is not lost. */
  private losesNothing(): boolean {
    const { chaosMillis, nodes } = this.scenario
    const alive = Array.from({ length: nodes }, (_, node) => node).filter(
      (node) => this.world.stateOf(node) !== undefined
    )
    const names = alive.map((node) => this.incarnationOf(node))
    const since = dueSince(this.scenario, chaosMillis + this.wholeAfterMillis)
    const untilMillis = this.nowMillis + openMillis(this.scenario)
    for (;;) {
      const missing = this.histories.missing(names, since)
      const gaps = this.histories.gaps(names)
      if (missing.length + gaps.length === 0) return true
      if (this.nowMillis >= untilMillis) {
        this.violate("completeness", ...missing)
        this.violate("lagged", ...gaps)
        return false
      }
      if (!this.passUntil(Math.min(untilMillis, this.nowMillis + 10_000))) return false
    }
  }

  /** What everybody was told is right, and nothing is open for longer than it may be. */
  private holdsNothingBack(): void {
    this.violate("exactly once", ...this.histories.deliveryFaults())
    for (let node = 0; node < this.scenario.nodes; node++) {
      const membership = this.world.stateOf(node)?.membership
      if (membership === undefined) continue
      const active = membership.active.map(({ peer }) => peer.id)
      this.violate("events", ...this.histories.neighborFaults(this.incarnationOf(node), active))
      const { swap } = membership
      if (swap !== undefined && swap.deadline < this.nowMillis) {
        this.violate("open request", `node ${node} is still ${swap._tag} in a round of X-BOT`)
      }
      for (const { deadline, peer } of membership.pending) {
        if (deadline < this.nowMillis) this.violate("open request", `node ${node} still asks ${peer.id}`)
      }
      for (const { address, deadline } of membership.contacts.dialing) {
        if (deadline < this.nowMillis) this.violate("open request", `node ${node} still dials ${address}`)
      }
    }
  }
}

/** Runs a scenario on the core. Pure but for the time it takes: same scenario, same outcome. */
export const runCore = (scenario: Scenario.Scenario): ClusterOutcome => new CoreRun(scenario).run()
