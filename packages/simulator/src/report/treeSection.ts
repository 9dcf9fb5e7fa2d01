/** The figures and tables of the Plumtree paper, ours beside the paper's. */
import * as Paper from "../paperFigures.ts"
import type { BroadcastResult, Result, Sample } from "../Result.ts"
import type { Chart, Series } from "./Chart.ts"
import { detection, type First } from "./detection.ts"
import { killOf } from "./levels.ts"
import { cyclesDiffer, isPaperSize, nodesOfPaper, ratiosCompare, sharesCompare, sizeNote } from "./paperSize.ts"
import { type Figure, mean, number, percent, tableOf } from "./Figure.ts"

/** What the runs of `plumtree` in `paper` have in common with the paper's experiments. */
export const treeFigures = (runs: ReadonlyArray<Result>): ReadonlyArray<Figure> => {
  const isStill = ({ config }: Result) =>
    config["kill"] === 0 && config["failures"] === 0 && config["pace"] === "drained"
  const stable = runs.filter(isStill)
  const early = runs.filter(({ config }) => config["pace"] === "cycle")
  const killed = runs.filter(({ config }) => typeof config["kill"] === "number" && config["kill"] > 0)
  const failing = runs.filter(({ config }) => typeof config["failures"] === "number" && config["failures"] > 0)
  const batched = runs.filter(({ config }) => config["pace"] === "rate")
  return [
    ...(stable.length === 0 ? [] : [messagesTable(stable), redundancy(stable, "stable")]),
    ...(early.length === 0 ? [] : [redundancy(early, "early")]),
    ...(killed.length === 0 ? [] : [...afterFailure(killed), firstReliability(killed), healingTable(killed)]),
    ...(failing.length === 0 ? [] : [steadyFailures(failing)]),
    ...(batched.length === 0 ? [] : [batchedTable(batched)])
  ]
}

/** Which of the paper's five a run is. */
const variantOf = ({ config }: Result): Paper.TreeVariant => {
  if (config["strategy"] === "flood") return "Eager"
  const optimised = typeof config["optimizeHops"] === "number" && config["optimizeHops"] > 0
  if (config["senders"] === "one") return optimised ? "PTopt s-s" : "PT s-s"
  return optimised ? "PTopt m-s" : "PT m-s"
}

const names: Readonly<Record<Paper.TreeVariant, string>> = {
  Eager: "flooding",
  "PT s-s": "one sender",
  "PT m-s": "many senders",
  "PTopt s-s": "one sender, optimised (3)",
  "PTopt m-s": "many senders, optimised (7)"
}

const by = (runs: ReadonlyArray<Result>, variant: Paper.TreeVariant): ReadonlyArray<Result> =>
  runs.filter((run) => variantOf(run) === variant)

const present = (runs: ReadonlyArray<Result>): ReadonlyArray<Paper.TreeVariant> =>
  Paper.treeVariants.filter((variant) => by(runs, variant).length > 0)

/** What a tree has come to: the second half of its broadcasts. */
const settled = (runs: ReadonlyArray<Result>): ReadonlyArray<BroadcastResult> =>
  runs.flatMap(({ broadcasts }) => broadcasts.slice(Math.floor(broadcasts.length / 2)))

/** What messages are divided by: 1 at the paper's size, and elsewhere each other node's part is compared. */
const perNode = (runs: ReadonlyArray<Result>): { readonly ours: number; readonly paper: number } =>
  isPaperSize(runs[0])
    ? { ours: 1, paper: 1 }
    : { ours: Math.max(1, (runs[0]?.nodes ?? 2) - 1), paper: nodesOfPaper - 1 }

const messagesTable = (runs: ReadonlyArray<Result>): Figure => ({
  id: "plumtree-table-1",
  title: "Plumtree, Table 1 and Fig. 2 (c): what one broadcast costs, and how far it goes",
  note: `Means of the second half of 100 broadcasts on the stable overlay, each drained before the next. The paper’s are those at cycle 100.${sizeNote(runs, "payload and control are given for each other node, and hops, which grow with the number of nodes, cannot be compared")}`,
  table: {
    columns: ["", "payload", "paper", "control", "paper", "RMR", "last hop", "paper", "last hop by seed"],
    rows: present(runs).map((variant) => {
      const own = by(runs, variant)
      const list = settled(own)
      const each = perNode(runs)
      const [payload = Number.NaN, control = Number.NaN] = Paper.messagesOfTree[variant]
      return [
        names[variant],
        number(mean(list.map(({ payload }) => payload)) / each.ours, 6),
        number(payload / each.paper, 6),
        number(mean(list.map(({ control }) => control)) / each.ours, 6),
        number(each.paper === 1 ? Math.round(control) : control / each.paper, 6),
        number(mean(list.map((each) => each.rmr)), 3),
        number(mean(list.map((each) => each.hops)), 3),
        number(Paper.lastHops[variant], 4),
        own.map((run) => number(mean(settled([run]).map((each) => each.hops)), 4)).join(", ")
      ]
    })
  }
})

/** The means over seeds of what the n-th broadcast has, from 1. */
const byBroadcast = (runs: ReadonlyArray<Result>, count: number, of: (broadcast: BroadcastResult) => number) =>
  Array.from({ length: Math.min(count, ...runs.map(({ broadcasts }) => broadcasts.length)) }, (_, index) => {
    const values = runs.flatMap(({ broadcasts }) => broadcasts.slice(index, index + 1).map(of))
    return [index + 1, mean(values)] as const
  })

const rmr = ({ rmr }: BroadcastResult): number => rmr

/** Fig. 2 (b), from cycle 0 as the paper has it, or on the stable overlay. */
const redundancy = (runs: ReadonlyArray<Result>, overlay: "early" | "stable"): Figure => {
  const ours = (variant: "Eager" | "PT s-s", role: Series["role"]): Series => ({
    name: `${names[variant]}, ours`,
    label: variant === "Eager" ? "flooding" : "tree",
    role,
    points: byBroadcast(by(runs, variant), 10, rmr)
  })
  const paper = overlay === "stable" ? [] : paperRedundancy
  const chart: Chart = {
    kind: "lines",
    x: { label: overlay === "early" ? "broadcast, one a cycle, from cycle 0" : "broadcast", min: 1, max: 10 },
    y: { label: "relative message redundancy", min: 0, max: 3.2 },
    series: [ours("PT s-s", "ours"), ours("Eager", "second"), ...paper]
  }
  const first = by(runs, "PT s-s")
  return {
    id: overlay === "early" ? "plumtree-figure-2b" : "plumtree-redundancy",
    title:
      overlay === "early"
        ? "Plumtree, Fig. 2 (b): redundancy of the first broadcasts, from cycle 0"
        : "Redundancy of the first broadcasts on the stable overlay",
    note:
      overlay === "early"
        ? `The overlay has just been joined; a flood’s redundancy is the mean degree less 2. The paper’s joins leave more slots free than ours, so its flood, and with it its first broadcast, is cheaper.${sizeNote(runs, ratiosCompare)}`
        : `Pruned at the first duplicate, constant latency. By seed: ${first
            .map(
              ({ broadcasts, seed }) =>
                `${seed}: ${broadcasts
                  .slice(0, 6)
                  .map(rmr)
                  .map((value) => number(value, 3))
                  .join(", ")}`
            )
            .join("; ")}.`,
    chart,
    table: tableOf(chart)
  }
}

const paperRedundancy: ReadonlyArray<Series> = [
  {
    name: "tree, the paper's",
    label: "paper",
    role: "paper",
    points: Paper.redundancyByBroadcast["PT s-s"].filter(([x]) => x <= 10)
  },
  {
    name: "flooding, the paper's",
    label: "flooding, paper",
    role: "other",
    points: Paper.redundancyByBroadcast.Eager.filter(([x]) => x <= 10)
  }
]

const levelsOf = (runs: ReadonlyArray<Result>): ReadonlyArray<number> =>
  [...new Set(runs.map(killOf))].sort((a, b) => a - b)

/** The mean over seeds of what the sample of a cycle has. */
const atCycle = (runs: ReadonlyArray<Result>, cycle: number, of: (sample: Sample) => number | undefined): number =>
  mean(
    runs.flatMap(({ samples = [] }) =>
      samples.filter((sample) => sample.cycle === cycle).flatMap((sample) => of(sample) ?? [])
    )
  )

const afterFailure = (runs: ReadonlyArray<Result>): ReadonlyArray<Figure> =>
  levelsOf(runs).flatMap((level): ReadonlyArray<Figure> => {
    const paper = Paper.redundancyAfterFailure.get(level)
    const own = by(runs, "PT s-s").filter((run) => killOf(run) === level)
    const floods = by(runs, "Eager").filter((run) => killOf(run) === level)
    if (paper === undefined || own.length === 0) return []
    const cycles = [0, 1, 2, 3, 4, 5]
    const points = (list: ReadonlyArray<Result>) =>
      cycles
        .map((cycle) => [cycle, atCycle(list, cycle, ({ rmr }) => rmr)] as const)
        .filter(([, y]) => !Number.isNaN(y))
    const chart: Chart = {
      kind: "lines",
      x: { label: "cycle after the failure", min: 0, max: 5, interval: 1 },
      y: { label: "relative message redundancy", min: 0 },
      series: [
        { name: "tree, ours", label: "tree", role: "ours", points: points(own) },
        { name: "flooding, ours", label: "flooding", role: "second", points: points(floods) },
        { name: "tree, the paper's", label: "paper", role: "paper", points: paper["PT s-s"] },
        { name: "flooding, the paper's", label: "flooding, paper", role: "other", points: paper.Eager }
      ]
    }
    return [
      {
        id: `plumtree-figure-5-${level}`,
        title: `Plumtree, Fig. 5: redundancy after ${level} % died`,
        note: `One sender. Cycle 0: published as the nodes died. What follows it, grafts and repairs included, belongs to it: so it reaches nearly everybody here, where the paper counts what arrives before.${sizeNote(runs, ratiosCompare)}`,
        chart,
        table: tableOf(chart)
      }
    ]
  })

const firstReliability = (runs: ReadonlyArray<Result>): Figure => {
  const curve = (variant: Paper.TreeVariant) =>
    levelsOf(runs).map((level) => {
      const own = by(runs, variant).filter((run) => killOf(run) === level)
      return [level, atCycle(own, 0, ({ reliability }) => reliability) * 100] as const
    })
  const floods = by(runs, "Eager").flatMap((run): ReadonlyArray<First> => {
    const hops = run.samples?.[0]?.hops
    return hops === undefined ? [] : [{ run, broadcast: { hops }, name: `${killOf(run)} %, seed ${run.seed}` }]
  })
  const chart: Chart = {
    kind: "lines",
    x: { label: "nodes that died", min: 10, max: 95, unit: " %" },
    y: { label: "reached by the first message", min: 0, max: 100, unit: " %" },
    series: [
      { name: "tree, one sender, ours", label: "tree", role: "ours", points: curve("PT s-s") },
      { name: "flooding, ours", label: "flooding", role: "second", points: curve("Eager") },
      { name: "tree, the paper's", label: "paper", role: "paper", points: Paper.firstReliability["PT s-s"] },
      { name: "flooding, the paper's", label: "flooding, paper", role: "other", points: Paper.firstReliability.Eager }
    ]
  }
  return {
    id: "plumtree-figure-6a",
    title: "Plumtree, Fig. 6 (a): the first message after a failure",
    note: `Published as the nodes died. ${detection(runs, floods, "flood")} Of a flood nothing comes later; the tree’s announcements wait, and bring the payload over the links that are made meanwhile.${sizeNote(runs, sharesCompare)}`,
    chart,
    table: {
      columns: ["died", ...Paper.treeVariants.flatMap((variant) => [names[variant], "paper"])],
      rows: levelsOf(runs).map((level) => [
        `${level} %`,
        ...Paper.treeVariants.flatMap((variant) => {
          const own = by(runs, variant).filter((run) => killOf(run) === level)
          return [
            percent(
              atCycle(own, 0, ({ reliability }) => reliability),
              2
            ),
            `${new Map(Paper.firstReliability[variant]).get(level) ?? "–"} %`
          ]
        })
      ])
    }
  }
}

const healingTable = (runs: ReadonlyArray<Result>): Figure => ({
  id: "plumtree-figure-6b",
  title: "Plumtree, Fig. 6 (b): cycles until a broadcast reaches everybody again",
  note: `0: the first message did. Each seed, then the paper’s.${sizeNote(runs, cyclesDiffer)}`,
  table: {
    columns: ["died", ...Paper.treeVariants.flatMap((variant) => [names[variant], "paper"])],
    rows: levelsOf(runs).map((level) => [
      `${level} %`,
      ...Paper.treeVariants.flatMap((variant) => [
        by(runs, variant)
          .filter((run) => killOf(run) === level)
          .map(({ healingCycles }) => (healingCycles === null ? "not" : String(healingCycles)))
          .join(", "),
        String(new Map(Paper.treeHealing[variant]).get(level) ?? "–")
      ])
    ])
  }
})

const steadyFailures = (runs: ReadonlyArray<Result>): Figure => {
  const [first] = runs
  const dying = Number(first?.config["failures"])
  const cycles = (first?.samples ?? []).map(({ cycle }) => cycle)
  const curve = (of: (sample: Sample) => number | undefined) =>
    cycles.map((cycle) => [cycle, atCycle(runs, cycle, of)] as const)
  const all = runs.flatMap(({ samples = [] }) => samples)
  const chart: Chart = {
    kind: "lines",
    x: { label: "cycle" },
    y: { label: "relative message redundancy", min: 0 },
    series: [{ name: "ours, mean", label: "ours", role: "ours", points: curve(({ rmr }) => rmr) }]
  }
  return {
    id: "plumtree-steady-failures",
    title: `Plumtree: ${number(dying)} ${dying === 1 ? "node dies" : "nodes die"} in every cycle`,
    note: `Each at a moment of its own; one broadcast after each of ${cycles.length} cycles. Reliability: ${percent(mean(all.map(({ reliability }) => reliability)))} on average, ${percent(Math.min(...all.map(({ reliability }) => reliability)))} at least; RMR ${number(Math.max(...all.map(({ rmr = 0 }) => rmr)), 3)} at most. The paper: 100 %, at most 0.1, where 50 of ${number(nodesOfPaper)} die.`,
    chart,
    table: tableOf(chart)
  }
}

/** Of one broadcast by one sender, each announced by itself. */
const controlOfPaper = 29_990

const batchedTable = (runs: ReadonlyArray<Result>): Figure => ({
  id: "plumtree-batched",
  title: "Plumtree: announcements that travel together",
  note: `${number(Number(runs[0]?.config["rate"]))} broadcasts a second from one sender; an announcement waits up to ${number(Number(runs[0]?.config["announceMillis"]))} ms for others. The paper, which announces each by itself, has ${number(controlOfPaper)} control messages for each broadcast.${sizeNote(runs, "what each other node has of them is compared")}`,
  table: {
    columns: ["seed", "reliability", "payload", "control", "of the paper’s"],
    rows: runs.map(({ broadcasts, seed }) => {
      const list = broadcasts.slice(Math.floor(broadcasts.length / 2))
      const control = mean(broadcasts.map((broadcast) => broadcast.control))
      const each = perNode(runs)
      return [
        String(seed),
        percent(mean(list.map(({ reliability }) => reliability))),
        number(mean(list.map(({ payload }) => payload)), 6),
        number(control, 5),
        percent(control / each.ours / (controlOfPaper / each.paper), 1)
      ]
    })
  }
})
