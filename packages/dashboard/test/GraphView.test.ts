/** The view without a screen: sigma is made up, and writes down what it is told. */
import { afterEach, assert, beforeEach, describe, it, vi } from "@effect/vitest"
import { inksOf } from "../page/graph/colours.ts"
import type { Drawing, Shown } from "../page/graph/drawing.ts"
import { nothing, type Picture } from "../page/model/Picture.ts"
import { pictureOf } from "./MadeUpPictures.ts"
import { type MadeUpWorker, stubPage, workers } from "./MadeUpWorker.ts"

interface Camera {
  readonly x: number
  readonly y: number
  readonly ratio: number
}

const sigmas: Array<MadeUpSigma> = []
class MadeUpSigma {
  readonly listeners = new Map<string, (event: { readonly node: string }) => void>()
  readonly refreshed: Array<{ readonly partialGraph: Readonly<Record<string, ReadonlyArray<string>>> }> = []
  readonly set: Record<string, unknown> = {}
  readonly glides: Array<Partial<Camera>> = []
  graph: Drawing
  builds = 0
  resizes = 0
  isKilled = false
  state: Camera = { x: 0, y: 0, ratio: 0 }
  constructor(graph: Drawing) {
    this.graph = graph
    sigmas.push(this)
  }
  on(event: string, listener: (event: { readonly node: string }) => void): void {
    this.listeners.set(event, listener)
  }
  getCamera() {
    return {
      getState: () => this.state,
      setState: (state: Partial<Camera>) => (this.state = { ...this.state, ...state }),
      animate: async (state: Partial<Camera>) => {
        this.glides.push(state)
      }
    }
  }
  setCustomBBox(): void {}
  getSetting(name: string): unknown {
    return this.set[name]
  }
  setSetting(name: string, value: unknown): void {
    this.set[name] = value
  }
  setGraph(graph: Drawing): void {
    this.graph = graph
    this.builds++
  }
  refresh(what: MadeUpSigma["refreshed"][number]): void {
    this.refreshed.push(what)
  }
  getNodeDisplayData(id: string) {
    return this.graph.hasNode(id) ? { x: 0.25, y: 0.75 } : undefined
  }
  resize() {
    this.resizes++
    return { scheduleRender: () => undefined }
  }
  kill(): void {
    this.isKilled = true
  }
}

// The real one asks for WebGL as soon as it is imported.
vi.doMock("sigma", () => ({ Sigma: MadeUpSigma }))
vi.doMock("sigma/rendering", () => {
  const none = () => undefined
  return { layerFill: none, layerPlain: none, pathLine: none, sdfCircle: none }
})
const { makeGraphView } = await import("../page/graph/GraphView.ts")

/** Tells of a size when a test has it tell. */
class MadeUpObserver {
  static all: Array<MadeUpObserver> = []
  isObserving = false
  readonly tell: () => void
  constructor(tell: () => void) {
    this.tell = tell
    MadeUpObserver.all.push(this)
  }
  observe(): void {
    this.isObserving = true
  }
  disconnect(): void {
    this.isObserving = false
  }
}

const last = <A>(all: ReadonlyArray<A>): A => {
  const found = all.at(-1)
  assert.isDefined(found)
  return found
}

const none: ReadonlyArray<string> = []

const shownOf = (picture: Picture, selected?: string, passive = none): Shown => ({
  picture,
  choice: { colourBy: "degree", selected, waveMillis: Number.POSITIVE_INFINITY },
  inks: inksOf(false),
  passive
})

let page: ReturnType<typeof stubPage>

const start = (isStill = true) => {
  const selected: Array<string | undefined> = []
  let failures = 0
  const view = makeGraphView(Object.create(null), {
    onSelect: (id) => selected.push(id),
    onLayoutFailed: () => failures++,
    isStill: () => isStill
  })
  const worker: MadeUpWorker = last(workers)
  return { view, sigma: last(sigmas), worker, selected, observer: last(MadeUpObserver.all), failed: () => failures }
}

beforeEach(() => {
  page = stubPage()
  vi.stubGlobal("matchMedia", () => ({ matches: false }))
  vi.stubGlobal("ResizeObserver", MadeUpObserver)
})

afterEach(() => {
  vi.unstubAllGlobals()
})

const picture = pictureOf(["a", "b", "c"], ["a-b"])

describe("the graph's view", () => {
  it("builds a graph for other nodes, repaints what looks otherwise, and touches nothing else", () => {
    const { sigma, view } = start()
    view.show(shownOf(picture))
    assert.deepStrictEqual([sigma.builds, sigma.graph.nodes()], [1, ["a", "b", "c"]])
    view.show(shownOf({ ...picture }))
    assert.deepStrictEqual([sigma.builds, sigma.refreshed], [1, []])
    view.show(shownOf(picture))
    view.show(shownOf(picture, "c"))
    assert.deepStrictEqual(
      sigma.refreshed.map(({ partialGraph }) => partialGraph),
      [{ nodes: ["c"] }, { edges: ["a\u0000b"] }]
    )
    view.show(shownOf(pictureOf(["a", "b", "d"], ["a-b"])))
    assert.deepStrictEqual([sigma.builds, sigma.graph.nodes()], [2, ["a", "b", "d"]])
    view.show(shownOf(pictureOf([])))
    assert.deepStrictEqual([sigma.builds, sigma.graph.order], [3, 0])
  })

  it("draws the reserve of the selected node when it comes, and that of the next in its place", () => {
    const { sigma, view } = start()
    view.show(shownOf(picture, "a"))
    view.show(shownOf(picture, "a", ["c"]))
    assert.isTrue(sigma.graph.hasEdge("a", "c"))
    view.show(shownOf(picture, "b", ["c"]))
    assert.deepStrictEqual([sigma.graph.hasEdge("a", "c"), sigma.graph.hasEdge("b", "c")], [false, true])
  })

  it("colours anew for another theme", () => {
    const { sigma, view } = start()
    const colours = () => [
      sigma.graph.getNodeAttribute("b", "color"),
      sigma.graph.getEdgeAttribute("a", "b", "color"),
      sigma.graph.getEdgeAttribute("a", "c", "color")
    ]
    const shown = shownOf(picture, "a", ["c"])
    view.show(shown)
    const before = colours()
    view.show({ ...shown, inks: inksOf(true) })
    assert.isTrue(colours().every((colour, at) => colour !== before[at]))
  })

  it("moves nodes as they are laid out, in the graph that is drawn now", () => {
    const { sigma, view, worker } = start()
    view.show(shownOf(picture))
    worker.answer(1, [0, 0, 0.5, 0, 0, 0.5])
    page.nextFrame()
    assert.deepInclude(sigma.graph.getNodeAttributes("b"), { x: 0.5, y: 0 })
    assert.deepStrictEqual(last(sigma.refreshed).partialGraph, { nodes: ["a", "b", "c"] })
    // One dies and is drawn where it stood; with it in the picture nobody is asked of it.
    view.show(shownOf(pictureOf(["a", "c"], [], ["b"])))
    assert.deepInclude(sigma.graph.getNodeAttributes("b"), { x: 0.5, y: 0 })
    assert.strictEqual(last(worker.asked).positions.length, 4)
  })

  it("shows all of another picture, and leaves the camera where it is while the same one changes", () => {
    const { sigma, view } = start()
    view.show(shownOf(picture))
    view.zoom(0.5)
    view.show(shownOf(pictureOf(["a", "b"])))
    assert.closeTo(sigma.state.ratio, 0.52, 0.001)
    view.show(shownOf({ ...nothing, of: "edges.csv" }))
    assert.deepInclude(sigma.state, { x: 0.5, y: 0.5, ratio: 1.04 })
  })

  it("zooms within bounds, pans by what is seen, and goes to a node, if it is there", () => {
    const { sigma, view } = start()
    view.show(shownOf(picture))
    view.pan(0.1, -0.1)
    assert.closeTo(sigma.state.x, 0.604, 0.001)
    assert.closeTo(sigma.state.y, 0.396, 0.001)
    for (let step = 0; step < 20; step++) view.zoom(0.5)
    assert.strictEqual(sigma.state.ratio, 0.02)
    for (let step = 0; step < 20; step++) view.zoom(2)
    assert.strictEqual(sigma.state.ratio, 3)
    view.focusOn("gone")
    assert.strictEqual(sigma.state.ratio, 3)
    view.focusOn("a")
    assert.deepInclude(sigma.state, { x: 0.25, y: 0.75, ratio: 0.4 })
  })

  it("glides, unless one wishes stillness", () => {
    const gliding = start(false)
    gliding.view.fit()
    const still = start(true)
    still.view.fit()
    assert.deepStrictEqual([gliding.sigma.glides.length, still.sigma.glides.length], [1, 0])
  })

  it("tells which node was clicked, or that it was none, and that nobody is laid out", () => {
    const { failed, selected, sigma, view, worker } = start()
    view.show(shownOf(picture))
    sigma.listeners.get("clickNode")?.({ node: "b" })
    sigma.listeners.get("clickStage")?.({ node: "" })
    worker.dispatchEvent(new Event("error"))
    assert.deepStrictEqual([selected, failed()], [["b", undefined], 1])
  })

  it("follows the size of its place, and lets go of everything when it stops", () => {
    const { observer, sigma, view, worker } = start()
    observer.tell()
    assert.deepStrictEqual([observer.isObserving, sigma.resizes], [true, 1])
    view.show(shownOf(picture))
    worker.answer(1, [0, 0, 0.5, 0, 0, 0.5])
    view.stop()
    assert.deepStrictEqual(
      [observer.isObserving, worker.isTerminated, sigma.isKilled, page.frames.size],
      [false, true, true, 0]
    )
  })
})
