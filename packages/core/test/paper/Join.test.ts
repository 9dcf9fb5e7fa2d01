import { assert, describe, it } from "@effect/vitest"
import {
  assertDoubling,
  forwardJoin,
  idleNode,
  join,
  linkOf,
  linkTo,
  neighbor,
  node,
  overSeeds,
  peer,
  reply,
  sorted
} from "./node.ts"

describe("rule 1: Join, at the contact", () => {
  it("1a. a full contact makes room by evicting a random neighbour", () => {
    const evicted = (seed: number) => {
      const contact = node(1, { active: [2, 3, 4], seed }).hears(9, join(7))
      assert.strictEqual(contact.active.length, 3)
      assert.include(contact.active, 9)
      return contact.says("Disconnect").map(({ reason, to }) => `${to} ${reason}`)[0]
    }
    assert.sameMembers([...new Set(overSeeds(40, evicted))], ["2 evicted", "3 evicted", "4 evicted"])
  })

  it("1a. a contact with a free slot evicts nobody", () => {
    const contact = node(1, { active: [2, 3] }).hears(9, join(7))
    assert.deepStrictEqual(contact.active, [2, 3, 9])
    assert.deepStrictEqual(contact.says("Disconnect"), [])
  })

  it("1b. it accepts with a NeighborReply", () => {
    const contact = node(1, { active: [2] }).hears(9, join(7))
    assert.deepStrictEqual(contact.saysTo(9), [reply(7, "accepted")])
    assert.deepStrictEqual(contact.news, ["+9"])
  })

  it("1c. it sends ForwardJoin with ARWL to every other neighbour", () => {
    const contact = node(1, { active: [2, 3] }).hears(9, join(7))
    assert.deepStrictEqual(
      contact.sent.filter(([, { _tag }]) => _tag === "ForwardJoin"),
      [
        [2, forwardJoin(linkTo(2), peer(9), 6)],
        [3, forwardJoin(linkTo(3), peer(9), 6)]
      ]
    )
  })

  it("1c. whoever was evicted for the joiner is no other neighbour any more", () => {
    const contact = node(1, { active: [2, 3, 4] }).hears(9, join(7))
    const [victim] = contact.says("Disconnect")
    assert.deepStrictEqual(
      contact.says("ForwardJoin").map(({ to }) => to),
      [2, 3, 4].filter((id) => id !== victim?.to)
    )
  })
})

describe("rule 1: Join, at the joiner", () => {
  it("1d. it asks one contact at a time", () => {
    const joiner = idleNode(1).joins(102, 103, 104)
    assert.strictEqual(joiner.gives("Dial").length, 1)
    const address = joiner.gives("Dial")[0]?.address ?? 0
    joiner.opens(address)
    assert.deepStrictEqual(
      joiner.sent.map(([to, { _tag }]) => [to, _tag]),
      [[address - 100, "Join"]]
    )
    assert.deepStrictEqual(joiner.gives("Dial"), [])
  })

  it("1d. a contact that cannot be dialled, and one that does not answer, are followed by the next", () => {
    const joiner = idleNode(1).joins(102, 103, 104)
    const first = joiner.gives("Dial")[0]?.address ?? 0
    const second = joiner.cannotDial(first).gives("Dial")[0]?.address ?? 0
    joiner.opens(second)
    const third = joiner.fires("Request").gives("Dial")[0]?.address ?? 0
    assert.deepStrictEqual(sorted([first, second, third]), [102, 103, 104])
    assert.strictEqual(joiner.now, 3_000)
  })

  it("1d. a dial that nobody reports on is followed by the next after the time-out", () => {
    const joiner = idleNode(1).joins(102, 103)
    const first = joiner.gives("Dial")[0]?.address ?? 0
    const second = joiner.fires("Request").gives("Dial")[0]?.address ?? 0
    assert.deepStrictEqual(sorted([first, second]), [102, 103])
  })

  it("1d. when all contacts have been asked, Discovery is, and then the contacts again, with backoff", () => {
    const joiner = idleNode(1).joins(102)
    const waits: Array<number> = []
    joiner.cannotDial(102)
    for (let round = 0; round < 12; round++) {
      assert.strictEqual(joiner.gives("Discover").length, 1)
      joiner.isTold()
      assert.deepStrictEqual(joiner.gives("Dial"), [{ _tag: "Dial", address: 102 }])
      joiner.cannotDial(102)
      const before = joiner.now
      waits.push(joiner.fires("Discovery").now - before)
    }
    assertDoubling(waits, 1_000, 60_000)
  })

  it("1e. it skips its own address", () => {
    const joiner = idleNode(1).joins(101)
    assert.deepStrictEqual(joiner.gives("Dial"), [])
    assert.deepStrictEqual(idleNode(1).joins(101, 102).gives("Dial"), [{ _tag: "Dial", address: 102 }])
  })

  it("1e. it skips an address at which it itself answers", () => {
    const joiner = idleNode(1).joins(150)
    joiner.opens(150, peer(1))
    assert.deepStrictEqual(joiner.sent, [])
    assert.deepStrictEqual(joiner.asking, [])
  })

  it("1f. it adds the contact on the reply, not before", () => {
    const joiner = idleNode(1).joins(102).opens(102)
    assert.deepStrictEqual([joiner.active, joiner.asking], [[], [2]])
    joiner.hears(2, reply(joiner.requestTo(2), "accepted"))
    assert.deepStrictEqual([joiner.active, joiner.asking], [[2], []])
  })

  it("1g. it is joined at its first link", () => {
    const joiner = idleNode(1).joins(102).opens(102)
    joiner.hears(2, reply(joiner.requestTo(2), "accepted"))
    assert.deepStrictEqual(joiner.gives("Joined"), [{ _tag: "Joined", peer: peer(2) }])
    assert.strictEqual(joiner.state.status, "joined")
    joiner.hears(3, neighbor(1, "joinWalk"))
    assert.deepStrictEqual(joiner.active, [2, 3])
    assert.deepStrictEqual(joiner.gives("Joined"), [])
  })

  it("1g. it is joined at a link that another has asked for, too", () => {
    const first = idleNode(1).joins().hears(2, join(1))
    assert.deepStrictEqual(first.gives("Joined"), [{ _tag: "Joined", peer: peer(2) }])
  })

  it("1h. a first node without live contacts is up, alone, and goes on asking", () => {
    const first = idleNode(1).joins()
    assert.strictEqual(first.gives("Discover").length, 1)
    for (let round = 0; round < 20; round++) {
      first.isTold()
      assert.strictEqual(first.fires("Discovery").gives("Discover").length, 1)
    }
    // Up: it answers.
    assert.deepStrictEqual(first.hears(2, join(1)).active, [2])
  })

  it("1i. a contact is dialled first, and asked once it is known who answers", () => {
    const joiner = idleNode(1).joins(102)
    assert.deepStrictEqual(joiner.sent, [])
    // Not who stood at that address last week, but somebody else.
    joiner.opens(102, peer(7))
    assert.deepStrictEqual(joiner.sent, [[7, join(joiner.requestTo(7))]])
  })

  it("1i. a contact that turns out to be a neighbour meanwhile is not asked", () => {
    const joiner = idleNode(1).joins(102).hears(2, neighbor(1, "repair"))
    assert.deepStrictEqual(joiner.opens(102).sent, [])
    assert.deepStrictEqual(joiner.state.active[0]?.link, linkOf(2, 1))
  })
})
