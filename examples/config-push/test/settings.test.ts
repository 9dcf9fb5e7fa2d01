/** The settings of one node among three, on a virtual clock. */
import { assert, describe, it } from "@effect/vitest"
import { TestCluster, VirtualClock } from "@hyparview/testing"
import { Effect } from "effect"
import { makeSettings } from "../src/settings.ts"

const settingsOf = (cluster: TestCluster.TestCluster, index: number) =>
  Effect.provide(makeSettings, cluster.node(index).services)

describe("settings", () => {
  it.effect("two changes at once on one node are both made, everywhere", () =>
    Effect.gen(function* () {
      const cluster = yield* TestCluster.make({ nodes: 3, seed: 1 })
      yield* cluster.joinAll()
      yield* cluster.settle()
      const settings = yield* Effect.forEach([0, 1, 2], (index) => settingsOf(cluster, index))
      yield* cluster.pass("5 seconds")
      const [anna] = settings
      assert.isDefined(anna)
      if (anna === undefined) return
      yield* Effect.all([anna.push({ logLevel: "debug" }), anna.push({ requestsPerSecond: 500 })], {
        concurrency: "unbounded",
        discard: true
      }).pipe(Effect.forkScoped)
      yield* cluster.pass("5 seconds")
      const expected = { logLevel: "debug", requestsPerSecond: 500, features: {} }
      assert.deepStrictEqual(yield* Effect.forEach(settings, ({ current }) => current), [expected, expected, expected])
    }).pipe(Effect.scoped, Effect.provide(VirtualClock.layer()))
  )

  it.effect("a change by who has just come builds on what the others have", () =>
    Effect.gen(function* () {
      const cluster = yield* TestCluster.make({ nodes: 2, seed: 1 })
      yield* cluster.joinAll()
      yield* cluster.settle()
      const anna = yield* settingsOf(cluster, 0)
      yield* cluster.pass("5 seconds")
      for (const logLevel of ["debug", "error", "warn"] as const) {
        yield* Effect.forkScoped(anna.push({ logLevel }), { startImmediately: true })
        yield* cluster.pass("1 second")
      }
      const bela = yield* settingsOf(cluster, 1)
      yield* Effect.forkScoped(bela.push({ requestsPerSecond: 500 }), { startImmediately: true })
      yield* cluster.pass("1 second")
      const expected = { logLevel: "warn", requestsPerSecond: 500, features: {} }
      for (const { current } of [anna, bela]) assert.deepStrictEqual(yield* current, expected)
    }).pipe(Effect.scoped, Effect.provide(VirtualClock.layer()))
  )

  it.effect("the first change of all is made when history can be expected no more", () =>
    Effect.gen(function* () {
      const cluster = yield* TestCluster.make({ nodes: 1, seed: 1 })
      yield* cluster.joinAll()
      const anna = yield* settingsOf(cluster, 0)
      yield* Effect.forkScoped(anna.push({ logLevel: "warn" }), { startImmediately: true })
      yield* cluster.pass("3 seconds")
      assert.strictEqual((yield* anna.current).logLevel, "info")
      yield* cluster.pass("2 seconds")
      assert.strictEqual((yield* anna.current).logLevel, "warn")
    }).pipe(Effect.scoped, Effect.provide(VirtualClock.layer()))
  )
})
