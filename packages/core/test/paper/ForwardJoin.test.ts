import { assert, describe, it } from "@effect/vitest"
import { forwardJoin, linkTo, neighbor, node, overSeeds, peer, reply, sorted } from "./node.ts"

const joiner = peer(9)

describe("rule 2: the join's random walk", () => {
  it("2a. about the node itself it is ignored", () => {
    const p = node(1, { active: [2, 3, 4] })
    assert.deepStrictEqual(p.hears(2, forwardJoin(linkTo(2), peer(1), 0)).outputs, [])
    assert.deepStrictEqual(p.hears(2, forwardJoin(linkTo(2), peer(1), 3)).outputs, [])
  })

  it("2b. it ends at ttl 0", () => {
    const p = node(1, { active: [2, 3, 4] }).hears(2, forwardJoin(linkTo(2), joiner, 0))
    assert.deepStrictEqual(p.sent, [[9, neighbor(p.requestTo(9), "joinWalk")]])
  })

  it("2b. it ends where there is one neighbour, whatever the ttl", () => {
    const p = node(1, { active: [2] }).hears(2, forwardJoin(linkTo(2), joiner, 6))
    assert.deepStrictEqual(p.sent, [[9, neighbor(p.requestTo(9), "joinWalk")]])
  })

  it("2b. before it is compared with PRWL", () => {
    const p = node(1, { active: [2] }).hears(2, forwardJoin(linkTo(2), joiner, 3))
    assert.deepStrictEqual([p.asking, p.passive], [[9], []])
  })

  it("2c. at ttl = PRWL the joiner is added to the passive view", () => {
    const p = node(1, { active: [2, 3, 4] }).hears(2, forwardJoin(linkTo(2), joiner, 3))
    assert.deepStrictEqual(p.passive, [9])
    assert.strictEqual(p.says("ForwardJoin").length, 1)
  })

  it("2c. the comparison is made before the decrement, and at no other ttl", () => {
    for (const ttl of [6, 5, 4, 2, 1]) {
      const p = node(1, { active: [2, 3, 4] }).hears(2, forwardJoin(linkTo(2), joiner, ttl))
      assert.deepStrictEqual(p.passive, [], `ttl ${ttl}`)
    }
  })

  it("2c. at ttl 0 the walk's end comes first, though PRWL be 0", () => {
    const p = node(1, { active: [2, 3, 4], config: { passiveWalkLength: 0 } })
    p.hears(2, forwardJoin(linkTo(2), joiner, 0))
    assert.deepStrictEqual([p.passive, p.asking], [[], [9]])
  })

  it("2d. it goes on with ttl − 1 to a random neighbour that is neither the sender nor the joiner", () => {
    const next = (seed: number) => {
      const p = node(1, { active: [2, 3, 4, 9], config: { activeSize: 4 }, seed })
      p.hears(2, forwardJoin(linkTo(2), joiner, 5))
      const [[to, message] = [0, undefined]] = p.sent
      assert.deepStrictEqual(message, forwardJoin(linkTo(to), joiner, 4))
      assert.strictEqual(p.sent.length, 1)
      return to
    }
    assert.deepStrictEqual(sorted(new Set(overSeeds(20, next))), [3, 4])
  })

  it("2e. without such a neighbour it ends", () => {
    const p = node(1, { active: [2, 9] }).hears(2, forwardJoin(linkTo(2), joiner, 5))
    assert.deepStrictEqual(p.sent, [])
    const q = node(1, { active: [2, 3] })
    q.hears(2, forwardJoin(linkTo(2), peer(3), 5))
    assert.deepStrictEqual(q.says("ForwardJoin"), [])
  })

  it("2f. an ARWL of 6 is seven deliveries, of ttl 6 to 0", () => {
    // A line of nodes 1 – 2 – … – 20, each of which has nobody to go on to but the next.
    const deliveries: Array<number> = []
    let ttl = 6
    for (let id = 2; id < 20; id++) {
      const p = node(id, { active: [id - 1, id + 1] })
      p.hears(id - 1, forwardJoin(linkTo(id - 1), peer(99), ttl))
      deliveries.push(ttl)
      const [onward] = p.says("ForwardJoin")
      if (onward === undefined) break
      assert.strictEqual(onward.to, id + 1)
      ttl = onward.ttl
    }
    assert.deepStrictEqual(deliveries, [6, 5, 4, 3, 2, 1, 0])
  })

  it("2g. where it ends the joiner is asked with joinWalk", () => {
    const p = node(1, { active: [2, 3] }).hears(2, forwardJoin(linkTo(2), joiner, 0))
    assert.deepStrictEqual(p.sent, [[9, neighbor(p.requestTo(9), "joinWalk")]])
  })

  it("2g. a joiner that is a neighbour, or is being asked, is not asked again", () => {
    const p = node(1, { active: [2, 9] }).hears(2, forwardJoin(linkTo(2), joiner, 0))
    assert.deepStrictEqual(p.sent, [])
    const q = node(1, { active: [2, 3] }).hears(2, forwardJoin(linkTo(2), joiner, 0))
    assert.deepStrictEqual(q.hears(3, forwardJoin(linkTo(3), joiner, 0)).sent, [])
  })

  it("2h. the joiner is added on acceptance, and only then is anybody evicted", () => {
    const p = node(1, { active: [2, 3, 4] }).hears(2, forwardJoin(linkTo(2), joiner, 0))
    assert.deepStrictEqual([p.active, p.news], [[2, 3, 4], []])
    p.hears(9, reply(p.requestTo(9), "accepted"))
    assert.include(p.active, 9)
    assert.strictEqual(p.active.length, 3)
    assert.deepStrictEqual(
      p.says("Disconnect").map(({ reason }) => reason),
      ["evicted"]
    )
  })

  it("2h. an unreachable joiner never enters a view", () => {
    const p = node(1, { active: [2, 3, 4] })
      .hears(2, forwardJoin(linkTo(2), joiner, 0))
      .cannotReach(9)
    assert.deepStrictEqual([p.active, p.passive, p.asking], [[2, 3, 4], [], []])
  })

  it("2i. the joiner honours joinWalk into a free slot", () => {
    const p = node(9, { active: [2, 3] }).hears(1, neighbor(5, "joinWalk"))
    assert.deepStrictEqual(p.saysTo(1), [reply(5, "accepted")])
    assert.deepStrictEqual(p.active, [2, 3, 1])
  })

  it("2j. a full joiner refuses, and evicts nobody", () => {
    const p = node(9, { active: [2, 3, 4] }).hears(1, neighbor(5, "joinWalk"))
    assert.deepStrictEqual(p.sent, [[1, reply(5, "full")]])
    assert.deepStrictEqual(p.active, [2, 3, 4])
  })

  it("2j. whoever was refused by a full joiner keeps it as passive", () => {
    const p = node(1, { active: [2, 3, 4] }).hears(2, forwardJoin(linkTo(2), joiner, 0))
    p.hears(9, reply(p.requestTo(9), "full"))
    assert.deepStrictEqual([p.active, p.passive], [[2, 3, 4], [9]])
  })
})
