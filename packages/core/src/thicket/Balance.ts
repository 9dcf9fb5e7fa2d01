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
import type { Key } from "../Peer.ts"
import * as Held from "../plumtree/Held.ts"
import type { MessageId } from "../plumtree/Message.ts"
import { indexOf, type Stream, type Transition } from "../plumtree/State.ts"
import { sumOf } from "./Load.ts"
import { seek } from "./Parent.ts"
import { isAttached, sizeOf, treeOf } from "./Tree.ts"

/** By how many children two parents must differ. With two or more the sum of squares falls; a third makes moves rarer. */
const unevenBy = 3

/** A message that has come is announced by the neighbour at an index, which may be the better parent. */
export const considerMove = <I extends Key, A>(
  t: Transition<I, A>,
  stream: Stream<I>,
  id: MessageId<I>,
  round: number,
  index: number
): void => {
  const { config, links, neighbors, thicket } = t.state
  const number = treeOf(config, id)
  const tree = thicket.trees[number]
  const to = neighbors[index]
  if (tree === undefined || to === undefined || config.balanceMillis === 0 || tree.guide?.source !== id.source) return
  if (!isAttached(tree) || tree.seek !== undefined || t.now < tree.movedAt + config.balanceMillis) return
  const other = links[index]?.children ?? []
  if (((tree.branches >> index) & 1) === 1 || other.length === 0) return
  const kept = Held.find(stream.held, id.sequence)
  const parent = kept?.parent === undefined ? -1 : indexOf(t.state, kept.parent)
  if (kept === undefined || parent < 0 || ((tree.branches >> parent) & 1) === 0) return
  if (!isBetter(links[parent]?.children ?? [], other, number, config.maxLoad)) return
  // With children, only who is nearer to the source, since it cannot be behind them.
  if (sizeOf(tree.branches) > 1 && round > kept.round) return
  seek(t, number, id, [to.id], kept.parent)
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
