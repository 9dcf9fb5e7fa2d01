import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import type { Carried, Message } from "@hyparview/core/Node"
import * as Wire from "@hyparview/core/Wire"
import { joined, payloadOf, read } from "./examples.ts"
import { ends, farEnds } from "./oracle.ts"

const { local, remote } = ends

const gossip = (source: string, topic: string, payload: Uint8Array, number: number): Carried => ({
  _tag: "Carried",
  link: { asker: local.id, epoch: local.epoch, requestId: Math.min(number, Wire.maxRequestId) },
  body: {
    _tag: "Gossip",
    id: { source, epoch: number, topic, sequence: number },
    round: Math.min(number, 255),
    publishedAt: number,
    ageMillis: number,
    payload,
    replay: undefined
  }
})

const chunksOf = (message: Message): ReadonlyArray<Uint8Array> => Result.getOrThrow(Wire.encode(message, ends))

describe("a link", () => {
  it("is named by one bit, and means the same at both ends", () => {
    for (const { epoch, id } of [local, remote]) {
      const message: Message = { _tag: "Heartbeat", link: { asker: id, epoch, requestId: 5 }, nonce: 1 }
      const frame = joined(Result.getOrThrow(Wire.encode(message, ends)))
      assert.deepStrictEqual(Array.from(frame), [23, id === local.id ? 10 : 11, 1, 0])
      assert.deepStrictEqual(Result.getOrThrow(Wire.decode(frame, farEnds)), message)
    }
  })
})

describe("a body that goes to several neighbours", () => {
  it("stands after each one's own link as it would if it went there alone, also after one that could not be written", () => {
    const { body } = gossip("s", "t", Uint8Array.of(1, 2, 3), 7)
    const id = { source: "s", epoch: 1, topic: "t", sequence: 300 }
    const announced: Carried["body"] = { _tag: "IHave", announcements: [{ id, round: 3 }] }
    for (const shared of [body, announced]) {
      for (const requestId of [1, 200, Wire.maxRequestId + 1, 3]) {
        const link = { asker: local.id, epoch: local.epoch, requestId }
        const written = Wire.encode({ _tag: "Carried", link, body: shared }, ends)
        const alone = Wire.encode({ _tag: "Carried", link, body: { ...shared } }, ends)
        assert.deepStrictEqual(Result.map(written, joined), Result.map(alone, joined))
        assert.strictEqual(Result.isFailure(written), requestId > Wire.maxRequestId)
      }
    }
  })
})

describe("a payload", () => {
  it("is the caller's own bytes when written, whatever neighbour it goes to", () => {
    const payload = Uint8Array.of(1, 2, 3)
    const chunks = chunksOf(gossip("s", "t", payload, 1))
    assert.strictEqual(chunks.length, 2)
    assert.strictEqual(chunks[1], payload)
    const toOther = Result.getOrThrow(
      Wire.encode(gossip("s", "t", payload, 1), { local, remote: { id: "gamma", epoch: 2 } })
    )
    assert.strictEqual(toOther[1], payload)
  })

  it("is a view of its frame when read, a plain one, and goes on without a copy", () => {
    const frame = Buffer.from(joined(chunksOf(gossip("s", "t", Uint8Array.of(1, 2, 3), 1))))
    const message = Result.getOrThrow(read(frame))
    if (message._tag !== "Carried") return assert.fail(message._tag)
    const payload = payloadOf(message)
    assert.strictEqual(payload.constructor, Uint8Array)
    assert.strictEqual(payload.buffer, frame.buffer)
    assert.deepStrictEqual(payload, Uint8Array.of(1, 2, 3))
    const onward: Carried = { ...message, link: { asker: remote.id, epoch: remote.epoch, requestId: 9 } }
    assert.strictEqual(Result.getOrThrow(Wire.encode(onward, farEnds))[1], payload)
  })

  it("has the frame less the overhead, which is never more than said", () => {
    for (const [source, topic] of [
      ["a", ""],
      ["node-17", "orders"],
      ["é".repeat(127), "€".repeat(85)]
    ] as const) {
      const [head] = chunksOf(gossip(source, topic, new Uint8Array(9), Wire.maxInteger))
      assert.strictEqual(head?.length, Wire.gossipOverhead(source, topic))
      const [small] = chunksOf(gossip(source, topic, new Uint8Array(9), 0))
      assert.isBelow(small?.length ?? Infinity, Wire.gossipOverhead(source, topic))
    }
    assert.isAbove(Wire.gossipOverhead("\uD800", ""), 255)
  })
})

describe("what was written", () => {
  it("is never written again", () => {
    const written: Array<{ readonly chunk: Uint8Array; readonly copy: Uint8Array }> = []
    for (let i = 0; i < 5_000; i++) {
      const message: Message =
        i % 7 === 0 ? { _tag: "Probe", nonce: i } : gossip(`node-${i}`, "t", new Uint8Array(1), i)
      for (const chunk of chunksOf(message)) written.push({ chunk, copy: chunk.slice() })
      // A refused message in between.
      if (i % 11 === 0) Wire.encode({ _tag: "Join", requestId: -1 }, ends)
    }
    for (const { chunk, copy } of written) assert.deepStrictEqual(chunk, copy)
  })

  it("survives the loss of the slab: whoever transfers a frame harms only its neighbours in memory", () => {
    const [frame] = chunksOf({ _tag: "Join", requestId: 3 })
    structuredClone(frame?.buffer, { transfer: frame === undefined ? [] : [frame.buffer as ArrayBuffer] })
    assert.deepStrictEqual(chunksOf({ _tag: "Join", requestId: 3 }), [Uint8Array.of(16, 3, 0)])
  })
})

describe("a Bye", () => {
  it("cuts its detail at 255 bytes, between characters, and mends what is no text", () => {
    const detailOf = (detail: string) => {
      const bye = Result.getOrThrow(Wire.decodeControl(Wire.encodeBye("protocol", detail)))
      return bye._tag === "Bye" ? bye.detail : undefined
    }
    assert.strictEqual(detailOf("x".repeat(300)), "x".repeat(255))
    assert.strictEqual(detailOf(`${"x".repeat(254)}é`), "x".repeat(254))
    assert.strictEqual(detailOf(`${"x".repeat(252)}😀`), "x".repeat(252))
    assert.strictEqual(detailOf(`${"x".repeat(251)}😀`), `${"x".repeat(251)}😀`)
    assert.strictEqual(detailOf("a\uD800b"), "a\uFFFDb")
  })
})

describe("versions", () => {
  const agreed = (lowest: number, highest: number, theirLowest: number, theirHighest: number) => {
    const ours = { lowest, highest }
    const theirs = { lowest: theirLowest, highest: theirHighest }
    const one = Wire.negotiate(ours, theirs)
    const other = Wire.negotiate(theirs, ours)
    assert.deepStrictEqual(Result.isSuccess(one), Result.isSuccess(other))
    if (Result.isSuccess(one)) assert.deepStrictEqual(one, other)
    return Result.getOrElse(one, ({ message }) => message)
  }

  it("meet at the highest that both speak", () => {
    assert.strictEqual(agreed(1, 1, 1, 1), 1)
    assert.strictEqual(agreed(1, 3, 2, 9), 3)
    assert.strictEqual(agreed(2, 5, 1, 2), 2)
    assert.strictEqual(agreed(1, 255, 1, 255), 255)
  })

  it("fail with both ranges when there is none", () => {
    assert.strictEqual(agreed(1, 2, 3, 4), "no common version: we speak 1 to 2, they 3 to 4")
    assert.strictEqual(agreed(3, 4, 1, 2), "no common version: we speak 3 to 4, they 1 to 2")
  })

  it("of a Hello that is far newer can still be read", () => {
    const hello: Wire.Hello = {
      _tag: "Hello",
      versions: { lowest: 200, highest: 255 },
      cluster: "c",
      peer: { id: "a", epoch: 1, address: "a:1" },
      knownEpoch: undefined,
      knownAddress: undefined,
      settings: undefined,
      to: undefined
    }
    assert.deepStrictEqual(Result.getOrThrow(Wire.decodeControl(Result.getOrThrow(Wire.encodeHello(hello)))), hello)
  })
})
