/**
 * A partition and its heal: a stable overlay is cut in two halves whose links break, each repairs itself into an overlay
 * of its own; then the cut ends, and the measure is how soon there is one component again, and how many links cross
 * between the halves against a random graph's.
 */
import { FaultPlan } from "@hyparview/faults"
import * as Graph from "../Graph.ts"
import * as Measure from "../Measure.ts"
import { type Laboratory, weights, type Work } from "./Laboratory.ts"
import { grow, growWork } from "./stable.ts"

/** Cycles that the cut lasts: longer than a shuffle needs to clear the other side out of the passive views. */
const cutCycles = 10

export function* partition(laboratory: Laboratory): Work {
  const { healCycles, nodes } = laboratory.options
  laboratory.expect(growWork(laboratory) + (cutCycles + healCycles) * nodes * (weights.cycle + weights.delivery))
  yield* grow(laboratory)
  const { world } = laboratory
  laboratory.before = Measure.overlay(world)
  const shuffled = world.sampleAlive(nodes, world.randomFor(3))
  const half = Math.floor(nodes / 2)
  const groups = [shuffled.slice(0, half), shuffled.slice(half)]
  const groupOf = new Uint8Array(nodes)
  for (const node of groups[1] ?? []) groupOf[node] = 1
  const inFirst = (node: number) => groupOf[node] ?? 0

  laboratory.enter("cut")
  world.apply(FaultPlan.Fault.Partition({ groups, mode: "reset" }))
  for (let cycle = -cutCycles; cycle < 0; cycle++) {
    yield* laboratory.cycle(1)
    laboratory.samples.push(withCrossLinks(laboratory, yield* laboratory.sample(cycle, 1), inFirst))
  }

  laboratory.enter("healing")
  world.apply(FaultPlan.Fault.Heal())
  for (let cycle = 1; cycle <= healCycles; cycle++) {
    yield* laboratory.cycle(1)
    const sample = withCrossLinks(laboratory, yield* laboratory.sample(cycle, 1), inFirst)
    laboratory.samples.push(sample)
    if (sample.components === 1 && laboratory.healingCycles === null) laboratory.healingCycles = cycle
  }
}

const withCrossLinks = <A extends object>({ world }: Laboratory, sample: A, groupOf: (node: number) => number) => {
  const { graph, nodes } = Measure.picture(world, "active")
  const group = (index: number) => groupOf(nodes[index] ?? 0)
  let inSecond = 0
  for (let i = 0; i < graph.nodes; i++) inSecond += group(i)
  const inFirst = graph.nodes - inSecond
  const links = graph.targets.length
  return {
    ...sample,
    crossLinks: Graph.crossLinks(graph, group),
    crossLinksOfRandomGraph:
      graph.nodes < 2 ? 0 : Math.round((links * 2 * inFirst * inSecond) / (graph.nodes * (graph.nodes - 1)))
  }
}
