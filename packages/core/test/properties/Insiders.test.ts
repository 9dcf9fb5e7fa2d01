/**
 * Two members of a small cluster lie: they hold links and know their names, and say anything to anybody, a thousand times
 * a minute. The others keep every invariant meanwhile; and once the liars are gone they are whole, though their passive views
 * were full of nodes that never were.
 */
import { assert, describe, it } from "@effect/vitest"
import * as HyParView from "@hyparview/core/HyParView"
import { nextBelow, seeded, seededFor } from "@hyparview/core/Random"
import * as Result from "effect/Result"
import { advance, calmFaults, drain } from "../explore/Calm.ts"
import { nextTimerAt, timersDue, underWay } from "../explore/Events.ts"
import { Watch } from "../explore/Watch.ts"
import { addressOf, World } from "../explore/World.ts"
import { message } from "./hostile.ts"

const honest = 8
const liars = [8, 9] as const
/** Places for the ids that the liars make up: nobody runs there. */
const places = 40

const joined = (seed: number): World => {
  const random = seeded(seed)
  const config = Result.getOrThrow(HyParView.forClusterSize(100, { activeSize: 4, passiveSize: 8 }))
  const randomFor = (node: number, epoch: number) => seededFor(seed + epoch, node)
  const world = new World({ config, seeds: [0, 1, 2], randomFor }, places)
  for (let node = 0; node < honest + liars.length; node++) {
    const contacts = node === 0 ? [] : [nextBelow(random, node)]
    world.apply({ _tag: "Start", node, contacts, epoch: 1 })
    drain(world, random)
  }
  return world
}

/** Two minutes of lies; how many there were. */
const lie = (world: World, seed: number): number => {
  const random = seeded(seed + 1_000)
  const until = world.now + 120_000
  let lies = 0
  while (world.now < until) {
    for (const event of underWay(world)) if (nextBelow(random, 4) > 0) world.apply(event)
    const liar = liars[nextBelow(random, liars.length)] ?? liars[0]
    const state = world.stateOf(liar)
    if (state === undefined) throw new Error(`liar ${liar} runs`)
    for (let count = nextBelow(random, 6); count > 0; count--) {
      const id = nextBelow(random, honest)
      world.send(liar, { id, epoch: 1, address: addressOf(id) }, message(random, state))
      lies++
    }
    if (nextBelow(random, 2) === 0) continue
    world.now += nextBelow(random, 300)
    for (let due = timersDue(world); nextTimerAt(world) <= world.now; due = timersDue(world)) {
      const [event] = due
      if (event !== undefined) world.apply(event)
    }
  }
  return lies
}

describe("members that lie", () => {
  it("break nobody else, and leave a whole cluster behind", { timeout: 120_000 }, () => {
    let lies = 0
    for (let seed = 0; seed < 25; seed++) {
      const world = joined(seed)
      const watch = new Watch()
      watch.attach(world)
      lies += lie(world, seed)
      assert.deepStrictEqual(watch.take(), [], `seed ${seed}`)
      for (const node of liars) world.apply({ _tag: "Crash", node })
      const random = seeded(seed)
      const until = world.now + 600_000
      let wrong = drain(world, random)
      while (world.now < until && (wrong.length > 0 || calmFaults(world).length > 0)) {
        advance(world, random, 10_000)
        wrong = drain(world, random)
      }
      assert.deepStrictEqual([...wrong, ...calmFaults(world)], [], `seed ${seed}`)
      for (let node = 0; node < honest; node++)
        assert.strictEqual(world.stateOf(node)?.status, "joined", `seed ${seed}`)
    }
    assert.isAbove(lies, 50_000)
  })
})
