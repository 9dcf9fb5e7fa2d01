import { assert, describe, it } from "@effect/vitest"
import { TraceHash } from "@hyparview/simulator/TraceHash"

const hashOf = (words: ReadonlyArray<number>): string => {
  const hash = new TraceHash()
  for (const word of words) hash.word(word)
  return hash.value()
}

const trace = Array.from({ length: 50 }, (_, i) => Math.imul(i, 0x2545f491))

const differingBits = (a: string, b: string): number => {
  let bits = BigInt(`0x${a}`) ^ BigInt(`0x${b}`)
  let count = 0
  for (; bits > 0n; bits >>= 1n) count += Number(bits & 1n)
  return count
}

describe("TraceHash", () => {
  it("has the same value on every machine", () => {
    assert.strictEqual(hashOf([]), "e0d473f7b59a7354")
    assert.strictEqual(hashOf([1, 2, 3]), "87a8769678a3706e")
    assert.strictEqual(hashOf(trace), "c2971cc7597a679f")
  })

  it("changes about half of its bits when one bit of the trace changes", () => {
    const whole = hashOf(trace)
    let changed = 0
    let fewest = 64
    for (let index = 0; index < trace.length; index++) {
      for (let bit = 0; bit < 32; bit++) {
        const bits = differingBits(whole, hashOf(trace.with(index, (trace[index] ?? 0) ^ (1 << bit))))
        changed += bits
        fewest = Math.min(fewest, bits)
      }
    }
    assert.approximately(changed / (trace.length * 32), 32, 0.5)
    assert.isAtLeast(fewest, 10)
  })

  it("tells 200,000 small traces apart, their order, and how often a word came", () => {
    const seen = new Set<string>()
    for (let a = 0; a < 400; a++) for (let b = 0; b < 500; b++) seen.add(hashOf([a, b]))
    assert.strictEqual(seen.size, 200_000)
    assert.notStrictEqual(hashOf([1, 2]), hashOf([2, 1]))
    assert.notStrictEqual(hashOf([0]), hashOf([0, 0]))
  })

  it("takes in whole numbers above 32 bits", () => {
    const values = [0, 1, 2 ** 31, 2 ** 32, 2 ** 32 + 1, 2 ** 53 - 1].map((value) => {
      const hash = new TraceHash()
      hash.whole(value)
      return hash.value()
    })
    assert.strictEqual(new Set(values).size, values.length)
  })
})
