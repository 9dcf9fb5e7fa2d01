/** What is published while links, nodes and the network fail arrives after all, once, or is told to be lost. */
import { assert, describe, it } from "@effect/vitest"
import type { Plumtree } from "@hyparview/core"
import { TestCluster } from "@hyparview/testing"
import { Effect, Stream } from "effect"
import { bytes, listening, publishRounds, range, settled, virtually, withOneBehind } from "./cluster.ts"

const halves = [range(0, 10), range(10, 20)] as const

describe("a message published", () => {
  it.live(
    "before a newcomer's time, of which it gets the oldest and the newest, is told to be lost between for who wants order",
    () =>
      Effect.gen(function* () {
        let jumps = 0
        for (const seed of [1, 12]) {
          // Node 1 has kept 0 to 5, and node 0 the last eight of 22; nobody the rest.
          const cluster = yield* TestCluster.make({
            nodes: 8,
            seed,
            node: { membership: { activeSize: 3 }, broadcast: { retainedMessages: 8 } }
          })
          yield* cluster.join(0)
          yield* cluster.join(1, [0])
          yield* cluster.pass("3 seconds")
          for (let i = 0; i < 6; i++) yield* cluster.publish(0, "news", bytes("x"))
          yield* cluster.pass("2 seconds")
          yield* cluster.partition([[1], [0, ...range(2, 8)]], "reset")
          for (let i = 6; i < 22; i++) yield* cluster.publish(0, "news", bytes("x"))
          yield* cluster.pass("1 minute")
          const all = yield* Effect.forEach(range(2, 8), (node) =>
            listening(cluster.node(node).broadcast.subscribe("news", { order: "source" }))
          )
          yield* cluster.heal
          for (const node of range(2, 8)) yield* cluster.join(node, node === 2 ? [0, 1] : node === 3 ? [1] : [0])
          yield* cluster.pass("20 minutes")
          for (const { got } of all) {
            const told = got.map((delivery) =>
              delivery._tag === "Message"
                ? [delivery.id.sequence, delivery.id.sequence]
                : delivery._tag === "Lagged" && delivery.cause === "network"
                  ? [delivery.first, delivery.last]
                  : []
            )
            if (told[0]?.[0] !== 0) continue
            jumps++
            told.forEach(([first], i) => assert.strictEqual(first, i === 0 ? 0 : (told[i - 1]?.[1] ?? -1) + 1))
            assert.strictEqual(told.at(-1)?.[1], 21)
          }
        }
        assert.isAbove(jumps, 2)
      }).pipe(virtually)
  )

  it.live("before the first neighbour reaches everybody once there is one", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({ nodes: 9, seed: 1 })
      yield* cluster.kill(8)
      yield* cluster.settle()
      const collected = yield* cluster.collect("news")
      yield* cluster.start(8)
      yield* cluster.join(8, [])
      const ids = yield* publishRounds(cluster, [8], 5)
      assert.lengthOf(collected.of(8), 5)
      assert.lengthOf(collected.of(0), 0)
      yield* cluster.join(8, [3])
      yield* cluster.pass("10 seconds")
      assert.deepStrictEqual(collected.faults({ ids, nodes: range(0, 9), allDelivered: true }), [])
    }).pipe(virtually)
  )

  for (const mode of ["silent", "reset"] as const) {
    it.live(
      `during a partition (${mode}) reaches the other side after it, once, and in order for who wants order`,
      () =>
        Effect.gen(function* () {
          const cluster = yield* settled({ nodes: 20, seed: 2 })
          const collected = yield* cluster.collect("news")
          const ordered = yield* cluster.collect("news", { order: "source" })
          const before = yield* publishRounds(cluster, [1, 11], 5)
          yield* cluster.partition(halves, mode)
          yield* cluster.pass("1 minute")
          const during = yield* publishRounds(cluster, [1, 11], 20, "news", 500)
          yield* cluster.pass("30 seconds")
          const apart = collected.faults({ ids: during, nodes: range(0, 20), allDelivered: true })
          assert.lengthOf(apart, 2 * 20 * 10)
          yield* cluster.heal
          yield* cluster.settle({ within: "1 hour" })
          yield* cluster.pass("1 minute")
          const after = yield* publishRounds(cluster, [1, 11], 5)
          yield* cluster.pass("5 seconds")
          const ids = [...before, ...during, ...after]
          const check = { ids, nodes: range(0, 20), allDelivered: true }
          assert.deepStrictEqual(collected.faults(check), [])
          assert.deepStrictEqual(ordered.faults({ ...check, inOrder: true }), [])
          // One node of the other side has fetched it; the others may have it from that one, along the tree.
          const views = yield* Effect.forEach(range(0, 20), (node) => cluster.node(node).broadcast.view)
          assert.isAtLeast(
            views.reduce((sum, { recovered }) => sum + recovered, 0),
            during.length
          )
        }).pipe(virtually)
    )
  }

  it.live("during a cut, of a source that goes on at once, comes in order to who reads without delay", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({
        nodes: 4,
        seed: 9,
        network: { latency: { _tag: "Constant", micros: 30_000 } }
      })
      // It is woken anew for each message.
      const { got } = yield* listening(
        cluster
          .node(3)
          .broadcast.subscribe("news", { order: "source" })
          .pipe(Stream.tap(() => Effect.yieldNow))
      )
      yield* publishRounds(cluster, [0], 20)
      yield* cluster.partition([[3], [0, 1, 2]], "reset")
      yield* publishRounds(cluster, [0], 1_500, "news", 1)
      yield* cluster.heal
      yield* publishRounds(cluster, [0], 6_000, "news", 1)
      yield* cluster.pass("1 minute")
      assert.deepStrictEqual(
        got.map((delivery) => (delivery._tag === "Message" ? delivery.id.sequence : delivery)),
        [...range(0, 7_520)]
      )
    }).pipe(virtually)
  )

  it.live("while a node was dead reaches it after its restart, and once for its later life", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({ nodes: 12, seed: 3 })
      const collected = yield* cluster.collect("news")
      const before = yield* publishRounds(cluster, [0], 3)
      yield* cluster.kill(5)
      const during = yield* publishRounds(cluster, [0, 7], 5)
      yield* cluster.pass("20 seconds")
      yield* cluster.restart(5)
      yield* cluster.settle()
      yield* cluster.pass("10 seconds")
      const after = yield* publishRounds(cluster, [0], 3)
      yield* cluster.pass("5 seconds")
      const ids = [...before, ...during, ...after]
      assert.deepStrictEqual(collected.faults({ ids, nodes: range(0, 12), allDelivered: true }), [])
    }).pipe(virtually)
  )

  it.live("on a validated topic while a node was dead is judged after its restart, all of it, and none ignored", () =>
    Effect.gen(function* () {
      const cluster = yield* withOneBehind
      const { broadcast } = cluster.node(3)
      // 16 at once: 3,200 a second, and neighbours send more.
      yield* broadcast.validate("news", () => Effect.as(Effect.sleep("5 millis"), "accept" as const))
      const { got } = yield* listening(broadcast.subscribe("news", { order: "source" }))
      yield* cluster.join(3)
      yield* cluster.pass("20 seconds")
      assert.deepStrictEqual(
        got.map((delivery) => (delivery._tag === "Message" ? delivery.id.sequence : delivery)),
        [...range(0, 3_000)]
      )
    }).pipe(virtually)
  )

  it.live("by a node that dies right after it reaches everybody, if it has left that node", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({ nodes: 16, seed: 4 })
      yield* publishRounds(cluster, [0, 4, 9], 20)
      const collected = yield* cluster.collect("news")
      const id = yield* cluster.publish(9, "news", bytes("last words"))
      yield* cluster.pass("2 millis")
      yield* cluster.kill(9)
      yield* cluster.settle()
      yield* cluster.pass("10 seconds")
      const survivors = range(0, 16).filter((node) => node !== 9)
      assert.deepStrictEqual(collected.faults({ ids: [id], nodes: survivors, allDelivered: true }), [])
    }).pipe(virtually)
  )

  it.live("under its id after a restart is another message than the one of the same number before", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({ nodes: 8, seed: 5 })
      const collected = yield* cluster.collect("news", { order: "source" })
      const [first] = yield* publishRounds(cluster, [2], 1)
      yield* cluster.kill(2)
      yield* cluster.pass("1 minute")
      yield* cluster.restart(2)
      yield* cluster.settle()
      const [second] = yield* publishRounds(cluster, [2], 1)
      yield* cluster.pass("10 seconds")
      if (first === undefined || second === undefined) return assert.fail("nothing published")
      assert.strictEqual(first.sequence, second.sequence)
      assert.isAbove(second.epoch, first.epoch)
      const check = { ids: [first, second], nodes: range(0, 8), allDelivered: true, inOrder: true }
      assert.deepStrictEqual(collected.faults(check), [])
    }).pipe(virtually)
  )
})

describe("what is lost", () => {
  it.live("is told with its source and its numbers, when nobody retains it any more", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({
        nodes: 20,
        seed: 6,
        node: { broadcast: { retainedMillis: 20_000, gapMillis: 10_000 } }
      })
      const collected = yield* cluster.collect("news")
      const ordered = yield* cluster.collect("news", { order: "source" })
      const before = yield* publishRounds(cluster, [1], 3)
      yield* cluster.partition(halves, "reset")
      yield* cluster.pass("1 minute")
      const lost = yield* publishRounds(cluster, [1], 10)
      yield* cluster.pass("5 minutes")
      const retained = yield* publishRounds(cluster, [1], 4)
      yield* cluster.heal
      yield* cluster.settle({ within: "1 hour" })
      const after = yield* publishRounds(cluster, [1], 3)
      yield* cluster.pass("1 minute")
      const ids = [...before, ...lost, ...retained, ...after]
      assert.deepStrictEqual(collected.faults({ ids, nodes: range(0, 20) }), [])
      assert.deepStrictEqual(ordered.faults({ ids, nodes: range(0, 20), inOrder: true }), [])
      for (const node of halves[1]) {
        const told = collected.of(node).filter(({ _tag }) => _tag === "Lagged")
        assert.isAtLeast(collected.missed(node), lost.length)
        for (const lagged of told) {
          assert.isTrue(lagged._tag === "Lagged" && lagged.cause === "network" && lagged.source === cluster.idOf(1))
        }
        const { lagged } = yield* cluster.node(node).broadcast.view
        assert.strictEqual(lagged, collected.missed(node))
      }
      for (const node of halves[0]) assert.strictEqual(collected.missed(node), 0)
    }).pipe(virtually)
  )
})

describe("order", () => {
  it.live("is kept for each source while links break, which it is not for who does not ask for it", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({
        nodes: 20,
        seed: 7,
        network: { latency: { _tag: "LogNormal", medianMicros: 10_000, sigma: 1 } }
      })
      const collected = yield* cluster.collect("news")
      const ordered = yield* cluster.collect("news", { order: "source" })
      const ids: Array<Plumtree.MessageId> = []
      for (const _ of range(0, 15)) {
        ids.push(...(yield* publishRounds(cluster, [0, 5, 13], 5, "news", 10)))
        yield* cluster.network.breakShare(0.1)
      }
      yield* cluster.pass("2 minutes")
      const check = { ids, nodes: range(0, 20), allDelivered: true }
      assert.deepStrictEqual(collected.faults(check), [])
      assert.deepStrictEqual(ordered.faults({ ...check, inOrder: true }), [])
      assert.isAbove((yield* cluster.statistics).network.faults.BreakLinks, 10)
      // Otherwise this has shown nothing.
      assert.isNotEmpty(collected.faults({ ...check, inOrder: true }))
    }).pipe(virtually)
  )

  it.live("begins with whatever comes first for who subscribes in mid-stream", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({ nodes: 6, seed: 8 })
      yield* publishRounds(cluster, [0], 10)
      const { got } = yield* listening(cluster.node(4).broadcast.subscribe("news", { order: "source" }))
      const ids = yield* publishRounds(cluster, [0], 10)
      yield* cluster.pass("1 second")
      assert.deepStrictEqual(
        got.map((delivery) => (delivery._tag === "Message" ? delivery.id.sequence : delivery._tag)),
        ids.map(({ sequence }) => sequence)
      )
    }).pipe(virtually)
  )
})
