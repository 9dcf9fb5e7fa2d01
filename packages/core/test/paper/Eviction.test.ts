import { assert, describe, it } from "@effect/vitest"
import { disconnect, join, linkTo, neighbor, node, overSeeds, peer, reply, sample } from "./node.ts"

describe("rule 3: eviction", () => {
  it("3a. sends Disconnect(evicted), naming the link, to its victim", () => {
    const p = node(1, { chosen: [2, 3], active: [4], config: { protectedLinks: 2 } }).hears(9, join(7))
    assert.deepStrictEqual(p.news, ["-4 evicted", "+9"])
    const [notice] = p.says("Disconnect")
    assert.deepStrictEqual([notice?.to, notice?.link, notice?.reason], [4, linkTo(4), "evicted"])
  })

  it("3b. moves the victim to the passive view", () => {
    const p = node(1, { chosen: [2, 3], active: [4], passive: [5], config: { protectedLinks: 2 } }).hears(9, join(7))
    assert.deepStrictEqual(
      [p.active, p.passive],
      [
        [2, 3, 9],
        [5, 4]
      ]
    )
  })

  it("3c. the bound holds after every transition, also when the notice cannot be delivered", () => {
    const p = node(1, { active: [2, 3, 4] }).hears(9, join(7))
    const victim = p.says("Disconnect")[0]?.to ?? 0
    assert.strictEqual(p.active.length, 3)
    p.cannotReach(victim)
    assert.strictEqual(p.active.length, 3)
    assert.notInclude([...p.active, ...p.passive], victim)
    assert.deepStrictEqual(p.graveyard, [victim])
  })

  it("3c. the bound holds through a hundred evictions of every kind", () => {
    overSeeds(5, (seed) => {
      const p = node(1, { active: [2, 3, 4], seed })
      for (let id = 10; id < 110; id++) {
        p.hears(id, id % 3 === 0 ? join(1) : neighbor(1, id % 3 === 1 ? "empty" : "bridge"))
        assert.strictEqual(p.active.length, 3)
      }
    })
  })

  it("3d. the victim's sample begins with the newcomer, and goes on as a shuffle's would", () => {
    const p = node(1, { active: [2, 3, 4], passive: [5, 6, 7] }).hears(9, join(7))
    const [notice] = p.says("Disconnect")
    const [newcomer, ...others] = notice?.sample.peers ?? []
    assert.deepStrictEqual(newcomer, peer(9))
    assert.deepStrictEqual(notice?.sample.ages[0], 0)
    const stayed = [2, 3, 4].filter((id) => id !== notice?.to)
    assert.sameMembers(
      others.slice(0, 2).map(({ id }) => id),
      stayed
    )
    assert.strictEqual(others.slice(2).filter(({ id }) => [5, 6, 7].includes(id)).length, 2)
  })

  it("3d. and names nobody twice, though the newcomer was known here", () => {
    overSeeds(20, (seed) => {
      const p = node(1, { active: [2, 3, 4], passive: [9, 10], seed }).hears(9, join(7))
      const ids = p.says("Disconnect")[0]?.sample.peers.map(({ id }) => id) ?? []
      assert.strictEqual(ids[0], 9)
      assert.strictEqual(new Set(ids).size, ids.length)
    })
  })

  it("3e. the evicted asks the first of the sample before anybody else", () => {
    overSeeds(10, (seed) => {
      const p = node(1, { active: [2, 3, 4], passive: [5, 6, 7], seed })
      assert.deepStrictEqual(p.hears(2, disconnect(linkTo(2), "evicted", sample([9, 10]))).asking, [9])
    })
  })

  it("3e. though the passive view is full: the rest of the sample pushes out neither whom it asks nor the evictor (M5)", () => {
    overSeeds(100, (seed) => {
      const p = node(1, { active: [2, 3, 4], passive: [5, 6, 7, 8, 10, 11], seed })
      p.hears(2, disconnect(linkTo(2), "evicted", sample([9, 12, 13, 14, 15])))
      assert.deepStrictEqual(p.asking, [9])
      assert.includeMembers([...p.passive], [2, 9])
      assert.strictEqual(p.passive.length, 6)
    })
  })

  it("3e. with room for one alone it keeps the evictor, and asks nobody whom it does not hold", () => {
    const p = node(1, { active: [2, 3, 4], passive: [5], config: { passiveSize: 1, shufflePassive: 1 } })
    p.hears(2, disconnect(linkTo(2), "evicted", sample([9, 12])))
    assert.deepStrictEqual([p.passive, p.asking], [[2], []])
  })

  it("3e. so the link only gains a node in its middle: the victim asks the newcomer, who has a slot free", () => {
    const evictor = node(1, { active: [2, 3, 4] }).hears(9, join(7))
    const [notice] = evictor.says("Disconnect")
    const victim = node(notice?.to ?? 0, { active: [1, 5, 6] })
    victim.hears(1, disconnect(linkTo(1), "evicted", notice?.sample))
    assert.deepStrictEqual(victim.asking, [9])
    const newcomer = node(9, { active: [1] }).hears(victim.state.self, neighbor(4, "repair"))
    assert.deepStrictEqual(newcomer.saysTo(victim.state.self.id), [reply(4, "accepted")])
  })
})
