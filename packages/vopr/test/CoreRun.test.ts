/** The fault simulation on the core: runs are functions of their scenarios, and each rule is broken once and seen to be. */
import { type Fault, Fault as FaultOf } from "@hyparview/faults/FaultPlan"
import { mixingBound, type Scenario } from "@hyparview/faults/Scenario"
import { draw } from "@hyparview/faults/ScenarioDraw"
import { CoreRun, type Phase, runCore } from "@hyparview/vopr/CoreRun"
import type { ClusterOutcome } from "@hyparview/vopr/Outcome"
import { assert, describe, it } from "@effect/vitest"

/** Twelve nodes and no fault. */
const peaceful: Scenario = {
  ...draw(2, { maximumNodes: 12 }),
  nodes: 12,
  discoverable: [0],
  starts: Array.from({ length: 12 }, (_, node) => ({ atMillis: 100 * node, node, contacts: node === 0 ? [] : [0] })),
  plan: { nodes: 12, actions: [] },
  publications: [{ atMillis: 5_000, node: 3, topic: "t", bytes: 10 }],
  chaosMillis: 10_000
}

/** Runs a scenario to which something is done at the beginning of a phase. */
const harmed = (phase: Phase, harm: (run: CoreRun) => void, scenario: Scenario = peaceful): ClusterOutcome => {
  const run: CoreRun = new CoreRun(scenario, (now) => {
    if (now === phase) harm(run)
  })
  return run.run()
}

const rulesOf = ({ violations }: ClusterOutcome): ReadonlyArray<string> => [
  ...new Set(violations.map(({ rule }) => rule))
]

const fault = (fault: Fault) => (run: CoreRun) => run.world.apply(fault)

const halves = [
  [0, 1, 2, 3, 4, 5],
  [6, 7, 8, 9, 10, 11]
]

describe("a run on the core", () => {
  it("is a function of its scenario", () => {
    for (const seed of [1, 2, 3]) {
      const scenario = draw(seed, { maximumNodes: 30 })
      assert.deepStrictEqual(runCore(scenario), runCore(scenario))
      assert.notStrictEqual(runCore(scenario).traceHash, runCore({ ...scenario, seed: seed + 1000 }).traceHash)
    }
  })

  it("in which nothing goes wrong finds nothing wrong", () => {
    assert.deepStrictEqual(runCore(peaceful).violations, [])
  })
})

describe("a rule that is broken is seen to be", () => {
  it("calm: a partition that never heals leaves two components", () => {
    const outcome = harmed("calm", fault(FaultOf.Partition({ groups: halves, mode: "reset" })))
    assert.deepStrictEqual(rulesOf(outcome), ["calm"])
    assert.include(outcome.violations.map(({ detail }) => detail).join("; "), "2 components")
    assert.strictEqual(outcome.wholeAfterMillis, -1)
    assert.isAbove(outcome.tail.length, 50)
  })

  it("one component: an overlay that was whole falls apart", () => {
    const outcome = harmed("quiet", fault(FaultOf.Partition({ groups: halves, mode: "reset" })))
    assert.include(rulesOf(outcome), "one component")
  })

  it("symmetry: what half of the nodes say is not heard by the others", () => {
    const outcome = harmed("quiet", fault(FaultOf.SilentLoss({ probability: 0.7 })))
    assert.include(rulesOf(outcome), "symmetry")
  })

  it("message rate: more is sent than the rules allow, for as long as the overlay may go on mixing", () => {
    // A flood, which sends as much for each message as for the first.
    const flooding: Scenario = { ...peaceful, strategy: "flood" }
    let windows = 0
    const storm = (run: CoreRun): void => {
      windows++
      for (let count = 0; count < 120; count++) run.world.publish(count % 12)
    }
    assert.deepStrictEqual(rulesOf(harmed("quiet", storm, flooding)), ["message rate"])
    const restMillis = mixingBound(flooding)
    assert.isAtLeast(windows * 6 * flooding.membership.cycleMillis, restMillis)
  })

  it("storm: events without end", () => {
    const outcome = harmed("calm", (run) => {
      for (let count = 0; count < 20_000; count++) run.world.publish(count % 12)
    })
    assert.deepStrictEqual(rulesOf(outcome), ["storm"])
  })

  it("completeness: a broadcast does not reach a node that is held up", () => {
    const outcome = harmed("broadcasts", fault(FaultOf.Freeze({ nodes: [5] })))
    assert.include(rulesOf(outcome), "completeness")
  })

  it("open request: a node is stopped while it asks", () => {
    const outcome = harmed("rest", ({ world }) => {
      const stateOf = world.stateOf.bind(world)
      world.stateOf = (node) => {
        const state = stateOf(node)
        if (node !== 3 || state === undefined) return state
        const peer = { id: 99, epoch: 1, address: 99 }
        const pending = [{ peer, requestId: 1, reason: "repair" as const, deadline: 1 }]
        return { ...state, membership: { ...state.membership, pending } }
      }
    })
    assert.deepStrictEqual(
      outcome.violations.map(({ detail, rule }) => `${rule}: ${detail}`),
      ["open request: node 3 still asks 99"]
    )
  })

  const observed = (harm: (run: CoreRun) => void): ReadonlyArray<string> =>
    harmed("rest", harm).violations.map(({ detail, rule }) => `${rule}: ${detail}`)

  /** What is published by node 0 under these numbers is delivered to some nodes, and goes nowhere else. */
  const hand = (run: CoreRun, nodes: ReadonlyArray<number>, ...sequences: ReadonlyArray<number>): void => {
    const payload = new Uint8Array()
    for (const node of nodes) {
      const state = run.world.stateOf(node)
      if (state === undefined) throw new Error(`node ${node} runs`)
      const outputs = sequences.map((sequence) => ({
        _tag: "Delivered" as const,
        id: { source: 0, epoch: 99, topic: "t", sequence },
        payload,
        hops: 0,
        publishedAt: 1,
        from: state.membership.self,
        via: "self" as const
      }))
      run.world.observer?.(node, state, { _tag: "Publish", now: 1, topic: "t", payload }, { state, outputs })
    }
  }
  const everybody = Array.from({ length: 12 }, (_, node) => node)

  it("completeness: what one node has the others never get", () => {
    const seen = observed((run) => hand(run, [0], 0))
    assert.lengthOf(seen, 11)
    assert.include(seen, "completeness: node 5, start 1 was not handed 0@99/t#0")
  })

  it("lagged: nobody is told of what is missing in the middle", () => {
    const seen = observed((run) => hand(run, everybody, 4, 6))
    assert.lengthOf(seen, 12)
    assert.include(seen, "lagged: node 5, start 1 was told nothing of 0@99/t#5")
  })

  it("exactly once: a message is delivered again", () => {
    const seen = observed((run) => hand(run, everybody, 4, 4))
    assert.include(seen, "exactly once: node 5, start 1 was handed 0@99/t#4 twice")
  })

  it("resurrection, truth and events: what never happens is shown to the observer", () => {
    const show = (run: CoreRun, outputs: Parameters<NonNullable<CoreRun["world"]["observer"]>>[3]["outputs"]) => {
      const state = run.world.stateOf(0)
      if (state === undefined) throw new Error("node 0 runs")
      const stranger = { id: 99, epoch: 4, address: 99 }
      const departed = [{ id: 99, epoch: 4, until: Number.MAX_SAFE_INTEGER }]
      const before = { ...state, membership: { ...state.membership, memory: { ...state.membership.memory, departed } } }
      run.world.observer?.(
        0,
        before,
        { _tag: "LinkClosed", now: 1, peer: stranger, cause: "closed" },
        { state, outputs }
      )
    }
    const peer = { id: 99, epoch: 4, address: 99 }
    const seen = observed((run) => show(run, [{ _tag: "NeighborUp", peer }])).join("; ")
    assert.include(seen, "resurrection: node 0 took up 99@4, which has left it")
    assert.include(seen, "truth: node 0 took up 99@4 in calm, which is no living incarnation")
    assert.include(seen, "always: node 0: NeighborUp and NeighborDown do not add up to the active view")
  })
})
