/** The broadcast alone: runs are functions of their scenarios, and each rule is broken once and seen to be. */
import { Plumtree } from "@hyparview/core"
import { drawRecovery } from "@hyparview/vopr/RecoveryDraw"
import { RecoveryRun, type RecoveryPhase, runRecovery } from "@hyparview/vopr/RecoveryRun"
import {
  isAmple,
  parseRecovery,
  printRecovery,
  type RecoveryScenario,
  type Timed
} from "@hyparview/vopr/RecoveryScenario"
import { shrinkRecovery } from "@hyparview/vopr/RecoveryShrink"
import { type Input, type Output, type Process, RecoveryWorld } from "@hyparview/vopr/RecoveryWorld"
import { RecoveryWatch } from "@hyparview/vopr/RecoveryWatch"
import type { RecoveryOutcome } from "@hyparview/vopr/Outcome"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"

const limits = { maximumNodes: 8 }

/** Four nodes in a ring, two bursts, and no fault. */
const peaceful: RecoveryScenario = {
  seed: 1,
  nodes: 4,
  first: 4,
  broadcast: Plumtree.defaultConfig,
  judges: false,
  clocksMillis: [0, 0, 0, 0],
  jitterMillis: 0,
  loss: 0,
  happenings: [1, 2].map((node) => ({
    atMillis: 1_000 * node,
    happening: { _tag: "Publishes", node, topic: "t", bytes: 20, count: 5, everyMillis: 10 }
  })),
  chaosMillis: 5_000
}

const rulesOf = ({ violations }: RecoveryOutcome): ReadonlyArray<string> => [
  ...new Set(violations.map(({ rule }) => rule))
]

/** Runs a scenario to which something is done at the beginning of a phase. */
const harmed = (phase: RecoveryPhase, harm: (run: RecoveryRun) => void, scenario = peaceful): RecoveryOutcome => {
  const run: RecoveryRun = new RecoveryRun(scenario, (now) => {
    if (now === phase) harm(run)
  })
  return run.run()
}

describe("a run of the broadcast alone", () => {
  it("is a function of its scenario", () => {
    for (const seed of [1, 2, 3]) {
      const scenario = drawRecovery(seed, limits)
      assert.deepStrictEqual(drawRecovery(seed, limits), scenario)
      assert.deepStrictEqual(runRecovery(scenario), runRecovery(scenario))
      assert.notStrictEqual(runRecovery(scenario).traceHash, runRecovery(drawRecovery(seed + 1_000, limits)).traceHash)
    }
  })

  it("in which nothing goes wrong finds nothing wrong", () => {
    const { copies, marks, violations } = runRecovery(peaceful)
    assert.deepStrictEqual([violations, marks.Publication], [[], 10])
    assert.isBelow(copies, 3)
  })

  it("keeps every rule, whatever happens: 40 seeds", { timeout: 60_000 }, () => {
    for (let seed = 1; seed <= 40; seed++) {
      assert.deepStrictEqual(runRecovery(drawRecovery(seed, limits)).violations, [], `seed ${seed}`)
    }
  })

  it("brings what two keep apart to both, and what crosses a link that is cut in the middle of an answer", () => {
    const happenings: ReadonlyArray<Timed> = [
      { atMillis: 500, happening: { _tag: "Cuts", ends: [0, 1], noticeMillis: [0, 100] } },
      { atMillis: 500, happening: { _tag: "Cuts", ends: [2, 3], noticeMillis: [0, 0] } },
      { atMillis: 1_000, happening: { _tag: "Publishes", node: 0, topic: "t", bytes: 9, count: 50, everyMillis: 0 } },
      { atMillis: 2_000, happening: { _tag: "CutsNextFetch", afterMillis: 6, noticeMillis: [0, 0] } },
      { atMillis: 2_000, happening: { _tag: "Links", ends: [0, 1], latencyMillis: 5 } }
    ]
    const ample = { ...drawRecovery(1, limits).broadcast, ...peaceful.broadcast }
    const scenario = { ...peaceful, happenings, broadcast: { ...ample, fetchMessages: 4 } }
    const { marks, violations } = runRecovery(scenario)
    assert.deepStrictEqual(violations, [])
    assert.deepStrictEqual([marks.CutInFetch, (marks.Recovered ?? 0) > 0], [1, true])
  })
})

describe("a rule of the broadcast alone that is broken is seen to be", () => {
  it("reach: a broadcast in calm does not come to a node that lost its links without a word", () => {
    const outcome = harmed("broadcasts", ({ world }) => {
      for (const other of [1, 3]) world.cut(other, 2, [1e9, 1e9])
    })
    assert.include(rulesOf(outcome), "reach")
    assert.isAbove(outcome.tail.length, 10)
  })

  it("completeness: what one keeps never comes to the others", () => {
    // Kept for as long as the run: nothing may be lost.
    const ample = Array.from({ length: 50 }, (_, seed) => drawRecovery(seed, limits)).find(isAmple)
    if (ample === undefined) throw new Error("one of three is ample")
    const { loss, happenings, ...rest } = peaceful
    const scenario = { ...rest, loss, happenings, broadcast: { ...ample.broadcast, strategy: "flood" as const } }
    const outcome = harmed(
      "calm",
      ({ world }) => {
        // The ring still stands, but for those ends that notice nothing.
        for (const other of [1, 3]) world.cut(other, 2, [1e9, 1e9])
        world.publish(2, "t", 5)
        world.link = () => true
      },
      scenario
    )
    assert.include(rulesOf(outcome), "completeness")
  })

  it("rest: somebody goes on publishing", () => {
    const outcome = harmed("rest", ({ world }) => {
      for (let count = 1; count < 200; count++) {
        world.at(world.nowMillis + 10_000 * count, () => void world.publish(1, "t", 5))
      }
    })
    assert.include(rulesOf(outcome), "rest")
  })

  /** What a watch says of outputs that no node gives, in the state of node 0 after a peaceful run. */
  const seen = (
    input: (process: Process) => Input,
    outputs: (process: Process) => ReadonlyArray<Output>,
    times = 1
  ): ReadonlyArray<string> => {
    const published = new Map<string, Array<Uint8Array>>()
    const watch = new RecoveryWatch("node 0", peaceful, published)
    const world = new RecoveryWorld(peaceful, {
      observe: (process, before, given, step) => {
        if (process.node === 0) watch.see(before, given, step)
        for (const output of step.outputs) {
          if (process.node === 0 || output._tag !== "Delivered" || output.via !== "self") continue
          const origin = `${output.id.source}@${output.id.epoch}/${output.id.topic}`
          published.set(origin, [...(published.get(origin) ?? []), output.payload])
        }
      },
      judged: () => {}
    })
    for (let node = 0; node < 4; node++) world.start(node)
    for (let node = 1; node < 4; node++) world.link(0, node, 5)
    world.passUntil(100, 1_000)
    world.publish(1, "t", 5)
    world.passUntil(200, 1_000)
    const [process] = world.members
    if (process === undefined) throw new Error("node 0 runs")
    const { state } = process
    const faults: Array<string> = []
    for (let count = 0; count < times; count++) {
      for (const [rule] of watch.see(state, input(process), { state, outputs: outputs(process) })) faults.push(rule)
    }
    return [...new Set(faults)]
  }

  const id = { source: 1, epoch: 1, topic: "t", sequence: 0 }
  const now = 1_000_300
  const silence = (): Input => ({ _tag: "TimerFired", now, kind: "Recover", nonce: 99 })
  const fetches = (): Input => ({
    _tag: "Received",
    now,
    from: { id: 2, epoch: 1, address: 2 },
    message: { _tag: "Fetch", wanted: [{ source: 1, epoch: 1, topic: "t", runs: [0, 3] }] }
  })
  const sends = (message: Plumtree.Message<number>, to = 2, epoch = 1): Output => ({
    _tag: "Send",
    to: { id: to, epoch, address: to },
    message
  })
  const ranges = (...runs: ReadonlyArray<number>) => ({ source: 1, epoch: 1, topic: "t", runs })

  it("once, order: a message is delivered again", () => {
    const again = seen(silence, ({ state }) => [
      {
        _tag: "Delivered",
        id,
        payload: new Uint8Array([1, 0, 0, 0, 0]),
        hops: 1,
        publishedAt: 1,
        from: state.self,
        via: "push"
      }
    ])
    assert.deepStrictEqual(again, ["order", "once"])
  })

  it("truth: what nobody has published is delivered, or lagged", () => {
    const lagged: Output = { _tag: "Lagged", topic: "t", source: 1, epoch: 1, first: 5, last: 6 }
    assert.deepStrictEqual(
      seen(silence, () => [lagged]),
      ["truth"]
    )
    const other = (): ReadonlyArray<Output> => [
      { _tag: "Validate", id, payload: new Uint8Array(5), publishedAt: 1, from: { id: 1, epoch: 1, address: 1 } }
    ]
    assert.deepStrictEqual(seen(silence, other), ["truth"])
  })

  it("once: what was delivered is lagged", () => {
    assert.deepStrictEqual(
      seen(silence, () => [{ _tag: "Lagged", topic: "t", source: 1, epoch: 1, first: 0, last: 0 }]),
      ["once"]
    )
  })

  it("gone: somebody is asked who is no neighbour, or not in that incarnation", () => {
    const fetch = { _tag: "Recall", requestId: 1, topic: "t", count: 1 } as const
    assert.deepStrictEqual(
      seen(silence, () => [sends(fetch, 9)]),
      ["gone"]
    )
    assert.deepStrictEqual(
      seen(silence, () => [sends(fetch, 2, 2)]),
      ["gone"]
    )
    assert.deepStrictEqual(
      seen(silence, () => [sends(fetch)]),
      []
    )
  })

  it("asks, bounds: what is here is asked for, and twice at once", () => {
    assert.deepStrictEqual(
      seen(silence, () => [sends({ _tag: "Fetch", wanted: [ranges(0, 0)] })]),
      ["asks"]
    )
    assert.deepStrictEqual(
      seen(silence, () => [sends({ _tag: "Fetch", wanted: [ranges(0, 0)] })], 2),
      ["asks", "bounds"]
    )
  })

  it("names: what is not kept is named, or what is kept is not", () => {
    assert.deepStrictEqual(
      seen(silence, () => [sends({ _tag: "Digest", held: [ranges(0, 1)] })]),
      ["names"]
    )
    assert.deepStrictEqual(
      seen(silence, () => [sends({ _tag: "Digest", held: [ranges(0, 0)] })]),
      []
    )
  })

  it("answers: there is no end, or what is kept is called over or held back", () => {
    const end = (below?: number): Output =>
      sends({
        _tag: "Fetched",
        gone: below === undefined ? [] : [{ source: 1, epoch: 1, topic: "t", below }],
        more: false
      })
    assert.deepStrictEqual(
      seen(fetches, () => []),
      ["answers"]
    )
    assert.deepStrictEqual(
      seen(fetches, () => [end(1)]),
      ["answers"]
    )
    assert.deepStrictEqual(
      seen(fetches, () => [end()]),
      ["answers"]
    )
  })

  it("copies: a message is pushed to the same neighbour again", () => {
    const gossip = {
      _tag: "Gossip",
      id,
      round: 1,
      publishedAt: 1,
      ageMillis: 0,
      payload: new Uint8Array(5),
      replay: undefined
    } as const
    assert.deepStrictEqual(
      seen(silence, () => [sends(gossip, 3), sends(gossip, 3)]),
      ["copies"]
    )
  })

  it("recall: a request has no answer, goes on after its end, or finds too much", () => {
    const recall = (): Input => ({ _tag: "Recall", now, requestId: 1, topic: "t", count: 1 })
    assert.deepStrictEqual(
      seen(recall, () => []),
      ["recall"]
    )
    const end: Output = { _tag: "Recalled", requestId: 1, topic: "t", messages: [], done: true }
    assert.deepStrictEqual(
      seen(recall, () => [end, end]),
      ["recall"]
    )
  })
})

describe("a scenario of the broadcast alone", () => {
  it("is read as it was written, and says what is wrong with it", () => {
    const scenario = drawRecovery(7, limits)
    assert.deepStrictEqual(Result.getOrThrow(parseRecovery(printRecovery(scenario))), scenario)
    const wrong: ReadonlyArray<readonly [string, string]> = [
      ["{", "JSON"],
      ["{}", "it needs the fields"],
      [printRecovery({ ...scenario, broadcast: { ...scenario.broadcast, windowSize: 0 } }), "windowSize is 0"],
      [printRecovery({ ...scenario, clocksMillis: [] }), "each node needs a clock"]
    ]
    for (const [text, detail] of wrong) {
      assert.include(Result.getOrThrow(Result.flip(parseRecovery(text))).message, detail)
    }
  })

  it("is shrunk to what still fails", () => {
    const scenario = drawRecovery(3, limits)
    const fails = ({ happenings }: RecoveryScenario): boolean =>
      happenings.some(({ happening }) => happening._tag === "Publishes" && happening.count > 1)
    const shrinking = shrinkRecovery(scenario, 1_000)
    let next = shrinking.next(false)
    while (next.done !== true) next = shrinking.next(fails(next.value))
    const { happenings, nodes } = next.value
    assert.deepStrictEqual([happenings.length, nodes], [1, 2])
    assert.deepInclude(happenings[0]?.happening, { _tag: "Publishes", count: 2 })
  })
})
