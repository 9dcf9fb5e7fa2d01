/**
 * How fast a quantity grows, and how sure that is. A straight line is fitted to means of blocks of samples, not to the
 * samples: what is sampled every few seconds from one process repeats itself (a heap that is high now is high in the next
 * sample too), which would make the interval look far narrower than it is. Means of long blocks are nearly independent.
 */

/** A quantity at one moment. `atMillis`: since any origin that all share. */
export interface Sample {
  readonly atMillis: number
  readonly value: number
}

export interface Slope {
  /** Of all samples. */
  readonly mean: number
  /** The quantity's growth in an hour: the fitted line's, and the ends of its 95 % confidence interval. */
  readonly perHour: number
  readonly low: number
  readonly high: number
}

/** As many blocks, and at least three: a line through two says nothing of its error. */
const mostBlocks = 12

/** Student's t, two-sided 95 %, by degrees of freedom from 1. */
const student = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228]

const hourMillis = 3_600_000

const meanOf = (values: ReadonlyArray<number>): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** As many blocks of as many consecutive samples each, or one more; in the order of time. */
const blocksOf = (samples: ReadonlyArray<Sample>): ReadonlyArray<Sample> => {
  const count = Math.min(mostBlocks, samples.length)
  return Array.from({ length: count }, (_, block) => {
    const part = samples.slice(
      Math.floor((samples.length * block) / count),
      Math.floor((samples.length * (block + 1)) / count)
    )
    return { atMillis: meanOf(part.map(({ atMillis }) => atMillis)), value: meanOf(part.map(({ value }) => value)) }
  })
}

/**
 * The slope of samples in the order of time; undefined for fewer than three.
 *
 * @example
 * ```ts
 * import { slopeOf } from "@hyparview/vopr/Slope"
 *
 * const minutes = Array.from({ length: 60 }, (_, minute) => ({ atMillis: minute * 60_000, value: 100 + minute }))
 * console.log(Math.round(slopeOf(minutes)?.perHour ?? NaN)) // 60
 * ```
 */
export const slopeOf = (samples: ReadonlyArray<Sample>): Slope | undefined => {
  if (samples.length < 3) return undefined
  const blocks = blocksOf(samples)
  const at = meanOf(blocks.map(({ atMillis }) => atMillis))
  const level = meanOf(blocks.map(({ value }) => value))
  const spread = blocks.reduce((sum, { atMillis }) => sum + (atMillis - at) ** 2, 0)
  const slope = blocks.reduce((sum, { atMillis, value }) => sum + (atMillis - at) * (value - level), 0) / spread
  const rest = blocks.reduce((sum, { atMillis, value }) => sum + (value - level - slope * (atMillis - at)) ** 2, 0)
  const degrees = blocks.length - 2
  const error = Math.sqrt(rest / degrees / spread) * (student[degrees - 1] ?? 2.228)
  return {
    mean: meanOf(samples.map(({ value }) => value)),
    perHour: slope * hourMillis,
    low: (slope - error) * hourMillis,
    high: (slope + error) * hourMillis
  }
}

/**
 * `flat`: sure not to grow by more than the bound. `grows`: it grows by more, and that is not chance. `undecided`: the
 * samples do not tell; longer ones would.
 */
export type Finding = "flat" | "grows" | "undecided"

/** What a slope says of a bound, in the quantity's unit an hour. */
export const findingOf = ({ high, low, perHour }: Slope, bound: number): Finding =>
  high <= bound ? "flat" : perHour > bound && low > 0 ? "grows" : "undecided"
