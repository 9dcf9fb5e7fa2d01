/** What the command prints: a failure in full, and a set of runs in some lines. */
import * as Scenario from "@hyparview/faults/Scenario"
import { missing, total } from "./Marks.ts"
import type { Outcome, Target } from "./Outcome.ts"

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
    `  scenario: ${Scenario.summary(scenario)}`,
    `  replay:   ${replay}`,
    ...(shrunk === undefined
      ? []
      : [
          `  shrunk:   ${Scenario.summary(shrunk.outcome.scenario)}`,
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

/** What a set of runs was like, and what it should have met and has not. */
export const summary = (
  target: Target,
  outcomes: ReadonlyArray<
    Pick<Outcome, "boundMillis" | "events" | "marks" | "rateShare" | "wholeAfterMillis" | "violations">
  >
): { readonly text: string; readonly missing: ReadonlyArray<string> } => {
  const marks = total(outcomes)
  const absent = missing(target, marks)
  const whole = outcomes.filter(({ wholeAfterMillis }) => wholeAfterMillis >= 0)
  const seconds = (value: number) => `${(value / 1_000).toFixed(0)} s`
  const share = (value: number) => value.toFixed(2)
  const events = outcomes.reduce((sum, outcome) => sum + outcome.events, 0)
  const failed = outcomes.filter(({ violations }) => violations.length > 0).length
  const lines = [
    `${outcomes.length} runs on ${target}, ${failed} failed; ${events} inputs given to nodes`,
    `  met: ${Object.entries(marks)
      .map(([mark, count]) => `${mark} ${count}`)
      .join(", ")}`,
    `  whole in calm after ${spread(
      whole.map(({ wholeAfterMillis }) => wholeAfterMillis),
      seconds
    )}`,
    `  of its bound ${spread(
      whole.map(({ boundMillis, wholeAfterMillis }) => wholeAfterMillis / boundMillis),
      share
    )}`,
    `  messages in calm, of what the rules allow ${spread(
      outcomes.flatMap(({ rateShare }) => (rateShare < 0 ? [] : [rateShare])),
      share
    )}`
  ]
  if (absent.length > 0) {
    const isDue = outcomes.length >= completeRuns
    lines.push(`  ${isDue ? "NOT MET" : "not met (so few runs need not)"}: ${absent.join(", ")}`)
  }
  return { text: lines.join("\n"), missing: outcomes.length >= completeRuns ? absent : [] }
}
