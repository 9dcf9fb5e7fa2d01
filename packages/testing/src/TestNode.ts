/**
 * One node by itself: what a test of an application's service provides, where the test is about the service and not about
 * the cluster. It is a real node on an in-process network of its own, a member of a cluster of one. What is published on it
 * its subscribers get, through the schema and back, and what they ask for as history is there. A test in which others
 * speak, or in which something goes wrong, makes a `TestCluster`.
 *
 * @since 0.1.0
 * @example
 * ```ts
 * import { Broadcast } from "@hyparview/runtime"
 * import { TestNode } from "@hyparview/testing"
 * import { Context, Effect, Layer, Schema, Stream } from "effect"
 *
 * class Alarms extends Context.Service<Alarms, { readonly heard: Array<string> }>()("Alarms") {
 *   static readonly layer = Layer.effect(
 *     this,
 *     Effect.gen(function* () {
 *       const heard: Array<string> = []
 *       const topic = yield* (yield* Broadcast.Broadcast).topic("alarms", Schema.String)
 *       yield* topic.subscribe().pipe(
 *         Stream.runForEach((delivery) => Effect.sync(() => delivery._tag === "Message" && heard.push(delivery.payload))),
 *         Effect.forkScoped({ startImmediately: true })
 *       )
 *       return { heard }
 *     })
 *   )
 * }
 *
 * const program = Effect.gen(function* () {
 *   const { heard } = yield* Alarms
 *   const topic = yield* (yield* Broadcast.Broadcast).topic("alarms", Schema.String)
 *   yield* topic.publish("fire")
 *   yield* Effect.sleep("10 millis")
 *   return heard
 * }).pipe(Effect.provide(Layer.provideMerge(Alarms.layer, TestNode.layer())))
 *
 * console.log(await Effect.runPromise(program)) // [ "fire" ]
 * ```
 */
import { type Broadcast, Discovery, type Membership, Node } from "@hyparview/runtime"
import { MemoryNetwork, MemoryTransport } from "@hyparview/transport-memory"
import * as Layer from "effect/Layer"

/**
 * A node that has joined, by itself: id `n0`, cluster `test`, seed 0, and no goodbye when its layer is closed, unless the options say
 * otherwise. Options that contradict themselves are a mistake in the test, and die.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Partial<Node.Options> = {}): Layer.Layer<Membership.Membership | Broadcast.Broadcast> =>
  Node.layer({ id: "n0", cluster: "test", seed: 0, join: [], leaveOnClose: false, ...options }).pipe(
    Layer.provide([MemoryTransport.layer({ address: "n0" }), Discovery.Discovery.layerNone]),
    Layer.provide(MemoryNetwork.layer()),
    Layer.orDie,
    Layer.fresh
  )
