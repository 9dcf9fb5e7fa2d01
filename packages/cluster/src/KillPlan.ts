/**
 * Whom to kill: an exact number of nodes, whole processes first, drawn from a seed.
 *
 * @since 0.1.0
 */
import * as Random from "@hyparview/core/Random"

/**
 * A process and the ids of the nodes that live in it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Housing {
  readonly process: number
  readonly nodes: ReadonlyArray<string>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface KillPlan {
  /** Processes that die with all their nodes. */
  readonly processes: ReadonlyArray<number>
  /** Nodes that die alone, in processes that go on. */
  readonly nodes: ReadonlyArray<string>
}

const shuffled = <A>(items: ReadonlyArray<A>, random: Random.Random): ReadonlyArray<A> => {
  const draft = items.map((item) => ({ item, rank: Random.nextBits(random) }))
  return draft.sort((a, b) => a.rank - b.rank).map(({ item }) => item)
}

/**
 * How many nodes `percent` (0 to 100) of `nodes` are: the nearest whole number.
 *
 * @category planning
 * @since 0.1.0
 */
export const share = (nodes: number, percent: number): number => Math.round((nodes * percent) / 100)

/**
 * Kills exactly `count` nodes (all of them, if there are fewer): whole processes, in an order drawn from the seed, while
 * they fit into the number; then single nodes, drawn from all that are left.
 *
 * @category planning
 * @since 0.1.0
 * @example
 * ```ts
 * import { plan } from "@hyparview/cluster/KillPlan"
 *
 * const housings = [
 *   { process: 0, nodes: ["n1", "n2", "n3"] },
 *   { process: 1, nodes: ["n4", "n5", "n6"] }
 * ]
 * const { nodes, processes } = plan(housings, 4, 1)
 * console.log(processes.length, nodes.length) // 1 1
 * ```
 */
export const plan = (housings: ReadonlyArray<Housing>, count: number, seed: number): KillPlan => {
  const random = Random.seeded(seed)
  const processes: Array<number> = []
  let left = count
  for (const { nodes, process } of shuffled(housings, random)) {
    if (nodes.length === 0 || nodes.length > left) continue
    processes.push(process)
    left -= nodes.length
  }
  const others = housings.filter(({ process }) => !processes.includes(process)).flatMap(({ nodes }) => nodes)
  return { processes, nodes: shuffled(others, random).slice(0, left) }
}
