/** A transport belongs to one node. */
import { assert, describe, it } from "@effect/vitest"
import { MemoryNetwork } from "@hyparview/transport-memory"
import { Cause, Effect, Exit, Layer, Scope } from "effect"
import { TestClock } from "effect/testing"
import { ControlledTransport, Discovery, Membership, Node, Transport } from "../src/index.ts"

const node = (id: string, transport: Transport.Transport["Service"]) =>
  Layer.build(
    Node.layer({ id, cluster: "test", seed: 1 }).pipe(
      Layer.provide(Layer.succeed(Transport.Transport, transport)),
      Layer.provide(Discovery.Discovery.layerNone)
    )
  ).pipe(Effect.map((context) => Membership.Membership.pipe(Effect.provideContext(context), Effect.runSync)))

const bare = (transport: Transport.Transport["Service"]) => Effect.succeed({ transport })

describe("a second node on one transport", () => {
  for (const [where, over] of [
    ["", bare],
    [", under control", (transport: Transport.Transport["Service"]) => ControlledTransport.make(transport)]
  ] as const) {
    it.effect(`does not start, and says why, and the first goes on${where}`, () =>
      Effect.gen(function* () {
        const network = yield* MemoryNetwork.make({ seed: 1 })
        const { transport } = yield* Effect.flatMap(network.transport("shared"), over)
        const scope = yield* Scope.make()
        const first = yield* Scope.provide(node("first", transport), scope)
        const refused = yield* Effect.exit(node("second", transport))
        assert.isTrue(Exit.isFailure(refused))
        if (Exit.isFailure(refused)) assert.include(Cause.pretty(refused.cause), "a transport belongs to one node")
        const other = yield* node("other", yield* network.transport("other"))
        yield* first.join([])
        yield* other.join(["shared"])
        yield* TestClock.adjust("1 minute")
        assert.strictEqual((yield* first.neighbors).length, 1)
        // The transport is free again when its node is no more.
        yield* Scope.close(scope, Exit.void)
        yield* node("third", transport)
      })
    )
  }
})
