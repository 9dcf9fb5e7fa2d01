/**
 * What neighbours tell each other of their load: in how many children they forward each tree's messages. It is told when
 * it has changed, together with the announcements of the next moments, and guides whom a node asks to be its parent.
 *
 * @since 0.1.0
 */
import type { Key } from "../../Peer.ts"
import { nextBelow } from "../../Random.ts"
import { allOf, has } from "../Neighbors.ts"
import { indexOf } from "../State.ts"
import { childrenOf } from "./Branches.ts"
import { changeLink, type Transition } from "../Transition.ts"

/** The most children that a Load can name of one tree: one byte. */
const mostChildren = 255

/** Tells the load to all neighbours that do not know it. */
export const tellLoad = <I extends Key, A>(t: Transition<I, A>): void => {
  const { neighbors, thicket } = t.state
  const { told, trees } = thicket
  const all = allOf(t.state)
  if (trees.length === 0 || told === all) return
  const message = { _tag: "Load", children: trees.map(childrenOf) } as const
  neighbors.forEach((to, index) => {
    if (!has(told, index)) t.outputs.push({ _tag: "Send", to, message })
  })
  t.state.thicket = { trees, told: all }
}

/** LOAD received. */
export const onLoad = <I extends Key, A>(t: Transition<I, A>, index: number, children: ReadonlyArray<number>): void => {
  if (children.length !== t.state.thicket.trees.length) return
  if (children.every((count) => Number.isInteger(count) && count >= 0 && count <= mostChildren)) {
    changeLink(t, index, { children })
  }
}

/** Children over all trees. */
export const sumOf = (children: ReadonlyArray<number>): number => {
  let sum = 0
  for (const count of children) sum += count
  return sum
}

/**
 * How little it costs that a neighbour takes one more child in a tree; the lower the better. Best is one that forwards in
 * this tree and in no other; then one that forwards in none, and would begin to; then one that does so in this tree and
 * others; then one that would become interior in a second tree. Of two alike the one with fewer children.
 */
export const costOf = (children: ReadonlyArray<number>, number: number, maxLoad: number): number => {
  const here = children[number] ?? 0
  const sum = sumOf(children)
  if (sum >= maxLoad) return Infinity
  const rank = sum === 0 ? 1 : here === sum ? 0 : here > 0 ? 2 : 3
  return rank * (mostChildren + 1) + sum
}

/** Of some neighbours the one that costs least in a tree, by chance of those alike; undefined if none has room. */
export const leastOf = <I extends Key, A>(
  t: Transition<I, A>,
  number: number,
  ids: ReadonlyArray<I>
): I | undefined => {
  const { state } = t
  const branches = state.thicket.trees[number]?.branches ?? 0
  let least = Infinity
  let alike = 0
  let best: I | undefined
  for (const id of ids) {
    const index = indexOf(state, id)
    if (index < 0 || has(branches, index)) continue
    const cost = costOf(state.links[index]?.children ?? [], number, state.config.maxLoad)
    if (cost > least || cost === Infinity) continue
    alike = cost < least ? 1 : alike + 1
    least = cost
    if (alike === 1 || nextBelow(state, alike) === 0) best = id
  }
  return best
}
