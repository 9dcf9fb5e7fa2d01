/**
 * How late the tree is. A payload may come long after its announcement although nothing is lost: where links or processors
 * are busy, the tree waits in queues that announcements, which leave by other links, do not meet. A timeout1 shorter than
 * that has messages grafted that are under way. Each such graft closes a cycle, a cycle brings duplicates, those make the
 * queues longer, and the prunes that they cause cut what is under way on other links: a cluster that has fallen so far does
 * not get up again while the load lasts. So both timeouts follow what is seen.
 *
 * @since 0.1.0
 */
import type { Key } from "../Peer.ts"
import type { Transition } from "./Transition.ts"

/** After so many times its length (or timeout1's, if that is longer) a lateness counts half. */
const halfLife = 4

/** The longest of late that a pushed message came after its announcement, less for each half-life since. */
const lateness = <I extends Key, A>({ now, state }: Transition<I, A>): number => {
  const { at, millis } = state.late
  if (millis === 0) return 0
  const halves = Math.floor((now - at) / (halfLife * Math.max(state.config.graftMillis, millis)))
  return halves > 30 ? 0 : millis >> halves
}

/** A message was pushed here so long after it was announced. */
export const wasLate = <I extends Key, A>(t: Transition<I, A>, millis: number): void => {
  const bounded = Math.min(millis, t.state.config.graftMaxMillis)
  if (bounded > 0 && bounded >= lateness(t)) t.state.late = { millis: bounded, at: t.now }
}

/** timeout1: twice as long as the tree is late, within its bounds. */
export const timeout1 = <I extends Key, A>(t: Transition<I, A>): number => {
  const { graftMaxMillis, graftMillis } = t.state.config
  return t.state.late.millis === 0 ? graftMillis : Math.max(graftMillis, Math.min(graftMaxMillis, 2 * lateness(t)))
}

/** timeout2: as long as the tree is late, within its bounds. Less than timeout1. */
export const timeout2 = <I extends Key, A>(t: Transition<I, A>): number => {
  const { graftAgainMillis, graftMaxMillis } = t.state.config
  return Math.max(graftAgainMillis, Math.min(graftMaxMillis >> 1, lateness(t)))
}
