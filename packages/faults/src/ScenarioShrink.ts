/**
 * Smaller scenarios that fail the same: delta debugging (Zeller and Hildebrandt, "Simplifying and isolating failure-inducing
 * input", 2002) over what a scenario is made of. Fewer nodes, fewer faults, fewer publications, less time, plainer latency,
 * one tree. Whatever is taken out, what remains is a valid scenario that ends with every fault undone.
 *
 * @since 0.1.0
 */
import { type Action, Fault, type FaultPlan } from "./FaultPlan.ts"
import type { Scenario } from "./Scenario.ts"

/** A list of nodes after some are gone: the survivors under their new indices. */
type Renumber = (nodes: ReadonlyArray<number>) => ReadonlyArray<number>

const renumbered = (fault: Fault, map: Renumber): Fault | undefined => {
  switch (fault._tag) {
    case "Crash":
    case "Restart":
    case "Leave":
    case "Freeze":
    case "Unfreeze":
    case "RefuseDials":
    case "HangDials":
    case "AcceptDials":
    case "NormalReader": {
      const nodes = map(fault.nodes)
      return nodes.length === 0 ? undefined : { ...fault, nodes }
    }
    case "Partition": {
      const groups = fault.groups.map(map).filter((group) => group.length > 0)
      return groups.length < 2 ? undefined : { ...fault, groups }
    }
    case "OneWay": {
      const from = map(fault.from)
      const to = map(fault.to)
      return from.length === 0 || to.length === 0 ? undefined : { ...fault, from, to }
    }
    case "HalfOpen": {
      const pairs = pairsOf(fault.pairs, map)
      return pairs.length === 0 ? undefined : { ...fault, pairs }
    }
    case "BreakLinks": {
      if (fault.links._tag === "Share") return fault
      const pairs = pairsOf(fault.links.pairs, map)
      return pairs.length === 0 ? undefined : Fault.BreakLinks({ links: { _tag: "Pairs", pairs } })
    }
    case "SlowReader":
    case "ClockJump": {
      const [node] = map([fault.node])
      return node === undefined ? undefined : { ...fault, node }
    }
    default:
      return fault
  }
}

const pairsOf = (
  pairs: ReadonlyArray<readonly [number, number]>,
  map: Renumber
): ReadonlyArray<readonly [number, number]> =>
  pairs.flatMap((pair) => {
    const [a, b] = map(pair)
    return a === undefined || b === undefined ? [] : [[a, b] as const]
  })

/**
 * A plan of actions that once belonged together: what makes no sense any more (a restart of a node that is up) is left out,
 * and what is not undone is undone at `endMillis`. A node that is down stays down if `mayStayDown` says so.
 *
 * @category shrinking
 * @since 0.1.0
 */
export const mended = (
  nodes: number,
  actions: ReadonlyArray<Action>,
  endMillis: number,
  mayStayDown: (node: number) => boolean
): FaultPlan => {
  const down = new Set<number>()
  const frozen = new Set<number>()
  const deaf = new Set<number>()
  const slow = new Set<number>()
  const rates = new Map<"SendFailure" | "Duplicate" | "SilentLoss", number>()
  let parted = false
  const sensible: Array<Action> = []
  const keep = (atMillis: number, fault: Fault) => sensible.push({ atMillis, fault })
  const some = (atMillis: number, nodes: ReadonlyArray<number>, make: (nodes: ReadonlyArray<number>) => Fault) => {
    if (nodes.length > 0) keep(atMillis, make(nodes))
  }
  for (const { atMillis, fault } of actions) {
    switch (fault._tag) {
      case "Crash":
      case "Leave": {
        const stopping = fault.nodes.filter((node) => !down.has(node))
        for (const node of stopping) down.add(node)
        some(atMillis, stopping, (nodes) => ({ ...fault, nodes }))
        break
      }
      case "Restart":
        some(
          atMillis,
          fault.nodes.filter((node) => down.delete(node)),
          (nodes) => Fault.Restart({ nodes })
        )
        break
      case "ClockJump":
        if (!down.has(fault.node)) keep(atMillis, fault)
        break
      case "Freeze":
        for (const node of fault.nodes) frozen.add(node)
        keep(atMillis, fault)
        break
      case "Unfreeze":
        some(
          atMillis,
          fault.nodes.filter((node) => frozen.delete(node)),
          (nodes) => Fault.Unfreeze({ nodes })
        )
        break
      case "RefuseDials":
      case "HangDials":
        for (const node of fault.nodes) deaf.add(node)
        keep(atMillis, fault)
        break
      case "AcceptDials":
        some(
          atMillis,
          fault.nodes.filter((node) => deaf.delete(node)),
          (nodes) => Fault.AcceptDials({ nodes })
        )
        break
      case "SlowReader":
        slow.add(fault.node)
        keep(atMillis, fault)
        break
      case "NormalReader":
        some(
          atMillis,
          fault.nodes.filter((node) => slow.delete(node)),
          (nodes) => Fault.NormalReader({ nodes })
        )
        break
      case "SendFailure":
      case "Duplicate":
      case "SilentLoss":
        if (fault.probability === (rates.get(fault._tag) ?? 0)) break
        rates.set(fault._tag, fault.probability)
        keep(atMillis, fault)
        break
      case "Partition":
      case "OneWay":
        parted = true
        keep(atMillis, fault)
        break
      case "Heal":
        if (parted) keep(atMillis, fault)
        parted = false
        break
      default:
        keep(atMillis, fault)
    }
  }
  if (parted) keep(endMillis, Fault.Heal())
  some(endMillis, [...frozen], (nodes) => Fault.Unfreeze({ nodes }))
  some(endMillis, [...deaf], (nodes) => Fault.AcceptDials({ nodes }))
  some(endMillis, [...slow], (nodes) => Fault.NormalReader({ nodes }))
  for (const [tag, probability] of rates) if (probability > 0) keep(endMillis, Fault[tag]({ probability: 0 }))
  const returning = [...down].filter((node) => !mayStayDown(node))
  some(endMillis, returning, (nodes) => Fault.Restart({ nodes }))
  return { nodes, actions: sensible }
}

/** The nodes that the plan leaves down. */
const goneOf = ({ actions }: FaultPlan): ReadonlySet<number> => {
  const down = new Set<number>()
  for (const { fault } of actions) {
    if (fault._tag === "Crash" || fault._tag === "Leave") for (const node of fault.nodes) down.add(node)
    if (fault._tag === "Restart") for (const node of fault.nodes) down.delete(node)
  }
  return down
}

const withActions = (scenario: Scenario, actions: ReadonlyArray<Action>): Scenario => {
  const gone = goneOf(scenario.plan)
  const plan = mended(scenario.nodes, actions, scenario.chaosMillis, (node) => gone.has(node))
  return { ...scenario, plan }
}

/** Without some nodes; undefined where too little would be left. */
const withoutNodes = (scenario: Scenario, isGone: (node: number) => boolean): Scenario | undefined => {
  const kept = Array.from({ length: scenario.nodes }, (_, node) => node).filter((node) => !isGone(node))
  const index = new Map(kept.map((node, at) => [node, at]))
  const map: Renumber = (nodes) =>
    nodes.flatMap((node) => {
      const at = index.get(node)
      return at === undefined ? [] : [at]
    })
  const discoverable = map(scenario.discoverable)
  const wasGone = goneOf(scenario.plan)
  const gone = new Set(map([...wasGone]))
  // Somebody must be there to be found.
  if (kept.length < 2 || !discoverable.some((node) => !gone.has(node))) return undefined
  const actions = scenario.plan.actions.flatMap(({ atMillis, fault }) => {
    const rest = renumbered(fault, map)
    return rest === undefined ? [] : [{ atMillis, fault: rest }]
  })
  return {
    ...scenario,
    nodes: kept.length,
    discoverable,
    starts: scenario.starts.flatMap((start) => {
      const node = index.get(start.node)
      return node === undefined ? [] : [{ ...start, node, contacts: map(start.contacts) }]
    }),
    plan: mended(kept.length, actions, scenario.chaosMillis, (node) => gone.has(node)),
    publications: scenario.publications.flatMap((publication) => {
      const node = index.get(publication.node)
      return node === undefined ? [] : [{ ...publication, node }]
    })
  }
}

/** Cuts a list into `parts`, and gives what remains when each is left out. */
function* leavingOut<A>(items: ReadonlyArray<A>, parts: number): Generator<ReadonlyArray<A>> {
  const size = Math.ceil(items.length / parts)
  for (let from = 0; from < items.length; from += size) {
    yield items.filter((_, index) => index < from || index >= from + size)
  }
}

/** Simpler scenarios, the boldest first. */
function* simpler(scenario: Scenario): Generator<Scenario> {
  const { chaosMillis, latency, nodes, plan, publications, strategy } = scenario
  if (publications.length > 0) yield { ...scenario, publications: [] }
  for (const share of [2, 4, 8]) {
    const keep = Math.ceil(nodes / share)
    if (keep < nodes) {
      const fewer = withoutNodes(scenario, (node) => node >= keep)
      if (fewer !== undefined) yield fewer
    }
  }
  for (const parts of [2, 4, 8, plan.actions.length]) {
    if (parts > plan.actions.length || parts < 2) continue
    for (const actions of leavingOut(plan.actions, parts)) yield withActions(scenario, actions)
  }
  if (plan.actions.length > 0) yield withActions(scenario, [])
  for (
    let parts = Math.min(8, nodes);
    parts <= nodes;
    parts = parts === nodes ? nodes + 1 : Math.min(nodes, parts * 4)
  ) {
    const size = Math.ceil(nodes / parts)
    for (let from = 0; from < nodes; from += size) {
      const fewer = withoutNodes(scenario, (node) => node >= from && node < from + size)
      if (fewer !== undefined) yield fewer
    }
  }
  for (const part of leavingOut(publications, Math.min(8, Math.max(1, publications.length)))) {
    yield { ...scenario, publications: part }
  }
  if (latency._tag !== "Constant") yield { ...scenario, latency: { _tag: "Constant", micros: 10_000 } }
  if (strategy === "thicket") yield { ...scenario, strategy: "plumtree" }
  const last = Math.max(
    0,
    ...plan.actions.map(({ atMillis }) => atMillis),
    ...scenario.starts.map(({ atMillis }) => atMillis),
    ...publications.map(({ atMillis }) => atMillis)
  )
  if (last < chaosMillis) yield { ...scenario, chaosMillis: last }
  if (chaosMillis > 1_000) yield faster(scenario)
  if (scenario.starts.some(({ atMillis }) => atMillis > 0)) {
    yield { ...scenario, starts: scenario.starts.map((start) => ({ ...start, atMillis: 0 })) }
  }
}

/** The same in half the time. */
const faster = (scenario: Scenario): Scenario => {
  const half = <A extends { readonly atMillis: number }>(item: A): A => ({
    ...item,
    atMillis: Math.floor(item.atMillis / 2)
  })
  return {
    ...scenario,
    chaosMillis: Math.floor(scenario.chaosMillis / 2),
    starts: scenario.starts.map(half),
    plan: { ...scenario.plan, actions: scenario.plan.actions.map(half) },
    publications: scenario.publications.map(half)
  }
}

const sizeOf = ({ chaosMillis, latency, nodes, plan, publications, starts, strategy }: Scenario): number =>
  nodes * 1_000 +
  plan.actions.length * 100 +
  publications.length * 10 +
  chaosMillis / 1_000 +
  (latency._tag === "Constant" ? 0 : 1) +
  (strategy === "thicket" ? 1 : 0) +
  (starts.some(({ atMillis }) => atMillis > 0) ? 1 : 0)

/**
 * Shrinks a scenario that fails. Yields a candidate, and is to be told with `next` whether that one fails too; returns the
 * smallest failing scenario found within `budget` candidates (default 200). So whoever runs scenarios, in a loop or in an
 * Effect, stays in charge.
 *
 * @category shrinking
 * @since 0.1.0
 * @example
 * ```ts
 * import { shrink } from "@hyparview/faults/ScenarioShrink"
 * import { draw } from "@hyparview/faults/ScenarioDraw"
 *
 * const fails = (nodes: number) => nodes > 4
 * const shrinking = shrink(draw(7))
 * let next = shrinking.next(false)
 * while (next.done !== true) next = shrinking.next(fails(next.value.nodes))
 * console.log(next.value.nodes) // 5
 * ```
 */
export const shrink = (scenario: Scenario, budget = 200): Generator<Scenario, Scenario, boolean> =>
  shrinkBy(scenario, { simpler, sizeOf, budget })

/**
 * The same of anything that has simpler forms and a size: only smaller candidates are tried, and the first that fails is gone on from.
 *
 * @category shrinking
 * @since 0.1.0
 * @example
 * ```ts
 * import { shrinkBy } from "@hyparview/faults/ScenarioShrink"
 *
 * const shrinking = shrinkBy(40, { simpler: (n) => [n - 10, n - 1], sizeOf: (n) => n, budget: 100 })
 * let next = shrinking.next(false)
 * while (next.done !== true) next = shrinking.next(next.value > 17)
 * console.log(next.value) // 18
 * ```
 */
export function* shrinkBy<A>(
  failing: A,
  options: {
    /** What may be tried in place of one, in this order. */
    readonly simpler: (from: A) => Iterable<A>
    readonly sizeOf: (candidate: A) => number
    /** How many candidates are tried at most. */
    readonly budget: number
  }
): Generator<A, A, boolean> {
  const { simpler, sizeOf } = options
  let smallest = failing
  let left = options.budget
  for (let isProgress = true; isProgress && left > 0;) {
    isProgress = false
    for (const candidate of simpler(smallest)) {
      if (left <= 0) break
      if (sizeOf(candidate) >= sizeOf(smallest)) continue
      left--
      if (yield candidate) {
        smallest = candidate
        isProgress = true
        break
      }
    }
  }
  return smallest
}
