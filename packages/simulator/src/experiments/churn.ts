/**
 * Churn: a stable overlay, then in every cycle some nodes crash, some leave in order, and as many come back under their
 * old ids, at random moments (a Poisson process, to the millisecond); one broadcast each cycle tells how it is going.
 */
import { Random } from "@hyparview/core"
import * as Measure from "../Measure.ts"
import { type Laboratory, weights, type Work } from "./Laboratory.ts"
import { grow, growWork } from "./stable.ts"

/** In ten cycles the share `kill` goes away, half of it without a word. */
const cyclesPerShare = 10

export function* churn(laboratory: Laboratory): Work {
  const { healCycles, kill, nodes } = laboratory.options
  const departures = (nodes * kill) / cyclesPerShare
  laboratory.expect(
    growWork(laboratory) + healCycles * (nodes * (weights.cycle + 3 * weights.delivery) + departures * 2 * weights.join)
  )
  yield* grow(laboratory)
  laboratory.before = Measure.overlay(laboratory.world)
  laboratory.enter("churn")
  const random = laboratory.world.randomFor(2)
  const { cycleMillis } = laboratory.membership
  const { world } = laboratory
  const away: Array<number> = []
  for (let cycle = 1; cycle <= healCycles; cycle++) {
    world.resumeCycles()
    // Each millisecond is a coin with the chance of a departure, and one with that of a return.
    const chance = Math.min(1, departures / cycleMillis)
    let last = 0
    for (let millis = 0; millis < cycleMillis; millis++) {
      const departs = Random.nextBelow(random, 1_000_000_000) < chance * 1_000_000_000
      const returns = Random.nextBelow(random, 1_000_000_000) < chance * 1_000_000_000
      if (!departs && !(returns && away.length > 0)) continue
      yield* laboratory.runFor((millis - last) * 1000)
      last = millis
      if (departs && world.alive > 2) {
        const node = world.randomAlive(random)
        if (Random.nextBelow(random, 2) === 0) world.crash([node])
        else world.leave(node)
        away.push(node)
      }
      if (returns) comeBack(laboratory, away, random)
    }
    yield* laboratory.runFor((cycleMillis - last) * 1000)
    laboratory.advance(nodes * weights.cycle + departures * 2 * weights.join)
    // The broadcasts run while others come and go: nothing is paused for them but the cycles' clock.
    world.pauseCycles()
    laboratory.samples.push(yield* laboratory.sample(cycle, 3))
  }
  yield* laboratory.settle()
}

const comeBack = ({ world }: Laboratory, away: Array<number>, random: Random.Random): void => {
  const [node] = away.splice(Random.nextBelow(random, Math.max(1, away.length)), 1)
  const contact = world.randomAlive(random)
  if (node !== undefined && contact >= 0) world.start(node, [contact])
}
