/**
 * A cluster of whole nodes under faults: a seed draws its size, its configuration and a chaos of publications, broken
 * links, kills, restarts, departures and cuts; then comes calm. In calm every message that a survivor has must come to
 * every survivor, once, since all are still kept.
 */
import * as HyParView from "@hyparview/core/HyParView"
import * as Plumtree from "@hyparview/core/Plumtree"
import { nextBelow, type Random, seeded } from "@hyparview/core/Random"
import * as Result from "effect/Result"
import { type Output, World } from "../golden/World.ts"
import { Ledger, stateFaults } from "./Always.ts"

/** What a seed has drawn, and what came of it. */
export interface Report {
  readonly faults: Readonly<Record<string, number>>
  /** Messages that a survivor has. */
  readonly messages: number
  readonly wrong: ReadonlyArray<string>
}

type Restriction = "shared" | "source" | "flood" | "thicket"

const one = <A>(random: Random, items: readonly [A, ...ReadonlyArray<A>]): A =>
  items[nextBelow(random, items.length)] ?? items[0]

/** A run of one node's process: what it was given. */
interface Life {
  readonly ledger: Ledger<number, number>
  readonly delivered: Set<string>
  readonly lagged: Array<Extract<Output, { _tag: "Lagged" }>>
}

const nameOf = ({ epoch, sequence, source }: Plumtree.MessageId<number>): string => `${source}@${epoch}/${sequence}`

export class Faulty {
  readonly world: World
  private readonly random: Random
  private readonly size: number
  private readonly counts: Record<string, number> = {}
  private readonly wrong: Array<string> = []
  private readonly lives = new Map<number, Life>()
  private readonly down = new Set<number>()
  private isCut = false
  private published = 0

  constructor(seed: number, kind: Restriction) {
    const random = seeded(seed)
    this.random = random
    this.size = 6 + nextBelow(random, 8)
    const broadcast: Plumtree.Config = Result.getOrThrow(
      Plumtree.makeConfig({
        strategy: kind === "flood" || kind === "thicket" ? kind : "plumtree",
        treesCount: 3,
        fanout: 2,
        maxLoad: 4,
        trees: kind === "source" ? "source" : "shared",
        pruneAfter: one(random, [1, 3]),
        guideMillis: one(random, [0, 2_000, 20_000]),
        announceMillis: one(random, kind === "thicket" ? [20, 50, 300] : [0, 50, 300]),
        announceSize: one(random, [2, 128]),
        optimizeHops: one(random, [0, 1, 3]),
        digestSize: one(random, [1, 4, 64]),
        fetchMessages: one(random, [1, 5, 128]),
        // Longer than a run: what has come to any survivor is still there for all.
        retainedMillis: 24 * 3_600_000
      })
    )
    const config = Result.getOrThrow(HyParView.forClusterSize(100, { activeSize: 3 + nextBelow(random, 3) }))
    this.world = new World({ nodes: this.size, seed, latencyMillis: one(random, [1, 10, 40]), config, broadcast })
    this.world.observer = (id, _, outputs) => this.see(id, outputs)
    this.world.discovery = [1, 2]
  }

  run(): Report {
    const { random, world } = this
    for (let id = 1; id <= this.size; id++) {
      this.start(id)
      // The first speaks before it has a neighbour.
      if (id === 1) this.publish(1)
      world.advance(200)
    }
    world.advance(30_000)
    for (let round = 0; round < 250; round++) {
      this.fault()
      world.advance(nextBelow(random, 400))
    }
    world.partition([])
    for (const id of this.down) this.start(id)
    this.down.clear()
    // Islands find each other again by what they remember, a grave a minute; an hour is the bound, and two minutes more
    // must change nothing.
    for (let minute = 0; minute < 60 && this.judge().length > 0; minute++) world.advance(60_000)
    world.advance(120_000)
    const wrong = [...this.wrong, ...this.judge()]
    return { faults: this.counts, messages: this.all().size, wrong: [...new Set(wrong)].slice(0, 10) }
  }

  private count(what: string, by = 1): void {
    this.counts[what] = (this.counts[what] ?? 0) + by
  }

  private start(id: number): void {
    this.lives.set(id, { ledger: new Ledger(), delivered: new Set(), lagged: [] })
    this.world.start(id, id === 1 ? [2] : [1])
  }

  private publish(id: number): void {
    if (this.world.stateOf(id) === undefined) return
    this.count(this.isCut ? "published in a cut" : "published")
    this.world.publish(id, `${this.published++}`)
  }

  private fault(): void {
    const { random, world } = this
    const node = 1 + nextBelow(random, this.size)
    const active = world.stateOf(node)?.membership.active ?? []
    const other = active[nextBelow(random, Math.max(1, active.length))]?.peer.id
    switch (nextBelow(random, 14)) {
      case 0:
      case 1:
      case 2:
        if (other === undefined) return
        this.count("broken links")
        // In mid-message: it is on its way when the link breaks.
        this.publish(node)
        return world.cut(node, other)
      case 3:
        if (world.stateOf(node) === undefined || this.down.size > this.size / 3) return
        this.count(nextBelow(random, 4) === 0 ? "departures" : "kills")
        if (nextBelow(random, 2) === 0) this.publish(node)
        this.down.add(node)
        return world.kill(node)
      case 4:
      case 5: {
        const [again] = this.down
        if (again === undefined) return
        this.count("restarts")
        this.down.delete(again)
        return this.start(again)
      }
      case 6: {
        const groups: [Array<number>, Array<number>] = [[], []]
        for (let id = 1; id <= this.size; id++) groups[nextBelow(random, 3) === 0 ? 0 : 1].push(id)
        this.count("cuts")
        this.isCut = true
        return world.partition(groups)
      }
      case 7:
        this.isCut = false
        return world.partition([])
      default:
        return this.publish(node)
    }
  }

  private see(id: number, outputs: ReadonlyArray<Output>): void {
    const life = this.lives.get(id)
    const state = this.world.stateOf(id)?.broadcast
    if (life === undefined || state === undefined) return
    const told: Array<Plumtree.Output<number, number>> = []
    for (const output of outputs) {
      switch (output._tag) {
        case "Delivered":
          life.delivered.add(nameOf(output.id))
          if (output.via === "recovery" || output.via === "graft") this.count(output.via)
          told.push(output)
          break
        case "Lagged":
          life.lagged.push(output)
          this.count("lagged")
          told.push(output)
          break
        case "Duplicate":
          this.count("duplicates")
          break
        case "Send":
          if (output.message._tag === "Carried") this.count(output.message.body._tag)
          break
      }
    }
    this.wrong.push(...life.ledger.see(told).map((fault) => `${id}: ${fault}`))
    if (outputs.length > 0) this.wrong.push(...stateFaults(state).map((fault) => `${id}: ${fault}`))
  }

  private survivors(): ReadonlyArray<readonly [id: number, life: Life]> {
    return [...this.lives].filter(([id]) => this.world.stateOf(id) !== undefined)
  }

  /** What any survivor has. */
  private all(): ReadonlySet<string> {
    return new Set(this.survivors().flatMap(([, { delivered }]) => [...delivered]))
  }

  /** Every survivor has what any has: what is wrong with that. */
  private judge(): ReadonlyArray<string> {
    const wrong: Array<string> = []
    const all = this.all()
    for (const [id, { delivered, lagged }] of this.survivors()) {
      for (const name of all) if (!delivered.has(name)) wrong.push(`${id} has not got ${name}`)
      for (const { epoch, first, last, source } of lagged) {
        for (let sequence = first; sequence <= last; sequence++) {
          const name = nameOf({ source, epoch, topic: "", sequence })
          if (all.has(name)) wrong.push(`${id} has given up ${name}, which others have`)
        }
      }
      const { broadcast, membership } = this.world.stateOf(id) ?? {}
      const neighbors = broadcast?.neighbors.map((peer) => peer.id).sort() ?? []
      const active = membership?.active.map(({ peer }) => peer.id).sort() ?? []
      if (neighbors.join() !== active.join()) wrong.push(`${id}: eager and lazy are not the active view`)
    }
    return wrong
  }
}
