/**
 * What a node can be told (`Node.Options`), with every default, and between which bounds.
 */
import { HyParView, type Node as CoreNode, Plumtree, Wire } from "@hyparview/core"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Formatter from "effect/Formatter"
import * as Option from "effect/Option"
import * as Result from "effect/Result"

/**
 * How a node is made. Only `id` and `cluster` are required; of the others one that is undefined has its default.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The node's permanent name: unique in the cluster, 1 to 255 bytes of UTF-8, kept over restarts. */
  readonly id: string
  /** The cluster's name, 1 to 255 bytes of UTF-8: nodes of another name are refused. */
  readonly cluster: string
  /**
   * The largest size expected, 1 to 10⁹, from which the views are sized. Default 10,000: five links, thirty addresses.
   */
  readonly clusterSize?: number
  /** Overrides single parameters of the membership protocol. One that is undefined has its default. */
  readonly membership?: Partial<HyParView.Config>
  /**
   * Overrides single parameters of the broadcast: the strategy, what is retained, how what was missed is recovered. One
   * that is undefined has its default.
   */
  readonly broadcast?: Partial<Plumtree.Config>
  /**
   * This start's epoch, a whole number from 0 to 2⁵² (`HyParView.highestEpoch`): others ignore a node with a higher one.
   * Default: the clock in milliseconds at start, so that each start's is higher than the one before. Where a `PeerStore`
   * remembers one, this start's is above that in any case.
   */
  readonly epoch?: number
  /** The seed of the node's choices, any finite number. Default: random. Give one to make tests repeatable. */
  readonly seed?: number
  /**
   * How long an exchange of Hellos may take, dialling included. 1 ms to a day, and below the membership's
   * `requestTimeoutMillis`. Default 2 seconds.
   */
  readonly handshakeTimeout?: Duration.Input
  /**
   * How long a link that is not an active one may stay idle. 1 ms to a day. Default 3 seconds: a joiner's questions
   * open many.
   */
  readonly temporaryLinkIdle?: Duration.Input
  /** How long `leave` may take to flush its goodbyes. 1 ms to a day. Default 3 seconds. */
  readonly leaveDeadline?: Duration.Input
  /** Whether the node says goodbye when its layer is closed. Default true; false models a crash. */
  readonly leaveOnClose?: boolean
  /**
   * Bytes that may wait for one link, 1,024 to 2³¹; if the link cannot take what is above it the peer is expelled as
   * slow. Above half of it on every link of the tree publishers are held back. At least twice the broadcast's
   * `fetchBytes` and `recallBytes`, whose defaults are at most an eighth and a quarter of it. The same on all nodes of
   * a cluster: a larger frame is not sent, and counted (`hyparview_frames_too_large`). Default 4 MiB.
   */
  readonly outboxBytes?: number
  /** Links beyond the active ones that may be open at once, in either direction. 1–1,000,000. Default 1,024. */
  readonly temporaryLinks?: number
  /** Inputs that may wait for the node; readers pause above it. 16–10,000,000. Default 8,192. */
  readonly mailboxSize?: number
  /** Messages that may wait for one subscriber, unless it asks otherwise. 1–10,000,000. Default 1,024. */
  readonly subscriberBuffer?: number
  /**
   * Bytes of payload that may wait for one subscriber, and as many for validators. 1–2⁴⁰. Default 16 MiB; a single
   * message fits whatever its size.
   */
  readonly subscriberBytes?: number
  /**
   * Messages of a topic that may wait for an earlier one of their source, for subscribers in order; in bytes as many as
   * `subscriberBytes`, one message whatever its size. 1–10,000,000. Default 1,024.
   */
  readonly reorderBuffer?: number
  /**
   * How long a subscriber that asks for history waits for it, the first neighbour included. 1 ms to a day. Default 3
   * seconds.
   */
  readonly historyTimeout?: Duration.Input
  /** Validators that may run at once. 1–100,000. Default 16. */
  readonly validators?: number
  /** How long a validator may take. 1 ms to a day. Default 1 second. */
  readonly validatorTimeout?: Duration.Input
  /** Publishers that may wait for room at once (`whenFull: "wait"`). 0–10,000,000. Default 1,024. */
  readonly waitingPublishers?: number
  /** Membership events that may wait for one subscriber. 16–10,000,000. Default 4,096. */
  readonly eventsBuffer?: number
  /** How many peers a `PeerStore` is given to keep, 0 to 4,096. Default 64: both views, and some of those before. */
  readonly rememberedPeers?: number
  /**
   * A `PeerStore` is written at most once in this time (and when the epoch changes). 1 ms to a day. Default 30 seconds
   * (a guess).
   */
  readonly peerStoreInterval?: Duration.Input
  /**
   * How long one read or write of a `PeerStore` may take; then the node goes on without. 1 ms to a day. Default 5
   * seconds.
   */
  readonly peerStoreTimeout?: Duration.Input
  /**
   * Is shown each transition of the node before its outputs are performed: for tests and traces. It is called on the hot
   * path and must not throw. Default: none.
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
    return `${this.option} is ${Formatter.format(this.value)}: ${this.expected}`
  }
}

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
  readonly subscriberBytes: number
  readonly reorderBuffer: number
  readonly historyMillis: number
  readonly validators: number
  readonly validatorMillis: number
  readonly waitingPublishers: number
  readonly eventsBuffer: number
  readonly rememberedPeers: number
  readonly peerStoreIntervalMillis: number
  readonly peerStoreTimeoutMillis: number
  readonly observe: Observe | undefined
}

/** The options that are durations. */
type DurationOption = {
  [Option in keyof Options]-?: Duration.Input extends NonNullable<Options[Option]> ? Option : never
}[keyof Options]

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
  const named = (option: "id" | "cluster") =>
    typeof options[option] === "string" && Wire.isName(options[option])
      ? undefined
      : wrong(option, `expected 1 to ${Wire.maxTextBytes} bytes of UTF-8`)
  /** Not a number if it is no duration: then it is out of bounds too. */
  const millisOf = (option: DurationOption, standard: Duration.Input) =>
    Option.getOrElse(Option.map(Duration.fromInput(options[option] ?? standard), Duration.toMillis), () => Number.NaN)
  const millis = (option: DurationOption, value: number) =>
    value >= 1 && value <= 86_400_000 ? undefined : wrong(option, "expected a duration from 1 millisecond to 1 day")
  const whole = (option: keyof Options, value: number, low: number, high: number) =>
    Number.isInteger(value) && value >= low && value <= high
      ? undefined
      : wrong(option, `expected a whole number from ${low} to ${high}`)
  const answerFits = (field: "fetchBytes" | "recallBytes", broadcast: Plumtree.Config, { outboxBytes }: Settings) =>
    broadcast[field] <= outboxBytes / 2
      ? undefined
      : wrong("outboxBytes", `must be at least twice the broadcast's ${field} (${broadcast[field]})`)
  const kind = (option: keyof Options, type: "boolean" | "function" | "object", expected: string) =>
    options[option] === undefined || (typeof options[option] === type && options[option] !== null)
      ? undefined
      : wrong(option, expected)
  const nothing =
    kind("membership", "object", "expected an object of parameters") ??
    kind("broadcast", "object", "expected an object of parameters")
  if (nothing !== undefined) return Result.fail(nothing)
  const outboxBytes = options.outboxBytes ?? 4 * 1024 * 1024
  /** A share of what may wait for a link, whatever that is: it is checked later. */
  const answered = (standard: number, share: number) =>
    Number.isFinite(outboxBytes) ? Math.min(standard, Math.max(1, Math.floor(outboxBytes / share))) : standard
  const configs = Result.all({
    membership: HyParView.forClusterSize(options.clusterSize ?? 10_000, options.membership),
    // What is fetched or recalled comes in one go: who is answered must not look like one that does not drain its link.
    broadcast: Plumtree.makeConfig(options.broadcast, {
      ...Plumtree.defaultConfig,
      fetchBytes: answered(Plumtree.defaultConfig.fetchBytes, 8),
      recallBytes: answered(Plumtree.defaultConfig.recallBytes, 4)
    })
  })
  return Result.flatMap(configs, ({ broadcast, membership }): Result.Result<Settings, OptionsError> => {
    const settings: Settings = {
      id: options.id,
      cluster: options.cluster,
      membership,
      broadcast,
      epoch: options.epoch,
      seed: options.seed,
      handshakeMillis: millisOf("handshakeTimeout", "2 seconds"),
      temporaryLinkIdleMillis: millisOf("temporaryLinkIdle", "3 seconds"),
      leaveDeadlineMillis: millisOf("leaveDeadline", "3 seconds"),
      leaveOnClose: options.leaveOnClose ?? true,
      outboxBytes,
      temporaryLinks: options.temporaryLinks ?? 1_024,
      mailboxSize: options.mailboxSize ?? 8_192,
      subscriberBuffer: options.subscriberBuffer ?? 1_024,
      subscriberBytes: options.subscriberBytes ?? 16 * 1024 * 1024,
      reorderBuffer: options.reorderBuffer ?? 1_024,
      historyMillis: millisOf("historyTimeout", "3 seconds"),
      validators: options.validators ?? 16,
      validatorMillis: millisOf("validatorTimeout", "1 second"),
      waitingPublishers: options.waitingPublishers ?? 1_024,
      eventsBuffer: options.eventsBuffer ?? 4_096,
      rememberedPeers: options.rememberedPeers ?? 64,
      peerStoreIntervalMillis: millisOf("peerStoreInterval", "30 seconds"),
      peerStoreTimeoutMillis: millisOf("peerStoreTimeout", "5 seconds"),
      observe: options.observe
    }
    const fault =
      named("id") ??
      named("cluster") ??
      (options.epoch === undefined ? undefined : whole("epoch", options.epoch, 0, HyParView.highestEpoch)) ??
      (Number.isFinite(options.seed ?? 0) ? undefined : wrong("seed", "expected a finite number")) ??
      kind("leaveOnClose", "boolean", "expected true or false") ??
      kind("observe", "function", "expected a function") ??
      millis("handshakeTimeout", settings.handshakeMillis) ??
      millis("temporaryLinkIdle", settings.temporaryLinkIdleMillis) ??
      millis("leaveDeadline", settings.leaveDeadlineMillis) ??
      whole("outboxBytes", settings.outboxBytes, 1_024, 2 ** 31) ??
      whole("temporaryLinks", settings.temporaryLinks, 1, 1_000_000) ??
      whole("mailboxSize", settings.mailboxSize, 16, 10_000_000) ??
      whole("subscriberBuffer", settings.subscriberBuffer, 1, 10_000_000) ??
      whole("subscriberBytes", settings.subscriberBytes, 1, 2 ** 40) ??
      whole("reorderBuffer", settings.reorderBuffer, 1, 10_000_000) ??
      millis("historyTimeout", settings.historyMillis) ??
      whole("validators", settings.validators, 1, 100_000) ??
      millis("validatorTimeout", settings.validatorMillis) ??
      whole("waitingPublishers", settings.waitingPublishers, 0, 10_000_000) ??
      whole("eventsBuffer", settings.eventsBuffer, 16, 10_000_000) ??
      whole("rememberedPeers", settings.rememberedPeers, 0, 4_096) ??
      millis("peerStoreInterval", settings.peerStoreIntervalMillis) ??
      millis("peerStoreTimeout", settings.peerStoreTimeoutMillis) ??
      answerFits("fetchBytes", broadcast, settings) ??
      answerFits("recallBytes", broadcast, settings) ??
      (settings.handshakeMillis < membership.requestTimeoutMillis
        ? undefined
        : wrong("handshakeTimeout", `must be below requestTimeoutMillis (${membership.requestTimeoutMillis})`))
    return fault === undefined ? Result.succeed(settings) : Result.fail(fault)
  })
}
