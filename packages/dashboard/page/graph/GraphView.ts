/**
 * The graph on the page: sigma draws it with WebGL, a worker lays it out, `paint` says how everything looks. It is told
 * a picture and a choice, and finds out by itself what has changed; with a thousand nodes an update is some milliseconds.
 */
import { UndirectedGraph } from "graphology"
import { Sigma } from "sigma"
import { type FragmentLayer, layerFill, layerPlain, pathLine, sdfCircle } from "sigma/rendering"
import { draw, type Drawing, hasShape, moveNodes, repaintLinks, repaintNodes, type Shown } from "./drawing.ts"
import { makeLayout } from "./Layout.ts"
import { nodeSize } from "./paint.ts"

export interface GraphView {
  readonly show: (shown: Shown) => void
  readonly zoom: (factor: number) => void
  readonly pan: (x: number, y: number) => void
  readonly fit: () => void
  readonly focusOn: (id: string) => void
  readonly stop: () => void
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

/** A camera that shows everything. */
const wholeView = { x: 0.5, y: 0.5, ratio: 1.04, angle: 0 }

export interface GraphViewOptions {
  readonly onSelect: (id: string | undefined) => void
  /** Nodes will not move any more: what lays them out could not be loaded, or has ended. */
  readonly onLayoutFailed: () => void
  /** Whether the camera is to jump, not to glide. */
  readonly isStill: () => boolean
}

export const makeGraphView = (
  container: HTMLElement,
  { isStill, onLayoutFailed, onSelect }: GraphViewOptions
): GraphView => {
  let graph: Drawing = new UndirectedGraph()
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
      // A container without a size is shown nothing, until it has one again: sigma would throw.
      allowInvalidContainer: true,
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

  const layout = makeLayout((places) => {
    moveNodes(graph, places)
    sigma.refresh({ partialGraph: { nodes: graph.nodes() }, schedule: true })
  }, onLayoutFailed)

  // Sigma looks at the window's size alone, and its place also changes with what stands around it.
  const observer = new ResizeObserver(() => sigma.resize().scheduleRender())
  observer.observe(container)

  const animated = (state: Partial<{ x: number; y: number; ratio: number }>): void => {
    if (isStill()) sigma.getCamera().setState(state)
    else void sigma.getCamera().animate(state, { duration: 260 })
  }

  return {
    show: (next) => {
      const { choice, inks, passive, picture } = next
      const before = shown
      shown = next
      if (before?.picture.of !== picture.of) sigma.getCamera().setState(wholeView)
      if (before?.picture !== picture) {
        layout.arrange(picture)
        const threshold = Math.max(5, nodeSize(picture.nodes.size) * 0.9)
        if (sigma.getSetting("labelRenderedSizeThreshold") !== threshold) {
          sigma.setSetting("labelRenderedSizeThreshold", threshold)
        }
      }
      labelInk = inks.label
      surface = inks.surface
      // While only a message's wave goes on, no link changes, nor its looks.
      const isWave =
        before?.picture === picture && before.choice.selected === choice.selected && before.passive === passive
      const isOther = before?.picture.of !== picture.of || before.inks !== inks
      if (isOther || !(isWave || hasShape(graph, next))) {
        graph = draw(next, layout.placeOf)
        isFresh = true
        sigma.setGraph(graph)
        return
      }
      const { isReordered, nodes } = repaintNodes(graph, next)
      if (nodes.length > 0) {
        sigma.refresh({ partialGraph: { nodes: [...nodes] }, skipIndexation: !isReordered && !isFresh, schedule: true })
      }
      const links = isWave ? [] : repaintLinks(graph, next)
      if (links.length > 0) {
        sigma.refresh({ partialGraph: { edges: [...links] }, skipIndexation: !isFresh, schedule: true })
      }
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
    stop: () => {
      observer.disconnect()
      layout.stop()
      sigma.kill()
    }
  }
}
