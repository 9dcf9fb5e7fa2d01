/**
 * A cluster in one process: nodes of the real runtime, with the wire codec and all, on the in-process network. A test
 * starts it, hurts it, lets time pass, and asks the overlay checkers of `@hyparview/faults` whether it is well.
 *
 * **Time.** Everything runs on the clock that the program has. Under TestClock (what `it.effect` provides) or the
 * `VirtualClock` of this package, `pass`, `settle` and `leave` move it, and nothing moves otherwise; on the live clock they
 * wait. TestClock will do for a hundred nodes; the virtual clock for thousands.
 *
 * **Deterministic.** The same program with the same options ends in the same views, on every machine, under TestClock and
 * under the virtual clock. Every choice of every node, and every delay of the network, comes from `seed`.
 *
 * Nodes are named by index, from 0. What makes no sense (to start a node that runs, to publish on one that does not) is a
 * mistake in the test, and dies.
 *
 * @since 0.1.0
 * @example
 * ```ts
 * import { TestCluster, VirtualClock } from "@hyparview/testing"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const cluster = yield* TestCluster.make({ nodes: 100, seed: 7 })
 *   yield* cluster.joinAll()
 *   yield* cluster.settle()
 *   yield* cluster.killShare(0.4)
 *   yield* cluster.settle()
 *   yield* cluster.pass("1 hour")
 *   return (yield* cluster.statistics).messages.received
 * }).pipe(Effect.scoped, Effect.provide(VirtualClock.layer()))
 *
 * console.log((await Effect.runPromise(program)) > 100_000) // true
 * ```
 */
import { type Flood, type HyParView, Random } from "@hyparview/core"
import { Overlay } from "@hyparview/faults"
import type { Fault, FaultPlan, InvalidPlan } from "@hyparview/faults/FaultPlan"
import { Broadcast, Discovery, Membership, Node, Transport } from "@hyparview/runtime"
import { MemoryNetwork } from "@hyparview/transport-memory"
import type { Statistics as NetworkStatistics } from "@hyparview/transport-memory/Statistics"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type * as LogLevel from "effect/LogLevel"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { pass, passWhile } from "./internal/passing.ts"
import type { EndlessInstant } from "./VirtualClock.ts"

/**
 * How a cluster is made.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** How many nodes. All are up when the cluster is made; none has joined. From 1. */
  readonly nodes: number
  /** Where every choice and every delay comes from. Any finite number. Default: 0. */
  readonly seed?: number
  /** For every node, over the runtime's defaults. Cluster `test`, no leave on close, unless said otherwise. */
  readonly node?: Partial<Omit<Node.Options, "id" | "epoch" | "seed">>
  /** For the network, over its defaults: latency, bandwidth, limits. */
  readonly network?: Omit<MemoryNetwork.Options, "seed">
  /** The nodes whose addresses Discovery tells everybody. Default: none. */
  readonly discovery?: ReadonlyArray<number>
  /** A node's id by its index. Default: `n00`, `n01`, …; ids in the order of the indices. */
  readonly idOf?: (index: number) => string
  /** What the nodes log at least. Default: `Error`. */
  readonly logLevel?: LogLevel.LogLevel
}

/**
 * The overlay is not well, and time is up. The cluster is as it is: ask it for more, or let more time pass.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotSettled extends Data.TaggedError("NotSettled")<{
  readonly after: Duration.Duration
  /** What is wrong, a sentence each (`Overlay.violations`). Empty if it has become well too late to be sure. */
  readonly violations: ReadonlyArray<string>
}> {
  override get message(): string {
    const { violations } = this
    return `not settled after ${Duration.format(this.after)}: ${violations.length === 0 ? "calm too briefly" : violations.join("; ")}`
  }
}

/**
 * One incarnation of a node: the services that an application has.
 *
 * @category models
 * @since 0.1.0
 */
export interface RunningNode {
  readonly membership: Membership.Membership["Service"]
  readonly broadcast: Broadcast.Broadcast["Service"]
}

/**
 * A node's views, as plain data to compare.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeViews {
  readonly id: string
  readonly epoch: number
  /** Ids, in the order in which the node holds them. */
  readonly active: ReadonlyArray<string>
  readonly passive: ReadonlyArray<string>
}

/**
 * What the nodes have been handed on a topic since `collect`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Collected {
  /** What a node's subscriber got, in order, over all its incarnations. */
  readonly of: (index: number) => ReadonlyArray<Broadcast.Delivery>
  /** The nodes that got this message, each as often as it got it. */
  readonly receivers: (id: Flood.MessageId) => ReadonlyArray<number>
}

/**
 * Numbers of a cluster.
 *
 * @category models
 * @since 0.1.0
 */
export interface Statistics {
  /** The network's counters, as they stood. */
  readonly network: NetworkStatistics
  /** Messages of the nodes that run now, since each started. */
  readonly messages: { readonly sent: number; readonly received: number }
  /** Connections that the running nodes hold, both ends counted. */
  readonly links: number
  readonly outboxBytes: number
}

/**
 * When a cluster is well, and how long to wait for that.
 *
 * @category models
 * @since 0.1.0
 */
export interface SettleOptions {
  /** How long it may take. Default: 10 minutes. */
  readonly within?: Duration.Input
  /** How often to look. Default: the request time-out. */
  readonly every?: Duration.Input
  /** Only these nodes are looked at, as if there were no others: one side of a partition, say. */
  readonly among?: ReadonlyArray<number>
}

/**
 * A cluster in one process.
 *
 * @category models
 * @since 0.1.0
 */
export interface TestCluster {
  readonly size: number
  /** The network, for every fault that is not a method here. */
  readonly network: MemoryNetwork.MemoryNetwork["Service"]
  /** The bounds of the views, by which the checkers judge. */
  readonly bounds: Overlay.Bounds
  readonly idOf: (index: number) => string
  readonly addressOf: (index: number) => string
  /** The nodes that run, frozen ones included. */
  readonly running: () => ReadonlyArray<number>
  /** The services of a running node. */
  readonly node: (index: number) => RunningNode

  /** Starts a node that does not run, under its old id and a higher epoch. It has not joined. */
  readonly start: (index: number) => Effect.Effect<void>
  /** Lets a node join through others; default: the first other that runs. Returns at once; the join takes its time. */
  readonly join: (index: number, through?: ReadonlyArray<number>) => Effect.Effect<void, Membership.DuplicateIdentity>
  /**
   * Lets all running nodes join in the order of their indices, through the first `contacts` of them (default 1): at once,
   * or `every` so often.
   */
  readonly joinAll: (options?: {
    readonly contacts?: number
    readonly every?: Duration.Input
  }) => Effect.Effect<void, Membership.DuplicateIdentity | EndlessInstant>

  /** The processes die without a word. */
  readonly kill: (...indices: ReadonlyArray<number>) => Effect.Effect<void>
  /** A share (0 to 1, rounded) of the running nodes, drawn from the seed, dies like that. Returns whom it hit. */
  readonly killShare: (share: number) => Effect.Effect<ReadonlyArray<number>>
  /** Starts a node again (it must not run) and lets it join through others. */
  readonly restart: (
    index: number,
    through?: ReadonlyArray<number>
  ) => Effect.Effect<void, Membership.DuplicateIdentity>
  /** Lets a node leave in order, and time pass until it has; then its process ends. */
  readonly leave: (index: number) => Effect.Effect<void, EndlessInstant>
  /** What travels to and from the nodes waits. `settle` and `overlay` take a frozen node for dead. */
  readonly freeze: (...indices: ReadonlyArray<number>) => Effect.Effect<void>
  readonly unfreeze: (...indices: ReadonlyArray<number>) => Effect.Effect<void>
  /** Parts the network; nodes in no group reach everybody. */
  readonly partition: (groups: ReadonlyArray<ReadonlyArray<number>>, mode: "silent" | "reset") => Effect.Effect<void>
  readonly heal: Effect.Effect<void>
  /**
   * Plays a fault plan, and lets time pass until its last action. Restarted nodes join through a node that runs, and leave
   * in their own time.
   */
  readonly play: (plan: FaultPlan) => Effect.Effect<void, InvalidPlan | Membership.DuplicateIdentity | EndlessInstant>

  /** Publishes on a node. */
  readonly publish: (
    index: number,
    topic: string,
    payload: Uint8Array
  ) => Effect.Effect<Flood.MessageId, Broadcast.PublishError>
  /** Subscribes every node to a topic, those that start later too, until the scope ends. */
  readonly collect: (topic: string) => Effect.Effect<Collected, never, Scope.Scope>

  /** Lets time pass. */
  readonly pass: (duration: Duration.Input) => Effect.Effect<void, EndlessInstant>
  /**
   * Lets time pass until the overlay is well (`Overlay.violations` in calm) and has been for a request time-out. Returns
   * how long it took to become so.
   */
  readonly settle: (options?: SettleOptions) => Effect.Effect<Duration.Duration, NotSettled | EndlessInstant>

  /** What the overlay checkers take. A node that is frozen, or has not joined, counts as not alive. */
  readonly overlay: Effect.Effect<Overlay.Snapshot<string>>
  /** The views of the running nodes, in the order of their indices. */
  readonly views: Effect.Effect<ReadonlyArray<NodeViews>>
  readonly statistics: Effect.Effect<Statistics>
}

/** A node's place: what stays when its process dies. */
interface Place {
  readonly index: number
  readonly id: string
  readonly address: string
  incarnation: number
  epoch: number
  frozen: boolean
  running: (RunningNode & { readonly scope: Scope.Closeable }) | undefined
}

/** A subscription to a topic on all nodes. */
interface Collecting {
  readonly topic: string
  readonly deliveries: ReadonlyArray<Array<Broadcast.Delivery>>
  readonly fibers: Array<Fiber.Fiber<void>>
}

/** A generator of the cluster's own, beside those of its nodes. */
const drawing = 0x7fff_ffff

/** Generators of one node's incarnations, apart from those of the next node's. */
const incarnations = 1_024

/**
 * Ends what is done to one node: a turn for the others. So the program that drives the cluster is never made to yield
 * amid such a thing for having done too much, which would happen sooner under one clock than under another.
 */
const done = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => Effect.tap(effect, Effect.yieldNow)

const misuse = (sentence: string): Effect.Effect<never> => Effect.die(new Error(sentence))

/**
 * A cluster, all nodes up and none joined, for the life of the scope. Fails if the options of the nodes or of the network
 * contradict themselves.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<
  TestCluster,
  Node.OptionsError | HyParView.ConfigError | MemoryNetwork.InvalidOptions,
  Scope.Scope
> {
  const { nodes, seed = 0 } = options
  const width = String(nodes - 1).length
  const idOf = options.idOf ?? ((index: number) => `n${String(index).padStart(width, "0")}`)
  const addressOf = (index: number) => `host-${index}`
  const optionsOf = (place: Pick<Place, "index" | "id" | "incarnation" | "epoch">): Node.Options => ({
    cluster: "test",
    leaveOnClose: false,
    ...options.node,
    id: place.id,
    epoch: place.epoch,
    seed: Random.nextBits(Random.seededFor(seed, place.index * incarnations + place.incarnation)) >>> 0
  })

  const settings = yield* Effect.fromResult(
    Node.resolve(optionsOf({ index: 0, id: idOf(0), incarnation: 0, epoch: 1 }))
  )
  const bounds: Overlay.Bounds = settings.membership
  const network = yield* MemoryNetwork.make({ ...options.network, seed })
  const discovery = Discovery.Discovery.layerStatic((options.discovery ?? []).map(addressOf))
  const scope = yield* Effect.scope
  const random = Random.seededFor(seed, drawing)
  const collecting = new Set<Collecting>()
  const places: ReadonlyArray<Place> = Array.from({ length: nodes }, (_, index) => ({
    index,
    id: idOf(index),
    address: addressOf(index),
    incarnation: 0,
    epoch: 0,
    frozen: false,
    running: undefined
  }))

  const placeOf = (index: number): Place => {
    const place = places[index]
    if (place === undefined) throw new RangeError(`there is no node ${index}: the cluster has ${nodes}`)
    return place
  }
  const runningAt = (index: number): NonNullable<Place["running"]> => {
    const { running } = placeOf(index)
    if (running === undefined) throw new Error(`node ${index} does not run`)
    return running
  }
  const running = () => places.filter((place) => place.running !== undefined).map(({ index }) => index)

  // --- starting and stopping -----------------------------------------------------------------------------------------

  const collectOn = (place: Place, to: Collecting): Effect.Effect<void> => {
    const { running } = place
    const deliveries = to.deliveries[place.index]
    if (running === undefined || deliveries === undefined) return Effect.void
    return running.broadcast.subscribe(to.topic).pipe(
      Stream.runForEach((delivery) => Effect.sync(() => deliveries.push(delivery))),
      Effect.forkIn(running.scope, { startImmediately: true }),
      Effect.map((fiber) => void to.fibers.push(fiber))
    )
  }

  const start = (index: number): Effect.Effect<void> =>
    Effect.gen(function* () {
      const place = placeOf(index)
      if (place.running !== undefined) return yield* misuse(`node ${index} runs already`)
      place.incarnation++
      // As in production: the clock at its start, and above all its epochs before.
      place.epoch = Math.max(place.epoch + 1, Math.floor(yield* Clock.currentTimeMillis))
      const own = yield* Scope.fork(scope)
      const built = yield* Node.layer(optionsOf(place)).pipe(
        Layer.provide([Layer.effect(Transport.Transport, network.transport(place.address)), discovery]),
        Layer.buildWithScope(own),
        Effect.provideService(References.MinimumLogLevel, options.logLevel ?? "Error"),
        Effect.orDie
      )
      place.running = {
        membership: Context.get(built, Membership.Membership),
        broadcast: Context.get(built, Broadcast.Broadcast),
        scope: own
      }
      yield* Effect.forEach(collecting, (each) => collectOn(place, each), { discard: true })
    }).pipe(done)

  /** Ends a process; its links are the network's affair. */
  const end = (place: Place): Effect.Effect<void> =>
    Effect.suspend(() => {
      const { running } = place
      if (running === undefined) return Effect.void
      place.running = undefined
      return Effect.gen(function* () {
        // Its epoch may have risen since it started.
        place.epoch = Math.max(place.epoch, (yield* running.membership.self).epoch)
        yield* Scope.close(running.scope, Exit.void)
      })
    })

  const kill = (...indices: ReadonlyArray<number>): Effect.Effect<void> =>
    Effect.forEach(
      indices,
      (index) =>
        Effect.suspend(() => Effect.andThen(network.crash(placeOf(index).address), end(placeOf(index)))).pipe(done),
      { discard: true }
    )

  const killShare = (share: number): Effect.Effect<ReadonlyArray<number>> =>
    Effect.suspend(() => {
      const rest = [...running()]
      const count = Math.round(rest.length * share)
      const chosen = Array.from({ length: count }, () => rest.splice(Random.nextBelow(random, rest.length), 1)).flat()
      chosen.sort((a, b) => a - b)
      return Effect.as(kill(...chosen), chosen)
    })

  const join = (index: number, through?: ReadonlyArray<number>) =>
    Effect.suspend(() => {
      const others = (through ?? running()).filter((other) => other !== index)
      const contacts = through === undefined ? others.slice(0, 1) : others
      return runningAt(index).membership.join(contacts.map(addressOf))
    }).pipe(done)

  const joinAll: TestCluster["joinAll"] = ({ contacts = 1, every } = {}) =>
    Effect.suspend(() => {
      const joining = running()
      const through = joining.slice(0, contacts)
      return Effect.forEach(
        joining,
        (index) => (every === undefined ? join(index, through) : Effect.andThen(join(index, through), pass(every))),
        { discard: true }
      )
    })

  const restart = (index: number, through?: ReadonlyArray<number>) => Effect.andThen(start(index), join(index, through))

  const leaveInItsTime = (place: Place): Effect.Effect<void> =>
    Effect.suspend(() => Effect.andThen(runningAt(place.index).membership.leave, end(place)))

  const leave = (index: number) => Effect.suspend(() => passWhile(leaveInItsTime(placeOf(index)), "100 millis"))

  // --- faults --------------------------------------------------------------------------------------------------------

  const setFrozen = (frozen: boolean, indices: ReadonlyArray<number>): Effect.Effect<void> =>
    Effect.forEach(
      indices,
      (index) =>
        Effect.suspend(() => {
          const place = placeOf(index)
          place.frozen = frozen
          return frozen ? network.freeze(place.address) : network.unfreeze(place.address)
        }).pipe(done),
      { discard: true }
    )

  /** A node's part of a fault, after the network has done its own. */
  const onFault = (fault: Fault): Effect.Effect<void, Membership.DuplicateIdentity> => {
    switch (fault._tag) {
      case "Crash":
        return Effect.forEach(fault.nodes, (index) => end(placeOf(index)), { discard: true })
      case "Restart":
        return Effect.forEach(
          fault.nodes.filter((index) => placeOf(index).running === undefined),
          (index) => restart(index),
          { discard: true }
        )
      case "Leave":
        return Effect.forEach(
          fault.nodes.map(placeOf).filter((place) => place.running !== undefined),
          (place) => Effect.forkIn(leaveInItsTime(place), scope),
          { discard: true }
        )
      case "Freeze":
      case "Unfreeze":
        return Effect.sync(() => {
          for (const index of fault.nodes) placeOf(index).frozen = fault._tag === "Freeze"
        })
      default:
        return Effect.void
    }
  }

  // --- looking -------------------------------------------------------------------------------------------------------

  const overlay: Effect.Effect<Overlay.Snapshot<string>> = Effect.suspend(() =>
    Effect.forEach(places, ({ frozen, id, running }) =>
      running === undefined
        ? Effect.succeed({ id, alive: false, active: [], passive: [], pending: 0 })
        : Effect.map(running.membership.view, (view) => ({
            id,
            alive: !frozen && (view.status === "joining" || view.status === "joined"),
            active: view.active.map(({ peer }) => peer.id),
            passive: view.passive.map((peer) => peer.id),
            pending: view.pending
          }))
    )
  )

  const settle = Effect.fnUntraced(function* ({ among, every, within = "10 minutes" }: SettleOptions = {}) {
    const seen = among === undefined ? undefined : new Set(among.map((index) => placeOf(index).id))
    const sure = settings.membership.requestTimeoutMillis
    const begin = yield* Clock.currentTimeMillis
    const limit = begin + Duration.toMillis(within)
    let calmSince: number | undefined
    for (;;) {
      const now = yield* Clock.currentTimeMillis
      const snapshot = yield* overlay
      const looked = seen === undefined ? snapshot : snapshot.filter(({ id }) => seen.has(id))
      const violations = Overlay.violations(looked, bounds, { calm: true })
      if (violations.length > 0) calmSince = undefined
      else calmSince ??= now
      if (calmSince !== undefined && now - calmSince >= sure) return Duration.millis(calmSince - begin)
      if (now >= limit) return yield* new NotSettled({ after: Duration.millis(now - begin), violations })
      yield* pass(every ?? sure)
    }
  })

  yield* Effect.forEach(places, ({ index }) => start(index), { discard: true })

  return {
    size: nodes,
    network,
    bounds,
    idOf,
    addressOf,
    running,
    node: runningAt,
    start,
    join,
    joinAll,
    kill,
    killShare,
    restart,
    leave,
    freeze: (...indices) => setFrozen(true, indices),
    unfreeze: (...indices) => setFrozen(false, indices),
    partition: (groups, mode) =>
      network.partition(
        groups.map((group) => group.map(addressOf)),
        { mode }
      ),
    heal: network.heal,
    play: (plan) =>
      passWhile(network.applyPlan(plan, { addresses: places.map(({ address }) => address), onFault }), "100 millis"),
    publish: (index, topic, payload) => Effect.suspend(() => runningAt(index).broadcast.publish(topic, payload)),
    collect: (topic) =>
      Effect.gen(function* () {
        const deliveries = places.map((): Array<Broadcast.Delivery> => [])
        const each: Collecting = { topic, deliveries, fibers: [] }
        collecting.add(each)
        yield* Effect.addFinalizer(() =>
          Effect.suspend(() => {
            collecting.delete(each)
            return Fiber.interruptAll(each.fibers)
          })
        )
        yield* Effect.forEach(places, (place) => collectOn(place, each), { discard: true })
        return {
          of: (index) => deliveries[index] ?? [],
          receivers: (id) =>
            deliveries.flatMap((got, index) =>
              got.filter((delivery) => delivery._tag === "Message" && sameMessage(delivery.id, id)).map(() => index)
            )
        }
      }),
    pass,
    settle,
    overlay,
    views: Effect.suspend(() =>
      Effect.forEach(running(), (index) =>
        Effect.map(runningAt(index).membership.view, ({ active, passive, self }) => ({
          id: self.id,
          epoch: self.epoch,
          active: active.map(({ peer }) => peer.id),
          passive: passive.map(({ id }) => id)
        }))
      )
    ),
    statistics: Effect.gen(function* () {
      const views = yield* Effect.forEach(running(), (index) => runningAt(index).membership.view)
      const sum = (of: (view: Membership.View) => number) => views.reduce((total, view) => total + of(view), 0)
      return {
        network: { ...network.statistics, faults: { ...network.statistics.faults } },
        messages: { sent: sum(({ messages }) => messages.sent), received: sum(({ messages }) => messages.received) },
        links: sum(({ links }) => links),
        outboxBytes: sum(({ outboxBytes }) => outboxBytes)
      }
    })
  }
})

const sameMessage = (a: Flood.MessageId, b: Flood.MessageId): boolean =>
  a.source === b.source && a.epoch === b.epoch && a.topic === b.topic && a.sequence === b.sequence
