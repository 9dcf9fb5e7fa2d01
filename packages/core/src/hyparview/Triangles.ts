/**
 * Links that lie too close. Where many join at once through one contact, or through a few, the walks of their joins are short
 * of nodes to walk to, and each links with those who came just before and after it: the overlay is whole, but a long, thick
 * chain, in which neighbours of neighbours are neighbours. Nothing of the paper's ever changes a link of two nodes that live.
 *
 * *Triangles* show it: a neighbour that shuffles names two of our neighbours as its own. In a random graph there is hardly ever
 * even one. So the link to that neighbour is exchanged for one with anybody whom this node knows, by a bridge (`Merge.ts`), and so
 * are a few that chance draws: one exchange makes the triangles go, the others make the chain short. From then on a node does so for a
 * single triangle as well. Where nodes join one after the other nothing happens here.
 *
 * Rule 13 of `docs/protocol.md`.
 *
 * @since 0.1.0
 */
import { nextBelow } from "../Random.ts"
import type { Key, Peer } from "../Peer.ts"
import { meet } from "./Merge.ts"
import type { Shuffle } from "./Message.ts"
import type { State, Transition } from "./State.ts"
import { indexInActive, passiveAt } from "./Views.ts"

/** A neighbour's shuffle, as it comes straight from it: with triangles in it the link to that neighbour is exchanged. */
export const lookForTriangle = <I extends Key, A>(
  t: Transition<I, A>,
  from: Peer<I, A>,
  message: Shuffle<I, A>
): void => {
  const { state } = t
  const { activeSize, shuffleActive, triangleExchanges } = state.config
  if (message.origin.id !== from.id || state.search.triangles >= activeSize) return
  const { ages, peers } = message.sample
  // Its neighbours stand before its passive entries, and their age is 0.
  let common = 0
  for (let i = 0; i < shuffleActive; i++) {
    const peer = peers[i]
    if (peer !== undefined && ages[i] === 0 && indexInActive(state, peer.id) >= 0) common++
  }
  // A first one alone may be chance, above all among few nodes.
  if (common < (state.search.triangles === 0 ? 2 : 1) || !exchange(t)) return
  const { search } = state
  const triangles = search.triangles + 1
  state.search = { ...search, triangles, surplus: from.id, exchangesDue: triangleExchanges - 1 }
}

/** Each cycle: one of the exchanges that have been due since the last triangle, of a link that chance draws. */
export const spreadLinks = <I extends Key, A>(t: Transition<I, A>): void => {
  const { state } = t
  if (state.search.exchangesDue === 0 || !exchange(t)) return
  state.search = { ...state.search, exchangesDue: state.search.exchangesDue - 1 }
}

/** Whether somebody is asked for a link in the place of one of ours. */
const exchange = <I extends Key, A>(t: Transition<I, A>): boolean => {
  const { state } = t
  if (!mayExchange(state) || t.now < state.search.nextBridgeAskAt) return false
  const peer = passiveAt(state, nextBelow(state, state.passive.ids.length))
  return peer !== undefined && meet(t, peer)
}

/**
 * Where it is wanted; with a full active view, or a slot would be filled instead; with a full passive view, or the cluster is so small that all are
 * neighbours of each other's; and not where X-BOT gathers what is near.
 */
const mayExchange = <I extends Key, A>({ active, config, passive }: State<I, A>): boolean =>
  config.triangleExchanges > 0 &&
  config.optimizeCandidates === 0 &&
  active.length >= config.activeSize &&
  passive.ids.length >= config.passiveSize
