/**
 * A scenario: everything that one run of the seeded fault simulation is told, as plain data. The cluster and its
 * parameters, the network, who starts when and through whom, what goes wrong, and what is published. The bare core in the
 * simulator's world and the whole runtime on virtual time play the same scenarios; one that found a defect is kept as a JSON
 * file.
 *
 * A run has two phases. In **chaos** the plan is played. Then comes **calm**: no fault any more, and within `calmBound` the
 * overlay must be whole (`Overlay.violations`), stay so, and be quiet (`mostMessages`).
 *
 * `draw` (in `ScenarioDraw`) makes a scenario from a seed, `ScenarioShrink` makes it smaller.
 *
 * @since 0.1.0
 */
import type { Config } from "@hyparview/core/HyParView"
import type * as Plumtree from "@hyparview/core/Plumtree"
import type { Fault, FaultPlan } from "./FaultPlan.ts"
import type { LatencyModel } from "./Latency.ts"

/**
 * A node starts, through these contacts.
 *
 * @category models
 * @since 0.1.0
 */
export interface Start {
  /** Milliseconds after the run begins. */
  readonly atMillis: number
  readonly node: number
  readonly contacts: ReadonlyArray<number>
}

/**
 * A node publishes, if it runs by then.
 *
 * @category models
 * @since 0.1.0
 */
export interface Publication {
  /** Milliseconds after the run begins. */
  readonly atMillis: number
  readonly node: number
  readonly topic: string
  /** The size of the payload. */
  readonly bytes: number
}

/**
 * How the broadcast goes: along one tree, over every link, along several trees.
 *
 * @category models
 * @since 0.1.0
 */
export type Strategy = Plumtree.Config["strategy"]

/**
 * What one run is told. Nodes are indices from 0 to `nodes` − 1.
 *
 * @category models
 * @since 0.1.0
 */
export interface Scenario {
  /** Whatever the run draws beyond its scenario: the nodes' choices, the delays, which links a share breaks. */
  readonly seed: number
  readonly nodes: number
  readonly membership: Config
  /** Along which trees messages go. */
  readonly strategy: Strategy
  readonly latency: LatencyModel
  /** How long after a link broke its ends are told, in milliseconds, where the network says so at all. */
  readonly detectionMillis: number
  /** How a dial to a process that is not there fails. */
  readonly dialFailure: "refused" | "timeout"
  /** How long a dial that gets no answer takes to fail, in milliseconds; below the request time-out. */
  readonly dialTimeoutMillis: number
  /** The nodes that Discovery names, always the same ones. */
  readonly discoverable: ReadonlyArray<number>
  /** In the order of their instants. Each node starts once; what stops it and starts it again is in the plan. */
  readonly starts: ReadonlyArray<Start>
  /** What goes wrong, from the beginning of the run on. It ends with every fault undone. */
  readonly plan: FaultPlan
  readonly publications: ReadonlyArray<Publication>
  /** How long chaos lasts, in milliseconds: no shorter than the plan and the starts. */
  readonly chaosMillis: number
}

/**
 * The nodes that need a store for their epoch: those whose clock is set back and that start twice again. Without it such a
 * node may be told of both of its earlier incarnations within a minute, and stops for it, as rule 9e has it.
 *
 * @category inspection
 * @since 0.1.0
 */
export const mustKeepEpochs = ({ plan: { actions } }: Scenario): ReadonlyArray<number> => {
  const restarts = actions.flatMap(({ fault }) => (fault._tag === "Restart" ? fault.nodes : []))
  const setBack = actions.flatMap(({ fault }) => (fault._tag === "ClockJump" && fault.millis < 0 ? [fault.node] : []))
  return setBack.filter((node) => restarts.filter((other) => other === node).length > 1)
}

/**
 * What a calm overlay is given to become whole, part by part, in milliseconds.
 *
 * @category bounds
 * @since 0.1.0
 */
export interface CalmBound {
  readonly notice: number
  readonly waits: number
  readonly round: number
  readonly discovery: number
  readonly islands: number
  readonly holes: number
  readonly total: number
}

/** A draw that succeeds with probability ½ at least fails twenty times in a row once in a million runs. */
const draws = 20

/** Of contacts sounded out by chance, at a rate of one a period: none in 14 periods has a probability of e⁻¹⁴, 10⁻⁶. */
const chancePeriods = 14

/** A plan parts the cluster into four islands at most. */
const merges = 3

/**
 * How often a hole may have to move before it meets another. A move of either of two brings them together with probability ⅓
 * where views are seven of ten nodes, and more often where there are more nodes to move to.
 */
const holeMoves = 6

/**
 * How long a cluster in calm may take to become whole, from its own timers. In the order in which one thing waits for
 * another:
 *
 * 1. **notice**: what is dead without anybody's being told (half-open links, vanished peers) is found by silence, in
 *    `heartbeatMisses` + 2 heartbeat periods: the misses, the round in which it was last heard, and the phase. A link that
 *    only one end holds (after silent loss) is found by the other's heartbeat and its NotNeighbor: within the same, once more.
 * 2. **waits**: a round that has tried everybody waits for at most the longest backoff, half as long again by jitter.
 * 3. **round**: it then asks everybody it knows, P entries; the dead among them cost a request time-out each, in the worst
 *    case one after another.
 * 4. **discovery**: who knows nobody asks Discovery after its longest backoff and jitter, then dials the contacts, one time-out
 *    each, and again if they were the wrong ones.
 * 5. **islands**: a cut is healed by a probe of a grave (rule P2), each a probe period and its jitter, looked at once a cycle,
 *    and by a bridge, at most one a bridge period at either end. A grave may be of a node that is gone for good, and the bridge
 *    may be refused for coming too soon: an attempt succeeds with probability ½ at least, so `draws` of them for each island
 *    that is to be joined, and everybody makes one each period. Islands that never met have no graves; their contacts are
 *    sounded out, by chance, one in a contact period by all together.
 * 6. **holes**: the odd free slots that are left move from node to node (rule 4k), resting 2·2^moves first waits each time.
 *
 * Nearly all scenarios need a small part of it: how small is part of a run's report.
 *
 * @category bounds
 * @since 0.1.0
 */
export const calmBound = (scenario: Scenario): CalmBound => {
  const { membership, detectionMillis, dialTimeoutMillis } = scenario
  const { cycleJitter, cycleMillis, heartbeatMillis, heartbeatMisses, passiveSize, requestTimeoutMillis } = membership
  const [firstWait, longestWait] = membership.repairBackoffMillis
  const [, longestDiscovery] = membership.discoveryBackoffMillis
  const cycle = cycleMillis * (1 + cycleJitter)
  const notice = 2 * ((heartbeatMisses + 2) * heartbeatMillis + detectionMillis + dialTimeoutMillis)
  const waits = 1.5 * longestWait
  const round = passiveSize * requestTimeoutMillis
  const discovery = 2 * (1.5 * longestDiscovery + membership.contactsSize * requestTimeoutMillis)
  const attempt = Math.max(1.5 * membership.probeMillis + cycle, membership.bridgeMillis)
  const periods = merges * Math.ceil(draws / survivors(scenario).length)
  const islands = periods * attempt + chancePeriods * membership.contactProbeMillis
  const holes = 1.5 * firstWait * 2 * ((1 << holeMoves) - 1)
  const total = Math.ceil(notice + waits + round + discovery + islands + holes)
  return { notice, waits, round, discovery, islands, holes, total }
}

/**
 * How long an overlay that is whole may go on mixing, in milliseconds: each grave that a cut has dug is probed, one a probe
 * period and its jitter, and one that answers may lead to a bridge (rules P2, P4); then the holes that the last one has
 * left come to rest.
 *
 * @category bounds
 * @since 0.1.0
 */
export const mixingBound = (scenario: Scenario): number => {
  const { graveyardSize, probeMillis } = scenario.membership
  return Math.ceil(1.5 * graveyardSize * probeMillis + calmBound(scenario).holes)
}

/**
 * C7 of the rules: the messages that a node may send in a minute of calm, on average over all nodes; without the broadcast,
 * and once the overlay has done with mixing (`mixingBound`).
 *
 * @category bounds
 * @since 0.1.0
 */
export const mostMessages = (config: Config): number => {
  const { activeSize, cycleMillis, heartbeatMillis, shuffleWalkLength } = config
  const each = shuffleWalkLength + 1 + ofRound(config)
  return 1.1 * ((60_000 / cycleMillis) * each + (2 * 60_000 * activeSize) / heartbeatMillis)
}

/**
 * A round of X-BOT: at most eight messages, and probes that are answered, where costs must be measured: two to each of the
 * candidates and to the old neighbour, one to each neighbour of the initiator and of the candidate.
 */
const ofRound = ({ activeSize, optimizeCandidates }: Config): number =>
  optimizeCandidates === 0 ? 0 : 8 + 2 * (2 * (optimizeCandidates + 1) + 2 * activeSize)

/**
 * Whether an overlay that is whole may part by itself. A bridge (rule P4) puts two links in the place of two others, and if
 * only those two joined a handful of nodes to the rest, it cuts them off; they find back as after any cut. Seen once
 * in about a thousand runs, among 180 nodes with views of three. With larger views, as the paper and our defaults have
 * them, it counts as a defect.
 *
 * @category bounds
 * @since 0.1.0
 */
export const mayPart = ({ activeSize }: Config): boolean => activeSize <= 3

/**
 * The nodes that run when chaos is over: all but those that a `Crash` or a `Leave` has stopped for good.
 *
 * @category inspection
 * @since 0.1.0
 */
export const survivors = ({ plan, starts }: Scenario): ReadonlyArray<number> => {
  const up = new Set(starts.map(({ node }) => node))
  for (const { fault } of plan.actions) {
    if (fault._tag === "Crash" || fault._tag === "Leave") for (const node of fault.nodes) up.delete(node)
    if (fault._tag === "Restart") for (const node of fault.nodes) up.add(node)
  }
  return [...up].sort((a, b) => a - b)
}

/**
 * How many kinds of things a scenario holds, in a line.
 *
 * @category inspection
 * @since 0.1.0
 */
export const summary = (scenario: Scenario): string => {
  const { chaosMillis, latency, membership, nodes, plan, publications, strategy } = scenario
  const counts = new Map<string, number>()
  for (const { fault } of plan.actions) counts.set(fault._tag, (counts.get(fault._tag) ?? 0) + 1)
  const faults = [...counts].map(([name, count]) => (count === 1 ? name : `${name} ×${count}`)).join(", ")
  return (
    `${nodes} nodes, A ${membership.activeSize}, P ${membership.passiveSize}, cycle ${membership.cycleMillis} ms, ` +
    `${strategy}, latency ${latency._tag}, chaos ${chaosMillis} ms, ${publications.length} publications; faults: ${faults || "none"}`
  )
}

/**
 * What happens at one instant of chaos.
 *
 * @category models
 * @since 0.1.0
 */
export type Happening =
  | { readonly _tag: "Starts"; readonly start: Start }
  | { readonly _tag: "Fails"; readonly fault: Fault }
  | { readonly _tag: "Publishes"; readonly publication: Publication }

/**
 * Everything that happens in chaos, in order. A node that the plan has stopped before its start starts with the plan's
 * `Restart`, or never.
 *
 * @category inspection
 * @since 0.1.0
 */
export const agenda = (
  scenario: Scenario
): ReadonlyArray<{ readonly atMillis: number; readonly happening: Happening }> => {
  const starts = scenario.starts.map((start) => ({
    atMillis: start.atMillis,
    happening: { _tag: "Starts", start } as const
  }))
  const faults = scenario.plan.actions.map(({ atMillis, fault }) => ({
    atMillis,
    happening: { _tag: "Fails", fault } as const
  }))
  const publications = scenario.publications.map((publication) => ({
    atMillis: publication.atMillis,
    happening: { _tag: "Publishes", publication } as const
  }))
  const down = new Set<number>()
  // Stable: at one instant faults come first (a cut at 0 parts those that start), then starts, then publications.
  return [...faults, ...starts, ...publications]
    .sort((a, b) => a.atMillis - b.atMillis)
    .filter(({ happening }) => {
      if (happening._tag === "Starts") return !down.has(happening.start.node)
      if (happening._tag === "Publishes") return true
      const { fault } = happening
      if (fault._tag === "Crash" || fault._tag === "Leave") for (const node of fault.nodes) down.add(node)
      if (fault._tag === "Restart") for (const node of fault.nodes) down.delete(node)
      return true
    })
}
