/**
 * The node's timers: one slot for each kind, and one sleep for the earliest of them on Effect's Clock. A slot that is
 * cleared or set later leaves the sleep as it is: a wake that finds nothing due sleeps again.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { Run } from "./run.ts"

interface Slot {
  readonly nonce: number
  readonly at: number
}

export interface Timers<Kind extends string> {
  readonly set: (kind: Kind, nonce: number, at: number) => void
  readonly clear: (kind: Kind) => void
}

/**
 * `due` is called, outside of any step, for each timer that is due, after its slot has been emptied.
 */
export const makeTimers = <Kind extends string>(
  clock: Clock.Clock,
  run: Run,
  due: (kind: Kind, nonce: number) => void
): Timers<Kind> => {
  const slots = new Map<Kind, Slot>()
  let wakeAt = Infinity
  let sleeper: Fiber.Fiber<void> | undefined

  const sleepUntil = (at: number): void => {
    if (at >= wakeAt) return
    sleeper?.interruptUnsafe()
    wakeAt = at
    sleeper = run(Effect.andThen(Effect.sleep(Math.max(0, at - clock.currentTimeMillisUnsafe())), wake))
  }

  const wake = Effect.sync(() => {
    sleeper = undefined
    wakeAt = Infinity
    const now = clock.currentTimeMillisUnsafe()
    let next = Infinity
    for (const [kind, { at, nonce }] of slots) {
      if (at > now) next = Math.min(next, at)
      else {
        slots.delete(kind)
        due(kind, nonce)
      }
    }
    if (next < Infinity) sleepUntil(next)
  })

  return {
    set: (kind, nonce, at) => {
      slots.set(kind, { nonce, at })
      sleepUntil(at)
    },
    clear: (kind) => {
      slots.delete(kind)
    }
  }
}
