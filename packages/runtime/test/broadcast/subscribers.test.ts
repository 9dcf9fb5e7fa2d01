import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { bytes, listening, publishRounds, range, settled, text, virtually } from "./cluster.ts"

describe("a subscriber that is slow", () => {
  it.live("lags by itself, is told how much, and slows nobody", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({ nodes: 8, seed: 1 })
      const collected = yield* cluster.collect("news")
      const { broadcast } = cluster.node(3)
      const slow = yield* listening(
        broadcast.subscribe("news", { buffer: 5 }).pipe(Stream.tap(() => Effect.sleep("1 second")))
      )
      const ordered = yield* listening(
        broadcast.subscribe("news", { buffer: 5, order: "source" }).pipe(Stream.tap(() => Effect.sleep("1 second")))
      )
      // The tree of this source first.
      yield* publishRounds(cluster, [0], 20)
      yield* cluster.pass("1 minute")
      for (const { got } of [slow, ordered]) got.splice(0)
      const ids = yield* publishRounds(cluster, [0], 100, "news", 1)
      yield* cluster.pass("100 millis")
      assert.deepStrictEqual(collected.faults({ ids, nodes: range(0, 8), allDelivered: true }), [])
      yield* cluster.pass("1 minute")
      for (const { got } of [slow, ordered]) {
        const messages = got.filter(({ _tag }) => _tag === "Message").length
        const lagged = got.flatMap((delivery) => (delivery._tag === "Lagged" ? [delivery] : []))
        assert.isBelow(messages, 20)
        assert.isTrue(lagged.every(({ cause }) => cause === "subscriber"))
        assert.strictEqual(messages + lagged.reduce((sum, { missed }) => sum + missed, 0), 100)
      }
      // It goes on with what comes now.
      const [next] = yield* publishRounds(cluster, [0], 1)
      yield* cluster.pass("5 seconds")
      const last = slow.got.at(-1)
      assert.isTrue(last?._tag === "Message" && last.id.sequence === next?.sequence)
      assert.strictEqual(collected.missed(3), 0)
    }).pipe(virtually)
  )

  it.live("keeps no more bytes than it may", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({ nodes: 3, seed: 2, node: { subscriberBytes: 10_000 } })
      const { got } = yield* listening(
        cluster
          .node(1)
          .broadcast.subscribe("news")
          .pipe(Stream.tap(() => Effect.sleep("1 minute")))
      )
      for (const _ of range(0, 20)) yield* cluster.publish(0, "news", new Uint8Array(4_000))
      yield* cluster.pass("10 minutes")
      const [lagged] = got.filter(({ _tag }) => _tag === "Lagged")
      assert.isTrue(lagged?._tag === "Lagged" && lagged.missed >= 16)
    }).pipe(virtually)
  )
})

describe("history", () => {
  it.live("comes first for who asks for it, oldest first, and joins what follows without a gap", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({ nodes: 10, seed: 3 })
      yield* publishRounds(cluster, [0, 6], 20)
      yield* cluster.pass("1 second")
      const { got } = yield* listening(cluster.node(4).broadcast.subscribe("news", { history: 10 }))
      yield* publishRounds(cluster, [0, 6], 5)
      yield* cluster.pass("5 seconds")
      const seen = got.map((delivery) =>
        delivery._tag === "Message" ? `${delivery.history ? "past " : ""}${text(delivery.payload)}` : delivery._tag
      )
      assert.deepStrictEqual(
        seen.slice(0, 10).toSorted(),
        range(15, 20)
          .flatMap((n) => [`past 0:${n}`, `past 6:${n}`])
          .toSorted()
      )
      assert.deepStrictEqual(
        seen.slice(10).toSorted(),
        range(0, 5)
          .flatMap((n) => [`0:${n}`, `6:${n}`])
          .toSorted()
      )
    }).pipe(virtually)
  )

  for (const order of ["none", "source"] as const) {
    it.live(`is what a node that has just come gets from its neighbours, nothing twice (order: ${order})`, () =>
      Effect.gen(function* () {
        const cluster = yield* settled({ nodes: 8, seed: 4, node: { broadcast: { catchUp: false } } })
        yield* cluster.kill(7)
        yield* publishRounds(cluster, [0], 30)
        yield* cluster.start(7)
        yield* cluster.join(7, [2])
        const { broadcast, membership } = cluster.node(7)
        const { got } = yield* listening(broadcast.subscribe("news", { history: 8, order }))
        const late = yield* publishRounds(cluster, [0], 10, "news", 5)
        yield* cluster.pass("10 seconds")
        assert.isNotEmpty(yield* membership.neighbors)
        const sequences = got.map((delivery) => (delivery._tag === "Message" ? delivery.id.sequence : -1))
        const first = sequences[0] ?? 0
        assert.isAtMost(first, 30)
        assert.isAtLeast(first, 22)
        assert.deepStrictEqual(
          sequences.toSorted((a, b) => a - b),
          range(first, 30 + late.length)
        )
        if (order === "source") assert.deepStrictEqual(sequences, range(first, 30 + late.length))
      }).pipe(virtually)
    )
  }

  it.live("of a node that catches up anyway is handed once, whichever way it comes", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({ nodes: 8, seed: 5 })
      yield* cluster.kill(7)
      yield* publishRounds(cluster, [0, 3], 30)
      yield* cluster.start(7)
      const { broadcast } = cluster.node(7)
      const all = yield* Effect.forEach(["none", "source"] as const, (order) =>
        listening(broadcast.subscribe("news", { history: 10, order }))
      )
      yield* cluster.join(7, [2])
      yield* cluster.pass("10 seconds")
      for (const { got } of all) {
        const names = got.map((delivery) => (delivery._tag === "Message" ? text(delivery.payload) : delivery._tag))
        assert.strictEqual(new Set(names).size, names.length)
        assert.include(names, "0:29")
        assert.include(names, "3:29")
        assert.isAtLeast(names.length, 10)
      }
    }).pipe(virtually)
  )

  it.live("is not waited for longer than its time-out on a node that finds no neighbour", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({ nodes: 1, node: { historyTimeout: "2 seconds" } })
      yield* cluster.publish(0, "news", bytes("before"))
      const { got } = yield* listening(cluster.node(0).broadcast.subscribe("news", { history: 5 }))
      yield* cluster.publish(0, "news", bytes("after"))
      yield* cluster.pass("1 second")
      assert.isEmpty(got)
      yield* cluster.pass("2 seconds")
      assert.deepStrictEqual(
        got.map((delivery) => (delivery._tag === "Message" ? text(delivery.payload) : delivery._tag)),
        ["before", "after"]
      )
    }).pipe(virtually)
  )
})
