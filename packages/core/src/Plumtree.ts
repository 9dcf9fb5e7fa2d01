/**
 * Plumtree: broadcast along a spanning tree that is embedded in the overlay (Leitão, Pereira, Rodrigues, "Epidemic
 * Broadcast Trees", SRDS 2007; TR DI-FCUL TR-07-14), and recovery above it. Each neighbour is *eager* (payloads are pushed
 * to it) or *lazy* (messages are only announced to it). The eager links form a tree: a duplicate prunes the link that
 * brought it, an announcement whose payload does not come grafts the link that brought that. What a node missed while
 * links were down, it fetches from what new neighbours have kept; what nobody has any more it reports as lost.
 *
 * Flooding is the strategy in which every neighbour is eager, for ever.
 *
 * The module is pure, like `HyParView.ts`: `step` takes a state and an input and returns the next state and the outputs.
 * Neighbours are what the membership says they are; links, and whether a message came from a neighbour at all, are the
 * affair of `Node`, which stacks the two.
 *
 * Where to look (folder `plumtree/`):
 *
 * | question | file |
 * |---|---|
 * | what neighbours say to each other | `Message.ts` |
 * | inputs, outputs, timers | `Protocol.ts` |
 * | what a node holds | `State.ts`, `Config.ts` |
 * | a message received, delivered, passed on | `Delivery.ts` |
 * | eager and lazy, prune, optimisation | `Tree.ts` |
 * | announcements batched | `Announce.ts` |
 * | announced and not come: graft | `Missing.ts` |
 * | seen or not; gaps in the numbers | `Seen.ts`, `Streams.ts` |
 * | messages kept for others | `Held.ts` |
 * | digests on new links | `Digest.ts` |
 * | gaps filled or given up | `Recovery.ts` |
 * | verdicts of the application | `Verdict.ts` |
 * | history on request | `Recall.ts` |
 *
 * The rules, numbered, are in `docs/protocol.md`, section "Broadcast".
 *
 * @since 0.1.0
 */
import type { Key } from "./Peer.ts"
import type { Input, Output } from "./plumtree/Protocol.ts"
import type { State } from "./plumtree/State.ts"

export {
  type Config,
  ConfigError,
  defaultConfig,
  floodConfig,
  makeConfig,
  paperConfig,
  validate
} from "./plumtree/Config.ts"
export type {
  Announcement,
  Digest,
  Fetch,
  Fetched,
  Gone,
  Gossip,
  Graft,
  GraftMiss,
  IHave,
  Message,
  MessageId,
  Origin,
  Prune,
  Ranges,
  Recall,
  Recalled,
  RecallEnd,
  Replay
} from "./plumtree/Message.ts"
export type { Input, Output, RecalledMessage, Timer, Verdict, Via } from "./plumtree/Protocol.ts"
export { init, type State } from "./plumtree/State.ts"

/**
 * What a step gives: the next state, and the outputs in the order in which they must be performed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Step<I extends Key = string, A = string> {
  readonly state: State<I, A>
  readonly outputs: ReadonlyArray<Output<I, A>>
}

/**
 * One transition. Pure: the state given is not changed, the same state and input give the same result on every machine,
 * and nothing is thrown, whatever the input.
 *
 * @category transitions
 * @since 0.1.0
 */
export declare const step: <I extends Key, A>(state: State<I, A>, input: Input<I, A>) => Step<I, A>
