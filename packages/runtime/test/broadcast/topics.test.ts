import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Metric, Schema, SchemaGetter } from "effect"
import type { Broadcast } from "../../src/index.ts"
import { bytes, listening, publishRounds, range, settled, text, virtually } from "./cluster.ts"

const Score = Schema.Struct({ player: Schema.NonEmptyString, points: Schema.Int })
const ScoreWithTeam = Schema.Struct({ ...Score.fields, team: Schema.NonEmptyString })

/** What a schema may need: values are shifted by it. */
class Key extends Context.Service<Key, number>()("Key") {}

const shift = (by: number) =>
  SchemaGetter.transformEffect((value: number) => Effect.map(Key, (key) => value + by * key))
const Shifted = Schema.Int.pipe(Schema.decodeTo(Schema.Int, { decode: shift(-1), encode: shift(1) }))
type Needed = Effect.Services<ReturnType<typeof topicOf>>
const topicOf = (broadcast: Broadcast.Broadcast["Service"]) => broadcast.topic("shifted", Shifted)
const ShiftedBytes = Schema.Uint8Array.pipe(
  Schema.decodeTo(Schema.Int, {
    decode: SchemaGetter.transformEffect((bytes: Uint8Array) => Effect.map(Key, (key) => (bytes[0] ?? 0) - key)),
    encode: SchemaGetter.transformEffect((value: number) => Effect.map(Key, (key) => Uint8Array.of(value + key)))
  })
)

describe("topics", () => {
  it.live("share one overlay: subscribers of each get theirs, once, and no topic costs a link", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({ nodes: 20, seed: 1 })
      const links = (yield* cluster.statistics).links
      const names = range(0, 12).map((number) => `topic ${number}`)
      const all = yield* Effect.forEach(names, (name) => cluster.collect(name))
      for (const [number, name] of names.entries()) {
        const ids = yield* publishRounds(cluster, [number, number + 8], 3, name)
        yield* cluster.pass("5 seconds")
        assert.deepStrictEqual(all[number]?.faults({ ids, nodes: range(0, 20), allDelivered: true }), [])
      }
      yield* cluster.pass("1 minute")
      for (const collected of all) for (const node of range(0, 20)) assert.lengthOf(collected.of(node), 6)
      assert.isAtMost((yield* cluster.statistics).links, links)
    }).pipe(virtually)
  )

  it.live("carry the same payload twice as two messages", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({ nodes: 8, seed: 2 })
      const collected = yield* cluster.collect("news")
      const payload = bytes("again")
      const first = yield* cluster.publish(3, "news", payload)
      const second = yield* cluster.publish(3, "news", payload)
      yield* cluster.pass("1 second")
      assert.notDeepEqual(first, second)
      assert.deepStrictEqual(collected.faults({ ids: [first, second], nodes: range(0, 8), allDelivered: true }), [])
    }).pipe(virtually)
  )

  it.live("say of each message who published it, when, and how far it came", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({ nodes: 12, seed: 3, network: { latency: { _tag: "Constant", micros: 5_000 } } })
      const collected = yield* cluster.collect("news")
      yield* cluster.publish(4, "news", bytes("hello"))
      yield* cluster.pass("1 second")
      const all = range(0, 12).map((node) => collected.of(node)[0])
      for (const delivery of all) {
        if (delivery?._tag !== "Message") return assert.fail("no message")
        assert.strictEqual(delivery.id.source, cluster.idOf(4))
        assert.strictEqual(delivery.publishedAt, all[4]?._tag === "Message" ? all[4].publishedAt : undefined)
        assert.isFalse(delivery.history)
        assert.strictEqual(text(delivery.payload), "hello")
      }
      const hops = all.map((delivery) => (delivery?._tag === "Message" ? delivery.hops : -1))
      assert.strictEqual(hops[4], 0)
      assert.isTrue(hops.every((count, node) => node === 4 || (count >= 1 && count <= 6)))
    }).pipe(virtually)
  )

  it.live("have a subscriber of its own for each run of the stream, and none when it ends", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({ nodes: 3, seed: 4 })
      const { broadcast } = cluster.node(1)
      const stream = broadcast.subscribe("news")
      const first = yield* listening(stream)
      yield* cluster.publish(0, "news", bytes("one"))
      yield* cluster.pass("1 second")
      const second = yield* listening(stream)
      yield* cluster.publish(0, "news", bytes("two"))
      yield* cluster.pass("1 second")
      yield* first.stop
      yield* cluster.publish(0, "news", bytes("three"))
      yield* cluster.pass("1 second")
      assert.lengthOf(first.got, 2)
      assert.lengthOf(second.got, 2)
    }).pipe(virtually)
  )

  it.live("with a name that is none are refused, wherever it is given", () =>
    Effect.gen(function* () {
      const { broadcast } = (yield* settled({ nodes: 1 })).node(0)
      const uses: ReadonlyArray<Effect.Effect<unknown, { readonly _tag: string }, never>> = [
        broadcast.topic("", Score),
        broadcast.publish("x".repeat(256), bytes("")),
        Effect.scoped(broadcast.validate("", () => Effect.succeed("accept" as const))),
        Effect.scoped(Effect.flatMap(listening(broadcast.subscribe("")), ({ stop }) => stop)).pipe(
          Effect.andThen(Effect.fail({ _tag: "InvalidTopic" }))
        )
      ]
      for (const use of uses) assert.strictEqual((yield* Effect.flip(use))._tag, "InvalidTopic")
    }).pipe(virtually)
  )
})

describe("typed topics", () => {
  it.live("deliver values, on every node", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({ nodes: 6, seed: 5 })
      const heard = yield* Effect.forEach(range(0, 6), (node) =>
        Effect.gen(function* () {
          const scores = yield* cluster.node(node).broadcast.topic("scores", Score)
          return yield* listening(scores.subscribe({ order: "source" }))
        })
      )
      const scores = yield* cluster.node(2).broadcast.topic("scores", Score)
      yield* scores.publish({ player: "anna", points: 3 })
      yield* scores.publish({ player: "bela", points: 5 }, { whenFull: "wait" })
      yield* cluster.pass("1 second")
      for (const { got } of heard) {
        assert.deepStrictEqual(
          got.map((delivery) => (delivery._tag === "Message" ? delivery.payload : delivery._tag)),
          [
            { player: "anna", points: 3 },
            { player: "bela", points: 5 }
          ]
        )
      }
    }).pipe(virtually)
  )

  it.live("refuse a value that does not fit the schema; nothing is sent", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({ nodes: 2, seed: 6 })
      const collected = yield* cluster.collect("scores")
      const scores = yield* cluster.node(0).broadcast.topic("scores", Score)
      const error = yield* Effect.flip(scores.publish({ player: "", points: 0 }))
      assert.strictEqual(error._tag, "EncodeError")
      assert.include(error.message, "player")
      yield* cluster.pass("1 second")
      assert.isEmpty([...collected.of(0), ...collected.of(1)])
    }).pipe(virtually)
  )

  it.live("report what another version has published, go on, and pass it to who understands it", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({ nodes: 12, seed: 7 })
      // Half of the nodes know scores without a team, which is no score to the others.
      const old = yield* Effect.forEach(range(0, 6), (node) =>
        Effect.flatMap(cluster.node(node).broadcast.topic("scores", Score), (topic) => listening(topic.subscribe()))
      )
      const late = yield* Effect.forEach(range(6, 12), (node) =>
        Effect.flatMap(cluster.node(node).broadcast.topic("scores", ScoreWithTeam), (topic) =>
          listening(topic.subscribe())
        )
      )
      const scores = yield* cluster.node(0).broadcast.topic("scores", Score)
      const withTeam = yield* cluster.node(11).broadcast.topic("scores", ScoreWithTeam)
      yield* scores.publish({ player: "anna", points: 1 })
      yield* withTeam.publish({ player: "bela", points: 2, team: "blue" })
      yield* cluster.publish(5, "scores", bytes("no score at all"))
      yield* cluster.pass("1 second")
      const seen = (got: ReadonlyArray<{ readonly _tag: string }>) => got.map(({ _tag }) => _tag).toSorted()
      for (const { got } of old) assert.deepStrictEqual(seen(got), ["Message", "Message", "Undecodable"])
      for (const { got } of late) assert.deepStrictEqual(seen(got), ["Message", "Undecodable", "Undecodable"])
      const [reported] = (late[0]?.got ?? []).filter(({ _tag }) => _tag === "Undecodable")
      assert.isTrue(reported?._tag === "Undecodable" && reported.reason.length > 0 && reported.payload.length > 0)
    }).pipe(virtually)
  )

  it.live("use the services that their schema needs, as they are where the topic is made", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({ nodes: 1, seed: 8 })
      const { broadcast } = cluster.node(0)
      const { got } = yield* listening(broadcast.subscribe("shifted"))
      const under = (key: number) =>
        Effect.provideService(
          Effect.all([topicOf(broadcast), broadcast.topic("shifted", ShiftedBytes, { encoding: "bytes" })]),
          Key,
          key
        )
      const asksForThem: [Needed, Key] extends [Key, Needed] ? true : false = true
      assert.isTrue(asksForThem)
      const [json, raw] = yield* under(5)
      const [other] = yield* under(1)
      const decoded = yield* listening(json.subscribe())
      const otherwise = yield* listening(other.subscribe())
      yield* json.publish(1)
      yield* raw.publish(2)
      yield* cluster.pass("1 second")
      assert.deepStrictEqual(
        got.map((delivery) => delivery._tag === "Message" && [...delivery.payload]),
        [[...bytes("6")], [7]]
      )
      const values = ({ got }: typeof decoded) =>
        got.map((delivery) => (delivery._tag === "Message" ? delivery.payload : delivery._tag))
      assert.deepStrictEqual(
        [values(decoded), values(otherwise)],
        [
          [1, "Undecodable"],
          [5, "Undecodable"]
        ]
      )
    }).pipe(virtually)
  )

  it.live("interrupt what a schema is at that does not answer at once", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({ nodes: 1, seed: 8 })
      let interrupted = 0
      const Slow = Schema.Int.pipe(
        Schema.decodeTo(Schema.Int, {
          decode: SchemaGetter.passthrough(),
          encode: SchemaGetter.transformEffect(() =>
            Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted++))
          )
        })
      )
      const topic = yield* cluster.node(0).broadcast.topic("slow", Slow)
      const error = yield* Effect.flip(topic.publish(1))
      assert.include(error.message, "does not answer at once")
      assert.strictEqual(interrupted, 1)
    }).pipe(virtually)
  )

  it.live("take any schema of bytes as their own encoding", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({ nodes: 2, seed: 8 })
      const topic = yield* cluster.node(0).broadcast.topic("raw", Schema.Uint8Array, { encoding: "bytes" })
      const other = yield* cluster.node(1).broadcast.topic("raw", Schema.Uint8Array, { encoding: "bytes" })
      const { got } = yield* listening(other.subscribe())
      yield* topic.publish(Uint8Array.of(1, 2, 3))
      yield* cluster.pass("1 second")
      assert.deepStrictEqual(
        got.map((delivery) => (delivery._tag === "Message" ? [...delivery.payload] : delivery._tag)),
        [[1, 2, 3]]
      )
    }).pipe(virtually)
  )
})

describe("what is measured", () => {
  it.live("adds up: each message once on each node, its copies, its hops, its bytes", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({ nodes: 16, seed: 9 })
      yield* cluster.collect("news")
      yield* publishRounds(cluster, [0], 30)
      yield* cluster.pass("2 seconds")
      const views = yield* Effect.forEach(range(0, 16), (node) => cluster.node(node).broadcast.view)
      const sum = (of: (view: (typeof views)[number]) => number) => views.reduce((total, view) => total + of(view), 0)
      assert.strictEqual(
        sum(({ published }) => published),
        30
      )
      assert.strictEqual(
        sum(({ delivered }) => delivered),
        30 * 15
      )
      // Every payload sent is a delivery or a duplicate somewhere.
      assert.strictEqual(
        sum(({ sent }) => sent.payloadFrames),
        sum(({ delivered, duplicates }) => delivered + duplicates)
      )
      assert.isAbove(
        sum(({ sent }) => sent.controlFrames),
        0
      )
      assert.strictEqual(
        sum(({ retained }) => retained.messages),
        30 * 16
      )
      // The tree: one link fewer than there are nodes, each counted at both ends.
      assert.strictEqual(
        sum(({ eager }) => eager),
        30
      )
      assert.strictEqual(
        sum(({ eager, lazy }) => eager + lazy),
        (yield* cluster.views).reduce((total, { active }) => total + active.length, 0)
      )
      yield* cluster.kill(...cluster.running())
      const metrics = new Map((yield* Metric.snapshot).map(({ id, state }) => [id, state]))
      const counted = (name: string) => {
        const state = metrics.get(`hyparview_${name}`)
        return state !== undefined && "count" in state ? Number(state.count) : -1
      }
      assert.strictEqual(counted("broadcasts_published"), 30)
      assert.strictEqual(counted("broadcasts_delivered"), 30 * 16)
      assert.strictEqual(counted("broadcast_hops"), 30 * 16)
      assert.strictEqual(counted("broadcast_latency_milliseconds"), 30 * 15)
      assert.strictEqual(
        counted("payload_frames_sent"),
        sum(({ sent }) => sent.payloadFrames)
      )
      assert.strictEqual(
        counted("payload_bytes_sent"),
        sum(({ sent }) => sent.payloadBytes)
      )
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()), virtually)
  )
})

describe("publishing", () => {
  it.live("too much is refused with the size that fits, which does fit", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({ nodes: 4, seed: 10, network: { maxFrameBytes: 10_000 } })
      const collected = yield* cluster.collect("news")
      const error = yield* Effect.flip(cluster.publish(0, "news", new Uint8Array(10_000)))
      assert.strictEqual(error._tag, "PayloadTooLarge")
      if (error._tag !== "PayloadTooLarge") return
      const { usableBytes } = cluster.node(0).broadcast
      assert.strictEqual(yield* usableBytes("news"), error.usableBytes)
      assert.strictEqual(yield* usableBytes("n"), error.usableBytes + 3)
      assert.strictEqual((yield* Effect.flip(usableBytes("")))._tag, "InvalidTopic")
      const id = yield* cluster.publish(0, "news", new Uint8Array(error.usableBytes))
      yield* cluster.pass("1 second")
      assert.deepStrictEqual(collected.faults({ ids: [id], nodes: range(0, 4), allDelivered: true }), [])
      assert.strictEqual(
        (yield* Effect.flip(cluster.publish(0, "news", new Uint8Array(error.usableBytes + 1))))._tag,
        "PayloadTooLarge"
      )
    }).pipe(virtually)
  )

  it.live("fails beyond topicsSize topics, of which the older go on, and says which option that is", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({ nodes: 2, seed: 11, node: { broadcast: { topicsSize: 2 } } })
      for (const topic of ["a", "b", "a"]) yield* cluster.publish(0, topic, bytes("x"))
      const { message } = yield* Effect.flip(cluster.publish(0, "c", bytes("x")))
      assert.include(message, 'invalid topic "c": this node has published on')
      assert.include(message, "topicsSize")
      yield* cluster.publish(0, "b", bytes("x"))
      // Each node has its own.
      yield* cluster.publish(1, "c", bytes("x"))
    }).pipe(virtually)
  )

  it.live("fails on a node that has not joined, has left, or has stopped while it waited", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({ nodes: 3, seed: 11 })
      const { broadcast, membership } = cluster.node(2)
      yield* cluster.leave(2)
      assert.strictEqual((yield* membership.view).status, "left")
      const left = yield* Effect.exit(broadcast.publish("news", bytes("x")))
      assert.isTrue(Exit.isFailure(left))
      yield* cluster.start(2)
      const idle = yield* Effect.flip(cluster.publish(2, "news", bytes("x")))
      assert.isTrue(idle._tag === "NotJoined" && idle.status === "idle")
      assert.strictEqual(idle.message, "cannot publish: the node has not joined; join first")
    }).pipe(virtually)
  )

  it.live("goes out on a node that has been asked to join just before, again and for the first time", () =>
    Effect.gen(function* () {
      const cluster = yield* settled({ nodes: 3, seed: 12 })
      const collected = yield* cluster.collect("news")
      yield* cluster.kill(2)
      yield* cluster.start(2)
      const { broadcast, membership } = cluster.node(2)
      yield* membership.join([cluster.addressOf(0)])
      const first = yield* broadcast.publish("news", bytes("x"))
      yield* cluster.pass("10 seconds")
      yield* membership.leave
      yield* membership.join([cluster.addressOf(0)])
      const again = yield* broadcast.publish("news", bytes("y"), { whenFull: "wait" })
      yield* cluster.pass("10 seconds")
      assert.isAbove(again.epoch, first.epoch)
      assert.deepStrictEqual(collected.faults({ ids: [first, again], nodes: [0, 1], allDelivered: true }), [])
    }).pipe(virtually)
  )
})
