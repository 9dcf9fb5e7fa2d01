/** A transport under control that blocks nobody is as good as the one below it. */
import * as Effect from "effect/Effect"
import * as TransportContract from "@hyparview/testing/TransportContract"
import * as MemoryNetwork from "@hyparview/transport-memory/MemoryNetwork"
import * as ControlledTransport from "../src/ControlledTransport.ts"

TransportContract.suite({
  name: "under control, in memory",
  realTime: false,

  world: (settings) =>
    Effect.map(
      MemoryNetwork.make({
        maxFrameBytes: settings.maxFrameBytes,
        receiveLimitBytes: settings.receiveLimitBytes,
        handshakeTimeout: settings.handshakeTimeoutMillis,
        dialTimeout: settings.dialTimeoutMillis
      }),
      (network) => ({ network, addresses: 0 })
    ),

  transport: (world) =>
    Effect.suspend(() => world.network.transport(`node-${++world.addresses}`)).pipe(
      Effect.flatMap((transport) => ControlledTransport.make(transport)),
      Effect.map(({ transport }) => transport)
    ),

  refusingAddress: () => Effect.succeed("nobody"),
  invalidAddresses: [""],
  stallBytes: 1_048_576,

  hangingAddress: ({ network }) => Effect.as(network.hang("silence"), "silence"),

  silentLink: ({ network }, dialer) =>
    Effect.gen(function* () {
      const silent = yield* network.transport("silent")
      const link = yield* dialer.dial(silent.address)
      yield* network.freeze(silent.address)
      return link
    })
})
