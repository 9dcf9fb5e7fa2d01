import { assert, describe, it } from "@effect/vitest"
import { Supervisor, SupervisorConfig } from "@hyparview/cluster"
import { Effect } from "effect"

const wrong: ReadonlyArray<readonly [options: Supervisor.Options, message: string]> = [
  [{ nodes: 0, processes: 1 }, "supervisor, nodes: 0 is not a whole number, 1 or more"],
  [{ nodes: 2.5, processes: 1 }, "supervisor, nodes: 2.5 is not a whole number, 1 or more"],
  [{ nodes: JSON.parse('"3"'), processes: 1 }, 'supervisor, nodes: "3" is not a whole number, 1 or more'],
  [{ nodes: 3, processes: 0 }, "supervisor, processes: 0 is not a whole number, from 1 to 3"],
  [{ nodes: 3, processes: 4 }, "supervisor, processes: 4 is not a whole number, from 1 to 3"],
  [{ nodes: 3, processes: 1, mostNodes: 2 }, "supervisor, mostNodes: 2 is not a whole number, 3 or more"],
  [{ nodes: 3, processes: 1, port: 65_536 }, "supervisor, port: 65536 is not a whole number, from 1 to 65535"],
  [
    { nodes: 3, processes: 1, broadcast: JSON.parse('{ "strategy": "bush" }') },
    'supervisor, broadcast: strategy is "bush": expected plumtree or flood or thicket'
  ]
]

const misspelt: ReadonlyArray<readonly [options: object, message: RegExp]> = [
  [{ process: 2 }, /^supervisor, process: no such option. Options are nodes, processes, .*, logLevel$/],
  [{ broadcast: { tree: "shared" } }, /^supervisor, broadcast.tree: no such option. Options are strategy, trees$/],
  [
    { bounds: { memorySizes: 3 } },
    /^supervisor, bounds.memorySizes: no such option. Options are memorySize, sourcesSize, retainedMillis$/
  ]
]

describe("a supervisor's options", () => {
  it.effect.each(wrong)("that are out of their bounds are named, with what they may be: %o", ([options, message]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.scoped(Supervisor.make(options)))
      assert.strictEqual(error._tag, "InvalidOptions")
      assert.strictEqual(error.message, message)
    })
  )

  it.effect.each(misspelt)("of no such name are refused: %o", ([given, message]) =>
    Effect.gen(function* () {
      const options = { nodes: 3, processes: 1, ...given }
      const error = yield* Effect.flip(Effect.scoped(Supervisor.make(options)))
      assert.strictEqual(error._tag, "InvalidOptions")
      assert.match(error.message, message)
    })
  )

  it.effect.each([{ clusterSize: 0 }, { cycleMillis: 9 }])("are what a node can be made with: %o", (wrong) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.scoped(Supervisor.make({ nodes: 3, processes: 1, ...wrong })))
      assert.strictEqual(error._tag, "MembershipConfigError")
    })
  )

  it.effect.each([
    [3, 5],
    [18, 6],
    [50, 16],
    [1_000, 25]
  ] as const)("for a thicket of %i nodes ask for %i neighbours", ([nodes, neighbors]) =>
    Effect.gen(function* () {
      const { rules } = yield* Supervisor.make({ nodes, processes: 1, broadcast: { strategy: "thicket" } })
      assert.strictEqual(rules.activeSize, neighbors)
    }).pipe(Effect.scoped)
  )

  it("may ask for all that is allowed", () => {
    assert.isUndefined(SupervisorConfig.faultOf({ nodes: 3, processes: 3, mostNodes: 3, port: 65_535 }))
    assert.isUndefined(SupervisorConfig.faultOf({ nodes: 20_000, processes: 50 }))
  })
})
