/**
 * Messages kept for who missed them, by ascending sequence: a queue that loses its oldest as it gains new ones, and stays a
 * value. The latest stand in a list of records; once they fill a page they are packed (`Page.ts`). So adding a message copies
 * some 16 pointers, dropping the oldest of a page none, and only every 32nd time the list of pages is copied.
 *
 * Hot: a message that a node accepts is added, and once there are enough drops another.
 *
 * @since 0.1.0
 */
import type { Key } from "../Peer.ts"
import { bornAtOf, isNoneOlder, keptAt, lastOf, pack, payloadBytesBefore, place, sequenceAt, sizeOf } from "./Page.ts"
import { isSmallPart, noBytes, Room } from "./Room.ts"
import { type Held, type Kept, nothingHeld, type Page } from "./State.ts"

/** A page is closed once it has so many messages, or so many bytes of payload: a larger one would be copied for nothing. */
const pageMessages = 32
const pageBytes = 32 * 1024

/** What a kept message counts as beside its payload, in bytes: its record, if it is in no page yet, and the array's own. */
const keptOverhead = 128

/** What a kept message counts as, in bytes. */
export const bytesOf = (payload: Uint8Array): number => payload.byteLength + keptOverhead

type Records<I extends Key> = ReadonlyArray<Kept<I>>

const none: ReadonlyArray<never> = []

/** The records of a page, without the first so many. */
const recordsOf = <I extends Key>(page: Page<I>, from: number): Array<Kept<I>> => {
  const records: Array<Kept<I>> = []
  for (let i = from; i < sizeOf(page); i++) records.push(keptAt(page, i))
  return records
}

/** From which index on a page's messages are still kept. */
const firstIn = <I extends Key>({ dropped }: Held<I>, index: number): number => (index === 0 ? dropped : 0)

/** All of them, oldest first. */
export const all = <I extends Key>(held: Held<I>): Records<I> => [
  ...held.pages.flatMap((page, index) => recordsOf(page, firstIn(held, index))),
  ...held.latest
]

/** The last so many of them, oldest first: no record is made of any other. A peer may have asked for half a message. */
export const last = <I extends Key>(held: Held<I>, count: number): Records<I> => {
  const { latest, pages } = held
  const most = Math.ceil(count)
  let found: Records<I> = latest.slice(Math.max(0, latest.length - most))
  for (let index = pages.length - 1; index >= 0 && found.length < most; index--) {
    const page = pages[index]
    if (page === undefined) break
    found = [...recordsOf(page, Math.max(firstIn(held, index), sizeOf(page) - (most - found.length))), ...found]
  }
  return found
}

/** The first index in a list of records whose sequence is not below this one. */
const placeIn = <I extends Key>(records: Records<I>, sequence: number): number => {
  let low = 0
  let high = records.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((records[middle]?.sequence ?? 0) < sequence) low = middle + 1
    else high = middle
  }
  return low
}

/** The first page that reaches up to this sequence; as many as there are: none does. */
const pageOf = <I extends Key>({ pages }: Held<I>, sequence: number): number => {
  // Most questions are about the latest.
  if (lastOf(pages[pages.length - 1]) < sequence) return pages.length
  let low = 0
  let high = pages.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (lastOf(pages[middle]) < sequence) low = middle + 1
    else high = middle
  }
  return low
}

/** The kept message of a sequence. */
export const find = <I extends Key>(held: Held<I>, sequence: number): Kept<I> | undefined => {
  const { latest } = held
  const index = placeIn(latest, sequence)
  const kept = latest[index]
  if (kept?.sequence === sequence) return kept
  if (index > 0) return undefined
  const number = pageOf(held, sequence)
  const page = held.pages[number]
  if (page === undefined) return undefined
  const at = place(page, sequence)
  return at >= firstIn(held, number) && sequenceAt(page, at) === sequence ? keptAt(page, at) : undefined
}

/** The highest sequence that is kept; −1: nothing is. */
const top = <I extends Key>({ latest, pages }: Held<I>): number =>
  latest[latest.length - 1]?.sequence ?? lastOf(pages[pages.length - 1])

/** Adds a message that is not among them. */
export const add = <I extends Key>(held: Held<I>, kept: Kept<I>): Held<I> => {
  const { latest, pages } = held
  if (kept.sequence > top(held)) return withLast(held, kept)
  const number = pageOf(held, kept.sequence)
  const page = pages[number]
  if (page === undefined) {
    // Among the latest, and so among those that are in line in the room.
    const alone = isSmallPart(kept.payload) ? { ...kept, payload: new Uint8Array(kept.payload) } : kept
    return withLatest(held, inserted(latest, alone), alone.payload)
  }
  return {
    ...held,
    pages: pages.toSpliced(number, 1, ...paged(inserted(recordsOf(page, firstIn(held, number)), kept))),
    dropped: number === 0 ? 0 : held.dropped,
    count: held.count + 1,
    bytes: held.bytes + bytesOf(kept.payload)
  }
}

/** With one that is later than all. */
const withLast = <I extends Key>(held: Held<I>, kept: Kept<I>): Held<I> => {
  if (!isSmallPart(kept.payload)) return withLatest(held, appended(held.latest, kept), kept.payload)
  const bytes = kept.payload.byteLength
  const roomy = (held.room?.free ?? 0) < bytes ? moved(held, bytes) : held
  const payload = roomy.room?.append(kept.payload) ?? noBytes
  return withLatest(roomy, appended(roomy.latest, { ...kept, payload }), payload)
}

/** Not by a spread, which makes place for as many again. */
const appended = <I extends Key>(records: Records<I>, kept: Kept<I>): Records<I> =>
  records.toSpliced(records.length, 0, kept)

/** In another room, with place for so many bytes more: whoever had two would keep both for what is left in each. */
const moved = <I extends Key>(held: Held<I>, bytes: number): Held<I> => {
  const { latest, room } = held
  let needed = bytes
  for (const { payload } of latest) if (room?.holds(payload) === true) needed += payload.byteLength
  // For as much again as there is, up to a page.
  const next = needed === 0 ? undefined : new Room(Math.max(needed, Math.min(pageBytes, held.bytes + needed)))
  const inNext = (kept: Kept<I>): Kept<I> =>
    room?.holds(kept.payload) === true ? { ...kept, payload: next?.append(kept.payload) ?? noBytes } : kept
  return { ...held, latest: latest.map(inNext), room: next }
}

/** With one more among the latest, of this payload. Once they fill a page they become one. */
const withLatest = <I extends Key>(held: Held<I>, latest: Records<I>, payload: Uint8Array): Held<I> => {
  const { dropped, pages, room } = held
  const count = held.count + 1
  const bytes = held.bytes + bytesOf(payload)
  const latestBytes = held.latestBytes + payload.byteLength
  if (latest.length < pageMessages && latestBytes < pageBytes)
    return { pages, dropped, latest, latestBytes, room, count, bytes }
  const more = pages.toSpliced(pages.length, 0, ...paged(latest))
  return { pages: more, dropped, latest: none, latestBytes: 0, room: undefined, count, bytes }
}

/**
 * One page of these, or two where it would be twice as large as others: so that what comes late, and often, copies little. The two
 * are as large as each other, so that a message that is large by itself is soon alone, and is copied no more for others.
 */
const paged = <I extends Key>(records: Records<I>): ReadonlyArray<Page<I>> => {
  const { length } = records
  const bytes = records.reduce((sum, { payload }) => sum + payload.byteLength, 0)
  if (length <= 2 * pageMessages && (length <= 1 || bytes <= 2 * pageBytes)) return [pack(records)]
  const half = (bytes + length * keptOverhead) / 2
  let sum = 0
  const firstBeyond = records.findIndex(({ payload }) => (sum += bytesOf(payload)) > half)
  const at = Math.max(1, firstBeyond)
  return [pack(records.slice(0, at)), pack(records.slice(at))]
}

const inserted = <I extends Key>(records: Records<I>, kept: Kept<I>): Records<I> =>
  records.toSpliced(placeIn(records, kept.sequence), 0, kept)

/** The same, after a change to the records of each page that it concerns, and to the latest; without the pages that it leaves empty. */
const changed = <I extends Key>(
  held: Held<I>,
  concerns: (page: Page<I>) => boolean,
  change: (records: Records<I>) => Records<I>
): Held<I> => {
  const pages: Array<Page<I>> = []
  let dropped = 0
  let count = 0
  let bytes = 0
  held.pages.forEach((page, index) => {
    const from = firstIn(held, index)
    const isSame = !concerns(page)
    const records = isSame ? none : change(recordsOf(page, from))
    if (!isSame && records.length === 0) return
    const next = isSame ? page : pack(records)
    const without = isSame ? from : 0
    if (pages.length === 0) dropped = without
    pages.push(next)
    count += sizeOf(next) - without
    bytes += payloadBytesBefore(next, sizeOf(next)) - payloadBytesBefore(next, without)
  })
  const latest = change(held.latest)
  const latestBytes = latest.reduce((sum, { payload }) => sum + payload.byteLength, 0)
  count += latest.length
  bytes += latestBytes + count * keptOverhead
  if (count === 0) return nothingHeld
  return thrifty({ pages, dropped, latest, latestBytes, room: held.room, count, bytes })
}

/** Out of a room that is much larger than what is left in it. */
const thrifty = <I extends Key>(held: Held<I>): Held<I> =>
  (held.room?.size ?? 0) <= 4 * held.bytes ? held : moved(held, 0)

/** Another record for a message that is among them. */
export const replace = <I extends Key>(held: Held<I>, kept: Kept<I>): Held<I> => {
  const concerned = held.pages[pageOf(held, kept.sequence)]
  return changed(
    held,
    (page) => page === concerned,
    (records) => {
      const index = placeIn(records, kept.sequence)
      return records[index]?.sequence === kept.sequence ? records.with(index, kept) : records
    }
  )
}

/** Without the lowest sequence. */
export const withoutFirst = <I extends Key>(held: Held<I>): Held<I> => {
  const { dropped, latest, latestBytes, pages, room } = held
  if (held.count <= 1) return nothingHeld
  const count = held.count - 1
  const [page] = pages
  if (page === undefined) {
    const size = latest[0]?.payload.byteLength ?? 0
    const bytes = held.bytes - size - keptOverhead
    const rest = latest.slice(1)
    return thrifty({ pages, dropped, latest: rest, latestBytes: latestBytes - size, room, count, bytes })
  }
  const next = dropped + 1
  const before = payloadBytesBefore(page, next)
  const bytes = held.bytes - (before - payloadBytesBefore(page, dropped)) - keptOverhead
  const isLast = next === sizeOf(page)
  // What has been dropped of a page stays in memory with it: never more than what is kept.
  const isAnew = !isLast && before > bytes
  return thrifty({
    pages: isLast ? pages.slice(1) : isAnew ? pages.with(0, pack(recordsOf(page, next))) : pages,
    dropped: isLast || isAnew ? 0 : next,
    latest,
    latestBytes,
    room,
    count,
    bytes
  })
}

/** Without those published before an instant. */
export const withoutOlder = <I extends Key>(held: Held<I>, bornAt: number): Held<I> => {
  const isOld = (kept: Kept<I>): boolean => kept.bornAt < bornAt
  const hasOld = (page: Page<I>): boolean => !isNoneOlder(page, bornAt)
  return held.pages.some(hasOld) || held.latest.some(isOld)
    ? changed(held, hasOld, (records) => (records.some(isOld) ? records.filter((kept) => !isOld(kept)) : records))
    : held
}

/** Visits those from `first` to `last`, ascending, until the visitor returns false; whether it never did. */
export const visit = <I extends Key>(
  held: Held<I>,
  first: number,
  last: number,
  visitor: (kept: Kept<I>) => boolean
): boolean => {
  const { latest, pages } = held
  for (let number = pageOf(held, first); number < pages.length; number++) {
    const page = pages[number]
    if (page === undefined || sequenceAt(page, 0) > last) return true
    for (let i = Math.max(firstIn(held, number), place(page, first)); i < sizeOf(page); i++) {
      if (sequenceAt(page, i) > last) return true
      if (!visitor(keptAt(page, i))) return false
    }
  }
  for (let i = placeIn(latest, first); i < latest.length; i++) {
    const kept = latest[i]
    if (kept === undefined || kept.sequence > last) return true
    if (!visitor(kept)) return false
  }
  return true
}

/** Visits the sequences from `first` on of those published since an instant, ascending, until the visitor returns false. */
const visitSince = <I extends Key>(
  held: Held<I>,
  first: number,
  since: number,
  visitor: (sequence: number) => boolean
): void => {
  const { latest, pages } = held
  for (let number = pageOf(held, first); number < pages.length; number++) {
    const page = pages[number]
    if (page === undefined) return
    for (let i = Math.max(firstIn(held, number), place(page, first)); i < sizeOf(page); i++) {
      if (bornAtOf(page, i) >= since && !visitor(sequenceAt(page, i))) return
    }
  }
  for (let i = placeIn(latest, first); i < latest.length; i++) {
    const kept = latest[i]
    if (kept !== undefined && kept.bornAt >= since && !visitor(kept.sequence)) return
  }
}

/** Of those published since an instant the lowest sequence that is not below this one. */
export const nextOf = <I extends Key>(held: Held<I>, sequence: number, since: number): number | undefined => {
  let next: number | undefined
  visitSince(held, sequence, since, (one) => {
    next = one
    return false
  })
  return next
}

/** The sequences of those published since an instant, as runs: at most `size` of them, the latest. */
export const runsOf = <I extends Key>(held: Held<I>, size: number, since: number): ReadonlyArray<number> => {
  const runs: Array<number> = []
  visitSince(held, 0, since, (sequence) => {
    if (runs.length > 0 && runs[runs.length - 1] === sequence - 1) runs[runs.length - 1] = sequence
    else runs.push(sequence, sequence)
    return true
  })
  return runs.length <= 2 * size ? runs : runs.slice(-2 * size)
}
