/** The examples of the documentation, run. */
import { assert, it } from "@effect/vitest"
import { Effect, Result, Stream } from "effect"
import { Transport } from "@hyparview/runtime/Transport"
import { Address, TcpTransport } from "@hyparview/transport-tcp"

it("the example of Address.parse", () => {
  assert.deepStrictEqual(Address.parse("10.0.0.7:7946"), Result.succeed({ host: "10.0.0.7", port: 7946 }))
  assert.deepStrictEqual(Address.parse("[::1]:7946"), Result.succeed({ host: "::1", port: 7946 }))
  assert.deepStrictEqual(Address.parse("node-7.example:7946"), Result.succeed({ host: "node-7.example", port: 7946 }))
  assert.isTrue(Result.isFailure(Address.parse("::1:7946")))
})

it.live("the example of TcpTransport.layer", () => {
  const program = Effect.gen(function* () {
    const near = yield* Transport
    const far = yield* TcpTransport.make({})
    const link = yield* near.dial(far.address)
    yield* link.send([[new TextEncoder().encode("hello")]])
    const accepted = yield* Stream.runHead(far.accepted).pipe(Effect.flatMap(Effect.fromOption))
    const frames = yield* accepted.receive
    return frames.map((frame) => new TextDecoder().decode(frame))
  }).pipe(Effect.scoped, Effect.provide(TcpTransport.layer({ host: "127.0.0.1" })))

  return Effect.map(program, (greetings) => assert.deepStrictEqual(greetings, ["hello"]))
})
