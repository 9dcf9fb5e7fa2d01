/**
 * A message published, or received: told from what is known, and handed on to be delivered.
 *
 * @since 0.1.0
 */
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import type { Key, Peer } from "../Peer.ts"
import { accept, latenessOf } from "./Delivery.ts"
import { holdersOf } from "./Gaps.ts"
import { heed, heedAwaited } from "./Guide.ts"
import type { Gossip, MessageId } from "./Message.ts"
import { found } from "./Missing.ts"
import { afterSeen, onFetchedMessage } from "./Recovery.ts"
import { hasGap, isDone, isSequence, see } from "./Seen.ts"
import { indexOf, type Stream } from "./State.ts"
import { at, isOver, lag, put, slotFor, slotOf } from "./Streams.ts"
import type { Transition } from "./Transition.ts"
import { awaitVerdict } from "./Verdict.ts"

/** Publish: the next number of the topic, delivered here and sent to everybody. */
export const publish = <I extends Key, A>(t: Transition<I, A>, name: string, payload: Uint8Array): void => {
  const { now, state } = t
  const { config, self, topics } = state
  const known = HashMap.get(topics, name)
  if (Option.isNone(known) && HashMap.size(topics) >= config.topicsSize) return
  const sequence = Option.getOrElse(known, () => 0)
  state.topics = HashMap.set(topics, name, sequence + 1)
  const id: MessageId<I> = { source: self.id, epoch: self.epoch, topic: name, sequence }
  const slot = slotFor(t, id, { first: sequence, older: false, hearsay: false })
  const stream = at(state.streams, slot)
  if (stream === undefined || isDone(stream, sequence)) return
  mark(t, slot, stream, sequence, undefined)
  heed(t, id, now, 0)
  t.strategy.onPublished(t, id)
  const gossip = { _tag: "Gossip", id, round: 0, publishedAt: now, ageMillis: 0, payload, replay: undefined } as const
  accept(t, slot, gossip, self, now, undefined)
}

/** GOSSIP received. */
export const onGossip = <I extends Key, A>(t: Transition<I, A>, from: Peer<I, A>, gossip: Gossip<I>): void => {
  const { state } = t
  const { id, replay } = gossip
  const { epoch, sequence, source, topic } = id
  if (!isSequence(sequence) || !isSequence(epoch)) return
  const index = indexOf(state, from.id)
  const known = slotOf(state.streams, source, epoch, topic)
  const old = at(state.streams, known)
  if (old !== undefined && isDone(old, sequence)) {
    ignore(t, id, from)
    t.strategy.onDuplicate(t, gossip, index)
    return
  }
  // One that made room may have been done before, and is not worth that another makes room for it.
  if (isOver(state, old, id)) return ignore(t, id, from)
  // What was published before the first that comes may be kept around here, or be on its way.
  const older = state.config.recovery && state.config.catchUp
  const slot = known < 0 ? slotFor(t, id, { first: sequence, older, hearsay: false }) : known
  const stream = at(state.streams, slot)
  if (stream === undefined || isDone(stream, sequence)) return ignore(t, id, from)
  if (replay === "recovery") onFetchedMessage(t, index, stream.gap, gossip.payload)
  mark(t, slot, stream, sequence, replay === undefined ? undefined : from.id)
  const { validated } = state.upkeep
  const awaited = validated.length > 0 && validated.includes(topic)
  if (awaited) heedAwaited(t, id, gossip.publishedAt)
  else heed(t, id, gossip.publishedAt, gossip.ageMillis)
  t.strategy.onNews(t, gossip, index)
  const bornAt = t.now - (gossip.ageMillis > 0 ? Math.min(gossip.ageMillis, oldestMillis) : 0)
  const isAsked = replay === "recovery" && (state.links[index]?.fetchAt ?? 0) !== 0
  const named = isAsked ? holdersOf(t, slot) : undefined
  if (awaited) {
    found(t, id, from.id, replay === undefined, latenessOf(t, gossip))
    awaitVerdict(t, { gossip, from, bornAt, named, until: t.now + state.config.verdictMillis })
  } else {
    accept(t, slot, gossip, from, bornAt, named)
  }
}

/** A message that is nothing new. Where it was asked for, nobody else need be. */
const ignore = <I extends Key, A>(t: Transition<I, A>, id: MessageId<I>, from: Peer<I, A>): void => {
  t.outputs.push({ _tag: "Duplicate", id, from })
  found(t, id, from.id, false, 0)
}

/** No message is kept for longer (30 days), so none need be older than this. */
const oldestMillis = 2_592_000_001

/**
 * Of a stream that only a digest has named so far, a message that was under way may be older than the baseline. From the
 * first that the application is handed it is owed all that follow.
 */
const startingAt = <I extends Key>(stream: Stream<I>, sequence: number): Stream<I> => {
  const { above, floor, owed, wanted } = stream
  const isFirst = above.length === 0 && floor + 1 < owed
  return isFirst && sequence < owed ? { ...stream, owed: sequence, wanted: Math.min(wanted, sequence) } : stream
}

/** The number is seen from now on. What had to be given up for it is told. `askedOf`: who has sent it because it was asked for. */
const mark = <I extends Key, A>(
  t: Transition<I, A>,
  slot: number,
  stream: Stream<I>,
  sequence: number,
  askedOf: I | undefined
): void => {
  if (
    stream.above.length === 0 &&
    stream.gap === undefined &&
    sequence === stream.floor + 1 &&
    sequence >= stream.owed
  ) {
    // In order, and nothing else is out: nearly always. One copy of the record does.
    const top = sequence > stream.top ? sequence : stream.top
    return put(t, slot, { ...stream, floor: sequence, top, usedAt: t.now })
  }
  const lost: Array<number> = []
  const { config } = t.state
  const bounds = { windowSize: config.windowSize, gapsSize: t.strategy.gapsSize(config) }
  const next = see(startingAt(stream, sequence), sequence, bounds, lost)
  put(t, slot, next.usedAt === t.now ? next : { ...next, usedAt: t.now })
  lag(t, stream, lost)
  // A digest may have named what follows it, of which nothing was wanted before.
  if (next.gap !== undefined || hasGap(next)) afterSeen(t, slot, stream.floor, sequence, askedOf)
}
