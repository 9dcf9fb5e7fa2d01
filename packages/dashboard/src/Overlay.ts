/**
 * The active graph of nodes as they were seen: links, components, degrees, who is isolated. Pure; the server counts with
 * it, and the page colours by it.
 *
 * @since 0.1.0
 */
import type { SeenNode } from "./ClusterSource.ts"

/**
 * A link between two nodes that run. `isOneSided`: only one of them holds it, in this observation at least.
 *
 * @category models
 * @since 0.1.0
 */
export interface Link {
  readonly a: string
  readonly b: string
  readonly isOneSided: boolean
  /** One of them pushes broadcasts over it. */
  readonly isEager: boolean
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Overlay {
  readonly links: ReadonlyArray<Link>
  /** Node → number of its component, 0 the largest. Of nodes that run. */
  readonly componentOf: ReadonlyMap<string, number>
  /** Largest first. */
  readonly componentSizes: ReadonlyArray<number>
  /** Node → neighbours that run. */
  readonly degreeOf: ReadonlyMap<string, number>
}

/**
 * @category queries
 * @since 0.1.0
 */
export const isRunning = ({ status }: Pick<SeenNode, "status">): boolean => status === "alive" || status === "joining"

/** The root of a node's tree, with the path to it halved on the way. */
const rootOf = (parents: Map<string, string>, start: string): string => {
  let id = start
  for (;;) {
    const parent = parents.get(id) ?? id
    if (parent === id) return id
    const grandparent = parents.get(parent) ?? parent
    parents.set(id, grandparent)
    id = grandparent
  }
}

const linksOf = (running: ReadonlyMap<string, SeenNode>): ReadonlyArray<Link> => {
  const found = new Map<string, { a: string; b: string; isOneSided: boolean; isEager: boolean }>()
  for (const node of running.values()) {
    for (const neighbor of node.active) {
      if (neighbor === node.id || !running.has(neighbor)) continue
      const [a, b] = node.id < neighbor ? [node.id, neighbor] : [neighbor, node.id]
      const key = `${a}\u0000${b}`
      const isEager = node.eager?.includes(neighbor) ?? false
      const link = found.get(key)
      if (link === undefined) found.set(key, { a, b, isOneSided: true, isEager })
      else {
        link.isOneSided = false
        link.isEager ||= isEager
      }
    }
  }
  return [...found.values()]
}

/**
 * @category queries
 * @since 0.1.0
 */
export const overlayOf = (nodes: Iterable<SeenNode>): Overlay => {
  const running = new Map<string, SeenNode>()
  for (const node of nodes) if (isRunning(node)) running.set(node.id, node)
  const links = linksOf(running)
  const parents = new Map<string, string>()
  const degreeOf = new Map<string, number>()
  for (const id of running.keys()) degreeOf.set(id, 0)
  for (const { a, b } of links) {
    parents.set(rootOf(parents, a), rootOf(parents, b))
    degreeOf.set(a, (degreeOf.get(a) ?? 0) + 1)
    degreeOf.set(b, (degreeOf.get(b) ?? 0) + 1)
  }
  const members = new Map<string, Array<string>>()
  for (const id of running.keys()) {
    const root = rootOf(parents, id)
    const list = members.get(root)
    if (list === undefined) members.set(root, [id])
    else list.push(id)
  }
  const components = [...members.values()].sort((a, b) => b.length - a.length)
  const componentOf = new Map<string, number>()
  components.forEach((list, index) => {
    for (const id of list) componentOf.set(id, index)
  })
  return { links, componentOf, componentSizes: components.map(({ length }) => length), degreeOf }
}
