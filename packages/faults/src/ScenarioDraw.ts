/**
 * Scenarios from a seed: "swarm testing" (Groce and others, ISSTA 2012). Each seed first draws which kinds of faults there are
 * at all, and how large and how fast everything is, so that no kind hides behind the others and no two runs are alike.
 *
 * @since 0.1.0
 */
import { type Config, forClusterSize } from "@hyparview/core/HyParView"
import { nextBelow, type Random, seeded } from "@hyparview/core/Random"
import * as Result from "effect/Result"
import { type ChaosKind, chaosKinds, draw as drawPlan, linkKeepingKinds } from "./FaultDraw.ts"
import { between } from "./internal/draws.ts"
import { fromName, type LatencyModel, names } from "./Latency.ts"
import { type Publication, type Scenario, type Start, type Strategy, survivors } from "./Scenario.ts"

/**
 * How large a scenario may be, and what it may hold.
 *
 * @category models
 * @since 0.1.0
 */
export interface ScenarioLimits {
  /** The most nodes, from 2. One scenario in five is large: from a fifth of it up to all. Default: 200. */
  readonly maximumNodes?: number
  /** The most that chaos may come to, in node-minutes: large clusters get less time. Default: 120. */
  readonly maximumNodeMinutes?: number
  /** The kinds of faults. Default: all. */
  readonly kinds?: ReadonlyArray<ChaosKind>
  /** Whether what goes beyond the papers (ages, mixing, X-BOT, Thicket) is switched on for a share of the seeds. Default: true. */
  readonly extensions?: boolean
}

const chance = (random: Random, oneIn: number): boolean => nextBelow(random, oneIn) === 0

const oneOf = <A>(random: Random, first: A, ...others: ReadonlyArray<A>): A => {
  const all = [first, ...others]
  return all[nextBelow(random, all.length)] ?? first
}

/** Two in five are small, two in five middling, one in five large. */
const drawNodes = (random: Random, maximum: number): number => {
  const small = Math.min(10, maximum)
  const middling = Math.max(small, Math.floor(maximum / 5))
  const kind = nextBelow(random, 5)
  return kind < 2
    ? between(random, 2, small)
    : kind < 4
      ? between(random, small, middling)
      : between(random, middling, maximum)
}

const drawLatency = (random: Random): LatencyModel => {
  if (chance(random, 4)) return { _tag: "Constant", micros: between(random, 0, 20_000) }
  const name = names[nextBelow(random, names.length)] ?? "constant"
  return fromName(name)
}

/**
 * One scenario in four exchanges links for shorter ones (X-BOT), between cities, since elsewhere all cost the same. Nothing is
 * drawn for it, so that the others are what they were. One link of each node at least is left as it is: with none, nothing keeps
 * the cities of a cluster in one component.
 */
const optimizes = (seed: number): boolean => seed % 4 === 3

/** One flood in eight, and several trees in eight: both draw nothing, so that everything else is what it was. */
const strategyOf = (seed: number, extensions: boolean): Strategy =>
  seed % 8 === 7 ? "flood" : extensions && (seed % 16 === 6 || seed % 16 === 11) ? "thicket" : "plumtree"

/** Periods from a tenth of the defaults to the defaults, in the proportions that the configuration demands. */
const drawConfig = (random: Random, seed: number): Config => {
  const activeSize = oneOf(random, 5, 5, 5, 5, 3, 4, 6, 7)
  const passiveSize = activeSize * oneOf(random, 6, 6, 6, 3, 8)
  const requestTimeoutMillis = between(random, 1_000, 3_000)
  const heartbeatMillis = requestTimeoutMillis * between(random, 1, 4)
  const cycleMillis = between(random, 2_000, 30_000)
  return Result.getOrThrow(
    forClusterSize(10_000, {
      activeSize,
      passiveSize,
      requestTimeoutMillis,
      heartbeatMillis,
      heartbeatMisses: between(random, 2, 4),
      cycleMillis,
      cycleJitter: between(random, 0, 50) / 100,
      repairBackoffMillis: [between(random, 500, 1_500), between(random, 15_000, 60_000)],
      discoveryBackoffMillis: [between(random, 500, 1_500), between(random, 15_000, 60_000)],
      probeMillis: between(random, cycleMillis, 2 * cycleMillis + 10_000),
      contactProbeMillis: between(random, 10_000, 120_000),
      bridgeMillis: between(random, cycleMillis, 60_000),
      leftMemoryMillis: between(random, 60_000, 300_000),
      graveyardSize: oneOf(random, passiveSize, passiveSize, activeSize),
      ageWeight: ageWeightOf(seed),
      // And in those where they count half, islands that met mix.
      mixMillis: seed % 12 === 10 ? cycleMillis : 0,
      optimizeCandidates: optimizes(seed) ? 1 + (Math.floor(seed / 4) % 4) : 0,
      unbiasedLinks: 1 + (Math.floor(seed / 16) % 2)
    })
  )
}

/** Ages count in one scenario of six, in half of these alone. It follows from the seed, and so leaves all draws as they are. */
const ageWeightOf = (seed: number): number => (seed % 6 !== 4 ? 0 : seed % 12 === 4 ? 1 : 0.5)

/** Each kind is there or not; with the two that break the promises of a link, in one scenario of four. */
const drawKinds = (random: Random, kinds: ReadonlyArray<ChaosKind>): ReadonlyArray<ChaosKind> => {
  const isCareless = chance(random, 4)
  const open = kinds.filter((kind) => isCareless || linkKeepingKinds.includes(kind))
  const chosen = open.filter(() => chance(random, 2))
  return chosen.length > 0 ? chosen : open
}

/** All at once, or one after another, or one now and one then. */
const drawStarts = (
  random: Random,
  nodes: number,
  contacts: ReadonlyArray<number>,
  withinMillis: number
): ReadonlyArray<Start> => {
  const kind = nextBelow(random, 3)
  const starts = Array.from({ length: nodes }, (_, node) => ({
    atMillis:
      kind === 0 ? 0 : kind === 1 ? Math.floor((withinMillis * node) / nodes) : nextBelow(random, withinMillis + 1),
    node,
    contacts: contacts.filter((contact) => contact !== node)
  }))
  return starts.sort((a, b) => a.atMillis - b.atMillis)
}

const topics: ReadonlyArray<string> = ["alpha", "beta", "gamma"]

const drawPublications = (random: Random, nodes: number, withinMillis: number): ReadonlyArray<Publication> => {
  // Few publishers or all, and from nothing to more than one read of a socket.
  const publishers = oneOf(random, 1, 3, nodes)
  const largest = oneOf(random, 0, 64, 2_000, 100_000)
  const publications = Array.from({ length: nextBelow(random, 30) }, () => ({
    atMillis: nextBelow(random, withinMillis),
    node: nextBelow(random, Math.min(publishers, nodes)),
    topic: topics[nextBelow(random, topics.length)] ?? "alpha",
    bytes: nextBelow(random, largest + 1)
  }))
  return publications.sort((a, b) => a.atMillis - b.atMillis)
}

/**
 * The scenario of a seed. Same seed and limits, same scenario.
 *
 * @category constructors
 * @since 0.1.0
 * @example
 * ```ts
 * import { draw } from "@hyparview/faults/ScenarioDraw"
 *
 * const scenario = draw(7, { maximumNodes: 50 })
 * ```
 */
export const draw = (
  seed: number,
  { extensions = true, kinds = chaosKinds, maximumNodeMinutes = 120, maximumNodes = 200 }: ScenarioLimits = {}
): Scenario => {
  const random = seeded(seed)
  const nodes = drawNodes(random, maximumNodes)
  const drawnMembership = drawConfig(random, seed)
  const membership = extensions
    ? drawnMembership
    : { ...drawnMembership, ageWeight: 0, mixMillis: 0, optimizeCandidates: 0, triangleExchanges: 0 }
  const drawnLatency = drawLatency(random)
  const latency = extensions && optimizes(seed) ? fromName("geographic") : drawnLatency
  const mostMillis = Math.floor((maximumNodeMinutes * 60_000) / nodes)
  const longest = Math.max(20_000, Math.min(240_000, mostMillis))
  const durationMillis = between(random, 10_000, longest)
  const plan = drawPlan(random, {
    nodes,
    durationMillis,
    faults: nextBelow(random, oneOf(random, 1, 6, 30)),
    kinds: drawKinds(random, kinds),
    maximumDownShare: oneOf(random, 0.2, 0.5, 0.9),
    maximumProbability: oneOf(random, 0.02, 0.1, 0.3),
    maximumGoneShare: oneOf(random, 0, 0, 0.2, 0.5),
    islands: chance(random, 5) ? between(random, 2, 4) : 1
  })
  const withoutStarts = {
    seed,
    nodes,
    membership,
    strategy: strategyOf(seed, extensions),
    latency,
    detectionMillis: between(random, 10, 500),
    dialFailure: oneOf(random, "refused" as const, "timeout" as const),
    dialTimeoutMillis: Math.floor(membership.requestTimeoutMillis * 0.8),
    plan,
    publications: drawPublications(random, nodes, durationMillis),
    chaosMillis: durationMillis
  }
  const everybody = Array.from({ length: nodes }, (_, node) => ({ atMillis: 0, node, contacts: [] }))
  const standing = survivors({ ...withoutStarts, discoverable: [], starts: everybody })
  const discoverable = new Set<number>()
  // One of the list at least outlives the chaos; the others may be gone.
  discoverable.add(standing[nextBelow(random, standing.length)] ?? 0)
  for (let more = nextBelow(random, 4); more > 0; more--) discoverable.add(nextBelow(random, nodes))
  const starts = drawStarts(random, nodes, [...discoverable], Math.floor(durationMillis / 2))
  return { ...withoutStarts, discoverable: [...discoverable], starts }
}
