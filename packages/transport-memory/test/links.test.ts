import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import { nextBelow, seeded } from "@hyparview/core/Random"
import type { Link } from "@hyparview/runtime/Transport"
import { Transport } from "@hyparview/runtime/Transport"
import * as MemoryNetwork from "@hyparview/transport-memory/MemoryNetwork"
import * as MemoryTransport from "@hyparview/transport-memory/MemoryTransport"
import { connect, frame, host, read, reasonOf, start } from "./kit.ts"

const two = (options?: MemoryNetwork.Options) =>
  Effect.gen(function* () {
    const network = yield* MemoryNetwork.make(options)
    return { network, a: yield* host(network, "a"), b: yield* host(network, "b") }
  })

describe("a dial", () => {
  it.effect("takes a round trip; the far end has the link after half of it", () =>
    Effect.gen(function* () {
      const { a, b, network } = yield* two({ latency: { _tag: "Constant", micros: 5_000 } })
      const dialling = yield* start(a.transport.dial("b"))
      yield* TestClock.adjust("5 millis")
      const far = yield* Queue.take(b.links)
      assert.isUndefined(dialling.pollUnsafe())
      yield* TestClock.adjust("5 millis")
      const near = yield* Fiber.join(dialling)
      assert.strictEqual(near.remoteAddress, "b")
      assert.strictEqual(far.remoteAddress, "a#1")
      assert.deepInclude(network.statistics, { dials: 1, dialsAccepted: 1, linksOpened: 1 })
    })
  )

  it.effect("to oneself works", () =>
    Effect.gen(function* () {
      const { a } = yield* two()
      const [near, far] = yield* connect(a, a)
      const seen = yield* read(far)
      yield* near.send([frame("me")])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(seen.frames, ["me"])
    })
  )

  it.effect("to nobody is refused after a round trip, and to nothing is invalid", () =>
    Effect.gen(function* () {
      const { a, network } = yield* two()
      const dialling = yield* start(reasonOf(a.transport.dial("nobody")))
      yield* TestClock.adjust("1 millis")
      assert.isUndefined(dialling.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* Fiber.join(dialling), "refused")
      assert.strictEqual(yield* reasonOf(a.transport.dial("")), "invalidAddress")
      assert.deepInclude(network.statistics, { dials: 1, dialsRefused: 1 })
    })
  )

  it.effect("above the limit of links fails at the dialler, and is refused by the accepter", () =>
    Effect.gen(function* () {
      const { a, b, network } = yield* two({ maxLinks: 2 })
      const c = yield* host(network, "c")
      yield* connect(a, b)
      const [second] = yield* connect(a, b)
      assert.strictEqual(yield* reasonOf(a.transport.dial("b")), "limit")
      const refused = yield* start(reasonOf(c.transport.dial("b")))
      yield* TestClock.adjust("2 millis")
      assert.strictEqual(yield* Fiber.join(refused), "refused")
      yield* second.close("flush")
      yield* TestClock.adjust("1 millis")
      yield* connect(c, b)
    })
  )

  it.effect("to a transport whose links nobody takes is refused once its backlog is full", () =>
    Effect.gen(function* () {
      const { a, network } = yield* two({ acceptBacklog: 2 })
      const idle = yield* network.transport("idle")
      const dials = yield* Effect.forEach([1, 2, 3], () => start(Effect.exit(a.transport.dial("idle"))))
      yield* TestClock.adjust("2 millis")
      const exits = yield* Effect.forEach(dials, Fiber.join)
      assert.deepStrictEqual(exits.map(Exit.isSuccess), [true, true, false])
      const taken = yield* idle.accepted.pipe(Stream.take(2), Stream.runCollect)
      assert.strictEqual(taken.length, 2)
    })
  )

  it.effect("that is interrupted leaves nothing behind, before and after the far end accepted", () =>
    Effect.gen(function* () {
      const { a, b, network } = yield* two()
      const early = yield* start(a.transport.dial("b"))
      yield* Fiber.interrupt(early)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Queue.size(b.links), 0)
      const late = yield* start(a.transport.dial("b"))
      yield* TestClock.adjust("1 millis")
      yield* Fiber.interrupt(late)
      const far = yield* Queue.take(b.links)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* far.closed).reason, "reset")
      assert.deepInclude(network.statistics, { dials: 2, dialsAbandoned: 2, dialsAccepted: 0 })
    })
  )
})

describe("a dial that is answered too late", () => {
  it.effect("fails, and the far end's link is reset", () =>
    Effect.gen(function* () {
      const { a, b, network } = yield* two({ handshakeTimeout: Infinity })
      const dialling = yield* start(reasonOf(a.transport.dial("b")))
      yield* TestClock.adjust("1 millis")
      yield* network.oneWay(["b"], ["a"])
      const far = yield* Queue.take(b.links)
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* Fiber.join(dialling), "timeout")
      assert.strictEqual((yield* far.closed).reason, "reset")
      assert.deepInclude(network.statistics, { dialsTimedOut: 1, dialsAccepted: 0 })
    })
  )
})

describe("an idle network", () => {
  it.effect("leaves the clock alone", () =>
    Effect.gen(function* () {
      const { a, b, network } = yield* two()
      const [near, far] = yield* connect(a, b)
      yield* near.send([frame("x")])
      yield* TestClock.adjust("1 second")
      yield* far.receive
      const wakes = network.statistics.clockWakes
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(network.statistics.clockWakes, wakes)
    })
  )

  it.effect("closes each of many silent links at its own instant, whatever else was planned and dropped", () =>
    Effect.gen(function* () {
      const { a, b, network } = yield* two({ handshakeTimeout: "3 seconds", acceptBacklog: 1_000, maxLinks: 1_000 })
      const ends: Array<readonly [number, number]> = []
      const random = seeded(11)
      for (let count = 0; count < 400; count++) {
        const [near, far] = yield* connect(a, b)
        const accepted = (yield* Clock.currentTimeMillis) - 1
        // Two thirds speak at some time, which takes their deadline out of the middle of the agenda.
        if (nextBelow(random, 3) > 0)
          yield* near.send([frame("x")]).pipe(Effect.delay(nextBelow(random, 900)), Effect.forkScoped)
        else {
          yield* Effect.forkScoped(
            Effect.flatMap(far.closed, () => Effect.map(Clock.currentTimeMillis, (now) => ends.push([accepted, now])))
          )
        }
        if (nextBelow(random, 20) === 0) yield* network.freeze("a").pipe(Effect.andThen(network.unfreeze("a")))
      }
      yield* TestClock.adjust("1 minute")
      assert.isAbove(ends.length, 100)
      assert.strictEqual(network.statistics.handshakeTimeouts, ends.length)
      for (const [accepted, ended] of ends) assert.strictEqual(ended, accepted + 3_000)
    })
  )
})

describe("an address", () => {
  it.effect("takes one listener at a time, and is free when its scope closes", () =>
    Effect.gen(function* () {
      const { network } = yield* two()
      const error = yield* Effect.flip(network.transport("a"))
      assert.strictEqual(error._tag, "TransportError")
      assert.strictEqual((yield* Effect.flip(network.transport(""))).detail, "the address is empty")
      const scope = yield* Scope.make()
      yield* Scope.provide(network.transport("c"), scope)
      yield* Scope.close(scope, Exit.void)
      yield* network.transport("c")
    })
  )
})

describe("a transport whose scope closes", () => {
  it.effect("breaks its links at the far ends, fails its dials, and ends its accepted stream", () =>
    Effect.gen(function* () {
      const { b, network } = yield* two()
      const scope = yield* Scope.make()
      const transport = yield* Scope.provide(network.transport("c"), scope)
      const c = { transport, links: yield* Queue.unbounded<Link>() }
      const [near, far] = yield* connect(c, b)
      const ended = yield* start(Stream.runDrain(transport.accepted))
      const dialling = yield* start(reasonOf(c.transport.dial("b")))
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* near.closed).reason, "reset")
      assert.strictEqual(yield* Fiber.join(dialling), "closed")
      yield* Fiber.join(ended)
      assert.strictEqual(yield* reasonOf(c.transport.dial("b")), "closed")
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* far.closed).reason, "reset")
    })
  )
})

describe("closing a link", () => {
  it.effect("in order delivers what was sent, then tells the far end", () =>
    Effect.gen(function* () {
      const { a, b, network } = yield* two()
      const [near, far] = yield* connect(a, b)
      yield* near.send([frame("one"), frame("two")])
      yield* near.close("flush")
      assert.strictEqual((yield* near.closed).reason, "local")
      assert.strictEqual(yield* reasonOf(near.send([frame("late")])), "local")
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* far.closed).reason, "closed")
      const seen = yield* read(far)
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual([seen.frames, seen.end?.reason], [["one", "two"], "closed"])
      assert.deepInclude(network.statistics, { linksClosed: 1, linksReset: 0, framesLost: 0 })
    })
  )

  it.effect("counts as closed once, though both ends close it before they hear of each other", () =>
    Effect.gen(function* () {
      const { a, b, network } = yield* two()
      const [near, far] = yield* connect(a, b)
      yield* near.close("flush")
      yield* far.close("flush")
      yield* TestClock.adjust("1 millis")
      assert.deepInclude(network.statistics, { linksOpened: 1, linksClosed: 1, linksReset: 0 })
    })
  )

  it.effect("abruptly loses what is under way, and the far end sees a reset", () =>
    Effect.gen(function* () {
      const { a, b, network } = yield* two()
      const [near, far] = yield* connect(a, b)
      const seen = yield* read(far)
      yield* near.send([frame("lost")])
      yield* near.close("abort")
      yield* near.close("flush")
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual([seen.frames, seen.end?.reason], [[], "reset"])
      assert.deepInclude(network.statistics, { linksClosed: 0, linksReset: 1, framesLost: 1 })
    })
  )

  it.effect("frees whoever waits at this end, at once", () =>
    Effect.gen(function* () {
      const { a, b } = yield* two({ receiveLimitBytes: 10 })
      const [near] = yield* connect(a, b)
      const waiting = yield* Effect.forEach([near.receive, near.send([frame("01234"), frame("56789")])], (effect) =>
        start(reasonOf(Effect.asVoid(effect)))
      )
      const watching = yield* Effect.forEach([1, 2], () => start(near.closed))
      yield* TestClock.adjust(0)
      yield* near.close("flush")
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(
        [...waiting, ...watching].map((fiber) => fiber.pollUnsafe() === undefined),
        [false, false, false, false]
      )
      assert.deepStrictEqual(yield* Effect.forEach(waiting, Fiber.join), ["local", "local"])
      for (const end of yield* Effect.forEach(watching, Fiber.join)) assert.strictEqual(end.reason, "local")
      assert.strictEqual(yield* reasonOf(near.receive), "local")
    })
  )

  it.effect("by closing the scope it was dialled in is abrupt, unless it was closed before", () =>
    Effect.gen(function* () {
      const { a, b } = yield* two()
      const scope = yield* Scope.make()
      const [, far] = yield* Scope.provide(connect(a, b), scope)
      const [orderly, farOrderly] = yield* Scope.provide(connect(a, b), scope)
      yield* orderly.close("flush")
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* far.closed).reason, "reset")
      assert.strictEqual((yield* farOrderly.closed).reason, "closed")
    })
  )

  it.effect("at both ends at once is told to nobody twice", () =>
    Effect.gen(function* () {
      const { a, b } = yield* two()
      const [near, far] = yield* connect(a, b)
      yield* near.close("flush")
      yield* far.close("flush")
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual([(yield* near.closed).reason, (yield* far.closed).reason], ["local", "local"])
    })
  )
})

describe("an accepted link", () => {
  it.effect("that was closed in time misses nothing, nor does one of a frozen node", () =>
    Effect.gen(function* () {
      const { a, b, network } = yield* two({ handshakeTimeout: "3 seconds" })
      const [near, far] = yield* connect(a, b)
      yield* network.freeze("b")
      yield* TestClock.adjust("10 seconds")
      yield* network.unfreeze("b")
      yield* near.send([frame("hello")])
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* far.receive).length, 1)
      const [, closed] = yield* connect(a, b)
      yield* closed.close("flush")
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(network.statistics.handshakeTimeouts, 0)
    })
  )

  it.effect("without a first frame in time is closed", () =>
    Effect.gen(function* () {
      const { a, b, network } = yield* two({ handshakeTimeout: "3 seconds" })
      const [near, far] = yield* connect(a, b)
      const [talking, farTalking] = yield* connect(a, b)
      yield* talking.send([frame("hello")])
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual((yield* far.closed).reason, "handshakeTimeout")
      assert.strictEqual((yield* near.closed).reason, "reset")
      assert.strictEqual((yield* farTalking.receive).length, 1)
      assert.strictEqual(network.statistics.handshakeTimeouts, 1)
    })
  )
})

describe("interrupting", () => {
  it.effect("a receive that is about to be told wakes nobody for nothing who reads in its place", () =>
    Effect.gen(function* () {
      const { a, b } = yield* two()
      const [first, farFirst] = yield* connect(a, b)
      const [second, farSecond] = yield* connect(a, b)
      const received: Array<number | undefined> = []
      let wakes = 0
      const look = () => {
        const frames = farSecond.tryReceive?.(() => wakes++)
        received.push(Array.isArray(frames) ? frames.length : undefined)
      }
      const receiving = yield* start(farSecond.receive)
      // Both links bring something at one instant, this one first.
      farFirst.tryReceive?.(() => {
        receiving.interruptUnsafe()
        look()
        look()
      })
      yield* first.send([frame("one")])
      yield* second.send([frame("two")])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(received, [1, undefined])
      assert.strictEqual(wakes, 0)
      yield* second.send([frame("three")])
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(wakes, 1)
    })
  )

  it.effect("a receive loses no frame", () =>
    Effect.gen(function* () {
      const { a, b } = yield* two()
      const [near, far] = yield* connect(a, b)
      const waiting = yield* start(far.receive)
      yield* near.send([frame("x")])
      yield* Fiber.interrupt(waiting)
      yield* TestClock.adjust("1 millis")
      const seen = yield* read(far)
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(seen.frames, ["x"])
    })
  )

  it.effect("a send stops it, and the link can be closed", () =>
    Effect.gen(function* () {
      const { a, b } = yield* two({ receiveLimitBytes: 20 })
      const [near, far] = yield* connect(a, b)
      const waiting = yield* start(near.send([frame("0123456789"), frame("never")]))
      yield* Fiber.interrupt(waiting)
      const seen = yield* read(far)
      yield* TestClock.adjust("1 second")
      yield* near.close("flush")
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual([seen.frames, seen.end?.reason], [["0123456789"], "closed"])
    })
  )
})

describe("a network", () => {
  it.effect("whose scope closes leaves no sleeper behind, and its transports are dead", () =>
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      let sleepers = 0
      const counting: Clock.Clock = Object.assign(Object.create(clock), {
        sleep: (duration: Parameters<Clock.Clock["sleep"]>[0]) =>
          Effect.acquireUseRelease(
            Effect.sync(() => sleepers++),
            () => clock.sleep(duration),
            () => Effect.sync(() => sleepers--)
          )
      })
      const scope = yield* Scope.make()
      const network = yield* MemoryNetwork.make().pipe(
        Effect.provideService(Clock.Clock, counting),
        Scope.provide(scope)
      )
      const a = yield* host(network, "a")
      const b = yield* host(network, "b")
      const [near] = yield* connect(a, b)
      yield* near.send([frame("x")])
      assert.strictEqual(sleepers, 1)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(sleepers, 0)
      assert.strictEqual(yield* reasonOf(a.transport.dial("b")), "closed")
    })
  )

  it.effect("is shared by the transports that are built on its layer", () =>
    Effect.gen(function* () {
      const node = (address: string, authenticatedId?: string) =>
        Effect.map(
          Layer.build(
            MemoryTransport.layer({ address, ...(authenticatedId === undefined ? {} : { authenticatedId }) })
          ),
          (context) => Context.get(context, Transport)
        )
      const a = yield* node("a")
      const b = yield* node("b", "the id of b")
      const dialling = yield* start(a.dial(b.address))
      const taking = yield* start(b.accepted.pipe(Stream.take(1), Stream.runCollect))
      yield* TestClock.adjust("2 millis")
      assert.strictEqual((yield* Fiber.join(dialling)).authenticatedId, "the id of b")
      assert.isUndefined((yield* Fiber.join(taking))[0]?.authenticatedId)
      const { statistics } = yield* MemoryNetwork.MemoryNetwork
      assert.strictEqual(statistics.dialsAccepted, 1)
    }).pipe(Effect.provide(MemoryNetwork.layer({ seed: 3 })))
  )
})
