/** A node whose options come from configuration. */
import { assert, describe, it } from "@effect/vitest"
import { MemoryNetwork, MemoryTransport } from "@hyparview/transport-memory"
import { Config, ConfigProvider, Context, Duration, Effect, Fiber, Layer, Result } from "effect"
import { TestClock } from "effect/testing"
import { Discovery, Membership, Node } from "../src/index.ts"

const NodeLive = Node.layerConfig({
  id: Config.String("NODE_ID"),
  cluster: Config.succeed("test"),
  clusterSize: Config.Int("CLUSTER_SIZE").pipe(Config.withDefault(undefined)),
  leaveDeadline: Config.Duration("LEAVE_DEADLINE").pipe(Config.withDefault(Duration.seconds(1))),
  membership: { activeSize: Config.Int("ACTIVE_SIZE").pipe(Config.withDefault(undefined)) }
}).pipe(
  Layer.provide([MemoryTransport.layer({ address: "a" }), Discovery.Discovery.layerNone]),
  Layer.provide(MemoryNetwork.layer())
)

const built = (environment: Record<string, string>) =>
  Layer.build(Layer.fresh(NodeLive)).pipe(
    Effect.map((context) => Context.get(context, Membership.Membership)),
    Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: environment })))
  )

describe("the options of a node from configuration", () => {
  it.effect("are as if they stood there, defaults included", () =>
    Effect.gen(function* () {
      const membership = yield* built({ NODE_ID: "node-a", ACTIVE_SIZE: "7" })
      assert.strictEqual((yield* membership.self).id, "node-a")
    })
  )

  it.effect("are errors that can be told apart, where they are not there or out of bounds", () =>
    Effect.gen(function* () {
      const said = (environment: Record<string, string>) =>
        built(environment).pipe(
          Effect.as("no error"),
          Effect.catchTags({
            ConfigError: () => Effect.succeed("configuration"),
            MembershipConfigError: ({ field }) => Effect.succeed(field),
            OptionsError: ({ option }) => Effect.succeed(option)
          })
        )
      assert.deepStrictEqual(
        [
          yield* said({ ACTIVE_SIZE: "5" }),
          yield* said({ NODE_ID: "a", ACTIVE_SIZE: "50" }),
          yield* said({ NODE_ID: "a".repeat(256) }),
          yield* said({ NODE_ID: "a", LEAVE_DEADLINE: "2 days" })
        ],
        ["configuration", "activeSize", "id", "leaveDeadline"]
      )
    })
  )
})

describe("the option join", () => {
  it.effect("has the node join as its layer is built, so that layers built on it may wait for neighbours", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.make({})
      const nodeOf = (id: string, join: ReadonlyArray<string> | undefined) =>
        Node.layer({ id, cluster: "test", join, leaveOnClose: false }).pipe(
          Layer.provide([MemoryTransport.layer({ address: id }), Discovery.Discovery.layerNone]),
          Layer.provide(Layer.succeed(MemoryNetwork.MemoryNetwork, network))
        )
      const Linked = Layer.effectDiscard(
        Effect.flatMap(Membership.Membership, (membership) => membership.awaitNeighbors(1))
      )
      const built = (id: string, join: ReadonlyArray<string> | undefined) =>
        Layer.build(Linked.pipe(Layer.provide(nodeOf(id, join)), Layer.fresh)).pipe(
          Effect.timeout("10 seconds"),
          Effect.as("linked"),
          Effect.catchTag("TimeoutError", () => Effect.succeed("alone")),
          Effect.forkScoped
        )
      const fibers = yield* Effect.forEach(
        [
          ["a", []],
          ["b", ["a"]],
          ["c", undefined]
        ] as const,
        ([id, join]) => built(id, join)
      )
      yield* TestClock.adjust("11 seconds")
      assert.deepStrictEqual(yield* Effect.forEach(fibers, Fiber.join), ["linked", "linked", "alone"])
    })
  )

  it("is a list of addresses", () => {
    // @ts-expect-error: whoever has no types may give one address.
    const wrong = Node.resolve({ id: "a", cluster: "test", join: "10.0.0.1:7946" })
    assert.strictEqual(
      Result.isFailure(wrong) ? wrong.failure.message : "no error",
      'join is "10.0.0.1:7946": expected a list of addresses, if need be []'
    )
  })
})

describe("awaitNeighbors", () => {
  it.effect("dies where it would wait for more than there can be, and says how many that are", () =>
    Effect.gen(function* () {
      const membership = yield* built({ NODE_ID: "node-a", ACTIVE_SIZE: "3" })
      const said = (n: number) =>
        membership.awaitNeighbors(n).pipe(
          Effect.timeout("1 second"),
          Effect.as("waited"),
          Effect.catchTag("TimeoutError", () => Effect.succeed("waits")),
          Effect.catchDefect((defect) => Effect.succeed(defect instanceof Node.OptionsError ? defect.message : "dies"))
        )
      const fibers = yield* Effect.forEach([0, 3, 4, Number.NaN], (n) => Effect.forkScoped(said(n)))
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(yield* Effect.forEach(fibers, Fiber.join), [
        "waited",
        "waits",
        "awaitNeighbors is 4: expected a number of neighbours up to activeSize (3)",
        "awaitNeighbors is NaN: expected a number of neighbours up to activeSize (3)"
      ])
    })
  )
})
