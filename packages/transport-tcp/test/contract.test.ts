import { networkInterfaces } from "node:os"
import * as Effect from "effect/Effect"
import * as TransportContract from "@hyparview/testing/TransportContract"
import * as Certificates from "@hyparview/transport-tcp/Certificates"
import * as TcpTransport from "@hyparview/transport-tcp/TcpTransport"
import * as TlsTransport from "@hyparview/transport-tcp/TlsTransport"
import { deafAddress, prefixed, rawConnect, rawServer, rawWrite, refusingAddress } from "./kit.ts"
import { member, tlsConnect, tlsServer } from "./tlsKit.ts"

const harness = (name: string, host: string): TransportContract.Harness<TransportContract.Settings> => ({
  name,
  realTime: true,
  world: Effect.succeed,
  transport: (settings) =>
    TcpTransport.make({
      host,
      maxFrameBytes: settings.maxFrameBytes,
      receiveLimitBytes: settings.receiveLimitBytes,
      dialTimeout: settings.dialTimeoutMillis,
      handshakeTimeout: settings.handshakeTimeoutMillis,
      closeTimeout: settings.closeTimeoutMillis
    }),
  refusingAddress: () => refusingAddress(host),
  invalidAddresses: ["", "7946", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:0", "::1:7946", "a b:1"],
  // The kernel's buffers for one connection: tcp_wmem and tcp_rmem, as large as they come.
  stallBytes: 64 * 1024 * 1024,
  hangingAddress: () => deafAddress(host),
  silentLink: (_settings, dialer) => Effect.flatMap(rawServer(host), (address) => dialer.dial(address)),
  raw: {
    encode: prefixed,
    connect: (to) =>
      Effect.map(rawConnect(to.address), (socket) => ({
        write: (bytes) => rawWrite(socket, bytes),
        end: Effect.sync(() => socket.end()),
        reset: Effect.sync(() => socket.resetAndDestroy())
      }))
  }
})

const authority = await Effect.runPromise(Certificates.makeAuthority())
const someone = await Effect.runPromise(member(authority, "someone"))

const overTls: TransportContract.Harness<TransportContract.Settings> = {
  ...harness("mutual TLS", "127.0.0.1"),
  transport: (settings) =>
    TlsTransport.make({
      ...someone,
      maxFrameBytes: settings.maxFrameBytes,
      receiveLimitBytes: settings.receiveLimitBytes,
      dialTimeout: settings.dialTimeoutMillis,
      handshakeTimeout: settings.handshakeTimeoutMillis,
      closeTimeout: settings.closeTimeoutMillis
    }),
  silentLink: (_settings, dialer) =>
    Effect.flatMap(
      tlsServer({ ...someone, pauseOnConnect: true, allowHalfOpen: true }, (socket) => socket.pause()),
      (address) => dialer.dial(address)
    ),
  raw: {
    encode: prefixed,
    connect: (to) =>
      Effect.gen(function* () {
        const raw = yield* rawConnect(to.address)
        const socket = yield* tlsConnect(to.address, { ...someone, socket: raw })
        return {
          write: (bytes) => rawWrite(socket, bytes),
          end: Effect.sync(() => socket.end()),
          reset: Effect.sync(() => raw.resetAndDestroy())
        }
      })
  }
}

const hasIpv6 = Object.values(networkInterfaces()).some((entries) => entries?.some((entry) => entry.address === "::1"))

TransportContract.suite(harness("TCP over IPv4", "127.0.0.1"))
if (hasIpv6) TransportContract.suite(harness("TCP over IPv6", "::1"))
TransportContract.suite(overTls)
