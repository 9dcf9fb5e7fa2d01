/** Three nodes over TCP, two changes of the settings, and a fourth node that comes after them. */
import { Discovery, Membership, Node } from "@hyparview/runtime"
import { TcpTransport } from "@hyparview/transport-tcp"
import { Console, Context, Duration, Effect, Layer, Stream } from "effect"
import { makeSettings, type Settings } from "./settings.ts"

/**
 * A node over TCP that keeps the last settings for a month, so that who joins until then gets them from any neighbour,
 * even if their author is gone.
 */
const nodeLayer = (name: string, join: ReadonlyArray<string>) =>
  Node.layer({
    id: name,
    cluster: "config-push",
    join,
    broadcast: { retainedMillis: Duration.toMillis("30 days"), retainedMessages: 16 }
  }).pipe(
    Layer.provide(TcpTransport.layer({ host: "127.0.0.1", port: 0 })),
    Layer.provide(Discovery.Discovery.layerNone)
  )

/** Starts a node that joins, and gives it the cluster's settings. */
const start = Effect.fnUntraced(function* (name: string, contacts: ReadonlyArray<string>) {
  const services = yield* Layer.build(nodeLayer(name, contacts))
  const membership = Context.get(services, Membership.Membership)
  if (contacts.length > 0) yield* membership.awaitNeighbors(1)
  const settings = yield* Effect.provide(makeSettings, services)
  return { name, settings, address: (yield* membership.self).address }
})

type Started = Effect.Success<ReturnType<typeof start>>

/** Waits until a node's settings are as wished, and says so. */
const expect = (node: Started, what: string, isThere: (settings: Settings) => boolean) =>
  node.settings.changes.pipe(
    Stream.filter(isThere),
    Stream.runHead,
    Effect.andThen(Console.log(`${node.name} has ${what}`))
  )

export const demonstration = Effect.gen(function* () {
  const anna = yield* start("anna", [])
  const bela = yield* start("bela", [anna.address])
  const cleo = yield* start("cleo", [anna.address])

  yield* Console.log("anna sets the log level to debug")
  yield* anna.settings.push({ logLevel: "debug" })
  for (const node of [bela, cleo]) yield* expect(node, "log level debug", ({ logLevel }) => logLevel === "debug")

  yield* Console.log("bela allows 500 requests per second")
  yield* bela.settings.push({ requestsPerSecond: 500 })
  for (const node of [anna, cleo]) yield* expect(node, "500 per second", (now) => now.requestsPerSecond === 500)

  const dora = yield* start("dora", [cleo.address])
  yield* expect(
    dora,
    "both, though it came after them",
    ({ logLevel, requestsPerSecond }) => logLevel === "debug" && requestsPerSecond === 500
  )
  return yield* Effect.forEach([anna, bela, cleo, dora], ({ settings }) => settings.current)
}).pipe(Effect.scoped)
