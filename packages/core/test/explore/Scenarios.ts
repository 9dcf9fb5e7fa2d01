/**
 * The worlds from which exploration begins: three and four nodes with tiny views and short walks, before they join, or
 * joined and at rest.
 */
import * as HyParView from "@hyparview/core/HyParView"
import { seededFor } from "@hyparview/core/Random"
import * as Result from "effect/Result"
import { passiveOf } from "../paper/node.ts"
import { runCalm } from "./Calm.ts"
import type { Budget } from "./Events.ts"
import type { Scenario } from "./Explorer.ts"
import { addressOf, type Id, World } from "./World.ts"

/** Small views, short walks, short times. No jitter where a field allows none, so that more worlds are alike. */
const tinyConfig = (override: Partial<HyParView.Config>): HyParView.Config =>
  Result.getOrThrow(
    HyParView.forClusterSize(4, {
      activeSize: 2,
      passiveSize: 3,
      activeWalkLength: 2,
      passiveWalkLength: 1,
      shuffleActive: 1,
      shufflePassive: 1,
      shuffleWalkLength: 2,
      cycleMillis: 1_000,
      cycleJitter: 0,
      requestTimeoutMillis: 300,
      busyRetryMillis: 50,
      repairBackoffMillis: [200, 1_600],
      discoveryBackoffMillis: [200, 1_600],
      heartbeatMillis: 0,
      admissionPerPeer: { burst: 10_000, perMinute: 10_000 },
      graveyardSize: 3,
      probeMillis: 2_000,
      contactProbeMillis: 5_000,
      bridgeMillis: 2_000,
      leftMemoryMillis: 10_000,
      duplicateIdentityMillis: 1_000,
      memorySize: 8,
      contactsSize: 4,
      ...override
    })
  )

export const calm = { limitMillis: 300_000, stayMillis: 3_000, idleMillis: 700 }

const nothing: Budget = { timers: 0, breaks: 0, failures: 0, idles: 0, crashes: 0, leaves: 0, starts: 0 }

/** Node 0 is the first; everybody else joins through the node before it. */
const contacts = (node: Id): ReadonlyArray<Id> => (node === 0 ? [] : [node - 1])

/** Nodes that have not started. */
export const fresh = (size: number, config: Partial<HyParView.Config> = {}): World =>
  new World(
    {
      config: tinyConfig(config),
      seeds: Array.from({ length: size }, (_, node) => node),
      randomFor: (node, epoch) => seededFor(epoch, node)
    },
    size
  )

/** Nodes that have joined one after the other and come to rest; the first `started` of `size`. */
export const rested = (size: number, started: number, config: Partial<HyParView.Config> = {}): World => {
  const world = fresh(size, config)
  for (let node = 0; node < started; node++) {
    world.apply({ _tag: "Start", node, contacts: contacts(node), epoch: 1 })
    runCalm(world, { ...calm, seed: node })
  }
  return world
}

/** Every link may be exchanged for a shorter one, at any time. There is room for all contacts of six nodes, so that chance draws none. */
export const optimizing = {
  optimizeCandidates: 3,
  unbiasedLinks: 0,
  protectedLinks: 0,
  optimizeHysteresis: 0,
  contactsSize: 6
} as const

/** Nodes that have not started, and know each other: by a peer store, say. Once they start their requests cross. */
export const acquainted = (size: number, config: Partial<HyParView.Config> = {}): World => {
  const world = fresh(size, config)
  const peers = world.stations.map((_, id) => ({ id, epoch: 1, address: addressOf(id) }))
  for (const self of peers) {
    const state = HyParView.init({ config: world.config, self, random: world.randomFor(self.id, 1) })
    world.stations[self.id] = {
      state: { ...state, passive: passiveOf(peers.filter((peer) => peer !== self)) },
      epoch: 1,
      dials: [],
      discovering: false
    }
  }
  return world
}

/** A scenario: a world, and what may happen in it. */
export const scenario = (
  start: World,
  depth: number,
  budget: Partial<Budget>,
  options: Partial<Pick<Scenario, "dice" | "calmRuns">> = {}
): Scenario => ({ start, depth, budget: { ...nothing, ...budget }, contacts, dice: 2, calmRuns: 500, calm, ...options })
