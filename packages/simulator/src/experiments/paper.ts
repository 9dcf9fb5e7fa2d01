/**
 * Every figure of the two papers, with their parameters and one seed: one overlay is built, and everything is inflicted on
 * copies of it. The runs that it gives are those of `stable`, `failures` and `plumtree`; what is particular:
 *
 * HyParView (TR-07-13):
 * - Fig. 2 and 3: `failures`, 1,000 messages, no cycle.
 * - Fig. 4: `healing`, cycles right after the kill, ten broadcasts each.
 * - Table 1, Fig. 5: `stable`; its broadcasts are floods of the stable overlay, for the hops of the last delivery.
 * - `firstMessages`: 30 kills each, one message as the nodes die, to be held against theory.
 *
 * Plumtree (TR-07-14): flooding and the tree, from one sender and from many, optimised or not.
 * - Table 1, Fig. 2 (c): 100 broadcasts on the stable overlay. Fig. 2 (b): one each cycle from cycle 0, before the overlay
 *   has been stabilised, as the paper has it.
 * - Fig. 5 and 6: a share dies, a broadcast before anybody has noticed and one after each cycle.
 * - 50 nodes die in each of 100 cycles: of others than 10,000 as large a share, and none of fewer than 200.
 * - Announcements batched, at ten broadcasts a second.
 */
import { Plumtree } from "@hyparview/core"
import { firstMessages, heal, killShare, publish } from "./failures.ts"
import { type Laboratory, type Origin, probes, treeConfig, weights, type Work } from "./Laboratory.ts"
import { afterKill, afterKillWork, build, buildWork, whileFailing, whileFailingWork } from "./plumtree.ts"
import { growWork, stockWork } from "./stable.ts"

const levels = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95]
const firstMessageLevels = levels.slice(0, 6)
const kills = 30
const floods = 50
/** Looks until a level is healed, the one right after the kill included: what is to be expected of most. */
const healingSamples = 1.5
type Change = Partial<Laboratory["options"]>

/** The Plumtree paper's five: thresholds 3 for one sender and 7 for many. */
const variants: ReadonlyArray<Change> = [
  { strategy: "flood", senders: "one" },
  { strategy: "plumtree", senders: "one" },
  { strategy: "plumtree", senders: "many" },
  { strategy: "plumtree", senders: "one", optimizeHops: 3 },
  { strategy: "plumtree", senders: "many", optimizeHops: 7 }
]
const treeMessages = 100
/** Of a run from cycle 0: the paper plots 10 or so. */
const firstCycles = 12
/** Cycles after a kill; the paper's need 4 at most. */
const treeHealCycles = 5
const steadyMessages = 20
const steadyCycles = 100
/** The paper's 50 of 10,000, so that half are left; of few nodes none can die in each cycle. */
const steadyFailures = (nodes: number): number => Math.floor(nodes / 2 / steadyCycles)

export function* paper(laboratory: Laboratory): Work {
  const { options } = laboratory
  const { cycles, healCycles, messages, nodes, part } = options
  const survivorsOf = (each: ReadonlyArray<number>) =>
    each.reduce((sum, level) => sum + nodes - Math.round(nodes * level), 0)
  const survivors = survivorsOf(levels)
  // Broadcasts reach everybody again after a cycle or two, and each level is healed twice.
  const samples = Math.min(healingSamples, healCycles + 1)
  const healWork = 2 * (samples * probes * weights.delivery + (samples - 1) * weights.cycle)
  const graphWork =
    nodes * floods * weights.delivery +
    survivors * (messages * weights.delivery + healWork) +
    survivorsOf(firstMessageLevels) * kills * weights.delivery
  const failures = steadyFailures(nodes)
  const failing = failures === 0 ? 0 : 1
  const treeWork =
    buildWork({ messages: 2 * firstCycles, pace: "cycle" }, nodes) +
    buildWork({ messages: (variants.length + 1) * treeMessages + failing * steadyMessages, pace: "drained" }, nodes) +
    variants.length * afterKillWork(survivors, treeHealCycles) +
    failing * whileFailingWork(nodes, failures, steadyCycles)
  laboratory.expect(
    growWork(laboratory) +
      stockWork(laboratory) +
      (part === "plumtree" ? 0 : graphWork) +
      (part === "hyparview" ? 0 : treeWork)
  )
  yield* laboratory.join()
  const joined = { ...laboratory.origin(), world: laboratory.world.fork() }
  laboratory.enter("cycles")
  yield* laboratory.cycle(cycles)
  const overlay = laboratory.origin()
  yield* laboratory.takeStock()
  if (part !== "plumtree") yield* graphs(laboratory, overlay)
  if (part !== "hyparview") yield* trees(laboratory, joined, overlay)
  laboratory.replaceWorld(overlay.world)
}

/** The HyParView paper. */
function* graphs(laboratory: Laboratory, overlay: Origin): Work {
  const { options } = laboratory
  const { healCycles, messages } = options
  const begin = (part: "stable" | "failures", branch: number, change: Change) =>
    laboratory.beginPart(part, overlay.world.fork(branch), overlay, { ...options, ...change })
  begin("stable", 0, { messages: floods, kill: 0 })
  yield* publish(laboratory, floods)
  laboratory.concludePart()

  for (const [index, kill] of levels.entries()) {
    // Like `failures` alone: the same copy, the same draws, the same cost.
    begin("failures", 0, { kill })
    killShare(laboratory, kill)
    yield* publish(laboratory, messages)
    yield* heal(laboratory, healCycles)
    laboratory.concludePart()

    begin("failures", 1_000 + index, { kill, messages: 0 })
    killShare(laboratory, kill)
    yield* heal(laboratory, healCycles)
    laboratory.concludePart()
  }
  for (const [index, kill] of firstMessageLevels.entries()) {
    begin("failures", 0, { kill, messages: kills, healCycles: 0 })
    laboratory.enter("first messages")
    yield* firstMessages(laboratory, kill, kills, 2_000 + index * kills)
    laboratory.concludePart()
  }
  laboratory.options = options
}

/** The Plumtree paper. The choices of the papers' experiments replace those of the command. */
function* trees(laboratory: Laboratory, joined: Origin, overlay: Origin): Work {
  const { nodes } = laboratory.options
  for (const variant of variants.slice(0, 2)) {
    const change = { ...variant, cycles: 0, messages: firstCycles, pace: "cycle" } as const
    yield* tree(laboratory, joined, change, function* (sender) {
      yield* build(laboratory, sender, firstCycles)
    })
  }
  for (const variant of variants) {
    const change = { ...variant, messages: treeMessages }
    yield* tree(laboratory, overlay, change, function* (sender) {
      yield* build(laboratory, sender, treeMessages)
      const built = laboratory.origin()
      laboratory.concludePart()
      for (const [index, kill] of levels.entries()) {
        const world = built.world.fork(5_000 + index)
        laboratory.beginPart("plumtree", world, built, { ...change, kill, healCycles: treeHealCycles })
        yield* afterKill(laboratory, sender, kill, treeHealCycles)
        laboratory.concludePart()
      }
    })
  }
  const failures = steadyFailures(nodes)
  if (failures > 0) {
    const failing: Change = { ...variants[1], messages: steadyMessages, failures, healCycles: steadyCycles }
    yield* tree(laboratory, overlay, failing, function* (sender) {
      yield* build(laboratory, sender, steadyMessages)
      yield* whileFailing(laboratory, sender, failures, steadyCycles)
    })
  }
  const { announceMillis } = Plumtree.defaultConfig
  const batched = { ...variants[1], messages: treeMessages, pace: "rate", rate: 10, announceMillis } as const
  yield* tree(laboratory, overlay, batched, function* (sender) {
    yield* build(laboratory, sender, treeMessages)
  })
}

/** One run on a copy whose nodes begin with a broadcast of their own. What has not been concluded at its end is. */
function* tree(laboratory: Laboratory, origin: Origin, change: Change, work: (sender: number) => Work): Work {
  const { options } = laboratory
  const all = { healCycles: 0, kill: 0, ...change }
  const world = origin.world.fork(4_000, treeConfig({ ...options, ...all }))
  laboratory.beginPart("plumtree", world, origin, all)
  yield* work(world.randomAlive(world.randomFor(5)))
  if (laboratory.broadcasts.length > 0) laboratory.concludePart()
  laboratory.options = options
}
