/**
 * What OpenSSL's and Node's words for a failed handshake mean, counted by reason and logged, seldom.
 */
import type * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import type { TlsRefusal } from "../TlsMetrics.ts"
import * as TlsMetrics from "../TlsMetrics.ts"
import { makeSeldom } from "./seldom.ts"
import { codeOf } from "./socket.ts"

export type Side = "accepted" | "dialed"

export interface Refused {
  readonly reason: TlsRefusal
  readonly detail: string
}

/** OpenSSL's verdicts on a certificate; those that are not here mean that no authority of ours stands behind it. */
const verdicts: Readonly<Record<string, TlsRefusal>> = {
  CERT_HAS_EXPIRED: "expired",
  CERT_NOT_YET_VALID: "notYetValid",
  INVALID_PURPOSE: "purpose"
}

export const ofVerdict = (code: string): Refused => {
  const reason = verdicts[code] ?? "untrusted"
  const isOfTime = reason === "expired" || reason === "notYetValid"
  return { reason, detail: isOfTime ? `${code}, by the clock of this machine` : code }
}

const failures: Readonly<Record<string, TlsRefusal>> = {
  ERR_SSL_WRONG_VERSION_NUMBER: "notTls",
  ERR_SSL_HTTP_REQUEST: "notTls",
  ERR_SSL_HTTPS_PROXY_REQUEST: "notTls",
  ERR_SSL_UNSUPPORTED_PROTOCOL: "oldProtocol",
  ERR_SSL_VERSION_TOO_LOW: "oldProtocol",
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: "oldProtocol",
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: "noCertificate",
  ERR_TLS_HANDSHAKE_TIMEOUT: "stalled"
}

/** A node does so, too, that is at its limits or being stopped. */
export const hungUp: Refused = {
  reason: "hungUp",
  detail: "in the handshake; does it speak TLS? It may also take no more links, or be stopping"
}

const resets: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE"])

/** A verdict on a certificate arrives as an error too, at the end that dialled. */
const verdictCodes = /CERT|ISSUER|LEAF_SIGNATURE|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH|UNSPECIFIED/

export const ofError = (error: Error): Refused => {
  const code = codeOf(error)
  if (resets.has(code)) return hungUp
  const known = failures[code]
  if (known !== undefined) return { reason: known, detail: code }
  if (!code.startsWith("ERR_SSL_") && verdictCodes.test(code)) return ofVerdict(code)
  return { reason: code.includes("_ALERT_") ? "alert" : "broken", detail: code === "" ? error.message : code }
}

export interface Refusals {
  readonly report: (side: Side, far: string, refused: Refused) => void
}

/** What a refusal's log entry holds. */
export type Fields = Readonly<Record<string, unknown>>

/**
 * `log` is called at most once a minute for each side and reason. Not for those who hang up: nodes abandon dials all the
 * time, when two cross above all.
 */
export const makeRefusals = (
  context: Context.Context<never>,
  nowMillis: () => number,
  log: (fields: Fields) => void
): Refusals => {
  const counters = new Map<string, Metric.Counter<number>>()
  const seldom = makeSeldom(nowMillis)
  return {
    report: (side, far, { detail, reason }) => {
      const key = `${side} ${reason}`
      let counter = counters.get(key)
      if (counter === undefined) {
        counter = Metric.withAttributes(TlsMetrics.refusals, { side, reason })
        counters.set(key, counter)
      }
      counter.updateUnsafe(1, context)
      if (reason === "hungUp") return
      const also = seldom(key)
      if (also !== undefined) log({ side, reason, detail, far, ...also })
    }
  }
}
