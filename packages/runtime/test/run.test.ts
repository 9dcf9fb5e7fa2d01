import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Logger, Scope } from "effect"
import { TestClock } from "effect/testing"
import { makeRun } from "../src/internal/run.ts"

describe("what a node runs", () => {
  it.effect("is waited for where nobody may interrupt it, but not for ever, and then the log says so", () => {
    const lines: Array<string> = []
    const logger = Logger.make(({ message }) => lines.push(JSON.stringify(message)))
    return Effect.gen(function* () {
      const scope = yield* Scope.make()
      const run = yield* makeRun(1_000).pipe(Scope.provide(scope))
      run(Effect.uninterruptible(Effect.sleep("500 millis")))
      run(Effect.uninterruptible(Effect.never))
      run(Effect.never)
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("999 millis")
      assert.isUndefined(closing.pollUnsafe())
      assert.deepStrictEqual(lines, [])
      yield* TestClock.adjust("1 milli")
      assert.isDefined(closing.pollUnsafe())
      assert.lengthOf(lines, 1)
      assert.include(lines[0], '"fibers":1')
    }).pipe(Effect.provide(Logger.layer([logger])))
  })

  it.effect("ends with the node at once where it can", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const run = yield* makeRun(1_000).pipe(Scope.provide(scope))
      const fiber = run(Effect.never)
      yield* Scope.close(scope, Exit.void)
      assert.isDefined(fiber.pollUnsafe())
    })
  )
})
