import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import type { Message } from "@hyparview/core/Node"
import * as Wire from "@hyparview/core/Wire"
import { read } from "./examples.ts"
import { ends } from "./oracle.ts"

const bytes = (hex: string): Uint8Array => Uint8Array.from(hex.split(" "), (byte) => Number.parseInt(byte, 16))

const refused = (result: Result.Result<unknown, Wire.WireError>) => {
  const { field, offset, reason } = Result.getOrThrow(Result.flip(result))
  return [reason, field, offset]
}

const reading = (hex: string) => refused(read(bytes(hex)))
const greeting = (hex: string) => refused(Wire.decodeControl(bytes(hex)))
const writing = (message: Message) => refused(Wire.encode(message, ends))

describe("reading fails with the field and the byte", () => {
  it("truncated: the frame ends inside a field, and the offset is its length", () => {
    assert.deepStrictEqual(refused(read(new Uint8Array(0))), ["truncated", "tag", 0])
    assert.deepStrictEqual(refused(Wire.decodeControl(new Uint8Array(0))), ["truncated", "tag", 0])
    assert.deepStrictEqual(reading("10"), ["truncated", "Join.requestId", 1])
    assert.deepStrictEqual(reading("10 80"), ["truncated", "Join.requestId", 2])
    assert.deepStrictEqual(reading("10 80 80 80 80 80"), ["truncated", "Join.requestId", 6])
    assert.deepStrictEqual(reading("11 06 05 67 61"), ["truncated", "ForwardJoin.joiner.id", 5])
    assert.deepStrictEqual(reading("10 03"), ["truncated", "Join.extensions", 2])
  })

  it("trailing: the frame goes on behind the message", () => {
    assert.deepStrictEqual(reading("10 03 00 00"), ["trailing", "Join.end", 3])
    assert.deepStrictEqual(greeting("02 00 00 00 ff ff"), ["trailing", "Bye.end", 4])
  })

  it("unknownTag: no message of this version has the first byte", () => {
    assert.deepStrictEqual(reading("00"), ["unknownTag", "tag", 0])
    assert.deepStrictEqual(reading("ff 01"), ["unknownTag", "tag", 0])
    assert.deepStrictEqual(greeting("03"), ["unknownTag", "tag", 0])
  })

  it("unexpected: a message before the Hello, or a Hello after it", () => {
    assert.deepStrictEqual(greeting("10 03 00"), ["unexpected", "tag", 0])
    assert.deepStrictEqual(reading("01 48 79 50 56"), ["unexpected", "tag", 0])
  })

  it("magic: a Hello of another protocol", () => {
    assert.deepStrictEqual(greeting("01 48 79 50 57 01 01"), ["magic", "Hello.magic", 4])
    assert.deepStrictEqual(greeting("01 00"), ["magic", "Hello.magic", 1])
    assert.deepStrictEqual(greeting("01 48 79"), ["truncated", "Hello.magic", 3])
  })

  it("range: a number beyond its limit", () => {
    // 2⁵³, a ninth byte, and the largest request id and one more.
    assert.deepStrictEqual(reading("19 80 80 80 80 80 80 80 10 00"), ["range", "Probe.nonce", 1])
    assert.deepStrictEqual(reading("19 ff ff ff ff ff ff ff ff 01 00"), ["range", "Probe.nonce", 1])
    assert.strictEqual(Result.isSuccess(read(bytes("10 ff ff ff ff ff ff ff 07 00"))), true)
    assert.deepStrictEqual(reading("10 80 80 80 80 80 80 80 08 00"), ["range", "Join.requestId", 1])
    assert.deepStrictEqual(reading("13 2a 00 80 80 80 80 10 00 00"), ["range", "NeighborReply.retryAfterMillis", 3])
    assert.deepStrictEqual(reading("16 00 01 01 61 00 00 80 80 04 00"), ["range", "ShuffleReply.sample[0].age", 7])
  })

  it("range: a choice that does not exist", () => {
    assert.deepStrictEqual(reading("12 00 04 00"), ["range", "Neighbor.reason", 2])
    assert.deepStrictEqual(reading("13 00 04 00 00 00"), ["range", "NeighborReply.answer", 2])
    assert.deepStrictEqual(reading("14 00 02 00 00"), ["range", "Disconnect.reason", 2])
    assert.deepStrictEqual(reading("15 02 00"), ["range", "Shuffle.link", 1])
    assert.deepStrictEqual(greeting("02 0a 00 00"), ["range", "Bye.reason", 1])
    assert.deepStrictEqual(greeting("01 48 79 50 56 01 01 00 01 61 00 00 02"), ["range", "Hello.knownEpoch", 12])
  })

  it("range: versions that are none", () => {
    assert.deepStrictEqual(greeting("01 48 79 50 56 00 01 00 01 61 00 00 00 00"), ["range", "Hello.versions", 5])
    assert.deepStrictEqual(greeting("01 48 79 50 56 03 02 00 01 61 00 00 00 00"), ["range", "Hello.versions", 5])
  })

  it("nonCanonical: a number with padding", () => {
    assert.deepStrictEqual(reading("10 80 00 00"), ["nonCanonical", "Join.requestId", 1])
    assert.deepStrictEqual(reading("19 ff ff ff ff 00 00"), ["nonCanonical", "Probe.nonce", 1])
    assert.deepStrictEqual(reading("19 01 80 00"), ["nonCanonical", "Probe.extensions", 2])
  })

  it("utf8: bytes that are no character, at the first of them", () => {
    const joiner = (id: string) => {
      const length = id.split(" ").length
      return reading(`11 06 ${(length + 1).toString(16).padStart(2, "0")} 61 ${id} 00 00 00 00`)
    }
    const at4 = ["utf8", "ForwardJoin.joiner.id", 4]
    for (const wrong of [
      "80", // a continuation by itself
      "c3", // a lead by itself
      "c3 28", // a lead, and no continuation
      "c1 bf", // two bytes for one
      "e0 9f bf", // three for two
      "f0 8f bf bf", // four for three
      "ed a0 80", // half a surrogate pair
      "f4 90 80 80", // beyond U+10FFFF
      "f5 80 80 80",
      "e2 82", // cut short by the text's end, not by the frame's
      "ff"
    ]) {
      assert.deepStrictEqual(joiner(wrong), at4, wrong)
    }
    assert.deepStrictEqual(joiner("c3 a9 62 ff"), ["utf8", "ForwardJoin.joiner.id", 7])
  })

  it("emptyId: an id of no bytes, wherever one stands", () => {
    assert.deepStrictEqual(reading("11 06 00 00 00 06 00"), ["emptyId", "ForwardJoin.joiner.id", 2])
    assert.deepStrictEqual(reading("16 00 02 01 61 00 00 00 00 00 00 00 00"), [
      "emptyId",
      "ShuffleReply.sample[1].id",
      8
    ])
    assert.deepStrictEqual(reading("40 06 00 00 00 00 00 00"), ["emptyId", "Gossip.id.source", 2])
    assert.deepStrictEqual(greeting("01 48 79 50 56 01 01 00 00 00 00 00 00"), ["emptyId", "Hello.peer.id", 8])
  })

  it("and says it in words", () => {
    const error = Result.getOrThrow(Result.flip(read(bytes("12 00 04 00"))))
    assert.strictEqual(error._tag, "WireError")
    assert.strictEqual(error.message, "Neighbor.reason at byte 2: out of range")
  })
})

const { local, remote } = ends
const ours = { asker: local.id, epoch: local.epoch, requestId: 3 }
const peer = { id: "p", epoch: 0, address: "" }

describe("a name", () => {
  it("has 1 to 255 bytes of UTF-8", () => {
    const names = ["", "a", "x".repeat(255), "x".repeat(256), "é".repeat(127), "é".repeat(128), "\uD800"]
    assert.deepStrictEqual(names.map(Wire.isName), [false, true, true, false, true, false, false])
  })
})

describe("writing is refused", () => {
  it("stale: a link of others, or of an incarnation before", () => {
    const strangers = [
      { ...ours, asker: "gamma" },
      { ...ours, epoch: local.epoch - 1 },
      { ...ours, asker: remote.id },
      { asker: remote.id, epoch: remote.epoch - 1, requestId: 3 }
    ]
    for (const link of strangers) {
      assert.deepStrictEqual(writing({ _tag: "NotNeighbor", link }), ["stale", "NotNeighbor.link", 1])
      const payload = new Uint8Array(3)
      const id = { source: "s", epoch: 0, topic: "t", sequence: 0 }
      const rest = { round: 0, publishedAt: 0, ageMillis: 0, payload, replay: undefined }
      const body = { _tag: "Gossip", id, ...rest } as const
      assert.deepStrictEqual(writing({ _tag: "Carried", link, body }), ["stale", "Gossip.link", 1])
    }
  })

  it("range, utf8, emptyId: what no frame can hold", () => {
    const forward = (joiner: typeof peer): Message => ({ _tag: "ForwardJoin", link: ours, joiner, ttl: 1 })
    assert.deepStrictEqual(writing({ _tag: "Join", requestId: Wire.maxRequestId + 1 }), ["range", "Join.requestId", 1])
    assert.deepStrictEqual(writing({ _tag: "NotNeighbor", link: { ...ours, requestId: -1 } }), [
      "range",
      "NotNeighbor.link",
      1
    ])
    assert.deepStrictEqual(writing(forward({ ...peer, id: "" })), ["emptyId", "ForwardJoin.joiner.id", 2])
    assert.deepStrictEqual(writing(forward({ ...peer, id: "x".repeat(256) })), ["range", "ForwardJoin.joiner.id", 2])
    assert.deepStrictEqual(writing(forward({ ...peer, id: "é".repeat(128) })), ["range", "ForwardJoin.joiner.id", 2])
    assert.deepStrictEqual(writing(forward({ ...peer, address: "\uD800" })), ["utf8", "ForwardJoin.joiner.address", 5])
    assert.deepStrictEqual(writing(forward({ ...peer, epoch: 0.5 })), ["range", "ForwardJoin.joiner.epoch", 4])
    const many = Array.from({ length: 256 }, () => peer)
    for (const sample of [
      { peers: many, ages: many.map(() => 0) },
      { peers: [peer], ages: [] },
      { peers: [peer], ages: [0, 0] }
    ]) {
      const message: Message = { _tag: "ShuffleReply", requestId: 1, sample }
      assert.deepStrictEqual(writing(message), ["range", "ShuffleReply.sample", 2])
    }
    for (const versions of [
      { lowest: 2, highest: 1 },
      { lowest: 0, highest: 1 }
    ]) {
      const hello = {
        _tag: "Hello",
        versions,
        cluster: "",
        peer,
        knownEpoch: undefined,
        knownAddress: undefined,
        settings: undefined,
        to: undefined
      } as const
      assert.deepStrictEqual(refused(Wire.encodeHello(hello)), ["range", "Hello.versions", 5])
    }
    for (const runs of [[], [0], [0, 1, 3]]) {
      const body = { _tag: "Digest", held: [{ source: "s", epoch: 0, topic: "t", runs }] } as const
      assert.deepStrictEqual(writing({ _tag: "Carried", link: ours, body }).slice(0, 2), [
        "range",
        "Digest.held[0].runs"
      ])
    }
  })

  it("and leaves nothing behind: the next message is whole", () => {
    writing({ _tag: "Join", requestId: -1 })
    assert.deepStrictEqual(Result.getOrThrow(Wire.encode({ _tag: "Join", requestId: 3 }, ends)), [bytes("10 03 00")])
  })
})
