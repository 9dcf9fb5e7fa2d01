/** What a cut does to the chat's topic, on a virtual clock. */
import { assert, describe, it } from "@effect/vitest"
import { TestCluster, VirtualClock } from "@hyparview/testing"
import { Effect, Stream } from "effect"
import { broadcast } from "../src/chat.ts"

const bytes = (text: string) => new TextEncoder().encode(text)

describe("the chat's lines", () => {
  it.effect("reach who was cut off, also those of somebody who came back on the other side", () =>
    Effect.gen(function* () {
      const cluster = yield* TestCluster.make({ nodes: 6, seed: 1, node: { broadcast } })
      yield* cluster.joinAll()
      yield* cluster.settle()
      yield* cluster.kill(5)
      yield* cluster.settle()
      const heard: Array<string> = []
      yield* cluster
        .node(0)
        .broadcast.subscribe("chat", { order: "source", history: 20 })
        .pipe(
          Stream.runForEach((delivery) =>
            Effect.sync(() =>
              heard.push(delivery._tag === "Message" ? new TextDecoder().decode(delivery.payload) : "lost")
            )
          ),
          Effect.forkScoped({ startImmediately: true })
        )
      yield* cluster.partition(
        [
          [0, 1],
          [2, 3, 4, 5]
        ],
        "reset"
      )
      yield* cluster.pass("10 seconds")
      yield* cluster.restart(5, [3])
      yield* cluster.pass("5 seconds")
      const lines = ["one", "two", "three", "four", "five"]
      for (const line of lines) {
        yield* cluster.publish(5, "chat", bytes(line))
        yield* cluster.pass("1 second")
      }
      yield* cluster.heal
      yield* cluster.settle({ within: "1 hour" })
      yield* cluster.pass("1 minute")
      assert.deepStrictEqual(heard, lines)
    }).pipe(Effect.scoped, Effect.provide(VirtualClock.layer()))
  )
})
