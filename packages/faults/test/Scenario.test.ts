import { validate } from "@hyparview/faults/FaultPlan"
import { Fault } from "@hyparview/faults/FaultPlan"
import { agenda, calmBound, type Scenario, survivors } from "@hyparview/faults/Scenario"
import { draw } from "@hyparview/faults/ScenarioDraw"
import { mended, shrink } from "@hyparview/faults/ScenarioShrink"
import { validate as validateConfig } from "@hyparview/core/HyParView"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"

const seeds = Array.from({ length: 300 }, (_, seed) => seed)

const assertSound = (scenario: Scenario, what: string): void => {
  assert.isTrue(Result.isSuccess(validate(scenario.plan)), what)
  assert.isTrue(Result.isSuccess(validateConfig(scenario.membership)), what)
  assert.strictEqual(scenario.plan.nodes, scenario.nodes, what)
  for (const { atMillis } of agenda(scenario)) assert.isAtMost(atMillis, scenario.chaosMillis, what)
  const standing = survivors(scenario)
  assert.isAbove(standing.length, 0, what)
  assert.isTrue(
    scenario.discoverable.some((node) => standing.includes(node)),
    `${what}: nobody is left to be found`
  )
  // Every fault is undone.
  const on = new Set<string>()
  for (const { fault } of scenario.plan.actions) {
    switch (fault._tag) {
      case "Partition":
      case "OneWay":
        on.add("parted")
        break
      case "Heal":
        on.delete("parted")
        break
      case "Freeze":
        for (const node of fault.nodes) on.add(`frozen ${node}`)
        break
      case "Unfreeze":
        for (const node of fault.nodes) on.delete(`frozen ${node}`)
        break
      case "SilentLoss":
      case "Duplicate":
      case "SendFailure":
        if (fault.probability > 0) on.add(fault._tag)
        else on.delete(fault._tag)
        break
      default:
    }
  }
  assert.deepStrictEqual([...on], [], what)
}

describe("a scenario", () => {
  it("is a function of its seed, sound, and ends with every fault undone", () => {
    for (const seed of seeds) {
      assert.deepStrictEqual(draw(seed), draw(seed))
      assertSound(draw(seed), `seed ${seed}`)
    }
  })

  it("is small, middling or large, never beyond its limit, and differs from seed to seed", () => {
    const sizes = seeds.map((seed) => draw(seed, { maximumNodes: 100 }).nodes)
    assert.isAtMost(Math.max(...sizes), 100)
    assert.isAtLeast(Math.min(...sizes), 2)
    assert.isAbove(sizes.filter((size) => size <= 10).length, 50)
    assert.isAbove(sizes.filter((size) => size > 40).length, 20)
  })

  it("starts nobody whom its plan has stopped before", () => {
    const scenario = {
      ...draw(1),
      nodes: 2,
      starts: [{ atMillis: 500, node: 1, contacts: [] }],
      publications: [],
      plan: {
        nodes: 2,
        actions: [
          { atMillis: 100, fault: Fault.Crash({ nodes: [1] }) },
          { atMillis: 900, fault: Fault.Restart({ nodes: [1] }) }
        ]
      }
    }
    assert.deepStrictEqual(
      agenda(scenario).map(({ happening }) => happening._tag),
      ["Fails", "Fails"]
    )
  })

  it("has a calm bound that grows with each of its timers", () => {
    const scenario = draw(3)
    const { total } = calmBound(scenario)
    for (const field of ["heartbeatMillis", "probeMillis", "contactProbeMillis", "requestTimeoutMillis"] as const) {
      const slower = { ...scenario, membership: { ...scenario.membership, [field]: scenario.membership[field] * 2 } }
      assert.isAbove(calmBound(slower).total, total, field)
    }
  })
})

describe("shrinking", () => {
  it("finds the few things that a failure needs, through sound scenarios alone", () => {
    for (const seed of [5, 8, 13, 21, 34]) {
      const scenario = draw(seed)
      const needed = scenario.plan.actions[0]?.fault._tag
      if (needed === undefined) continue
      // Fails wherever that kind of fault happens among three nodes at least.
      const fails = ({ nodes, plan }: Scenario) => nodes >= 3 && plan.actions.some(({ fault }) => fault._tag === needed)
      if (!fails(scenario)) continue
      const shrinking = shrink(scenario, 400)
      let next = shrinking.next(false)
      while (next.done !== true) {
        assertSound(next.value, `seed ${seed}`)
        next = shrinking.next(fails(next.value))
      }
      assert.isTrue(fails(next.value))
      assert.isAtMost(next.value.nodes, 6, `seed ${seed}`)
      assert.isAtMost(next.value.plan.actions.length, 4, `seed ${seed}`)
      assert.strictEqual(next.value.publications.length, 0)
    }
  })

  it("keeps to its budget", () => {
    const shrinking = shrink(draw(5), 7)
    let tried = 0
    for (let next = shrinking.next(false); next.done !== true; next = shrinking.next(true)) tried++
    assert.strictEqual(tried, 7)
  })

  it("mends a plan of which parts were taken out: nothing senseless stays in, nothing stays on", () => {
    const plan = mended(
      3,
      [
        { atMillis: 1, fault: Fault.Restart({ nodes: [0] }) },
        { atMillis: 2, fault: Fault.Freeze({ nodes: [1] }) },
        { atMillis: 3, fault: Fault.Crash({ nodes: [2] }) },
        { atMillis: 4, fault: Fault.ClockJump({ node: 2, millis: 5 }) },
        { atMillis: 5, fault: Fault.SilentLoss({ probability: 0.5 }) }
      ],
      9,
      () => false
    )
    assert.deepStrictEqual(
      plan.actions.map(({ atMillis, fault }) => [atMillis, fault._tag]),
      [
        [2, "Freeze"],
        [3, "Crash"],
        [5, "SilentLoss"],
        [9, "Unfreeze"],
        [9, "SilentLoss"],
        [9, "Restart"]
      ]
    )
  })
})
