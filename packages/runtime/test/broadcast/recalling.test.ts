/** History that nodes ask their neighbours for, over a cluster. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Broadcast } from "../../src/index.ts"
import { bytes, listening, range, settled, text, virtually, withOneBehind } from "./cluster.ts"

/** What a subscriber was told: H of history, M of the rest, L of what is lost. */
const told = (got: ReadonlyArray<Broadcast.Delivery>) =>
  got.map((delivery) =>
    delivery._tag === "Message"
      ? `${delivery.history ? "H" : "M"} ${text(delivery.payload)}`
      : delivery.cause === "network"
        ? `L ${delivery.first}–${delivery.last}`
        : "L"
  )

/** Three nodes; what the validator of the last says of the first message that it is asked about. */
const judging = (first: Effect.Effect<Broadcast.Verdict, string>) =>
  Effect.gen(function* () {
    const cluster = yield* settled({
      nodes: 3,
      seed: 3,
      network: { latency: { _tag: "Constant", micros: 20_000 } }
    })
    const { broadcast } = cluster.node(2)
    let asked = 0
    yield* broadcast.validate("news", () => (asked++ === 0 ? first : Effect.succeed("accept" as const)))
    yield* cluster.pass(0)
    return { cluster, broadcast }
  })

describe("history", () => {
  for (const order of ["none", "source"] as const) {
    it.live(`is not told to be lost by what came while it was asked for (${order})`, () =>
      Effect.gen(function* () {
        const { broadcast, cluster } = yield* judging(Effect.fail("away"))
        yield* cluster.publish(0, "news", bytes("one"))
        yield* cluster.pass(5)
        const { got } = yield* listening(broadcast.subscribe("news", { order, history: 10 }))
        yield* cluster.pass("5 seconds")
        yield* cluster.publish(0, "news", bytes("two"))
        yield* cluster.pass("5 seconds")
        assert.deepStrictEqual(told(got), ["H one", "M two"])
      }).pipe(virtually)
    )
  }

  it.live("is not handed out again when the message itself is delivered later", () =>
    Effect.gen(function* () {
      const { broadcast, cluster } = yield* judging(Effect.as(Effect.sleep("2 seconds"), "accept"))
      yield* cluster.publish(0, "news", bytes("one"))
      yield* cluster.pass(100)
      const { got } = yield* listening(broadcast.subscribe("news", { history: 10 }))
      yield* cluster.pass("1 second")
      assert.deepStrictEqual(told(got), ["H one"])
      yield* cluster.pass("5 seconds")
      assert.deepStrictEqual(told(got), ["H one"])
    }).pipe(virtually)
  )

  it.live("leaves out its oldest where what has come since takes the room", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({ nodes: 2, seed: 3, node: { subscriberBytes: 10 } })
      for (const what of ["older", "newer"]) {
        yield* cluster.publish(0, "news", bytes(what))
        yield* cluster.pass("1 second")
      }
      const { got } = yield* listening(cluster.node(1).broadcast.subscribe("news", { history: 10 }))
      yield* cluster.pass(0)
      yield* cluster.publish(1, "news", bytes("now"))
      yield* cluster.pass("5 seconds")
      assert.deepStrictEqual(told(got), ["H newer", "M now"])
    }).pipe(virtually)
  )

  it.live("that is asked for before the first neighbour costs nothing of what is caught up meanwhile", () =>
    Effect.gen(function* () {
      const cluster = yield* withOneBehind
      const { got } = yield* listening(cluster.node(3).broadcast.subscribe("news", { history: 10, buffer: 64 }))
      yield* cluster.join(3)
      yield* cluster.pass("30 seconds")
      assert.deepStrictEqual(
        told(got).filter((each) => each.startsWith("L")),
        []
      )
      assert.strictEqual(new Set(told(got).map((each) => each.slice(2))).size, 3_000)
      assert.lengthOf(got, 3_000)
    }).pipe(virtually)
  )

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
