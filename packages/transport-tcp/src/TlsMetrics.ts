/**
 * What a TLS transport counts beyond a TCP one; the rest is in `TcpMetrics`.
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"

/**
 * Why a handshake was refused, or came to nothing.
 *
 * The certificate of the far end:
 *
 * - `noCertificate`: it showed none
 * - `untrusted`: our authority has not signed it
 * - `expired`, `notYetValid`: by this machine's clock
 * - `purpose`: it may not be used by a client, or not by a server
 * - `noName`: it does not name one node, see `CertificateName`
 * - `otherCluster`: it names a node of another cluster than our own certificate does
 * - `resumed`: it came from an earlier session, unchecked
 *
 * The conversation:
 *
 * - `notTls`: plain bytes
 * - `oldProtocol`: TLS, but not 1.3
 * - `broken`: TLS that breaks the rules
 * - `alert`: the far end refused, and said so
 * - `hungUp`: the far end ended the connection, without a word
 * - `stalled`: it was not done within `handshakeTimeout`; one that was dialled counts as `timeout` in `TcpMetrics`
 *
 * @category models
 * @since 0.1.0
 */
export type TlsRefusal =
  | "noCertificate"
  | "untrusted"
  | "expired"
  | "notYetValid"
  | "purpose"
  | "noName"
  | "otherCluster"
  | "resumed"
  | "notTls"
  | "oldProtocol"
  | "broken"
  | "alert"
  | "hungUp"
  | "stalled"

/**
 * Handshakes that were refused or came to nothing. Attributes: `side`, `accepted` or `dialed`; `reason`, a `TlsRefusal`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const refusals = Metric.counter("hyparview_tls_refusals_total", {
  description: "TLS handshakes refused or failed, by side and reason",
  incremental: true
})

/**
 * Changes of the certificate files that were taken up. Attribute `outcome`: `loaded`, or `failed` where what changed
 * cannot be used and the certificates before stay.
 *
 * @category metrics
 * @since 0.1.0
 */
export const reloads = Metric.counter("hyparview_tls_reloads_total", {
  description: "Changes of the certificate files, by outcome",
  incremental: true
})

/**
 * When the certificate in use expires, in seconds since 1970.
 *
 * @category metrics
 * @since 0.1.0
 */
export const certificateExpiry = Metric.gauge("hyparview_tls_certificate_expiry_seconds", {
  description: "When the certificate in use expires, in seconds since 1970"
})
