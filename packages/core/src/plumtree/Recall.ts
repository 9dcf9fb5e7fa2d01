/**
 * History on request: the latest messages of a topic that this node or a neighbour keeps. What comes is handed to whoever
 * asked, and is neither passed on nor counted as delivered.
 *
 * @since 0.1.0
 */
import type { Key, Peer } from "../Peer.ts"
import * as Held from "./Held.ts"
import { type Recall, type Recalled, sameMessage } from "./Message.ts"
import type { RecalledMessage } from "./Protocol.ts"
import { freshLink, indexOf, type OpenRecall } from "./State.ts"
import { at } from "./Streams.ts"
import { changeLink, changeUpkeep, type Transition } from "./Transition.ts"

/** The application's Recall: what is kept here, and then, if that is not enough, what neighbours keep. */
export const recall = <I extends Key, A>(
  t: Transition<I, A>,
  requestId: number,
  topic: string,
  count: number
): void => {
  const { config, upkeep: old } = t.state
  const wanted = Math.min(count, config.recallMessages)
  const messages = latest(t, topic, wanted)
  const found = messages.map(({ id }) => id)
  const open: OpenRecall<I> = { requestId, topic, wanted, found, asked: [], asking: undefined, until: 0 }
  const next = old.recalls.length < config.recallsSize ? askNext(t, open, old.recalls) : undefined
  t.outputs.push({ _tag: "Recalled", requestId, topic, messages, done: next === undefined })
  if (next !== undefined) changeUpkeep(t, { recalls: [...old.recalls, next] })
}

const byTime = <I extends Key>(a: RecalledMessage<I>, b: RecalledMessage<I>): number =>
  a.publishedAt - b.publishedAt || a.id.sequence - b.id.sequence

/** The latest messages of a topic that are kept here, oldest first. */
const latest = <I extends Key, A>(
  { now, state }: Transition<I, A>,
  topic: string,
  count: number
): ReadonlyArray<RecalledMessage<I>> => {
  const { config, streams } = state
  const found: Array<RecalledMessage<I>> = []
  let oldest = -Infinity
  for (let slot = 0; slot < streams.count; slot++) {
    const stream = at(streams, slot)
    if (stream === undefined || stream.topic !== topic || stream.held.count === 0) continue
    const { epoch, held, source } = stream
    for (const { bornAt, payload, publishedAt, sequence } of Held.last(held, count)) {
      if (publishedAt < oldest || bornAt + config.retainedMillis < now) continue
      found.push({ id: { source, epoch, topic, sequence }, payload, publishedAt })
    }
    // Of many streams only the latest so far are carried on: to sort all that are kept would take long.
    if (found.length < 4 * count) continue
    found.sort(byTime)
    found.splice(0, found.length - count)
    oldest = found[0]?.publishedAt ?? oldest
  }
  found.sort(byTime)
  let bytes = 0
  let first = found.length
  while (first > 0 && found.length - first < count) {
    bytes += found[first - 1]?.payload.byteLength ?? 0
    if (bytes > config.recallBytes && first < found.length) break
    first--
  }
  return found.slice(first)
}

/**
 * Asks the next neighbour that answers none of these others, so that no link has to carry several answers at once; waits
 * for one while all answer. Undefined if there is enough, or nobody left.
 */
const askNext = <I extends Key, A>(
  t: Transition<I, A>,
  open: OpenRecall<I>,
  others: ReadonlyArray<OpenRecall<I>>
): OpenRecall<I> | undefined => {
  const { asked, found, requestId, topic, wanted } = open
  const left = t.state.neighbors.filter(({ id }) => !asked.includes(id))
  if (found.length >= wanted || left.length === 0) return undefined
  const to = left.find(({ id }) => others.every(({ asking }) => asking !== id))
  if (to === undefined) return open
  t.outputs.push({ _tag: "Send", to, message: { _tag: "Recall", requestId, topic, count: wanted } })
  return { ...open, asking: to.id, asked: [...asked, to.id], until: t.now + t.state.config.recallMillis }
}

/**
 * RECALL received. Its answer looks through all that is kept, so a neighbour has no more in `recallMillis` than an honest one has
 * under way at once; whoever asks more often is told that there is nothing, and asks elsewhere.
 */
export const onRecall = <I extends Key, A>(
  t: Transition<I, A>,
  to: Peer<I, A>,
  { count, requestId, topic }: Recall
): void => {
  const { now, state } = t
  const { recallMessages, recallMillis, recallsSize } = state.config
  const index = indexOf(state, to.id)
  const { recalled, recalledAt } = state.links[index] ?? freshLink
  const isOver = recalledAt < 0 || now < recalledAt || now - recalledAt >= recallMillis
  if (isOver || recalled < recallsSize) {
    changeLink(t, index, isOver ? { recalledAt: now, recalled: 1 } : { recalled: recalled + 1 })
    for (const { id, payload, publishedAt } of latest(t, topic, Math.min(count, recallMessages))) {
      t.outputs.push({ _tag: "Send", to, message: { _tag: "Recalled", requestId, id, publishedAt, payload } })
    }
  }
  t.outputs.push({ _tag: "Send", to, message: { _tag: "RecallEnd", requestId } })
}

/** A message of the answer. */
export const onRecalled = <I extends Key, A>(
  t: Transition<I, A>,
  from: Peer<I, A>,
  { id, payload, publishedAt, requestId }: Recalled<I>
): void => {
  const { recalls } = t.state.upkeep
  const index = recalls.findIndex((open) => open.requestId === requestId && open.asking === from.id)
  const open = recalls[index]
  if (open === undefined || open.topic !== id.topic || open.found.length >= open.wanted) return
  if (open.found.some((other) => sameMessage(other, id))) return
  const until = t.now + t.state.config.recallMillis
  changeUpkeep(t, { recalls: recalls.with(index, { ...open, found: [...open.found, id], until }) })
  const { topic } = open
  t.outputs.push({ _tag: "Recalled", requestId, topic, messages: [{ id, payload, publishedAt }], done: false })
}

/** The end of an answer: if it has not brought enough the next neighbour is asked. */
export const onRecallEnd = <I extends Key, A>(t: Transition<I, A>, from: Peer<I, A>, requestId: number): void => {
  goOn(t, (open) => open.requestId === requestId && open.asking === from.id)
}

/** Answers that take too long. */
export const abandonRecalls = <I extends Key, A>(t: Transition<I, A>): void =>
  goOn(t, ({ asking, until }) => asking !== undefined && until <= t.now)

/** A neighbour was lost: it will not answer. */
export const forgetRecalled = <I extends Key, A>(t: Transition<I, A>, id: I): void =>
  goOn(t, ({ asking }) => asking === id)

/** Ends every recall. */
export const endRecalls = <I extends Key, A>(t: Transition<I, A>): void => {
  for (const { requestId, topic } of t.state.upkeep.recalls) {
    t.outputs.push({ _tag: "Recalled", requestId, topic, messages: [], done: true })
  }
  changeUpkeep(t, { recalls: [] })
}

/**
 * Those that wait no longer for whom they have asked ask the next, or are done; so do those that have waited for a
 * neighbour which is free now.
 */
const goOn = <I extends Key, A>(t: Transition<I, A>, which: (open: OpenRecall<I>) => boolean): void => {
  const { recalls } = t.state.upkeep
  if (!recalls.some(which)) return
  let left = recalls.map((open) => (which(open) ? { ...open, asking: undefined, until: 0 } : open))
  for (const open of left) {
    if (open.asking !== undefined) continue
    const next = askNext(t, open, left)
    left =
      next === undefined ? left.filter((other) => other !== open) : left.map((other) => (other === open ? next : other))
    if (next !== undefined) continue
    const { requestId, topic } = open
    t.outputs.push({ _tag: "Recalled", requestId, topic, messages: [], done: true })
  }
  changeUpkeep(t, { recalls: left })
}
