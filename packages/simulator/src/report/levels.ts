/** The runs of a paper by the share of nodes that died in them, in percent. */
import type { Result } from "../Result.ts"

export const killOf = ({ config }: Result): number =>
  typeof config["kill"] === "number" ? Math.round(config["kill"] * 1000) / 10 : 0

/** Runs by the share that died, ascending. */
export const byLevel = (runs: ReadonlyArray<Result>): ReadonlyArray<readonly [number, ReadonlyArray<Result>]> => {
  const levels = new Map<number, Array<Result>>()
  for (const run of runs) levels.set(killOf(run), [...(levels.get(killOf(run)) ?? []), run])
  return [...levels].sort(([a], [b]) => a - b)
}
