/**
 * Broadcast along a tree (the Plumtree paper, TR-07-14 §4): a stable overlay, or one that has just been joined; broadcasts
 * from one sender or from many, by which the tree comes to be; then a share of all nodes dies at once, or some in every
 * cycle, and a broadcast each cycle tells how the tree fares.
 */
import { Random } from "@hyparview/core"
import * as Graph from "../Graph.ts"
import * as Measure from "../Measure.ts"
import type { BroadcastResult, Sample } from "../Result.ts"
import type { Options } from "./Options.ts"
import { type Laboratory, weights, type Work } from "./Laboratory.ts"
import { grow, growWork, stockWork } from "./stable.ts"

export function* plumtree(laboratory: Laboratory): Work {
  const { failures, healCycles, kill, messages, nodes, pace } = laboratory.options
  const survivors = nodes - Math.round(nodes * kill)
  laboratory.expect(
    growWork(laboratory) +
      stockWork(laboratory) +
      buildWork(laboratory.options, nodes) +
      (kill === 0
        ? 0
        : pace === "rate"
          ? buildWork(laboratory.options, survivors)
          : afterKillWork(survivors, healCycles)) +
      (failures === 0 ? 0 : whileFailingWork(survivors, failures, healCycles))
  )
  yield* grow(laboratory)
  yield* laboratory.takeStock()
  const sender = laboratory.world.randomAlive()
  yield* build(laboratory, sender, messages)
  if (kill > 0 && pace === "rate") yield* onThroughKill(laboratory, sender, kill, messages)
  else if (kill > 0) yield* afterKill(laboratory, sender, kill, healCycles)
  if (failures > 0) yield* whileFailing(laboratory, sender, failures, healCycles)
}

/** Broadcasts by which the tree comes to be, at the pace that the options ask for. */
export function* build(laboratory: Laboratory, sender: number, messages: number): Work {
  laboratory.enter("messages")
  if (laboratory.options.pace === "rate") return yield* atRate(laboratory, sender, messages)
  for (let i = 0; i < messages; i++) {
    laboratory.broadcasts.push(yield* laboratory.broadcast(sourceOf(laboratory, sender)))
    if (laboratory.options.pace === "cycle") yield* laboratory.cycle(1)
  }
}

/** The work of `build`, where so many are alive. */
export const buildWork = ({ messages, pace }: Pick<Options, "messages" | "pace">, alive: number): number =>
  alive * messages * (weights.delivery + (pace === "cycle" ? weights.cycle : 0))

/** Who publishes: the one sender, or anybody. */
const sourceOf = ({ options, world }: Laboratory, sender: number): number =>
  options.senders === "one" ? sender : world.randomAlive()

/**
 * So many a second, whatever is still under way. Whose a control frame is cannot be told then, since one announces many:
 * each broadcast is given the mean.
 */
function* atRate(laboratory: Laboratory, sender: number, messages: number): Work {
  const { options, world } = laboratory
  const { alive, controls } = world
  const indices: Array<number> = []
  for (let i = 0; i < messages; i++) {
    indices.push(world.publish(sourceOf(laboratory, sender)))
    yield* laboratory.runFor(Math.floor(1_000_000 / options.rate))
    laboratory.advance(alive * weights.delivery)
  }
  // What waits to be announced goes out, and is answered.
  yield* laboratory.runFor((options.announceMillis + 1_000) * 1_000)
  yield* laboratory.settle()
  const control = messages === 0 ? 0 : (world.controls - controls) / messages
  for (const index of indices) {
    const broadcast = world.broadcasts[index]
    if (broadcast !== undefined) laboratory.broadcasts.push(Measure.broadcastResult(broadcast, alive, control))
  }
}

/**
 * A share of all nodes dies at once, the sender not; one broadcast before anybody has noticed (cycle 0), and one after each
 * cycle. Healed: the first that reaches as large a share as before the failure, the survivors being one component.
 */
export function* afterKill(laboratory: Laboratory, sender: number, share: number, cycles: number): Work {
  laboratory.enter("healing")
  crashAllBut(laboratory, sender, share)
  for (let cycle = 0; cycle <= cycles; cycle++) {
    if (cycle > 0) yield* laboratory.cycle(1)
    const broadcast = yield* laboratory.broadcast(sourceOf(laboratory, sender))
    const sample = sampleOf(laboratory, cycle, broadcast)
    laboratory.samples.push(sample)
    if (laboratory.healingCycles === null && laboratory.hasHealed(sample)) laboratory.healingCycles = cycle
  }
}

/** The work of `afterKill`, by how many survive. */
export const afterKillWork = (survivors: number, cycles: number): number =>
  survivors * ((cycles + 1) * weights.delivery + cycles * weights.cycle)

/** A share of all nodes dies at once, the sender not, and the broadcasts go on at their rate, without a cycle. */
function* onThroughKill(laboratory: Laboratory, sender: number, share: number, messages: number): Work {
  crashAllBut(laboratory, sender, share)
  yield* atRate(laboratory, sender, messages)
}

const crashAllBut = ({ options, world }: Laboratory, sender: number, share: number): void => {
  const count = Math.round(options.nodes * share)
  const victims = world.sampleAlive(count + 1).filter((node) => node !== sender)
  world.crash(victims.slice(0, count))
}

/** So many nodes die in every cycle, each at a moment of its own; a broadcast after each cycle. */
export function* whileFailing(laboratory: Laboratory, sender: number, failures: number, cycles: number): Work {
  const { membership, world } = laboratory
  const random = world.randomFor(4)
  laboratory.enter("failures")
  for (let cycle = 1; cycle <= cycles; cycle++) {
    world.resumeCycles()
    const moments = Array.from({ length: failures }, () => Random.nextBelow(random, membership.cycleMillis))
    let last = 0
    for (const moment of moments.sort((a, b) => a - b)) {
      yield* laboratory.runFor((moment - last) * 1_000)
      last = moment
      let victim = sender
      while (victim === sender && world.alive > 1) victim = world.randomAlive(random)
      world.crash([victim])
    }
    yield* laboratory.runFor((membership.cycleMillis - last) * 1_000)
    laboratory.advance(world.alive * weights.cycle)
    world.pauseCycles()
    const broadcast = yield* laboratory.broadcast(sourceOf(laboratory, sender))
    laboratory.samples.push(sampleOf(laboratory, cycle, broadcast))
  }
}

/** The work of `whileFailing`, by how many are alive before it. */
export const whileFailingWork = (alive: number, failures: number, cycles: number): number =>
  (alive * cycles - (failures * cycles * (cycles + 1)) / 2) * (weights.delivery + weights.cycle)

const sampleOf = ({ world }: Laboratory, cycle: number, broadcast: BroadcastResult): Sample => {
  const parts = Graph.components(Measure.picture(world, "active").graph)
  const { control, hops, payload, reliability, rmr } = broadcast
  return {
    cycle,
    alive: world.alive,
    components: parts.count,
    largestComponent: parts.largest,
    reliability,
    rmr,
    hops,
    payload,
    control
  }
}
