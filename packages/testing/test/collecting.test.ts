/** The judge of what nodes were handed, on deliveries made by hand: a judge that cannot find fault is no judge. */
import { assert, describe, it } from "@effect/vitest"
import type { Broadcast } from "@hyparview/runtime"
import { faultsOf } from "../src/internal/collecting.ts"

const id = (sequence: number, epoch = 1) => ({ source: "a", epoch, topic: "t", sequence })

const message = (sequence: number, epoch = 1): Broadcast.Delivery => ({
  _tag: "Message",
  id: id(sequence, epoch),
  payload: new Uint8Array(1),
  publishedAt: 0,
  hops: 1,
  history: false
})

const lost = (first: number, last: number): Broadcast.Delivery => ({
  _tag: "Lagged",
  cause: "network",
  topic: "t",
  source: "a",
  epoch: 1,
  first,
  last,
  missed: last - first + 1
})

const check = { ids: [id(0), id(1)], nodes: [0] }

describe("the judge of deliveries", () => {
  it("finds nothing wrong with each message once, in any order unless order is asked for", () => {
    assert.deepStrictEqual(faultsOf([[message(1), message(0)]], check), [])
    assert.deepStrictEqual(faultsOf([[message(1), message(0)]], { ...check, inOrder: true }), ["got a@1/t#0 after #1"])
  })

  it("finds what is missing, and what came twice", () => {
    assert.deepStrictEqual(faultsOf([[message(0)]], check), ["did not get a@1/t#1"])
    assert.deepStrictEqual(faultsOf([[message(0), message(1), message(0)]], check), ["got a@1/t#0 2 times"])
  })

  it("takes what was told to be lost for known, unless all must be delivered", () => {
    assert.deepStrictEqual(faultsOf([[message(0), lost(1, 5)]], check), [])
    assert.deepStrictEqual(faultsOf([[message(0), lost(1, 5)]], { ...check, allDelivered: true }), ["lost a@1/t#1"])
  })

  it("finds what came although it was told to be lost", () => {
    assert.deepStrictEqual(faultsOf([[message(0), lost(1, 1), message(1)]], check), [
      "got a@1/t#1, and was told that it is lost"
    ])
  })

  it("judges each incarnation by itself: the latest must have all, none may have anything twice", () => {
    assert.deepStrictEqual(faultsOf([[message(0)], [message(0), message(1)]], check), [])
    assert.deepStrictEqual(faultsOf([[message(0), message(1)], [message(0)]], check), ["did not get a@1/t#1"])
    assert.deepStrictEqual(
      faultsOf(
        [
          [message(0), message(0)],
          [message(0), message(1)]
        ],
        check
      ),
      ["got a@1/t#0 2 times"]
    )
  })

  it("tells the incarnations of a source apart", () => {
    assert.deepStrictEqual(faultsOf([[message(3), message(0, 2)]], { ids: [id(0, 2)], nodes: [0], inOrder: true }), [])
  })
})
