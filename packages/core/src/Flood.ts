/**
 * Flooding: every message is passed on once to every neighbour but the one it came from. The simplest broadcast over an
 * overlay, and the one the HyParView paper measures (§5.1): it reaches everybody that the active graph connects, at the
 * cost of one copy for each link.
 *
 * Neighbours are what the membership protocol says they are (`NeighborUp`, `NeighborDown`); links, and whether a message
 * came from a neighbour at all, are the affair of `Node`, which stacks the two.
 *
 * @since 0.1.0
 */
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import type { Key, Peer } from "./Peer.ts"
import { see, type Stream } from "./Seen.ts"

/**
 * The parameters of flooding.
 *
 * @category models
 * @since 0.1.0
 */
export interface Config {
  /** How far out of order the messages of one source may arrive and still be told apart. Ours: 128. */
  readonly windowSize: number
  /** How many sources are remembered on each topic; past it the table starts over, source by source. Ours: 10,000. */
  readonly sourcesSize: number
  /** How many topics are remembered; a message on one more is passed on by nobody here. Ours: 256. */
  readonly topicsSize: number
}

/**
 * The defaults, all ours: the paper floods one message at a time.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultConfig: Config = { windowSize: 128, sourcesSize: 10_000, topicsSize: 256 }

/**
 * Names a message for ever: who published it, in which incarnation, on which topic, and the how-manieth it was. Never a
 * hash of its content, so that the same payload twice is two messages.
 *
 * @category models
 * @since 0.1.0
 */
export interface MessageId<I extends Key = string> {
  readonly source: I
  readonly epoch: number
  readonly topic: string
  readonly sequence: number
}

/**
 * A message on its way. `hops`: how many links it has crossed when it arrives, 255 for that many and more.
 *
 * @category models
 * @since 0.1.0
 */
export interface Gossip<I extends Key = string> {
  readonly _tag: "Gossip"
  readonly id: MessageId<I>
  readonly hops: number
  readonly payload: Uint8Array
}

/**
 * What neighbours say to each other.
 *
 * @category models
 * @since 0.1.0
 */
export type Message<I extends Key = string> = Gossip<I>

/**
 * Flooding waits for nothing.
 *
 * @category models
 * @since 0.1.0
 */
export type Timer = never

/**
 * What a driver (or the protocol below) tells it.
 *
 * @category models
 * @since 0.1.0
 */
export type Input<I extends Key = string, A = string> =
  /** Command: send a payload to everybody, self included. */
  | { readonly _tag: "Publish"; readonly now: number; readonly topic: string; readonly payload: Uint8Array }
  | { readonly _tag: "Received"; readonly now: number; readonly from: Peer<I, A>; readonly message: Message<I> }
  | { readonly _tag: "NeighborUp"; readonly now: number; readonly peer: Peer<I, A> }
  | { readonly _tag: "NeighborDown"; readonly now: number; readonly peer: Peer<I, A> }
  | { readonly _tag: "EpochRaised"; readonly now: number; readonly self: Peer<I, A> }

/**
 * What it asks for, and what it tells.
 *
 * @category models
 * @since 0.1.0
 */
export type Output<I extends Key = string, A = string> =
  | { readonly _tag: "Send"; readonly to: Peer<I, A>; readonly message: Message<I> }
  /** Event: a message, for the first and only time. `hops` is 0 at its source. */
  | {
      readonly _tag: "Delivered"
      readonly id: MessageId<I>
      readonly payload: Uint8Array
      readonly hops: number
      readonly from: Peer<I, A>
    }
  /** Event: a copy of a message that is known already. */
  | { readonly _tag: "Duplicate"; readonly id: MessageId<I>; readonly from: Peer<I, A> }

/** One topic: the number of the next message of our own, and what has been seen of everybody's. */
interface Topic<I extends Key> {
  readonly nextSequence: number
  readonly sources: HashMap.HashMap<I, Stream>
}

/**
 * The state of one node's flooding: a value that never changes.
 *
 * @category models
 * @since 0.1.0
 */
export interface State<I extends Key = string, A = string> {
  readonly config: Config
  readonly self: Peer<I, A>
  readonly neighbors: ReadonlyArray<Peer<I, A>>
  readonly topics: HashMap.HashMap<string, Topic<I>>
}

/**
 * A node without neighbours that has seen nothing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const init = <I extends Key, A>(options: {
  readonly config: Config
  readonly self: Peer<I, A>
}): State<I, A> => ({
  config: options.config,
  self: options.self,
  neighbors: [],
  topics: HashMap.empty()
})

/**
 * One transition: pure, and throws nothing.
 *
 * @category transitions
 * @since 0.1.0
 */
export const step = <I extends Key, A>(
  state: State<I, A>,
  input: Input<I, A>
): { readonly state: State<I, A>; readonly outputs: ReadonlyArray<Output<I, A>> } => {
  switch (input._tag) {
    case "NeighborUp":
      return { state: { ...state, neighbors: [...without(state.neighbors, input.peer.id), input.peer] }, outputs: [] }
    case "NeighborDown":
      return { state: { ...state, neighbors: without(state.neighbors, input.peer.id) }, outputs: [] }
    case "EpochRaised": {
      // A new incarnation numbers its messages from 0.
      const topics = HashMap.map(state.topics, (topic) => ({ ...topic, nextSequence: 0 }))
      return { state: { ...state, self: input.self, topics }, outputs: [] }
    }
    case "Publish": {
      const { epoch, id: source } = state.self
      const sequence = Option.getOrUndefined(HashMap.get(state.topics, input.topic))?.nextSequence ?? 0
      const gossip: Gossip<I> = {
        _tag: "Gossip",
        id: { source, epoch, topic: input.topic, sequence },
        hops: 0,
        payload: input.payload
      }
      return pass(state, gossip, state.self, sequence + 1)
    }
    case "Received":
      return pass(state, input.message, input.from, undefined)
  }
}

const without = <I extends Key, A>(peers: ReadonlyArray<Peer<I, A>>, id: I): ReadonlyArray<Peer<I, A>> =>
  peers.filter((peer) => peer.id !== id)

/** Delivers a message and passes it on, the first time; `from` is self for one of our own. */
const pass = <I extends Key, A>(
  state: State<I, A>,
  gossip: Gossip<I>,
  from: Peer<I, A>,
  nextSequence: number | undefined
): ReturnType<typeof step<I, A>> => {
  const { hops, id, payload } = gossip
  const { config } = state
  const topic = Option.getOrUndefined(HashMap.get(state.topics, id.topic))
  if (topic === undefined && HashMap.size(state.topics) >= config.topicsSize) return { state, outputs: [] }
  const sources = topic?.sources ?? HashMap.empty<I, Stream>()
  const known = Option.getOrUndefined(HashMap.get(sources, id.source))
  const stream = see(known, id.epoch, id.sequence, config.windowSize)
  if (stream === undefined) return { state, outputs: [{ _tag: "Duplicate", id, from }] }
  const outputs: Array<Output<I, A>> = [{ _tag: "Delivered", id, payload, hops, from }]
  const onward: Gossip<I> = { _tag: "Gossip", id, hops: Math.min(255, hops + 1), payload }
  for (const peer of state.neighbors) {
    if (peer.id !== from.id && peer.id !== id.source) outputs.push({ _tag: "Send", to: peer, message: onward })
  }
  return {
    state: {
      ...state,
      topics: HashMap.set(state.topics, id.topic, {
        nextSequence: nextSequence ?? topic?.nextSequence ?? 0,
        sources: HashMap.set(known === undefined ? bounded(sources, config.sourcesSize) : sources, id.source, stream)
      })
    },
    outputs
  }
}

/** Makes room for one more source: any one is forgotten, and its next message sets a new window. */
const bounded = <I extends Key>(sources: HashMap.HashMap<I, Stream>, size: number): HashMap.HashMap<I, Stream> => {
  if (HashMap.size(sources) < size) return sources
  for (const source of HashMap.keys(sources)) return HashMap.remove(sources, source)
  return sources
}
