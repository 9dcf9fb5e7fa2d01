import { afterEach, assert, beforeEach, describe, it, vi } from "@effect/vitest"
import type { LayoutAnswer, LayoutRequest } from "../page/graph/layoutMessages.ts"
import { loadWorker } from "./MadeUpWorker.ts"

type Point = readonly [x: number, y: number]

/** A ring, and from each node a link to one far off. */
const linksOf = (count: number): ReadonlyArray<Point> =>
  Array.from({ length: count }, (_, node) => [
    [node, (node + 1) % count] as const,
    [node, (node * 7 + 3) % count] as const
  ])
    .flat()
    .filter(([a, b]) => a !== b)

const unknown: Point = [Number.NaN, Number.NaN]

const request = (
  version: number,
  places: ReadonlyArray<Point>,
  links: ReadonlyArray<Point> = [],
  rounds = 240
): LayoutRequest => ({
  version,
  positions: Float32Array.from(places.flat()),
  links: Uint32Array.from(links.flat()),
  rounds
})

const newcomers = (count: number): ReadonlyArray<Point> => Array.from({ length: count }, () => unknown)

const placesOf = (answer: LayoutAnswer | undefined): ReadonlyArray<Point> => {
  assert.isDefined(answer)
  const { positions } = answer
  return Array.from({ length: positions.length / 2 }, (_, index) => [
    positions[index * 2] ?? Number.NaN,
    positions[index * 2 + 1] ?? Number.NaN
  ])
}

const distance = ([ax, ay]: Point = unknown, [bx, by]: Point = unknown): number => Math.hypot(ax - bx, ay - by)

const radius = (answer: LayoutAnswer): number => Math.max(...placesOf(answer).map((place) => distance(place, [0, 0])))

const mean = (values: ReadonlyArray<number>): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** A worker, and what it answers to a request until it is done. */
const start = async () => {
  const { answers, ask } = await loadWorker()
  const all = (asked: LayoutRequest): ReadonlyArray<LayoutAnswer> => {
    answers.length = 0
    ask(asked)
    vi.runAllTimers()
    return [...answers]
  }
  return { answers, ask, all, last: (asked: LayoutRequest) => placesOf(all(asked).at(-1)) }
}

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe("the layout's worker", () => {
  it("lays the same graph out in the same way each time, the widest node at radius 1", async () => {
    const asked = request(1, newcomers(40), linksOf(40), 500)
    const [first, second] = [(await start()).all(asked).at(-1), (await start()).all(asked).at(-1)]
    assert.deepStrictEqual(placesOf(first), placesOf(second))
    assert.isDefined(first)
    assert.closeTo(radius(first), 1, 0.001)
  })

  it("lays out a new graph as if there had been no other before", async () => {
    const asked = request(1, newcomers(12), linksOf(12))
    const alone = (await start()).last(asked)
    const back = request(2, alone, linksOf(12))
    const backAlone = (await start()).last(back)
    const { all, last } = await start()
    all(request(1, newcomers(100), linksOf(100)))
    assert.deepStrictEqual(last(asked), alone)
    all(request(1, newcomers(100), linksOf(100)))
    // Nobody is there for a moment, and then they come back to where they stood.
    all(request(2, []))
    assert.deepStrictEqual(last(back), backAlone)
  })

  it("draws neighbours together, and everybody apart", async () => {
    const { last } = await start()
    const links = Array.from({ length: 40 }, (_, node) => [node, (node + 1) % 40] as const)
    const places = last(request(1, newcomers(40), links, 500))
    const apart = places.flatMap((place, at) => places.slice(at + 1).map((other) => distance(place, other)))
    assert.isBelow(mean(links.map(([a, b]) => distance(places[a], places[b]))), 0.5 * mean(apart))
    assert.isAbove(Math.min(...apart), 0.02)
  })

  it("tells where all are after some rounds at a time, says which are the last, and rests", async () => {
    const { all } = await start()
    const answers = all(request(7, newcomers(3), [], 20))
    assert.deepStrictEqual(
      answers.map(({ isDone, version }) => [version, isDone]),
      [
        [7, false],
        [7, false],
        [7, true]
      ]
    )
    assert.strictEqual(vi.getTimerCount(), 0)
  })

  it("leaves a graph for the next one at once, and works no more where that has no nodes", async () => {
    const { answers, ask } = await start()
    ask(request(1, newcomers(10), linksOf(10)))
    vi.advanceTimersToNextTimer()
    ask(request(2, newcomers(12), linksOf(12)))
    assert.strictEqual(vi.getTimerCount(), 1)
    vi.advanceTimersToNextTimer()
    assert.deepStrictEqual(
      answers.map(({ positions, version }) => [version, positions.length]),
      [
        [1, 20],
        [2, 24]
      ]
    )
    ask(request(3, []))
    vi.runAllTimers()
    assert.deepStrictEqual([answers.length, vi.getTimerCount()], [2, 0])
  })

  it("goes on from where nodes stand, and begins a newcomer beside somebody it knows", async () => {
    const { all, last } = await start()
    const before = last(request(1, newcomers(40), linksOf(40), 500))
    const places = placesOf(all(request(2, [...before, unknown], [...linksOf(40), [40, 7]], 1))[0])
    const moved = before.map((place, at) => distance(place, places[at]))
    assert.isBelow(mean(moved), 0.02)
    assert.isBelow(distance(places[40], places[7]), 0.2)
  })

  it("keeps a graph that grows many times over within its circle from the first", async () => {
    const { all, last } = await start()
    const one = last(request(1, newcomers(1)))
    assert.deepStrictEqual(one, [[0, 0]])
    const answers = all(request(2, [...one, ...newcomers(99)], linksOf(100), 500))
    assert.isAtMost(Math.max(...answers.map(radius)), 1.000_01)
    const other = await start()
    const few = other.last(request(1, newcomers(2), [[0, 1]]))
    assert.isAtMost(Math.max(...other.all(request(2, [...few, ...newcomers(8)], linksOf(10))).map(radius)), 1.000_01)
  })

  it("fills the circle again when many are gone", async () => {
    const { all, last } = await start()
    const before = last(request(1, newcomers(100), linksOf(100), 500))
    const answers = all(request(2, before.slice(0, 20), linksOf(20)))
    const radii = answers.map(radius)
    assert.isBelow(radii[0] ?? 1, 0.9)
    assert.closeTo(radii.at(-1) ?? 0, 1, 0.02)
  })

  it("parts nodes that stand on one spot", async () => {
    const { last } = await start()
    const [a, b] = last(
      request(
        1,
        [
          [0, 0],
          [0, 0]
        ],
        [[0, 1]]
      )
    )
    assert.isAbove(distance(a, b), 1)
  })

  it("knows a place for each of ten thousand nodes", async () => {
    const { all } = await start()
    const answers = all(request(1, newcomers(10_000), linksOf(10_000), 1))
    assert.isTrue(answers.every(({ positions }) => positions.length === 20_000 && positions.every(Number.isFinite)))
    assert.isNotEmpty(answers)
  })
})
