/** Each measure on an overlay, or a broadcast, that is small enough to count. */
import { assert, describe, it } from "@effect/vitest"
import * as Measure from "@hyparview/simulator/Measure"
import type { Broadcast } from "@hyparview/simulator/World"
import { HandMade } from "./HandMade.ts"

/**
 * A path 0 – 1 – 2, and 3 – 4 → 5, where 5 does not hold 4. Node 6 does not run: 2 holds it still, and three passive views
 * do. Node 3 holds 4 in both views.
 */
const twoParts = () =>
  new HandMade([
    { active: [1], passive: [2, 6] },
    { active: [0, 2], passive: [6] },
    { active: [1, 6], passive: [0, 3] },
    { active: [4], passive: [4, 6] },
    { active: [3, 5] },
    {},
    undefined
  ])

describe("the measures of an overlay", () => {
  it("count its parts, its links, and what is wrong with them", () => {
    assert.deepInclude(Measure.overlay(twoParts()), {
      alive: 6,
      components: 2,
      largestComponent: 3,
      asymmetricLinks: 1,
      deadLinks: 1,
      inBothViews: 1,
      // Nodes 0, 2 and 3 hold two passive entries each, and have room for one.
      overCapacity: 3,
      inDegree: { "1": 5, "2": 1 },
      outDegree: { "0": 1, "1": 3, "2": 2 },
      passiveInDegree: { "0": 2, "1": 4 },
      passiveOutDegree: { "0": 3, "1": 2, "2": 1 }
    })
  })

  it("give the paths between those that reach each other", () => {
    const { averageShortestPath, paths } = Measure.overlay(twoParts())
    // Of 30 ordered pairs ten are joined: seven by one link, 0 – 2 in both directions and 3 → 5 by two.
    assert.approximately(averageShortestPath, (7 * 1 + 3 * 2) / 10, 1e-12)
    assert.include(paths, { exact: true, longest: 2, sources: 6 })
    assert.approximately(paths.unreachableShare, 20 / 30, 1e-12)
  })

  it("tell in a picture of either view which entries name nobody that runs", () => {
    const { deadEntries, entries, graph, indexOf, nodes } = Measure.picture(twoParts(), "active")
    assert.deepStrictEqual([entries, deadEntries, graph.targets.length], [8, 1, 7])
    assert.deepStrictEqual(
      [[...nodes], [...indexOf]],
      [
        [0, 1, 2, 3, 4, 5],
        [0, 1, 2, 3, 4, 5, -1]
      ]
    )
    const passive = Measure.picture(twoParts(), "passive")
    assert.deepStrictEqual([passive.entries, passive.deadEntries, passive.graph.targets.length], [7, 3, 4])
    // Without node 0 all others are one less in the graph, and its holders hold a dead entry.
    const late = Measure.picture(new HandMade([undefined, { active: [0, 2] }, { active: [1] }]), "active")
    assert.deepStrictEqual([late.entries, late.deadEntries, [...late.graph.targets]], [3, 1, [1, 0]])
    assert.deepStrictEqual(
      [[...late.nodes], [...late.indexOf]],
      [
        [1, 2],
        [-1, 0, 1]
      ]
    )
  })

  it("write each link once, in however many pieces", () => {
    const nodes = 3_000
    const ring = Array.from({ length: nodes }, (_, node) => ({ active: [1, 2, 3].map((far) => (node + far) % nodes) }))
    const pieces = [...Measure.edges(new HandMade(ring))]
    assert.isAbove(pieces.length, 1)
    assert.deepStrictEqual(
      pieces.join("").trimEnd().split("\n"),
      ring.flatMap(({ active }, node) => active.map((other) => `${node},${other}`))
    )
    assert.deepStrictEqual([...Measure.edges(twoParts(), "passive")].join(""), "0,2\n2,0\n2,3\n3,4\n")
  })

  it("give the share of the passive entries that name the dead", () => {
    assert.approximately(Measure.deadPassiveShare(twoParts()), 3 / 7, 1e-12)
    assert.strictEqual(Measure.deadPassiveShare(new HandMade([{ active: [1] }, { active: [0] }])), 0)
  })

  it("give what links between the living cost, there and back, each seen from both ends", () => {
    // A path of 101 nodes, and one that does not run at its end. A frame over its i-th link takes i microseconds.
    const path = Array.from({ length: 101 }, (_, node) => ({ active: [node - 1, node + 1].filter((id) => id >= 0) }))
    const micros = path.map((_, from) => path.map((_, to) => Math.min(from, to) + 1))
    const world = new HandMade([...path, undefined], { _tag: "Geographic", matrixMicros: micros, jitterShare: 0.5 })
    // 2, 2, 4, 4, … 200, 200: the 100th of them is 100, the 198th 198.
    assert.deepStrictEqual(Measure.linkCost(world), { mean: 101, p50: 100, p99: 198 })
    assert.deepStrictEqual(Measure.linkCost(new HandMade([{}, {}])), { mean: 0, p50: 0, p99: 0 })
  })
})

describe("the measures of a broadcast", () => {
  const broadcast: Broadcast = {
    source: 0,
    delivered: 4,
    hops: 2,
    payload: 9,
    recovered: 0,
    duplicates: 6,
    publishedAt: 0,
    deliveredAfter: undefined
  }

  it("are of those that ran, and its redundancy of those that have it", () => {
    // Three nodes besides the source needed a copy each, and nine were sent: two too many for each.
    assert.deepStrictEqual(Measure.broadcastResult(broadcast, 10, 5), {
      reliability: 0.4,
      rmr: 2,
      hops: 2,
      payload: 9,
      control: 5
    })
    assert.include(Measure.broadcastResult({ ...broadcast, payload: 3, recovered: 7 }, 4, 0), {
      reliability: 1,
      rmr: 0,
      recovered: 7
    })
  })

  it("know no redundancy where nobody but the source has it", () => {
    assert.include(Measure.broadcastResult({ ...broadcast, delivered: 1 }, 10, 0), { reliability: 0.1, rmr: 0 })
    assert.include(Measure.broadcastResult({ ...broadcast, delivered: 0 }, 0, 0), { reliability: 0, rmr: 0 })
  })

  it("tell when half of those who have it had it, 99 in a hundred, and all", () => {
    const after = new Uint32Array(100)
    for (const [millis = 0, count = 0] of [
      [0, 1],
      [5, 49],
      [7, 48],
      [20, 1],
      [90, 1]
    ])
      after[millis] = count
    const latency = () =>
      Measure.broadcastResult({ ...broadcast, delivered: 100, deliveredAfter: after }, 1_000, 0).latency
    // The 50th of a hundred came after 5 ms, the 99th after 20.
    assert.deepStrictEqual(latency(), { p50: 5, p99: 20, last: 90 })
    // Now the 50th after 6.
    after.set([48, 1], 5)
    assert.deepStrictEqual(latency(), { p50: 6, p99: 20, last: 90 })
  })
})
