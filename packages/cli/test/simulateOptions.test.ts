/** Whatever an experiment can be told reaches it from the command line, through a flag and to the thread that runs it. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Experiment, Result as Results } from "@hyparview/simulator"
import { Effect, Result } from "effect"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { settings } from "../src/simulate/flags.ts"
import { hyparview } from "./command.ts"

type Given = Partial<Experiment.Options>

/** In all of them together each option has a value that is no default. */
const told: ReadonlyArray<readonly [experiment: Experiment.Name, options: Given]> = [
  ["stable", { nodes: 60, seed: 3, cycles: 2, joins: "at-once", contacts: 2, ageWeight: 0.5, detectionMillis: 400 }],
  ["stable", { nodes: 60, cycles: 3, latency: "geographic", xBotCandidates: 3, unbiasedLinks: 2, mixMillis: 60_000 }],
  [
    "stable",
    { nodes: 60, cycles: 3, sendFailure: 0.05, sendAttempts: 2, heartbeatMillis: 9_000, triangleExchanges: 1 }
  ],
  ["failures", { nodes: 60, cycles: 1, kill: 0.25, messages: 3, healCycles: 2, againMessages: 2 }],
  ["partition", { nodes: 60, cycles: 1, cut: "thirds", cutMinutes: 2, healCycles: 2 }],
  ["hashicorp", { nodes: 60, gossips: 3 }],
  ["plumtree", { nodes: 60, cycles: 1, messages: 3, strategy: "flood", senders: "many" }],
  ["plumtree", { nodes: 60, cycles: 1, messages: 3, pace: "rate", rate: 7, announceMillis: 20 }],
  ["plumtree", { nodes: 60, cycles: 1, messages: 3, optimizeHops: 4, pruneAfter: 2, guideMillis: 9_000 }],
  ["plumtree", { nodes: 60, cycles: 1, messages: 3, failures: 1, healCycles: 2 }],
  ["paper", { nodes: 40, cycles: 1, messages: 1, part: "hyparview" }]
]

/** As flags. */
const wordsOf = ({ seed, ...options }: Given): ReadonlyArray<string> => [
  ...(seed === undefined ? [] : ["--seed", String(seed)]),
  ...Object.entries(options).flatMap(([key, value]) => {
    const setting = Object.entries(settings).find(([name]) => name === key)?.[1]
    if (setting === undefined) throw new Error(`${key} has no flag`)
    return [`--${setting.flag}`, String("percent" in setting && typeof value === "number" ? value * 100 : value)]
  })
]

/** Of each run in a document: what it was told, and its trace. */
const traces = (document: Results.Result | Results.Results) =>
  Results.runsOf(document).map(({ config, traceHash }) => ({ config, traceHash }))

describe("an option", () => {
  const folder = mkdtempSync(join(tmpdir(), "hyparview-"))
  afterAll(() => rmSync(folder, { recursive: true }))
  const file = join(folder, "result.json")

  it("is among those that are tried here, whichever it is, with a value that is no default", () => {
    const tried = told.flatMap(([experiment, options]) => {
      const defaults: Readonly<Record<string, unknown>> = { ...Experiment.defaults(experiment) }
      return Object.entries(options).flatMap(([key, value]) => (value === defaults[key] ? [] : [key]))
    })
    assert.sameMembers([...new Set(tried)], Object.keys(Experiment.defaults("stable")))
  })

  for (const [experiment, options] of told) {
    it.live(
      `gives on the command line what it gives in the library: ${experiment} ${wordsOf(options).join(" ")}`,
      () =>
        Effect.gen(function* () {
          const command = yield* hyparview([
            "simulate",
            experiment,
            ...wordsOf(options),
            "--seeds",
            "1",
            "--json",
            file
          ])
          assert.strictEqual(yield* command.exit, 0, command.output())
          const document: Results.Result | Results.Results = JSON.parse(readFileSync(file, "utf8"))
          const run = Result.getOrThrow(Experiment.start(experiment, options))
          while (run.advance()) continue
          assert.deepStrictEqual(
            traces(document),
            traces(JSON.parse(JSON.stringify(run.result({ cpuSeconds: 0, wallSeconds: 0, peakRssBytes: 0 }))))
          )
        }),
      { timeout: 60_000 }
    )
  }
})
