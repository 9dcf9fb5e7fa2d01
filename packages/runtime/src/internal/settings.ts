/**
 * What a node can be told (`Node.Options`), with every default, and between which bounds.
 */
import { HyParView, type Node as CoreNode, Plumtree, Wire } from "@hyparview/core"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Formatter from "effect/Formatter"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import { checkerOf, isTexts, unless } from "./strangeness.ts"

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
   * Contacts (addresses) through which the node joins as soon as it is up, as by `Membership.join`: so that layers built on it may wait
   * for neighbours. `[]`: through Discovery and what a `PeerStore` remembers, or as the first. Default: not before `Membership.join`
   * is called, by which time an application has subscribed, and has given its validators.
   */
  readonly join?: ReadonlyArray<string> | undefined
  /**
   * The largest size expected, 1 to 10⁹, from which the views are sized. Default 10,000: five links, thirty addresses.
   */
  readonly clusterSize?: number | undefined
  /** Overrides single parameters of the membership protocol. One that is undefined has its default. */
  readonly membership?: HyParView.Override | undefined
  /**
   * Overrides single parameters of the broadcast: the strategy, what is retained, how what was missed is recovered. One
   * that is undefined has its default.
   */
  readonly broadcast?: Plumtree.Override | undefined
  /**
   * This start's epoch, a whole number from 0 to 2⁵² (`HyParView.highestEpoch`): others ignore a node with a higher one.
   * Default: the clock in milliseconds at start, so that each start's is higher than the one before. Where a `PeerStore`
   * remembers one, this start's is above that in any case.
   */
  readonly epoch?: number | undefined
  /** The seed of the node's choices, any finite number. Default: random. Give one to make tests repeatable. */
  readonly seed?: number | undefined
  /**
   * How long an exchange of Hellos may take, dialling included. 1 ms to a day, and below the membership's
   * `requestTimeoutMillis`. Default 2 seconds.
   */
  readonly handshakeTimeout?: Duration.Input | undefined
  /**
   * How long a link that is not an active one may stay idle. 1 ms to a day. Default 3 seconds: a joiner's questions
   * open many.
   */
  readonly temporaryLinkIdle?: Duration.Input | undefined
  /**
   * How long `leave` may take to flush its goodbyes, and the end of the node to wait for a validator that lets nobody interrupt it. 1 ms
   * to a day. Default 3 seconds.
   */
  readonly leaveDeadline?: Duration.Input | undefined
  /**
   * Whether the node says goodbye when its layer is closed. Default true; false models a crash. Where a test moves the clock, nobody does
   * while its scope closes, and `leaveDeadline` never comes: a goodbye that a peer does not take (one that is frozen) is waited for
   * until the test times out.
   */
  readonly leaveOnClose?: boolean | undefined
  /**
   * Bytes that may wait for one link, 1,024 to 2³¹; if the link cannot take what is above it the peer is expelled as
   * slow. Above half of it on every link of the tree publishers are held back. At least twice the broadcast's
   * `fetchBytes` and `recallBytes`, whose defaults are at most an eighth and a quarter of it. The same on all nodes of
   * a cluster: a larger frame is not sent, and counted (`hyparview_frames_too_large`). Nor is one that its receiver says
   * that it does not take. Default 4 MiB.
   */
  readonly outboxBytes?: number | undefined
  /** Links beyond the active ones that may be open at once, in either direction. 1–1,000,000. Default 1,024. */
  readonly temporaryLinks?: number | undefined
  /** Inputs that may wait for the node; readers pause above it. 16–10,000,000. Default 8,192. */
  readonly mailboxSize?: number | undefined
  /** Messages that may wait for one subscriber, unless it asks otherwise. 1–10,000,000. Default 1,024. */
  readonly subscriberBuffer?: number | undefined
  /**
   * Bytes of payload that may wait for one subscriber, and as many for validators. 1–2⁴⁰. Default 16 MiB; a single
   * message fits whatever its size.
   */
  readonly subscriberBytes?: number | undefined
  /**
   * Messages of a topic that may wait for an earlier one of their source, for subscribers in order; in bytes as many as
   * `subscriberBytes`, one message whatever its size. Once the earlier one has come they all go to the subscribers at once, beside
   * what may wait for each. As many may wait for a subscriber whose history is being asked for. With fewer than are published while
   * something is fetched, what neighbours keep is told as lost.
   * 1–10,000,000. Default 16,384.
   */
  readonly reorderBuffer?: number | undefined
  /**
   * How long a subscriber that asks for history waits for it, the first neighbour included. 1 ms to a day. Default 3
   * seconds.
   */
  readonly historyTimeout?: Duration.Input | undefined
  /** Validators that may run at once. 1–100,000. Default 16. */
  readonly validators?: number | undefined
  /** How long a validator may take. 1 ms to a day. Default 1 second. */
  readonly validatorTimeout?: Duration.Input | undefined
  /** Publishers that may wait for room at once (`whenFull: "wait"`). 0–10,000,000. Default 1,024. */
  readonly waitingPublishers?: number | undefined
  /** Membership events that may wait for one subscriber. 16–10,000,000. Default 4,096. */
  readonly eventsBuffer?: number | undefined
  /** How many peers a `PeerStore` is given to keep, 0 to 4,096. Default 64: both views, and some of those before. */
  readonly rememberedPeers?: number | undefined
  /**
   * A `PeerStore` is written at most once in this time, but for the start, the first neighbours (within a tenth of it) and a change of
   * the epoch. 1 ms to a day. Default 30 seconds (a guess).
   */
  readonly peerStoreInterval?: Duration.Input | undefined
  /**
   * How long one read or write of a `PeerStore` may take, or both where what could not be read is read again; then the node goes on
   * without. 1 ms to a day. Default 5 seconds.
   */
  readonly peerStoreTimeout?: Duration.Input | undefined
  /**
   * Is shown each transition of the node before its outputs are performed: for tests and traces. It is called on the hot
   * path and must not throw. Default: none.
   */
  readonly observe?: Observe | undefined
}

/**
 * Looks at a transition of a node.
 *
 * @category models
 * @since 0.1.0
 */
export type Observe = (before: CoreNode.State, input: CoreNode.Input, step: CoreNode.Step) => void

/**
 * An option is out of its bounds, contradicts another, or is none. No node was made. If it was an option of `Broadcast` or of
 * a `Topic`, or what `awaitNeighbors` was asked for, what it was given to dies with this, and has done nothing.
 *
 * @category errors
 * @since 0.1.0
 */
export class OptionsError extends Data.TaggedError("OptionsError")<{
  /** The option, or what was given as one; `options` where the whole is no object. */
  readonly option: string
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
  readonly join: ReadonlyArray<string> | undefined
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

const name = (value: string): string | undefined =>
  typeof value === "string" && Wire.isName(value) ? undefined : `expected 1 to ${Wire.maxTextBytes} bytes of UTF-8`

const whole = (low: number, high: number) =>
  unless<number>(
    (value) => Number.isInteger(value) && value >= low && value <= high,
    `a whole number from ${low} to ${high}`
  )

/** Not a number if it is no duration. */
const millisOf = (duration: Duration.Input): number =>
  Option.getOrElse(Option.map(Duration.fromInput(duration), Duration.toMillis), () => Number.NaN)

const duration = unless<Duration.Input>((value) => {
  const millis = millisOf(value)
  return millis >= 1 && millis <= 86_400_000
}, "a duration from 1 millisecond to 1 day")

/** What they are, the core looks at. */
const parameters = unless(Predicate.isObject, "an object of parameters")

const faultOf = checkerOf<Options>({
  id: name,
  cluster: name,
  join: unless(isTexts, "a list of addresses, if need be []"),
  // The core looks at it.
  clusterSize: () => undefined,
  membership: parameters,
  broadcast: parameters,
  epoch: whole(0, HyParView.highestEpoch),
  seed: unless(Number.isFinite, "a finite number"),
  handshakeTimeout: duration,
  temporaryLinkIdle: duration,
  leaveDeadline: duration,
  leaveOnClose: unless(Predicate.isBoolean, "true or false"),
  outboxBytes: whole(1_024, 2 ** 31),
  temporaryLinks: whole(1, 1_000_000),
  mailboxSize: whole(16, 10_000_000),
  subscriberBuffer: whole(1, 10_000_000),
  subscriberBytes: whole(1, 2 ** 40),
  reorderBuffer: whole(1, 10_000_000),
  historyTimeout: duration,
  validators: whole(1, 100_000),
  validatorTimeout: duration,
  waitingPublishers: whole(0, 10_000_000),
  eventsBuffer: whole(16, 10_000_000),
  rememberedPeers: whole(0, 4_096),
  peerStoreInterval: duration,
  peerStoreTimeout: duration,
  observe: unless(Predicate.isFunction, "a function")
})

/** A fault of options that passed by themselves, with the parameters of the protocols. */
const contradiction = ({ broadcast, handshakeMillis, membership, outboxBytes }: Settings): OptionsError | undefined => {
  for (const field of ["fetchBytes", "recallBytes"] as const) {
    if (broadcast[field] <= outboxBytes / 2) continue
    const expected = `must be at least twice the broadcast's ${field} (${broadcast[field]})`
    return new OptionsError({ option: "outboxBytes", value: outboxBytes, expected })
  }
  const { requestTimeoutMillis } = membership
  if (handshakeMillis < requestTimeoutMillis) return undefined
  const expected = `must be below requestTimeoutMillis (${requestTimeoutMillis})`
  return new OptionsError({ option: "handshakeTimeout", value: handshakeMillis, expected })
}

/**
 * Fills in the defaults and checks the bounds.
 *
 * @category constructors
 * @since 0.1.0
 */
export const resolve = (
  options: Options
): Result.Result<Settings, OptionsError | HyParView.ConfigError | Plumtree.ConfigError> =>
  Result.gen(function* () {
    const fault = faultOf(options)
    if (fault !== undefined) return yield* Result.fail(new OptionsError(fault))
    const { outboxBytes = 4 * 1024 * 1024 } = options
    /** A share of what may wait for a link, if that is less. */
    const answered = (standard: number, share: number) => Math.min(standard, Math.floor(outboxBytes / share))
    const settings: Settings = {
      id: options.id,
      cluster: options.cluster,
      join: options.join,
      membership: yield* HyParView.forClusterSize(options.clusterSize ?? 10_000, options.membership),
      // What is fetched or recalled comes in one go: who is answered must not look like one that does not drain its link.
      broadcast: yield* Plumtree.makeConfig(options.broadcast, {
        ...Plumtree.defaultConfig,
        fetchBytes: answered(Plumtree.defaultConfig.fetchBytes, 8),
        recallBytes: answered(Plumtree.defaultConfig.recallBytes, 4)
      }),
      epoch: options.epoch,
      seed: options.seed,
      handshakeMillis: millisOf(options.handshakeTimeout ?? "2 seconds"),
      temporaryLinkIdleMillis: millisOf(options.temporaryLinkIdle ?? "3 seconds"),
      leaveDeadlineMillis: millisOf(options.leaveDeadline ?? "3 seconds"),
      leaveOnClose: options.leaveOnClose ?? true,
      outboxBytes,
      temporaryLinks: options.temporaryLinks ?? 1_024,
      mailboxSize: options.mailboxSize ?? 8_192,
      subscriberBuffer: options.subscriberBuffer ?? 1_024,
      subscriberBytes: options.subscriberBytes ?? 16 * 1024 * 1024,
      reorderBuffer: options.reorderBuffer ?? 16_384,
      historyMillis: millisOf(options.historyTimeout ?? "3 seconds"),
      validators: options.validators ?? 16,
      validatorMillis: millisOf(options.validatorTimeout ?? "1 second"),
      waitingPublishers: options.waitingPublishers ?? 1_024,
      eventsBuffer: options.eventsBuffer ?? 4_096,
      rememberedPeers: options.rememberedPeers ?? 64,
      peerStoreIntervalMillis: millisOf(options.peerStoreInterval ?? "30 seconds"),
      peerStoreTimeoutMillis: millisOf(options.peerStoreTimeout ?? "5 seconds"),
      observe: options.observe
    }
    const contradicted = contradiction(settings)
    return contradicted === undefined ? settings : yield* Result.fail(contradicted)
  })
