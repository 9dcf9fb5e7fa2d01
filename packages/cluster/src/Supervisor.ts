/**
 * A supervisor of live nodes: it starts worker processes, each with several nodes over loopback TCP or mutual TLS, and
 * speaks to them over a control channel. It starts, joins, kills without a goodbye, restarts, adds, parts and heals, broadcasts, watches,
 * and takes leave.
 *
 * No worker outlives its supervisor, whatever ends it: a worker ends when its channel closes. A worker that ends
 * unasked is reported with its exit code or signal and the last lines that it wrote; the other processes go on.
 *
 * @since 0.1.0
 */
import type * as HyParView from "@hyparview/core/HyParView"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type {
  Delivery,
  Inspection,
  Lag,
  LinkLoss,
  MessageId,
  NodeNotStarted,
  NodeSizes,
  NodeView,
  NoSuchNode,
  NotBlocked,
  NotPublished,
  Told,
  Usage
} from "./Control.ts"
import type { ManagedNode } from "./internal/roster.ts"
import type { Publication } from "./internal/publishing.ts"
import { supervise, type SupervisorEvent } from "./internal/supervise.ts"
import type { Ending } from "./internal/workerProcess.ts"
import type { Housing, KillPlan } from "./KillPlan.ts"
import type * as Overview from "./Overview.ts"
import type { InvalidPartition, Partition } from "./Partition.ts"
import type { InvalidOptions, Options } from "./SupervisorConfig.ts"
import type { PartlyStarted, TooManyNodes, UselessShare, WorkerError, WorkerLost, WorkerSilent } from "./WorkerError.ts"

export { InvalidOptions, type Options } from "./SupervisorConfig.ts"
export type { ManagedNode } from "./internal/roster.ts"
export type { Publication } from "./internal/publishing.ts"
export type { SupervisorEvent } from "./internal/supervise.ts"
export type { Ending } from "./internal/workerProcess.ts"

/**
 * Everything that there is to see of a cluster, at one moment.
 *
 * @category models
 * @since 0.1.0
 */
export interface Status {
  /** All nodes ever started. */
  readonly nodes: ReadonlyArray<ManagedNode>
  /** The views of those that run; of those of a process that does not answer, the last that it showed. */
  readonly views: ReadonlyArray<NodeView>
  /** The processes that did not answer. */
  readonly silent: ReadonlyArray<WorkerSilent>
  /** The views, judged in the light of those seen before. */
  readonly overview: Overview.Overview
  /** The partition in force. */
  readonly partition: Partition | undefined
  /** The latest message, and whom it has reached so far, and when. */
  readonly latest: (Publication & { readonly deliveries: ReadonlyArray<Delivery> }) | undefined
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
  /** When it was published, by the machine's clock. */
  readonly atMillis: number
  /** Nodes that ran when it was published. */
  readonly expected: number
  readonly deliveries: ReadonlyArray<Delivery>
  /** Those among the expected that were not handed the message, as far as is known: a process may not have answered. */
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
     * Tells every running node to join through the contact, a bounded number at a time: the next when one before has found a
     * neighbour, or has had its time. Returns before they have.
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
     * A poll, judged, with the latest message's way: two requests a process. `passive`: the ids in reserve too. A process that
     * does not answer is waited for a few seconds, and hides none of the others; fails where none answers. A node that is
     * found to have stopped by itself counts as one that does not run from then on.
     */
    readonly status: (options: { readonly passive: boolean }) => Effect.Effect<Status, WorkerError>

    /** One node in full. */
    readonly inspect: (id: string) => Effect.Effect<Inspection, WorkerError | NoSuchNode>

    /**
     * The links that nodes have lost since this was last asked, with reasons; what a process that is gone, or does not
     * answer, had yet to tell is not among them.
     */
    readonly takeLinkLosses: Effect.Effect<ReadonlyArray<LinkLoss>>

    /**
     * Kills without a goodbye: processes by SIGKILL, single nodes by destroying their sockets. Returns when all of them
     * are dead.
     */
    readonly kill: (plan: KillPlan) => Effect.Effect<void, WorkerError | NoSuchNode>

    /**
     * Kills a share (rounded, neither nobody nor all) of the nodes that run when its turn comes, drawn from the seed, and
     * says whom: `killed` are those of the processes too.
     */
    readonly killShare: (options: {
      readonly percent: number
      readonly seed: number
    }) => Effect.Effect<KillPlan & { readonly killed: ReadonlyArray<string> }, WorkerError | NoSuchNode | UselessShare>

    /**
     * Starts nodes that were killed again, under their ids, and joins them through a node that runs: in a partition, one
     * of their own part; where nobody else runs, through the first of them. Those that run are left alone, but for such as
     * have no neighbour, which join too. Returns those that it has started; where one cannot start the others do.
     */
    readonly restart: (
      nodes: ReadonlyArray<string>
    ) => Effect.Effect<
      ReadonlyArray<ManagedNode>,
      WorkerError | NodeNotStarted | NoSuchNode | NotBlocked | PartlyStarted
    >

    /** Starts so many more nodes, in the processes that have the fewest, and joins them as `restart` does. They are in no group. */
    readonly add: (
      count: number
    ) => Effect.Effect<
      ReadonlyArray<ManagedNode>,
      WorkerError | NodeNotStarted | NoSuchNode | NotBlocked | PartlyStarted | TooManyNodes
    >

    /**
     * Parts the cluster into groups, in place of any partition before, and at every node: whoever is started again belongs
     * to its group still. Nodes in no group reach everybody.
     */
    readonly partition: (partition: Partition) => Effect.Effect<void, WorkerError | InvalidPartition | NotBlocked>

    /** Ends the partition. Who was started in a part of which nobody was left joins through another part. */
    readonly heal: Effect.Effect<void, WorkerError | NoSuchNode>

    /**
     * Publishes a text from a node, on the first of the topics unless another is named, and returns at once: `status` tells
     * how far it gets.
     */
    readonly publish: (options: {
      readonly from: string
      readonly text: string
      readonly topic?: string | undefined
    }) => Effect.Effect<Publication, WorkerError | NoSuchNode | NotPublished>

    /**
     * Publishes a text from a node, and waits until every node that runs has it, or `within` has passed. Once it is published it
     * does not fail: a process that does not answer, or ends, leaves its nodes `missing`, and is waited for a few seconds more.
     */
    readonly broadcast: (options: {
      readonly from: string
      readonly text: string
      readonly within: Duration.Input
    }) => Effect.Effect<Reach, WorkerError | NoSuchNode | NotPublished>

    /**
     * All that the subscribers of the nodes were told since this was last asked (`watched`): every message with whom it was
     * handed to, every Lagged, and how much more there was than the workers may remember.
     */
    readonly takeTold: Effect.Effect<
      { readonly told: ReadonlyArray<Told>; readonly lagged: ReadonlyArray<Lag>; readonly dropped: number },
      WorkerError
    >

    /** How much each node's state holds, beside its bounds (`watched`). */
    readonly sizes: Effect.Effect<ReadonlyArray<NodeSizes>, WorkerError>

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

/**
 * A supervisor that has started nothing yet. Everything that it will start ends with the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (
  options: Options
) => Effect.Effect<Supervisor["Service"], InvalidOptions | HyParView.ConfigError, Scope.Scope> = supervise

/**
 * A supervisor as a layer. Its end is the end of all that it started: without a goodbye, so `leave` first.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<Supervisor, InvalidOptions | HyParView.ConfigError> =>
  Layer.effect(Supervisor, make(options))
