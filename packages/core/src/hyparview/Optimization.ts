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
import { nextBelow } from "../Random.ts"
import type { Key, LinkId, Peer } from "../Peer.ts"
import { noSample, sameLink } from "../Peer.ts"
import { admit } from "./Admission.ts"
import { onNotNeighbor } from "./Membership.ts"
import type {
  DisconnectWait,
  Message,
  Optimization,
  OptimizationReply,
  Proposal,
  Replace,
  ReplaceReply,
  Switch,
  SwitchReply
} from "./Message.ts"
import { emit, type Given, type Neighbor, type State, type Swap, type Transition } from "./State.ts"
import {
  exchange,
  givenOf,
  indexInActive,
  indexInPassive,
  indexOfLink,
  isAsking,
  keepPassive,
  link,
  neighborOf,
  samplePassive
} from "./Views.ts"

/** Thirty years in microseconds: a larger cost is none. So sums of two are exact. */
const maxCost = 1e15

/** Deadlines, in request time-outs from when a part begins. Each waits for those that come after it in the round. */
const patience = { weighing: 1, Switch: 1, Replace: 3, Optimization: 5, DisconnectWait: 6 } as const

const deadlineIn = <I extends Key, A>({ now, state }: Transition<I, A>, timeouts: number): number =>
  now + timeouts * state.config.requestTimeoutMillis

// --- which links may be given away -----------------------------------------------------------------------------------

/**
 * Whether a link stays whatever it costs: of those that no round has made, the `unbiasedLinks` longest held are never given
 * away.
 *
 * Departs from the paper, which keeps the costliest links, and only at the end that would begin: the other end may give
 * them away. Ours are random, as joins and repairs have made them, and each node has its own.
 */
const isUnbiased = <I extends Key, A>({ active, config }: State<I, A>, index: number): boolean => {
  if (active[index]?.optimized !== false) return false
  let before = 0
  for (let i = 0; i < index; i++) if (active[i]?.optimized === false) before++
  return before < config.unbiasedLinks
}

/** Whether a link may be given away because another node wishes it: not one of the F that inbound requests spare (B2). */
const isSpared = <I extends Key, A>({ active, config }: State<I, A>, index: number): boolean => {
  if (active[index]?.chosen !== true) return false
  let before = 0
  for (let i = 0; i < index; i++) if (active[i]?.chosen === true) before++
  return before < config.protectedLinks
}

const isFree = <I extends Key, A>(state: State<I, A>): boolean =>
  state.config.optimizeCandidates > 0 && state.swap === undefined

const isFull = <I extends Key, A>({ active, config }: State<I, A>): boolean => active.length === config.activeSize

/** Whether a link with this peer can be made: there is none, and none is asked for. */
const isOpen = <I extends Key, A>(state: State<I, A>, id: I): boolean =>
  id !== state.self.id && indexInActive(state, id) < 0 && !isAsking(state, id)

/** Whether what replaces `before` is so much better that it is worth an exchange. */
const isBetter = <I extends Key, A>({ config }: State<I, A>, after: number, before: number): boolean =>
  after < before && after <= before * (1 - config.optimizeHysteresis)

// --- what links cost -------------------------------------------------------------------------------------------------

const knownCost = (cost: number | undefined): number =>
  cost !== undefined && cost >= 0 && cost <= maxCost ? Math.floor(cost) : -1

interface Weighed<I extends Key, A> {
  readonly neighbor: Neighbor<I, A>
  readonly cost: number
}

/** Of two drawn at random the costlier: the worst goes soon, and one that cannot be given away does not stand in its way. */
const costlierOfTwo = <I extends Key, A>(
  { state }: Transition<I, A>,
  weighed: ReadonlyArray<Weighed<I, A>>
): Weighed<I, A> | undefined => {
  if (weighed.length === 0) return undefined
  const first = weighed[nextBelow(state, weighed.length)]
  const second = weighed[nextBelow(state, weighed.length)]
  return first !== undefined && second !== undefined && second.cost > first.cost ? second : first
}

/** Each cycle: a node with a full view asks what its links and some passive entries cost. */
export const weigh = <I extends Key, A>(t: Transition<I, A>): void => {
  const { state } = t
  if (!isFree(state) || !isFull(state)) return
  const sample: { readonly peers: Array<Peer<I, A>>; readonly ages: Array<number> } = { peers: [], ages: [] }
  samplePassive(t, state.config.optimizeCandidates, state.self.id, sample)
  const neighbors = state.active.filter((_, index) => !isUnbiased(state, index))
  if (sample.peers.length === 0 || neighbors.length === 0) return
  const nonce = state.nextNonce++
  const deadline = deadlineIn(t, patience.weighing)
  state.swap = { _tag: "Weighing", nonce, deadline, candidates: sample.peers, neighbors }
  emit(t, { _tag: "Measure", nonce, peers: [...sample.peers, ...neighbors.map(({ peer }) => peer)] })
}

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

/** Neighbours whose link still stands, and whose cost is known. */
const weighedOf = <I extends Key, A>(
  state: State<I, A>,
  neighbors: ReadonlyArray<Neighbor<I, A>>,
  costs: ReadonlyArray<number | undefined>,
  from: number
): ReadonlyArray<Weighed<I, A>> => {
  const weighed: Array<Weighed<I, A>> = []
  neighbors.forEach((neighbor, at) => {
    const cost = knownCost(costs[from + at])
    if (cost >= 0 && indexOfLink(state, neighbor.id, neighbor.link) >= 0) weighed.push({ neighbor, cost })
  })
  return weighed
}

// --- the initiator ---------------------------------------------------------------------------------------------------

type Part<Tag extends Swap<Key, unknown>["_tag"], I extends Key, A> = Extract<Swap<I, A>, { readonly _tag: Tag }>

/** The cheapest candidate, for a link that costs more. */
const propose = <I extends Key, A>(
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
    if (indexInPassive(state, peer.id) < 0 || !isOpen(state, peer.id)) return
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
const failRound = <I extends Key, A>(t: Transition<I, A>, { given, requestId }: Part<"Initiator", I, A>): void => {
  end(t, given)
  if (indexOfLink(t.state, given.peer.id, given.link) < 0) return
  const message: DisconnectWait<I> = { _tag: "DisconnectWait", link: given.link, requestId, waits: false }
  emit(t, { _tag: "Send", to: given.peer, message })
}

// --- the candidate ---------------------------------------------------------------------------------------------------

/** A node that does not optimise refuses too. */
export const onOptimization = <I extends Key, A>(
  t: Transition<I, A>,
  from: Peer<I, A>,
  message: Optimization<I, A>
): void => {
  const { state } = t
  const { old, requestId } = message
  const neighbors = state.active.filter(
    ({ id }, index) => id !== old.id && !isUnbiased(state, index) && !isSpared(state, index)
  )
  if (!isFree(state) || !isFull(state) || !isOpen(state, from.id) || old.id === from.id || old.id === state.self.id) {
    return refuse(t, from, requestId)
  }
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

const choose = <I extends Key, A>(
  t: Transition<I, A>,
  { initiator, neighbors, proposal }: Part<"Choosing", I, A>,
  costs: ReadonlyArray<number | undefined>
): void => {
  const { state } = t
  state.swap = undefined
  const { old, requestId } = proposal
  const chosen = costlierOfTwo(t, weighedOf(state, neighbors, costs, 0))
  if (chosen === undefined || !isFull(state) || !isOpen(state, initiator.id)) return refuse(t, initiator, requestId)
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
  if (!takeLink(t, given, initiator, id, false)) return refuse(t, initiator, requestId)
  emit(t, { _tag: "Send", to: initiator, message: { _tag: "OptimizationReply", requestId, accepted: true } })
}

/** The candidate's part comes to nothing. */
const forsake = <I extends Key, A>(
  t: Transition<I, A>,
  { given, initiator, requestId }: Part<"Candidate", I, A>
): void => {
  end(t, given)
  refuse(t, initiator, requestId)
}

const refuse = <I extends Key, A>(t: Transition<I, A>, initiator: Peer<I, A>, requestId: number): void =>
  emit(t, { _tag: "Send", to: initiator, message: { _tag: "OptimizationReply", requestId, accepted: false } })

// --- the disconnected node -------------------------------------------------------------------------------------------

/** Asked over the link that shall go. */
export const onReplace = <I extends Key, A>(t: Transition<I, A>, from: Peer<I, A>, message: Replace<I, A>): void => {
  const { state } = t
  const { initiator, link, old, requestId } = message
  const given: Given<I, A> = { peer: from, link, doubted: false }
  const isFit =
    isFree(state) &&
    !isUnbiased(state, indexOfLink(state, from.id, link)) &&
    initiator.id !== state.self.id &&
    isOpen(state, old.id)
  if (!isFit) return decline(t, given, requestId)
  const nonce = state.nextNonce++
  const { after, before } = message
  const proposal: Proposal<I, A> = { requestId, old, before, after }
  state.swap = { _tag: "Judging", nonce, deadline: deadlineIn(t, patience.weighing), initiator, proposal, given }
  emit(t, { _tag: "Measure", nonce, peers: [old] })
}

/** All four costs are known now: the exchange must be worth it. */
const judge = <I extends Key, A>(
  t: Transition<I, A>,
  { given, initiator, proposal }: Part<"Judging", I, A>,
  cost: number
): void => {
  const { state } = t
  state.swap = undefined
  const { after, before, old, requestId: round } = proposal
  const isFit =
    cost >= 0 &&
    isBetter(state, after + cost, before) &&
    indexOfLink(state, given.peer.id, given.link) >= 0 &&
    isOpen(state, old.id)
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
const stay = <I extends Key, A>(t: Transition<I, A>, { given, round }: Part<"Disconnected", I, A>): void => {
  decline(t, given, round)
  end(t, given)
}

const decline = <I extends Key, A>(t: Transition<I, A>, { link, peer }: Given<I, A>, requestId: number): void =>
  emit(t, { _tag: "Send", to: peer, message: { _tag: "ReplaceReply", link, requestId, accepted: false } })

// --- the old neighbour -----------------------------------------------------------------------------------------------

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
  if (!isFree(state) || index < 0 || isUnbiased(state, index) || isSpared(state, index)) return
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
    accepted = index >= 0 && isOpen(state, from.id) && !isUnbiased(state, index) && !isSpared(state, index)
    if (accepted) exchange(t, index, from, { asker: from.id, epoch: from.epoch, requestId }, false)
  }
  emit(t, { _tag: "Send", to: from, message: { _tag: "SwitchReply", requestId, accepted } })
}

/**
 * A node that is no member takes no part in a round, and lets go of what it is offered. (What is meant for a neighbour is
 * for nobody here.)
 */
export const refuseAsStranger = <I extends Key, A>(
  t: Transition<I, A>,
  from: Peer<I, A>,
  message: Message<I, A>
): void => {
  const { epoch, id } = t.state.self
  switch (message._tag) {
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

// --- the ends of a round ---------------------------------------------------------------------------------------------

const isSame = <I extends Key, A>(a: Peer<I, A>, b: Peer<I, A>): boolean => a.id === b.id && a.epoch === b.epoch

/**
 * Takes the new link for the one that is given away, or into its slot if that one is gone meanwhile. False: somebody has
 * taken that slot.
 */
const takeLink = <I extends Key, A>(
  t: Transition<I, A>,
  given: Given<I, A>,
  peer: Peer<I, A>,
  id: LinkId<I>,
  chosen: boolean
): boolean => {
  const { state } = t
  state.swap = undefined
  const index = indexOfLink(state, given.peer.id, given.link)
  if (indexInActive(state, peer.id) >= 0) {
    // A neighbour some other way meanwhile: its link is the new one, and the other is gone.
    link(t, peer, id, chosen, true)
    if (index >= 0) onNotNeighbor(t, given.peer, given.link)
    return true
  }
  if (index >= 0) {
    exchange(t, index, peer, id, chosen)
    return true
  }
  if (isFull(state)) {
    keepPassive(t, peer)
    return false
  }
  link(t, peer, id, chosen, true)
  return true
}

/** This node's part is over, and it has kept its link, unless that one turned out to be gone meanwhile. */
const end = <I extends Key, A>(t: Transition<I, A>, given: Given<I, A>): void => {
  t.state.swap = undefined
  if (given.doubted) onNotNeighbor(t, given.peer, given.link)
}

/** A link that comes too late: its other end is told to let go, unless it is the one that stands. */
const disown = <I extends Key, A>(t: Transition<I, A>, from: Peer<I, A>, id: LinkId<I>): void => {
  if (indexOfLink(t.state, from.id, id) >= 0) return
  emit(t, { _tag: "Send", to: from, message: { _tag: "NotNeighbor", link: id } })
}

/**
 * Whether a NotNeighbor is about the link that is given away in the round under way: then it waits for the end of the round.
 */
export const isDoubted = <I extends Key, A>(
  { state }: Transition<I, A>,
  from: Peer<I, A>,
  link: LinkId<I>
): boolean => {
  const given = givenOf(state)
  const { swap } = state
  if (given === undefined || given.peer.id !== from.id || !sameLink(given.link, link)) return false
  const doubted: Given<I, A> = { ...given, doubted: true }
  if (swap !== undefined && "given" in swap) state.swap = { ...swap, given: doubted }
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

/** A peer was lost. What its loss means to the links is settled elsewhere; here it ends what would wait for it. */
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
 * Who is no neighbour, or not yet, and takes part in the same round of X-BOT: a driver keeps its link to it.
 *
 * @category queries
 * @since 0.1.0
 */
export const partnerOf = <I extends Key, A>({ swap }: State<I, A>): Peer<I, A> | undefined => {
  switch (swap?._tag) {
    case "Initiator":
      return swap.candidate
    case "Choosing":
    case "Candidate":
      return swap.initiator
    case "Disconnected":
      return swap.old
    default:
      return undefined
  }
}
