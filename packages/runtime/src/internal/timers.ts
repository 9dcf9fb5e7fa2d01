/**
 * The node's timers: one slot for each kind, and sleeps on Effect's Clock. None is called off while the node lives: one that finds
 * nothing due when it ends has cost less than it would have to interrupt it and begin another. A new one begins only for
 * an instant earlier than all that are slept for, so there are seldom more than three.
 */
import type { CallingClock } from "../Alarm.ts"
import type { SteadyTime } from "./steadyTime.ts"

interface Slot<Kind> {
  readonly kind: Kind
  nonce: number
  /** In milliseconds; Infinity while the slot is empty. */
  at: number
}

interface Sleep {
  /** In milliseconds. */
  readonly at: number
  callOff: (() => void) | undefined
}

export interface Timers<Kind extends string> {
  readonly set: (kind: Kind, nonce: number, at: number) => void
  readonly clear: (kind: Kind) => void
  /** Nothing is due any more, whatever is still set. */
  readonly stop: () => void
}

/**
 * `due` is called, outside of any step, for each timer that is due, after its slot has been emptied.
 */
export const makeTimers = <Kind extends string>(
  callAfter: CallingClock["callAfter"],
  time: SteadyTime,
  due: (kind: Kind, nonce: number) => void
): Timers<Kind> => {
  const slots: Array<Slot<Kind>> = []
  /** What is slept for, the earliest last. */
  const sleeps: Array<Sleep> = []
  let stopped = false

  const slotOf = (kind: Kind): Slot<Kind> => {
    for (const slot of slots) if (slot.kind === kind) return slot
    const slot = { kind, nonce: 0, at: Infinity }
    slots.push(slot)
    return slot
  }

  const sleepUntil = (at: number): void => {
    if (stopped || at >= (sleeps.at(-1)?.at ?? Infinity)) return
    const sleep: Sleep = { at, callOff: undefined }
    sleeps.push(sleep)
    sleep.callOff = callAfter(Math.max(0, at - time.exact()), () => {
      sleeps.splice(sleeps.indexOf(sleep), 1)
      wake()
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
      // Time is looked at in whole milliseconds: for half of one, the node would go to sleep and wake until it is over.
      slot.at = Math.ceil(at)
      sleepUntil(slot.at)
    },
    clear: (kind) => {
      slotOf(kind).at = Infinity
    },
    stop: () => {
      stopped = true
      for (const { callOff } of sleeps) callOff?.()
    }
  }
}
