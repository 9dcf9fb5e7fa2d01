/**
 * Accepted links that nobody has taken yet, in the order of their arrival. A link that ends before it is taken leaves,
 * unless it left frames to be read: who dials, sends one message and closes in order has been heard.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { Link } from "@hyparview/runtime/Transport"
import { acceptedFrom } from "@hyparview/runtime/Transport"
import type { TcpLink } from "./link.ts"

type Next = Effect.Effect<TcpLink, Cause.Done>

export class Arrivals {
  readonly #links = new Set<TcpLink>()
  #taker: ((effect: Next) => void) | undefined
  #ended = false

  readonly #taken: (link: TcpLink) => void

  /** `taken` hears of each link as it is handed out. */
  constructor(taken: (link: TcpLink) => void) {
    this.#taken = taken
  }

  add(link: TcpLink): void {
    this.#links.add(link)
    this.#wake()
  }

  delete(link: TcpLink): void {
    this.#links.delete(link)
  }

  has(link: TcpLink): boolean {
    return this.#links.has(link)
  }

  /** The stream ends when the links that wait are taken. */
  end(): void {
    this.#ended = true
    this.#wake()
  }

  #wake(): void {
    const taker = this.#taker
    this.#taker = undefined
    taker?.(this.#next)
  }

  readonly #next: Next = Effect.suspend(() => {
    const [first] = this.#links
    if (first === undefined) return this.#ended ? Cause.done() : this.#arrival
    this.#links.delete(first)
    this.#taken(first)
    return Effect.succeed(first)
  })

  readonly #arrival: Next = Effect.callback<TcpLink, Cause.Done>((resume) => {
    if (this.#links.size > 0 || this.#ended) return resume(this.#next)
    this.#taker = resume
    return Effect.sync(() => {
      this.#taker = undefined
    })
  })

  readonly stream: Stream.Stream<Link> = acceptedFrom(this.#next)
}
