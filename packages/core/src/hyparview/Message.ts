/**
 * What HyParView nodes say to each other. The sender of a message is whoever stands at the other end of the link it
 * came by, never a field. Request, reply and keep-alive are different messages; every request carries an id that its
 * reply repeats; what is meant for a neighbour only names the link by which the two are neighbours.
 *
 * @since 0.1.0
 */
import type { Key, LinkId, Peer, Sample } from "../Peer.ts"

/**
 * Asks a contact for a first link. Never refused for want of room.
 *
 * @category models
 * @since 0.1.0
 */
export interface Join {
  readonly _tag: "Join"
  readonly requestId: number
}

/**
 * The random walk that introduces a joiner to the overlay.
 *
 * @category models
 * @since 0.1.0
 */
export interface ForwardJoin<I extends Key, A> {
  readonly _tag: "ForwardJoin"
  readonly link: LinkId<I>
  readonly joiner: Peer<I, A>
  readonly ttl: number
}

/**
 * Why a node asks to become an active neighbour. `empty`: its active view is empty; `joinWalk`: the asked node's own
 * Join walked here; `repair`: a free slot; `bridge`: both ends evict a neighbour for it, so that islands are joined (rules P4
 * and P6), a free slot moves (4k), or a link is random (X16).
 *
 * @category models
 * @since 0.1.0
 */
export type NeighborReason = "empty" | "joinWalk" | "repair" | "bridge"

/**
 * Asks to become an active neighbour.
 *
 * @category models
 * @since 0.1.0
 */
export interface Neighbor {
  readonly _tag: "Neighbor"
  readonly requestId: number
  readonly reason: NeighborReason
  /**
   * `bridge`: how often the free slot that its victim gets will have moved, 1 to 255 for that many and more (`moveHole`).
   * Absent otherwise.
   */
  readonly moves?: number
}

/**
 * `full`: no free slot; `busy`: the free slots are promised to requests of the asked node, whose id is below the asker's;
 * `limited`: the asker, or everybody together, asks too often.
 *
 * @category models
 * @since 0.1.0
 */
export type NeighborAnswer = "accepted" | "full" | "busy" | "limited"

/**
 * The answer to a Join or a Neighbor. `limited` fills `retryAfterMillis` and the sample (somewhere else to go); `full`
 * may have as its sample who was refused just before, and has a free slot too; an accepted `bridge` has whom it evicted,
 * so that whoever the asker evicts in turn can be told.
 *
 * @category models
 * @since 0.1.0
 */
export interface NeighborReply<I extends Key, A> {
  readonly _tag: "NeighborReply"
  readonly requestId: number
  readonly answer: NeighborAnswer
  readonly retryAfterMillis: number
  readonly sample: Sample<I, A>
}

/**
 * Why a link ends in order. `evicted`: the sender lives on and needed the slot; `leaving`: the sender is going away.
 *
 * @category models
 * @since 0.1.0
 */
export type DisconnectReason = "evicted" | "leaving"

/**
 * Ends a link. Never answered. The sample gives the evicted somewhere to go; its first entry is likely to have a free
 * slot, and is asked first.
 *
 * @category models
 * @since 0.1.0
 */
export interface Disconnect<I extends Key, A> {
  readonly _tag: "Disconnect"
  readonly link: LinkId<I>
  readonly reason: DisconnectReason
  readonly sample: Sample<I, A>
  /** Evicted for a bridge: how often the free slot that the evicted gets has moved. Absent otherwise. */
  readonly moves?: number
}

/**
 * The random walk that exchanges passive entries: {origin} ∪ ka active ∪ kp passive. Without a link it is a *direct*
 * shuffle: from the origin to a node that is not its neighbour, accepted where it arrives.
 *
 * @category models
 * @since 0.1.0
 */
export interface Shuffle<I extends Key, A> {
  readonly _tag: "Shuffle"
  readonly link: LinkId<I> | undefined
  readonly requestId: number
  readonly origin: Peer<I, A>
  readonly ttl: number
  readonly sample: Sample<I, A>
}

/**
 * Answers a Shuffle, straight to its origin.
 *
 * @category models
 * @since 0.1.0
 */
export interface ShuffleReply<I extends Key, A> {
  readonly _tag: "ShuffleReply"
  readonly requestId: number
  readonly sample: Sample<I, A>
}

/**
 * Keeps an idle link provably alive, and measures it. Never changes a view.
 *
 * @category models
 * @since 0.1.0
 */
export interface Heartbeat<I extends Key> {
  readonly _tag: "Heartbeat"
  readonly link: LinkId<I>
  readonly nonce: number
}

/**
 * Answers a Heartbeat.
 *
 * @category models
 * @since 0.1.0
 */
export interface HeartbeatReply<I extends Key> {
  readonly _tag: "HeartbeatReply"
  readonly link: LinkId<I>
  readonly nonce: number
}

/**
 * Sounds out a node that is not a neighbour.
 *
 * @category models
 * @since 0.1.0
 */
export interface Probe {
  readonly _tag: "Probe"
  readonly nonce: number
}

/**
 * Answers a Probe.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProbeReply {
  readonly _tag: "ProbeReply"
  readonly nonce: number
}

/**
 * Answers a neighbour-only message of a node that is no neighbour on the link it named. Never answered.
 *
 * @category models
 * @since 0.1.0
 */
export interface NotNeighbor<I extends Key> {
  readonly _tag: "NotNeighbor"
  readonly link: LinkId<I>
}

/**
 * A round of X-BOT (`Optimization.ts`) as its initiator proposes it: two links, the old one among them, become two others.
 * `requestId` is the initiator's, and names the link that it asks for. Costs are whole numbers of one unit in the whole
 * cluster: `before` those of the links that are given away, `after` those of the links that take their place, as far as
 * they are known.
 *
 * @category models
 * @since 0.1.0
 */
export interface Proposal<I extends Key, A> {
  readonly requestId: number
  readonly old: Peer<I, A>
  readonly before: number
  readonly after: number
}

/**
 * From the initiator to its old neighbour: whoever sends Switch and names this request may take my place (`waits`), or
 * nobody may any more.
 *
 * @category models
 * @since 0.1.0
 */
export interface DisconnectWait<I extends Key> {
  readonly _tag: "DisconnectWait"
  readonly link: LinkId<I>
  readonly requestId: number
  readonly waits: boolean
}

/**
 * From the initiator to a candidate: take me for one of your neighbours. Both are full.
 *
 * @category models
 * @since 0.1.0
 */
export interface Optimization<I extends Key, A> extends Proposal<I, A> {
  readonly _tag: "Optimization"
}

/**
 * Answers an Optimization: the candidate holds the link already, or never will.
 *
 * @category models
 * @since 0.1.0
 */
export interface OptimizationReply {
  readonly _tag: "OptimizationReply"
  readonly requestId: number
  readonly accepted: boolean
}

/**
 * From the candidate to one of its neighbours: take the initiator's old neighbour for me.
 *
 * @category models
 * @since 0.1.0
 */
export interface Replace<I extends Key, A> extends Proposal<I, A> {
  readonly _tag: "Replace"
  readonly link: LinkId<I>
  readonly initiator: Peer<I, A>
}

/**
 * Answers a Replace: the link that it names is gone already, or stays.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReplaceReply<I extends Key> {
  readonly _tag: "ReplaceReply"
  readonly link: LinkId<I>
  readonly requestId: number
  readonly accepted: boolean
}

/**
 * From that neighbour to the old one: take me for the initiator, whose request for a round is `round`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Switch<I extends Key, A> {
  readonly _tag: "Switch"
  readonly requestId: number
  readonly initiator: Peer<I, A>
  readonly round: number
}

/**
 * Answers a Switch: the old neighbour holds the new link already, or never will.
 *
 * @category models
 * @since 0.1.0
 */
export interface SwitchReply {
  readonly _tag: "SwitchReply"
  readonly requestId: number
  readonly accepted: boolean
}

/**
 * Any message of HyParView.
 *
 * @category models
 * @since 0.1.0
 */
export type Message<I extends Key = string, A = string> =
  | Join
  | ForwardJoin<I, A>
  | Neighbor
  | NeighborReply<I, A>
  | Disconnect<I, A>
  | Shuffle<I, A>
  | ShuffleReply<I, A>
  | Heartbeat<I>
  | HeartbeatReply<I>
  | Probe
  | ProbeReply
  | NotNeighbor<I>
  | DisconnectWait<I>
  | Optimization<I, A>
  | OptimizationReply
  | Replace<I, A>
  | ReplaceReply<I>
  | Switch<I, A>
  | SwitchReply
