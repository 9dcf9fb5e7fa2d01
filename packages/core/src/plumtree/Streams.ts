/**
 * The table of streams: what is known of each origin, found by its source, and bounded. The first few stand in one array,
 * which is searched in order: most nodes hear few sources, and a map would cost more than the rest of a step. When the
 * table is full, one of a few makes room, the one that has been silent longest of those of which nothing is owed, and what
 * was done of it is remembered apart.
 *
 * @since 0.1.0
 */
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import type { Key } from "../Peer.ts"
import type { Config } from "./Config.ts"
import * as Held from "./Held.ts"
import { type MessageId, type Origin, sameOrigin } from "./Message.ts"
import { giveUp, hasOwedGap, isDone, latest } from "./Seen.ts"
import { type Draft, type Forgotten, type Kept, nothingHeld, type State, type Stream, type Streams } from "./State.ts"
import type { OwnStreams, Transition } from "./Transition.ts"

/** Streams that are searched in order. */
const nearSize = 16
/** A chunk of the others. */
const chunkSize = 64
/** Streams that are compared to find the one that makes room. */
const sampled = 8

const noSlots: ReadonlyArray<number> = []

/** The stream in a slot; none in −1, which V8 would look for as a property of that name. */
export const at = <I extends Key>({ far, near }: Streams<I>, slot: number): Stream<I> | undefined => {
  if (slot < 0) return undefined
  if (slot < nearSize) return near[slot]
  const index = slot - nearSize
  return far[Math.floor(index / chunkSize)]?.[index % chunkSize]
}

/** The slot of an origin's stream; −1 if there is none. */
export const slotOf = <I extends Key>(streams: Streams<I>, source: I, epoch: number, topic: string): number => {
  const { count, keys } = streams
  if (count <= nearSize) {
    for (let slot = 0; slot < count; slot++) {
      if (keys[slot] === source && isOf(streams.near[slot], epoch, topic)) return slot
    }
    return -1
  }
  const slots = slotsOf(streams, source)
  const slot = slots[placeOf(slots, (other) => at(streams, other), epoch, topic)] ?? -1
  return isOf(at(streams, slot), epoch, topic) ? slot : -1
}

/** The stream of an origin; undefined if there is none. */
export const streamOf = <I extends Key>(
  streams: Streams<I>,
  { epoch, source, topic }: Origin<I>
): Stream<I> | undefined => at(streams, slotOf(streams, source, epoch, topic))

/**
 * Where an origin stands among those of its source, or would: they ascend by epoch, and then by topic. A source may have thousands of
 * topics, and each message of it is looked for here.
 */
const placeOf = <T>(
  all: ReadonlyArray<T>,
  originOf: (one: T) => { readonly epoch: number; readonly topic: string } | undefined,
  epoch: number,
  topic: string
): number => {
  let low = 0
  let high = all.length
  while (low < high) {
    const middle = (low + high) >> 1
    const one = all[middle]
    const origin = one === undefined ? undefined : originOf(one)
    if (origin === undefined) break
    if (origin.epoch < epoch || (origin.epoch === epoch && origin.topic < topic)) low = middle + 1
    else high = middle
  }
  return low
}

const itself = <T>(one: T): T => one

/** Whether a message of this source has come, of whatever incarnation and on whatever topic: what neighbours only name may be made up. */
export const isHeard = <I extends Key>(streams: Streams<I>, source: I): boolean => {
  const has = (stream: Stream<I> | undefined): boolean =>
    stream !== undefined && stream.source === source && latest(stream) >= stream.owed
  return streams.count <= nearSize
    ? streams.near.some(has)
    : slotsOf(streams, source).some((slot) => has(at(streams, slot)))
}

const isOf = <I extends Key>(stream: Stream<I> | undefined, epoch: number, topic: string): boolean =>
  stream !== undefined && stream.epoch === epoch && stream.topic === topic

const slotsOf = <I extends Key>({ index }: Streams<I>, source: I): ReadonlyArray<number> =>
  Option.getOrElse(HashMap.get(index, source), () => noSlots)

/** Puts a stream into its slot. What is kept of it counts anew. */
export const put = <I extends Key, A>(t: Transition<I, A>, slot: number, stream: Stream<I>): void => {
  const { streams } = t.state
  const bytes = streams.bytes + stream.held.bytes - (at(streams, slot)?.held.bytes ?? 0)
  if (slot >= nearSize) {
    t.state.streams = withFar(streams, slot - nearSize, stream, bytes)
    return
  }
  // A message puts its stream back two or three times. The first time the table is copied.
  const own = t.own === streams ? t.own : owned(streams)
  own.near[slot] = stream
  own.bytes = bytes
  t.own = own
  t.state.streams = own
}

/** A copy. Field by field, so that it is made in line. */
const owned = <I extends Key>({
  bytes,
  count,
  far,
  forgotten,
  forgottenCount,
  hand,
  index,
  keys,
  near
}: Streams<I>): OwnStreams<I> => ({
  count,
  keys,
  near: near.slice(),
  far,
  index,
  hand,
  bytes,
  forgotten,
  forgottenCount
})

const withFar = <I extends Key>(streams: Streams<I>, place: number, stream: Stream<I>, bytes: number): Streams<I> => {
  const { far } = streams
  const number = Math.floor(place / chunkSize)
  const chunk = (far[number] ?? []).slice()
  chunk[place % chunkSize] = stream
  const chunks = far.slice()
  chunks[number] = chunk
  return { ...streams, far: chunks, bytes }
}

/** Takes in a new stream; its slot. If the table is full another makes room: what is owed of it is lost. */
const insert = <I extends Key, A>(t: Transition<I, A>, stream: Stream<I>): number => {
  const { state } = t
  const full = state.streams.count >= state.config.sourcesSize
  // What is known of it stands in its stream from now on. First, since its place may be what the one that makes room needs.
  state.streams = withoutForgotten(state.streams, stream)
  const slot = full ? makeRoom(t) : state.streams.count
  // Among the gaps the place of the one that makes room stays, as that of any that has closed, until they are gone through.
  const gap = full ? at(state.streams, slot)?.gap : undefined
  const placed = gap === undefined ? stream : { ...stream, gap: { ...gap, open: false } }
  put(t, slot, placed)
  const { streams } = state
  const count = full ? streams.count : streams.count + 1
  const keys = slot < nearSize ? setAt(streams.keys, slot, stream.source) : streams.keys
  let { index } = streams
  if (count > nearSize) {
    // The first time that the near ones do not hold them all.
    if (HashMap.isEmpty(index)) for (let i = 0; i < nearSize; i++) index = listed(streams, index, i)
    index = listed(streams, index, slot)
  }
  state.streams = { ...streams, count, keys, index }
  return slot
}

const setAt = <T>(list: ReadonlyArray<T>, index: number, item: T): ReadonlyArray<T> => {
  const copy = list.slice()
  copy[index] = item
  return copy
}

const listed = <I extends Key>(streams: Streams<I>, index: Streams<I>["index"], slot: number): Streams<I>["index"] => {
  const stream = at(streams, slot)
  if (stream === undefined) return index
  const { epoch, source, topic } = stream
  const slots = Option.getOrElse(HashMap.get(index, source), () => noSlots)
  const place = placeOf(slots, (other) => at(streams, other), epoch, topic)
  return slots[place] === slot ? index : HashMap.set(index, source, slots.toSpliced(place, 0, slot))
}

/**
 * Whether one stream makes room rather than another: one of which nothing is owed, so that nothing is lost; of two alike, the
 * one that has been silent longer.
 */
const isBefore = <I extends Key>(one: Stream<I> | undefined, other: Stream<I> | undefined): boolean => {
  const isOwed = owes(one)
  return isOwed === owes(other) ? (one?.usedAt ?? 0) < (other?.usedAt ?? 0) : !isOwed
}

const owes = <I extends Key>(stream: Stream<I> | undefined): boolean => stream?.gap !== undefined && hasOwedGap(stream)

/** Tells the application what it will never get. */
export const lag = <I extends Key, A>(
  t: Transition<I, A>,
  { epoch, source, topic }: Origin<I>,
  runs: ReadonlyArray<number>
): void => {
  for (let i = 0; i + 1 < runs.length; i += 2) {
    t.outputs.push({ _tag: "Lagged", topic, source, epoch, first: runs[i] ?? 0, last: runs[i + 1] ?? 0 })
  }
}

/** One of a few makes room; its slot. */
const makeRoom = <I extends Key, A>(t: Transition<I, A>): number => {
  const { state } = t
  const { count, hand } = state.streams
  let slot = hand % count
  for (let i = 1; i < Math.min(sampled, count); i++) {
    const other = (hand + i) % count
    if (isBefore(at(state.streams, other), at(state.streams, slot))) slot = other
  }
  const victim = at(state.streams, slot)
  if (victim === undefined) return slot
  const runs: Array<number> = []
  const { floor } = giveUp(victim, victim.top, runs)
  lag(t, victim, runs)
  const { epoch, source, topic } = victim
  // What is too old nobody would have been sent, though it is kept until the next sweep.
  const { count: messages } = Held.withoutOlder(victim.held, t.now - state.config.retainedMillis)
  if (messages > 0) t.outputs.push({ _tag: "MadeRoom", topic, source, epoch, messages })
  const streams = state.streams
  const before = slotsOf(streams, victim.source)
  const slots = before.toSpliced(
    placeOf(before, (other) => at(streams, other), victim.epoch, victim.topic),
    1
  )
  state.streams = {
    ...remembered(streams, victim, floor, state.config.sourcesSize),
    index:
      count <= nearSize
        ? streams.index
        : slots.length === 0
          ? HashMap.remove(streams.index, victim.source)
          : HashMap.set(streams.index, victim.source, slots),
    hand: (hand + sampled) % count
  }
  return slot
}

/** Remembers what is done of a stream that is dropped: in two generations, the elder of which goes when the younger is full. */
const remembered = <I extends Key>(streams: Streams<I>, origin: Origin<I>, floor: number, size: number): Streams<I> => {
  const { source, epoch, topic } = origin
  // Nothing was done of it.
  if (floor < 0) return streams
  const renew = streams.forgottenCount >= size
  const elder = renew ? streams.forgotten[0] : streams.forgotten[1]
  const young: Forgotten<I> = renew ? HashMap.empty() : streams.forgotten[0]
  const others = Option.getOrElse(HashMap.get(young, source), () => [])
  const all = others.toSpliced(placeOf(others, itself, epoch, topic), 0, { source, epoch, topic, floor })
  return {
    ...streams,
    forgotten: [HashMap.set(young, source, all), elder],
    forgottenCount: renew ? 1 : streams.forgottenCount + 1
  }
}

/** An origin comes again: it is in the table, and not among those that were dropped, where it would take the place of another. */
const withoutForgotten = <I extends Key>(streams: Streams<I>, origin: Origin<I>): Streams<I> => {
  const [young, elder] = streams.forgotten
  const younger = withoutOrigin(young, origin)
  if (younger !== young) {
    return { ...streams, forgotten: [younger, elder], forgottenCount: streams.forgottenCount - 1 }
  }
  const older = withoutOrigin(elder, origin)
  return older === elder ? streams : { ...streams, forgotten: [young, older] }
}

const withoutOrigin = <I extends Key>(generation: Forgotten<I>, origin: Origin<I>): Forgotten<I> => {
  if (HashMap.isEmpty(generation)) return generation
  const known = Option.getOrElse(HashMap.get(generation, origin.source), () => [])
  const place = placeOf(known, itself, origin.epoch, origin.topic)
  const found = known[place]
  if (found === undefined || !sameOrigin(found, origin)) return generation
  const others = known.toSpliced(place, 1)
  return others.length === 0
    ? HashMap.remove(generation, origin.source)
    : HashMap.set(generation, origin.source, others)
}

/** Up to which number an origin was done when its stream was dropped; −1 if it never was, or long ago. */
export const forgottenFloor = <I extends Key>({ forgotten }: Streams<I>, origin: Origin<I>): number => {
  for (const generation of forgotten) {
    if (HashMap.isEmpty(generation)) continue
    const known = Option.getOrElse(HashMap.get(generation, origin.source), () => [])
    const found = known[placeOf(known, itself, origin.epoch, origin.topic)]
    if (found !== undefined && sameOrigin(found, origin)) return found.floor
  }
  return -1
}

/**
 * Whether an origin is this node itself, now or when its epoch will have been raised: nobody knows better than we do what we have
 * published, and whoever says that there is more would keep it from being so.
 */
export const isOurs = <I extends Key, A>({ self }: State<I, A>, { epoch, source }: Origin<I>): boolean =>
  source === self.id && epoch >= self.epoch

/** Whether a message is done here, also if its origin has made room since, or would be in our name: nobody is asked for it. */
export const isOver = <I extends Key, A>(
  state: State<I, A>,
  stream: Stream<I> | undefined,
  id: MessageId<I>
): boolean =>
  (stream === undefined ? forgottenFloor(state.streams, id) >= id.sequence : isDone(stream, id.sequence)) ||
  isOurs(state, id)

/** How the stream of an origin begins that is not in the table. */
interface Beginning {
  /** The number that sets its baseline. */
  readonly first: number
  /** What was published before that one is wanted too. */
  readonly older: boolean
  /** Nothing of it has come. */
  readonly hearsay: boolean
}

/** The slot of an origin, in which its stream begins if there is none yet. */
export const slotFor = <I extends Key, A>(t: Transition<I, A>, origin: Origin<I>, beginning: Beginning): number => {
  const { state } = t
  const slot = slotOf(state.streams, origin.source, origin.epoch, origin.topic)
  return slot >= 0 ? slot : insert(t, fresh(state, origin, beginning, t.now))
}

/** A stream of which nothing is known but how it begins. Of one that was dropped, what was done stays done. */
const fresh = <I extends Key, A>(
  { config, streams }: Draft<I, A>,
  { epoch, source, topic }: Origin<I>,
  { first, hearsay, older }: Beginning,
  now: number
): Stream<I> => {
  const done = forgottenFloor(streams, { source, epoch, topic })
  // Older ones may still be under way, and are welcome while the window reaches to them, owed or not.
  const floor = done >= 0 ? done : hearsay ? -1 : Math.max(-1, first - config.windowSize)
  return {
    source,
    epoch,
    topic,
    floor,
    above: noSlots,
    owed: done >= 0 ? done + 1 : first,
    wanted: done >= 0 || older ? floor + 1 : first,
    top: done >= 0 ? done : Math.max(floor, first - 1),
    usedAt: now,
    depth: 0,
    held: nothingHeld,
    gap: undefined
  }
}

/** Keeps a message of the stream in this slot, within every bound. */
export const keep = <I extends Key, A>(t: Transition<I, A>, slot: number, kept: Kept<I>): void => {
  const { config, streams } = t.state
  const stream = at(streams, slot)
  // While a verdict was awaited the origin may have made room, and begun anew.
  if (stream === undefined || !isDone(stream, kept.sequence) || bytesBeyond(config, kept)) return
  let held = Held.add(stream.held, kept)
  if (held.count > config.retainedMessages) held = Held.withoutFirst(held)
  put(t, slot, { ...stream, held, depth: kept.round > stream.depth ? kept.round : stream.depth })
  while (t.state.streams.bytes > config.retainedBytes && dropOne(t, slot));
}

const bytesBeyond = <I extends Key>({ retainedBytes }: Config, { payload }: Kept<I>): boolean =>
  Held.bytesOf(payload) > retainedBytes

/**
 * Drops the oldest kept message of a stream that holds more than its share of the bytes: of this one, or of the next that
 * does. There is one, or the sum would be within the bound. What has just come goes last: if it is all that is kept of its origin it
 * would be kept by nobody who is this full, and whoever misses it asks for it now.
 */
const dropOne = <I extends Key, A>(t: Transition<I, A>, slot: number): boolean => {
  const { config, streams } = t.state
  const share = config.retainedBytes / streams.count
  const own = at(streams, slot)?.held ?? nothingHeld
  if (own.bytes > share && own.count > 1) return dropFirst(t, slot)
  for (let i = 0; i < streams.count; i++) {
    const candidate = (streams.hand + i) % streams.count
    if (candidate === slot || (at(streams, candidate)?.held.bytes ?? 0) <= share) continue
    dropFirst(t, candidate)
    t.state.streams = { ...t.state.streams, hand: candidate }
    return true
  }
  return own.bytes > share && dropFirst(t, slot)
}

const dropFirst = <I extends Key, A>(t: Transition<I, A>, slot: number): boolean => {
  const stream = at(t.state.streams, slot)
  if (stream !== undefined) put(t, slot, { ...stream, held: Held.withoutFirst(stream.held) })
  return stream !== undefined
}

/** How often what is kept is looked through for what is too old: it stays an eighth of its time too long at most. */
export const sweepMillis = ({ retainedMillis }: Config): number => Math.max(1_000, Math.ceil(retainedMillis / 8))

/** Drops everything published before an instant. */
export const sweep = <I extends Key, A>(t: Transition<I, A>, bornAt: number): void => {
  for (let slot = 0; slot < t.state.streams.count; slot++) {
    const stream = at(t.state.streams, slot)
    if (stream === undefined || stream.held.count === 0) continue
    const held = Held.withoutOlder(stream.held, bornAt)
    if (held !== stream.held) put(t, slot, { ...stream, held })
  }
}
