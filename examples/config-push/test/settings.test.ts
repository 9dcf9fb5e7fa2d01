/** The settings of one node. */
import { assert, describe, it } from "@effect/vitest"
import { Discovery, Membership, Node } from "@hyparview/runtime"
import { TcpTransport } from "@hyparview/transport-tcp"
import { Effect, Layer } from "effect"
import { makeSettings } from "../src/settings.ts"

const NodeLive = Node.layer({ id: "anna", cluster: "settings" }).pipe(
  Layer.provide(TcpTransport.layer({ host: "127.0.0.1", port: 0 })),
  Layer.provide(Discovery.Discovery.layerNone)
)

describe("settings", () => {
  it.live("two changes at once are both made", () =>
    Effect.gen(function* () {
      yield* (yield* Membership.Membership).join([])
      const settings = yield* makeSettings
      yield* Effect.all([settings.push({ logLevel: "debug" }), settings.push({ requestsPerSecond: 500 })], {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(yield* settings.current, { logLevel: "debug", requestsPerSecond: 500, features: {} })
    }).pipe(Effect.scoped, Effect.provide(NodeLive))
  )
})
