/**
 * A link: two ends and a pipe each way. An end is what the runtime holds; it hears from its pipes and tells its fibers
 * within a turn of the agenda.
 */
import * as Effect from "effect/Effect"
import type { CloseReason, OutgoingFrame } from "@hyparview/runtime/Transport"
import { LinkClosed } from "@hyparview/runtime/Transport"
import { Event } from "./agenda.ts"
import type { Signal } from "./pipe.ts"
import { Pipe } from "./pipe.ts"
import type { Endpoint, LinkEnd, Pair, Place, World } from "./world.ts"
import { happens } from "./world.ts"

type Frames = ReadonlyArray<Uint8Array>

/** A `send` that waits for room. */
interface Writer {
  readonly frames: ReadonlyArray<OutgoingFrame>
  next: number
  readonly resume: (effect: Effect.Effect<void, LinkClosed>) => void
}

export class MemoryLink implements LinkEnd {
  readonly remoteAddress: string
  readonly authenticatedId: string | undefined
  readonly bytes: { readonly received: number; readonly sent: number }
  readonly receive: Effect.Effect<Frames, LinkClosed>
  readonly closed: Effect.Effect<LinkClosed>
  readonly place: Place
  readonly outgoing: Pipe

  readonly #world: World
  readonly #endpoint: Endpoint
  readonly #pair: MemoryPair
  readonly #incoming: Pipe
  readonly #waitForFrames: Effect.Effect<Frames, LinkClosed>
  readonly #handshake: Event
  #end: LinkClosed | undefined
  #reader: ((effect: Effect.Effect<Frames, LinkClosed>) => void) | undefined
  /** Who is to be called, in place of a fiber that waits. */
  #wake: (() => void) | undefined
  #readerTold = false
  #writer: Writer | undefined
  #writerTold = false
  readonly #watchers = new Set<(effect: Effect.Effect<LinkClosed>) => void>()

  constructor(
    world: World,
    pair: MemoryPair,
    endpoint: Endpoint,
    remote: Endpoint,
    remoteAddress: string,
    pipes: {
      readonly outgoing: Pipe
      readonly incoming: Pipe
    }
  ) {
    this.#world = world
    this.#pair = pair
    this.#endpoint = endpoint
    this.place = endpoint.place
    this.remoteAddress = remoteAddress
    this.authenticatedId = remote.authenticatedId
    this.outgoing = pipes.outgoing
    this.#incoming = pipes.incoming
    this.outgoing.sender = this
    this.#incoming.receiver = this
    const { incoming, outgoing } = pipes
    this.bytes = {
      get received() {
        return incoming.bytesReceived
      },
      get sent() {
        return outgoing.bytesSent
      }
    }
    this.#handshake = new Event(() => this.#missHandshake())
    this.#waitForFrames = this.#makeWaitForFrames()
    this.receive = Effect.suspend(() => this.#poll())
    this.closed = this.#makeClosed()
    endpoint.links.add(this)
  }

  get open(): boolean {
    return this.#end === undefined
  }

  // ---- what the runtime calls

  readonly send = (frames: ReadonlyArray<OutgoingFrame>): Effect.Effect<void, LinkClosed> =>
    Effect.suspend(() => this.#send(frames))

  readonly tryReceive = (wake: () => void): Frames | LinkClosed | undefined => {
    const received = this.#incoming.take() ?? this.#end
    if (received === undefined) this.#wake = wake
    return received
  }

  readonly trySend = (frames: ReadonlyArray<OutgoingFrame>): boolean => {
    // Whether a send fails is drawn where it can say so.
    if (this.#end !== undefined || this.#world.sendFailure > 0 || !this.outgoing.hasRoomFor(frames)) return false
    this.outgoing.offer(frames, 0)
    return true
  }

  /** What `send` has taken has its place at the far end already, so that a flush never waits. */
  readonly close = (mode: "flush" | "abort"): Effect.Effect<void> =>
    Effect.sync(() => {
      if (mode === "abort") return this.abort("local", "")
      if (!this.open) return
      this.#pair.end("linksClosed")
      this.outgoing.signal("closed")
      this.finish("local", "")
    })

  // ---- what the network calls

  abort(reason: CloseReason, detail: string): void {
    if (!this.open) return
    this.#pair.end("linksReset")
    this.outgoing.signal("reset")
    this.finish(reason, detail)
  }

  /** Ends this end, without a word to the other. Whoever waits on it is told in this or the next turn. */
  finish(reason: CloseReason, detail: string): void {
    if (!this.open) return
    this.#end = new LinkClosed({ reason, detail })
    const { agenda } = this.#world
    agenda.cancel(this.#handshake)
    this.#endpoint.links.delete(this)
    // What arrived before the far end closed, or sent a bad frame, is still there to be read; otherwise it is gone.
    if (reason !== "closed" && reason !== "frameTooLarge") this.#incoming.take()
    this.#tellReader()
    this.roomAgain()
    if (this.#watchers.size > 0) agenda.tell(() => this.#tellWatchers())
    this.#pair.forget()
  }

  expectHandshake(): void {
    const { agenda, settings } = this.#world
    if (settings.handshakeTimeoutMicros === Infinity) return
    agenda.schedule(this.#handshake, agenda.now() + settings.handshakeTimeoutMicros)
  }

  framesArrived(): void {
    this.#world.agenda.cancel(this.#handshake)
    this.#tellReader()
  }

  signalArrived(signal: Signal): void {
    if (signal === "oversize")
      this.abort("frameTooLarge", "the far end announced an empty frame, or one above the limit")
    else this.finish(signal, "")
  }

  roomAgain(): void {
    if (this.#writer === undefined || this.#writerTold) return
    this.#writerTold = true
    this.#world.agenda.tell(this.#continueSend)
  }

  #missHandshake(): void {
    // A stopped process misses nothing.
    if (this.place.frozen) return this.expectHandshake()
    this.#world.counters.handshakeTimeouts++
    this.abort("handshakeTimeout", "no first frame in time")
  }

  // ---- receiving

  #poll(): Effect.Effect<Frames, LinkClosed> {
    const frames = this.#incoming.take()
    if (frames !== undefined) return Effect.succeed(frames)
    return this.#end === undefined ? this.#waitForFrames : Effect.fail(this.#end)
  }

  /** Made once per link: waiting allocates nothing of ours. */
  #makeWaitForFrames(): Effect.Effect<Frames, LinkClosed> {
    const cancel = Effect.sync(() => {
      this.#reader = undefined
    })
    return Effect.callback<Frames, LinkClosed>((resume) => {
      // The fiber may have yielded between the poll and here.
      if (this.#incoming.hasFrames || this.#end !== undefined) {
        resume(this.receive)
        return
      }
      this.#reader = resume
      return cancel
    })
  }

  #tellReader(): void {
    if ((this.#reader === undefined && this.#wake === undefined) || this.#readerTold) return
    this.#readerTold = true
    this.#world.agenda.tell(this.#wakeReader)
  }

  readonly #wakeReader = (): void => {
    this.#readerTold = false
    // Whoever was to be told may have been interrupted, and the next have taken what there was: that one waits for more.
    if (!this.#incoming.hasFrames && this.#end === undefined) return
    const reader = this.#reader
    const wake = this.#wake
    this.#reader = undefined
    this.#wake = undefined
    reader?.(this.receive)
    wake?.()
  }

  // ---- sending

  #send(frames: ReadonlyArray<OutgoingFrame>): Effect.Effect<void, LinkClosed> {
    if (this.#end !== undefined) return Effect.fail(this.#end)
    const world = this.#world
    if (world.sendFailure > 0 && happens(world.random, world.sendFailure)) {
      world.counters.sendFailures++
      this.#pair.break("send failure")
      return Effect.fail(this.#end ?? new LinkClosed({ reason: "reset", detail: "send failure" }))
    }
    const next = this.outgoing.offer(frames, 0)
    return next === frames.length ? Effect.void : this.#waitForRoom(frames, next)
  }

  #waitForRoom(frames: ReadonlyArray<OutgoingFrame>, from: number): Effect.Effect<void, LinkClosed> {
    this.#world.counters.stalledSends++
    return Effect.callback<void, LinkClosed>((resume) => {
      this.#writer = { frames, next: from, resume }
      // Room may have come while the fiber yielded on its way here.
      this.roomAgain()
      return Effect.sync(() => {
        this.#writer = undefined
      })
    })
  }

  readonly #continueSend = (): void => {
    this.#writerTold = false
    const writer = this.#writer
    if (writer === undefined) return
    if (this.#end === undefined) {
      writer.next = this.outgoing.offer(writer.frames, writer.next)
      if (writer.next < writer.frames.length) return
    }
    this.#writer = undefined
    writer.resume(this.#end === undefined ? Effect.void : Effect.fail(this.#end))
  }

  // ---- the end

  #makeClosed(): Effect.Effect<LinkClosed> {
    return Effect.callback<LinkClosed>((resume) => {
      if (this.#end !== undefined) {
        resume(Effect.succeed(this.#end))
        return
      }
      this.#watchers.add(resume)
      return Effect.sync(() => {
        this.#watchers.delete(resume)
      })
    })
  }

  #tellWatchers(): void {
    const watchers = [...this.#watchers]
    this.#watchers.clear()
    if (this.#end === undefined) return
    for (const resume of watchers) resume(Effect.succeed(this.#end))
  }
}

export class MemoryPair implements Pair {
  readonly a: MemoryLink
  readonly b: MemoryLink
  readonly #world: World
  /** How it ended, or is about to; counted at once, but for a half-open one. */
  #end: "linksClosed" | "linksReset" | undefined
  #isHalfOpen = false

  constructor(world: World, dialer: Endpoint, accepter: Endpoint) {
    this.#world = world
    const { back, number, there } = world.nextLink()
    const outgoing = new Pipe(world, dialer.place, accepter.place, there)
    const incoming = new Pipe(world, accepter.place, dialer.place, back)
    this.a = new MemoryLink(world, this, dialer, accepter, accepter.place.address, { outgoing, incoming })
    // The number stands for the ephemeral port: for logs, and not dialable.
    const remoteAddress = `${dialer.place.address}#${number}`
    this.b = new MemoryLink(world, this, accepter, dialer, remoteAddress, { outgoing: incoming, incoming: outgoing })
    world.pairs.add(this)
    world.counters.linksOpened++
  }

  /** One end ends it. That the other does too, before it has heard of that, makes no second one. */
  end(how: "linksClosed" | "linksReset"): void {
    if (this.#end !== undefined) return
    this.#end = how
    if (!this.#isHalfOpen) this.#world.counters[how]++
  }

  break(detail: string): void {
    this.end("linksReset")
    this.a.outgoing.drop()
    this.b.outgoing.drop()
    this.a.finish("reset", detail)
    this.b.finish("reset", detail)
  }

  halfOpen(): void {
    this.#world.counters.linksHalfOpened++
    if (this.#end === undefined) this.#isHalfOpen = true
    this.a.outgoing.vanish()
    this.b.outgoing.vanish()
  }

  /** Once both ends are closed the network has no more to do with it. */
  forget(): void {
    if (this.a.open || this.b.open) return
    if (!this.#world.pairs.delete(this)) return
    if (this.#isHalfOpen && this.#end !== undefined) this.#world.counters[this.#end]++
    this.a.outgoing.drop()
    this.b.outgoing.drop()
  }
}
