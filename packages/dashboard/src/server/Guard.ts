/**
 * Who may ask what. The page is for who sits at this machine, and the browser is the way in for everybody else: another
 * site's script can send requests to a port of this machine, and a name that an attacker owns can be made to point to it.
 *
 * - The `Host` must be a name of this machine's own, so that no foreign name leads here.
 * - A request that a browser made for another origin is refused, whatever it asks; nothing is ever granted by CORS.
 * - An action needs the token, which is drawn at each start and stands in the printed address alone. It travels in a
 *   header that no foreign page can set without asking first, and is compared in constant time.
 */
import type * as Headers from "effect/http/Headers"
import { createHash, randomBytes, timingSafeEqual } from "node:crypto"

/** Why a request is refused, and with which status. */
export interface Refusal {
  readonly status: 401 | 403
  readonly error: "ForeignHost" | "ForeignOrigin" | "BadToken"
  readonly message: string
}

/** 128 bits that nobody can guess, in characters that an address may hold. */
export const makeToken = (): string => randomBytes(16).toString("base64url")

const isSame = (a: string, b: string): boolean => {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}

const header = (headers: Headers.Headers, name: string): string | undefined => headers[name]

/** Of a request of any kind. `names`: what may stand before the port, the address that is listened at among them. */
export const refuseForeign = (
  headers: Headers.Headers,
  names: ReadonlyArray<string>,
  port: number
): Refusal | undefined => {
  const hosts = names.map((name) => `${name}:${port}`)
  const host = header(headers, "host")
  if (host === undefined || !hosts.includes(host.toLowerCase())) {
    return { status: 403, error: "ForeignHost", message: "this server answers under a name of its own machine only" }
  }
  const origin = header(headers, "origin")
  const site = header(headers, "sec-fetch-site")
  const isForeign =
    (origin !== undefined && !hosts.some((own) => origin === `http://${own}`)) ||
    // `none`: somebody typed the address. `navigate` from elsewhere is a link to the page, which harms nobody.
    (site !== undefined &&
      site !== "same-origin" &&
      site !== "none" &&
      header(headers, "sec-fetch-mode") !== "navigate")
  return isForeign
    ? { status: 403, error: "ForeignOrigin", message: "a page of another origin asked for this" }
    : undefined
}

/** Of a request that changes something. */
export const refuseUnknown = (headers: Headers.Headers, token: string): Refusal | undefined => {
  const [scheme = "", given = ""] = (header(headers, "authorization") ?? "").split(" ")
  return scheme.toLowerCase() === "bearer" && isSame(given, token)
    ? undefined
    : {
        status: 401,
        error: "BadToken",
        message: "actions need the token of the address that the command has printed: Authorization: Bearer TOKEN"
      }
}
