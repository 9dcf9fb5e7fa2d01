/**
 * How a tree grows. Whoever publishes in it first takes some neighbours, by chance, of those that it uses in no tree yet; a
 * node that gets the tree's first message has found its parent, and does the same, unless it forwards in another tree
 * already: then it is a leaf. A duplicate takes back the branch that brought it.
 *
 * Any node may publish in all trees. But one source shapes a tree, its guide, for the reason that `../Guide.ts` gives:
 * parts of a tree that several sources have begun are joined, and cycles cut, by the messages of one, or they would be joined
 * and cut in several places at once, for ever.
 *
 * @since 0.1.0
 */
import type { Key } from "../../Peer.ts"
import { nextBelow } from "../../Random.ts"
import { timeout1 } from "../Lateness.ts"
import { type Gossip, type MessageId, sameMessage } from "../Message.ts"
import { loadOf, shapes, type Tree, type TreeGuide, treeOf, usedIn } from "./Branches.ts"
import { has, including } from "../Neighbors.ts"
import { attach, isDry } from "./Parent.ts"
import { changeLink, type Transition } from "../Transition.ts"
import { becomeParent, changeTree, dropBranch, tellBranch } from "./Trees.ts"

/** A message of our own: if its tree leads nowhere from here, it begins here. */
export const openTree = <I extends Key, A>(t: Transition<I, A>, id: MessageId<I>): void => {
  const number = treeOf(t.state.config, id)
  const tree = t.state.thicket.trees[number]
  if (tree === undefined) return
  const guide = guideOf(t, tree, id, 0)
  const leads = guide === undefined ? tree.parent < 0 : guide.source === id.source
  changeTree(
    t,
    number,
    leads
      ? { last: id, guide, isRoot: true, parent: guide === undefined ? tree.parent : -1, seek: undefined }
      : { last: tree.last ?? id, guide }
  )
  if (tree.branches === 0) takeChildren(t, number, undefined)
}

/** Takes children by chance: neighbours that are used in no tree; the source, which must reach somebody, if need be others. */
const takeChildren = <I extends Key, A>(t: Transition<I, A>, number: number, source: I | undefined): void => {
  const { state } = t
  const { config, neighbors } = state
  const used = usedIn(state.thicket)
  const free = neighbors.flatMap(({ id }, index) => (has(used, index) || id === source ? [] : [index]))
  const others = source === undefined && free.length === 0 ? neighbors.map((_, index) => index) : free
  let children = state.thicket.trees[number]?.branches ?? 0
  for (let taken = 0; taken < config.fanout && taken < others.length; taken++) {
    const at = taken + nextBelow(state, others.length - taken)
    const chosen = others[at]
    const first = others[taken]
    if (chosen === undefined || first === undefined) return
    others[at] = first
    children = including(children, chosen)
  }
  changeTree(t, number, { branches: children })
}

/** Who guides a tree once a message of it has come, or is published here. */
const guideOf = <I extends Key, A>(
  { now, state }: Transition<I, A>,
  { guide }: Tree<I>,
  id: MessageId<I>,
  ageMillis: number
): TreeGuide<I> | undefined => {
  const { guideMillis, treesCount } = state.config
  if (guideMillis === 0) return undefined
  const { source, topic } = id
  // The messages of a source take the trees in turn: in one of them it is heard so much more rarely.
  const isOver = guide === undefined || now < guide.heardAt || now - guide.heardAt > guideMillis * treesCount
  const living = isOver ? undefined : guide
  if (source === living?.source && ageMillis <= guideMillis) return { ...living, heardAt: now }
  // What is older than a guide may be silent was recovered, here or before: it tells who guided once. What waits for a
  // verdict (R14) may be refused: nobody behind this node would ever hear that guide.
  if (ageMillis > guideMillis || state.upkeep.validated.includes(topic)) return living
  if (living === undefined) return { source, heardAt: now, first: undefined }
  return source < living.source ? { source, heardAt: now, first: id } : living
}

/** A message has come for the first time, from the neighbour at an index (−1: from no neighbour). */
export const onTreeNews = <I extends Key, A>(t: Transition<I, A>, gossip: Gossip<I>, index: number): void => {
  const { ageMillis, id, replay } = gossip
  const number = treeOf(t.state.config, id)
  const old = t.state.thicket.trees[number]
  if (old === undefined) return
  // What was recovered tells who guided once.
  const guide = replay === "recovery" ? old.guide : guideOf(t, old, id, ageMillis)
  const isRoot = old.isRoot && (guide === undefined || guide.source === t.state.self.id)
  const tree: Tree<I> = { ...old, guide, isRoot }
  const isShaping = shapes(tree, id)
  changeTree(t, number, { guide, isRoot, last: isShaping ? id : (old.last ?? id) })
  if (isShaping) lacked(t, number, gossip, index)
  // What was asked for is no sign of the tree: who is a branch is settled by Branch.
  if (replay !== undefined || index < 0) return
  if (has(tree.branches, index)) {
    // Usually it is the parent already. Otherwise somebody publishes at another end of the tree.
    if (!isShaping || (tree.parent >= 0 && !isFresh(t, gossip))) return
    if (tree.parent !== index || tree.seek !== undefined) becomeParent(t, number, index)
    changeTree(t, number, { lackedSince: -1 })
  } else if (tree.parent >= 0 && isShaping && isFresh(t, gossip) && isDry(t, tree)) {
    attach(t, number, index)
  } else if (tree.parent >= 0 || (guide !== undefined && isRoot)) {
    refuse(t, number, index)
  } else {
    becomeParent(t, number, index)
    changeTree(t, number, { lackedSince: -1 })
    if (old.last === undefined && tree.branches === 0 && loadOf(t.state.thicket) === 0) {
      takeChildren(t, number, id.source)
    }
  }
}

/**
 * A message of the guide has come: by the parent, or some other way, though it was announced so long ago. What the parent had to ask for
 * itself counts as that.
 */
const lacked = <I extends Key, A>(t: Transition<I, A>, number: number, gossip: Gossip<I>, index: number): void => {
  const tree = t.state.thicket.trees[number]
  if (tree === undefined || tree.parent < 0) return
  const isBrought =
    index === tree.parent && gossip.replay === undefined && (isFresh(t, gossip) || !wasAnnounced(t, gossip.id))
  if (isBrought) {
    if (tree.lackedSince >= 0) changeTree(t, number, { lackedSince: -1 })
  } else if (tree.lackedSince < 0) changeTree(t, number, { lackedSince: announcedAt(t, gossip.id) })
}

/**
 * Whether a message has waited for nobody on its way. One that has was asked for, here or above: it comes from where somebody got it,
 * and that is no sign of the tree. Who took it for one would, of a part of the tree that is cut off, make a ring. (But judges take their
 * time.)
 */
export const isFresh = <I extends Key, A>({ state }: Transition<I, A>, { ageMillis, id }: Gossip<I>): boolean =>
  ageMillis < state.config.announceMillis || state.upkeep.validated.includes(id.topic)

/** A message that was announced for this share of `announceMillis` and more could have come sooner. */
const soonerShare = 1 / 4

/**
 * Whether somebody around had a message, that comes now, for so long that it did not wait for us alone. If not it may be old for another
 * reason: judges elsewhere have taken their time, or its source, or somebody on its way, says what is not so. Were the parent
 * left for that, all nodes would look for another without end.
 */
const wasAnnounced = <I extends Key, A>(t: Transition<I, A>, id: MessageId<I>): boolean =>
  announcedAt(t, id) <= t.now - soonerShare * t.state.config.announceMillis

/** When a message that comes now was announced first; if it was not: now. */
const announcedAt = <I extends Key, A>({ now, state }: Transition<I, A>, id: MessageId<I>): number =>
  state.missing.find((entry) => sameMessage(entry.id, id))?.since ?? now

/** A message has come that was known. */
export const onTreeDuplicate = <I extends Key, A>(t: Transition<I, A>, gossip: Gossip<I>, index: number): void => {
  const { id, replay } = gossip
  const number = treeOf(t.state.config, id)
  const tree = t.state.thicket.trees[number]
  if (tree === undefined || replay !== undefined || index < 0) return
  // What the parent brings and has come some other way is no cycle.
  if (tree.parent === index) {
    if (tree.lackedSince >= 0 && shapes(tree, id) && isFresh(t, gossip)) changeTree(t, number, { lackedSince: -1 })
    return
  }
  if (!has(tree.branches, index)) return refuse(t, number, index)
  if (!shapes(tree, id)) return
  dropBranch(t, number, index)
  changeLink(t, index, { prunedAt: t.now })
  tellBranch(t, number, index, false)
}

/**
 * A neighbour pushes that is no branch: it does not know yet, or never heard. It is told, once in a timeout1, since what it
 * sent before it knew may still be under way.
 */
const refuse = <I extends Key, A>(t: Transition<I, A>, number: number, index: number): void => {
  const prunedAt = t.state.links[index]?.prunedAt ?? -1
  if (prunedAt >= 0 && t.now - prunedAt < timeout1(t)) return
  changeLink(t, index, { prunedAt: t.now })
  tellBranch(t, number, index, false)
}
