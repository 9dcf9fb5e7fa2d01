/**
 * The runtime's `Transport` over mutual TLS: the links of `TcpTransport`, behind a handshake in which both ends prove who
 * they are.
 *
 * TLS 1.3 alone. Both ends must show a certificate signed by an authority in `ca`; the system's roots count for nothing.
 * The certificate names a node and its cluster (`CertificateName`), and the id is the link's `authenticatedId`: a node
 * believes no Hello in which another stands. No session is resumed, so each link's certificates were checked.
 *
 * The files are checked for changes regularly (`reloadEvery`). New ones are used for new links, and old links may finish.
 * What cannot be used, half a certificate, the wrong key or another node's, is reported, and what was in use before stays.
 *
 * Who is refused is counted with the reason (`TlsMetrics.refusals`) and logged, and nothing else happens to this node.
 *
 * **Gotchas**
 *
 * - A certificate says who a node is, not where: any member may answer at any address, and the caller compares ids.
 * - In TLS 1.3 the end that dials is done before the other end has looked at its certificate. If that is refused, the
 *   dial succeeds, and its link ends before the first frame; the detail of its end says so.
 * - Whoever sits between two nodes can end a link, but cannot add, change, repeat or drop a frame before its end without
 *   being noticed. A link that was cut so ends as `reset`, never as `closed`.
 * - The certificates of a link are checked once. To be rid of a member at once, restart the nodes that hold links with
 *   it.
 * - Certificates are loaded by the time of Effect's Clock, and handshakes made by the machine's: under a test clock, which
 *   begins in 1970, no certificate is valid yet.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { TransportError } from "@hyparview/runtime/Transport"
import { Transport } from "@hyparview/runtime/Transport"
import { load, sourcesOf, stamps } from "./internal/credentials.ts"
import { open } from "./internal/open.ts"
import { makeRefusals } from "./internal/refusals.ts"
import { renew } from "./internal/renewal.ts"
import { TlsSecurity } from "./internal/tls.ts"
import type { TcpConfigError, TcpOptions } from "./TcpConfig.ts"
import * as TcpConfig from "./TcpConfig.ts"
import type { CertificateError, TlsOptions } from "./TlsConfig.ts"

/** The options that only TLS has. */
const names = Object.keys({
  cert: true,
  key: true,
  ca: true,
  id: true,
  cluster: true,
  reloadEvery: true
} satisfies Record<Exclude<keyof TlsOptions, keyof TcpOptions>, true>)

/**
 * Opens a transport for the life of the scope. Closing the scope aborts every link, frees the port, and waits until all
 * of it is gone.
 *
 * Fails with `CertificateError` if a file cannot be used, with `TcpConfigError` if the options do not make sense, and
 * with `TransportError` if the port is in use or the host is not of this machine; in each case nothing stays open.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (
  options: TlsOptions
) => Effect.Effect<Transport["Service"], TransportError | TcpConfigError | CertificateError, Scope.Scope> = Effect.fn(
  "TlsTransport.make"
)(function* (options) {
  const config = yield* Effect.fromResult(TcpConfig.make(options, names))
  const { reloadEvery = "30 seconds" } = options
  const everyMillis =
    reloadEvery === false ? undefined : yield* Effect.fromResult(TcpConfig.millis("reloadEvery", reloadEvery, 10))
  const sources = yield* Effect.fromResult(sourcesOf(options))
  // Before they are read: what changes in between is then seen as a change.
  const stamp = yield* stamps(sources)
  const first = yield* load(sources, options)
  const context = yield* Effect.context()
  const clock = yield* Clock.Clock
  const run = Effect.runForkWith(context)
  const refusals = makeRefusals(
    context,
    // Not the wall clock: set back by a day, it would have the log say nothing for a day.
    () => Number(clock.monotonicTimeNanosUnsafe()) / 1_000_000,
    (fields) => run(Effect.logWarning("a TLS handshake came to nothing", fields))
  )
  const security = new TlsSecurity(first, config, refusals)
  yield* renew({ sources, stamp, first, everyMillis, use: (next) => security.renew(next) })
  return yield* open(config, security)
})

/**
 * A TLS transport as a Layer.
 *
 * **Example** (A node of a secured cluster)
 *
 * ```ts
 * import { TlsTransport } from "@hyparview/transport-tcp"
 *
 * const transport = TlsTransport.layer({
 *   host: "0.0.0.0",
 *   port: 7946,
 *   advertiseHost: "10.0.0.7",
 *   cert: "/etc/hyparview/node-7.pem",
 *   key: "/etc/hyparview/node-7.key",
 *   ca: "/etc/hyparview/ca.pem",
 *   // The certificate must name this node: another's, installed here by mistake, is an error at the start.
 *   id: "node-7",
 *   cluster: "shop"
 * })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: TlsOptions
): Layer.Layer<Transport, TransportError | TcpConfigError | CertificateError> => Layer.effect(Transport, make(options))

/**
 * A TLS transport as a Layer, its options read from configuration.
 *
 * @example
 * ```ts
 * import { TlsTransport } from "@hyparview/transport-tcp"
 * import { Config } from "effect"
 *
 * const transport = TlsTransport.layerConfig({
 *   advertiseHost: Config.String("HOST"),
 *   cert: Config.String("TLS_CERT"),
 *   key: Config.Redacted("TLS_KEY"),
 *   ca: Config.String("TLS_CA"),
 *   id: Config.String("NODE_ID")
 * })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Config.Wrap<TlsOptions>
): Layer.Layer<Transport, TransportError | TcpConfigError | CertificateError | Config.ConfigError> =>
  Layer.effect(Transport, Effect.flatMap(Config.unwrap(options), make))
