/** What the dashboard is told of a cluster, on a supervisor that has seen what a test says. */
import { assert, describe, it } from "@effect/vitest"
import { Supervisor } from "@hyparview/cluster"
import { NodeNotStarted } from "@hyparview/cluster/Control"
import * as Overview from "@hyparview/cluster/Overview"
import { PartlyStarted, WorkerLost, WorkerSilent } from "@hyparview/cluster/WorkerError"
import { type Action, ClusterSource } from "@hyparview/dashboard/ClusterSource"
import * as Story from "@hyparview/dashboard/Story"
import { Effect, Layer, Stream } from "effect"
import { layer } from "../src/internal/clusterSource.ts"

const rules: Overview.Rules = { activeSize: 2, passiveSize: 6, requestTimeoutMillis: 3_000 }

const { overview } = Overview.observe(Overview.watch, { atMillis: 0, nodes: [] }, rules)

type Service = Supervisor.Supervisor["Service"]

const news = { source: "n1", epoch: 7, topic: "news", sequence: 0 }

/** The dashboard's source of a cluster whose latest message was n1's first one on a topic. */
const sourceAfter = (topic: string, more: Partial<Service> = {}) =>
  layer({ cluster: "test", transport: "TCP" }).pipe(
    Layer.provide(
      Layer.mock(Supervisor.Supervisor)({
        rules,
        events: Stream.empty,
        housings: Effect.succeed([]),
        takeLinkLosses: Effect.succeed([]),
        status: () =>
          Effect.succeed({
            nodes: [],
            views: [],
            silent: [],
            overview,
            partition: undefined,
            latest: {
              id: { source: "n1", epoch: 7, topic, sequence: 0 },
              from: "n1",
              atMillis: 0,
              expected: [],
              deliveries: []
            }
          }),
        ...more
      })
    )
  )

const nameOfLatest = (topic: string) =>
  Effect.gen(function* () {
    const source = yield* ClusterSource
    return (yield* source.observe).reach?.id
  }).pipe(Effect.provide(sourceAfter(topic)))

const act = (action: Action, more: Partial<Service>) =>
  Effect.gen(function* () {
    const source = yield* ClusterSource
    return yield* source.act(action)
  }).pipe(Effect.provide(sourceAfter("news", more)))

const managed = (id: string, isRunning: boolean): Supervisor.ManagedNode => ({
  id,
  process: 0,
  address: `${id}:1`,
  isRunning
})

describe("the dashboard's source", () => {
  it.effect("tells who publishes of his own message, whatever the latest is", () =>
    Effect.gen(function* () {
      const broadcast: Service["broadcast"] = ({ from }) =>
        Effect.succeed({
          id: { source: from, epoch: 1, topic: "news", sequence: 9 },
          from,
          atMillis: 100,
          expected: 2,
          deliveries: [{ node: "n2", hops: 1, atMillis: 103, copies: 1 }],
          missing: ["n1"],
          repeated: [],
          lastMillis: 3,
          hops: 1
        })
      const result = yield* act({ _tag: "Publish", node: "n2", text: "x" }, { broadcast })
      assert.deepStrictEqual(result, {
        _tag: "Published",
        reach: { id: "n2@1/news#9", from: "n2", publishedAtMillis: 100, expected: 2, arrivals: [["n2", 1, 3]] }
      })
    })
  )

  it.effect("says of a restart who was started, and why others were not", () =>
    Effect.gen(function* () {
      const nodes = Effect.succeed([managed("n1", false), managed("n2", false)])
      const restart = { _tag: "Restart", nodes: [] } as const
      const all = yield* act(restart, { nodes, restart: () => Effect.succeed([managed("n2", true)]) })
      assert.deepStrictEqual(all, { _tag: "Restarted", nodes: ["n2"] })
      // Somebody else was quicker.
      const none = yield* Effect.flip(act(restart, { nodes, restart: () => Effect.succeed([]) }))
      assert.strictEqual(none.message, "no node is dead")
      const reasons = [new NodeNotStarted({ node: "n1", detail: "its port is in use" })]
      const partly = new PartlyStarted({ started: ["n2"], failed: ["n1"], reasons })
      const some = yield* act(restart, { nodes, restart: () => Effect.fail(partly) })
      assert.deepStrictEqual(some, { _tag: "Restarted", nodes: ["n2"], trouble: partly.message })
      assert.strictEqual(
        Story.ofAction(restart, some).text,
        "1 node started again; 1 of 2 nodes did not start: n1 could not start: its port is in use"
      )
    })
  )

  it.effect("tells of a part that does not answer, and of a node that has stopped by itself", () =>
    Effect.gen(function* () {
      const silent = new WorkerSilent({ process: 1, pid: 7, request: "Poll", waitedMillis: 5_000 })
      const status = {
        nodes: [managed("n1", false)],
        views: [],
        silent: [silent],
        overview,
        partition: undefined,
        latest: undefined
      }
      const events = Stream.make({ _tag: "NodeStopped", node: "n1" } as const)
      const [seen, told] = yield* Effect.gen(function* () {
        const source = yield* ClusterSource
        return [yield* source.observe, yield* Stream.runHead(source.happenings)] as const
      }).pipe(Effect.provide(sourceAfter("news", { status: () => Effect.succeed(status), events })))
      assert.include(seen.trouble, "process 1 (pid 7) did not answer Poll")
      assert.deepStrictEqual(
        seen.nodes.map((node) => node.status),
        ["dead"]
      )
      const happening = told._tag === "Some" ? told.value : undefined
      assert.deepStrictEqual([happening?.what, happening?.reason], ["stopped", "another process uses its id"])
    })
  )

  it.effect("says of a publication without an answer that it may go out all the same", () =>
    Effect.gen(function* () {
      const silent = new WorkerSilent({ process: 1, pid: 7, request: "Publish", waitedMillis: 20_000 })
      const publish = { _tag: "Publish", node: "n1", text: "hello" } as const
      const error = yield* Effect.flip(act(publish, { broadcast: () => Effect.fail(silent) }))
      assert.strictEqual(error._tag, "ClusterUnavailable")
      assert.match(error.message, /did not answer Publish .* it may publish it all the same, when it goes on$/)
    })
  )

  it.effect("counts who was started since a message was published, and has it, with those who were to get it", () =>
    Effect.gen(function* () {
      const status: Supervisor.Status = {
        nodes: [],
        views: [],
        silent: [],
        overview,
        partition: undefined,
        latest: {
          id: news,
          from: "n1",
          atMillis: 100,
          expected: ["n1", "n2"],
          deliveries: ["n1", "n3", "n4"].map((node) => ({ node, hops: 1, atMillis: 101, copies: 1 }))
        }
      }
      const reach = yield* Effect.gen(function* () {
        return (yield* (yield* ClusterSource).observe).reach
      }).pipe(Effect.provide(sourceAfter("news", { status: () => Effect.succeed(status) })))
      assert.deepStrictEqual([reach?.arrivals.length, reach?.expected], [3, 4])
    })
  )

  it.effect("tells how a process ended, and its last words where it had any", () =>
    Effect.gen(function* () {
      const lost = (how: { readonly code: number | null; readonly signal: string | null }) => {
        const worker = { process: 2, pid: 7, nodes: ["n1", "n2"], lastLines: ["an old warning", "out of memory"] }
        return { _tag: "WorkerLost", lost: new WorkerLost({ ...worker, ...how }) } as const
      }
      const events = Stream.make(lost({ code: null, signal: "SIGKILL" }), lost({ code: 134, signal: null }))
      const told = yield* Effect.gen(function* () {
        return yield* Stream.runCollect(Stream.take((yield* ClusterSource).happenings, 2))
      }).pipe(Effect.provide(sourceAfter("news", { events })))
      assert.deepStrictEqual(
        told.map(({ reason, what }) => [what, reason]),
        [
          ["process 2 ended unexpectedly, with its 2 nodes", "SIGKILL"],
          ["process 2 ended unexpectedly, with its 2 nodes", "exit code 134: out of memory"]
        ]
      )
    })
  )

  it.effect("kills once who is named twice", () =>
    Effect.gen(function* () {
      const result = yield* act({ _tag: "Kill", nodes: ["n1", "n1"] }, { kill: () => Effect.void })
      assert.deepStrictEqual(result, { _tag: "Killed", nodes: ["n1"] })
    })
  )

  it.effect("tells messages of two topics apart, each of which counts its own", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* nameOfLatest("news"), "n1@7/news#0")
      assert.strictEqual(yield* nameOfLatest("alarms"), "n1@7/alarms#0")
    })
  )
})
