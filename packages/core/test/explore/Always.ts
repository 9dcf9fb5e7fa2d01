/**
 * What holds after every transition of a node, whatever its input was (PROTOCOL rules §1.4, "Always"): looked at from
 * outside, by state and outputs alone.
 */
import type * as HyParView from "@hyparview/core/HyParView"
import type { Key, Peer } from "@hyparview/core/Peer"

/** Freezes a value through and through. What is frozen already is frozen through and through. */
export const deepFreeze = <A>(value: A): A => {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value
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

const duplicates = <A>(items: ReadonlyArray<A>): boolean => new Set(items).size < items.length

const ids = <I extends Key, A>(peers: ReadonlyArray<Peer<I, A>>): ReadonlyArray<I> => peers.map((peer) => peer.id)

/** Each array of a state, how many it holds, and how many it may hold. */
const bounds = <I extends Key, A>(state: HyParView.State<I, A>): ReadonlyArray<readonly [string, number, number]> => {
  const { config } = state
  return [
    ["active", state.active.length, config.activeSize],
    ["passive", state.passive.length, config.passiveSize],
    ["pending", state.pending.length, config.activeSize],
    ["suspects", state.suspects.length, config.memorySize],
    ["contacts", state.contacts.length, config.contactsSize],
    ["contactsLeft", state.contactsLeft.length, config.contactsSize],
    ["dialing", state.dialing.length, 3],
    ["graveyard", state.graveyard.length, config.graveyardSize],
    ["departed", state.departed.length, config.memorySize],
    ["askers", state.askers.length, config.memorySize],
    ["round.tried", state.round.tried.length, Math.max(config.memorySize, config.passiveSize)],
    ["round.busy", state.round.busy.length, config.memorySize],
    ["shuffle.sent", state.shuffle?.sent.length ?? 0, config.shuffleActive + config.shufflePassive]
  ]
}

/** What is wrong with a state: sentences, none if all is well. */
export const stateFaults = <I extends Key, A>(state: HyParView.State<I, A>): ReadonlyArray<string> => {
  const faults: Array<string> = []
  const check = (holds: boolean, sentence: string) => {
    if (!holds) faults.push(sentence)
  }
  for (const [name, size, bound] of bounds(state)) check(size <= bound, `${name} holds ${size}, its bound is ${bound}`)
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
  check(!duplicates(state.dialing.map((dialing) => dialing.purpose)), "two dials for one purpose")
  check(!active.some((id) => passive.includes(id)), "active and passive view overlap")
  check(!active.some((id) => asked.includes(id)), "a neighbour is being asked")
  check(!graves.some((id) => active.includes(id) || passive.includes(id)), "a grave is in a view")
  check(state.passiveSince.length === state.passive.length, "passiveSince is not as long as passive")
  check(
    [state.random0, state.random1, ...state.passiveSince, state.admissionTokens].every(Number.isFinite),
    "a number is not finite"
  )
  check(state.admissionTokens >= 0 && state.admissionTokens <= state.config.admissionOverall.burst, "tokens off scale")
  for (const [kind, { at, nonce }] of Object.entries(state.timers)) {
    check(Number.isSafeInteger(at) && at >= 0 && Number.isSafeInteger(nonce), `timer ${kind} at ${at}, nonce ${nonce}`)
  }
  if (state.status === "joining" || state.status === "joined") obligations(state, check)
  else check(active.length + asked.length + state.dialing.length === 0, `a node that has ${state.status} holds links`)
  return faults
}

/** Repair is an obligation: a node that lacks a neighbour is always waiting for something that will come. */
const obligations = <I extends Key, A>(
  state: HyParView.State<I, A>,
  check: (holds: boolean, sentence: string) => void
): void => {
  const { active, config, dialing, passive, pending, round, timers } = state
  const asking = pending.length + dialing.length > 0
  const deadlines = [...pending, ...dialing].map(({ deadline }) => deadline)
  check(
    !asking || (timers.Request.nonce !== 0 && timers.Request.at <= Math.min(...deadlines)),
    "a request under way that no timer watches"
  )
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
  const timers: Record<string, number> = {}
  for (const [kind, slot] of Object.entries(before.timers)) timers[kind] = slot.nonce
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
        timers[output.kind] = output.nonce
        break
      case "ClearTimer":
        timers[output.kind] = 0
        break
      default:
    }
  }
  if (up.size !== state.active.length || state.active.some(({ peer }) => !up.has(peer.id))) {
    faults.push("NeighborUp and NeighborDown do not add up to the active view")
  }
  for (const [kind, slot] of Object.entries(state.timers)) {
    // A slot that fired is empty in the state and, by that, in the driver's table.
    if (slot.nonce !== 0 && slot.nonce !== timers[kind]) faults.push(`timer ${kind} was not set by an output`)
  }
  return faults
}

/** Everything that is wrong with a transition. */
export const transitionFaults = <I extends Key, A>(
  before: HyParView.State<I, A>,
  now: number,
  step: HyParView.Step<I, A>
): ReadonlyArray<string> => [...stateFaults(step.state), ...stepFaults(before, now, step)]
