/**
 * Frames on a stream of bytes: each travels behind its length, four bytes, big-endian. A length of 0 is not a frame: no
 * message is empty, and a stream of zeros is the commonest garbage.
 *
 * Hot: at 64 bytes a frame, cutting one out costs about 40 ns, most of it the view, and the loop is plain for that
 * reason.
 */

/** The bytes in front of a frame that hold its length. */
export const prefixBytes = 4

/** Stands in the place of a length, and says that nothing follows. No frame may be as long. */
export const endMark = Uint8Array.of(0xff, 0xff, 0xff, 0xff)
const endMarkLength = 0xff_ff_ff_ff

const noBytes = new Uint8Array(0)

/**
 * Cuts a stream of bytes, however it was split and merged under way, into frames.
 *
 * A frame that lies whole in a chunk is a view on that chunk; only one that spans chunks is copied. Memory is bounded by
 * what arrived, not by what was announced: an incomplete frame takes at most twice its bytes so far, and never more than
 * its length.
 */
export class FrameReader {
  readonly #maxFrameBytes: number
  readonly #marksEnd: boolean
  #ended = false
  /** The length that is being read: the prefix bytes so far, and how many they are. */
  #length = 0
  #prefixHave = 0
  /** The frame that is being read, once its length is known. */
  #body = noBytes
  #bodyHave = 0
  #rejected: number | undefined

  /** `marksEnd`: an end mark is one, and no length that is too large. */
  constructor(maxFrameBytes: number, marksEnd = false) {
    this.#maxFrameBytes = maxFrameBytes
    this.#marksEnd = marksEnd
  }

  /** The end mark has come. Further bytes are ignored. */
  get ended(): boolean {
    return this.#ended
  }

  /** The length that broke the rules. After it the stream has no more meaning, and further bytes are ignored. */
  get rejectedBytes(): number | undefined {
    return this.#rejected
  }

  /** The stream stands inside a frame or its length: if it ends here, something is missing. */
  get midFrame(): boolean {
    return this.#prefixHave > 0 && !this.#ended
  }

  /** The memory held for an incomplete frame. */
  get heldBytes(): number {
    return this.#body.length
  }

  /** Takes the next bytes and appends the frames that they complete. */
  read(chunk: Uint8Array, frames: Array<Uint8Array>): void {
    if (this.#rejected !== undefined || this.#ended) return
    const { buffer, byteOffset, length } = chunk
    let at = this.#prefixHave === 0 ? 0 : this.#continue(chunk, frames)
    while (length - at >= prefixBytes) {
      const frameBytes = lengthAt(chunk, at)
      if (!this.#accepts(frameBytes)) return
      at += prefixBytes
      if (length - at < frameBytes) {
        this.#prefixHave = prefixBytes
        this.#length = frameBytes
        this.#fill(chunk, at)
        return
      }
      // Not `subarray`: on a Buffer it gives a Buffer, whose `slice` is no copy, a surprise for who wants one.
      frames.push(new Uint8Array(buffer, byteOffset + at, frameBytes))
      at += frameBytes
    }
    while (at < length) at = this.#prefixByte(chunk, at)
  }

  /** Goes on with what the last chunk left unfinished; gives the place after it. */
  #continue(chunk: Uint8Array, frames: Array<Uint8Array>): number {
    let at = 0
    if (this.#prefixHave < prefixBytes) {
      while (this.#prefixHave < prefixBytes && at < chunk.length) at = this.#prefixByte(chunk, at)
      if (this.#prefixHave < prefixBytes || !this.#accepts(this.#length)) return chunk.length
    }
    at = this.#fill(chunk, at)
    if (this.#bodyHave === this.#length) {
      frames.push(this.#body)
      this.#body = noBytes
      this.#bodyHave = 0
      this.#prefixHave = 0
      this.#length = 0
    }
    return at
  }

  #prefixByte(chunk: Uint8Array, at: number): number {
    this.#length = ((this.#length << 8) | byteAt(chunk, at)) >>> 0
    this.#prefixHave++
    return at + 1
  }

  #accepts(frameBytes: number): boolean {
    if (frameBytes > 0 && frameBytes <= this.#maxFrameBytes) return true
    if (this.#marksEnd && frameBytes === endMarkLength) this.#ended = true
    else this.#rejected = frameBytes
    this.#body = noBytes
    return false
  }

  /** Copies what the chunk has of the frame; gives the place after it. */
  #fill(chunk: Uint8Array, from: number): number {
    const count = Math.min(this.#length - this.#bodyHave, chunk.length - from)
    const have = this.#bodyHave + count
    if (have > this.#body.length || this.#body.length === 0) this.#grow(have)
    this.#body.set(chunk.subarray(from, from + count), this.#bodyHave)
    this.#bodyHave = have
    return from + count
  }

  /** Doubling keeps the copying linear; the last step ends at the frame's length, so that the memory is the frame. */
  #grow(toHave: number): void {
    const grown = new Uint8Array(Math.min(this.#length, 2 * toHave))
    grown.set(this.#body.subarray(0, this.#bodyHave))
    this.#body = grown
  }
}

const byteAt = (bytes: Uint8Array, at: number): number => bytes[at] ?? 0

const lengthAt = (bytes: Uint8Array, at: number): number =>
  ((byteAt(bytes, at) << 24) | (byteAt(bytes, at + 1) << 16) | (byteAt(bytes, at + 2) << 8) | byteAt(bytes, at + 3)) >>>
  0
