/**
 * The frames of HyParView's messages: tags 16 to 63.
 *
 * @since 0.1.0
 */
import type { DisconnectReason, Message, NeighborAnswer, NeighborReason, Proposal } from "../hyparview/Message.ts"
import type { ByTag, Kinds } from "./Kind.ts"
import { maxCosts, maxRequestId, maxRetryAfterMillis } from "./Limits.ts"
import type { Reader } from "./Reader.ts"
import { readLink, readPeer, readSample, writeLink, writePeer, writeSample } from "./Peers.ts"
import type { Writer } from "./Writer.ts"

// A choice stands in a frame as its index here: what is new goes to the end.
const neighborReasons = ["empty", "joinWalk", "repair", "bridge"] as const satisfies ReadonlyArray<NeighborReason>
const neighborAnswers = ["accepted", "full", "busy", "limited"] as const satisfies ReadonlyArray<NeighborAnswer>
const disconnectReasons = ["evicted", "leaving"] as const satisfies ReadonlyArray<DisconnectReason>
const shuffleRoutes = ["direct", "walk"] as const
const answers = ["refused", "accepted"] as const
const waiting = ["over", "waits"] as const

/** None is written as 0, and reads as none. */
const readMoves = (reader: Reader): { readonly moves?: number } => {
  const moves = reader.byte("moves")
  return moves === 0 ? {} : { moves }
}

/** Whether something is so, by two names for no and yes: an error says which field held neither. */
const writeFlag = (writer: Writer, names: readonly [string, string], flag: boolean, field: string): void =>
  writer.choice(names, names[flag ? 1 : 0], field)

const readFlag = (reader: Reader, names: readonly [string, string], field: string): boolean =>
  reader.choice(names, field) === names[1]

const writeProposal = (writer: Writer, { after, before, old, requestId }: Proposal<string, string>): void => {
  writer.varint(requestId, "requestId", maxRequestId)
  writePeer(writer, old, "old")
  writer.varint(before, "before", maxCosts)
  writer.varint(after, "after", maxCosts)
}

const readProposal = (reader: Reader): Proposal<string, string> => ({
  requestId: reader.varint("requestId", maxRequestId),
  old: readPeer(reader, "old"),
  before: reader.varint("before", maxCosts),
  after: reader.varint("after", maxCosts)
})

/** How each message is written and read. An object literal evaluates its fields in the order in which they are read. */
export const membership: Kinds<ByTag<Message>> = {
  Join: {
    tag: 16,
    write: (writer, message) => writer.varint(message.requestId, "requestId", maxRequestId),
    read: (reader) => ({ _tag: "Join", requestId: reader.varint("requestId", maxRequestId) })
  },
  ForwardJoin: {
    tag: 17,
    write: (writer, message, ends) => {
      writeLink(writer, message.link, ends)
      writePeer(writer, message.joiner, "joiner")
      writer.byte(message.ttl, "ttl")
    },
    read: (reader, ends) => ({
      _tag: "ForwardJoin",
      link: readLink(reader, ends),
      joiner: readPeer(reader, "joiner"),
      ttl: reader.byte("ttl")
    })
  },
  Neighbor: {
    tag: 18,
    write: (writer, message) => {
      writer.varint(message.requestId, "requestId", maxRequestId)
      writer.choice(neighborReasons, message.reason, "reason")
      writer.byte(message.moves ?? 0, "moves")
    },
    read: (reader) => ({
      _tag: "Neighbor",
      requestId: reader.varint("requestId", maxRequestId),
      reason: reader.choice(neighborReasons, "reason"),
      ...readMoves(reader)
    })
  },
  NeighborReply: {
    tag: 19,
    write: (writer, message) => {
      writer.varint(message.requestId, "requestId", maxRequestId)
      writer.choice(neighborAnswers, message.answer, "answer")
      writer.saturated(message.retryAfterMillis, "retryAfterMillis", maxRetryAfterMillis)
      writeSample(writer, message.sample)
    },
    read: (reader) => ({
      _tag: "NeighborReply",
      requestId: reader.varint("requestId", maxRequestId),
      answer: reader.choice(neighborAnswers, "answer"),
      retryAfterMillis: reader.varint("retryAfterMillis", maxRetryAfterMillis),
      sample: readSample(reader)
    })
  },
  Disconnect: {
    tag: 20,
    write: (writer, message, ends) => {
      writeLink(writer, message.link, ends)
      writer.choice(disconnectReasons, message.reason, "reason")
      writeSample(writer, message.sample)
      writer.byte(message.moves ?? 0, "moves")
    },
    read: (reader, ends) => ({
      _tag: "Disconnect",
      link: readLink(reader, ends),
      reason: reader.choice(disconnectReasons, "reason"),
      sample: readSample(reader),
      ...readMoves(reader)
    })
  },
  Shuffle: {
    tag: 21,
    write: (writer, message, ends) => {
      writer.choice(shuffleRoutes, message.link === undefined ? "direct" : "walk", "link")
      if (message.link !== undefined) writeLink(writer, message.link, ends)
      writer.varint(message.requestId, "requestId", maxRequestId)
      writePeer(writer, message.origin, "origin")
      writer.byte(message.ttl, "ttl")
      writeSample(writer, message.sample)
    },
    read: (reader, ends) => ({
      _tag: "Shuffle",
      link: reader.choice(shuffleRoutes, "link") === "direct" ? undefined : readLink(reader, ends),
      requestId: reader.varint("requestId", maxRequestId),
      origin: readPeer(reader, "origin"),
      ttl: reader.byte("ttl"),
      sample: readSample(reader)
    })
  },
  ShuffleReply: {
    tag: 22,
    write: (writer, message) => {
      writer.varint(message.requestId, "requestId", maxRequestId)
      writeSample(writer, message.sample)
    },
    read: (reader) => ({
      _tag: "ShuffleReply",
      requestId: reader.varint("requestId", maxRequestId),
      sample: readSample(reader)
    })
  },
  Heartbeat: {
    tag: 23,
    write: (writer, message, ends) => {
      writeLink(writer, message.link, ends)
      writer.varint(message.nonce, "nonce")
    },
    read: (reader, ends) => ({ _tag: "Heartbeat", link: readLink(reader, ends), nonce: reader.varint("nonce") })
  },
  HeartbeatReply: {
    tag: 24,
    write: (writer, message, ends) => {
      writeLink(writer, message.link, ends)
      writer.varint(message.nonce, "nonce")
    },
    read: (reader, ends) => ({ _tag: "HeartbeatReply", link: readLink(reader, ends), nonce: reader.varint("nonce") })
  },
  Probe: {
    tag: 25,
    write: (writer, message) => writer.varint(message.nonce, "nonce"),
    read: (reader) => ({ _tag: "Probe", nonce: reader.varint("nonce") })
  },
  ProbeReply: {
    tag: 26,
    write: (writer, message) => writer.varint(message.nonce, "nonce"),
    read: (reader) => ({ _tag: "ProbeReply", nonce: reader.varint("nonce") })
  },
  NotNeighbor: {
    tag: 27,
    write: (writer, message, ends) => writeLink(writer, message.link, ends),
    read: (reader, ends) => ({ _tag: "NotNeighbor", link: readLink(reader, ends) })
  },
  DisconnectWait: {
    tag: 28,
    write: (writer, message, ends) => {
      writeLink(writer, message.link, ends)
      writer.varint(message.requestId, "requestId", maxRequestId)
      writeFlag(writer, waiting, message.waits, "waits")
    },
    read: (reader, ends) => ({
      _tag: "DisconnectWait",
      link: readLink(reader, ends),
      requestId: reader.varint("requestId", maxRequestId),
      waits: readFlag(reader, waiting, "waits")
    })
  },
  Optimization: {
    tag: 29,
    write: (writer, message) => writeProposal(writer, message),
    read: (reader) => ({ _tag: "Optimization", ...readProposal(reader) })
  },
  OptimizationReply: {
    tag: 30,
    write: (writer, message) => {
      writer.varint(message.requestId, "requestId", maxRequestId)
      writeFlag(writer, answers, message.accepted, "accepted")
    },
    read: (reader) => ({
      _tag: "OptimizationReply",
      requestId: reader.varint("requestId", maxRequestId),
      accepted: readFlag(reader, answers, "accepted")
    })
  },
  Replace: {
    tag: 31,
    write: (writer, message, ends) => {
      writeLink(writer, message.link, ends)
      writePeer(writer, message.initiator, "initiator")
      writeProposal(writer, message)
    },
    read: (reader, ends) => ({
      _tag: "Replace",
      link: readLink(reader, ends),
      initiator: readPeer(reader, "initiator"),
      ...readProposal(reader)
    })
  },
  ReplaceReply: {
    tag: 32,
    write: (writer, message, ends) => {
      writeLink(writer, message.link, ends)
      writer.varint(message.requestId, "requestId", maxRequestId)
      writeFlag(writer, answers, message.accepted, "accepted")
    },
    read: (reader, ends) => ({
      _tag: "ReplaceReply",
      link: readLink(reader, ends),
      requestId: reader.varint("requestId", maxRequestId),
      accepted: readFlag(reader, answers, "accepted")
    })
  },
  Switch: {
    tag: 33,
    write: (writer, message) => {
      writer.varint(message.requestId, "requestId", maxRequestId)
      writePeer(writer, message.initiator, "initiator")
      writer.varint(message.round, "round", maxRequestId)
    },
    read: (reader) => ({
      _tag: "Switch",
      requestId: reader.varint("requestId", maxRequestId),
      initiator: readPeer(reader, "initiator"),
      round: reader.varint("round", maxRequestId)
    })
  },
  SwitchReply: {
    tag: 34,
    write: (writer, message) => {
      writer.varint(message.requestId, "requestId", maxRequestId)
      writeFlag(writer, answers, message.accepted, "accepted")
    },
    read: (reader) => ({
      _tag: "SwitchReply",
      requestId: reader.varint("requestId", maxRequestId),
      accepted: readFlag(reader, answers, "accepted")
    })
  }
}
