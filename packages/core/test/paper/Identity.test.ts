import { assert, describe, it } from "@effect/vitest"
import * as HyParView from "@hyparview/core/HyParView"
import {
  disconnect,
  forwardJoin,
  heartbeat,
  join,
  linkOf,
  linkTo,
  neighbor,
  node,
  notNeighbor,
  peer,
  probe,
  reply,
  sample,
  shuffle
} from "./node.ts"

describe("rule 9: identity is (id, epoch)", () => {
  it("9a. when a later incarnation speaks, the older is no neighbour any more", () => {
    const p = node(1, { active: [2, 3, 4], passive: [5] }).hears(peer(2, 2), probe(1))
    assert.deepStrictEqual([p.active, p.news], [[3, 4], ["-2 restarted"]])
    assert.deepStrictEqual(p.asking, [5])
  })

  it("9a. a later incarnation that asks takes the older one's slot", () => {
    const p = node(1, { active: [2, 3, 4] }).hears(peer(2, 2), neighbor(7, "repair"))
    assert.deepStrictEqual(p.news, ["-2 restarted", "+2"])
    assert.deepStrictEqual(p.state.active.at(-1)?.peer, peer(2, 2))
    assert.deepStrictEqual(p.state.active.at(-1)?.link, linkOf(2, 7, 2))
  })

  it("9a. the higher epoch's entry replaces the older's", () => {
    const p = node(1, { active: [2, 3, 4], passive: [5] })
    p.hears(peer(5, 4), shuffle(undefined, 1, peer(5, 4), 1, sample([])))
    assert.deepStrictEqual(HyParView.passivePeers(p.state), [peer(5, 4)])
  })

  it("9b. messages of an older incarnation are ignored", () => {
    const p = node(1, { active: [2, 3, 4] }).hears(peer(2, 5), neighbor(7, "repair"))
    for (const message of [
      join(8),
      neighbor(8, "empty"),
      probe(1),
      reply(8, "accepted"),
      heartbeat(linkTo(2), 1),
      shuffle(undefined, 1, peer(2, 4), 1, sample([9]))
    ]) {
      assert.deepStrictEqual(p.hears(peer(2, 4), message).outputs, [], message._tag)
    }
    assert.deepStrictEqual(p.state.active.at(-1)?.peer, peer(2, 5))
    assert.deepStrictEqual(p.passive, [])
  })

  it("9b. and its Disconnects", () => {
    const p = node(1, { active: [2, 3, 4] }).hears(peer(2, 5), neighbor(7, "repair"))
    const current = linkOf(2, 7, 5)
    for (const message of [disconnect(current, "evicted"), disconnect(current, "leaving"), notNeighbor(current)]) {
      p.hears(peer(2, 4), message)
    }
    assert.include(p.active, 2)
  })

  it("9b. also where the later incarnation is known from others only, is buried, or has left", () => {
    const passive = node(1, { active: [2, 3], passive: [] })
    passive.hears(2, shuffle(linkTo(2), 1, peer(2), 1, { peers: [peer(5, 3)], ages: [0] }))
    assert.deepStrictEqual(passive.hears(peer(5, 2), join(1)).outputs, [])
    const buried = node(1, { active: [2, 3], graveyard: [] })
      .hears(peer(5, 3), join(1))
      .loses(peer(5, 3))
    assert.deepStrictEqual(buried.hears(peer(5, 2), join(1)).outputs, [])
    const left = node(1, { active: [2, 3] }).hears(2, disconnect(linkTo(2), "leaving"))
    assert.deepStrictEqual(left.hears(peer(2, 1), join(1)).outputs, [])
  })

  it("9d. told of a higher epoch of its own id, a node raises its own above it", () => {
    const p = node(1, { active: [2, 3], passive: [5], epoch: 10 }).hasConflict(17)
    assert.deepStrictEqual(p.gives("EpochRaised"), [{ _tag: "EpochRaised", self: peer(1, 18) }])
    assert.deepStrictEqual(p.state.self, peer(1, 18))
  })

  it("9d. and of the same epoch, since another process is behind it", () => {
    assert.deepStrictEqual(node(1, { active: [2], epoch: 10 }).hasConflict(10).state.self, peer(1, 11))
    assert.deepStrictEqual(node(1, { active: [2, 3, 4], epoch: 10 }).hasConflict(9).outputs, [])
  })

  it("9d. it begins again with whom it knows: the links of the old epoch are closed, and asked for anew", () => {
    const p = node(1, { active: [2, 3], passive: [5], epoch: 10 }).hasConflict(17)
    assert.deepStrictEqual(p.news, ["-2 epochRaised", "-3 epochRaised"])
    assert.deepStrictEqual(
      p.gives("Close").map(({ peer }) => peer.id),
      [2, 3]
    )
    assert.sameMembers([...p.passive], [5, 2, 3])
    assert.strictEqual(p.asking.length, 3)
    p.hears(p.asking[0] ?? 0, reply(p.requestTo(p.asking[0] ?? 0), "accepted"))
    assert.strictEqual(p.state.active[0]?.link.epoch, 18)
  })

  it("9d. an epoch above 2⁵² is nobody's: the owner could take none above it, so nobody believes it", () => {
    const beyond = 2 ** 52 + 1
    const p = node(1, { active: [2, 3] })
    p.hears(2, shuffle(linkTo(2), 1, peer(9), 1, { peers: [peer(7, beyond), peer(8, 2 ** 52)], ages: [0, 0] }))
    assert.sameMembers([...p.passive], [9, 8])
    assert.deepStrictEqual(p.hears(peer(6, beyond), neighbor(1, "empty")).outputs, [])
    assert.deepStrictEqual(node(1, { active: [2, 3, 4] }).hasConflict(beyond).outputs, [])
  })

  it("9d. nor is it asked, buried or believed to speak for a link, whoever names it", () => {
    const beyond = 2 ** 53 - 1
    const walk = node(1, { active: [2], passive: [] }).hears(2, forwardJoin(linkTo(2), peer(7, beyond), 0))
    assert.deepStrictEqual([walk.sent, walk.asking], [[], []])
    walk.step({ _tag: "SendFailed", now: walk.now, to: peer(7, beyond), cause: "refused" })
    walk.hears(2, shuffle(linkTo(2), 1, peer(7, beyond), 1, sample([])))
    assert.deepStrictEqual([walk.graveyard, walk.passive, walk.sent], [[], [], []])
    assert.strictEqual(walk.hears(peer(7, 3), join(1)).says("NeighborReply")[0]?.answer, "accepted")
    // The failure of what nobody is takes no entry and no link of the owner with it.
    const kept = node(1, { active: [2, 3, 4], passive: [5] })
    kept.loses(peer(5, beyond)).loses(peer(2, beyond))
    assert.deepStrictEqual([kept.active, kept.passive, kept.graveyard], [[2, 3, 4], [5], []])
    kept.step({ _tag: "LinkUsed", now: kept.now, from: peer(2, beyond), link: linkTo(2) })
    assert.deepStrictEqual([kept.active, kept.outputs], [[2, 3, 4], []])
    const contact = node(1).joins(107).opens(107, peer(7, beyond))
    assert.deepStrictEqual([contact.sent, contact.asking], [[], []])
    const candidate = node(1, { active: [2, 3, 4], config: { optimizeCandidates: 1, unbiasedLinks: 0 } })
    candidate.hears(9, { _tag: "Optimization", requestId: 7, old: peer(8, beyond), before: 50, after: 20 })
    assert.isUndefined(candidate.state.swap)
  })

  it("9d. with 2⁵² itself there is no conflict: none above it is left to take", () => {
    const p = node(1, { active: [2, 3, 4] })
    assert.deepStrictEqual(p.hasConflict(2 ** 52).outputs, [])
    assert.strictEqual(p.hasConflict(2 ** 52 - 1).state.self.epoch, 2 ** 52)
  })

  it("9e. told again within a minute, it stops with DuplicateIdentity", () => {
    const p = node(1, { active: [2], epoch: 10 })
      .hasConflict(17)
      .waits(59_999)
      .hasConflict(18)
    assert.deepStrictEqual(p.gives("DuplicateIdentity"), [{ _tag: "DuplicateIdentity", epoch: 18 }])
    assert.deepStrictEqual([p.state.status, p.active, p.asking], ["stopped", [], []])
    assert.deepStrictEqual(
      Object.values(p.state.timers).map(({ nonce }) => nonce),
      [0, 0, 0, 0, 0]
    )
  })

  it("9e. however long it has run before", () => {
    const p = node(1, { active: [2], epoch: 10 })
      .waits(1_000_000)
      .hasConflict(17)
      .waits(59_999)
      .hasConflict(18)
    assert.strictEqual(p.state.status, "stopped")
  })

  it("9e. told again later, it raises its epoch again", () => {
    const p = node(1, { active: [2], epoch: 10 })
      .hasConflict(17)
      .waits(60_000)
      .hasConflict(30)
    assert.deepStrictEqual(p.gives("EpochRaised"), [{ _tag: "EpochRaised", self: peer(1, 31) }])
  })

  it("9e. whether a conflict would do so can be asked before", () => {
    const p = node(1, { active: [2], epoch: 10 })
    const wouldStop = (epoch: number) => HyParView.wouldStop(p.state, p.now, epoch)
    assert.isFalse(wouldStop(17))
    p.hasConflict(17).waits(59_999)
    assert.deepStrictEqual([17, 18, 2 ** 52 - 1, 2 ** 52].map(wouldStop), [false, true, true, false])
    p.waits(1)
    assert.isFalse(wouldStop(18))
  })

  it("9e. where the latest known incarnation of an id is can be asked, too, if anybody has said so", () => {
    const p = node(1, { active: [2, 3], passive: [5], graveyard: [7] })
    const known = (id: number) => [HyParView.knownEpoch(p.state, id), HyParView.knownAddress(p.state, id)]
    assert.deepStrictEqual([1, 2, 5, 7, 9].map(known), [
      [1, 101],
      [1, 102],
      [1, 105],
      [1, 107],
      [-1, undefined]
    ])
    // Of a later incarnation than the neighbour's there is talk, from another address.
    p.hears(2, shuffle(linkTo(2), 1, peer(9), 1, { peers: [{ id: 5, epoch: 3, address: 777 }], ages: [0] }))
    assert.deepStrictEqual(known(5), [3, 777])
    // Who has said goodbye is nowhere, though it is known that it was.
    p.hears(2, disconnect(linkTo(2), "leaving"))
    assert.deepStrictEqual(known(2), [1, undefined])
  })

  it("9f. the same id at a new address works", () => {
    const moved = { id: 2, epoch: 2, address: 777 }
    const p = node(1, { active: [2, 3] }).hears(moved, join(1))
    assert.deepStrictEqual(p.state.active.at(-1)?.peer, moved)
    assert.deepStrictEqual(p.sent[0]?.[1], reply(1, "accepted"))
    const q = node(1, { active: [3], passive: [2] })
    q.hears(moved, shuffle(undefined, 1, moved, 1, sample([])))
    assert.deepStrictEqual(HyParView.passivePeers(q.state), [moved])
  })

  it("9g. the same address with a new id works: the old id is not there, the new one is welcome", () => {
    const p = node(1, { active: [2, 3], passive: [5] }).fires("Cycle")
    // Whoever answers at 5's address is another.
    p.cannotReach(5, "identity")
    assert.deepStrictEqual([p.passive, p.graveyard], [[], [5]])
    const heir = { id: 6, epoch: 1, address: 105 }
    p.hears(heir, join(1))
    assert.deepStrictEqual(p.active, [2, 3, 6])
  })
})
