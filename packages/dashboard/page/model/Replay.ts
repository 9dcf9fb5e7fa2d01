/**
 * A simulator's result on a time line: its series (cycles of healing, messages, rounds of gossip) as frames that can be
 * played. Pure.
 *
 * A result says how many nodes a message reached, not which. So a frame that has a reliability is drawn over the final
 * graph by filling that share of it, the nearest to a source first; the legend says so.
 */
import type { Edges, Run } from "./ResultFile.ts"

/** A moment of a series. */
export interface Frame {
  /** `cycle 3`. */
  readonly label: string
  readonly at: number
  /** The share of the nodes that a message reached. */
  readonly reached: number
  /** What is told of the moment, in order. */
  readonly facts: ReadonlyArray<readonly [name: string, value: string]>
}

/** What is drawn over the time line: at most two curves. */
export interface Curve {
  readonly name: string
  readonly unit: "%" | ""
  readonly values: ReadonlyArray<number>
}

export interface Series {
  readonly name: string
  readonly unit: string
  readonly frames: ReadonlyArray<Frame>
  readonly curves: ReadonlyArray<Curve>
}

const percent = (share: number): string => `${(share * 100).toFixed(share === 1 || share === 0 ? 0 : 1)} %`

const number = (value: number): string => value.toLocaleString("en")

const healing = ({ samples = [] }: Run): ReadonlyArray<Series> =>
  samples.length === 0
    ? []
    : [
        {
          name: "Cycles",
          unit: "cycle",
          frames: samples.map(({ alive, components, cycle, largestComponent, reliability }) => ({
            label: cycle === 0 ? "at once" : `cycle ${cycle}`,
            at: cycle,
            reached: reliability,
            facts: [
              ["alive", number(alive)],
              ["components", number(components)],
              ["largest", number(largestComponent)],
              ["reliability", percent(reliability)]
            ]
          })),
          curves: [
            { name: "reliability", unit: "%", values: samples.map(({ reliability }) => reliability * 100) },
            {
              name: "in the largest component",
              unit: "%",
              values: samples.map(({ alive, largestComponent }) => (largestComponent * 100) / Math.max(1, alive))
            }
          ]
        }
      ]

const messages = ({ broadcasts }: Run): ReadonlyArray<Series> =>
  broadcasts.length === 0
    ? []
    : [
        {
          name: "Messages",
          unit: "message",
          frames: broadcasts.map(({ hops, reliability, rmr }, index) => ({
            label: `message ${index + 1} of ${broadcasts.length}`,
            at: index + 1,
            reached: reliability,
            facts: [
              ["reliability", percent(reliability)],
              ["last hop", number(hops)],
              ["redundancy", rmr.toFixed(2)]
            ]
          })),
          curves: [{ name: "reliability", unit: "%", values: broadcasts.map(({ reliability }) => reliability * 100) }]
        }
      ]

const rounds = ({ nodes, rounds = [] }: Run): ReadonlyArray<Series> =>
  rounds.length === 0
    ? []
    : [
        {
          name: "Gossip rounds",
          unit: "round",
          frames: rounds.map(({ maintenance, missed, round, seen, waste }) => ({
            label: `round ${round}`,
            at: round,
            reached: seen / Math.max(1, seen + missed, nodes),
            facts: [
              ["seen", number(seen)],
              ["missed", number(missed)],
              ["waste", number(waste)],
              ["maintenance", number(maintenance)]
            ]
          })),
          curves: [
            { name: "seen", unit: "", values: rounds.map(({ seen }) => seen) },
            { name: "waste", unit: "", values: rounds.map(({ waste }) => waste) }
          ]
        }
      ]

/** Everything in a run that has a time line; none if it measured only its end. */
export const seriesOf = (run: Run): ReadonlyArray<Series> => [...healing(run), ...messages(run), ...rounds(run)]

/** The links that a message crosses to each node if it takes the shortest way; nodes that it cannot reach are absent. */
const hopsFrom = (edges: Edges, source: number): ReadonlyMap<number, number> => {
  const neighbors: ReadonlyArray<Array<number>> = edges.ids.map(() => [])
  for (const [a, b] of edges.links) {
    neighbors[a]?.push(b)
    neighbors[b]?.push(a)
  }
  const hops = new Map([[source, 0]])
  // A Map is walked in the order of insertion, those inserted on the way included: it is the queue.
  for (const [node, hop] of hops) {
    for (const neighbor of neighbors[node] ?? []) if (!hops.has(neighbor)) hops.set(neighbor, hop + 1)
  }
  return hops
}

/** Node → hops, for the nearest `share` of all nodes. */
export const reachedIn = (edges: Edges, source: number, share: number): ReadonlyMap<string, number> => {
  const most = Math.round(share * edges.ids.length)
  const reached = new Map<string, number>()
  for (const [node, hop] of hopsFrom(edges, source)) {
    if (reached.size >= most) break
    reached.set(edges.ids[node] ?? "", hop)
  }
  return reached
}
