import * as NodeTerminal from "@effect/platform-node/NodeTerminal"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"
import { TestClock } from "effect/testing"
import { duration, line, makeDisplay, rounded } from "../src/simulate/progress.ts"
import { plan, tooLarge } from "../src/simulate/threads.ts"

const gibibyte = 2 ** 30

describe("threads", () => {
  const machine = { cores: 2, memoryBytes: 24 * gibibyte }

  it("are as many as there are runs, and at most one for each core", () => {
    assert.strictEqual(plan(10_000, 1, machine).threads, 1)
    assert.strictEqual(plan(10_000, 2, machine).threads, 2)
    assert.strictEqual(plan(10_000, 9, machine).threads, 2)
    assert.strictEqual(plan(10_000, 9, { ...machine, cores: 8 }).threads, 8)
  })

  it("are fewer where memory has no room for them, and never none", () => {
    assert.strictEqual(plan(1_000_000, 2, machine).threads, 1)
    assert.strictEqual(plan(1_000_000, 2, { cores: 2, memoryBytes: gibibyte }).threads, 1)
  })

  it("are not begun for a world that no memory holds", () => {
    assert.isUndefined(tooLarge(1_000_000, machine.memoryBytes))
    assert.strictEqual(
      tooLarge(2 ** 24, machine.memoryBytes),
      "--nodes 16777216: they take 50 GB at least, and this machine has 26 GB"
    )
  })

  it("share the memory that there is", () => {
    const one = plan(10_000, 1, machine).limits.maxOldGenerationSizeMb
    const two = plan(10_000, 2, machine).limits.maxOldGenerationSizeMb
    assert.isAbove(one, 20_000)
    assert.isAtMost(two * 2, one)
  })

  it("have a young generation in proportion on a small machine", () => {
    const small = plan(10_000, 1, { cores: 1, memoryBytes: gibibyte }).limits
    assert.isBelow(small.maxYoungGenerationSizeMb, small.maxOldGenerationSizeMb / 7)
    assert.isAbove(small.maxYoungGenerationSizeMb, 100)
  })
})

describe("progress", () => {
  const run = { phase: "cycles", share: 0.25, events: 1_500_000, more: true }

  it("shows the share, the rate and the time left", () => {
    assert.strictEqual(line([run], 30, 8), "██░░░░░░   25 %  cycles  1.50 M events  50 k/s  1:30 left")
  })

  it("keeps share, rate and time left where there is little room", () => {
    assert.strictEqual(line([run], 30, 0, 39), " 25 %  cycles  50 k/s  1:30 left")
    const long = { ...run, phase: "first messages after each of the kills" }
    assert.strictEqual(line([long], 30, 0, 39), " 25 %  50 k/s  1:30 left")
    assert.strictEqual(line([run], 30, 0, 47), " 25 %  cycles  1.50 M events  50 k/s  1:30 left")
  })

  it("adds up runs side by side, those to come included", () => {
    const done = { ...run, share: 1, more: false }
    assert.strictEqual(
      line([done, run, undefined, undefined], 30, 0),
      " 31 %  1 of 4 runs  3.00 M events  100 k/s  1:06 left"
    )
  })

  it.effect("tells of the time that has passed, whatever the wall clock is set to meanwhile", () =>
    Effect.gen(function* () {
      const shown: Array<string> = []
      const console = { ...globalThis.console, error: (text: string) => void shown.push(text) }
      yield* Effect.gen(function* () {
        const display = yield* makeDisplay
        yield* TestClock.adjust("30 seconds")
        const clock = yield* Clock.Clock
        const set = Object.create(clock, { currentTimeMillis: { value: Effect.succeed(-3_600_000) } })
        yield* Effect.provideService(display.show([run]), Clock.Clock, set)
      }).pipe(
        Effect.provideService(Console.Console, console),
        Effect.provideService(TerminalCapabilities, { canColor: false, canAnimate: false, canPrompt: false })
      )
      assert.deepStrictEqual(shown, ["25 %  cycles  1.50 M events  50 k/s  1:30 left"])
    }).pipe(Effect.provide(NodeTerminal.layer))
  )

  it("writes durations and large numbers as people do", () => {
    assert.deepStrictEqual([7.4, 185, 3_723].map(duration), ["7 s", "3:05", "1:02:03"])
    assert.deepStrictEqual([812, 5_400, 54_321, 8_660_000].map(rounded), ["812", "5.4 k", "54 k", "8.66 M"])
  })
})
