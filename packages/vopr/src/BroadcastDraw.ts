/**
 * The broadcast's part of a scenario: what its trees are like, and how much is remembered. It follows from the scenario's seed,
 * and so is the same when the scenario is shrunk.
 */
import { Plumtree, Random } from "@hyparview/core"
import type { Scenario } from "@hyparview/faults/Scenario"

/** Memories small enough to overflow in one run of four. */
const isForgetful = ({ seed }: Scenario): boolean => seed % 4 === 1

/**
 * Few trees, in which a node of the small views that scenarios have can take part in all: with the defaults, made for 25
 * neighbours, most messages would come by announcement alone.
 */
const severalTrees = ({ seed }: Scenario) => {
  const fanout = 1 + (Math.floor(seed / 16) % 3)
  return { treesCount: 1 + (Math.floor(seed / 48) % 5), fanout, maxLoad: fanout + (Math.floor(seed / 240) % 5) }
}

/**
 * Bounds at which a few messages overflow: in half of the forgetful runs those of what is kept alone, in the others also how much is
 * announced, grafted, named and sent at once, each at its least or a little above.
 */
const smallBounds = (scenario: Scenario): Partial<Plumtree.Config> => {
  if (!isForgetful(scenario)) return {}
  const drawn = Math.floor(scenario.seed / 4)
  if (drawn % 2 === 0) return { windowSize: 4, retainedMessages: 1, gapsSize: 1 }
  const random = Random.seeded(scenario.seed)
  const upTo = (most: number): number => 1 + Random.nextBelow(random, most)
  const windowSize = upTo(8)
  return {
    windowSize,
    retainedMessages: upTo(windowSize),
    gapsSize: upTo(3),
    missingSize: upTo(4),
    announcersSize: upTo(2),
    graftSize: upTo(2),
    announceSize: upTo(4),
    digestSize: upTo(2),
    fetchMessages: upTo(2),
    catchUp: Random.nextBelow(random, 4) > 0
  }
}

/** A tree for everybody or for each source, several trees, or a flood. */
export const broadcastOf = (scenario: Scenario): Plumtree.Config => ({
  ...Plumtree.defaultConfig,
  strategy: scenario.strategy,
  ...severalTrees(scenario),
  guideMillis: [0, 2_000, Plumtree.defaultConfig.guideMillis][scenario.seed % 3] ?? 0,
  trees: scenario.seed % 2 === 0 ? "shared" : "source",
  ...smallBounds(scenario)
})

/**
 * From when on a message must have come to everybody who runs, if any of them has it; in milliseconds of the run, given when
 * the overlay was whole. Infinity: nothing is promised.
 *
 * Whatever was kept when the last two parts of the overlay found together is fetched across the new link and pushed on
 * (rules R2–R4, R12), so a message must have been kept until then, and as long as fetching it may take. A network that loses
 * frames without a word (L4) may lose the last message of a source, and everything that would tell of it; and who forgets
 * after a few messages may have forgotten it.
 */
export const dueSince = (scenario: Scenario, wholeAtMillis: number): number => {
  const isLossy = scenario.plan.actions.some(({ fault }) => fault._tag === "SilentLoss" || fault._tag === "Duplicate")
  if (isLossy || isForgetful(scenario)) return Infinity
  return wholeAtMillis - broadcastOf(scenario).retainedMillis + fetchingMillis(scenario)
}

/** A new link's digests, then a fetch that everybody who may be asked leaves open, but the last. */
const fetchingMillis = (scenario: Scenario): number => {
  const { digestMillis, fetchMillis, graftMillis } = broadcastOf(scenario)
  const { activeSize, requestTimeoutMillis } = scenario.membership
  return requestTimeoutMillis + 2 * digestMillis + graftMillis + 2 * activeSize * fetchMillis
}

/**
 * How long a gap may stay open in calm, in milliseconds (rule R7): while nobody says that it is over, as long as messages are
 * kept; then until nothing has come for `gapMillis`.
 */
export const openMillis = (scenario: Scenario): number => {
  const { gapMillis, retainedMillis } = broadcastOf(scenario)
  return retainedMillis + gapMillis + fetchingMillis(scenario)
}

/** A tree grown from one child to a node reaches most nodes over announcements, from one to the next. */
const announcedHops = 10

/**
 * How soon everybody must have a message that is published in calm, in milliseconds. In a thicket a node that is in none of
 * the branches waits for announcements, and then for a parent above to bring the message, before it asks; and so do those
 * that hear of it from there.
 */
export const reachMillis = (scenario: Scenario): number => {
  const { announceMillis, graftMillis, strategy } = broadcastOf(scenario)
  return strategy === "thicket" ? announcedHops * (2 * announceMillis + graftMillis) : 4_000
}
