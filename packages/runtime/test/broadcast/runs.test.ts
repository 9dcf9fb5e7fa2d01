import { assert, describe, it } from "@effect/vitest"
import { atMost, fromOn, outside, withRun } from "../../src/internal/runs.ts"

describe("runs", () => {
  it("grow by what touches them, swallow what lies within, and stay ascending", () => {
    const runs = [2, 3, 7, 8, 12, 12]
    assert.deepStrictEqual(withRun([], 4, 5), [4, 5])
    assert.deepStrictEqual(withRun(runs, 0, 0), [0, 0, ...runs])
    assert.deepStrictEqual(withRun(runs, 0, 1), [0, 3, 7, 8, 12, 12])
    assert.deepStrictEqual(withRun(runs, 4, 6), [2, 8, 12, 12])
    assert.deepStrictEqual(withRun(runs, 5, 20), [2, 3, 5, 20])
    assert.deepStrictEqual(withRun(runs, 10, 10), [2, 3, 7, 8, 10, 10, 12, 12])
    assert.deepStrictEqual(withRun(runs, 7, 7), runs)
    assert.deepStrictEqual(withRun(runs, 14, 15), [...runs, 14, 15])
  })

  it("leave out of a span what lies in them", () => {
    const runs = [2, 3, 7, 8]
    assert.deepStrictEqual(outside(runs, 0, 10), [0, 1, 4, 6, 9, 10])
    assert.deepStrictEqual(outside(runs, 3, 7), [4, 6])
    assert.deepStrictEqual(outside(runs, 7, 8), [])
    assert.deepStrictEqual(outside(runs, 5, 4), [])
  })

  it("begin where they are cut", () => {
    const runs = [2, 4, 7, 8]
    assert.deepStrictEqual(fromOn(runs, 1), runs)
    assert.deepStrictEqual(fromOn(runs, 3), [3, 4, 7, 8])
    assert.deepStrictEqual(fromOn(runs, 5), [7, 8])
    assert.deepStrictEqual(fromOn(runs, 9), [])
  })

  it("are no more than so many: the earliest of more are one", () => {
    const runs = [1, 1, 3, 3, 5, 6, 8, 9]
    assert.deepStrictEqual(atMost(runs, 4), runs)
    assert.deepStrictEqual(atMost(runs, 3), [1, 3, 5, 6, 8, 9])
    assert.deepStrictEqual(atMost(runs, 1), [1, 9])
  })
})
