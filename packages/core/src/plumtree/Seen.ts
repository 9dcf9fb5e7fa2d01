/**
 * Which messages of an origin have been seen, in memory that does not grow with their number. They are numbered from 0; a
 * record remembers up to which number all are done (`floor`), and of the numbers above it those seen, as runs. In order
 * there is no run, and with gaps one more than there are gaps.
 *
 * Runs are a flat list: first and last, first and last, …, ascending, with at least one number missing between two.
 *
 * @since 0.1.0
 */
import { maxRuns } from "../wire/Limits.ts"

/** What this file reads of a stream. */
export interface Seen {
  readonly floor: number
  readonly above: ReadonlyArray<number>
  readonly owed: number
  readonly wanted: number
  readonly top: number
}

/** How far numbers may be apart, and how many gaps there may be. */
export interface Bounds {
  readonly windowSize: number
  readonly gapsSize: number
}

const none: ReadonlyArray<never> = []

/** Whether this can be the number of a message. The wire lets nothing else through; a driver of another kind might. */
export const isSequence = (sequence: number): boolean => sequence >= 0 && Number.isSafeInteger(sequence)

/** Whether these are runs. */
export const isRuns = (runs: ReadonlyArray<number>): boolean =>
  runs.length > 0 &&
  runs.length % 2 === 0 &&
  runs.every((number, i) => isSequence(number) && (i === 0 || number >= (runs[i - 1] ?? 0) + (i % 2 === 0 ? 2 : 0)))

/** Whether a number is done: seen, or below the window. */
export const isDone = ({ above, floor }: Seen, sequence: number): boolean => {
  if (sequence <= floor) return true
  for (let i = above.length - 2; i >= 0; i -= 2) {
    if (sequence >= (above[i] ?? 0)) return sequence <= (above[i + 1] ?? 0)
  }
  return false
}

/** The first number from this one on that is not done. */
export const doneUntil = ({ above, floor }: Seen, sequence: number): number => {
  if (sequence <= floor) return floor + 1
  for (let i = 0; i < above.length && sequence >= (above[i] ?? 0); i += 2) {
    const last = above[i + 1] ?? 0
    if (sequence <= last) return last + 1
  }
  return sequence
}

/**
 * Adds a number that is not done. `lost` gets, as runs, the owed numbers that are given up for it: those below the window,
 * and the oldest gap if there are too many.
 */
export const see = <S extends Seen>(stream: S, sequence: number, bounds: Bounds, lost: Array<number>): S => {
  const { above, floor } = stream
  const top = sequence > stream.top ? sequence : stream.top
  // The common case: in order, and nothing above the floor.
  if (above.length === 0 && sequence === floor + 1) return { ...stream, floor: sequence, top }
  return fit(settle({ ...stream, top }, floor, joined(above, sequence, sequence)), bounds, lost)
}

/** The highest number that has been seen, or given up. What is above it is hearsay. */
export const latest = ({ above, floor }: Seen): number => above[above.length - 1] ?? floor

/** Whether this number is the highest, and what is missing right below it has not been missing before. */
export const isApart = ({ above, floor }: Seen, sequence: number): boolean =>
  sequence > floor && above[above.length - 2] === sequence && above[above.length - 1] === sequence

/** How many numbers above this one, and above the floor, have been seen. */
export const countAbove = ({ above }: Seen, number: number): number => {
  let count = 0
  for (let i = above.length - 2; i >= 0; i -= 2) {
    const last = above[i + 1] ?? 0
    if (last <= number) break
    count += last - Math.max(number, (above[i] ?? 0) - 1)
  }
  return count
}

/** Somebody says that a number exists. That costs nobody a number: only what is seen moves the window. */
export const expect = <S extends Seen>(stream: S, top: number): S => (top > stream.top ? { ...stream, top } : stream)

/** What is only hearsay is not believed any more. */
export const doubt = <S extends Seen>(stream: S): S => ({ ...stream, top: latest(stream) })

/**
 * Every number up to this one is done from now on, but none above what has been seen; `lost` gets the owed ones that had not
 * been seen.
 */
export const giveUp = <S extends Seen>(stream: S, number: number, lost: Array<number>): S => {
  const { above, floor, owed } = stream
  const upTo = Math.min(number, latest(stream))
  if (upTo <= floor) return stream
  lose(missing(above, Math.max(floor + 1, owed), upTo), lost)
  const rest: Array<number> = []
  for (let i = 0; i < above.length; i += 2) {
    const last = above[i + 1] ?? 0
    if (last > upTo) rest.push(Math.max(upTo + 1, above[i] ?? 0), last)
  }
  return settle(stream, upTo, rest)
}

/** The wanted numbers that have not been seen, as runs. */
export const gapsOf = ({ above, floor, top, wanted }: Seen): ReadonlyArray<number> =>
  missing(above, Math.max(floor + 1, wanted), top)

/** The first of them; beyond `top` if there is none. */
export const firstWanted = (stream: Seen): number => doneUntil(stream, stream.wanted)

/** Whether there are such numbers. */
export const hasGap = (stream: Seen): boolean => firstWanted(stream) <= stream.top

/** Whether any of them is owed, and not hearsay. */
export const hasOwedGap = (stream: Seen): boolean =>
  stream.above.length > 0 && doneUntil(stream, stream.owed) <= latest(stream)

/** Whether anything is wanted that is older than what is owed. */
export const wantsOlder = ({ floor, owed, wanted }: Seen): boolean => wanted < owed && floor + 1 < owed

/** Of these runs what is not done, as runs. */
export const notDone = ({ above, floor }: Seen, runs: ReadonlyArray<number>): ReadonlyArray<number> => {
  const wanted: Array<number> = []
  // Both ascend: what lies before one of these runs lies before the next. A neighbour can name many, of a stream of many.
  let from = 0
  for (let i = 0; i + 1 < runs.length; i += 2) {
    const first = Math.max(floor + 1, runs[i] ?? 0)
    while (from < above.length && (above[from + 1] ?? 0) < first) from += 2
    for (const number of missing(above, first, runs[i + 1] ?? 0, from)) wanted.push(number)
  }
  return wanted
}

/** From `first` to `last`, what lies in none of these runs, of which those before `from` end before `first`. */
const missing = (runs: ReadonlyArray<number>, first: number, last: number, from = 0): ReadonlyArray<number> => {
  if (first > last) return none
  const gaps: Array<number> = []
  let next = first
  for (let i = from; i < runs.length && next <= last; i += 2) {
    const start = runs[i] ?? 0
    const end = runs[i + 1] ?? 0
    if (end < next) continue
    if (start > last) break
    if (start > next) gaps.push(next, start - 1)
    next = end + 1
  }
  if (next <= last) gaps.push(next, last)
  return gaps
}

/** Runs with one more, which may touch its neighbours and overlaps none. */
const joined = (runs: ReadonlyArray<number>, first: number, last: number): ReadonlyArray<number> => {
  let at = runs.length
  while (at > 0 && (runs[at - 2] ?? 0) > last) at -= 2
  const touchesBefore = at > 0 && runs[at - 1] === first - 1
  const touchesAfter = at < runs.length && runs[at] === last + 1
  if (touchesBefore && touchesAfter) return runs.toSpliced(at - 1, 2)
  if (touchesBefore) return runs.with(at - 1, last)
  if (touchesAfter) return runs.with(at, first)
  return runs.toSpliced(at, 0, first, last)
}

/** Sets floor and runs; a run that stands on the floor raises it. */
const settle = <S extends Seen>(stream: S, floor: number, runs: ReadonlyArray<number>): S =>
  runs.length > 0 && runs[0] === floor + 1
    ? { ...stream, floor: runs[1] ?? floor, above: runs.length === 2 ? none : runs.slice(2) }
    : { ...stream, floor, above: runs }

/** How many gaps of one origin a FETCH names at most: those that are remembered, and what is only hearsay; as many as a frame may. */
export const mostNamed = ({ gapsSize }: Pick<Bounds, "gapsSize">): number => Math.min(gapsSize + 1, maxRuns)

/** Holds to the bounds: what is too far below what was seen is given up, and so is the oldest gap of too many. */
const fit = <S extends Seen>(stream: S, { gapsSize, windowSize }: Bounds, lost: Array<number>): S => {
  const bottom = latest(stream) - windowSize
  const fitting = bottom > stream.floor ? giveUp(stream, bottom, lost) : stream
  return fitting.above.length > 2 * gapsSize ? giveUp(fitting, (fitting.above[0] ?? 0) - 1, lost) : fitting
}

const lose = (runs: ReadonlyArray<number>, lost: Array<number>): void => {
  for (const number of runs) lost.push(number)
}
