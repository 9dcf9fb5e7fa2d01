/** The far ends of these tests: ports that nobody can take from under them. */
import { assert, describe, it } from "@effect/vitest"
import * as TcpTransport from "@hyparview/transport-tcp/TcpTransport"
import * as Effect from "effect/Effect"
import { addressOf, atFreeAddress, refusingAddress } from "./kit.ts"

describe("an address of the tests", () => {
  it.live("refuses, and can be taken by nobody who would not", () =>
    Effect.gen(function* () {
      const address = yield* refusingAddress("127.0.0.1")
      const { port } = addressOf(address)
      const transport = yield* TcpTransport.make()
      assert.strictEqual((yield* Effect.flip(transport.dial(address))).reason, "refused")
      assert.strictEqual((yield* Effect.flip(TcpTransport.make({ port })))._tag, "TransportError")
    })
  )

  it.live("is another one where somebody has taken the first meanwhile", () =>
    Effect.gen(function* () {
      const tried: Array<number> = []
      const transport = yield* atFreeAddress(
        "127.0.0.1",
        Effect.fnUntraced(function* ({ port }) {
          if (tried.push(port) === 1) yield* TcpTransport.make({ port })
          return yield* TcpTransport.make({ port })
        })
      )
      assert.strictEqual(tried.length, 2)
      assert.strictEqual(addressOf(transport.address).port, tried[1])
    })
  )
})
