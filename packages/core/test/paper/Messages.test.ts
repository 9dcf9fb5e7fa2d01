import { assert, describe, it } from "@effect/vitest"
import type { LinkId } from "@hyparview/core/Peer"
import * as Node from "@hyparview/core/Node"
import * as Plumtree from "@hyparview/core/Plumtree"
import { seeded } from "@hyparview/core/Random"
import { stepNode } from "./frozen.ts"
import {
  disconnect,
  forwardJoin,
  heartbeat,
  heartbeatReply,
  join,
  linkOf,
  linkTo,
  neighbor,
  node,
  notNeighbor,
  peer,
  probe,
  probeReply,
  reply,
  sample,
  shuffle,
  shuffleReply,
  smallConfig
} from "./node.ts"

/** A link with neighbour 2 that stood before the present one. */
const old = linkOf(2, 17)

describe("messages", () => {
  it("M1. every request carries an id, and its reply repeats it", () => {
    const p = node(1, { active: [2, 3, 4] })
    assert.deepStrictEqual(p.hears(8, join(41)).saysTo(8), [reply(41, "accepted")])
    assert.deepStrictEqual(p.hears(9, neighbor(42, "repair")).saysTo(9), [reply(42, "full")])
    assert.strictEqual(
      p.hears(9, shuffle(undefined, 43, peer(9), 1, sample([]))).says("ShuffleReply")[0]?.requestId,
      43
    )
    const asker = node(1, { active: [2], passive: [5, 6] }).fires("Cycle")
    const ids = asker.says("Neighbor").map(({ requestId }) => requestId)
    assert.strictEqual(new Set(ids).size, 2)
  })

  it("M2. a link is named by the request that made it, and alike at both ends", () => {
    const asker = node(1, { passive: [2] }).fires("Cycle")
    const [request] = asker.says("Neighbor")
    const asked = node(2)
    asked.hears(1, neighbor(request?.requestId ?? 0, "empty"))
    asker.hears(2, reply(request?.requestId ?? 0, "accepted"))
    const name = linkOf(1, request?.requestId ?? 0)
    assert.deepStrictEqual(asker.state.active[0]?.link, name)
    assert.deepStrictEqual(asked.state.active[0]?.link, name)
  })

  describe("M3. what names another link is ignored", () => {
    const unmoved = (say: (link: LinkId<number>) => ReturnType<typeof disconnect>) => {
      const p = node(1, { active: [2, 3, 4] })
      p.hears(2, say(old))
      assert.deepStrictEqual(p.active, [2, 3, 4])
      assert.deepStrictEqual(p.news, [])
      return p
    }

    it("a Disconnect that evicts", () => {
      assert.deepStrictEqual(unmoved((link) => disconnect(link, "evicted")).sent, [])
    })

    it("a Disconnect that says goodbye", () => {
      assert.deepStrictEqual(unmoved((link) => disconnect(link, "leaving")).sent, [])
    })

    it("a NotNeighbor", () => {
      assert.deepStrictEqual(unmoved(notNeighbor).sent, [])
    })

    it("a HeartbeatReply: it measures nothing", () => {
      const p = node(1, { active: [2, 3, 4] })
        .fires("Heartbeat")
        .fires("Heartbeat")
      const [beat] = p.saysTo(2)
      assert.deepStrictEqual(beat, heartbeat(linkTo(2), 2))
      assert.deepStrictEqual(p.hears(2, heartbeatReply(old, 2)).gives("RoundTrip"), [])
      assert.strictEqual(p.hears(2, heartbeatReply(linkTo(2), 2)).gives("RoundTrip").length, 1)
    })
  })

  it("M4. a Join is never refused for want of room", () => {
    const p = node(1, { chosen: [2, 3], active: [4] })
    assert.deepStrictEqual(p.hears(9, join(7)).saysTo(9), [reply(7, "accepted")])
    assert.include(p.active, 9)
  })

  it("M5. whoever is evicted keeps the evictor as passive, and goes to those whom its sample names", () => {
    const newcomer = node(1, { active: [2] })
    newcomer.hears(2, disconnect(linkTo(2), "evicted", sample([7, 8])))
    assert.deepStrictEqual(newcomer.news, ["-2 disconnected"])
    assert.deepStrictEqual(newcomer.passive, [2, 7, 8])
    assert.sameMembers([...newcomer.asking], [7, 8])
  })

  it("M6. whoever leaves is purged everywhere, and old entries do not bring it back for a while", () => {
    const p = node(1, { active: [2, 3], passive: [5], config: { leftMemoryMillis: 60_000 } })
    p.hears(2, disconnect(linkTo(2), "leaving"))
    assert.deepStrictEqual(p.news, ["-2 left"])
    p.hears(3, shuffle(linkTo(3), 1, peer(3), 1, sample([2])))
    assert.notInclude([...p.active, ...p.passive, ...p.graveyard, ...p.asking], 2)
    // A message of the incarnation that left does not count any more, one of a later incarnation does.
    assert.deepStrictEqual(p.hears(2, join(1)).outputs, [])
    assert.include(p.hears(peer(2, 2), join(1)).active, 2)
  })

  it("M6. whoever is passive or being asked and leaves is purged as well", () => {
    const p = node(1, { active: [2], passive: [5, 6] }).fires("Cycle")
    p.hears(5, disconnect(linkOf(5, 1), "leaving"))
    assert.notInclude([...p.passive, ...p.graveyard, ...p.asking], 5)
  })

  it("M6. the memory of who left ends", () => {
    const p = node(1, { active: [2, 3], config: { leftMemoryMillis: 60_000 } })
    p.hears(2, disconnect(linkTo(2), "leaving"))
      .waits(59_999)
      .fires("Cycle")
    assert.notInclude(p.hears(3, shuffle(linkTo(3), 1, peer(3), 1, sample([2]))).passive, 2)
    p.waits(1).fires("Cycle")
    assert.include(p.hears(3, shuffle(linkTo(3), 1, peer(3), 1, sample([2]))).passive, 2)
  })

  it("M7. a ShuffleReply is sent straight to the origin, a stranger though it be", () => {
    const p = node(1, { active: [2] })
    p.hears(2, shuffle(linkTo(2), 9, peer(77), 3, sample([])))
    assert.deepStrictEqual(
      p.says("ShuffleReply").map(({ requestId, to }) => [to, requestId]),
      [[77, 9]]
    )
  })

  it("M8. a heartbeat is answered, and changes no view", () => {
    const p = node(1, { active: [2, 3, 4], passive: [5] })
    const { active, passive } = p
    assert.deepStrictEqual(p.hears(2, heartbeat(linkTo(2), 33)).sent, [[2, heartbeatReply(linkTo(2), 33)]])
    p.hears(2, heartbeatReply(linkTo(2), 33))
    assert.deepStrictEqual([p.active, p.passive], [active, passive])
  })

  it("M8. any message counts as life, so that a busy link needs no heartbeat", () => {
    const p = node(1, { active: [2, 3, 4] })
    for (let period = 1; period < 10; period++) {
      p.fires("Heartbeat")
      assert.deepStrictEqual(p.saysTo(2), [])
      p.hears(2, probe(period))
      p.hears(3, heartbeatReply(linkTo(3), 0))
      p.hears(4, shuffleReply(0, sample([])))
    }
    assert.deepStrictEqual(p.active, [2, 3, 4])
  })

  it("M8. the reply to a heartbeat measures the link, the reply to an earlier one does not", () => {
    const p = node(1, { active: [2] })
      .fires("Heartbeat")
      .fires("Heartbeat")
    const [first] = p.says("Heartbeat")
    const reply = () =>
      p
        .waits(7)
        .hears(2, heartbeatReply(linkTo(2), first?.nonce ?? 0))
        .gives("RoundTrip")
    assert.deepStrictEqual(reply(), [{ _tag: "RoundTrip", peer: peer(2), millis: 7 }])
    p.fires("Heartbeat")
    assert.deepStrictEqual(reply(), [])
  })

  it("M9. a probe is answered to whoever sends it, and changes no view", () => {
    const p = node(1, { active: [2] })
    assert.deepStrictEqual(p.hears(9, probe(5)).sent, [[9, probeReply(5)]])
    assert.deepStrictEqual([p.active, p.passive], [[2], []])
  })

  describe("M10. a neighbour-only message from a node that is no neighbour on that link is answered NotNeighbor", () => {
    const messages = {
      ForwardJoin: (link: LinkId<number>) => forwardJoin(link, peer(7), 3),
      Shuffle: (link: LinkId<number>) => shuffle(link, 1, peer(9), 3, sample([7])),
      Heartbeat: (link: LinkId<number>) => heartbeat(link, 3)
    }
    for (const [name, message] of Object.entries(messages)) {
      it(`${name} from a stranger`, () => {
        const p = node(1, { active: [2, 3, 4] })
        assert.deepStrictEqual(p.hears(9, message(linkOf(9, 4))).sent, [[9, notNeighbor(linkOf(9, 4))]])
        assert.deepStrictEqual([p.active, p.passive], [[2, 3, 4], []])
      })

      it(`${name} from a neighbour that names an old link`, () => {
        const p = node(1, { active: [2, 3, 4] })
        assert.deepStrictEqual(p.hears(2, message(old)).sent, [[2, notNeighbor(old)]])
        assert.deepStrictEqual([p.active, p.passive], [[2, 3, 4], []])
      })
    }

    it("a broadcast from a stranger", () => {
      const { outputs } = carryTo(nodeWithBroadcast(), 9, linkOf(9, 4))
      assert.deepStrictEqual(outputs, [{ _tag: "Send", to: peer(9), message: notNeighbor(linkOf(9, 4)) }])
    })
  })

  it("M10. the receiver of NotNeighbor removes the link, keeps the peer as passive, and repairs", () => {
    const p = node(1, { active: [2, 3, 4], passive: [5] })
    p.hears(2, notNeighbor(linkTo(2)))
    assert.deepStrictEqual(p.news, ["-2 notNeighbor"])
    assert.include(p.passive, 2)
    assert.deepStrictEqual(p.asking, [5])
  })

  it("M11. a Disconnect or a NotNeighbor is never answered", () => {
    const p = node(1, { active: [2, 3, 4] })
    assert.deepStrictEqual(p.hears(2, disconnect(linkTo(2), "evicted")).saysTo(2), [])
    assert.deepStrictEqual(p.hears(3, notNeighbor(linkTo(3))).saysTo(3), [])
    assert.deepStrictEqual(p.hears(4, disconnect(linkTo(4), "leaving")).saysTo(4), [])
    for (const stranger of [7, 8]) {
      assert.deepStrictEqual(p.hears(stranger, disconnect(linkOf(stranger, 1), "evicted")).saysTo(stranger), [])
      assert.deepStrictEqual(p.hears(stranger, notNeighbor(linkOf(stranger, 1))).saysTo(stranger), [])
    }
  })

  it("M12. a link that one end alone holds is noticed by the next message over it", () => {
    // 2 believes in a link by its request 17, of which this node knows nothing.
    const p = node(1)
    p.hears(2, heartbeat(old, 1))
    const q = node(2, { active: [3] })
    const held = { id: 1, peer: peer(1), link: old, chosen: true, heardIn: 0, unbiased: false }
    q.state = { ...q.state, active: [...q.state.active, held] }
    for (const message of p.saysTo(2)) q.hears(1, message)
    assert.deepStrictEqual(q.active, [3])
  })

  it("M13. a broadcast counts only on the link that it names", () => {
    const delivered = (link: LinkId<number>) =>
      carryTo(nodeWithBroadcast(), 2, link).outputs.filter(({ _tag }) => _tag === "Delivered").length
    assert.strictEqual(delivered(linkOf(2, 5)), 1)
    assert.strictEqual(delivered(old), 0)
  })

  it("R2. a neighbour that asks anew has lost what was on its way: it is told what is kept, and no event is given", () => {
    const node = nodeWithBroadcast(Plumtree.defaultConfig)
    const published = stepNode(node, { _tag: "Publish", now: 1, topic: "news", payload: bytes }).state
    const { outputs } = stepNode(published, { _tag: "Received", now: 2, from: peer(2), message: neighbor(9, "empty") })
    const said = outputs.flatMap((output) => (output._tag === "Send" ? [output.message] : []))
    assert.deepStrictEqual(
      said.map((message) => (message._tag === "Carried" ? [message.body._tag, message.link] : [message._tag])),
      [["NeighborReply"], ["Digest", linkOf(2, 9)]]
    )
    assert.isFalse(outputs.some(({ _tag }) => _tag === "NeighborUp" || _tag === "NeighborDown"))
    // The same request twice is the same link.
    const again = stepNode(nodeWithBroadcast(), {
      _tag: "Received",
      now: 2,
      from: peer(2),
      message: neighbor(5, "empty")
    })
    assert.isFalse(again.outputs.some(({ _tag }) => _tag === "LinkRenewed"))
  })
})

const bytes = new Uint8Array([1, 2, 3])

/** A whole node, 1, whose neighbour 2 has asked for the link by its request 5. */
const nodeWithBroadcast = (broadcast: Plumtree.Config = Plumtree.floodConfig): Node.State<number, number> => {
  const idle = Node.init({
    config: { membership: smallConfig, broadcast },
    self: peer(1),
    random: seeded(1)
  })
  const alone = stepNode(idle, { _tag: "Join", now: 0, contacts: [] }).state
  return stepNode(alone, { _tag: "Received", now: 0, from: peer(2), message: neighbor(5, "empty") }).state
}

const carryTo = (state: Node.State<number, number>, from: number, link: LinkId<number>) =>
  stepNode(state, {
    _tag: "Received",
    now: 1,
    from: peer(from),
    message: {
      _tag: "Carried",
      link,
      body: {
        _tag: "Gossip",
        id: { source: from, epoch: 1, topic: "news", sequence: 0 },
        round: 1,
        publishedAt: 0,
        ageMillis: 0,
        payload: bytes,
        replay: undefined
      }
    }
  })
