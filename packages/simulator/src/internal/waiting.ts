/**
 * Events that wait outside the queue of a simulated world: for a thaw, a heal, or the cycles to go on.
 */
import type { EventQueue } from "../EventQueue.ts"
import type { SimulatedMessage } from "./events.ts"

export interface Waiting {
  readonly kind: number
  readonly target: number
  readonly second: number
  readonly third: number
  readonly fourth: number
  readonly reference: SimulatedMessage | undefined
  /** For a timer, how long it still had to run. */
  readonly remaining: number
}

/** What has waited happens at an instant. */
export const putBack = (queue: EventQueue<SimulatedMessage>, waiting: Waiting, at: number): void => {
  const { fourth, kind, reference, second, target, third } = waiting
  queue.push(at, kind, target, second, third, fourth, reference)
}

/**
 * Pauses of the cycles: what happens once a cycle stands still while all else goes on, and goes on at the phase where it
 * was. A timer is set with the number of pauses so far, and so knows how many it has stood through.
 */
export class CyclePause {
  /** How long the cycles have stood still until the n-th pause ended, in microseconds; index 0 is before any pause. */
  private readonly stood: Array<number>
  private readonly waiting: Array<Waiting>
  /** When the present pause began; −1: the cycles run. */
  private since: number

  constructor(from?: CyclePause) {
    this.stood = from?.stood.slice() ?? [0]
    this.waiting = from?.waiting.slice() ?? []
    this.since = from?.since ?? -1
  }

  fork(): CyclePause {
    return new CyclePause(this)
  }

  get isOn(): boolean {
    return this.since >= 0
  }

  /** Pauses that have ended. */
  get ended(): number {
    return this.stood.length - 1
  }

  begin(now: number): void {
    if (!this.isOn) this.since = now
  }

  /** Ends the pause; what has waited for that. */
  end(now: number): ReadonlyArray<Waiting> {
    if (!this.isOn) return []
    this.stood.push((this.stood[this.ended] ?? 0) + now - this.since)
    this.since = -1
    return this.waiting.splice(0)
  }

  keep(waiting: Waiting): void {
    this.waiting.push(waiting)
  }

  /** How long the cycles have stood still in pauses that ended since the `pause`-th did. */
  missedSince(pause: number): number {
    return (this.stood[this.ended] ?? 0) - (this.stood[pause] ?? 0)
  }

  /** How long something that was due at an instant still had to run when the present pause began. */
  remainingAt(due: number): number {
    return due - this.since
  }
}
