/**
 * What a typed topic adds to a name: a codec at each end. Made once for a topic, so that a message costs no more than its
 * own encoding.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Broadcast, Delivery } from "../Broadcast.ts"
import { type BytesCodec, EncodeError, type Topic, type Undecodable } from "../Topic.ts"
import { dieOf, validateFault } from "./requests.ts"

/** Between values and bytes; what fails says why. */
export interface Codec<A> {
  readonly encode: (value: A) => Result.Result<Uint8Array, string>
  readonly decode: (bytes: Uint8Array) => Result.Result<A, string>
}

const settled = <A>(exit: Exit.Exit<A, Schema.SchemaError>): Result.Result<A, string> => {
  if (exit._tag === "Success") return Result.succeed(exit.value)
  const [reason] = exit.cause.reasons
  if (reason?._tag === "Fail") return Result.fail(reason.error.message)
  if (reason?._tag !== "Die") return Result.fail("the schema does not answer at once")
  if (Cause.isAsyncFiberError(reason.defect)) {
    // Nobody waits for what it is still at.
    reason.defect.fiber.interruptUnsafe()
    return Result.fail("the schema does not answer at once")
  }
  return Result.fail(`the schema has thrown: ${reasonOf(reason.defect)}`)
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Encodes and decodes synchronously, with the services that the schema needs. */
const synchronously = <A, I, RD, RE>(schema: Schema.Codec<A, I, RD, RE>, services: Context.Context<RD | RE>) => {
  const run = Effect.runSyncExitWith(services)
  const encode = Schema.encodeEffect(schema)
  const decode = Schema.decodeUnknownEffect(schema)
  return {
    encode: (value: A) => settled(run(encode(value))),
    decode: (encoded: unknown) => settled(run(decode(encoded)))
  }
}

export const jsonCodec = <A, I, RD, RE>(
  schema: Schema.Codec<A, I, RD, RE>,
  services: Context.Context<RD | RE>
): Codec<A> => {
  const { decode, encode } = synchronously(Schema.toCodecJson(schema), services)
  const encoder = new TextEncoder()
  const decoder = new TextDecoder("utf-8", { fatal: true })
  // What a schema lets through need not be JSON: `Schema.Any` says nothing of circles, or of functions.
  const write = (json: unknown): Result.Result<Uint8Array, string> =>
    Result.flatMap(Result.try({ try: (): string | undefined => JSON.stringify(json), catch: reasonOf }), (text) =>
      text === undefined ? Result.fail(`JSON has no ${typeof json}`) : Result.succeed(encoder.encode(text))
    )
  const parse = (bytes: Uint8Array): Result.Result<unknown, string> =>
    Result.try({
      try: (): unknown => JSON.parse(decoder.decode(bytes)),
      catch: reasonOf
    })
  return {
    encode: (value) => Result.flatMap(encode(value), write),
    decode: (bytes) => Result.flatMap(parse(bytes), decode)
  }
}

export const bytesCodec = <A, RD, RE>(schema: BytesCodec<A, RD, RE>, services: Context.Context<RD | RE>): Codec<A> => {
  const { decode, encode } = synchronously(schema, services)
  return {
    // What an encoder returns may be a view of a buffer that it uses again; a payload is kept for a long time.
    encode: (value) =>
      Result.flatMap(encode(value), (bytes) =>
        // Whoever has no types may give a schema of something else, of which `new Uint8Array` would make no bytes, or others.
        Predicate.isUint8Array(bytes)
          ? Result.succeed(new Uint8Array(bytes))
          : Result.fail(`the schema encodes to a ${typeof bytes}, not to bytes`)
      ),
    decode
  }
}

type Untyped = Pick<Broadcast["Service"], "publish" | "subscribe" | "validate">

export const makeTopic = <A>(name: string, { decode, encode }: Codec<A>, broadcast: Untyped): Topic<A> => {
  const read = (delivery: Delivery): Delivery<A> | Undecodable => {
    if (delivery._tag === "Lagged") return delivery
    const decoded = decode(delivery.payload)
    if (Result.isSuccess(decoded)) return { ...delivery, payload: decoded.success }
    return { ...delivery, _tag: "Undecodable", reason: decoded.failure }
  }
  return {
    name,
    publish: (value, options) =>
      Effect.flatMap(
        Effect.suspend(() =>
          Effect.fromResult(Result.mapError(encode(value), (reason) => new EncodeError({ topic: name, reason })))
        ),
        (bytes) => broadcast.publish(name, bytes, options)
      ),
    subscribe: (options) =>
      // The name has been looked at when the topic was made.
      Stream.map(Stream.orDie(broadcast.subscribe(name, options)), read),
    validate: (judge, options = {}) => {
      const strange = validateFault(options)
      if (strange !== undefined) return dieOf(strange)
      const { undecodable = "accept" } = options
      return broadcast.validate(name, (message) => {
        const decoded = decode(message.payload)
        return Result.isSuccess(decoded) ? judge({ ...message, payload: decoded.success }) : Effect.succeed(undecodable)
      })
    }
  }
}
