/** The sizes name everything in a state that grows, each with a bound that the configuration sets. */
import { assert, describe, it } from "@effect/vitest"
import { HyParView, Node, Plumtree, Random } from "@hyparview/core"
import { sizesOf } from "@hyparview/faults/Sizes"
import { Result } from "effect"

const config: Node.Config = {
  membership: Result.getOrThrow(HyParView.forClusterSize(100)),
  broadcast: Result.getOrThrow(Plumtree.makeConfig({ sourcesSize: 20, gapsSize: 4 }))
}

const peer = (id: string) => ({ id, epoch: 1, address: id })

const start = () => Node.init({ config, self: peer("a"), random: Random.seeded(1) })

const link = { asker: "a", epoch: 1, requestId: 1 }

/** A node that has joined through `b`. */
const joined = (): Node.State => {
  let state = start()
  const inputs: ReadonlyArray<Node.Input> = [
    { _tag: "Join", now: 0, contacts: ["b"] },
    { _tag: "LinkOpened", now: 1, address: "b", peer: peer("b") }
  ]
  for (const input of inputs) state = Node.step(state, input).state
  const requestId = state.membership.pending[0]?.requestId ?? 0
  return Node.step(state, {
    _tag: "Received",
    now: 2,
    from: peer("b"),
    message: {
      _tag: "NeighborReply",
      requestId,
      answer: "accepted",
      retryAfterMillis: 0,
      sample: { peers: [], ages: [] }
    }
  }).state
}

const sizeIn = (state: Node.State, name: string) => sizesOf(state).find((size) => size.name === name)?.size

describe("the sizes of a state", () => {
  it("are none at the start, all named once, and all bounded", () => {
    const sizes = sizesOf(start())
    assert.isTrue(sizes.every(({ bound, size }) => size === 0 && bound > 0))
    assert.strictEqual(new Set(sizes.map(({ name }) => name)).size, sizes.length)
  })

  it("count neighbours, streams, what is kept of them, and what is missing", () => {
    let state = joined()
    assert.strictEqual(sizeIn(state, "membership.active"), 1)
    state = Node.step(state, { _tag: "Publish", now: 10, topic: "t", payload: new Uint8Array(100) }).state
    assert.strictEqual(sizeIn(state, "broadcast.topics"), 1)
    assert.strictEqual(sizeIn(state, "broadcast.streams"), 1)
    assert.strictEqual(sizeIn(state, "broadcast.held"), 1)
    assert.strictEqual(sizeIn(state, "broadcast.heldBytes"), state.broadcast.streams.bytes)
    const gossip = (sequence: number, source: string): Node.Input => ({
      _tag: "Received",
      now: 20 + sequence,
      from: peer("b"),
      message: {
        _tag: "Carried",
        link: { ...link, requestId: state.membership.active[0]?.link.requestId ?? 0 },
        body: {
          _tag: "Gossip",
          id: { source, epoch: 1, topic: "t", sequence },
          round: 1,
          publishedAt: 0,
          ageMillis: 0,
          payload: new Uint8Array(10),
          replay: undefined
        }
      }
    })
    // One is missing between the first and the last.
    for (const input of [gossip(0, "c"), gossip(2, "c")]) state = Node.step(state, input).state
    assert.strictEqual(sizeIn(state, "broadcast.streams"), 2)
    assert.strictEqual(sizeIn(state, "broadcast.held"), 3)
    assert.strictEqual(sizeIn(state, "broadcast.runs"), 1)
    assert.strictEqual(sizeIn(state, "broadcast.gaps"), 1)
  })

  it("count what is remembered of streams that had no room, within its bound", () => {
    let state = joined()
    for (let topic = 0; topic < 70; topic++) {
      state = Node.step(state, {
        _tag: "Publish",
        now: 10 + topic,
        topic: `t${topic}`,
        payload: new Uint8Array(1)
      }).state
    }
    assert.strictEqual(sizeIn(state, "broadcast.streams"), 20)
    const forgotten = sizesOf(state).find(({ name }) => name === "broadcast.forgotten")
    assert.isAtLeast(forgotten?.size ?? 0, 20)
    assert.isAtMost(forgotten?.size ?? 0, forgotten?.bound ?? 0)
  })
})
