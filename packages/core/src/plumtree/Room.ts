/**
 * Where payloads are kept until they fill a page: one after the other in a room, since a buffer for each costs more than all the
 * rest that is done to keep it, and a view of what it came in would keep that from being freed.
 *
 * A room is only ever written behind its end, so what a state holds of it stays as it is. Two who add to the same state write one
 * behind the other.
 *
 * @since 0.1.0
 */

/** The payload of a message without one. */
export const noBytes = new Uint8Array(0)

/** Out of sight, since it is no part of a state's value: of two rooms one may be larger, or hold what others have added. */
export class Room {
  readonly #bytes: Uint8Array
  #end = 0

  constructor(size: number) {
    this.#bytes = new Uint8Array(size)
  }

  get size(): number {
    return this.#bytes.length
  }

  /** Whether a payload stands in it. */
  holds(payload: Uint8Array): boolean {
    return payload.buffer === this.#bytes.buffer
  }

  /** For how many bytes there is place behind its end. */
  get free(): number {
    return this.#bytes.length - this.#end
  }

  /** Copies a payload to its end: a view. */
  append(payload: Uint8Array): Uint8Array {
    if (payload.byteLength === 0) return noBytes
    const start = this.#end
    this.#end = start + payload.byteLength
    this.#bytes.set(payload, start)
    return this.#bytes.subarray(start, this.#end)
  }
}

/** Whether a payload, kept for long, would keep a much larger buffer from being freed, of which it is a view. */
export const isSmallPart = (payload: Uint8Array): boolean => 2 * payload.byteLength < payload.buffer.byteLength

/** The payloads, one after the other: where they stand, if they stand so in a room, or a copy. */
export const joined = (payloads: ReadonlyArray<Uint8Array>, bytes: number): Uint8Array => {
  const [first] = payloads
  if (first !== undefined && first.byteLength > 0 && areInLine(payloads) && 2 * bytes >= first.buffer.byteLength)
    return new Uint8Array(first.buffer, first.byteOffset, bytes)
  const copy = new Uint8Array(bytes)
  let offset = 0
  for (const payload of payloads) {
    // Of one that somebody has transferred away nothing is left, and it cannot be copied.
    if (payload.byteLength > 0) copy.set(payload, offset)
    offset += payload.byteLength
  }
  return copy
}

const areInLine = (payloads: ReadonlyArray<Uint8Array>): boolean => {
  for (let i = 1; i < payloads.length; i++) {
    const before = payloads[i - 1]
    const payload = payloads[i]
    if (before?.buffer !== payload?.buffer) return false
    if ((before?.byteOffset ?? 0) + (before?.byteLength ?? 0) !== payload?.byteOffset) return false
  }
  return true
}
