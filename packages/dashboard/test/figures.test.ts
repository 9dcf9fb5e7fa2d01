import { assert, describe, it } from "@effect/vitest"
import * as Feed from "../src/Feed.ts"
import * as Figures from "../page/charts/figures.ts"
import { nothing, type Picture, type PictureNode } from "../page/model/Picture.ts"
import type { SeenNode } from "../src/ClusterSource.ts"

const pictureOf = (nodes: ReadonlyArray<readonly [degree: number, state: PictureNode["state"]]>): Picture => ({
  ...nothing,
  nodes: new Map(
    nodes.map(([degree, state], index) => {
      const id = `n${index}`
      return [id, { id, state, degree, component: 0, process: 0 }]
    })
  )
})

const seen = (roundTripMillis: number | null, status: SeenNode["status"] = "alive"): SeenNode => ({
  id: "n",
  address: "",
  process: 0,
  status,
  active: [],
  passiveSize: 0,
  roundTripMillis,
  group: null
})

describe("the charts' figures", () => {
  it("count neighbours of those that run, numbers between that nobody has included", () => {
    const picture = pictureOf([
      [5, "running"],
      [5, "running"],
      [2, "joining"],
      [0, "dead"],
      [0, "left"]
    ])
    assert.deepStrictEqual(Figures.degrees(picture), [
      [2, 1],
      [3, 0],
      [4, 0],
      [5, 2]
    ])
    assert.deepStrictEqual(Figures.degrees(pictureOf([[0, "isolated"]])), [[0, 1]])
    assert.deepStrictEqual(Figures.degrees(nothing), [])
  })

  it("count those whom the message reached after so many links", () => {
    const arrivals = new Map([0, 1, 3, 3].map((hops, index) => [`n${index}`, { hops, millis: undefined }]))
    assert.deepStrictEqual(Figures.hops({ ...nothing, arrivals }), [
      [0, 1],
      [1, 1],
      [2, 0],
      [3, 2]
    ])
  })

  it("say what share of those who were expected had the message when, and that some never got it", () => {
    const points = Figures.arrivals({
      id: "m",
      from: "a",
      publishedAtMillis: 0,
      expected: 5,
      arrivals: [
        ["a", 0, 0],
        ["b", 1, 7],
        ["c", 1, 3],
        ["d", 2, 7]
      ]
    })
    assert.deepStrictEqual(points, [
      [0, 20],
      [3, 40],
      [7, 80]
    ])
  })

  it("group round trips by equally wide steps, those of the running alone", () => {
    const nodes = [seen(0.4), seen(0.5), seen(1.9), seen(null), seen(9, "dead")]
    assert.deepStrictEqual(Figures.roundTrips(nodes), [
      [0.4, 2],
      [0.6, 0],
      [0.8, 0],
      [1, 0],
      [1.2, 0],
      [1.4, 0],
      [1.6, 0],
      [1.8, 1]
    ])
    assert.deepStrictEqual(Figures.roundTrips([seen(0)]), [[0, 1]])
    assert.deepStrictEqual(Figures.roundTrips([]), [])
  })

  it("are told in words, the most frequent first", () => {
    const words = Figures.inWords(
      [
        [4, 10],
        [5, 40]
      ],
      "neighbours"
    )
    assert.strictEqual(words, "40 nodes with 5 neighbours, 10 with 4")
  })

  it("sample the traffic once a second, for five minutes, and anew where the clock was set back", () => {
    const { counters } = Feed.initial({ cluster: "c", wantedDegree: 2, transport: "none" })
    const sampled = (times: ReadonlyArray<number>) =>
      times
        .reduce<ReadonlyArray<Figures.Sample>>(
          (before, atMillis) => Figures.withSample(before, { ...counters, atMillis, sentPerSecond: atMillis / 100 }),
          []
        )
        .map(({ atMillis, sentPerSecond }) => [atMillis, sentPerSecond])
    assert.deepStrictEqual(sampled([1_000, 1_200, 1_999, 2_000, 3_500]), [
      [1_000, 10],
      [2_000, 20],
      [3_500, 35]
    ])
    assert.deepStrictEqual(sampled([900_000, 901_000, 1_000, 2_000]), [
      [1_000, 10],
      [2_000, 20]
    ])
    const long = sampled(Array.from({ length: 1_000 }, (_, second) => second * 1_000))
    assert.deepStrictEqual([long.length, long[0]], [300, [700_000, 7_000]])
    assert.deepStrictEqual(Figures.withSample([], counters), [])
  })
})
