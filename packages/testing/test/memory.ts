/** The in-process network as the contract suite's world. */
import * as Effect from "effect/Effect"
import type * as TransportContract from "@hyparview/testing/TransportContract"
import * as MemoryNetwork from "@hyparview/transport-memory/MemoryNetwork"

export interface World {
  readonly network: MemoryNetwork.MemoryNetwork["Service"]
  /** Numbers the addresses. */
  hosts: number
}

export const memory: TransportContract.Harness<World> = {
  name: "memory, on virtual time",
  realTime: false,
  world: (settings) =>
    Effect.map(
      MemoryNetwork.make({
        maxFrameBytes: settings.maxFrameBytes,
        receiveLimitBytes: settings.receiveLimitBytes,
        dialTimeout: settings.dialTimeoutMillis,
        handshakeTimeout: settings.handshakeTimeoutMillis
      }),
      (network) => ({ network, hosts: 0 })
    ),
  transport: (world) => Effect.suspend(() => world.network.transport(`host-${world.hosts++}`)),
  refusingAddress: () => Effect.succeed("nobody"),
  invalidAddresses: [""],
  stallBytes: 4 * 1024 * 1024,
  hangingAddress: ({ network }) => Effect.as(network.hang("hanging"), "hanging"),
  silentLink: ({ network }, dialer) =>
    Effect.gen(function* () {
      const silent = yield* network.transport("silent")
      const link = yield* dialer.dial(silent.address)
      yield* network.halfOpen(dialer.address, silent.address)
      return link
    })
}
