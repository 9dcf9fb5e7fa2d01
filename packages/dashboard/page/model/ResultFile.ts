/**
 * A simulator's result, as `npm run simulate -- … --json FILE --edges FILE` writes it, read with the distrust that a file
 * deserves: whatever is no such file is answered with what is wrong and where. Pure.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

/** The largest file that is read. A result of a million nodes without ages is below it. */
export const mostBytes = 64 * 1_024 * 1_024

/** More nodes are no picture. */
export const mostDrawnNodes = 20_000

/** More links take minutes to lay out. */
const mostDrawnLinks = 200_000

const count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
const share = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))
const seriesOf = <S extends Schema.Constraint>(item: S) => Schema.Array(item).check(Schema.isMaxLength(100_000))

const Overlay = Schema.Struct({
  alive: count,
  components: count,
  largestComponent: count,
  asymmetricLinks: count,
  inDegree: Schema.Record(Schema.String, count),
  clustering: Schema.Finite,
  averageShortestPath: Schema.Finite
})

/** Of a result what the page shows; the rest of it is ignored. */
export const Run = Schema.Struct({
  experiment: Schema.NonEmptyString,
  seed: Schema.Int,
  nodes: Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)),
  complete: Schema.Boolean,
  traceHash: Schema.String,
  overlay: Overlay,
  healingCycles: Schema.NullOr(Schema.Finite),
  broadcasts: seriesOf(Schema.Struct({ reliability: share, rmr: Schema.Finite, hops: count })),
  samples: Schema.optionalKey(
    seriesOf(
      Schema.Struct({ cycle: Schema.Int, alive: count, components: count, largestComponent: count, reliability: share })
    )
  ),
  rounds: Schema.optionalKey(
    seriesOf(Schema.Struct({ round: count, seen: count, waste: count, missed: count, maintenance: count }))
  )
})

export type Run = typeof Run.Type

const Several = Schema.Struct({
  experiment: Schema.NonEmptyString,
  runs: Schema.Array(Run).check(Schema.isMinLength(1), Schema.isMaxLength(1_000))
})

/** A graph of numbered nodes, as an edges file gives it. */
export interface Edges {
  readonly ids: ReadonlyArray<string>
  /** Indices into `ids`; a link that only one end holds is there once, one that both hold is there once as well. */
  readonly links: ReadonlyArray<readonly [a: number, b: number, isOneSided: boolean]>
}

/** What a file turned out to be. */
export type Opened =
  | { readonly _tag: "Runs"; readonly runs: ReadonlyArray<Run> }
  | { readonly _tag: "Edges"; readonly edges: Edges }

const schemaMessage = (error: { readonly message: string }): string => error.message.split("\n").slice(0, 6).join("\n")

const readRuns = (value: unknown): Result.Result<Opened, string> => {
  const isSeveral = typeof value === "object" && value !== null && "runs" in value
  const decoded = isSeveral
    ? Result.map(Schema.decodeUnknownResult(Several)(value), ({ runs }) => runs)
    : Result.map(Schema.decodeUnknownResult(Run)(value), (run) => [run])
  return Result.mapBoth(decoded, {
    onSuccess: (runs): Opened => ({ _tag: "Runs", runs }),
    onFailure: (error) => `it is JSON, but not a result of the simulator:\n${schemaMessage(error)}`
  })
}

const readEdges = (text: string): Result.Result<Opened, string> => {
  const indexOf = new Map<string, number>()
  const found = new Map<string, [number, number, boolean]>()
  const index = (id: string): number => {
    const known = indexOf.get(id)
    if (known !== undefined) return known
    indexOf.set(id, indexOf.size)
    return indexOf.size - 1
  }
  let number = 0
  for (const line of text.split("\n")) {
    number++
    const trimmed = line.trim()
    if (trimmed === "") continue
    const [, from, to] = /^(\d{1,9}),(\d{1,9})$/.exec(trimmed) ?? []
    if (from === undefined || to === undefined) {
      return Result.fail(
        `line ${number} is ${JSON.stringify(trimmed.slice(0, 40))}; a link is two node numbers, FROM,TO`
      )
    }
    if (from === to) return Result.fail(`line ${number} links node ${from} to itself`)
    const a = index(from)
    const b = index(to)
    const key = a < b ? `${a},${b}` : `${b},${a}`
    const link = found.get(key)
    if (link === undefined) found.set(key, [a, b, true])
    else link[2] = link[2] && link[0] === a
    if (indexOf.size > mostDrawnNodes) {
      return Result.fail(`it has more than ${mostDrawnNodes.toLocaleString("en")} nodes, too many for a picture`)
    }
    if (found.size > mostDrawnLinks) {
      return Result.fail(`it has more than ${mostDrawnLinks.toLocaleString("en")} links, too many for a picture`)
    }
  }
  if (found.size === 0) return Result.fail("it is empty")
  return Result.succeed({ _tag: "Edges", edges: { ids: [...indexOf.keys()], links: [...found.values()] } })
}

/** Reads a file by what is in it, not by its name. The failure is a sentence for who opened it. */
export const open = (name: string, text: string): Result.Result<Opened, string> => {
  const tell = Result.mapError((why: string) => `${name} cannot be shown: ${why}`)
  if (text.length > mostBytes) return tell(Result.fail(`it is larger than ${mostBytes / 1_048_576} MiB`))
  const start = text.trimStart().slice(0, 1)
  if (start === "") return tell(Result.fail("it is empty"))
  if (/\d/.test(start)) return tell(readEdges(text))
  if (start !== "{") {
    return tell(Result.fail("it is neither a result (--json FILE) nor a list of links (--edges FILE) of the simulator"))
  }
  return tell(
    Result.flatMap(
      Result.try({
        try: (): unknown => JSON.parse(text),
        catch: (error) => `it is not JSON: ${error instanceof Error ? error.message : String(error)}`
      }),
      readRuns
    )
  )
}
