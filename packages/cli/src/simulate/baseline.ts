/** What a run and an earlier result have in common, without which comparing them would say nothing. */
import { Baseline, type Result as Results } from "@hyparview/simulator"
import { many } from "../internal/table.ts"

/** The seeds of an earlier result, which is JSON of anybody's. */
const seedsOf = (document: object): ReadonlyArray<number> => {
  const runs: ReadonlyArray<unknown> = "runs" in document && Array.isArray(document.runs) ? document.runs : [document]
  const seeds = runs.flatMap((run) =>
    typeof run === "object" && run !== null && "seed" in run && typeof run.seed === "number" ? [run.seed] : []
  )
  return [...new Set(seeds)]
}

/** "seed 1", "the seeds 1, 2", "no seed"; of many the first ones. */
const named = (seeds: ReadonlyArray<number>): string => {
  const shown = seeds.slice(0, 8).join(", ") + (seeds.length > 8 ? ", …" : "")
  return seeds.length === 0 ? "no seed" : seeds.length === 1 ? `seed ${shown}` : `the seeds ${shown}`
}

/** Why a baseline cannot be compared with a run that is to be made, if it cannot. */
export const incomparable = (
  baseline: object,
  experiment: string,
  seeds: ReadonlyArray<number>
): string | undefined => {
  if ("experiment" in baseline && baseline.experiment !== experiment) {
    return `it is of ${String(baseline.experiment)}, and this is ${experiment}; only results of one experiment can be compared`
  }
  const theirs = seedsOf(baseline)
  if (seeds.some((seed) => theirs.includes(seed))) return undefined
  const [first] = theirs
  const advice = first === undefined ? "" : `; give --seed ${first}`
  return `it has ${named(theirs)}, and this run ${named(seeds)}: there is nothing to compare${advice}`
}

/** The comparison, for a reader at a terminal. */
export const comparison = (baseline: object, document: Results.Result | Results.Results): ReadonlyArray<string> => {
  const [before, now] = [seedsOf(baseline), seedsOf(document)]
  const both = now.filter((seed) => before.includes(seed))
  // Only an interruption comes here: what was to be run did have a seed of the baseline.
  if (both.length === 0) return ["nothing to compare with the baseline: none of its seeds was run"]
  const differences = Baseline.compare(baseline, document)
  const of = both.length === before.length && both.length === now.length ? "" : `, of ${named(both)} alone`
  // Seconds and bytes differ each time: whoever asks whether a result is the same asks for the others.
  const ofMachine = differences.filter(({ measured }) => measured).length
  const others = differences.length - ofMachine
  const count = others === 0 ? "no difference" : many(others, "difference")
  return [
    `against the baseline${of}, ${count}${ofMachine === 0 ? "" : `, but for ${ofMachine} in seconds and bytes of the machine`}:`,
    Baseline.format(differences).trimEnd()
  ]
}
