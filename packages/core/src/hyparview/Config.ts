/**
 * The parameters of HyParView. Each says its unit, its bounds, its default, and where the default comes from: the paper
 * (Leitão, Pereira, Rodrigues, DSN 2007), or this project ("ours": a choice the paper leaves open).
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Formatter from "effect/Formatter"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import type * as Parameters from "../internal/parameters.ts"
import { overridden, strangeness } from "../internal/parameters.ts"

/**
 * A token bucket: it holds `burst` tokens, a whole number from 1 to 10¹⁰, and gains `perMinute` of them a minute, more
 * than 0 and at most 10¹⁰, whole or not.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rate {
  readonly burst: number
  readonly perMinute: number
}

/**
 * The parameters of one node. All nodes of a cluster should share them; nothing breaks when they do not.
 *
 * @category models
 * @since 0.1.0
 */
export interface Config {
  /** A, the size of the active view: links held open. 1–30. Paper: log10(n) + 1, so 5 at 10,000; at least 5 is ours. */
  readonly activeSize: number
  /** P, the size of the passive view: addresses in reserve. 1–1,000. Paper: 6·A, so 30 at 10,000. */
  readonly passiveSize: number
  /** ARWL, hops of a join's random walk. 0–32. Paper: 6. */
  readonly activeWalkLength: number
  /** PRWL, the hop count at which a join's walk leaves a passive entry. 0–activeWalkLength. Paper: 3. */
  readonly passiveWalkLength: number
  /** ka, active peers in a shuffle. 0–activeSize. Paper: 3. */
  readonly shuffleActive: number
  /** kp, passive peers in a shuffle. 0–passiveSize, at most 200. Paper: 4. */
  readonly shufflePassive: number
  /** Hops of a shuffle's random walk. 1–32. Ours: 6 (the paper gives none). */
  readonly shuffleWalkLength: number
  /**
   * How much the age of a passive entry counts: with this probability the oldest is evicted, and of two that may be
   * offered in a shuffle it is the younger; otherwise chance decides, as in the paper. 0–1. Paper: 0.
   */
  readonly ageWeight: number
  /**
   * One cycle: how often a node shuffles and looks after its views, in milliseconds. 10 ms to 30 days. Ours: 30,000.
   */
  readonly cycleMillis: number
  /** The share by which each cycle is randomly longer or shorter. 0–1. Ours: 0.5, so that nodes do not beat as one. */
  readonly cycleJitter: number
  /**
   * How long a request waits for its answer, in milliseconds; then who was asked is suspect. 1 ms to 30 days. Ours:
   * 3,000. It begins before the link is open: a driver must give up opening one sooner. (The runtime refuses a
   * `handshakeTimeout`, dialling included, that is not below it.)
   */
  readonly requestTimeoutMillis: number
  /**
   * How long a peer that refused for now (`busy`) is left alone before it is asked again, in milliseconds, ± half. 1 ms
   * to 30 days. Ours: 200.
   */
  readonly busyRetryMillis: number
  /**
   * How long a repair round waits that has tried everybody, in milliseconds: the first time, and at the longest. It
   * doubles from one to the other, ± half. 1 ms ≤ first ≤ longest ≤ 30 days. Ours: 1,000 and 60,000. Where fewer than
   * passiveSize are known a wait below cycleMillis ends with a shuffle.
   */
  readonly repairBackoffMillis: readonly [first: number, longest: number]
  /**
   * How long after one question to Discovery the next one follows, in milliseconds: the first time, and at the longest.
   * It doubles from one to the other, ± half. 1 ms ≤ first ≤ longest ≤ 30 days. Ours: 1,000 and 60,000.
   */
  readonly discoveryBackoffMillis: readonly [first: number, longest: number]
  /**
   * The period of heartbeats, in milliseconds: a link on which nothing has come for a whole one is proved alive, an idle one so
   * every second period. 0 ms to 30 days; 0 switches heartbeats off. Ours: 10,000.
   */
  readonly heartbeatMillis: number
  /** Silence after which a neighbour has failed, in heartbeat periods. 2–1,000. Ours: 3. */
  readonly heartbeatMisses: number
  /** F, self-chosen links that inbound requests cannot evict. 0–(activeSize − 1). Ours: ⌊A/2⌋. */
  readonly protectedLinks: number
  /**
   * Joins, and other requests that can force an eviction, from one identity: a token each. Ours: 5 at once, 12 a
   * minute.
   */
  readonly admissionPerPeer: Rate
  /**
   * The same from everybody together. Ours: 20,000 at once, 60,000 a minute, so that 10,000 may join through one node.
   */
  readonly admissionOverall: Rate
  /** How many peers that stopped answering are remembered, for when they come back. 0–10,000. Ours: P. */
  readonly graveyardSize: number
  /**
   * How often one of them is probed, in milliseconds, ± half, and not more often than once a cycle. 0 ms to 30 days; 0: never.
   * Ours: 60,000.
   */
  readonly probeMillis: number
  /**
   * How often the nodes that know each other sound out a contact, though their views are full, in milliseconds. 0 ms to
   * 30 days; 0: never. Each takes its share by chance, once a cycle at most. Ours: 60,000: with 36 peers known, once in 36
   * minutes a node.
   */
  readonly contactProbeMillis: number
  /**
   * At most one bridge request is made, and one accepted, in this time, in milliseconds. 1 ms to 30 days. Ours: 60,000.
   * One that moves a free slot from node to node counts where it is accepted; where it is made repairBackoffMillis bounds it.
   */
  readonly bridgeMillis: number
  /**
   * For a while after its island has met another: how often a node exchanges a link for one with any peer that it
   * knows, in milliseconds, on average, and not more often than bridgeMillis. 0 ms to 30 days; 0: never. Ours: 0;
   * 30,000 is for clusters of which parts may start without each other and meet by a contact alone, holding nobody of
   * each other in memory. All nodes should mix, or none.
   */
  readonly mixMillis: number
  /**
   * How many links a node exchanges for ones with any peers that it knows, once it sees that two of its neighbours are
   * neighbours of a third: the link to that one, and others that chance draws, one each bridgeMillis at most. 0–30; 0: none.
   * Ours: 5, so that whoever joins in a crowd is soon nearly as well linked as any. Not with X-BOT.
   */
  readonly triangleExchanges: number
  /**
   * X-BOT: how many passive entries are weighed in each cycle, to take a link's place; 0: none, links stay as chance
   * made them. 0–passiveSize. The paper calls it PSL. Ours: 0.
   */
  readonly optimizeCandidates: number
  /**
   * X-BOT: links of a node that no optimisation touches. It draws them from its passive view, and they keep the overlay one: with 0
   * the places of a cluster may part. 0–activeSize. Ours: 1. The paper keeps the costliest links.
   */
  readonly unbiasedLinks: number
  /**
   * X-BOT: by which share the cost must fall, of a pair of links and of the initiator's, so that no swap follows
   * another on account of noise. 0–1. Ours: 0.1.
   */
  readonly optimizeHysteresis: number
  /**
   * How long a node that left is remembered, so that old entries do not bring it back, in milliseconds, and from then on to the
   * end of the cycle. 0 ms to 30 days. Ours: 300,000.
   */
  readonly leftMemoryMillis: number
  /**
   * Two claims on one id within this time are two processes, not a restart, in milliseconds. 0 ms to 30 days. Ours:
   * 60,000.
   */
  readonly duplicateIdentityMillis: number
  /**
   * How many entries each short memory holds (tried, suspects, left, askers, whom walks have named; in the runtime, of whom the
   * log has spoken too). 1–10,000. Ours: 64.
   */
  readonly memorySize: number
  /** How many contacts are kept, and asked before Discovery is asked again: by chance, where there are more. 1–1,000. Ours: 16. */
  readonly contactsSize: number
}

/**
 * Any of the parameters, in place of their defaults. One that is undefined has its default.
 *
 * @category models
 * @since 0.1.0
 */
export type Override = Parameters.Override<Config>

/**
 * A parameter is out of its bounds, contradicts another, or is none. No node was made.
 *
 * @category errors
 * @since 0.1.0
 */
export class ConfigError extends Data.TaggedError("MembershipConfigError")<{
  /** The parameter, or what was given as one; `clusterSize`; `config` where the whole is no object. */
  readonly field: string
  readonly value: unknown
  readonly expected: string
}> {
  override get message(): string {
    return `${this.field} is ${Formatter.format(this.value)}: ${this.expected}`
  }
}

/** ⌈log10 n⌉ by integers alone, so that it is exact. */
const ceilLog10 = (n: number): number => {
  let digits = 0
  for (let power = 1; power < n; power *= 10) digits++
  return digits
}

/** What others are derived from may be anything before it is checked. */
const numberOr = (value: unknown, otherwise: number): number => (typeof value === "number" ? value : otherwise)

/** The defaults where these are given: the others follow from them. */
const standard = (n: number, given: Override): Config => {
  const activeSize = numberOr(given.activeSize, Math.max(5, ceilLog10(n) + 1))
  const passiveSize = numberOr(given.passiveSize, 6 * activeSize)
  return {
    activeSize,
    passiveSize,
    activeWalkLength: 6,
    passiveWalkLength: Math.min(3, numberOr(given.activeWalkLength, 6)),
    shuffleActive: Math.min(3, activeSize),
    shufflePassive: Math.min(4, passiveSize),
    shuffleWalkLength: 6,
    ageWeight: 0,
    cycleMillis: 30_000,
    cycleJitter: 0.5,
    requestTimeoutMillis: 3_000,
    busyRetryMillis: 200,
    repairBackoffMillis: [1_000, 60_000],
    discoveryBackoffMillis: [1_000, 60_000],
    heartbeatMillis: 10_000,
    heartbeatMisses: 3,
    protectedLinks: Math.floor(activeSize / 2),
    admissionPerPeer: { burst: 5, perMinute: 12 },
    admissionOverall: { burst: 20_000, perMinute: 60_000 },
    graveyardSize: passiveSize,
    probeMillis: 60_000,
    contactProbeMillis: 60_000,
    bridgeMillis: 60_000,
    mixMillis: 0,
    triangleExchanges: 5,
    optimizeCandidates: 0,
    unbiasedLinks: Math.min(1, activeSize),
    optimizeHysteresis: 0.1,
    leftMemoryMillis: 300_000,
    duplicateIdentityMillis: 60_000,
    memorySize: 64,
    contactsSize: 16
  }
}

const names: ReadonlyArray<string> = Object.keys(standard(1, {}))

/**
 * The parameters for a cluster of at most `n` nodes (the largest size expected; more still work, with longer paths):
 * A = max(5, ⌈log10 n⌉ + 1), P = 6·A, the rest as documented. Any field may be overridden, and one that is undefined has its
 * default; a contradiction is an error, and so is a field that there is none of.
 *
 * @example
 * ```ts
 * import { HyParView } from "@hyparview/core"
 * import { Result } from "effect"
 *
 * const config = Result.getOrThrow(HyParView.forClusterSize(10_000))
 * console.log(config.activeSize, config.passiveSize) // 5 30
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const forClusterSize = (n: number, override: Override = {}): Result.Result<Config, ConfigError> => {
  if (!(Number.isInteger(n) && n >= 1 && n <= 1e9)) {
    const expected = "expected a whole number from 1 to 10⁹"
    return Result.fail(new ConfigError({ field: "clusterSize", value: n, expected }))
  }
  const strange = strangeness(override, names)
  return strange === undefined
    ? validate(overridden(standard(n, override), override))
    : Result.fail(new ConfigError(strange))
}

/**
 * Checks a configuration: each field within its bounds, no two in contradiction, and none beside them. The first fault
 * found is the error.
 *
 * @category validation
 * @since 0.1.0
 */
export const validate = (config: Config): Result.Result<Config, ConfigError> => {
  const fault = faultOf(config)
  return fault === undefined ? Result.succeed(config) : Result.fail(fault)
}

/** Thirty days in milliseconds: no period of a live protocol is longer. */
const longest = 2_592_000_000

/** Tokens, at once or a minute: more than any node can be asked for. */
const highestRate = 10_000_000_000

const bounds: ReadonlyArray<readonly [field: keyof Config, low: number, high: number]> = [
  ["activeSize", 1, 30],
  ["passiveSize", 1, 1_000],
  ["activeWalkLength", 0, 32],
  ["passiveWalkLength", 0, 32],
  ["shuffleActive", 0, 30],
  ["shufflePassive", 0, 200],
  ["shuffleWalkLength", 1, 32],
  ["cycleMillis", 10, longest],
  ["requestTimeoutMillis", 1, longest],
  ["busyRetryMillis", 1, longest],
  ["heartbeatMillis", 0, longest],
  ["heartbeatMisses", 2, 1_000],
  ["protectedLinks", 0, 29],
  ["graveyardSize", 0, 10_000],
  ["probeMillis", 0, longest],
  ["contactProbeMillis", 0, longest],
  ["bridgeMillis", 1, longest],
  ["mixMillis", 0, longest],
  ["triangleExchanges", 0, 30],
  ["optimizeCandidates", 0, 1_000],
  ["unbiasedLinks", 0, 30],
  ["leftMemoryMillis", 0, longest],
  ["duplicateIdentityMillis", 0, longest],
  ["memorySize", 1, 10_000],
  ["contactsSize", 1, 1_000]
]

const isWithin = (value: unknown, low: number, high: number): boolean =>
  typeof value === "number" && value >= low && value <= high

const isWholeWithin = (value: unknown, low: number, high: number): boolean =>
  Number.isInteger(value) && isWithin(value, low, high)

const isRate = (value: unknown): boolean =>
  Predicate.hasProperty(value, "burst") &&
  Predicate.hasProperty(value, "perMinute") &&
  Object.keys(value).length === 2 &&
  isWholeWithin(value.burst, 1, highestRate) &&
  isWithin(value.perMinute, 0, highestRate) &&
  value.perMinute !== 0

const isBackoff = (value: unknown): boolean => {
  if (!Array.isArray(value) || value.length !== 2) return false
  const [first, last]: ReadonlyArray<unknown> = value
  return isWholeWithin(last, 1, longest) && isWholeWithin(first, 1, Number(last))
}

const faultOf = (config: Config): ConfigError | undefined => {
  const wrong = (field: keyof Config, expected: string) => new ConfigError({ field, value: config[field], expected })
  const strange = strangeness(config, names)
  if (strange !== undefined) return new ConfigError(strange)
  for (const [field, low, high] of bounds) {
    const value = config[field]
    if (!isWholeWithin(value, low, high)) {
      return wrong(field, `expected a whole number from ${low} to ${high}`)
    }
  }
  const share = (field: "ageWeight" | "cycleJitter" | "optimizeHysteresis") =>
    isWithin(config[field], 0, 1) ? undefined : wrong(field, "expected 0 to 1")
  const rate = (field: "admissionPerPeer" | "admissionOverall") =>
    isRate(config[field])
      ? undefined
      : wrong(field, "expected a burst of 1 to 10¹⁰, a perMinute above 0, to 10¹⁰, and no other field")
  const backoff = (field: "repairBackoffMillis" | "discoveryBackoffMillis") =>
    isBackoff(config[field])
      ? undefined
      : wrong(field, `expected [first, longest] in whole milliseconds, 1 ≤ first ≤ longest ≤ ${longest}`)
  const atMost = (field: keyof Config, other: "activeWalkLength" | "activeSize" | "passiveSize") =>
    Number(config[field]) <= config[other] ? undefined : wrong(field, `must be at most ${other} (${config[other]})`)
  return (
    share("ageWeight") ??
    share("cycleJitter") ??
    share("optimizeHysteresis") ??
    backoff("repairBackoffMillis") ??
    backoff("discoveryBackoffMillis") ??
    rate("admissionPerPeer") ??
    rate("admissionOverall") ??
    atMost("passiveWalkLength", "activeWalkLength") ??
    atMost("shuffleActive", "activeSize") ??
    atMost("shufflePassive", "passiveSize") ??
    atMost("optimizeCandidates", "passiveSize") ??
    atMost("unbiasedLinks", "activeSize") ??
    (config.protectedLinks < config.activeSize
      ? undefined
      : wrong("protectedLinks", `must be below activeSize (${config.activeSize}), or no link could be evicted`))
  )
}
