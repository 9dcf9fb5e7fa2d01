/**
 * The answer to a FETCH (rule R3): what is kept of what a neighbour lacks, within bounds; then up to where all that it asked for is
 * sent or over, of each of its gaps, and whether there is more.
 *
 * @since 0.1.0
 */
import type { Key, Peer } from "../Peer.ts"
import { maxInteger } from "../wire/Limits.ts"
import * as Held from "./Held.ts"
import type { Gone, Ranges } from "./Message.ts"
import { replayed } from "./Missing.ts"
import { isRuns, mostNamed, notDone } from "./Seen.ts"
import type { Stream } from "./State.ts"
import { at, slotOf } from "./Streams.ts"
import type { Transition } from "./Transition.ts"
import { firstAwaited } from "./Verdict.ts"

/** How far an answer has got. Mutable: it lives as long as one step. */
interface Progress {
  messages: number
  bytes: number
  /** There was no room for all that is kept. */
  more: boolean
}

/** FETCH received. */
export const onFetch = <I extends Key, A>(
  t: Transition<I, A>,
  from: Peer<I, A>,
  wanted: ReadonlyArray<Ranges<I>>
): void => {
  const { config, streams } = t.state
  const gone: Array<Gone<I>> = []
  const progress: Progress = { messages: 0, bytes: 0, more: false }
  const looked = new Set<number>()
  for (const { epoch, runs, source, topic } of wanted) {
    const slot = slotOf(streams, source, epoch, topic)
    const stream = at(streams, slot)
    const first = runs[0]
    // Nobody names one twice who is not out to make work.
    if (stream === undefined || looked.has(slot) || first === undefined || !isRuns(runs)) continue
    looked.add(slot)
    const asked = runs.slice(0, 2 * mostNamed(config))
    const below = Math.min(
      sendRuns(t, from, stream, asked, progress),
      // What waits for a verdict is not over: it will be passed on, or be over then.
      firstAwaited(t.state, stream, first),
      firstOpen(stream, asked),
      // What follows the highest number cannot be named.
      maxInteger
    )
    if (below > first) gone.push({ source, epoch, topic, below })
  }
  t.outputs.push({ _tag: "Send", to: from, message: { _tag: "Fetched", gone, more: progress.more } })
}

/**
 * Sends what is kept of these numbers of a stream, until the answer is full; the number up to which all of them is sent, or not kept.
 * If there was no room for any, that is the first that is kept: one who asks may have many gaps, and is told of all of them.
 */
const sendRuns = <I extends Key, A>(
  t: Transition<I, A>,
  to: Peer<I, A>,
  { epoch, held, source, topic }: Stream<I>,
  asked: ReadonlyArray<number>,
  progress: Progress
): number => {
  const { fetchBytes, fetchMessages, retainedMillis } = t.state.config
  // What is older is kept until the next sweep, but is over.
  const since = t.now - retainedMillis
  const end = (asked[asked.length - 1] ?? 0) + 1
  if (progress.more) return Math.min(Held.nextOf(held, asked[0] ?? 0, since) ?? Infinity, end)
  /** The first that is kept and not sent. */
  let unsent = Infinity
  /** What follows the last that is not kept. */
  let absent = 0
  for (let i = 0; i + 1 < asked.length && !progress.more; i += 2) {
    let next = asked[i] ?? 0
    const last = asked[i + 1] ?? 0
    progress.more = !Held.visit(held, next, last, (kept) => {
      const { sequence } = kept
      if (kept.bornAt < since) return true
      if (sequence > next) absent = sequence
      next = sequence + 1
      progress.bytes += kept.payload.byteLength
      if (progress.messages >= fetchMessages || (progress.messages > 0 && progress.bytes > fetchBytes)) {
        unsent = sequence
        return false
      }
      progress.messages++
      const message = replayed(t, { source, epoch, topic, sequence }, kept, "recovery")
      t.outputs.push({ _tag: "Send", to, message })
      return true
    })
    if (!progress.more && next <= last) absent = last + 1
  }
  return Math.min(absent, unsent)
}

/** The first number in these runs that is wanted here too; infinity if there is none. What is wanted no more is over. */
const firstOpen = <I extends Key>(stream: Stream<I>, runs: ReadonlyArray<number>): number => {
  const missing = notDone(stream, runs)
  for (let i = 0; i + 1 < missing.length; i += 2) {
    if ((missing[i + 1] ?? 0) >= stream.wanted) return Math.max(missing[i] ?? 0, stream.wanted)
  }
  return Infinity
}
