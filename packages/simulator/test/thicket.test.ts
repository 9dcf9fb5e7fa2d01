import { HyParView, Plumtree } from "@hyparview/core"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Experiment from "@hyparview/simulator/Experiment"
import * as Forest from "@hyparview/simulator/Forest"
import { report } from "@hyparview/simulator/Report"
import { type Result as Run, runsOf } from "@hyparview/simulator/Result"
import { World } from "@hyparview/simulator/World"

const run = (options: Partial<Experiment.Options>): Run => {
  const started = Result.getOrThrow(
    Experiment.start("thicket", { nodes: 120, cycles: 2, messages: 60, detectionMillis: 300, ...options })
  )
  while (started.advance());
  const [result] = runsOf(started.result({ cpuSeconds: 0, wallSeconds: 0, peakRssBytes: 0 }))
  return result ?? assert.fail("no result")
}

const ascending = (set: ReadonlySet<number>): ReadonlyArray<number> => [...set].sort((a, b) => a - b)

describe("thicket", { timeout: 300_000 }, () => {
  it("covers every node by every tree, spreads the load, and a death interrupts only the trees in which it forwards", () => {
    const { broadcasts, thicket } = run({})
    assert.strictEqual(broadcasts.length, 60)
    for (const { reliability } of broadcasts) assert.strictEqual(reliability, 1)
    // The trees carry one copy to each node in the end.
    for (const { rmr } of broadcasts.slice(-10)) assert.isAtMost(rmr, 0.02)
    const { deaths = [], plumtreeLoad = {}, settled } = thicket ?? {}
    assert.isDefined(settled)
    for (const { reachedShare } of settled?.trees ?? []) assert.strictEqual(reachedShare, 1)
    assert.isAtMost(settled?.mostLoad ?? Infinity, 7)
    assert.isAtLeast(settled?.atMostOneShare ?? 0, 0.95)
    // In one tree most nodes forward nothing; here hardly any does.
    assert.isAbove(plumtreeLoad[0] ?? 0, 60)
    assert.isBelow(settled?.load[0] ?? 0, 12)
    assert.strictEqual(deaths.length, 20)
    for (const { gaps, interiorTrees, interruptedTrees, reliability } of deaths) {
      assert.isAtMost(interruptedTrees, interiorTrees)
      if (interiorTrees <= 1) assert.strictEqual(gaps, 0)
      assert.strictEqual(reliability, 1)
    }
  })

  it("holds a death against nobody whose message is only slow, or is mended soon", () => {
    for (const change of [{ latency: "geographic" }, { detectionMillis: 0 }, { announceMillis: 100 }] as const) {
      const { deaths = [] } = run({ messages: 100, ...change }).thicket ?? {}
      assert.strictEqual(deaths.length, 20)
      for (const { gaps, interiorTrees, interruptedTrees, parts } of deaths) {
        assert.isAtMost(interruptedTrees, interiorTrees)
        if (interiorTrees <= 1) assert.strictEqual(gaps, 0)
        if (interiorTrees === 0) assert.deepStrictEqual(parts, { 5: 119 })
      }
      // Else nothing was tried.
      assert.isAtLeast(deaths.filter(({ interruptedTrees }) => interruptedTrees > 0).length, 10)
    }
  })

  it("heals when a fifth of all nodes die at once, and is the same again for the same seed", () => {
    const options = { kill: 0.2, healCycles: 3, messages: 20 }
    const result = run(options)
    assert.strictEqual(result.samples?.at(-1)?.reliability, 1)
    assert.isAtMost(result.thicket?.healed?.mostLoad ?? Infinity, 7)
    assert.strictEqual(run(options).traceHash, result.traceHash)
    const { files, html } = report(result, { command: "npm run simulate -- thicket" })
    assert.include(
      files.map(({ name }) => name),
      "thicket-load.svg"
    )
    assert.include(html, "One node dies as a message is published on each tree")
    assert.include(html, `Cycles until a round of messages reached everybody: ${result.healingCycles}.`)
  })

  it("becomes one where many publish at one instant: their parts of each tree are joined by the messages of one", () => {
    const nodes = 60
    const membership = Result.getOrThrow(HyParView.forClusterSize(nodes, { activeSize: 15 }))
    const world = new World({
      nodes,
      seed: 1,
      config: { membership, broadcast: { ...Plumtree.defaultConfig, strategy: "thicket" } },
      latency: { _tag: "Constant", micros: 10_000 },
      detectionMillis: 500,
      dialFailure: "refused",
      dialTimeoutMillis: 2_000,
      sendAttempts: 1,
      discoverySize: 1
    })
    let micros = 0
    const pass = (millis: number) => world.runUntil((micros += millis * 1_000))
    for (let node = 0; node < nodes; node++) {
      world.start(node, node === 0 ? [] : [0])
      pass(5)
    }
    pass(60_000)
    const sources = world.sampleAlive(20)
    /** Each source publishes a message in each tree; the copies of them that came, of which one a node was new. */
    const round = (): number => {
      const from = world.broadcasts.length
      for (const source of sources) for (let tree = 0; tree < 5; tree++) world.publish(source)
      pass(5_000)
      const sent = world.broadcasts.slice(from)
      for (const { delivered } of sent) assert.strictEqual(delivered, nodes)
      return sent.reduce((sum, { payload }) => sum + payload, 0) / (sent.length * (nodes - 1))
    }
    const copies = Array.from({ length: 6 }, round)
    assert.isAbove(copies[0] ?? 0, 1.1)
    assert.isBelow(copies[5] ?? 2, 1.02)
    for (const source of sources.slice(0, 3)) {
      for (const { reachedShare } of Forest.thicket(world, source).trees) assert.strictEqual(reachedShare, 1)
    }
    // Until a death is noticed a message is with those whom the branches of its tree still reach, and with nobody else.
    const [source = -1] = sources
    let least = nodes
    for (let victim = 0; victim < nodes; victim += 3) {
      if (victim === source) continue
      const copy = world.fork(victim + 1)
      const gotIt = Array.from({ length: 5 }, () => new Set<number>())
      const first = copy.broadcasts.length
      copy.observer = (node, _before, _input, { outputs }) => {
        for (const output of outputs) {
          if (output._tag === "Delivered")
            gotIt[(output.payload[0] ?? 0) + 256 * (output.payload[1] ?? 0) - first]?.add(node)
        }
      }
      copy.crash([victim])
      // A message's tree is the remainder of its epoch, which is 1, and its number.
      const expected = gotIt.map((_, nth) => new Set(Forest.reached(copy, source, (nth + 1) % 5).keys()))
      for (let tree = 0; tree < 5; tree++) copy.publish(source)
      copy.runUntil(copy.now + 290_000)
      assert.deepStrictEqual(gotIt.map(ascending), expected.map(ascending))
      least = Math.min(least, ...expected.map(({ size }) => size))
    }
    assert.isBelow(least, nodes - 1)
  })

  it("publishes exactly as many messages as it was asked for, the last round cut short", () => {
    for (const [messages, senders] of [
      [0, "one"],
      [1, "one"],
      [7, "one"],
      [1, "many"],
      [22, "many"]
    ] as const) {
      const result = run({ nodes: 30, cycles: 1, messages, senders })
      assert.strictEqual(result.broadcasts.length, messages)
      for (const { control, reliability } of result.broadcasts) {
        assert.strictEqual(reliability, 1)
        assert.isAbove(control, 0)
      }
      assert.strictEqual(result.thicket?.deaths.length, 20)
      const { html } = report(result, { command: "npm run simulate -- thicket" })
      assert.notMatch(html, /NaN|Infinity|undefined/)
    }
  })

  it("needs announcements that wait for each other", () => {
    const fault = Experiment.faultOf("thicket", { ...Experiment.defaults("thicket"), announceMillis: 0 })
    assert.strictEqual(fault?.option, "announceMillis")
  })
})
