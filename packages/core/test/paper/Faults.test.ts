import { assert, describe, it } from "@effect/vitest"
import * as HyParView from "@hyparview/core/HyParView"
import * as Plumtree from "@hyparview/core/Plumtree"
import * as Result from "effect/Result"
import { Faulty } from "../broadcast/Faulty.ts"
import { World } from "../golden/World.ts"

const runs = Number(process.env["BROADCAST_RUNS"] ?? 4)

describe("under loss of links, kills, restarts and cuts, followed by calm", () => {
  for (const kind of ["shared", "source", "flood", "thicket"] as const) {
    it(`R4. R10. R11. R12. every message that a survivor has comes to every survivor once: ${kind}`, () => {
      const only = process.env["BROADCAST_SEED"]
      const seeds = only === undefined ? Array.from({ length: runs }, (_, seed) => seed) : [Number(only)]
      const met = new Map<string, number>()
      for (const seed of seeds) {
        const { faults, messages, wrong } = new Faulty(seed, kind).run()
        assert.deepStrictEqual(
          wrong,
          [],
          `replay: BROADCAST_SEED=${seed} npm test -- --project core packages/core/test/paper/Faults.test.ts`
        )
        assert.isAbove(messages, 50, `seed ${seed}`)
        for (const [name, count] of Object.entries(faults)) met.set(name, (met.get(name) ?? 0) + count)
      }
      if (only !== undefined) return
      // The faults happened, and what they call for was used.
      const always = ["broken links", "kills", "restarts", "cuts", "published in a cut", "recovery", "Digest", "Fetch"]
      const trees = kind === "flood" ? [] : ["graft", "IHave", "Graft", kind === "thicket" ? "Branch" : "Prune"]
      for (const name of [...always, ...trees, "duplicates"]) assert.isAbove(met.get(name) ?? 0, 10, name)
      if (kind === "flood") for (const name of ["IHave", "Graft", "Prune"]) assert.isUndefined(met.get(name), name)
    })
  }
})

describe("after a cut", () => {
  it("R12. what was published in it reaches everybody, over the new links and on from there", () => {
    const config = Result.getOrThrow(HyParView.forClusterSize(100, { activeSize: 3 }))
    const broadcast = Result.getOrThrow(Plumtree.makeConfig())
    const nodes = 16
    const world = new World({ nodes, seed: 5, latencyMillis: 10, config, broadcast })
    const got = new Map<string, number>()
    const vias = new Map<string, number>()
    world.observer = (_, __, outputs) => {
      for (const output of outputs) {
        if (output._tag !== "Delivered") continue
        const text = new TextDecoder().decode(output.payload)
        got.set(text, (got.get(text) ?? 0) + 1)
        vias.set(output.via, (vias.get(output.via) ?? 0) + 1)
      }
    }
    for (let id = 1; id <= nodes; id++) {
      world.start(id, id === 1 ? [] : [1])
      world.advance(200)
    }
    world.advance(60_000)
    const left = Array.from({ length: 8 }, (_, i) => i + 1)
    const right = left.map((id) => id + 8)
    world.partition([left, right])
    world.advance(1_000)
    for (let count = 0; count < 20; count++) {
      world.publish(2, `left ${count}`)
      world.publish(12, `right ${count}`)
      world.advance(100)
    }
    assert.deepStrictEqual(new Set(got.values()), new Set([8]))
    world.partition([])
    // A grave is probed once a minute by each node.
    world.advance(4 * 60_000)
    assert.deepStrictEqual([got.size, new Set(got.values())], [40, new Set([nodes])])
    // Few nodes stand at new links across; the others got it from those, as new.
    assert.isAbove(vias.get("recovery") ?? 0, 19)
    assert.isAbove((vias.get("push") ?? 0) + (vias.get("graft") ?? 0), 20 * 14)
  })
})
