/**
 * One transport's links and its limits. A connection takes one of `maxLinks` slots from its dial or accept until its
 * descriptor is free; an accepted one takes one of `maxHandshakes` as well, until its first frame, TLS included. What
 * finds no slot is reset at once, without a fiber and before TLS takes memory for it, so that a flood costs little more
 * than the kernel's own work.
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
import type { Connection, Security } from "./security.ts"
import type { Shortages } from "./shortage.ts"
import { abort, awaitOpen, openConnection } from "./socket.ts"

/** An accepted connection without a first frame. */
interface Greeting {
  /** Cancels its time-out. */
  cancel: () => void
  /** Once it is secured. */
  link: TcpLink | undefined
}

export class Endpoint implements Owner {
  readonly config: TcpConfig
  readonly counters: Counters
  readonly after: Owner["after"]

  readonly #links = new Set<TcpLink>()
  readonly #arrivals = new Arrivals((link) => this.#releaseIfGone(link))
  readonly #handshakes = new Map<Socket, Greeting>()
  /** Accepted connections that are not secured yet. */
  readonly #securing = new Set<Socket>()
  readonly #dialing = new Set<Socket>()
  #closing = false

  readonly #security: Security

  readonly #shortages: Shortages

  constructor(config: TcpConfig, security: Security, counters: Counters, shortages: Shortages, after: Owner["after"]) {
    this.config = config
    this.#security = security
    this.counters = counters
    this.#shortages = shortages
    this.after = after
  }

  get accepted() {
    return this.#arrivals.stream
  }

  readonly accept = (raw: Socket): void => {
    raw.on("error", () => {})
    const refusal = this.#refusal()
    if (refusal !== undefined) {
      if (refusal === "closing") this.counters.refused.closing(1)
      else this.#shortages.refused(refusal, raw)
      abort({ raw, socket: raw })
      return
    }
    this.#shortages.accepted(raw)
    const greeting: Greeting = { cancel: () => {}, link: undefined }
    greeting.cancel = this.after(this.config.handshakeTimeoutMillis, () => this.#onStalled(raw, greeting))
    this.#handshakes.set(raw, greeting)
    this.counters.handshakes(1)
    this.#securing.add(raw)
    this.counters.links(1)
    raw.on("close", () => this.#onUnsecured(raw))
    this.#security.accept(raw, (connection) => {
      if (!this.#secured(raw)) return
      const link = this.#open(connection)
      greeting.link = link
      this.counters.accepted(1)
      this.#arrivals.add(link)
    })
  }

  /** Not any more a connection to be secured; false if it was none. */
  #secured(raw: Socket): boolean {
    const was = this.#securing.delete(raw)
    if (was) this.counters.links(-1)
    return was
  }

  #onUnsecured(raw: Socket): void {
    if (this.#secured(raw)) this.handshakeDone(raw)
  }

  #onStalled(raw: Socket, { link }: Greeting): void {
    if (link === undefined) this.#security.giveUp(raw, "stalled")
    else link.abort("handshakeTimeout", `no first frame in ${this.config.handshakeTimeoutMillis} ms`)
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
        const secured = Effect.flatMap(awaitOpen(socket, text), () => this.#security.dial(socket, text))
        return restore(this.#withinDialTimeout(text, secured)).pipe(
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
          Effect.flatMap((connection) => {
            // Both may have come to pass since the socket said that it is open.
            if (this.#closing) {
              socket.destroy()
              return this.#cannotDial(text, "closed", "the transport was closed")
            }
            if (connection.socket.destroyed) return this.#cannotDial(text, "refused", "the far end hung up at once")
            const link = this.#open(connection)
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

  #withinDialTimeout<A>(text: string, open: Effect.Effect<A, DialError>): Effect.Effect<A, DialError> {
    const { dialTimeoutMillis } = this.config
    return Effect.timeoutOrElse(open, {
      duration: dialTimeoutMillis,
      orElse: () => this.#cannotDial(text, "timeout", `no answer in ${dialTimeoutMillis} ms`)
    })
  }

  get #full(): boolean {
    return this.#links.size + this.#dialing.size + this.#securing.size >= this.config.maxLinks
  }

  #open(connection: Connection): TcpLink {
    const link = new TcpLink(this, connection)
    this.#links.add(link)
    this.counters.links(1)
    return link
  }

  readonly handshakeDone = (raw: Socket): void => {
    const greeting = this.#handshakes.get(raw)
    if (greeting === undefined) return
    this.#handshakes.delete(raw)
    this.counters.handshakes(-1)
    greeting.cancel()
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

  /** Aborts every link, dial and handshake under way, and resolves when the links' descriptors are free. */
  readonly shutdown: Effect.Effect<void> = Effect.suspend(() => {
    this.#closing = true
    const links = [...this.#links]
    for (const link of links) link.abort("local", "the transport was closed")
    for (const socket of this.#dialing) socket.destroy(new Error("the transport was closed"))
    for (const raw of this.#securing) this.#security.giveUp(raw, "closing")
    this.#arrivals.end()
    return Effect.forEach(links, (link) => link.released, { discard: true })
  })
}
