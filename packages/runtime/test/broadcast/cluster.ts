/** What the tests of the broadcast over a cluster share. */
import type { Plumtree } from "@hyparview/core"
import { TestCluster, VirtualClock } from "@hyparview/testing"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

export const range = (from: number, to: number): ReadonlyArray<number> =>
  Array.from({ length: to - from }, (_, index) => from + index)

/** Bytes that tell one payload from another. */
export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
export const text = (payload: Uint8Array): string => new TextDecoder().decode(payload)

/** Runs on virtual time, within a scope of its own. */
export const virtually = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>): Effect.Effect<A, E> =>
  effect.pipe(Effect.scoped, Effect.provide(VirtualClock.layer()))

/** A cluster whose nodes have joined and come to rest. */
export const settled = (options: TestCluster.Options) =>
  Effect.gen(function* () {
    const cluster = yield* TestCluster.make(options)
    yield* cluster.joinAll()
    yield* cluster.settle()
    return cluster
  })

/** Publishes one after the other from each of these nodes, and lets a little time pass after each round. */
export const publishRounds = (
  cluster: TestCluster.TestCluster,
  nodes: ReadonlyArray<number>,
  rounds: number,
  topic = "news",
  every = 20
) =>
  Effect.gen(function* () {
    const ids: Array<Plumtree.MessageId> = []
    for (const round of range(0, rounds)) {
      for (const node of nodes) ids.push(yield* cluster.publish(node, topic, bytes(`${node}:${round}`)))
      yield* cluster.pass(every)
    }
    return ids
  })

/** Everything that a stream gives from now on. */
export const listening = <A, E>(stream: Stream.Stream<A, E>) =>
  Effect.gen(function* () {
    const got: Array<A> = []
    const fiber = yield* stream.pipe(
      Stream.runForEach((item) => Effect.sync(() => got.push(item))),
      Effect.forkScoped({ startImmediately: true })
    )
    return { got, stop: Fiber.interrupt(fiber) }
  })

/** Four nodes. The last was dead while the first published 0 to 2,999; it is started again, and has not joined. */
export const withOneBehind = Effect.gen(function* () {
  const cluster = yield* settled({ nodes: 4, seed: 3, network: { latency: { _tag: "Constant", micros: 20_000 } } })
  yield* cluster.kill(3)
  for (const round of range(0, 30)) {
    for (const each of range(0, 100)) yield* cluster.publish(0, "news", bytes(`${100 * round + each}`))
    yield* cluster.pass(50)
  }
  yield* cluster.start(3)
  return cluster
})
