/**
 * A live node: the pure protocols of `@hyparview/core`, driven on Effect's Clock over a `Transport`. `layer` is what an
 * application reaches for; it provides `Membership` and `Broadcast`.
 *
 * @example
 * ```ts
 * import { Discovery, Membership, Node } from "@hyparview/runtime"
 * import { TcpTransport } from "@hyparview/transport-tcp"
 * import { Effect, Layer } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const membership = yield* Membership.Membership
 *   yield* membership.join(["10.0.0.1:7946"])
 *   yield* membership.awaitNeighbors(1)
 * })
 *
 * const NodeLive = Node.layer({ id: "node-a", cluster: "example", clusterSize: 1_000 }).pipe(
 *   Layer.provide(TcpTransport.layer({ port: 7946 })),
 *   Layer.provide(Discovery.Discovery.layerNone)
 * )
 * Effect.runFork(program.pipe(Effect.provide(NodeLive)))
 * ```
 *
 * @since 0.1.0
 */
import type { HyParView, Plumtree } from "@hyparview/core"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { Broadcast } from "./Broadcast.ts"
import { Discovery } from "./Discovery.ts"
import { makeDriver } from "./internal/driver.ts"
import { type Options, type OptionsError, resolve } from "./internal/settings.ts"
import { Membership } from "./Membership.ts"
import { PeerStore } from "./PeerStore.ts"
import { Transport } from "./Transport.ts"

export { type Observe, type Options, OptionsError, resolve, type Settings } from "./internal/settings.ts"

/**
 * A node over whatever `Transport` and `Discovery` are provided. It is up, but has not joined: `Membership.join` does
 * that, or the option `join`. Closing the layer leaves the cluster properly (see `leaveOnClose`), and ends every fiber and
 * link of the node. What lets nobody interrupt it (a validator may) is waited for no longer than `leaveDeadline`, and the
 * log says so.
 *
 * If a `PeerStore` is provided as well, the node's epoch is above the one stored, and the peers that it knew are contacts
 * beside those given to `join`.
 *
 * A transport belongs to one node: a second one on it dies as it starts, and says so. `TcpTransport.layer(…)` that stands in
 * one variable and is provided to two nodes of one program is built once, unless `Layer.fresh` builds it for each.
 *
 * Nodes of one process share their metrics, and a gauge shows the one whose own changed last, of those that have not ended, unless
 * each is provided attributes of its own, with which every one of its series is then labelled. After the last of them it is 0.
 *
 * @example
 * ```ts
 * import { Discovery, Node } from "@hyparview/runtime"
 * import { TcpTransport } from "@hyparview/transport-tcp"
 * import { Layer, Metric } from "effect"
 *
 * const nodeOf = (id: string, port: number) =>
 *   Node.layer({ id, cluster: "example" }).pipe(
 *     Layer.provide([TcpTransport.layer({ port }), Discovery.Discovery.layerNone]),
 *     Layer.provide(Layer.succeed(Metric.CurrentMetricAttributes, { node: id }))
 *   )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options
): Layer.Layer<
  Membership | Broadcast,
  OptionsError | HyParView.ConfigError | Plumtree.ConfigError,
  Transport | Discovery
> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const settings = yield* Effect.fromResult(resolve(options))
      const store = Option.getOrUndefined(yield* Effect.serviceOption(PeerStore))
      const { broadcast, membership } = yield* makeDriver(settings, yield* Transport, yield* Discovery, store).pipe(
        Effect.annotateLogs("self", settings.id)
      )
      // Where another process has its id it has stopped, and whoever uses it is told.
      if (settings.join !== undefined) yield* Effect.ignore(membership.join(settings.join))
      return Context.make(Membership, membership).pipe(Context.add(Broadcast, broadcast))
    })
  )

/**
 * A node as by `layer`, its options read from configuration.
 *
 * @example
 * ```ts
 * import { Discovery, Node } from "@hyparview/runtime"
 * import { TcpTransport } from "@hyparview/transport-tcp"
 * import { Config, Effect, Layer } from "effect"
 *
 * const Contacts = Layer.unwrap(
 *   Effect.map(Config.String("CONTACTS"), (contacts) => Discovery.Discovery.layerStatic(contacts.split(",")))
 * )
 *
 * const NodeLive = Node.layerConfig({
 *   id: Config.String("NODE_ID"),
 *   cluster: Config.succeed("example"),
 *   join: Config.succeed([]),
 *   clusterSize: Config.Int("CLUSTER_SIZE").pipe(Config.withDefault(1_000))
 * }).pipe(Layer.provide([TcpTransport.layerConfig({ port: Config.Port("PORT") }), Contacts]))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Config.Wrap<Options>
): Layer.Layer<
  Membership | Broadcast,
  OptionsError | HyParView.ConfigError | Plumtree.ConfigError | Config.ConfigError,
  Transport | Discovery
> => Layer.unwrap(Effect.map(Config.unwrap(options), layer))
