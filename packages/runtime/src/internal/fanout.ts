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
  /** Ends every subscriber's stream, present and future, unless an error has. */
  readonly end: () => void
  /** A stream that begins with `first`, evaluated when it subscribes, without a gap to what follows. */
  readonly stream: (first: () => ReadonlyArray<A>) => Stream.Stream<A, E>
}

/**
 * A subscriber for whom `capacity` items wait when one more comes loses that one: its stream ends, after those that wait,
 * with the error that `overflow` makes of their number.
 */
export const makeFanout = <A, E>(capacity: number, overflow: (waiting: number) => E): Fanout<A, E> => {
  const subscribers = new Set<Queue.Queue<A, E | Cause.Done>>()
  let ended: Cause.Cause<E | Cause.Done> | undefined

  const end = (queue: Queue.Queue<A, E | Cause.Done>, cause: Cause.Cause<E | Cause.Done>): void => {
    subscribers.delete(queue)
    Queue.failCauseUnsafe(queue, cause)
  }

  const endAll = (cause: Cause.Cause<E | Cause.Done>): void => {
    ended ??= cause
    for (const queue of subscribers) end(queue, cause)
  }

  const offer = (item: A): void => {
    for (const queue of subscribers) {
      const waiting = Queue.sizeUnsafe(queue)
      if (waiting < capacity) Queue.offerUnsafe(queue, item)
      else end(queue, Cause.fail(overflow(waiting)))
    }
  }

  const stream = (first: () => ReadonlyArray<A>): Stream.Stream<A, E> =>
    Stream.unwrap(
      Effect.gen(function* () {
        const queue = yield* Queue.unbounded<A, E | Cause.Done>()
        if (ended !== undefined) {
          end(queue, ended)
          return Stream.fromQueue(queue)
        }
        for (const item of first()) Queue.offerUnsafe(queue, item)
        subscribers.add(queue)
        yield* Effect.addFinalizer(() => Effect.sync(() => subscribers.delete(queue)))
        return Stream.fromQueue(queue)
      })
    )

  return {
    offer,
    stream,
    fail: (error) => endAll(Cause.fail(error)),
    end: () => endAll(Cause.fail(Cause.Done()))
  }
}
