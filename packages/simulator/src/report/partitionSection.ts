/** The figures of a cut and its heal: how well the parts are mixed, with and without looking for them, and what it costs. */
import type { Result, Sample } from "../Result.ts"
import type { Series } from "./Chart.ts"
import { type Figure, mean, meanPoints, number, percent, tableOf, thinned } from "./Figure.ts"

type Lines = (
  runs: ReadonlyArray<Result>,
  name: string,
  pointsOf: (run: Result) => Series["points"]
) => ReadonlyArray<Series>

/** The figures of these runs, if they are of a cut. */
export const partitionFigures = (runs: ReadonlyArray<Result>, linesOf: Lines): ReadonlyArray<Figure> => {
  const [first] = runs
  return first?.partition === undefined ? [] : [mixedFigure(runs, linesOf), controlFigure(runs, linesOf), table(runs)]
}

const mixedFigure = (runs: ReadonlyArray<Result>, linesOf: Lines): Figure => {
  const of = (pick: (sample: Sample) => number | undefined) => (run: Result) =>
    (run.samples ?? []).filter(isRecent).flatMap((sample) => {
      const links = pick(sample)
      return links === undefined ? [] : [[sample.cycle, links] as const]
    })
  const meanOf = (pick: (sample: Sample) => number | undefined) =>
    meanPoints(runs.map((run) => ({ points: of(pick)(run) })))
  const first = Math.min(...runs.flatMap(({ samples = [] }) => samples.filter(isRecent).map(({ cycle }) => cycle)), 0)
  const chart = thinned({
    kind: "lines",
    x: { label: "cycle after the heal", min: first },
    y: { label: "links between the parts", min: 0 },
    series: [
      ...linesOf(
        runs,
        "ours",
        of(({ crossLinks }) => crossLinks)
      ),
      {
        name: "a few links, and nobody looks for more",
        label: "a few links",
        role: "second",
        points: meanOf(({ crossLinksUnhealed }) => crossLinksUnhealed)
      },
      {
        name: "in a random graph",
        label: "random graph",
        role: "theory",
        points: meanOf(({ crossLinksOfRandomGraph }) => crossLinksOfRandomGraph)
      }
    ]
  })
  return {
    id: "cross-links",
    title: "How well the parts are mixed: the width of the cut",
    note: "Each link counts at both its ends. One component alone says little: a single link makes one. A random graph of the same degrees is the measure. The second line is a copy of the world from the heal on, in which nobody looks for the other parts and six nodes of each part are told of another: two well-knit networks joined by a few links. Each is the mean of the seeds.",
    chart,
    table: tableOf(chart)
  }
}

/** Of a long cut its last cycles. */
const isRecent = ({ cycle }: { readonly cycle: number }): boolean => cycle >= -10

/**
 * Between its looks each world comes to rest, and no two seeds look at the same instant: the n-th look of each stands at
 * the mean of theirs.
 */
const looksOf = (runs: ReadonlyArray<Result>): ReadonlyArray<number> => {
  const each = runs.map(({ partition }) => partition?.control ?? [])
  const most = each.reduce((most, { length }) => Math.max(most, length), 0)
  return Array.from({ length: most }, (_, look) => mean(each.flatMap((control) => control[look]?.seconds ?? [])))
}

const controlFigure = (runs: ReadonlyArray<Result>, linesOf: Lines): Figure => {
  const looks = looksOf(runs)
  const chart = thinned({
    kind: "lines",
    x: { label: "seconds after the heal", min: 0 },
    y: { label: "control frames, of a calm minute's", min: 0 },
    series: [
      ...linesOf(runs, "ours", ({ partition }) =>
        (partition?.control ?? []).map(
          ({ perMinute, seconds }, look) =>
            [looks[look] ?? seconds, perMinute / Math.max(1, partition?.calmControlPerMinute ?? 1)] as const
        )
      )
    ]
  })
  return {
    id: "control-after-heal",
    title: "What the heal costs",
    note: "Everything that all nodes send but payloads, in the minute of cycles until then, as a multiple of the calm rate before the cut.",
    chart,
    table: tableOf(chart)
  }
}

const table = (runs: ReadonlyArray<Result>): Figure => {
  const rows: ReadonlyArray<readonly [string, (run: Result) => string]> = [
    ["cut", ({ config, partition }) => `${partition?.cut ?? ""}, ${number(Number(config["cutMinutes"]))} min`],
    ["parts", ({ partition }) => (partition?.parts ?? []).map((size) => number(size)).join(", ")],
    ["one component after", ({ partition }) => secondsOf(partition?.oneComponentSeconds)],
    ["80 % of a random graph's links after", ({ partition }) => cyclesOf(partition?.wellMixedCycles)],
    ["at the end", ({ samples }) => percent(mixedShare(samples?.at(-1)), 1)],
    ["worst minute, of a calm one", ({ partition }) => number(partition?.mostControlOfCalm ?? undefined, 3)],
    [
      "calm frames a node and minute",
      ({ nodes, partition }) => number((partition?.calmControlPerMinute ?? 0) / nodes, 4)
    ]
  ]
  return {
    id: "partition",
    title: "The cut and its heal",
    note: "Seconds and cycles of virtual time from the heal.",
    table: {
      columns: ["", ...runs.map(({ seed }) => `seed ${seed}`)],
      rows: rows.map(([name, of]) => [name, ...runs.map(of)])
    }
  }
}

const secondsOf = (seconds: number | null | undefined): string =>
  typeof seconds === "number" ? `${number(Math.round(seconds))} s` : "never"

const cyclesOf = (cycles: number | null | undefined): string =>
  typeof cycles === "number" ? `${number(cycles)} cycles` : "never"

/** The links between the parts after a cycle, as a share of a random graph's. */
const mixedShare = (
  sample: { readonly crossLinks?: number; readonly crossLinksOfRandomGraph?: number } | undefined
): number | undefined =>
  sample?.crossLinks === undefined ? undefined : sample.crossLinks / Math.max(1, sample.crossLinksOfRandomGraph ?? 0)
