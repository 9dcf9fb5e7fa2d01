/**
 * This project's side of the broadcast benchmark: nodes of the real runtime, with their defaults for a cluster of this
 * size, that join through the first. Secured, over mutual TLS, with a certificate for each from an authority of their own.
 */
import { Discovery } from "@hyparview/runtime/Discovery"
import { Broadcast } from "@hyparview/runtime/Broadcast"
import { Membership } from "@hyparview/runtime/Membership"
import * as Node from "@hyparview/runtime/Node"
import { Transport } from "@hyparview/runtime/Transport"
import { TcpTransport, TlsTransport } from "@hyparview/transport-tcp"
import * as Certificates from "@hyparview/transport-tcp/Certificates"
import { Context, Effect, Layer, Metric, Scope, Stream } from "effect"
import { type Contender, type Counts, type Mesh, type MeshOptions, topic } from "./mesh.ts"

/** What all nodes have counted together; each hands it over about once a second. */
const counted = (name: string): number => {
  const snapshot = Metric.snapshotUnsafe(Context.empty()).find(({ id }) => id === `hyparview_broadcasts_${name}`)
  return snapshot?.type === "Counter" ? Number(snapshot.state.count) : 0
}

const counts = (): Counts => {
  // A publisher's own application gets its message too.
  const deliveries = counted("delivered") - counted("published")
  return { deliveries, copies: deliveries + counted("duplicate") }
}

const cluster = "benchmark"

/** How many nodes are joining at any time, as on the other side: their handshakes share one processor. */
const joinsAtOnce = 8

const idOf = (index: number): string => `node-${index}`

type TransportLayer = ReturnType<typeof TcpTransport.layer> | ReturnType<typeof TlsTransport.layer>

/** A transport for each node: its port is opened, and its certificate loaded, when the node starts. */
const makeTransports = Effect.fnUntraced(function* ({ nodes, secured }: MeshOptions) {
  const host = "127.0.0.1"
  const indices = Array.from({ length: nodes }, (_, index) => index)
  if (!secured) return indices.map((): TransportLayer => TcpTransport.layer({ host }))
  const authority = yield* Certificates.makeAuthority()
  return yield* Effect.forEach(
    indices,
    Effect.fnUntraced(function* (index) {
      const { certificate, key } = yield* Certificates.issue(authority, { id: idOf(index), cluster })
      const transport: TransportLayer = TlsTransport.layer({ host, cert: certificate, key, ca: authority.certificate })
      return transport
    })
  )
})

const startNode = Effect.fnUntraced(function* (
  index: number,
  transport: TransportLayer,
  { nodes, onMessage }: MeshOptions,
  scope: Scope.Scope
) {
  const node = Node.layer({ id: idOf(index), cluster, clusterSize: nodes, leaveOnClose: false })
  const context = yield* Layer.buildWithScope(
    Layer.provideMerge(node, Layer.merge(transport, Discovery.layerNone)),
    scope
  )
  const broadcast = Context.get(context, Broadcast)
  yield* broadcast.subscribe(topic).pipe(
    Stream.runForEachArray((deliveries) =>
      Effect.sync(() => {
        for (const delivery of deliveries) {
          if (delivery._tag === "Message") onMessage(index, delivery.payload)
          else console.error(`node ${index} lagged`, delivery)
        }
      })
    ),
    Effect.forkIn(scope, { startImmediately: true })
  )
  return { broadcast, membership: Context.get(context, Membership), address: Context.get(context, Transport).address }
})

const start = Effect.fnUntraced(function* (options: MeshOptions, transports: ReadonlyArray<TransportLayer>) {
  const scope = yield* Scope.make()
  const started = yield* Effect.forEach(transports, (transport, index) => startNode(index, transport, options, scope), {
    concurrency: "unbounded"
  })
  const contacts = started.slice(0, 1).map(({ address }) => address)
  const context = yield* Effect.context()
  const joining = Effect.forEach(
    started,
    ({ membership }, index) =>
      index === 0 ? membership.join([]) : Effect.andThen(membership.join(contacts), membership.awaitNeighbors(1)),
    { concurrency: joinsAtOnce, discard: true }
  )
  const run = Effect.runForkWith(context)
  const mesh: Mesh = {
    publish: (node, payload, refused) => {
      const publisher = started[node]
      if (publisher === undefined) return refused()
      run(Effect.catch(publisher.broadcast.publish(topic, payload), () => Effect.sync(refused)))
    },
    counts,
    connected: Effect.runPromiseWith(context)(joining)
  }
  return mesh
})

export const prepare = async (options: MeshOptions): Promise<Contender> => {
  const transports = await Effect.runPromise(makeTransports(options))
  return { start: () => Effect.runPromise(start(options, transports)) }
}
