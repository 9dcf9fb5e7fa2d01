/**
 * Which island this is. All nodes of an overlay agree, within a few cycles, on one of them: the one that has run for longest,
 * its *beacon*. It travels as an entry of shuffles, and like any entry's its age grows with each cycle and only it resets it:
 * when it dies, or a cut takes it away, it ages until the next oldest takes its place.
 *
 * So an older beacon than the one that has long been agreed on comes from another island, and says that the two have met.
 * Whoever joins is younger than all, and changes nothing. Where islands met by one link, this is how everybody hears of it,
 * and mixes (`Merge.ts`). Ours, like all of merging; only where `mixMillis` is not 0.
 *
 * @since 0.1.0
 */
import type { Key, Peer, Sample } from "../Peer.ts"
import { none, type State, type Transition } from "./State.ts"

/** A beacon that nobody has renewed for so many cycles is gone. News crosses 10,000 nodes in about twelve. */
const beaconCycles = 30

/** A beacon that has been held for so long is what this island agrees on. */
const settledCycles = 15

/** How long a node mixes after it has heard that its island met another: ten exchanges and more with the shortest period. */
const mixingCycles = 30

/** Whether this node still mixes. */
export const isMixing = <I extends Key, A>({ cycle, search }: State<I, A>): boolean => cycle < search.mixUntil

/** Each cycle: this node itself, if it is the oldest that it knows of; and what has not been renewed is forgotten. */
export const keepBeacon = <I extends Key, A>(t: Transition<I, A>): void => {
  const { state } = t
  const { cycle, self } = state
  const { beacon } = state.search
  const isOurs = beacon?.peer.id === self.id
  const isOver =
    beacon === undefined || cycle - beacon.since > beaconCycles || (isOurs && beacon.peer.epoch !== self.epoch)
  if (isOver || isOlder(self, beacon.peer)) {
    state.search = { ...state.search, beacon: { peer: self, since: cycle, heldSince: cycle } }
  } else if (isOurs) {
    state.search = { ...state.search, beacon: { ...beacon, since: cycle } }
  }
}

/** A sample that tells of the beacon, in place of its last entry. */
export const withBeacon = <I extends Key, A>(
  { state }: Transition<I, A>,
  sample: Sample<I, A>,
  receiver: I
): Sample<I, A> => {
  const { beacon } = state.search
  const { peers } = sample
  if (beacon === undefined || beacon.peer.id === receiver || peers.length === 0) return sample
  if (peers.some((peer) => peer.id === beacon.peer.id)) return sample
  return {
    peers: [...peers.slice(0, -1), beacon.peer],
    ages: [...sample.ages.slice(0, -1), state.cycle - beacon.since]
  }
}

/**
 * What a sample tells of beacons, and the rest of it. What tells of the beacon puts it into no passive view: else it would stand
 * in all of them, and be asked by all who have lost a neighbour. `direct`: it has not come by the links of one overlay, and so
 * does not renew the beacon: else two islands that had the same one before they parted, and sound each other out, would by
 * that alone hold each other for one.
 */
export const takeBeacon = <I extends Key, A>(
  t: Transition<I, A>,
  sample: Sample<I, A>,
  direct: boolean
): Sample<I, A> => {
  const { state } = t
  if (state.search.beacon === undefined) return sample
  for (let i = 0; i < sample.peers.length; i++) {
    const peer = sample.peers[i]
    const age = sample.ages[i] ?? 0
    if (peer !== undefined && age >= 0 && age <= beaconCycles) heed(t, peer, state.cycle - age, direct)
  }
  const { beacon } = state.search
  const at = sample.peers.findIndex((peer) => peer.id === beacon?.peer.id)
  return at < 0 ? sample : { peers: sample.peers.toSpliced(at, 1), ages: sample.ages.toSpliced(at, 1) }
}

/**
 * Whether the reply of a node shows that it is of another island: it names another beacon than ours. Undefined where that
 * cannot be told: nodes do not mix, this node is the beacon itself, which nobody tells it, or the reply names nobody.
 */
export const isOfAnotherIsland = <I extends Key, A>(
  { search, self }: State<I, A>,
  peer: Peer<I, A>,
  reply: Sample<I, A>
): boolean | undefined => {
  const { beacon } = search
  if (beacon === undefined || beacon.peer.id === self.id || reply.peers.length === 0) return undefined
  return peer.id !== beacon.peer.id && !reply.peers.some(({ id }) => id === beacon.peer.id)
}

/** This node's island has met another: it mixes for a while, at first with those of the other whom it has been told of. */
export const beginMixing = <I extends Key, A>(
  { state }: Transition<I, A>,
  strangers: ReadonlyArray<Peer<I, A>>
): void => {
  const mixUntil = state.cycle + mixingCycles
  state.search = { ...state.search, mixUntil, strangers: strangers.length > 0 ? strangers : state.search.strangers }
}

const heed = <I extends Key, A>(t: Transition<I, A>, peer: Peer<I, A>, since: number, direct: boolean): void => {
  const { state } = t
  const { beacon } = state.search
  if (beacon === undefined || peer.id === state.self.id) return
  if (peer.id === beacon.peer.id && peer.epoch === beacon.peer.epoch) {
    if (since > beacon.since && !direct) state.search = { ...state.search, beacon: { ...beacon, since } }
    return
  }
  if (!isOlder(peer, beacon.peer)) return
  if (state.cycle - beacon.heldSince >= settledCycles) beginMixing(t, none)
  state.search = { ...state.search, beacon: { peer, since, heldSince: state.cycle } }
}

/** An epoch is when a node started, where its process has a clock. */
const isOlder = <I extends Key, A>(a: Peer<I, A>, b: Peer<I, A>): boolean =>
  a.epoch < b.epoch || (a.epoch === b.epoch && a.id < b.id)
