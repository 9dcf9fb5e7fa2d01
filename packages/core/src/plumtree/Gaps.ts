/**
 * What is known of the gaps in the numbers of streams: of whom each may be asked, how long it is open, and when it is given up.
 *
 * A gap is given up when every neighbour says that it is over there; when one says so, all have been asked, and nothing of it has come
 * for `gapMillis` since; when nothing of it has come for as long as messages are kept; and when the window moves past it. Nobody's word
 * counts for `gapMillis` after one was lost that had named some of it. What is given up is what was missing all that time, and no later
 * gap with it. Who is asked, and when, is in `Recovery.ts`.
 *
 * @since 0.1.0
 */
import { earlier } from "../internal/slots.ts"
import type { Key } from "../Peer.ts"
import { timeout1 } from "./Lateness.ts"
import { doubt, firstWanted, giveUp, hasGap, latest, wantsOlder } from "./Seen.ts"
import type { Gap, Stream } from "./State.ts"
import { at, lag, put } from "./Streams.ts"
import { changeUpkeep, type Transition } from "./Transition.ts"

const none: ReadonlyArray<never> = []

/**
 * Opens a gap in a stream that has one; nobody is asked before `due`, and then first those that hold some of it. It is to be listed
 * (`listGaps`).
 */
export const openGap = <I extends Key, A>(
  t: Transition<I, A>,
  slot: number,
  due: number,
  holders: ReadonlyArray<I> = none
): void => {
  const { now, state } = t
  const stream = at(state.streams, slot)
  if (stream === undefined) return
  const fresh: Gap<I> = {
    open: true,
    since: now,
    known: stream.top,
    due,
    hurried: latest(stream),
    asking: undefined,
    goOn: none,
    unheard: none,
    holders,
    asked: none,
    roundAt: now,
    allAskedAt: undefined,
    namerLostAt: undefined,
    brought: -1,
    gone: none
  }
  put(t, slot, { ...stream, gap: fresh })
}

/** Lists gaps that have opened: all at once, since the list is copied. A stream may have made room since, and its gap be gone. */
export const listGaps = <I extends Key, A>(t: Transition<I, A>, slots: Iterable<number>): void => {
  const { streams, upkeep } = t.state
  const opened = [...slots].filter((slot) => at(streams, slot)?.gap !== undefined)
  if (opened.length > 0) changeUpkeep(t, { gaps: upkeep.gaps.concat(opened) })
}

/** Changes the gap of the stream in a slot. */
export const changeGap = <I extends Key, A>(t: Transition<I, A>, slot: number, change: Partial<Gap<I>>): void => {
  const stream = at(t.state.streams, slot)
  if (stream?.gap !== undefined) put(t, slot, { ...stream, gap: { ...stream.gap, ...change } })
}

/** What of a stream is missing now has been missing since now. */
export const begunAnew = <I extends Key>({ top }: Stream<I>, now: number): Partial<Gap<I>> => ({
  since: now,
  known: top,
  allAskedAt: undefined,
  brought: -1
})

/** Who has said that it keeps some of what is missing in the stream of this slot. */
export const holdersOf = <I extends Key, A>({ state }: Transition<I, A>, slot: number): ReadonlyArray<I> =>
  at(state.streams, slot)?.gap?.holders ?? none

/** A neighbour says that it keeps something that is missing in the stream of this slot: it is asked before others. */
export const addHolder = <I extends Key, A>(t: Transition<I, A>, slot: number, holder: I): void => {
  const gap = at(t.state.streams, slot)?.gap
  if (gap?.open !== true) return openGap(t, slot, t.now, [holder])
  changeGap(t, slot, { ...heldBy(gap, holder), due: gap.asking === undefined ? t.now : gap.due })
}

/** A neighbour has named something that is missing: if it was asked before, it may have got it since. */
const heldBy = <I extends Key>({ asked, gone, holders }: Gap<I>, holder: I): Partial<Gap<I>> => ({
  holders: holders.includes(holder) ? holders : [...holders, holder],
  asked: asked.filter((id) => id !== holder),
  gone: gone.filter(({ id }) => id !== holder)
})

/** How long what is only announced is left to come along the tree, or to be grafted. */
export const holderPatience = <I extends Key, A>(t: Transition<I, A>): number =>
  Math.max(t.strategy.gapPatience(t.state.config), timeout1(t))

/**
 * A neighbour has announced something that is missing in the stream of this slot: it is asked before others, but not before the tree
 * has had the time to bring it. If the stream had no gap it is to be listed (`listGaps`).
 */
export const waitForHolder = <I extends Key, A>(t: Transition<I, A>, slot: number, holder: I): void => {
  const gap = at(t.state.streams, slot)?.gap
  if (gap?.open === true) return changeGap(t, slot, heldBy(gap, holder))
  const due = t.now + holderPatience(t)
  openGap(t, slot, due, [holder])
  changeUpkeep(t, { gapsAt: earlier(t.state.upkeep.gapsAt, due) })
}

/** Something has come, or is newly missing, of what was asked for in vain so long that the pause is long: it may be had now. */
export const shortenPause = <I extends Key, A>(t: Transition<I, A>, slot: number): void => {
  const gap = at(t.state.streams, slot)?.gap
  const due = t.now + Math.max(t.state.config.fetchMillis, holderPatience(t))
  if (gap?.open !== true || gap.asking !== undefined || gap.due <= due) return
  changeGap(t, slot, { due })
  changeUpkeep(t, { gapsAt: earlier(t.state.upkeep.gapsAt, due) })
}

/** Whether anything is known of a neighbour that concerns a gap. */
const knows = <I extends Key>({ asked, asking, goOn, gone, holders }: Gap<I>, id: I): boolean =>
  asking?.id === id || [goOn, holders, asked].some((ids) => ids.includes(id)) || gone.some((other) => other.id === id)

/**
 * A neighbour was lost: what it was asked for is asked of others, and what it said of gaps is worth nothing, but that somebody keeps what
 * it has named. Where it was the last, all that there are have been asked.
 */
export const forgetHolder = <I extends Key, A>(t: Transition<I, A>, id: I): void => {
  const { config, neighbors } = t.state
  const isAlone = neighbors.length === 0
  // Which may be before it is due.
  if (isAlone && t.state.upkeep.gaps.length > 0)
    changeUpkeep(t, { gapsAt: earlier(t.state.upkeep.gapsAt, t.now + config.gapMillis) })
  for (const slot of t.state.upkeep.gaps) {
    const gap = at(t.state.streams, slot)?.gap
    if (gap?.open !== true) continue
    if (isAlone && gap.allAskedAt === undefined) changeGap(t, slot, { allAskedAt: t.now })
    if (!knows(gap, id)) continue
    changeGap(t, slot, {
      ...(gap.holders.includes(id) && !gap.asked.includes(id) ? { namerLostAt: t.now } : {}),
      ...(gap.asking?.id === id ? { asking: undefined, due: t.now } : {}),
      goOn: gap.goOn.filter((other) => other !== id),
      unheard: gap.unheard.filter((other) => other !== id),
      holders: gap.holders.filter((other) => other !== id),
      asked: gap.asked.filter((other) => other !== id),
      gone: gap.gone.filter((other) => other.id !== id)
    })
  }
}

/**
 * A neighbour has come, and has not been asked: what would be given up now waits until it can have named it. Where it is the only one
 * nobody has been asked, and it is before long.
 */
export const awaitNewcomer = <I extends Key, A>(t: Transition<I, A>): void => {
  const { config, neighbors } = t.state
  const isOnly = neighbors.length === 1
  const earliest = isOnly ? undefined : t.now + config.fetchMillis - config.gapMillis
  for (const slot of t.state.upkeep.gaps) {
    // The pause was for those that had been asked in vain.
    if (isOnly) shortenPause(t, slot)
    const gap = at(t.state.streams, slot)?.gap
    if (gap?.open !== true || gap.allAskedAt === undefined) continue
    if (earliest === undefined || gap.allAskedAt < earliest) changeGap(t, slot, { allAskedAt: earliest })
  }
}

/** Gives up what of a stream is not done up to a number. */
const giveUpTo = <I extends Key, A>(t: Transition<I, A>, slot: number, upTo: number): void => {
  const stream = at(t.state.streams, slot)
  if (stream === undefined) return
  const lost: Array<number> = []
  const next = giveUp(stream, upTo, lost)
  put(t, slot, next)
  lag(t, stream, lost)
  if (stream.gap !== undefined && !hasGap(next)) changeGap(t, slot, { open: false })
}

/** What is older is wanted as well, from a number on. Nobody has been asked for that, and what has been said to be over was not of it. */
export const wantedFrom = <I extends Key>(stream: Stream<I>, number: number): Stream<I> => {
  const { gap } = stream
  if (number >= stream.wanted) return stream
  return {
    ...stream,
    wanted: number,
    gap:
      gap === undefined
        ? undefined
        : { ...gap, asking: undefined, asked: none, goOn: none, unheard: none, allAskedAt: undefined, gone: none }
  }
}

/** What is older than a number, and not owed, is wanted no more. */
export const wantFrom = <I extends Key, A>(t: Transition<I, A>, slot: number, number: number): void => {
  const stream = at(t.state.streams, slot)
  if (stream === undefined) return
  const wanted = Math.max(stream.wanted, Math.min(number, stream.owed))
  // It is said in each round anew, and nothing is wanted less for that.
  if (wanted === stream.wanted) return
  const next = { ...stream, wanted }
  put(t, slot, next)
  // The rest has not been missing for as long: some of it may have come.
  changeGap(t, slot, hasGap(next) ? { allAskedAt: undefined } : { open: false })
}

/** Until when one that has named some of it, and is no neighbour any more, is taken to keep it: it may come back, or have passed it on. */
const keptUntil = <I extends Key, A>({ state }: Transition<I, A>, { namerLostAt }: Gap<I>): number =>
  namerLostAt === undefined ? 0 : namerLostAt + state.config.gapMillis

/** Of what was missing up to `below` a neighbour has sent what it had, and will never send the rest. What none of them will is lost. */
export const onGone = <I extends Key, A>(t: Transition<I, A>, slot: number, id: I, below: number): void => {
  const { neighbors, streams } = t.state
  const gap = at(streams, slot)?.gap
  if (gap?.open !== true) return
  // What it has named since it said that, it has yet to be asked for.
  if (gap.holders.includes(id) && !gap.asked.includes(id) && !gap.goOn.includes(id)) return
  const gone = [...gap.gone.filter((other) => other.id !== id), { id, below }]
  changeGap(t, slot, { gone })
  let lost = Infinity
  for (const neighbor of neighbors) {
    lost = Math.min(lost, gone.find((other) => other.id === neighbor.id)?.below ?? -1)
  }
  const stream = at(t.state.streams, slot)
  if (stream === undefined || !(lost > 0 && lost < Infinity) || t.now < keptUntil(t, gap)) return
  if (lost > stream.owed) giveUpTo(t, slot, Math.min(lost - 1, stream.top))
  else wantFrom(t, slot, lost)
}

/**
 * When a gap is given up because one says that it is over, or what is older because nobody brings it. All are to have been asked first,
 * and to have had the time to answer: they may have much to answer before, which anybody can bring about, and messages of validated
 * topics are not asked for at all times. Nor has who had no room left for it in an answer.
 */
export const briefEnd = <I extends Key, A>(t: Transition<I, A>, stream: Stream<I>, gap: Gap<I>): number => {
  const { allAskedAt, brought, since, unheard } = gap
  const { config, neighbors } = t.state
  if (unheard.length > 0 && brought < firstWanted(stream)) return Infinity
  return Math.max((allAskedAt ?? (neighbors.length === 0 ? since : Infinity)) + config.gapMillis, keptUntil(t, gap))
}

/**
 * Gives up, of what has been missing too long, what a neighbour has said to be over, or all of it; when the rest is to be looked at
 * again. What is newer than that may be under way.
 */
export const giveUpLate = <I extends Key, A>(t: Transition<I, A>, slot: number): number => {
  const { now } = t
  const { fetchMillis, gapMillis, retainedMillis } = t.state.config
  for (;;) {
    const stream = at(t.state.streams, slot)
    const gap = stream?.gap
    if (stream === undefined || gap?.open !== true) return 0
    if (!hasGap(stream)) {
      changeGap(t, slot, { open: false })
      return 0
    }
    const first = firstWanted(stream)
    if (first > gap.known) {
      changeGap(t, slot, begunAnew(stream, now))
      continue
    }
    // What a neighbour said of older numbers says nothing of the first that is missing now.
    let over = -1
    for (const { below } of gap.gone) if (below > first && below > over) over = below
    // Who has named some of it, and has not answered yet, may bring it: the gap may have been open for long because nobody was there.
    const isPromised = gap.holders.some((id) => !gap.asked.includes(id))
    const isBrief = (over >= 0 && !isPromised) || wantsOlder(stream)
    const end = Math.min(isBrief ? briefEnd(t, stream, gap) : Infinity, gap.since + Math.max(gapMillis, retainedMillis))
    if (now < end) return end
    if (first > latest(stream)) {
      // Nothing that came was published after it: perhaps it never was. What has been asked for may be on its way.
      if (gap.asking !== undefined) return now + fetchMillis
      put(t, slot, doubt(stream))
      continue
    }
    const upTo = over >= 0 ? Math.min(over - 1, gap.known) : gap.known
    // What follows that which was brought last may be on its way.
    const isOnItsWay = over >= 0 && gap.brought > first && (gap.asking !== undefined || gap.goOn.length > 0)
    giveUpTo(t, slot, isOnItsWay ? Math.min(upTo, gap.brought) : upTo)
    const rest = at(t.state.streams, slot)
    // Of what is left as hearsay some may have come meanwhile: above what was missing it counted for nothing.
    if (rest?.gap?.open === true && (isOnItsWay || rest.above.length === 0)) changeGap(t, slot, begunAnew(rest, now))
  }
}

/** Nothing is waited for any more: what is open is lost. */
export const closeGaps = <I extends Key, A>(t: Transition<I, A>): void => {
  for (const slot of t.state.upkeep.gaps) {
    const stream = at(t.state.streams, slot)
    if (stream === undefined) continue
    giveUpTo(t, slot, stream.top)
    const closed = at(t.state.streams, slot)
    if (closed !== undefined) put(t, slot, { ...doubt(closed), gap: undefined })
  }
  changeUpkeep(t, { gaps: none, gapsAt: 0 })
}
