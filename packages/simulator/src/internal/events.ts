/**
 * The kinds of events of a simulated world, and what a frame's kind means to the network. Beside the kind an event has a
 * target, and three numbers more whose meaning depends on the kind.
 */
import type { Node } from "@hyparview/core"
import type { EventQueue } from "../EventQueue.ts"

export type SimulatedMessage = Node.Message<number, number>

/** In microseconds: what the queue's time is in, where the protocol's is in milliseconds. */
export const millisecond = 1000

/** Kinds of events; those from `firstTimer` on are timers, in the order of `timerKinds`. */
export const frameArrives = 0
/** second: the other end; third: its epoch; fourth: whether a dial failed (and how) or a link. */
export const linkLost = 1
/** second: the address; third: our incarnation. */
export const dialAnswered = 2
export const discovered = 3
export const firstTimer = 4
export const timerKinds: ReadonlyArray<Node.Timer> = [
  "Cycle",
  "Heartbeat",
  "Request",
  "Repair",
  "Discovery",
  "Announce",
  "Graft",
  "Recover"
]
export const cycleTimer = firstTimer
const announceTimer = firstTimer + 5
const graftTimer = firstTimer + 6

/**
 * Whether something is to come that a drained world has none of: frames, notices, answers, announcements that wait for others,
 * and grafts that may follow.
 */
export const isUnderWay = (queue: EventQueue<unknown>): boolean =>
  queue.pendingOf(frameArrives) > 0 ||
  queue.pendingOf(linkLost) > 0 ||
  queue.pendingOf(dialAnswered) > 0 ||
  queue.pendingOf(discovered) > 0 ||
  queue.pendingOf(announceTimer) > 0 ||
  queue.pendingOf(graftTimer) > 0

export const timerKindOf = (timer: Node.Timer): number => {
  switch (timer) {
    case "Cycle":
      return cycleTimer
    case "Heartbeat":
      return firstTimer + 1
    case "Request":
      return firstTimer + 2
    case "Repair":
      return firstTimer + 3
    case "Discovery":
      return firstTimer + 4
    case "Announce":
      return announceTimer
    case "Graft":
      return graftTimer
    case "Recover":
      return firstTimer + 7
  }
}

/** `fourth` of `linkLost`. */
export const wasLink = 0
export const wasRefused = 1
export const wasTimeout = 2
export const wasClosed = 3
/** Not a loss: the far end knows a higher epoch of ours, `third`, and says so in its Hello. */
export const wasConflict = 4

/** Whether a frame may have to open a link: it goes to somebody who need not be a neighbour. */
export const needsDial = (message: SimulatedMessage): boolean => {
  switch (message._tag) {
    case "Neighbor":
    case "Optimization":
    case "Switch":
    case "Probe":
    case "ProbeReply":
    case "ShuffleReply":
      return true
    case "Shuffle":
      return message.link === undefined
    default:
      return false
  }
}

/** What a frame counts to a slow reader. */
export const bytesOf = (message: SimulatedMessage): number =>
  message._tag === "Carried" && (message.body._tag === "Gossip" || message.body._tag === "Recalled")
    ? 60 + message.body.payload.length
    : 100

/** A contact's Join comes over a link that was dialled for it. */
export const opensLink = (message: SimulatedMessage): boolean => message._tag === "Join" || needsDial(message)
