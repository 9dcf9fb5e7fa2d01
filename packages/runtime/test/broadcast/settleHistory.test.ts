/** How a history is put before what came while it was asked for, by hand. */
import { assert, describe, it } from "@effect/vitest"
import type { Delivery, Message } from "../../src/Broadcast.ts"
import { type LaggedSpan, settleHistory } from "../../src/internal/history.ts"

const message = (name: string, history = false, publishedAt = 0): Message => {
  const [source = "", sequence = "0"] = name.split("#")
  return {
    _tag: "Message",
    id: { source, epoch: 1, topic: "t", sequence: Number(sequence) },
    payload: new Uint8Array(1),
    publishedAt,
    hops: 0,
    history
  }
}

const nameOf = ({ id }: Message) => `${id.source}#${id.sequence}`

const span = (source: string, first: number, last: number): LaggedSpan => {
  const missed = last - first + 1
  return { _tag: "Lagged", cause: "network", topic: "t", source, epoch: 1, first, last, missed }
}

const spanOf = (delivery: Exclude<Delivery, Message>) =>
  delivery.cause === "network" ? `${delivery.first}–${delivery.last}: ${delivery.missed}` : "?"

/** `missing`: of each source that the core knows, the lowest sequence that may still come; `seen`: what it has seen above it. */
const settle = (options: {
  readonly order: "none" | "source"
  readonly past: ReadonlyArray<string>
  readonly since?: ReadonlyArray<string>
  /** Spans of source a that were told to be lost since. */
  readonly lost?: ReadonlyArray<readonly [first: number, last: number]>
  readonly missing?: Readonly<Record<string, number>>
  readonly seen?: ReadonlyArray<string>
  /** When all of the past was published. */
  readonly publishedAt?: number
}) => {
  const { lost = [], missing = {}, order, past, publishedAt = 10, seen = [], since = [] } = options
  const waiting: ReadonlyArray<Delivery> = [
    ...lost.map(([first, last]) => span("a", first, last)),
    ...since.map((name) => message(name))
  ]
  const { first, given, rest } = settleHistory(
    order,
    past.map((name) => message(name, true, publishedAt)),
    waiting,
    {
      firstMissing: ({ source }) => missing[source],
      hasSeen: ({ sequence, source }) => seen.includes(`${source}#${sequence}`)
    },
    1_000
  )
  return {
    first: first.map(nameOf),
    rest: rest.map((delivery) => (delivery._tag === "Message" ? nameOf(delivery) : spanOf(delivery))),
    standing: (name: string, at = 0) => given?.standing(message(name, false, at)),
    without: (source: string, first: number, last: number) => given?.without(span(source, first, last)).map(spanOf)
  }
}

describe("a history without order", () => {
  it("leaves out what has come since", () => {
    const { first, standing } = settle({
      order: "none",
      past: ["a#1", "b#7", "a#2"],
      since: ["a#2"],
      missing: { a: 3, b: 8 },
      seen: ["a#1", "a#2", "b#7"]
    })
    assert.deepStrictEqual(first, ["a#1", "b#7"])
    // Nothing of it can come again.
    assert.isUndefined(standing("a#1"))
  })

  it("remembers what the core may still deliver: what it misses, has not seen, or knows no source of", () => {
    const { first, standing } = settle({
      order: "none",
      past: ["a#1", "a#2", "a#3", "c#0"],
      missing: { a: 2 },
      seen: ["a#1", "c#0"]
    })
    assert.deepStrictEqual(first, ["a#1", "a#2", "a#3", "c#0"])
    assert.deepStrictEqual(
      ["a#1", "a#2", "a#3", "c#0", "a#4"].map((name) => standing(name)),
      ["fresh", "known", "known", "known", "fresh"]
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

  it("takes for known what was part of it and what is older, and for late what came between", () => {
    const { standing } = settle({ order: "source", past: ["a#1", "a#4"] })
    assert.deepStrictEqual(
      ["a#0", "a#1", "a#2", "a#4", "a#5", "b#0"].map((name) => standing(name)),
      ["known", "known", "late", "known", "fresh", "fresh"]
    )
    assert.isUndefined(settle({ order: "source", past: [] }).standing("a#0"))
  })

  it("does not silence what was published after it, or after it was asked for, whatever number it names", () => {
    const { standing } = settle({ order: "source", past: ["a#9007199254740000"] })
    assert.deepStrictEqual([standing("a#0", 9), standing("a#1", 10)], ["known", "late"])
    const later = settle({ order: "source", past: ["a#9007199254740000"], publishedAt: 9_000 })
    assert.deepStrictEqual([later.standing("a#0", 999), later.standing("a#1", 1_000)], ["known", "late"])
  })
})

describe("a span of lost messages", () => {
  it("is told without what was history, in either order", () => {
    for (const order of ["none", "source"] as const) {
      const { without } = settle({
        order,
        past: ["a#3", "a#5", "a#6", "a#9"],
        missing: order === "none" ? { a: 0 } : {}
      })
      assert.deepStrictEqual(without("a", 1, 9), ["1–2: 2", "4–4: 1", "7–8: 2"])
      assert.deepStrictEqual(without("a", 5, 6), [])
      assert.deepStrictEqual(without("a", 9, 11), ["10–11: 2"])
      assert.deepStrictEqual(without("b", 3, 4), ["3–4: 2"])
    }
  })

  it("that waits is handed out without what history gives, in either order", () => {
    for (const order of ["none", "source"] as const) {
      const { first, rest } = settle({
        order,
        past: ["a#1", "a#6"],
        lost: [
          [0, 2],
          [6, 6]
        ],
        since: ["a#7"],
        missing: { a: 8 },
        seen: ["a#1", "a#6", "a#7"]
      })
      assert.deepStrictEqual(first, ["a#1", "a#6"])
      assert.deepStrictEqual(rest, ["0–0: 1", "2–2: 1", "a#7"])
    }
  })
})
