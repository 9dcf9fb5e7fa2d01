/**
 * The runtime's `Transport` over mutual TLS: TLS 1.3, certificates of one authority on both sides, and the id of a link's
 * far end taken from its certificate.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { Transport, TransportError } from "@hyparview/runtime/Transport"
import type { TcpConfigError } from "./TcpConfig.ts"
import type { CertificateError, TlsOptions } from "./TlsConfig.ts"

/**
 * Opens a transport for the life of the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (
  options: TlsOptions
) => Effect.Effect<Transport["Service"], TransportError | TcpConfigError | CertificateError, Scope.Scope> = Effect.fn(
  "TlsTransport.make"
)(function* (options) {
  return yield* new TransportError({ address: `${options.host}:${options.port}`, detail: "TLS is being written" })
})

/**
 * A TLS transport as a Layer.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: TlsOptions
): Layer.Layer<Transport, TransportError | TcpConfigError | CertificateError> => Layer.effect(Transport, make(options))
