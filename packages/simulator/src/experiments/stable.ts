/** Joins, then cycles: the overlay as it is when nothing has gone wrong. */
import { type Laboratory, weights, type Work } from "./Laboratory.ts"

export function* stable(laboratory: Laboratory): Work {
  const { cycles, nodes } = laboratory.options
  laboratory.expect(nodes * weights.join + nodes * cycles * weights.cycle)
  yield* grow(laboratory)
}

/** How every experiment begins. */
export function* grow(laboratory: Laboratory): Work {
  yield* laboratory.join()
  laboratory.enter("cycles")
  yield* laboratory.cycle(laboratory.options.cycles)
}

/** The work of `grow`. */
export const growWork = ({ options: { cycles, nodes } }: Laboratory): number =>
  nodes * weights.join + nodes * cycles * weights.cycle
