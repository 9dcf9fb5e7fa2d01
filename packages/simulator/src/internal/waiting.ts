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
