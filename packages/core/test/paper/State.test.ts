import { assert, describe, it } from "@effect/vitest"
import * as HyParView from "@hyparview/core/HyParView"
import * as Result from "effect/Result"
import { disconnect, join, linkOf, linkTo, neighbor, node, peer, reply, sample, shuffle } from "./node.ts"

describe("the state of a node", () => {
  it("S1. holds two disjoint sets, both without itself", () => {
    const p = node(1, { active: [2, 3, 4], passive: [5, 6] })
    // A sample that names self, a neighbour, a passive entry and somebody new.
    p.hears(9, shuffle(undefined, 1, peer(9), 1, sample([1, 2, 5, 7])))
    assert.deepStrictEqual(p.active, [2, 3, 4])
    assert.deepStrictEqual(p.passive, [5, 6, 9, 7])
    // Whoever becomes a neighbour leaves the passive view.
    p.hears(5, join(1))
    assert.include(p.active, 5)
    assert.notInclude(p.passive, 5)
  })

  it("S2. holds at most A neighbours, each with one open link, and at most P passive entries", () => {
    const p = node(1, { active: [2, 3, 4] })
    for (let id = 10; id < 30; id++) p.hears(id, join(1))
    assert.strictEqual(p.active.length, 3)
    assert.strictEqual(p.passive.length, 6)
    const link = p.state.active.find(({ peer }) => peer.id === 29)?.link
    assert.deepStrictEqual(link, linkOf(29, 1))
  })

  it("S3. ages passive entries by one a cycle, and offers neighbours at age 0", () => {
    const p = node(1, { active: [2, 3], passive: [5], config: { activeSize: 2, protectedLinks: 1 } })
    p.fires("Cycle").fires("Cycle").fires("Cycle")
    const [walk] = p.says("Shuffle")
    const ageOf = (id: number) => {
      const at = walk?.sample.peers.findIndex((entry) => entry.id === id) ?? -1
      return walk?.sample.ages[at]
    }
    assert.deepStrictEqual([ageOf(2), ageOf(3), ageOf(5)], [0, 0, 3])
    // 5 itself resets its age.
    p.hears(2, shuffle(linkTo(2), 1, peer(5), 1, sample([])))
    p.fires("Cycle")
    const [next] = p.says("Shuffle")
    assert.strictEqual(next?.sample.ages[next.sample.peers.findIndex((entry) => entry.id === 5)], 1)
  })

  it("S4. is sized for the largest cluster expected: A = max(5, ⌈log10 n⌉ + 1) and P = 6·A", () => {
    const sizes = (n: number) => {
      const { activeSize, passiveSize } = Result.getOrThrow(HyParView.forClusterSize(n))
      return [activeSize, passiveSize]
    }
    assert.deepStrictEqual(sizes(1), [5, 30])
    assert.deepStrictEqual(sizes(10_000), [5, 30])
    assert.deepStrictEqual(sizes(10_001), [6, 36])
    assert.deepStrictEqual(sizes(100_000), [6, 36])
    assert.deepStrictEqual(sizes(1_000_000), [7, 42])
    assert.deepStrictEqual(sizes(1_000_001), [8, 48])
  })

  it("S5. takes the paper's values at 10,000, and ours where it gives none", () => {
    const config = Result.getOrThrow(HyParView.forClusterSize(10_000))
    assert.strictEqual(config.activeWalkLength, 6)
    assert.strictEqual(config.passiveWalkLength, 3)
    assert.strictEqual(config.shuffleActive, 3)
    assert.strictEqual(config.shufflePassive, 4)
    assert.strictEqual(config.shuffleWalkLength, 6)
    assert.deepStrictEqual([config.cycleMillis, config.cycleJitter], [30_000, 0.5])
  })

  it("S6. lets a caller override any field, and answers a contradiction with a typed error", () => {
    const config = Result.getOrThrow(HyParView.forClusterSize(10_000, { activeSize: 4, cycleMillis: 1_000 }))
    assert.deepStrictEqual([config.activeSize, config.passiveSize, config.cycleMillis], [4, 24, 1_000])
    const errorOf = (override: Partial<HyParView.Config>) =>
      Result.match(HyParView.forClusterSize(100, override), {
        onFailure: (error) => [error._tag, error.field],
        onSuccess: () => "accepted"
      })
    assert.deepStrictEqual(errorOf({ activeSize: 0 }), ["MembershipConfigError", "activeSize"])
    assert.deepStrictEqual(errorOf({ passiveWalkLength: 7 }), ["MembershipConfigError", "passiveWalkLength"])
    assert.deepStrictEqual(errorOf({ shuffleActive: 6 }), ["MembershipConfigError", "shuffleActive"])
    assert.deepStrictEqual(errorOf({ repairBackoffMillis: [2_000, 1_000] }), [
      "MembershipConfigError",
      "repairBackoffMillis"
    ])
    assert.deepStrictEqual(errorOf({ protectedLinks: 5 }), ["MembershipConfigError", "protectedLinks"])
    assert.strictEqual(Result.isFailure(HyParView.forClusterSize(0)), true)
  })
})

describe("what cannot be a peer of ours", () => {
  it("S1. a message from our own id is ignored", () => {
    const p = node(1, { active: [2, 3, 4] })
    assert.deepStrictEqual(p.hears(1, join(1)).outputs, [])
    assert.deepStrictEqual(p.hears(1, neighbor(1, "empty")).outputs, [])
    assert.deepStrictEqual(p.hears(1, reply(1, "accepted")).outputs, [])
    assert.deepStrictEqual(p.hears(1, disconnect(linkTo(2), "evicted")).outputs, [])
    assert.deepStrictEqual(p.active, [2, 3, 4])
  })
})
