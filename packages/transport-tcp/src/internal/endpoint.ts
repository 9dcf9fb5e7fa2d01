/**
 * One transport's links and its limits. A connection takes one of `maxLinks` slots from its dial or accept until its
 * descriptor is free; an accepted one takes one of `maxHandshakes` as well, until its first frame. What finds no slot is
 * reset at once, without a fiber, so that a flood costs little more than the kernel's own work.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import type { DialFailure, Link } from "@hyparview/runtime/Transport"
import { DialError } from "@hyparview/runtime/Transport"
import * as Result from "effect/Result"
import type { Socket } from "node:net"
import * as Address from "../Address.ts"
import type { TcpConfig } from "../TcpConfig.ts"
import { Arrivals } from "./arrivals.ts"
import type { Counters, Refusal } from "./counters.ts"
import type { Owner } from "./link.ts"
import { TcpLink } from "./link.ts"
import { abort, awaitOpen, openConnection } from "./socket.ts"

export class Endpoint implements Owner {
  readonly config: TcpConfig
  readonly counters: Counters
  readonly after: Owner["after"]

  readonly #links = new Set<TcpLink>()
  readonly #arrivals = new Arrivals((link) => this.#releaseIfGone(link))
  /** Accepted links without a first frame, with what cancels their time-out. */
  readonly #handshakes = new Map<TcpLink, () => void>()
  readonly #dialing = new Set<Socket>()
  #closing = false

  constructor(config: TcpConfig, counters: Counters, after: Owner["after"]) {
    this.config = config
    this.counters = counters
    this.after = after
  }

  get accepted() {
    return this.#arrivals.stream
  }

  readonly accept = (socket: Socket): void => {
    const refusal = this.#refusal()
    if (refusal !== undefined) {
      this.counters.refused[refusal](1)
      socket.on("error", () => {})
      abort(socket)
      return
    }
    const link = this.#open(socket)
    this.counters.accepted(1)
    this.counters.handshakes(1)
    const { handshakeTimeoutMillis } = this.config
    this.#handshakes.set(
      link,
      this.after(handshakeTimeoutMillis, () =>
        link.abort("handshakeTimeout", `no first frame in ${handshakeTimeoutMillis} ms`)
      )
    )
    this.#arrivals.add(link)
  }

  #refusal(): Refusal | undefined {
    if (this.#closing) return "closing"
    if (this.#full) return "maxLinks"
    return this.#handshakes.size >= this.config.maxHandshakes ? "maxHandshakes" : undefined
  }

  readonly dial = (text: string): Effect.Effect<Link, DialError, Scope.Scope> =>
    Effect.suspend(() => {
      const address = Address.parse(text)
      if (Result.isFailure(address)) return this.#cannotDial(text, "invalidAddress", address.failure.detail)
      if (address.success.port === 0) return this.#cannotDial(text, "invalidAddress", "nobody listens on port 0")
      if (this.#closing) return this.#cannotDial(text, "closed", "the transport is closed")
      if (this.#full) return this.#cannotDial(text, "limit", `maxLinks is ${this.config.maxLinks}`)
      return this.#connect(text, address.success)
    }).pipe(Effect.tapError((error) => Effect.sync(() => this.counters.dialFailed[error.reason](1))))

  #cannotDial(address: string, reason: DialFailure, detail: string): Effect.Effect<never, DialError> {
    return Effect.fail(new DialError({ address, reason, detail }))
  }

  /** A socket begun always becomes a link or is destroyed, wherever an interruption strikes. */
  #connect(text: string, address: Address.Address): Effect.Effect<Link, DialError, Scope.Scope> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        const socket = openConnection(address, this.config)
        this.#dialing.add(socket)
        this.counters.links(1)
        return restore(this.#withinDialTimeout(text, awaitOpen(socket, text))).pipe(
          Effect.onExit((exit) =>
            Effect.sync(() => {
              this.#dialing.delete(socket)
              this.counters.links(-1)
              if (Exit.isFailure(exit)) socket.destroy()
            })
          ),
          Effect.catchIf(
            () => this.#closing,
            () => this.#cannotDial(text, "closed", "the transport was closed")
          ),
          Effect.flatMap(() => {
            // Both may have come to pass since the socket said that it is open.
            if (this.#closing) {
              socket.destroy()
              return this.#cannotDial(text, "closed", "the transport was closed")
            }
            if (socket.destroyed) return this.#cannotDial(text, "refused", "the far end hung up at once")
            const link = this.#open(socket)
            this.counters.dialed(1)
            return Effect.as(
              Effect.addFinalizer(() => link.close("abort")),
              link
            )
          })
        )
      })
    )
  }

  #withinDialTimeout(text: string, open: Effect.Effect<void, DialError>): Effect.Effect<void, DialError> {
    const { dialTimeoutMillis } = this.config
    return Effect.timeoutOrElse(open, {
      duration: dialTimeoutMillis,
      orElse: () => this.#cannotDial(text, "timeout", `no answer in ${dialTimeoutMillis} ms`)
    })
  }

  get #full(): boolean {
    return this.#links.size + this.#dialing.size >= this.config.maxLinks
  }

  #open(socket: Socket): TcpLink {
    const link = new TcpLink(this, socket)
    this.#links.add(link)
    this.counters.links(1)
    return link
  }

  readonly handshakeDone = (link: TcpLink): void => {
    const cancel = this.#handshakes.get(link)
    if (cancel === undefined) return
    this.#handshakes.delete(link)
    this.counters.handshakes(-1)
    cancel()
  }

  readonly released = (link: TcpLink): void => {
    if (!link.hasFrames) this.#arrivals.delete(link)
    this.#releaseIfGone(link)
  }

  /** A link that is over but waits to be taken keeps its slot, or an idle consumer would let them pile up. */
  readonly #releaseIfGone = (link: TcpLink): void => {
    if (!link.isOver || this.#arrivals.has(link)) return
    if (this.#links.delete(link)) this.counters.links(-1)
  }

  /** Aborts every link and every dial under way, and resolves when the links' descriptors are free. */
  readonly shutdown: Effect.Effect<void> = Effect.suspend(() => {
    this.#closing = true
    const links = [...this.#links]
    for (const link of links) link.abort("local", "the transport was closed")
    for (const socket of this.#dialing) socket.destroy(new Error("the transport was closed"))
    this.#arrivals.end()
    return Effect.forEach(links, (link) => link.released, { discard: true })
  })
}
