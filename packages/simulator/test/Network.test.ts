/** The network by itself: what it puts into the queue, and when, of what is handed to it. */
import { HyParView, Node, Peer, Plumtree, Random } from "@hyparview/core"
import { FaultPlan, Latency } from "@hyparview/faults"
import { EventQueue } from "@hyparview/simulator/EventQueue"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { Conditions } from "../src/internal/conditions.ts"
import {
  frameArrives,
  linkLost,
  type SimulatedMessage,
  wasClosed,
  wasLink,
  wasRefused,
  wasTimeout
} from "../src/internal/events.ts"
import { LinkOrder } from "../src/internal/linkOrder.ts"
import { Network, type NetworkOptions } from "../src/internal/network.ts"
import { crashed, Processes } from "../src/internal/processes.ts"
import { WholeStates } from "../src/internal/states.ts"
import { neighbor, peer } from "./HandMade.ts"
import { surroundings } from "./surroundings.ts"

const { Fault } = FaultPlan

/** Goes over a link that stands. */
const shuffle: SimulatedMessage = {
  _tag: "Shuffle",
  link: { asker: 0, epoch: 1, requestId: 1 },
  requestId: 1,
  origin: peer(0),
  ttl: 1,
  sample: Peer.noSample
}
/** Needs a link of its own where none stands. */
const probe: SimulatedMessage = { _tag: "Probe", nonce: 1 }

const uniform: Latency.LatencyModel = { _tag: "Uniform", minMicros: 100_000, maxMicros: 199_999 }

const config: Node.Config = {
  membership: Result.getOrThrow(HyParView.forClusterSize(4)),
  broadcast: Plumtree.floodConfig
}

/** Four nodes that run; of these pairs both hold a link to the other. */
const made = (
  options: Partial<NetworkOptions> = {},
  links: ReadonlyArray<readonly [number, number]> = [],
  random = Random.seeded(3)
) => {
  const queue = new EventQueue<SimulatedMessage>()
  const processes = new Processes(4)
  const states = new WholeStates(4)
  for (let node = 0; node < 4; node++) {
    const state = Node.init({ config, self: processes.begin(node), random: Random.seededFor(1, node) })
    const active = links.filter((link) => link.includes(node)).map(([a, b]) => neighbor(a === node ? b : a))
    states.set(node, { ...state, membership: { ...state.membership, active } })
  }
  const network = new Network({ ...surroundings, latency: uniform, ...options }, { queue, processes, states, random })
  /** What happens from now on, in its order. */
  const events = () => {
    const list: Array<readonly [kind: number, node: number, other: number, micros: number, how: number]> = []
    while (queue.next(Number.MAX_SAFE_INTEGER)) {
      list.push([queue.kind, queue.target, queue.second, queue.now, queue.kind === linkLost ? queue.fourth : 0])
    }
    return list
  }
  return { events, network, processes, queue }
}

describe("the network", () => {
  it("gives what a silent cut has held one way's time after the heal, not that of a way there and back", () => {
    const { events, network, queue } = made({}, [[0, 1]])
    network.apply(
      Fault.Partition({
        groups: [
          [0, 2],
          [1, 3]
        ],
        mode: "silent"
      })
    )
    for (let i = 0; i < 50; i++) network.send(0, peer(1), shuffle)
    queue.next(5_000_000)
    network.apply(Fault.Heal())
    const found = events()
    assert.strictEqual(found.length, 50)
    for (const [kind, node, other, micros] of found) {
      assert.deepStrictEqual([kind, node, other], [frameArrives, 1, 0])
      assert.isAtLeast(micros, 5_100_000)
      assert.isBelow(micros, 5_200_000)
    }
  })

  it("refuses a frame whose way to a dead process is behind it after the way back alone", () => {
    const { events, network, processes, queue } = made()
    network.send(0, peer(1), probe)
    processes.end(1, crashed)
    assert.isTrue(queue.next(1_000_000))
    const arrived = queue.now
    network.failFrame(0, 1, 1, 1, probe)
    const [refusal, ...others] = events()
    assert.isEmpty(others)
    const [kind, node, other, micros = 0, how] = refusal ?? []
    assert.deepStrictEqual([kind, node, other, how], [linkLost, 0, 1, wasRefused])
    assert.isAtLeast(micros - arrived, 100_000)
    assert.isBelow(micros - arrived, 200_000)
    assert.strictEqual(network.undelivered, 1)
  })

  it("lets no link open whose handshake does not come back, and what goes over one that stands through", () => {
    const { events, network } = made({}, [[0, 2]])
    // What 1 and 2 send does not reach 0.
    network.apply(Fault.OneWay({ from: [1, 2], to: [0] }))
    network.send(0, peer(1), probe)
    network.send(0, peer(2), probe)
    const [frame, timeout, ...others] = events()
    assert.isEmpty(others)
    assert.deepStrictEqual(frame?.slice(0, 3), [frameArrives, 2, 0])
    assert.deepStrictEqual(timeout, [linkLost, 0, 1, surroundings.dialTimeoutMillis * 1_000, wasTimeout])
  })

  it("repeats what it dials for, as it does what goes over a link", () => {
    const { events, network } = made({}, [[0, 2]])
    network.apply(Fault.Duplicate({ probability: 1 }))
    network.send(0, peer(1), probe)
    network.send(0, peer(2), shuffle)
    const targets = events().map(([kind, node]) => [kind, node])
    assert.sameDeepMembers(targets, [
      [frameArrives, 1],
      [frameArrives, 1],
      [frameArrives, 2],
      [frameArrives, 2]
    ])
  })

  it("loses frames with a probability of less than a millionth too, and no more often", () => {
    const probability = 5e-7
    // The first draw of each: 7e-8 and 7.6e-7 of 2³².
    for (const [seed, lost] of [
      [3_701_714, 1],
      [10_915_327, 0]
    ] as const) {
      const { network } = made({}, [[0, 1]], Random.seeded(seed))
      network.apply(Fault.SilentLoss({ probability }))
      network.send(0, peer(1), shuffle)
      assert.strictEqual(network.undelivered, lost)
    }
  })

  it("closes a link behind what was sent over it, however latencies vary", () => {
    for (let i = 0; i < 20; i++) {
      const { events, network } = made({ latency: { _tag: "Uniform", minMicros: 1, maxMicros: 400_000 } }, [[0, 1]])
      for (let frame = 0; frame <= i; frame++) network.send(0, peer(1), shuffle)
      network.close(0, peer(1))
      const found = events()
      assert.strictEqual(found.length, i + 2)
      assert.deepStrictEqual(found.at(-1)?.[0], linkLost)
      assert.deepStrictEqual(found.at(-1)?.[4], wasClosed)
    }
  })

  it.each([
    ["constant", { _tag: "Constant", micros: 10_000 }],
    ["uniform", uniform]
  ] as const)("tells of a break behind what was under way, where that takes longer: %s latency", (_, latency) => {
    const { events, network } = made({ latency, detectionMillis: 1 }, [[0, 1]])
    for (let i = 0; i < 9; i++) network.send(0, peer(1), shuffle)
    network.apply(Fault.BreakLinks({ links: { _tag: "Pairs", pairs: [[0, 1]] } }))
    const ofOne = events().filter(([, node]) => node === 1)
    assert.strictEqual(ofOne.length, 10)
    assert.deepStrictEqual([ofOne.at(-1)?.[0], ofOne.at(-1)?.[4]], [linkLost, wasLink])
    assert.strictEqual(ofOne.at(-1)?.[3], ofOne.at(-2)?.[3])
  })

  it("tells of a break after the detection, whatever waits at a slow reader", () => {
    const { events, network } = made({}, [[0, 1]])
    network.apply(Fault.SlowReader({ node: 1, bytesPerSecond: 1 }))
    network.send(0, peer(1), shuffle)
    network.apply(Fault.BreakLinks({ links: { _tag: "Pairs", pairs: [[0, 1]] } }))
    const [, , frame] = events()
    assert.deepStrictEqual(frame?.slice(0, 3), [frameArrives, 1, 0])
  })
})

describe("a cut", () => {
  it("holds between any two of its groups, however many there are", () => {
    const conditions = new Conditions(40_000)
    conditions.partition(
      Array.from({ length: 40_000 }, (_, node) => [node]),
      "reset"
    )
    assert.strictEqual(conditions.passage(1, 2), "reset")
    assert.strictEqual(conditions.passage(32_768, 39_999), "reset")
  })
})

describe("the order of a link's frames", () => {
  it("is kept of every pair with a frame under way, however many there are", () => {
    const order = new LinkOrder()
    const pairs = 3_000
    for (let from = 0; from < pairs; from++) {
      assert.strictEqual(order.arrivalOf(from, from + 1, 1_000_000 + from, 0), 1_000_000 + from)
    }
    for (let from = 0; from < pairs; from++) {
      assert.strictEqual(order.lastArrivalOf(from, from + 1), 1_000_000 + from)
      // Sooner than the one before it, which it does not overtake; and it is the last now.
      assert.strictEqual(order.arrivalOf(from, from + 1, 10, 0), 1_000_000 + from)
      assert.strictEqual(order.arrivalOf(from, from + 1, 2_000_000, 0), 2_000_000)
      assert.strictEqual(order.lastArrivalOf(from, from + 1), 2_000_000)
      assert.strictEqual(order.lastArrivalOf(from + 1, from), 0)
    }
  })

  it("forgets pairs whose frames have arrived", () => {
    const order = new LinkOrder()
    for (let round = 0; round < 20; round++) {
      for (let from = 0; from < 400; from++) {
        const at = round * 1_000
        assert.strictEqual(order.arrivalOf(from + 400 * round, 7, at + 10, at), at + 10)
      }
    }
    assert.strictEqual(order.lastArrivalOf(0, 7), 0)
  })
})
