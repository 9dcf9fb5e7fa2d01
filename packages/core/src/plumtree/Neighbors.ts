/**
 * Sets of neighbours, as whole numbers: a neighbour is in the set if the bit of its index in the active view is. There is place
 * for as many as there can be neighbours (`maxNeighbors`), and an index of −1, which is nobody's, is in none.
 *
 * @since 0.1.0
 */

import type { Key, Peer } from "../Peer.ts"

/** Whether the neighbour at an index is in a set. */
export const has = (set: number, index: number): boolean => ((set >> index) & 1) === 1

/** A set with the neighbour at an index. */
export const including = (set: number, index: number): number => set | (1 << index)

/** A set without the neighbour at an index. */
export const excluding = (set: number, index: number): number => set & ~(1 << index)

/** A set after the neighbour at an index has been lost, and those above it have moved down. */
export const withoutLost = (set: number, index: number): number => {
  const below = (1 << index) - 1
  return (set & below) | ((set >> 1) & ~below)
}

/** How many neighbours are in a set. */
export const sizeOf = (set: number): number => {
  let size = 0
  for (let rest = set; rest !== 0; rest &= rest - 1) size++
  return size
}

/** All neighbours. */
export const allOf = ({ neighbors }: { readonly neighbors: ReadonlyArray<unknown> }): number =>
  (1 << neighbors.length) - 1

/** The neighbours that are not in a set. */
export const othersThan = (state: { readonly neighbors: ReadonlyArray<unknown> }, set: number): number =>
  allOf(state) & ~set

/** Those of these that are neighbours. */
export const setOf = <I extends Key, A>(
  { neighbors }: { readonly neighbors: ReadonlyArray<Peer<I, A>> },
  ids: ReadonlyArray<I>
): number => {
  let set = 0
  if (ids.length > 0) neighbors.forEach(({ id }, index) => (set = ids.includes(id) ? including(set, index) : set))
  return set
}
