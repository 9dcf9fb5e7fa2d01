/**
 * The wire format: what a frame holds. How frames are told apart in a stream is the transport's affair; how bytes
 * become messages, and nothing but messages, is decided here. Pure: bytes in, values out, and a typed error for
 * whatever is not exactly a message. Nothing is thrown, and nothing announced is believed before it is there.
 *
 * A frame is a tag byte, the required fields of that kind of message in a fixed order, an extension area, and for a
 * Gossip the payload, up to the end of the frame. There is one way to write a message: what decodes, and holds no
 * extension that is skipped, encodes to the same bytes.
 *
 * | | |
 * |---|---|
 * | byte | a whole number to 255; a choice by its index |
 * | varint | a whole number below 2⁵³, seven bits a byte, lowest first, without padding |
 * | text | its length in a byte, then UTF-8 |
 * | peer | id (a text, not empty), epoch (varint), address (text) |
 * | sample | how many (byte), then for each a peer and its age (varint) |
 * | link | varint: twice the request id, plus 1 if the receiver of this frame was the asker |
 * | extensions | how many (varint), then for each a tag (varint, ascending), a length (varint) and bytes |
 *
 * **Links.** A message that speaks of a link names it by who asked for it, in which incarnation, and the request. Both
 * ends know both incarnations from the Hellos, so one bit stands for the asker. `Ends` says who they are. A link of
 * others, or of an incarnation before, is over by definition: such a message cannot be written (`stale`), and the
 * driver drops it.
 *
 * **Evolution.** Ends agree on a version (`negotiate`). Within one, a newer writer may add extensions, which an older
 * reader skips; a new required field, tag or choice is a new version. Tags and choices are never used again.
 *
 * **Memory.** `encode` gives chunks that belong together. A Gossip's payload is the caller's very array, so that one
 * payload serves every neighbour; a decoded payload is a view of its frame. So a frame must not be written again after
 * it was decoded, and who keeps a small payload for long copies it, since it holds on to its whole frame. What `encode`
 * writes itself are views of a shared slab: read, sent or copied, but not changed, transferred or cloned with
 * `.buffer`.
 *
 * Where to look (folder `wire/`): messages in `Membership.ts`, `Broadcast.ts` and `Control.ts`, bytes in `Writer.ts`
 * and `Reader.ts`, texts that were read before in `Texts.ts`, bounds in `Limits.ts`.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import type { Message } from "./Node.ts"
import type { LinkId } from "./Peer.ts"
import { broadcast } from "./wire/Broadcast.ts"
import { type Bye, type ByeReason, control, type Hello, type Versions } from "./wire/Control.ts"
import type { Ends, Kinds } from "./wire/Kind.ts"
import { membership } from "./wire/Membership.ts"
import { readLink, writeLink } from "./wire/Peers.ts"
import { Reader } from "./wire/Reader.ts"
import { WireError } from "./wire/WireError.ts"
import { Writer } from "./wire/Writer.ts"

export { gossipOverhead } from "./wire/Broadcast.ts"
export { type Bye, type ByeReason, type Hello, negotiate, VersionMismatch, type Versions } from "./wire/Control.ts"
export type { End, Ends } from "./wire/Kind.ts"
export * from "./wire/Limits.ts"
export { byteLength, isName } from "./wire/Utf8.ts"
export { WireError, type WireReason } from "./wire/WireError.ts"

/**
 * The versions that this code speaks.
 *
 * @category constants
 * @since 0.1.0
 */
export const versions: Versions = { lowest: 1, highest: 1 }

type Chunks = ReadonlyArray<Uint8Array>

/**
 * Writes a message. The chunks, one after another, are the frame: one for most messages, head and payload for a Gossip.
 *
 * It fails, and nothing is to be sent, when the message names a link that is not one of these two ends (`stale`: drop
 * it), or holds what no frame can hold (`range`, `utf8`, `emptyId`: a fault of whoever made it).
 *
 * @example
 * ```ts
 * import { Wire } from "@hyparview/core"
 * import { Result } from "effect"
 *
 * const a = { id: "a", epoch: 1 }
 * const b = { id: "b", epoch: 7 }
 * const message = { _tag: "Heartbeat", link: { asker: "b", epoch: 7, requestId: 3 }, nonce: 12 } as const
 * const [frame] = Result.getOrThrow(Wire.encode(message, { local: a, remote: b }))
 * console.log(frame) // Uint8Array(4) [ 23, 7, 12, 0 ]
 *
 * const read = Wire.decode(Uint8Array.of(23, 7, 12, 0), { local: b, remote: a })
 * console.log(Result.getOrThrow(read)._tag) // Heartbeat
 * ```
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (message: Message, ends: Ends): Result.Result<Chunks, WireError> =>
  message._tag === "Carried"
    ? write(broadcast, message.body._tag, message.body, ends, message.link)
    : write(membership, message._tag, message, ends, undefined)

/**
 * Reads a frame that came after the other end's Hello. Fails with what is wrong and where; the frame then means
 * nothing, and its link is to be closed (`protocol`).
 *
 * A Gossip's payload is a view of the frame.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (frame: Uint8Array, ends: Ends): Result.Result<Message | Bye, WireError> =>
  read(messages, frame, ends)

/**
 * Writes a Hello. Fails when it holds what no frame can hold: then the node's own identity or cluster is at fault.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encodeHello = (hello: Hello): Result.Result<Uint8Array, WireError> =>
  Result.map(write(control, "Hello", hello, undefined, undefined), ([frame]) => frame)

/**
 * Writes a Bye. A detail of more than 255 bytes is cut.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encodeBye = (reason: ByeReason, detail: string): Uint8Array => {
  open(control.Bye.tag)
  control.Bye.write(writer, { _tag: "Bye", reason, detail }, undefined)
  writer.extensions()
  return writer.take()
}

/**
 * Reads a frame when nothing is known of the other end yet: its Hello, or the Bye of one that would not begin. Fails
 * like `decode`; `magic` means that it does not speak this protocol. A Hello of any version can be read: whether it is
 * one of ours is for `negotiate` to say.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decodeControl = (frame: Uint8Array): Result.Result<Hello | Bye, WireError> =>
  read(controls, frame, undefined)

const writer = new Writer()

const open = (tag: number): void => {
  writer.begin()
  writer.byte(tag, "tag")
}

/**
 * The body of the last broadcast message that was written, and the frame in which it stands, from an offset on. Bodies are
 * values: the same object is the same bytes.
 */
let last: { readonly message: unknown; readonly frame: Uint8Array; readonly from: number } = {
  message: undefined,
  frame: new Uint8Array(0),
  from: 0
}

/** Writes one message by its table, after the link that carries it, if one does. */
const write = <Messages, T extends keyof Messages & string, E extends Ends | undefined>(
  kinds: Kinds<Messages, E>,
  tag: T,
  message: Messages[T],
  ends: E,
  link: LinkId | undefined
): Result.Result<readonly [Uint8Array, ...Chunks], WireError> => {
  const kind = kinds[tag]
  open(kind.tag)
  if (link !== undefined && ends !== undefined) writeLink(writer, link, ends)
  const from = writer.written
  // The same to all neighbours, but for the link: written once, and copied from then on.
  if (message === last.message && last.frame.length > 0) {
    writer.bytes(last.frame.subarray(last.from))
  } else {
    kind.write(writer, message, ends)
    writer.extensions()
  }
  const error = writer.error(tag)
  if (error !== undefined) return Result.fail(error)
  const head = writer.take()
  if (link !== undefined && message !== last.message) last = { message, frame: head, from }
  return Result.succeed(kind.rest === undefined ? [head] : [head, kind.rest(message)])
}

/** How the frames of a tag are read, and what they are called in errors. */
interface Entry<M, E> {
  readonly name: string
  readonly read: (reader: Reader, ends: E) => M
}

/** By tag, the frames that may come at some point of a connection. */
type Entries<M, E> = Map<number, Entry<M, E>>

const controls: Entries<Hello | Bye, unknown> = new Map()
const messages: Entries<Message | Bye, Ends> = new Map()

for (const [name, { read, tag }] of Object.entries(control)) controls.set(tag, { name, read })
for (const [name, { read, tag }] of Object.entries(membership)) messages.set(tag, { name, read })
for (const [name, { read, tag }] of Object.entries(broadcast)) {
  messages.set(tag, {
    name,
    read: (reader, ends) => ({ _tag: "Carried", link: readLink(reader, ends), body: read(reader, ends) })
  })
}
messages.set(control.Bye.tag, { name: "Bye", read: control.Bye.read })

const reader = new Reader()

const read = <M, E>(entries: Entries<M, E>, frame: Uint8Array, ends: E): Result.Result<M, WireError> => {
  const tag = frame[0]
  if (tag === undefined) return Result.fail(new WireError({ reason: "truncated", field: "tag", offset: 0 }))
  const entry = entries.get(tag)
  if (entry === undefined) {
    const reason = controls.has(tag) || messages.has(tag) ? "unexpected" : "unknownTag"
    return Result.fail(new WireError({ reason, field: "tag", offset: 0 }))
  }
  reader.begin(frame)
  const message = entry.read(reader, ends)
  const error = reader.close(entry.name)
  return error === undefined ? Result.succeed(message) : Result.fail(error)
}
