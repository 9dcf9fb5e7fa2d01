/** What an application asks for with options that are none, as whoever has no types may: it dies with what there is. */
import { assert, describe, it } from "@effect/vitest"
import { MemoryNetwork, MemoryTransport } from "@hyparview/transport-memory"
import { Cause, Context, Effect, Exit, Layer, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Broadcast, Discovery, Membership, Node } from "../../src/index.ts"
import { bytes } from "./cluster.ts"

const started = Effect.gen(function* () {
  const services = yield* Layer.build(
    Node.layer({ id: "a", cluster: "test" }).pipe(
      Layer.provide([MemoryTransport.layer({ address: "a" }), Discovery.Discovery.layerNone]),
      Layer.provide(MemoryNetwork.layer())
    )
  )
  const membership = Context.get(services, Membership.Membership)
  yield* membership.join([])
  const broadcast = Context.get(services, Broadcast.Broadcast)
  return { membership, broadcast, topic: yield* broadcast.topic("news", Schema.String) }
})

type Asked = (node: Effect.Success<typeof started>) => Effect.Effect<unknown, unknown, never>

const first = <A, E>(stream: Stream.Stream<A, E>) => Effect.scoped(Stream.runHead(stream))

const accept = () => Effect.succeed("accept" as const)

/** How it died; undefined if it did not. */
const death = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.map(Effect.exit(effect), (exit) =>
    Exit.isFailure(exit) && Exit.hasDies(exit) ? String(Cause.squash(exit.cause)) : undefined
  )

const asked: ReadonlyArray<readonly [what: string, ask: Asked, said: string]> = [
  [
    "to publish, misspelt",
    // @ts-expect-error: whoever has no types may give anything.
    ({ broadcast }) => broadcast.publish("news", bytes("x"), { whenfull: "wait" }),
    'OptionsError: whenfull is "wait": no such option. Options are whenFull'
  ],
  [
    "to publish, of another value",
    // @ts-expect-error: the same.
    ({ broadcast }) => broadcast.publish("news", bytes("x"), { whenFull: "block" }),
    'OptionsError: whenFull is "block": expected fail or wait'
  ],
  [
    "to publish, no object",
    // @ts-expect-error: the same.
    ({ topic }) => topic.publish("x", "wait"),
    'OptionsError: options is "wait": expected an object of options'
  ],
  [
    "to subscribe, misspelt",
    // @ts-expect-error: the same.
    ({ broadcast }) => first(broadcast.subscribe("news", { histroy: 10 })),
    "OptionsError: histroy is 10: no such option. Options are order, history, buffer"
  ],
  [
    "to subscribe to a topic, of another value",
    // @ts-expect-error: the same.
    ({ topic }) => first(topic.subscribe({ order: "sources" })),
    'OptionsError: order is "sources": expected none or source'
  ],
  [
    "to subscribe, no number",
    // @ts-expect-error: the same.
    ({ broadcast }) => first(broadcast.subscribe("news", { history: "10" })),
    'OptionsError: history is "10": expected a number'
  ],
  [
    "to subscribe, none",
    // @ts-expect-error: the same.
    ({ broadcast }) => first(broadcast.subscribe("news", null)),
    "OptionsError: options is null: expected an object of options"
  ],
  [
    "to make a topic, misspelt",
    // @ts-expect-error: the same.
    ({ broadcast }) => broadcast.topic("news", Schema.String, { encodng: "bytes" }),
    'OptionsError: encodng is "bytes": no such option. Options are encoding'
  ],
  [
    "to make a topic, of another value",
    // @ts-expect-error: the same.
    ({ broadcast }) => broadcast.topic("news", Schema.String, { encoding: "binary" }),
    'OptionsError: encoding is "binary": expected json or bytes'
  ],
  [
    "to validate, misspelt",
    // @ts-expect-error: the same.
    ({ topic }) => Effect.scoped(topic.validate(accept, { undecodeable: "reject" })),
    'OptionsError: undecodeable is "reject": no such option. Options are undecodable'
  ],
  [
    "to validate, of another value",
    // @ts-expect-error: the same.
    ({ topic }) => Effect.scoped(topic.validate(accept, { undecodable: false })),
    "OptionsError: undecodable is false: expected accept or reject or ignore"
  ]
]

describe("an option", () => {
  for (const [what, ask, said] of asked) {
    it.effect(`${what}, is a mistake that says what there is`, () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* death(ask(yield* started)), said)
      })
    )
  }

  it.effect("that is undefined has its default, and one outside its bounds counts as the nearer of the two", () =>
    Effect.gen(function* () {
      const { broadcast, topic } = yield* started
      yield* broadcast.publish("news", bytes("x"), { whenFull: undefined })
      const options = { order: undefined, history: Number.POSITIVE_INFINITY, buffer: -1 }
      const reading = yield* Effect.forkChild(first(topic.subscribe(options)), { startImmediately: true })
      yield* TestClock.adjust("1 minute")
      assert.isTrue(Exit.isSuccess(reading.pollUnsafe() ?? Exit.fail("nothing yet")))
    })
  )
})

describe("what is none", () => {
  it.effect("as a validator, or as contacts, is a mistake", () =>
    Effect.gen(function* () {
      const { broadcast, membership } = yield* started
      // @ts-expect-error: whoever has no types may give anything.
      const validator = yield* death(Effect.scoped(broadcast.validate("news", "accept")))
      assert.strictEqual(validator, "TypeError: a validator is a function of a message")
      for (const contacts of ["127.0.0.1:7946", undefined, [7946]]) {
        // @ts-expect-error: the same.
        const joining = yield* death(membership.join(contacts))
        assert.strictEqual(joining, "TypeError: contacts are a list of addresses, if need be []")
      }
    })
  )

  it.effect("as the bytes of a schema, is not published", () =>
    Effect.gen(function* () {
      const { broadcast } = yield* started
      // @ts-expect-error: the same.
      const topic = yield* broadcast.topic("news", Schema.String, { encoding: "bytes" })
      const error = yield* Effect.flip(topic.publish("hello"))
      assert.include(String(error), "the schema encodes to a string, not to bytes")
    })
  )
})
