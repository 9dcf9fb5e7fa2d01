import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Queue, Stream } from "effect"
import { TestClock } from "effect/testing"
import { ClusterSource, ClusterUnavailable } from "../src/ClusterSource.ts"
import type { FeedMessage } from "../src/Feed.ts"
import * as Watch from "../src/server/Watch.ts"
import { makeUp } from "./MadeUpCluster.ts"

const setUp = Effect.fnUntraced(function* (config: Partial<Watch.Config> = {}, nodes = 10) {
  const cluster = yield* makeUp({ nodes })
  const watch = yield* Watch.make({ ...Watch.defaults, ...config }).pipe(
    Effect.provideService(ClusterSource, cluster.source)
  )
  return { ...cluster, watch }
})

/** A viewer who reads whatever comes at once; his messages come out of the queue. */
const view = Effect.fnUntraced(function* (watch: Watch.Watch) {
  const messages = yield* Queue.unbounded<FeedMessage | undefined>()
  const stream = yield* watch.follow
  assert.isDefined(stream)
  const fiber = yield* Stream.runForEach(stream ?? Stream.empty, (message) => Queue.offer(messages, message)).pipe(
    Effect.forkChild({ startImmediately: true })
  )
  return { messages, leave: Fiber.interrupt(fiber) }
})

describe("the watch", () => {
  it.effect("asks the cluster only while somebody watches", () =>
    Effect.gen(function* () {
      const { observations, watch } = yield* setUp()
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(observations(), 0)

      const viewer = yield* view(watch)
      yield* TestClock.adjust("10 seconds")
      yield* viewer.leave
      const asked = observations()
      assert.isAtLeast(asked, 20)
      yield* TestClock.adjust("1 minute")
      assert.isAtMost(observations() - asked, 1)
    })
  )

  it.effect("asks at most five times a second, and tells a viewer as often at most", () =>
    Effect.gen(function* () {
      const { observations, watch } = yield* setUp()
      const { messages } = yield* view(watch)
      yield* TestClock.adjust("1 second")
      const before = { asked: observations(), told: yield* Queue.size(messages) }
      yield* TestClock.adjust("10 seconds")
      assert.isAtMost(observations() - before.asked, 50)
      assert.isAtMost((yield* Queue.size(messages)) - before.told, 50)
      assert.isAtLeast((yield* Queue.size(messages)) - before.told, 25)
    })
  )

  it.effect("shows at once who comes to an unwatched cluster what is, not what was", () =>
    Effect.gen(function* () {
      const { watch } = yield* setUp()
      const first = yield* view(watch)
      yield* first.leave
      yield* watch.act({ _tag: "Kill", nodes: ["n1"] })
      const { messages } = yield* view(watch)
      const message = yield* Queue.take(messages)
      const statuses = message?._tag === "Snapshot" ? message.nodes.map(({ status }) => status) : []
      assert.deepStrictEqual(statuses.filter((status) => status === "dead").length, 1)
    })
  )

  it.effect("tells one who reads slowly of all changes in one update, and keeps nothing for him", () =>
    Effect.gen(function* () {
      const { watch } = yield* setUp()
      const messages = Stream.toPull((yield* watch.follow) ?? Stream.empty)
      const pull = yield* messages
      const [snapshot] = yield* pull
      assert.strictEqual(snapshot?._tag, "Snapshot")
      // A minute passes in which he takes nothing, and half of the nodes die one by one.
      for (const victim of ["n1", "n2", "n3", "n4", "n5"]) {
        yield* watch.act({ _tag: "Kill", nodes: [victim] })
        yield* TestClock.adjust("12 seconds")
      }
      const next = yield* Effect.forkChild(pull, { startImmediately: true })
      yield* TestClock.adjust("1 second")
      const [update] = yield* Fiber.join(next)
      const dead = update?._tag === "Update" ? update.nodes.filter(({ status }) => status === "dead") : []
      assert.deepStrictEqual(dead.map(({ id }) => id).sort(), ["n1", "n2", "n3", "n4", "n5"])
    })
  )

  it.effect("lets so many watch and no more, until one leaves", () =>
    Effect.gen(function* () {
      const { watch } = yield* setUp({ viewers: 2 })
      const first = yield* view(watch)
      yield* view(watch)
      yield* TestClock.adjust("1 second")
      assert.isUndefined(yield* watch.follow)
      yield* first.leave
      assert.isDefined(yield* watch.follow)
    })
  )

  it.effect("logs what is done, what is refused, and what happens, with reasons", () =>
    Effect.gen(function* () {
      const { watch } = yield* setUp()
      yield* watch.act({ _tag: "Publish", node: "n1", text: "x" })
      yield* watch.act({ _tag: "Kill", nodes: ["n3"] })
      const refused = yield* Effect.flip(watch.act({ _tag: "Publish", node: "n3", text: "x" }))
      assert.strictEqual(refused._tag, "NoSuchNode")
      yield* TestClock.adjust("1 second")
      const { log } = yield* watch.current
      const texts = log.map(({ reason, text }) => [text, reason])
      assert.include(texts[0]?.[0], "n1 published; all 10 have it after")
      assert.deepStrictEqual(texts[1], ["1 node killed without a goodbye", "n3"])
      assert.deepStrictEqual(texts[2], ["Publish: not done", `no node "n3" runs here`])
      const loss = log.find(({ kind }) => kind === "link")
      assert.include(loss?.text, "lost a neighbour")
      assert.strictEqual(loss?.reason, "the connection was reset")
    })
  )

  it.effect("says that the cluster does not answer, and shows what it knew", () =>
    Effect.gen(function* () {
      const cluster = yield* makeUp({ nodes: 3 })
      let isDown = false
      const source = {
        ...cluster.source,
        observe: Effect.suspend(() =>
          isDown ? Effect.fail(new ClusterUnavailable({ detail: "silence" })) : cluster.source.observe
        )
      }
      const watch = yield* Watch.make(Watch.defaults).pipe(Effect.provideService(ClusterSource, source))
      yield* watch.current
      isDown = true
      const { counters, nodes } = yield* watch.current
      assert.deepStrictEqual([counters.trouble, nodes.size], ["the cluster does not answer: silence", 3])
      isDown = false
      assert.isNull((yield* watch.current).counters.trouble)
    })
  )

  it.effect("says now and then that nothing has changed, where the cluster is slow to answer", () =>
    Effect.gen(function* () {
      const { source } = yield* makeUp({ nodes: 3 })
      const slow = { ...source, observe: Effect.delay(source.observe, "30 seconds") }
      const watch = yield* Watch.make(Watch.defaults).pipe(Effect.provideService(ClusterSource, slow))
      const { messages } = yield* view(watch)
      yield* TestClock.adjust("5 minutes")
      const all = yield* Queue.takeAll(messages)
      assert.strictEqual(all[0]?._tag, "Snapshot")
      assert.isAtLeast(all.filter((message) => message === undefined).length, 10)
      assert.isAtLeast(all.filter((message) => message?._tag === "Update").length, 1)
    })
  )

  it.effect("looks at once at what an action has done, however long it would have rested", () =>
    Effect.gen(function* () {
      const { source } = yield* makeUp({ nodes: 3 })
      let asked = 0
      const observe = Effect.suspend(() => {
        asked++
        return Effect.delay(source.observe, "500 millis")
      })
      const watch = yield* Watch.make(Watch.defaults).pipe(Effect.provideService(ClusterSource, { ...source, observe }))
      yield* view(watch)
      const observations = () => asked
      const before = observations()
      while (observations() === before) yield* TestClock.adjust("50 millis")
      // It has answered, and rests for two seconds.
      yield* TestClock.adjust("1 second")
      const resting = asked
      yield* watch.act({ _tag: "Kill", nodes: ["n1"] })
      yield* TestClock.adjust("50 millis")
      assert.strictEqual(asked, resting + 1)
    })
  )

  it.effect("says within seconds that an answer is long in coming, and rests no longer than seconds after it", () =>
    Effect.gen(function* () {
      const { source } = yield* makeUp({ nodes: 3 })
      let isSlow = false
      let asked = 0
      const observe = Effect.suspend(() => {
        asked++
        return isSlow ? Effect.delay(source.observe, "1 minute") : source.observe
      })
      const watch = yield* Watch.make(Watch.defaults).pipe(Effect.provideService(ClusterSource, { ...source, observe }))
      const { messages } = yield* view(watch)
      yield* TestClock.adjust("1 second")
      isSlow = true
      yield* TestClock.adjust("4 seconds")
      const late = (yield* Queue.takeAll(messages)).at(-1)
      assert.include(late?._tag === "Update" ? late.counters.trouble : "", "not answered for more than 2 s")
      isSlow = false
      // The clock of the wall is no measure: it may jump.
      yield* TestClock.adjust("1 minute")
      const before = asked
      yield* TestClock.adjust("3 seconds")
      assert.isAtLeast(asked, before + 1)
      const good = (yield* Queue.takeAll(messages)).at(-1)
      assert.isNull(good?._tag === "Update" ? good.counters.trouble : "")
    })
  )
})
