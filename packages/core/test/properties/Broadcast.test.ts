/**
 * Any broadcast message from any neighbour at any time: no input makes a node throw, change a state it was given, break a
 * bound, tell the application of a message twice, or answer differently the second time.
 */
import { isDeepStrictEqual } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import * as Plumtree from "@hyparview/core/Plumtree"
import { nextBelow, type Random, seeded } from "@hyparview/core/Random"
import * as Result from "effect/Result"
import { isOverloaded, Ledger, stateFaults } from "../broadcast/Always.ts"
import { deepFreeze } from "../explore/Always.ts"
import { one } from "./hostile.ts"

type State = Plumtree.State<number, number>
type Input = Plumtree.Input<number, number>
type Message = Plumtree.Message<number>
type Id = Plumtree.MessageId<number>

const sequences = Number(process.env["HOSTILE_SEQUENCES"] ?? 300)
const inputsInSequence = 250

/** More than a play has: no origin is forgotten so thoroughly that it begins anew. */
const manySources = 1_000

/** A configuration of small numbers, so that every cap is met. */
const smallConfig = (random: Random): Plumtree.Config => {
  const upTo = (most: number) => 1 + nextBelow(random, most)
  const windowSize = one(random, [4, 16, 64])
  const strategy = one(random, ["plumtree", "plumtree", "plumtree", "flood", "thicket", "thicket"] as const)
  return Result.getOrThrow(
    Plumtree.makeConfig({
      strategy,
      trees: one(random, ["shared", "source"]),
      treesSize: upTo(3),
      pruneAfter: upTo(3),
      guideMillis: one(random, [0, 0, 160, 20_000]),
      treesCount: upTo(3),
      fanout: upTo(2),
      maxLoad: 2 + nextBelow(random, 3),
      balanceMillis: one(random, [0, 50]),
      announceMillis: one(random, strategy === "thicket" ? [10, 30] : [0, 30]),
      announceSize: upTo(4),
      graftMillis: 40,
      graftAgainMillis: 20,
      missingSize: upTo(4),
      announcersSize: upTo(3),
      graftSize: upTo(3),
      optimizeHops: one(random, [0, 1, 7]),
      windowSize,
      gapsSize: upTo(4),
      sourcesSize: one(random, [1, 4, 18, manySources]),
      topicsSize: upTo(3),
      retainedBytes: one(random, [400, 2_000, 100_000]),
      retainedMessages: upTo(4),
      retainedMillis: one(random, [100, 2_000]),
      catchUp: one(random, [true, false]),
      digestSize: upTo(3),
      digestMillis: 10,
      fetchMessages: upTo(4),
      fetchBytes: 200,
      fetchMillis: 50,
      gapMillis: 200,
      verdictsSize: upTo(3),
      verdictMillis: 60,
      recallMessages: nextBelow(random, 4),
      recallBytes: 100,
      recallsSize: upTo(2),
      recallMillis: 50
    })
  )
}

const wild = [-1, -0, 0.5, 1e300, 2 ** 53, Number.MAX_SAFE_INTEGER, Number.NaN, Infinity, -Infinity] as const

/** A number of a message: near those of others, now and then anything at all. */
const number = (random: Random): number =>
  nextBelow(random, 12) === 0 ? one(random, wild) : nextBelow(random, nextBelow(random, 6) === 0 ? 200 : 12)

const topics = ["a", "b"] as const

const origin = (random: Random): Plumtree.Origin<number> => ({
  source: nextBelow(random, nextBelow(random, 4) === 0 ? 60 : 8),
  epoch: nextBelow(random, 8) === 0 ? number(random) : 1,
  topic: one(random, topics)
})

const id = (random: Random): Id => ({ ...origin(random), sequence: number(random) })

const several = <A>(random: Random, make: () => A): ReadonlyArray<A> =>
  Array.from({ length: nextBelow(random, 5) }, make)

/** Runs, mostly good ones. */
const runs = (random: Random): ReadonlyArray<number> => {
  if (nextBelow(random, 8) === 0) return several(random, () => number(random))
  let next = nextBelow(random, 8)
  return Array.from({ length: 1 + nextBelow(random, 3) }, () => {
    const first = next
    const last = first + nextBelow(random, 4)
    next = last + 2 + nextBelow(random, 3)
    return [first, last]
  }).flat()
}

const ranges = (random: Random): Plumtree.Ranges<number> => ({ ...origin(random), runs: runs(random) })

/** A payload of so many bytes, as it is mostly read: part of a larger buffer. */
const read = (bytes: number): Uint8Array => new Uint8Array(2 * bytes + 100).subarray(10, 10 + bytes)

const message = (random: Random): Message => {
  switch (nextBelow(random, 18)) {
    case 0:
      return {
        _tag: "IHave",
        announcements: several(random, () => ({ id: id(random), round: number(random) }))
      }
    case 1:
      return { _tag: "Graft", ids: several(random, () => id(random)), payload: nextBelow(random, 3) > 0 }
    case 2:
      return { _tag: "GraftMiss", ids: several(random, () => id(random)) }
    case 3:
      return { _tag: "Prune", tree: nextBelow(random, 2) === 0 ? undefined : nextBelow(random, 8) }
    case 4:
    case 5:
      return { _tag: "Digest", held: several(random, () => ranges(random)) }
    case 6:
      return { _tag: "Fetch", wanted: several(random, () => ranges(random)) }
    case 7: {
      const gone = several(random, () => ({ ...origin(random), below: number(random) }))
      return { _tag: "Fetched", gone, more: nextBelow(random, 2) === 0 }
    }
    case 8:
      return { _tag: "Recall", requestId: number(random), topic: one(random, topics), count: number(random) }
    case 9: {
      const payload = read(nextBelow(random, 30))
      return { _tag: "Recalled", requestId: nextBelow(random, 3), id: id(random), publishedAt: number(random), payload }
    }
    case 10:
      return { _tag: "RecallEnd", requestId: nextBelow(random, 3) }
    case 11:
    case 12:
      return {
        _tag: "Branch",
        tree: nextBelow(random, 8) === 0 ? number(random) : nextBelow(random, 3),
        joined: nextBelow(random, 3) > 0
      }
    case 13:
      return { _tag: "Load", children: several(random, () => number(random)) }
    case 14:
      return { _tag: "Beat", source: nextBelow(random, 6), at: number(random) }
    default:
      return {
        _tag: "Gossip",
        id: id(random),
        round: number(random),
        publishedAt: number(random),
        ageMillis: nextBelow(random, 3) === 0 ? number(random) : 0,
        payload: read(nextBelow(random, 300)),
        replay: one(random, [undefined, undefined, "graft", "recovery"])
      }
  }
}

const peer = (id: number) => ({ id, epoch: 1, address: 100 + id })

const input = (random: Random, state: State, now: number): Input => {
  const neighbor = state.neighbors[nextBelow(random, Math.max(1, state.neighbors.length))]
  switch (nextBelow(random, 16)) {
    case 0:
      return { _tag: "NeighborUp", now, peer: peer(1 + nextBelow(random, 40)) }
    case 1:
      return { _tag: "NeighborDown", now, peer: nextBelow(random, 6) === 0 ? peer(99) : (neighbor ?? peer(1)) }
    case 2:
    case 3:
    case 4: {
      const kind = one(random, ["Announce", "Graft", "Recover", "Recover"] as const)
      const { at, nonce } = state.timers[kind]
      return { _tag: "TimerFired", now: Math.max(now, at), kind, nonce }
    }
    case 5:
      return { _tag: "Publish", now, topic: one(random, ["a", "b", "c", "d"]), payload: new Uint8Array(5) }
    case 6:
      switch (nextBelow(random, 6)) {
        case 0:
          return { _tag: "ValidateTopic", now, topic: one(random, topics), on: nextBelow(random, 2) === 0 }
        case 1:
          return { _tag: "Recall", now, requestId: nextBelow(random, 3), topic: one(random, topics), count: 3 }
        case 2:
          return { _tag: "EpochRaised", now, self: { ...state.self, epoch: state.self.epoch + 1 } }
        case 3:
          return { _tag: "Left", now }
        default: {
          const waiting = state.upkeep.waiting[0]?.gossip.id ?? id(random)
          return { _tag: "Validated", now, id: waiting, verdict: one(random, ["accept", "reject", "ignore"]) }
        }
      }
    case 7: {
      // What is known already comes again.
      const { near } = state.streams
      const stream = near[nextBelow(random, Math.max(1, near.length))]
      if (stream === undefined || stream.floor < 0)
        return { _tag: "Received", now, from: peer(50), message: message(random) }
      const { epoch, floor, source, topic } = stream
      const again = { source, epoch, topic, sequence: floor }
      const rest = { round: 1, publishedAt: 0, ageMillis: 0, payload: new Uint8Array(0), replay: undefined }
      return { _tag: "Received", now, from: neighbor ?? peer(50), message: { _tag: "Gossip", id: again, ...rest } }
    }
    default:
      return { _tag: "Received", now, from: neighbor ?? peer(50), message: message(random) }
  }
}

const replayOf = (seed: number): string =>
  `replay: HOSTILE_SEED=${seed} npm test -- --project core packages/core/test/properties/Broadcast.test.ts`

describe("any broadcast message at any time", () => {
  it(`${sequences * inputsInSequence} of them break nothing`, { timeout: 600_000 }, () => {
    const only = process.env["HOSTILE_SEED"]
    const seeds = only === undefined ? Array.from({ length: sequences }, (_, seed) => seed) : [Number(only)]
    const met = new Map<string, number>()
    const count = (what: string) => met.set(what, (met.get(what) ?? 0) + 1)
    for (const seed of seeds) {
      const random = seeded(seed)
      const ledger = new Ledger<number, number>()
      let state: State = deepFreeze(
        Plumtree.init({ config: smallConfig(random), self: peer(0), random: seeded(seed + 1) })
      )
      let now = 1_000
      let hasPublished = false
      for (let step = 0; step < inputsInSequence; step++) {
        const given = deepFreeze(input(random, state, now))
        now = given.now
        hasPublished ||= given._tag === "Publish"
        const result = deepFreeze(Plumtree.step(state, given))
        const same = isDeepStrictEqual(result, Plumtree.step(state, given))
        const told = state.config.sourcesSize === manySources ? ledger.see(result.outputs) : []
        const load: ReadonlyArray<string> = !hasPublished && isOverloaded(result.state) ? ["too many children"] : []
        const faults = [...stateFaults(result.state), ...load, ...told]
        if (faults.length > 0 || !same) {
          const wrong = same ? faults.join("; ") : "another result the second time"
          assert.fail(`${wrong}\non ${JSON.stringify(given)}\n${replayOf(seed)}`)
        }
        for (const output of result.outputs) count(output._tag === "Send" ? output.message._tag : output._tag)
        // A timer that sets itself again for an instant that has passed would never let time go on.
        if (given._tag === "TimerFired") {
          const { at, nonce } = result.state.timers[given.kind]
          if (nonce > 0 && at <= now) {
            assert.fail(`${given.kind} is set for ${at}, it is ${now}\n${replayOf(seed)}`)
          }
        }
        state = result.state
        if (nextBelow(random, 3) === 0) now += nextBelow(random, 40)
      }
    }
    if (only !== undefined) return
    // The play is no empty one: everything has been said and told.
    const messages = [
      "Gossip",
      "IHave",
      "Graft",
      "GraftMiss",
      "Prune",
      "Digest",
      "Fetch",
      "Fetched",
      "Branch",
      "Load",
      "Beat"
    ]
    const outputs = ["Delivered", "Duplicate", "Lagged", "Validate", "Rejected", "SetTimer", "ClearTimer"]
    for (const tag of [...messages, "Recall", "Recalled", "RecallEnd", ...outputs]) {
      assert.isAbove(met.get(tag) ?? 0, 50, tag)
    }
  })
})
