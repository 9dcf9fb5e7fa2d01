/**
 * Which messages have been seen, in memory that does not grow with their number. Messages of one source and topic are
 * numbered from 0; a stream remembers up to which number all are done (`floor`), and of the numbers above it a bounded
 * window.
 *
 * @since 0.1.0
 */

/**
 * The messages of one source on one topic that have been seen.
 *
 * @category models
 * @since 0.1.0
 */
export interface Stream {
  /** The incarnation that numbers the messages. A later one begins anew. */
  readonly epoch: number
  /** Every number up to this one is done: seen, or given up. −1: none. */
  readonly floor: number
  /** The numbers above the floor that have been seen, ascending. At most the window's size. */
  readonly above: ReadonlyArray<number>
}

/**
 * Adds a number to a stream. `undefined` when the message is not new: seen before, below the window, or of an incarnation
 * that is over. The first message of a source sets the window around itself, since older ones may still be under way.
 *
 * @category transitions
 * @since 0.1.0
 */
export const see = (
  stream: Stream | undefined,
  epoch: number,
  sequence: number,
  windowSize: number
): Stream | undefined => {
  if (stream === undefined || epoch > stream.epoch) {
    return compact(epoch, Math.max(-1, sequence - windowSize), [sequence], windowSize)
  }
  const { above, floor } = stream
  if (epoch < stream.epoch || sequence <= floor) return undefined
  // The common case: in order, and nothing above the floor.
  if (above.length === 0 && sequence === floor + 1) return { epoch, floor: sequence, above }
  let at = above.length
  while (at > 0 && (above[at - 1] ?? 0) > sequence) at--
  if (at > 0 && above[at - 1] === sequence) return undefined
  return compact(epoch, floor, above.toSpliced(at, 0, sequence), windowSize)
}

/** Raises the floor over what is contiguous, and over a gap when the window is full. */
const compact = (epoch: number, floor: number, above: ReadonlyArray<number>, windowSize: number): Stream => {
  let done = 0
  let top = floor
  for (const sequence of above) {
    const full = above.length - done > windowSize
    if (sequence !== top + 1 && !full) break
    top = sequence
    done++
  }
  return { epoch, floor: top, above: done === 0 ? above : above.slice(done) }
}
