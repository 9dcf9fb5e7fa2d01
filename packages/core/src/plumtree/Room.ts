/**
 * Where payloads are kept until they fill a page: one after the other in a room, since a buffer for each costs more than all the
 * rest that is done to keep it, and a view of what it came in would keep that from being freed.
 *
 * A room is only ever written behind its end, so what a state holds of it stays as it is. Its first four bytes say where its end
 * is. Who adds to an older state finds that the end it knows is the end no more, and is given another room.
 *
 * @since 0.1.0
 */

/** The end of a room that holds nothing: behind the bytes that say so. */
export const emptyEnd = 4

/** No room: there is none for anything. */
export const noRoom = new Uint8Array(0)

const endOf = (room: Uint8Array): number =>
  (room[0] ?? 0) | ((room[1] ?? 0) << 8) | ((room[2] ?? 0) << 16) | ((room[3] ?? 0) << 24)

/** A room for so many bytes behind this end of it: this one, or an empty one for so many, and for `spare` if those are more. */
export const withRoom = (room: Uint8Array, end: number, bytes: number, spare: number): Uint8Array =>
  room.length - end >= bytes && endOf(room) === end ? room : new Uint8Array(emptyEnd + Math.max(bytes, spare))

/** Copies a payload to the end of a room, which has room for it: a view. */
export const append = (room: Uint8Array, end: number, payload: Uint8Array): Uint8Array => {
  const next = end + payload.byteLength
  room.set(payload, end)
  room[0] = next
  room[1] = next >>> 8
  room[2] = next >>> 16
  room[3] = next >>> 24
  return room.subarray(end, next)
}

/** Whether a payload, kept for long, would keep a much larger buffer from being freed, of which it is a view. */
export const isSmallPart = (payload: Uint8Array): boolean => 2 * payload.byteLength < payload.buffer.byteLength

/** The payloads, one after the other: where they stand, if they stand so in a room, or a copy. */
export const joined = (payloads: ReadonlyArray<Uint8Array>, bytes: number): Uint8Array => {
  const [first] = payloads
  if (first !== undefined && areInLine(payloads) && 2 * bytes >= first.buffer.byteLength)
    return new Uint8Array(first.buffer, first.byteOffset, bytes)
  const copy = new Uint8Array(bytes)
  let offset = 0
  for (const payload of payloads) {
    copy.set(payload, offset)
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
