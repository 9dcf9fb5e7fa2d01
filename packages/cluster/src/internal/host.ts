/**
 * The nodes of one worker process: each a `Node.layer` over a transport of its own, TCP or TLS, in a scope of its own, so that
 * one can be destroyed while the others go on.
 */
import { Broadcast } from "@hyparview/runtime/Broadcast"
import { Discovery } from "@hyparview/runtime/Discovery"
import { Membership } from "@hyparview/runtime/Membership"
import * as Node from "@hyparview/runtime/Node"
import { Transport } from "@hyparview/runtime/Transport"
import * as CertificateFiles from "@hyparview/transport-tcp/CertificateFiles"
import type { TcpOptions } from "@hyparview/transport-tcp/TcpConfig"
import * as TcpTransport from "@hyparview/transport-tcp/TcpTransport"
import * as TlsTransport from "@hyparview/transport-tcp/TlsTransport"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Control, type Delivery, type MessageId, NoSuchNode, NodeNotStarted, NotPublished } from "../Control.ts"
import * as Release from "./release.ts"

/** The one topic on which a supervisor publishes, and which all its nodes subscribe to. */
const topic = "cluster"

/** How many messages a worker remembers the deliveries of. */
const rememberedMessages = 256

interface Hosted {
  readonly id: string
  readonly address: string
  readonly scope: Scope.Closeable
  readonly membership: Membership["Service"]
  readonly broadcast: Broadcast["Service"]
}

const keyOf = ({ epoch, sequence, source }: MessageId): string => `${source}@${epoch}#${sequence}`

/** Who was handed which message, the oldest forgotten first. */
const makeDeliveries = () => {
  const messages = new Map<string, Map<string, Delivery>>()
  return {
    of: (id: MessageId): ReadonlyArray<Delivery> => [...(messages.get(keyOf(id))?.values() ?? [])],
    record: (id: MessageId, node: string, hops: number): void => {
      let receivers = messages.get(keyOf(id))
      if (receivers === undefined) {
        receivers = new Map()
        messages.set(keyOf(id), receivers)
        const [oldest] = messages.keys()
        if (messages.size > rememberedMessages && oldest !== undefined) messages.delete(oldest)
      }
      const earlier = receivers.get(node)
      receivers.set(
        node,
        earlier === undefined
          ? { node, hops, atMillis: Date.now(), copies: 1 }
          : { ...earlier, copies: earlier.copies + 1 }
      )
    }
  }
}

/** Where a node listens, and with which certificates. */
interface Listen extends TcpOptions {
  readonly certificates: string | undefined
}

const transport = ({ certificates, ...tcp }: Listen, { cluster, id }: Node.Options) =>
  certificates === undefined
    ? TcpTransport.layer(tcp)
    : TlsTransport.layer({ ...tcp, ...CertificateFiles.nodeFiles(certificates, id), id, cluster })

/** Answers the control channel's requests. The nodes live as long as the layer. */
export const layer = Control.toLayer(
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const hosted = new Map<string, Hosted>()
    const deliveries = makeDeliveries()
    yield* Effect.forkScoped(Release.whenQuiet)

    const find = (id: string): Effect.Effect<Hosted, NoSuchNode> => {
      const node = hosted.get(id)
      return node === undefined ? Effect.fail(new NoSuchNode({ node: id })) : Effect.succeed(node)
    }

    const start = Effect.fnUntraced(
      function* (options: Node.Options, listen: Listen, nodeScope: Scope.Closeable) {
        const context = yield* Layer.buildWithScope(
          Node.layer(options).pipe(Layer.provideMerge(Layer.merge(transport(listen, options), Discovery.layerNone))),
          nodeScope
        )
        const broadcast = Context.get(context, Broadcast)
        yield* broadcast.subscribe(topic).pipe(
          Stream.runForEach((delivery) =>
            Effect.sync(() => {
              if (delivery._tag === "Message") deliveries.record(delivery.id, options.id, delivery.hops)
            })
          ),
          Effect.forkIn(nodeScope, { startImmediately: true })
        )
        const { address } = Context.get(context, Transport)
        const membership = Context.get(context, Membership)
        return { id: options.id, address, scope: nodeScope, membership, broadcast }
      },
      (effect, { id }, _listen, nodeScope) =>
        effect.pipe(
          Effect.onError(() => Scope.close(nodeScope, Exit.void)),
          Effect.mapError((error) => new NodeNotStarted({ node: id, detail: error.message }))
        )
    )

    const kill = (node: Hosted) => {
      hosted.delete(node.id)
      return Scope.close(node.scope, Exit.void)
    }

    return {
      Start: Effect.fnUntraced(function* ({ certificates, cluster, clusterSize, host, nodes }) {
        const started: Array<Hosted> = []
        yield* Effect.forEach(
          nodes,
          Effect.fnUntraced(function* ({ id, port, seed }) {
            const nodeScope = yield* Scope.fork(scope)
            // A node says goodbye when it is told to leave, and at no other time: closing its scope is its crash.
            const options: Node.Options = { id, cluster, clusterSize, seed, leaveOnClose: false }
            started.push(yield* start(options, { host, port, certificates }, nodeScope))
          }),
          { discard: true }
        ).pipe(Effect.onError(() => Effect.forEach(started, kill, { discard: true })))
        for (const node of started) hosted.set(node.id, node)
        return started.map(({ address, id }) => ({ id, address }))
      }),

      Join: Effect.fnUntraced(function* ({ contacts, nodes }) {
        const found = yield* Effect.forEach(nodes, find)
        // A node whose id another process uses has stopped, which its status says.
        yield* Effect.forEach(found, ({ membership }) => Effect.ignore(membership.join(contacts)), {
          concurrency: "unbounded",
          discard: true
        })
      }),

      Poll: ({ passive }) =>
        Effect.forEach([...hosted.values()], ({ broadcast, membership }) =>
          Effect.zipWith(membership.view, broadcast.view, (view, { delivered, duplicates }) => ({
            id: view.self.id,
            epoch: view.self.epoch,
            address: view.self.address,
            status: view.status,
            active: view.active.map(({ peer }) => peer.id),
            passive: passive ? view.passive.map(({ id }) => id) : [],
            passiveSize: view.passive.length,
            pending: view.pending,
            graveyard: view.graveyard,
            links: view.links,
            sent: view.messages.sent,
            received: view.messages.received,
            delivered,
            duplicates,
            outboxBytes: view.outboxBytes
          }))
        ),

      Publish: Effect.fnUntraced(function* ({ node, text }) {
        const { broadcast } = yield* find(node)
        const atMillis = Date.now()
        const id = yield* broadcast
          .publish(topic, new TextEncoder().encode(text))
          .pipe(Effect.mapError((error) => new NotPublished({ node, detail: error.message })))
        return { id, atMillis }
      }),

      Deliveries: ({ id }) => Effect.sync(() => deliveries.of(id)),

      Kill: Effect.fnUntraced(function* ({ nodes }) {
        const found = yield* Effect.forEach(nodes, find)
        yield* Effect.forEach(found, kill, { concurrency: "unbounded", discard: true })
      }),

      Leave: () =>
        Effect.suspend(() =>
          Effect.forEach([...hosted.values()], ({ membership }) => membership.leave, {
            concurrency: "unbounded",
            discard: true
          })
        ),

      Usage: Effect.fnUntraced(function* ({ collect }) {
        if (collect) yield* Release.collect
        const { heapUsed, rss } = process.memoryUsage()
        const { system, user } = process.cpuUsage()
        return {
          pid: process.pid,
          nodes: hosted.size,
          residentBytes: rss,
          heapBytes: heapUsed,
          cpuMicros: user + system,
          atMillis: Date.now()
        }
      })
    }
  })
)
