/**
 * Asking what others have written, a store or a discovery: it may fail, but also die, be interrupted, or not answer, and what it is
 * at may let nobody interrupt it, as the opening of a file does on a disk that hangs. None of that keeps the node from starting, from
 * going on, or from ending.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"

/** The answer, or a failure, in the words of `fail` where there is none in time. */
export type Ask = <A, E>(use: () => Effect.Effect<A, E>, fail: (detail: string) => E) => Effect.Effect<A, E>

/** One question at a time: the next waits, within its own time, until the one before is over, although that was given up. */
export const makeAsk = (timeoutMillis: number): Ask => {
  let before: Fiber.Fiber<unknown, unknown> | undefined

  const begin = <A, E>(use: () => Effect.Effect<A, E>): Effect.Effect<Exit.Exit<A, E>> =>
    Effect.flatMap(Effect.context<never>(), (context) =>
      Effect.callback((resume) => {
        const fiber = Effect.runForkWith(context)(Effect.suspend(use))
        before = fiber
        fiber.addObserver((exit) => resume(Effect.succeed(exit)))
        // Nobody waits for its end: that may never come.
        return Effect.sync(() => fiber.interruptUnsafe())
      })
    )

  return (use, fail) =>
    Effect.suspend(() => (before === undefined ? Effect.void : Effect.asVoid(Fiber.await(before)))).pipe(
      Effect.andThen(begin(use)),
      Effect.timeoutOrElse({
        duration: timeoutMillis,
        orElse: () => Effect.fail(fail(`no answer within ${timeoutMillis} ms`))
      }),
      Effect.flatMap((exit) => {
        if (Exit.isSuccess(exit)) return exit
        const error = Cause.findErrorOption(exit.cause)
        if (Option.isSome(error)) return Effect.fail(error.value)
        const died = Cause.hasDies(exit.cause)
        return Effect.fail(fail(died ? `it died: ${String(Cause.squash(exit.cause))}` : "it was interrupted"))
      })
    )
}
