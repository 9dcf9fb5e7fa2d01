/**
 * A step under way, and what the strategies of a broadcast decide in it: whom a message is pushed to, and what news,
 * duplicates and silence say of that. All else is the same for all of them, and calls them by the record `Strategy` alone:
 * messages told from what is known, kept, delivered, announced, asked for. `Plumtree.ts` says which there are: a flood
 * (`Flood.ts`), a tree (`OneTree.ts`), several (`thicket/Thicket.ts`); and it hands what neighbours say of one kind of tree
 * alone (Beat; Branch and Load) to that kind.
 *
 * Neighbours are indices into the active view; an index of −1 is nobody's.
 *
 * @since 0.1.0
 */
import { emptySlot } from "../internal/slots.ts"
import type { Key } from "../Peer.ts"
import type { Config } from "./Config.ts"
import type { Gossip, MessageId, Origin } from "./Message.ts"
import type { Output, Timer } from "./Protocol.ts"
import { type Draft, type Link, type Missing, type State, type Stream, type Streams, type Upkeep } from "./State.ts"

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
  /** Whether what was fetched is only announced to those that have named some of what is missing of its origin. */
  readonly announcesFetched: boolean

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

  /** Whether what is announced of an origin will not come along the tree, as far as this node can see. */
  readonly isCutOff: <I extends Key, A>(t: Transition<I, A>, origin: Origin<I>) => boolean
  /** Whether a message that is pushed tells how late the tree is: not if somebody on its way had to ask for it. */
  readonly tellsLateness: <I extends Key, A>(t: Transition<I, A>, gossip: Gossip<I>) => boolean
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

/** One step under way: the state as far as it has come, and the outputs so far, in order. */
export interface Transition<I extends Key, A> {
  readonly now: number
  readonly strategy: Strategy
  readonly state: Draft<I, A>
  readonly outputs: Array<Output<I, A>>
  /** The table of streams, once this step has copied it (`Streams.put`). */
  own: OwnStreams<I> | undefined
}

/** A table of streams that nobody but the step that made it has seen, so that it may be changed. */
export interface OwnStreams<I extends Key> extends Streams<I> {
  readonly near: Array<Stream<I>>
  bytes: number
}

/** Begins a transition: the one copy that a step makes. Field by field, so that it is made in line. */
export const begin = <I extends Key, A>(state: State<I, A>, now: number, strategy: Strategy): Transition<I, A> => ({
  now,
  strategy,
  state: {
    random0: state.random0,
    random1: state.random1,
    config: state.config,
    self: state.self,
    neighbors: state.neighbors,
    lazy: state.lazy,
    streams: state.streams,
    topics: state.topics,
    announcing: state.announcing,
    announcingCount: state.announcingCount,
    missing: state.missing,
    links: state.links,
    trees: state.trees,
    thicket: state.thicket,
    upkeep: state.upkeep,
    late: state.late,
    guide: state.guide,
    timers: state.timers,
    nextNonce: state.nextNonce
  },
  outputs: [],
  own: undefined
})

/** Sets a timer slot. The nonce makes a timer that was replaced or cleared recognisable when it fires all the same. */
export const setTimer = <I extends Key, A>(t: Transition<I, A>, kind: Timer, at: number): void => {
  const nonce = t.state.nextNonce++
  t.state.timers = { ...t.state.timers, [kind]: { nonce, at } }
  t.outputs.push({ _tag: "SetTimer", kind, nonce, at })
}

/** Empties a timer slot. */
export const clearTimer = <I extends Key, A>(t: Transition<I, A>, kind: Timer): void => {
  if (t.state.timers[kind].nonce === 0) return
  t.state.timers = { ...t.state.timers, [kind]: emptySlot }
  t.outputs.push({ _tag: "ClearTimer", kind })
}

/** Keeps a timer slot at an instant, or earlier: one that comes too early is simply set again. 0: nothing is waited for. */
export const armTimer = <I extends Key, A>(t: Transition<I, A>, kind: Timer, at: number): void => {
  if (at === 0) return clearTimer(t, kind)
  const slot = t.state.timers[kind]
  if (slot.nonce === 0 || at < slot.at) setTimer(t, kind, at)
}

/** Takes a fired timer out of its slot; false for one that was replaced or cleared meanwhile. */
export const takeTimer = <I extends Key, A>(t: Transition<I, A>, kind: Timer, nonce: number): boolean => {
  const slot = t.state.timers[kind]
  if (slot.nonce === 0 || slot.nonce !== nonce) return false
  t.state.timers = { ...t.state.timers, [kind]: emptySlot }
  return true
}

/** Changes some of what stands behind `upkeep`. */
export const changeUpkeep = <I extends Key, A>(t: Transition<I, A>, change: Partial<Upkeep<I, A>>): void => {
  t.state.upkeep = { ...t.state.upkeep, ...change }
}

/** Changes some of what is known of the neighbour at an index. */
export const changeLink = <I extends Key, A>(t: Transition<I, A>, index: number, change: Partial<Link>): void => {
  const { links } = t.state
  const link = links[index]
  if (link !== undefined) t.state.links = links.with(index, { ...link, ...change })
}
