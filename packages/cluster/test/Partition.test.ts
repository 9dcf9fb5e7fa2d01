import { assert, describe, it } from "@effect/vitest"
import { Partition } from "@hyparview/cluster"
import { Result } from "effect"

const places = ["a", "b", "c", "d"].map((id) => ({ id, address: `host-${id}` }))
const isKnown = (id: string) => places.some((place) => place.id === id)

describe("a partition", () => {
  it("cuts each group off from the addresses of all others, and nobody off from who is in none", () => {
    assert.deepStrictEqual(Partition.cuts({ groups: [["a"], ["b", "c"]], mode: "silent" }, places), [
      { nodes: ["a"], from: ["host-b", "host-c"] },
      { nodes: ["b", "c"], from: ["host-a"] }
    ])
  })

  it("knows nothing of nodes that have no address now", () => {
    const [first, second] = places
    if (first === undefined || second === undefined) return assert.fail("no places")
    assert.deepStrictEqual(Partition.cuts({ groups: [["a"], ["b", "c"]], mode: "reset" }, [first, second]), [
      { nodes: ["a"], from: ["host-b"] },
      { nodes: ["b", "c"], from: ["host-a"] }
    ])
  })

  const wrong: ReadonlyArray<readonly [groups: ReadonlyArray<ReadonlyArray<string>>, detail: RegExp]> = [
    [[], /0 groups: at least two/],
    [[["a"]], /1 groups/],
    [[["a"], []], /group 2 is empty/],
    [[["a"], ["z"]], /no node z/],
    [[["a", "b"], ["b"]], /b is named twice/]
  ]
  for (const [groups, detail] of wrong) {
    it(`that makes no sense is an error: ${JSON.stringify(groups)}`, () => {
      const made = Partition.make({ groups, mode: "silent" }, isKnown)
      if (Result.isSuccess(made)) return assert.fail("expected an error")
      assert.match(made.failure.message, detail)
    })
  }

  it("that makes sense is taken as it is", () => {
    const partition: Partition.Partition = { groups: [["a"], ["b"]], mode: "reset" }
    assert.deepStrictEqual(Partition.make(partition, isKnown), Result.succeed(partition))
  })
})
