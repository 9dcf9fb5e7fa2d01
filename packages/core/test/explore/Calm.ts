/**
 * A calm run: from any world, no fault any more. Everything under way arrives, timers fire when they are due, links that
 * nobody needs are closed, Discovery answers. Then the overlay must become whole, and stay so.
 */
import type * as HyParView from "@hyparview/core/HyParView"
import { nextBelow, type Random, seeded } from "@hyparview/core/Random"
import { asymmetricLinks, deadLinks, type Snapshot, violations } from "@hyparview/faults/Overlay"
import { idleLinks, nextTimerAt, timersDue, underWay } from "./Events.ts"
import type { Event, Id, World } from "./World.ts"

/** Members: nodes that run and have joined or try to. */
const isMember = (state: HyParView.State<Id, number> | undefined): boolean =>
  state !== undefined && (state.status === "joining" || state.status === "joined")

/** The views of all members. */
export const snapshot = (world: World): Snapshot<Id> =>
  world.stations.flatMap(({ state }, id) =>
    state !== undefined && isMember(state)
      ? [
          {
            id,
            active: state.active.map(({ peer }) => peer.id),
            passive: state.passive.ids,
            pending: state.pending.length
          }
        ]
      : []
  )

const letters = "abcdefgh"
/** Nodes of small worlds are letters, those of larger ones numbers. */
export const nameOf = (id: Id): string => letters[id] ?? `n${id}`

/**
 * What must hold whenever nothing is under way, long before any repair: no link is held by one end only, and none to a
 * node that is not there.
 */
export const settledFaults = (world: World): ReadonlyArray<string> => {
  const views = snapshot(world)
  return [...asymmetricLinks(views), ...deadLinks(views)].map(
    ({ from, to }) => `nothing is under way, and only ${nameOf(from)} holds the link ${nameOf(from)}–${nameOf(to)}`
  )
}

/** What a calm overlay still lacks. With A = 1 pairs are all there can be: no one component, nobody with two neighbours. */
export const calmFaults = (world: World): ReadonlyArray<string> => {
  const { activeSize, passiveSize } = world.config
  const calm = activeSize > 1
  return [...settledFaults(world), ...violations(snapshot(world), { activeSize, passiveSize }, { calm })]
}

export interface CalmOptions {
  readonly seed: number
  /** How long the overlay may take to become whole. */
  readonly limitMillis: number
  /** How long it must have run when it is whole again. */
  readonly stayMillis: number
  /** Links unused this long are closed by whoever does not need them. */
  readonly idleMillis: number
  /** How events are applied; a trace puts itself between. */
  readonly apply?: (event: Event) => void
}

/** More events than this at one instant are a storm. */
const mostAtOnce = 5_000

/** Runs everything that is under way, in a random order, without letting time pass. */
export const drain = (
  world: World,
  random: Random,
  apply: (event: Event) => void = (event) => world.apply(event)
): ReadonlyArray<string> => {
  for (let count = 0; count < mostAtOnce; count++) {
    const events = underWay(world)
    const event = events[nextBelow(random, Math.max(1, events.length))]
    if (event === undefined) return []
    apply(event)
  }
  return [`a storm: more than ${mostAtOnce} events at one instant`]
}

/** Lets time pass to the next timer or the next idle link, and does what is due there. */
export const advance = (
  world: World,
  random: Random,
  idleMillis: number,
  apply: (event: Event) => void = (event) => world.apply(event)
): void => {
  let at = nextTimerAt(world)
  for (const { usedAt } of world.pairs.values()) {
    if (usedAt + idleMillis > world.now && usedAt + idleMillis < at) at = usedAt + idleMillis
  }
  if (at === Infinity) return
  world.now = Math.max(world.now, at)
  for (const event of idleLinks(world, world.now - idleMillis)) {
    apply(event)
  }
  const due = timersDue(world)
  const event = due[nextBelow(random, Math.max(1, due.length))]
  if (nextTimerAt(world) > world.now || event === undefined) return
  apply(event)
}

/**
 * Runs a world in calm; what it says is wrong with the outcome. The overlay must become whole, and after a while it must
 * be whole or become so again: an overlay never quite rests, since now and then a bridge mixes it (rules, §4.2).
 */
export const runCalm = (world: World, options: CalmOptions): ReadonlyArray<string> => {
  const { limitMillis, seed, stayMillis } = options
  const random = seeded(seed)
  const first = runUntilWhole(world, random, options, world.now + limitMillis, world.now)
  if (first.length > 0) return first
  return runUntilWhole(world, random, options, world.now + stayMillis + limitMillis, world.now + stayMillis)
}

/** Runs until an instant after `from` at which the overlay is whole. */
const runUntilWhole = (
  world: World,
  random: Random,
  { apply, idleMillis }: CalmOptions,
  until: number,
  from: number
): ReadonlyArray<string> => {
  for (;;) {
    const storm = drain(world, random, apply)
    if (storm.length > 0) return storm
    const unsettled = settledFaults(world)
    if (unsettled.length > 0) return unsettled
    const lacks = calmFaults(world)
    if (world.now > until || (world.now >= from && lacks.length === 0)) return lacks
    const before = world.now
    advance(world, random, idleMillis, apply)
    if (world.now === before && nextTimerAt(world) === Infinity) return lacks
  }
}
