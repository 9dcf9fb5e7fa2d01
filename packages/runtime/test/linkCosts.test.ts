/** What links cost, as the runtime measures it for X-BOT: by itself, and in clusters on virtual time. */
import { assert, describe, it } from "@effect/vitest"
import { HyParView, type Node as CoreNode, type Peer } from "@hyparview/core"
import * as Latency from "@hyparview/faults/Latency"
import { TestCluster, VirtualClock } from "@hyparview/testing"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { makeLinkCosts } from "../src/internal/linkCosts.ts"
import * as Node from "../src/Node.ts"

const peer = (id: string, epoch = 1): Peer.Peer => ({ id, epoch, address: `at ${id}` })

const membership = (override: Partial<HyParView.Config> = {}): HyParView.Config =>
  Result.getOrThrow(
    HyParView.forClusterSize(100, {
      optimizeCandidates: 4,
      memorySize: 4,
      cycleMillis: 30_000,
      requestTimeoutMillis: 3_000,
      ...override
    })
  )

/** The costs of one node, and a world that waits to be told what happens. */
const subject = (override: Partial<HyParView.Config> = {}) => {
  const sent: Array<{ readonly to: string; readonly nonce: number }> = []
  const answers: Array<readonly [number, ReadonlyArray<number | undefined>]> = []
  const open = new Set<string>()
  const clock = { now: 1_000, wakeAt: 0 }
  const settings = Result.getOrThrow(Node.resolve({ id: "self", cluster: "test", membership: membership(override) }))
  const costs = makeLinkCosts(settings, {
    exact: () => clock.now,
    isOpen: (id) => open.has(id),
    send: (to, message) => {
      if (message._tag === "Probe") sent.push({ to: to.id, nonce: message.nonce })
    },
    answer: (nonce, costs) => answers.push([nonce, costs]),
    wakeAt: (at) => {
      clock.wakeAt = at
    }
  })
  /** The last probe to a peer is answered after so many milliseconds. */
  const replies = (id: string, millis: number, by: Peer.Peer = peer(id)): void => {
    const probe = sent.findLast(({ to }) => to === id)
    clock.now += millis
    const reply: CoreNode.Message = { _tag: "ProbeReply", nonce: probe?.nonce ?? 0 }
    costs.received(by, [reply])
  }
  return { answers, clock, costs, open, replies, sent }
}

describe("what links cost", () => {
  it("is measured by the second probe where the first has to open a link", () => {
    const { answers, costs, replies, sent } = subject()
    costs.measure(7, [peer("a")])
    replies("a", 900)
    assert.deepStrictEqual([sent.length, answers], [2, []])
    replies("a", 12.5)
    assert.deepStrictEqual(answers, [[7, [12_500]]])
  })

  it("is measured by the first over an open link", () => {
    const { answers, costs, open, replies } = subject()
    open.add("a")
    costs.measure(7, [peer("a")])
    replies("a", 20)
    assert.deepStrictEqual(answers, [[7, [20_000]]])
  })

  it("is remembered for two cycles, and told at once", () => {
    const { answers, clock, costs, open, replies, sent } = subject()
    open.add("a")
    costs.measure(7, [peer("a")])
    replies("a", 20)
    clock.now += 59_000
    costs.measure(8, [peer("a")])
    assert.deepStrictEqual([answers.at(-1), sent.length], [[8, [20_000]], 1])
    clock.now += 2_000
    costs.measure(9, [peer("a")])
    assert.strictEqual(sent.length, 2)
  })

  it("is measured by heartbeats as they go", () => {
    const { answers, clock, costs } = subject()
    const link = { asker: "self", epoch: 1, requestId: 1 }
    costs.sent(peer("a"), { _tag: "Heartbeat", link, nonce: 3 })
    clock.now += 30
    costs.received(peer("a"), [{ _tag: "HeartbeatReply", link, nonce: 2 }])
    costs.received(peer("a"), [{ _tag: "HeartbeatReply", link, nonce: 3 }])
    costs.measure(7, [peer("a")])
    assert.deepStrictEqual(answers, [[7, [30_000]]])
  })

  it("is smoothed: a late answer moves it by an eighth", () => {
    const { answers, clock, costs } = subject()
    const link = { asker: "self", epoch: 1, requestId: 1 }
    for (const [nonce, millis] of [
      [1, 16],
      [2, 96]
    ] as const) {
      costs.sent(peer("a"), { _tag: "Heartbeat", link, nonce })
      clock.now += millis
      costs.received(peer("a"), [{ _tag: "HeartbeatReply", link, nonce }])
    }
    costs.measure(7, [peer("a")])
    assert.deepStrictEqual(answers, [[7, [26_000]]])
  })

  it("is that of an incarnation, and begins anew with the next", () => {
    const { answers, costs, open, replies, sent } = subject()
    open.add("a")
    costs.measure(7, [peer("a")])
    replies("a", 20)
    costs.measure(8, [peer("a", 2)])
    assert.strictEqual(sent.length, 2)
    replies("a", 40, peer("a", 2))
    assert.deepStrictEqual(answers.at(-1), [8, [40_000]])
  })

  it("is unknown of whoever cannot be reached, or does not answer in time", () => {
    const { answers, clock, costs, open, replies } = subject()
    open.add("b")
    costs.measure(7, [peer("a"), peer("b"), peer("c")])
    costs.lost("a")
    replies("b", 10)
    assert.deepStrictEqual(answers, [])
    clock.now = clock.wakeAt
    costs.expire()
    assert.deepStrictEqual(answers, [[7, [undefined, 10_000, undefined]]])
    // Before the node gives up.
    assert.isBelow(clock.wakeAt, 1_000 + 3_000)
  })

  it("is told for the latest question only", () => {
    const { answers, costs, open, replies } = subject()
    open.add("b")
    costs.measure(7, [peer("a")])
    costs.measure(8, [peer("b")])
    replies("a", 10)
    replies("b", 10)
    assert.deepStrictEqual(answers, [[8, [20_000]]])
  })

  it("is remembered of at most memorySize peers, the latest", () => {
    const { answers, costs, open, replies, sent } = subject()
    const ids = ["a", "b", "c", "d", "e", "f"]
    for (const [index, id] of ids.entries()) {
      open.add(id)
      costs.measure(index, [peer(id)])
      replies(id, 10)
    }
    costs.measure(
      9,
      ids.slice(2).map((id) => peer(id))
    )
    assert.deepStrictEqual([sent.length, answers.at(-1)?.[0]], [6, 9])
    costs.measure(10, [peer("a")])
    assert.strictEqual(sent.length, 7)
  })
})

/** Two places, 60 ms apart, with noise; half a millisecond within each. */
const twoPlaces: Latency.LatencyModel = {
  _tag: "Geographic",
  matrixMicros: [
    [500, 60_000],
    [60_000, 500]
  ],
  jitterShare: 0.2
}

/** The share of links between the two places after 80 cycles, and how many of four messages each node got. */
const lived = (optimizeCandidates: number) =>
  Effect.gen(function* () {
    const cluster = yield* TestCluster.make({
      nodes: 24,
      seed: 3,
      node: {
        membership: membership({ optimizeCandidates, memorySize: 64, cycleMillis: 10_000, heartbeatMillis: 20_000 })
      },
      network: { latency: twoPlaces }
    })
    const collected = yield* cluster.collect("news")
    yield* cluster.joinAll({ every: "1 second" })
    yield* cluster.settle()
    for (let quarter = 0; quarter < 4; quarter++) {
      yield* cluster.pass("200 seconds")
      yield* cluster.publish(quarter, "news", new Uint8Array(8))
    }
    yield* cluster.pass("10 seconds")
    yield* cluster.settle()
    const index = new Map(cluster.running().map((node) => [cluster.idOf(node), node]))
    let links = 0
    let between = 0
    for (const { active, id } of yield* cluster.overlay) {
      for (const other of active) {
        links++
        if (((index.get(id) ?? 0) + (index.get(other) ?? 0)) % 2 === 1) between++
      }
    }
    return { between: between / links, delivered: cluster.running().map((node) => collected.of(node).length) }
  }).pipe(Effect.scoped, Effect.provide(VirtualClock.layer()))

describe("a cluster over two places", () => {
  it.live(
    "exchanges links for shorter ones by what it has measured, and delivers as before",
    () =>
      Effect.gen(function* () {
        const random = yield* lived(0)
        const optimized = yield* lived(4)
        assert.isAbove(random.between, 0.35)
        assert.isBelow(optimized.between, 0.7 * random.between, `${random.between}, then ${optimized.between}`)
        for (const delivered of [...random.delivered, ...optimized.delivered]) assert.strictEqual(delivered, 4)
      }),
    300_000
  )
})
