/** The Plumtree paper (TR-07-14 §4) at a small size; at full size `simulate paper` holds its figures. */
import * as Experiment from "@hyparview/simulator/Experiment"
import { type Result as RunResult, runsOf } from "@hyparview/simulator/Result"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"

const run = (options: Partial<Experiment.Options>): RunResult => {
  const started = Result.getOrThrow(Experiment.start("plumtree", { nodes: 400, cycles: 4, ...options }))
  while (started.advance());
  const [result] = runsOf(started.result({ cpuSeconds: 1, wallSeconds: 1, peakRssBytes: 1 }))
  if (result === undefined) throw new Error("no result")
  return result
}

const links = ({ overlay }: RunResult): number =>
  Object.entries(overlay.outDegree).reduce((sum, [degree, nodes]) => sum + Number(degree) * nodes, 0)

describe("plumtree", () => {
  it("floods once, and from then on has one copy for each node, while one sender publishes", () => {
    const result = run({ messages: 20 })
    const [first, ...others] = result.broadcasts
    // Every link carries the first in both directions but that to the parent; its redundancy is the mean degree − 2.
    assert.strictEqual(first?.payload, links(result) - 399)
    assert.approximately(first?.rmr ?? 0, links(result) / 400 - 2, 0.05)
    for (const broadcast of others.slice(1)) {
      assert.include(broadcast, { reliability: 1, payload: 399, rmr: 0 })
      // Each other link announces, in one direction or in both.
      assert.isAtMost(broadcast.control, links(result) - 399)
      assert.isAtMost(broadcast.hops, 10)
    }
  })

  it("is a flood for ever with the strategy flood, without a frame of control", () => {
    const result = run({ messages: 5, strategy: "flood" })
    for (const broadcast of result.broadcasts) {
      assert.include(broadcast, { reliability: 1, payload: links(result) - 399, control: 0 })
    }
  })

  it("has one copy for each node with many senders too, over longer paths", () => {
    const one = run({ messages: 30 }).broadcasts.slice(10)
    const many = run({ messages: 30, senders: "many" }).broadcasts.slice(10)
    for (const { reliability, rmr } of many) {
      assert.strictEqual(reliability, 1)
      assert.isAtMost(rmr, 0.01)
    }
    const hops = (list: RunResult["broadcasts"]) =>
      list.reduce((sum, broadcast) => sum + broadcast.hops, 0) / list.length
    assert.isAbove(hops(many), hops(one))
  })

  it("reaches everybody after a failure, and prunes again", () => {
    const { healingCycles, overlay, samples = [] } = run({ messages: 10, kill: 0.5, healCycles: 4 })
    assert.strictEqual(overlay.alive, 200)
    assert.strictEqual(samples.length, 5)
    assert.isAtMost(healingCycles ?? 99, 1)
    for (const { reliability } of samples.slice(1)) assert.strictEqual(reliability, 1)
    for (const { rmr = 9 } of samples.slice(3)) assert.isAtMost(rmr, 0.05)
  })

  it("reaches everybody while nodes die all the time", () => {
    for (const seed of [1, 2, 3]) {
      const { overlay, samples = [] } = run({ messages: 10, failures: 3, healCycles: 20, seed })
      assert.strictEqual(overlay.alive, 340)
      for (const { reliability } of samples) assert.strictEqual(reliability, 1)
      // The paper's 0.1 is a mean, of many cycles; of 400 nodes a single cycle's may be six times as much (seeds 1 to 30).
      assert.isAtMost(samples.reduce((sum, { rmr = 9 }) => sum + rmr, 0) / samples.length, 0.1)
    }
  })

  it("announces many together at a rate, for a third of the frames or less", () => {
    const mean = ({ broadcasts }: RunResult) =>
      broadcasts.reduce((sum, { control }) => sum + control, 0) / broadcasts.length
    const alone = run({ messages: 40, pace: "rate" })
    const batched = run({ messages: 40, pace: "rate", announceMillis: 400 })
    for (const { reliability } of batched.broadcasts) assert.strictEqual(reliability, 1)
    assert.isAtMost(mean(batched), mean(alone) / 3)
  })

  it("can begin before the overlay is stable, with one broadcast a cycle", () => {
    const { broadcasts } = run({ messages: 6, cycles: 0, pace: "cycle" })
    assert.strictEqual(broadcasts.length, 6)
    for (const { reliability } of broadcasts) assert.strictEqual(reliability, 1)
    assert.isAtMost(broadcasts.at(-1)?.rmr ?? 9, 0.05)
  })

  it("gives the same trace for the same seed, whatever the broadcast is", () => {
    for (const options of [{}, { senders: "many", optimizeHops: 3 }, { pace: "rate", announceMillis: 50 }] as const) {
      const small = { messages: 5, cycles: 1, ...options }
      assert.strictEqual(run(small).traceHash, run(small).traceHash)
    }
  })

  it("refuses what cannot be: more failures than nodes, names that there are not", () => {
    const fault = (options: Partial<Experiment.Options>) =>
      Experiment.faultOf("plumtree", { ...Experiment.defaults("plumtree"), nodes: 100, ...options })
    assert.include(fault({ failures: 10, healCycles: 10 }), { option: "failures", value: 10 })
    assert.include(fault({ kill: 1 }), { option: "kill" })
    assert.include(fault({ optimizeHops: 256 }), { option: "optimizeHops" })
    assert.include(fault({ rate: 0 }), { option: "rate" })
    assert.isUndefined(fault({ failures: 5, healCycles: 10 }))
  })

  it("settles with a guide, and not without, where messages of many senders are under way at once (PT23, PT24)", () => {
    const many = {
      nodes: 100,
      senders: "many",
      pace: "rate",
      rate: 20,
      latency: "uniform",
      announceMillis: 300,
      pruneAfter: 3,
      messages: 150
    } as const
    const mean = (values: ReadonlyArray<number>) => values.reduce((sum, value) => sum + value, 0) / values.length
    const later = ({ broadcasts }: RunResult) => broadcasts.slice(60, 150)
    const redundancy = (result: RunResult) => mean(later(result).map(({ rmr }) => rmr))
    const last = (list: RunResult["broadcasts"]) => mean(list.map(({ latency }) => latency?.last ?? Infinity))
    const guided = run({ ...many, guideMillis: 5_000, kill: 0.5 })
    const unguided = run(many)
    assert.isAtMost(redundancy(guided), 0.02)
    assert.isAtLeast(redundancy(unguided), 0.1)
    assert.isBelow(last(later(guided)), last(later(unguided)))
    // And again after half of the nodes have died, the guide among them or not.
    const after = guided.broadcasts.slice(150)
    assert.strictEqual(after.length, 150)
    // Who has lost all neighbours at once, and publishes before it hears of it, reaches nobody: here nothing is recovered.
    const noticed = [...guided.broadcasts.slice(0, 150), ...after.slice(20)]
    for (const { reliability } of noticed) assert.strictEqual(reliability, 1)
    // Within six seconds not in each run (in 4 of 16 it is more, whatever else is set): the middle one of five.
    const settled = [1, 2, 3, 4, 5].map((seed) => {
      const { broadcasts } = run({ ...many, guideMillis: 5_000, kill: 0.5, seed })
      return mean(broadcasts.slice(150 + 110).map(({ rmr }) => rmr))
    })
    assert.isAtMost(settled.toSorted((a, b) => a - b)[2] ?? 9, 0.05)
  })
})
