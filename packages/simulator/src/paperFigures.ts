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

// --- Plumtree ----------------------------------------------------------------------------------------------------------

/**
 * The broadcasts that the Plumtree paper compares: flooding ("Eager"), and the tree for one sender (s-s) or many (m-s),
 * optimised or not.
 *
 * @category models
 * @since 0.1.0
 */
export type TreeVariant = "Eager" | "PT s-s" | "PT m-s" | "PTopt s-s" | "PTopt m-s"

/**
 * All of them, flooding first.
 *
 * @category models
 * @since 0.1.0
 */
export const treeVariants: ReadonlyArray<TreeVariant> = ["Eager", "PT s-s", "PT m-s", "PTopt s-s", "PTopt m-s"]

const plumtree = figures.plumtree_TR0714

/**
 * Table 1: payload and control messages of one broadcast at cycle 100.
 *
 * @category figures
 * @since 0.1.0
 */
export const messagesOfTree: Readonly<Record<TreeVariant, ReadonlyArray<number>>> = plumtree.table1_msgs_cycle100

const indexed = (values: ReadonlyArray<number | null>, first: number): ReadonlyArray<Point> =>
  values.flatMap((value, i) => (value === null ? [] : [[i + first, value] as const]))

/**
 * Fig. 2 (b): RMR of the first broadcasts, one a cycle, from cycle 0; counted from 1.
 *
 * @category figures
 * @since 0.1.0
 */
export const redundancyByBroadcast: Readonly<Record<"Eager" | "PT s-s", ReadonlyArray<Point>>> = {
  Eager: indexed(plumtree.fig2b_RMR_first_cycles.Eager, 1),
  "PT s-s": indexed(plumtree.fig2b_RMR_first_cycles["PT s-s"], 1)
}

/**
 * Fig. 2 (c): hops of the last delivery in a stable overlay, means.
 *
 * @category figures
 * @since 0.1.0
 */
export const lastHops: Readonly<Record<TreeVariant, number>> = plumtree.fig2c_LDH_stable

const firstOfTree = plumtree.fig6a_first_msg_reliability

/**
 * Fig. 6 (a): reliability (percent) of the first message after a share (percent) has failed.
 *
 * @category figures
 * @since 0.1.0
 */
export const firstReliability: Readonly<Record<TreeVariant, ReadonlyArray<Point>>> = {
  Eager: zip(firstOfTree.levels, firstOfTree.Eager),
  "PT s-s": zip(firstOfTree.levels, firstOfTree["PT s-s"]),
  "PT m-s": zip(firstOfTree.levels, firstOfTree["PT m-s"]),
  "PTopt s-s": zip(firstOfTree.levels, firstOfTree["PTopt s-s"]),
  "PTopt m-s": zip(firstOfTree.levels, firstOfTree["PTopt m-s"])
}

const healingOfTree = plumtree.fig6b_healing_cycles

/**
 * Fig. 6 (b): cycles until a broadcast reaches everybody again.
 *
 * @category figures
 * @since 0.1.0
 */
export const treeHealing: Readonly<Record<TreeVariant, ReadonlyArray<Point>>> = {
  Eager: zip(healingOfTree.levels, healingOfTree.Eager),
  "PT s-s": zip(healingOfTree.levels, healingOfTree["PT s-s"]),
  "PT m-s": zip(healingOfTree.levels, healingOfTree["PT m-s"]),
  "PTopt s-s": zip(healingOfTree.levels, healingOfTree["PTopt s-s"]),
  "PTopt m-s": zip(healingOfTree.levels, healingOfTree["PTopt m-s"])
}

/**
 * Fig. 5: RMR of the broadcasts after a share (percent) has failed, by cycle, from 0.
 *
 * @category figures
 * @since 0.1.0
 */
export const redundancyAfterFailure: ReadonlyMap<
  number,
  Readonly<Record<"Eager" | "PT s-s", ReadonlyArray<Point>>>
> = new Map(
  Object.entries(plumtree.fig5_RMR_after_failure).map(([failed, curves]) => [
    Number(failed),
    { Eager: indexed(curves.Eager, 0), "PT s-s": indexed(curves["PT s-s"], 0) }
  ])
)
