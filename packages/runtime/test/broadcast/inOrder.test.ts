import { assert, describe, it } from "@effect/vitest"
import type { Delivery } from "../../src/Broadcast.ts"
import { makeInOrder } from "../../src/internal/inOrder.ts"
import { outside, type Runs, withRun } from "../../src/internal/runs.ts"

/** What the core knows of a source, by hand: the lowest sequence that may still come, and what is over. */
const setUp = (capacity = 100, idleSize = 100, capacityBytes = 1_000) => {
  const missing = new Map<string, number>()
  const known = new Map<string, Runs>()
  const got: Array<string> = []
  const order = makeInOrder({
    topic: "t",
    capacity,
    capacityBytes,
    idleSize,
    firstMissing: (source, epoch) => missing.get(`${source}${epoch}`) ?? Infinity,
    missingOf: (source, epoch, first, last) => outside(known.get(`${source}${epoch}`) ?? [], first, last),
    handOn: (delivery) =>
      got.push(
        delivery._tag === "Message"
          ? `${delivery.id.source}${delivery.id.epoch}#${delivery.id.sequence}`
          : delivery.cause === "network"
            ? `lost ${delivery.source}${delivery.epoch}#${delivery.first}-${delivery.last}: ${delivery.missed}`
            : "?"
      )
  })
  const expect = (source: string, epoch: number) => order.expect(source, epoch)
  /** The core says nothing of these any more, and has said nothing of them here. */
  const over = (source: string, epoch: number, first: number, last: number) =>
    known.set(`${source}${epoch}`, withRun(known.get(`${source}${epoch}`) ?? [], first, last))
  const message = (source: string, epoch: number, sequence: number, bytes = 1) => {
    const delivery: Delivery = {
      _tag: "Message",
      id: { source, epoch, topic: "t", sequence },
      payload: new Uint8Array(bytes),
      publishedAt: 0,
      hops: 1,
      history: false
    }
    over(source, epoch, sequence, sequence)
    order.add(source, epoch, sequence, delivery)
  }
  const refused = (source: string, epoch: number, sequence: number) => {
    over(source, epoch, sequence, sequence)
    order.refuse(source, epoch, sequence)
  }
  const lost = (source: string, epoch: number, first: number, last: number) => {
    over(source, epoch, first, last)
    order.add(source, epoch, first, {
      _tag: "Lagged",
      cause: "network",
      topic: "t",
      missed: last - first + 1,
      source,
      epoch,
      first,
      last
    })
  }
  /** Ends a turn in which the core came to await this sequence of source a. */
  const turn = (awaited: number) => {
    missing.set("a1", awaited)
    order.release()
    return got.splice(0)
  }
  return { message, lost, refused, expect, over, turn, missing, known }
}

describe("messages in order", () => {
  it("are held back behind one that is missing, and handed on with it", () => {
    const { message, turn } = setUp()
    message("a", 1, 0)
    message("a", 1, 2)
    message("a", 1, 3)
    assert.deepStrictEqual(turn(1), ["a1#0"])
    message("a", 1, 1)
    assert.deepStrictEqual(turn(4), ["a1#1", "a1#2", "a1#3"])
  })

  it("are sorted within a turn, whatever the order in which they came", () => {
    const { message, turn } = setUp()
    for (const sequence of [3, 0, 2, 1]) message("a", 1, sequence)
    assert.deepStrictEqual(turn(4), ["a1#0", "a1#1", "a1#2", "a1#3"])
  })

  it("go on over a gap that the core gives up, and it is told in its place", () => {
    const { lost, message, turn } = setUp()
    message("a", 1, 5)
    assert.deepStrictEqual(turn(2), [])
    message("a", 1, 2)
    lost("a", 1, 3, 4)
    assert.deepStrictEqual(turn(6), ["a1#2", "lost a1#3-4: 2", "a1#5"])
  })

  it("go on over a message that a validator refused, of which nothing is said", () => {
    const { message, refused, turn } = setUp()
    message("a", 1, 1)
    message("a", 1, 3)
    assert.deepStrictEqual(turn(0), [])
    refused("a", 1, 0)
    assert.deepStrictEqual(turn(2), ["a1#1"])
    refused("a", 1, 2)
    assert.deepStrictEqual(turn(4), ["a1#3"])
    refused("a", 1, 5)
    message("a", 1, 6)
    refused("a", 1, 4)
    assert.deepStrictEqual(turn(7), ["a1#6"])
  })

  it("go on over what was over before anybody wanted order, of which nothing is said", () => {
    const { message, over, turn } = setUp()
    over("a", 1, 5, 6)
    over("a", 1, 8, 8)
    message("a", 1, 7)
    message("a", 1, 4)
    assert.deepStrictEqual(turn(9), ["a1#4", "a1#7"])
    message("a", 1, 9)
    assert.deepStrictEqual(turn(10), ["a1#9"])
  })

  it("over which the core passes in silence, since it does not owe them, are told as lost", () => {
    const { lost, message, over, turn } = setUp()
    message("a", 1, 3)
    assert.deepStrictEqual(turn(4), ["a1#3"])
    over("a", 1, 0, 8)
    message("a", 1, 9)
    assert.deepStrictEqual(turn(10), ["lost a1#4-8: 5", "a1#9"])
    lost("a", 1, 12, 12)
    over("a", 1, 10, 11)
    assert.deepStrictEqual(turn(13), ["lost a1#10-11: 2", "lost a1#12-12: 1"])
  })

  it("over which the core passes in silence while one before them waits for its verdict are told as lost", () => {
    const { expect, message, over, turn } = setUp()
    over("a", 1, 6, 6)
    expect("a", 1)
    message("a", 1, 7)
    assert.deepStrictEqual(turn(4), [])
    over("a", 1, 5, 5)
    message("a", 1, 4)
    assert.deepStrictEqual(turn(8), ["a1#4", "lost a1#5-5: 1", "a1#7"])
  })

  it("of one source, or of one incarnation of it, do not wait for another's", () => {
    const { message, missing, turn } = setUp()
    missing.set("b1", 3)
    missing.set("a2", 1)
    message("a", 1, 7)
    message("b", 1, 2)
    message("a", 2, 0)
    assert.deepStrictEqual(turn(6), ["b1#2", "a2#0"])
  })

  it("that would be more than the buffer holds give up the oldest gap of the source for which most waits", () => {
    const { message, missing, turn } = setUp(3)
    missing.set("b1", 0)
    message("b", 1, 1)
    for (const sequence of [2, 3, 6]) message("a", 1, sequence)
    assert.deepStrictEqual(turn(1), ["lost a1#1-1: 1", "a1#2", "a1#3"])
  })

  it("that would be more than the buffer holds give up what is missing, and nothing that was handed on", () => {
    const { message, refused, turn } = setUp(2)
    for (const sequence of [1, 2, 3, 4, 5]) message("a", 1, sequence)
    assert.deepStrictEqual(turn(Infinity), ["a1#1", "a1#2", "a1#3", "a1#4", "a1#5"])
    // A digest has brought the baseline down.
    for (const sequence of [7, 9, 10]) message("a", 1, sequence)
    refused("a", 1, 8)
    assert.deepStrictEqual(turn(0), ["lost a1#0-0: 1", "lost a1#6-6: 1", "a1#7", "a1#9", "a1#10"])
    message("a", 1, 0)
    message("a", 1, 6)
    assert.deepStrictEqual(turn(11), [])
    const other = setUp(1)
    other.over("a", 1, 2, 2)
    for (const sequence of [4, 5]) other.message("a", 1, sequence)
    assert.deepStrictEqual(other.turn(1), ["lost a1#1-1: 1", "lost a1#3-3: 1", "a1#4", "a1#5"])
  })

  it("that have more bytes than may wait give up the oldest gap of the source of which most bytes wait", () => {
    const { message, missing, turn } = setUp(100, 100, 10)
    missing.set("b1", 0)
    for (const sequence of [1, 2, 3]) message("b", 1, sequence)
    message("a", 1, 2, 7)
    assert.deepStrictEqual(turn(1), [])
    message("a", 1, 4, 1)
    assert.deepStrictEqual(turn(1), ["lost a1#1-1: 1", "a1#2"])
    message("a", 1, 6, 6)
    assert.deepStrictEqual(turn(1), [])
    missing.set("b1", Infinity)
    assert.deepStrictEqual(turn(1), ["b1#1", "b1#2", "b1#3"])
    message("a", 1, 8, 3)
    assert.deepStrictEqual(turn(1), [])
  })

  it("wait alone whatever their size", () => {
    const { message, turn } = setUp(100, 100, 10)
    message("a", 1, 2, 50)
    assert.deepStrictEqual(turn(1), [])
    message("a", 1, 1)
    assert.deepStrictEqual(turn(3), ["a1#1", "a1#2"])
  })

  it("are not forgotten to have been given up while the core may still deliver them, though nothing waits", () => {
    const { lost, message, missing, turn } = setUp(1, 1)
    message("a", 1, 3)
    message("a", 1, 4)
    assert.deepStrictEqual(turn(1), ["lost a1#1-2: 2", "a1#3", "a1#4"])
    for (const source of ["b", "c", "d"]) {
      missing.set(`${source}1`, 1)
      message(source, 1, 0)
      assert.deepStrictEqual(turn(1), [`${source}1#0`])
    }
    message("a", 1, 1)
    lost("a", 1, 2, 2)
    assert.deepStrictEqual(turn(5), [])
  })

  it("that come after they were given up for want of room are not handed on, nor told twice", () => {
    const { lost, message, turn } = setUp(1)
    message("a", 1, 4)
    message("a", 1, 5)
    assert.deepStrictEqual(turn(1), ["lost a1#1-3: 3", "a1#4", "a1#5"])
    message("a", 1, 2)
    lost("a", 1, 3, 3)
    assert.deepStrictEqual(turn(1), [])
    message("a", 1, 6)
    lost("a", 1, 1, 1)
    assert.deepStrictEqual(turn(7), ["a1#6"])
  })

  it("that come after a later one was handed on, since they were not owed, are told as lost, in one span if they touch", () => {
    const { lost, message, turn } = setUp()
    message("a", 1, 7)
    assert.deepStrictEqual(turn(8), ["a1#7"])
    for (const sequence of [3, 5, 4]) message("a", 1, sequence)
    assert.deepStrictEqual(turn(8), ["lost a1#3-5: 3"])
    lost("a", 1, 6, 6)
    message("a", 1, 8)
    assert.deepStrictEqual(turn(9), ["lost a1#6-6: 1", "a1#8"])
  })

  it("that nobody had, between older ones and the rest, are told as lost; not what was refused, or told before", () => {
    const { lost, message, refused, turn } = setUp()
    message("a", 1, 2)
    refused("a", 1, 4)
    message("a", 1, 7)
    message("a", 1, 10)
    refused("a", 1, 6)
    // 3 and 5 are not owed, and came nowhere; 8 was given up; of 0 and 1 nobody has heard here.
    assert.deepStrictEqual(turn(3), ["a1#2"])
    lost("a", 1, 8, 8)
    assert.deepStrictEqual(turn(11), [
      "lost a1#3-3: 1",
      "lost a1#5-5: 1",
      "a1#7",
      "lost a1#8-8: 1",
      "lost a1#9-9: 1",
      "a1#10"
    ])
    // Whatever comes of it after all has been told.
    message("a", 1, 3)
    assert.deepStrictEqual(turn(11), [])
  })

  it("that were told to be lost, or handed on, are not told again where the core has forgotten it", () => {
    const { known, lost, message, turn } = setUp()
    message("a", 1, 0)
    lost("a", 1, 1, 2)
    assert.deepStrictEqual(turn(3), ["a1#0", "lost a1#1-2: 2"])
    known.clear()
    message("a", 1, 0)
    message("a", 1, 5)
    assert.deepStrictEqual(turn(6), ["lost a1#3-4: 2", "a1#5"])
  })

  it("are remembered to have been handed on for a bounded number of idle incarnations", () => {
    const { message, missing, turn } = setUp(100, 2)
    for (const source of ["b", "c"]) missing.set(`${source}1`, 6)
    for (const source of ["a", "b", "c"]) message(source, 1, 5)
    assert.deepStrictEqual(turn(6), ["a1#5", "b1#5", "c1#5"])
    for (const source of ["c", "b", "a"]) message(source, 1, 4)
    assert.deepStrictEqual(turn(6), ["lost c1#4-4: 1", "lost b1#4-4: 1", "a1#4"])
  })

  it("that the core gives up beyond what was given up here are told for the rest", () => {
    const { lost, message, turn } = setUp(1)
    message("a", 1, 3)
    message("a", 1, 4)
    assert.deepStrictEqual(turn(1), ["lost a1#1-2: 2", "a1#3", "a1#4"])
    lost("a", 1, 2, 6)
    assert.deepStrictEqual(turn(7), ["lost a1#5-6: 2"])
  })

  it("that the core gives up on both sides of what was handed on are told on both sides", () => {
    const { lost, message, turn } = setUp()
    message("a", 1, 5)
    assert.deepStrictEqual(turn(6), ["a1#5"])
    lost("a", 1, 3, 7)
    assert.deepStrictEqual(turn(8), ["lost a1#3-4: 2", "lost a1#6-7: 2"])
  })

  it("that have been refused between as many as may wait cost no more each than where there are few", () => {
    const millisFor = (count: number) => {
      const { got, message, missing, order } = quietly(count)
      const before = performance.now()
      for (let sequence = 1; sequence < 2 * count - 2; sequence += 2) {
        message(sequence)
        order.refuse("a", 1, sequence + 1)
      }
      order.release()
      message(0)
      missing.first = Infinity
      order.release()
      assert.strictEqual(got.messages, count)
      return performance.now() - before
    }
    millisFor(4_096)
    // Were each looked up among all it would be hundreds of times as long.
    assert.isBelow(millisFor(16_384), 1_000)
  })
})

/** Without a look at what is handed on, or at what the core knows, which would take longer than what is measured. */
const quietly = (capacity: number) => {
  const missing = { first: 0 }
  const got = { messages: 0 }
  const order = makeInOrder({
    topic: "t",
    capacity,
    capacityBytes: 1_000_000,
    idleSize: 1,
    firstMissing: () => missing.first,
    missingOf: (_source, _epoch, first, last) => [first, last],
    handOn: ({ _tag }) => {
      if (_tag === "Message") got.messages++
    }
  })
  const message = (sequence: number) =>
    order.add("a", 1, sequence, {
      _tag: "Message",
      id: { source: "a", epoch: 1, topic: "t", sequence },
      payload: new Uint8Array(1),
      publishedAt: 0,
      hops: 1,
      history: false
    })
  return { got, message, missing, order }
}
