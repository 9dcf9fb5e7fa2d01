/** How links end, and who hears of it. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { Link } from "@hyparview/runtime/Transport"
import type { Case, Kit, SilentKit } from "./kit.ts"
import {
  assertEnds,
  assertFrames,
  bothWays,
  failure,
  firstAccepted,
  frame,
  frames,
  host,
  outgoing,
  pair,
  receiveAll,
  settle,
  within
} from "./kit.ts"

/** Sends for as long as the link lives; fails with why it ended. */
const sendUntilTheEnd = (link: Link) => Effect.forever(link.send(outgoing(frames(16, 1_000))))

/** Close waits for the flush, and the flush for the reader. */
const closing = (link: Link) => Effect.forkChild(link.close("flush"), { startImmediately: true })

const cases: ReadonlyArray<Case<Kit>> = [
  {
    name: "close(flush) delivers every frame that send has taken, and the far end sees closed",
    run: (kit) =>
      Effect.gen(function* () {
        const { far, near } = yield* pair(kit)
        const list = frames(200, 10_000)
        const sending = yield* Effect.forkChild(Effect.andThen(near.send(outgoing(list)), near.close("flush")))
        const { end, received } = yield* receiveAll(far)
        assert.strictEqual(end.reason, "closed")
        assertFrames(received, list)
        yield* within("close ends", Fiber.join(sending))
        yield* assertEnds(near, "local")
      })
  },
  {
    name: "close(flush) delivers every frame to a reader that takes its time",
    run: (kit) =>
      Effect.gen(function* () {
        const { far, near } = yield* pair(kit)
        const list = frames(120, 10_000)
        const sending = yield* Effect.forkChild(Effect.andThen(near.send(outgoing(list)), near.close("flush")))
        const received: Array<Uint8Array> = []
        while (received.length < list.length) {
          yield* Effect.sleep(2)
          received.push(...(yield* within("frames arrive", far.receive)))
        }
        assertFrames(received, list)
        assert.strictEqual((yield* failure("receive at the end", far.receive)).reason, "closed")
        yield* within("close ends", Fiber.join(sending))
      })
  },
  {
    name: "close(flush) delivers every frame though the far end sends without pause",
    run: (kit) =>
      Effect.gen(function* () {
        const { far, near } = yield* pair(kit)
        const list = frames(50, 10_000)
        const sending = yield* Effect.forkChild(Effect.ignore(sendUntilTheEnd(far)))
        yield* settle
        const closing = yield* Effect.forkChild(Effect.andThen(near.send(outgoing(list)), near.close("flush")))
        const { end, received } = yield* receiveAll(far)
        assertFrames(received, list)
        assert.strictEqual(end.reason, "closed")
        yield* within("close ends", Fiber.join(closing))
        yield* within("send ends", Fiber.join(sending))
      })
  },
  {
    name: "after an orderly close receive gives what arrived before, and then fails every time",
    run: (kit) =>
      Effect.gen(function* () {
        const { far, near } = yield* pair(kit)
        yield* near.send(outgoing(frames(3)))
        const close = yield* closing(near)
        yield* settle
        const { end, received } = yield* receiveAll(far)
        assertFrames(received, frames(3))
        assert.strictEqual(end.reason, "closed")
        assert.strictEqual((yield* failure("receive again", far.receive)).reason, "closed")
        yield* assertEnds(far, "closed")
        yield* within("close ends", Fiber.join(close))
      })
  },
  {
    name: "an accepted link that was closed in order before anybody took it still has its frames",
    run: (kit) =>
      Effect.gen(function* () {
        const a = yield* host(kit)
        const transport = yield* kit.transport
        const near = yield* a.dial(transport.address)
        yield* near.send(outgoing(frames(3)))
        const close = yield* closing(near)
        yield* settle
        const far = yield* within("a link is accepted", firstAccepted(transport))
        const { end, received } = yield* receiveAll(far)
        assertFrames(received, frames(3))
        assert.strictEqual(end.reason, "closed")
        yield* within("close ends", Fiber.join(close))
      })
  },
  {
    name: "close(abort) is seen at the far end as reset, by receive and by closed",
    run: (kit) =>
      Effect.gen(function* () {
        const { far, near } = yield* pair(kit)
        const waiting = yield* Effect.forkChild(receiveAll(far))
        yield* Effect.yieldNow
        yield* within("abort", near.close("abort"))
        yield* assertEnds(near, "local")
        const { end } = yield* Fiber.join(waiting)
        assert.strictEqual(end.reason, "reset")
        yield* assertEnds(far, "reset")
      })
  },
  {
    name: "a close ends every operation at this end at once, as local",
    run: (kit) =>
      Effect.gen(function* () {
        for (const mode of ["flush", "abort"] as const) {
          const { near } = yield* pair(kit)
          const waiting = yield* Effect.forkChild(Effect.flip(near.receive))
          yield* Effect.yieldNow
          yield* within("close", near.close(mode))
          assert.strictEqual((yield* within("receive fails", Fiber.join(waiting))).reason, "local")
          yield* assertEnds(near, "local")
          assert.strictEqual((yield* failure("receive later", near.receive)).reason, "local")
        }
      })
  },
  {
    name: "close is idempotent, in any order of modes and from both ends",
    run: (kit) =>
      Effect.gen(function* () {
        const { far, near } = yield* pair(kit)
        const closes = [near.close("flush"), far.close("flush"), near.close("flush"), near.close("abort")]
        yield* within("all closes end", Effect.all(closes, { concurrency: "unbounded" }))
        yield* within("a close after the end", Effect.andThen(near.close("abort"), near.close("flush")))
        yield* assertEnds(near, "local", "closed", "reset")
        yield* assertEnds(far, "local", "closed", "reset")
      })
  },
  {
    name: "send fails with LinkClosed when the far end closes while it sends",
    run: (kit) =>
      Effect.gen(function* () {
        for (const mode of ["abort", "flush"] as const) {
          const { far, near } = yield* pair(kit)
          const sending = yield* Effect.forkChild(Effect.flip(sendUntilTheEnd(near)))
          yield* settle
          yield* within("close", far.close(mode))
          const end = yield* within("send fails", Fiber.join(sending))
          assert.strictEqual(end._tag, "LinkClosed")
          assert.include(mode === "abort" ? ["reset"] : ["closed", "reset"], end.reason)
          yield* assertEnds(far, "local")
        }
      })
  },
  {
    name: "send fails with LinkClosed when this end closes while it sends",
    run: (kit) =>
      Effect.gen(function* () {
        const { far, near } = yield* pair(kit)
        const sending = yield* Effect.forkChild(Effect.flip(sendUntilTheEnd(near)))
        yield* settle
        yield* near.close("abort")
        assert.strictEqual((yield* within("send fails", Fiber.join(sending))).reason, "local")
        // Until it reads, a far end whose buffers are full need not notice. Then it must know that frames are missing.
        assert.strictEqual((yield* receiveAll(far)).end.reason, "reset")
      })
  },
  {
    name: "closed tells every waiter the same, before and after the end",
    run: (kit) =>
      Effect.gen(function* () {
        const { far, near } = yield* pair(kit)
        const interrupted = yield* Effect.forkChild(far.closed)
        const waiting = yield* Effect.forkChild(Effect.all([far.closed, far.closed, far.closed], { concurrency: 3 }))
        yield* Effect.yieldNow
        yield* Fiber.interrupt(interrupted)
        yield* near.close("abort")
        const ends = yield* within("all waiters are told", Fiber.join(waiting))
        const later = yield* within("a late waiter is told", far.closed)
        for (const end of ends) assert.strictEqual(end.reason, later.reason)
      })
  }
]

export const closingCases: ReadonlyArray<Case<Kit>> = bothWays(cases)

export const silentCases: ReadonlyArray<Case<SilentKit>> = [
  {
    name: "a far end that falls silent is no error by itself, and close(abort) still ends the link at once",
    run: (kit) =>
      Effect.gen(function* () {
        const a = yield* host(kit)
        const link = yield* within("a link to a silent far end", kit.silentLink(a.transport))
        yield* within("send does not fail", link.send([[frame(1)], [frame(2)]]))
        const ended = yield* Effect.forkChild(link.closed)
        yield* settle
        assert.isUndefined(ended.pollUnsafe())
        yield* within("close", link.close("abort"))
        assert.strictEqual((yield* within("the link ends", Fiber.join(ended))).reason, "local")
      })
  },
  {
    name: "close(flush) to a silent far end gives up after its time",
    settings: { closeTimeoutMillis: 300 },
    run: (kit) =>
      Effect.gen(function* () {
        const a = yield* host(kit)
        const link = yield* within("a link to a silent far end", kit.silentLink(a.transport))
        yield* link.send([[frame(1)]])
        yield* within("close gives up", link.close("flush"))
        yield* assertEnds(link, "local")
      })
  }
]
