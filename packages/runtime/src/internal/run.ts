/**
 * Starting fibers from synchronous code: each ends with the node's scope, and one that fails is logged, never silent. A
 * fiber runs at once, up to where it first has to wait; most never have to, and are then not kept track of.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"

export type Run = (effect: Effect.Effect<void>) => Fiber.Fiber<void>

/** The node's scope waits for its fibers, but no longer than that for one that lets nobody interrupt it: a validator may. */
export const makeRun = Effect.fnUntraced(function* (patienceMillis: number) {
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  const waiting = new Set<Fiber.Fiber<void>>()
  let closed = false

  const report = (exit: Exit.Exit<void>): void => {
    if (exit._tag === "Failure" && !Cause.hasInterruptsOnly(exit.cause)) {
      fork(Effect.logError("a fiber of the node failed", exit.cause))
    }
  }

  const run: Run = (effect) => {
    const fiber = fork(closed ? Effect.interrupt : effect)
    const exit = fiber.pollUnsafe()
    if (exit !== undefined) report(exit)
    else {
      waiting.add(fiber)
      fiber.addObserver((exit) => {
        waiting.delete(fiber)
        report(exit)
      })
    }
    return fiber
  }

  yield* Effect.addFinalizer(() =>
    Effect.suspend(() => {
      closed = true
      return Effect.timeoutOrElse(Effect.interruptible(Fiber.interruptAll(waiting)), {
        duration: patienceMillis,
        orElse: () =>
          Effect.logWarning("the node has ended, but not all that it ran: something lets nobody interrupt it", {
            fibers: waiting.size
          })
      })
    })
  )
  return run
})
