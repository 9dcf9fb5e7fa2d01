/**
 * The harness of golden scripts over the simulator's world.
 */
import { Plumtree } from "@hyparview/core"
import type { Delivery, Harness, Setup, Views } from "@hyparview/testing/Golden"
import * as Effect from "effect/Effect"
import { World } from "../../src/World.ts"

/** A message, and the nodes that are known to have it. */
interface Published {
  readonly source: number
  readonly epoch: number
  readonly sequence: number
  readonly text: string
  readonly told: Set<number>
}

const hasSeen = (world: World, node: number, source: number, epoch: number, sequence: number): boolean => {
  const state = world.stateOf(node)?.broadcast
  return state !== undefined && Plumtree.hasSeen(state, { source, epoch, topic: "broadcast", sequence })
}

/** Scripts count nodes from 1, worlds from 0. */
export class WorldHarness implements Harness {
  private readonly rests: boolean
  private world: World | undefined
  private readonly started = new Set<number>()
  private readonly published: Array<Published> = []

  constructor(rests: boolean) {
    this.rests = rests
  }

  readonly create = ({ broadcast, config, latencyMillis, nodes, seed }: Setup) =>
    Effect.sync(() => {
      this.world = new World({
        nodes,
        seed,
        config: { membership: config, broadcast },
        latency: { _tag: "Constant", micros: latencyMillis * 1_000 },
        detectionMillis: 0,
        dialFailure: "refused",
        dialTimeoutMillis: Math.max(1, Math.floor((config.requestTimeoutMillis * 2) / 3)),
        sendAttempts: 1,
        discoverySize: 0,
        rests: this.rests
      })
    })

  readonly join = (node: number, contacts: ReadonlyArray<number>) =>
    this.act((world) => {
      this.started.add(node)
      world.start(
        node - 1,
        contacts.map((contact) => contact - 1)
      )
    })

  readonly restart = this.join

  readonly kill = (node: number) => this.act((world) => world.crash([node - 1]))

  readonly leave = (node: number) => this.act((world) => world.leave(node - 1))

  readonly publish = (node: number, text: string) =>
    this.act((world) => {
      const { epoch } = world.stateOf(node - 1)?.membership.self ?? { epoch: -1 }
      const before = this.published.filter(({ source, ...other }) => source === node && other.epoch === epoch)
      world.publish(node - 1)
      this.published.push({ source: node, epoch, sequence: before.length, text, told: new Set() })
    })

  readonly advance = (millis: number) => this.act((world) => void world.runUntil(world.now + millis * 1_000))

  readonly views = this.act((world): ReadonlyArray<Views> =>
    [...this.started].map((node) => {
      const membership = world.isAlive(node - 1) ? world.stateOf(node - 1)?.membership : undefined
      return {
        node,
        up: membership?.status === "joining" || membership?.status === "joined",
        active: membership?.active.map(({ peer }) => peer.id + 1) ?? [],
        passive: membership?.passive.ids.map((id) => id + 1) ?? []
      }
    })
  )

  /** The world counts deliveries and no more; which nodes have a message stands in what each of them has seen. */
  readonly deliveries = this.act((world): ReadonlyArray<Delivery> =>
    this.published.flatMap(({ epoch, sequence, source, text, told }) =>
      [...this.started].flatMap((node) => {
        if (told.has(node) || !hasSeen(world, node - 1, source - 1, epoch, sequence)) return []
        told.add(node)
        return [{ node, source, text }]
      })
    )
  )

  private act<T>(use: (world: World) => T): Effect.Effect<T, string> {
    return Effect.suspend(() =>
      this.world === undefined ? Effect.fail("there is no world") : Effect.succeed(use(this.world))
    )
  }
}
