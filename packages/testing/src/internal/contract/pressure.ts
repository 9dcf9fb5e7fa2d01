/** A reader that does not read: whom it slows down, and whom it does not. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { Link } from "@hyparview/runtime/Transport"
import type { Case, Ends, Kit } from "./kit.ts"
import { assertEnds, assertWorks, connect, frame, host, pair, settle, within } from "./kit.ts"

/** Sends numbered frames until told to stop; gives how many it has sent. */
interface Sender {
  readonly fiber: Fiber.Fiber<number, unknown>
  readonly stop: () => void
}

const frameBytes = 32 * 1024

/** Begins to send to a far end that does not read, and waits until the sender has stalled. */
const stall = (kit: Kit, { near }: Ends) =>
  Effect.gen(function* () {
    const wish = { stop: false }
    const most = Math.ceil(kit.stallBytes / frameBytes)
    const sending = Effect.gen(function* () {
      let sent = 0
      for (; sent < most && !wish.stop; sent++) yield* near.send([[frame(sent, frameBytes)]])
      return sent
    })
    const fiber = yield* Effect.forkChild(sending)
    yield* within("the sender stalls", untilStill(near))
    assert.isUndefined(fiber.pollUnsafe(), `${near.bytes.sent} bytes were taken though nobody reads`)
    const stop = () => {
      wish.stop = true
    }
    const sender: Sender = { fiber, stop }
    return sender
  })

/** The link has sent something, and then nothing more for a while. */
const untilStill = (link: Link) =>
  Effect.gen(function* () {
    let before = -1
    while (before === -1 || link.bytes.sent !== before) {
      before = link.bytes.sent
      yield* settle
      yield* settle
    }
  })

/** Reads until the link ends; gives how many frames came, in order. */
const readInOrder = (link: Link) =>
  Effect.gen(function* () {
    let count = 0
    while (true) {
      const received = yield* Effect.result(link.receive)
      if (received._tag === "Failure") return count
      for (const one of received.success) {
        assert.strictEqual(one.length, frameBytes)
        assert.deepStrictEqual(Array.from(one.subarray(0, 4)), Array.from(frame(count)))
        count++
      }
    }
  })

export const pressureCases: ReadonlyArray<Case<Kit>> = [
  {
    name: "a reader that does not read stalls its sender, and loses nothing when it reads again",
    run: (kit) =>
      Effect.gen(function* () {
        const ends = yield* pair(kit)
        const sender = yield* stall(kit, ends)
        sender.stop()
        const reading = yield* Effect.forkChild(readInOrder(ends.far))
        const sent = yield* within("the sender goes on", Fiber.join(sender.fiber))
        yield* within("close", ends.near.close("flush"))
        assert.strictEqual(yield* within("everything is read", Fiber.join(reading)), sent)
      })
  },
  {
    name: "a reader that does not read stalls no other link",
    run: (kit) =>
      Effect.gen(function* () {
        const a = yield* host(kit)
        const b = yield* host(kit)
        const slow = yield* connect(a, b)
        const other = yield* connect(a, b)
        const sender = yield* stall(kit, slow)
        yield* within("the other link carries frames", assertWorks(other))
        yield* within("a new link carries frames", Effect.flatMap(connect(b, a), assertWorks))
        yield* Fiber.interrupt(sender.fiber)
      })
  },
  {
    name: "trySend, where there is one, takes frames in order with send's, none while a reader stalls it, none after the end",
    run: (kit) =>
      Effect.gen(function* () {
        const { far, near } = yield* pair(kit)
        if (near.trySend === undefined) return
        const most = Math.ceil(kit.stallBytes / frameBytes)
        let sent = 0
        yield* near.send([[frame(sent++, frameBytes)]])
        for (let refusals = 0; refusals < 2 && sent < most;) {
          if (near.trySend([[frame(sent, frameBytes)]])) sent++
          else {
            refusals++
            yield* settle
          }
        }
        assert.isBelow(sent, most, "it is never refused, though nobody reads")
        const last = sent++
        const reading = yield* Effect.forkChild(readInOrder(far))
        yield* within("send goes on where trySend would not", near.send([[frame(last, frameBytes)]]))
        yield* within("close", near.close("flush"))
        assert.isFalse(near.trySend([[frame(sent, frameBytes)]]))
        assert.strictEqual(yield* within("everything is read", Fiber.join(reading)), sent)
      })
  },
  {
    name: "a stalled send fails at once when its own end aborts",
    run: (kit) =>
      Effect.gen(function* () {
        const ends = yield* pair(kit)
        const sender = yield* stall(kit, ends)
        yield* ends.near.close("abort")
        const error = yield* within("send fails", Effect.flip(Fiber.join(sender.fiber)))
        assert.deepInclude(error, { _tag: "LinkClosed", reason: "local" })
        yield* assertEnds(ends.near, "local")
      })
  },
  {
    name: "a stalled send fails at once when the far end aborts",
    run: (kit) =>
      Effect.gen(function* () {
        const ends = yield* pair(kit)
        const sender = yield* stall(kit, ends)
        yield* ends.far.close("abort")
        const error = yield* within("send fails", Effect.flip(Fiber.join(sender.fiber)))
        assert.deepInclude(error, { _tag: "LinkClosed" })
        yield* assertEnds(ends.near, "reset")
      })
  }
]
