/**
 * A look at what is next, so that the processor's caches have it in time. One step's reads of a node's state wait for each
 * other, from a pointer to the next; here those of many nodes do not, so their misses overlap. Changes nothing.
 */
import type { EventQueue } from "../EventQueue.ts"
import type { States } from "./states.ts"

/** Events that are looked at together. */
const most = 16
/** With fewer ahead, nothing is gained. */
const fewest = 4

export class LookAhead {
  private readonly targets = new Int32Array(most)
  /** What has been read, so that the reads are not left out. */
  private sum = 0

  /**
   * Reads from the states of the next few nodes what their steps will read first; how many events may pass until it is worth
   * another look.
   */
  read(queue: EventQueue<unknown>, states: States): number {
    const { targets } = this
    const count = queue.upcoming(targets)
    if (count < fewest) return fewest
    this.sum = (this.sum + states.touch(targets, count)) | 0
    return count
  }
}
