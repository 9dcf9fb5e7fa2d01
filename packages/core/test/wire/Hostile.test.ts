import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { nextBelow, type Random, seeded } from "@hyparview/core/Random"
import type { Message } from "@hyparview/core/Node"
import * as Wire from "@hyparview/core/Wire"
import { controlFrameOf, frameOf, frames, joined, payloadOf, read } from "./examples.ts"
import { AnyMessage, Bye, ends, Hello } from "./oracle.ts"

/** Valid frames of every kind, to start from. */
const corpus = Effect.gen(function* () {
  const options = { count: 600, seed: 7, size: 12 }
  const messages = yield* Arbitrary.sampleEffect(Arbitrary.schema(AnyMessage), options)
  const hellos = yield* Arbitrary.sampleEffect(Arbitrary.schema(Hello), { ...options, count: 60 })
  const byes = yield* Arbitrary.sampleEffect(Arbitrary.schema(Bye), { ...options, count: 20 })
  return [
    ...frames.map(({ frame }) => frame),
    ...messages.map(frameOf),
    // Gossips that a cut often leaves a message: of the kinds with a payload there are few among all.
    ...frames.filter(({ name }) => name === "Gossip").flatMap(({ frame }) => withPayloads(frame)),
    ...[...hellos, ...byes].map((frame) => controlFrameOf(frame))
  ]
})

/** The Gossip of a frame with longer and longer payloads. */
const withPayloads = (frame: Uint8Array): ReadonlyArray<Uint8Array> =>
  Array.from({ length: 60 }, (_, length) => joined([frame, new Uint8Array(length)]))

/** Bytes that numbers, lengths and texts break on. */
const telling = [0x00, 0x01, 0x02, 0x7f, 0x80, 0xc0, 0xc2, 0xed, 0xf0, 0xf5, 0xfe, 0xff]

const byteOf = (random: Random): number =>
  nextBelow(random, 2) === 0 ? nextBelow(random, 256) : (telling[nextBelow(random, telling.length)] ?? 0)

const pick = (random: Random, corpus: ReadonlyArray<Uint8Array>): Uint8Array =>
  corpus[nextBelow(random, corpus.length)] ?? new Uint8Array(0)

const bytesOf = (random: Random, count: number): Uint8Array => Uint8Array.from({ length: count }, () => byteOf(random))

type Mutation = (random: Random, frame: Uint8Array, corpus: ReadonlyArray<Uint8Array>) => Uint8Array

/** Random bytes behind a tag that exists, and what goes wrong with frames that were good. */
const mutations: Readonly<Record<string, Mutation>> = {
  noise: (random) => bytesOf(random, nextBelow(random, 40)),
  taggedNoise: (random, frame) =>
    joined([frame.subarray(0, 1), bytesOf(random, nextBelow(random, 2 + nextBelow(random, 60)))]),
  flip: (random, frame) => {
    const flipped = frame.slice()
    const at = nextBelow(random, frame.length)
    flipped[at] = (flipped[at] ?? 0) ^ (1 << nextBelow(random, 8))
    return flipped
  },
  overwrite: (random, frame) => {
    const written = frame.slice()
    for (let i = nextBelow(random, 4); i >= 0; i--) written[nextBelow(random, frame.length)] = byteOf(random)
    return written
  },
  truncate: (random, frame) => frame.subarray(0, nextBelow(random, frame.length)),
  insert: (random, frame) => {
    const at = nextBelow(random, frame.length + 1)
    return joined([frame.subarray(0, at), bytesOf(random, 1 + nextBelow(random, 4)), frame.subarray(at)])
  },
  remove: (random, frame) => {
    const at = nextBelow(random, frame.length)
    return joined([frame.subarray(0, at), frame.subarray(at + 1 + nextBelow(random, 4))])
  },
  splice: (random, frame, corpus) => {
    const other = pick(random, corpus)
    return joined([
      frame.subarray(0, nextBelow(random, frame.length + 1)),
      other.subarray(nextBelow(random, other.length + 1))
    ])
  },
  retag: (random, frame, corpus) => joined([pick(random, corpus).subarray(0, 1), frame.subarray(1)]),
  repeat: (_random, frame) => joined([frame, frame])
}

const isAny = Schema.is(Schema.Union([AnyMessage, Hello, Bye]))

/** The readers of a frame before and after the Hello: each must be safe from every frame. */
const readers: ReadonlyArray<(frame: Uint8Array) => Result.Result<AnyFrame, Wire.WireError>> = [
  Wire.decodeControl,
  read
]

type AnyFrame = Message | Wire.Hello | Wire.Bye

/** The canonical frame of what was read. Never fails: whatever can be read can be written. */
const rewritten = (value: AnyFrame): Uint8Array => {
  switch (value._tag) {
    case "Hello":
    case "Bye":
      return controlFrameOf(value)
    default:
      return joined(Result.getOrThrow(Wire.encode(value, ends)))
  }
}

describe("hostile bytes", () => {
  it.effect("give a message or a typed error, in 160,000 frames", () =>
    Effect.gen(function* () {
      const seed = 20_070_625
      const valid = yield* corpus
      const random = seeded(seed)
      const names = Object.keys(mutations)
      const met = new Map<string, number>()
      const count = (what: string) => met.set(what, (met.get(what) ?? 0) + 1)
      for (let i = 0; i < 160_000; i++) {
        const name = names[i % names.length] ?? ""
        const frame = mutations[name]?.(random, pick(random, valid), valid) ?? new Uint8Array(0)
        let refusals = 0
        for (const reader of readers) {
          const result = reader(frame)
          if (Result.isFailure(result)) {
            const { field, offset, reason } = result.failure
            count(reason)
            refusals++
            if (offset < 0 || offset > frame.length || field === "") assert.fail(describeFrame(seed, i, frame))
            continue
          }
          count(`${name} read`)
          // What is read is a message in every respect, and there is one way to write it.
          if (!isAny(result.success)) assert.fail(describeFrame(seed, i, frame))
          const canonical = rewritten(result.success)
          if (canonical.length === frame.length) {
            if (canonical.some((byte, at) => byte !== frame[at])) assert.fail(describeFrame(seed, i, frame))
          } else {
            count("with extensions")
            assert.isBelow(canonical.length, frame.length, describeFrame(seed, i, frame))
            assert.deepStrictEqual(reader(canonical), result, describeFrame(seed, i, frame))
          }
        }
        if (refusals === readers.length) count(`${name} refused`)
      }
      // That nothing was thrown would prove little if the frames had not come this far.
      const reasons = ["truncated", "trailing", "unknownTag", "unexpected", "magic", "range", "nonCanonical", "utf8"]
      for (const reason of [...reasons, "emptyId", "with extensions"]) assert.isAbove(met.get(reason) ?? 0, 100, reason)
      for (const name of names) assert.isAbove(met.get(`${name} refused`) ?? 0, 100, name)
      // Random bytes seldom make a message; what began as one often still is.
      for (const name of names.filter((name) => !name.toLowerCase().endsWith("noise"))) {
        assert.isAbove(met.get(`${name} read`) ?? 0, 50, name)
      }
    })
  )

  it("that are cut anywhere are no message, but for a payload", () => {
    for (const { frame, name, read, value } of frames) {
      const payload = payloadOf(value).length
      for (let length = 0; length < frame.length - payload; length++) {
        const error = Result.getOrThrow(Result.flip(read(frame.subarray(0, length))))
        assert.deepStrictEqual([error.reason, error.offset], ["truncated", length], name)
      }
    }
  })

  it("that announce much and hold little are refused at the end of what is there", () => {
    const announcing: ReadonlyArray<ReadonlyArray<number>> = [
      [0x16, 0x00, 0xff], // 255 entries
      [0x16, 0x00, 0xff, 0xff, 0x61], // an id of 255 bytes
      [0x19, 0x00, 0x40, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f] // an extension of 2⁵³ − 1 bytes
    ]
    for (const bytes of announcing) {
      const error = Result.getOrThrow(Result.flip(read(Uint8Array.from(bytes))))
      assert.deepStrictEqual([error.reason, error.offset], ["truncated", bytes.length])
    }
  })
})

const describeFrame = (seed: number, index: number, frame: Uint8Array): string =>
  `seed ${seed}, frame ${index}: ${Array.from(frame, (byte) => byte.toString(16).padStart(2, "0")).join(" ")}`
