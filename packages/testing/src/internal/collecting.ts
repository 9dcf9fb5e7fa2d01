/**
 * Who has been handed what: subscriptions to a topic on every node of a test cluster.
 */
import type { Plumtree } from "@hyparview/core"
import type { Broadcast } from "@hyparview/runtime"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Place } from "./places.ts"

/**
 * What the nodes have been handed on a topic since `collect`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Collected {
  /** What a node's subscriber got, in order, over all its incarnations. */
  readonly of: (index: number) => ReadonlyArray<Broadcast.Delivery>
  /** The nodes that got this message, each as often as it got it. */
  readonly receivers: (id: Plumtree.MessageId) => ReadonlyArray<number>
}

interface Collection {
  readonly topic: string
  /** By the index of the node. */
  readonly deliveries: Array<Array<Broadcast.Delivery>>
  readonly fibers: Array<Fiber.Fiber<void>>
}

const sameMessage = (a: Plumtree.MessageId, b: Plumtree.MessageId): boolean =>
  a.source === b.source && a.epoch === b.epoch && a.topic === b.topic && a.sequence === b.sequence

const subscribe = ({ index, running }: Place, { deliveries, fibers, topic }: Collection): Effect.Effect<void> => {
  if (running === undefined) return Effect.void
  const got = (deliveries[index] ??= [])
  return running.broadcast.subscribe(topic).pipe(
    Stream.runForEach((delivery) => Effect.sync(() => got.push(delivery))),
    Effect.forkIn(running.scope, { startImmediately: true }),
    Effect.map((fiber) => void fibers.push(fiber))
  )
}

export class Collections {
  readonly #open = new Set<Collection>()

  /** Subscribes a node that has just started to whatever is being collected. */
  started(place: Place): Effect.Effect<void> {
    return Effect.forEach(this.#open, (collection) => subscribe(place, collection), { discard: true })
  }

  collect(places: ReadonlyArray<Place>, topic: string): Effect.Effect<Collected, never, Scope.Scope> {
    const collection: Collection = { topic, deliveries: places.map(() => []), fibers: [] }
    const { deliveries } = collection
    const collected: Collected = {
      of: (index) => deliveries[index] ?? [],
      receivers: (id) =>
        deliveries.flatMap((got, index) =>
          got.filter((delivery) => delivery._tag === "Message" && sameMessage(delivery.id, id)).map(() => index)
        )
    }
    return Effect.acquireRelease(
      Effect.suspend(() => {
        this.#open.add(collection)
        return Effect.forEach(places, (place) => subscribe(place, collection), { discard: true })
      }),
      () => {
        this.#open.delete(collection)
        return Fiber.interruptAll(collection.fibers)
      }
    ).pipe(Effect.as(collected))
  }
}
