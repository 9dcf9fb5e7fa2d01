/**
 * What comes over a link that is not from a well-behaved node of this cluster: each is refused with a reason that the far
 * end can read, and the node lives.
 */
import { assert, describe, it } from "@effect/vitest"
import { HyParView, type Node as CoreNode, Wire } from "@hyparview/core"
import { MemoryNetwork, MemoryTransport } from "@hyparview/transport-memory"
import { Context, Effect, Fiber, Formatter, Layer, Logger, Result, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Discovery, Membership, Node, Transport } from "../src/index.ts"

const node = (id: string, options: Partial<Node.Options> = {}) =>
  Layer.build(
    Node.layer({ id, cluster: "test", seed: 1, epoch: 10, ...options }).pipe(
      Layer.provide(MemoryTransport.layer({ address: id })),
      Layer.provide(Discovery.Discovery.layerNone),
      Layer.fresh
    )
  ).pipe(Effect.map((context) => Context.get(context, Membership.Membership)))

/** A bare transport: a stranger that can send whatever it likes. */
const stranger = (address: string) =>
  Layer.build(Layer.fresh(MemoryTransport.layer({ address }))).pipe(
    Effect.map((context) => Context.get(context, Transport.Transport))
  )

const hello = (changes: Partial<Wire.Hello> = {}) =>
  Result.getOrThrow(
    Wire.encodeHello({
      _tag: "Hello",
      versions: Wire.versions,
      cluster: "test",
      peer: { id: "stranger", epoch: 5, address: "s" },
      knownEpoch: undefined,
      knownAddress: undefined,
      settings: undefined,
      to: undefined,
      ...changes
    })
  )

/** Dials the node, sends frames, lets time pass, and reads what came back until the link closed. */
const speak = Effect.fnUntraced(function* (from: Transport.Transport["Service"], frames: ReadonlyArray<Uint8Array>) {
  const link = yield* advance(from.dial("n"))
  // A node that has turned us away already will not take them.
  yield* Effect.ignore(link.send(frames.map((frame) => [frame])))
  yield* TestClock.adjust("5 seconds")
  const heard: Array<Wire.Hello | Wire.Bye> = []
  while (true) {
    const received = yield* Effect.result(link.receive)
    if (Result.isFailure(received)) return { heard, closed: received.failure.reason }
    for (const frame of received.success) {
      const control = Wire.decodeControl(frame)
      if (Result.isSuccess(control)) heard.push(control.success)
    }
  }
})

/** Runs an effect that waits for the network while the clock goes on. */
const advance = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkScoped(effect)
    yield* TestClock.adjust("1 second")
    return yield* Fiber.join(fiber)
  })

const refusals: ReadonlyArray<readonly [name: string, frames: ReadonlyArray<Uint8Array>, reason: Wire.ByeReason]> = [
  ["garbage instead of a Hello", [Uint8Array.of(1, 2, 3)], "protocol"],
  ["a message before the Hello", [Uint8Array.of(23, 7, 12, 0)], "protocol"],
  ["a Hello of another cluster", [hello({ cluster: "other" })], "cluster"],
  ["a Hello of another version", [hello({ versions: { lowest: 200, highest: 201 } })], "version"],
  ["a Hello with the node's own id", [hello({ peer: { id: "n", epoch: 3, address: "s" } })], "identity"],
  ["garbage after the Hello", [hello(), Uint8Array.of(255, 255)], "protocol"],
  ["a second Hello", [hello(), hello()], "protocol"]
]

describe("a stranger", () => {
  for (const [name, frames, reason] of refusals) {
    it.effect(`that sends ${name} is told «${reason}», and the node lives`, () =>
      Effect.gen(function* () {
        const membership = yield* node("n")
        yield* membership.join([])
        const { heard, closed } = yield* speak(yield* stranger("s"), frames)
        assert.strictEqual(closed, "closed")
        const bye = heard.find((control) => control._tag === "Bye")
        assert.strictEqual(bye?.reason, reason)
        assert.isNotEmpty(bye?.detail)
        // It lives: another node joins it.
        const other = yield* node("m")
        yield* other.join(["n"])
        yield* TestClock.adjust("5 seconds")
        assert.deepStrictEqual(
          (yield* membership.neighbors).map(({ id }) => id),
          ["m"]
        )
      }).pipe(Effect.scoped, Effect.provide(MemoryNetwork.layer({ seed: 1 })))
    )
  }

  it.effect("that looks for another node here says nothing of this one's incarnations", () =>
    Effect.gen(function* () {
      const membership = yield* node("n")
      yield* membership.join([])
      const { epoch } = yield* membership.self
      const s = yield* stranger("s")
      const known = { knownEpoch: epoch + 7, knownAddress: "n" }
      yield* speak(s, [hello({ ...known, to: "another" })])
      assert.strictEqual((yield* membership.self).epoch, epoch)
      yield* speak(s, [hello({ ...known, to: "n" })])
      assert.strictEqual((yield* membership.self).epoch, epoch + 8)
    }).pipe(Effect.scoped, Effect.provide(MemoryNetwork.layer({ seed: 1 })))
  )

  it.effect("that says nothing is let go after the handshake time-out", () =>
    Effect.gen(function* () {
      const membership = yield* node("n")
      yield* membership.join([])
      const { closed, heard } = yield* speak(yield* stranger("s"), [])
      assert.deepStrictEqual(heard, [])
      assert.include(["reset", "closed"], closed)
      assert.strictEqual((yield* membership.view).links, 0)
    }).pipe(Effect.scoped, Effect.provide(MemoryNetwork.layer({ seed: 1 })))
  )

  it.effect("beyond the limit of temporary links is told «limit»", () =>
    Effect.gen(function* () {
      const membership = yield* node("n", { temporaryLinks: 1, membership: { activeSize: 1 } })
      yield* membership.join([])
      const s = yield* stranger("s")
      const known = (id: string) => hello({ peer: { id, epoch: 5, address: id } })
      for (const id of ["a", "b"]) {
        const link = yield* advance(s.dial("n"))
        yield* link.send([[known(id)]])
      }
      yield* TestClock.adjust("1 second")
      const { heard } = yield* speak(s, [known("c")])
      assert.deepStrictEqual(
        heard.map((control) => (control._tag === "Bye" ? control.reason : control._tag)),
        ["limit"]
      )
    }).pipe(Effect.scoped, Effect.provide(MemoryNetwork.layer({ seed: 1 })))
  )

  it.effect("takes no more than two slots with all its links under one name", () =>
    Effect.gen(function* () {
      const membership = yield* node("n")
      yield* membership.join([])
      const s = yield* stranger("s")
      for (let index = 0; index < 30; index++) {
        const link = yield* advance(s.dial("n"))
        yield* link.send([[hello()]])
      }
      yield* TestClock.adjust("100 millis")
      assert.strictEqual((yield* membership.view).links, 2)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* membership.view).links, 0)
    }).pipe(Effect.scoped, Effect.provide(MemoryNetwork.layer({ seed: 1 })))
  )

  it.effect("that breaks the protocol again and again is warned of once a minute, with how often it was since", () => {
    const warned: Array<unknown> = []
    const logger = Logger.make<unknown, void>(({ logLevel, message }) => {
      if (logLevel === "Warn" && Array.isArray(message)) warned.push(message[1])
    })
    return Effect.gen(function* () {
      const membership = yield* node("n")
      yield* membership.join([])
      const s = yield* stranger("s")
      const breaks = speak(s, [hello(), Uint8Array.of(255, 255)])
      for (let index = 0; index < 3; index++) yield* breaks
      assert.strictEqual(warned.length, 1)
      assert.notProperty(warned[0], "alsoSince")
      yield* TestClock.adjust("1 minute")
      yield* breaks
      assert.strictEqual(warned.length, 2)
      assert.deepInclude(warned[1], { peer: "stranger", reason: "protocol", alsoSince: 2 })
    }).pipe(Effect.scoped, Effect.provide([MemoryNetwork.layer({ seed: 1 }), Logger.layer([logger])]))
  })

  it.effect(
    "B7. that has become a neighbour has the node dial 32 addresses a cycle at most, by walks in the names of others",
    () =>
      Effect.gen(function* () {
        const membership = yield* node("n", { membership: { activeSize: 1, cycleMillis: 10_000 } })
        yield* membership.join([])
        const s = yield* stranger("s")
        let dialled = 0
        yield* Effect.forkScoped(Stream.runForEach(s.accepted, () => Effect.sync(() => dialled++)))
        const link = yield* advance(s.dial("n"))
        const self = { id: "stranger", epoch: 5, address: "s" }
        const say = (message: CoreNode.Message) =>
          link.send([Result.getOrThrow(Wire.encode(message, { local: self, remote: { id: "n", epoch: 10 } }))])
        const walks = Effect.gen(function* () {
          for (let index = 0; index < 100; index++) {
            const origin = { id: `made up ${index}`, epoch: 1, address: "s" }
            const walk = { link: { asker: self.id, epoch: self.epoch, requestId: 1 }, requestId: 1, origin, ttl: 1 }
            yield* say({ _tag: "Shuffle", ...walk, sample: { peers: [], ages: [] } })
          }
          yield* TestClock.adjust("3 seconds")
        })
        yield* link.send([[hello()]])
        yield* say({ _tag: "Join", requestId: 1 })
        yield* walks
        assert.strictEqual(dialled, 32)
        yield* TestClock.adjust("7 seconds")
        yield* walks
        assert.strictEqual(dialled, 64)
        assert.deepStrictEqual(
          (yield* membership.neighbors).map(({ id }) => id),
          ["stranger"]
        )
      }).pipe(Effect.scoped, Effect.provide(MemoryNetwork.layer({ seed: 1 })))
  )

  it.effect("that says Hello late is told the epoch that the node has by then", () =>
    Effect.gen(function* () {
      const membership = yield* node("n")
      yield* membership.join([])
      const s = yield* stranger("s")
      const dials = yield* Effect.forkScoped(Effect.all([s.dial("n"), s.dial("n")]))
      yield* TestClock.adjust("100 millis")
      const [early, claimant] = yield* Fiber.join(dials)
      yield* claimant.send([[hello({ peer: { id: "n", epoch: 40, address: "s" } })]])
      yield* TestClock.adjust("100 millis")
      assert.strictEqual((yield* membership.self).epoch, 41)
      yield* early.send([[hello()]])
      yield* TestClock.adjust("100 millis")
      const [first] = yield* early.receive
      const said = first === undefined ? undefined : Result.getOrUndefined(Wire.decodeControl(first))
      assert.strictEqual(said?._tag === "Hello" ? said.peer.epoch : said, 41)
    }).pipe(Effect.scoped, Effect.provide(MemoryNetwork.layer({ seed: 1 })))
  )

  it.effect("gets no answer but a goodbye from a node that has stopped", () =>
    Effect.gen(function* () {
      const membership = yield* node("n")
      yield* membership.join([])
      const s = yield* stranger("s")
      for (const epoch of [40, 80]) yield* speak(s, [hello({ peer: { id: "n", epoch, address: "s" } })])
      assert.strictEqual((yield* membership.view).status, "stopped")
      const { heard } = yield* speak(s, [hello()])
      assert.deepStrictEqual(
        heard.map((control) => (control._tag === "Bye" ? control.reason : control._tag)),
        ["identity"]
      )
      assert.strictEqual((yield* membership.view).links, 0)
    }).pipe(Effect.scoped, Effect.provide(MemoryNetwork.layer({ seed: 1 })))
  )

  it.effect("is told a known higher epoch of its id, and refused", () =>
    Effect.gen(function* () {
      const membership = yield* node("n")
      yield* membership.join([])
      const later = yield* node("m", { epoch: 20 })
      yield* later.join(["n"])
      yield* TestClock.adjust("5 seconds")
      const { heard } = yield* speak(yield* stranger("s"), [hello({ peer: { id: "m", epoch: 11, address: "s" } })])
      assert.deepStrictEqual(
        heard.map((control) => (control._tag === "Hello" ? control.knownEpoch : control.reason)),
        [20, "superseded"]
      )
    }).pipe(Effect.scoped, Effect.provide(MemoryNetwork.layer({ seed: 1 })))
  )
})

describe("a node's options", () => {
  const wrong: ReadonlyArray<readonly [Partial<Node.Options>, string]> = [
    [{ id: "" }, "id"],
    [{ id: "x".repeat(256) }, "id"],
    [{ id: "ä".repeat(128) }, "id is"],
    [{ id: "node-\ud800" }, "id is"],
    [{ cluster: "" }, "cluster"],
    [{ cluster: "\udc00" }, "cluster is"],
    [{ epoch: 1.5 }, "epoch"],
    [{ epoch: HyParView.highestEpoch + 1 }, "epoch is"],
    [{ seed: NaN }, "seed is NaN"],
    [{ handshakeTimeout: "10 seconds" }, "handshakeTimeout"],
    // @ts-expect-error: a configuration read from elsewhere need not be of the type.
    [{ leaveDeadline: "soon" }, 'leaveDeadline is "soon"'],
    [{ temporaryLinkIdle: -5n }, "temporaryLinkIdle is -5n"],
    [{ outboxBytes: 1 }, "outboxBytes"],
    [{ outboxBytes: NaN }, "outboxBytes"],
    [{ outboxBytes: 100_000, broadcast: { fetchBytes: 60_000 } }, "outboxBytes"],
    [{ outboxBytes: 100_000, broadcast: { recallBytes: 60_000 } }, "outboxBytes"],
    [{ subscriberBuffer: 0 }, "subscriberBuffer"],
    [{ subscriberBytes: 0.5 }, "subscriberBytes"],
    [{ reorderBuffer: 0 }, "reorderBuffer"],
    [{ historyTimeout: 0 }, "historyTimeout"],
    [{ validators: 0 }, "validators"],
    [{ validatorTimeout: "2 days" }, "validatorTimeout"],
    [{ waitingPublishers: -1 }, "waitingPublishers"],
    [{ broadcast: { windowSize: 0 } }, "windowSize"],
    [{ broadcast: { graftMillis: 100, graftAgainMillis: 200 } }, "graftAgainMillis"],
    [{ clusterSize: 0 }, "clusterSize"],
    [{ membership: { activeSize: 31 } }, "activeSize"],
    [{ membership: { activeSize: 5, protectedLinks: 5 } }, "protectedLinks"],
    [{ membership: { shuffleActive: 6 } }, "shuffleActive"]
  ]
  for (const [options, named] of wrong) {
    it(`out of bounds are an error that names ${named}: ${Formatter.format(options).slice(0, 60)}`, () => {
      const resolved = Node.resolve({ id: "n", cluster: "test", ...options })
      if (Result.isSuccess(resolved)) return assert.fail("expected an error")
      assert.include(resolved.failure.message, named)
    })
  }

  const untyped: ReadonlyArray<readonly [object, string]> = [
    [{ id: undefined }, "id is undefined: expected 1 to 255 bytes"],
    [{ id: 7 }, "id is 7: expected"],
    [{ cluster: undefined }, "cluster is undefined: expected"],
    [{ cluster: ["a"] }, 'cluster is ["a"]: expected'],
    [{ outboxBytes: 5_000n }, "outboxBytes is 5000n: expected"],
    [{ membership: null }, "membership is null: expected an object"],
    [{ broadcast: 5 }, "broadcast is 5: expected an object"],
    [{ broadcast: [] }, "broadcast is []: expected an object"],
    [{ membership: { aktiveSize: 3 } }, "aktiveSize is 3: no such parameter"],
    [{ outboxByte: 5_000 }, "outboxByte is 5000: no such option. Options are id, cluster, join, clusterSize, "],
    [{ leaveOnClose: "no" }, 'leaveOnClose is "no": expected true or false'],
    [{ observe: 5 }, "observe is 5: expected a function"]
  ]
  for (const [options, message] of untyped) {
    it(`that no compiler has seen are an error too: ${message}`, () => {
      const resolved = Node.resolve({ id: "n", cluster: "test", ...options })
      if (Result.isSuccess(resolved)) return assert.fail("expected an error")
      assert.include(resolved.failure.message, message)
    })
  }

  it("are an object", () => {
    for (const options of [undefined, null, "node-a", [], 5]) {
      // @ts-expect-error: whoever has no types may give anything.
      const resolved = Node.resolve(options)
      if (Result.isSuccess(resolved)) return assert.fail("expected an error")
      assert.include(resolved.failure.message, `options is ${Formatter.format(options)}: expected an object`)
    }
    return undefined
  })

  it("have their default where they are undefined, parameters too", () => {
    const resolve = (options: object) => Node.resolve({ id: "n", cluster: "test", outboxBytes: 100_000, ...options })
    const undefinedOf = (names: ReadonlyArray<string>) => Object.fromEntries(names.map((name) => [name, undefined]))
    const defaults = resolve({})
    assert.isTrue(Result.isSuccess(defaults))
    const membership = undefinedOf(["activeSize", "cycleMillis"])
    const broadcast = undefinedOf(["fetchBytes", "recallBytes"])
    assert.deepStrictEqual(resolve({ membership, broadcast }), defaults)
    const optional = ["membership", "broadcast", "leaveOnClose", "observe", "clusterSize", "seed", "historyTimeout"]
    assert.deepStrictEqual(resolve(undefinedOf(optional)), defaults)
  })

  it("may be as large as others take them", () => {
    const largest = { id: "ä".repeat(127), cluster: "x".repeat(255), epoch: HyParView.highestEpoch }
    assert.isTrue(Result.isSuccess(Node.resolve(largest)))
  })
})
