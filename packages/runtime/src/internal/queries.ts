/** What the runtime asks of the broadcast's state. */
import type { Plumtree } from "@hyparview/core"

type Stream = Plumtree.State["streams"]["near"][number]

const streamsOf = ({ streams }: Plumtree.State): ReadonlyArray<Stream> =>
  [...streams.near, ...streams.far.flat()].slice(0, streams.count)

/**
 * The lowest sequence of an origin that is owed to the application and has not been delivered, refused or given up: the
 * next one to come, if there is no gap. `undefined` for an origin that is not known.
 */
export const firstMissing = (state: Plumtree.State, origin: Plumtree.Origin): number | undefined => {
  let missing: number | undefined
  for (const stream of streamsOf(state)) {
    if (stream.source !== origin.source || stream.epoch !== origin.epoch || stream.topic !== origin.topic) continue
    missing = Math.max(stream.floor + 1, stream.owed)
    for (let run = 0; run < stream.above.length; run += 2) {
      if ((stream.above[run] ?? 0) <= missing) missing = Math.max(missing, (stream.above[run + 1] ?? 0) + 1)
    }
  }
  if (missing === undefined) return undefined
  for (const { gossip } of state.care.waiting) {
    const { epoch, sequence, source, topic } = gossip.id
    if (source === origin.source && epoch === origin.epoch && topic === origin.topic)
      missing = Math.min(missing, sequence)
  }
  return missing
}

/** How much is eager, lazy and retained. */
export const sizes = (state: Plumtree.State) => {
  let messages = 0
  let lazy = 0
  for (const { held } of streamsOf(state)) messages += held.count
  for (let set = state.lazy; set !== 0; set &= set - 1) lazy++
  return { eager: state.neighbors.length - lazy, lazy, retained: { messages, bytes: state.streams.bytes } }
}
