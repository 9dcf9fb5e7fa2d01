/** Who may ask the admin server, and what those are told who may not: see the header of `AdminServer.ts`. */
import * as ServerGuard from "@hyparview/dashboard/ServerGuard"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import type * as HttpServerResponse from "effect/http/HttpServerResponse"
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
  return bracketed?.[1] ?? header.replace(/:\d+$/, "")
}

/** The answer to whoever may not ask; undefined to whoever may. */
export const refuse = (
  { headers }: HttpServerRequest.HttpServerRequest,
  { isLoopback: listensOnLoopback, token }: Policy
): HttpServerResponse.HttpServerResponse | undefined => {
  const foreign = ServerGuard.foreignness(headers, {
    isOwnHost: (host) => !listensOnLoopback || isLoopback(hostOf(host)),
    // There are no pages here, so whatever names an origin comes from elsewhere.
    ownOrigins: [],
    mayBeLinkedTo: false
  })
  if (foreign === "ForeignHost") {
    return problem(421, "this server is 127.0.0.1, localhost or [::1], and was asked for under another name")
  }
  if (foreign === "ForeignOrigin") return problem(403, "web pages have no access")
  if (token !== undefined && !ServerGuard.bearsToken(headers, token)) {
    return problem(401, "a bearer token is needed", {}, { "www-authenticate": 'Bearer realm="hyparview"' })
  }
  return undefined
}
