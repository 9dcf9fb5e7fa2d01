/**
 * Keeps what the page shows: asks the cluster while somebody watches, and never more often than it may; collects what
 * happens; tells every viewer what has changed since he was told last.
 *
 * Each viewer is remembered by the state he has seen, and by nothing else. Whoever reads slowly is told of several changes
 * at once, and costs a reference.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Queue from "effect/Queue"
import * as Ref from "effect/Ref"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type { Action, ActionError, ActionResult, Happening } from "../ClusterSource.ts"
import { ClusterSource } from "../ClusterSource.ts"
import * as Feed from "../Feed.ts"
import * as Story from "../Story.ts"

export interface Config {
  /** The shortest time between two observations, and between two messages to a viewer. */
  readonly intervalMillis: number
  /** How many may watch at a time. */
  readonly viewers: number
}

/** Observing may take this share of the time, whatever the cluster's size: after each one as many times as long a rest. */
const restPerWork = 4

/** A cluster that did not answer for a while did not work all that time: no rest is longer. */
const mostRestMillis = 2_000

/** Whoever watches is told that what he sees grows old, where an answer takes longer. */
const slowMillis = 2_000

const monotonicMillis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)

/** Happenings that are waiting to be told of. More of them between two observations are counted, not listed. */
const waitingHappenings = 4_096

export interface Watch {
  /** The state now, observed afresh if nobody watches. */
  readonly current: Effect.Effect<Feed.State>
  /** First everything, then what has changed; `undefined` where nothing has for a while. Undefined if there are too many viewers. */
  readonly follow: Effect.Effect<Stream.Stream<Feed.FeedMessage | undefined> | undefined>
  readonly act: (action: Action) => Effect.Effect<ActionResult, ActionError>
}

export const make = Effect.fnUntraced(function* (config: Config) {
  const source = yield* ClusterSource
  const state = yield* Ref.make(Feed.initial(source.about))
  const viewers = new Set<Queue.Queue<void>>()
  const isWatched = yield* Latch.make(false)
  // Opened by an action: what it did is to be seen at once.
  const isStale = yield* Latch.make(false)
  const turn = yield* Semaphore.make(1)
  const happenings = yield* Queue.sliding<Happening>(waitingHappenings)

  const change = Effect.fnUntraced(function* (step: (before: Feed.State) => Feed.State) {
    yield* Ref.update(state, step)
    for (const viewer of viewers) Queue.offerUnsafe(viewer, undefined)
  })

  const log = Effect.fnUntraced(function* (entries: ReadonlyArray<Story.Line>) {
    const atMillis = yield* Clock.currentTimeMillis
    yield* change((before) =>
      Feed.withLog(
        before,
        entries.map((entry) => ({ ...entry, atMillis }))
      )
    )
  })

  const growingOld = Effect.andThen(
    Effect.sleep(slowMillis),
    change((before) => {
      const trouble = `the cluster has not answered for more than ${slowMillis / 1_000} s`
      return { ...before, version: before.version + 1, counters: { ...before.counters, trouble } }
    })
  )

  const observe = Effect.gen(function* () {
    const seen = yield* Effect.raceFirst(Effect.result(source.observe), Effect.andThen(growingOld, Effect.never))
    const atMillis = yield* Clock.currentTimeMillis
    const told = yield* Queue.clear(happenings)
    yield* change((before) => {
      const now =
        seen._tag === "Success"
          ? Feed.advance(before, seen.success, atMillis)
          : {
              ...before,
              version: before.version + 1,
              counters: { ...before.counters, trouble: seen.failure.message }
            }
      const lines = [...Story.ofHappenings(told), ...Story.between(before, now)]
      return Feed.withLog(
        now,
        lines.map((line) => ({ ...line, atMillis }))
      )
    })
  }).pipe(turn.withPermits(1))

  yield* source.happenings.pipe(
    Stream.runForEach((happening) => Queue.offer(happenings, happening)),
    Effect.forkScoped({ startImmediately: true })
  )

  yield* Effect.gen(function* () {
    yield* isWatched.await
    yield* isStale.close
    const began = yield* monotonicMillis
    yield* observe
    const took = (yield* monotonicMillis) - began
    yield* Effect.sleep(config.intervalMillis)
    const rest = Math.max(0, Math.min(mostRestMillis, took * restPerWork) - config.intervalMillis)
    yield* Effect.timeoutOption(isStale.await, rest)
  }).pipe(Effect.forever, Effect.forkScoped)

  const enter = Effect.gen(function* () {
    const wake = yield* Queue.sliding<void>(1)
    viewers.add(wake)
    yield* isWatched.open
    return wake
  })

  const leave = (wake: Queue.Queue<void>) =>
    Effect.suspend(() => {
      viewers.delete(wake)
      return viewers.size === 0 ? isWatched.close : Effect.void
    })

  /** One viewer's messages, made when he is ready for them. */
  const messages = (wake: Queue.Queue<void>): Stream.Stream<Feed.FeedMessage | undefined> => {
    let told: Feed.State | undefined
    return Stream.fromEffectRepeat(
      Effect.gen(function* () {
        if (told === undefined) {
          told = yield* Ref.get(state)
          return Feed.snapshot(told)
        }
        yield* Effect.sleep(config.intervalMillis)
        const woken = yield* Effect.timeoutOption(Queue.take(wake), Feed.quietMillis)
        if (woken._tag === "None") return undefined
        const now = yield* Ref.get(state)
        const message = Feed.difference(told, now)
        told = now
        return message
      })
    )
  }

  const follow = Effect.gen(function* () {
    if (viewers.size >= config.viewers) return undefined
    return Stream.unwrap(
      Effect.gen(function* () {
        const isFirst = viewers.size === 0
        const wake = yield* Effect.acquireRelease(enter, leave)
        // Who comes to an unwatched cluster is shown what is, not what was.
        if (isFirst) yield* observe
        return messages(wake)
      })
    )
  })

  const act = Effect.fnUntraced(function* (action: Action) {
    const result = yield* source.act(action).pipe(Effect.tapError((error) => log([Story.ofFailure(action, error)])))
    if (result._tag === "Published") yield* change((before) => Feed.withBroadcast(before, result.reach))
    yield* log([Story.ofAction(action, result)])
    yield* isStale.open
    return result
  })

  const watch: Watch = {
    current: Effect.suspend(() => (viewers.size > 0 ? Ref.get(state) : Effect.andThen(observe, Ref.get(state)))),
    follow,
    act
  }
  return watch
})

export const defaults: Config = {
  intervalMillis: 200,
  viewers: 16
}
