/**
 * Reading a link: batch by batch, until there is something else to do than to read on. Where the link has `tryReceive`, no fiber
 * goes to sleep and is woken for a batch, which costs as much as a step of the core.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type { Link, LinkClosed } from "../Transport.ts"

/** What is to be done with a batch before the next is read; undefined if it is done already. */
export type Digest<A> = (frames: ReadonlyArray<Uint8Array>) => Effect.Effect<A, LinkClosed> | undefined

/** Has each batch digested as it arrives, until there is an effect to go on with, or the link ends. Made once, it may run again. */
export const reading = <A>(link: Link, digest: Digest<A>): Effect.Effect<A, LinkClosed> => {
  if (link.tryReceive === undefined) {
    const next: Effect.Effect<A, LinkClosed> = Effect.flatMap(link.receive, (frames) => digest(frames) ?? next)
    return next
  }
  const goingOn = Effect.callback<Effect.Effect<A, LinkClosed>>((resume) => {
    let isOver = false
    /** Digests what there is. On the stack of whoever brought the frames, who is not to blame for a defect. */
    const digestAll = (): Effect.Effect<A, LinkClosed> | undefined => {
      try {
        for (;;) {
          // The reader may have been interrupted meanwhile: what is left is for the next.
          const received = isOver ? undefined : link.tryReceive?.(readOn)
          if (received === undefined) return undefined
          const next = Predicate.isTagged(received, "LinkClosed") ? Effect.fail(received) : digest(received)
          if (next !== undefined) return next
        }
      } catch (defect) {
        return Effect.die(defect)
      }
    }
    const readOn = (): void => {
      const next = digestAll()
      if (next === undefined) return
      isOver = true
      resume(Effect.succeed(next))
    }
    readOn()
    return Effect.sync(() => {
      isOver = true
    })
  })
  // What to go on with runs after the callback, not as its result: it may read on, and a fiber keeps what cleans up after a
  // callback until the result of that is there.
  return Effect.flatten(goingOn)
}
