/**
 * A span for each repair: from the loss of a neighbour until the next link is up, or until the node is in no overlay any
 * more, which counts as an interruption.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Tracer from "effect/Tracer"

export interface RepairSpan {
  readonly began: (lost: string, reason: string) => void
  readonly ended: (won: string) => void
  readonly abandoned: () => void
}

export const makeRepairSpan = Effect.fnUntraced(function* (self: string): Effect.fn.Return<RepairSpan> {
  const clock = yield* Clock.Clock
  const now = Effect.runSyncWith(yield* Effect.context<never>())
  let span: Tracer.Span | undefined

  const end = (exit: Exit.Exit<void>): void => {
    span?.end(clock.currentTimeNanosUnsafe(), exit)
    span = undefined
  }

  return {
    began: (lost, reason) => {
      const attributes = { self, lost, reason }
      span ??= now(Effect.makeSpan("Membership.repair", { root: true, attributes }))
    },
    ended: (won) => {
      span?.attribute("won", won)
      end(Exit.void)
    },
    abandoned: () => end(Exit.interrupt())
  }
})
