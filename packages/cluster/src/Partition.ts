/**
 * A partition of a cluster into groups: which node is cut off from whom.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Result from "effect/Result"

/**
 * The groups make no sense. Nothing was changed.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidPartition extends Data.TaggedError("InvalidPartition")<{ readonly detail: string }> {
  override get message(): string {
    return `no partition: ${this.detail}`
  }
}

/**
 * Groups of node ids. Nodes of different groups do not reach each other; a node in no group reaches everybody.
 *
 * @category models
 * @since 0.1.0
 */
export interface Partition {
  readonly groups: ReadonlyArray<ReadonlyArray<string>>
  /**
   * `silent`: frames vanish and dials hang, as with a cut cable, and heartbeats must find it. `reset`: links break at
   * once, and dials are refused.
   */
  readonly mode: "silent" | "reset"
}

/**
 * A node, as far as a partition is concerned.
 *
 * @category models
 * @since 0.1.0
 */
export interface Place {
  readonly id: string
  readonly address: string
}

/**
 * Some nodes, and the addresses that they are cut off from.
 *
 * @category models
 * @since 0.1.0
 */
export interface Cut {
  readonly nodes: ReadonlyArray<string>
  readonly from: ReadonlyArray<string>
}

/**
 * At least two groups, none of them empty, each node in one of them, and each of them known.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  partition: Partition,
  isKnown: (id: string) => boolean
): Result.Result<Partition, InvalidPartition> => {
  const fault = faultOf(partition.groups, isKnown)
  return fault === undefined ? Result.succeed(partition) : Result.fail(new InvalidPartition({ detail: fault }))
}

const faultOf = (groups: Partition["groups"], isKnown: (id: string) => boolean): string | undefined => {
  if (groups.length < 2) return `${groups.length} groups: at least two are needed`
  const empty = groups.findIndex((group) => group.length === 0)
  if (empty >= 0) return `group ${empty + 1} is empty`
  const seen = new Set<string>()
  for (const id of groups.flat()) {
    if (!isKnown(id)) return `there is no node ${id}`
    if (seen.has(id)) return `${id} is named twice`
    seen.add(id)
  }
  return undefined
}

/**
 * Who is cut off from whom. An address is a node's present one: after a restart it is another.
 *
 * @category planning
 * @since 0.1.0
 * @example
 * ```ts
 * import { cuts } from "@hyparview/cluster/Partition"
 *
 * const places = ["a", "b", "c"].map((id) => ({ id, address: `host-${id}` }))
 * console.log(cuts({ groups: [["a", "b"], ["c"]], mode: "silent" }, places))
 * // [{ nodes: ["a", "b"], from: ["host-c"] }, { nodes: ["c"], from: ["host-a", "host-b"] }]
 * ```
 */
export const cuts = ({ groups }: Partition, places: ReadonlyArray<Place>): ReadonlyArray<Cut> => {
  const groupOf = new Map(groups.flatMap((group, index) => group.map((id) => [id, index] as const)))
  return groups.map((nodes, own) => ({
    nodes,
    from: places.filter(({ id }) => (groupOf.get(id) ?? own) !== own).map(({ address }) => address)
  }))
}
