/**
 * Protection against floods. Join, `empty` and the end of a join's walk can force an eviction, so they cost tokens: one
 * bucket for each remote identity, and one over all. And F self-chosen links are never evicted for an inbound request,
 * so that no stranger can surround a node.
 *
 * @since 0.1.0
 */
import { nextBelow } from "../Random.ts"
import type { Key, Peer } from "../Peer.ts"
import { givenOf } from "./optimization/Part.ts"
import { isUnbiased } from "./optimization/Unbiased.ts"
import { type Asker, emit, itemAt, type Transition } from "./State.ts"
import { indexInActive, isProtected, keepPassive, sampleFor, unlink } from "./Views.ts"

/** What a bucket holds after `millis` more, never above its burst. */
const refilled = (
  tokens: number,
  rate: { readonly burst: number; readonly perMinute: number },
  millis: number
): number => Math.min(rate.burst, tokens + (millis * rate.perMinute) / 60_000)

/**
 * Takes a token of this asker and one of everybody's. The result is how long to wait for the next one, in milliseconds;
 * 0 when both were there. A refusal takes nothing. `named`: it has not asked itself, a walk has named it. Such have buckets beside
 * the others': a neighbour can name anybody, and would else have its own bucket forgotten, and be given a full one.
 */
export const admit = <I extends Key, A>(t: Transition<I, A>, id: I, named = false): number => {
  const { now, state } = t
  const { admission } = state
  const { admissionOverall, admissionPerPeer, memorySize } = state.config
  const overall = refilled(admission.tokens, admissionOverall, now - admission.at)
  if (overall < 1) return Math.ceil(((1 - overall) * 60_000) / admissionOverall.perMinute)
  const known = named ? admission.named : admission.askers
  const index = known.findIndex((asker) => asker.id === id)
  const last = itemAt(known, index)
  const own = last === undefined ? admissionPerPeer.burst : refilled(last.tokens, admissionPerPeer, now - last.at)
  if (own < 1) return Math.ceil(((1 - own) * 60_000) / admissionPerPeer.perMinute)
  const asker: Asker<I> = { id, tokens: own - 1, at: now }
  // The longest silent asker is forgotten first: its bucket is the fullest.
  const others = index < 0 ? known : known.toSpliced(index, 1)
  const all = [...(others.length >= memorySize ? others.slice(others.length - memorySize + 1) : others), asker]
  state.admission = {
    tokens: overall - 1,
    at: now,
    askers: named ? admission.askers : all,
    named: named ? all : admission.named
  }
  return 0
}

/**
 * Makes room by evicting a random neighbour that is not protected. Since F < A there always is one. Nobody outside
 * chooses which. `likely` is who may have a slot free for it, the newcomer for one; `moves`, how often the hole that it
 * gets has moved. The result is who was evicted.
 */
export const evictFor = <I extends Key, A>(
  t: Transition<I, A>,
  likely: Peer<I, A>,
  moves: number
): Peer<I, A> | undefined => {
  const { state } = t
  const { active } = state
  // In a round of X-BOT a link is to be given away already, and its slot is promised: it goes if there is no other. So do the
  // links that X-BOT leaves alone.
  const given = givenOf(state)?.peer.id
  const spared: Array<number> = []
  const others: Array<number> = []
  active.forEach(({ id }, index) => {
    if (isProtected(state, index)) return
    if (id === given || isUnbiased(state, index)) spared.push(index)
    else others.push(index)
  })
  const drawn = others.length > 0 ? others : spared
  const victim = drawn.length > 0 ? (drawn[nextBelow(state, drawn.length)] ?? -1) : -1
  const evicted = itemAt(active, victim)
  if (evicted === undefined) return undefined
  evict(t, victim, likely, moves)
  return evicted.peer
}

/** For a bridge of our own: who closes a triangle (`Triangles.ts`) makes room, if there is such a one. We choose it ourselves. */
export const evictForBridge = <I extends Key, A>(t: Transition<I, A>, likely: Peer<I, A>): void => {
  const { search } = t.state
  const index = search.surplus === undefined ? -1 : indexInActive(t.state, search.surplus)
  if (index < 0) evictFor(t, likely, 0)
  else evict(t, index, likely, 0)
  if (search.surplus !== undefined) t.state.search = { ...search, surplus: undefined }
}

/**
 * Evicts the neighbour at `index`: it is told, and stays known as a passive entry. Its sample begins with who is
 * likely to have a slot free: when a newcomer has, then the link has only gained a node in its middle.
 */
const evict = <I extends Key, A>(t: Transition<I, A>, index: number, likely: Peer<I, A>, moves: number): void => {
  const victim = t.state.active[index]
  if (victim === undefined) return
  unlink(t, index, "evicted")
  const { ages, peers } = sampleFor(t, victim.peer.id)
  // It may be known here already, and have been drawn.
  const at = peers.findIndex(({ id }) => id === likely.id)
  const sample =
    at < 0
      ? { peers: [likely, ...peers], ages: [0, ...ages] }
      : { peers: [likely, ...peers.toSpliced(at, 1)], ages: [0, ...ages.toSpliced(at, 1)] }
  emit(t, {
    _tag: "Send",
    to: victim.peer,
    message:
      moves === 0
        ? { _tag: "Disconnect", link: victim.link, reason: "evicted", sample }
        : { _tag: "Disconnect", link: victim.link, reason: "evicted", sample, moves }
  })
  keepPassive(t, victim.peer)
}
