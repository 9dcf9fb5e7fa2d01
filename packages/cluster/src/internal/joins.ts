/**
 * Joins of the nodes of one worker process, so many at a time: the next begins when one before has found a neighbour, or
 * has had its time. If thousands of nodes asked at once, on a machine on which each gets a thousandth of a processor, their
 * questions would all be answered after their time-outs, and all be asked again: 600 nodes on a busy machine took 287
 * seconds, 35 dials and 178 messages a node, where 10 and 35 are enough.
 */
import type { Membership } from "@hyparview/runtime/Membership"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"

/** One that cannot join, for whatever reason, must not keep the others from it. It goes on trying by itself. */
const patience = "10 seconds"

/** A node that is to join, and the scope with which it ends. */
export interface Joiner {
  readonly address: string
  readonly scope: Scope.Scope
  readonly membership: Membership["Service"]
}

export const makeJoins = () => {
  const turns = Semaphore.makeUnsafe(1)
  /** Returns at once; the joins go on for as long as their nodes live. */
  return (joiners: ReadonlyArray<Joiner>, contacts: ReadonlyArray<string>, atOnce: number): Effect.Effect<void> =>
    Effect.andThen(
      turns.resize(atOnce),
      Effect.forEach(
        joiners,
        ({ address, membership, scope }) =>
          membership.join(contacts).pipe(
            // Whoever is the contact itself has nobody to wait for.
            Effect.andThen(contacts.includes(address) ? Effect.void : membership.awaitNeighbors(1)),
            Effect.timeoutOption(patience),
            // A node whose id another process uses has stopped, which its status says.
            Effect.ignore,
            turns.withPermits(1),
            Effect.forkIn(scope, { startImmediately: true })
          ),
        { discard: true }
      )
    )
}
