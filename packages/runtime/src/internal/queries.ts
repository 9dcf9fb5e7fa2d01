/** What the runtime asks of the broadcast's state. */
import { Plumtree } from "@hyparview/core"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"

type Streams = Plumtree.State["streams"]
type Stream = Streams["near"][number]

/** The stream in a slot: the first ones stand together, the others in chunks of one size. */
const at = ({ far, near }: Streams, slot: number): Stream | undefined => {
  if (slot < near.length) return near[slot]
  const size = far[0]?.length ?? 1
  const index = slot - near.length
  return far[Math.floor(index / size)]?.[index % size]
}

const streamOf = (streams: Streams, { epoch, source, topic }: Plumtree.Origin): Stream | undefined => {
  const isIt = (stream: Stream | undefined) =>
    stream !== undefined && stream.source === source && stream.epoch === epoch && stream.topic === topic
  if (streams.count <= streams.near.length) {
    return streams.near.find((stream, slot) => slot < streams.count && isIt(stream))
  }
  // The index knows the slots of a source while there are more streams than stand together.
  for (const slot of Option.getOrElse(HashMap.get(streams.index, source), (): ReadonlyArray<number> => [])) {
    const stream = at(streams, slot)
    if (isIt(stream)) return stream
  }
  return undefined
}

/**
 * The lowest sequence of an origin that is owed to the application and has not been delivered, refused or given up: the
 * next one to come, if there is no gap. `undefined` for an origin that is not known.
 */
export const firstMissing = (state: Plumtree.State, origin: Plumtree.Origin): number | undefined => {
  const stream = streamOf(state.streams, origin)
  if (stream === undefined) return undefined
  let missing = Math.max(stream.floor + 1, stream.owed)
  for (let run = 0; run < stream.above.length; run += 2) {
    if ((stream.above[run] ?? 0) <= missing) missing = Math.max(missing, (stream.above[run + 1] ?? 0) + 1)
  }
  for (const { gossip } of state.care.waiting) {
    const { epoch, sequence, source, topic } = gossip.id
    if (source === origin.source && epoch === origin.epoch && topic === origin.topic) {
      missing = Math.min(missing, sequence)
    }
  }
  return missing
}

/** How much is eager, lazy and retained; and to whom messages of this node's own are pushed. */
export const sizes = (state: Plumtree.State) => {
  const { bytes, count } = state.streams
  let messages = 0
  for (let slot = 0; slot < count; slot++) messages += at(state.streams, slot)?.held.count ?? 0
  let lazy = 0
  for (let set = state.lazy; set !== 0; set &= set - 1) lazy++
  const eagerNeighbors = Plumtree.eagerPeers(state, state.self.id).map(({ id }) => id)
  return { eager: state.neighbors.length - lazy, lazy, eagerNeighbors, retained: { messages, bytes } }
}
