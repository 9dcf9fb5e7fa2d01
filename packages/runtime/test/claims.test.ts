/**
 * What a member says of later incarnations of a node (rules 9d and 9e): it can have it take a higher epoch, and cannot stop it.
 * Two processes that do share an id are found out all the same.
 */
import { assert, describe, it } from "@effect/vitest"
import { type Peer, Wire } from "@hyparview/core"
import { MemoryNetwork, MemoryTransport } from "@hyparview/transport-memory"
import { Context, Effect, Exit, Fiber, Layer, Logger, Result, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Discovery, Membership, Node, Transport } from "../src/index.ts"

type Service = Transport.Transport["Service"]

const nodeOver = (id: string, transport: Service, options: Partial<Node.Options> = {}) =>
  Layer.build(
    Node.layer({ id, cluster: "test", seed: 1, epoch: 10, leaveOnClose: false, ...options }).pipe(
      Layer.provide(Layer.succeed(Transport.Transport, transport)),
      Layer.provide(Discovery.Discovery.layerNone),
      Layer.fresh
    )
  ).pipe(Effect.map((context) => Context.get(context, Membership.Membership)))

/** A bare transport. Where it is `proven`, others are told that it is who its address says, as a certificate would. */
const transportAt = (address: string, proven = false) =>
  Layer.build(Layer.fresh(MemoryTransport.layer({ address, authenticatedId: proven ? address : undefined }))).pipe(
    Effect.map((context) => Context.get(context, Transport.Transport))
  )

const liarAt = (address: string): Peer.Peer => ({ id: "liar", epoch: 5, address })

const hello = (peer: Peer.Peer, knownEpoch?: number, knownAddress?: string) =>
  Result.getOrThrow(
    Wire.encodeHello({
      _tag: "Hello",
      versions: Wire.versions,
      cluster: "test",
      peer,
      knownEpoch,
      knownAddress,
      settings: undefined,
      to: undefined
    })
  )

/** `n`, which has `m` for a neighbour, and a member that speaks the wire format and nothing else. */
const setUp = Effect.fnUntraced(function* (proven = false) {
  const n = yield* nodeOver("n", yield* transportAt("n", proven))
  const m = yield* nodeOver("m", yield* transportAt("m", proven))
  yield* n.join([])
  yield* m.join(["n"])
  yield* TestClock.adjust("5 seconds")
  const neighbors = Effect.map(n.neighbors, (peers) => peers.map(({ id }) => id))
  assert.deepStrictEqual(yield* neighbors, ["m"])
  const liar = yield* transportAt("liar", proven)
  /** Says in a Hello that there is a later incarnation of `n`, and hangs up. */
  const claim = (epoch: number, address: string | undefined) =>
    Effect.gen(function* () {
      const link = yield* liar.dial("n")
      yield* link.send([[hello(liarAt("liar"), epoch, address)]])
      yield* Effect.sleep("500 millis")
    }).pipe(Effect.scoped, Effect.ignore, Effect.forkScoped)
  return { n, m, neighbors, liar, claim }
})

/** Answers whoever dials with some frames, or with nothing. Returns how often it has been dialled, and how many links are open. */
const answer = Effect.fnUntraced(function* (at: Service, frames: ReadonlyArray<Uint8Array>) {
  const dialled = { times: 0, open: 0 }
  yield* Effect.forkScoped(
    Stream.runForEach(at.accepted, (link) =>
      Effect.gen(function* () {
        dialled.times++
        dialled.open++
        yield* Effect.forkScoped(
          Effect.andThen(
            link.closed,
            Effect.sync(() => dialled.open--)
          )
        )
        if (frames.length > 0) yield* Effect.ignore(link.send(frames.map((frame) => [frame])))
      })
    ),
    { startImmediately: true }
  )
  return dialled
})

const onNetwork = Effect.provide(MemoryNetwork.layer({ seed: 1 }))

/** All warnings, with their fields. */
const collecting = () => {
  const warned: Array<unknown> = []
  const logger = Logger.make<unknown, void>(({ logLevel, message }) => {
    if (logLevel === "Warn" && Array.isArray(message)) warned.push(message)
  })
  return { warned, layer: Logger.layer([logger]) }
}

const places: ReadonlyArray<readonly [where: string, address: string | undefined, answers: number]> = [
  ["nowhere that it would say", undefined, 0],
  ["where nobody is", "nobody", 0],
  ["where another node is", "m", 0],
  ["where the node itself is", "n", 0],
  ["where it is itself", "liar", 5]
]

describe("B9. a member that lies of a later incarnation of a node", () => {
  for (const [where, address, answers] of places) {
    it.effect(`which is ${where}, does not stop it, and does not keep it from its links`, () =>
      Effect.gen(function* () {
        const { claim, liar, n, neighbors } = yield* setUp()
        const dialled = yield* answer(liar, [hello(liarAt("liar"))])
        // The first is believed: it may be of a process that is no more. Two more with it are not.
        for (const epoch of [20, 30, 40]) yield* claim(epoch, address)
        yield* TestClock.adjust("10 seconds")
        const { epoch } = yield* n.self
        assert.include([21, 31, 41], epoch)
        assert.deepStrictEqual(yield* neighbors, ["m"])
        for (let second = 0; second < 48; second++) {
          yield* claim(1_000 + second, address)
          yield* TestClock.adjust("1 second")
          assert.deepStrictEqual([(yield* n.self).epoch, yield* neighbors], [epoch, ["m"]])
        }
        assert.isAtMost(dialled.times, answers)
        // Each minute one of them is the first again.
        for (let second = 0; second < 180; second++) {
          yield* claim(2_000 + second, address)
          yield* TestClock.adjust("1 second")
        }
        yield* TestClock.adjust("10 seconds")
        assert.deepStrictEqual([(yield* n.view).status, yield* neighbors], ["joined", ["m"]])
        assert.isAtMost(dialled.open, 1)
      }).pipe(Effect.scoped, onNetwork)
    )
  }

  it.effect("has it dial one address in twelve seconds, whatever it names, and is warned of once a minute", () => {
    const { layer, warned } = collecting()
    return Effect.gen(function* () {
      const { claim } = yield* setUp()
      const silent = yield* Effect.forEach(["s", "t"], (address) =>
        Effect.flatMap(transportAt(address), (at) => answer(at, []))
      )
      yield* claim(20, undefined)
      yield* TestClock.adjust("1 second")
      warned.splice(0)
      for (let second = 0; second < 36; second++) {
        yield* claim(1_000 + second, second % 2 === 0 ? "s" : "t")
        yield* TestClock.adjust("1 second")
        // One at a time, and for as long as a handshake may take.
        assert.isAtMost(
          silent.reduce((open, at) => open + at.open, 0),
          second % 12 < 2 ? 1 : 0
        )
      }
      assert.strictEqual(
        silent.reduce((times, at) => times + at.times, 0),
        3
      )
      assert.strictEqual(warned.length, 1)
      assert.deepInclude(Array.isArray(warned[0]) ? warned[0][1] : undefined, {
        peer: "liar",
        detail: "it is not looked into: the last one was not long ago"
      })
    }).pipe(Effect.scoped, Effect.provide([MemoryNetwork.layer({ seed: 1 }), layer]))
  })

  it.effect("and answers in the node's name does not stop it where it is proven who answers", () =>
    Effect.gen(function* () {
      const { claim, liar, n, neighbors } = yield* setUp(true)
      const dialled = yield* answer(liar, [hello({ id: "n", epoch: 5_000, address: "liar" })])
      yield* claim(20, "liar")
      for (let second = 0; second < 50; second++) {
        yield* TestClock.adjust("1 second")
        yield* claim(1_000 + second, "liar")
      }
      assert.strictEqual(dialled.times, 5)
      assert.deepStrictEqual([yield* n.self, yield* neighbors], [{ id: "n", epoch: 21, address: "n" }, ["m"]])
    }).pipe(Effect.scoped, onNetwork)
  )

  it.effect("and answers in the node's name does stop it where nothing proves who answers", () =>
    Effect.gen(function* () {
      const { claim, liar, n } = yield* setUp()
      yield* answer(liar, [hello({ id: "n", epoch: 5_000, address: "liar" })])
      for (const epoch of [20, 1_000]) {
        yield* claim(epoch, "liar")
        yield* TestClock.adjust("1 second")
      }
      assert.strictEqual((yield* n.view).status, "stopped")
    }).pipe(Effect.scoped, onNetwork)
  )

  it.effect("holds up no node that leaves or ends meanwhile", () =>
    Effect.gen(function* () {
      const silent = yield* answer(yield* transportAt("silent"), [])
      const scope = yield* Scope.make()
      const { claim, n } = yield* Scope.provide(setUp(), scope)
      for (const epoch of [20, 1_000]) {
        yield* Scope.provide(claim(epoch, "silent"), scope)
        yield* TestClock.adjust("1 second")
      }
      assert.strictEqual(silent.open, 1)
      const leaving = yield* Effect.forkScoped(n.leave)
      yield* TestClock.adjust("500 millis")
      yield* Fiber.join(leaving)
      assert.strictEqual(silent.open, 0)
      yield* n.join(["m"])
      yield* TestClock.adjust("15 seconds")
      const { epoch } = yield* n.self
      yield* Scope.provide(claim(epoch + 1_000, "silent"), scope)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual([silent.times, silent.open], [2, 1])
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust("100 millis")
      assert.strictEqual(silent.open, 0)
    }).pipe(Effect.scoped, onNetwork)
  )
})

describe("two processes with one id", () => {
  /** `c` is all that they know; the first is there before the second. Waits until one has stopped. */
  const beside = Effect.fnUntraced(function* (first: Service, second: Service, other: Service) {
    const c = yield* nodeOver("c", other)
    yield* c.join([])
    const a = yield* nodeOver("a", first)
    yield* a.join(["c"])
    yield* TestClock.adjust("5 seconds")
    const b = yield* nodeOver("a", second, { epoch: 20, seed: 2 })
    yield* b.join(["c"])
    yield* TestClock.adjust("30 seconds")
    const statuses = yield* Effect.forEach([a, b], ({ view }) => Effect.map(view, ({ status }) => status))
    assert.deepStrictEqual([...statuses].sort(), ["joined", "stopped"])
    assert.deepStrictEqual(
      (yield* c.neighbors).map(({ id }) => id),
      ["a"]
    )
    return statuses
  })

  it.effect("find each other beside a single other node", () =>
    Effect.gen(function* () {
      yield* beside(yield* transportAt("first"), yield* transportAt("second"), yield* transportAt("c"))
    }).pipe(Effect.scoped, onNetwork)
  )

  it.effect("and one name find each other too, where that leads to the later one", () =>
    Effect.gen(function* () {
      /** As where a name is looked up: everybody who dials it comes to one and the same. */
      const named = (transport: Service, own: string): Service => ({
        ...transport,
        address: own,
        dial: (address) => transport.dial(address === "name" ? "second" : address)
      })
      const statuses = yield* beside(
        named(yield* transportAt("first"), "name"),
        named(yield* transportAt("second"), "name"),
        named(yield* transportAt("c"), "c")
      )
      assert.deepStrictEqual(statuses, ["stopped", "joined"])
    }).pipe(Effect.scoped, onNetwork)
  )

  it.effect("that cannot reach each other go on, since nobody can tell them from one that is lied to", () => {
    const { layer, warned } = collecting()
    return Effect.gen(function* () {
      const apart = (transport: Service, unreachable: string): Service => ({
        ...transport,
        dial: (address) => transport.dial(address === unreachable ? "nobody" : address)
      })
      const c = yield* nodeOver("c", yield* transportAt("c"))
      yield* c.join([])
      const a = yield* nodeOver("a", apart(yield* transportAt("first"), "second"))
      const b = yield* nodeOver("a", apart(yield* transportAt("second"), "first"), { epoch: 20, seed: 2 })
      yield* a.join(["c"])
      yield* TestClock.adjust("5 seconds")
      yield* b.join(["c"])
      yield* TestClock.adjust("5 minutes")
      const statuses = yield* Effect.forEach([a, b], ({ view }) => Effect.map(view, ({ status }) => status))
      assert.deepStrictEqual(statuses, ["joined", "joined"])
      assert.deepStrictEqual(
        (yield* c.neighbors).map(({ id }) => id),
        ["a"]
      )
      assert.isTrue(
        warned.some((entry) => Array.isArray(entry) && `${entry[0]}`.startsWith("a peer says that another process"))
      )
    }).pipe(Effect.scoped, Effect.provide([MemoryNetwork.layer({ seed: 1 }), layer]))
  })
})
