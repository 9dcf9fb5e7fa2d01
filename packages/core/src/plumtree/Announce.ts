/**
 * Lazy push: a message is announced to the lazy neighbours, together with others of the next moments. Whom to tell is
 * settled when the message is pushed: who becomes eager meanwhile has not been pushed it.
 *
 * @since 0.1.0
 */
import type { Key } from "../Peer.ts"
import type { Announcement, IHave, MessageId } from "./Message.ts"
import { has, withoutLost } from "./Neighbors.ts"
import type { Announcing } from "./State.ts"
import { clearTimer, setTimer, type Transition } from "./Transition.ts"

/** Announces a message to a set of neighbours, now or with those to come. */
export const announce = <I extends Key, A>(t: Transition<I, A>, id: MessageId<I>, round: number, to: number): void => {
  const { state } = t
  const { announceMillis, announceSize } = state.config
  state.announcing = { id, round, to, next: state.announcing }
  state.announcingCount++
  if (announceMillis === 0 || state.announcingCount >= announceSize) flushAnnouncements(t)
  else if (state.timers.Announce.nonce === 0) setTimer(t, "Announce", t.now + announceMillis)
}

/** Sends what waits: one IHAVE for each neighbour, and the same one to all who are told the same. */
export const flushAnnouncements = <I extends Key, A>(t: Transition<I, A>): void => {
  const { state } = t
  clearTimer(t, "Announce")
  t.strategy.onAnnouncing(t)
  const { neighbors } = state
  const waiting: Array<Announcing<I>> = []
  let allToldTo = -1
  for (let entry = state.announcing; entry !== undefined; entry = entry.next) {
    waiting.push(entry)
    allToldTo &= entry.to
  }
  waiting.reverse()
  state.announcing = undefined
  state.announcingCount = 0
  // Nearly always everything is for the same neighbours, and nothing is for others.
  const announcements = waiting.map(({ id, round }): Announcement<I> => ({ id, round }))
  const everything: IHave<I> = { _tag: "IHave", announcements }
  for (let index = 0; index < neighbors.length; index++) {
    const to = neighbors[index]
    if (to === undefined) continue
    if (has(allToldTo, index)) {
      if (announcements.length > 0) t.outputs.push({ _tag: "Send", to, message: everything })
      continue
    }
    const some = announcements.filter((_, i) => has(waiting[i]?.to ?? 0, index))
    if (some.length > 0) t.outputs.push({ _tag: "Send", to, message: { _tag: "IHave", announcements: some } })
  }
}

/** A neighbour was lost: nobody stands at its index, and those above it have moved down. */
export const forgetAnnounced = <I extends Key, A>(t: Transition<I, A>, index: number): void => {
  const { state } = t
  const kept: Array<Announcing<I>> = []
  for (let entry = state.announcing; entry !== undefined; entry = entry.next) {
    const to = withoutLost(entry.to, index)
    if (to !== 0) kept.push({ ...entry, to })
  }
  let announcing: Announcing<I> | undefined
  for (const { id, round, to } of kept.reverse()) announcing = { id, round, to, next: announcing }
  state.announcing = announcing
  state.announcingCount = kept.length
}
