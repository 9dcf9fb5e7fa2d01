import { Random } from "@hyparview/core"
import { assert, describe, it } from "@effect/vitest"
import { EventQueue } from "@hyparview/simulator/EventQueue"

interface Expected {
  readonly time: number
  readonly order: number
}

/** The oracle: an array kept sorted by time, and among equal times by arrival. */
class SortedArray {
  private readonly events: Array<Expected> = []
  private order = 0

  push(time: number): number {
    const order = this.order++
    let at = this.events.length
    while (at > 0 && (this.events[at - 1]?.time ?? 0) > time) at--
    this.events.splice(at, 0, { time, order })
    return order
  }

  next(limit: number): Expected | undefined {
    const first = this.events[0]
    return first !== undefined && first.time <= limit ? this.events.shift() : undefined
  }
}

/** How far ahead an event is put: equal times, every level of the wheel, and the ends of its digits. */
const ahead = (random: Random.Random): number => {
  switch (Random.nextBelow(random, 8)) {
    case 0:
      return 0
    case 1:
      return 1_000
    case 2:
      return Random.nextBelow(random, 4)
    case 3:
      return Random.nextBelow(random, 2 ** 14)
    case 4:
      return 2 ** 14 * Random.nextBelow(random, 5) - (Random.nextBelow(random, 2) === 0 ? 0 : 1)
    case 5:
      return Random.nextBelow(random, 2 ** 28)
    case 6:
      return 2 ** 28 * Random.nextBelow(random, 40)
    default:
      return 2 ** 16 * Random.nextBelow(random, 2 ** 32)
  }
}

describe("EventQueue", () => {
  it("gives what a sorted array gives, whatever is put in between, to the last event", () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = Random.seeded(seed)
      const queue = new EventQueue<string>(1)
      const oracle = new SortedArray()
      for (let round = 0; round < 400; round++) {
        for (let i = Random.nextBelow(random, 8); i > 0; i--) {
          const time = Math.max(queue.now, queue.now + ahead(random))
          const order = oracle.push(time)
          queue.push(time, order % 7, order, -order - 1, order * 3, 7, `event ${order}`)
        }
        const limit = queue.now + ahead(random)
        for (let i = Random.nextBelow(random, 8); i > 0; i--) {
          const expected = oracle.next(limit)
          assert.strictEqual(queue.next(limit), expected !== undefined, `seed ${seed}, round ${round}`)
          if (expected === undefined) break
          const { order, time } = expected
          assert.deepStrictEqual(
            [queue.now, queue.kind, queue.target, queue.second, queue.third, queue.fourth, queue.reference],
            [time, order % 7, order, -order - 1, order * 3, 7, `event ${order}`],
            `seed ${seed}, round ${round}`
          )
        }
      }
      for (let left = queue.size; left > 0; left--) {
        assert.isTrue(queue.next(Number.MAX_SAFE_INTEGER))
        assert.strictEqual(queue.target, oracle.next(Number.MAX_SAFE_INTEGER)?.order)
      }
      assert.strictEqual(queue.size, 0)
      assert.isFalse(queue.next(Number.MAX_SAFE_INTEGER))
    }
  })

  it("keeps the order of arrival among equal times when they arrive on different levels of the wheel", () => {
    const queue = new EventQueue<never>()
    const time = 3 * 2 ** 28 + 5 * 2 ** 14 + 9
    queue.push(time, 0, 1, 0, 0, 0, undefined)
    queue.push(2 ** 28 * 3, 0, 0, 0, 0, 0, undefined)
    assert.isTrue(queue.next(time))
    queue.push(time, 0, 2, 0, 0, 0, undefined)
    queue.push(time - 20, 0, 0, 0, 0, 0, undefined)
    assert.isTrue(queue.next(time))
    queue.push(time, 0, 3, 0, 0, 0, undefined)
    const order: Array<number> = []
    while (queue.next(time)) order.push(queue.target)
    assert.deepStrictEqual(order, [1, 2, 3])
  })

  it("reaches a limit without an event, and still takes events between the limit and the next event", () => {
    const queue = new EventQueue<never>()
    queue.push(60_000_000, 0, 1, 0, 0, 0, undefined)
    assert.isFalse(queue.next(10_000_000))
    assert.strictEqual(queue.now, 10_000_000)
    queue.push(10_000_001, 0, 2, 0, 0, 0, undefined)
    assert.isTrue(queue.next(100_000_000))
    assert.deepStrictEqual([queue.now, queue.target], [10_000_001, 2])
  })

  it("refuses an event in the past, one without a time, and a kind that there is not", () => {
    const queue = new EventQueue<never>()
    queue.push(7, 0, 0, 0, 0, 0, undefined)
    queue.next(7)
    for (const time of [6, -1, 7.5, Number.NaN, 2 ** 53]) {
      assert.throws(() => queue.push(time, 0, 0, 0, 0, 0, undefined), RangeError)
    }
    for (const kind of [-1, 256, 0.5, Number.NaN]) {
      assert.throws(() => queue.push(8, kind, 0, 0, 0, 0, undefined), RangeError)
    }
    assert.strictEqual(queue.size, 0)
  })

  it("reuses rows: what passes through does not grow it", () => {
    const queue = new EventQueue<object>(4)
    for (let i = 0; i < 10_000; i++) {
      queue.push(i * 1_000, 0, i, 0, 0, 0, {})
      assert.isTrue(queue.next(Number.MAX_SAFE_INTEGER))
    }
    const { rows } = queue as unknown as { readonly rows: Int32Array }
    assert.strictEqual(rows.length, 4 * 8)
  })

  it("counts the pending events of each kind, in a fork too", () => {
    const queue = new EventQueue<never>()
    for (const kind of [0, 3, 3, 255]) queue.push(10, kind, 0, 0, 0, 0, undefined)
    const counts = (of: EventQueue<never>) => [0, 1, 3, 255].map((kind) => of.pendingOf(kind))
    assert.deepStrictEqual(counts(queue), [1, 0, 2, 1])
    queue.next(10)
    queue.next(10)
    const fork = queue.fork()
    assert.deepStrictEqual(counts(queue), [0, 0, 1, 1])
    fork.next(10)
    fork.push(20, 3, 0, 0, 0, 0, undefined)
    fork.push(30, 1, 0, 0, 0, 0, undefined)
    assert.deepStrictEqual(counts(fork), [0, 1, 1, 1])
    assert.deepStrictEqual(counts(queue), [0, 0, 1, 1])
  })

  it("says whose events are next, in order, and changes nothing by it", () => {
    const queue = new EventQueue<never>()
    for (const [time, target] of [
      [30, 3],
      [10, 1],
      [30, 4],
      [20, 2],
      [60_000_000, 9]
    ] as const) {
      queue.push(time, 0, target, 0, 0, 0, undefined)
    }
    const targets = new Int32Array(8)
    assert.strictEqual(queue.upcoming(targets), 4)
    assert.deepStrictEqual([...targets.subarray(0, 4)], [1, 2, 3, 4])
    assert.strictEqual(queue.upcoming(new Int32Array(2)), 2)
    const taken: Array<number> = []
    while (queue.next(Number.MAX_SAFE_INTEGER)) taken.push(queue.target)
    assert.deepStrictEqual(taken, [1, 2, 3, 4, 9])
    assert.strictEqual(queue.upcoming(targets), 0)
  })
})
