import { assert, describe, it } from "@effect/vitest"
import { Broadcast, Membership } from "@hyparview/runtime"
import { TestNode } from "@hyparview/testing"
import { Effect, Fiber, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"

const topic = Effect.flatMap(Broadcast.Broadcast, (broadcast) =>
  broadcast.topic("scores", Schema.Struct({ points: Schema.Int }))
)

const firstOf = (options?: Broadcast.SubscribeOptions) =>
  Effect.flatMap(topic, ({ subscribe }) => Stream.runHead(subscribe(options))).pipe(
    Effect.map((delivery) =>
      delivery._tag === "Some" && delivery.value._tag === "Message" ? delivery.value.payload : delivery
    ),
    Effect.forkScoped({ startImmediately: true })
  )

describe("a node by itself", () => {
  it.effect("is a member, and hands its subscribers what is published, and others its history", () =>
    Effect.gen(function* () {
      const now = yield* firstOf()
      yield* (yield* topic).publish({ points: 3 })
      assert.deepStrictEqual(yield* Fiber.join(now), { points: 3 })
      const later = yield* firstOf({ history: 1 })
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* Fiber.join(later), { points: 3 })
      const { self } = yield* Membership.Membership
      assert.deepStrictEqual((yield* self).id, "n0")
    }).pipe(Effect.provide(TestNode.layer()))
  )

  it.effect("is another each time, and is as its options say", () =>
    Effect.gen(function* () {
      const ids = yield* Effect.forEach(["a", "b"], (id) =>
        Effect.flatMap(Membership.Membership, ({ self }) => Effect.map(self, (self) => self.id)).pipe(
          Effect.provide(TestNode.layer({ id }))
        )
      )
      assert.deepStrictEqual(ids, ["a", "b"])
      const dies = yield* Effect.exit(Effect.provide(topic, TestNode.layer({ clusterSize: 0 })))
      assert.include(JSON.stringify(dies), "Die")
    })
  )
})
