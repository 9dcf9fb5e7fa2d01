/**
 * Looking at a test cluster: its overlay as the checkers take it, its views, its numbers, and whether it has settled.
 */
import { Overlay } from "@hyparview/faults"
import type { Membership } from "@hyparview/runtime"
import type { MemoryNetwork, Statistics as NetworkStatistics } from "@hyparview/transport-memory"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Formatter from "effect/Formatter"
import type { EndlessInstant } from "../VirtualClock.ts"
import { pass } from "./passing.ts"
import type { Place, RunningNode } from "./places.ts"

/**
 * The overlay is not well, and time is up. The cluster is as it is: ask it for more, or let more time pass.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotSettled extends Data.TaggedError("NotSettled")<{
  readonly after: Duration.Duration
  /**
   * What is wrong, a sentence each (`Overlay.violations`), or why nobody is in the overlay. Empty if it has become well too
   * late to be sure.
   */
  readonly violations: ReadonlyArray<string>
}> {
  override get message(): string {
    const { after, violations } = this
    const what = violations.length === 0 ? "calm, but not for long enough" : violations.join("; ")
    return `not settled after ${Duration.format(after)}: ${what}`
  }
}

/**
 * When a cluster is well, and how long to wait for that.
 *
 * @category models
 * @since 0.1.0
 */
export interface SettleOptions {
  /**
   * How long it may take, to become well and to have been so for a request time-out: not for ever, and never exceeded. With less
   * than a request time-out nothing is ever settled. Default: 10 minutes.
   */
  readonly within?: Duration.Input | undefined
  /** How often to look, and a request time-out before `within` is over: more than 0. Default: the request time-out. */
  readonly every?: Duration.Input | undefined
  /** Only these nodes are looked at, as if there were no others: one side of a partition, say. At least one. */
  readonly among?: ReadonlyArray<number> | undefined
}

/**
 * A node's views, as plain data to compare.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeViews {
  readonly id: string
  readonly epoch: number
  /** Ids, in the order in which the node holds them. */
  readonly active: ReadonlyArray<string>
  readonly passive: ReadonlyArray<string>
}

/**
 * Numbers of a cluster.
 *
 * @category models
 * @since 0.1.0
 */
export interface Statistics {
  /** The network's counters, as they stood. */
  readonly network: NetworkStatistics
  /** Messages of the nodes that run now, since each started. */
  readonly messages: { readonly sent: number; readonly received: number }
  /** Connections that the running nodes hold, both ends counted. */
  readonly links: number
  readonly outboxBytes: number
}

type Running = Place & { readonly running: RunningNode }

const isRunning = (place: Place): place is Running => place.running !== undefined

const isUp = ({ status }: Membership.View): boolean => status === "joining" || status === "joined"

export const overlayOf = (places: ReadonlyArray<Place>): Effect.Effect<Overlay.Snapshot<string>> =>
  Effect.suspend(() =>
    Effect.forEach(places, (place) =>
      isRunning(place)
        ? Effect.map(place.running.membership.view, (view) => ({
            id: place.id,
            alive: !place.frozen && isUp(view),
            active: view.active.map(({ peer }) => peer.id),
            passive: view.passive.map(({ id }) => id),
            pending: view.pending
          }))
        : Effect.succeed({ id: place.id, alive: false, active: [], passive: [], pending: 0 })
    )
  )

/** Why a node is not in the overlay, as it is counted. */
const absence = (place: Place): Effect.Effect<string> => {
  if (!isRunning(place)) return Effect.succeed("not running")
  return Effect.map(place.running.membership.view, ({ status }) => {
    if (status === "stopped") return "stopped, for another process has the same id"
    if (status === "left") return "left"
    return place.frozen && status !== "idle" ? "frozen" : "not joined"
  })
}

/** No rule is broken where nobody is; but nothing has been shown either. */
const emptiness = Effect.fnUntraced(function* (places: ReadonlyArray<Place>) {
  const counts = new Map<string, number>()
  for (const why of yield* Effect.forEach(places, absence)) counts.set(why, (counts.get(why) ?? 0) + 1)
  return `nobody is in the overlay: ${[...counts].map(([why, count]) => `${count} ${why}`).join("; ")}`
})

const violationsOf = Effect.fnUntraced(function* (places: ReadonlyArray<Place>, bounds: Overlay.Bounds) {
  const overlay = yield* overlayOf(places)
  if (!overlay.some(({ alive }) => alive)) return [yield* emptiness(places)]
  return Overlay.violations(overlay, bounds, { calm: true })
})

const liveViews = (places: ReadonlyArray<Place>): Effect.Effect<ReadonlyArray<Membership.View>> =>
  Effect.suspend(() => Effect.forEach(places.filter(isRunning), ({ running }) => running.membership.view))

export const viewsOf = (places: ReadonlyArray<Place>): Effect.Effect<ReadonlyArray<NodeViews>> =>
  Effect.map(liveViews(places), (views) =>
    views.map(({ active, passive, self }) => ({
      id: self.id,
      epoch: self.epoch,
      active: active.map(({ peer }) => peer.id),
      passive: passive.map(({ id }) => id)
    }))
  )

export const statisticsOf = (
  places: ReadonlyArray<Place>,
  network: MemoryNetwork.MemoryNetwork["Service"]
): Effect.Effect<Statistics> =>
  Effect.map(liveViews(places), (views) => {
    const sum = (of: (view: Membership.View) => number) => views.reduce((total, view) => total + of(view), 0)
    return {
      network: { ...network.statistics, faults: { ...network.statistics.faults } },
      messages: { sent: sum(({ messages }) => messages.sent), received: sum(({ messages }) => messages.received) },
      links: sum(({ links }) => links),
      outboxBytes: sum(({ outboxBytes }) => outboxBytes)
    }
  })

/** The wall clock may be set while a test runs in real time. */
const monotonicMillis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)

/**
 * Lets time pass until somebody is in the overlay of these places and nothing is wrong with it, and nothing has been for
 * `sureMillis`: what one look takes for well may be about to break. How long it took to become so.
 */
export const settle = Effect.fnUntraced(function* (
  places: ReadonlyArray<Place>,
  bounds: Overlay.Bounds,
  sureMillis: number,
  { every = sureMillis, within = "10 minutes" }: SettleOptions
): Effect.fn.Return<Duration.Duration, NotSettled | EndlessInstant> {
  const everyMillis = Duration.toMillis(every)
  // Neither would ever end on a clock that moves by `every`.
  if (!(everyMillis > 0)) throw new RangeError(`every: more than 0, not ${Formatter.format(every)}`)
  if (!Number.isFinite(Duration.toMillis(within))) throw new RangeError("within: some time, not for ever")
  const begin = yield* monotonicMillis
  const limit = begin + Duration.toMillis(within)
  /** Who becomes well later has not been so for long enough at the limit. */
  const latest = limit - sureMillis
  let calmSince: number | undefined
  for (;;) {
    const now = yield* monotonicMillis
    const violations = yield* violationsOf(places, bounds)
    if (violations.length > 0) calmSince = undefined
    else calmSince ??= now
    if (calmSince !== undefined && now - calmSince >= sureMillis) return Duration.millis(calmSince - begin)
    if (now >= limit) return yield* new NotSettled({ after: Duration.millis(now - begin), violations })
    yield* pass(Math.min(everyMillis, (now < latest ? latest : limit) - now))
  }
})
