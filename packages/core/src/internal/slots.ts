/** Timers have a slot for each kind, in the state of the membership as in the broadcast's. An instant of 0 is none. */

/** A timer slot: the nonce of the timer that stands in it (0: none) and when it is due. */
export interface Slot {
  readonly nonce: number
  readonly at: number
}

export const emptySlot: Slot = { nonce: 0, at: 0 }

/** The earlier of two instants, where 0 is none. */
export const earlier = (a: number, b: number): number => (a === 0 ? b : b === 0 ? a : Math.min(a, b))
