/**
 * The links that X-BOT leaves alone (`../Optimization.ts`): a few of each node's, to whom chance will have it, keep the overlay one and
 * its paths short, while rounds draw all others together. Rules X8 and X16 of `docs/protocol.md`.
 *
 * What joins and repairs make is not as random as it looks. Where many do so at once, who answers first gets the slot: chance
 * favours the near. So each node draws its unbiased links by itself, by a bridge (`../Merge.ts`) to any peer that it knows, which
 * accepts at whatever distance.
 *
 * @since 0.1.0
 */
import type { Key } from "../../Peer.ts"
import { itemAt, type State } from "../State.ts"

/**
 * Whether a link stays whatever it costs: the `unbiasedLinks` longest held of those that a bridge has made are never given away.
 *
 * Departs from the paper, which keeps the costliest links, and only at the end that would begin: the other end may give
 * them away. Ours are random, and each node has its own.
 */
export const isUnbiased = <I extends Key, A>({ active, config }: State<I, A>, index: number): boolean => {
  if (config.optimizeCandidates === 0 || itemAt(active, index)?.unbiased !== true) return false
  let before = 0
  for (let i = 0; i < index; i++) if (active[i]?.unbiased === true) before++
  return before < config.unbiasedLinks
}

/** Whether a node has fewer of these links than it is to have. */
export const lacksUnbiased = <I extends Key, A>({ active, config }: State<I, A>): boolean => {
  let unbiased = 0
  for (const neighbor of active) if (neighbor.unbiased) unbiased++
  return unbiased < config.unbiasedLinks
}
