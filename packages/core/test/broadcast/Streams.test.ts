/** The table of streams, where one source has very many: topics, and incarnations. */
import { assert, describe, it } from "@effect/vitest"
import * as Plumtree from "@hyparview/core/Plumtree"
import { nextBelow, seeded } from "@hyparview/core/Random"
import * as Result from "effect/Result"
import { stateFaults } from "./Always.ts"

const peer = (id: string) => ({ id, epoch: 1, address: id })

const start = (override: Plumtree.Override = {}): Plumtree.State => {
  const config = Result.getOrThrow(Plumtree.makeConfig(override))
  const state = Plumtree.init<string, string>({ config, self: peer("self"), random: seeded(1) })
  return Plumtree.step(state, { _tag: "NeighborUp", now: 0, peer: peer("b") }).state
}

/** The first message of an origin. */
const idOf = (source: string, number: number): Plumtree.MessageId => ({
  source,
  epoch: number % 3,
  topic: `room ${number}`,
  sequence: 0
})

const receive = (state: Plumtree.State, id: Plumtree.MessageId, now = 1) =>
  Plumtree.step(state, {
    _tag: "Received",
    now,
    from: peer("b"),
    message: {
      _tag: "Gossip",
      id,
      round: 1,
      publishedAt: 0,
      ageMillis: 0,
      payload: new Uint8Array(1),
      replay: undefined
    }
  })

/** How often a stream is looked at while something is done with a state: those behind the first few stand in `far`. */
const looks = (state: Plumtree.State, use: (state: Plumtree.State) => void): number => {
  let count = 0
  const { streams } = state
  const get = (far: typeof streams.far, key: string | symbol): unknown => {
    count++
    return Reflect.get(far, key)
  }
  use({ ...state, streams: { ...streams, far: new Proxy(streams.far, { get }) } })
  return count
}

describe("a source of very many topics", () => {
  it("is found among them without going through them", () => {
    let state = start()
    for (let number = 0; number < 2_000; number++) state = receive(state, idOf("a", number)).state
    const count = looks(state, (watched) => assert.isTrue(Plumtree.hasSeen(watched, idOf("a", 1_234))))
    assert.isBelow(count, 30)
  })

  it("has each of them delivered once, in whatever order they come, as long as the table and what it has dropped remember", () => {
    const random = seeded(7)
    const size = 40
    let state = start({ sourcesSize: size })
    const came: Array<Plumtree.MessageId> = []
    for (let round = 0; round < 2_000; round++) {
      const id = idOf(["a", "b"][nextBelow(random, 2)] ?? "a", nextBelow(random, 100))
      // The table remembers so many origins, and as many again are known to be done; the least of it is promised.
      const lately = new Set(came.slice(-size).map(Plumtree.keyOf))
      const { outputs, state: next } = receive(state, id, round)
      state = next
      if (round % 10 === 0) assert.deepStrictEqual(stateFaults(state), [])
      const isNew = outputs.some(({ _tag }) => _tag === "Delivered")
      assert.isFalse(isNew && lately.has(Plumtree.keyOf(id)), `${round}: ${Plumtree.keyOf(id)} came twice`)
      if (isNew) came.push(id)
      assert.isTrue(isNew || came.some((other) => Plumtree.sameMessage(other, id)))
    }
    assert.isAbove(came.length, 200)
  })
})
