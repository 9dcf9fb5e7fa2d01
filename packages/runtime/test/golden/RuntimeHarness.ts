/**
 * The harness of golden scripts over the runtime: real nodes with their driver, codec and handshakes, on the in-process
 * network and virtual time.
 */
import type { Delivery, Harness, Setup, Views } from "@hyparview/testing/Golden"
import { TestCluster } from "@hyparview/testing"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"

interface Running {
  readonly cluster: TestCluster.TestCluster
  readonly collected: TestCluster.Collected
  /** Of each node that was ever started. */
  readonly started: Set<number>
  /** How many deliveries of each node have been told. */
  readonly told: Map<number, number>
}

const topic = "golden"
const text = new TextDecoder()

/** Scripts count nodes from 1, clusters from 0. Names sort as the numbers do. */
const idOf = (nodes: number) => (index: number) => String(index + 1).padStart(String(nodes).length, "0")

export const makeRuntimeHarness = Effect.gen(function* () {
  const scope = yield* Effect.scope
  let running: Running | undefined
  const act = <T, E>(use: (running: Running) => Effect.Effect<T, E>): Effect.Effect<T, string> =>
    Effect.suspend((): Effect.Effect<T, string> =>
      running === undefined ? Effect.fail("there is no cluster") : Effect.mapError(use(running), String)
    )

  const create = (setup: Setup) =>
    Effect.gen(function* () {
      const cluster = yield* TestCluster.make({
        nodes: setup.nodes,
        seed: setup.seed,
        idOf: idOf(setup.nodes),
        node: {
          membership: setup.config,
          broadcast: setup.broadcast,
          handshakeTimeout: Math.max(1, Math.floor((setup.config.requestTimeoutMillis * 2) / 3))
        },
        network: { latency: { _tag: "Constant", micros: setup.latencyMillis * 1_000 } }
      })
      const collected = yield* cluster.collect(topic)
      // A script starts its nodes one by one; until then nobody listens at their addresses.
      yield* cluster.kill(...cluster.running())
      running = { cluster, collected, started: new Set(), told: new Map() }
    }).pipe(Scope.provide(scope), Effect.mapError(String))

  const join = (node: number, contacts: ReadonlyArray<number>) =>
    act(({ cluster, started }) =>
      Effect.gen(function* () {
        started.add(node)
        yield* cluster.start(node - 1)
        yield* cluster.join(
          node - 1,
          contacts.map((contact) => contact - 1)
        )
      })
    )

  const harness: Harness = {
    create,
    join,
    restart: join,
    kill: (node) => act(({ cluster }) => cluster.kill(node - 1)),
    leave: (node) => act(({ cluster }) => cluster.leave(node - 1)),
    publish: (node, said) =>
      act(({ cluster }) =>
        Effect.gen(function* () {
          // Its answer takes a turn of the node's own fiber.
          yield* Effect.forkIn(cluster.publish(node - 1, topic, new TextEncoder().encode(said)), scope, {
            startImmediately: true
          })
          yield* cluster.pass(0)
        })
      ),
    advance: (millis) => act(({ cluster }) => cluster.pass(millis)),
    views: act(({ cluster, started }) =>
      Effect.map(cluster.views, (views) =>
        [...started].map((node): Views => {
          const found = views.find(({ id }) => Number(id) === node)
          return {
            node,
            up: found !== undefined,
            active: found?.active.map(Number) ?? [],
            passive: found?.passive.map(Number) ?? []
          }
        })
      )
    ),
    deliveries: act(({ collected, started, told }) =>
      Effect.sync(() =>
        [...started].flatMap((node) => {
          const all = collected.of(node - 1)
          const news = all.slice(told.get(node) ?? 0)
          told.set(node, all.length)
          return news.flatMap((delivery): ReadonlyArray<Delivery> =>
            delivery._tag === "Message"
              ? [{ node, source: Number(delivery.id.source), text: text.decode(delivery.payload) }]
              : []
          )
        })
      )
    )
  }
  return harness
})
