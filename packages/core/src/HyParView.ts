/**
 * HyParView: a membership protocol for reliable gossip-based broadcast (Leitão, Pereira, Rodrigues, DSN 2007;
 * TR DI-FCUL TR-07-13). Each node of a 10,000-node cluster holds 5 open links (its *active view*) and 30 addresses in
 * reserve (its *passive view*); random walks introduce newcomers and keep the reserve fresh; a link that fails is
 * replaced from the reserve. The active views form a connected, symmetric graph over which anything can be broadcast, and
 * which survives the sudden loss of most of its nodes.
 *
 * This module does no I/O, reads no clock, and draws randomness only from its own state. It is a state machine: `step`
 * takes a state and an input, and returns the next state and the outputs, in the order in which they must be performed.
 * Whoever drives it keeps the contract in `Driver.ts`. Production, tests and the simulator drive the same function.
 *
 * Where to look (folder `hyparview/`), and by which rules of `docs/protocol.md`:
 *
 * | question | rules | file |
 * |---|---|---|
 * | what nodes say to each other | M1–M3, M12 | `Message.ts` |
 * | who is listened to, and over which link | M8–M13, 7a, 7c, 9a, 9b | here |
 * | inputs, outputs, timers | 11 | `Protocol.ts` |
 * | what a node holds | S1–S3, 11 | `State.ts` |
 * | how much of it | S4–S6, B3 | `Config.ts` |
 * | what may change a view | S1–S3, 3b, 3c, 8g, 8h, 8k, 8l, P1 | `Views.ts` |
 * | join, its walk, being asked, being evicted | 1, 2, 6, 3e, M4–M6, B4 | `Membership.ts` |
 * | free slots filled again, and what an answer means | 1f, 1g, 2h, 4, 6e, 6f, 7b | `Repair.ts`, `Requests.ts` |
 * | how a shuffle is answered | 8, M7, B4, B5 | `Shuffle.ts` |
 * | silent neighbours | 7d, M8 | `Heartbeat.ts` |
 * | contacts and Discovery | 1d, 1e, 1h, 1i, 5 | `Contacts.ts` |
 * | cuts healed | P2–P4, M9 | `Merge.ts` |
 * | islands told apart, and mixed | P5, P6 | `Beacon.ts` |
 * | links that lie too close | 13 | `Triangles.ts` |
 * | links exchanged for shorter ones | X1–X16 | `Optimization.ts`, a round; `optimization/`, its four parts |
 * | floods withstood, and who makes room | B1, B2, 3a, 3d | `Admission.ts` |
 * | epochs, leaving | 9, 10 | `Identity.ts` |
 *
 * There they stand with their sources and the departures from the paper. What never happens (12) is the affair of every file.
 *
 * @since 0.1.0
 */
import { keepBeacon } from "./hyparview/Beacon.ts"
import { onContacts, onDialFailed, onLinkOpened, settleContacts } from "./hyparview/Contacts.ts"
import { onHeard, onHeartbeatReply, onHeartbeatTimer, startHeartbeats } from "./hyparview/Heartbeat.ts"
import { knownEpoch, leave, onEpochConflict } from "./hyparview/Identity.ts"
import {
  answerAsStranger,
  onDisconnect,
  onForwardJoin,
  onJoin,
  onNeighbor,
  onNeighborReply,
  onNotNeighbor
} from "./hyparview/Membership.ts"
import { lookForTriangle, spreadLinks } from "./hyparview/Triangles.ts"
import { lookForOthers, onProbeReply, recognizeStrangers, startLooking } from "./hyparview/Merge.ts"
import type { Message } from "./hyparview/Message.ts"
import {
  expire,
  isDoubted,
  onCostsMeasured,
  onDisconnectWait,
  onOptimization,
  onOptimizationReply,
  onPartnerLost,
  onReplace,
  onReplaceReply,
  onSwitch,
  onSwitchReply,
  refuseAsStranger,
  weigh
} from "./hyparview/Optimization.ts"
import type { DialCause, Input, LinkCause, Output, Timer } from "./hyparview/Protocol.ts"
import { isNewsOf, onNeighborFailed, onRepairTimer, onSilent, onUnreachable, refill } from "./hyparview/Repair.ts"
import { armRequestTimer, takeExpired } from "./hyparview/Requests.ts"
import { onShuffle, onShuffleReply, shuffle } from "./hyparview/Shuffle.ts"
import {
  begin,
  emit,
  highestEpoch,
  isNobody,
  itemAt,
  setTimer,
  type State,
  takeTimer,
  type Transition
} from "./hyparview/State.ts"
import {
  exhume,
  hasDeparted,
  indexInActive,
  isBuried,
  isLinking,
  keepPassive,
  neighborOf,
  stopAsking,
  unlink,
  unlinkedAge
} from "./hyparview/Views.ts"
import { jittered, nextBelow } from "./Random.ts"
import { type Key, type LinkId, type Peer, sameLink } from "./Peer.ts"

export { type Config, ConfigError, forClusterSize, type Override, type Rate, validate } from "./hyparview/Config.ts"
export { knownAddress, knownEpoch, wouldStop } from "./hyparview/Identity.ts"
export { highestEpoch } from "./hyparview/State.ts"
export type {
  Disconnect,
  DisconnectReason,
  DisconnectWait,
  ForwardJoin,
  Heartbeat,
  HeartbeatReply,
  Join,
  Message,
  Neighbor,
  NeighborAnswer,
  NeighborReason,
  NeighborReply,
  NotNeighbor,
  Optimization,
  OptimizationReply,
  Probe,
  ProbeReply,
  Proposal,
  Replace,
  ReplaceReply,
  Shuffle,
  ShuffleReply,
  Switch,
  SwitchReply
} from "./hyparview/Message.ts"
export type { DialCause, DownReason, Input, LinkCause, Output, Timer } from "./hyparview/Protocol.ts"
export { partnerOf } from "./hyparview/optimization/Part.ts"
export {
  init,
  type Neighbor as ActiveNeighbor,
  type Passive,
  type Peers,
  type State,
  type Status,
  type Swap
} from "./hyparview/State.ts"
export { buriedPeers, neighborOf, passivePeers } from "./hyparview/Views.ts"

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
  const t = begin(state, input.now)
  onInput(t, input)
  // Repair is an obligation, not an event: it is looked at as a transition ends, whatever the transition was.
  if (isUp(t.state) && mayOwe(state, t.state)) {
    refill(t)
    settleContacts(t)
    armRequestTimer(t)
  }
  return t
}

/**
 * Whether there is an obligation to look at: not where the active view was full and still is, with no request under way,
 * and nothing has changed that the others are about. So whoever passes a walk on looks at little more than its neighbours.
 */
const mayOwe = <I extends Key, A>(before: State<I, A>, after: State<I, A>): boolean =>
  after.active.length < after.config.activeSize ||
  after.pending.length > 0 ||
  before.active !== after.active ||
  before.pending !== after.pending ||
  before.timers !== after.timers ||
  before.contacts !== after.contacts ||
  before.swap !== after.swap ||
  before.search !== after.search

const onInput = <I extends Key, A>(t: Transition<I, A>, input: Input<I, A>): void => {
  switch (input._tag) {
    case "Received": {
      const wasBuried = isBuried(t.state, input.from.id)
      onReceived(t, input.from, input.message)
      if (wasBuried) revive(t, input.from)
      return
    }
    case "LinkUsed": {
      const wasBuried = isBuried(t.state, input.from.id)
      onLinkUsed(t, input.from, input.link)
      if (wasBuried) revive(t, input.from)
      return
    }
    case "TimerFired":
      if (takeTimer(t, input)) onTimer(t, input.kind)
      return
    case "SendFailed":
      return onLost(t, input.to, input.cause)
    case "LinkClosed":
      return onLost(t, input.peer, input.cause)
    case "LinkOpened":
      return onLinkOpened(t, input.address, input.peer)
    case "DialFailed":
      return onDialFailed(t, input.address)
    case "CostsMeasured":
      return onCostsMeasured(t, input.nonce, input.costs)
    case "ContactsFound":
      if (isUp(t.state)) onContacts(t, input.contacts, false)
      return
    case "Join":
      start(t)
      return onContacts(t, input.contacts, true)
    case "Leave":
      if (isUp(t.state)) leave(t)
      return
    case "EpochConflict":
      if (isUp(t.state)) onEpochConflict(t, input.epoch)
      return
  }
}

const isUp = <I extends Key, A>(state: State<I, A>): boolean => state.status === "joining" || state.status === "joined"

/** The first Join, or the first after leaving: a new incarnation, since the old one is remembered as gone. */
const start = <I extends Key, A>(t: Transition<I, A>): void => {
  const { now, state } = t
  if (isUp(state)) return
  // There is none above the highest epoch: then it comes back when its goodbye is forgotten.
  if (state.status !== "idle" && state.self.epoch < highestEpoch) {
    state.self = { ...state.self, epoch: state.self.epoch + 1 }
    // A link opened before would still carry the old epoch in its name at the other end.
    emit(t, { _tag: "EpochRaised", self: state.self })
  }
  state.status = "joining"
  // Its slots are free from now on, and rest before one of them moves, as any other.
  state.hole = { since: now, moves: 0 }
  setTimer(t, "Cycle", now + 1 + nextBelow(state, state.config.cycleMillis))
  startHeartbeats(t)
  startLooking(t)
}

const onTimer = <I extends Key, A>(t: Transition<I, A>, kind: Timer): void => {
  const { now, state } = t
  switch (kind) {
    case "Cycle":
      state.cycle++
      if (state.config.mixMillis > 0) keepBeacon(t)
      if (state.memory.departed.length > 0) {
        state.memory = { ...state.memory, departed: state.memory.departed.filter((gone) => now < gone.until) }
      }
      shuffle(t)
      lookForOthers(t)
      spreadLinks(t)
      weigh(t)
      return setTimer(
        t,
        "Cycle",
        now + Math.max(1, jittered(state, state.config.cycleMillis, state.config.cycleJitter))
      )
    case "Heartbeat":
      return onHeartbeatTimer(t)
    case "Request":
      for (const asking of takeExpired(t)) onSilent(t, asking.peer)
      return expire(t)
    case "Repair":
      return onRepairTimer(t)
    case "Discovery":
      return // The slot is empty now: if the need lasts, Discovery is asked again as the transition settles.
  }
}

/** A link or a dial failed. Known to the node at once, whoever the peer was to it (rule 7 of `docs/protocol.md`). */
const onLost = <I extends Key, A>(t: Transition<I, A>, peer: Peer<I, A>, cause: DialCause | LinkCause): void => {
  if (isNobody(peer)) return
  const { state } = t
  const { probe } = state.search
  if (probe !== undefined && isNewsOf(peer, probe.peer)) state.search = { ...state.search, probe: undefined }
  const neighbor = itemAt(state.active, indexInActive(state, peer.id))
  if (neighbor !== undefined) {
    // Nor is it news of this one if a later one, of which others have told, is not to be reached.
    if (neighbor.peer.epoch === peer.epoch) onNeighborFailed(t, peer, cause)
  } else if (cause === "closed" || cause === "local") {
    // The far end let an idle link go: it lives, but has not answered what crossed the close.
    if (state.pending.some((asking) => isNewsOf(peer, asking.peer))) {
      stopAsking(t, peer.id)
      onSilent(t, peer)
    }
  } else {
    onUnreachable(t, peer)
  }
  onPartnerLost(t, peer)
}

const onReceived = <I extends Key, A>(t: Transition<I, A>, from: Peer<I, A>, message: Message<I, A>): void => {
  const { state } = t
  if (from.id === state.self.id || isNobody(from)) return
  if (!isUp(state)) {
    if (message._tag === "Join" || message._tag === "Neighbor" || message._tag === "NeighborReply") {
      answerAsStranger(t, from, message)
    } else refuseAsStranger(t, from, message)
    return
  }
  const index = recognize(t, from)
  if (index === outdated) return
  switch (message._tag) {
    case "Join":
      return onJoin(t, from, message)
    case "Neighbor":
      return onNeighbor(t, from, message)
    case "NeighborReply":
      return onNeighborReply(t, from, message)
    case "Disconnect":
      onDisconnect(t, from, message)
      if (message.reason === "leaving" && hasDeparted(state, from)) onPartnerLost(t, from)
      return
    case "NotNeighbor":
      if (!isDoubted(t, from, message.link)) onNotNeighbor(t, from, message.link)
      return
    case "ForwardJoin":
      if (isFromNeighbor(t, from, index, message)) onForwardJoin(t, from, message)
      return
    case "Shuffle":
      // Without a link it is direct, and only its origin may send it.
      if (message.link === undefined ? message.origin.id === from.id : isFromNeighbor(t, from, index, message)) {
        onShuffle(t, from, message)
        if (message.link !== undefined) lookForTriangle(t, from, message)
      }
      return
    case "ShuffleReply":
      recognizeStrangers(t, message)
      return onShuffleReply(t, message)
    case "Heartbeat":
      if (isFromNeighbor(t, from, index, message)) {
        const { link, nonce } = message
        emit(t, { _tag: "Send", to: from, message: { _tag: "HeartbeatReply", link, nonce } })
      }
      return
    case "HeartbeatReply":
      return onHeartbeatReply(t, from, message)
    case "Probe":
      emit(t, { _tag: "Send", to: from, message: { _tag: "ProbeReply", nonce: message.nonce } })
      return
    case "ProbeReply":
      return onProbeReply(t, from, message.nonce)
    case "DisconnectWait":
      if (isFromNeighbor(t, from, index, message)) onDisconnectWait(t, from, message)
      return
    case "Optimization":
      return onOptimization(t, from, message)
    case "OptimizationReply":
      return onOptimizationReply(t, from, message)
    case "Replace":
      if (isFromNeighbor(t, from, index, message)) onReplace(t, from, message)
      return
    case "ReplaceReply":
      return onReplaceReply(t, from, message)
    case "Switch":
      return onSwitch(t, from, message)
    case "SwitchReply":
      return onSwitchReply(t, from, message)
  }
}

/** Whoever spoke and was not taken for outdated lives: if it has got no link, it is known again. */
const revive = <I extends Key, A>(t: Transition<I, A>, from: Peer<I, A>): void => {
  if (!isBuried(t.state, from.id)) keepPassive(t, from, unlinkedAge)
}

const onLinkUsed = <I extends Key, A>(t: Transition<I, A>, from: Peer<I, A>, link: LinkId<I>): void => {
  if (from.id === t.state.self.id || isNobody(from) || !isUp(t.state)) return
  const index = recognize(t, from)
  if (index !== outdated) isFromNeighbor(t, from, index, { link })
}

/** Nobody to listen to: an incarnation that is over. */
const outdated = -2

/**
 * Who speaks: the index of a neighbour, which has thereby shown that it lives; −1 for anybody else; `outdated` for an
 * incarnation that has left or been followed by a newer one. A newer one means that the older is dead.
 */
const recognize = <I extends Key, A>(t: Transition<I, A>, from: Peer<I, A>): number => {
  const { state } = t
  if (state.memory.departed.length > 0 && hasDeparted(state, from)) return outdated
  const index = indexInActive(state, from.id)
  const neighbor = itemAt(state.active, index)
  if (neighbor !== undefined && (neighbor.peer === from || neighbor.peer.epoch === from.epoch)) {
    onHeard(t, index)
    return index
  }
  if (knownEpoch(state, from.id) > from.epoch) return outdated
  if (neighbor !== undefined) unlink(t, index, "restarted")
  exhume(t, from.id)
  return -1
}

/** A neighbour-only message counts only on the link it names; anybody else is told that there is none. */
const isFromNeighbor = <I extends Key, A>(
  t: Transition<I, A>,
  from: Peer<I, A>,
  index: number,
  { link }: { readonly link: LinkId<I> | undefined }
): boolean => {
  const neighbor = itemAt(t.state.active, index)
  if (link === undefined) return false
  if (neighbor !== undefined && sameLink(neighbor.link, link)) return true
  emit(t, { _tag: "Send", to: from, message: { _tag: "NotNeighbor", link } })
  return false
}

/**
 * Whether a driver must keep its link to this peer open: it is a neighbour, or a request to it is under way.
 *
 * @category queries
 * @since 0.1.0
 */
export const keepsLink = <I extends Key, A>(state: State<I, A>, id: I): boolean =>
  indexInActive(state, id) >= 0 || isLinking(state, id) || state.search.probe?.peer.id === id

/**
 * Whether a peer is a neighbour by this link and has been heard in this heartbeat round: then `LinkUsed` would change
 * nothing, and need not be given.
 *
 * @category queries
 * @since 0.1.0
 */
export const isCurrent = <I extends Key, A>(state: State<I, A>, from: Peer<I, A>, link: LinkId<I>): boolean => {
  const neighbor = neighborOf(state, from.id)
  return (
    neighbor !== undefined &&
    neighbor.heardIn === state.heartbeatRound &&
    neighbor.peer.epoch === from.epoch &&
    sameLink(neighbor.link, link)
  )
}
