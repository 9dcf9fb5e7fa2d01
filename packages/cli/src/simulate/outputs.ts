/** The files that a simulation reads and writes. That they can be written is found out before it runs, not after. */
import { Baseline, type Result as Results } from "@hyparview/simulator"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Result from "effect/Result"
import { badInput } from "../internal/failures.ts"
import { checkWritable, makeDirectory, realFile, writeText } from "../internal/files.ts"
import { systemMessageOf } from "../internal/systemErrors.ts"
import { incomparable } from "./baseline.ts"

type Document = Results.Result | Results.Results

const page = "index.html"

/** The passive graph's file beside the active one's: `graph.csv`, `graph.passive.csv`. */
export const passiveFile = Effect.fnUntraced(function* (file: string) {
  const { basename, dirname, extname, join } = yield* Path.Path
  const extension = extname(file)
  return join(dirname(file), `${basename(file, extension)}.passive${extension}`)
})

interface Outputs {
  readonly json: Option.Option<string>
  readonly edges: ReadonlyArray<string>
  readonly report: Option.Option<string>
}

/** Of a run that is to be made. */
interface Files extends Outputs {
  readonly baseline: Option.Option<string>
  readonly experiment: string
  readonly seeds: ReadonlyArray<number>
}

/** Two outputs in one file, by whatever names, would leave only one of them. */
const checkDistinct = Effect.fnUntraced(function* (files: Outputs) {
  const { dirname, extname, join } = yield* Path.Path
  const outputs = [
    ...Option.toArray(files.json).map((file) => ({ name: `--json ${file}`, file })),
    ...files.edges.map((file) => ({ name: `--edges ${file}`, file })),
    ...Option.toArray(files.report).map((directory) => ({
      name: `the page of --report ${directory}`,
      file: join(directory, page)
    }))
  ]
  const seen = new Map<string, string>()
  for (const { file, name } of outputs) {
    const real = yield* realFile(file)
    const other = seen.get(real)
    if (other !== undefined) {
      return yield* badInput(`${other} and ${name}: ${real} would be written twice; name two files`)
    }
    seen.set(real, name)
  }
  if (Option.isNone(files.report)) return
  const pictures = dirname(yield* realFile(join(files.report.value, "*.svg")))
  for (const [real, name] of seen) {
    if (dirname(real) !== pictures || extname(real) !== ".svg") continue
    return yield* badInput(`${name}: --report ${files.report.value} writes pictures there; name another file`)
  }
})

/**
 * Everything that can be known of the files before a run: that the outputs can be written, and what the baseline is. A directory
 * that is made here is removed with the scope, if nothing came of the run.
 */
export const prepare = Effect.fnUntraced(function* (files: Files) {
  const fileSystem = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  let baseline: object | undefined
  if (Option.isSome(files.baseline)) {
    const file = files.baseline.value
    const text = yield* fileSystem
      .readFileString(file)
      .pipe(Effect.mapError((error) => badInput(`--baseline ${file}: cannot be read: ${systemMessageOf(error)}`)))
    const parsed = Baseline.parse(text)
    if (Result.isFailure(parsed)) return yield* badInput(`--baseline ${file}: ${parsed.failure.detail}`)
    const hindrance = incomparable(parsed.success, files.experiment, files.seeds)
    if (hindrance !== undefined) return yield* badInput(`--baseline ${file}: ${hindrance}`)
    baseline = parsed.success
  }
  yield* checkDistinct(files)
  // First, because the others may stand in it.
  if (Option.isSome(files.report)) {
    yield* makeDirectory("report", files.report.value)
    yield* checkWritable("report", join(files.report.value, page))
  }
  if (Option.isSome(files.json)) yield* checkWritable("json", files.json.value)
  for (const file of files.edges) yield* checkWritable("edges", file)
  return baseline
})

export const writeJson = (file: string, document: Document) =>
  writeText("json", file, `${JSON.stringify(document, null, 2)}\n`)

/** Writes the page and its pictures. Gives the page's path, and the pictures beside it that are of another run. */
export const writeReport = Effect.fnUntraced(function* (
  directory: string,
  document: Document,
  options: { readonly command: string; readonly edges?: Iterable<string> }
) {
  const { extname, join } = yield* Path.Path
  // A charting library: nobody else should wait for it to load.
  const { report } = yield* Effect.promise(() => import("@hyparview/simulator/Report"))
  const { files, html } = report(document, options)
  for (const { content, name } of [{ name: page, content: html }, ...files]) {
    yield* writeText("report", join(directory, name), content)
  }
  const fileSystem = yield* FileSystem.FileSystem
  const present = yield* Effect.orElseSucceed(fileSystem.readDirectory(directory), () => [])
  const own = new Set(files.map(({ name }) => name))
  const foreign = present.filter((name) => extname(name) === ".svg" && !own.has(name)).sort()
  return { page: join(directory, page), foreign }
})
