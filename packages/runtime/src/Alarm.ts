/**
 * Being called back at an instant of a clock, by code that is no fiber. Any `Clock` of Effect can do so, by a fiber that sleeps;
 * one that has `callAfter` of its own, as the virtual clock of `@hyparview/testing` does, spares that fiber, which costs more to put
 * to sleep and to wake than what it wakes for. For transports and for the runtime itself; applications have `Effect.sleep`.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Predicate from "effect/Predicate"

/**
 * A clock that calls back without a fiber.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallingClock extends Clock.Clock {
  /**
   * Calls back once, after this many milliseconds, on a stack of the clock's own; at 0 and below from within the call, or, of
   * callbacks that ask for each other without end, on a stack of its own now and then. Among those that sleep until the same
   * instant, in the order in which they were asked for. The result calls it off.
   */
  readonly callAfter: (millis: number, callback: () => void) => () => void
}

/**
 * Whether a clock calls back without a fiber.
 *
 * @category guards
 * @since 0.1.0
 */
export const isCallingClock = (clock: Clock.Clock): clock is CallingClock =>
  Predicate.hasProperty(clock, "callAfter") && typeof clock.callAfter === "function"

/** Callbacks that are called from within each other, over all clocks: it is one stack. */
const mostNested = 64
let nested = 0

/**
 * Calls back once, after this many milliseconds of a clock. Where the clock does not sleep so long, or not at all, the callback
 * may run from within the call. The result calls it off: after that, or if `fork` interrupts its fibers, it never runs.
 *
 * @category waiting
 * @since 0.1.0
 * @example
 * ```ts
 * import { Alarm } from "@hyparview/runtime"
 * import { Clock, Effect } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const callAfter = Alarm.callAfter(yield* Clock.Clock, Effect.runFork)
 *   const callOff = callAfter(10, () => console.log("never"))
 *   callAfter(20, () => console.log("ten milliseconds later"))
 *   callOff()
 *   yield* Effect.sleep(30)
 * })
 *
 * await Effect.runPromise(program)
 * ```
 */
export const callAfter = (
  clock: Clock.Clock,
  fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
): CallingClock["callAfter"] =>
  isCallingClock(clock)
    ? (millis, callback) => clock.callAfter(millis, callback)
    : (millis, callback) => {
        const sleep = clock.sleep(Duration.millis(millis))
        // A clock that does not sleep for 0 would have a callback that asks for itself overflow the stack.
        const fiber = fork(nested < mostNested ? sleep : Effect.andThen(Effect.yieldNow, sleep))
        fiber.addObserver((exit) => {
          if (exit._tag !== "Success") return
          nested++
          try {
            callback()
          } finally {
            nested--
          }
        })
        return () => fiber.interruptUnsafe()
      }
