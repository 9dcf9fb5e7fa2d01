import { assert, describe, it } from "@effect/vitest"
import * as HyParView from "@hyparview/core/HyParView"
import * as Result from "effect/Result"
import {
  disconnect,
  forwardJoin,
  join,
  linkOf,
  linkTo,
  neighbor,
  node,
  overSeeds,
  peer,
  reply,
  sample,
  shuffle,
  smallConfig,
  type Subject
} from "./node.ts"

/** The neighbour 9 lets go, so that it can ask anew; the slot is filled again by 2, 3 or 4, whoever was evicted. */
const letGo = (p: Subject): void => {
  const link = p.state.active.find(({ peer }) => peer.id === 9)?.link
  if (link === undefined) return
  p.hears(9, disconnect(link, "evicted"))
  while (p.asking.length > 0) p.hears(p.asking[0] ?? 0, reply(p.requestTo(p.asking[0] ?? 0), "accepted"))
}

describe("abuse: what can force an eviction costs tokens", () => {
  const perPeer = { admissionPerPeer: { burst: 2, perMinute: 6 } }

  it("B1. a Join, of each remote identity's own bucket", () => {
    const p = node(1, { active: [2, 3, 4], config: perPeer })
    for (const requestId of [1, 2]) {
      assert.strictEqual(p.hears(9, join(requestId)).says("NeighborReply")[0]?.answer, "accepted")
      letGo(p)
    }
    assert.strictEqual(p.hears(9, join(3)).says("NeighborReply")[0]?.answer, "limited")
    assert.strictEqual(p.hears(10, join(3)).says("NeighborReply")[0]?.answer, "accepted")
  })

  it("B1. and of one bucket for all", () => {
    const p = node(1, { active: [2, 3, 4], config: { admissionOverall: { burst: 3, perMinute: 60 } } })
    const answers = [5, 6, 7, 8, 9].map((id) => p.hears(id, join(1)).says("NeighborReply")[0]?.answer)
    assert.deepStrictEqual(answers, ["accepted", "accepted", "accepted", "limited", "limited"])
  })

  it("B1. two that take turns have each their own bucket", () => {
    const p = node(1, { active: [2, 3, 4], config: perPeer })
    const asked = [9, 10, 9, 10, 9, 10].map((id) => {
      p.hears(2, forwardJoin(linkTo(2), peer(id), 0))
      const isAsked = p.asking.includes(id)
      if (isAsked) p.hears(id, reply(p.requestTo(id), "full"))
      return isAsked
    })
    assert.deepStrictEqual(asked, [true, true, true, true, false, false])
  })

  it("B1. a limited Join is told how long to wait, and where else to go", () => {
    const p = node(1, { active: [2, 3, 4], passive: [5, 6], config: { admissionOverall: { burst: 1, perMinute: 60 } } })
    p.hears(8, join(1)).waits(250)
    const [answer] = p.hears(9, join(2)).says("NeighborReply")
    assert.deepStrictEqual([answer?.answer, answer?.retryAfterMillis], ["limited", 750])
    assert.strictEqual(answer?.sample.peers.length, 4)
  })

  it("B1. the buckets are refilled as time passes: whoever waits as told is admitted", () => {
    const p = node(1, { active: [2, 3, 4], config: perPeer })
    for (const requestId of [1, 2]) {
      p.hears(9, join(requestId))
      letGo(p)
    }
    const [answer] = p.hears(9, join(3)).says("NeighborReply")
    p.waits((answer?.retryAfterMillis ?? 0) - 1)
    assert.strictEqual(p.hears(9, join(4)).says("NeighborReply")[0]?.answer, "limited")
    p.waits(1)
    assert.strictEqual(p.hears(9, join(5)).says("NeighborReply")[0]?.answer, "accepted")
  })

  it("B1. a joiner that is limited waits as told before it asks Discovery, and goes to the sample meanwhile", () => {
    const p = node(1).joins(102).opens(102)
    p.hears(2, reply(p.requestTo(2), "limited", 20_000, sample([7, 8])))
    assert.sameMembers([...p.asking], [7, 8])
    assert.isAtLeast(p.state.timers.Discovery.at, 20_000)
    // But nobody makes it wait for longer than it would by itself.
    const q = node(1).joins(102).opens(102)
    q.hears(2, reply(q.requestTo(2), "limited", 4_000_000_000, sample([7, 8])))
    assert.strictEqual(q.state.timers.Discovery.at, q.now + 60_000)
  })

  it("B1. nobody else makes it wait: neither whom it has not asked, nor any other answer", () => {
    const p = node(1).joins(102).opens(102)
    p.hears(7, reply(77, "limited", 50_000))
    assert.deepStrictEqual(p.gives("SetTimer"), [])
    p.hears(2, reply(p.requestTo(2), "full", 50_000))
    assert.isBelow(p.state.timers.Discovery.at, 2_000)
  })

  it("B1. an empty over the rate is worth no more than a repair", () => {
    const p = node(1, { active: [2, 3, 4], config: { admissionOverall: { burst: 1, perMinute: 1 } } })
    p.hears(8, neighbor(1, "empty")).hears(9, neighbor(2, "empty"))
    assert.deepStrictEqual(p.sent, [[9, reply(2, "full")]])
  })

  it("B1. the joiner of a walk over the rate is only kept as passive", () => {
    const p = node(1, { active: [2, 3, 4], config: perPeer })
    for (let walk = 0; walk < 2; walk++) {
      p.hears(2, forwardJoin(linkTo(2), peer(9), 0))
      p.hears(9, reply(p.requestTo(9), "full"))
    }
    p.hears(2, forwardJoin(linkTo(2), peer(9), 0))
    assert.deepStrictEqual([p.asking, p.passive, p.sent], [[], [9], []])
    p.hears(2, forwardJoin(linkTo(2), peer(10), 0))
    assert.deepStrictEqual(p.asking, [10])
    const q = node(1, { active: [2, 3], config: { admissionOverall: { burst: 1, perMinute: 1 } } }).hears(8, join(1))
    q.hears(2, forwardJoin(linkTo(2), peer(9), 0))
    assert.deepStrictEqual([q.asking, q.passive], [[], [9]])
  })

  it("B1. a neighbour that joins again gets its link, but over the rate no walks", () => {
    const p = node(1, { active: [2, 3], config: perPeer })
    for (const requestId of [1, 2]) {
      p.hears(2, join(requestId))
      assert.deepStrictEqual([p.says("NeighborReply")[0]?.answer, p.says("ForwardJoin").length], ["accepted", 1])
    }
    p.hears(2, join(3))
    assert.deepStrictEqual(p.sent, [[2, reply(3, "accepted")]])
    assert.deepStrictEqual(p.state.active.find(({ id }) => id === 2)?.link, linkOf(2, 3))
  })

  it("B1. nobody gets another bucket by having walks name many others", () => {
    const p = node(1, { active: [2, 3, 4], config: { ...perPeer, memorySize: 8 } })
    for (const requestId of [1, 2]) {
      p.hears(9, join(requestId))
      letGo(p)
    }
    const neighbour = p.active.find((id) => id !== 9) ?? 0
    const { link } = p.state.active.find(({ id }) => id === neighbour) ?? { link: linkTo(neighbour) }
    for (let id = 20; id < 40; id++) {
      p.hears(neighbour, forwardJoin(link, peer(id), 0))
      assert.include(p.asking, id)
      p.cannotReach(id)
    }
    assert.strictEqual(p.hears(9, join(3)).says("NeighborReply")[0]?.answer, "limited")
  })

  it("B1. a repair and a refused request cost nothing", () => {
    const p = node(1, { active: [2], config: { admissionOverall: { burst: 1, perMinute: 1 } } })
    p.hears(3, neighbor(1, "repair")).hears(4, neighbor(1, "repair"))
    p.hears(5, neighbor(1, "repair")).hears(6, neighbor(1, "joinWalk"))
    assert.strictEqual(p.hears(9, join(1)).says("NeighborReply")[0]?.answer, "accepted")
  })
})

describe("abuse: the floor", () => {
  it("B2. F self-chosen links are not evicted for an inbound request, whatever is drawn", () => {
    overSeeds(40, (seed) => {
      const p = node(1, { chosen: [2], active: [3, 4], seed })
      for (let id = 10; id < 30; id++) p.hears(id, id % 2 === 0 ? join(1) : neighbor(1, "bridge"))
      assert.include(p.active, 2)
    })
  })

  it("B2. of more than F self-chosen links the longest held are spared, the others are not", () => {
    const evicted = (seed: number) =>
      node(1, { chosen: [2, 3, 4], seed, config: { protectedLinks: 2 } })
        .hears(9, join(1))
        .says("Disconnect")[0]?.to
    assert.deepStrictEqual([...new Set(overSeeds(20, evicted))], [4])
  })

  it("B2. self-chosen is a link by our own Join, repair or empty request", () => {
    const p = node(1, { passive: [5, 6] }).fires("Cycle")
    for (const id of p.asking) p.hears(id, reply(p.requestTo(id), "accepted"))
    const joined = node(1).joins(102).opens(102)
    joined.hears(2, reply(joined.requestTo(2), "accepted"))
    assert.deepStrictEqual(
      [...p.state.active, ...joined.state.active].map(({ chosen }) => chosen),
      [true, true, true]
    )
  })

  it("B2. and never one by a walk, a bridge or an inbound request", () => {
    const p = node(1, { active: [2] }).hears(2, forwardJoin(linkTo(2), peer(9), 0))
    p.hears(9, reply(p.requestTo(9), "accepted")).hears(8, join(1))
    assert.deepStrictEqual(
      p.state.active.map(({ chosen }) => chosen),
      [false, false, false]
    )
  })

  it("B2. a walk's own acceptance spares them too", () => {
    overSeeds(20, (seed) => {
      const p = node(1, { chosen: [2], active: [3, 4], seed }).hears(3, forwardJoin(linkTo(3), peer(9), 0))
      assert.includeMembers([...p.hears(9, reply(p.requestTo(9), "accepted")).active], [2, 9])
    })
  })

  it("B2. F is ⌊A/2⌋", () => {
    const floor = (activeSize: number) =>
      Result.getOrThrow(HyParView.forClusterSize(100, { activeSize, shuffleActive: 0 })).protectedLinks
    assert.deepStrictEqual([1, 2, 3, 4, 5, 6].map(floor), [0, 1, 1, 2, 2, 3])
  })

  it("B3. F ≥ A is a configuration error", () => {
    for (const protectedLinks of [3, 4]) {
      assert.isTrue(Result.isFailure(HyParView.validate({ ...smallConfig, protectedLinks })))
    }
    assert.isTrue(Result.isSuccess(HyParView.validate({ ...smallConfig, protectedLinks: 2 })))
  })

  it("B3. so a victim always exists", () => {
    const p = node(1, { chosen: [2, 3, 4], config: { protectedLinks: 2 } }).hears(9, join(1))
    assert.deepStrictEqual(
      [p.active, p.news],
      [
        [2, 3, 9],
        ["-4 evicted", "+9"]
      ]
    )
  })
})

describe("abuse: clamps", () => {
  it("B4. the ttl of a join's walk is clamped to our own maximum", () => {
    const p = node(1, { active: [2, 3] }).hears(2, forwardJoin(linkTo(2), peer(9), 1_000))
    assert.strictEqual(p.says("ForwardJoin")[0]?.ttl, 5)
  })

  it("B4. and that of a shuffle", () => {
    const p = node(1, { active: [2, 3] }).hears(2, shuffle(linkTo(2), 1, peer(9), 1_000, sample([])))
    assert.strictEqual(p.says("Shuffle")[0]?.ttl, 5)
  })

  const many = Array.from({ length: 100 }, (_, index) => 100 + index)

  it("B5. the sample of a shuffle is clamped to what an honest one holds, where it is accepted", () => {
    const p = node(1, { active: [2, 3, 4], config: { passiveSize: 50 } })
    p.hears(2, shuffle(linkTo(2), 1, peer(9), 1, sample(many)))
    // The origin, ka = 2 and kp = 2.
    assert.deepStrictEqual(p.passive, [9, 100, 101, 102, 103])
    const asked = p.hears(2, shuffle(linkTo(2), 1, peer(9), 1, sample(many))).says("ShuffleReply")[0]
    assert.isAtMost(asked?.sample.peers.length ?? 0, 5)
  })

  it("B5. and where it is passed on", () => {
    const p = node(1, { active: [2, 3] }).hears(2, shuffle(linkTo(2), 1, peer(9), 6, sample(many)))
    assert.deepStrictEqual(p.says("Shuffle")[0]?.sample, sample([100, 101, 102, 103]))
  })

  it("B5. the sample of a Disconnect or of a refusal is clamped to what an honest one holds", () => {
    const p = node(1, { active: [2, 3, 4], config: { passiveSize: 50 } })
    p.hears(2, disconnect(linkTo(2), "evicted", sample(many)))
    assert.deepStrictEqual(p.passive, [2, 100, 101, 102, 103, 104])
    const q = node(1, { active: [2, 3], passive: [5], config: { passiveSize: 50 } }).fires("Cycle")
    q.hears(5, reply(q.requestTo(5), "limited", 1, sample(many)))
    assert.strictEqual(q.passive.length, 6)
  })

  it("B5. and of an acceptance nothing is taken", () => {
    const p = node(1, { active: [2, 3], passive: [5] }).fires("Cycle")
    p.hears(5, reply(p.requestTo(5), "accepted", 0, sample(many)))
    assert.deepStrictEqual(p.passive, [])
  })

  it("B6. the sender of a message is who the driver says, not who the message says", () => {
    // A walk may speak of anybody; a Disconnect, a reply or a request is about its sender alone.
    const p = node(1, { active: [2, 3] }).hears(9, disconnect(linkTo(2), "leaving"))
    assert.deepStrictEqual(p.active, [2, 3])
    p.hears(9, disconnect(linkOf(2, 502), "evicted"))
    assert.deepStrictEqual(p.active, [2, 3])
  })
})
