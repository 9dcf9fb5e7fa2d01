/**
 * Measures a world: its overlay as a graph, and as the invariants see it.
 *
 * @since 0.1.0
 */
import { Random } from "@hyparview/core"
import * as Graph from "./Graph.ts"
import type { BroadcastResult, Overlay } from "./Result.ts"
import type { Broadcast, Membership, World } from "./World.ts"

/**
 * The view of a world's living nodes as a graph, and which node is which: nodes of the graph are numbered in the order of
 * the world's.
 *
 * @category models
 * @since 0.1.0
 */
export interface Picture {
  readonly graph: Graph.Graph
  /** Graph node → world node. */
  readonly nodes: Int32Array
  /** World node → graph node, −1 for one that does not run. */
  readonly indexOf: Int32Array
  /** Entries that name a node which does not run, and all entries. */
  readonly deadEntries: number
  readonly entries: number
}

/**
 * The graph that living nodes make by their active or their passive views.
 *
 * @category measuring
 * @since 0.1.0
 */
export const picture = (world: World, view: "active" | "passive"): Picture => {
  const all = world.options.nodes
  const indexOf = new Int32Array(all).fill(-1)
  const nodes = new Int32Array(world.alive)
  let alive = 0
  for (let node = 0; node < all; node++) {
    if (!world.isAlive(node)) continue
    indexOf[node] = alive
    nodes[alive++] = node
  }
  let entries = 0
  let deadEntries = 0
  const graph = Graph.fromLists(alive, (index) => {
    const membership = world.stateOf(nodes[index] ?? 0)?.membership
    if (membership === undefined) return []
    const ids = idsOf(membership, view)
    entries += ids.length
    return ids.map((id) => {
      const target = indexOf[id] ?? -1
      if (target < 0) deadEntries++
      return target
    })
  })
  return { graph, nodes, indexOf, deadEntries, entries }
}

const idsOf = (membership: Membership, view: "active" | "passive"): ReadonlyArray<number> =>
  view === "active" ? membership.active.map(({ peer }) => peer.id) : membership.passive.ids

/**
 * Everything about the overlay.
 *
 * @category measuring
 * @since 0.1.0
 */
export const overlay = (world: World): Overlay => {
  const active = picture(world, "active")
  const passive = picture(world, "passive")
  const { graph } = active
  const parts = Graph.components(graph)
  const { average, ...paths } = Graph.pathLengths(graph, Random.seeded(world.options.seed))
  return {
    alive: world.alive,
    components: parts.count,
    largestComponent: parts.largest,
    asymmetricLinks: Graph.asymmetricLinks(graph),
    deadLinks: active.deadEntries,
    inBothViews: count(world, isInBothViews),
    overCapacity: count(world, isOverCapacity),
    inDegree: Graph.histogram(Graph.inDegrees(graph)),
    outDegree: Graph.histogram(Graph.outDegrees(graph)),
    passiveInDegree: Graph.histogram(Graph.inDegrees(passive.graph)),
    passiveOutDegree: Graph.histogram(Graph.outDegrees(passive.graph)),
    clustering: Graph.clustering(graph),
    averageShortestPath: average,
    paths,
    deadPassiveShare: deadPassiveShare(world),
    linkCost: linkCost(world)
  }
}

/**
 * The mean of some numbers, added in their order; 0 where there are none.
 *
 * @category arithmetic
 * @since 0.1.0
 */
export const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)

/**
 * What the links between living nodes cost, each seen from both its ends.
 *
 * @category measuring
 * @since 0.1.0
 */
export const linkCost = (world: World): Overlay["linkCost"] => {
  const costs: Array<number> = []
  for (let node = 0; node < world.options.nodes; node++) {
    const active = world.stateOf(node)?.membership.active
    if (active === undefined) continue
    for (const { id } of active) if (world.isAlive(id)) costs.push(world.costOf(node, id))
  }
  costs.sort((a, b) => a - b)
  const at = (share: number): number => costs[Math.max(0, Math.ceil(costs.length * share) - 1)] ?? 0
  return { mean: mean(costs), p50: at(0.5), p99: at(0.99) }
}

/**
 * The share of the entries in the living nodes' passive views that name a node which does not run. Exact.
 *
 * @category measuring
 * @since 0.1.0
 */
export const deadPassiveShare = (world: World): number => {
  let entries = 0
  let dead = 0
  for (let node = 0; node < world.options.nodes; node++) {
    const ids = world.stateOf(node)?.membership.passive.ids
    if (ids === undefined) continue
    entries += ids.length
    for (const id of ids) if (!world.isAlive(id)) dead++
  }
  return entries === 0 ? 0 : dead / entries
}

const count = (world: World, holds: (membership: Membership) => boolean): number => {
  let total = 0
  for (let node = 0; node < world.options.nodes; node++) {
    const membership = world.stateOf(node)?.membership
    if (membership !== undefined && holds(membership)) total++
  }
  return total
}

/**
 * Whether a node holds an id in both views, or itself in either.
 *
 * @category invariants
 * @since 0.1.0
 */
export const isInBothViews = ({ active, passive, self }: Membership): boolean =>
  active.some(({ peer }) => peer.id === self.id || passive.ids.includes(peer.id)) || passive.ids.includes(self.id)

/**
 * Whether one of a node's views, or its open requests, exceed their bound.
 *
 * @category invariants
 * @since 0.1.0
 */
export const isOverCapacity = ({ active, config, passive, pending }: Membership): boolean =>
  active.length > config.activeSize || passive.ids.length > config.passiveSize || pending.length > config.activeSize

/**
 * What became of a broadcast, of the nodes that ran when it was published; and the frames of the broadcast protocol that
 * carried no payload meanwhile.
 *
 * @category measuring
 * @since 0.1.0
 */
export const broadcastResult = (
  { delivered, deliveredAfter, hops, payload, recovered }: Broadcast,
  alive: number,
  control: number
): BroadcastResult => ({
  reliability: alive === 0 ? 0 : delivered / alive,
  rmr: delivered < 2 ? 0 : payload / (delivered - 1) - 1,
  hops,
  payload,
  control,
  ...(recovered === 0 ? {} : { recovered }),
  ...(deliveredAfter === undefined || delivered === 0 ? {} : { latency: latencyOf(deliveredAfter, delivered) })
})

/** Of the counts of deliveries by millisecond. */
const latencyOf = (counts: Uint32Array, delivered: number): NonNullable<BroadcastResult["latency"]> => {
  const at = (share: number): number => {
    let left = Math.ceil(delivered * share)
    for (let millis = 0; millis < counts.length; millis++) {
      left -= counts[millis] ?? 0
      if (left <= 0) return millis
    }
    return counts.length
  }
  return { p50: at(0.5), p99: at(0.99), last: at(1) }
}

/**
 * The links of the active graph among living nodes, as lines `from,to` of world nodes, a few thousand lines a piece.
 *
 * @category measuring
 * @since 0.1.0
 */
export function* edges(world: World, view: "active" | "passive" = "active"): Generator<string> {
  const { graph, nodes } = picture(world, view)
  let piece = ""
  for (let node = 0; node < graph.nodes; node++) {
    for (const target of Graph.linksOf(graph, node)) piece += `${nodes[node] ?? 0},${nodes[target] ?? 0}\n`
    if (piece.length > 65_536) {
      yield piece
      piece = ""
    }
  }
  if (piece !== "") yield piece
}
