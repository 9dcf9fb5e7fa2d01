/** The routes: what is asked, who may, and what is answered. */
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { Action, ActionResult, type ClusterSource, NodeDetail } from "../ClusterSource.ts"
import * as Feed from "../Feed.ts"
import { readBody } from "../ServerGuard.ts"
import type { PageFiles } from "./Files.ts"
import * as Guard from "./Guard.ts"
import type { Watch } from "./Watch.ts"

export interface Parts {
  readonly source: ClusterSource["Service"]
  readonly files: PageFiles
  readonly watch: Watch
  readonly token: string
  readonly names: ReadonlyArray<string>
  readonly port: number
  readonly stalledMillis: number
  readonly bodyBytes: number
}

/** The page loads its own files, talks to its own server, and is shown in no frame. */
const pageHeaders = {
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "worker-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'"
  ].join("; "),
  "cross-origin-opener-policy": "same-origin"
}

const headers = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin"
}

const fresh = { ...headers, "cache-control": "no-store" }

const failure = (status: number, error: string, message: string) =>
  HttpServerResponse.jsonUnsafe({ error, message }, { status, headers: fresh })

const statusOf = { NoSuchNode: 404, ActionRefused: 409, ClusterUnavailable: 503 } as const

const refused = (error: { readonly _tag: keyof typeof statusOf; readonly message: string }) =>
  Effect.succeed(failure(statusOf[error._tag], error._tag, error.message))

const encodeSnapshot = Schema.encodeEffect(Schema.fromJsonString(Feed.FeedMessage))
const encodeResult = Schema.encodeEffect(Schema.fromJsonString(ActionResult))
const encodeDetail = Schema.encodeEffect(Schema.fromJsonString(NodeDetail))
const decodeAction = Schema.decodeUnknownEffect(Schema.fromJsonString(Action))

const json = (text: string) => HttpServerResponse.text(text, { contentType: "application/json", headers: fresh })

const utf8 = new TextEncoder()

/** Also that nothing has happened is an event: a page is not told of comments. */
const event = Effect.fnUntraced(function* (message: Feed.FeedMessage | undefined) {
  if (message === undefined) return utf8.encode("event: quiet\ndata: {}\n\n")
  return utf8.encode(`data: ${yield* encodeSnapshot(message)}\n\n`)
})

/** The answer to any request. */
export const routes = ({ bodyBytes, files, source, watch, ...parts }: Parts) => {
  const updates = Effect.gen(function* () {
    const request = yield* HttpServerRequest
    const messages = yield* watch.follow
    if (messages === undefined) return failure(503, "TooManyViewers", "too many pages watch this cluster already")
    // A socket on which nothing moves is one whose reader has stopped: a quiet feed still says so.
    const response = NodeHttpServerRequest.toServerResponse(request)
    response.setTimeout(parts.stalledMillis, () => response.destroy())
    return HttpServerResponse.stream(Stream.mapEffect(messages, event), {
      contentType: "text/event-stream",
      headers: fresh
    })
  })

  const inspect = Effect.fnUntraced(
    function* (encoded: string) {
      const id = yield* Effect.try({ try: () => decodeURIComponent(encoded), catch: () => undefined }).pipe(
        Effect.orElseSucceed(() => encoded)
      )
      const detail = yield* Effect.result(source.inspect(id))
      if (detail._tag === "Success") return json(yield* encodeDetail(detail.success))
      // Who has seen it may ask for it when it has just died: that is no mistake, and a browser would call it one.
      const isSeen = detail.failure._tag === "NoSuchNode" && (yield* watch.current).nodes.has(id)
      return isSeen ? json("null") : yield* detail.failure
    },
    Effect.catchTag(["NoSuchNode", "ClusterUnavailable"], refused)
  )

  const act = Effect.gen(function* () {
    const request = yield* HttpServerRequest
    const stranger = Guard.refuseUnknown(request.headers, parts.token)
    if (stranger !== undefined) return failure(stranger.status, stranger.error, stranger.message)
    const body = yield* readBody(request, bodyBytes)
    const action = yield* Effect.result(decodeAction(new TextDecoder().decode(body)))
    if (action._tag === "Failure") return failure(400, "BadAction", action.failure.message)
    return json(yield* Effect.flatMap(watch.act(action.success), encodeResult))
  }).pipe(
    Effect.catchTag(["NoSuchNode", "ActionRefused", "ClusterUnavailable"], refused),
    Effect.catchTags({
      BodyTooLarge: ({ _tag, message }) => Effect.succeed(failure(413, _tag, message)),
      HttpServerError: () => Effect.succeed(failure(400, "BadAction", "the body ended too early"))
    })
  )

  const file = (path: string) => {
    const found = files.get(path)
    if (found === undefined) return failure(404, "NotFound", `there is nothing at ${path.slice(0, 128)}`)
    return HttpServerResponse.uint8Array(found.bytes, {
      contentType: found.type,
      headers: {
        ...headers,
        ...pageHeaders,
        "cache-control": found.isImmutable ? "public, max-age=31536000, immutable" : "no-store"
      }
    })
  }

  const answer = Effect.gen(function* () {
    const { headers: asked, method, url } = yield* HttpServerRequest
    const foreign = Guard.refuseForeign(asked, parts.names, parts.port)
    if (foreign !== undefined) return failure(foreign.status, foreign.error, foreign.message)
    const [path = "/"] = url.split(/[?#]/, 1)
    const isReading = method === "GET" || method === "HEAD"
    if (path === "/api/actions" && method === "POST") return yield* act
    if (!isReading) return failure(404, "NotFound", `there is nothing to ${method} at ${path.slice(0, 128)}`)
    if (path === "/api/snapshot") return json(yield* encodeSnapshot(Feed.snapshot(yield* watch.current)))
    if (path === "/api/updates" && method === "GET") return yield* updates
    if (path.startsWith("/api/nodes/")) return yield* inspect(path.slice("/api/nodes/".length))
    return file(path)
  })

  // What the source says is checked on its way out; a source that lies is a defect of ours, not the asker's.
  return answer.pipe(
    Effect.catchTag("SchemaError", (error) =>
      Effect.as(
        Effect.logError("the dashboard's source broke its contract", error),
        failure(500, "Internal", "the cluster was described in a way that cannot be told")
      )
    )
  )
}
