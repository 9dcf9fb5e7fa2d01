/** Who may ask the page's server what, and what those are told who may not. The page is for who sits at this machine. */
import type * as Headers from "effect/http/Headers"
import * as ServerGuard from "../ServerGuard.ts"

/** Why a request is refused, and with which status. */
export interface Refusal {
  readonly status: 401 | 403
  readonly error: "ForeignHost" | "ForeignOrigin" | "BadToken"
  readonly message: string
}

const messages = {
  ForeignHost: "this server answers under a name of its own machine only",
  ForeignOrigin: "a page of another origin asked for this"
}

/** Of a request of any kind. `names`: what may stand before the port, the address that is listened at among them. */
export const refuseForeign = (
  headers: Headers.Headers,
  names: ReadonlyArray<string>,
  port: number
): Refusal | undefined => {
  const hosts = names.map((name) => `${name}:${port}`)
  const error = ServerGuard.foreignness(headers, {
    isOwnHost: (host) => hosts.includes(host),
    ownOrigins: hosts.map((host) => `http://${host}`),
    mayBeLinkedTo: true
  })
  return error === undefined ? undefined : { status: 403, error, message: messages[error] }
}

/** Of a request that changes something: the token is drawn at each start, and stands in the printed address alone. */
export const refuseUnknown = (headers: Headers.Headers, token: string): Refusal | undefined =>
  ServerGuard.bearsToken(headers, token)
    ? undefined
    : {
        status: 401,
        error: "BadToken",
        message: "actions need the token of the address that the command has printed: Authorization: Bearer TOKEN"
      }
