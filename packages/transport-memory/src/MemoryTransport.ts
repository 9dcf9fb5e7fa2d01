/**
 * The runtime's `Transport` over a `MemoryNetwork`: what a test provides to a node where production provides TCP.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { TransportError } from "@hyparview/runtime/Transport"
import { Transport } from "@hyparview/runtime/Transport"
import { MemoryNetwork } from "./MemoryNetwork.ts"

/**
 * Where a transport listens.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Any text but the empty one; one listener at an address at a time. */
  readonly address: string
  /** What far ends are told as proved, in place of a certificate. Default: nothing is proved. */
  readonly authenticatedId?: string | undefined
}

/**
 * A transport at an address of the network, for the life of the layer. All transports of one network, and whoever hurts it,
 * are provided the same `MemoryNetwork`.
 *
 * **Example** (Nodes of one network)
 *
 * ```ts
 * import { Discovery, Node } from "@hyparview/runtime"
 * import { MemoryNetwork, MemoryTransport } from "@hyparview/transport-memory"
 * import { Effect, Layer } from "effect"
 *
 * const nodeAt = (address: string) =>
 *   Node.layer({ id: address, cluster: "test" }).pipe(
 *     Layer.provide([MemoryTransport.layer({ address }), Discovery.Discovery.layerNone])
 *   )
 *
 * const program = Effect.gen(function* () {
 *   const a = yield* Layer.build(nodeAt("a"))
 *   const b = yield* Layer.build(nodeAt("b"))
 *   return [a, b]
 * }).pipe(Effect.scoped, Effect.provide(MemoryNetwork.layer({ seed: 7 })))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<Transport, TransportError, MemoryNetwork> =>
  Layer.effect(
    Transport,
    Effect.flatMap(MemoryNetwork, (network) => network.transport(options.address, options))
  )
