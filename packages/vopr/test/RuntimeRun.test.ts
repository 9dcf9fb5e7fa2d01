import { draw } from "@hyparview/faults/ScenarioDraw"
import { Fault } from "@hyparview/faults/FaultPlan"
import { strangersHello } from "@hyparview/vopr/FrameDraw"
import { type OnPhase, runRuntime } from "@hyparview/vopr/RuntimeRun"
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

  /** Runs a small scenario without a fault, to which something is done in a phase. */
  const harmed = (phase: Parameters<OnPhase>[0], harm: (cluster: Parameters<OnPhase>[1]) => ReturnType<OnPhase>) => {
    const scenario = draw(2, { maximumNodes: 8, maximumNodeMinutes: 5 })
    const peaceful = { ...scenario, plan: { nodes: scenario.nodes, actions: [] } }
    return runRuntime(peaceful, (now, cluster) => (now === phase ? harm(cluster) : Effect.void)).pipe(
      Effect.map(({ violations }) => violations.map(({ detail, rule }) => `${rule}: ${detail}`).join("; "))
    )
  }

  it.effect("sees a fiber and a sleeper that outlive the cluster", () =>
    Effect.gen(function* () {
      const never = yield* harmed("rest", () => Effect.asVoid(Effect.forkDetach(Effect.never)))
      assert.strictEqual(never, "leak: 1 fibers live on after the cluster has ended")
      const asleep = yield* harmed("rest", () => Effect.asVoid(Effect.forkDetach(Effect.sleep("1 day"))))
      assert.include(asleep, "leak: 1 fibers sleep on after the cluster has ended")
    })
  )

  it.effect("sees a link that a node holds and has no use for", () =>
    Effect.gen(function* () {
      const seen = yield* harmed("rest", (cluster) =>
        Effect.gen(function* () {
          const stranger = yield* Effect.orDie(cluster.network.transport("stranger"))
          const saysHello = Effect.andThen(stranger.dial("host-0"), (link) =>
            Effect.andThen(link.send([[strangersHello("test", "stranger")]]), Effect.never)
          )
          yield* Effect.forkScoped(Effect.orDie(saysHello), { startImmediately: true })
          yield* Effect.orDie(cluster.pass("500 millis"))
        })
      )
      assert.match(seen, /^leak: n000 holds \d links, and has use for \d at most$/)
    })
  )

  it.effect("sees a message that does not come to all", () =>
    Effect.gen(function* () {
      const seen = yield* harmed("broadcasts", (cluster) => Effect.orDie(cluster.apply(Fault.Freeze({ nodes: [1] }))))
      assert.include(seen, "completeness: a broadcast of")
    })
  )
})
