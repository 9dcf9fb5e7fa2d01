/** What a link carries, and what it does not. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type { Case, Ends, Kit } from "./kit.ts"
import { assertEnds, assertFrames, assertWorks, bothWays, carry, frame, frames, pair, receive, settle } from "./kit.ts"

/** Both directions behave alike; the ends as seen by the sender. */
const directions = ({ far, near }: Ends): ReadonlyArray<Ends> => [
  { near, far },
  { near: far, far: near }
]

/** The receiver ends the link because of what was announced; the sender sees it break. */
const assertRefused = (kit: Kit, bytes: number) =>
  Effect.gen(function* () {
    for (const index of [0, 1]) {
      const ends = directions(yield* pair(kit))[index]
      assert.isDefined(ends)
      if (ends === undefined) return
      yield* ends.near.send([[frame(0, bytes)]])
      yield* assertEnds(ends.far, "frameTooLarge")
      yield* assertEnds(ends.near, "closed", "reset")
    }
  })

const cases: ReadonlyArray<Case<Kit>> = [
  {
    name: "frames arrive whole and in order, over many sends",
    run: (kit) =>
      Effect.gen(function* () {
        const { far, near } = yield* pair(kit)
        const list = frames(500, 33)
        const send = Effect.forEach(list, (one) => near.send([[one]]), { discard: true })
        const [, received] = yield* Effect.all([send, receive(far, list.length)], { concurrency: 2 })
        assertFrames(received, list)
      })
  },
  {
    name: "many small frames in one send arrive in order",
    run: (kit) =>
      Effect.gen(function* () {
        const { far, near } = yield* pair(kit)
        const list = Array.from({ length: 10_000 }, (_, number) => frame(number, 3 + (number % 7)))
        assertFrames(yield* carry(near, far, list), list)
      })
  },
  {
    name: "the chunks of a frame arrive as one frame, large and small ones mixed",
    run: (kit) =>
      Effect.gen(function* () {
        const { far, near } = yield* pair(kit)
        const chunks = [[5, 20_000, 1], [30_000], [0, 3], [1, 1, 1, 1], [12_000, 12_000]]
        const sent = chunks.map((sizes, row) => sizes.map((bytes, at) => frame(row * 8 + at, bytes)))
        const whole = sent.map((parts) => Uint8Array.from(parts.flatMap((part) => Array.from(part))))
        const [, received] = yield* Effect.all([near.send(sent), receive(far, whole.length)], { concurrency: 2 })
        assertFrames(received, whole)
      })
  },
  {
    name: "one chunk may stand in many frames and on many links",
    run: (kit) =>
      Effect.gen(function* () {
        const { far, near } = yield* pair(kit)
        const payload = frame(7, 2_000)
        const sent = frames(20).map((header) => [header, payload])
        const expected = frames(20).map((header) => Uint8Array.from([...header, ...payload]))
        const back = receive(near, 20)
        yield* Effect.all([near.send(sent), receive(far, 20), far.send(sent), back], { concurrency: 4 }).pipe(
          Effect.map(([, there, , here]) => {
            assertFrames(there, expected)
            assertFrames(here, expected)
          })
        )
      })
  },
  {
    name: "a send of nothing is nothing",
    run: (kit) =>
      Effect.gen(function* () {
        const { far, near } = yield* pair(kit)
        yield* near.send([])
        assertFrames(yield* carry(near, far, frames(1)), frames(1))
      })
  },
  {
    name: "a frame of exactly maxFrameBytes passes, both ways",
    run: (kit) =>
      Effect.gen(function* () {
        const ends = yield* pair(kit)
        assert.strictEqual(ends.a.transport.maxFrameBytes, kit.settings.maxFrameBytes)
        const largest = [frame(1, kit.settings.maxFrameBytes), frame(2, 1)]
        for (const { far, near } of directions(ends)) assertFrames(yield* carry(near, far, largest), largest)
      })
  },
  {
    name: "a frame one byte above maxFrameBytes closes the link as frameTooLarge, both ways",
    run: (kit) => assertRefused(kit, kit.settings.maxFrameBytes + 1)
  },
  {
    name: "an empty frame closes the link as frameTooLarge, both ways",
    run: (kit) => assertRefused(kit, 0)
  },
  {
    name: "a link closed as frameTooLarge leaves the others alone",
    run: (kit) =>
      Effect.gen(function* () {
        const { a, b, near, far } = yield* pair(kit)
        const second = yield* a.dial(b.address)
        const secondFar = yield* b.nextAccepted
        yield* near.send([[frame(0, kit.settings.maxFrameBytes + 1)]])
        yield* assertEnds(far, "frameTooLarge")
        yield* assertWorks({ near: second, far: secondFar })
      })
  },
  {
    name: "frames flow both ways at once",
    run: (kit) =>
      Effect.gen(function* () {
        const { far, near } = yield* pair(kit)
        const list = frames(2_000, 100)
        const [there, back] = yield* Effect.all([carry(near, far, list), carry(far, near, list)], { concurrency: 2 })
        assertFrames(there, list)
        assertFrames(back, list)
      })
  },
  {
    name: "frames arrive at an end that sends meanwhile, a few at a time",
    run: (kit) =>
      Effect.gen(function* () {
        const { far, near } = yield* pair(kit)
        const list = frames(30)
        const reading = yield* Effect.forkChild(receive(far, list.length), { startImmediately: true })
        const back = yield* Effect.forkChild(receive(near, list.length), { startImmediately: true })
        for (const one of list) {
          yield* near.send([[one]])
          yield* Effect.sleep(2)
          yield* far.send([[one]])
        }
        assertFrames(yield* Fiber.join(reading), list)
        assertFrames(yield* Fiber.join(back), list)
      })
  },
  {
    name: "the byte counters grow with what is moved, and agree",
    run: (kit) =>
      Effect.gen(function* () {
        const { far, near } = yield* pair(kit)
        const before = near.bytes.sent
        yield* carry(near, far, frames(10, 100))
        yield* settle
        assert.isAtLeast(near.bytes.sent - before, 1_000)
        assert.strictEqual(far.bytes.received, near.bytes.sent)
        const { sent } = near.bytes
        yield* carry(far, near, frames(10, 50))
        yield* settle
        assert.strictEqual(near.bytes.sent, sent)
        assert.isAtLeast(near.bytes.received, 500)
        assert.strictEqual(near.bytes.received, far.bytes.sent)
      })
  },
  {
    name: "an interrupted receive loses no frame",
    run: (kit) =>
      Effect.gen(function* () {
        const { far, near } = yield* pair(kit)
        const list = frames(30)
        const received: Array<Uint8Array> = []
        for (const [index, one] of list.entries()) {
          const waiting = yield* Effect.forkChild(far.receive, { startImmediately: true })
          // In turn: interrupted before the frame is sent, while it travels, and when it has arrived.
          if (index % 3 === 0) yield* Fiber.interrupt(waiting)
          yield* near.send([[one]])
          if (index % 3 === 2) yield* Effect.sleep(5)
          yield* Fiber.interrupt(waiting)
          const exit = yield* Fiber.await(waiting)
          if (Exit.isSuccess(exit)) received.push(...exit.value)
          if (received.length <= index) received.push(...(yield* receive(far, index + 1 - received.length)))
        }
        assertFrames(received, list)
      })
  }
]

export const frameCases: ReadonlyArray<Case<Kit>> = bothWays(cases)
