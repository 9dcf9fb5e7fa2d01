/**
 * History on request: what the newest messages of a topic were before somebody subscribed. The core asks the neighbours;
 * here the questions of several subscribers are merged, and the answers brought into order. One question a topic is open
 * at a time, since a subscriber is owed whatever came before it, and an answer under way may have been given earlier.
 */
import type { Node, Plumtree } from "@hyparview/core"
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
  done: boolean
}

export interface History {
  readonly ask: (topic: string, asking: Asking) => void
  readonly cancel: (topic: string, asking: Asking) => void
  readonly recalled: (output: Extract<Node.Output, { _tag: "Recalled" }>) => void
  /** Opens and settles whatever can be, once in each turn. The next deadline, if anybody waits. */
  readonly turned: (now: number) => number | undefined
}

const keyOf = ({ epoch, sequence, source }: Plumtree.MessageId): string => `${epoch}:${sequence}:${source}`

export const makeHistory = (options: {
  readonly hasNeighbor: () => boolean
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

  const turned = (now: number): number | undefined => {
    if (waiting.size === 0 && open.size === 0) return undefined
    for (const [topic, question] of open) {
      if (question.done || question.asking.every(({ deadline }) => deadline <= now)) close(topic, question)
    }
    for (const [topic, asking] of waiting) {
      if (open.has(topic)) continue
      // Alone, a node has only what it retains itself, which it is asked for when nobody has come in time.
      if (!options.hasNeighbor() && asking.every(({ deadline }) => deadline > now)) continue
      waiting.delete(topic)
      const requestId = requests++
      open.set(topic, { requestId, asking, found: new Map(), done: false })
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
      for (const past of messages) question.found.set(keyOf(past.id), past)
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
  const byTime = [...messages].sort((a, b) => a.publishedAt - b.publishedAt || (keyOf(a.id) < keyOf(b.id) ? -1 : 1))
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
  /** Whether a message that the core delivers later is among them; undefined if it can deliver none of them. */
  readonly repeats: ((id: Plumtree.MessageId) => boolean) | undefined
}

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
  }
): Settled => {
  const since = waiting.flatMap((delivery) => (delivery._tag === "Message" ? [delivery.id] : []))
  return order === "none" ? settleUnordered(past, since, core) : settleInOrder(past, since, core)
}

type Settle = (
  past: ReadonlyArray<Message>,
  since: ReadonlyArray<Plumtree.MessageId>,
  core: Parameters<typeof settleHistory>[3]
) => Settled

const settleUnordered: Settle = (past, since, { firstMissing, hasSeen }) => {
  const known = new Set(since.map(keyOf))
  const first = past.filter(({ id }) => !known.has(keyOf(id)))
  const mayCome = (id: Plumtree.MessageId) => id.sequence >= (firstMissing(id) ?? 0) || !hasSeen(id)
  const coming = new Set(first.flatMap(({ id }) => (mayCome(id) ? [keyOf(id)] : [])))
  return { first, repeats: coming.size === 0 ? undefined : (id) => coming.has(keyOf(id)) }
}

const settleInOrder: Settle = (past, since, { firstMissing }) => {
  const earliest = new Map<string, number>()
  for (const id of since.toReversed()) earliest.set(incarnationOf(id), id.sequence)
  const first = past.filter(
    ({ id }) => id.sequence < Math.min(firstMissing(id) ?? Infinity, earliest.get(incarnationOf(id)) ?? Infinity)
  )
  const upTo = new Map<string, number>()
  for (const { id } of first) upTo.set(incarnationOf(id), id.sequence)
  return { first, repeats: upTo.size === 0 ? undefined : (id) => id.sequence <= (upTo.get(incarnationOf(id)) ?? -1) }
}

const incarnationOf = ({ epoch, source }: Plumtree.MessageId): string => `${epoch}:${source}`
