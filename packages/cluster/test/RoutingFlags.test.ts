import { assert, describe, it } from "@effect/vitest"
import { RoutingFlags } from "@hyparview/cluster"

describe("how broadcasts travel", () => {
  it("is said in words, but where it is as usual", () => {
    assert.isUndefined(RoutingFlags.inWords({ strategy: "plumtree", trees: "shared" }))
    assert.strictEqual(RoutingFlags.inWords({ strategy: "plumtree", trees: "source" }), "a tree for each source")
    assert.strictEqual(RoutingFlags.inWords({ strategy: "thicket", trees: "shared" }), "a thicket")
    assert.strictEqual(RoutingFlags.inWords({ strategy: "flood", trees: "shared" }), "floods")
  })

  it("is a contradiction where only plumtree has what is asked for", () => {
    assert.isUndefined(RoutingFlags.contradiction({ strategy: "plumtree", trees: "source" }))
    assert.isUndefined(RoutingFlags.contradiction({ strategy: "thicket", trees: "shared" }))
    assert.match(
      RoutingFlags.contradiction({ strategy: "thicket", trees: "source" }) ?? "",
      /^--trees source is of no use with --strategy thicket/
    )
  })
})
