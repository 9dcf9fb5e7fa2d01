import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Experiment from "@hyparview/simulator/Experiment"
import { report } from "@hyparview/simulator/Report"
import { type Result as Run, runsOf } from "@hyparview/simulator/Result"

const run = (options: Partial<Experiment.Options>): Run => {
  const started = Result.getOrThrow(
    Experiment.start("thicket", { nodes: 120, cycles: 2, messages: 60, detectionMillis: 300, ...options })
  )
  while (started.advance());
  const [result] = runsOf(started.result({ cpuSeconds: 0, wallSeconds: 0, peakRssBytes: 0 }))
  return result ?? assert.fail("no result")
}

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
  })

  it("needs announcements that wait for each other", () => {
    const fault = Experiment.faultOf("thicket", { ...Experiment.defaults("thicket"), announceMillis: 0 })
    assert.strictEqual(fault?.option, "announceMillis")
  })
})
