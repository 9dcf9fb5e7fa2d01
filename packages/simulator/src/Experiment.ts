/**
 * Experiments: what they are called, what they can be told, and how they are run. Each is a generator that works on a
 * world in pieces, so that whoever runs it can show progress and stop it at any time; it touches no clock and no file.
 *
 * @since 0.1.0
 */
import { HyParView, Plumtree } from "@hyparview/core"
import { Latency } from "@hyparview/faults"
import * as Result from "effect/Result"
import * as Struct from "effect/Struct"
import { churn } from "./experiments/churn.ts"
import { weightsOf } from "./experiments/cuts.ts"
import { failures } from "./experiments/failures.ts"
import { hashicorp } from "./experiments/hashicorp.ts"
import { paper } from "./experiments/paper.ts"
import { partition } from "./experiments/partition.ts"
import { plumtree } from "./experiments/plumtree.ts"
import { Laboratory, type Progress, treeConfig, unmeasured } from "./experiments/Laboratory.ts"
import {
  defaults,
  InvalidOption,
  isName,
  latencyName,
  type Name,
  names,
  type Options,
  outOfBounds
} from "./experiments/Options.ts"
import { stable } from "./experiments/stable.ts"
import { thicket } from "./experiments/thicket.ts"
import type * as Results from "./Result.ts"
import type { World } from "./World.ts"

export type { Progress } from "./experiments/Laboratory.ts"
export { choices, defaults, InvalidOption, isName, type Name, names, type Options } from "./experiments/Options.ts"

/** So that somebody survives each of the papers' failures. */
const leastOfPaper = 40

/**
 * What is wrong with options: the first that is out of its bounds or contradicts another. `start` asks this itself; it is
 * open to those who want to know before they prepare a place for a large world.
 *
 * @category options
 * @since 0.1.0
 */
export const faultOf = (experiment: Name, options: Options): InvalidOption | undefined => {
  const wrong = outOfBounds(options)
  if (wrong !== undefined) return wrong
  const { contacts, kill, nodes } = options
  if (contacts > nodes) {
    return new InvalidOption({ option: "contacts", value: contacts, expected: `there are only ${nodes} nodes` })
  }
  if (options.xBotCandidates > 0 && Latency.modelOf(options.latency)._tag !== "Geographic") {
    const expected = `with ${latencyName(options.latency)} latency all links cost the same: expected geographic`
    return new InvalidOption({ option: "latency", value: options.latency, expected })
  }
  if (experiment === "paper" && nodes < leastOfPaper) {
    const expected = `95 % of them die in one of the papers' experiments: ${leastOfPaper} at least`
    return new InvalidOption({ option: "nodes", value: nodes, expected })
  }
  const survivors = nodes - Math.round(kill * nodes)
  const kills = experiment === "failures" || experiment === "plumtree" || experiment === "thicket"
  if (kills && survivors < 1) {
    return new InvalidOption({ option: "kill", value: kill, expected: `of ${nodes} nodes at least one must survive` })
  }
  if (kills && kill > 0 && survivors === nodes) {
    return new InvalidOption({ option: "kill", value: kill, expected: `of ${nodes} nodes none would die` })
  }
  if (experiment === "paper" && options.part !== "plumtree" && options.messages === 0) {
    const expected = "the papers' figures are of messages: 1 at least"
    return new InvalidOption({ option: "messages", value: 0, expected })
  }
  if (experiment === "thicket" && options.announceMillis === 0) {
    const expected = "in a thicket announcements wait for each other, 1 millisecond at least"
    return new InvalidOption({ option: "announceMillis", value: 0, expected })
  }
  const tree = experiment === "plumtree" ? Plumtree.validate(treeConfig(options)) : undefined
  if (tree !== undefined && Result.isFailure(tree)) {
    const { expected, field, value } = tree.failure
    return new InvalidOption({ option: field === "guideMillis" ? field : `config.${field}`, value, expected })
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
    const expected = `in ${options.healCycles} ${options.healCycles === 1 ? "cycle" : "cycles"} ${dying} nodes would die, and two of ${survivors} must be left`
    return new InvalidOption({ option: "failures", value: options.failures, expected })
  }
  return undefined
}

/** Parameters of the protocol that an option sets: given in two places, one of them would go unheard. */
const optionOf = {
  heartbeatMillis: "heartbeatMillis",
  ageWeight: "ageWeight",
  mixMillis: "mixMillis",
  triangleExchanges: "triangleExchanges",
  optimizeCandidates: "xBotCandidates",
  unbiasedLinks: "unbiasedLinks"
} as const satisfies Readonly<Partial<Record<keyof HyParView.Config, keyof Options>>>

/** The first name that is none, and so would have no effect; or that of a parameter which an option sets. */
const misnamed = (given: Partial<Options>, config: Partial<HyParView.Config>): InvalidOption | undefined => {
  const options: ReadonlyArray<string> = Struct.keys(defaults("stable"))
  const option = Object.keys(given).find((name) => !options.includes(name))
  if (option !== undefined) {
    return new InvalidOption({ option: "option", value: option, expected: `expected one of ${options.join(", ")}` })
  }
  for (const parameter of Struct.keys(optionOf)) {
    const value = config[parameter]
    if (value === undefined) continue
    return new InvalidOption({
      option: `config.${parameter}`,
      value,
      expected: `give it as the option ${optionOf[parameter]}`
    })
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
  /**
   * The world under way: to be looked at between pieces of work, and to be watched by its `observer` from the beginning. `thicket`,
   * `paper`, and what else goes on in copies, do so in others, which nobody watches. Whoever commands it changes the run.
   */
  readonly world: World
  readonly advance: () => boolean
  /** With what the host has measured; without it `cost` has seconds and bytes of 0. */
  readonly result: (measured?: Results.Measured) => Results.Result | Results.Results
  /** The final graph, as lines `from,to`. */
  readonly edges: (view: "active" | "passive") => Iterable<string>
}

const generators = { stable, failures, churn, partition, plumtree, thicket, hashicorp, paper } as const

/**
 * Begins an experiment. What is not given has the experiment's default; the protocol's parameters are those for a cluster
 * of `nodes`, unless `config` overrides them. Those that an option sets are given by the option.
 *
 * A run has no clock: `measure` is its host's, and says what it has cost from the beginning until now. It is asked between
 * the runs of `paper`, whose seconds are 0 without it, and has no effect on anything else.
 *
 * @category running
 * @since 0.1.0
 */
export const start = (
  experiment: string,
  given: Partial<Options> = {},
  config: Partial<HyParView.Config> = {},
  measure?: () => Results.Measured
): Result.Result<Run, InvalidOption> => {
  if (!isName(experiment)) {
    const expected = `expected one of ${names.join(", ")}`
    return Result.fail(new InvalidOption({ option: "experiment", value: experiment, expected }))
  }
  const options: Options = { ...defaults(experiment), ...given }
  const fault = misnamed(given, config) ?? faultOf(experiment, options)
  if (fault !== undefined) return Result.fail(fault)
  const membership = HyParView.forClusterSize(options.nodes, {
    heartbeatMillis: options.heartbeatMillis,
    ageWeight: options.ageWeight,
    mixMillis: options.mixMillis,
    triangleExchanges: options.triangleExchanges,
    optimizeCandidates: options.xBotCandidates,
    unbiasedLinks: options.unbiasedLinks,
    // Each node shuffles exactly once in a cycle, at its own phase.
    cycleJitter: 0,
    ...(experiment === "thicket" ? { activeSize: Math.min(Plumtree.thicketDegree, options.nodes - 1) } : {}),
    ...config
  })
  if (Result.isFailure(membership)) {
    const { expected, field, value } = membership.failure
    return Result.fail(new InvalidOption({ option: `config.${field}`, value, expected }))
  }
  if (membership.success.activeSize >= options.nodes && config.activeSize !== undefined) {
    const expected = `a view of ${config.activeSize} cannot be filled by ${options.nodes} nodes`
    return Result.fail(new InvalidOption({ option: "config.activeSize", value: config.activeSize, expected }))
  }
  if (membership.success.passiveSize >= options.nodes && config.passiveSize !== undefined) {
    const expected = `a passive view of ${config.passiveSize} cannot be filled by ${options.nodes} nodes`
    return Result.fail(new InvalidOption({ option: "config.passiveSize", value: config.passiveSize, expected }))
  }
  const laboratory = new Laboratory(experiment, options, membership.success, measure)
  const work = generators[experiment](laboratory)
  return Result.succeed({
    experiment,
    options,
    get progress() {
      return laboratory.progress
    },
    get world() {
      return laboratory.world
    },
    advance: () => {
      if (laboratory.complete) return false
      if (work.next().done === true) laboratory.complete = true
      return !laboratory.complete
    },
    result: (measured = unmeasured) => laboratory.result(measured),
    edges: (view) => laboratory.edges(view)
  })
}
