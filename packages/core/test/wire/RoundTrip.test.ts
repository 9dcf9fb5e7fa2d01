import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Message } from "@hyparview/core/Node"
import * as Wire from "@hyparview/core/Wire"
import { frameOf, frames, messages, read } from "./examples.ts"
import { AnyMessage, Bye, ends, Hello } from "./oracle.ts"

const sameMessage = Schema.toEquivalence(AnyMessage)
const sameHello = Schema.toEquivalence(Hello)
const options = { arbitrary: { runs: 3_000, seed: 1 } }

describe("what the schema accepts", () => {
  it.prop(
    "comes back equal as a message",
    { message: AnyMessage },
    ({ message }) => {
      const back = Result.getOrThrow(read(frameOf(message)))
      return back._tag !== "Bye" && sameMessage(back, message)
    },
    options
  )

  it.prop(
    "comes back equal as a Hello",
    { hello: Hello },
    ({ hello }) => {
      const back = Result.getOrThrow(Wire.decodeControl(Result.getOrThrow(Wire.encodeHello(hello))))
      return back._tag === "Hello" && sameHello(back, hello)
    },
    options
  )

  it.prop(
    "comes back equal as a Bye, before and after the Hello",
    { bye: Bye },
    ({ bye }) => {
      const frame = Wire.encodeBye(bye.reason, bye.detail)
      const expected: Wire.Bye = { _tag: "Bye", reason: bye.reason, detail: bye.detail }
      assert.deepStrictEqual(Result.getOrThrow(Wire.decodeControl(frame)), expected)
      assert.deepStrictEqual(Result.getOrThrow(read(frame)), expected)
      return true
    },
    options
  )

  it("reaches the limits: texts of 255 bytes, 255 entries, the largest numbers", () => {
    const peers = Array.from({ length: 255 }, (_, i) => ({
      id: `${i}`.padEnd(255, "x"),
      epoch: Wire.maxInteger - i,
      address: "€".repeat(85)
    }))
    const message: Message = {
      _tag: "NeighborReply",
      requestId: Wire.maxRequestId,
      answer: "limited",
      retryAfterMillis: Wire.maxRetryAfterMillis,
      sample: { peers, ages: peers.map((_, i) => Wire.maxAge - i) }
    }
    assert.isTrue(Schema.is(AnyMessage)(message))
    const frame = frameOf(message)
    assert.deepStrictEqual(Result.getOrThrow(read(frame)), message)
    // And the examples still come out as before from the writer that has grown.
    for (const { frame, read, value } of frames) assert.deepStrictEqual(Result.getOrThrow(read(frame)), value)
  })

  it("keeps numbers whole at each length of a varint", () => {
    for (let power = 0; power <= 53; power++) {
      for (const nonce of [2 ** power - 1, 2 ** power, 2 ** power + 1]) {
        if (nonce > Wire.maxInteger) continue
        assert.deepStrictEqual(Result.getOrThrow(read(frameOf({ _tag: "Probe", nonce }))), { _tag: "Probe", nonce })
      }
    }
  })

  it("keeps every character of Unicode, a byte-order mark first among them", () => {
    for (let first = 0; first < 0x110000; first += 32) {
      const points = Array.from({ length: 32 }, (_, i) => first + i)
      const address = String.fromCodePoint(...points.filter((point) => point < 0xd800 || point > 0xdfff))
      const origin = { id: "\uFEFF", epoch: 0, address }
      const shuffle: Message = { ...direct, origin }
      assert.deepStrictEqual(Result.getOrThrow(read(frameOf(shuffle))), shuffle)
    }
  })
})

const direct: Extract<Message, { _tag: "Shuffle" }> = {
  _tag: "Shuffle",
  link: undefined,
  requestId: 0,
  origin: { id: "o", epoch: 0, address: "" },
  ttl: 0,
  sample: { peers: [], ages: [] }
}

/** The record with each of its leaves replaced in turn. */
const mutants = (record: unknown, replacements: ReadonlyArray<unknown>): ReadonlyArray<unknown> => {
  if (typeof record !== "object" || record === null || record instanceof Uint8Array) return replacements
  return Object.entries(record).flatMap(([key, value]) =>
    key === "_tag"
      ? []
      : mutants(value, replacements).map((mutant) =>
          Array.isArray(record) ? record.with(Number(key), mutant) : { ...record, [key]: mutant }
        )
  )
}

describe("what the schema rejects", () => {
  // What is beyond its limit in these fields is sent as the limit.
  const saturates = (mutant: object): boolean =>
    ("retryAfterMillis" in mutant && Number(mutant.retryAfterMillis) > Wire.maxRetryAfterMillis) ||
    ("sample" in mutant && overAge(mutant.sample))

  const overAge = (sample: unknown): boolean =>
    typeof sample === "object" &&
    sample !== null &&
    "ages" in sample &&
    Array.isArray(sample.ages) &&
    sample.ages.some((age) => age > Wire.maxAge)

  it("is not written, whichever field is wrong", () => {
    const isMessage = Schema.is(AnyMessage)
    let rejected = 0
    let accepted = 0
    for (const [name, example] of Object.entries(messages)) {
      const numbers = mutants(example, [-1, 0.5, Number.NaN, Infinity, 256, 1e6, 2 ** 52, 2 ** 53])
      const texts = mutants(example, ["", "\uD800", "\uDC00\uD800", "x".repeat(255), "x".repeat(256), "é".repeat(128)])
      for (const mutant of [...numbers, ...texts]) {
        if (typeof mutant !== "object" || mutant === null || saturates(mutant)) continue
        // A value of another type than the field's is the compiler's affair, not the codec's.
        if (!sameTypes(mutant, example)) continue
        // The one place where a wrong value passes for a message.
        const written = Result.isSuccess(Wire.encode(mutant as Message, ends))
        assert.strictEqual(written, isMessage(mutant), `${name}: ${JSON.stringify(mutant)}`)
        if (written) accepted++
        else rejected++
      }
    }
    assert.isAbove(rejected, 500)
    assert.isAbove(accepted, 100)
  })
})

const sameTypes = (a: unknown, b: unknown): boolean =>
  typeof a === "object" && a !== null && typeof b === "object" && b !== null
    ? Object.entries(a).every(([key, value]) =>
        sameTypes(value, Object.entries(b).find(([other]) => other === key)?.[1])
      )
    : typeof a === typeof b
