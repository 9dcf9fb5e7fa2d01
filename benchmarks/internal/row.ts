/** What every benchmark gives: lines of one table. */

/** What this project wants a figure to be: at least, or at most, so much. */
export interface Aim {
  readonly of: "median" | "ratio"
  readonly bound: "≥" | "≤"
  readonly value: number
}

export interface Row {
  /** What was measured, in words that `docs/benchmarks.md` explains. */
  readonly what: string
  readonly median: number
  readonly unit: string
  /** The ratio to a reference measured in the same run, and what that is. */
  readonly ratio?: { readonly to: string; readonly value: number }
  readonly aim?: Aim
}

export const meets = ({ aim, median, ratio }: Row): boolean | undefined => {
  if (aim === undefined) return undefined
  const value = aim.of === "median" ? median : (ratio?.value ?? NaN)
  return aim.bound === "≥" ? value >= aim.value : value <= aim.value
}

export const medianOf = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b).at(Math.floor(values.length / 2)) ?? NaN
