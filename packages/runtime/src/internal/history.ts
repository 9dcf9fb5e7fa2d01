/**
 * History on request: what the newest messages of a topic were before somebody subscribed. The core asks the neighbours;
 * here the questions of several subscribers are merged, and the answers brought into order. One question a topic is open
 * at a time, since a subscriber is owed whatever came before it, and an answer under way may have been given earlier.
 */
import { type Node, Plumtree } from "@hyparview/core"
import type { Delivery, Message } from "./messages.ts"

type Past = Plumtree.RecalledMessage

/** A subscriber that waits for its history. */
export interface Asking {
  readonly count: number
  /** When it has waited long enough, in milliseconds. */
  readonly deadline: number
  /** Oldest first, at most `count`. */
  readonly settle: (messages: ReadonlyArray<Message>) => void
}

interface Question {
  readonly requestId: number
  readonly asking: Array<Asking>
  readonly found: Map<string, Past>
  /** Bytes of payload of what has been found. */
  bytes: number
  /** How many have been found and wait for a verdict. */
  judging: number
  /** Whether this node's own answer, the first, has come. */
  answered: boolean
  done: boolean
}

export interface History {
  readonly ask: (topic: string, asking: Asking) => void
  readonly cancel: (topic: string, asking: Asking) => void
  readonly recalled: (output: Extract<Node.Output, { _tag: "Recalled" }>) => void
  /** Opens and settles whatever can be, once in each turn. The next deadline, if anybody waits. */
  readonly turned: (now: number) => number | undefined
}

/** The newest of them, in their order, of which the payloads have no more bytes than that. */
export const newestWithin = (bytes: number, messages: ReadonlyArray<Message>): ReadonlyArray<Message> => {
  let left = bytes
  const from = messages.findLastIndex(({ payload }) => (left -= payload.byteLength) < 0)
  return messages.slice(from + 1)
}

export const makeHistory = (options: {
  /** Bytes of payload that are kept of the answers to one question, whatever neighbours send; a single message fits. */
  readonly bytes: number
  readonly hasNeighbor: () => boolean
  /** Whether what others remember of a topic is judged here. */
  readonly judges: (topic: string) => boolean
  /** Has it judged, and `turned` called soon after. */
  readonly judge: (past: Past, decide: (accepted: boolean) => void) => void
  readonly recall: (requestId: number, topic: string, count: number) => void
}): History => {
  const waiting = new Map<string, Array<Asking>>()
  const open = new Map<string, Question>()
  let requests = 0

  const close = (topic: string, { asking, found }: Question): void => {
    open.delete(topic)
    const messages = oldestFirst([...found.values()])
    for (const { count, settle } of asking) settle(messages.slice(-count))
  }

  const judge = (question: Question, past: Past): void => {
    question.judging++
    options.judge(past, (accepted) => {
      question.judging--
      if (accepted) keep(question, past)
    })
  }

  /** Of too much the oldest goes. */
  const keep = (question: Question, past: Past): void => {
    const { found } = question
    const key = Plumtree.keyOf(past.id)
    if (found.has(key)) return
    found.set(key, past)
    question.bytes += past.payload.byteLength
    while (question.bytes > options.bytes && found.size > 1) {
      let oldest = past
      for (const other of found.values()) if (other.publishedAt < oldest.publishedAt) oldest = other
      found.delete(Plumtree.keyOf(oldest.id))
      question.bytes -= oldest.payload.byteLength
    }
  }

  const turned = (now: number): number | undefined => {
    if (waiting.size === 0 && open.size === 0) return undefined
    for (const [topic, question] of open) {
      const complete = question.done && question.judging === 0
      if (complete || question.asking.every(({ deadline }) => deadline <= now)) close(topic, question)
    }
    for (const [topic, asking] of waiting) {
      if (open.has(topic)) continue
      // Alone, a node has only what it retains itself, which it is asked for when nobody has come in time.
      if (!options.hasNeighbor() && asking.every(({ deadline }) => deadline > now)) continue
      waiting.delete(topic)
      const requestId = requests++
      open.set(topic, { requestId, asking, found: new Map(), bytes: 0, judging: 0, answered: false, done: false })
      options.recall(requestId, topic, Math.max(...asking.map(({ count }) => count)))
    }
    let next = Infinity
    for (const { asking } of open.values()) for (const { deadline } of asking) next = Math.min(next, deadline)
    for (const asking of waiting.values()) for (const { deadline } of asking) next = Math.min(next, deadline)
    return next === Infinity ? undefined : next
  }

  return {
    turned,
    ask: (topic, asking) => {
      const others = waiting.get(topic)
      if (others === undefined) waiting.set(topic, [asking])
      else others.push(asking)
    },
    cancel: (topic, asking) => {
      for (const list of [waiting.get(topic), open.get(topic)?.asking]) {
        const at = list?.indexOf(asking) ?? -1
        if (at >= 0) list?.splice(at, 1)
      }
      if (waiting.get(topic)?.length === 0) waiting.delete(topic)
    },
    recalled: ({ done, messages, requestId, topic }) => {
      const question = open.get(topic)
      if (question?.requestId !== requestId) return
      // What this node keeps itself was judged when it came.
      const judged = question.answered && options.judges(topic)
      for (const past of messages) {
        if (judged) judge(question, past)
        else keep(question, past)
      }
      question.answered = true
      question.done ||= done
    }
  }
}

/** Oldest first by the clocks of their sources, and those of one source as it published them, whatever its clock said. */
const oldestFirst = (messages: ReadonlyArray<Past>): ReadonlyArray<Message> => {
  const bySource = new Map<string, Array<Past>>()
  for (const past of messages) {
    const own = bySource.get(past.id.source)
    if (own === undefined) bySource.set(past.id.source, [past])
    else own.push(past)
  }
  for (const own of bySource.values()) own.sort((a, b) => a.id.epoch - b.id.epoch || a.id.sequence - b.id.sequence)
  const byTime = [...messages].sort(
    (a, b) => a.publishedAt - b.publishedAt || (Plumtree.keyOf(a.id) < Plumtree.keyOf(b.id) ? -1 : 1)
  )
  return byTime.flatMap(({ id }) => {
    const next = bySource.get(id.source)?.shift()
    return next === undefined
      ? []
      : [
          {
            _tag: "Message" as const,
            id: next.id,
            payload: next.payload,
            publishedAt: next.publishedAt,
            hops: 0,
            history: true
          }
        ]
  })
}

/** How a history stands to what came while it was asked for, and to what is still to come. */
export interface Settled {
  /** What is handed out before what waits. */
  readonly first: ReadonlyArray<Message>
  /** What waits, without those of lost messages that are handed out before it. */
  readonly rest: ReadonlyArray<Delivery>
  /** What of it has to be remembered; undefined if nothing that the core may still say has to do with it. */
  readonly given: Given | undefined
}

/** What a subscriber got as history, as far as the core may still speak of it. */
export interface Given {
  /**
   * What becomes of a message that the core delivers now. `fresh`: it is handed on. `known`: it was history, or is older
   * than that, and was not asked for. `late`: in order, others after it have been handed out already.
   */
  readonly standing: (message: Message) => "fresh" | "known" | "late"
  /** What is left of a span of lost messages without those that were history. */
  readonly without: (lagged: LaggedSpan) => ReadonlyArray<LaggedSpan>
}

export type LaggedSpan = Extract<Delivery, { _tag: "Lagged"; cause: "network" }>

/**
 * Puts the past before what has come since, so that no message is handed out twice. In order, nothing that the core may
 * deliver yet, or that has come since, may stand in it before its time.
 */
export const settleHistory = (
  order: "none" | "source",
  past: ReadonlyArray<Message>,
  waiting: ReadonlyArray<Delivery>,
  core: {
    /** The lowest sequence of the message's source and topic that may still come; undefined if it knows none of these. */
    readonly firstMissing: (id: Plumtree.MessageId) => number | undefined
    readonly hasSeen: (id: Plumtree.MessageId) => boolean
  },
  /** When it was asked for, in milliseconds. */
  askedAt: number
): Settled => {
  const since = waiting.flatMap((delivery) => (delivery._tag === "Message" ? [delivery.id] : []))
  const settled = order === "none" ? settleUnordered(past, since, core) : settleInOrder(past, since, core, askedAt)
  const all = givenOf(settled.first, () => "fresh")
  const rest = waiting.flatMap((delivery): ReadonlyArray<Delivery> =>
    all === undefined || delivery._tag === "Message" || delivery.cause === "subscriber"
      ? [delivery]
      : all.without(delivery)
  )
  return { ...settled, rest }
}

type Core = Parameters<typeof settleHistory>[3]
type Ids = ReadonlyArray<Plumtree.MessageId>

const settleUnordered = (
  past: ReadonlyArray<Message>,
  since: Ids,
  { firstMissing, hasSeen }: Core
): Omit<Settled, "rest"> => {
  const known = new Set(since.map(Plumtree.keyOf))
  const first = past.filter(({ id }) => !known.has(Plumtree.keyOf(id)))
  const mayCome = (id: Plumtree.MessageId) => id.sequence >= (firstMissing(id) ?? 0) || !hasSeen(id)
  const coming = first.filter(({ id }) => mayCome(id))
  return { first, given: givenOf(coming, () => "fresh") }
}

const settleInOrder = (
  past: ReadonlyArray<Message>,
  since: Ids,
  { firstMissing }: Core,
  askedAt: number
): Omit<Settled, "rest"> => {
  const earliest = new Map<string, number>()
  for (const id of since.toReversed()) earliest.set(incarnationOf(id), id.sequence)
  const first = past.filter(
    ({ id }) => id.sequence < Math.min(firstMissing(id) ?? Infinity, earliest.get(incarnationOf(id)) ?? Infinity)
  )
  const standing = ({ id, publishedAt }: Message, own: Run) => {
    if (id.sequence > own.last) return "fresh"
    // Of one source the clock is the same. What history says of it may be wrong, and must not silence what is new.
    return id.sequence < own.first && publishedAt < Math.min(own.publishedAt, askedAt) ? "known" : "late"
  }
  return { first, given: givenOf(first, standing) }
}

/** What is remembered of one incarnation. */
interface Run {
  readonly sequences: Set<number>
  first: number
  last: number
  /** When the first of them was published, by its source's clock. */
  publishedAt: number
}

const givenOf = (
  messages: ReadonlyArray<Message>,
  standing: (message: Message, own: Run) => "fresh" | "known" | "late"
): Given | undefined => {
  if (messages.length === 0) return undefined
  const runs = new Map<string, Run>()
  for (const { id, publishedAt } of messages) {
    const { sequence } = id
    const own = runs.get(incarnationOf(id)) ?? { sequences: new Set(), first: Infinity, last: -1, publishedAt }
    runs.set(incarnationOf(id), own)
    own.sequences.add(sequence)
    own.last = Math.max(own.last, sequence)
    if (sequence > own.first) continue
    own.first = sequence
    own.publishedAt = publishedAt
  }
  return {
    standing: (message) => {
      const own = runs.get(incarnationOf(message.id))
      if (own === undefined) return "fresh"
      return own.sequences.has(message.id.sequence) ? "known" : standing(message, own)
    },
    without: (lagged) => {
      const own = runs.get(incarnationOf(lagged))
      const known = [...(own?.sequences ?? [])].filter(
        (sequence) => sequence >= lagged.first && sequence <= lagged.last
      )
      if (known.length === 0) return [lagged]
      const left: Array<LaggedSpan> = []
      let from = lagged.first
      for (const sequence of [...known.sort((a, b) => a - b), lagged.last + 1]) {
        if (sequence > from) left.push({ ...lagged, first: from, last: sequence - 1, missed: sequence - from })
        from = sequence + 1
      }
      return left
    }
  }
}

const incarnationOf = ({ epoch, source }: { readonly epoch: number; readonly source: string }): string =>
  `${epoch}:${source}`
