/**
 * Smaller scenarios of the broadcast alone that fail the same: fewer happenings, smaller bursts, fewer nodes, and plainer conditions.
 * Any part of one is a scenario, since what cannot be done is left out of a run.
 */
import * as ScenarioShrink from "@hyparview/faults/ScenarioShrink"
import type { Happening, RecoveryScenario, Timed } from "./RecoveryScenario.ts"

/** Cuts a list into `parts`, and gives what remains when each is left out. */
function* leavingOut<A>(items: ReadonlyArray<A>, parts: number): Generator<ReadonlyArray<A>> {
  const size = Math.ceil(items.length / parts)
  for (let from = 0; from < items.length; from += size) {
    yield items.filter((_, index) => index < from || index >= from + size)
  }
}

/** As it is without a node, the later ones under their new indices; none if it is about that node. */
const without = (gone: number, happening: Happening): ReadonlyArray<Happening> => {
  const isGone = (node: number): boolean => node === gone
  const renamed = (node: number): number => (node > gone ? node - 1 : node)
  if (happening._tag === "CutsNextFetch") return [happening]
  if ("ends" in happening) {
    const [one, other] = happening.ends
    return isGone(one) || isGone(other) ? [] : [{ ...happening, ends: [renamed(one), renamed(other)] }]
  }
  if (isGone(happening.node)) return []
  const node = renamed(happening.node)
  return happening._tag === "Starts"
    ? [{ ...happening, node, peers: happening.peers.filter((peer) => !isGone(peer)).map(renamed) }]
    : [{ ...happening, node }]
}

const withoutNode = (scenario: RecoveryScenario, gone: number): RecoveryScenario => ({
  ...scenario,
  nodes: scenario.nodes - 1,
  first: gone < scenario.first ? scenario.first - 1 : scenario.first,
  clocksMillis: scenario.clocksMillis.toSpliced(gone, 1),
  happenings: scenario.happenings.flatMap(({ atMillis, happening }) =>
    without(gone, happening).map((happening) => ({ atMillis, happening }))
  )
})

const withCount = ({ atMillis, happening }: Timed, of: (count: number) => number): Timed => ({
  atMillis,
  happening: happening._tag === "Publishes" ? { ...happening, count: of(happening.count) } : happening
})

/** Simpler scenarios, the boldest first. */
function* simpler(scenario: RecoveryScenario): Generator<RecoveryScenario> {
  const { happenings } = scenario
  for (let parts = 2; parts < 2 * happenings.length; parts *= 2) {
    for (const rest of leavingOut(happenings, Math.min(parts, happenings.length))) {
      yield { ...scenario, happenings: rest }
    }
  }
  for (let node = scenario.nodes - 1; node >= 0 && scenario.nodes > 2; node--) yield withoutNode(scenario, node)
  const isBurst = ({ happening }: Timed): boolean => happening._tag === "Publishes" && happening.count > 1
  if (happenings.some(isBurst)) {
    yield { ...scenario, happenings: happenings.map((timed) => withCount(timed, () => 1)) }
    yield { ...scenario, happenings: happenings.map((timed) => withCount(timed, (count) => Math.ceil(count / 2))) }
    for (const [index, timed] of happenings.entries()) {
      if (isBurst(timed)) {
        yield {
          ...scenario,
          happenings: happenings.with(
            index,
            withCount(timed, (count) => Math.ceil(count / 2))
          )
        }
      }
    }
  }
  if (scenario.loss > 0) yield { ...scenario, loss: 0 }
  if (scenario.jitterMillis > 0) yield { ...scenario, jitterMillis: 0 }
  if (scenario.clocksMillis.some((ahead) => ahead > 0)) {
    yield { ...scenario, clocksMillis: scenario.clocksMillis.map(() => 0) }
  }
  if (scenario.judges) yield { ...scenario, judges: false }
  const last = happenings.at(-1)?.atMillis ?? 0
  if (last < scenario.chaosMillis) yield { ...scenario, chaosMillis: last }
}

const sizeOf = ({
  chaosMillis,
  clocksMillis,
  happenings,
  jitterMillis,
  judges,
  loss,
  nodes
}: RecoveryScenario): number =>
  happenings.reduce(
    (sum, { happening }) => sum + 1_000 + (happening._tag === "Publishes" ? 10 * happening.count : 0),
    nodes * 1_000
  ) +
  [loss > 0, jitterMillis > 0, clocksMillis.some((ahead) => ahead > 0), judges].filter(Boolean).length +
  chaosMillis / 1_000_000

/** Shrinks a scenario that fails, as `ScenarioShrink.shrink` does one of a cluster. */
export const shrinkRecovery = (
  scenario: RecoveryScenario,
  budget: number
): Generator<RecoveryScenario, RecoveryScenario, boolean> =>
  ScenarioShrink.shrinkBy(scenario, { simpler, sizeOf, budget })
