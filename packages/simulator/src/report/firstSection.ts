/** The first message after a kill, many times over, held against what theory says of a random graph. */
import type { Result } from "../Result.ts"
import type { Chart } from "./Chart.ts"
import { detection, pastDetection } from "./detection.ts"
import { type Figure, mean, percent } from "./Figure.ts"
import { byLevel, degreeOf, killOf } from "./levels.ts"

/**
 * The share of survivors that a first message reaches whose sender is in the giant component of a random d-regular graph
 * when nobody has noticed the deaths: with alive share q, u = 1 − q + q·u^(d − 1) and S = 1 − u^d.
 */
const giantShare = (dead: number, degree: number): number => {
  const alive = 1 - dead
  let u = 0
  for (let i = 0; i < 10_000; i++) u = 1 - alive + alive * u ** (degree - 1)
  return 1 - u ** degree
}

/** Where the axis begins: below every dot. */
const tensBelow = (levels: ReadonlyArray<{ readonly inLargest: ReadonlyArray<number> }>): number =>
  Math.max(0, Math.floor(Math.min(...levels.flatMap(({ inLargest }) => inLargest), 1) * 10 - 0.5) * 10)

export const firstMessages = (runs: ReadonlyArray<Result>): Figure => {
  const degree = degreeOf(runs[0])
  const levels = byLevel(runs).map(([level, runs]) => {
    const kills = runs.flatMap(({ firstMessages = [] }) => firstMessages)
    const inLargest = kills.filter(({ senderInLargest }) => senderInLargest).map(({ reliability }) => reliability)
    const bySeed = runs.map(({ firstMessages = [] }) =>
      mean(firstMessages.filter(({ senderInLargest }) => senderInLargest).map(({ reliability }) => reliability))
    )
    return {
      level,
      firsts: runs.flatMap((run) =>
        run.broadcasts.map((broadcast) => ({ run, broadcast, name: `${level} %, seed ${run.seed}` }))
      ),
      bySeed,
      inLargest,
      kills,
      all: kills.map(({ reliability }) => reliability),
      theory: giantShare(level / 100, degree)
    }
  })
  const chart: Chart = {
    kind: "lines",
    x: { label: "nodes that died", unit: " %", min: 10, max: 60 },
    y: { label: "reached by the first message", unit: " %", min: tensBelow(levels), max: 100 },
    series: [
      {
        name: "single kills",
        role: "seed",
        dots: true,
        points: levels.flatMap(({ inLargest, level }) => inLargest.map((value) => [level, value * 100] as const))
      },
      {
        name: "ours, mean",
        label: "ours",
        role: "ours",
        points: levels.map(({ inLargest, level }) => [level, mean(inLargest) * 100] as const)
      },
      {
        name: "theory, S",
        label: "theory",
        role: "theory",
        points: levels.map(({ level, theory }) => [level, theory * 100] as const)
      }
    ]
  }
  return {
    id: "first-messages",
    title: "The first message, published as the nodes die",
    note: `Given a sender in the giant component of the survivors. ${detection(
      runs,
      levels.flatMap(({ firsts }) => firsts)
    )} Theory: a random ${degree}-regular graph in which nobody has noticed.`,
    chart,
    table: {
      columns: [
        "died",
        "kills",
        "sender in the giant component",
        ...runs.filter((run) => killOf(run) === levels[0]?.level).map(({ seed }) => `seed ${seed}`),
        "theory, S",
        "any sender",
        "theory, S²",
        "past the detection"
      ],
      rows: levels.map(({ all, bySeed, firsts, inLargest, level, theory }) => [
        `${level} %`,
        String(all.length),
        percent(mean(inLargest), 2),
        ...bySeed.map((share) => percent(share, 2)),
        percent(theory, 2),
        percent(mean(all), 2),
        percent(theory * theory, 2),
        pastDetection(firsts)
      ])
    },
    more: {
      caption: "Each kill; –: its sender was not in the giant component, and it is not drawn",
      columns: ["kill", ...levels.map(({ level }) => `${level} %`)],
      rows: Array.from({ length: Math.max(...levels.map(({ kills }) => kills.length)) }, (_, index) => [
        String(index + 1),
        ...levels.map(({ kills }) => {
          const kill = kills[index]
          return kill?.senderInLargest === true ? percent(kill.reliability) : "–"
        })
      ])
    }
  }
}
