import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as Picture from "../page/model/Picture.ts"
import * as Replay from "../page/model/Replay.ts"
import * as ResultFile from "../page/model/ResultFile.ts"

const result = {
  experiment: "failures",
  seed: 3,
  nodes: 6,
  config: { kill: 0.5 },
  complete: true,
  traceHash: "abc",
  overlay: {
    alive: 3,
    components: 1,
    largestComponent: 3,
    asymmetricLinks: 0,
    inDegree: { "2": 3 },
    clustering: 0.1,
    averageShortestPath: 1.2
  },
  broadcasts: [
    { reliability: 0.5, rmr: 1, hops: 2, payload: 4, control: 0 },
    { reliability: 1, rmr: 1.5, hops: 3, payload: 9, control: 0 }
  ],
  healingCycles: 1,
  samples: [
    { cycle: 0, alive: 3, components: 2, largestComponent: 2, reliability: 0.7 },
    { cycle: 1, alive: 3, components: 1, largestComponent: 3, reliability: 1 }
  ]
}

const openJson = (value: unknown) => ResultFile.open("result.json", JSON.stringify(value))

const failure = (opened: Result.Result<ResultFile.Opened, string>): string =>
  Result.isFailure(opened) ? opened.failure : "it was opened"

/** A path of four, whose last link only one end holds. */
const edgesText = "1,2\n2,1\n2,3\n3,2\n3,4\n"

const openEdges = (text: string): ResultFile.Edges => {
  const opened = Result.getOrThrow(ResultFile.open("edges.csv", text))
  return opened._tag === "Edges" ? opened.edges : { ids: [], links: [] }
}

describe("a file that is opened", () => {
  it("is a result, or several", () => {
    const one = Result.getOrThrow(openJson(result))
    assert.strictEqual(one._tag === "Runs" ? one.runs[0]?.experiment : "", "failures")
    const several = Result.getOrThrow(openJson({ experiment: "paper", runs: [result, result] }))
    assert.strictEqual(several._tag === "Runs" ? several.runs.length : 0, 2)
  })

  it("is a list of links, each of which both ends or one of them hold", () => {
    assert.deepStrictEqual(openEdges(edgesText), {
      ids: ["1", "2", "3", "4"],
      links: [
        [0, 1, false],
        [1, 2, false],
        [2, 3, true]
      ]
    })
  })

  const wrong: ReadonlyArray<readonly [what: string, name: string, text: string, message: RegExp]> = [
    ["nothing", "a.json", "  \n", /^a\.json cannot be shown: it is empty$/],
    ["a picture", "a.png", "\u0089PNG", /neither a result .* nor a list of links/],
    ["broken JSON", "a.json", `{"experiment": `, /^a\.json cannot be shown: it is not JSON: /],
    ["another JSON", "a.json", `{"name": "x"}`, /it is JSON, but not a result of the simulator:\n[^]*experiment/],
    [
      "a share above one",
      "a.json",
      JSON.stringify({ ...result, broadcasts: [{ reliability: 2, rmr: 0, hops: 1 }] }),
      /broadcasts[^]*reliability/
    ],
    ["no run at all", "a.json", `{"experiment": "paper", "runs": []}`, /runs/],
    ["words among the links", "e.csv", "1,2\n1;3\n", /line 2 is "1;3"; a link is two node numbers/],
    ["a link to itself", "e.csv", "1,2\n3,3\n", /line 2 links node 3 to itself/]
  ]
  for (const [what, name, text, message] of wrong) {
    it(`is refused with what is wrong where: ${what}`, () => {
      assert.match(failure(ResultFile.open(name, text)), message)
    })
  }

  it("is refused where it has more nodes than a picture", () => {
    const many = Array.from({ length: ResultFile.mostDrawnNodes }, (_, index) => `0,${index + 1}`).join("\n")
    assert.match(failure(ResultFile.open("e.csv", many)), /more than 20,000 nodes/)
  })
})

describe("a replay", () => {
  const run = Result.getOrThrow(openJson(result))

  it("has a series for each thing that was measured more than once", () => {
    const series = run._tag === "Runs" && run.runs[0] !== undefined ? Replay.seriesOf(run.runs[0]) : []
    assert.deepStrictEqual(
      series.map(({ frames, name }) => [name, frames.map(({ label }) => label)]),
      [
        ["Cycles", ["at once", "cycle 1"]],
        ["Messages", ["message 1 of 2", "message 2 of 2"]]
      ]
    )
    assert.deepStrictEqual(series[0]?.frames[0]?.facts, [
      ["alive", "3"],
      ["components", "2"],
      ["largest", "2"],
      ["reliability", "70.0 %"]
    ])
    assert.deepStrictEqual(series[0]?.curves[1]?.values.map(Math.round), [67, 100])
  })

  it("reaches the nearest first, and nobody beyond the component", () => {
    const edges = openEdges(`${edgesText}7,8\n8,7\n`)
    assert.deepStrictEqual(
      [...Replay.reachedIn(edges, 0, 0.5)],
      [
        ["1", 0],
        ["2", 1],
        ["3", 2]
      ]
    )
    assert.deepStrictEqual([...Replay.reachedIn(edges, 0, 1).keys()], ["1", "2", "3", "4"])
  })

  it("draws an edges file as the graph that it is", () => {
    const edges = openEdges(edgesText)
    const picture = Picture.ofEdges("edges.csv", edges)
    assert.deepStrictEqual(
      [...picture.nodes.values()].map(({ degree, id }) => [id, degree]),
      [
        ["1", 1],
        ["2", 2],
        ["3", 2],
        ["4", 1]
      ]
    )
    assert.deepStrictEqual(
      picture.links.map(({ isOneSided }) => isOneSided),
      [false, false, true]
    )
    assert.strictEqual(Picture.withReached(picture, edges, "2", 0.75).arrivals.get("1")?.hops, 1)
  })
})
