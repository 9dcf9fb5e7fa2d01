/**
 * Heartbeats: a link on which nothing has come for a whole period is proved alive, and measured. Any message counts as life, so a
 * busy link needs none, and an idle one has one every second period, since the reply counts too. A neighbour that has been silent
 * for `heartbeatMisses` periods has failed, though its link never closed: a half-open connection, a frozen process, a cut that
 * drops everything. They never change a view otherwise.
 *
 * @since 0.1.0
 */
import { nextBelow } from "../Random.ts"
import { type Key, type Peer, sameLink } from "../Peer.ts"
import type { HeartbeatReply } from "./Message.ts"
import { onNeighborFailed } from "./Repair.ts"
import { emit, itemAt, setTimer, type Transition } from "./State.ts"
import { indexInActive } from "./Views.ts"

/** Starts the rounds, at a random phase. */
export const startHeartbeats = <I extends Key, A>(t: Transition<I, A>): void => {
  const { now, state } = t
  const { heartbeatMillis } = state.config
  if (heartbeatMillis > 0) setTimer(t, "Heartbeat", now + 1 + nextBelow(state, heartbeatMillis))
}

/** A round: expels who has been silent too long, and greets who was silent in the last round. */
export const onHeartbeatTimer = <I extends Key, A>(t: Transition<I, A>): void => {
  const { now, state } = t
  const { heartbeatMillis, heartbeatMisses } = state.config
  const last = state.heartbeatRound
  const round = last + 1
  for (const { heardIn, link, peer } of state.active) {
    if (round - heardIn > heartbeatMisses) {
      onNeighborFailed(t, peer, "silent")
      emit(t, { _tag: "Close", peer })
    } else if (heardIn < last) {
      emit(t, { _tag: "Send", to: peer, message: { _tag: "Heartbeat", link, nonce: round } })
    }
  }
  state.heartbeatRound = round
  state.heartbeatSentAt = now
  setTimer(t, "Heartbeat", now + heartbeatMillis)
}

/** A message from a neighbour: it lives. At most one write a neighbour and round. */
export const onHeard = <I extends Key, A>(t: Transition<I, A>, index: number): void => {
  const { state } = t
  const neighbor = state.active[index]
  if (neighbor === undefined || neighbor.heardIn === state.heartbeatRound) return
  state.active = state.active.with(index, { ...neighbor, heardIn: state.heartbeatRound })
}

/** The reply to this round's heartbeat measures the link. */
export const onHeartbeatReply = <I extends Key, A>(
  t: Transition<I, A>,
  from: Peer<I, A>,
  message: HeartbeatReply<I>
): void => {
  const { now, state } = t
  const neighbor = itemAt(state.active, indexInActive(state, from.id))
  if (neighbor === undefined || !sameLink(neighbor.link, message.link)) return
  if (message.nonce !== state.heartbeatRound) return
  emit(t, { _tag: "RoundTrip", peer: neighbor.peer, millis: Math.max(0, now - state.heartbeatSentAt) })
}
