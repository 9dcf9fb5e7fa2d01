/**
 * Broadcasts at rest, as words of a line (`lines.ts`): what floods know, the last message of a few sources, and how many
 * duplicates each link has left. What else a broadcast may know (trees, messages that are kept, or missed, or announced) does
 * not rest so: such a broadcast is kept as it is.
 */
import { type Node, Plumtree } from "@hyparview/core"
import { isWord, none } from "./words.ts"

export type Broadcast = Plumtree.State<number, number>
type Link = Broadcast["links"][number]
type Streams = Broadcast["streams"]
type Stream = Streams["near"][number]
type Membership = Node.State<number, number>["membership"]

/** Links are pruned at fewer duplicates than this, or do not rest as words. */
const thresholds = 256

/** Sources for which there is room: as many as an experiment that drains each broadcast remembers. */
const mostStreams = 2

const nothingHeld: Stream["held"] = { oldest: none, middle: none, latest: none, count: 0, bytes: 0 }

// --- where it stands, from the section's beginning: the generator, the nonce, the streams, then a threshold for each link --

const random0 = 0
const random1 = 1
const nextNonce = 2
const streamCount = 3
const streamHand = 4
const forgottenCount = 5
const streamList = 6
/** Words of a stream: source, epoch, topic, floor, owed, wanted, top, usedAt. */
const streamWords = 8
const thresholdList = streamList + mostStreams * streamWords

/** What the broadcasts of a world have in common. Mutable: it learns the names of topics. */
export class BroadcastSection {
  /** Words that a broadcast takes. */
  readonly size: number
  /** What a broadcast begins with. */
  readonly idle: Broadcast
  private readonly activeRoom: number
  /** What a fresh link is, by the duplicates at which it is pruned. */
  private readonly fresh: ReadonlyArray<Link>
  private readonly topics: Array<string> = []

  constructor(config: Plumtree.Config, activeRoom: number) {
    this.activeRoom = activeRoom
    this.size = thresholdList + activeRoom
    const self = { id: -1, epoch: 0, address: -1 }
    this.idle = Plumtree.init({ config, self, random: { random0: 1, random1: 0 } })
    const [fresh] = Plumtree.step(this.idle, { _tag: "NeighborUp", now: 0, peer: self }).state.links
    this.fresh =
      fresh === undefined ? none : Array.from({ length: thresholds }, (_, pruneAt) => ({ ...fresh, pruneAt }))
  }

  /** What rests from a place on. `forgotten` rests beside. */
  read(
    words: Int32Array,
    at: number,
    membership: Membership,
    forgotten: Streams["forgotten"] | undefined
  ): RestingBroadcast {
    return new RestingBroadcast(this, words, at, membership, forgotten)
  }

  linksAt(words: Int32Array, at: number, count: number): ReadonlyArray<Link> {
    const links: Array<Link> = []
    for (let i = 0; i < count; i++) {
      const link = this.fresh[words[at + thresholdList + i] ?? 0]
      if (link !== undefined) links.push(link)
    }
    return links
  }

  streamsAt(words: Int32Array, at: number, forgotten: Streams["forgotten"] | undefined): Streams {
    const count = words[at + streamCount] ?? 0
    const { streams } = this.idle
    if (count === 0) return streams
    const keys: Array<number> = []
    const near: Array<Stream> = []
    for (let slot = 0; slot < count; slot++) {
      const stream = this.streamAt(words, at + streamList + slot * streamWords)
      keys.push(stream.source)
      near.push(stream)
    }
    return {
      count,
      keys,
      near,
      far: streams.far,
      index: streams.index,
      hand: words[at + streamHand] ?? 0,
      bytes: 0,
      forgotten: forgotten ?? streams.forgotten,
      forgottenCount: words[at + forgottenCount] ?? 0
    }
  }

  private streamAt(words: Int32Array, at: number): Stream {
    return {
      source: words[at] ?? 0,
      epoch: words[at + 1] ?? 0,
      topic: this.topics[words[at + 2] ?? 0] ?? "",
      floor: words[at + 3] ?? 0,
      above: none,
      owed: words[at + 4] ?? 0,
      wanted: words[at + 5] ?? 0,
      top: words[at + 6] ?? 0,
      usedAt: words[at + 7] ?? 0,
      depth: 0,
      held: nothingHeld,
      gap: undefined
    }
  }

  /** Writes a broadcast from a place on; whether it fits. */
  write(words: Int32Array, at: number, broadcast: Broadcast, membership: Membership): boolean {
    if (!this.isPlain(broadcast) || !this.knowsNeighbors(broadcast, membership)) return false
    if (!this.writeStreams(words, at, broadcast.streams)) return false
    words[at + random0] = broadcast.random0
    words[at + random1] = broadcast.random1
    words[at + nextNonce] = broadcast.nextNonce
    const { links } = broadcast
    for (let i = 0; i < links.length; i++) words[at + thresholdList + i] = links[i]?.pruneAt ?? 0
    return true
  }

  /** Whether all is as it began, but for the streams and the links. */
  private isPlain(broadcast: Broadcast): boolean {
    const { idle } = this
    return (
      broadcast.timers === idle.timers &&
      broadcast.upkeep === idle.upkeep &&
      broadcast.late === idle.late &&
      broadcast.trees === idle.trees &&
      broadcast.config === idle.config &&
      broadcast.thicket.trees.length === 0 &&
      broadcast.thicket.told === 0 &&
      broadcast.topics.length === 0 &&
      broadcast.missing.length === 0 &&
      broadcast.announcing === undefined &&
      broadcast.guide === undefined &&
      broadcast.lazy === 0 &&
      isWord(broadcast.nextNonce)
    )
  }

  /** Whether its neighbours are the active view, in its order, and its links fresh. */
  private knowsNeighbors({ links, neighbors, self }: Broadcast, { active, self: own }: Membership): boolean {
    if (self !== own || neighbors.length !== active.length || neighbors.length > this.activeRoom) return false
    for (let i = 0; i < neighbors.length; i++) {
      const peer = active[i]?.peer
      const neighbor = neighbors[i]
      if (peer?.id !== neighbor?.id || peer?.epoch !== neighbor?.epoch || !this.isFresh(links[i])) return false
    }
    return true
  }

  private isFresh(link: Link | undefined): boolean {
    const fresh = this.fresh[link?.pruneAt ?? -1]
    return (
      link !== undefined &&
      fresh !== undefined &&
      link.duplicates === fresh.duplicates &&
      link.duplicateAt === fresh.duplicateAt &&
      link.newsAt === fresh.newsAt &&
      link.prunedAt === fresh.prunedAt &&
      link.fetchAt === fresh.fetchAt &&
      link.fetched === fresh.fetched &&
      link.digestSlot === fresh.digestSlot &&
      link.digestAt === fresh.digestAt &&
      link.recalledAt === fresh.recalledAt &&
      link.recalled === fresh.recalled &&
      link.children === fresh.children
    )
  }

  private writeStreams(words: Int32Array, at: number, streams: Streams): boolean {
    const { bytes, count, far, hand, index, near } = streams
    if (count > mostStreams || bytes > 0 || far.length > 0 || index !== this.idle.streams.index) return false
    for (let slot = 0; slot < count; slot++) {
      const stream = near[slot]
      if (stream === undefined || !this.writeStream(words, at + streamList + slot * streamWords, stream)) return false
    }
    words[at + streamCount] = count
    words[at + streamHand] = hand
    words[at + forgottenCount] = streams.forgottenCount
    return true
  }

  private writeStream(words: Int32Array, at: number, stream: Stream): boolean {
    const { above, depth, epoch, floor, gap, held, owed, source, top, usedAt, wanted } = stream
    words[at] = source
    words[at + 1] = epoch
    words[at + 2] = this.topicOf(stream.topic)
    words[at + 3] = floor
    words[at + 4] = owed
    words[at + 5] = wanted
    words[at + 6] = top
    words[at + 7] = usedAt
    return (
      above.length === 0 &&
      depth === 0 &&
      held.count === 0 &&
      gap === undefined &&
      isWord(epoch) &&
      isWord(floor) &&
      isWord(owed) &&
      isWord(wanted) &&
      isWord(top) &&
      isWord(usedAt)
    )
  }

  /** What rests beside the words of a broadcast. */
  forgottenBy({ streams }: Broadcast): Streams["forgotten"] | undefined {
    return streams.forgotten === this.idle.streams.forgotten ? undefined : streams.forgotten
  }

  private topicOf(topic: string): number {
    const index = this.topics.indexOf(topic)
    return index >= 0 ? index : this.topics.push(topic) - 1
  }
}

/** A broadcast at rest, read when it is first looked at: its neighbours are the active view. */
export class RestingBroadcast implements Broadcast {
  readonly self: Broadcast["self"]
  private readonly section: BroadcastSection
  private readonly words: Int32Array
  private readonly at: number
  private readonly active: Membership["active"]
  private readonly forgotten: Streams["forgotten"] | undefined
  private readStreams: Streams | undefined = undefined
  private asWhole: Broadcast | undefined = undefined

  constructor(
    section: BroadcastSection,
    words: Int32Array,
    at: number,
    { active, self }: Membership,
    forgotten: Streams["forgotten"] | undefined
  ) {
    this.section = section
    this.words = words
    this.at = at
    this.active = active
    this.self = self
    this.forgotten = forgotten
  }

  /** The same, read. */
  get whole(): Broadcast {
    return (this.asWhole ??= {
      random0: this.random0,
      random1: this.random1,
      config: this.config,
      self: this.self,
      neighbors: this.neighbors,
      lazy: this.lazy,
      streams: this.streams,
      topics: this.topics,
      announcing: this.announcing,
      announcingCount: this.announcingCount,
      missing: this.missing,
      links: this.links,
      trees: this.trees,
      thicket: this.thicket,
      upkeep: this.upkeep,
      late: this.late,
      guide: this.guide,
      timers: this.timers,
      nextNonce: this.nextNonce
    })
  }

  get random0(): number {
    return this.words[this.at + random0] ?? 0
  }

  get random1(): number {
    return this.words[this.at + random1] ?? 0
  }

  get nextNonce(): number {
    return this.words[this.at + nextNonce] ?? 0
  }

  get neighbors(): Broadcast["neighbors"] {
    return this.active.map(({ peer }) => peer)
  }

  get links(): ReadonlyArray<Link> {
    return this.section.linksAt(this.words, this.at, this.active.length)
  }

  get streams(): Streams {
    return (this.readStreams ??= this.section.streamsAt(this.words, this.at, this.forgotten))
  }

  get config(): Broadcast["config"] {
    return this.section.idle.config
  }

  get lazy(): number {
    return 0
  }

  get topics(): Broadcast["topics"] {
    return none
  }

  get announcing(): undefined {
    return undefined
  }

  get announcingCount(): number {
    return 0
  }

  get missing(): Broadcast["missing"] {
    return none
  }

  get trees(): Broadcast["trees"] {
    return this.section.idle.trees
  }

  get thicket(): Broadcast["thicket"] {
    return this.section.idle.thicket
  }

  get upkeep(): Broadcast["upkeep"] {
    return this.section.idle.upkeep
  }

  get late(): Broadcast["late"] {
    return this.section.idle.late
  }

  get guide(): undefined {
    return undefined
  }

  get timers(): Broadcast["timers"] {
    return this.section.idle.timers
  }
}
