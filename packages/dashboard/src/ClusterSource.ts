/**
 * What the page needs of a cluster, as an interface: what is to be seen, and what can be done to it. It stands between
 * the page's server, which knows nothing of processes and sockets, and whoever runs the nodes: `hyparview cluster`
 * answers it with its supervisor, a test with a cluster that it makes up.
 *
 * Everything here is a Schema, because it crosses the wire to the page. What is a list has a bound.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"

/**
 * The most nodes of one cluster on one page. Provenance: what one machine runs is below it; a page with more would not be
 * read as a graph any more.
 *
 * @category bounds
 * @since 0.1.0
 */
export const mostNodes = 10_000

/** Longest id, address, topic and text of a reason, in characters. */
const shortText = Schema.String.check(Schema.isMaxLength(512))

/**
 * A node's id.
 *
 * @category models
 * @since 0.1.0
 */
export const NodeId = Schema.NonEmptyString.check(Schema.isMaxLength(255))

const ids = Schema.Array(NodeId).check(Schema.isMaxLength(mostNodes))

const count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

/**
 * How a node is. Whether one that is alive is isolated follows from the views, and is not said twice.
 *
 * - `joining`: it runs, and has not found the overlay yet
 * - `alive`: it has joined
 * - `left`: it said goodbye
 * - `dead`: it was killed, it stopped because another process uses its id, or its process ended
 *
 * @category models
 * @since 0.1.0
 */
export const NodeStatus = Schema.Literals(["joining", "alive", "left", "dead"])

/**
 * @category models
 * @since 0.1.0
 */
export type NodeStatus = typeof NodeStatus.Type

/**
 * A node as it is seen from outside.
 *
 * @category models
 * @since 0.1.0
 */
export const SeenNode = Schema.Struct({
  id: NodeId,
  address: shortText,
  /** The number of the process it lives in; null where that means nothing. */
  process: Schema.NullOr(count),
  status: NodeStatus,
  /** Ids of the neighbours; empty for a node that does not run. */
  active: ids,
  /** Those among them to which broadcasts are pushed; absent where every link is used alike. */
  eager: Schema.optionalKey(ids),
  /** How many addresses it has in reserve. */
  passiveSize: count,
  /** The median round trip to its neighbours in milliseconds; null where none has been measured. */
  roundTripMillis: Schema.NullOr(Schema.Finite),
  /** On which side of a partition it stands, from 0; null while there is none, or where it stands on none. */
  group: Schema.NullOr(count)
})

/**
 * @category models
 * @since 0.1.0
 */
export type SeenNode = typeof SeenNode.Type

/**
 * How far a message got, and how soon.
 *
 * @category models
 * @since 0.1.0
 */
export const Reach = Schema.Struct({
  /** Names the message. */
  id: shortText,
  from: NodeId,
  /** By the clock of the machine. */
  publishedAtMillis: Schema.Finite,
  /** Nodes that ran when it was published, and others who have it all the same: they were started since. */
  expected: count,
  /** Who has it: the node, the links that the copy crossed, the milliseconds since it was published. */
  arrivals: Schema.Array(Schema.Tuple([NodeId, count, Schema.Finite])).check(Schema.isMaxLength(mostNodes))
})

/**
 * @category models
 * @since 0.1.0
 */
export type Reach = typeof Reach.Type

/**
 * The cluster at one moment, as nearly as its processes answer at one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Observation {
  /** At most `mostNodes`, those that are dead included; each id once. */
  readonly nodes: ReadonlyArray<SeenNode>
  /** Processes that run. */
  readonly processes: number
  /** Messages since the nodes' starts, over all nodes that run. */
  readonly messages: { readonly sent: number; readonly received: number }
  /** Bytes that wait to be sent now. */
  readonly outboxBytes: number
  /** The latest broadcast, and whom it has reached so far; null before the first. */
  readonly reach: Reach | null
  /** Why a part of what is shown may be old; null, or absent, if nothing is. */
  readonly trouble?: string | null
}

/**
 * What does not change while the cluster runs.
 *
 * @category models
 * @since 0.1.0
 */
export const About = Schema.Struct({
  cluster: shortText,
  /** Neighbours that a node wants. */
  wantedDegree: count,
  /** How the nodes talk, for people: `TCP on 127.0.0.1`. */
  transport: shortText
})

/**
 * @category models
 * @since 0.1.0
 */
export type About = typeof About.Type

/**
 * What is asked of one node when somebody looks at it.
 *
 * @category models
 * @since 0.1.0
 */
export const NodeDetail = Schema.Struct({
  id: NodeId,
  /** The incarnation: higher after each restart. */
  epoch: count,
  neighbors: Schema.Array(Schema.Struct({ id: NodeId, roundTripMillis: Schema.NullOr(Schema.Finite) })).check(
    Schema.isMaxLength(mostNodes)
  ),
  /** Ids in reserve. */
  passive: ids,
  /** Open connections, temporary ones included. */
  links: count,
  /** Requests for links under way. */
  pending: count,
  /** Peers that stopped answering and are probed from time to time. */
  graveyard: count,
  sent: count,
  received: count,
  outboxBytes: count
})

/**
 * @category models
 * @since 0.1.0
 */
export type NodeDetail = typeof NodeDetail.Type

/**
 * Something that happened to the cluster, and why.
 *
 * @category models
 * @since 0.1.0
 */
export interface Happening {
  readonly kind: "link" | "node" | "process"
  readonly isBad: boolean
  /** To whom. A `link` that was lost names the node and the neighbour that it lost. */
  readonly nodes: ReadonlyArray<string>
  /** What, without whom, so that many of one kind can be told in one line: `lost a neighbour`. */
  readonly what: string
  /** Why: `the connection was reset`; null where nobody knows. */
  readonly reason: string | null
}

/**
 * Something to do to the cluster.
 *
 * - `Publish`: a text from one node to all
 * - `Kill`: these, without a goodbye
 * - `KillShare`: a share of those that run, in percent, whole processes first
 * - `Restart`: these, or every dead one if none is named, under their own ids
 * - `AddNodes`: new ones, which join through one that runs
 * - `Partition`: who is in different groups hears nothing of each other; who is in no group hears everybody. `reset`: links
 *   between them break at once; `silent`: what is sent vanishes, as with a cut cable, and has to be missed
 * - `Heal`: ends the partition
 *
 * @category models
 * @since 0.1.0
 */
export const Action = Schema.TaggedUnion({
  Publish: { node: NodeId, text: Schema.String.check(Schema.isMaxLength(1_024)) },
  Kill: { nodes: ids.check(Schema.isMinLength(1)) },
  KillShare: { percent: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 100 })) },
  Restart: { nodes: ids },
  AddNodes: { count: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000 })) },
  Partition: {
    groups: Schema.Array(ids.check(Schema.isMinLength(1))).check(Schema.isMinLength(2), Schema.isMaxLength(8)),
    mode: Schema.Literals(["reset", "silent"])
  },
  Heal: {}
})

/**
 * @category models
 * @since 0.1.0
 */
export type Action = typeof Action.Type

/**
 * What was done.
 *
 * @category models
 * @since 0.1.0
 */
export const ActionResult = Schema.TaggedUnion({
  Published: { reach: Reach },
  Killed: { nodes: ids },
  /** `trouble`: why others that were to start did not. */
  Restarted: { nodes: ids, trouble: Schema.optionalKey(shortText) },
  Added: { nodes: ids, trouble: Schema.optionalKey(shortText) },
  Partitioned: { sizes: Schema.Array(count) },
  Healed: {}
})

/**
 * @category models
 * @since 0.1.0
 */
export type ActionResult = typeof ActionResult.Type

/**
 * There is no such node, or it does not run. Nothing was done.
 *
 * @category errors
 * @since 0.1.0
 */
export class NoSuchNode extends Schema.TaggedError<NoSuchNode>()("NoSuchNode", { node: Schema.String }) {
  override get message(): string {
    return `no node ${JSON.stringify(this.node.slice(0, 64))} runs here`
  }
}

/**
 * The cluster is in no state for this, and says why. Nothing was done.
 *
 * @category errors
 * @since 0.1.0
 */
export class ActionRefused extends Schema.TaggedError<ActionRefused>()("ActionRefused", {
  action: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return this.detail
  }
}

/**
 * The cluster, or a part of it, did not answer. Whether it did what it was asked is not known.
 *
 * @category errors
 * @since 0.1.0
 */
export class ClusterUnavailable extends Schema.TaggedError<ClusterUnavailable>()("ClusterUnavailable", {
  detail: Schema.String
}) {
  override get message(): string {
    return `the cluster does not answer: ${this.detail}`
  }
}

/**
 * @category errors
 * @since 0.1.0
 */
export type ActionError = NoSuchNode | ActionRefused | ClusterUnavailable

/**
 * A cluster that can be watched and acted on.
 *
 * @category services
 * @since 0.1.0
 */
export class ClusterSource extends Context.Service<
  ClusterSource,
  {
    readonly about: About

    /** The cluster now. Asked only while somebody watches, never twice at a time, and at most five times a second. */
    readonly observe: Effect.Effect<Observation, ClusterUnavailable>

    /** One node in full: for the one that somebody has selected. */
    readonly inspect: (id: string) => Effect.Effect<NodeDetail, NoSuchNode | ClusterUnavailable>

    /** What happens, from now on. It is run once, for as long as the server lives. */
    readonly happenings: Stream.Stream<Happening>

    /** Does something, and returns when it has been done: what follows from it is seen by `observe`. */
    readonly act: (action: Action) => Effect.Effect<ActionResult, ActionError>
  }
>()("@hyparview/dashboard/ClusterSource") {}
