/**
 * Broadcast: a message to every node of the cluster. One overlay carries all topics; a message is handed once to each
 * subscriber of its topic on every node, the publishing node included.
 *
 * Messages travel along a tree that the nodes grow out of their links (Plumtree), so that while nothing fails a node
 * receives each payload once. What links and nodes lose is announced by others and fetched from them, and what was
 * published during a partition arrives after it, as long as some node retains it. What can no longer be had is reported
 * as `Lagged`, with the number of messages: of each source that a node hears from, every message is either delivered
 * once or reported lost once.
 *
 * Payloads are bytes here; `topic` adds a schema to a name, and lives in `Topic.ts`.
 *
 * @example
 * ```ts
 * import { Broadcast } from "@hyparview/runtime"
 * import { Effect, Schema, Stream } from "effect"
 *
 * const Score = Schema.Struct({ player: Schema.String, points: Schema.Int })
 *
 * const program = Effect.gen(function* () {
 *   const broadcast = yield* Broadcast.Broadcast
 *   const scores = yield* broadcast.topic("scores", Score)
 *   yield* scores.subscribe({ order: "source", history: 10 }).pipe(
 *     Stream.runForEach((delivery) =>
 *       delivery._tag === "Message" ? Effect.log(delivery.payload.player) : Effect.logWarning(delivery)
 *     ),
 *     Effect.forkScoped({ startImmediately: true })
 *   )
 *   yield* scores.publish({ player: "anna", points: 3 }, { whenFull: "wait" })
 * })
 * ```
 *
 * @since 0.1.0
 */
import type { Plumtree } from "@hyparview/core"
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type {
  Candidate,
  Delivery,
  InvalidTopic,
  PublishError,
  PublishOptions,
  SubscribeOptions,
  Verdict
} from "./internal/messages.ts"
import type { BytesCodec, Topic, TopicOptions } from "./Topic.ts"

export {
  type Candidate,
  type Delivery,
  InvalidTopic,
  type Lagged,
  type Message,
  NotJoined,
  Overloaded,
  PayloadTooLarge,
  type PublishError,
  type PublishOptions,
  type SubscribeOptions,
  type Verdict
} from "./internal/messages.ts"

/**
 * The broadcast of one node at a glance. Counters are since its start.
 *
 * @category models
 * @since 0.1.0
 */
export interface View {
  /** Messages that this node published. */
  readonly published: number
  /** Messages of others, each counted once. */
  readonly delivered: number
  /** Of those delivered, the ones that had been lost or missed, and were fetched. */
  readonly recovered: number
  /** Copies of messages known already: (delivered + duplicates) / delivered is the number of copies per delivery. */
  readonly duplicates: number
  /**
   * Messages that were owed and given up. A subscriber in order may be told of more (`Lagged`): of those that came too late for
   * their place, and of what is missing between messages that were not owed.
   */
  readonly lagged: number
  /** Messages that a validator rejected. */
  readonly rejected: number
  /** Frames sent to peers, with a payload and without (`control`); bytes as handed to the transport. */
  readonly sent: {
    readonly payloadFrames: number
    readonly payloadBytes: number
    readonly controlFrames: number
    readonly controlBytes: number
  }
  /** Messages kept for others, in number and in bytes, each counted as its payload and 128 more. */
  readonly retained: { readonly messages: number; readonly bytes: number }
  /** Links along which payloads are pushed. */
  readonly eager: number
  /** Links along which payloads are only announced. */
  readonly lazy: number
  /** The ids of the neighbours to which this node pushes the messages that it publishes. */
  readonly eagerNeighbors: ReadonlyArray<string>
}

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
     * neighbours. A node without neighbours delivers it to itself, retains it, and passes it on when it has some; one that
     * has been asked to join need not have joined yet. Interrupted while it waits for room, it sends nothing; but once it has found
     * room the message goes out, whether anybody waits for its id or not: who tries again after a time-out may say it twice.
     */
    readonly publish: (
      topic: string,
      payload: Uint8Array,
      options?: PublishOptions
    ) => Effect.Effect<Plumtree.MessageId, PublishError>

    /** The largest payload that `publish` takes on a topic: what the head of its frame, with the topic in it, leaves. */
    readonly usableBytes: (topic: string) => Effect.Effect<number, InvalidTopic>

    /**
     * The messages of a topic from now on. Each run of the stream is a subscriber of its own. One that falls behind by
     * more than its buffer loses messages and is told how many; it slows nobody down. It ends, after what waits, when the
     * node's layer is closed, or when the node is stopped because another has its id (`Membership.events` says so).
     */
    readonly subscribe: (topic: string, options?: SubscribeOptions) => Stream.Stream<Delivery, InvalidTopic>

    /**
     * For as long as the scope is open, asks `judge` about every message of this topic that others publish, before it is
     * delivered here or passed on, and about what neighbours remember when a subscriber here asks for history. Several
     * validators are asked in order, until one does not accept. At most `validators` run at once, and topics take turns; one
     * that fails, or has not
     * answered within `validatorTimeout`, counts as `ignore`, and in the metrics. If messages come faster than they are
     * judged, those for which the broadcast's `verdictMillis` or `verdictsSize`, or `subscriberBytes`, do not suffice are
     * ignored too. If that goes on, what is judged waits for an eighth of that time at most, and is late by as much at each node on
     * its way: a queue that is never empty loses as much, and is later. What nobody has judged is told to subscribers as
     * `Lagged`; what a validator rejected or ignored here is not.
     * A message that is not accepted here may still reach others by other paths: let all nodes judge alike. One that no neighbour of
     * a node accepts does not reach it, and is missing there: subscribers are told `Lagged`, and those in order wait until it is
     * given up, for the broadcast's `gapMillis` to twice as long. So let who publishes judge first. Fails with
     * `InvalidTopic` if the name is none, or if `topicsSize` other topics have validators already.
     */
    readonly validate: <R>(
      topic: string,
      judge: (message: Candidate) => Effect.Effect<Verdict, unknown, R>
    ) => Effect.Effect<void, InvalidTopic, R | Scope.Scope>

    /**
     * A topic whose payloads are values of a schema. They travel as JSON; with `encoding: "bytes"` as whatever bytes the
     * schema encodes to. See `Topic.Topic`.
     */
    readonly topic: {
      <A, I, RD = never, RE = never>(
        name: string,
        schema: Schema.Codec<A, I, RD, RE>,
        options?: TopicOptions & { readonly encoding?: "json" | undefined }
      ): Effect.Effect<Topic<A>, InvalidTopic, RD | RE>
      <A, RD = never, RE = never>(
        name: string,
        schema: BytesCodec<A, RD, RE>,
        options: TopicOptions & { readonly encoding: "bytes" }
      ): Effect.Effect<Topic<A>, InvalidTopic, RD | RE>
    }

    /** A snapshot. */
    readonly view: Effect.Effect<View>
  }
>()("@hyparview/runtime/Broadcast") {}
