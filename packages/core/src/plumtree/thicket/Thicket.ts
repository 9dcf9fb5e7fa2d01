/**
 * Several trees that carry messages in turn, in which most nodes forward in one at most: the strategy, as the rest of the
 * broadcast sees it (`Strategy` in `../Transition.ts`). After Ferreira, Leitão, Rodrigues, "Thicket: A Protocol for Building and
 * Maintaining Multiple Trees in a P2P Overlay", SRDS 2010.
 *
 * @since 0.1.0
 */
import { constFalse, constUndefined, constVoid } from "effect/Function"
import { considerAnnouncer } from "./Balance.ts"
import { othersThan } from "../Neighbors.ts"
import { treeOf } from "./Branches.ts"
import { isFresh, onTreeDuplicate, onTreeNews, openTree } from "./Growth.ts"
import { tellLoad } from "./Load.ts"
import { onFetchedNews, onGraftInto, onMissed, patience, preferred } from "./Parent.ts"
import type { Strategy } from "../Transition.ts"

/** Messages take the trees in turn. */
export const thicket: Strategy = {
  lazyFor: (state, id) => othersThan(state, state.thicket.trees[treeOf(state.config, id)]?.branches ?? 0),
  grafts: true,
  announcesFetched: false,
  onPublished: openTree,
  onNews: onTreeNews,
  onDuplicate: onTreeDuplicate,
  onPushed: constUndefined,
  onFetched: onFetchedNews,
  onAnnouncing: tellLoad,
  onKnownAnnounced: considerAnnouncer,
  isCutOff: constFalse,
  // While a tree is in pieces much is asked for, and were all waited for longer for that they would be joined the later.
  tellsLateness: isFresh,
  patience,
  dueAt: (_, { at }) => at,
  nextAnnouncer: preferred,
  onAsking: onMissed,
  takeBack: constVoid,
  // Each message comes by another tree than the one before, and a tree that is broken shows by a message that is announced and
  // does not come: which must be waited for, and grafted.
  gapPatience: ({ announceMillis, graftAgainMillis, graftMillis }) =>
    2 * announceMillis + graftMillis + graftAgainMillis,
  // While one tree carries nothing each number of its turn is missing, between those that the others carry. That is mended by
  // a graft, which no gap must be given up before.
  gapsSize: ({ windowSize }) => windowSize,
  onPrune: constVoid,
  onGraft: onGraftInto,
  onGraftMiss: constVoid
}
