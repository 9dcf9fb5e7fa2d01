/**
 * Plumtree: broadcast along a spanning tree that is embedded in the overlay (Leitão, Pereira, Rodrigues, "Epidemic
 * Broadcast Trees", SRDS 2007; TR DI-FCUL TR-07-14), and recovery above it. Each neighbour is *eager* (payloads are pushed
 * to it) or *lazy* (messages are only announced to it). The eager links form a tree: a duplicate prunes the link that
 * brought it, an announcement whose payload does not come grafts the link that brought that. What a node missed while
 * links were down, it fetches from what new neighbours have kept; what nobody has any more it reports as lost.
 *
 * Flooding is the strategy in which every neighbour is eager, for ever. A thicket is the one with several trees that carry
 * messages in turn, in which most nodes forward in one tree at most (Ferreira, Leitão, Rodrigues, "Thicket: A Protocol for
 * Building and Maintaining Multiple Trees in a P2P Overlay", SRDS 2010): so the load is spread, and a death hurts few of
 * them. Everything else is the same for all strategies.
 *
 * The module is pure, like `HyParView.ts`: `step` takes a state and an input and returns the next state and the outputs.
 * Neighbours are what the membership says they are; links, and whether a message came from a neighbour at all, are the
 * affair of `Node`, which stacks the two.
 *
 * Where to look (folder `plumtree/`), and by which rules of `docs/protocol.md`, section "Broadcast":
 *
 * | question | rules | file |
 * |---|---|---|
 * | what neighbours say to each other | PT1, PT19, R11 | `Message.ts` |
 * | neighbours won and lost, leaving | PT2, PT17, R2, R15 | here |
 * | inputs, outputs, timers | | `Protocol.ts` |
 * | what a node holds | R1, R9 | `State.ts` |
 * | how much of it | TH22 | `Config.ts` |
 * | a message published or received, told from what is known | PT1, PT3, R5, R10 | `Reception.ts` |
 * | delivered, passed on, kept | PT3, PT4, R4 | `Delivery.ts` |
 * | a step under way; what strategies differ in, and what they do not | PT22 | `Transition.ts` |
 * | a flood | PT21 | `Flood.ts` |
 * | one tree: prune, graft, optimisation | PT5–PT8, PT11, PT16, PT18 | `OneTree.ts` |
 * | sets of neighbours | | `Neighbors.ts` |
 * | who is eager and lazy in it | PT2, PT7, PT17, PT20 | `Tree.ts` |
 * | whose messages shape the tree | PT23, PT24 | `Guide.ts` |
 * | several trees, the strategy | TH4, TH17 | `thicket/Thicket.ts` |
 * | what a node holds of each | TH1, TH21 | `thicket/Branches.ts`, `thicket/Trees.ts` |
 * | how they grow, and lose duplicate branches | TH2, TH3, TH5–TH7, TH20 | `thicket/Growth.ts` |
 * | a parent lost, sought, found | TH9–TH16 | `thicket/Parent.ts` |
 * | how much neighbours forward | TH8, TH11 | `thicket/Load.ts` |
 * | parents changed for better ones | TH14, TH18, TH19 | `thicket/Balance.ts` |
 * | announcements batched | PT9 | `Announce.ts` |
 * | announced and not come: graft | PT3, PT10–PT12, PT14, PT15, PT17 | `Missing.ts` |
 * | announced, and no room for it | PT15 | `Overflow.ts` |
 * | how late the tree is, and how long is waited for it | PT11 | `Lateness.ts` |
 * | seen or not; gaps in the numbers | R5, R8 | `Seen.ts` |
 * | the table of origins, and what is done of those it has no room for | R1, R5, R9, R10 | `Streams.ts` |
 * | messages kept for others: all of a stream, packed, and where payloads wait for that | R1 | `Held.ts`, `Page.ts`, `Room.ts` |
 * | digests on new links | R2, R5, R12 | `Digest.ts` |
 * | gaps: whom to ask, and when | R3, R6, R8, R14 | `Recovery.ts` |
 * | gaps: what is known of them, and when they are given up | R5–R8 | `Gaps.ts` |
 * | what a neighbour is sent that asks for it | PT13, PT14, R1, R3 | `Answer.ts` |
 * | verdicts of the application | R14 | `Verdict.ts` |
 * | history on request | R13 | `Recall.ts` |
 * | what may be asked of a state | | `Queries.ts` |
 *
 * @since 0.1.0
 */
import * as HashMap from "effect/HashMap"
import { earlier } from "./internal/slots.ts"
import type { Key, Peer } from "./Peer.ts"
import { flushAnnouncements, forgetAnnounced } from "./plumtree/Announce.ts"
import { onFetch, onGraft } from "./plumtree/Answer.ts"
import { bareThicket, loadOf } from "./plumtree/thicket/Branches.ts"
import type { Config } from "./plumtree/Config.ts"
import { onDigest, tellDigest, tellDigests } from "./plumtree/Digest.ts"
import { flood } from "./plumtree/Flood.ts"
import { awaitNewcomer, closeGaps, forgetHolder } from "./plumtree/Gaps.ts"
import type { Message } from "./plumtree/Message.ts"
import { askAtOnce, forgetAnnouncer, graftDue, onGraftMiss, onIHave } from "./plumtree/Missing.ts"
import { onBeat, oneTree } from "./plumtree/OneTree.ts"
import { onOverflow } from "./plumtree/Overflow.ts"
import type { Input, Output, Timer } from "./plumtree/Protocol.ts"
import { hasSeen } from "./plumtree/Queries.ts"
import {
  abandonRecalls,
  endRecalls,
  forgetRecalled,
  onRecall,
  onRecalled,
  onRecallEnd,
  recall
} from "./plumtree/Recall.ts"
import { onGossip, publish } from "./plumtree/Reception.ts"
import { abandonFetches, askForGaps, askOnceJudged, onFetched } from "./plumtree/Recovery.ts"
import { indexOf, type State } from "./plumtree/State.ts"
import { sweep, sweepMillis } from "./plumtree/Streams.ts"
import { addNeighbor, removeNeighbor } from "./plumtree/Tree.ts"
import { dismissFirst, dismissLate, onVerdict, validateTopic } from "./plumtree/Verdict.ts"
import { onLoad } from "./plumtree/thicket/Load.ts"
import { abandonSeeks, afterLoss, onBranch } from "./plumtree/thicket/Parent.ts"
import { thicket } from "./plumtree/thicket/Thicket.ts"
import {
  armTimer,
  begin,
  changeLink,
  changeUpkeep,
  clearTimer,
  type Strategy,
  takeTimer,
  type Transition
} from "./plumtree/Transition.ts"
import { awaitTelling, removeFromTrees } from "./plumtree/thicket/Trees.ts"

export {
  type Config,
  ConfigError,
  type Override,
  defaultConfig,
  floodConfig,
  makeConfig,
  paperConfig,
  thicketDegree,
  validate
} from "./plumtree/Config.ts"
export { keyOf, sameMessage, sameOrigin } from "./plumtree/Message.ts"
export type {
  Announcement,
  Branch,
  Digest,
  Fetch,
  Fetched,
  Gone,
  Gossip,
  Graft,
  GraftMiss,
  IHave,
  Load,
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
export {
  childCounts,
  firstMissing,
  hasSeen,
  missingOf,
  type Retained,
  retainedOf,
  type Sizes,
  sizes,
  type TreeView,
  treeViews
} from "./plumtree/Queries.ts"
export { init, maxNeighbors, nothingHeld, type State } from "./plumtree/State.ts"
export { eagerPeers, lazyPeers, sourceTrees } from "./plumtree/Tree.ts"

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
export const step = <I extends Key, A>(state: State<I, A>, input: Input<I, A>): Step<I, A> => {
  // Three of four messages of a flood: they change nothing, and nothing is copied for them.
  if (state.config.strategy === "flood" && input._tag === "Received" && input.message._tag === "Gossip") {
    const { id, replay } = input.message
    if (replay === undefined && hasSeen(state, id)) {
      return { state, outputs: [{ _tag: "Duplicate", id, from: input.from }] }
    }
  }
  const t = begin(state, input.now, strategies[state.config.strategy])
  onInput(t, input)
  // Every deadline stands behind one of these.
  const { links, thicket, upkeep } = t.state
  if (upkeep !== state.upkeep || links !== state.links || thicket !== state.thicket || input._tag === "TimerFired") {
    armRecover(t)
  }
  return t
}

const strategies: Readonly<Record<Config["strategy"], Strategy>> = { flood, plumtree: oneTree, thicket }

const onInput = <I extends Key, A>(t: Transition<I, A>, input: Input<I, A>): void => {
  switch (input._tag) {
    case "Received":
      return onReceived(t, input.from, input.message)
    case "Publish":
      return publish(t, input.topic, input.payload)
    case "TimerFired":
      if (takeTimer(t, input.kind, input.nonce)) onTimer(t, input.kind)
      return
    case "NeighborUp":
      return onNeighborUp(t, input.peer)
    case "NeighborDown":
      return onNeighborDown(t, input.peer.id)
    case "EpochRaised":
      // A new incarnation numbers its messages from 0.
      t.state.self = input.self
      t.state.topics = HashMap.map(t.state.topics, () => 0)
      return
    case "Left":
      return leave(t)
    case "ValidateTopic":
      return validateTopic(t, input.topic, input.on)
    case "Validated": {
      const { waiting } = t.state.upkeep
      onVerdict(t, input.id, input.verdict)
      return askOnceJudged(t, waiting)
    }
    case "Recall":
      return recall(t, input.requestId, input.topic, input.count)
  }
}

const onReceived = <I extends Key, A>(t: Transition<I, A>, from: Peer<I, A>, message: Message<I>): void => {
  if (message._tag === "Gossip") return onGossip(t, from, message)
  const index = indexOf(t.state, from.id)
  // All but payloads are between neighbours: nobody else has asked for an answer, or could be sent one.
  if (index < 0) return
  switch (message._tag) {
    case "IHave":
      return onOverflow(t, from.id, onIHave(t, from, index, message.announcements))
    case "Graft":
      return onGraft(t, from, index, message.ids, message.payload)
    case "GraftMiss":
      return onGraftMiss(t, index, message.ids)
    case "Prune":
      return t.strategy.onPrune(t, index, message.tree)
    case "Digest":
      return onDigest(t, from, message.held)
    case "Fetch":
      return onFetch(t, from, message.wanted)
    case "Fetched":
      return onFetched(t, index, message.gone, message.more)
    case "Recall":
      return onRecall(t, from, message)
    case "Recalled":
      return onRecalled(t, from, message)
    case "RecallEnd":
      return onRecallEnd(t, from, message.requestId)
    case "Branch":
      return onBranch(t, index, message.tree, message.joined)
    case "Load":
      return onLoad(t, index, message.children)
    case "Beat":
      return onBeat(t, index, message.source, message.at)
  }
}

const onTimer = <I extends Key, A>(t: Transition<I, A>, kind: Timer): void => {
  switch (kind) {
    case "Announce":
      return flushAnnouncements(t)
    case "Graft":
      return graftDue(t)
    case "Recover":
      dismissLate(t)
      abandonRecalls(t)
      abandonFetches(t)
      abandonSeeks(t)
      tellDigests(t)
      sweepKept(t)
      return askForGaps(t)
  }
}

/** A new neighbour is eager, and is told what is kept here. */
const onNeighborUp = <I extends Key, A>(t: Transition<I, A>, peer: Peer<I, A>): void => {
  // A link that was made anew is another link: what was under way on the old one is lost.
  if (indexOf(t.state, peer.id) >= 0) onNeighborDown(t, peer.id)
  if (!addNeighbor(t, peer)) return
  if (loadOf(t.state.thicket) > 0) awaitTelling(t)
  awaitNewcomer(t)
  const index = t.state.neighbors.length - 1
  if (t.state.config.recovery && t.state.streams.bytes > 0) {
    changeLink(t, index, { digestSlot: 0 })
    tellDigest(t, index)
  }
  askForGaps(t)
}

/** A lost neighbour is forgotten everywhere. */
const onNeighborDown = <I extends Key, A>(t: Transition<I, A>, id: I): void => {
  const index = indexOf(t.state, id)
  if (index < 0) return
  removeNeighbor(t, index)
  removeFromTrees(t, id, index)
  forgetAnnounced(t, index)
  forgetAnnouncer(t, id)
  askAtOnce(t)
  forgetHolder(t, id)
  forgetRecalled(t, id)
  afterLoss(t)
  askForGaps(t)
}

/** No member any more: nothing is waited for. What is kept stays, should it join again; but for no longer than it would have. */
const leave = <I extends Key, A>(t: Transition<I, A>): void => {
  t.state.thicket = bareThicket(t.state.config)
  // First, so that none of those that are left is asked while one after another goes.
  endRecalls(t)
  closeGaps(t)
  for (const { id } of t.state.neighbors) onNeighborDown(t, id)
  t.state.announcing = undefined
  t.state.announcingCount = 0
  t.state.missing = []
  clearTimer(t, "Announce")
  clearTimer(t, "Graft")
  while (t.state.upkeep.waiting.length > 0) dismissFirst(t)
  // It is set anew for what is kept, if anything is.
  clearTimer(t, "Recover")
}

const sweepKept = <I extends Key, A>(t: Transition<I, A>): void => {
  const { config, upkeep: old } = t.state
  if (old.sweepAt === 0 || old.sweepAt > t.now) return
  sweep(t, t.now - config.retainedMillis)
  changeUpkeep(t, { sweepAt: t.state.streams.bytes === 0 ? 0 : t.now + sweepMillis(config) })
}

/** Sets the Recover timer for the earliest deadline there is. */
const armRecover = <I extends Key, A>(t: Transition<I, A>): void => {
  const { links, thicket, upkeep } = t.state
  let next = earlier(upkeep.gapsAt, upkeep.sweepAt)
  next = earlier(next, upkeep.waiting[0]?.until ?? 0)
  for (const { until } of upkeep.recalls) next = earlier(next, until)
  for (const { seek } of thicket.trees) next = earlier(next, seek?.until ?? 0)
  for (const { digestAt, fetchAt } of links) next = earlier(next, earlier(digestAt, fetchAt))
  armTimer(t, "Recover", next)
}
