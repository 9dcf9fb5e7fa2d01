import { draw } from "@hyparview/faults/ScenarioDraw"
import { runRuntime } from "@hyparview/vopr/RuntimeRun"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

describe("a run on the runtime", () => {
  it.effect("is a function of its scenario, and leaves nothing behind", () =>
    Effect.gen(function* () {
      for (const seed of [2, 3]) {
        const scenario = draw(seed, { maximumNodes: 8, maximumNodeMinutes: 5 })
        const outcome = yield* runRuntime(scenario)
        assert.deepStrictEqual(outcome.violations, [])
        assert.deepStrictEqual(yield* runRuntime(scenario), outcome)
      }
    })
  )

  it.effect("sees a cluster that never becomes whole", () =>
    Effect.gen(function* () {
      const scenario = draw(2, { maximumNodes: 8, maximumNodeMinutes: 5 })
      const cut = [[0], Array.from({ length: scenario.nodes - 1 }, (_, node) => node + 1)]
      const outcome = yield* runRuntime({
        ...scenario,
        membership: { ...scenario.membership, contactProbeMillis: 1_000, probeMillis: 1_000 },
        plan: {
          nodes: scenario.nodes,
          actions: [{ atMillis: 0, fault: { _tag: "Partition", groups: cut, mode: "reset" } }]
        }
      })
      assert.include(
        outcome.violations.map(({ rule }) => rule),
        "calm"
      )
      assert.isAbove(outcome.tail.length, 10)
    })
  )
})
