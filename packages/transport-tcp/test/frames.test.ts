import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { FrameReader } from "../src/internal/frames.ts"
import { Outgoing } from "../src/internal/outgoing.ts"

const int = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** Sizes around what matters: single bytes, a read of 64 KiB, and what is passed on uncopied. */
const frameBytes = Schema.Union([int(1, 20), int(1, 2_000), int(8_000, 8_400), int(65_000, 140_000)])
const maxFrameBytes = 140_000

const fill = (bytes: number, seed: number): Uint8Array => {
  const filled = new Uint8Array(bytes)
  for (let at = 0; at < bytes; at++) filled[at] = at * 31 + seed * 7 + (at >> 8)
  return filled
}

const joined = (parts: ReadonlyArray<Uint8Array>): Buffer => Buffer.concat(parts)

const encode = (...batches: ReadonlyArray<ReadonlyArray<ReadonlyArray<Uint8Array>>>): Buffer => {
  const outgoing = new Outgoing()
  let bytes = 0
  for (const batch of batches) bytes += outgoing.add(batch)
  assert.strictEqual(outgoing.bytes, bytes)
  const wire = joined(outgoing.take())
  assert.strictEqual(wire.length, bytes)
  return wire
}

/** The bytes in pieces: the cuts give the sizes, over and over, and more for many bytes. */
const cut = (bytes: Uint8Array, cuts: ReadonlyArray<number>): ReadonlyArray<Uint8Array> => {
  const pieces: Array<Uint8Array> = []
  const more = bytes.length >> 12
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = (cuts[turn % cuts.length] ?? 1) + more
    pieces.push(bytes.slice(at, at + size))
    at += size
  }
  return pieces
}

const same = (actual: ReadonlyArray<Uint8Array>, expected: ReadonlyArray<Uint8Array>): void => {
  assert.strictEqual(actual.length, expected.length)
  assert.strictEqual(
    actual.findIndex((frame, index) => Buffer.compare(frame, expected[index] ?? new Uint8Array(0)) !== 0),
    -1
  )
}

describe("frames", () => {
  it.prop(
    "are the same after any split of their bytes, and an incomplete one takes no more memory than it may",
    {
      sizes: Schema.Array(frameBytes).check(Schema.isMinLength(1), Schema.isMaxLength(8)),
      cuts: Schema.Array(Schema.Union([int(1, 9), int(1, 1_500), int(60_000, 70_000)])).check(
        Schema.isMinLength(1),
        Schema.isMaxLength(6)
      )
    },
    ({ cuts, sizes }) => {
      const frames = sizes.map(fill)
      const reader = new FrameReader(maxFrameBytes)
      const received: Array<Uint8Array> = []
      let read = 0
      let worst = 0
      for (const piece of cut(encode(frames.map((frame) => [frame])), cuts)) {
        reader.read(piece, received)
        read += piece.length
        worst = Math.max(worst, reader.heldBytes / Math.min(maxFrameBytes, 2 * read))
      }
      assert.isAtMost(worst, 1)
      assert.isUndefined(reader.rejectedBytes)
      assert.isFalse(reader.midFrame)
      assert.strictEqual(reader.heldBytes, 0)
      same(received, frames)
    }
  )

  it.prop(
    "are the concatenation of their chunks, in whatever batches and sizes",
    {
      batches: Schema.Array(
        Schema.Array(
          Schema.Array(Schema.Union([int(0, 40), int(8_100, 8_300)])).check(
            Schema.isMinLength(1),
            Schema.isMaxLength(5)
          )
        ).check(Schema.isMinLength(0), Schema.isMaxLength(6))
      ).check(Schema.isMinLength(1), Schema.isMaxLength(5))
    },
    ({ batches }) => {
      const chunks = batches.map((batch) =>
        batch.map((sizes) => sizes.map((bytes, at) => fill(bytes + (at === 0 ? 1 : 0), at)))
      )
      const received: Array<Uint8Array> = []
      new FrameReader(maxFrameBytes).read(encode(...chunks), received)
      same(received, chunks.flat().map(joined))
    }
  )

  it("of links that share the memory of what they send do not mix", () => {
    const links = [new Outgoing(), new Outgoing(), new Outgoing()]
    const sent = links.map((): Array<Uint8Array> => [])
    for (let turn = 0; turn < 3_000; turn++) {
      const frame = fill(1 + ((turn * 37) % 300), turn)
      links[turn % 3]?.add([[frame]])
      sent[turn % 3]?.push(frame)
    }
    for (const [index, link] of links.entries()) {
      const received: Array<Uint8Array> = []
      new FrameReader(maxFrameBytes).read(joined(link.take()), received)
      same(received, sent[index] ?? [])
      assert.deepStrictEqual([link.bytes, link.frames, link.take()], [0, 0, []])
    }
  })

  it("that lie whole in a chunk are views on it, and plain Uint8Arrays", () => {
    const chunk = encode([[fill(100, 1)], [fill(50, 2)]])
    const received: Array<Uint8Array> = []
    new FrameReader(1_000).read(chunk, received)
    for (const frame of received) {
      assert.strictEqual(frame.buffer, chunk.buffer)
      assert.isFalse(Buffer.isBuffer(frame))
    }
  })

  it("that are large are passed on without a copy", () => {
    const payload = fill(20_000, 1)
    const outgoing = new Outgoing()
    outgoing.add([
      [fill(4, 1), payload],
      [fill(4, 2), payload]
    ])
    assert.strictEqual(outgoing.take().filter((piece) => piece === payload).length, 2)
  })

  it("that are only announced take no memory, and twice what has come of them at most", () => {
    const reader = new FrameReader(1024 * 1024 * 1024)
    reader.read(Uint8Array.of(0x40, 0, 0, 0), [])
    assert.strictEqual(reader.heldBytes, 0)
    assert.isTrue(reader.midFrame)
    for (let come = 1; come <= 1_000; come++) {
      reader.read(Uint8Array.of(1), [])
      assert.isAtMost(reader.heldBytes, 2 * come)
    }
  })

  for (const [announced, prefix] of [
    [0, [0, 0, 0, 0]],
    [101, [0, 0, 0, 101]],
    [2 ** 32 - 1, [255, 255, 255, 255]]
  ] as const) {
    it(`of ${announced} bytes are rejected, after those before them, wherever the length is cut`, () => {
      const wire = joined([encode([[fill(100, 1)]]), Uint8Array.from(prefix), fill(200, 2)])
      for (let size = 1; size < wire.length; size++) {
        const reader = new FrameReader(100)
        const received: Array<Uint8Array> = []
        for (const piece of cut(wire, [size])) reader.read(piece, received)
        same(received, [fill(100, 1)])
        assert.strictEqual(reader.rejectedBytes, announced)
        assert.strictEqual(reader.heldBytes, 0)
      }
    })
  }
})
