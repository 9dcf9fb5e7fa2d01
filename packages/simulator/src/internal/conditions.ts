/**
 * What is wrong with the network at present: who cannot reach whom, which dials fail, how often frames are lost. Pure
 * bookkeeping: what follows from it is decided in `network.ts`.
 */

/** How a frame or a dial from one node to another fares. */
export type Passage = "open" | "reset" | "silent"

/** Present faults of the network. Mutable: it belongs to the world that made it. */
export class Conditions {
  /** Whether anything at all is wrong: while it is false nobody needs to ask further. */
  any = false

  /** Each flush breaks its link with this probability, in as many tries as the world makes. */
  sendFailure = 0
  silentLoss = 0
  duplicate = 0

  private groupOf: Int32Array | undefined
  private mode: "reset" | "silent" = "reset"
  private oneWays: ReadonlyArray<readonly [from: ReadonlySet<number>, to: ReadonlySet<number>]> = []
  private readonly refusing = new Set<number>()
  private readonly hanging = new Set<number>()
  /** Pairs whose link is dead, lower · 2²⁶ + higher, whatever they think. */
  private readonly dead = new Set<number>()

  /** Bytes a second that a link to the node delivers. */
  private readonly rateOf = new Map<number, number>()

  private readonly nodes: number

  constructor(nodes: number) {
    this.nodes = nodes
  }

  /** Whether what `from` sends reaches `to`. */
  passage(from: number, to: number): Passage {
    for (const [sources, targets] of this.oneWays) if (sources.has(from) && targets.has(to)) return "silent"
    const { groupOf } = this
    if (groupOf === undefined) return "open"
    const a = groupOf[from] ?? -1
    const b = groupOf[to] ?? -1
    return a === b || a < 0 || b < 0 ? "open" : this.mode
  }

  /** How a dial to a node fares that the network would let through. */
  dial(to: number): Passage {
    return this.hanging.has(to) ? "silent" : this.refusing.has(to) ? "reset" : "open"
  }

  partition(groups: ReadonlyArray<ReadonlyArray<number>>, mode: "reset" | "silent"): void {
    const groupOf = new Int32Array(this.nodes).fill(-1)
    groups.forEach((group, index) => {
      for (const node of group) groupOf[node] = index
    })
    this.groupOf = groupOf
    this.mode = mode
    this.settle()
  }

  oneWay(from: ReadonlyArray<number>, to: ReadonlyArray<number>): void {
    this.oneWays = [...this.oneWays, [new Set(from), new Set(to)]]
    this.settle()
  }

  heal(): void {
    this.groupOf = undefined
    this.oneWays = []
    this.settle()
  }

  dials(nodes: ReadonlyArray<number>, fate: "refused" | "hanging" | "accepted"): void {
    for (const node of nodes) {
      this.refusing.delete(node)
      this.hanging.delete(node)
      if (fate === "refused") this.refusing.add(node)
      if (fate === "hanging") this.hanging.add(node)
    }
    this.settle()
  }

  slow(nodes: ReadonlyArray<number>, bytesPerSecond: number | undefined): void {
    for (const node of nodes) {
      if (bytesPerSecond === undefined) this.rateOf.delete(node)
      else this.rateOf.set(node, bytesPerSecond)
    }
    this.settle()
  }

  /** What a link to this node delivers at most. */
  bytesPerSecond(node: number): number | undefined {
    return this.rateOf.size === 0 ? undefined : this.rateOf.get(node)
  }

  rates(change: { readonly sendFailure?: number; readonly silentLoss?: number; readonly duplicate?: number }): void {
    this.sendFailure = change.sendFailure ?? this.sendFailure
    this.silentLoss = change.silentLoss ?? this.silentLoss
    this.duplicate = change.duplicate ?? this.duplicate
    this.settle()
  }

  /** The link of a pair is dead: all that is sent over it is lost, until one end has noticed. */
  kill(a: number, b: number): void {
    this.dead.add(pairKey(a, b))
    this.any = true
  }

  isDead(a: number, b: number): boolean {
    return this.dead.size > 0 && this.dead.has(pairKey(a, b))
  }

  /** One end has let go of the pair's link: the next one will be another. */
  letGo(a: number, b: number): void {
    if (this.dead.delete(pairKey(a, b)) && this.dead.size === 0) this.settle()
  }

  /** A node is gone, and its links with it. */
  letGoOfAll(node: number): void {
    if (this.dead.size === 0) return
    for (const pair of this.dead) {
      if (pair % pairBase === node || Math.floor(pair / pairBase) === node) this.dead.delete(pair)
    }
    if (this.dead.size === 0) this.settle()
  }

  fork(): Conditions {
    const fork = new Conditions(this.nodes)
    fork.sendFailure = this.sendFailure
    fork.silentLoss = this.silentLoss
    fork.duplicate = this.duplicate
    fork.groupOf = this.groupOf
    fork.mode = this.mode
    fork.oneWays = this.oneWays
    for (const node of this.refusing) fork.refusing.add(node)
    for (const node of this.hanging) fork.hanging.add(node)
    for (const pair of this.dead) fork.dead.add(pair)
    for (const [node, rate] of this.rateOf) fork.rateOf.set(node, rate)
    fork.any = this.any
    return fork
  }

  private settle(): void {
    this.any =
      this.sendFailure > 0 ||
      this.silentLoss > 0 ||
      this.duplicate > 0 ||
      this.groupOf !== undefined ||
      this.oneWays.length + this.refusing.size + this.hanging.size + this.dead.size + this.rateOf.size > 0
  }
}

const pairBase = 67_108_864

const pairKey = (a: number, b: number): number => Math.min(a, b) * pairBase + Math.max(a, b)
