import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import { TestClock } from "effect/testing"
import * as MemoryNetwork from "@hyparview/transport-memory/MemoryNetwork"
import { connect, frame, host, read, reasonOf, start } from "./kit.ts"

/** Three hosts; a is linked to b and to c. Links may stay without a frame as long as they like. */
const three = (options?: MemoryNetwork.Options) =>
  Effect.gen(function* () {
    const network = yield* MemoryNetwork.make({ handshakeTimeout: Infinity, ...options })
    const [a, b, c] = [yield* host(network, "a"), yield* host(network, "b"), yield* host(network, "c")]
    const [ab, ba] = yield* connect(a, b)
    const [ac, ca] = yield* connect(a, c)
    return { network, a, b, c, ab, ba, ac, ca }
  })

describe("a crash", () => {
  it.effect("resets the links at the far ends after the delay, and loses what was under way", () =>
    Effect.gen(function* () {
      const { ab, ba, ca, ac, network } = yield* three()
      const seen = yield* read(ab)
      yield* ba.send([frame("last words")])
      assert.strictEqual(yield* network.crash("b"), 1)
      assert.strictEqual((yield* ba.closed).reason, "reset")
      assert.strictEqual(seen.end, undefined)
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual([seen.frames, seen.end?.reason], [[], "reset"])
      yield* ac.send([frame("alive")])
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* ca.receive).length, 1)
      assert.strictEqual(network.statistics.faults.Crash, 1)
      assert.strictEqual(network.statistics.framesLost, 1)
    })
  )

  it.effect("refuses dials until somebody listens at the address again", () =>
    Effect.gen(function* () {
      const { a, b, network } = yield* three()
      yield* network.crash("b")
      assert.strictEqual(yield* reasonOf(b.transport.dial("a")), "closed")
      const refused = yield* start(reasonOf(a.transport.dial("b")))
      yield* TestClock.adjust("2 millis")
      assert.strictEqual(yield* Fiber.join(refused), "refused")
      const again = yield* host(network, "b")
      const [near] = yield* connect(a, again)
      assert.strictEqual(near.remoteAddress, "b")
    })
  )

  it.effect("of nobody is counted and harmless", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.make()
      assert.strictEqual(yield* network.crash("nobody"), 0)
      assert.strictEqual(network.statistics.faults.Crash, 1)
    })
  )
})

describe("a broken link", () => {
  it.effect("is reset at both ends at once, and only between the two", () =>
    Effect.gen(function* () {
      const { ab, ba, ac, ca, network } = yield* three()
      yield* ab.send([frame("lost")])
      assert.strictEqual(yield* network.breakLink("b", "a"), 1)
      assert.deepStrictEqual([(yield* ab.closed).reason, (yield* ba.closed).reason], ["reset", "reset"])
      yield* ac.send([frame("x")])
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* ca.receive).length, 1)
      assert.deepInclude(network.statistics, { linksReset: 1, framesLost: 1 })
    })
  )

  it.effect("may be a share of all", () =>
    Effect.gen(function* () {
      const { a, b, network } = yield* three()
      for (let count = 0; count < 8; count++) yield* connect(a, b)
      assert.strictEqual(yield* network.breakShare(0.5), 5)
      assert.strictEqual(yield* network.breakShare(1), 5)
      assert.strictEqual(network.statistics.linksReset, 10)
    })
  )
})

describe("a half-open link", () => {
  it.effect("swallows frames and closes, and tells nobody", () =>
    Effect.gen(function* () {
      const { a, ab, b, ba, network } = yield* three({ receiveLimitBytes: 100 })
      const seen = yield* read(ba)
      yield* ab.send([frame("under way")])
      assert.strictEqual(yield* network.halfOpen("a", "b"), 1)
      for (let count = 0; count < 100; count++) yield* ab.send([frame("0123456789")])
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual([seen.frames, seen.end], [[], undefined])
      yield* ab.close("abort")
      yield* TestClock.adjust("1 hour")
      assert.isUndefined(seen.end)
      assert.deepInclude(network.statistics, { framesVanished: 101, framesDelivered: 0, linksHalfOpened: 1 })
      const [fresh, farFresh] = yield* connect(a, b)
      yield* fresh.send([frame("works")])
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* farFresh.receive).length, 1)
    })
  )

  it.effect("frees a sender that waited for room", () =>
    Effect.gen(function* () {
      const { ab, network } = yield* three({ receiveLimitBytes: 20 })
      const waiting = yield* start(ab.send([frame("0123456789"), frame("0123456789")]))
      yield* TestClock.adjust("1 millis")
      assert.isUndefined(waiting.pollUnsafe())
      yield* network.halfOpen("a", "b")
      // The frame that fills the limit has arrived; it takes its reader to make room.
      yield* TestClock.adjust("1 millis")
      assert.isUndefined(waiting.pollUnsafe())
    })
  )
})

describe("dials", () => {
  it.effect("are refused, hang until the time-out, and are accepted again", () =>
    Effect.gen(function* () {
      const { a, b, network } = yield* three({ dialTimeout: "3 seconds" })
      yield* network.refuse("b")
      const refused = yield* start(reasonOf(a.transport.dial("b")))
      yield* TestClock.adjust("2 millis")
      assert.strictEqual(yield* Fiber.join(refused), "refused")
      yield* network.hang("b")
      const hanging = yield* start(reasonOf(a.transport.dial("b")))
      yield* TestClock.adjust("2999 millis")
      assert.isUndefined(hanging.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* Fiber.join(hanging), "timeout")
      yield* network.accept("b")
      yield* connect(a, b)
      assert.deepInclude(network.statistics, { dialsRefused: 1, dialsTimedOut: 1, dialsAccepted: 3 })
      assert.deepInclude(network.statistics.faults, { RefuseDials: 1, HangDials: 1, AcceptDials: 1 })
    })
  )

  it.effect("time out towards a frozen address, or arrive if it thaws in time", () =>
    Effect.gen(function* () {
      const { a, b, network } = yield* three()
      yield* network.freeze("b")
      const late = yield* start(reasonOf(a.transport.dial("b")))
      yield* TestClock.adjust("4 seconds")
      const inTime = yield* start(a.transport.dial("b"))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(late), "timeout")
      yield* network.unfreeze("b")
      yield* TestClock.adjust("1 millis")
      assert.isTrue(Exit.isSuccess(yield* Fiber.await(inTime)))
      yield* Queue.take(b.links)
      assert.strictEqual(yield* Queue.size(b.links), 0)
    })
  )
})

describe("a frozen node", () => {
  it.effect("neither hears nor is heard; afterwards everything arrives in order, closes too", () =>
    Effect.gen(function* () {
      const { ab, ba, network } = yield* three()
      const [atA, atB] = [yield* read(ab), yield* read(ba)]
      yield* ab.send([frame("before")])
      yield* network.freeze("b")
      yield* ab.send([frame("to")])
      yield* ba.send([frame("from")])
      yield* ab.close("flush")
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual([atA.frames, atB.frames, atB.end], [[], [], undefined])
      assert.strictEqual(network.statistics.framesHeld, 3)
      yield* network.unfreeze("b")
      yield* TestClock.adjust(0)
      assert.deepStrictEqual([atB.frames, atB.end?.reason], [["before", "to"], "closed"])
    })
  )

  it.effect("makes its senders wait when their links are full", () =>
    Effect.gen(function* () {
      const { ab, ba, network } = yield* three({ receiveLimitBytes: 100 })
      yield* network.freeze("b")
      const seen = yield* read(ba)
      const waiting = yield* start(ab.send(Array.from({ length: 50 }).map((_, index) => frame(`${index}`))))
      yield* TestClock.adjust("1 hour")
      assert.isUndefined(waiting.pollUnsafe())
      yield* network.unfreeze("b")
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(waiting)
      assert.strictEqual(seen.frames.length, 50)
    })
  )
})

describe("a partition", () => {
  it.effect("that resets breaks the links across, fails dials at once, and ends with heal", () =>
    Effect.gen(function* () {
      const { a, ab, ac, b, ba, network } = yield* three()
      yield* network.partition([["a", "c"], ["b"]], { mode: "reset" })
      assert.deepStrictEqual([(yield* ab.closed).reason, (yield* ba.closed).reason], ["reset", "reset"])
      const across = yield* start(reasonOf(a.transport.dial("b")))
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* Fiber.join(across), "unreachable")
      yield* ac.send([frame("same side")])
      yield* network.heal
      yield* connect(a, b)
      assert.deepInclude(network.statistics, { dialsUnreachable: 1, linksReset: 1, framesDelivered: 1 })
    })
  )

  it.effect("that is silent lets everything across wait, and dials time out", () =>
    Effect.gen(function* () {
      const { a, ab, ba, network } = yield* three()
      const [atA, atB] = [yield* read(ab), yield* read(ba)]
      yield* network.partition([["a"], ["b"]], { mode: "silent" })
      yield* ab.send([frame("1")])
      yield* ba.send([frame("2")])
      const dialling = yield* start(reasonOf(a.transport.dial("b")))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* Fiber.join(dialling), "timeout")
      assert.deepStrictEqual([atA.frames, atB.frames], [[], []])
      assert.deepStrictEqual([atA.end, atB.end], [undefined, undefined])
      yield* network.heal
      yield* TestClock.adjust(0)
      assert.deepStrictEqual([atA.frames, atB.frames], [["2"], ["1"]])
    })
  )

  it.effect("holds the news of an abort too, until it heals", () =>
    Effect.gen(function* () {
      const { ab, ba, network } = yield* three()
      const atB = yield* read(ba)
      yield* network.partition([["a"], ["b"]], { mode: "silent" })
      yield* ab.send([frame("lost")])
      yield* ab.close("abort")
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual([atB.end], [undefined])
      yield* network.heal
      yield* TestClock.adjust(0)
      assert.deepStrictEqual([atB.frames, atB.end?.reason], [[], "reset"])
    })
  )

  it.effect("replaces the one before, and leaves alone who is in no group", () =>
    Effect.gen(function* () {
      const { ab, ac, ba, ca, network } = yield* three()
      const [atB, atC] = [yield* read(ba), yield* read(ca)]
      yield* network.partition([["a"], ["b"]], { mode: "silent" })
      yield* network.partition([["a"], ["c"]], { mode: "silent" })
      yield* ab.send([frame("b")])
      yield* ac.send([frame("c")])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual([atB.frames, atC.frames], [["b"], []])
    })
  )

  it.effect("holds for links and nodes that come later", () =>
    Effect.gen(function* () {
      const { a, network } = yield* three()
      yield* network.partition([["a"], ["d"]], { mode: "silent" })
      yield* host(network, "d")
      const dialling = yield* start(reasonOf(a.transport.dial("d")))
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* Fiber.join(dialling), "timeout")
    })
  )
})

describe("a one-way cut", () => {
  it.effect("holds one direction only, until it heals", () =>
    Effect.gen(function* () {
      const { ab, ba, network } = yield* three()
      const [atA, atB] = [yield* read(ab), yield* read(ba)]
      yield* network.oneWay(["a"], ["b", "c"])
      yield* ab.send([frame("there")])
      yield* ba.send([frame("back")])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual([atA.frames, atB.frames], [["back"], []])
      yield* network.heal
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(atB.frames, ["there"])
      assert.deepInclude(network.statistics.faults, { OneWay: 1, Heal: 1 })
    })
  )
})

describe("drawn faults", () => {
  it.effect("break links on sending, about as often as they should", () =>
    Effect.gen(function* () {
      const { a, b, network } = yield* three({ seed: 5 })
      yield* network.setSendFailure(0.3)
      let failed = 0
      for (let count = 0; count < 200; count++) {
        const [near] = yield* connect(a, b)
        const exit = yield* Effect.exit(near.send([frame("x")]))
        if (Exit.isFailure(exit)) failed++
        yield* near.close("abort")
      }
      assert.approximately(failed, 60, 20)
      assert.strictEqual(network.statistics.sendFailures, failed)
    })
  )

  it.effect("are set to what makes sense: anything else is a mistake in the test, changes nothing, and dies", () =>
    Effect.gen(function* () {
      const { ab, ba, network } = yield* three()
      const mistakes: ReadonlyArray<readonly [Effect.Effect<unknown>, string]> = [
        [network.setSendFailure(20), "RangeError: a probability is from 0 to 1, not 20"],
        [network.setDuplicate(-0.1), "RangeError: a probability is from 0 to 1, not -0.1"],
        [network.setSilentLoss(Number.NaN), "RangeError: a probability is from 0 to 1, not NaN"],
        [network.breakShare(50), "RangeError: a share of the links is from 0 to 1, not 50"],
        [network.setBandwidth("b", 0), "RangeError: a rate is more than 0 bytes a second, not 0"],
        [network.partition([["a"], ["b", "a"]], { mode: "reset" }), 'RangeError: "a" is in two groups of a partition'],
        // @ts-expect-error: whoever has no types may give anything.
        [network.partition([["a"]], { mode: "soft" }), 'RangeError: a partition is silent or by reset, not "soft"']
      ]
      for (const [mistake, said] of mistakes) {
        const exit = yield* Effect.exit(mistake)
        assert.strictEqual(Exit.isFailure(exit) && Exit.hasDies(exit) && String(Cause.squash(exit.cause)), said)
      }
      yield* ab.send([frame("x")])
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* ba.receive).length, 1)
      assert.isTrue(Object.values(network.statistics.faults).every((count) => count === 0))
    })
  )

  it.effect("duplicate and lose frames, about as often as they should, until set back", () =>
    Effect.gen(function* () {
      const { ab, ba, network } = yield* three({ seed: 5 })
      const seen = yield* read(ba)
      yield* network.setDuplicate(0.2)
      yield* network.setSilentLoss(0.1)
      yield* ab.send(Array.from({ length: 1_000 }).map((_, index) => frame(`${index}`)))
      yield* network.setDuplicate(0)
      yield* network.setSilentLoss(0)
      yield* ab.send([frame("end")])
      yield* TestClock.adjust("1 millis")
      const { framesDuplicated, framesSilentlyLost } = network.statistics
      assert.approximately(framesDuplicated, 180, 40)
      assert.approximately(framesSilentlyLost, 100, 30)
      assert.strictEqual(seen.frames.length, 1_001 + framesDuplicated - framesSilentlyLost)
      const numbers = seen.frames.slice(0, -1).map(Number)
      assert.deepStrictEqual(
        numbers,
        numbers.toSorted((x, y) => x - y)
      )
    })
  )
})
