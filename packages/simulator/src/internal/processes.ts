/**
 * The processes of a simulated world: which nodes run, and as whom. A node keeps its id over restarts; each start is
 * another incarnation, with an epoch that it has not had before. Who it was is remembered, for frames still under way.
 */
import { type Peer, Random } from "@hyparview/core"

/** Ids and addresses are the node's index. */
export type SimulatedPeer = Peer.Peer<number, number>

/** `presence` of a node. */
export const absent = 0
export const up = 1
export const frozen = 2
export const crashed = 3
export const left = 4

/** A jump of a clock takes an epoch no further: an event holds 32 bits of it, and there must be room for as many restarts. */
const furthestJump = 2 ** 30

/** Mutable: they belong to the world that made them. */
export class Processes {
  /** Nodes that are up or frozen. */
  living = 0
  /** Processes that have begun, those that ended included. */
  begun = 0
  /** Whether anybody has been somebody else before. */
  anyFormer = false
  readonly presence: Uint8Array
  /** As whom each node runs, or ran last. */
  readonly peers: Array<SimulatedPeer>
  /** Counts a node's processes: what an earlier one waited for is nothing to the next. */
  private readonly incarnations: Int32Array
  /** Of each node's process the number in the order in which all began, from 1. */
  private readonly nth: Uint32Array
  /** By (id, epoch). */
  private readonly former: Map<string, SimulatedPeer>
  /** By how much each node's clock has jumped since its start. */
  private readonly jumps: Map<number, number>
  private readonly nodes: number

  constructor(nodes: number, from?: Processes) {
    this.nodes = nodes
    this.presence = from?.presence.slice() ?? new Uint8Array(nodes)
    this.peers = from?.peers.slice() ?? Array.from({ length: nodes }, (_, id) => ({ id, epoch: 1, address: id }))
    this.incarnations = from?.incarnations.slice() ?? new Int32Array(nodes)
    this.nth = from?.nth.slice() ?? new Uint32Array(nodes)
    this.former = new Map(from?.former)
    this.jumps = new Map(from?.jumps)
    this.living = from?.living ?? 0
    this.begun = from?.begun ?? 0
    this.anyFormer = from?.anyFormer ?? false
  }

  fork(): Processes {
    return new Processes(this.nodes, this)
  }

  isAlive(node: number): boolean {
    const presence = this.presence[node]
    return presence === up || presence === frozen
  }

  isUp(node: number): boolean {
    return this.presence[node] === up
  }

  /** Of the process that runs, or ran last; 0 before the first. */
  incarnationOf(node: number): number {
    return this.incarnations[node] ?? 0
  }

  /** The how many-th of all processes the node's is: who began later has a higher one. */
  nthOf(node: number): number {
    return this.nth[node] ?? 0
  }

  epochOf(node: number): number {
    return this.peers[node]?.epoch ?? 0
  }

  /** Whom a node was in an epoch: who it is now, or a former incarnation. */
  peerOf(node: number, epoch: number): SimulatedPeer {
    const peer = this.peers[node]
    if (peer !== undefined && peer.epoch === epoch) return peer
    return this.former.get(keyOf(node, epoch)) ?? { id: node, epoch, address: node }
  }

  /** A node that does not run starts; as whom. */
  begin(node: number): SimulatedPeer {
    const again = this.incarnationOf(node) > 0
    this.incarnations[node] = this.incarnationOf(node) + 1
    const last = this.peers[node] ?? { id: node, epoch: 0, address: node }
    const self = again ? { id: node, epoch: this.nextEpoch(node, last.epoch), address: node } : last
    if (again) this.become(node, self)
    this.presence[node] = up
    this.living++
    this.nth[node] = ++this.begun
    return self
  }

  /** A node that runs ends. */
  end(node: number, how: typeof crashed | typeof left): void {
    this.presence[node] = how
    this.living--
  }

  freeze(node: number): void {
    if (this.isUp(node)) this.presence[node] = frozen
  }

  /** Whether it was frozen. */
  thaw(node: number): boolean {
    if (this.presence[node] !== frozen) return false
    this.presence[node] = up
    return true
  }

  /** A node is another incarnation from now on. */
  become(node: number, self: SimulatedPeer): void {
    const last = this.peers[node] ?? self
    this.former.set(keyOf(node, last.epoch), last)
    this.peers[node] = self
    this.anyFormer = true
  }

  /** The clock by which a node will take its next epoch jumps. */
  jump(node: number, millis: number): void {
    this.jumps.set(node, (this.jumps.get(node) ?? 0) + millis)
  }

  /** A random living node; −1 if there is none. */
  anyAlive(random: Random.Random): number {
    if (this.living === 0) return -1
    for (let tries = 0; tries < 64; tries++) {
      const node = Random.nextBelow(random, this.nodes)
      if (this.isAlive(node)) return node
    }
    let skip = Random.nextBelow(random, this.living)
    for (let node = 0; node < this.nodes; node++) if (this.isAlive(node) && skip-- === 0) return node
    return -1
  }

  /** `count` distinct living nodes, at random, in random order; all of them if there are fewer. */
  sampleAlive(count: number, random: Random.Random): ReadonlyArray<number> {
    const nodes: Array<number> = []
    for (let node = 0; node < this.nodes; node++) if (this.isAlive(node)) nodes.push(node)
    const wanted = Math.min(count, nodes.length)
    for (let i = 0; i < wanted; i++) {
      const other = i + Random.nextBelow(random, nodes.length - i)
      const kept = nodes[i] ?? 0
      nodes[i] = nodes[other] ?? 0
      nodes[other] = kept
    }
    return nodes.slice(0, wanted)
  }

  /** After a jump back of the clock it may be any that is not positive in time, but never one that was taken before. */
  private nextEpoch(node: number, last: number): number {
    const jump = this.jumps.get(node) ?? 0
    this.jumps.delete(node)
    let epoch = Math.min(Math.max(0, last + 1 + jump), Math.max(last + 1, furthestJump))
    while (epoch === last || this.former.has(keyOf(node, epoch))) epoch++
    return epoch
  }
}

const keyOf = (node: number, epoch: number): string => `${node}/${epoch}`
