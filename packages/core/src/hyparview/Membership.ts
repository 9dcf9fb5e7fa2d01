/**
 * Asking for a link and being asked: Join and its random walk (paper §4.2), Neighbor (§4.3), Disconnect, NotNeighbor.
 * What an answer does to the asker stands in `Repair.ts`.
 *
 * @since 0.1.0
 */
import type { Key, LinkId, Peer, Sample } from "../Peer.ts"
import { noSample, sameLink } from "../Peer.ts"
import { admit, evictFor } from "./Admission.ts"
import { discoveryNotWithin } from "./Contacts.ts"
import type { Disconnect, ForwardJoin, Join, Neighbor, NeighborAnswer, NeighborReply } from "./Message.ts"
import { forget, onAnswer, priorityOf } from "./Repair.ts"
import { ask, evictsOnAcceptance } from "./Requests.ts"
import { emit, isNobody, itemAt, type Transition } from "./State.ts"
import {
  becomeJoined,
  freeSlots,
  handedOver,
  indexInActive,
  indexInPassive,
  integrate,
  isLinking,
  keepPassive,
  link,
  neighborOf,
  passiveAt,
  randomNeighbor,
  sampleFor,
  sampleLimit,
  stopAsking,
  unlink
} from "./Views.ts"

// --- being asked -----------------------------------------------------------------------------------------------------

/**
 * "A node that receives a join request starts by adding the new node to its active view, even if it has to drop a random
 * node from it", then sends a ForwardJoin to every other neighbour (paper §4.2). Over the rate it refuses with `limited`; a
 * neighbour, which holds no link to us if it joins, gets its link even then, but no walks.
 */
export const onJoin = <I extends Key, A>(t: Transition<I, A>, from: Peer<I, A>, message: Join): void => {
  const crossing = settleCrossing(t, from)
  if (crossing === "ours") return
  const isNeighbor = indexInActive(t.state, from.id) >= 0
  const retryAfterMillis = crossing === "theirs" ? 0 : admit(t, from.id)
  if (retryAfterMillis > 0 && !isNeighbor) return reply(t, from, message.requestId, "limited", retryAfterMillis)
  accept(t, from, message.requestId, false)
  if (retryAfterMillis > 0) return
  for (const { link, peer } of t.state.active) {
    if (peer.id === from.id) continue
    const ttl = t.state.config.activeWalkLength
    emit(t, { _tag: "Send", to: peer, message: { _tag: "ForwardJoin", link, joiner: from, ttl } })
  }
}

/**
 * A request to become a neighbour (paper §4.3): "a node that receives a high priority request will always accept it,
 * even if it has to drop a random member of its active view"; any other is accepted only into a free slot.
 */
export const onNeighbor = <I extends Key, A>(t: Transition<I, A>, from: Peer<I, A>, message: Neighbor): void => {
  const { now, state } = t
  const { requestId } = message
  const crossing = settleCrossing(t, from)
  if (crossing === "ours") return
  const unbiased = message.reason === "bridge"
  if (crossing === "theirs") return accept(t, from, requestId, unbiased)
  // A neighbour that asks again holds no link to us: the new one takes the place of the old.
  if (indexInActive(state, from.id) >= 0) return accept(t, from, requestId, unbiased)
  // A claim over the rate is worth no more than any repair, and so is a joinWalk: it gets a free slot or none.
  if (message.reason === "empty" && admit(t, from.id) === 0) return accept(t, from, requestId, false)
  if (hasSlotFor(t, from)) return accept(t, from, requestId, unbiased)
  if (message.reason === "bridge") {
    const waitMillis = state.search.nextBridgeAcceptAt - now
    if (waitMillis > 0) return reply(t, from, requestId, "limited", waitMillis)
    state.search = { ...state.search, nextBridgeAcceptAt: now + state.config.bridgeMillis }
    return accept(t, from, requestId, true, { moves: message.moves ?? 0 })
  }
  if (state.active.length < state.config.activeSize) return reply(t, from, requestId, "busy", 0)
  refuse(t, from, requestId)
  // At the end of a join's walk a full node may ask too: it has no slot to offer to the next one.
  if (message.reason === "joinWalk") return
  state.seeker = { peer: from, at: now }
}

/**
 * A slot that is neither filled nor promised, or one that is only promised to a request of ours, where the asker's id is
 * below ours: of two requests for one slot that of the lower id stands, as where two cross. If ours is accepted all the
 * same it is let go again; most often it would have been refused. (A slot that a round of X-BOT has promised is not given.)
 *
 * Ours. If promised slots were never given, nodes in the same need would refuse each other: with sends that fail, of a
 * thousand requests 35 were accepted and 640 answered `busy`. If they were always given, three nodes that ask each other
 * in a circle would all accept and all let go. The order of the ids admits no circle.
 */
const hasSlotFor = <I extends Key, A>({ state }: Transition<I, A>, asker: Peer<I, A>): boolean =>
  freeSlots(state) > 0 ||
  (asker.id < state.self.id && state.active.length + handedOver(state) < state.config.activeSize)

/**
 * Full. Whoever asks has a free slot, and so had the one who asked just before: the refusal names that one, for as long as
 * it is likely to be looking still, which is the first wait of a round. Two odd free slots far apart, which would not find
 * each other among thousands of full nodes, meet at any node that both have asked.
 *
 * Ours. At 10,000 nodes it halves the messages of the joins, and with them the repairs among neighbours of neighbours:
 * clustering after the joins is 0.0003, a random graph's, and was 0.0020.
 */
const refuse = <I extends Key, A>(t: Transition<I, A>, from: Peer<I, A>, requestId: number): void => {
  const { now, state } = t
  const { seeker } = state
  const [seekingMillis] = state.config.repairBackoffMillis
  const fresh = seeker !== undefined && seeker.peer.id !== from.id && now - seeker.at <= seekingMillis
  const sample = fresh ? { peers: [seeker.peer], ages: [0] } : noSample
  emit(t, {
    _tag: "Send",
    to: from,
    message: { _tag: "NeighborReply", requestId, answer: "full", retryAfterMillis: 0, sample }
  })
}

/**
 * Two requests that cross: the one of the lower id stands. Its sender ignores the other (`ours`); its receiver drops its
 * own and gives it the slot that it holds for that peer (`theirs`). A walk's or a bridge's request holds no slot, but
 * would have evicted on acceptance, and so does this one. Where the slot was filled meanwhile the request that arrives
 * is one like any other (`none`).
 */
const settleCrossing = <I extends Key, A>(t: Transition<I, A>, from: Peer<I, A>): "none" | "ours" | "theirs" => {
  const { state } = t
  const asking = state.pending.find((asking) => asking.peer.id === from.id)
  if (asking === undefined) return "none"
  if (state.self.id < from.id) return "ours"
  stopAsking(t, from.id)
  return state.active.length < state.config.activeSize || evictsOnAcceptance(asking) ? "theirs" : "none"
}

/** Accepts an asker, making room first if need be. A bridge is told who was evicted for it. */
const accept = <I extends Key, A>(
  t: Transition<I, A>,
  from: Peer<I, A>,
  requestId: number,
  unbiased: boolean,
  bridge?: { readonly moves: number }
): void => {
  const { state } = t
  const full = indexInActive(state, from.id) < 0 && state.active.length >= state.config.activeSize
  const evicted = full ? evictFor(t, from, bridge?.moves ?? 0) : undefined
  link(t, from, { asker: from.id, epoch: from.epoch, requestId }, false, unbiased)
  const told = bridge !== undefined && evicted !== undefined ? { peers: [evicted], ages: [0] } : noSample
  reply(t, from, requestId, "accepted", 0, told)
  becomeJoined(t, from)
}

const reply = <I extends Key, A>(
  t: Transition<I, A>,
  to: Peer<I, A>,
  requestId: number,
  answer: NeighborAnswer,
  retryAfterMillis: number,
  told: Sample<I, A> = noSample
): void => {
  const sample = answer === "limited" ? sampleFor(t, to.id) : told
  emit(t, { _tag: "Send", to, message: { _tag: "NeighborReply", requestId, answer, retryAfterMillis, sample } })
}

/**
 * A node that is no member answers requests, so that nobody waits for it, and lets go of what it is offered. One that has
 * left says so again: an answer like any other would keep it in passive views for as long as its process lives.
 */
export const answerAsStranger = <I extends Key, A>(
  t: Transition<I, A>,
  from: Peer<I, A>,
  message: Join | Neighbor | NeighborReply<I, A>
): void => {
  const { requestId } = message
  if (message._tag !== "NeighborReply") {
    if (t.state.status === "idle") return reply(t, from, requestId, "full", 0)
    const link = { asker: from.id, epoch: from.epoch, requestId }
    emit(t, {
      _tag: "Send",
      to: from,
      message: { _tag: "Disconnect", link, reason: "leaving", sample: noSample }
    })
    return
  }
  if (message.answer !== "accepted") return
  const { epoch, id } = t.state.self
  const link = { asker: id, epoch, requestId }
  emit(t, { _tag: "Send", to: from, message: { _tag: "NotNeighbor", link } })
}

// --- the join's random walk ------------------------------------------------------------------------------------------

/**
 * The random walk of a Join (paper §4.2 and Algorithm 1). The order matters: the end of the walk first; then PRWL,
 * compared *before* the decrement; then onwards to a neighbour that is neither the sender nor the joiner. An active walk
 * length of 6 is seven deliveries, ttl 6 … 0.
 *
 * The printed pseudocode ends a walk at |active| = 0, the text at 1; the text is right: with one neighbour, the sender,
 * there is nobody to go on to.
 */
export const onForwardJoin = <I extends Key, A>(
  t: Transition<I, A>,
  from: Peer<I, A>,
  message: ForwardJoin<I, A>
): void => {
  const { state } = t
  const { joiner } = message
  if (joiner.id === state.self.id || isNobody(joiner)) return
  const ttl = Math.min(message.ttl, state.config.activeWalkLength)
  if (!(ttl > 0) || state.active.length === 1) return welcome(t, joiner)
  if (ttl === state.config.passiveWalkLength) integrate(t, [joiner], [0], [])
  const next = randomNeighbor(t, from.id, joiner.id)
  if (next === undefined) return welcome(t, joiner)
  emit(t, {
    _tag: "Send",
    to: next.peer,
    message: { _tag: "ForwardJoin", link: next.link, joiner, ttl: ttl - 1 }
  })
}

/**
 * A join's walk ends here. Departs from the paper, which adds the joiner at once: this node asks it, and adds it on
 * acceptance, so that an unreachable joiner never enters a view and no link is one-sided. Its acceptance may evict, so it
 * costs a token, or a neighbour could evict all others by walks that no Join has begun; without one the joiner is only
 * kept as passive.
 */
const welcome = <I extends Key, A>(t: Transition<I, A>, joiner: Peer<I, A>): void => {
  const { state } = t
  if (indexInActive(state, joiner.id) >= 0 || isLinking(state, joiner.id)) return
  if (state.pending.length < state.config.activeSize && admit(t, joiner.id, true) === 0) ask(t, joiner, "joinWalk")
  else integrate(t, [joiner], [0], [])
}

// --- answers and ends ------------------------------------------------------------------------------------------------

/** The answer to a Join or Neighbor of ours. */
export const onNeighborReply = <I extends Key, A>(
  t: Transition<I, A>,
  from: Peer<I, A>,
  message: NeighborReply<I, A>
): void => {
  const answers = onAnswer(t, from, message)
  // A contact that is asked too often says when to come back; meanwhile its sample is somewhere else to go.
  if (answers && message.answer === "limited") discoveryNotWithin(t, message.retryAfterMillis)
}

/**
 * The other end of a link ends it: `evicted` keeps it as a passive entry, `leaving` purges that incarnation everywhere
 * and remembers it, so that old entries do not bring it back. Of another link than the one that stands: ignored.
 */
export const onDisconnect = <I extends Key, A>(
  t: Transition<I, A>,
  from: Peer<I, A>,
  message: Disconnect<I, A>
): void => {
  const { now, state } = t
  const index = indexInActive(state, from.id)
  const neighbor = itemAt(state.active, index)
  if (neighbor !== undefined && !sameLink(neighbor.link, message.link)) return
  if (message.reason === "leaving") {
    unlink(t, index, "left")
    forget(t, from.id)
    const { leftMemoryMillis, memorySize } = state.config
    const others = state.memory.departed.filter((gone) => gone.id !== from.id)
    const departed = [
      ...others.slice(Math.max(0, others.length - memorySize + 1)),
      { id: from.id, epoch: from.epoch, until: now + leftMemoryMillis }
    ]
    state.memory = { ...state.memory, departed }
    return
  }
  if (neighbor === undefined) return
  unlink(t, index, "disconnected")
  keepPassive(t, from)
  // Neither it nor whom it names as likely is thrown out for the rest of its sample.
  const likelyId = message.sample.peers[0]?.id ?? from.id
  integrate(t, message.sample.peers.slice(0, sampleLimit(state)), message.sample.ages, [], [from.id, likelyId])
  if (message.moves !== undefined) {
    // Evicted for a bridge: whoever the bridge's other end evicts has been told of us, and will ask in a moment.
    state.hole = { ...state.hole, moves: message.moves }
    state.round = { ...state.round, waiting: true }
    return
  }
  const likely = passiveAt(state, indexInPassive(state, likelyId))
  if (likely !== undefined && likely.id !== from.id && freeSlots(state) > 0 && !isLinking(state, likely.id)) {
    ask(t, likely, priorityOf(state))
  }
}

/** The peer holds no such link: so neither do we. */
export const onNotNeighbor = <I extends Key, A>(t: Transition<I, A>, from: Peer<I, A>, link: LinkId<I>): void => {
  const neighbor = neighborOf(t.state, from.id)
  if (neighbor === undefined || !sameLink(neighbor.link, link)) return
  unlink(t, indexInActive(t.state, from.id), "notNeighbor")
  keepPassive(t, from)
}
