/**
 * How much a node holds: every list and table of its state, beside the bound that its configuration sets. What must stay
 * within its bounds in a test must also stay flat over days; `npm run soak` looks at these.
 *
 * @since 0.1.0
 */
import type * as Node from "@hyparview/core/Node"
import type { Key } from "@hyparview/core/Peer"
import type * as Plumtree from "@hyparview/core/Plumtree"
import * as HashMap from "effect/HashMap"

/**
 * @category models
 * @since 0.1.0
 */
export interface Size {
  /** `membership.` or `broadcast.`, and what the state calls it. */
  readonly name: string
  /** Entries; of `broadcast.heldBytes`, bytes. */
  readonly size: number
  /** The most that there may be. */
  readonly bound: number
}

const membershipSizes = <I extends Key, A>({ membership }: Node.State<I, A>): ReadonlyArray<Size> => {
  const { admission, config, contacts, memory, round, swap } = membership
  const size = (name: string, { length }: ReadonlyArray<unknown>, bound: number): Size => ({
    name: `membership.${name}`,
    size: length,
    bound
  })
  return [
    size("active", membership.active, config.activeSize),
    size("passive", membership.passive.ids, config.passiveSize),
    size("pending", membership.pending, config.activeSize),
    size("contacts", contacts.known, config.contactsSize),
    size("graveyard", memory.graveyard.ids, config.graveyardSize),
    size("suspects", memory.suspects, config.memorySize),
    size("departed", memory.departed, config.memorySize),
    size("askers", admission.askers, config.memorySize),
    size("named", admission.named, config.memorySize),
    size("weighed", swap?._tag === "Weighing" ? swap.candidates : [], Math.max(1, config.optimizeCandidates)),
    size("tried", round.tried, Math.max(config.memorySize, config.passiveSize))
  ]
}

type Streams<I extends Key> = Plumtree.State<I>["streams"]

const countForgotten = <I extends Key>({ forgotten }: Streams<I>): number => {
  let count = 0
  for (const generation of forgotten) for (const origins of HashMap.values(generation)) count += origins.length
  return count
}

const broadcastSizes = <I extends Key, A>({ broadcast, membership }: Node.State<I, A>): ReadonlyArray<Size> => {
  const { announcingCount, config, missing, streams, topics, trees, upkeep } = broadcast
  let held = 0
  let runs = 0
  for (const chunk of [streams.near, ...streams.far]) {
    for (const stream of chunk) {
      held += stream.held.count
      runs += stream.above.length / 2
    }
  }
  const size = (name: string, size: number, bound: number): Size => ({ name: `broadcast.${name}`, size, bound })
  return [
    size("streams", streams.count, config.sourcesSize),
    size("forgotten", countForgotten(streams), 2 * config.sourcesSize),
    size("runs", runs, config.sourcesSize * (config.strategy === "thicket" ? config.windowSize : config.gapsSize)),
    size("held", held, config.sourcesSize * config.retainedMessages),
    size("heldBytes", streams.bytes, config.retainedBytes),
    size("gaps", upkeep.gaps.length, config.sourcesSize),
    size("missing", missing.length, config.missingSize * membership.config.activeSize),
    size("announcing", announcingCount, config.announceSize),
    size("waiting", upkeep.waiting.length, config.verdictsSize),
    size("recalls", upkeep.recalls.length, config.recallsSize),
    size("topics", HashMap.size(topics), config.topicsSize),
    size("trees", HashMap.size(trees.young) + HashMap.size(trees.elder), config.treesSize)
  ]
}

/**
 * Everything that grows in a node's state.
 *
 * @category inspection
 * @since 0.1.0
 */
export const sizesOf = <I extends Key, A>(state: Node.State<I, A>): ReadonlyArray<Size> => [
  ...membershipSizes(state),
  ...broadcastSizes(state)
]
