/** What becomes of the chat while nobody answers, on a virtual clock. */
import { assert, describe, it } from "@effect/vitest"
import { Broadcast, Membership } from "@hyparview/runtime"
import { TestCluster, VirtualClock } from "@hyparview/testing"
import { Effect, Fiber, Stream } from "effect"
import { broadcast, chat, NobodyAnswers } from "../src/chat.ts"

/** Two nodes, the second of which is down, and a chat on the first that wants to reach it. */
const alone = Effect.gen(function* () {
  const cluster = yield* TestCluster.make({ nodes: 2, seed: 1, node: { broadcast } })
  yield* cluster.kill(1)
  const printed: Array<string> = []
  const { broadcast: broadcasting, membership } = cluster.node(0)
  const chatting = yield* chat({
    contacts: [cluster.addressOf(1)],
    history: 20,
    input: Stream.concat(Stream.make("hello"), Stream.never),
    left: Effect.never,
    patience: "30 seconds",
    print: (line) => Effect.sync(() => printed.push(line))
  }).pipe(
    Effect.provideService(Broadcast.Broadcast, broadcasting),
    Effect.provideService(Membership.Membership, membership),
    Effect.forkScoped
  )
  return { cluster, chatting, printed }
})

describe("a chat that nobody answers", () => {
  it.effect("says its lines when somebody does", () =>
    Effect.gen(function* () {
      const { cluster, printed } = yield* alone
      yield* cluster.pass("20 seconds")
      assert.lengthOf(printed, 1)
      yield* cluster.restart(1)
      yield* cluster.pass("9 seconds")
      assert.match(printed.join("\n"), /joined through[^]*: hello$/)
    }).pipe(Effect.scoped, Effect.provide(VirtualClock.layer()))
  )

  it.effect("gives up when its patience ends", () =>
    Effect.gen(function* () {
      const { cluster, chatting } = yield* alone
      yield* cluster.pass("29 seconds")
      assert.isUndefined(chatting.pollUnsafe())
      yield* cluster.pass("2 seconds")
      assert.deepStrictEqual(
        yield* Effect.flip(Fiber.join(chatting)),
        new NobodyAnswers({ contacts: [cluster.addressOf(1)] })
      )
    }).pipe(Effect.scoped, Effect.provide(VirtualClock.layer()))
  )
})
