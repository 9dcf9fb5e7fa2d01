/** The figures of a thicket: how the load is spread beside Plumtree's one tree, and what deaths did. */
import type { Histogram } from "../Graph.ts"
import type { Death, Result, Thicket } from "../Result.ts"
import type { Chart } from "./Chart.ts"
import { type Figure, mean, number, percent, tableOf } from "./Figure.ts"

/** The figures of these runs, if they are of a thicket. */
export const thicketFigures = (runs: ReadonlyArray<Result>): ReadonlyArray<Figure> => {
  const found = runs.flatMap(({ thicket }) => (thicket === undefined ? [] : [thicket]))
  const [first] = found
  return first === undefined
    ? []
    : [loadFigure(found, first.settled.trees.length), treesTable(runs), deathsTable(found)]
}

/** The mean over runs of the share of nodes that have so many, times `scale`. */
const shares = (histograms: ReadonlyArray<Histogram>, scale: number): ReadonlyArray<readonly [number, number]> => {
  const last = Math.max(...histograms.flatMap((histogram) => Object.keys(histogram).map(Number)))
  return Array.from({ length: last + 1 }, (_, value) => {
    const each = histograms.map((histogram) => {
      const nodes = Object.values(histogram).reduce((sum, count) => sum + count, 0)
      return (100 * (histogram[value] ?? 0)) / Math.max(1, nodes)
    })
    return [value * scale, mean(each)] as const
  })
}

const loadFigure = (found: ReadonlyArray<Thicket>, treesCount: number): Figure => {
  const chart: Chart = {
    kind: "lines",
    x: { label: `copies that a node sends on of ${treesCount}`, min: 0 },
    y: { label: "nodes", min: 0, unit: " %" },
    series: [
      {
        name: "thicket",
        label: "thicket",
        role: "ours",
        points: shares(
          found.map(({ settled }) => settled.load),
          1
        )
      },
      {
        name: "Plumtree, one tree",
        label: "Plumtree",
        role: "second",
        points: shares(
          found.map(({ plumtreeLoad }) => plumtreeLoad),
          treesCount
        )
      }
    ]
  }
  return {
    id: "thicket-load",
    title: "The forwarding load: a thicket, and Plumtree’s one tree over the same overlay",
    note: "Of as many messages, one on each tree. The source is left out. In one tree the same nodes forward every message, and most forward none.",
    chart,
    table: tableOf(chart)
  }
}

const treesTable = (runs: ReadonlyArray<Result>): Figure => ({
  id: "thicket-trees",
  title: "The trees",
  note: "Reached: by the branches of the tree alone, the least of all trees. Interior: with children in the tree. The load is the number of children over all trees, at nodes other than the source.",
  table: {
    columns: ["seed", "when", "reached", "interior in at most one", "largest load", "hops", "source’s load"],
    rows: runs.flatMap(({ seed, thicket }) =>
      [["settled", thicket?.settled] as const, ["after the deaths", thicket?.healed] as const].flatMap(
        ([when, forest]) =>
          forest === undefined
            ? []
            : [
                [
                  number(seed),
                  when,
                  percent(Math.min(...forest.trees.map(({ reachedShare }) => reachedShare)), 2),
                  percent(forest.atMostOneShare, 2),
                  number(forest.mostLoad),
                  number(Math.max(...forest.trees.map(({ hops }) => hops))),
                  number(forest.sourceLoad)
                ]
              ]
      )
    )
  }
})

const deathsTable = (found: ReadonlyArray<Thicket>): Figure => {
  const all = found.flatMap(({ deaths }) => deaths)
  const kinds = [...new Set(all.map(({ interiorTrees }) => interiorTrees))].sort((a, b) => a - b)
  const most = (list: ReadonlyArray<Death>, of: (death: Death) => number) => Math.max(...list.map(of))
  return {
    id: "thicket-deaths",
    title: "One node dies as a message is published on each tree",
    note: "Before any repair, each death in a copy of the world of its own. A gap: a node that lacks more than one of the messages, and could not rebuild one that was striped over the trees with one parity part.",
    table: {
      columns: [
        "interior in",
        "deaths",
        "trees interrupted, at most",
        "nodes with a gap, at most",
        "reached after repair, at least"
      ],
      rows: kinds.map((kind) => {
        const list = all.filter(({ interiorTrees }) => interiorTrees === kind)
        return [
          number(kind),
          number(list.length),
          number(most(list, ({ interruptedTrees }) => interruptedTrees)),
          number(most(list, ({ gaps }) => gaps)),
          percent(-most(list, ({ reliability }) => -reliability), 2)
        ]
      })
    }
  }
}
