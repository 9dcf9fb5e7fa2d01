/** What may be asked of a state, on states that steps have made. */
import { assert, describe, it } from "@effect/vitest"
import * as Plumtree from "@hyparview/core/Plumtree"
import { seeded } from "@hyparview/core/Random"
import * as Result from "effect/Result"

const peer = (id: string) => ({ id, epoch: 1, address: id })
const start = (override: Plumtree.Override = {}): Plumtree.State => {
  const config = Result.getOrThrow(Plumtree.makeConfig(override))
  const state = Plumtree.init<string, string>({ config, self: peer("self"), random: seeded(1) })
  return Plumtree.step(state, { _tag: "NeighborUp", now: 0, peer: peer("b") }).state
}

const receive = (state: Plumtree.State, source: string, sequence: number, epoch = 1): Plumtree.State =>
  Plumtree.step(state, {
    _tag: "Received",
    now: 1,
    from: peer("b"),
    message: {
      _tag: "Gossip",
      id: { source, epoch, topic: "t", sequence },
      round: 1,
      publishedAt: 0,
      ageMillis: 0,
      payload: new Uint8Array(1),
      replay: undefined
    }
  }).state

const missing = (state: Plumtree.State, source: string, epoch = 1) =>
  Plumtree.firstMissing(state, { source, epoch, topic: "t" })

describe("the first that is missing", () => {
  it("is unknown of a source that is not known, or not in that incarnation", () => {
    assert.isUndefined(missing(start(), "a"))
    assert.isUndefined(missing(receive(start(), "a", 0), "a", 2))
  })

  it("is the next one, while there is no gap, and the gap while there is one", () => {
    let state = receive(receive(start(), "a", 0), "a", 1)
    assert.strictEqual(missing(state, "a"), 2)
    state = receive(receive(state, "a", 4), "a", 3)
    assert.strictEqual(missing(state, "a"), 2)
    state = receive(state, "a", 2)
    assert.strictEqual(missing(state, "a"), 5)
  })

  it("is one that waits for a verdict, until it has one", () => {
    let state = Plumtree.step(start(), { _tag: "ValidateTopic", now: 0, topic: "t", on: true }).state
    state = receive(receive(state, "a", 0), "a", 1)
    assert.strictEqual(missing(state, "a"), 0)
    const id = { source: "a", epoch: 1, topic: "t", sequence: 0 }
    state = Plumtree.step(state, { _tag: "Validated", now: 2, id, verdict: "reject" }).state
    assert.strictEqual(missing(state, "a"), 1)
  })

  it("is found among hundreds of sources", () => {
    let state = start()
    for (let source = 0; source < 300; source++) {
      state = receive(receive(state, `s${source}`, 0), `s${source}`, source % 2 === 0 ? 1 : 2)
    }
    for (let source = 0; source < 300; source++) {
      assert.strictEqual(missing(state, `s${source}`), source % 2 === 0 ? 2 : 1, `s${source}`)
    }
    assert.strictEqual(Plumtree.sizes(state).retained.messages, 600)
  })
})

describe("what is missing", () => {
  const missingOf = (state: Plumtree.State, source: string, first: number, last: number) =>
    Plumtree.missingOf(state, { source, epoch: 1, topic: "t" }, first, last)

  it("is all of a source that is not known, and else what was not delivered, to the end", () => {
    assert.deepStrictEqual(missingOf(start(), "a", 2, 5), [2, 5])
    assert.deepStrictEqual(missingOf(start(), "a", 5, 4), [])
    const state = receive(receive(receive(start(), "a", 0), "a", 3), "a", 4)
    assert.deepStrictEqual(missingOf(state, "a", 0, 9), [1, 2, 5, 9])
    assert.deepStrictEqual(missingOf(state, "a", 2, 4), [2, 2])
  })

  it("is also what waits for a verdict, and not what was refused", () => {
    let state = Plumtree.step(start(), { _tag: "ValidateTopic", now: 0, topic: "t", on: true }).state
    for (const sequence of [0, 7, 1, 3, 5]) state = receive(state, "a", sequence)
    for (const sequence of [0, 1]) state = receive(state, "b", sequence)
    assert.deepStrictEqual(missingOf(state, "a", 1, 9), [1, 9])
    assert.deepStrictEqual(missingOf(state, "b", 0, 1), [0, 1])
    for (const sequence of [0, 3]) {
      const id = { source: "a", epoch: 1, topic: "t", sequence }
      state = Plumtree.step(state, { _tag: "Validated", now: 2, id, verdict: "reject" }).state
    }
    assert.deepStrictEqual(missingOf(state, "a", 0, 9), [1, 2, 4, 9])
    assert.deepStrictEqual(missingOf(state, "a", 0, 5), [1, 2, 4, 5])
  })

  it("is named once where it waits for a verdict, and its origin has made room and begun anew", () => {
    const validated = { _tag: "ValidateTopic", now: 0, topic: "t", on: true } as const
    let state = Plumtree.step(start({ sourcesSize: 1 }), validated).state
    // So many have come since that it is not remembered any more what was done of "a".
    for (const source of ["a", "b", "c", "d"]) state = receive(state, source, 9)
    state = receive(state, "a", 12)
    assert.deepStrictEqual(missingOf(state, "a", 0, 20), [0, 20])
    assert.deepStrictEqual(missingOf(state, "a", 9, 20), [9, 20])
  })
})
