/**
 * Repair: the obligation to fill free slots of the active view (paper §4.3), and to ask Discovery when nobody is left to
 * ask. It is not an event but a condition: `refill` looks at it at the end of every transition.
 *
 * A *round* asks random passive peers, one request for each free slot, none twice. Every outcome of a request advances
 * it: accepted, refused, a dial that failed, silence, the peer becoming a neighbour some other way. A round that has
 * tried everybody waits, each time twice as long; a new passive entry or a freed slot ends the wait. Where few are known, a
 * shuffle at the end of a wait may bring more (rule 4n).
 *
 * @since 0.1.0
 */
import { jittered, nextBelow } from "../Random.ts"
import type { Key, LinkId, Peer } from "../Peer.ts"
import { evictFor, evictForBridge } from "./Admission.ts"
import type { NeighborReply } from "./Message.ts"
import type { DownReason } from "./Protocol.ts"
import { ask, evictsOnAcceptance } from "./Requests.ts"
import { shuffle } from "./Shuffle.ts"
import {
  type Asking,
  emit,
  freshRound,
  itemAt,
  none,
  type Round,
  setTimer,
  type State,
  type Transition,
  without
} from "./State.ts"
import {
  becomeJoined,
  bury,
  dropPassive,
  exhume,
  freeSlots,
  holds,
  indexInActive,
  indexInPassive,
  integrate,
  isLinking,
  keepPassive,
  link,
  neighborOf,
  passiveAt,
  sampleFor,
  sampleLimit,
  stopAsking,
  unlink,
  unlinked,
  unlinkedAge
} from "./Views.ts"

/**
 * Keeps the obligation: asks somebody for each free slot, or begins the wait, or turns to Discovery.
 */
export const refill = <I extends Key, A>(t: Transition<I, A>): void => {
  const { state } = t
  while (!state.round.waiting && freeSlots(state) > 0) {
    const candidate = nextCandidate(t)
    if (candidate === undefined) {
      // Requests under way may still fill the slots, or free their peers for a later round.
      if (state.pending.length === 0) beginWait(t)
      break
    }
    ask(t, candidate, priorityOf(state))
  }
  keepWait(t)
}

/**
 * A wait ends by its timer. With nobody to try again, nor to hear of, there is none: news ends it, or somebody who has been
 * tried.
 */
const keepWait = <I extends Key, A>(t: Transition<I, A>): void => {
  const { now, state } = t
  const { waiting, waitMillis } = state.round
  if (!waiting || freeSlots(state) <= 0 || state.timers.Repair.nonce !== 0) return
  if (onlyNewsHelps(state)) return
  const [first] = state.config.repairBackoffMillis
  state.round = { ...state.round, waitMillis: Math.max(first, waitMillis) }
  setTimer(t, "Repair", now + jittered(state, state.round.waitMillis, 0.5))
}

/** A random passive peer that this round has not tried and with which no link is being made. */
const nextCandidate = <I extends Key, A>(t: Transition<I, A>): Peer<I, A> | undefined => {
  const { state } = t
  const { passive, round } = state
  if (round.lead !== undefined && isEligible(state, round.lead)) {
    const lead = passiveAt(state, indexInPassive(state, round.lead))
    if (lead !== undefined) return lead
  }
  const eligible: Array<number> = []
  for (let i = 0; i < passive.ids.length; i++) {
    const id = passive.ids[i]
    if (id !== undefined && isEligible(state, id)) eligible.push(i)
  }
  const index = eligible.length === 0 ? undefined : eligible[nextBelow(state, eligible.length)]
  return index === undefined ? undefined : passiveAt(state, index)
}

const isEligible = <I extends Key, A>(state: State<I, A>, id: I): boolean =>
  !holds(state.round.tried, id) && !isLinking(state, id)

/** This round has nobody left to ask: wait, and find out whether Discovery must help. */
const beginWait = <I extends Key, A>(t: Transition<I, A>): void => {
  const { now, state } = t
  // Where only news can help nobody has refused; nor is there a wait where somebody busy is asked again soon. A wait that news
  // has interrupted goes on: the same round has tried everybody again.
  const interrupted = state.round.waitMillis > 0 && state.timers.Repair.nonce !== 0
  if (onlyNewsHelps(state) || state.round.busy.length > 0 || interrupted) {
    state.round = { ...state.round, waiting: true }
    return
  }
  const [first, longest] = state.config.repairBackoffMillis
  const waitMillis = Math.min(longest, Math.max(first, 2 * state.round.waitMillis))
  state.round = { ...state.round, waiting: true, waitMillis }
  setTimer(t, "Repair", now + jittered(state, waitMillis, 0.5))
  moveHole(t)
}

/**
 * Whether a shuffle at the end of this wait may name somebody new (4n): where all that this node has ever heard of would fit
 * a passive view, its cluster is small, or it has only just come. Waits as long as a cycle need none, for the cycle brings one.
 *
 * Ours: the paper's shuffles keep time alone, and a node of six that has not heard of one of them waits for that.
 */
const mayHearOfMore = <I extends Key, A>({ active, config, memory, passive, round }: State<I, A>): boolean =>
  active.length > 0 &&
  round.waitMillis < config.cycleMillis &&
  active.length + passive.ids.length + memory.graveyard.ids.length < config.passiveSize

/** Nobody is to be tried again, nor heard of by a shuffle: a wait would end with nothing to do. */
const onlyNewsHelps = <I extends Key, A>(state: State<I, A>): boolean =>
  state.passive.ids.length === 0 && !mayHearOfMore(state)

/** The priority of a request: high for whoever has no neighbour, but for one request at a time, since it may evict somebody (4c). */
export const priorityOf = <I extends Key, A>({ active, pending }: State<I, A>): "empty" | "repair" =>
  active.length === 0 && !pending.some((asking) => asking.reason === "empty") ? "empty" : "repair"

/**
 * Everybody this node knows is full, again and again: the odd free slot cannot be filled here. It may be elsewhere: two
 * nodes with a free slot each that are neighbours already, or one node with two, are stuck for ever, since a repair
 * evicts nobody. So the hole moves: somebody is asked with `bridge`, evicts a neighbour for us, and that neighbour may
 * know what we do not. Where the number of slots is odd one hole must remain; so it carries with it how often it has
 * moved, and rests twice as long at each node as at the one before. Two at one node are no odd slot that must remain, and
 * rest only half as long again. These rests and the waits of rounds bound it here; the period of bridges (P4) does so where it is asked.
 *
 * Ours: the paper leaves such slots free.
 */
const moveHole = <I extends Key, A>(t: Transition<I, A>): void => {
  const { now, state } = t
  const [first] = state.config.repairBackoffMillis
  const restMillis = first * restsOf(state.hole.moves, freeSlots(state) > 1 ? 1.5 : 2)
  if (now - state.hole.since < restMillis || state.active.length === 0) return
  const peer = passiveAt(state, nextBelow(state, state.passive.ids.length))
  if (peer !== undefined && !isLinking(state, peer.id)) ask(t, peer, "bridge", Math.min(255, state.hole.moves + 1))
}

/** How many first waits a hole rests that has moved so often: 2, then `growth` times as many with each move. */
const restsOf = (moves: number, growth: number): number => {
  let rests = 2
  for (let move = 0; move < moves && rests < longestRest; move++) rests *= growth
  return Math.min(rests, longestRest)
}

/** 2¹² seconds, a bit more than an hour, with the default first wait: a hole at rest. */
const longestRest = 4_096

/** The Repair timer: whoever was busy, or everybody after a wait, may be asked again. */
export const onRepairTimer = <I extends Key, A>(t: Transition<I, A>): void => {
  const { state } = t
  const { busy, retried, tried, waiting, waitMillis } = state.round
  if (waiting && busy.length === 0) {
    state.round = { ...freshRound, waitMillis }
    if (freeSlots(state) > 0 && mayHearOfMore(state)) shuffle(t)
    return
  }
  state.round = {
    tried: tried.filter((id) => !busy.includes(id)),
    busy: none,
    retried: [...retried, ...busy].slice(0, state.config.memorySize),
    waiting: false,
    waitMillis,
    lead: undefined
  }
}

/** Leaves a peer out of the rest of this round. */
const markTried = <I extends Key, A>(t: Transition<I, A>, id: I): void => {
  const { config, round } = t.state
  if (holds(round.tried, id)) return
  const limit = Math.max(config.memorySize, config.passiveSize)
  const { lead, retried, waiting, waitMillis } = round
  let { busy, tried } = round
  if (tried.length >= limit) {
    const [forgotten, ...others] = tried
    tried = others
    busy = busy.filter((other) => other !== forgotten)
  }
  t.state.round = { tried: [...tried, id], busy, retried, waiting, waitMillis, lead }
}

/**
 * A busy peer is asked again after a short, random while, once a round: its own requests will have been answered by then,
 * or it waits for a time-out, and asking it again and again would only add to the traffic of a bad hour.
 */
const markBusy = <I extends Key, A>(t: Transition<I, A>, id: I): void => {
  const { now, state } = t
  markTried(t, id)
  const { busy, retried } = state.round
  if (retried.includes(id) || busy.length + retried.length >= state.config.memorySize) return
  const round: Round<I> = { ...state.round, busy: [...busy, id] }
  state.round = round
  if (state.timers.Repair.nonce === 0 || state.timers.Repair.at > now + 2 * state.config.busyRetryMillis) {
    setTimer(t, "Repair", now + jittered(state, state.config.busyRetryMillis, 0.5))
  }
}

/** An answer; true if it is one to a request of ours. */
export const onAnswer = <I extends Key, A>(
  t: Transition<I, A>,
  from: Peer<I, A>,
  message: NeighborReply<I, A>
): boolean => {
  const { state } = t
  const index = state.pending.findIndex(
    (asking) => asking.requestId === message.requestId && asking.peer.id === from.id
  )
  const asking = itemAt(state.pending, index)
  if (asking === undefined) {
    if (message.answer === "accepted") onUnmatchedAcceptance(t, from, message.requestId)
    return false
  }
  state.pending = without(state.pending, index)
  switch (message.answer) {
    case "accepted":
      onAccepted(t, asking, from, message.sample.peers[0])
      return true
    case "full": {
      markTried(t, from.id)
      const lead = message.sample.peers[0]
      if (lead !== undefined && lead.id !== state.self.id && state.round.tried.length < state.config.passiveSize) {
        integrate(t, [lead], [unlinkedAge], [])
        const { busy, retried, tried, waiting, waitMillis } = state.round
        state.round = { tried, busy, retried, waiting, waitMillis, lead: lead.id }
      }
      break
    }
    case "busy":
      markBusy(t, from.id)
      break
    case "limited":
      markTried(t, from.id)
      integrate(t, message.sample.peers.slice(0, sampleLimit(state)), message.sample.ages.map(unlinked), [])
      break
  }
  // It answered, so it lives; a full joiner whose walk ended here is kept the same way. But it may be of another island.
  keepPassive(t, from, unlinkedAge)
  return true
}

/** `evicted`: whom the other end of a bridge has evicted for us. */
const onAccepted = <I extends Key, A>(
  t: Transition<I, A>,
  asking: Asking<I, A>,
  from: Peer<I, A>,
  evicted: Peer<I, A> | undefined
): void => {
  const { state } = t
  const id: LinkId<I> = { asker: state.self.id, epoch: state.self.epoch, requestId: asking.requestId }
  if (state.active.length >= state.config.activeSize) {
    if (!evictsOnAcceptance(asking)) {
      // "An acceptance of a repair that finds active = A evicts nobody": the slot was filled some other way meanwhile.
      emit(t, {
        _tag: "Send",
        to: from,
        message: { _tag: "Disconnect", link: id, reason: "evicted", sample: sampleFor(t, from.id) }
      })
      keepPassive(t, from, unlinkedAge)
      return
    }
    // Both ends of a bridge have evicted: of the two links that are gone another can be made.
    if (asking.reason === "bridge") evictForBridge(t, evicted ?? from)
    else evictFor(t, from, 0)
  }
  link(t, from, id, !evictsOnAcceptance(asking), asking.reason === "bridge")
  becomeJoined(t, from)
}

/** An acceptance that matches no open request changes no view; the other side is told to let go. */
const onUnmatchedAcceptance = <I extends Key, A>(t: Transition<I, A>, from: Peer<I, A>, requestId: number): void => {
  const { self } = t.state
  const held = neighborOf(t.state, from.id)?.link
  // The same acceptance twice (a network that duplicates): the link stands.
  if (held !== undefined && held.requestId === requestId && held.asker === self.id && held.epoch === self.epoch) return
  emit(t, {
    _tag: "Send",
    to: from,
    message: { _tag: "NotNeighbor", link: { asker: self.id, epoch: self.epoch, requestId } }
  })
}

/**
 * The link to a peer, or the attempt to open one, failed: it is dead as far as this node can see. A neighbour goes to
 * the graveyard, not to passive; so does a passive entry that could not be connected.
 */
export const onUnreachable = <I extends Key, A>(t: Transition<I, A>, peer: Peer<I, A>): void => {
  const { state } = t
  const index = state.pending.findIndex((asking) => isNewsOf(peer, asking.peer))
  if (index >= 0) state.pending = without(state.pending, index)
  const known = passiveAt(state, indexInPassive(state, peer.id))
  if (known === undefined ? index < 0 : !isNewsOf(peer, known)) return
  markTried(t, peer.id)
  bury(t, peer)
}

/** Whether the failure of an incarnation is one of a peer as it is known: if that is a newer one, it may be well (rule 7c). */
export const isNewsOf = <I extends Key, A>(lost: Peer<I, A>, known: Peer<I, A>): boolean =>
  known.id === lost.id && known.epoch <= lost.epoch

/** A neighbour's link failed. */
export const onNeighborFailed = <I extends Key, A>(t: Transition<I, A>, peer: Peer<I, A>, reason: DownReason): void => {
  const index = indexInActive(t.state, peer.id)
  if (index < 0) return
  unlink(t, index, reason)
  bury(t, peer)
}

/** Connected but silent: suspect at first, gone the second time. */
export const onSilent = <I extends Key, A>(t: Transition<I, A>, peer: Peer<I, A>): void => {
  const { state } = t
  markTried(t, peer.id)
  if (indexInPassive(state, peer.id) < 0) return
  const { suspects } = state.memory
  if (suspects.includes(peer.id)) {
    bury(t, peer)
    return
  }
  const later = suspects.slice(Math.max(0, suspects.length - state.config.memorySize + 1))
  state.memory = { ...state.memory, suspects: [...later, peer.id] }
}

/** Forgets an id everywhere, for ever. */
export const forget = <I extends Key, A>(t: Transition<I, A>, id: I): void => {
  dropPassive(t, id)
  exhume(t, id)
  stopAsking(t, id)
}
