/**
 * Experiments: what they are called, what they can be told, and how they are run. Each is a generator that works on a
 * world in pieces, so that whoever runs it can show progress and stop it at any time; it touches no clock and no file.
 *
 * @since 0.1.0
 */
import { HyParView, Plumtree } from "@hyparview/core"
import { Latency } from "@hyparview/faults"
import * as Data from "effect/Data"
import * as Result from "effect/Result"
import { churn } from "./experiments/churn.ts"
import { weightsOf } from "./experiments/cuts.ts"
import { failures } from "./experiments/failures.ts"
import { hashicorp } from "./experiments/hashicorp.ts"
import { paper } from "./experiments/paper.ts"
import { partition } from "./experiments/partition.ts"
import { plumtree } from "./experiments/plumtree.ts"
import { Laboratory, treeConfig } from "./experiments/Laboratory.ts"
import { stable } from "./experiments/stable.ts"
import { thicket, thicketDegree } from "./experiments/thicket.ts"
import type * as Results from "./Result.ts"

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
 * What an experiment can be told. Shares from 0 to 1.
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
  /** Cycles after the joins. Default: 50, the paper's; in `thicket` 10. */
  readonly cycles: number
  /**
   * `failures`, `churn`, `plumtree`, `thicket`: the share of nodes that die, at once or (churn) over each ten cycles. Default:
   * 0.5, in churn 0.1, in plumtree and thicket 0.
   */
  readonly kill: number
  /** `failures`: broadcasts after the kill; `plumtree`, `thicket`: before it. Default: 100; the paper's 1,000 in `paper`. */
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
  /**
   * `partition`: who is cut from whom. `halves`; `tenth`: nine tenths and one; `thirds`; `islands`: halves that were never one,
   * and join through contacts of their own, though each node has been told of all; `one-way`: what one half sends does not
   * reach the other, which heartbeats alone notice; `flapping`: halves, cut and healed in turn, a minute each. Default: halves.
   */
  readonly cut: "halves" | "tenth" | "thirds" | "islands" | "one-way" | "flapping"
  /** `partition`: how long the cut lasts, in minutes of virtual time; islands last so long beside the cycles. Default: 5. */
  readonly cutMinutes: number
  /**
   * X-BOT: how many passive entries each node weighs in a cycle, the core's `optimizeCandidates`; 0 switches it off. Only
   * with geographic latency: elsewhere all links cost the same. Default: 0.
   */
  readonly xBotCandidates: number
  /** X-BOT: links that stay whatever they cost, the core's `unbiasedLinks`. Default: 1. */
  readonly unbiasedLinks: number
  /** Default: constant. */
  readonly latency: Latency.LatencyName
  /** The probability with which a send fails and breaks its link. Default: 0, in `hashicorp` 0.1. */
  readonly sendFailure: number
  /** How often a failed send is tried before its link breaks. Default: 1. */
  readonly sendAttempts: number
  /** `hashicorp`: rounds of gossip. Default: 200. */
  readonly gossips: number
  /** 0 switches heartbeats off. Default: 0, in `hashicorp` 10,000. */
  readonly heartbeatMillis: number
  /** How long after a link broke both its ends are told. Default: 500: longer than a flood takes at constant latency. */
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
  /** `plumtree`: by how many hops a path must be shorter to replace another; 0 switches optimisation off. Default: 0. */
  readonly optimizeHops: number
  /** `plumtree`, `thicket`: how long announcements wait for others to travel with. Default: 0, the paper's; in `thicket` 300. */
  readonly announceMillis: number
  /** `plumtree`: after how many duplicates a link is pruned, where there is no guide. Default: 1, the paper's. */
  readonly pruneAfter: number
  /** `plumtree`: for how long a source guides the tree after it was last heard; 0: there is no guide. Default: 0, the paper's. */
  readonly guideMillis: number
  /** `plumtree`: nodes that die in each of `healCycles` cycles, at random moments. Default: 0. */
  readonly failures: number
  /** `paper`: both papers, or one: the whole takes an hour or more at full size. Default: both. */
  readonly part: "both" | "hyparview" | "plumtree"
}

/**
 * The names that `strategy`, `senders`, `pace`, `part` and `cut` can have.
 *
 * @category options
 * @since 0.1.0
 */
export const choices = {
  strategy: ["plumtree", "flood"],
  senders: ["one", "many"],
  pace: ["drained", "cycle", "rate"],
  part: ["both", "hyparview", "plumtree"],
  cut: ["halves", "tenth", "thirds", "islands", "one-way", "flapping"]
} as const satisfies { readonly [K in "strategy" | "senders" | "pace" | "part" | "cut"]: ReadonlyArray<Options[K]> }

/**
 * An option is out of its bounds, or contradicts another. Nothing was run.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidOption extends Data.TaggedError("InvalidOption")<{
  readonly option: keyof Options | "experiment" | "config"
  readonly value: unknown
  readonly expected: string
}> {
  override get message(): string {
    return `${this.option} is ${String(this.value)}: ${this.expected}`
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
  cycles: experiment === "hashicorp" ? 0 : experiment === "thicket" ? 10 : 50,
  kill: experiment === "churn" ? 0.1 : experiment === "plumtree" || experiment === "thicket" ? 0 : 0.5,
  messages: experiment === "paper" ? 1_000 : 100,
  healCycles: experiment === "churn" ? 50 : experiment === "partition" ? 30 : 10,
  againMessages: 0,
  ageWeight: 0,
  mixMillis: 0,
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
  cycles: whole(0, 1_000_000),
  kill: share(1),
  messages: whole(0, 1_000_000),
  healCycles: whole(0, 1_000_000),
  againMessages: whole(0, 1_000_000),
  ageWeight: share(1),
  mixMillis: whole(0, 86_400_000),
  cut: oneOf(choices.cut),
  cutMinutes: whole(1, 10_080),
  xBotCandidates: whole(0, 1_000),
  unbiasedLinks: whole(0, 30),
  latency: (value) =>
    typeof value === "string" && Latency.isLatencyName(value)
      ? undefined
      : `expected one of ${Latency.names.join(", ")}`,
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

const optionNames = [
  "nodes",
  "seed",
  "contacts",
  "cycles",
  "kill",
  "messages",
  "healCycles",
  "againMessages",
  "ageWeight",
  "mixMillis",
  "cut",
  "cutMinutes",
  "xBotCandidates",
  "unbiasedLinks",
  "latency",
  "sendFailure",
  "sendAttempts",
  "gossips",
  "heartbeatMillis",
  "detectionMillis",
  "strategy",
  "senders",
  "pace",
  "rate",
  "optimizeHops",
  "announceMillis",
  "pruneAfter",
  "guideMillis",
  "failures",
  "part"
] as const satisfies ReadonlyArray<keyof Options>

/**
 * What is wrong with options: the first that is out of its bounds or contradicts another. `start` asks this itself; it is
 * open to those who want to know before they prepare a place for a large world.
 *
 * @category options
 * @since 0.1.0
 */
export const faultOf = (experiment: Name, options: Options): InvalidOption | undefined => {
  for (const option of optionNames) {
    const value = options[option]
    const expected = bounds[option](value)
    if (expected !== undefined) return new InvalidOption({ option, value, expected })
  }
  const { contacts, kill, nodes } = options
  if (contacts > nodes) {
    return new InvalidOption({ option: "contacts", value: contacts, expected: `there are only ${nodes} nodes` })
  }
  if (options.xBotCandidates > 0 && options.latency !== "geographic") {
    const expected = `with ${options.latency} latency all links cost the same: expected geographic`
    return new InvalidOption({ option: "latency", value: options.latency, expected })
  }
  const survivors = nodes - Math.round(kill * nodes)
  if ((experiment === "failures" || experiment === "plumtree" || experiment === "thicket") && survivors < 1) {
    return new InvalidOption({ option: "kill", value: kill, expected: `of ${nodes} nodes at least one must survive` })
  }
  if (experiment === "thicket" && options.announceMillis === 0) {
    const expected = "in a thicket announcements wait for each other, 1 millisecond at least"
    return new InvalidOption({ option: "announceMillis", value: 0, expected })
  }
  const tree = experiment === "plumtree" ? Plumtree.validate(treeConfig(options)) : undefined
  if (tree !== undefined && Result.isFailure(tree)) {
    const { expected, field, value } = tree.failure
    return new InvalidOption({ option: field === "guideMillis" ? field : "config", value, expected })
  }
  if (experiment === "partition") {
    const { cut, heartbeatMillis } = options
    if (cut === "one-way" && heartbeatMillis === 0) {
      const expected = "heartbeats alone notice a one-way cut, so heartbeatMillis must not be 0"
      return new InvalidOption({ option: "cut", value: cut, expected })
    }
    const weights = weightsOf(cut)
    const least = weights.reduce((a, b) => a + b, 0)
    if (nodes < least) {
      return new InvalidOption({ option: "nodes", value: nodes, expected: `the cut ${cut} takes ${least} at least` })
    }
    if (cut === "islands" && contacts > nodes / 2) {
      const expected = `each island has as many, and the smaller has ${Math.floor(nodes / 2)} nodes`
      return new InvalidOption({ option: "contacts", value: contacts, expected })
    }
  }
  const dying = options.failures * options.healCycles
  if (experiment === "plumtree" && dying > survivors - 2) {
    const expected = `in ${options.healCycles} cycles ${dying} nodes would die, and two of ${survivors} must be left`
    return new InvalidOption({ option: "failures", value: options.failures, expected })
  }
  return undefined
}

/**
 * A run under way. `advance` does a piece of work, some tenths of a second of it, and says whether there is more; `result`
 * can be asked for at any time, and says whether it is complete.
 *
 * @category models
 * @since 0.1.0
 */
export interface Run {
  readonly experiment: Name
  readonly options: Options
  readonly progress: Progress
  readonly advance: () => boolean
  readonly result: (measured: Results.Measured) => Results.Result | Results.Results
  /** The final graph, as lines `from,to`. */
  readonly edges: (view: "active" | "passive") => Iterable<string>
}

/**
 * How far a run has come.
 *
 * @category models
 * @since 0.1.0
 */
export interface Progress {
  /** What it is doing, in a word or two. */
  readonly phase: string
  /** From 0 to 1, by the work that is behind it as far as that can be foreseen. */
  readonly share: number
  readonly events: number
  readonly virtualSeconds: number
}

const generators = { stable, failures, churn, partition, plumtree, thicket, hashicorp, paper } as const

/**
 * Begins an experiment. What is not given has the experiment's default; the protocol's parameters are those for a cluster
 * of `nodes`, unless `config` overrides them.
 *
 * @category running
 * @since 0.1.0
 */
export const start = (
  experiment: string,
  given: Partial<Options> = {},
  config: Partial<HyParView.Config> = {}
): Result.Result<Run, InvalidOption> => {
  if (!isName(experiment)) {
    const expected = `expected one of ${names.join(", ")}`
    return Result.fail(new InvalidOption({ option: "experiment", value: experiment, expected }))
  }
  const options: Options = { ...defaults(experiment), ...given }
  const fault = faultOf(experiment, options)
  if (fault !== undefined) return Result.fail(fault)
  const membership = HyParView.forClusterSize(options.nodes, {
    heartbeatMillis: options.heartbeatMillis,
    ageWeight: options.ageWeight,
    mixMillis: options.mixMillis,
    optimizeCandidates: options.xBotCandidates,
    unbiasedLinks: options.unbiasedLinks,
    // Each node shuffles exactly once in a cycle, at its own phase.
    cycleJitter: 0,
    ...(experiment === "thicket" ? { activeSize: Math.min(thicketDegree, options.nodes - 1) } : {}),
    ...config
  })
  if (Result.isFailure(membership)) {
    const { field, message, value } = membership.failure
    return Result.fail(new InvalidOption({ option: "config", value: `${field} = ${String(value)}`, expected: message }))
  }
  if (membership.success.activeSize >= options.nodes && config.activeSize !== undefined) {
    const expected = `a view of ${config.activeSize} cannot be filled by ${options.nodes} nodes`
    return Result.fail(new InvalidOption({ option: "config", value: config.activeSize, expected }))
  }
  const laboratory = new Laboratory(experiment, options, membership.success)
  const work = generators[experiment](laboratory)
  return Result.succeed({
    experiment,
    options,
    get progress() {
      return laboratory.progress
    },
    advance: () => {
      if (laboratory.complete) return false
      if (work.next().done === true) laboratory.complete = true
      return !laboratory.complete
    },
    result: (measured) => laboratory.result(measured),
    edges: (view) => laboratory.edges(view)
  })
}
