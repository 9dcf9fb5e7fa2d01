/**
 * What a neighbour is sent because it asks for it: the answers to a GRAFT (rules PT13, PT14) and to a FETCH (R3), of what is kept
 * here, within the same bounds.
 *
 * @since 0.1.0
 */
import type { Key, Peer } from "../Peer.ts"
import { maxInteger } from "../wire/Limits.ts"
import type { Config } from "./Config.ts"
import * as Held from "./Held.ts"
import { type Announcement, type Gone, type MessageId, nextRound, type Ranges } from "./Message.ts"
import { isRuns, mostNamed, notDone } from "./Seen.ts"
import type { Kept, Stream } from "./State.ts"
import { at, slotOf, streamOf } from "./Streams.ts"
import type { Transition } from "./Transition.ts"
import { firstAwaited } from "./Verdict.ts"

/** How far an answer has got. Mutable: it lives as long as one step. */
interface Progress {
  messages: number
  bytes: number
  /** There was no room for all that is kept. */
  more: boolean
}

/** Takes a payload into an answer; false if there is no room for it. The first always finds some, or a large one never would. */
const takes = (progress: Progress, { byteLength }: Uint8Array, { fetchBytes, fetchMessages }: Config): boolean => {
  progress.bytes += byteLength
  if (progress.messages >= fetchMessages || (progress.messages > 0 && progress.bytes > fetchBytes)) {
    progress.more = true
    return false
  }
  progress.messages++
  return true
}

/** A kept message, to be sent to somebody who asked for it. */
const replayed = <I extends Key, A>(
  { now }: Transition<I, A>,
  id: MessageId<I>,
  { bornAt, payload, publishedAt, round }: Kept<I>,
  replay: "graft" | "recovery"
) =>
  ({
    _tag: "Gossip",
    id,
    round: nextRound(round),
    publishedAt,
    ageMillis: Math.max(0, now - bornAt),
    payload,
    replay
  }) as const

/**
 * GRAFT received: the link carries the tree from now on, and the payloads are sent, or said to be missing here too. What does
 * not fit into one answer is announced again: the asker holds this announcement for used up, and may know of no other.
 */
export const onGraft = <I extends Key, A>(
  t: Transition<I, A>,
  from: Peer<I, A>,
  index: number,
  ids: ReadonlyArray<MessageId<I>>,
  payload: boolean
): void => {
  const { config, streams } = t.state
  t.strategy.onGraft(t, index, ids)
  if (!payload) return
  const absent: Array<MessageId<I>> = []
  const later: Array<Announcement<I>> = []
  const progress: Progress = { messages: 0, bytes: 0, more: false }
  for (const id of ids) {
    const stream = streamOf(streams, id)
    const kept = stream === undefined ? undefined : Held.find(stream.held, id.sequence)
    if (kept === undefined || kept.bornAt + config.retainedMillis < t.now) {
      absent.push(id)
      continue
    }
    if (takes(progress, kept.payload, config))
      t.outputs.push({ _tag: "Send", to: from, message: replayed(t, id, kept, "graft") })
    else later.push({ id, round: nextRound(kept.round) })
  }
  if (absent.length > 0) t.outputs.push({ _tag: "Send", to: from, message: { _tag: "GraftMiss", ids: absent } })
  if (later.length > 0) t.outputs.push({ _tag: "Send", to: from, message: { _tag: "IHave", announcements: later } })
}

/**
 * FETCH received: what is kept of what the neighbour lacks; then up to where all that it asked for is sent or over, of each of its
 * gaps, and whether there is more.
 */
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
  const { config } = t.state
  // What is older is kept until the next sweep, but is over.
  const since = t.now - config.retainedMillis
  const end = (asked[asked.length - 1] ?? 0) + 1
  if (progress.more) return Math.min(Held.nextOf(held, asked[0] ?? 0, since) ?? Infinity, end)
  /** The first that is kept and not sent. */
  let unsent = Infinity
  /** What follows the last that is not kept. */
  let absent = 0
  for (let i = 0; i + 1 < asked.length && !progress.more; i += 2) {
    let next = asked[i] ?? 0
    const last = asked[i + 1] ?? 0
    Held.visit(held, next, last, (kept) => {
      const { sequence } = kept
      if (kept.bornAt < since) return true
      if (sequence > next) absent = sequence
      next = sequence + 1
      if (!takes(progress, kept.payload, config)) {
        unsent = sequence
        return false
      }
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
