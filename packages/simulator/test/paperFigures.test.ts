import { assert, describe, it } from "@effect/vitest"
import * as Paper from "@hyparview/simulator/paperFigures"

describe("the paper's figures", () => {
  it("say what the paper's text says", () => {
    assert.deepStrictEqual(
      Paper.reliabilityByFailures.HyParView.filter(([failed]) => failed >= 60),
      [
        [60, 99.94],
        [70, 99.91],
        [80, 99.88],
        [90, 99.65],
        [95, 90.86]
      ]
    )
    assert.deepStrictEqual([...Paper.reliabilityByMessage.keys()], [20, 40, 60, 70, 80, 95])
    assert.deepStrictEqual(Paper.reliabilityByMessage.get(70)?.HyParView.slice(0, 3), [
      [0, 13.02],
      [1, 96.46],
      [2, 99.91]
    ])
    assert.deepStrictEqual(
      Paper.healingByFailures.HyParView.map(([, cycles]) => cycles),
      [1, 1, 1, 1, 1, 1, 2, 2, 4]
    )
    assert.deepStrictEqual(Paper.graphProperties.HyParView, {
      clustering: 0.00092,
      averageShortestPath: 6.38542,
      maximumHops: 9
    })
    assert.strictEqual(
      Object.values(Paper.inDegrees).reduce((sum, count) => sum + count),
      10_000
    )
  })
})
