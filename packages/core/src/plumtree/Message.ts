/**
 * What neighbours say to each other about broadcasts.
 *
 * @since 0.1.0
 */
import type { Key } from "../Peer.ts"
import { maxHops } from "../wire/Limits.ts"

/**
 * What numbers messages: an incarnation of a node, on a topic.
 *
 * @category models
 * @since 0.1.0
 */
export interface Origin<I extends Key = string> {
  readonly source: I
  readonly epoch: number
  readonly topic: string
}

/**
 * Names a message for ever: who published it, in which incarnation, on which topic, and the how-manieth it was, from 0.
 * Never a hash of its content, so that the same payload twice is two messages.
 *
 * @category models
 * @since 0.1.0
 */
export interface MessageId<I extends Key = string> extends Origin<I> {
  readonly sequence: number
}

/**
 * Whether two origins are the same.
 *
 * @category comparisons
 * @since 0.1.0
 */
export const sameOrigin = <I extends Key>(a: Origin<I>, b: Origin<I>): boolean =>
  a.source === b.source && a.epoch === b.epoch && a.topic === b.topic

/**
 * Whether two names mean the same message.
 *
 * @category comparisons
 * @since 0.1.0
 */
export const sameMessage = <I extends Key>(a: MessageId<I>, b: MessageId<I>): boolean =>
  // The number first, and not by `sameOrigin`, which sees records of other shapes too: every duplicate asks.
  a.sequence === b.sequence && a.source === b.source && a.epoch === b.epoch && a.topic === b.topic

/**
 * A message's name as a key of a `Map`: the same for the same message, and for no other, whatever its source and topic
 * are called. Not for reading, nor for keeping: what it looks like may change.
 *
 * @category comparisons
 * @since 0.1.0
 */
export const keyOf = <I extends Key>({ epoch, sequence, source, topic }: MessageId<I>): string =>
  `${epoch}:${sequence}:${topic.length}:${topic}${source}`

/** The round of a message one link further. */
export const nextRound = (round: number): number => (round < maxHops ? round + 1 : maxHops)

/**
 * Why a message is sent that no tree brought: it was grafted; or fetched, by whom it goes to or by whom it comes from.
 *
 * @category models
 * @since 0.1.0
 */
export type Replay = "graft" | "recovery"

/**
 * A message on its way. The object is shared by the copies for all neighbours.
 *
 * @category models
 * @since 0.1.0
 */
export interface Gossip<I extends Key = string> {
  readonly _tag: "Gossip"
  readonly id: MessageId<I>
  /** How many links it has crossed when it arrives; 255 for that many and more. */
  readonly round: number
  /** The source's clock when it published, in milliseconds. */
  readonly publishedAt: number
  /** How long ago that was when it is sent, by the clocks of those who kept it meanwhile, in milliseconds. */
  readonly ageMillis: number
  readonly payload: Uint8Array
  /** How it was asked for, `recovery` also where the sender has asked; undefined for a push along the tree. */
  readonly replay: Replay | undefined
}

/**
 * One announced message, and the round that its payload would have from the announcer.
 *
 * @category models
 * @since 0.1.0
 */
export interface Announcement<I extends Key = string> {
  readonly id: MessageId<I>
  readonly round: number
}

/**
 * IHAVE: messages that the sender holds and has not pushed to the receiver.
 *
 * @category models
 * @since 0.1.0
 */
export interface IHave<I extends Key = string> {
  readonly _tag: "IHave"
  readonly announcements: ReadonlyArray<Announcement<I>>
}

/**
 * GRAFT: the link becomes eager in the trees of these messages. `payload`: send them too.
 *
 * @category models
 * @since 0.1.0
 */
export interface Graft<I extends Key = string> {
  readonly _tag: "Graft"
  readonly ids: ReadonlyArray<MessageId<I>>
  readonly payload: boolean
}

/**
 * The grafted messages that the sender does not hold. The link is eager all the same.
 *
 * @category models
 * @since 0.1.0
 */
export interface GraftMiss<I extends Key = string> {
  readonly _tag: "GraftMiss"
  readonly ids: ReadonlyArray<MessageId<I>>
}

/**
 * PRUNE: the link becomes lazy, in the shared tree (undefined) or in that of a source.
 *
 * @category models
 * @since 0.1.0
 */
export interface Prune<I extends Key = string> {
  readonly _tag: "Prune"
  readonly tree: I | undefined
}

/**
 * BEAT, along the shared tree: its guide has nothing to publish, and others do. `at`: when the guide sent it, in milliseconds
 * by its own clock, which tells one from the next.
 */
export interface Beat<I extends Key = string> {
  readonly _tag: "Beat"
  readonly source: I
  readonly at: number
}

/**
 * BRANCH, of a thicket: whether the receiver is linked here in one of the trees: the answer to a Graft, or the end of a
 * link.
 *
 * @category models
 * @since 0.1.0
 */
export interface Branch {
  readonly _tag: "Branch"
  readonly tree: number
  readonly joined: boolean
}

/**
 * LOAD, of a thicket: to how many neighbours the sender pushes on the messages of each tree.
 *
 * @category models
 * @since 0.1.0
 */
export interface Load {
  readonly _tag: "Load"
  readonly children: ReadonlyArray<number>
}

/**
 * Sequences of one origin, as runs: first and last, first and last, …, ascending, with a gap of at least one between any
 * two.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ranges<I extends Key = string> extends Origin<I> {
  readonly runs: ReadonlyArray<number>
}

/**
 * What the sender keeps of some origins. Several may follow each other on a new link.
 *
 * @category models
 * @since 0.1.0
 */
export interface Digest<I extends Key = string> {
  readonly _tag: "Digest"
  readonly held: ReadonlyArray<Ranges<I>>
}

/**
 * Asks for what the receiver keeps of these. It answers with Gossips, and then with one Fetched.
 *
 * @category models
 * @since 0.1.0
 */
export interface Fetch<I extends Key = string> {
  readonly _tag: "Fetch"
  readonly wanted: ReadonlyArray<Ranges<I>>
}

/**
 * Of one origin, what was asked for is sent or over up to `below`, without it: what the sender has not sent with this answer it will
 * never send.
 *
 * @category models
 * @since 0.1.0
 */
export interface Gone<I extends Key = string> extends Origin<I> {
  readonly below: number
}

/**
 * The end of the answer to a Fetch. `more`: the answer was cut short by its bounds; ask again for the rest.
 *
 * @category models
 * @since 0.1.0
 */
export interface Fetched<I extends Key = string> {
  readonly _tag: "Fetched"
  readonly gone: ReadonlyArray<Gone<I>>
  readonly more: boolean
}

/**
 * Asks for history: the last `count` messages of a topic that the receiver keeps, whoever published them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Recall {
  readonly _tag: "Recall"
  readonly requestId: number
  readonly topic: string
  readonly count: number
}

/**
 * One message of the answer to a Recall.
 *
 * @category models
 * @since 0.1.0
 */
export interface Recalled<I extends Key = string> {
  readonly _tag: "Recalled"
  readonly requestId: number
  readonly id: MessageId<I>
  readonly publishedAt: number
  readonly payload: Uint8Array
}

/**
 * The end of the answer to a Recall.
 *
 * @category models
 * @since 0.1.0
 */
export interface RecallEnd {
  readonly _tag: "RecallEnd"
  readonly requestId: number
}

/**
 * Whatever neighbours say to each other about broadcasts.
 *
 * @category models
 * @since 0.1.0
 */
export type Message<I extends Key = string> =
  | Gossip<I>
  | IHave<I>
  | Graft<I>
  | GraftMiss<I>
  | Prune<I>
  | Digest<I>
  | Fetch<I>
  | Fetched<I>
  | Recall
  | Recalled<I>
  | RecallEnd
  | Branch
  | Load
  | Beat<I>
