/**
 * What passes between an application and its node's broadcast: messages, how they are asked for, judged and published,
 * and why one was not. `Broadcast.ts` and `Topic.ts` are made of it; the first exports it.
 */
import type { HyParView, Plumtree } from "@hyparview/core"
import * as Data from "effect/Data"
import * as Formatter from "effect/Formatter"

/**
 * A message of a topic.
 *
 * @category models
 * @since 0.1.0
 */
export interface Message<A = Uint8Array> {
  readonly _tag: "Message"
  /**
   * Who published it, in which incarnation, on which topic, and its sequence number, from 0. Together they identify the
   * message permanently.
   */
  readonly id: Plumtree.MessageId
  /**
   * Bytes are shared with all subscribers and with the network: read them, do not change them. They are a view, mostly of a larger
   * buffer: copy what you keep for long (`payload.slice()`).
   */
  readonly payload: A
  /**
   * When it was published, in milliseconds, by the clock of the publishing node: its wall clock when it started, and the time that has
   * passed since. Clocks differ from node to node. What the wall clock is set to later does not count, nor does the time, on most
   * systems, for which the machine sleeps.
   */
  readonly publishedAt: number
  /** Links that it crossed; 0 on the publishing node, and for history, where their number is not known. */
  readonly hops: number
  /** Whether it comes from the history that this subscriber asked for. */
  readonly history: boolean
}

/**
 * Messages that this subscriber will never receive.
 *
 * - `subscriber`: it was too slow, and messages were dropped for it, here and for nobody else. They would have come where
 *   this stands in the stream.
 * - `network`: the node has given up on messages of one incarnation of a source: nobody within reach retains them any
 *   more, or they did not come in time. Or a message of a validated topic was ignored for want of a verdict: its validator
 *   failed, or was too slow, or too many waited for one. A subscriber in order is also told so if more messages wait for an earlier one
 *   than `reorderBuffer` holds, and of a message that reaches a node new to the source after later ones.
 *
 * @category models
 * @since 0.1.0
 */
export type Lagged =
  | {
      readonly _tag: "Lagged"
      readonly cause: "subscriber"
      readonly topic: string
      /** How many messages were dropped, those of dropped reports of others included. */
      readonly missed: number
    }
  | {
      readonly _tag: "Lagged"
      readonly cause: "network"
      readonly topic: string
      /** How many messages are lost: `last - first + 1`. */
      readonly missed: number
      /** The id of the node that published them. */
      readonly source: string
      /** That node's incarnation. */
      readonly epoch: number
      /** The sequence number of the first of them. */
      readonly first: number
      /** The sequence number of the last of them. */
      readonly last: number
    }

/**
 * What a subscriber gets.
 *
 * @category models
 * @since 0.1.0
 */
export type Delivery<A = Uint8Array> = Message<A> | Lagged

/**
 * How to subscribe. With an option that is none, or is not what it takes, the stream dies with an `OptionsError`.
 *
 * @category models
 * @since 0.1.0
 */
export interface SubscribeOptions {
  /**
   * `none` (the default): messages in the order in which they reach this node. `source`: the messages of each incarnation
   * of a source in the order in which it published them; one that is late holds back those that follow it, until it comes
   * or is `Lagged`. Sources do not wait for each other.
   */
  readonly order?: "none" | "source" | undefined
  /**
   * How many of the newest messages from before the subscription to hand out first, oldest first, before anything new.
   * They are the newest that this node and its neighbours retain, and together have no more bytes than `recallBytes` or
   * the room that `subscriberBytes` leaves, so there may be fewer; no message is handed out twice. On a topic with
   * validators they are asked about what neighbours remember. Ask once there is a neighbour (`Membership.awaitNeighbors`): a
   * node without one waits for its first, holding back what is new, but no longer than `historyTimeout`. From 0 (the
   * default) to the protocol's `recallMessages`; what is outside counts as the nearer of the two, and a fraction is cut off.
   */
  readonly history?: number | undefined
  /**
   * Messages that may wait for this subscriber, 1 to 10,000,000; what is outside counts as the nearer of the two, and a
   * fraction is cut off. What was held back for its order comes at once, and waits beside them; so does what came while its history
   * was asked for. Default: the node's `subscriberBuffer`.
   */
  readonly buffer?: number | undefined
}

/**
 * How to publish. With an option that is none, or is not what it takes, publishing dies with an `OptionsError`.
 *
 * @category models
 * @since 0.1.0
 */
export interface PublishOptions {
  /**
   * What to do while the links take messages more slowly than they are published: `fail` with `Overloaded` (the default),
   * or `wait` until there is room. Publishers that wait are served in the order in which they came.
   */
  readonly whenFull?: "fail" | "wait" | undefined
}

/**
 * What a validator says of a message: `accept` delivers it and passes it on, `reject` and `ignore` do neither. The last
 * two are counted apart: `reject` says that the message is wrong, `ignore` says nothing about it.
 *
 * @category models
 * @since 0.1.0
 */
export type Verdict = "accept" | "reject" | "ignore"

/**
 * A message that awaits its verdict.
 *
 * @category models
 * @since 0.1.0
 */
export interface Candidate<A = Uint8Array> {
  readonly id: Plumtree.MessageId
  readonly payload: A
  readonly publishedAt: number
  /**
   * The id of the neighbour from which it came, which need not be its source. For history that neighbours remember, of
   * which several may have it, this node's own id.
   */
  readonly from: string
}

/**
 * The payload does not fit into a frame of this transport. Nothing was sent. `usableBytes` is the largest payload for
 * this topic. Larger ones are refused and not split, because one part is worth nothing without the others: split larger
 * data where its parts mean something by themselves, or publish where it can be fetched.
 *
 * @category errors
 * @since 0.1.0
 */
export class PayloadTooLarge extends Data.TaggedError("PayloadTooLarge")<{
  readonly topic: string
  readonly bytes: number
  readonly usableBytes: number
}> {
  override get message(): string {
    return `a payload of ${this.bytes} bytes on topic ${JSON.stringify(this.topic)}: at most ${this.usableBytes} fit`
  }
}

/**
 * The node has not joined, has left, or has stopped. Nothing was sent.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotJoined extends Data.TaggedError("NotJoined")<{
  /** `stopped` also if the node's layer has been closed. */
  readonly status: Exclude<HyParView.Status, "joining" | "joined">
}> {
  override get message(): string {
    const { status } = this
    const what = { idle: "has not joined; join first", left: "has left; join again first", stopped: "has stopped" }[
      status
    ]
    return `cannot publish: the node ${what}`
  }
}

/**
 * The network takes messages more slowly than they are published: every link along which this message would go has more
 * than half of `outboxBytes` waiting already, or the node's mailbox is full, or others wait for room and this one would not, or (with
 * `whenFull: "wait"`) `waitingPublishers` are waiting already. Nothing was sent and no sequence number was used. Try again later, wait, or
 * publish less.
 *
 * @category errors
 * @since 0.1.0
 */
export class Overloaded extends Data.TaggedError("Overloaded")<{
  /**
   * What is full: the links, the node's mailbox, or the queue of those that wait. The last also for who would not wait, and may not
   * overtake those that do.
   */
  readonly full: "links" | "mailbox" | "publishers"
  /** Bytes that wait on the least loaded of those links, publications in the node's mailbox included. */
  readonly waitingBytes: number
  /** Publishers that wait for room. */
  readonly waitingPublishers: number
}> {
  override get message(): string {
    const { full, waitingBytes, waitingPublishers } = this
    if (full === "publishers")
      return `cannot publish: ${waitingPublishers} publishers are waiting already; publish less at once, wait as well (whenFull: "wait"), or let more wait (waitingPublishers)`
    const what =
      full === "links"
        ? `${waitingBytes} bytes are waiting for each link`
        : "as many inputs as mailboxSize says are waiting for the node"
    return `cannot publish: ${what} already; publish less, or wait (whenFull: "wait")`
  }
}

/**
 * A topic cannot be used: its name is empty, longer than 255 bytes of UTF-8, or not well-formed Unicode (`name`); or this
 * node has published on as many topics as it may since its start, or has validators for as many (`limit`, the broadcast's `topicsSize`,
 * 256 unless told).
 * Nothing was sent; nothing changed.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidTopic extends Data.TaggedError("InvalidTopic")<{
  readonly topic: string
  readonly reason: "name" | "limit"
}> {
  override get message(): string {
    const what =
      this.reason === "name"
        ? "a name is 1 to 255 bytes of UTF-8"
        : "this node has published on, or validates, as many as it may; the broadcast's topicsSize says how many"
    return `invalid topic ${Formatter.format(this.topic).slice(0, 66)}: ${what}`
  }
}

/**
 * Why a message was not published.
 *
 * @category errors
 * @since 0.1.0
 */
export type PublishError = PayloadTooLarge | NotJoined | Overloaded | InvalidTopic
