/** Membership's events, as their subscribers get them. */
import { assert, describe, it } from "@effect/vitest"
import { MemoryNetwork, MemoryTransport } from "@hyparview/transport-memory"
import { Context, Deferred, Effect, Fiber, Layer, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Discovery, Membership, Node } from "../src/index.ts"

const eventsBuffer = 16

const node = (id: string) =>
  Layer.build(
    Node.layer({ id, cluster: "test", seed: 1, eventsBuffer }).pipe(
      Layer.provide(MemoryTransport.layer({ address: id })),
      Layer.provide(Discovery.Discovery.layerNone),
      Layer.fresh
    )
  ).pipe(Effect.map((context) => Context.get(context, Membership.Membership)))

describe("the events of a node", () => {
  it.effect("end for a subscriber that is too slow, after those that wait, and say how many these were", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.MemoryNetwork
      const [a, b] = [yield* node("a"), yield* node("b")]
      yield* a.join([])
      yield* b.join(["a"])
      yield* TestClock.adjust("1 minute")
      const goOn = yield* Deferred.make<void>()
      const heard: Array<Membership.MembershipEvent["_tag"]> = []
      const slow = yield* a.events.pipe(
        Stream.runForEach(({ _tag }) =>
          Effect.andThen(
            Deferred.await(goOn),
            Effect.sync(() => heard.push(_tag))
          )
        ),
        Effect.forkScoped({ startImmediately: true })
      )
      const quick = yield* a.events.pipe(Stream.runDrain, Effect.forkScoped({ startImmediately: true }))
      for (let round = 0; round < eventsBuffer; round++) {
        assert.strictEqual(yield* network.breakLink("a", "b"), 1)
        yield* TestClock.adjust("1 minute")
      }
      yield* Deferred.succeed(goOn, undefined)
      const error = yield* Effect.flip(Fiber.join(slow))
      assert.deepStrictEqual([error._tag, "waiting" in error && error.waiting], ["EventsLost", eventsBuffer])
      // The first was in the subscriber's hands.
      assert.strictEqual(heard.length, 1 + eventsBuffer)
      assert.isUndefined(quick.pollUnsafe())
    }).pipe(Effect.scoped, Effect.provide(MemoryNetwork.layer({ seed: 1 })))
  )
})
