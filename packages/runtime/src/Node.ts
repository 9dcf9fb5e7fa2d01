/**
 * A live node: the pure protocols of `@hyparview/core`, driven on Effect's Clock over a `Transport`. `layer` is what an
 * application reaches for; it provides `Membership` and `Broadcast`.
 *
 * @example
 * ```ts
 * import { Discovery, Membership, Node } from "@hyparview/runtime"
 * import { TcpTransport } from "@hyparview/transport-tcp"
 * import { Effect, Layer } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const membership = yield* Membership.Membership
 *   yield* membership.join(["10.0.0.1:7946"])
 *   yield* membership.awaitNeighbors(1)
 * })
 *
 * const NodeLive = Node.layer({ id: "node-a", cluster: "example", clusterSize: 1_000 }).pipe(
 *   Layer.provide(TcpTransport.layer({ port: 7946 })),
 *   Layer.provide(Discovery.Discovery.layerNone)
 * )
 * Effect.runFork(program.pipe(Effect.provide(NodeLive)))
 * ```
 *
 * @since 0.1.0
 */
import { HyParView, type Node as CoreNode, Plumtree } from "@hyparview/core"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { Broadcast } from "./Broadcast.ts"
import { Discovery } from "./Discovery.ts"
import { makeDriver } from "./internal/driver.ts"
import { Membership } from "./Membership.ts"
import { Transport } from "./Transport.ts"

/**
 * How a node is made. Only `id` and `cluster` are required.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The node's name for ever: unique in the cluster, 1 to 255 bytes of UTF-8, kept over restarts. */
  readonly id: string
  /** The cluster's name, 1 to 255 bytes: nodes of another name are refused. */
  readonly cluster: string
  /** The largest size expected, from which the views are sized. Default 10,000: five links, thirty addresses. */
  readonly clusterSize?: number
  /** Overrides single parameters of the membership protocol. */
  readonly membership?: Partial<HyParView.Config>
  /** Overrides single parameters of the broadcast. */
  readonly broadcast?: Partial<Plumtree.Config>
  /**
   * This start's epoch. Default: the clock in milliseconds at start, so that each start's is higher than the one before.
   */
  readonly epoch?: number
  /** The seed of the node's choices. Default: random. Give one to make tests repeatable. */
  readonly seed?: number
  /** How long an exchange of Hellos may take, dialling included. Default 2 seconds; below the request time-out. */
  readonly handshakeTimeout?: Duration.Input
  /** How long a link that is not an active one may stay idle. Default 3 seconds: a joiner's questions open many. */
  readonly temporaryLinkIdle?: Duration.Input
  /** How long `leave` may take to flush its goodbyes. Default 3 seconds. */
  readonly leaveDeadline?: Duration.Input
  /** Whether the node leaves in order when its layer is closed. Default true; false models a crash. */
  readonly leaveOnClose?: boolean
  /** Bytes that may wait for one link; above it the peer is expelled as slow. Default 4 MiB. */
  readonly outboxBytes?: number
  /** Links beyond the active ones that may be open at once, in either direction. Default 1,024. */
  readonly temporaryLinks?: number
  /** Inputs that may wait for the node; readers pause above it. Default 8,192. */
  readonly mailboxSize?: number
  /** Messages that may wait for one subscriber. Default 1,024. */
  readonly subscriberBuffer?: number
  /** Membership events that may wait for one subscriber. Default 4,096. */
  readonly eventsBuffer?: number
  /**
   * Is shown each transition of the node, before its outputs are performed: for tests and traces. It stands in the hot path,
   * and must not throw. Default: none.
   */
  readonly observe?: Observe
}

/**
 * Looks at a transition of a node.
 *
 * @category models
 * @since 0.1.0
 */
export type Observe = (before: CoreNode.State, input: CoreNode.Input, step: CoreNode.Step) => void

/**
 * An option is out of its bounds. No node was made.
 *
 * @category errors
 * @since 0.1.0
 */
export class OptionsError extends Data.TaggedError("OptionsError")<{
  readonly option: keyof Options
  readonly value: unknown
  readonly expected: string
}> {
  override get message(): string {
    return `${this.option} is ${JSON.stringify(this.value)}: ${this.expected}`
  }
}

/**
 * A node over whatever `Transport` and `Discovery` are provided. It is up, but has not joined: `Membership.join` does
 * that. Closing the layer leaves in order (see `leaveOnClose`), and ends every fiber and link of the node.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options
): Layer.Layer<
  Membership | Broadcast,
  OptionsError | HyParView.ConfigError | Plumtree.ConfigError,
  Transport | Discovery
> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const settings = yield* Effect.fromResult(resolve(options))
      const { broadcast, membership } = yield* makeDriver(settings, yield* Transport, yield* Discovery)
      return Context.make(Membership, membership).pipe(Context.add(Broadcast, broadcast))
    })
  )

/**
 * Options with every default filled in and every bound checked.
 *
 * @category models
 * @since 0.1.0
 */
export interface Settings {
  readonly id: string
  readonly cluster: string
  readonly membership: HyParView.Config
  readonly broadcast: Plumtree.Config
  readonly epoch: number | undefined
  readonly seed: number | undefined
  readonly handshakeMillis: number
  readonly temporaryLinkIdleMillis: number
  readonly leaveDeadlineMillis: number
  readonly leaveOnClose: boolean
  readonly outboxBytes: number
  readonly temporaryLinks: number
  readonly mailboxSize: number
  readonly subscriberBuffer: number
  readonly eventsBuffer: number
  readonly observe: Observe | undefined
}

/**
 * Fills in the defaults and checks the bounds.
 *
 * @category constructors
 * @since 0.1.0
 */
export const resolve = (
  options: Options
): Result.Result<Settings, OptionsError | HyParView.ConfigError | Plumtree.ConfigError> => {
  const wrong = (option: keyof Options, expected: string) =>
    new OptionsError({ option, value: options[option], expected })
  const bytes = (text: string) => new TextEncoder().encode(text).length
  const named = (option: "id" | "cluster") =>
    bytes(options[option]) >= 1 && bytes(options[option]) <= 255 ? undefined : wrong(option, "expected 1 to 255 bytes")
  const millis = (option: "handshakeTimeout" | "temporaryLinkIdle" | "leaveDeadline", value: number) =>
    value >= 1 && value <= 86_400_000 ? undefined : wrong(option, "expected 1 millisecond to 1 day")
  const whole = (option: keyof Options, value: number, low: number, high: number) =>
    Number.isInteger(value) && value >= low && value <= high
      ? undefined
      : wrong(option, `expected a whole number from ${low} to ${high}`)
  return Result.flatMap(
    Result.all([
      HyParView.forClusterSize(options.clusterSize ?? 10_000, options.membership),
      Plumtree.makeConfig(options.broadcast)
    ]),
    ([membership, broadcast]): Result.Result<Settings, OptionsError> => {
      const settings: Settings = {
        id: options.id,
        cluster: options.cluster,
        membership,
        broadcast,
        epoch: options.epoch,
        seed: options.seed,
        handshakeMillis: Duration.toMillis(options.handshakeTimeout ?? "2 seconds"),
        temporaryLinkIdleMillis: Duration.toMillis(options.temporaryLinkIdle ?? "3 seconds"),
        leaveDeadlineMillis: Duration.toMillis(options.leaveDeadline ?? "3 seconds"),
        leaveOnClose: options.leaveOnClose ?? true,
        outboxBytes: options.outboxBytes ?? 4 * 1024 * 1024,
        temporaryLinks: options.temporaryLinks ?? 1_024,
        mailboxSize: options.mailboxSize ?? 8_192,
        subscriberBuffer: options.subscriberBuffer ?? 1_024,
        eventsBuffer: options.eventsBuffer ?? 4_096,
        observe: options.observe
      }
      const fault =
        named("id") ??
        named("cluster") ??
        (options.epoch === undefined ? undefined : whole("epoch", options.epoch, 0, Number.MAX_SAFE_INTEGER)) ??
        millis("handshakeTimeout", settings.handshakeMillis) ??
        millis("temporaryLinkIdle", settings.temporaryLinkIdleMillis) ??
        millis("leaveDeadline", settings.leaveDeadlineMillis) ??
        whole("outboxBytes", settings.outboxBytes, 1_024, 2 ** 31) ??
        whole("temporaryLinks", settings.temporaryLinks, 1, 1_000_000) ??
        whole("mailboxSize", settings.mailboxSize, 16, 10_000_000) ??
        whole("subscriberBuffer", settings.subscriberBuffer, 1, 10_000_000) ??
        whole("eventsBuffer", settings.eventsBuffer, 16, 10_000_000) ??
        (settings.handshakeMillis < membership.requestTimeoutMillis
          ? undefined
          : wrong("handshakeTimeout", `must be below requestTimeoutMillis (${membership.requestTimeoutMillis})`))
      return fault === undefined ? Result.succeed(settings) : Result.fail(fault)
    }
  )
}
