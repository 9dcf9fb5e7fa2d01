/** What the dashboard is told of a cluster, on a supervisor that has seen what a test says. */
import { assert, describe, it } from "@effect/vitest"
import { Supervisor } from "@hyparview/cluster"
import * as Overview from "@hyparview/cluster/Overview"
import { ClusterSource } from "@hyparview/dashboard/ClusterSource"
import { Effect, Layer, Stream } from "effect"
import { layer } from "../src/internal/clusterSource.ts"

const rules: Overview.Rules = { activeSize: 2, passiveSize: 6, requestTimeoutMillis: 3_000 }

const { overview } = Overview.observe(Overview.watch, { atMillis: 0, nodes: [] }, rules)

/** The dashboard's source of a cluster whose latest message was n1's first one on a topic. */
const sourceAfter = (topic: string) =>
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
            overview,
            partition: undefined,
            latest: {
              id: { source: "n1", epoch: 7, topic, sequence: 0 },
              from: "n1",
              atMillis: 0,
              expected: [],
              deliveries: []
            }
          })
      })
    )
  )

const nameOfLatest = (topic: string) =>
  Effect.gen(function* () {
    const source = yield* ClusterSource
    return (yield* source.observe).reach?.id
  }).pipe(Effect.provide(sourceAfter(topic)))

describe("the dashboard's source", () => {
  it.effect("tells messages of two topics apart, each of which counts its own", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* nameOfLatest("news"), "n1@7/news#0")
      assert.strictEqual(yield* nameOfLatest("alarms"), "n1@7/alarms#0")
    })
  )
})
