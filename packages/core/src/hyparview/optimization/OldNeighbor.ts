/**
 * X-BOT, the initiator's old neighbour (`../Optimization.ts`): told that somebody may take the initiator's place, it is the first of
 * the four to exchange its links when the disconnected node asks it.
 *
 * @since 0.1.0
 */
import type { Key, Peer } from "../../Peer.ts"
import type { DisconnectWait, Switch } from "../Message.ts"
import { emit, type Transition } from "../State.ts"
import { exchange, indexOfLink, isProtected } from "../Views.ts"
import { isOpen } from "./Exchange.ts"
import { isUnbiased } from "./Unbiased.ts"
import { deadlineIn, isFree, patience } from "./Part.ts"

/**
 * The initiator may go. Ours: in the paper the old neighbour takes anybody's word for it when it is asked to switch, so
 * that a stranger could choose which of its links it loses (rule 12b).
 */
export const onDisconnectWait = <I extends Key, A>(
  t: Transition<I, A>,
  from: Peer<I, A>,
  { link, requestId, waits }: DisconnectWait<I>
): void => {
  const { state } = t
  const { swap } = state
  if (!waits) {
    if (swap?._tag === "Old" && swap.requestId === requestId && isSame(swap.initiator, from)) state.swap = undefined
    return
  }
  const index = indexOfLink(state, from.id, link)
  if (!isFree(state) || index < 0 || isUnbiased(state, index) || isProtected(state, index)) return
  const deadline = deadlineIn(t, patience.DisconnectWait)
  state.swap = { _tag: "Old", deadline, initiator: from, link, requestId }
}

/** The first of the four to exchange its links: all have agreed. */
export const onSwitch = <I extends Key, A>(
  t: Transition<I, A>,
  from: Peer<I, A>,
  { initiator, requestId, round }: Switch<I, A>
): void => {
  const { state } = t
  const { swap } = state
  let accepted = false
  if (swap?._tag === "Old" && swap.requestId === round && isSame(swap.initiator, initiator)) {
    state.swap = undefined
    const index = indexOfLink(state, initiator.id, swap.link)
    accepted = index >= 0 && isOpen(state, from) && !isUnbiased(state, index) && !isProtected(state, index)
    if (accepted) exchange(t, index, from, { asker: from.id, epoch: from.epoch, requestId }, false)
  }
  emit(t, { _tag: "Send", to: from, message: { _tag: "SwitchReply", requestId, accepted } })
}

/** Whether two records are of one incarnation. */
const isSame = <I extends Key, A>(a: Peer<I, A>, b: Peer<I, A>): boolean => a.id === b.id && a.epoch === b.epoch
