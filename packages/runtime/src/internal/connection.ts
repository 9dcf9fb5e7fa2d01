/**
 * An open link to a peer whose identity is known, and the queue of what is to be sent over it.
 *
 * The queue is bounded in bytes. Membership goes before broadcast, so that no amount of payload delays a heartbeat (what
 * ends a neighbourhood is queued with broadcast, `links.ts`); within each of the two the order is kept, since the answer to a fetch ends
 * with a frame of its own. Whatever the node has queued in one turn goes out in one `send`, or in several where it is more than a
 * batch: what waits is known to so many bytes only, and publishers are let in by it. The fiber that sends lives only while
 * there is something to send. A peer that does not drain its link fills only its own queue, and is expelled when that is full.
 */
import type { Peer } from "@hyparview/core"
import * as Effect from "effect/Effect"
import type { Link, OutgoingFrame } from "../Transport.ts"
import type { Run } from "./run.ts"

export interface Connection {
  readonly peer: Peer.Peer
  readonly link: Link
  /** The largest frame that the peer takes, in bytes. */
  readonly takesBytes: number
  /** Whether this end dialled it. */
  readonly dialled: boolean
  /** When both ends had said Hello, in milliseconds. */
  readonly openedAt: number
  /** When a frame last went out or came in, in milliseconds. */
  usedAt: number
  /** This end has ended it: its close is no news. */
  ended: boolean
  membership: Array<OutgoingFrame>
  broadcast: Array<OutgoingFrame>
  /** Bytes queued or being sent. */
  queuedBytes: number
  sending: boolean
  /** Messages that have come by it and wait for the node. */
  waiting: number
  /** Bytes that one `send` may have, but for a single frame that is larger, and for what the membership says. */
  readonly batchBytes: number
  /** Called whenever something queued has been sent. */
  readonly onSent: () => void
}

export const makeConnection = (
  made: Pick<Connection, "batchBytes" | "dialled" | "link" | "onSent" | "openedAt" | "peer" | "takesBytes">
): Connection => ({
  ...made,
  usedAt: made.openedAt,
  ended: false,
  membership: [],
  broadcast: [],
  queuedBytes: 0,
  sending: false,
  waiting: 0
})

/** Which of the two orders a frame belongs to. */
export type Lane = "membership" | "broadcast"

export const bytesOf = (frame: OutgoingFrame): number => {
  let bytes = 0
  for (const chunk of frame) bytes += chunk.byteLength
  return bytes
}

/** Takes back what is queued and not being sent. */
export const takeQueued = (connection: Connection): Pick<Connection, Lane> => {
  const { broadcast, membership } = connection
  connection.membership = []
  connection.broadcast = []
  for (const frame of membership) connection.queuedBytes -= bytesOf(frame)
  for (const frame of broadcast) connection.queuedBytes -= bytesOf(frame)
  return { broadcast, membership }
}

/** Queues a frame of so many bytes, to go out with the next `flush`; the caller checks the bound. */
export const enqueue = (connection: Connection, frame: OutgoingFrame, bytes: number, lane: Lane): void => {
  connection[lane].push(frame)
  connection.queuedBytes += bytes
}

/** Sends what is queued, and what is queued while that goes on. Without a fiber, where the link takes it at once. */
export const flush = (connection: Connection, run: Run): void => {
  if (connection.sending) return
  if (!connection.ended && takesAtOnce(connection)) return
  connection.sending = true
  run(sendAll(connection))
}

/** Sends what the link takes at once; whether that is all. */
const takesAtOnce = (connection: Connection): boolean => {
  while (connection.queuedBytes > 0) {
    const batch = nextBatch(connection)
    if (connection.link.trySend?.(batch.frames) !== true) return false
    leave(connection, batch)
    connection.queuedBytes -= batch.bytes
    connection.onSent()
  }
  return true
}

/** What goes out next: how many frames of the broadcast that is, beside all of the membership's, and how many bytes. */
interface Batch {
  readonly frames: ReadonlyArray<OutgoingFrame>
  readonly broadcast: number
  readonly bytes: number
}

const nextBatch = ({ batchBytes, broadcast, membership, queuedBytes }: Connection): Batch => {
  if (queuedBytes <= batchBytes || broadcast.length <= 1) {
    const frames =
      broadcast.length === 0 ? membership : membership.length === 0 ? broadcast : membership.concat(broadcast)
    return { frames, broadcast: broadcast.length, bytes: queuedBytes }
  }
  let bytes = 0
  for (const frame of membership) bytes += bytesOf(frame)
  let count = 0
  for (const frame of broadcast) {
    const size = bytesOf(frame)
    if (count > 0 && bytes + size > batchBytes) break
    bytes += size
    count++
  }
  return { frames: membership.concat(broadcast.slice(0, count)), broadcast: count, bytes }
}

/** Takes a batch from what is queued; its bytes count until it has been sent. */
const leave = (connection: Connection, { broadcast }: Batch): void => {
  connection.membership = []
  connection.broadcast = broadcast === connection.broadcast.length ? [] : connection.broadcast.slice(broadcast)
}

const sendAll = (connection: Connection): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { broadcast, link, membership } = connection
    if (membership.length + broadcast.length === 0) return sentAll(connection)
    const batch = nextBatch(connection)
    leave(connection, batch)
    return Effect.matchEffect(link.send(batch.frames), {
      // The reader learns of the close too, after it has drained what arrived before, and reports it.
      onFailure: () => {
        connection.sending = false
        return Effect.void
      },
      onSuccess: () => {
        connection.queuedBytes -= batch.bytes
        connection.onSent()
        return connection.queuedBytes > 0 ? sendAll(connection) : sentAll(connection)
      }
    })
  })

const sentAll = (connection: Connection): Effect.Effect<void> => {
  connection.sending = false
  return connection.ended ? connection.link.close("flush") : Effect.void
}

/** Ends a connection after what is queued for it has been sent. */
export const finish = (connection: Connection, run: Run): void => {
  connection.ended = true
  flush(connection, run)
}

/** Ends a connection at once. */
export const abort = (connection: Connection, run: Run): void => {
  connection.ended = true
  run(connection.link.close("abort"))
}
