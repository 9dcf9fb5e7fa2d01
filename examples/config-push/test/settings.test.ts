/** The settings of one node among three, on a virtual clock. */
import { assert, describe, it } from "@effect/vitest"
import { Broadcast, Membership } from "@hyparview/runtime"
import { TestCluster, VirtualClock } from "@hyparview/testing"
import { Effect } from "effect"
import { makeSettings } from "../src/settings.ts"

describe("settings", () => {
  it.effect("two changes at once on one node are both made, everywhere", () =>
    Effect.gen(function* () {
      const cluster = yield* TestCluster.make({ nodes: 3, seed: 1 })
      yield* cluster.joinAll()
      yield* cluster.settle()
      const settings = yield* Effect.forEach([0, 1, 2], (index) => {
        const { broadcast, membership } = cluster.node(index)
        return makeSettings.pipe(
          Effect.provideService(Broadcast.Broadcast, broadcast),
          Effect.provideService(Membership.Membership, membership)
        )
      })
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
})
