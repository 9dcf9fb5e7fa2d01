/**
 * X-BOT, the initiator (`../Optimization.ts`): each cycle it weighs its links against some passive entries, and asks the cheapest of
 * these for a link in the place of a costlier one.
 *
 * @since 0.1.0
 */
import type { Key, LinkId, Peer } from "../../Peer.ts"
import { noSample } from "../../Peer.ts"
import { meet } from "../Merge.ts"
import type { DisconnectWait, OptimizationReply } from "../Message.ts"
import { emit, type Given, type Transition } from "../State.ts"
import { indexInPassive, indexOfLink, samplePassive } from "../Views.ts"
import { disown, end, isOpen, takeLink } from "./Exchange.ts"
import { costlierOfTwo, isBetter, knownCost, weighedOf } from "./LinkCosts.ts"
import { deadlineIn, isFree, isFull, type Part, patience } from "./Part.ts"
import { isUnbiased, lacksUnbiased } from "./Unbiased.ts"

/**
 * Each cycle: a node with a full view asks what its links and some passive entries cost. One that has too few unbiased links asks
 * anybody for one.
 */
export const weigh = <I extends Key, A>(t: Transition<I, A>): void => {
  const { state } = t
  if (!isFree(state) || !isFull(state)) return
  const sample: { readonly peers: Array<Peer<I, A>>; readonly ages: Array<number> } = { peers: [], ages: [] }
  samplePassive(t, state.config.optimizeCandidates, state.self.id, sample)
  const [anybody] = sample.peers
  if (anybody === undefined) return
  if (lacksUnbiased(state)) {
    meet(t, anybody)
    return
  }
  const neighbors = state.active.filter((_, index) => !isUnbiased(state, index))
  if (neighbors.length === 0) return
  const nonce = state.nextNonce++
  const deadline = deadlineIn(t, patience.weighing)
  state.swap = { _tag: "Weighing", nonce, deadline, candidates: sample.peers, neighbors }
  emit(t, { _tag: "Measure", nonce, peers: [...sample.peers, ...neighbors.map(({ peer }) => peer)] })
}

/** The cheapest candidate, for a link that costs more. */
export const propose = <I extends Key, A>(
  t: Transition<I, A>,
  swap: Part<"Weighing", I, A>,
  costs: ReadonlyArray<number | undefined>
): void => {
  const { state } = t
  state.swap = undefined
  let candidate: Peer<I, A> | undefined
  let after = -1
  swap.candidates.forEach((peer, at) => {
    const cost = knownCost(costs[at])
    if (cost < 0 || (after >= 0 && cost >= after)) return
    if (indexInPassive(state, peer.id) < 0 || !isOpen(state, peer)) return
    candidate = peer
    after = cost
  })
  if (candidate === undefined || !isFull(state)) return
  const dearer = weighedOf(state, swap.neighbors, costs, swap.candidates.length).filter(
    ({ cost, neighbor }) =>
      isBetter(state, after, cost) && !isUnbiased(state, indexOfLink(state, neighbor.id, neighbor.link))
  )
  const old = costlierOfTwo(t, dearer)
  if (old === undefined) return
  const { link, peer } = old.neighbor
  const requestId = state.nextRequestId++
  const given: Given<I, A> = { peer, link, doubted: false }
  state.swap = { _tag: "Initiator", deadline: deadlineIn(t, patience.Optimization), requestId, candidate, given }
  emit(t, { _tag: "Send", to: peer, message: { _tag: "DisconnectWait", link, requestId, waits: true } })
  emit(t, {
    _tag: "Send",
    to: candidate,
    message: { _tag: "Optimization", requestId, old: peer, before: old.cost, after }
  })
}

/**
 * The candidate's answer, be it of a later incarnation than was known here. If it is yes the three others have exchanged their
 * links already.
 */
export const onOptimizationReply = <I extends Key, A>(
  t: Transition<I, A>,
  from: Peer<I, A>,
  { accepted, requestId }: OptimizationReply
): void => {
  const { self, swap } = t.state
  const id: LinkId<I> = { asker: self.id, epoch: self.epoch, requestId }
  if (swap?._tag !== "Initiator" || swap.requestId !== requestId || swap.candidate.id !== from.id) {
    if (accepted) disown(t, from, id)
    return
  }
  if (!accepted) return failRound(t, swap)
  if (takeLink(t, swap.given, from, id, true)) return
  emit(t, { _tag: "Send", to: from, message: { _tag: "Disconnect", link: id, reason: "evicted", sample: noSample } })
}

/** The round has come to nothing. If the old neighbour has given our link away all the same, it says so. */
export const failRound = <I extends Key, A>(
  t: Transition<I, A>,
  { given, requestId }: Part<"Initiator", I, A>
): void => {
  end(t, given)
  if (indexOfLink(t.state, given.peer.id, given.link) < 0) return
  const message: DisconnectWait<I> = { _tag: "DisconnectWait", link: given.link, requestId, waits: false }
  emit(t, { _tag: "Send", to: given.peer, message })
}
