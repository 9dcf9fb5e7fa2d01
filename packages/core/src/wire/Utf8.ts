/**
 * UTF-8, strict both ways: overlong forms, surrogates and what lies beyond U+10FFFF are no UTF-8. Our own, because
 * texts here are short (a call into the platform costs more than reading one), a byte-order mark is a character like
 * any other, and a fault is a position, not an exception.
 *
 * @since 0.1.0
 */
import { maxTextBytes } from "./Limits.ts"

/**
 * The bytes of a text in UTF-8; undefined when it holds half a surrogate pair, which UTF-8 cannot say.
 *
 * @category measuring
 * @since 0.1.0
 */
export const byteLength = (text: string): number | undefined => {
  let bytes = 0
  for (let i = 0; i < text.length; i++) {
    const point = text.codePointAt(i) ?? 0
    if (isSurrogate(point)) return undefined
    if (point > 0xffff) i++
    bytes += width(point)
  }
  return bytes
}

/**
 * Whether a text can name a node, a cluster or a topic: 1 to `maxTextBytes` bytes of UTF-8.
 *
 * @category measuring
 * @since 0.1.0
 */
export const isName = (text: string): boolean => {
  const bytes = byteLength(text)
  return bytes !== undefined && bytes >= 1 && bytes <= maxTextBytes
}

const isSurrogate = (point: number): boolean => point >= 0xd800 && point <= 0xdfff

const width = (point: number): number => (point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4)

/** As much of the text as fits into so many bytes, cut between characters; half pairs become U+FFFD. */
export const cut = (text: string, maxBytes: number): string => {
  const formed = text.toWellFormed()
  let bytes = 0
  for (let i = 0; i < formed.length; i++) {
    const point = formed.codePointAt(i) ?? 0
    bytes += width(point)
    if (bytes > maxBytes) return formed.slice(0, i)
    if (point > 0xffff) i++
  }
  return formed
}

/** Writes a text whose `byteLength` fits, and returns the offset after it. */
export const write = (text: string, into: Uint8Array, offset: number): number => {
  for (let i = 0; i < text.length; i++) {
    const point = text.codePointAt(i) ?? 0
    if (point < 0x80) {
      into[offset++] = point
    } else if (point < 0x800) {
      into[offset++] = 0xc0 | (point >> 6)
      into[offset++] = 0x80 | (point & 0x3f)
    } else if (point < 0x10000) {
      into[offset++] = 0xe0 | (point >> 12)
      into[offset++] = 0x80 | ((point >> 6) & 0x3f)
      into[offset++] = 0x80 | (point & 0x3f)
    } else {
      into[offset++] = 0xf0 | (point >> 18)
      into[offset++] = 0x80 | ((point >> 12) & 0x3f)
      into[offset++] = 0x80 | ((point >> 6) & 0x3f)
      into[offset++] = 0x80 | (point & 0x3f)
      i++
    }
  }
  return offset
}

/** Reads a text from `start` up to `end`. Where it is no UTF-8, the offset of the first byte of what is no character. */
export const read = (bytes: Uint8Array, start: number, end: number): string | number => {
  const at = (offset: number): number => (offset < end ? (bytes[offset] ?? 0) : 0)
  let text = ""
  for (let i = start; i < end;) {
    const lead = at(i)
    const size = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0
    if (size === 0) return i
    let point = size === 1 ? lead : lead & (0x7f >> size)
    for (let k = 1; k < size; k++) {
      const next = at(i + k)
      if ((next & 0xc0) !== 0x80) return i
      point = (point << 6) | (next & 0x3f)
    }
    if (point > 0x10ffff || isSurrogate(point) || width(point) !== size) return i
    text += String.fromCodePoint(point)
    i += size
  }
  return text
}
