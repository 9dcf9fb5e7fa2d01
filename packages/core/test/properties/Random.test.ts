/** The generator: the same numbers everywhere and for ever, and no face of the dice more likely than another. */
import { assert, describe, it } from "@effect/vitest"
import { jittered, nextBelow, nextBits, type Random, seeded, seededFor } from "@hyparview/core/Random"

const draw = <A>(count: number, next: () => A): Array<A> => Array.from({ length: count }, next)

/**
 * Pearson's χ² of counts against equal chances, as a distance from what is expected in standard deviations (for many
 * degrees of freedom χ² is nearly normal: mean f, variance 2·f). The seeds are fixed, so 4 is never exceeded by chance.
 */
const deviation = (counts: ReadonlyArray<number>): number => {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length
  const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
  const freedom = counts.length - 1
  return (chiSquare - freedom) / Math.sqrt(2 * freedom)
}

const tally = (size: number, values: Iterable<number>): ReadonlyArray<number> => {
  const counts: Array<number> = Array.from({ length: size }, () => 0)
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1
  return counts
}

const evenly = (counts: ReadonlyArray<number>) => assert.isBelow(Math.abs(deviation(counts)), 4)

describe("the same seed gives the same numbers", () => {
  // Frozen: a run of the simulator is its seed, and so is a test that failed a year ago.
  const fixtures: ReadonlyArray<readonly [seed: number, first: ReadonlyArray<number>]> = [
    [0, [-440458562, -61862470, -2066824974, 1366149045]],
    [1, [-551105818, -990446464, -1565037690, -1695625149]],
    [42, [-320994291, 1741809085, 136002920, -510202596]],
    [-1, [2134168475, -1345935001, 159874873, 963204132]],
    [4294967296, [-1186626122, -213954368, 323866602, 1782625754]],
    [9007199254740991, [1336537693, -460227257, -209476410, -1636160866]]
  ]

  for (const [seed, first] of fixtures) {
    it(`seed ${seed}`, () => {
      const random = seeded(seed)
      assert.deepStrictEqual(
        draw(first.length, () => nextBits(random)),
        first
      )
    })
  }

  it("for each of the users of one seed", () => {
    const words = [0, 1, 2, 999_999].map((index) => nextBits(seededFor(7, index)))
    assert.deepStrictEqual(words, [1646021053, -921697325, 823025069, 1360041481])
  })

  it("from a copied state on, too", () => {
    const random = seeded(5)
    draw(10, () => nextBits(random))
    const copy: Random = { ...random }
    assert.deepStrictEqual(
      draw(100, () => nextBits(copy)),
      draw(100, () => nextBits(random))
    )
  })

  it("and other numbers than any seed beside it, or any other user of it", () => {
    const name = ({ random0, random1 }: Random) => `${random0} ${random1}`
    const many = 100_000
    assert.strictEqual(new Set(Array.from({ length: many }, (_, seed) => name(seeded(seed)))).size, many)
    assert.strictEqual(new Set(Array.from({ length: many }, (_, index) => name(seededFor(1, index)))).size, many)
    assert.strictEqual(new Set(Array.from({ length: many }, (_, seed) => name(seededFor(seed, 1)))).size, many)
  })

  it("keeps both words whole and 32 bits wide, and never both 0", () => {
    const random = seeded(0)
    for (let i = 0; i < 10_000; i++) {
      nextBits(random)
      assert.isTrue(random.random0 === (random.random0 | 0) && random.random1 === (random.random1 | 0))
      assert.isFalse(random.random0 === 0 && random.random1 === 0)
    }
    for (const seed of [0, -0, -1, 0.5, 2 ** 32, 2 ** 53, -(2 ** 53), 1e300]) {
      const { random0, random1 } = seeded(seed)
      assert.isTrue(Number.isInteger(random0) && Number.isInteger(random1) && (random0 !== 0 || random1 !== 0))
    }
  })
})

describe("the numbers are spread evenly", () => {
  for (const bound of [2, 3, 5, 6, 7, 30, 100, 1_000]) {
    it(`below ${bound}`, () => {
      const random = seeded(bound)
      evenly(
        tally(
          bound,
          draw(200_000, () => nextBelow(random, bound))
        )
      )
    })
  }

  it("in each of their 32 bits", () => {
    const random = seeded(11)
    const ones: Array<number> = Array.from({ length: 32 }, () => 0)
    for (let i = 0; i < 100_000; i++) {
      const word = nextBits(random)
      for (let bit = 0; bit < 32; bit++) ones[bit] = (ones[bit] ?? 0) + ((word >>> bit) & 1)
    }
    // A fair coin: the standard deviation of 100,000 throws is 158.
    for (const count of ones) assert.isBelow(Math.abs(count - 50_000), 4 * 158)
  })

  it("in pairs: one number says nothing of the next", () => {
    const random = seeded(12)
    evenly(
      tally(
        256,
        draw(200_000, () => nextBelow(random, 16) * 16 + nextBelow(random, 16))
      )
    )
  })

  it("over the first numbers of neighbouring seeds and of the users of one seed", () => {
    evenly(
      tally(
        10,
        Array.from({ length: 100_000 }, (_, seed) => nextBelow(seeded(seed), 10))
      )
    )
    evenly(
      tally(
        10,
        Array.from({ length: 100_000 }, (_, index) => nextBelow(seededFor(3, index), 10))
      )
    )
  })
})

describe("a bound", () => {
  it("is never reached, and 0 often", () => {
    const random = seeded(13)
    for (const bound of [1, 2, 3, 1_000, 2 ** 31, 2 ** 32, 2_671_920_000_000, Number.MAX_SAFE_INTEGER]) {
      for (let i = 0; i < 1_000; i++) {
        const value = nextBelow(random, bound)
        assert.isTrue(Number.isInteger(value) && value >= 0 && value < bound)
      }
    }
    assert.strictEqual(nextBelow(random, 1), 0)
    assert.strictEqual(nextBelow(random, 0), 0)
  })
})

describe("a chance", () => {
  it("is what it should be where it is one in more than 2³² too", () => {
    // A contact is sounded out with the longest period by the most peers that can be known.
    const random = seeded(15)
    const bound = 2_592_000_000 * 1_031
    const hits = draw(100_000, () => nextBelow(random, bound)).filter((value) => value < bound / 4).length
    // The standard deviation is 137.
    assert.isBelow(Math.abs(hits - 25_000), 4 * 137)
  })
})

describe("jitter", () => {
  it("stays within its share on both sides, reaches both ends, and is whole", () => {
    const random = seeded(14)
    const values = draw(100_000, () => jittered(random, 20, 0.5))
    assert.deepStrictEqual([Math.min(...new Set(values)), Math.max(...new Set(values))], [10, 30])
    assert.isTrue(values.every(Number.isInteger))
    evenly(
      tally(
        21,
        values.map((value) => value - 10)
      )
    )
  })

  it("of nothing is the value itself, and draws no number", () => {
    const random = seeded(15)
    const before = { ...random }
    assert.deepStrictEqual([jittered(random, 100, 0), jittered(random, 1, 0.5)], [100, 1])
    assert.deepStrictEqual(random, before)
  })
})
