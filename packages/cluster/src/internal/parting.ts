/**
 * The partition in force: who is cut off from whom, through whom a node joins that comes up in it, and who has yet to meet
 * the others when it is healed.
 */
import * as Effect from "effect/Effect"
import * as Partition from "../Partition.ts"
import { type Pool, unanimous } from "./pool.ts"
import type { ManagedNode, Roster } from "./roster.ts"

/** `joinThrough` has nodes join through contacts. */
export const makeParting = (
  pool: Pool,
  roster: Roster,
  joinThrough: (contacts: ReadonlyArray<string>, ids: ReadonlySet<string>) => Effect.Effect<unknown>
) => {
  let partition: Partition.Partition | undefined
  /** Who came up in a part of which nobody was left, and has to meet the others when the cut is healed. */
  const strangers = new Set<string>()

  /**
   * Through whom each of these joins: somebody of the same part who is settled, or else the first of its part among
   * themselves. Who is in no part reaches everybody, and everybody reaches him. A part of which nobody was left is
   * given the address of another part too, which it finds when the cut is healed.
   */
  const contactsFor = (joiners: ReadonlySet<string>): ReadonlyMap<string, ReadonlyArray<string>> => {
    const groupOf = (id: string) => partition?.groups.findIndex((group) => group.includes(id)) ?? -1
    const running = roster.running()
    const settled = running.filter(({ id }) => !joiners.has(id))
    const coming = running.filter(({ id }) => joiners.has(id))
    const firstOf = (nodes: ReadonlyArray<ManagedNode>, own: number) =>
      nodes.find(({ id }) => own >= 0 && groupOf(id) === own) ?? nodes.find(({ id }) => own < 0 || groupOf(id) < 0)
    const reachesAll = coming.find(({ id }) => groupOf(id) < 0)
    return new Map(
      coming.map(({ id }) => {
        const own = groupOf(id)
        const near = firstOf(settled, own)
        if (near !== undefined) return [id, [near.address]]
        const first = reachesAll ?? firstOf(coming, own)
        const far = running.find((node) => groupOf(node.id) !== own)
        if (first?.id === id && far !== undefined) strangers.add(id)
        return [id, [...new Set([first, far].flatMap((node) => node?.address ?? []))]]
      })
    )
  }

  /** Every process is told of the cut again, which has nodes that the others do not know. */
  const enforce = Effect.suspend(() => {
    if (partition === undefined) return Effect.succeed([])
    const { mode } = partition
    const cuts = Partition.cuts(partition, roster.running())
    return pool.askEach("Block", (control, process) => {
      const here = new Set(roster.runningIn(process))
      const own = cuts.flatMap(({ from, nodes }) => {
        const some = nodes.filter((id) => here.has(id))
        return some.length === 0 ? [] : [{ nodes: some, from }]
      })
      return own.length === 0 ? Effect.void : control.Block({ mode, cuts: own })
    })
  })

  const lift = Effect.suspend(() => {
    partition = undefined
    return unanimous(pool.askEach("Heal", (control) => control.Heal()))
  })

  const heal = Effect.gen(function* () {
    const groups = partition?.groups ?? []
    yield* lift
    // Whoever came up when nobody of its part was left has never met anybody of another.
    const apart = [...strangers]
    strangers.clear()
    const others = (id: string) => {
      const own = groups.find((group) => group.includes(id)) ?? []
      return roster.running().find((node) => node.id !== id && !own.includes(node.id))
    }
    for (const id of apart) {
      const other = others(id)
      if (other !== undefined) yield* joinThrough([other.address], new Set([id]))
    }
  })

  const part = Effect.fnUntraced(function* (wanted: Partition.Partition) {
    const checked = yield* Effect.fromResult(Partition.make(wanted, (id) => roster.get(id) !== undefined))
    // A node that is in no group any more reaches everybody.
    if (partition !== undefined) yield* lift
    partition = checked
    yield* unanimous(enforce)
  })

  return { current: () => partition, contactsFor, enforce, part, heal }
}
