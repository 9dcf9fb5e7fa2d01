/**
 * One direction of a link: frames go in at one end and come out at the other, later, in order. It keeps at most
 * `receiveLimitBytes` between `send` and `receive` (or a single larger frame), counts each frame once, and has one event
 * in the agenda, for the earliest batch under way.
 *
 * Frames that arrive at the same instant travel as one batch, and a batch that arrives at an empty inbox becomes the
 * inbox: between `send` and `receive` nothing is copied and nothing is allocated per frame.
 */
import type { Random } from "@hyparview/core/Random"
import type { OutgoingFrame } from "@hyparview/runtime/Transport"
import { Event } from "./agenda.ts"
import type { Place, World } from "./world.ts"
import { happens } from "./world.ts"

/** What a far end is told in place of a frame. `oversize` is a frame that it must not accept. */
export type Signal = "closed" | "reset" | "oversize"

/** What the ends of the link hear from a pipe. */
export interface Sender {
  /** There is room again, after an `offer` that did not take everything. */
  roomAgain(): void
}

export interface Receiver {
  readonly open: boolean
  framesArrived(): void
  signalArrived(signal: Signal): void
}

/** A frame's length prefix counts as this many bytes, as on TCP. */
const prefixBytes = 4

/** The inbox when nothing has arrived. Never pushed to: what arrives at an empty inbox replaces it. */
const nothing: Array<Uint8Array> = []

interface Batch {
  /** When it reaches the far end, before the reader's rate; and when it is through. Microseconds, not always whole. */
  readonly readyAt: number
  at: number
  readonly frames: Array<Uint8Array>
  bytes: number
  readonly signal: Signal | undefined
  next: Batch | undefined
}

const lengthOf = (frame: OutgoingFrame): number => {
  let length = 0
  for (let index = 0; index < frame.length; index++) length += frame[index]?.length ?? 0
  return length
}

/** The frame itself if it is one chunk: the far end gets the very bytes that were sent. */
const joined = (frame: OutgoingFrame, length: number): Uint8Array => {
  const [only] = frame
  if (frame.length === 1 && only !== undefined) return only
  const whole = new Uint8Array(length)
  let offset = 0
  for (const chunk of frame) {
    whole.set(chunk, offset)
    offset += chunk.length
  }
  return whole
}

export class Pipe {
  readonly from: Place
  readonly to: Place
  sender: Sender | undefined
  receiver: Receiver | undefined
  bytesSent = 0
  bytesReceived = 0

  readonly #world: World
  readonly #random: Random
  readonly #event: Event
  #head: Batch | undefined
  #tail: Batch | undefined
  /** Bytes between `send` and `receive`: under way, or in the inbox. */
  #standing = 0
  #lastAt = 0
  #inbox = nothing
  #inboxBytes = 0
  #wanted = false
  #held: boolean
  #vanishing = false
  /** After a signal nothing more is carried. */
  #ended = false

  constructor(world: World, from: Place, to: Place, random: Random) {
    this.#world = world
    this.from = from
    this.to = to
    this.#random = random
    this.#held = world.passage(from, to) === "held"
    this.#event = new Event(() => this.#arrive())
  }

  /** Whether `offer` would take all of these. Of one that is empty or too large it takes none, which ends the link. */
  hasRoomFor(frames: ReadonlyArray<OutgoingFrame>): boolean {
    const { maxFrameBytes, receiveLimitBytes } = this.#world.settings
    let standing = this.#standing
    for (const frame of frames) {
      const length = lengthOf(frame)
      if (length === 0 || length > maxFrameBytes) return false
      if (standing > 0 && standing + length + prefixBytes > receiveLimitBytes) return false
      standing += length + prefixBytes
    }
    return true
  }

  /** Takes frames, from index `start` on, while there is room; returns the index of the first that it did not take. */
  offer(frames: ReadonlyArray<OutgoingFrame>, start: number): number {
    const { maxFrameBytes, receiveLimitBytes } = this.#world.settings
    const taken: Array<Uint8Array> = []
    let bytes = 0
    let index = start
    for (; index < frames.length; index++) {
      const frame = frames[index] ?? nothing
      const length = lengthOf(frame)
      if (length === 0 || length > maxFrameBytes) {
        this.#take(taken, bytes)
        this.signal("oversize")
        return frames.length
      }
      const standing = this.#standing + bytes
      if (standing > 0 && standing + length + prefixBytes > receiveLimitBytes) {
        this.#wanted = true
        break
      }
      taken.push(joined(frame, length))
      bytes += length + prefixBytes
    }
    this.#take(taken, bytes)
    return index
  }

  /** The frames that have arrived, or undefined if none have. Makes room. */
  take(): ReadonlyArray<Uint8Array> | undefined {
    const frames = this.#inbox
    if (frames.length === 0) return undefined
    this.#inbox = nothing
    const bytes = this.#inboxBytes
    this.#inboxBytes = 0
    this.#release(bytes)
    return frames
  }

  get hasFrames(): boolean {
    return this.#inbox.length > 0
  }

  /** Tells the far end something, behind the frames under way. A reset overtakes them: they are lost. */
  signal(signal: Signal): void {
    if (this.#ended) return
    if (signal === "reset") this.drop()
    this.#ended = true
    if (this.#vanishing) return
    const readyAt = this.#world.arrival(this.from, this.to, this.#random)
    const at = signal === "reset" ? readyAt : Math.max(readyAt, this.#lastAt)
    this.#append({ readyAt, at, frames: [], bytes: 0, signal, next: undefined })
  }

  /** Everything under way is lost, signals too. What has arrived stays. */
  drop(): void {
    this.#world.counters.framesLost += this.#discard()
  }

  /** From now on everything that is sent vanishes, and what is under way has vanished already. Nobody is told. */
  vanish(): void {
    this.#vanishing = true
    this.#world.counters.framesVanished += this.#discard()
  }

  /** While held, nothing arrives; what is due by the time of the release arrives then. */
  hold(held: boolean): void {
    if (held === this.#held) return
    this.#held = held
    if (!held) return this.#schedule()
    this.#world.agenda.cancel(this.#event)
    for (let batch = this.#head; batch !== undefined; batch = batch.next) {
      this.#world.counters.framesHeld += batch.frames.length
    }
  }

  /** After a change of the reader's rate: what is under way goes on at the new one. */
  retime(): void {
    let at = this.#world.agenda.now()
    for (let batch = this.#head; batch !== undefined; batch = batch.next) {
      at = Math.max(at, batch.readyAt) + this.#readingMicros(batch.bytes)
      batch.at = at
    }
    if (this.#head !== undefined) this.#lastAt = at
    this.#schedule()
  }

  #readingMicros(bytes: number): number {
    return (bytes * 1_000_000) / this.to.bytesPerSecond
  }

  #take(frames: Array<Uint8Array>, bytes: number): void {
    if (frames.length === 0) return
    const { counters, duplicate, silentLoss } = this.#world
    counters.framesSent += frames.length
    this.bytesSent += bytes
    if (this.#ended) counters.framesLost += frames.length
    else if (this.#vanishing) counters.framesVanished += frames.length
    else if (duplicate > 0 || silentLoss > 0) this.#carry(this.#mangle(frames))
    else this.#carry(frames, bytes)
  }

  /** The stricter mode: some frames twice, some never. */
  #mangle(frames: ReadonlyArray<Uint8Array>): Array<Uint8Array> {
    const { counters, duplicate, silentLoss } = this.#world
    const mangled: Array<Uint8Array> = []
    for (const frame of frames) {
      if (happens(this.#random, silentLoss)) {
        counters.framesSilentlyLost++
        continue
      }
      mangled.push(frame)
      if (happens(this.#random, duplicate)) {
        counters.framesDuplicated++
        mangled.push(frame)
      }
    }
    return mangled
  }

  #carry(frames: Array<Uint8Array>, knownBytes?: number): void {
    if (frames.length === 0) return
    const world = this.#world
    const bytes = knownBytes ?? frames.reduce((sum, frame) => sum + frame.length + prefixBytes, 0)
    this.#standing += bytes
    if (this.#held) world.counters.framesHeld += frames.length
    const readyAt = world.arrival(this.from, this.to, this.#random)
    if (this.to.bytesPerSecond !== Infinity) return this.#trickle(frames, readyAt)
    // In order: a frame never arrives before the one that was sent before it.
    const at = Math.max(readyAt, this.#lastAt)
    this.#lastAt = at
    const tail = this.#tail
    if (tail === undefined || tail.at !== at) {
      return this.#append({ readyAt, at, frames, bytes, signal: undefined, next: undefined })
    }
    for (const frame of frames) tail.frames.push(frame)
    tail.bytes += bytes
  }

  /** To a slow reader frames go one by one, so that it gets each as soon as it is through. */
  #trickle(frames: ReadonlyArray<Uint8Array>, readyAt: number): void {
    for (const frame of frames) {
      const bytes = frame.length + prefixBytes
      const at = Math.max(readyAt, this.#lastAt) + this.#readingMicros(bytes)
      this.#lastAt = at
      this.#append({ readyAt, at, frames: [frame], bytes, signal: undefined, next: undefined })
    }
  }

  #append(batch: Batch): void {
    if (this.#tail === undefined) this.#head = batch
    else this.#tail.next = batch
    this.#tail = batch
    if (this.#head === batch) this.#schedule()
  }

  #schedule(): void {
    if (this.#head === undefined || this.#held) return
    const { agenda } = this.#world
    const { at } = this.#head
    agenda.schedule(this.#event, at <= agenda.now() ? at : this.#world.roundedUp(at))
  }

  #arrive(): void {
    const now = this.#world.agenda.now()
    while (this.#head !== undefined && this.#head.at <= now) {
      const batch = this.#head
      this.#head = batch.next
      if (this.#head === undefined) this.#tail = undefined
      this.#deliver(batch)
    }
    this.#schedule()
  }

  #deliver(batch: Batch): void {
    const { counters } = this.#world
    const { receiver } = this
    if (receiver === undefined || !receiver.open) {
      counters.framesLost += batch.frames.length
      return
    }
    if (batch.signal !== undefined) return receiver.signalArrived(batch.signal)
    counters.framesDelivered += batch.frames.length
    counters.bytesDelivered += batch.bytes
    this.bytesReceived += batch.bytes
    if (this.#inbox.length === 0) this.#inbox = batch.frames
    else for (const frame of batch.frames) this.#inbox.push(frame)
    this.#inboxBytes += batch.bytes
    receiver.framesArrived()
  }

  #release(bytes: number): void {
    this.#standing -= bytes
    if (!this.#wanted) return
    this.#wanted = false
    this.sender?.roomAgain()
  }

  /** Forgets what is under way; returns how many frames that were. */
  #discard(): number {
    let frames = 0
    let bytes = 0
    for (let batch = this.#head; batch !== undefined; batch = batch.next) {
      frames += batch.frames.length
      bytes += batch.bytes
    }
    this.#head = undefined
    this.#tail = undefined
    this.#world.agenda.cancel(this.#event)
    this.#release(bytes)
    return frames
  }
}
