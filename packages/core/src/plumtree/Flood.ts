/**
 * Flooding: every neighbour is eager, for ever. So nothing is announced, and nothing is to be learnt.
 *
 * @since 0.1.0
 */
import type { Strategy } from "./Strategy.ts"

const nothing = (): void => {}

/** Every message goes to everybody. */
export const flood: Strategy = {
  lazyFor: () => 0,
  grafts: false,
  onPublished: nothing,
  onNews: nothing,
  onDuplicate: nothing,
  onPushed: () => undefined,
  onFetched: nothing,
  onAnnouncing: nothing,
  onKnownAnnounced: nothing,
  patience: ({ state }) => state.config.graftMillis,
  dueAt: (_, { at }) => at,
  nextAnnouncer: () => -1,
  onAsking: nothing,
  takeBack: nothing,
  gapPatience: ({ graftMillis }) => graftMillis,
  onPrune: nothing,
  onGraft: nothing,
  onGraftMiss: nothing
}
