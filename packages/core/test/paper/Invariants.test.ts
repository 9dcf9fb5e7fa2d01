import { assert, describe, it } from "@effect/vitest"
import { nextBelow, seeded } from "@hyparview/core/Random"
import * as Overlay from "@hyparview/faults/Overlay"
import { addressOf } from "../golden/World.ts"
import { cluster, joined, minute, oneSided, snapshot } from "./cluster.ts"

describe("always, after every transition", () => {
  // `stepNode` checks I1 to I6 after each step of each node; what is asserted here is that there were steps to check.
  it("I1. I2. I3. I4. I5. I6. through half an hour in which nodes die, come back, leave, and links break", () => {
    const world = cluster(12, { activeSize: 3, passiveSize: 6, graveyardSize: 4, memorySize: 4, contactsSize: 2 })
    const random = seeded(7)
    const anyone = () => 1 + nextBelow(random, 12)
    let steps = 0
    world.observer = () => steps++
    for (let event = 0; event < 180; event++) {
      const id = anyone()
      switch (nextBelow(random, 5)) {
        case 0:
          world.kill(id)
          break
        case 1:
          world.leave(id)
          break
        case 2:
          world.cut(id, anyone())
          break
        default:
          if (world.stateOf(id) === undefined) world.start(id, [anyone()])
          else world.publish(id, `${event}`)
      }
      world.advance(10_000)
    }
    assert.isAbove(steps, 5_000)
  })
})

describe("in calm", () => {
  const size = 30
  const world = cluster(size)
  const bounds = { activeSize: 5, passiveSize: 30 }

  it("C1. every link is symmetric", () => {
    assert.deepStrictEqual(oneSided(world), [])
  })

  it("C2. there is one component", () => {
    assert.deepStrictEqual(Overlay.components(snapshot(world)), { count: 1, largest: size, isolated: 0 })
  })

  it("C3. no two nodes that are not neighbours have free slots and know each other", () => {
    assert.deepStrictEqual(Overlay.missedLinks(snapshot(world), bounds), [])
  })

  it("C4. no request is older than its time-out", () => {
    for (let second = 0; second < 60; second++) {
      world.advance(1_000)
      for (const [, state] of world.nodes) {
        for (const { deadline } of state?.membership.pending ?? []) assert.isAtLeast(deadline, world.now)
      }
    }
  })

  it("C5. C6. nobody has fewer than min(2, n − 1) neighbours, and all but the odd one have A", () => {
    assert.deepStrictEqual(Overlay.violations(snapshot(world), bounds, { calm: true }), [])
    assert.deepStrictEqual([...Overlay.outDegrees(snapshot(world))], [[5, size]])
  })

  it("C5. C6. in clusters smaller than the view everybody holds everybody", () => {
    for (let count = 1; count <= 6; count++) {
      const small = snapshot(cluster(count))
      assert.deepStrictEqual([...Overlay.outDegrees(small)], [[count - 1, count]])
    }
  })

  it("C6. also soon: of up to six nodes that join one a second, each holds all others two seconds after the last", () => {
    for (let seed = 1; seed <= 20; seed++) {
      for (let count = 2; count <= 6; count++) {
        const small = joined(count, 1_000, {}, seed)
        small.advance(1_000)
        assert.deepStrictEqual([...Overlay.outDegrees(snapshot(small))], [[count - 1, count]])
      }
    }
  })

  it("C6. where n·A is odd one node lacks one", () => {
    const odd = snapshot(cluster(9, { activeSize: 3 }))
    assert.deepStrictEqual(
      [...Overlay.outDegrees(odd)].sort(([a], [b]) => a - b),
      [
        [2, 1],
        [3, 8]
      ]
    )
  })

  it("C7. a node sends no more messages a minute than shuffles and heartbeats account for, and a tenth", () => {
    let messages = 0
    world.observer = (_id, _input, outputs) => {
      for (const output of outputs) if (output._tag === "Send") messages++
    }
    const minutes = 10
    world.advance(minutes * minute)
    const bound = (60 / 30) * (6 + 1) + (2 * 60 * 5) / 10
    assert.isAtMost(messages / size / minutes, bound * 1.1)
    // And all nodes are at work.
    assert.isAtLeast(messages / size / minutes, 60 / 30)
  })
})

describe("links that die or lie", () => {
  it("L2. a close that reaches neither end is found by heartbeats", () => {
    const world = cluster(3)
    // A cut that drops everything: nobody is told.
    world.freeze(3, true)
    world.advance(40_000 + 3_000)
    for (const id of [1, 2]) {
      assert.notInclude(world.stateOf(id)?.membership.active.map(({ peer }) => peer.id) ?? [], 3)
    }
  })

  it("L4. under silent loss and duplication safety holds, and symmetry returns within two heartbeat time-outs", () => {
    const world = cluster(12, { activeSize: 4 })
    const random = seeded(11)
    let lost = 0
    let doubled = 0
    let asymmetric = 0
    world.copies = ({ what }) => {
      const fate = what._tag === "Message" ? nextBelow(random, 10) : 2
      if (fate === 0) lost++
      if (fate === 1) doubled++
      return fate === 0 ? 0 : fate === 1 ? 2 : 1
    }
    for (let second = 0; second < 120; second++) {
      // Broken links, so that it is requests and answers that are lost.
      world.cut(1 + nextBelow(random, 12), 1 + nextBelow(random, 12))
      world.advance(1_000)
      asymmetric += Overlay.asymmetricLinks(snapshot(world)).length
    }
    assert.isAbove(Math.min(lost, doubled), 20)
    assert.isAbove(asymmetric, 0)
    world.copies = () => 1
    world.advance(2 * 3 * 10_000)
    assert.deepStrictEqual(oneSided(world), [])
  })

  it("S2. each entry of an active view is of an open link, and both ends have one name for it", () => {
    const world = cluster(8)
    for (const [id, state] of world.nodes) {
      for (const { link, peer } of state?.membership.active ?? []) {
        const other = world.stateOf(peer.id)?.membership.active.find((held) => held.peer.id === id)
        assert.deepStrictEqual(other?.link, link)
        assert.strictEqual(peer.address, addressOf(peer.id))
      }
    }
  })
})
