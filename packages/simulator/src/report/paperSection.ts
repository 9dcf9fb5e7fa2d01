/** The figures and tables of the HyParView paper, ours beside the paper's; then the Plumtree paper's. */
import * as Paper from "../paperFigures.ts"
import type { Result } from "../Result.ts"
import type { Chart, Series } from "./Chart.ts"
import { detection, duration, type First, isOutlasting } from "./detection.ts"
import { type Figure, mean, number, percent } from "./Figure.ts"
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

const killOf = ({ config }: Result): number =>
  typeof config["kill"] === "number" ? Math.round(config["kill"] * 1000) / 10 : 0

/** Runs by the share that died, ascending. */
const byLevel = (runs: ReadonlyArray<Result>): ReadonlyArray<readonly [number, ReadonlyArray<Result>]> => {
  const levels = new Map<number, Array<Result>>()
  for (const run of runs) levels.set(killOf(run), [...(levels.get(killOf(run)) ?? []), run])
  return [...levels].sort(([a], [b]) => a - b)
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
  // What the paper demands of an overlay, and prints no figures of.
  const demanded: ReadonlyArray<readonly [string, (run: Result) => number, string]> = [
    ["nodes with five neighbours, %", ({ overlay }) => ((overlay.inDegree["5"] ?? 0) / overlay.alive) * 100, "–"],
    ["components", ({ overlay }) => overlay.components, "1"],
    ["one-sided links", ({ overlay }) => overlay.asymmetricLinks, "0"],
    ["nodes with an id in both views", ({ overlay }) => overlay.inBothViews, "0"],
    ["nodes with a view over its bound", ({ overlay }) => overlay.overCapacity, "0"]
  ]
  return {
    id: "table-1",
    title: "Table 1: the graph after 50 cycles",
    note: "Over all nodes, shortest paths from every node. Theory gives 6.36 for a random 5-regular graph of 10,000.",
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
  const points = [...degrees]
    .map(Number)
    .sort((a, b) => a - b)
    .map((degree) => [degree, mean(runs.map(({ overlay }) => overlay.inDegree[degree] ?? 0))] as const)
  const chart: Chart = {
    kind: "bars",
    x: { label: "in-degree" },
    y: { label: "nodes", min: 0 },
    series: [
      { name: "ours, mean", role: "ours", points: points.map(([x, y]) => [x, Math.round(y * 10) / 10]) },
      {
        name: "paper",
        role: "paper",
        points: Object.entries(Paper.inDegrees).map(([degree, count]) => [Number(degree), count])
      }
    ]
  }
  return {
    id: "figure-5",
    title: "Fig. 5: in how many active views a node stands",
    note: `Filled: ours, the mean of ${runs.length} ${runs.length === 1 ? "seed" : "seeds"}; dashed outline: the paper's.`,
    chart,
    table: {
      columns: ["in-degree", "ours, mean", ...runs.map(({ seed }) => `seed ${seed}`), "paper"],
      rows: points.map(([degree, nodes]) => [
        String(degree),
        number(nodes, 5),
        ...runs.map(({ overlay }) => number(overlay.inDegree[degree] ?? 0)),
        number(Paper.inDegrees[degree] ?? 0)
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
  const paper = new Map(Paper.reliabilityByFailures.HyParView)
  return {
    id: "figure-2",
    title: "Fig. 2: mean reliability after massive failures",
    note: `${number(runs[0]?.broadcasts.length)} messages after the kill, no cycle. ${model(runs)}`,
    chart,
    table: {
      columns: [
        "died",
        "ours",
        ...seeds.map((seed) => `seed ${seed}`),
        "paper",
        "message 0 took",
        "past the detection"
      ],
      rows: levels.map(([level, runs]) => [
        `${level} %`,
        percent(mean(runs.map(reliabilityOf))),
        ...seeds.map((seed) => percent(runs.filter((run) => run.seed === seed).map(reliabilityOf)[0])),
        `${paper.get(level) ?? "–"} %`,
        firstsOf(runs).map(duration).join(", "),
        pastDetection(firstsOf(runs))
      ])
    }
  }
}

/** Of how many first messages the last delivery came after the first links had been found broken. */
const pastDetection = (firsts: ReadonlyArray<First>): string =>
  `${number(firsts.filter(isOutlasting).length)} of ${number(firsts.length)}`

/** The paper plots 200; what there is to see happens in the first of them. The table goes on. */
const plotted = 60

const perMessage = (runs: ReadonlyArray<Result>): ReadonlyArray<Figure> =>
  byLevel(runs).flatMap(([level, runs]) => {
    const paper = Paper.reliabilityByMessage.get(level)
    if (paper === undefined) return []
    const measured = Math.min(...runs.map(({ broadcasts }) => broadcasts.length))
    const count = Math.min(plotted + 1, measured)
    const at = (index: number) => runs.map(({ broadcasts }) => (broadcasts[index]?.reliability ?? 0) * 100)
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
    const compared = [0, 1, 2, 3, 4, 5, 10, 20, 50, 100, 200].filter((index) => index < measured)
    const paperAt = new Map(paper.HyParView)
    return [
      {
        id: `figure-3-${level}`,
        title: `Fig. 3: each message after ${level} % died`,
        note: `The mean of ${runs.length} ${runs.length === 1 ? "seed" : "seeds"}; the paper's is one of three. ${model(runs)}`,
        chart,
        table: {
          columns: ["message", "ours", ...runs.map(({ seed }) => `seed ${seed}`), "paper"],
          rows: compared.map((index) => [
            String(index),
            `${number(mean(at(index)), 5)} %`,
            ...at(index).map((value) => `${number(value, 5)} %`),
            paperAt.has(index) ? `${paperAt.get(index) ?? ""} %` : "–"
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
  const chart: Chart = {
    kind: "lines",
    x: { label: "nodes that died", min: 10, max: 95, unit: " %" },
    y: { label: "cycles", min: 0, max: 10 },
    series: [
      {
        name: "HyParView, ours",
        label: "ours",
        role: "ours",
        points: levels.flatMap(([level, runs]) => {
          const healed = runs.flatMap(({ healingCycles }) => (healingCycles === null ? [] : [healingCycles]))
          return healed.length === 0 ? [] : [[level, mean(healed)] as const]
        })
      },
      {
        name: "HyParView, the paper's",
        label: "paper",
        role: "paper",
        points: Paper.healingByFailures.HyParView
      }
    ]
  }
  const columns = ["died", ...runs.filter((run) => killOf(run) === levels[0]?.[0]).map(({ seed }) => `seed ${seed}`)]
  const paper = (curve: ReadonlyArray<Paper.Point>, level: number) => String(new Map(curve).get(level) ?? "–")
  return {
    id: "figure-4",
    title: "Fig. 4: cycles until the overlay has healed",
    note: "Ten broadcasts after each cycle; healed when they reach every survivor. 0: what events alone repaired, before the first cycle, once both ends of each broken link had been told. Components: of the survivors at that moment, seed by seed. Cyclon needs 42 to 159 cycles, with acknowledgements 8 to 71: off this scale, in the table.",
    chart,
    table: {
      columns: [...columns, "components", "paper", "CyclonAcked", "Cyclon"],
      rows: levels.map(([level, runs]) => [
        `${level} %`,
        ...runs.map(({ healingCycles }) => (healingCycles === null ? "not healed" : String(healingCycles))),
        runs.map(({ overlay }) => number(overlay.components)).join(", "),
        paper(Paper.healingByFailures.HyParView, level),
        paper(Paper.healingByFailures.CyclonAcked, level),
        paper(Paper.healingByFailures.Cyclon, level)
      ])
    }
  }
}

/**
 * The share of survivors that a first message reaches whose sender is in the giant component of a random 5-regular graph
 * when nobody has noticed the deaths: with alive share q, u = 1 − q + q·u⁴ and S = 1 − u⁵.
 */
export const giantShare = (dead: number): number => {
  const alive = 1 - dead
  let u = 0
  for (let i = 0; i < 10_000; i++) u = 1 - alive + alive * u * u * u * u
  return 1 - u * u * u * u * u
}

/** Where the axis begins: below every dot. */
const tensBelow = (levels: ReadonlyArray<{ readonly inLargest: ReadonlyArray<number> }>): number =>
  Math.max(0, Math.floor(Math.min(...levels.flatMap(({ inLargest }) => inLargest), 1) * 10 - 0.5) * 10)

const firstMessages = (runs: ReadonlyArray<Result>): Figure => {
  const levels = byLevel(runs).map(([level, runs]) => {
    const kills = runs.flatMap(({ firstMessages = [] }) => firstMessages)
    const inLargest = kills.filter(({ senderInLargest }) => senderInLargest).map(({ reliability }) => reliability)
    const bySeed = runs.map(({ firstMessages = [] }) =>
      mean(firstMessages.filter(({ senderInLargest }) => senderInLargest).map(({ reliability }) => reliability))
    )
    return {
      level,
      firsts: runs.flatMap((run) =>
        run.broadcasts.map((broadcast) => ({ run, broadcast, name: `${level} %, seed ${run.seed}` }))
      ),
      bySeed,
      inLargest,
      all: kills.map(({ reliability }) => reliability),
      theory: giantShare(level / 100)
    }
  })
  const chart: Chart = {
    kind: "lines",
    x: { label: "nodes that died", unit: " %", min: 10, max: 60 },
    y: { label: "reached by the first message", unit: " %", min: tensBelow(levels), max: 100 },
    series: [
      {
        name: "single kills",
        role: "seed",
        dots: true,
        points: levels.flatMap(({ inLargest, level }) => inLargest.map((value) => [level, value * 100] as const))
      },
      {
        name: "ours, mean",
        label: "ours",
        role: "ours",
        points: levels.map(({ inLargest, level }) => [level, mean(inLargest) * 100] as const)
      },
      {
        name: "theory, S",
        label: "theory",
        role: "theory",
        points: levels.map(({ level, theory }) => [level, theory * 100] as const)
      }
    ]
  }
  return {
    id: "first-messages",
    title: "The first message, published as the nodes die",
    note: `Given a sender in the giant component of the survivors. ${detection(
      runs,
      levels.flatMap(({ firsts }) => firsts)
    )} Theory: a random 5-regular graph in which nobody has noticed.`,
    chart,
    table: {
      columns: [
        "died",
        "kills",
        "sender in the giant component",
        ...runs.filter((run) => killOf(run) === levels[0]?.level).map(({ seed }) => `seed ${seed}`),
        "theory, S",
        "any sender",
        "theory, S²",
        "past the detection"
      ],
      rows: levels.map(({ all, bySeed, firsts, inLargest, level, theory }) => [
        `${level} %`,
        String(all.length),
        percent(mean(inLargest), 2),
        ...bySeed.map((share) => percent(share, 2)),
        percent(theory, 2),
        percent(mean(all), 2),
        percent(theory * theory, 2),
        pastDetection(firsts)
      ])
    }
  }
}
