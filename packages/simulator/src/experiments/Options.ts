/**
 * What experiments are called, what they can be told, and between which bounds. What contradicts what is for
 * `Experiment.ts` to say.
 *
 * @since 0.1.0
 */
import { Latency } from "@hyparview/faults"
import * as Data from "effect/Data"
import * as Formatter from "effect/Formatter"
import * as Result from "effect/Result"
import * as Struct from "effect/Struct"

/**
 * The experiments: `stable` (joins, cycles), `failures` (stable, kill, messages, healing), `churn` (stable, then nodes
 * come and go), `partition` (stable, a cut, a heal), `plumtree` (stable, then broadcasts along a tree), `thicket` (the same
 * along several), `hashicorp` (the Go simulation's scenario), `paper` (every figure of the HyParView and the Plumtree paper).
 *
 * @category names
 * @since 0.1.0
 */
export const names = ["stable", "failures", "churn", "partition", "plumtree", "thicket", "hashicorp", "paper"] as const

/**
 * The name of an experiment.
 *
 * @category names
 * @since 0.1.0
 */
export type Name = (typeof names)[number]

/**
 * Whether a text names an experiment.
 *
 * @category names
 * @since 0.1.0
 */
export const isName = (text: string): text is Name => names.some((name) => name === text)

/**
 * What an experiment can be told. Shares are from 0 to 1, all other numbers whole, from 0 to a million where nothing else is
 * said; but of times `mixMillis` and `heartbeatMillis` are a day at most, `detectionMillis` an hour, `guideMillis` ten minutes, and
 * `announceMillis` 30 s.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** 2 to 2²⁴. Default: 10,000. */
  readonly nodes: number
  /** A whole number from 0 to 2⁵³ − 1. Default: 1. */
  readonly seed: number
  /** Nodes 0 to K − 1 are the contacts; as many nodes join at a time, one through each. Default: 1. */
  readonly contacts: number
  /**
   * When nodes join: `in-turn`, as many at a time as there are contacts, the next when those have been welcomed; `at-once`, all
   * but the contacts at one instant. Default: in-turn, the paper's.
   */
  readonly joins: "in-turn" | "at-once"
  /** Cycles after the joins. Default: 50, the paper's; in `thicket` 10. */
  readonly cycles: number
  /**
   * `failures`, `churn`, `plumtree`, `thicket`: the share of nodes that die, at once (rounded to whole nodes, of which somebody must be
   * left) or (churn) over each ten cycles. Default: 0.5, in churn 0.1, in plumtree and thicket 0.
   */
  readonly kill: number
  /**
   * `failures`: broadcasts after the kill; `plumtree`, `thicket`: before it, in `thicket` in rounds of one for each tree and
   * sender, the last cut short; `paper`: 1 at least. Default: 100; the paper's 1,000 in `paper`.
   */
  readonly messages: number
  /**
   * `failures`: cycles after the messages; `partition`: after the heal. `churn`: cycles of churn. `plumtree`, `thicket`: cycles
   * after the kill, or of failures. Default: 10; partition: 30; churn: 50.
   */
  readonly healCycles: number
  /**
   * `failures`: broadcasts after each further kill: 10 to 90 % of those who live once the cycles have healed them, each share on a
   * copy of its own. 0: there is none. Default: 0.
   */
  readonly againMessages: number
  /** How much the ages of passive entries count, 0 to 1: the core's `ageWeight`. Default: 0. */
  readonly ageWeight: number
  /** How often a node exchanges a link for one with anybody, 0 never: the core's `mixMillis`. Default: 0. */
  readonly mixMillis: number
  /** How many links a node in triangles exchanges, 0 to 30, 0 none: the core's `triangleExchanges`. Default: 5. */
  readonly triangleExchanges: number
  /**
   * `partition`: who is cut from whom. `halves`; `tenth`: nine tenths and one; `thirds`; `islands`: halves that were never one,
   * and join through contacts of their own, though each node has been told of all; `one-way`: what one half sends does not
   * reach the other, which heartbeats alone notice; `flapping`: halves, cut and healed in turn, a minute each, the
   * last one cut, so that the heal is one; of an even number of minutes the first is whole. Default: halves.
   */
  readonly cut: "halves" | "tenth" | "thirds" | "islands" | "one-way" | "flapping"
  /**
   * `partition`: how long the cut lasts, in minutes of virtual time in which cycles run; what is drained between two cycles, some
   * tenths of a second where nothing else is under way, adds to it. Islands last so long beside the cycles. 1 to 10,080, a week.
   * Default: 5.
   */
  readonly cutMinutes: number
  /**
   * X-BOT: how many passive entries each node weighs in a cycle, the core's `optimizeCandidates`; 0 switches it off. At most 1,000.
   * Only with geographic latency, or a model of one's own of that kind: elsewhere all links cost the same. Default: 0.
   */
  readonly xBotCandidates: number
  /** X-BOT: links that stay whatever they cost, the core's `unbiasedLinks`, 0 to 30. Default: 1. */
  readonly unbiasedLinks: number
  /** How long frames travel: a model, or the name of one (`Latency.fromName`). Default: constant, 10 ms. */
  readonly latency: Latency.LatencyName | Latency.LatencyModel
  /** The probability with which a send fails and breaks its link, 0.9 at most. Default: 0, in `hashicorp` 0.1. */
  readonly sendFailure: number
  /** How often a failed send is tried before its link breaks, 1 to 100. Default: 1. */
  readonly sendAttempts: number
  /** `hashicorp`: rounds of gossip. Default: 200. */
  readonly gossips: number
  /** 0 switches heartbeats off. Default: 0, in `hashicorp` 10,000. */
  readonly heartbeatMillis: number
  /** How long after a link broke both its ends are told. Default: 500: longer than most floods take at constant latency. */
  readonly detectionMillis: number
  /** `plumtree`: along a tree, or over every link. Default: plumtree. */
  readonly strategy: "plumtree" | "flood"
  /**
   * `plumtree`: one node publishes everything, or each message is some node's. `thicket`: one node in ten publishes, in all
   * trees and all at one instant, round after round. Default: one.
   */
  readonly senders: "one" | "many"
  /**
   * `plumtree`: each broadcast drained before the next; one each cycle; or `rate` a second, whatever is still under way, and
   * with a kill as many again right after it. Default: drained.
   */
  readonly pace: "drained" | "cycle" | "rate"
  /** `plumtree`, at the pace `rate`: broadcasts a second, 1 to 1,000. Default: 10. */
  readonly rate: number
  /** `plumtree`: by how many hops a path must be shorter to replace another, 255 at most; 0 switches optimisation off. Default: 0. */
  readonly optimizeHops: number
  /** `plumtree`, `thicket`: how long announcements wait for others to travel with. Default: 0, the paper's; in `thicket` 300. */
  readonly announceMillis: number
  /** `plumtree`: after how many duplicates a link is pruned, 1 to 1,000, where there is no guide. Default: 1, the paper's. */
  readonly pruneAfter: number
  /** `plumtree`: for how long a source guides the tree after it was last heard; 0: there is no guide. Default: 0, the paper's. */
  readonly guideMillis: number
  /** `plumtree`: nodes that die in each of `healCycles` cycles, at random moments. Default: 0. */
  readonly failures: number
  /** `paper`: both papers, or one: the whole takes an hour or more at full size. Default: both. */
  readonly part: "both" | "hyparview" | "plumtree"
}

/** What to call a latency in a sentence. */
export const latencyName = (latency: Options["latency"]): string =>
  typeof latency === "string" ? latency : `a ${latency._tag} model's`

/**
 * The names that `joins`, `strategy`, `senders`, `pace`, `part` and `cut` can have.
 *
 * @category options
 * @since 0.1.0
 */
export const choices = {
  joins: ["in-turn", "at-once"],
  strategy: ["plumtree", "flood"],
  senders: ["one", "many"],
  pace: ["drained", "cycle", "rate"],
  part: ["both", "hyparview", "plumtree"],
  cut: ["halves", "tenth", "thirds", "islands", "one-way", "flapping"]
} as const satisfies {
  readonly [K in "joins" | "strategy" | "senders" | "pace" | "part" | "cut"]: ReadonlyArray<Options[K]>
}

/**
 * An option is out of its bounds, or contradicts another. Nothing was run. `config.activeSize` is the protocol's parameter of
 * this name; `option` says that the value is the name of none.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidOption extends Data.TaggedError("InvalidOption")<{
  readonly option: keyof Options | "experiment" | "option" | `config.${string}`
  readonly value: unknown
  readonly expected: string
}> {
  override get message(): string {
    return `${this.option} is ${Formatter.format(this.value)}: ${this.expected}`
  }
}

/**
 * The defaults of an experiment.
 *
 * @category options
 * @since 0.1.0
 */
export const defaults = (experiment: Name): Options => ({
  nodes: 10_000,
  seed: 1,
  contacts: 1,
  joins: "in-turn",
  cycles: experiment === "hashicorp" ? 0 : experiment === "thicket" ? 10 : 50,
  kill: experiment === "churn" ? 0.1 : experiment === "plumtree" || experiment === "thicket" ? 0 : 0.5,
  messages: experiment === "paper" ? 1_000 : 100,
  healCycles: experiment === "churn" ? 50 : experiment === "partition" ? 30 : 10,
  againMessages: 0,
  ageWeight: 0,
  mixMillis: 0,
  triangleExchanges: 5,
  cut: "halves",
  cutMinutes: 5,
  xBotCandidates: 0,
  unbiasedLinks: 1,
  latency: "constant",
  sendFailure: experiment === "hashicorp" ? 0.1 : 0,
  sendAttempts: 1,
  gossips: 200,
  heartbeatMillis: experiment === "hashicorp" ? 10_000 : 0,
  detectionMillis: 500,
  strategy: "plumtree",
  senders: "one",
  pace: "drained",
  rate: 10,
  optimizeHops: 0,
  announceMillis: experiment === "thicket" ? 300 : 0,
  pruneAfter: 1,
  guideMillis: 0,
  failures: 0,
  part: "both"
})

const whole = (low: number, high: number) => (value: unknown) =>
  Number.isInteger(value) && Number(value) >= low && Number(value) <= high
    ? undefined
    : `expected a whole number from ${low.toLocaleString("en")} to ${high.toLocaleString("en")}`

const share = (below: number) => (value: unknown) =>
  typeof value === "number" && value >= 0 && value <= below ? undefined : `expected a share from 0 to ${below}`

const oneOf = (names: ReadonlyArray<string>) => (value: unknown) =>
  typeof value === "string" && names.includes(value) ? undefined : `expected one of ${names.join(", ")}`

const bounds: Readonly<Record<keyof Options, (value: unknown) => string | undefined>> = {
  nodes: whole(2, 2 ** 24),
  seed: whole(0, Number.MAX_SAFE_INTEGER),
  contacts: whole(1, 2 ** 24),
  joins: oneOf(choices.joins),
  cycles: whole(0, 1_000_000),
  kill: share(1),
  messages: whole(0, 1_000_000),
  healCycles: whole(0, 1_000_000),
  againMessages: whole(0, 1_000_000),
  ageWeight: share(1),
  mixMillis: whole(0, 86_400_000),
  triangleExchanges: whole(0, 30),
  cut: oneOf(choices.cut),
  cutMinutes: whole(1, 10_080),
  xBotCandidates: whole(0, 1_000),
  unbiasedLinks: whole(0, 30),
  latency: (value) => {
    if (typeof value === "string" && Latency.isLatencyName(value)) return undefined
    if (!Latency.isModel(value)) return `expected one of ${Latency.names.join(", ")}, or a model`
    const model = Latency.validate(value)
    return Result.isFailure(model) ? model.failure.detail : undefined
  },
  sendFailure: share(0.9),
  sendAttempts: whole(1, 100),
  gossips: whole(0, 1_000_000),
  heartbeatMillis: whole(0, 86_400_000),
  detectionMillis: whole(0, 3_600_000),
  strategy: oneOf(choices.strategy),
  senders: oneOf(choices.senders),
  pace: oneOf(choices.pace),
  rate: whole(1, 1_000),
  optimizeHops: whole(0, 255),
  announceMillis: whole(0, 30_000),
  pruneAfter: whole(1, 1_000),
  guideMillis: whole(0, 600_000),
  failures: whole(0, 1_000_000),
  part: oneOf(choices.part)
}

/**
 * The first option that is out of its bounds.
 *
 * @category options
 * @since 0.1.0
 */
export const outOfBounds = (options: Options): InvalidOption | undefined => {
  for (const option of Struct.keys(bounds)) {
    const value = options[option]
    const expected = bounds[option](value)
    if (expected !== undefined) return new InvalidOption({ option, value, expected })
  }
  return undefined
}
