/** Who may ask the admin server: see the header of `AdminServer.ts`. */
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import type * as HttpServerResponse from "effect/http/HttpServerResponse"
import { createHash, timingSafeEqual } from "node:crypto"
import { isIPv4 } from "node:net"
import { problem } from "./answer.ts"

export interface Policy {
  readonly token: string | undefined
  /** Whether it listens on a loopback address. */
  readonly isLoopback: boolean
}

/** Whether only this machine can reach a host. */
export const isLoopback = (host: string): boolean =>
  host === "::1" || host === "localhost" || (isIPv4(host) && host.startsWith("127."))

/** The host of a `Host` header, without port and brackets. */
const hostOf = (header: string): string => {
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(header)
  return (bracketed?.[1] ?? header.replace(/:\d+$/, "")).toLowerCase()
}

const digest = (text: string): Buffer => createHash("sha256").update(text).digest()

/** In a time that tells nothing of how much of it was right. */
const isToken = (token: string, header: string | undefined): boolean => {
  const [, given] = /^Bearer +(\S+)$/i.exec(header ?? "") ?? []
  return timingSafeEqual(digest(token), digest(given ?? "")) && given !== undefined
}

/** The answer to whoever may not ask; undefined to whoever may. */
export const refuse = (
  { headers }: HttpServerRequest.HttpServerRequest,
  { isLoopback: listensOnLoopback, token }: Policy
): HttpServerResponse.HttpServerResponse | undefined => {
  if (listensOnLoopback && !isLoopback(hostOf(headers["host"] ?? ""))) {
    return problem(421, "this server is 127.0.0.1, localhost or [::1], and is asked under another name")
  }
  const site = headers["sec-fetch-site"]
  const isForeign = site !== undefined && site !== "none" && site !== "same-origin"
  // There are no pages here, so whatever names an origin comes from elsewhere.
  if (headers["origin"] !== undefined || isForeign) return problem(403, "web pages have no access")
  if (token !== undefined && !isToken(token, headers["authorization"])) {
    return problem(401, "a bearer token is needed", {}, { "www-authenticate": 'Bearer realm="hyparview"' })
  }
  return undefined
}
