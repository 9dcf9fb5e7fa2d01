/**
 * The graph that is drawn, with the looks of each node and link: made anew for other nodes or links, repainted in place
 * for all else. It knows no screen: `GraphView` hands it to sigma, and tells it what has been repainted.
 */
import { UndirectedGraph } from "graphology"
import type { Picture, PictureLink } from "../model/Picture.ts"
import type { Inks } from "./colours.ts"
import type { Place } from "./Layout.ts"
import { type Choice, paintLink, paintNode, scaleOf } from "./paint.ts"
import { seedPosition } from "./seeds.ts"

export interface NodeAttributes {
  x: number
  y: number
  color: string
  size: number
  ringColor: string
  zIndex: number
  label: string
}

export interface LinkAttributes {
  color: string
  size: number
  zIndex: number
}

export type Drawing = UndirectedGraph<NodeAttributes, LinkAttributes>

export interface Shown {
  readonly picture: Picture
  readonly choice: Choice
  readonly inks: Inks
  /** Ids in the selected node's reserve, drawn only while they are asked for. */
  readonly passive: ReadonlyArray<string>
}

const keyOf = ({ a, b }: Pick<PictureLink, "a" | "b">): string => `${a}\u0000${b}`

/** No link's key: no id is empty. */
const reserveKey = (selected: string, id: string): string => `\u0000${selected}\u0000${id}`

/** The ends of the links in reserve that are drawn: nodes that are there, and are no neighbours already. */
const reserveOf = ({ choice: { selected }, passive, picture }: Shown): ReadonlyArray<string> => {
  if (passive.length === 0 || selected === undefined || !picture.nodes.has(selected)) return []
  const neighbors = new Set(picture.links.flatMap(({ a, b }) => (a === selected ? [b] : b === selected ? [a] : [])))
  return [...new Set(passive)].filter((id) => id !== selected && picture.nodes.has(id) && !neighbors.has(id))
}

/** Whether these nodes and links are those that the graph has: then it need only be repainted. */
export const hasShape = (graph: Drawing, shown: Shown): boolean => {
  const { links, nodes } = shown.picture
  const selected = shown.choice.selected ?? ""
  const reserve = reserveOf(shown)
  return (
    graph.order === nodes.size &&
    graph.size === links.length + reserve.length &&
    links.every((link) => graph.hasEdge(keyOf(link))) &&
    reserve.every((id) => graph.hasEdge(reserveKey(selected, id))) &&
    nodes.keys().every((id) => graph.hasNode(id))
  )
}

/** Anew: sigma takes a whole graph in one go, and each node and link that is dropped in as long. */
export const draw = (shown: Shown, placeOf: (id: string) => Place | undefined): Drawing => {
  const { choice, inks, picture } = shown
  const graph: Drawing = new UndirectedGraph()
  const scale = scaleOf(picture)
  for (const node of picture.nodes.values()) {
    const { color, ring, size, zIndex } = paintNode(node, picture, scale, choice, inks)
    // Before the worker has begun there is something to see already.
    const [seedX, seedY] = seedPosition(graph.order, picture.nodes.size, 1)
    const { x, y } = placeOf(node.id) ?? { x: seedX, y: seedY }
    graph.addNode(node.id, { color, size, ringColor: ring, zIndex, label: node.id, x, y })
  }
  for (const link of picture.links) {
    const { color, size } = paintLink(link, picture.nodes.size, choice, inks)
    graph.addEdgeWithKey(keyOf(link), link.a, link.b, { color, size, zIndex: 0 })
  }
  for (const id of reserveOf(shown)) {
    const selected = choice.selected ?? ""
    graph.addEdgeWithKey(reserveKey(selected, id), selected, id, { color: inks.passive, size: 1, zIndex: 1 })
  }
  return graph
}

export interface Repainted {
  readonly nodes: ReadonlyArray<string>
  /** A node comes to lie above others, or no longer does. */
  readonly isReordered: boolean
}

/**
 * Attributes are written in place and sigma is told once what has changed: an event for each of a thousand nodes would take
 * longer than to draw them. The graph has the picture's shape.
 */
export const repaintNodes = (graph: Drawing, { choice, inks, picture }: Shown): Repainted => {
  const scale = scaleOf(picture)
  const nodes: Array<string> = []
  let isReordered = false
  for (const node of picture.nodes.values()) {
    const { color, ring, size, zIndex } = paintNode(node, picture, scale, choice, inks)
    const drawn = graph.getNodeAttributes(node.id)
    if (drawn.color === color && drawn.ringColor === ring && drawn.size === size && drawn.zIndex === zIndex) continue
    isReordered ||= drawn.zIndex !== zIndex
    Object.assign(drawn, { color, size, ringColor: ring, zIndex })
    nodes.push(node.id)
  }
  return { nodes, isReordered }
}

/** The keys of those links whose looks have changed. */
export const repaintLinks = (graph: Drawing, { choice, inks, picture }: Shown): ReadonlyArray<string> => {
  const changed: Array<string> = []
  for (const link of picture.links) {
    const key = keyOf(link)
    const { color, size } = paintLink(link, picture.nodes.size, choice, inks)
    const drawn = graph.getEdgeAttributes(key)
    if (drawn.color === color && drawn.size === size) continue
    Object.assign(drawn, { color, size })
    changed.push(key)
  }
  return changed
}

/** Moves each node to its place, where it has one. */
export const moveNodes = (graph: Drawing, places: ReadonlyMap<string, Place>): void =>
  graph.forEachNode((id, attributes) => Object.assign(attributes, places.get(id)))
