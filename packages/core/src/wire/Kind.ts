/**
 * What the tables of messages are made of. A protocol's module maps each of its messages' tags to a `Kind`; the
 * compiler asks for every one, and `Wire.ts` does the rest.
 *
 * @since 0.1.0
 */
import type { Peer } from "../Peer.ts"
import type { Reader } from "./Reader.ts"
import type { Writer } from "./Writer.ts"

/**
 * One end of a connection: which incarnation of which node stands there. A `Peer` is one.
 *
 * @category models
 * @since 0.1.0
 */
export type End = Pick<Peer, "id" | "epoch">

/**
 * The two ends of a connection, which the Hellos have made known.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ends {
  readonly local: End
  readonly remote: End
}

/**
 * How one kind of message is written and read: its required fields, in one order for ever. What a later version adds
 * goes into extensions. `E`: what must be known of the connection.
 */
export interface Kind<M, E> {
  /** The first byte of its frames. Never used again for anything else. */
  readonly tag: number
  readonly write: (writer: Writer, message: M, ends: E) => void
  /** Reads what `write` wrote. The values are nobody's concern once the reader has met a fault. */
  readonly read: (reader: Reader, ends: E) => M
  /** What stands behind the extension area up to the end of the frame; `read` takes it with `Reader.rest`. */
  readonly rest?: (message: M) => Uint8Array
}

/**
 * The messages of a union by their tags.
 */
export type ByTag<M extends { readonly _tag: string }> = {
  readonly [T in M["_tag"]]: Extract<M, { readonly _tag: T }>
}

/**
 * A kind for each message.
 */
export type Kinds<Messages, E = Ends> = { readonly [T in keyof Messages]: Kind<Messages[T], E> }
