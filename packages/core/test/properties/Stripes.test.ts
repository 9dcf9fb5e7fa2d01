import { assert, describe, it } from "@effect/vitest"
import { nextBelow, seeded } from "@hyparview/core/Random"
import * as Stripes from "@hyparview/core/Stripes"
import * as Result from "effect/Result"

const random = seeded(7)
const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => nextBelow(random, 256))

const reasonOf = (result: Result.Result<unknown, Stripes.StripesError>): string =>
  Result.match(result, { onFailure: ({ reason }) => reason, onSuccess: () => "none" })

describe("stripes", () => {
  it("any parts but one are the message, whichever is missing, of any length", () => {
    for (let count = 2; count <= 16; count++) {
      for (const length of [0, 1, 2, 3, 4, 5, count, 64, 999, 1_000, 1_001, nextBelow(random, 5_000)]) {
        const message = bytes(length)
        const parts = Result.getOrThrow(Stripes.split(message, count))
        assert.strictEqual(parts.length, count)
        assert.deepStrictEqual(Result.getOrThrow(Stripes.join(parts)), message)
        for (let lost = 0; lost < count; lost++) {
          const rest = parts.map((part, index) => (index === lost ? undefined : part))
          assert.deepStrictEqual(
            Result.getOrThrow(Stripes.join(rest)),
            message,
            `${count} parts of ${length}, ${lost} lost`
          )
        }
      }
    }
  })

  it("are of one length, and a quarter longer than the message where there are five", () => {
    const parts = Result.getOrThrow(Stripes.split(bytes(10_000), 5))
    assert.deepStrictEqual(new Set(parts.map(({ length }) => length)), new Set([2_501]))
  })

  it("two missing, parts of several messages, or what never was one, are typed errors", () => {
    const parts = Result.getOrThrow(Stripes.split(bytes(100), 5))
    const without = (...lost: ReadonlyArray<number>) =>
      parts.map((part, index) => (lost.includes(index) ? undefined : part))
    assert.strictEqual(reasonOf(Stripes.join(without(0, 4))), "missing")
    assert.strictEqual(reasonOf(Stripes.join(without(0, 1, 2, 3, 4))), "missing")
    assert.strictEqual(reasonOf(Stripes.join([])), "count")
    assert.strictEqual(reasonOf(Stripes.join(Array.from({ length: 17 }, () => bytes(3)))), "count")
    assert.strictEqual(reasonOf(Stripes.join(parts.with(2, bytes(7)))), "length")
    assert.strictEqual(reasonOf(Stripes.join(parts.with(0, new Uint8Array(26).fill(255)))), "damaged")
    assert.strictEqual(reasonOf(Stripes.join([new Uint8Array(0), new Uint8Array(0)])), "damaged")
    for (const count of [0, 1, 17, 2.5, Number.NaN])
      assert.strictEqual(reasonOf(Stripes.split(bytes(3), count)), "count")
  })
})
