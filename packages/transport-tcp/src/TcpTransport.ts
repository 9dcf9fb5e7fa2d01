/**
 * The runtime's `Transport` over TCP, one connection a link. It stands between Node's sockets and the driver: it knows
 * links and frames, limits and time-outs, and nothing of what frames say.
 *
 * Each frame is preceded by its length (four bytes, big-endian). There is no greeting and no encryption: use it only on
 * networks that you trust, and `TlsTransport` on others.
 *
 * **Gotchas**
 *
 * - A received frame is a view into the buffer of one read (up to 64 KiB). Copy a small frame if you keep it for long.
 * - `send` resolves while up to 64 KiB wait in the process and, on Linux, some megabytes in the kernels of both ends.
 *   Backpressure begins after that.
 * - The kernel closes the connections of a killed process in an orderly way, so `closed` does not prove that the far end
 *   meant it.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { TransportError } from "@hyparview/runtime/Transport"
import { Transport } from "@hyparview/runtime/Transport"
import { open } from "./internal/open.ts"
import { plain } from "./internal/security.ts"
import type { TcpConfigError, TcpOptions } from "./TcpConfig.ts"
import * as TcpConfig from "./TcpConfig.ts"

/**
 * Opens a transport for the life of the scope. Closing the scope aborts every link, frees the port, and waits until all
 * of it is gone.
 *
 * Fails with `TcpConfigError` if the options do not make sense, and with `TransportError` if the port is in use or the
 * host is not of this machine; in both cases nothing stays open.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (
  options?: TcpOptions
) => Effect.Effect<Transport["Service"], TransportError | TcpConfigError, Scope.Scope> = Effect.fn("TcpTransport.make")(
  function* (options = {}) {
    const config = yield* Effect.fromResult(TcpConfig.make(options))
    return yield* open(config, plain)
  }
)

/**
 * A TCP transport as a Layer.
 *
 * **Example** (Two nodes on one machine)
 *
 * ```ts
 * import { Transport } from "@hyparview/runtime/Transport"
 * import { TcpTransport } from "@hyparview/transport-tcp"
 * import { Effect, Stream } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const near = yield* Transport
 *   const far = yield* TcpTransport.make({})
 *   const link = yield* near.dial(far.address)
 *   yield* link.send([[new TextEncoder().encode("hello")]])
 *   const accepted = yield* Stream.runHead(far.accepted).pipe(Effect.flatMap(Effect.fromOption))
 *   const frames = yield* accepted.receive
 *   return frames.map((frame) => new TextDecoder().decode(frame)) // ["hello"]
 * }).pipe(Effect.scoped, Effect.provide(TcpTransport.layer({ host: "127.0.0.1" })))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: TcpOptions): Layer.Layer<Transport, TransportError | TcpConfigError> =>
  Layer.effect(Transport, make(options))

/**
 * A TCP transport as a Layer, its options read from configuration.
 *
 * @example
 * ```ts
 * import { TcpTransport } from "@hyparview/transport-tcp"
 * import { Config } from "effect"
 *
 * const transport = TcpTransport.layerConfig({
 *   host: Config.String("HOST").pipe(Config.withDefault("127.0.0.1")),
 *   port: Config.Port("PORT").pipe(Config.withDefault(7946))
 * })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Config.Wrap<TcpOptions>
): Layer.Layer<Transport, TransportError | TcpConfigError | Config.ConfigError> =>
  Layer.effect(Transport, Effect.flatMap(Config.unwrap(options), make))
