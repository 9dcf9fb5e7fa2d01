/**
 * Churn: a stable overlay, then in every cycle some nodes crash, some leave in order, and as many come back under their
 * old ids, at random moments (a Poisson process, to the millisecond); a few broadcasts each cycle, at random moments too, tell
 * how it is going. Nothing waits for them: a node that goes while one is under way counts as not reached.
 */
import { Random } from "@hyparview/core"
import { exp } from "@hyparview/faults/Arithmetic"
import * as Graph from "../Graph.ts"
import * as Measure from "../Measure.ts"
import { type Laboratory, weights, type Work } from "./Laboratory.ts"
import { grow, growWork } from "./stable.ts"

/** In ten cycles the share `kill` goes away, half of it without a word. */
const cyclesPerShare = 10

/** Broadcasts in each cycle. */
const broadcasts = 3

/** None begins so late in a cycle that it might not be over at its end, in milliseconds. */
const spreadMillis = 2_000

export function* churn(laboratory: Laboratory): Work {
  const { healCycles, kill, nodes } = laboratory.options
  const departures = (nodes * kill) / cyclesPerShare
  laboratory.expect(
    growWork(laboratory) +
      healCycles * (nodes * (weights.cycle + broadcasts * weights.delivery) + departures * 2 * laboratory.joinWork)
  )
  yield* grow(laboratory)
  laboratory.before = Measure.overlay(laboratory.world)
  laboratory.enter("churn")
  const random = laboratory.world.randomFor(2)
  const { cycleMillis } = laboratory.membership
  const { world } = laboratory
  const perMilli = departures / cycleMillis
  const away: Array<number> = []
  world.resumeCycles()
  for (let cycle = 1; cycle <= healCycles; cycle++) {
    const published: Array<{ readonly index: number; readonly alive: number }> = []
    const moments = new Set<number>()
    const latest = Math.max(broadcasts, cycleMillis - spreadMillis)
    while (moments.size < broadcasts) moments.add(Random.nextBelow(random, latest))
    let last = 0
    for (let millis = 0; millis < cycleMillis; millis++) {
      const departing = countOf(random, perMilli)
      const returning = Math.min(countOf(random, perMilli), away.length)
      if (departing + returning === 0 && !moments.has(millis)) continue
      yield* laboratory.runFor((millis - last) * 1000)
      last = millis
      for (let i = 0; i < departing && world.alive > 2; i++) away.push(depart(laboratory, random))
      for (let i = 0; i < returning; i++) comeBack(laboratory, away, random)
      if (moments.has(millis)) published.push({ alive: world.alive, index: world.publish(world.randomAlive(random)) })
    }
    yield* laboratory.runFor((cycleMillis - last) * 1000)
    laboratory.advance(nodes * (weights.cycle + broadcasts * weights.delivery) + departures * 2 * laboratory.joinWork)
    const parts = Graph.components(Measure.picture(world, "active").graph)
    const reached = published.map(({ alive, index }) => (world.broadcasts[index]?.delivered ?? 0) / alive)
    laboratory.samples.push({
      cycle,
      alive: world.alive,
      components: parts.count,
      largestComponent: parts.largest,
      reliability: reached.reduce((sum, share) => sum + share, 0) / Math.max(1, reached.length),
      deadPassiveShare: Measure.deadPassiveShare(world)
    })
  }
  world.pauseCycles()
  yield* laboratory.settle()
}

/** Of a larger mean e^−mean would come near to what 32 bits of chance cannot tell from 0. */
const largestMean = 8

/** A Poisson count of some mean: how many factors from 0 to 1 a product takes to fall to e^−mean (Knuth), for a large mean in parts. */
export const countOf = (random: Random.Random, mean: number): number => {
  let count = 0
  for (let left = mean; left > 0; left -= largestMean) {
    const end = exp(-Math.min(left, largestMean))
    for (let product = uniform(random); product > end; product *= uniform(random)) count++
  }
  return count
}

const uniform = (random: Random.Random): number => Random.nextBelow(random, 4_294_967_296) / 4_294_967_296

/** Half of those who go do so without a word. */
const depart = ({ world }: Laboratory, random: Random.Random): number => {
  const node = world.randomAlive(random)
  if (Random.nextBelow(random, 2) === 0) world.crash([node])
  else world.leave(node)
  return node
}

const comeBack = ({ world }: Laboratory, away: Array<number>, random: Random.Random): void => {
  const [node] = away.splice(Random.nextBelow(random, Math.max(1, away.length)), 1)
  const contact = world.randomAlive(random)
  if (node !== undefined && contact >= 0) world.start(node, [contact])
}
