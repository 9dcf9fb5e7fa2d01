/** A result in the words of the command. */
import { assert, describe, it } from "@effect/vitest"
import { Experiment, Result as Results } from "@hyparview/simulator"
import { Result } from "effect"
import { summary } from "../src/simulate/summary.ts"

describe("the summary of a run", () => {
  it("says between how many pairs there is no path, if any, and of a sample how exact that is", () => {
    const started = Result.getOrThrow(Experiment.start("stable", { nodes: 20, cycles: 1 }))
    while (started.advance());
    const [run] = Results.runsOf(started.result({ cpuSeconds: 0, wallSeconds: 0, peakRssBytes: 0 }))
    if (run === undefined) throw new Error("no run")
    const lineOf = (paths: Partial<typeof run.overlay.paths>) => {
      const overlay = { ...run.overlay, paths: { ...run.overlay.paths, ...paths } }
      return summary("stable", [{ ...run, overlay }]).find((line) => line.includes("hops on average"))
    }
    assert.notInclude(lineOf({}), "none between")
    assert.match(lineOf({ unreachableShare: 0.25 }) ?? "", /at most; none between 25 % of the pairs; clustering/)
    const sampled = { exact: false, sources: 512, unreachableShare: 0.25, unreachableStandardError: 0.003 }
    assert.match(
      lineOf(sampled) ?? "",
      /\(from 512 nodes, .*at most; none between 25 % of the pairs \(± 0\.3 %\); clustering/
    )
  })
})
