/**
 * Flooding: every neighbour is eager, for ever. So nothing is announced, and nothing is to be learnt.
 *
 * @since 0.1.0
 */
import { constFalse, constUndefined, constVoid } from "effect/Function"
import type { Strategy } from "./Transition.ts"

/** Every message goes to everybody. */
export const flood: Strategy = {
  lazyFor: () => 0,
  grafts: false,
  announcesFetched: false,
  onPublished: constVoid,
  onNews: constVoid,
  onDuplicate: constVoid,
  onPushed: constUndefined,
  onFetched: constVoid,
  onAnnouncing: constVoid,
  onKnownAnnounced: constVoid,
  isCutOff: constFalse,
  tellsLateness: constFalse,
  patience: ({ state }) => state.config.graftMillis,
  dueAt: (_, { at }) => at,
  nextAnnouncer: () => -1,
  onAsking: constVoid,
  takeBack: constVoid,
  gapPatience: ({ graftMillis }) => graftMillis,
  gapsSize: ({ gapsSize }) => gapsSize,
  onPrune: constVoid,
  onGraft: constVoid,
  onGraftMiss: constVoid
}
