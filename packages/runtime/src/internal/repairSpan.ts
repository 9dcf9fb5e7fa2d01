/**
 * A span for each repair: from the loss of a neighbour until the next link is up. Written to the tracer as it ends, with
 * the time at which it began, so that a repair in progress costs nothing.
 */
import type * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"

export interface RepairSpan {
  readonly began: (lost: string, reason: string) => void
  readonly ended: (won: string) => void
}

export const makeRepairSpan = (tracer: Tracer.Tracer, clock: Clock.Clock, self: string): RepairSpan => {
  let lost: { readonly at: bigint; readonly peer: string; readonly reason: string } | undefined
  return {
    began: (peer, reason) => {
      lost ??= { at: clock.currentTimeNanosUnsafe(), peer, reason }
    },
    ended: (peer) => {
      if (lost === undefined) return
      const span = tracer.span({
        name: "Membership.repair",
        parent: Option.none(),
        annotations: Context.empty(),
        links: [],
        startTime: lost.at,
        kind: "internal",
        root: true,
        sampled: true
      })
      span.attribute("self", self)
      span.attribute("lost", lost.peer)
      span.attribute("reason", lost.reason)
      span.attribute("won", peer)
      span.end(clock.currentTimeNanosUnsafe(), Exit.void)
      lost = undefined
    }
  }
}
