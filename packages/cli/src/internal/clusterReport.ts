/** The summary of a scenario, as text. */
import type { Copies, Outcome, Step } from "../ClusterScenario.ts"
import { kilobytes, percent, seconds, table } from "./table.ts"

/** One step, as it ends. */
export const stepLine = ({ name, ok, seconds: took, seen }: Step): string =>
  `${ok ? "ok    " : "FAILED"}  ${name} (${seconds(took)}): ${seen}`

const figure = <A>(value: A | undefined, show: (value: A) => string): string =>
  value === undefined ? "–" : show(value)

const copies = ({ first, last }: Copies): string => `${first.toFixed(2)}, then ${last.toFixed(2)}`

/** The table at the end. */
export const report = ({ figures, ok, steps }: Outcome): ReadonlyArray<string> => [
  "",
  ...table(
    [
      ["step", "", "took", "since start"],
      ...steps.map((step) => [
        step.name,
        step.ok ? "ok" : "FAILED",
        seconds(step.seconds),
        seconds(step.sinceStartSeconds)
      ])
    ],
    [2, 3]
  ),
  "",
  ...table(
    [
      ["start to one symmetric component", figure(figures.startToWholeSeconds, seconds)],
      ["start to full views", figure(figures.startToFullSeconds, seconds)],
      ["kill to one symmetric component", figure(figures.killToWholeSeconds, seconds)],
      ["kill to full views", figure(figures.killToFullSeconds, seconds)],
      ["copies for each delivery after the joins", figure(figures.copiesAfterJoin, copies)],
      ["copies for each delivery after the kill", figure(figures.copiesAfterHeal, copies)],
      ["resident memory of a process without nodes", figure(figures.emptyProcessBytes, kilobytes)],
      ["memory of a node beyond that, right after the joins", figure(figures.residentBytesPerNode, kilobytes)],
      ["the same when idle and collected", figure(figures.collectedBytesPerNode, kilobytes)],
      ["100 idle nodes take of one core", figure(figures.idleCpuPer100Nodes, percent)]
    ],
    [1]
  ),
  "",
  ok ? "every step held" : "NOT every step held"
]
