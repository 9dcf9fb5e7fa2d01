import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { extensionsAt, frames } from "./examples.ts"

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
  for (const example of frames) {
    const { name, read, value } = example
    it(`are skipped behind ${name}`, () => {
      // Two of them: tag 1 with three bytes, tag 200 with none.
      const frame = extended(example, [2, 1, 3, 0xff, 0x00, 0x80, 0xc8, 0x01, 0])
      assert.deepStrictEqual(Result.getOrThrow(read(frame)), value)
      // As many, and as long, as they may be.
      const many = Array.from({ length: 64 }, (_, tag) => [tag, 0xac, 0x02, ...new Uint8Array(300).fill(tag)])
      assert.deepStrictEqual(Result.getOrThrow(read(extended(example, [64, ...many.flat()]))), value)
    })
  }

  for (const example of frames.filter(({ name }) => ["Hello", "Shuffle", "Bye, cluster"].includes(name))) {
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
