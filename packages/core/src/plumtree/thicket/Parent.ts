/**
 * How a node finds a parent in a tree in which it has none, or whose messages do not come. Whoever announces a message that
 * did not come in time had it by a path that does not lead through here, so it can be the parent without closing a cycle;
 * and a node that has no children in the tree may ask any neighbour. It is asked by Graft, and answers by Branch: it takes
 * the child if messages of the tree come to it and its load is below the bound. If it does not, the next is asked.
 *
 * @since 0.1.0
 */
import type { Key } from "../../Peer.ts"
import * as Held from "../Held.ts"
import { timeout1 } from "../Lateness.ts"
import type { MessageId } from "../Message.ts"
import { has } from "../Neighbors.ts"
import { indexOf, type Missing } from "../State.ts"
import { streamOf } from "../Streams.ts"
import { childrenOf, isAttached, loadOf, shapes, type Tree, treeOf } from "./Branches.ts"
import { leastOf } from "./Load.ts"
import type { Transition } from "../Transition.ts"
import { addChild, becomeParent, changeTree, dropBranch, tellBranch } from "./Trees.ts"

/** Asks the best of some neighbours to be the parent in a tree, and the others after it. */
export const seek = <I extends Key, A>(
  t: Transition<I, A>,
  number: number,
  id: MessageId<I>,
  ids: ReadonlyArray<I>,
  instead: I | undefined
): void => {
  const asked = leastOf(t, number, ids)
  const to = asked === undefined ? undefined : t.state.neighbors[indexOf(t.state, asked)]
  // Nobody is left. What is announced later begins anew.
  if (asked === undefined || to === undefined) return changeTree(t, number, { seek: undefined })
  awaitAnswer(t, number, id, asked, ids, instead)
  t.outputs.push({ _tag: "Send", to, message: { _tag: "Graft", ids: [id], payload: false } })
}

/** Somebody has been asked. */
const awaitAnswer = <I extends Key, A>(
  t: Transition<I, A>,
  number: number,
  id: MessageId<I>,
  asked: I,
  ids: ReadonlyArray<I>,
  instead: I | undefined
): void => {
  const left = ids.filter((other) => other !== asked)
  changeTree(t, number, { seek: { id, asked, left, until: t.now + timeout1(t), instead } })
}

/** The one that was asked does not take this child. */
const seekNext = <I extends Key, A>(t: Transition<I, A>, number: number): void => {
  const open = t.state.thicket.trees[number]?.seek
  if (open !== undefined) seek(t, number, open.id, open.left, open.instead)
}

/** Those that have been asked and have not answered in time. */
export const abandonSeeks = <I extends Key, A>(t: Transition<I, A>): void => {
  t.state.thicket.trees.forEach((tree, number) => {
    if (tree.seek !== undefined && tree.seek.until <= t.now) seekNext(t, number)
  })
}

/** A neighbour was lost. Who has no children in a tree need not wait for a message to miss. */
export const afterLoss = <I extends Key, A>(t: Transition<I, A>): void => {
  t.state.thicket.trees.forEach((tree, number) => {
    if (tree.seek !== undefined) {
      if (indexOf(t.state, tree.seek.asked) < 0) seekNext(t, number)
    } else if (tree.branches === 0 && tree.last !== undefined && !isAttached(tree)) {
      const ids = t.state.neighbors.map(({ id }) => id)
      seek(t, number, tree.last, ids, undefined)
    }
  })
}

/**
 * How long to wait for a message that has been announced. Who has no parent waits only until others will have announced it,
 * of whom one is the best to ask; who has one waits longer than that: it may be that somebody above, or whoever began
 * another part of the tree, has no parent, finds one, and brings it.
 */
export const patience = <I extends Key, A>(t: Transition<I, A>, id: MessageId<I>): number => {
  const { config, thicket } = t.state
  const tree = thicket.trees[treeOf(config, id)]
  if (tree === undefined) return timeout1(t)
  return tree.parent < 0 && shapes(tree, id) ? config.announceMillis : config.announceMillis + timeout1(t)
}

/** Whom of those that have announced a message to ask for it: its place among them; −1: all are gone. */
export const preferred = <I extends Key, A>(t: Transition<I, A>, { announcers, id }: Missing<I>): number => {
  const number = treeOf(t.state.config, id)
  const asked = t.state.thicket.trees[number]?.seek?.asked
  const known = asked === undefined ? -1 : announcers.indexOf(asked)
  if (known >= 0) return known
  const least = leastOf(t, number, announcers)
  // None has room for a child: but each has the message.
  return least === undefined
    ? announcers.findIndex((announcer) => indexOf(t.state, announcer) >= 0)
    : announcers.indexOf(least)
}

/** A message that has not come was asked for: its tree is broken, unless somebody is being asked already. */
export const onMissed = <I extends Key, A>(
  t: Transition<I, A>,
  id: MessageId<I>,
  index: number,
  others: ReadonlyArray<I>
): void => {
  const number = treeOf(t.state.config, id)
  const tree = t.state.thicket.trees[number]
  const asked = t.state.neighbors[index]
  if (tree === undefined || asked === undefined || !shapes(tree, id)) return
  if (tree.seek === undefined || tree.seek.instead !== undefined)
    awaitAnswer(t, number, id, asked.id, others, undefined)
}

/**
 * Whether the messages of the guide do not come to here by the tree: there is no parent, or they have come some other way for so long
 * that what it lacked would have been grafted. It may be in the same case: of a part of a tree that is cut off each node has one, in a ring.
 */
export const isDry = <I extends Key, A>(t: Transition<I, A>, tree: Tree<I>): boolean => {
  const { isRoot, lackedSince } = tree
  if (!isAttached(tree)) return true
  return !isRoot && lackedSince >= 0 && t.now - lackedSince > t.state.config.announceMillis + timeout1(t)
}

/** A message was fetched that had been announced: where the tree brings none, one of the announcers may be the parent. */
export const onFetchedNews = <I extends Key, A>(t: Transition<I, A>, { announcers, id }: Missing<I>): void => {
  const number = treeOf(t.state.config, id)
  const tree = t.state.thicket.trees[number]
  if (tree !== undefined && tree.seek === undefined && isDry(t, tree) && shapes(tree, id))
    seek(t, number, id, announcers, undefined)
}

/** GRAFT received: its sender wants to be a child in the trees that these messages shape. */
export const onGraftInto = <I extends Key, A>(
  t: Transition<I, A>,
  index: number,
  ids: ReadonlyArray<MessageId<I>>
): void => {
  const { config, thicket } = t.state
  const proofs = new Map<number, MessageId<I>>()
  for (const id of ids) {
    const tree = thicket.trees[treeOf(config, id)]
    // By what others than the guide publish nobody finds his place: it is sent, and that is all.
    if (tree !== undefined && shapes(tree, id)) proofs.set(treeOf(config, id), id)
  }
  for (const [number, id] of proofs) {
    const tree = t.state.thicket.trees[number]
    // Our own parent asks: were it our child as well, the tree would end in the two of us.
    if (tree === undefined || tree.parent === index) continue
    const isBranch = has(tree.branches, index)
    // Nor does one take it that is looking for another parent itself: two that ask each other would take each other.
    const isSettled = isAttached(tree) && tree.seek === undefined && isProof(t, tree, id)
    // The source is where all of the tree comes from: its only child there may be one that passes nothing on.
    const hasRoom = loadOf(t.state.thicket) < config.maxLoad || (tree.isRoot && childrenOf(tree) < config.fanout)
    const takes = isBranch || (isSettled && hasRoom)
    if (takes && !isBranch) addChild(t, number, index)
    tellBranch(t, number, index, takes)
  }
}

/**
 * Whether the message that is named was published here, or came by a link that is still a branch. If this node has another
 * parent since, or fetched the message, that it had it says nothing of where it stands now: it may be behind the one that asks.
 */
const isProof = <I extends Key, A>({ state }: Transition<I, A>, { branches }: Tree<I>, id: MessageId<I>): boolean => {
  const stream = streamOf(state.streams, id)
  const from = stream === undefined ? undefined : Held.find(stream.held, id.sequence)?.parent
  if (from === undefined) return id.source === state.self.id
  const index = indexOf(state, from)
  return index >= 0 && has(branches, index)
}

/** BRANCH received: whether a neighbour holds us for a branch of a tree. */
export const onBranch = <I extends Key, A>(
  t: Transition<I, A>,
  index: number,
  number: number,
  joined: boolean
): void => {
  const tree = t.state.thicket.trees[number]
  const from = t.state.neighbors[index]
  if (tree === undefined || from === undefined) return
  const { branches, parent, seek: open } = tree
  const isAsked = open?.asked === from.id
  if (!joined) {
    dropBranch(t, number, index)
    if (isAsked) seekNext(t, number)
    else if (parent === index) afterLoss(t)
  } else if (isAsked || (open?.instead === undefined && !isAttached(tree))) {
    attach(t, number, index)
  } else if (!has(branches, index)) {
    // It comes too late: another has been found.
    tellBranch(t, number, index, false)
  }
}

/**
 * The neighbour at an index is the parent from now on. What it replaces is no branch any more. Where something was missing
 * the parent before is kept, as a child: if messages come from there all the same, one of the two paths is pruned by its
 * duplicates; if not, it is as cut off as this node was. But not beyond the bound of the load.
 */
export const attach = <I extends Key, A>(t: Transition<I, A>, number: number, index: number): void => {
  const old = t.state.thicket.trees[number]
  if (old === undefined) return
  const { branches, parent, seek: open } = old
  const instead = open?.instead === undefined ? -1 : indexOf(t.state, open.instead)
  const wouldKeep = parent >= 0 && instead < 0 && !has(branches, index)
  const dropped = wouldKeep && loadOf(t.state.thicket) >= t.state.config.maxLoad ? parent : instead
  becomeParent(t, number, index)
  changeTree(t, number, { seek: undefined, movedAt: t.now, lackedSince: -1 })
  if (dropped < 0 || dropped === index) return
  dropBranch(t, number, dropped)
  tellBranch(t, number, dropped, false)
}
