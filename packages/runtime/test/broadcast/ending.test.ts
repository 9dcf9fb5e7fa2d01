/** What a stopped node does to who listens to it. */
import { assert, describe, it } from "@effect/vitest"
import { TestCluster } from "@hyparview/testing"
import { Cause, Effect, Exit, Fiber, Stream } from "effect"
import { bytes, range, settled, virtually } from "./cluster.ts"

/** How the stream ends, and how much it gave. */
const ending = (stream: Stream.Stream<unknown, unknown>) =>
  Effect.forkScoped(Effect.exit(Stream.runCount(stream)), { startImmediately: true })

describe("a node that is stopped", () => {
  it.live("ends the streams of its subscribers, after what waits, and those that begin later at once", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({ nodes: 2, seed: 1 })
      const { broadcast, membership } = cluster.node(1)
      const fibers = [
        yield* ending(broadcast.subscribe("news")),
        yield* ending(broadcast.subscribe("news", { order: "source" })),
        yield* ending(membership.events)
      ]
      yield* cluster.publish(0, "news", bytes("one"))
      yield* cluster.pass("1 second")
      assert.isTrue(fibers.every((fiber) => fiber.pollUnsafe() === undefined))
      yield* cluster.leave(1)
      const later = [yield* ending(broadcast.subscribe("news", { history: 3 })), yield* ending(membership.events)]
      yield* cluster.pass("1 second")
      const ended = (all: typeof fibers) =>
        Effect.forEach(all, (fiber) => Effect.timeout(Fiber.join(fiber), "1 minute"))
      // Of the events: its neighbour's coming and going.
      assert.deepStrictEqual(yield* ended(fibers), [Exit.succeed(1), Exit.succeed(1), Exit.succeed(2)])
      assert.deepStrictEqual(yield* ended(later), [Exit.succeed(0), Exit.succeed(0)])
    }).pipe(virtually)
  )

  it.live("lets nobody wait for neighbours, for room or for its goodbyes, and does not join again", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({ nodes: 2, seed: 2 })
      const { broadcast, membership } = cluster.node(1)
      const before = yield* Effect.forkScoped(membership.awaitNeighbors(5), { startImmediately: true })
      yield* cluster.kill(1)
      const exits = yield* Effect.forEach(
        [Fiber.join(before), membership.awaitNeighbors(1), membership.join([cluster.addressOf(0)]), membership.leave],
        (waiting) => Effect.exit(Effect.timeout(waiting, "1 minute"))
      )
      assert.deepStrictEqual(
        exits.map((exit) => Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)),
        [true, true, true, false]
      )
      assert.isTrue(exits[3] !== undefined && Exit.isSuccess(exits[3]))
      const error = yield* Effect.flip(broadcast.publish("news", bytes("x")))
      assert.isTrue(error._tag === "NotJoined" && error.status === "stopped")
      assert.strictEqual(error.message, "cannot publish: the node has stopped")
    }).pipe(virtually)
  )

  it.live("ends them too where it stops because another process has its id", () =>
    Effect.gen(function* () {
      const idOf = (index: number) => `n${index === 5 ? 4 : index}`
      const cluster = yield* TestCluster.make({ nodes: 6, seed: 10, idOf })
      yield* cluster.kill(5)
      yield* cluster.joinAll()
      yield* cluster.settle({ among: range(0, 5) })
      yield* cluster.restart(5)
      const subscriptions = yield* Effect.forEach([4, 5], (index) =>
        ending(cluster.node(index).broadcast.subscribe("news"))
      )
      yield* cluster.pass("5 minutes")
      const statuses = yield* Effect.forEach([4, 5], (index) =>
        Effect.map(cluster.node(index).membership.view, ({ status }) => status)
      )
      const stopped = statuses.indexOf("stopped")
      assert.deepStrictEqual(
        subscriptions.map((fiber) => fiber.pollUnsafe()),
        [0, 1].map((index) => (index === stopped ? Exit.succeed(Exit.succeed(0)) : undefined))
      )
    }).pipe(virtually)
  )
})
