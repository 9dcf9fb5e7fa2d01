/** Links that take messages more slowly than they are published. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Stream } from "effect"
import type { Broadcast, Membership } from "../../src/index.ts"
import { bytes, listening, range, settled, virtually } from "./cluster.ts"

/** Three nodes; a link takes 100 messages of 1 kB a second, and holds 64 of them before publishers are held back. */
const narrow = Effect.gen(function* () {
  const cluster = yield* settled({
    nodes: 3,
    seed: 1,
    node: { outboxBytes: 131_072, waitingPublishers: 150 },
    network: { bytesPerSecond: 102_400, receiveLimitBytes: 4_096 }
  })
  const collected = yield* cluster.collect("news", { order: "source" })
  // The tree first.
  for (const _ of range(0, 10)) {
    yield* cluster.publish(0, "news", bytes("tree"))
    yield* cluster.pass("1 second")
  }
  const events = yield* listening(cluster.node(0).membership.events)
  return { cluster, collected, events }
})

const isDown = ({ _tag }: Membership.MembershipEvent): boolean => _tag === "NeighborDown"

const succeeded = <A>(exits: ReadonlyArray<Exit.Exit<A, Broadcast.PublishError>>): ReadonlyArray<A> =>
  exits.flatMap((exit) => (Exit.isSuccess(exit) ? [exit.value] : []))

describe("publishing faster than the links", () => {
  it.live("fails as overloaded before anything is lost or anybody is expelled, and succeeds again later", () =>
    Effect.gen(function* () {
      const { cluster, collected, events } = yield* narrow
      const publish = Effect.exit(cluster.publish(0, "news", new Uint8Array(1_024)))
      const exits = yield* Effect.forEach(range(0, 200), () => publish)
      const ids = [...succeeded(exits)]
      assert.isAtLeast(ids.length, 60)
      assert.isAtMost(ids.length, 80)
      for (const exit of exits.slice(100)) {
        const error = yield* Effect.flip(exit)
        assert.strictEqual(error._tag, "Overloaded")
        assert.isTrue(error._tag === "Overloaded" && error.waitingBytes > 65_536)
      }
      yield* cluster.pass("2 seconds")
      ids.push(...succeeded([yield* publish]))
      yield* cluster.pass("2 seconds")
      assert.deepStrictEqual(collected.faults({ ids, nodes: range(0, 3), allDelivered: true, inOrder: true }), [])
      assert.isEmpty(events.got.filter(isDown))
    }).pipe(virtually)
  )

  it.live("waits instead, if told so: all of it arrives, as fast as the links take it, and in order", () =>
    Effect.gen(function* () {
      const { cluster, collected, events } = yield* narrow
      const fibers = yield* Effect.forEach(range(0, 200), () =>
        Effect.forkScoped(cluster.publish(0, "news", new Uint8Array(1_024), { whenFull: "wait" }), {
          startImmediately: true
        })
      )
      const done = () => fibers.filter((fiber) => fiber.pollUnsafe() !== undefined).length
      yield* cluster.pass("500 millis")
      assert.isAtLeast(done(), 60)
      assert.isAtMost(done(), 140)
      yield* cluster.pass("3 seconds")
      const ids = succeeded(yield* Effect.forEach(fibers, Fiber.await))
      assert.lengthOf(ids, 200)
      assert.deepStrictEqual(
        ids.map(({ sequence }) => sequence),
        range(10, 210)
      )
      assert.deepStrictEqual(collected.faults({ ids, nodes: range(0, 3), allDelivered: true, inOrder: true }), [])
      assert.isEmpty(events.got.filter(isDown))
    }).pipe(virtually)
  )

  it.live("goes on at once where the links have taken what was waiting, though nothing else happens to the node", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({ nodes: 2, seed: 4, node: { outboxBytes: 131_072 } })
      const publish = cluster.publish(0, "news", new Uint8Array(1_024), { whenFull: "wait" })
      const fibers = yield* Effect.forEach(range(0, 1_000), () =>
        Effect.forkScoped(publish, { startImmediately: true })
      )
      yield* cluster.pass("10 millis")
      assert.lengthOf(succeeded(fibers.flatMap((fiber) => fiber.pollUnsafe() ?? [])), 1_000)
    }).pipe(virtually)
  )

  it.live("keeps no more publishers waiting than it may, and none when the node dies", () =>
    Effect.gen(function* () {
      const { cluster } = yield* narrow
      const publish = cluster.publish(0, "news", new Uint8Array(1_024), { whenFull: "wait" })
      const fibers = yield* Effect.forEach(range(0, 300), () => Effect.forkScoped(publish, { startImmediately: true }))
      yield* cluster.pass(0)
      const errors = fibers.flatMap((fiber) => {
        const exit = fiber.pollUnsafe()
        return exit !== undefined && Exit.isFailure(exit) ? [exit] : []
      })
      assert.isNotEmpty(errors)
      for (const error of errors) assert.strictEqual((yield* Effect.flip(error))._tag, "Overloaded")
      yield* cluster.kill(0)
      const exits = yield* Effect.forEach(fibers, Fiber.await)
      const died = exits.filter((exit) => Exit.isFailure(exit) && !errors.includes(exit))
      assert.isNotEmpty(died)
      for (const exit of died) assert.strictEqual((yield* Effect.flip(exit))._tag, "NotJoined")
    }).pipe(virtually)
  )

  it.live("with one slow neighbour among several delays nobody: that one is expelled, and catches up later", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({ nodes: 8, seed: 2, node: { outboxBytes: 65_536 } })
      const collected = yield* cluster.collect("news")
      const slow = 5
      const expelled = yield* Effect.forEach(range(0, 8), (node) =>
        listening(
          cluster.node(node).membership.events.pipe(
            Stream.filter((event) => event._tag === "NeighborDown" && event.reason === "slow"),
            Stream.map(({ peer }) => peer.id)
          )
        )
      )
      yield* cluster.network.setBandwidth(cluster.addressOf(slow), 1_000)
      const ids = []
      for (const _ of range(0, 100)) {
        ids.push(yield* cluster.publish(0, "news", new Uint8Array(8_192)))
        yield* cluster.pass("20 millis")
      }
      yield* cluster.pass("5 seconds")
      const others = range(0, 8).filter((node) => node !== slow)
      assert.deepStrictEqual(collected.faults({ ids, nodes: others, allDelivered: true }), [])
      const names = expelled.flatMap(({ got }) => got)
      assert.isNotEmpty(names)
      assert.isTrue(names.every((name) => name === cluster.idOf(slow)))
      yield* cluster.network.setBandwidth(cluster.addressOf(slow), undefined)
      yield* cluster.pass("2 minutes")
      assert.deepStrictEqual(collected.faults({ ids, nodes: [slow] }), [])
    }).pipe(virtually)
  )
})
