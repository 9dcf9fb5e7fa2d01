/**
 * Massive failures (paper §5.2, §5.3): a stable overlay, a share of all nodes dies at once, then broadcasts one after the
 * other, without a cycle; then cycles until broadcasts reach everybody again.
 */
import * as Graph from "../Graph.ts"
import * as Measure from "../Measure.ts"
import { type Laboratory, probes, weights, type Work } from "./Laboratory.ts"
import { grow, growWork, stockWork } from "./stable.ts"

/** The paper's, as shares of those who live by then. */
const againLevels = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]

export function* failures(laboratory: Laboratory): Work {
  const { againMessages, healCycles, kill, messages, nodes } = laboratory.options
  const survivors = nodes - Math.round(nodes * kill)
  const broadcasts = messages + (healCycles + 1) * probes
  laboratory.expect(
    growWork(laboratory) +
      stockWork(laboratory) +
      survivors * (broadcasts * weights.delivery + healCycles * weights.cycle) +
      survivors * againMessages * weights.delivery * againLevels.reduce((sum, level) => sum + 1 - level, 0)
  )
  yield* grow(laboratory)
  yield* laboratory.takeStock()
  killShare(laboratory, kill)
  yield* publish(laboratory, messages)
  yield* heal(laboratory, healCycles, true)
  if (againMessages > 0) yield* again(laboratory, againMessages)
}

/** A share of all nodes dies at once. */
export const killShare = ({ options, world }: Laboratory, share: number): void =>
  world.crash(world.sampleAlive(Math.round(options.nodes * share)))

/** Broadcasts from random survivors, each drained, with all that it set off, before the next. */
export function* publish(laboratory: Laboratory, messages: number): Work {
  laboratory.enter("messages")
  for (let i = 0; i < messages; i++) {
    laboratory.broadcasts.push(yield* laboratory.broadcast(laboratory.world.randomAlive()))
  }
}

/**
 * Cycles until the survivors are one component and broadcasts reach as large a share as before. `onward`: all of the cycles, for
 * what takes longer than that: the dead in the passive views.
 */
export function* heal(laboratory: Laboratory, cycles: number, onward = false): Work {
  const { world } = laboratory
  laboratory.enter("healing")
  yield* laboratory.settle()
  for (let cycle = 0; cycle <= cycles && world.alive > 0; cycle++) {
    if (cycle > 0) yield* laboratory.cycle(1)
    const sample = yield* laboratory.sample(cycle, probes)
    laboratory.samples.push(sample)
    if (laboratory.healingCycles === null && laboratory.hasHealed(sample)) {
      laboratory.healingCycles = cycle
      if (!onward) return
    }
  }
}

/**
 * First messages after a kill: many kills of the same overlay, each in a copy of its own, one broadcast as the nodes die.
 * `branch` numbers the copies. The run's trace is that of all copies in turn, and it ends in the last of them.
 */
export function* firstMessages(laboratory: Laboratory, share: number, kills: number, branch: number): Work {
  const original = laboratory.world
  for (let i = 0; i < kills; i++) {
    laboratory.replaceWorld(original.fork(branch + i))
    killShare(laboratory, share)
    const { world } = laboratory
    const source = world.randomAlive()
    const { graph, indexOf } = Measure.picture(world, "active")
    const parts = Graph.components(graph)
    const broadcast = yield* laboratory.broadcast(source)
    laboratory.broadcasts.push(broadcast)
    laboratory.absorbTrace()
    laboratory.firstMessages.push({
      reliability: broadcast.reliability,
      largestComponentShare: parts.largest / world.alive,
      senderInLargest: parts.rootOf[indexOf[source] ?? 0] === parts.largestRoot
    })
  }
}

/** What the overlay that has healed would stand: each level on a copy of its own, messages right after the kill. */
function* again(laboratory: Laboratory, messages: number): Work {
  laboratory.enter("further kills")
  const original = laboratory.world
  for (const [index, kill] of againLevels.entries()) {
    const dying = Math.round(original.alive * kill)
    if (dying === 0 || dying >= original.alive) continue
    const world = original.fork(3_000 + index)
    laboratory.replaceWorld(world)
    world.crash(world.sampleAlive(dying))
    const reached: Array<number> = []
    for (let i = 0; i < messages; i++) {
      reached.push((yield* laboratory.broadcast(world.randomAlive())).reliability)
    }
    laboratory.furtherKills.push({
      kill,
      first: reached[0] ?? 0,
      reliability: Measure.mean(reached),
      components: Graph.components(Measure.picture(world, "active").graph).count
    })
  }
  laboratory.replaceWorld(original)
}
