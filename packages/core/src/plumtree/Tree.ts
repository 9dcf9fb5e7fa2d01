/**
 * Eager and lazy neighbours. The lazy ones of a tree are a set of indices into the active view; all others are eager. So
 * the two are disjoint and together the active view, by construction, whatever happens.
 *
 * There is one tree for all sources, or one for each (`Config.trees`); in the second case a tree is named by its source.
 *
 * @since 0.1.0
 */
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import type { Key, Peer } from "../Peer.ts"
import { nextBelow } from "../Random.ts"
import { treeOf, usedIn } from "../thicket/Tree.ts"
import { endShaping, isGuided, isShaping, mayOptimize, onBeatOf } from "./Guide.ts"
import { timeout1 } from "./Lateness.ts"
import type { MessageId } from "./Message.ts"
import { changeLink, freshLink, indexOf, maxNeighbors, type State, type Transition } from "./State.ts"

/** The lazy neighbours in the tree of a source; in a thicket those that are in none of its trees. */
export const lazyIn = <I extends Key, A>(state: State<I, A>, source: I): number => {
  if (state.config.strategy === "thicket") return othersThan(state, usedIn(state.thicket))
  return state.config.trees === "shared" ? state.lazy : Option.getOrElse(HashMap.get(state.trees, source), () => 0)
}

/** The neighbours to which a message is announced rather than pushed. */
export const lazyFor = <I extends Key, A>(state: State<I, A>, id: MessageId<I>): number =>
  state.config.strategy === "thicket"
    ? othersThan(state, state.thicket.trees[treeOf(state.config, id)]?.branches ?? 0)
    : lazyIn(state, id.source)

const othersThan = <I extends Key, A>({ neighbors }: State<I, A>, set: number): number =>
  ((1 << neighbors.length) - 1) & ~set

/** Whether a neighbour is lazy in the tree of a source. */
export const isLazy = <I extends Key, A>(state: State<I, A>, source: I, index: number): boolean =>
  ((lazyIn(state, source) >> index) & 1) === 1

const setLazyIn = <I extends Key, A>(t: Transition<I, A>, source: I, lazy: number): void => {
  const { state } = t
  if (state.config.trees === "shared") {
    state.lazy = lazy
  } else if (lazy === 0) {
    state.trees = HashMap.remove(state.trees, source)
  } else if (HashMap.has(state.trees, source)) {
    state.trees = HashMap.set(state.trees, source, lazy)
  } else {
    state.trees = HashMap.set(bounded(state.trees, state.config.treesSize), source, lazy)
  }
}

/** Makes room for one more tree: any one is forgotten, and its links are eager again. */
const bounded = <I extends Key>(trees: HashMap.HashMap<I, number>, size: number): HashMap.HashMap<I, number> => {
  if (HashMap.size(trees) < size) return trees
  for (const source of HashMap.keys(trees)) return HashMap.remove(trees, source)
  return trees
}

/** A neighbour becomes eager in the tree of a source. */
export const makeEager = <I extends Key, A>(t: Transition<I, A>, source: I, index: number): void => {
  const lazy = lazyIn(t.state, source)
  if (((lazy >> index) & 1) === 0) return
  setLazyIn(t, source, lazy & ~(1 << index))
  if (isPruned(t.state, index)) changeLink(t, index, { prunedAt: -1 })
}

/** Whether a neighbour is lazy because it was told so from here, and nothing has made it eager since. */
const isPruned = <I extends Key, A>({ config, links }: State<I, A>, index: number): boolean =>
  config.trees === "shared" && (links[index]?.prunedAt ?? -1) >= 0

/** A neighbour becomes lazy in the tree of a source. */
export const makeLazy = <I extends Key, A>(t: Transition<I, A>, source: I, index: number): void => {
  const lazy = lazyIn(t.state, source)
  if (((lazy >> index) & 1) === 0) setLazyIn(t, source, lazy | (1 << index))
}

/**
 * Of the duplicates that one link brings within this share of timeout1, one counts, and so of the news. A burst of messages from several
 * sources, all under way before anybody can have heard of a prune, would bring every link of a cycle to its threshold at
 * once, and the cycle would be cut to pieces that have to be grafted together again, into a cycle.
 */
const burstShare = 1 / 5

const isOfBurst = <I extends Key, A>(t: Transition<I, A>, countedAt: number): boolean =>
  countedAt >= 0 && t.now - countedAt < burstShare * timeout1(t)

/**
 * After how many duplicates a link is pruned: up to twice `pruneAfter`, since all links of a cycle that is fed from
 * everywhere see as many, and only one of them should go.
 */
const drawThreshold = <I extends Key, A>({ state }: Transition<I, A>): number =>
  state.config.pruneAfter + nextBelow(state, state.config.pruneAfter)

/** Tells a neighbour that its link is lazy from now on. */
const prune = <I extends Key, A>(t: Transition<I, A>, source: I, index: number): void => {
  const to = t.state.neighbors[index]
  if (to === undefined) return
  const tree = t.state.config.trees === "shared" ? undefined : source
  changeLink(t, index, { duplicates: 0, duplicateAt: -1, newsAt: -1, pruneAt: drawThreshold(t), prunedAt: t.now })
  t.outputs.push({ _tag: "Send", to, message: { _tag: "Prune", tree } })
}

/**
 * A graft was made for a message that came along the tree all the same: its link closes a cycle, and goes. Otherwise some
 * link of that cycle would, or two at once, with whatever is under way on them. Where the first duplicate prunes, the one
 * that the graft brings does.
 */
export const takeBack = <I extends Key, A>(t: Transition<I, A>, source: I, index: number): void => {
  const { config } = t.state
  if (
    index < 0 ||
    config.strategy !== "plumtree" ||
    config.trees === "source" ||
    (config.pruneAfter === 1 && !isGuided(config)) ||
    isLazy(t.state, source, index)
  )
    return
  makeLazy(t, source, index)
  prune(t, source, index)
}

/** PRUNE received. */
export const onPrune = <I extends Key, A>(t: Transition<I, A>, index: number, tree: I | undefined): void => {
  if (t.state.config.strategy !== "plumtree") return
  if (t.state.config.trees === "shared") makeLazy(t, t.state.self.id, index)
  else if (tree !== undefined) makeLazy(t, tree, index)
}

/** So many messages that a neighbour has sent first make up for one duplicate. A power of two, so that sums are exact. */
const newsPerDuplicate = 16

/**
 * A neighbour has sent a message first: its link carries the tree, whatever it was before. But not if it was pruned from
 * here: then the message was under way when it heard of that, and it pushes no more. Were it made eager for such a
 * message, only this end would push, and duplicates: with many messages under way that keeps a mesh from ever settling.
 */
export const onNews = <I extends Key, A>(t: Transition<I, A>, id: MessageId<I>, index: number): void => {
  const { config, links } = t.state
  if (config.strategy === "flood") return
  if (!isPruned(t.state, index)) makeEager(t, id.source, index)
  // What comes along the tree as well is its duplicate, and prunes nothing.
  else if (isShaping(t, id)) endShaping(t)
  if (config.pruneAfter === 1 || isGuided(config)) return
  const link = links[index]
  if (link === undefined || link.duplicates === 0 || isOfBurst(t, link.newsAt)) return
  changeLink(t, index, { duplicates: link.duplicates - 1 / newsPerDuplicate, newsAt: t.now })
}

/**
 * A neighbour has pushed what was known: one of the two paths is one too many. With one sender the later is (the paper's
 * rule). With many, messages that are under way at once cross each other, and pruning at the first duplicate would cut
 * branches that are no part of a cycle any more; so those of the guide alone count, or where there is none a few are waited
 * for.
 */
export const onDuplicate = <I extends Key, A>(t: Transition<I, A>, id: MessageId<I>, index: number): void => {
  const { config, links } = t.state
  const { source } = id
  const link = links[index]
  if (config.strategy === "flood" || link === undefined) return
  if (isLazy(t.state, source, index)) return tellAgain(t, source, index)
  if (!isShaping(t, id)) return
  if (config.trees === "shared" && config.pruneAfter > 1 && !isGuided(config)) {
    if (isOfBurst(t, link.duplicateAt)) return
    const duplicates = link.duplicates + 1
    if (duplicates < link.pruneAt) return changeLink(t, index, { duplicates, duplicateAt: t.now })
  }
  makeLazy(t, source, index)
  prune(t, source, index)
}

/** A neighbour that is lazy pushes all the same. It was told, and what it sent before it knew is under way; or it never heard. */
const tellAgain = <I extends Key, A>(t: Transition<I, A>, source: I, index: number): void => {
  const prunedAt = t.state.links[index]?.prunedAt ?? -1
  if (prunedAt < 0 || t.now - prunedAt >= timeout1(t)) prune(t, source, index)
}

/** BEAT received: it tells of its link what a message of the guide would. */
export const onBeat = <I extends Key, A>(t: Transition<I, A>, index: number, source: I, at: number): void => {
  const found = onBeatOf(t, index, source, at)
  if (found === "new") return isPruned(t.state, index) ? endShaping(t) : makeEager(t, source, index)
  if (found === undefined) return
  if (isLazy(t.state, source, index)) return tellAgain(t, source, index)
  makeLazy(t, source, index)
  prune(t, source, index)
}

/**
 * Optimisation (TR-07-14 §3.8): a message came by a path of `round` links from `parent`, and `announcer` offers one that is
 * shorter by the threshold. Its link takes the parent's place, here and at both other ends. Whether it did.
 */
export const optimize = <I extends Key, A>(
  t: Transition<I, A>,
  id: MessageId<I>,
  round: number,
  parent: I,
  announced: number,
  announcer: number
): boolean => {
  const { config, neighbors } = t.state
  if (config.strategy !== "plumtree" || config.optimizeHops === 0 || !(round - announced >= config.optimizeHops))
    return false
  if (!mayOptimize(t, id.source)) return false
  const old = indexOf(t.state, parent)
  const to = neighbors[announcer]
  if (old < 0 || old === announcer || to === undefined || isLazy(t.state, id.source, old)) return false
  makeEager(t, id.source, announcer)
  t.outputs.push({ _tag: "Send", to, message: { _tag: "Graft", ids: [id], payload: false } })
  makeLazy(t, id.source, old)
  prune(t, id.source, old)
  return true
}

/** A neighbour was won: it is eager in every tree. False if there are too many to tell apart. */
export const addNeighbor = <I extends Key, A>(t: Transition<I, A>, peer: Peer<I, A>): boolean => {
  const { state } = t
  if (state.neighbors.length >= maxNeighbors) return false
  state.neighbors = [...state.neighbors, peer]
  state.links = [...state.links, { ...freshLink, pruneAt: drawThreshold(t) }]
  return true
}

/** A neighbour was lost: it is in no set any more. */
export const removeNeighbor = <I extends Key, A>(t: Transition<I, A>, index: number): void => {
  const { state } = t
  state.neighbors = state.neighbors.toSpliced(index, 1)
  state.links = state.links.toSpliced(index, 1)
  state.lazy = withoutIndex(state.lazy, index)
  if (HashMap.isEmpty(state.trees)) return
  state.trees = HashMap.filter(
    HashMap.map(state.trees, (lazy) => withoutIndex(lazy, index)),
    (lazy) => lazy !== 0
  )
}

/** A set of indices after one of them has gone, and those above it have moved down. */
export const withoutIndex = (set: number, index: number): number => {
  const below = (1 << index) - 1
  return (set & below) | ((set >> 1) & ~below)
}

/** The neighbours to which payloads of a source are pushed. */
export const eagerPeers = <I extends Key, A>(state: State<I, A>, source: I): ReadonlyArray<Peer<I, A>> =>
  state.neighbors.filter((_, index) => !isLazy(state, source, index))

/** The neighbours to which messages of a source are announced. */
export const lazyPeers = <I extends Key, A>(state: State<I, A>, source: I): ReadonlyArray<Peer<I, A>> =>
  state.neighbors.filter((_, index) => isLazy(state, source, index))
