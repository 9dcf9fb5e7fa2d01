/**
 * X-BOT, the disconnected node (`../Optimization.ts`): a neighbour of the candidate, which it lets go for a link with the
 * initiator's old neighbour, if the exchange is worth it. It alone knows what all four links cost.
 *
 * @since 0.1.0
 */
import type { Key, LinkId, Peer } from "../../Peer.ts"
import type { Proposal, Replace, SwitchReply } from "../Message.ts"
import { emit, type Given, type Transition } from "../State.ts"
import { indexOfLink, neighborOf } from "../Views.ts"
import { disown, end, isOpen, takeLink } from "./Exchange.ts"
import { isBetter } from "./LinkCosts.ts"
import { deadlineIn, isFree, type Part, patience } from "./Part.ts"
import { isUnbiased } from "./Unbiased.ts"

/** Asked over the link that shall go. */
export const onReplace = <I extends Key, A>(t: Transition<I, A>, from: Peer<I, A>, message: Replace<I, A>): void => {
  const { state } = t
  const { initiator, link, old, requestId } = message
  const given: Given<I, A> = { peer: from, link, doubted: false }
  const isFit =
    isFree(state) &&
    !isUnbiased(state, indexOfLink(state, from.id, link)) &&
    initiator.id !== state.self.id &&
    isOpen(state, old)
  if (!isFit) return decline(t, given, requestId)
  const nonce = state.nextNonce++
  const { after, before } = message
  const proposal: Proposal<I, A> = { requestId, old, before, after }
  state.swap = { _tag: "Judging", nonce, deadline: deadlineIn(t, patience.weighing), initiator, proposal, given }
  emit(t, { _tag: "Measure", nonce, peers: [old] })
}

/** All four costs are known now: the exchange must be worth it. */
export const judge = <I extends Key, A>(
  t: Transition<I, A>,
  { given, initiator, proposal }: Part<"Judging", I, A>,
  cost: number
): void => {
  const { state } = t
  state.swap = undefined
  const { after, before, old, requestId: round } = proposal
  const index = indexOfLink(state, given.peer.id, given.link)
  const isFit =
    cost >= 0 && isBetter(state, after + cost, before) && index >= 0 && !isUnbiased(state, index) && isOpen(state, old)
  if (!isFit) return decline(t, given, round)
  const requestId = state.nextRequestId++
  state.swap = { _tag: "Disconnected", deadline: deadlineIn(t, patience.Switch), requestId, round, old, given }
  emit(t, { _tag: "Send", to: old, message: { _tag: "Switch", requestId, initiator, round } })
}

/** The old neighbour's answer. If it is yes it holds us already. */
export const onSwitchReply = <I extends Key, A>(
  t: Transition<I, A>,
  from: Peer<I, A>,
  { accepted, requestId }: SwitchReply
): void => {
  const { self, swap } = t.state
  const id: LinkId<I> = { asker: self.id, epoch: self.epoch, requestId }
  if (swap?._tag !== "Disconnected" || swap.requestId !== requestId || swap.old.id !== from.id) {
    if (accepted) disown(t, from, id)
    return
  }
  const { given, round } = swap
  if (!accepted) return stay(t, swap)
  // The link takes over whose choice the one before it was: a stranger cannot make us lose what we chose.
  const chosen = neighborOf(t.state, given.peer.id)?.chosen ?? false
  if (!takeLink(t, given, from, id, chosen)) {
    disown(t, from, id)
    return decline(t, given, round)
  }
  const { link, peer } = given
  emit(t, { _tag: "Send", to: peer, message: { _tag: "ReplaceReply", link, requestId: round, accepted: true } })
}

/** The disconnected node's part comes to nothing: it stays with the candidate. */
export const stay = <I extends Key, A>(t: Transition<I, A>, { given, round }: Part<"Disconnected", I, A>): void => {
  decline(t, given, round)
  end(t, given)
}

/** The candidate is told no, so that it need not wait. */
export const decline = <I extends Key, A>(t: Transition<I, A>, { link, peer }: Given<I, A>, requestId: number): void =>
  emit(t, { _tag: "Send", to: peer, message: { _tag: "ReplaceReply", link, requestId, accepted: false } })
