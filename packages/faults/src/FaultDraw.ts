/**
 * Fault plans from a seed: a **chaos phase**, in which faults come at random instants within given limits, and at whose
 * end everything that can be undone is undone (partitions healed, nodes unfrozen and restarted, probabilities back to 0),
 * so that the calm phase after it can ask for the overlay to be whole.
 *
 * @since 0.1.0
 */
import type { Random } from "@hyparview/core/Random"
import { nextBelow } from "@hyparview/core/Random"
import type { Action, FaultName, FaultPlan, Pair } from "./FaultPlan.ts"
import { Fault } from "./FaultPlan.ts"
import { between } from "./internal/draws.ts"

/**
 * The faults that a chaos phase may begin; what ends them (`Restart`, `Heal`, …) is drawn with them.
 *
 * @category models
 * @since 0.1.0
 */
export type ChaosKind = Exclude<FaultName, "Restart" | "Unfreeze" | "Heal" | "AcceptDials" | "NormalReader">

/**
 * Every kind.
 *
 * @category models
 * @since 0.1.0
 */
export const chaosKinds: ReadonlyArray<ChaosKind> = [
  "Crash",
  "Leave",
  "Freeze",
  "Partition",
  "OneWay",
  "BreakLinks",
  "HalfOpen",
  "RefuseDials",
  "HangDials",
  "SendFailure",
  "Duplicate",
  "SilentLoss",
  "SlowReader",
  "ClockJump"
]

/**
 * The kinds that keep the promises of a link (in order, at most once, no gap before the close): all but `Duplicate` and
 * `SilentLoss`.
 *
 * @category models
 * @since 0.1.0
 */
export const linkKeepingKinds: ReadonlyArray<ChaosKind> = chaosKinds.filter(
  (kind) => kind !== "Duplicate" && kind !== "SilentLoss"
)

/**
 * The limits of a chaos phase.
 *
 * @category models
 * @since 0.1.0
 */
export interface ChaosLimits {
  /** How many nodes there are, from 2. */
  readonly nodes: number
  /** How long the phase lasts; everything is undone at its end. Milliseconds, from 1. */
  readonly durationMillis: number
  /** How many faults begin, from 0. Those that would break another limit are skipped, so there may be fewer. */
  readonly faults: number
  /** The kinds to draw from, each as likely as its share of the list. Default: `linkKeepingKinds`. */
  readonly kinds?: ReadonlyArray<ChaosKind>
  /** The largest share of the nodes that may be down at once. Default: 0.5, a guess. At least one node stays up. */
  readonly maximumDownShare?: number
  /** The longest time between a fault and its end, in milliseconds. Default: half the phase. */
  readonly maximumLastingMillis?: number
  /** The highest probability of `SendFailure`, `Duplicate` and `SilentLoss`. Default: 0.1, a guess. */
  readonly maximumProbability?: number
  /** The largest clock jump either way, in milliseconds. Default: one hour. */
  readonly maximumJumpMillis?: number
  /** Of the nodes, the share that may crash or leave for good. Default: 0: all are up at the end. */
  readonly maximumGoneShare?: number
  /** Into how many groups the network is parted from the beginning on, for a part of the phase. Default: 1, not at all. */
  readonly islands?: number
}

/** The faults that hold one after another, not one per node: what is on, and until when. */
type Exclusive = "Partition" | "SendFailure" | "Duplicate" | "SilentLoss"

/** What a drawing keeps track of; times are milliseconds of the plan. */
interface Draft {
  readonly random: Random
  readonly limits: Required<ChaosLimits>
  readonly actions: Array<Action>
  /** Until when a node is down or held by some other fault; it takes no second one in that time. */
  readonly busyUntil: Array<number>
  readonly downUntil: Array<number>
  /** How many are down for good. */
  gone: number
  readonly exclusiveUntil: Map<Exclusive, number>
}

/** `count` different nodes of the candidates, in random order. */
const choose = (random: Random, candidates: ReadonlyArray<number>, count: number): ReadonlyArray<number> => {
  const rest = [...candidates]
  const chosen: Array<number> = []
  while (chosen.length < count && rest.length > 0) chosen.push(...rest.splice(nextBelow(random, rest.length), 1))
  return chosen
}

const freeNodes = (draft: Draft, now: number): ReadonlyArray<number> =>
  Array.from(draft.busyUntil.keys()).filter((node) => (draft.busyUntil[node] ?? 0) <= now)

/** One to a tenth of the nodes, none of which is under another fault now. */
const someNodes = (draft: Draft, now: number): ReadonlyArray<number> =>
  choose(
    draft.random,
    freeNodes(draft, now),
    between(draft.random, 1, Math.max(1, Math.floor(draft.limits.nodes / 10)))
  )

const occupy = (draft: Draft, nodes: ReadonlyArray<number>, until: number): void => {
  for (const node of nodes) draft.busyUntil[node] = until
}

const endOf = (draft: Draft, now: number): number =>
  Math.min(draft.limits.durationMillis, now + between(draft.random, 1, draft.limits.maximumLastingMillis))

const add = (draft: Draft, atMillis: number, fault: Fault): void => {
  draft.actions.push({ atMillis, fault })
}

const drawDown = (
  draft: Draft,
  now: number,
  kind: "Crash" | "Leave",
  chosen: ReadonlyArray<number> = someNodes(draft, now)
): void => {
  const { limits } = draft
  const down = draft.downUntil.filter((until) => until > now).length
  const room = Math.min(limits.nodes - 1, Math.floor(limits.nodes * limits.maximumDownShare)) - down
  const nodes = chosen.slice(0, Math.max(0, room))
  if (nodes.length === 0) return
  const mayGo = draft.gone + nodes.length <= limits.nodes * limits.maximumGoneShare
  const isForGood = mayGo && nextBelow(draft.random, 3) === 0
  if (isForGood) draft.gone += nodes.length
  const until = isForGood ? Infinity : endOf(draft, now)
  occupy(draft, nodes, until)
  for (const node of nodes) draft.downUntil[node] = until
  add(draft, now, Fault[kind]({ nodes }))
  if (!isForGood) add(draft, until, Fault.Restart({ nodes }))
}

const drawHeld = (draft: Draft, now: number, kind: "Freeze" | "RefuseDials" | "HangDials" | "SlowReader"): void => {
  const nodes = kind === "SlowReader" ? someNodes(draft, now).slice(0, 1) : someNodes(draft, now)
  const [first] = nodes
  if (first === undefined) return
  const until = endOf(draft, now)
  occupy(draft, nodes, until)
  switch (kind) {
    case "Freeze":
      add(draft, now, Fault.Freeze({ nodes }))
      return add(draft, until, Fault.Unfreeze({ nodes }))
    case "SlowReader":
      // From a modem to a slow disk: slower, and one large frame outlasts the phase.
      add(draft, now, Fault.SlowReader({ node: first, bytesPerSecond: between(draft.random, 1_000, 1_000_000) }))
      return add(draft, until, Fault.NormalReader({ nodes }))
    default:
      add(draft, now, Fault[kind]({ nodes }))
      return add(draft, until, Fault.AcceptDials({ nodes }))
  }
}

/** Two to four groups of all nodes; or a one-way cut. A partition ends before the next begins. */
const drawSeparation = (draft: Draft, now: number, kind: "Partition" | "OneWay", islands = 0): void => {
  const { random, limits } = draft
  if ((draft.exclusiveUntil.get("Partition") ?? 0) > now) return
  const until = endOf(draft, now)
  draft.exclusiveUntil.set("Partition", until)
  const shuffled = choose(
    random,
    Array.from({ length: limits.nodes }).map((_, node) => node),
    limits.nodes
  )
  const wanted = islands > 1 ? islands : between(random, 2, 4)
  const count = kind === "OneWay" ? 2 : Math.min(limits.nodes, wanted)
  // The first group is often small: an even split is not the only way in which networks part.
  const first = between(random, 1, limits.nodes - count + 1)
  const groups: Array<Array<number>> = [shuffled.slice(0, first), ...Array.from({ length: count - 1 }).map(() => [])]
  shuffled.slice(first).forEach((node, index) => groups[1 + (index % (count - 1))]?.push(node))
  const [from = [], to = []] = groups
  const mode = nextBelow(random, 2) === 0 ? "reset" : "silent"
  add(draft, now, kind === "OneWay" ? Fault.OneWay({ from, to }) : Fault.Partition({ groups, mode }))
  add(draft, until, Fault.Heal())
}

const drawProbability = (draft: Draft, now: number, kind: "SendFailure" | "Duplicate" | "SilentLoss"): void => {
  if ((draft.exclusiveUntil.get(kind) ?? 0) > now) return
  const until = endOf(draft, now)
  draft.exclusiveUntil.set(kind, until)
  const probability = (between(draft.random, 1, 1_000) / 1_000) * draft.limits.maximumProbability
  add(draft, now, Fault[kind]({ probability }))
  add(draft, until, Fault[kind]({ probability: 0 }))
}

const drawLinks = (draft: Draft, now: number, kind: "BreakLinks" | "HalfOpen"): void => {
  const { random, limits } = draft
  if (kind === "BreakLinks" && nextBelow(random, 2) === 0) {
    return add(draft, now, Fault.BreakLinks({ links: { _tag: "Share", share: between(random, 1, 50) / 100 } }))
  }
  const pairs: Array<Pair> = []
  for (let count = between(random, 1, Math.max(1, Math.floor(limits.nodes / 2))); count > 0; count--) {
    const a = nextBelow(random, limits.nodes)
    const b = nextBelow(random, limits.nodes - 1)
    pairs.push([a, b < a ? b : b + 1])
  }
  add(
    draft,
    now,
    kind === "HalfOpen" ? Fault.HalfOpen({ pairs }) : Fault.BreakLinks({ links: { _tag: "Pairs", pairs } })
  )
}

const drawJump = (draft: Draft, now: number): void => {
  const [node] = someNodes(draft, now)
  if (node === undefined) return
  const { maximumJumpMillis } = draft.limits
  add(draft, now, Fault.ClockJump({ node, millis: between(draft.random, -maximumJumpMillis, maximumJumpMillis) }))
  // A start takes its epoch from the clock: many of those whose clock has jumped should start again by it.
  if (draft.limits.kinds.includes("Crash") && nextBelow(draft.random, 2) === 0) drawDown(draft, now, "Crash", [node])
}

const drawOne = (draft: Draft, now: number, kind: ChaosKind): void => {
  switch (kind) {
    case "Crash":
    case "Leave":
      return drawDown(draft, now, kind)
    case "Freeze":
    case "RefuseDials":
    case "HangDials":
    case "SlowReader":
      return drawHeld(draft, now, kind)
    case "Partition":
    case "OneWay":
      return drawSeparation(draft, now, kind)
    case "SendFailure":
    case "Duplicate":
    case "SilentLoss":
      return drawProbability(draft, now, kind)
    case "BreakLinks":
    case "HalfOpen":
      return drawLinks(draft, now, kind)
    case "ClockJump":
      return drawJump(draft, now)
  }
}

/**
 * A chaos phase. The plan is valid, and its last actions, no later than `durationMillis`, leave no fault on: what a
 * `HalfOpen` or a `BreakLinks` did to links, and a `ClockJump` to clocks, is for the nodes to get over.
 *
 * Same generator state and limits, same plan. The generator advances.
 *
 * @category constructors
 * @since 0.1.0
 * @example
 * ```ts
 * import { seeded } from "@hyparview/core/Random"
 * import { draw } from "@hyparview/faults/FaultDraw"
 *
 * const plan = draw(seeded(7), { nodes: 50, durationMillis: 60_000, faults: 20 })
 * ```
 */
export const draw = (random: Random, limits: ChaosLimits): FaultPlan => {
  const { durationMillis, faults, nodes } = limits
  const complete = {
    kinds: linkKeepingKinds,
    maximumDownShare: 0.5,
    maximumLastingMillis: Math.max(1, Math.floor(durationMillis / 2)),
    maximumProbability: 0.1,
    maximumJumpMillis: 3_600_000,
    maximumGoneShare: 0,
    islands: 1,
    ...limits
  }
  const draft: Draft = {
    random,
    limits: complete,
    actions: [],
    busyUntil: Array.from({ length: nodes }).map(() => 0),
    downUntil: Array.from({ length: nodes }).map(() => 0),
    gone: 0,
    exclusiveUntil: new Map()
  }
  if (complete.islands > 1 && nodes > 1) drawSeparation(draft, 0, "Partition", complete.islands)
  const instants = Array.from({ length: faults }).map(() => nextBelow(random, durationMillis))
  for (const now of instants.sort((a, b) => a - b)) {
    const kind = complete.kinds[nextBelow(random, complete.kinds.length)]
    if (kind !== undefined) drawOne(draft, now, kind)
  }
  // Stable: what ends at an instant was drawn before what begins at it, and must happen first, so that a node which is
  // restarted and crashed again in one millisecond is up in between.
  return { nodes, actions: draft.actions.sort((a, b) => a.atMillis - b.atMillis) }
}
