/**
 * The only functions that change a tree: so its parent is one of its branches, and whoever must hear of a changed load
 * does.
 *
 * @since 0.1.0
 */
import type { Key } from "../../Peer.ts"
import { excluding, has, including, withoutLost } from "../Neighbors.ts"
import { childrenOf, type Tree } from "./Branches.ts"
import { setTimer, type Transition } from "../Transition.ts"

/** Changes one tree. If the number of children does, all neighbours are to be told, with the next announcements. */
export const changeTree = <I extends Key, A>(t: Transition<I, A>, number: number, change: Partial<Tree<I>>): void => {
  const { thicket } = t.state
  const old = thicket.trees[number]
  if (old === undefined) return
  const tree = { ...old, ...change }
  const isSame = childrenOf(tree) === childrenOf(old)
  t.state.thicket = { trees: thicket.trees.with(number, tree), told: isSame ? thicket.told : 0 }
  if (!isSame) awaitTelling(t)
}

/** Somebody is to be told of the load, with the announcements of the next moments. */
export const awaitTelling = <I extends Key, A>(t: Transition<I, A>): void => {
  const { config, timers } = t.state
  if (timers.Announce.nonce === 0) setTimer(t, "Announce", t.now + Math.max(1, config.announceMillis))
}

/** A neighbour becomes the parent in a tree, and nobody is sought any more. The one before stays a branch. */
export const becomeParent = <I extends Key, A>(t: Transition<I, A>, number: number, index: number): void => {
  const tree = t.state.thicket.trees[number]
  if (tree === undefined) return
  changeTree(t, number, {
    branches: including(tree.branches, index),
    parent: index,
    isRoot: false,
    seek: tree.seek?.instead === undefined ? undefined : tree.seek
  })
}

/** A neighbour becomes a child in a tree. */
export const addChild = <I extends Key, A>(t: Transition<I, A>, number: number, index: number): void => {
  const tree = t.state.thicket.trees[number]
  if (tree !== undefined) changeTree(t, number, { branches: including(tree.branches, index) })
}

/** A neighbour is no branch of a tree any more. */
export const dropBranch = <I extends Key, A>(t: Transition<I, A>, number: number, index: number): void => {
  const tree = t.state.thicket.trees[number]
  if (tree === undefined || !has(tree.branches, index)) return
  const parent = tree.parent === index ? -1 : tree.parent
  changeTree(t, number, { branches: excluding(tree.branches, index), parent })
}

/** Tells a neighbour whether it is a branch of a tree here. */
export const tellBranch = <I extends Key, A>(
  t: Transition<I, A>,
  number: number,
  index: number,
  joined: boolean
): void => {
  const to = t.state.neighbors[index]
  if (to !== undefined) t.outputs.push({ _tag: "Send", to, message: { _tag: "Branch", tree: number, joined } })
}

/** A neighbour was lost: nobody stands at its index, those above it have moved down, and it is to be asked no more. */
export const removeFromTrees = <I extends Key, A>(t: Transition<I, A>, id: I, index: number): void => {
  const { told, trees } = t.state.thicket
  let isSame = true
  const moved = trees.map((tree) => {
    const { branches, parent, seek } = tree
    const next = {
      ...tree,
      seek: seek === undefined ? undefined : { ...seek, left: seek.left.filter((other) => other !== id) },
      branches: withoutLost(branches, index),
      parent: parent === index ? -1 : parent > index ? parent - 1 : parent
    }
    isSame &&= childrenOf(next) === childrenOf(tree)
    return next
  })
  t.state.thicket = { trees: moved, told: isSame ? withoutLost(told, index) : 0 }
  if (!isSame) awaitTelling(t)
}
