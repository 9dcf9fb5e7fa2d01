/** Real nodes over mutual TLS, and a member that lies about who it is, or floods. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Queue from "effect/Queue"
import * as References from "effect/References"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { HyParView, Peer } from "@hyparview/core"
import { Wire } from "@hyparview/core"
import { Discovery, Membership, Node, Transport } from "@hyparview/runtime"
import * as Certificates from "@hyparview/transport-tcp/Certificates"
import * as TlsTransport from "@hyparview/transport-tcp/TlsTransport"
import { alone } from "./kit.ts"
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

const hello = (peer: Peer.Peer, knownEpoch?: number, knownAddress?: string): Uint8Array =>
  Result.getOrThrow(
    Wire.encodeHello({
      _tag: "Hello",
      versions: Wire.versions,
      cluster,
      peer,
      knownEpoch,
      knownAddress,
      settings: undefined,
      to: undefined
    })
  )

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

  it.live(
    "dial themselves, where their own address is among their contacts, and neither warn of it nor count it",
    () => {
      const levels: Array<string> = []
      const logger = Logger.make(({ logLevel, message }) => {
        if (JSON.stringify(message).includes("this node has dialled itself")) levels.push(logLevel)
      })
      return Effect.gen(function* () {
        const a = yield* node("a")
        yield* a.membership.join([a.address])
        while (levels.length < 2) yield* Effect.sleep(5)
        assert.deepStrictEqual(levels, ["Debug", "Debug"])
        assert.strictEqual(yield* refusedFor("identity"), 0)
      }).pipe(alone, Effect.provide(Logger.layer([logger])), Effect.provideService(References.MinimumLogLevel, "Debug"))
    }
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

  it.live("are not stopped by a member that says they are elsewhere too, and answers there in their name", () =>
    Effect.gen(function* () {
      const a = yield* node("a")
      const b = yield* node("b")
      yield* a.membership.join([])
      yield* b.membership.join([a.address])
      yield* b.membership.awaitNeighbors(1)
      const { epoch } = yield* a.membership.self
      const evil = yield* TlsTransport.make(yield* member(authority, "evil"))
      const twin = { id: "a", epoch: epoch + 1_000, address: evil.address }
      const answered = yield* Queue.unbounded<string | undefined>()
      yield* Effect.forkScoped(
        Stream.runForEach(evil.accepted, (link) =>
          Effect.andThen(Effect.ignore(link.send([[hello(twin)]])), Queue.offer(answered, link.authenticatedId))
        ),
        { startImmediately: true }
      )
      const claim = (known: number) =>
        Effect.gen(function* () {
          const link = yield* evil.dial(a.address)
          yield* link.send([[hello({ id: "evil", epoch: 5, address: evil.address }, known, evil.address)]])
          yield* Effect.ignore(Effect.forever(link.receive))
        }).pipe(Effect.scoped)
      // The first is believed, the second is looked into: `a` dials, and sees whose certificate that is.
      yield* claim(epoch + 10)
      assert.strictEqual((yield* a.membership.self).epoch, epoch + 11)
      yield* claim(epoch + 1_000)
      assert.strictEqual(yield* Queue.take(answered), "a")
      while ((yield* refusedFor("identity")) < 1) yield* Effect.sleep(5)
      // Nor by any that follows.
      for (let turn = 1; turn <= 20; turn++) yield* claim(epoch + 1_000 + turn)
      assert.strictEqual((yield* a.membership.self).epoch, epoch + 11)
      yield* a.membership.awaitNeighbors(1)
      assert.deepStrictEqual(ids(yield* a.membership.neighbors), ["b"])
    }).pipe(alone)
  )

  it.live(
    "that do share an id find each other beside a single other node, and one stops",
    () =>
      Effect.gen(function* () {
        const c = yield* node("c")
        yield* c.membership.join([])
        const twins = [yield* node("a"), yield* node("a", { seed: 2 })]
        for (const { membership } of twins) {
          yield* membership.join([c.address])
          yield* membership.awaitNeighbors(1)
        }
        const stopped = yield* Effect.raceAllFirst(
          twins.map(({ membership }) => Effect.flip(Stream.runDrain(membership.events)))
        )
        assert.strictEqual(stopped._tag, "DuplicateIdentity")
        const statuses = yield* Effect.forEach(twins, ({ membership }) => Effect.map(membership.view, (v) => v.status))
        assert.sameMembers(statuses, ["joined", "stopped"])
      }).pipe(alone),
    60_000
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

/** A node of two slots: one is its own choice, `c`, by its Join; the other is anybody's, `d`'s for now. */
const besieged = Effect.gen(function* () {
  const c = yield* node("c")
  yield* c.membership.join([])
  const n = yield* node("n", { membership: { activeSize: 2 } })
  yield* n.membership.join([c.address])
  yield* n.membership.awaitNeighbors(1)
  const d = yield* node("d")
  yield* d.membership.join([n.address])
  yield* n.membership.awaitNeighbors(2)
  const lost: Array<string> = []
  yield* n.membership.events.pipe(
    Stream.runForEach((event) =>
      Effect.sync(() => {
        if (event._tag === "NeighborDown") lost.push(event.peer.id)
      })
    ),
    Effect.forkScoped({ startImmediately: true })
  )
  return { n, remote: yield* n.membership.self, lost }
})

const floods: ReadonlyArray<readonly [string, (requestId: number) => HyParView.Message]> = [
  ["Join", (requestId) => ({ _tag: "Join", requestId })],
  ["Neighbor with high priority", (requestId) => ({ _tag: "Neighbor", requestId, reason: "empty" })]
]

describe.each(floods)("a flood of %s", (what, request) => {
  const connections = 20
  const requests = 200

  it.live("from one identity, over however many connections, evicts at its rate, and no link that the node chose", () =>
    Effect.gen(function* () {
      const { lost, n, remote } = yield* besieged
      const began = yield* Clock.currentTimeMillis
      const evil = yield* TlsTransport.make(yield* member(authority, "evil"))
      const self = { id: "evil", epoch: 5, address: evil.address }
      const answers: Array<HyParView.NeighborAnswer> = []
      const ends = { local: self, remote }
      let asked = 0
      const ask = (link: Transport.Link) => {
        const requestId = asked++
        // It lets go of what it gets, for a neighbour has nothing to gain by asking again.
        const letGo: HyParView.Message = {
          _tag: "Disconnect",
          link: { asker: self.id, epoch: self.epoch, requestId },
          reason: "evicted",
          sample: { peers: [], ages: [] }
        }
        return link.send([request(requestId), letGo].map((message) => Result.getOrThrow(Wire.encode(message, ends))))
      }
      // Only one link of an identity is kept; what the others sent was read before.
      const flooding = Effect.gen(function* () {
        const link = yield* evil.dial(n.address)
        yield* link.send([[hello(self)]])
        for (let turn = 0; turn < requests; turn++) {
          yield* ask(link)
          if (turn % 20 === 0) yield* Effect.yieldNow
        }
        while (true) {
          for (const frame of yield* link.receive) {
            const message = Wire.decode(frame, ends)
            if (Result.isFailure(message) || message.success._tag !== "NeighborReply") continue
            answers.push(message.success.answer)
            yield* ask(link)
          }
        }
      }).pipe(Effect.ignore)
      yield* Effect.gen(function* () {
        for (let connection = 0; connection < connections; connection++) yield* Effect.forkScoped(flooding)
        while (answers.length <= requests) yield* Effect.sleep(20)
        yield* Effect.sleep("2 seconds")
      }).pipe(Effect.scoped)
      assert.isAbove(answers.length, requests)
      assert.isAbove((yield* n.membership.view).messages.received, requests)
      assert.notInclude(lost, "c")
      assert.include(ids(yield* n.membership.neighbors), "c")
      if (what !== "Join") return
      // Five at once and one every five seconds, all its connections together. (An `empty` above that is a `repair`.)
      const took = (yield* Clock.currentTimeMillis) - began
      assert.isAtMost(answers.filter((answer) => answer === "accepted").length, 5 + Math.ceil(took / 5_000))
      assert.isAbove(answers.filter((answer) => answer === "limited").length, requests / 2)
    }).pipe(alone)
  )

  it.live("from twenty identities evicts one another's links, and no link that the node chose", () =>
    Effect.gen(function* () {
      const { lost, n, remote } = yield* besieged
      for (let index = 0; index < 20; index++) {
        const id = `evil-${index}`
        const evil = yield* TlsTransport.make(yield* member(authority, id))
        const self = { id, epoch: 5, address: evil.address }
        const link = yield* evil.dial(n.address)
        const frame = Result.getOrThrow(Wire.encode(request(index), { local: self, remote }))
        yield* link.send([[hello(self)], frame])
        // The node's Hello, and its answer.
        let answers = 0
        while (answers < 2) answers += (yield* link.receive).length
      }
      assert.notInclude(lost, "c")
      assert.include(ids(yield* n.membership.neighbors), "c")
      // Without the floor each would have hit `c` with a chance of one half.
      assert.isAtLeast(lost.length, 15)
    }).pipe(alone)
  )
})
