/**
 * A message published, or received: told from what is known, delivered once, passed on, kept.
 *
 * @since 0.1.0
 */
import type { Key, Peer } from "../Peer.ts"
import { announce } from "./Announce.ts"
import type { Gossip, MessageId, Origin } from "./Message.ts"
import { found, optimizeFound } from "./Missing.ts"
import type { Via } from "./Protocol.ts"
import { afterSeen, lag, onFetchedMessage } from "./Recovery.ts"
import { isDone, isSequence, see } from "./Seen.ts"
import { care, indexOf, type Stream, type Transition } from "./State.ts"
import { at, fresh, insert, keep, put, slotOf, sweepMillis } from "./Streams.ts"
import { lazyIn, onDuplicate, onNews } from "./Tree.ts"
import { awaitVerdict } from "./Verdict.ts"

/** Publish: the next number of the topic, delivered here and sent to everybody. */
export const publish = <I extends Key, A>(t: Transition<I, A>, name: string, payload: Uint8Array): void => {
  const { now, state } = t
  const { config, self, topics } = state
  const known = topics.findIndex((topic) => topic.name === name)
  if (known < 0 && topics.length >= config.topicsSize) return
  const sequence = topics[known]?.nextSequence ?? 0
  const topic = { name, nextSequence: sequence + 1 }
  state.topics = known < 0 ? [...topics, topic] : topics.with(known, topic)
  const id: MessageId<I> = { source: self.id, epoch: self.epoch, topic: name, sequence }
  const slot = slotFor(t, id, sequence)
  const stream = at(state.streams, slot)
  if (stream === undefined || isDone(stream, sequence)) return
  mark(t, slot, stream, sequence)
  const gossip = { _tag: "Gossip", id, round: 0, publishedAt: now, ageMillis: 0, payload, replay: undefined } as const
  accept(t, slot, gossip, self, now)
}

/** GOSSIP received. */
export const onGossip = <I extends Key, A>(t: Transition<I, A>, from: Peer<I, A>, gossip: Gossip<I>): void => {
  const { state } = t
  const { id, replay } = gossip
  const { epoch, sequence, source, topic } = id
  if (!isSequence(sequence) || !isSequence(epoch)) return
  const index = indexOf(state, from.id)
  if (replay === "recovery") onFetchedMessage(t, index)
  const known = slotOf(state.streams, source, epoch, topic)
  const old = at(state.streams, known)
  if (old !== undefined && isDone(old, sequence)) {
    t.outputs.push({ _tag: "Duplicate", id, from })
    // A fetched copy says nothing of the tree.
    if (replay !== "recovery") onDuplicate(t, source, index)
    return
  }
  const slot = known < 0 ? slotFor(t, id, sequence) : known
  const stream = at(state.streams, slot)
  // One that was dropped from the table may have been done before.
  if (stream === undefined || isDone(stream, sequence)) {
    t.outputs.push({ _tag: "Duplicate", id, from })
    return
  }
  mark(t, slot, stream, sequence)
  if (replay !== "recovery") onNews(t, source, index)
  const bornAt = t.now - (gossip.ageMillis > 0 ? Math.min(gossip.ageMillis, oldestMillis) : 0)
  if (state.care.validated.length > 0 && state.care.validated.includes(topic)) {
    found(t, id)
    awaitVerdict(t, { gossip, from, bornAt, until: t.now + state.config.verdictMillis })
  } else {
    accept(t, slot, gossip, from, bornAt)
  }
}

/** No message is kept for longer (30 days), so none need be older than this. */
const oldestMillis = 2_592_000_001

/** The slot of an origin; a new one's baseline is this number. */
export const slotFor = <I extends Key, A>(t: Transition<I, A>, origin: Origin<I>, first: number): number => {
  const { state } = t
  const slot = slotOf(state.streams, origin.source, origin.epoch, origin.topic)
  if (slot >= 0) return slot
  return insert(t, fresh(state, origin, first, t.now), (stream, runs) => lag(t, stream, runs))
}

/** The number is seen from now on. What had to be given up for it is told. */
const mark = <I extends Key, A>(t: Transition<I, A>, slot: number, stream: Stream<I>, sequence: number): void => {
  const lost: Array<number> = []
  const next = see(stream, sequence, t.state.config, lost)
  put(t, slot, next.usedAt === t.now ? next : { ...next, usedAt: t.now })
  if (lost.length > 0) lag(t, stream, lost)
  if (next.gap !== undefined || next.above.length > 0) afterSeen(t, slot, stream.floor)
}

/** Delivers a message, passes it on, and keeps it. `from` is self for one of our own. */
export const accept = <I extends Key, A>(
  t: Transition<I, A>,
  slot: number,
  gossip: Gossip<I>,
  from: Peer<I, A>,
  bornAt: number
): void => {
  const { outputs, state } = t
  const { id, payload, publishedAt, replay, round } = gossip
  const own = from.id === state.self.id
  const via: Via = own ? "self" : (replay ?? "push")
  outputs.push({ _tag: "Delivered", id, payload, hops: round, publishedAt, from, via })
  pass(t, from, {
    _tag: "Gossip",
    id,
    round: round < 255 ? round + 1 : 255,
    publishedAt,
    ageMillis: t.now - bornAt,
    payload,
    replay: undefined
  })
  const announced = found(t, id)
  let path: { readonly round: number; readonly parent: I | undefined } = {
    round,
    parent: own || replay === "recovery" ? undefined : from.id
  }
  if (announced !== undefined && path.parent !== undefined) {
    path = optimizeFound(t, announced, round, path.parent) ?? path
  }
  if (state.config.retainedBytes === 0) return
  const kept = { sequence: id.sequence, payload: compact(payload), ...path, publishedAt, bornAt }
  keep(t, slot, kept)
  if (state.care.sweepAt === 0 && state.streams.bytes > 0) {
    care(t, { sweepAt: t.now + sweepMillis(state.config) })
  }
}

/** Eager push and lazy push: to all but the one it came from, and the incarnation that published it. */
const pass = <I extends Key, A>(t: Transition<I, A>, from: Peer<I, A>, onward: Gossip<I>): void => {
  const { outputs, state } = t
  const { id } = onward
  const { neighbors } = state
  const lazy = lazyIn(state, id.source)
  let announced = 0
  for (let i = 0; i < neighbors.length; i++) {
    const to = neighbors[i]
    if (to === undefined || to.id === from.id || (to.id === id.source && to.epoch === id.epoch)) continue
    if (((lazy >> i) & 1) === 1) announced |= 1 << i
    else outputs.push({ _tag: "Send", to, message: onward })
  }
  if (announced !== 0) announce(t, id, onward.round, announced)
}

/** What is kept for long must not keep a much larger buffer, of which it is a view, from being freed. */
const compact = (payload: Uint8Array): Uint8Array =>
  2 * payload.byteLength < payload.buffer.byteLength ? payload.slice() : payload
