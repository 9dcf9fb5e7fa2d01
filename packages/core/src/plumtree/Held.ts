/**
 * Messages kept for who missed them, by ascending sequence. In chunks: adding the latest or dropping the oldest of
 * thousands copies one chunk and the list of chunks.
 *
 * @since 0.1.0
 */
import type { Key } from "../Peer.ts"
import { type Held, type Kept, nothingHeld } from "./State.ts"

const chunkSize = 64

/** What a kept message takes beside its payload, in bytes: its records, and the array's own. */
export const keptOverhead = 128

/** What a kept message counts as, in bytes. */
export const bytesOf = (payload: Uint8Array): number => payload.byteLength + keptOverhead

/** The kept message of a sequence. */
export const find = <I extends Key>({ chunks }: Held<I>, sequence: number): Kept<I> | undefined => {
  // Most questions are about the latest.
  for (let c = chunks.length - 1; c >= 0; c--) {
    const chunk = chunks[c] ?? []
    if (sequence < (chunk[0]?.sequence ?? 0)) continue
    const kept = chunk[place(chunk, sequence)]
    return kept?.sequence === sequence ? kept : undefined
  }
  return undefined
}

/** The first index in a chunk whose sequence is not below this one. */
const place = <I extends Key>(chunk: ReadonlyArray<Kept<I>>, sequence: number): number => {
  let low = 0
  let high = chunk.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((chunk[middle]?.sequence ?? 0) < sequence) low = middle + 1
    else high = middle
  }
  return low
}

/** Adds a message that is not among them. */
export const add = <I extends Key>({ bytes, chunks, count }: Held<I>, kept: Kept<I>): Held<I> => {
  const after = { count: count + 1, bytes: bytes + bytesOf(kept.payload) }
  const latest = chunks[chunks.length - 1]
  if (latest === undefined) return { chunks: [[kept]], ...after }
  if (kept.sequence > (latest[latest.length - 1]?.sequence ?? 0)) {
    return latest.length < chunkSize
      ? { chunks: chunks.with(chunks.length - 1, [...latest, kept]), ...after }
      : { chunks: [...chunks, [kept]], ...after }
  }
  let c = chunks.length - 1
  while (c > 0 && kept.sequence < (chunks[c]?.[0]?.sequence ?? 0)) c--
  const chunk = chunks[c] ?? []
  const larger = chunk.toSpliced(place(chunk, kept.sequence), 0, kept)
  const half = larger.length >> 1
  return larger.length <= chunkSize
    ? { chunks: chunks.with(c, larger), ...after }
    : { chunks: chunks.toSpliced(c, 1, larger.slice(0, half), larger.slice(half)), ...after }
}

/** Another record for a message that is among them. */
export const replace = <I extends Key>(held: Held<I>, kept: Kept<I>): Held<I> => ({
  ...held,
  chunks: held.chunks.map((chunk) => {
    const index = place(chunk, kept.sequence)
    return chunk[index]?.sequence === kept.sequence ? chunk.with(index, kept) : chunk
  })
})

/** Without the lowest sequence. */
export const withoutFirst = <I extends Key>({ bytes, chunks, count }: Held<I>): Held<I> => {
  const [chunk = [], ...others] = chunks
  const [first] = chunk
  if (first === undefined || count === 1) return nothingHeld
  return {
    chunks: chunk.length > 1 ? [chunk.slice(1), ...others] : others,
    count: count - 1,
    bytes: bytes - bytesOf(first.payload)
  }
}

/** Without those published before an instant. */
export const withoutOlder = <I extends Key>(held: Held<I>, bornAt: number): Held<I> => {
  if (!held.chunks.some((chunk) => chunk.some((kept) => kept.bornAt < bornAt))) return held
  const chunks = held.chunks
    .map((chunk) => chunk.filter((kept) => kept.bornAt >= bornAt))
    .filter((chunk) => chunk.length > 0)
  let count = 0
  let bytes = 0
  for (const chunk of chunks) {
    count += chunk.length
    for (const { payload } of chunk) bytes += bytesOf(payload)
  }
  return count === 0 ? nothingHeld : { chunks, count, bytes }
}

/** Visits those from `first` to `last`, ascending, until the visitor returns false; whether it never did. */
export const visit = <I extends Key>(
  { chunks }: Held<I>,
  first: number,
  last: number,
  visitor: (kept: Kept<I>) => boolean
): boolean => {
  for (const chunk of chunks) {
    if ((chunk[chunk.length - 1]?.sequence ?? 0) < first) continue
    for (let i = place(chunk, first); i < chunk.length; i++) {
      const kept = chunk[i]
      if (kept === undefined || kept.sequence > last) return true
      if (!visitor(kept)) return false
    }
  }
  return true
}

/** The lowest sequence that is kept and not below this one. */
export const nextOf = <I extends Key>(held: Held<I>, sequence: number): number | undefined => {
  let next: number | undefined
  visit(held, sequence, Infinity, (kept) => {
    next = kept.sequence
    return false
  })
  return next
}

/** Their sequences, as runs: at most `size` of them, the latest. */
export const runsOf = <I extends Key>(held: Held<I>, size: number): ReadonlyArray<number> => {
  const runs: Array<number> = []
  for (const chunk of held.chunks) {
    for (const { sequence } of chunk) {
      if (runs.length > 0 && runs[runs.length - 1] === sequence - 1) runs[runs.length - 1] = sequence
      else runs.push(sequence, sequence)
    }
  }
  return runs.length <= 2 * size ? runs : runs.slice(-2 * size)
}
