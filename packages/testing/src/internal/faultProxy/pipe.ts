/**
 * One direction of a connection through the fault proxy: bytes wait here, and pass as the shape says. One task is planned at
 * a time, and it is the only one that writes.
 */
import * as Random from "@hyparview/core/Random"
import type { Socket } from "node:net"

/**
 * What happens to the bytes of a direction.
 *
 * - `Through`: they pass as they come
 * - `Stall`: none passes; those on their way wait, and at `bufferBytes` the proxy reads no more, so that the sender's own
 *   buffers fill. What waits passes when the shape changes
 * - `Throttle`: at most so many bytes a second pass, evenly
 * - `Split`: in segments of 1 to `segmentBytes` bytes, drawn from the seed, each in a turn of the event loop of its own
 * - `Delay`: each passes `delayMillis` after it has come, and so does an end in order: at most `bufferBytes` in so many milliseconds.
 *   A reset passes at once
 * - `Merge`: held until there are `segmentBytes` or `holdMillis` have passed since the first, and then passed as one segment
 *
 * Rates are above 0, sizes whole numbers from 1, `delayMillis` and `holdMillis` from 0 to a day. With others the effect that is given the shape dies,
 * and nothing is shaped.
 *
 * @category models
 * @since 0.1.0
 */
export type Shape =
  | { readonly _tag: "Through" }
  | { readonly _tag: "Stall" }
  | { readonly _tag: "Throttle"; readonly bytesPerSecond: number }
  | { readonly _tag: "Delay"; readonly delayMillis: number }
  | { readonly _tag: "Split"; readonly segmentBytes: number }
  | { readonly _tag: "Merge"; readonly segmentBytes: number; readonly holdMillis: number }

/**
 * How a connection is ended: in order as far as TCP can tell (`fin`), broken (`rst`), or not at all (`none`), which leaves it
 * half-open: it lives on for the one who is not told, whose bytes vanish, and who hears nothing any more.
 *
 * @category models
 * @since 0.1.0
 */
export type Ending = "fin" | "rst" | "none"

const isSize = (bytes: number): boolean => Number.isSafeInteger(bytes) && bytes >= 1

const dayMillis = 86_400_000

const problemOfTime = (name: string, millis: number): string | undefined =>
  millis >= 0 && millis <= dayMillis ? undefined : `${name} is from 0 to ${dayMillis}, a day, not ${millis}`

const problem = (shape: Shape): string | undefined => {
  switch (shape?._tag) {
    case "Through":
    case "Stall":
      return undefined
    case "Throttle":
      return shape.bytesPerSecond > 0 && Number.isFinite(shape.bytesPerSecond)
        ? undefined
        : `bytesPerSecond is a number above 0, not ${shape.bytesPerSecond}; Stall lets nothing pass`
    case "Split":
      return isSize(shape.segmentBytes)
        ? undefined
        : `segmentBytes is a whole number, 1 or more, not ${shape.segmentBytes}`
    case "Merge":
      if (!isSize(shape.segmentBytes)) return `segmentBytes is a whole number, 1 or more, not ${shape.segmentBytes}`
      return problemOfTime("holdMillis", shape.holdMillis)
    case "Delay":
      return problemOfTime("delayMillis", shape.delayMillis)
    default:
      return "no shape: one is Through, Stall, Throttle, Delay, Split or Merge"
  }
}

/** Throws if a shape is none: bytes would pass as nobody meant it, or the proxy turn without end. */
export const checkShape = (shape: Shape): void => {
  const wrong = problem(shape)
  if (wrong !== undefined) throw new RangeError(`fault proxy, shape ${shape?._tag ?? ""}: ${wrong}`)
}

const endings: Record<Ending, true> = { fin: true, rst: true, none: true }

/** Throws if there is no such cut. */
export const checkCut = (bytes: number, ending: Ending): void => {
  if (!(Number.isSafeInteger(bytes) && bytes >= 0)) {
    throw new RangeError(`fault proxy, cutAfter: bytes are a whole number, 0 or more, not ${bytes}`)
  }
  if (!Object.hasOwn(endings, ending)) {
    throw new RangeError(`fault proxy, cutAfter: an end is "fin", "rst" or "none", not ${JSON.stringify(ending)}`)
  }
}

/** How often a throttled direction lets bytes pass. */
const throttleMillis = 10

export class Pipe {
  /** Bytes that have passed. */
  passed = 0

  readonly #from: Socket
  readonly #into: Socket
  readonly #random: Random.Random
  readonly #bufferBytes: number
  readonly #onCut: (ending: Ending) => void
  #shape: Shape
  #waiting: Array<Uint8Array> = []
  /** When each of what waits came. */
  #arrivals: Array<number> = []
  #waitingBytes = 0
  /** Since when the first of what waits is held, by the shape that there is now. */
  #since = 0
  #cut: { readonly at: number; readonly ending: Ending } | undefined
  #endSeen = false
  #endSeenAt = 0
  #stopped = false
  #cancel: (() => void) | undefined
  /** Since when a throttled direction has been so, and what it has let pass since. */
  #throttle = { since: 0, passed: 0 }

  constructor(options: {
    readonly from: Socket
    readonly into: Socket
    readonly random: Random.Random
    readonly bufferBytes: number
    readonly shape: Shape
    readonly onCut: (ending: Ending) => void
  }) {
    this.#from = options.from
    this.#into = options.into
    this.#random = options.random
    this.#bufferBytes = options.bufferBytes
    this.#shape = options.shape
    this.#onCut = options.onCut
    this.#from.on("data", (chunk: Uint8Array) => this.#onData(chunk))
    this.#from.on("end", () => {
      this.#endSeen = true
      this.#endSeenAt = performance.now()
      if (this.#shape._tag === "Merge") this.#unplan()
      this.#plan()
    })
    this.#into.on("drain", () => this.#plan())
    // An accepted connection comes paused, so that nothing is lost before somebody listens.
    this.#from.resume()
  }

  shape(shape: Shape): void {
    this.#shape = shape
    this.#throttle = { since: performance.now(), passed: 0 }
    this.#since = performance.now()
    this.#unplan()
    this.#plan()
  }

  /** Throws if there is no such cut. */
  cutAfter(bytes: number, ending: Ending): void {
    checkCut(bytes, ending)
    this.#cut = { at: this.passed + bytes, ending }
    if (bytes === 0 && !this.#stopped) this.#onCut(ending)
  }

  stop(): void {
    this.#stopped = true
    this.#unplan()
    this.#waiting = []
    this.#arrivals = []
    this.#waitingBytes = 0
  }

  #onData(chunk: Uint8Array): void {
    if (this.#stopped) return
    const now = performance.now()
    if (this.#waitingBytes === 0) this.#since = now
    this.#waiting.push(chunk)
    this.#arrivals.push(now)
    this.#waitingBytes += chunk.length
    if (this.#waitingBytes >= this.#bufferBytes) this.#from.pause()
    // What is planned for the end of a segment's time is due when the segment is full.
    if (this.#shape._tag === "Merge" && this.#waitingBytes >= this.#shape.segmentBytes) this.#unplan()
    this.#plan()
  }

  #unplan(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  #after(millis: number): void {
    const timer = setTimeout(() => this.#run(), millis)
    this.#cancel = () => clearTimeout(timer)
  }

  /** Sees to it that what may pass will. */
  #plan(): void {
    if (this.#stopped || this.#cancel !== undefined) return
    const shape = this.#shape
    if (this.#waitingBytes === 0) {
      if (!this.#endSeen || this.#into.writableEnded || this.#into.destroyed) return
      const left = shape._tag === "Delay" ? this.#endSeenAt + shape.delayMillis - performance.now() : 0
      if (left > 0) return this.#after(left)
      this.#into.end()
      return
    }
    switch (shape._tag) {
      case "Stall":
        return
      case "Through":
        return this.#run()
      case "Throttle":
        return this.#after(throttleMillis)
      case "Delay": {
        const left = (this.#arrivals[0] ?? 0) + shape.delayMillis - performance.now()
        return left > 0 ? this.#after(left) : this.#run()
      }
      case "Split": {
        const immediate = setImmediate(() => this.#run())
        this.#cancel = () => clearImmediate(immediate)
        return
      }
      case "Merge": {
        const left = this.#since + shape.holdMillis - performance.now()
        if (this.#waitingBytes >= shape.segmentBytes || left <= 0 || this.#endSeen) return this.#run()
        return this.#after(left)
      }
    }
  }

  #run(): void {
    this.#cancel = undefined
    // Whoever does not read holds up what is behind: `drain` plans anew.
    if (this.#stopped || this.#into.writableNeedDrain) return
    const allowed = this.#allowance()
    if (allowed > 0) this.#pass(allowed)
    if (this.#waitingBytes < this.#bufferBytes && !this.#stopped) this.#from.resume()
    this.#plan()
  }

  /** Bytes that the shape lets pass now. */
  #allowance(): number {
    const shape = this.#shape
    switch (shape._tag) {
      case "Throttle": {
        const { passed, since } = this.#throttle
        const due = Math.floor(((performance.now() - since) * shape.bytesPerSecond) / 1_000)
        const allowed = Math.min(this.#waitingBytes, due - passed)
        // A direction that was idle earns nothing by it.
        this.#throttle =
          allowed < due - passed ? { since: performance.now(), passed: 0 } : { since, passed: passed + allowed }
        return allowed
      }
      case "Delay": {
        const latest = performance.now() - shape.delayMillis
        const later = this.#arrivals.findIndex((arrival) => arrival > latest)
        const due = later < 0 ? this.#waiting : this.#waiting.slice(0, later)
        return due.reduce((sum, piece) => sum + piece.length, 0)
      }
      case "Split":
        return 1 + Random.nextBelow(this.#random, shape.segmentBytes)
      default:
        return this.#waitingBytes
    }
  }

  #pass(most: number): void {
    const cut = this.#cut
    const count = Math.min(most, this.#waitingBytes, cut === undefined ? Infinity : cut.at - this.passed)
    this.passed += count
    this.#into.write(this.#take(count))
    if (cut !== undefined && this.passed >= cut.at) this.#onCut(cut.ending)
  }

  /** The next bytes, as one piece. */
  #take(count: number): Uint8Array {
    const pieces: Array<Uint8Array> = []
    let left = count
    while (left > 0) {
      const [first] = this.#waiting
      if (first === undefined) break
      const piece = first.subarray(0, left)
      pieces.push(piece)
      left -= piece.length
      if (piece.length === first.length) {
        this.#waiting.shift()
        this.#arrivals.shift()
      } else this.#waiting[0] = first.subarray(piece.length)
    }
    this.#waitingBytes -= count - left
    const [only] = pieces
    return only !== undefined && pieces.length === 1 ? only : Buffer.concat(pieces)
  }
}
