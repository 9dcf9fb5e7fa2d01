/**
 * Gaps in the numbers of a stream are filled by asking neighbours, one at a time.
 *
 * A gap shows when a later message comes, or when a neighbour's digest names what is not here. Before the first message
 * of an origin there may be one too: what neighbours keep of earlier ones is asked for, and what nobody keeps is no
 * loss. Those that named it are asked first, then the others in their turn, and after a pause all of them again, since
 * one that had nothing may have got it meanwhile; until it is given up (`Gaps.ts`).
 *
 * What a neighbour is asked for is bounded, and so is what it sends at once (`Answer.ts`): one FETCH to each is open, and the
 * next begins when it has ended.
 *
 * @since 0.1.0
 */
import { earlier } from "../internal/slots.ts"
import type { Key, Peer } from "../Peer.ts"
import {
  begunAnew,
  briefEnd,
  changeGap,
  giveUpLate,
  holderPatience,
  listGaps,
  onGone,
  openGap,
  shortenPause,
  wantFrom
} from "./Gaps.ts"
import * as Held from "./Held.ts"
import type { Gone, Ranges } from "./Message.ts"
import { countAbove, doneUntil, gapsOf, hasGap, isApart, latest, mostNamed, wantsOlder } from "./Seen.ts"
import { freshLink, type Gap, indexOf, type Link, type Stream, type Upkeep } from "./State.ts"
import { at, put, slotOf } from "./Streams.ts"
import { changeLink, changeUpkeep, type Transition } from "./Transition.ts"
import { hasRoomToJudge } from "./Verdict.ts"

const none: ReadonlyArray<never> = []
const noSlots: ReadonlySet<number> = new Set()

/** How many gaps are gone through in a millisecond of all time at most: less than an eighth of it. */
const gapsAMilli = 256

/** One of so many of the gaps that a FETCH may name is hearsay at least, if there is any. */
const hearsayShare = 4

/** Something of a stream has come, from whom if it was asked for, or is known to exist: a gap opens, makes progress, or closes. */
export const afterSeen = <I extends Key, A>(
  t: Transition<I, A>,
  slot: number,
  floorBefore: number,
  sequence: number,
  askedOf: I | undefined
): void => {
  const { now, state } = t
  const stream = at(state.streams, slot)
  if (stream === undefined || !state.config.recovery) return
  const { gap } = stream
  const isAsked = askedOf !== undefined
  if (!hasGap(stream)) {
    if (gap?.open === true) put(t, slot, { ...stream, gap: { ...gap, open: false } })
  } else if (gap?.open !== true) {
    // Most gaps close by themselves: what is missing comes by a longer way.
    const due = now + t.strategy.gapPatience(state.config)
    openGap(t, slot, due)
    if (gap === undefined) listGaps(t, [slot])
    changeUpkeep(t, { gapsAt: earlier(t.state.upkeep.gapsAt, due) })
  } else if ((stream.floor > floorBefore || sequence < stream.owed) && (isAsked || stream.above.length > 0)) {
    // What comes along the tree is no progress with what is only hearsay, or that would be asked for as long as a source lives.
    put(t, slot, { ...stream, gap: { ...gap, ...again(gap, askedOf), ...begunAnew(stream, now) } })
    shortenPause(t, slot)
  } else if (stream.floor > floorBefore && gap.holders.length > 0 && gap.due > now) {
    // What was announced and has not been asked for yet (`waitForHolder`): the tree brings what was published before it.
    put(t, slot, { ...stream, gap: { ...gap, due: now + holderPatience(t) } })
  } else if (isAsked && sequence <= gap.known) {
    changeGap(t, slot, { ...again(gap, askedOf), brought: sequence })
  }
  if (gap?.open === true && isApart(stream, sequence)) shortenPause(t, slot)
  hurry(t, slot)
}

/** Whose answer was waited for no longer, and comes after all, is asked once more: it may have more. */
const again = <I extends Key>({ asked, goOn }: Gap<I>, id: I | undefined): Partial<Gap<I>> =>
  id !== undefined && asked.includes(id) ? { asked: asked.filter((other) => other !== id), goOn: [...goOn, id] } : {}

/** After how many later messages of its origin what is missing is fetched ahead of its time, at least. */
const leastAhead = 32

/**
 * Where an origin publishes faster than what is kept lasts, a gap cannot wait until it is due: neighbours keep about as much as
 * this node does. So it is due once a quarter as much has come after it, and again after as much more. That many have hardly
 * overtaken it on their way. What has come counts, not how far its numbers reach: a member could jump ahead with each message, and have
 * everybody ask all neighbours each time.
 */
const hurry = <I extends Key, A>(t: Transition<I, A>, slot: number): void => {
  const { now, state } = t
  const stream = at(state.streams, slot)
  const gap = stream?.gap
  if (stream === undefined || gap?.open !== true || gap.asking !== undefined || gap.due <= now) return
  const ahead = Math.max(leastAhead, stream.held.count >> 2)
  const come = latest(stream)
  const from = Math.max(doneUntil(stream, stream.owed), gap.hurried)
  if (come < from + ahead || countAbove(stream, from) < ahead) return
  put(t, slot, { ...stream, gap: { ...gap, due: now, hurried: come } })
  // Of the others nothing has changed, and there may be many.
  askForGaps(t, new Set([slot]), true)
}

/**
 * Goes through the gaps: gives up what has been open too long, and asks whom there is to ask. To be called whenever a
 * neighbour has become free to be asked, a gap has opened, or one is due. `changed`: of these something is known that may
 * have them looked at sooner; `alone`: and no other has changed, nor a neighbour.
 */
export const askForGaps = <I extends Key, A>(
  t: Transition<I, A>,
  changed: ReadonlySet<number> = noSlots,
  alone = false
): void => {
  const { now, state } = t
  const { gapsAt } = state.upkeep
  if (state.upkeep.gaps.length === 0) {
    // The last may have gone with its stream.
    if (gapsAt !== 0) changeUpkeep(t, { gapsAt: 0 })
    return
  }
  const { digestSize: most, fetchMillis } = state.config
  const batches: Batches<I> = { all: new Map(), most, mayFetchJudged: undefined, judgedBy: undefined }
  const closed = new Set<number>()
  // Before the first is due most need no look: they wait for whom they have asked, or could ask. Anybody can have many opened.
  const isEarly = !alone && now < gapsAt
  let next = 0
  const look = (slot: number): void => {
    if (isEarly && !changed.has(slot) && isWaiting(t, slot, batches)) return
    const at = lookAfter(t, slot, batches)
    if (at === undefined) closed.add(slot)
    else next = earlier(next, at)
  }
  lookInTurn(t, alone ? changed : state.upkeep.gaps, batches, look)
  const { gaps: all } = state.upkeep
  const gaps = closed.size === 0 ? all : all.filter((slot) => !closed.has(slot))
  // To go through many takes a while, and is not to be done again for each of their times.
  const pauseMillis = Math.floor(gaps.length / gapsAMilli)
  const after = next === 0 ? 0 : Math.max(next, now + pauseMillis)
  // Whoever has some looked at more often than that would put off the others for ever, were their time moved with it.
  changeUpkeep(t, { gaps, gapsAt: gaps.length === 0 ? 0 : alone || isEarly ? earlier(gapsAt, after) : after })
  for (const [index, wanted] of batches.all) {
    const to = state.neighbors[index]
    if (to === undefined) continue
    changeLink(t, index, { fetchAt: now + fetchMillis, fetched: 0, reached: -1 })
    t.outputs.push({ _tag: "Send", to, message: { _tag: "Fetch", wanted } })
  }
}

/**
 * Looks at gaps, those below what has come first: that shows that what is missing there was published. Of hearsay there can be any
 * amount, and it waits its turn; but any amount of the other can be brought about as well, and leaves it a part of each FETCH.
 */
const lookInTurn = <I extends Key, A>(
  { state }: Transition<I, A>,
  slots: Iterable<number>,
  batches: Batches<I>,
  look: (slot: number) => void
): void => {
  const { digestSize } = state.config
  const owed: Array<number> = []
  const hearsay: Array<number> = []
  for (const slot of slots) {
    const list = (at(state.streams, slot)?.above.length ?? 0) > 0 ? owed : hearsay
    list.push(slot)
  }
  const part = hearsay.length === 0 ? digestSize : digestSize - Math.floor(digestSize / hearsayShare)
  batches.most = part
  for (const slot of owed) look(slot)
  batches.most = digestSize
  for (const slot of hearsay) look(slot)
  // What is left of it the others may have.
  const isLeft = ({ length }: ReadonlyArray<unknown>): boolean => length >= part && length < digestSize
  if ([...batches.all.values()].some(isLeft)) for (const slot of owed) look(slot)
}

/**
 * Whether messages of validated topics may be asked for. What is fetched comes as fast as a neighbour sends it, and what there is no
 * room for among those that wait for a verdict would be ignored: so one neighbour is asked at a time, and once its answer is judged. One
 * that answers for longer than a verdict may take keeps the others waiting no more.
 */
const mayFetchJudged = <I extends Key, A>({ now, state }: Transition<I, A>): boolean => {
  const { config, streams, upkeep } = state
  const { gaps, validated, waiting } = upkeep
  if (!hasRoomToJudge(config, waiting)) return false
  return gaps.every((slot) => {
    const stream = at(streams, slot)
    const asking = stream?.gap?.asking
    if (stream === undefined || asking === undefined || now - asking.since >= config.verdictMillis) return true
    return !validated.includes(stream.topic)
  })
}

/** One has been judged: there may be room for an answer, which there was not while these waited. */
export const askOnceJudged = <I extends Key, A>(t: Transition<I, A>, before: Upkeep<I, A>["waiting"]): void => {
  const { config, upkeep } = t.state
  if (upkeep.gaps.length === 0 || upkeep.waiting.length >= before.length) return
  if (!hasRoomToJudge(config, before) && hasRoomToJudge(config, upkeep.waiting)) askForGaps(t)
}

/** Whether a neighbour can be asked for one more gap. */
const isFree = <I extends Key, A>({ state }: Transition<I, A>, index: number, { all, most }: Batches<I>): boolean =>
  state.links[index]?.fetchAt === 0 && (all.get(index)?.length ?? 0) < most

/** Whether a gap that is not due has nobody to ask yet: who has been asked has not answered, or who is left is busy. */
const isWaiting = <I extends Key, A>(t: Transition<I, A>, slot: number, batches: Batches<I>): boolean => {
  const gap = at(t.state.streams, slot)?.gap
  if (gap?.open !== true) return false
  if (gap.asking !== undefined || gap.due > t.now) return true
  const { neighbors } = t.state
  let isLeft = false
  for (let index = 0; index < neighbors.length; index++) {
    const id = neighbors[index]?.id
    if (id === undefined || gap.asked.includes(id)) continue
    if (isFree(t, index, batches)) return false
    // Where only those are left that have answered and have more, all have been asked: since when is to be noted.
    if (gap.allAskedAt !== undefined || !gap.goOn.includes(id)) isLeft = true
  }
  return isLeft
}

/** One gap: when to look at it again; undefined if it is closed. */
const lookAfter = <I extends Key, A>(t: Transition<I, A>, slot: number, batches: Batches<I>): number | undefined => {
  const { now, state } = t
  const { config, neighbors, upkeep } = state
  const stream = at(state.streams, slot)
  if (stream?.gap === undefined) return undefined
  if (stream.gap.open && wantsOlder(stream) && now >= briefEnd(t, stream, stream.gap)) wantFrom(t, slot, stream.owed)
  const end = giveUpLate(t, slot)
  const wanting = at(state.streams, slot)
  if (wanting?.gap?.open !== true) {
    if (wanting !== undefined) put(t, slot, { ...wanting, gap: undefined })
    return undefined
  }
  const { gap } = wanting
  if (gap.asking !== undefined) return end
  if (gap.due > now) return Math.min(end, gap.due)
  const left = candidates(gap, neighbors)
  const isAsked = gap.allAskedAt === undefined && haveAllBeenAsked(gap, left, neighbors)
  const allAskedAt = isAsked ? now : gap.allAskedAt
  const next = isAsked ? Math.min(end, now + config.gapMillis) : end
  if (left.length === 0) {
    // All have been asked: the same once more, after a pause, in which they may get what they lack themselves. Each pause
    // is half as long as the gap has been open.
    const due = now + Math.max(config.fetchMillis, Math.floor((now - gap.since) / 2))
    changeGap(t, slot, { asked: none, roundAt: now, allAskedAt, holders: none, due })
    return Math.min(next, due)
  }
  if (isAsked) changeGap(t, slot, { allAskedAt })
  const isJudged = upkeep.validated.length > 0 && upkeep.validated.includes(wanting.topic)
  // Once some have been judged, or the answer that is under way has ended, or takes too long, we come back.
  if (isJudged && !(batches.mayFetchJudged ??= mayFetchJudged(t))) return Math.min(next, now + config.verdictMillis)
  const free = left.find((id) => {
    const index = indexOf(state, id)
    return isFree(t, index, batches) && (!isJudged || index === (batches.judgedBy ?? index))
  })
  if (free !== undefined) askFor(t, slot, wanting, free, isJudged, batches)
  // If all that are left are busy, the end of what they are busy with brings us back.
  return next
}

/**
 * Whether of a gap all neighbours have been asked, of whom these are left in its round: none, or only such as have answered and have
 * more. Who was asked in the round before something came has not been asked for what is missing since.
 */
const haveAllBeenAsked = <I extends Key, A>(
  { goOn, roundAt, since }: Gap<I>,
  left: ReadonlyArray<I>,
  neighbors: ReadonlyArray<Peer<I, A>>
): boolean => neighbors.length > 0 && left.every((id) => goOn.includes(id)) && (left.length > 0 || since <= roundAt)

/** What is missing of a stream goes into the FETCH to a neighbour. */
const askFor = <I extends Key, A>(
  t: Transition<I, A>,
  slot: number,
  stream: Stream<I>,
  id: I,
  isJudged: boolean,
  batches: Batches<I>
): void => {
  const index = indexOf(t.state, id)
  if (isJudged) batches.judgedBy = index
  const missing = gapsOf(stream)
  const runs = missing.slice(0, 2 * mostNamed(t.state.config))
  const before = batches.all.get(index) ?? []
  batches.all.set(index, [...before, rangesOf(stream, runs)])
  const upTo = runs.length < missing.length ? (runs[runs.length - 1] ?? -1) : -1
  changeGap(t, slot, { asking: { id, since: t.now, place: before.length, upTo } })
}

/** What is to be asked, and of whom. */
interface Batches<I extends Key> {
  /** Of the neighbour at each index. */
  readonly all: Map<number, ReadonlyArray<Ranges<I>>>
  /** For how many gaps each may be asked by now. */
  most: number
  /** Undefined: no gap has needed to know. */
  mayFetchJudged: boolean | undefined
  /** The index of the one that is asked for messages of validated topics. */
  judgedBy: number | undefined
}

/**
 * Whom to ask, in this order: those that have named it, the others, and who has answered and has more, the last that did last; else one
 * that has always more, and sends next to nothing of it, would be the only one asked. None twice in a round, but for that.
 */
const candidates = <I extends Key, A>(
  { asked, goOn, holders }: Gap<I>,
  neighbors: ReadonlyArray<Peer<I, A>>
): ReadonlyArray<I> => {
  const others = neighbors.map(({ id }) => id).filter((id) => !asked.includes(id) && !goOn.includes(id))
  const named = others.filter((id) => holders.includes(id))
  return named.length > 0 ? named : others.length > 0 ? others : goOn
}

const rangesOf = <I extends Key>({ epoch, source, topic }: Stream<I>, runs: ReadonlyArray<number>): Ranges<I> => ({
  source,
  epoch,
  topic,
  runs
})

/** An answer that brings one of so many parts of fetchBytes in each half of gapMillis is slow, and not held back. */
const slowParts = 16

/** For so many of them it is waited for longer: who holds back an answer on purpose keeps others from being asked for so long. */
const waitedParts = 5

/**
 * A fetched message has come that was new, of a stream with this gap: the neighbour is still at it, if it was asked for that. But in all
 * it has no longer than leaves others half of the time in which a gap is given up: what is sent one by one would never end. A slow link
 * needs longer, and what is under way on it is not to be asked of others as well.
 */
export const onFetchedMessage = <I extends Key, A>(
  t: Transition<I, A>,
  index: number,
  gap: Gap<I> | undefined,
  payload: Uint8Array
): void => {
  const { config, links, neighbors } = t.state
  const link = links[index]
  const asking = gap?.asking
  if (link === undefined || link.fetchAt === 0 || asking === undefined || asking.id !== neighbors[index]?.id) return
  const fetched = link.fetched + Held.bytesOf(payload)
  const reached = Math.max(link.reached, asking.place)
  const parts = Math.min(waitedParts, Math.floor((slowParts * fetched) / config.fetchBytes))
  const end = asking.since + Math.max(config.fetchMillis, Math.floor(config.gapMillis / 2)) * (1 + parts)
  changeLink(t, index, { fetchAt: Math.min(t.now + config.fetchMillis, end), fetched, reached })
}

/**
 * The end of an answer: what is still missing is asked of the next, and of this neighbour again if it has more. What it says to be over
 * counts as well if it was waited for no longer, or where all answer late nothing would ever be over.
 */
export const onFetched = <I extends Key, A>(
  t: Transition<I, A>,
  index: number,
  gone: ReadonlyArray<Gone<I>>,
  more: boolean
): void => {
  const { state } = t
  const link = state.links[index]
  const from = state.neighbors[index]
  if (link === undefined || from === undefined) return
  const isLate = link.fetchAt === 0
  if (!isLate) {
    release(t, from.id, link, more)
    changeLink(t, index, { fetchAt: 0 })
  }
  const over = new Set<number>()
  for (const { below, epoch, source, topic } of gone) {
    const slot = slotOf(state.streams, source, epoch, topic)
    if (at(state.streams, slot)?.gap?.open !== true) continue
    onGone(t, slot, from.id, below)
    over.add(slot)
  }
  if (!isLate || over.size > 0) askForGaps(t, over, isLate)
}

/**
 * Whatever this neighbour was asked for, somebody else may be asked for; or again this one. An answer is bounded, and begins with the
 * first gap: that of which something came last is asked for last, so that one that does not end keeps no other waiting. Nor do those of
 * validated topics, for which one neighbour is asked at a time: it is another's turn.
 */
const release = <I extends Key, A>(t: Transition<I, A>, id: I, { reached }: Link, more: boolean): void => {
  const { gaps, validated } = t.state.upkeep
  const released = new Map<number, number>()
  const judged = new Set<number>()
  let last = 0
  for (const slot of gaps) {
    const stream = at(t.state.streams, slot)
    const gap = stream?.gap
    if (stream === undefined || gap?.asking?.id !== id) continue
    const { place, upTo } = gap.asking
    // Who was asked for the first gaps of many, and has brought some, may have the others as well.
    const hasOthers = upTo >= 0 && doneUntil(stream, upTo + 1) <= stream.top
    const again = reached >= 0 && (more || hasOthers)
    // What was named before the last that it has brought some of it has answered in full.
    const hadNoRoom = again && place >= reached
    const heard = gap.unheard.filter((other) => other !== id)
    const others = gap.goOn.filter((other) => other !== id)
    const round = again ? { goOn: [...others, id] } : { goOn: others, asked: [...gap.asked, id] }
    changeGap(t, slot, { asking: undefined, due: t.now, unheard: hadNoRoom ? [...heard, id] : heard, ...round })
    released.set(slot, gap.since)
    if (validated.includes(stream.topic)) judged.add(slot)
    last = Math.max(last, gap.since)
  }
  const isLast = (slot: number): boolean => released.get(slot) === last
  const lasts = gaps.filter(isLast)
  const afterOthers = gaps.filter((slot) => judged.has(slot) && !isLast(slot))
  if (lasts.length < gaps.length && lasts.length > 0) {
    const others = gaps.filter((slot) => !judged.has(slot) && !isLast(slot))
    changeUpkeep(t, { gaps: [...others, ...afterOthers, ...lasts] })
  }
}

/** FETCHes that have brought nothing for too long. */
export const abandonFetches = <I extends Key, A>(t: Transition<I, A>): void => {
  t.state.links.forEach(({ fetchAt }, index) => {
    const peer = t.state.neighbors[index]
    if (fetchAt === 0 || fetchAt > t.now || peer === undefined) return
    release(t, peer.id, freshLink, false)
    changeLink(t, index, { fetchAt: 0 })
  })
}
