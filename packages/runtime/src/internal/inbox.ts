/**
 * What waits for one subscriber of a topic: bounded in number and in bytes. One that does not keep up loses what does not
 * fit, and finds in its stead, at the place where it is missing, how much that was.
 */
import type * as Arr from "effect/Array"
import * as Effect from "effect/Effect"

export class Inbox<A> {
  readonly #capacity: number
  readonly #capacityBytes: number
  readonly #lagged: (missed: number) => A
  #items: Array<A> = []
  #bytes = 0
  #missed = 0
  #held = false
  #taker: ((items: Effect.Effect<Arr.NonEmptyArray<A>>) => void) | undefined

  constructor(bounds: { readonly messages: number; readonly bytes: number }, lagged: (missed: number) => A) {
    this.#capacity = bounds.messages
    this.#capacityBytes = bounds.bytes
    this.#lagged = lagged
  }

  /** Whether it was taken; false if it is one more that is missed. A single item fits whatever its size. */
  offer(item: A, bytes: number): boolean {
    const waiting = this.#items.length
    const full = waiting >= this.#capacity || (waiting > 0 && this.#bytes + bytes > this.#capacityBytes)
    // What follows a loss is lost too, until the reader has come: so that one number tells of the whole gap.
    if (full || this.#missed > 0) {
      this.#missed++
      return false
    }
    this.#items.push(item)
    this.#bytes += bytes
    this.#wake()
    return true
  }

  /** Hands out nothing until `release`. */
  hold(): void {
    this.#held = true
  }

  /** Ends a `hold`: hands out what the past gives, seeing what waits, and then what waits. */
  release(past: (waiting: ReadonlyArray<A>) => ReadonlyArray<A>): void {
    this.#held = false
    this.#items = [...past(this.#items), ...this.#items]
    this.#wake()
  }

  /** All that waits, as soon as there is something. One reader. */
  readonly take: Effect.Effect<Arr.NonEmptyArray<A>> = Effect.callback((resume) => {
    this.#taker = resume
    this.#wake()
    return Effect.sync(() => {
      this.#taker = undefined
    })
  })

  #wake(): void {
    const taker = this.#taker
    if (taker === undefined || this.#held) return
    const [first, ...rest] = this.#items
    if (first === undefined) return
    const items: Arr.NonEmptyArray<A> = [first, ...rest]
    if (this.#missed > 0) items.push(this.#lagged(this.#missed))
    this.#items = []
    this.#bytes = 0
    this.#missed = 0
    this.#taker = undefined
    taker(Effect.succeed(items))
  }
}
