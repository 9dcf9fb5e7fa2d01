/**
 * Eager and lazy neighbours. The lazy ones of a tree are a set of indices into the active view; all others are eager. So
 * the two are disjoint and together the active view, by construction, whatever happens.
 *
 * There is one tree for all sources, or one for each (`Config.trees`); in the second case a tree is named by its source. Who
 * becomes eager or lazy, and why, is in `OneTree.ts`.
 *
 * @since 0.1.0
 */
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import type { Key, Peer } from "../Peer.ts"
import { nextBelow } from "../Random.ts"
import { othersThan, usedIn } from "./thicket/Branches.ts"
import { freshLink, maxNeighbors, type State } from "./State.ts"
import { changeLink, type Transition } from "./Transition.ts"

/** The lazy neighbours in the tree of a source; in a thicket those that are in none of its trees. */
export const lazyIn = <I extends Key, A>(state: State<I, A>, source: I): number => {
  if (state.thicket.trees.length > 0) return othersThan(state, usedIn(state.thicket))
  return state.config.trees === "shared" ? state.lazy : Option.getOrElse(HashMap.get(state.trees, source), () => 0)
}

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
export const isPruned = <I extends Key, A>({ config, links }: State<I, A>, index: number): boolean =>
  config.trees === "shared" && (links[index]?.prunedAt ?? -1) >= 0

/** A neighbour becomes lazy in the tree of a source. */
export const makeLazy = <I extends Key, A>(t: Transition<I, A>, source: I, index: number): void => {
  const lazy = lazyIn(t.state, source)
  if (((lazy >> index) & 1) === 0) setLazyIn(t, source, lazy | (1 << index))
}

/**
 * After how many duplicates a link is pruned: up to twice `pruneAfter`, since all links of a cycle that is fed from
 * everywhere see as many, and only one of them should go.
 */
export const drawThreshold = <I extends Key, A>({ state }: Transition<I, A>): number =>
  state.config.pruneAfter + nextBelow(state, state.config.pruneAfter)

/** A neighbour was won: it is eager in every tree. False if there are too many to tell apart. */
export const addNeighbor = <I extends Key, A>(t: Transition<I, A>, peer: Peer<I, A>): boolean => {
  const { state } = t
  if (state.neighbors.length >= maxNeighbors) return false
  state.neighbors = [...state.neighbors, peer]
  const pruneAt = drawThreshold(t)
  state.links = [...state.links, pruneAt === freshLink.pruneAt ? freshLink : { ...freshLink, pruneAt }]
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

/**
 * The neighbours to which payloads of a source are pushed.
 *
 * @category queries
 * @since 0.1.0
 */
export const eagerPeers = <I extends Key, A>(state: State<I, A>, source: I): ReadonlyArray<Peer<I, A>> =>
  state.neighbors.filter((_, index) => !isLazy(state, source, index))

/**
 * The neighbours to which messages of a source are announced.
 *
 * @category queries
 * @since 0.1.0
 */
export const lazyPeers = <I extends Key, A>(state: State<I, A>, source: I): ReadonlyArray<Peer<I, A>> =>
  state.neighbors.filter((_, index) => isLazy(state, source, index))
