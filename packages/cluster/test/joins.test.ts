/** How many nodes of a worker process join at a time. */
import { assert, describe, it } from "@effect/vitest"
import type { Membership } from "@hyparview/runtime"
import { Deferred, Effect, Exit, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { makeJoins } from "../src/internal/joins.ts"

type Service = Membership.Membership["Service"]

/** Nodes that find a neighbour when the test says so; `begun`: who has been told to join. */
const setUp = Effect.gen(function* () {
  const begun: Array<string> = []
  const unused = Effect.die("not asked for")
  const joiner = Effect.fnUntraced(function* (address: string) {
    const found = yield* Deferred.make<void>()
    const membership: Service = {
      self: unused,
      leave: unused,
      neighbors: unused,
      passive: unused,
      view: unused,
      events: Stream.never,
      join: () => Effect.sync(() => void begun.push(address)),
      awaitNeighbors: () => Deferred.await(found)
    }
    return { address, membership, scope: yield* Scope.make(), found }
  })
  return { begun, joiners: yield* Effect.forEach(["a", "b", "c", "d"], joiner), join: makeJoins() }
})

describe("the joins of a worker", () => {
  it.effect("are so many at a time, the next when one has a neighbour", () =>
    Effect.gen(function* () {
      const { begun, join, joiners } = yield* setUp
      yield* join(joiners, ["elsewhere"], 2)
      assert.deepStrictEqual(begun, ["a", "b"])
      const [, second] = joiners
      if (second !== undefined) yield* Deferred.succeed(second.found, undefined)
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(begun, ["a", "b", "c"])
    })
  )

  it.effect("go on past one that finds nobody, after ten seconds, and past one that is killed, at once", () =>
    Effect.gen(function* () {
      const { begun, join, joiners } = yield* setUp
      yield* join(joiners, ["elsewhere"], 1)
      yield* TestClock.adjust("9 seconds")
      assert.deepStrictEqual(begun, ["a"])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(begun, ["a", "b"])
      const [, second] = joiners
      if (second !== undefined) yield* Scope.close(second.scope, Exit.void)
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(begun, ["a", "b", "c"])
    })
  )

  it.effect("do not wait for the contact itself, which has nobody yet", () =>
    Effect.gen(function* () {
      const { begun, join, joiners } = yield* setUp
      yield* join(joiners, ["a"], 1)
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(begun, ["a", "b"])
    })
  )
})
