import { assert, describe, it } from "@effect/vitest"
import { Random } from "@hyparview/core"
import { VirtualClock } from "@hyparview/testing"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as Scheduler from "effect/Scheduler"
import * as Semaphore from "effect/Semaphore"
import { TestClock } from "effect/testing"

/** A test on the virtual clock, in a scope of its own. */
const test = <A, E>(name: string, effect: Effect.Effect<A, E>) =>
  it.effect(name, () => effect.pipe(Effect.provide(VirtualClock.layer())))

describe("time", () => {
  test(
    "begins at 0, moves by adjust and setTime, and all readings agree",
    Effect.gen(function* () {
      const readings = Effect.all([Clock.currentTimeMillis, Clock.currentTimeNanos, Clock.monotonicTimeNanos])
      assert.deepStrictEqual(yield* readings, [0, 0n, 0n])
      yield* VirtualClock.adjust("1 hour")
      assert.deepStrictEqual(yield* readings, [3_600_000, 3_600_000_000_000n, 3_600_000_000_000n])
      yield* VirtualClock.adjust("1500 nanos")
      assert.deepStrictEqual((yield* readings).slice(1), [3_600_000_001_500n, 3_600_000_001_500n])
      yield* VirtualClock.setTime(1_000)
      assert.deepStrictEqual(yield* readings, [1_000, 1_000_000_000n, 3_600_000_001_500n])
    })
  )

  test(
    "dies when it is to go to infinity",
    Effect.gen(function* () {
      assert.isTrue(Exit.hasDies(yield* Effect.exit(VirtualClock.adjust(Infinity))))
      assert.isTrue(Exit.hasDies(yield* Effect.exit(VirtualClock.setTime(Number.NaN))))
    })
  )

  it.effect("is refused to a program under another clock", () =>
    Effect.gen(function* () {
      assert.isTrue(Exit.hasDies(yield* Effect.exit(VirtualClock.adjust(1))))
    })
  )

  test(
    "has the live clock behind it, also inside a test on TestClock",
    Effect.gen(function* () {
      assert.isAbove(yield* VirtualClock.withLive(Clock.currentTimeMillis), 1_700_000_000_000)
    })
  )

  it.live("serves a program by itself", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(Effect.sleep("1 day"))
      yield* VirtualClock.adjust("1 day")
      assert.isDefined(fiber.pollUnsafe())
    }).pipe(Effect.provide(VirtualClock.layer()))
  )
})

describe("sleepers", () => {
  test(
    "wake in the order of their instants, and at their instants",
    Effect.gen(function* () {
      const log: Array<string> = []
      for (const millis of [50, 10, 30, 20, 40]) {
        yield* Effect.sleep(millis).pipe(
          Effect.andThen(Clock.currentTimeMillis),
          Effect.tap((now) => Effect.sync(() => log.push(`${millis} at ${now}`))),
          Effect.forkChild
        )
      }
      yield* VirtualClock.adjust(40)
      assert.deepStrictEqual(log, ["10 at 10", "20 at 20", "30 at 30", "40 at 40"])
      yield* VirtualClock.adjust(40)
      assert.deepStrictEqual(log.at(-1), "50 at 50")
    })
  )

  test(
    "of one instant wake in the order in which they fell asleep, each after all that the one before set off",
    Effect.gen(function* () {
      const log: Array<string> = []
      const say = (what: string) => Effect.sync(() => void log.push(what))
      const woken = (name: string) =>
        Effect.gen(function* () {
          yield* Effect.sleep(10)
          yield* say(`${name} wakes`)
          const child = yield* Effect.forkChild(Effect.andThen(Effect.yieldNow, say(`${name}'s child runs`)))
          yield* Fiber.join(child)
          yield* Effect.promise(async () => {
            for (let i = 0; i < 100; i++) await Promise.resolve(i)
          })
          yield* say(`${name} ends`)
        })
      for (const name of ["a", "b"]) yield* Effect.forkChild(woken(name))
      yield* VirtualClock.adjust(10)
      assert.deepStrictEqual(log, ["a wakes", "a's child runs", "a ends", "b wakes", "b's child runs", "b ends"])
    })
  )

  test(
    "sleep again and again within one adjust",
    Effect.gen(function* () {
      const at: Array<number> = []
      const beat = Effect.andThen(Clock.currentTimeMillis, (now) => Effect.sync(() => at.push(now)))
      yield* Effect.forkChild(beat.pipe(Effect.delay("15 minutes"), Effect.forever))
      yield* VirtualClock.adjust("1 hour")
      assert.deepStrictEqual(at, [900_000, 1_800_000, 2_700_000, 3_600_000])
    })
  )

  test(
    "that are interrupted are gone, and the others wake as they would have",
    Effect.gen(function* () {
      const clock = yield* VirtualClock.virtualClockWith(Effect.succeed)
      const log: Array<number> = []
      const fibers: Array<Fiber.Fiber<number>> = []
      for (let i = 0; i < 200; i++) {
        const at = 1 + ((i * 37) % 100)
        const woken = Effect.sync(() => log.push(at))
        fibers.push(yield* Effect.forkChild(Effect.andThen(Effect.sleep(at), woken), { startImmediately: true }))
      }
      assert.strictEqual(yield* clock.sleepers, 200)
      yield* Fiber.interruptAll(fibers.filter((_, i) => i % 3 !== 0))
      assert.strictEqual(yield* clock.sleepers, 67)
      yield* VirtualClock.adjust(100)
      assert.strictEqual(log.length, 67)
      assert.deepStrictEqual(
        log,
        log.toSorted((a, b) => a - b)
      )
      assert.strictEqual(yield* clock.sleepers, 0)
    })
  )

  test(
    "for no time, or less, do not sleep",
    Effect.gen(function* () {
      yield* Effect.sleep(0)
      yield* Effect.sleep(-5)
    })
  )

  test(
    "for ever never wake",
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(Effect.sleep(Duration.infinity))
      yield* VirtualClock.adjust("1000 days")
      assert.isUndefined(fiber.pollUnsafe())
    })
  )
})

describe("adjust", () => {
  test(
    "by several fibers is served one after another",
    Effect.gen(function* () {
      const log: Array<number> = []
      const move = Effect.andThen(VirtualClock.adjust(100), Clock.currentTimeMillis)
      const moved = Effect.tap(move, (now) => Effect.sync(() => log.push(now)))
      yield* Effect.all([moved, moved, moved], { concurrency: "unbounded" })
      assert.deepStrictEqual(log, [100, 200, 300])
    })
  )

  test(
    "can be interrupted by what it wakes, and time stays there",
    Effect.gen(function* () {
      assert.isTrue(Exit.isFailure(yield* Effect.exit(Effect.timeout(VirtualClock.adjust("1 hour"), "10 minutes"))))
      assert.strictEqual(yield* Clock.currentTimeMillis, 600_000)
      yield* VirtualClock.adjust("1 minute")
      assert.strictEqual(yield* Clock.currentTimeMillis, 660_000)
    })
  )

  it.effect("fails when an instant will not end, and says whose fault it is", () =>
    Effect.gen(function* () {
      const spin = Effect.gen(function* () {
        yield* Effect.sleep("1 second")
        return yield* Effect.forever(Effect.yieldNow).pipe(Effect.withSpan("reconcile"))
      })
      const fiber = yield* Effect.forkChild(spin)
      yield* Effect.forkChild(Effect.forever(Effect.sleep(1)))
      const error = yield* Effect.flip(VirtualClock.adjust("1 minute"))
      assert.strictEqual(error._tag, "EndlessInstant")
      assert.strictEqual(error.atMillis, 1_000)
      assert.deepStrictEqual(error.culprits, [{ fiber: fiber.id, span: "reconcile", share: 1 }])
      assert.include(error.message, "reconcile")
      assert.strictEqual(yield* Clock.currentTimeMillis, 1_000)
      yield* Fiber.interrupt(fiber)
      yield* VirtualClock.adjust("1 minute")
      assert.strictEqual(yield* Clock.currentTimeMillis, 61_000)
    }).pipe(Effect.provide(VirtualClock.layer({ turnsPerInstant: 2_000 })))
  )

  test(
    "survives a task that throws",
    Effect.gen(function* () {
      let ran = false
      const scheduler = yield* Scheduler.Scheduler
      const uncaught = new Promise((resolve) => {
        const listeners = process.listeners("uncaughtException")
        process.removeAllListeners("uncaughtException")
        process.once("uncaughtException", (error) => {
          for (const listener of listeners) process.on("uncaughtException", listener)
          resolve(error)
        })
      })
      scheduler.makeDispatcher().scheduleTask(() => {
        throw new Error("of a task")
      }, 0)
      yield* Effect.forkChild(
        Effect.sync(() => {
          ran = true
        })
      )
      yield* VirtualClock.adjust(1)
      assert.isTrue(ran)
      assert.include(String(yield* Effect.promise(() => uncaught)), "of a task")
    })
  )

  it.effect("is not missed while something runs, however long that takes", () =>
    Effect.gen(function* () {
      const said: Array<unknown> = []
      const logger = Logger.make(({ message }) => said.push(message))
      const program = Effect.gen(function* () {
        yield* Effect.forkChild(Effect.sleep(1), { startImmediately: true })
        const end = performance.now() + 50
        while (performance.now() < end) yield* Effect.yieldNow
        yield* VirtualClock.adjust(1)
      })
      yield* program.pipe(
        Effect.provide(Layer.provideMerge(VirtualClock.layer({ warningDelay: 1 }), Logger.layer([logger])))
      )
      assert.deepStrictEqual(said, [])
    })
  )

  it.effect("is missed: a program that sleeps and is never moved is warned of", () =>
    Effect.gen(function* () {
      const warned = yield* Deferred.make<string>()
      const logger = Logger.make(({ message }) => Deferred.doneUnsafe(warned, Effect.succeed(String(message))))
      const program = Effect.gen(function* () {
        yield* Effect.forkChild(Effect.sleep(1), { startImmediately: true })
        return yield* Deferred.await(warned)
      })
      const message = yield* program.pipe(
        Effect.provide(Layer.provideMerge(VirtualClock.layer({ warningDelay: 1 }), Logger.layer([logger])))
      )
      assert.include(message, "VirtualClock.adjust")
    })
  )
})

/** A program sees the clock only through this, and writes down what happens. */
interface World {
  readonly say: (what: string) => Effect.Effect<void>
  readonly adjust: (duration: Duration.Input) => Effect.Effect<void>
  readonly setTime: (timestamp: number) => Effect.Effect<void>
}

const programs: Readonly<Record<string, (world: World) => Effect.Effect<unknown, unknown>>> = {
  "a ticker and a timeout": ({ adjust, say }) =>
    Effect.gen(function* () {
      yield* say("tick").pipe(Effect.repeat(Schedule.spaced("7 seconds")), Effect.forkChild)
      yield* Effect.never.pipe(
        Effect.timeout("20 seconds"),
        Effect.catchCause(() => say("timed out")),
        Effect.forkChild
      )
      yield* adjust("1 minute")
    }),
  "retries with backoff": ({ adjust, say }) =>
    Effect.gen(function* () {
      const failing = Effect.andThen(say("try"), Effect.fail("no"))
      yield* failing.pipe(
        Effect.retry(Schedule.exponential("100 millis").pipe(Schedule.upTo({ times: 6 }))),
        Effect.ignore,
        Effect.forkChild
      )
      yield* adjust("3333 millis")
      yield* adjust("1 minute")
    }),
  "a pipeline over queues": ({ adjust, say }) =>
    Effect.gen(function* () {
      const first = yield* Queue.bounded<number>(2)
      const second = yield* Queue.unbounded<number>()
      for (let i = 0; i < 10; i++) yield* Effect.forkChild(Effect.delay(Queue.offer(first, i), 10 * (i % 3)))
      yield* Effect.gen(function* () {
        const i = yield* Queue.take(first)
        yield* Effect.sleep(i)
        yield* Queue.offer(second, i)
      }).pipe(Effect.forever, Effect.forkChild)
      yield* Effect.forkChild(
        Effect.forever(Effect.flatMap(Queue.takeAll(second), (all) => say(`took ${all.join(" ")}`)))
      )
      for (let i = 0; i < 12; i++) yield* adjust("5 millis")
    }),
  "a race, and interruption while asleep": ({ adjust, say }) =>
    Effect.gen(function* () {
      const lane = (name: string, millis: number) =>
        Effect.sleep(millis).pipe(
          Effect.as(name),
          Effect.onInterrupt(() => Effect.andThen(Effect.sleep(3), say(`${name} interrupted`)))
        )
      yield* Effect.race(lane("slow", 50), lane("fast", 20)).pipe(
        Effect.flatMap((winner) => say(`${winner} wins`)),
        Effect.forkChild
      )
      yield* adjust(100)
    }),
  "fractions of a millisecond": ({ adjust, say }) =>
    Effect.gen(function* () {
      yield* say("tick").pipe(Effect.repeat(Schedule.spaced("333 micros")), Effect.forkChild)
      yield* adjust("1100 micros")
      yield* say("then")
      yield* adjust("1 nanos")
      yield* say("end")
    }),
  "time set back and forth": ({ adjust, say, setTime }) =>
    Effect.gen(function* () {
      yield* Effect.forkChild(Effect.andThen(Effect.sleep(100), say("a")))
      yield* setTime(60)
      yield* setTime(20)
      yield* Effect.forkChild(Effect.andThen(Effect.sleep(50), say("b")))
      yield* adjust(50)
      yield* setTime(1_000)
      yield* say("end")
    }),
  "an adjust inside another": ({ adjust, say }) =>
    Effect.gen(function* () {
      yield* Effect.gen(function* () {
        yield* Effect.sleep(10)
        yield* adjust(10)
        yield* say("inner")
      }).pipe(Effect.forkChild)
      yield* adjust(20)
      yield* say("outer")
      yield* adjust(20)
    }),
  "turns of several priorities": ({ adjust, say }) =>
    Effect.gen(function* () {
      for (const priority of [5, 0, -1, 5, 0]) {
        yield* Effect.forkChild(
          Effect.gen(function* () {
            yield* Effect.sleep(5)
            for (let turn = 0; turn < 3; turn++) {
              yield* say(`priority ${priority}, turn ${turn}`)
              yield* Effect.yieldNowWith(priority)
            }
          })
        )
      }
      yield* adjust(10)
    }),
  "promises between sleeps": ({ adjust, say }) =>
    Effect.gen(function* () {
      for (const name of ["a", "b", "c"]) {
        yield* Effect.gen(function* () {
          yield* Effect.sleep(5)
          yield* Effect.promise(() => Promise.resolve().then(() => Promise.resolve()))
          yield* say(`${name} promised`)
          yield* Effect.sleep(5)
          yield* say(`${name} slept`)
        }).pipe(Effect.forkChild)
      }
      yield* adjust(7)
      yield* adjust(7)
    })
}

/** A program drawn from a seed: fibers that fork, sleep, yield, wait for each other, interrupt each other and speak. */
const drawn =
  (seed: number) =>
  ({ adjust, say }: World): Effect.Effect<unknown, unknown> =>
    Effect.gen(function* () {
      const random = Random.seeded(seed)
      const below = (bound: number) => Random.nextBelow(random, bound)
      const fibers: Array<Fiber.Fiber<void>> = []
      const queue = yield* Queue.bounded<number>(3)
      const latch = Latch.makeUnsafe(false)
      const semaphore = yield* Semaphore.make(2)
      let forked = 0
      const fiber = (name: string, depth: number): Effect.Effect<void> =>
        Effect.gen(function* () {
          for (let step = 0; step < 6; step++) {
            switch (below(9)) {
              case 0:
              case 1:
                yield* Effect.sleep(below(20))
                break
              case 2:
                yield* Effect.yieldNow
                break
              case 3:
                if (depth < 3 && forked < 60) {
                  const child = fiber(`${name}.${step}`, depth + 1)
                  forked++
                  fibers.push(yield* Effect.forkChild(child, { startImmediately: below(2) === 0 }))
                }
                break
              case 4: {
                const other = fibers[below(Math.max(1, fibers.length))]
                if (other !== undefined && below(3) === 0) other.interruptUnsafe()
                break
              }
              case 5:
                yield* Queue.offer(queue, step).pipe(Effect.timeoutOption(1 + below(10)))
                break
              case 6:
                yield* say(`${name} took ${JSON.stringify(yield* Effect.timeoutOption(Queue.take(queue), below(15)))}`)
                break
              case 7:
                yield* Semaphore.withPermit(semaphore, Effect.sleep(below(8)))
                break
              case 8:
                if (below(2) === 0) {
                  latch.openUnsafe()
                  latch.closeUnsafe()
                } else yield* Effect.timeoutOption(latch.await, 1 + below(12))
                break
            }
            yield* say(`${name} ${step}`)
          }
        }).pipe(Effect.onInterrupt(() => say(`${name} interrupted`)))
      for (let i = 0; i < 8; i++) fibers.push(yield* Effect.forkChild(fiber(String(i), 0)))
      // TestClock gives fibers two turns before it moves time; the virtual clock, as many as they need.
      for (let i = 0; i < 100; i++) yield* Effect.yieldNow
      for (let i = 0; i < 20; i++) yield* adjust(1 + below(9))
      yield* say("end")
    })

/** What a program writes down on a clock, each line with the clock's three readings. */
const written = (
  program: (world: World) => Effect.Effect<unknown, unknown>,
  clock: Pick<World, "adjust" | "setTime">
): Effect.Effect<ReadonlyArray<string>, unknown> =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const say = (what: string) =>
      Effect.map(Clock.Clock, (clock) => {
        const nanos = `${clock.currentTimeNanosUnsafe()} ${clock.monotonicTimeNanosUnsafe()}`
        lines.push(`${clock.currentTimeMillisUnsafe()} ${nanos} ${what}`)
      })
    yield* program({ say, ...clock })
    return lines
  })

const onBothClocks = (program: (world: World) => Effect.Effect<unknown, unknown>) =>
  Effect.gen(function* () {
    const { adjust, setTime } = TestClock
    const expected = yield* written(program, { adjust, setTime }).pipe(Effect.provide(TestClock.layer()))
    const actual = yield* written(program, {
      adjust: (duration) => Effect.orDie(VirtualClock.adjust(duration)),
      setTime: (timestamp) => Effect.orDie(VirtualClock.setTime(timestamp))
    }).pipe(Effect.provide(VirtualClock.layer()))
    assert.isNotEmpty(expected)
    assert.deepStrictEqual(actual, expected)
  })

describe("a program does the same under TestClock and under the virtual clock", () => {
  for (const [name, program] of Object.entries(programs)) it.live(name, () => onBothClocks(program))

  it.live("200 programs drawn from seeds", () =>
    Effect.forEach(
      Array.from({ length: 200 }, (_, seed) => seed),
      (seed) => onBothClocks(drawn(seed)),
      {
        discard: true
      }
    )
  )
})
