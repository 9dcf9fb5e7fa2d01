/**
 * A bad network for real sockets: a TCP proxy on loopback that hurts the connections through it, each by itself and while
 * it runs. It ends them after so many bytes, in the middle of a frame if need be; resets them; stalls one direction or both;
 * throttles; delays; joins segments and splits them; leaves them half-open. Whatever speaks TCP can stand behind it, TLS too: it
 * looks at no byte.
 *
 * It stands in `testing`, beside the transport contract, because that is where one looks for what a transport of one's own
 * is tested with; fault plans of `@hyparview/faults` are pure data for simulated networks, and this is a thing with sockets.
 * It needs Node, and is an entry point of its own for that reason.
 *
 * **A node behind a proxy** advertises the proxy's port and listens at one of its own, which must be known beforehand: choose it
 * below those that the system gives away by itself (on Linux 32,768 and above), or it may be taken already. What the node dials
 * goes past its own proxy, and through those of the nodes that it dials.
 *
 * **A slow line** is `Delay`, in one direction or both: 50 ms each way make a round trip of 100. Connections are accepted without
 * delay. **Silence** is `Stall` in both directions: neither end hears of anything, until one gives up, which the other then sees: an end
 * in order waits behind bytes that wait, and passes where none does; a reset always passes.
 *
 * **A half-open link** is `cutAfter` with the ending `none`: one end is gone, and the other is not told, neither then nor when it writes:
 * its bytes are taken, and vanish. So does a machine go that loses its power. Only what expects to hear from the other notices, by
 * heartbeats say.
 *
 * A segment is what one write hands to the kernel, with TCP_NODELAY; the kernel may still join what it has not sent yet.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { AddressInfo, Server } from "node:net"
import { createServer } from "node:net"
import {
  checkDirection,
  type Connection,
  type Direction,
  endedConnection,
  ProxiedConnection
} from "./internal/faultProxy/connection.ts"
import { checkShape, type Shape } from "./internal/faultProxy/pipe.ts"

export type { Connection, Direction } from "./internal/faultProxy/connection.ts"
export type { Ending, Shape } from "./internal/faultProxy/pipe.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Host and port, 1 to 65,535, of the one behind the proxy, who need not listen yet. */
  readonly to: { readonly host: string; readonly port: number }
  /** The address on which the proxy listens, at a free port. Default `127.0.0.1`. */
  readonly host?: string | undefined
  /** From which the sizes of split segments are drawn. Default 1. */
  readonly seed?: number | undefined
  /** Bytes of one direction that may wait in the proxy before it reads no more, 1 or more. Default 64 KiB. */
  readonly bufferBytes?: number | undefined
  /** Connections at once, 1 or more: one more is reset. Default 10,000. */
  readonly connections?: number | undefined
}

/**
 * The proxy could not listen. Nothing was opened.
 *
 * @category errors
 * @since 0.1.0
 */
export class FaultProxyError extends Data.TaggedError("FaultProxyError")<{
  readonly host: string
  readonly detail: string
}> {
  override get message(): string {
    return `the fault proxy cannot listen on ${this.host}: ${this.detail}`
  }
}

/**
 * An option is out of its bounds, or is none. Nothing was opened.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidOptions extends Data.TaggedError("InvalidOptions")<{
  /** The option, or what was given as one. */
  readonly option: string
  readonly detail: string
}> {
  override get message(): string {
    return `fault proxy, ${this.option}: ${this.detail}`
  }
}

/**
 * A proxy that listens.
 *
 * @category models
 * @since 0.1.0
 */
export interface FaultProxy {
  readonly host: string
  readonly port: number
  /** Those that are open, in the order in which they came. */
  readonly connections: () => ReadonlyArray<Connection>
  /** How many there ever were. */
  readonly accepted: () => number
  /** The shape of every connection, those that are open and those to come. */
  readonly shapeAll: (direction: Direction | "both", shape: Shape) => Effect.Effect<void>
  /**
   * Waits for the connection of this number, a whole one from 0. One that has ended already is there at once, as a record: what has
   * passed, and that it is not open. Dies of another number.
   */
  readonly connection: (number: number) => Effect.Effect<Connection>
}

const listen = (host: string) =>
  Effect.acquireRelease(
    Effect.callback<Server, FaultProxyError>((resume) => {
      const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true })
      server.once("error", (error) => resume(Effect.fail(new FaultProxyError({ host, detail: error.message }))))
      server.listen({ host, port: 0 }, () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
      })
  )

const portOf = (bound: AddressInfo | string | null): number =>
  bound === null || typeof bound === "string" ? 0 : bound.port

/**
 * A proxy in front of somebody, for the life of the scope, which resets what is open at its end.
 *
 * @category constructors
 * @since 0.1.0
 * @example
 * ```ts
 * import * as FaultProxy from "@hyparview/testing/FaultProxy"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const proxy = yield* FaultProxy.make({ to: { host: "127.0.0.1", port: 7946 } })
 *   // Somebody dials 127.0.0.1 at proxy.port meanwhile.
 *   const connection = yield* proxy.connection(0)
 *   yield* connection.shape("both", { _tag: "Delay", delayMillis: 50 })
 *   yield* connection.shape("toServer", { _tag: "Throttle", bytesPerSecond: 10_000 })
 *   // After 5,000 bytes the client is gone, and the server not told: it is to notice by itself.
 *   yield* connection.cutAfter("toServer", 5_000, "none")
 *   yield* connection.ended
 * }).pipe(Effect.scoped)
 * ```
 */
export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<FaultProxy, FaultProxyError | InvalidOptions, Scope.Scope> {
  const names = Object.keys({
    to: true,
    host: true,
    seed: true,
    bufferBytes: true,
    connections: true
  } satisfies Record<keyof Options, true>)
  const stranger = Object.keys(options).find((name) => !names.includes(name))
  if (stranger !== undefined) {
    return yield* new InvalidOptions({ option: stranger, detail: `no such option. Options are ${names.join(", ")}` })
  }
  const { bufferBytes = 65_536, connections: limit = 10_000, host = "127.0.0.1", seed = 1, to } = options
  for (const [option, value] of [
    ["bufferBytes", bufferBytes],
    ["connections", limit]
  ] as const) {
    if (Number.isSafeInteger(value) && value >= 1) continue
    return yield* new InvalidOptions({ option, detail: `${value} is not a whole number, 1 or more` })
  }
  if (
    typeof to?.host !== "string" ||
    to.host === "" ||
    !(Number.isInteger(to.port) && to.port >= 1 && to.port <= 65_535)
  ) {
    const detail = "the host and the port, 1 to 65535, of the one behind the proxy"
    return yield* new InvalidOptions({ option: "to", detail })
  }
  const open = new Set<ProxiedConnection>()
  const over = new Map<number, Connection>()
  const waiting = new Map<number, Set<(connection: Connection) => void>>()
  const shapes: Record<Direction, Shape> = { toServer: { _tag: "Through" }, toClient: { _tag: "Through" } }
  let accepted = 0

  const server = yield* listen(host)
  // Registered after the server, and so run before: a server closes when its last connection has.
  yield* Effect.addFinalizer(() =>
    Effect.suspend(() =>
      Effect.forEach([...open], (connection) => Effect.andThen(connection.reset, connection.ended), { discard: true })
    )
  )
  server.on("connection", (client) => {
    if (open.size >= limit) {
      client.on("error", () => {})
      client.resetAndDestroy()
      return
    }
    const connection = new ProxiedConnection({ number: accepted++, client, to, seed, bufferBytes, shapes })
    open.add(connection)
    connection.onEnded(() => {
      open.delete(connection)
      over.set(connection.number, endedConnection(connection))
    })
    for (const resume of waiting.get(connection.number) ?? []) resume(connection)
    waiting.delete(connection.number)
  })

  return {
    host,
    port: portOf(server.address()),
    connections: () => [...open],
    accepted: () => accepted,
    shapeAll: (direction, shape) =>
      Effect.suspend(() => {
        checkDirection(direction)
        checkShape(shape)
        if (direction !== "toClient") shapes.toServer = shape
        if (direction !== "toServer") shapes.toClient = shape
        return Effect.forEach([...open], (connection) => connection.shape(direction, shape), { discard: true })
      }),
    connection: (number) =>
      Effect.callback<Connection>((resume) => {
        if (!(Number.isSafeInteger(number) && number >= 0)) {
          throw new RangeError(`fault proxy, connection: a number is a whole one, 0 or more, not ${number}`)
        }
        const ended = over.get(number)
        if (ended !== undefined) return resume(Effect.succeed(ended))
        for (const connection of open) {
          if (connection.number === number) return resume(Effect.succeed(connection))
        }
        const here = (connection: Connection): void => resume(Effect.succeed(connection))
        const others = waiting.get(number) ?? new Set()
        waiting.set(number, others.add(here))
        return Effect.sync(() => others.delete(here))
      })
  }
})
