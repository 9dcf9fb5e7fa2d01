/**
 * What goes into the broadcast of a node and what comes out of it.
 *
 * @since 0.1.0
 */
import type { Key, Peer } from "../Peer.ts"
import type { Message, MessageId } from "./Message.ts"

/**
 * The timers, one slot each. `Announce`: the announcements that wait are due; `Graft`: the earliest announced message that
 * is still out; `Recover`: the earliest deadline of everything else (fetches, gaps, digests, verdicts, recalls, parents
 * sought in a thicket, what is kept).
 *
 * @category models
 * @since 0.1.0
 */
export type Timer = "Announce" | "Graft" | "Recover"

/**
 * What the application says of a message on a topic that it validates.
 *
 * @category models
 * @since 0.1.0
 */
export type Verdict = "accept" | "reject" | "ignore"

/**
 * How a message came: it was published here, pushed along the tree, grafted, or fetched from what another had kept.
 *
 * @category models
 * @since 0.1.0
 */
export type Via = "self" | "push" | "graft" | "recovery"

/**
 * What a driver, or the protocol below, tells the broadcast.
 *
 * @category models
 * @since 0.1.0
 */
export type Input<I extends Key = string, A = string> =
  /**
   * Command: send a payload to everybody, self included. Nothing comes of it, no output either, on a topic that would be one
   * more than `topicsSize`, or where its number is done already.
   */
  | { readonly _tag: "Publish"; readonly now: number; readonly topic: string; readonly payload: Uint8Array }
  /** Command: whether messages of this topic wait for a verdict before they are delivered and passed on. */
  | { readonly _tag: "ValidateTopic"; readonly now: number; readonly topic: string; readonly on: boolean }
  /** Command: the verdict that `Validate` asked for. */
  | { readonly _tag: "Validated"; readonly now: number; readonly id: MessageId<I>; readonly verdict: Verdict }
  /** Command: get up to `count` old messages of a topic. `requestId` is the driver's, and comes back in `Recalled`. */
  | {
      readonly _tag: "Recall"
      readonly now: number
      readonly requestId: number
      readonly topic: string
      readonly count: number
    }
  | { readonly _tag: "Received"; readonly now: number; readonly from: Peer<I, A>; readonly message: Message<I> }
  | { readonly _tag: "TimerFired"; readonly now: number; readonly kind: Timer; readonly nonce: number }
  | { readonly _tag: "NeighborUp"; readonly now: number; readonly peer: Peer<I, A> }
  | { readonly _tag: "NeighborDown"; readonly now: number; readonly peer: Peer<I, A> }
  | { readonly _tag: "EpochRaised"; readonly now: number; readonly self: Peer<I, A> }
  /** The node is no member any more: it waits for nothing. */
  | { readonly _tag: "Left"; readonly now: number }

/**
 * A message of history.
 *
 * @category models
 * @since 0.1.0
 */
export interface RecalledMessage<I extends Key = string> {
  readonly id: MessageId<I>
  readonly payload: Uint8Array
  readonly publishedAt: number
}

/**
 * What it asks for, and what it tells the application.
 *
 * @category models
 * @since 0.1.0
 */
export type Output<I extends Key = string, A = string> =
  | { readonly _tag: "Send"; readonly to: Peer<I, A>; readonly message: Message<I> }
  | { readonly _tag: "SetTimer"; readonly kind: Timer; readonly nonce: number; readonly at: number }
  | { readonly _tag: "ClearTimer"; readonly kind: Timer }
  /** Event: a message, for the first and only time. `hops` is 0 at its source. */
  | {
      readonly _tag: "Delivered"
      readonly id: MessageId<I>
      readonly payload: Uint8Array
      readonly hops: number
      readonly publishedAt: number
      readonly from: Peer<I, A>
      readonly via: Via
    }
  /** Event: a copy of a message that is known already. */
  | { readonly _tag: "Duplicate"; readonly id: MessageId<I>; readonly from: Peer<I, A> }
  /** Event: the sequences `first` to `last` of an origin are given up: they will never be delivered here. */
  | {
      readonly _tag: "Lagged"
      readonly topic: string
      readonly source: I
      readonly epoch: number
      readonly first: number
      readonly last: number
    }
  /**
   * Event: the table of origins is full (`sourcesSize`), and one made room of which messages were kept. Whoever misses one of these gets it
   * from here no more.
   */
  | {
      readonly _tag: "MadeRoom"
      readonly topic: string
      readonly source: I
      readonly epoch: number
      readonly messages: number
    }
  /** Event: the application is asked for a verdict (`Validated`). */
  | {
      readonly _tag: "Validate"
      readonly id: MessageId<I>
      readonly payload: Uint8Array
      readonly publishedAt: number
      readonly from: Peer<I, A>
    }
  /**
   * Event: a message was not accepted, and is not delivered. `ignore` also when the verdict came too late, or too many
   * waited for one.
   */
  | {
      readonly _tag: "Rejected"
      readonly id: MessageId<I>
      readonly from: Peer<I, A>
      readonly verdict: "reject" | "ignore"
    }
  /** Event: history that a `Recall` has found. `done`: there will be no more for this request. */
  | {
      readonly _tag: "Recalled"
      readonly requestId: number
      readonly topic: string
      readonly messages: ReadonlyArray<RecalledMessage<I>>
      readonly done: boolean
    }
