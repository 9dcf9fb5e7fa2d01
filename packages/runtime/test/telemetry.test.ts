/** What an operator can read: spans, metrics, and why a contact could not be joined. */
import { assert, describe, it } from "@effect/vitest"
import { MemoryNetwork, MemoryTransport } from "@hyparview/transport-memory"
import { Wire } from "@hyparview/core"
import { Context, Effect, Exit, Layer, Logger, Metric, References, Result, Scope, Stream, Tracer } from "effect"
import { TestClock } from "effect/testing"
import { Broadcast, Discovery, Membership, Node, Transport } from "../src/index.ts"

const node = (
  id: string,
  attributes: Readonly<Record<string, string>> = {},
  contacts: ReadonlyArray<string> = [],
  options: Partial<Node.Options> = {}
) =>
  Layer.build(
    Node.layer({ id, cluster: "test", seed: 1, ...options }).pipe(
      Layer.provide(MemoryTransport.layer({ address: id })),
      Layer.provide(Discovery.Discovery.layerStatic(contacts)),
      Layer.provide(Layer.succeed(Metric.CurrentMetricAttributes, attributes)),
      Layer.fresh
    )
  )

const membershipOf = (context: Context.Context<Membership.Membership | Broadcast.Broadcast>) =>
  Context.get(context, Membership.Membership)

describe("a node", () => {
  it.effect(
    "traces its joins, publications and repairs, these from the loss to the next link, and says whose they are",
    () => {
      const ended: Array<string> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          const end = span.end.bind(span)
          span.end = (at, exit) => {
            const said = ["self", "topic", "reason"].flatMap((name) => span.attributes.get(name) ?? [])
            ended.push([options.name, ...said].join(" "))
            end(at, exit)
          }
          return span
        }
      })
      return Effect.gen(function* () {
        const network = yield* MemoryNetwork.MemoryNetwork
        const nodes = yield* Effect.forEach(["a", "b", "c"], (id) => node(id))
        for (const each of nodes) yield* membershipOf(each).join(["a"])
        yield* TestClock.adjust("1 minute")
        const [first] = nodes
        if (first === undefined) return assert.fail("no node")
        yield* Effect.forkScoped(Context.get(first, Broadcast.Broadcast).publish("t", new Uint8Array(1)))
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* network.breakLink("a", "b"), 1)
        yield* TestClock.adjust("2 minutes")
        assert.include(ended, "Membership.join b")
        assert.include(ended, "Broadcast.publish a t")
        assert.include(ended, "Membership.repair a reset")
      }).pipe(
        Effect.scoped,
        Effect.provide(MemoryNetwork.layer({ seed: 1 })),
        Effect.provideService(Tracer.Tracer, tracer)
      )
    }
  )

  for (const [enabled, expected] of [
    [true, ["b a Success", "a b Success", "a b interrupted"]],
    [false, []]
  ] as const) {
    it.effect(
      `ends the span of a repair with it, or where it leaves amid, if spans are ${enabled ? "on" : "off"}`,
      () => {
        const repairs: Array<string> = []
        const tracer = Tracer.make({
          span: (options) => {
            const span = new Tracer.NativeSpan(options)
            const end = span.end.bind(span)
            span.end = (at, exit) => {
              const how = Exit.hasInterrupts(exit) ? "interrupted" : exit._tag
              const [self, lost] = ["self", "lost"].map((name) => String(span.attributes.get(name)))
              if (options.name === "Membership.repair") repairs.push(`${self} ${lost} ${how}`)
              end(at, exit)
            }
            return span
          }
        })
        return Effect.gen(function* () {
          const network = yield* MemoryNetwork.MemoryNetwork
          const [a, b] = [membershipOf(yield* node("a")), membershipOf(yield* node("b"))]
          yield* a.join([])
          yield* b.join(["a"])
          yield* TestClock.adjust("1 minute")
          assert.strictEqual(yield* network.breakLink("a", "b"), 1)
          yield* TestClock.adjust("2 minutes")
          yield* network.crash("b")
          yield* TestClock.adjust("1 minute")
          assert.deepStrictEqual(yield* a.neighbors, [])
          yield* Effect.forkScoped(a.leave)
          yield* TestClock.adjust("1 minute")
          yield* a.join([])
          assert.deepStrictEqual(repairs, [...expected])
        }).pipe(
          Effect.scoped,
          Effect.provide(MemoryNetwork.layer({ seed: 1 })),
          Effect.provideService(Tracer.Tracer, tracer),
          Effect.provideService(References.TracerEnabled, enabled)
        )
      }
    )
  }

  it.effect("says in its logs whose they are", () => {
    const selves: Array<unknown> = []
    const logger = Logger.make<unknown, void>(({ fiber, message }) => {
      if (String(message).includes("cannot be joined")) {
        selves.push(fiber.getRef(References.CurrentLogAnnotations)["self"])
      }
    })
    return Effect.gen(function* () {
      for (const id of ["a", "b"]) yield* membershipOf(yield* node(id)).join(["nobody"])
      yield* TestClock.adjust("10 millis")
      assert.deepStrictEqual(new Set(selves), new Set(["a", "b"]))
    }).pipe(Effect.scoped, Effect.provide([MemoryNetwork.layer({ seed: 1 }), Logger.layer([logger])]))
  })

  it.effect(
    "warns of more origins than sourcesSize while messages of them are kept, once a minute, and counts them",
    () => {
      const said: Array<unknown> = []
      const logger = Logger.make<unknown, void>(({ logLevel, message }) => {
        if (logLevel === "Warn") said.push(message)
      })
      return Effect.gen(function* () {
        const alone = yield* node("a", {}, [], { broadcast: { sourcesSize: 3 } })
        yield* membershipOf(alone).join([])
        const { publish } = Context.get(alone, Broadcast.Broadcast)
        for (const topic of ["t", "u", "v"]) yield* Effect.forkScoped(publish(topic, new Uint8Array(1)))
        yield* TestClock.adjust("2 seconds")
        assert.deepStrictEqual(said, [])
        for (const topic of ["w", "x"]) yield* Effect.forkScoped(publish(topic, new Uint8Array(1)))
        yield* TestClock.adjust("2 seconds")
        assert.lengthOf(said, 1)
        assert.include(JSON.stringify(said), "sourcesSize")
        yield* Effect.forkScoped(publish("w", new Uint8Array(1)))
        yield* TestClock.adjust("2 seconds")
        const crowded = (yield* Metric.snapshot).find(({ id }) => id === "hyparview_origins_crowded")?.state
        assert.isTrue(crowded !== undefined && "count" in crowded && Number(crowded.count) === 2)
      }).pipe(
        Effect.scoped,
        Effect.provide([MemoryNetwork.layer({ seed: 1 }), Logger.layer([logger])]),
        Effect.provideService(Metric.MetricRegistry, new Map())
      )
    }
  )

  it.effect("does not warn who leaves and joins again of an epoch that only it has raised", () => {
    const said: Array<string> = []
    const logger = Logger.make<unknown, void>(({ logLevel, message }) => {
      if (logLevel === "Warn") said.push(String(message))
    })
    return Effect.gen(function* () {
      const membership = membershipOf(yield* node("a"))
      yield* membership.join([])
      const before = yield* membership.self
      yield* Effect.forkScoped(membership.leave)
      yield* TestClock.adjust("10 seconds")
      yield* membership.join([])
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* membership.self).epoch, before.epoch + 1)
      assert.deepStrictEqual(said, [])
    }).pipe(Effect.scoped, Effect.provide([MemoryNetwork.layer({ seed: 1 }), Logger.layer([logger])]))
  })

  it.effect("counts what it does", () =>
    Effect.gen(function* () {
      const nodes = yield* Effect.forEach(["a", "b"], (id) => node(id))
      for (const each of nodes) yield* membershipOf(each).join(["a"])
      yield* TestClock.adjust("1 minute")
      const counts = new Map((yield* Metric.snapshot).map(({ id, state }) => [id, state]))
      for (const name of ["neighbors_up", "messages_sent", "messages_received", "links_opened"]) {
        const state = counts.get(`hyparview_${name}`)
        assert.isTrue(state !== undefined && "count" in state && Number(state.count) >= 1, name)
      }
    }).pipe(
      Effect.scoped,
      Effect.provide(MemoryNetwork.layer({ seed: 1 })),
      Effect.provideService(Metric.MetricRegistry, new Map())
    )
  )

  it.effect("shows how full it is, under the attributes that it was made with", () =>
    Effect.gen(function* () {
      const labelled = (id: string) => node(id, { node: id })
      const [a, b, c] = [yield* labelled("a"), yield* labelled("b"), yield* labelled("c")]
      for (const each of [a, b, c]) yield* membershipOf(each).join(["a"])
      yield* TestClock.adjust("1 minute")
      const { neighbors, passive } = membershipOf(a)
      const levels = (yield* Metric.snapshot).flatMap(({ attributes, id, state }) =>
        attributes?.["node"] === "a" && "value" in state ? [[id, Number(state.value)] as const] : []
      )
      const level = new Map(levels)
      assert.strictEqual(level.get("hyparview_active"), (yield* neighbors).length)
      assert.strictEqual(level.get("hyparview_passive"), (yield* passive).length)
      assert.strictEqual(level.get("hyparview_outbox_bytes"), 0)
      assert.isAtLeast(level.get("hyparview_mailbox_inputs") ?? 0, 1)
      assert.strictEqual(level.size, levels.length)
    }).pipe(
      Effect.scoped,
      Effect.provide(MemoryNetwork.layer({ seed: 1 })),
      Effect.provideService(Metric.MetricRegistry, new Map())
    )
  )

  /** Of the metrics of the node with this label: counts and levels by name. */
  const metricsOf = (id: string) =>
    Effect.map(
      Metric.snapshot,
      (all) =>
        new Map(
          all.flatMap(({ attributes, id: name, state }) => {
            if (attributes?.["node"] !== id) return []
            if ("value" in state) return [[name, Number(state.value)] as const]
            return "count" in state ? [[name, Number(state.count)] as const] : []
          })
        )
    )

  it.effect("that has left has counted what it did last", () =>
    Effect.gen(function* () {
      const alone = yield* node("a", { node: "a" })
      yield* membershipOf(alone).join([])
      yield* TestClock.adjust("1 minute")
      for (let message = 0; message < 3; message++) {
        yield* Context.get(alone, Broadcast.Broadcast).publish("t", new Uint8Array(9))
      }
      yield* membershipOf(alone).leave
      assert.strictEqual((yield* metricsOf("a")).get("hyparview_broadcasts_published"), 3)
    }).pipe(
      Effect.scoped,
      Effect.provide(MemoryNetwork.layer({ seed: 1 })),
      Effect.provideService(Metric.MetricRegistry, new Map())
    )
  )

  for (const how of ["is closed", "is closed without a word"] as const) {
    it.effect(`that ${how} shows no neighbour any more, and has counted what it did last`, () =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const [a, b] = yield* Effect.forEach(["a", "b"], (id) =>
          node(id, { node: id }, [], { leaveOnClose: how !== "is closed without a word" }).pipe(Scope.provide(scope))
        )
        if (a === undefined || b === undefined) return assert.fail("no nodes")
        for (const each of [a, b]) yield* membershipOf(each).join(["a"])
        yield* TestClock.adjust("1 minute")
        yield* Context.get(b, Broadcast.Broadcast).publish("t", new Uint8Array(9))
        yield* Effect.forkScoped(Scope.close(scope, Exit.void))
        yield* TestClock.adjust("1 minute")
        const metrics = yield* metricsOf("b")
        assert.strictEqual(metrics.get("hyparview_active"), 0)
        assert.strictEqual(metrics.get("hyparview_outbox_bytes"), 0)
        assert.strictEqual(metrics.get("hyparview_eager"), 0)
        assert.strictEqual(metrics.get("hyparview_broadcasts_published"), 1)
        assert.strictEqual(metrics.get("hyparview_retained_messages"), 0)
        assert.strictEqual(metrics.get("hyparview_links_closed"), metrics.get("hyparview_links_opened"))
      }).pipe(
        Effect.scoped,
        Effect.provide(MemoryNetwork.layer({ seed: 1 })),
        Effect.provideService(Metric.MetricRegistry, new Map())
      )
    )
  }

  it.effect("that ends when another has begun under its attributes leaves the gauges to that one", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      // Two clusters, so that the end of the one changes nothing in the other.
      const first = yield* node("b", { node: "b" }).pipe(Scope.provide(scope))
      yield* membershipOf(first).join(["a"])
      yield* membershipOf(yield* node("a")).join([])
      const second = yield* node("c", { node: "b" })
      yield* membershipOf(second).join(["d"])
      yield* membershipOf(yield* node("d")).join([])
      yield* TestClock.adjust("1 minute")
      assert.lengthOf(yield* membershipOf(first).neighbors, 1)
      yield* Effect.forkScoped(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("1 minute")
      assert.lengthOf(yield* membershipOf(second).neighbors, 1)
      assert.strictEqual((yield* metricsOf("b")).get("hyparview_active"), 1)
    }).pipe(
      Effect.scoped,
      Effect.provide(MemoryNetwork.layer({ seed: 1 })),
      Effect.provideService(Metric.MetricRegistry, new Map())
    )
  )

  it.effect("that has ended shows nothing again where it is told to leave after that", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const [a, b] = yield* Effect.forEach(["a", "b"], (id) =>
        node(id, { node: id }, [], { leaveOnClose: false }).pipe(Scope.provide(scope))
      )
      if (a === undefined || b === undefined) return assert.fail("no nodes")
      for (const each of [a, b]) yield* membershipOf(each).join(["a"])
      yield* TestClock.adjust("1 minute")
      yield* Scope.close(scope, Exit.void)
      yield* membershipOf(b).leave
      assert.strictEqual((yield* metricsOf("b")).get("hyparview_active"), 0)
    }).pipe(
      Effect.scoped,
      Effect.provide(MemoryNetwork.layer({ seed: 1 })),
      Effect.provideService(Metric.MetricRegistry, new Map())
    )
  )

  it.effect("says why a contact cannot be joined, goes on asking, and joins it once it is up", () => {
    const said: Array<string> = []
    const saidAt: Array<number> = []
    const logger = Logger.make(({ date, message }) => {
      const line = JSON.stringify(message)
      if (!line.includes("cannot be joined")) return
      said.push(line)
      saidAt.push(date.getTime())
    })
    return Effect.gen(function* () {
      // Joined by name, and named by Discovery again as soon as that has failed.
      const joiner = membershipOf(yield* node("b", {}, ["a"]))
      yield* joiner.join(["a"])
      yield* TestClock.adjust("5 minutes")
      assert.isAtLeast(said.length, 3)
      assert.include(said[0], '"reason":"refused"')
      assert.include(said[1], '"alsoSince":')
      // Once a minute, however often it is dialled.
      for (const [index, at] of saidAt.entries()) assert.isAtLeast(at - (saidAt[index - 1] ?? -60_000), 60_000)
      const contact = membershipOf(yield* node("a"))
      yield* contact.join([])
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual(
        (yield* joiner.neighbors).map(({ id }) => id),
        ["a"]
      )
    }).pipe(Effect.scoped, Effect.provide([MemoryNetwork.layer({ seed: 1 }), Logger.layer([logger])]))
  })

  it.effect("that has not joined says so when others ask it, once a minute, and no more when it has", () => {
    const said: Array<string> = []
    const logger = Logger.make(({ message }) => {
      if (JSON.stringify(message).includes("has not joined itself")) said.push(JSON.stringify(message))
    })
    return Effect.gen(function* () {
      const idle = membershipOf(yield* node("a"))
      const joiner = membershipOf(yield* node("b"))
      yield* joiner.join(["a"])
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(said, [])
      yield* TestClock.adjust("58 seconds")
      assert.lengthOf(said, 1)
      assert.include(said[0], '"peer":"b"')
      yield* TestClock.adjust("4 minutes")
      assert.isAtMost(said.length, 5)
      yield* idle.join([])
      yield* TestClock.adjust("1 minute")
      assert.lengthOf(yield* joiner.neighbors, 1)
      const before = said.length
      yield* TestClock.adjust("5 minutes")
      assert.strictEqual(said.length, before)
    }).pipe(Effect.scoped, Effect.provide([MemoryNetwork.layer({ seed: 1 }), Logger.layer([logger])]))
  })

  it.effect("that is started again and again says why it has to wait for a link", () => {
    const said: Array<string> = []
    const logger = Logger.make(({ message }) => {
      if (JSON.stringify(message).includes("joined too often")) said.push(JSON.stringify(message))
    })
    return Effect.gen(function* () {
      yield* membershipOf(yield* node("a")).join([])
      const start = Effect.gen(function* () {
        const scope = yield* Scope.make()
        const membership = membershipOf(yield* node("b").pipe(Scope.provide(scope)))
        yield* membership.join(["a"])
        yield* TestClock.adjust("100 millis")
        const { length } = yield* membership.neighbors
        yield* Effect.forkScoped(Scope.close(scope, Exit.void))
        yield* TestClock.adjust("100 millis")
        return length
      })
      assert.deepStrictEqual(yield* Effect.replicateEffect(start, 5), [1, 1, 1, 1, 1])
      assert.deepStrictEqual(said, [])
      assert.strictEqual(yield* start, 0)
      assert.lengthOf(said, 1)
      assert.include(said[0], '"peer":"a"')
      assert.match(said[0] ?? "", /"retryAfterMillis":\d{4}/)
    }).pipe(Effect.scoped, Effect.provide([MemoryNetwork.layer({ seed: 1 }), Logger.layer([logger])]))
  })

  it.effect("that has to wait since others have joined too often is not told that it has", () => {
    const said: Array<string> = []
    const logger = Logger.make(({ message }) => said.push(JSON.stringify(message)))
    return Effect.gen(function* () {
      const membership = { admissionOverall: { burst: 1, perMinute: 1 } }
      yield* membershipOf(yield* node("a", {}, [], { membership })).join([])
      for (const id of ["b", "c"]) yield* membershipOf(yield* node(id)).join(["a"])
      yield* TestClock.adjust("100 millis")
      const words = said.filter((line) => line.includes("wait for a link"))
      assert.lengthOf(words, 1)
      assert.include(words[0], "or all together have")
    }).pipe(Effect.scoped, Effect.provide([MemoryNetwork.layer({ seed: 1 }), Logger.layer([logger])]))
  })

  it.effect("asks a Discovery again that has not answered once, although it lets nobody interrupt it", () => {
    let asked = 0
    const contacts = Effect.suspend(() =>
      ++asked === 1 ? Effect.uninterruptible(Effect.never) : Effect.succeed(["a"])
    )
    return Effect.gen(function* () {
      yield* membershipOf(yield* node("a")).join([])
      const context = yield* Layer.build(
        Node.layer({ id: "b", cluster: "test", seed: 1 }).pipe(
          Layer.provide([MemoryTransport.layer({ address: "b" }), Layer.succeed(Discovery.Discovery, { contacts })])
        )
      )
      yield* membershipOf(context).join([])
      yield* TestClock.adjust("10 seconds")
      assert.lengthOf(yield* membershipOf(context).neighbors, 1)
    }).pipe(Effect.scoped, Effect.provide(MemoryNetwork.layer({ seed: 1 })))
  })

  it.effect("warns of itself among its contacts while it is alone, and no longer", () => {
    const said: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => {
      if (logLevel === "Warn") said.push(JSON.stringify(message))
    })
    // Discovery knows another name of this node's own address.
    const named = Layer.effect(
      Transport.Transport,
      Effect.map(Transport.Transport, (transport) => ({
        ...transport,
        dial: (address: string) => transport.dial(address === "alias" ? "b" : address)
      }))
    ).pipe(Layer.provide(MemoryTransport.layer({ address: "b" })))
    return Effect.gen(function* () {
      const context = yield* Layer.build(
        Node.layer({ id: "b", cluster: "test", seed: 1 }).pipe(
          Layer.provide([named, Discovery.Discovery.layerStatic(["alias"])])
        )
      )
      yield* membershipOf(context).join([])
      yield* TestClock.adjust("5 minutes")
      assert.isAtLeast(said.length, 3)
      assert.include(said[0], "this node has dialled itself")
      yield* membershipOf(yield* node("a")).join(["b"])
      yield* TestClock.adjust("1 minute")
      assert.lengthOf(yield* membershipOf(context).neighbors, 1)
      const before = said.length
      yield* TestClock.adjust("10 minutes")
      assert.deepStrictEqual(said.slice(before), [])
    }).pipe(Effect.scoped, Effect.provide([MemoryNetwork.layer({ seed: 1 }), Logger.layer([logger])]))
  })

  it.effect("warns once a minute that it can open no more links, though a known peer be dialled and no contact", () => {
    const lines: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => {
      if (logLevel === "Warn") lines.push(JSON.stringify(message))
    })
    return Effect.gen(function* () {
      let isFull = false
      const own = Layer.effect(
        Transport.Transport,
        Effect.map(Transport.Transport, (transport) => ({
          ...transport,
          dial: (address: string) =>
            isFull
              ? Effect.fail(new Transport.DialError({ address, reason: "limit", detail: "connect EMFILE" }))
              : transport.dial(address)
        }))
      ).pipe(Layer.provide(MemoryTransport.layer({ address: "b" })), Layer.fresh)
      for (const id of ["a", "c"]) yield* membershipOf(yield* node(id)).join(["a"])
      const full = yield* Layer.build(
        Node.layer({ id: "b", cluster: "test", seed: 1, membership: { activeSize: 1 } }).pipe(
          Layer.provide([own, Discovery.Discovery.layerNone])
        )
      )
      yield* membershipOf(full).join(["a"])
      yield* TestClock.adjust("5 minutes")
      assert.deepStrictEqual(
        (yield* membershipOf(full).passive).map(({ id }) => id),
        ["c"]
      )
      isFull = true
      const network = yield* MemoryNetwork.MemoryNetwork
      yield* network.breakLink("a", "b")
      yield* TestClock.adjust("59 seconds")
      const said = lines.filter((line) => line.includes("can open no more links"))
      assert.lengthOf(said, 1)
      assert.include(said[0], '"detail":"connect EMFILE"')
    }).pipe(Effect.scoped, Effect.provide([MemoryNetwork.layer({ seed: 1 }), Logger.layer([logger])]))
  })

  it.effect("warns of an address that is none, and of a contact that ends the link again, with the reason", () => {
    const lines: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => {
      if (logLevel === "Warn") lines.push(JSON.stringify(message))
    })
    return Effect.gen(function* () {
      const joiner = membershipOf(yield* node("b"))
      const far = Context.get(
        yield* Layer.build(Layer.fresh(MemoryTransport.layer({ address: "a" }))),
        Transport.Transport
      )
      yield* Effect.forkScoped(
        Stream.runForEach(far.accepted, (link) =>
          Effect.gen(function* () {
            yield* link.receive
            const peer = { id: "a", epoch: 1, address: "a" }
            const greeting = Wire.encodeHello({
              _tag: "Hello",
              versions: Wire.versions,
              cluster: "test",
              peer,
              knownEpoch: undefined,
              knownAddress: undefined,
              settings: undefined,
              to: undefined
            })
            const bye = Wire.encodeBye("identity", "its certificate belongs to another")
            yield* link.send([[Result.getOrThrow(greeting)], [bye]])
            yield* link.close("flush")
          }).pipe(Effect.ignore, Effect.forkScoped)
        )
      )
      yield* joiner.join(["a", ""])
      yield* TestClock.adjust("5 seconds")
      const ended = lines.filter((line) => line.includes("a link has ended"))
      assert.isAtLeast(ended.length, 1)
      assert.include(ended[0], '"reason":"identity","detail":"its certificate belongs to another"')
      assert.isNotEmpty(lines.filter((line) => line.includes('"reason":"invalidAddress","detail":"')))
    }).pipe(Effect.scoped, Effect.provide([MemoryNetwork.layer({ seed: 1 }), Logger.layer([logger])]))
  })

  const discoveries: ReadonlyArray<readonly [what: string, Discovery.Discovery["Service"], said: string]> = [
    ["does not answer", { contacts: Effect.never }, "no answer within 3000 ms"],
    [
      "answers with one address, as a text",
      // @ts-expect-error: whoever has no types may give anything.
      { contacts: Effect.succeed("host:7946") },
      'it found \\"host:7946\\", which is no list of addresses'
    ],
    [
      "answers with what is no address",
      // @ts-expect-error: whoever has no types may give anything.
      { contacts: Effect.succeed([7946]) },
      "it found [7946], which is no list of addresses"
    ],
    ["dies", { contacts: Effect.die(new Error("a bug")) }, "it died: Error: a bug"],
    ["is interrupted", { contacts: Effect.interrupt }, "it was interrupted"],
    // It keeps the node's scope from closing no more than that.
    ["lets nobody interrupt it", { contacts: Effect.uninterruptible(Effect.never) }, "no answer within 3000 ms"]
  ]
  for (const [what, discovery, expected] of discoveries) {
    it.effect(`says of a Discovery that ${what} what is wrong`, () => {
      const lines: Array<string> = []
      const logger = Logger.make(({ message }) => lines.push(JSON.stringify(message)))
      return Effect.gen(function* () {
        const context = yield* Layer.build(
          Node.layer({ id: "b", cluster: "test", seed: 1 }).pipe(
            Layer.provide(MemoryTransport.layer({ address: "b" })),
            Layer.provide(Layer.succeed(Discovery.Discovery, discovery))
          )
        )
        yield* membershipOf(context).join([])
        yield* TestClock.adjust("10 seconds")
        const said = lines.find((line) => line.includes("no contacts found"))
        assert.include(said, `"detail":"${expected}","_tag":"DiscoveryError"`)
      }).pipe(Effect.scoped, Effect.provide([MemoryNetwork.layer({ seed: 1 }), Logger.layer([logger])]))
    })
  }
})
