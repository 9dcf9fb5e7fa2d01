/**
 * Long random walks through the same worlds that are explored exhaustively to a small depth: far more events, far fewer
 * orders. A walk that ends badly is shortened to the events that it takes, and written out.
 */
import { nextBelow, type Random, seeded, seededFor } from "@hyparview/core/Random"
import { runCalm } from "./Calm.ts"
import { type Budget, enabled, spend } from "./Events.ts"
import { Counterexample, type Scenario } from "./Explorer.ts"
import { trace } from "./Trace.ts"
import { Watch } from "./Watch.ts"
import type { Event, World } from "./World.ts"

/** A step of a walk: what happened, and the seed of the randomness that the nodes drew. */
interface Choice {
  readonly event: Event
  readonly seed: number
}

const isFault = (event: Event): boolean =>
  ["Break", "Crash", "Leave", "Start", "CloseIdle", "FailDial", "FailContact"].includes(event._tag)

/** Picks the next event: by itself things happen three times out of four. */
const pick = (events: ReadonlyArray<Event>, random: Random): Event | undefined => {
  const faults = nextBelow(random, 4) === 0
  const some = events.filter((event) => isFault(event) === faults)
  const from = some.length > 0 ? some : events
  return from[nextBelow(random, Math.max(1, from.length))]
}

/** Walks on; stops at the first broken rule. `next` gives the choices, `undefined` at the end. */
const follow = (
  scenario: Scenario,
  world: World,
  next: (world: World, budget: Budget) => Choice | undefined,
  calmSeed: number,
  apply: (event: Event) => void = (event) => world.apply(event)
): { readonly path: ReadonlyArray<Choice>; readonly faults: ReadonlyArray<string> } => {
  const watch = new Watch()
  watch.attach(world)
  const path: Array<Choice> = []
  let { budget } = scenario
  for (;;) {
    const choice = next(world, budget)
    if (choice === undefined) break
    path.push(choice)
    budget = spend(world, budget, choice.event)
    world.dice = seeded(choice.seed)
    apply(choice.event)
    const faults = watch.takeWithRest(world)
    if (faults.length > 0) return { path, faults }
  }
  world.dice = undefined
  for (const [id, station] of world.stations.entries()) {
    if (station.state === undefined) continue
    world.stations[id] = { ...station, state: { ...station.state, ...seededFor(calmSeed, id) } }
  }
  const outcome = runCalm(world, { ...scenario.calm, seed: calmSeed, apply })
  return { path, faults: [...watch.take(), ...outcome] }
}

const replay = (path: ReadonlyArray<Choice>, scenario: Scenario) => {
  let at = 0
  return (world: World, budget: Budget): Choice | undefined => {
    for (; at < path.length; at++) {
      const choice = path[at]
      const text = JSON.stringify(choice?.event)
      const possible = enabled(world, budget, scenario.contacts).some((event) => JSON.stringify(event) === text)
      if (!possible) continue
      at++
      return choice
    }
    return undefined
  }
}

/** Leaves out every event without which the walk still ends badly. */
const shorten = (scenario: Scenario, path: ReadonlyArray<Choice>, calmSeed: number): ReadonlyArray<Choice> => {
  let best = path
  for (let size = Math.ceil(path.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = best.length - size; at >= 0; at -= size) {
      const shorter = best.toSpliced(at, size)
      const { faults, path } = follow(scenario, scenario.start.fork(), replay(shorter, scenario), calmSeed)
      if (faults.length > 0) best = path
    }
  }
  return best
}

/** Walks `walks` times at random. A broken rule is thrown as a `Counterexample`. */
export const wander = (scenario: Scenario, walks: number, firstSeed = 0): void => {
  for (let seed = firstSeed; seed < firstSeed + walks; seed++) {
    const random = seeded(seed)
    let left = scenario.depth
    const { faults, path } = follow(
      scenario,
      scenario.start.fork(),
      (world, budget) => {
        const event = left-- > 0 ? pick(enabled(world, budget, scenario.contacts), random) : undefined
        return event === undefined ? undefined : { event, seed: nextBelow(random, 1_000_000) }
      },
      seed
    )
    if (faults.length === 0) continue
    const short = shorten(scenario, path, seed)
    const world = scenario.start.fork()
    let sentences: ReadonlyArray<string> = faults
    const text = trace(world, (apply) => {
      sentences = follow(scenario, world, replay(short, scenario), seed, apply).faults
    }).split("\n")
    const shown = text.length <= 4000 ? text : [...text.slice(0, 200), "    …", ...text.slice(-200)]
    throw new Counterexample(
      `seed ${seed}: ${sentences.join("; ")}\nafter ${short.length} events:\n${shown.join("\n")}`
    )
  }
}
