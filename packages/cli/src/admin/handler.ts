/** The admin server's requests, each with its method, and what is answered. */
import { readBody } from "@hyparview/dashboard/ServerGuard"
import type { Broadcast, PublishError } from "@hyparview/runtime/Broadcast"
import type { Membership } from "@hyparview/runtime/Membership"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import { IncomingMessage } from "node:http"
import { commonHeaders, json, problem } from "./answer.ts"
import { cutIfStalled, feed, messages } from "./events.ts"
import { type Policy, refuse } from "./guard.ts"
import { many } from "../internal/table.ts"

export interface Settings extends Policy {
  readonly membership: Membership["Service"]
  readonly broadcast: Broadcast["Service"]
  readonly maxBodyBytes: number
  readonly eventReaders: number
  readonly stallMillis: number
  readonly keepAliveMillis: number
}

type Request = HttpServerRequest.HttpServerRequest
type Response = HttpServerResponse.HttpServerResponse
type Handle = (request: Request, url: URL) => Effect.Effect<Response>

export interface Handler {
  readonly handler: Effect.Effect<Response, never, HttpServerRequest.HttpServerRequest>
  /** How many listen to events and messages now. */
  readonly readers: () => number
}

export const makeHandler = (settings: Settings): Handler => {
  const { broadcast, membership } = settings

  const healthz: Handle = () =>
    Effect.map(membership.view, ({ status }) => json({ status }, status === "stopped" ? 503 : 200))

  const readyz: Handle = () =>
    Effect.map(membership.view, ({ active, status }) =>
      json({ status, neighbors: active.length }, status === "joined" ? 200 : 503)
    )

  const metrics: Handle = () =>
    Effect.map(PrometheusMetrics.format(), (text) =>
      HttpServerResponse.text(text, { contentType: "text/plain; version=0.0.4; charset=utf-8", headers: commonHeaders })
    )

  const view: Handle = () => Effect.map(membership.view, (view) => json(view))

  let readers = 0
  /** Server-sent events for as long as the reader takes them; one reader more. */
  const serveEvents = (request: Request, stream: Stream.Stream<Uint8Array>): Response => {
    if (readers >= settings.eventReaders) {
      return problem(503, `${many(readers, "reader")} listening already, which is the most`, {}, { "retry-after": "5" })
    }
    const cut = () => {
      if (request.source instanceof IncomingMessage) request.source.socket.destroy()
    }
    const counted = Stream.unwrap(
      Effect.as(
        Effect.acquireRelease(
          Effect.sync(() => readers++),
          () => Effect.sync(() => readers--)
        ),
        stream
      )
    )
    return HttpServerResponse.stream(cutIfStalled(counted, settings.stallMillis, cut), {
      contentType: "text/event-stream",
      headers: commonHeaders
    })
  }

  const events: Handle = (request) =>
    Effect.sync(() => serveEvents(request, feed(membership, settings.keepAliveMillis)))

  const listen: Handle = (request, url) =>
    Effect.gen(function* () {
      const name = url.searchParams.get("topic")
      if (name === null) return problem(400, "which topic? GET /messages?topic=TOPIC[&history=N]")
      const history = url.searchParams.get("history") ?? "0"
      if (!/^\d{1,9}$/.test(history)) return problem(400, "history is a whole number of messages, 0 or more")
      const topic = yield* broadcast.topic(name, Schema.Uint8Array, { encoding: "bytes" })
      return serveEvents(request, messages(topic.subscribe({ history: Number(history) }), settings.keepAliveMillis))
    }).pipe(Effect.catch((error) => Effect.succeed(refusedBy(error))))

  const publish: Handle = (request, url) =>
    Effect.gen(function* () {
      const topic = url.searchParams.get("topic")
      if (topic === null) return problem(400, "which topic? POST /publish?topic=TOPIC, the payload as the body")
      const payload = yield* readBody(request, Math.min(settings.maxBodyBytes, yield* broadcast.usableBytes(topic)))
      return json({ id: yield* broadcast.publish(topic, payload) })
    }).pipe(
      Effect.catchTags({
        BodyTooLarge: ({ maxBytes, message }) =>
          // The rest of it is not worth reading.
          Effect.succeed(problem(413, message, { usableBytes: maxBytes }, { connection: "close" })),
        HttpServerError: () => Effect.succeed(problem(400, "the body ended too early"))
      }),
      Effect.catch((error) => Effect.succeed(refusedBy(error)))
    )

  const routes: ReadonlyMap<string, readonly [method: "GET" | "POST", handle: Handle]> = new Map([
    ["/healthz", ["GET", healthz]],
    ["/readyz", ["GET", readyz]],
    ["/metrics", ["GET", metrics]],
    ["/view", ["GET", view]],
    ["/events", ["GET", events]],
    ["/messages", ["GET", listen]],
    ["/publish", ["POST", publish]]
  ])

  const handler = Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    const refusal = refuse(request, settings)
    if (refusal !== undefined) return refusal
    // A path that begins with two slashes is none of ours, whatever is in front of us thinks of it; as a reference it would name a host.
    const url = request.url.startsWith("/") ? URL.parse(`http://localhost${request.url}`) : null
    const route = url === null ? undefined : routes.get(url.pathname)
    if (url === null || route === undefined) {
      return problem(404, "no such thing here", { routes: [...routes].map(([path, [method]]) => `${method} ${path}`) })
    }
    const [method, handle] = route
    // A HEAD is a GET of which only the head is sent; of what goes on and on there is none.
    const isEndless = handle === events || handle === listen
    if (request.method !== method && !(request.method === "HEAD" && method === "GET" && !isEndless)) {
      return problem(405, `${url.pathname} takes ${method} only`, {}, { allow: method })
    }
    return yield* handle(request, url)
  })
  return { handler, readers: () => readers }
}

const refusedBy = (error: PublishError): Response => {
  switch (error._tag) {
    case "InvalidTopic":
      return problem(400, error.message)
    case "PayloadTooLarge":
      return problem(413, error.message, { usableBytes: error.usableBytes })
    case "NotJoined":
      return problem(503, error.message)
    case "Overloaded":
      return problem(503, error.message, {}, { "retry-after": "1" })
  }
}
