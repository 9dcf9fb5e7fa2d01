/**
 * The admin side of a live node, over HTTP: is it well, has it joined, what does it measure, whom does it know, what
 * happens to it; and publishing. It stands above `Membership` and `Broadcast` of the runtime, and any node can have one.
 *
 * | request | answer |
 * |---|---|
 * | `GET /healthz` | 200 while the node runs; 503 once it has stopped because another process uses its id |
 * | `GET /readyz` | 200 from when it has joined until it leaves, alone or not; 503 before and after |
 * | `GET /metrics` | every metric of the process, as Prometheus reads them |
 * | `GET /view` | the node's view as JSON: itself, neighbours with round trips, the reserve, counters |
 * | `GET /events` | server-sent events: `NeighborUp` for each present neighbour, then every change, with its reason |
 * | `GET /messages?topic=T` | server-sent events: `Message` for each message of the topic from now on, its payload in base64; with `&history=N` first the newest from before; `Lagged` for what is lost |
 * | `POST /publish?topic=T` | publishes the request's body, as it is, on a topic; answers with the message's id |
 *
 * Everything else is a JSON object with `error`: 400 (no topic), 401 (no token, or a wrong one), 403 (a page of another
 * origin asks), 404, 405 (with `Allow`), 413 (with the size that fits), 421 (a Host that is none of ours), 503 (not joined,
 * overloaded, too many readers).
 *
 * **Who may ask.** On a loopback address whoever is on the machine may, unless a token is set; anywhere else nobody may
 * without the token, and a server without one does not start. Web pages may not: a request that names another origin is
 * refused, and on a loopback address the `Host` must be a name of the loopback, so that no page reaches it by letting its
 * own name point here (DNS rebinding). Elsewhere the token, which no page knows, does the same.
 *
 * @since 0.1.0
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Broadcast } from "@hyparview/runtime/Broadcast"
import { Membership } from "@hyparview/runtime/Membership"
import * as Address from "@hyparview/transport-tcp/Address"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Formatter from "effect/Formatter"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as HttpServer from "effect/http/HttpServer"
import { createServer } from "node:http"
import { isLoopback } from "./admin/guard.ts"
import { makeHandler } from "./admin/handler.ts"

/**
 * Where it listens and what it allows.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** An IP address or a name; IPv6 without brackets. Default `127.0.0.1`. */
  readonly host?: string | undefined
  /** 0 to 65535; 0, the default, is any free one. */
  readonly port?: number | undefined
  /** What requests must bear (`Authorization: Bearer …`). Needed where `host` is no loopback address. 1 byte or more. */
  readonly token?: Redacted.Redacted | undefined
  /**
   * The largest body that `publish` takes, in bytes, 1 or more, where a frame of the node has room for it. Default 1 MiB, the
   * largest frame of a transport's default.
   */
  readonly maxBodyBytes?: number | undefined
  /** How many may listen to `/events` and `/messages` at once, 1 or more. Default 32. */
  readonly eventReaders?: number | undefined
  /** A reader of either that takes nothing for so long is cut off. Default 10 seconds (a guess). */
  readonly stallTimeout?: Duration.Input | undefined
  /** So often a comment is sent between the events, so that both ends notice a dead connection. Default 15 seconds. */
  readonly keepAlive?: Duration.Input | undefined
  /** Connections at once, 1 or more; more are closed at once. Default 128. */
  readonly maxConnections?: number | undefined
}

/**
 * The admin server could not start. Nothing listens.
 *
 * - `badOption`: one of the options is out of its bounds, or is none; `detail` says which
 * - `noToken`: others could reach it, and it has no token
 * - `notListening`: the port is in use, or the host is not of this machine
 *
 * @category errors
 * @since 0.1.0
 */
export class AdminError extends Data.TaggedError("AdminError")<{
  readonly reason: "badOption" | "noToken" | "notListening"
  readonly address: string
  readonly detail: string
}> {
  override get message(): string {
    return `no admin server on ${this.address}: ${this.detail}`
  }
}

/**
 * A running admin server.
 *
 * @category services
 * @since 0.1.0
 */
export class AdminServer extends Context.Service<
  AdminServer,
  {
    /** Where it listens, port 0 made a real one: `http://127.0.0.1:9464`. */
    readonly url: string
  }
>()("@hyparview/cli/AdminServer") {}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 1

const names = Object.keys({
  host: true,
  port: true,
  token: true,
  maxBodyBytes: true,
  eventReaders: true,
  stallTimeout: true,
  keepAlive: true,
  maxConnections: true
} satisfies Record<keyof Options, true>)

/** Not a number if it is no duration. */
const millisOf = (duration: Duration.Input): number =>
  Option.getOrElse(Option.map(Duration.fromInput(duration), Duration.toMillis), () => Number.NaN)

/** What is misspelt, as a token that nobody would be asked for, or out of its bounds. */
const faultOf = (options: Options): string | undefined => {
  const stranger = Object.keys(options).find((name) => !names.includes(name))
  if (stranger !== undefined) return `${stranger}: no such option. Options are ${names.join(", ")}`
  for (const name of ["maxBodyBytes", "eventReaders", "maxConnections"] as const) {
    const value = options[name]
    if (value !== undefined && !isCount(value))
      return `${name} is ${Formatter.format(value)}: expected a whole number, 1 or more`
  }
  for (const name of ["stallTimeout", "keepAlive"] as const) {
    const value = options[name]
    if (value !== undefined && !(millisOf(value) >= 1))
      return `${name} is ${Formatter.format(value)}: expected a duration of 1 millisecond or more`
  }
  const { port = 0, token } = options
  if (!Address.isPort(port)) return `port is ${Formatter.format(port)}: expected a whole number from 0 to 65535`
  return token !== undefined && Redacted.value(token) === "" ? "token is empty: expected 1 byte or more" : undefined
}

/**
 * An admin server for the node that is provided. Its end cuts off whoever listens.
 *
 * @example
 * ```ts
 * import { AdminServer } from "@hyparview/cli"
 * import { Discovery, Node } from "@hyparview/runtime"
 * import { TcpTransport } from "@hyparview/transport-tcp"
 * import { Layer } from "effect"
 *
 * const NodeLive = Node.layer({ id: "node-a", cluster: "example" }).pipe(
 *   Layer.provide(TcpTransport.layer({ port: 7946 })),
 *   Layer.provide(Discovery.Discovery.layerNone)
 * )
 * const WithAdmin = AdminServer.layer({ port: 9464 }).pipe(Layer.provideMerge(NodeLive))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<AdminServer, AdminError, Membership | Broadcast> => {
  const { host = "127.0.0.1", port = 0 } = options
  const address = Address.format({ host, port })
  const token = options.token === undefined ? undefined : Redacted.value(options.token)
  return Layer.effect(
    AdminServer,
    Effect.gen(function* () {
      const fault = faultOf(options)
      if (fault !== undefined) return yield* new AdminError({ reason: "badOption", address, detail: fault })
      const loopback = isLoopback(host)
      if (!loopback && token === undefined) {
        const detail = "other machines can reach it there, so it needs a token; or let it listen on 127.0.0.1"
        return yield* new AdminError({ reason: "noToken", address, detail })
      }
      const { keepAlive = "15 seconds", stallTimeout = "10 seconds" } = options
      const { handler, readers } = makeHandler({
        membership: yield* Membership,
        broadcast: yield* Broadcast,
        token,
        isLoopback: loopback,
        maxBodyBytes: options.maxBodyBytes ?? 1_048_576,
        eventReaders: options.eventReaders ?? 32,
        stallMillis: millisOf(stallTimeout),
        keepAliveMillis: millisOf(keepAlive)
      })
      // Slow and silent clients must not pile up: so long may a request take until all of it is here.
      const server = createServer({
        requestTimeout: 30_000,
        headersTimeout: 10_000,
        connectionsCheckingInterval: 5_000
      })
      server.maxConnections = options.maxConnections ?? 128
      const http = yield* NodeHttpServer.make(() => server, { host, port, gracefulShutdownTimeout: 0 }).pipe(
        Effect.mapError(({ cause }) => new AdminError({ reason: "notListening", address, detail: causeOf(cause) }))
      )
      yield* http.serve(handler)
      yield* Effect.addFinalizer(() =>
        Effect.andThen(
          Effect.suspend(() => (readers() > 0 ? Effect.sleep(lastWords) : Effect.void)),
          Effect.sync(() => server.closeAllConnections())
        )
      )
      return { url: HttpServer.formatAddress(http.address) }
    })
  )
}

/** A node that ends has just said goodbye: so long its last events have to reach those who listen. */
const lastWords = "200 millis"

const causeOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))
