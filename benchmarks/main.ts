/**
 * `npm run bench [-- NAME …] [--full] [--json FILE]`: measures, and prints one table. What the lines mean is in
 * `docs/benchmarks.md`.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Argument from "effect/cli/Argument"
import * as CliConfig from "effect/cli/CliConfig"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import { availableParallelism, cpus } from "node:os"
import { catalog } from "./internal/catalog.ts"
import { type Line, table } from "./internal/table.ts"
import { runApart } from "./internal/worker.ts"

/** A benchmark did not come to its end. Those before it are in the table all the same. */
class BenchmarkFailed extends Data.TaggedError("BenchmarkFailed")<{ readonly names: ReadonlyArray<string> }> {
  override get message(): string {
    return `failed: ${this.names.join(", ")}`
  }
}

const known = [...catalog.keys()]

const listing = [...catalog].map(([name, { about }]) => `${name} (${about})`).join(", ")

/** The lines of one benchmark, or undefined if it failed. */
const measure = Effect.fnUntraced(function* (name: string, full: boolean) {
  const begin = yield* Clock.currentTimeMillis
  yield* Console.error(`${name}: ${catalog.get(name)?.about} …`)
  const rows = yield* Effect.tryPromise(() => runApart(name, full)).pipe(
    Effect.catch((error) => Effect.as(Console.error(String(error.cause)), undefined))
  )
  const seconds = ((yield* Clock.currentTimeMillis) - begin) / 1_000
  yield* Console.error(`${name}: ${rows === undefined ? "failed" : "done"} after ${seconds.toFixed(0)} s`)
  return rows?.map((row): Line => ({ name, ...row }))
})

const machine = () => ({
  node: process.version,
  platform: `${process.platform}-${process.arch}`,
  cpu: cpus()[0]?.model ?? "unknown",
  cores: availableParallelism()
})

const bench = Command.make(
  "bench",
  {
    names: Argument.Literals("NAME", known).pipe(
      Argument.withDescription(`What to measure; everything if none is named. Known: ${listing}`),
      Argument.variadic()
    ),
    full: Flag.Boolean("full").pipe(
      Flag.withDefault(false),
      Flag.withDescription("More repetitions: takes about three times as long")
    ),
    json: Flag.String("json").pipe(
      Flag.optional,
      Flag.withMetavar("FILE"),
      Flag.withDescription("Write the figures to a file as well")
    )
  },
  Effect.fnUntraced(function* ({ full, json, names }) {
    const chosen = names.length === 0 ? known : [...new Set(names)]
    const results = yield* Effect.forEach(chosen, (name) => measure(name, full))
    const lines = results.flatMap((rows) => rows ?? [])
    for (const line of table(lines)) yield* Console.log(line)
    if (Option.isSome(json)) {
      const fs = yield* FileSystem.FileSystem
      yield* fs.writeFileString(json.value, `${JSON.stringify({ machine: machine(), full, lines }, undefined, 2)}\n`)
    }
    const failed = chosen.filter((_, i) => results[i] === undefined)
    if (failed.length > 0) return yield* new BenchmarkFailed({ names: failed })
  })
).pipe(Command.withDescription("Measures every layer. Ratios count; absolute figures are this machine's."))

/** A wrong word is answered with what is wrong and where the help is, not with a screenful of help. */
const layerPresenter = CliOutput.layerPresenter({
  present: (event) => {
    if (event._tag !== "InvalidInvocation") return CliOutput.defaultPresenter.present(event)
    return Effect.flatMap(CliOutput.Formatter, (formatter) =>
      Console.error(`${formatter.formatErrors(event.errors)}\n\nSee npm run bench -- --help.`)
    )
  }
})

const layerConfig = CliConfig.layer({ builtIns: [GlobalFlag.Help] })

Command.run(bench, { version: "" }).pipe(
  Effect.provide(Layer.mergeAll(NodeServices.layer, layerPresenter, layerConfig)),
  NodeRuntime.runMain
)
