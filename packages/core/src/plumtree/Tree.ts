/**
 * Eager and lazy neighbours. The lazy ones of a tree are a set (`Neighbors.ts`); all others are eager. So the two are disjoint
 * and together the active view, by construction, whatever happens.
 *
 * There is one tree for all sources, or one for each (`Config.trees`); in the second case a tree is named by its source. Who
 * becomes eager or lazy, and why, is in `OneTree.ts`; which messages say so, in `Guide.ts`.
 *
 * @since 0.1.0
 */
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import type { Key, Peer } from "../Peer.ts"
import { nextBelow } from "../Random.ts"
import { usedIn } from "./thicket/Branches.ts"
import { excluding, has, including, othersThan, withoutLost } from "./Neighbors.ts"
import { freshLink, maxNeighbors, type SourceTree, type SourceTrees, type State } from "./State.ts"
import { changeLink, type Transition } from "./Transition.ts"

/** The lazy neighbours in the tree of a source; in a thicket those that are in none of its trees. */
export const lazyIn = <I extends Key, A>(state: State<I, A>, source: I): number => {
  if (state.thicket.trees.length > 0) return othersThan(state, usedIn(state.thicket))
  return state.config.trees === "shared" ? state.lazy : sourceTree(state, source).lazy
}

const noTree: SourceTree<never> = { lazy: 0, pruned: 0, period: -1, shapedAt: 0, shaping: undefined, lost: 0 }

/** The tree of a source, with one for each. */
export const sourceTree = <I extends Key, A>({ trees }: State<I, A>, source: I): SourceTree<I> => {
  const { elder, lost, young } = trees
  const tree =
    Option.getOrUndefined(HashMap.get(young, source)) ?? Option.getOrElse(HashMap.get(elder, source), () => noTree)
  return tree.lazy === 0 ? tree : without(tree, lost)
}

/** A tree once the neighbours that have been lost are in its sets no more. */
const without = <I extends Key>(tree: SourceTree<I>, lost: ReadonlyArray<number>): SourceTree<I> => {
  if (tree.lost === lost.length) return tree
  let { lazy, pruned } = tree
  for (let i = tree.lost; i < lost.length; i++) {
    lazy = withoutLost(lazy, lost[i] ?? 0)
    pruned = withoutLost(pruned, lost[i] ?? 0)
  }
  return { ...tree, lazy, pruned, lost: lost.length }
}

/** Whether a neighbour is lazy in the tree of a source. */
export const isLazy = <I extends Key, A>(state: State<I, A>, source: I, index: number): boolean =>
  has(lazyIn(state, source), index)

const setLazyIn = <I extends Key, A>(t: Transition<I, A>, source: I, lazy: number): void => {
  const { state } = t
  if (state.config.trees === "shared") state.lazy = lazy
  else changeSourceTree(t, source, { lazy, pruned: sourceTree(state, source).pruned & lazy })
}

/** Changes the tree of a source, with one for each. */
export const changeSourceTree = <I extends Key, A>(
  { state }: Transition<I, A>,
  source: I,
  change: Partial<SourceTree<I>>
): void => {
  const { config, trees } = state
  const { elder, lost, young } = trees
  const tree = { ...sourceTree(state, source), ...change, lost: lost.length }
  const others = HashMap.remove(elder, source)
  if (isBare(tree)) state.trees = { young: HashMap.remove(young, source), elder: others, lost }
  else if (HashMap.has(young, source) || HashMap.size(young) < generationSize(config.treesSize))
    state.trees = { young: HashMap.set(young, source, tree), elder: others, lost }
  // Those that have not changed for a whole generation are forgotten, and their links are eager again. (Whichever comes to hand could be
  // two that are in use, which would make room for each other for ever.)
  else {
    const before = config.treesSize > 1 ? young : HashMap.empty<I, SourceTree<I>>()
    state.trees = { young: HashMap.make([source, tree]), elder: before, lost }
  }
}

/** Two generations of this size are no more trees than there may be; with one tree there is one generation. */
const generationSize = (treesSize: number): number => Math.max(1, Math.floor(treesSize / 2))

/** Whether there is nothing to remember of it. */
const isBare = <I extends Key>({ lazy, period }: SourceTree<I>): boolean => lazy === 0 && period < 0

/** A neighbour becomes eager in the tree of a source. */
export const makeEager = <I extends Key, A>(t: Transition<I, A>, source: I, index: number): void => {
  const lazy = lazyIn(t.state, source)
  if (!has(lazy, index)) return
  setLazyIn(t, source, excluding(lazy, index))
  if (t.state.config.trees === "shared" && isPruned(t.state, source, index)) changeLink(t, index, { prunedAt: -1 })
}

/** Whether a neighbour is lazy in the tree of a source because it was told so from here, and nothing has made it eager since. */
export const isPruned = <I extends Key, A>(state: State<I, A>, source: I, index: number): boolean =>
  state.config.trees === "shared"
    ? (state.links[index]?.prunedAt ?? -1) >= 0
    : has(sourceTree(state, source).pruned, index)

/** A neighbour becomes lazy in the tree of a source. */
export const makeLazy = <I extends Key, A>(t: Transition<I, A>, source: I, index: number): void => {
  const lazy = lazyIn(t.state, source)
  if (!has(lazy, index)) setLazyIn(t, source, including(lazy, index))
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
  state.lazy = withoutLost(state.lazy, index)
  const { elder, lost: before, young } = state.trees
  if (HashMap.isEmpty(young) && HashMap.isEmpty(elder)) return
  const lost = [...before, index]
  state.trees =
    lost.length < lostTogether
      ? { young, elder, lost }
      : { young: withoutAll(young, lost), elder: withoutAll(elder, lost), lost: [] }
}

/**
 * After so many losses all trees are gone through. To go through 10,000 takes some 20 ms, and a neighbour has itself lost and won by a
 * frame of some twenty bytes, which asks for a link that there is.
 */
const lostTogether = 64

const withoutAll = <I extends Key>(
  generation: SourceTrees<I>["young"],
  lost: ReadonlyArray<number>
): SourceTrees<I>["young"] =>
  HashMap.filter(
    HashMap.map(generation, (tree) => ({ ...without(tree, lost), lost: 0 })),
    (tree) => !isBare(tree)
  )

/**
 * The trees that are remembered, with one for each source, and the source of each.
 *
 * @category queries
 * @since 0.1.0
 */
export const sourceTrees = <I extends Key, A>(state: State<I, A>): ReadonlyArray<readonly [I, SourceTree<I>]> => {
  const { elder, young } = state.trees
  return [...HashMap.keys(young), ...HashMap.keys(elder)].map((source) => [source, sourceTree(state, source)] as const)
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
