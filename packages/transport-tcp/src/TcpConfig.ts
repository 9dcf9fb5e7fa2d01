/**
 * What a TCP transport can be told, and the check that it makes sense. Every limit has a default, and says where the
 * default comes from.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Formatter from "effect/Formatter"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Address from "./Address.ts"

/**
 * The options of a TCP transport.
 *
 * @category models
 * @since 0.1.0
 */
export interface TcpOptions {
  /**
   * The host to listen on: an IP address of this machine, a name of it, or `0.0.0.0` or `::` for all of its addresses.
   * Default `127.0.0.1`: a node is open to other machines only when asked to be.
   */
  readonly host?: string | undefined

  /** The port to listen on, 0–65535. Default 0: any free one. */
  readonly port?: number | undefined

  /**
   * The host under which others dial this node, where it differs from `host`: behind address translation, or by name.
   * Default `host`. Required when `host` stands for all addresses, which nobody can dial. With a port of five digits it
   * must fit into 255 bytes, in which a node tells others its address.
   */
  readonly advertiseHost?: string | undefined

  /** The port under which others dial this node, 1–65535. Default: the port that was bound. */
  readonly advertisePort?: number | undefined

  /**
   * The largest frame received, in bytes, without its length prefix: 1 to 1 GiB. A larger one closes the link. A node tells
   * others, and is sent none; but what it is not sent it misses, so it is the same on all nodes of a cluster. Until such a
   * frame is complete its link holds it in memory. Default 1 MiB (a guess: broadcasts are small).
   */
  readonly maxFrameBytes?: number | undefined

  /**
   * Connections in all, dialled and accepted and being dialled, 1 to 1,000,000. Beyond it an accepted connection is reset
   * at once, and a dial fails with `limit`. Each takes a file descriptor. Default 1024 (a guess: a node holds about ten
   * links, and takes part in many short ones when others join).
   */
  readonly maxLinks?: number | undefined

  /**
   * Accepted connections that have not delivered a first frame yet, 1 to `maxLinks`. Beyond it an accepted connection is
   * reset at once. Default 256, or `maxLinks` if that is less (a guess: as many joins as reach one contact in a round
   * trip).
   */
  readonly maxHandshakes?: number | undefined

  /**
   * How long an accepted connection may take to deliver its first complete frame. Up to a day. Default 5 seconds (a
   * guess: a few round trips around the world, with a packet lost).
   */
  readonly handshakeTimeout?: Duration.Input | undefined

  /**
   * How long a dial may take, the look-up of the name included. Up to a day. Default 5 seconds (a guess; Linux sends a
   * lost SYN again after 1, 3 and 7 seconds). A node gives a dial up earlier, after its own `handshakeTimeout`, which
   * is 2 seconds by default and covers the dial.
   */
  readonly dialTimeout?: Duration.Input | undefined

  /**
   * How long `close("flush")` waits for the far end to take what was sent. Up to a day. Default 5 seconds (a guess).
   */
  readonly closeTimeout?: Duration.Input | undefined

  /**
   * Bytes received that may wait for `receive`, per link, 1 to 1 GiB. At the limit the link stops reading, and TCP slows
   * the far end down. What one read brings (up to 64 KiB), Node's own buffer (64 KiB) and one incomplete frame (up to
   * `maxFrameBytes`) come on top. Default 256 KiB (a few reads).
   */
  readonly receiveLimitBytes?: number | undefined

  /** Sends small frames at once instead of waiting for more (TCP_NODELAY). Default true: `send` batches already. */
  readonly noDelay?: boolean | undefined

  /**
   * After this much silence the kernel probes the far end, and ends the link if it does not answer; `false` turns that
   * off. 1 second to a day, in whole seconds. Default 1 minute (a guess: a second line of defence behind heartbeats,
   * which find a dead peer in seconds).
   */
  readonly keepAlive?: Duration.Input | false | undefined
}

/**
 * An option is out of its bounds, contradicts another, or is none. Nothing was opened.
 *
 * @category errors
 * @since 0.1.0
 */
export class TcpConfigError extends Data.TaggedError("TcpConfigError")<{
  /** The option, one of TLS's among them, or what was given as one; `options` where the whole is no object. */
  readonly option: string
  readonly detail: string
}> {
  override get message(): string {
    return `${this.option}: ${this.detail}`
  }
}

/**
 * Options that passed the check, with every default filled in.
 *
 * @category models
 * @since 0.1.0
 */
export interface TcpConfig {
  readonly host: string
  readonly port: number
  /** Undefined: as bound. */
  readonly advertiseHost: string | undefined
  /** Undefined: as bound. */
  readonly advertisePort: number | undefined
  readonly maxFrameBytes: number
  readonly maxLinks: number
  readonly maxHandshakes: number
  readonly handshakeTimeoutMillis: number
  readonly dialTimeoutMillis: number
  readonly closeTimeoutMillis: number
  readonly receiveLimitBytes: number
  readonly noDelay: boolean
  /** 0: the kernel does not probe. */
  readonly keepAliveMillis: number
}

const gibibyte = 1024 * 1024 * 1024
const dayMillis = 24 * 60 * 60 * 1000

/** The wire format's limit of any text. */
const longestAddress = 255

type Checked<A> = Result.Result<A, TcpConfigError>

const fail = (option: string, detail: string) => Result.fail(new TcpConfigError({ option, detail }))

/** `host: 5 is not …`: whoever has no types may give anything. */
const wrong = (option: string, value: unknown, what: string) => fail(option, `${Formatter.format(value)} is ${what}`)

const whole = (option: keyof TcpOptions, value: number, minimum: number, maximum: number): Checked<number> =>
  Number.isInteger(value) && value >= minimum && value <= maximum
    ? Result.succeed(value)
    : wrong(option, value, `not a whole number from ${minimum} to ${maximum}`)

const host = (option: keyof TcpOptions, value: string): Checked<string> =>
  typeof value === "string" && Address.isHost(value)
    ? Result.succeed(value)
    : wrong(option, value, "neither an IP address nor a host name (IPv6 stands here without brackets)")

const choice = (option: keyof TcpOptions, value: boolean): Checked<boolean> =>
  typeof value === "boolean" ? Result.succeed(value) : wrong(option, value, "neither true nor false")

/**
 * Checks an option that is a duration, and gives its milliseconds.
 *
 * @category constructors
 * @since 0.1.0
 */
export const millis = (
  option: string,
  value: Duration.Input,
  minimum: number
): Result.Result<number, TcpConfigError> => {
  const duration = Option.map(Duration.fromInput(value), Duration.toMillis)
  return Option.isSome(duration) && duration.value >= minimum && duration.value <= dayMillis
    ? Result.succeed(Math.ceil(duration.value))
    : wrong(option, value, `not a duration from ${minimum} millisecond${minimum === 1 ? "" : "s"} to a day`)
}

const names = Object.keys({
  host: true,
  port: true,
  advertiseHost: true,
  advertisePort: true,
  maxFrameBytes: true,
  maxLinks: true,
  maxHandshakes: true,
  handshakeTimeout: true,
  dialTimeout: true,
  closeTimeout: true,
  receiveLimitBytes: true,
  noDelay: true,
  keepAlive: true
} satisfies Record<keyof TcpOptions, true>)

const known = (options: unknown, all: ReadonlyArray<string>): Checked<void> => {
  if (!Predicate.isObject(options)) return wrong("options", options, "not an object of options")
  const stranger = Object.keys(options).find((name) => !all.includes(name))
  return stranger === undefined ? Result.void : fail(stranger, `there is no such option. Options are ${all.join(", ")}`)
}

/**
 * Checks options and fills in the defaults. The first option that does not pass is the error. `others` names options that
 * are not looked at here, as those that only TLS has.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: TcpOptions,
  others: ReadonlyArray<string> = []
): Result.Result<TcpConfig, TcpConfigError> =>
  Result.gen(function* () {
    yield* known(options, [...others, ...names])
    const listenHost = yield* host("host", options.host ?? "127.0.0.1")
    const { advertiseHost, advertisePort } = options
    if (advertiseHost === undefined && Address.isWildcard(listenHost)) {
      return yield* fail("advertiseHost", `others cannot dial ${listenHost}: say under which host they can`)
    }
    if (advertiseHost !== undefined && Address.isWildcard(yield* host("advertiseHost", advertiseHost))) {
      return yield* fail("advertiseHost", `others cannot dial ${advertiseHost}`)
    }
    if (Address.format({ host: advertiseHost ?? listenHost, port: 65535 }).length > longestAddress) {
      return yield* fail("advertiseHost", `no node can tell others an address of more than ${longestAddress} bytes`)
    }
    const maxLinks = yield* whole("maxLinks", options.maxLinks ?? 1024, 1, 1_000_000)
    const maxHandshakes = options.maxHandshakes ?? Math.min(256, maxLinks)
    const { keepAlive = "1 minute" } = options
    return {
      host: listenHost,
      port: yield* whole("port", options.port ?? 0, 0, 65535),
      advertiseHost,
      advertisePort: advertisePort === undefined ? undefined : yield* whole("advertisePort", advertisePort, 1, 65535),
      maxFrameBytes: yield* whole("maxFrameBytes", options.maxFrameBytes ?? 1024 * 1024, 1, gibibyte),
      maxLinks,
      maxHandshakes: yield* whole("maxHandshakes", maxHandshakes, 1, maxLinks),
      handshakeTimeoutMillis: yield* millis("handshakeTimeout", options.handshakeTimeout ?? "5 seconds", 1),
      dialTimeoutMillis: yield* millis("dialTimeout", options.dialTimeout ?? "5 seconds", 1),
      closeTimeoutMillis: yield* millis("closeTimeout", options.closeTimeout ?? "5 seconds", 1),
      receiveLimitBytes: yield* whole("receiveLimitBytes", options.receiveLimitBytes ?? 256 * 1024, 1, gibibyte),
      noDelay: yield* choice("noDelay", options.noDelay ?? true),
      keepAliveMillis: keepAlive === false ? 0 : yield* millis("keepAlive", keepAlive, 1000)
    }
  })
