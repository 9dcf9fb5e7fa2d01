/** A figure of a report: a drawing, its words, and the numbers behind it. */
import type { Chart, Series } from "./Chart.ts"

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
  /** What else is behind the drawing, with its own heading. */
  readonly more?: Table & { readonly caption: string }
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

/** Of more seeds than these a value each would be a heap of figures. */
export const mostListed = 4

/** What the seeds have: one value where all have the same, of a few each in turn, of more the mean ± the standard deviation. */
export const ofSeeds = (values: ReadonlyArray<number>, format: (value: number) => string): string => {
  const texts = values.map((value) => format(value))
  if (new Set(texts).size === 1) return texts[0] ?? ""
  if (texts.length <= mostListed) return texts.join(", ")
  const average = mean(values)
  const squares = values.reduce((sum, value) => sum + (value - average) ** 2, 0)
  const deviation = Math.sqrt(squares / (values.length - 1))
  return `${format(average)} ± ${format(deviation)}`
}

/** The same of words: of many seeds how many have which. */
export const wordsOfSeeds = (words: ReadonlyArray<string>): string => {
  const distinct = [...new Set(words)]
  if (words.length <= mostListed) return words.join(", ")
  return distinct
    .map((word) => {
      const count = words.filter((other) => other === word).length
      return `${word} (${count} ${count === 1 ? "seed" : "seeds"})`
    })
    .join(", ")
}

/** The mean of several lines: at each x, of those that have a point there. */
export const meanPoints = (lines: ReadonlyArray<Pick<Series, "points">>): Series["points"] => {
  const byX = new Map<number, Array<number>>()
  for (const { points } of lines) for (const [x, y] of points) byX.set(x, [...(byX.get(x) ?? []), y])
  return [...byX].sort(([a], [b]) => a - b).map(([x, ys]) => [x, mean(ys)] as const)
}

/** So many points a line has at most, and its table rows: more make a page too large to read. */
const mostPoints = 1_000

/** A chart with every k-th of its points and the last, if there are too many; its axis, and with it its table, says so. */
export const thinned = (chart: Chart): Chart => {
  const xs = [...new Set(chart.series.flatMap(({ points }) => points.map(([x]) => x)))].sort((a, b) => a - b)
  if (xs.length <= mostPoints) return chart
  const every = Math.ceil(xs.length / mostPoints)
  const kept = new Set(xs.filter((_, index) => index % every === 0 || index === xs.length - 1))
  return {
    ...chart,
    x: { ...chart.x, label: `${chart.x.label} (one in ${every} is shown)` },
    series: chart.series.map((series) => ({ ...series, points: series.points.filter(([x]) => kept.has(x)) }))
  }
}

/** The table behind lines: x, then one column for each series. */
export const tableOf = (chart: Chart): Table => {
  const byX = new Map<number, Array<string>>()
  chart.series.forEach(({ points }, column) => {
    for (const [x, y] of points) {
      const row = byX.get(x) ?? []
      row[column] = `${number(y, 6)}${chart.y.unit ?? ""}`
      byX.set(x, row)
    }
  })
  const xs = [...byX.keys()].sort((a, b) => a - b)
  const rows = xs.map((x) => [
    `${number(x)}${chart.x.unit ?? ""}`,
    ...chart.series.map((_, column) => byX.get(x)?.[column] ?? "–")
  ])
  return { columns: [chart.x.label, ...chart.series.map(({ name }) => name)], rows }
}
