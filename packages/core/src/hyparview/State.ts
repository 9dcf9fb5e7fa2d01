/**
 * The state of one HyParView node, and the transition that works on it.
 *
 * A state is an immutable value: it can be kept, compared, replayed and explored from. `step` copies the record once
 * into a `Transition`; every function of this folder takes that transition, replaces fields of its `state` (arrays are
 * replaced, never written to, except ones a function has just made itself), and appends to its `outputs`. Nothing is
 * sent from inside a transition, so nothing recurses.
 *
 * @since 0.1.0
 */
import { emptySlot, type Slot } from "../internal/slots.ts"
import type { Random } from "../Random.ts"
import type { Key, LinkId, Peer } from "../Peer.ts"
import type { Config } from "./Config.ts"
import type { NeighborReason, Proposal } from "./Message.ts"
import type { Input, Output, Timer } from "./Protocol.ts"

/**
 * An entry of the active view: a neighbour, and the link by which it is one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Neighbor<I extends Key, A> {
  /** The peer's id, here too: a look through the view then reads one record an entry, not two. */
  readonly id: I
  readonly peer: Peer<I, A>
  readonly link: LinkId<I>
  /** Whether this node chose it, by its own Join, `empty` or `repair` request: F of these are protected (`Views.ts`). */
  readonly chosen: boolean
  /** The heartbeat round in which the neighbour was last heard. */
  readonly heardIn: number
  /** Whether a bridge has made the link, which asks somebody drawn at random: X-BOT spares such (`optimization/Unbiased.ts`). */
  readonly unbiased: boolean
}

/**
 * Peers as columns of one length. Whoever is sought is found by a look at the ids alone, and a peer is made of an entry where
 * one is needed (`peerAt`).
 *
 * @category models
 * @since 0.1.0
 */
export interface Peers<I extends Key, A> {
  readonly ids: ReadonlyArray<I>
  readonly epochs: ReadonlyArray<number>
  readonly addresses: ReadonlyArray<A>
}

/**
 * The passive view.
 *
 * @category models
 * @since 0.1.0
 */
export interface Passive<I extends Key, A> extends Peers<I, A> {
  /** For each entry the cycle at which its age was 0. */
  readonly since: ReadonlyArray<number>
}

/** A request under way for an active link. It holds a slot until it is answered, fails or times out. */
export interface Asking<I extends Key, A> {
  readonly peer: Peer<I, A>
  readonly requestId: number
  readonly reason: NeighborReason | "join"
  readonly deadline: number
}

/** A dial under way to find out who answers at a contact's address. */
export interface Dialing<A> {
  readonly address: A
  readonly purpose: "join" | "repair" | "probe"
  readonly deadline: number
}

/** The shuffle whose reply is awaited. */
export interface OpenShuffle<I extends Key, A> {
  readonly requestId: number
  readonly sent: ReadonlyArray<Peer<I, A>>
  readonly deadline: number
  /** Whether it went to no neighbour, and on no walk. */
  readonly direct: boolean
  /** The peer of a direct shuffle with a contact that may belong to another part of the cluster. */
  readonly stranger: Peer<I, A> | undefined
}

/** A repair round: whom it has tried, and how long to wait once it has tried everybody. */
export interface Round<I extends Key> {
  readonly tried: ReadonlyArray<I>
  /** Of these, who answered `busy` and is asked again when the Repair timer fires. */
  readonly busy: ReadonlyArray<I>
  /** Who has been asked again for that reason: once a round is enough. */
  readonly retried: ReadonlyArray<I>
  /** Everybody has been tried; a new passive entry, a freed slot or the Repair timer ends the wait. */
  readonly waiting: boolean
  /** The last wait, in milliseconds; 0: there was none. The next one is twice as long. */
  readonly waitMillis: number
  /** Whom the last refusal named as looking for a link too: asked next. */
  readonly lead: I | undefined
}

/** The probe whose reply is awaited. */
export interface OpenProbe<I extends Key, A> {
  readonly peer: Peer<I, A>
  readonly nonce: number
  readonly deadline: number
}

/** A link that is given away in a round of X-BOT. */
export interface Given<I extends Key, A> {
  readonly peer: Peer<I, A>
  readonly link: LinkId<I>
  /** The other end has said that it holds no such link: true once the round has succeeded, and settled when it ends. */
  readonly doubted: boolean
}

/**
 * What a node has to do with a round of X-BOT: one thing at a time, until its deadline. `Weighing`: it may begin a round;
 * `Initiator`: it has asked a candidate, and gives away `given`; `Choosing`: it has been asked, and weighs its neighbours;
 * `Candidate`: it gives away one of them; `Judging`: it is that one, and weighs the link that it is offered;
 * `Disconnected`: it has accepted, and asks for it; `Old`: its link with the initiator may be given to somebody else.
 *
 * @category models
 * @since 0.1.0
 */
export type Swap<I extends Key, A> =
  | {
      readonly _tag: "Weighing"
      readonly nonce: number
      readonly deadline: number
      readonly candidates: ReadonlyArray<Peer<I, A>>
      readonly neighbors: ReadonlyArray<Neighbor<I, A>>
    }
  | {
      readonly _tag: "Initiator"
      readonly deadline: number
      readonly requestId: number
      readonly candidate: Peer<I, A>
      readonly given: Given<I, A>
    }
  | {
      readonly _tag: "Choosing"
      readonly nonce: number
      readonly deadline: number
      readonly initiator: Peer<I, A>
      readonly proposal: Proposal<I, A>
      readonly neighbors: ReadonlyArray<Neighbor<I, A>>
    }
  | {
      readonly _tag: "Candidate"
      readonly deadline: number
      readonly initiator: Peer<I, A>
      readonly requestId: number
      readonly given: Given<I, A>
    }
  | {
      readonly _tag: "Judging"
      readonly nonce: number
      readonly deadline: number
      readonly initiator: Peer<I, A>
      readonly proposal: Proposal<I, A>
      readonly given: Given<I, A>
    }
  | {
      readonly _tag: "Disconnected"
      readonly deadline: number
      readonly requestId: number
      /** The initiator's request, by which the candidate knows the answer. */
      readonly round: number
      readonly old: Peer<I, A>
      readonly given: Given<I, A>
    }
  | {
      readonly _tag: "Old"
      readonly deadline: number
      readonly initiator: Peer<I, A>
      readonly link: LinkId<I>
      readonly requestId: number
    }

/**
 * 2⁵²: an epoch is a clock in milliseconds, and this is the year 144,683. Beyond it somebody lies, and the owner of the id
 * might find none above it to take. A peer with a higher epoch is ignored (`isNobody`).
 *
 * @category limits
 * @since 0.1.0
 */
export const highestEpoch = 4_503_599_627_370_496

/** Whether a peer has an epoch that nobody can have: what it says, and what is said of it, says nothing of the id's owner. */
export const isNobody = ({ epoch }: { readonly epoch: number }): boolean =>
  !(epoch >= 0 && epoch <= highestEpoch && Number.isInteger(epoch))

/** A node that said goodbye: entries of this epoch or an older one must not bring it back. */
export interface Departed<I extends Key> {
  readonly id: I
  readonly epoch: number
  readonly until: number
}

/** Somebody who asked for what can force an eviction, or was named by a walk that can, and the tokens it has left. */
export interface Asker<I extends Key> {
  readonly id: I
  readonly tokens: number
  readonly at: number
}

/**
 * `idle`: made, not started; `joining`: no link yet since the start; `joined`: has had a link; `left`: said goodbye;
 * `stopped`: another process has our id.
 *
 * @category models
 * @since 0.1.0
 */
export type Status = "idle" | "joining" | "joined" | "left" | "stopped"

/** The places where somebody may be, and how they are asked (`Contacts.ts`). */
export interface Contacts<A> {
  /** Where Join and Discovery said somebody may be. At most contactsSize. */
  readonly known: ReadonlyArray<A>
  /** Not yet asked in this joining round. */
  readonly left: ReadonlyArray<A>
  /** At most one dial for each purpose. */
  readonly dialing: ReadonlyArray<Dialing<A>>
  /** The last wait before a question to Discovery, 0 when the need is new. */
  readonly discoveryWaitMillis: number
  /** Whether there was no neighbour when the last transition ended: to have none is another need than to have few. */
  readonly alone: boolean
  /** Since when there has been a neighbour, or was before; −1: there has been none since the start. */
  readonly metAt: number
  /** Whether a grave is asked when no contact is left in this joining round. */
  readonly graves: boolean
}

/** A free slot of the active view: since when, and how often it had moved from node to node before it came here. */
export interface Hole {
  readonly since: number
  readonly moves: number
}

/** Whom this node refused last, for want of room, and when: the next one in the same need is told. */
export interface Seeker<I extends Key, A> {
  readonly peer: Peer<I, A>
  readonly at: number
}

/** The peers that are remembered beyond the views, and who this node was itself. */
export interface Memory<I extends Key, A> {
  /** Peers that stopped answering. At most graveyardSize, disjoint from both views. */
  readonly graveyard: Peers<I, A>
  /** Passive peers that were connected but silent once. At most memorySize. */
  readonly suspects: ReadonlyArray<I>
  /** Who said goodbye. At most memorySize. */
  readonly departed: ReadonlyArray<Departed<I>>
  /** When this node last had to take a higher epoch; −1: never. */
  readonly epochRaisedAt: number
}

/** The oldest node that the overlay knows of (`Beacon.ts`): when it was last known to live, and since when it is ours. */
export interface Beacon<I extends Key, A> {
  readonly peer: Peer<I, A>
  /** When it was last known to live, in cycles of this node, as an entry's age is. */
  readonly since: number
  /** Since when it is ours, in cycles of this node too. */
  readonly heldSince: number
}

/** The search for other parts of the cluster (`Merge.ts`), and for triangles within this one (`Triangles.ts`). */
export interface Search<I extends Key, A> {
  readonly probe: OpenProbe<I, A> | undefined
  readonly nextProbeAt: number
  readonly nextBridgeAskAt: number
  readonly nextBridgeAcceptAt: number
  /** Undefined until the first cycle, and where nodes do not mix. */
  readonly beacon: Beacon<I, A> | undefined
  /** The cycle up to which this node mixes. */
  readonly mixUntil: number
  /** Whom a contact of another island has named: the next links are exchanged with them. At most as many as a sample holds. */
  readonly strangers: ReadonlyArray<Peer<I, A>>
  /** For how many triangles this incarnation has exchanged links. At most activeSize. */
  readonly triangles: number
  /** Who closed the last of them: the next bridge takes its place. */
  readonly surplus: I | undefined
  /** Links that are still to be exchanged for the last of them. */
  readonly exchangesDue: number
}

/** The token buckets: everybody's, and one for each asker (`Admission.ts`). */
export interface Admission<I extends Key> {
  readonly tokens: number
  readonly at: number
  /** Who has asked. At most memorySize. */
  readonly askers: ReadonlyArray<Asker<I>>
  /** Whom walks have named. At most memorySize. */
  readonly named: ReadonlyArray<Asker<I>>
}

/**
 * A state while a transition works on it. Only the functions of this folder see one.
 *
 * It holds itself what walks, shuffles and heartbeats look at; what is looked at more rarely stands in records of its own,
 * one for each concern, that the copy of a step shares. A step reads and writes all of this record, and among ten thousand
 * nodes every cache line of it is a miss: 23 fields are 208 bytes, where everything in one would be 320.
 */
export interface Draft<I extends Key, A> extends Random {
  config: Config
  self: Peer<I, A>
  status: Status

  /** The active view: at most A, symmetric, one open link each. */
  active: ReadonlyArray<Neighbor<I, A>>
  /** Requests under way: at most A. */
  pending: ReadonlyArray<Asking<I, A>>
  /** The passive view: at most P, disjoint from the active view, self in neither. */
  passive: Passive<I, A>

  /** Cycles since the start: the clock by which passive entries age. */
  cycle: number
  nextRequestId: number
  nextNonce: number
  heartbeatRound: number
  heartbeatSentAt: number
  shuffle: OpenShuffle<I, A> | undefined
  /** The round of X-BOT in which this node takes part. */
  swap: Swap<I, A> | undefined
  timers: Readonly<Record<Timer, Slot>>

  round: Round<I>
  hole: Hole
  seeker: Seeker<I, A> | undefined
  contacts: Contacts<A>
  memory: Memory<I, A>
  search: Search<I, A>
  admission: Admission<I>
}

/**
 * The state of one node: a value that never changes.
 *
 * @category models
 * @since 0.1.0
 */
export type State<I extends Key = string, A = string> = Readonly<Draft<I, A>>

/** One step under way: the state as far as it has come, and the outputs so far, in order. */
export interface Transition<I extends Key, A> {
  readonly now: number
  readonly state: Draft<I, A>
  outputs: Array<Output<I, A>>
}

/**
 * Begins a transition: the one copy that a step makes. Field by field, and not spread, so that it is made in line, and no
 * record that a field points to is looked at.
 */
export const begin = <I extends Key, A>(state: State<I, A>, now: number): Transition<I, A> => ({
  now,
  state: {
    random0: state.random0,
    random1: state.random1,
    config: state.config,
    self: state.self,
    status: state.status,
    active: state.active,
    pending: state.pending,
    passive: state.passive,
    cycle: state.cycle,
    nextRequestId: state.nextRequestId,
    nextNonce: state.nextNonce,
    heartbeatRound: state.heartbeatRound,
    heartbeatSentAt: state.heartbeatSentAt,
    shuffle: state.shuffle,
    swap: state.swap,
    timers: state.timers,
    round: state.round,
    hole: state.hole,
    seeker: state.seeker,
    contacts: state.contacts,
    memory: state.memory,
    search: state.search,
    admission: state.admission
  },
  outputs: silence
})

/** The outputs of a transition that has none. Never written to. */
const silence: Array<never> = []

/** Appends an output. Most steps have none or one, so that an array is made for the first, with room for it alone. */
export const emit = <I extends Key, A>(t: Transition<I, A>, output: Output<I, A>): void => {
  if (t.outputs.length === 0) t.outputs = [output]
  else t.outputs.push(output)
}

/** Nothing in a list: one for all, so that a node holds no empty arrays of its own. */
export const none: ReadonlyArray<never> = []

/** An empty passive view. */
export const nobody: Passive<never, never> = { ids: none, epochs: none, addresses: none, since: none }

/** An empty graveyard. */
export const noGraves: Peers<never, never> = { ids: none, epochs: none, addresses: none }

/**
 * The item at an index, where −1 stands for none. To V8 a negative index is the name of a property: it is made a string and
 * looked for as one, and from then on every read by that line of code goes the long way.
 */
export const itemAt = <B>(items: ReadonlyArray<B>, index: number): B | undefined =>
  index < 0 ? undefined : items[index]

/** A list without the item at an index. */
export const without = <B>(items: ReadonlyArray<B>, index: number): ReadonlyArray<B> =>
  items.length === 1 && index === 0 ? none : items.toSpliced(index, 1)

const noTimers: Readonly<Record<Timer, Slot>> = {
  Cycle: emptySlot,
  Heartbeat: emptySlot,
  Request: emptySlot,
  Repair: emptySlot,
  Discovery: emptySlot
}

/** A round in which nobody has been tried. */
export const freshRound: Round<never> = {
  tried: none,
  busy: none,
  retried: none,
  waiting: false,
  waitMillis: 0,
  lead: undefined
}

const noContacts: Contacts<never> = {
  known: none,
  left: none,
  dialing: none,
  discoveryWaitMillis: 0,
  alone: false,
  metAt: -1,
  graves: false
}

const noMemory: Memory<never, never> = { graveyard: noGraves, suspects: none, departed: none, epochRaisedAt: -1 }

/** What an incarnation has found when it begins. */
export const nothingFound: Pick<
  Search<never, never>,
  "beacon" | "mixUntil" | "strangers" | "triangles" | "surplus" | "exchangesDue"
> = { beacon: undefined, mixUntil: 0, strangers: none, triangles: 0, surplus: undefined, exchangesDue: 0 }

const noSearch: Search<never, never> = {
  probe: undefined,
  nextProbeAt: 0,
  nextBridgeAskAt: 0,
  nextBridgeAcceptAt: 0,
  ...nothingFound
}

const noHole: Hole = { since: 0, moves: 0 }

/**
 * A node that has not started: it holds nothing and asks for nothing until it is told to join.
 *
 * @category constructors
 * @since 0.1.0
 */
export const init = <I extends Key, A>(options: {
  readonly config: Config
  readonly self: Peer<I, A>
  readonly random: Random
}): State<I, A> => ({
  random0: options.random.random0,
  random1: options.random.random1,
  config: options.config,
  self: options.self,
  status: "idle",
  active: none,
  pending: none,
  passive: nobody,
  cycle: 0,
  nextRequestId: 1,
  nextNonce: 1,
  heartbeatRound: 0,
  heartbeatSentAt: 0,
  shuffle: undefined,
  swap: undefined,
  timers: noTimers,
  round: freshRound,
  hole: noHole,
  seeker: undefined,
  contacts: noContacts,
  memory: noMemory,
  search: noSearch,
  admission: { tokens: options.config.admissionOverall.burst, at: 0, askers: none, named: none }
})

/** Field by field, for the reason that `begin` has. */
const withSlot = (timers: Readonly<Record<Timer, Slot>>, kind: Timer, slot: Slot): Readonly<Record<Timer, Slot>> => ({
  Cycle: kind === "Cycle" ? slot : timers.Cycle,
  Heartbeat: kind === "Heartbeat" ? slot : timers.Heartbeat,
  Request: kind === "Request" ? slot : timers.Request,
  Repair: kind === "Repair" ? slot : timers.Repair,
  Discovery: kind === "Discovery" ? slot : timers.Discovery
})

/** Sets a timer slot. The nonce makes a timer that was replaced or cleared recognisable when it fires all the same. */
export const setTimer = <I extends Key, A>(t: Transition<I, A>, kind: Timer, at: number): void => {
  const nonce = t.state.nextNonce++
  t.state.timers = withSlot(t.state.timers, kind, { nonce, at })
  emit(t, { _tag: "SetTimer", kind, nonce, at })
}

/** Empties a timer slot. */
export const clearTimer = <I extends Key, A>(t: Transition<I, A>, kind: Timer): void => {
  if (t.state.timers[kind].nonce === 0) return
  t.state.timers = withSlot(t.state.timers, kind, emptySlot)
  emit(t, { _tag: "ClearTimer", kind })
}

/** Takes a fired timer out of its slot; false for one that was replaced or cleared meanwhile. */
export const takeTimer = <I extends Key, A>(
  t: Transition<I, A>,
  input: Extract<Input<I, A>, { _tag: "TimerFired" }>
) => {
  const { nonce } = t.state.timers[input.kind]
  if (nonce === 0 || nonce !== input.nonce) return false
  t.state.timers = withSlot(t.state.timers, input.kind, emptySlot)
  return true
}
