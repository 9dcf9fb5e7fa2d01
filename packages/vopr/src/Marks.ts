/**
 * Coverage marks: how often each thing happened that a set of runs must have seen. A fault that is never drawn, or never has
 * an effect, is a hole in the net; `missing` finds it.
 */
import type { Plumtree } from "@hyparview/core"
import type { Fault } from "@hyparview/faults/FaultPlan"
import type { Scenario } from "@hyparview/faults/Scenario"
import type { Mark, Outcome, Target } from "./Outcome.ts"
import { isAmple, type RecoveryScenario } from "./RecoveryScenario.ts"

type Counts = Partial<Record<Mark, number>>

/** What runs of a cluster must have met. */
const ofClusters: ReadonlyArray<Mark> = [
  "Crash",
  "Restart",
  "Leave",
  "Freeze",
  "Unfreeze",
  "Partition",
  "OneWay",
  "Heal",
  "BreakLinks",
  "HalfOpen",
  "RefuseDials",
  "HangDials",
  "AcceptDials",
  "SendFailure",
  "Duplicate",
  "SilentLoss",
  "SlowReader",
  "NormalReader",
  "ClockJump",
  "JoinsAtOnce",
  "IslandsAtStart",
  "GoneForGood",
  "RestartWithSameId",
  "RejoinAfterLeave",
  "DialFailed",
  "EpochConflict",
  "Exchange",
  "Publication",
  "Grafted",
  "Recovered",
  "SeveralTrees",
  "Lagged",
  "LargeCluster"
]

/** What runs of the broadcast alone must have met. */
const ofRecoveries: ReadonlyArray<Mark> = [
  "Join",
  "Crash",
  "Restart",
  "Leave",
  "Rejoin",
  "EpochRaised",
  "Link",
  "LinkRenewed",
  "Cut",
  "CutInFetch",
  "SilentLoss",
  "ClocksApart",
  "Publication",
  "BurstBeyondKept",
  "AllIsKept",
  "OfOneThatIsOver",
  "OriginMadeRoom",
  "Grafted",
  "Recovered",
  "Lagged",
  "Flood",
  "SeveralTrees",
  "TreeForEachSource",
  "Accepted",
  "Refused",
  "JudgedLate",
  "NeverJudged",
  "Recall",
  "AskedForHistory",
  "HistoryFromHere",
  "HistoryFromOthers"
]

const marksOf = (target: Target): ReadonlyArray<Mark> => (target === "recovery" ? ofRecoveries : ofClusters)

/** From so many nodes on a cluster is large: more than a node can know. */
const largeNodes = 40

/** The marks of one run. */
export class Marks {
  readonly counts: Counts = {}
  private readonly crashed = new Set<number>()
  private readonly left = new Set<number>()

  add(mark: Mark): void {
    this.counts[mark] = (this.counts[mark] ?? 0) + 1
  }

  /** What the scenario as a whole is an example of. */
  ofScenario({ nodes, plan, publications, starts, strategy }: Scenario): void {
    const [first, second] = starts
    if (first !== undefined && second !== undefined && first.atMillis === second.atMillis) this.add("JoinsAtOnce")
    const [cut] = plan.actions
    if (cut !== undefined && cut.atMillis === 0 && cut.fault._tag === "Partition") this.add("IslandsAtStart")
    if (nodes >= largeNodes) this.add("LargeCluster")
    if (strategy === "thicket" && publications.length > 0) this.add("SeveralTrees")
    const down = new Set<number>()
    for (const { fault } of plan.actions) {
      if (fault._tag === "Crash" || fault._tag === "Leave") for (const node of fault.nodes) down.add(node)
      if (fault._tag === "Restart") for (const node of fault.nodes) down.delete(node)
    }
    if (down.size > 0) this.add("GoneForGood")
  }

  /** And a scenario of the broadcast alone. */
  ofRecovery(scenario: RecoveryScenario): void {
    const { broadcast, clocksMillis, loss } = scenario
    if (broadcast.strategy === "flood") this.add("Flood")
    else if (broadcast.strategy === "thicket") this.add("SeveralTrees")
    else if (broadcast.trees === "source") this.add("TreeForEachSource")
    if (isAmple(scenario)) this.add("AllIsKept")
    if (loss > 0) this.add("SilentLoss")
    if (clocksMillis.some((ahead) => ahead !== clocksMillis[0])) this.add("ClocksApart")
  }

  /** A message that came otherwise than along the tree. */
  ofDelivery(via: Plumtree.Via): void {
    if (via === "graft") this.add("Grafted")
    if (via === "recovery") this.add("Recovered")
  }

  /** A fault that was performed. */
  ofFault(fault: Fault): void {
    this.add(fault._tag)
    switch (fault._tag) {
      case "Crash":
        for (const node of fault.nodes) this.crashed.add(node)
        break
      case "Leave":
        for (const node of fault.nodes) this.left.add(node)
        break
      case "Restart":
        for (const node of fault.nodes) {
          if (this.crashed.delete(node)) this.add("RestartWithSameId")
          if (this.left.delete(node)) this.add("RejoinAfterLeave")
        }
        break
      default:
    }
  }
}

/** The marks of many runs together. */
export const total = (target: Target, outcomes: ReadonlyArray<Pick<Outcome, "marks">>): Counts => {
  const counts: Counts = {}
  for (const { marks } of outcomes) {
    for (const mark of marksOf(target)) {
      const count = marks[mark] ?? 0
      if (count > 0) counts[mark] = (counts[mark] ?? 0) + count
    }
  }
  return counts
}

/** What runs of a target should have met, and did not. */
export const missing = (target: Target, counts: Counts): ReadonlyArray<Mark> =>
  marksOf(target).filter((mark) => (counts[mark] ?? 0) === 0)
