/**
 * What may happen next in a world: what happens by itself, and the faults and commands that a scenario allows.
 */
import * as HyParView from "@hyparview/core/HyParView"
import { type Event, type Id, idAt, type World } from "./World.ts"

/** How many faults and commands of each kind one sequence of events may hold. */
export interface Budget {
  /** Timers that fire, everywhere together. */
  readonly timers: number
  /** Links that break, with or without loss of what was under way. */
  readonly breaks: number
  /** Dials that fail though somebody would answer. */
  readonly failures: number
  /** Links closed as idle by an end that does not need them. */
  readonly idles: number
  readonly crashes: number
  readonly leaves: number
  /** First starts, restarts with a higher epoch, and joins after a leave. */
  readonly starts: number
}

const isRunning = (world: World, id: Id): boolean => world.stateOf(id) !== undefined

/** Messages, dials and answers that are under way, wherever they are. */
export const underWay = (world: World): Array<Event> => {
  const events: Array<Event> = []
  const size = world.stations.length
  for (const [key, { high, low }] of world.pairs) {
    const a = Math.floor(key / size)
    const b = key % size
    if (low._tag === "Open" && low.queue.length > 0) events.push({ _tag: "Deliver", from: b, to: a })
    if (high._tag === "Open" && high.queue.length > 0) events.push({ _tag: "Deliver", from: a, to: b })
    if (low._tag === "Dialing") events.push({ _tag: isRunning(world, b) ? "Connect" : "FailDial", from: a, to: b })
    if (high._tag === "Dialing") events.push({ _tag: isRunning(world, a) ? "Connect" : "FailDial", from: b, to: a })
  }
  for (const [node, { dials, discovering }] of world.stations.entries()) {
    for (const address of dials) {
      events.push({ _tag: isRunning(world, idAt(address)) ? "OpenContact" : "FailContact", node, address })
    }
    if (discovering) events.push({ _tag: "Discovered", node })
  }
  return events
}

const kinds: ReadonlyArray<HyParView.Timer> = ["Cycle", "Heartbeat", "Request", "Repair", "Discovery"]

/** When the next timer is due; Infinity when none is set. */
export const nextTimerAt = (world: World): number => {
  let earliest = Infinity
  for (const { state } of world.stations) {
    if (state === undefined) continue
    for (const kind of kinds) {
      const { at, nonce } = state.timers[kind]
      if (nonce !== 0 && at < earliest) earliest = at
    }
  }
  return earliest
}

/** The timers that may fire now: those overdue, else those due first, to which time then advances. */
export const timersDue = (world: World): Array<Event> => {
  const limit = Math.max(world.now, nextTimerAt(world))
  const events: Array<Event> = []
  for (const [node, { state }] of world.stations.entries()) {
    if (state === undefined) continue
    for (const kind of kinds) {
      const { at, nonce } = state.timers[kind]
      if (nonce !== 0 && at <= limit) events.push({ _tag: "Fire", node, kind })
    }
  }
  return events
}

/** Links that one end keeps open for nothing. */
export const idleLinks = (world: World, unusedSince = Infinity): Array<Event> => {
  const events: Array<Event> = []
  const size = world.stations.length
  for (const [key, { high, low, usedAt }] of world.pairs) {
    if (usedAt > unusedSince) continue
    const a = Math.floor(key / size)
    const b = key % size
    for (const [end, from, to] of [[low, a, b] as const, [high, b, a] as const]) {
      const state = world.stateOf(from)
      if (end._tag === "Open" && state !== undefined && !HyParView.keepsLink(state, to)) {
        events.push({ _tag: "CloseIdle", from, to })
      }
    }
  }
  return events
}

/** Faults and commands, as far as the budget goes. */
const faults = (world: World, budget: Budget, contacts: (node: Id) => ReadonlyArray<Id>): Array<Event> => {
  const events: Array<Event> = []
  const size = world.stations.length
  for (const [key, { high, low, whole }] of world.pairs) {
    const a = Math.floor(key / size)
    const b = key % size
    if (budget.breaks > 0 && whole) {
      events.push({ _tag: "Break", from: a, to: b, lost: true })
      const inFlight = (low._tag === "Open" && low.queue.length > 0) || (high._tag === "Open" && high.queue.length > 0)
      if (inFlight) events.push({ _tag: "Break", from: a, to: b, lost: false })
    }
    if (budget.failures > 0) {
      if (low._tag === "Dialing" && isRunning(world, b)) events.push({ _tag: "FailDial", from: a, to: b })
      if (high._tag === "Dialing" && isRunning(world, a)) events.push({ _tag: "FailDial", from: b, to: a })
    }
  }
  for (const [node, { dials, epoch, state }] of world.stations.entries()) {
    if (state === undefined || state.status === "idle" || state.status === "left") {
      if (budget.starts > 0) events.push({ _tag: "Start", node, contacts: contacts(node), epoch: epoch + 1 })
      continue
    }
    if (budget.failures > 0) {
      for (const address of dials) {
        if (isRunning(world, idAt(address))) events.push({ _tag: "FailContact", node, address })
      }
    }
    if (budget.crashes > 0) events.push({ _tag: "Crash", node })
    if (budget.leaves > 0) events.push({ _tag: "Leave", node })
  }
  return events
}

/** Everything that may happen next, within a budget. */
export const enabled = (world: World, budget: Budget, contacts: (node: Id) => ReadonlyArray<Id>): Array<Event> => [
  ...underWay(world),
  ...(budget.timers > 0 ? timersDue(world) : []),
  ...(budget.idles > 0 ? idleLinks(world) : []),
  ...faults(world, budget, contacts)
]

/** What is left of a budget after an event. */
export const spend = (world: World, budget: Budget, event: Event): Budget => {
  switch (event._tag) {
    case "Fire":
      return { ...budget, timers: budget.timers - 1 }
    case "Break":
      return { ...budget, breaks: budget.breaks - 1 }
    case "CloseIdle":
      return { ...budget, idles: budget.idles - 1 }
    case "Crash":
      return { ...budget, crashes: budget.crashes - 1 }
    case "Leave":
      return { ...budget, leaves: budget.leaves - 1 }
    case "Start":
      return { ...budget, starts: budget.starts - 1 }
    case "FailDial":
      return isRunning(world, event.to) ? { ...budget, failures: budget.failures - 1 } : budget
    case "FailContact":
      return isRunning(world, idAt(event.address)) ? { ...budget, failures: budget.failures - 1 } : budget
    default:
      return budget
  }
}
