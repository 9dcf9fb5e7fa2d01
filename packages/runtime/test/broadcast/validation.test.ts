import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Logger, Metric } from "effect"
import { TestClock } from "effect/testing"
import type { Candidate, Verdict } from "../../src/Broadcast.ts"
import { makeMeter } from "../../src/internal/metrics.ts"
import { makeRun } from "../../src/internal/run.ts"
import { type Judge, makeValidation } from "../../src/internal/validation.ts"

const candidate = (sequence: number, topic = "t"): Candidate => ({
  id: { source: "a", epoch: 1, topic, sequence },
  payload: Uint8Array.of(sequence),
  publishedAt: 0,
  from: "b"
})

const setUp = (judge: Judge, concurrency = 2, waitingBytes = 10_000) =>
  Effect.gen(function* () {
    const decided: Array<string> = []
    const watched: Array<boolean> = []
    const fibers: Array<Fiber.Fiber<void>> = []
    const run = yield* makeRun(1_000)
    const meter = makeMeter(yield* Effect.context<never>())
    const validation = makeValidation({
      topicsSize: 2,
      concurrency,
      timeoutMillis: 1_000,
      verdictMillis: 10_000,
      waitingBytes,
      now: yield* Effect.map(Clock.Clock, (clock) => () => clock.currentTimeMillisUnsafe()),
      run: (effect) => {
        const fiber = run(effect)
        fibers.push(fiber)
        return fiber
      },
      meter,
      watch: (_topic, on) => watched.push(on),
      decide: ({ id }, verdict) => decided.push(`${id.sequence} ${verdict}`)
    })
    const remove = validation.add("t", judge)
    return { validation, remove, decided, watched, meter, fibers }
  })

const counted = (name: string) =>
  Effect.map(Metric.snapshot, (all) => {
    const state = all.find(({ id }) => id === `hyparview_${name}`)?.state
    return state !== undefined && "count" in state ? Number(state.count) : 0
  })

describe("a validator", () => {
  it.effect("that answers at once decides at once", () =>
    Effect.gen(function* () {
      const verdicts: ReadonlyArray<Verdict> = ["accept", "reject", "ignore"]
      const { decided, validation } = yield* setUp(({ id }) => Effect.succeed(verdicts[id.sequence] ?? "accept"))
      for (const sequence of [0, 1, 2]) validation.ask(candidate(sequence))
      assert.deepStrictEqual(decided, ["0 accept", "1 reject", "2 ignore"])
    })
  )

  it.effect("runs no more often at once than it may; the others wait for a place", () =>
    Effect.gen(function* () {
      let running = 0
      let most = 0
      const judge: Judge = () =>
        Effect.acquireUseRelease(
          Effect.sync(() => {
            most = Math.max(most, ++running)
          }),
          () => Effect.as(Effect.sleep("100 millis"), "accept" as const),
          () => Effect.sync(() => running--)
        )
      const { decided, validation } = yield* setUp(judge)
      for (let sequence = 0; sequence < 7; sequence++) validation.ask(candidate(sequence))
      yield* TestClock.adjust("150 millis")
      assert.strictEqual(decided.length, 2)
      yield* TestClock.adjust("300 millis")
      assert.strictEqual(decided.length, 7)
      assert.strictEqual(most, 2)
    })
  )

  it.effect("that fails, dies, throws or gives no verdict counts as ignore, and is counted", () =>
    Effect.gen(function* () {
      const judges: ReadonlyArray<Judge> = [
        () => Effect.fail("no"),
        () => Effect.die("never"),
        () =>
          Effect.suspend(() => {
            throw new Error("thrown")
          }),
        // @ts-expect-error: whoever has no types may say anything.
        () => Effect.succeed(true)
      ]
      const { decided, meter, validation } = yield* setUp(
        (message) => judges[message.id.sequence]?.(message) ?? Effect.never
      )
      for (const sequence of [0, 1, 2, 3]) validation.ask(candidate(sequence))
      yield* TestClock.adjust("1 milli")
      assert.deepStrictEqual(decided, ["0 ignore", "1 ignore", "2 ignore", "3 ignore"])
      meter.flush()
      assert.strictEqual(yield* counted("validators_failed"), 4)
      assert.strictEqual(yield* counted("validators_slow"), 0)
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))
  )

  it.effect("is warned of where it fails, is slow or is not free, once a minute for each topic", () => {
    const said: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => {
      if (logLevel === "Warn") said.push(JSON.stringify(message))
    })
    return Effect.gen(function* () {
      const { validation } = yield* setUp(
        ({ id }) => (id.sequence % 2 === 0 ? Effect.die(new Error("a bug")) : Effect.never),
        1,
        1
      )
      for (let sequence = 0; sequence < 10; sequence++) validation.ask(candidate(sequence))
      yield* TestClock.adjust("10 seconds")
      for (const why of ["a validator failed", "a validator is too slow", "no validator was free in time"]) {
        assert.lengthOf(
          said.filter((line) => line.includes(why) && line.includes('"topic":"t"')),
          1,
          why
        )
      }
      assert.isNotEmpty(said.filter((line) => line.includes("Error: a bug")))
      yield* TestClock.adjust("1 minute")
      validation.ask(candidate(10))
      assert.include(said.at(-1), '"alsoSince"')
      // What the core has given up, or had no room for, nobody was free for either.
      const before = said.length
      validation.dismissed(candidate(11).id)
      validation.dismissed(candidate(12).id)
      assert.deepStrictEqual(
        said.slice(before).map((line) => line.includes("no validator was free in time")),
        [true]
      )
    }).pipe(Effect.provide(Logger.layer([logger])))
  })

  it.effect("that is too slow is interrupted, counts as ignore, and makes room", () =>
    Effect.gen(function* () {
      const { decided, meter, validation } = yield* setUp(
        ({ id }) => (id.sequence === 0 ? Effect.never : Effect.succeed("accept")),
        1
      )
      validation.ask(candidate(0))
      validation.ask(candidate(1))
      yield* TestClock.adjust("999 millis")
      assert.deepStrictEqual(decided, [])
      yield* TestClock.adjust("1 milli")
      assert.deepStrictEqual(decided, ["0 ignore", "1 accept"])
      meter.flush()
      assert.strictEqual(yield* counted("validators_slow"), 1)
      assert.strictEqual(yield* counted("validators_failed"), 0)
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))
  )

  it.effect("that cannot be interrupted holds up nothing but its own place", () =>
    Effect.gen(function* () {
      const { decided, validation } = yield* setUp(({ id }) =>
        id.sequence === 0
          ? Effect.uninterruptible(Effect.as(Effect.sleep("1 minute"), "accept" as const))
          : Effect.succeed("accept")
      )
      validation.ask(candidate(0))
      yield* TestClock.adjust("1 second")
      validation.ask(candidate(1))
      assert.deepStrictEqual(decided, ["0 ignore", "1 accept"])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(decided, ["0 ignore", "1 accept"])
    })
  )

  it.effect("is one of several, which are asked in turn until one does not accept", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const { decided, remove, validation, watched } = yield* setUp(() => {
        asked.push("first")
        return Effect.succeed("accept")
      })
      const removeSecond = validation.add("t", () => {
        asked.push("second")
        return Effect.succeed("reject")
      })
      validation.ask(candidate(0))
      assert.deepStrictEqual(asked, ["first", "second"])
      assert.deepStrictEqual(watched, [true])
      removeSecond?.()
      validation.ask(candidate(1))
      assert.deepStrictEqual(decided, ["0 reject", "1 accept"])
      remove?.()
      assert.deepStrictEqual(watched, [true, false])
    })
  )

  it.effect("is not asked about what was dismissed before its turn, and does not go on with what it judges", () =>
    Effect.gen(function* () {
      const asked: Array<number> = []
      const { decided, validation } = yield* setUp(({ id }) => {
        asked.push(id.sequence)
        return Effect.as(Effect.sleep("500 millis"), "accept" as const)
      }, 1)
      for (const sequence of [0, 1, 2]) validation.ask(candidate(sequence))
      assert.isTrue(validation.dismissed(candidate(1).id))
      assert.isTrue(validation.dismissed(candidate(0).id))
      yield* TestClock.adjust("500 millis")
      assert.deepStrictEqual([asked, decided], [[0, 2], ["2 accept"]])
      // One that was accepted and is dismissed all the same came too late; so did one that was never here.
      assert.isTrue(validation.dismissed(candidate(2).id))
    })
  )

  it.effect("is told apart, if it does not accept, from one that says nothing", () =>
    Effect.gen(function* () {
      const judges: ReadonlyArray<Judge> = [() => Effect.succeed("ignore"), () => Effect.fail("no"), () => Effect.never]
      const { decided, validation } = yield* setUp((message) => judges[message.id.sequence]?.(message) ?? Effect.never)
      for (const sequence of [0, 1, 2]) validation.ask(candidate(sequence))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(decided, ["0 ignore", "1 ignore", "2 ignore"])
      assert.deepStrictEqual(
        [0, 1, 2].map((sequence) => validation.dismissed(candidate(sequence).id)),
        [false, true, true]
      )
    })
  )

  it.effect("does not begin with what would be dismissed before its time is over", () =>
    Effect.gen(function* () {
      const asked: Array<number> = []
      const { decided, validation } = yield* setUp(({ id }) => {
        asked.push(id.sequence)
        return Effect.as(Effect.sleep("900 millis"), "accept" as const)
      }, 1)
      for (let sequence = 0; sequence < 20; sequence++) validation.ask(candidate(sequence))
      yield* TestClock.adjust("20 seconds")
      // The eleventh begins after 9 seconds.
      assert.deepStrictEqual(asked, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
      assert.deepStrictEqual(decided.slice(-2), ["18 ignore", "19 ignore"])
      assert.strictEqual(decided.filter((verdict) => verdict.endsWith("accept")).length, 11)
    })
  )

  it.effect("lets nobody wait for long where more comes than is judged; what comes at once and can be judged is", () =>
    Effect.gen(function* () {
      const waits: Array<number> = []
      const asked: Array<number> = []
      const clock = yield* Clock.Clock
      const since: Array<number> = []
      const { decided, validation } = yield* setUp(({ id }) => {
        asked.push(id.sequence)
        waits.push(clock.currentTimeMillisUnsafe() - (since[id.sequence] ?? 0))
        return Effect.as(Effect.sleep("500 millis"), "accept" as const)
      }, 1)
      const ask = (sequence: number): void => {
        since[sequence] = clock.currentTimeMillisUnsafe()
        validation.ask(candidate(sequence))
      }
      // Two a second are judged; 18 at once are within nine seconds.
      for (let sequence = 0; sequence < 18; sequence++) ask(sequence)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(decided.filter((verdict) => verdict.endsWith("accept")).length, 18)
      // Four a second come for a minute.
      for (let sequence = 18; sequence < 258; sequence++) {
        ask(sequence)
        yield* TestClock.adjust("250 millis")
      }
      const late = waits.slice(asked.findIndex((sequence) => (since[sequence] ?? 0) > 25_000))
      assert.isTrue(late.length > 80 && Math.max(...late) <= 9_000 / 8, `${late.length}, ${Math.max(...late)}`)
      yield* TestClock.adjust("5 seconds")
      // It has come to rest: what comes at once is judged again.
      const before = asked.length
      for (let sequence = 258; sequence < 270; sequence++) ask(sequence)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(asked.length - before, 12)
    })
  )

  it.effect("that never answers costs other topics no message: each has its turn", () =>
    Effect.gen(function* () {
      const { decided, validation } = yield* setUp(() => Effect.never)
      validation.add("u", () => Effect.succeed("accept"))
      for (let sequence = 0; sequence < 100; sequence++) validation.ask(candidate(sequence))
      for (let sequence = 100; sequence < 105; sequence++) validation.ask(candidate(sequence, "u"))
      yield* TestClock.adjust("4 seconds")
      const accepted = decided.filter((verdict) => verdict.endsWith("accept"))
      assert.deepStrictEqual(
        accepted,
        [100, 101, 102, 103, 104].map((sequence) => `${sequence} accept`)
      )
    })
  )

  it.effect("leaves nothing running behind it: not what would have ended it in time", () =>
    Effect.gen(function* () {
      const { decided, fibers, validation } = yield* setUp(() => Effect.as(Effect.sleep("100 millis"), "accept"))
      validation.ask(candidate(0))
      yield* TestClock.adjust("100 millis")
      yield* Effect.yieldNow
      assert.deepStrictEqual(decided, ["0 accept"])
      assert.deepStrictEqual(
        fibers.map((fiber) => fiber.pollUnsafe() !== undefined),
        [true, true]
      )
    })
  )

  it.effect("has said what it said of a message until that is dismissed, and no longer", () =>
    Effect.gen(function* () {
      const { validation } = yield* setUp(() => Effect.succeed("reject"))
      validation.ask(candidate(0))
      assert.isFalse(validation.dismissed(candidate(0).id))
      // One of the same name that nobody was asked about.
      assert.isTrue(validation.dismissed(candidate(0).id))
    })
  )

  it.effect("has no more than so many bytes waiting for it", () =>
    Effect.gen(function* () {
      const { decided, validation } = yield* setUp(() => Effect.never, 1, 2)
      for (const sequence of [0, 1, 2, 3, 4]) validation.ask(candidate(sequence))
      assert.deepStrictEqual(decided, ["3 ignore", "4 ignore"])
    })
  )

  it.effect("may answer a thousand that have waited without a deep stack", () =>
    Effect.gen(function* () {
      const gate = yield* Effect.forkScoped(Effect.sleep("100 millis"), { startImmediately: true })
      const { decided, validation } = yield* setUp(
        ({ id }) => (id.sequence === 0 ? Effect.as(Fiber.join(gate), "accept" as const) : Effect.succeed("accept")),
        1
      )
      for (let sequence = 0; sequence < 5_000; sequence++) validation.ask(candidate(sequence))
      yield* TestClock.adjust("100 millis")
      assert.strictEqual(decided.length, 5_000)
    })
  )
})
