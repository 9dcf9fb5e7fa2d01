/**
 * Many nodes under test: a world in which every step is checked, and what its overlay looks like from outside.
 */
import type * as HyParView from "@hyparview/core/HyParView"
import * as HyParViewModule from "@hyparview/core/HyParView"
import * as Plumtree from "@hyparview/core/Plumtree"
import * as Overlay from "@hyparview/faults/Overlay"
import * as Result from "effect/Result"
import { World } from "../golden/World.ts"

export const minute = 60_000

/** Nodes 1 to `count`, joined one after the other through node 1, and then left alone for five minutes. */
export const cluster = (count: number, override: Partial<HyParView.Config> = {}, seed = 1): World => {
  const world = joined(count, 200, override, seed)
  world.advance(5 * minute)
  return world
}

/** `count` nodes, which have joined through the first, one each `pauseMillis`, the last as long ago. */
export const joined = (
  count: number,
  pauseMillis: number,
  override: Partial<HyParView.Config> = {},
  seed = 1
): World => {
  const config = Result.getOrThrow(HyParViewModule.forClusterSize(count, override))
  const world = new World({ nodes: count, seed, latencyMillis: 10, config, broadcast: Plumtree.floodConfig })
  for (let id = 1; id <= count; id++) {
    world.start(id, id === 1 ? [] : [1])
    world.advance(pauseMillis)
  }
  return world
}

export const snapshot = (world: World): Overlay.Snapshot<number> =>
  world.nodes.flatMap(([id, state]) =>
    state === undefined
      ? []
      : {
          id,
          active: state.membership.active.map(({ peer }) => peer.id),
          passive: state.membership.passive.ids,
          pending: state.membership.pending.length
        }
  )

/** Links that one end alone holds, now and also a request's time-out later: what is under way does not count. */
export const oneSided = (world: World): ReadonlyArray<string> => {
  const look = () => Overlay.asymmetricLinks(snapshot(world)).map(({ from, to }) => `${from} → ${to}`)
  const now = look()
  if (now.length > 0) world.advance(3_000)
  const later = look()
  return now.filter((link) => later.includes(link))
}
