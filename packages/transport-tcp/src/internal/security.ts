/**
 * What stands between a TCP connection and a link: nothing, or a TLS handshake.
 */
import * as Effect from "effect/Effect"
import type { DialError } from "@hyparview/runtime/Transport"
import type { Socket } from "node:net"

/** A connection that is ready for frames. */
export interface Connection {
  /** Where frames are written and read. */
  readonly socket: Socket
  /** The TCP connection beneath, which alone can be reset; the same socket where there is no TLS. */
  readonly raw: Socket
  /** Who the far end has proved to be. */
  readonly authenticatedId: string | undefined
  /**
   * Whether each end says that it ends, behind its last frame (`endMark`). Over TLS somebody on the way may cut the
   * connection in the middle of a record, or between two: Node shows that as the end of the stream, as it does the far
   * end's own close_notify, and what is missing would pass for an end in order. Over plain TCP such a mark would prove
   * nothing, for whoever can cut the stream can write it.
   */
  readonly marksEnd: boolean
  /** What is to be said of an end that comes before the far end has sent anything. */
  readonly earlyEndDetail: string
}

export interface Security {
  /**
   * Secures an accepted connection, and hands it over once it is: at once, later, or never, if it is refused. A refused
   * one is destroyed.
   */
  readonly accept: (raw: Socket, ready: (connection: Connection) => void) => void
  /** The connection has not been secured in time, or never will be: it is destroyed. */
  readonly giveUp: (raw: Socket, why: "stalled" | "closing") => void
  /** Secures a dialled connection. After an error or an interruption the caller destroys it. */
  readonly dial: (raw: Socket, address: string) => Effect.Effect<Connection, DialError>
}

const plainly = (raw: Socket, earlyEndDetail: string): Connection => ({
  socket: raw,
  raw,
  authenticatedId: undefined,
  marksEnd: false,
  earlyEndDetail
})

/** A TLS port that gets a plain frame closes without a word, and so do a node at its limits, and most of what is no node. */
const saidNothing = "the far end said nothing: it may want TLS, take no more links, or be no node"

/** No TLS: every connection is fit as it is. */
export const plain: Security = {
  accept: (raw, ready) => ready(plainly(raw, "")),
  giveUp: (raw) => raw.destroy(),
  dial: (raw) => Effect.succeed(plainly(raw, saidNothing))
}
