/**
 * The messages of a topic in the order in which each incarnation of a source published them: one that is late holds back
 * what follows it, until the core delivers it or gives it up. Kept once for all subscribers of the topic that want order,
 * since what may be handed on is the same for all.
 *
 * Whether something is still to come is asked of the core (`firstMissing`) and not remembered here: a subscriber that
 * comes in mid-stream, a source known from before, a message that a validator rejected need no rule of their own.
 */
import type { Delivery } from "../Broadcast.ts"

/** A message, or the messages from `sequence` on that are given up, in its place. */
interface Item {
  readonly sequence: number
  readonly delivery: Delivery
}

interface Waiting {
  readonly source: string
  readonly epoch: number
  /** Ascending by sequence. */
  readonly items: Array<Item>
  /** Everything below this has been handed on or given up here, whatever the core still awaits. */
  after: number
}

export interface InOrder {
  /** Puts a delivery in its place. Nothing is handed on before `release`. */
  readonly add: (source: string, epoch: number, sequence: number, delivery: Delivery) => void
  /** Hands on what waits for nothing any more. To be called after all outputs of a turn are here. */
  readonly release: () => void
}

export const makeInOrder = (options: {
  readonly topic: string
  /** How many deliveries may wait. */
  readonly capacity: number
  /** The lowest sequence of an incarnation that may still come; infinite if none may. */
  readonly firstMissing: (source: string, epoch: number) => number
  readonly handOn: (delivery: Delivery) => void
}): InOrder => {
  const { capacity, firstMissing, handOn, topic } = options
  const waiting = new Map<string, Waiting>()
  let size = 0

  const add = (source: string, epoch: number, sequence: number, delivery: Delivery): void => {
    const key = `${epoch}:${source}`
    let of = waiting.get(key)
    if (of === undefined) {
      of = { source, epoch, items: [], after: 0 }
      waiting.set(key, of)
    }
    const late = lateness(delivery, sequence, of.after)
    if (late === undefined) return
    let at = of.items.length
    while (at > 0 && (of.items[at - 1]?.sequence ?? 0) > sequence) at--
    of.items.splice(at, 0, { sequence, delivery: late })
    size++
  }

  /** What of a delivery was not given up here before: the reader has gone past it. */
  const lateness = (delivery: Delivery, sequence: number, after: number): Delivery | undefined => {
    if (sequence >= after) return delivery
    if (delivery._tag === "Message" || delivery.cause === "subscriber" || delivery.last < after) return undefined
    return { ...delivery, first: after, missed: delivery.last - after + 1 }
  }

  const releaseBelow = (of: Waiting, bound: number): void => {
    let done = 0
    for (const { delivery, sequence } of of.items) {
      if (sequence >= bound) break
      handOn(delivery)
      done++
    }
    of.items.splice(0, done)
    size -= done
  }

  /** Goes over the oldest gap of the source for which most waits. */
  const giveUp = (): void => {
    let most: Waiting | undefined
    for (const of of waiting.values()) if (most === undefined || of.items.length > most.items.length) most = of
    const next = most?.items[0]
    if (most === undefined || next === undefined) return
    const { epoch, source } = most
    const first = Math.max(most.after, firstMissing(source, epoch))
    const last = next.sequence - 1
    if (last >= first) {
      handOn({ _tag: "Lagged", cause: "network", topic, source, epoch, first, last, missed: last - first + 1 })
    }
    // What follows without a gap goes with it.
    let after = next.sequence
    for (const { delivery, sequence } of most.items) {
      if (sequence !== after) break
      after = delivery._tag === "Lagged" && delivery.cause === "network" ? delivery.last + 1 : sequence + 1
    }
    most.after = after
    releaseBelow(most, after)
  }

  const overflows = (): boolean => size > capacity

  const release = (): void => {
    for (const [key, of] of waiting) {
      const missing = firstMissing(of.source, of.epoch)
      releaseBelow(of, missing)
      if (of.items.length === 0 && of.after <= missing) waiting.delete(key)
    }
    while (overflows()) giveUp()
  }

  return { add, release }
}
