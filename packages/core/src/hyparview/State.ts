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
import type { Random } from "../Random.ts"
import type { Key, LinkId, Peer } from "../Peer.ts"
import type { Config } from "./Config.ts"
import type { NeighborReason } from "./Message.ts"
import type { Input, Output, Timer } from "./Protocol.ts"

/** An entry of the active view: a neighbour, and the link by which it is one. */
export interface Neighbor<I extends Key, A> {
  readonly peer: Peer<I, A>
  readonly link: LinkId<I>
  /** Whether this node chose it (by its own Join, `empty` or `repair` request): inbound requests spare F of these. */
  readonly chosen: boolean
  /** The heartbeat round in which the neighbour was last heard. */
  readonly heardIn: number
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

/** A node that said goodbye: entries of this epoch or an older one must not bring it back. */
export interface Departed<I extends Key> {
  readonly id: I
  readonly epoch: number
  readonly until: number
}

/** Somebody who asked for what can force an eviction, and the tokens it has left. */
export interface Asker<I extends Key> {
  readonly id: I
  readonly tokens: number
  readonly at: number
}

/** A timer slot: the nonce of the timer that stands in it (0: none) and when it is due. */
export interface Slot {
  readonly nonce: number
  readonly at: number
}

/**
 * `idle`: made, not started; `joining`: no link yet since the start; `joined`: has had a link; `left`: said goodbye;
 * `stopped`: another process has our id.
 */
export type Status = "idle" | "joining" | "joined" | "left" | "stopped"

/** A state while a transition works on it. Only the functions of this folder see one. */
export interface Draft<I extends Key, A> extends Random {
  config: Config
  self: Peer<I, A>
  status: Status
  nextRequestId: number
  nextNonce: number
  /** Cycles since the start: the clock by which passive entries age. */
  cycle: number

  /** The active view: at most A, symmetric, one open link each. */
  active: ReadonlyArray<Neighbor<I, A>>
  /** The passive view: at most P, disjoint from the active view, self in neither. */
  passive: ReadonlyArray<Peer<I, A>>
  /** For each passive entry the cycle at which its age was 0. */
  passiveSince: ReadonlyArray<number>
  /** Requests under way: at most A. */
  pending: ReadonlyArray<Asking<I, A>>

  round: Round<I>
  /** Passive peers that were connected but silent once. At most memorySize. */
  suspects: ReadonlyArray<I>
  shuffle: OpenShuffle<I, A> | undefined

  /** Where Join and Discovery said somebody may be. At most contactsSize. */
  contacts: ReadonlyArray<A>
  /** Contacts not yet asked in this joining round. */
  contactsLeft: ReadonlyArray<A>
  /** At most one dial for each purpose. */
  dialing: ReadonlyArray<Dialing<A>>
  /** The last wait before a question to Discovery, 0 when the need is new. */
  discoveryWaitMillis: number

  /** Peers that stopped answering. At most graveyardSize, disjoint from both views. */
  graveyard: ReadonlyArray<Peer<I, A>>
  probe: OpenProbe<I, A> | undefined
  nextProbeAt: number
  nextBridgeAskAt: number
  nextBridgeAcceptAt: number
  /** When a slot last became free. */
  holeSince: number
  /** How often that free slot has moved from node to node before it came here. */
  holeMoves: number

  /** Whom this node refused last, for want of room, and when: the next one in the same need is told. */
  seeker: Peer<I, A> | undefined
  seekerAt: number

  /** At most memorySize. */
  departed: ReadonlyArray<Departed<I>>
  /** At most memorySize. */
  askers: ReadonlyArray<Asker<I>>
  admissionTokens: number
  admissionAt: number

  heartbeatRound: number
  heartbeatSentAt: number
  epochRaisedAt: number

  timers: Readonly<Record<Timer, Slot>>
}

/** The state of one node: a value that never changes. */
export type State<I extends Key = string, A = string> = Readonly<Draft<I, A>>

/** One step under way: the state as far as it has come, and the outputs so far, in order. */
export interface Transition<I extends Key, A> {
  readonly now: number
  readonly state: Draft<I, A>
  readonly outputs: Array<Output<I, A>>
}

/** Begins a transition: the one copy that a step makes. */
export const begin = <I extends Key, A>(state: State<I, A>, now: number): Transition<I, A> => ({
  now,
  state: { ...state },
  outputs: []
})

const emptySlot: Slot = { nonce: 0, at: 0 }

const noTimers: Readonly<Record<Timer, Slot>> = {
  Cycle: emptySlot,
  Heartbeat: emptySlot,
  Request: emptySlot,
  Repair: emptySlot,
  Discovery: emptySlot
}

/** A round in which nobody has been tried. */
export const freshRound: Round<never> = {
  tried: [],
  busy: [],
  retried: [],
  waiting: false,
  waitMillis: 0,
  lead: undefined
}

const none: ReadonlyArray<never> = []

/**
 * A node that has not started: it holds nothing and asks for nothing until it is told to join.
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
  nextRequestId: 1,
  nextNonce: 1,
  cycle: 0,
  active: none,
  passive: none,
  passiveSince: none,
  pending: none,
  round: freshRound,
  suspects: none,
  shuffle: undefined,
  contacts: none,
  contactsLeft: none,
  dialing: none,
  discoveryWaitMillis: 0,
  graveyard: none,
  probe: undefined,
  nextProbeAt: 0,
  nextBridgeAskAt: 0,
  nextBridgeAcceptAt: 0,
  holeSince: 0,
  holeMoves: 0,
  seeker: undefined,
  seekerAt: 0,
  departed: none,
  askers: none,
  admissionTokens: options.config.admissionOverall.burst,
  admissionAt: 0,
  heartbeatRound: 0,
  heartbeatSentAt: 0,
  epochRaisedAt: -1,
  timers: noTimers
})

/** Sets a timer slot. The nonce makes a timer that was replaced or cleared recognisable when it fires all the same. */
export const setTimer = <I extends Key, A>(t: Transition<I, A>, kind: Timer, at: number): void => {
  const nonce = t.state.nextNonce++
  t.state.timers = { ...t.state.timers, [kind]: { nonce, at } }
  t.outputs.push({ _tag: "SetTimer", kind, nonce, at })
}

/** Empties a timer slot. */
export const clearTimer = <I extends Key, A>(t: Transition<I, A>, kind: Timer): void => {
  if (t.state.timers[kind].nonce === 0) return
  t.state.timers = { ...t.state.timers, [kind]: emptySlot }
  t.outputs.push({ _tag: "ClearTimer", kind })
}

/** Takes a fired timer out of its slot; false for one that was replaced or cleared meanwhile. */
export const takeTimer = <I extends Key, A>(
  t: Transition<I, A>,
  input: Extract<Input<I, A>, { _tag: "TimerFired" }>
) => {
  const { nonce } = t.state.timers[input.kind]
  if (nonce === 0 || nonce !== input.nonce) return false
  t.state.timers = { ...t.state.timers, [input.kind]: emptySlot }
  return true
}

/** The earlier of two deadlines, where 0 is none. */
export const earlier = (a: number, b: number): number => (a === 0 ? b : b === 0 ? a : Math.min(a, b))
