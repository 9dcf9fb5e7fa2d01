/**
 * Handing events to subscribers, each behind a bounded queue of its own, so that a slow one is told what it missed and
 * slows nobody.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"

interface Subscriber<A, E> {
  readonly queue: Queue.Queue<A, E>
  missed: number
}

export interface Fanout<A, E> {
  /** Hands an item to every subscriber. */
  readonly offer: (item: A) => void
  /** Ends every subscriber's stream, present and future, with an error. */
  readonly fail: (error: E) => void
  /** A stream that begins with `first`, evaluated when it subscribes, without a gap to what follows. */
  readonly stream: (first: () => ReadonlyArray<A>) => Stream.Stream<A, E>
  readonly isEmpty: () => boolean
}

/**
 * `overflow` decides what becomes of a subscriber whose queue is full: an item to hand it before the next one that fits
 * (its argument is how many it missed), or the error that ends its stream.
 */
export const makeFanout = <A, E>(
  capacity: number,
  overflow: (missed: number) => { readonly item: A } | { readonly error: E }
): Fanout<A, E> => {
  const subscribers = new Set<Subscriber<A, E>>()
  let ended: { readonly error: E } | undefined

  const offer = (item: A): void => {
    for (const subscriber of subscribers) {
      const { queue } = subscriber
      const room = capacity - Queue.sizeUnsafe(queue)
      if (subscriber.missed > 0 && room >= 2) {
        const told = overflow(subscriber.missed)
        if ("item" in told) Queue.offerUnsafe(queue, told.item)
        subscriber.missed = 0
      }
      if (subscriber.missed === 0 && room >= 1) {
        Queue.offerUnsafe(queue, item)
        continue
      }
      subscriber.missed++
      const told = overflow(subscriber.missed)
      if ("error" in told) {
        subscribers.delete(subscriber)
        Queue.failCauseUnsafe(queue, Cause.fail(told.error))
      }
    }
  }

  const stream = (first: () => ReadonlyArray<A>): Stream.Stream<A, E> =>
    Stream.unwrap(
      Effect.gen(function* () {
        const queue = yield* Queue.unbounded<A, E>()
        if (ended !== undefined) Queue.failCauseUnsafe(queue, Cause.fail(ended.error))
        const subscriber = { queue, missed: 0 }
        for (const item of first()) Queue.offerUnsafe(queue, item)
        subscribers.add(subscriber)
        yield* Effect.addFinalizer(() => Effect.sync(() => subscribers.delete(subscriber)))
        return Stream.fromQueue(queue)
      })
    )

  return {
    offer,
    stream,
    isEmpty: () => subscribers.size === 0,
    fail: (error) => {
      ended = { error }
      for (const { queue } of subscribers) Queue.failCauseUnsafe(queue, Cause.fail(error))
      subscribers.clear()
    }
  }
}
