/** Real nodes over mutual TLS, and a member that lies about who it is, or floods. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { HyParView, Peer } from "@hyparview/core"
import { Wire } from "@hyparview/core"
import { Discovery, Membership, Node, Transport } from "@hyparview/runtime"
import * as Certificates from "@hyparview/transport-tcp/Certificates"
import * as TlsTransport from "@hyparview/transport-tcp/TlsTransport"
import { cluster, member } from "./tlsKit.ts"

const authority = await Effect.runPromise(Certificates.makeAuthority())

/** A node, under its own certificate or, to lie, under another's. */
const node = Effect.fnUntraced(function* (
  id: string,
  options: Partial<Node.Options> = {},
  transport: { readonly certifiedAs?: string } = {}
) {
  const credentials = yield* member(authority, transport.certifiedAs ?? id)
  const context = yield* Layer.build(
    Node.layer({ id, cluster, seed: 1, leaveOnClose: false, ...options }).pipe(
      Layer.provideMerge(Layer.merge(TlsTransport.layer(credentials), Discovery.Discovery.layerNone)),
      Layer.fresh
    )
  )
  return {
    membership: Context.get(context, Membership.Membership),
    address: Context.get(context, Transport.Transport).address
  }
})

const ids = (peers: ReadonlyArray<Peer.Peer>): ReadonlyArray<string> => peers.map(({ id }) => id).sort()

const hello = (peer: Peer.Peer): Uint8Array =>
  Result.getOrThrow(Wire.encodeHello({ _tag: "Hello", versions: Wire.versions, cluster, peer, knownEpoch: undefined }))

/** What the node says first on a link with this Hello: its own Hello, then perhaps a Bye. */
const answerTo = Effect.fnUntraced(function* (from: Transport.Transport["Service"], to: string, peer: Peer.Peer) {
  const link = yield* from.dial(to)
  yield* link.send([[hello(peer)]])
  const heard: Array<Wire.Hello | Wire.Bye> = []
  while (true) {
    const received = yield* Effect.result(link.receive)
    if (Result.isFailure(received)) return heard
    for (const frame of received.success) {
      const control = Wire.decodeControl(frame)
      if (Result.isSuccess(control)) heard.push(control.success)
    }
    if (heard.some(({ _tag }) => _tag === "Bye")) return heard
  }
}, Effect.scoped)

const refusedFor = (reason: string) =>
  Effect.map(Metric.snapshot, (metrics) => {
    const found = metrics.find(
      ({ attributes, id }) => id === "hyparview_handshakes_refused_reason" && attributes?.["reason"] === reason
    )
    return found === undefined || !("count" in found.state) ? 0 : Number(found.state.count)
  })

const alone = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.provideService(effect, Metric.MetricRegistry, new Map())

describe("nodes over mutual TLS", () => {
  it.live("join, and each other's neighbours are those of the certificates", () =>
    Effect.gen(function* () {
      const a = yield* node("a")
      const b = yield* node("b")
      yield* a.membership.join([])
      yield* b.membership.join([a.address])
      yield* a.membership.awaitNeighbors(1)
      yield* b.membership.awaitNeighbors(1)
      assert.deepStrictEqual(ids(yield* a.membership.neighbors), ["b"])
      assert.deepStrictEqual(ids(yield* b.membership.neighbors), ["a"])
    }).pipe(alone)
  )

  it.live("refuse a node whose id is not its certificate's, with a reason that it can read, and count it", () =>
    Effect.gen(function* () {
      const a = yield* node("a")
      yield* a.membership.join([])
      const evil = yield* TlsTransport.make(yield* member(authority, "evil"))
      const heard = yield* answerTo(evil, a.address, { id: "b", epoch: 5, address: evil.address })
      const bye = heard.find(({ _tag }) => _tag === "Bye")
      assert.deepInclude(bye, { reason: "identity", detail: `its certificate belongs to "evil"` })
      assert.strictEqual(yield* refusedFor("identity"), 1)
      // A whole node with the wrong certificate finds nobody.
      const liar = yield* node("b", {}, { certifiedAs: "evil" })
      yield* liar.membership.join([a.address])
      while ((yield* refusedFor("identity")) < 3) yield* Effect.sleep(5)
      assert.deepStrictEqual(yield* a.membership.neighbors, [])
      // It lives.
      const b = yield* node("b")
      yield* b.membership.join([a.address])
      yield* a.membership.awaitNeighbors(1)
      assert.deepStrictEqual(ids(yield* a.membership.neighbors), ["b"])
    }).pipe(alone)
  )

  it.live("are not stopped by a member that claims their id, however high its epoch", () =>
    Effect.gen(function* () {
      const a = yield* node("a")
      yield* a.membership.join([])
      const { epoch } = yield* a.membership.self
      const evil = yield* TlsTransport.make(yield* member(authority, "evil"))
      for (let turn = 1; turn <= 3; turn++) {
        const claim = { id: "a", epoch: epoch + turn, address: evil.address }
        const heard = yield* answerTo(evil, a.address, claim)
        assert.deepInclude(
          heard.find(({ _tag }) => _tag === "Bye"),
          { reason: "identity" }
        )
      }
      assert.deepInclude(yield* a.membership.view, { status: "joining" })
      assert.strictEqual((yield* a.membership.self).epoch, epoch)
    }).pipe(alone)
  )

  it.live("do not take somebody for a neighbour because it answers at a neighbour's address", () =>
    Effect.gen(function* () {
      // b is told of by an address at which evil answers, as b.
      const evil = yield* node("b", {}, { certifiedAs: "evil" })
      yield* evil.membership.join([])
      const a = yield* node("a")
      yield* a.membership.join([evil.address])
      while ((yield* refusedFor("identity")) < 1) yield* Effect.sleep(5)
      assert.deepStrictEqual(yield* a.membership.neighbors, [])
    }).pipe(alone)
  )
})

describe("a flood from one identity, over however many connections,", () => {
  const connections = 20
  const requests = 200

  const floods: ReadonlyArray<readonly [string, (requestId: number) => HyParView.Message]> = [
    ["of Join", (requestId) => ({ _tag: "Join", requestId })],
    ["of Neighbor with high priority", (requestId) => ({ _tag: "Neighbor", requestId, reason: "empty" })]
  ]

  for (const [what, request] of floods) {
    it.live(`${what} does not evict the links that a node chose itself`, () =>
      Effect.gen(function* () {
        const c = yield* node("c")
        yield* c.membership.join([])
        // One slot is the node's own choice, by its Join; the other is anybody's.
        const n = yield* node("n", { membership: { activeSize: 2 } })
        yield* n.membership.join([c.address])
        yield* n.membership.awaitNeighbors(1)
        const lost: Array<string> = []
        let gained = 0
        yield* n.membership.events.pipe(
          Stream.runForEach((event) =>
            Effect.sync(() => {
              if (event._tag === "NeighborDown") lost.push(event.peer.id)
              if (event._tag === "NeighborUp" && event.peer.id === "evil") gained++
            })
          ),
          Effect.forkScoped({ startImmediately: true })
        )
        const evil = yield* TlsTransport.make(yield* member(authority, "evil"))
        const self = { id: "evil", epoch: 5, address: evil.address }
        const remote = yield* n.membership.self
        let answers = 0
        yield* Effect.forEach(
          Array.from({ length: connections }).keys(),
          Effect.fnUntraced(function* (connection) {
            const link = yield* evil.dial(n.address)
            yield* link.send([[hello(self)]])
            for (let turn = 0; turn < requests; turn++) {
              const message = request(connection * requests + turn)
              const frame = Result.getOrThrow(Wire.encode(message, { local: self, remote }))
              // Only one link of an identity is kept; what the others sent was read before.
              if (Result.isFailure(yield* Effect.result(link.send([frame])))) break
              if (turn % 20 === 0) yield* Effect.yieldNow
            }
            while (true) {
              const received = yield* Effect.result(link.receive)
              if (Result.isFailure(received)) return
              answers += received.success.length
            }
          }, Effect.timeoutOption("3 seconds")),
          { concurrency: "unbounded", discard: true }
        ).pipe(Effect.scoped)
        assert.isAbove(answers, connections)
        assert.notInclude(lost, "c")
        assert.include(ids(yield* n.membership.neighbors), "c")
        // Five at once and one every five seconds, all its connections together.
        assert.isAtMost(gained, 7)
        const view = yield* n.membership.view
        assert.isAbove(view.messages.received, requests)
        assert.isAtMost(view.active.length, 2)
      }).pipe(alone)
    )
  }
})
