import { Plumtree } from "@hyparview/core"
import { nextBelow, seeded } from "@hyparview/core/Random"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import {
  bytes,
  digest,
  gossip,
  graft,
  id,
  iHave,
  type Message,
  node,
  peer,
  prune,
  ranges,
  type Subject,
  topic
} from "../broadcast/subject.ts"
import { overSeeds } from "./node.ts"

/** Three nodes that hold each other. What one sends arrives in order, everything before time goes on. */
class Triangle {
  private readonly corners: ReadonlyArray<Subject>
  private readonly counts = [0, 0, 0]
  private wire: Array<readonly [from: number, to: number, message: Message]> = []

  constructor(seed: number) {
    this.corners = [1, 2, 3].map((self) =>
      node(
        [1, 2, 3].filter((other) => other !== self),
        { pruneAfter: 3 },
        self,
        10 * seed + self
      )
    )
  }

  get delivered(): ReadonlyArray<number> {
    return this.counts
  }

  /** Each corner publishes, at one instant, and a second passes: how many copies were sent. */
  feed(): number {
    let copies = 0
    const settle = () => {
      for (let next = this.wire.shift(); next !== undefined; next = this.wire.shift()) {
        const [from, to, message] = next
        if (message._tag === "Gossip") copies++
        this.corners[to - 1]?.hears(from, message)
        this.collect(to)
      }
    }
    for (const [index, corner] of this.corners.entries()) {
      corner.publishes("x")
      this.collect(index + 1)
    }
    settle()
    for (let tick = 0; tick < 10; tick++) {
      for (const [index, corner] of this.corners.entries()) {
        corner.passes(100)
        this.collect(index + 1)
      }
      settle()
    }
    return copies
  }

  private collect(self: number): void {
    for (const output of this.corners[self - 1]?.outputs ?? []) {
      if (output._tag === "Send") this.wire.push([self, output.to.id, output.message])
      if (output._tag === "Delivered") this.counts[self - 1] = (this.counts[self - 1] ?? 0) + 1
    }
  }
}

describe("the tree", () => {
  it("PT1. a message is named by source, epoch, topic and sequence, each topic numbered by itself, each incarnation anew", () => {
    const p = node()
    const named = (text: string, name?: string) => p.publishes(text, name).gives("Delivered")[0]?.id
    assert.deepStrictEqual(named("a"), id(1, 0))
    assert.deepStrictEqual(named("a"), id(1, 1))
    assert.deepStrictEqual(named("a", "other"), { ...id(1, 0), topic: "other" })
    p.step({ _tag: "EpochRaised", now: p.now, self: peer(1, 7) })
    assert.deepStrictEqual(named("a"), id(1, 0, 7))
  })

  it("PT1. the same payload twice arrives twice", () => {
    const p = node([2])
    const payload = bytes("same")
    assert.deepStrictEqual(p.hears(2, gossip(2, 0, { payload })).delivered, ["2/0"])
    assert.deepStrictEqual(p.hears(2, gossip(2, 1, { payload })).delivered, ["2/1"])
  })

  it("PT2. a neighbour that was won is eager, and the sets are disjoint and together the active view", () => {
    const p = node([2, 3, 4])
    assert.deepStrictEqual(p.eager(), [2, 3, 4])
    p.hears(3, prune)
    assert.deepStrictEqual([p.eager(), p.lazy()], [[2, 4], [3]])
    p.wins(5)
    assert.deepStrictEqual([p.eager(), p.lazy()], [[2, 4, 5], [3]])
    p.loses(2)
    assert.deepStrictEqual([p.eager(), p.lazy()], [[4, 5], [3]])
    // A link that was made anew is a new one.
    p.wins(3)
    assert.deepStrictEqual([p.eager(), p.lazy()], [[4, 5, 3], []])
  })

  it("PT3. a new message is delivered once, and takes back what was announced of it", () => {
    const p = node([2, 3], { pruneAfter: 5 })
    p.hears(3, iHave([9, 0, 2]))
    assert.isTrue(p.isSet("Graft"))
    p.hears(2, gossip(9, 0))
    assert.deepStrictEqual(p.delivered, ["9/0"])
    assert.deepStrictEqual(p.state.missing, [])
    assert.deepStrictEqual(p.gives("ClearTimer"), [{ _tag: "ClearTimer", kind: "Graft" }])
    p.hears(3, gossip(9, 0))
    assert.deepStrictEqual([p.delivered, p.gives("Duplicate").length], [[], 1])
    // Another that is still out keeps the timer.
    p.hears(3, iHave([9, 1, 2], [9, 2, 2]))
    p.hears(2, gossip(9, 1))
    assert.isTrue(p.isSet("Graft"))
  })

  it("PT4. it is pushed to the eager and announced to the lazy, but not back, nor to the incarnation that published it", () => {
    const p = node([2, 3, 4, 5, 6]).hears(4, prune).hears(5, prune)
    p.hears(2, gossip(9, 0, { round: 3 }))
    assert.deepStrictEqual(p.saysTo("Gossip"), [3, 6])
    assert.strictEqual(p.says("Gossip")[0]?.round, 4)
    assert.deepStrictEqual(p.saysTo("IHave"), [4, 5])
    assert.deepStrictEqual(p.says("IHave")[0]?.announcements, [{ id: id(9, 0), round: 4 }])
    p.hears(2, gossip(5, 0)).hears(2, gossip(3, 0))
    assert.deepStrictEqual([p.saysTo("Gossip"), p.saysTo("IHave")], [[6], [4, 5]])
    // A restarted source has forgotten what it published before.
    p.loses(3).wins(3, 2).hears(2, gossip(3, 1))
    assert.deepStrictEqual(p.saysTo("Gossip"), [6, 3])
    p.publishes("own")
    assert.deepStrictEqual([p.saysTo("Gossip"), p.says("Gossip")[0]?.round], [[2, 6, 3], 1])
  })

  it("PT5. the sender of a new message becomes eager", () => {
    const p = node([2, 3]).hears(2, prune)
    assert.deepStrictEqual(p.lazy(), [2])
    assert.deepStrictEqual(p.hears(2, gossip(9, 0)).lazy(), [])
  })

  it("PT5. but not one that was pruned from here, before a graft: its message was under way, and it pushes no more", () => {
    const p = node([2, 3]).hears(2, gossip(9, 0)).hears(3, gossip(9, 0))
    assert.deepStrictEqual([p.lazy(), p.saysTo("Prune")], [[3], [3]])
    assert.deepStrictEqual(p.hears(3, gossip(9, 1)).lazy(), [3])
    // Its own graft makes it eager, and so does ours.
    assert.deepStrictEqual(p.hears(3, graft(id(9, 0))).lazy(), [])
    assert.deepStrictEqual(p.hears(2, gossip(9, 2)).hears(3, gossip(9, 2)).lazy(), [3])
    assert.deepStrictEqual(
      p
        .hears(3, iHave([9, 3, 2]))
        .fires("Graft")
        .lazy(),
      []
    )
    // Who was made lazy by its own prune, and has not heard of ours, comes back as before.
    assert.deepStrictEqual(p.hears(3, prune).hears(3, gossip(9, 4)).lazy(), [])
    // Each source's own tree has no messages of others under way: the paper's rule.
    const q = node([2, 3], { trees: "source" }).hears(2, gossip(9, 0)).hears(3, gossip(9, 0))
    assert.deepStrictEqual([q.lazy(9), q.hears(3, gossip(9, 1)).lazy(9)], [[3], []])
  })

  it("PT6. a duplicate makes its sender lazy and is answered with a prune, which makes its sender lazy", () => {
    const p = node([2, 3]).hears(2, gossip(9, 0)).hears(3, gossip(9, 0))
    assert.deepStrictEqual([p.eager(), p.lazy()], [[2], [3]])
    assert.deepStrictEqual(p.says("Prune"), [{ _tag: "Prune", tree: undefined, to: 3 }])
    const q = node([2, 3]).hears(2, prune)
    assert.deepStrictEqual([q.eager(), q.lazy(), q.outputs], [[3], [2], []])
  })

  it("PT7. with many senders a neighbour is pruned after that many duplicates, and news make up for some", () => {
    const p = node([2, 3], { pruneAfter: 2 })
    const burst = p.state.config.graftMillis / 5
    const duplicate = (sequence: number) => {
      p.now += burst
      p.hears(2, gossip(9, sequence)).hears(3, gossip(9, sequence))
    }
    const after = p.state.links[1]?.pruneAt ?? 0
    assert.isTrue(after === 2 || after === 3)
    for (let sequence = 0; sequence < after - 1; sequence++) duplicate(sequence)
    assert.deepStrictEqual([p.lazy(), p.says("Prune")], [[], []])
    // News of another source come by that link.
    for (let sequence = 0; sequence < 16; sequence++) {
      p.now += burst
      p.hears(3, gossip(8, sequence))
    }
    duplicate(10)
    assert.deepStrictEqual(p.lazy(), [])
    duplicate(11)
    assert.deepStrictEqual([p.lazy(), p.saysTo("Prune")], [[3], [3]])
  })

  it("PT7. of a burst of duplicates one counts, and so of a burst of news", () => {
    const p = node([2, 3], { pruneAfter: 2 })
    const after = p.state.links[1]?.pruneAt ?? 0
    const burst = p.state.config.graftMillis / 5
    const duplicates = (from: number) => {
      for (let i = 0; i < 20; i++) p.hears(2, gossip(9, from + i)).hears(3, gossip(9, from + i))
    }
    for (let bursts = 1; bursts < after; bursts++) {
      duplicates(20 * bursts)
      p.now += burst - 1
      duplicates(1_000 + 20 * bursts)
      assert.deepStrictEqual([p.lazy(), p.state.links[1]?.duplicates], [[], bursts])
      p.now += 1
    }
    for (let sequence = 0; sequence < 100; sequence++) p.hears(3, gossip(8, sequence))
    assert.strictEqual(p.state.links[1]?.duplicates, after - 1 - 1 / 16)
    p.now += burst
    p.hears(3, gossip(8, 100))
    assert.strictEqual(p.state.links[1]?.duplicates, after - 1 - 2 / 16)
  })

  it("PT7. many senders at once: a triangle that each corner feeds loses one link, and every message comes by the others", () => {
    const ends = overSeeds(10, (seed) => {
      const triangle = new Triangle(seed)
      let copies = 0
      for (let round = 0; round < 40; round++) copies = triangle.feed()
      assert.deepStrictEqual(triangle.delivered, [120, 120, 120], `seed ${seed}`)
      return copies
    })
    // Six copies bring three messages to two others each.
    assert.isAtLeast(ends.filter((copies) => copies === 6).length, 9, ends.join(" "))
  })

  it("PT8. a lazy neighbour that still pushes what is known is told again, once in a timeout1", () => {
    const p = node([2, 3]).hears(2, gossip(9, 0)).hears(3, gossip(9, 0))
    p.hears(2, gossip(9, 1)).hears(3, gossip(9, 1))
    assert.deepStrictEqual(p.saysTo("Prune"), [])
    p.now += p.state.config.graftMillis
    p.hears(2, gossip(9, 2)).hears(3, gossip(9, 2))
    assert.deepStrictEqual(p.saysTo("Prune"), [3])
  })

  it("PT9. announcements go out together, after a time or at a number, to those who were lazy when the message was pushed", () => {
    const p = node([2, 3, 4], { announceMillis: 100, announceSize: 3 }).hears(3, prune).hears(4, prune)
    p.hears(2, gossip(9, 0))
    assert.deepStrictEqual(p.says("IHave"), [])
    p.now += 50
    p.hears(2, gossip(9, 1))
    // 3 becomes eager, and is pushed what comes from now on: what it was not pushed it must hear of.
    p.hears(3, graft())
    p.hears(3, { _tag: "Graft", ids: [id(9, 7)], payload: false })
    assert.deepStrictEqual(p.eager(), [2, 3])
    p.passes(50)
    assert.deepStrictEqual(
      p.says("IHave").map(({ announcements, to }) => [to, announcements.map(({ id }) => id.sequence)]),
      [
        [3, [0, 1]],
        [4, [0, 1]]
      ]
    )
    p.hears(2, gossip(9, 2)).hears(2, gossip(9, 3))
    assert.deepStrictEqual(p.says("IHave"), [])
    p.hears(2, gossip(9, 4))
    assert.deepStrictEqual(p.saysTo("IHave"), [4])
    assert.isFalse(p.isSet("Announce"))
  })

  it("PT10. an announcement of what has not come is remembered, and starts timeout1 if no timer runs", () => {
    const p = node([2, 3]).hears(2, iHave([9, 0, 2]))
    assert.deepStrictEqual(
      p.gives("SetTimer").map(({ at, kind }) => [kind, at - p.now]),
      [["Graft", 500]]
    )
    p.now += 100
    p.hears(3, iHave([9, 0, 2], [9, 1, 2]))
    assert.deepStrictEqual(p.gives("SetTimer"), [])
    assert.deepStrictEqual(
      p.state.missing.map(({ announcers }) => announcers),
      [[2, 3], [3]]
    )
    // What has come needs nobody.
    p.hears(2, gossip(9, 0))
      .hears(2, gossip(9, 1))
      .hears(3, iHave([9, 1, 2]))
    assert.deepStrictEqual([p.state.missing, p.isSet("Graft")], [[], false])
  })

  it("PT11. when it fires the first announcer is grafted and eager, the next after timeout2", () => {
    const p = node([2, 3])
      .hears(2, prune)
      .hears(3, prune)
      .hears(2, iHave([9, 0, 2]))
      .hears(3, iHave([9, 0, 2]))
    p.fires("Graft")
    assert.deepStrictEqual(p.says("Graft"), [{ _tag: "Graft", ids: [id(9, 0)], payload: true, to: 2 }])
    assert.deepStrictEqual([p.eager(), p.lazy()], [[2], [3]])
    const { graftAgainMillis, graftMillis } = p.state.config
    assert.isBelow(graftAgainMillis, graftMillis)
    assert.strictEqual(p.state.timers.Graft.at - p.now, graftAgainMillis)
    p.fires("Graft")
    assert.deepStrictEqual([p.saysTo("Graft"), p.eager()], [[3], [2, 3]])
  })

  describe("PT11. a node that has lost the tree, where there is a guide,", () => {
    const guided = (neighbors: ReadonlyArray<number> = [2, 3, 4], override: object = {}) =>
      node(neighbors, { guideMillis: 5_000, ...override })
    const waits = (p: Subject) => p.state.missing.map(({ at }) => at - p.now)

    it("asks at once if all neighbours are lazy, but one announcer alone, and then waits for it", () => {
      const p = guided()
        .hears(3, prune)
        .hears(4, prune)
        .hears(3, iHave([9, 0, 2], [9, 1, 2]))
        .hears(4, iHave([9, 2, 2]))
      assert.deepStrictEqual(waits(p), [500, 500, 500])
      p.now += 10
      p.loses(2)
      assert.deepStrictEqual([waits(p), p.state.timers.Graft.at], [[0, 0, 490], p.now])
      p.fires("Graft")
      assert.deepStrictEqual(p.says("Graft"), [{ _tag: "Graft", ids: [id(9, 0), id(9, 1)], payload: true, to: 3 }])
      // The announcer is eager from here on; and although it prunes this node again nobody else is asked while it may answer.
      p.hears(4, iHave([9, 3, 2])).hears(3, prune)
      assert.deepStrictEqual(waits(p).slice(-2), [490, 500])
      p.hears(3, { ...gossip(9, 0), replay: "graft" }).hears(3, { ...gossip(9, 1), replay: "graft" })
      p.hears(3, prune)
      assert.deepStrictEqual(waits(p), [0, 0])
    })

    it("asks at once for what is announced after the last eager neighbour has pruned it", () => {
      const p = guided([2])
        .hears(2, prune)
        .hears(2, iHave([9, 0, 2]))
      assert.deepStrictEqual(p.passes(0).saysTo("Graft"), [2])
    })

    it("asks at once if the neighbour that brought the latest has gone, or it was fetched, but only lately", () => {
      const p = guided()
        .hears(4, prune)
        .hears(2, gossip(9, 0))
        .hears(4, iHave([9, 1, 2]))
      assert.deepStrictEqual(waits(p), [500])
      p.loses(2)
      assert.deepStrictEqual(p.passes(0).saysTo("Graft"), [4])
      const q = guided()
        .hears(4, prune)
        .hears(2, gossip(9, 0))
        .hears(3, { ...gossip(9, 1), replay: "recovery" })
      assert.deepStrictEqual(
        q
          .hears(4, iHave([9, 2, 2]))
          .passes(0)
          .saysTo("Graft"),
        [4]
      )
      const late = guided().hears(4, prune).hears(2, gossip(9, 0)).loses(2).passes(5_001)
      assert.deepStrictEqual(waits(late.hears(4, iHave([9, 1, 2]))), [500])
      const other = guided().hears(4, prune).hears(2, gossip(9, 0)).hears(3, gossip(8, 0)).loses(2)
      assert.deepStrictEqual(waits(other.hears(4, iHave([8, 1, 2], [7, 1, 2]))), [500, 500])
    })

    it("waits all the same without a guide", () => {
      for (const trees of ["shared", "source"] as const) {
        const lost = (override: object) =>
          guided([2, 3], { trees, ...override })
            .hears(2, gossip(9, 0))
            .hears(3, { _tag: "Prune", tree: 9 })
            .hears(3, iHave([9, 1, 2]))
            .loses(2)
        assert.deepStrictEqual([waits(lost({})), waits(lost({ guideMillis: 0 }))], [[0], [500]])
      }
    })
  })

  it("PT11. one Graft asks for graftSize messages, and for the others of this announcer timeout2 later", () => {
    const p = node([2, 3], { graftSize: 2 }).hears(3, iHave([9, 0, 2], [9, 1, 2], [9, 2, 2]))
    const asked = () => p.says("Graft").map(({ ids }) => ids.map(({ sequence }) => sequence))
    p.fires("Graft")
    assert.deepStrictEqual(asked(), [[0, 1]])
    p.fires("Graft")
    assert.deepStrictEqual(asked(), [[2]])
  })

  it("PT11. where messages come late after their announcement both timeouts grow with that, and shrink again", () => {
    const p = node([2, 3], { graftMaxMillis: 1_500 })
    const wait = (sequence: number) => {
      p.hears(3, iHave([9, sequence, 2]))
      return (p.state.missing.at(-1)?.at ?? 0) - p.now
    }
    assert.strictEqual(wait(0), 500)
    p.now += 400
    // This one is announced already when the other turns out to be late: it is waited for as long.
    assert.strictEqual(wait(1), 500)
    p.hears(2, gossip(9, 0))
    assert.deepStrictEqual(p.passes(799).saysTo("Graft"), [])
    p.fires("Graft")
    assert.deepStrictEqual([p.saysTo("Graft"), p.state.timers.Graft.at - p.now], [[3], 400])
    p.hears(3, gossip(9, 1, { replay: "graft" }))
    assert.strictEqual(wait(2), 800)
    p.now += 600
    p.hears(2, gossip(9, 2))
    assert.strictEqual(wait(3), 1_200)
    p.now += 1_000
    p.hears(2, gossip(9, 3))
    assert.strictEqual(wait(4), 1_500)
    p.hears(2, gossip(9, 4))
    p.now += 12_000
    assert.strictEqual(wait(5), 500)
  })

  it("PT11. a lateness counts half after four times its length, or four times graftMillis if that is longer", () => {
    const afterwards = (late: number, millis: number) => {
      const p = node([2, 3], { graftMaxMillis: 10_000 }).hears(3, iHave([9, 0, 2]))
      p.now += late
      p.hears(2, gossip(9, 0))
      p.now += millis
      return p.hears(3, iHave([9, 1, 2]))
    }
    const first = (p: Subject) => (p.state.missing.at(-1)?.at ?? 0) - p.now
    assert.deepStrictEqual([afterwards(1_000, 3_999), afterwards(1_000, 4_000)].map(first), [2_000, 1_000])
    assert.deepStrictEqual([afterwards(400, 1_999), afterwards(400, 2_000)].map(first), [800, 500])
    // And they grow to graftMaxMillis and half of it at most.
    const late = afterwards(8_000, 0)
    assert.strictEqual(first(late), 10_000)
    late.hears(2, iHave([9, 1, 2])).fires("Graft")
    assert.strictEqual(late.state.timers.Graft.at - late.now, 5_000)
  })

  it("PT11. nor more than the message is old: whoever announces what is yet to be published has nobody wait longer", () => {
    const late = (publishedAt: number) => {
      const p = node([2, 3], { graftMaxMillis: 10_000 }).hears(3, iHave([9, 0, 2]))
      p.now += 3_000
      return p.hears(2, gossip(9, 0, { publishedAt: p.now - publishedAt })).state.late.millis
    }
    assert.deepStrictEqual([5_000, 2_000, 10, 0, -1].map(late), [3_000, 2_000, 10, 0, 3_000])
    const judged = node([2, 3], { graftMaxMillis: 10_000 }).step({ _tag: "ValidateTopic", now: 1_000, topic, on: true })
    judged.hears(3, iHave([9, 0, 2])).now += 3_000
    assert.strictEqual(judged.hears(2, gossip(9, 0, { publishedAt: judged.now - 20 })).state.late.millis, 20)
  })

  it("PT11. but not with a message that was asked for, nor where they are fixed", () => {
    const p = node([2, 3], { graftMaxMillis: 1_500 })
    p.hears(3, iHave([9, 0, 2]))
      .fires("Graft")
      .hears(3, gossip(9, 0, { replay: "graft" }))
    assert.strictEqual(p.state.late.millis, 0)
    const fixed = node([2, 3], { graftMaxMillis: 0 }).hears(3, iHave([9, 0, 2]))
    fixed.now += 450
    fixed.hears(2, gossip(9, 0)).hears(3, iHave([9, 1, 2]))
    assert.strictEqual(fixed.state.timers.Graft.at - fixed.now, 500)
  })

  it("PT11. a graft for a message that is pushed all the same is taken back", () => {
    const late = (override: object) =>
      node([2, 3], { pruneAfter: 3, ...override })
        .hears(3, prune)
        .hears(3, iHave([9, 0, 2], [9, 1, 2]))
        .fires("Graft")
    const p = late({})
    assert.deepStrictEqual([p.saysTo("Graft"), p.eager()], [[3], [2, 3]])
    p.hears(2, gossip(9, 0))
    assert.deepStrictEqual([p.saysTo("Prune"), p.eager(), p.lazy()], [[3], [2], [3]])
    p.hears(2, gossip(9, 1))
    assert.deepStrictEqual([p.saysTo("Prune"), p.lazy()], [[], [3]])
    // The answer to the graft, from whom the prune has not reached yet.
    p.hears(3, gossip(9, 0, { replay: "graft" }))
    assert.deepStrictEqual([p.saysTo("Prune"), p.lazy()], [[], [3]])
    // Who was grafted has sent it; and where the first duplicate prunes, nobody need be told before.
    assert.deepStrictEqual(late({}).hears(3, gossip(9, 0)).eager(), [2, 3])
    assert.deepStrictEqual(late({ pruneAfter: 1 }).hears(2, gossip(9, 0)).eager(), [2, 3])
    assert.deepStrictEqual(late({ trees: "source" }).hears(2, gossip(9, 0)).eager(9), [2, 3])
    // But of several messages under way at once each may come by another of the two first, and both would go.
    const q = late({ trees: "source", guideMillis: 5_000 }).hears(2, gossip(9, 0))
    assert.deepStrictEqual([q.says("Prune"), q.eager(9)], [[{ _tag: "Prune", tree: 9, to: 3 }], [2]])
  })

  it("PT12. when nobody is left it is forgotten, and a later announcement begins anew", () => {
    const p = node([2, 3])
      .hears(2, iHave([9, 0, 2]))
      .fires("Graft")
      .fires("Graft")
    assert.deepStrictEqual([p.outputs, p.state.missing], [[], []])
    p.hears(3, iHave([9, 0, 2]))
    assert.strictEqual(p.state.timers.Graft.at - p.now, p.state.config.graftMillis)
    assert.deepStrictEqual(p.fires("Graft").saysTo("Graft"), [3])
    // One that comes before that is the next to be tried.
    p.hears(2, iHave([9, 0, 2]))
    assert.deepStrictEqual(p.fires("Graft").saysTo("Graft"), [2])
  })

  it("PT12. so it is when it is done without having come: given up, or by an origin that has made room since", () => {
    const lost = node([2, 3], { windowSize: 1, retainedMessages: 1 })
    lost.hears(2, gossip(9, 0)).hears(3, iHave([9, 1, 2]))
    assert.strictEqual(lost.hears(2, gossip(9, 5)).gives("Lagged").length, 1)
    assert.deepStrictEqual(lost.fires("Graft").saysTo("Graft"), [])
    assert.deepStrictEqual([lost.state.missing, lost.isSet("Graft")], [[], false])
    const gone = node([2, 3], { sourcesSize: 1 })
    gone
      .hears(2, gossip(8, 0))
      .hears(2, gossip(9, 0))
      .hears(3, iHave([8, 0, 2]))
    assert.deepStrictEqual([gone.state.missing, gone.isSet("Graft")], [[], false])
    // Asked for before, and brought in vain.
    const late = node([2, 3], { sourcesSize: 1, recovery: false })
    late
      .hears(2, gossip(8, 1))
      .hears(3, iHave([8, 0, 2]))
      .fires("Graft")
      .hears(2, gossip(9, 0))
    assert.strictEqual(late.state.missing.length, 1)
    late.hears(3, gossip(8, 0, { replay: "graft" }))
    assert.deepStrictEqual([late.delivered, late.state.missing, late.isSet("Graft")], [[], [], false])
  })

  it("PT13. a graft makes its sender eager, and the payload is sent again", () => {
    const p = node([2, 3])
      .hears(3, prune)
      .hears(2, gossip(9, 0, { round: 4 }))
    p.now += 30
    p.hears(3, graft(id(9, 0)))
    assert.deepStrictEqual(p.eager(), [2, 3])
    const [sent] = p.says("Gossip")
    assert.deepStrictEqual([sent?.to, sent?.round, sent?.replay, sent?.ageMillis], [3, 5, "graft", 30])
    // For its link alone it gets no payload.
    p.hears(3, prune).hears(3, { _tag: "Graft", ids: [id(9, 0)], payload: false })
    assert.deepStrictEqual([p.eager(), p.outputs], [[2, 3], []])
  })

  it("PT13. what does not fit into one answer is announced again, and asked for by whoever has used up its announcers", () => {
    const bounds = { fetchMessages: 2, fetchBytes: 100 }
    const p = node([2, 3], bounds).hears(3, prune)
    for (const sequence of [0, 1, 2, 3]) p.hears(2, gossip(9, sequence, { round: 4 }))
    p.hears(3, graft(id(9, 0), id(9, 1), id(9, 2), id(9, 3)))
    assert.deepStrictEqual(
      p.says("Gossip").map((sent) => sent.id.sequence),
      [0, 1]
    )
    const announcements = [id(9, 2), id(9, 3)].map((id) => ({ id, round: 5 }))
    assert.deepStrictEqual(p.says("IHave"), [{ _tag: "IHave", announcements, to: 3 }])
    // By bytes too: the first in any case.
    const q = node([2, 3], bounds).hears(3, prune)
    for (const sequence of [0, 1]) q.hears(2, gossip(9, sequence, { payload: new Uint8Array(101) }))
    q.hears(3, graft(id(9, 0), id(9, 1)))
    assert.deepStrictEqual([q.says("Gossip").length, q.says("IHave")[0]?.announcements.length], [1, 1])

    const asker = node([2])
      .hears(2, iHave([9, 0, 5], [9, 1, 5]))
      .fires("Graft")
    assert.deepStrictEqual(asker.says("Graft")[0]?.ids, [id(9, 0), id(9, 1)])
    asker.hears(2, gossip(9, 0, { replay: "graft" })).hears(2, iHave([9, 1, 5]))
    assert.deepStrictEqual(asker.fires("Graft").says("Graft")[0]?.ids, [id(9, 1)])
  })

  it("PT14. a graft for an evicted message is missed, and then the next announcer is tried at once; the link is eager", () => {
    const p = node([2, 3], { retainedMessages: 2 }).hears(3, prune)
    for (const sequence of [0, 1, 2]) p.hears(2, gossip(9, sequence))
    p.hears(3, graft(id(9, 0), id(9, 2)))
    assert.deepStrictEqual(p.saysTo("Gossip"), [3])
    assert.deepStrictEqual(p.says("GraftMiss"), [{ _tag: "GraftMiss", ids: [id(9, 0)], to: 3 }])
    assert.deepStrictEqual(p.eager(), [2, 3])

    const q = node([2, 3])
      .hears(2, iHave([9, 0, 2]))
      .hears(3, iHave([9, 0, 2]))
      .fires("Graft")
      .hears(2, prune)
    q.hears(2, { _tag: "GraftMiss", ids: [id(9, 0)] })
    assert.deepStrictEqual(q.saysTo("Graft"), [3])
    assert.deepStrictEqual(q.eager(), [2, 3])
  })

  it("PT14. who was grafted and is lost is waited for no longer: the next announcer is tried at once, and nobody is asked twice", () => {
    const p = node([2, 3, 4])
      .hears(2, iHave([9, 0, 2], [9, 1, 2]))
      .hears(3, iHave([9, 0, 2]))
      .fires("Graft")
    assert.deepStrictEqual([p.saysTo("Graft"), p.passes(10).saysTo("Graft")], [[2], []])
    assert.deepStrictEqual(p.loses(2).passes(0).says("Graft"), [
      { _tag: "Graft", ids: [id(9, 0)], payload: true, to: 3 }
    ])
    // The other had no other announcer: another one may come.
    p.hears(4, iHave([9, 1, 2]))
    assert.deepStrictEqual(p.fires("Graft").says("Graft"), [{ _tag: "Graft", ids: [id(9, 1)], payload: true, to: 4 }])
    assert.deepStrictEqual(
      p.state.missing.map(({ grafted }) => grafted),
      [3, 4]
    )
  })

  it("PT11. with a guide a neighbour that was grafted and is lost keeps the node from asking at once no longer", () => {
    const p = node([2, 3, 4], { guideMillis: 5_000 })
      .hears(3, prune)
      .hears(4, prune)
      .hears(3, iHave([9, 0, 2]))
      .loses(2)
    assert.deepStrictEqual(p.passes(0).saysTo("Graft"), [3])
    assert.deepStrictEqual(p.loses(3).passes(0).saysTo("Graft"), [])
    assert.deepStrictEqual(
      p
        .hears(4, iHave([9, 1, 2]))
        .passes(0)
        .saysTo("Graft"),
      [4]
    )
  })

  it("PT15. an IHAVE flood fills its own share, and leaves room for others", () => {
    const p = node([2, 3], { missingSize: 10 })
    for (let sequence = 0; sequence < 100; sequence++) p.hears(2, iHave([9, sequence, 2]))
    assert.strictEqual(p.state.missing.length, 10)
    p.hears(3, iHave([8, 0, 2]))
    assert.strictEqual(p.state.missing.length, 11)
    for (let sequence = 0; sequence < 100; sequence++) p.hears(3, iHave([8, sequence, 2]))
    assert.strictEqual(p.state.missing.length, 20)
    const q = node([2, 3, 4, 5], { announcersSize: 2 })
    for (const from of [2, 3, 4, 5]) q.hears(from, iHave([9, 0, 2]))
    assert.deepStrictEqual(q.state.missing[0]?.announcers, [2, 3])
  })

  it("PT16. a path that is shorter by the threshold takes the parent's place, announced before the message", () => {
    const p = node([2, 3, 4], { optimizeHops: 3 })
      .hears(3, prune)
      .hears(3, iHave([9, 0, 2]))
      .hears(2, gossip(9, 0, { round: 5 }))
    assert.deepStrictEqual(p.says("Graft"), [{ _tag: "Graft", ids: [id(9, 0)], payload: false, to: 3 }])
    assert.deepStrictEqual(p.saysTo("Prune"), [2])
    assert.deepStrictEqual([p.eager(), p.lazy()], [[3, 4], [2]])
    const q = node([2, 3], { optimizeHops: 3 })
      .hears(3, prune)
      .hears(3, iHave([9, 0, 3]))
      .hears(2, gossip(9, 0, { round: 5 }))
    assert.deepStrictEqual([q.says("Graft"), q.says("Prune"), q.lazy()], [[], [], [3]])
  })

  it("PT16. and after it, once for a message", () => {
    const p = node([2, 3, 4], { optimizeHops: 3 })
      .hears(3, prune)
      .hears(4, prune)
      .hears(2, gossip(9, 0, { round: 8 }))
    p.hears(3, iHave([9, 0, 4]))
    assert.deepStrictEqual([p.saysTo("Graft"), p.saysTo("Prune"), p.eager()], [[3], [2], [3]])
    p.hears(4, iHave([9, 0, 2]))
    assert.deepStrictEqual(p.outputs, [])
    p.hears(4, iHave([9, 0, 1]))
    assert.deepStrictEqual([p.saysTo("Graft"), p.saysTo("Prune"), p.eager()], [[4], [3], [4]])
    const off = node([2, 3])
      .hears(3, prune)
      .hears(2, gossip(9, 0, { round: 200 }))
      .hears(3, iHave([9, 0, 1]))
    assert.deepStrictEqual(off.outputs, [])
  })

  it("PT17. a neighbour that was lost is forgotten everywhere", () => {
    const p = node([2, 3, 4], { announceMillis: 100 }).hears(2, prune).hears(3, gossip(9, 0))
    p.hears(2, iHave([8, 0, 2]))
      .hears(4, iHave([8, 0, 2]))
      .hears(2, iHave([8, 1, 2]))
    p.loses(2)
    assert.deepStrictEqual([p.eager(), p.lazy()], [[3, 4], []])
    assert.deepStrictEqual(
      p.state.missing.map(({ announcers, id }) => [id.sequence, announcers]),
      [[0, [4]]]
    )
    p.fires("Announce")
    assert.deepStrictEqual(p.outputs, [])
  })

  it("PT17. what it was the first to announce counts from then on for the next who has announced it (PT15)", () => {
    const both = iHave([9, 0, 2], [9, 1, 2])
    const p = node([2, 3, 4], { missingSize: 2 }).hears(2, both).hears(3, both).loses(2)
    const missing = () => p.state.missing.map(({ id }) => `${id.source}/${id.sequence}`)
    p.hears(3, iHave([9, 2, 2]))
    assert.deepStrictEqual(missing(), ["9/0", "9/1"])
    p.hears(4, iHave([8, 0, 2]))
    assert.deepStrictEqual(missing(), ["9/0", "9/1", "8/0"])
  })

  it("PT17. an eager peer lost in mid-message: what it was sending is grafted from who announced it", () => {
    const p = node([2, 3])
      .hears(3, prune)
      .hears(2, gossip(9, 0))
      .hears(3, iHave([9, 1, 4]))
    p.loses(2).fires("Graft")
    assert.deepStrictEqual([p.saysTo("Graft"), p.eager()], [[3], [3]])
    assert.deepStrictEqual(p.hears(3, gossip(9, 1, { replay: "graft" })).delivered, ["9/1"])
  })

  /** 1 has pruned 2, while 2 grafts 1 for what 1 holds, or does not. */
  const crossing = (holds: boolean) => {
    const p = node([2, 3]).hears(3, gossip(9, 0)).hears(2, gossip(9, 0))
    assert.deepStrictEqual(p.saysTo("Prune"), [2])
    // The other end, as node 1 of its own fixture: its neighbour 2 is our node.
    const q = node([2, 4])
      .hears(2, gossip(9, 0))
      .hears(2, iHave([9, 1, 2]))
      .fires("Graft")
    assert.deepStrictEqual(q.saysTo("Graft"), [2])
    q.hears(2, prune)
    if (holds) p.hears(3, gossip(9, 1))
    p.hears(2, graft(id(9, 1)))
    return { p, q }
  }

  it("PT18. a prune that crosses a graft leaves the link eager at both ends when the payload is news", () => {
    const { p, q } = crossing(true)
    assert.deepStrictEqual(p.eager(), [2, 3])
    q.hears(2, gossip(9, 1, { replay: "graft" }))
    assert.deepStrictEqual(q.eager(), [2, 4])
  })

  it("PT18. lazy at both, and the other path eager, when it came by that meanwhile", () => {
    const { p, q } = crossing(true)
    q.hears(4, gossip(9, 1)).hears(2, gossip(9, 1, { replay: "graft" }))
    // It has been pruned before, and its end of the link is told again after a while at the latest.
    assert.deepStrictEqual([q.eager(), q.lazy()], [[4], [2]])
    for (const message of q.says("Prune")) p.hears(2, message)
    assert.deepStrictEqual([p.eager(), p.lazy()], [[3], [2]])
  })

  it("PT18. and eager at both when the payload was missed", () => {
    const { p, q } = crossing(false)
    for (const { to: _, ...message } of p.says("GraftMiss")) q.hears(2, message)
    assert.deepStrictEqual(
      [p.eager(), q.eager()],
      [
        [2, 3],
        [2, 4]
      ]
    )
  })

  it("PT19. the round saturates at 255", () => {
    const p = node([2, 3, 4]).hears(4, prune)
    for (const [sequence, round] of [254, 255, 255].entries()) {
      p.hears(2, gossip(9, sequence, { round }))
      assert.strictEqual(p.says("Gossip")[0]?.round, 255)
      assert.strictEqual(p.says("IHave")[0]?.announcements[0]?.round, 255)
    }
    assert.strictEqual(p.hears(2, graft(id(9, 1))).says("Gossip")[0]?.round, 255)
  })

  it("PT20. with a tree for each source a link is lazy in one and eager in the other", () => {
    const p = node([2, 3], { trees: "source", pruneAfter: 5 })
    p.hears(2, gossip(9, 0)).hears(3, gossip(9, 0))
    assert.deepStrictEqual(p.says("Prune"), [{ _tag: "Prune", tree: 9, to: 3 }])
    assert.deepStrictEqual([p.lazy(9), p.lazy(8)], [[3], []])
    p.hears(3, gossip(8, 0)).hears(2, { _tag: "Prune", tree: 8 })
    assert.deepStrictEqual([p.lazy(9), p.lazy(8)], [[3], [2]])
    p.hears(3, { _tag: "Graft", ids: [id(9, 1)], payload: false })
    assert.deepStrictEqual([p.lazy(9), p.lazy(8)], [[], [2]])
    p.hears(3, { _tag: "Prune", tree: 9 }).loses(2)
    assert.deepStrictEqual([p.lazy(9), p.lazy(8)], [[3], []])
    // Of a shared tree a node with trees for sources knows nothing.
    assert.deepStrictEqual(p.hears(3, prune).lazy(7), [])
  })

  it("PT20. of more than treesSize trees those are forgotten that have not changed for half as many", () => {
    for (const treesSize of [1, 2, 3, 10]) {
      const p = node([2, 3], { trees: "source", treesSize, guideMillis: 5_000 })
      const sources = Array.from({ length: 40 }, (_, index) => 100 + index)
      for (const source of sources) p.hears(2, gossip(source, 0)).hears(3, gossip(source, 0))
      const known = sources.filter((source) => p.lazy(source).length > 0)
      assert.isAtMost(known.length, treesSize)
      assert.deepStrictEqual(known, sources.slice(-known.length), `${treesSize}`)
    }
    // Two that take turns have each their tree, however many have published once, and whoever they are.
    for (let one = 0; one < 20; one++) {
      const p = node([2, 3], { trees: "source", treesSize: 20, guideMillis: 5_000 })
      for (let source = 100; source < 140; source++) p.hears(2, gossip(source, 0)).hears(3, gossip(source, 0))
      const both = [10 + one, 50 + one]
      for (let turn = 0; turn < 4; turn++) {
        for (const source of both) p.hears(2, gossip(source, turn)).hears(3, gossip(source, turn))
        assert.deepStrictEqual(
          both.map((source) => p.lazy(source)),
          [[3], [3]]
        )
      }
    }
  })

  it("PT20. nobody makes trees of sources of which nothing has come here: what was not pushed cannot be pruned", () => {
    const p = node([2, 3], { trees: "source", treesSize: 2, guideMillis: 5_000 })
      .hears(2, gossip(9, 0))
      .hears(3, gossip(9, 0))
    for (let source = 100; source < 110; source++) p.hears(2, { _tag: "Prune", tree: source })
    assert.deepStrictEqual([p.lazy(9), p.lazy(109)], [[3], []])
    // Nor where there are so many that they are found another way.
    const q = node([2, 3], { trees: "source" })
    for (let source = 10; source < 40; source++) q.hears(2, gossip(source, 0))
    for (const source of [39, 40]) q.hears(3, { _tag: "Prune", tree: source })
    assert.deepStrictEqual([q.lazy(39), q.lazy(40)], [[3], []])
  })

  it("PT20. nor of sources that are only named: by digests, or in announcements for which there is no room", () => {
    for (const first of [0, 5]) {
      const p = node([2, 3], { trees: "source", missingSize: 1 })
      for (let source = 10; source < 40; source++) {
        p.hears(2, digest(ranges(source, first, 9))).hears(2, { _tag: "Prune", tree: source })
        p.hears(2, iHave([100 + source, first, 1])).hears(2, { _tag: "Prune", tree: 100 + source })
        assert.deepStrictEqual([p.lazy(source), p.lazy(100 + source)], [[], []])
      }
      // Once something has come they are as any other, and so is the own one.
      for (const source of [10, 39]) {
        p.hears(2, gossip(source, 9)).hears(3, { _tag: "Prune", tree: source })
        assert.deepStrictEqual(p.lazy(source), [3])
      }
      p.publishes("own").hears(3, { _tag: "Prune", tree: 1 })
      assert.deepStrictEqual(p.lazy(1), [3])
    }
  })

  it("PT20. a neighbour that is lost is in no tree, and not all trees are gone through for each", () => {
    const p = node([2, 3, 4, 5], { trees: "source", guideMillis: 5_000 })
    const sources = [11, 12, 13, 14]
    const lazy = new Map(sources.map((source) => [source, new Set<number>()]))
    for (const source of sources) p.hears(2, gossip(source, 0))
    const random = seeded(1)
    let kept = 0
    for (let turn = 0; turn < 600; turn++) {
      const neighbor = 2 + nextBelow(random, 4)
      const source = 11 + nextBelow(random, 4)
      if (nextBelow(random, 3) === 0) {
        const { young } = p.state.trees
        if (p.loses(neighbor).state.trees.young === young) kept++
        for (const set of lazy.values()) set.delete(neighbor)
        p.wins(neighbor)
      } else if (nextBelow(random, 4) === 0) {
        p.hears(neighbor, { _tag: "Graft", ids: [id(source, 0)], payload: false })
        lazy.get(source)?.delete(neighbor)
      } else {
        p.hears(neighbor, { _tag: "Prune", tree: source })
        lazy.get(source)?.add(neighbor)
      }
      for (const [tree, set] of lazy) assert.sameMembers([...p.lazy(tree)], [...set])
    }
    assert.isAbove(kept, 150)
  })

  it("PT21. flooding pushes to everybody, for ever, and announces nothing", () => {
    const p = node([2, 3, 4], { strategy: "flood" })
    p.hears(2, gossip(9, 0)).hears(3, gossip(9, 0))
    assert.deepStrictEqual(p.outputs, [{ _tag: "Duplicate", id: id(9, 0), from: peer(3) }])
    p.hears(3, prune)
      .hears(4, iHave([9, 1, 1]))
      .hears(4, { _tag: "GraftMiss", ids: [id(9, 1)] })
    assert.deepStrictEqual([p.lazy(), p.state.missing, p.isSet("Graft")], [[], [], false])
    p.hears(2, gossip(9, 1))
    assert.deepStrictEqual([p.saysTo("Gossip"), p.saysTo("IHave")], [[3, 4], []])
    // And still answers who grafts.
    assert.deepStrictEqual(p.hears(3, graft(id(9, 1))).saysTo("Gossip"), [3])
  })

  it("PT15. many announced at once are remembered as they are one by one", () => {
    const numbers = Array.from({ length: 400 }, (_, index) => index)
    const fill = () =>
      node([2, 3, 4], { missingSize: 512 }).hears(2, iHave(...numbers.map((sequence) => [9, sequence, 2] as const)))
    const announced = numbers.map((sequence) => [9, sequence + 200, 1] as const)
    const p = fill().hears(3, iHave(...announced, ...announced))
    const q = fill()
    for (const one of announced)
      q.state = Plumtree.step(q.state, { _tag: "Received", now: q.now, from: peer(3), message: iHave(one) }).state
    assert.deepStrictEqual(p.state.missing, q.state.missing)
    assert.strictEqual(p.state.missing.length, 600)
  })

  it("PT17. and what was to be announced to others is still announced to them, wherever they stand now", () => {
    const waiting = () =>
      node([2, 3, 4, 5], { announceMillis: 100 }).hears(3, prune).hears(5, prune).hears(2, gossip(9, 0))
    assert.deepStrictEqual(waiting().loses(2).fires("Announce").saysTo("IHave"), [3, 5])
    assert.deepStrictEqual(waiting().loses(4).fires("Announce").saysTo("IHave"), [3, 5])
    assert.deepStrictEqual(waiting().loses(3).fires("Announce").saysTo("IHave"), [5])
    assert.deepStrictEqual(waiting().loses(5).fires("Announce").saysTo("IHave"), [3])
  })

  it("PT22. a timer that was replaced or cleared, and fires all the same, is ignored", () => {
    const p = node([2, 3]).hears(2, iHave([9, 0, 2]))
    const { nonce } = p.state.timers.Graft
    p.hears(3, gossip(9, 0))
    const { state } = p
    p.step({ _tag: "TimerFired", now: p.now + 1_000, kind: "Graft", nonce })
    assert.deepStrictEqual([p.outputs, p.state], [[], state])
  })

  describe("PT23. the guide", () => {
    const guided = (override: object = {}) => node([2, 3, 4], { guideMillis: 20_000, pruneAfter: 3, ...override })
    /** A message that comes by 2, and again by another. */
    const twice = (p: Subject, source: number, sequence: number, publishedAt: number, by = 3) =>
      p.hears(2, gossip(source, sequence, { publishedAt })).hears(by, gossip(source, sequence, { publishedAt }))

    it("is the source of the lowest id; the first duplicate of its messages prunes, and none of others does", () => {
      const p = guided()
      assert.deepStrictEqual(twice(p, 7, 0, 0).saysTo("Prune"), [3])
      for (let sequence = 0; sequence < 20; sequence++) {
        assert.deepStrictEqual(twice(p, 9, sequence, 5_000 * sequence, 4).saysTo("Prune"), [])
      }
      assert.deepStrictEqual([p.eager(), p.lazy()], [[2, 4], [3]])
      assert.deepStrictEqual(twice(p, 7, 1, 1_000, 4).saysTo("Prune"), [4])
    })

    it("prunes by one message in two graftMillis", () => {
      const p = guided()
      const period = 2 * p.state.config.graftMillis
      p.hears(2, gossip(7, 0, { publishedAt: 10 * period }))
      assert.deepStrictEqual(twice(p, 7, 1, 11 * period - 1).saysTo("Prune"), [])
      assert.deepStrictEqual(p.hears(3, gossip(7, 0)).saysTo("Prune"), [3])
      assert.deepStrictEqual(twice(p, 7, 2, 11 * period, 4).saysTo("Prune"), [4])
      // What comes late is of a period that is over.
      const q = guided()
      q.hears(2, gossip(7, 1, { publishedAt: 11 * period }))
      assert.deepStrictEqual(twice(q, 7, 0, 10 * period).saysTo("Prune"), [])
    })

    it("shapes nothing with its first message when it takes another's place, whose last is still under way", () => {
      const p = guided()
      p.hears(2, gossip(9, 0))
      assert.deepStrictEqual(twice(p, 7, 0, 0).saysTo("Prune"), [])
      assert.deepStrictEqual(p.hears(3, gossip(9, 0)).saysTo("Prune"), [])
      assert.deepStrictEqual(twice(p, 7, 1, 999).saysTo("Prune"), [])
      assert.deepStrictEqual(twice(p, 7, 2, 1_000).saysTo("Prune"), [3])
    })

    it("is another when it has been silent for guideMillis, and that one shapes at once", () => {
      const p = guided()
      p.hears(2, gossip(7, 0))
      p.now += 20_000
      assert.deepStrictEqual(twice(p, 9, 0, 0).saysTo("Prune"), [])
      p.now += 1
      assert.deepStrictEqual(twice(p, 9, 1, 0).saysTo("Prune"), [3])
    })

    it("may be this node; what it publishes and gets back is a cycle", () => {
      const p = guided().publishes("own")
      assert.deepStrictEqual(p.hears(3, gossip(1, 0)).saysTo("Prune"), [3])
      assert.deepStrictEqual(twice(p, 9, 0, 0, 4).saysTo("Prune"), [])
    })

    it("goes on shaping when a clock is set back: its own, or this node's", () => {
      const p = guided()
      p.hears(2, gossip(7, 0, { publishedAt: 3_600_000 }))
      assert.deepStrictEqual(twice(p, 7, 1, 0).saysTo("Prune"), [3])
      const q = guided()
      q.now += 3_600_000
      q.hears(2, gossip(7, 0))
      q.now -= 3_600_000
      assert.deepStrictEqual(twice(q, 9, 0, 0).saysTo("Prune"), [3])
    })

    it("shapes nothing where its message came first by a link that was pruned: its duplicate comes along the tree", () => {
      const p = guided()
      assert.deepStrictEqual(twice(p, 7, 0, 0).saysTo("Prune"), [3])
      // 3 pushed these before it heard of the prune.
      p.hears(3, gossip(7, 1, { publishedAt: 1_000 })).hears(2, gossip(7, 1, { publishedAt: 1_000 }))
      assert.deepStrictEqual([p.saysTo("Prune"), p.eager()], [[], [2, 4]])
      p.hears(3, { _tag: "Beat", source: 7, at: 2_000 }).hears(2, { _tag: "Beat", source: 7, at: 2_000 })
      assert.deepStrictEqual([p.saysTo("Prune"), p.eager()], [[], [2, 4]])
      assert.deepStrictEqual(twice(p, 7, 2, 3_000, 4).saysTo("Prune"), [4])
    })

    it("nor where it was fetched first", () => {
      const p = guided().hears(3, prune).hears(4, prune).hears(2, gossip(7, 0))
      p.hears(4, gossip(7, 1, { publishedAt: 1_000, replay: "recovery" })).hears(
        2,
        gossip(7, 1, { publishedAt: 1_000 })
      )
      assert.deepStrictEqual([p.saysTo("Prune"), p.eager()], [[], [2]])
    })

    it("tells a neighbour again that was pruned, and after timeout1 is still the first to push", () => {
      const p = guided()
      twice(p, 7, 0, 0)
      assert.deepStrictEqual(p.hears(3, gossip(7, 1, { publishedAt: 1_000 })).saysTo("Prune"), [])
      p.now += p.state.config.graftMillis
      assert.deepStrictEqual(p.hears(3, gossip(7, 2, { publishedAt: 2_000 })).saysTo("Prune"), [3])
      p.now += p.state.config.graftMillis
      assert.deepStrictEqual(p.hears(3, { _tag: "Beat", source: 7, at: 4_000 }).saysTo("Prune"), [3])
    })

    it("is named by its whole incarnation and topic: a message of the same number is another", () => {
      const p = guided()
      p.hears(2, gossip(7, 0))
      const other = gossip(7, 0, { id: { ...id(7, 0), topic: "other" } })
      assert.deepStrictEqual(p.hears(2, other).hears(3, other).saysTo("Prune"), [])
    })

    it("is the only one whose announcements optimise", () => {
      const p = guided({ optimizeHops: 3 })
      p.hears(2, gossip(7, 0, { round: 9 })).hears(2, gossip(9, 0, { round: 9 }))
      assert.deepStrictEqual(p.hears(3, iHave([9, 0, 2])).saysTo("Graft"), [])
      p.hears(3, iHave([7, 0, 2]))
      assert.deepStrictEqual([p.saysTo("Graft"), p.saysTo("Prune")], [[3], [2]])
    })

    it("leaves it to all others to graft, and to take back what was grafted too soon", () => {
      const p = guided({ pruneAfter: 1 }).hears(2, gossip(7, 0)).hears(3, prune)
      p.hears(3, iHave([9, 0, 2])).fires("Graft")
      assert.deepStrictEqual([p.saysTo("Graft"), p.eager()], [[3], [2, 3, 4]])
      p.hears(2, gossip(9, 0))
      assert.deepStrictEqual([p.saysTo("Prune"), p.lazy()], [[3], [3]])
    })

    it("must be heard oftener than it is given up", () => {
      const checked = Plumtree.makeConfig({ guideMillis: 1_999, graftMillis: 500 })
      assert.strictEqual(Result.isFailure(checked) ? checked.failure.field : "", "guideMillis")
      assert.isTrue(Result.isSuccess(Plumtree.makeConfig({ guideMillis: 2_000, graftMillis: 500 })))
    })

    describe("of a tree for each source is its source", () => {
      const own = () => guided({ trees: "source" })

      it("of whose messages one in a period prunes: those that overtake each other on two links cut only one", () => {
        const p = own().hears(2, gossip(9, 0)).hears(3, gossip(9, 1))
        assert.deepStrictEqual(p.hears(2, gossip(9, 1)).saysTo("Prune"), [])
        assert.deepStrictEqual(p.hears(3, gossip(9, 0)).says("Prune"), [{ _tag: "Prune", tree: 9, to: 3 }])
        assert.deepStrictEqual(p.eager(9), [2, 4])
        // The next that prunes is one of the next period.
        assert.deepStrictEqual(twice(p, 9, 2, 999, 4).saysTo("Prune"), [])
        assert.deepStrictEqual(twice(p, 9, 3, 1_000, 4).saysTo("Prune"), [4])
        assert.deepStrictEqual([p.eager(9), p.eager(8)], [[2], [2, 3, 4]])
      })

      it("whatever others publish, of lower ids or before it", () => {
        const p = own()
        for (const source of [7, 9, 8]) assert.deepStrictEqual(twice(p, source, 0, 0).saysTo("Prune"), [3])
        assert.deepStrictEqual(p.state.guide, undefined)
      })

      it("and who was pruned in it stays so, though what it had pushed before comes first, until one grafts the other", () => {
        const p = own()
        twice(p, 9, 0, 0)
        p.hears(3, gossip(9, 1, { publishedAt: 1_000 })).hears(2, gossip(9, 1, { publishedAt: 1_000 }))
        assert.deepStrictEqual([p.saysTo("Prune"), p.eager(9)], [[], [2, 4]])
        // In the trees of others it may be first.
        p.hears(2, gossip(8, 0)).hears(3, { _tag: "Prune", tree: 8 })
        assert.deepStrictEqual(
          [p.eager(8), p.hears(3, gossip(8, 1)).eager(8)],
          [
            [2, 4],
            [2, 3, 4]
          ]
        )
        p.hears(3, graft(id(9, 0)))
        assert.deepStrictEqual(p.eager(9), [2, 3, 4])
        p.loses(2)
          .hears(3, { _tag: "Prune", tree: 9 })
          .hears(3, gossip(9, 2, { publishedAt: 1_000 }))
        assert.deepStrictEqual(p.eager(9), [3, 4])
      })

      it("also while its messages wait for a verdict", () => {
        const p = own()
        p.step({ _tag: "ValidateTopic", now: p.now, topic, on: true })
        assert.deepStrictEqual(twice(p, 9, 0, 0).saysTo("Prune"), [3])
        assert.deepStrictEqual(twice(p, 9, 1, 0, 4).saysTo("Prune"), [])
      })

      it("also where its clock stands still, or says what is none: after guideMillis", () => {
        for (const publishedAt of [0, 3_000, -3_000]) {
          const p = own()
          assert.deepStrictEqual(twice(p, 9, 0, publishedAt).saysTo("Prune"), [3])
          p.now += 20_000
          assert.deepStrictEqual(twice(p, 9, 1, publishedAt, 4).saysTo("Prune"), [])
          p.now += 1
          assert.deepStrictEqual(twice(p, 9, 2, publishedAt, 4).saysTo("Prune"), [4])
        }
      })

      it("is forgotten with its tree, and begins anew", () => {
        const p = guided({ trees: "source", treesSize: 2 })
        for (const source of [7, 8, 9]) twice(p, source, 0, 0)
        assert.strictEqual([7, 8, 9].filter((source) => p.lazy(source).length > 0).length, 2)
        for (const source of [7, 8, 9]) assert.deepStrictEqual(twice(p, source, 1, 1_000, 4).saysTo("Prune"), [4])
      })
    })

    it("is nobody with guideMillis 0, and in a flood; with a tree for each source nobody in particular", () => {
      for (const override of [{ guideMillis: 0 }, { trees: "source" }, { strategy: "flood" }]) {
        const p = guided({ pruneAfter: 1, ...override }).hears(2, gossip(7, 0))
        twice(p, 9, 0, 0)
        assert.strictEqual(p.state.guide, undefined)
        assert.deepStrictEqual(p.saysTo("Prune"), "strategy" in override ? [] : [3])
      }
    })
  })

  describe("PT24. a guide that has nothing to say", () => {
    const guided = (self = 1, override: object = {}) =>
      node([2, 3, 4, 5], { guideMillis: 5_000, ...override }, self).hears(5, prune)
    const beat = (source: number, at: number) => ({ _tag: "Beat", source, at }) as const

    it("beats once in a period in which others publish, to its eager neighbours", () => {
      const p = guided().publishes("own")
      const period = 2 * p.state.config.graftMillis
      assert.deepStrictEqual(p.hears(2, gossip(9, 0)).saysTo("Beat"), [])
      p.now = period * Math.ceil(p.now / period + 1)
      assert.deepStrictEqual(
        p.hears(2, gossip(9, 1)).says("Beat"),
        [2, 3, 4].map((to) => ({ ...beat(1, p.now), to }))
      )
      p.now += period - 1
      assert.deepStrictEqual(p.hears(2, gossip(9, 2)).saysTo("Beat"), [])
      p.now += 1
      assert.deepStrictEqual(p.hears(2, gossip(9, 3)).saysTo("Beat"), [2, 3, 4])
      assert.deepStrictEqual(p.hears(2, gossip(9, 3)).saysTo("Beat"), [])
      // So it stays the guide, for as long as others publish.
      for (let sequence = 4; sequence < 30; sequence++) {
        p.now += period
        assert.deepStrictEqual(p.hears(2, gossip(9, sequence)).saysTo("Beat"), [2, 3, 4])
      }
      // And who is no guide does not.
      const q = guided().hears(2, gossip(9, 0))
      q.now += period
      assert.deepStrictEqual(q.hears(2, gossip(8, 0)).saysTo("Beat"), [])
    })

    it("is passed on once, not back, and the first duplicate prunes", () => {
      const p = guided().hears(2, gossip(7, 0))
      assert.deepStrictEqual(
        p.hears(2, beat(7, 1_000)).says("Beat"),
        [3, 4].map((to) => ({ ...beat(7, 1_000), to }))
      )
      assert.deepStrictEqual([p.hears(3, beat(7, 1_000)).saysTo("Prune"), p.eager()], [[3], [2, 4]])
      // Who was told is told again later, and not at once.
      assert.deepStrictEqual(p.hears(3, beat(7, 1_000)).saysTo("Prune"), [])
      p.now += 1_000
      assert.deepStrictEqual(p.hears(2, beat(7, 2_000)).saysTo("Beat"), [4])
      assert.deepStrictEqual(p.hears(3, beat(7, 2_000)).saysTo("Prune"), [3])
      // Messages of the period before shape nothing any more.
      assert.deepStrictEqual(p.hears(2, gossip(7, 1)).hears(4, gossip(7, 1)).saysTo("Prune"), [])
    })

    it("that gets its own Beat back has found a cycle", () => {
      const p = guided().publishes("own")
      p.now += 1_000
      const [sent] = p.hears(2, gossip(9, 0)).says("Beat")
      assert.deepStrictEqual(p.hears(3, beat(1, sent?.at ?? 0)).saysTo("Prune"), [3])
      // Nobody knows better than it does what it has sent.
      p.now += 1_000
      assert.deepStrictEqual(p.hears(3, beat(1, 99_000_000)).outputs, [])
    })

    it("is heard by those that have no guide, or one of a higher id; then its first Beat prunes nothing", () => {
      const p = guided().hears(2, beat(7, 1_000))
      assert.deepStrictEqual([p.saysTo("Beat"), p.state.guide?.source], [[3, 4], 7])
      assert.deepStrictEqual(p.hears(3, beat(7, 1_000)).saysTo("Prune"), [3])
      p.now += 1_000
      assert.deepStrictEqual(p.hears(2, beat(6, 2_000)).saysTo("Beat"), [4])
      assert.deepStrictEqual([p.hears(4, beat(6, 2_000)).saysTo("Prune"), p.state.guide?.source], [[], 6])
      p.now += 1_000
      assert.deepStrictEqual(p.hears(2, beat(8, 3_000)).outputs, [])
      // Unless the guide has been silent for too long.
      p.now += 5_000
      assert.deepStrictEqual([p.hears(2, beat(8, 8_000)).saysTo("Beat"), p.state.guide?.source], [[4], 8])
    })

    it("of the higher id is not heard any more, also where its Beats come first in each period", () => {
      // It published before it had heard of the other, whose Beats come a moment after its own.
      const p = guided(7).publishes("hello")
      for (let i = 1; i < 5; i++) {
        p.now += 1_000
        const { now } = p
        p.hears(2, gossip(9, i, { publishedAt: now }))
        p.now += 100
        p.hears(2, beat(1, now))
      }
      assert.deepStrictEqual([p.state.guide?.source, p.saysTo("Beat")], [1, [3, 4]])
      assert.deepStrictEqual(p.hears(3, beat(1, p.now - 100)).saysTo("Prune"), [3])
    })

    it("is nobody whose messages are rejected, or were published long ago", () => {
      const p = guided()
      p.step({ _tag: "ValidateTopic", now: p.now, topic, on: true })
      p.hears(2, beat(7, 1_000)).hears(2, gossip(6, 0))
      assert.strictEqual(p.state.guide?.source, 7)
      p.step({ _tag: "Validated", now: p.now, id: id(6, 0), verdict: "reject" })
      assert.strictEqual(p.state.guide?.source, 7)
      p.hears(2, gossip(6, 1)).step({ _tag: "Validated", now: p.now, id: id(6, 1), verdict: "accept" })
      assert.strictEqual(p.state.guide?.source, 6)
      // Of the guide's own the duplicates may come before the verdict.
      p.hears(2, gossip(6, 2, { publishedAt: 2_000 }))
      assert.deepStrictEqual(p.hears(3, gossip(6, 2, { publishedAt: 2_000 })).saysTo("Prune"), [3])
      const q = guided().hears(2, beat(7, 1_000))
      q.hears(2, gossip(6, 0, { ageMillis: 5_001, replay: "recovery" }))
      assert.strictEqual(q.state.guide?.source, 7)
      q.hears(2, { ...beat(6, Number.NaN) })
      assert.strictEqual(q.state.guide?.source, 7)
    })

    it("is passed on no oftener than once in graftMillis, whoever is named, and whatever the time", () => {
      const p = guided().hears(2, beat(900, 0))
      let passed = 0
      for (let i = 1; i <= 899; i++) {
        p.now += 10
        if (p.hears(2, beat(900 - i, 1_000_000 * i)).saysTo("Beat").length > 0) passed++
      }
      assert.isAtMost(passed, 8_990 / p.state.config.graftMillis)
    })

    it("is not heard where there is no guide", () => {
      for (const override of [{ guideMillis: 0 }, { trees: "source" }, { strategy: "flood" }]) {
        assert.deepStrictEqual(guided(1, override).hears(2, beat(7, 1_000)).outputs, [])
      }
    })
  })
})
