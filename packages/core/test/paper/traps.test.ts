/**
 * Where implementations of HyParView went wrong: each trap a test that falls into it if the code does.
 */
import { assert, describe, it } from "@effect/vitest"
import type * as HyParView from "@hyparview/core/HyParView"
import { cluster, minute, snapshot } from "./cluster.ts"
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
  reply,
  sample,
  shuffle,
  type Subject
} from "./node.ts"

describe("traps", () => {
  it("T1. IsEmpty meaning ≤ 1: with one neighbour a node shuffles, and bootstraps nobody", () => {
    const p = node(1, { active: [2] }).fires("Cycle")
    assert.strictEqual(p.says("Shuffle").length, 1)
    assert.deepStrictEqual([p.gives("Discover"), p.gives("Dial"), p.says("Join")], [[], [], []])
    // And a repair of its second slot is no emergency.
    const q = node(1, { active: [2], passive: [5] }).fires("Cycle")
    assert.strictEqual(q.says("Neighbor")[0]?.reason, "repair")
  })

  it("T2. the origin replaced by the last hop: a shuffle's reply goes to whoever began it", () => {
    const offered = sample([30])
    const first = node(2, { active: [1, 3] }).hears(1, shuffle(linkTo(1), 9, peer(77), 3, offered))
    const [second] = first.says("Shuffle")
    assert.deepStrictEqual(second?.origin, peer(77))
    const last = node(3, { active: [2] }).hears(2, shuffle(linkTo(2), 9, second?.origin ?? peer(0), 2, offered))
    assert.deepStrictEqual(
      last.says("ShuffleReply").map(({ to }) => to),
      [77]
    )
    assert.deepStrictEqual(last.passive, [77, 30])
  })

  it("T3. shuffle walks of 7 or 8 hops for a ttl of 6", () => {
    for (const length of [1, 2, 6]) {
      let deliveries = 0
      for (let ttl = length; deliveries < 20;) {
        const p = node(5, { active: [4, 6], config: { shuffleWalkLength: length } })
        p.hears(4, shuffle(linkTo(4), 9, peer(99), ttl, sample([])))
        deliveries++
        const [onward] = p.says("Shuffle")
        if (onward === undefined) break
        ttl = onward.ttl
      }
      assert.strictEqual(deliveries, length)
    }
  })

  it("T4. a walk with no candidate silently lost: it ends where it is", () => {
    const walk = node(1, { active: [2, 9] }).hears(2, forwardJoin(linkTo(2), peer(9), 5))
    assert.deepStrictEqual(walk.active, [2, 9])
    const other = node(1, { active: [2] }).hears(2, forwardJoin(linkTo(2), peer(9), 5))
    assert.deepStrictEqual(other.asking, [9])
    const shuffled = node(1, { active: [2, 9] }).hears(2, shuffle(linkTo(2), 4, peer(9), 5, sample([30])))
    assert.strictEqual(shuffled.says("ShuffleReply").length, 1)
    assert.deepStrictEqual(shuffled.passive, [30])
  })

  it("T5. the same node in both views: whatever makes it a neighbour takes it out of the passive view", () => {
    const ways: ReadonlyArray<(p: Subject) => void> = [
      (p) => p.hears(5, join(1)),
      (p) => p.hears(5, neighbor(1, "empty")),
      (p) => p.hears(5, neighbor(1, "bridge")),
      (p) => {
        p.loses(2)
        while (!p.asking.includes(5)) p.hears(p.asking[0] ?? 0, reply(p.requestTo(p.asking[0] ?? 0), "full"))
        p.hears(5, reply(p.requestTo(5), "accepted"))
      }
    ]
    for (const way of ways) {
      const p = node(1, { active: [2, 3, 4], passive: [5, 6] })
      way(p)
      assert.include(p.active, 5)
      // And whatever speaks of a neighbour puts it nowhere else.
      p.hears(9, shuffle(undefined, 1, peer(5), 1, sample([5])))
      p.hears(p.active[0] ?? 0, shuffle(p.state.active[0]?.link, 1, peer(5), 1, sample([5, 5])))
      assert.notInclude(p.passive, 5)
    }
  })

  it("T6. a keep-alive from a stranger evicts nobody, and makes no neighbour", () => {
    const p = node(1, { active: [2, 3, 4] }).hears(9, heartbeat(linkOf(9, 1), 1))
    assert.deepStrictEqual([p.active, p.news], [[2, 3, 4], []])
    assert.deepStrictEqual(p.sent, [[9, notNeighbor(linkOf(9, 1))]])
  })

  it("T7. replies that nobody waits for leak into the pending set: after a thousand a node refills as before", () => {
    const p = node(1, { active: [2, 3, 4], passive: [5, 6] })
    const answers: ReadonlyArray<HyParView.NeighborAnswer> = ["accepted", "full", "busy", "limited"]
    for (let index = 0; index < 1_000; index++) {
      p.hears(100 + (index % 50), reply(index, answers[index % 4] ?? "full"))
      assert.deepStrictEqual(p.asking, [])
    }
    assert.strictEqual(p.loses(2).asking.length, 1)
  })

  it("T7. nor does a request that is answered twice, or answered and then timed out", () => {
    const p = node(1, { active: [2, 3], passive: [5] }).fires("Cycle")
    const requestId = p.requestTo(5)
    p.hears(5, reply(requestId, "full")).hears(5, reply(requestId, "full")).hears(5, reply(requestId, "busy"))
    assert.isFalse(p.state.pending.some((asking) => asking.requestId === requestId))
    const q = node(1, { active: [2, 3], passive: [5] }).fires("Cycle")
    const late = q.requestTo(5)
    q.fires("Request").hears(5, reply(late, "full"))
    assert.isFalse(q.state.pending.some((asking) => asking.requestId === late))
  })

  it("T8. a dial that fails before the time-out kills the repair chain: every failure asks the next", () => {
    const p = node(1, { active: [2], passive: [5, 6, 7, 8, 9, 10], config: { graveyardSize: 10 } }).loses(2)
    while (p.asking.length > 0) p.cannotReach(p.asking[0] ?? 0)
    assert.deepStrictEqual([p.passive, p.graveyard.length], [[], 7])
    // Isolated, but not for ever.
    assert.strictEqual(p.gives("Discover").length, 1)
    p.isTold()
    // A grave is tried meanwhile (5e).
    p.cannotDial(p.state.contacts.dialing[0]?.address ?? 0)
    assert.strictEqual(p.fires("Discovery").gives("Discover").length, 1)
  })

  it("T9. endless Neighbor and Disconnect between two nodes: the second time there is no room, and it is said", () => {
    // 1 asked 5, and is full when 5 accepts: it lets 5 go. 5 has a slot free, and asks 1 among others, again and again.
    const p = node(1, { active: [2, 3], passive: [5] }).fires("Cycle")
    const requestId = p.requestTo(5)
    p.hears(9, neighbor(7, "empty"))
    const q = node(5, { active: [20, 21] }).hears(1, neighbor(requestId, "repair"))
    p.hears(5, q.says("NeighborReply")[0] ?? join(0))
    q.hears(1, p.says("Disconnect")[0] ?? join(0))
    assert.deepStrictEqual(q.active, [20, 21])
    assert.notInclude(q.asking, 1)
    let requests = 0
    let disconnects = 0
    while (q.now < 600_000) {
      while (q.asking.length > 0) {
        const [id = 0] = q.asking
        if (id !== 1) {
          q.hears(id, reply(q.requestTo(id), "full"))
          continue
        }
        requests++
        p.now = q.now
        p.hears(5, neighbor(q.requestTo(1), "repair"))
        disconnects += p.says("Disconnect").length
        q.hears(1, p.says("NeighborReply")[0] ?? join(0))
      }
      q.fires("Repair")
    }
    assert.strictEqual(disconnects, 0)
    // A round a minute, but for the first ones; and bridges, which are asked of anybody.
    assert.isBelow(requests, 30)
  })

  it("T10. adding on request: nobody is a neighbour before it has said so", () => {
    const joining = node(1).joins(102).opens(102)
    const repairing = node(1, { active: [3], passive: [5] }).fires("Cycle")
    const welcoming = node(1, { active: [3] }).hears(3, forwardJoin(linkTo(3), peer(9), 0))
    assert.deepStrictEqual([joining.active, repairing.active, welcoming.active], [[], [3], [3]])
    assert.deepStrictEqual([joining.asking, repairing.asking, welcoming.asking], [[2], [5], [9]])
    // In a whole cluster: no link that one end only hopes for.
    const world = cluster(10)
    for (const { active, id } of snapshot(world)) {
      for (const other of active) {
        assert.include(snapshot(world).find((node) => node.id === other)?.active ?? [], id)
      }
    }
  })

  it("T11. over-capacity views when the eviction notice fails", () => {
    const p = node(1, { active: [2, 3, 4] })
    for (let id = 10; id < 40; id++) {
      p.hears(id, join(1))
      const [notice] = p.says("Disconnect")
      assert.strictEqual(p.active.length, 3)
      p.cannotReach(notice?.to ?? 0)
      assert.strictEqual(p.active.length, 3)
    }
  })

  it("T12. recursion through send: dials that fail at once are steps, one after the other", () => {
    const passive = Array.from({ length: 300 }, (_, index) => 10 + index)
    const p = node(1, { active: [2], passive, config: { passiveSize: 300, graveyardSize: 10 } }).loses(2)
    let steps = 0
    while (p.asking.length > 0) {
      const [first = 0] = p.asking
      p.cannotReach(first)
      assert.isAtMost(p.says("Neighbor").length, 1)
      steps++
    }
    assert.strictEqual(steps, 300)
  })

  it("T12. and twenty nodes whose every neighbour dies at once settle", () => {
    const world = cluster(20)
    for (let id = 2; id <= 20; id++) world.kill(id)
    world.advance(minute)
    assert.deepStrictEqual(
      snapshot(world).map(({ active }) => active),
      [[]]
    )
  })

  it("T13. two thirds of all traffic being repeated repair requests: with an odd slot left over it is a few percent", () => {
    const world = cluster(9, { activeSize: 3 })
    const counts = new Map<string, number>()
    world.observer = (_id, _input, outputs) => {
      for (const output of outputs) {
        if (output._tag !== "Send") continue
        counts.set(output.message._tag, (counts.get(output.message._tag) ?? 0) + 1)
      }
    }
    world.advance(30 * minute)
    const all = [...counts.values()].reduce((sum, count) => sum + count, 0)
    assert.isAbove(all, 1_000)
    assert.isBelow((counts.get("Neighbor") ?? 0) / all, 0.05)
  })

  it("T14. an old Disconnect tearing down a re-made link", () => {
    const p = node(1, { active: [2, 3] })
    const old = linkTo(2)
    p.loses(2).hears(2, neighbor(800, "repair"))
    assert.include(p.active, 2)
    p.hears(2, disconnect(old, "evicted")).hears(2, disconnect(old, "leaving")).hears(2, notNeighbor(old))
    assert.include(p.active, 2)
    p.hears(2, disconnect(linkOf(2, 800), "evicted"))
    assert.notInclude(p.active, 2)
  })

  it("T15. the socket closed before the Disconnect is flushed: every goodbye arrives, and then the link's end", () => {
    const world = cluster(4)
    const heard: Array<string> = []
    world.observer = (id, input) => {
      if (input._tag === "Received" && input.message._tag === "Disconnect") heard.push(`${id} goodbye`)
      if (input._tag === "LinkClosed" && input.peer.id === 1) heard.push(`${id} end`)
    }
    world.leave(1)
    world.advance(1_000)
    for (const id of [2, 3, 4]) {
      assert.deepStrictEqual(
        heard.filter((entry) => entry.startsWith(`${id} `)),
        [`${id} goodbye`, `${id} end`]
      )
      assert.deepStrictEqual(world.stateOf(id)?.membership.memory.graveyard.ids, [])
    }
  })

  it("T16. unlimited maps and histories: after thousands of strangers a state is no larger than after hundreds", () => {
    const p = node(1, { active: [2, 3, 4], config: { memorySize: 8, graveyardSize: 8, contactsSize: 4 } })
    const sizeAfter = (strangers: number, from: number): number => {
      for (let id = from; id < from + strangers; id++) {
        switch (id % 5) {
          case 0:
            p.hears(id, join(id))
            break
          case 1:
            p.hears(id, shuffle(undefined, id, peer(id), 1, sample([id + 1, id + 2])))
            break
          case 2:
            p.hears(id, disconnect(linkOf(id, 1), "leaving"))
            break
          case 3:
            p.cannotReach(p.passive[0] ?? id)
            break
          default:
            p.isTold(100 + id).hears(id, reply(id, "limited", 5, sample([id + 1])))
        }
        if (p.asking.length > 0) p.hears(p.asking[0] ?? 0, reply(p.requestTo(p.asking[0] ?? 0), "busy"))
      }
      return JSON.stringify(p.state).length
    }
    const small = sizeAfter(500, 1_000)
    assert.isBelow(sizeAfter(3_000, 10_000), small * 1.3)
  })

  it("T17. message ids that are content hashes: the same payload twice is delivered twice", () => {
    const world = cluster(3)
    const delivered: Array<number> = []
    world.observer = (id, _input, outputs) => {
      for (const output of outputs) if (output._tag === "Delivered") delivered.push(id)
    }
    world.publish(1, "again")
    world.publish(1, "again")
    world.advance(1_000)
    assert.deepStrictEqual(delivered.sort(), [1, 1, 2, 2, 3, 3])
  })
})
