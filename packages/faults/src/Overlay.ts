/**
 * Checkers of the overlay: given the views of all nodes at one instant, are the invariants kept, and is the network
 * whole? They know nothing of protocols, clocks or transports, so the same checkers judge the bare core, the simulator,
 * the runtime on virtual time and a live cluster.
 *
 * Two kinds of rules. **Always**: self in no view, views disjoint, bounds absolute. **In calm** (no fault for two repair
 * rounds): links symmetric, one component, views full, nobody short of neighbours while it knows somebody it could have.
 * `violations` says in sentences which are broken; the functions before it count.
 *
 * @since 0.1.0
 */

/**
 * One node of a snapshot. Ids are compared with `===`.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeView<Id> {
  readonly id: Id
  /** Whether the node runs. Default: true. The views of a node that does not are not looked at. */
  readonly alive?: boolean
  readonly active: ReadonlyArray<Id>
  readonly passive: ReadonlyArray<Id>
  /** How many requests for an active link are open. */
  readonly pending: number
}

/**
 * The views of all nodes at one instant. An id stands once.
 *
 * @category models
 * @since 0.1.0
 */
export type Snapshot<Id> = ReadonlyArray<NodeView<Id>>

/**
 * The bounds of the views.
 *
 * @category models
 * @since 0.1.0
 */
export interface Bounds {
  /** The paper's active view size, A. */
  readonly activeSize: number
  /** The paper's passive view size, P. */
  readonly passiveSize: number
}

/**
 * A directed link: an entry of `from`'s active view.
 *
 * @category models
 * @since 0.1.0
 */
export interface DirectedLink<Id> {
  readonly from: Id
  readonly to: Id
}

/**
 * A view above its bound.
 *
 * @category models
 * @since 0.1.0
 */
export interface Excess<Id> {
  readonly id: Id
  readonly part: "active" | "passive" | "pending"
  readonly size: number
  readonly bound: number
}

/**
 * How the living nodes hang together, links taken as undirected.
 *
 * @category models
 * @since 0.1.0
 */
export interface Components {
  readonly count: number
  /** Nodes in the largest component; 0 if nobody lives. */
  readonly largest: number
  /** Nodes without a single link to another living node. */
  readonly isolated: number
}

const isAlive = <Id>(node: NodeView<Id>): boolean => node.alive !== false

const living = <Id>(snapshot: Snapshot<Id>): Snapshot<Id> => snapshot.filter(isAlive)

const byId = <Id>(nodes: Snapshot<Id>): ReadonlyMap<Id, NodeView<Id>> => new Map(nodes.map((node) => [node.id, node]))

/**
 * The components of the graph of living nodes.
 *
 * @category counting
 * @since 0.1.0
 */
export const components = <Id>(snapshot: Snapshot<Id>): Components => {
  const nodes = living(snapshot)
  const indexOf = new Map(nodes.map((node, index) => [node.id, index]))
  const parent = Int32Array.from(nodes.keys())
  // Union-find with path halving.
  const rootOf = (start: number): number => {
    let index = start
    for (;;) {
      const up = parent[index] ?? index
      if (up === index) return index
      const above = parent[up] ?? up
      parent[index] = above
      index = above
    }
  }
  nodes.forEach((node, index) => {
    for (const neighbor of node.active) {
      const other = indexOf.get(neighbor)
      if (other !== undefined) parent[rootOf(index)] = rootOf(other)
    }
  })
  const sizes = new Map<number, number>()
  for (const index of nodes.keys()) {
    const root = rootOf(index)
    sizes.set(root, (sizes.get(root) ?? 0) + 1)
  }
  let largest = 0
  let isolated = 0
  for (const size of sizes.values()) {
    if (size > largest) largest = size
    if (size === 1) isolated++
  }
  return { count: sizes.size, largest, isolated }
}

/**
 * Links between living nodes that only one end holds.
 *
 * @category counting
 * @since 0.1.0
 */
export const asymmetricLinks = <Id>(snapshot: Snapshot<Id>): ReadonlyArray<DirectedLink<Id>> => {
  const nodes = byId(living(snapshot))
  const links: Array<DirectedLink<Id>> = []
  for (const node of nodes.values()) {
    for (const neighbor of node.active) {
      const other = nodes.get(neighbor)
      if (other !== undefined && !other.active.includes(node.id)) links.push({ from: node.id, to: neighbor })
    }
  }
  return links
}

/**
 * Active entries of living nodes that name a node which does not run, or none at all.
 *
 * @category counting
 * @since 0.1.0
 */
export const deadLinks = <Id>(snapshot: Snapshot<Id>): ReadonlyArray<DirectedLink<Id>> => {
  const nodes = byId(living(snapshot))
  return [...nodes.values()].flatMap((node) =>
    node.active.filter((neighbor) => !nodes.has(neighbor)).map((to) => ({ from: node.id, to }))
  )
}

/**
 * Living nodes with some id in both views, each with the ids.
 *
 * @category counting
 * @since 0.1.0
 */
export const inBothViews = <Id>(
  snapshot: Snapshot<Id>
): ReadonlyArray<{ readonly id: Id; readonly both: ReadonlyArray<Id> }> =>
  living(snapshot)
    .map((node) => ({ id: node.id, both: node.active.filter((entry) => node.passive.includes(entry)) }))
    .filter(({ both }) => both.length > 0)

/**
 * Living nodes that hold themselves in a view.
 *
 * @category counting
 * @since 0.1.0
 */
export const selfInViews = <Id>(snapshot: Snapshot<Id>): ReadonlyArray<Id> =>
  living(snapshot)
    .filter((node) => node.active.includes(node.id) || node.passive.includes(node.id))
    .map((node) => node.id)

/**
 * Living nodes that hold an id twice in one view.
 *
 * @category counting
 * @since 0.1.0
 */
export const duplicateEntries = <Id>(snapshot: Snapshot<Id>): ReadonlyArray<Id> =>
  living(snapshot)
    .filter((node) => [node.active, node.passive].some((view) => new Set(view).size < view.length))
    .map((node) => node.id)

/**
 * Views of living nodes above their bound; more open requests than active slots counts too.
 *
 * @category counting
 * @since 0.1.0
 */
export const overCapacity = <Id>(snapshot: Snapshot<Id>, bounds: Bounds): ReadonlyArray<Excess<Id>> => {
  const excesses: Array<Excess<Id>> = []
  for (const { active, id, passive, pending } of living(snapshot)) {
    const { activeSize, passiveSize } = bounds
    if (active.length > activeSize) excesses.push({ id, part: "active", size: active.length, bound: activeSize })
    if (passive.length > passiveSize) excesses.push({ id, part: "passive", size: passive.length, bound: passiveSize })
    if (pending > activeSize) excesses.push({ id, part: "pending", size: pending, bound: activeSize })
  }
  return excesses
}

const histogram = (degrees: Iterable<number>): ReadonlyMap<number, number> => {
  const counts = new Map<number, number>()
  for (const degree of degrees) counts.set(degree, (counts.get(degree) ?? 0) + 1)
  return new Map([...counts].sort(([a], [b]) => a - b))
}

/**
 * How many living nodes have how many living neighbours in their active view: degree → nodes, ascending.
 *
 * @category counting
 * @since 0.1.0
 */
export const outDegrees = <Id>(snapshot: Snapshot<Id>): ReadonlyMap<number, number> => {
  const nodes = byId(living(snapshot))
  return histogram([...nodes.values()].map((node) => node.active.filter((neighbor) => nodes.has(neighbor)).length))
}

/**
 * In how many active views of living nodes how many living nodes stand: degree → nodes, ascending. The paper's in-degree.
 *
 * @category counting
 * @since 0.1.0
 */
export const inDegrees = <Id>(snapshot: Snapshot<Id>): ReadonlyMap<number, number> => {
  const degrees = new Map(living(snapshot).map((node) => [node.id, 0]))
  for (const node of living(snapshot)) {
    for (const neighbor of node.active) {
      const degree = degrees.get(neighbor)
      if (degree !== undefined) degrees.set(neighbor, degree + 1)
    }
  }
  return histogram(degrees.values())
}

/**
 * Pairs of living nodes that should be neighbours and are not: both have a free active slot, and `from` holds `to` in its
 * passive view. (It knows whom to ask, and the other would not refuse.)
 *
 * @category counting
 * @since 0.1.0
 */
export const missedLinks = <Id>(snapshot: Snapshot<Id>, bounds: Bounds): ReadonlyArray<DirectedLink<Id>> => {
  const free = byId(living(snapshot).filter((node) => node.active.length + node.pending < bounds.activeSize))
  const links: Array<DirectedLink<Id>> = []
  for (const node of free.values()) {
    for (const known of node.passive) {
      const other = free.get(known)
      if (other === undefined || other === node) continue
      if (!node.active.includes(known) && !other.active.includes(node.id)) links.push({ from: node.id, to: known })
    }
  }
  return links
}

/**
 * How near the active views of living nodes are to full.
 *
 * @category models
 * @since 0.1.0
 */
export interface Fullness<Id> {
  /** Whether few enough are short, and nobody is lonely. */
  readonly isFull: boolean
  /** The neighbours that a node should have: min(A, n − 1). */
  readonly degree: number
  /** The nodes with fewer neighbours than `degree`. */
  readonly short: Snapshot<Id>
  /** How many nodes may be short: 1 % of them; of fewer than a hundred one where n·degree is odd. */
  readonly allowed: number
  /** The neighbours that every node must have: min(2, n − 1). */
  readonly least: number
  /** The nodes with fewer neighbours than `least`. */
  readonly lonely: Snapshot<Id>
}

/**
 * Whether the active views are full: at least 99 % of the nodes with min(A, n − 1) neighbours, or all but one where those are
 * all and n·min(A, n − 1) is odd; none with fewer than min(2, n − 1).
 *
 * @category counting
 * @since 0.1.0
 */
export const fullness = <Id>(snapshot: Snapshot<Id>, bounds: Bounds): Fullness<Id> => {
  const nodes = living(snapshot)
  const degree = Math.min(bounds.activeSize, nodes.length - 1)
  const least = Math.min(2, nodes.length - 1)
  // No graph has an odd sum of degrees: where n·degree is odd, one node must stay short, whatever the protocol does.
  const allowed = Math.max(Math.floor(nodes.length * 0.01), (nodes.length * degree) % 2)
  const short = nodes.filter((node) => node.active.length < degree)
  const lonely = nodes.filter((node) => node.active.length < least)
  return { isFull: short.length <= allowed && lonely.length === 0, degree, short, allowed, least, lonely }
}

/** At most this many examples in a sentence: a broken network of 10,000 nodes should still print one screen. */
const maximumExamples = 5

const listing = <A>(items: ReadonlyArray<A>, show: (item: A) => string): string =>
  items.slice(0, maximumExamples).map(show).join(", ") +
  (items.length > maximumExamples ? `, and ${items.length - maximumExamples} more` : "")

const always = <Id>(snapshot: Snapshot<Id>, bounds: Bounds): ReadonlyArray<string> => [
  ...selfInViews(snapshot).map((id) => `${id} holds itself in a view`),
  ...inBothViews(snapshot).map(({ both, id }) => `${id} holds ${listing(both, String)} in both views`),
  ...duplicateEntries(snapshot).map((id) => `${id} holds an id twice in one view`),
  ...overCapacity(snapshot, bounds).map(({ bound, id, part, size }) =>
    part === "pending"
      ? `${id} has ${size} open requests for ${bound} active slots`
      : `${id} holds ${size} in its ${part} view, whose bound is ${bound}`
  )
]

const inCalm = <Id>(snapshot: Snapshot<Id>, bounds: Bounds): ReadonlyArray<string> => {
  const nodes = living(snapshot)
  const sentences: Array<string> = []
  const link = ({ from, to }: DirectedLink<Id>): string => `${from} → ${to}`

  const asymmetric = asymmetricLinks(snapshot)
  if (asymmetric.length > 0) sentences.push(`links held by one end only: ${listing(asymmetric, link)}`)

  const dead = deadLinks(snapshot)
  if (dead.length > 0) sentences.push(`links to nodes that do not run: ${listing(dead, link)}`)

  const { count, isolated, largest } = components(snapshot)
  if (count > 1) {
    sentences.push(`${count} components; the largest has ${largest} of ${nodes.length} nodes, ${isolated} are alone`)
  }

  const missed = missedLinks(snapshot, bounds)
  if (missed.length > 0) sentences.push(`non-neighbours with free slots that know each other: ${listing(missed, link)}`)

  const { allowed, degree, least, lonely, short } = fullness(snapshot, bounds)
  if (short.length > allowed) {
    sentences.push(
      `${short.length} of ${nodes.length} nodes, ${allowed} allowed, have fewer than ${degree} neighbours: ` +
        listing(short, (node) => `${node.id} (${node.active.length})`)
    )
  }
  if (lonely.length > 0) {
    sentences.push(
      `nodes with fewer than ${least} neighbours: ${listing(lonely, (node) => `${node.id} (${node.active.length})`)}`
    )
  }
  return sentences
}

/**
 * Every rule that the snapshot breaks, one sentence each; none means that all is well.
 *
 * Without `calm` only what holds after every transition is checked. With it, what a network must reach after two repair
 * rounds without a fault is checked too: every link symmetric and to a living node, one component, no two non-neighbours
 * with free slots of which one knows the other, at least 99 % of the nodes with min(A, n − 1) neighbours and none with fewer
 * than min(2, n − 1). n is the number of living nodes. Where n·A is odd one node may always be short: no graph is otherwise.
 *
 * @category checking
 * @since 0.1.0
 * @example
 * ```ts
 * import { violations } from "@hyparview/faults/Overlay"
 *
 * violations(
 *   [
 *     { id: "a", active: ["b"], passive: [], pending: 0 },
 *     { id: "b", active: [], passive: ["a"], pending: 0 }
 *   ],
 *   { activeSize: 5, passiveSize: 30 },
 *   { calm: true }
 * )[0] // => "links held by one end only: a → b"
 * ```
 */
export const violations = <Id>(
  snapshot: Snapshot<Id>,
  bounds: Bounds,
  options: { readonly calm: boolean }
): ReadonlyArray<string> => [...always(snapshot, bounds), ...(options.calm ? inCalm(snapshot, bounds) : [])]
