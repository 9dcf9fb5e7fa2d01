/**
 * A thicket in small worlds, each from a seed: its size, its parameters, how long messages take. One node publishes; after a
 * while the trees must be what they are meant to be. Then nodes die, one after the other.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Plumtree from "@hyparview/core/Plumtree"
import { nextBelow, type Random, seeded } from "@hyparview/core/Random"
import * as Result from "effect/Result"
import { isOverloaded, stateFaults } from "../broadcast/Always.ts"
import { Mesh } from "../broadcast/Mesh.ts"
import { one } from "./hostile.ts"

const runs = Number(process.env["THICKET_RUNS"] ?? 3)
const source = 1

/** How each node got a message: pushed along its tree, or some other way. */
type Arrivals = Map<number, "push" | "other">

class Thicket {
  readonly mesh: Mesh
  readonly treesCount: number
  readonly wrong: Array<string> = []
  private readonly random: Random
  private readonly size: number
  private readonly arrivals = new Map<number, Arrivals>()
  private published = 0
  private steps = 0

  constructor(seed: number) {
    const random = seeded(seed)
    this.random = random
    this.size = 16 + nextBelow(random, 45)
    this.treesCount = 2 + nextBelow(random, 4)
    const fanout = 3 + nextBelow(random, 3)
    const config = Result.getOrThrow(
      Plumtree.makeConfig({
        strategy: "thicket",
        treesCount: this.treesCount,
        fanout,
        maxLoad: Math.max(fanout, this.treesCount) + 2,
        announceMillis: one(random, [50, 300]),
        balanceMillis: 500
      })
    )
    const degree = Math.min(this.size - 1, this.treesCount * fanout, Plumtree.maxNeighbors)
    const latencyMillis = one(random, [1, 10, 40])
    this.mesh = new Mesh({ nodes: this.size, degree, latencyMillis, detectionMillis: 1_000, config }, seed)
    this.mesh.observer = (id, state, outputs) => {
      if (id !== source && isOverloaded(state)) this.wrong.push(`${id} has too many children`)
      // Every step would take most of the time.
      if (this.steps++ % 64 === 0) this.wrong.push(...stateFaults(state).map((fault) => `${id}: ${fault}`))
      for (const output of outputs) {
        if (output._tag !== "Delivered") continue
        const got = this.arrivals.get(output.id.sequence)
        if (got?.has(id) === true) this.wrong.push(`${id} got ${output.id.sequence} again`)
        got?.set(id, output.via === "push" ? "push" : "other")
      }
    }
  }

  get alive(): ReadonlyArray<number> {
    return this.mesh.alive
  }

  /** One message on each tree, and time for repairs; how each of the nodes got them, by tree. */
  round(millis = 3_000): ReadonlyArray<Arrivals> {
    const first = this.published
    for (let i = 0; i < this.treesCount; i++) {
      this.arrivals.set(this.published, new Map())
      this.mesh.publish(source, `${this.published++}`)
    }
    this.mesh.advance(millis)
    // The tree of a message: epoch 1.
    return Array.from({ length: this.treesCount }, (_, tree) => {
      const offset = (tree - 1 - (first % this.treesCount) + 2 * this.treesCount) % this.treesCount
      return this.arrivals.get(first + offset) ?? new Map()
    })
  }

  views(id: number): ReadonlyArray<Plumtree.TreeView<number, number>> {
    const state = this.mesh.states.get(id)
    return state === undefined ? [] : Plumtree.treeViews(state)
  }

  /** In how many trees each node but the source forwards. */
  interior(): ReadonlyArray<number> {
    return this.alive
      .filter((id) => id !== source)
      .map((id) => this.views(id).filter(({ children }) => children.length > 0).length)
  }

  /** What is wrong with a tree: whom it does not reach from the source, and links that are no part of it. */
  treeFaults(tree: number): ReadonlyArray<string> {
    const parents = new Map<number, number>([[source, source]])
    const faults: Array<string> = []
    const queue = [source]
    for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
      const { children = [], parent } = this.views(id)[tree] ?? {}
      if (parent?.id !== (id === source ? undefined : parents.get(id))) faults.push(`${id} has parent ${parent?.id}`)
      for (const child of children) {
        if (parents.has(child.id)) faults.push(`${child.id} is a child of ${parents.get(child.id)} and ${id}`)
        else parents.set(child.id, id)
        if (!queue.includes(child.id)) queue.push(child.id)
        if (queue.length > this.size) return [...faults, "a cycle"]
      }
    }
    for (const id of this.alive) if (!parents.has(id)) faults.push(`${id} is not reached`)
    return faults.map((fault) => `tree ${tree}: ${fault}`)
  }

  faults(): ReadonlyArray<string> {
    return Array.from({ length: this.treesCount }, (_, tree) => this.treeFaults(tree)).flat()
  }

  /** One that forwards in some tree, not the source. */
  victim(): number {
    const candidates = this.alive.filter(
      (id) => id !== source && this.views(id).some(({ children }) => children.length > 0)
    )
    return candidates[nextBelow(this.random, candidates.length)] ?? 0
  }
}

describe("a thicket", () => {
  it(
    `covers every node by every tree, within the bound of the load, and a death hurts no tree in which it was a leaf: ${runs} worlds`,
    { timeout: 600_000 },
    () => {
      const only = process.env["THICKET_SEED"]
      const seeds = only === undefined ? Array.from({ length: runs }, (_, seed) => seed) : [Number(only)]
      let nodes = 0
      let single = 0
      let hurt = 0
      let unhurt = 0
      for (const seed of seeds) {
        const replay = `replay: THICKET_SEED=${seed} npm test -- --project core packages/core/test/properties/Thicket.test.ts`
        const thicket = new Thicket(seed)
        for (let round = 0; round < 30; round++) {
          for (const arrivals of thicket.round()) {
            assert.strictEqual(arrivals.size, thicket.alive.length, `round ${round}: not everybody got it. ${replay}`)
          }
        }
        assert.deepStrictEqual([...thicket.wrong, ...thicket.faults()], [], replay)
        for (const trees of thicket.interior()) {
          nodes++
          if (trees <= 1) single++
        }
        for (let death = 0; death < 3; death++) {
          const victim = thicket.victim()
          const views = thicket.views(victim)
          thicket.mesh.kill(victim)
          thicket.round().forEach((arrivals, tree) => {
            for (const id of thicket.alive) {
              assert.isTrue(
                arrivals.has(id),
                `after ${victim} died ${id} did not get the message of tree ${tree}. ${replay}`
              )
            }
            const late = [...arrivals].filter(([id, via]) => id !== source && via !== "push")
            const wasLeaf = views[tree]?.children.length === 0
            if (wasLeaf) assert.deepStrictEqual(late, [], `${victim} was a leaf in tree ${tree}. ${replay}`)
            if (wasLeaf) unhurt++
            else if (late.length > 0) hurt++
          })
          thicket.mesh.linkMore()
          for (let round = 0; round < 10; round++) thicket.round()
          assert.deepStrictEqual([...thicket.wrong, ...thicket.faults()], [], replay)
        }
      }
      assert.isAtLeast(single / nodes, 0.95, `${single} of ${nodes} nodes are interior in one tree at most`)
      if (only !== undefined) return
      // Deaths that hurt nothing would show nothing.
      assert.isAbove(hurt, runs)
      assert.isAbove(unhurt, runs)
    }
  )
})
