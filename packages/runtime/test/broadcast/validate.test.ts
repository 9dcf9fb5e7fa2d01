import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Schema } from "effect"
import type { Broadcast } from "../../src/index.ts"
import { bytes, listening, publishRounds, range, settled, text, virtually } from "./cluster.ts"

const verdictOf = ({ payload }: Broadcast.Candidate): Broadcast.Verdict =>
  text(payload).startsWith("bad") ? "reject" : text(payload).startsWith("odd") ? "ignore" : "accept"

describe("validators", () => {
  it.live("let through what they accept; what they reject or ignore is neither delivered nor passed on", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({ nodes: 12, seed: 1 })
      const collected = yield* cluster.collect("news")
      const asked = new Map<number, number>()
      // All but the publisher, who trusts itself.
      for (const node of range(1, 12)) {
        yield* cluster.node(node).broadcast.validate("news", (candidate) => {
          asked.set(node, (asked.get(node) ?? 0) + 1)
          return Effect.succeed(verdictOf(candidate))
        })
      }
      yield* cluster.pass(0)
      const good = yield* cluster.publish(0, "news", bytes("good"))
      const bad = yield* cluster.publish(0, "news", bytes("bad"))
      const odd = yield* cluster.publish(0, "news", bytes("odd"))
      const other = yield* cluster.publish(0, "news", bytes("good again"))
      yield* cluster.pass("20 seconds")
      assert.deepStrictEqual(collected.faults({ ids: [good, other], nodes: range(0, 12), allDelivered: true }), [])
      assert.deepStrictEqual(collected.receivers(bad), [0])
      assert.deepStrictEqual(collected.receivers(odd), [0])
      const neighbors = (yield* cluster.views)[0]?.active ?? []
      for (const node of range(1, 12)) {
        const isNeighbor = neighbors.includes(cluster.idOf(node))
        // What was not accepted went no further than the first who saw it.
        assert.strictEqual(asked.get(node), isNeighbor ? 4 : 2)
        const view = yield* cluster.node(node).broadcast.view
        assert.strictEqual(view.rejected, isNeighbor ? 1 : 0)
        // Nobody can tell those behind it what the gap was: they are told that two messages are lost to them.
        assert.strictEqual(collected.missed(node), isNeighbor ? 0 : 2)
      }
    }).pipe(virtually)
  )

  it.live("that are slow or fail cost the messages they are asked about, and hold up no other topic", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({ nodes: 6, seed: 2, node: { validators: 2, validatorTimeout: "1 second" } })
      const news = yield* cluster.collect("news")
      const other = yield* cluster.collect("other")
      yield* cluster.node(3).broadcast.validate("news", ({ payload }) => {
        if (text(payload) === "slow") return Effect.never
        if (text(payload) === "late") return Effect.as(Effect.sleep("900 millis"), "accept" as const)
        return text(payload) === "broken" ? Effect.fail("no verdict") : Effect.succeed("accept" as const)
      })
      yield* cluster.pass(0)
      const published = yield* Effect.forEach(["slow", "slow", "broken", "late", "good"], (what) =>
        cluster.publish(0, "news", bytes(what))
      )
      const ids = yield* publishRounds(cluster, [0], 3, "other")
      yield* cluster.pass("500 millis")
      assert.deepStrictEqual(other.faults({ ids, nodes: range(0, 6), allDelivered: true }), [])
      yield* cluster.pass("10 seconds")
      const got = published.map((id) => news.receivers(id).includes(3))
      assert.deepStrictEqual(got, [false, false, false, true, true])
      const others = range(0, 6).filter((node) => node !== 3)
      assert.deepStrictEqual(news.faults({ ids: published, nodes: others, allDelivered: true }), [])
    }).pipe(virtually)
  )

  it.live("that give no effect cost the messages they are asked about, and keep no place", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({ nodes: 2, seed: 1, node: { validators: 2 } })
      const news = yield* cluster.collect("news")
      const accept = Effect.succeed("accept" as const)
      const judge = ({ payload }: Broadcast.Candidate): typeof accept =>
        // @ts-expect-error: whoever has no types may give anything.
        text(payload) === "good" ? accept : "accept"
      yield* cluster.node(1).broadcast.validate("news", judge)
      yield* cluster.pass(0)
      const published = yield* Effect.forEach(["odd", "odd", "odd", "good"], (what) =>
        cluster.publish(0, "news", bytes(what))
      )
      yield* cluster.pass("20 seconds")
      const got = published.map((id) => news.receivers(id).includes(1))
      assert.deepStrictEqual(got, [false, false, false, true])
      assert.strictEqual(news.missed(1), 3)
    }).pipe(virtually)
  )

  it.live("that are slower than messages come judge some of them in time, and the others are told as lagged", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({
        nodes: 2,
        seed: 1,
        node: { validators: 2, subscriberBuffer: 10_000, broadcast: { verdictsSize: 200 } }
      })
      const { broadcast } = cluster.node(1)
      yield* broadcast.validate("news", () => Effect.as(Effect.sleep("200 millis"), "accept" as const))
      const unordered = yield* listening(broadcast.subscribe("news"))
      const ordered = yield* listening(broadcast.subscribe("news", { order: "source" }))
      yield* cluster.pass(0)
      // Ten a second can be judged.
      for (const _ of range(0, 300)) {
        yield* Effect.forEach(range(0, 5), () => cluster.publish(0, "news", bytes("x")))
        yield* cluster.pass("100 millis")
      }
      yield* cluster.pass("30 seconds")
      for (const { got } of [unordered, ordered]) {
        const messages = got.filter(({ _tag }) => _tag === "Message").length
        const missed = got.reduce((sum, delivery) => sum + (delivery._tag === "Lagged" ? delivery.missed : 0), 0)
        assert.isAtLeast(messages, 300)
        assert.strictEqual(messages + missed, 1_500)
      }
    }).pipe(virtually)
  )

  it.live("end with their scope, and messages then need none", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({ nodes: 2, seed: 3 })
      const { got } = yield* listening(cluster.node(1).broadcast.subscribe("news"))
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* cluster.node(1).broadcast.validate("news", () => Effect.succeed("reject"))
          yield* cluster.pass(0)
          yield* cluster.publish(0, "news", bytes("one"))
          yield* cluster.pass("1 second")
        })
      )
      yield* cluster.publish(0, "news", bytes("two"))
      yield* cluster.pass("1 second")
      assert.deepStrictEqual(
        got.map((delivery) => (delivery._tag === "Message" ? text(delivery.payload) : delivery._tag)),
        ["two"]
      )
    }).pipe(virtually)
  )

  it.live("are asked with the services they need, and in order for who wants order", () =>
    Effect.gen(function* () {
      class Limit extends Context.Service<Limit, { readonly highest: number }>()("Limit") {}
      const cluster = yield* settled({ nodes: 4, seed: 4 })
      const { broadcast } = cluster.node(2)
      const { got } = yield* listening(broadcast.subscribe("news", { order: "source" }))
      yield* broadcast
        .validate("news", ({ id }) =>
          Effect.gen(function* () {
            const { highest } = yield* Limit
            // The earlier one is the slower.
            yield* Effect.sleep(500 - id.sequence * 100)
            return id.sequence === 1 || id.sequence > highest ? "reject" : "accept"
          })
        )
        .pipe(Effect.provideService(Limit, { highest: 3 }))
      yield* cluster.pass(0)
      yield* publishRounds(cluster, [0], 5, "news", 1)
      yield* cluster.pass("5 seconds")
      assert.deepStrictEqual(
        got.map((delivery) => (delivery._tag === "Message" ? delivery.id.sequence : delivery._tag)),
        [0, 2, 3]
      )
    }).pipe(virtually)
  )

  it.live("are asked about the history that neighbours remember, and it waits for them", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({ nodes: 3, seed: 7 })
      const { broadcast } = cluster.node(1)
      for (const what of ["good", "bad"]) yield* cluster.publish(0, "old", bytes(what))
      yield* cluster.pass("1 second")
      yield* broadcast.validate("news", (candidate) => Effect.delay(Effect.succeed(verdictOf(candidate)), "300 millis"))
      yield* cluster.pass(0)
      for (const what of ["good", "bad", "better"]) yield* cluster.publish(0, "news", bytes(what))
      yield* cluster.pass("1 second")
      const news = yield* listening(broadcast.subscribe("news", { history: 10 }))
      const old = yield* listening(broadcast.subscribe("old", { history: 10 }))
      yield* cluster.pass("5 seconds")
      const texts = [news, old].map(({ got }) =>
        got.map((delivery) => (delivery._tag === "Message" ? text(delivery.payload) : delivery._tag))
      )
      assert.deepStrictEqual(texts, [
        ["good", "better"],
        ["good", "bad"]
      ])
    }).pipe(virtually)
  )

  it.live("of more topics than topicsSize are refused, and one more of the same topic is not", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({ nodes: 2, seed: 6, node: { broadcast: { topicsSize: 2 } } })
      const { broadcast } = cluster.node(1)
      const reject = () => Effect.succeed("reject" as const)
      yield* broadcast.validate("one", reject)
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* broadcast.validate("two", reject)
          yield* broadcast.validate("one", reject)
          const error = yield* Effect.flip(broadcast.validate("three", reject))
          assert.deepStrictEqual([error._tag, error.topic, error.reason], ["InvalidTopic", "three", "limit"])
          const typed = yield* broadcast.topic("three", Schema.String)
          assert.strictEqual((yield* Effect.flip(typed.validate(reject))).reason, "limit")
        })
      )
      yield* broadcast.validate("three", reject)
      const { got } = yield* listening(broadcast.subscribe("three"))
      yield* cluster.pass(0)
      yield* cluster.publish(0, "three", bytes("bad"))
      yield* cluster.pass("5 seconds")
      assert.deepStrictEqual(got, [])
    }).pipe(virtually)
  )

  it.live("of a typed topic see values; what they cannot see is accepted, unless told otherwise", () =>
    Effect.gen(function* () {
      const Score = Schema.Struct({ points: Schema.Int })
      const cluster = yield* settled({ nodes: 3, seed: 5 })
      const heard = yield* Effect.forEach([1, 2], (node) =>
        Effect.gen(function* () {
          const scores = yield* cluster.node(node).broadcast.topic("scores", Score)
          yield* scores.validate(
            ({ payload }) => Effect.succeed(payload.points > 100 ? "reject" : "accept"),
            node === 1 ? {} : { undecodable: "reject" }
          )
          return yield* listening(scores.subscribe())
        })
      )
      yield* cluster.pass(0)
      const scores = yield* cluster.node(0).broadcast.topic("scores", Score)
      yield* scores.publish({ points: 1 })
      yield* scores.publish({ points: 101 })
      yield* cluster.publish(0, "scores", bytes("?"))
      yield* cluster.pass("5 seconds")
      const seen = heard.map(({ got }) => got.map(({ _tag }) => _tag))
      assert.deepStrictEqual(seen, [["Message", "Undecodable"], ["Message"]])
    }).pipe(virtually)
  )
})
