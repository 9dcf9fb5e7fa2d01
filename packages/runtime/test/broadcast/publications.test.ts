import { assert, describe, it } from "@effect/vitest"
import { Wire } from "@hyparview/core"
import { Cause, Effect, Exit, Fiber } from "effect"
import type { NotJoined } from "../../src/Broadcast.ts"
import { makeMeter } from "../../src/internal/metrics.ts"
import { makePublications, type Publication } from "../../src/internal/publications.ts"

const setUp = (maxWaitingPublishers = 3) =>
  Effect.gen(function* () {
    const posted: Array<Publication> = []
    const node = { down: undefined as NotJoined["status"] | undefined, waiting: 0, mailboxFull: false }
    const publications = makePublications({
      self: "a",
      maxWaitingBytes: 1_000,
      maxFrameBytes: 10_000,
      maxWaitingPublishers,
      meter: makeMeter(yield* Effect.context<never>()),
      now: () => 7,
      down: () => node.down,
      waitingBytes: () => node.waiting,
      mailboxFull: () => node.mailboxFull,
      post: (publication) => posted.push(publication)
    })
    let sequence = 0
    /** What the core makes of all that waits in the mailbox. */
    const turn = () => {
      for (const { done, input } of posted.splice(0)) {
        const id = { source: "a", epoch: 1, topic: input.topic, sequence: sequence++ }
        const from = { id: "a", epoch: 1, address: "" }
        done([{ _tag: "Delivered", id, payload: input.payload, hops: 0, publishedAt: 7, from, via: "self" }])
      }
      publications.turned()
    }
    const publish = (bytes: number, whenFull: "fail" | "wait" = "fail", topic = "t") =>
      Effect.forkScoped(publications.publish(topic, new Uint8Array(bytes), { whenFull }), { startImmediately: true })
    return { publications, publish, posted, node, turn }
  })

const failure = <A, E>(fiber: Fiber.Fiber<A, E>) => Effect.flip(Fiber.join(fiber))

describe("a publication", () => {
  it.effect("gets its id once the core has seen it", () =>
    Effect.gen(function* () {
      const { publish, turn } = yield* setUp()
      const fiber = yield* publish(10)
      assert.isUndefined(fiber.pollUnsafe())
      turn()
      assert.deepStrictEqual(yield* Fiber.join(fiber), { source: "a", epoch: 1, topic: "t", sequence: 0 })
    })
  )

  for (const [what, topic] of [
    ["empty", ""],
    ["longer than 255 bytes", "ä".repeat(128)],
    ["no text", "\ud800"]
  ] as const) {
    it.effect(`on a topic whose name is ${what} is refused`, () =>
      Effect.gen(function* () {
        const { publish } = yield* setUp()
        const error = yield* failure(yield* publish(1, "wait", topic))
        assert.strictEqual(error._tag, "InvalidTopic")
      })
    )
  }

  it.effect("too large for a frame, or for half a link's queue, is refused with the size that is not", () =>
    Effect.gen(function* () {
      const { publish, turn } = yield* setUp()
      const error = yield* failure(yield* publish(1_000))
      assert.strictEqual(error._tag, "PayloadTooLarge")
      if (error._tag !== "PayloadTooLarge") return
      assert.strictEqual(error.usableBytes, 1_000 - Wire.gossipOverhead("a", "t"))
      const fits = yield* publish(error.usableBytes)
      turn()
      assert.isTrue(Exit.isSuccess(yield* Fiber.await(fits)))
    })
  )

  it.effect("of a node that has not joined is refused", () =>
    Effect.gen(function* () {
      const { node, posted, publish } = yield* setUp()
      node.down = "idle"
      const fiber = yield* publish(1)
      for (const { done } of posted.splice(0)) done([])
      assert.strictEqual((yield* failure(fiber))._tag, "NotJoined")
    })
  )

  it.effect("of what is no bytes dies, and what may wait is bounded as before", () =>
    Effect.gen(function* () {
      const { posted, publications, publish } = yield* setUp()
      // @ts-expect-error: whoever has no types may give anything.
      const exit = yield* Effect.exit(publications.publish("t", "hello"))
      assert.include(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", "TypeError: a payload is bytes")
      assert.isEmpty(posted)
      yield* publish(600)
      yield* publish(600)
      const error = yield* failure(yield* publish(600))
      assert.deepStrictEqual(error._tag === "Overloaded" && error.waitingBytes, 1_200)
    })
  )

  it.effect("on which the core throws dies of that, and holds no room", () =>
    Effect.gen(function* () {
      const { posted, publications, publish, turn } = yield* setUp()
      const fibers = [yield* publish(400), yield* publish(400), yield* publish(400)]
      for (const { died } of posted.splice(0)) died("a fault")
      for (const fiber of fibers) {
        const exit = yield* Fiber.await(fiber)
        assert.isTrue(Exit.isFailure(exit) && Cause.squash(exit.cause) === "a fault")
      }
      publications.turned()
      const after = yield* publish(400)
      turn()
      assert.isTrue(Exit.isSuccess(yield* Fiber.await(after)))
    })
  )

  it.effect("that the core refuses is on one topic too many", () =>
    Effect.gen(function* () {
      const { posted, publish } = yield* setUp()
      const fiber = yield* publish(1)
      for (const { done } of posted) done([])
      const error = yield* failure(fiber)
      assert.isTrue(error._tag === "InvalidTopic" && error.reason === "limit")
    })
  )
})

describe("backpressure", () => {
  it.effect("counts what waits in the mailbox as if it were on the links", () =>
    Effect.gen(function* () {
      const { publish, turn } = yield* setUp()
      for (let i = 0; i < 3; i++) yield* publish(400)
      const error = yield* failure(yield* publish(1))
      assert.isTrue(error._tag === "Overloaded" && error.full === "links" && error.waitingBytes === 1_200)
      assert.include(error.message, "1200 bytes are waiting for each link already")
      turn()
      const after = yield* publish(1)
      turn()
      assert.isTrue(Exit.isSuccess(yield* Fiber.await(after)))
    })
  )

  it.effect("fails while the mailbox is full", () =>
    Effect.gen(function* () {
      const { node, publish } = yield* setUp()
      node.mailboxFull = true
      const error = yield* failure(yield* publish(1))
      assert.isTrue(error._tag === "Overloaded" && error.full === "mailbox")
      assert.include(
        error.message,
        "as many inputs as mailboxSize says are waiting for the node already; publish less, or wait"
      )
    })
  )

  it.effect("lets those who wait in once there is room, in their order, and no more than fit", () =>
    Effect.gen(function* () {
      const { node, publications, publish, turn } = yield* setUp()
      node.waiting = 1_001
      const fibers = [yield* publish(600, "wait"), yield* publish(600, "wait"), yield* publish(600, "wait")]
      const sequences = () =>
        fibers.map((fiber) => {
          const exit = fiber.pollUnsafe()
          return exit !== undefined && Exit.isSuccess(exit) ? exit.value.sequence : undefined
        })
      turn()
      assert.isTrue(publications.isWaiting())
      node.waiting = 0
      turn()
      assert.isTrue(publications.isWaiting())
      turn()
      yield* Effect.yieldNow
      assert.deepStrictEqual(sequences(), [0, 1, undefined])
      turn()
      yield* Effect.yieldNow
      assert.deepStrictEqual(sequences(), [0, 1, 2])
      assert.isFalse(publications.isWaiting())
    })
  )

  it.effect("lets nobody in before those who wait, though there be room by now", () =>
    Effect.gen(function* () {
      const { node, posted, publish, turn } = yield* setUp()
      node.waiting = 1_001
      yield* publish(1, "wait", "first")
      node.waiting = 0
      const error = yield* failure(yield* publish(1, "fail", "late"))
      assert.isTrue(error._tag === "Overloaded" && error.full === "publishers")
      yield* publish(1, "wait", "second")
      assert.deepStrictEqual(posted, [])
      turn()
      assert.deepStrictEqual(
        posted.map(({ input }) => input.topic),
        ["first", "second"]
      )
    })
  )

  it.effect("refuses one publisher more than may wait", () =>
    Effect.gen(function* () {
      const { node, publish } = yield* setUp(1)
      node.waiting = 1_001
      yield* publish(1, "wait")
      const error = yield* failure(yield* publish(1, "wait"))
      assert.isTrue(error._tag === "Overloaded" && error.waitingPublishers === 1)
      assert.include(
        error.message,
        '1 publishers are waiting already; publish less at once, wait as well (whenFull: "wait"), or let more wait (waitingPublishers)'
      )
    })
  )

  it.effect("forgets who no longer waits, and lets nobody wait on a node that has left or stopped", () =>
    Effect.gen(function* () {
      const { node, posted, publications, publish, turn } = yield* setUp()
      node.waiting = 1_001
      yield* Fiber.interrupt(yield* publish(1, "wait"))
      assert.isFalse(publications.isWaiting())
      const left = yield* publish(1, "wait")
      node.down = "left"
      turn()
      assert.strictEqual((yield* failure(left))._tag, "NotJoined")
      node.down = undefined
      const stopped = yield* publish(1, "wait")
      publications.stop()
      const error = yield* failure(stopped)
      assert.isTrue(error._tag === "NotJoined" && error.status === "stopped")
      assert.deepStrictEqual(posted, [])
    })
  )
})
