/**
 * The ways in which a cluster is cut: into which parts, and what the network does to them.
 */
import { Random } from "@hyparview/core"
import { FaultPlan } from "@hyparview/faults"
import type { World } from "../World.ts"
import type { Options } from "./Options.ts"

type Cut = Options["cut"]

/** How large the parts are, relative to each other. */
export const weightsOf = (cut: Cut): ReadonlyArray<number> =>
  cut === "tenth" ? [9, 1] : cut === "thirds" ? [1, 1, 1] : [1, 1]

/** The parts: at random, but for islands, where nodes join theirs in turn. */
export const partsOf = (cut: Cut, nodes: number, random: Random.Random): ReadonlyArray<ReadonlyArray<number>> => {
  const all = Array.from({ length: nodes }, (_, node) => node)
  if (cut === "islands") return [all.filter((node) => node % 2 === 0), all.filter((node) => node % 2 === 1)]
  for (let i = nodes - 1; i > 0; i--) {
    const other = Random.nextBelow(random, i + 1)
    const kept = all[i] ?? 0
    all[i] = all[other] ?? 0
    all[other] = kept
  }
  const weights = weightsOf(cut)
  const sum = weights.reduce((a, b) => a + b, 0)
  let before = 0
  return weights.map((weight) => {
    const start = Math.round((before * nodes) / sum)
    before += weight
    return all.slice(start, Math.round((before * nodes) / sum))
  })
}

/** The first nodes of either island. Discovery names nobody else. */
export const contactsOfIslands = ({ contacts }: Options): ReadonlyArray<number> =>
  Array.from({ length: 2 * contacts }, (_, node) => node)

/** The cycles for which a flapping cut is on, or off. */
const flappingCycles = 2

/** Of a flapping cut, whether it is on in a cycle: its phases are counted from its end, which is the heal of one that is on. */
const isOn = (cycle: number, cycles: number): boolean => Math.floor((cycles - 1 - cycle) / flappingCycles) % 2 === 0

/** What the network does in a cycle, counted from 0, of a cut that lasts for so many. */
export const applyCut = (
  world: World,
  cut: Cut,
  groups: ReadonlyArray<ReadonlyArray<number>>,
  cycle: number,
  cycles: number
): void => {
  const on = cut !== "flapping" || isOn(cycle, cycles)
  const before = cycle > 0 && (cut !== "flapping" || isOn(cycle - 1, cycles))
  if (on === before) return
  if (!on) return world.apply(FaultPlan.Fault.Heal())
  const [from = [], to = []] = groups
  if (cut === "one-way") return world.apply(FaultPlan.Fault.OneWay({ from, to }))
  world.apply(FaultPlan.Fault.Partition({ groups, mode: "reset" }))
}
