/**
 * The page's HTTP server: the page, what it shows and what can be done from it.
 *
 * | route | answer |
 * |---|---|
 * | `GET /`, `GET /assets/…` | the page |
 * | `GET /api/snapshot` | everything, once |
 * | `GET /api/updates` | server-sent events: everything, then what has changed, at most five times a second |
 * | `GET /api/nodes/ID` | one node in full; `null` for one that is shown and does not run |
 * | `POST /api/actions` | does something; needs the token |
 *
 * Anything else is 404. A body that is none of an action is 400 and says what is wrong where; a bad token 401, a foreign
 * host or origin 403, a body above the bound 413, too many viewers or a cluster that does not answer 503, an action that
 * the cluster is in no state for 409. Every error is JSON: `{ "error": TAG, "message": TEXT }`.
 *
 * It listens on the loopback interface. Who else uses this machine can look; who does not have the printed address can do
 * nothing.
 *
 * @since 0.1.0
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as HttpServer from "effect/http/HttpServer"
import { createServer } from "node:http"
import { ClusterSource } from "./ClusterSource.ts"
import * as Files from "./server/Files.ts"
import { routes } from "./server/Routes.ts"
import * as Watch from "./server/Watch.ts"
import { makeToken } from "./ServerGuard.ts"

export { PageMissing } from "./server/Files.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Where it listens. Default 0: any free port. */
  readonly port?: number | undefined
  /** The shortest time between two observations of the cluster, 200 ms or more. Default 200 (a choice). */
  readonly intervalMillis?: number | undefined
  /** How many may watch at a time. Default 16 (a choice). */
  readonly viewers?: number | undefined
  /** A viewer who takes nothing for so long is cut off. Default 30,000 (a choice). */
  readonly stalledMillis?: number | undefined
  /** The largest body of an action. Default 512 KiB: 10,000 ids in groups, with room. */
  readonly bodyBytes?: number | undefined
}

/**
 * The port is in use, or may not be used. Nothing was started.
 *
 * @category errors
 * @since 0.1.0
 */
export class CannotListen extends Data.TaggedError("CannotListen")<{
  readonly port: number
  readonly detail: string
}> {
  override get message(): string {
    return `the dashboard cannot listen on port ${this.port}: ${this.detail}`
  }
}

/**
 * A server that runs.
 *
 * @category services
 * @since 0.1.0
 */
export class Dashboard extends Context.Service<
  Dashboard,
  {
    readonly port: number
    /** To look: `http://127.0.0.1:7900/`. */
    readonly url: string
    /** To act: the same, with the token in its fragment, which no browser sends to anybody. */
    readonly urlWithToken: string
    readonly token: string
  }
>()("@hyparview/dashboard/Server") {}

const host = "127.0.0.1"

/** What a browser on this machine may call it. */
const names = [host, "localhost", "[::1]"]

const optionNames = Object.keys({
  port: true,
  intervalMillis: true,
  viewers: true,
  stalledMillis: true,
  bodyBytes: true
} satisfies Record<keyof Options, true>)

/** A mistake in the program: what is misspelt would be ignored without a word. */
const checkNames = (options: Options): void => {
  const stranger = Object.keys(options).find((name) => !optionNames.includes(name))
  if (stranger !== undefined) {
    throw new RangeError(`${stranger}: no such option. Options are ${optionNames.join(", ")}`)
  }
}

/**
 * Starts the server, and builds the page first where its sources are and have changed. It dies with an option
 * that there is none of.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<Dashboard, CannotListen | Files.PageMissing, ClusterSource> =>
  Layer.effect(
    Dashboard,
    Effect.gen(function* () {
      checkNames(options)
      const files = yield* Files.load
      const token = makeToken()
      const wanted = options.port ?? 0
      const server = yield* NodeHttpServer.make(createServer, {
        port: wanted,
        host,
        // Viewers never end by themselves.
        gracefulShutdownTimeout: "100 millis"
      }).pipe(
        Effect.mapError(({ cause }) => {
          const detail = cause instanceof Error ? cause.message : String(cause)
          return new CannotListen({ port: wanted, detail })
        })
      )
      const port = server.address._tag === "UnixPathAddress" ? wanted : server.address.port
      const watch = yield* Watch.make({
        ...Watch.defaults,
        intervalMillis: Math.max(200, options.intervalMillis ?? Watch.defaults.intervalMillis),
        viewers: options.viewers ?? Watch.defaults.viewers
      })
      yield* HttpServer.serveEffect(
        routes({
          source: yield* ClusterSource,
          files,
          watch,
          token,
          names,
          port,
          stalledMillis: options.stalledMillis ?? 30_000,
          bodyBytes: options.bodyBytes ?? 512 * 1_024
        })
      ).pipe(Effect.provideService(HttpServer.HttpServer, server))
      const url = `http://${host}:${port}/`
      return { port, url, urlWithToken: `${url}#token=${token}`, token }
    })
  )
