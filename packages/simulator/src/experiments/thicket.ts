/**
 * Broadcast along several trees (the Thicket paper): a stable overlay of 25 neighbours each, and one source, or one node in
 * ten, that publishes rounds of messages, one for each tree, by which the trees come to be; the last round is cut short where
 * the messages asked for are no multiple. Then single nodes die, each in a copy of the world of its own, at the moment at which
 * a round is published: whom the branches that are left reach tells which trees the death interrupts, and who could not rebuild
 * a message that was striped over them. Then a share of all nodes may die at once, and the trees are measured again. Plumtree's
 * one tree over the same overlay stands beside.
 */
import { Plumtree } from "@hyparview/core"
import * as Forest from "../Forest.ts"
import * as Graph from "../Graph.ts"
import * as Measure from "../Measure.ts"
import type { BroadcastResult, Death } from "../Result.ts"
import type { World } from "../World.ts"
import { type Laboratory, weights, type Work } from "./Laboratory.ts"
import { grow, growWork } from "./stable.ts"

/** Nodes that die alone, each in a copy of the world. */
const deaths = 20

/** With many senders: the share of the nodes that publish, each in all trees, all at one instant. */
const publishingShare = 0.1

/** Time for a round: announcements wait, what is missing is grafted, refused, grafted elsewhere. */
const roundMillis = 3_000

const topic = "broadcast"

export function* thicket(laboratory: Laboratory): Work {
  const { announceMillis, healCycles, kill, messages, nodes, senders } = laboratory.options
  const config: Plumtree.Config = {
    ...Plumtree.defaultConfig,
    strategy: "thicket",
    announceMillis,
    sourcesSize: senders === "many" ? nodes : 4
  }
  const { treesCount } = config
  const publishing = senders === "many" ? Math.max(2, Math.round(nodes * publishingShare)) : 1
  const rounds = Math.ceil(messages / treesCount / publishing)
  const survivors = nodes - Math.round(nodes * kill)
  const later = kill === 0 ? 0 : (healCycles + 1) * treesCount * (1 + (publishing - 1) * (1 - kill))
  laboratory.expect(
    growWork(laboratory) +
      nodes * weights.delivery * (rounds + messages) +
      deaths * (nodes - 1) * weights.delivery * treesCount +
      survivors * (weights.delivery * later + (kill === 0 ? 0 : healCycles * weights.cycle))
  )
  yield* grow(laboratory)
  const source = laboratory.world.randomAlive()
  const others = laboratory.world.sampleAlive(publishing - 1).filter((node) => node !== source)
  const stable = laboratory.world

  laboratory.replaceWorld(stable.fork(1, { ...Plumtree.paperConfig, sourcesSize: 4 }))
  laboratory.enter("Plumtree")
  for (let i = 0; i < rounds; i++) yield* laboratory.broadcast(source)
  const plumtreeLoad = Forest.plumtreeLoad(laboratory.world, source)

  laboratory.replaceWorld(stable.fork(2, config))
  laboratory.enter("rounds")
  const sources = [source, ...others]
  for (let left = messages; left > 0; left -= sources.length * treesCount) {
    laboratory.broadcasts.push(...(yield* round(laboratory, sources, treesCount, left)))
  }
  const settled = Forest.thicket(laboratory.world, source, others)
  const found = { source, settled, plumtreeLoad, deaths: new Array<Death>() }
  laboratory.thicket = found

  laboratory.enter("deaths")
  const built = laboratory.world
  const random = built.randomFor(5)
  for (let i = 0; i < deaths; i++) {
    laboratory.replaceWorld(built.fork(10 + i))
    let victim = source
    while (victim === source) victim = laboratory.world.randomAlive(random)
    found.deaths.push(yield* death(laboratory, source, victim, treesCount))
  }
  laboratory.replaceWorld(built)
  if (kill > 0) yield* massDeath(laboratory, source, others, treesCount, found)
}

/** A message for each tree of each source, but so many at most, all at once, and time for what they call for. */
function* round(
  laboratory: Laboratory,
  sources: ReadonlyArray<number>,
  treesCount: number,
  most = Number.POSITIVE_INFINITY
): Generator<void, ReadonlyArray<BroadcastResult>> {
  const { world } = laboratory
  const { alive, controls } = world
  const each = sources.flatMap((source) => Array.from({ length: treesCount }, () => source)).slice(0, most)
  const indices = each.map((source) => world.publish(source, topic))
  yield* laboratory.runFor(roundMillis * 1_000)
  yield* laboratory.settle()
  laboratory.advance(alive * weights.delivery * indices.length)
  // One IHave announces several: each message is given the mean.
  const control = (world.controls - controls) / Math.max(1, indices.length)
  return indices.flatMap((index) => {
    const broadcast = world.broadcasts[index]
    return broadcast === undefined ? [] : [Measure.broadcastResult(broadcast, alive, control)]
  })
}

/** One node dies, and a round is published before anybody knows. */
function* death(laboratory: Laboratory, source: number, victim: number, treesCount: number): Generator<void, Death> {
  const { world } = laboratory
  const state = world.stateOf(victim)?.broadcast
  const children = state === undefined ? [] : Plumtree.childCounts(state)
  world.crash([victim])
  // Not timed: a slow message is not one that has been interrupted, and repairs may begin before the last has come.
  const trees = Array.from({ length: treesCount }, (_, tree) => Forest.reached(world, source, tree))
  const counts = partsOf(world, trees)
  const interrupted = trees.filter(({ size }) => size < world.alive).length
  const first = world.broadcasts.length
  for (let i = 0; i < treesCount; i++) world.publish(source, topic)
  yield* laboratory.runFor(roundMillis * 1_000)
  yield* laboratory.settle()
  const least = Math.min(...world.broadcasts.slice(first).map(({ delivered }) => delivered))
  laboratory.advance(world.alive * weights.delivery * treesCount)
  return {
    children,
    interiorTrees: children.filter((count) => count > 0).length,
    interruptedTrees: interrupted,
    parts: Graph.histogram(counts),
    gaps: counts.filter((count) => count < treesCount - 1).length,
    reliability: least / Math.max(1, world.alive)
  }
}

/** By how many of the trees each node is reached. */
const partsOf = (world: World, trees: ReadonlyArray<ReadonlyMap<number, number>>): ReadonlyArray<number> => {
  const counts: Array<number> = []
  for (let node = 0; node < world.options.nodes; node++) {
    if (world.isAlive(node)) counts.push(trees.filter((reached) => reached.has(node)).length)
  }
  return counts
}

/** A share of all nodes dies at once; then a round after each cycle. */
function* massDeath(
  laboratory: Laboratory,
  source: number,
  others: ReadonlyArray<number>,
  treesCount: number,
  found: NonNullable<Laboratory["thicket"]>
): Work {
  const { options, world } = laboratory
  laboratory.enter("healing")
  const count = Math.round(options.nodes * options.kill)
  world.crash(
    world
      .sampleAlive(Math.min(world.alive, count + 1))
      .filter((node) => node !== source)
      .slice(0, count)
  )
  for (let cycle = 0; cycle <= options.healCycles; cycle++) {
    if (cycle > 0) yield* laboratory.cycle(1)
    const sources = [source, ...others.filter((node) => world.isAlive(node))]
    const list = yield* round(laboratory, sources, treesCount)
    const parts = Graph.components(Measure.picture(world, "active").graph)
    const mean = (of: (broadcast: BroadcastResult) => number) => Measure.mean(list.map(of))
    const reliability = mean((broadcast) => broadcast.reliability)
    laboratory.samples.push({
      cycle,
      alive: world.alive,
      components: parts.count,
      largestComponent: parts.largest,
      reliability,
      rmr: mean(({ rmr }) => rmr),
      hops: mean(({ hops }) => hops),
      payload: mean(({ payload }) => payload),
      control: mean(({ control }) => control)
    })
    if (laboratory.healingCycles === null && reliability >= 1) laboratory.healingCycles = cycle
  }
  laboratory.thicket = { ...found, healed: Forest.thicket(world, source, others) }
}
