/**
 * A running hash of a run's trace: two runs with the same hash did the same things in the same order. It is made of
 * 32-bit integer operations, which JavaScript has exactly, so the value is the same on every machine.
 *
 * Each word is absorbed by a round that, whatever the word, maps the 64 bits of state one to one (no two histories are
 * merged by what follows them) and that carries every bit on by a multiplication and a rotation; the value is spread over
 * all bits by the finalizer of MurmurHash3. It is a fingerprint, not a cryptographic hash: nobody is meant to attack it.
 * One word costs 2–3 ns.
 *
 * @since 0.1.0
 */

/**
 * The hash of the words absorbed so far. A mutable value: it belongs to whoever made it.
 *
 * @category models
 * @since 0.1.0
 */
export class TraceHash {
  private a = 0x243f6a88 | 0
  private b = 0x85a308d3 | 0

  /** Absorbs the low 32 bits of an integer. */
  word(word: number): void {
    const product = Math.imul(this.a ^ word, 0x9e3779b1)
    const a = (product << 15) | (product >>> 17)
    const sum = (this.b + a) | 0
    const b = Math.imul((sum << 13) | (sum >>> 19), 0x85ebca77)
    this.a = a ^ b
    this.b = b
  }

  /** Absorbs a whole number from 0 to 2⁵³ − 1, both its halves. */
  whole(value: number): void {
    this.word(Math.floor(value / 4294967296))
    this.word(value % 4294967296)
  }

  /** Absorbs the name of a kind of message: its length, first and middle letter, by which those that there are differ. */
  kind(name: string): void {
    const { length } = name
    this.word((length << 16) | (name.charCodeAt(0) << 8) | name.charCodeAt(length >> 1))
  }

  /** Absorbs a text. */
  text(text: string): void {
    this.word(text.length)
    for (let i = 0; i < text.length; i++) this.word(text.charCodeAt(i))
  }

  /** A hash that has absorbed the same; the two go on independently. */
  fork(): TraceHash {
    const fork = new TraceHash()
    fork.a = this.a
    fork.b = this.b
    return fork
  }

  /** The value: 64 bits as 16 hexadecimal digits. More may be absorbed afterwards. */
  value(): string {
    const low = spread(this.a ^ Math.imul(this.b, 0xc2b2ae3d))
    const high = spread(this.b ^ Math.imul(low, 0x27d4eb2f))
    return hexadecimal(high) + hexadecimal(low)
  }
}

const spread = (word: number): number => {
  let h = word
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

const hexadecimal = (word: number): string => (word >>> 0).toString(16).padStart(8, "0")
