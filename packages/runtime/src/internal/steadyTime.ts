/**
 * A node's own time: the wall clock as it stood when the node was made, and from there on the time that has passed. The
 * wall clock may be set back or forth while a node runs; its timers, time-outs and heartbeats must not care. (Measured
 * against a wall clock that is set back by an hour, every wait begun after that would last an hour longer.)
 */
import type * as Clock from "effect/Clock"

export interface SteadyTime {
  /** In milliseconds, with their fraction. Never decreases. */
  readonly exact: () => number
  /** In whole milliseconds. An instant that was slept for has come, whatever the rounding. */
  readonly whole: () => number
}

/** Far below what any sleep can keep, far above the rounding of nanoseconds to milliseconds. */
const tolerance = 0.001

export const makeSteadyTime = (clock: Clock.Clock): SteadyTime => {
  // A clock that is set before 1970 gives neither an epoch nor a time that others would read.
  const wallMillis = Math.max(0, clock.currentTimeMillisUnsafe())
  const originNanos = clock.monotonicTimeNanosUnsafe()
  // As a number the time passed is exact for a hundred days, and after that to a fraction of a microsecond.
  const exact = () => wallMillis + Number(clock.monotonicTimeNanosUnsafe() - originNanos) / 1_000_000
  return { exact, whole: () => Math.floor(exact() + tolerance) }
}
