/**
 * The messages of a topic in the order in which each incarnation of a source published them: one that is late holds back
 * what follows it, until the core delivers it or gives it up. Kept once for all subscribers of the topic that want order,
 * since what may be handed on is the same for all.
 *
 * Whether something is still to come is asked of the core (`firstMissing`) and not remembered here: a subscriber that
 * comes in mid-stream, a source known from before, a message that a validator rejected need no rule of their own. What is
 * remembered is how far each incarnation has been handed on: the core may still deliver an older message that it did not
 * owe when a newer one came (rule R5), and that one is too late to be handed on in order. It is told as lagged.
 */
import type { Delivery } from "./messages.ts"

/** A message, or the messages from `sequence` on that are given up, in its place. */
interface Item {
  readonly sequence: number
  readonly delivery: Delivery
}

interface Incarnation {
  readonly source: string
  readonly epoch: number
  /** What waits, ascending by sequence. */
  readonly items: Array<Item>
  /** Everything below this has been handed on or given up here, whatever the core still awaits. */
  after: number
  /** Above every message that has been handed on. */
  next: number
  /** Above everything that has been told to be lost. */
  told: number
}

/** Two spans of lost messages as one, if they touch. */
const joined = (one: Item | undefined, other: Item | undefined): Item | undefined => {
  const before = one?.delivery
  const after = other?.delivery
  if (before?._tag !== "Lagged" || before.cause === "subscriber") return undefined
  if (after?._tag !== "Lagged" || after.cause === "subscriber" || after.first !== before.last + 1) return undefined
  const { first } = before
  return { sequence: first, delivery: { ...before, last: after.last, missed: after.last - first + 1 } }
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
  /** Of how many incarnations for which nothing waits it is remembered how far they have been handed on. */
  readonly idleSize: number
  /** The lowest sequence of an incarnation that may still come; infinite if none may. */
  readonly firstMissing: (source: string, epoch: number) => number
  /** Of these sequences those that have never come, and were not given up, as runs. */
  readonly notSeen: (source: string, epoch: number, first: number, last: number) => ReadonlyArray<number>
  readonly handOn: (delivery: Delivery) => void
}): InOrder => {
  const { capacity, firstMissing, handOn, idleSize, notSeen, topic } = options
  const waiting = new Map<string, Incarnation>()
  /** Those for which nothing waits, the one that has been so for longest first. */
  const idle = new Map<string, Incarnation>()
  let size = 0

  const incarnationOf = (source: string, epoch: number): Incarnation => {
    const key = `${epoch}:${source}`
    const known = waiting.get(key)
    if (known !== undefined) return known
    const incarnation = idle.get(key) ?? { source, epoch, items: [], after: 0, next: 0, told: 0 }
    idle.delete(key)
    waiting.set(key, incarnation)
    return incarnation
  }

  const rest = (key: string, incarnation: Incarnation): void => {
    waiting.delete(key)
    idle.set(key, incarnation)
    if (idle.size <= idleSize) return
    for (const eldest of idle.keys()) {
      idle.delete(eldest)
      return
    }
  }

  const add = (source: string, epoch: number, sequence: number, delivery: Delivery): void => {
    const incarnation = incarnationOf(source, epoch)
    const item = remaining(incarnation, sequence, delivery)
    if (item === undefined) return
    let at = incarnation.items.length
    while (at > 0 && (incarnation.items[at - 1]?.sequence ?? 0) > item.sequence) at--
    // Spans of lost messages that touch are one.
    const before = joined(incarnation.items[at - 1], item)
    const whole = joined(before ?? item, incarnation.items[at])
    const from = before === undefined ? at : at - 1
    const upTo = whole === undefined ? at : at + 1
    incarnation.items.splice(from, upTo - from, whole ?? before ?? item)
    size += 1 - (upTo - from)
  }

  /** What can be said of a delivery to a reader who may have gone past it: nothing, if it was given up here before. */
  const remaining = (incarnation: Incarnation, sequence: number, delivery: Delivery): Item | undefined => {
    const { after, epoch, next, source } = incarnation
    if (delivery._tag === "Message") {
      if (sequence < after) return undefined
      if (sequence >= next) return { sequence, delivery }
      const span = { first: sequence, last: sequence, missed: 1 }
      return { sequence, delivery: { _tag: "Lagged", cause: "network", topic, source, epoch, ...span } }
    }
    if (delivery.cause === "subscriber" || delivery.last < after) return undefined
    const first = Math.max(after, delivery.first)
    return { sequence: first, delivery: { ...delivery, first, missed: delivery.last - first + 1 } }
  }

  /**
   * What is older than the first message of a source is not owed (rule R5), and may have come in part. Then nobody else says
   * what is missing between that part and the rest.
   */
  const tellHole = (incarnation: Incarnation, upTo: number): void => {
    const { after, epoch, next, source, told } = incarnation
    // A source that made room, and comes again, has forgotten what it gave up.
    const runs = notSeen(source, epoch, Math.max(next, after, told), upTo - 1)
    for (let i = 0; i + 1 < runs.length; i += 2) {
      const first = runs[i] ?? 0
      const last = runs[i + 1] ?? 0
      handOn({ _tag: "Lagged", cause: "network", topic, source, epoch, first, last, missed: last - first + 1 })
    }
    incarnation.after = Math.max(after, upTo)
  }

  const releaseBelow = (incarnation: Incarnation, bound: number): void => {
    let done = 0
    for (const { delivery, sequence } of incarnation.items) {
      if (sequence >= bound) break
      if (sequence > incarnation.next && incarnation.next > 0) tellHole(incarnation, sequence)
      handOn(delivery)
      if (delivery._tag === "Message") incarnation.next = sequence + 1
      else if (delivery.cause === "network") incarnation.told = Math.max(incarnation.told, delivery.last + 1)
      done++
    }
    incarnation.items.splice(0, done)
    size -= done
  }

  /** Goes over the oldest gap of the source for which most waits. */
  const giveUp = (): void => {
    let most: Incarnation | undefined
    for (const incarnation of waiting.values())
      if (most === undefined || incarnation.items.length > most.items.length) most = incarnation
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
    for (const [key, incarnation] of waiting) {
      const missing = firstMissing(incarnation.source, incarnation.epoch)
      releaseBelow(incarnation, missing)
      if (incarnation.items.length === 0 && incarnation.after <= missing) rest(key, incarnation)
    }
    while (overflows()) giveUp()
  }

  return { add, release }
}
