import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { seeded } from "@hyparview/core/Random"
import * as Latency from "@hyparview/faults/Latency"
import {
  arcsine,
  cosine,
  exp,
  normalQuantileMillionths,
  quantileCount,
  sine,
  squareRoot
} from "@hyparview/faults/Arithmetic"

const samples = (model: Latency.LatencyModel, count: number, seed = 1): ReadonlyArray<number> => {
  const random = seeded(seed)
  return Array.from({ length: count }).map(() => Latency.sampleMicros(model, 0, 1, random))
}

const mean = (numbers: ReadonlyArray<number>): number => numbers.reduce((sum, n) => sum + n, 0) / numbers.length

/** A small rolling hash, to freeze long lists of integers in one number. */
const hash = (numbers: ReadonlyArray<number>): number => numbers.reduce((h, n) => (Math.imul(h, 31) + n) | 0, 7)

describe("the arithmetic of our own", () => {
  it("agrees with Math to 1e-12", () => {
    for (let x = -6; x <= 6; x += 0.0137) {
      assert.approximately(exp(x) / Math.exp(x), 1, 1e-12)
      assert.approximately(sine(x), Math.sin(x), 1e-12)
      if (Math.abs(x) <= 3.14) assert.approximately(cosine(x), Math.cos(x), 1e-12)
      if (x >= 0) assert.approximately(squareRoot(x), Math.sqrt(x), 1e-12)
      if (x >= 0 && x <= 1) assert.approximately(arcsine(x), Math.asin(x), 1e-12)
    }
    assert.strictEqual(arcsine(1), Math.PI / 2)
  })

  it("has the normal distribution's quantiles, to a millionth and symmetric", () => {
    const table = Array.from({ length: quantileCount }).map((_, index) => normalQuantileMillionths(index))
    // Φ⁻¹ at 1/8192, 3993.5/4096 and 2048.5/4096, from tables.
    assert.strictEqual(table[0], -3_668_329)
    assert.strictEqual(table[3993], 1_959_546)
    assert.strictEqual(table[2048], 306)
    for (const [index, z] of table.entries()) assert.strictEqual(z, -(table[quantileCount - 1 - index] ?? Number.NaN))
    assert.approximately(mean(table.map((z) => (z / 1_000_000) ** 2)), 1, 0.001)
    assert.strictEqual(hash(table), -932_069_133)
  })
})

describe("a sample", () => {
  it("of a constant is the constant, and draws nothing", () => {
    const random = seeded(9)
    assert.strictEqual(Latency.sampleMicros({ _tag: "Constant", micros: 250 }, 3, 4, random), 250)
    assert.deepStrictEqual(random, seeded(9))
  })

  it("of a uniform model reaches both bounds and nothing beyond", () => {
    const drawn = samples({ _tag: "Uniform", minMicros: 10, maxMicros: 13 }, 1_000)
    assert.deepStrictEqual(
      [...new Set(drawn)].sort((a, b) => a - b),
      [10, 11, 12, 13]
    )
  })

  it("of a log-normal model has its median, mean and tail", () => {
    const drawn = samples({ _tag: "LogNormal", medianMicros: 20_000, sigma: 0.5 }, 100_000).toSorted((a, b) => a - b)
    assert.approximately(drawn[50_000] ?? 0, 20_000, 200)
    assert.approximately(mean(drawn), 20_000 * Math.exp(0.125), 200)
    assert.approximately(drawn[95_000] ?? 0, 20_000 * Math.exp(0.5 * 1.6449), 600)
    assert.isAtMost(drawn.at(-1) ?? 0, 20_000 * 6.3)
    assert.isTrue(drawn.every(Number.isInteger))
  })

  it("of a geographic model depends on the regions of both ends, and its jitter only adds", () => {
    const model: Latency.Geographic = {
      _tag: "Geographic",
      matrixMicros: [
        [100, 2_000],
        [3_000, 400]
      ],
      jitterShare: 0.5
    }
    const random = seeded(4)
    for (const [from, to, micros] of [
      [0, 0, 100],
      [0, 3, 2_000],
      [5, 2, 3_000],
      [1, 7, 400]
    ] as const) {
      const drawn = Array.from({ length: 500 }).map(() => Latency.sampleMicros(model, from, to, random))
      assert.isAtLeast(Math.min(...drawn), micros)
      assert.isAtMost(Math.max(...drawn), micros * 1.5)
      assert.approximately(mean(drawn), micros * 1.25, micros * 0.05)
    }
  })

  it("is an hour at most", () => {
    const hour = 3_600_000_000
    const models: ReadonlyArray<Latency.LatencyModel> = [
      { _tag: "LogNormal", medianMicros: 1_000_000, sigma: 10 },
      { _tag: "Geographic", matrixMicros: [[hour]], jitterShare: 1 }
    ]
    for (const model of models) {
      assert.isTrue(Result.isSuccess(Latency.validate(model)))
      const random = seeded(1)
      const most = Math.max(...Array.from({ length: 10_000 }, () => Latency.sampleMicros(model, 0, 0, random)))
      assert.strictEqual(most, hour)
    }
  })

  it("is the same on every machine", () => {
    const frozen = Latency.names.map((name) => hash(samples(Latency.fromName(name), 10_000, 42)))
    assert.deepStrictEqual(frozen, [219_218_439, -233_549_266, -493_338_355, 278_348_845])
  })
})

describe("regions", () => {
  const model: Latency.Geographic = {
    _tag: "Geographic",
    matrixMicros: [
      [1, 1, 1],
      [1, 1, 1],
      [1, 1, 1]
    ],
    jitterShare: 0
  }

  it("go round without a seed", () => {
    assert.deepStrictEqual(
      [0, 1, 2, 3, 4].map((node) => Latency.regionOf(model, node)),
      [0, 1, 2, 0, 1]
    )
  })

  it("are drawn with a seed, evenly, and stay", () => {
    const drawn = Array.from({ length: 3_000 }).map((_, node) => Latency.regionOf({ ...model, seed: 5 }, node))
    for (const region of [0, 1, 2]) assert.approximately(drawn.filter((r) => r === region).length, 1_000, 100)
    assert.deepStrictEqual(
      drawn,
      drawn.map((_, node) => Latency.regionOf({ ...model, seed: 5 }, node))
    )
    assert.notDeepEqual(
      drawn,
      drawn.map((_, node) => Latency.regionOf({ ...model, seed: 6 }, node))
    )
  })
})

describe("geography", () => {
  it("turns distance into delay", () => {
    const [row] = Latency.matrixOf([
      { latitude: 0, longitude: 0 },
      { latitude: 0, longitude: 180 },
      { latitude: 90, longitude: 77 }
    ])
    // Half and a quarter of the circumference: 20,015 and 10,008 km, times 4.9 µs times 1.5, plus 500 µs.
    assert.deepStrictEqual(row, [500, 147_611, 74_056])
  })

  it("ships twenty cities, symmetric, from 0.5 to 137 ms", () => {
    const model = Latency.fromName("geographic")
    assert(model._tag === "Geographic")
    const matrix = model.matrixMicros
    assert.strictEqual(matrix.length, 20)
    assert.strictEqual(Latency.cityNames.length, 20)
    for (const [i, row] of matrix.entries()) {
      assert.strictEqual(row[i], 500)
      for (const [j, micros] of row.entries()) assert.strictEqual(micros, matrix[j]?.[i])
    }
    assert.strictEqual(Math.max(...matrix.flat()), 136_764)
  })
})

describe("a model", () => {
  it("with a name is valid, and other names are not names", () => {
    for (const name of Latency.names) {
      assert.isTrue(Latency.isLatencyName(name))
      assert.isTrue(Result.isSuccess(Latency.validate(Latency.fromName(name))))
    }
    assert.isFalse(Latency.isLatencyName("gaussian"))
  })

  it("is told from what is none, and stands for itself", () => {
    for (const name of Latency.names) {
      const model = Latency.fromName(name)
      assert.isTrue(Latency.isModel(JSON.parse(JSON.stringify(model))))
      assert.strictEqual(Latency.modelOf(model), model)
      assert.deepStrictEqual(Latency.modelOf(name), model)
    }
    for (const other of [
      null,
      "constant",
      {},
      { _tag: "Constant" },
      { _tag: "Warp", micros: 1 },
      { _tag: "Geographic", matrixMicros: [1] }
    ]) {
      assert.isFalse(Latency.isModel(other))
    }
  })

  it("that contradicts itself is told so", () => {
    const broken: ReadonlyArray<Latency.LatencyModel> = [
      { _tag: "Constant", micros: -1 },
      { _tag: "Constant", micros: 0.5 },
      { _tag: "Uniform", minMicros: 5, maxMicros: 4 },
      { _tag: "LogNormal", medianMicros: 10, sigma: Number.NaN },
      { _tag: "Geographic", matrixMicros: [], jitterShare: 0 },
      { _tag: "Geographic", matrixMicros: [[1, 2]], jitterShare: 0 },
      { _tag: "Geographic", matrixMicros: [[1]], jitterShare: 2 }
    ]
    for (const model of broken) {
      const result = Latency.validate(model)
      assert(Result.isFailure(result))
      assert.strictEqual(result.failure._tag, "InvalidLatency")
      assert.include(result.failure.message, model._tag)
    }
    // @ts-expect-error: whoever has no types may give anything.
    for (const none of [Latency.validate("10 millis"), Latency.validate({ _tag: "Warp", micros: 1 })]) {
      assert(Result.isFailure(none))
      assert.include(none.failure.message, "one is Constant, Uniform, LogNormal or Geographic")
    }
  })
})
