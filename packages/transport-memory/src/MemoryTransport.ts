/**
 * The runtime's `Transport` over a `MemoryNetwork`: what a test provides to a node where production provides TCP.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Formatter from "effect/Formatter"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import type { TransportError } from "@hyparview/runtime/Transport"
import { Transport } from "@hyparview/runtime/Transport"
import { InvalidOptions, MemoryNetwork } from "./MemoryNetwork.ts"

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

const names = Object.keys({ address: true, authenticatedId: true } satisfies Record<keyof Options, true>)

/** The first thing wrong with what somebody without types may give. */
const faultOf = (options: Options): InvalidOptions | undefined => {
  const wrong = (option: string, detail: string) => new InvalidOptions({ option, detail })
  if (!Predicate.isObject(options)) return wrong("options", `${Formatter.format(options)} is not an object of options`)
  const stranger = Object.keys(options).find((name) => !names.includes(name))
  if (stranger !== undefined) return wrong(stranger, `no such option. Options are ${names.join(", ")}`)
  const { address, authenticatedId } = options
  if (typeof address !== "string") return wrong("address", `${Formatter.format(address)} is not a text`)
  if (authenticatedId === undefined || typeof authenticatedId === "string") return undefined
  return wrong("authenticatedId", `${Formatter.format(authenticatedId)} is not a text`)
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
export const layer = (options: Options): Layer.Layer<Transport, TransportError | InvalidOptions, MemoryNetwork> =>
  Layer.effect(
    Transport,
    Effect.gen(function* () {
      const network = yield* MemoryNetwork
      const fault = faultOf(options)
      return yield* fault === undefined ? network.transport(options.address, options) : Effect.fail(fault)
    })
  )
