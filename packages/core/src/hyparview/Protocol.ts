/**
 * What goes into a HyParView node and what comes out of it. A driver gives inputs, one at a time, and performs the
 * outputs in order (the contract is in `Driver.ts`).
 *
 * @since 0.1.0
 */
import type { Key, LinkId, Peer } from "../Peer.ts"
import type { Message } from "./Message.ts"

/**
 * The timers of a node, one slot each. `Cycle`: the periodic shuffle and care of the views; `Heartbeat`: idle links;
 * `Request`: the earliest deadline among open requests, dials and probes; `Repair`: the end of a wait before somebody
 * is asked again; `Discovery`: the end of a wait before Discovery is asked again.
 *
 * @category models
 * @since 0.1.0
 */
export type Timer = "Cycle" | "Heartbeat" | "Request" | "Repair" | "Discovery"

/**
 * Why an open link ended, as its driver saw it. `closed`: the other end closed it in order; `reset`: it broke; `slow`:
 * this end gave up on a receiver that would not drain; `protocol`: the other end sent what is no message; `local`: this
 * end closed it for another reason.
 *
 * @category models
 * @since 0.1.0
 */
export type LinkCause = "closed" | "reset" | "slow" | "protocol" | "local"

/**
 * Why no link could be opened. `refused`, `timeout`, `unreachable`: the network's answer; `rejected`: the other end
 * would not speak with us (another cluster, another version, a full house); `identity`: somebody else answered there.
 *
 * @category models
 * @since 0.1.0
 */
export type DialCause = "refused" | "timeout" | "unreachable" | "rejected" | "identity"

/**
 * What a driver tells a node. `now` is in whole milliseconds and never decreases.
 *
 * @category models
 * @since 0.1.0
 */
export type Input<I extends Key = string, A = string> =
  /** Command: join the overlay through one of these contacts, and go on asking Discovery while there is none. */
  | { readonly _tag: "Join"; readonly now: number; readonly contacts: ReadonlyArray<A> }
  /** Command: say goodbye to every neighbour, and be a node no more. */
  | { readonly _tag: "Leave"; readonly now: number }
  /** A message from a peer whose identity the driver has established. */
  | { readonly _tag: "Received"; readonly now: number; readonly from: Peer<I, A>; readonly message: Message<I, A> }
  /** A message of another protocol came from this peer over this link: is it a neighbour by it? */
  | { readonly _tag: "LinkUsed"; readonly now: number; readonly from: Peer<I, A>; readonly link: LinkId<I> }
  /** There is no link to this peer and none could be opened; what was to be sent to it is lost. */
  | { readonly _tag: "SendFailed"; readonly now: number; readonly to: Peer<I, A>; readonly cause: DialCause }
  /** An open link ended, other than by a `Close` of ours; what was under way on it is lost. */
  | { readonly _tag: "LinkClosed"; readonly now: number; readonly peer: Peer<I, A>; readonly cause: LinkCause }
  /** The link that `Dial` asked for is open, and this is who answered there. */
  | { readonly _tag: "LinkOpened"; readonly now: number; readonly address: A; readonly peer: Peer<I, A> }
  /** The link that `Dial` asked for could not be opened. */
  | { readonly _tag: "DialFailed"; readonly now: number; readonly address: A; readonly cause: DialCause }
  /** Discovery's answer; empty when it knows nobody or failed. */
  | { readonly _tag: "ContactsFound"; readonly now: number; readonly contacts: ReadonlyArray<A> }
  /**
   * What `Measure` asked for: for each of its peers, in their order, what a link to it costs, a whole number from 0 to
   * 10¹⁵, in the runtime and the simulator in microseconds; undefined where that is not known.
   */
  | {
      readonly _tag: "CostsMeasured"
      readonly now: number
      readonly nonce: number
      readonly costs: ReadonlyArray<number | undefined>
    }
  /** A timer that was set, and has neither been set again nor cleared since, is due. */
  | { readonly _tag: "TimerFired"; readonly now: number; readonly kind: Timer; readonly nonce: number }
  /** A peer holds an epoch of our own id that is above ours, or the same with another process behind it. */
  | { readonly _tag: "EpochConflict"; readonly now: number; readonly epoch: number }

/**
 * Why a peer is no neighbour any more. `optimized`: another took its place, at less cost (X-BOT); `evicted`: we needed its
 * slot; `disconnected`: it needed ours; `left`: it said goodbye; `notNeighbor`: it holds no such link; `restarted`: a newer
 * incarnation of it has spoken; `silent`: it missed its heartbeats; `leaving`: we are going away ourselves; `epochRaised`: we
 * had to take a new identity; the others: the link or its dial failed.
 *
 * @category models
 * @since 0.1.0
 */
export type DownReason =
  | "optimized"
  | "evicted"
  | "disconnected"
  | "left"
  | "notNeighbor"
  | "restarted"
  | "silent"
  | "leaving"
  | "epochRaised"
  | LinkCause
  | DialCause

/**
 * What a node asks of its driver, and what it tells the application.
 *
 * @category models
 * @since 0.1.0
 */
export type Output<I extends Key = string, A = string> =
  /** Send over the open link, or dial one; reports back with `SendFailed` or `LinkClosed`. */
  | { readonly _tag: "Send"; readonly to: Peer<I, A>; readonly message: Message<I, A> }
  /** Find out who answers at an address; reports back with `LinkOpened` or `DialFailed`. */
  | { readonly _tag: "Dial"; readonly address: A }
  /** Send what was sent to this peer before, then close the link. Not reported back. */
  | { readonly _tag: "Close"; readonly peer: Peer<I, A> }
  /** What would a link to each of these cost? Reports back with `CostsMeasured`. Only where X-BOT is on. */
  | { readonly _tag: "Measure"; readonly nonce: number; readonly peers: ReadonlyArray<Peer<I, A>> }
  /** Set this slot, replacing what it held; reports back with `TimerFired`. */
  | { readonly _tag: "SetTimer"; readonly kind: Timer; readonly nonce: number; readonly at: number }
  /** Empty this slot. */
  | { readonly _tag: "ClearTimer"; readonly kind: Timer }
  /** Ask Discovery for contacts; reports back with `ContactsFound`, always. */
  | { readonly _tag: "Discover" }
  /** Event: a neighbour was won. Never twice for one id without a NeighborDown between. */
  | { readonly _tag: "NeighborUp"; readonly peer: Peer<I, A> }
  /** Event: a neighbour was lost. Only after a NeighborUp for the same id. */
  | { readonly _tag: "NeighborDown"; readonly peer: Peer<I, A>; readonly reason: DownReason }
  /** Event: a neighbour stays one over another link. What was on its way over the old one may be lost. */
  | { readonly _tag: "LinkRenewed"; readonly peer: Peer<I, A> }
  /** Event: the first link of a join. */
  | { readonly _tag: "Joined"; readonly peer: Peer<I, A> }
  /** Event: a round trip to a neighbour, measured by a heartbeat, in milliseconds. */
  | { readonly _tag: "RoundTrip"; readonly peer: Peer<I, A>; readonly millis: number }
  /** Event: this node now has a higher epoch. Every link opened under the old one must be closed. */
  | { readonly _tag: "EpochRaised"; readonly self: Peer<I, A> }
  /** Event: Leave is complete, but for what the driver has yet to flush. */
  | { readonly _tag: "Left" }
  /** Event: another process has our id; this node has stopped. */
  | { readonly _tag: "DuplicateIdentity"; readonly epoch: number }
