/**
 * The nodes of one worker process: each a `Node.layer` over a transport of its own, TCP or TLS, in a scope of its own, so that
 * one can be destroyed while the others go on.
 */
import type { Node as CoreNode } from "@hyparview/core"
import * as Sizes from "@hyparview/faults/Sizes"
import { Broadcast } from "@hyparview/runtime/Broadcast"
import * as ControlledTransport from "@hyparview/runtime/ControlledTransport"
import { Discovery } from "@hyparview/runtime/Discovery"
import { Membership } from "@hyparview/runtime/Membership"
import * as Node from "@hyparview/runtime/Node"
import { Transport } from "@hyparview/runtime/Transport"
import * as CertificateFiles from "@hyparview/transport-tcp/CertificateFiles"
import type { TcpOptions } from "@hyparview/transport-tcp/TcpConfig"
import * as TcpTransport from "@hyparview/transport-tcp/TcpTransport"
import * as TlsTransport from "@hyparview/transport-tcp/TlsTransport"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Control, NoSuchNode, NodeNotStarted, NotBlocked, NotPublished } from "../Control.ts"
import { makeDeliveries } from "./deliveries.ts"
import { makeJoins } from "./joins.ts"
import { makeLinkLosses } from "./linkLosses.ts"
import { inspectionOf, nodeViewOf } from "./nodeView.ts"
import * as Release from "./release.ts"
import { fibers, handles } from "./resources.ts"
import { makeTold } from "./told.ts"

interface Hosted {
  readonly id: string
  readonly address: string
  readonly scope: Scope.Closeable
  readonly membership: Membership["Service"]
  readonly broadcast: Broadcast["Service"]
  readonly control: ControlledTransport.TransportControl["Service"]
  /** The state after the latest transition; undefined before the first, and of a node that is not watched. */
  readonly state: () => CoreNode.State | undefined
}

/** What is looked at of a node, beyond its view. */
interface Watch {
  readonly topics: ReadonlyArray<string>
  readonly watched: boolean
}

/** Cuts a node off from these addresses, and from no others any more. */
const cutOff = Effect.fnUntraced(function* (
  { control, id }: Hosted,
  from: ReadonlySet<string>,
  mode: ControlledTransport.How["mode"]
) {
  const before = yield* control.blocked
  const kept = before.filter((block) => block.mode === mode && from.has(block.name)).map(({ name }) => name)
  yield* control.unblock(before.filter(({ name }) => !from.has(name)).map(({ name }) => name))
  yield* control
    .block(from.difference(new Set(kept)), { mode })
    .pipe(Effect.mapError((error) => new NotBlocked({ node: id, detail: error.message })))
})

/** Where a node listens, and with which certificates. */
interface Listen extends TcpOptions {
  readonly certificates: string | undefined
}

const transportOf = ({ certificates, ...tcp }: Listen, { cluster, id }: Node.Options) =>
  certificates === undefined
    ? TcpTransport.layer(tcp)
    : TlsTransport.layer({ ...tcp, ...CertificateFiles.nodeFiles(certificates, id), id, cluster })

/** Answers the control channel's requests. The nodes live as long as the layer. */
export const layer = Control.toLayer(
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const hosted = new Map<string, Hosted>()
    const deliveries = makeDeliveries(yield* Clock.Clock)
    const losses = makeLinkLosses()
    const join = makeJoins()
    const told = makeTold()
    yield* Effect.forkScoped(Release.whenQuiet)

    const find = (id: string): Effect.Effect<Hosted, NoSuchNode> => {
      const node = hosted.get(id)
      return node === undefined ? Effect.fail(new NoSuchNode({ node: id })) : Effect.succeed(node)
    }

    const start = Effect.fnUntraced(
      function* (options: Node.Options, listen: Listen, { topics, watched }: Watch, nodeScope: Scope.Closeable) {
        const transport = ControlledTransport.layer().pipe(Layer.provide(transportOf(listen, options)))
        let state: CoreNode.State | undefined
        const observe: Node.Observe = (_before, _input, step) => {
          state = step.state
        }
        const context = yield* Layer.buildWithScope(
          Node.layer(watched ? { ...options, observe } : options).pipe(
            Layer.provideMerge(Layer.merge(transport, Discovery.layerNone))
          ),
          nodeScope
        )
        const broadcast = Context.get(context, Broadcast)
        const membership = Context.get(context, Membership)
        const { epoch } = yield* membership.self
        const hear = (topic: string) =>
          broadcast.subscribe(topic).pipe(
            Stream.runForEach((delivery) =>
              Effect.sync(() => {
                if (delivery._tag === "Message") deliveries.record(delivery.id, options.id, delivery.hops)
                if (watched) told.record({ node: options.id, epoch }, delivery)
              })
            ),
            Effect.forkIn(nodeScope, { startImmediately: true })
          )
        yield* Effect.forEach(topics, hear, { discard: true })
        const { address } = Context.get(context, Transport)
        yield* membership.events.pipe(
          Stream.runForEach((event) =>
            Effect.sync(() => {
              if (event._tag !== "NeighborDown") return
              losses.record({ node: options.id, neighbor: event.peer.id, reason: event.reason })
            })
          ),
          // Who has fallen behind begins anew; of a duplicate identity the node's status tells.
          Effect.retry({ while: ({ _tag }) => _tag === "EventsLost" }),
          Effect.ignore,
          Effect.forkIn(nodeScope, { startImmediately: true })
        )
        const control = Context.get(context, ControlledTransport.TransportControl)
        return { id: options.id, address, scope: nodeScope, membership, broadcast, control, state: () => state }
      },
      (effect, { id }, _listen, _watch, nodeScope) =>
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
      Start: Effect.fnUntraced(function* ({
        activeSize,
        bounds,
        broadcast: routing,
        certificates,
        cluster,
        clusterSize,
        cycleMillis,
        host,
        nodes,
        topics,
        watched
      }) {
        const { memorySize, ...kept } = bounds ?? {}
        const broadcast = { ...kept, ...routing }
        const membership = {
          ...(activeSize === undefined ? {} : { activeSize }),
          ...(memorySize === undefined ? {} : { memorySize }),
          ...(cycleMillis === undefined ? {} : { cycleMillis })
        }
        const started: Array<Hosted> = []
        const wanted = new Set<string>()
        for (const { id } of nodes) {
          const present = hosted.get(id)
          const status = present === undefined ? "stopped" : (yield* present.membership.view).status
          // Two of one id would fight for it, and the one that is not remembered here could never be ended.
          if (wanted.has(id) || (status !== "stopped" && status !== "left")) {
            return yield* new NodeNotStarted({ node: id, detail: "it runs already" })
          }
          wanted.add(id)
        }
        for (const id of wanted) {
          const over = hosted.get(id)
          if (over !== undefined) yield* kill(over)
        }
        yield* Effect.forEach(
          nodes,
          Effect.fnUntraced(function* ({ id, port, seed }) {
            const nodeScope = yield* Scope.fork(scope)
            // A node says goodbye when it is told to leave, and at no other time: closing its scope is its crash.
            const options: Node.Options = {
              id,
              cluster,
              clusterSize,
              seed,
              leaveOnClose: false,
              broadcast,
              membership
            }
            started.push(yield* start(options, { host, port, certificates }, { topics, watched }, nodeScope))
          }),
          { discard: true }
        ).pipe(Effect.onError(() => Effect.forEach(started, kill, { discard: true })))
        for (const node of started) hosted.set(node.id, node)
        return started.map(({ address, id }) => ({ id, address }))
      }),

      Join: Effect.fnUntraced(function* ({ atOnce, contacts, nodes }) {
        yield* join(yield* Effect.forEach(nodes, find), contacts, atOnce)
      }),

      Poll: ({ passive }) =>
        Effect.forEach(hosted.values(), ({ broadcast, membership }) =>
          Effect.zipWith(membership.view, broadcast.view, (view, counts) => nodeViewOf(view, counts, { passive }))
        ),

      Inspect: ({ node }) =>
        Effect.flatMap(find(node), ({ broadcast, membership }) =>
          Effect.zipWith(membership.view, broadcast.view, inspectionOf)
        ),

      TakeLinkLosses: () => Effect.sync(losses.take),

      TakeTold: () => Effect.sync(told.take),

      Sizes: () =>
        Effect.sync(() =>
          [...hosted.values()].flatMap(({ id, state }) => {
            const current = state()
            return current === undefined ? [] : [{ node: id, sizes: Sizes.sizesOf(current) }]
          })
        ),

      Publish: Effect.fnUntraced(function* ({ node, text, topic }) {
        const { broadcast } = yield* find(node)
        const atMillis = yield* Clock.currentTimeMillis
        const id = yield* broadcast
          .publish(topic, new TextEncoder().encode(text))
          .pipe(Effect.mapError((error) => new NotPublished({ node, detail: error.message })))
        return { id, atMillis }
      }),

      CountDeliveries: ({ id }) => Effect.sync(() => deliveries.count(id)),

      Deliveries: ({ id }) => Effect.sync(() => deliveries.of(id)),

      Kill: Effect.fnUntraced(function* ({ nodes }) {
        const found = yield* Effect.forEach(nodes, find)
        yield* Effect.forEach(found, kill, { concurrency: "unbounded", discard: true })
      }),

      Block: Effect.fnUntraced(function* ({ cuts, mode }) {
        for (const { from, nodes } of cuts) {
          const names = new Set(from)
          for (const id of nodes) {
            const node = hosted.get(id)
            if (node !== undefined) yield* cutOff(node, names, mode)
          }
        }
      }),

      Heal: () => Effect.forEach(hosted.values(), ({ control }) => control.heal, { discard: true }),

      Leave: () =>
        Effect.suspend(() =>
          Effect.forEach([...hosted.values()], ({ membership }) => membership.leave, {
            concurrency: "unbounded",
            discard: true
          })
        ),

      Usage: Effect.fnUntraced(function* ({ collect }) {
        if (collect) yield* Release.collect
        const { external, heapUsed, rss } = process.memoryUsage()
        const { system, user } = process.cpuUsage()
        return {
          pid: process.pid,
          nodes: hosted.size,
          residentBytes: rss,
          heapBytes: heapUsed,
          externalBytes: external,
          handles: handles(),
          fibers: fibers.alive,
          cpuMicros: user + system,
          atMillis: yield* Clock.currentTimeMillis
        }
      })
    }
  })
)
