/**
 * What an application does to a node, interrupted at moments drawn from a seed, while nodes are built, closed amid and built
 * again: nothing hangs, dies, stays behind, or is logged as an error.
 */
import { assert, describe, it } from "@effect/vitest"
import { Random } from "@hyparview/core"
import { VirtualClock } from "@hyparview/testing"
import { MemoryNetwork, MemoryTransport } from "@hyparview/transport-memory"
import { Cause, Context, Effect, Exit, Fiber, Layer, Logger, Schema, Scope, Stream } from "effect"
import { Broadcast, ControlledTransport, Discovery, Membership, Node, PeerStore } from "../src/index.ts"

type Services = Membership.Membership | Broadcast.Broadcast | ControlledTransport.TransportControl

/** A pause in which a build may be interrupted. */
const SlowStore = Layer.succeed(PeerStore.PeerStore, {
  load: Effect.delay(Effect.undefined, 2),
  save: () => Effect.sleep(1)
})

const nodeAt = (id: string) =>
  Layer.fresh(
    Node.layer({ id, cluster: "test", seed: 1, outboxBytes: 20_000, waitingPublishers: 4 }).pipe(
      Layer.provideMerge(ControlledTransport.layer().pipe(Layer.provide(MemoryTransport.layer({ address: id })))),
      Layer.provide([Discovery.Discovery.layerStatic(["n0"]), SlowStore])
    )
  )

const withMembership = <A, E>(use: (membership: Membership.Membership["Service"]) => Effect.Effect<A, E>) =>
  Effect.flatMap(Membership.Membership, use)
const withBroadcast = <A, E, R>(use: (broadcast: Broadcast.Broadcast["Service"]) => Effect.Effect<A, E, R>) =>
  Effect.flatMap(Broadcast.Broadcast, use)
const payload = new Uint8Array(2_000)

/** None of them outlives its node, not even where it begins after that. */
const uses: Readonly<Record<string, Effect.Effect<unknown, unknown, Services>>> = {
  join: withMembership((membership) => Effect.forever(Effect.delay(membership.join(["n0"]), 3))),
  leave: withMembership((membership) => Effect.delay(membership.leave, 5)),
  awaitNeighbors: withMembership((membership) => membership.awaitNeighbors(5)),
  events: withMembership((membership) => Stream.runDrain(membership.events)),
  publish: withBroadcast((broadcast) =>
    Effect.forever(
      Effect.delay(
        Effect.all(
          Array.from({ length: 8 }, () => broadcast.publish("a", payload, { whenFull: "wait" })),
          { concurrency: 8 }
        ),
        1
      )
    )
  ),
  subscribe: withBroadcast((broadcast) => Stream.runDrain(broadcast.subscribe("a", { order: "source", history: 9 }))),
  takeOne: withBroadcast((broadcast) =>
    Effect.repeat(Stream.runHead(broadcast.subscribe("a")), { until: ({ _tag }) => _tag === "None" })
  ),
  merged: withBroadcast((broadcast) =>
    Stream.runDrain(
      Stream.mergeAll(
        ["a", "a", "b"].map((topic) => broadcast.subscribe(topic)),
        { concurrency: "unbounded" }
      )
    )
  ),
  pulled: withBroadcast((broadcast) =>
    Effect.scoped(
      Effect.flatMap(Stream.toPull(broadcast.subscribe("a")), (pull) => Effect.forever(Effect.timeoutOption(pull, 1)))
    )
  ),
  typed: withBroadcast((broadcast) =>
    Effect.flatMap(broadcast.topic("a", Schema.String), (topic) => Stream.runDrain(topic.subscribe({ history: 3 })))
  ),
  validate: withBroadcast((broadcast) =>
    Effect.scoped(
      Effect.andThen(
        broadcast.validate("a", () => Effect.delay(Effect.succeed("accept" as const), 2)),
        Effect.sleep(40)
      )
    )
  ),
  block: Effect.flatMap(ControlledTransport.TransportControl, (control) =>
    Effect.forEach(
      ["silent", "reset"] as const,
      (mode) => Effect.andThen(Effect.delay(control.block(["n0", "n1"], { mode }), 4), Effect.delay(control.heal, 4)),
      { discard: true }
    )
  )
}

/** What one use of a node came to, as soon as it has. */
interface Used {
  readonly use: string
  readonly fiber: Fiber.Fiber<unknown, unknown>
}

const round = (seed: number) =>
  Effect.gen(function* () {
    const random = Random.seeded(seed)
    const below = (bound: number) => Random.nextBelow(random, bound)
    const scope = yield* Effect.scope
    const used: Array<Used> = []

    const use = (services: Context.Context<Services>) =>
      Effect.gen(function* () {
        const [name, effect] = Object.entries(uses)[below(Object.keys(uses).length)] ?? assert.fail("no use")
        const fiber = yield* Effect.forkIn(Effect.provide(effect, services), scope, { startImmediately: true })
        used.push({ use: name, fiber })
      })

    /** A life of a node: built, perhaps interrupted in that; used; closed, by then or meanwhile. */
    const live = (id: string) =>
      Effect.gen(function* () {
        const own = yield* Scope.make()
        const building = yield* Effect.forkChild(Layer.buildWithScope(nodeAt(id), own), { startImmediately: true })
        if (below(4) === 0) {
          yield* Effect.sleep(below(5))
          yield* Fiber.interrupt(building)
        }
        const built = yield* Fiber.await(building)
        if (Exit.isSuccess(built)) {
          yield* Context.get(built.value, Membership.Membership).join(["n0"])
          for (let turn = 0; turn < 12; turn++) {
            yield* use(built.value)
            if (below(2) === 0) yield* Effect.sleep(below(20))
            if (below(2) === 0) yield* Effect.yieldNow
            const chosen = used[below(used.length)]
            if (below(3) === 0 && chosen !== undefined) yield* Fiber.interrupt(chosen.fiber)
          }
        } else assert.isTrue(Cause.hasInterruptsOnly(built.cause), Cause.pretty(built.cause))
        yield* Scope.close(own, Exit.void)
        if (Exit.isSuccess(built)) for (let late = 0; late < 3; late++) yield* use(built.value)
      })

    const lives = yield* Effect.forEach(["n0", "n1", "n2"], (id) =>
      Effect.forkChild(Effect.repeat(live(id), { times: 3 }), { startImmediately: true })
    )
    yield* Effect.forkChild(Fiber.joinAll(lives))
    yield* VirtualClock.adjust("5 minutes")
    for (const life of lives) assert.isTrue(Exit.isSuccess(life.pollUnsafe() ?? assert.fail("a life that hangs")))
    for (const { fiber, use } of used) {
      const exit = fiber.pollUnsafe()
      if (exit === undefined) assert.fail(`${use} outlives its node`)
      if (Exit.isFailure(exit)) assert.isFalse(Cause.hasDies(exit.cause), `${use}: ${Cause.pretty(exit.cause)}`)
    }
    const { statistics } = yield* MemoryNetwork.MemoryNetwork
    assert.strictEqual(statistics.linksOpened, statistics.linksClosed + statistics.linksReset)
    assert.strictEqual(yield* VirtualClock.virtualClockWith(({ sleepers }) => sleepers), 0)
    return statistics.linksOpened
  }).pipe(
    Effect.scoped,
    Effect.provide(MemoryNetwork.layer({ seed, bytesPerSecond: 200_000, receiveLimitBytes: 4_096 }))
  )

describe("whatever is interrupted, whenever", () => {
  it.live("a node goes on or ends, and leaves nothing behind", () => {
    const errors: Array<string> = []
    const logger = Logger.make<unknown, void>(({ cause, logLevel, message }) => {
      if (logLevel === "Error" || logLevel === "Fatal") errors.push(`${String(message)} ${Cause.pretty(cause)}`)
    })
    return Effect.gen(function* () {
      let links = 0
      for (let seed = 1; seed <= 15; seed++) links += yield* round(seed).pipe(Effect.provide(VirtualClock.layer()))
      assert.isAbove(links, 200)
      assert.deepStrictEqual(errors, [])
    }).pipe(Effect.provide(Logger.layer([logger])))
  })
})
