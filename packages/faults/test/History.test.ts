/** A checker that cannot fail is a defect: a good history is broken here in every way, and each must be seen. */
import {
  faultsOf,
  gapsOf,
  type History,
  type Id,
  keyOf,
  missingOf,
  neighborFaults,
  type Told
} from "@hyparview/faults/History"
import { assert, describe, it } from "@effect/vitest"

const id = (sequence: number, more: Partial<Id> = {}): Id => ({ source: "a", epoch: 1, topic: "t", sequence, ...more })
const delivered = (sequence: number, more?: Partial<Id>): Told => ({ _tag: "Delivered", id: id(sequence, more) })
const lagged = (first: number, last: number): Told => ({
  _tag: "Lagged",
  source: "a",
  epoch: 1,
  topic: "t",
  first,
  last
})
const history = (told: ReadonlyArray<Told>, isOrdered = true): History => ({ subscriber: "n1", told, isOrdered })

/** From a baseline of 3 on; 6 and 7 were lost; another epoch and another topic count by themselves. */
const good: ReadonlyArray<Told> = [
  delivered(3),
  delivered(4),
  delivered(5),
  lagged(6, 7),
  delivered(8),
  delivered(0, { epoch: 2 }),
  delivered(0, { topic: "u" })
]
const published = new Set(good.flatMap((item) => (item._tag === "Delivered" ? [keyOf(item.id)] : [])))

/** Names that an ambiguous key would confuse: each holds what stands between two parts, or what could quote it. */
const texts = [
  "",
  "a",
  "1",
  "a@1",
  "@1/a",
  "a@1/a",
  "1/a@1",
  "a#1",
  '"',
  '"a"',
  '"a@1/a"',
  "\\",
  "\\u0040",
  "\ud800",
  "\ufffd"
]
const numbers = [0, 1, 11]
const names: ReadonlyArray<Id> = texts.flatMap((source) =>
  texts.flatMap((topic) => numbers.flatMap((epoch) => numbers.map((sequence) => ({ source, epoch, topic, sequence }))))
)

describe("the name of a message", () => {
  it("is of no other, whatever source and topic are called", () => {
    assert.strictEqual(new Set(names.map(keyOf)).size, names.length)
    assert.strictEqual(keyOf(id(7, { source: "node/1", topic: "a@1/b" })), "node/1@1/a@1/b#7")
    assert.strictEqual(keyOf(id(7, { source: "eve@host" })), '"eve@host"@1/t#7')
  })

  it("keeps sources apart that look alike with their epoch and topic", () => {
    const alike = [
      { source: "a", epoch: 1, topic: "b@2/c" },
      { source: "a@1/b", epoch: 2, topic: "c" }
    ]
    const told = alike.map((more) => delivered(0, more))
    assert.deepStrictEqual(faultsOf(history(told)), [])
    assert.strictEqual(missingOf(history(told.slice(0, 1)), [id(0, alike[1])]).length, 1)
  })
})

describe("a broadcast's history", () => {
  it("is well", () => {
    assert.deepStrictEqual([...faultsOf(history(good), published), ...gapsOf(history(good))], [])
  })

  const broken: Readonly<Record<string, ReadonlyArray<Told>>> = {
    "was handed a@1/t#4 twice": [...good, delivered(4)],
    "was handed a@1/t#6 after it was given up": [...good, delivered(6)],
    "was handed a@1/t#4 after #5": [delivered(3), delivered(5), delivered(4)],
    "lagged by a@1/t#4–4 after #5": [delivered(3), delivered(5), lagged(4, 4)],
    "lagged by a@1/t#4–4 after #6": [delivered(3), lagged(5, 6), lagged(4, 4)],
    "was handed a@1/t#4 after #6": [delivered(3), lagged(5, 6), delivered(4)],
    "was handed a@1/t#9, which nobody has published": [...good, delivered(9)],
    "lagged by a@1/t#8–8, but was handed #8": [...good, lagged(8, 8)],
    "of which #7 was given up before": [...good, lagged(7, 7)],
    "which is no range": [lagged(5, 4)]
  }
  for (const [sentence, told] of Object.entries(broken)) {
    it(`is seen to be broken: ${sentence}`, () => {
      assert.include(faultsOf(history(told), published).join("; "), sentence)
    })
  }

  it("asks for order only of those who asked for it", () => {
    assert.deepStrictEqual(faultsOf(history([delivered(3), delivered(5), delivered(4)], false), published), [])
    assert.deepStrictEqual(faultsOf(history([delivered(3), delivered(5), lagged(4, 4)], false), published), [])
  })

  it("lets what is older than the first be told to be lost at any time", () => {
    assert.deepStrictEqual(faultsOf(history([delivered(3), delivered(4), lagged(1, 1), delivered(5)]), published), [])
  })

  it("leaves nothing unsaid between the first and the last: with any part taken out the gap is seen", () => {
    for (const hidden of [1, 2, 3]) {
      const told = good.filter((_, index) => index !== hidden)
      assert.isAbove(gapsOf(history(told)).length, 0, `${hidden}`)
    }
    assert.deepStrictEqual(gapsOf(history(good.slice(0, 3).toReversed(), false)), [])
  })

  it("owes nothing older than the first that a subscriber was told, even if some of it comes", () => {
    assert.deepStrictEqual(gapsOf(history([delivered(5), delivered(3), delivered(6)], false)), [])
    assert.deepStrictEqual(gapsOf(history([delivered(5), delivered(3), delivered(7)], false)), [
      "n1 was told nothing of a@1/t#6"
    ])
  })

  it("holds what was due", () => {
    assert.deepStrictEqual(missingOf(history(good), [id(3), id(8)]), [])
    assert.deepStrictEqual(missingOf(history(good), [id(3), id(6)]), ["n1 was not handed a@1/t#6"])
    // What came after all, and too late for the order, it was told; out of order it would have had it.
    const late = [...good, lagged(1, 2)]
    const came = new Set([0, 1, 6].map((sequence) => keyOf(id(sequence))))
    const missing = (sequence: number) => [`n1 was not handed a@1/t#${sequence}`]
    assert.deepStrictEqual(missingOf(history(late), [id(0), id(1)], came), missing(0))
    assert.deepStrictEqual(missingOf(history(late, false), [id(1)], came), missing(1))
    // What never came is lost, whatever is told of it; and so is what is not older than the baseline.
    assert.deepStrictEqual(missingOf(history(late), [id(2)], came), missing(2))
    assert.deepStrictEqual(missingOf(history(late), [id(1)]), missing(1))
    assert.deepStrictEqual(missingOf(history(late), [id(6)], came), missing(6))
  })
})

describe("neighbour events", () => {
  const up = (peer: string) => ({ _tag: "NeighborUp", peer }) as const
  const down = (peer: string) => ({ _tag: "NeighborDown", peer }) as const

  it("alternate, and add up to the active view", () => {
    assert.deepStrictEqual(neighborFaults("n1", [up("a"), up("b"), down("a"), up("a")], ["b", "a"]), [])
    assert.deepStrictEqual(neighborFaults("n1", [up("a"), up("a")], ["a"]), ["n1 was told NeighborUp of a twice"])
    assert.deepStrictEqual(neighborFaults("n1", [down("a")], []), ["n1 was told NeighborDown of a twice"])
    assert.deepStrictEqual(neighborFaults("n1", [], ["a"]), ["n1 holds a, and was not told so"])
    assert.deepStrictEqual(neighborFaults("n1", [up("a")], []), ["n1 was told of a, and does not hold it"])
  })
})
