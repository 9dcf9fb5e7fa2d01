/** A cluster of live nodes, partitioned through their transports: both halves go on, and find each other again. */
import { assert, describe, it } from "@effect/vitest"
import { Overlay } from "@hyparview/faults"
import { MemoryNetwork } from "@hyparview/transport-memory"
import { Context, Effect, Layer, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Broadcast, ControlledTransport, Discovery, Membership, Node, Transport } from "../src/index.ts"

const topic = "t"
const addressOf = (id: string) => `host-${id}`
const nodeIds = Array.from({ length: 12 }, (_, index) => `n${String(index).padStart(2, "0")}`)
const halves = [nodeIds.slice(0, 6), nodeIds.slice(6)] as const

const startNode = Effect.fnUntraced(function* (network: MemoryNetwork.MemoryNetwork["Service"], id: string) {
  const context = yield* Layer.build(
    Node.layer({ id, cluster: "test", clusterSize: 12, seed: nodeIds.indexOf(id), leaveOnClose: false }).pipe(
      Layer.provideMerge(
        ControlledTransport.layer().pipe(
          Layer.provide(Layer.effect(Transport.Transport, network.transport(addressOf(id))))
        )
      ),
      Layer.provide(Discovery.Discovery.layerNone),
      Layer.fresh
    )
  )
  const broadcast = Context.get(context, Broadcast.Broadcast)
  const heard: Array<string> = []
  yield* broadcast.subscribe(topic).pipe(
    Stream.runForEach((delivery) =>
      Effect.sync(() => {
        if (delivery._tag === "Message") heard.push(new TextDecoder().decode(delivery.payload))
      })
    ),
    Effect.forkScoped({ startImmediately: true })
  )
  return {
    id,
    heard,
    broadcast,
    membership: Context.get(context, Membership.Membership),
    control: Context.get(context, ControlledTransport.TransportControl)
  }
})

type Running = Effect.Success<ReturnType<typeof startNode>>

const startAll = Effect.gen(function* () {
  const network = yield* MemoryNetwork.make({ seed: 3 })
  const nodes = yield* Effect.forEach(nodeIds, (id) => startNode(network, id))
  for (const node of nodes) {
    yield* node.membership.join(["host-n00"])
    yield* TestClock.adjust("1 second")
  }
  yield* TestClock.adjust("3 minutes")
  return nodes
})

const components = (nodes: ReadonlyArray<Running>) =>
  Effect.map(
    Effect.forEach(nodes, ({ id, membership }) =>
      Effect.map(membership.view, (view) => ({
        id,
        active: view.active.map(({ peer }) => peer.id),
        passive: view.passive.map((peer) => peer.id),
        pending: view.pending
      }))
    ),
    (snapshot) => Overlay.components(snapshot)
  )

const publish = Effect.fnUntraced(function* (from: Running | undefined, text: string) {
  if (from === undefined) return yield* Effect.die("no such node")
  yield* Effect.forkScoped(from.broadcast.publish(topic, new TextEncoder().encode(text)))
  yield* TestClock.adjust("1 second")
})

const hearers = (nodes: ReadonlyArray<Running>, text: string) =>
  nodes.filter(({ heard }) => heard.includes(text)).map(({ id }) => id)

describe("a cluster under control", () => {
  const kinds = [
    { mode: "silent", name: "address" },
    { mode: "reset", name: "id" }
  ] as const
  for (const { mode, name } of kinds) {
    it.effect(`parted into two halves by ${name}, ${mode}, goes on in both, and is one again after the heal`, () =>
      Effect.gen(function* () {
        const nodes = yield* startAll
        assert.strictEqual((yield* components(nodes)).count, 1)
        for (const { control, id } of nodes) {
          const others = halves[0].includes(id) ? halves[1] : halves[0]
          yield* control.block(name === "id" ? others : others.map(addressOf), { mode })
        }
        yield* TestClock.adjust("5 minutes")
        const parted = yield* components(nodes)
        assert.deepStrictEqual([parted.count, parted.largest], [2, 6])
        yield* publish(nodes[0], "left")
        yield* publish(nodes[11], "right")
        assert.deepStrictEqual(hearers(nodes, "left"), halves[0])
        assert.deepStrictEqual(hearers(nodes, "right"), halves[1])
        for (const { control } of nodes) yield* control.heal
        yield* TestClock.adjust("10 minutes")
        assert.strictEqual((yield* components(nodes)).count, 1)
        yield* publish(nodes[5], "all")
        assert.deepStrictEqual(hearers(nodes, "all"), nodeIds)
      }).pipe(Effect.scoped)
    )
  }

  it.effect("drops a node that only hears, and takes it back", () =>
    Effect.gen(function* () {
      const nodes = yield* startAll
      const [first] = nodes
      if (first === undefined) return assert.fail("no node")
      yield* first.control.block(nodeIds.map(addressOf), { mode: "silent", direction: "outbound" })
      yield* TestClock.adjust("5 minutes")
      const cut = yield* components(nodes)
      assert.deepStrictEqual([cut.count, cut.largest], [2, 11])
      yield* first.control.heal
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual((yield* components(nodes)).count, 1)
    }).pipe(Effect.scoped)
  )

  it.effect("knows a certificate's owner before the first frame", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.make({ seed: 1 })
      const below = yield* network.transport("host-a")
      const proven: Transport.Transport["Service"] = {
        ...below,
        accepted: Stream.map(below.accepted, (link) => ({
          remoteAddress: link.remoteAddress,
          authenticatedId: "b",
          receive: link.receive,
          closed: link.closed,
          bytes: link.bytes,
          send: (frames) => link.send(frames),
          close: (how) => link.close(how)
        }))
      }
      const { control, transport } = yield* ControlledTransport.make(proven)
      yield* control.block(["b"], { mode: "reset" })
      const other = yield* network.transport("host-b")
      yield* Effect.forkScoped(Stream.runDrain(transport.accepted))
      const dialling = yield* Effect.forkScoped(
        Effect.flatMap(other.dial("host-a"), (link) => link.closed),
        { startImmediately: true }
      )
      yield* TestClock.adjust("1 second")
      const exit = dialling.pollUnsafe()
      assert.isTrue(exit?._tag === "Success" && exit.value.reason === "reset")
    }).pipe(Effect.scoped)
  )
})
