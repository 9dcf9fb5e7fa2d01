import { assert, describe, it } from "@effect/vitest"
import { type Housing, plan, share } from "@hyparview/cluster/KillPlan"
import { Arbitrary, Schema } from "effect"

const housings = (sizes: ReadonlyArray<number>): ReadonlyArray<Housing> => {
  let next = 1
  return sizes.map((size, process) => ({
    process,
    nodes: Array.from({ length: size }).map(() => `n${next++}`)
  }))
}

const victims = (from: ReadonlyArray<Housing>, count: number, seed: number): ReadonlyArray<string> => {
  const { nodes, processes } = plan(from, count, seed)
  return [...from.filter(({ process }) => processes.includes(process)).flatMap(({ nodes }) => nodes), ...nodes]
}

describe("a kill plan", () => {
  it("kills two of five processes when 40 % of fifty nodes must die", () => {
    const { nodes, processes } = plan(housings([10, 10, 10, 10, 10]), share(50, 40), 1)
    assert.strictEqual(processes.length, 2)
    assert.strictEqual(nodes.length, 0)
  })

  it("kills single nodes for what does not make a whole process", () => {
    const { nodes, processes } = plan(housings([4, 4, 4]), share(12, 40), 1)
    assert.strictEqual(processes.length, 1)
    assert.strictEqual(nodes.length, 1)
  })

  it("kills no process when the number is below the smallest", () => {
    const { nodes, processes } = plan(housings([10, 10]), 9, 1)
    assert.strictEqual(processes.length, 0)
    assert.strictEqual(nodes.length, 9)
  })

  it("passes over a process that does not fit, and takes the next", () => {
    for (let seed = 0; seed < 20; seed++) {
      assert.deepStrictEqual(plan(housings([10, 3]), 5, seed).processes, [1])
    }
  })

  it("is the same for the same seed, and another for another", () => {
    const many = housings([10, 10, 10, 10, 10])
    assert.deepStrictEqual(plan(many, 25, 7), plan(many, 25, 7))
    const firsts = new Set(Array.from({ length: 20 }).map((_, seed) => plan(many, 25, seed).processes.join()))
    assert.isAbove(firsts.size, 5)
  })

  it.prop(
    "kills exactly as many as it should, each once",
    {
      sizes: Arbitrary.schema(Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 30 })))),
      percent: Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 100 }))),
      seed: Arbitrary.schema(Schema.Int)
    },
    ({ percent, seed, sizes }) => {
      const from = housings(sizes)
      const all = from.flatMap(({ nodes }) => nodes)
      const dead = victims(from, share(all.length, percent), seed)
      assert.strictEqual(dead.length, share(all.length, percent))
      assert.strictEqual(new Set(dead).size, dead.length)
      assert.isTrue(dead.every((id) => all.includes(id)))
    }
  )
})
