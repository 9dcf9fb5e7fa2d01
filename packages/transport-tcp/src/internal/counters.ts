/**
 * The metrics of one transport, built once with their attributes and updated without an effect: a batch of frames costs
 * four updates of about 0.1 µs. Not by `Metric.withAttributes`, with which an update costs ten times that: a metric
 * remembers the key of its last series only, and several series of one would take turns in making theirs again.
 */
import type * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import type { CloseReason, DialFailure } from "@hyparview/runtime/Transport"
import * as TcpMetrics from "../TcpMetrics.ts"

/** Why an accepted connection was reset at once. */
export type Refusal = "maxLinks" | "maxHandshakes" | "closing"

type Count = (by: number) => void

export interface Counters {
  readonly bytesReceived: Count
  readonly bytesSent: Count
  readonly framesReceived: Count
  readonly framesSent: Count
  readonly readPauses: Count
  readonly dialed: Count
  readonly accepted: Count
  readonly links: Count
  readonly handshakes: Count
  readonly closed: Readonly<Record<CloseReason, Count>>
  readonly descriptorShortages: Count
  readonly refused: Readonly<Record<Refusal, Count>>
  readonly dialFailed: Readonly<Record<DialFailure, Count>>
}

export const makeCounters = (context: Context.Context<never>): Counters => {
  const count = ({ description, id }: Metric.Counter<number>, attributes?: Record<string, string>): Count => {
    const series = Metric.counter(id, { description, incremental: true, attributes })
    return (by) => series.updateUnsafe(by, context)
  }
  const gauge =
    (metric: Metric.Gauge<number>): Count =>
    (by) =>
      metric.modifyUnsafe(by, context)
  const closed = (reason: CloseReason) => count(TcpMetrics.linksClosed, { reason })
  const refused = (cause: Refusal) => count(TcpMetrics.refusals, { cause })
  const dialFailed = (reason: DialFailure) => count(TcpMetrics.dialFailures, { reason })
  return {
    bytesReceived: count(TcpMetrics.bytes, { direction: "received" }),
    bytesSent: count(TcpMetrics.bytes, { direction: "sent" }),
    framesReceived: count(TcpMetrics.frames, { direction: "received" }),
    framesSent: count(TcpMetrics.frames, { direction: "sent" }),
    readPauses: count(TcpMetrics.readPauses),
    dialed: count(TcpMetrics.linksOpened, { side: "dialed" }),
    accepted: count(TcpMetrics.linksOpened, { side: "accepted" }),
    links: gauge(TcpMetrics.links),
    handshakes: gauge(TcpMetrics.handshakes),
    closed: {
      closed: closed("closed"),
      reset: closed("reset"),
      local: closed("local"),
      frameTooLarge: closed("frameTooLarge"),
      handshakeTimeout: closed("handshakeTimeout")
    },
    descriptorShortages: count(TcpMetrics.descriptorShortages),
    refused: {
      maxLinks: refused("maxLinks"),
      maxHandshakes: refused("maxHandshakes"),
      closing: refused("closing")
    },
    dialFailed: {
      refused: dialFailed("refused"),
      timeout: dialFailed("timeout"),
      unreachable: dialFailed("unreachable"),
      invalidAddress: dialFailed("invalidAddress"),
      limit: dialFailed("limit"),
      closed: dialFailed("closed"),
      untrusted: dialFailed("untrusted")
    }
  }
}
