import { assert, describe, it } from "@effect/vitest"
import * as HyParView from "@hyparview/core/HyParView"
import { linkOf, linkTo, node, overSeeds, peer, sample, shuffle, shuffleReply, sorted, type Subject } from "./node.ts"

const idsOf = (peers: ReadonlyArray<{ readonly id: number }> | undefined) => peers?.map(({ id }) => id) ?? []

/** A full node that has begun its shuffle; the request, and what it sent. */
const shuffling = (given: Parameters<typeof node>[1] = { active: [2, 3, 4], passive: [5, 6, 7, 8, 9, 10] }) => {
  const p = node(1, given).fires("Cycle")
  const [walk] = p.says("Shuffle")
  return { p, requestId: walk?.requestId ?? 0, sent: walk?.sample.peers.map(({ id }) => id) ?? [] }
}

describe("rule 8: the shuffle's walk", () => {
  it("8a. once a cycle: itself, ka neighbours and kp passive entries, to a random neighbour", () => {
    const first = (seed: number) => {
      const p = node(1, { active: [2, 3, 4], passive: [5, 6, 7, 8, 9], seed }).fires("Cycle")
      const walks = p.says("Shuffle")
      assert.strictEqual(walks.length, 1)
      const [walk] = walks
      const ids = idsOf(walk?.sample.peers)
      assert.strictEqual(new Set(ids).size, 4)
      assert.strictEqual(ids.filter((id) => p.active.includes(id)).length, 2)
      assert.strictEqual(ids.filter((id) => p.passive.includes(id)).length, 2)
      assert.deepStrictEqual([walk?.origin, walk?.ttl], [peer(1), 6])
      assert.deepStrictEqual(walk?.link, linkTo(walk?.to ?? 0))
      return walk?.to ?? 0
    }
    assert.deepStrictEqual(sorted(new Set(overSeeds(30, first))), [2, 3, 4])
  })

  it("8a. the cycle is 30 s, half longer or shorter at random", () => {
    const p = node(1, { active: [2] }).fires("Cycle")
    const gaps = Array.from({ length: 40 }, () => {
      const before = p.now
      return p.fires("Cycle").now - before
    })
    assert.isTrue(gaps.every((gap) => gap >= 15_000 && gap <= 45_000))
    assert.isAbove(new Set(gaps).size, 30)
  })

  it("8b. it goes on, decremented, to a random neighbour that is neither the sender nor the origin", () => {
    const next = (seed: number) => {
      const p = node(1, { active: [2, 3, 4, 5], config: { activeSize: 4 }, seed })
      p.hears(2, shuffle(linkTo(2), 9, peer(3), 5, sample([7])))
      assert.strictEqual(p.sent.length, 1)
      const [[to, message] = [0, undefined]] = p.sent
      assert.deepStrictEqual(message, shuffle(linkTo(to), 9, peer(3), 4, sample([7])))
      assert.deepStrictEqual(p.passive, [])
      return to
    }
    assert.deepStrictEqual(sorted(new Set(overSeeds(20, next))), [4, 5])
  })

  it("8b. it is accepted where the ttl runs out: decrement, then test", () => {
    const p = node(1, { active: [2, 3, 4] }).hears(2, shuffle(linkTo(2), 9, peer(7), 1, sample([8])))
    assert.deepStrictEqual(
      p.sent.map(([to, { _tag }]) => [to, _tag]),
      [[7, "ShuffleReply"]]
    )
    assert.deepStrictEqual(p.passive, [7, 8])
    const q = node(1, { active: [2, 3, 4] }).hears(2, shuffle(linkTo(2), 9, peer(7), 2, sample([8])))
    assert.deepStrictEqual(
      q.sent.map(([, { _tag }]) => _tag),
      ["Shuffle"]
    )
  })

  it("8b. it is accepted where there is one neighbour, and where nobody is left to go on to", () => {
    const one = node(1, { active: [2] }).hears(2, shuffle(linkTo(2), 9, peer(7), 6, sample([])))
    assert.strictEqual(one.says("ShuffleReply").length, 1)
    const none = node(1, { active: [2, 3] }).hears(2, shuffle(linkTo(2), 9, peer(3), 6, sample([])))
    assert.strictEqual(none.says("ShuffleReply").length, 1)
  })

  it("8b. one's own shuffle that comes back is ignored", () => {
    const { p, requestId } = shuffling()
    assert.deepStrictEqual(p.hears(2, shuffle(linkTo(2), requestId, peer(1), 3, sample([2]))).outputs, [])
    assert.strictEqual(p.state.shuffle?.requestId, requestId)
  })

  it("8c. a ttl of 6 is six deliveries", () => {
    let ttl = 6
    const deliveries: Array<number> = []
    for (let id = 2; id < 20; id++) {
      const p = node(id, { active: [id - 1, id + 1] })
      p.hears(id - 1, shuffle(linkTo(id - 1), 9, peer(99), ttl, sample([])))
      deliveries.push(ttl)
      const [onward] = p.says("Shuffle")
      if (onward === undefined) break
      ttl = onward.ttl
    }
    assert.deepStrictEqual(deliveries, [6, 5, 4, 3, 2, 1])
  })
})

describe("rule 8: the reply", () => {
  const accepting = (given: Parameters<typeof node>[1], offered: ReadonlyArray<number>, origin = 20): Subject =>
    node(1, given).hears(2, shuffle(linkTo(2), 9, peer(origin), 1, sample(offered)))

  it("8d. goes to the origin, whoever brought the walk", () => {
    const [answer] = accepting({ active: [2, 3, 4], passive: [5] }, []).says("ShuffleReply")
    assert.deepStrictEqual([answer?.to, answer?.requestId], [20, 9])
  })

  it("8e. is drawn before integration: nobody is told what it has just told", () => {
    const p = accepting({ active: [2, 3, 4], passive: [5, 6] }, [30])
    assert.deepStrictEqual(sorted(idsOf(p.says("ShuffleReply")[0]?.sample.peers)), [5, 6])
    assert.deepStrictEqual(p.passive, [5, 6, 20, 30])
  })

  it("8e. is drawn from the passive view, and never holds the origin", () => {
    overSeeds(20, (seed) => {
      const p = accepting({ active: [2, 3, 4], passive: [5, 6, 20], seed }, [30])
      assert.deepStrictEqual(sorted(idsOf(p.says("ShuffleReply")[0]?.sample.peers)), [5, 6])
    })
  })

  it("8e. where passive entries are too few neighbours follow them, of age 0, and never the origin", () => {
    const told = new Set<number>()
    overSeeds(20, (seed) => {
      const p = accepting({ active: [2, 3, 4], passive: [5], seed }, [30], 2)
      const { ages, peers } = p.says("ShuffleReply")[0]?.sample ?? sample([])
      const [first, second] = idsOf(peers)
      assert.deepStrictEqual([first, peers.length, ages[1]], [5, 2, 0])
      told.add(second ?? 0)
    })
    assert.sameMembers([...told], [3, 4])
  })

  it("8f. holds as many ids as the request did, the origin counted", () => {
    const given = { active: [2, 3, 4], passive: [5, 6, 7, 8, 10, 11] }
    for (const offered of [[], [30], [30, 31], [30, 31, 32, 33]]) {
      const [answer] = accepting(given, offered).says("ShuffleReply")
      assert.strictEqual(answer?.sample.peers.length, offered.length + 1)
    }
  })

  it("8f. or as many as there are", () => {
    const [answer] = accepting({ active: [2, 3, 4], passive: [5] }, [30, 31, 32, 33, 34]).says("ShuffleReply")
    assert.deepStrictEqual(sorted(idsOf(answer?.sample.peers)), [2, 3, 4, 5])
  })

  it("8f. and brings each entry's age", () => {
    const p = node(1, { active: [2, 3, 4], passive: [5] })
      .fires("Cycle")
      .fires("Cycle")
    p.hears(2, shuffle(linkTo(2), 9, peer(20), 1, sample([])))
    assert.deepStrictEqual(p.says("ShuffleReply")[0]?.sample.ages, [2])
  })
})

describe("rule 8: integrating a sample", () => {
  it("8g. skips self and neighbours", () => {
    const { p, requestId } = shuffling({ active: [2, 3, 4], passive: [5] })
    p.hears(9, shuffleReply(requestId, sample([1, 3])))
    assert.deepStrictEqual([p.active, p.passive], [[2, 3, 4], [5]])
  })

  it("8g. of two entries for one id keeps the higher epoch", () => {
    const { p, requestId } = shuffling({ active: [2, 3, 4], passive: [5, 6] })
    p.hears(9, shuffleReply(requestId, { peers: [peer(5, 3), peer(6, 0)], ages: [9, 0] }))
    assert.deepStrictEqual(HyParView.passivePeers(p.state), [peer(5, 3), peer(6, 1)])
  })

  it("8g. and of equal epochs the younger", () => {
    const { p, requestId } = shuffling({ active: [2, 3, 4], passive: [5, 6] })
    p.fires("Cycle").fires("Cycle")
    const [walk] = p.says("Shuffle")
    assert.notStrictEqual(walk?.requestId, requestId)
    // Both entries are three cycles old; what the reply brings is one older than it says (S3).
    p.hears(9, shuffleReply(walk?.requestId ?? 0, sample([5, 6], [1, 7])))
    assert.deepStrictEqual(p.passive, [5, 6])
    assert.deepStrictEqual(
      p.state.passive.since.map((since) => p.state.cycle - since),
      [2, 3]
    )
  })

  it("8h. with a full passive view, at the origin the ids that were sent make room first", () => {
    const { p, requestId, sent } = shuffling()
    const offered = sent.filter((id) => id >= 5)
    assert.strictEqual(offered.length, 2)
    p.hears(9, shuffleReply(requestId, sample([30, 31])))
    assert.deepStrictEqual(sorted(p.passive), sorted([5, 6, 7, 8, 9, 10, 30, 31].filter((id) => !offered.includes(id))))
  })

  it("8h. and where the walk ended, those that the reply sent", () => {
    const p = node(1, { active: [2, 3, 4], passive: [5, 6, 7, 8, 9, 10] })
    p.hears(2, shuffle(linkTo(2), 9, peer(20), 1, sample([30])))
    const offered = idsOf(p.says("ShuffleReply")[0]?.sample.peers)
    assert.deepStrictEqual(sorted(p.passive), sorted([5, 6, 7, 8, 9, 10, 20, 30].filter((id) => !offered.includes(id))))
  })

  it("8h. then random ones", () => {
    const lost = (seed: number) => {
      const { p, requestId, sent } = shuffling({ active: [2, 3, 4], passive: [5, 6, 7, 8, 9, 10], seed })
      p.hears(9, shuffleReply(requestId, sample([30, 31, 32])))
      assert.strictEqual(p.passive.length, 6)
      return [5, 6, 7, 8, 9, 10].filter((id) => !p.passive.includes(id) && !sent.includes(id))
    }
    assert.isAbove(new Set(overSeeds(40, lost).flat()).size, 4)
  })

  /** A full passive view of these ages: 4, 3, 1, 0, 0, 9. */
  const aged = (ageWeight: number, seed = 1) =>
    node(1, { active: [2, 3, 4], passive: [10], config: { ageWeight }, seed }).hears(
      2,
      shuffle(
        linkTo(2),
        9,
        peer(20),
        1,
        sample(
          [4, 3, 1, 9].map((age) => 30 + age),
          [4, 3, 1, 9]
        )
      )
    )

  it("8l. where age counts the oldest makes room", () => {
    const p = aged(1).hears(3, shuffle(linkTo(3), 9, peer(21), 1, sample([32], [2])))
    assert.deepStrictEqual(sorted(p.passive), [10, 20, 21, 31, 32, 33])
  })

  it("8l. be it the newcomer", () => {
    const p = aged(1).hears(3, shuffle(linkTo(3), 9, peer(21), 1, sample([38], [8])))
    assert.deepStrictEqual(sorted(p.passive), [10, 20, 21, 31, 33, 34])
  })

  it("8l. with half the weight, half of the times", () => {
    const kept = (ageWeight: number) =>
      overSeeds(200, (seed) =>
        aged(ageWeight, seed)
          .hears(3, shuffle(linkTo(3), 9, peer(21), 1, sample([])))
          .passive.includes(39)
      ).filter((kept) => kept).length
    assert.strictEqual(kept(1), 0)
    // By chance it goes where the reply has offered it.
    assert.isAbove(kept(0), 140)
    assert.approximately(kept(0.5), 100, 20)
  })

  it("8l. and of two that may be offered it is the younger", () => {
    const offered = (ageWeight: number, id: number) =>
      overSeeds(300, (seed) =>
        idsOf(aged(ageWeight, seed).fires("Cycle").says("Shuffle")[0]?.sample.peers).includes(id)
      ).filter((is) => is).length
    assert.isAbove(offered(1, 20), 4 * offered(1, 39))
    assert.approximately(offered(0, 20), offered(0, 39), 40)
  })

  it("8i. a reply is accepted once", () => {
    const { p, requestId } = shuffling({ active: [2, 3, 4], passive: [5] })
    p.hears(9, shuffleReply(requestId, sample([30])))
    p.hears(9, shuffleReply(requestId, sample([31])))
    assert.deepStrictEqual(p.passive, [5, 30])
  })

  it("8i. from the open request only", () => {
    const { p, requestId } = shuffling({ active: [2, 3, 4], passive: [5] })
    p.hears(9, shuffleReply(requestId + 1, sample([30])))
    p.fires("Cycle").hears(9, shuffleReply(requestId, sample([31])))
    assert.deepStrictEqual(p.passive, [5])
  })

  it("8i. in time only", () => {
    const { p, requestId } = shuffling({ active: [2, 3, 4], passive: [5] })
    p.waits(30_001).hears(9, shuffleReply(requestId, sample([30])))
    assert.deepStrictEqual(p.passive, [5])
  })

  it("8i. and no longer than what was asked", () => {
    const { p, requestId, sent } = shuffling({ active: [2, 3, 4] })
    assert.strictEqual(sent.length, 2)
    p.hears(9, shuffleReply(requestId, sample([30, 31, 32, 33, 34])))
    assert.deepStrictEqual(p.passive, [30, 31, 32])
  })

  it("8j. a shuffle without a link is accepted where it arrives, from its origin", () => {
    const p = node(1, { active: [2, 3, 4], passive: [5] }).hears(9, shuffle(undefined, 7, peer(9), 6, sample([30])))
    assert.deepStrictEqual(
      p.sent.map(([to, { _tag }]) => [to, _tag]),
      [[9, "ShuffleReply"]]
    )
    assert.deepStrictEqual(p.passive, [5, 9, 30])
  })

  it("8j. and from anybody else ignored", () => {
    const p = node(1, { active: [2, 3, 4] }).hears(9, shuffle(undefined, 7, peer(8), 6, sample([30])))
    assert.deepStrictEqual([p.outputs, p.passive], [[], []])
  })

  it("8k. what is heard of a buried peer from others does not exhume it", () => {
    const p = node(1, { active: [2, 3, 4], graveyard: [30] }).hears(9, shuffle(undefined, 7, peer(9), 1, sample([30])))
    assert.deepStrictEqual([p.passive, p.graveyard], [[9], [30]])
  })

  it("8k. unless it is of a later incarnation, or from itself", () => {
    const p = node(1, { active: [2, 3, 4], graveyard: [30, 31] })
    p.hears(9, shuffle(undefined, 7, peer(9), 1, { peers: [peer(30, 2)], ages: [0] }))
    assert.deepStrictEqual([HyParView.passivePeers(p.state), p.graveyard], [[peer(9), peer(30, 2)], [31]])
    p.hears(31, shuffle(undefined, 7, peer(31), 1, sample([])))
    assert.deepStrictEqual([p.passive, p.graveyard], [[9, 30, 31], []])
  })

  it("8d. a walk names the links it takes, one by one", () => {
    const p = node(1, { active: [2, 3] }).hears(2, shuffle(linkTo(2), 9, peer(20), 6, sample([])))
    assert.deepStrictEqual(p.says("Shuffle")[0]?.link, linkTo(3))
    assert.deepStrictEqual(
      p.hears(2, shuffle(linkOf(2, 1), 9, peer(20), 6, sample([]))).sent.map(([, { _tag }]) => _tag),
      ["NotNeighbor"]
    )
  })
})
