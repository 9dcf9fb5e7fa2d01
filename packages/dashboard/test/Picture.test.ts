import { assert, describe, it } from "@effect/vitest"
import * as Picture from "../page/model/Picture.ts"
import type { Reach, SeenNode } from "../src/ClusterSource.ts"

const node = (id: string, active: ReadonlyArray<string>, status: SeenNode["status"] = "alive"): SeenNode => ({
  id,
  address: `${id}:1`,
  process: 3,
  status,
  active,
  passiveSize: 0,
  roundTripMillis: null,
  group: null
})

const pictureOf = (nodes: ReadonlyArray<SeenNode>, reach: Reach | null = null) =>
  Picture.ofFeed({ nodes: new Map(nodes.map((each) => [each.id, each])), reach })

const statesOf = (nodes: ReadonlyArray<SeenNode>) =>
  Object.fromEntries([...pictureOf(nodes).nodes.values()].map(({ id, state }) => [id, state]))

describe("the picture of a cluster", () => {
  it("tells who is isolated from who is still looking for the overlay, and from who does not run", () => {
    const nodes = [node("a", ["b"]), node("b", ["a"], "joining"), node("c", []), node("d", [], "joining")]
    assert.deepStrictEqual(statesOf([...nodes, node("e", [], "dead"), node("f", [], "left")]), {
      a: "running",
      b: "joining",
      c: "isolated",
      d: "joining",
      e: "dead",
      f: "left"
    })
    // Who has lost only those that died is isolated; who is the only one is not.
    assert.deepStrictEqual(statesOf([node("a", ["b"]), node("b", [], "dead"), node("c", [])]), {
      a: "isolated",
      b: "dead",
      c: "isolated"
    })
    assert.deepStrictEqual(statesOf([node("a", [])]), { a: "running" })
  })

  it("numbers the pieces, the largest first, and counts neighbours that run", () => {
    const { nodes } = pictureOf([
      node("x", []),
      node("a", ["b", "gone"]),
      node("b", ["a", "c"]),
      node("c", ["b"]),
      node("gone", [], "dead")
    ])
    assert.deepStrictEqual(
      [...nodes.values()].map(({ component, degree, id, process }) => [id, component, degree, process]),
      [
        ["x", 1, 0, 3],
        ["a", 0, 1, 3],
        ["b", 0, 2, 3],
        ["c", 0, 1, 3],
        ["gone", -1, 0, 3]
      ]
    )
  })

  it("holds the way of the latest message", () => {
    assert.deepStrictEqual([pictureOf([node("a", [])]).message, pictureOf([]).arrivals.size], [undefined, 0])
    const { arrivals, message, source } = pictureOf([node("a", [])], {
      id: "m",
      from: "a",
      publishedAtMillis: 0,
      expected: 2,
      arrivals: [
        ["a", 0, 0],
        ["b", 1, 7]
      ]
    })
    assert.deepStrictEqual([message, source, arrivals.get("b")], ["m", "a", { hops: 1, millis: 7 }])
  })
})
