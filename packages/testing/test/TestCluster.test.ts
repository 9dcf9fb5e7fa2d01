import { assert, describe, it } from "@effect/vitest"
import { FaultPlan } from "@hyparview/faults"
import type { Membership } from "@hyparview/runtime"
import { TestCluster, VirtualClock } from "@hyparview/testing"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"

const { Fault } = FaultPlan

/** Nothing below knows which clock it runs on. */
const clocks = { "the virtual clock": VirtualClock.layer, TestClock: TestClock.layer }

const range = (from: number, to: number): ReadonlyArray<number> =>
  Array.from({ length: to - from }, (_, index) => from + index)

/** A cluster whose nodes have joined and come to rest. */
const settled = (options: TestCluster.Options) =>
  Effect.gen(function* () {
    const cluster = yield* TestCluster.make(options)
    yield* cluster.joinAll()
    yield* cluster.settle()
    return cluster
  })

const bytes = (length: number): Uint8Array => new Uint8Array(length).fill(7)

const neighborsOf = (cluster: TestCluster.TestCluster, index: number) =>
  Effect.map(cluster.node(index).membership.neighbors, (peers) => peers.map(({ id }) => id))

/** Asserts that every running node but these has been handed the message, once. */
const assertReached = (cluster: TestCluster.TestCluster, receivers: ReadonlyArray<number>) =>
  assert.deepStrictEqual([...receivers], [...cluster.running()])

for (const [name, clock] of Object.entries(clocks)) {
  const test = <A, E>(name: string, effect: Effect.Effect<A, E, Scope.Scope>) =>
    it.effect(name, () => effect.pipe(Effect.scoped, Effect.provide(clock())), 60_000)

  describe(`a cluster on ${name}`, () => {
    describe("joins", () => {
      test(
        "60 nodes at once through one contact: views full, links symmetric, one component",
        Effect.gen(function* () {
          const cluster = yield* TestCluster.make({ nodes: 60, seed: 1 })
          yield* cluster.joinAll()
          yield* cluster.settle()
          const views = yield* cluster.views
          assert.strictEqual(views.length, 60)
          assert.isTrue(views.every(({ active }) => active.length === 5))
        })
      )

      test(
        "60 nodes one by one through three contacts",
        Effect.gen(function* () {
          const cluster = yield* TestCluster.make({ nodes: 60, seed: 2 })
          yield* cluster.joinAll({ contacts: 3, every: "50 millis" })
          assert.isBelow(Duration.toMillis(yield* cluster.settle()), 120_000)
        })
      )

      test(
        "through a contact that cannot be reached: it keeps trying, and joins once it can",
        Effect.gen(function* () {
          const cluster = yield* TestCluster.make({ nodes: 4, seed: 3 })
          yield* cluster.kill(0)
          for (const index of [1, 2, 3]) yield* cluster.join(index, [0])
          yield* cluster.pass("10 minutes")
          assert.isTrue((yield* cluster.views).every(({ active }) => active.length === 0))
          yield* cluster.start(0)
          yield* cluster.join(0, [])
          yield* cluster.settle()
          assert.strictEqual(cluster.running().length, 4)
        })
      )

      test(
        "a cluster formed as two islands becomes one, if a contact is known across",
        Effect.gen(function* () {
          const cluster = yield* TestCluster.make({ nodes: 40, seed: 4 })
          const islands = [range(0, 20), range(20, 40)] as const
          yield* cluster.partition(islands, "reset")
          for (const index of islands[0]) yield* cluster.join(index, [0, 20])
          for (const index of islands[1]) yield* cluster.join(index, [20, 0])
          for (const among of islands) yield* cluster.settle({ among })
          yield* cluster.heal
          yield* cluster.settle({ within: "1 hour" })
        })
      )
    })

    describe("faults", () => {
      test(
        "40 % of 60 nodes die, the contact among them: the others heal, and a broadcast reaches them all",
        Effect.gen(function* () {
          const cluster = yield* settled({ nodes: 60, seed: 5 })
          yield* cluster.kill(0)
          const killed = yield* cluster.killShare(23 / 59)
          assert.strictEqual(killed.length, 23)
          assert.strictEqual(cluster.running().length, 36)
          yield* cluster.settle()
          const collected = yield* cluster.collect("news")
          const id = yield* cluster.publish(cluster.running()[0] ?? 0, "news", bytes(64))
          yield* cluster.pass("1 second")
          assertReached(cluster, collected.receivers(id))
        })
      )

      test(
        "a node that is restarted is known by its higher epoch, and by no other",
        Effect.gen(function* () {
          const cluster = yield* settled({ nodes: 20, seed: 6 })
          yield* cluster.kill(7)
          yield* cluster.restart(7, [3])
          yield* cluster.settle()
          yield* cluster.pass("10 minutes")
          const peers = yield* Effect.forEach(cluster.running(), (index) =>
            Effect.map(cluster.node(index).membership.view, ({ active, passive }) =>
              [...active.map(({ peer }) => peer), ...passive].filter(({ id }) => id === cluster.idOf(7))
            )
          )
          assert.isNotEmpty(peers.flat())
          const { epoch } = yield* cluster.node(7).membership.self
          assert.isAbove(epoch, 1)
          assert.isTrue(peers.flat().every((peer) => peer.epoch === epoch))
        })
      )

      for (const mode of ["silent", "reset"] as const) {
        test(
          `halves that cannot reach each other for 10 minutes (${mode}) become one again`,
          Effect.gen(function* () {
            const cluster = yield* settled({ nodes: 40, seed: 7 })
            const halves = [range(0, 20), range(20, 40)] as const
            yield* cluster.partition(halves, mode)
            yield* cluster.pass("10 minutes")
            for (const among of halves) yield* cluster.settle({ among })
            yield* cluster.heal
            yield* cluster.settle({ within: "1 hour" })
          })
        )
      }

      test(
        "a frozen node is dropped by its neighbours, and found again when it thaws",
        Effect.gen(function* () {
          const cluster = yield* settled({ nodes: 20, seed: 8 })
          yield* cluster.freeze(4)
          yield* cluster.pass("1 minute")
          yield* cluster.settle()
          const dropped = yield* cluster.overlay
          assert.isFalse(dropped.some(({ active, alive }) => alive !== false && active.includes(cluster.idOf(4))))
          yield* cluster.unfreeze(4)
          yield* cluster.settle({ within: "30 minutes" })
        })
      )

      test(
        "a peer that does not drain its links is expelled, holds up no publisher, and keeps nothing from others",
        Effect.gen(function* () {
          const cluster = yield* settled({ nodes: 12, seed: 9, node: { outboxBytes: 65_536 } })
          const slow = 5
          const collected = yield* cluster.collect("bulk")
          const expelled: Array<string> = []
          for (const index of cluster.running()) {
            yield* cluster.node(index).membership.events.pipe(
              Stream.filter((event) => event._tag === "NeighborDown" && event.reason === "slow"),
              Stream.runForEach(({ peer }) => Effect.sync(() => expelled.push(peer.id))),
              Effect.forkScoped
            )
          }
          yield* cluster.network.setBandwidth(cluster.addressOf(slow), 1_000)
          const before = yield* Clock.currentTimeMillis
          const ids = []
          for (const _ of range(0, 100)) {
            ids.push(yield* cluster.publish(0, "bulk", bytes(8_192)))
            yield* cluster.pass("20 millis")
          }
          assert.strictEqual((yield* Clock.currentTimeMillis) - before, 2_000)
          // Who is behind it in the tree grafts what it keeps back.
          yield* cluster.pass("2 seconds")
          for (const id of ids) {
            assert.deepStrictEqual(
              collected.receivers(id).filter((index) => index !== slow),
              range(0, 12).filter((index) => index !== slow)
            )
          }
          assert.isBelow(collected.of(slow).length, 20)
          // It comes back after each time: it is slow, not dead.
          assert.isNotEmpty(expelled)
          assert.isTrue(expelled.every((id) => id === cluster.idOf(slow)))
        })
      )

      test(
        "two processes with one id: one of them stops and says so, the others live on",
        Effect.gen(function* () {
          const idOf = (index: number) => `n${index === 9 ? 4 : index}`
          const cluster = yield* TestCluster.make({ nodes: 10, seed: 10, idOf })
          yield* cluster.kill(9)
          yield* cluster.joinAll()
          yield* cluster.settle({ among: range(0, 9) })
          yield* cluster.restart(9)
          const watchers = yield* Effect.forEach([4, 9], (index) =>
            Effect.forkScoped(Effect.flip(Stream.runDrain(cluster.node(index).membership.events)))
          )
          yield* cluster.pass("5 minutes")
          const statuses = yield* Effect.forEach([4, 9], (index) =>
            Effect.map(cluster.node(index).membership.view, ({ status }) => status)
          )
          assert.include(statuses, "stopped")
          const end = watchers[statuses.indexOf("stopped")]?.pollUnsafe()
          assert.isTrue(end !== undefined && Exit.isSuccess(end) && end.value._tag === "DuplicateIdentity")
          const rest = range(0, 9).filter((index) => index !== 4)
          for (const index of rest) {
            const { status } = yield* cluster.node(index).membership.view
            assert.strictEqual(status, "joined")
          }
        })
      )
    })

    describe("links", () => {
      test(
        "of dials that cross one stays, and temporary ones are closed again: one link for each pair of neighbours",
        Effect.gen(function* () {
          // Without cycles for a while: what shuffles and probes have opened is idle, and closed.
          const cluster = yield* settled({ nodes: 30, seed: 11, node: { membership: { cycleMillis: 3_600_000 } } })
          yield* cluster.pass("1 minute")
          for (const index of cluster.running()) {
            const { active, links } = yield* cluster.node(index).membership.view
            assert.strictEqual(links, active.length, `node ${index}`)
          }
        })
      )

      test(
        "two nodes that dial each other at once share one link",
        Effect.gen(function* () {
          const cluster = yield* TestCluster.make({ nodes: 2, seed: 12 })
          yield* cluster.join(0, [1])
          yield* cluster.join(1, [0])
          yield* cluster.settle()
          yield* cluster.pass("1 minute")
          assert.deepStrictEqual(yield* neighborsOf(cluster, 0), [cluster.idOf(1)])
          assert.deepStrictEqual(yield* neighborsOf(cluster, 1), [cluster.idOf(0)])
          assert.strictEqual((yield* cluster.statistics).links, 2)
        })
      )
    })

    describe("leaving", () => {
      test(
        "in order: the neighbours know at once, and remember it",
        Effect.gen(function* () {
          const cluster = yield* settled({ nodes: 20, seed: 13 })
          const gone = cluster.idOf(6)
          const neighbors = yield* neighborsOf(cluster, 6)
          yield* cluster.leave(6)
          for (const _ of range(0, 8)) {
            yield* cluster.pass("30 seconds")
            for (const { active, id, passive } of yield* cluster.views) {
              assert.notInclude(active, gone)
              if (neighbors.includes(id)) assert.notInclude(passive, gone)
            }
          }
          yield* cluster.settle()
        })
      )

      test(
        "with a neighbour that is frozen: it ends at the deadline",
        Effect.gen(function* () {
          const cluster = yield* settled({ nodes: 6, seed: 14, node: { leaveDeadline: "2 seconds" } })
          yield* cluster.freeze(1)
          const before = yield* Clock.currentTimeMillis
          yield* cluster.leave(0)
          assert.isAtMost((yield* Clock.currentTimeMillis) - before, 2_100)
          assert.deepStrictEqual(cluster.running(), [1, 2, 3, 4, 5])
        })
      )
    })

    describe("events", () => {
      test(
        "begin with the neighbours, and alternate for each peer",
        Effect.gen(function* () {
          const cluster = yield* settled({ nodes: 20, seed: 15 })
          const events: Array<Membership.MembershipEvent> = []
          const neighbors = yield* neighborsOf(cluster, 2)
          yield* cluster.node(2).membership.events.pipe(
            Stream.runForEach((event) => Effect.sync(() => events.push(event))),
            Effect.forkScoped({ startImmediately: true })
          )
          assert.deepStrictEqual(
            events.map(({ _tag, peer }) => [_tag, peer.id]),
            neighbors.map((id) => ["NeighborUp", id])
          )
          for (const index of [5, 9, 12]) {
            yield* cluster.kill(index)
            yield* cluster.pass("1 minute")
            yield* cluster.restart(index)
            yield* cluster.pass("1 minute")
          }
          const up = new Set<string>()
          for (const { _tag, peer } of events) {
            assert.strictEqual(up.has(peer.id), _tag === "NeighborDown", `${_tag} ${peer.id}`)
            if (_tag === "NeighborUp") up.add(peer.id)
            else up.delete(peer.id)
          }
          assert.deepStrictEqual([...up].sort(), [...(yield* neighborsOf(cluster, 2))].sort())
        })
      )
    })

    describe("broadcast", () => {
      test(
        "reaches every node, once, and only those that subscribe",
        Effect.gen(function* () {
          const cluster = yield* settled({ nodes: 60, seed: 16 })
          const news = yield* cluster.collect("news")
          const other = yield* cluster.collect("other")
          const ids = yield* Effect.forEach(range(0, 60), (index) => cluster.publish(index, "news", bytes(index)))
          yield* cluster.pass("1 second")
          for (const id of ids) assertReached(cluster, news.receivers(id))
          assert.isEmpty(range(0, 60).flatMap(other.of))
        })
      )

      test(
        "reaches every node also from one whose clock was set before 1970 when it started",
        Effect.gen(function* () {
          const cluster = yield* settled({ nodes: 4, seed: 17 })
          yield* cluster.apply(Fault.ClockJump({ node: 2, millis: -3_600_000 }))
          yield* cluster.kill(2)
          yield* cluster.restart(2)
          yield* cluster.settle()
          const news = yield* cluster.collect("news")
          const id = yield* cluster.publish(2, "news", bytes(1))
          yield* cluster.pass("1 second")
          assertReached(cluster, news.receivers(id))
        })
      )
    })
  })
}
