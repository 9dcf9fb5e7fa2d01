/**
 * Who shapes the shared tree. A duplicate tells that there is a cycle, and its link is where two copies met; those of another
 * message meet elsewhere. So while messages of several sources are under way, each cycle is cut in several places at once, and
 * what falls off has to be grafted, into the next cycle: with many sources, and links that take longer than the time between
 * two messages, a tree would never settle. Therefore only one source's duplicates prune, and only those of one message at a
 * time; and only its announcements optimise. All others use the tree as they find it, and mend it where it is broken.
 *
 * In a tree for each source (`Config.trees`) it is its source, and no other's messages take it. But those follow each other too
 * before anybody can have heard of a prune: where two come by two links, and the one overtakes on the one, the other on the
 * other, both links would go. So there also it is one message at a time.
 *
 * The guide of the shared tree is the source of the lowest id that has been heard of lately, so that all nodes have the same one,
 * whatever each of them has heard first. (A thicket's trees are guided in the same way, `thicket/Growth.ts`.) While others publish and it
 * has nothing to say itself, it sends a Beat along the tree now and then, a message without content, so that cycles do not
 * have to wait for it.
 *
 * @since 0.1.0
 */
import type { Key } from "../Peer.ts"
import type { Config } from "./Config.ts"
import { type MessageId, sameMessage } from "./Message.ts"
import { has } from "./Neighbors.ts"
import { isSequence } from "./Seen.ts"
import type { Guide } from "./State.ts"
import type { Transition } from "./Transition.ts"
import { changeSourceTree, sourceTree } from "./Tree.ts"

/** Whether a tree has a guide: the shared one, or that of a source, which is its own. A flood has none. */
export const isGuided = ({ guideMillis, strategy }: Config): boolean => guideMillis > 0 && strategy === "plumtree"

/** Whether the guide has to be found: there is one tree for all sources. */
const isFound = (config: Config): boolean => isGuided(config) && config.trees === "shared"

/** Of what a guide says within so many times `graftMillis` one message shapes the tree: it has spread before the next. */
const periodTimes = 2

const periodOf = ({ graftMillis }: Config, at: number): number => Math.floor(at / (periodTimes * graftMillis))

/** Whether nobody guides any more; a clock that was set back tells nothing. */
const isOver = <I extends Key>({ heardAt }: Guide<I>, { guideMillis }: Config, now: number): boolean =>
  now < heardAt || now - heardAt > guideMillis

/** Whether one period follows another; or the guide's clock has been set back: what comes late is not as late as that. */
const follows = ({ graftMillis, guideMillis }: Config, period: number, before: number): boolean =>
  period > before || (before - period) * periodTimes * graftMillis > guideMillis

/**
 * A message has come for the first time and may be passed on, or is published here: its source may be the guide from now on.
 * What is older than a guide may be silent (it was recovered) tells who guided once.
 */
export const heed = <I extends Key, A>(
  t: Transition<I, A>,
  id: MessageId<I>,
  publishedAt: number,
  ageMillis: number
): void => {
  const { now, state } = t
  const { config, guide } = state
  if (!isGuided(config) || ageMillis > config.guideMillis) return
  if (config.trees === "source") return heedSource(t, id, publishedAt)
  const { source } = id
  const period = periodOf(config, publishedAt)
  const isFirst = guide === undefined || isOver(guide, config, now)
  if (isFirst || source < guide.source) {
    // What the one before has begun to shape is still under way.
    const shaping = isFirst ? id : undefined
    state.guide = { source, heardAt: now, period, shaping, beat: -1, beatShapes: false, passedAt: 0 }
  } else if (source !== guide.source) {
    if (guide.source === state.self.id) beatFor(t, guide)
  } else if (follows(config, period, guide.period)) {
    state.guide = { ...guide, heardAt: now, period, shaping: id, beatShapes: false }
  } else if (now !== guide.heardAt) {
    state.guide = { ...guide, heardAt: now }
  }
}

/**
 * The same of a tree for each source, whose guide is known. A clock that stands still, or says what is none, does not keep its tree from
 * being shaped: once it has not been for as long as a guide may be silent, it is.
 */
const heedSource = <I extends Key, A>(t: Transition<I, A>, id: MessageId<I>, publishedAt: number): void => {
  const { now, state } = t
  const { config } = state
  const { period: before, shapedAt } = sourceTree(state, id.source)
  const period = Math.max(0, periodOf(config, publishedAt))
  if (!isSequence(period)) return
  const isLate = now < shapedAt || now - shapedAt > config.guideMillis
  if (before < 0 || isLate || follows(config, period, before))
    changeSourceTree(t, id.source, { period, shapedAt: now, shaping: id })
}

/**
 * A message waits for a verdict. Nobody behind this node may ever get it, so it makes nobody the guide; but if the guide has
 * published it, its duplicates may come before the verdict.
 */
export const heedAwaited = <I extends Key, A>(t: Transition<I, A>, id: MessageId<I>, publishedAt: number): void => {
  const { config, guide } = t.state
  if (!isGuided(config)) return
  if (config.trees === "source") return heedSource(t, id, publishedAt)
  if (guide === undefined || guide.source !== id.source) return
  const period = periodOf(config, publishedAt)
  if (follows(config, period, guide.period)) t.state.guide = { ...guide, period, shaping: id, beatShapes: false }
}

/** Others publish, and this node, their guide, has said nothing in this period. */
const beatFor = <I extends Key, A>(t: Transition<I, A>, guide: Guide<I>): void => {
  const { now, state } = t
  const period = periodOf(state.config, now)
  if (!follows(state.config, period, guide.period)) return
  state.guide = {
    ...guide,
    heardAt: now,
    period,
    shaping: undefined,
    beat: now,
    beatShapes: true,
    passedAt: now
  }
  passBeat(t, -1)
}

/** The guide's Beat goes to all eager neighbours but the one at an index. */
const passBeat = <I extends Key, A>(t: Transition<I, A>, except: number): void => {
  const { guide, lazy, neighbors } = t.state
  if (guide === undefined) return
  const message = { _tag: "Beat", source: guide.source, at: guide.beat } as const
  neighbors.forEach((to, index) => {
    if (index !== except && !has(lazy, index)) t.outputs.push({ _tag: "Send", to, message })
  })
}

/**
 * BEAT received from the neighbour at an index. `new`: it is passed on; `shaping`: it has been, and its duplicates prune;
 * undefined: it says nothing.
 */
export const onBeatOf = <I extends Key, A>(
  t: Transition<I, A>,
  index: number,
  source: I,
  at: number
): "new" | "shaping" | undefined => {
  const { now, state } = t
  const { config, guide } = state
  if (!isFound(config) || !isSequence(at)) return undefined
  const period = periodOf(config, at)
  const isFirst = guide === undefined || isOver(guide, config, now)
  if (!isFirst && source > guide.source) return undefined
  if (!isFirst && source === guide.source) {
    if (at === guide.beat) return guide.beatShapes ? "shaping" : undefined
    if (!follows(config, period, guide.period)) return undefined
  }
  // Who has sent none has no cycle to learn of.
  if (source === state.self.id) return undefined
  // Who names anybody, time and again, is passed on no oftener than a guide would be; but the lower id counts at once, or of
  // two that beat at the same time the one that is nearer would hide the other for ever.
  if (guide !== undefined && now >= guide.passedAt && now - guide.passedAt < config.graftMillis) {
    if (isFirst || source < guide.source)
      state.guide = { ...guide, source, heardAt: now, period, shaping: undefined, beat: at, beatShapes: false }
    return undefined
  }
  const beatShapes = isFirst || source === guide.source
  state.guide = { source, heardAt: now, period, shaping: undefined, beat: at, beatShapes, passedAt: now }
  passBeat(t, index)
  return "new"
}

/** Whether duplicates of a message prune: all do where there is no guide. */
export const isShaping = <I extends Key, A>({ state }: Transition<I, A>, id: MessageId<I>): boolean => {
  if (!isGuided(state.config)) return true
  const { shaping } = (state.config.trees === "shared" ? state.guide : sourceTree(state, id.source)) ?? {}
  return shaping !== undefined && sameMessage(shaping, id)
}

/** The message, or the Beat, that shapes the tree does so no more: here it came by a link that is no part of it. */
export const endShaping = <I extends Key, A>(t: Transition<I, A>, source: I): void => {
  const { state } = t
  if (state.config.trees === "source") changeSourceTree(t, source, { shaping: undefined })
  else if (state.guide !== undefined) state.guide = { ...state.guide, shaping: undefined, beatShapes: false }
}

/** Whether a source's announcements optimise: everybody's do where there is no guide to be found. */
export const mayOptimize = <I extends Key, A>({ state }: Transition<I, A>, source: I): boolean =>
  !isFound(state.config) || state.guide?.source === source
