import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as TcpMetrics from "@hyparview/transport-tcp/TcpMetrics"
import * as TcpTransport from "@hyparview/transport-tcp/TcpTransport"
import { alone, nextAccepted } from "./kit.ts"

const count = (metric: Metric.Counter<number>, attributes: Record<string, string> = {}) =>
  Effect.map(Metric.value(Metric.withAttributes(metric, attributes)), (state) => state.count)

const level = (metric: Metric.Gauge<number>) => Effect.map(Metric.value(metric), (state) => state.value)

describe("the metrics", () => {
  it.live("count links, bytes, frames, and why links and dials ended", () =>
    Effect.gen(function* () {
      yield* Effect.scoped(
        Effect.gen(function* () {
          const near = yield* TcpTransport.make({})
          const far = yield* TcpTransport.make({ maxFrameBytes: 100 })
          const link = yield* near.dial(far.address)
          const accepted = yield* nextAccepted(far)
          assert.strictEqual(yield* level(TcpMetrics.handshakes), 1)
          yield* link.send([[new Uint8Array(10)], [new Uint8Array(20)]])
          yield* accepted.receive
          assert.strictEqual(yield* level(TcpMetrics.handshakes), 0)
          assert.strictEqual(yield* level(TcpMetrics.links), 2)
          yield* link.send([[new Uint8Array(101)]])
          yield* accepted.closed
          yield* link.closed
          yield* Effect.flip(near.dial("nonsense"))
        })
      )
      assert.strictEqual(yield* count(TcpMetrics.linksOpened, { side: "dialed" }), 1)
      assert.strictEqual(yield* count(TcpMetrics.linksOpened, { side: "accepted" }), 1)
      assert.strictEqual(yield* count(TcpMetrics.linksClosed, { reason: "frameTooLarge" }), 1)
      assert.strictEqual(yield* count(TcpMetrics.linksClosed, { reason: "reset" }), 1)
      assert.strictEqual(yield* count(TcpMetrics.dialFailures, { reason: "invalidAddress" }), 1)
      assert.strictEqual(yield* count(TcpMetrics.frames, { direction: "sent" }), 3)
      assert.strictEqual(yield* count(TcpMetrics.frames, { direction: "received" }), 2)
      assert.strictEqual(yield* count(TcpMetrics.bytes, { direction: "sent" }), 14 + 24 + 105)
      assert.strictEqual(yield* count(TcpMetrics.bytes, { direction: "received" }), 14 + 24 + 105)
      assert.strictEqual(yield* level(TcpMetrics.links), 0)
    }).pipe(alone)
  )
})
