/**
 * Lays out the graph beside the page, so that no frame waits for it: ForceAtlas2, some rounds a frame, positions sent
 * after each. A graph that has changed goes on from where its nodes stand.
 */
import iterate, { type Settings } from "graphology-layout-forceatlas2/iterate.js"
import { seedPosition } from "./seeds.ts"
import type { LayoutAnswer, LayoutRequest } from "./layoutMessages.ts"

/** Floats a node and a link in the library's arrays. */
const perNode = 10
const perLink = 3
const massAt = 6
const convergenceAt = 7
const sizeAt = 8

/** The most rounds in a frame: more would be a jump, not a movement. */
const mostRoundsPerFrame = 8

/** Drawing takes longer the more there is to draw: 30 frames a second for some hundred nodes, 12 for some thousand. */
const frameMillisOf = (order: number): number => Math.min(80, Math.max(33, order / 14))

/** Above so many nodes, forces between far ones are summed up by cells (Barnes and Hut). */
const approximateAbove = 700

interface Running {
  readonly version: number
  readonly nodes: Float32Array
  readonly links: Float32Array
  readonly settings: Settings
  roundsLeft: number
}

let running: Running | undefined
let timer: ReturnType<typeof setTimeout> | undefined
/**
 * What a unit of the library's plane is on the page; 0 while that is not known. A graph that grows is never wider than the page;
 * one that shrinks is followed softly, so that it does not twitch.
 */
let scale = 0

const settingsOf = (order: number): Settings => ({
  linLogMode: false,
  outboundAttractionDistribution: false,
  adjustSizes: false,
  edgeWeightInfluence: 1,
  scalingRatio: 10,
  // Keeps the parts of a cut graph, and who is alone, within sight.
  strongGravityMode: true,
  gravity: 0.08,
  slowDown: 1 + Math.log(Math.max(1, order)),
  barnesHutOptimize: order > approximateAbove,
  barnesHutTheta: 0.6
})

const start = ({ links, positions, rounds, version }: LayoutRequest): Running => {
  const count = positions.length / 2
  const nodes = new Float32Array(count * perNode)
  const neighbors: ReadonlyArray<Array<number>> = Array.from({ length: count }, () => [])
  const pairs = new Float32Array((links.length / 2) * perLink)
  for (let at = 0; at < links.length; at += 2) {
    const [a = 0, b = 0] = [links[at], links[at + 1]]
    neighbors[a]?.push(b)
    neighbors[b]?.push(a)
    pairs.set([a * perNode, b * perNode, 1], (at / 2) * perLink)
  }
  const units = scale > 0 ? 1 / scale : 10 * Math.sqrt(count)
  for (let index = 0; index < count; index++) {
    const x = positions[index * 2] ?? Number.NaN
    // Beside somebody it knows, if it is new and he stands somewhere already. Whoever is known stays where he is, but for a hair:
    // no force parts two on one spot, as one is who came back to where another has been alone since.
    const friend = Number.isNaN(x)
      ? neighbors[index]?.find((other) => !Number.isNaN(positions[other * 2] ?? Number.NaN))
      : index
    const spread = friend === undefined ? units : friend === index ? units / 10_000 : units / 12
    const [dx, dy] = seedPosition(index, count, spread)
    const [fx, fy] = friend === undefined ? [0, 0] : [positions[friend * 2] ?? 0, positions[friend * 2 + 1] ?? 0]
    const at = index * perNode
    nodes.set([fx * units + dx, fy * units + dy], at)
    nodes[at + massAt] = 1 + (neighbors[index]?.length ?? 0)
    nodes[at + convergenceAt] = 1
    nodes[at + sizeAt] = 1
  }
  return { version, nodes, links: pairs, settings: settingsOf(count), roundsLeft: rounds }
}

/** Centred, and the widest node at radius 1. */
const positionsOf = ({ nodes }: Running): Float32Array => {
  const count = nodes.length / perNode
  let [cx, cy] = [0, 0]
  for (let at = 0; at < nodes.length; at += perNode) {
    cx += (nodes[at] ?? 0) / count
    cy += (nodes[at + 1] ?? 0) / count
  }
  let widest = 0
  for (let at = 0; at < nodes.length; at += perNode) {
    widest = Math.max(widest, Math.hypot((nodes[at] ?? 0) - cx, (nodes[at + 1] ?? 0) - cy))
  }
  // One alone, or several on one spot, say nothing of it.
  if (widest > 0) scale = scale === 0 ? 1 / widest : Math.min(1 / widest, scale + (1 / widest - scale) * 0.2)
  const positions = new Float32Array(count * 2)
  for (let index = 0; index < count; index++) {
    positions[index * 2] = ((nodes[index * perNode] ?? 0) - cx) * scale
    positions[index * 2 + 1] = ((nodes[index * perNode + 1] ?? 0) - cy) * scale
  }
  return positions
}

const work = (): void => {
  if (running === undefined) return
  const began = performance.now()
  const frameMillis = frameMillisOf(running.nodes.length / perNode)
  for (let round = 0; round < mostRoundsPerFrame; round++) {
    iterate(running.settings, running.nodes, running.links)
    running.roundsLeft--
    if (running.roundsLeft <= 0 || performance.now() - began > frameMillis) break
  }
  const positions = positionsOf(running)
  const isDone = running.roundsLeft <= 0
  const answer: LayoutAnswer = { version: running.version, positions, isDone }
  postMessage(answer, { transfer: [positions.buffer] })
  if (isDone) running = undefined
  else timer = setTimeout(work, Math.max(4, frameMillis - (performance.now() - began)))
}

addEventListener("message", ({ data }: MessageEvent<LayoutRequest>) => {
  clearTimeout(timer)
  if (data.positions.length === 0) {
    running = undefined
    scale = 0
    return
  }
  if (data.positions.every((value) => Number.isNaN(value))) scale = 0
  running = start(data)
  timer = setTimeout(work, 0)
})
