/**
 * What a message costs on its way onto the wire and off it: the wire format beside JSON (payload in base64) and beside
 * Effect's binary codec of a Schema of the same messages (positional frames).
 *
 * The codecs take turns within a round, so that a machine that is slower for a while slows them alike; a figure is the
 * median over the rounds. Messages differ from one another as they do in a cluster, so that nothing is predicted or
 * cached that would not be.
 */
import { Result, Schema } from "effect"
import { SchemaBinary } from "effect/encoding"
import type { Node } from "@hyparview/core"
import { Wire } from "@hyparview/core"
import { medianOf, type Row } from "./internal/row.ts"

/** Messages of one codec in one round. */
const count = 4_000

/** Of a Gossip. */
const payloadBytes = 64

/** What one codec of one kind of message takes. */
interface Cost {
  readonly codec: keyof typeof codecs
  /** The mean frame. */
  readonly frameBytes: number
  /** Encoding and decoding, each the median over the rounds. */
  readonly nanos: number
}

/** One codec: a message to its chunks, a frame to its message. */
interface Codec {
  readonly encode: (message: Node.Message) => ReadonlyArray<Uint8Array>
  readonly decode: (frame: Uint8Array) => unknown
}

const local = { id: "node-17", epoch: 1_763_862_000_123 }
const remote = { id: "node-4211", epoch: 1_763_862_000_456 }

const wire: Codec = {
  encode: (message) => Result.getOrThrow(Wire.encode(message, { local, remote })),
  decode: (frame) => Result.getOrThrow(Wire.decode(frame, { local: remote, remote: local }))
}

const text = new TextEncoder()
const untext = new TextDecoder()

const json: Codec = {
  encode: (message) => [
    text.encode(
      JSON.stringify(message, (_, value: unknown) =>
        value instanceof Uint8Array
          ? Buffer.from(value.buffer, value.byteOffset, value.length).toString("base64")
          : value
      )
    )
  ],
  decode: (frame) => {
    const message = JSON.parse(untext.decode(frame))
    return message._tag === "Carried"
      ? { ...message, body: { ...message.body, payload: Buffer.from(message.body.payload, "base64") } }
      : message
  }
}

const Link = Schema.Struct({ asker: Schema.String, epoch: Schema.Int, requestId: Schema.Int })
const Peer = Schema.Struct({ id: Schema.String, epoch: Schema.Int, address: Schema.String })
const Messages = Schema.TaggedUnion({
  Heartbeat: { link: Link, nonce: Schema.Int },
  Shuffle: {
    link: Link,
    requestId: Schema.Int,
    origin: Peer,
    ttl: Schema.Int,
    sample: Schema.Struct({ peers: Schema.Array(Peer), ages: Schema.Array(Schema.Int) })
  },
  Carried: {
    link: Link,
    body: Schema.TaggedStruct("Gossip", {
      id: Schema.Struct({
        source: Schema.String,
        epoch: Schema.Int,
        topic: Schema.String,
        sequence: Schema.Int
      }),
      round: Schema.Int,
      publishedAt: Schema.Int,
      ageMillis: Schema.Int,
      payload: Schema.Uint8Array,
      replay: Schema.UndefinedOr(Schema.Literals(["graft", "recovery"]))
    })
  }
})

const schemaEncoder = SchemaBinary.encoder(Messages, { fingerprint: true })
const schema: Codec = {
  encode: (message) => [schemaEncoder.encode(message)],
  decode: Schema.decodeUnknownSync(SchemaBinary.toCodec(Messages, { fingerprint: true }))
}

const codecs = { wire, json, schema }

const peer = (i: number) => ({
  id: `node-${i}`,
  epoch: 1_763_862_000_000 + i,
  address: `10.0.${(i >> 8) & 255}.${i & 255}:7946`
})

const messageKinds = ["gossip", "shuffle", "heartbeat"] as const
type Kind = (typeof messageKinds)[number]

/** The `i`-th message of each kind, with peers as of a cluster of 10,000. */
const link = (i: number) => ({ asker: local.id, epoch: local.epoch, requestId: i % 500 })
const kinds: Readonly<Record<Kind, (i: number) => Node.Message>> = {
  gossip: (i) => ({
    _tag: "Carried",
    link: link(i),
    body: {
      _tag: "Gossip",
      id: { source: `node-${(i * 31) % 10_000}`, epoch: 1_763_862_000_000 + i, topic: "orders", sequence: i * 97 },
      round: i % 10,
      publishedAt: 1_763_862_000_000 + i,
      ageMillis: 0,
      payload: new Uint8Array(payloadBytes).fill(i),
      replay: undefined
    }
  }),
  shuffle: (i) => ({
    _tag: "Shuffle",
    link: link(i),
    requestId: i,
    origin: peer(i),
    ttl: i % 6,
    sample: {
      peers: Array.from({ length: 7 }, (_, k) => peer((i * 7919 + k * 1301) % 10_000)),
      ages: [0, 0, 0, 1, 4, 9, i % 200]
    }
  }),
  heartbeat: (i) => ({ _tag: "Heartbeat", link: link(i), nonce: i })
}

/** Nanoseconds that one of so many took; `last` keeps the work from being left out. */
let last: unknown
const timed = (work: (i: number) => unknown): number => {
  const begin = process.hrtime.bigint()
  for (let i = 0; i < count; i++) last = work(i)
  return Number(process.hrtime.bigint() - begin) / count
}

const distinct = 256

const measure = (kind: Kind, rounds: number): ReadonlyArray<Cost> => {
  const messages = Array.from({ length: distinct }, (_, i) => kinds[kind](i + 1))
  const lanes = (["wire", "json", "schema"] as const).map((codec) => {
    const frames = messages.map((message) => new Uint8Array(Buffer.concat(codecs[codec].encode(message))))
    return { codec, frames, encodes: new Array<number>(), decodes: new Array<number>() }
  })
  const warmUp = Math.ceil(rounds / 5)
  for (let round = -warmUp; round < rounds; round++) {
    for (const { codec, decodes, encodes, frames } of lanes) {
      const { decode, encode } = codecs[codec]
      const encodeNanos = timed((i) => encode(messages[i % distinct] ?? kinds[kind](0)))
      const decodeNanos = timed((i) => decode(frames[i % distinct] ?? new Uint8Array(0)))
      if (round < 0) continue
      encodes.push(encodeNanos)
      decodes.push(decodeNanos)
    }
  }
  if (last === undefined) throw new Error("nothing was decoded")
  return lanes.map(({ codec, decodes, encodes, frames }) => ({
    codec,
    frameBytes: frames.reduce((sum, frame) => sum + frame.length, 0) / frames.length,
    nanos: medianOf(encodes) + medianOf(decodes)
  }))
}

/** `rounds`: those that count; a fifth as many warm up. */
export const codecBench = (rounds: number): ReadonlyArray<Row> =>
  messageKinds.flatMap((kind) => {
    const costs = measure(kind, rounds)
    const json = costs.find(({ codec }) => codec === "json")
    return costs.map(({ codec, frameBytes, nanos }) => ({
      what: `${kind}, ${codec}, ${frameBytes.toFixed(0)} B`,
      median: nanos,
      unit: "ns",
      ...(json === undefined || codec === "json" ? {} : { ratio: { to: "JSON", value: nanos / json.nanos } })
    }))
  })
