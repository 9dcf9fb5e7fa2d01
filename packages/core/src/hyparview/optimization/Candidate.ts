/**
 * X-BOT, the candidate (`../Optimization.ts`): a node that is asked for a link, and asks a neighbour of its own, the disconnected
 * node, to link with the initiator's old neighbour instead.
 *
 * @since 0.1.0
 */
import type { Key, LinkId, Peer } from "../../Peer.ts"
import { sameLink } from "../../Peer.ts"
import { admit } from "../Admission.ts"
import { onNotNeighbor } from "../Membership.ts"
import type { Optimization, Proposal, ReplaceReply } from "../Message.ts"
import { emit, type Given, isNobody, type Transition } from "../State.ts"
import { indexOfLink, isProtected } from "../Views.ts"
import { end, isOpen, takeLink } from "./Exchange.ts"
import { costlierOfTwo, maxCost, weighedOf } from "./LinkCosts.ts"
import { deadlineIn, isFree, isFull, type Part, patience } from "./Part.ts"
import { isUnbiased } from "./Unbiased.ts"

/** A node that does not optimise refuses too. */
export const onOptimization = <I extends Key, A>(
  t: Transition<I, A>,
  from: Peer<I, A>,
  message: Optimization<I, A>
): void => {
  const { state } = t
  const { old, requestId } = message
  const neighbors = state.active.filter(
    ({ id }, index) => id !== old.id && !isUnbiased(state, index) && !isProtected(state, index)
  )
  const isFit = isFree(state) && isFull(state) && isOpen(state, from)
  if (!isFit || isNobody(old) || old.id === from.id || old.id === state.self.id) return refuse(t, from, requestId)
  // It costs a token, since a neighbour has to make room.
  if (neighbors.length === 0 || admit(t, from.id) > 0) return refuse(t, from, requestId)
  const nonce = state.nextNonce++
  const proposal: Proposal<I, A> = {
    requestId,
    old,
    before: Math.min(message.before, maxCost),
    after: Math.min(message.after, maxCost)
  }
  const deadline = deadlineIn(t, patience.weighing)
  state.swap = { _tag: "Choosing", nonce, deadline, initiator: from, proposal, neighbors }
  emit(t, { _tag: "Measure", nonce, peers: neighbors.map(({ peer }) => peer) })
}

/** The costs are known: who is to be given away. */
export const choose = <I extends Key, A>(
  t: Transition<I, A>,
  { initiator, neighbors, proposal }: Part<"Choosing", I, A>,
  costs: ReadonlyArray<number | undefined>
): void => {
  const { state } = t
  state.swap = undefined
  const { old, requestId } = proposal
  const weighed = weighedOf(state, neighbors, costs, 0).filter(({ neighbor }) => {
    const index = indexOfLink(state, neighbor.id, neighbor.link)
    return !isUnbiased(state, index) && !isProtected(state, index)
  })
  const chosen = costlierOfTwo(t, weighed)
  if (chosen === undefined || !isFull(state) || !isOpen(state, initiator)) return refuse(t, initiator, requestId)
  const { link, peer } = chosen.neighbor
  const given: Given<I, A> = { peer, link, doubted: false }
  state.swap = { _tag: "Candidate", deadline: deadlineIn(t, patience.Replace), initiator, requestId, given }
  const { after } = proposal
  const before = proposal.before + chosen.cost
  emit(t, {
    _tag: "Send",
    to: peer,
    message: { _tag: "Replace", link, requestId, initiator, old, before, after }
  })
}

/** The disconnected node's answer. If it is yes it has let go of us, and holds the initiator's old neighbour. */
export const onReplaceReply = <I extends Key, A>(
  t: Transition<I, A>,
  from: Peer<I, A>,
  message: ReplaceReply<I>
): void => {
  const { swap } = t.state
  const { accepted, requestId } = message
  if (swap?._tag !== "Candidate" || swap.requestId !== requestId || !sameLink(swap.given.link, message.link)) {
    // Too late: that link is gone all the same.
    if (accepted) onNotNeighbor(t, from, message.link)
    return
  }
  const { given, initiator } = swap
  if (!accepted) return forsake(t, swap)
  const id: LinkId<I> = { asker: initiator.id, epoch: initiator.epoch, requestId }
  if (!takeLink(t, given, initiator, id, false)) {
    onNotNeighbor(t, given.peer, given.link)
    return refuse(t, initiator, requestId)
  }
  emit(t, { _tag: "Send", to: initiator, message: { _tag: "OptimizationReply", requestId, accepted: true } })
}

/** The candidate's part comes to nothing. */
export const forsake = <I extends Key, A>(
  t: Transition<I, A>,
  { given, initiator, requestId }: Part<"Candidate", I, A>
): void => {
  end(t, given)
  refuse(t, initiator, requestId)
}

/** The initiator is told no, so that it need not wait. */
export const refuse = <I extends Key, A>(t: Transition<I, A>, initiator: Peer<I, A>, requestId: number): void =>
  emit(t, { _tag: "Send", to: initiator, message: { _tag: "OptimizationReply", requestId, accepted: false } })
