/**
 * What a message costs on its way onto the wire and off it: the wire format beside JSON (payload in base64) and beside
 * Effect's binary codec of a Schema of the same messages (positional frames).
 *
 *     node --conditions=source benchmarks/codec.ts
 *
 * The codecs take turns within a round, so that a machine that is slower for a while slows them alike; a figure is the
 * median over the rounds. Messages differ from one another as they do in a cluster, so that nothing is predicted or
 * cached that would not be.
 */
import { Result, Schema } from "effect"
import { SchemaBinary } from "effect/encoding"
import type { Node } from "@hyparview/core"
import { Wire } from "@hyparview/core"
import { pathToFileURL } from "node:url"

export interface CodecBenchOptions {
  /** Rounds that count; a fifth as many warm up. Default 31. */
  readonly rounds?: number
  /** Messages of one codec in one round. Default 4,000. */
  readonly messages?: number
  /** Bytes of a Gossip's payload. Default 64. */
  readonly payloadBytes?: number
}

export interface CodecBenchRow {
  readonly message: "gossip" | "shuffle" | "heartbeat"
  readonly codec: "wire" | "json" | "schema"
  /** The mean frame. */
  readonly frameBytes: number
  /** Medians. */
  readonly encodeNanos: number
  readonly decodeNanos: number
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

/** The `i`-th message of each kind, with peers as of a cluster of 10,000. */
const link = (i: number) => ({ asker: local.id, epoch: local.epoch, requestId: i % 500 })
const kinds: Readonly<Record<CodecBenchRow["message"], (i: number, payloadBytes: number) => Node.Message>> = {
  gossip: (i, payloadBytes) => ({
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

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b).at(Math.floor(values.length / 2)) ?? NaN

/** Nanoseconds that one of `count` took; `last` keeps the work from being left out. */
let last: unknown
const timed = (count: number, work: (i: number) => unknown): number => {
  const begin = process.hrtime.bigint()
  for (let i = 0; i < count; i++) last = work(i)
  return Number(process.hrtime.bigint() - begin) / count
}

const distinct = 256

const measure = (
  name: CodecBenchRow["message"],
  options: Required<CodecBenchOptions>
): ReadonlyArray<CodecBenchRow> => {
  const messages = Array.from({ length: distinct }, (_, i) => kinds[name](i + 1, options.payloadBytes))
  const lanes = (["wire", "json", "schema"] as const).map((codec) => {
    const frames = messages.map((message) => new Uint8Array(Buffer.concat(codecs[codec].encode(message))))
    return { codec, frames, encodes: new Array<number>(), decodes: new Array<number>() }
  })
  const warmUp = Math.ceil(options.rounds / 5)
  for (let round = -warmUp; round < options.rounds; round++) {
    for (const { codec, decodes, encodes, frames } of lanes) {
      const { decode, encode } = codecs[codec]
      const encodeNanos = timed(options.messages, (i) => encode(messages[i % distinct] ?? kinds[name](0, 0)))
      const decodeNanos = timed(options.messages, (i) => decode(frames[i % distinct] ?? new Uint8Array(0)))
      if (round < 0) continue
      encodes.push(encodeNanos)
      decodes.push(decodeNanos)
    }
  }
  if (last === undefined) throw new Error("nothing was decoded")
  return lanes.map(({ codec, decodes, encodes, frames }) => ({
    message: name,
    codec,
    frameBytes: frames.reduce((sum, frame) => sum + frame.length, 0) / frames.length,
    encodeNanos: median(encodes),
    decodeNanos: median(decodes)
  }))
}

/** Runs for a few seconds. */
export const codecBench = (options: CodecBenchOptions = {}): ReadonlyArray<CodecBenchRow> => {
  const complete = { rounds: 31, messages: 4_000, payloadBytes: 64, ...options }
  return (["gossip", "shuffle", "heartbeat"] as const).flatMap((name) => measure(name, complete))
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  for (const { codec, decodeNanos, encodeNanos, frameBytes, message } of codecBench()) {
    const both = Math.round(encodeNanos + decodeNanos)
    console.log(
      `${message.padEnd(10)} ${codec.padEnd(7)} ${frameBytes.toFixed(0).padStart(5)} bytes` +
        `${encodeNanos.toFixed(0).padStart(7)} +${decodeNanos.toFixed(0).padStart(6)} =${String(both).padStart(6)} ns`
    )
  }
}
