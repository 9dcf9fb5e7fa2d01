/** Being called back by a clock: the same by a fiber that sleeps, and by a clock that can do without. */
import { assert, describe, it } from "@effect/vitest"
import { TestCluster, VirtualClock } from "@hyparview/testing"
import { Clock, Duration, Effect } from "effect"
import { TestClock } from "effect/testing"
import * as Alarm from "../src/Alarm.ts"

/** What happens, and when. */
const program = (adjust: (duration: Duration.Input) => Effect.Effect<void, unknown>) =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const callAfter = Alarm.callAfter(clock, Effect.runForkWith(yield* Effect.context<never>()))
    const happened: Array<string> = []
    const note = (what: string) => () => happened.push(`${clock.currentTimeMillisUnsafe()} ${what}`)
    callAfter(20, note("b"))
    callAfter(10, note("a"))
    yield* Effect.forkChild(Effect.andThen(Effect.sleep(20), Effect.sync(note("a fiber"))), { startImmediately: true })
    const callOff = callAfter(20, note("never"))
    callAfter(20, () => {
      note("c")()
      callAfter(5, note("d"))
      const callOffItself = callAfter(7, note("never"))
      callOffItself()
      callOffItself()
    })
    const callOffLate = callAfter(1, note("first"))
    yield* adjust(2)
    callOff()
    // What has been called is called off in vain, and so is nothing that came after.
    callAfter(20, note("e"))
    callOffLate()
    yield* adjust(100)
    return happened
  })

const expected = ["1 first", "10 a", "20 b", "20 a fiber", "20 c", "22 e", "25 d"]

describe("callAfter", () => {
  it.effect("sleeps in a fiber under a clock that can do no else", () =>
    Effect.gen(function* () {
      assert.isFalse(Alarm.isCallingClock(yield* Clock.Clock))
      assert.deepStrictEqual(yield* program(TestClock.adjust), expected)
    })
  )

  it.effect("calls back without one under the virtual clock, in the same order", () =>
    Effect.gen(function* () {
      assert.isTrue(Alarm.isCallingClock(yield* Clock.Clock))
      const happened = yield* program(VirtualClock.adjust)
      assert.deepStrictEqual(happened, expected)
      assert.strictEqual(yield* VirtualClock.virtualClockWith(({ sleepers }) => sleepers), 0)
    }).pipe(Effect.provide(VirtualClock.layer()))
  )

  it.effect("leaves nobody asleep for a cluster that is no more", () =>
    Effect.gen(function* () {
      const sleepers = VirtualClock.virtualClockWith(({ sleepers }) => sleepers)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const cluster = yield* TestCluster.make({ nodes: 5, seed: 1 })
          yield* cluster.joinAll()
          yield* cluster.pass(60_000)
          assert.isAbove(yield* sleepers, 5)
        })
      )
      assert.strictEqual(yield* sleepers, 0)
    }).pipe(Effect.provide(VirtualClock.layer()))
  )

  it.effect("calls back from within the call when there is no time to wait", () =>
    Effect.gen(function* () {
      const callAfter = Alarm.callAfter(yield* Clock.Clock, Effect.runFork)
      let called = 0
      const callOff = callAfter(0, () => called++)
      assert.strictEqual(called, 1)
      callOff()
    }).pipe(Effect.provide(VirtualClock.layer()))
  )

  /** Asks for itself after 0 so often: how often it has been called when time has passed, and what came in which order. */
  const chain = (times: number, adjust: (duration: Duration.Input) => Effect.Effect<void, unknown>) =>
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const callAfter = Alarm.callAfter(clock, Effect.runForkWith(yield* Effect.context<never>()))
      const happened: Array<string> = []
      let called = 0
      const call = (): void => {
        if (++called < times) callAfter(0, call)
        else happened.push(`${clock.currentTimeMillisUnsafe()} the last`)
      }
      callAfter(5, call)
      callAfter(5, () => happened.push(`${clock.currentTimeMillisUnsafe()} another`))
      callAfter(6, () => happened.push(`${clock.currentTimeMillisUnsafe()} a later one`))
      yield* adjust(10)
      return { called, happened }
    })

  it.effect("calls a callback that asks for itself a hundred thousand times, on a stack that does not grow", () =>
    Effect.gen(function* () {
      const expected = { called: 100_000, happened: ["5 the last", "5 another", "6 a later one"] }
      assert.deepStrictEqual(yield* Effect.provide(chain(100_000, VirtualClock.adjust), VirtualClock.layer()), expected)
      const { called } = yield* chain(100_000, TestClock.adjust)
      assert.strictEqual(called, 100_000)
    })
  )

  it.effect("gives up an instant in which a callback asks for itself without end, and can call that off", () =>
    Effect.gen(function* () {
      const callAfter = Alarm.callAfter(yield* Clock.Clock, Effect.runFork)
      let called = 0
      const callOffs: Array<() => void> = []
      const call = (): void => {
        called++
        callOffs.push(callAfter(0, call))
      }
      callAfter(5, call)
      const error = yield* Effect.flip(VirtualClock.adjust(10))
      assert.strictEqual(error._tag, "EndlessInstant")
      assert.include(error.message, "a callback has itself called back at once")
      for (const callOff of callOffs) callOff()
      const before = called
      yield* VirtualClock.adjust(10)
      assert.strictEqual(called, before)
    }).pipe(Effect.provide(VirtualClock.layer({ turnsPerInstant: 1_000 })))
  )

  it.effect(
    "wakes in the order in which they were asked for those whose instants differ by what no duration holds",
    () =>
      Effect.gen(function* () {
        const callAfter = Alarm.callAfter(yield* Clock.Clock, Effect.runFork)
        const happened: Array<string> = []
        // What is left of the sum of such numbers, not a time.
        const millis = 5.000_000_000_000_002
        callAfter(millis, () => happened.push("a callback"))
        yield* Effect.forkChild(
          Effect.andThen(
            Effect.sleep(Duration.millis(millis)),
            Effect.sync(() => happened.push("a fiber"))
          ),
          { startImmediately: true }
        )
        callAfter(5, () => happened.push("another callback"))
        yield* VirtualClock.adjust(10)
        assert.deepStrictEqual(happened, ["a callback", "a fiber", "another callback"])
      }).pipe(Effect.provide(VirtualClock.layer()))
  )

  it.effect("calls off the one whose turn it is when an instant is given up, and no other", () =>
    Effect.gen(function* () {
      const callAfter = Alarm.callAfter(yield* Clock.Clock, Effect.runFork)
      let called = 0
      const callOffs = Array.from({ length: 1_500 }, () => callAfter(10, () => called++))
      const error = yield* Effect.flip(VirtualClock.adjust(10))
      assert.strictEqual(error._tag, "EndlessInstant")
      const before = called
      let calledLater = 0
      callAfter(5, () => calledLater++)
      for (const callOff of callOffs) callOff()
      yield* VirtualClock.adjust(10)
      assert.deepStrictEqual({ called, calledLater }, { called: before, calledLater: 1 })
    }).pipe(Effect.provide(VirtualClock.layer({ turnsPerInstant: 1_000 })))
  )

  it.effect("asks a clock that is an object of a class", () =>
    Effect.gen(function* () {
      const base = yield* Clock.Clock
      class Counting {
        calls = 0
        callAfter(millis: number, callback: () => void): () => void {
          this.calls++
          return Alarm.callAfter(base, Effect.runFork)(millis, callback)
        }
      }
      const clock = Object.assign(new Counting(), base, { callAfter: Counting.prototype.callAfter })
      let called = 0
      Alarm.callAfter(clock, Effect.runFork)(10, () => called++)
      yield* VirtualClock.adjust(10)
      assert.deepStrictEqual({ called, calls: clock.calls }, { called: 1, calls: 1 })
    }).pipe(Effect.provide(VirtualClock.layer()))
  )
})
