/** Sets of numbers as runs: first and last, first and last, …, ascending, with at least one number missing between two. */
export type Runs = ReadonlyArray<number>

/** From `first` to `last` what lies in none of them, of which those before the index `from` end before `first`. */
export const outside = (runs: Runs, first: number, last: number, from = 0): Runs => {
  const rest: Array<number> = []
  let next = first
  for (let i = from; i + 1 < runs.length && next <= last; i += 2) {
    const start = runs[i] ?? 0
    const end = runs[i + 1] ?? 0
    if (end < next) continue
    if (start > last) break
    if (start > next) rest.push(next, start - 1)
    next = end + 1
  }
  if (next <= last) rest.push(next, last)
  return rest
}

/** Adds a number to them in place, where it is above them all; whether it was. */
export const append = (runs: Array<number>, number: number): boolean => {
  const last = runs[runs.length - 1] ?? -2
  if (number <= last) return false
  if (number === last + 1) runs[runs.length - 1] = number
  else runs.push(number, number)
  return true
}

/** All of them and the numbers from `first` to `last`. */
export const withRun = (runs: Runs, first: number, last: number): Runs => {
  let from = runs.length
  while (from > 0 && (runs[from - 1] ?? 0) >= first - 1) from -= 2
  let upTo = from
  while (upTo < runs.length && (runs[upTo] ?? 0) <= last + 1) upTo += 2
  const touches = upTo > from
  const start = touches ? Math.min(first, runs[from] ?? first) : first
  const end = touches ? Math.max(last, runs[upTo - 1] ?? last) : last
  return runs.toSpliced(from, upTo - from, start, end)
}

/** At most so many runs: of more the earliest are one, with what lies between them. */
export const atMost = (runs: Runs, count: number): Runs => {
  const last = runs.length - 2 * (count - 1)
  return runs.length <= 2 * count ? runs : [runs[0] ?? 0, ...runs.slice(last - 1)]
}

/** The index of the first of them that does not end before that number, from an index on that is not beyond it. */
export const reaching = (runs: Runs, first: number, from = 0): number => {
  let at = from
  while (at < runs.length && (runs[at + 1] ?? 0) < first) at += 2
  return at
}

/** Those of the numbers that are not below that one. */
export const fromOn = (runs: Runs, first: number): Runs => {
  const at = reaching(runs, first)
  const rest = runs.slice(at)
  return (rest[0] ?? first) < first ? rest.with(0, first) : rest
}
