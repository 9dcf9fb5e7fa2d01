/**
 * Sequences that broke a rule when exploration found them, shortened; each is kept so that it cannot come back.
 */
import { assert, describe, it } from "@effect/vitest"
import * as HyParView from "@hyparview/core/HyParView"
import { runCalm } from "./Calm.ts"
import { calm, fresh, rested } from "./Scenarios.ts"
import { Watch } from "./Watch.ts"
import type { Event, World } from "./World.ts"

/** Applies events; every step and every moment of rest must be sound. */
const play = (world: World, events: ReadonlyArray<Event>): World => {
  const watch = new Watch()
  watch.attach(world)
  for (const event of events) {
    world.apply(event)
    assert.deepStrictEqual(watch.takeWithRest(world), [])
  }
  return world
}

describe("sequences found by exploration", () => {
  it("one that has left, and still answers, is kept by nobody", () => {
    const world = play(fresh(2), [
      { _tag: "Start", node: 0, contacts: [], epoch: 1 },
      { _tag: "Leave", node: 0 },
      { _tag: "Start", node: 1, contacts: [0], epoch: 1 },
      { _tag: "OpenContact", node: 1, address: 100 },
      { _tag: "Deliver", from: 1, to: 0 },
      { _tag: "Deliver", from: 0, to: 1 }
    ])
    assert.deepStrictEqual(world.stateOf(1)?.passive, [])
  })

  it("a link opened before a second Join is closed, since it carries the epoch that is over", () => {
    const world = play(rested(2, 2), [
      { _tag: "Leave", node: 1 },
      { _tag: "Deliver", from: 1, to: 0 },
      { _tag: "Deliver", from: 1, to: 0 },
      { _tag: "OpenContact", node: 1, address: 100 },
      { _tag: "Start", node: 1, contacts: [0], epoch: 2 },
      { _tag: "OpenContact", node: 1, address: 100 },
      { _tag: "Deliver", from: 1, to: 0 },
      { _tag: "Deliver", from: 0, to: 1 }
    ])
    assert.deepStrictEqual(
      world.stateOf(0)?.active.map(({ link, peer }) => [peer.epoch, link.epoch]),
      [[2, 2]]
    )
    assert.deepStrictEqual(runCalm(world, { ...calm, seed: 1 }), [])
  })

  it("two that met through Discovery alone find the others, who are full", () => {
    const world = rested(5, 3)
    const start = (node: number): Event => ({ _tag: "Start", node, contacts: [], epoch: 1 })
    play(world, [start(3), start(4), { _tag: "Discovered", node: 3 }])
    // Nobody can be reached but the other newcomer.
    for (let address = dialled(world, 3); address !== 104; address = dialled(world, 3)) {
      play(world, [{ _tag: "FailContact", node: 3, address }])
    }
    play(world, [
      { _tag: "OpenContact", node: 3, address: 104 },
      { _tag: "Deliver", from: 3, to: 4 },
      { _tag: "Deliver", from: 4, to: 3 }
    ])
    assert.deepStrictEqual(runCalm(world, { ...calm, seed: 1 }), [])
  })

  it("a contact that answers a node with a free slot is asked, though its passive view holds that node's friends", () => {
    const world = rested(3, 2)
    const state = world.stateOf(0)
    if (state === undefined) throw new Error("node 0 runs")
    const dialing = [{ address: 102, purpose: "probe" as const, deadline: world.now + 100 }]
    const sounding = { ...state, contacts: { ...state.contacts, dialing } }
    const contact = { id: 2, epoch: 1, address: 102 }
    const { outputs } = HyParView.step(sounding, { _tag: "LinkOpened", now: world.now, address: 102, peer: contact })
    assert.deepStrictEqual(
      outputs.flatMap((output) => (output._tag === "Send" ? [output.message._tag] : [])),
      ["Shuffle", "Neighbor"]
    )
  })
})

const dialled = (world: World, node: number): number => {
  const [address] = world.stations[node]?.dials ?? []
  if (address === undefined) throw new Error(`node ${node} dials nobody`)
  return address
}
