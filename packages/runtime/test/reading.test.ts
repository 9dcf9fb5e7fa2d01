/** Reading a link without a fiber: what a link brings is digested on the stack of who brings it, who must not suffer for it. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber } from "effect"
import { reading } from "../src/internal/reading.ts"
import { type Link, LinkClosed } from "../src/Transport.ts"

const closed = new LinkClosed({ reason: "closed", detail: "" })

/** A link to which frames are brought, or its end. */
const controlled = () => {
  const waiting: Array<ReadonlyArray<Uint8Array> | LinkClosed> = []
  let wake: (() => void) | undefined
  const link: Link = {
    remoteAddress: "somewhere",
    authenticatedId: undefined,
    send: () => Effect.void,
    receive: Effect.die("receive is called, though there is tryReceive"),
    tryReceive: (callback) => {
      const next = waiting.shift()
      if (next === undefined) wake = callback
      return next
    },
    close: () => Effect.void,
    closed: Effect.never,
    bytes: { received: 0, sent: 0 }
  }
  return {
    link,
    bring: (next: ReadonlyArray<Uint8Array> | LinkClosed): void => {
      waiting.push(next)
      const told = wake
      wake = undefined
      told?.()
    }
  }
}

const batch = (...bytes: ReadonlyArray<number>): ReadonlyArray<Uint8Array> => bytes.map((byte) => Uint8Array.of(byte))

describe("reading a link", () => {
  it.effect("digests batch after batch as they come, and ends as the link does", () =>
    Effect.gen(function* () {
      const { bring, link } = controlled()
      const digested: Array<number> = []
      const next = reading<never>(link, (frames) => {
        digested.push(...frames.map(([byte]) => byte ?? -1))
        return undefined
      })
      bring(batch(1, 2))
      const fiber = yield* Effect.forkChild(next, { startImmediately: true })
      assert.deepStrictEqual(digested, [1, 2])
      bring(batch(3))
      bring(batch(4))
      // No turn of the fiber was needed.
      assert.deepStrictEqual(digested, [1, 2, 3, 4])
      bring(closed)
      assert.deepStrictEqual(yield* Effect.exit(Fiber.join(fiber)), Exit.fail(closed))
    })
  )

  it.effect("leaves what comes later to be read when there is something else to do", () =>
    Effect.gen(function* () {
      const { bring, link } = controlled()
      const digested: Array<number> = []
      const next = reading(link, (frames) => {
        digested.push(frames.length)
        return frames.length === 2 ? Effect.succeed("two") : undefined
      })
      const fiber = yield* Effect.forkChild(next, { startImmediately: true })
      bring(batch(1))
      bring(batch(1, 2))
      bring(batch(1, 2, 3))
      assert.strictEqual(yield* Fiber.join(fiber), "two")
      assert.deepStrictEqual(digested, [1, 2])
      const again = yield* Effect.forkChild(next, { startImmediately: true })
      assert.deepStrictEqual(digested, [1, 2, 3])
      yield* Fiber.interrupt(again)
      bring(batch(1))
      assert.deepStrictEqual(digested, [1, 2, 3])
    })
  )

  it.effect("takes no more room, however often there was something else to do before it read on", () =>
    Effect.gen(function* () {
      const { bring, link } = controlled()
      let digested = 0
      const next: Effect.Effect<never, LinkClosed> = reading<never>(link, () => {
        digested++
        return Effect.suspend(() => next)
      })
      const fiber = yield* Effect.forkChild(next, { startImmediately: true })
      const depth = (): number => {
        const stack: unknown = Reflect.get(fiber, "_stack")
        return Array.isArray(stack) ? stack.length : Number.NaN
      }
      bring(batch(1))
      const before = depth()
      for (let count = 0; count < 1_000; count++) bring(batch(1))
      assert.strictEqual(digested, 1_001)
      assert.strictEqual(depth(), before)
    })
  )

  it.effect("dies of a defect by itself: the transport that brings the frames is not thrown at", () =>
    Effect.gen(function* () {
      const { bring, link } = controlled()
      const next = reading<never>(link, () => {
        throw new Error("a fault of ours")
      })
      const fiber = yield* Effect.forkChild(next, { startImmediately: true })
      bring(batch(1))
      const exit = yield* Effect.exit(Fiber.join(fiber))
      assert.include(Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined, { message: "a fault of ours" })
    })
  )

  it.effect("leaves what has arrived to the next reader when it is interrupted while it digests", () =>
    Effect.gen(function* () {
      const { bring, link } = controlled()
      const digested: Array<number> = []
      const next = reading<never>(link, (frames) => {
        digested.push(frames.length)
        if (frames.length === 1) {
          bring(batch(1, 2))
          fiber.interruptUnsafe()
        }
        return undefined
      })
      const fiber = yield* Effect.forkChild(next, { startImmediately: true })
      bring(batch(1))
      assert.isTrue(Exit.hasInterrupts(yield* Effect.exit(Fiber.join(fiber))))
      assert.deepStrictEqual(digested, [1])
      const again = yield* Effect.forkChild(next, { startImmediately: true })
      assert.deepStrictEqual(digested, [1, 2])
      yield* Fiber.interrupt(again)
    })
  )

  it.effect("dies of a defect of the link's own, which is not left without a reader", () =>
    Effect.gen(function* () {
      const { bring, link } = controlled()
      let calls = 0
      const faulty: Link = {
        ...link,
        tryReceive: (wake) => {
          if (++calls === 2) throw new Error("a fault of the transport's")
          return link.tryReceive?.(wake)
        }
      }
      const fiber = yield* Effect.forkChild(
        reading<never>(faulty, () => undefined),
        { startImmediately: true }
      )
      bring(batch(1))
      const exit = yield* Effect.exit(Fiber.join(fiber))
      assert.include(Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined, {
        message: "a fault of the transport's"
      })
    })
  )

  it.effect("reads a link that is an object of a class", () =>
    Effect.gen(function* () {
      const { bring, link } = controlled()
      class Wrapped implements Link {
        readonly remoteAddress = "somewhere"
        readonly authenticatedId = undefined
        readonly closed = Effect.never
        readonly receive = link.receive
        readonly bytes = link.bytes
        readonly #link = link
        send(): Effect.Effect<void> {
          return Effect.void
        }
        close(): Effect.Effect<void> {
          return Effect.void
        }
        tryReceive(wake: () => void): ReadonlyArray<Uint8Array> | LinkClosed | undefined {
          return this.#link.tryReceive?.(wake)
        }
      }
      const fiber = yield* Effect.forkChild(
        reading(new Wrapped(), (frames) => Effect.succeed(frames.length)),
        { startImmediately: true }
      )
      bring(batch(1, 2, 3))
      assert.strictEqual(yield* Fiber.join(fiber), 3)
    })
  )
})
