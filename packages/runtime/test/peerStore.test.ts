/** What a node remembers from one start to the next: rule 9c, and the peers it knew as contacts of the next join. */
import { assert, describe, it } from "@effect/vitest"
import { MemoryNetwork, MemoryTransport } from "@hyparview/transport-memory"
import { Context, Effect, Exit, Fiber, Latch, Layer, Logger, Metric, Result, Scope } from "effect"
import { TestClock } from "effect/testing"
import { Discovery, Membership, Node, PeerStore } from "../src/index.ts"

const { PeerStoreError } = PeerStore

/** A store that a test can look into, and break. */
const makeStore = () => {
  const saved: Array<PeerStore.Memory> = []
  const state: { fails: boolean; unreadable: boolean; hangs: boolean; memory: PeerStore.Memory | undefined } = {
    fails: false,
    unreadable: false,
    hangs: false,
    memory: undefined
  }
  const use = <A>(effect: Effect.Effect<A>, reason: PeerStore.PeerStoreError["reason"]) =>
    Effect.suspend(() => {
      if (state.hangs) return Effect.never
      return state.fails ? Effect.fail(new PeerStoreError({ reason, place: "here", detail: "broken" })) : effect
    })
  const service = PeerStore.PeerStore.of({
    place: "here",
    load: Effect.suspend(() =>
      use(
        Effect.sync(() => state.memory),
        state.unreadable ? "unreadable" : "corrupt"
      )
    ),
    save: (memory) =>
      use(
        Effect.sync(() => {
          state.memory = memory
          saved.push(memory)
        }),
        "unwritable"
      )
  })
  return { state, saved, layer: Layer.succeed(PeerStore.PeerStore, service) }
}

/** A start of a node, in a scope of its own. */
const start = Effect.fnUntraced(function* (
  id: string,
  store: Layer.Layer<PeerStore.PeerStore> | undefined,
  options: Partial<Node.Options> = {}
) {
  const scope = yield* Scope.fork(yield* Effect.scope)
  const node = Node.layer({ id, cluster: "test", seed: 1, ...options }).pipe(
    Layer.provide([MemoryTransport.layer({ address: `host-${id}` }), Discovery.Discovery.layerNone]),
    Layer.fresh
  )
  const context = yield* Layer.buildWithScope(store === undefined ? node : node.pipe(Layer.provide(store)), scope)
  const membership = Context.get(context, Membership.Membership)
  // A node that leaves waits for its goodbyes.
  const stop = Effect.gen(function* () {
    yield* Effect.forkScoped(Scope.close(scope, Exit.void))
    yield* TestClock.adjust("4 seconds")
  })
  return { membership, stop }
})

const ids = (peers: ReadonlyArray<{ readonly id: string }>) => peers.map(({ id }) => id).sort()

const network = MemoryNetwork.layer({ seed: 1 })

/** Rebinds the log to lines. */
const logged = () => {
  const lines: Array<string> = []
  const logger = Logger.make(({ message }) => lines.push(JSON.stringify(message)))
  return { lines, layer: Logger.layer([logger]) }
}

describe("a node with a peer store", () => {
  it.effect("has the clock's epoch at its first start, and writes it before it joins", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(5_000)
      const store = makeStore()
      const { membership } = yield* start("a", store.layer)
      assert.strictEqual((yield* membership.self).epoch, 5_000)
      assert.deepStrictEqual(store.saved, [{ cluster: "test", id: "a", epoch: 5_000, peers: [] }])
    }).pipe(Effect.scoped, Effect.provide(network))
  )

  it.effect("has a higher epoch than before although the clock was set back, and whatever epoch it is given", () =>
    Effect.gen(function* () {
      const store = makeStore()
      yield* TestClock.setTime(5_000)
      yield* (yield* start("a", store.layer)).stop
      yield* TestClock.setTime(1_000)
      const second = yield* start("a", store.layer)
      assert.strictEqual((yield* second.membership.self).epoch, 5_001)
      yield* second.stop
      const third = yield* start("a", store.layer, { epoch: 7 })
      assert.strictEqual((yield* third.membership.self).epoch, 5_002)
    }).pipe(Effect.scoped, Effect.provide(network))
  )

  it.effect("is remembered by a store in memory", () =>
    Effect.gen(function* () {
      const store = Layer.succeedContext(yield* Layer.build(PeerStore.PeerStore.layerMemory))
      yield* TestClock.setTime(5_000)
      yield* (yield* start("a", store)).stop
      yield* TestClock.setTime(1_000)
      assert.strictEqual((yield* (yield* start("a", store)).membership.self).epoch, 5_001)
    }).pipe(Effect.scoped, Effect.provide(network))
  )

  it.effect("keeps an epoch that it had to raise while it ran", () =>
    Effect.gen(function* () {
      const store = makeStore()
      // Somebody who knows a later incarnation of this id.
      const other = yield* start("b", undefined)
      yield* other.membership.join([])
      const later = yield* start("a", undefined, { epoch: 90_000, leaveOnClose: false })
      yield* later.membership.join(["host-b"])
      yield* TestClock.adjust("5 seconds")
      yield* later.stop
      const { membership } = yield* start("a", store.layer)
      yield* membership.join(["host-b"])
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* membership.self).epoch, 90_001)
      assert.strictEqual(store.state.memory?.epoch, 90_001)
    }).pipe(Effect.scoped, Effect.provide(network))
  )

  it.effect("finds back to the peers that it knew when it is given no contact", () =>
    Effect.gen(function* () {
      const store = makeStore()
      for (const id of ["b", "c", "d"]) yield* (yield* start(id, undefined)).membership.join(["host-b"])
      const first = yield* start("a", store.layer)
      yield* first.membership.join(["host-b"])
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual(ids(yield* first.membership.neighbors), ["b", "c", "d"])
      yield* first.stop
      assert.deepStrictEqual(ids(store.state.memory?.peers ?? []), ["b", "c", "d"])
      const second = yield* start("a", store.layer)
      yield* second.membership.join([])
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual(ids(yield* second.membership.neighbors), ["b", "c", "d"])
    }).pipe(Effect.scoped, Effect.provide(network))
  )

  it.effect(
    "after a crash remembers what was written last: its first neighbours soon, later ones once in an interval",
    () =>
      Effect.gen(function* () {
        const store = makeStore()
        yield* (yield* start("b", undefined)).membership.join([])
        const first = yield* start("a", store.layer, { leaveOnClose: false, peerStoreInterval: "10 seconds" })
        yield* TestClock.adjust("1 minute")
        yield* first.membership.join(["host-b"])
        yield* TestClock.adjust("900 millis")
        assert.strictEqual(store.saved.length, 1)
        // The first neighbours soon: one that crashes within each interval would never remember anybody.
        yield* TestClock.adjust("100 millis")
        assert.deepStrictEqual(ids(store.saved.at(-1)?.peers ?? []), ["b"])
        yield* (yield* start("c", undefined)).membership.join(["host-b"])
        yield* TestClock.adjust("8 seconds")
        assert.deepStrictEqual(ids(yield* first.membership.neighbors), ["b", "c"])
        assert.strictEqual(store.saved.length, 2)
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(ids(store.saved.at(-1)?.peers ?? []), ["b", "c"])
        // Nothing changes, so nothing is written.
        yield* TestClock.adjust("10 minutes")
        assert.strictEqual(store.saved.length, 3)
        yield* first.stop
        assert.strictEqual(store.saved.length, 3)
      }).pipe(Effect.scoped, Effect.provide(network))
  )

  it.effect("writes nothing while its passive view names the same peers, however often it hears of them", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const membership = { activeSize: 2 }
      for (const id of ["b", "c", "d"]) {
        yield* (yield* start(id, undefined, { membership })).membership.join(["host-b"])
      }
      const first = yield* start("a", store.layer, { membership, peerStoreInterval: "10 seconds" })
      yield* first.membership.join(["host-b"])
      yield* TestClock.adjust("5 minutes")
      assert.lengthOf(yield* first.membership.passive, 1)
      assert.deepStrictEqual(ids(store.state.memory?.peers ?? []), ["b", "c", "d"])
      const written = store.saved.length
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual(store.saved.length, written)
    }).pipe(Effect.scoped, Effect.provide(network))
  )

  it.effect("keeps no more peers than it may, those known now before those known once", () =>
    Effect.gen(function* () {
      const peers = ["x", "y", "z"].map((id) => ({ id, epoch: 1, address: `host-${id}` }))
      const store = makeStore()
      store.state.memory = { cluster: "test", id: "a", epoch: 1, peers }
      yield* (yield* start("b", undefined)).membership.join([])
      const first = yield* start("a", store.layer, { rememberedPeers: 2 })
      yield* first.membership.join(["host-b"])
      yield* TestClock.adjust("5 minutes")
      assert.deepStrictEqual(
        store.state.memory.peers.map(({ id }) => id),
        ["b", "x"]
      )
    }).pipe(Effect.scoped, Effect.provide(network))
  )

  const strangers: ReadonlyArray<readonly [string, Partial<PeerStore.Memory>]> = [
    ["another cluster", { cluster: "other" }],
    ["another node", { id: "z" }],
    ["an epoch that is no time", { epoch: Number.MAX_SAFE_INTEGER }],
    ["an epoch above which there is none", { epoch: 2 ** 52 }],
    ["an epoch that is half a millisecond", { epoch: 0.5 }],
    // @ts-expect-error: a store of somebody's own may give anything.
    ["an epoch that is a text", { epoch: "9000" }],
    // @ts-expect-error: likewise.
    ["peers that are none", { peers: "host-b" }],
    ["a peer without an address", { peers: [{ id: "b", epoch: 1, address: "" }] }]
  ]
  for (const [name, changes] of strangers) {
    it.effect(`reports and ignores a memory of ${name}`, () => {
      const { layer, lines } = logged()
      return Effect.gen(function* () {
        const store = makeStore()
        const peers = [{ id: "b", epoch: 1, address: "host-b" }]
        store.state.memory = { cluster: "test", id: "a", epoch: 9_000, peers, ...changes }
        const { membership } = yield* start("a", store.layer, { epoch: 3 })
        assert.strictEqual((yield* membership.self).epoch, 3)
        const ignored = lines.filter((line) => line.includes("ignored"))
        assert.strictEqual(ignored.length, 1)
        assert.include(ignored[0], `"place":"here"`)
        assert.deepStrictEqual(store.state.memory, { cluster: "test", id: "a", epoch: 3, peers: [] })
      }).pipe(Effect.scoped, Effect.provide([network, layer]))
    })
  }

  it.effect("lives without a store that fails, says so once, and counts each time", () => {
    const { layer, lines } = logged()
    return Effect.gen(function* () {
      const store = makeStore()
      store.state.fails = true
      yield* (yield* start("b", undefined)).membership.join([])
      const { membership } = yield* start("a", store.layer, { peerStoreInterval: "10 seconds" })
      yield* membership.join(["host-b"])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(ids(yield* membership.neighbors), ["b"])
      assert.strictEqual(lines.filter((line) => line.includes("cannot be read")).length, 1)
      assert.strictEqual(lines.filter((line) => line.includes("are not kept")).length, 1)
      const failures = (yield* Metric.snapshot).find(({ id }) => id === "hyparview_peer_store_failures")
      assert.isTrue(failures !== undefined && "count" in failures.state && Number(failures.state.count) >= 6)
      store.state.fails = false
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(ids(store.state.memory?.peers ?? []), ["b"])
      assert.strictEqual(lines.filter((line) => line.includes("are kept again")).length, 1)
    }).pipe(Effect.scoped, Effect.provide([network, layer]), Effect.provideService(Metric.MetricRegistry, new Map()))
  })

  it.effect(
    "replaces nothing that it could not read without having tried again: what it held is kept, the epoch too",
    () => {
      const { layer, lines } = logged()
      return Effect.gen(function* () {
        yield* TestClock.setTime(5_000)
        const store = makeStore()
        const before = { cluster: "test", id: "a", epoch: 9_000, peers: [{ id: "old", epoch: 3, address: "host-old" }] }
        store.state.memory = before
        store.state.fails = true
        store.state.unreadable = true
        yield* (yield* start("b", undefined)).membership.join([])
        const { membership } = yield* start("a", store.layer, { peerStoreInterval: "10 seconds" })
        yield* membership.join(["host-b"])
        yield* TestClock.adjust("20 seconds")
        assert.deepStrictEqual(store.state.memory, before)
        store.state.fails = false
        yield* TestClock.adjust("10 seconds")
        // Those known now come first, and the next start's epoch is above both.
        assert.deepStrictEqual(
          store.state.memory?.peers.map(({ id }) => id),
          ["b", "old"]
        )
        assert.strictEqual(store.state.memory?.epoch, 9_000)
        assert.lengthOf(
          lines.filter((line) => line.includes("can be read again")),
          1
        )
        yield* TestClock.adjust("1 minute")
        assert.lengthOf(store.saved, 1)
      }).pipe(Effect.scoped, Effect.provide([network, layer]))
    }
  )

  it.effect(
    "reads once what it could not read before, although it cannot be written for long, and says so once",
    () => {
      const { layer, lines } = logged()
      return Effect.gen(function* () {
        const store = makeStore()
        let asked = 0
        let isFull = true
        const old = { id: "old", epoch: 3, address: "host-old" }
        const full = Layer.effect(
          PeerStore.PeerStore,
          Effect.map(PeerStore.PeerStore, ({ save }) => ({
            load: Effect.suspend(() =>
              ++asked === 1
                ? Effect.fail(new PeerStoreError({ reason: "unreadable", place: "here", detail: "EMFILE" }))
                : Effect.succeed({ cluster: "test", id: "a", epoch: 1, peers: [old] })
            ),
            save: (memory: PeerStore.Memory) =>
              isFull
                ? Effect.fail(new PeerStoreError({ reason: "unwritable", place: "here", detail: "ENOSPC" }))
                : save(memory)
          }))
        ).pipe(Layer.provide(store.layer))
        yield* start("a", full, { peerStoreInterval: "10 seconds" })
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(asked, 2)
        const said = lines.filter((line) => line.includes("can be read again"))
        assert.lengthOf(said, 1)
        isFull = false
        yield* TestClock.adjust("10 seconds")
        assert.deepStrictEqual(store.state.memory?.peers, [old])
      }).pipe(Effect.scoped, Effect.provide([network, layer]))
    }
  )

  it.effect("replaces nothing that does not answer, until it does", () =>
    Effect.gen(function* () {
      const store = makeStore()
      let hangs = true
      const slow = Layer.effect(
        PeerStore.PeerStore,
        Effect.map(PeerStore.PeerStore, ({ load, save }) => ({
          load: Effect.suspend(() => (hangs ? Effect.never : load)),
          save
        }))
      ).pipe(Layer.provide(store.layer))
      const starting = yield* Effect.forkScoped(start("a", slow, { peerStoreInterval: "10 seconds" }))
      yield* TestClock.adjust("1 minute")
      assert.isDefined(starting.pollUnsafe())
      assert.lengthOf(store.saved, 0)
      hangs = false
      yield* TestClock.adjust("1 minute")
      assert.lengthOf(store.saved, 1)
    }).pipe(Effect.scoped, Effect.provide(network))
  )

  it.effect("says what it replaces that could not be read at first, and is another node's, or no memory", () => {
    const { layer, lines } = logged()
    return Effect.gen(function* () {
      const others = { cluster: "test", id: "other", epoch: 1, peers: [] }
      for (const [memory, said] of [
        [others, "another node's"],
        [{ ...others, epoch: -1 }, "epoch -1 is no time"]
      ] as const) {
        const store = makeStore()
        store.state.memory = memory
        store.state.fails = true
        store.state.unreadable = true
        const { stop } = yield* start("a", store.layer, { peerStoreInterval: "10 seconds" })
        store.state.fails = false
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(store.state.memory?.id, "a")
        assert.lengthOf(
          lines.filter((line) => line.includes(said)),
          1
        )
        yield* stop
      }
    }).pipe(Effect.scoped, Effect.provide([network, layer]))
  })

  it.effect("replaces what it cannot read if that is all that ails the store", () =>
    Effect.gen(function* () {
      const store = makeStore()
      const unreadable = Layer.effect(
        PeerStore.PeerStore,
        Effect.map(PeerStore.PeerStore, ({ save }) => ({
          load: Effect.fail(new PeerStoreError({ reason: "unreadable", place: "here", detail: "permission denied" })),
          save
        }))
      ).pipe(Layer.provide(store.layer))
      yield* start("a", unreadable)
      assert.lengthOf(store.saved, 1)
    }).pipe(Effect.scoped, Effect.provide(network))
  )

  it.effect("starts without a store that dies, says of what, and uses it again when it is well", () => {
    const { layer, lines } = logged()
    return Effect.gen(function* () {
      const store = makeStore()
      const broken = new Error("a bug of the store")
      let isBroken = true
      const dying = Layer.effect(
        PeerStore.PeerStore,
        Effect.map(PeerStore.PeerStore, (inner) => ({
          load: Effect.die(broken),
          save: (memory: PeerStore.Memory) => {
            if (isBroken) throw broken
            return inner.save(memory)
          }
        }))
      ).pipe(Layer.provide(store.layer))
      const { membership } = yield* start("a", dying)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* membership.view).status, "idle")
      assert.lengthOf(
        lines.filter((line) => line.includes("it died: Error: a bug of the store")),
        2
      )
      isBroken = false
      yield* TestClock.adjust("1 minute")
      assert.isNotEmpty(store.saved)
    }).pipe(Effect.scoped, Effect.provide([network, layer]))
  })

  it.effect("starts without a store that does not answer, and says which", () => {
    const { layer, lines } = logged()
    return Effect.gen(function* () {
      const store = makeStore()
      store.state.hangs = true
      const fiber = yield* Effect.forkScoped(start("a", store.layer, { peerStoreTimeout: "1 second" }))
      yield* TestClock.adjust("2 seconds")
      const exit = fiber.pollUnsafe()
      assert.isTrue(exit !== undefined && Exit.isSuccess(exit))
      assert.isNotEmpty(lines.filter((line) => line.includes(`"place":"here","detail":"no answer within 1000 ms"`)))
      // Nor does it wait for it for ever when it ends; here time does not go on by itself.
      store.state.hangs = false
    }).pipe(Effect.scoped, Effect.provide([network, layer]))
  })

  it.effect(
    "starts, goes on and ends without a store that lets nobody interrupt it, and asks it for one thing at a time",
    () => {
      const { layer, lines } = logged()
      return Effect.gen(function* () {
        let asked = 0
        const answer = Latch.makeUnsafe(false)
        const hangs = Effect.suspend(() => {
          asked++
          return Effect.uninterruptible(answer.await)
        })
        const store = Layer.succeed(PeerStore.PeerStore, { load: Effect.undefined, save: () => hangs })
        const options = { peerStoreTimeout: "1 second", peerStoreInterval: "10 seconds" } as const
        const starting = yield* Effect.forkScoped(start("a", store, options))
        yield* TestClock.adjust("2 seconds")
        const { membership, stop } = yield* Fiber.join(starting)
        yield* membership.join([])
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(asked, 1)
        assert.strictEqual(lines.filter((line) => line.includes("no answer within 1000 ms")).length, 1)
        yield* answer.open
        answer.closeUnsafe()
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual(asked, 2)
        yield* stop
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* membership.view).status, "left")
      }).pipe(Effect.scoped, Effect.provide([network, layer]))
    }
  )

  it.effect("starts although its store is interrupted", () => {
    const { layer, lines } = logged()
    return Effect.gen(function* () {
      const store = Layer.succeed(PeerStore.PeerStore, { load: Effect.interrupt, save: () => Effect.interrupt })
      const { membership } = yield* start("a", store)
      assert.strictEqual((yield* membership.view).status, "idle")
      assert.lengthOf(
        lines.filter((line) => line.includes("it was interrupted")),
        2
      )
    }).pipe(Effect.scoped, Effect.provide([network, layer]))
  })
})

describe("the options of a peer store", () => {
  const wrong: ReadonlyArray<Partial<Node.Options>> = [
    { rememberedPeers: -1 },
    { rememberedPeers: 4_097 },
    { peerStoreInterval: 0 },
    { peerStoreTimeout: "2 days" }
  ]
  for (const options of wrong) {
    const [named = ""] = Object.keys(options)
    it(`have bounds: ${JSON.stringify(options)}`, () => {
      const resolved = Node.resolve({ id: "n", cluster: "test", ...options })
      if (Result.isSuccess(resolved)) return assert.fail("expected an error")
      assert.include(resolved.failure.message, named)
    })
  }
})
