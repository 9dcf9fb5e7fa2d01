/**
 * A link over one socket. It reads as bytes arrive, up to its receive limit, so that it notices the far end's close
 * without anybody calling `receive`; it writes what is sent in one turn of the event loop with one system call.
 *
 * An end is `open`, then `flushing` if it was closed in order, then `over`. Away from `open`, `send` and `receive` fail;
 * `closed` speaks once it is over. Closing in order takes both ends: this one sends what it has taken and then FIN, and
 * reads on, throwing away, until the far end's FIN says that everything arrived. A socket that is closed with bytes
 * unread sends RST instead, and that would destroy at the far end what it had not read yet.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { CloseReason, Link, OutgoingFrame } from "@hyparview/runtime/Transport"
import { LinkClosed } from "@hyparview/runtime/Transport"
import type { Socket } from "node:net"
import type { TcpConfig } from "../TcpConfig.ts"
import type { Counters } from "./counters.ts"
import { endMark, FrameReader } from "./frames.ts"
import { Outgoing } from "./outgoing.ts"
import type { Connection } from "./security.ts"
import { abort, remoteAddressOf } from "./socket.ts"

type Frames = ReadonlyArray<Uint8Array>
type Resume<A> = (effect: Effect.Effect<A, LinkClosed>) => void

/** Taken bytes are written when they are this many, or at the end of the turn of the event loop. */
const flushBytes = 32 * 1024

/** What a link needs of its transport. */
export interface Owner {
  readonly config: TcpConfig
  readonly counters: Counters
  /** Calls back after a time on the transport's clock, unless cancelled first. */
  readonly after: (millis: number, then: () => void) => () => void
  /** The first frame has arrived, or never will. Once for each link, by its TCP connection. */
  readonly handshakeDone: (raw: Socket) => void
  /** The socket is gone, and its descriptor with it. Once for each link. */
  readonly released: (link: TcpLink) => void
}

/** A TLS record of type handshake, of one of the versions that a first record may claim, read as a length. */
const isTlsGreeting = (announcedBytes: number): boolean =>
  announcedBytes >>> 8 === 0x16_03_01 || announcedBytes >>> 8 === 0x16_03_03

/** What the first bytes of something that is no frame look like. */
const guessOf = (announcedBytes: number): string => {
  if (isTlsGreeting(announcedBytes)) return "; it looks like TLS, and this is plain TCP"
  const text = String.fromCharCode(...[24, 16, 8, 0].map((bits) => (announcedBytes >>> bits) & 0xff))
  return /^[ -~]{4}$/.test(text) ? `; it begins with the text ${JSON.stringify(text)}, as no node does` : ""
}

export class TcpLink implements Link {
  readonly remoteAddress: string
  readonly authenticatedId: string | undefined
  readonly bytes = { received: 0, sent: 0 }
  readonly closed: Effect.Effect<LinkClosed>

  readonly #owner: Owner
  readonly #connection: Connection
  readonly #socket: Socket
  readonly #reader: FrameReader
  readonly #outgoing = new Outgoing()
  readonly #over = Deferred.makeUnsafe<LinkClosed>()
  readonly #released = Deferred.makeUnsafe<void>()

  #state: "open" | "flushing" | "over" = "open"
  /** Why `send` and `receive` fail; set when the link is no longer open. */
  #failure: LinkClosed | undefined
  #frames: Array<Uint8Array> = []
  #waitingBytes = 0
  #paused = false
  #handshaking = true
  #farEndDone = false
  #writePlanned = false
  #receiver: Resume<Frames> | undefined
  /** Who is to be called, in place of a fiber that waits. */
  #wake: (() => void) | undefined
  #sender: Resume<void> | undefined
  #cancelCloseTimer: (() => void) | undefined

  /** The socket must be alive still: of one that is destroyed, nothing more would be heard. */
  constructor(owner: Owner, connection: Connection) {
    const { authenticatedId, raw, socket } = connection
    this.#owner = owner
    this.#connection = connection
    this.#socket = socket
    this.authenticatedId = authenticatedId
    this.#reader = new FrameReader(owner.config.maxFrameBytes, connection.marksEnd)
    this.remoteAddress = remoteAddressOf(raw)
    this.closed = Deferred.await(this.#over)
    socket.on("data", (chunk: Uint8Array) => this.#onData(chunk))
    socket.on("end", () => this.#onFarEnd())
    socket.on("finish", () => this.#onFlushed())
    socket.on("drain", () => this.#wakeSender())
    socket.on("error", (error) => this.#onBroken(error.message))
    socket.on("close", () => this.#onReleased())
  }

  /** Frames that an orderly close left to be read. */
  get hasFrames(): boolean {
    return this.#frames.length > 0
  }

  get isOver(): boolean {
    return this.#state === "over"
  }

  readonly send = (frames: ReadonlyArray<OutgoingFrame>): Effect.Effect<void, LinkClosed> =>
    Effect.suspend(() => {
      if (this.#failure !== undefined) return Effect.fail(this.#failure)
      if (!this.#socket.writableNeedDrain) {
        this.#take(frames)
        return Effect.void
      }
      return Effect.flatMap(this.#room, () => this.send(frames))
    })

  readonly trySend = (frames: ReadonlyArray<OutgoingFrame>): boolean => {
    if (this.#failure !== undefined || this.#socket.writableNeedDrain) return false
    this.#take(frames)
    return true
  }

  readonly receive: Effect.Effect<Frames, LinkClosed> = Effect.suspend(() => {
    if (this.#frames.length > 0) return Effect.succeed(this.#takeReceived())
    return this.#failure === undefined ? this.#arrival : Effect.fail(this.#failure)
  })

  readonly tryReceive = (wake: () => void): Frames | LinkClosed | undefined => {
    if (this.#frames.length > 0) return this.#takeReceived()
    if (this.#failure === undefined) this.#wake = wake
    return this.#failure
  }

  readonly close = (mode: "flush" | "abort"): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (mode === "abort") {
        this.abort("local", "")
        return Effect.void
      }
      if (this.#state === "open") this.#flush()
      return Effect.asVoid(this.closed)
    })

  /** Resolves when the descriptor is free. */
  get released(): Effect.Effect<void> {
    return Deferred.await(this.#released)
  }

  /** Ends this end at once. The far end sees a reset. */
  abort(reason: CloseReason, detail: string): void {
    if (this.#state === "over") return
    abort(this.#connection)
    this.#finish(new LinkClosed({ reason, detail }))
  }

  /** Waits until what was taken before has gone to the kernel, all but the last 64 KiB. */
  readonly #room: Effect.Effect<void, LinkClosed> = Effect.callback<void, LinkClosed>((resume) => {
    // The fiber may have yielded between the look and here.
    if (this.#failure !== undefined) return resume(Effect.fail(this.#failure))
    if (!this.#socket.writableNeedDrain) return resume(Effect.void)
    this.#sender = resume
    return Effect.sync(() => {
      this.#sender = undefined
    })
  })

  #take(frames: ReadonlyArray<OutgoingFrame>): void {
    this.bytes.sent += this.#outgoing.add(frames)
    if (this.#outgoing.bytes >= flushBytes) this.#write()
    else if (!this.#writePlanned) {
      this.#writePlanned = true
      process.nextTick(this.#writePlan)
    }
  }

  readonly #writePlan = (): void => {
    this.#writePlanned = false
    if (this.#state === "open") this.#write()
  }

  #write(): void {
    const { bytes, frames } = this.#outgoing
    if (bytes === 0) return
    const socket = this.#socket
    const pieces = this.#outgoing.take()
    const [first] = pieces
    if (first !== undefined && pieces.length === 1) socket.write(first)
    else {
      socket.cork()
      for (const piece of pieces) socket.write(piece)
      socket.uncork()
    }
    const { counters } = this.#owner
    counters.bytesSent(bytes)
    counters.framesSent(frames)
  }

  #wakeSender(): void {
    const sender = this.#sender
    this.#sender = undefined
    sender?.(this.#failure === undefined ? Effect.void : Effect.fail(this.#failure))
  }

  readonly #arrival: Effect.Effect<Frames, LinkClosed> = Effect.callback<Frames, LinkClosed>((resume) => {
    if (this.#frames.length > 0 || this.#failure !== undefined) return resume(this.receive)
    this.#receiver = resume
    return Effect.sync(() => {
      this.#receiver = undefined
    })
  })

  /** Frames are taken by the fiber itself, not handed to it: one interrupted in between loses none. */
  #wakeReceiver(): void {
    const receiver = this.#receiver
    const wake = this.#wake
    this.#receiver = undefined
    this.#wake = undefined
    receiver?.(this.receive)
    wake?.()
  }

  #takeReceived(): Frames {
    const frames = this.#frames
    this.#frames = []
    this.#waitingBytes = 0
    if (this.#paused) {
      this.#paused = false
      this.#socket.resume()
    }
    return frames
  }

  #onData(chunk: Uint8Array): void {
    const { config, counters } = this.#owner
    this.bytes.received += chunk.length
    counters.bytesReceived(chunk.length)
    if (this.#state !== "open") return
    const before = this.#frames.length
    this.#reader.read(chunk, this.#frames)
    this.#waitingBytes += chunk.length
    const arrived = this.#frames.length - before
    if (arrived > 0) {
      counters.framesReceived(arrived)
      if (this.#handshaking) this.#handshakeDone()
    }
    if (this.#reader.rejectedBytes !== undefined) {
      const { rejectedBytes } = this.#reader
      const guess = guessOf(rejectedBytes)
      this.abort("frameTooLarge", `${rejectedBytes} bytes announced, ${config.maxFrameBytes} allowed${guess}`)
      return
    }
    if (arrived > 0) this.#wakeReceiver()
    // The limit holds for whole frames only: without one nobody could make room.
    if (this.#frames.length > 0 && this.#waitingBytes >= config.receiveLimitBytes && !this.#paused) {
      this.#paused = true
      counters.readPauses(1)
      this.#socket.pause()
    }
  }

  #flush(): void {
    const { after, config } = this.#owner
    this.#state = "flushing"
    this.#cancelCloseTimer = after(config.closeTimeoutMillis, () => this.#giveUpFlush())
    this.#write()
    if (this.#connection.marksEnd) {
      this.bytes.sent += endMark.length
      this.#owner.counters.bytesSent(endMark.length)
      this.#socket.write(endMark)
    }
    this.#socket.end()
    this.#socket.resume()
    // Last, for it runs whoever waits here, and they may call back.
    this.#fail(new LinkClosed({ reason: "local", detail: "" }))
  }

  #giveUpFlush(): void {
    this.abort("local", "the far end did not take everything in time")
  }

  #onFlushed(): void {
    if (this.#farEndDone) this.#endFlush("")
  }

  #endFlush(detail: string): void {
    this.#socket.destroy()
    this.#finish(new LinkClosed({ reason: "local", detail }))
  }

  #onFarEnd(): void {
    this.#farEndDone = true
    if (this.#state === "flushing") {
      if (this.#socket.writableFinished) this.#endFlush("")
      return
    }
    if (this.#state === "over") return
    this.#socket.destroy()
    const early = this.#earlyEndDetail
    const { ended, midFrame } = this.#reader
    if (midFrame)
      this.#finish(new LinkClosed({ reason: "reset", detail: "the far end closed in the middle of a frame" }))
    else if (ended || !this.#connection.marksEnd) this.#finish(new LinkClosed({ reason: "closed", detail: early }))
    else this.#finish(new LinkClosed({ reason: "reset", detail: early === "" ? "the connection was cut" : early }))
  }

  #onBroken(detail: string): void {
    if (this.#state === "flushing") this.#endFlush(`the flush was cut short: ${detail}`)
    else if (this.#state === "open") {
      this.#socket.destroy()
      const early = this.#earlyEndDetail
      this.#finish(new LinkClosed({ reason: "reset", detail: early === "" ? detail : `${detail}; ${early}` }))
    }
  }

  get #earlyEndDetail(): string {
    return this.bytes.received === 0 ? this.#connection.earlyEndDetail : ""
  }

  #onReleased(): void {
    this.#onBroken("the connection is gone")
    this.#owner.released(this)
    Deferred.doneUnsafe(this.#released, Effect.void)
  }

  #handshakeDone(): void {
    this.#handshaking = false
    this.#owner.handshakeDone(this.#connection.raw)
  }

  /** Away from `open`. What arrived stays to be read after an orderly close by the far end, and only then. */
  #fail(failure: LinkClosed): void {
    this.#failure = failure
    if (failure.reason !== "closed") this.#frames = []
    if (this.#handshaking) this.#handshakeDone()
    this.#wakeReceiver()
    this.#wakeSender()
  }

  #finish(end: LinkClosed): void {
    const wasOpen = this.#state === "open"
    this.#state = "over"
    if (wasOpen) this.#fail(end)
    this.#cancelCloseTimer?.()
    this.#owner.counters.closed[end.reason](1)
    Deferred.doneUnsafe(this.#over, Effect.succeed(end))
  }
}
