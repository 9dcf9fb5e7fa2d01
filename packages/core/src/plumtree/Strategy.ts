/**
 * What the strategies of a broadcast differ in: whom a message is pushed to, and what news, duplicates and silence say of
 * that. All else is the same for all of them, and calls them by this record alone: messages told from what is known, kept,
 * delivered, announced, asked for. `Plumtree.ts` says which there are: a flood (`Flood.ts`), a tree (`OneTree.ts`), several
 * (`thicket/Thicket.ts`); and it hands what neighbours say of one kind of tree alone (Beat; Branch and Load) to that kind.
 *
 * Neighbours are indices into the active view; an index of −1 is nobody's.
 *
 * @since 0.1.0
 */
import type { Key } from "../Peer.ts"
import type { Config } from "./Config.ts"
import type { Gossip, MessageId } from "./Message.ts"
import type { Missing, State, Transition } from "./State.ts"

/** How a message took its way to here: in how many links, and who brought it. */
export interface Path<I extends Key> {
  readonly round: number
  readonly parent: I
}

/** A message has come from the neighbour at an index. */
export type OnMessage = <I extends Key, A>(t: Transition<I, A>, gossip: Gossip<I>, index: number) => void

/** One way to broadcast. */
export interface Strategy {
  /** The neighbours to which a message is announced rather than pushed, as a set of indices. */
  readonly lazyFor: <I extends Key, A>(state: State<I, A>, id: MessageId<I>) => number
  /** Whether what is announced and does not come is asked for. Where nothing is announced nobody need look. */
  readonly grafts: boolean

  // --- messages ---------------------------------------------------------------------------------------------------------

  /** A message of our own, before it is sent. */
  readonly onPublished: <I extends Key, A>(t: Transition<I, A>, id: MessageId<I>) => void
  /** A message has come for the first time. */
  readonly onNews: OnMessage
  /** A message has come that was known. */
  readonly onDuplicate: OnMessage
  /** A message that had been announced was pushed here, or grafted, by a path; the better one, if an announcer's takes its place. */
  readonly onPushed: <I extends Key, A>(
    t: Transition<I, A>,
    announced: Missing<I>,
    path: Path<I>
  ) => Path<I> | undefined
  /** A message that had been announced was fetched. */
  readonly onFetched: <I extends Key, A>(t: Transition<I, A>, announced: Missing<I>) => void

  // --- announcements ----------------------------------------------------------------------------------------------------

  /** Announcements are sent: what else there is to say goes with them. */
  readonly onAnnouncing: <I extends Key, A>(t: Transition<I, A>) => void
  /** A neighbour announces, by a path of so many links, a message that has come: the one of a slot among the streams. */
  readonly onKnownAnnounced: <I extends Key, A>(
    t: Transition<I, A>,
    slot: number,
    id: MessageId<I>,
    round: number,
    index: number
  ) => void

  // --- what is announced and does not come ------------------------------------------------------------------------------

  /** How long a message is waited for that is announced for the first time. */
  readonly patience: <I extends Key, A>(t: Transition<I, A>, id: MessageId<I>) => number
  /** When the next announcer of a message is asked, if the tree has turned out to be later than it was. */
  readonly dueAt: <I extends Key, A>(t: Transition<I, A>, missing: Missing<I>) => number
  /** Whom of those that have announced it to ask for a message: its place among them; −1: all are gone. */
  readonly nextAnnouncer: <I extends Key, A>(t: Transition<I, A>, missing: Missing<I>) => number
  /** The neighbour at an index is asked for a message; those to ask after it. */
  readonly onAsking: <I extends Key, A>(
    t: Transition<I, A>,
    id: MessageId<I>,
    index: number,
    others: ReadonlyArray<I>
  ) => void
  /** What a neighbour was asked for has been pushed by another: it was asked too soon. */
  readonly takeBack: <I extends Key, A>(t: Transition<I, A>, id: MessageId<I>, index: number) => void
  /** How long a gap in the numbers of an origin is left to close by itself, in milliseconds. */
  readonly gapPatience: (config: Config) => number
  /** How many such gaps are remembered of one origin. */
  readonly gapsSize: (config: Config) => number

  // --- what neighbours say of the tree ----------------------------------------------------------------------------------

  /** PRUNE received. */
  readonly onPrune: <I extends Key, A>(t: Transition<I, A>, index: number, tree: I | undefined) => void
  /** GRAFT received, for these messages. */
  readonly onGraft: <I extends Key, A>(t: Transition<I, A>, index: number, ids: ReadonlyArray<MessageId<I>>) => void
  /** The neighbour that was asked for a message does not have it any more. */
  readonly onGraftMiss: <I extends Key, A>(t: Transition<I, A>, id: MessageId<I>, index: number) => void
}
