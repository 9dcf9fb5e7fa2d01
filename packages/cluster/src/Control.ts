/**
 * The control channel: what a supervisor asks of the worker processes in which its nodes live. Every message is checked
 * against its schema at both ends. One request speaks about all nodes of a process, so that a poll of three thousand
 * nodes is a handful of messages.
 *
 * @since 0.1.0
 */
import * as History from "@hyparview/faults/History"
import * as Schema from "effect/Schema"
import * as Rpc from "effect/rpc/Rpc"
import * as RpcGroup from "effect/rpc/RpcGroup"

/**
 * One node of a worker, as a poll sees it: `Membership.View` in a form that travels.
 *
 * @category models
 * @since 0.1.0
 */
export const NodeView = Schema.Struct({
  id: Schema.String,
  epoch: Schema.Int,
  address: Schema.String,
  status: Schema.Literals(["idle", "joining", "joined", "left", "stopped"]),
  /** Ids of the neighbours. */
  active: Schema.Array(Schema.String),
  /** Ids of the addresses in reserve; empty unless the poll asked for them. */
  passive: Schema.Array(Schema.String),
  passiveSize: Schema.Int,
  /** Requests for links under way. */
  pending: Schema.Int,
  /** Peers that stopped answering and are probed from time to time. */
  graveyard: Schema.Int,
  /** Open connections, temporary ones included. */
  links: Schema.Int,
  /** Messages since the node's start. */
  sent: Schema.Int,
  received: Schema.Int,
  /** Broadcasts of others that the node has delivered, and copies of such as it knew already, since its start. */
  delivered: Schema.Int,
  duplicates: Schema.Int,
  /** Ids of the neighbours to which the node pushes messages of its own; the others are only told of them. */
  eager: Schema.Array(Schema.String),
  /** Bytes that wait to be sent now. */
  outboxBytes: Schema.Int,
  /** The median round trip to its neighbours; absent where none has been measured. */
  roundTripMillis: Schema.optionalKey(Schema.Finite)
})

/**
 * @category models
 * @since 0.1.0
 */
export type NodeView = typeof NodeView.Type

/**
 * One node in full: its view with the reserve, and each neighbour's round trip, null where none has been measured.
 *
 * @category models
 * @since 0.1.0
 */
export const Inspection = Schema.Struct({
  view: NodeView,
  neighbors: Schema.Array(Schema.Struct({ id: Schema.String, roundTripMillis: Schema.NullOr(Schema.Finite) }))
})

/**
 * @category models
 * @since 0.1.0
 */
export type Inspection = typeof Inspection.Type

/**
 * A neighbour that a node lost, and why: `HyParView.DownReason`.
 *
 * @category models
 * @since 0.1.0
 */
export const LinkLoss = Schema.Struct({ node: Schema.String, neighbor: Schema.String, reason: Schema.String })

/**
 * @category models
 * @since 0.1.0
 */
export type LinkLoss = typeof LinkLoss.Type

/**
 * Where a node listens.
 *
 * @category models
 * @since 0.1.0
 */
export const Listening = Schema.Struct({ id: Schema.String, address: Schema.String })

/**
 * @category models
 * @since 0.1.0
 */
export type Listening = typeof Listening.Type

/**
 * Names a published message; see `Plumtree.MessageId`.
 *
 * @category models
 * @since 0.1.0
 */
export const MessageId = Schema.Struct({
  source: Schema.String,
  epoch: Schema.Int,
  topic: Schema.String,
  sequence: Schema.Int
})

/**
 * @category models
 * @since 0.1.0
 */
export type MessageId = typeof MessageId.Type

/**
 * A message by its name, `source@epoch/topic#sequence`: no two messages share it, and it is what logs and checkers say.
 *
 * @category names
 * @since 0.1.0
 */
export const keyOf: (id: MessageId) => string = History.keyOf

/**
 * A message that a node's subscriber was handed. `atMillis`: the machine's clock, which all processes share. `copies`: how
 * often it was handed out; anything but 1 is a defect.
 *
 * @category models
 * @since 0.1.0
 */
export const Delivery = Schema.Struct({
  node: Schema.String,
  hops: Schema.Int,
  atMillis: Schema.Finite,
  copies: Schema.Int
})

/**
 * @category models
 * @since 0.1.0
 */
export type Delivery = typeof Delivery.Type

/**
 * A message, and who was handed it: node and epoch, once for each time that it was handed out.
 *
 * @category models
 * @since 0.1.0
 */
export const Told = Schema.Struct({
  id: MessageId,
  receivers: Schema.Array(Schema.Tuple([Schema.String, Schema.Int]))
})

/**
 * @category models
 * @since 0.1.0
 */
export type Told = typeof Told.Type

/**
 * Messages that a node's subscriber was told it would never be handed. `range`: which ones, if the node gave them up;
 * without it, the subscriber was too slow.
 *
 * @category models
 * @since 0.1.0
 */
export const Lag = Schema.Struct({
  node: Schema.String,
  epoch: Schema.Int,
  topic: Schema.String,
  missed: Schema.Int,
  range: Schema.optionalKey(
    Schema.Struct({ source: Schema.String, sourceEpoch: Schema.Int, first: Schema.Int, last: Schema.Int })
  )
})

/**
 * @category models
 * @since 0.1.0
 */
export type Lag = typeof Lag.Type

/**
 * How much a node's state holds, beside its bounds: `Sizes.Size` of `@hyparview/faults`.
 *
 * @category models
 * @since 0.1.0
 */
export const NodeSizes = Schema.Struct({
  node: Schema.String,
  sizes: Schema.Array(Schema.Struct({ name: Schema.String, size: Schema.Finite, bound: Schema.Finite }))
})

/**
 * @category models
 * @since 0.1.0
 */
export type NodeSizes = typeof NodeSizes.Type

/**
 * Bounds of what nodes remember, in place of the defaults: `sourcesSize` and `retainedMillis` of `Plumtree.Config`,
 * `memorySize` of `HyParView.Config`.
 *
 * @category models
 * @since 0.1.0
 */
export const Bounds = Schema.Struct({
  memorySize: Schema.optionalKey(Schema.Int),
  sourcesSize: Schema.optionalKey(Schema.Int),
  retainedMillis: Schema.optionalKey(Schema.Int)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Bounds = typeof Bounds.Type

/**
 * How broadcasts travel: `strategy` and `trees` of `Plumtree.Config`.
 *
 * @category models
 * @since 0.1.0
 */
export const Routing = Schema.Struct({
  strategy: Schema.optionalKey(Schema.Literals(["plumtree", "flood", "thicket"])),
  trees: Schema.optionalKey(Schema.Literals(["shared", "source"]))
})

/**
 * @category models
 * @since 0.1.0
 */
export type Routing = typeof Routing.Type

/**
 * What a worker process uses of the machine.
 *
 * @category models
 * @since 0.1.0
 */
export const Usage = Schema.Struct({
  pid: Schema.Int,
  nodes: Schema.Int,
  /** Resident memory. After a collection if the request asked for one. */
  residentBytes: Schema.Int,
  heapBytes: Schema.Int,
  /** Memory of buffers, outside the heap. */
  externalBytes: Schema.Int,
  /** Open handles and timers by kind, as `process.getActiveResourcesInfo` names them. */
  handles: Schema.Record(Schema.String, Schema.Int),
  /** Fibers that have begun and not ended. */
  fibers: Schema.Int,
  /** Processor time since the process started. */
  cpuMicros: Schema.Int,
  /** The machine's clock at the moment of measuring. */
  atMillis: Schema.Finite
})

/**
 * @category models
 * @since 0.1.0
 */
export type Usage = typeof Usage.Type

/**
 * A node could not start: its options contradict themselves, or its port is in use. The worker goes on; none of the nodes
 * of that request runs.
 *
 * @category errors
 * @since 0.1.0
 */
export class NodeNotStarted extends Schema.TaggedError<NodeNotStarted>()("NodeNotStarted", {
  node: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.node} could not start: ${this.detail}`
  }
}

/**
 * No such node lives in this worker. Nothing was done.
 *
 * @category errors
 * @since 0.1.0
 */
export class NoSuchNode extends Schema.TaggedError<NoSuchNode>()("NoSuchNode", { node: Schema.String }) {
  override get message(): string {
    return `${this.node} does not run`
  }
}

/**
 * The node did not publish. Nothing was sent.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotPublished extends Schema.TaggedError<NotPublished>()("NotPublished", {
  node: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.node} did not publish: ${this.detail}`
  }
}

/**
 * A node could not be cut off from as many others as that. It is cut off from those from whom it was before.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotBlocked extends Schema.TaggedError<NotBlocked>()("NotBlocked", {
  node: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.node} was not cut off: ${this.detail}`
  }
}

/**
 * The requests that a worker answers.
 *
 * @category protocols
 * @since 0.1.0
 */
export class Control extends RpcGroup.make(
  /** Starts nodes, which listen but do not join. All of them or, with the error, none. */
  Rpc.make("Start", {
    payload: {
      cluster: Schema.String,
      clusterSize: Schema.Int,
      host: Schema.String,
      /** The directory with the nodes' certificates (see `CertificateFiles`); without it the nodes speak plain TCP. */
      certificates: Schema.optionalKey(Schema.String),
      /** What the nodes subscribe to. */
      topics: Schema.Array(Schema.String),
      bounds: Schema.optionalKey(Bounds),
      broadcast: Schema.optionalKey(Routing),
      activeSize: Schema.optionalKey(Schema.Int),
      cycleMillis: Schema.optionalKey(Schema.Int),
      /** Whether `TakeTold` and `Sizes` are going to be asked. */
      watched: Schema.Boolean,
      /** `port` 0: any free one. `seed`: of the node's own choices. */
      nodes: Schema.Array(Schema.Struct({ id: Schema.String, port: Schema.Int, seed: Schema.Int }))
    },
    success: Schema.Array(Listening),
    error: NodeNotStarted
  }),
  /**
   * Tells nodes to join through these addresses, `atOnce` of them at a time: the next when one before has a neighbour, or
   * has had its time. Returns before they have.
   */
  Rpc.make("Join", {
    payload: {
      nodes: Schema.Array(Schema.String),
      contacts: Schema.Array(Schema.String),
      atOnce: Schema.Int.check(Schema.isGreaterThan(0))
    },
    error: NoSuchNode
  }),
  /** The views of all nodes of the process. */
  Rpc.make("Poll", { payload: { passive: Schema.Boolean }, success: Schema.Array(NodeView) }),
  /** One node in full. */
  Rpc.make("Inspect", { payload: { node: Schema.String }, success: Inspection, error: NoSuchNode }),
  /** The links that nodes of the process have lost since this was last asked. A worker remembers the last 1,024. */
  Rpc.make("TakeLinkLosses", { success: Schema.Array(LinkLoss) }),
  /** All that the subscribers of watched nodes were told since this was last asked; what was too much was `dropped`. */
  Rpc.make("TakeTold", {
    success: Schema.Struct({ told: Schema.Array(Told), lagged: Schema.Array(Lag), dropped: Schema.Int })
  }),
  /** How much the watched nodes of the process hold. */
  Rpc.make("Sizes", { success: Schema.Array(NodeSizes) }),
  /** Publishes text from a node. */
  Rpc.make("Publish", {
    payload: { node: Schema.String, topic: Schema.String, text: Schema.String },
    success: Schema.Struct({ id: MessageId, atMillis: Schema.Finite }),
    error: Schema.Union([NoSuchNode, NotPublished])
  }),
  /** How many nodes of this process have been handed a message: costs next to nothing. */
  Rpc.make("CountDeliveries", { payload: { id: MessageId }, success: Schema.Int }),
  /** Who in this process has been handed a message. A worker remembers the last 256. */
  Rpc.make("Deliveries", { payload: { id: MessageId }, success: Schema.Array(Delivery) }),
  /** Destroys nodes without a goodbye: sockets reset, listening port closed. The process lives. */
  Rpc.make("Kill", { payload: { nodes: Schema.Array(Schema.String) }, error: NoSuchNode }),
  /**
   * Cuts nodes off from these addresses, both ways, and from no others any more. `silent`: frames vanish and dials hang;
   * `reset`: links break and dials are refused. A node that is not named is left as it is; one that does not run is
   * passed over, since it may have ended a moment ago.
   */
  Rpc.make("Block", {
    payload: {
      mode: Schema.Literals(["silent", "reset"]),
      cuts: Schema.Array(Schema.Struct({ nodes: Schema.Array(Schema.String), from: Schema.Array(Schema.String) }))
    },
    error: NotBlocked
  }),
  /** All nodes of the process reach everybody again. */
  Rpc.make("Heal"),
  /** All nodes of the process say goodbye. Returns when that is done, or their deadlines have passed. */
  Rpc.make("Leave"),
  Rpc.make("Usage", { payload: { collect: Schema.Boolean }, success: Usage })
) {}
