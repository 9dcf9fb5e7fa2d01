import { assert, describe, it } from "@effect/vitest"
import * as HyParView from "@hyparview/core/HyParView"
import { deepFreeze } from "../explore/Always.ts"
import {
  disconnect,
  forwardJoin,
  join,
  linkTo,
  neighbor,
  node,
  overSeeds,
  peer,
  reply,
  sample,
  shuffle
} from "./node.ts"

describe("rule 12: never", () => {
  it("12a. is a Disconnect or a reply re-sent to a substitute peer", () => {
    const evicting = node(1, { active: [2, 3, 4], passive: [5, 6] }).hears(9, join(7))
    const victim = evicting.says("Disconnect")[0]?.to ?? 0
    const kinds = (p: typeof evicting) => p.sent.map(([, { _tag }]) => _tag)
    assert.notIncludeMembers(kinds(evicting.cannotReach(victim)), ["Disconnect", "NeighborReply"])
    const accepting = node(1, { active: [2], passive: [5, 6] }).hears(9, neighbor(7, "empty"))
    assert.deepStrictEqual(accepting.saysTo(9), [reply(7, "accepted")])
    assert.notIncludeMembers(kinds(accepting.cannotReach(9)), ["Disconnect", "NeighborReply"])
    const replying = node(1, { active: [2, 3, 4], passive: [5] }).hears(
      8,
      shuffle(undefined, 1, peer(8), 1, sample([]))
    )
    assert.strictEqual(replying.says("ShuffleReply").length, 1)
    assert.deepStrictEqual(replying.cannotReach(8).sent, [])
  })

  it("12b. does a peer choose which of our entries is evicted: of a newcomer's every field, none decides", () => {
    overSeeds(20, (seed) => {
      const evictedFor = (id: number, requestId: number) =>
        node(1, { active: [2, 3, 4], seed })
          .hears(id, join(requestId))
          .says("Disconnect")[0]?.to
      const victim = evictedFor(9, 7)
      for (const id of [10, 55, 1_000]) assert.strictEqual(evictedFor(id, id * 3), victim)
    })
  })

  it("12b. nor which passive entry: a sample names whom to add, not whom to forget", () => {
    // The same walk, accepted by nodes that differ in their seeds alone, makes room by different entries.
    const lost = overSeeds(20, (seed) => {
      const p = node(1, { active: [2, 3, 4], passive: [5, 6, 7, 8, 9, 10], seed })
      p.hears(20, shuffle(undefined, 1, peer(20), 1, sample([])))
      return [5, 6, 7, 8, 9, 10].filter((id) => !p.passive.includes(id)).join()
    })
    assert.isAbove(new Set(lost).size, 3)
  })

  it("12c. is a view changed while it is walked: a step changes nothing that it was given", () => {
    // Everything that walks a view and changes it: goodbyes, expulsions, joins, evictions, a whole sample.
    const walks: ReadonlyArray<(p: ReturnType<typeof node>) => void> = [
      (p) => p.leaves(),
      (p) => p.hasConflict(7),
      (p) => p.fires("Heartbeat").fires("Heartbeat").fires("Heartbeat").fires("Heartbeat"),
      (p) => p.hears(9, join(1)),
      (p) => p.hears(2, disconnect(linkTo(2), "evicted", sample([11, 12, 13]))),
      (p) => p.hears(2, forwardJoin(linkTo(2), peer(9), 0)),
      (p) => p.hears(9, shuffle(undefined, 1, peer(9), 1, sample([11, 12, 13])))
    ]
    for (const walk of walks) {
      const p = node(1, { active: [2, 3, 4], passive: [5, 6, 7, 8, 9, 10] })
      const before = deepFreeze(p.state)
      const copy = structuredClone(before)
      walk(p)
      assert.deepStrictEqual(before, copy)
    }
  })

  it("12c. all the silent are expelled in one round, and all neighbours are told goodbye", () => {
    const p = node(1, { active: [2, 3, 4] })
    while (p.active.length > 0) p.fires("Heartbeat")
    assert.deepStrictEqual(p.news, ["-2 silent", "-3 silent", "-4 silent"])
  })

  it("12d. is anything sent from inside a state change: a step returns plain values, to be looked at or thrown away", () => {
    const p = node(1, { active: [2, 3, 4], passive: [5] })
    const input = { _tag: "LinkClosed", now: 0, peer: peer(2), cause: "reset" } as const
    const first = HyParView.step(p.state, input)
    assert.deepStrictEqual(structuredClone(first), first)
    // A world in which it never happened goes its own way, and is not disturbed.
    const second = HyParView.step(p.state, { ...input, peer: peer(3) })
    assert.deepStrictEqual(
      second.state.active.map(({ peer }) => peer.id),
      [2, 4]
    )
    assert.deepStrictEqual(HyParView.step(p.state, input), first)
  })
})
