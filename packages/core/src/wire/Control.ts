/**
 * The frames with which a connection begins and ends. They are the driver's, not the protocols', and every version
 * reads those of every other: their layout changes by extensions alone.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Result from "effect/Result"
import type { Peer } from "../Peer.ts"
import type { ByTag, Kind, Kinds } from "./Kind.ts"
import { maxTextBytes } from "./Limits.ts"
import { readPeer, writePeer } from "./Peers.ts"
import type { Reader } from "./Reader.ts"
import * as Utf8 from "./Utf8.ts"
import type { Writer } from "./Writer.ts"

/**
 * The versions that a node speaks, both ends included. 1 to 255.
 *
 * @category models
 * @since 0.1.0
 */
export interface Versions {
  readonly lowest: number
  readonly highest: number
}

/**
 * The first frame on each link, from both ends, before anything is known of the other: each says what it speaks, where
 * it belongs and who it is.
 *
 * @category models
 * @since 0.1.0
 */
export interface Hello {
  readonly _tag: "Hello"
  readonly versions: Versions
  /** Nodes of different clusters do not mix, even where they meet. May be empty. */
  readonly cluster: string
  /** The sender, with the address at which others can dial it. */
  readonly peer: Peer
  /** The highest epoch that the sender has heard of for the receiver's id; undefined if of none, or if it knows no id. */
  readonly knownEpoch: number | undefined
  /** Where that incarnation is, as far as the sender has heard; undefined if it has not. */
  readonly knownAddress: string | undefined
  /**
   * How the sender is set up, in what all nodes of a cluster should have alike: a text that its driver writes and others' drivers read.
   * Undefined if it does not say.
   */
  readonly settings: string | undefined
  /** The id of whom the sender has dialled, if it knows one. What it knows of that id is not about anybody else who answers. */
  readonly to: string | undefined
}

/**
 * Why a driver closes a link. `idle`: a temporary link is not needed any more; `duplicate`: of two crossing dials the
 * other stays; `cluster`, `version`: nothing in common; `identity`: somebody else was meant to answer here, or the id
 * is our own; `superseded`: a newer incarnation has connected; `protocol`: what was received is no message; `slow`: the
 * receiver would not drain what was sent; `shutdown`: the node ends; `limit`: too many links.
 *
 * @category models
 * @since 0.1.0
 */
export type ByeReason = (typeof byeReasons)[number]

// A choice stands in a frame as its index here: what is new goes to the end.
const byeReasons = [
  "idle",
  "duplicate",
  "cluster",
  "version",
  "identity",
  "superseded",
  "protocol",
  "slow",
  "shutdown",
  "limit"
] as const

/**
 * The last frame before a driver closes a link, if there is still time, so that the other end's log can say why.
 * Nothing may depend on it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Bye {
  readonly _tag: "Bye"
  readonly reason: ByeReason
  /** For people; may be empty. */
  readonly detail: string
}

const magic: ReadonlyArray<number> = [0x48, 0x79, 0x50, 0x56] // HyPV

const writeMagic = (writer: Writer): void => {
  for (const byte of magic) writer.byte(byte, "magic")
}

const readMagic = (reader: Reader): void => {
  for (const byte of magic) {
    const at = reader.offset
    if (reader.byte("magic") !== byte) return reader.fail("magic", "magic", at)
  }
}

const writeVersions = (writer: Writer, { highest, lowest }: Versions): void => {
  if (lowest < 1 || lowest > highest) writer.fail("range", "versions")
  writer.byte(lowest, "versions.lowest")
  writer.byte(highest, "versions.highest")
}

const readVersions = (reader: Reader): Versions => {
  const at = reader.offset
  const lowest = reader.byte("versions.lowest")
  const highest = reader.byte("versions.highest")
  if (lowest < 1 || lowest > highest) reader.fail("range", "versions", at)
  return { lowest, highest }
}

const knowledge = ["unknown", "known"] as const

/** The extensions of a Hello. */
const knownAddressTag = 1
const settingsTag = 2
const toTag = 3
const helloExtensions: ReadonlyMap<number, string> = new Map([
  [knownAddressTag, "knownAddress"],
  [settingsTag, "settings"],
  [toTag, "to"]
])

const hello: Kind<Hello, unknown> = {
  tag: 1,
  write: (writer, message) => {
    writeMagic(writer)
    writeVersions(writer, message.versions)
    writer.text(message.cluster, "cluster")
    writePeer(writer, message.peer, "peer")
    writer.choice(knowledge, message.knownEpoch === undefined ? "unknown" : "known", "knownEpoch")
    if (message.knownEpoch !== undefined) writer.varint(message.knownEpoch, "knownEpoch")
    writer.extensionsOf([
      [knownAddressTag, "knownAddress", message.knownAddress],
      [settingsTag, "settings", message.settings],
      [toTag, "to", message.to]
    ])
  },
  read: (reader) => {
    readMagic(reader)
    const fields = {
      _tag: "Hello",
      versions: readVersions(reader),
      cluster: reader.text("cluster"),
      peer: readPeer(reader, "peer"),
      knownEpoch: reader.choice(knowledge, "knownEpoch") === "unknown" ? undefined : reader.varint("knownEpoch")
    } as const
    const extensions = reader.extensions(helloExtensions)
    return {
      ...fields,
      knownAddress: extensions.get(knownAddressTag),
      settings: extensions.get(settingsTag),
      to: extensions.get(toTag)
    }
  }
}

/** The detail is for people: what does not fit is cut, what is no text is replaced. */
const bye: Kind<Bye, unknown> = {
  tag: 2,
  write: (writer, message) => {
    writer.choice(byeReasons, message.reason, "reason")
    writer.text(Utf8.cut(message.detail, maxTextBytes), "detail")
  },
  read: (reader) => ({ _tag: "Bye", reason: reader.choice(byeReasons, "reason"), detail: reader.text("detail") })
}

/** How each control frame is written and read: tags 1 to 15. */
export const control: Kinds<ByTag<Hello | Bye>, unknown> = { Hello: hello, Bye: bye }

/**
 * Two ends have no version in common. Nothing was said but the Hellos; the link is of no use, and both nodes live on.
 *
 * @category errors
 * @since 0.1.0
 */
export class VersionMismatch extends Data.TaggedError("VersionMismatch")<{
  readonly ours: Versions
  readonly theirs: Versions
}> {
  override get message(): string {
    const range = ({ highest, lowest }: Versions) => `${lowest} to ${highest}`
    return `no common version: we speak ${range(this.ours)}, they ${range(this.theirs)}`
  }
}

/**
 * The highest version that both ends speak. Both find the same.
 *
 * @category negotiation
 * @since 0.1.0
 */
export const negotiate = (ours: Versions, theirs: Versions): Result.Result<number, VersionMismatch> => {
  const highest = Math.min(ours.highest, theirs.highest)
  return highest < Math.max(ours.lowest, theirs.lowest)
    ? Result.fail(new VersionMismatch({ ours, theirs }))
    : Result.succeed(highest)
}
