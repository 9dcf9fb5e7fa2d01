/**
 * The messages of a topic in the order in which each incarnation of a source published them: one that is late holds back
 * what follows it, until the core delivers it or gives it up. Kept once for all subscribers of the topic that want order,
 * since what may be handed on is the same for all.
 *
 * Whether something is still to come is asked of the core (`firstMissing`) and not remembered here: a subscriber that
 * comes in mid-stream, or a source known from before, needs no rule of its own. What is remembered is what became of each
 * message from the first one on that was handed on: what became of none of them when a later one is handed on is told as
 * lagged, whether the core will say so, or does not owe it and passes over it in silence (rules R5 and R8). A message older
 * than the first, which the core may still deliver, is too late to be handed on in order. It is told as lagged.
 */
import type { Delivery } from "./messages.ts"
import { append, atMost, fromOn, outside, reaching, type Runs, withRun } from "./runs.ts"

/** A message, or the messages from `sequence` on that are given up, in its place. */
interface Item {
  readonly sequence: number
  readonly delivery: Delivery
  /** The turn in which it came. */
  readonly turn: number
}

interface Incarnation {
  readonly source: string
  readonly epoch: number
  /** What waits, ascending by sequence. */
  readonly items: Array<Item>
  /** Bytes of payload of what waits. */
  bytes: number
  /** The lowest that has been handed on; infinite while none has. */
  low: number
  /** From `low` up to this, which is not included, everything has been handed on, refused or told to be lost; else 0. */
  done: number
  /**
   * What was refused from there on, or was over before anybody spoke of the source here: nothing is said of it. As many runs as
   * deliveries may wait; of more nothing is said of what lies between the earliest either.
   */
  quiet: Array<number>
}

const lastOf = ({ delivery, sequence }: Pick<Item, "delivery" | "sequence">): number =>
  delivery._tag === "Lagged" && delivery.cause === "network" ? delivery.last : sequence

const highest = Number.MAX_SAFE_INTEGER

/** Two spans of lost messages as one, if they touch. */
const joined = (one: Item | undefined, other: Item | undefined): Item | undefined => {
  const before = one?.delivery
  const after = other?.delivery
  if (before?._tag !== "Lagged" || before.cause === "subscriber") return undefined
  if (after?._tag !== "Lagged" || after.cause === "subscriber" || after.first !== before.last + 1) return undefined
  const { first } = before
  return {
    sequence: first,
    turn: Math.min(one?.turn ?? 0, other?.turn ?? 0),
    delivery: { ...before, last: after.last, missed: after.last - first + 1 }
  }
}

/** Where the first stands that is above a sequence. Nearly always that is the end. */
const placeAfter = (items: ReadonlyArray<Item>, sequence: number): number => {
  let low = 0
  let high = items.length
  if ((items[high - 1]?.sequence ?? -1) <= sequence) return high
  while (low < high) {
    const middle = (low + high) >> 1
    if ((items[middle]?.sequence ?? 0) <= sequence) low = middle + 1
    else high = middle
  }
  return low
}

export interface InOrder {
  /** Puts a delivery in its place. Nothing is handed on before `release`. */
  readonly add: (source: string, epoch: number, sequence: number, delivery: Delivery) => void
  /** Something will be said of an incarnation: what is over before that is none of what is told to be lost. */
  readonly expect: (source: string, epoch: number) => void
  /** A message was refused: nothing is said of it. */
  readonly refuse: (source: string, epoch: number, sequence: number) => void
  /**
   * Hands on what waits for nothing any more; whether something still waits. To be called after all outputs of a turn are here, and
   * after those of the next turns while something waits.
   */
  readonly release: () => boolean
}

export const makeInOrder = (options: {
  readonly topic: string
  /** How many deliveries may wait. */
  readonly capacity: number
  /** Bytes of payload that may wait; a single message may whatever its size. */
  readonly capacityBytes: number
  /** Of how many incarnations for which nothing waits it is remembered how far they have been handed on. */
  readonly idleSize: number
  /** The lowest sequence of an incarnation that may still come; infinite if none may. */
  readonly firstMissing: (source: string, epoch: number) => number
  /** Of these sequences those that were neither delivered, nor refused, nor given up, as runs. */
  readonly missingOf: (source: string, epoch: number, first: number, last: number) => Runs
  /** `held`: it has waited, so that more may come at once than whoever it is handed to has done anything about. */
  readonly handOn: (delivery: Delivery, held: boolean) => void
}): InOrder => {
  const { capacity, capacityBytes, firstMissing, handOn, idleSize, missingOf, topic } = options
  const waiting = new Map<string, Incarnation>()
  /** Those for which nothing waits, the one that has been so for longest first. */
  const idle = new Map<string, Incarnation>()
  let size = 0
  let bytes = 0
  let turn = 0

  const keyOf = (source: string, epoch: number): string => `${epoch}:${source}`

  const incarnationOf = (source: string, epoch: number): Incarnation => {
    const key = keyOf(source, epoch)
    const known = waiting.get(key)
    if (known !== undefined) return known
    const incarnation = idle.get(key) ?? {
      source,
      epoch,
      items: [],
      bytes: 0,
      low: Infinity,
      done: 0,
      quiet: [...atMost(outside(missingOf(source, epoch, 0, highest), 0, highest), capacity)]
    }
    idle.delete(key)
    waiting.set(key, incarnation)
    return incarnation
  }

  const expect = (source: string, epoch: number): void => {
    incarnationOf(source, epoch)
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

  const lost = ({ epoch, source }: Incarnation, first: number, last: number): Delivery => {
    const span = { first, last, missed: last - first + 1 }
    return { _tag: "Lagged", cause: "network", topic, source, epoch, ...span }
  }

  const add = (source: string, epoch: number, first: number, delivery: Delivery): void => {
    const last = lastOf({ sequence: first, delivery })
    const incarnation = incarnationOf(source, epoch)
    const { done, low } = incarnation
    if (first >= done) return insert(incarnation, first, delivery)
    if (first < low) insert(incarnation, first, lost(incarnation, first, Math.min(last, low - 1)))
    if (last >= done) insert(incarnation, done, lost(incarnation, done, last))
  }

  const weigh = (incarnation: Incarnation, sign: 1 | -1, delivery: Delivery): void => {
    if (delivery._tag === "Lagged") return
    incarnation.bytes += sign * delivery.payload.byteLength
    bytes += sign * delivery.payload.byteLength
  }

  const insert = (incarnation: Incarnation, sequence: number, delivery: Delivery): void => {
    weigh(incarnation, 1, delivery)
    const { items } = incarnation
    const item = { sequence, delivery, turn }
    const at = placeAfter(items, sequence)
    // Spans of lost messages that touch are one.
    const before = joined(items[at - 1], item)
    const whole = joined(before ?? item, items[at])
    const from = before === undefined ? at : at - 1
    const upTo = whole === undefined ? at : at + 1
    items.splice(from, upTo - from, whole ?? before ?? item)
    size += 1 - (upTo - from)
  }

  const refuse = (source: string, epoch: number, sequence: number): void => {
    const key = keyOf(source, epoch)
    const incarnation = waiting.get(key) ?? idle.get(key)
    if (incarnation === undefined || sequence < incarnation.done) return
    const { quiet } = incarnation
    // Nearly always it is the latest, and there may be many.
    if (quiet.length < 2 * capacity && append(quiet, sequence)) return
    incarnation.quiet = [...atMost(withRun(quiet, sequence, sequence), capacity)]
  }

  const settle = (incarnation: Incarnation, low: number, done: number): void => {
    incarnation.low = low
    incarnation.done = done
    incarnation.quiet = [...fromOn(incarnation.quiet, done)]
  }

  const tell = (incarnation: Incarnation, runs: Runs, held: boolean): void => {
    for (let i = 0; i + 1 < runs.length; i += 2) handOn(lost(incarnation, runs[i] ?? 0, runs[i + 1] ?? 0), held)
  }

  const releaseBelow = (incarnation: Incarnation, bound: number): void => {
    const { quiet } = incarnation
    let count = 0
    /** Both ascend: what is quiet before one of them is before the next. There may be as many of these as of those. */
    let from = 0
    for (const item of incarnation.items) {
      const { delivery, sequence } = item
      const { done, low } = incarnation
      const held = item.turn < turn
      // What is too late is told at once.
      const isLate = sequence < done
      if (sequence >= bound && !isLate) break
      if (!isLate) {
        const first = low === Infinity ? sequence : done
        from = reaching(quiet, first, from)
        tell(incarnation, outside(quiet, first, sequence - 1, from), held)
        incarnation.low = Math.min(low, sequence)
        incarnation.done = lastOf(item) + 1
      }
      weigh(incarnation, -1, delivery)
      handOn(delivery, held)
      count++
    }
    if (count === 0) return
    incarnation.items.splice(0, count)
    size -= count
    settle(incarnation, incarnation.low, incarnation.done)
  }

  /** Goes over the oldest gap of the source for which most waits. */
  const giveUp = (): void => {
    const weight = size > capacity ? ({ items }: Incarnation) => items.length : (one: Incarnation) => one.bytes
    let most: Incarnation | undefined
    for (const incarnation of waiting.values())
      if (most === undefined || weight(incarnation) > weight(most)) most = incarnation
    const next = most?.items[0]
    if (most === undefined || next === undefined) return
    const { epoch, source } = most
    const first = firstMissing(source, epoch)
    // What it misses before the first that came here: nothing of it is handed on any more.
    const low = Math.min(most.low, next.sequence)
    if (first < low) {
      tell(most, missingOf(source, epoch, first, low - 1), false)
      settle(most, first, Math.max(most.done, low))
    }
    // What follows without a gap goes with it.
    let bound = next.sequence
    let from = 0
    for (const item of most.items) {
      from = reaching(most.quiet, bound, from)
      if (outside(most.quiet, bound, item.sequence - 1, from).length > 0) break
      bound = lastOf(item) + 1
    }
    releaseBelow(most, bound)
  }

  const overflows = (): boolean => size > capacity || (bytes > capacityBytes && size > 1)

  const release = (): boolean => {
    for (const [key, incarnation] of waiting) {
      const missing = firstMissing(incarnation.source, incarnation.epoch)
      releaseBelow(incarnation, missing)
      if (incarnation.items.length === 0 && incarnation.done <= missing) rest(key, incarnation)
    }
    while (overflows()) giveUp()
    turn++
    return waiting.size > 0
  }

  return { add, expect, refuse, release }
}
