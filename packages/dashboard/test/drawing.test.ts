import { assert, describe, it } from "@effect/vitest"
import { inksOf } from "../page/graph/colours.ts"
import {
  draw,
  type Drawing,
  hasShape,
  moveNodes,
  repaintLinks,
  repaintNodes,
  type Shown
} from "../page/graph/drawing.ts"
import type { Choice } from "../page/graph/paint.ts"
import { type Picture, type PictureNode } from "../page/model/Picture.ts"
import { pictureNode, pictureOf } from "./MadeUpPictures.ts"

const inks = inksOf(false)

const shownOf = (picture: Picture, choice: Partial<Choice> = {}, passive: ReadonlyArray<string> = []): Shown => ({
  picture,
  choice: { colourBy: "degree", selected: undefined, waveMillis: Number.POSITIVE_INFINITY, ...choice },
  inks,
  passive
})

const drawn = (shown: Shown): Drawing => draw(shown, () => undefined)

const picture = pictureOf(["a", "b", "c", "d"], ["a-b", "b-c"], ["gone"])

const reserve = (graph: Drawing): ReadonlyArray<string> =>
  graph.filterEdges((_key, { color }) => color === inks.passive).map((key) => graph.extremities(key).join("-"))

const withNode = (more: Partial<PictureNode> & { readonly id: string }): Picture => ({
  ...picture,
  nodes: new Map([...picture.nodes, [more.id, pictureNode(more.id, more)]])
})

describe("the drawn graph", () => {
  it("has every node, the dead too, at its place, or at one of its own while nobody knows it", () => {
    const graph = draw(shownOf(picture), (id) => (id === "a" ? { x: 0.5, y: -0.5 } : undefined))
    const places = graph.mapNodes((_id, { x, y }) => [x, y])
    assert.deepStrictEqual(graph.nodes(), ["a", "b", "c", "d", "gone"])
    assert.deepStrictEqual(places[0], [0.5, -0.5])
    assert.lengthOf(new Set(places.map(String)), 5)
    assert.isTrue(places.flat().every((at) => Math.abs(at) <= 1))
    assert.deepStrictEqual(
      graph.mapEdges((_key, _attributes, a, b) => `${a}-${b}`),
      ["a-b", "b-c"]
    )
  })

  it("is empty for nobody, and of one node for one", () => {
    assert.deepStrictEqual([drawn(shownOf(pictureOf([]))).order, drawn(shownOf(pictureOf(["a"]))).order], [0, 1])
  })

  it("serves as long as nodes and links are the same, however they look", () => {
    const graph = drawn(shownOf(picture))
    const others = [
      shownOf(pictureOf(["a", "b", "c", "d"], ["b-c", "a-b"], ["gone"])),
      shownOf(picture, { selected: "a", colourBy: "process" }),
      shownOf(withNode({ id: "d", state: "isolated" }))
    ]
    assert.isTrue(others.every((other) => hasShape(graph, other)))
  })

  it("is another one where a node or a link has taken another's place", () => {
    const graph = drawn(shownOf(picture))
    const others = [
      pictureOf(["a", "b", "c"], ["a-b", "b-c"], ["gone"]),
      pictureOf(["a", "b", "c", "e"], ["a-b", "b-c"], ["gone"]),
      pictureOf(["a", "b", "c", "d"], ["a-b"], ["gone"]),
      pictureOf(["a", "b", "c", "d"], ["a-b", "a-c"], ["gone"])
    ]
    assert.isFalse(others.some((other) => hasShape(graph, shownOf(other))))
  })

  it("shows the links that the selected node has in reserve: each once, to nodes that are there, and no neighbours", () => {
    const passive = ["b", "c", "c", "a", "gone", "unknown"]
    assert.deepStrictEqual(reserve(drawn(shownOf(picture, { selected: "a" }, passive))), ["a-c", "a-gone"])
    assert.deepStrictEqual(reserve(drawn(shownOf(picture, {}, passive))), [])
    assert.deepStrictEqual(reserve(drawn(shownOf(picture, { selected: "unknown" }, passive))), [])
  })

  it("is another one for another reserve, or the same one of another node", () => {
    const shown = shownOf(picture, { selected: "a" }, ["d"])
    const graph = drawn(shown)
    assert.isTrue(hasShape(graph, shown))
    assert.isFalse(hasShape(graph, shownOf(picture, { selected: "a" }, ["gone"])))
    assert.isFalse(hasShape(graph, shownOf(picture, { selected: "a" })))
    assert.isFalse(hasShape(graph, shownOf(picture, { selected: "c" }, ["d"])))
  })

  it("is repainted where looks have changed, and nowhere else", () => {
    const graph = drawn(shownOf(picture))
    assert.deepStrictEqual(repaintNodes(graph, shownOf(picture)), { nodes: [], isReordered: false })
    assert.deepStrictEqual(repaintLinks(graph, shownOf(picture)), [])
    const isolated = shownOf(withNode({ id: "d", state: "isolated" }))
    assert.deepStrictEqual(repaintNodes(graph, isolated), { nodes: ["d"], isReordered: false })
    assert.strictEqual(graph.getNodeAttribute("d", "ringColor"), inks.alarm)
    assert.deepStrictEqual(repaintNodes(graph, isolated), { nodes: [], isReordered: false })
  })

  it("lifts the selected node above the others, and its links out of them", () => {
    const graph = drawn(shownOf(picture))
    const selected = shownOf(picture, { selected: "a" })
    assert.deepStrictEqual(repaintNodes(graph, selected), { nodes: ["a"], isReordered: true })
    // The others step back.
    assert.lengthOf(repaintLinks(graph, selected), 2)
    assert.strictEqual(graph.getEdgeAttribute(graph.edge("a", "b"), "color"), inks.linkNear)
    assert.deepStrictEqual(repaintLinks(graph, selected), [])
  })

  it("moves the nodes that have a place, and leaves the others where they are", () => {
    const graph = drawn(shownOf(picture))
    const { x, y } = graph.getNodeAttributes("gone")
    moveNodes(graph, new Map([["a", { x: 0.1, y: 0.2 }]]))
    assert.deepInclude(graph.getNodeAttributes("a"), { x: 0.1, y: 0.2, label: "a" })
    assert.deepInclude(graph.getNodeAttributes("gone"), { x, y })
  })
})
