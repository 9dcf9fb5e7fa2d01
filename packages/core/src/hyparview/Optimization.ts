/**
 * Shorter links (Leitão, Marques, Pereira, Rodrigues: *X-BOT: A Protocol for Resilient Optimization of Unstructured Overlay
 * Networks*, SRDS 2009; IEEE TPDS 2012). In a *round* four nodes exchange two links for two that cost less together, so
 * that no degree changes and nobody has to look for a neighbour:
 *
 *     initiator i ═══ old o              initiator i     old o
 *                                 →           ║            ║
 *     candidate c ═══ disconnected d     candidate c     disconnected d
 *
 * i weighs its links and some passive entries, tells o that somebody may take its place (DisconnectWait), and asks c
 * (Optimization). c chooses d among its neighbours, and asks it (Replace); d weighs o, and asks it (Switch). Then the links
 * are exchanged, each node both of its own in one transition: o, d, c, i, each as it hears of it (SwitchReply, ReplaceReply,
 * OptimizationReply). Until then each can refuse, and nothing has changed; each looks again before it exchanges, and whoever
 * waits in vain gives up. The deadlines are nested, so that nobody gives up on an answer that can still come, while one way
 * takes less than half a request's time-out.
 *
 * What a link costs is for the driver to say: `Measure` asks, `CostsMeasured` answers. Off unless `optimizeCandidates` is
 * above 0; then a round is begun, at most one, in each cycle.
 *
 * @since 0.1.0
 */
import { type Key, type LinkId, noSample, type Peer, sameLink } from "../Peer.ts"
import { choose, forsake, refuse } from "./optimization/Candidate.ts"
import { decline, judge, stay } from "./optimization/Disconnected.ts"
import { disown, end } from "./optimization/Exchange.ts"
import { failRound, propose } from "./optimization/Initiator.ts"
import { knownCost } from "./optimization/LinkCosts.ts"
import { givenOf } from "./optimization/Part.ts"
import type { Message } from "./Message.ts"
import { emit, type Given, type Transition } from "./State.ts"

export { onOptimization, onReplaceReply } from "./optimization/Candidate.ts"
export { onReplace, onSwitchReply } from "./optimization/Disconnected.ts"
export { onOptimizationReply, weigh } from "./optimization/Initiator.ts"
export { onDisconnectWait, onSwitch } from "./optimization/OldNeighbor.ts"

/** The driver says what was asked. Costs of links that are gone meanwhile do not count. */
export const onCostsMeasured = <I extends Key, A>(
  t: Transition<I, A>,
  nonce: number,
  costs: ReadonlyArray<number | undefined>
): void => {
  const { swap } = t.state
  if (swap === undefined || !("nonce" in swap) || swap.nonce !== nonce) return
  switch (swap._tag) {
    case "Weighing":
      return propose(t, swap, costs)
    case "Choosing":
      return choose(t, swap, costs)
    case "Judging":
      return judge(t, swap, knownCost(costs[0]))
  }
}

/**
 * Whether a NotNeighbor is about the link that is given away in the round under way. Then it waits for the end of the round, in
 * which the other end may have given it away before; but to the candidate that one would have said so first.
 */
export const isDoubted = <I extends Key, A>(t: Transition<I, A>, from: Peer<I, A>, link: LinkId<I>): boolean => {
  const { swap } = t.state
  const given = givenOf(t.state)
  if (swap === undefined || given === undefined || given.peer.id !== from.id || !sameLink(given.link, link))
    return false
  const doubted: Given<I, A> = { ...given, doubted: true }
  if (swap._tag === "Candidate") forsake(t, { ...swap, given: doubted })
  else if ("given" in swap) t.state.swap = { ...swap, given: doubted }
  return true
}

/** The Request timer: whoever waits in vain gives up. */
export const expire = <I extends Key, A>(t: Transition<I, A>): void => {
  const { swap } = t.state
  if (swap === undefined || t.now < swap.deadline) return
  switch (swap._tag) {
    case "Weighing":
    case "Old":
      t.state.swap = undefined
      return
    case "Initiator":
      return failRound(t, swap)
    case "Choosing":
      t.state.swap = undefined
      return refuse(t, swap.initiator, swap.proposal.requestId)
    case "Candidate":
      return forsake(t, swap)
    case "Judging":
      t.state.swap = undefined
      return decline(t, swap.given, swap.proposal.requestId)
    case "Disconnected": {
      // It may hold us, and its answer be lost.
      const { epoch, id } = t.state.self
      disown(t, swap.old, { asker: id, epoch, requestId: swap.requestId })
      return stay(t, swap)
    }
  }
}

/** A node that leaves gives up its part: who has asked it for a link is no neighbour, and gets no goodbye. */
export const abandon = <I extends Key, A>(t: Transition<I, A>): void => {
  const { swap } = t.state
  if (swap?._tag === "Choosing") refuse(t, swap.initiator, swap.proposal.requestId)
  if (swap?._tag === "Candidate") refuse(t, swap.initiator, swap.requestId)
}

/** A peer was lost, or has left. What its loss means to the links is settled elsewhere; here it ends what would wait for it. */
export const onPartnerLost = <I extends Key, A>(t: Transition<I, A>, peer: Peer<I, A>): void => {
  const { swap } = t.state
  // A later incarnation than the one that was asked may have answered.
  const concerns = (partner: Peer<I, A>): boolean => partner.id === peer.id && partner.epoch <= peer.epoch
  switch (swap?._tag) {
    case "Initiator":
      if (concerns(swap.candidate)) failRound(t, swap)
      return
    case "Choosing":
    case "Old":
      if (concerns(swap.initiator)) t.state.swap = undefined
      return
    case "Candidate":
      if (concerns(swap.given.peer)) forsake(t, swap)
      else if (concerns(swap.initiator)) end(t, swap.given)
      return
    case "Judging":
      if (concerns(swap.given.peer)) t.state.swap = undefined
      return
    case "Disconnected":
      if (concerns(swap.old)) stay(t, swap)
      return
  }
}

/**
 * A node that is no member takes no part in a round, and lets go of what it is offered. An initiator that holds it for a
 * neighbour still is told: in the round this node has given the initiator's place away, and so has not said goodbye to it.
 * (What else is meant for a neighbour is for nobody here.)
 */
export const refuseAsStranger = <I extends Key, A>(
  t: Transition<I, A>,
  from: Peer<I, A>,
  message: Message<I, A>
): void => {
  const { epoch, id } = t.state.self
  switch (message._tag) {
    case "DisconnectWait": {
      const { link } = message
      const answer: Message<I, A> =
        t.state.status === "idle"
          ? { _tag: "NotNeighbor", link }
          : { _tag: "Disconnect", link, reason: "leaving", sample: noSample }
      return emit(t, { _tag: "Send", to: from, message: answer })
    }
    case "Optimization":
      return refuse(t, from, message.requestId)
    case "Switch": {
      const { requestId } = message
      return emit(t, { _tag: "Send", to: from, message: { _tag: "SwitchReply", requestId, accepted: false } })
    }
    case "OptimizationReply":
    case "SwitchReply":
      if (message.accepted) disown(t, from, { asker: id, epoch, requestId: message.requestId })
      return
  }
}
