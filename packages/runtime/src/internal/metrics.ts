/**
 * What a node measures, through Effect's `Metric`. Counted locally and handed over at most once a second, since a
 * metric's update costs as much as a step. All nodes of a process share the metrics, unless each is made with
 * attributes of its own (`Metric.CurrentMetricAttributes`, see `Node.layer`).
 */
import * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import type { View } from "../Broadcast.ts"

const counter = (name: string, description: string) => Metric.counter(name, { description, incremental: true })

const definitions = {
  messagesSent: counter("hyparview_messages_sent", "protocol and broadcast messages handed to links"),
  messagesReceived: counter("hyparview_messages_received", "messages received and understood"),
  messagesStale: counter("hyparview_messages_stale", "messages not sent because their link was gone"),
  answersWithheld: counter(
    "hyparview_answers_withheld",
    "answers to shuffles for which too many links would have been dialled"
  ),
  dialsFailed: counter("hyparview_dials_failed", "dials and handshakes that failed"),
  handshakesRefused: counter("hyparview_handshakes_refused", "peers turned away: cluster, version, identity, limit"),
  linksOpened: counter("hyparview_links_opened", "links with a completed handshake"),
  linksClosed: counter("hyparview_links_closed", "such links closed, by either end"),
  slowPeersExpelled: counter("hyparview_slow_peers_expelled", "peers expelled because their outbox was full"),
  framesRejected: counter("hyparview_frames_rejected", "frames that were no message"),
  framesTooLarge: counter("hyparview_frames_too_large", "frames not sent: above outboxBytes or the transport's limit"),
  neighborsUp: counter("hyparview_neighbors_up", "links gained in the active view"),
  neighborsDown: counter("hyparview_neighbors_down", "links lost from the active view"),
  published: counter("hyparview_broadcasts_published", "broadcast messages published here"),
  delivered: counter("hyparview_broadcasts_delivered", "broadcast messages delivered, each once, its own included"),
  duplicates: counter("hyparview_broadcasts_duplicate", "copies of broadcast messages already known"),
  recovered: counter("hyparview_broadcasts_recovered", "of those delivered, the ones that had to be asked for"),
  lagged: counter("hyparview_broadcasts_lagged", "broadcast messages given up: nobody in reach retains them"),
  originsCrowded: counter(
    "hyparview_origins_crowded",
    "origins (sources times topics) that made room while messages of theirs were kept: sourcesSize is too small"
  ),
  rejected: counter("hyparview_broadcasts_rejected", "broadcast messages that a validator rejected"),
  ignored: counter(
    "hyparview_broadcasts_ignored",
    "broadcast messages ignored: by a validator, or for want of a verdict"
  ),
  validatorsFailed: counter("hyparview_validators_failed", "validators that failed; their messages are ignored"),
  validatorsSlow: counter("hyparview_validators_slow", "validators out of time; their messages are ignored"),
  subscribersLagged: counter("hyparview_subscribers_lagged", "messages dropped for subscribers that were too slow"),
  overloaded: counter("hyparview_publishers_overloaded", "publications refused for want of room on the links"),
  payloadFrames: counter("hyparview_payload_frames_sent", "frames with a broadcast payload handed to links"),
  payloadBytes: counter("hyparview_payload_bytes_sent", "their bytes, heads included"),
  controlFrames: counter("hyparview_control_frames_sent", "all other frames handed to links"),
  controlBytes: counter("hyparview_control_bytes_sent", "their bytes"),
  discoveries: counter("hyparview_discovery_asked", "questions to Discovery"),
  peerStoreWrites: counter("hyparview_peer_store_writes", "memories written to the peer store"),
  peerStoreFailures: counter("hyparview_peer_store_failures", "times that the peer store could not be read or written")
}

const downByReason = Metric.counter("hyparview_neighbor_down_reason", {
  description: "links lost from the active view, by reason",
  incremental: true
})
const refusedByReason = Metric.counter("hyparview_handshakes_refused_reason", {
  description: "handshakes that came to nothing, by the reason that this end or the other gave",
  incremental: true
})
const roundTrip = Metric.histogram("hyparview_round_trip_milliseconds", {
  description: "round trips to neighbours, measured by heartbeats",
  boundaries: [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 5_000]
})
const hops = Metric.histogram("hyparview_broadcast_hops", {
  description: "links a broadcast message crossed until it was delivered",
  boundaries: [0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32, 64]
})
const latency = Metric.histogram("hyparview_broadcast_latency_milliseconds", {
  description: "from publication to delivery, by the clocks of two nodes: their difference is part of it",
  boundaries: [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 5_000, 30_000, 300_000]
})
const ofReporter = "of the node whose own changed last"
const eager = Metric.gauge("hyparview_eager", { description: `links along which payloads are pushed, ${ofReporter}` })
const lazy = Metric.gauge("hyparview_lazy", { description: `links that only announce payloads, ${ofReporter}` })
const retained = Metric.gauge("hyparview_retained_messages", { description: `messages kept for others, ${ofReporter}` })
const retainedBytes = Metric.gauge("hyparview_retained_bytes", {
  description: `bytes kept for others, each message counted as its payload and 128 more, ${ofReporter}`
})
const active = Metric.gauge("hyparview_active", { description: `neighbours ${ofReporter}` })
const passive = Metric.gauge("hyparview_passive", { description: `peers in the passive view ${ofReporter}` })
const mailboxInputs = Metric.gauge("hyparview_mailbox_inputs", {
  description: `inputs that waited at once, at most, since the report before, ${ofReporter}`
})
const outboxBytes = Metric.gauge("hyparview_outbox_bytes", {
  description: `bytes that wait for links or are being sent, ${ofReporter}`
})

export type Counted = keyof typeof definitions

/** One series for each reason, built once. */
const byReason = (metric: typeof downByReason): ((reason: string) => typeof downByReason) => {
  const series = new Map<string, typeof downByReason>()
  return (reason) => {
    const known = series.get(reason)
    if (known !== undefined) return known
    const made = Metric.withAttributes(metric, { reason })
    series.set(reason, made)
    return made
  }
}
const downFor = byReason(downByReason)
const refusedFor = byReason(refusedByReason)

/** How full a node is, as its gauges show it. */
export interface Levels {
  readonly active: number
  readonly passive: number
  readonly mailboxInputs: number
  readonly outboxBytes: number
}

export interface Meter {
  readonly count: (what: Counted, by?: number) => void
  readonly down: (reason: string) => void
  readonly refused: (reason: string) => void
  readonly roundTrip: (millis: number) => void
  readonly hops: (count: number) => void
  readonly latency: (millis: number) => void
  readonly broadcast: (view: Pick<View, "eager" | "lazy" | "retained">) => void
  readonly node: (levels: Levels) => void
  /** Hands over what has been counted. */
  readonly flush: () => void
  /**
   * Hands over the last of it: a node that is no more has no neighbours and keeps nothing, and nobody else would say so. Gauges that
   * others share show theirs again.
   */
  readonly ended: () => void
}

/** The levels that a node has shown. */
type Shown = Map<typeof active, number>

/**
 * Who shares the gauges of a registry, by the attributes with which they are shown; whose own changed last stands last. A node that
 * is started again under the same attributes may have begun before the one before has ended. There are as many entries as the registry
 * has series of a gauge, which it keeps as long.
 */
const sharers = new WeakMap<Metric.MetricRegistry, Map<string, Set<Shown>>>()

const sharersIn = (context: Context.Context<never>): Set<Shown> => {
  const registry = Context.get(context, Metric.MetricRegistry)
  const bySeries = sharers.get(registry) ?? new Map<string, Set<Shown>>()
  sharers.set(registry, bySeries)
  const series = JSON.stringify(Object.entries(Context.get(context, Metric.CurrentMetricAttributes)).toSorted())
  const known = bySeries.get(series) ?? new Set<Shown>()
  bySeries.set(series, known)
  return known
}

export const makeMeter = (context: Context.Context<never>): Meter => {
  const counts = new Map<Counted, number>()
  const levels: Shown = new Map()
  const showing = sharersIn(context)
  /** Tells a gauge of a level where it has changed: most have not. */
  const show = (gauge: typeof active, level: number): void => {
    if (level === levels.get(gauge)) return
    levels.set(gauge, level)
    showing.delete(levels)
    showing.add(levels)
    gauge.updateUnsafe(level, context)
  }
  const flush = (): void => {
    for (const [what, by] of counts) definitions[what].updateUnsafe(by, context)
    counts.clear()
  }
  return {
    count: (what, by = 1) => {
      counts.set(what, (counts.get(what) ?? 0) + by)
    },
    down: (reason) => downFor(reason).updateUnsafe(1, context),
    refused: (reason) => refusedFor(reason).updateUnsafe(1, context),
    roundTrip: (millis) => roundTrip.updateUnsafe(millis, context),
    hops: (count) => hops.updateUnsafe(count, context),
    latency: (millis) => latency.updateUnsafe(millis, context),
    broadcast: (view) => {
      show(eager, view.eager)
      show(lazy, view.lazy)
      show(retained, view.retained.messages)
      show(retainedBytes, view.retained.bytes)
    },
    node: (node) => {
      show(active, node.active)
      show(passive, node.passive)
      show(mailboxInputs, node.mailboxInputs)
      show(outboxBytes, node.outboxBytes)
    },
    flush,
    ended: () => {
      flush()
      showing.delete(levels)
      const last = [...showing].at(-1)
      for (const gauge of levels.keys()) gauge.updateUnsafe(last?.get(gauge) ?? 0, context)
    }
  }
}
