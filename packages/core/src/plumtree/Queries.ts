/**
 * What may be asked of the state of a broadcast without changing it.
 *
 * @since 0.1.0
 */
import type { Key, Peer } from "../Peer.ts"
import { childrenOf } from "./thicket/Branches.ts"
import * as Held from "./Held.ts"
import { type MessageId, type Origin, sameOrigin } from "./Message.ts"
import { has, sizeOf } from "./Neighbors.ts"
import { firstWanted, isDone, notDone } from "./Seen.ts"
import type { State } from "./State.ts"
import { at, slotOf, streamOf } from "./Streams.ts"
import { eagerPeers, lazyIn } from "./Tree.ts"
import { firstAwaited } from "./Verdict.ts"

/**
 * Whether a message has been seen here, or given up: one more copy of it would be a duplicate.
 *
 * @category queries
 * @since 0.1.0
 */
export const hasSeen = <I extends Key, A>({ streams }: State<I, A>, id: MessageId<I>): boolean => {
  const stream = at(streams, slotOf(streams, id.source, id.epoch, id.topic))
  return stream !== undefined && isDone(stream, id.sequence)
}

/**
 * The lowest sequence of an origin that may still come to the application, and has not been delivered, refused or given up:
 * the next one, if there is no gap. `undefined` for an origin that is not known.
 *
 * @category queries
 * @since 0.1.0
 */
export const firstMissing = <I extends Key, A>(state: State<I, A>, origin: Origin<I>): number | undefined => {
  const stream = streamOf(state.streams, origin)
  if (stream === undefined) return undefined
  const missing = firstWanted(stream)
  // What waits for a verdict has been seen, and is not delivered yet.
  return Math.min(missing, firstAwaited(state, origin, 0))
}

/**
 * Of the sequences of an origin from `first` to `last`, those that have neither been delivered here, nor refused, nor given up, as
 * far as is known: runs, as first and last, first and last, …, ascending. All of them for an origin that is not known.
 *
 * @category queries
 * @since 0.1.0
 */
export const missingOf = <I extends Key, A>(
  { streams, upkeep }: State<I, A>,
  origin: Origin<I>,
  first: number,
  last: number
): ReadonlyArray<number> => {
  const stream = streamOf(streams, origin)
  if (stream === undefined) return first > last ? [] : [first, last]
  const unseen = notDone(stream, [first, last])
  const parts: Array<readonly [start: number, end: number]> = []
  // What waits for a verdict has been seen, and is not delivered yet. If its origin has begun anew meanwhile it is among those, too.
  for (const { gossip } of upkeep.waiting) {
    const { id } = gossip
    if (id.sequence >= first && id.sequence <= last && sameOrigin(id, origin)) parts.push([id.sequence, id.sequence])
  }
  if (parts.length === 0) return unseen
  for (let i = 0; i + 1 < unseen.length; i += 2) parts.push([unseen[i] ?? 0, unseen[i + 1] ?? 0])
  const runs: Array<number> = []
  for (const [start, end] of parts.sort(([one], [other]) => one - other)) {
    const before = runs.at(-1) ?? -Infinity
    if (start <= before + 1) runs[runs.length - 1] = Math.max(before, end)
    else runs.push(start, end)
  }
  return runs
}

/**
 * How much there is of everything, for a view or a gauge.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sizes<I extends Key = string, A = string> {
  /** Neighbours to which payloads of the shared tree are pushed; in a thicket those linked in a tree. */
  readonly eager: number
  /** Neighbours to which payloads of the shared tree are only announced; in a thicket those linked in no tree. */
  readonly lazy: number
  /** To whom messages of this node's own are pushed. */
  readonly eagerNeighbors: ReadonlyArray<Peer<I, A>>
  /** Messages kept for others, and their bytes: payloads and 128 more each. */
  readonly retained: { readonly messages: number; readonly bytes: number }
}

/**
 * How many neighbours are eager and lazy, and how much is retained. Its cost grows with the number of origins known.
 *
 * @category queries
 * @since 0.1.0
 */
export const sizes = <I extends Key, A>(state: State<I, A>): Sizes<I, A> => {
  const { neighbors, self, streams, thicket } = state
  let messages = 0
  for (let slot = 0; slot < streams.count; slot++) messages += at(streams, slot)?.held.count ?? 0
  const lazy = sizeOf(thicket.trees.length > 0 ? lazyIn(state, self.id) : state.lazy)
  return {
    eager: neighbors.length - lazy,
    lazy,
    eagerNeighbors: eagerPeers(state, self.id),
    retained: { messages, bytes: streams.bytes }
  }
}

/**
 * A message that is kept for who missed it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Retained {
  readonly sequence: number
  /** Its payload and 128 more, as it counts among `retainedBytes`. */
  readonly bytes: number
  /** When it was published, by this node's clock. */
  readonly bornAt: number
}

/**
 * The messages of an origin that are kept here for others, by ascending sequence. Those that are older than `retainedMillis` are
 * among them until the next sweep, though nobody is sent them.
 *
 * @category queries
 * @since 0.1.0
 */
export const retainedOf = <I extends Key, A>({ streams }: State<I, A>, origin: Origin<I>): ReadonlyArray<Retained> => {
  const stream = streamOf(streams, origin)
  if (stream === undefined) return []
  return Held.all(stream.held).map(({ bornAt, payload, sequence }) => ({
    sequence,
    bytes: Held.bytesOf(payload),
    bornAt
  }))
}

/**
 * One of the trees of a thicket, as its node sees it.
 *
 * @category models
 * @since 0.1.0
 */
export interface TreeView<I extends Key = string, A = string> {
  /** From whom messages of the tree come. */
  readonly parent: Peer<I, A> | undefined
  /** To whom they are pushed on. */
  readonly children: ReadonlyArray<Peer<I, A>>
}

/**
 * The trees of a thicket, in their order; none with another strategy. The node's forwarding load is the number of children
 * over all of them, and it is interior in those in which it has any.
 *
 * @category queries
 * @since 0.1.0
 */
export const treeViews = <I extends Key, A>({ neighbors, thicket }: State<I, A>): ReadonlyArray<TreeView<I, A>> =>
  thicket.trees.map(({ branches, parent }) => ({
    parent: neighbors[parent],
    children: neighbors.filter((_, index) => index !== parent && has(branches, index))
  }))

/**
 * How many children a node has in each tree of a thicket: the sum is its forwarding load.
 *
 * @category queries
 * @since 0.1.0
 */
export const childCounts = <I extends Key, A>({ thicket }: State<I, A>): ReadonlyArray<number> =>
  thicket.trees.map(childrenOf)
