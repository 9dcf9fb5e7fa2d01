/**
 * An open link to a peer whose identity is known, and the queue of what is to be sent over it.
 *
 * The queue is bounded in bytes. Membership goes before broadcast, so that no amount of payload delays a heartbeat (what
 * ends a neighbourhood is queued with broadcast, `links.ts`); within each of the two the order is kept, since the answer to a fetch ends
 * with a frame of its own. Whatever the node has queued in one turn goes out in one `send`; the fiber that does so lives only while
 * there is something to send. A peer that does not drain its link fills only its own queue, and is expelled when that is full.
 */
import type { Peer } from "@hyparview/core"
import * as Effect from "effect/Effect"
import type { Link, OutgoingFrame } from "../Transport.ts"
import type { Run } from "./run.ts"

export interface Connection {
  readonly peer: Peer.Peer
  readonly link: Link
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
  /** Called whenever something queued has been sent. */
  readonly onSent: () => void
}

export const makeConnection = (
  peer: Peer.Peer,
  link: Link,
  dialled: boolean,
  now: number,
  onSent: () => void
): Connection => ({
  peer,
  link,
  onSent,
  dialled,
  openedAt: now,
  usedAt: now,
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
  clear(connection)
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
  const { ended, link } = connection
  if (!ended && connection.queuedBytes === 0) return
  if (!ended && link.trySend?.(queuedFrames(connection)) === true) {
    clear(connection)
    connection.queuedBytes = 0
    connection.onSent()
    return
  }
  connection.sending = true
  run(sendAll(connection))
}

const queuedFrames = ({ broadcast, membership }: Connection): ReadonlyArray<OutgoingFrame> =>
  broadcast.length === 0 ? membership : membership.length === 0 ? broadcast : membership.concat(broadcast)

const clear = (connection: Connection): void => {
  connection.membership = []
  connection.broadcast = []
}

const sendAll = (connection: Connection): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { broadcast, link, membership } = connection
    if (membership.length + broadcast.length === 0) return sentAll(connection)
    const frames = queuedFrames(connection)
    clear(connection)
    const bytes = connection.queuedBytes
    return Effect.matchEffect(link.send(frames), {
      // The reader learns of the close too, after it has drained what arrived before, and reports it.
      onFailure: () => {
        connection.sending = false
        return Effect.void
      },
      onSuccess: () => {
        connection.queuedBytes -= bytes
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
