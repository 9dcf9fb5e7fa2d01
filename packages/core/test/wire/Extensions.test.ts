import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Wire from "@hyparview/core/Wire"
import { controlFrameOf, extensionsAt, frames } from "./examples.ts"

/** The examples that have no extension of their own. */
const plain = frames.filter(
  ({ value }) => !(value._tag === "Hello" && (value.knownAddress ?? value.settings) !== undefined)
)

/** The example with another extension area. */
const extended = (example: (typeof frames)[number], area: ReadonlyArray<number>): Uint8Array => {
  const at = extensionsAt(example)
  assert.strictEqual(example.frame[at], 0)
  return Uint8Array.from([...example.frame.subarray(0, at), ...area, ...example.frame.subarray(at + 1)])
}

const error = (example: (typeof frames)[number], area: ReadonlyArray<number>) => {
  const { field, offset, reason } = Result.getOrThrow(Result.flip(example.read(extended(example, area))))
  return { reason, field: field.slice(field.indexOf(".") + 1), offset: offset - extensionsAt(example) }
}

describe("extensions of a newer writer", () => {
  for (const example of plain) {
    const { name, read, value } = example
    it(`are skipped behind ${name}`, () => {
      // Two of them: tag 4 with three bytes, tag 200 with none.
      const frame = extended(example, [2, 4, 3, 0xff, 0x00, 0x80, 0xc8, 0x01, 0])
      assert.deepStrictEqual(Result.getOrThrow(read(frame)), value)
      // As many, and as long, as they may be.
      const many = Array.from({ length: 64 }, (_, tag) => [4 + tag, 0xac, 0x02, ...new Uint8Array(300).fill(tag)])
      assert.deepStrictEqual(Result.getOrThrow(read(extended(example, [64, ...many.flat()]))), value)
    })
  }

  for (const example of plain.filter(({ name }) => ["Hello", "Shuffle", "Bye, cluster"].includes(name))) {
    it(`are refused behind ${example.name} when they are not in order, too many or cut short`, () => {
      assert.deepStrictEqual(error(example, [2, 5, 0, 5, 0]), {
        reason: "nonCanonical",
        field: "extensions[1].tag",
        offset: 3
      })
      assert.deepStrictEqual(error(example, [2, 5, 0, 4, 0]), {
        reason: "nonCanonical",
        field: "extensions[1].tag",
        offset: 3
      })
      assert.deepStrictEqual(error(example, [65]), { reason: "range", field: "extensions", offset: 0 })
      assert.deepStrictEqual(error(example, [1, 5, 4, 0, 0, 0]), {
        reason: "truncated",
        field: "extensions[0].bytes",
        offset: 6
      })
      assert.deepStrictEqual(error(example, [1, 5, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]), {
        reason: "truncated",
        field: "extensions[0].bytes",
        offset: 10
      })
      assert.deepStrictEqual(error(example, [1]), { reason: "truncated", field: "extensions[0].tag", offset: 1 })
      assert.deepStrictEqual(error(example, [1, 5, 0, 0]), { reason: "trailing", field: "end", offset: 3 })
    })
  }
})

describe("the extensions of a Hello", () => {
  const example = plain.find(({ name }) => name === "Hello")
  if (example === undefined || example.value._tag !== "Hello") throw new Error("there is no Hello")
  const { read, value } = example
  const b1 = [0x62, 0x3a, 0x31]

  it("says where the known incarnation is: one more tag, length and text behind what there was", () => {
    const frame = extended(example, [1, 1, 3, ...b1])
    const hello: Wire.Hello = { ...value, knownAddress: "b:1" }
    assert.deepStrictEqual(Result.getOrThrow(read(frame)), hello)
    assert.deepStrictEqual(controlFrameOf(hello), frame)
  })

  it("say how the sender is set up, alone or beside where the known incarnation is and who is meant", () => {
    const alone = extended(example, [1, 2, 2, 0x7b, 0x7d])
    const settings: Wire.Hello = { ...value, settings: "{}" }
    assert.deepStrictEqual(Result.getOrThrow(read(alone)), settings)
    assert.deepStrictEqual(controlFrameOf(settings), alone)
    const all = extended(example, [3, 1, 3, ...b1, 2, 2, 0x7b, 0x7d, 3, 1, 0x62])
    const hello: Wire.Hello = { ...value, knownAddress: "b:1", settings: "{}", to: "b" }
    assert.deepStrictEqual(Result.getOrThrow(read(all)), hello)
    assert.deepStrictEqual(controlFrameOf(hello), all)
  })

  it("are found among those of a newer writer, before and behind them", () => {
    const frame = extended(example, [3, 0, 2, 0xff, 0xfe, 1, 3, ...b1, 0xc8, 0x01, 1, 0x80])
    assert.deepStrictEqual(Result.getOrThrow(read(frame)), { ...value, knownAddress: "b:1" })
  })

  it("hold a text of up to 255 bytes, also the empty one, in whatever script", () => {
    for (const text of ["", "x".repeat(127), "x".repeat(128), "x".repeat(255), "€".repeat(85), "\uFEFF😀"]) {
      const hello: Wire.Hello = { ...value, knownAddress: text, settings: text, to: text }
      assert.deepStrictEqual(Result.getOrThrow(read(controlFrameOf(hello))), hello)
    }
  })

  it("are refused when one is cut short, twice there, too long, or no text", () => {
    const field = "extensions[0].knownAddress"
    assert.deepStrictEqual(error(example, [1, 1, 4, ...b1]), {
      reason: "truncated",
      field: "extensions[0].bytes",
      offset: 6
    })
    assert.deepStrictEqual(error(example, [2, 1, 3, ...b1, 1, 3, ...b1]), {
      reason: "nonCanonical",
      field: "extensions[1].tag",
      offset: 6
    })
    assert.deepStrictEqual(error(example, [1, 1, 0x80, 0x02, ...new Uint8Array(256).fill(0x61)]), {
      reason: "range",
      field,
      offset: 2
    })
    assert.deepStrictEqual(error(example, [1, 1, 2, 0x61, 0x80]), { reason: "utf8", field, offset: 4 })
    // Its length ends it, not the frame: half a character is no text, whatever follows.
    assert.deepStrictEqual(error(example, [2, 1, 2, 0xe2, 0x82, 2, 1, 0xac]), { reason: "utf8", field, offset: 3 })
  })

  it("are not written when no frame can hold them, and leave the next frame as it was", () => {
    const reasonFor = (knownAddress: string) =>
      Result.getOrThrow(Result.flip(Wire.encodeHello({ ...value, knownAddress }))).reason
    assert.deepStrictEqual([reasonFor("x".repeat(256)), reasonFor("\uD800")], ["range", "utf8"])
    assert.deepStrictEqual(controlFrameOf(value), example.frame)
  })

  it("mean nothing to other frames", () => {
    for (const { frame, name, read, value } of plain.filter(({ value }) => value._tag === "Bye")) {
      const area = Uint8Array.from([...frame.subarray(0, -1), 1, 1, 2, 0xff, 0xfe])
      assert.deepStrictEqual(Result.getOrThrow(read(area)), value, name)
    }
  })
})
