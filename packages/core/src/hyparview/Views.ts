/**
 * The only functions that change the active view, the passive view and the graveyard, so that what must always hold is
 * kept in one place: self stands in none of them; no id stands in two; each is within its bound; and each change of the
 * active view is told to the application.
 *
 * @since 0.1.0
 */
import { nextBelow } from "../Random.ts"
import { type Key, type LinkId, type Peer, type Sample, sameLink } from "../Peer.ts"
import { maxAge } from "../wire/Limits.ts"
import { givenOf, partnerOf } from "./optimization/Part.ts"
import type { DownReason } from "./Protocol.ts"
import {
  type Draft,
  emit,
  freshRound,
  isNobody,
  itemAt,
  type Neighbor,
  none,
  type Passive,
  type Peers,
  type State,
  type Transition,
  without
} from "./State.ts"

// --- looking ---------------------------------------------------------------------------------------------------------

/** Where an id stands in the active view; −1 where it does not. */
export const indexInActive = <I extends Key, A>({ active }: State<I, A>, id: I): number => {
  for (let i = 0; i < active.length; i++) if (active[i]?.id === id) return i
  return -1
}

/**
 * The neighbour with this id.
 *
 * @category queries
 * @since 0.1.0
 */
export const neighborOf = <I extends Key, A>(state: State<I, A>, id: I): Neighbor<I, A> | undefined =>
  itemAt(state.active, indexInActive(state, id))

/** Where an id stands in the passive view; −1 where it does not. */
export const indexInPassive = <I extends Key, A>({ passive }: State<I, A>, id: I): number => indexOf(passive.ids, id)

/** The peer of an entry; undefined where there is none. */
export const peerAt = <I extends Key, A>(
  { addresses, epochs, ids }: Peers<I, A>,
  index: number
): Peer<I, A> | undefined => {
  const id = itemAt(ids, index)
  const epoch = itemAt(epochs, index)
  const address = itemAt(addresses, index)
  return id === undefined || epoch === undefined || address === undefined ? undefined : { id, epoch, address }
}

/** The peer of a passive entry; undefined where there is none. */
export const passiveAt = <I extends Key, A>({ passive }: State<I, A>, index: number): Peer<I, A> | undefined =>
  peerAt(passive, index)

/**
 * The peers of the passive view, in its order.
 *
 * @category queries
 * @since 0.1.0
 */
export const passivePeers = <I extends Key, A>(state: State<I, A>): ReadonlyArray<Peer<I, A>> => peersOf(state.passive)

/**
 * The peers that stopped answering, the oldest grave first.
 *
 * @category queries
 * @since 0.1.0
 */
export const buriedPeers = <I extends Key, A>(state: State<I, A>): ReadonlyArray<Peer<I, A>> =>
  peersOf(state.memory.graveyard)

const peersOf = <I extends Key, A>(peers: Peers<I, A>): ReadonlyArray<Peer<I, A>> =>
  peers.ids.flatMap((_, index) => peerAt(peers, index) ?? [])

/** `Array.indexOf`, in line: a call costs more than the few entries that it would look at. */
export const indexOf = <B>(items: ReadonlyArray<B>, item: B): number => {
  for (let i = 0; i < items.length; i++) if (items[i] === item) return i
  return -1
}

/** Whether a short list holds an id. */
export const holds = <I extends Key>(ids: ReadonlyArray<I>, id: I): boolean => indexOf(ids, id) >= 0

/** Whether a request for a link with this id is under way. */
export const isAsking = <I extends Key, A>(state: State<I, A>, id: I): boolean => {
  const { pending } = state
  for (let i = 0; i < pending.length; i++) if (pending[i]?.peer.id === id) return true
  return false
}

/**
 * Whether a link with this id is being made, by a request or in a round of X-BOT: then nobody asks for another. Of two answers
 * about two links the one that comes last would undo the other at one end only.
 */
export const isLinking = <I extends Key, A>(state: State<I, A>, id: I): boolean =>
  isAsking(state, id) || partnerOf(state)?.id === id

/** Active slots that are neither filled nor promised to a request, or a round of X-BOT, under way. */
export const freeSlots = <I extends Key, A>(state: State<I, A>): number =>
  state.config.activeSize - state.active.length - state.pending.length - handedOver(state)

/** Where a link stands in the active view; −1 where it does not, or another with the same peer does. */
export const indexOfLink = <I extends Key, A>(state: State<I, A>, id: I, link: LinkId<I>): number => {
  const index = indexInActive(state, id)
  const neighbor = itemAt(state.active, index)
  return neighbor !== undefined && sameLink(neighbor.link, link) ? index : -1
}

/**
 * Whether a link is one of the F longest-held self-chosen ones: no other node can make this one give it away (rules B2
 * and X5).
 */
export const isProtected = <I extends Key, A>({ active, config }: State<I, A>, index: number): boolean => {
  if (itemAt(active, index)?.chosen !== true) return false
  let before = 0
  for (let i = 0; i < index; i++) if (active[i]?.chosen === true) before++
  return before < config.protectedLinks
}

/** 1 while the link to be given away is gone, and the one that takes its place is not there: its slot is not to be filled. */
export const handedOver = <I extends Key, A>(state: State<I, A>): 0 | 1 => {
  const given = givenOf(state)
  return given === undefined || indexInActive(state, given.peer.id) >= 0 ? 0 : 1
}

/** Whether this incarnation, or a later one, has said goodbye. */
export const hasDeparted = <I extends Key, A>(state: State<I, A>, peer: Peer<I, A>): boolean => {
  for (const gone of state.memory.departed) if (gone.id === peer.id) return peer.epoch <= gone.epoch
  return false
}

/** A random neighbour that is none of the two ids. */
export const randomNeighbor = <I extends Key, A>(
  t: Transition<I, A>,
  notThis: I,
  norThis: I
): Neighbor<I, A> | undefined => {
  const { active } = t.state
  let eligible = 0
  for (let i = 0; i < active.length; i++) {
    const id = active[i]?.id
    if (id !== notThis && id !== norThis) eligible++
  }
  if (eligible === 0) return undefined
  let skip = nextBelow(t.state, eligible)
  for (let i = 0; i < active.length; i++) {
    const neighbor = active[i]
    if (neighbor === undefined || neighbor.id === notThis || neighbor.id === norThis) continue
    if (skip-- === 0) return neighbor
  }
  return undefined
}

// --- the active view -------------------------------------------------------------------------------------------------

/**
 * Makes a peer a neighbour. The caller has made room. The peer leaves the passive view and the graveyard, and a request
 * to it that is still under way has lost its purpose.
 */
export const link = <I extends Key, A>(
  t: Transition<I, A>,
  peer: Peer<I, A>,
  id: LinkId<I>,
  chosen: boolean,
  unbiased = false
): void => {
  const { state } = t
  const neighbor = { id: peer.id, peer, link: id, chosen, heardIn: state.heartbeatRound, unbiased }
  const index = indexInActive(state, peer.id)
  const held = itemAt(state.active, index)
  if (held !== undefined) {
    state.active = state.active.with(index, neighbor)
    if (!sameLink(held.link, id)) emit(t, { _tag: "LinkRenewed", peer })
    return
  }
  dropPassive(t, peer.id)
  exhume(t, peer.id)
  stopAsking(t, peer.id)
  state.active = [...state.active, neighbor]
  // A full view ends the round; a later one starts afresh.
  if (state.active.length === state.config.activeSize) state.round = freshRound
  emit(t, { _tag: "NeighborUp", peer })
}

/**
 * Ends the link with the neighbour at `index`. A freed slot starts a repair round that leaves out whoever just showed
 * that it has no room for us.
 */
export const unlink = <I extends Key, A>(t: Transition<I, A>, index: number, reason: DownReason): void => {
  const { state } = t
  const neighbor = itemAt(state.active, index)
  if (neighbor === undefined) return
  state.active = without(state.active, index)
  const isLeftOut = reason === "disconnected" || reason === "notNeighbor" || reason === "evicted"
  state.round = isLeftOut ? { ...freshRound, tried: [neighbor.peer.id] } : freshRound
  state.hole = { since: t.now, moves: 0 }
  emit(t, { _tag: "NeighborDown", peer: neighbor.peer, reason })
}

/**
 * Puts a link in the place of the one at `index`, in one go: the view's size stays what it is, no slot is free between, and
 * no repair begins. Whose link is given away lives, and stays known.
 */
export const exchange = <I extends Key, A>(
  t: Transition<I, A>,
  index: number,
  peer: Peer<I, A>,
  id: LinkId<I>,
  chosen: boolean
): void => {
  const { state } = t
  const given = state.active[index]
  if (given === undefined) return
  dropPassive(t, peer.id)
  exhume(t, peer.id)
  stopAsking(t, peer.id)
  const neighbor = { id: peer.id, peer, link: id, chosen, heardIn: state.heartbeatRound, unbiased: false }
  state.active = [...without(state.active, index), neighbor]
  emit(t, { _tag: "NeighborDown", peer: given.peer, reason: "optimized" })
  emit(t, { _tag: "NeighborUp", peer })
  keepPassive(t, given.peer)
}

/** A node that was joining has its first link: it is joined, and says so. */
export const becomeJoined = <I extends Key, A>(t: Transition<I, A>, peer: Peer<I, A>): void => {
  if (t.state.status !== "joining") return
  t.state.status = "joined"
  emit(t, { _tag: "Joined", peer })
}

/** A request to this id is not under way any more. */
export const stopAsking = <I extends Key, A>(t: Transition<I, A>, id: I): void => {
  const { state } = t
  if (isAsking(state, id)) state.pending = state.pending.filter((asking) => asking.peer.id !== id)
}

// --- the passive view ------------------------------------------------------------------------------------------------

/**
 * Adds a peer that has just proved to be alive to the passive view, or freshens its entry. It is suspect no more. If it was no
 * neighbour, its age is `unlinkedAge`.
 */
export const keepPassive = <I extends Key, A>(t: Transition<I, A>, peer: Peer<I, A>, age = 0): void => {
  exhume(t, peer.id)
  clearSuspicion(t, peer.id)
  integrate(t, [peer], [age], [])
}

/**
 * An entry that has not been renewed for longer may be of another island (`Merge.ts`). Within one a peer that lives is heard
 * of again and again; across a cut its entry only ages. A small cluster's entries are renewed every n / 4 cycles or so, and a
 * large one's are replaced sooner.
 */
export const freshCycles = 10

/**
 * What has come by no link of the overlay does not count as heard of lately, whoever said it: else two islands that ask and
 * answer each other would, by that alone, hold each other for one.
 */
export const unlinkedAge = freshCycles + 1

/** The age of an entry that has come so. */
export const unlinked = (age: number): number => (age > freshCycles ? age : unlinkedAge)

/**
 * Integrates what an exchange has brought (paper §4.4): skip self, neighbours, the departed and the buried; of two
 * entries for one id keep the higher epoch, and at equal epochs the younger; when the view is full, evict first the ids
 * this exchange *sent*, then random ones. Where age counts (rule 8l) it is the oldest that goes, be it the newcomer. Who is
 * `staying` does not make room.
 */
export const integrate = <I extends Key, A>(
  t: Transition<I, A>,
  peers: ReadonlyArray<Peer<I, A>>,
  ages: ReadonlyArray<number>,
  sent: ReadonlyArray<Peer<I, A>>,
  staying: ReadonlyArray<I> = none
): void => {
  const { state } = t
  const { passiveSize } = state.config
  let draft: PassiveDraft<I, A> | undefined
  let nextSent = 0
  for (let i = 0; i < peers.length; i++) {
    const peer = peers[i]
    if (peer === undefined || peer.id === state.self.id || indexInActive(state, peer.id) >= 0) continue
    if (isNobody(peer)) continue
    if (state.memory.departed.length > 0 && hasDeparted(state, peer)) continue
    const bornAt = state.cycle - trueAge(ages[i])
    const { epochs, ids, since } = draft ?? state.passive
    const known = indexOf(ids, peer.id)
    if (known >= 0) {
      const oldEpoch = epochs[known] ?? 0
      if (oldEpoch > peer.epoch || (oldEpoch === peer.epoch && (since[known] ?? 0) >= bornAt)) continue
      draft ??= draftOf(state)
      write(draft, known, peer, bornAt)
      // A later incarnation has not been silent.
      if (oldEpoch < peer.epoch) clearSuspicion(t, peer.id)
      continue
    }
    const { graveyard } = state.memory
    const grave = indexOf(graveyard.ids, peer.id)
    if (grave >= 0) {
      // Hearsay does not raise the dead: only the peer itself does, or news of a later incarnation.
      if ((graveyard.epochs[grave] ?? 0) >= peer.epoch) continue
      exhume(t, peer.id)
    }
    draft ??= draftOf(state)
    if (draft.ids.length < passiveSize) write(draft, draft.ids.length, peer, bornAt)
    else {
      let victim = -1
      if (ageCounts(state)) {
        victim = oldestOf(draft.since)
        // Nobody younger makes room.
        if ((draft.since[victim] ?? 0) > bornAt) continue
      }
      while (victim < 0 && nextSent < sent.length) {
        const offered = sent[nextSent++]
        if (offered !== undefined) victim = indexOf(draft.ids, offered.id)
      }
      if (victim < 0) victim = nextBelow(state, draft.ids.length)
      if (staying.length > 0) {
        victim = notStaying(draft.ids, victim, staying)
        if (victim < 0) continue
      }
      const gone = draft.ids[victim]
      if (gone !== undefined) clearSuspicion(t, gone)
      write(draft, victim, peer, bornAt)
    }
    // Somebody new to ask ends the wait of a round that had tried everybody.
    if (state.round.waiting && !holds(state.round.tried, peer.id)) state.round = { ...state.round, waiting: false }
  }
  if (draft !== undefined) state.passive = draft
}

/** The passive view while it is changed. */
interface PassiveDraft<I extends Key, A> extends Passive<I, A> {
  readonly ids: Array<I>
  readonly epochs: Array<number>
  readonly addresses: Array<A>
  readonly since: Array<number>
}

const draftOf = <I extends Key, A>({ passive }: State<I, A>): PassiveDraft<I, A> => ({
  ids: passive.ids.slice(),
  epochs: passive.epochs.slice(),
  addresses: passive.addresses.slice(),
  since: passive.since.slice()
})

/** Writes an entry over the one at an index, or after the last. */
const write = <I extends Key, A>(draft: PassiveDraft<I, A>, index: number, peer: Peer<I, A>, bornAt: number): void => {
  draft.ids[index] = peer.id
  draft.epochs[index] = peer.epoch
  draft.addresses[index] = peer.address
  draft.since[index] = bornAt
}

/** Whether this time age decides, and not chance: with the probability `ageWeight`. Without weight nothing is drawn. */
const ageCounts = <I extends Key, A>(state: Draft<I, A>): boolean => {
  const { ageWeight } = state.config
  return ageWeight === 1 || (ageWeight > 0 && nextBelow(state, 1_000_000) < ageWeight * 1_000_000)
}

/** The victim, or the next entry that may go in its place; −1 if none may. */
const notStaying = <I>(ids: ReadonlyArray<I>, victim: number, staying: ReadonlyArray<I>): number => {
  for (let i = 0; i < ids.length; i++) {
    const index = (victim + i) % ids.length
    const id = ids[index]
    if (id !== undefined && !staying.includes(id)) return index
  }
  return -1
}

/** The entry whose age was 0 longest ago. */
const oldestOf = (since: ReadonlyArray<number>): number => {
  let oldest = 0
  for (let i = 1; i < since.length; i++) if ((since[i] ?? 0) < (since[oldest] ?? 0)) oldest = i
  return oldest
}

/** An age as it can be: whoever claims less than none, or more than the wire carries, is taken at the nearest. */
const trueAge = (claimed: number | undefined): number =>
  claimed !== undefined && claimed > 0 ? Math.min(claimed, maxAge) : 0

/** Takes an id out of the passive view. */
export const dropPassive = <I extends Key, A>(t: Transition<I, A>, id: I): void => {
  const { state } = t
  const index = indexInPassive(state, id)
  if (index >= 0) {
    const { addresses, epochs, ids, since } = state.passive
    state.passive = {
      ids: without(ids, index),
      epochs: without(epochs, index),
      addresses: without(addresses, index),
      since: without(since, index)
    }
  }
  clearSuspicion(t, id)
}

const clearSuspicion = <I extends Key, A>({ state }: Transition<I, A>, id: I): void => {
  const { suspects } = state.memory
  if (suspects.includes(id)) state.memory = { ...state.memory, suspects: suspects.filter((suspect) => suspect !== id) }
}

// --- the graveyard ---------------------------------------------------------------------------------------------------

/**
 * Moves a peer that stopped answering from the passive view to the graveyard, in case it comes back (rule P1). A full
 * graveyard loses its oldest grave.
 */
export const bury = <I extends Key, A>(t: Transition<I, A>, peer: Peer<I, A>): void => {
  const { state } = t
  dropPassive(t, peer.id)
  const { graveyardSize } = state.config
  if (graveyardSize === 0 || peer.id === state.self.id || indexInActive(state, peer.id) >= 0) return
  if (hasDeparted(state, peer)) return
  exhume(t, peer.id)
  const { addresses, epochs, ids } = state.memory.graveyard
  const first = Math.max(0, ids.length - graveyardSize + 1)
  const graveyard = {
    ids: [...ids.slice(first), peer.id],
    epochs: [...epochs.slice(first), peer.epoch],
    addresses: [...addresses.slice(first), peer.address]
  }
  state.memory = { ...state.memory, graveyard }
}

/** Whether an id is in the graveyard. */
export const isBuried = <I extends Key, A>({ memory }: State<I, A>, id: I): boolean => holds(memory.graveyard.ids, id)

/** Takes an id out of the graveyard. */
export const exhume = <I extends Key, A>(t: Transition<I, A>, id: I): void => {
  const { memory } = t.state
  const { addresses, epochs, ids } = memory.graveyard
  const index = indexOf(ids, id)
  if (index < 0) return
  const graveyard = {
    ids: without(ids, index),
    epochs: without(epochs, index),
    addresses: without(addresses, index)
  }
  t.state.memory = { ...memory, graveyard }
}

// --- samples ---------------------------------------------------------------------------------------------------------

/**
 * Appends up to `count` random passive entries, each at most once and never `except`, with their ages. Where age counts
 * (rule 8l) each is the younger of two that were drawn.
 */
export const samplePassive = <I extends Key, A>(
  t: Transition<I, A>,
  count: number,
  except: I,
  into: { readonly peers: Array<Peer<I, A>>; readonly ages: Array<number> }
): void => {
  const { state } = t
  const { ids, since } = state.passive
  const start = into.peers.length
  const size = ids.length
  const wanted = Math.min(count, holds(ids, except) ? size - 1 : size)
  // Few of many: draw again whoever was drawn already.
  while (into.peers.length - start < wanted) {
    let index = nextBelow(state, size)
    if (ageCounts(state)) {
      const other = nextBelow(state, size)
      if ((since[other] ?? 0) > (since[index] ?? 0)) index = other
    }
    const id = ids[index]
    if (id === undefined || id === except || isDrawn(into.peers, start, id)) continue
    const peer = passiveAt(state, index)
    if (peer === undefined) return
    into.peers.push(peer)
    into.ages.push(state.cycle - (since[index] ?? state.cycle))
  }
}

/** Appends up to `count` random neighbours, each at most once and never `except`; a neighbour's age is 0. */
export const sampleActive = <I extends Key, A>(
  t: Transition<I, A>,
  count: number,
  except: I,
  into: { readonly peers: Array<Peer<I, A>>; readonly ages: Array<number> }
): void => {
  const { state } = t
  const { active } = state
  const start = into.peers.length
  const size = active.length
  const wanted = Math.min(count, indexInActive(state, except) >= 0 ? size - 1 : size)
  while (into.peers.length - start < wanted) {
    const peer = active[nextBelow(state, size)]?.peer
    if (peer === undefined || peer.id === except || isDrawn(into.peers, start, peer.id)) continue
    into.peers.push(peer)
    into.ages.push(0)
  }
}

const isDrawn = <I extends Key, A>(drawn: ReadonlyArray<Peer<I, A>>, start: number, id: I): boolean => {
  for (let i = start; i < drawn.length; i++) if (drawn[i]?.id === id) return true
  return false
}

/** A sample of both views for `receiver`: ka neighbours and kp passive entries. */
export const sampleFor = <I extends Key, A>(t: Transition<I, A>, receiver: I): Sample<I, A> => {
  const sample = { peers: [], ages: [] }
  sampleActive(t, t.state.config.shuffleActive, receiver, sample)
  samplePassive(t, t.state.config.shufflePassive, receiver, sample)
  return sample
}

/** How many entries an honest sample has at most: origin, ka and kp. */
export const sampleLimit = <I extends Key, A>(state: State<I, A>): number =>
  1 + state.config.shuffleActive + state.config.shufflePassive
