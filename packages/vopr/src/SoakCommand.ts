/**
 * `npm run soak`: a live cluster under churn, cuts and traffic for minutes or hours, and whether anything grows or gets lost.
 */
import { RoutingFlags, Supervisor } from "@hyparview/cluster"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Terminal from "effect/Terminal"
import * as CliError from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"
import { VoprFailed } from "./ExitCode.ts"
import { progressLine, report } from "./soak/printing.ts"
import * as SoakRun from "./SoakRun.ts"

/** Without a terminal, a line at most so often, in samples. */
const lineEvery = 12

/** The samples are written so often, so that what ends a soak of hours leaves something. */
const writeEvery = 60

const number = (name: string, least: number, most: number, unit: string) =>
  Flag.Finite(name).pipe(
    Flag.filter(
      (value) => value >= least && value <= most,
      () => `${least} to ${most} ${unit}`
    )
  )

const whole = (name: string, least: number, most: number) =>
  Flag.Int(name).pipe(
    Flag.filter(
      (value) => value >= least && value <= most,
      () => `a whole number from ${least} to ${most}`
    )
  )

const flags = {
  minutes: number("minutes", 0.1, 100_000, "minutes").pipe(
    Flag.withMetavar("M"),
    Flag.withDescription("For how long everything is watched, after the warm-up")
  ),
  warmUp: number("warm-up", 0, 10_000, "minutes").pipe(
    Flag.optional,
    Flag.withMetavar("M"),
    Flag.withDescription("Minutes before anything is judged to be flat. Default: a third of --minutes, at most 20")
  ),
  nodes: whole("nodes", 4, 1_000).pipe(
    Flag.withDefault(100),
    Flag.withMetavar("N"),
    Flag.withDescription("How many nodes, 4 to 1000 (100)")
  ),
  processes: whole("processes", 1, 100).pipe(
    Flag.withDefault(5),
    Flag.withMetavar("K"),
    Flag.withDescription("In how many processes, 1 to 100, at most one a node (5)")
  ),
  tls: Flag.Boolean("tls").pipe(Flag.withDefault(false), Flag.withDescription("Mutual TLS between the nodes")),
  ...RoutingFlags.flags,
  seed: whole("seed", 0, Number.MAX_SAFE_INTEGER).pipe(
    Flag.withDefault(1),
    Flag.withMetavar("S"),
    Flag.withDescription(
      "Decides who is killed, cut off and publishes (1); a live network is not repeatable all the same"
    )
  ),
  churn: number("churn", 0.05, 3_600, "seconds").pipe(
    Flag.withDefault(1),
    Flag.withMetavar("SECONDS"),
    Flag.withDescription("Between two kills or restarts (1)")
  ),
  stay: number("stay", 10, 90, "percent").pipe(
    Flag.withDefault(50),
    Flag.withMetavar("PERCENT"),
    Flag.withDescription("Of the nodes, how many are never killed (50)")
  ),
  partition: number("partition", 1, 86_400, "seconds").pipe(
    Flag.withDefault(60),
    Flag.withMetavar("SECONDS"),
    Flag.withDescription("Between the beginnings of two cuts; each lasts a third of it (60)")
  ),
  retention: number("retention", 5, 86_400, "seconds").pipe(
    Flag.withDefault(300),
    Flag.withMetavar("SECONDS"),
    Flag.withDescription(
      "For how long nodes retain a message; it is due after four fifths of it (300, the default of a node)"
    )
  ),
  topics: whole("topics", 1, 100).pipe(
    Flag.withDefault(5),
    Flag.withMetavar("T"),
    Flag.withDescription("On how many topics is published (5)")
  ),
  rate: number("rate", 0.1, 1_000, "messages a second").pipe(
    Flag.withDefault(5),
    Flag.withMetavar("R"),
    Flag.withDescription("Messages a second, on all topics together (5)")
  ),
  sample: number("sample", 0.5, 3_600, "seconds").pipe(
    Flag.withDefault(5),
    Flag.withMetavar("SECONDS"),
    Flag.withDescription("Between two samples (5); what varies much from one to the next, as timers do, wants many")
  ),
  json: Flag.String("json").pipe(
    Flag.optional,
    Flag.withMetavar("FILE"),
    Flag.withDescription("Write options, samples, slopes, counts and breaches")
  )
}

type Input = Command.Command.Config.Infer<typeof flags>

/** What no flag can know by itself. */
const contradiction = ({ nodes, processes, strategy, topics, trees }: Input): string | undefined => {
  const routing = RoutingFlags.contradiction({ strategy, trees })
  if (routing !== undefined) return routing
  if (processes > nodes) return `--processes ${processes} is more than --nodes ${nodes}`
  return topics > nodes ? `--topics ${topics} is more than --nodes ${nodes}: each has publishers of its own` : undefined
}

/** By default a third of what follows, up to twenty minutes, in which the tables of the default sizes fill. */
const warmUpOf = (minutes: number): number => Math.min(20, minutes / 3)

const optionsOf = (input: Input): SoakRun.Options => ({
  nodes: input.nodes,
  processes: input.processes,
  tls: input.tls,
  strategy: input.strategy,
  trees: input.trees,
  seed: input.seed,
  warmUpMillis: 60_000 * Option.getOrElse(input.warmUp, () => warmUpOf(input.minutes)),
  watchMillis: 60_000 * input.minutes,
  sampleMillis: 1_000 * input.sample,
  churnMillis: 1_000 * input.churn,
  stay: input.stay / 100,
  partitionMillis: 1_000 * input.partition,
  retentionMillis: Math.round(1_000 * input.retention),
  topics: input.topics,
  perSecond: input.rate
})

const failed = (message: string, exitCode: 1 | 2 = 1) => new VoprFailed({ message, exitCode })

/** Before anything is started, and not after an hour: can the result be written? */
const checkWritable = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  yield* Effect.scoped(fs.open(file, { flag: "a" })).pipe(
    Effect.mapError((error) => failed(`--json ${file}: cannot be written (${error.reason._tag})`, 2))
  )
})

/** On a terminal a line that is drawn anew; otherwise one now and then. */
const makeDisplay = Effect.gen(function* () {
  const { canAnimate } = yield* TerminalCapabilities
  const terminal = yield* Terminal.Terminal
  let shown = 0
  return Effect.fnUntraced(function* (progress: SoakRun.Progress) {
    const line = progressLine(progress)
    if (!canAnimate) return yield* shown++ % lineEvery === 0 ? Console.log(line) : Effect.void
    const columns = yield* terminal.columns
    yield* Effect.ignore(terminal.display(`\r\u001B[K${line.slice(0, Math.max(20, columns - 1))}`))
    if (progress.phase === "done") yield* Effect.ignore(terminal.display("\n"))
  })
})

const handle = Effect.fnUntraced(function* (input: Input) {
  const options = optionsOf(input)
  if (Option.isSome(input.json)) yield* checkWritable(input.json.value)
  const fs = yield* FileSystem.FileSystem
  const display = yield* makeDisplay
  const write = (outcome: SoakRun.Outcome) =>
    Option.match(input.json, {
      onNone: () => Effect.void,
      onSome: (file) =>
        fs
          .writeFileString(file, `${JSON.stringify(outcome)}\n`)
          .pipe(Effect.mapError((error) => failed(`--json ${file}: ${error.message}`)))
    })
  let soFar: () => SoakRun.Outcome | undefined = () => undefined
  let told = 0
  const reported = new Set<string>()
  const tell = Effect.fnUntraced(function* (progress: SoakRun.Progress, outcome: () => SoakRun.Outcome) {
    soFar = outcome
    for (const sentence of progress.breaches) {
      if (reported.has(sentence)) continue
      reported.add(sentence)
      yield* Console.log(`BREACH: ${sentence}`)
    }
    yield* display(progress)
    if (++told % writeEvery === 0) yield* Effect.ignore(write(outcome()))
  })
  const end = Effect.fnUntraced(function* (outcome: SoakRun.Outcome | undefined) {
    if (outcome === undefined) return
    yield* Console.log(report(outcome))
    yield* write(outcome)
  })
  const { nodes, processes, seed, tls, warmUpMillis, watchMillis } = options
  const routing = RoutingFlags.inWords(options)
  yield* Console.log(
    `${nodes} nodes in ${processes} processes over ${tls ? "mutual TLS" : "TCP"}` +
      `${routing === undefined ? "" : ` with ${routing}`}, seed ${seed}: ` +
      `${warmUpMillis / 60_000} minutes of warm-up, then ${watchMillis / 60_000}`
  )
  // What a worker has to say is nothing good: it logs warnings and errors alone.
  const lines = Stream.runForEach(Stream.unwrap(Effect.map(Supervisor.Supervisor, ({ events }) => events)), (event) =>
    event._tag === "WorkerWrote" ? Console.log(`[process ${event.process}] ${event.line}`) : Effect.void
  )
  const outcome = yield* SoakRun.soak(options, tell).pipe(
    Effect.raceFirst(Effect.andThen(lines, Effect.never)),
    // What has been seen until then is worth as much as if it had ended by itself.
    Effect.onInterrupt(() => Effect.ignore(Effect.suspend(() => end(soFar())))),
    Effect.tapError(() => Effect.ignore(Effect.suspend(() => end(soFar())))),
    Effect.mapError((error) => failed(error.message)),
    Effect.provide(Supervisor.layer(SoakRun.supervisorOptions(options))),
    Effect.catchTag(["MembershipConfigError", "InvalidOptions"], (error) => Effect.fail(failed(error.message, 2)))
  )
  yield* end(outcome)
  if (outcome.breaches.length > 0) return yield* failed(`${outcome.breaches.length} breaches: ${outcome.breaches[0]}`)
})

export const soak = Command.make("soak", flags, handle).pipe(
  Command.validate((input) => {
    const message = contradiction(input)
    return message === undefined ? Effect.void : Effect.fail(new CliError.ValidationError({ message }))
  }),
  Command.withShortDescription("A live cluster under churn, for hours"),
  Command.withDescription(
    [
      "Runs a live cluster over TCP, in processes: nodes are killed and restarted, the cluster is cut in two and healed,",
      "messages are published on several topics. Memory (after a collection of garbage), handles, fibers and the size of",
      "every table are sampled. A message within its retention must be handed once to every node that stayed. After the",
      "warm-up every quantity must be flat: the slope of means of twelve blocks, with its 95 % confidence interval, may reach",
      "5 % of the mean an hour (of less than half an hour the slopes are reported and not judged). At the end",
      "all is healed: the overlay must become whole, and processes whose nodes are dead must hold no socket or fiber more",
      "than before they had any.",
      "",
      "Ctrl-C ends everything that was started, and prints what has been seen.",
      "",
      "Exit codes: 0 every rule held; 1 one did not, or a process was lost; 2 bad input: nothing was run; 130 and 143",
      "interrupted."
    ].join("\n  ")
  ),
  Command.withExamples([
    {
      command: "npm run soak -- --minutes 60",
      description: "100 nodes, watched for an hour after 20 minutes of warm-up"
    },
    {
      command: "npm run soak -- --minutes 1 --nodes 12 --processes 2 --partition 15 --retention 30 --sample 2",
      description: "A look at it"
    },
    { command: "npm run soak -- --minutes 600 --json soak.json --tls", description: "A night, the samples in a file" }
  ])
)
