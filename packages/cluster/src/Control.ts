/**
 * The control channel: what a supervisor asks of the worker processes in which its nodes live. Every message is checked
 * against its schema at both ends. One request speaks about all nodes of a process, so that a poll of three thousand
 * nodes is a handful of messages.
 *
 * @since 0.1.0
 */
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
  /** Peers that stopped answering and are sounded out now and then. */
  graveyard: Schema.Int,
  /** Open connections, temporary ones included. */
  links: Schema.Int,
  /** Messages since the node's start. */
  sent: Schema.Int,
  received: Schema.Int,
  /** Bytes that wait to be sent now. */
  outboxBytes: Schema.Int
})

/**
 * @category models
 * @since 0.1.0
 */
export type NodeView = typeof NodeView.Type

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
      /** `port` 0: any free one. `seed`: of the node's own choices. */
      nodes: Schema.Array(Schema.Struct({ id: Schema.String, port: Schema.Int, seed: Schema.Int }))
    },
    success: Schema.Array(Listening),
    error: NodeNotStarted
  }),
  /** Tells nodes to join through these addresses. Returns before they have. */
  Rpc.make("Join", {
    payload: { nodes: Schema.Array(Schema.String), contacts: Schema.Array(Schema.String) },
    error: NoSuchNode
  }),
  /** The views of all nodes of the process. */
  Rpc.make("Poll", { payload: { passive: Schema.Boolean }, success: Schema.Array(NodeView) }),
  /** Publishes text from a node, on the topic that all nodes of a supervisor listen to. */
  Rpc.make("Publish", {
    payload: { node: Schema.String, text: Schema.String },
    success: Schema.Struct({ id: MessageId, atMillis: Schema.Finite }),
    error: Schema.Union([NoSuchNode, NotPublished])
  }),
  /** Who in this process has been handed a message. A worker remembers the last 256. */
  Rpc.make("Deliveries", { payload: { id: MessageId }, success: Schema.Array(Delivery) }),
  /** Destroys nodes without a goodbye: sockets reset, listening port closed. The process lives. */
  Rpc.make("Kill", { payload: { nodes: Schema.Array(Schema.String) }, error: NoSuchNode }),
  /** All nodes of the process say goodbye. Returns when that is done, or their deadlines have passed. */
  Rpc.make("Leave"),
  Rpc.make("Usage", { payload: { collect: Schema.Boolean }, success: Usage })
) {}
