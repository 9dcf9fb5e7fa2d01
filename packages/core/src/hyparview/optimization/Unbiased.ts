/**
 * The links that X-BOT leaves alone (`../Optimization.ts`): a few of each node's, as chance has made them, keep the overlay one and
 * its paths short, while rounds draw all others together. Rules X8 and X16 of `docs/protocol.md`.
 *
 * Chance must not favour the near, though, and it does where nodes join, or repair, all at once: who answers first gets the slot.
 * So a link that is much shorter than what a node knows at random counts as one that a round has made; and a node that has too few
 * others asks anybody for one, by a bridge, before it shortens any (`Initiator.ts`).
 *
 * @since 0.1.0
 */
import type { Key } from "../../Peer.ts"
import { itemAt, type State, type Transition } from "../State.ts"
import { knownCost, weighedOf } from "./LinkCosts.ts"
import type { Part } from "./Part.ts"

/** A link is near if each of a few random peers costs so many times as much. */
const nearness = 8

/** Of so many entries, at most, each node takes the measure of what is near. */
const fewEntries = 4

/**
 * Whether a link stays whatever it costs: of those that no round has made, and that are not near, the `unbiasedLinks` longest
 * held are never given away.
 *
 * Departs from the paper, which keeps the costliest links, and only at the end that would begin: the other end may give
 * them away. Ours are random, as joins and repairs have made them, and each node has its own.
 */
export const isUnbiased = <I extends Key, A>({ active, config }: State<I, A>, index: number): boolean => {
  if (itemAt(active, index)?.biased !== false) return false
  let before = 0
  for (let i = 0; i < index; i++) if (active[i]?.biased === false) before++
  return before < config.unbiasedLinks
}

/** Links that are near, by the costs of what a node has weighed, count from now on as if a round had made them. */
export const countNear = <I extends Key, A>(
  { state }: Transition<I, A>,
  { candidates, neighbors }: Part<"Weighing", I, A>,
  costs: ReadonlyArray<number | undefined>
): void => {
  const ofRandom = costs.slice(0, Math.min(fewEntries, candidates.length)).map(knownCost)
  const cheapest = Math.min(...ofRandom.filter((cost) => cost >= 0))
  if (cheapest === Infinity) return
  const near = weighedOf(state, neighbors, costs, candidates.length).filter(
    ({ cost, neighbor }) => !neighbor.biased && cost * nearness <= cheapest
  )
  if (near.length === 0) return
  state.active = state.active.map((held) =>
    near.some(({ neighbor }) => neighbor.id === held.id) ? { ...held, biased: true } : held
  )
}

/** Whether fewer links than `unbiasedLinks` are as chance has made them. */
export const lacksUnbiased = <I extends Key, A>({ active, config }: State<I, A>): boolean => {
  let unbiased = 0
  for (const neighbor of active) if (!neighbor.biased) unbiased++
  return unbiased < config.unbiasedLinks
}
