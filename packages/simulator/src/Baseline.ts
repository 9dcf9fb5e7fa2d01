/**
 * Compares two results: what has changed between a baseline and a run, for a review. Whole documents are compared, each run
 * with that of the same seed; a list of many like things (broadcasts, samples, rounds) by its length and by the mean, least and
 * greatest of each of its numbers, and the share of each of its truths, so that its order alone may change unseen.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import { mean } from "./Measure.ts"

/**
 * One difference. Of a number that one side lacks the other side is undefined.
 *
 * @category models
 * @since 0.1.0
 */
export interface Difference {
  /** Where, as a path: `overlay.clustering`, `run.seed 2.broadcasts.reliability (mean)`. */
  readonly path: string
  readonly baseline: unknown
  readonly current: unknown
  /** (current − baseline) / |baseline|, of two numbers of which the first is not 0. */
  readonly relative: number | undefined
  /** Depends on the machine and its load, not on the run: seconds, bytes. */
  readonly measured: boolean
}

/**
 * The baseline is no result. Nothing was compared.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidBaseline extends Data.TaggedError("InvalidBaseline")<{ readonly detail: string }> {
  override get message(): string {
    return `baseline: ${this.detail}`
  }
}

/**
 * Reads a baseline, the JSON text of a result.
 *
 * @category reading
 * @since 0.1.0
 */
export const parse = (text: string): Result.Result<object, InvalidBaseline> => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    return Result.fail(new InvalidBaseline({ detail: `not JSON: ${cause instanceof Error ? cause.message : "?"}` }))
  }
  if (!Predicate.isReadonlyObject(value) || typeof value["experiment"] !== "string") {
    return Result.fail(new InvalidBaseline({ detail: "not the result of an experiment" }))
  }
  if (!("runs" in value) && !("overlay" in value)) {
    return Result.fail(new InvalidBaseline({ detail: "it has neither runs nor an overlay" }))
  }
  return Result.succeed(value)
}

/**
 * Every difference between two results, in the order of the current one's fields; none means that they are equal.
 *
 * @category comparing
 * @since 0.1.0
 */
export const compare = (baseline: object, current: object): ReadonlyArray<Difference> => {
  const [before, after] = comparable(baseline, current).map((result) => leavesOf(result))
  if (before === undefined || after === undefined) return []
  const differences: Array<Difference> = []
  for (const path of new Set([...after.keys(), ...before.keys()])) {
    const from = before.get(path)
    const to = after.get(path)
    if (from === to) continue
    const relative =
      typeof from === "number" && typeof to === "number" && from !== 0 ? (to - from) / Math.abs(from) : undefined
    differences.push({ path, baseline: from, current: to, relative, measured: isMeasured(path) })
  }
  return differences
}

/** Both as they are, or, where one is a list, both as lists, of the seeds that both have. */
const comparable = (...results: ReadonlyArray<object>): ReadonlyArray<object> => {
  if (!results.some((result) => "runs" in result)) return results
  const runs = results.map((result) => bySeed("runs" in result ? result.runs : [result]))
  const costs = results.map((result) => ("costs" in result ? bySeed(result.costs) : undefined))
  return results.map((result, index) => {
    const seeds = [...new Set([...(runs[index]?.values() ?? [])].map(({ seed }) => String(seed)))].join(", ")
    const others = Object.entries(result).filter(([key]) => ("runs" in result ? key !== "runs" : key === "experiment"))
    const cost = costs[index] === undefined ? {} : { costs: common(costs[index], costs) }
    return { ...Object.fromEntries(others), ...cost, seeds, run: common(runs[index], runs) }
  })
}

type BySeed = ReadonlyMap<string, Readonly<Record<string, unknown>>>

/** Of one side what all sides have that have any. */
const common = (own: BySeed | undefined, all: ReadonlyArray<BySeed | undefined>): object =>
  Object.fromEntries([...(own ?? [])].filter(([name]) => all.every((each) => each === undefined || each.has(name))))

/** The members of a list by their seed; the second of a seed, as `paper` has runs, by its number as well. */
const bySeed = (list: unknown): BySeed => {
  const members = new Map<string, Readonly<Record<string, unknown>>>()
  for (const member of Array.isArray(list) ? list : []) {
    if (!Predicate.isReadonlyObject(member)) continue
    const seed = `seed ${String(member["seed"])}`
    let name = seed
    for (let nth = 2; members.has(name); nth++) name = `${seed}, ${nth}`
    members.set(name, member)
  }
  return members
}

/**
 * The differences as a table for a terminal or a review; those that depend on the machine stand last.
 *
 * @category comparing
 * @since 0.1.0
 */
export const format = (differences: ReadonlyArray<Difference>): string => {
  if (differences.length === 0) return "no differences\n"
  const rows = [...differences.filter(({ measured }) => !measured), ...differences.filter(({ measured }) => measured)]
  const cells = [
    ["", "baseline", "now", "change"],
    ...rows.map(({ baseline, current, path, relative }) => [
      path,
      show(baseline),
      show(current),
      relative === undefined ? "" : `${relative > 0 ? "+" : ""}${(relative * 100).toFixed(1)} %`
    ])
  ]
  const widths = [0, 1, 2, 3].map((column) => Math.max(...cells.map((row) => (row[column] ?? "").length)))
  return cells
    .map((row) =>
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join("  ")
        .trimEnd()
    )
    .join("\n")
    .concat("\n")
}

const show = (value: unknown): string =>
  typeof value === "number" && !Number.isInteger(value)
    ? String(Number(value.toPrecision(6)))
    : value === undefined
      ? "–"
      : String(value)

const isMeasured = (path: string): boolean =>
  /(?:^|\.)costs?(?:\.seed \d+)?\.(?:\w*Seconds|eventsPerSecond|peakRssBytes)$/.test(path)

/** A list longer than this is compared by its statistics. */
const longest = 8

/** Every leaf of a document by its path. */
const leavesOf = (value: unknown, path = "", into = new Map<string, unknown>()): ReadonlyMap<string, unknown> => {
  if (Array.isArray(value)) {
    if (value.length > longest || isSeries(path)) addStatistics(value, path, into)
    else value.forEach((item, index) => leavesOf(item, `${path}[${index}]`, into))
  } else if (Predicate.isReadonlyObject(value)) {
    for (const [key, item] of Object.entries(value)) leavesOf(item, path === "" ? key : `${path}.${key}`, into)
  } else {
    into.set(path, value)
  }
  return into
}

/** Lists whose length is the user's choice: always compared by their statistics, so that two lengths can be compared. */
const isSeries = (path: string): boolean => /(?:^|\.)(?:broadcasts|samples|rounds|firstMessages)$/.test(path)

const addStatistics = (items: ReadonlyArray<unknown>, path: string, into: Map<string, unknown>): void => {
  into.set(`${path}.length`, items.length)
  const numbers = new Map<string, Array<number>>()
  for (const item of items) {
    for (const [field, leaf] of leavesOf(item)) {
      if (typeof leaf !== "number" && typeof leaf !== "boolean") continue
      const list = numbers.get(field) ?? []
      list.push(Number(leaf))
      numbers.set(field, list)
    }
  }
  for (const [field, values] of numbers) {
    const name = field === "" ? path : `${path}.${field}`
    into.set(`${name} (mean)`, mean(values))
    into.set(
      `${name} (least)`,
      values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY)
    )
    into.set(
      `${name} (greatest)`,
      values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY)
    )
  }
}
