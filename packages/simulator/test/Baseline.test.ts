import * as Baseline from "@hyparview/simulator/Baseline"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"

const result = (overrides: object = {}) => ({
  experiment: "failures",
  traceHash: "a",
  overlay: { clustering: 0.001, inDegree: { "5": 98, "4": 2 } },
  broadcasts: [
    { reliability: 0.5, hops: 3 },
    { reliability: 1, hops: 4 }
  ],
  cost: { events: 10, cpuSeconds: 2 },
  ...overrides
})

describe("a baseline", () => {
  it("equal to the run has no differences", () => {
    assert.deepStrictEqual(Baseline.compare(result(), result()), [])
    assert.strictEqual(Baseline.format([]), "no differences\n")
  })

  it("shows every difference: values, lists by their statistics, what is gone and what is new", () => {
    const current = result({
      traceHash: "b",
      overlay: { clustering: 0.002, inDegree: { "5": 100 } },
      broadcasts: [{ reliability: 1, hops: 4 }],
      cost: { events: 10, cpuSeconds: 1 }
    })
    const differences = Baseline.compare(result(), current)
    assert.deepStrictEqual(
      differences.map(({ baseline, current, path }) => [path, baseline, current]),
      [
        ["traceHash", "a", "b"],
        ["overlay.clustering", 0.001, 0.002],
        ["overlay.inDegree.5", 98, 100],
        ["broadcasts.length", 2, 1],
        ["broadcasts.reliability (mean)", 0.75, 1],
        ["broadcasts.reliability (least)", 0.5, 1],
        ["broadcasts.hops (mean)", 3.5, 4],
        ["broadcasts.hops (least)", 3, 4],
        ["cost.cpuSeconds", 2, 1],
        ["overlay.inDegree.4", 2, undefined]
      ]
    )
    assert.strictEqual(differences[1]?.relative, 1)
    assert.deepStrictEqual(
      differences.filter(({ measured }) => measured).map(({ path }) => path),
      ["cost.cpuSeconds"]
    )
    const table = Baseline.format(differences).trimEnd().split("\n")
    assert.strictEqual(table.length, 11)
    assert.match(table[2] ?? "", /^overlay\.clustering +0\.001 +0\.002 +\+100\.0 %$/)
    assert.match(table[10] ?? "", /^cost\.cpuSeconds +2 +1 +-50\.0 %$/)
  })

  it("of one seed is compared with that seed among several, and what only one has is named", () => {
    const one = { ...result(), seed: 2 }
    const several = {
      experiment: "failures",
      runs: [
        { ...result(), seed: 1 },
        { ...result({ traceHash: "b" }), seed: 2 }
      ]
    }
    const differences = (before: object, after: object) =>
      Baseline.compare(before, after).map(({ baseline, current, path }) => [path, baseline, current])
    assert.deepStrictEqual(differences(one, several), [
      ["seeds", "2", "1, 2"],
      ["run.seed 2.traceHash", "a", "b"]
    ])
    assert.deepStrictEqual(differences(several, several), [])
    assert.deepStrictEqual(differences(several, one)[0], ["seeds", "1, 2", "2"])
  })

  it("compares what several seeds have cost by their seed too", () => {
    const paper = (...seeds: ReadonlyArray<number>) => ({
      experiment: "paper",
      runs: seeds.map((seed) => ({ ...result(), seed })),
      costs: seeds.map((seed) => ({ seed, events: 10 * seed, cpuSeconds: seed }))
    })
    const of = (before: object, after: object) => Baseline.compare(before, after).map(({ path }) => path)
    assert.deepStrictEqual(of(paper(1, 2, 3), paper(2)), ["seeds"])
    assert.deepStrictEqual(of(paper(1, 2, 3), paper(3, 2)), ["seeds"])
    const slower = { ...paper(2), costs: [{ seed: 2, events: 21, cpuSeconds: 9 }] }
    const [events, seconds] = Baseline.compare(paper(1, 2), slower)
    assert.deepInclude(events, { path: "costs.seed 2.events", baseline: 20, current: 21, measured: false })
    assert.deepInclude(seconds, { path: "costs.seed 2.cpuSeconds", baseline: 2, current: 9, measured: true })
  })

  it("compares the truths of a list by their share", () => {
    const kills = (...inLargest: ReadonlyArray<boolean>) =>
      result({ firstMessages: inLargest.map((senderInLargest) => ({ senderInLargest })) })
    const [first] = Baseline.compare(kills(true, false), kills(true, true))
    assert.deepStrictEqual(
      [first?.path, first?.baseline, first?.current],
      ["firstMessages.senderInLargest (mean)", 0.5, 1]
    )
  })

  it("that is no result is refused, saying why", () => {
    for (const text of ["", "{", "[]", "3", "null", "{}", '{"experiment":"stable"}']) {
      const parsed = Baseline.parse(text)
      assert.isTrue(Result.isFailure(parsed), text)
    }
    assert.isTrue(Result.isSuccess(Baseline.parse(JSON.stringify(result()))))
  })
})
