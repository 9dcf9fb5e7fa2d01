/**
 * HashiCorp's scenario (github.com/hashicorp/hyparview, `simulation/`): all nodes join through one contact, sends fail with
 * a probability, then rounds: one message from a random node each, and every node shuffles each 30th round, at its own
 * phase, and keeps its links alive. Here a round is a thirtieth of a cycle, and a send that failed breaks its link.
 */
import { FaultPlan } from "@hyparview/faults"
import { type Laboratory, weights, type Work } from "./Laboratory.ts"
import { growWork } from "./stable.ts"

/** The original's `shuffleFreq`. */
const roundsPerCycle = 30

/** Without a failure, at the end. */
const settlingCycles = 2

export function* hashicorp(laboratory: Laboratory): Work {
  const { cycles, gossips, nodes } = laboratory.options
  laboratory.expect(
    growWork(laboratory) +
      settlingCycles * nodes * weights.cycle +
      gossips * nodes * (3 * weights.delivery + weights.cycle)
  )
  const { world } = laboratory
  yield* laboratory.join()
  yield* laboratory.cycle(cycles)

  laboratory.enter("gossip")
  world.resumeCycles()
  const roundMicros = Math.floor((laboratory.membership.cycleMillis * 1000) / roundsPerCycle)
  let maintenance = world.messages - world.payloads
  for (let round = 1; round <= gossips; round++) {
    const { alive } = world
    const index = world.publish(world.randomAlive())
    yield* laboratory.runFor(roundMicros)
    laboratory.advance(nodes * (3 * weights.delivery + weights.cycle))
    const broadcast = world.broadcasts[index]
    const others = world.messages - world.payloads
    laboratory.rounds.push({
      round,
      seen: broadcast?.delivered ?? 0,
      waste: broadcast?.duplicates ?? 0,
      missed: alive - (broadcast?.delivered ?? 0),
      maintenance: others - maintenance
    })
    maintenance = others
  }
  world.pauseCycles()

  // The sends fail no more: now the overlay must come to rest, whole and symmetric.
  laboratory.enter("settling")
  world.apply(FaultPlan.Fault.SendFailure({ probability: 0 }))
  yield* laboratory.cycle(settlingCycles)
}
