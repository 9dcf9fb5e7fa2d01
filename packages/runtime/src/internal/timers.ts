/**
 * The node's timers: one slot for each kind, and sleeps on Effect's Clock. A sleep is never called off: one that finds
 * nothing due when it ends has cost less than it would have to interrupt it and begin another. A new one begins only for
 * an instant earlier than all that are slept for, so there are seldom more than three.
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import type { Run } from "./run.ts"
import type { SteadyTime } from "./steadyTime.ts"

interface Slot<Kind> {
  readonly kind: Kind
  nonce: number
  /** In milliseconds; Infinity while the slot is empty. */
  at: number
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
  time: SteadyTime,
  run: Run,
  due: (kind: Kind, nonce: number) => void
): Timers<Kind> => {
  const slots: Array<Slot<Kind>> = []
  /** The instants slept for, in milliseconds, the earliest last. */
  const sleeps: Array<number> = []

  const slotOf = (kind: Kind): Slot<Kind> => {
    for (const slot of slots) if (slot.kind === kind) return slot
    const slot = { kind, nonce: 0, at: Infinity }
    slots.push(slot)
    return slot
  }

  const sleepUntil = (at: number): void => {
    if (at >= (sleeps.at(-1) ?? Infinity)) return
    sleeps.push(at)
    const millis = Math.max(0, at - time.exact())
    run(clock.sleep(Duration.millis(millis))).addObserver((exit) => {
      sleeps.splice(sleeps.indexOf(at), 1)
      if (exit._tag === "Success") wake()
    })
  }

  const wake = (): void => {
    const now = time.whole()
    let next = Infinity
    for (const slot of slots) {
      if (slot.at <= now) {
        slot.at = Infinity
        due(slot.kind, slot.nonce)
      }
      if (slot.at < next) next = slot.at
    }
    sleepUntil(next)
  }

  return {
    set: (kind, nonce, at) => {
      const slot = slotOf(kind)
      slot.nonce = nonce
      slot.at = at
      sleepUntil(at)
    },
    clear: (kind) => {
      slotOf(kind).at = Infinity
    }
  }
}
