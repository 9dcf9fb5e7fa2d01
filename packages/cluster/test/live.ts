/** Live clusters of a few nodes in real processes. */
import { Overview, Supervisor } from "@hyparview/cluster"
import { Effect } from "effect"

/** Looks again until what is seen is as it should be. */
export const until = Effect.fnUntraced(function* <A, E, R>(
  look: Effect.Effect<A, E, R>,
  isReached: (seen: A) => boolean
) {
  let seen = yield* look
  while (!isReached(seen)) {
    yield* Effect.sleep("50 millis")
    seen = yield* look
  }
  return seen
})

/**
 * A supervisor whose nodes have started and joined until each holds every other one. Before that somebody may know only those
 * that a fault takes away, and would have nobody left to ask.
 */
export const joinedCluster = Effect.gen(function* () {
  const supervisor = yield* Supervisor.Supervisor
  const { length } = yield* supervisor.start
  yield* supervisor.join
  yield* until(supervisor.overview, (overview) => overview.joined === length && Overview.isFull(overview))
  return supervisor
})

/** The ids of its processes. */
export const pidsOf = (supervisor: Supervisor.Supervisor["Service"]) =>
  Effect.map(supervisor.usage({ collect: false }), (usages) => usages.map(({ usage }) => usage.pid))
