/**
 * The graph on the page: sigma draws it with WebGL, a worker lays it out, `paint` says how everything looks. It is told
 * a picture and a choice, and finds out by itself what has changed; with a thousand nodes an update is some milliseconds.
 */
import { UndirectedGraph } from "graphology"
import { Sigma } from "sigma"
import { type FragmentLayer, layerFill, layerPlain, pathLine, sdfCircle } from "sigma/rendering"
import type { Picture, PictureLink } from "../model/Picture.ts"
import { type Inks } from "./colours.ts"
import { makeLayout, type Place } from "./Layout.ts"
import { seedPosition } from "./seeds.ts"
import { type Choice, nodeSize, paintLink, paintNode, scaleOf } from "./paint.ts"

export interface GraphView {
  /** `passive`: ids in the selected node's reserve, drawn only while they are asked for. */
  readonly show: (picture: Picture, choice: Choice, inks: Inks, passive: ReadonlyArray<string>) => void
  readonly zoom: (factor: number) => void
  readonly pan: (x: number, y: number) => void
  readonly fit: () => void
  readonly focusOn: (id: string) => void
  readonly isMoving: () => boolean
  readonly stop: () => void
}

interface NodeAttributes {
  x: number
  y: number
  color: string
  size: number
  ringColor: string
  zIndex: number
  label: string
}

interface LinkAttributes {
  color: string
  size: number
  zIndex: number
}

interface Shown {
  readonly picture: Picture
  readonly choice: Choice
  readonly inks: Inks
  readonly passive: ReadonlyArray<string>
}

const unsignedByte = 5121

/** A ring inside the node's rim, in a colour of its own. */
const layerRing: FragmentLayer = {
  name: "ring",
  uniforms: [],
  attributes: [{ name: "ringColor", size: 4, type: unsignedByte, normalized: true, source: "ringColor" }],
  glsl: `
vec4 layer_ring(vec4 v_ringColor) {
  float width = max(context.shapeSize * 0.26, 1.6 * context.pixelToUV);
  float inside = smoothstep(-width - context.aaWidth, -width, context.sdf);
  return vec4(v_ringColor.rgb, v_ringColor.a * inside);
}
`
}

const keyOf = ({ a, b }: Pick<PictureLink, "a" | "b">): string => `${a}\u0000${b}`

const reserveKey = (id: string): string => `reserve\u0000${id}`

/** A camera that shows everything. */
const wholeView = { x: 0.5, y: 0.5, ratio: 1.04, angle: 0 }

export const makeGraphView = (
  container: HTMLElement,
  onSelect: (id: string | undefined) => void,
  isStill: () => boolean
): GraphView => {
  let graph = new UndirectedGraph<NodeAttributes, LinkAttributes>()
  let shown: Shown | undefined
  /** Nodes or links have come or gone, and sigma has not drawn since: its tables do not know them yet. */
  let isFresh = true
  let labelInk = "#000000"
  let surface = "#ffffff"

  const sigma = new Sigma(graph, container, {
    primitives: {
      nodes: {
        shapes: [sdfCircle()],
        variables: { ringColor: { type: "color", default: "#00000000" } },
        layers: [layerFill(), layerRing],
        label: { font: { family: "ui-sans-serif, system-ui, sans-serif", size: 11 }, margin: 3 }
      },
      edges: { paths: [pathLine()], layers: [layerPlain()] }
    },
    styles: {
      nodes: {
        x: { attribute: "x" },
        y: { attribute: "y" },
        color: { attribute: "color" },
        size: { attribute: "size" },
        ringColor: { attribute: "ringColor" },
        zIndex: { attribute: "zIndex" },
        label: { attribute: "label" },
        labelColor: () => labelInk,
        labelVisibility: (_attributes, { isHovered }) => (isHovered ? "visible" : "auto"),
        backdropVisibility: (_attributes, { isHovered }) => (isHovered ? "visible" : "hidden"),
        backdropColor: () => surface,
        backdropShadowColor: "rgba(0, 0, 0, 0.25)",
        backdropShadowBlur: 6,
        backdropPadding: 4,
        cursor: "pointer"
      },
      edges: { color: { attribute: "color" }, size: { attribute: "size" }, zIndex: { attribute: "zIndex" } }
    },
    settings: {
      itemSizesReference: "screen",
      enableCameraRotation: false,
      enableCameraMouseRotation: false,
      minEdgeThickness: 0.5,
      labelRenderedSizeThreshold: 7,
      labelDensity: 0.6,
      nodePickingPadding: 4,
      minCameraRatio: 0.02,
      maxCameraRatio: 3,
      stagePadding: 16,
      // A wheel over the graph zooms; on a phone one finger scrolls the page, two move the graph.
      gestureTarget: matchMedia("(pointer: coarse)").matches ? "shared" : "graph"
    }
  })
  sigma.on("afterRender", () => (isFresh = false))
  sigma.setCustomBBox({ x: [-1, 1], y: [-1, 1] })
  sigma.getCamera().setState(wholeView)
  sigma.on("clickNode", ({ node }) => onSelect(node))
  sigma.on("clickStage", () => onSelect(undefined))

  // Attributes are written in place and sigma is told once what has changed: an event for each of a thousand nodes would
  // take longer than to draw them.
  const place = (places: ReadonlyMap<string, Place>): void => {
    graph.forEachNode((id, attributes) => {
      const at = places.get(id)
      if (at === undefined) return
      attributes.x = at.x
      attributes.y = at.y
    })
    sigma.refresh({ partialGraph: { nodes: graph.nodes() }, schedule: true })
  }

  const layout = makeLayout(place)

  /** The links in reserve that are drawn: to nodes that are there, and are no neighbours already. */
  const reserveOf = ({ choice, passive, picture }: Shown): ReadonlyArray<string> => {
    const { selected } = choice
    if (selected === undefined || !picture.nodes.has(selected)) return []
    const neighbors = new Set(picture.links.flatMap(({ a, b }) => (a === selected ? [b] : b === selected ? [a] : [])))
    return [...new Set(passive)].filter((id) => id !== selected && picture.nodes.has(id) && !neighbors.has(id))
  }

  const hasShape = ({ nodes, links }: Picture, reserve: ReadonlyArray<string>): boolean =>
    graph.order === nodes.size &&
    graph.size === links.length + reserve.length &&
    links.every((link) => graph.hasEdge(keyOf(link))) &&
    reserve.every((id) => graph.hasEdge(reserveKey(id))) &&
    nodes.keys().every((id) => graph.hasNode(id))

  /** For other nodes or links: sigma takes a whole graph in one go, and each one that is dropped in as long. */
  const build = (next: Shown, reserve: ReadonlyArray<string>): void => {
    const { choice, inks, picture } = next
    graph = new UndirectedGraph()
    const scale = scaleOf(picture)
    for (const node of picture.nodes.values()) {
      const { color, ring, size, zIndex } = paintNode(node, picture, scale, choice, inks)
      // Before the worker has begun there is something to see already.
      const [seedX, seedY] = seedPosition(graph.order, picture.nodes.size, 1)
      const { x, y } = layout.placeOf(node.id) ?? { x: seedX, y: seedY }
      graph.addNode(node.id, { color, size, ringColor: ring, zIndex, label: node.id, x, y })
    }
    for (const link of picture.links) {
      const { color, size } = paintLink(link, picture.nodes.size, choice, inks)
      graph.addEdgeWithKey(keyOf(link), link.a, link.b, { color, size, zIndex: 0 })
    }
    for (const id of reserve) {
      graph.addEdgeWithKey(reserveKey(id), choice.selected, id, { color: inks.passive, size: 1, zIndex: 1 })
    }
    isFresh = true
    sigma.setGraph(graph)
  }

  const paintNodes = ({ choice, inks, picture }: Shown): void => {
    const scale = scaleOf(picture)
    const changed: Array<string> = []
    let isReordered = false
    for (const node of picture.nodes.values()) {
      const { color, ring, size, zIndex } = paintNode(node, picture, scale, choice, inks)
      const drawn = graph.getNodeAttributes(node.id)
      if (drawn.color === color && drawn.ringColor === ring && drawn.size === size && drawn.zIndex === zIndex) continue
      isReordered ||= drawn.zIndex !== zIndex
      Object.assign(drawn, { color, size, ringColor: ring, zIndex })
      changed.push(node.id)
    }
    if (changed.length === 0) return
    sigma.refresh({ partialGraph: { nodes: changed }, skipIndexation: !isReordered && !isFresh, schedule: true })
  }

  const paintLinks = ({ choice, inks, picture }: Shown): void => {
    const changed: Array<string> = []
    for (const link of picture.links) {
      const key = keyOf(link)
      const { color, size } = paintLink(link, picture.nodes.size, choice, inks)
      const drawn = graph.getEdgeAttributes(key)
      if (drawn.color === color && drawn.size === size) continue
      Object.assign(drawn, { color, size })
      changed.push(key)
    }
    if (changed.length > 0)
      sigma.refresh({ partialGraph: { edges: changed }, skipIndexation: !isFresh, schedule: true })
  }

  // Sigma looks at the window's size alone, and its place also changes with what stands around it.
  const observer = new ResizeObserver(() => sigma.resize().scheduleRender())
  observer.observe(container)

  const animated = (state: Partial<{ x: number; y: number; ratio: number }>): void => {
    if (isStill()) sigma.getCamera().setState(state)
    else void sigma.getCamera().animate(state, { duration: 260 })
  }

  return {
    show: (picture, choice, inks, passive) => {
      const before = shown
      const next = { picture, choice, inks, passive }
      shown = next
      if (before?.picture.of !== picture.of) sigma.getCamera().setState(wholeView)
      if (before?.picture !== picture) {
        // Who is dead stays where he was, and takes no part.
        const present = [...picture.nodes.values()].filter(({ state }) => state !== "dead" && state !== "left")
        layout.arrange(
          picture.of,
          present.map(({ id }) => id),
          picture.links
        )
        const threshold = Math.max(5, nodeSize(picture.nodes.size) * 0.9)
        if (sigma.getSetting("labelRenderedSizeThreshold") !== threshold) {
          sigma.setSetting("labelRenderedSizeThreshold", threshold)
        }
      }
      labelInk = inks.label
      surface = inks.surface
      const reserve = reserveOf(next)
      const isOther = before?.picture.of !== picture.of || before.inks !== inks
      const isReselected = before?.choice.selected !== choice.selected && reserve.length > 0
      if (isOther || isReselected || !hasShape(picture, reserve)) {
        build(next, reserve)
        return
      }
      paintNodes(next)
      // While only a message's wave goes on, no link changes its looks.
      if (before.picture !== picture || before.choice.selected !== choice.selected) paintLinks(next)
    },
    zoom: (factor) => {
      const camera = sigma.getCamera()
      animated({ ratio: Math.min(3, Math.max(0.02, camera.getState().ratio * factor)) })
    },
    pan: (x, y) => {
      const state = sigma.getCamera().getState()
      animated({ x: state.x + x * state.ratio, y: state.y + y * state.ratio })
    },
    fit: () => animated(wholeView),
    focusOn: (id) => {
      const at = sigma.getNodeDisplayData(id)
      if (at !== undefined) animated({ x: at.x, y: at.y, ratio: Math.min(0.4, sigma.getCamera().getState().ratio) })
    },
    isMoving: layout.isMoving,
    stop: () => {
      observer.disconnect()
      layout.stop()
      sigma.kill()
    }
  }
}
