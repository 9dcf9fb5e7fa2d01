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
import { type Node, Plumtree } from "@hyparview/core"
import { Lines, type Membership, RestingPassive, type RestOfMembership } from "./lines.ts"
import type { NodeState, States } from "./states.ts"

type Broadcast = Plumtree.State<number, number>
type Link = Broadcast["links"][number]
type Peer = Membership["self"]

/** What of a state does not rest as words. */
interface Rest extends RestOfMembership {
  /** Undefined: it is idle, and rests as words. */
  readonly broadcast: Broadcast | undefined
}

const none: ReadonlyArray<never> = []

/** Links are pruned at fewer duplicates than this, or do not rest as words. */
const thresholds = 256

/** A broadcast that has had nothing to say, read when it is first looked at: its neighbours are the active view. */
class IdleBroadcast implements Broadcast {
  readonly self: Peer
  readonly random0: number
  readonly random1: number
  readonly nextNonce: number
  private readonly states: RestingStates
  private readonly at: number
  private readonly active: Membership["active"]
  private asWhole: Broadcast | undefined = undefined

  constructor(states: RestingStates, at: number, { active, self }: Membership) {
    this.states = states
    this.at = at
    this.active = active
    this.self = self
    const [random0, random1, nextNonce] = states.broadcastWords(at)
    this.random0 = random0
    this.random1 = random1
    this.nextNonce = nextNonce
  }

  /** The same, read. */
  get whole(): Broadcast {
    return (this.asWhole ??= {
      random0: this.random0,
      random1: this.random1,
      config: this.config,
      self: this.self,
      neighbors: this.neighbors,
      lazy: this.lazy,
      streams: this.streams,
      topics: this.topics,
      announcing: this.announcing,
      announcingCount: this.announcingCount,
      missing: this.missing,
      links: this.links,
      trees: this.trees,
      thicket: this.thicket,
      upkeep: this.upkeep,
      late: this.late,
      guide: this.guide,
      timers: this.timers,
      nextNonce: this.nextNonce
    })
  }

  get neighbors(): ReadonlyArray<Peer> {
    return this.active.map(({ peer }) => peer)
  }

  get links(): ReadonlyArray<Link> {
    const links: Array<Link> = []
    for (let i = 0; i < this.active.length; i++) {
      const link = this.states.linkAt(this.at, i)
      if (link !== undefined) links.push(link)
    }
    return links
  }

  get config(): Broadcast["config"] {
    return this.states.idle.config
  }

  get lazy(): number {
    return 0
  }

  get streams(): Broadcast["streams"] {
    return this.states.idle.streams
  }

  get topics(): Broadcast["topics"] {
    return none
  }

  get announcing(): undefined {
    return undefined
  }

  get announcingCount(): number {
    return 0
  }

  get missing(): Broadcast["missing"] {
    return none
  }

  get trees(): Broadcast["trees"] {
    return this.states.idle.trees
  }

  get thicket(): Broadcast["thicket"] {
    return this.states.idle.thicket
  }

  get upkeep(): Broadcast["upkeep"] {
    return this.states.idle.upkeep
  }

  get late(): Broadcast["late"] {
    return this.states.idle.late
  }

  get guide(): undefined {
    return undefined
  }

  get timers(): Broadcast["timers"] {
    return this.states.idle.timers
  }
}

/** Mutable: they belong to the world that made them. */
export class RestingStates implements States {
  private readonly config: Node.Config
  private readonly lines: Lines
  private readonly rests: Array<Rest | undefined>
  /** States that do not fit a line. */
  private readonly others: Map<number, NodeState>
  /** What idle broadcasts have in common. */
  readonly idle: Broadcast
  /** What an idle broadcast knows of a neighbour, by the duplicates at which it is pruned. */
  private readonly fresh: ReadonlyArray<Link>

  constructor(nodes: number, config: Node.Config, from?: RestingStates) {
    this.config = config
    this.lines = from?.lines.fork(config.membership) ?? new Lines(nodes, config.membership)
    this.rests = from?.rests.slice() ?? Array.from<Rest | undefined>({ length: nodes }).fill(undefined)
    this.others = new Map(from?.others)
    const self = { id: -1, epoch: 0, address: -1 }
    const random = { random0: 1, random1: 0 }
    this.idle = from?.idle ?? Plumtree.init({ config: config.broadcast, self, random })
    const [fresh] = Plumtree.step(this.idle, { _tag: "NeighborUp", now: 0, peer: self }).state.links
    this.fresh =
      fresh === undefined ? none : Array.from({ length: thresholds }, (_, pruneAt) => ({ ...fresh, pruneAt }))
  }

  get length(): number {
    return this.rests.length
  }

  fork(): RestingStates {
    return new RestingStates(0, this.config, this)
  }

  kept({ broadcast, membership }: NodeState): NodeState {
    const { passive } = membership
    return {
      membership: passive instanceof RestingPassive ? { ...membership, passive: passive.whole } : membership,
      broadcast: broadcast instanceof IdleBroadcast ? broadcast.whole : broadcast
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
      if (rest !== undefined) sum += rest.status.length + (rest.broadcast?.nextNonce ?? 0)
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
    const at = this.lines.at(node)
    const membership = this.lines.membershipAt(at, rest)
    return { membership, broadcast: rest.broadcast ?? new IdleBroadcast(this, at, membership) }
  }

  hasNeighbor(node: number, other: number): boolean {
    return this.rests[node] === undefined
      ? (this.others.get(node)?.membership.active.some(({ id }) => id === other) ?? false)
      : this.lines.hasNeighbor(this.lines.at(node), other)
  }

  set(node: number, state: NodeState, before: NodeState | undefined): void {
    const { membership } = state
    const { lines } = this
    const at = lines.at(node)
    const rest = this.rests[node]
    const was = rest === undefined ? undefined : before?.membership
    // What an idle broadcast knows of its neighbours rests beside the active view, which is written now.
    const broadcast = membership.active === was?.active ? state.broadcast : this.kept(state).broadcast
    if (!lines.write(at, membership, was)) {
      this.others.set(node, this.kept({ membership, broadcast }))
      this.rests[node] = undefined
      return
    }
    const round = membership.round === was?.round ? rest?.round : this.roundBeside(at, membership.round)
    const beside =
      rest !== undefined && broadcast === before?.broadcast
        ? rest.broadcast
        : this.broadcastBeside(at, broadcast, membership)
    if (rest !== undefined && isAsBefore(rest, membership) && rest.round === round && rest.broadcast === beside) return
    if (rest === undefined) this.others.delete(node)
    const { admission, config, contacts, memory, search, self, status, swap } = membership
    this.rests[node] = { config, self, status, round, swap, contacts, memory, search, admission, broadcast: beside }
  }

  delete(node: number): void {
    this.rests[node] = undefined
    this.others.delete(node)
  }

  /** What an idle broadcast knows of a neighbour. */
  linkAt(at: number, index: number): Link | undefined {
    return this.fresh[this.lines.thresholdAt(at, index)]
  }

  /** Its generator, and its next nonce. */
  broadcastWords(at: number): readonly [random0: number, random1: number, nextNonce: number] {
    return this.lines.broadcastWords(at)
  }

  /** Writes a round into the line; gives it if it does not fit. */
  private roundBeside(at: number, round: Membership["round"]): Membership["round"] | undefined {
    return this.lines.writeRound(at, round) ? undefined : round
  }

  /** Writes a broadcast into the line, if it is idle; else gives it. */
  private broadcastBeside(at: number, broadcast: Broadcast, membership: Membership): Broadcast | undefined {
    if (!this.isIdle(broadcast, membership)) return broadcast
    this.lines.writeBroadcast(at, broadcast, broadcast.links)
    return undefined
  }

  private isIdle(broadcast: Broadcast, { active, self }: Membership): boolean {
    const { idle } = this
    const { links, neighbors } = broadcast
    if (
      broadcast.streams !== idle.streams ||
      broadcast.timers !== idle.timers ||
      broadcast.upkeep !== idle.upkeep ||
      broadcast.late !== idle.late ||
      broadcast.trees !== idle.trees ||
      broadcast.config !== idle.config ||
      broadcast.thicket.trees.length > 0 ||
      broadcast.thicket.told !== 0 ||
      broadcast.topics.length > 0 ||
      broadcast.missing.length > 0 ||
      broadcast.announcing !== undefined ||
      broadcast.guide !== undefined ||
      broadcast.lazy !== 0 ||
      broadcast.self !== self ||
      neighbors.length !== active.length
    ) {
      return false
    }
    for (let i = 0; i < neighbors.length; i++) {
      const peer = active[i]?.peer
      const neighbor = neighbors[i]
      if (peer?.id !== neighbor?.id || peer?.epoch !== neighbor?.epoch || !this.isFresh(links[i])) return false
    }
    return true
  }

  private isFresh(link: Link | undefined): boolean {
    const fresh = this.fresh[link?.pruneAt ?? -1]
    return (
      link !== undefined &&
      fresh !== undefined &&
      link.duplicates === fresh.duplicates &&
      link.duplicateAt === fresh.duplicateAt &&
      link.newsAt === fresh.newsAt &&
      link.prunedAt === fresh.prunedAt &&
      link.fetchAt === fresh.fetchAt &&
      link.fetched === fresh.fetched &&
      link.digestSlot === fresh.digestSlot &&
      link.digestAt === fresh.digestAt &&
      link.recalledAt === fresh.recalledAt &&
      link.recalled === fresh.recalled &&
      link.children === fresh.children
    )
  }
}

const isAsBefore = (rest: Rest, membership: Membership): boolean =>
  rest.memory === membership.memory &&
  rest.search === membership.search &&
  rest.admission === membership.admission &&
  rest.contacts === membership.contacts &&
  rest.swap === membership.swap &&
  rest.status === membership.status &&
  rest.self === membership.self &&
  rest.config === membership.config
