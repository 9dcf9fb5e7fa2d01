/**
 * `hyparview simulate`: experiments on large overlays in virtual time.
 *
 * @since 0.1.0
 */
import { Experiment, Result as Results } from "@hyparview/simulator"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Argument from "effect/cli/Argument"
import * as CliError from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import { type Signal, StopSignal } from "./StopSignal.ts"
import type { CommandFailed } from "./ExitCode.ts"
import { badInput, failed } from "./internal/failures.ts"
import { seconds } from "./internal/table.ts"
import { comparison } from "./simulate/baseline.ts"
import * as flags from "./simulate/flags.ts"
import * as outputs from "./simulate/outputs.ts"
import { makeDisplay } from "./simulate/progress.ts"
import { summary } from "./simulate/summary.ts"
import { type Outcome, runAll } from "./simulate/threads.ts"

/** One seed's result as it is; several, or what is missing some, as a list. */
const documentOf = (
  experiment: Experiment.Name,
  seeds: number,
  outcomes: ReadonlyArray<Outcome>
): Results.Result | Results.Results => {
  const [first] = outcomes
  if (seeds === 1 && first !== undefined && (first.complete || !("runs" in first.result))) return first.result
  const runs = outcomes.flatMap(({ result }) => Results.runsOf(result))
  const each = outcomes.flatMap(({ result }) => ("runs" in result ? (result.costs ?? []) : []))
  const costs = each.length === 0 ? {} : { costs: each }
  const complete = outcomes.length === seeds && outcomes.every((outcome) => outcome.complete)
  // A list that was cut short may hold complete runs alone: then only this tells.
  return complete ? { experiment, runs, ...costs } : { experiment, complete, runs, ...costs }
}

const config = {
  experiment: Argument.String("experiment").pipe(
    Argument.withMetavar("EXPERIMENT"),
    Argument.withDescription(`One of ${Experiment.names.join(", ")}: see above`)
  ),
  ...flags.flags
}

const handle = Effect.fnUntraced(function* (input: Command.Command.Config.Infer<typeof config>) {
  const { experiment } = input
  const seeds = flags.seedsOf(experiment, input)
  if (!Experiment.isName(experiment)) {
    return yield* badInput(`unknown experiment "${experiment}"`)
  }
  const activeEdges = Option.getOrUndefined(input.edges)
  const passiveEdges =
    activeEdges !== undefined && experiment === "hashicorp" ? yield* outputs.passiveFile(activeEdges) : undefined
  const baseline = yield* outputs.prepare({
    json: input.json,
    edges: [activeEdges, passiveEdges].filter((file) => file !== undefined),
    report: input.report,
    baseline: input.baseline,
    experiment,
    seeds: Array.from({ length: seeds }, (_, index) => input.seed + index)
  })

  let stopped: Signal | undefined
  let isRunning = true
  const stopSignal = yield* StopSignal
  yield* stopSignal.wait.pipe(
    Effect.tap((signal) => {
      stopped = signal
      // Once the runs are over there is nothing to stop: a reader that goes away (`| head`) comes here as a signal does.
      return isRunning
        ? Console.error(`\n${signal}: stopping; a second one gives up what there is so far`)
        : Effect.void
    }),
    Effect.forkChild({ startImmediately: true })
  )
  const display = yield* makeDisplay
  const outcomes = yield* runAll({
    experiment,
    options: flags.optionsOf(experiment, input),
    seeds,
    activeEdges,
    passiveEdges,
    draws: Option.isSome(input.report),
    isStopped: () => stopped !== undefined,
    explain: (fault) => flags.explain(experiment, input, fault),
    onProgress: display.show
  }).pipe(Effect.ensuring(display.clear))
  isRunning = false

  const document = documentOf(experiment, seeds, outcomes)
  for (const line of summary(experiment, Results.runsOf(document))) yield* Console.log(line)
  if (experiment === "paper") {
    for (const { measured } of outcomes) {
      const { cpuSeconds, peakRssBytes, wallSeconds } = measured
      yield* Console.log(
        `in all ${seconds(cpuSeconds)} CPU, ${seconds(wallSeconds)} wall, peak ${Math.round(peakRssBytes / 1e6)} MB`
      )
    }
  }
  // What cannot be written must not take with it what can be: a run may have taken hours.
  const failures = outcomes.flatMap(({ notWritten }) => (notWritten === undefined ? [] : [failed(notWritten)]))
  const attempt = <A, R>(effect: Effect.Effect<A, CommandFailed, R>) =>
    Effect.catch(effect, (failure) => {
      failures.push(failure)
      return Effect.undefined
    })
  if (Option.isSome(input.json)) yield* attempt(outputs.writeJson(input.json.value, document))
  if (Option.isSome(input.report)) {
    const edges = outcomes[0]?.edges
    const written = yield* attempt(
      outputs.writeReport(input.report.value, document, {
        command: flags.commandLine(experiment, input),
        ...(edges === undefined ? {} : { edges: [edges] })
      })
    )
    if (written !== undefined) {
      const { foreign, page } = written
      yield* Console.log(`report: ${page}`)
      if (foreign.length > 0) yield* Console.log(`beside it, and not of this run: ${foreign.join(", ")}`)
    }
  }
  if (baseline !== undefined) {
    const [heading = "", ...differences] = comparison(baseline, document)
    yield* Console.log(`\n${heading}`)
    for (const line of differences) yield* Console.log(line)
  }
  const [failure, ...others] = failures
  for (const { message } of others) yield* Console.error(message)
  if (failure !== undefined) return yield* failure
  // All that there was is written; the exit code is the signal's.
  if (outcomes.length < seeds || outcomes.some(({ complete }) => !complete)) return yield* Effect.interrupt
}, Effect.scoped)

/**
 * @category commands
 * @since 0.1.0
 */
export const simulate = Command.make("simulate", config, handle).pipe(
  Command.validate((input) => {
    const message = flags.contradiction(input.experiment, input)
    return message === undefined ? Effect.void : Effect.fail(new CliError.ValidationError({ message }))
  }),
  Command.withShortDescription("Run an experiment on a large overlay in virtual time"),
  Command.withDescription(
    [
      "Runs an experiment on an overlay of up to millions of nodes, in virtual time, with the code that runs in production.",
      "A run is a pure function of experiment, options and seed: its trace hash is the same on every machine.",
      "",
      "Experiments:",
      ...flags.listed,
      "",
      "Flags are in percent, results in shares from 0 to 1. Ctrl-C or SIGTERM stops a run where it stands: what was measured",
      "until then is written, and marked as incomplete. Another signal, a second later or more, gives that up.",
      "",
      "Other parameters of the protocol, as the sizes of the views, and latencies and metrics of your own take a script: the README",
      "of @hyparview/simulator says how, what is in each output, and who reads it.",
      "",
      "Exit codes: 0 all well; 1 the run failed (out of memory, a disk that is full); 2 bad input, an unwritable file: nothing",
      "was started; 130 and 143 interrupted by Ctrl-C or SIGTERM."
    ].join("\n  ")
  ),
  Command.withExamples(({ commandPath }) => [
    { command: `${commandPath.join(" ")} stable`, description: "The paper's overlay: 10,000 nodes, 50 cycles" },
    {
      command: `${commandPath.join(" ")} failures --kill 80 --messages 1000 --seeds 3 --json result.json`,
      description: "Four nodes in five die; three seeds side by side, the figures in a file"
    },
    {
      command: `${commandPath.join(" ")} failures --kill 80 --messages 1000 --seeds 3 --baseline result.json`,
      description: "The same again after a change: what has changed"
    },
    {
      command: `${commandPath.join(" ")} hashicorp --nodes 1000 --send-attempts 2 --edges graph.csv --report report`,
      description: "HashiCorp's scenario with its graphs, and a page with plots"
    },
    {
      command: `${commandPath.join(" ")} stable --nodes 1000000 --contacts 1000 --cycles 10`,
      description: "A million nodes: takes some twenty minutes, and 6 GB"
    }
  ])
)
