/**
 * Measures the trees of a world's broadcast: how far each reaches from a source, and how the load of forwarding is spread.
 *
 * @since 0.1.0
 */
import { Plumtree } from "@hyparview/core"
import * as Graph from "./Graph.ts"
import type { Forest } from "./Result.ts"
import type { World } from "./World.ts"

/**
 * The trees of a thicket as they are now, from a source. Its own load is told apart, and that of others that publish is left
 * out: it is beyond the bound.
 *
 * @category measuring
 * @since 0.1.0
 */
export const thicket = (world: World, source: number, others: ReadonlyArray<number> = []): Forest => {
  const publishing = new Set(others)
  const loads: Array<number> = []
  const interior: Array<number> = []
  let sourceLoad = 0
  for (let node = 0; node < world.options.nodes; node++) {
    const state = world.stateOf(node)?.broadcast
    if (state === undefined || publishing.has(node)) continue
    const children = Plumtree.childCounts(state)
    const load = children.reduce((sum, count) => sum + count, 0)
    if (node === source) {
      sourceLoad = load
      continue
    }
    loads.push(load)
    interior.push(children.filter((count) => count > 0).length)
  }
  const count = world.options.config.broadcast.treesCount
  return {
    load: Graph.histogram(loads),
    mostLoad: loads.reduce((a, b) => Math.max(a, b), 0),
    sourceLoad,
    interiorTrees: Graph.histogram(interior),
    atMostOneShare: interior.length === 0 ? 1 : interior.filter((trees) => trees <= 1).length / interior.length,
    trees: Array.from({ length: count }, (_, tree) => reachOf(world, source, tree))
  }
}

/**
 * Whom a tree of a thicket reaches from a source by its branches alone, of the nodes that run, and by how many links each: what
 * a message has come to before anything is grafted, however long that takes.
 *
 * @category measuring
 * @since 0.1.0
 */
export const reached = (world: World, source: number, tree: number): ReadonlyMap<number, number> => {
  const hopsOf = new Map([[source, 0]])
  // A map goes on to what is put into it meanwhile: nearest first.
  for (const [node, hops] of hopsOf) {
    const state = world.stateOf(node)?.broadcast
    const { children = [], parent } = state === undefined ? {} : (Plumtree.treeViews(state)[tree] ?? {})
    for (const { id } of parent === undefined ? children : [...children, parent]) {
      if (!hopsOf.has(id) && world.isAlive(id)) hopsOf.set(id, hops + 1)
    }
  }
  return hopsOf
}

const reachOf = (world: World, source: number, tree: number): Forest["trees"][number] => {
  const hopsOf = reached(world, source, tree)
  const hops = [...hopsOf.values()].at(-1) ?? 0
  return { reachedShare: hopsOf.size / Math.max(1, world.alive), hops }
}

/**
 * Children → nodes in the shared tree of Plumtree, the source left out: all eager neighbours but the one towards the
 * source.
 *
 * @category measuring
 * @since 0.1.0
 */
export const plumtreeLoad = (world: World, source: number): Graph.Histogram => {
  const loads: Array<number> = []
  for (let node = 0; node < world.options.nodes; node++) {
    const state = world.stateOf(node)?.broadcast
    if (state !== undefined && node !== source) loads.push(Math.max(0, Plumtree.eagerPeers(state, source).length - 1))
  }
  return Graph.histogram(loads)
}
