/**
 * Starting fibers from synchronous code: each ends with the node's scope, and one that fails is logged, never silent.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"

export type Run = (effect: Effect.Effect<void>) => Fiber.Fiber<void>

export const makeRun = Effect.gen(function* () {
  const fibers = yield* FiberSet.make<void>()
  const fork = yield* FiberSet.runtime(fibers)()
  const run: Run = (effect) =>
    fork(
      Effect.catchCause(effect, (cause) =>
        Cause.hasInterruptsOnly(cause) ? Effect.failCause(cause) : Effect.logError("a fiber of the node failed", cause)
      )
    )
  return run
})
