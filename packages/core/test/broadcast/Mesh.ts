/**
 * Broadcasts alone over a mesh of links: no membership, so that thousands of rounds cost little. Links are drawn at random,
 * and each has a latency of its own. A node that dies is lost to its neighbours after a while, and they link anew.
 */
import * as Plumtree from "@hyparview/core/Plumtree"
import { nextBelow, type Random, seeded, seededFor } from "@hyparview/core/Random"
import { peer } from "./subject.ts"

type State = Plumtree.State<number, number>
type Input = Plumtree.Input<number, number>
type Output = Plumtree.Output<number, number>

interface Event {
  readonly at: number
  readonly order: number
  readonly node: number
  readonly input: (now: number) => Input | undefined
}

export interface Options {
  readonly nodes: number
  readonly degree: number
  readonly latencyMillis: number
  readonly detectionMillis: number
  readonly config: Plumtree.Config
}

export class Mesh {
  now = 1_000
  observer: (id: number, state: State, outputs: ReadonlyArray<Output>) => void = () => {}
  readonly states = new Map<number, State>()
  private readonly options: Options
  private readonly random: Random
  private readonly latencies = new Map<number, number>()
  private events: Array<Event> = []
  private order = 0

  constructor(options: Options, seed: number) {
    this.options = options
    this.random = seeded(seed)
    for (let id = 1; id <= options.nodes; id++) {
      this.states.set(id, Plumtree.init({ config: options.config, self: peer(id), random: seededFor(seed, id) }))
    }
    // A ring, so that it hangs together, and links by chance up to the degree.
    for (let id = 1; id <= options.nodes; id++) this.link(id, (id % options.nodes) + 1)
    this.linkMore()
  }

  get alive(): ReadonlyArray<number> {
    return [...this.states.keys()]
  }

  publish(id: number, text: string): void {
    const payload = new TextEncoder().encode(text)
    this.give(id, { _tag: "Publish", now: this.now, topic: "mesh", payload })
  }

  /** It dies. Its neighbours notice later, each at once, and links are made in the place of its. */
  kill(id: number): void {
    const neighbors = this.states.get(id)?.neighbors ?? []
    this.states.delete(id)
    for (const neighbor of neighbors) {
      this.at(this.now + this.options.detectionMillis, neighbor.id, (now) => ({
        _tag: "NeighborDown",
        now,
        peer: peer(id)
      }))
    }
  }

  advance(millis: number): void {
    const until = this.now + millis
    for (;;) {
      const [next] = this.events
      if (next === undefined || next.at > until) break
      this.pop()
      this.now = next.at
      const input = next.input(this.now)
      if (input !== undefined) this.give(next.node, input)
    }
    this.now = until
  }

  /** Links by chance between those that have too few. */
  linkMore(): void {
    const { degree } = this.options
    for (let i = 0; i < 20 * this.states.size; i++) {
      const free = this.alive.filter((id) => (this.states.get(id)?.neighbors.length ?? 0) < degree)
      const a = free[nextBelow(this.random, Math.max(1, free.length))]
      const b = free[nextBelow(this.random, Math.max(1, free.length))]
      if (a === undefined || b === undefined) return
      if (a !== b && this.states.get(a)?.neighbors.some(({ id }) => id === b) === false) this.link(a, b)
    }
  }

  private link(a: number, b: number): void {
    this.latencies.set(this.nameOf(a, b), 1 + nextBelow(this.random, this.options.latencyMillis))
    this.give(a, { _tag: "NeighborUp", now: this.now, peer: peer(b) })
    this.give(b, { _tag: "NeighborUp", now: this.now, peer: peer(a) })
  }

  private nameOf(a: number, b: number): number {
    return Math.min(a, b) * 100_000 + Math.max(a, b)
  }

  private give(id: number, input: Input): void {
    const before = this.states.get(id)
    if (before === undefined) return
    const { outputs, state } = Plumtree.step(before, input)
    this.states.set(id, state)
    for (const output of outputs) {
      if (output._tag === "Send") this.send(id, output.to.id, output.message)
      else if (output._tag === "SetTimer") this.setTimer(id, output.kind, output.nonce, output.at)
    }
    this.observer(id, state, outputs)
  }

  private send(from: number, to: number, message: Plumtree.Message<number>): void {
    const latency = this.latencies.get(this.nameOf(from, to)) ?? 1
    this.at(this.now + latency, to, (now) =>
      // What is between two that are no neighbours any more is lost with their link.
      this.states.get(to)?.neighbors.some(({ id }) => id === from) === true
        ? { _tag: "Received", now, from: peer(from), message }
        : undefined
    )
  }

  private setTimer(id: number, kind: Plumtree.Timer, nonce: number, at: number): void {
    this.at(Math.max(this.now, at), id, (now) =>
      this.states.get(id)?.timers[kind].nonce === nonce ? { _tag: "TimerFired", now, kind, nonce } : undefined
    )
  }

  // --- a heap by time, and by order at one time ---

  private at(at: number, node: number, input: Event["input"]): void {
    const { events } = this
    let index = events.push({ at, order: this.order++, node, input }) - 1
    while (index > 0) {
      const above = (index - 1) >> 1
      if (this.isBefore(above, index)) return
      this.swap(above, index)
      index = above
    }
  }

  private pop(): void {
    const { events } = this
    const last = events.pop()
    if (last === undefined || events.length === 0) return
    events[0] = last
    for (let index = 0; ;) {
      const left = 2 * index + 1
      let first = index
      if (left < events.length && this.isBefore(left, first)) first = left
      if (left + 1 < events.length && this.isBefore(left + 1, first)) first = left + 1
      if (first === index) return
      this.swap(first, index)
      index = first
    }
  }

  private isBefore(a: number, b: number): boolean {
    const { at = 0, order = 0 } = this.events[a] ?? {}
    const other = this.events[b]
    return other !== undefined && (at < other.at || (at === other.at && order < other.order))
  }

  private swap(a: number, b: number): void {
    const one = this.events[a]
    const other = this.events[b]
    if (one === undefined || other === undefined) return
    this.events[a] = other
    this.events[b] = one
  }
}
