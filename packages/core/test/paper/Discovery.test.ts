import { assert, describe, it } from "@effect/vitest"
import {
  assertDoubling,
  disconnect,
  idleNode,
  join,
  linkTo,
  neighbor,
  node,
  reply,
  sample,
  type Subject
} from "./node.ts"

/** Whoever is being asked refuses, until nobody is left in this round. */
const refuse = (p: Subject): void => {
  while (p.asking.length > 0) p.hears(p.asking[0] ?? 0, reply(p.requestTo(p.asking[0] ?? 0), "full"))
}

describe("rule 5: nothing left to try", () => {
  it("5a. while links are fewer than the nodes known and the round has tried everybody, Discovery is asked", () => {
    const p = node(1, { active: [2], passive: [5] }).fires("Cycle")
    assert.deepStrictEqual(p.gives("Discover"), [])
    p.hears(5, reply(p.requestTo(5), "full"))
    assert.strictEqual(p.gives("Discover").length, 1)
  })

  it("5a. graves count as known", () => {
    const p = node(1, { active: [2, 3] }).loses(3)
    assert.deepStrictEqual([p.active, p.passive, p.graveyard], [[2], [], [3]])
    assert.strictEqual(p.gives("Discover").length, 1)
  })

  it("5a. so does a contact at whose address nobody known stands", () => {
    const met = node(1, { active: [2, 3] })
      .joins(102, 103)
      .cannotDial(102)
      .cannotDial(103)
    assert.deepStrictEqual(met.fires("Cycle").gives("Discover"), [])
    const unmet = node(1, { active: [2, 3] }).joins(102, 109)
    assert.strictEqual(unmet.cannotDial(102).cannotDial(109).gives("Discover").length, 1)
  })

  it("5a. Discovery is not asked while somebody is left to try, or while the links are all that can be", () => {
    assert.deepStrictEqual(
      node(1, { active: [2], passive: [5] })
        .fires("Cycle")
        .gives("Discover"),
      []
    )
    assert.deepStrictEqual(
      node(1, { active: [2] })
        .fires("Cycle")
        .gives("Discover"),
      []
    )
    assert.deepStrictEqual(
      node(1, { active: [2, 3, 4], passive: [5] })
        .fires("Cycle")
        .gives("Discover"),
      []
    )
    const busy = node(1, { active: [2], passive: [5] }).fires("Cycle")
    assert.deepStrictEqual(busy.hears(5, reply(busy.requestTo(5), "busy")).gives("Discover"), [])
  })

  it("5a. it is asked with capped, doubling, jittered waits, for ever", () => {
    const p = node(1, { active: [2, 3], config: { repairBackoffMillis: [1_000, 1_000] } }).loses(3)
    assertDoubling(
      Array.from({ length: 30 }, () => {
        assert.strictEqual(p.gives("Discover").length, 1)
        p.isTold()
        const before = p.now
        return p.fires("Discovery").now - before
      }),
      1_000,
      60_000
    )
  })

  it("5a. its question may go unanswered: it is asked again all the same", () => {
    const p = idleNode(1).joins()
    assert.strictEqual(p.gives("Discover").length, 1)
    assert.strictEqual(p.fires("Discovery").gives("Discover").length, 1)
  })

  it("5a. when the need is over the question is withdrawn, and the next need begins with a short wait", () => {
    const p = node(1, { active: [2, 3] }).loses(3)
    for (let round = 0; round < 5; round++) p.isTold().fires("Discovery")
    p.hears(3, neighbor(1, "repair"))
    assert.deepStrictEqual(p.gives("ClearTimer"), [{ _tag: "ClearTimer", kind: "Discovery" }])
    p.loses(3)
    const { at } = p.state.timers.Discovery
    assert.isAtMost(at - p.now, 1_500)
  })

  it("5b. with an empty active view the contacts found are asked with Join", () => {
    const p = node(1, { active: [2] }).loses(2)
    assert.strictEqual(p.gives("Discover").length, 1)
    p.isTold(107).opens(107)
    assert.deepStrictEqual(p.sent, [[7, join(p.requestTo(7))]])
  })

  it("5b. whoever has few neighbours and loses the last asks contacts at once, and does not wait as long as for the fifth", () => {
    const p = node(1, { active: [2, 3] })
      .loses(3)
      .isTold(107)
      .cannotDial(107)
    for (let round = 0; round < 8; round++) p.isTold(107).cannotDial(107).fires("Discovery")
    assert.isAtLeast(p.state.timers.Discovery.at - p.now, 30_000)
    p.loses(2)
    assert.deepStrictEqual([p.gives("Dial").map(({ address }) => address), p.gives("Discover")], [[107], []])
    assert.isAtMost(p.state.timers.Discovery.at - p.now, 1_500)
    // Not again for as long as it stays alone.
    const { at } = p.cannotDial(107).state.timers.Discovery
    while (p.state.contacts.dialing.length > 0) p.cannotDial(p.state.contacts.dialing[0]?.address ?? 0)
    assert.deepStrictEqual([p.gives("Dial"), p.state.timers.Discovery.at], [[], at])
    assert.strictEqual(p.fires("Discovery").gives("Discover").length, 1)
  })

  it("5b. but not where it had one for a moment only: who accepts and drops it again and again has it dial no oftener", () => {
    const p = node(1, { active: [2, 3] })
      .loses(3)
      .isTold(107)
      .cannotDial(107)
      .waits(1_000)
      .loses(2)
    assert.deepStrictEqual(
      p.gives("Dial").map(({ address }) => address),
      [107]
    )
    while (p.state.contacts.dialing.length > 0) p.cannotDial(p.state.contacts.dialing[0]?.address ?? 0)
    const { at } = p.state.timers.Discovery
    for (let round = 0; round < 5; round++) {
      assert.deepStrictEqual(p.waits(10).hears(4, join(round)).active, [4])
      p.waits(10).loses(4)
      assert.deepStrictEqual([p.active, p.gives("Dial"), p.gives("Discover")], [[], [], []])
    }
    assert.strictEqual(p.state.timers.Discovery.at, at)
    assert.deepStrictEqual(p.hears(5, join(1)).active, [5])
    p.waits(1_000).loses(5)
    assert.strictEqual(p.gives("Dial").length, 1)
  })

  it("5e. where no contact brings a neighbour, one of the youngest graves is asked, once for each answer of Discovery", () => {
    const p = node(1, { active: [2, 3, 4] })
      .loses(2)
      .loses(3)
      .loses(4)
    assert.deepStrictEqual([p.active, p.graveyard], [[], [2, 3, 4]])
    const dialled = new Set<number>()
    for (let round = 0; round < 30; round++) {
      while (p.state.contacts.dialing.length > 0) p.cannotDial(p.state.contacts.dialing[0]?.address ?? 0)
      if (p.gives("Discover").length === 0) p.fires("Discovery")
      p.isTold(107).cannotDial(107)
      const [grave, ...others] = p.state.contacts.dialing
      assert.deepStrictEqual(others, [])
      dialled.add(grave?.address ?? 0)
      assert.deepStrictEqual(p.cannotDial(grave?.address ?? 0).gives("Dial"), [])
    }
    assert.deepStrictEqual([...dialled].toSorted(), [102, 103, 104])
    p.fires("Discovery").isTold()
    const grave = (p.state.contacts.dialing[0]?.address ?? 0) - 100
    p.opens(grave + 100)
    assert.deepStrictEqual(p.sent, [[grave, join(p.requestTo(grave))]])
    p.hears(grave, reply(p.requestTo(grave), "accepted"))
    assert.deepStrictEqual([p.active, p.graveyard.includes(grave)], [[grave], false])
  })

  it("5b. of more contacts than are kept each gets its turn, when others are dead too", () => {
    const contacts = Array.from({ length: 20 }, (_, index) => 101 + index)
    const asked = (discovered: ReadonlyArray<number>, questions: number, contactsSize: number) => {
      const p = idleNode(1, { contactsSize }).joins(...contacts)
      const dialled = new Set<number>()
      while (questions > 0) {
        for (const { address } of p.gives("Dial")) dialled.add(address)
        const [dialing] = p.state.contacts.dialing
        if (dialing !== undefined) p.cannotDial(dialing.address)
        else if (p.gives("Discover").length > 0 && questions-- > 0) p.isTold(...discovered)
        else p.fires("Discovery")
      }
      return dialled.size
    }
    // One is the node's own.
    assert.strictEqual(asked(contacts, 10, 16), 19)
    assert.strictEqual(asked(contacts, 100, 1), 19)
    assert.strictEqual(asked([], 3, 16), 19)
  })

  it("5b. but not by who has found a neighbour before the contact's link was open: a Join evicts", () => {
    const p = node(1).joins(107)
    p.hears(4, neighbor(3, "repair"))
    assert.deepStrictEqual(p.active, [4])
    p.opens(107)
    assert.deepStrictEqual(
      p.sent.map(([to, { _tag }]) => [to, _tag]),
      [
        [7, "Neighbor"],
        [7, "Shuffle"]
      ]
    )
  })

  it("5c. otherwise one of them is sent a repair request and a direct shuffle", () => {
    const p = node(1, { active: [2, 3], passive: [] }).loses(3)
    p.isTold(107, 108)
    assert.strictEqual(p.gives("Dial").length, 1)
    const id = (p.gives("Dial")[0]?.address ?? 0) - 100
    p.opens(id + 100)
    assert.deepStrictEqual(p.saysTo(id)[0], neighbor(p.requestTo(id), "repair"))
    const [walk] = p.says("Shuffle")
    assert.deepStrictEqual([walk?.to, walk?.link, walk?.origin.id], [id, undefined, 1])
  })

  it("5c. without a free slot it is only shuffled with", () => {
    const p = node(1, { active: [2, 3] })
      .loses(3)
      .isTold(107)
    p.hears(4, neighbor(1, "repair")).hears(5, neighbor(1, "repair"))
    assert.deepStrictEqual(p.active, [2, 4, 5])
    p.opens(107)
    assert.deepStrictEqual(
      p.saysTo(7).map(({ _tag }) => _tag),
      ["Shuffle"]
    )
  })

  it("5d. two survivors that hold only each other ask for the rest, again and again", () => {
    // 1 held 2, 3 and 4; 3 and 4 died, and 2 has nobody else either.
    const p = node(1, { active: [2, 3, 4] })
      .loses(3)
      .loses(4)
    assert.deepStrictEqual([p.active, p.passive], [[2], []])
    for (let round = 0; round < 10; round++) p.isTold().fires("Discovery")
    assert.strictEqual(p.gives("Discover").length, 1)
    p.isTold(109).opens(109)
    p.hears(9, reply(p.requestTo(9), "accepted"))
    assert.deepStrictEqual(p.active, [2, 9])
  })

  it("5d. and so does whoever is left alone with an only neighbour that evicted it", () => {
    const p = node(1, { active: [2] }).hears(2, disconnect(linkTo(2), "evicted", sample([])))
    refuse(p)
    assert.strictEqual(p.gives("Discover").length, 1)
  })
})
