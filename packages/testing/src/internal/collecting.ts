/**
 * Who has been handed what: subscriptions to a topic on every node of a test cluster, and the judgement of what they got.
 */
import { type Plumtree, Wire } from "@hyparview/core"
import { keyOf } from "@hyparview/faults/History"
import type { Broadcast } from "@hyparview/runtime"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { checkNames } from "./names.ts"
import type { Place } from "./places.ts"

/**
 * What the nodes have been handed on a topic since `collect`. Throws if it is asked about a node that there is none of.
 *
 * @category models
 * @since 0.1.0
 */
export interface Collected {
  /** What a node's subscriber got, in order, over all its incarnations. */
  readonly of: (index: number) => ReadonlyArray<Broadcast.Delivery>
  /** The nodes that got this message, each as often as it got it. */
  readonly receivers: (id: Plumtree.MessageId) => ReadonlyArray<number>
  /** How many messages a node's subscriber was told that it will never get. */
  readonly missed: (index: number) => number
  /**
   * What is wrong with what some nodes got of these messages, in sentences: one that a node's latest incarnation did not
   * get and was not told to be lost either, one that came twice in one incarnation, one that came although it was told to
   * be lost. None: each got every one once, or knows which ones it lost.
   */
  readonly faults: (check: Check) => ReadonlyArray<string>
}

/**
 * What is judged.
 *
 * @category models
 * @since 0.1.0
 */
export interface Check {
  readonly ids: ReadonlyArray<Plumtree.MessageId>
  /** The nodes that must have got them. */
  readonly nodes: ReadonlyArray<number>
  /** Whether a message that was told to be lost counts as a fault too. Default: no. */
  readonly allDelivered?: boolean | undefined
  /** Whether each incarnation of a source must have come in the order in which it published. Default: no. */
  readonly inOrder?: boolean | undefined
}

/** What one subscription was handed. */
type Got = Array<Broadcast.Delivery>

interface Collection {
  readonly topic: string
  readonly options: Broadcast.SubscribeOptions
  /** By the index of the node, then by its incarnations. */
  readonly deliveries: ReadonlyArray<Array<Got>>
  readonly fibers: Array<Fiber.Fiber<void, Broadcast.InvalidTopic>>
}

const subscribe = (
  { index, running }: Place,
  { deliveries, fibers, options, topic }: Collection
): Effect.Effect<void> => {
  if (running === undefined) return Effect.void
  const got: Got = []
  deliveries[index]?.push(got)
  return running.broadcast.subscribe(topic, options).pipe(
    Stream.runForEach((delivery) => Effect.sync(() => got.push(delivery))),
    Effect.forkIn(running.scope, { startImmediately: true }),
    Effect.flatMap((fiber) => {
      fibers.push(fiber)
      // One that was asked for with options that there are none of has died already, and nobody looks at it again.
      const exit = fiber.pollUnsafe()
      return exit !== undefined && Exit.isFailure(exit) ? Effect.orDie(Effect.failCause(exit.cause)) : Effect.void
    })
  )
}

const missedIn = (got: Got): number =>
  got.reduce((sum, delivery) => sum + (delivery._tag === "Lagged" ? delivery.missed : 0), 0)

const isLost = (got: Got, { epoch, sequence, source, topic }: Plumtree.MessageId): boolean =>
  got.some(
    (delivery) =>
      delivery._tag === "Lagged" &&
      delivery.cause === "network" &&
      delivery.topic === topic &&
      delivery.source === source &&
      delivery.epoch === epoch &&
      delivery.first <= sequence &&
      sequence <= delivery.last
  )

/** What came before something that its source had published earlier. */
const disorder = (got: Got): ReadonlyArray<string> => {
  const latest = new Map<string, number>()
  return got.flatMap((delivery) => {
    if (delivery._tag !== "Message") return []
    const { epoch, sequence, source } = delivery.id
    const before = latest.get(`${source}@${epoch}`) ?? -1
    latest.set(`${source}@${epoch}`, Math.max(before, sequence))
    return sequence > before ? [] : [`got ${keyOf(delivery.id)} after #${before}`]
  })
}

/** What is wrong with what the incarnations of one node got. */
export const faultsOf = (incarnations: ReadonlyArray<Got>, check: Check): ReadonlyArray<string> => {
  const faults: Array<string> = []
  for (const [number, got] of incarnations.entries()) {
    const times = new Map<string, number>()
    for (const delivery of got) {
      if (delivery._tag === "Message") times.set(keyOf(delivery.id), (times.get(keyOf(delivery.id)) ?? 0) + 1)
    }
    for (const id of check.ids) {
      const count = times.get(keyOf(id)) ?? 0
      const lost = isLost(got, id)
      if (count > 1) faults.push(`got ${keyOf(id)} ${count} times`)
      if (count > 0 && lost) faults.push(`got ${keyOf(id)}, and was told that it is lost`)
      if (number < incarnations.length - 1 || count > 0) continue
      if (!lost) faults.push(`did not get ${keyOf(id)}`)
      else if (check.allDelivered === true) faults.push(`lost ${keyOf(id)}`)
    }
    if (check.inOrder === true) faults.push(...disorder(got))
  }
  return faults
}

export class Collections {
  readonly #open = new Set<Collection>()

  /** Subscribes a node that has just started to whatever is being collected. */
  started(place: Place): Effect.Effect<void> {
    return Effect.forEach(this.#open, (collection) => subscribe(place, collection), { discard: true })
  }

  collect(
    places: ReadonlyArray<Place>,
    topic: string,
    options: Broadcast.SubscribeOptions
  ): Effect.Effect<Collected, never, Scope.Scope> {
    if (!Wire.isName(topic)) throw new RangeError(`topic: ${JSON.stringify(topic)} is no name of a topic`)
    const collection: Collection = { topic, options, deliveries: places.map(() => []), fibers: [] }
    const { deliveries } = collection
    /** Of a node that there is none of, nothing would be wrong. */
    const incarnationsOf = (index: number): ReadonlyArray<Got> => {
      const incarnations = deliveries[index]
      if (incarnations !== undefined) return incarnations
      throw new RangeError(`there is no node ${index}: the cluster has ${deliveries.length}`)
    }
    const of = (index: number): Got => incarnationsOf(index).flat()
    const collected: Collected = {
      of,
      receivers: (id) =>
        deliveries.flatMap((_, index) =>
          of(index)
            .filter((delivery) => delivery._tag === "Message" && keyOf(delivery.id) === keyOf(id))
            .map(() => index)
        ),
      missed: (index) => missedIn(of(index)),
      faults: (check) => {
        checkNames(check, { ids: true, nodes: true, allDelivered: true, inOrder: true })
        return check.nodes.flatMap((index) =>
          faultsOf(incarnationsOf(index), check).map((fault) => `node ${index} ${fault}`)
        )
      }
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
