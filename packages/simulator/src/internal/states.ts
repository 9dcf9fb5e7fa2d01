/**
 * The states of a world's nodes, between their steps: as they are, or as numbers (`RestingStates`).
 */
import type { Node } from "@hyparview/core"

/**
 * The state of a simulated node: ids and addresses are the node's index.
 *
 * @category models
 * @since 0.1.0
 */
export type NodeState = Node.State<number, number>

/** Mutable: they belong to the world that made them. */
export interface States {
  /** How many nodes there can be. */
  readonly length: number
  /** A node's state; undefined: it does not run. What it gives is to be looked at before the node's next state is set. */
  readonly get: (node: number) => NodeState | undefined
  /** Whether a node runs, and holds a link to another. */
  readonly hasNeighbor: (node: number, other: number) => boolean
  /** A node's state is another; `before` is what `get` gave, and undefined for the first of a process. */
  readonly set: (node: number, state: NodeState, before: NodeState | undefined) => void
  readonly delete: (node: number) => void
  /** What `get` gave, or a step has made of it, to be kept and looked at whenever. */
  readonly kept: (state: NodeState) => NodeState
  /** Reads of some nodes what their next steps will read first, and changes nothing: the misses of different nodes overlap. */
  readonly touch: (nodes: Int32Array, count: number) => number
  readonly fork: () => States
}

/** Each state as it is. */
export class WholeStates implements States {
  private readonly states: Array<NodeState | undefined>

  constructor(nodes: number, from?: WholeStates) {
    this.states = from?.states.slice() ?? Array.from<NodeState | undefined>({ length: nodes }).fill(undefined)
  }

  get length(): number {
    return this.states.length
  }

  get(node: number): NodeState | undefined {
    return this.states[node]
  }

  hasNeighbor(node: number, other: number): boolean {
    return this.states[node]?.membership.active.some(({ id }) => id === other) ?? false
  }

  set(node: number, state: NodeState): void {
    this.states[node] = state
  }

  delete(node: number): void {
    this.states[node] = undefined
  }

  kept(state: NodeState): NodeState {
    return state
  }

  touch(nodes: Int32Array, count: number): number {
    const { states } = this
    let sum = 0
    for (let i = 0; i < count; i++) {
      if (states[nodes[i] ?? 0] !== undefined) sum++
    }
    for (let i = 0; i < count; i++) {
      const state = states[nodes[i] ?? 0]
      if (state !== undefined) sum += state.membership.cycle
    }
    for (let i = 0; i < count; i++) {
      const state = states[nodes[i] ?? 0]
      if (state !== undefined) sum += state.membership.active.length + state.membership.self.epoch
    }
    for (let i = 0; i < count; i++) {
      const state = states[nodes[i] ?? 0]
      if (state === undefined) continue
      const { active } = state.membership
      for (let j = 0; j < active.length; j++) sum += active[j]?.heardIn ?? 0
    }
    return sum | 0
  }

  fork(): WholeStates {
    return new WholeStates(0, this)
  }
}
