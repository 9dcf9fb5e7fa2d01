/**
 * Who may ask a server of this machine what: the page's own server, and the admin side of a node. The browser is the way in
 * for everybody else: another site's script can send requests to a port of this machine, and a name that an attacker owns
 * can be made to point to it.
 *
 * - The `Host` must be one that leads here, so that no foreign name does.
 * - A request that a browser made for another origin is refused, whatever it asks; nothing is ever granted by CORS.
 * - A token travels in a header that no foreign page can set without asking first, and is compared in constant time.
 *
 * @since 0.1.0
 */
import * as ByteSize from "effect/ByteSize"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Headers from "effect/http/Headers"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import type { HttpServerError } from "effect/http/HttpServerError"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import { createHash, randomBytes, timingSafeEqual } from "node:crypto"

/**
 * What one server allows.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rules {
  /** Whether a `Host`, in lower case and with its port, leads here; an absent one is the empty text. */
  readonly isOwnHost: (host: string) => boolean
  /** The origins of the server's own pages: none, where there are no pages. */
  readonly ownOrigins: ReadonlyArray<string>
  /** Whether a page of another site may hold a link that leads here: it shows the page, and tells the other site nothing. */
  readonly mayBeLinkedTo: boolean
}

/**
 * Whether a request comes from elsewhere: under a name that is not the server's, or from a page that is not.
 *
 * @category checking
 * @since 0.1.0
 */
export const foreignness = (
  headers: Headers.Headers,
  { isOwnHost, mayBeLinkedTo, ownOrigins }: Rules
): "ForeignHost" | "ForeignOrigin" | undefined => {
  if (!isOwnHost((headers["host"] ?? "").toLowerCase())) return "ForeignHost"
  const { origin } = headers
  if (origin !== undefined && !ownOrigins.includes(origin)) return "ForeignOrigin"
  const site = headers["sec-fetch-site"]
  // `none`: somebody typed the address.
  if (site === undefined || site === "none" || site === "same-origin") return undefined
  return mayBeLinkedTo && headers["sec-fetch-mode"] === "navigate" ? undefined : "ForeignOrigin"
}

const digest = (text: string): Buffer => createHash("sha256").update(text).digest()

/**
 * Whether a request bears the token (`Authorization: Bearer …`), in a time that tells nothing of how much of it was right.
 *
 * @category checking
 * @since 0.1.0
 */
export const bearsToken = (headers: Headers.Headers, token: string): boolean => {
  const [, given] = /^Bearer +(\S+)$/i.exec(headers["authorization"] ?? "") ?? []
  return timingSafeEqual(digest(token), digest(given ?? "")) && given !== undefined
}

/**
 * A token of 128 bits that nobody can guess, in characters that an address may hold.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeToken = (): string => randomBytes(16).toString("base64url")

/**
 * The body is larger than it may be. No more of it was read.
 *
 * @category errors
 * @since 0.1.0
 */
export class BodyTooLarge extends Data.TaggedError("BodyTooLarge")<{ readonly maxBytes: number }> {
  override get message(): string {
    return `the body has more than ${this.maxBytes} bytes`
  }
}

/**
 * The whole body, read no further than it may be long, and not at all if it is announced to be longer.
 *
 * @category reading
 * @since 0.1.0
 */
export const readBody = (
  request: HttpServerRequest,
  maxBytes: number
): Effect.Effect<Uint8Array, BodyTooLarge | HttpServerError> => {
  if (Number(request.headers["content-length"] ?? 0) > maxBytes) return Effect.fail(new BodyTooLarge({ maxBytes }))
  return request.arrayBuffer.pipe(
    Effect.map((buffer) => new Uint8Array(buffer)),
    Effect.mapError((error) => {
      const { reason } = error
      const isTooLarge = reason._tag === "RequestParseError" && reason.reason === "BodyTooLarge"
      return isTooLarge ? new BodyTooLarge({ maxBytes }) : error
    }),
    Effect.provideService(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(maxBytes))
  )
}
