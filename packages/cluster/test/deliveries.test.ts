import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { TestClock } from "effect/testing"
import { makeDeliveries } from "../src/internal/deliveries.ts"

const id = (topic: string) => ({ source: "n1", epoch: 1, topic, sequence: 0 })

describe("what a worker remembers of deliveries", () => {
  it.effect("is when each node had the message first, by the clock, and how often", () =>
    Effect.gen(function* () {
      const deliveries = makeDeliveries(yield* Clock.Clock)
      yield* TestClock.adjust("5 seconds")
      deliveries.record(id("a"), "n2", 3)
      yield* TestClock.adjust("1 second")
      deliveries.record(id("a"), "n2", 1)
      assert.deepStrictEqual(deliveries.of(id("a")), [{ node: "n2", hops: 3, atMillis: 5_000, copies: 2 }])
    })
  )

  it.effect("is each topic's own", () =>
    Effect.gen(function* () {
      const deliveries = makeDeliveries(yield* Clock.Clock)
      deliveries.record(id("a"), "n2", 1)
      assert.deepStrictEqual([deliveries.count(id("a")), deliveries.count(id("b"))], [1, 0])
    })
  )
})
