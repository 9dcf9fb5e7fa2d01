/**
 * A cluster that does not exist, for the tests of the page and its server: links by a seed, messages that flood them, and
 * everything a page can do to it. It keeps the contract of `ClusterSource`; what it shows is no protocol's.
 */
import { Effect, Queue, Stream } from "effect"
import {
  type Action,
  ActionRefused,
  type ActionResult,
  type ClusterSource,
  type Happening,
  NoSuchNode,
  type Reach,
  type SeenNode
} from "../src/ClusterSource.ts"

interface Node {
  readonly id: string
  readonly process: number
  readonly active: Set<Node>
  isAlive: boolean
  group: number | null
}

export interface Options {
  readonly nodes: number
  readonly degree?: number
  readonly processes?: number
}

/** A small generator with a seed, so that every run makes up the same cluster. */
const randomFrom = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

const seen = (node: Node): SeenNode => ({
  id: node.id,
  address: `127.0.0.1:${9_000 + Number(node.id.slice(1))}`,
  process: node.process,
  status: node.isAlive ? "alive" : "dead",
  active: node.isAlive ? [...node.active].map(({ id }) => id) : [],
  passiveSize: 30,
  roundTripMillis: node.isAlive ? 0.2 + (Number(node.id.slice(1)) % 17) / 20 : null,
  group: node.group
})

export const makeUp = Effect.fnUntraced(function* (options: Options) {
  const { degree = 5, processes = 5 } = options
  const random = randomFrom(7)
  const nodes: Array<Node> = []
  const byId = new Map<string, Node>()
  const happenings = yield* Queue.sliding<Happening>(1_000)
  let sent = 0
  let observations = 0
  let messages = 0
  let latest: Reach | null = null

  const alive = (): ReadonlyArray<Node> => nodes.filter((node) => node.isAlive)
  const hears = (a: Node, b: Node): boolean => a.group === b.group || a.group === null || b.group === null

  /** Links nodes that have room with others that have, at random. */
  const mend = (): void => {
    const open = alive().filter((node) => node.active.size < degree)
    for (const node of open) {
      for (let attempt = 0; node.active.size < degree && attempt < 40; attempt++) {
        const other = open[Math.floor(random() * open.length)]
        if (other === undefined || other === node || other.active.size >= degree || !hears(node, other)) continue
        node.active.add(other)
        other.active.add(node)
      }
    }
  }

  const unlink = (node: Node, reason: string): void => {
    for (const neighbor of node.active) {
      neighbor.active.delete(node)
      const what = "lost a neighbour"
      Queue.offerUnsafe(happenings, { kind: "link", isBad: false, nodes: [neighbor.id, node.id], what, reason })
    }
    node.active.clear()
  }

  const add = (count: number): ReadonlyArray<string> => {
    const added = Array.from({ length: count }, () => {
      const id = `n${nodes.length + 1}`
      const process = nodes.length % processes
      const node: Node = { id, process, active: new Set(), isAlive: true, group: null }
      nodes.push(node)
      byId.set(id, node)
      return id
    })
    mend()
    return added
  }

  const kill = (victims: ReadonlyArray<Node>): ReadonlyArray<string> => {
    for (const node of victims) {
      node.isAlive = false
      unlink(node, "the connection was reset")
    }
    mend()
    return victims.map(({ id }) => id)
  }

  const find = (id: string): Effect.Effect<Node, NoSuchNode> => {
    const node = byId.get(id)
    return node?.isAlive === true ? Effect.succeed(node) : Effect.fail(new NoSuchNode({ node: id }))
  }

  const flood = (from: Node): ReadonlyArray<readonly [string, number, number]> => {
    const hops = new Map([[from, { hop: 0, millis: 0 }]])
    for (const [node, { hop, millis }] of hops) {
      for (const other of node.active) {
        sent++
        if (!hops.has(other)) hops.set(other, { hop: hop + 1, millis: millis + 1 + random() * 4 })
      }
    }
    return [...hops].map(([node, { hop, millis }]) => [node.id, hop, millis] as const)
  }

  const act = Effect.fnUntraced(function* (action: Action): Effect.fn.Return<ActionResult, NoSuchNode | ActionRefused> {
    switch (action._tag) {
      case "Publish": {
        const arrivals = flood(yield* find(action.node))
        messages++
        latest = {
          id: `m${messages}`,
          from: action.node,
          publishedAtMillis: 0,
          expected: alive().length,
          arrivals
        }
        return { _tag: "Published", reach: latest }
      }
      case "Kill":
        return { _tag: "Killed", nodes: kill(yield* Effect.forEach(action.nodes, find)) }
      case "KillShare": {
        const count = Math.round((alive().length * action.percent) / 100)
        const victims = alive().map((node) => ({ node, rank: random() }))
        victims.sort((a, b) => a.rank - b.rank)
        return { _tag: "Killed", nodes: kill(victims.slice(0, count).map(({ node }) => node)) }
      }
      case "Restart": {
        const wanted = new Set(action.nodes)
        const dead = nodes.filter((node) => !node.isAlive && (wanted.size === 0 || wanted.has(node.id)))
        if (dead.length === 0) return yield* new ActionRefused({ action: "Restart", detail: "no node is dead" })
        for (const node of dead) node.isAlive = true
        mend()
        return { _tag: "Restarted", nodes: dead.map(({ id }) => id) }
      }
      case "AddNodes":
        return { _tag: "Added", nodes: add(action.count) }
      case "Partition": {
        action.groups.forEach((ids, group) => {
          for (const id of ids) {
            const node = byId.get(id)
            if (node !== undefined) node.group = group
          }
        })
        for (const node of nodes) {
          for (const other of node.active) {
            if (hears(node, other)) continue
            node.active.delete(other)
            other.active.delete(node)
          }
        }
        mend()
        return { _tag: "Partitioned", sizes: action.groups.map(({ length }) => length) }
      }
      case "Heal": {
        for (const node of nodes) node.group = null
        // Links of the halves make room for links between them.
        const running = alive()
        for (const node of running.slice(0, Math.ceil(running.length / 4)))
          unlink(node, "somebody else needs the place")
        mend()
        return { _tag: "Healed" }
      }
    }
  })

  add(options.nodes)

  const source: ClusterSource["Service"] = {
    about: { cluster: "made-up", wantedDegree: degree, transport: "nothing at all" },
    observe: Effect.sync(() => {
      observations++
      sent += alive().length
      return {
        nodes: nodes.map(seen),
        processes,
        messages: { sent, received: sent },
        outboxBytes: 0,
        reach: latest
      }
    }),
    inspect: (id) =>
      Effect.map(find(id), (node) => ({
        id,
        epoch: 1,
        neighbors: [...node.active].map((neighbor) => ({ id: neighbor.id, roundTripMillis: 0.4 })),
        passive: alive()
          .filter((other) => other !== node && !node.active.has(other))
          .slice(0, 30)
          .map((other) => other.id),
        links: node.active.size,
        pending: 0,
        graveyard: 0,
        sent,
        received: sent,
        outboxBytes: 0
      })),
    happenings: Stream.fromQueue(happenings),
    act
  }
  return { source, observations: () => observations, happen: (it: Happening) => Queue.offerUnsafe(happenings, it) }
})
