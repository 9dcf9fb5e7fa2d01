/**
 * One tree for all sources, or one for each: the strategy that the paper describes. A duplicate prunes the link that brought
 * it, an announcement whose payload does not come grafts the link that brought that, and a shorter path replaces a longer one.
 *
 * @since 0.1.0
 */
import { constTrue, constVoid } from "effect/Function"
import type { Key } from "../Peer.ts"
import { endShaping, isGuided, isShaping, mayOptimize, onBeatOf } from "./Guide.ts"
import * as Held from "./Held.ts"
import { timeout1 } from "./Lateness.ts"
import type { MessageId, Origin } from "./Message.ts"
import { askAtOnce } from "./Missing.ts"
import { allOf, including } from "./Neighbors.ts"
import { indexOf, type Kept, type Missing } from "./State.ts"
import { at, isHeard, put, streamOf } from "./Streams.ts"
import { changeLink, type OnMessage, type Path, type Strategy, type Transition } from "./Transition.ts"
import { changeSourceTree, drawThreshold, isLazy, isPruned, lazyIn, makeEager, makeLazy, sourceTree } from "./Tree.ts"

/**
 * Of the duplicates that one link brings within this share of timeout1, one counts, and so of the news. A burst of
 * messages from several sources, all under way before anybody can have heard of a prune, would bring every link of a cycle
 * to its threshold at once, and the cycle would be cut to pieces that have to be grafted together again, into a cycle.
 */
const burstShare = 1 / 5

const isOfBurst = <I extends Key, A>(t: Transition<I, A>, countedAt: number): boolean =>
  countedAt >= 0 && t.now - countedAt < burstShare * timeout1(t)

/** Tells a neighbour that its link is lazy from now on. */
const prune = <I extends Key, A>(t: Transition<I, A>, source: I, index: number): void => {
  const to = t.state.neighbors[index]
  if (to === undefined) return
  const tree = t.state.config.trees === "shared" ? undefined : source
  changeLink(t, index, { duplicates: 0, duplicateAt: -1, newsAt: -1, pruneAt: drawThreshold(t), prunedAt: t.now })
  if (tree !== undefined && isGuided(t.state.config))
    changeSourceTree(t, tree, { pruned: including(sourceTree(t.state, tree).pruned, index) })
  t.outputs.push({ _tag: "Send", to, message: { _tag: "Prune", tree } })
}

/**
 * A graft was made for a message that came along the tree all the same: its link closes a cycle, and goes. Otherwise some
 * link of that cycle would, or two at once, with whatever is under way on them. Where the first duplicate prunes, the one
 * that the graft brings does.
 */
const takeBack = <I extends Key, A>(t: Transition<I, A>, { source }: MessageId<I>, index: number): void => {
  const { config } = t.state
  if (
    index < 0 ||
    ((config.trees === "source" || config.pruneAfter === 1) && !isGuided(config)) ||
    isLazy(t.state, source, index)
  )
    return
  makeLazy(t, source, index)
  prune(t, source, index)
}

/** PRUNE received. Of a source of which nothing has come here nothing was pushed: whoever prunes its tree makes it up. */
const onPrune = <I extends Key, A>(t: Transition<I, A>, index: number, tree: I | undefined): void => {
  if (t.state.config.trees === "shared") makeLazy(t, t.state.self.id, index)
  else if (tree !== undefined && isHeard(t.state.streams, tree)) makeLazy(t, tree, index)
  askAtOnce(t)
}

/** So many messages that a neighbour has sent first make up for one duplicate. A power of two, so that sums are exact. */
const newsPerDuplicate = 16

/**
 * A neighbour has sent a message first: its link carries the tree, whatever it was before. But not if it was pruned from
 * here: then the message was under way when it heard of that, and it pushes no more. Were it made eager for such a
 * message, only this end would push, and duplicates: with many messages under way that keeps a mesh from ever settling.
 */
const onNews: OnMessage = (t, { id, replay }, index) => {
  const { config, links } = t.state
  const { source } = id
  const isAstray = replay === "recovery" || isPruned(t.state, source, index)
  // What comes along the tree as well is its duplicate, and prunes nothing.
  if (isAstray && isShaping(t, id)) endShaping(t, source)
  // A fetched copy says nothing of the tree.
  if (replay === "recovery") return
  if (isAstray) return tellAgain(t, source, index)
  makeEager(t, source, index)
  if (config.pruneAfter === 1 || isGuided(config)) return
  const link = links[index]
  if (link === undefined || link.duplicates === 0 || isOfBurst(t, link.newsAt)) return
  changeLink(t, index, { duplicates: link.duplicates - 1 / newsPerDuplicate, newsAt: t.now })
}

/**
 * A neighbour has pushed what was known: one of the two paths is one too many. With one sender the later is (the paper's
 * rule). With many, messages that are under way at once cross each other, and pruning at the first duplicate would cut
 * branches that are no part of a cycle any more; so those of the guide alone count, or where there is none a few are waited
 * for.
 */
const onDuplicate: OnMessage = (t, { id, replay }, index) => {
  const { config, links } = t.state
  const { source } = id
  const link = links[index]
  if (link === undefined || replay === "recovery") return
  if (isLazy(t.state, source, index)) return tellAgain(t, source, index)
  if (!isShaping(t, id)) return
  if (config.trees === "shared" && config.pruneAfter > 1 && !isGuided(config)) {
    if (isOfBurst(t, link.duplicateAt)) return
    const duplicates = link.duplicates + 1
    if (duplicates < link.pruneAt) return changeLink(t, index, { duplicates, duplicateAt: t.now })
  }
  makeLazy(t, source, index)
  prune(t, source, index)
}

/** A neighbour that is lazy pushes all the same. It was told, and what it sent before it knew is under way; or it never heard. */
const tellAgain = <I extends Key, A>(t: Transition<I, A>, source: I, index: number): void => {
  const prunedAt = t.state.links[index]?.prunedAt ?? -1
  if (prunedAt < 0 || t.now - prunedAt >= timeout1(t)) prune(t, source, index)
}

/** BEAT received: it tells of its link what a message of the guide would. */
export const onBeat = <I extends Key, A>(t: Transition<I, A>, index: number, source: I, at: number): void => {
  const found = onBeatOf(t, index, source, at)
  if (found === "new") {
    if (!isPruned(t.state, source, index)) return makeEager(t, source, index)
    endShaping(t, source)
    return tellAgain(t, source, index)
  }
  if (found === undefined) return
  if (isLazy(t.state, source, index)) return tellAgain(t, source, index)
  makeLazy(t, source, index)
  prune(t, source, index)
}

/**
 * Optimisation (TR-07-14 §3.8): a message came by a path of `round` links from `parent`, and `announcer` offers one that is
 * shorter by the threshold. Its link takes the parent's place, here and at both other ends. Whether it did.
 */
const optimize = <I extends Key, A>(
  t: Transition<I, A>,
  id: MessageId<I>,
  round: number,
  parent: I,
  announced: number,
  announcer: number
): boolean => {
  const { config, neighbors } = t.state
  if (config.optimizeHops === 0 || !(round - announced >= config.optimizeHops)) return false
  if (!mayOptimize(t, id.source)) return false
  const old = indexOf(t.state, parent)
  const to = neighbors[announcer]
  if (old < 0 || old === announcer || to === undefined || isLazy(t.state, id.source, old)) return false
  makeEager(t, id.source, announcer)
  t.outputs.push({ _tag: "Send", to, message: { _tag: "Graft", ids: [id], payload: false } })
  makeLazy(t, id.source, old)
  prune(t, id.source, old)
  return true
}

/** A shorter path is announced for a message that has come. */
const optimizeLate = <I extends Key, A>(
  t: Transition<I, A>,
  slot: number,
  id: MessageId<I>,
  round: number,
  index: number
): void => {
  const { config, neighbors, streams } = t.state
  const stream = at(streams, slot)
  if (config.optimizeHops === 0) return
  // Nearly all announcements are of no shorter path, and the message itself need not be looked up to know.
  if (stream === undefined || stream.depth - round < config.optimizeHops) return
  const kept = Held.find(stream.held, id.sequence)
  if (kept?.parent === undefined) return
  if (!optimize(t, id, kept.round, kept.parent, round, index)) return
  const changed: Kept<I> = { ...kept, round, parent: neighbors[index]?.id }
  put(t, slot, { ...stream, held: Held.replace(stream.held, changed) })
}

/** Somebody who announced a message that has now come by a longer way is a better parent than the one that brought it. */
const optimizeFound = <I extends Key, A>(
  t: Transition<I, A>,
  { announcers, id, rounds }: Missing<I>,
  { parent, round }: Path<I>
): Path<I> | undefined => {
  let best = -1
  for (let i = 0; i < announcers.length; i++) if (best < 0 || (rounds[i] ?? 0) < (rounds[best] ?? 0)) best = i
  const announcer = announcers[best]
  const announced = rounds[best]
  if (announcer === undefined || announced === undefined) return undefined
  return optimize(t, id, round, parent, announced, indexOf(t.state, announcer))
    ? { round: announced, parent: announcer }
    : undefined
}

/**
 * Whether all neighbours are lazy; or the latest of this origin, lately, was fetched, or the one that brought it has gone. Only where
 * there is a guide: where every message shapes the tree, as in the paper, a tree that has lost many links is grafted together in several
 * places if nobody waits.
 */
const isCutOff = <I extends Key, A>({ now, state }: Transition<I, A>, origin: Origin<I>): boolean => {
  if (!isGuided(state.config)) return false
  if (lazyIn(state, origin.source) === allOf(state)) return true
  const stream = streamOf(state.streams, origin)
  const latest = stream === undefined ? undefined : Held.last(stream.held, 1)[0]
  if (latest === undefined || now - latest.bornAt > state.config.guideMillis) return false
  return latest.parent === undefined || indexOf(state, latest.parent) < 0
}

/** The graft timer waits for as long as the tree is late by now, unless somebody has been asked already. */
const dueAt = <I extends Key, A>(t: Transition<I, A>, { at, grafted, since }: Missing<I>): number =>
  grafted === undefined ? Math.max(at, since + timeout1(t)) : at

/** The first of them that is still a neighbour. */
const nextAnnouncer = <I extends Key, A>({ state }: Transition<I, A>, { announcers }: Missing<I>): number =>
  announcers.findIndex((announcer) => indexOf(state, announcer) >= 0)

const graft = <I extends Key, A>(t: Transition<I, A>, { source }: MessageId<I>, index: number): void =>
  makeEager(t, source, index)

/** Eager links form a tree, for all sources or for each. */
export const oneTree: Strategy = {
  lazyFor: (state, { source }) => lazyIn(state, source),
  grafts: true,
  announcesFetched: true,
  onPublished: constVoid,
  onNews,
  onDuplicate,
  onPushed: optimizeFound,
  onFetched: constVoid,
  onAnnouncing: constVoid,
  onKnownAnnounced: optimizeLate,
  isCutOff,
  tellsLateness: constTrue,
  patience: timeout1,
  dueAt,
  nextAnnouncer,
  onAsking: graft,
  takeBack,
  gapPatience: ({ graftMillis }) => graftMillis,
  gapsSize: ({ gapsSize }) => gapsSize,
  onPrune,
  onGraft: (t, index, ids) => {
    for (const id of ids) graft(t, id, index)
  },
  // Who asked has made its end of our link eager.
  onGraftMiss: graft
}
