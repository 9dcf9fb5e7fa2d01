/** Real nodes over TCP that are not set up alike, or give others an address that does not lead to them. */
import { assert, describe, it } from "@effect/vitest"
import { Broadcast, Discovery, Membership, Node, Transport } from "@hyparview/runtime"
import type { TcpOptions } from "@hyparview/transport-tcp/TcpConfig"
import * as TcpTransport from "@hyparview/transport-tcp/TcpTransport"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { addressOf } from "./kit.ts"

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

/** Waits for a line of the log at `Warn` that holds all of these. */
const logged = (lines: Queue.Dequeue<string>, ...parts: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    while (true) {
      const line = yield* Queue.take(lines)
      if (parts.every((part) => line.includes(part))) return
    }
  })

const logging = Effect.gen(function* () {
  const lines = yield* Queue.unbounded<string>()
  const logger = Logger.make(({ logLevel, message }) => {
    if (logLevel === "Warn") Queue.offerUnsafe(lines, JSON.stringify(message))
  })
  return { lines, layer: Logger.layer([logger]) }
})

describe("a node that gives others an address", () => {
  it.live("which is its only contact's is told so: it would be alone without a word", () =>
    Effect.gen(function* () {
      const { layer, lines } = yield* logging
      yield* Effect.gen(function* () {
        const contact = yield* start("contact", {}, [])
        const { port } = addressOf(contact.address)
        yield* start("mislaid", { advertisePort: port }, [contact.address])
        yield* logged(lines, "another node answers at the address that this node gives others", '"answers":"contact"')
      }).pipe(Effect.provide(layer))
    }).pipe(Effect.scoped)
  )

  for (const [where, id, portOf, why] of [
    ["which is another's", "mislaid", (third: string) => addressOf(third).port, "dialled itself"],
    ["at which nobody is", "nowhere", () => 1, "127.0.0.1:1"]
  ] as const) {
    it.live(`${where} is told of by whoever is to dial it when it joins`, () =>
      Effect.gen(function* () {
        const { layer, lines } = yield* logging
        yield* Effect.gen(function* () {
          const contact = yield* start("contact", {}, [])
          const third = yield* start("third", {}, [contact.address])
          yield* third.membership.awaitNeighbors(1)
          const joiner = yield* start(id, { advertisePort: portOf(third.address) }, [contact.address])
          yield* joiner.membership.awaitNeighbors(1)
          yield* logged(lines, "a node that has just joined cannot be reached", `"peer":"${id}"`, why)
        }).pipe(Effect.provide(layer))
      }).pipe(Effect.scoped)
    )
  }
})
