import { assert, describe, it } from "@effect/vitest"
import type * as HyParView from "@hyparview/core/HyParView"
import type { Peer } from "@hyparview/core/Peer"
import {
  assertDoubling,
  bridge,
  disconnect,
  evictedForBridge,
  forwardJoin,
  idleNode,
  join,
  linkOf,
  linkTo,
  neighbor,
  node,
  notNeighbor,
  overSeeds,
  peer,
  reply,
  sample,
  shuffle,
  sorted,
  type Subject
} from "./node.ts"

/** Fires the Repair timer until all passive entries have been asked and have refused; how long the wait was. */
const refuseAll = (p: Subject): number => {
  const before = p.now
  p.fires("Repair")
  const wait = p.now - before
  refuse(p)
  return wait
}

/** Whoever is being asked refuses, and so do those who are asked then: all of them, in order. */
const refuse = (p: Subject): ReadonlyArray<number> => {
  const asked: Array<number> = []
  while (p.asking.length > 0) {
    const id = p.asking[0] ?? 0
    asked.push(id)
    p.hears(id, reply(p.requestTo(id), "full"))
  }
  return asked
}

describe("rule 4: repair is an obligation, not an event", () => {
  it("4a. it starts after a failure", () => {
    const p = node(1, { active: [2, 3, 4], passive: [5] }).loses(2)
    assert.deepStrictEqual(p.sent, [[5, neighbor(p.requestTo(5), "repair")]])
  })

  it("4a. it starts after a Disconnect", () => {
    const p = node(1, { active: [2, 3, 4], passive: [5] }).hears(2, disconnect(linkTo(2), "leaving"))
    assert.deepStrictEqual(p.asking, [5])
  })

  it("4a. it starts on a periodic tick", () => {
    const p = node(1, { active: [2, 3], passive: [5] }).fires("Cycle")
    assert.deepStrictEqual(p.asking, [5])
  })

  it("4a. it starts after any other transition that leaves a slot free", () => {
    assert.deepStrictEqual(node(1, { active: [2, 3], passive: [5] }).fires("Heartbeat").asking, [5])
    const q = node(1, { active: [2, 3] }).hears(2, shuffle(linkTo(2), 1, peer(5), 1, sample([])))
    assert.deepStrictEqual(q.asking, [5])
  })

  it("4a. it rests while the view is full", () => {
    const p = node(1, { active: [2, 3, 4], passive: [5] }).fires("Cycle")
    assert.deepStrictEqual(p.asking, [])
  })

  it("4b. a request is open for each free slot, each to another random passive entry", () => {
    const asked = (seed: number) => {
      const p = node(1, { active: [2], passive: [5, 6, 7, 8], seed }).fires("Cycle")
      assert.strictEqual(new Set(p.asking).size, 2)
      return p.asking
    }
    assert.deepStrictEqual(sorted(new Set(overSeeds(30, asked).flat())), [5, 6, 7, 8])
  })

  it("4b. none is asked twice in a round", () => {
    const p = node(1, { active: [2], passive: [5, 6, 7, 8, 9] }).fires("Cycle")
    const asked = [...p.asking]
    while (p.asking.length > 0) {
      const id = p.asking[0] ?? 0
      p.hears(id, reply(p.requestTo(id), "full"))
      asked.push(...p.says("Neighbor").map(({ to }) => to))
    }
    assert.deepStrictEqual(sorted(asked), [5, 6, 7, 8, 9])
  })

  it("4c. one of the open requests is empty while the active view is, the others are not", () => {
    const p = node(1, { passive: [5, 6, 7] }).fires("Cycle")
    assert.deepStrictEqual(
      p.says("Neighbor").map(({ reason }) => reason),
      ["empty", "repair", "repair"]
    )
    assert.deepStrictEqual(
      node(1, { active: [2], passive: [5, 6] })
        .fires("Cycle")
        .says("Neighbor")
        .map(({ reason }) => reason),
      ["repair", "repair"]
    )
  })

  it("4c. when the empty request fails, the next is empty", () => {
    const p = node(1, { passive: [5, 6, 7, 8] }).fires("Cycle")
    const [first] = p.says("Neighbor")
    p.cannotReach(first?.to ?? 0)
    assert.deepStrictEqual(
      p.says("Neighbor").map(({ reason }) => reason),
      ["empty"]
    )
  })

  it("4c. whoever was asked with repair before the last neighbour was lost is asked with empty in the next round", () => {
    const p = node(1, { active: [2], passive: [5] })
      .fires("Cycle")
      .loses(2)
    assert.deepStrictEqual([p.active, p.asking, p.says("Neighbor")], [[], [5], []])
    const { now } = p.hears(5, reply(p.requestTo(5), "full"))
    assert.deepStrictEqual(p.asking, [])
    assert.deepStrictEqual(
      p
        .fires("Repair")
        .says("Neighbor")
        .map(({ reason }) => reason),
      ["empty"]
    )
    assert.isAtMost(p.now - now, 1_500)
  })
  it("4c. whoever was evicted and has nobody asks the one it was told of, and no second time with high priority", () => {
    const p = node(1, { passive: [5], config: { activeSize: 3 } }).fires("Cycle")
    assert.deepStrictEqual(
      p.says("Neighbor").map(({ reason, to }) => [reason, to]),
      [["empty", 5]]
    )
    p.hears(8, neighbor(1, "repair")).hears(8, disconnect(linkOf(8, 1), "evicted", sample([9])))
    assert.deepStrictEqual(
      p.says("Neighbor").map(({ reason, to }) => [reason, to]),
      [["repair", 9]]
    )
  })

  describe("4d. every outcome advances the round:", () => {
    /** A node with one free slot that asks 5 or 6; whichever it asked, and the other. */
    const asking = () => {
      const p = node(1, { active: [2, 3], passive: [5, 6] }).fires("Cycle")
      const asked = p.asking[0] ?? 0
      return { p, asked, other: 11 - asked }
    }

    it("accepted", () => {
      const { asked, p } = asking()
      p.hears(asked, reply(p.requestTo(asked), "accepted"))
      assert.deepStrictEqual([p.active, p.asking], [[2, 3, asked], []])
    })

    it("accepted, with a slot left", () => {
      const p = node(1, { active: [2], passive: [5, 6, 7] }).fires("Cycle")
      const [first = 0, second = 0] = p.asking
      p.hears(first, reply(p.requestTo(first), "accepted"))
      assert.deepStrictEqual(p.asking, [second])
      p.cannotReach(second)
      assert.deepStrictEqual(sorted([first, second, ...p.asking]), [5, 6, 7])
    })

    it("refused", () => {
      for (const answer of ["full", "busy", "limited"] as const) {
        const { asked, other, p } = asking()
        p.hears(asked, reply(p.requestTo(asked), answer))
        assert.deepStrictEqual(p.asking, [other], answer)
      }
    })

    it("a dial that fails before the time-out", () => {
      const { asked, other, p } = asking()
      assert.deepStrictEqual(p.cannotReach(asked).asking, [other])
    })

    it("a link that breaks before the answer", () => {
      const { asked, other, p } = asking()
      assert.deepStrictEqual(p.loses(asked, "reset").asking, [other])
    })

    it("a link that the other end let go before the answer", () => {
      const { asked, other, p } = asking()
      assert.deepStrictEqual(p.loses(asked, "closed").asking, [other])
    })

    it("silence", () => {
      const { other, p } = asking()
      assert.deepStrictEqual(p.fires("Request").asking, [other])
      assert.strictEqual(p.now, p.state.pending[0]?.deadline === undefined ? -1 : p.state.pending[0].deadline - 3_000)
    })

    it("a dial that fails after the time-out", () => {
      const { asked, other, p } = asking()
      p.fires("Request").cannotReach(asked)
      assert.deepStrictEqual([p.asking, p.graveyard], [[other], [asked]])
    })

    it("the peer becoming a neighbour some other way", () => {
      // The lower id's request stands (6g): 9 has asked 5, and 5 asks 9.
      const p = node(9, { active: [2], passive: [5, 6, 7] }).fires("Cycle")
      const asked = p.asking[0] ?? 0
      p.hears(asked, neighbor(77, "repair"))
      assert.deepStrictEqual(p.active, [2, asked])
      assert.strictEqual(p.asking.length, 1)
      assert.notInclude(p.asking, asked)
    })

    it("the peer leaving", () => {
      const { asked, other, p } = asking()
      assert.deepStrictEqual(p.hears(asked, disconnect(linkTo(asked), "leaving")).asking, [other])
    })
  })

  it("4e. no connection, for whatever cause: the entry moves from passive to the graveyard", () => {
    for (const cause of ["refused", "timeout", "unreachable", "rejected", "identity"] as const) {
      const p = node(1, { active: [2, 3], passive: [5] })
        .fires("Cycle")
        .cannotReach(5, cause)
      assert.deepStrictEqual([p.passive, p.graveyard], [[], [5]], cause)
    }
  })

  it("4f. connected but silent: suspect, and kept; removed when it happens again", () => {
    const p = node(1, { active: [2, 3], passive: [5] })
      .fires("Cycle")
      .fires("Request")
    assert.deepStrictEqual(p.passive, [5])
    p.fires("Repair")
    assert.deepStrictEqual(p.asking, [5])
    p.fires("Request")
    assert.deepStrictEqual([p.passive, p.graveyard], [[], [5]])
  })

  it("4f. the suspicion goes with the entry: when it makes room, when a later incarnation takes it, and when the node leaves", () => {
    const suspecting = () =>
      node(1, { active: [2, 3], passive: [5], config: { passiveSize: 1, shufflePassive: 1 } })
        .fires("Cycle")
        .fires("Request")
    const brings = (p: Subject, other: Peer<number, number>) => p.hears(2, shuffle(linkTo(2), 1, other, 1, sample([])))
    assert.deepStrictEqual(suspecting().state.memory.suspects, [5])
    const roomy = brings(suspecting(), peer(6))
    assert.deepStrictEqual([roomy.passive, roomy.state.memory.suspects], [[6], []])
    const reborn = brings(suspecting(), peer(5, 2))
    assert.deepStrictEqual([reborn.passive, reborn.state.memory.suspects], [[5], []])
    assert.deepStrictEqual(suspecting().leaves().state.memory.suspects, [])
  })

  it("4f. silent is also whoever's link was let go of in order, by either end, before the answer", () => {
    for (const cause of ["closed", "local"] as const) {
      const p = node(1, { active: [2, 3], passive: [5] })
        .fires("Cycle")
        .loses(5, cause)
      assert.deepStrictEqual([p.passive, p.graveyard, p.state.memory.suspects], [[5], [], [5]], cause)
    }
  })

  it("4f. an answer clears the suspicion", () => {
    const p = node(1, { active: [2, 3], passive: [5] })
      .fires("Cycle")
      .fires("Request")
      .fires("Repair")
    p.hears(5, reply(p.requestTo(5), "full"))
    p.fires("Repair")
    // The timer of the request that was answered comes too early.
    while (p.asking.length > 0) p.fires("Request")
    assert.deepStrictEqual([p.passive, p.graveyard, p.state.memory.suspects], [[5], [], [5]])
  })

  it("4g. full: skipped for the round, kept", () => {
    const p = node(1, { active: [2, 3], passive: [5, 6] }).fires("Cycle")
    const asked = p.asking[0] ?? 0
    p.hears(asked, reply(p.requestTo(asked), "full"))
    assert.deepStrictEqual([sorted(p.passive), p.asking], [[5, 6], [11 - asked]])
    refuse(p)
    // The next round asks it again.
    assert.include([5, 6], p.fires("Repair").asking[0])
  })

  it("4h. busy: kept, and asked again after a short jitter", () => {
    const wait = (seed: number) => {
      const p = node(1, { active: [2, 3], passive: [5], seed }).fires("Cycle")
      p.hears(5, reply(p.requestTo(5), "busy"))
      assert.deepStrictEqual([p.passive, p.asking], [[5], []])
      const before = p.now
      assert.deepStrictEqual(p.fires("Repair").asking, [5])
      return p.now - before
    }
    const waits = overSeeds(20, wait)
    assert.isTrue(
      waits.every((wait) => wait >= 100 && wait <= 300),
      waits.join(" ")
    )
    assert.isAbove(new Set(waits).size, 10)
  })

  it("4h. who is full is not asked again with it", () => {
    const p = node(1, { active: [2], passive: [5, 6] }).fires("Cycle")
    p.hears(5, reply(p.requestTo(5), "busy"))
    p.hears(6, reply(p.requestTo(6), "full"))
    assert.deepStrictEqual(p.fires("Repair").asking, [5])
  })

  it("4h. once a round: busy again, it waits with the others", () => {
    const p = node(1, { active: [2, 3], passive: [5] }).fires("Cycle")
    p.hears(5, reply(p.requestTo(5), "busy"))
    p.fires("Repair").hears(5, reply(p.requestTo(5), "busy"))
    const before = p.now
    assert.deepStrictEqual(p.fires("Repair").asking, [5])
    assert.isAtLeast(p.now - before, 500)
  })

  it("4i. who evicted us is not asked in the round that follows", () => {
    overSeeds(10, (seed) => {
      const p = node(1, { active: [2, 3, 4], passive: [5, 6], seed })
      p.hears(2, disconnect(linkTo(2), "evicted", sample([7])))
      assert.deepStrictEqual(sorted(refuse(p)), [5, 6, 7])
    })
  })

  it("4i. nor is who held no link to us, or whom we evicted", () => {
    const p = node(1, { active: [2, 3, 4] }).hears(2, notNeighbor(linkTo(2)))
    assert.deepStrictEqual([p.passive, p.asking], [[2], []])
    const q = node(1, { active: [2, 3, 4] }).hears(9, join(1))
    const victim = q.passive[0] ?? 0
    const [lost = 0] = q.active
    assert.deepStrictEqual(q.hears(lost, notNeighbor(q.state.active[0]?.link ?? linkTo(lost))).asking, [victim])
  })

  it("4j. a round that has tried everybody waits, with doubling, jittered backoff from 1 to 60 s", () => {
    const p = node(1, { active: [2, 3], passive: [5, 6, 7] }).fires("Cycle")
    refuse(p)
    assertDoubling(
      Array.from({ length: 12 }, () => refuseAll(p)),
      1_000,
      60_000
    )
  })

  it("4j. a new passive entry ends the wait", () => {
    const p = node(1, { active: [2, 3], passive: [5] }).fires("Cycle")
    refuse(p)
    assert.strictEqual(p.state.round.waiting, true)
    // Who has been tried is no news; somebody new is.
    assert.deepStrictEqual(p.hears(2, shuffle(linkTo(2), 1, peer(5), 1, sample([]))).asking, [])
    assert.deepStrictEqual(p.hears(2, shuffle(linkTo(2), 2, peer(6), 1, sample([]))).asking, [6])
  })

  it("4j. and if that one refuses too, the same wait goes on", () => {
    const p = node(1, { active: [2, 3], passive: [5] }).fires("Cycle")
    refuse(p)
    const wait = p.state.timers.Repair
    p.hears(2, shuffle(linkTo(2), 2, peer(6), 1, sample([])))
    refuse(p)
    assert.strictEqual(p.state.round.waiting, true)
    assert.deepStrictEqual(p.state.timers.Repair, wait)
    assert.deepStrictEqual(sorted(new Set(refuse(p.fires("Repair")))), [5, 6])
  })

  it("4j. a wait that began with nobody to ask gets its timer with the first who is known, though it has been tried", () => {
    const p = node(1).joins(102).opens(102)
    assert.strictEqual(p.state.timers.Repair.nonce, 0)
    p.hears(2, reply(p.requestTo(2), "full"))
    assert.deepStrictEqual([p.passive, p.asking], [[2], []])
    assert.deepStrictEqual(p.fires("Repair").asking, [2])
  })

  it("4j. where every free slot is promised there is nothing to wait for", () => {
    const p = node(1, { active: [2, 3, 4] }).hears(2, forwardJoin(linkTo(2), peer(9), 0))
    p.hears(2, evictedForBridge(linkTo(2), sample([]), 1))
    assert.deepStrictEqual([p.active, p.asking, p.state.round.waiting], [[3, 4], [9], true])
    assert.strictEqual(p.state.timers.Repair.nonce, 0)
    p.hears(9, reply(p.requestTo(9), "full"))
    assert.notStrictEqual(p.state.timers.Repair.nonce, 0)
  })
  it("4j. a freed slot ends the wait", () => {
    const p = node(1, { active: [2, 3], passive: [5, 6] }).fires("Cycle")
    refuse(p)
    assert.deepStrictEqual(sorted(p.loses(2).asking), [5, 6])
  })

  it("4j. a neighbour won from elsewhere does not end it while a slot is left", () => {
    const p = node(1, { active: [2], passive: [5, 6] }).fires("Cycle")
    refuse(p)
    p.hears(9, neighbor(1, "repair"))
    assert.deepStrictEqual([p.active, p.asking], [[2, 9], []])
  })

  describe("4k. when everybody has refused again and again", () => {
    const bridges = (p: Subject): ReadonlyArray<HyParView.Neighbor & { readonly to: number }> =>
      p.says("Neighbor").filter(({ reason }) => reason === "bridge")

    /** Everybody refuses everything, until the node asks for a bridge; when, and how. */
    const untilBridge = (p: Subject) => {
      for (let step = 0; step < 10_000; step++) {
        const [asked] = bridges(p)
        if (asked !== undefined) return { at: p.now, to: asked.to, moves: asked.moves }
        if (p.asking.length === 0) p.fires("Repair")
        else p.hears(p.asking[0] ?? 0, reply(p.requestTo(p.asking[0] ?? 0), "full"))
      }
      throw new Error("no bridge was asked for")
    }

    const losing = () => node(1, { active: [2, 3, 4], passive: [5, 6, 7] }).loses(2)

    it("one of them is asked with bridge, and the hole is handed on", () => {
      const p = losing()
      const { moves, to } = untilBridge(p)
      assert.include([5, 6, 7], to)
      assert.strictEqual(moves, 1)
      p.hears(to, reply(p.requestTo(to), "accepted"))
      assert.deepStrictEqual([p.active, p.says("Disconnect")], [[3, 4, to], []])
    })

    it("not before the slot has been free for twice the first wait", () => {
      const p = losing()
      refuse(p)
      assert.deepStrictEqual(bridges(p), [])
      const { at } = untilBridge(p)
      assert.isAtLeast(at, 2_000)
      assert.isAtMost(at, 6_000)
    })

    it("within a bridge's period too: who moves a hole is bounded by its rests", () => {
      const p = losing()
      p.state = { ...p.state, search: { ...p.state.search, nextBridgeAskAt: 60_000 } }
      assert.isAtMost(untilBridge(p).at, 6_000)
      assert.strictEqual(p.state.search.nextBridgeAskAt, 60_000)
    })

    it("nor that long after a start, where it was never filled", () => {
      const p = idleNode(1).waits(1_000_000).joins(102).opens(102)
      const from = p.now
      p.hears(2, reply(p.requestTo(2), "accepted", 0))
      p.hears(2, shuffle(undefined, 1, peer(2), 1, sample([5, 6, 7])))
      refuse(p)
      assert.deepStrictEqual(bridges(p), [])
      const { at } = untilBridge(p)
      assert.isAtLeast(at, from + 2_000)
    })

    it("the asked evicts a neighbour of its own, and tells it how often the hole has moved", () => {
      const asked = node(5, { active: [6, 7, 8] }).hears(1, bridge(3, 4))
      const [answer] = asked.says("NeighborReply")
      const [notice] = asked.says("Disconnect")
      assert.deepStrictEqual([answer?.to, answer?.answer], [1, "accepted"])
      assert.strictEqual(asked.active.length, 3)
      assert.strictEqual(notice?.moves, 4)
    })

    it("and the evicted lets the hole rest twice as long as the node before it did", () => {
      const rest = (moves: number) => {
        const p = node(1, { active: [2, 3, 4], passive: [5, 6] })
        p.hears(2, evictedForBridge(linkTo(2), sample([9]), moves))
        const next = untilBridge(p)
        assert.strictEqual(next.moves, moves + 1)
        return next.at
      }
      for (const moves of [1, 2, 3, 5]) {
        assert.isAtLeast(rest(moves), 1_000 * 2 ** (moves + 1))
        // It moves at the end of a round, and these are up to 90 s apart.
        assert.isAtMost(rest(moves), 1_000 * 2 ** (moves + 1) + 90_000)
      }
    })

    it("two free slots at one node rest only half as long again with each move: neither must remain", () => {
      const rest = (moves: number) => {
        const p = node(1, { active: [2, 3, 4], passive: [5, 6, 7] }).loses(4)
        p.hears(2, evictedForBridge(linkTo(2), sample([9]), moves))
        const next = untilBridge(p)
        assert.strictEqual(next.moves, moves + 1)
        return next.at
      }
      for (const moves of [1, 2, 5, 9]) {
        assert.isAtLeast(rest(moves), 2_000 * 1.5 ** moves)
        assert.isAtMost(rest(moves), 2_000 * 1.5 ** moves + 90_000)
      }
    })

    it("whoever is evicted for a bridge waits to be asked: the bridge's other end has told its own evicted", () => {
      const p = node(1, { active: [2, 3, 4], passive: [5, 6] })
      p.hears(2, evictedForBridge(linkTo(2), sample([9, 10]), 1))
      assert.deepStrictEqual([p.asking, p.active, p.gives("Discover")], [[], [3, 4], []])
      assert.isAtMost(p.state.timers.Repair.at - p.now, 1_500)
    })

    it("a failure is a new hole, that has never moved", () => {
      const p = node(1, { active: [2, 3, 4], passive: [5, 6] })
      p.hears(2, evictedForBridge(linkTo(2), sample([9]), 7)).loses(3)
      assert.strictEqual(untilBridge(p).moves, 1)
    })

    it("a node that had nobody to ask has not been refused", () => {
      const p = node(1, { active: [2, 3] }).fires("Cycle")
      p.hears(2, shuffle(linkTo(2), 1, peer(5), 1, sample([])))
      assert.deepStrictEqual(p.says("Neighbor")[0]?.reason, "repair")
      refuse(p)
      assert.deepStrictEqual(p.says("Neighbor"), [])
    })

    it("who has no neighbour moves nothing, and asks with empty", () => {
      const p = node(1, { active: [2], passive: [5] }).loses(2)
      const reasons: Array<HyParView.NeighborReason> = []
      for (let round = 0; round < 5; round++) {
        while (p.asking.length > 0) {
          reasons.push(...p.says("Neighbor").map(({ reason }) => reason))
          p.hears(5, reply(p.requestTo(5), "full"))
        }
        p.fires("Repair")
      }
      assert.isAbove(p.now, 2_000)
      assert.deepStrictEqual(
        reasons,
        Array.from({ length: 5 }, () => "empty")
      )
    })

    it("the rests end at about an hour: 4,096 first waits", () => {
      const p = node(1, { active: [2, 3, 4], passive: [5, 6] })
      p.hears(2, evictedForBridge(linkTo(2), sample([9]), 20))
      const { at, moves } = untilBridge(p)
      assert.strictEqual(moves, 21)
      assert.isAtLeast(at, 4_096_000)
      assert.isAtMost(at, 4_096_000 + 90_000)
    })
  })

  it("4l. whoever a refusal names is asked next", () => {
    overSeeds(10, (seed) => {
      const p = node(1, { active: [2, 3], passive: [5, 6, 7], seed }).fires("Cycle")
      const [asked = 0] = p.asking
      p.hears(asked, reply(p.requestTo(asked), "full", 0, sample([30])))
      assert.deepStrictEqual(p.asking, [30])
      // And if that one refuses too, the round goes on as before.
      p.hears(30, reply(p.requestTo(30), "full"))
      assert.include([5, 6, 7], p.asking[0])
    })
  })

  it("4l. not if it has been tried, is this node, or a neighbour", () => {
    for (const named of [1, 2, 5]) {
      const p = node(1, { active: [2, 3], passive: [5] }).fires("Cycle")
      p.hears(5, reply(p.requestTo(5), "full", 0, sample([named])))
      assert.deepStrictEqual(p.asking, [], `${named}`)
    }
  })

  it("4l. refusals that name one after the other lead nobody on for ever: a round tries at most P that way", () => {
    const p = node(1, { active: [2, 3], passive: [5] }).fires("Cycle")
    let requests = 0
    for (let named = 100; p.asking.length > 0; named++) {
      const [asked = 0] = p.asking
      p.hears(asked, reply(p.requestTo(asked), "full", 0, sample([named])))
      requests++
    }
    assert.strictEqual(requests, 6)
    assert.strictEqual(p.state.round.waiting, true)
  })

  it("4m. an odd free slot that nobody can fill does not hammer: an hour costs few requests", () => {
    const p = node(1, { active: [2, 3], passive: [5, 6, 7, 8, 9, 10] }).fires("Cycle")
    let requests = p.says("Neighbor").length
    while (p.now < 3_600_000) {
      while (p.asking.length > 0) {
        p.hears(p.asking[0] ?? 0, reply(p.requestTo(p.asking[0] ?? 0), "full"))
        requests += p.says("Neighbor").length
      }
      requests += p.fires("Repair").says("Neighbor").length
    }
    // Six entries a round, a round a minute at most, and the first rounds; the jitter evens out.
    assert.isBelow(requests, 6 * (60 + 10) * 1.1)
  })

  describe("4n. where few are known a wait ends with a shuffle", () => {
    const shuffles = (p: Subject): number => p.fires("Repair").says("Shuffle").length

    it("also one with nobody to ask again; waits as long as a cycle no more, for the cycle shuffles", () => {
      const p = node(1, { active: [2, 3] }).fires("Cycle")
      const at: Array<number> = []
      while (p.state.timers.Repair.nonce !== 0) {
        const before = p.now
        const sent = shuffles(p)
        if (sent > 0) at.push(p.now - before)
        assert.isAtMost(sent, 1)
      }
      assert.strictEqual(at.length, 5)
      at.forEach((wait, index) => assert.closeTo(wait, 1_000 * 2 ** index, 500 * 2 ** index))
    })

    it("and with somebody, who is asked again", () => {
      const p = node(1, { active: [2, 3], passive: [5] }).fires("Cycle")
      refuse(p)
      p.fires("Repair")
      assert.deepStrictEqual([p.says("Shuffle").length, p.asking], [1, [5]])
    })

    it("what it names is asked at once", () => {
      const p = node(1, { active: [2, 3] })
        .fires("Cycle")
        .fires("Repair")
      const [asked] = p.says("Shuffle")
      p.hears(7, { _tag: "ShuffleReply", requestId: asked?.requestId ?? 0, sample: sample([8]) })
      assert.deepStrictEqual(p.asking, [8])
    })

    it("but not once the slots are full or promised, nor without a neighbour", () => {
      const promised = node(1, { active: [2, 3], passive: [5] }).fires("Cycle")
      refuse(promised)
      promised.joins(109).opens(109)
      assert.deepStrictEqual([promised.asking, shuffles(promised)], [[9], 0])
      const full = node(1, { active: [2, 3], passive: [5] }).fires("Cycle")
      full.hears(5, reply(full.requestTo(5), "full")).hears(9, neighbor(1, "repair"))
      assert.deepStrictEqual([full.active.length, shuffles(full)], [3, 0])
      const alone = node(1, { active: [2], passive: [5] }).loses(2)
      refuse(alone)
      assert.strictEqual(shuffles(alone), 0)
    })

    it("nor where passive entries, graves and neighbours are P and more", () => {
      const known = (count: number): Subject => {
        const passive = Array.from({ length: count - 3 }, (_, index) => 10 + index)
        const p = node(1, { active: [2, 3, 4], passive }).loses(2)
        refuse(p)
        return p
      }
      const { passiveSize } = node(1).state.config
      assert.strictEqual(shuffles(known(passiveSize - 1)), 1)
      assert.strictEqual(shuffles(known(passiveSize)), 0)
    })
  })
})

describe("rule 4: what else ends a request", () => {
  it("4d. a refusal of a request that is not open any more changes nothing but what is known", () => {
    const p = node(1, { active: [2, 3, 4], passive: [5] })
    const before = p.state.pending
    p.hears(5, reply(99, "full"))
    assert.deepStrictEqual([p.state.pending, p.outputs], [before, []])
  })

  it("4d. an answer to a walk's request advances nothing, and costs nothing", () => {
    const p = node(1, { active: [2, 3, 4] })
      .hears(2, forwardJoin(linkTo(2), peer(9), 0))
      .fires("Request")
    assert.deepStrictEqual([p.active, p.passive, p.asking], [[2, 3, 4], [], []])
  })
})
