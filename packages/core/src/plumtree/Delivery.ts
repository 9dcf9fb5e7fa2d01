/**
 * A new message: delivered, passed on, kept.
 *
 * @since 0.1.0
 */
import type { Key, Peer } from "../Peer.ts"
import { maxHops } from "../wire/Limits.ts"
import { announce } from "./Announce.ts"
import { type Gossip, nextRound } from "./Message.ts"
import { found } from "./Missing.ts"
import { has, including, setOf } from "./Neighbors.ts"
import type { Via } from "./Protocol.ts"
import { keep, sweepMillis } from "./Streams.ts"
import { changeUpkeep, type Transition } from "./Transition.ts"

/**
 * Delivers a message, passes it on, and keeps it. `from` is self for one of our own. `named`: who had named it, if it came while `from`
 * was being asked for what is missing.
 */
export const accept = <I extends Key, A>(
  t: Transition<I, A>,
  slot: number,
  gossip: Gossip<I>,
  from: Peer<I, A>,
  bornAt: number,
  named: ReadonlyArray<I> | undefined
): void => {
  const { outputs, state } = t
  const { id, payload, publishedAt, replay, round } = gossip
  const own = from.id === state.self.id
  const via: Via = own ? "self" : (replay ?? "push")
  outputs.push({ _tag: "Delivered", id, payload, hops: round, publishedAt, from, via })
  pass(t, from, gossip, bornAt, named)
  const isPushed = replay === undefined
  const announced = found(t, id, from.id, isPushed, latenessOf(t, gossip))
  let path = own || replay === "recovery" ? undefined : { round, parent: from.id }
  if (announced !== undefined) {
    if (path !== undefined) path = t.strategy.onPushed(t, announced, path) ?? path
    else if (!own) t.strategy.onFetched(t, announced)
  }
  if (state.config.retainedBytes === 0) return
  const kept = {
    sequence: id.sequence,
    payload,
    round: path?.round ?? round,
    parent: path?.parent,
    publishedAt,
    bornAt
  }
  keep(t, slot, kept)
  if (state.upkeep.sweepAt === 0 && state.streams.bytes > 0) {
    changeUpkeep(t, { sweepAt: t.now + sweepMillis(state.config) })
  }
}

/**
 * How late the tree can be by a message that has come, at most: as old as that is by its source's clock, or who announces what is yet to
 * be published would have others wait the longer. A clock that is ahead tells nothing of that. 0: it was asked for.
 */
export const latenessOf = <I extends Key, A>(t: Transition<I, A>, gossip: Gossip<I>): number => {
  if (gossip.replay !== undefined || !t.strategy.tellsLateness(t, gossip)) return 0
  const age = t.now - gossip.publishedAt
  return age < 0 ? Infinity : age
}

/**
 * Eager push and lazy push: to all but the incarnation that it came from and that which published it. While a verdict was awaited
 * either may have begun anew, and then it has nothing.
 */
const pass = <I extends Key, A>(
  t: Transition<I, A>,
  from: Peer<I, A>,
  { id, payload, publishedAt, replay, round }: Gossip<I>,
  bornAt: number,
  named: ReadonlyArray<I> | undefined
): void => {
  const { outputs, state } = t
  const { neighbors } = state
  // Who has named it too hardly needs it: of what a newcomer fetches all neighbours have told, and what they keep may be megabytes.
  const holders = named !== undefined && t.strategy.announcesFetched ? setOf(state, named) : 0
  const lazy = t.strategy.lazyFor(state, id) | holders
  const onwardRound = nextRound(round)
  // The same for all neighbours. Half of the nodes of a tree have none to push to.
  let onward: Gossip<I> | undefined
  let announced = 0
  for (let i = 0; i < neighbors.length; i++) {
    const to = neighbors[i]
    if (to === undefined || (to.id === from.id && to.epoch === from.epoch)) continue
    if (to.id === id.source && to.epoch === id.epoch) continue
    if (has(lazy, i)) {
      announced = including(announced, i)
      continue
    }
    onward ??= {
      _tag: "Gossip",
      id,
      round: onwardRound,
      publishedAt,
      ageMillis: t.now - bornAt,
      payload,
      // Whoever has it already was not reached by two paths, but by one and by this detour, which others need. Only one that has asked
      // says so: else a member that says it of everything would have nobody behind it cut a cycle any more.
      replay: named !== undefined && replay === "recovery" ? replay : undefined
    }
    outputs.push({ _tag: "Send", to, message: onward })
  }
  // Who has it may have got it by a longer path than it took, long ago, to where it was fetched: that makes no link of today a better
  // one (PT16), whoever is told of it.
  if (announced !== 0) announce(t, id, holders === 0 ? onwardRound : maxHops, announced)
}
