/** A world at rest whose nodes hold what a test says, so that every measure of it can be counted by hand. */
import { HyParView, Node, type Peer, Plumtree, Random } from "@hyparview/core"
import { type NodeState, World, type WorldOptions } from "@hyparview/simulator/World"
import * as Result from "effect/Result"

export const peer = (id: number) => ({ id, epoch: 1, address: id })

/** The passive view of these peers, each of age 0 since cycle 0 unless given. */
export const passiveOf = (
  peers: ReadonlyArray<Peer.Peer<number, number>>,
  since: ReadonlyArray<number> = peers.map(() => 0)
): HyParView.Passive<number, number> => ({
  ids: peers.map(({ id }) => id),
  epochs: peers.map(({ epoch }) => epoch),
  addresses: peers.map(({ address }) => address),
  since
})

export const neighbor = (id: number) => ({
  id,
  peer: peer(id),
  link: { asker: id, epoch: 1, requestId: 1 },
  chosen: false,
  heardIn: 0,
  unbiased: false
})

/** What a node holds. */
export interface Held {
  readonly active?: ReadonlyArray<number>
  readonly passive?: ReadonlyArray<number>
  readonly broadcast?: Partial<NodeState["broadcast"]>
}

/** Passive views have room for one. */
export class HandMade extends World {
  private readonly made: ReadonlyArray<NodeState | undefined>

  /** Node i holds the i-th of these; where that is undefined it does not run. */
  constructor(
    held: ReadonlyArray<Held | undefined>,
    latency: WorldOptions["latency"] = { _tag: "Constant", micros: 10_000 },
    broadcast: Plumtree.Config = Plumtree.floodConfig
  ) {
    const membership = Result.getOrThrow(HyParView.forClusterSize(held.length, { passiveSize: 1 }))
    const config = { membership, broadcast }
    super({
      nodes: held.length,
      seed: 1,
      config,
      latency,
      detectionMillis: 500,
      dialFailure: "refused",
      dialTimeoutMillis: 2_000,
      sendAttempts: 1,
      discoverySize: 1
    })
    this.made = held.map((node, id) => {
      if (node === undefined) return undefined
      const { active = [], broadcast = {}, passive = [] } = node
      const bare = Node.init({ config, self: peer(id), random: Random.seededFor(1, id) })
      const views = { active: active.map(neighbor), passive: passiveOf(passive.map(peer)) }
      return { membership: { ...bare.membership, ...views }, broadcast: { ...bare.broadcast, ...broadcast } }
    })
  }

  override get alive(): number {
    return this.made.filter((state) => state !== undefined).length
  }

  override isAlive(node: number): boolean {
    return this.made[node] !== undefined
  }

  override stateOf(node: number): NodeState | undefined {
    return this.made[node]
  }
}
