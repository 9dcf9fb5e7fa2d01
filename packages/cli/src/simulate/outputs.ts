/** The files that a simulation reads and writes. That they can be written is found out before it runs, not after. */
import { Baseline, type Result as Results } from "@hyparview/simulator"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Result from "effect/Result"
import { badInput } from "../internal/failures.ts"
import { checkWritable, writeText } from "../internal/files.ts"

type Document = Results.Result | Results.Results

const page = "index.html"

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
      .pipe(Effect.mapError((error) => badInput(`--baseline ${file}: cannot be read (${error.reason._tag})`)))
    const parsed = Baseline.parse(text)
    if (Result.isFailure(parsed)) return yield* badInput(`--baseline ${file}: ${parsed.failure.detail}`)
    baseline = parsed.success
  }
  const written = [...Option.toArray(files.json), ...files.edges].map((file) => resolve(file))
  const twice = written.find((file, index) => written.indexOf(file) !== index)
  if (twice !== undefined) return yield* badInput(`${twice} would be written twice`)
  if (Option.isSome(files.json)) yield* checkWritable("json", files.json.value)
  for (const file of files.edges) yield* checkWritable("edges", file)
  if (Option.isSome(files.report)) {
    const directory = files.report.value
    yield* fileSystem
      .makeDirectory(directory, { recursive: true })
      .pipe(Effect.mapError((error) => badInput(`--report ${directory}: cannot be made (${error.reason._tag})`)))
    yield* checkWritable("report", join(directory, page))
  }
  return baseline
})

export const writeJson = (file: string, document: Document) =>
  writeText("json", file, `${JSON.stringify(document, null, 2)}\n`)

/** Writes the page and its pictures, and gives the page's path. */
export const writeReport = Effect.fnUntraced(function* (
  directory: string,
  document: Document,
  options: { readonly command: string; readonly edges?: Iterable<string> }
) {
  const { join } = yield* Path.Path
  // A charting library: nobody else should wait for it to load.
  const { report } = yield* Effect.promise(() => import("@hyparview/simulator/Report"))
  const { files, html } = report(document, options)
  for (const { content, name } of [{ name: page, content: html }, ...files]) {
    yield* writeText("report", join(directory, name), content)
  }
  return join(directory, page)
})
