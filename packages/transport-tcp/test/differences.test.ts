/** Real nodes over TCP that are not set up alike, or give others an address that does not lead to them. */
import { assert, describe, it } from "@effect/vitest"
import { Broadcast, Discovery, Membership, Node, Transport } from "@hyparview/runtime"
import type { TcpOptions } from "@hyparview/transport-tcp/TcpConfig"
import * as TcpTransport from "@hyparview/transport-tcp/TcpTransport"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"

const start = Effect.fnUntraced(function* (id: string, options: TcpOptions, contacts: ReadonlyArray<string>) {
  const context = yield* Layer.build(
    Node.layer({ id, cluster: "test", seed: 1, leaveOnClose: false }).pipe(
      Layer.provideMerge(Layer.merge(TcpTransport.layer(options), Discovery.Discovery.layerStatic(contacts))),
      Layer.fresh
    )
  )
  const membership = Context.get(context, Membership.Membership)
  const lost: Array<string> = []
  yield* membership.events.pipe(
    Stream.runForEach((event) =>
      Effect.sync(() => {
        if (event._tag === "NeighborDown") lost.push(event.peer.id)
      })
    ),
    Effect.forkScoped({ startImmediately: true })
  )
  yield* membership.join(contacts)
  const { address } = Context.get(context, Transport.Transport)
  return { address, broadcast: Context.get(context, Broadcast.Broadcast), lost, membership }
})

describe("a node whose frames are smaller than what another publishes", () => {
  it.live("keeps its links, and gets what fits", () =>
    Effect.gen(function* () {
      const large = yield* start("large", {}, [])
      const small = yield* start("small", { maxFrameBytes: 4_096 }, [large.address])
      yield* small.membership.awaitNeighbors(1)
      const sizes = yield* Queue.unbounded<number>()
      yield* small.broadcast.subscribe("t").pipe(
        Stream.runForEach((delivery) =>
          delivery._tag === "Message" ? Queue.offer(sizes, delivery.payload.length) : Effect.void
        ),
        Effect.forkScoped({ startImmediately: true })
      )
      for (const bytes of [10_000, 10, 10_000, 20]) yield* large.broadcast.publish("t", new Uint8Array(bytes))
      assert.deepStrictEqual(yield* Queue.takeN(sizes, 2), [10, 20])
      assert.deepStrictEqual([large.lost, small.lost], [[], []])
    }).pipe(Effect.scoped)
  )
})
