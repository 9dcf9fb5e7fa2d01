/**
 * Contacts and Discovery: the way into the overlay, and back into it. A contact is an address; who answers there is known
 * once a link is open, so a contact is dialled first and asked then, one at a time.
 *
 * Discovery is asked when nobody is left to ask: again and again, with doubling waits, for as long as the need lasts. A
 * first node without live contacts is up, alone, and goes on asking; two survivors that hold only each other remember, by
 * the graveyard, that there were more, and ask too.
 *
 * @since 0.1.0
 */
import { jittered, nextBelow } from "../Random.ts"
import type { Key, Peer } from "../Peer.ts"
import { soundedOut } from "./Merge.ts"
import { ask, dial, isJoining } from "./Requests.ts"
import { shuffleDirectly } from "./Shuffle.ts"
import {
  clearTimer,
  type Draft,
  emit,
  isNobody,
  itemAt,
  none,
  setTimer,
  type State,
  type Transition,
  without
} from "./State.ts"
import { freeSlots, holds, indexInActive, isLinking } from "./Views.ts"

/**
 * New contacts: of a Join command, or of Discovery. Both are remembered, the newest `contactsSize` of them: a contact is
 * how two islands that know nothing of each other meet, and whoever has joined by Discovery alone has no other. Of more than
 * that chance draws those that are asked now, and the others are remembered first, so that each gets its turn.
 */
export const onContacts = <I extends Key, A>(t: Transition<I, A>, found: ReadonlyArray<A>, asked: boolean): void => {
  const { state } = t
  const others = new Set(found.filter((address) => address !== state.self.address))
  const { contactsSize } = state.config
  const named = drawnFirst(state, [...others], contactsSize)
  const all = [...new Set([...state.contacts.known, ...named])]
  const known = all.slice(Math.max(0, all.length - contactsSize))
  const remembered = known.filter((address) => !others.has(address))
  const room = Math.max(0, contactsSize - named.length)
  const contacts = [...named, ...drawnFirst(state, remembered, room)].slice(0, contactsSize)
  if (state.active.length === 0) {
    state.contacts = { ...state.contacts, known, left: contacts, graves: true }
    return
  }
  state.contacts = { ...state.contacts, known }
  // Links, but too few, or a command to meet somebody: one of the contacts may lead to the rest.
  if (contacts.length > 0 && (asked || state.active.length < reachable(state))) {
    const address = contacts[nextBelow(state, contacts.length)]
    if (address !== undefined) dial(t, address, "repair")
  }
}

/** Where there are more than `count`, as many in front as chance draws; otherwise they stay as they are. */
const drawnFirst = <I extends Key, A>(
  random: Draft<I, A>,
  addresses: ReadonlyArray<A>,
  count: number
): ReadonlyArray<A> => {
  if (addresses.length <= count) return addresses
  const drawn: Array<A> = []
  const rest = addresses.slice()
  while (drawn.length < count) drawn.push(...rest.splice(nextBelow(random, rest.length), 1))
  return [...drawn, ...rest]
}

/**
 * How many links this node could have with the peers it has heard of, up to A. A contact at whose address nobody known
 * stands is one more: else two small islands, whole as far as they know, would leave each other alone.
 */
const reachable = <I extends Key, A>(state: State<I, A>): number => {
  const { active, config, contacts, memory, passive, self } = state
  // One after the other: nearly always a look at the active view is enough.
  let count = active.length
  if (count >= config.activeSize) return config.activeSize
  count += passive.ids.length
  if (count >= config.activeSize) return config.activeSize
  const { graveyard } = memory
  count += graveyard.ids.length
  if (count >= config.activeSize) return config.activeSize
  const stands = (address: A) =>
    address === self.address ||
    active.some(({ peer }) => peer.address === address) ||
    passive.addresses.includes(address) ||
    graveyard.addresses.includes(address)
  for (const address of contacts.known) if (!stands(address)) count++
  return Math.min(config.activeSize, count)
}

/**
 * Keeps the obligation to find contacts: while there is no link, ask one contact after the other; when none is left, or
 * the links are too few and everybody known has been tried, ask Discovery.
 */
export const settleContacts = <I extends Key, A>(t: Transition<I, A>): void => {
  const { now, state } = t
  const alone = state.active.length === 0
  if (alone !== state.contacts.alone) onAlone(t, alone)
  if (alone && state.contacts.left.length === 0 && state.contacts.graves && !isJoining(state)) turnToGraves(t)
  if (alone && state.contacts.left.length > 0 && !isJoining(state)) {
    const index = nextBelow(state, state.contacts.left.length)
    const address = state.contacts.left[index]
    if (address !== undefined) {
      state.contacts = { ...state.contacts, left: without(state.contacts.left, index) }
      dial(t, address, "join")
      return
    }
  }
  // The wait begins anew only once the need is met: requests under way may all be refused.
  if (!alone && state.active.length >= reachable(state)) {
    if (state.contacts.discoveryWaitMillis > 0) state.contacts = { ...state.contacts, discoveryWaitMillis: 0 }
    clearTimer(t, "Discovery")
    return
  }
  const tried = state.round.waiting && (alone || nobodyIsLeft(state))
  const idle = tried && state.pending.length === 0 && state.contacts.dialing.length === 0
  if (!idle || state.timers.Discovery.nonce !== 0) return
  const [first, longest] = state.config.discoveryBackoffMillis
  const discoveryWaitMillis = Math.min(longest, Math.max(first, 2 * state.contacts.discoveryWaitMillis))
  state.contacts = { ...state.contacts, discoveryWaitMillis }
  emit(t, { _tag: "Discover" })
  setTimer(t, "Discovery", now + jittered(state, discoveryWaitMillis, 0.5))
}

/**
 * The last neighbour has gone, or there is one again. Who had few has asked Discovery now and then, with waits up to the longest;
 * who has none asks those contacts at once that it knows, and Discovery within the first wait. But not where it has had a neighbour
 * for no longer than that wait: whoever accepts and drops this node again and again would have it dial, and ask, as often.
 */
const onAlone = <I extends Key, A>(t: Transition<I, A>, alone: boolean): void => {
  const { now, state } = t
  const { at, nonce } = state.timers.Discovery
  if (!alone) {
    state.contacts = { ...state.contacts, alone, metAt: now, left: none, graves: false }
    return
  }
  state.contacts = { ...state.contacts, alone }
  const { contacts, config } = state
  const isBrief = contacts.metAt >= 0 && now - contacts.metAt < config.discoveryBackoffMillis[0]
  // Where no wait runs, Discovery is asked at once.
  if (nonce === 0 || isBrief) return
  const left = drawnFirst(state, contacts.known, config.contactsSize)
  state.contacts = { ...contacts, left, graves: true, discoveryWaitMillis: 0 }
  const soon = now + jittered(state, config.discoveryBackoffMillis[0], 0.5)
  if (soon < at) setTimer(t, "Discovery", soon)
}

/**
 * No contact has brought a neighbour. Those that were lost may be there all the same: a network that was gone for a moment takes all
 * links with it, and everybody has a grave. One is asked for each answer of Discovery, of the youngest, as many as the active view has
 * places: the dead would keep this node from asking Discovery again, each for as long as a dial takes to fail.
 */
const turnToGraves = <I extends Key, A>({ state }: Transition<I, A>): void => {
  const { addresses } = state.memory.graveyard
  const count = Math.min(addresses.length, state.config.activeSize)
  const address = count === 0 ? undefined : addresses[addresses.length - 1 - nextBelow(state, count)]
  state.contacts = { ...state.contacts, left: address === undefined ? none : [address], graves: false }
}

/**
 * Whether this round has asked everybody for good: nobody is to be asked again soon, and it does not wait for another
 * reason (to be asked itself, after it was evicted for a bridge).
 */
const nobodyIsLeft = <I extends Key, A>({ passive, round }: State<I, A>): boolean =>
  round.busy.length === 0 && passive.ids.every((id) => holds(round.tried, id))

/** Discovery is not asked again within a time that a peer names, but nobody can make this node wait longer than it may. */
export const discoveryNotWithin = <I extends Key, A>(t: Transition<I, A>, millis: number): void => {
  const { now, state } = t
  const at = now + Math.min(Math.floor(millis), state.config.discoveryBackoffMillis[1])
  if (at > now && state.active.length === 0 && state.timers.Discovery.at < at) setTimer(t, "Discovery", at)
}

/** A contact's link is open, and this is who answered. */
export const onLinkOpened = <I extends Key, A>(t: Transition<I, A>, address: A, peer: Peer<I, A>): void => {
  const { state } = t
  const index = state.contacts.dialing.findIndex((dialing) => dialing.address === address)
  const dialing = itemAt(state.contacts.dialing, index)
  if (dialing === undefined) return
  state.contacts = { ...state.contacts, dialing: without(state.contacts.dialing, index) }
  if (peer.id === state.self.id || isNobody(peer) || indexInActive(state, peer.id) >= 0) return
  // A Join evicts: whoever has found a neighbour meanwhile needs none.
  const purpose = dialing.purpose === "join" && state.active.length > 0 ? "repair" : dialing.purpose
  switch (purpose) {
    case "join":
      if (isLinking(state, peer.id) || state.pending.length >= state.config.activeSize) return
      return ask(t, peer, "join")
    case "repair":
      if (freeSlots(state) <= 0) return shuffleDirectly(t, peer, true)
      if (!isLinking(state, peer.id)) ask(t, peer, "repair")
      return shuffleDirectly(t, peer, false)
    case "probe":
      return soundedOut(t, peer)
  }
}

/** Nobody could be reached at a contact's address. The next one is asked as soon as the transition settles. */
export const onDialFailed = <I extends Key, A>(t: Transition<I, A>, address: A): void => {
  const { contacts } = t.state
  t.state.contacts = { ...contacts, dialing: contacts.dialing.filter((dialing) => dialing.address !== address) }
}
