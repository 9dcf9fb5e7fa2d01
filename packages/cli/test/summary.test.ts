/** A result in the words of the command. */
import { assert, describe, it } from "@effect/vitest"
import { Experiment, Result as Results } from "@hyparview/simulator"
import { Result } from "effect"
import { summary } from "../src/simulate/summary.ts"

const runOf = (name: Experiment.Name, options: Partial<Experiment.Options>): Results.Result => {
  const started = Result.getOrThrow(Experiment.start(name, options))
  while (started.advance());
  const [run] = Results.runsOf(started.result({ cpuSeconds: 0, wallSeconds: 0, peakRssBytes: 0 }))
  if (run === undefined) throw new Error("no run")
  return run
}

/** Another run of the same, with another seed, in which broadcasts reached as much. */
const reaching = (run: Results.Result, seed: number, shares: ReadonlyArray<number>): Results.Result => ({
  ...run,
  seed,
  samples: (run.samples ?? []).map((sample, index) => ({ ...sample, reliability: shares[index] ?? 0 }))
})

describe("the summary of a run", () => {
  it("says between how many pairs there is no path, if any, and of a sample how exact that is", () => {
    const run = runOf("stable", { nodes: 20, cycles: 1 })
    const lineOf = (paths: Partial<typeof run.overlay.paths>) => {
      const overlay = { ...run.overlay, paths: { ...run.overlay.paths, ...paths } }
      return summary("stable", [{ ...run, overlay }]).find((line) => line.includes("hops on average"))
    }
    assert.notInclude(lineOf({}), "none between")
    assert.match(lineOf({ unreachableShare: 0.25 }) ?? "", /at most; none between 25 % of the pairs; clustering/)
    const sampled = { exact: false, sources: 512, unreachableShare: 0.25, unreachableStandardError: 0.003 }
    assert.match(
      lineOf(sampled) ?? "",
      /\(from 512 nodes, standard error .*at most; none between 25 % of the pairs \(standard error 0\.3 %\); clustering/
    )
  })

  it("says of whom a latency is, of a heal that was not watched for a minute that it was not, and which trees have begun", () => {
    const timed = runOf("failures", { nodes: 20, cycles: 1, messages: 1, healCycles: 0, kill: 0, latency: "uniform" })
    assert.match(summary("failures", [timed]).join("\n"), /latency +[\d.]+ ms to half of those reached, /)
    const cut = runOf("partition", { nodes: 20, cycles: 1, cutMinutes: 1, healCycles: 1 })
    assert.isNull(cut.partition?.mostControlOfCalm)
    assert.match(summary("partition", [cut]).join("\n"), /no whole minute of cycles after it$/m)
    const trees = runOf("thicket", { nodes: 20, cycles: 1, messages: 1 })
    assert.match(summary("thicket", [trees]).join("\n"), /; 1 message, so 1 of 5 trees have begun$/m)
  })

  it("says what all cycles of churn were like, and not the last alone", () => {
    const run = reaching(runOf("churn", { nodes: 20, cycles: 1, healCycles: 2 }), 1, [0.5, 1])
    const text = summary("churn", [run]).join("\n")
    assert.match(text, /^ *all cycles +2 cycles: reliability 75 % on average, 50 % at least$/m)
  })
})

describe("the summary of several runs", () => {
  const meansOf = (experiment: string, runs: ReadonlyArray<Results.Result>) =>
    summary(experiment, runs).at(-1)?.split(/ {2,}/)

  it("has the mean of the seeds, and by how much they differ", () => {
    const run = runOf("churn", { nodes: 20, cycles: 1, healCycles: 2 })
    const runs = [reaching(run, 1, [0.5, 1]), reaching(run, 2, [0.75, 0.9])]
    // 75 and 82.5: a standard deviation of 7.5 / √2.
    assert.deepStrictEqual(meansOf("churn", runs)?.slice(0, 4), ["churn", "2", "–", "78.75 ± 5.3 %"])
  })

  it("has what each seed has found, as the summary of one run has", () => {
    const [first, second] = [1, 2].map((seed) =>
      runOf("partition", { nodes: 20, seed, cycles: 1, cutMinutes: 1, healCycles: 3 })
    )
    if (first === undefined || second === undefined) throw new Error("no run")
    const text = summary("partition", [first, second]).join("\n")
    for (const run of [first, second]) {
      const [, own = ""] = /^ *cut healed +(.*)$/m.exec(summary("partition", [run]).join("\n")) ?? []
      assert.match(own, /^one component after \d+ s; /)
      assert.include(
        text.split("\n").map((line) => line.replace(/ +/g, " ")),
        `seed ${run.seed} cut healed ${own}`
      )
    }
    // The parts of the papers are too many.
    assert.notInclude(summary("paper", [first, second]).join("\n"), "cut healed")
  })

  it("has what messages reached after a kill, not before it", () => {
    const run = runOf("plumtree", { nodes: 20, cycles: 1, messages: 2, kill: 0.5, healCycles: 1 })
    const runs = [reaching(run, 1, [0.1, 0.8]), reaching(run, 2, [0.2, 0.8])]
    assert.deepStrictEqual(meansOf("plumtree", runs)?.slice(2, 4), ["50.0 %", "80 ± 0 %"])
  })

  it("has what the rounds of hashicorp reached", () => {
    const run = runOf("hashicorp", { nodes: 20, gossips: 1 })
    const round = { round: 1, waste: 0, maintenance: 0 }
    const runs = [15, 20].map((seen, seed) => ({ ...run, seed, rounds: [{ ...round, seen, missed: 20 - seen }] }))
    assert.strictEqual(meansOf("hashicorp", runs)?.[3], "87.5 ± 18 %")
  })
})
