/**
 * Handing events to subscribers, each behind a bounded queue of its own, so that a slow one is told that it missed some
 * and slows nobody.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"

export interface Fanout<A, E> {
  /** Hands an item to every subscriber. */
  readonly offer: (item: A) => void
  /** Ends every subscriber's stream, present and future, with an error. */
  readonly fail: (error: E) => void
  /** A stream that begins with `first`, evaluated when it subscribes, without a gap to what follows. */
  readonly stream: (first: () => ReadonlyArray<A>) => Stream.Stream<A, E>
}

/**
 * A subscriber for whom `capacity` items wait when one more comes loses that one: its stream ends, after those that wait,
 * with the error that `overflow` makes of their number.
 */
export const makeFanout = <A, E>(capacity: number, overflow: (waiting: number) => E): Fanout<A, E> => {
  const subscribers = new Set<Queue.Queue<A, E>>()
  let ended: { readonly error: E } | undefined

  const end = (queue: Queue.Queue<A, E>, error: E): void => {
    subscribers.delete(queue)
    Queue.failCauseUnsafe(queue, Cause.fail(error))
  }

  const offer = (item: A): void => {
    for (const queue of subscribers) {
      const waiting = Queue.sizeUnsafe(queue)
      if (waiting < capacity) Queue.offerUnsafe(queue, item)
      else end(queue, overflow(waiting))
    }
  }

  const stream = (first: () => ReadonlyArray<A>): Stream.Stream<A, E> =>
    Stream.unwrap(
      Effect.gen(function* () {
        if (ended !== undefined) return Stream.fail(ended.error)
        const queue = yield* Queue.unbounded<A, E>()
        for (const item of first()) Queue.offerUnsafe(queue, item)
        subscribers.add(queue)
        yield* Effect.addFinalizer(() => Effect.sync(() => subscribers.delete(queue)))
        return Stream.fromQueue(queue)
      })
    )

  return {
    offer,
    stream,
    fail: (error) => {
      ended = { error }
      for (const queue of subscribers) end(queue, error)
    }
  }
}
