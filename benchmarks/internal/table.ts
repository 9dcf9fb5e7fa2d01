/** The figures as text in columns. */
import { meets, type Row } from "./row.ts"

export interface Line extends Row {
  readonly name: string
}

const headings = ["name", "what", "median", "unit", "ratio", "to", "aim", ""]

const rightAligned = new Set([2, 4])

/** Three digits of what is small, all of what is large. */
const figure = (value: number): string =>
  Math.abs(value) < 100 ? String(Number(value.toPrecision(3))) : Math.round(value).toLocaleString("en")

const cells = (line: Line): ReadonlyArray<string> => {
  const { aim, median, name, ratio, unit, what } = line
  const met = meets(line)
  return [
    name,
    what,
    figure(median),
    unit,
    ratio === undefined ? "" : ratio.value.toFixed(2),
    ratio?.to ?? "",
    aim === undefined ? "" : `${aim.of === "ratio" ? "ratio " : ""}${aim.bound} ${figure(aim.value)}`,
    met === undefined ? "" : met ? "met" : "missed"
  ]
}

export const table = (lines: ReadonlyArray<Line>): ReadonlyArray<string> => {
  const rows = [headings, ...lines.map(cells)]
  const widths = headings.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0
        return rightAligned.has(column) ? cell.padStart(width) : cell.padEnd(width)
      })
      .join("  ")
      .trimEnd()
  )
}
