/** Real nodes, each behind a fault proxy under whose address the others know it: what the overlay makes of bad links. */
import { assert, describe, it } from "@effect/vitest"
import { Random } from "@hyparview/core"
import { Broadcast, Discovery, Membership, Node } from "@hyparview/runtime"
import * as FaultProxy from "@hyparview/testing/FaultProxy"
import * as Certificates from "@hyparview/transport-tcp/Certificates"
import type { TcpOptions } from "@hyparview/transport-tcp/TcpConfig"
import * as TcpTransport from "@hyparview/transport-tcp/TcpTransport"
import * as TlsTransport from "@hyparview/transport-tcp/TlsTransport"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { leavesNothing, numbered } from "./faultKit.ts"
import { atFreeAddress, median } from "./kit.ts"
import { cluster, member } from "./tlsKit.ts"

const authority = await Effect.runPromise(Certificates.makeAuthority())

const transports = [
  ["TCP", (_id: string, options: TcpOptions) => Effect.succeed(TcpTransport.layer(options))],
  [
    "TLS",
    (id: string, options: TcpOptions) =>
      Effect.map(member(authority, id), (credentials) => TlsTransport.layer({ ...options, ...credentials }))
  ]
] as const

type LayerOf = (typeof transports)[number][1]

/** Short enough that what the timers find is found within seconds. */
const membership = {
  heartbeatMillis: 300,
  heartbeatMisses: 3,
  cycleMillis: 1_000,
  requestTimeoutMillis: 1_500,
  probeMillis: 1_000,
  bridgeMillis: 1_000,
  repairBackoffMillis: [200, 1_000],
  // Links break all the time here, and are asked for anew.
  admissionPerPeer: { burst: 1_000, perMinute: 6_000 }
} as const

const topic = "news"

/** What a node was told, by who published it. */
interface Heard {
  readonly at: number
  readonly payload: Uint8Array
}

const start = Effect.fnUntraced(function* (layerOf: LayerOf, id: string, options: Partial<Node.Options>) {
  const { context, proxy } = yield* atFreeAddress(
    "127.0.0.1",
    Effect.fnUntraced(function* (own) {
      const proxy = yield* FaultProxy.make({ to: own })
      const transport = yield* layerOf(id, {
        port: own.port,
        advertisePort: proxy.port,
        dialTimeout: "1 second",
        handshakeTimeout: "1 second"
      })
      const context = yield* Layer.build(
        Node.layer({ id, cluster, seed: 1, clusterSize: 5, handshakeTimeout: "1 second", membership, ...options }).pipe(
          Layer.provide(Layer.merge(transport, Discovery.Discovery.layerNone)),
          Layer.fresh
        )
      )
      return { context, proxy }
    })
  )
  const node = Context.get(context, Membership.Membership)
  const broadcast = Context.get(context, Broadcast.Broadcast)
  const heard = new Map<string, Array<Heard>>()
  let lagged = 0
  yield* broadcast.subscribe(topic).pipe(
    Stream.runForEach((delivery) =>
      Effect.sync(() => {
        if (delivery._tag === "Lagged") {
          lagged += delivery.missed
          return
        }
        const key = `${delivery.id.source}#${delivery.id.sequence}`
        heard.set(key, [...(heard.get(key) ?? []), { at: performance.now(), payload: delivery.payload }])
      })
    ),
    Effect.forkScoped({ startImmediately: true })
  )
  const downs: Array<{ readonly peer: string; readonly reason: string }> = []
  yield* node.events.pipe(
    Stream.runForEach((event) =>
      Effect.sync(() => {
        if (event._tag === "NeighborDown") downs.push({ peer: event.peer.id, reason: event.reason })
      })
    ),
    Effect.forkScoped({ startImmediately: true })
  )
  return { id, proxy, node, broadcast, heard, downs, lagged: () => lagged }
})

type Started = Effect.Success<ReturnType<typeof start>>

const within = <A, E, R>(what: string, millis: number, effect: Effect.Effect<A, E, R>) =>
  Effect.timeoutOrElse(effect, {
    duration: millis,
    orElse: () => Effect.die(new Error(`not within ${millis} ms: ${what}`))
  })

const until = (condition: Effect.Effect<boolean>, everyMillis = 20) =>
  Effect.gen(function* () {
    while (!(yield* condition)) yield* Effect.sleep(everyMillis)
  })

/** Every node holds every other one. */
const isWhole = (nodes: ReadonlyArray<Started>) =>
  Effect.map(
    Effect.forEach(nodes, ({ node }) => node.neighbors),
    (views) => views.every((view) => view.length === nodes.length - 1)
  )

/** Five nodes that all hold each other. */
const five = Effect.fnUntraced(function* (layerOf: LayerOf, options: Partial<Node.Options> = {}) {
  const nodes: Array<Started> = []
  for (const id of ["a", "b", "c", "d", "e"]) nodes.push(yield* start(layerOf, id, options))
  for (const { node, proxy } of nodes) {
    yield* node.join(nodes.filter((other) => other.proxy !== proxy).map((other) => `${proxy.host}:${other.proxy.port}`))
  }
  yield* within("the overlay is whole at first", 30_000, until(isWhole(nodes)))
  return nodes
})

/** Whom, but for the first, most of the others have dialled: only an accepted connection goes through a node's proxy. */
const mostDialled = ([, ...others]: ReadonlyArray<Started>): Started => {
  const dialled = ({ proxy }: Started) => proxy.connections().length
  const most = others.reduce((found, node) => (dialled(node) > dialled(found) ? node : found))
  assert.isAbove(dialled(most), 0)
  return most
}

/** A defect of a node's own is logged as an error and nothing else. */
const quiet = Effect.provideService(References.MinimumLogLevel, "Error")

/** Publishes from one, and how long it took until all of these had it. */
const latency = Effect.fnUntraced(function* (from: Started, others: ReadonlyArray<Started>, number: number) {
  const began = performance.now()
  const { sequence, source } = yield* Effect.orDie(from.broadcast.publish(topic, numbered(number)))
  const key = `${source}#${sequence}`
  const have = Effect.sync(() => others.every(({ heard }) => heard.has(key)))
  yield* within(`message ${number} at all`, 20_000, until(have, 1))
  yield* Effect.sleep(10)
  return Math.max(...others.map(({ heard }) => heard.get(key)?.[0]?.at ?? NaN)) - began
})

const messages = 40

/** As for pings (`bystanders.test.ts`), over up to three links and two proxies. */
const floorMillis = 3

/** Every message that was published, at every node: once, whole, and none given up. */
const assertComplete = (nodes: ReadonlyArray<Started>, published: ReadonlyMap<string, number>) => {
  for (const { heard, id, lagged } of nodes) {
    assert.strictEqual(lagged(), 0, `${id} lagged`)
    for (const [key, content] of published) {
      const copies = heard.get(key) ?? []
      assert.strictEqual(copies.length, 1, `${id} was handed ${key}`)
      for (const { payload } of copies) {
        assert.strictEqual(Buffer.compare(payload, numbered(content)), 0, `${key} at ${id} is another`)
      }
    }
  }
}

const faults: ReadonlyArray<FaultProxy.Shape> = [
  { _tag: "Stall" },
  { _tag: "Throttle", bytesPerSecond: 2_000 },
  { _tag: "Delay", delayMillis: 100 },
  { _tag: "Split", segmentBytes: 20 },
  { _tag: "Merge", segmentBytes: 5_000, holdMillis: 300 },
  { _tag: "Through" }
]

const endings: ReadonlyArray<FaultProxy.Ending> = ["fin", "rst", "none"]

describe.each(transports)("nodes over %s", (name, layerOf) => {
  it.live(
    "expel a peer whose links stall as silent, serve the others as fast, and take it back with all that it missed",
    () =>
      leavesNothing(
        Effect.gen(function* () {
          const nodes = yield* five(layerOf)
          const [a] = nodes
          const hurt = mostDialled(nodes)
          if (a === undefined) return assert.fail("five nodes")
          const others = nodes.filter((node) => node !== a && node !== hurt)
          const published = new Map<string, number>()
          const some = (from: number) =>
            Effect.forEach(Array.from({ length: messages }), (_, index) =>
              Effect.tap(latency(a, others, from + index), () =>
                Effect.sync(() => published.set(`a#${from + index}`, from + index))
              )
            )
          yield* some(0)
          const without = median(yield* some(messages))
          // Every connection that others have opened to it, and will; its own go on.
          yield* hurt.proxy.shapeAll("both", { _tag: "Stall" })
          const during = median(yield* some(2 * messages))
          yield* within(
            "somebody notices",
            20_000,
            until(Effect.sync(() => nodes.some(({ downs }) => downs.some(({ reason }) => reason === "silent"))))
          )
          yield* hurt.proxy.shapeAll("both", { _tag: "Through" })
          yield* within("the overlay is whole again", 30_000, until(isWhole(nodes)))
          yield* within(
            "everybody has everything",
            20_000,
            until(Effect.sync(() => nodes.every(({ heard }) => heard.size === published.size)))
          )
          assertComplete(nodes, published)
          console.log(
            `${name}, to the farthest of three, one peer stalled: ${without.toFixed(2)} ms without, ${during.toFixed(2)} ms during`
          )
          assert.isAtMost(during, 2 * without + floorMillis)
        }).pipe(quiet)
      )
  )

  it.live.each([
    { told: "b", whose: "links that it has dialled" },
    { told: "a", whose: "links that it has accepted" }
  ])("find out by heartbeats that a link is half-open: $whose", ({ told }) =>
    leavesNothing(
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const slower = { membership: { ...membership, heartbeatMillis: 600 } }
        const a = yield* start(layerOf, "a", slower)
        // It is not told of its own death, and says no goodbye.
        const b = yield* Effect.provideService(start(layerOf, "b", slower), Scope.Scope, scope)
        yield* a.node.join([])
        yield* b.node.join([`${a.proxy.host}:${a.proxy.port}`])
        yield* within("they hold each other", 10_000, until(isWhole([a, b])))
        // By the one that b has dialled.
        assert.deepStrictEqual([a.proxy.connections().length, b.proxy.connections().length], [1, 0])
        const connection = yield* a.proxy.connection(0)
        const [left, gone] = told === "a" ? [a, b] : [b, a]
        const lost = Effect.sync(() => left.downs.length > 0)
        // Nothing else may end it: the one that is gone reaches nobody any more, and is reached by nobody.
        for (const { proxy } of [a, b]) yield* proxy.shapeAll("both", { _tag: "Stall" })
        yield* connection.cutAfter(left === b ? "toClient" : "toServer", 0, "none")
        yield* within("the one that is gone knows at once", 10_000, until(Effect.sync(() => gone.downs.length > 0)))
        assert.isFalse(yield* lost)
        assert.deepStrictEqual(
          (yield* left.node.neighbors).map(({ id }) => id),
          [gone.id]
        )
        yield* within("the other finds out", 10_000, until(lost))
        assert.deepStrictEqual(left.downs, [{ peer: gone.id, reason: "silent" }])
        assert.notStrictEqual(gone.downs[0]?.reason, "silent")
        yield* within("it has closed its end", 10_000, connection.ended)
        yield* Scope.close(scope, Exit.void)
      }).pipe(quiet)
    )
  )

  it.live("expel a peer that drains too slowly, and no message waits for it", () =>
    leavesNothing(
      Effect.gen(function* () {
        const nodes = yield* five(layerOf, { outboxBytes: 65_536, membership: { ...membership, heartbeatMillis: 0 } })
        const [a] = nodes
        const hurt = mostDialled(nodes)
        if (a === undefined) return assert.fail("five nodes")
        for (const connection of hurt.proxy.connections()) {
          yield* connection.shape("both", { _tag: "Throttle", bytesPerSecond: 500 })
        }
        const expelled = until(
          Effect.sync(() => nodes.some(({ downs }) => downs.some(({ reason }) => reason === "slow")))
        )
        // Far more than the kernel and the proxy hold between them.
        const flooding = yield* Effect.forkScoped(
          Effect.forever(
            Effect.andThen(
              Effect.ignore(a.broadcast.publish(topic, new Uint8Array(16_000), { whenFull: "wait" })),
              Effect.sleep(1)
            )
          )
        )
        yield* within("it is expelled as slow", 60_000, expelled)
        yield* Fiber.interrupt(flooding)
        yield* hurt.proxy.shapeAll("both", { _tag: "Through" })
        yield* within("the overlay is whole again", 30_000, until(isWhole(nodes)))
      }).pipe(quiet)
    )
  )

  it.live(
    "whose links are cut, reset, left half-open, stalled, throttled, delayed, split and merged at random deliver every message once and whole",
    () =>
      leavesNothing(
        Effect.gen(function* () {
          const nodes = yield* five(layerOf)
          const random = Random.seeded(11)
          const published = new Map<string, number>()
          let hurt = 0
          const hurting = yield* Effect.forkScoped(
            Effect.forever(
              Effect.gen(function* () {
                yield* Effect.sleep(60)
                const proxy = nodes[Random.nextBelow(random, nodes.length)]?.proxy
                const connections = proxy?.connections() ?? []
                const connection = connections[Random.nextBelow(random, Math.max(1, connections.length))]
                if (connection === undefined) return
                hurt++
                const direction = Random.nextBelow(random, 2) === 0 ? "toServer" : "toClient"
                const what = Random.nextBelow(random, faults.length + endings.length)
                const shape = faults[what]
                if (shape !== undefined) return yield* connection.shape(direction, shape)
                const ending = endings[what - faults.length] ?? "rst"
                yield* connection.cutAfter(direction, Random.nextBelow(random, 3_000), ending)
              })
            )
          )
          for (let count = 0; count < 150; count++) {
            const from = nodes[count % nodes.length]
            if (from === undefined) continue
            const id = yield* Effect.result(from.broadcast.publish(topic, numbered(count)))
            if (id._tag === "Success") published.set(`${from.id}#${id.success.sequence}`, count)
            yield* Effect.sleep(40)
          }
          yield* Fiber.interrupt(hurting)
          for (const { proxy } of nodes) yield* proxy.shapeAll("both", { _tag: "Through" })
          yield* within("the overlay is whole again", 60_000, until(isWhole(nodes)))
          yield* within(
            "everybody has everything",
            30_000,
            until(Effect.sync(() => nodes.every(({ heard }) => heard.size >= published.size)))
          )
          assertComplete(nodes, published)
          const lost = nodes.flatMap(({ downs }) => downs)
          const reasons = [...new Set(lost.map(({ reason }) => reason))].sort().join(", ")
          console.log(
            `${name}: ${hurt} faults, ${lost.length} links lost (${reasons}), ${published.size} messages, all whole`
          )
          assert.isAbove(lost.length, 5)
          // What was cut or mixed up under way never came to be read as a message.
          const rejected = (yield* Metric.snapshot).find(({ id }) => id === "hyparview_frames_rejected")
          assert.isTrue(rejected === undefined || ("count" in rejected.state && Number(rejected.state.count) === 0))
        }).pipe(quiet)
      )
  )
})
