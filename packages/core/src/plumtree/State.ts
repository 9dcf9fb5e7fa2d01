/**
 * The state of one node's broadcast.
 *
 * As in `hyparview/State.ts`, a state is an immutable value, and a step copies its record once (`Transition.ts`). What a
 * message on its way touches stands in that record; the rest is behind `upkeep`, which a message in good order never looks at.
 *
 * @since 0.1.0
 */
import * as HashMap from "effect/HashMap"
import { emptySlot, type Slot } from "../internal/slots.ts"
import type { Key, Peer } from "../Peer.ts"
import type { Random } from "../Random.ts"
import { bareThicket, type Thicket } from "./thicket/Branches.ts"
import type { Config } from "./Config.ts"
import type { Gossip, MessageId, Origin } from "./Message.ts"
import type { Timer } from "./Protocol.ts"
import type { Room } from "./Room.ts"

/** A message that is kept for who missed it. */
export interface Kept<I extends Key> {
  readonly sequence: number
  readonly payload: Uint8Array
  /** How many links it had crossed when it came here. */
  readonly round: number
  /** When it was published, by its source's clock. */
  readonly publishedAt: number
  /** When it was published, by our clock: from here its age counts. */
  readonly bornAt: number
  /** Who brought it; undefined if we published it, or if it came by no tree. */
  readonly parent: I | undefined
}

/** Kept messages by ascending sequence, packed (`Page.ts`). At least one. */
export interface Page<I extends Key> {
  /** Five for each: sequence, publishedAt, bornAt, round, and where in `payloads` it ends. */
  readonly numbers: Float64Array
  /** One after the other. */
  readonly payloads: Uint8Array
  readonly parents: ReadonlyArray<I | undefined>
}

/** The kept messages of one stream, by ascending sequence (`Held.ts`). */
export interface Held<I extends Key> {
  /** The older ones. */
  readonly pages: ReadonlyArray<Page<I>>
  /** How many of the first page have been dropped; never all. */
  readonly dropped: number
  /** Those that fill no page yet: all are later than those in pages. */
  readonly latest: ReadonlyArray<Kept<I>>
  /** Bytes of their payloads. */
  readonly latestBytes: number
  /** Where payloads of the latest stand; undefined: none stands in a room. */
  readonly room: Room | undefined
  /** Messages that are kept, in pages or not. */
  readonly count: number
  /** Bytes of them, each counted as its payload and 128 more. */
  readonly bytes: number
}

/** A FETCH under way, for one of the streams that it names. */
export interface OpenFetch<I extends Key> {
  /** Who has been asked. */
  readonly id: I
  readonly since: number
  /** Which of the gaps that it names this is, from 0: an answer takes them in this order. */
  readonly place: number
  /** Up to which number it asks, if the gaps were more than a FETCH names; −1: for all. */
  readonly upTo: number
}

/** A stream with messages that are wanted and have not come. */
export interface Gap<I extends Key> {
  /** False: it has closed, and its place in `upkeep.gaps` is yet to be taken from it. */
  readonly open: boolean
  /** When it opened, or when something that was missing last came. */
  readonly since: number
  /** `top` as it was then: what is newer has not been missing for as long. */
  readonly known: number
  /** Nobody is asked before, unless so much has come since that what is missing may soon be kept by nobody. */
  readonly due: number
  /** The highest number that had come when it opened, or was hurried last. */
  readonly hurried: number
  /** What has not been answered yet. */
  readonly asking: OpenFetch<I> | undefined
  /** Who has answered in this round and has more, the last that did last: they are asked after all others. */
  readonly goOn: ReadonlyArray<I>
  /** Those of them whose answer may have had no room for this one: more came of it, or of what was named before it. */
  readonly unheard: ReadonlyArray<I>
  /**
   * Neighbours that have said that they keep some of it, or have announced it: they are asked first. At most as many as there
   * are neighbours.
   */
  readonly holders: ReadonlyArray<I>
  /** Neighbours that have been asked in this round. */
  readonly asked: ReadonlyArray<I>
  /** When this round began. */
  readonly roundAt: number
  /**
   * When all had been asked since something of it last came, in a round that began after it, or the last neighbour was lost; or as if
   * then, for the sake of a neighbour that has come since; undefined: they have not.
   */
  readonly allAskedAt: number | undefined
  /** When a neighbour was last lost that had named some of it, and had not answered or had more: somebody keeps that. undefined: none was. */
  readonly namerLostAt: number | undefined
  /** The number that was brought last, by one that was asked, since then: what follows it may be on its way. −1: none was. */
  readonly brought: number
  /** From the first number that is missing, up to which neighbours will never send any. At most one for each. */
  readonly gone: ReadonlyArray<{ readonly id: I; readonly below: number }>
}

/** What is known of the messages of one origin. */
export interface Stream<I extends Key> extends Origin<I> {
  /** Every number up to this one is done: seen, or given up. −1: none. */
  readonly floor: number
  /** The numbers above the floor that have been seen, as runs: first, last, …. At most as many runs as the strategy remembers gaps. */
  readonly above: ReadonlyArray<number>
  /** The baseline: from this number on, each is owed to the application. */
  readonly owed: number
  /**
   * From this number on, what is missing is asked for. Below the baseline while neighbours may keep what was published
   * before the first message came: it is welcome, and nothing is lost if nobody has it.
   */
  readonly wanted: number
  /** The highest number that has come, or that a digest has named, or an announcement that there was no room for. */
  readonly top: number
  /** When it was made, or last gained a message. */
  readonly usedAt: number
  /** The longest path that a kept message of it has taken to here, in links. */
  readonly depth: number
  /** What is kept of it. */
  readonly held: Held<I>
  /** What is missing of it; undefined: nothing that is wanted. */
  readonly gap: Gap<I> | undefined
}

/** Streams that the table had no room for, so that what was done stays done: of each source by epoch and then by topic. */
export type Forgotten<I extends Key> = HashMap.HashMap<I, ReadonlyArray<Origin<I> & { readonly floor: number }>>

/** All streams, each in a slot of its own. */
export interface Streams<I extends Key> {
  /** Slots in use: 0 to `count` − 1. */
  readonly count: number
  /** The sources of the streams in `near`. */
  readonly keys: ReadonlyArray<I>
  /** The streams in the first slots. */
  readonly near: ReadonlyArray<Stream<I>>
  /** The streams in the others, in chunks. */
  readonly far: ReadonlyArray<ReadonlyArray<Stream<I>>>
  /** The slots of each source, by epoch and then by topic; kept while there are more streams than `near` holds. */
  readonly index: HashMap.HashMap<I, ReadonlyArray<number>>
  /** Where the search for a stream to make room goes on. */
  readonly hand: number
  /** Bytes of all that is kept. */
  readonly bytes: number
  /** Two generations: the younger, and the one before. An origin is in one of them, or in a slot. */
  readonly forgotten: readonly [Forgotten<I>, Forgotten<I>]
  /** Streams in the younger. */
  readonly forgottenCount: number
}

/** What is known of a neighbour beyond its being one. Stands at the neighbour's index. */
export interface Link {
  /** The duplicates that it has sent, less what its news have made up for. */
  readonly duplicates: number
  /** When the last of them was counted; −1: none was. */
  readonly duplicateAt: number
  /** When news were last; −1: none were. */
  readonly newsAt: number
  /** At how many it is pruned. */
  readonly pruneAt: number
  /** When it was last told that its link is lazy, or no branch. */
  readonly prunedAt: number
  /** When the open FETCH to it is given up; 0: none is open. */
  readonly fetchAt: number
  /** Bytes that the open FETCH has brought of what it asked for, as they count where they are kept. */
  readonly fetched: number
  /** The last of the gaps that it named of which something has come; −1: none. */
  readonly reached: number
  /** The slot with which the next DIGEST to it begins; −1: it has been told all. */
  readonly digestSlot: number
  /** When that one is sent; 0: none waits. */
  readonly digestAt: number
  /** When it first asked for history of the RECALLs that are counted now, and how many those are; −1: it never did. */
  readonly recalledAt: number
  readonly recalled: number
  /** Of a thicket: how many children it has in each tree, as it has said; none: it has not. */
  readonly children: ReadonlyArray<number>
}

/** Announcements that wait, the latest first. */
export interface Announcing<I extends Key> {
  readonly id: MessageId<I>
  /** How many links its payload would have crossed at the neighbour. */
  readonly round: number
  /** The neighbours to tell, as a set of indices. */
  readonly to: number
  /** The one before it. */
  readonly next: Announcing<I> | undefined
}

/** A message that has been announced and has not come. */
export interface Missing<I extends Key> {
  readonly id: MessageId<I>
  /** Who announced it first. */
  readonly owner: I
  /** Who announced it and has not been grafted for it. */
  readonly announcers: ReadonlyArray<I>
  /** The round that it would have from each of them, in their order. */
  readonly rounds: ReadonlyArray<number>
  /** When it was first announced. */
  readonly since: number
  /** When the next announcer is grafted. */
  readonly at: number
  /** Who was grafted for it last. */
  readonly grafted: I | undefined
}

/** The source by whose messages the shared tree is shaped. */
export interface Guide<I extends Key> {
  readonly source: I
  readonly heardAt: number
  /** In which period its shaping message was published, or its last Beat sent. */
  readonly period: number
  /** The message whose duplicates prune; undefined: none yet, or a Beat, or it came here by no link of the tree. */
  readonly shaping: MessageId<I> | undefined
  /** When the last Beat from it was sent, by its clock; −1: none was. */
  readonly beat: number
  /** Whether duplicates of that Beat prune. */
  readonly beatShapes: boolean
  /** When that Beat was passed on here. */
  readonly passedAt: number
}

/** The tree of one source, with a tree for each (`Tree.ts`). Neighbours are sets of indices. */
export interface SourceTree<I extends Key> {
  readonly lazy: number
  /** Those of the lazy ones that were told so from here, and have not been grafted since. */
  readonly pruned: number
  /** In which period its shaping message was published; −1: there is none. */
  readonly period: number
  /** When that one came. */
  readonly shapedAt: number
  /** The message of the source whose duplicates prune; undefined: none, or it came here by no link of the tree. */
  readonly shaping: MessageId<I> | undefined
  /** How many of the neighbours that have been lost (`SourceTrees`) its sets take into account. */
  readonly lost: number
}

/** The trees of sources, with one for each. A source is in one of two generations. */
export interface SourceTrees<I extends Key> {
  /** Those that have changed lately. */
  readonly young: HashMap.HashMap<I, SourceTree<I>>
  /** The generation before. */
  readonly elder: HashMap.HashMap<I, SourceTree<I>>
  /** At which indices neighbours stood that have been lost since all trees were last gone through, in order. */
  readonly lost: ReadonlyArray<number>
}

/** A message that waits for a verdict. */
export interface Waiting<I extends Key, A> {
  readonly gossip: Gossip<I>
  readonly from: Peer<I, A>
  readonly bornAt: number
  /** Who had named some of what was missing of its origin, if it came while `from` was being asked for that. */
  readonly named: ReadonlyArray<I> | undefined
  readonly until: number
}

/** A Recall of the application that is under way. */
export interface OpenRecall<I extends Key> {
  readonly requestId: number
  readonly topic: string
  readonly wanted: number
  /** What has been found, so that nothing is given twice. At most `wanted`. */
  readonly found: ReadonlyArray<MessageId<I>>
  /** Neighbours that have been asked, the one that has not answered yet among them. */
  readonly asked: ReadonlyArray<I>
  /** The one that has not answered yet; undefined while all that are left answer other recalls. */
  readonly asking: I | undefined
  /** When it is waited for no longer; 0: nobody has been asked. */
  readonly until: number
}

/** What a message in good order does not touch. */
export interface Upkeep<I extends Key, A> {
  /** The slots of streams with a gap, in the order in which it opened. */
  readonly gaps: ReadonlyArray<number>
  /** The earliest that one of them is due; 0: none waits for a time. */
  readonly gapsAt: number
  /** Topics whose messages wait for a verdict. At most topicsSize. */
  readonly validated: ReadonlyArray<string>
  /** Messages that wait for a verdict, the oldest first. At most verdictsSize. */
  readonly waiting: ReadonlyArray<Waiting<I, A>>
  /** Recalls under way. At most recallsSize. */
  readonly recalls: ReadonlyArray<OpenRecall<I>>
  /** When what is kept is next looked through for what is too old; 0: nothing is kept. */
  readonly sweepAt: number
}

/** A state while a transition works on it. Only the functions of this folder see one. */
export interface Draft<I extends Key, A> extends Random {
  config: Config
  self: Peer<I, A>
  /** The active view, as the membership has told it. At most `maxNeighbors`. */
  neighbors: ReadonlyArray<Peer<I, A>>
  /** Which of them are lazy in the shared tree, as a set of indices; all others are eager. */
  lazy: number
  /** What is known of each origin. At most sourcesSize. */
  streams: Streams<I>
  /** The number of the next message on each topic on which this node has published. At most topicsSize. */
  topics: HashMap.HashMap<string, number>
  /** What waits to be announced; undefined: nothing. */
  announcing: Announcing<I> | undefined
  /** How many announcements that is. At most announceSize. */
  announcingCount: number
  /** What has been announced here and has not come. At most missingSize for each neighbour. */
  missing: ReadonlyArray<Missing<I>>
  /** How long after its announcement a pushed message came, and when that was: the latest of late (`Lateness.ts`). */
  late: { readonly millis: number; readonly at: number }
  /** Who shapes the shared tree; undefined: nobody has been heard (`Guide.ts`). */
  guide: Guide<I> | undefined
  /** What is known of each neighbour, in the order of `neighbors`. */
  links: ReadonlyArray<Link>
  /** The trees of sources, with one for each. A source that is not here has no lazy neighbour. At most treesSize. */
  trees: SourceTrees<I>
  /** The trees of a thicket. */
  thicket: Thicket<I>
  /** What a message in good order does not touch. */
  upkeep: Upkeep<I, A>
  timers: Readonly<Record<Timer, Slot>>
  nextNonce: number
}

/**
 * The state of one node's broadcast: a value that never changes.
 *
 * @category models
 * @since 0.1.0
 */
export type State<I extends Key = string, A = string> = Readonly<Draft<I, A>>

/**
 * Neighbours that there can be: sets of them are whole numbers of 30 bits, which V8 stores without a box. HyParView's
 * active view is no larger.
 *
 * @category limits
 * @since 0.1.0
 */
export const maxNeighbors = 30

const none: ReadonlyArray<never> = []

/**
 * What is kept of a stream of which nothing is.
 *
 * @category constants
 * @since 0.1.0
 */
export const nothingHeld: Held<never> = {
  pages: none,
  dropped: 0,
  latest: none,
  latestBytes: 0,
  room: undefined,
  count: 0,
  bytes: 0
}

/** A neighbour of whom nothing is known yet. */
export const freshLink: Link = {
  duplicates: 0,
  duplicateAt: -1,
  newsAt: -1,
  pruneAt: 1,
  prunedAt: -1,
  fetchAt: 0,
  fetched: 0,
  reached: -1,
  digestSlot: -1,
  digestAt: 0,
  recalledAt: -1,
  recalled: 0,
  children: none
}

// What a broadcast begins with: one for all, so that a node holds none of its own before it has something to say.

const noStreams: Streams<never> = {
  count: 0,
  keys: none,
  near: none,
  far: none,
  index: HashMap.empty(),
  hand: 0,
  bytes: 0,
  forgotten: [HashMap.empty(), HashMap.empty()],
  forgottenCount: 0
}

const noTrees: SourceTrees<never> = { young: HashMap.empty(), elder: HashMap.empty(), lost: none }

const neverLate = { millis: 0, at: 0 }

const noTopics: HashMap.HashMap<string, number> = HashMap.empty()

const noUpkeep: Upkeep<never, never> = {
  gaps: none,
  gapsAt: 0,
  validated: none,
  waiting: none,
  recalls: none,
  sweepAt: 0
}

const noTimers: Readonly<Record<Timer, Slot>> = { Announce: emptySlot, Graft: emptySlot, Recover: emptySlot }

/**
 * A broadcast without neighbours that has seen nothing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const init = <I extends Key, A>(options: {
  readonly config: Config
  readonly self: Peer<I, A>
  readonly random: Random
}): State<I, A> => ({
  random0: options.random.random0,
  random1: options.random.random1,
  config: options.config,
  self: options.self,
  neighbors: none,
  lazy: 0,
  streams: noStreams,
  topics: noTopics,
  announcing: undefined,
  announcingCount: 0,
  missing: none,
  links: none,
  trees: noTrees,
  thicket: bareThicket(options.config),
  upkeep: noUpkeep,
  late: neverLate,
  guide: undefined,
  timers: noTimers,
  nextNonce: 1
})

/** The index of a neighbour; −1 for anybody else. */
export const indexOf = <I extends Key, A>(state: State<I, A>, id: I): number => {
  const { neighbors } = state
  for (let i = 0; i < neighbors.length; i++) if (neighbors[i]?.id === id) return i
  return -1
}
