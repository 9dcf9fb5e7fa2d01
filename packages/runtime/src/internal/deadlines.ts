/**
 * What must be over within a time that is the same for all: handshakes and goodbyes. Deadlines expire in the order in
 * which they were set, so one timer does for all.
 */
import * as Effect from "effect/Effect"

interface Deadline {
  readonly at: number
  readonly expire: () => void
}

export interface Deadlines {
  /** Calls `expire` when the time is over, unless the effect has ended by then. */
  readonly within: <A, E, R>(effect: Effect.Effect<A, E, R>, expire: () => void) => Effect.Effect<A, E, R>
  /** Ends what has come to its deadline, and has the next one watched. */
  readonly expire: () => void
}

/** `watch` has `expire` called at a time, in milliseconds. */
export const makeDeadlines = (millis: number, now: () => number, watch: (at: number) => void): Deadlines => {
  const deadlines = new Set<Deadline>()
  return {
    expire: () => {
      const at = now()
      for (const deadline of deadlines) {
        if (deadline.at > at) return watch(deadline.at)
        deadlines.delete(deadline)
        deadline.expire()
      }
    },
    within: (effect, expire) =>
      Effect.suspend(() => {
        const deadline: Deadline = { at: now() + millis, expire }
        if (deadlines.size === 0) watch(deadline.at)
        deadlines.add(deadline)
        return Effect.ensuring(
          effect,
          Effect.sync(() => deadlines.delete(deadline))
        )
      })
  }
}
