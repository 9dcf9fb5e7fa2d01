/**
 * A supervisor of live nodes: it starts worker processes, each with several nodes over loopback TCP or mutual TLS, and
 * speaks to them over a control channel. It starts, joins, kills without a goodbye, restarts, broadcasts, watches, and takes leave.
 *
 * No worker outlives its supervisor, whatever ends it: a worker ends when its channel closes. A worker that ends
 * unasked is reported with its exit code or signal and the last lines that it wrote; the other processes go on.
 *
 * @since 0.1.0
 */
import * as HyParView from "@hyparview/core/HyParView"
import * as Random from "@hyparview/core/Random"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as LogLevel from "effect/LogLevel"
import * as PubSub from "effect/PubSub"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type { Delivery, MessageId, NodeNotStarted, NodeView, NotPublished, Usage } from "./Control.ts"
import { NoSuchNode } from "./Control.ts"
import { makePool, startPatience } from "./internal/pool.ts"
import type { Ending } from "./internal/workerProcess.ts"
import type { Housing, KillPlan } from "./KillPlan.ts"
import * as Overview from "./Overview.ts"
import type { WorkerError, WorkerLost } from "./WorkerError.ts"

/**
 * What to start.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** How many nodes, 1 or more. They are called `n1`, `n2` and so on; `n1` is the contact through which all join. */
  readonly nodes: number
  /** In how many processes, 1 to `nodes`. Each gets as many nodes as the others, or one more. */
  readonly processes: number
  /** The cluster's name. Default `local`. */
  readonly cluster?: string
  /** Where the nodes listen. Default `127.0.0.1`. */
  readonly host?: string
  /** The contact's port. Default: any free one, which all other nodes have anyway. */
  readonly port?: number
  /**
   * Whether the nodes speak mutual TLS, with certificates made for the occasion: in a temporary directory that ends with
   * the supervisor, signed by an authority whose key never leaves this process. Default false: plain TCP.
   */
  readonly tls?: boolean
  /** From which the nodes' seeds are drawn. Live nodes are not repeatable all the same: the network is not. Default 1. */
  readonly seed?: number
  /** From which level on the workers log (see `events`). Default `Warn`. */
  readonly logLevel?: LogLevel.LogLevel
}

export type { Ending } from "./internal/workerProcess.ts"

/**
 * What happens unasked.
 *
 * - `WorkerLost`: a process ended
 * - `WorkerWrote`: a line of a worker's log
 *
 * @category models
 * @since 0.1.0
 */
export type SupervisorEvent =
  | { readonly _tag: "WorkerLost"; readonly lost: WorkerLost }
  | { readonly _tag: "WorkerWrote"; readonly process: number; readonly line: string }

/**
 * A node that the supervisor has started, whether or not it still runs.
 *
 * @category models
 * @since 0.1.0
 */
export interface ManagedNode {
  readonly id: string
  readonly process: number
  readonly address: string
  readonly isRunning: boolean
}

/**
 * How far a broadcast got.
 *
 * @category models
 * @since 0.1.0
 */
export interface Reach {
  readonly id: MessageId
  readonly from: string
  /** Nodes that ran when it was published. */
  readonly expected: number
  readonly deliveries: ReadonlyArray<Delivery>
  /** Those among the expected that were not handed the message. */
  readonly missing: ReadonlyArray<string>
  /** Those that were handed it more than once. */
  readonly repeated: ReadonlyArray<string>
  /** From the publishing to the last delivery, by the machine's clock. */
  readonly lastMillis: number
  /** The most links that a delivered copy crossed. */
  readonly hops: number
}

/**
 * What a process uses, and what it used before it had nodes.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProcessUsage {
  readonly process: number
  readonly usage: Usage
  /** Before its first node, after a collection: what a process costs by itself. */
  readonly empty: Usage
}

/**
 * A mutual handshake takes milliseconds of processor time on this one machine, where a TCP connection takes a tenth of one.
 * If hundreds of nodes asked the contact at once, all would be at work on their handshakes, none would be done before its
 * time-out, and all would begin anew (300 nodes on a busy machine: 25 of them joined in a minute and a half).
 */
const waveNodes = 20

/** A wave of which some cannot join, for whatever reason, must not keep the others from it. */
const wavePatience = Duration.seconds(10)

/** Leaving takes at most a node's `leaveDeadline` of 3 seconds, and the answer a moment. */
const leavePatience = Duration.seconds(10)

/**
 * Live nodes in processes.
 *
 * @category services
 * @since 0.1.0
 */
export class Supervisor extends Context.Service<
  Supervisor,
  {
    /** By what the overlay is judged. */
    readonly rules: Overview.Rules

    /** Starts the processes and the nodes in them. The nodes listen and have not joined. Once. */
    readonly start: Effect.Effect<ReadonlyArray<ManagedNode>, WorkerError | NodeNotStarted>

    /**
     * Tells every running node to join through the contact. Over TCP all at once; over TLS in waves, the next when the one
     * before has joined or has had its time. Returns before the last ones have.
     */
    readonly join: Effect.Effect<void, WorkerError | NoSuchNode>

    /** All nodes ever started. */
    readonly nodes: Effect.Effect<ReadonlyArray<ManagedNode>>

    /** The processes that run, and the nodes that run in them. */
    readonly housings: Effect.Effect<ReadonlyArray<Housing>>

    /** The views of all nodes that run, one request a process. `passive`: the ids in reserve too. */
    readonly poll: (options: { readonly passive: boolean }) => Effect.Effect<Overview.Poll, WorkerError>

    /** A poll, judged in the light of those before. */
    readonly overview: Effect.Effect<Overview.Overview, WorkerError>

    /**
     * Kills without a goodbye: processes by SIGKILL, single nodes by destroying their sockets. Returns when all of them
     * are dead.
     */
    readonly kill: (plan: KillPlan) => Effect.Effect<void, WorkerError | NoSuchNode>

    /** Starts nodes that were killed again, under their ids, and joins them through a node that runs. */
    readonly restart: (nodes: ReadonlyArray<string>) => Effect.Effect<void, WorkerError | NodeNotStarted | NoSuchNode>

    /**
     * Publishes a text from a node, and waits until every node that runs has it, or `within` has passed.
     */
    readonly broadcast: (options: {
      readonly from: string
      readonly text: string
      readonly within: Duration.Input
    }) => Effect.Effect<Reach, WorkerError | NoSuchNode | NotPublished>

    /** What each process uses. `collect`: after collecting its garbage. */
    readonly usage: (options: { readonly collect: boolean }) => Effect.Effect<ReadonlyArray<ProcessUsage>, WorkerError>

    /** Every node says goodbye. Returns when all have, or their deadlines have passed. */
    readonly leave: Effect.Effect<void, WorkerError>

    /** Ends all processes, and says how each ended. Nodes that have not left are gone without a goodbye. */
    readonly stop: Effect.Effect<ReadonlyArray<Ending>>

    /** What happens unasked, from now on. One who falls behind by 1,024 events misses the oldest. */
    readonly events: Stream.Stream<SupervisorEvent>

    /** Fails as soon as a process ends unasked, also if one has already. */
    readonly untilLoss: Effect.Effect<never, WorkerLost>
  }
>()("@hyparview/cluster/Supervisor") {}

/** `count` nodes over `processes`: as many in each as in the others, or one more. */
const allot = (count: number, processes: number): ReadonlyArray<ReadonlyArray<string>> =>
  Array.from({ length: processes }).map((_, process) => {
    const first = Math.floor((count * process) / processes)
    const next = Math.floor((count * (process + 1)) / processes)
    return Array.from({ length: next - first }).map((_, index) => `n${first + index + 1}`)
  })

/** Only who wants certificates pays for loading what makes them. */
const makeCertifier = Effect.fnUntraced(function* (cluster: string) {
  const certifier = yield* Effect.promise(() => import("./internal/certifier.ts"))
  return yield* certifier.make(cluster)
})

const monotonicMillis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)

/**
 * A supervisor that has started nothing yet. Everything that it will start ends with the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<Supervisor["Service"], HyParView.ConfigError, Scope.Scope> {
  const rules = yield* Effect.fromResult(HyParView.forClusterSize(options.nodes))
  const events = yield* PubSub.sliding<SupervisorEvent>({ capacity: 1_024 })
  const loss = yield* Deferred.make<never, WorkerLost>()
  // Commands that start or end nodes exclude each other.
  const turn = yield* Semaphore.make(1)
  const nodes = new Map<string, ManagedNode>()
  let watch = Overview.watch

  /** By number, in whichever order they came up: a seed must choose the same ones each time. */
  const listed = (): ReadonlyArray<ManagedNode> =>
    [...nodes.values()].sort((a, b) => Number(a.id.slice(1)) - Number(b.id.slice(1)))

  const runningIn = (process: number): ReadonlyArray<string> =>
    listed()
      .filter((node) => node.isRunning && node.process === process)
      .map(({ id }) => id)

  const bury = (ids: Iterable<string>): void => {
    for (const id of ids) {
      const node = nodes.get(id)
      if (node !== undefined) nodes.set(id, { ...node, isRunning: false })
    }
  }

  const pool = yield* makePool({
    logLevel: options.logLevel ?? "Warn",
    onLine: (process, line) => PubSub.publishUnsafe(events, { _tag: "WorkerWrote", process, line }),
    onEnd: (process) => {
      const gone = runningIn(process)
      bury(gone)
      return gone
    },
    onLoss: (lost) => Effect.andThen(Deferred.fail(loss, lost), PubSub.publish(events, { _tag: "WorkerLost", lost }))
  })

  const cluster = options.cluster ?? "local"
  const certify = options.tls === true ? yield* makeCertifier(cluster) : undefined

  const startNodes = Effect.fnUntraced(function* (process: number, ids: ReadonlyArray<string>) {
    const certificates = certify === undefined ? undefined : yield* certify(ids)
    const request = {
      ...(certificates === undefined ? {} : { certificates }),
      cluster,
      clusterSize: options.nodes,
      host: options.host ?? "127.0.0.1",
      nodes: ids.map((id) => {
        const index = Number(id.slice(1))
        const seed = Random.nextBits(Random.seededFor(options.seed ?? 1, index)) >>> 0
        return { id, port: index === 1 ? (options.port ?? 0) : 0, seed }
      })
    }
    const listening = yield* pool.ask(process, "Start", (control) => control.Start(request), startPatience)
    for (const { address, id } of listening ?? []) nodes.set(id, { id, process, address, isRunning: true })
  })

  const joinThrough = Effect.fnUntraced(function* (contact: string, ids: ReadonlySet<string>) {
    yield* pool.askAll("Join", (control, process) => {
      const some = runningIn(process).filter((id) => ids.has(id))
      return some.length === 0 ? Effect.void : control.Join({ nodes: some, contacts: [contact] })
    })
  })

  const poll = Effect.fnUntraced(function* ({ passive }: { readonly passive: boolean }) {
    const views = yield* pool.askAll("Poll", (control) => control.Poll({ passive }))
    return { atMillis: yield* monotonicMillis, nodes: views.flat() }
  })

  /** Waits until all of these that run have joined, or their time is up. */
  const awaitJoined = Effect.fnUntraced(function* (ids: ReadonlySet<string>) {
    const deadline = (yield* monotonicMillis) + Duration.toMillis(wavePatience)
    const isWaiting = (view: NodeView): boolean => ids.has(view.id) && view.status === "joining"
    while ((yield* monotonicMillis) < deadline) {
      const { nodes } = yield* poll({ passive: false })
      // The first node is up, alone, and goes on asking.
      if (!nodes.some(isWaiting) || nodes.length === 1) return
      // A poll of all nodes takes processor time that they need themselves.
      yield* Effect.sleep("200 millis")
    }
  })

  const joinInWaves = Effect.fnUntraced(function* (contact: ManagedNode) {
    const ids = listed().map(({ id }) => id)
    for (let from = 0; from < ids.length; from += waveNodes) {
      const wave = new Set(ids.slice(from, from + waveNodes))
      yield* joinThrough(contact.address, wave)
      if (from + waveNodes < ids.length) yield* awaitJoined(wave)
    }
  })

  const deliveriesOf = (id: MessageId) =>
    Effect.map(
      pool.askAll("Deliveries", (control) => control.Deliveries({ id })),
      (lists) => lists.flat()
    )

  /** The process in which a node runs. */
  const processOf = (id: string): Effect.Effect<number, NoSuchNode> => {
    const node = nodes.get(id)
    return node?.isRunning === true ? Effect.succeed(node.process) : Effect.fail(new NoSuchNode({ node: id }))
  }

  return Supervisor.of({
    rules,

    start: Effect.gen(function* () {
      const allotted = allot(options.nodes, options.processes)
      yield* Effect.forEach(allotted.keys(), pool.spawn, { concurrency: "unbounded", discard: true })
      yield* Effect.forEach(allotted.entries(), ([process, ids]) => startNodes(process, ids), {
        concurrency: "unbounded",
        discard: true
      })
      return listed()
    }).pipe(turn.withPermits(1)),

    join: Effect.suspend(() => {
      const contact = nodes.get("n1")
      if (contact === undefined) return Effect.fail(new NoSuchNode({ node: "n1" }))
      return certify === undefined ? joinThrough(contact.address, new Set(nodes.keys())) : joinInWaves(contact)
    }).pipe(turn.withPermits(1)),

    nodes: Effect.sync(() => listed()),

    housings: Effect.sync(() =>
      pool
        .workers()
        .map(({ process }) => ({ process, nodes: runningIn(process) }))
        .sort((a, b) => a.process - b.process)
    ),

    poll,

    overview: Effect.map(poll({ passive: false }), (seen) => {
      const observed = Overview.observe(watch, seen, rules)
      watch = observed.watch
      return observed.overview
    }),

    kill: Effect.fnUntraced(function* (plan) {
      const single = yield* Effect.forEach(plan.nodes, (id) =>
        Effect.map(processOf(id), (process) => ({ id, process }))
      )
      const killSingle = Effect.forEach(
        Map.groupBy(single, ({ process }) => process),
        ([process, members]) => {
          const ids = members.map(({ id }) => id)
          return Effect.map(
            pool.ask(process, "Kill", (control) => control.Kill({ nodes: ids })),
            () => bury(ids)
          )
        },
        { concurrency: "unbounded", discard: true }
      )
      yield* Effect.all([pool.kill(plan.processes), killSingle], { concurrency: "unbounded", discard: true })
    }, turn.withPermits(1)),

    restart: Effect.fnUntraced(function* (ids) {
      const contact = listed().find((node) => node.isRunning)
      const dead = yield* Effect.forEach(ids, (id) => {
        const node = nodes.get(id)
        return node === undefined ? Effect.fail(new NoSuchNode({ node: id })) : Effect.succeed(node)
      })
      const groups = Map.groupBy(
        dead.filter((node) => !node.isRunning),
        (node) => node.process
      )
      yield* Effect.forEach(
        groups,
        Effect.fnUntraced(function* ([process, members]) {
          if (!pool.workers().some((worker) => worker.process === process)) yield* pool.spawn(process)
          yield* startNodes(
            process,
            members.map(({ id }) => id)
          )
        }),
        { concurrency: "unbounded", discard: true }
      )
      const through = contact ?? nodes.get("n1")
      if (through !== undefined) yield* joinThrough(through.address, new Set(ids))
    }, turn.withPermits(1)),

    broadcast: Effect.fnUntraced(function* ({ from, text, within }) {
      const process = yield* processOf(from)
      const expected = listed()
        .filter((node) => node.isRunning)
        .map(({ id }) => id)
      const published = yield* pool.ask(process, "Publish", (control) => control.Publish({ node: from, text }))
      const { atMillis, id } = published ?? (yield* new NoSuchNode({ node: from }))
      const missingIn = (deliveries: ReadonlyArray<Delivery>): ReadonlyArray<string> => {
        const reached = new Set(deliveries.map(({ node }) => node))
        return expected.filter((node) => !reached.has(node))
      }
      const deadline = (yield* monotonicMillis) + Duration.toMillis(within)
      let deliveries = yield* deliveriesOf(id)
      while (missingIn(deliveries).length > 0 && (yield* monotonicMillis) < deadline) {
        yield* Effect.sleep("20 millis")
        deliveries = yield* deliveriesOf(id)
      }
      return {
        id,
        from,
        expected: expected.length,
        deliveries,
        missing: missingIn(deliveries),
        repeated: deliveries.filter(({ copies }) => copies > 1).map(({ node }) => node),
        lastMillis: deliveries.reduce((last, delivery) => Math.max(last, delivery.atMillis - atMillis), 0),
        hops: deliveries.reduce((most, { hops }) => Math.max(most, hops), 0)
      }
    }),

    usage: ({ collect }) =>
      Effect.map(
        pool.askAll("Usage", (control, process) =>
          Effect.map(control.Usage({ collect }), (usage) => ({ process, usage }))
        ),
        (usages) =>
          usages.flatMap(({ process, usage }) =>
            pool
              .workers()
              .flatMap((worker) => (worker.process === process ? [{ process, usage, empty: worker.empty }] : []))
          )
      ),

    leave: Effect.asVoid(pool.askAll("Leave", (control) => control.Leave(), leavePatience)).pipe(turn.withPermits(1)),

    stop: pool.stop.pipe(turn.withPermits(1)),

    events: Stream.fromPubSub(events),

    untilLoss: Deferred.await(loss)
  })
})

/**
 * A supervisor as a layer. Its end is the end of all that it started: without a goodbye, so `leave` first.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<Supervisor, HyParView.ConfigError> =>
  Layer.effect(Supervisor, make(options))
