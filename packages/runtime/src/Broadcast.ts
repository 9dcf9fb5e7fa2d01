/**
 * Broadcast: a message to every node of the cluster. One overlay carries all topics; a message is handed once to each
 * subscriber of its topic on every node, the publishing node included.
 *
 * Messages travel down a tree that the nodes grow out of their links (Plumtree), so that in calm a node receives each
 * payload once; what links and nodes lose is announced by others and fetched from them, and what was published during a
 * partition arrives after it, as long as some node retains it. What cannot be had any more is reported as `Lagged`, with
 * how much: of each source a node hears from, every message is delivered once, or named as lost once.
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
  /** Messages of this node's own. */
  readonly published: number
  /** Messages of others, each once; and of these the ones that had been lost or missed, and were fetched. */
  readonly delivered: number
  readonly recovered: number
  /** Copies of messages known already: (delivered + duplicates) / delivered is the copies for each delivery. */
  readonly duplicates: number
  /** Messages given up (`Lagged`), and such as a validator rejected. */
  readonly lagged: number
  readonly rejected: number
  /** Frames with a payload, and all others, sent to peers; bytes as handed to the transport. */
  readonly sent: {
    readonly payloadFrames: number
    readonly payloadBytes: number
    readonly controlFrames: number
    readonly controlBytes: number
  }
  /** Messages kept for others, in number and in bytes of payload. */
  readonly retained: { readonly messages: number; readonly bytes: number }
  /** Links along which payloads are pushed, and such along which they are only announced. */
  readonly eager: number
  readonly lazy: number
  /** The ids of the neighbours to which messages of this node's own are pushed. */
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
     * neighbours. A node without neighbours delivers it to itself, retains it, and passes it on when it has some.
     */
    readonly publish: (
      topic: string,
      payload: Uint8Array,
      options?: PublishOptions
    ) => Effect.Effect<Plumtree.MessageId, PublishError>

    /**
     * The messages of a topic from now on. Each run of the stream is a subscriber of its own; one that falls behind by
     * more than its buffer loses some and is told how many. It slows nobody.
     */
    readonly subscribe: (topic: string, options?: SubscribeOptions) => Stream.Stream<Delivery, InvalidTopic>

    /**
     * For as long as the scope is open, asks `judge` about every message of this topic that others publish, before it is
     * delivered here or passed on. Of several validators all are asked, in order, until one does not accept. At most
     * `validators` run at once; one that fails, or has not answered within `validatorTimeout`, counts as `ignore` and in
     * the metrics. A message that is not accepted here may still reach others on other ways: let all nodes judge alike.
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
      <A, I>(
        name: string,
        schema: Schema.Codec<A, I>,
        options?: TopicOptions & { readonly encoding?: "json" }
      ): Effect.Effect<Topic<A>, InvalidTopic>
      <A>(
        name: string,
        schema: BytesCodec<A>,
        options: TopicOptions & { readonly encoding: "bytes" }
      ): Effect.Effect<Topic<A>, InvalidTopic>
    }

    /** A snapshot. */
    readonly view: Effect.Effect<View>
  }
>()("@hyparview/runtime/Broadcast") {}
