/**
 * What links cost, in a round of X-BOT (`../Optimization.ts`). Costs are the driver's, in a unit of its own; those of one moment
 * are compared with each other, and none is kept.
 *
 * @since 0.1.0
 */
import { nextBelow } from "../../Random.ts"
import type { Key } from "../../Peer.ts"
import type { Neighbor, State, Transition } from "../State.ts"
import { indexOfLink } from "../Views.ts"

/** Thirty years in microseconds: a larger cost is none. So sums of two are exact. */
export const maxCost = 1e15

/** A cost in whole units; −1 for one that is not known, or is none. */
export const knownCost = (cost: number | undefined): number =>
  cost !== undefined && cost >= 0 && cost <= maxCost ? Math.floor(cost) : -1

/** Whether what replaces `before` is so much better that it is worth an exchange. */
export const isBetter = <I extends Key, A>({ config }: State<I, A>, after: number, before: number): boolean =>
  after < before && after <= before * (1 - config.optimizeHysteresis)

/** A neighbour, and what the link with it costs. */
interface Weighed<I extends Key, A> {
  readonly neighbor: Neighbor<I, A>
  readonly cost: number
}

/** Of two drawn at random the costlier: the worst goes soon, and one that cannot be given away does not stand in its way. */
export const costlierOfTwo = <I extends Key, A>(
  { state }: Transition<I, A>,
  weighed: ReadonlyArray<Weighed<I, A>>
): Weighed<I, A> | undefined => {
  if (weighed.length === 0) return undefined
  const first = weighed[nextBelow(state, weighed.length)]
  const second = weighed[nextBelow(state, weighed.length)]
  return first !== undefined && second !== undefined && second.cost > first.cost ? second : first
}

/** Neighbours whose link still stands, and whose cost is known. */
export const weighedOf = <I extends Key, A>(
  state: State<I, A>,
  neighbors: ReadonlyArray<Neighbor<I, A>>,
  costs: ReadonlyArray<number | undefined>,
  from: number
): ReadonlyArray<Weighed<I, A>> => {
  const weighed: Array<Weighed<I, A>> = []
  neighbors.forEach((neighbor, at) => {
    const cost = knownCost(costs[from + at])
    if (cost >= 0 && indexOfLink(state, neighbor.id, neighbor.link) >= 0) weighed.push({ neighbor, cost })
  })
  return weighed
}
