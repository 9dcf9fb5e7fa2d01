/**
 * What holds after every transition of a node, whatever its input was (PROTOCOL rules §1.4, "Always"): looked at from
 * outside, by state and outputs alone.
 */
import type * as HyParView from "@hyparview/core/HyParView"
import type { Key, Peer } from "@hyparview/core/Peer"

/**
 * Freezes a value through and through, but for the bytes of a payload, which cannot be. What is frozen already is frozen
 * through and through.
 */
export const deepFreeze = <A>(value: A): A => {
  if (typeof value !== "object" || value === null || Object.isFrozen(value) || ArrayBuffer.isView(value)) return value
  Object.freeze(value)
  for (const part of Object.values(value)) deepFreeze(part)
  return value
}

/**
 * The most outputs that one step may have. The worst step ends all A links (a `Leave`, or an `EpochRaised` that then asks
 * everybody it knows again): a goodbye, a NeighborDown and a Close for each link, a request for each slot, five timers,
 * and a handful of single ones.
 */
export const mostOutputs = (config: HyParView.Config): number => 4 * config.activeSize + 12

const duplicates = <A>(items: ReadonlyArray<A>): boolean => {
  for (let i = 1; i < items.length; i++) if (items.indexOf(items[i] as A) < i) return true
  return false
}

const overlap = <A>(some: ReadonlyArray<A>, others: ReadonlyArray<A>): boolean => {
  for (const item of some) if (others.includes(item)) return true
  return false
}

const ids = <I extends Key, A>(peers: ReadonlyArray<Peer<I, A>>): ReadonlyArray<I> => peers.map((peer) => peer.id)

type Check = (holds: boolean, sentence: string) => void

/** Every array of a state is within its named cap. */
const checkBounds = <I extends Key, A>(state: HyParView.State<I, A>, check: Check): void => {
  const { config, round } = state
  const atMost = (name: string, { length }: ReadonlyArray<unknown>, bound: number) => {
    if (length > bound) check(false, `${name} holds ${length}, its bound is ${bound}`)
  }
  atMost("active", state.active, config.activeSize)
  atMost("passive", state.passive, config.passiveSize)
  atMost("passiveSince", state.passiveSince, state.passive.length)
  atMost("pending", state.pending, config.activeSize)
  atMost("suspects", state.suspects, config.memorySize)
  atMost("contacts", state.contacts, config.contactsSize)
  atMost("contactsLeft", state.contactsLeft, config.contactsSize)
  atMost("dialing", state.dialing, 3)
  atMost("graveyard", state.graveyard, config.graveyardSize)
  atMost("departed", state.departed, config.memorySize)
  atMost("askers", state.askers, config.memorySize)
  atMost("round.tried", round.tried, Math.max(config.memorySize, config.passiveSize))
  atMost("round.busy", round.busy, config.memorySize)
  atMost("shuffle.sent", state.shuffle?.sent ?? [], config.shuffleActive + config.shufflePassive)
}

/** The views, the graveyard and the requests: self in none, nobody twice, nobody in two that exclude each other. */
const checkViews = <I extends Key, A>(state: HyParView.State<I, A>, check: Check): void => {
  const active = state.active.map(({ peer }) => peer.id)
  const passive = ids(state.passive)
  const graves = ids(state.graveyard)
  const asked = state.pending.map(({ peer }) => peer.id)
  const self = state.self.id
  check(!active.includes(self), "self in the active view")
  check(!passive.includes(self), "self in the passive view")
  check(!graves.includes(self), "self in the graveyard")
  check(!asked.includes(self), "self is being asked")
  check(!duplicates(active), "an id twice in the active view")
  check(!duplicates(passive), "an id twice in the passive view")
  check(!duplicates(graves), "an id twice in the graveyard")
  check(!duplicates(asked), "an id asked twice")
  check(!overlap(active, passive), "active and passive view overlap")
  check(!overlap(active, asked), "a neighbour is being asked")
  check(!overlap(graves, active) && !overlap(graves, passive), "a grave is in a view")
}

const kinds: ReadonlyArray<HyParView.Timer> = ["Cycle", "Heartbeat", "Request", "Repair", "Discovery"]

/** What is wrong with a state: sentences, none if all is well. */
export const stateFaults = <I extends Key, A>(state: HyParView.State<I, A>): ReadonlyArray<string> => {
  const faults: Array<string> = []
  const check = (holds: boolean, sentence: string) => {
    if (!holds) faults.push(sentence)
  }
  checkBounds(state, check)
  checkViews(state, check)
  const { active, config, dialing, pending, status } = state
  check(!duplicates(dialing.map(({ purpose }) => purpose)), "two dials for one purpose")
  check(state.passiveSince.length === state.passive.length, "passiveSince is not as long as passive")
  check(
    state.passiveSince.every((since) => Number.isFinite(since) && since <= state.cycle),
    "an age is none"
  )
  check(Number.isSafeInteger(state.self.epoch) && state.self.epoch >= 0, `the epoch is ${state.self.epoch}`)
  check(Number.isFinite(state.random0) && Number.isFinite(state.random1), "the generator is no number")
  check(state.admissionTokens >= 0 && state.admissionTokens <= config.admissionOverall.burst, "tokens off scale")
  for (const kind of kinds) {
    const { at, nonce } = state.timers[kind]
    if (!(Number.isSafeInteger(at) && at >= 0)) check(false, `timer ${kind} at ${at}, nonce ${nonce}`)
  }
  if (status === "joining" || status === "joined") checkObligations(state, check)
  else check(active.length + pending.length + dialing.length === 0, `a node that is ${status} holds links`)
  return faults
}

/** Repair is an obligation: a node that lacks a neighbour is always waiting for something that will come. */
const checkObligations = <I extends Key, A>(state: HyParView.State<I, A>, check: Check): void => {
  const { active, config, dialing, passive, pending, round, timers } = state
  const asking = pending.length + dialing.length > 0
  const watched = ({ deadline }: { readonly deadline: number }) =>
    timers.Request.nonce !== 0 && timers.Request.at <= deadline
  check(pending.every(watched) && dialing.every(watched), "a request under way that no timer watches")
  check(timers.Cycle.nonce !== 0, "no cycle to come")
  check(config.heartbeatMillis === 0 || timers.Heartbeat.nonce !== 0, "no heartbeat to come")
  if (active.length >= config.activeSize || asking) return
  check(round.waiting, "a free slot, nobody asked, and no wait")
  check(passive.length === 0 || timers.Repair.nonce !== 0, "a free slot, somebody to ask, and no timer")
  check(active.length > 0 || timers.Discovery.nonce !== 0, "no neighbour, and Discovery not asked")
}

/** What is wrong with a step: its outputs, and that they tell the same as the states. */
export const stepFaults = <I extends Key, A>(
  before: HyParView.State<I, A>,
  now: number,
  { outputs, state }: HyParView.Step<I, A>
): ReadonlyArray<string> => {
  const faults: Array<string> = []
  const most = mostOutputs(state.config)
  if (outputs.length > most) faults.push(`${outputs.length} outputs, at most ${most} allowed`)
  const up = new Set(before.active.map(({ peer }) => peer.id))
  const set = kinds.map((kind) => before.timers[kind].nonce)
  for (const output of outputs) {
    switch (output._tag) {
      case "NeighborUp":
        if (up.has(output.peer.id)) faults.push(`${output.peer.id} up twice`)
        up.add(output.peer.id)
        break
      case "NeighborDown":
        if (!up.delete(output.peer.id)) faults.push(`${output.peer.id} down without up`)
        break
      case "Send":
        if (output.to.id === before.self.id) faults.push(`a ${output.message._tag} to self`)
        break
      case "SetTimer":
        if (!(output.at >= now)) faults.push(`timer ${output.kind} set for the past`)
        set[kinds.indexOf(output.kind)] = output.nonce
        break
      case "ClearTimer":
        set[kinds.indexOf(output.kind)] = 0
        break
      default:
    }
  }
  if (up.size !== state.active.length || state.active.some(({ peer }) => !up.has(peer.id))) {
    faults.push("NeighborUp and NeighborDown do not add up to the active view")
  }
  for (const [index, kind] of kinds.entries()) {
    // A slot that fired is empty in the state and, by that, in the driver's table.
    const { nonce } = state.timers[kind]
    if (nonce !== 0 && nonce !== set[index]) faults.push(`timer ${kind} was not set by an output`)
  }
  return faults
}

/** Everything that is wrong with a transition. */
export const transitionFaults = <I extends Key, A>(
  before: HyParView.State<I, A>,
  now: number,
  step: HyParView.Step<I, A>
): ReadonlyArray<string> => [...stateFaults(step.state), ...stepFaults(before, now, step)]
