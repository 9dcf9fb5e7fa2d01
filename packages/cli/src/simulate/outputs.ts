/** The files that a simulation reads and writes. That they can be written is found out before it runs, not after. */
import { Baseline, type Result as Results } from "@hyparview/simulator"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Result from "effect/Result"
import { CommandFailed } from "../ExitCode.ts"
import * as ExitCode from "../ExitCode.ts"

type Document = Results.Result | Results.Results

const page = "index.html"

const refuse = (message: string) => new CommandFailed({ message, exitCode: ExitCode.badInput })

/** Opens a file for writing as the real thing will, and leaves it, or its absence, as it was. */
const checkWritable = Effect.fnUntraced(function* (flag: string, file: string) {
  const fileSystem = yield* FileSystem.FileSystem
  yield* Effect.gen(function* () {
    const existed = yield* fileSystem.exists(file)
    yield* Effect.scoped(fileSystem.open(file, { flag: "a" }))
    if (!existed) yield* fileSystem.remove(file)
  }).pipe(Effect.mapError((error) => refuse(`--${flag} ${file} cannot be written: ${error.message}`)))
})

/** The passive graph's file beside the active one's: `graph.csv`, `graph.passive.csv`. */
export const passiveFile = Effect.fnUntraced(function* (file: string) {
  const { basename, dirname, extname, join } = yield* Path.Path
  const extension = extname(file)
  return join(dirname(file), `${basename(file, extension)}.passive${extension}`)
})

/** Everything that can be known of the files before a run: that the outputs can be written, and what the baseline is. */
export const prepare = Effect.fnUntraced(function* (files: {
  readonly json: Option.Option<string>
  readonly edges: ReadonlyArray<string>
  readonly report: Option.Option<string>
  readonly baseline: Option.Option<string>
}) {
  const fileSystem = yield* FileSystem.FileSystem
  const { join, resolve } = yield* Path.Path
  let baseline: object | undefined
  if (Option.isSome(files.baseline)) {
    const file = files.baseline.value
    const text = yield* fileSystem
      .readFileString(file)
      .pipe(Effect.mapError((error) => refuse(`--baseline ${file} cannot be read: ${error.message}`)))
    const parsed = Baseline.parse(text)
    if (Result.isFailure(parsed)) return yield* refuse(`--baseline ${file}: ${parsed.failure.detail}`)
    baseline = parsed.success
  }
  const written = [...Option.toArray(files.json), ...files.edges].map((file) => resolve(file))
  const twice = written.find((file, index) => written.indexOf(file) !== index)
  if (twice !== undefined) return yield* refuse(`${twice} would be written twice`)
  if (Option.isSome(files.json)) yield* checkWritable("json", files.json.value)
  for (const file of files.edges) yield* checkWritable("edges", file)
  if (Option.isSome(files.report)) {
    const directory = files.report.value
    yield* fileSystem
      .makeDirectory(directory, { recursive: true })
      .pipe(Effect.mapError((error) => refuse(`--report ${directory} cannot be made: ${error.message}`)))
    yield* checkWritable("report", join(directory, page))
  }
  return baseline
})

const failed = (what: string) =>
  Effect.mapError(
    (error: { readonly message: string }) =>
      new CommandFailed({ message: `${what}: ${error.message}`, exitCode: ExitCode.failed })
  )

export const writeJson = Effect.fnUntraced(function* (file: string, document: Document) {
  const fileSystem = yield* FileSystem.FileSystem
  yield* fileSystem.writeFileString(file, `${JSON.stringify(document, null, 2)}\n`).pipe(failed(`--json ${file}`))
})

/** Writes the page and its pictures, and gives the page's path. */
export const writeReport = Effect.fnUntraced(function* (
  directory: string,
  document: Document,
  options: { readonly command: string; readonly edges?: Iterable<string> }
) {
  const fileSystem = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  // A charting library: nobody else should wait for it to load.
  const { report } = yield* Effect.promise(() => import("@hyparview/simulator/Report"))
  const { files, html } = report(document, options)
  for (const { content, name } of [{ name: page, content: html }, ...files]) {
    yield* fileSystem.writeFileString(join(directory, name), content).pipe(failed(`--report ${directory}`))
  }
  return join(directory, page)
})
