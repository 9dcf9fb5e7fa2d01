/**
 * What may be asked of the state of a broadcast without changing it.
 *
 * @since 0.1.0
 */
import type { Key, Peer } from "../Peer.ts"
import type { MessageId, Origin } from "./Message.ts"
import { doneUntil, isDone } from "./Seen.ts"
import type { State } from "./State.ts"
import { at, slotOf } from "./Streams.ts"
import { eagerPeers } from "./Tree.ts"

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
export const firstMissing = <I extends Key, A>(
  { care, streams }: State<I, A>,
  origin: Origin<I>
): number | undefined => {
  const stream = at(streams, slotOf(streams, origin.source, origin.epoch, origin.topic))
  if (stream === undefined) return undefined
  let missing = doneUntil(stream, Math.max(stream.floor + 1, stream.wanted))
  // Seen, and not delivered before there is a verdict.
  for (const { gossip } of care.waiting) {
    const { epoch, sequence, source, topic } = gossip.id
    if (source === origin.source && epoch === origin.epoch && topic === origin.topic) {
      missing = Math.min(missing, sequence)
    }
  }
  return missing
}

/**
 * How much there is of everything, for a view or a gauge.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sizes<I extends Key = string, A = string> {
  /** Neighbours to which payloads of the shared tree are pushed, and to which they are only announced. */
  readonly eager: number
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
  const { neighbors, self, streams } = state
  let messages = 0
  for (let slot = 0; slot < streams.count; slot++) messages += at(streams, slot)?.held.count ?? 0
  let lazy = 0
  for (let set = state.lazy; set !== 0; set &= set - 1) lazy++
  return {
    eager: neighbors.length - lazy,
    lazy,
    eagerNeighbors: eagerPeers(state, self.id),
    retained: { messages, bytes: streams.bytes }
  }
}
