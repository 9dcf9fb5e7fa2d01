/** How a history is put before what came while it was asked for, by hand. */
import { assert, describe, it } from "@effect/vitest"
import type { Delivery, Message } from "../../src/Broadcast.ts"
import { settleHistory } from "../../src/internal/history.ts"

const message = (name: string, history = false): Message => {
  const [source = "", sequence = "0"] = name.split("#")
  return {
    _tag: "Message",
    id: { source, epoch: 1, topic: "t", sequence: Number(sequence) },
    payload: new Uint8Array(1),
    publishedAt: 0,
    hops: 0,
    history
  }
}

const nameOf = ({ id }: Message) => `${id.source}#${id.sequence}`

/** `missing`: of each source that the core knows, the lowest sequence that may still come; `seen`: what it has seen above it. */
const settle = (options: {
  readonly order: "none" | "source"
  readonly past: ReadonlyArray<string>
  readonly since?: ReadonlyArray<string>
  readonly missing?: Readonly<Record<string, number>>
  readonly seen?: ReadonlyArray<string>
}) => {
  const { missing = {}, order, past, seen = [], since = [] } = options
  const waiting: ReadonlyArray<Delivery> = since.map((name) => message(name))
  const { first, repeats } = settleHistory(
    order,
    past.map((name) => message(name, true)),
    waiting,
    {
      firstMissing: ({ source }) => missing[source],
      hasSeen: ({ sequence, source }) => seen.includes(`${source}#${sequence}`)
    }
  )
  return { first: first.map(nameOf), repeats: (name: string) => repeats?.(message(name).id) }
}

describe("a history without order", () => {
  it("leaves out what has come since", () => {
    const { first, repeats } = settle({
      order: "none",
      past: ["a#1", "b#7", "a#2"],
      since: ["a#2"],
      missing: { a: 3, b: 8 },
      seen: ["a#1", "a#2", "b#7"]
    })
    assert.deepStrictEqual(first, ["a#1", "b#7"])
    // Nothing of it can come again.
    assert.isUndefined(repeats("a#1"))
  })

  it("remembers what the core may still deliver: what it misses, has not seen, or knows no source of", () => {
    const { first, repeats } = settle({
      order: "none",
      past: ["a#1", "a#2", "a#3", "c#0"],
      missing: { a: 2 },
      seen: ["a#1", "c#0"]
    })
    assert.deepStrictEqual(first, ["a#1", "a#2", "a#3", "c#0"])
    assert.deepStrictEqual(
      ["a#1", "a#2", "a#3", "c#0", "a#4"].map((name) => repeats(name)),
      [false, true, true, true, false]
    )
  })
})

describe("a history in order", () => {
  it("ends before what the core may still deliver, and before what has come since, source by source", () => {
    const { first } = settle({
      order: "source",
      past: ["a#1", "b#4", "a#2", "b#5", "a#3", "c#9"],
      since: ["b#5", "b#6"],
      missing: { a: 3, b: 7 }
    })
    assert.deepStrictEqual(first, ["a#1", "b#4", "a#2", "c#9"])
  })

  it("takes for a repetition whatever is not after its last message of the source", () => {
    const { repeats } = settle({ order: "source", past: ["a#1", "a#2"] })
    assert.deepStrictEqual(
      ["a#0", "a#2", "a#3", "b#0"].map((name) => repeats(name)),
      [true, true, false, false]
    )
    assert.isUndefined(settle({ order: "source", past: [] }).repeats("a#0"))
  })
})
