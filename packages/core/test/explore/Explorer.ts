/**
 * Exhaustive exploration: from one world, every order in which the events that a budget allows can happen, to a stated
 * number of events; breadth first, so that the first counterexample found is a shortest one. Worlds that behave alike
 * (`Canonical.ts`) are explored once. The invariants are looked at in every transition, and symmetry whenever nothing is
 * under way; from a sample of the last worlds, calm must make the overlay whole.
 */
import { nextBelow, type Random, seeded, seededFor } from "@hyparview/core/Random"
import { type CalmOptions, runCalm } from "./Calm.ts"
import { hashOf } from "./Canonical.ts"
import { type Budget, enabled, spend } from "./Events.ts"
import { trace } from "./Trace.ts"
import { Watch } from "./Watch.ts"
import type { Event, Id, World } from "./World.ts"

export interface Scenario {
  readonly start: World
  readonly budget: Budget
  /** Events in a sequence. */
  readonly depth: number
  /** Whom a node that starts is told to join through. */
  readonly contacts: (node: Id) => ReadonlyArray<Id>
  /** In how many ways each random choice may fall: 1 to 4. */
  readonly dice: number
  readonly calm: Omit<CalmOptions, "seed">
  /** From how many of the last worlds calm is run. */
  readonly calmRuns: number
}

export interface Exploration {
  readonly states: number
  readonly transitions: number
  /** Sequences of at most `depth` events, the dice counted as part of the event. */
  readonly interleavings: number
  readonly depth: number
  /** Whether there was nothing left to explore before that depth. */
  readonly complete: boolean
  readonly calmRuns: number
}

/** A sequence that breaks a rule, written out. */
export class Counterexample extends Error {
  override readonly name = "Counterexample"
}

/** Generators whose first draws lie in different quarters, so that a choice among up to four falls each way. */
const generators: ReadonlyArray<Random> = [0, 3, 1, 2].map((quarter) => {
  for (let seed = 1; ; seed++) if (nextBelow(seeded(seed), 4) === quarter) return seeded(seed)
})

/** One step of a sequence: what happens, and how the dice fall. */
interface Choice {
  readonly event: Event
  readonly dice: Random
}

interface Known {
  readonly parent: number
  readonly choice: Choice
}

interface Open {
  readonly index: number
  readonly world: World
  readonly budget: Budget
}

/** Explores a scenario. A broken rule is thrown as a `Counterexample`. */
export const explore = (scenario: Scenario): Exploration => {
  const { budget, contacts, depth, start } = scenario
  const known: Array<Known | undefined> = [undefined]
  const indexOf = new Map<number, number>([[hashOf(start, budget), 0]])
  const edges: Array<ReadonlyArray<number>> = []
  const watch = new Watch()
  const leaves = new Sample<Open>(scenario.calmRuns)
  let frontier: Array<Open> = [{ index: 0, world: start, budget }]
  let transitions = 0
  let level = 0
  for (; level < depth && frontier.length > 0; level++) {
    const next: Array<Open> = []
    for (const { budget, index, world } of frontier) {
      const successors: Array<number> = []
      for (const event of enabled(world, budget, contacts)) {
        for (let die = 0; die < scenario.dice; die++) {
          const dice = generators[die % generators.length]
          if (dice === undefined) break
          const after = world.fork()
          after.dice = dice
          after.observer = watch.observe
          watch.rolled = false
          after.apply(event)
          transitions++
          const faults = watch.takeWithRest(after)
          if (faults.length > 0) fail(scenario, pathTo(known, index, { event, dice }), faults)
          const left = spend(world, budget, event)
          const hash = hashOf(after, left)
          let successor = indexOf.get(hash)
          if (successor === undefined) {
            successor = known.push({ parent: index, choice: { event, dice } }) - 1
            indexOf.set(hash, successor)
            // The last worlds are many, and wanted for a sample only.
            if (level < depth - 1) next.push({ index: successor, world: after, budget: left })
            else leaves.offer({ index: successor, world: after, budget: left })
          }
          successors.push(successor)
          if (!watch.rolled) break
        }
      }
      edges[index] = successors
    }
    frontier = next
  }
  for (const [seed, leaf] of leaves.kept.entries()) calmDown(scenario, known, leaf, seed)
  return {
    states: known.length,
    transitions,
    interleavings: countSequences(edges, known.length, depth),
    depth: level,
    complete: leaves.offered === 0,
    calmRuns: leaves.kept.length
  }
}

const pathTo = (known: ReadonlyArray<Known | undefined>, index: number, last?: Choice): ReadonlyArray<Choice> => {
  const path = last === undefined ? [] : [last]
  for (let step = known[index]; step !== undefined; step = known[step.parent]) path.unshift(step.choice)
  return path
}

/** Keeps a fair sample of what is offered, always the same for the same offers. */
class Sample<A> {
  readonly kept: Array<A> = []
  offered = 0
  private readonly size: number
  private readonly random = seeded(1)

  constructor(size: number) {
    this.size = size
  }

  offer(item: A): void {
    const at = this.offered++ < this.size ? this.kept.length : nextBelow(this.random, this.offered)
    if (at < this.size) this.kept[at] = item
  }
}

/** Runs calm from one of the last worlds. */
const calmDown = (scenario: Scenario, known: ReadonlyArray<Known | undefined>, leaf: Open, seed: number): void => {
  const faults = runCalm(calmed(leaf.world, seed), { ...scenario.calm, seed })
  if (faults.length > 0) fail(scenario, pathTo(known, leaf.index), faults, seed)
}

/** A fork in which every node draws its own randomness again. */
const calmed = (world: World, seed: number): World => {
  const fork = world.fork()
  fork.dice = undefined
  fork.observer = undefined
  for (const [id, station] of fork.stations.entries()) {
    if (station.state === undefined) continue
    fork.stations[id] = { ...station, state: { ...station.state, ...seededFor(seed, id) } }
  }
  return fork
}

/** Throws the sequence, written out; with `calmSeed` also the calm run that did not end well. */
const fail = (
  scenario: Scenario,
  path: ReadonlyArray<Choice>,
  faults: ReadonlyArray<string>,
  calmSeed?: number
): never => {
  const world = scenario.start.fork()
  const text = trace(world, (apply) => {
    for (const { dice, event } of path) {
      world.dice = dice
      apply(event)
    }
  })
  let calm = ""
  if (calmSeed !== undefined) {
    const fork = calmed(world, calmSeed)
    const lines = trace(fork, (apply) => {
      runCalm(fork, { ...scenario.calm, seed: calmSeed, apply })
    }).split("\n")
    calm = `\n--- then calm (the last ${Math.min(lines.length, 150)} lines)\n${lines.slice(-150).join("\n")}`
  }
  throw new Counterexample(`${faults.join("; ")}\nafter ${path.length} events:\n${text}${calm}`)
}

/**
 * How many sequences of events have been covered: those of `depth` events, and shorter ones at whose end nothing more can
 * happen. Counted forward over the graph of worlds.
 */
const countSequences = (edges: ReadonlyArray<ReadonlyArray<number>>, states: number, depth: number): number => {
  let ways = new Float64Array(states)
  ways[0] = 1
  let ended = 0
  for (let level = 0; level < depth; level++) {
    const next = new Float64Array(states)
    for (const [index, count] of ways.entries()) {
      if (count === 0) continue
      const successors = edges[index] ?? []
      if (successors.length === 0) ended += count
      for (const successor of successors) next[successor] = (next[successor] ?? 0) + count
    }
    ways = next
  }
  return ways.reduce((sum, count) => sum + count, ended)
}
