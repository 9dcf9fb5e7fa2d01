import { assert, describe, it } from "@effect/vitest"
import type { Delivery } from "../../src/Broadcast.ts"
import { makeAudiences } from "../../src/internal/audiences.ts"
import { makeInOrder } from "../../src/internal/inOrder.ts"

const setUp = () => {
  const core = { missing: 0 }
  const got: Array<string> = []
  const audiences = makeAudiences<string>({
    hand: (subscriber, delivery) =>
      got.push(`${subscriber}: ${delivery._tag === "Message" ? delivery.id.sequence : delivery.missed}`),
    makeOrder: (topic, handOn) =>
      makeInOrder({
        topic,
        capacity: 10,
        capacityBytes: 10,
        idleSize: 10,
        firstMissing: () => core.missing,
        missingOf: (_source, _epoch, first, last) => [first, last],
        handOn
      })
  })
  const publish = (sequence: number) => {
    const id = { source: "a", epoch: 1, topic: "t", sequence }
    const payload = new Uint8Array(1)
    const delivery: Delivery = { _tag: "Message", id, payload, publishedAt: 0, hops: 1, history: false }
    audiences.hand(id, sequence, delivery)
  }
  /** Ends a turn in which the core came to await this sequence. */
  const turn = (missing: number) => {
    core.missing = missing
    audiences.release()
    return got.splice(0)
  }
  return { audiences, publish, turn }
}

describe("who listens to a topic", () => {
  it("is handed what comes at once, or in its order", () => {
    const { audiences, publish, turn } = setUp()
    audiences.listen("t", "none", "x")
    audiences.listen("t", "source", "y")
    publish(1)
    assert.deepStrictEqual(turn(0), ["x: 1"])
    publish(0)
    assert.deepStrictEqual(turn(2), ["x: 0", "y: 0", "y: 1"])
    assert.deepStrictEqual(audiences.everybody(), ["x", "y"])
  })

  it("is handed nothing more once it has gone, and nothing of it or of the topic is kept", () => {
    const { audiences, publish, turn } = setUp()
    for (const order of ["none", "source"] as const) {
      audiences.listen("t", order, "x")
      audiences.listen("t", order, "y")
      audiences.unlisten("t", "x")
      publish(0)
      assert.deepStrictEqual(turn(1), ["y: 0"])
      assert.deepStrictEqual(audiences.everybody(), ["y"])
      audiences.unlisten("t", "y")
      assert.deepStrictEqual([audiences.size(), audiences.everybody().length], [0, 0])
    }
  })

  it("and wants order begins anew where nobody else did, though others listen without", () => {
    const { audiences, publish, turn } = setUp()
    audiences.listen("t", "none", "x")
    audiences.listen("t", "source", "y")
    publish(1)
    assert.deepStrictEqual(turn(0), ["x: 1"])
    audiences.unlisten("t", "y")
    assert.isUndefined(audiences.orderOf("t"))
    audiences.listen("t", "source", "z")
    assert.deepStrictEqual(turn(2), [])
    audiences.unlisten("t", "x")
    publish(2)
    assert.deepStrictEqual(turn(3), ["z: 2"])
  })

  it("of many topics in order costs a turn nothing while nothing is said of them, and nothing waits", () => {
    const released: Array<string> = []
    const waits = new Set<string>()
    const audiences = makeAudiences<string>({
      hand: () => {},
      makeOrder: (topic) => ({
        add: () => {},
        expect: () => {},
        refuse: () => {},
        release: () => {
          released.push(topic)
          return waits.has(topic)
        }
      })
    })
    const turn = () => {
      audiences.release()
      return released.splice(0)
    }
    for (const topic of ["s", "t", "u"]) audiences.listen(topic, "source", "x")
    assert.deepStrictEqual(turn(), [])
    const id = { source: "a", epoch: 1, topic: "t", sequence: 0 }
    waits.add("t")
    audiences.hand(id, 0, { _tag: "Lagged", cause: "network", ...id, first: 0, last: 0, missed: 1 })
    assert.isDefined(audiences.orderOf("u"))
    assert.deepStrictEqual(turn(), ["t", "u"])
    assert.deepStrictEqual(turn(), ["t"])
    waits.clear()
    assert.deepStrictEqual(turn(), ["t"])
    assert.deepStrictEqual(turn(), [])
  })
})
