import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { seeded } from "@hyparview/core/Random"
import { chaosKinds, draw, linkKeepingKinds } from "@hyparview/faults/FaultDraw"
import type { Action, FaultPlan, PlanDefect } from "@hyparview/faults/FaultPlan"
import { Fault, nodesOf, validate, validateFault } from "@hyparview/faults/FaultPlan"

const planOf = (...faults: ReadonlyArray<Fault>): FaultPlan => ({
  nodes: 4,
  actions: faults.map((fault, index) => ({ atMillis: index * 100, fault }))
})

const everyFault: ReadonlyArray<Fault> = [
  Fault.Crash({ nodes: [0] }),
  Fault.Restart({ nodes: [0] }),
  Fault.Leave({ nodes: [1] }),
  Fault.Restart({ nodes: [1] }),
  Fault.Freeze({ nodes: [2, 3] }),
  Fault.Unfreeze({ nodes: [2, 3] }),
  Fault.Partition({ groups: [[0, 1], [2]], mode: "reset" }),
  Fault.OneWay({ from: [0], to: [3] }),
  Fault.Heal(),
  Fault.BreakLinks({ links: { _tag: "Pairs", pairs: [[0, 1]] } }),
  Fault.BreakLinks({ links: { _tag: "Share", share: 0.5 } }),
  Fault.HalfOpen({ pairs: [[2, 1]] }),
  Fault.RefuseDials({ nodes: [0] }),
  Fault.HangDials({ nodes: [0] }),
  Fault.AcceptDials({ nodes: [0] }),
  Fault.SendFailure({ probability: 0.1 }),
  Fault.Duplicate({ probability: 1 }),
  Fault.SilentLoss({ probability: 0 }),
  Fault.SlowReader({ node: 3, bytesPerSecond: 100 }),
  Fault.NormalReader({ nodes: [3] }),
  Fault.ClockJump({ node: 1, millis: -5_000 })
]

describe("a plan", () => {
  it("with every fault there is, is valid", () => {
    const plan = planOf(...everyFault)
    assert.deepStrictEqual(validate(plan), Result.succeed(plan))
    const names = new Set(everyFault.map((fault) => fault._tag))
    assert.strictEqual(names.size, 19)
  })

  it("survives JSON", () => {
    const plan = planOf(...everyFault)
    assert.deepStrictEqual(JSON.parse(JSON.stringify(plan)), plan)
  })

  it("names the nodes of a fault once each", () => {
    assert.deepStrictEqual(nodesOf(Fault.Partition({ groups: [[3, 1], [2]], mode: "silent" })), [3, 1, 2])
    assert.deepStrictEqual(
      nodesOf(
        Fault.HalfOpen({
          pairs: [
            [2, 1],
            [1, 0]
          ]
        })
      ),
      [2, 1, 0]
    )
    assert.deepStrictEqual(nodesOf(Fault.Heal()), [])
  })
})

describe("a plan that contradicts itself is told the first defect", () => {
  const cases: ReadonlyArray<readonly [string, PlanDefect, number, FaultPlan]> = [
    ["a node that does not exist", "node", 0, planOf(Fault.Crash({ nodes: [4] }))],
    ["a fraction of a node", "node", 0, planOf(Fault.SlowReader({ node: 0.5, bytesPerSecond: 1 }))],
    ["a node twice", "node", 0, planOf(Fault.Freeze({ nodes: [1, 1] }))],
    ["overlapping groups", "group", 1, planOf(Fault.Heal(), Fault.Partition({ groups: [[1], [1]], mode: "reset" }))],
    ["one group", "group", 0, planOf(Fault.Partition({ groups: [[1]], mode: "reset" }))],
    ["an empty group", "group", 0, planOf(Fault.OneWay({ from: [], to: [1] }))],
    ["a pair with itself", "pair", 0, planOf(Fault.HalfOpen({ pairs: [[1, 1]] }))],
    ["a probability above 1", "probability", 0, planOf(Fault.Duplicate({ probability: 1.1 }))],
    ["a share that is no number", "probability", 0, planOf(Fault.BreakLinks({ links: { _tag: "Share", share: NaN } }))],
    ["no rate", "rate", 0, planOf(Fault.SlowReader({ node: 0, bytesPerSecond: 0 }))],
    ["half a millisecond of jump", "jump", 0, planOf(Fault.ClockJump({ node: 0, millis: 0.5 }))],
    ["a crash of the dead", "lifecycle", 1, planOf(Fault.Crash({ nodes: [1] }), Fault.Leave({ nodes: [1] }))],
    ["a restart of the living", "lifecycle", 0, planOf(Fault.Restart({ nodes: [1] }))],
    [
      "a jump of a dead clock",
      "lifecycle",
      1,
      planOf(Fault.Crash({ nodes: [1] }), Fault.ClockJump({ node: 1, millis: 1 }))
    ]
  ]
  it.each(cases)("%s", (_, defect, action, plan) => {
    const result = validate(plan)
    assert(Result.isFailure(result))
    assert.deepInclude(result.failure, { _tag: "InvalidPlan", defect, action })
    assert.match(result.failure.message, /^fault plan, action \d+: /)
  })

  it("and so is a fault by itself, whatever has been before it", () => {
    for (const fault of everyFault) assert.strictEqual(Result.getOrThrow(validateFault(fault, 4)), fault)
    const result = validateFault(Fault.Duplicate({ probability: 1.1 }), 4)
    assert(Result.isFailure(result))
    assert.deepInclude(result.failure, { _tag: "InvalidPlan", defect: "probability", action: undefined })
    assert.strictEqual(result.failure.message, "fault plan: Duplicate: 1.1 is not between 0 and 1")
  })

  it("instants that run backwards", () => {
    const at = (atMillis: number): Action => ({ atMillis, fault: Fault.Heal() })
    for (const actions of [[at(-1)], [at(1.5)], [at(2), at(1)]]) {
      const result = validate({ nodes: 1, actions })
      assert(Result.isFailure(result))
      assert.strictEqual(result.failure.defect, "time")
    }
  })

  const ofFile: ReadonlyArray<readonly [fault: string, detail: RegExp]> = [
    [`{ "_tag": "Crashh", "nodes": [0] }`, /^fault plan, action 0: no fault: the _tag of one is Crash, Restart, /],
    [`null`, /^fault plan, action 0: no fault/],
    [`{ "_tag": "Crash", "node": 0 }`, /nodes is not a list of nodes/],
    [`{ "_tag": "Freeze", "nodes": ["0"] }`, /nodes is not a list of nodes/],
    [`{ "_tag": "Partition", "groups": [[0], 1], "mode": "reset" }`, /groups is not a list of lists/],
    [`{ "_tag": "Partition", "groups": [[0], [1]], "mode": "resett" }`, /mode is not "silent" or "reset"/],
    [`{ "_tag": "OneWay", "from": [0] }`, /from or to is not a list/],
    [`{ "_tag": "BreakLinks" }`, /links is not an object/],
    [`{ "_tag": "BreakLinks", "links": { "_tag": "All" } }`, /links is neither Pairs nor Share/],
    [`{ "_tag": "BreakLinks", "links": { "_tag": "Pairs", "pairs": [[0]] } }`, /pairs is not a list of two/],
    [`{ "_tag": "HalfOpen", "pairs": [[0, 1, 2]] }`, /pairs is not a list of two/],
    [`{ "_tag": "SilentLoss", "probability": "1" }`, /1 is not between 0 and 1/],
    [`{ "_tag": "BreakLinks", "links": { "_tag": "Share", "share": true } }`, /true is not between 0 and 1/]
  ]
  it.each(ofFile)("what was read from a file and is no fault: %s", (fault, detail) => {
    const result = validate(JSON.parse(`{ "nodes": 4, "actions": [{ "atMillis": 0, "fault": ${fault} }] }`))
    assert(Result.isFailure(result))
    assert.match(result.failure.message, detail)
  })

  it.each(["null", "{}", `{ "nodes": 4 }`, `{ "nodes": 4, "actions": {} }`, `{ "nodes": 4, "actions": [null] }`])(
    "what was read from a file and is no plan: %s",
    (plan) => {
      const result = validate(JSON.parse(plan))
      assert(Result.isFailure(result))
      assert.strictEqual(result.failure.defect, "form")
    }
  )

  it("no nodes", () => {
    const result = validate({ nodes: 0, actions: [] })
    assert(Result.isFailure(result))
    assert.strictEqual(result.failure.message, "fault plan: a plan is about at least one node")
  })
})

/** What is still wrong after the last action. */
const leftOver = (plan: FaultPlan): ReadonlyArray<string> => {
  const on = new Set<string>()
  const each = (nodes: ReadonlyArray<number>, what: string, begins: boolean) =>
    nodes.forEach((node) => (begins ? on.add(`${what} ${node}`) : on.delete(`${what} ${node}`)))
  for (const { fault } of plan.actions) {
    switch (fault._tag) {
      case "Crash":
      case "Leave":
      case "Restart":
        each(fault.nodes, "down", fault._tag !== "Restart")
        break
      case "Freeze":
      case "Unfreeze":
        each(fault.nodes, "frozen", fault._tag === "Freeze")
        break
      case "RefuseDials":
      case "HangDials":
      case "AcceptDials":
        each(fault.nodes, "deaf", fault._tag !== "AcceptDials")
        break
      case "SlowReader":
        each([fault.node], "slow", true)
        break
      case "NormalReader":
        each(fault.nodes, "slow", false)
        break
      case "Partition":
      case "OneWay":
        on.add("parted")
        break
      case "Heal":
        on.delete("parted")
        break
      case "SendFailure":
      case "Duplicate":
      case "SilentLoss":
        if (fault.probability > 0) on.add(fault._tag)
        else on.delete(fault._tag)
        break
      default:
    }
  }
  return [...on]
}

describe("a plan drawn from a seed", () => {
  const limits = { nodes: 20, durationMillis: 60_000, faults: 30, kinds: chaosKinds }

  it("is valid, ends within the phase, and leaves nothing on", () => {
    for (let seed = 0; seed < 300; seed++) {
      const plan = draw(seeded(seed), { ...limits, nodes: 2 + (seed % 40) })
      assert.deepStrictEqual(validate(plan), Result.succeed(plan))
      assert.isAtMost(plan.actions.at(-1)?.atMillis ?? 0, 60_000)
      assert.deepStrictEqual(leftOver(plan), [], `seed ${seed}`)
    }
  })

  it("is the same for the same seed, and another for another", () => {
    assert.deepStrictEqual(draw(seeded(1), limits), draw(seeded(1), limits))
    assert.notDeepEqual(draw(seeded(1), limits), draw(seeded(2), limits))
  })

  it("draws every kind, and by default none that breaks a link's promises", () => {
    const namesOf = (kinds: typeof chaosKinds) =>
      new Set(
        Array.from({ length: 50 }).flatMap((_, seed) =>
          draw(seeded(seed), { ...limits, kinds }).actions.map(({ fault }) => fault._tag)
        )
      )
    for (const kind of chaosKinds) assert.isTrue(namesOf(chaosKinds).has(kind), kind)
    assert.isFalse(namesOf(linkKeepingKinds).has("Duplicate"))
    assert.isFalse(namesOf(linkKeepingKinds).has("SilentLoss"))
  })

  it("never takes down more than its share, nor everybody", () => {
    for (let seed = 0; seed < 200; seed++) {
      const plan = draw(seeded(seed), {
        ...limits,
        nodes: 5,
        faults: 60,
        kinds: ["Crash", "Leave"],
        maximumDownShare: 1
      })
      let down = 0
      for (const { fault } of plan.actions) {
        if (fault._tag === "Restart") down -= fault.nodes.length
        else down += nodesOf(fault).length
        assert.isBelow(down, 5)
      }
    }
  })

  it("without faults is empty", () => {
    assert.deepStrictEqual(draw(seeded(3), { ...limits, faults: 0 }), { nodes: 20, actions: [] })
  })
})
