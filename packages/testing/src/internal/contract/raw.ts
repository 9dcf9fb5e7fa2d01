/** Bytes as they come: for transports whose wire can be reached from below. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Case, Host, RawEnd, RawKit } from "./kit.ts"
import {
  assertEnds,
  assertFrames,
  connect,
  frame,
  frames,
  host,
  receive,
  receiveAll,
  assertWorks,
  settle
} from "./kit.ts"

/** A raw far end, and the link that the transport makes of it. */
const rawPair = (kit: RawKit) =>
  Effect.gen(function* () {
    const a = yield* host(kit)
    const raw = yield* kit.raw.connect(a.transport)
    return { a, raw, link: yield* a.nextAccepted }
  })

const join = (parts: ReadonlyArray<Uint8Array>): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => Array.from(part)))

const encoded = (kit: RawKit, list: ReadonlyArray<Uint8Array>): Uint8Array =>
  join(list.map((one) => kit.raw.encode(one, one.length)))

const assertAlive = (kit: RawKit, a: Host) =>
  Effect.gen(function* () {
    yield* assertWorks(yield* connect(yield* host(kit), a))
  })

/** A whole frame, then half of one, then the given end: the half never shows. */
const cut = (kit: RawKit, end: (raw: RawEnd) => RawEnd["end"]) =>
  Effect.gen(function* () {
    const { a, link, raw } = yield* rawPair(kit)
    const bytes = encoded(kit, [frame(1, 100), frame(2, 1_000)])
    yield* raw.write(bytes.subarray(0, bytes.length - 500))
    yield* settle
    yield* end(raw)
    const { end: why, received } = yield* receiveAll(link)
    assert.strictEqual(why.reason, "reset")
    assertFrames(received, [frame(1, 100)].slice(0, received.length))
    yield* assertEnds(link, "reset")
    yield* assertAlive(kit, a)
  })

export const rawCases: ReadonlyArray<Case<RawKit>> = [
  {
    name: "a frame that arrives byte by byte is one frame",
    run: (kit) =>
      Effect.gen(function* () {
        const { link, raw } = yield* rawPair(kit)
        const list = [frame(1, 1), frame(2, 9), frame(3, 3)]
        for (const byte of encoded(kit, list)) yield* raw.write(new Uint8Array([byte]))
        assertFrames(yield* receive(link, 3), list)
      })
  },
  {
    name: "frames that arrive in one piece, cut anywhere, are the same frames",
    run: (kit) =>
      Effect.gen(function* () {
        const { link, raw } = yield* rawPair(kit)
        const list = [...frames(20, 50), frame(99, 40_000), ...frames(20, 7)]
        const bytes = encoded(kit, list)
        for (let at = 0, step = 1; at < bytes.length; at += step, step = step * 2 + 3) {
          yield* raw.write(bytes.subarray(at, at + step))
        }
        assertFrames(yield* receive(link, list.length), list)
      })
  },
  {
    name: "a connection that ends in the middle of a frame gives reset, and no part of the frame",
    run: (kit) => cut(kit, (raw) => raw.end)
  },
  {
    name: "a connection that is reset in the middle of a frame gives reset, and no part of the frame",
    run: (kit) => cut(kit, (raw) => raw.reset)
  },
  {
    name: "an announced length above the limit closes the link before the frame arrives",
    run: (kit) =>
      Effect.gen(function* () {
        const { a, link, raw } = yield* rawPair(kit)
        const bytes = kit.raw.encode(frame(1, 100), kit.settings.maxFrameBytes + 1)
        yield* raw.write(bytes.subarray(0, bytes.length - 90))
        yield* assertEnds(link, "frameTooLarge")
        yield* assertAlive(kit, a)
      })
  },
  {
    name: "an announced length of 0 closes the link",
    run: (kit) =>
      Effect.gen(function* () {
        const { a, link, raw } = yield* rawPair(kit)
        yield* raw.write(kit.raw.encode(new Uint8Array(0), 0))
        yield* assertEnds(link, "frameTooLarge")
        yield* assertAlive(kit, a)
      })
  },
  {
    name: "an accepted link without a first frame ends as handshakeTimeout, half a frame or none",
    settings: { handshakeTimeoutMillis: 300 },
    run: (kit) =>
      Effect.gen(function* () {
        const mute = yield* rawPair(kit)
        const halting = yield* rawPair(kit)
        yield* halting.raw.write(encoded(kit, [frame(1, 100)]).subarray(0, 50))
        yield* assertEnds(mute.link, "handshakeTimeout")
        yield* assertEnds(halting.link, "handshakeTimeout")
      })
  },
  {
    name: "an accepted link with a first frame may be silent after it for longer",
    settings: { handshakeTimeoutMillis: 300 },
    run: (kit) =>
      Effect.gen(function* () {
        const { link, raw } = yield* rawPair(kit)
        yield* raw.write(encoded(kit, [frame(1)]))
        assertFrames(yield* receive(link, 1), [frame(1)])
        yield* Effect.sleep(500)
        yield* raw.write(encoded(kit, [frame(2)]))
        assertFrames(yield* receive(link, 1), [frame(2)])
      })
  }
]
