/** What came of one run: plain data, so that it can cross from a thread and be printed. */
import type { FaultName } from "@hyparview/faults/FaultPlan"
import type { Scenario } from "@hyparview/faults/Scenario"
import type { RecoveryScenario } from "./RecoveryScenario.ts"

/** A whole cluster: the protocols alone in the simulator's world, or the whole runtime on virtual time. */
export type ClusterTarget = "core" | "runtime"

/** What is being tried: a whole cluster, or the broadcast alone, on links that come and go. */
export type Target = ClusterTarget | "recovery"

/** A rule that did not hold. */
export interface Violation {
  /** Which checker speaks: two violations of one rule are taken for the same failure when a scenario is shrunk. */
  readonly rule: string
  /** Virtual time since the run began. */
  readonly atMillis: number
  readonly detail: string
}

/** Beside the faults, what a run may hold that a set of runs must have seen. */
export type Mark =
  | FaultName
  | "JoinsAtOnce"
  | "IslandsAtStart"
  | "GoneForGood"
  | "RestartWithSameId"
  | "RejoinAfterLeave"
  | "DialFailed"
  | "EpochConflict"
  | "Exchange"
  | "Publication"
  | "Grafted"
  | "Recovered"
  | "SeveralTrees"
  | "Lagged"
  | "LargeCluster"
  | RecoveryMark

/** What a run of the broadcast alone may hold beside these. */
export type RecoveryMark =
  | "Join"
  | "Rejoin"
  | "EpochRaised"
  | "Link"
  | "LinkRenewed"
  | "Cut"
  | "CutInFetch"
  | "BurstBeyondKept"
  | "OfOneThatIsOver"
  | "OriginMadeRoom"
  | "Accepted"
  | "Refused"
  | "JudgedLate"
  | "NeverJudged"
  | "Recall"
  | "AskedForHistory"
  | "HistoryFromHere"
  | "HistoryFromOthers"
  | "Flood"
  | "TreeForEachSource"
  | "AllIsKept"
  | "ClocksApart"

/** What came of one run. */
export type Outcome = ClusterOutcome | RecoveryOutcome

interface Common {
  /** None if all is well. A run ends with its first. */
  readonly violations: ReadonlyArray<Violation>
  /** How often each thing happened. */
  readonly marks: Readonly<Partial<Record<Mark, number>>>
  /** Inputs given to nodes. */
  readonly events: number
  /** The last things that happened, a line each; only of a run that failed. */
  readonly tail: ReadonlyArray<string>
  readonly traceHash: string
}

/** Of a cluster. */
export interface ClusterOutcome extends Common {
  readonly target: ClusterTarget
  readonly scenario: Scenario
  /** How long calm had lasted when the overlay was whole; −1 if it never was. */
  readonly wholeAfterMillis: number
  readonly boundMillis: number
  /** Messages in calm, as a share of what the rules allow; −1 if they were not measured. */
  readonly rateShare: number
}

/** Of the broadcast alone. */
export interface RecoveryOutcome extends Common {
  readonly target: "recovery"
  readonly scenario: RecoveryScenario
  /** How long calm had lasted when all had what any of them kept; −1 if that never was. */
  readonly settledAfterMillis: number
  /** Payloads sent for each message that was delivered by a neighbour. */
  readonly copies: number
}
