/** A connection through the fault proxy: two sockets, and a pipe for each direction. */
import * as Random from "@hyparview/core/Random"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { Socket } from "node:net"
import { connect } from "node:net"
import { checkCut, checkShape, type Ending, Pipe, type Shape } from "./pipe.ts"

/**
 * Where bytes go: from who has connected to the one behind the proxy (`toServer`), or back (`toClient`).
 *
 * @category models
 * @since 0.1.0
 */
export type Direction = "toServer" | "toClient"

/**
 * One connection through the proxy. What is done to one that has ended does nothing.
 *
 * @category models
 * @since 0.1.0
 */
export interface Connection {
  /** Counts from 0, in the order in which they came. */
  readonly number: number
  /** Bytes that have passed. */
  readonly passed: Readonly<Record<Direction, number>>
  readonly isOpen: () => boolean
  /** From now on, for this connection alone. */
  readonly shape: (direction: Direction | "both", shape: Shape) => Effect.Effect<void>
  /**
   * Ends the connection when so many bytes more have passed in a direction: exactly so many (a whole number), none if 0. The receiver's side
   * ends as `ending` says; the other is reset.
   *
   * With `none` the receiver is not told: for it the connection is half-open from then on, as if the other end had lost its power.
   * It is open (`isOpen`) until the receiver gives up, in order or not, which is answered by a reset; only `reset` does anything to it.
   */
  readonly cutAfter: (direction: Direction, bytes: number, ending: Ending) => Effect.Effect<void>
  /** Resets both sides now. */
  readonly reset: Effect.Effect<void>
  /** Waits until both sides are gone; of a half-open one, until whoever was left has given up. */
  readonly ended: Effect.Effect<void>
}

const directions: Record<Direction, true> = { toServer: true, toClient: true }

/** Throws if there is no such direction: a misspelt one would be taken for both. */
const checkOneDirection = (direction: Direction, more = ""): void => {
  if (Object.hasOwn(directions, direction)) return
  const what = JSON.stringify(direction)
  throw new RangeError(`fault proxy, direction: one is "toServer" or "toClient"${more}, not ${what}`)
}

export const checkDirection = (direction: Direction | "both"): void => {
  if (direction !== "both") checkOneDirection(direction, ', or "both"')
}

/**
 * Resets a side. Not one whose last byte and end the kernel has taken: libuv refuses that, and Node would keep the descriptor
 * for ever. There is nothing left to take back then.
 */
const reset = (socket: Socket): void => {
  if (socket.destroyed) return
  if (socket.writableEnded && socket.writableLength === 0) socket.destroy()
  else socket.resetAndDestroy()
}

export class ProxiedConnection implements Connection {
  readonly number: number
  readonly #client: Socket
  readonly #server: Socket
  readonly #pipes: Readonly<Record<Direction, Pipe>>
  readonly #ended = Deferred.makeUnsafe<void>()
  #onEnded: (() => void) | undefined
  #sides = 2
  /** Who believes that the connection lives, if the other is gone. */
  #survivor: Socket | undefined

  constructor(options: {
    readonly number: number
    readonly client: Socket
    readonly to: { readonly host: string; readonly port: number }
    readonly seed: number
    readonly bufferBytes: number
    readonly shapes: Readonly<Record<Direction, Shape>>
  }) {
    const { bufferBytes, client, number, seed, shapes, to } = options
    this.number = number
    this.#client = client
    this.#server = connect({ ...to, allowHalfOpen: true, noDelay: true })
    const random = Random.seededFor(seed, number)
    const pipe = (direction: Direction, from: Socket, into: Socket): Pipe =>
      new Pipe({
        from,
        into,
        random,
        bufferBytes,
        shape: shapes[direction],
        onCut: (ending) => this.#cut(into, ending)
      })
    this.#pipes = {
      toServer: pipe("toServer", client, this.#server),
      toClient: pipe("toClient", this.#server, client)
    }
    for (const socket of [client, this.#server]) {
      // A side that breaks takes the other along: the proxy hides no end.
      socket.on("error", () => this.#break())
      socket.on("end", () => {
        if (socket === this.#survivor) this.#break()
      })
      socket.on("close", () => this.#onClose())
    }
  }

  get passed(): Readonly<Record<Direction, number>> {
    return { toServer: this.#pipes.toServer.passed, toClient: this.#pipes.toClient.passed }
  }

  readonly isOpen = (): boolean => this.#sides > 0

  readonly shape = (direction: Direction | "both", shape: Shape): Effect.Effect<void> =>
    Effect.sync(() => {
      checkDirection(direction)
      checkShape(shape)
      if (direction !== "toClient") this.#pipes.toServer.shape(shape)
      if (direction !== "toServer") this.#pipes.toClient.shape(shape)
    })

  readonly cutAfter = (direction: Direction, bytes: number, ending: Ending): Effect.Effect<void> =>
    Effect.sync(() => {
      checkOneDirection(direction)
      this.#pipes[direction].cutAfter(bytes, ending)
    })

  readonly reset: Effect.Effect<void> = Effect.sync(() => this.#break())

  get ended(): Effect.Effect<void> {
    return Deferred.await(this.#ended)
  }

  onEnded(then: () => void): void {
    this.#onEnded = then
  }

  #cut(into: Socket, ending: Ending): void {
    const other = into === this.#client ? this.#server : this.#client
    this.#stop()
    if (ending === "none") {
      this.#survivor = into
      // Read and thrown away, also what the pipe would not take.
      into.resume()
    } else if (ending === "rst") reset(into)
    // What has passed must arrive before the end does.
    else into.end(() => into.destroy())
    reset(other)
  }

  #break(): void {
    this.#stop()
    for (const socket of [this.#client, this.#server]) reset(socket)
  }

  #stop(): void {
    this.#pipes.toServer.stop()
    this.#pipes.toClient.stop()
  }

  #onClose(): void {
    if (--this.#sides > 0) {
      if (this.#survivor?.destroyed === false) return
      // Both ends in order were seen, or one side is gone and the other has nobody to speak to.
      if (!this.#client.writableEnded || !this.#server.writableEnded) this.#break()
      return
    }
    this.#stop()
    this.#onEnded?.()
    Deferred.doneUnsafe(this.#ended, Effect.void)
  }
}

/** What is left of a connection that has ended: nothing that is done to it does anything, but what makes no sense dies. */
export const endedConnection = ({ number, passed }: Connection): Connection => ({
  number,
  passed,
  isOpen: () => false,
  shape: (direction, shape) =>
    Effect.sync(() => {
      checkDirection(direction)
      checkShape(shape)
    }),
  cutAfter: (direction, bytes, ending) =>
    Effect.sync(() => {
      checkOneDirection(direction)
      checkCut(bytes, ending)
    }),
  reset: Effect.void,
  ended: Effect.void
})
