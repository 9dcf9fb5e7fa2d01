/**
 * The values that the papers plot, to be drawn beside ours.
 *
 * They were recovered from the vector paths and bars of the technical reports' figures (HyParView, DI-FCUL TR-07-13;
 * Plumtree, DI-FCUL TR-07-14; both 2007), so they are as exact as a plot is: about ± 0.03 points of reliability; points
 * that lie on a straight line between their neighbours may be missing from a curve. Tables are the printed numbers.
 * Shares are in percent here, as in the papers. 10,000 nodes throughout.
 *
 * @since 0.1.0
 */
import figures from "./paperFigures.json" with { type: "json" }

/**
 * A point of a plotted curve: x, y.
 *
 * @category models
 * @since 0.1.0
 */
export type Point = readonly [x: number, y: number]

/**
 * The protocols that the HyParView paper compares.
 *
 * @category models
 * @since 0.1.0
 */
export type Protocol = "HyParView" | "CyclonAcked" | "Cyclon" | "Scamp"

/**
 * All protocols, HyParView first.
 *
 * @category models
 * @since 0.1.0
 */
export const protocols: ReadonlyArray<Protocol> = ["HyParView", "CyclonAcked", "Cyclon", "Scamp"]

const hyparview = figures.hyparview_TR0713

const pairs = (points: ReadonlyArray<ReadonlyArray<number>>): ReadonlyArray<Point> =>
  points.map(([x = 0, y = 0]) => [x, y] as const)

const zip = (xs: ReadonlyArray<number>, ys: ReadonlyArray<number>): ReadonlyArray<Point> =>
  xs.map((x, i) => [x, ys[i] ?? 0] as const)

/**
 * Fig. 2: mean reliability (percent) of 1,000 messages against the failed share (percent).
 *
 * @category figures
 * @since 0.1.0
 */
export const reliabilityByFailures: Readonly<Record<Protocol, ReadonlyArray<Point>>> = {
  HyParView: zip(hyparview.fig2_reliability_1000msgs.levels, hyparview.fig2_reliability_1000msgs.HyParView),
  CyclonAcked: zip(hyparview.fig2_reliability_1000msgs.levels, hyparview.fig2_reliability_1000msgs.CyclonAcked),
  Cyclon: zip(hyparview.fig2_reliability_1000msgs.levels, hyparview.fig2_reliability_1000msgs.Cyclon),
  Scamp: zip(hyparview.fig2_reliability_1000msgs.levels, hyparview.fig2_reliability_1000msgs.Scamp)
}

/**
 * Fig. 3: reliability (percent) of each message after the failure, for the failed shares that the paper plots.
 *
 * @category figures
 * @since 0.1.0
 */
export const reliabilityByMessage: ReadonlyMap<number, Readonly<Record<Protocol, ReadonlyArray<Point>>>> = new Map(
  Object.entries(hyparview.fig3_reliability_per_message).map(([failed, curves]) => [
    Number(failed),
    {
      HyParView: pairs(curves.HyParView),
      CyclonAcked: pairs(curves.CyclonAcked),
      Cyclon: pairs(curves.Cyclon),
      Scamp: pairs(curves.Scamp)
    }
  ])
)

/**
 * Fig. 4: cycles until reliability is what it was before the failure, against the failed share (percent). Scamp is not
 * in the figure.
 *
 * @category figures
 * @since 0.1.0
 */
export const healingByFailures: Readonly<Record<Exclude<Protocol, "Scamp">, ReadonlyArray<Point>>> = {
  HyParView: zip(hyparview.fig4_healing_cycles.levels, hyparview.fig4_healing_cycles.HyParView),
  CyclonAcked: zip(hyparview.fig4_healing_cycles.levels, hyparview.fig4_healing_cycles.CyclonAcked),
  Cyclon: zip(hyparview.fig4_healing_cycles.levels, hyparview.fig4_healing_cycles.Cyclon)
}

/**
 * Table 1: the graphs after 50 cycles, and the hops of the last delivery of a flood.
 *
 * @category figures
 * @since 0.1.0
 */
export const graphProperties: Readonly<
  Record<
    Exclude<Protocol, "CyclonAcked">,
    { readonly clustering: number; readonly averageShortestPath: number; readonly maximumHops: number }
  >
> = {
  HyParView: tableRow(hyparview.table1.HyParView),
  Cyclon: tableRow(hyparview.table1.Cyclon),
  Scamp: tableRow(hyparview.table1.Scamp)
}

function tableRow(row: { readonly cc: number; readonly asp: number; readonly maxhops: number }) {
  return { clustering: row.cc, averageShortestPath: row.asp, maximumHops: row.maxhops }
}

/**
 * Fig. 5: how many nodes have which in-degree.
 *
 * @category figures
 * @since 0.1.0
 */
export const inDegrees: Readonly<Record<string, number>> = hyparview.fig5_indegree.HyParView
