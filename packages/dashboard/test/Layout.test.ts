import { afterEach, assert, beforeEach, describe, it, vi } from "@effect/vitest"
import { type Layout, makeLayout, type Place } from "../page/graph/Layout.ts"
import { pictureOf } from "./MadeUpPictures.ts"
import { type MadeUpWorker, stubPage, workers } from "./MadeUpWorker.ts"

let page: ReturnType<typeof stubPage>
let moved: Array<ReadonlyMap<string, Place>>
let failures: number

const start = (): { readonly layout: Layout; readonly worker: MadeUpWorker } => {
  const layout = makeLayout(
    (places) => moved.push(new Map(places)),
    () => failures++
  )
  const worker = workers.at(-1)
  assert.isDefined(worker)
  return { layout, worker }
}

beforeEach(() => {
  page = stubPage()
  moved = []
  failures = 0
})

afterEach(() => {
  vi.unstubAllGlobals()
})

describe("the layout", () => {
  it("asks for a place for each node that runs, with the links between them", () => {
    const { layout, worker } = start()
    layout.arrange(pictureOf(["a", "b", "c"], ["a-b", "b-c", "c-gone"], ["gone"]))
    assert.deepStrictEqual(worker.asked, [
      {
        version: 1,
        positions: new Float32Array(6).fill(Number.NaN),
        links: Uint32Array.from([0, 1, 1, 2]),
        rounds: 500
      }
    ])
  })

  it("asks again when nodes or links are others, be they as many, and only then", () => {
    const { layout, worker } = start()
    layout.arrange(pictureOf(["a", "b", "c"], ["a-b"]))
    layout.arrange(pictureOf(["a", "b", "c"], ["a-b"]))
    assert.lengthOf(worker.asked, 1)
    layout.arrange(pictureOf(["a", "b", "c"], ["a-c"]))
    assert.lengthOf(worker.asked, 2)
    // One without a link takes the place of another.
    layout.arrange(pictureOf(["a", "d", "c"], ["a-c"]))
    assert.lengthOf(worker.asked, 3)
    layout.arrange({ ...pictureOf(["a", "d", "c"], ["a-c"]), of: "edges.csv" })
    assert.lengthOf(worker.asked, 4)
  })

  it("moves the nodes once a frame, to what was answered last", () => {
    const { layout, worker } = start()
    layout.arrange(pictureOf(["a", "b"]))
    worker.answer(1, [1, 1, 2, 2])
    worker.answer(1, [3, 3, 4, 4], true)
    assert.deepStrictEqual([moved, layout.placeOf("a"), page.frames.size], [[], undefined, 1])
    page.nextFrame()
    assert.deepStrictEqual(
      moved.map((places) => [...places]),
      [
        [
          ["a", { x: 3, y: 3 }],
          ["b", { x: 4, y: 4 }]
        ]
      ]
    )
  })

  it("takes no answer to an earlier question for one to the last", () => {
    const { layout, worker } = start()
    layout.arrange(pictureOf(["a", "b"]))
    worker.answer(1, [1, 1, 2, 2])
    layout.arrange(pictureOf(["b", "c"]))
    page.nextFrame()
    worker.answer(1, [1, 1, 2, 2])
    assert.deepStrictEqual([moved, layout.placeOf("b"), page.frames.size], [[], undefined, 0])
  })

  it("keeps the place of who is dead until he comes back, and forgets who is gone", () => {
    const { layout, worker } = start()
    layout.arrange(pictureOf(["a", "b", "c"]))
    worker.answer(1, [0.25, 0, 0.5, 0, 0.75, 0])
    page.nextFrame()
    layout.arrange(pictureOf(["b"], [], ["a"]))
    assert.deepStrictEqual([layout.placeOf("a"), layout.placeOf("c")], [{ x: 0.25, y: 0 }, undefined])
    layout.arrange(pictureOf(["a", "b", "c"]))
    const { positions, rounds } = worker.asked[2] ?? { positions: [], rounds: 0 }
    assert.deepStrictEqual([...positions], [0.25, 0, 0.5, 0, Number.NaN, Number.NaN])
    // Most stand already.
    assert.strictEqual(rounds, 240)
  })

  it("starts anew for something else, also where its nodes have the same names", () => {
    const { layout, worker } = start()
    layout.arrange(pictureOf(["1", "2"]))
    worker.answer(1, [1, 0, 0, 1])
    page.nextFrame()
    layout.arrange({ ...pictureOf(["1", "2"]), of: "edges.csv" })
    assert.deepStrictEqual([...(worker.asked[1]?.positions ?? [])], Array(4).fill(Number.NaN))
    assert.isUndefined(layout.placeOf("1"))
  })

  it("has the worker rest where there is nobody", () => {
    const { layout, worker } = start()
    layout.arrange(pictureOf(["a"]))
    layout.arrange(pictureOf([], [], ["a"]))
    assert.deepStrictEqual([worker.asked[1]?.positions.length, worker.asked[1]?.links.length], [0, 0])
  })

  it("says that its worker could not be loaded", () => {
    const { worker } = start()
    assert.strictEqual(failures, 0)
    worker.dispatchEvent(new Event("error"))
    assert.strictEqual(failures, 1)
  })

  it("leaves neither a worker nor a frame behind", () => {
    const { layout, worker } = start()
    layout.arrange(pictureOf(["a"]))
    worker.answer(1, [0, 0])
    layout.stop()
    page.nextFrame()
    assert.deepStrictEqual([worker.isTerminated, moved], [true, []])
  })
})
