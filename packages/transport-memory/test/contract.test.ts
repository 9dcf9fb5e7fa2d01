import * as Effect from "effect/Effect"
import * as TransportContract from "@hyparview/testing/TransportContract"
import * as MemoryNetwork from "@hyparview/transport-memory/MemoryNetwork"

/** The suite's cases on frames as bytes are left out: this network carries frames whole. */
TransportContract.suite({
  name: "in memory",
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

  transport: (world) => Effect.suspend(() => world.network.transport(`node-${++world.addresses}`)),

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
