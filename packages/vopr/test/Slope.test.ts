/** What grows and what only wobbles. */
import { assert, describe, it } from "@effect/vitest"
import { Random } from "@hyparview/core"
import { findingOf, type Sample, slopeOf } from "../src/Slope.ts"

const minute = 60_000

/** An hour of samples, one in 15 seconds. */
const hour = (value: (minutes: number) => number): ReadonlyArray<Sample> =>
  Array.from({ length: 240 }, (_, index) => ({ atMillis: (index * minute) / 4, value: value(index / 4) }))

/** Around 0, at most 1, never the same. */
const noise = (seed: number) => {
  const random = Random.seeded(seed)
  return () => (Random.nextBelow(random, 2_001) - 1_000) / 1_000
}

describe("a slope", () => {
  it("of a line is the line's, and sure", () => {
    const slope = slopeOf(hour((minutes) => 100 + minutes / 2))
    assert.isDefined(slope)
    if (slope === undefined) return
    for (const value of [slope.perHour, slope.low, slope.high]) assert.approximately(value, 30, 1e-6)
    assert.approximately(slope.mean, 114.9, 0.1)
  })

  it("of noise is within its interval of none, for nineteen seeds in twenty or so", () => {
    let outside = 0
    for (let seed = 1; seed <= 200; seed++) {
      const next = noise(seed)
      const slope = slopeOf(hour(() => 100 + next()))
      if (slope !== undefined && (slope.low > 0 || slope.high < 0)) outside++
    }
    assert.isAtLeast(outside, 2)
    assert.isAtMost(outside, 20)
  })

  it("of samples that repeat each other is no surer than it ought to be", () => {
    // A walk that returns: what a heap does between two collections of its old generation.
    let outside = 0
    for (let seed = 1; seed <= 200; seed++) {
      const next = noise(seed)
      let level = 0
      const slope = slopeOf(
        hour(() => {
          level = 0.9 * level + next()
          return 100 + level
        })
      )
      if (slope !== undefined && (slope.low > 0 || slope.high < 0)) outside++
    }
    assert.isAtMost(outside, 30)
  })

  it("of less than three samples is none", () => {
    assert.isUndefined(slopeOf([]))
    assert.isUndefined(slopeOf(hour(() => 1).slice(0, 2)))
    assert.isDefined(slopeOf(hour(() => 1).slice(0, 3)))
  })
})

describe("a finding", () => {
  const finding = (perMinute: number, amplitude: number) => {
    const next = noise(3)
    const slope = slopeOf(hour((minutes) => 100 + perMinute * minutes + amplitude * next()))
    return slope === undefined ? undefined : findingOf(slope, 5)
  }

  it("is flat where the growth is surely within the bound", () => {
    assert.strictEqual(finding(0, 1), "flat")
    assert.strictEqual(finding(-1, 1), "flat")
    assert.strictEqual(finding(0.03, 1), "flat")
  })

  it("is that it grows where it surely does, and by more", () => {
    assert.strictEqual(finding(0.2, 1), "grows")
    assert.strictEqual(finding(2, 10), "grows")
  })

  it("is open where the noise hides it", () => {
    assert.strictEqual(finding(0, 100), "undecided")
  })
})
