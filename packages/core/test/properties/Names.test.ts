import { assert, describe, it } from "@effect/vitest"
import * as Plumtree from "@hyparview/core/Plumtree"

/** Names that an ambiguous key would confuse: each holds what could stand between two parts. */
const texts = ["", "a", "1", ":", "a:", ":a", "a:1", "1:a", "1:1:1:a", "a/b", "a@1/b#2", "\u0000", "\ud800"]
const numbers = [0, 1, 11, 9_007_199_254_740_991]

const names: ReadonlyArray<Plumtree.MessageId> = texts.flatMap((source) =>
  texts.flatMap((topic) => numbers.flatMap((epoch) => numbers.map((sequence) => ({ source, epoch, topic, sequence }))))
)

describe("the name of a message", () => {
  it("has a key of its own, whatever source and topic are called", () => {
    assert.strictEqual(new Set(names.map(Plumtree.keyOf)).size, names.length)
    for (const name of names) assert.strictEqual(Plumtree.keyOf({ ...name }), Plumtree.keyOf(name))
  })

  it("is the same as another where all four parts are; its origin where three are", () => {
    const id = { source: "a", epoch: 1, topic: "t", sequence: 2 }
    assert.isTrue(Plumtree.sameMessage(id, { ...id }))
    const next = { ...id, sequence: 3 }
    assert.isTrue(Plumtree.sameOrigin(id, next))
    assert.isFalse(Plumtree.sameMessage(id, next))
    for (const other of [
      { ...id, source: "b" },
      { ...id, epoch: 2 },
      { ...id, topic: "u" }
    ]) {
      assert.isFalse(Plumtree.sameMessage(id, other))
      assert.isFalse(Plumtree.sameOrigin(id, other))
    }
  })
})
