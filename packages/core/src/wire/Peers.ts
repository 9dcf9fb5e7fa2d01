/**
 * How peers, samples and links stand in a frame.
 *
 * @since 0.1.0
 */
import { type LinkId, noSample, type Peer, type Sample } from "../Peer.ts"
import type { Ends } from "./Kind.ts"
import { maxAge, maxRequestId, maxSampleEntries } from "./Limits.ts"
import type { Reader } from "./Reader.ts"
import type { Writer } from "./Writer.ts"

const writeFields = (writer: Writer, peer: Peer): void => {
  writer.id(peer.id, "id")
  writer.varint(peer.epoch, "epoch")
  writer.text(peer.address, "address")
}

const readFields = (reader: Reader): Peer => {
  const id = reader.id("id")
  const epoch = reader.varint("epoch")
  return { id, epoch, address: reader.text("address") }
}

/** A peer: id, epoch, address. */
export const writePeer = (writer: Writer, peer: Peer, field: string): void => {
  writer.path = field
  writeFields(writer, peer)
  writer.path = ""
}

export const readPeer = (reader: Reader, field: string): Peer => {
  reader.path = field
  const peer = readFields(reader)
  reader.path = ""
  return peer
}

/** A sample: how many, then each peer with its age. */
export const writeSample = (writer: Writer, { ages, peers }: Sample): void => {
  if (peers.length > maxSampleEntries || ages.length !== peers.length) return writer.fail("range", "sample")
  writer.byte(peers.length, "sample")
  writer.path = "sample"
  for (const [index, peer] of peers.entries()) {
    writer.index = index
    writeFields(writer, peer)
    writer.saturated(ages[index] ?? 0, "age", maxAge)
  }
  writer.path = ""
  writer.index = -1
}

export const readSample = (reader: Reader): Sample => {
  const count = reader.byte("sample")
  if (count === 0) return noSample
  const peers: Array<Peer> = []
  const ages: Array<number> = []
  reader.path = "sample"
  for (let i = 0; i < count && !reader.over; i++) {
    reader.index = i
    peers.push(readFields(reader))
    ages.push(reader.varint("age", maxAge))
  }
  reader.path = ""
  reader.index = -1
  return { peers, ages }
}

/**
 * A link between the two ends: twice its request id, plus 1 if the receiver of the frame was the asker and 0 if its
 * sender was. Ids and epochs are known from the Hellos. Any other link is refused as stale.
 */
export const writeLink = (writer: Writer, { asker, epoch, requestId }: LinkId, { local, remote }: Ends): void => {
  if (asker === local.id && epoch === local.epoch) writeAsked(writer, requestId, 0)
  else if (asker === remote.id && epoch === remote.epoch) writeAsked(writer, requestId, 1)
  else writer.fail("stale", "link")
}

const writeAsked = (writer: Writer, requestId: number, byReceiver: number): void => {
  // Twice a half would be whole.
  if (requestId >= 0 && requestId <= maxRequestId && Math.floor(requestId) === requestId) {
    return writer.varint(2 * requestId + byReceiver, "link")
  }
  writer.fail("range", "link")
}

export const readLink = (reader: Reader, { local, remote }: Ends): LinkId => {
  const link = reader.varint("link")
  const byReceiver = link % 2
  const { epoch, id } = byReceiver === 0 ? remote : local
  return { asker: id, epoch, requestId: (link - byReceiver) / 2 }
}
