/**
 * Sequences that broke a rule when exploration found them, shortened; each is kept so that it cannot come back.
 */
import { assert, describe, it } from "@effect/vitest"
import * as HyParView from "@hyparview/core/HyParView"
import { seeded } from "@hyparview/core/Random"
import { drain, runCalm, settledFaults } from "./Calm.ts"
import { calm, fresh, optimizing, rested } from "./Scenarios.ts"
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
    assert.deepStrictEqual(world.stateOf(1)?.passive.ids, [])
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

  it("whom a round of X-BOT asks for a link no repair asks too: the second acceptance undid the first at one end", () => {
    const rounds = eachRound(({ disconnected, world }) => {
      // The old one has taken the disconnected, who does not know it yet, and loses its other neighbour meanwhile.
      const other = world.stateOf(disconnected)?.active.find(({ id }) => id !== givenBy(world, disconnected))?.id
      if (other === undefined) throw new Error("two neighbours each")
      play(world, [{ _tag: "Break", from: disconnected, to: other, lost: true }, deliver(other, disconnected)])
      for (let seed = 0; seed < 20; seed++) {
        const fork = world.fork()
        assert.deepStrictEqual(drain(fork, seeded(seed)), [])
        assert.deepStrictEqual(settledFaults(fork), [])
      }
    })
    assert.isAbove(rounds, 0)
  })

  it("an old neighbour that has given the initiator's place away, and leaves, tells it when it asks", () => {
    const rounds = eachRound(({ candidate, initiator, old, world }) => {
      play(world, [{ _tag: "Leave", node: old }])
      // The round fails: the candidate cannot be reached any more.
      play(world, [{ _tag: "Break", from: initiator, to: candidate, lost: true }, deliver(candidate, initiator)])
      assert.deepStrictEqual(drain(world, seeded(1)), [])
      assert.deepStrictEqual(settledFaults(world), [])
    })
    assert.isAbove(rounds, 0)
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

const deliver = (from: number, to: number): Event => ({ _tag: "Deliver", from, to })

/** Whose link a node gives away. */
const givenBy = (world: World, node: number): number => {
  const swap = world.stateOf(node)?.swap
  if (swap === undefined || !("given" in swap)) throw new Error(`node ${node} gives no link away`)
  return swap.given.peer.id
}

interface Round {
  readonly world: World
  readonly initiator: number
  readonly candidate: number
  readonly disconnected: number
  readonly old: number
}

/** Among six nodes, each the initiator once: every round that comes to where the old neighbour has exchanged its links. */
const eachRound = (see: (round: Round) => void): number => {
  const start = rested(6, 6, optimizing)
  let rounds = 0
  for (const initiator of start.stations.keys()) {
    const world = start.fork()
    /** Lets one node hear another until it has a part, or none any more. */
    const hear = (from: number, to: number, part: string | undefined): boolean => {
      play(world, [{ _tag: "Connect", from, to }])
      for (let count = 0; count < 5 && world.stateOf(to)?.swap?._tag !== part; count++) play(world, [deliver(from, to)])
      return world.stateOf(to)?.swap?._tag === part
    }
    play(world, [{ _tag: "Fire", node: initiator, kind: "Cycle" }])
    const asking = world.stateOf(initiator)?.swap
    if (asking?._tag !== "Initiator") continue
    const old = asking.given.peer.id
    const candidate = asking.candidate.id
    if (!hear(initiator, old, "Old") || !hear(initiator, candidate, "Candidate")) continue
    const disconnected = givenBy(world, candidate)
    if (!hear(candidate, disconnected, "Disconnected") || !hear(disconnected, old, undefined)) continue
    rounds++
    see({ world, initiator, candidate, disconnected, old })
  }
  return rounds
}

const dialled = (world: World, node: number): number => {
  const [address] = world.stations[node]?.dials ?? []
  if (address === undefined) throw new Error(`node ${node} dials nobody`)
  return address
}
