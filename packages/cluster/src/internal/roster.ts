/** The nodes that a supervisor has started, whether or not they still run. Names are `n1`, `n2` and so on. */
import * as Effect from "effect/Effect"
import { NoSuchNode } from "../Control.ts"

/**
 * A node that the supervisor has started, whether or not it still runs.
 *
 * @category models
 * @since 0.1.0
 */
export interface ManagedNode {
  readonly id: string
  readonly process: number
  readonly address: string
  readonly isRunning: boolean
}

export interface Roster {
  /** By number, in whichever order they came up: a seed must choose the same ones each time. */
  readonly all: () => ReadonlyArray<ManagedNode>
  readonly running: () => ReadonlyArray<ManagedNode>
  readonly runningIn: (process: number) => ReadonlyArray<string>
  readonly get: (id: string) => ManagedNode | undefined
  /** The process in which a node runs. */
  readonly processOf: (id: string) => Effect.Effect<number, NoSuchNode>
  readonly ids: () => ReadonlySet<string>
  readonly size: () => number
  readonly put: (node: ManagedNode) => void
  /** They do not run any more. */
  readonly bury: (ids: Iterable<string>) => void
  /** Names that nobody has had. */
  readonly newNames: (count: number) => ReadonlyArray<string>
}

/** A node's number, from 1. */
export const numberOf = (id: string): number => Number(id.slice(1))

export const makeRoster = (): Roster => {
  const nodes = new Map<string, ManagedNode>()
  const all = () => [...nodes.values()].sort((a, b) => numberOf(a.id) - numberOf(b.id))
  const running = () => all().filter((node) => node.isRunning)
  return {
    all,
    running,
    runningIn: (process) =>
      running()
        .filter((node) => node.process === process)
        .map(({ id }) => id),
    get: (id) => nodes.get(id),
    processOf: (id) => {
      const node = nodes.get(id)
      return node?.isRunning === true ? Effect.succeed(node.process) : Effect.fail(new NoSuchNode({ node: id }))
    },
    ids: () => new Set(nodes.keys()),
    size: () => nodes.size,
    put: (node) => {
      nodes.set(node.id, node)
    },
    bury: (ids) => {
      for (const id of ids) {
        const node = nodes.get(id)
        if (node !== undefined) nodes.set(id, { ...node, isRunning: false })
      }
    },
    newNames: (count) => {
      const last = all().at(-1)
      const first = last === undefined ? 1 : numberOf(last.id) + 1
      return Array.from({ length: count }, (_, index) => `n${first + index}`)
    }
  }
}
