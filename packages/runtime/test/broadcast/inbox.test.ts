import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import { Inbox } from "../../src/internal/inbox.ts"

const make = (messages: number, bytes = 1_000, onFirst = () => {}) =>
  new Inbox<string>({ messages, bytes }, (missed) => `missed ${missed}`, onFirst)

describe("an inbox", () => {
  it.effect("hands out all that waits at once, and waits for more", () =>
    Effect.gen(function* () {
      const inbox = make(10)
      inbox.offer("a", 1)
      inbox.offer("b", 1)
      assert.deepStrictEqual(yield* inbox.take, ["a", "b"])
      const next = yield* Effect.forkScoped(inbox.take, { startImmediately: true })
      inbox.offer("c", 1)
      inbox.wake()
      assert.deepStrictEqual(yield* Fiber.join(next), ["c"])
    })
  )

  it.effect("says once that something waits, and wakes its reader when told to, or when an eighth of it is full", () =>
    Effect.gen(function* () {
      let told = 0
      const inbox = make(32, 1_000, () => told++)
      const next = yield* Effect.forkScoped(inbox.take, { startImmediately: true })
      for (const item of ["a", "b", "c", "d"]) inbox.offer(item, 1)
      yield* Effect.yieldNow
      assert.strictEqual(told, 1)
      assert.isUndefined(next.pollUnsafe())
      inbox.offer("e", 1)
      assert.deepStrictEqual(yield* Fiber.join(next), ["a", "b", "c", "d", "e"])
      const large = yield* Effect.forkScoped(inbox.take, { startImmediately: true })
      inbox.offer("large", 125)
      assert.deepStrictEqual(yield* Fiber.join(large), ["large"])
      assert.strictEqual(told, 1)
    })
  )

  it.effect("takes what was held back beside the others, up to a number", () =>
    Effect.gen(function* () {
      const inbox = new Inbox<string>(
        { messages: 2, held: 3, bytes: 1_000 },
        (missed) => `missed ${missed}`,
        () => {}
      )
      const held = (item: string) => inbox.offer(item, 1, 1, true)
      assert.deepStrictEqual(["a", "b", "c"].map(held), [true, true, true])
      assert.deepStrictEqual([inbox.offer("d", 1), held("e"), held("f")], [true, true, false])
      assert.deepStrictEqual(yield* inbox.take, ["a", "b", "c", "d", "e", "missed 1"])
      assert.deepStrictEqual(
        ["g", "h", "i"].map((item) => inbox.offer(item, 1)),
        [true, true, false]
      )
    })
  )

  it.effect("that is full says how much was lost, where it is missing, and takes more once it is read", () =>
    Effect.gen(function* () {
      const inbox = make(2)
      assert.deepStrictEqual(
        ["a", "b", "c", "d"].map((item) => inbox.offer(item, 1)),
        [true, true, false, false]
      )
      assert.deepStrictEqual(yield* inbox.take, ["a", "b", "missed 2"])
      assert.isTrue(inbox.offer("e", 1))
      assert.deepStrictEqual(yield* inbox.take, ["e"])
    })
  )

  it.effect("is bounded in bytes too, and takes a single item whatever its size", () =>
    Effect.gen(function* () {
      const inbox = make(10, 100)
      assert.isTrue(inbox.offer("huge", 1_000))
      assert.isFalse(inbox.offer("small", 1))
      assert.deepStrictEqual(yield* inbox.take, ["huge", "missed 1"])
      assert.isTrue(inbox.offer("half", 50))
      assert.isTrue(inbox.offer("half", 50))
      assert.isFalse(inbox.offer("more", 1))
    })
  )

  it.effect("once it has lost one loses what follows, even if that would fit, so that one number tells the gap", () =>
    Effect.gen(function* () {
      const inbox = make(10, 100)
      inbox.offer("a", 60)
      inbox.offer("too much", 60)
      inbox.offer("would fit", 1)
      assert.deepStrictEqual(yield* inbox.take, ["a", "missed 2"])
    })
  )

  it.effect("that is held hands out nothing until it is released, the past first", () =>
    Effect.gen(function* () {
      const inbox = make(2)
      inbox.hold()
      const taken = yield* Effect.forkScoped(inbox.take, { startImmediately: true })
      for (const item of ["c", "d", "e"]) inbox.offer(item, 1)
      yield* Effect.yieldNow
      assert.isUndefined(taken.pollUnsafe())
      inbox.release(
        (waiting) => ["a", "b", ...waiting.slice(1)],
        () => 1
      )
      assert.deepStrictEqual(yield* Fiber.join(taken), ["a", "b", "d", "missed 1"])
    })
  )

  it.effect("that is held blames its reader for nothing that comes meanwhile, up to a number", () =>
    Effect.gen(function* () {
      const inbox = new Inbox<string>(
        { messages: 2, held: 3, bytes: 1_000 },
        (missed) => `missed ${missed}`,
        () => {}
      )
      inbox.hold()
      for (const item of ["a", "b", "c", "d", "e"]) assert.isTrue(inbox.offer(item, 1))
      assert.isFalse(inbox.offer("f", 1))
      inbox.release(
        (waiting) => ["past", ...waiting],
        () => 1
      )
      assert.deepStrictEqual(yield* inbox.take, ["past", "a", "b", "c", "d", "e", "missed 1"])
      // From then on it is the reader's affair.
      assert.deepStrictEqual(
        ["g", "h", "i"].map((item) => inbox.offer(item, 1)),
        [true, true, false]
      )
    })
  )

  it.effect("counts its past against its bytes, and says for how many there is room", () =>
    Effect.gen(function* () {
      const inbox = make(10, 100)
      inbox.hold()
      inbox.offer("c", 30)
      let room = 0
      inbox.release(
        (waiting, roomBytes) => {
          room = roomBytes
          return ["a", "b", ...waiting]
        },
        (item) => (item === "c" ? 30 : 35)
      )
      assert.strictEqual(room, 70)
      assert.isFalse(inbox.offer("d", 1))
      assert.deepStrictEqual(yield* inbox.take, ["a", "b", "c", "missed 1"])
    })
  )

  it.effect("that ends while it is held hands out what waits, and is done", () =>
    Effect.gen(function* () {
      const inbox = make(10)
      inbox.hold()
      inbox.offer("a", 1)
      const taken = yield* Effect.forkScoped(inbox.take, { startImmediately: true })
      inbox.end()
      yield* Effect.yieldNow
      assert.deepStrictEqual(taken.pollUnsafe(), Exit.succeed(["a"]))
      assert.isTrue(Exit.isFailure(yield* Effect.exit(inbox.take)))
    })
  )

  it.effect("that misses a report of many misses as many", () =>
    Effect.gen(function* () {
      const inbox = make(1)
      inbox.offer("a", 1)
      assert.isFalse(inbox.offer("500 are lost", 0, 500))
      inbox.offer("b", 1)
      assert.deepStrictEqual(yield* inbox.take, ["a", "missed 501"])
    })
  )

  it.effect("keeps what comes when its reader was interrupted while it waited", () =>
    Effect.gen(function* () {
      const inbox = make(2)
      const reader = yield* Effect.forkScoped(inbox.take, { startImmediately: true })
      yield* Fiber.interrupt(reader)
      inbox.offer("a", 1)
      assert.deepStrictEqual(yield* inbox.take, ["a"])
    })
  )
})
