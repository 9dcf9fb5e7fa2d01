/** A figure of a report: a drawing, its words, and the numbers behind it. */
import type { Chart } from "./Chart.ts"

/** The numbers behind a figure. Cells are ready to be shown. */
export interface Table {
  readonly columns: ReadonlyArray<string>
  readonly rows: ReadonlyArray<ReadonlyArray<string>>
}

export interface Figure {
  /** The name of its file, without `.svg`. */
  readonly id: string
  readonly title: string
  /** What to see in it, and under which model it was measured. */
  readonly note: string
  /** A figure without a drawing is its table. */
  readonly chart?: Chart
  readonly table: Table
}

/** A number for a reader: whole ones with commas, others with a sensible number of digits. */
export const number = (value: number | undefined, digits = 4): string =>
  value === undefined || !Number.isFinite(value)
    ? "–"
    : Number.isInteger(value)
      ? value.toLocaleString("en")
      : String(Number(value.toPrecision(digits)))

/** A share as percent: 0.99937 as 99.937 %. */
export const percent = (share: number | undefined, digits = 3): string =>
  share === undefined || !Number.isFinite(share) ? "–" : `${Number((share * 100).toFixed(digits))} %`

export const mean = (values: ReadonlyArray<number>): number =>
  values.length === 0 ? Number.NaN : values.reduce((sum, value) => sum + value, 0) / values.length

/** The table behind lines: x, then one column for each series. At most `limit` rows, and it says so. */
export const tableOf = (chart: Chart, limit = 1_000): Table => {
  const byX = new Map<number, Array<string>>()
  chart.series.forEach(({ points }, column) => {
    for (const [x, y] of points) {
      const row = byX.get(x) ?? []
      row[column] = `${number(y, 6)}${chart.y.unit ?? ""}`
      byX.set(x, row)
    }
  })
  const xs = [...byX.keys()].sort((a, b) => a - b)
  const rows = xs
    .slice(0, limit)
    .map((x) => [`${number(x)}${chart.x.unit ?? ""}`, ...chart.series.map((_, column) => byX.get(x)?.[column] ?? "–")])
  if (xs.length > limit) rows.push([`… ${xs.length - limit} more`, ...chart.series.map(() => "")])
  return { columns: [chart.x.label, ...chart.series.map(({ name }) => name)], rows }
}
