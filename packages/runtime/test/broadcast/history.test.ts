import { assert, describe, it } from "@effect/vitest"
import { type Asking, makeHistory, newestWithin } from "../../src/internal/history.ts"

const past = (source: string, epoch: number, sequence: number, publishedAt: number) => ({
  id: { source, epoch, topic: "t", sequence },
  payload: new Uint8Array(1),
  publishedAt
})

const setUp = (bytes = 1_000, judging = false) => {
  const judged: Array<(accepted: boolean) => void> = []
  const asked: Array<string> = []
  const told: Array<string> = []
  let neighbors = 1
  const history = makeHistory({
    bytes,
    judges: () => judging,
    judge: (_past, decide) => judged.push(decide),
    hasNeighbor: () => neighbors > 0,
    recall: (requestId, topic, count) => asked.push(`${requestId}: ${count} of ${topic}`)
  })
  const ask = (name: string, count: number, deadline = 1_000): Asking => {
    const asking: Asking = {
      count,
      deadline,
      settle: (messages) =>
        told.push(`${name}: ${messages.map(({ id }) => `${id.source}${id.epoch}#${id.sequence}`).join(" ")}`)
    }
    history.ask("t", asking)
    return asking
  }
  return {
    history,
    ask,
    judged,
    asked: () => asked.splice(0),
    told: () => told.splice(0),
    alone: (isAlone: boolean) => {
      neighbors = isAlone ? 0 : 1
    }
  }
}

describe("history", () => {
  it("is asked for once for all who wait, and each gets as many of the newest as it asked for", () => {
    const { ask, asked, history, told } = setUp()
    ask("x", 1)
    ask("y", 3)
    assert.strictEqual(history.turned(0), 1_000)
    assert.deepStrictEqual(asked(), ["0: 3 of t"])
    const first = [past("a", 1, 1, 20), past("b", 1, 0, 10)]
    history.recalled({ _tag: "Recalled", requestId: 0, topic: "t", messages: first, done: false })
    history.turned(1)
    assert.deepStrictEqual(told(), [])
    history.recalled({
      _tag: "Recalled",
      requestId: 0,
      topic: "t",
      messages: [past("a", 1, 1, 20), past("a", 1, 0, 5)],
      done: true
    })
    assert.isUndefined(history.turned(2))
    assert.deepStrictEqual(told(), ["x: a1#1", "y: a1#0 b1#0 a1#1"])
  })

  it("of one source is in its order, even if its clock was set back between two incarnations", () => {
    const { ask, history, told } = setUp()
    ask("x", 9)
    history.turned(0)
    const messages = [past("a", 2, 0, 10), past("b", 1, 0, 30), past("a", 1, 7, 50), past("a", 1, 6, 40)]
    history.recalled({ _tag: "Recalled", requestId: 0, topic: "t", messages, done: true })
    history.turned(1)
    assert.deepStrictEqual(told(), ["x: a1#6 b1#0 a1#7 a2#0"])
  })

  it("for who comes while a question is open is asked for after it, since more may have come meanwhile", () => {
    const { ask, asked, history, told } = setUp()
    ask("x", 1)
    history.turned(0)
    ask("y", 1)
    history.turned(1)
    assert.deepStrictEqual(asked(), ["0: 1 of t"])
    history.recalled({ _tag: "Recalled", requestId: 0, topic: "t", messages: [past("a", 1, 0, 1)], done: true })
    history.turned(2)
    assert.deepStrictEqual(asked(), ["1: 1 of t"])
    history.recalled({ _tag: "Recalled", requestId: 0, topic: "t", messages: [past("a", 1, 9, 9)], done: true })
    history.recalled({ _tag: "Recalled", requestId: 1, topic: "t", messages: [past("a", 1, 1, 2)], done: true })
    history.turned(3)
    assert.deepStrictEqual(told(), ["x: a1#0", "y: a1#1"])
  })

  it("waits for the first neighbour, and no longer than its deadline", () => {
    const { alone, ask, asked, history } = setUp()
    alone(true)
    ask("x", 1, 500)
    assert.strictEqual(history.turned(0), 500)
    assert.deepStrictEqual(asked(), [])
    alone(false)
    history.turned(100)
    assert.deepStrictEqual(asked(), ["0: 1 of t"])
    alone(true)
    const other = setUp()
    other.alone(true)
    other.ask("y", 1, 500)
    other.history.turned(500)
    assert.deepStrictEqual(other.asked(), ["0: 1 of t"])
  })

  it("that does not come in time is what has come of it", () => {
    const { ask, history, told } = setUp()
    ask("x", 5, 500)
    history.turned(0)
    history.recalled({ _tag: "Recalled", requestId: 0, topic: "t", messages: [past("a", 1, 0, 1)], done: false })
    history.turned(499)
    assert.deepStrictEqual(told(), [])
    history.turned(500)
    assert.deepStrictEqual(told(), ["x: a1#0"])
  })

  it("keeps no more bytes of the answers than it may, and drops the oldest, whichever way they come", () => {
    const { ask, history, told } = setUp(3)
    ask("x", 9)
    history.turned(0)
    const recalled = (messages: ReadonlyArray<ReturnType<typeof past>>, done: boolean) =>
      history.recalled({ _tag: "Recalled", requestId: 0, topic: "t", messages, done })
    recalled([past("a", 1, 3, 30), past("a", 1, 4, 40)], false)
    recalled([past("a", 1, 1, 10), past("a", 1, 2, 20), past("a", 1, 4, 40)], false)
    recalled([past("a", 1, 5, 50), past("a", 1, 0, 0)], true)
    history.turned(1)
    assert.deepStrictEqual(told(), ["x: a1#3 a1#4 a1#5"])
  })

  it("of a topic that is judged is what this node keeps, and what others remember once it has been accepted", () => {
    const { ask, history, judged, told } = setUp(1_000, true)
    ask("x", 9)
    history.turned(0)
    const recalled = (sequence: number, done: boolean) =>
      history.recalled({ _tag: "Recalled", requestId: 0, topic: "t", messages: [past("a", 1, sequence, 0)], done })
    recalled(3, false)
    recalled(1, false)
    recalled(2, true)
    assert.strictEqual(judged.length, 2)
    judged[0]?.(true)
    history.turned(1)
    assert.deepStrictEqual(told(), [])
    judged[1]?.(false)
    history.turned(2)
    assert.deepStrictEqual(told(), ["x: a1#1 a1#3"])
  })

  it("is handed out as far as there is room for it, the newest of it", () => {
    const messages = [7, 3, 1, 2].map((bytes, sequence) => ({
      _tag: "Message" as const,
      ...past("a", 1, sequence, sequence),
      payload: new Uint8Array(bytes),
      hops: 0,
      history: true
    }))
    const within = (bytes: number) => newestWithin(bytes, messages).map(({ id }) => id.sequence)
    assert.deepStrictEqual(
      [within(0), within(2), within(5), within(6), within(13)],
      [[], [3], [2, 3], [1, 2, 3], [0, 1, 2, 3]]
    )
  })

  it("that nobody waits for any more is not asked for", () => {
    const { ask, asked, history } = setUp()
    history.cancel("t", ask("x", 5))
    assert.isUndefined(history.turned(0))
    assert.deepStrictEqual(asked(), [])
  })
})
