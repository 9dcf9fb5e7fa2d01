/**
 * Letting time pass, whatever the clock: a virtual one, TestClock or ours, is moved; the live one is waited for.
 */
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Predicate from "effect/Predicate"
import type { EndlessInstant } from "../VirtualClock.ts"

interface Movable extends Clock.Clock {
  readonly adjust: (duration: Duration.Input) => Effect.Effect<void, EndlessInstant>
}

const isMovable = (clock: Clock.Clock): clock is Movable =>
  Predicate.hasProperty(clock, "adjust") && typeof clock.adjust === "function"

/** Lets this much time pass, and everything happen that falls due in it. */
export const pass = (duration: Duration.Input): Effect.Effect<void, EndlessInstant> =>
  Clock.clockWith((clock) => (isMovable(clock) ? clock.adjust(duration) : Effect.sleep(duration)))

/** Runs an effect that takes time, by letting time pass in steps until it has ended. */
export const passWhile = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  step: Duration.Input
): Effect.Effect<A, E | EndlessInstant, R> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
    while (fiber.pollUnsafe() === undefined) yield* pass(step)
    return yield* Fiber.join(fiber)
  })
