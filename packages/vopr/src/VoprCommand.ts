/**
 * `npm run vopr`: seeded fault simulation. Draws a scenario from each seed, runs it on the bare core or on the whole runtime,
 * judges it, and shrinks what fails.
 */
import * as ScenarioShrink from "@hyparview/faults/ScenarioShrink"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { execFileSync } from "node:child_process"
import { availableParallelism } from "node:os"
import { VoprFailed } from "./ExitCode.ts"
import { Live } from "./Live.ts"
import type { Outcome, Target } from "./Outcome.ts"
import * as Report from "./Report.ts"
import { parseRecovery, printRecovery } from "./RecoveryScenario.ts"
import { shrinkRecovery } from "./RecoveryShrink.ts"
import { OutcomeJson } from "./Runs.ts"
import { type InvalidScenario, parse, print } from "./ScenarioFile.ts"
import { makeClient } from "./threads.ts"

/** Frames in one run of `--target bytes`, and of these the ones that a live node is sent. */
const inputsPerRun = 10_000
const liveInputsPerRun = 500

/** Between two lines of progress. */
const progressMillis = 5_000

/** Failures that are shrunk and printed in full; of each, a line as soon as it is found. */
const shownFailures = 3

/** By default: small clusters on the runtime, whose nodes cost thirty times as much. */
const defaultNodes = { core: 200, runtime: 60, recovery: 8 } as const

const flags = {
  target: Flag.Literals("target", ["core", "runtime", "recovery", "bytes"]).pipe(
    Flag.withDefault("core"),
    Flag.withDescription(
      "core: the protocols in the simulator's world; runtime: real nodes on virtual time; recovery: the broadcast alone, on " +
        "links that come and go; bytes: hostile frames"
    )
  ),
  seed: Flag.Int("seed").pipe(Flag.withDefault(1), Flag.withDescription("The first seed; each run takes the next (1)")),
  runs: Flag.Int("runs").pipe(
    Flag.withDefault(40),
    Flag.withDescription(`How many seeds (40); on bytes ${inputsPerRun} frames each`)
  ),
  nodes: Flag.Int("nodes").pipe(
    Flag.optional,
    Flag.withDescription("The largest cluster (200 on core, 60 on the runtime, 8 on recovery)")
  ),
  shrink: Flag.Int("shrink").pipe(
    Flag.withDefault(150),
    Flag.withDescription("How many smaller scenarios to try for one that fails; 0 for none (150)")
  ),
  threads: Flag.Int("threads").pipe(
    Flag.withDefault(availableParallelism()),
    Flag.withDescription("Threads (one for each core)")
  ),
  replay: Flag.String("replay").pipe(
    Flag.optional,
    Flag.withDescription("Run the scenario of a file that an earlier failure has left")
  )
}

type Input = Command.Command.Config.Infer<typeof flags>

const commit = (): string => {
  try {
    return execFileSync("git", ["rev-parse", "HEAD"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim()
  } catch {
    return "unknown (no git here)"
  }
}

const decodeOutcome = Schema.decodeEffect(OutcomeJson)

const refused = (message: string) => new VoprFailed({ message, exitCode: 2 })

/** How far a set has come, a line now and then. */
const progressOf = (count: number, what: string) => {
  let done = 0
  let failed = 0
  let shownAt = -Infinity
  let beganAt = -1
  return (isFailure: boolean) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      if (beganAt < 0) beganAt = shownAt = now
      done++
      if (isFailure) failed++
      if (now - shownAt < progressMillis) return
      shownAt = now
      const left = ((now - beganAt) / done) * (count - done)
      yield* Console.error(`${done} of ${count} ${what}, ${failed} failed, ${Math.round(left / 1_000)} s left`)
    })
}

type Client = Effect.Success<ReturnType<typeof makeClient>>

/** Shrinks a failure: a candidate fails the same if the same rule is broken first. */
const shrunkOf = Effect.fnUntraced(function* (client: Client, outcome: Outcome, budget: number) {
  const rule = outcome.violations[0]?.rule
  const shrinking: Generator<Outcome["scenario"], unknown, boolean> =
    outcome.target === "recovery"
      ? shrinkRecovery(outcome.scenario, budget)
      : ScenarioShrink.shrink(outcome.scenario, budget)
  let smallest = outcome
  let next = shrinking.next(false)
  while (next.done !== true) {
    const scenario = JSON.stringify(next.value)
    const tried = yield* Effect.flatMap(client.Play({ target: outcome.target, scenario }), decodeOutcome)
    const isSame = tried.violations[0]?.rule === rule
    if (isSame) smallest = tried
    next = shrinking.next(isSame)
  }
  return smallest
})

const printed = (outcome: Outcome): string =>
  outcome.target === "recovery" ? printRecovery(outcome.scenario) : print(outcome.scenario)

const report = Effect.fnUntraced(function* (client: Client, outcome: Outcome, replay: string, budget: number) {
  const { scenario, target } = outcome
  const fs = yield* FileSystem.FileSystem
  const smallest = budget > 0 ? yield* shrunkOf(client, outcome, budget) : undefined
  const file = `vopr-${target}-${scenario.seed}.json`
  if (smallest !== undefined) yield* fs.writeFileString(file, printed(smallest))
  const shrunk = smallest === undefined ? undefined : { outcome: smallest, file }
  yield* Console.log(Report.failure(outcome, { commit: commit(), replay, shrunk }))
})

const failed = ({ scenario, violations: [first] }: Outcome): string =>
  `FAILED: seed ${scenario.seed}: ${first?.rule}: ${first?.detail}`

/** Of a run in which all is well only the numbers are kept: a long set has many. */
const withoutScenario = (outcome: Outcome): Report.Reported => {
  const { scenario: _, tail: __, traceHash: ___, ...rest } = outcome
  return rest
}

const runSeeds = Effect.fnUntraced(function* (target: Target, input: Input) {
  const { runs, seed, shrink, threads } = input
  const maximumNodes = Option.getOrElse(input.nodes, () => defaultNodes[target])
  const client = yield* makeClient(Math.min(threads, runs))
  const progress = progressOf(runs, "runs")
  const failures: Array<Outcome> = []
  const outcomes = yield* Effect.forEach(
    Array.from({ length: runs }, (_, index) => seed + index),
    (seed) =>
      client.Draw({ target, seed, maximumNodes }).pipe(
        Effect.flatMap(decodeOutcome),
        // At once: a long set may be interrupted before its report.
        Effect.tap((outcome) => (outcome.violations.length === 0 ? Effect.void : Console.log(failed(outcome)))),
        Effect.tap(({ violations }) => progress(violations.length > 0)),
        Effect.map((outcome) => {
          if (outcome.violations.length > 0) failures.push(outcome)
          return withoutScenario(outcome)
        })
      ),
    { concurrency: threads }
  )
  failures.sort((one, other) => one.scenario.seed - other.scenario.seed)
  for (const outcome of failures.slice(0, shownFailures)) {
    yield* report(client, outcome, Report.replayOf(target, outcome.scenario.seed, maximumNodes), shrink)
  }
  const { missing, text } = Report.summary(target, outcomes)
  yield* Console.log(text)
  if (failures.length > 0) {
    const message = `${failures.length} of ${runs} runs failed, commit ${commit()}`
    return yield* new VoprFailed({ message, exitCode: 1 })
  }
  if (missing.length > 0) {
    return yield* new VoprFailed({ message: `never met: ${missing.join(", ")}`, exitCode: 1 })
  }
})

const replay = Effect.fnUntraced(function* (target: Target, file: string, budget: number) {
  const fs = yield* FileSystem.FileSystem
  const text = yield* fs
    .readFileString(file)
    .pipe(Effect.mapError((error) => refused(`--replay ${file}: ${error.message}`)))
  const scenario: Result.Result<unknown, InvalidScenario> = target === "recovery" ? parseRecovery(text) : parse(text)
  if (Result.isFailure(scenario)) return yield* refused(`--replay ${file}: ${scenario.failure.message}`)
  const client = yield* makeClient(1)
  const outcome = yield* Effect.flatMap(client.Play({ target, scenario: text }), decodeOutcome)
  yield* Console.log(Report.summary(target, [outcome]).text)
  if (outcome.violations.length === 0) return
  yield* report(client, outcome, `npm run vopr -- --target ${target} --replay ${file}`, budget)
  return yield* new VoprFailed({ message: "the scenario fails", exitCode: 1 })
})

const runBytes = Effect.fnUntraced(function* ({ runs, seed, threads }: Input) {
  const client = yield* makeClient(Math.min(threads, runs))
  const live = yield* Live.make
  const progress = progressOf(runs, `runs of ${inputsPerRun} frames`)
  const results = yield* Effect.forEach(
    Array.from({ length: runs }, (_, index) => seed + index),
    (seed) =>
      Effect.all([client.Fuzz({ seed, inputs: inputsPerRun }), live.fuzz(seed, liveInputsPerRun)], {
        concurrency: 2
      }).pipe(Effect.tap(([{ faults }, sent]) => progress(faults.length + sent.length > 0))),
    { concurrency: threads }
  )
  const met = new Map<string, number>()
  for (const [fuzzed] of results) {
    for (const [what, count] of Object.entries(fuzzed.met)) met.set(what, (met.get(what) ?? 0) + count)
  }
  const faults = [...results.flatMap(([fuzzed, sent]) => [...fuzzed.faults, ...sent]), ...(yield* live.verdict)]
  const { connections, frames } = live.counts
  yield* Console.log(
    `${runs * inputsPerRun} frames read: ${[...met].map(([what, count]) => `${what} ${count}`).join(", ")}\n` +
      `${frames} frames sent to a live node over ${connections} connections`
  )
  if (faults.length === 0) return
  for (const fault of faults.slice(0, 20)) yield* Console.log(`FAILED: ${fault}`)
  const message = `${faults.length} faults, commit ${commit()}; replay: npm run vopr -- --target bytes --seed S --runs 1`
  return yield* new VoprFailed({ message, exitCode: 1 })
})

const atLeast = (flag: string, value: number, least: number, most: number) =>
  value >= least && value <= most
    ? Effect.void
    : Effect.fail(refused(`--${flag} ${value}: expected a whole number from ${least} to ${most}`))

const handle = Effect.fnUntraced(function* (input: Input) {
  yield* atLeast("runs", input.runs, 1, 1_000_000)
  yield* atLeast("threads", input.threads, 1, 256)
  yield* atLeast("shrink", input.shrink, 0, 10_000)
  if (Option.isSome(input.nodes)) yield* atLeast("nodes", input.nodes.value, 2, 10_000)
  if (input.target === "bytes") return yield* runBytes(input)
  if (Option.isSome(input.replay)) return yield* replay(input.target, input.replay.value, input.shrink)
  return yield* runSeeds(input.target, input)
}, Effect.scoped)

export const vopr = Command.make("vopr", flags, handle).pipe(
  Command.withShortDescription("Seeded fault simulation"),
  Command.withDescription(
    [
      "Draws a cluster, a network and faults from each seed, lets chaos happen, then calm, and judges every transition.",
      "Same commit, target, seed and --nodes: same run. A failure prints its seed, the commit, the command that runs it",
      "again, the smallest scenario found that fails the same (and writes it to a file), and the last transitions.",
      "",
      "Exit codes: 0 every rule held; 1 one did not, or a set of 150 runs or more has not met every kind of fault; 2 bad",
      "input: nothing was run; 130 and 143 interrupted."
    ].join("\n  ")
  ),
  Command.withExamples([
    { command: "npm run vopr -- --runs 300", description: "Three hundred seeds on the core" },
    { command: "npm run vopr -- --target runtime --seed 17 --runs 1", description: "One seed on the runtime" },
    {
      command: "npm run vopr -- --target recovery --runs 300",
      description: "Three hundred seeds on the broadcast alone"
    },
    { command: "npm run vopr -- --target bytes --runs 1000", description: "Ten million hostile frames" }
  ])
)
