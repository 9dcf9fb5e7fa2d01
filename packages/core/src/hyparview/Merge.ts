/**
 * Finding the others again. A cut leaves two overlays that are each whole, with full views and nothing to repair. What
 * still joins them is memory: the graveyard of peers that stopped answering, and the contacts. Now and then one of them
 * is sounded out, never with a Join (Joins evict: an eviction storm). One that answers is followed by a direct shuffle,
 * and by a *bridge*: a rate-limited request that evicts one neighbour at either end.
 *
 * Rules P1 to P4 of `docs/protocol.md`. What mixes islands that hold nobody of each other in memory is `Beacon.ts`.
 *
 * @since 0.1.0
 */
import { jittered, nextBelow } from "../Random.ts"
import type { Key, Peer } from "../Peer.ts"
import type { ShuffleReply } from "./Message.ts"
import { beginMixing, isMixing, isOfAnotherIsland } from "./Beacon.ts"
import { ask, dial } from "./Requests.ts"
import { shuffleDirectly } from "./Shuffle.ts"
import { emit, isNobody, itemAt, type State, type Transition } from "./State.ts"
import {
  exhume,
  freeSlots,
  freshCycles,
  hasDeparted,
  indexInActive,
  indexInPassive,
  isLinking,
  keepPassive,
  passiveAt,
  peerAt,
  sampleLimit,
  unlinkedAge
} from "./Views.ts"

/** Sets when this node first looks for others: somewhere in the first period, so that nodes do not look as one. */
export const startLooking = <I extends Key, A>(t: Transition<I, A>): void => {
  const { now, state } = t
  state.search = { ...state.search, nextProbeAt: now + nextBelow(state, state.config.probeMillis + 1) }
}

/** Each cycle: probes a grave, or sounds out a contact, when it is time. */
export const lookForOthers = <I extends Key, A>(t: Transition<I, A>): void => {
  const { now, state } = t
  const { contactProbeMillis, cycleMillis, probeMillis, requestTimeoutMillis } = state.config
  const { contacts, search } = state
  const { graveyard } = state.memory
  const grave = peerAt(graveyard, nextBelow(state, Math.max(1, graveyard.ids.length)))
  if (probeMillis > 0 && now >= search.nextProbeAt && grave !== undefined && search.probe === undefined) {
    const nextProbeAt = now + jittered(state, probeMillis, 0.5)
    const nonce = state.nextNonce++
    state.search = { ...search, probe: { peer: grave, nonce, deadline: now + requestTimeoutMillis }, nextProbeAt }
    emit(t, { _tag: "Send", to: grave, message: { _tag: "Probe", nonce } })
  }
  // Each node takes its share, so that all who know each other sound out one contact in `contactProbeMillis` together.
  // Old entries may be of another island, which does not share the work; a small one would hardly look at all.
  let known = 1 + state.active.length
  for (const since of state.passive.since) if (state.cycle - since <= freshCycles) known++
  if (
    contacts.known.length > 0 &&
    nextBelow(state, contactProbeMillis * known) < cycleMillis &&
    contactProbeMillis > 0
  ) {
    const address = contacts.known[nextBelow(state, contacts.known.length)]
    if (address !== undefined) dial(t, address, "probe")
  }
  mix(t)
}

/**
 * Where islands met by a contact alone nobody is known to be of the far side: shuffles mix the passive views, and the links
 * stay as they were. So for a while each link is exchanged for one with anybody. An exchange among four nodes leaves all degrees
 * as they are, and any graph of these degrees becomes a random one by enough of them. Whoever has been told of nodes of the far
 * side begins with those.
 */
const mix = <I extends Key, A>(t: Transition<I, A>): void => {
  const { now, state } = t
  const { activeSize, cycleMillis, mixMillis } = state.config
  if (
    mixMillis === 0 ||
    !isMixing(state) ||
    state.active.length < activeSize ||
    nextBelow(state, mixMillis) >= cycleMillis
  )
    return
  if (now < state.search.nextBridgeAskAt) return
  const [stranger, ...others] = state.search.strangers
  const peer = stranger ?? passiveAt(state, nextBelow(state, Math.max(1, state.passive.ids.length)))
  if (stranger !== undefined) state.search = { ...state.search, strangers: others }
  if (peer !== undefined) meet(t, peer)
}

/** A buried peer answers: it is back, or the way to it is. */
export const onProbeReply = <I extends Key, A>(t: Transition<I, A>, from: Peer<I, A>, nonce: number): void => {
  const { probe } = t.state.search
  if (probe === undefined || probe.nonce !== nonce || probe.peer.id !== from.id) return
  t.state.search = { ...t.state.search, probe: undefined }
  if (indexInActive(t.state, from.id) >= 0) return
  exhume(t, from.id)
  keepPassive(t, from, unlinkedAge)
  shuffleDirectly(t, from, false)
  meet(t, from)
}

/** Whether this island has heard of a peer lately. */
const isFresh = <I extends Key, A>(state: State<I, A>, peer: Peer<I, A>): boolean => {
  if (peer.id === state.self.id || indexInActive(state, peer.id) >= 0) return true
  const since = itemAt(state.passive.since, indexInPassive(state, peer.id))
  return since !== undefined && state.cycle - since <= freshCycles
}

/**
 * A contact answers that may stand on another island, unless it has been heard of lately: its passive view will tell. With a
 * free slot there is no need to know: who is asked becomes a neighbour, or is full and at least known from then on.
 */
export const soundedOut = <I extends Key, A>(t: Transition<I, A>, peer: Peer<I, A>): void => {
  if (isFresh(t.state, peer)) return
  shuffleDirectly(t, peer, true)
  if (freeSlots(t.state) > 0) meet(t, peer)
}

/**
 * The reply to a direct shuffle with a contact: if there is nobody of whom both have heard lately, they live on two islands.
 * That they know each other, and others of the far side, proves nothing: they may from before the cut, or by a bridge that
 * has fallen. Looked at before the reply is integrated. Among many nodes that is often so within one island too; where nodes mix,
 * their beacons tell.
 */
export const recognizeStrangers = <I extends Key, A>(t: Transition<I, A>, message: ShuffleReply<I, A>): void => {
  const { state } = t
  const stranger = state.shuffle?.stranger
  if (stranger === undefined || state.shuffle?.requestId !== message.requestId) return
  const { ages, peers } = message.sample
  const isStranger = isOfAnotherIsland(state, stranger, message.sample)
  if (isStranger !== undefined) {
    if (!isStranger) return
    beginMixing(t, peers.slice(0, sampleLimit(state)))
    meet(t, stranger)
    return
  }
  const isShared = (peer: Peer<I, A>, index: number) => (ages[index] ?? 0) <= freshCycles && isFresh(state, peer)
  if (!isFresh(state, stranger) && !peers.some(isShared)) meet(t, stranger)
}

/**
 * Links with a peer of the other side, or with any: into a free slot if there is one, else by a bridge, once a period. A
 * stranger may have named anybody, this node itself and who has left included. The result is
 * whether it has been asked.
 */
export const meet = <I extends Key, A>(t: Transition<I, A>, peer: Peer<I, A>): boolean => {
  const { now, state } = t
  if (peer.id === state.self.id || indexInActive(state, peer.id) >= 0 || isLinking(state, peer.id)) return false
  if (isNobody(peer) || hasDeparted(state, peer)) return false
  if (freeSlots(state) > 0) {
    ask(t, peer, "repair")
    return true
  }
  // A slot that is free but promised is for repair to fill.
  if (state.active.length < state.config.activeSize) return false
  if (now < state.search.nextBridgeAskAt || state.pending.length >= state.config.activeSize) return false
  state.search = { ...state.search, nextBridgeAskAt: now + state.config.bridgeMillis }
  ask(t, peer, "bridge", 1)
  return true
}
