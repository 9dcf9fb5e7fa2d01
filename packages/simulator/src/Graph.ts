/**
 * What an overlay looks like as a graph: its parts, its degrees, how close its nodes are. A graph is directed, as views
 * are: a link from one node to another says that the first holds the second in its view; an active view in calm is
 * symmetric, a passive view never is.
 *
 * Nodes are 0 to n − 1, links lie in compressed rows of an `Int32Array`, so that a million nodes fit into 24 MB and a
 * pass over all links reads memory in order. Everything here is exact, except a path length from sampled sources, which
 * says so and gives its standard error.
 *
 * @since 0.1.0
 */
import { Random } from "@hyparview/core"

/**
 * A directed graph in compressed rows: the links of node `i` go to `targets[offsets[i]]` up to, and without,
 * `targets[offsets[i + 1]]`. No link to oneself, none twice.
 *
 * @category models
 * @since 0.1.0
 */
export interface Graph {
  readonly nodes: number
  readonly offsets: Int32Array
  readonly targets: Int32Array
}

/**
 * How many nodes have which degree: degree → count, of the degrees that occur.
 *
 * @category models
 * @since 0.1.0
 */
export type Histogram = Readonly<Record<string, number>>

/**
 * The parts of a graph in which every two nodes are joined by links, whatever the links' direction.
 *
 * @category models
 * @since 0.1.0
 */
export interface Components {
  readonly count: number
  /** Nodes in the largest. 0 for a graph without nodes. */
  readonly largest: number
  /** For each node the lowest node of its part. */
  readonly rootOf: Int32Array
  /** The root of the largest part; of equal ones the lowest. −1 for a graph without nodes. */
  readonly largestRoot: number
}

/**
 * How far nodes are from each other, following links in their direction.
 *
 * @category models
 * @since 0.1.0
 */
export interface PathLengths {
  /** The mean over ordered pairs of which the second can be reached from the first; 0 without such a pair. */
  readonly average: number
  /** Every node was a source. */
  readonly exact: boolean
  /** From how many nodes the lengths were measured. */
  readonly sources: number
  /** Of the average, by how the sources differ; 0 when exact. */
  readonly standardError: number
  /** The longest shortest path that was seen: the diameter when exact, else a lower bound of it. */
  readonly longest: number
  /** The share of ordered pairs of which the second cannot be reached from the first. */
  readonly unreachableShare: number
  /**
   * Of that share; 0 when exact. As found in the sample: where a few nodes alone are cut off it may hold none of them, and then this
   * is far too small.
   */
  readonly unreachableStandardError: number
}

/**
 * A graph from each node's list of targets. Links to the node itself, to nobody (below 0 or at least `nodes`), and
 * repeated ones are left out.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromLists = (nodes: number, linksOf: (node: number) => ArrayLike<number>): Graph => {
  const offsets = new Int32Array(nodes + 1)
  let targets = new Int32Array(Math.max(16, nodes * 5))
  let end = 0
  for (let node = 0; node < nodes; node++) {
    const links = linksOf(node)
    const start = end
    for (let i = 0; i < links.length; i++) {
      const target = links[i] ?? -1
      if (target < 0 || target >= nodes || target === node || targets.subarray(start, end).includes(target)) continue
      if (end === targets.length) {
        const larger = new Int32Array(targets.length * 2)
        larger.set(targets)
        targets = larger
      }
      targets[end++] = target
    }
    offsets[node + 1] = end
  }
  return { nodes, offsets, targets: targets.slice(0, end) }
}

/**
 * The targets of one node: a view on the graph's own memory.
 *
 * @category queries
 * @since 0.1.0
 */
export const linksOf = (graph: Graph, node: number): Int32Array =>
  graph.targets.subarray(graph.offsets[node], graph.offsets[node + 1])

/**
 * Whether the first node holds a link to the second.
 *
 * @category queries
 * @since 0.1.0
 */
export const hasLink = (graph: Graph, from: number, to: number): boolean => {
  const { offsets, targets } = graph
  const end = offsets[from + 1] ?? 0
  for (let i = offsets[from] ?? 0; i < end; i++) if (targets[i] === to) return true
  return false
}

/**
 * Links whose other end does not hold the link back.
 *
 * @category metrics
 * @since 0.1.0
 */
export const asymmetricLinks = (graph: Graph): number => {
  let count = 0
  for (let node = 0; node < graph.nodes; node++) {
    for (const target of linksOf(graph, node)) if (!hasLink(graph, target, node)) count++
  }
  return count
}

/**
 * For each node, how many hold a link to it.
 *
 * @category metrics
 * @since 0.1.0
 */
export const inDegrees = (graph: Graph): Int32Array => {
  const degrees = new Int32Array(graph.nodes)
  for (const target of graph.targets) degrees[target] = (degrees[target] ?? 0) + 1
  return degrees
}

/**
 * For each node, how many links it holds.
 *
 * @category metrics
 * @since 0.1.0
 */
export const outDegrees = (graph: Graph): Int32Array => {
  const degrees = new Int32Array(graph.nodes)
  for (let node = 0; node < graph.nodes; node++) {
    degrees[node] = (graph.offsets[node + 1] ?? 0) - (graph.offsets[node] ?? 0)
  }
  return degrees
}

/**
 * Counts equal values: degrees, or other whole numbers from 0; another is a `RangeError`. The keys stand in ascending order.
 *
 * @category metrics
 * @since 0.1.0
 */
export const histogram = (values: ArrayLike<number>): Histogram => {
  const counts: Array<number> = []
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0
    // An array would keep it as a property, in no order and not among its elements.
    if (!Number.isInteger(value) || value < 0)
      throw new RangeError(`${value} cannot be counted: expected a whole number from 0`)
    counts[value] = (counts[value] ?? 0) + 1
  }
  const result: Record<string, number> = {}
  counts.forEach((count, value) => (result[value] = count))
  return result
}

/**
 * The parts of a graph, by union-find with path halving; a link joins its ends in both directions.
 *
 * @category metrics
 * @since 0.1.0
 */
export const components = (graph: Graph): Components => {
  const { nodes } = graph
  const rootOf = Int32Array.from({ length: nodes }, (_, node) => node)
  const find = (node: number): number => {
    let at = node
    for (;;) {
      const parent = rootOf[at] ?? at
      if (parent === at) return at
      const grandparent = rootOf[parent] ?? parent
      rootOf[at] = grandparent
      at = grandparent
    }
  }
  for (let node = 0; node < nodes; node++) {
    let root = find(node)
    for (const target of linksOf(graph, node)) {
      const other = find(target)
      // The lower root stays, so that the lowest node of a part names it.
      if (other < root) {
        rootOf[root] = other
        root = other
      } else {
        rootOf[other] = root
      }
    }
  }
  const sizes = new Int32Array(nodes)
  let count = 0
  let largest = 0
  let largestRoot = -1
  for (let node = 0; node < nodes; node++) {
    const root = find(node)
    rootOf[node] = root
    if (root === node) count++
    sizes[root] = (sizes[root] ?? 0) + 1
  }
  for (let node = 0; node < nodes; node++) {
    const size = sizes[node] ?? 0
    if (size > largest) {
      largest = size
      largestRoot = node
    }
  }
  return { count, largest, rootOf, largestRoot }
}

/**
 * The clustering coefficient: the mean over all nodes of "the number of edges between that node's neighbors divided by
 * the maximum possible number of edges across those neighbors" (paper §2.3). On a directed graph the ordered pairs of a
 * node's targets are counted, which is the same where links are symmetric. A node with fewer than two has 0.
 *
 * @category metrics
 * @since 0.1.0
 */
export const clustering = (graph: Graph): number => {
  if (graph.nodes === 0) return 0
  // The node whose neighbours are marked at present, for each node that is one of them.
  const neighborOf = new Int32Array(graph.nodes).fill(-1)
  let sum = 0
  for (let node = 0; node < graph.nodes; node++) {
    const neighbors = linksOf(graph, node)
    const degree = neighbors.length
    if (degree < 2) continue
    for (const neighbor of neighbors) neighborOf[neighbor] = node
    let linked = 0
    for (const neighbor of neighbors) {
      for (const target of linksOf(graph, neighbor)) if (neighborOf[target] === node) linked++
    }
    sum += linked / (degree * (degree - 1))
  }
  return sum / graph.nodes
}

/** Words of 32 sources that one search carries along: 512 sources read a node's row of links once. */
const words = 16
const sourcesPerSearch = 32 * words

/**
 * Shortest paths, exactly from every node where there are at most `exactUpTo` (20,000 unless told), and otherwise from
 * `samples` (512) distinct random sources: then the average is an estimate with a standard error.
 *
 * Sources are searched 512 at a time, one bit each (Then et al., "The more the merrier: efficient multi-source graph
 * traversal", VLDB 2014): 10,000 nodes of degree 5 take 0.2 s.
 *
 * @category metrics
 * @since 0.1.0
 */
export const pathLengths = (
  graph: Graph,
  random: Random.Random,
  options: { readonly exactUpTo?: number; readonly samples?: number } = {}
): PathLengths => {
  const { exactUpTo = 20_000, samples = 512 } = options
  const { nodes } = graph
  const exact = nodes <= exactUpTo || nodes <= samples
  const sources = exact ? Int32Array.from({ length: nodes }, (_, node) => node) : distinct(nodes, samples, random)
  const found: SearchResult = {
    sum: 0,
    pairs: 0,
    bySource: exact ? undefined : { sums: new Float64Array(sources.length), reached: new Int32Array(sources.length) },
    longest: 0
  }
  for (let start = 0; start < sources.length; start += sourcesPerSearch) search(graph, sources, start, found)

  const { bySource, pairs, sum } = found
  const asked = sources.length * Math.max(0, nodes - 1)
  const average = pairs === 0 ? 0 : sum / pairs
  const meanReached = pairs / Math.max(1, sources.length)
  return {
    average,
    exact,
    sources: sources.length,
    // A ratio of two sums that vary together: of the lengths of a source's paths, what the number of its paths does not explain.
    standardError:
      bySource === undefined || pairs === 0
        ? 0
        : standardErrorOf(bySource, nodes, (lengths, reached) => (lengths - average * reached) / meanReached),
    longest: found.longest,
    unreachableShare: asked === 0 ? 0 : (asked - pairs) / asked,
    unreachableStandardError:
      bySource === undefined
        ? 0
        : standardErrorOf(bySource, nodes, (_, reached) => (meanReached - reached) / (nodes - 1))
  }
}

/** Of the mean over the sources, drawn without replacement, of something that differs from its mean by so much. */
const standardErrorOf = (
  { reached, sums }: BySource,
  nodes: number,
  deviationOf: (lengths: number, reached: number) => number
): number => {
  const count = sums.length
  let squares = 0
  for (let i = 0; i < count; i++) {
    const deviation = deviationOf(sums[i] ?? 0, reached[i] ?? 0)
    squares += deviation * deviation
  }
  return count < 2 ? 0 : Math.sqrt((squares / (count - 1) / count) * (1 - count / nodes))
}

interface SearchResult {
  /** The sum of the lengths of the shortest paths from all sources, and how many those are. */
  sum: number
  pairs: number
  /** The same of each source: what their spread is estimated from. */
  readonly bySource: BySource | undefined
  longest: number
}

interface BySource {
  /** For each source, the sum of the lengths of the shortest paths from it. */
  readonly sums: Float64Array
  /** For each source, how many other nodes it reaches. */
  readonly reached: Int32Array
}

/** How many bits of a word are set. */
const bitsIn = (word: number): number => {
  const pairs = word - ((word >>> 1) & 0x5555_5555)
  const fours = (pairs & 0x3333_3333) + ((pairs >>> 2) & 0x3333_3333)
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24
}

/** Breadth-first from up to 512 sources at once: level by level, a node hands its new bits on along its links. */
const search = (graph: Graph, sources: Int32Array, start: number, into: SearchResult): void => {
  const { nodes, offsets, targets } = graph
  const count = Math.min(sourcesPerSearch, sources.length - start)
  const seen = new Int32Array(nodes * words)
  let frontier = new Int32Array(nodes * words)
  let arriving = new Int32Array(nodes * words)
  for (let i = 0; i < count; i++) {
    const at = (sources[start + i] ?? 0) * words + (i >> 5)
    seen[at] = (seen[at] ?? 0) | (1 << (i & 31))
    frontier[at] = (frontier[at] ?? 0) | (1 << (i & 31))
  }
  const { bySource } = into
  const reachedNow = new Int32Array(sourcesPerSearch)
  for (let length = 1; ; length++) {
    for (let node = 0; node < nodes; node++) {
      const from = node * words
      let any = 0
      for (let word = 0; word < words; word++) any |= frontier[from + word] ?? 0
      if (any === 0) continue
      const end = offsets[node + 1] ?? 0
      for (let i = offsets[node] ?? 0; i < end; i++) {
        const to = (targets[i] ?? 0) * words
        for (let word = 0; word < words; word++) {
          arriving[to + word] = (arriving[to + word] ?? 0) | (frontier[from + word] ?? 0)
        }
      }
    }
    reachedNow.fill(0)
    let pairs = 0
    for (let at = 0; at < arriving.length; at++) {
      const fresh = (arriving[at] ?? 0) & ~(seen[at] ?? 0)
      arriving[at] = fresh
      if (fresh === 0) continue
      pairs += bitsIn(fresh)
      seen[at] = (seen[at] ?? 0) | fresh
      if (bySource === undefined) continue
      const firstSource = (at % words) << 5
      for (let bits = fresh; bits !== 0; bits &= bits - 1) {
        const source = firstSource + 31 - Math.clz32(bits & -bits)
        reachedNow[source] = (reachedNow[source] ?? 0) + 1
      }
    }
    if (pairs === 0) return
    into.longest = Math.max(into.longest, length)
    into.pairs += pairs
    into.sum += pairs * length
    if (bySource !== undefined) {
      for (let i = 0; i < count; i++) {
        const reached = reachedNow[i] ?? 0
        bySource.sums[start + i] = (bySource.sums[start + i] ?? 0) + reached * length
        bySource.reached[start + i] = (bySource.reached[start + i] ?? 0) + reached
      }
    }
    const done = frontier
    frontier = arriving
    arriving = done.fill(0)
  }
}

/** `count` distinct numbers below `bound`, in ascending order (Floyd's sampling). */
const distinct = (bound: number, count: number, random: Random.Random): Int32Array => {
  const chosen = new Set<number>()
  for (let last = bound - count; last < bound; last++) {
    const drawn = Random.nextBelow(random, last + 1)
    chosen.add(chosen.has(drawn) ? last : drawn)
  }
  return Int32Array.from(chosen).sort()
}

/**
 * The links from a node of one group to a node of another: after a healed partition, against what a random graph has,
 * the measure of how well the halves are mixed.
 *
 * @category metrics
 * @since 0.1.0
 */
export const crossLinks = (graph: Graph, groupOf: (node: number) => number): number => {
  let count = 0
  for (let node = 0; node < graph.nodes; node++) {
    const group = groupOf(node)
    for (const target of linksOf(graph, node)) if (groupOf(target) !== group) count++
  }
  return count
}
