/**
 * Scenarios of the broadcast alone from a seed: which kinds of things happen at all is drawn first, then how small the bounds are,
 * then what happens. In one of three everything is kept, and nothing may be lost; in the others some bounds are at their least.
 */
import { Plumtree, Random } from "@hyparview/core"
import * as Result from "effect/Result"
import { judgedTopic, type Happening, type RecoveryScenario, type Timed } from "./RecoveryScenario.ts"

const upTo = (random: Random.Random, most: number): number => 1 + Random.nextBelow(random, most)

const oneOf = <A>(random: Random.Random, first: A, ...others: ReadonlyArray<A>): A => {
  const all = [first, ...others]
  return all[Random.nextBelow(random, all.length)] ?? first
}

const chance = (random: Random.Random, oneIn: number): boolean => Random.nextBelow(random, oneIn) === 0

const day = 24 * 3_600_000

/** How much is kept and remembered: in one scenario of three all, for longer than a run. */
const drawMemory = (random: Random.Random, fetchMillis: number): Partial<Plumtree.Config> => {
  if (chance(random, 3)) {
    return {
      windowSize: 100_000,
      gapsSize: 10_000,
      retainedMessages: 100_000,
      retainedBytes: 2_000_000_000,
      retainedMillis: day,
      gapMillis: day,
      sourcesSize: 10_000
    }
  }
  const windowSize = oneOf(random, 2, 4, 8, 64, 512)
  return {
    windowSize,
    gapsSize: oneOf(random, 1, 2, 8, 64),
    retainedMessages: upTo(random, windowSize),
    retainedBytes: oneOf(random, 300, 3_000, 1_000_000, 1_000_000),
    retainedMillis: oneOf(random, 60_000, 300_000, 300_000),
    // Those who are asked in a round are asked again before it is given up.
    gapMillis: oneOf(random, 5 * fetchMillis, 10_000),
    sourcesSize: oneOf(random, 2, 6, 12, 1_000, 1_000),
    verdictsSize: oneOf(random, 1, 3, 100),
    catchUp: Random.nextBelow(random, 4) > 0
  }
}

const drawBroadcast = (random: Random.Random): Plumtree.Config => {
  const strategy = oneOf(random, "plumtree" as const, "plumtree" as const, "flood" as const, "thicket" as const)
  const fetchMillis = oneOf(random, 200, 2_000)
  const fanout = upTo(random, 2)
  return Result.getOrThrow(
    Plumtree.makeConfig({
      strategy,
      trees: oneOf(random, "shared" as const, "source" as const),
      treesSize: upTo(random, 3),
      treesCount: upTo(random, 3),
      fanout,
      maxLoad: fanout + upTo(random, 3),
      balanceMillis: oneOf(random, 0, 2_000),
      pruneAfter: upTo(random, 3),
      guideMillis: oneOf(random, 0, 2_000, 20_000),
      optimizeHops: oneOf(random, 0, 1, 3),
      announceMillis: oneOf(random, strategy === "thicket" ? 10 : 0, 30, 350),
      announceSize: oneOf(random, 1, 2, 4, 128),
      missingSize: oneOf(random, 1, 2, 4, 512),
      announcersSize: oneOf(random, 1, 2, 8),
      graftSize: oneOf(random, 1, 2, 64),
      digestSize: oneOf(random, 1, 2, 64),
      digestMillis: oneOf(random, 20, 100),
      fetchMessages: oneOf(random, 1, 2, 4, 128),
      fetchBytes: oneOf(random, 1, 100, 262_144),
      fetchMillis,
      verdictMillis: oneOf(random, 1_000, 10_000),
      recallMessages: oneOf(random, 0, 2, 1_024),
      recallBytes: oneOf(random, 1, 1_048_576),
      recallsSize: upTo(random, 2),
      recallMillis: oneOf(random, 200, 2_000),
      ...drawMemory(random, fetchMillis)
    })
  )
}

const kinds = ["Starts", "Crashes", "Leaves", "RaisesEpoch", "Links", "Cuts", "CutsNextFetch", "Recalls"] as const

type Kind = (typeof kinds)[number] | "Publishes"

/** More than this waits between two happenings, at most. */
const pauses = [5, 50, 1_000, 5_000]

const latencies = [1, 5, 40, 200]

/** The scenario of a seed. Same seed and limit, same scenario. */
export const drawRecovery = (seed: number, limits: { readonly maximumNodes: number }): RecoveryScenario => {
  const random = Random.seeded(seed)
  const below = (bound: number): number => Random.nextBelow(random, bound)
  const broadcast = drawBroadcast(random)
  const nodes = Math.min(limits.maximumNodes, 3 + below(6))
  const first = Math.max(2, nodes - below(3))
  // Links come and go in nearly every run; of the rest each kind is there or not.
  const chosen: ReadonlyArray<Kind> = kinds.filter(
    (kind) => (kind === "Links" || kind === "Cuts" ? below(8) : below(2)) > 0
  )
  // As many publications as faults at least, or there would be nothing to lose.
  const all: ReadonlyArray<Kind> = [...chosen, ...chosen.map(() => "Publishes" as const), "Publishes"]
  const judges = chance(random, 3)
  const topics = judges ? ["t", "u", judgedTopic] : ["t", "u"]
  const topicOf = (): string => topics[below(oneOf(random, 1, topics.length))] ?? "t"
  const latencyOf = (): number => latencies[below(latencies.length)] ?? 1
  const largestBurst = oneOf(random, 5, 60, 200)
  const pairOf = (): readonly [number, number] => {
    const one = below(nodes)
    return [one, (one + 1 + below(nodes - 1)) % nodes]
  }
  const draw = (kind: Kind): Happening => {
    switch (kind) {
      case "Starts":
        return { _tag: kind, node: below(nodes), peers: [below(nodes), below(nodes)], latencyMillis: latencyOf() }
      case "Crashes":
        return { _tag: kind, node: below(nodes), noticeMillis: oneOf(random, 0, 30, 1_000) }
      case "Leaves":
      case "RaisesEpoch":
        return { _tag: kind, node: below(nodes) }
      case "Links":
        return { _tag: kind, ends: pairOf(), latencyMillis: latencyOf() }
      case "Cuts":
        return {
          _tag: kind,
          ends: pairOf(),
          noticeMillis: [oneOf(random, 0, 0, 500), below(oneOf(random, 1, 30, 1_000))]
        }
      case "CutsNextFetch":
        return {
          _tag: kind,
          afterMillis: below(oneOf(random, 3, 50, 400)),
          noticeMillis: [0, below(oneOf(random, 1, 500))]
        }
      case "Recalls":
        return { _tag: kind, node: below(nodes), topic: topicOf(), count: oneOf(random, 1, 3, 100) }
      case "Publishes": {
        const bytes = oneOf(random, 0, 20, 20, 300)
        const count = upTo(random, oneOf(random, 1, 5, largestBurst))
        return { _tag: kind, node: below(nodes), topic: topicOf(), bytes, count, everyMillis: oneOf(random, 0, 1, 20) }
      }
    }
  }
  const happenings: Array<Timed> = []
  let atMillis = 100
  for (let count = 20 + below(60); count > 0; count--) {
    // Many things at one instant, or one after another.
    atMillis += below(pauses[below(pauses.length)] ?? 1)
    happenings.push({ atMillis, happening: draw(all[below(all.length)] ?? "Publishes") })
  }
  // Whoever was killed comes back, but for a few.
  if (chosen.includes("Crashes") || chosen.includes("Leaves")) {
    for (let node = 0; node < nodes; node++) {
      if (chance(random, 4)) continue
      happenings.push({
        atMillis,
        happening: { _tag: "Starts", node, peers: [below(nodes)], latencyMillis: latencyOf() }
      })
    }
  }
  return {
    seed,
    nodes,
    first,
    broadcast,
    judges,
    clocksMillis: Array.from({ length: nodes }, () => oneOf(random, 0, 0, 70, 3_600_000)),
    jitterMillis: oneOf(random, 0, 0, 20),
    loss: oneOf(random, 0, 0, 0, 0, 0, 0, 0, 0.02),
    happenings,
    chaosMillis: atMillis + oneOf(random, 0, 100, 2_000)
  }
}
