/** Text in columns. */

/** Lines with each column as wide as its widest cell; columns named in `right` are aligned to the right. */
export const table = (
  rows: ReadonlyArray<ReadonlyArray<string>>,
  right: ReadonlyArray<number> = []
): ReadonlyArray<string> => {
  const widths: Array<number> = []
  for (const row of rows) {
    row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, cell.length)))
  }
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0
        return right.includes(column) ? cell.padStart(width) : cell.padEnd(width)
      })
      .join("  ")
      .trimEnd()
  )
}

/** 0.012 s, 1.2 s, 34 s: three digits of what matters. */
export const seconds = (value: number): string =>
  `${value < 0.1 ? value.toFixed(3) : value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0)} s`

export const kilobytes = (bytes: number): string => `${Math.round(bytes / 1_000).toLocaleString("en")} kB`

export const percent = (share: number): string => `${(share * 100).toFixed(1)} %`

/** 1 node, 2 nodes, 3 processes. */
export const many = (count: number, noun: string): string =>
  `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : noun.endsWith("s") ? "es" : "s"}`
