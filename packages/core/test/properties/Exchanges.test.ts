/**
 * Clusters in which links are exchanged for shorter ones (X-BOT), with an oracle that never changes its mind: what the rounds
 * of all nodes come to together.
 */
import { assert, describe, it } from "@effect/vitest"
import * as HyParView from "@hyparview/core/HyParView"
import * as Plumtree from "@hyparview/core/Plumtree"
import { nextBelow, seeded } from "@hyparview/core/Random"
import { transitionFaults } from "@hyparview/faults/Transition"
import * as Overlay from "@hyparview/faults/Overlay"
import * as Result from "effect/Result"
import { type State, World } from "../golden/World.ts"
import { snapshot } from "../paper/cluster.ts"

const minute = 60_000

interface Drawn {
  readonly world: World
  readonly costOf: (a: number, b: number) => number
  /** Exchanges so far, each counted at its four nodes. */
  readonly exchanges: () => number
  /** Links won and lost in any other way. */
  readonly others: () => number
  readonly faults: Array<string>
}

/** Nodes on a circle, as far from each other as along it, or anyhow: the seed says. */
const drawn = (seed: number, override: Partial<HyParView.Config> = {}): Drawn => {
  const random = seeded(seed)
  const nodes = 12 + nextBelow(random, 24)
  const places = Array.from({ length: nodes + 1 }, () => nextBelow(random, 1_000))
  const noise = Array.from({ length: (nodes + 1) ** 2 }, () => nextBelow(random, 1_000))
  const onCircle = nextBelow(random, 2) === 0
  const costOf = (a: number, b: number): number => {
    if (!onCircle) return noise[Math.min(a, b) * nodes + Math.max(a, b)] ?? 0
    const apart = Math.abs((places[a] ?? 0) - (places[b] ?? 0))
    return Math.min(apart, 1_000 - apart)
  }
  const config = Result.getOrThrow(
    HyParView.forClusterSize(nodes, {
      activeSize: 3 + nextBelow(random, 3),
      optimizeCandidates: 1 + nextBelow(random, 6),
      unbiasedLinks: nextBelow(random, 3),
      optimizeHysteresis: nextBelow(random, 2) * 0.1,
      heartbeatMillis: 0,
      ...override
    })
  )
  const latencyMillis = 1 + nextBelow(random, 300)
  const world = new World({ nodes, seed, latencyMillis, config, broadcast: Plumtree.floodConfig })
  world.costOf = costOf
  const faults: Array<string> = []
  let exchanges = 0
  let others = 0
  const before = new Map<number, State["membership"]>()
  world.observer = (id, _, outputs, now) => {
    const state = world.stateOf(id)?.membership
    const last = before.get(id)
    if (state !== undefined && last !== undefined) faults.push(...transitionFaults(last, now, { state, outputs }))
    if (state !== undefined) before.set(id, state)
    let ups = 0
    for (const output of outputs) {
      if (output._tag === "NeighborUp") ups++
      if (output._tag !== "NeighborDown") continue
      if (output.reason === "optimized") {
        exchanges++
        ups--
      } else others++
    }
    others += ups
  }
  for (let id = 1; id <= nodes; id++) {
    world.start(id, id === 1 ? [] : [1])
    world.advance(10 * latencyMillis)
  }
  return { world, costOf, exchanges: () => exchanges, others: () => others, faults }
}

/** What all links cost together, each once for each of its ends. */
const totalOf = ({ costOf, world }: Drawn): number => {
  let total = 0
  for (const [id, state] of world.nodes) {
    for (const { peer } of state?.membership.active ?? []) total += costOf(id, peer.id)
  }
  return total
}

/** Time passes until no round is open. */
const settle = ({ world }: Drawn): void => {
  for (let wait = 0; wait < 600; wait++) {
    if (world.nodes.every(([, state]) => state?.membership.swap === undefined)) return
    world.advance(100)
  }
}

const degrees = ({ world }: Drawn): ReadonlyArray<number> =>
  world.nodes.map(([, state]) => state?.membership.active.length ?? 0)

const seeds = Array.from({ length: 8 }, (_, index) => index + 1)

describe("links that are exchanged", () => {
  it(
    "cost less and less together, in one component of unchanged degrees, symmetric whenever no round is open",
    { timeout: 600_000 },
    () => {
      let exchanges = 0
      let compared = 0
      for (const seed of seeds) {
        const cluster = drawn(seed)
        const { faults, world } = cluster
        // Joins and repairs make links as chance will have it: first they must be over.
        world.advance(3 * minute)
        settle(cluster)
        let before = degrees(cluster)
        let others = cluster.others()
        let total = totalOf(cluster)
        for (let step = 0; step < 20; step++) {
          world.advance(minute)
          settle(cluster)
          const now = totalOf(cluster)
          // A repair or a bridge (an odd slot that moves) makes a link as chance will have it.
          if (cluster.others() === others) {
            assert.isAtMost(now, total, `seed ${seed}, minute ${step}`)
            compared++
            assert.deepStrictEqual(degrees(cluster), before, `seed ${seed}`)
          }
          before = degrees(cluster)
          others = cluster.others()
          total = now
          assert.deepStrictEqual(Overlay.asymmetricLinks(snapshot(world)), [], `seed ${seed}`)
          assert.strictEqual(Overlay.components(snapshot(world)).count, 1, `seed ${seed}`)
        }
        assert.deepStrictEqual(faults, [], `seed ${seed}`)
        exchanges += cluster.exchanges()
      }
      console.log(
        `${exchanges} exchanges at one of four nodes, ${compared} minutes in which nothing else made or lost a link`
      )
      assert.isAbove(exchanges, 400)
      assert.isAbove(compared, seeds.length * 15)
    }
  )

  it(
    "cost three quarters at most of what chance makes of them, among nodes on a circle or anywhere",
    { timeout: 600_000 },
    () => {
      const shares = [1, 2, 3].map((seed) => {
        const optimized = drawn(seed, { activeSize: 5, passiveSize: 30, optimizeCandidates: 6, unbiasedLinks: 1 })
        const random = drawn(seed, { activeSize: 5, passiveSize: 30, optimizeCandidates: 0 })
        for (const { world } of [optimized, random]) world.advance(25 * minute)
        return totalOf(optimized) / totalOf(random)
      })
      for (const share of shares) assert.isBelow(share, 0.75, shares.map((share) => share.toFixed(2)).join(" "))
    }
  )

  it("leave each node a link that chance has made", { timeout: 600_000 }, () => {
    for (const seed of seeds.slice(0, 5)) {
      const cluster = drawn(seed, { unbiasedLinks: 1 })
      cluster.world.advance(20 * minute)
      for (const [id, state] of cluster.world.nodes) {
        const chance = state?.membership.active.filter(({ unbiased }) => unbiased).length ?? 0
        assert.isAtLeast(chance, 1, `node ${id}, seed ${seed}`)
      }
      assert.isAbove(cluster.exchanges(), 0)
    }
  })
})
