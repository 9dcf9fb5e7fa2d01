import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import { spawn } from "node:child_process"
import * as TcpMetrics from "@hyparview/transport-tcp/TcpMetrics"
import { transports } from "./faultKit.ts"
import { addressOf, alone, nextAccepted } from "./kit.ts"

const connections = 10_000

/**
 * Opens connections and keeps those that it may; says how many were reset once only `kept` are left. Each sends a byte,
 * less than a frame, for a kernel under flood may leave a client that says nothing in the belief that it is connected.
 */
const flooder = `
  const [port, connections, kept] = process.argv.slice(1).map(Number)
  let left = connections
  const flood = () => {
    const socket = require("node:net").connect(port, "127.0.0.1", () => socket.write("x"))
    socket.on("error", () => {})
    socket.on("close", () => {
      if (--left === kept) console.log(connections - left)
    })
  }
  for (let count = 0; count < connections; count++) flood()
`

describe.each(transports)("a flood over %s", (_, make) => {
  it.live(
    "of 10,000 connections is reset beyond the limits, counted, and an ordinary dial is served after it",
    () =>
      Effect.gen(function* () {
        const maxHandshakes = 50
        const transport = yield* make({ maxHandshakes, handshakeTimeout: "1 minute" })
        const port = addressOf(transport.address).port
        yield* Effect.scoped(
          Effect.gen(function* () {
            const child = yield* Effect.acquireRelease(
              Effect.sync(() =>
                spawn(process.execPath, ["-e", flooder, `${port}`, `${connections}`, `${maxHandshakes}`])
              ),
              (child) =>
                Effect.callback<void>((resume) => {
                  child.once("exit", () => resume(Effect.void))
                  child.kill()
                })
            )
            const reset = yield* Effect.callback<number>((resume) => {
              child.stdout.once("data", (text: Buffer) => resume(Effect.succeed(Number(text.toString()))))
            })
            assert.strictEqual(reset, connections - maxHandshakes)
            const refused = yield* Metric.value(Metric.withAttributes(TcpMetrics.refusals, { cause: "maxHandshakes" }))
            // What the kernel turned away while its backlog was full never reached the process. And with SYN cookies, which it sends
            // then, it makes a connection of each segment that bears one: of a client that was reset at once now and then two.
            assert.isAtMost(refused.count, 1.01 * connections)
            assert.isAtLeast(refused.count, connections / 2)
          })
        )
        while ((yield* Metric.value(TcpMetrics.links)).value > 0) yield* Effect.sleep(10)
        const near = yield* make({})
        const link = yield* near.dial(transport.address)
        yield* link.send([[new Uint8Array([1])]])
        const far = yield* nextAccepted(transport)
        assert.deepStrictEqual(yield* far.receive, [new Uint8Array([1])])
      }).pipe(alone),
    60_000
  )
})
