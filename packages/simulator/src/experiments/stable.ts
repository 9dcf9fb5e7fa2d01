/** Joins, then cycles: the overlay as it is when nothing has gone wrong. */
import { type Laboratory, probes, weights, type Work } from "./Laboratory.ts"

export function* stable(laboratory: Laboratory): Work {
  laboratory.expect(growWork(laboratory))
  yield* grow(laboratory)
}

/** How every experiment begins. */
export function* grow(laboratory: Laboratory): Work {
  yield* laboratory.join()
  laboratory.enter("cycles")
  yield* laboratory.cycle(laboratory.options.cycles)
}

/** The work of `grow`. */
export const growWork = ({ joinWork, options: { cycles, nodes } }: Laboratory): number =>
  nodes * (joinWork + cycles * weights.cycle)

/** The work of `takeStock`. */
export const stockWork = ({ options: { nodes, sendFailure } }: Laboratory): number =>
  sendFailure === 0 ? 0 : nodes * probes * weights.delivery
