/** The papers' values are of one number of nodes. What that means for those of another, in words beside each of them. */
import type { Result } from "../Result.ts"
import { number } from "./Figure.ts"

/** Of every experiment of both papers. */
export const nodesOfPaper = 10_000

export const isPaperSize = (run: Result | undefined): boolean => run?.nodes === nodesOfPaper

/** Nothing at the papers' size; else that the paper's are of another, and what to think of it. */
export const sizeNote = (runs: ReadonlyArray<Result>, consequence: string): string => {
  const [run] = runs
  return run === undefined || isPaperSize(run)
    ? ""
    : ` The paper’s values are of ${number(nodesOfPaper)} nodes, ours of ${number(run.nodes)}: ${consequence}.`
}

export const sharesCompare = "shares can be compared, but chance counts for more among fewer survivors"
export const ratiosCompare = "redundancy is a ratio, and hardly depends on that"
export const cyclesDiffer = "how many cycles it takes depends on that"
