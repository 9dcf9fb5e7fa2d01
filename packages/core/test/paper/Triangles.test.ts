import { assert, describe, it } from "@effect/vitest"
import {
  bridge,
  disconnect,
  linkOf,
  linkTo,
  neighbor,
  node,
  peer,
  reply,
  sample,
  shuffle,
  type Subject
} from "./node.ts"

const others = [11, 12, 13, 14, 15, 16]

/** Both views full. */
const full = (given: Parameters<typeof node>[1] = {}): Subject =>
  node(1, { active: [2, 3, 4], passive: others, ...given })

/** A neighbour's shuffle, straight from it: itself apart, ka of its neighbours and kp of its passive entries. */
const tells = (
  from: number,
  named: ReadonlyArray<number> = [3, 4, 22, 23],
  ages: ReadonlyArray<number> = [0, 0, 1, 1],
  link = linkTo(from)
) => shuffle(link, 7, peer(from), 6, sample(named, ages))

/** Whom it asks for a bridge. */
const bridged = (p: Subject): ReadonlyArray<number> =>
  p.says("Neighbor").flatMap(({ reason, to }) => (reason === "bridge" ? [to] : []))

/** The bridge under way is accepted; whom this node has evicted for it. */
const accepted = (p: Subject): ReadonlyArray<number> => {
  const [asked = 0] = p.asking
  p.hears(asked, reply(p.requestTo(asked), "accepted", 0, sample([99])))
  return p.says("Disconnect").map(({ to }) => to)
}

/** The next period of bridges has begun, and the passive view is full again: it has heard of somebody. */
const nextPeriod = (p: Subject): Subject => {
  const heard = sample([41, 42, 43, 44].filter((id) => !p.active.includes(id)))
  return p.waits(60_000).hears(40, shuffle(undefined, 7, peer(40), 1, heard))
}

describe("triangles", () => {
  it("13a. a neighbour that names two others as its own is exchanged for anybody, by a bridge", () => {
    const p = full().hears(2, tells(2))
    const [asked = 0] = bridged(p)
    assert.include(others, asked)
    assert.deepStrictEqual(p.saysTo(asked), [bridge(p.requestTo(asked), 1)])
    assert.deepStrictEqual(accepted(p), [2])
    assert.sameMembers([...p.active], [3, 4, asked])
  })

  it("13a. the two links that are gone are made one: who must go is told of the other end's", () => {
    const p = full().hears(2, tells(2))
    accepted(p)
    assert.deepStrictEqual(p.says("Disconnect")[0]?.sample.peers[0], peer(99))
  })

  it("13a. nobody is exchanged who names one alone, strangers or this node, or ours as ones it has only heard of", () => {
    for (const [named, ages] of [
      [
        [3, 21, 22, 23],
        [0, 0, 1, 1]
      ],
      [
        [21, 22, 23, 24],
        [0, 0, 1, 1]
      ],
      [
        [1, 21, 23, 24],
        [0, 0, 1, 1]
      ],
      [
        [21, 3, 4, 24],
        [0, 0, 0, 1]
      ],
      [
        [3, 4, 22, 24],
        [0, 1, 0, 1]
      ]
    ] as const) {
      assert.deepStrictEqual(bridged(full().hears(2, tells(2, named, ages))), [])
    }
  })

  it("13a. once it has done so a single one is enough", () => {
    const p = full({ config: { triangleExchanges: 1 } }).hears(2, tells(2))
    accepted(p)
    nextPeriod(p).hears(3, tells(3, [4, 21, 22, 23]))
    assert.deepStrictEqual(accepted(p), [3])
  })

  it("13a. nor for a shuffle that is on its way, since its origin has no link to us, nor for a direct one", () => {
    const walking = shuffle(linkTo(2), 7, peer(9), 5, sample([3, 4, 22, 23]))
    assert.deepStrictEqual(bridged(full().hears(2, walking)), [])
    const direct = shuffle(undefined, 7, peer(9), 1, sample([3, 4, 22, 23]))
    assert.deepStrictEqual(bridged(full().hears(9, direct)), [])
  })

  it("13b. it is the one that told, though its link stands under the floor, and never the one of whom it tells", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const p = full({ active: [3, 4], chosen: [2], seed }).hears(2, tells(2, undefined, undefined, linkOf(1, 502)))
      assert.deepStrictEqual(accepted(p), [2])
    }
  })

  it("13b. one that has gone meanwhile, or a bridge that comes to nothing, costs nobody its link but by chance", () => {
    const p = full().hears(2, tells(2))
    const [asked = 0] = p.asking
    p.hears(asked, reply(p.requestTo(asked), "full"))
    assert.deepStrictEqual([p.active, p.says("Disconnect")], [[2, 3, 4], []])
    const q = full()
      .hears(2, tells(2))
      .hears(2, disconnect(linkTo(2), "leaving"))
    assert.deepStrictEqual(accepted(q), [])
  })

  it("13c. further links follow that chance draws, one in a period of bridges", () => {
    const p = full({ config: { triangleExchanges: 3 } }).hears(2, tells(2))
    accepted(p)
    assert.deepStrictEqual(bridged(p.fires("Cycle")), [])
    const evicted = new Set<number>()
    for (const round of [1, 2]) {
      assert.lengthOf(bridged(nextPeriod(p).fires("Cycle")), 1, `round ${round}`)
      for (const id of accepted(p)) evicted.add(id)
    }
    assert.strictEqual(evicted.size, 2)
    for (let cycle = 0; cycle < 10; cycle++) assert.deepStrictEqual(bridged(nextPeriod(p).fires("Cycle")), [])
  })

  it("13c. as many as `triangleExchanges` says, and none for 0", () => {
    const none = full({ config: { triangleExchanges: 0 } }).hears(2, tells(2))
    assert.deepStrictEqual(bridged(none), [])
    const one = full({ config: { triangleExchanges: 1 } }).hears(2, tells(2))
    assert.deepStrictEqual(accepted(one), [2])
    for (let cycle = 0; cycle < 10; cycle++) assert.deepStrictEqual(bridged(nextPeriod(one).fires("Cycle")), [])
  })

  it("13d. within the limits of bridges: one in a period, and an incarnation sees A triangles", () => {
    const p = full({ config: { triangleExchanges: 1 } })
    let bridges = 0
    const told = (): number => {
      const [first, second, third] = p.state.active
      if (first === undefined || second === undefined || third === undefined) return 0
      p.hears(first.id, tells(first.id, [second.id, third.id, 22, 23], undefined, first.link))
      return bridged(p).length
    }
    for (let time = 0; time < 10; time++) {
      bridges += told()
      if (p.asking.length > 0) accepted(p)
      assert.strictEqual(told(), 0, "twice in a period")
      nextPeriod(p)
    }
    assert.strictEqual(bridges, 3)
    p.leaves().joins().hears(30, neighbor(1, "repair"))
    assert.strictEqual(p.state.search.triangles, 0)
  })

  it("13d. with full views alone, and not where X-BOT gathers what is near", () => {
    assert.deepStrictEqual(bridged(full({ passive: others.slice(1) }).hears(2, tells(2))), [])
    assert.deepStrictEqual(bridged(full({ active: [2, 3] }).hears(2, tells(2))), [])
    assert.deepStrictEqual(bridged(full({ config: { optimizeCandidates: 2 } }).hears(2, tells(2))), [])
  })
})
