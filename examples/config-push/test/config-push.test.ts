/** Real sockets, real time: what `npm start -w examples/config-push` does. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestConsole } from "effect/testing"
import { demonstration } from "../src/demonstration.ts"

describe("settings over TCP", () => {
  it.live("reach every node, and one that joins later has them at once", () =>
    Effect.gen(function* () {
      const all = yield* Effect.timeout(demonstration, "30 seconds")
      const expected = { logLevel: "debug", requestsPerSecond: 500, features: {} } as const
      assert.deepStrictEqual(all, [expected, expected, expected, expected])
      assert.include((yield* TestConsole.logLines).join("\n"), "dora has both")
    }).pipe(Effect.provide(TestConsole.layer))
  )
})
