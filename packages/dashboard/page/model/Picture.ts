/**
 * What the graph draws, wherever it comes from: a live cluster or a simulator's result. Pure.
 */
import type { SeenNode } from "../../src/ClusterSource.ts"
import type * as Feed from "../../src/Feed.ts"
import { isRunning, type Overlay, overlayOf } from "../../src/Overlay.ts"
import { reachedIn } from "./Replay.ts"
import type { Edges } from "./ResultFile.ts"

export type NodeState = "running" | "joining" | "isolated" | "dead" | "left"

export interface PictureNode {
  readonly id: string
  readonly state: NodeState
  readonly degree: number
  readonly component: number
  readonly process: number | null
}

export interface PictureLink {
  readonly a: string
  readonly b: string
  readonly isOneSided: boolean
  readonly isEager: boolean
}

/** When the latest message came to whom. Millis are missing where nobody measured them. */
export interface Arrival {
  readonly hops: number
  readonly millis: number | undefined
}

export interface Picture {
  /** Changes when something else is shown: then the graph starts anew. */
  readonly of: string
  readonly nodes: ReadonlyMap<string, PictureNode>
  readonly links: ReadonlyArray<PictureLink>
  /** Names the message whose arrivals these are; a new name starts the wave. */
  readonly message: string | undefined
  readonly source: string | undefined
  readonly arrivals: ReadonlyMap<string, Arrival>
}

export const nothing: Picture = {
  of: "nothing",
  nodes: new Map(),
  links: [],
  message: undefined,
  source: undefined,
  arrivals: new Map()
}

const stateOf = (node: SeenNode, overlay: Overlay): NodeState => {
  if (node.status === "dead" || node.status === "left") return node.status
  if (isRunning(node) && overlay.degreeOf.get(node.id) === 0 && overlay.degreeOf.size > 1) {
    return node.status === "joining" ? "joining" : "isolated"
  }
  return node.status === "joining" ? "joining" : "running"
}

export const ofFeed = ({ nodes, reach }: Pick<Feed.State, "nodes" | "reach">): Picture => {
  const overlay = overlayOf(nodes.values())
  return {
    of: "cluster",
    nodes: new Map(
      [...nodes.values()].map((node) => [
        node.id,
        {
          id: node.id,
          state: stateOf(node, overlay),
          degree: overlay.degreeOf.get(node.id) ?? 0,
          component: overlay.componentOf.get(node.id) ?? -1,
          process: node.process
        }
      ])
    ),
    links: overlay.links,
    message: reach?.id,
    source: reach?.from,
    arrivals: new Map(reach?.arrivals.map(([id, hops, millis]) => [id, { hops, millis }]))
  }
}

/** An edges file as the nodes of a cluster would be seen. */
const seenNodes = (edges: Edges): ReadonlyArray<SeenNode> => {
  const active = edges.ids.map((): Array<string> => [])
  for (const [a, b, isOneSided] of edges.links) {
    const [idA, idB] = [edges.ids[a] ?? "", edges.ids[b] ?? ""]
    active[a]?.push(idB)
    if (!isOneSided) active[b]?.push(idA)
  }
  return edges.ids.map((id, index) => ({
    id,
    address: "",
    process: null,
    status: "alive",
    active: active[index] ?? [],
    passiveSize: 0,
    roundTripMillis: null,
    group: null
  }))
}

/** The graph of an edges file, without a message on it. */
export const ofEdges = (name: string, edges: Edges): Picture => {
  const nodes = new Map(seenNodes(edges).map((node) => [node.id, node]))
  const overlay = overlayOf(nodes.values())
  return {
    ...nothing,
    of: name,
    nodes: new Map(
      edges.ids.map((id) => {
        const degree = overlay.degreeOf.get(id) ?? 0
        const component = overlay.componentOf.get(id) ?? -1
        return [id, { id, state: degree === 0 ? "isolated" : "running", degree, component, process: null }]
      })
    ),
    links: overlay.links
  }
}

/** The same with a share of its nodes reached, the nearest to a source first. */
export const withReached = (picture: Picture, edges: Edges, source: string, share: number): Picture => {
  const index = Math.max(0, edges.ids.indexOf(source))
  const reached = reachedIn(edges, index, share)
  return {
    ...picture,
    message: undefined,
    source: edges.ids[index],
    arrivals: new Map([...reached].map(([id, hops]) => [id, { hops, millis: undefined }]))
  }
}
