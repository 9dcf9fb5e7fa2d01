/**
 * Kept messages, packed: their numbers in one array, their payloads one after the other in another. A record with its payload
 * is five objects, of which a node keeps thousands for minutes; a collector that went through all of them, again and again, took
 * half of the time of a process of a hundred busy nodes. A page is six objects, whatever it holds.
 *
 * @since 0.1.0
 */
import type { Key } from "../Peer.ts"
import { joined } from "./Room.ts"
import type { Kept, Page } from "./State.ts"

// The numbers of a message: its sequence, when it was published by its source's clock and by ours, its round, and where in
// `payloads` it ends.
const publishedAt = 1
const bornAt = 2
const round = 3
const end = 4
const width = 5

/** Packs messages, by ascending sequence. */
export const pack = <I extends Key>(records: ReadonlyArray<Kept<I>>): Page<I> => {
  const numbers = new Float64Array(records.length * width)
  let bytes = 0
  records.forEach((kept, index) => {
    const at = index * width
    bytes += kept.payload.byteLength
    numbers[at] = kept.sequence
    numbers[at + publishedAt] = kept.publishedAt
    numbers[at + bornAt] = kept.bornAt
    numbers[at + round] = kept.round
    numbers[at + end] = bytes
  })
  const payloads = joined(
    records.map(({ payload }) => payload),
    bytes
  )
  return { numbers, payloads, parents: records.map(({ parent }) => parent) }
}

/** How many messages it holds. */
export const sizeOf = <I extends Key>({ parents }: Page<I>): number => parents.length

/** The sequence of the message at an index. */
export const sequenceAt = <I extends Key>({ numbers }: Page<I>, index: number): number => numbers[index * width] ?? -1

/** When the message at an index was published, by our clock. */
export const bornAtOf = <I extends Key>({ numbers }: Page<I>, index: number): number =>
  numbers[index * width + bornAt] ?? 0

/** The highest sequence in it; −1: there is no page. */
export const lastOf = <I extends Key>(page: Page<I> | undefined): number =>
  page === undefined ? -1 : sequenceAt(page, sizeOf(page) - 1)

/** How many bytes the payloads of the first so many messages have together. */
export const payloadBytesBefore = <I extends Key>({ numbers }: Page<I>, index: number): number =>
  index === 0 ? 0 : (numbers[(index - 1) * width + end] ?? 0)

/** The record of the message at an index. Its payload is a view: the page stays in memory for as long as that does. */
export const keptAt = <I extends Key>(page: Page<I>, index: number): Kept<I> => {
  const { numbers, parents, payloads } = page
  const at = index * width
  const begin = payloadBytesBefore(page, index)
  return {
    sequence: numbers[at] ?? -1,
    // Of what somebody has transferred away after all nothing is left, and there is no view of it.
    payload: payloads.byteLength === 0 ? payloads : payloads.subarray(begin, numbers[at + end]),
    round: numbers[at + round] ?? 0,
    parent: parents[index],
    publishedAt: numbers[at + publishedAt] ?? 0,
    bornAt: numbers[at + bornAt] ?? 0
  }
}

/** The first index whose sequence is not below this one. */
export const place = <I extends Key>(page: Page<I>, sequence: number): number => {
  let low = 0
  let high = sizeOf(page)
  while (low < high) {
    const middle = (low + high) >> 1
    if (sequenceAt(page, middle) < sequence) low = middle + 1
    else high = middle
  }
  return low
}

/** Whether no message in it was published before an instant, by our clock. */
export const isNoneOlder = <I extends Key>(page: Page<I>, instant: number): boolean => {
  for (let i = 0; i < sizeOf(page); i++) if (bornAtOf(page, i) < instant) return false
  return true
}
