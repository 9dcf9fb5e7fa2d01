/** In production: three nodes over TCP, here all on one machine. */
import { NodeRuntime } from "@effect/platform-node"
import { Discovery, Membership, Node } from "@hyparview/runtime"
import { TcpTransport } from "@hyparview/transport-tcp"
import { Console, Context, Effect, Layer } from "effect"
import { program } from "./program.ts"

const names = ["anna", "bela", "cleo"]
const times = 10

const node = (name: string) =>
  Node.layer({ id: name, cluster: "counter" }).pipe(
    Layer.provide(TcpTransport.layer({ host: "127.0.0.1", port: 0 })),
    Layer.provide(Discovery.Discovery.layerNone),
    Layer.build
  )

const main = Effect.gen(function* () {
  const nodes = yield* Effect.forEach(names, node)
  const addresses = yield* Effect.forEach(nodes, (services) => Context.get(services, Membership.Membership).self)
  const contacts = addresses.slice(0, 1).map(({ address }) => address)
  yield* Effect.forEach(
    nodes,
    Effect.fnUntraced(function* (services) {
      const { address, id } = yield* Context.get(services, Membership.Membership).self
      const total = yield* program({ contacts, times, total: names.length * times }).pipe(Effect.provide(services))
      yield* Console.log(`${id} at ${address}: together we have counted to ${total}`)
    }),
    { concurrency: "unbounded", discard: true }
  )
}).pipe(Effect.scoped)

NodeRuntime.runMain(main)
