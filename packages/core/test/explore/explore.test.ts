/**
 * Small worlds, explored: every order of events to the depth in the test's name; then long random walks through the same
 * worlds. Each test prints what it has covered. `EXPLORE_DEEPER=2` goes two events deeper, and walks four times as much
 * for each.
 */
import { assert, describe, it } from "@effect/vitest"
import { explore, type Scenario } from "./Explorer.ts"
import { acquainted, fresh, optimizing, rested, scenario } from "./Scenarios.ts"
import { wander } from "./Wander.ts"
import { World } from "./World.ts"

const deeper = Number(process.env["EXPLORE_DEEPER"] ?? 0)

/** One link each: three nodes can never be whole, and must not storm for it; the rates of `Admission.ts` see to that. */
const single = { activeSize: 1, protectedLinks: 0, admissionPerPeer: { burst: 2, perMinute: 12 } }

const everything = { timers: 20, breaks: 4, failures: 4, idles: 4, crashes: 2, leaves: 2, starts: 6 }

const scenarios: Readonly<Record<string, Scenario>> = {
  "three nodes join": scenario(fresh(3), 8, { starts: 3, timers: 1, failures: 1 }),
  "two nodes that know each other ask each other": scenario(acquainted(2), 9, {
    starts: 2,
    timers: 2,
    breaks: 1,
    idles: 1
  }),
  "three nodes that know each other ask each other": scenario(acquainted(3), 8, { starts: 3, timers: 1 }),
  "links of three nodes break": scenario(rested(3, 3), 7, { breaks: 2, timers: 1, idles: 1 }),
  "one of three nodes restarts": scenario(rested(3, 3), 8, { crashes: 1, starts: 1, timers: 1 }),
  "one of three nodes leaves and comes back": scenario(rested(3, 3), 10, { leaves: 1, starts: 1, timers: 1 }),
  "a fourth node joins three that are full": scenario(rested(4, 3), 8, { starts: 1, breaks: 1, timers: 1 }),
  "one of four nodes dies": scenario(rested(4, 4), 7, { crashes: 1, timers: 2, idles: 1 }),
  "three nodes share one link each": scenario(rested(3, 2, single), 7, { starts: 1, breaks: 1, timers: 2, idles: 1 }),
  "three nodes that know each other have one link each": scenario(acquainted(3, single), 9, { starts: 3, timers: 1 }),
  "six nodes exchange links": scenario(rested(6, 6, optimizing), 14, { timers: 4 }),
  "six nodes exchange links, and one breaks": scenario(rested(6, 6, optimizing), 9, { timers: 1, breaks: 1 })
}

describe("every order of events", () => {
  for (const [name, { depth, ...rest }] of Object.entries(scenarios)) {
    it(`${name}, to ${depth + deeper} events`, { timeout: 3_600_000 }, () => {
      const found = explore({ ...rest, depth: depth + deeper })
      console.log(
        `${name}: ${found.states} worlds, ${found.transitions} transitions, ${found.interleavings} sequences of ` +
          `${found.depth} events${found.complete ? " (all there are)" : ""}, ${found.calmRuns} calm runs`
      )
      // A start from which next to nothing can happen would pass for nothing.
      assert.isAbove(found.calmRuns, 0)
    })
  }
})

describe("long random walks", () => {
  const worlds: Readonly<Record<string, World>> = {
    "three nodes that start": fresh(3),
    "four nodes that start": fresh(4),
    "three nodes": rested(3, 3),
    "four nodes": rested(4, 4),
    "five nodes": rested(5, 5),
    "five nodes with three links each": rested(5, 5, { activeSize: 3 }),
    "three nodes with one link each": rested(3, 2, single),
    "six nodes that exchange links": rested(6, 6, optimizing)
  }
  for (const [name, world] of Object.entries(worlds)) {
    it(`of 60 events, among ${name}`, { timeout: 3_600_000 }, () => {
      wander(scenario(world, 60, everything), 1_500 * 4 ** deeper)
    })
  }
})

describe("the explorer itself", () => {
  it("finds a network that tells only one end of a break, and writes down how", () => {
    class Deaf extends World {
      override fork(): World {
        return new Deaf(this, this.stations.length)
      }
      override apply(event: Parameters<World["apply"]>[0]): void {
        super.apply(event._tag === "Break" ? { _tag: "CloseIdle", from: event.from, to: event.to } : event)
      }
    }
    const start = new Deaf(rested(3, 3), 3)
    assert.throws(
      () => explore(scenario(start, 3, { breaks: 1 })),
      /only a holds the link a–b|only b holds the link a–b|only \w holds the link/
    )
  })

  it("counts every sequence once", () => {
    // One timer is due at each of three nodes, and nothing else may happen: the first to fire is the only choice.
    const found = explore(scenario(rested(3, 3), 1, { timers: 1 }, { dice: 1 }))
    assert.deepStrictEqual([found.states, found.transitions, found.interleavings, found.complete], [2, 1, 1, false])
  })
})
