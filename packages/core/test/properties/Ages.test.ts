/**
 * The ages of passive entries under random exchanges (rules S3, 8l): with full weight nobody makes room for somebody older, and
 * only news of an entry's owner makes it young again; and the beacon (P5) is who the exchanges say.
 */
import { assert, describe, it } from "@effect/vitest"
import { nextBelow, type Random, seeded } from "@hyparview/core/Random"
import { linkTo, node, peer, sample, shuffle, shuffleReply, type Subject } from "../paper/node.ts"

const runs = 40
const exchanges = 50

/** Few enough ids that entries come again, as old, younger and older ones; none is the node's own. */
const someone = (random: Random): number => 11 + 2 * nextBelow(random, 25)

const drawn = (random: Random) => {
  const size = nextBelow(random, 5)
  const ids = Array.from({ length: size }, () => someone(random))
  return sample(
    ids,
    ids.map(() => nextBelow(random, 40))
  )
}

/** A walk that ends here, or the reply to this node's own; sometimes a cycle passes. What the exchange has brought: ages by id. */
const exchange = (p: Subject, random: Random): ReadonlyMap<number, ReadonlySet<number>> => {
  const brought = new Map<number, Set<number>>()
  const note = (id: number, age: number) => brought.set(id, (brought.get(id) ?? new Set()).add(age))
  const told = drawn(random)
  if (nextBelow(random, 3) === 0) {
    const [walk] = p.fires("Cycle").says("Shuffle")
    p.hears(9, shuffleReply(walk?.requestId ?? 0, told))
    // A reply is no longer than what was asked.
    const heard = told.peers.slice(0, 1 + (walk?.sample.peers.length ?? 0))
    heard.forEach(({ id }, index) => note(id, (told.ages[index] ?? 0) + 1))
    return brought
  }
  const origin = someone(random)
  p.hears(3, shuffle(linkTo(3), 1 + nextBelow(random, 1_000), peer(origin), 1, told))
  told.peers.forEach(({ id }, index) => note(id, told.ages[index] ?? 0))
  note(origin, 0)
  return brought
}

/** Passive entries: id → the cycle at which its age was 0. */
const entries = ({ state }: Subject): ReadonlyMap<number, number> =>
  new Map(state.passive.ids.map((id, index) => [id, state.passive.since[index] ?? Number.NaN]))

const everyExchange = (
  ageWeight: number,
  look: (before: ReadonlyMap<number, number>, p: Subject, brought: ReadonlyMap<number, ReadonlySet<number>>) => void
): void => {
  for (let seed = 0; seed < runs; seed++) {
    const random = seeded(seed)
    const p = node(1, { active: [2, 3, 4], config: { ageWeight, probeMillis: 0 }, seed })
    for (let i = 0; i < exchanges; i++) {
      const before = entries(p)
      look(before, p, exchange(p, random))
    }
  }
}

describe("ages", () => {
  it("with full weight nobody makes room for somebody older", () => {
    let evictions = 0
    everyExchange(1, (before, p) => {
      const after = entries(p)
      for (const [gone, since] of before) {
        if (after.has(gone)) continue
        evictions++
        for (const [, kept] of after) assert.isAtLeast(kept, since)
      }
    })
    assert.isAbove(evictions, 100)
  })

  it("without weight somebody does, again and again: the property can fail", () => {
    let unlike = 0
    everyExchange(0, (before, p) => {
      const after = entries(p)
      for (const [gone, since] of before) {
        if (!after.has(gone) && [...after.values()].some((kept) => kept < since)) unlike++
      }
    })
    assert.isAbove(unlike, 50)
  })

  it("an entry has the age that it had, or one that an exchange has brought", () => {
    for (const ageWeight of [0, 0.5, 1]) {
      everyExchange(ageWeight, (before, p, brought) => {
        for (const [id, since] of entries(p)) {
          if (since !== before.get(id)) assert.isTrue(brought.get(id)?.has(p.state.cycle - since), `${id}`)
        }
      })
    }
  })

  it("the beacon is nobody younger than what an exchange has told of, and nobody who was not heard of within its time", () => {
    for (let seed = 0; seed < runs; seed++) {
      const random = seeded(seed)
      const p = node(20, { active: [2, 3, 4], config: { mixMillis: 30_000, probeMillis: 0 }, seed }).fires("Cycle")
      const heard = new Map<number, number>()
      for (let i = 0; i < exchanges; i++) {
        const brought = exchange(p, random)
        const { cycle } = p.state
        for (const [id, ages] of brought) heard.set(id, Math.max(cycle - Math.min(...ages), heard.get(id) ?? -Infinity))
        const { beacon } = p.state.search
        const { id, since } = { id: beacon?.peer.id ?? Number.NaN, since: beacon?.since ?? Number.NaN }
        assert.isAtMost(id, 20)
        assert.isAtMost(cycle - since, 30)
        if (id !== 20) assert.isAtMost(since, heard.get(id) ?? -Infinity)
        for (const [other, ages] of brought) if (Math.min(...ages) <= 30) assert.isAtLeast(other, id)
      }
    }
  })
})
