/** The node's timers, under a clock that calls back without a fiber. */
import { assert, describe, it } from "@effect/vitest"
import { VirtualClock } from "@hyparview/testing"
import { Clock, Effect } from "effect"
import * as Alarm from "../src/Alarm.ts"
import { makeSteadyTime } from "../src/internal/steadyTime.ts"
import { makeTimers } from "../src/internal/timers.ts"

/** Timers, and what was due when. */
const setUp = Effect.gen(function* () {
  const clock = yield* Clock.Clock
  const happened: Array<string> = []
  const timers = makeTimers<"a" | "b">(Alarm.callAfter(clock, Effect.runFork), makeSteadyTime(clock), (kind, nonce) =>
    happened.push(`${clock.currentTimeMillisUnsafe()} ${kind}${nonce}`)
  )
  return { happened, timers }
})

/** Timers of a process that is called back only when `callBack` says so, however much time has passed. */
const makeStoppable = () => {
  let millis = 0
  let sleeps: Array<readonly [at: number, callback: () => void]> = []
  const happened: Array<string> = []
  const timers = makeTimers<"a" | "b">(
    (wait, callback) => {
      const sleep = [millis + wait, callback] as const
      sleeps.push(sleep)
      return () => {
        sleeps = sleeps.filter((other) => other !== sleep)
      }
    },
    { exact: () => millis, whole: () => millis },
    (kind, nonce) => happened.push(`${millis} ${kind}${nonce}`)
  )
  return {
    happened,
    timers,
    pass: (by: number) => {
      millis += by
    },
    callBack: () => {
      const over = sleeps.filter(([at]) => at <= millis)
      sleeps = sleeps.filter(([at]) => at > millis)
      for (const [, callback] of over) callback()
    }
  }
}

const sleepers = VirtualClock.virtualClockWith((clock) => clock.sleepers)

describe("timers", () => {
  it.effect("are due when they were last set for, unless they were cleared", () =>
    Effect.gen(function* () {
      const { happened, timers } = yield* setUp
      timers.set("a", 1, 10)
      timers.set("a", 2, 30)
      timers.set("b", 1, 20)
      yield* VirtualClock.adjust(15)
      timers.set("b", 2, 16)
      yield* VirtualClock.adjust(3)
      timers.set("b", 3, 20)
      timers.clear("b")
      yield* VirtualClock.adjust(100)
      assert.deepStrictEqual(happened, ["16 b2", "30 a2"])
      assert.strictEqual(yield* sleepers, 0)
    }).pipe(Effect.provide(VirtualClock.layer()))
  )

  it.effect("are due no sooner than they were set for, to a whole millisecond", () =>
    Effect.gen(function* () {
      const { happened, timers } = yield* setUp
      timers.set("a", 1, 10.5)
      yield* VirtualClock.adjust(20)
      assert.deepStrictEqual(happened, ["11 a1"])
    }).pipe(Effect.provide(VirtualClock.layer()))
  )

  it.effect("leave nobody asleep once they have stopped, also if they are set after that", () =>
    Effect.gen(function* () {
      const { happened, timers } = yield* setUp
      timers.set("a", 1, 10)
      timers.set("b", 1, 5)
      timers.stop()
      timers.set("a", 2, 3)
      assert.strictEqual(yield* sleepers, 0)
      yield* VirtualClock.adjust(20)
      assert.deepStrictEqual(happened, [])
    }).pipe(Effect.provide(VirtualClock.layer()))
  )

  it("that were slept through are due after what waits at the links has had time to be heard", () => {
    const { callBack, happened, pass, timers } = makeStoppable()
    timers.set("a", 1, 5_000)
    timers.set("b", 1, 2_000)
    // Stopped for a minute.
    pass(60_000)
    callBack()
    assert.deepStrictEqual(happened, [])
    timers.set("b", 2, 60_100)
    pass(249)
    callBack()
    assert.deepStrictEqual(happened, [])
    pass(1)
    callBack()
    assert.deepStrictEqual(happened, ["60250 a1", "60250 b2"])
    timers.set("a", 2, 61_000)
    pass(750)
    callBack()
    assert.deepStrictEqual(happened.slice(2), ["61000 a2"])
  })

  it("are due all the same where every sleep ends late", () => {
    const { callBack, happened, pass, timers } = makeStoppable()
    timers.set("a", 1, 1_000)
    for (let round = 0; round < 2; round++) {
      pass(3_000)
      callBack()
    }
    assert.deepStrictEqual(happened, ["6000 a1"])
  })
})
