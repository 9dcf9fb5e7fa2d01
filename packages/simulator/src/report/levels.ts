/** The runs of a paper by the share of nodes that died in them, in percent; and of which degree their overlays are to be. */
import type { Result } from "../Result.ts"

export const killOf = ({ config }: Result): number =>
  typeof config["kill"] === "number" ? Math.round(config["kill"] * 1000) / 10 : 0

/** How many neighbours a node is to have: the paper's five, unless a result was told otherwise. */
export const degreeOf = (run: Result | undefined): number => {
  const protocol = run?.config["protocol"]
  return typeof protocol === "object" && protocol !== null && "activeSize" in protocol ? Number(protocol.activeSize) : 5
}

/** Runs by the share that died, ascending. */
export const byLevel = (runs: ReadonlyArray<Result>): ReadonlyArray<readonly [number, ReadonlyArray<Result>]> => {
  const levels = new Map<number, Array<Result>>()
  for (const run of runs) levels.set(killOf(run), [...(levels.get(killOf(run)) ?? []), run])
  return [...levels].sort(([a], [b]) => a - b)
}
