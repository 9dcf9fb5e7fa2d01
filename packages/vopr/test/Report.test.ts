import { draw } from "@hyparview/faults/ScenarioDraw"
import { missing, total } from "@hyparview/vopr/Marks"
import type { Outcome } from "@hyparview/vopr/Outcome"
import { completeRuns, failure, summary } from "@hyparview/vopr/Report"
import { InvalidScenario, parse, print } from "@hyparview/vopr/ScenarioFile"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"

const outcome = (marks: Outcome["marks"]): Outcome => ({
  target: "core",
  scenario: draw(7),
  violations: [{ rule: "symmetry", atMillis: 5, detail: "held by one end only: 1 → 2" }],
  marks,
  wholeAfterMillis: 1_000,
  boundMillis: 100_000,
  rateShare: 0.5,
  events: 3,
  tail: ["5 ms  1 ← TimerFired"],
  traceHash: ""
})

describe("marks", () => {
  it("that no run has met are missing, and due from a set of a certain size on", () => {
    const few = [outcome({ Crash: 1 }), outcome({ Crash: 2, Heal: 1 })]
    assert.deepStrictEqual(total("core", few), { Crash: 3, Heal: 1 })
    assert.include(missing("core", total("core", few)), "Freeze")
    assert.notInclude(missing("core", total("core", few)), "Crash")
    assert.deepStrictEqual(summary("core", few).missing, [])
    const many = Array.from({ length: completeRuns }, () => outcome({ Crash: 1 }))
    assert.include(summary("core", many).missing, "Freeze")
    assert.include(summary("core", many).text, "NOT MET")
  })
})

describe("a failure", () => {
  it("names the rule, the seed, the commit, the command that runs it again, and the last transitions", () => {
    const text = failure(outcome({}), { commit: "abc", replay: "npm run vopr -- --seed 7", shrunk: undefined })
    for (const part of ["seed 7", "abc", "symmetry, at 5 ms", "npm run vopr -- --seed 7", "← TimerFired"]) {
      assert.include(text, part)
    }
  })
})

describe("a scenario's file", () => {
  it("is read as it was written", () => {
    assert.deepStrictEqual(Result.getOrThrow(parse(print(draw(7)))), JSON.parse(JSON.stringify(draw(7))))
  })

  it("says what is wrong with it", () => {
    const scenario = draw(7)
    const wrong: ReadonlyArray<readonly [string, string]> = [
      ["{", "JSON"],
      ["{}", "it needs the fields"],
      [print({ ...scenario, plan: { ...scenario.plan, nodes: 0 } }), "a plan is about at least one node"],
      [print({ ...scenario, membership: { ...scenario.membership, activeSize: 99 } }), "activeSize is 99"],
      [print(scenario).replace(`"strategy": "${scenario.strategy}"`, `"strategy": "forest"`), "strategy"],
      [print({ ...scenario, latency: { _tag: "Constant", micros: -1 } }), "latency model Constant"]
    ]
    for (const [text, detail] of wrong) {
      const error = Result.getOrThrow(Result.flip(parse(text)))
      assert.instanceOf(error, InvalidScenario)
      assert.include(error.message, detail)
    }
  })
})
