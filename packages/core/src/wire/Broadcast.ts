/**
 * The frames of broadcast messages: tags 64 to 127. Each begins with the link that carries it; then come the fields of
 * the body. A new broadcast protocol adds its bodies to this table, and nothing elsewhere.
 *
 * @since 0.1.0
 */
import type { Message } from "../Flood.ts"
import type { ByTag, Kinds } from "./Kind.ts"
import { maxTextBytes } from "./Limits.ts"
import * as Utf8 from "./Utf8.ts"

/** How each body is written and read. */
export const broadcast: Kinds<ByTag<Message>> = {
  Gossip: {
    tag: 64,
    write: (writer, { hops, id }) => {
      writer.id(id.source, "id.source")
      writer.varint(id.epoch, "id.epoch")
      writer.text(id.topic, "id.topic")
      writer.varint(id.sequence, "id.sequence")
      writer.byte(hops, "hops")
    },
    read: (reader) => {
      const source = reader.id("id.source")
      const epoch = reader.varint("id.epoch")
      const topic = reader.text("id.topic")
      const sequence = reader.varint("id.sequence")
      const hops = reader.byte("hops")
      return { _tag: "Gossip", id: { source, epoch, topic, sequence }, hops, payload: reader.rest() }
    },
    rest: (gossip) => gossip.payload
  }
}

/**
 * How many bytes of a frame a Gossip takes beside its payload, at most, whatever its numbers: the tag, the link (8),
 * source and topic with their lengths, epoch and sequence (8 each), hops, no extension. So the largest payload that can
 * be published is the transport's frame limit less this.
 *
 * A text that has no UTF-8 counts as the longest: nothing of it can be sent anyway.
 *
 * @category measuring
 * @since 0.1.0
 */
export const gossipOverhead = (source: string, topic: string): number =>
  29 + (Utf8.byteLength(source) ?? maxTextBytes) + (Utf8.byteLength(topic) ?? maxTextBytes)
