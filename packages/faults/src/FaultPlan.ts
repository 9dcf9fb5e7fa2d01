/**
 * Fault plans: what goes wrong, and when, as plain data. The simulator, the in-process network and the seeded fault
 * simulation play the same plans, each by its own means; a plan that found a defect is kept as a JSON file.
 *
 * Nodes are indices from 0; whoever plays a plan knows which node that is. A plan says nothing about the network's
 * latency, and nothing about what the nodes should do about it: the checkers of `Overlay` say that.
 *
 * `draw` (in `FaultDraw`) makes plans from a seed.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Result from "effect/Result"

/**
 * One thing that goes wrong, or right again.
 *
 * - `Crash`: the processes die without a word; their links break at the far ends. `Restart` starts them again, under the
 *   same id. `Leave` lets them leave in order; they may be restarted too.
 * - `Freeze`: what travels to and from the nodes waits (a stopped process, a pause of the machine), until `Unfreeze`.
 * - `Partition`: nodes of different groups cannot reach each other; nodes in no group reach everybody. `reset` breaks the
 *   links between them and fails dials at once, `silent` lets what they send wait and dials time out. It replaces the
 *   partition before it.
 * - `OneWay`: what the `from` nodes send to the `to` nodes waits, silently; the other direction works.
 * - `Heal` ends every `Partition` and `OneWay`; what waited arrives.
 * - `BreakLinks`: links break, and both ends are told: those between pairs of nodes, or a share of all that are open.
 * - `HalfOpen`: the links between these pairs die without anybody being told: all that is sent over them is lost.
 * - `RefuseDials`, `HangDials`: dials to the nodes are refused, or get no answer, until `AcceptDials`.
 * - `SendFailure`: each flush over a link breaks the link with this probability, until set again (0 ends it).
 * - `Duplicate`, `SilentLoss`: each frame arrives twice, or never, with this probability, until set again. No transport
 *   over TCP does this; it is the stricter mode in which safety must hold all the same.
 * - `SlowReader`: each link to the node delivers no more than this, until `NormalReader`.
 * - `ClockJump`: the node's clock jumps, forward or (negative) backward.
 *
 * @category models
 * @since 0.1.0
 */
export type Fault = Data.TaggedEnum<{
  Crash: { readonly nodes: ReadonlyArray<number> }
  Restart: { readonly nodes: ReadonlyArray<number> }
  Leave: { readonly nodes: ReadonlyArray<number> }
  Freeze: { readonly nodes: ReadonlyArray<number> }
  Unfreeze: { readonly nodes: ReadonlyArray<number> }
  Partition: { readonly groups: ReadonlyArray<ReadonlyArray<number>>; readonly mode: "reset" | "silent" }
  OneWay: { readonly from: ReadonlyArray<number>; readonly to: ReadonlyArray<number> }
  Heal: {}
  BreakLinks: { readonly links: LinkChoice }
  HalfOpen: { readonly pairs: ReadonlyArray<Pair> }
  RefuseDials: { readonly nodes: ReadonlyArray<number> }
  HangDials: { readonly nodes: ReadonlyArray<number> }
  AcceptDials: { readonly nodes: ReadonlyArray<number> }
  SendFailure: { readonly probability: number }
  Duplicate: { readonly probability: number }
  SilentLoss: { readonly probability: number }
  SlowReader: { readonly node: number; readonly bytesPerSecond: number }
  NormalReader: { readonly nodes: ReadonlyArray<number> }
  ClockJump: { readonly node: number; readonly millis: number }
}>

/**
 * Two nodes. A fault of a pair is a fault of all links between them, whoever dialled.
 *
 * @category models
 * @since 0.1.0
 */
export type Pair = readonly [number, number]

/**
 * Which links break: those between pairs, or a share (0 to 1) of all open links, chosen by the generator of whoever
 * plays the plan.
 *
 * @category models
 * @since 0.1.0
 */
export type LinkChoice =
  | { readonly _tag: "Pairs"; readonly pairs: ReadonlyArray<Pair> }
  | { readonly _tag: "Share"; readonly share: number }

/**
 * The constructors of faults, `Fault.Crash({ nodes: [1] })`, and `Fault.$match`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const Fault = Data.taggedEnum<Fault>()

/**
 * The name of a fault, for counters that prove that each happened.
 *
 * @category models
 * @since 0.1.0
 */
export type FaultName = Fault["_tag"]

/**
 * A fault and its instant.
 *
 * @category models
 * @since 0.1.0
 */
export interface Action {
  /** Milliseconds after the plan begins, a whole number from 0. */
  readonly atMillis: number
  readonly fault: Fault
}

/**
 * A plan: actions in the order in which they happen. Several may share an instant; they happen in the order of the list.
 *
 * @category models
 * @since 0.1.0
 */
export interface FaultPlan {
  /** How many nodes the plan is about: indices run from 0 to `nodes` − 1. */
  readonly nodes: number
  readonly actions: ReadonlyArray<Action>
}

/**
 * Why a plan is not one:
 *
 * - `form`: it is no plan, or one of its faults none: of a name that there is not, or with something else in the place of a
 *   list, a pair or a mode (plans are kept as files)
 * - `time`: an instant is negative, not whole, or before the one of the action before it
 * - `node`: an index is not a whole number from 0 to `nodes` − 1, or stands twice in one list
 * - `group`: groups overlap, or there is nothing to separate
 * - `pair`: a pair of a node with itself
 * - `probability`: a probability or share outside 0 to 1
 * - `rate`: a rate that is not a positive number
 * - `jump`: a clock jump that is not a whole number of milliseconds
 * - `lifecycle`: a node that is down crashes, leaves, or its clock jumps, or a node that is up is restarted
 *
 * @category errors
 * @since 0.1.0
 */
export type PlanDefect = "form" | "time" | "node" | "group" | "pair" | "probability" | "rate" | "jump" | "lifecycle"

/**
 * A plan contradicts itself. Nothing was played.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidPlan extends Data.TaggedError("InvalidPlan")<{
  /** The index of the offending action, or undefined where the plan as a whole is at fault. */
  readonly action: number | undefined
  readonly defect: PlanDefect
  readonly detail: string
}> {
  override get message(): string {
    const where = this.action === undefined ? "fault plan" : `fault plan, action ${this.action}`
    return `${where}: ${this.detail}`
  }
}

/**
 * The nodes that a fault names, each once, in the order of first mention.
 *
 * @category inspection
 * @since 0.1.0
 */
export const nodesOf = (fault: Fault): ReadonlyArray<number> => [...new Set(listed(fault).flat())]

/** The lists of nodes in a fault; within one list no node may stand twice. */
const listed = (fault: Fault): ReadonlyArray<ReadonlyArray<number>> => {
  switch (fault._tag) {
    case "Crash":
    case "Restart":
    case "Leave":
    case "Freeze":
    case "Unfreeze":
    case "RefuseDials":
    case "HangDials":
    case "AcceptDials":
    case "NormalReader":
      return [fault.nodes]
    case "Partition":
      return fault.groups
    case "OneWay":
      return [fault.from, fault.to]
    case "BreakLinks":
      return fault.links._tag === "Pairs" ? fault.links.pairs : []
    case "HalfOpen":
      return fault.pairs
    case "SlowReader":
    case "ClockJump":
      return [[fault.node]]
    case "Heal":
    case "SendFailure":
    case "Duplicate":
    case "SilentLoss":
      return []
  }
}

type Defect = { readonly defect: PlanDefect; readonly detail: string }

const nodeDefect = (fault: Fault, nodes: number): Defect | undefined => {
  for (const list of listed(fault)) {
    for (const node of list) {
      if (!Number.isInteger(node) || node < 0 || node >= nodes)
        return { defect: "node", detail: `there is no node ${node}` }
    }
    if (new Set(list).size < list.length) {
      return fault._tag === "HalfOpen" || fault._tag === "BreakLinks"
        ? { defect: "pair", detail: `a pair of node ${list[0]} with itself` }
        : { defect: "node", detail: "a node stands twice in one list" }
    }
  }
  return undefined
}

const groupDefect = (groups: ReadonlyArray<ReadonlyArray<number>>): Defect | undefined => {
  if (groups.length < 2) return { defect: "group", detail: "fewer than two groups separate nothing" }
  if (groups.some((group) => group.length === 0)) return { defect: "group", detail: "a group is empty" }
  const all = groups.flat()
  return new Set(all).size < all.length ? { defect: "group", detail: "groups overlap" } : undefined
}

const probabilityDefect = (probability: number): Defect | undefined =>
  typeof probability === "number" && probability >= 0 && probability <= 1
    ? undefined
    : { defect: "probability", detail: `${probability} is not between 0 and 1` }

const faultNames: Record<FaultName, true> = {
  Crash: true,
  Restart: true,
  Leave: true,
  Freeze: true,
  Unfreeze: true,
  Partition: true,
  OneWay: true,
  Heal: true,
  BreakLinks: true,
  HalfOpen: true,
  RefuseDials: true,
  HangDials: true,
  AcceptDials: true,
  SendFailure: true,
  Duplicate: true,
  SilentLoss: true,
  SlowReader: true,
  NormalReader: true,
  ClockJump: true
}

/** Which numbers a list may have is for `nodeDefect`. */
const isList = (value: unknown): value is ReadonlyArray<unknown> =>
  Array.isArray(value) && value.every((node) => typeof node === "number")

const arePairs = (value: unknown): boolean =>
  Array.isArray(value) && value.every((pair) => isList(pair) && pair.length === 2)

/** What a fault that was read from a file, or misspelt, lacks of being one. The compiler sees to all others. */
const formProblem = (fault: Fault): string | undefined => {
  if (typeof fault !== "object" || fault === null || !Object.hasOwn(faultNames, fault._tag)) {
    return `no fault: the _tag of one is ${Object.keys(faultNames).join(", ")}`
  }
  switch (fault._tag) {
    case "Partition":
      if (!Array.isArray(fault.groups) || !fault.groups.every(isList)) return "groups is not a list of lists of nodes"
      return fault.mode === "silent" || fault.mode === "reset" ? undefined : `mode is not "silent" or "reset"`
    case "OneWay":
      return isList(fault.from) && isList(fault.to) ? undefined : "from or to is not a list of nodes"
    case "BreakLinks":
      if (typeof fault.links !== "object" || fault.links === null) return "links is not an object"
      if (fault.links._tag === "Share") return undefined
      if (fault.links._tag !== "Pairs") return "links is neither Pairs nor Share"
      return arePairs(fault.links.pairs) ? undefined : "pairs is not a list of two nodes each"
    case "HalfOpen":
      return arePairs(fault.pairs) ? undefined : "pairs is not a list of two nodes each"
    case "Heal":
    case "SendFailure":
    case "Duplicate":
    case "SilentLoss":
    case "SlowReader":
    case "ClockJump":
      return undefined
    default:
      return isList(fault.nodes) ? undefined : "nodes is not a list of nodes"
  }
}

/** What is wrong with a fault by itself. */
const faultDefect = (fault: Fault, nodes: number): Defect | undefined => {
  const form = formProblem(fault)
  if (form !== undefined) return { defect: "form", detail: form }
  const defect = nodeDefect(fault, nodes)
  if (defect !== undefined) return defect
  switch (fault._tag) {
    case "Partition":
      return groupDefect(fault.groups)
    case "OneWay":
      return groupDefect([fault.from, fault.to])
    case "BreakLinks":
      return fault.links._tag === "Share" ? probabilityDefect(fault.links.share) : undefined
    case "SendFailure":
    case "Duplicate":
    case "SilentLoss":
      return probabilityDefect(fault.probability)
    case "SlowReader":
      return fault.bytesPerSecond > 0 && Number.isFinite(fault.bytesPerSecond)
        ? undefined
        : { defect: "rate", detail: `${fault.bytesPerSecond} bytes a second is not a positive number` }
    case "ClockJump":
      return Number.isSafeInteger(fault.millis)
        ? undefined
        : { defect: "jump", detail: `${fault.millis} is not a whole number of milliseconds` }
    default:
      return undefined
  }
}

/**
 * The fault itself if it is one for nodes 0 to `nodes` − 1, whatever has been before it; otherwise what is wrong with it.
 *
 * @category validation
 * @since 0.1.0
 */
export const validateFault = (fault: Fault, nodes: number): Result.Result<Fault, InvalidPlan> => {
  const found = faultDefect(fault, nodes)
  if (found === undefined) return Result.succeed(fault)
  const detail = fault?._tag === undefined ? found.detail : `${fault._tag}: ${found.detail}`
  return Result.fail(new InvalidPlan({ action: undefined, defect: found.defect, detail }))
}

/** What is wrong with a fault after those before it; keeps `down` up to date. */
const lifecycleDefect = (fault: Fault, down: Set<number>): Defect | undefined => {
  switch (fault._tag) {
    case "Crash":
    case "Leave":
      for (const node of fault.nodes) {
        if (down.has(node)) return { defect: "lifecycle", detail: `node ${node} is down already` }
        down.add(node)
      }
      return undefined
    case "Restart":
      for (const node of fault.nodes) {
        if (!down.delete(node)) return { defect: "lifecycle", detail: `node ${node} is not down` }
      }
      return undefined
    case "ClockJump":
      return down.has(fault.node) ? { defect: "lifecycle", detail: `node ${fault.node} is down` } : undefined
    default:
      return undefined
  }
}

/**
 * The plan itself if it can be played, otherwise its first defect.
 *
 * @category validation
 * @since 0.1.0
 * @example
 * ```ts
 * import * as Result from "effect/Result"
 * import { Fault, validate } from "@hyparview/faults/FaultPlan"
 *
 * const plan = validate({
 *   nodes: 3,
 *   actions: [
 *     { atMillis: 0, fault: Fault.Crash({ nodes: [1] }) },
 *     { atMillis: 5_000, fault: Fault.Restart({ nodes: [1] }) }
 *   ]
 * })
 * Result.isSuccess(plan) // => true
 * ```
 */
export const validate = (plan: FaultPlan): Result.Result<FaultPlan, InvalidPlan> => {
  if (!Array.isArray(plan?.actions)) {
    const detail = "a plan has nodes, a number, and actions, a list"
    return Result.fail(new InvalidPlan({ action: undefined, defect: "form", detail }))
  }
  if (!Number.isInteger(plan.nodes) || plan.nodes < 1) {
    return Result.fail(
      new InvalidPlan({ action: undefined, defect: "node", detail: "a plan is about at least one node" })
    )
  }
  const down = new Set<number>()
  let latest = 0
  for (const [action, one] of plan.actions.entries()) {
    if (typeof one !== "object" || one === null) {
      const detail = "an action has atMillis, a number, and a fault"
      return Result.fail(new InvalidPlan({ action, defect: "form", detail }))
    }
    const { atMillis, fault } = one
    if (!Number.isSafeInteger(atMillis) || atMillis < latest) {
      const detail = `${atMillis} ms is not a whole number from ${latest}, the instant before it`
      return Result.fail(new InvalidPlan({ action, defect: "time", detail }))
    }
    latest = atMillis
    const defect = faultDefect(fault, plan.nodes) ?? lifecycleDefect(fault, down)
    if (defect !== undefined) return Result.fail(new InvalidPlan({ action, ...defect }))
  }
  return Result.succeed(plan)
}
