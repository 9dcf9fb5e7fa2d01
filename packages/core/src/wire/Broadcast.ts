/**
 * The frames of broadcast messages: tags 64 to 127. Each begins with the link that carries it; then come the fields of
 * the body. A new broadcast protocol adds its bodies to this table, and nothing elsewhere.
 *
 * | | |
 * |---|---|
 * | origin | source (a text, not empty), epoch (varint), topic (text) |
 * | ids | how many (varint), then for each whether it is of the same origin as the one before (a choice), if not the origin, and its sequence (varint) |
 * | ranges | how many (varint), then for each its origin and its runs |
 * | runs | how many (varint, at least 1); of the first its first number, of each other how many are missing before it, less 1; and how many it has, less 1 (varints) |
 *
 * @since 0.1.0
 */
import { type Message, type MessageId, type Origin, type Ranges, type Replay, sameOrigin } from "../plumtree/Message.ts"
import type { ByTag, Kinds } from "./Kind.ts"
import { maxIds, maxInteger, maxRanges, maxRequestId, maxRuns, maxTextBytes, maxTrees } from "./Limits.ts"
import type { Reader } from "./Reader.ts"
import * as Utf8 from "./Utf8.ts"
import type { Writer } from "./Writer.ts"

// A choice stands in a frame as its index here: what is new goes to the end.
const replays = ["push", "graft", "recovery"] as const satisfies ReadonlyArray<Replay | "push">
const trees = ["shared", "source"] as const
const answers = ["no", "yes"] as const
const origins = ["other", "same"] as const

const writeYes = (writer: Writer, yes: boolean, field: string): void =>
  writer.choice(answers, yes ? "yes" : "no", field)

const readYes = (reader: Reader, field: string): boolean => reader.choice(answers, field) === "yes"

const writeOrigin = (writer: Writer, { epoch, source, topic }: Origin): void => {
  writer.id(source, "source")
  writer.varint(epoch, "epoch")
  writer.text(topic, "topic")
}

const readOrigin = (reader: Reader): Origin => {
  const source = reader.id("source")
  const epoch = reader.varint("epoch")
  return { source, epoch, topic: reader.text("topic") }
}

const writeId = (writer: Writer, id: MessageId): void => {
  writer.path = "id"
  writeOrigin(writer, id)
  writer.varint(id.sequence, "sequence")
  writer.path = ""
}

const readId = (reader: Reader): MessageId => {
  reader.path = "id"
  const { epoch, source, topic } = readOrigin(reader)
  const sequence = reader.varint("sequence")
  reader.path = ""
  return { source, epoch, topic, sequence }
}

/** Items that each hold an id: the origin is written once for those that follow each other. */
const writeIds = <T>(
  writer: Writer,
  items: ReadonlyArray<T>,
  field: string,
  idOf: (item: T) => MessageId,
  writeRest: (item: T) => void
): void => {
  writer.varint(items.length, field, maxIds)
  writer.path = field
  let last: MessageId | undefined
  let index = 0
  for (const item of items) {
    writer.index = index++
    const id = idOf(item)
    const same = last !== undefined && sameOrigin(last, id)
    writer.choice(origins, same ? "same" : "other", "origin")
    if (!same) writeOrigin(writer, id)
    writer.varint(id.sequence, "sequence")
    writeRest(item)
    last = id
  }
  writer.path = ""
  writer.index = -1
}

const readIds = <T>(reader: Reader, field: string, item: (id: MessageId) => T): ReadonlyArray<T> => {
  const count = reader.varint(field, maxIds)
  const items: Array<T> = []
  reader.path = field
  let last: Origin | undefined
  for (let i = 0; i < count && !reader.over; i++) {
    reader.index = i
    const at = reader.offset
    const same = reader.choice(origins, "origin") === "same"
    if (same && last === undefined) reader.fail("range", "origin", at)
    const origin: Origin = same && last !== undefined ? last : readOrigin(reader)
    if (!same && last !== undefined && sameOrigin(last, origin)) reader.fail("nonCanonical", "origin", at)
    last = origin
    const { epoch, source, topic } = origin
    items.push(item({ source, epoch, topic, sequence: reader.varint("sequence") }))
  }
  reader.path = ""
  reader.index = -1
  return items
}

const identity = (id: MessageId): MessageId => id
const nothing = (): void => {}

const writeRanges = (writer: Writer, ranges: ReadonlyArray<Ranges>, field: string): void => {
  writer.varint(ranges.length, field, maxRanges)
  writer.path = field
  for (const [index, { epoch, runs, source, topic }] of ranges.entries()) {
    writer.index = index
    writeOrigin(writer, { source, epoch, topic })
    writeRuns(writer, runs)
  }
  writer.path = ""
  writer.index = -1
}

const writeRuns = (writer: Writer, runs: ReadonlyArray<number>): void => {
  if (runs.length === 0 || runs.length % 2 !== 0) return writer.fail("range", "runs")
  writer.varint(runs.length / 2, "runs", maxRuns)
  let next = 0
  for (let i = 0; i < runs.length; i += 2) {
    const first = runs[i] ?? -1
    const last = runs[i + 1] ?? -1
    if (!(last <= maxInteger)) return writer.fail("range", "runs")
    writer.varint(first - next, "runs")
    writer.varint(last - first, "runs")
    // One number at least is missing between two runs.
    next = last + 2
  }
}

const readRanges = (reader: Reader, field: string): ReadonlyArray<Ranges> => {
  const count = reader.varint(field, maxRanges)
  const ranges: Array<Ranges> = []
  reader.path = field
  for (let i = 0; i < count && !reader.over; i++) {
    reader.index = i
    const { epoch, source, topic } = readOrigin(reader)
    ranges.push({ source, epoch, topic, runs: readRuns(reader) })
  }
  reader.path = ""
  reader.index = -1
  return ranges
}

const readRuns = (reader: Reader): ReadonlyArray<number> => {
  const at = reader.offset
  const count = reader.varint("runs", maxRuns)
  if (count === 0) reader.fail("range", "runs", at)
  const runs: Array<number> = []
  let next = 0
  for (let i = 0; i < count && !reader.over; i++) {
    const at = reader.offset
    const first = next + reader.varint("runs")
    const last = first + reader.varint("runs")
    if (last > maxInteger) reader.fail("range", "runs", at)
    runs.push(first, last)
    next = last + 2
  }
  return runs
}

/** How each body is written and read. An object literal evaluates its fields in the order in which they are read. */
export const broadcast: Kinds<ByTag<Message>> = {
  Gossip: {
    tag: 64,
    write: (writer, { ageMillis, id, publishedAt, replay, round }) => {
      writeId(writer, id)
      writer.byte(round, "round")
      writer.varint(publishedAt, "publishedAt")
      writer.varint(ageMillis, "ageMillis")
      writer.choice(replays, replay ?? "push", "replay")
    },
    read: (reader) => {
      const id = readId(reader)
      const round = reader.byte("round")
      const publishedAt = reader.varint("publishedAt")
      const ageMillis = reader.varint("ageMillis")
      const replay = reader.choice(replays, "replay")
      const payload = reader.rest()
      return {
        _tag: "Gossip",
        id,
        round,
        publishedAt,
        ageMillis,
        payload,
        replay: replay === "push" ? undefined : replay
      }
    },
    rest: (gossip) => gossip.payload
  },
  IHave: {
    tag: 65,
    write: (writer, { announcements }) =>
      writeIds(
        writer,
        announcements,
        "announcements",
        ({ id }) => id,
        ({ round }) => writer.byte(round, "round")
      ),
    read: (reader) => ({
      _tag: "IHave",
      announcements: readIds(reader, "announcements", (id) => ({ id, round: reader.byte("round") }))
    })
  },
  Graft: {
    tag: 66,
    write: (writer, { ids, payload }) => {
      writeIds(writer, ids, "ids", identity, nothing)
      writeYes(writer, payload, "payload")
    },
    read: (reader) => ({
      _tag: "Graft",
      ids: readIds(reader, "ids", identity),
      payload: readYes(reader, "payload")
    })
  },
  GraftMiss: {
    tag: 67,
    write: (writer, { ids }) => writeIds(writer, ids, "ids", identity, nothing),
    read: (reader) => ({ _tag: "GraftMiss", ids: readIds(reader, "ids", identity) })
  },
  Prune: {
    tag: 68,
    write: (writer, { tree }) => {
      writer.choice(trees, tree === undefined ? "shared" : "source", "tree")
      if (tree !== undefined) writer.id(tree, "tree")
    },
    read: (reader) => ({
      _tag: "Prune",
      tree: reader.choice(trees, "tree") === "shared" ? undefined : reader.id("tree")
    })
  },
  Digest: {
    tag: 69,
    write: (writer, { held }) => writeRanges(writer, held, "held"),
    read: (reader) => ({ _tag: "Digest", held: readRanges(reader, "held") })
  },
  Fetch: {
    tag: 70,
    write: (writer, { wanted }) => writeRanges(writer, wanted, "wanted"),
    read: (reader) => ({ _tag: "Fetch", wanted: readRanges(reader, "wanted") })
  },
  Fetched: {
    tag: 71,
    write: (writer, { gone, more }) => {
      writer.varint(gone.length, "gone", maxRanges)
      writer.path = "gone"
      for (const [index, { below, epoch, source, topic }] of gone.entries()) {
        writer.index = index
        writeOrigin(writer, { source, epoch, topic })
        writer.varint(below, "below")
      }
      writer.path = ""
      writer.index = -1
      writeYes(writer, more, "more")
    },
    read: (reader) => {
      const count = reader.varint("gone", maxRanges)
      const gone: Array<Origin & { readonly below: number }> = []
      reader.path = "gone"
      for (let i = 0; i < count && !reader.over; i++) {
        reader.index = i
        const { epoch, source, topic } = readOrigin(reader)
        gone.push({ source, epoch, topic, below: reader.varint("below") })
      }
      reader.path = ""
      reader.index = -1
      return { _tag: "Fetched", gone, more: readYes(reader, "more") }
    }
  },
  Recall: {
    tag: 72,
    write: (writer, { count, requestId, topic }) => {
      writer.varint(requestId, "requestId", maxRequestId)
      writer.text(topic, "topic")
      writer.varint(count, "count")
    },
    read: (reader) => ({
      _tag: "Recall",
      requestId: reader.varint("requestId", maxRequestId),
      topic: reader.text("topic"),
      count: reader.varint("count")
    })
  },
  Recalled: {
    tag: 73,
    write: (writer, { id, publishedAt, requestId }) => {
      writer.varint(requestId, "requestId", maxRequestId)
      writeId(writer, id)
      writer.varint(publishedAt, "publishedAt")
    },
    read: (reader) => ({
      _tag: "Recalled",
      requestId: reader.varint("requestId", maxRequestId),
      id: readId(reader),
      publishedAt: reader.varint("publishedAt"),
      payload: reader.rest()
    }),
    rest: (recalled) => recalled.payload
  },
  RecallEnd: {
    tag: 74,
    write: (writer, { requestId }) => writer.varint(requestId, "requestId", maxRequestId),
    read: (reader) => ({ _tag: "RecallEnd", requestId: reader.varint("requestId", maxRequestId) })
  },
  Branch: {
    tag: 75,
    write: (writer, { joined, tree }) => {
      writer.byte(tree, "tree")
      writeYes(writer, joined, "joined")
    },
    read: (reader) => ({ _tag: "Branch", tree: reader.byte("tree"), joined: readYes(reader, "joined") })
  },
  Load: {
    tag: 76,
    write: (writer, { children }) => {
      writer.varint(children.length, "children", maxTrees)
      for (const count of children) writer.byte(count, "children")
    },
    read: (reader) => {
      const count = reader.varint("children", maxTrees)
      const children: Array<number> = []
      for (let i = 0; i < count && !reader.over; i++) children.push(reader.byte("children"))
      return { _tag: "Load", children }
    }
  },
  Beat: {
    tag: 77,
    write: (writer, { at, source }) => {
      writer.id(source, "source")
      writer.varint(at, "at")
    },
    read: (reader) => ({ _tag: "Beat", source: reader.id("source"), at: reader.varint("at") })
  }
}

/**
 * How many bytes of a frame a Gossip takes beside its payload, at most, whatever its numbers: the tag, the link (8),
 * source and topic with their lengths, epoch and sequence (8 each), round, the time and the age (8 each), how it was asked
 * for, no extension. So the largest payload that can be published is the transport's frame limit less this. (A Recalled,
 * which carries the same payload, takes less.)
 *
 * A text that has no UTF-8 counts as the longest: nothing of it can be sent anyway.
 *
 * @category measuring
 * @since 0.1.0
 */
export const gossipOverhead = (source: string, topic: string): number =>
  46 + (Utf8.byteLength(source) ?? maxTextBytes) + (Utf8.byteLength(topic) ?? maxTextBytes)
