/** The figures and tables of the HyParView paper, ours beside the paper's; then the Plumtree paper's. */
import * as Paper from "../paperFigures.ts"
import type { Result } from "../Result.ts"
import type { Chart, Series } from "./Chart.ts"
import { detection, duration, type First, pastDetection } from "./detection.ts"
import { type Figure, mean, number, percent } from "./Figure.ts"
import { firstMessages } from "./firstSection.ts"
import { byLevel, degreeOf, killOf } from "./levels.ts"
import { cyclesDiffer, isPaperSize, nodesOfPaper, sharesCompare, sizeNote } from "./paperSize.ts"
import { treeFigures } from "./treeSection.ts"

export const paperFigures = (runs: ReadonlyArray<Result>): ReadonlyArray<Figure> => {
  const stable = runs.filter(({ experiment }) => experiment === "stable")
  const failures = runs.filter(({ experiment }) => experiment === "failures")
  const messages = failures.filter(
    ({ broadcasts, firstMessages }) => broadcasts.length > 0 && firstMessages === undefined
  )
  const healing = failures.filter(
    ({ broadcasts, firstMessages }) => broadcasts.length === 0 && firstMessages === undefined
  )
  const firsts = failures.filter(({ firstMessages }) => firstMessages !== undefined)
  return [
    ...(stable.length === 0 ? [] : [graphTable(stable), inDegrees(stable)]),
    ...(messages.length === 0 ? [] : [meanReliability(messages), ...perMessage(messages)]),
    ...(healing.length === 0 ? [] : [healingCycles(healing)]),
    ...(firsts.length === 0 ? [] : [firstMessages(firsts)]),
    ...treeFigures(runs.filter(({ experiment }) => experiment === "plumtree"))
  ]
}

const reliabilityOf = ({ broadcasts }: Result): number => mean(broadcasts.map(({ reliability }) => reliability))

const paperSeries = (
  curves: Readonly<Partial<Record<Paper.Protocol, ReadonlyArray<Paper.Point>>>>
): ReadonlyArray<Series> =>
  Paper.protocols.flatMap((protocol): ReadonlyArray<Series> => {
    const points = curves[protocol]
    if (points === undefined) return []
    return protocol === "HyParView"
      ? [{ name: "HyParView, the paper's", label: "paper", role: "paper" as const, points }]
      : [{ name: protocol, role: "other" as const, points }]
  })

const graphTable = (runs: ReadonlyArray<Result>): Figure => {
  const rows: ReadonlyArray<
    readonly [string, (run: Result) => number, (row: typeof Paper.graphProperties.HyParView) => number]
  > = [
    ["clustering coefficient", ({ overlay }) => overlay.clustering, ({ clustering }) => clustering],
    ["average shortest path", ({ overlay }) => overlay.averageShortestPath, (row) => row.averageShortestPath],
    [
      "maximum hops of a flood, mean",
      ({ broadcasts }) => mean(broadcasts.map(({ hops }) => hops)),
      (row) => row.maximumHops
    ]
  ]
  const { Cyclon, HyParView, Scamp } = Paper.graphProperties
  const degree = degreeOf(runs[0])
  // What the paper demands of an overlay, and prints no figures of.
  const demanded: ReadonlyArray<readonly [string, (run: Result) => number, string]> = [
    [
      `nodes with ${degree} neighbours, %`,
      ({ overlay }) => ((overlay.inDegree[degree] ?? 0) / overlay.alive) * 100,
      "–"
    ],
    ["components", ({ overlay }) => overlay.components, "1"],
    ["one-sided links", ({ overlay }) => overlay.asymmetricLinks, "0"],
    ["nodes with an id in both views", ({ overlay }) => overlay.inBothViews, "0"],
    ["nodes with a view over its bound", ({ overlay }) => overlay.overCapacity, "0"]
  ]
  return {
    id: "table-1",
    title: `Table 1: the graph after ${number(Number(runs[0]?.config["cycles"]))} cycles`,
    note: `Over all nodes, shortest paths from every node; the paper’s is after 50 cycles. Theory gives 6.36 for a random 5-regular graph of 10,000.${sizeNote(runs, "paths and hops grow with the number of nodes, clustering falls with it, and neither can be compared")}`,
    table: {
      columns: ["", "ours", ...runs.map(({ seed }) => `seed ${seed}`), "HyParView, paper", "Cyclon", "Scamp"],
      rows: [
        ...rows.map(([name, ours, paper]) => [
          name,
          number(mean(runs.map(ours)), 5),
          ...runs.map((run) => number(ours(run), 5)),
          number(paper(HyParView), 6),
          number(paper(Cyclon), 6),
          number(paper(Scamp), 6)
        ]),
        ...demanded.map(([name, ours, paper]) => [
          name,
          number(mean(runs.map(ours)), 5),
          ...runs.map((run) => number(ours(run), 5)),
          paper,
          "–",
          "–"
        ])
      ]
    }
  }
}

const inDegrees = (runs: ReadonlyArray<Result>): Figure => {
  const degrees = new Set([
    ...runs.flatMap(({ overlay }) => Object.keys(overlay.inDegree)),
    ...Object.keys(Paper.inDegrees)
  ])
  // Counts of other numbers of nodes say nothing: then shares are compared.
  const shares = !isPaperSize(runs[0])
  const unit = shares ? " %" : ""
  const ofUs = (degree: number | string, { nodes, overlay }: Result) =>
    (overlay.inDegree[degree] ?? 0) * (shares ? 100 / nodes : 1)
  const ofPaper = (degree: number | string) => (Paper.inDegrees[degree] ?? 0) * (shares ? 100 / nodesOfPaper : 1)
  const points = [...degrees]
    .map(Number)
    .sort((a, b) => a - b)
    .map((degree) => [degree, mean(runs.map((run) => ofUs(degree, run)))] as const)
  const chart: Chart = {
    kind: "bars",
    x: { label: "in-degree" },
    y: { label: "nodes", min: 0, unit },
    series: [
      { name: "ours, mean", role: "ours", points: points.map(([x, y]) => [x, Math.round(y * 100) / 100]) },
      {
        name: "paper",
        role: "paper",
        points: Object.keys(Paper.inDegrees).map((degree) => [Number(degree), ofPaper(degree)])
      }
    ]
  }
  return {
    id: "figure-5",
    title: "Fig. 5: in how many active views a node stands",
    note: `Filled: ours, the mean of ${runs.length} ${runs.length === 1 ? "seed" : "seeds"}; dashed outline: the paper's.${sizeNote(runs, "both are shares of their own nodes")}`,
    chart,
    table: {
      columns: ["in-degree", "ours, mean", ...runs.map(({ seed }) => `seed ${seed}`), "paper"],
      rows: points.map(([degree, nodes]) => [
        String(degree),
        `${number(nodes, 5)}${unit}`,
        ...runs.map((run) => `${number(ofUs(degree, run), 5)}${unit}`),
        `${number(ofPaper(degree), 5)}${unit}`
      ])
    }
  }
}

/** The message that each run published as the nodes died. */
const firstsOf = (runs: ReadonlyArray<Result>): ReadonlyArray<First> =>
  runs.flatMap((run) =>
    run.broadcasts.slice(0, 1).map((broadcast) => ({ run, broadcast, name: `${killOf(run)} %, seed ${run.seed}` }))
  )

/** Which model of detection a curve is of. */
const model = (runs: ReadonlyArray<Result>): string =>
  `${detection(runs, firstsOf(runs))} Each message is drained, with all repairs that it sets off, before the next.`

const meanReliability = (runs: ReadonlyArray<Result>): Figure => {
  const levels = byLevel(runs)
  const seeds = [...new Set(runs.map(({ seed }) => seed))]
  const chart: Chart = {
    kind: "lines",
    x: { label: "nodes that died", min: 10, max: 95, unit: " %" },
    y: { label: "reached, mean of all messages", min: 0, max: 100, unit: " %" },
    series: [
      {
        name: "HyParView, ours",
        label: "ours",
        role: "ours",
        points: levels.map(([level, runs]) => [level, mean(runs.map(reliabilityOf)) * 100] as const)
      },
      ...paperSeries(Paper.reliabilityByFailures)
    ]
  }
  return {
    id: "figure-2",
    title: "Fig. 2: mean reliability after massive failures",
    note: `${number(runs[0]?.broadcasts.length)} messages after the kill, no cycle. ${model(runs)}${sizeNote(runs, sharesCompare)}`,
    chart,
    table: {
      columns: [
        "died",
        "ours",
        ...seeds.map((seed) => `seed ${seed}`),
        "paper",
        ...otherProtocols,
        "message 0 took",
        "past the detection"
      ],
      rows: levels.map(([level, runs]) => [
        `${level} %`,
        percent(mean(runs.map(reliabilityOf))),
        ...seeds.map((seed) => percent(runs.filter((run) => run.seed === seed).map(reliabilityOf)[0])),
        ...Paper.protocols.map((protocol) => percentAt(Paper.reliabilityByFailures[protocol], level)),
        firstsOf(runs).map(duration).join(", "),
        pastDetection(firstsOf(runs))
      ])
    }
  }
}

const otherProtocols = Paper.protocols.slice(1)

/** A value that the paper plots, or none. */
const percentAt = (points: ReadonlyArray<Paper.Point>, x: number): string => {
  const value = new Map(points).get(x)
  return value === undefined ? "–" : `${number(value, 5)} %`
}

/** The paper plots 200; what there is to see happens in the first of them. The table goes on. */
const plotted = 60

const perMessage = (runs: ReadonlyArray<Result>): ReadonlyArray<Figure> =>
  byLevel(runs).flatMap(([level, runs]) => {
    const paper = Paper.reliabilityByMessage.get(level)
    if (paper === undefined) return []
    const measured = Math.min(...runs.map(({ broadcasts }) => broadcasts.length))
    const count = Math.min(plotted + 1, measured)
    const at = (index: number) => runs.map(({ broadcasts }) => (broadcasts[index]?.reliability ?? Number.NaN) * 100)
    const chart: Chart = {
      kind: "lines",
      x: { label: "message after the failure", min: 0, max: count - 1 },
      y: { label: "reached, of the survivors", min: 0, max: 100, unit: " %" },
      series: [
        {
          name: "HyParView, ours",
          label: "ours",
          role: "ours",
          points: Array.from({ length: count }, (_, index) => [index, mean(at(index))] as const)
        },
        ...paperSeries(paper).map((series) => ({ ...series, points: upTo(series.points, count - 1) }))
      ]
    }
    const later = [100, 200].filter((index) => index >= count && index < measured)
    const drawn = [...new Set(chart.series.flatMap(({ points }) => points.map(([x]) => x)))].sort((a, b) => a - b)
    const curves = Paper.protocols.map((protocol) => [...upTo(paper[protocol], count - 1), ...paper[protocol]])
    return [
      {
        id: `figure-3-${level}`,
        title: `Fig. 3: each message after ${level} % died`,
        note: `The mean of ${runs.length} ${runs.length === 1 ? "seed" : "seeds"}; the paper's is one of three. ${model(runs)}${sizeNote(runs, sharesCompare)}`,
        chart,
        table: {
          columns: ["message", "ours", ...runs.map(({ seed }) => `seed ${seed}`), "paper", ...otherProtocols],
          rows: [...drawn, ...later].map((index) => [
            String(index),
            ...[mean(at(index)), ...at(index)].map((value) => (Number.isNaN(value) ? "–" : `${number(value, 5)} %`)),
            ...curves.map((curve) => percentAt(curve, index))
          ])
        }
      }
    ]
  })

/** The part of a curve up to some x, where it ends on the line between its points. */
const upTo = (points: ReadonlyArray<Paper.Point>, end: number): ReadonlyArray<Paper.Point> => {
  const kept = points.filter(([x]) => x <= end)
  const [next] = points.filter(([x]) => x > end)
  const last = kept.at(-1)
  if (next === undefined || last === undefined || last[0] === end) return kept
  return [...kept, [end, last[1] + ((next[1] - last[1]) * (end - last[0])) / (next[0] - last[0])]]
}

const healingCycles = (runs: ReadonlyArray<Result>): Figure => {
  const levels = byLevel(runs)
  const curve = new Map(
    levels.flatMap(([level, runs]) => {
      const healed = runs.flatMap(({ healingCycles }) => (healingCycles === null ? [] : [healingCycles]))
      return healed.length === 0 ? [] : [[level, mean(healed)] as const]
    })
  )
  const chart: Chart = {
    kind: "lines",
    x: { label: "nodes that died", min: 10, max: 95, unit: " %" },
    y: { label: "cycles", min: 0, max: 10 },
    series: [
      {
        name: "HyParView, ours",
        label: "ours",
        role: "ours",
        points: [...curve]
      },
      {
        name: "HyParView, the paper's",
        label: "paper",
        role: "paper",
        points: Paper.healingByFailures.HyParView
      }
    ]
  }
  const columns = [
    "died",
    "ours",
    ...runs.filter((run) => killOf(run) === levels[0]?.[0]).map(({ seed }) => `seed ${seed}`)
  ]
  const paper = (curve: ReadonlyArray<Paper.Point>, level: number) => String(new Map(curve).get(level) ?? "–")
  return {
    id: "figure-4",
    title: "Fig. 4: cycles until the overlay has healed",
    note: `Ten broadcasts after each cycle; healed when the survivors are one component and all of them are reached. 0: what events alone repaired, before the first cycle, once both ends of each broken link had been told. Components: of the survivors at that moment, seed by seed. Cyclon needs 42 to 159 cycles, with acknowledgements 8 to 71: off this scale, in the table.${sizeNote(runs, cyclesDiffer)}`,
    chart,
    table: {
      columns: [...columns, "components", "paper", "CyclonAcked", "Cyclon"],
      rows: levels.map(([level, runs]) => [
        `${level} %`,
        number(curve.get(level), 3),
        ...runs.map(({ healingCycles }) => (healingCycles === null ? "not healed" : String(healingCycles))),
        runs.map(({ overlay }) => number(overlay.components)).join(", "),
        paper(Paper.healingByFailures.HyParView, level),
        paper(Paper.healingByFailures.CyclonAcked, level),
        paper(Paper.healingByFailures.Cyclon, level)
      ])
    }
  }
}
