/**
 * One of the trees of a thicket as a node sees it: the neighbours that it is linked to in the tree, which of them brings
 * the tree's messages, and whom it has asked to. The trees are undirected, so that any node may publish; the parent is the
 * end from which messages come.
 *
 * Neighbours are indices into the active view, in sets of them (`../Neighbors.ts`). What becomes of the
 * trees is in the other files of this folder; with another strategy there are none.
 *
 * @since 0.1.0
 */
import type { Key } from "../../Peer.ts"
import type { Config } from "../Config.ts"
import { type MessageId, sameMessage } from "../Message.ts"
import { sizeOf } from "../Neighbors.ts"

/** A neighbour that has been asked to be the parent, and those to ask after it. */
interface Seek<I extends Key> {
  /** A message of the tree, by which the Graft names it. */
  readonly id: MessageId<I>
  /** Who has been asked last. */
  readonly asked: I
  /** Who may be asked next. At most as many as there are neighbours. */
  readonly left: ReadonlyArray<I>
  /** When the next one is asked. */
  readonly until: number
  /** The parent that it would replace, which works, and is only worse; undefined: something is missing. */
  readonly instead: I | undefined
}

/** By whose messages a tree is shaped. */
export interface TreeGuide<I extends Key> {
  readonly source: I
  readonly heardAt: number
  /** The message by which it took the place of another that had been heard lately: that one shapes nothing yet. */
  readonly first: MessageId<I> | undefined
}

/** One tree. */
export interface Tree<I extends Key> {
  /** The neighbours that are linked in it: the parent, if there is one, and the children. */
  readonly branches: number
  /** The one of them that brings its messages; −1: none. */
  readonly parent: number
  /** Whether this node is the guide: then it needs no parent. */
  readonly isRoot: boolean
  /** The last message of the guide that was seen here; undefined: none of the tree ever was. */
  readonly last: MessageId<I> | undefined
  /** A parent that is sought; undefined: none is. */
  readonly seek: Seek<I> | undefined
  /** When the parent was last replaced. */
  readonly movedAt: number
  /** Since when messages of the guide have come some other way, and the parent has brought none; −1: none has. */
  readonly lackedSince: number
  /** Of the sources heard lately the one of the lowest id: by its messages alone the tree is shaped; undefined: none is known. */
  readonly guide: TreeGuide<I> | undefined
}

/** All trees, and what neighbours know of them. */
export interface Thicket<I extends Key> {
  /** `treesCount` of them; none with another strategy. */
  readonly trees: ReadonlyArray<Tree<I>>
  /** The neighbours that have been told how many children there are. */
  readonly told: number
}

const bare: Tree<never> = {
  branches: 0,
  parent: -1,
  isRoot: false,
  last: undefined,
  seek: undefined,
  movedAt: 0,
  lackedSince: -1,
  guide: undefined
}

/** No tree has been seen yet. */
export const bareThicket = ({ strategy, treesCount }: Config): Thicket<never> => ({
  trees: strategy === "thicket" ? Array.from({ length: treesCount }, () => bare) : [],
  told: 0
})

/**
 * The tree of a message: those of one origin take all trees in turn, each incarnation beginning where its epoch says, so that
 * the first messages of many do not all take the same.
 */
export const treeOf = (
  { treesCount }: Config,
  { epoch, sequence }: { readonly epoch: number; readonly sequence: number }
): number => ((epoch % treesCount) + (sequence % treesCount)) % treesCount

/** To how many neighbours messages of a tree are pushed on. */
export const childrenOf = <I extends Key>({ branches, parent }: Tree<I>): number =>
  sizeOf(branches) - (parent >= 0 ? 1 : 0)

/** The forwarding load: children over all trees. */
export const loadOf = <I extends Key>({ trees }: Thicket<I>): number => {
  let load = 0
  for (const tree of trees) load += childrenOf(tree)
  return load
}

/** The neighbours that are linked in any tree. */
export const usedIn = <I extends Key>({ trees }: Thicket<I>): number => {
  let used = 0
  for (const { branches } of trees) used |= branches
  return used
}

/** Whether a message of the tree shapes it: those of its guide do, and where none is known all. */
export const shapes = <I extends Key>({ guide }: Tree<I>, id: MessageId<I>): boolean => {
  if (guide === undefined) return true
  const { first, source } = guide
  if (source !== id.source) return false
  return first === undefined || !sameMessage(first, id)
}

/** Whether the guide's messages come to here, as far as is known. */
export const isAttached = <I extends Key>({ isRoot, parent }: Tree<I>): boolean => isRoot || parent >= 0
