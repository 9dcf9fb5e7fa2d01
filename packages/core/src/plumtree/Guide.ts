/**
 * Who shapes the shared tree. A duplicate tells that there is a cycle, and its link is where two copies met; those of another
 * message meet elsewhere. So while messages of several sources are under way, each cycle is cut in several places at once, and
 * what falls off has to be grafted, into the next cycle: with many sources, and links that take longer than the time between
 * two messages, a tree would never settle. Therefore only one source's duplicates prune, and only those of one message at a
 * time; and only its announcements optimise. All others use the tree as they find it, and mend it where it is broken.
 *
 * This guide is the source of the lowest id that has been heard of lately, so that all nodes have the same one, whatever each
 * of them has heard first. (A thicket's trees are guided in the same way, `thicket/Growth.ts`.)
 *
 * @since 0.1.0
 */
import type { Key } from "../Peer.ts"
import type { Config } from "./Config.ts"
import type { MessageId } from "./Message.ts"
import type { Transition } from "./State.ts"

/** The source by whose messages the shared tree is shaped. */
export interface Guide<I extends Key> {
  readonly source: I
  readonly heardAt: number
  /** In which period its shaping message was published. */
  readonly period: number
  /** The message whose duplicates prune; undefined: none yet. */
  readonly shaping: MessageId<I> | undefined
}

/** Whether there is a guide at all: a tree for each source is its own, and a flood has none. */
export const isGuided = ({ guideMillis, strategy, trees }: Config): boolean =>
  guideMillis > 0 && trees === "shared" && strategy === "plumtree"

/** Of the messages that are published within so many times `graftMillis` one shapes the tree: it has spread before the next. */
const periodTimes = 2

/** A message has come for the first time, or is published here: its source may be the guide from now on. */
export const heed = <I extends Key, A>(t: Transition<I, A>, id: MessageId<I>, publishedAt: number): void => {
  const { config, guide } = t.state
  if (!isGuided(config)) return
  const { now } = t
  const { source } = id
  const isOver = guide === undefined || now < guide.heardAt || now - guide.heardAt > config.guideMillis
  if (!isOver && source > guide.source) return
  const period = Math.floor(publishedAt / (periodTimes * config.graftMillis))
  if (isOver) {
    t.state.guide = { source, heardAt: now, period, shaping: id }
  } else if (source !== guide.source) {
    // What the one before has begun to shape is still under way.
    t.state.guide = { source, heardAt: now, period, shaping: undefined }
  } else if (period > guide.period || isSetBack(config, period, guide.period)) {
    t.state.guide = { source, heardAt: now, period, shaping: id }
  } else if (now !== guide.heardAt) {
    t.state.guide = { ...guide, heardAt: now }
  }
}

/** Whether the guide's clock has been set back: what comes late is not as late as that. */
const isSetBack = ({ graftMillis, guideMillis }: Config, period: number, before: number): boolean =>
  (before - period) * periodTimes * graftMillis > guideMillis

/** Whether duplicates of a message prune: all do where there is no guide. */
export const isShaping = <I extends Key, A>({ state }: Transition<I, A>, id: MessageId<I>): boolean => {
  if (!isGuided(state.config)) return true
  const shaping = state.guide?.shaping
  return (
    shaping !== undefined &&
    shaping.sequence === id.sequence &&
    shaping.source === id.source &&
    shaping.epoch === id.epoch &&
    shaping.topic === id.topic
  )
}

/** Whether a source's announcements optimise: everybody's do where there is no guide. */
export const mayOptimize = <I extends Key, A>({ state }: Transition<I, A>, source: I): boolean =>
  !isGuided(state.config) || state.guide?.source === source
