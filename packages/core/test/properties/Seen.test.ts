/** What has been seen, against a model that forgets nothing. */
import { assert, describe, it } from "@effect/vitest"
import { nextBelow, type Random, seeded } from "@hyparview/core/Random"
import { see, type Stream } from "../../src/Seen.ts"

/**
 * The model: a set of the numbers above the floor, and no order. The floor rises over what is contiguous; when more than
 * `windowSize` numbers stand above it, it rises to the lowest of them.
 */
class Model {
  private epoch = -1
  private floor = -1
  private seen = new Set<number>()
  private readonly windowSize: number

  constructor(windowSize: number) {
    this.windowSize = windowSize
  }

  isNew(epoch: number, sequence: number): boolean {
    if (epoch < this.epoch) return false
    if (epoch > this.epoch) {
      this.epoch = epoch
      this.floor = Math.max(-1, sequence - this.windowSize)
      this.seen = new Set()
    }
    if (sequence <= this.floor || this.seen.has(sequence)) return false
    this.seen.add(sequence)
    for (;;) {
      if (this.seen.delete(this.floor + 1)) this.floor++
      else if (this.seen.size > this.windowSize) this.floor = Math.min(...this.seen) - 1
      else return true
    }
  }
}

/** Numbers that mostly rise, now and then repeat, fall back or jump. */
const next = (random: Random, last: number): number => {
  switch (nextBelow(random, 8)) {
    case 0:
      return Math.max(0, last - nextBelow(random, 12))
    case 1:
      return last + nextBelow(random, 20)
    case 2:
      return nextBelow(random, last + 2)
    case 3:
      return last
    default:
      return last + 1
  }
}

describe("a stream of numbered messages", () => {
  it("tells new from seen exactly as a model does that keeps every number, and holds no more than its window", () => {
    for (let seed = 0; seed < 300; seed++) {
      const random = seeded(seed)
      const windowSize = 1 + nextBelow(random, 10)
      const model = new Model(windowSize)
      let stream: Stream | undefined
      let epoch = 0
      let last = nextBelow(random, 30)
      for (let count = 0; count < 120; count++) {
        if (nextBelow(random, 40) === 0) {
          epoch = Math.max(0, epoch + one(random))
          last = nextBelow(random, 10)
        }
        last = next(random, last)
        const before = JSON.stringify(stream)
        const after = see(stream, epoch, last, windowSize)
        // Told by hand: an assertion for each of them would take longer than all the rest.
        const asModel = (after !== undefined) === model.isNew(epoch, last)
        if (!asModel || JSON.stringify(stream) !== before || !isSound(after, windowSize)) {
          assert.fail(
            `seed ${seed}, window ${windowSize}: ${epoch}/${last} on ${before} gives ${JSON.stringify(after)}`
          )
        }
        stream = after ?? stream
      }
    }
  })

  it("delivers no number twice, whatever order they come in", () => {
    for (let seed = 0; seed < 200; seed++) {
      const random = seeded(seed)
      const delivered = new Set<number>()
      let stream: Stream | undefined
      for (let count = 0; count < 300; count++) {
        const sequence = nextBelow(random, 100)
        const after = see(stream, 1, sequence, 16)
        if (after === undefined) continue
        assert.isFalse(delivered.has(sequence))
        delivered.add(sequence)
        stream = after
      }
    }
  })

  it("loses none that is at most a window out of order", () => {
    for (let seed = 0; seed < 200; seed++) {
      const random = seeded(seed)
      // Each block of 8 is shuffled: nobody is more than 7 late.
      const order = Array.from({ length: 25 }, (_, block) =>
        Array.from({ length: 8 }, (_, i) => ({ sequence: 8 * block + i, at: nextBelow(random, 1_000_000) }))
          .sort((a, b) => a.at - b.at)
          .map(({ sequence }) => sequence)
      ).flat()
      let stream: Stream | undefined
      let count = 0
      for (const sequence of order) {
        const after = see(stream, 1, sequence, 8)
        if (after !== undefined) count++
        stream = after ?? stream
      }
      assert.strictEqual(count, order.length)
      assert.deepStrictEqual(stream, { epoch: 1, floor: order.length - 1, above: [] })
    }
  })

  it("of a later incarnation begins anew, and one of an earlier is over", () => {
    const first = see(undefined, 5, 0, 4)
    assert.deepStrictEqual(first, { epoch: 5, floor: 0, above: [] })
    assert.isUndefined(see(first, 4, 9, 4))
    assert.deepStrictEqual(see(first, 6, 9, 4), { epoch: 6, floor: 5, above: [9] })
  })
})

const one = (random: Random): number => (nextBelow(random, 3) === 0 ? -1 : 1)

/** Ascending, within the window, and not beginning with a number that would have raised the floor. */
const isSound = (stream: Stream | undefined, windowSize: number): boolean => {
  if (stream === undefined) return true
  const { above, floor } = stream
  const ascending = above.every((number, i) => number > (above[i - 1] ?? floor))
  return ascending && above.length <= windowSize && above[0] !== floor + 1
}
