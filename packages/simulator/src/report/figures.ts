/** Which figures a result has: by what it holds, not by the name of its experiment. */
import type { Histogram } from "../Graph.ts"
import * as Paper from "../paperFigures.ts"
import type { Cost, Result } from "../Result.ts"
import { type Figure, mean, meanPoints, number, ofSeeds, percent, tableOf, thinned, wordsOfSeeds } from "./Figure.ts"
import type { Series } from "./Chart.ts"
import { detection } from "./detection.ts"
import { partitionFigures } from "./partitionSection.ts"
import { paperFigures } from "./paperSection.ts"
import { isPaperSize } from "./paperSize.ts"
import { thicketFigures } from "./thicketSection.ts"

/** All figures of some runs: of several seeds of one experiment, or of `paper`. */
export const figuresOf = (experiment: string, runs: ReadonlyArray<Result>): ReadonlyArray<Figure> => {
  if (experiment === "paper") return paperFigures(runs)
  return [
    ...(experiment === "plumtree" || experiment === "thicket" ? redundancies(runs) : messages(runs)),
    ...healing(runs),
    ...dead(runs),
    ...furtherKills(runs),
    ...partitionFigures(runs, bySeed),
    ...thicketFigures(runs),
    ...rounds(runs),
    ...degrees(runs),
    ...bootstraps(runs),
    overlayTable(runs),
    costTable(runs.map(({ cost, seed }) => ({ ...cost, seed })))
  ]
}

const seedName = ({ seed }: { readonly seed: number }): string => `seed ${seed}`

/** One line for each seed where there are several, and the mean in front. */
export const bySeed = (
  runs: ReadonlyArray<Result>,
  name: string,
  pointsOf: (run: Result) => Series["points"]
): ReadonlyArray<Series> => {
  const each = runs.map((run) => ({ name: seedName(run), role: "seed" as const, points: pointsOf(run) }))
  if (each.length === 1) return each.map(({ points }) => ({ name, role: "ours", points }))
  return [{ name: `${name}, mean`, label: name, role: "ours", points: meanPoints(each) }, ...each]
}

/** What there is to see happens in the first of them: the paper plots so many. */
const mostMessages = 200

const messages = (runs: ReadonlyArray<Result>): ReadonlyArray<Figure> => {
  const [first] = runs
  if (first === undefined || first.broadcasts.length === 0) return []
  const failed = typeof first.config["kill"] === "number" ? first.config["kill"] * 100 : 0
  const paper = isPaperSize(first) ? Paper.reliabilityByMessage.get(Math.round(failed))?.HyParView : undefined
  const count = Math.max(...runs.map(({ broadcasts }) => broadcasts.length))
  const last = Math.min(mostMessages, Math.max(count - 1, 1))
  const shown = count > last + 1 ? ` The first ${number(last + 1)} are shown.` : ""
  const chart = {
    kind: "lines" as const,
    x: { label: "message after the failure", min: 0, max: last },
    y: { label: "reached, of the survivors", min: 0, max: 100, unit: " %" },
    series: [
      ...bySeed(runs, "ours", ({ broadcasts }) =>
        broadcasts.slice(0, last + 1).map(({ reliability }, index) => [index, reliability * 100] as const)
      ),
      ...(paper === undefined
        ? []
        : [
            {
              name: "the paper's (Fig. 3)",
              label: "paper",
              role: "paper" as const,
              points: paper.filter(([x]) => x <= last)
            }
          ])
    ]
  }
  const firsts =
    failed === 0
      ? []
      : runs.flatMap((run) => run.broadcasts.slice(0, 1).map((broadcast) => ({ run, broadcast, name: seedName(run) })))
  const means = runs.map(({ broadcasts }) => mean(broadcasts.map(({ reliability }) => reliability)))
  return [
    {
      id: "reliability",
      title: `Reliability of each message after ${number(failed)} % of the nodes died`,
      note: `Mean over all messages: ${ofSeeds(means, (share) => percent(share))}.${shown} No cycle runs meanwhile. ${detection(runs, firsts)}`,
      chart,
      table: tableOf(chart)
    }
  ]
}

/** Broadcast by broadcast, and then cycle by cycle, how many copies were too many. */
const redundancies = (runs: ReadonlyArray<Result>): ReadonlyArray<Figure> => {
  const line = (id: string, title: string, label: string, pointsOf: (run: Result) => Series["points"]): Figure => {
    const series = bySeed(runs, "ours", pointsOf)
    const values = series.flatMap(({ points }) => points.map(([, y]) => y))
    const least = values.reduce((least, y) => Math.min(least, y), 0)
    const most = values.reduce((most, y) => Math.max(most, y), 0)
    const chart = thinned({
      kind: "lines",
      x: { label },
      y: {
        label: "relative message redundancy",
        ...(least < 0 ? { min: Math.floor(least * 10) / 10, max: Math.max(1, Math.ceil(most)) } : { min: 0 })
      },
      series
    })
    const fetched = least < 0 ? " Below 0: new neighbours fetched copies, which are counted apart." : ""
    return {
      id,
      title,
      note: `Copies of the payload for each node that it reached, less the one that it needs.${fetched}`,
      chart,
      table: tableOf(chart)
    }
  }
  const hops = runs.flatMap(({ broadcasts }) => broadcasts.map((each) => each.hops))
  const broadcasts = {
    ...line("redundancy", "Redundancy, broadcast by broadcast", "broadcast", (run) =>
      run.broadcasts.map(({ rmr }, index) => [index + 1, rmr] as const)
    ),
    note: `Copies of the payload for each node that it reached, less the one that it needs. Hops of the last delivery: ${number(mean(hops), 3)} on average.`
  }
  const isSampled = runs.some(({ samples = [] }) => samples.length > 0)
  return [
    ...(runs.some((run) => run.broadcasts.length > 0) ? [broadcasts] : []),
    ...(isSampled
      ? [
          line("redundancy-by-cycle", "Redundancy, cycle by cycle", "cycle", (run) =>
            (run.samples ?? []).map(({ cycle, rmr = 0 }) => [cycle, rmr] as const)
          )
        ]
      : [])
  ]
}

const healing = (runs: ReadonlyArray<Result>): ReadonlyArray<Figure> => {
  const samples = runs.flatMap(({ samples = [] }) => samples)
  if (samples.length < 2) return []
  const chart = thinned({
    kind: "lines",
    x: { label: "cycle", min: Math.min(...samples.map(({ cycle }) => cycle)) },
    y: { label: "reached by a broadcast, mean", min: 0, max: 100, unit: " %" },
    series: bySeed(runs, "ours", ({ samples = [] }) =>
      samples.map(({ cycle, reliability }) => [cycle, reliability * 100] as const)
    )
  })
  const shown = new Set(chart.series.flatMap(({ points }) => points.map(([cycle]) => cycle)))
  const healed = runs.map(({ before, healingCycles }) =>
    healingCycles !== null
      ? String(healingCycles)
      : before !== undefined && before.components > 1
        ? `not, there were ${number(before.components)} components before the failure`
        : "not"
  )
  const isChurn = runs.some(({ experiment }) => experiment === "churn")
  return [
    {
      id: "healing",
      title: "Reliability, cycle by cycle",
      note: isChurn
        ? "Of the nodes that ran when a message was published, the share that got it: those who went meanwhile count as not reached."
        : runs.some(({ partition }) => partition !== undefined)
          ? `Cycles from the heal until there was one component: ${wordsOfSeeds(healed)}.`
          : runs.some(({ thicket }) => thicket !== undefined)
            ? `Cycles until a round of messages reached everybody: ${wordsOfSeeds(healed)}.`
            : `Cycles until the survivors were one component and broadcasts reached as many as before: ${wordsOfSeeds(healed)}.`,
      chart,
      table: tableOf(chart),
      more: {
        caption: "The overlay meanwhile",
        columns: ["cycle", "seed", "alive", "components", "largest"],
        rows: runs.flatMap(({ samples = [], seed }) =>
          samples
            .filter(({ cycle }) => shown.has(cycle))
            .map(({ alive, components, cycle, largestComponent }) => [
              number(cycle),
              String(seed),
              number(alive),
              number(components),
              number(largestComponent)
            ])
        )
      }
    }
  ]
}

const furtherKills = (runs: ReadonlyArray<Result>): ReadonlyArray<Figure> => {
  if (!runs.some(({ furtherKills = [] }) => furtherKills.length > 0)) return []
  const chart = {
    kind: "lines" as const,
    x: { label: "died, of those who had healed", min: 0, max: 100, unit: " %" },
    y: { label: "reached, of the survivors", min: 0, max: 100, unit: " %" },
    series: bySeed(runs, "ours", ({ furtherKills = [] }) =>
      furtherKills.map(({ kill, reliability }) => [kill * 100, reliability * 100] as const)
    )
  }
  return [
    {
      id: "further-kills",
      title: "Mean reliability after a further kill",
      note: "Each share on a copy of its own of the overlay that the cycles have healed; message 0 is part of the mean.",
      chart,
      table: tableOf(chart)
    }
  ]
}

const dead = (runs: ReadonlyArray<Result>): ReadonlyArray<Figure> => {
  const points = ({ samples = [] }: Result) =>
    samples.flatMap(({ cycle, deadPassiveShare }) =>
      deadPassiveShare === undefined ? [] : [[cycle, deadPassiveShare * 100] as const]
    )
  if (!runs.some((run) => points(run).some(([, share]) => share > 0))) return []
  const chart = thinned({
    kind: "lines",
    x: { label: "cycle" },
    y: { label: "passive entries that name a dead node", min: 0, unit: " %" },
    series: bySeed(runs, "ours", points)
  })
  return [
    {
      id: "dead-passive",
      title: "The dead in passive views, cycle by cycle",
      note: "Of all passive entries of living nodes, those that name a node which does not run. Ages (--ages) clear them sooner.",
      chart,
      table: tableOf(chart)
    }
  ]
}

const rounds = (runs: ReadonlyArray<Result>): ReadonlyArray<Figure> => {
  const [first] = runs
  if (first?.rounds === undefined) return []
  const line = (name: string, role: Series["role"], of: "seen" | "waste" | "maintenance" | "missed"): Series => ({
    name,
    role,
    points: (first.rounds ?? []).map((round) => [round.round, round[of]] as const)
  })
  const counts = thinned({
    kind: "lines",
    x: { label: "round" },
    y: { label: "frames a round", min: 0 },
    series: [
      line("seen", "ours", "seen"),
      line("waste", "second", "waste"),
      line("maintenance", "paper", "maintenance"),
      line("missed", "other", "missed")
    ]
  })
  return [
    {
      id: "gossip",
      title: "Gossip, round by round",
      note: `Seen: first deliveries; waste: copies of what was known; maintenance: frames of the membership protocol. Seed ${first.seed}. Not reached, in all rounds: ${number(first.rounds.reduce((sum, { missed }) => sum + missed, 0))} of ${number(first.rounds.reduce((sum, { missed, seen }) => sum + missed + seen, 0))}.`,
      chart: { ...counts, series: counts.series.filter(({ name }) => name !== "missed") },
      table: tableOf(counts)
    }
  ]
}

const histogramPoints = (histogram: Histogram): Series["points"] =>
  Object.entries(histogram).map(([degree, count]) => [Number(degree), count] as const)

const degrees = (runs: ReadonlyArray<Result>): ReadonlyArray<Figure> => {
  const [first] = runs
  if (first === undefined) return []
  const { overlay } = first
  const figure = (id: string, title: string, label: string, histogram: Histogram, paper?: Histogram): Figure => {
    const chart = {
      kind: "bars" as const,
      x: { label },
      y: { label: "nodes", min: 0 },
      series: [
        { name: "ours", role: "ours" as const, points: histogramPoints(histogram) },
        ...(paper === undefined ? [] : [{ name: "paper", role: "paper" as const, points: histogramPoints(paper) }])
      ]
    }
    return { id, title, note: `At the end, seed ${first.seed}.`, chart, table: tableOf(chart) }
  }
  const paper = isPaperSize(first) && first.experiment === "stable" ? Paper.inDegrees : undefined
  return [
    figure("in-degree", "In how many active views a node stands", "in-degree", overlay.inDegree, paper),
    figure("out-degree", "How many neighbours a node has", "out-degree", overlay.outDegree),
    figure("passive-in-degree", "In how many passive views a node stands", "in-degree", overlay.passiveInDegree),
    figure("passive-out-degree", "How many passive entries a node has", "out-degree", overlay.passiveOutDegree)
  ]
}

const bootstraps = (runs: ReadonlyArray<Result>): ReadonlyArray<Figure> => {
  const [first] = runs
  if (first?.bootstraps === undefined || first.rounds === undefined) return []
  const chart = {
    kind: "bars" as const,
    x: { label: "times" },
    y: { label: "nodes", min: 0 },
    series: [{ name: "nodes", role: "ours" as const, points: histogramPoints(first.bootstraps.byNode) }]
  }
  return [
    {
      id: "bootstraps",
      title: "How often a node turned to a contact or to Discovery",
      note: `${number(first.bootstraps.dials)} dials and ${number(first.bootstraps.discoveries)} questions in all, the joins among them.`,
      chart,
      table: tableOf(chart)
    }
  ]
}

/** Older results do not tell how exact it is. */
const unreachable = ({ exact, unreachableShare, unreachableStandardError }: Result["overlay"]["paths"]): string =>
  `${percent(unreachableShare)}${exact || unreachableShare === 0 ? "" : `, standard error ${percent(unreachableStandardError)}`}`

/** The overlay's metrics, one column for each seed. */
const overlayTable = (runs: ReadonlyArray<Result>): Figure => {
  const rows: ReadonlyArray<readonly [string, (run: Result) => string]> = [
    ["alive", ({ overlay }) => number(overlay.alive)],
    ["components", ({ overlay }) => number(overlay.components)],
    ["largest component", ({ overlay }) => number(overlay.largestComponent)],
    ["links held by one end only", ({ overlay }) => number(overlay.asymmetricLinks)],
    ["nodes with an id in both views", ({ overlay }) => number(overlay.inBothViews)],
    ["nodes over a bound", ({ overlay }) => number(overlay.overCapacity)],
    ["clustering coefficient", ({ overlay }) => number(overlay.clustering)],
    ["average shortest path", ({ overlay }) => number(overlay.averageShortestPath, 5)],
    [
      "… measured from",
      ({ overlay: { paths } }) =>
        paths.exact ? "every node" : `${number(paths.sources)} nodes, standard error ${number(paths.standardError, 2)}`
    ],
    ["pairs without a path", ({ overlay: { paths } }) => unreachable(paths)],
    ["longest shortest path", ({ overlay: { paths } }) => `${paths.exact ? "" : "≥ "}${number(paths.longest)}`],
    ["dead passive entries", ({ overlay }) => percent(overlay.deadPassiveShare)],
    ["trace hash", ({ traceHash }) => traceHash]
  ]
  return {
    id: "overlay",
    title: "The overlay at the end",
    note: "Over the nodes that run.",
    table: { columns: ["", ...runs.map(seedName)], rows: rows.map(([name, of]) => [name, ...runs.map(of)]) }
  }
}

/** What the runs cost. */
export const costTable = (costs: ReadonlyArray<Cost & { readonly seed: number }>): Figure => ({
  id: "cost",
  title: "What it cost",
  note: "Events are inputs given to nodes. Seconds and bytes depend on the machine; of seeds that ran side by side each has the peak of the whole process.",
  table: {
    columns: ["", ...costs.map(seedName)],
    rows: [
      ["events", ...costs.map(({ events }) => number(events))],
      ["frames", ...costs.map(({ messages }) => number(messages))],
      ["CPU seconds", ...costs.map(({ cpuSeconds }) => number(cpuSeconds, 3))],
      ["wall seconds", ...costs.map(({ wallSeconds }) => number(wallSeconds, 3))],
      ["events a CPU-second", ...costs.map(({ eventsPerSecond }) => number(Math.round(eventsPerSecond)))],
      ["peak memory", ...costs.map(({ peakRssBytes }) => `${number(Math.round(peakRssBytes / 1e6))} MB`)]
    ]
  }
})
