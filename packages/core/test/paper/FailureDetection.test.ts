import { assert, describe, it } from "@effect/vitest"
import { gravesOf, linkTo, node, peer, probe, reply, sample, shuffle } from "./node.ts"

describe("rule 7: failure detection", () => {
  describe("7a. is immediate:", () => {
    for (const cause of ["closed", "reset", "slow", "protocol", "local"] as const) {
      it(`a link that ends (${cause})`, () => {
        const p = node(1, { active: [2, 3, 4], passive: [5] }).loses(2, cause)
        assert.deepStrictEqual(p.news, [`-2 ${cause}`])
        assert.deepStrictEqual([p.active, p.asking], [[3, 4], [5]])
      })
    }

    for (const cause of ["refused", "timeout", "unreachable", "rejected", "identity"] as const) {
      it(`a send that fails (${cause})`, () => {
        const p = node(1, { active: [2, 3, 4], passive: [5] }).cannotReach(2, cause)
        assert.deepStrictEqual(p.news, [`-2 ${cause}`])
        assert.deepStrictEqual([p.active, p.asking], [[3, 4], [5]])
      })
    }
  })

  it("7a. is at both ends: each learns of the broken link by itself, and holds it no more", () => {
    const ends = [node(1, { active: [2] }), node(2, { active: [1] })]
    for (const end of ends) end.loses(end.state.self.id === 1 ? 2 : 1, "reset")
    assert.deepStrictEqual(
      ends.map((end) => end.active),
      [[], []]
    )
  })

  it("7b. a close without a Disconnect is a failure: to the graveyard, not to passive", () => {
    const p = node(1, { active: [2, 3, 4] }).loses(2, "closed")
    assert.deepStrictEqual([p.passive, p.graveyard], [[], [2]])
  })

  it("7b. a failed neighbour does not hold a slot when the next one asks", () => {
    const p = node(1, { active: [2, 3, 4] })
      .loses(2)
      .hears(9, { _tag: "Neighbor", requestId: 1, reason: "repair" })
    assert.deepStrictEqual(p.saysTo(9), [reply(1, "accepted")])
  })

  it("7c. a failure of an incarnation that has been followed by a newer one is no news of the newer", () => {
    const p = node(1, { active: [2, 3] })
    p.hears(peer(4, 2), { _tag: "Join", requestId: 1 })
    p.loses(peer(4, 1))
    assert.deepStrictEqual([p.active, p.news], [[2, 3, 4], []])
    const q = node(1, { active: [2, 3, 5], passive: [4] })
    q.hears(peer(4, 2), { _tag: "Shuffle", link: undefined, requestId: 1, origin: peer(4, 2), ttl: 1, sample: none })
    q.loses(peer(4, 1))
    assert.deepStrictEqual(q.passive, [4])
  })

  it("7c. nor is that of a newer one, of which others have told, news of the one with which there is a link", () => {
    const p = node(1, { active: [2, 3, 4] })
    p.hears(2, shuffle(linkTo(2), 1, peer(4, 2), 1, sample([])))
    assert.strictEqual(p.saysTo(4)[0]?._tag, "ShuffleReply")
    p.cannotReach(peer(4, 2))
    assert.deepStrictEqual([p.active, p.news, p.graveyard], [[2, 3, 4], [], []])
  })

  it("7c. nor does it end a request to the newer, or a probe of it, or keep it from being asked", () => {
    const shuffleOf = (epoch: number) =>
      ({ _tag: "Shuffle", link: undefined, requestId: 1, origin: peer(4, epoch), ttl: 1, sample: none }) as const
    for (const cause of ["closed", "reset"] as const) {
      const p = node(1, { active: [2, 3] }).hears(peer(4, 2), shuffleOf(2))
      assert.deepStrictEqual(p.asking, [4])
      assert.deepStrictEqual(p.loses(peer(4, 1), cause).asking, [4])
      assert.deepStrictEqual([p.state.memory.suspects, p.state.round.tried], [[], []])
      assert.deepStrictEqual(p.loses(peer(4, 2), cause).asking, [])
    }
    const q = node(1, { active: [2, 3, 5], graveyard: [] })
    q.hears(peer(4, 2), shuffleOf(2)).cannotReach(4)
    assert.deepStrictEqual([q.passive, q.graveyard], [[4], []])
    const probing = node(1, { active: [2, 3, 5] })
    probing.state = { ...probing.state, memory: { ...probing.state.memory, graveyard: gravesOf([peer(4, 2)]) } }
    while (probing.says("Probe").length === 0) probing.fires("Cycle")
    assert.isDefined(probing.loses(peer(4, 1)).state.search.probe)
    assert.isUndefined(probing.loses(peer(4, 2)).state.search.probe)
  })

  it("7d. a neighbour that is silent for heartbeatMisses periods has failed, though its link never closed", () => {
    const p = node(1, { active: [2, 3], config: { heartbeatMillis: 10_000, heartbeatMisses: 3 } })
    const start = p.fires("Heartbeat").now
    // Late in the period, of which the rest does not count.
    p.waits(9_999).hears(2, probe(1)).hears(3, probe(1))
    const heard = p.now
    while (p.active.length === 2) {
      p.fires("Heartbeat")
      if (p.active.includes(2)) p.hears(2, probe(1))
    }
    assert.deepStrictEqual(p.active, [2])
    assert.deepStrictEqual(p.graveyard, [3])
    assert.isAtLeast(p.now - heard, 30_000)
    assert.isAtMost(p.now - start, 40_000)
  })

  it("7d. it is expelled with a reason of its own, and its link is closed", () => {
    const p = node(1, { active: [2] })
    while (p.active.length > 0) p.fires("Heartbeat")
    assert.deepStrictEqual(p.news, ["-2 silent"])
    assert.deepStrictEqual(p.gives("Close"), [{ _tag: "Close", peer: peer(2) }])
  })

  it("7d. before that it is greeted once a period, and an answer saves it", () => {
    const p = node(1, { active: [2] }).fires("Heartbeat")
    for (let round = 0; round < 10; round++) {
      p.fires("Heartbeat")
      const [beat] = p.says("Heartbeat")
      if (beat !== undefined) p.hears(2, { _tag: "HeartbeatReply", link: linkTo(2), nonce: beat.nonce })
    }
    assert.deepStrictEqual(p.active, [2])
  })

  it("7d. with heartbeats switched off nobody is greeted, and nobody expelled", () => {
    const p = node(1, { active: [2], config: { heartbeatMillis: 0 } })
    assert.deepStrictEqual(p.state.timers.Heartbeat.nonce, 0)
    for (let cycle = 0; cycle < 20; cycle++) p.fires("Cycle")
    assert.deepStrictEqual(p.active, [2])
  })
})

const none = { peers: [], ages: [] }
