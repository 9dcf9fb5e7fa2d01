/** What a world counts of its broadcasts, where deliveries come one by one. */
import * as Measure from "@hyparview/simulator/Measure"
import { assert, describe, it } from "@effect/vitest"
import { Broadcasts } from "../src/internal/broadcasts.ts"

const second = 1_000_000

describe("a broadcast", () => {
  it("has the most hops of all deliveries, which need not be the last one's where latencies vary", () => {
    const broadcasts = new Broadcasts()
    const payload = broadcasts.begin(0, 4, 0, true, 10)
    for (const hops of [0, 3, 7, 2]) broadcasts.delivered(payload, hops, 1_000 * hops, 1)
    assert.include(broadcasts.list[0], { delivered: 4, hops: 7 })
  })

  it("has as many deliveries as processes got it that had begun by then: none who came later, or came back", () => {
    const broadcasts = new Broadcasts()
    const payload = broadcasts.begin(0, 4, 0, true, 3)
    for (const nth of [1, 4, 3, 5]) broadcasts.delivered(payload, nth, 1_000 * nth, nth)
    for (const { list } of [broadcasts, broadcasts.fork()]) {
      assert.include(list[0], { delivered: 2, hops: 3 })
      assert.deepStrictEqual(
        list[0]?.deliveredAfter?.reduce((sum, count) => sum + count),
        2
      )
    }
  })

  it("counts deliveries by the millisecond however long it takes, the latest as having taken 65,535", () => {
    const broadcasts = new Broadcasts()
    const payload = broadcasts.begin(0, 4, 5 * second, true, 10)
    const latency = () => {
      const [broadcast] = broadcasts.list
      return broadcast === undefined ? undefined : Measure.broadcastResult(broadcast, 10, 0).latency
    }
    for (const millis of [0, 511, 512, 513, 700]) broadcasts.delivered(payload, 1, 5 * second + millis * 1_000, 1)
    assert.deepStrictEqual(latency(), { p50: 512, p99: 700, last: 700 })
    for (const millis of [30_000, 65_534]) broadcasts.delivered(payload, 1, 5 * second + millis * 1_000, 1)
    assert.deepStrictEqual(latency(), { p50: 513, p99: 65_534, last: 65_534 })
    const fork = broadcasts.fork()
    broadcasts.delivered(payload, 1, 5 * second + 90_000_000, 1)
    assert.deepStrictEqual(latency(), { p50: 513, p99: 65_535, last: 65_535 })
    assert.deepStrictEqual(
      fork.list.map(({ delivered, deliveredAfter }) => [
        delivered,
        deliveredAfter?.reduce((sum, count) => sum + count)
      ]),
      [[7, 7]]
    )
  })
})
