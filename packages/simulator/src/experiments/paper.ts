/**
 * Every figure of the HyParView paper, with the paper's parameters and one seed: one overlay is built, and each failure
 * level is inflicted on a copy of it. The runs that it gives are those of `stable` and `failures`; what is particular:
 *
 * - Fig. 2 and 3: `failures`, 1,000 messages, no cycle.
 * - Fig. 4: `healing`, cycles right after the kill, ten broadcasts each.
 * - Table 1, Fig. 5: `stable`; its broadcasts are floods of the stable overlay, for the hops of the last delivery.
 * - `firstMessages`: 30 kills each, one message before anybody has noticed, to be held against theory.
 */
import * as Measure from "../Measure.ts"
import { firstMessages, heal, killShare, publish } from "./failures.ts"
import { type Laboratory, weights, type Work } from "./Laboratory.ts"
import { grow, growWork } from "./stable.ts"

const levels = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95]
const firstMessageLevels = levels.slice(0, 6)
const kills = 30
const floods = 50
/** A run inside of `paper` is measured as a whole: its parts have no seconds of their own. */
const unmeasured = { cpuSeconds: 0, wallSeconds: 0, peakRssBytes: 0 }

export function* paper(laboratory: Laboratory): Work {
  const { options } = laboratory
  const { healCycles, messages, nodes } = options
  const survivors = levels.reduce((sum, level) => sum + nodes * (1 - level), 0)
  laboratory.expect(
    growWork(laboratory) +
      nodes * floods * weights.delivery +
      survivors * weights.delivery * (messages + 30) +
      nodes * firstMessageLevels.length * kills * weights.delivery
  )
  yield* grow(laboratory)
  const overlay = laboratory.world
  laboratory.before = Measure.overlay(overlay)

  laboratory.replaceWorld(overlay.fork())
  yield* publish(laboratory, floods)
  conclude(laboratory, "stable", {})

  for (const [index, kill] of levels.entries()) {
    // Like `failures` alone: the same copy, the same draws.
    laboratory.replaceWorld(overlay.fork())
    killShare(laboratory, kill)
    yield* publish(laboratory, messages)
    yield* heal(laboratory, healCycles)
    conclude(laboratory, "failures", { kill })

    laboratory.replaceWorld(overlay.fork(1_000 + index))
    killShare(laboratory, kill)
    yield* heal(laboratory, healCycles)
    conclude(laboratory, "failures", { kill, messages: 0 })
  }
  for (const [index, kill] of firstMessageLevels.entries()) {
    laboratory.replaceWorld(overlay.fork())
    laboratory.enter("first messages")
    yield* firstMessages(laboratory, kill, kills, 2_000 + index * kills)
    conclude(laboratory, "failures", { kill, messages: 1, healCycles: 0 })
  }
  laboratory.replaceWorld(overlay)
}

/** Writes down a run and clears the record for the next. */
const conclude = (laboratory: Laboratory, experiment: string, change: Partial<Laboratory["options"]>): void => {
  const complete = laboratory.complete
  laboratory.complete = true
  laboratory.runs.push(laboratory.single(experiment, { ...laboratory.options, ...change }, unmeasured))
  laboratory.complete = complete
  laboratory.broadcasts.length = 0
  laboratory.samples.length = 0
  laboratory.firstMessages.length = 0
  laboratory.healingCycles = null
}
