/**
 * A message in parts of which any but one are enough: it is split into some data parts of one length, and a parity part,
 * which is their exclusive or. Published one after another over the trees of a thicket, each part takes another tree; so a
 * node that dies and is interior in one tree costs every other node one part at most, and nobody waits for a repair.
 *
 * Pure: bytes in, bytes out. Who publishes parts says what belongs together and which part each is: a number of the message
 * and the index of the part, say. With T trees there are T parts, T − 1 of them data (`Plumtree.Config`, `treesCount`).
 *
 * | | |
 * |---|---|
 * | a data part | its piece of: the message's length (4 bytes, big-endian), the message, zeros up to a whole number of pieces |
 * | the parity part | the exclusive or of all data parts |
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Result from "effect/Result"

/** Parts there can be at least, the parity part included. */
const minParts = 2

/** Parts there can be at most: as many as a thicket can have trees. */
const maxParts = 16

/** Bytes of the length before the message. */
const lengthBytes = 4

/**
 * The largest message, in bytes: what the length says in four bytes.
 *
 * @category limits
 * @since 0.1.0
 */
export const maxMessageBytes = 4_294_967_295

/**
 * The parts given are not parts of one message, or cannot be made. Nothing was changed.
 *
 * @category errors
 * @since 0.1.0
 */
export class StripesError extends Data.TaggedError("StripesError")<{
  readonly reason: "count" | "size" | "missing" | "length" | "damaged"
  readonly detail: string
}> {
  override get message(): string {
    return this.detail
  }
}

const fail = (reason: StripesError["reason"], detail: string): Result.Result<never, StripesError> =>
  Result.fail(new StripesError({ reason, detail }))

const countFault = (parts: number): string | undefined =>
  Number.isInteger(parts) && parts >= minParts && parts <= maxParts
    ? undefined
    : `${parts} parts: expected a whole number from ${minParts} to ${maxParts}`

/**
 * Splits a message into `parts` parts of one length, 2 to 16, the last of which is the parity. They take (message + 4
 * bytes) · parts / (parts − 1) bytes together, rounded up.
 *
 * @example
 * ```ts
 * import { Stripes } from "@hyparview/core"
 * import { Result } from "effect"
 *
 * const message = new TextEncoder().encode("any four of five are enough")
 * const parts = Result.getOrThrow(Stripes.split(message, 5))
 * const withoutTheThird = parts.map((part, index) => (index === 2 ? undefined : part))
 * const again = Result.getOrThrow(Stripes.join(withoutTheThird))
 * console.log(new TextDecoder().decode(again)) // any four of five are enough
 * ```
 *
 * @category splitting
 * @since 0.1.0
 */
export const split = (message: Uint8Array, parts: number): Result.Result<ReadonlyArray<Uint8Array>, StripesError> => {
  const fault = countFault(parts)
  if (fault !== undefined) return fail("count", fault)
  const { length } = message
  if (length > maxMessageBytes) return fail("size", `${length} bytes: at most ${maxMessageBytes} can be split`)
  const pieces = parts - 1
  const size = Math.ceil((lengthBytes + length) / pieces)
  const whole = new Uint8Array(size * pieces)
  new DataView(whole.buffer).setUint32(0, length)
  whole.set(message, lengthBytes)
  const data = Array.from({ length: pieces }, (_, index) => whole.subarray(index * size, (index + 1) * size))
  return Result.succeed([...data, exclusiveOr(data, size)])
}

/**
 * The message of its parts, in their order; `undefined` stands for one that is missing, be it data or parity. More than one missing,
 * parts of different lengths, or a length that does not fit are errors. Damage within a part is not noticed: what carries
 * the parts answers for that.
 *
 * @category joining
 * @since 0.1.0
 */
export const join = (parts: ReadonlyArray<Uint8Array | undefined>): Result.Result<Uint8Array, StripesError> => {
  const fault = countFault(parts.length)
  if (fault !== undefined) return fail("count", fault)
  const present = parts.filter((part) => part !== undefined)
  const [first] = present
  if (first === undefined || present.length < parts.length - 1) {
    return fail("missing", `${parts.length - present.length} of ${parts.length} parts are missing: at most one may be`)
  }
  const size = first.length
  if (present.some((part) => part.length !== size)) {
    return fail("length", `parts of ${present.map((part) => part.length).join(", ")} bytes are not of one message`)
  }
  const pieces = parts.length - 1
  const whole = new Uint8Array(size * pieces)
  for (let index = 0; index < pieces; index++) whole.set(parts[index] ?? exclusiveOr(present, size), index * size)
  if (whole.length < lengthBytes) return fail("damaged", `${whole.length} bytes in all do not hold a length`)
  const length = new DataView(whole.buffer).getUint32(0)
  // A piece that only holds zeros would not have been made.
  const isFitting = Math.ceil((lengthBytes + length) / pieces) === size
  return isFitting
    ? Result.succeed(whole.subarray(lengthBytes, lengthBytes + length))
    : fail("damaged", `a message of ${length} bytes is not in ${pieces} pieces of ${size}`)
}

const exclusiveOr = (parts: ReadonlyArray<Uint8Array>, size: number): Uint8Array => {
  const sum = new Uint8Array(size)
  for (const part of parts) for (let i = 0; i < size; i++) sum[i] = (sum[i] ?? 0) ^ (part[i] ?? 0)
  return sum
}
