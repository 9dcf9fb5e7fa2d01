/**
 * The states of a world's nodes between their steps.
 *
 * A state is a graph of some hundred small objects. Where there are many nodes each object is a miss of the caches, and of
 * those that translate addresses, and one waits for another, from pointer to pointer; and since a step makes new ones, all of
 * them move through the young generation and die old. So a state rests here in one piece: what steps read and write most, as
 * numbers in one line of a typed array; all else, which most steps leave as it is, in one record. `get` makes the state anew,
 * of objects that die young; `set` writes what has changed.
 *
 * What does not fit a line (a number that is no 32-bit integer, a list longer than its room) is kept as it is.
 */
import type { Node } from "@hyparview/core"
import { Lines, type Membership, type RestOfMembership } from "./lines.ts"
import { type Beside, type Broadcast, BroadcastSection, RestingBroadcast } from "./restingBroadcast.ts"
import type { NodeState, States } from "./states.ts"
import { RestingPeers } from "./words.ts"

/** What of a state does not rest as words. */
interface Rest extends RestOfMembership {
  readonly broadcast: Broadcast | undefined
}

/** Mutable: they belong to the world that made them. */
export class RestingStates implements States {
  private readonly config: Node.Config
  private readonly broadcasts: BroadcastSection
  private readonly lines: Lines
  private readonly rests: Array<Rest | undefined>
  /** Beside broadcasts that rest as words: what they keep, and the streams that they had no room for, where there is any. */
  private readonly beside: Array<Beside | undefined>
  /** States that do not fit a line. */
  private readonly others: Map<number, NodeState>

  constructor(nodes: number, config: Node.Config, from?: RestingStates) {
    const { broadcast, membership } = config
    this.config = config
    this.broadcasts = from?.broadcasts ?? new BroadcastSection(broadcast, membership.activeSize)
    this.lines =
      from?.lines.fork(membership, this.broadcasts.size) ?? new Lines(nodes, membership, this.broadcasts.size)
    this.rests = from?.rests.slice() ?? Array.from<Rest | undefined>({ length: nodes }).fill(undefined)
    this.beside = from?.beside.slice() ?? Array.from<Beside | undefined>({ length: nodes }).fill(undefined)
    this.others = new Map(from?.others)
  }

  get length(): number {
    return this.rests.length
  }

  fork(): RestingStates {
    return new RestingStates(0, this.config, this)
  }

  kept({ broadcast, membership }: NodeState): NodeState {
    const { memory, passive } = membership
    const { graveyard } = memory
    return {
      membership: {
        ...membership,
        passive: passive instanceof RestingPeers ? passive.passive : passive,
        memory: graveyard instanceof RestingPeers ? { ...memory, graveyard: graveyard.peers } : memory
      },
      broadcast: broadcast instanceof RestingBroadcast ? broadcast.whole : broadcast
    }
  }

  touch(nodes: Int32Array, count: number): number {
    const { lines, rests } = this
    let sum = 0
    for (let i = 0; i < count; i++) {
      const node = nodes[i] ?? 0
      sum += lines.touch(lines.at(node))
      if (rests[node] === undefined) sum++
    }
    for (let i = 0; i < count; i++) {
      const rest = rests[nodes[i] ?? 0]
      if (rest === undefined) continue
      sum += rest.status.length + (rest.broadcast?.nextNonce ?? 0)
      sum += lines.touchMore(lines.at(nodes[i] ?? 0))
    }
    // What a message is looked for in, from pointer to pointer.
    for (let i = 0; i < count; i++) sum += rests[nodes[i] ?? 0]?.broadcast?.streams.count ?? 0
    for (let i = 0; i < count; i++) sum += rests[nodes[i] ?? 0]?.broadcast?.streams.near.length ?? 0
    for (let i = 0; i < count; i++) sum += rests[nodes[i] ?? 0]?.broadcast?.streams.near[0]?.floor ?? 0
    return sum | 0
  }

  get(node: number): NodeState | undefined {
    const rest = this.rests[node]
    if (rest === undefined) return this.others.get(node)
    const { lines } = this
    const at = lines.at(node)
    const membership = lines.membershipAt(at, rest)
    const broadcast =
      rest.broadcast ?? this.broadcasts.read(lines.words, lines.broadcastAt(at), membership, this.beside[node])
    return { membership, broadcast }
  }

  hasNeighbor(node: number, other: number): boolean {
    return this.rests[node] === undefined
      ? (this.others.get(node)?.membership.active.some(({ id }) => id === other) ?? false)
      : this.lines.hasNeighbor(this.lines.at(node), other)
  }

  set(node: number, state: NodeState, before: NodeState | undefined): void {
    if (state === before) return
    const { broadcast, membership } = state
    const { lines } = this
    const at = lines.at(node)
    const rest = this.rests[node]
    const was = rest === undefined ? undefined : before?.membership
    if (!lines.write(at, membership, was)) {
      this.others.set(node, this.kept(state))
      this.rests[node] = undefined
      return
    }
    const round = membership.round === was?.round ? rest?.round : this.roundBeside(at, membership.round)
    const memory = membership.memory === was?.memory ? rest?.memory : this.memoryBeside(at, membership.memory)
    const beside =
      rest !== undefined && broadcast === before?.broadcast
        ? rest.broadcast
        : this.broadcastBeside(node, broadcast, membership)
    if (
      rest !== undefined &&
      isAsBefore(rest, membership) &&
      rest.round === round &&
      rest.memory === memory &&
      rest.broadcast === beside
    ) {
      return
    }
    if (rest === undefined) this.others.delete(node)
    const { admission, config, contacts, search, self, status, swap } = membership
    this.rests[node] = { config, self, status, round, swap, contacts, memory, search, admission, broadcast: beside }
  }

  delete(node: number): void {
    this.rests[node] = undefined
    this.beside[node] = undefined
    this.others.delete(node)
  }

  /** Writes a round into the line; gives it if it does not fit. */
  private roundBeside(at: number, round: Membership["round"]): Membership["round"] | undefined {
    return this.lines.writeRound(at, round) ? undefined : round
  }

  /** The same of a memory, which is kept if it does not fit. */
  private memoryBeside(at: number, memory: Membership["memory"]): Membership["memory"] | undefined {
    const { graveyard } = memory
    if (this.lines.writeMemory(at, memory)) return undefined
    return graveyard instanceof RestingPeers ? { ...memory, graveyard: graveyard.peers } : memory
  }

  /** The same of a broadcast. */
  private broadcastBeside(node: number, broadcast: Broadcast, membership: Membership): Broadcast | undefined {
    const { broadcasts, lines } = this
    if (!broadcasts.write(lines.words, lines.broadcastAt(lines.at(node)), broadcast, membership)) return broadcast
    this.beside[node] = broadcasts.besideOf(broadcast, this.beside[node])
    return undefined
  }
}

const isAsBefore = (rest: Rest, membership: Membership): boolean =>
  rest.search === membership.search &&
  rest.admission === membership.admission &&
  rest.contacts === membership.contacts &&
  rest.swap === membership.swap &&
  rest.status === membership.status &&
  rest.self === membership.self &&
  rest.config === membership.config
