/**
 * Reads the fields of a frame. Whatever the bytes, each read returns, never beyond the frame's end and in time
 * proportional to the bytes that are there; a length or count that is merely announced allocates nothing.
 *
 * @since 0.1.0
 */
import { Faults } from "./Faults.ts"
import { maxExtensions, maxInteger, maxTextBytes } from "./Limits.ts"
import { ascii } from "./Texts.ts"
import * as Utf8 from "./Utf8.ts"
import type { WireError, WireReason } from "./WireError.ts"

const noBytes = new Uint8Array(0)

/** The extensions of a message that has none of its own, and what is found in them. */
const noExtensions: ReadonlyMap<number, string> = new Map()

/**
 * A place to read frames, one after another. Not to be used by two at a time, which a synchronous codec never does.
 */
export class Reader extends Faults {
  private bytes: Uint8Array = noBytes
  /** Where reading ends: the frame's end, or the offset of the first fault. */
  private end = 0
  private finished = false

  /** Begins a frame, after its tag. */
  begin(bytes: Uint8Array): void {
    this.clear()
    this.bytes = bytes
    this.end = bytes.length
    this.offset = 1
    this.finished = false
  }

  /** Ends the frame: what is wrong with it, if anything. Nothing holds it any more. */
  close(frame: string): WireError | undefined {
    this.finish()
    this.bytes = noBytes
    return this.error(frame)
  }

  /** Notes a fault, and lets every later read find the end. */
  fail(reason: WireReason, field: string, at: number): void {
    this.note(reason, field, at)
    this.end = this.offset
  }

  /** Whether a fault was met: a list need not be read on. */
  get over(): boolean {
    return this.failed
  }

  /** A whole number of one byte. */
  byte(field: string): number {
    if (this.offset >= this.end) {
      this.fail("truncated", field, this.bytes.length)
      return 0
    }
    return this.bytes[this.offset++] ?? 0
  }

  /** A choice by its index in the list of all. */
  choice<C extends string>(choices: readonly [C, ...ReadonlyArray<C>], field: string): C {
    const at = this.offset
    const choice = choices[this.byte(field)]
    if (choice !== undefined) return choice
    this.fail("range", field, at)
    return choices[0]
  }

  /** A whole number from 0 to `limit`, seven bits a byte, the lowest first, without padding. */
  varint(field: string, limit: number = maxInteger): number {
    const { bytes, end } = this
    const at = this.offset
    let offset = at
    let byte = 0x80
    // By integer operations, each half of at most four bytes by itself.
    let low = 0
    for (let shift = 0; shift < 28 && byte >= 0x80; shift += 7) {
      if (offset >= end) return this.cutShort(field)
      byte = bytes[offset++] ?? 0
      low |= (byte & 0x7f) << shift
    }
    let high = 0
    for (let shift = 0; shift < 28 && byte >= 0x80; shift += 7) {
      if (offset >= end) return this.cutShort(field)
      byte = bytes[offset++] ?? 0
      high |= (byte & 0x7f) << shift
    }
    this.offset = offset
    // Up to 2⁵⁶: beyond 2⁵³ the sum is rounded, but never down to a number within a limit.
    const value = high * 268_435_456 + low
    if (byte >= 0x80 || value > limit) this.fail("range", field, at)
    else if (byte === 0 && offset - at > 1) this.fail("nonCanonical", field, at)
    return value
  }

  private cutShort(field: string): number {
    this.fail("truncated", field, this.bytes.length)
    return 0
  }

  /** A text: its length in one byte, then UTF-8. */
  text(field: string): string {
    return this.textOf(this.byte(field), field)
  }

  private textOf(length: number, field: string): string {
    const start = this.offset
    const end = start + length
    if (end > this.end) {
      this.fail("truncated", field, this.bytes.length)
      return ""
    }
    const text = ascii(this.bytes, start, end)
    if (text === undefined) return this.wideText(start, end, field)
    this.offset = end
    return text
  }

  private wideText(start: number, end: number, field: string): string {
    const text = Utf8.read(this.bytes, start, end)
    if (typeof text === "number") {
      this.fail("utf8", field, text)
      return ""
    }
    this.offset = end
    return text
  }

  /** A text that may not be empty. */
  id(field: string): string {
    const at = this.offset
    const text = this.text(field)
    if (text === "") this.fail("emptyId", field, at)
    return text
  }

  /**
   * The extension area: a count, then for each a tag, a length and bytes, tags ascending. What is in the `wanted` ones (by tag, the
   * field that each is), texts all of them, is returned by tag where it is there; the others are skipped, newer ones too.
   */
  extensions(wanted: ReadonlyMap<number, string>): ReadonlyMap<number, string> {
    let last = -1
    let found: Map<number, string> | undefined
    this.finished = true
    const count = this.varint("extensions", maxExtensions)
    this.path = "extensions"
    for (let i = 0; i < count && !this.failed; i++) {
      this.index = i
      const at = this.offset
      const tag = this.varint("tag")
      if (tag <= last) this.fail("nonCanonical", "tag", at)
      last = tag
      const lengthAt = this.offset
      const length = this.varint("length")
      const field = wanted.get(tag)
      if (length > this.end - this.offset) this.fail("truncated", "bytes", this.bytes.length)
      else if (field === undefined) this.offset += length
      else if (length > maxTextBytes) this.fail("range", field, lengthAt)
      else found = (found ?? new Map()).set(tag, this.textOf(length, field))
    }
    this.path = ""
    this.index = -1
    return found ?? noExtensions
  }

  /**
   * What follows the extension area, to the end of the frame: a view, not a copy. A plain `Uint8Array`, whatever kind
   * of array the frame is.
   */
  rest(): Uint8Array {
    this.extensions(noExtensions)
    const { buffer, byteOffset } = this.bytes
    const rest = new Uint8Array(buffer, byteOffset + this.offset, this.end - this.offset)
    this.offset = this.end
    return rest
  }

  /** Reads the extension area, unless it was read before; nothing may come after it. */
  private finish(): void {
    if (!this.finished) this.extensions(noExtensions)
    if (this.offset < this.end) this.fail("trailing", "end", this.offset)
  }
}
