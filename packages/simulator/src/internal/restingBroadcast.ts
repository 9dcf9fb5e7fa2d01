/**
 * Broadcasts at rest, as words of a line (`lines.ts`): what floods and one tree know in good order, the last message of a few
 * sources, who is lazy, and when each link was pruned. The messages that are kept rest beside, since they stay as they are. What
 * else a broadcast may know (of each source a tree, what is missed, or announced, or has duplicates left) does not rest so: such
 * a broadcast is kept as it is.
 */
import { type Node, Plumtree } from "@hyparview/core"
import * as HashMap from "effect/HashMap"
import { isWord, none } from "./words.ts"

export type Broadcast = Plumtree.State<number, number>
type Link = Broadcast["links"][number]
type Streams = Broadcast["streams"]
type Stream = Streams["near"][number]
type Held = Stream["held"]
type Upkeep = Broadcast["upkeep"]
type Timers = Broadcast["timers"]
type Membership = Node.State<number, number>["membership"]

/** Links are pruned at fewer duplicates than this, or do not rest as words. */
const thresholds = 256

/** Sources for which there is room: as many as an experiment that drains each broadcast remembers. */
const mostStreams = 2

/** What rests beside the words of a broadcast. */
export interface Beside {
  /** The streams that it had no room for. */
  readonly forgotten: Streams["forgotten"]
  /** What is kept of each stream. */
  readonly held: ReadonlyArray<Held>
}

// --- where it stands, from the section's beginning: the generator, the nonce, the streams, then two words for each link -----

const random0 = 0
const random1 = 1
const nextNonce = 2
const streamCount = 3
const streamHand = 4
const forgottenCount = 5
const lazyLinks = 6
const sweepAt = 7
/** Nonce and time. */
const recoverTimer = 8
const streamList = 10
/** Words of a stream: source, epoch, topic, floor, owed, wanted, top, usedAt, depth, first and last of a run above the floor. */
const streamWords = 11
const linkList = streamList + mostStreams * streamWords
/** Words of a link: at how many duplicates it is pruned, and when it last was. */
const linkWords = 2

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
    this.size = linkList + linkWords * activeRoom
    const self = { id: -1, epoch: 0, address: -1 }
    this.idle = Plumtree.init({ config, self, random: { random0: 1, random1: 0 } })
    const [fresh] = Plumtree.step(this.idle, { _tag: "NeighborUp", now: 0, peer: self }).state.links
    this.fresh =
      fresh === undefined ? none : Array.from({ length: thresholds }, (_, pruneAt) => ({ ...fresh, pruneAt }))
  }

  /** What rests from a place on, and beside. */
  read(words: Int32Array, at: number, membership: Membership, beside: Beside | undefined): RestingBroadcast {
    return new RestingBroadcast(this, words, at, membership, beside)
  }

  linksAt(words: Int32Array, at: number, count: number): ReadonlyArray<Link> {
    const links: Array<Link> = []
    for (let i = 0; i < count; i++) {
      const entry = at + linkList + i * linkWords
      const fresh = this.fresh[words[entry] ?? 0]
      if (fresh === undefined) continue
      const prunedAt = words[entry + 1] ?? 0
      links.push(prunedAt === fresh.prunedAt ? fresh : { ...fresh, prunedAt })
    }
    return links
  }

  upkeepAt(words: Int32Array, at: number): Upkeep {
    const { upkeep } = this.idle
    const due = words[at + sweepAt] ?? 0
    return due === upkeep.sweepAt ? upkeep : { ...upkeep, sweepAt: due }
  }

  timersAt(words: Int32Array, at: number): Timers {
    const { timers } = this.idle
    const nonce = words[at + recoverTimer] ?? 0
    return nonce === 0 ? timers : { ...timers, Recover: { nonce, at: words[at + recoverTimer + 1] ?? 0 } }
  }

  streamsAt(words: Int32Array, at: number, beside: Beside | undefined): Streams {
    const count = words[at + streamCount] ?? 0
    const { streams } = this.idle
    if (count === 0) return streams
    const keys: Array<number> = []
    const near: Array<Stream> = []
    let bytes = 0
    for (let slot = 0; slot < count; slot++) {
      const held = beside?.held[slot] ?? Plumtree.nothingHeld
      const stream = this.streamAt(words, at + streamList + slot * streamWords, held)
      keys.push(stream.source)
      near.push(stream)
      bytes += held.bytes
    }
    return {
      count,
      keys,
      near,
      far: streams.far,
      index: streams.index,
      hand: words[at + streamHand] ?? 0,
      bytes,
      forgotten: beside?.forgotten ?? streams.forgotten,
      forgottenCount: words[at + forgottenCount] ?? 0
    }
  }

  private streamAt(words: Int32Array, at: number, held: Held): Stream {
    return {
      source: words[at] ?? 0,
      epoch: words[at + 1] ?? 0,
      topic: this.topics[words[at + 2] ?? 0] ?? "",
      floor: words[at + 3] ?? 0,
      above: runAt(words, at + 9),
      owed: words[at + 4] ?? 0,
      wanted: words[at + 5] ?? 0,
      top: words[at + 6] ?? 0,
      usedAt: words[at + 7] ?? 0,
      depth: words[at + 8] ?? 0,
      held,
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
    words[at + lazyLinks] = broadcast.lazy
    words[at + sweepAt] = broadcast.upkeep.sweepAt
    words[at + recoverTimer] = broadcast.timers.Recover.nonce
    words[at + recoverTimer + 1] = broadcast.timers.Recover.at
    const { links } = broadcast
    for (let i = 0; i < links.length; i++) {
      const entry = at + linkList + i * linkWords
      words[entry] = links[i]?.pruneAt ?? 0
      words[entry + 1] = links[i]?.prunedAt ?? 0
    }
    return true
  }

  /** Whether all is as it began, but for the streams, the links, and what is kept. */
  private isPlain(broadcast: Broadcast): boolean {
    const { idle } = this
    return (
      (broadcast.timers === idle.timers || areOnlyRecover(broadcast.timers)) &&
      (broadcast.upkeep === idle.upkeep || isOnlySweep(broadcast.upkeep)) &&
      broadcast.late === idle.late &&
      broadcast.trees === idle.trees &&
      broadcast.config === idle.config &&
      broadcast.thicket.trees.length === 0 &&
      broadcast.thicket.told === 0 &&
      HashMap.isEmpty(broadcast.topics) &&
      broadcast.missing.length === 0 &&
      broadcast.announcing === undefined &&
      broadcast.guide === undefined &&
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
      isWord(link.prunedAt) &&
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
    if (count > mostStreams || far.length > 0 || index !== this.idle.streams.index) return false
    let held = 0
    for (let slot = 0; slot < count; slot++) {
      const stream = near[slot]
      if (stream === undefined || !this.writeStream(words, at + streamList + slot * streamWords, stream)) return false
      held += stream.held.bytes
    }
    if (bytes !== held) return false
    words[at + streamCount] = count
    words[at + streamHand] = hand
    words[at + forgottenCount] = streams.forgottenCount
    return true
  }

  private writeStream(words: Int32Array, at: number, stream: Stream): boolean {
    const { above, depth, epoch, floor, gap, owed, source, top, usedAt, wanted } = stream
    words[at] = source
    words[at + 1] = epoch
    words[at + 2] = this.topicOf(stream.topic)
    words[at + 3] = floor
    words[at + 4] = owed
    words[at + 5] = wanted
    words[at + 6] = top
    words[at + 7] = usedAt
    words[at + 8] = depth
    const first = above[0] ?? noRun
    const last = above[1] ?? noRun
    words[at + 9] = first
    words[at + 10] = last
    return (
      above.length <= 2 &&
      gap === undefined &&
      isWord(first) &&
      isWord(last) &&
      isWord(epoch) &&
      isWord(floor) &&
      isWord(owed) &&
      isWord(wanted) &&
      isWord(top) &&
      isWord(usedAt)
    )
  }

  /** What rests beside the words of a broadcast; the same as before if it is. */
  besideOf({ streams }: Broadcast, was: Beside | undefined): Beside | undefined {
    const { count, forgotten, near } = streams
    const first = count > 0 ? (near[0]?.held ?? Plumtree.nothingHeld) : Plumtree.nothingHeld
    const second = count > 1 ? (near[1]?.held ?? Plumtree.nothingHeld) : Plumtree.nothingHeld
    if (first.count + second.count === 0 && forgotten === this.idle.streams.forgotten) return undefined
    return was !== undefined && was.forgotten === forgotten && was.held[0] === first && was.held[1] === second
      ? was
      : { forgotten, held: [first, second] }
  }

  private topicOf(topic: string): number {
    const index = this.topics.indexOf(topic)
    return index >= 0 ? index : this.topics.push(topic) - 1
  }
}

/** Numbers are no less than 0. */
const noRun = -1

const runAt = (words: Int32Array, at: number): ReadonlyArray<number> => {
  const first = words[at] ?? noRun
  return first === noRun ? none : [first, words[at + 1] ?? noRun]
}

/** Whether no other timer is set. */
const areOnlyRecover = ({ Announce, Graft, Recover }: Timers): boolean =>
  Announce.nonce === 0 && Graft.nonce === 0 && isWord(Recover.at)

/** Whether nothing waits but for what is kept to grow old. */
const isOnlySweep = ({ gaps, gapsAt, recalls, sweepAt: due, validated, waiting }: Upkeep): boolean =>
  gaps.length === 0 &&
  gapsAt === 0 &&
  recalls.length === 0 &&
  validated.length === 0 &&
  waiting.length === 0 &&
  isWord(due)

/** A broadcast at rest, read when it is first looked at: its neighbours are the active view. */
export class RestingBroadcast implements Broadcast {
  readonly self: Broadcast["self"]
  private readonly section: BroadcastSection
  private readonly words: Int32Array
  private readonly at: number
  private readonly active: Membership["active"]
  private readonly beside: Beside | undefined
  private readStreams: Streams | undefined = undefined
  private asWhole: Broadcast | undefined = undefined

  constructor(
    section: BroadcastSection,
    words: Int32Array,
    at: number,
    { active, self }: Membership,
    beside: Beside | undefined
  ) {
    this.section = section
    this.words = words
    this.at = at
    this.active = active
    this.self = self
    this.beside = beside
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
    return (this.readStreams ??= this.section.streamsAt(this.words, this.at, this.beside))
  }

  get config(): Broadcast["config"] {
    return this.section.idle.config
  }

  get lazy(): number {
    return this.words[this.at + lazyLinks] ?? 0
  }

  get topics(): Broadcast["topics"] {
    return this.section.idle.topics
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
    return this.section.upkeepAt(this.words, this.at)
  }

  get late(): Broadcast["late"] {
    return this.section.idle.late
  }

  get guide(): undefined {
    return undefined
  }

  get timers(): Broadcast["timers"] {
    return this.section.timersAt(this.words, this.at)
  }
}
