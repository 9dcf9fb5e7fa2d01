/**
 * How trees are kept in shape: a node leaves a parent that forwards in several trees for a neighbour that forwards in this
 * one alone, or in none, so that in the end the former is a leaf in all but one. (Each such move takes a child from those
 * that forward in several, and gives none to them: so it ends.) And it leaves a parent with many children for one with few.
 * First it asks the new one, then it leaves the old.
 *
 * Many may move at once. The parent is where a message came from, and a node that has others behind it asks only who is
 * nearer to the source of that message: so whoever moves, and whenever, no cycle closes. But where several sources publish, one
 * may be near to one and far from the other; so all go by the messages of one source, the guide of the tree.
 *
 * @since 0.1.0
 */
import type { Key } from "../../Peer.ts"
import * as Held from "../Held.ts"
import type { MessageId } from "../Message.ts"
import { has, sizeOf } from "../Neighbors.ts"
import { indexOf, type Stream } from "../State.ts"
import { at } from "../Streams.ts"
import { childrenOf, shapes, type Tree, treeOf } from "./Branches.ts"
import { sumOf } from "./Load.ts"
import { isDry, seek } from "./Parent.ts"
import type { Transition } from "../Transition.ts"

/** By how many children two parents must differ. With two or more the sum of squares falls; a third makes moves rarer. */
const unevenBy = 3

/**
 * A message that has come is announced by the neighbour at an index: it may be the better parent, or one at last, where the
 * message had to be asked for since there is none.
 */
export const considerAnnouncer = <I extends Key, A>(
  t: Transition<I, A>,
  slot: number,
  id: MessageId<I>,
  round: number,
  index: number
): void => {
  const { config, neighbors, streams, thicket } = t.state
  const stream = at(streams, slot)
  const number = treeOf(config, id)
  const tree = thicket.trees[number]
  const to = neighbors[index]
  if (
    stream === undefined ||
    tree === undefined ||
    to === undefined ||
    tree.seek !== undefined ||
    has(tree.branches, index)
  )
    return
  if (!shapes(tree, id)) return
  if (isDry(t, tree)) {
    if (childrenOf(tree) === 0 || isNearer(stream, id, round)) seek(t, number, id, [to.id], undefined)
    return
  }
  if (config.balanceMillis === 0 || t.now < tree.movedAt + config.balanceMillis) return
  const instead = betterThan(t, tree, number, stream, id, index)
  if (instead === undefined) return
  if (sizeOf(tree.branches) === 1 || isNearer(stream, id, round)) seek(t, number, id, [to.id], instead)
}

/** Whether who announces a message in this round is nearer to its source than we are, and so not behind us. */
const isNearer = <I extends Key>({ held }: Stream<I>, { sequence }: MessageId<I>, round: number): boolean =>
  round <= (Held.find(held, sequence)?.round ?? -1)

/** The branch that brought a message, if the neighbour at an index would be a better parent. */
const betterThan = <I extends Key, A>(
  { state }: Transition<I, A>,
  { branches }: Tree<I>,
  number: number,
  { held }: Stream<I>,
  { sequence }: MessageId<I>,
  index: number
): I | undefined => {
  const { config, links } = state
  const other = links[index]?.children ?? []
  if (other.length === 0) return undefined
  const from = Held.find(held, sequence)?.parent
  const parent = from === undefined ? -1 : indexOf(state, from)
  if (parent < 0 || !has(branches, parent)) return undefined
  return isBetter(links[parent]?.children ?? [], other, number, config.maxLoad) ? from : undefined
}

/**
 * Whether another is the better parent in a tree: it forwards in this tree alone, or in none, and the parent forwards in
 * others too; or it has far fewer children. The load of one that publishes may be beyond the bound, and is left so.
 */
const isBetter = (
  parent: ReadonlyArray<number>,
  other: ReadonlyArray<number>,
  number: number,
  maxLoad: number
): boolean => {
  const sum = sumOf(parent)
  const otherSum = sumOf(other)
  if (sum > maxLoad || otherSum >= maxLoad || otherSum !== (other[number] ?? 0)) return false
  return sum > (parent[number] ?? 0) || (otherSum > 0 && sum - otherSum >= unevenBy)
}
