/** What the command prints: a failure in full, and a set of runs in some lines. */
import * as Scenario from "@hyparview/faults/Scenario"
import { missing, total } from "./Marks.ts"
import type { ClusterOutcome, Outcome, RecoveryOutcome, Target } from "./Outcome.ts"
import * as RecoveryScenario from "./RecoveryScenario.ts"

/** The least size of a set of runs from which it is to have met everything. */
export const completeRuns = 150

const quantile = (values: ReadonlyArray<number>, share: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
}

const spread = (values: ReadonlyArray<number>, show: (value: number) => string): string =>
  `${show(quantile(values, 0.5))} (median), ${show(quantile(values, 0.95))} (95 %), ${show(quantile(values, 1))} (most)`

/** The command that runs a seed again. */
export const replayOf = (target: Target, seed: number, maximumNodes: number): string =>
  `npm run vopr -- --target ${target} --seed ${seed} --runs 1 --nodes ${maximumNodes}`

const scenarioOf = (outcome: Outcome): string =>
  outcome.target === "recovery" ? RecoveryScenario.summary(outcome.scenario) : Scenario.summary(outcome.scenario)

/** A run that failed: which rule, how to run it again, and how it came to it. */
export const failure = (
  outcome: Outcome,
  options: {
    readonly commit: string
    readonly replay: string
    readonly shrunk: { readonly outcome: Outcome; readonly file: string } | undefined
  }
): string => {
  const { scenario, target, violations } = outcome
  const { commit, replay, shrunk } = options
  const shown = shrunk?.outcome ?? outcome
  return [
    `FAILED: seed ${scenario.seed} on ${target}, commit ${commit}`,
    ...violations.slice(0, 5).map(({ atMillis, detail, rule }) => `  ${rule}, at ${atMillis} ms: ${detail}`),
    `  scenario: ${scenarioOf(outcome)}`,
    `  replay:   ${replay}`,
    ...(shrunk === undefined
      ? []
      : [
          `  shrunk:   ${scenarioOf(shrunk.outcome)}`,
          ...shrunk.outcome.violations
            .slice(0, 3)
            .map(({ atMillis, detail, rule }) => `            ${rule}, at ${atMillis} ms: ${detail}`),
          `            npm run vopr -- --target ${target} --replay ${shrunk.file}`,
          `  ${JSON.stringify(shrunk.outcome.scenario)}`
        ]),
    "  the last transitions:",
    ...shown.tail.map((line) => `    ${line}`)
  ].join("\n")
}

const seconds = (value: number): string => `${(value / 1_000).toFixed(0)} s`
const decimal = (value: number): string => value.toFixed(2)

/** What is reported of an outcome in a set. */
export type Reported =
  | Pick<
      ClusterOutcome,
      "target" | "events" | "marks" | "violations" | "boundMillis" | "rateShare" | "wholeAfterMillis"
    >
  | Pick<RecoveryOutcome, "target" | "events" | "marks" | "violations" | "copies" | "settledAfterMillis">

const clusterLines = (outcomes: ReadonlyArray<Reported>): ReadonlyArray<string> => {
  const clusters = outcomes.flatMap((outcome) => (outcome.target === "recovery" ? [] : [outcome]))
  const whole = clusters.filter(({ wholeAfterMillis }) => wholeAfterMillis >= 0)
  return [
    `  whole in calm after ${spread(
      whole.map(({ wholeAfterMillis }) => wholeAfterMillis),
      seconds
    )}`,
    `  of its bound ${spread(
      whole.map(({ boundMillis, wholeAfterMillis }) => wholeAfterMillis / boundMillis),
      decimal
    )}`,
    `  messages in calm, of what the rules allow ${spread(
      clusters.flatMap(({ rateShare }) => (rateShare < 0 ? [] : [rateShare])),
      decimal
    )}`
  ]
}

const recoveryLines = (outcomes: ReadonlyArray<Reported>): ReadonlyArray<string> => {
  const recoveries = outcomes.flatMap((outcome) => (outcome.target === "recovery" ? [outcome] : []))
  return [
    `  all is told in calm after ${spread(
      recoveries.flatMap(({ settledAfterMillis }) => (settledAfterMillis < 0 ? [] : [settledAfterMillis])),
      seconds
    )}`,
    `  copies of a message that is handed on ${spread(
      recoveries.map(({ copies }) => copies),
      decimal
    )}`
  ]
}

/** What a set of runs was like, and what it should have met and has not. */
export const summary = (
  target: Target,
  outcomes: ReadonlyArray<Reported>
): { readonly text: string; readonly missing: ReadonlyArray<string> } => {
  const marks = total(target, outcomes)
  const absent = missing(target, marks)
  const events = outcomes.reduce((sum, outcome) => sum + outcome.events, 0)
  const failed = outcomes.filter(({ violations }) => violations.length > 0).length
  const lines = [
    `${outcomes.length} runs on ${target}, ${failed} failed; ${events} inputs given to nodes`,
    `  met: ${Object.entries(marks)
      .map(([mark, count]) => `${mark} ${count}`)
      .join(", ")}`,
    ...(target === "recovery" ? recoveryLines(outcomes) : clusterLines(outcomes))
  ]
  if (absent.length > 0) {
    const isDue = outcomes.length >= completeRuns
    lines.push(`  ${isDue ? "NOT MET" : "not met (so few runs need not)"}: ${absent.join(", ")}`)
  }
  return { text: lines.join("\n"), missing: outcomes.length >= completeRuns ? absent : [] }
}
