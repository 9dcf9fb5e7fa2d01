/**
 * The texts that were read lately. Most frames name the same few nodes and topics, and whatever they are compared with was read
 * from such a frame too: a text that is found here is the very same string, which takes no memory and is compared at a glance.
 *
 * @since 0.1.0
 */

/** Texts that are remembered; a later one takes the place of the one before. A power of two. */
const size = 512
/** Longer ones are not: to look at them takes as long as to make them. */
const maxBytes = 64

const texts: Array<string> = Array.from({ length: size }, () => "")

/** The ASCII text of these bytes; undefined if it is none. */
export const ascii = (bytes: Uint8Array, start: number, end: number): string | undefined => {
  if (end - start > maxBytes) return make(bytes, start, end)
  let hash = 0
  for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + (bytes[i] ?? 0)) | 0
  const place = (hash ^ (hash >>> 15)) & (size - 1)
  const known = texts[place]
  if (known !== undefined && isText(known, bytes, start, end)) return known
  const text = make(bytes, start, end)
  if (text !== undefined) texts[place] = text
  return text
}

const isText = (text: string, bytes: Uint8Array, start: number, end: number): boolean => {
  if (text.length !== end - start) return false
  for (let i = start; i < end; i++) if (text.charCodeAt(i - start) !== bytes[i]) return false
  return true
}

/** In strides of eight and four: each makes one flat string, where single characters would make a rope of as many. */
const make = (bytes: Uint8Array, start: number, end: number): string | undefined => {
  let text = ""
  let i = start
  for (; i + 8 <= end; i += 8) {
    const a = bytes[i] ?? 0
    const b = bytes[i + 1] ?? 0
    const c = bytes[i + 2] ?? 0
    const d = bytes[i + 3] ?? 0
    const e = bytes[i + 4] ?? 0
    const f = bytes[i + 5] ?? 0
    const g = bytes[i + 6] ?? 0
    const h = bytes[i + 7] ?? 0
    if ((a | b | c | d | e | f | g | h) >= 0x80) return undefined
    text += String.fromCharCode(a, b, c, d, e, f, g, h)
  }
  for (; i + 4 <= end; i += 4) {
    const a = bytes[i] ?? 0
    const b = bytes[i + 1] ?? 0
    const c = bytes[i + 2] ?? 0
    const d = bytes[i + 3] ?? 0
    if ((a | b | c | d) >= 0x80) return undefined
    text += String.fromCharCode(a, b, c, d)
  }
  for (; i < end; i++) {
    const byte = bytes[i] ?? 0
    if (byte >= 0x80) return undefined
    text += String.fromCharCode(byte)
  }
  return text
}
