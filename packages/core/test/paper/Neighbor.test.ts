import { assert, describe, it } from "@effect/vitest"
import {
  disconnect,
  forwardJoin,
  idleNode,
  join,
  linkOf,
  linkTo,
  neighbor,
  node,
  notNeighbor,
  peer,
  reply,
  sample
} from "./node.ts"

describe("rule 6: being asked", () => {
  it("6a. empty is always accepted, and a full node evicts for it", () => {
    const p = node(1, { active: [2, 3, 4] }).hears(9, neighbor(7, "empty"))
    assert.deepStrictEqual(p.saysTo(9), [reply(7, "accepted")])
    assert.strictEqual(p.says("Disconnect").length, 1)
    assert.include(p.active, 9)
  })

  it("6a. for empty, full means active = A: slots promised to others do not count", () => {
    const p = node(1, { active: [2], passive: [5, 6] }).fires("Cycle")
    assert.strictEqual(p.asking.length, 2)
    p.hears(9, neighbor(7, "empty"))
    assert.deepStrictEqual([p.active, p.says("Disconnect")], [[2, 9], []])
  })

  it("6b. repair and joinWalk are accepted into a slot that is neither filled nor promised, whatever the asker's id", () => {
    for (const reason of ["repair", "joinWalk"] as const) {
      const p = node(1, { active: [2, 3] }).hears(9, neighbor(7, reason))
      assert.deepStrictEqual(p.saysTo(9), [reply(7, "accepted")])
      assert.deepStrictEqual(p.active, [2, 3, 9])
    }
  })

  it("6b. into one that is only promised to a request of its own, if the asker's id is the lower", () => {
    for (const reason of ["repair", "joinWalk"] as const) {
      const p = node(5, { active: [2, 3], passive: [6] }).fires("Cycle")
      const requestId = p.requestTo(6)
      p.hears(4, neighbor(7, reason))
      assert.deepStrictEqual(p.saysTo(4), [reply(7, "accepted")])
      assert.deepStrictEqual(p.active, [2, 3, 4])
      // Its own request is still open, and let go again if it is accepted.
      p.hears(6, reply(requestId, "accepted"))
      assert.deepStrictEqual(p.active, [2, 3, 4])
      assert.deepStrictEqual(
        p.says("Disconnect").map(({ reason, to }) => [to, reason]),
        [[6, "evicted"]]
      )
    }
  })

  it("6b. of three that ask each other in a circle the one that the highest asks does not accept", () => {
    const answerOf = (id: number, asks: number, asker: number) =>
      node(id, { active: [7, 8], passive: [asks] })
        .fires("Cycle")
        .hears(asker, neighbor(7, "repair"))
        .saysTo(asker)
    assert.deepStrictEqual(answerOf(1, 2, 3), [reply(7, "busy")])
    assert.deepStrictEqual(answerOf(2, 3, 1), [reply(7, "accepted")])
    assert.deepStrictEqual(answerOf(3, 1, 2), [reply(7, "accepted")])
  })

  it("6c. they are refused with full where active = A", () => {
    for (const reason of ["repair", "joinWalk"] as const) {
      const p = node(1, { active: [2, 3, 4] }).hears(9, neighbor(7, reason))
      assert.deepStrictEqual(p.sent, [[9, reply(7, "full")]])
    }
  })

  it("6c. they are refused with busy where open requests hold the slots", () => {
    for (const reason of ["repair", "joinWalk"] as const) {
      const p = node(1, { active: [2, 3], passive: [5] })
        .fires("Cycle")
        .hears(9, neighbor(7, reason))
      assert.deepStrictEqual(p.sent, [[9, reply(7, "busy")]])
      assert.deepStrictEqual(p.active, [2, 3])
    }
  })

  it("6d. an empty over the rate is treated as repair", () => {
    const config = { admissionOverall: { burst: 1, perMinute: 1 } }
    const full = node(1, { active: [2, 3, 4], config }).hears(8, neighbor(1, "empty"))
    assert.deepStrictEqual(full.hears(9, neighbor(2, "empty")).sent, [[9, reply(2, "full")]])
    const free = node(1, { active: [2], config }).hears(8, neighbor(1, "empty"))
    assert.deepStrictEqual(free.hears(9, neighbor(2, "empty")).saysTo(9), [reply(2, "accepted")])
    assert.deepStrictEqual(free.active, [2, 8, 9])
  })

  describe("6e. an acceptance that finds active = A evicts nobody and is answered Disconnect(evicted):", () => {
    it("of a repair", () => {
      const p = node(1, { active: [2, 3], passive: [5] }).fires("Cycle")
      const requestId = p.requestTo(5)
      p.hears(9, neighbor(7, "empty"))
      assert.deepStrictEqual(p.active, [2, 3, 9])
      p.hears(5, reply(requestId, "accepted"))
      assert.deepStrictEqual([p.active, p.news, p.passive], [[2, 3, 9], [], [5]])
      const [answer] = p.says("Disconnect")
      assert.deepStrictEqual([answer?.to, answer?.link, answer?.reason], [5, linkOf(1, requestId), "evicted"])
    })

    it("of an empty", () => {
      const p = node(1, { passive: [5] }).fires("Cycle")
      const requestId = p.requestTo(5)
      for (const id of [6, 7, 8]) p.hears(id, neighbor(7, "empty"))
      p.hears(5, reply(requestId, "accepted"))
      assert.deepStrictEqual(p.active, [6, 7, 8])
      assert.strictEqual(p.says("Disconnect")[0]?.to, 5)
    })

    it("of a Join", () => {
      const p = idleNode(1).joins(105).opens(105)
      const requestId = p.requestTo(5)
      for (const id of [6, 7, 8]) p.hears(id, neighbor(7, "empty"))
      p.hears(5, reply(requestId, "accepted"))
      assert.deepStrictEqual(p.active, [6, 7, 8])
      assert.strictEqual(p.says("Disconnect")[0]?.to, 5)
    })
  })

  it("6f. an acceptance that matches no open request changes no view and is answered NotNeighbor", () => {
    for (const p of [node(1, { active: [2] }), node(1, { active: [2, 3, 4] })]) {
      const { active } = p
      p.hears(9, reply(77, "accepted"))
      assert.deepStrictEqual(p.sent, [[9, notNeighbor(linkOf(1, 77))]])
      assert.deepStrictEqual([p.active, p.passive], [active, []])
    }
  })

  it("6f. an acceptance that comes after the request's time-out is one of these", () => {
    const p = node(1, { active: [2, 3], passive: [5] }).fires("Cycle")
    const requestId = p.requestTo(5)
    p.fires("Request").hears(5, reply(requestId, "accepted"))
    assert.deepStrictEqual(p.saysTo(5), [notNeighbor(linkOf(1, requestId))])
    assert.deepStrictEqual(p.active, [2, 3])
  })

  it("6f. an acceptance by another than the one asked is one of these", () => {
    const p = node(1, { active: [2, 3], passive: [5] }).fires("Cycle")
    p.hears(9, reply(p.requestTo(5), "accepted"))
    assert.deepStrictEqual([p.active, p.asking], [[2, 3], [5]])
  })

  it("6f. the same acceptance twice is not answered: the link stands", () => {
    const p = node(1, { active: [2, 3], passive: [5] }).fires("Cycle")
    const requestId = p.requestTo(5)
    p.hears(5, reply(requestId, "accepted")).hears(5, reply(requestId, "accepted"))
    assert.deepStrictEqual([p.sent, p.active], [[], [2, 3, 5]])
  })

  describe("6g. of crossing requests the one of the lower id stands:", () => {
    it("its sender ignores the other", () => {
      const low = node(1, { active: [2, 3], passive: [5] }).fires("Cycle")
      low.hears(5, neighbor(7, "repair"))
      assert.deepStrictEqual([low.sent, low.asking, low.active], [[], [5], [2, 3]])
    })

    it("its receiver drops its own and accepts it into the slot held for that peer", () => {
      const high = node(5, { active: [2, 3], passive: [1] }).fires("Cycle")
      high.hears(1, neighbor(7, "repair"))
      assert.deepStrictEqual(high.saysTo(1), [reply(7, "accepted")])
      assert.deepStrictEqual([high.active, high.asking], [[2, 3, 1], []])
      assert.deepStrictEqual(high.state.active[2]?.link, linkOf(1, 7))
    })

    it("so both hold one link, by one name", () => {
      const low = node(1, { active: [2, 3], passive: [5] }).fires("Cycle")
      const high = node(5, { active: [6, 7], passive: [1] }).fires("Cycle")
      const [fromLow = join(0)] = low.saysTo(5)
      const [fromHigh = join(0)] = high.saysTo(1)
      const [answer = join(0)] = high.hears(1, fromLow).saysTo(1)
      low.hears(5, fromHigh).hears(5, answer)
      const at = (p: typeof low, id: number) => p.state.active.find(({ peer }) => peer.id === id)?.link
      assert.deepStrictEqual(at(low, 5), at(high, 1))
      assert.deepStrictEqual([low.asking, high.asking], [[], []])
    })

    it("two Joins", () => {
      const low = idleNode(1).joins(105).opens(105)
      assert.deepStrictEqual(low.hears(5, join(7)).sent, [])
      const high = idleNode(5).joins(101).opens(101).hears(1, join(7))
      assert.deepStrictEqual(high.saysTo(1), [reply(7, "accepted")])
      assert.deepStrictEqual([high.active, high.asking], [[1], []])
    })

    it("a Join and a repair", () => {
      const high = node(5, { active: [2, 3], passive: [1] })
        .fires("Cycle")
        .hears(1, join(7))
      assert.deepStrictEqual(high.saysTo(1), [reply(7, "accepted")])
      const low = node(1, { active: [2, 3], passive: [5] })
        .fires("Cycle")
        .hears(5, join(7))
      assert.deepStrictEqual(low.sent, [])
    })

    it("also where a walk's request holds a slot besides", () => {
      // Two slots are spoken for, one by the request to 1; the walk's has promised to evict if it must.
      const high = node(5, { active: [2, 3], passive: [1] }).fires("Cycle")
      high.hears(2, forwardJoin(linkTo(2), peer(9), 0))
      assert.deepStrictEqual(high.asking, [1, 9])
      high.hears(1, neighbor(7, "repair"))
      assert.deepStrictEqual(high.saysTo(1), [reply(7, "accepted")])
      assert.deepStrictEqual([high.active, high.asking], [[2, 3, 1], [9]])
    })

    it("where the dropped request would have evicted on acceptance, so does this acceptance", () => {
      const high = node(5, { active: [2, 3, 4] }).hears(2, forwardJoin(linkTo(2), peer(1), 0))
      assert.deepStrictEqual(high.asking, [1])
      high.hears(1, neighbor(7, "repair"))
      assert.deepStrictEqual(high.saysTo(1), [reply(7, "accepted")])
      assert.deepStrictEqual([high.active.length, high.asking], [3, []])
      assert.strictEqual(high.says("Disconnect").length, 1)
    })

    it("where the slot was filled meanwhile, the request is one like any other", () => {
      const high = node(5, { active: [2, 3], passive: [1] })
        .fires("Cycle")
        .hears(9, neighbor(4, "empty"))
      assert.deepStrictEqual([high.active, high.asking], [[2, 3, 9], [1]])
      high.hears(1, neighbor(7, "repair"))
      assert.deepStrictEqual([high.saysTo(1), high.active, high.asking], [[reply(7, "full")], [2, 3, 9], []])
    })

    it("a rate has no say in what we asked for ourselves", () => {
      const high = node(5, { active: [2, 3], passive: [1], config: { admissionOverall: { burst: 1, perMinute: 1 } } })
      high.hears(9, join(1)).loses(9).fires("Cycle")
      assert.include(high.asking, 1)
      assert.deepStrictEqual(high.hears(1, join(7)).saysTo(1), [reply(7, "accepted")])
    })
  })

  it("6i. a neighbour that asks again holds no link to us: the new link takes the place of the old", () => {
    for (const message of [join(7), neighbor(7, "repair"), neighbor(7, "empty")]) {
      const p = node(1, { active: [2, 3, 4] }).hears(2, message)
      assert.deepStrictEqual(p.saysTo(2), [reply(7, "accepted")])
      assert.deepStrictEqual([p.active, p.news, p.says("Disconnect")], [[2, 3, 4], [], []])
      assert.deepStrictEqual(p.state.active[0]?.link, linkOf(2, 7))
    }
  })

  it("6j. a node that is no member yet refuses every request", () => {
    const p = idleNode(1)
    assert.deepStrictEqual(p.hears(9, join(7)).sent, [[9, reply(7, "full")]])
    assert.deepStrictEqual(p.hears(9, neighbor(8, "empty")).sent, [[9, reply(8, "full")]])
    assert.deepStrictEqual(p.active, [])
  })

  it("6j. one that has left says its goodbye again, so that it is kept in no passive view", () => {
    const gone = node(1, { active: [2] }).leaves()
    const asker = node(9, { active: [2], passive: [1] }).fires("Cycle")
    const [request = join(0)] = asker.saysTo(1)
    const [answer = join(0)] = gone.hears(9, request).saysTo(9)
    assert.deepStrictEqual(answer, disconnect(linkOf(9, asker.requestTo(1)), "leaving"))
    asker.hears(1, answer)
    assert.deepStrictEqual([asker.asking, asker.passive, asker.graveyard], [[], [], []])
  })

  it("6j. so does one that was stopped, because another process has its id", () => {
    const stopped = node(1, { active: [2] })
      .hasConflict(5)
      .hasConflict(7)
    assert.strictEqual(stopped.state.status, "stopped")
    assert.deepStrictEqual(stopped.hears(9, neighbor(3, "repair")).sent, [[9, disconnect(linkOf(9, 3), "leaving")]])
  })

  it("6j. and lets go of what it is offered", () => {
    const p = idleNode(1).joins(105).opens(105)
    const requestId = p.requestTo(5)
    p.leaves().hears(5, reply(requestId, "accepted"))
    assert.deepStrictEqual(p.sent, [[5, notNeighbor(linkOf(1, requestId))]])
  })

  it("6k. a refusal names whoever was refused just before", () => {
    const p = node(1, { active: [2, 3, 4] })
    assert.deepStrictEqual(p.hears(8, neighbor(1, "repair")).sent, [[8, reply(1, "full")]])
    assert.deepStrictEqual(p.hears(9, neighbor(1, "repair")).sent, [[9, reply(1, "full", 0, sample([8]))]])
    assert.deepStrictEqual(p.hears(7, neighbor(1, "repair")).sent, [[7, reply(1, "full", 0, sample([9]))]])
    // But nobody to itself.
    assert.deepStrictEqual(p.hears(7, neighbor(2, "repair")).sent, [[7, reply(2, "full")]])
  })

  it("6k. for as long as one first wait", () => {
    const p = node(1, { active: [2, 3, 4] })
      .hears(8, neighbor(1, "repair"))
      .waits(1_000)
    assert.deepStrictEqual(p.hears(9, neighbor(1, "repair")).sent, [[9, reply(1, "full", 0, sample([8]))]])
    p.waits(1_001)
    assert.deepStrictEqual(p.hears(7, neighbor(1, "repair")).sent, [[7, reply(1, "full")]])
  })

  it("6k. not one that asked at the end of a join's walk", () => {
    const p = node(1, { active: [2, 3, 4] }).hears(8, neighbor(1, "joinWalk"))
    assert.deepStrictEqual(p.hears(9, neighbor(1, "repair")).sent, [[9, reply(1, "full")]])
  })

  it("6k. so two that look for a link meet at a node that has none to give", () => {
    const full = node(1, { active: [2, 3, 4] })
    const early = node(8, { active: [20, 21], passive: [1] }).fires("Cycle")
    const late = node(9, { active: [30, 31], passive: [1] }).fires("Cycle")
    for (const seeker of [early, late]) {
      const [request = join(0)] = seeker.saysTo(1)
      const [answer = join(0)] = full.hears(seeker.state.self, request).saysTo(seeker.state.self.id)
      seeker.hears(1, answer)
    }
    assert.deepStrictEqual([early.asking, late.asking], [[], [8]])
    const [request = join(0)] = late.saysTo(8)
    assert.deepStrictEqual(early.hears(9, request).active, [20, 21, 9])
  })

  it("6c. limited fills in how long to wait and somewhere else to go", () => {
    const config = { bridgeMillis: 60_000 }
    const p = node(1, { active: [2, 3, 4], passive: [5, 6], config }).hears(8, neighbor(1, "bridge"))
    const [answer] = p.waits(1_000).hears(9, neighbor(2, "bridge")).says("NeighborReply")
    assert.deepStrictEqual([answer?.to, answer?.answer, answer?.retryAfterMillis], [9, "limited", 59_000])
    assert.strictEqual(answer?.sample.peers.length, 4)
  })

  it("6c. whoever is limited keeps the sample, and the peer", () => {
    const p = node(1, { active: [2], passive: [5] }).fires("Cycle")
    p.hears(5, reply(p.requestTo(5), "limited", 1_000, sample([7, 8])))
    assert.deepStrictEqual(p.passive, [5, 7, 8])
  })
})
