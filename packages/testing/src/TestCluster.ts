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
 * Nodes are named by index, from 0. What makes no sense (a cluster of no nodes, a node or an option that there is none of, a fault
 * plan about more nodes than the cluster has, to start a node that runs, to publish on one that does not) is a mistake in the test, and dies.
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
import { type HyParView, type Plumtree, Random } from "@hyparview/core"
import type { Overlay } from "@hyparview/faults"
import type { Fault, FaultPlan, InvalidPlan } from "@hyparview/faults/FaultPlan"
import { type Broadcast, type Membership, Node } from "@hyparview/runtime"
import { MemoryNetwork } from "@hyparview/transport-memory"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as LogLevel from "effect/LogLevel"
import type * as Scope from "effect/Scope"
import { type Check, type Collected, Collections } from "./internal/collecting.ts"
import {
  type NodeViews,
  NotSettled,
  overlayOf,
  settle,
  type SettleOptions,
  type Statistics,
  statisticsOf,
  viewsOf
} from "./internal/judging.ts"
import { checkNames } from "./internal/names.ts"
import { pass, passWhile } from "./internal/passing.ts"
import { addressOf, optionsOf, Places, type Plan, type Program, type RunningNode } from "./internal/places.ts"
import type { EndlessInstant } from "./VirtualClock.ts"

export {
  type Check,
  type Collected,
  type NodeViews,
  NotSettled,
  type Program,
  type RunningNode,
  type SettleOptions,
  type Statistics
}

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
  readonly seed?: number | undefined
  /** For every node, over the runtime's defaults. Cluster `test`, no leave on close, unless said otherwise. */
  readonly node?: Partial<Omit<Node.Options, "id" | "epoch" | "seed">> | undefined
  /** For the network, over its defaults: latency, bandwidth, limits. */
  readonly network?: Omit<MemoryNetwork.Options, "seed"> | undefined
  /** The nodes whose addresses Discovery tells everybody. Default: none. */
  readonly discovery?: ReadonlyArray<number> | undefined
  /**
   * A node's id by its index. Default: `n00`, `n01`, …; ids in the order of the indices. Two may have one: of the nodes with the
   * same id that meet, some or all stop with `DuplicateIdentity`.
   */
  readonly idOf?: ((index: number) => string) | undefined
  /**
   * Whether a node remembers its epoch over restarts. Default: true. Otherwise one whose clock has jumped back starts with an
   * epoch that others may know to be over.
   */
  readonly storesEpochs?: boolean | undefined
  /**
   * What the nodes and their programs log at least. Default: `Error`. `it.effect` keeps the console's lines (`TestConsole`); `it.live`
   * with the virtual clock shows them.
   */
  readonly logLevel?: LogLevel.LogLevel | undefined
  /**
   * What an application runs on a node, by its index: begun by each start of it, those of a fault plan too, and interrupted,
   * its scope closed, where that process ends. It may join by itself, build layers in its scope, and wait: time passes as
   * for the node. If it fails, the cause is logged, under `it.effect` on the console too, and the node runs on. Default: nothing.
   */
  readonly program?: ((index: number) => Program) | undefined
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
   * Lets all running nodes join in the order of their indices, through the first `contacts` of them (from 1, the default):
   * at once, or `every` so often.
   */
  readonly joinAll: (options?: {
    readonly contacts?: number | undefined
    readonly every?: Duration.Input | undefined
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
   * in their own time. A node whose clock jumps goes on sleeping as before; what it reads is off by the jump, for good.
   */
  readonly play: (plan: FaultPlan) => Effect.Effect<void, InvalidPlan | Membership.DuplicateIdentity | EndlessInstant>

  /** Performs one fault of a plan now, as `play` would. */
  readonly apply: (fault: Fault) => Effect.Effect<void, Membership.DuplicateIdentity>

  /** Publishes on a node. */
  readonly publish: (
    index: number,
    topic: string,
    payload: Uint8Array,
    options?: Broadcast.PublishOptions
  ) => Effect.Effect<Plumtree.MessageId, Broadcast.PublishError>
  /** Subscribes every node to a topic, those that start later too, until the scope ends. */
  readonly collect: (
    topic: string,
    options?: Broadcast.SubscribeOptions
  ) => Effect.Effect<Collected, never, Scope.Scope>

  /** Lets time pass. */
  readonly pass: (duration: Duration.Input) => Effect.Effect<void, EndlessInstant>
  /**
   * Lets time pass until the overlay is well (`Overlay.violations` in calm) and has been for a request time-out. Returns
   * how long it took to become so. An overlay that nobody is in is never well, whether nobody has joined or all have been
   * killed.
   */
  readonly settle: (options?: SettleOptions) => Effect.Effect<Duration.Duration, NotSettled | EndlessInstant>

  /** What the overlay checkers take. A node that is frozen, or has not joined, counts as not alive. */
  readonly overlay: Effect.Effect<Overlay.Snapshot<string>>
  /** The views of the running nodes, in the order of their indices. */
  readonly views: Effect.Effect<ReadonlyArray<NodeViews>>
  readonly statistics: Effect.Effect<Statistics>
}

/** A generator of the cluster's own, beside those of its nodes. */
const drawing = 0x7fff_ffff

const names: Record<keyof Options, true> = {
  nodes: true,
  seed: true,
  node: true,
  network: true,
  discovery: true,
  idOf: true,
  storesEpochs: true,
  logLevel: true,
  program: true
}

const planOf = (options: Options): Plan => {
  checkNames(options, names)
  const { discovery = [], nodes } = options
  if (!Number.isSafeInteger(nodes) || nodes < 1) {
    throw new RangeError(`nodes: a cluster has a whole number of nodes, from 1, not ${nodes}`)
  }
  const stranger = discovery.find((index) => !Number.isInteger(index) || index < 0 || index >= nodes)
  if (stranger !== undefined) throw new RangeError(`discovery: there is no node ${stranger}: the cluster has ${nodes}`)
  const width = String(nodes - 1).length
  return {
    nodes,
    seed: options.seed ?? 0,
    node: options.node ?? {},
    idOf: options.idOf ?? ((index) => `n${String(index).padStart(width, "0")}`),
    discovery,
    storesEpochs: options.storesEpochs ?? true,
    logLevel: options.logLevel ?? "Error",
    program: options.program
  }
}

/** A node's part of a fault of a plan, after the network has done its own. */
const suffer =
  (places: Places, scope: Scope.Scope) =>
  (fault: Fault): Effect.Effect<void, Membership.DuplicateIdentity> => {
    switch (fault._tag) {
      case "Crash":
        return Effect.forEach(fault.nodes, (index) => places.end(places.at(index)), { discard: true })
      case "Restart": {
        // A process that has not done with leaving gives way to the new one.
        const stopped = fault.nodes
          .map((index) => places.at(index))
          .filter((place) => place.running === undefined || place.leaving)
        return Effect.forEach(stopped, (place) => Effect.andThen(places.end(place), places.restart(place.index)), {
          discard: true
        })
      }
      case "Leave": {
        const leaving = fault.nodes.map((index) => places.at(index)).filter(({ running }) => running !== undefined)
        return Effect.forEach(leaving, (place) => Effect.forkIn(places.leave(place), scope), { discard: true })
      }
      case "Freeze":
      case "Unfreeze":
        return Effect.sync(() => {
          for (const index of fault.nodes) places.at(index).frozen = fault._tag === "Freeze"
        })
      case "ClockJump":
        return Effect.sync(() => {
          places.at(fault.node).clock.skewMillis += fault.millis
        })
      default:
        return Effect.void
    }
  }

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
  Node.OptionsError | HyParView.ConfigError | Plumtree.ConfigError | MemoryNetwork.InvalidOptions,
  Scope.Scope
> {
  const plan = planOf(options)
  const first = { index: 0, id: plan.idOf(0), incarnation: 0, epoch: 1 }
  const { membership } = yield* Effect.fromResult(Node.resolve(optionsOf(plan, first)))
  const network = yield* MemoryNetwork.make({ ...options.network, seed: plan.seed })
  const scope = yield* Effect.scope
  const collections = new Collections()
  const clock = yield* Clock.Clock
  const places = new Places(plan, network, scope, clock, (place) => collections.started(place))
  const random = Random.seededFor(plan.seed, drawing)

  const each = <E>(indices: ReadonlyArray<number>, act: (index: number) => Effect.Effect<void, E>) =>
    Effect.forEach(indices, act, { discard: true })

  const join: TestCluster["join"] = (index, through) => places.join(index, through)

  const joinAll: TestCluster["joinAll"] = (options = {}) =>
    Effect.suspend(() => {
      checkNames(options, { contacts: true, every: true })
      const { contacts = 1, every } = options
      if (!Number.isSafeInteger(contacts) || contacts < 1) {
        throw new RangeError(`contacts: a whole number of them, from 1, not ${contacts}`)
      }
      const through = places.running().slice(0, contacts)
      return Effect.forEach(
        places.running(),
        (index) => (every === undefined ? join(index, through) : Effect.andThen(join(index, through), pass(every))),
        { discard: true }
      )
    })

  const killShare: TestCluster["killShare"] = (share) =>
    Effect.suspend(() => {
      if (!(share >= 0 && share <= 1)) throw new RangeError(`a share of the nodes is from 0 to 1, not ${share}`)
      const rest = [...places.running()]
      const count = Math.round(rest.length * share)
      const chosen = Array.from({ length: count }, () => rest.splice(Random.nextBelow(random, rest.length), 1)).flat()
      chosen.sort((a, b) => a - b)
      return Effect.as(
        each(chosen, (index) => places.kill(index)),
        chosen
      )
    })

  yield* each([...places.all.keys()], (index) => places.start(index))

  return {
    size: plan.nodes,
    network,
    bounds: membership,
    idOf: plan.idOf,
    addressOf,
    running: () => places.running(),
    node: (index) => places.runningAt(index),
    start: (index) => places.start(index),
    join,
    joinAll,
    kill: (...indices) => each(indices, (index) => places.kill(index)),
    killShare,
    restart: (index, through) => places.restart(index, through),
    leave: (index) => Effect.suspend(() => passWhile(places.leave(places.at(index)), "100 millis")),
    freeze: (...indices) => each(indices, (index) => places.setFrozen(index, true)),
    unfreeze: (...indices) => each(indices, (index) => places.setFrozen(index, false)),
    partition: (groups, mode) =>
      Effect.suspend(() =>
        network.partition(
          groups.map((group) => group.map((index) => places.at(index).address)),
          { mode }
        )
      ),
    heal: network.heal,
    play: (plan) => {
      const addresses = places.all.map(({ address }) => address)
      return passWhile(network.applyPlan(plan, { addresses, onFault: suffer(places, scope) }), "100 millis")
    },
    apply: (fault) => {
      const addresses = places.all.map(({ address }) => address)
      return Effect.andThen(network.applyFault(fault, addresses), suffer(places, scope)(fault))
    },
    publish: (index, topic, payload, options) =>
      Effect.suspend(() => places.runningAt(index).broadcast.publish(topic, payload, options)),
    collect: (topic, options = {}) => Effect.suspend(() => collections.collect(places.all, topic, options)),
    pass,
    settle: (options = {}) =>
      Effect.suspend(() => {
        checkNames(options, { within: true, every: true, among: true })
        const looked = options.among?.map((index) => places.at(index)) ?? places.all
        if (looked.length === 0) throw new RangeError("among: at least one node is looked at")
        return settle(looked, membership, membership.requestTimeoutMillis, options)
      }),
    overlay: overlayOf(places.all),
    views: viewsOf(places.all),
    statistics: statisticsOf(places.all, network)
  }
})
