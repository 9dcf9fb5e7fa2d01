/**
 * What holds after every transition of a node, whatever its input was (the rules "Always" of `docs/protocol.md`, I1–I6):
 * looked at from outside, by states and outputs alone. The tests of the core, the simulator and the runtime are all watched
 * by it.
 *
 * @since 0.1.0
 */
import * as HyParView from "@hyparview/core/HyParView"
import type * as Node from "@hyparview/core/Node"
import type { Key, Peer } from "@hyparview/core/Peer"

type State<I extends Key, A> = HyParView.State<I, A>

/**
 * A step of HyParView, or the membership's part of a node's: what the broadcast adds to the outputs is not looked at.
 *
 * @category models
 * @since 0.1.0
 */
export interface Step<I extends Key, A> {
  readonly state: HyParView.State<I, A>
  readonly outputs: ReadonlyArray<Node.Output<I, A>>
}

/**
 * The most outputs that one step may have. The worst step ends all A links (a `Leave`, or an `EpochRaised` that then asks
 * everybody it knows again): a goodbye, a NeighborDown and a Close for each link, a request for each slot, five timers,
 * and a handful of single ones.
 *
 * @category bounds
 * @since 0.1.0
 */
export const mostOutputs = (config: HyParView.Config): number => 4 * config.activeSize + 12

const duplicates = <A>(items: ReadonlyArray<A>): boolean => {
  for (const [index, item] of items.entries()) if (items.indexOf(item) < index) return true
  return false
}

const overlap = <A>(some: ReadonlyArray<A>, others: ReadonlyArray<A>): boolean => {
  for (const item of some) if (others.includes(item)) return true
  return false
}

type Check = (holds: boolean, sentence: string) => void

/** Every array of a state is within its named cap. */
const checkBounds = <I extends Key, A>(state: State<I, A>, check: Check): void => {
  const { config, round } = state
  const atMost = (name: string, { length }: ReadonlyArray<unknown>, bound: number) => {
    if (length > bound) check(false, `${name} holds ${length}, its bound is ${bound}`)
  }
  atMost("active", state.active, config.activeSize)
  atMost("passive.ids", state.passive.ids, config.passiveSize)
  atMost("passive.epochs", state.passive.epochs, config.passiveSize)
  atMost("passive.addresses", state.passive.addresses, config.passiveSize)
  atMost("passive.since", state.passive.since, config.passiveSize)
  atMost("pending", state.pending, config.activeSize)
  atMost("suspects", state.memory.suspects, config.memorySize)
  atMost("contacts.known", state.contacts.known, config.contactsSize)
  atMost("contacts.left", state.contacts.left, config.contactsSize)
  atMost("dialing", state.contacts.dialing, 3)
  atMost("graveyard", state.memory.graveyard.ids, config.graveyardSize)
  atMost("departed", state.memory.departed, config.memorySize)
  atMost("askers", state.admission.askers, config.memorySize)
  atMost("named", state.admission.named, config.memorySize)
  atMost("round.tried", round.tried, Math.max(config.memorySize, config.passiveSize))
  atMost("round.busy", round.busy, config.memorySize)
  atMost("round.retried", round.retried, config.memorySize)
  atMost("search.strangers", state.search.strangers, 1 + config.shuffleActive + config.shufflePassive)
  atMost("shuffle.sent", state.shuffle?.sent ?? [], config.shuffleActive + config.shufflePassive)
}

/** The views, the graveyard and the requests: self in none, nobody twice, nobody in two that exclude each other. */
const checkViews = <I extends Key, A>(state: State<I, A>, check: Check): void => {
  const active = state.active.map(({ id }) => id)
  const passive = state.passive.ids
  const graves = state.memory.graveyard.ids
  const asked = state.pending.map(({ peer }) => peer.id)
  const self = state.self.id
  check(
    state.active.every(({ id, peer }) => id === peer.id),
    "a neighbour under another's id"
  )
  check(!active.includes(self), "self in the active view")
  check(!passive.includes(self), "self in the passive view")
  check(!graves.includes(self), "self in the graveyard")
  check(!asked.includes(self), "self is being asked")
  check(!duplicates(active), "an id twice in the active view")
  check(!duplicates(passive), "an id twice in the passive view")
  check(!duplicates(graves), "an id twice in the graveyard")
  check(!duplicates(asked), "an id asked twice")
  check(!asked.includes(linkingWith(state) ?? self), "an id is asked by a request and in a round of X-BOT")
  check(!overlap(active, passive), "active and passive view overlap")
  check(!overlap(active, asked), "a neighbour is being asked")
  check(!overlap(graves, active) && !overlap(graves, passive), "a grave is in a view")
}

/** With whom a node that asks for a link in a round of X-BOT, or has been asked for one, will make it. */
const linkingWith = <I extends Key, A>({ swap }: State<I, A>): I | undefined => {
  switch (swap?._tag) {
    case "Initiator":
      return swap.candidate.id
    case "Choosing":
    case "Candidate":
      return swap.initiator.id
    case "Disconnected":
      return swap.old.id
    default:
      return undefined
  }
}

/** Whether somebody can have this epoch (rule 9d). */
const isEpoch = (epoch: number): boolean => Number.isInteger(epoch) && epoch >= 0 && epoch <= HyParView.highestEpoch

const hasEpoch = <I extends Key, A>({ peer }: { readonly peer: Peer<I, A> }): boolean => isEpoch(peer.epoch)

const kinds: ReadonlyArray<HyParView.Timer> = ["Cycle", "Heartbeat", "Request", "Repair", "Discovery"]

const checkRest = <I extends Key, A>(state: State<I, A>, check: Check): void => {
  const { active, config, passive, pending, status } = state
  const { dialing } = state.contacts
  check(!duplicates(dialing.map(({ purpose }) => purpose)), "two dials for one purpose")
  const { length } = passive.ids
  check(
    passive.epochs.length === length && passive.addresses.length === length && passive.since.length === length,
    "a column of the passive view is not as long as its ids"
  )
  const { addresses, epochs, ids: graves } = state.memory.graveyard
  check(
    epochs.length === graves.length && addresses.length === graves.length,
    "a column of the graveyard is not as long as its ids"
  )
  check(
    passive.since.every((since) => Number.isFinite(since) && since <= state.cycle),
    "an age is none"
  )
  check(isEpoch(state.self.epoch), `the epoch is ${state.self.epoch}`)
  check(active.every(hasEpoch), "a neighbour with an epoch that nobody has")
  check(pending.every(hasEpoch), "somebody is asked with an epoch that nobody has")
  check(passive.epochs.every(isEpoch), "a passive entry with an epoch that nobody has")
  check(epochs.every(isEpoch), "a grave with an epoch that nobody has")
  check(
    state.memory.suspects.every((id) => passive.ids.includes(id)),
    "a suspect is not in the passive view"
  )
  check(
    state.round.busy.every((id) => state.round.tried.includes(id)),
    "who was busy has not been tried"
  )
  check(Number.isFinite(state.random0) && Number.isFinite(state.random1), "the generator is no number")
  const { tokens } = state.admission
  check(tokens >= 0 && tokens <= config.admissionOverall.burst, "tokens off scale")
  for (const kind of kinds) {
    const { at, nonce } = state.timers[kind]
    if (!(Number.isSafeInteger(at) && at >= 0)) check(false, `timer ${kind} at ${at}, nonce ${nonce}`)
  }
  if (status === "joining" || status === "joined") checkObligations(state, check)
  else check(active.length + pending.length + dialing.length === 0, `a node that is ${status} holds links`)
}

/** 1 while a slot waits for the link that a round of X-BOT brings. */
const handedOver = <I extends Key, A>(state: State<I, A>): number => {
  const promised = promiseOf(state)
  return promised === undefined || state.active.some(({ id }) => id === promised.peer.id) ? 0 : 1
}

/** Repair is an obligation: a node that lacks a neighbour is always waiting for something that will come. */
const checkObligations = <I extends Key, A>(state: State<I, A>, check: Check): void => {
  const { active, config, passive, pending, round, timers } = state
  const { dialing } = state.contacts
  const asking = pending.length + dialing.length > 0
  const watched = ({ deadline }: { readonly deadline: number }) =>
    timers.Request.nonce !== 0 && timers.Request.at <= deadline
  check(pending.every(watched) && dialing.every(watched), "a request under way that no timer watches")
  check(state.swap === undefined || watched(state.swap), "a round of X-BOT that no timer watches")
  check(timers.Cycle.nonce !== 0, "no cycle to come")
  check(config.heartbeatMillis === 0 || timers.Heartbeat.nonce !== 0, "no heartbeat to come")
  if (active.length + handedOver(state) >= config.activeSize || asking) return
  check(round.waiting, "a free slot, nobody asked, and no wait")
  check(passive.ids.length === 0 || timers.Repair.nonce !== 0, "a free slot, somebody to ask, and no timer")
  check(active.length > 0 || timers.Discovery.nonce !== 0, "no neighbour, and Discovery not asked")
}

const collecting = (): { readonly faults: Array<string>; readonly check: Check } => {
  const faults: Array<string> = []
  return {
    faults,
    check: (holds, sentence) => {
      if (!holds) faults.push(sentence)
    }
  }
}

/**
 * What is wrong with a state: sentences, none if all is well.
 *
 * @category checking
 * @since 0.1.0
 */
export const stateFaults = <I extends Key, A>(state: State<I, A>): ReadonlyArray<string> => {
  const { check, faults } = collecting()
  checkBounds(state, check)
  checkViews(state, check)
  checkRest(state, check)
  return faults
}

const slotOf = (timer: Node.Timer): number => kinds.findIndex((kind) => kind === timer)

const isMembership = <I extends Key, A>(output: Node.Output<I, A>): boolean => {
  switch (output._tag) {
    case "Send":
      return output.message._tag !== "Carried"
    case "SetTimer":
    case "ClearTimer":
      return slotOf(output.kind) >= 0
    case "Dial":
    case "Close":
    case "Discover":
    case "Measure":
    case "NeighborUp":
    case "NeighborDown":
    case "LinkRenewed":
    case "Joined":
    case "RoundTrip":
    case "EpochRaised":
    case "Left":
    case "DuplicateIdentity":
      return true
    default:
      return false
  }
}

/**
 * An exchange of links (X-BOT) takes one for another in one step. What is to be left alone is never promised to anybody; once
 * it is promised it may become the oldest of its kind, if others are lost meanwhile, and goes all the same.
 */
const exchangeFaults = <I extends Key, A>(
  before: State<I, A>,
  outputs: ReadonlyArray<Node.Output<I, A>>,
  after: State<I, A>
): ReadonlyArray<string> => {
  const faults: Array<string> = []
  const promised = promiseOf(after)
  if (promised !== undefined && promiseOf(before)?.link !== promised.link && isUnbiased(after, promised.peer.id)) {
    faults.push("an unbiased link was promised")
  }
  const given = outputs.filter((output) => output._tag === "NeighborDown" && output.reason === "optimized")
  if (given.length === 0) return faults
  if (given.length > 1) faults.push(`${given.length} links exchanged in one step`)
  if (after.active.length !== before.active.length) {
    faults.push(`an exchange changed ${before.active.length} neighbours into ${after.active.length}`)
  }
  const { swap } = before
  if (swap?._tag === "Old" && isUnbiased(before, swap.initiator.id)) faults.push("an unbiased link was exchanged")
  return faults
}

/** The link that a node gives away in the round of X-BOT under way. */
const promiseOf = <I extends Key, A>({ swap }: State<I, A>) =>
  swap !== undefined && "given" in swap && swap._tag !== "Judging" ? swap.given : undefined

/** Whether the link to this neighbour is one of those that X-BOT leaves alone. */
const isUnbiased = <I extends Key, A>({ active, config }: State<I, A>, id: I): boolean =>
  config.optimizeCandidates > 0 &&
  active
    .filter(({ unbiased }) => unbiased)
    .slice(0, config.unbiasedLinks)
    .some((neighbor) => neighbor.id === id)

/**
 * What is wrong with a step: its outputs, and that they tell the same as the states.
 *
 * @category checking
 * @since 0.1.0
 */
export const stepFaults = <I extends Key, A>(
  before: State<I, A>,
  now: number,
  { outputs, state }: Step<I, A>
): ReadonlyArray<string> => {
  const faults: Array<string> = []
  const most = mostOutputs(state.config)
  let count = 0
  for (const output of outputs) if (isMembership(output)) count++
  if (count > most) faults.push(`${count} outputs, at most ${most} allowed`)
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
        if (isMembership(output)) set[slotOf(output.kind)] = output.nonce
        break
      case "ClearTimer":
        if (isMembership(output)) set[slotOf(output.kind)] = 0
        break
      default:
    }
  }
  faults.push(...exchangeFaults(before, outputs, state))
  if (up.size !== state.active.length || state.active.some(({ peer }) => !up.has(peer.id))) {
    faults.push("NeighborUp and NeighborDown do not add up to the active view")
  }
  for (const [index, kind] of kinds.entries()) {
    // A slot that fired is empty in the state and, by that, in the driver's table.
    const { nonce } = state.timers[kind]
    if (nonce !== 0 && nonce !== set[index]) faults.push(`timer ${kind} was not set by an output`)
  }
  if (state.self.id !== before.self.id) faults.push("a node's own id has changed")
  if (state.self.epoch < before.self.epoch) {
    faults.push(`its own epoch fell from ${before.self.epoch} to ${state.self.epoch}`)
  }
  return faults
}

/**
 * Everything that is wrong with a transition.
 *
 * @category checking
 * @since 0.1.0
 */
export const transitionFaults = <I extends Key, A>(
  before: State<I, A>,
  now: number,
  step: Step<I, A>
): ReadonlyArray<string> => [...stateFaults(step.state), ...stepFaults(before, now, step)]

/**
 * The same for a long run, in which each state was checked as it came: views that are the very ones they were before
 * need no second look. (So a step that wrote into an array it was given would pass here; the tests of the core freeze
 * theirs.)
 *
 * @category checking
 * @since 0.1.0
 */
export const changeFaults = <I extends Key, A>(
  before: State<I, A>,
  now: number,
  step: Step<I, A>
): ReadonlyArray<string> => {
  const { state } = step
  if (state === before && step.outputs.length === 0) return none
  const { check, faults } = collecting()
  checkBounds(state, check)
  if (
    state.active !== before.active ||
    state.passive !== before.passive ||
    state.memory.graveyard !== before.memory.graveyard ||
    state.pending !== before.pending ||
    state.swap !== before.swap ||
    state.self !== before.self
  ) {
    checkViews(state, check)
  }
  checkRest(state, check)
  return [...faults, ...stepFaults(before, now, step)]
}

const none: ReadonlyArray<never> = []
