/**
 * What waits for one subscriber of a topic: bounded in number and in bytes. One that does not keep up loses what does not
 * fit, and finds in its stead, at the place where it is missing, how much that was.
 *
 * Its reader is woken once for all that a turn of the node brings, since that costs as much as to receive a message;
 * sooner if what waits fills an eighth of the inbox, so that a reader who keeps up loses nothing.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"

export class Inbox<A> {
  readonly #capacity: number
  readonly #capacityHeld: number
  readonly #capacityBytes: number
  readonly #onFirst: () => void
  readonly #lagged: (missed: number) => A
  #items: Array<A> = []
  /** How many of them had been held back. */
  #held = 0
  #bytes = 0
  #missed = 0
  #closed = false
  #ended = false
  #taker: ((items: Effect.Effect<Arr.NonEmptyArray<A>, Cause.Done>) => void) | undefined

  /** `onFirst` hears that there is something to take, where nothing was: `wake` is to be called before long. */
  constructor(
    bounds: { readonly messages: number; readonly held?: number; readonly bytes: number },
    lagged: (missed: number) => A,
    onFirst: () => void
  ) {
    this.#capacity = bounds.messages
    this.#capacityHeld = bounds.held ?? 0
    this.#capacityBytes = bounds.bytes
    this.#lagged = lagged
    this.#onFirst = onFirst
  }

  /**
   * Whether it was taken; false if it is missed, and with it the `messages` of which it tells. A single item fits whatever
   * its size. `held`: it was held back, and comes with many others, which its reader is not to blame for: up to so many of these may
   * wait beside the others. So may what comes before `release`.
   */
  offer(item: A, bytes: number, messages = 1, held = false): boolean {
    const waiting = this.#items.length
    const isBlameless = held || this.#closed
    const beside = Math.min(this.#capacityHeld, isBlameless ? this.#held + 1 : this.#held)
    const full = waiting - beside >= this.#capacity || (waiting > 0 && this.#bytes + bytes > this.#capacityBytes)
    // What follows a loss is lost too, until the reader has come: so that one number tells of the whole gap.
    if (full || this.#missed > 0) {
      this.#missed += messages
      return false
    }
    this.#items.push(item)
    this.#bytes += bytes
    if (isBlameless) this.#held++
    if (8 * waiting >= this.#capacity || 8 * this.#bytes >= this.#capacityBytes) this.wake()
    else if (waiting === 0) this.#onFirst()
    return true
  }

  /** Hands out nothing until `release`. */
  hold(): void {
    this.#closed = true
  }

  /**
   * Ends a `hold`: hands out what is made of what waits, with the past before it, seeing for how many bytes there is room.
   * It may be more in number than otherwise may wait, but not in bytes.
   */
  release(
    withPast: (waiting: ReadonlyArray<A>, roomBytes: number) => ReadonlyArray<A>,
    bytesOf: (item: A) => number
  ): void {
    this.#closed = false
    this.#items = [...withPast(this.#items, Math.max(0, this.#capacityBytes - this.#bytes))]
    this.#bytes = 0
    for (const item of this.#items) this.#bytes += bytesOf(item)
    this.wake()
  }

  /** Nothing more comes: its reader is done after what waits, whether it is held or not. */
  end(): void {
    this.#ended = true
    this.#closed = false
    this.wake()
  }

  /** All that waits, as soon as there is something. One reader. */
  readonly take: Effect.Effect<Arr.NonEmptyArray<A>, Cause.Done> = Effect.callback((resume) => {
    this.#taker = resume
    this.wake()
    return Effect.sync(() => {
      this.#taker = undefined
    })
  })

  /** Hands what waits to a reader who waits. */
  wake(): void {
    const taker = this.#taker
    const items = this.#items
    if (taker === undefined || this.#closed) return
    if (!Arr.isArrayNonEmpty(items)) {
      if (this.#ended) taker(Cause.done())
      return
    }
    if (this.#missed > 0) items.push(this.#lagged(this.#missed))
    this.#items = []
    this.#held = 0
    this.#bytes = 0
    this.#missed = 0
    this.#taker = undefined
    taker(Effect.succeed(items))
  }
}
