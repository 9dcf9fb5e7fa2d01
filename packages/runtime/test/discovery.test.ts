import { assert, describe, it } from "@effect/vitest"
import { Cause, Context, Effect, Exit, Layer, Logger, Result } from "effect"
import { Dns, Host, NetAddress } from "effect/net"
import * as DiscoveryDns from "../src/DiscoveryDns.ts"
import { Discovery } from "../src/index.ts"

const a = (address: string) =>
  Dns.makeRecordUnsafe("A", { address: Result.getOrThrow(NetAddress.ipv4FromString(address)) })
const aaaa = (address: string) =>
  Dns.makeRecordUnsafe("AAAA", { address: Result.getOrThrow(NetAddress.ipv6FromString(address)) })
const srv = (target: string, port: number, priority: number) =>
  Dns.makeRecordUnsafe("SRV", { target: Host.domainNameFromStringUnsafe(target), port, priority, weight: 1 })

const zone = Dns.layerStatic({
  records: {
    "cluster.test": [a("10.0.0.1"), a("10.0.0.2"), aaaa("2001:db8::1")],
    "four.test": [a("10.0.0.9")],
    "_hyparview._tcp.none.test": [srv(".", 0, 0)],
    "_hyparview._tcp.cluster.test": [srv("b.cluster.test", 7947, 20), srv("a.cluster.test.", 7946, 10)]
  }
})

const contacts = (layer: Layer.Layer<Discovery.Discovery, unknown>) =>
  Layer.build(layer).pipe(
    Effect.flatMap((context) => Context.get(context, Discovery.Discovery).contacts),
    Effect.scoped
  )

const looked = (query: DiscoveryDns.Query) => contacts(DiscoveryDns.layer(query).pipe(Layer.provide(zone)))

describe("Discovery", () => {
  it.effect("by a static list gives the list", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* contacts(Discovery.Discovery.layerStatic(["a:1", "b:2"])), ["a:1", "b:2"])
      assert.deepStrictEqual(yield* contacts(Discovery.Discovery.layerNone), [])
    })
  )

  it.effect("by A and AAAA records gives each address with the port", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* looked({ kind: "addresses", name: "cluster.test", port: 7946 }), [
        "10.0.0.1:7946",
        "10.0.0.2:7946",
        "[2001:db8::1]:7946"
      ])
      assert.deepStrictEqual(yield* looked({ kind: "addresses", name: "four.test", port: 1 }), ["10.0.0.9:1"])
    })
  )

  it.effect("by a kind of records that there is none of is a mistake", () =>
    Effect.gen(function* () {
      // @ts-expect-error: whoever has no types may give anything.
      const exit = yield* Effect.exit(looked({ kind: "service", name: "cluster.test" }))
      const died = Exit.isFailure(exit) && Exit.hasDies(exit) ? String(Cause.squash(exit.cause)) : "looked"
      assert.include(died, "kind is addresses or services")
    })
  )

  it.effect("by SRV records gives targets and ports, the lowest priority first", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* looked({ kind: "services", name: "_hyparview._tcp.cluster.test" }), [
        "a.cluster.test:7946",
        "b.cluster.test:7947"
      ])
    })
  )

  it.effect("by an SRV record that says that there is no such service gives nobody", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* looked({ kind: "services", name: "_hyparview._tcp.none.test" }), [])
    })
  )

  it.effect("by a name that has no records says so, once until it has some", () => {
    const lines: Array<string> = []
    const logger = Logger.make(({ message }) => lines.push(JSON.stringify(message)))
    let records = 0
    const dns = Layer.succeed(
      Dns.Dns,
      Dns.make({
        lookup: () => Effect.succeed([]),
        resolve: (_, type) => Effect.sync(() => (type === "A" && records > 0 ? [a("10.0.0.1")] : []))
      })
    )
    return Effect.gen(function* () {
      const layer = DiscoveryDns.layer({ kind: "addresses", name: "clutser.test", port: 1 }).pipe(Layer.provide(dns))
      const { contacts } = Context.get(yield* Layer.build(layer), Discovery.Discovery)
      for (records of [0, 0, 1, 1, 0, 0]) assert.lengthOf(yield* contacts, records)
      assert.lengthOf(lines, 2)
      assert.include(lines[0], "clutser.test")
    }).pipe(Effect.scoped, Effect.provide(Logger.layer([logger])))
  })

  it.effect("by a name that does not exist gives nobody; by one that is none, an error that says so", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* looked({ kind: "addresses", name: "nobody.test", port: 1 }), [])
      const failed = yield* Effect.result(looked({ kind: "services", name: "not a name" }))
      if (Result.isSuccess(failed)) return assert.fail("expected an error")
      assert.instanceOf(failed.failure, Discovery.DiscoveryError)
      assert.include(String(failed.failure), "not a name")
    })
  )
})
