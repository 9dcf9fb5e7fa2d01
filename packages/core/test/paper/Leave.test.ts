import { assert, describe, it } from "@effect/vitest"
import * as HyParView from "@hyparview/core/HyParView"
import { disconnect, join, linkTo, node, peer, probe, sample, shuffle } from "./node.ts"

describe("rule 10: leaving", () => {
  it("10a. says Disconnect(leaving) to every neighbour", () => {
    const p = node(1, { active: [2, 3, 4], passive: [5] }).leaves()
    assert.deepStrictEqual(p.sent, [
      [2, disconnect(linkTo(2), "leaving")],
      [3, disconnect(linkTo(3), "leaving")],
      [4, disconnect(linkTo(4), "leaving")]
    ])
    assert.deepStrictEqual(p.news, ["-2 leaving", "-3 leaving", "-4 leaving"])
  })

  it("10b. what is said stands before the closes", () => {
    const p = node(1, { active: [2, 3, 4] }).leaves()
    const order = p.outputs.map(({ _tag }) => _tag)
    assert.isBelow(order.lastIndexOf("Send"), order.indexOf("Close"))
    assert.deepStrictEqual(
      p.gives("Close").map(({ peer }) => peer.id),
      [2, 3, 4]
    )
    assert.strictEqual(order.at(-1), "Left")
  })

  it("10d. whoever has left holds no peer and waits for no timer", () => {
    const p = node(1, { active: [2, 3], passive: [5], graveyard: [6] })
      .fires("Cycle")
      .leaves()
    assert.deepStrictEqual([p.active, p.passive, p.graveyard, p.asking], [[], [], [], []])
    assert.isTrue(Object.values(p.state.timers).every(({ nonce }) => nonce === 0))
    assert.deepStrictEqual(p.hears(2, shuffle(linkTo(2), 1, peer(2), 1, sample([7]))).outputs, [])
    assert.deepStrictEqual(p.hears(9, probe(1)).outputs, [])
    assert.deepStrictEqual(p.leaves().outputs, [])
    assert.deepStrictEqual(p.isTold(105).outputs, [])
  })

  it("10d. told to join again it does so in a new incarnation", () => {
    const p = node(1, { active: [2, 3], epoch: 4 })
      .leaves()
      .joins(102)
    assert.deepStrictEqual(p.state.self, peer(1, 5))
    assert.deepStrictEqual(p.gives("Dial"), [{ _tag: "Dial", address: 102 }])
    p.opens(102)
    assert.deepStrictEqual(p.sent, [[2, join(p.requestTo(2))]])
  })

  it("10d. but with the highest epoch it keeps that one, and its messages go on by number", () => {
    const p = node(1, { active: [2, 3], epoch: HyParView.highestEpoch })
      .leaves()
      .joins(102)
    assert.deepStrictEqual([p.state.self, p.gives("EpochRaised")], [peer(1, HyParView.highestEpoch), []])
  })

  it("10d. so that whoever remembers that it left takes it back", () => {
    const other = node(2, { active: [1, 3] }).hears(1, disconnect(linkTo(1), "leaving"))
    assert.deepStrictEqual(other.hears(peer(1), join(1)).active, [3])
    assert.deepStrictEqual(other.hears(peer(1, 2), join(1)).active, [3, 1])
  })
})
