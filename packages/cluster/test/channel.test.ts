import { assert, describe, it } from "@effect/vitest"
import { Control, NoSuchNode, NotBlocked, NotPublished } from "@hyparview/cluster/Control"
import { Deferred, Effect, Exit, Fiber, Layer } from "effect"
import * as RpcServer from "effect/rpc/RpcServer"
import { EventEmitter } from "node:events"
import { layerServer, makeClient, type Port } from "../src/internal/channel.ts"

/** Two ends of an IPC channel in one process: what one sends arrives at the other as Node's IPC would bring it, JSON. */
const makePair = () => {
  const ends = [new EventEmitter(), new EventEmitter()] as const
  let isOpen = true
  const portOf = (mine: EventEmitter, other: EventEmitter): Port => ({
    send: (message, callback) => {
      const text = JSON.stringify(message)
      queueMicrotask(() => {
        if (isOpen) other.emit("message", JSON.parse(text))
        callback(isOpen ? null : new Error("ERR_IPC_CHANNEL_CLOSED"))
      })
      return true
    },
    on: (event, listener) => mine.on(event, listener),
    off: (event, listener) => mine.off(event, listener)
  })
  const close = () => {
    isOpen = false
    for (const end of ends) end.emit("disconnect")
  }
  return { parent: portOf(ends[0], ends[1]), child: portOf(ends[1], ends[0]), ends, close }
}

const usage = {
  pid: 7,
  nodes: 2,
  residentBytes: 3,
  heapBytes: 2,
  externalBytes: 1,
  handles: { Timeout: 1 },
  fibers: 4,
  cpuMicros: 1,
  atMillis: 0.5
}

const view = {
  id: "n1",
  epoch: 3,
  address: "127.0.0.1:1",
  status: "joined" as const,
  active: ["n2"],
  passive: [],
  passiveSize: 4,
  pending: 0,
  graveyard: 0,
  links: 1,
  sent: 10,
  received: 11,
  delivered: 0,
  duplicates: 0,
  eager: [],
  outboxBytes: 0
}

const unwatched = { topics: ["t"], watched: false }

/** A worker that knows `n1` alone. `stuck`: opened by whoever waits for an answer that never comes. */
const handlers = (stuck: Deferred.Deferred<void>) =>
  Control.toLayer({
    Start: ({ nodes }) => Effect.succeed(nodes.map(({ id, port }) => ({ id, address: `127.0.0.1:${port}` }))),
    Join: ({ nodes }) =>
      nodes.includes("n1") ? Effect.void : Effect.fail(new NoSuchNode({ node: nodes[0] ?? "nobody" })),
    Poll: () => Effect.succeed([view]),
    Publish: ({ node }) => Effect.fail(new NotPublished({ node, detail: "not joined" })),
    CountDeliveries: () => Effect.succeed(0),
    Deliveries: () => Effect.succeed([]),
    Inspect: ({ node }) => Effect.fail(new NoSuchNode({ node })),
    TakeLinkLosses: () => Effect.succeed([]),
    TakeTold: () => Effect.succeed({ told: [], lagged: [], dropped: 0 }),
    Sizes: () => Effect.succeed([]),
    Kill: () => Effect.void,
    Block: () => Effect.fail(new NotBlocked({ node: "n1", detail: "too many" })),
    Heal: () => Effect.void,
    Leave: () => Effect.andThen(Deferred.succeed(stuck, undefined), Effect.never),
    Usage: () => Effect.succeed(usage)
  })

const setUp = Effect.gen(function* () {
  const pair = makePair()
  const stuck = yield* Deferred.make<void>()
  yield* Layer.build(
    RpcServer.layer(Control, { disableTracing: true }).pipe(
      Layer.provide(handlers(stuck)),
      Layer.provide(layerServer(pair.child))
    )
  )
  return { ...pair, stuck, client: yield* makeClient(pair.parent) }
})

describe("the control channel", () => {
  it.effect("carries requests, results and typed errors", () =>
    Effect.gen(function* () {
      const { client } = yield* setUp
      const nodes = [{ id: "n1", port: 4_000, seed: 1 }]
      const started = yield* client.Start({ cluster: "c", clusterSize: 5, host: "127.0.0.1", nodes, ...unwatched })
      assert.deepStrictEqual(started, [{ id: "n1", address: "127.0.0.1:4000" }])
      assert.deepStrictEqual(yield* client.Poll({ passive: false }), [view])
      assert.deepStrictEqual(yield* client.Usage({ collect: false }), usage)
      yield* client.Join({ nodes: ["n1"], contacts: [], atOnce: 1 })
      const stranger = yield* Effect.flip(client.Join({ nodes: ["n9"], contacts: [], atOnce: 1 }))
      assert.instanceOf(stranger, NoSuchNode)
      assert.strictEqual(stranger.message, "n9 does not run")
      const unpublished = yield* Effect.flip(client.Publish({ node: "n1", topic: "t", text: "hello" }))
      assert.instanceOf(unpublished, NotPublished)
      assert.strictEqual(unpublished.message, "n1 did not publish: not joined")
      const cuts = [{ nodes: ["n1"], from: ["127.0.0.1:1"] }]
      const whole = yield* Effect.flip(client.Block({ mode: "reset", cuts }))
      assert.instanceOf(whole, NotBlocked)
      assert.strictEqual(whole.message, "n1 was not cut off: too many")
      yield* client.Heal()
    })
  )

  it.effect("answers requests that are under way at the same time, each to its asker", () =>
    Effect.gen(function* () {
      const { client } = yield* setUp
      const [views, figures] = yield* Effect.all([client.Poll({ passive: true }), client.Usage({ collect: true })], {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(views, [view])
      assert.deepStrictEqual(figures, usage)
    })
  )

  it.effect("fails what is under way, and what comes later, when the other end is gone", () =>
    Effect.gen(function* () {
      const { client, close, stuck } = yield* setUp
      const leaving = yield* Effect.forkChild(client.Leave(), { startImmediately: true })
      yield* Deferred.await(stuck)
      close()
      const ended = yield* Fiber.await(leaving)
      assert.isTrue(Exit.isFailure(ended))
      const later = yield* Effect.flip(client.Poll({ passive: false }))
      assert.strictEqual(later._tag, "RpcClientError")
    })
  )

  it.effect("does not mind what is not a message of its own", () =>
    Effect.gen(function* () {
      const { client, ends } = yield* setUp
      const garbage = [null, 7, "text", {}, { _tag: "Exit" }, { _tag: "Exit", requestId: "9", exit: 3 }, { _tag: "x" }]
      for (const end of ends) {
        for (const message of garbage) end.emit("message", message)
      }
      assert.deepStrictEqual(yield* client.Poll({ passive: false }), [view])
    })
  )

  it.effect("rejects a result that does not match its schema", () =>
    Effect.gen(function* () {
      const { client, ends } = yield* setUp
      const [parent, child] = ends
      // Whatever the child is asked, it answers with a pid that is text.
      child.removeAllListeners("message")
      child.on("message", (message: { readonly id: string }) => {
        const value = { ...usage, pid: "seven" }
        parent.emit("message", { _tag: "Exit", requestId: message.id, exit: { _tag: "Success", value } })
      })
      const exit = yield* Effect.exit(client.Usage({ collect: false }))
      assert.isTrue(Exit.isFailure(exit))
      assert.match(String(exit), /pid/)
    })
  )
})
