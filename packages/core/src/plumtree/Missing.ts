/**
 * Messages that were announced and have not come. After timeout1 (or at once, where the tree has been lost) the first announcer is
 * grafted, and after timeout2 the next, until the payload is there or nobody is left. One that nobody is left for is forgotten: a later
 * IHAVE begins anew.
 *
 * @since 0.1.0
 */
import { earlier } from "../internal/slots.ts"
import type { Key, Peer } from "../Peer.ts"
import { timeout2, wasLate } from "./Lateness.ts"
import { type Announcement, keyOf, type MessageId, sameMessage } from "./Message.ts"
import { isDone, isSequence } from "./Seen.ts"
import { indexOf, maxNeighbors, type Missing } from "./State.ts"
import { at, isOver, slotOf, streamOf } from "./Streams.ts"
import { armTimer, clearTimer, type Transition } from "./Transition.ts"

const none: ReadonlyArray<never> = []

/** IHAVE received. What there was no room for among the missing is handed back: it is for `Overflow.ts`. */
export const onIHave = <I extends Key, A>(
  t: Transition<I, A>,
  from: Peer<I, A>,
  index: number,
  announcements: ReadonlyArray<Announcement<I>>
): ReadonlyArray<MessageId<I>> => {
  const { state, strategy } = t
  if (!strategy.grafts) return none
  const left: Array<MessageId<I>> = []
  let search: Search<I> | undefined
  for (const { id, round } of announcements) {
    if (!isSequence(id.sequence) || !isSequence(id.epoch)) continue
    const slot = slotOf(state.streams, id.source, id.epoch, id.topic)
    const stream = at(state.streams, slot)
    if (stream !== undefined && isDone(stream, id.sequence)) strategy.onKnownAnnounced(t, slot, id, round, index)
    else if (!isOver(state, stream, id)) {
      search ??= searchFor(state.missing, announcements.length)
      if (!remember(t, search, from.id, id, round)) left.push(id)
    }
  }
  if (search !== undefined) state.missing = search.missing
  armGraftTimer(t)
  return left
}

/** The missing while one input changes them: a list of its own, so that it is copied once. */
interface Search<I extends Key> {
  readonly missing: Array<Missing<I>>
  /** Where each message stands; undefined: few are looked for, and they are found by going through the list. */
  readonly places: Map<string, number> | undefined
  /** How many of them the announcer owns; −1: not counted yet. */
  owned: number
  /** Whether somebody has been grafted for one of them. */
  readonly asking: boolean
}

/** More comparisons than this take longer than to make a map. */
const comparisons = 65_536

const searchFor = <I extends Key>(missing: ReadonlyArray<Missing<I>>, ids: number): Search<I> => ({
  missing: missing.slice(),
  places:
    missing.length * ids > comparisons
      ? new Map(missing.map(({ id }, place) => [keyOf(id), place] as const))
      : undefined,
  owned: -1,
  asking: isAsking(missing)
})

const find = <I extends Key>({ missing, places }: Search<I>, id: MessageId<I>): number =>
  places === undefined ? indexOfMissing(missing, id) : (places.get(keyOf(id)) ?? -1)

/** Remembers an announcement; false if there was no room for it. */
const remember = <I extends Key, A>(
  t: Transition<I, A>,
  search: Search<I>,
  announcer: I,
  id: MessageId<I>,
  round: number
): boolean => {
  const { config } = t.state
  const { missing, places } = search
  const known = find(search, id)
  const entry = missing[known]
  if (entry !== undefined) {
    const { announcers, rounds } = entry
    if (announcers.length >= config.announcersSize || announcers.includes(announcer)) return true
    missing[known] = { ...entry, announcers: [...announcers, announcer], rounds: [...rounds, round] }
    return true
  }
  // Each neighbour has its share, so that one that announces without end leaves room for the others.
  if (missing.length >= config.missingSize) {
    if (missing.length >= config.missingSize * maxNeighbors) return false
    if (search.owned < 0) search.owned = missing.reduce((sum, { owner }) => (owner === announcer ? sum + 1 : sum), 0)
    if (search.owned >= config.missingSize) return false
  }
  if (search.owned >= 0) search.owned++
  places?.set(keyOf(id), missing.length)
  missing.push({
    id,
    owner: announcer,
    announcers: [announcer],
    rounds: [round],
    since: t.now,
    at: t.now + (!search.asking && t.strategy.isCutOff(t, id) ? 0 : t.strategy.patience(t, id)),
    grafted: undefined
  })
  return true
}

/** Whether somebody has been grafted for one of them, and has not brought it yet. */
const isAsking = <I extends Key>(missing: ReadonlyArray<Missing<I>>): boolean =>
  missing.some(({ grafted }) => grafted !== undefined)

/** Where a message stands among the missing; −1: nowhere. */
const indexOfMissing = <I extends Key>(missing: ReadonlyArray<Missing<I>>, id: MessageId<I>): number => {
  for (let i = 0; i < missing.length; i++) {
    const other = missing[i]?.id
    if (other !== undefined && sameMessage(other, id)) return i
  }
  return -1
}

/**
 * A message has come: nobody needs to be grafted for it. What was announced of it. If it was pushed, and somebody else had
 * been grafted for it, that was too soon: the graft is taken back before it brings duplicates. How long after its
 * announcement it came is how late the tree is, but no more than `mostMillis`: that old it is.
 */
export const found = <I extends Key, A>(
  t: Transition<I, A>,
  id: MessageId<I>,
  from: I,
  pushed: boolean,
  mostMillis: number
): Missing<I> | undefined => {
  const { missing } = t.state
  if (missing.length === 0) return undefined
  const index = indexOfMissing(missing, id)
  const entry = missing[index]
  if (entry === undefined) return undefined
  t.state.missing = missing.toSpliced(index, 1)
  if (t.state.missing.length === 0) clearTimer(t, "Graft")
  wasLate(t, Math.min(t.now - entry.since, mostMillis))
  if (pushed && entry.grafted !== undefined && entry.grafted !== from)
    t.strategy.takeBack(t, id, indexOf(t.state, entry.grafted))
  return entry
}

/** The Graft timer has fired: whatever is due asks its next announcer, unless the tree has turned out to be later. */
export const graftDue = <I extends Key, A>(t: Transition<I, A>): void => {
  const { state, strategy } = t
  const wanted = new Map<I, Array<Missing<I>>>()
  const rest: Array<Missing<I>> = []
  const again = t.now + timeout2(t)
  const asking = isAsking(state.missing)
  for (const entry of state.missing) {
    if (entry.at > t.now) {
      rest.push(entry)
      continue
    }
    // Given up meanwhile: nobody need be asked.
    if (isOver(state, streamOf(state.streams, entry.id), entry.id)) continue
    const due = !asking && strategy.isCutOff(t, entry.id) ? t.now : strategy.dueAt(t, entry)
    if (due > t.now) {
      rest.push({ ...entry, at: due })
      continue
    }
    const next = strategy.nextAnnouncer(t, entry)
    const announcer = entry.announcers[next]
    // Nobody is left: it is forgotten, until it is announced again.
    if (announcer === undefined) continue
    const asked = wanted.get(announcer) ?? []
    if (asked.length >= state.config.graftSize) {
      rest.push({ ...entry, at: again })
      continue
    }
    asked.push(entry)
    wanted.set(announcer, asked)
    const announcers = entry.announcers.toSpliced(next, 1)
    const rounds = entry.rounds.toSpliced(next, 1)
    rest.push({ ...entry, announcers, rounds, at: again, grafted: announcer })
  }
  state.missing = rest
  for (const [announcer, asked] of wanted) {
    const index = indexOf(state, announcer)
    const to = state.neighbors[index]
    if (to === undefined) continue
    for (const { announcers, id } of asked) strategy.onAsking(t, id, index, announcers)
    const ids = asked.map(({ id }) => id)
    t.outputs.push({ _tag: "Send", to, message: { _tag: "Graft", ids, payload: true } })
  }
  armGraftTimer(t)
}

/** A miss received: the next announcer is tried at once. */
export const onGraftMiss = <I extends Key, A>(
  t: Transition<I, A>,
  index: number,
  ids: ReadonlyArray<MessageId<I>>
): void => {
  const { state, strategy } = t
  if (!strategy.grafts) return
  const search = searchFor(state.missing, ids.length)
  for (const id of ids) {
    strategy.onGraftMiss(t, id, index)
    const known = find(search, id)
    const entry = search.missing[known]
    if (entry !== undefined) search.missing[known] = { ...entry, at: t.now }
  }
  state.missing = search.missing
  graftDue(t)
}

/**
 * A link may have been the one along which the tree came. What is announced will not come any more where it was, and is asked for at
 * once; but only of one announcer, and if nobody has been asked yet, since two grafts close a cycle.
 */
export const askAtOnce = <I extends Key, A>(t: Transition<I, A>): void => {
  const { now, state, strategy } = t
  if (isAsking(state.missing)) return
  const first = state.missing.find(({ id }) => strategy.isCutOff(t, id))?.announcers[0]
  if (first === undefined) return
  state.missing = state.missing.map((entry) =>
    entry.announcers[0] === first && entry.at > now && strategy.isCutOff(t, entry.id) ? { ...entry, at: now } : entry
  )
  armGraftTimer(t)
}

/** A neighbour was lost: it cannot be grafted any more, and what it was grafted for is asked of the next announcer at once. */
export const forgetAnnouncer = <I extends Key, A>(t: Transition<I, A>, id: I): void => {
  const { now, state } = t
  if (!state.missing.some(({ announcers, grafted }) => grafted === id || announcers.includes(id))) return
  state.missing = state.missing.flatMap((entry) => {
    const index = entry.announcers.indexOf(id)
    const announcers = index < 0 ? entry.announcers : entry.announcers.toSpliced(index, 1)
    const rounds = index < 0 ? entry.rounds : entry.rounds.toSpliced(index, 1)
    const [owner] = announcers
    const isLost = entry.grafted === id
    // Nobody is left to be grafted for it. Whom it was announced by last has been, and somebody may announce it yet.
    if (owner === undefined) return index >= 0 ? [] : [isLost ? { ...entry, grafted: undefined } : entry]
    if (index < 0 && !isLost) return [entry]
    return [{ ...entry, owner, announcers, rounds, ...(isLost ? { grafted: undefined, at: now } : {}) }]
  })
  armGraftTimer(t)
}

/** Sets the Graft timer for the earliest that is due. */
const armGraftTimer = <I extends Key, A>(t: Transition<I, A>): void => {
  let next = 0
  for (const { at } of t.state.missing) next = earlier(next, at)
  armTimer(t, "Graft", next)
}
