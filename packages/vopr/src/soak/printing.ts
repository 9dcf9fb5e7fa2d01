/** What a soak prints: a line as it goes, and at the end the figures and the verdict. */
import type { Outcome, Progress } from "../SoakRun.ts"
import { flatShare } from "./quantities.ts"

const mebibytes = (bytes: number): string => `${(bytes / 1_048_576).toFixed(0)} MiB`

const clock = (millis: number): string => {
  const seconds = Math.floor(millis / 1_000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`
}

/** A quantity in its unit. */
const shown = (name: string, value: number): string => {
  if (name.startsWith("memory.")) return `${(value / 1_048_576).toFixed(2)} MiB`
  return Math.abs(value) >= 1_000 ? value.toFixed(0) : value.toPrecision(3)
}

/** How it is going, in a line. */
export const progressLine = ({
  alive,
  components,
  cores,
  elapsedMillis,
  marks,
  phase,
  sample,
  totals
}: Progress): string =>
  [
    `${clock(elapsedMillis)} ${phase}`,
    `${alive} nodes in ${components === 1 ? "one component" : `${components} components`}`,
    `${marks.kills} killed, ${marks.restarts} restarted, ${marks.cutsSilent + marks.cutsReset} cuts`,
    `${totals.published} published, ${totals.judged} judged, ${totals.missing + totals.givenUp} missing, ${totals.repeated} twice`,
    `${mebibytes(sample.values["memory.resident"] ?? 0)} resident, ${mebibytes(sample.values["memory.heap"] ?? 0)} heap`,
    `${cores.toFixed(2)} cores`
  ].join("; ")

const padded = (rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  ")
      .trimEnd()
  )
}

/**
 * Whether the machine kept up. On one that does not, handshakes run out of their time and nodes are cut off without any cut:
 * what was missed then tells of the machine.
 */
const pace = ({ marks, options, samples, totals }: Outcome): string => {
  const elapsedMillis = samples.at(-1)?.atMillis ?? 0
  const share = (done: number, due: number): string => `${Math.round((100 * done) / Math.max(1, due))} %`
  const churn = share(marks.kills + marks.restarts, elapsedMillis / options.churnMillis)
  const traffic = share(totals.published + marks.refused, (elapsedMillis * options.perSecond) / 1_000)
  return `The machine kept up with ${churn} of the churn and ${traffic} of the traffic.`
}

/** The figures and the verdict. */
export const report = (outcome: Outcome): string => {
  const { breaches, isComplete, judged, marks, samples, totals, watchedMillis } = outcome
  const rows = judged.map(({ bound, finding, name, slope: { high, low, mean, perHour } }) => [
    name,
    shown(name, mean),
    shown(name, perHour),
    `${shown(name, low)} to ${shown(name, high)}`,
    shown(name, bound),
    finding
  ])
  return [
    `Slopes over ${(watchedMillis / 60_000).toFixed(1)} minutes after the warm-up, ${samples.length} samples in all; flat: at most ${flatShare * 100} % of the mean an hour`,
    ...padded([["", "mean", "an hour", "95 % confidence", "allowed", ""], ...rows]).map((row) => `  ${row}`),
    `${marks.kills} nodes killed, ${marks.restarts} restarted, ${marks.cutsSilent} silent cuts and ${marks.cutsReset} with resets, each healed`,
    `${totals.published} messages published (${marks.refused} refused by nodes that had not joined), handed out ${totals.handed} times`,
    `${totals.judged} judged: ${totals.owed} deliveries owed to nodes that stayed, ${totals.missing} missing, ${totals.givenUp} given up, ${totals.repeated} repeated, ${totals.invented} invented`,
    `${totals.lostWithPublisher} lost with their publisher; ${totals.late} deliveries beyond retention; ${totals.lagged} messages Lagged to anybody`,
    pace(outcome),
    ...breaches.map((sentence) => `BREACH: ${sentence}`),
    isComplete
      ? breaches.length === 0
        ? "Every rule held."
        : `${breaches.length} breaches.`
      : "Interrupted: not everything was judged."
  ].join("\n")
}
