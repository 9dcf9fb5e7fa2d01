/**
 * Broadcast: a message to every node of the cluster. One overlay carries all topics; a message is handed once to each
 * subscriber of its topic on every node, the publishing node included.
 *
 * In this version messages flood the active view: every node passes each message on once to all its neighbours. Delivery
 * is best effort across failures: a message that is under way while links break may miss nodes.
 *
 * @since 0.1.0
 */
import type { Plumtree } from "@hyparview/core"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"

/**
 * What a subscriber gets.
 *
 * - `Message`: a message of the topic. `hops`: links it crossed, 0 on the publishing node.
 * - `Lagged`: this subscriber was too slow, and `missed` messages were dropped for it here. Nobody else is affected.
 *
 * @category models
 * @since 0.1.0
 */
export type Delivery =
  | {
      readonly _tag: "Message"
      readonly id: Plumtree.MessageId
      readonly payload: Uint8Array
      readonly hops: number
    }
  | { readonly _tag: "Lagged"; readonly topic: string; readonly missed: number }

/**
 * The payload does not fit into a frame of this transport. Nothing was sent. `usableBytes` is the largest payload for
 * this topic.
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
export class NotJoined extends Data.TaggedError("NotJoined")<{ readonly status: string }> {
  override get message(): string {
    return `cannot publish: the node is ${this.status}; join first`
  }
}

/**
 * The node's own queues are full: the network takes messages more slowly than they are published. Nothing was sent; try
 * again later, or publish less.
 *
 * @category errors
 * @since 0.1.0
 */
export class Overloaded extends Data.TaggedError("Overloaded")<{ readonly waitingBytes: number }> {
  override get message(): string {
    return `cannot publish: ${this.waitingBytes} bytes are waiting to be sent already`
  }
}

/**
 * A topic's name is empty or longer than 255 bytes of UTF-8. Nothing was sent.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidTopic extends Data.TaggedError("InvalidTopic")<{ readonly topic: string }> {
  override get message(): string {
    return `invalid topic ${JSON.stringify(this.topic.slice(0, 64))}: a name is 1 to 255 bytes of UTF-8`
  }
}

/**
 * Why a message was not published.
 *
 * @category errors
 * @since 0.1.0
 */
export type PublishError = PayloadTooLarge | NotJoined | Overloaded | InvalidTopic

/**
 * A message to everybody.
 *
 * @category services
 * @since 0.1.0
 */
export class Broadcast extends Context.Service<
  Broadcast,
  {
    /**
     * Publishes a payload (its bytes must not change afterwards). Returns once the message is on its way to the
     * neighbours; a node without neighbours delivers it to itself alone.
     */
    readonly publish: (topic: string, payload: Uint8Array) => Effect.Effect<Plumtree.MessageId, PublishError>

    /**
     * The messages of a topic from now on. Each run of the stream is a subscriber of its own; one that falls behind by
     * more than `subscriberBuffer` messages loses some and is told how many.
     */
    readonly subscribe: (topic: string) => Stream.Stream<Delivery>
  }
>()("@hyparview/runtime/Broadcast") {}
