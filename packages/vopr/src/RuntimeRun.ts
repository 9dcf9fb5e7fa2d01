/**
 * One scenario on the whole runtime: real nodes with links, codec and services, on the in-process network, on virtual time.
 * The same plans and the same checkers as on the bare core, and beside them what only a runtime can get wrong: what its
 * subscribers are handed, and what it leaves behind when it ends.
 */
import type { Node } from "@hyparview/core"
import { Overlay, Scenario, Transition } from "@hyparview/faults"
import { TestCluster, VirtualClock } from "@hyparview/testing"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Scope from "effect/Scope"
import { broadcastOf, dueSince, openMillis, reachMillis } from "./BroadcastDraw.ts"
import { Histories } from "./Histories.ts"
import { idOf, Listeners } from "./Listeners.ts"
import type { Phase } from "./CoreRun.ts"
import { Marks } from "./Marks.ts"
import { OneSided } from "./OneSided.ts"
import type { ClusterOutcome, Violation } from "./Outcome.ts"
import { Talks } from "./Talks.ts"
import { Trace } from "./Trace.ts"

/** Cycles of calm in which messages are counted, after the overlay is whole. */
const measuredCycles = 4

/** Broadcasts that a calm overlay must bring to everybody. */
const calmBroadcasts = 3

const calmTopic = "calm"

/** Of the topics that a scenario names, the ones to which everybody subscribes in order. */
const orderedTopics: ReadonlySet<string> = new Set(["beta", calmTopic])

/** After its last use a temporary link is gone within two of these: looked at once in each, it must have been idle for one. */
const temporaryLinkIdleMillis = 1_000

/** Where virtual time begins: 2027. */
const startMillis = 1_800_000_000_000

/** Counts fibers, so that one that outlives its cluster is seen. */
class FiberCount implements Metric.FiberRuntimeMetricsService {
  alive = 0

  recordFiberStart(): void {
    this.alive++
  }

  recordFiberEnd(): void {
    this.alive--
  }
}

/** Is told of the beginning of a phase: where the tests of the checkers do harm. */
export type OnPhase = (phase: Phase, cluster: TestCluster.TestCluster) => Effect.Effect<void, never, Scope.Scope>

class RuntimeRun {
  private readonly scenario: Scenario.Scenario
  private readonly marks = new Marks()
  private readonly trace = new Trace<string>()
  private readonly violations: Array<Violation> = []
  private readonly histories = new Histories(orderedTopics)
  private readonly listeners: Listeners
  private readonly talks = new Talks<string>()
  private readonly clock: VirtualClock.VirtualClock
  private wholeAfterMillis = -1
  private rateShare = -1
  private events = 0
  private begin = 0

  private readonly onPhase: OnPhase

  constructor(scenario: Scenario.Scenario, clock: VirtualClock.VirtualClock, onPhase: OnPhase) {
    this.scenario = scenario
    this.onPhase = onPhase
    this.clock = clock
    const topics = new Set([calmTopic, ...scenario.publications.map(({ topic }) => topic)])
    this.listeners = new Listeners({ topics, orderedTopics, histories: this.histories, violate: this.violate })
  }

  private get nowMillis(): number {
    return this.clock.currentTimeMillisUnsafe() - this.begin
  }

  private readonly violate = (rule: string, ...details: ReadonlyArray<string>): void => {
    for (const detail of details) this.violations.push({ rule, atMillis: Math.floor(this.nowMillis), detail })
  }

  private get isSound(): boolean {
    return this.violations.length === 0
  }

  private readonly observe = (before: Node.State, input: Node.Input, { outputs, state }: Node.Step): void => {
    const self = before.membership.self.id
    this.events++
    this.trace.add(self, input, outputs)
    const faults = Transition.changeFaults(before.membership, input.now, { state: state.membership, outputs })
    if (faults.length > 0) this.violate("always", ...faults.map((fault) => `node ${self}: ${fault}`))
    if (input._tag === "EpochConflict") this.marks.add("EpochConflict")
    if (input._tag === "DialFailed" || input._tag === "SendFailed") this.marks.add("DialFailed")
    if (input._tag === "Received") this.talks.add(self, input.from.id, this.nowMillis)
    if (input._tag === "LinkOpened") this.talks.add(self, input.peer.id, this.nowMillis)
    for (const output of outputs) {
      if (output._tag === "Send") this.talks.add(self, output.to.id, this.nowMillis)
      // Who is no neighbour is measured over a link of its own.
      if (output._tag === "Measure") for (const { id } of output.peers) this.talks.add(self, id, this.nowMillis)
      if (output._tag === "Delivered") {
        if (input._tag === "Publish") this.histories.publish(output.id, this.nowMillis)
        this.histories.come(this.listeners.nameOf(self), output.id)
        this.marks.ofDelivery(output.via)
      }
      if (output._tag === "Lagged") this.marks.add("Lagged")
      if (output._tag === "NeighborDown" && output.reason === "optimized") this.marks.add("Exchange")
      if (output._tag !== "NeighborUp") continue
      const { peer } = output
      const gone = before.membership.memory.departed.find(({ id }) => id === peer.id)
      if (gone !== undefined && peer.epoch <= gone.epoch && input.now < gone.until) {
        this.violate("resurrection", `${self} took up ${peer.id}@${peer.epoch}, which has left it`)
      }
    }
  }

  private passUntil(cluster: TestCluster.TestCluster, atMillis: number) {
    return Effect.gen({ self: this }, function* () {
      const { requestTimeoutMillis } = this.scenario.membership
      while (this.nowMillis < atMillis && this.isSound) {
        yield* cluster.pass(Math.min(atMillis - this.nowMillis, requestTimeoutMillis))
        yield* this.listeners.listen(cluster)
      }
    })
  }

  private snapshot(cluster: TestCluster.TestCluster) {
    return Effect.map(cluster.overlay, (views) => views.filter(({ alive }) => alive !== false))
  }

  run() {
    return Effect.gen({ self: this }, function* () {
      // A wall clock that jumps back by an hour must still be one.
      yield* this.clock.setTime(startMillis)
      this.begin = startMillis
      this.marks.ofScenario(this.scenario)
      const fibers = new FiberCount()
      const sleepers = yield* this.clock.sleepers
      const scope = yield* Scope.make()
      yield* this.live().pipe(
        Scope.provide(scope),
        Effect.onExit((exit) => Scope.close(scope, exit)),
        Effect.provideService(Metric.FiberRuntimeMetrics, fibers)
      )
      // What was called off may still be on its way out.
      yield* this.clock.adjust(1)
      const left = (yield* this.clock.sleepers) - sleepers
      if (this.isSound && left > 0) this.violate("leak", `${left} fibers sleep on after the cluster has ended`)
      if (this.isSound && fibers.alive > 0)
        this.violate("leak", `${fibers.alive} fibers live on after the cluster has ended`)
    })
  }

  private live() {
    return Effect.gen({ self: this }, function* () {
      const { dialTimeoutMillis, discoverable, latency, membership, nodes, seed } = this.scenario
      const cluster = yield* TestCluster.make({
        nodes,
        seed,
        discovery: discoverable,
        storesEpochs: seed % 2 === 0 || Scenario.mustKeepEpochs(this.scenario).length > 0,
        idOf,
        logLevel: "None",
        network: { latency, dialTimeout: dialTimeoutMillis },
        node: {
          membership,
          broadcast: broadcastOf(this.scenario),
          handshakeTimeout: dialTimeoutMillis,
          temporaryLinkIdle: temporaryLinkIdleMillis,
          observe: this.observe
        }
      })
      yield* this.listeners.listen(cluster)
      yield* this.onPhase("chaos", cluster)
      yield* this.chaos(cluster)
      this.countFaults(cluster)
      if (this.isSound) yield* this.calm(cluster)
      return cluster
    })
  }

  private chaos(cluster: TestCluster.TestCluster) {
    return Effect.gen({ self: this }, function* () {
      for (const { atMillis, happening } of Scenario.agenda(this.scenario)) {
        yield* this.passUntil(cluster, atMillis)
        if (!this.isSound) return
        switch (happening._tag) {
          case "Starts": {
            const { contacts, node } = happening.start
            // A restart may have come before: then it has joined already.
            if (cluster.running().includes(node)) yield* Effect.orDie(cluster.join(node, contacts))
            break
          }
          case "Fails":
            this.marks.ofFault(happening.fault)
            yield* Effect.orDie(cluster.apply(happening.fault))
            yield* this.listeners.listen(cluster)
            break
          case "Publishes": {
            const { bytes, node, topic } = happening.publication
            if (!cluster.running().includes(node)) break
            this.marks.add("Publication")
            yield* Effect.forkScoped(Effect.ignore(cluster.publish(node, topic, new Uint8Array(bytes))))
          }
        }
      }
      yield* this.passUntil(cluster, this.scenario.chaosMillis)
    })
  }

  private countFaults(cluster: TestCluster.TestCluster): void {
    const { dialsRefused, dialsTimedOut, dialsUnreachable } = cluster.network.statistics
    if (dialsRefused + dialsTimedOut + dialsUnreachable > 0) this.marks.add("DialFailed")
  }

  private calm(cluster: TestCluster.TestCluster) {
    return Effect.gen({ self: this }, function* () {
      const { chaosMillis, membership } = this.scenario
      yield* this.onPhase("calm", cluster)
      const bound = Scenario.calmBound(this.scenario)
      yield* this.becomesWhole(cluster, chaosMillis + bound.total)
      if (!this.isSound) return
      this.wholeAfterMillis = Math.max(0, this.nowMillis - membership.requestTimeoutMillis - chaosMillis)
      yield* this.passUntil(cluster, Math.max(this.nowMillis, chaosMillis + bound.notice))
      if (this.isSound) yield* this.staysQuiet(cluster)
      yield* this.onPhase("broadcasts", cluster)
      if (this.isSound) yield* this.reachesEverybody(cluster)
      yield* this.onPhase("rest", cluster)
      if (this.isSound) yield* this.losesNothing(cluster)
      if (this.isSound) yield* this.tellsTheTruth(cluster)
    })
  }

  /** Who should run by now and does not. */
  private absent(snapshot: Overlay.Snapshot<string>): ReadonlyArray<string> {
    const running = new Set(snapshot.map(({ id }) => id))
    return Scenario.survivors(this.scenario)
      .map(idOf)
      .filter((id) => !running.has(id))
      .map((id) => `${id} should run, and does not`)
  }

  /** Whole is what has been so at two looks, a request time-out apart: what one look takes for well may be about to break. */
  private becomesWhole(cluster: TestCluster.TestCluster, untilMillis: number) {
    return Effect.gen({ self: this }, function* () {
      const { membership } = this.scenario
      let wasWhole = false
      while (this.isSound) {
        const snapshot = yield* this.snapshot(cluster)
        const lacks = [...Overlay.violations(snapshot, membership, { calm: true }), ...this.absent(snapshot)]
        if (wasWhole && lacks.length === 0) return
        if (this.nowMillis >= untilMillis) return this.violate("calm", ...lacks)
        wasWhole = lacks.length === 0
        yield* this.passUntil(cluster, this.nowMillis + membership.requestTimeoutMillis)
      }
    })
  }

  private staysQuiet(cluster: TestCluster.TestCluster) {
    return Effect.gen({ self: this }, function* () {
      const { membership } = this.scenario
      const restMillis = this.nowMillis + Scenario.mixingBound(this.scenario)
      let parted = false
      while (this.isSound) {
        yield* this.onPhase("quiet", cluster)
        const begin = this.nowMillis
        const before = (yield* cluster.statistics).messages.sent
        parted = yield* this.staysOne(cluster, begin + measuredCycles * membership.cycleMillis)
        const sent = (yield* cluster.statistics).messages.sent - before
        const rate = sent / ((this.nowMillis - begin) / 60_000) / Math.max(1, cluster.running().length)
        const most = Scenario.mostMessages(membership)
        this.rateShare = rate / most
        if (rate <= most) break
        // It may still be mixing itself.
        if (this.nowMillis < restMillis) continue
        this.violate(
          "message rate",
          `${rate.toFixed(1)} messages a node and minute, at most ${most.toFixed(1)} allowed`
        )
      }
      if (parted) yield* this.becomesWhole(cluster, this.nowMillis + Scenario.calmBound(this.scenario).total)
    })
  }

  /** Looks at it time and again; whether it has parted at the end, where it may. */
  private staysOne(cluster: TestCluster.TestCluster, untilMillis: number) {
    return Effect.gen({ self: this }, function* () {
      const { membership } = this.scenario
      const oneSided = new OneSided<string>(membership.requestTimeoutMillis)
      let parted = false
      while (this.nowMillis < untilMillis && this.isSound) {
        yield* this.passUntil(cluster, this.nowMillis + oneSided.everyMillis)
        const snapshot = yield* this.snapshot(cluster)
        this.violate("symmetry", ...oneSided.look(snapshot, this.nowMillis))
        const { count } = Overlay.components(snapshot)
        parted = count > 1
        if (parted && !Scenario.mayPart(membership)) {
          this.violate("one component", `whole, then ${count} components without a fault`)
        }
      }
      return parted
    })
  }

  private reachesEverybody(cluster: TestCluster.TestCluster) {
    return Effect.gen({ self: this }, function* () {
      const running = cluster.running()
      for (let count = 0; count < calmBroadcasts; count++) {
        const source = running[(this.scenario.seed + count) % running.length] ?? 0
        const publishing = yield* Effect.forkScoped(cluster.publish(source, calmTopic, new Uint8Array(100)), {
          startImmediately: true
        })
        yield* this.passUntil(cluster, this.nowMillis + reachMillis(this.scenario))
        const id = yield* Effect.orDie(Fiber.join(publishing))
        const without = running.filter((node) => !this.histories.hasHeard(this.listeners.nameOf(idOf(node)), id))
        if (without.length > 0) {
          this.violate(
            "completeness",
            `a broadcast of ${id.source} in calm did not reach ${without.map(idOf).join(", ")}`
          )
        }
      }
    })
  }

  /** Every message is handed to everybody, or told to be lost; and what is there to be had is not lost. */
  private losesNothing(cluster: TestCluster.TestCluster) {
    return Effect.gen({ self: this }, function* () {
      const names = cluster.running().map((node) => this.listeners.nameOf(idOf(node)))
      const since = dueSince(this.scenario, this.scenario.chaosMillis + this.wholeAfterMillis)
      const untilMillis = this.nowMillis + openMillis(this.scenario)
      while (this.isSound) {
        const missing = this.histories.missing(names, since)
        const gaps = this.histories.gaps(names)
        if (missing.length + gaps.length === 0) return
        if (this.nowMillis >= untilMillis) {
          this.violate("completeness", ...missing)
          this.violate("lagged", ...gaps)
        }
        yield* this.passUntil(cluster, Math.min(untilMillis, this.nowMillis + 10_000))
      }
    })
  }

  /** What the events of each node add up to is its active view; nobody was handed a message twice; nothing is held back. */
  private tellsTheTruth(cluster: TestCluster.TestCluster) {
    return Effect.gen({ self: this }, function* () {
      this.violate("exactly once", ...this.histories.deliveryFaults())
      // A node may hold links that are no neighbour's: the ones in use, and the ones that have just been. Two where dials crossed.
      const since = this.nowMillis - 2 * temporaryLinkIdleMillis - 2 * this.scenario.dialTimeoutMillis
      for (const node of cluster.running()) {
        const view = yield* cluster.node(node).membership.view
        const active = view.active.map(({ peer }) => peer.id)
        this.violate("events", ...this.histories.neighborFaults(this.listeners.nameOf(idOf(node)), active))
        if (view.outboxBytes > 0) this.violate("leak", `${view.outboxBytes} bytes wait in ${idOf(node)} at rest`)
        const most = active.length + 2 * this.talks.since(idOf(node), active, since)
        if (view.links > most) {
          this.violate("leak", `${idOf(node)} holds ${view.links} links, and has use for ${most} at most`)
        }
      }
    })
  }

  outcome(): ClusterOutcome {
    return {
      target: "runtime",
      scenario: this.scenario,
      violations: this.violations,
      marks: this.marks.counts,
      wholeAfterMillis: this.wholeAfterMillis,
      boundMillis: Scenario.calmBound(this.scenario).total,
      rateShare: this.rateShare,
      events: this.events,
      tail: this.isSound ? [] : this.trace.tail(),
      traceHash: ""
    }
  }

  /** The run itself failed: what it failed with is a violation too. */
  failed(detail: string): void {
    this.violate("defect", detail)
  }
}

/** Runs a scenario on the runtime, on a virtual clock of its own. Same scenario, same outcome. */
export const runRuntime = (
  scenario: Scenario.Scenario,
  onPhase: OnPhase = () => Effect.void
): Effect.Effect<ClusterOutcome> =>
  VirtualClock.virtualClockWith((clock) =>
    Effect.gen(function* () {
      const run = new RuntimeRun(scenario, clock, onPhase)
      const exit = yield* Effect.exit(run.run())
      if (Exit.isFailure(exit)) run.failed(Cause.pretty(exit.cause))
      return run.outcome()
    })
  ).pipe(Effect.provide(VirtualClock.layer()))
