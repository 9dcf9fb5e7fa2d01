/** TCP under control, nobody blocked: the whole contract holds. */
import * as ControlledTransport from "@hyparview/runtime/ControlledTransport"
import * as TransportContract from "@hyparview/testing/TransportContract"
import * as TcpTransport from "@hyparview/transport-tcp/TcpTransport"
import * as Effect from "effect/Effect"
import { deafAddress, prefixed, rawConnect, rawServer, rawWrite, refusingAddress } from "./kit.ts"

const host = "127.0.0.1"

TransportContract.suite<TransportContract.Settings>({
  name: "TCP under control",
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
    }).pipe(
      Effect.flatMap((transport) => ControlledTransport.make(transport)),
      Effect.map(({ transport }) => transport)
    ),
  refusingAddress: () => refusingAddress(host),
  invalidAddresses: ["", "7946", "127.0.0.1:0", "a b:1"],
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
