/** What the kit itself promises: the same views everywhere, errors that say what is wrong, plans, Discovery. */
import { assert, describe, it, vi } from "@effect/vitest"
import { Fault } from "@hyparview/faults/FaultPlan"
import { Membership } from "@hyparview/runtime"
import { TestCluster, VirtualClock } from "@hyparview/testing"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { TestClock } from "effect/testing"

const range = (from: number, to: number): ReadonlyArray<number> =>
  Array.from({ length: to - from }, (_, index) => from + index)

const onVirtualClock = <A, E>(effect: Effect.Effect<A, E>) => effect.pipe(Effect.provide(VirtualClock.layer()))

/** Everything that can be seen of a cluster that has been through a lot. */
const history = (seed: number) =>
  Effect.gen(function* () {
    const cluster = yield* TestCluster.make({
      nodes: 24,
      seed,
      network: { latency: { _tag: "LogNormal", medianMicros: 20_000, sigma: 0.5 } }
    })
    const collected = yield* cluster.collect("news")
    const seen: Array<unknown> = []
    const look = Effect.gen(function* () {
      seen.push(yield* cluster.views, yield* cluster.statistics)
    })
    yield* cluster.joinAll({ contacts: 2 })
    yield* cluster.pass("333 millis")
    yield* look
    seen.push(Duration.toMillis(yield* cluster.settle({ every: "250 millis" })))
    seen.push(yield* cluster.killShare(0.3))
    yield* cluster.publish(cluster.running()[0] ?? 0, "news", new Uint8Array(100))
    yield* cluster.pass("5 seconds")
    yield* look
    yield* cluster.partition([range(0, 12), range(12, 24)], "silent")
    yield* cluster.pass("2 minutes")
    yield* cluster.heal
    yield* cluster.network.setSendFailure(0.02)
    yield* cluster.pass("1 minute")
    yield* cluster.network.setSendFailure(0)
    for (const index of range(0, 24)) if (!cluster.running().includes(index)) yield* cluster.restart(index)
    yield* cluster.leave(11)
    yield* cluster.pass("3 minutes")
    yield* look
    return { seen, deliveries: range(0, 24).map(collected.of) }
  }).pipe(Effect.scoped)

describe("a cluster", () => {
  it.live(
    "ends in the same views with the same seed, in every run and on both clocks, and in others with another",
    () =>
      Effect.gen(function* () {
        const under = <A, E>(effect: Effect.Effect<A, E>, clock: Layer.Layer<never>) => Effect.provide(effect, clock)
        const first = yield* under(history(7), VirtualClock.layer())
        assert.deepStrictEqual(yield* under(history(7), VirtualClock.layer()), first)
        assert.deepStrictEqual(yield* history(7).pipe(Effect.provide(TestClock.layer())), first)
        assert.notDeepEqual(yield* under(history(8), VirtualClock.layer()), first)
      }),
    60_000
  )

  it.effect(
    "of hundreds of nodes lives through the death of many, and long after it, in ten lines and some seconds",
    () =>
      Effect.gen(function* () {
        const cluster = yield* TestCluster.make({ nodes: 200, seed: 7 })
        yield* cluster.joinAll()
        yield* cluster.settle()
        yield* cluster.killShare(0.4)
        yield* cluster.settle()
        yield* cluster.pass("10 minutes")
        assert.isAbove((yield* cluster.statistics).messages.received, 20_000)
      }).pipe(Effect.scoped, onVirtualClock),
    60_000
  )

  it.live("that does not settle in time says what is wrong", () =>
    Effect.gen(function* () {
      const cluster = yield* TestCluster.make({ nodes: 12, seed: 1 })
      yield* cluster.joinAll()
      yield* cluster.settle()
      yield* cluster.partition([range(0, 6), range(6, 12)], "reset")
      const error = yield* Effect.flip(cluster.settle({ within: "2 minutes" }))
      assert.strictEqual(error._tag, "NotSettled")
      if (error._tag !== "NotSettled") return
      assert.strictEqual(Duration.toMillis(error.after), 120_000)
      assert.include(error.message, "2 components; the largest has 6 of 12 nodes")
    }).pipe(Effect.scoped, onVirtualClock)
  )

  it.live("takes no longer to settle than it may, however often it is looked at", () =>
    Effect.gen(function* () {
      const cluster = yield* TestCluster.make({ nodes: 4, seed: 1 })
      for (const every of [undefined, "1 hour"] as const) {
        const began = yield* Clock.currentTimeMillis
        const error = yield* Effect.flip(cluster.settle({ within: "10 seconds", every }))
        assert.strictEqual((yield* Clock.currentTimeMillis) - began, 10_000)
        assert.strictEqual(error._tag === "NotSettled" && Duration.toMillis(error.after), 10_000)
      }
      yield* cluster.joinAll()
      assert.isAtMost(Duration.toMillis(yield* cluster.settle({ within: "20 seconds", every: "20 seconds" })), 20_000)
    }).pipe(Effect.scoped, onVirtualClock)
  )

  it.live("that nobody is in does not settle, and says why", () =>
    Effect.gen(function* () {
      const why = (settled: Effect.Effect<unknown, { readonly message: string }>) =>
        Effect.map(Effect.flip(settled), ({ message }) => message.replace(/^.* nobody/, "nobody"))
      const cluster = yield* TestCluster.make({ nodes: 4, seed: 1 })
      assert.strictEqual(yield* why(cluster.settle()), "nobody is in the overlay: 4 not joined")
      yield* cluster.joinAll()
      yield* cluster.settle()
      yield* cluster.freeze(0)
      yield* cluster.node(1).membership.leave
      yield* cluster.kill(2, 3)
      assert.strictEqual(yield* why(cluster.settle()), "nobody is in the overlay: 1 frozen; 1 left; 2 not running")
      assert.strictEqual(yield* why(cluster.settle({ among: [2] })), "nobody is in the overlay: 1 not running")

      const alike = yield* TestCluster.make({ nodes: 3, seed: 1, idOf: () => "x", logLevel: "None" })
      yield* alike.joinAll()
      yield* alike.pass("5 minutes")
      assert.strictEqual(
        yield* why(alike.settle()),
        "nobody is in the overlay: 3 stopped, for another process has the same id"
      )
    }).pipe(Effect.scoped, onVirtualClock)
  )

  it.live("refuses options that contradict themselves", () =>
    Effect.gen(function* () {
      const option = yield* Effect.flip(TestCluster.make({ nodes: 2, node: { handshakeTimeout: "1 hour" } }))
      assert.strictEqual(option._tag, "OptionsError")
      const network = yield* Effect.flip(TestCluster.make({ nodes: 2, network: { bytesPerSecond: -1 } }))
      assert.strictEqual(network._tag, "InvalidOptions")
    }).pipe(Effect.scoped, onVirtualClock)
  )

  it.live("dies of a mistake in the test", () =>
    Effect.gen(function* () {
      const cluster = yield* TestCluster.make({ nodes: 2 })
      const mistakes: ReadonlyArray<Effect.Effect<void, unknown>> = [
        cluster.start(0),
        cluster.join(7),
        cluster.leave(2),
        cluster.kill(-1),
        Effect.asVoid(cluster.killShare(40)),
        Effect.asVoid(cluster.settle({ among: [] })),
        Effect.asVoid(cluster.settle({ every: 0 })),
        Effect.asVoid(cluster.settle({ within: Infinity })),
        cluster.join(0, [2]),
        cluster.joinAll({ contacts: 0 }),
        cluster.partition([[0], [2]], "reset"),
        // @ts-expect-error: whoever has no types may give anything.
        cluster.joinAll({ evry: "1 second" }),
        // @ts-expect-error: misspelt, by whoever has no types.
        Effect.asVoid(cluster.settle({ witin: "1 second" })),
        Effect.asVoid(Effect.scoped(cluster.collect("")))
      ]
      for (const mistake of mistakes) assert.isTrue(Exit.hasDies(yield* Effect.exit(mistake)))
    }).pipe(Effect.scoped, onVirtualClock)
  )

  it.live("dies of options that no cluster can have, and says which", () =>
    Effect.gen(function* () {
      const death = (options: TestCluster.Options) =>
        Effect.map(Effect.exit(Effect.scoped(TestCluster.make(options))), (exit) =>
          Exit.isFailure(exit) && Exit.hasDies(exit) ? String(Cause.squash(exit.cause)) : "made"
        )
      for (const nodes of [0, -1, 2.5, Number.NaN, Number.POSITIVE_INFINITY]) {
        const expected = `RangeError: nodes: a cluster has a whole number of nodes, from 1, not ${nodes}`
        assert.strictEqual(yield* death({ nodes }), expected)
      }
      for (const index of [9, 3, -1, 0.5]) {
        const expected = `RangeError: discovery: there is no node ${index}: the cluster has 3`
        assert.strictEqual(yield* death({ nodes: 3, discovery: [0, index] }), expected)
      }
      // @ts-expect-error: whoever has no types may give anything.
      assert.include(yield* death({ nodes: 3, sed: 7 }), "sed: no such option. Options are nodes, seed, ")
      // @ts-expect-error: the same.
      assert.strictEqual(yield* death(undefined), "RangeError: undefined is not an object of options")
    }).pipe(onVirtualClock)
  )

  it.live(
    "dies of an option or a node that there is none of where something is collected or judged, and so does its clock",
    () =>
      Effect.gen(function* () {
        const collecting = Effect.gen(function* () {
          const cluster = yield* TestCluster.make({ nodes: 2 })
          yield* cluster.joinAll()
          // @ts-expect-error: whoever has no types may give anything.
          return yield* cluster.collect("news", { ordr: "source" })
        })
        const collected = yield* Effect.exit(Effect.scoped(collecting))
        assert.isTrue(Exit.isFailure(collected) && String(Cause.squash(collected.cause)).includes("ordr is "))
        const unjudged = yield* (yield* TestCluster.make({ nodes: 2 })).collect("news")
        // @ts-expect-error: the same.
        assert.throws(() => unjudged.faults({ ids: [], nodes: [], inOrdr: true }), "inOrdr: no such option")
        // Of nobody nothing would ever be wrong.
        const id = { source: "n0", epoch: 1, topic: "news", sequence: 0 }
        assert.throws(() => unjudged.faults({ ids: [id], nodes: [2] }), "there is no node 2: the cluster has 2")
        assert.throws(() => unjudged.of(-1), "there is no node -1")
        assert.throws(() => unjudged.missed(2), "there is no node 2")
        // @ts-expect-error: the same.
        const clock = yield* Effect.exit(Layer.build(VirtualClock.layer({ warningDely: "1 second" })))
        assert.isTrue(
          Exit.isFailure(clock) && String(Cause.squash(clock.cause)).includes("warningDely: no such option")
        )
      }).pipe(Effect.scoped, onVirtualClock)
  )

  it.live("runs a program on each node from each start of its process to its end", () =>
    Effect.gen(function* () {
      const said: Array<string> = []
      const program = (index: number) =>
        Effect.gen(function* () {
          const membership = yield* Membership.Membership
          yield* Effect.addFinalizer(() => Effect.sync(() => said.push(`${index} ends`)))
          yield* membership.join(["host-0"])
          yield* Effect.sleep("1 second")
          said.push(`${index} has ${(yield* membership.neighbors).length}`)
          return yield* Effect.never
        })
      const cluster = yield* TestCluster.make({ nodes: 2, seed: 1, program })
      yield* cluster.pass("2 seconds")
      assert.deepStrictEqual(said.splice(0), ["0 has 1", "1 has 1"])
      yield* cluster.apply(Fault.Crash({ nodes: [1] }))
      assert.deepStrictEqual(said.splice(0), ["1 ends"])
      yield* cluster.apply(Fault.Restart({ nodes: [1] }))
      yield* cluster.pass("2 seconds")
      assert.deepStrictEqual(said.splice(0), ["1 has 1"])
      yield* cluster.leave(1)
      assert.deepStrictEqual(said, ["1 ends"])
    }).pipe(Effect.scoped, onVirtualClock)
  )

  it.live("logs that a program has failed, and why; its node runs on", () =>
    Effect.gen(function* () {
      const said: Array<unknown> = []
      const logger = Logger.make(({ message }) => said.push(message))
      yield* Effect.gen(function* () {
        const cluster = yield* TestCluster.make({ nodes: 1, program: () => Effect.fail("no coffee") })
        yield* cluster.joinAll()
        yield* cluster.settle()
      }).pipe(Effect.scoped, Effect.provide(Logger.layer([logger])))
      assert.strictEqual(said.length, 1)
      assert.include(String(said[0]), "the program of node 0 has failed")
    }).pipe(onVirtualClock)
  )

  it.effect("shows under it.effect too, which keeps what is logged, that a program has failed", () =>
    Effect.gen(function* () {
      const shown: Array<string> = []
      const restore = vi.spyOn(globalThis.console, "log").mockImplementation((...line) => shown.push(line.join(" ")))
      yield* Effect.addFinalizer(() => Effect.sync(() => restore.mockRestore()))
      const cluster = yield* TestCluster.make({ nodes: 1, program: () => Effect.fail("no coffee") })
      yield* cluster.joinAll()
      yield* cluster.settle()
      assert.lengthOf(shown, 1)
      assert.include(shown[0], "the program of node 0 has failed")
      assert.include(shown[0], "no coffee")
    }).pipe(Effect.scoped, onVirtualClock)
  )

  it.live("plays a fault plan, and has every fault counted", () =>
    Effect.gen(function* () {
      const cluster = yield* TestCluster.make({ nodes: 20, seed: 2 })
      yield* cluster.joinAll()
      yield* cluster.settle()
      yield* cluster.play({
        nodes: 20,
        actions: [
          { atMillis: 0, fault: Fault.Crash({ nodes: [0, 1, 2] }) },
          { atMillis: 1_000, fault: Fault.Freeze({ nodes: [3] }) },
          { atMillis: 2_000, fault: Fault.Leave({ nodes: [4] }) },
          { atMillis: 50_000, fault: Fault.Unfreeze({ nodes: [3] }) },
          { atMillis: 60_000, fault: Fault.Restart({ nodes: [0, 1, 4] }) },
          { atMillis: 61_000, fault: Fault.BreakLinks({ links: { _tag: "Share", share: 0.5 } }) }
        ]
      })
      assert.deepStrictEqual(cluster.running(), [0, 1, ...range(3, 20)])
      const { faults, faultsSkipped } = (yield* cluster.statistics).network
      for (const name of ["Crash", "Freeze", "Leave", "Unfreeze", "Restart", "BreakLinks"] as const) {
        assert.isAtLeast(faults[name], 1, name)
      }
      assert.strictEqual(faultsSkipped, 0)
      yield* cluster.settle()
    }).pipe(Effect.scoped, onVirtualClock)
  )

  it.live("finds its contacts by Discovery", () =>
    Effect.gen(function* () {
      const cluster = yield* TestCluster.make({ nodes: 8, seed: 3, discovery: [5] })
      for (const index of cluster.running()) yield* cluster.join(index, [])
      yield* cluster.settle()
    }).pipe(Effect.scoped, onVirtualClock)
  )

  it.live("settles in the time that passes, and not in what the wall clock is set to meanwhile", () =>
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      let wallMillis = 0
      // It is set an hour further each time that somebody looks.
      const set = Object.create(clock, {
        currentTimeMillis: { value: Effect.sync(() => (wallMillis += 3_600_000)) },
        currentTimeMillisUnsafe: { value: () => (wallMillis += 3_600_000) }
      })
      const cluster = yield* TestCluster.make({ nodes: 3 })
      yield* cluster.joinAll()
      const settled = Effect.provideService(cluster.settle(), Clock.Clock, set)
      assert.isBelow(Duration.toMillis(yield* settled), 60_000)
    }).pipe(Effect.scoped, onVirtualClock)
  )

  it.live("runs in real time on the live clock", () =>
    Effect.gen(function* () {
      const cluster = yield* TestCluster.make({
        nodes: 3,
        node: { membership: { requestTimeoutMillis: 50 }, handshakeTimeout: 40 }
      })
      yield* cluster.joinAll()
      yield* cluster.settle({ every: "10 millis" })
    }).pipe(Effect.scoped)
  )
})
