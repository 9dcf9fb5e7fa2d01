import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Redacted from "effect/Redacted"
import type { Socket } from "node:net"
import { createConnection } from "node:net"
import type { ConnectionOptions } from "node:tls"
import { Transport } from "@hyparview/runtime/Transport"
import * as Certificates from "@hyparview/transport-tcp/Certificates"
import * as TcpMetrics from "@hyparview/transport-tcp/TcpMetrics"
import * as TcpTransport from "@hyparview/transport-tcp/TcpTransport"
import * as TlsMetrics from "@hyparview/transport-tcp/TlsMetrics"
import * as TlsTransport from "@hyparview/transport-tcp/TlsTransport"
import { addressOf, alone, deafAddress, nextAccepted, prefixed, rawConnect, rawServer, rawWrite } from "./kit.ts"
import type { Credentials } from "./tlsKit.ts"
import { cluster, endOf, member, nodeName, odd, tlsConnect, tlsServer } from "./tlsKit.ts"

type Service = Transport["Service"]

const authority = await Effect.runPromise(Certificates.makeAuthority())
const stranger = await Effect.runPromise(Certificates.makeAuthority())
const [near, far] = await Effect.runPromise(Effect.all([member(authority, "near"), member(authority, "far")]))

const bytes = (count: number): Uint8Array => new Uint8Array(count).fill(7)

const refusals = (side: "accepted" | "dialed", reason: TlsMetrics.TlsRefusal) =>
  Effect.map(Metric.value(Metric.withAttributes(TlsMetrics.refusals, { side, reason })), ({ count }) => count)

/** What the far end is told comes before it is counted, or after. */
const awaitRefusals = Effect.fnUntraced(function* (
  side: "accepted" | "dialed",
  reason: TlsMetrics.TlsRefusal,
  count: number
) {
  for (let waited = 0; waited < 5_000 && (yield* refusals(side, reason)) < count; waited++) yield* Effect.sleep(1)
  assert.strictEqual(yield* refusals(side, reason), count)
})

/** Every refusal of a side, whatever the reason. */
const allRefusals = (side: "accepted" | "dialed") =>
  Effect.map(Metric.snapshot, (metrics) =>
    metrics
      .filter(({ attributes, id }) => id === "hyparview_tls_refusals_total" && attributes?.["side"] === side)
      .reduce((sum, { state }) => sum + ("count" in state ? Number(state.count) : 0), 0)
  )

/** The node lives: a member is served, and no slot is taken. */
const assertServes = Effect.fnUntraced(function* (transport: Service) {
  const other = yield* TlsTransport.make(near)
  const link = yield* other.dial(transport.address)
  yield* link.send([[bytes(3)]])
  const accepted = yield* nextAccepted(transport)
  assert.strictEqual(accepted.authenticatedId, "near")
  assert.deepStrictEqual(yield* accepted.receive, [bytes(3)])
  yield* link.close("flush")
  yield* accepted.close("abort")
})

/** Metrics of its own for each test. */
describe("a link", () => {
  it.live("knows the far end's id from its certificate, at both ends, whatever the id", () =>
    Effect.gen(function* () {
      const ids = ["a/b", "ä, URI:hyparview://test/near", `"'!()*%2F`, "ü".repeat(127), "x".repeat(255), "\u0000\n"]
      const transport = yield* TlsTransport.make(near)
      for (const id of ids) {
        const other = yield* TlsTransport.make(yield* member(authority, id, { hosts: ["127.0.0.1", "a.example"] }))
        const link = yield* other.dial(transport.address)
        assert.strictEqual(link.authenticatedId, "near")
        assert.strictEqual((yield* nextAccepted(transport)).authenticatedId, id)
      }
    })
  )

  it.live("is of TLS 1.3, though the far end could do less", () =>
    Effect.gen(function* () {
      const transport = yield* TlsTransport.make(near)
      const socket = yield* tlsConnect(transport.address, { ...far, minVersion: "TLSv1.2" })
      assert.strictEqual(socket.getProtocol(), "TLSv1.3")
    })
  )

  it.live("is not opened to an end that stalls in its handshake: the dial fails as timeout", () =>
    Effect.gen(function* () {
      const transport = yield* TlsTransport.make({ ...near, dialTimeout: 100 })
      const mute = yield* rawServer("127.0.0.1")
      assert.strictEqual((yield* Effect.flip(transport.dial(mute))).reason, "timeout")
      const deaf = yield* deafAddress("127.0.0.1")
      assert.strictEqual((yield* Effect.flip(transport.dial(deaf))).reason, "timeout")
    })
  )
})

/** Whose certificate is refused, and why. */
const badCertificates: ReadonlyArray<
  readonly [what: string, reason: TlsMetrics.TlsRefusal, certificate: Effect.Effect<Credentials, unknown>]
> = [
  ["of another authority", "untrusted", member(stranger, "far")],
  ["signed by itself", "untrusted", odd(authority, { names: nodeName("far"), signedByItself: true })],
  ["that has expired", "expired", odd(authority, { names: nodeName("far"), valid: [-2, -1] })],
  ["that is not valid yet", "notYetValid", odd(authority, { names: nodeName("far"), valid: [1, 2] })],
  ["for another purpose", "purpose", odd(authority, { names: nodeName("far"), usages: ["1.3.6.1.5.5.7.3.4"] })],
  ["without a name", "noName", odd(authority, {})],
  ["of a host, not a node", "noName", odd(authority, { names: [{ type: "dns", value: "far" }] })],
  ["with a name that is none", "noName", odd(authority, { names: nodeName("far/further") })],
  ["with two names", "noName", odd(authority, { names: [...nodeName("far"), ...nodeName("near")] })],
  ["with a name in another name", "noName", odd(authority, { names: [{ type: "dns", value: `x, URI:${cluster}` }] })],
  ["of another cluster", "otherCluster", odd(authority, { names: nodeName("far", "other") })]
]

describe("a far end", () => {
  for (const [what, reason, certificate] of badCertificates) {
    it.live(`that dials with a certificate ${what} is refused as ${reason}, and the node lives`, () =>
      Effect.gen(function* () {
        const transport = yield* TlsTransport.make(far)
        const { cert, key } = yield* certificate
        // Its own handshake is over before its certificate is looked at.
        const socket = yield* tlsConnect(transport.address, { cert, key, ca: authority.certificate })
        yield* endOf(socket)
        yield* awaitRefusals("accepted", reason, 1)
        yield* assertServes(transport)
        assert.strictEqual(yield* allRefusals("accepted"), 1)
      }).pipe(alone)
    )

    it.live(`that answers with a certificate ${what} is refused as ${reason}, and the node lives`, () =>
      Effect.gen(function* () {
        const transport = yield* TlsTransport.make(far)
        const { cert, key } = yield* certificate
        const error = yield* Effect.flip(transport.dial(yield* tlsServer({ cert, key })))
        assert.strictEqual(error.reason, "untrusted")
        assert.include(error.detail, `TLS: ${reason}`)
        const isOfTime = reason === "expired" || reason === "notYetValid"
        assert.strictEqual(error.detail.includes("by the clock of this machine"), isOfTime)
        yield* awaitRefusals("dialed", reason, 1)
        yield* assertServes(transport)
        assert.strictEqual(yield* allRefusals("dialed"), 1)
      }).pipe(alone)
    )
  }

  it.live("that shows no certificate is refused as noCertificate, and the node lives", () =>
    Effect.gen(function* () {
      const transport = yield* TlsTransport.make(far)
      const socket = yield* tlsConnect(transport.address, { ca: authority.certificate })
      yield* endOf(socket)
      yield* awaitRefusals("accepted", "noCertificate", 1)
      yield* assertServes(transport)
    }).pipe(alone)
  )

  it.live("whose TLS is old is told so, and refused as oldProtocol", () =>
    Effect.gen(function* () {
      const transport = yield* TlsTransport.make(far)
      const error = yield* Effect.flip(tlsConnect(transport.address, { ...near, maxVersion: "TLSv1.2" }))
      assert.strictEqual(error.code, "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION")
      yield* awaitRefusals("accepted", "oldProtocol", 1)
      yield* assertServes(transport)
      const old = yield* tlsServer({ ...near, maxVersion: "TLSv1.2" })
      assert.strictEqual((yield* Effect.flip(transport.dial(old))).reason, "untrusted")
      yield* awaitRefusals("dialed", "oldProtocol", 1)
    }).pipe(alone)
  )

  /** A TLS record: fatal, handshake failure. */
  const handshakeFailure = Uint8Array.of(0x15, 3, 3, 0, 2, 2, 40)

  const garbage: ReadonlyArray<readonly [string, Uint8Array, TlsMetrics.TlsRefusal]> = [
    ["a plain frame", prefixed(bytes(100)), "notTls"],
    ["HTTP", new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"), "notTls"],
    ["zeros", new Uint8Array(100), "notTls"],
    ["what begins like TLS", Uint8Array.of(0x16, 3, 1, 0, 5, 1, 255, 255, 255, 255), "broken"],
    ["an alert", handshakeFailure, "broken"]
  ]
  for (const [what, data, reason] of garbage) {
    it.live(`that sends ${what} instead of a handshake is refused as ${reason}, and the node lives`, () =>
      Effect.gen(function* () {
        const transport = yield* TlsTransport.make(far)
        const socket = yield* rawConnect(transport.address)
        yield* rawWrite(socket, data)
        yield* awaitRefusals("accepted", reason, 1)
        yield* assertServes(transport)
        assert.strictEqual(yield* allRefusals("accepted"), 1)
      }).pipe(alone)
    )
  }

  it.live("that answers a handshake in plain bytes is refused as notTls", () =>
    Effect.gen(function* () {
      const transport = yield* TlsTransport.make(far)
      const plain = yield* rawServer("127.0.0.1", (socket) => socket.write(prefixed(bytes(100))))
      const error = yield* Effect.flip(transport.dial(plain))
      assert.strictEqual(error.reason, "untrusted")
      yield* awaitRefusals("dialed", "notTls", 1)
      yield* assertServes(transport)
    }).pipe(alone)
  )

  it.live("that answers a handshake with an alert is counted as alert", () =>
    Effect.gen(function* () {
      const transport = yield* TlsTransport.make(far)
      const address = yield* rawServer("127.0.0.1", (socket) => socket.write(handshakeFailure))
      const error = yield* Effect.flip(transport.dial(address))
      assert.strictEqual(error.reason, "untrusted")
      yield* awaitRefusals("dialed", "alert", 1)
    }).pipe(alone)
  )

  it.live("that hangs up in the handshake is counted as hungUp", () =>
    Effect.gen(function* () {
      const transport = yield* TlsTransport.make(far)
      const socket = yield* rawConnect(transport.address)
      socket.destroy()
      yield* awaitRefusals("accepted", "hungUp", 1)
      const address = yield* rawServer("127.0.0.1", (socket) => socket.destroy())
      assert.strictEqual((yield* Effect.flip(transport.dial(address))).reason, "refused")
      yield* awaitRefusals("dialed", "hungUp", 1)
      yield* assertServes(transport)
    }).pipe(alone)
  )

  it.live("that does not take our certificate ends the link, and the link's end says that this may be why", () =>
    Effect.gen(function* () {
      const other = yield* TlsTransport.make({ ...far, ca: stranger.certificate }).pipe(Effect.flip)
      assert.strictEqual(other._tag, "CertificateError")
      const strict = yield* tlsServer({ ...far, ca: stranger.certificate, rejectUnauthorized: true })
      const transport = yield* TlsTransport.make(near)
      const link = yield* transport.dial(strict)
      const end = yield* link.closed
      assert.include(["closed", "reset"], end.reason)
      assert.include(end.detail, "it may not accept this node's certificate")
    })
  )
})

describe("TLS and plain TCP", () => {
  it.live("do not speak with each other, both lives, and both can tell why", () =>
    Effect.gen(function* () {
      const tls = yield* TlsTransport.make(far)
      const tcp = yield* TcpTransport.make({})
      // TLS dials TCP.
      const error = yield* Effect.flip(tls.dial(tcp.address))
      assert.deepInclude(error, { reason: "refused" })
      assert.include(error.detail, "does it speak TLS? It may also take no more links, or be stopping")
      const frameTooLarge = Metric.withAttributes(TcpMetrics.linksClosed, { reason: "frameTooLarge" })
      assert.strictEqual((yield* Metric.value(frameTooLarge)).count, 1)
      // TCP dials TLS.
      const link = yield* tcp.dial(tls.address)
      yield* link.send([[bytes(100)]])
      assert.include((yield* link.closed).detail, "the far end said nothing: it may want TLS")
      yield* awaitRefusals("accepted", "notTls", 1)
      yield* assertServes(tls)
      // Another program's port.
      const web = yield* rawServer("127.0.0.1", (socket) => socket.write("HTTP/1.1 400 Bad Request\r\n"))
      const mistaken = yield* tcp.dial(web)
      assert.include((yield* mistaken.closed).detail, `it begins with the text "HTTP", as no node does`)
      const plain = yield* TcpTransport.make({})
      const plainLink = yield* plain.dial(tcp.address)
      yield* plainLink.send([[bytes(1)]])
      assert.deepStrictEqual(yield* Effect.flatMap(nextAccepted(tcp), (next) => next.receive), [bytes(1)])
    }).pipe(alone)
  )
})

describe("the log", () => {
  it.live("goes on to say who is refused though the clock is set back", () =>
    Effect.gen(function* () {
      let wallMillis = Date.now()
      let nanos = 0n
      const clock: Clock.Clock = Object.create(yield* Clock.Clock, {
        currentTimeMillisUnsafe: { value: () => wallMillis },
        monotonicTimeNanosUnsafe: { value: () => nanos }
      })
      const said: Array<unknown> = []
      const logger = Logger.make(({ message }) => void said.push(message))
      const transport = yield* TlsTransport.make(far).pipe(
        Effect.provideService(Clock.Clock, clock),
        Effect.provide(Logger.layer([logger]))
      )
      for (const count of [1, 2]) {
        const plain = yield* rawConnect(transport.address)
        yield* rawWrite(plain, new TextEncoder().encode("GET / HTTP/1.1"))
        yield* awaitRefusals("accepted", "notTls", count)
        assert.strictEqual(said.length, count)
        wallMillis -= 86_400_000
        nanos += 61_000_000_000n
      }
    }).pipe(alone)
  )
})

describe("limits", () => {
  it.live("a handshake that stalls is ended in time, and takes a place of maxHandshakes until then", () =>
    Effect.gen(function* () {
      const transport = yield* TlsTransport.make({ ...far, maxHandshakes: 1, handshakeTimeout: 200 })
      const mute = yield* rawConnect(transport.address)
      yield* rawWrite(mute, Uint8Array.of(0x16, 3, 1, 2))
      while ((yield* Metric.value(TcpMetrics.handshakes)).value === 0) yield* Effect.sleep(1)
      const turnedAway = yield* TlsTransport.make(near)
      assert.strictEqual((yield* Effect.flip(turnedAway.dial(transport.address))).reason, "refused")
      yield* awaitRefusals("accepted", "stalled", 1)
      while ((yield* Metric.value(TcpMetrics.handshakes)).value > 0) yield* Effect.sleep(1)
      yield* assertServes(transport)
    }).pipe(alone)
  )

  it.live("a member that says nothing after its handshake is ended as handshakeTimeout", () =>
    Effect.gen(function* () {
      const transport = yield* TlsTransport.make({ ...far, handshakeTimeout: 200 })
      const other = yield* TlsTransport.make(near)
      yield* other.dial(transport.address)
      const link = yield* nextAccepted(transport)
      assert.strictEqual((yield* link.closed).reason, "handshakeTimeout")
      yield* assertServes(transport)
    })
  )

  it.live("a handshake under way takes one of maxLinks", () =>
    Effect.gen(function* () {
      const transport = yield* TlsTransport.make({ ...far, maxLinks: 1 })
      yield* rawConnect(transport.address)
      while ((yield* Metric.value(TcpMetrics.links)).value === 0) yield* Effect.sleep(1)
      const other = yield* TlsTransport.make(near)
      assert.strictEqual((yield* Effect.flip(transport.dial(other.address))).reason, "limit")
      assert.strictEqual((yield* Effect.flip(other.dial(transport.address))).reason, "refused")
    }).pipe(alone)
  )

  it.live("a transport that closes leaves no connection open, in whichever state it was", () =>
    Effect.gen(function* () {
      const open = Effect.gen(function* () {
        for (let turn = 0; turn < 5; turn++)
          yield* Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))
        return process.getActiveResourcesInfo().filter((kind) => /TCP|TLS|Connect|Shutdown|Write/.test(kind))
      })
      const before = yield* open
      yield* Effect.scoped(
        Effect.gen(function* () {
          const one = yield* TlsTransport.make(far)
          const other = yield* TlsTransport.make(near)
          const links = yield* Effect.all(Array.from({ length: 10 }, () => other.dial(one.address)))
          yield* Effect.forEach(links.slice(0, 5), (link) => link.send([[bytes(60_000)]]))
          yield* Effect.forkScoped(Effect.forEach(links.slice(0, 3), (link) => link.close("flush")))
          yield* Effect.forkScoped(other.dial(one.address))
          yield* rawConnect(one.address)
          yield* Effect.forkScoped(other.dial(yield* rawServer("127.0.0.1")))
          yield* Effect.sleep(20)
        })
      )
      assert.deepStrictEqual(yield* open, before)
      assert.strictEqual((yield* Metric.value(TcpMetrics.handshakes)).value, 0)
      assert.strictEqual(yield* refusals("accepted", "stalled"), 0)
    }).pipe(alone)
  )
})

describe("a transport on every address of its machine", () => {
  it.live.runIf(process.platform === "linux")(
    "tells connections from one port to two of its addresses apart",
    () =>
      Effect.gen(function* () {
        const transport = yield* TlsTransport.make({ ...far, host: "0.0.0.0", advertiseHost: "127.0.0.1" })
        const { port } = addressOf(transport.address)
        const dial = (host: string, localPort = 0) =>
          Effect.acquireRelease(
            Effect.callback<Socket, Error>((resume) => {
              const socket = createConnection({ host, port, localAddress: "127.0.0.1", localPort })
              socket.on("error", (error) => resume(Effect.fail(error)))
              socket.on("connect", () => resume(Effect.succeed(socket)))
            }),
            (socket) => Effect.sync(() => socket.destroy())
          )
        const first = yield* dial("127.0.0.1")
        while ((yield* Metric.value(TcpMetrics.handshakes)).value < 1) yield* Effect.sleep(1)
        const second = yield* dial("127.0.0.2", first.localPort)
        while ((yield* Metric.value(TcpMetrics.handshakes)).value < 2) yield* Effect.sleep(1)
        const other = yield* member(authority, "other")
        // In the other order, so that a mix-up would show.
        yield* tlsConnect(transport.address, { ...other, socket: second })
        assert.strictEqual((yield* nextAccepted(transport)).authenticatedId, "other")
        yield* tlsConnect(transport.address, { ...near, socket: first })
        assert.strictEqual((yield* nextAccepted(transport)).authenticatedId, "near")
        assert.strictEqual(yield* allRefusals("accepted"), 0)
      }).pipe(alone),
    10_000
  )
})

describe("a session", () => {
  const sessionOf = (address: string, options: ConnectionOptions) =>
    Effect.gen(function* () {
      const socket = yield* tlsConnect(address, options)
      socket.resume()
      return yield* Effect.callback<Buffer>((resume) => {
        socket.once("session", (session) => resume(Effect.succeed(session)))
      })
    })

  it.live("is not resumed: the certificate is looked at each time", () =>
    Effect.gen(function* () {
      const transport = yield* TlsTransport.make(far)
      const client = { cert: near.cert, key: near.key, ca: near.ca }
      const session = yield* sessionOf(transport.address, client)
      const again = yield* tlsConnect(transport.address, { ...client, session })
      assert.isFalse(again.isSessionReused())
      yield* nextAccepted(transport)
      assert.strictEqual((yield* nextAccepted(transport)).authenticatedId, "near")
      // Nor does it stand in for a certificate that is not shown any more.
      const naked = yield* tlsConnect(transport.address, { ca: near.ca, session })
      yield* endOf(naked)
      yield* awaitRefusals("accepted", "noCertificate", 1)
    }).pipe(alone)
  )

  it.live("of one server is none of another that resumes", () =>
    Effect.gen(function* () {
      const transport = yield* TlsTransport.make(near)
      const server = yield* tlsServer(far)
      for (let turn = 0; turn < 2; turn++) {
        assert.strictEqual((yield* transport.dial(server)).authenticatedId, "far")
      }
    })
  )
})

describe("options", () => {
  it.live("are those of TCP and of TLS, and no others", () =>
    Effect.gen(function* () {
      // @ts-expect-error: whoever has no types may give anything.
      const error = yield* Effect.flip(TlsTransport.make({ ...far, reloadevery: false }))
      assert.strictEqual(error._tag, "TcpConfigError")
      assert.include(error.message, "reloadevery: there is no such option. Options are cert, key, ca, ")
      assert.include(error.message, "maxFrameBytes")
    })
  )

  it.live("may come from configuration, the key kept secret", () =>
    Effect.gen(function* () {
      const transport = yield* TlsTransport.layerConfig({
        cert: Config.String("CERT"),
        key: Config.Redacted("KEY"),
        ca: Config.String("CA"),
        id: Config.String("ID").pipe(Config.withDefault(undefined)),
        reloadEvery: Config.succeed(false)
      }).pipe(
        Layer.build,
        Effect.map((context) => Context.get(context, Transport)),
        Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ CERT: far.cert, KEY: far.key, CA: far.ca })))
      )
      yield* assertServes(transport)
    })
  )
})

describe("credentials", () => {
  it.live("may be texts, redacted or not", () =>
    Effect.gen(function* () {
      const transport = yield* TlsTransport.make({ ...far, key: Redacted.make(far.key), id: "far", cluster })
      yield* assertServes(transport)
    })
  )
})
