/** What came of one run: plain data, so that it can cross from a thread and be printed. */
import type { FaultName } from "@hyparview/faults/FaultPlan"
import type { Scenario } from "@hyparview/faults/Scenario"

/** What is being tried: the protocols alone in the simulator's world, or the whole runtime on virtual time. */
export type Target = "core" | "runtime"

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

/** What came of one run. */
export interface Outcome {
  readonly target: Target
  readonly scenario: Scenario
  /** None if all is well. A run ends with its first. */
  readonly violations: ReadonlyArray<Violation>
  /** How often each thing happened. */
  readonly marks: Readonly<Partial<Record<Mark, number>>>
  /** How long calm had lasted when the overlay was whole; −1 if it never was. */
  readonly wholeAfterMillis: number
  readonly boundMillis: number
  /** Messages in calm, as a share of what the rules allow; −1 if they were not measured. */
  readonly rateShare: number
  /** Inputs given to nodes. */
  readonly events: number
  /** The last things that happened, a line each; only of a run that failed. */
  readonly tail: ReadonlyArray<string>
  readonly traceHash: string
}
