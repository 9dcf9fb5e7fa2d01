/**
 * What a TCP transport counts. The metrics live in the registry of the context in which the transport was built: give
 * several nodes of one process attributes of their own (`Metric.CurrentMetricAttributes`) to tell them apart.
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"

const counter = (name: string, description: string): Metric.Counter<number> =>
  Metric.counter(`hyparview_tcp_${name}`, { description, incremental: true })

/**
 * Links opened. Attribute `side`: `dialed` or `accepted`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const linksOpened = counter("links_opened_total", "Links opened, by the side that asked")

/**
 * Links closed. Attribute `reason`: a `CloseReason`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const linksClosed = counter("links_closed_total", "Links closed, by reason")

/**
 * Accepted connections that were reset at once. Attribute `cause`: the option whose limit was reached (`maxLinks` or
 * `maxHandshakes`), or `closing`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const refusals = counter("refusals_total", "Accepted connections reset at once, by cause")

/**
 * Times that an accepted connection took the last file descriptor. Whoever connects after that is cut off before this process
 * hears of it, until one is free again, and is counted nowhere.
 *
 * @category metrics
 * @since 0.1.0
 */
export const descriptorShortages = counter(
  "descriptor_shortages_total",
  "Times that an accepted connection took the last file descriptor"
)

/**
 * Dials that failed. Attribute `reason`: a `DialFailure`. Interrupted dials do not count.
 *
 * @category metrics
 * @since 0.1.0
 */
export const dialFailures = counter("dial_failures_total", "Dials failed, by reason")

/**
 * Times that a link stopped reading because `receiveLimitBytes` waited for its consumer.
 *
 * @category metrics
 * @since 0.1.0
 */
export const readPauses = counter("read_pauses_total", "Times a link stopped reading at its receive limit")

/**
 * Bytes moved, length prefixes included. Attribute `direction`: `received` or `sent` (taken by `send`).
 *
 * @category metrics
 * @since 0.1.0
 */
export const bytes = counter("bytes_total", "Bytes moved, length prefixes included")

/**
 * Frames moved. Attribute `direction`: `received` or `sent` (taken by `send`).
 *
 * @category metrics
 * @since 0.1.0
 */
export const frames = counter("frames_total", "Frames moved")

/**
 * Slots taken of `maxLinks`, at this moment. Transports that share a series add up.
 *
 * @category metrics
 * @since 0.1.0
 */
export const links = Metric.gauge("hyparview_tcp_links", { description: "Connections held or being dialled" })

/**
 * Slots taken of `maxHandshakes`, at this moment. Transports that share a series add up.
 *
 * @category metrics
 * @since 0.1.0
 */
export const handshakes = Metric.gauge("hyparview_tcp_handshakes", {
  description: "Accepted connections without a first frame yet"
})
