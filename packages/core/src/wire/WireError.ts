/**
 * What can be wrong with a frame, and where.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * What is wrong with a frame.
 *
 * | reason | meaning |
 * |---|---|
 * | `truncated` | the frame ends inside the field |
 * | `trailing` | the frame goes on where the message has ended |
 * | `unknownTag` | its first byte names no message of this version |
 * | `unexpected` | a frame that may not stand here: anything but a Hello or Bye at first, a second Hello later |
 * | `magic` | the other end does not speak this protocol at all |
 * | `range` | a number, count, length or choice beyond its limits |
 * | `nonCanonical` | a number with padding, an origin written again that the one before has, or extensions out of order: there is one way to write each message |
 * | `utf8` | not UTF-8; when encoding: a text with half a surrogate pair |
 * | `emptyId` | an id of no bytes |
 * | `stale` | only when encoding: the message speaks of a link that is not one of these two ends |
 *
 * @category errors
 * @since 0.1.0
 */
export type WireReason =
  | "truncated"
  | "trailing"
  | "unknownTag"
  | "unexpected"
  | "magic"
  | "range"
  | "nonCanonical"
  | "utf8"
  | "emptyId"
  | "stale"

const inWords: { readonly [R in WireReason]: string } = {
  truncated: "the frame ends here",
  trailing: "the message has ended, the frame goes on",
  unknownTag: "no message has this tag",
  unexpected: "this frame may not stand here",
  magic: "the other end speaks another protocol",
  range: "out of range",
  nonCanonical: "not in canonical form",
  utf8: "not UTF-8",
  emptyId: "an id of no bytes",
  stale: "the link is not one between these two ends"
}

/**
 * A frame could not be read, or a message not be written. It touches no state: whoever reads closes the link
 * (`protocol`) and lives on; whoever writes sends nothing.
 *
 * @category errors
 * @since 0.1.0
 */
export class WireError extends Data.TaggedError("WireError")<{
  readonly reason: WireReason
  /** The frame and the field in it, as in the record: `Shuffle.sample[3].id`; `tag` for the first byte. */
  readonly field: string
  /**
   * The byte of the frame at which the fault begins; the frame's length when `truncated`. When encoding, the byte at
   * which the field would have begun.
   */
  readonly offset: number
}> {
  override get message(): string {
    return `${this.field} at byte ${this.offset}: ${inWords[this.reason]}`
  }
}
