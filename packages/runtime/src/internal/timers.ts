/**
 * The node's timers: one slot for each kind, and sleeps on Effect's Clock. None is called off while the node lives: one that finds
 * nothing due when it ends has cost less than it would have to interrupt it and begin another. A new one begins only for
 * an instant earlier than all that are slept for, so there are seldom more than three.
 *
 * A process may be stopped for a while: by a debugger, by a machine that is moved or goes to sleep. When it goes on, all that was
 * slept for is over, and an event loop calls whoever slept before it reads what has come meanwhile. So what has been slept through is
 * due only when what waits at the links has been heard: else the node would give up what it has been sent long ago.
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

/** A sleep that ends so late did not wait for its turn: the process was stopped. */
const stoppedMillis = 1_000

/** For how long what waits at the links is heard then, before anything is due. */
const hearMillis = 250

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
  /** Until when nothing is due, since the process was stopped; 0: it was not. */
  let hearUntil = 0

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
      wake(at)
    })
  }

  const wake = (at: number): void => {
    const now = time.whole()
    // Once only: where all sleeps end late, for want of a processor, they would never be over.
    if (hearUntil === 0 && now - at > stoppedMillis) hearUntil = now + hearMillis
    if (now < hearUntil) return sleepUntil(hearUntil)
    hearUntil = 0
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
