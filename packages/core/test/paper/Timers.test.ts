import { assert, describe, it } from "@effect/vitest"
import type * as HyParView from "@hyparview/core/HyParView"
import { idleNode, join, node } from "./node.ts"

const kinds: ReadonlyArray<HyParView.Timer> = ["Cycle", "Heartbeat", "Request", "Repair", "Discovery"]

describe("rule 11: timers", () => {
  it("11a. are values with a nonce, in one slot for each kind: setting one replaces what the slot held", () => {
    const p = node(1, { active: [2, 3] })
    const nonces = Array.from({ length: 5 }, () => {
      const [timer] = p.fires("Heartbeat").gives("SetTimer")
      assert.deepStrictEqual([timer?.kind, timer?.at], ["Heartbeat", p.now + 10_000])
      return timer?.nonce ?? 0
    })
    assert.strictEqual(new Set(nonces).size, 5)
    assert.deepStrictEqual(p.state.timers.Heartbeat.nonce, nonces.at(-1))
  })

  it("11a. requests share a slot: it is armed for the earliest deadline", () => {
    const p = node(1, { active: [2], passive: [5] }).fires("Cycle")
    const first = p.now + 3_000
    assert.strictEqual(p.state.timers.Request.at, first)
    p.waits(1_000).loses(2).isTold(107)
    assert.strictEqual(p.state.timers.Request.at, first)
    p.fires("Request")
    assert.strictEqual(p.state.timers.Request.at, first + 1_000)
  })

  it("11b. one that was replaced, and fires all the same, is ignored", () => {
    for (const kind of kinds) {
      const p = idleNode(1).joins()
      p.state = { ...p.state, timers: { ...p.state.timers, [kind]: { nonce: 70, at: 5 } } }
      const before = p.state
      p.step({ _tag: "TimerFired", now: 10, kind, nonce: 69 })
      assert.deepStrictEqual([p.state, p.outputs], [before, []], kind)
    }
  })

  it("11b. one that was cleared, and fires all the same, is ignored", () => {
    const p = node(1, { active: [2, 3] }).loses(3)
    const { nonce } = p.state.timers.Discovery
    p.hears(9, join(1)).hears(8, join(1))
    assert.strictEqual(p.state.timers.Discovery.nonce, 0)
    const before = p.state
    p.step({ _tag: "TimerFired", now: 90_000, kind: "Discovery", nonce })
    assert.deepStrictEqual([p.state, p.outputs], [before, []])
  })

  it("11b. one that fires twice counts once", () => {
    const p = node(1, { active: [2, 3] })
    const { at, nonce } = p.state.timers.Cycle
    p.step({ _tag: "TimerFired", now: at, kind: "Cycle", nonce })
    assert.strictEqual(p.state.cycle, 1)
    p.step({ _tag: "TimerFired", now: at, kind: "Cycle", nonce })
    assert.strictEqual(p.state.cycle, 1)
  })

  it("11b. none of a node that has left fires", () => {
    const p = node(1, { active: [2, 3] })
    const before = p.state.timers
    p.leaves()
    for (const kind of kinds) {
      p.step({ _tag: "TimerFired", now: 99_999, kind, nonce: before[kind].nonce })
      assert.deepStrictEqual(p.outputs, [], kind)
    }
  })
})
