import { assert, describe, it } from "@effect/vitest"
import { Context, DateTime, Effect, Result, Schema, SchemaTransformation } from "effect"
import { SchemaBinary } from "effect/encoding"
import { bytesCodec, jsonCodec } from "../../src/internal/topic.ts"

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const utf8 = (text: string) => new TextEncoder().encode(text)

/** What these schemas need. */
const none = Context.empty()

const bothWays = (schema: Schema.Codec<string>): ReadonlyArray<Result.Result<unknown, string>> => {
  const { decode, encode } = jsonCodec(schema, none)
  return [encode("x"), decode(utf8('"x"'))]
}

const Event = Schema.Struct({ name: Schema.NonEmptyString, at: Schema.DateTimeUtc, tags: Schema.Array(Schema.String) })
const event = { name: "start", at: DateTime.makeUnsafe(0), tags: ["x"] }

describe("the JSON of a schema", () => {
  const codec = jsonCodec(Event, none)

  it("is what values travel as, dates and all", () => {
    const bytes = Result.getOrThrow(codec.encode(event))
    assert.strictEqual(text(bytes), '{"name":"start","at":"1970-01-01T00:00:00.000Z","tags":["x"]}')
    assert.deepStrictEqual(Result.getOrThrow(codec.decode(bytes)), event)
  })

  it("refuses a value that does not fit, and says where", () => {
    const refused = codec.encode({ ...event, name: "" })
    assert.isTrue(Result.isFailure(refused) && refused.failure.includes("name"))
  })

  it("refuses what its schema lets through and JSON does not", () => {
    const circle: { self?: unknown } = {}
    circle.self = circle
    for (const value of [circle, 1n, undefined, () => 1, Symbol("x")]) {
      const refused = jsonCodec(Schema.Any, none).encode(value)
      assert.isTrue(Result.isFailure(refused) && refused.failure.length > 0)
    }
  })

  for (const [what, bytes] of [
    ["no JSON", utf8("{")],
    ["no UTF-8", Uint8Array.of(0xff, 0xfe)],
    ["nothing", new Uint8Array(0)],
    ["the JSON of something else", utf8('{"name":"start"}')]
  ] as const) {
    it(`refuses ${what}, and says why`, () => {
      const refused = codec.decode(bytes)
      assert.isTrue(Result.isFailure(refused) && refused.failure.length > 0)
    })
  }

  it("skips what a later version has added", () => {
    const later = utf8('{"name":"start","at":"1970-01-01T00:00:00.000Z","tags":["x"],"more":1}')
    assert.deepStrictEqual(Result.getOrThrow(codec.decode(later)), event)
  })

  it("of a schema that has to wait for something is refused", () => {
    const slow = Schema.String.pipe(
      Schema.decodeTo(
        Schema.String,
        SchemaTransformation.transformEffect({
          decode: (value) => Effect.delay(Effect.succeed(value), "1 second"),
          encode: (value) => Effect.delay(Effect.succeed(value), "1 second")
        })
      )
    )
    for (const refused of bothWays(slow)) {
      assert.isTrue(Result.isFailure(refused) && refused.failure.includes("at once"))
    }
  })

  it("of a schema that throws is refused, and says what it has thrown", () => {
    const broken = Schema.String.check(
      Schema.makeFilter<string>(() => {
        throw new Error("a fault of the filter")
      })
    )
    for (const refused of bothWays(broken)) {
      assert.isTrue(Result.isFailure(refused) && refused.failure.includes("a fault of the filter"))
    }
  })
})

describe("a schema of bytes", () => {
  it("is taken as it is: Effect's binary codec", () => {
    const codec = bytesCodec(SchemaBinary.toCodec(Event), none)
    const bytes = Result.getOrThrow(codec.encode(event))
    assert.isBelow(bytes.length, 40)
    assert.deepStrictEqual(Result.getOrThrow(codec.decode(bytes)), event)
    assert.isTrue(Result.isFailure(codec.decode(bytes.slice(1))))
  })

  it("gives a payload that is nobody else's buffer", () => {
    const codec = bytesCodec(Schema.Uint8Array, none)
    for (const shared of [utf8("abc"), Buffer.from("abc")]) {
      const bytes = Result.getOrThrow(codec.encode(shared))
      shared.fill(0)
      assert.strictEqual(text(bytes), "abc")
    }
  })
})
