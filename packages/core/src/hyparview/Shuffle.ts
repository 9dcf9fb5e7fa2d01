/**
 * Shuffle: how passive views stay fresh (paper §4.4). Once a cycle a node sends {itself} ∪ ka neighbours ∪ kp passive
 * entries on a random walk; where the walk ends, as many passive entries go back, straight to the origin, and both ends
 * integrate what they got. A node that knows few, and too few, does so in between as well (rule 4n).
 *
 * @since 0.1.0
 */
import type { Key, Peer, Sample } from "../Peer.ts"
import type { Shuffle, ShuffleReply } from "./Message.ts"
import { takeBeacon, withBeacon } from "./Beacon.ts"
import { emit, isNobody, type Transition } from "./State.ts"
import { integrate, randomNeighbor, sampleActive, sampleFor, sampleLimit, samplePassive, unlinked } from "./Views.ts"

/** Begins this cycle's shuffle, if there is a neighbour to begin it with. The one before gets no reply any more. */
export const shuffle = <I extends Key, A>(t: Transition<I, A>): void => {
  const { self } = t.state
  const first = randomNeighbor(t, self.id, self.id)
  if (first === undefined) return
  const sample = withBeacon(t, sampleFor(t, self.id), self.id)
  const requestId = openShuffle(t, sample.peers, false, undefined)
  const ttl = t.state.config.shuffleWalkLength
  emit(t, {
    _tag: "Send",
    to: first.peer,
    message: { _tag: "Shuffle", link: first.link, requestId, origin: self, ttl, sample }
  })
}

/**
 * Shuffles with a node that is not a neighbour, without a walk. Ours: the paper's shuffles go between neighbours only,
 * and cannot reach the other side of a cut. `stranger`: the reply shall tell whether it lives on another island.
 *
 * What comes this way has not come by the links of one overlay, and does not count as heard of lately (`unlinkedAge`).
 */
export const shuffleDirectly = <I extends Key, A>(t: Transition<I, A>, peer: Peer<I, A>, stranger: boolean): void => {
  const sample = withBeacon(t, sampleFor(t, peer.id), peer.id)
  const requestId = openShuffle(t, sample.peers, true, stranger ? peer : undefined)
  emit(t, {
    _tag: "Send",
    to: peer,
    message: { _tag: "Shuffle", link: undefined, requestId, origin: t.state.self, ttl: 1, sample }
  })
}

const openShuffle = <I extends Key, A>(
  t: Transition<I, A>,
  sent: ReadonlyArray<Peer<I, A>>,
  direct: boolean,
  stranger: Peer<I, A> | undefined
): number => {
  const { now, state } = t
  const requestId = state.nextRequestId++
  // No timer: the next cycle opens another in its place, and a reply after the deadline is not accepted.
  state.shuffle = { requestId, sent, deadline: now + state.config.cycleMillis, direct, stranger }
  return requestId
}

/**
 * A shuffle on its walk: decrement, then test. It goes on while ttl > 0 and there is a neighbour that is neither the
 * sender nor the origin; otherwise it is accepted here. A ttl of 6 is six deliveries.
 */
export const onShuffle = <I extends Key, A>(t: Transition<I, A>, from: Peer<I, A>, message: Shuffle<I, A>): void => {
  const { state } = t
  const { origin, requestId } = message
  if (origin.id === state.self.id || isNobody(origin)) return
  const sample = clamped(message.sample, sampleLimit(state) - 1)
  const ttl = Math.min(message.ttl, state.config.shuffleWalkLength) - 1
  if (ttl > 0 && state.active.length > 1 && message.link !== undefined) {
    const next = randomNeighbor(t, from.id, origin.id)
    if (next !== undefined) {
      emit(t, {
        _tag: "Send",
        to: next.peer,
        message: { _tag: "Shuffle", link: next.link, requestId, origin, ttl, sample }
      })
      return
    }
  }
  // Drawn before integration, so that nobody is told what it has just told us; never the origin. Neighbours stand in for
  // passive entries that are not there (8e): in a small cluster everybody knows everybody, but by links.
  const reply = { peers: [], ages: [] }
  const size = sample.peers.length + 1
  samplePassive(t, size, origin.id, reply)
  sampleActive(t, size - reply.peers.length, origin.id, reply)
  const told = withBeacon(t, reply, origin.id)
  emit(t, { _tag: "Send", to: origin, message: { _tag: "ShuffleReply", requestId, sample: told } })
  const direct = message.link === undefined
  const { ages, peers } = takeBeacon(t, { peers: [origin, ...sample.peers], ages: [0, ...sample.ages] }, direct)
  const heard = direct ? ages.map(unlinked) : ages
  integrate(t, peers, heard, told.peers)
}

/** What an honest sample holds: no walk carries more, however much it was given. */
const clamped = <I extends Key, A>(sample: Sample<I, A>, size: number): Sample<I, A> =>
  sample.peers.length <= size ? sample : { peers: sample.peers.slice(0, size), ages: sample.ages.slice(0, size) }

/**
 * The reply to the open shuffle: accepted once, in time, and no longer than what was asked. What it brings counts as a cycle
 * older. This node has just begun its cycle, and who replies has not: an entry that always goes on to whoever began last
 * would never age (and two islands that remember each other would take that for being one). A shuffle's own sample needs no
 * such thing; its sender has just aged it.
 */
export const onShuffleReply = <I extends Key, A>(t: Transition<I, A>, message: ShuffleReply<I, A>): void => {
  const { now, state } = t
  const open = state.shuffle
  if (open === undefined || open.requestId !== message.requestId || now > open.deadline) return
  state.shuffle = undefined
  const older = message.sample.ages.map((age) => age + 1)
  const told = { peers: message.sample.peers.slice(0, open.sent.length + 1), ages: older }
  const { ages, peers } = takeBeacon(t, told, open.direct)
  integrate(t, peers, open.direct ? ages.map(unlinked) : ages, open.sent)
}
