/** History that nodes ask their neighbours for, over a cluster. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { listening, range, settled, virtually } from "./cluster.ts"

describe("history", () => {
  it.live("of many topics at once is no more than the links hold: nobody is expelled, and all of it comes", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({
        nodes: 8,
        seed: 3,
        node: { outboxBytes: 131_072, broadcast: { catchUp: false } }
      })
      yield* cluster.kill(7)
      yield* cluster.settle()
      const topics = range(0, 12).map((index) => `t${index}`)
      for (const _ of range(0, 20)) {
        for (const topic of topics) yield* cluster.publish(0, topic, new Uint8Array(1_500))
        yield* cluster.pass("100 millis")
      }
      yield* cluster.pass("5 seconds")
      yield* cluster.restart(7)
      yield* cluster.settle()
      const events = yield* Effect.forEach(range(0, 8), (node) => listening(cluster.node(node).membership.events))
      const { broadcast } = cluster.node(7)
      const heard = yield* Effect.forEach(topics, (topic) => listening(broadcast.subscribe(topic, { history: 20 })))
      yield* cluster.pass("10 seconds")
      assert.deepStrictEqual(
        heard.map(({ got }) => got.length),
        topics.map(() => 20)
      )
      const downs = events.flatMap(({ got }) => got.filter(({ _tag }) => _tag === "NeighborDown"))
      assert.deepStrictEqual(downs, [])
    }).pipe(virtually)
  )
})
