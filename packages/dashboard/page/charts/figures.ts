/** The series of the charts, from the state of the cluster. Pure. */
import type { Reach, SeenNode } from "../../src/ClusterSource.ts"
import type { Counters } from "../../src/Feed.ts"
import { isRunning } from "../../src/Overlay.ts"
import { many } from "../../src/Story.ts"
import type { Picture } from "../model/Picture.ts"

export type Points = ReadonlyArray<readonly [number, number]>

/** Counts of whole numbers, ascending, those between that nobody has included. */
const consecutive = (counts: ReadonlyMap<number, number>): Points => {
  if (counts.size === 0) return []
  const least = Math.min(...counts.keys())
  const most = Math.max(...counts.keys())
  return Array.from(
    { length: most - least + 1 },
    (_, index) => [least + index, counts.get(least + index) ?? 0] as const
  )
}

/** Neighbours → nodes, over those that run. */
export const degrees = (picture: Picture): Points => {
  const counts = new Map<number, number>()
  for (const { degree, state } of picture.nodes.values()) {
    if (state !== "dead" && state !== "left") counts.set(degree, (counts.get(degree) ?? 0) + 1)
  }
  return consecutive(counts)
}

/** Hops → nodes that the message reached in so many. */
export const hops = (picture: Picture): Points => {
  const counts = new Map<number, number>()
  for (const arrival of picture.arrivals.values()) counts.set(arrival.hops, (counts.get(arrival.hops) ?? 0) + 1)
  return consecutive(counts)
}

/** How many percent have the message after so many milliseconds: a step for each node. */
export const arrivals = ({ arrivals, expected }: Reach): Points => {
  const sorted = arrivals.map(([, , millis]) => Math.max(0, millis)).sort((a, b) => a - b)
  const points: Array<readonly [number, number]> = [[0, 0]]
  sorted.forEach((millis, index) => {
    const share = ((index + 1) * 100) / Math.max(1, expected)
    if (points.at(-1)?.[0] === millis) points.pop()
    points.push([millis, share])
  })
  return points
}

/** Round trip in milliseconds, rounded down to a step → nodes with such a median. The steps are equally wide. */
export const roundTrips = (nodes: Iterable<SeenNode>): Points => {
  const measured: Array<number> = []
  for (const node of nodes) if (isRunning(node) && node.roundTripMillis !== null) measured.push(node.roundTripMillis)
  if (measured.length === 0) return []
  const step = niceStep(Math.max(...measured) / 10)
  const counts = new Map<number, number>()
  for (const millis of measured) {
    const bin = Math.floor(millis / step)
    counts.set(bin, (counts.get(bin) ?? 0) + 1)
  }
  return consecutive(counts).map(([bin, count]) => [Number((bin * step).toPrecision(6)), count] as const)
}

/** 1, 2 or 5 times a power of ten, not below what is asked. */
const niceStep = (least: number): number => {
  if (least <= 0) return 1
  const power = 10 ** Math.floor(Math.log10(least))
  const [factor = 10] = [1, 2, 5, 10].filter((candidate) => candidate * power >= least)
  return factor * power
}

/** `40 nodes with 5 neighbours, 10 with 4`, the most frequent first. */
export const inWords = (points: Points, unit: string): string =>
  [...points]
    .sort(([, a], [, b]) => b - a)
    .slice(0, 6)
    .map(([x, count], index) => (index === 0 ? `${many(count, "node")} with ${x} ${unit}` : `${count} with ${x}`))
    .join(", ")

export interface Sample {
  readonly atMillis: number
  readonly sentPerSecond: number
}

/** The traffic's curve: a sample a second, for the last minutes. */
const sampleMillis = 1_000
const mostSamples = 300

/** The curve with what was counted last, if that is its next sample. A clock that was set back begins it anew. */
export const withSample = (
  before: ReadonlyArray<Sample>,
  { atMillis, sentPerSecond }: Counters
): ReadonlyArray<Sample> => {
  if (sentPerSecond === null) return before
  const since = atMillis - (before.at(-1)?.atMillis ?? Number.NEGATIVE_INFINITY)
  if (since >= 0 && since < sampleMillis) return before
  return [...(since < 0 ? [] : before), { atMillis, sentPerSecond }].slice(-mostSamples)
}
