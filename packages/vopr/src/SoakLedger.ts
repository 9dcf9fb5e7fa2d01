/**
 * The books of a soak: what was published, who was there, and who was handed what. It holds the broadcast to its promise: a
 * message within its retention is handed once to every node that stayed, whatever happened to others and to the network.
 *
 * A node **stayed** for a message if its incarnation was up before the message was published and is up when the message is
 * due. A message is due once `dueMillis` have passed, of the nodes that stayed, if its publisher stayed too or one of them
 * has it: what its publisher took along into its crash is nobody's.
 *
 * Pure but for its own books, which are bounded: a message is forgotten `keptMillis` after its publication.
 */
import type * as Control from "@hyparview/cluster/Control"
import * as History from "@hyparview/faults/History"

export interface Options {
  /** How long after its publication a message must have reached all, in milliseconds: below its retention. */
  readonly dueMillis: number
  /** How long a node must have been up before a message is published to be owed it, in milliseconds: it has to join. */
  readonly settleMillis: number
  /** How long after its publication a message is remembered, in milliseconds: beyond its retention. */
  readonly keptMillis: number
}

export interface Totals {
  readonly published: number
  /** Handings-out to subscribers, the publisher's own included. */
  readonly handed: number
  /** Messages that were judged, and the handings-out that were owed. */
  readonly judged: number
  readonly owed: number
  /** Messages that nobody was owed, since their publisher went and nobody who stayed had them. */
  readonly lostWithPublisher: number
  /** Owed and neither handed out nor told of. */
  readonly missing: number
  /** Owed, and Lagged says that it was given up, although it was within its retention. */
  readonly givenUp: number
  /** Handed to one incarnation again. */
  readonly repeated: number
  /** Handed out, and nobody has published it. */
  readonly invented: number
  /** Handed out after it was forgotten here: beyond its retention. */
  readonly late: number
  /** Messages that any node, also one that did not stay, was told it had missed. */
  readonly lagged: number
}

interface Entry {
  readonly id: Control.MessageId
  /** Undefined until the publisher's answer is here: others may have the message first. */
  publishedAt: number | undefined
  readonly seenAt: number
  /** How often each incarnation was handed it, by `node@epoch`. */
  readonly handed: Map<string, number>
  /** The nodes among them. */
  readonly nodes: Set<string>
  isJudged: boolean
}

/** Sentences that are kept; of more, the count. */
const keptSentences = 50

const originOf = ({ epoch, source, topic }: Control.MessageId): string => `${source}@${epoch}/${topic}`

/** Empty books. */
export const make = ({ dueMillis, keptMillis, settleMillis }: Options) => {
  const entries = new Map<string, Entry>()
  /** Up to which sequence the messages of an origin have been forgotten here, and when the latest of them was. */
  const forgotten = new Map<string, { readonly sequence: number; readonly at: number }>()
  /** Since when each node that is up has been. */
  const upSince = new Map<string, number>()
  let lags: Array<Control.Lag & { readonly at: number }> = []
  const breaches: Array<string> = []
  const totals = {
    published: 0,
    handed: 0,
    judged: 0,
    owed: 0,
    lostWithPublisher: 0,
    missing: 0,
    givenUp: 0,
    repeated: 0,
    invented: 0,
    late: 0,
    lagged: 0
  }

  const breach = (sentence: string): void => {
    if (breaches.length < keptSentences) breaches.push(sentence)
  }

  const entryOf = (id: Control.MessageId, now: number): Entry | undefined => {
    const key = History.keyOf(id)
    const known = entries.get(key)
    if (known !== undefined) return known
    if (id.sequence <= (forgotten.get(originOf(id))?.sequence ?? -1)) return undefined
    const entry: Entry = {
      id,
      publishedAt: undefined,
      seenAt: now,
      handed: new Map(),
      nodes: new Set(),
      isJudged: false
    }
    entries.set(key, entry)
    return entry
  }

  const published = (id: Control.MessageId, atMillis: number): void => {
    totals.published++
    const entry = entryOf(id, atMillis)
    if (entry !== undefined) entry.publishedAt = atMillis
  }

  const told = (records: ReadonlyArray<Control.Told>, lagged: ReadonlyArray<Control.Lag>, now: number): void => {
    for (const { id, receivers } of records) {
      totals.handed += receivers.length
      const entry = entryOf(id, now)
      if (entry === undefined) {
        totals.late += receivers.length
        continue
      }
      for (const [node, epoch] of receivers) {
        const incarnation = `${node}@${epoch}`
        const times = (entry.handed.get(incarnation) ?? 0) + 1
        entry.handed.set(incarnation, times)
        entry.nodes.add(node)
        if (times < 2) continue
        totals.repeated++
        breach(`${incarnation} was handed ${History.keyOf(id)} ${times} times`)
      }
    }
    for (const lag of lagged) {
      totals.lagged += lag.missed
      lags.push({ ...lag, at: now })
    }
  }

  const wasGivenUp = (node: string, { epoch, sequence, source, topic }: Control.MessageId): boolean =>
    lags.some(
      (lag) =>
        lag.node === node &&
        lag.topic === topic &&
        (lag.range === undefined ||
          (lag.range.source === source &&
            lag.range.sourceEpoch === epoch &&
            lag.range.first <= sequence &&
            sequence <= lag.range.last))
    )

  const judgeOne = (entry: Entry, publishedAt: number): void => {
    const { id, nodes } = entry
    const stayed = [...upSince].filter(([, since]) => since + settleMillis <= publishedAt).map(([node]) => node)
    if (!stayed.includes(id.source) && !stayed.some((node) => nodes.has(node))) {
      totals.lostWithPublisher++
      return
    }
    totals.judged++
    totals.owed += stayed.length
    for (const node of stayed) {
      if (nodes.has(node)) continue
      const given = wasGivenUp(node, id)
      if (given) totals.givenUp++
      else totals.missing++
      breach(
        `${node} stayed, and was ${given ? "told that it had lost" : "told nothing of"} ${History.keyOf(id)}, ` +
          `published ${new Date(publishedAt).toISOString()}, which ${nodes.size} have`
      )
    }
  }

  /** Judges what is due, and forgets what is old. `dueAfter`: in place of `dueMillis`, at the end. */
  const judge = (now: number, dueAfter = dueMillis): void => {
    for (const [key, entry] of entries) {
      const { publishedAt, seenAt } = entry
      if (publishedAt === undefined) {
        // The publisher's answer takes seconds at the most.
        if (now - seenAt <= keptMillis) continue
        totals.invented += entry.handed.size
        breach(`${History.keyOf(entry.id)} was handed to ${entry.handed.size}, and nobody has published it`)
        entries.delete(key)
        continue
      }
      if (!entry.isJudged && now - publishedAt >= dueAfter) {
        entry.isJudged = true
        judgeOne(entry, publishedAt)
      }
      if (now - publishedAt <= keptMillis) continue
      entries.delete(key)
      const { sequence } = forgotten.get(originOf(entry.id)) ?? { sequence: -1 }
      forgotten.set(originOf(entry.id), { sequence: Math.max(sequence, entry.id.sequence), at: now })
    }
    for (const [name, { at }] of forgotten) if (now - at > 2 * keptMillis) forgotten.delete(name)
    lags = lags.filter(({ at }) => now - at <= keptMillis)
  }

  return {
    published,
    told,
    judge,
    /** A node is up. */
    up: (node: string, now: number): void => {
      upSince.set(node, now)
    },
    /** It is not any more. */
    down: (node: string): void => {
      upSince.delete(node)
    },
    totals: (): Totals => ({ ...totals }),
    /** What was wrong, in sentences: the first of them. */
    breaches: (): ReadonlyArray<string> => breaches
  }
}

export type Ledger = ReturnType<typeof make>
