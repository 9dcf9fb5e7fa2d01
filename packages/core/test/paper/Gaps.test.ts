import { assert, describe, it } from "@effect/vitest"
import * as Plumtree from "@hyparview/core/Plumtree"
import {
  brings,
  digest,
  fetch,
  fetched,
  gossip,
  id,
  iHave,
  node,
  ranges,
  type Subject,
  topic
} from "../broadcast/subject.ts"

const origin = { source: 9, epoch: 1, topic }

describe("gaps", () => {
  it("R5. the baseline is the first message: what is older is not owed, and welcome", () => {
    const p = node([2, 3]).hears(2, gossip(9, 10))
    p.hears(2, gossip(9, 11)).hears(3, gossip(9, 8))
    assert.deepStrictEqual([p.delivered, p.state.upkeep.gaps.length], [["9/8"], 1])
    // Nothing of what never came is lagged, however far the source goes on, and however long it takes.
    for (let sequence = 12; sequence < 200; sequence++)
      assert.deepStrictEqual(p.hears(2, gossip(9, sequence)).lagged, [])
    for (let i = 0; i < 100; i++) assert.deepStrictEqual(p.passes(1_000).lagged, [])
    assert.deepStrictEqual(p.state.upkeep.gaps, [])
  })

  it("R5. it is asked for after timeout1, and until then what follows may have to wait for it", () => {
    const p = node([2, 3]).hears(2, gossip(9, 10))
    assert.strictEqual(Plumtree.firstMissing(p.state, origin), 0)
    p.passes(p.state.config.graftMillis)
    assert.deepStrictEqual(p.says("Fetch"), [{ _tag: "Fetch", wanted: [ranges(9, 0, 9)], to: 2 }])
    brings(p, 2, 7, 8, 9)
    assert.deepStrictEqual([p.delivered, Plumtree.firstMissing(p.state, origin)], [["9/9"], 0])
    // What all say is over is waited for no more: it was kept by nobody, and nothing is lost.
    const gone = { source: 9, epoch: 1, topic, below: 7 }
    p.hears(2, fetched(false, gone))
    assert.deepStrictEqual(p.says("Fetch"), [{ _tag: "Fetch", wanted: [ranges(9, 0, 6)], to: 3 }])
    p.hears(3, fetched(false, gone))
    assert.deepStrictEqual([p.lagged, Plumtree.firstMissing(p.state, origin)], [[], 11])
    // It is welcome all the same.
    assert.deepStrictEqual(p.hears(3, gossip(9, 6)).delivered, ["9/6"])
  })

  it("R5. nor longer than gapMillis after all have been asked since the last of it came; then what is owed is waited for as ever", () => {
    const p = node([2, 3]).hears(2, gossip(9, 10)).hears(2, gossip(9, 12))
    const { fetchMillis, gapMillis, retainedMillis } = p.state.config
    p.passes(gapMillis - 100)
    brings(p, 3, 4)
    p.passes(gapMillis - 100)
    assert.deepStrictEqual([p.lagged, Plumtree.firstMissing(p.state, origin)], [[], 0])
    // Neither answers, and each is waited for, in the round in which it came and the next, with a pause between.
    p.passes(200 + 5 * fetchMillis)
    assert.deepStrictEqual([p.lagged, Plumtree.firstMissing(p.state, origin)], [[], 11])
    p.passes(retainedMillis - gapMillis - 5 * fetchMillis - 400)
    assert.deepStrictEqual(p.lagged, [])
    assert.deepStrictEqual(p.passes(500).lagged, ["9/11–11"])
  })

  it("R5. a message that was under way when the first digest came, and is older, is the baseline if it is handed out first", () => {
    const p = node([2, 3]).hears(2, digest(ranges(9, 4, 6)))
    assert.deepStrictEqual(p.hears(3, gossip(9, 2)).delivered, ["9/2"])
    brings(p, 2, 4, 5, 6).hears(2, fetched())
    assert.deepStrictEqual(p.says("Fetch"), [{ _tag: "Fetch", wanted: [{ ...origin, runs: [0, 1, 3, 3] }], to: 3 }])
    const gone = { ...origin, below: 4 }
    p.hears(3, fetched(false, gone)).passes(60_000)
    assert.deepStrictEqual(p.lagged, ["9/3–3"])
    // One that comes later than others is not.
    const q = node([2, 3]).hears(2, digest(ranges(9, 4, 6)))
    brings(q, 2, 4, 5, 6).hears(2, fetched())
    assert.deepStrictEqual(q.hears(3, gossip(9, 2)).delivered, ["9/2"])
    assert.deepStrictEqual([q.passes(400_000).lagged, q.state.upkeep.gaps], [[], []])
  })

  it("R5. once it is given up a neighbour that asks is told that it is over here", () => {
    const p = node([2, 3]).hears(2, gossip(9, 10))
    const isGone = () => p.hears(3, fetch(ranges(9, 0, 9))).says("Fetched")[0]?.gone
    assert.deepStrictEqual(isGone(), [])
    // Of two neighbours that do not answer.
    p.passes(500 + 2 * p.state.config.fetchMillis + p.state.config.gapMillis)
    assert.deepStrictEqual(isGone(), [{ ...origin, below: 10 }])
  })

  it("R5. with catchUp off, or without recovery, nothing older is asked for", () => {
    for (const config of [{ catchUp: false }, { recovery: false }]) {
      const p = node([2, 3], config).hears(2, gossip(9, 10))
      assert.deepStrictEqual([p.state.upkeep.gaps, Plumtree.firstMissing(p.state, origin)], [[], 11])
    }
  })

  it("R5. an origin of which only older messages are wanted makes room as one of which nothing is", () => {
    const p = node([2], { sourcesSize: 20 }).hears(2, gossip(9, 0)).hears(2, gossip(9, 3))
    for (let source = 100; source < 119; source++) {
      p.now += 10
      p.hears(2, gossip(source, 5))
    }
    assert.deepStrictEqual(p.hears(2, gossip(8, 0)).lagged, [])
    assert.strictEqual(p.state.streams.near[0]?.source, 9)
  })

  it("R5. or the first digest; and a later one may bring it down", () => {
    const p = node([2, 3]).hears(2, digest(ranges(9, 4, 6)))
    brings(p, 2, 4, 5, 6).hears(2, fetched(false, { ...origin, below: 4 }))
    p.hears(3, digest(ranges(9, 2, 6)))
    p.passes(400_000)
    assert.deepStrictEqual(p.lagged, ["9/2–3"])
  })

  it("R5. what a neighbour keeps may begin with what came to it first: older ones are wanted", () => {
    const p = node([2, 3]).hears(2, digest(ranges(9, 4, 6)))
    assert.deepStrictEqual(p.says("Fetch"), [{ _tag: "Fetch", wanted: [ranges(9, 0, 6)], to: 2 }])
    brings(p, 2, 4, 5, 6).hears(2, fetched())
    assert.deepStrictEqual(p.says("Fetch"), [{ _tag: "Fetch", wanted: [ranges(9, 0, 3)], to: 3 }])
    // Whoever subscribes in order would not be handed them once it has been handed 4.
    assert.strictEqual(Plumtree.firstMissing(p.state, origin), 0)
    brings(p, 3, 2, 3).hears(3, fetched(false, { ...origin, below: 2 }))
    p.hears(2, fetched(false, { ...origin, below: 2 })).passes(400_000)
    assert.deepStrictEqual([p.lagged, Plumtree.firstMissing(p.state, origin)], [[], 7])
  })

  it("R7. that what is older is over says nothing of what is owed", () => {
    const p = node([2, 3]).hears(2, digest({ ...origin, runs: [4, 4, 6, 6] }))
    brings(p, 2, 4, 6).hears(2, fetched(false, { ...origin, below: 4 }))
    const { gapMillis, retainedMillis } = p.state.config
    p.passes(2 * gapMillis)
    assert.deepStrictEqual([p.lagged, Plumtree.firstMissing(p.state, origin)], [[], 5])
    assert.deepStrictEqual(p.passes(retainedMillis).lagged, ["9/5–5"])
  })

  it("R5. with catchUp off what is older is history", () => {
    const p = node([2, 3], { catchUp: false }).hears(2, digest(ranges(9, 4, 6)))
    assert.deepStrictEqual(p.outputs, [])
    assert.deepStrictEqual(p.hears(2, gossip(9, 7)).delivered, ["9/7"])
    assert.deepStrictEqual([p.says("Fetch"), p.gives("Lagged")], [[], []])
  })

  it("R5. with catchUp off, whatever came first: no later digest brings the baseline down", () => {
    const p = node([2, 3], { catchUp: false })
      .hears(2, gossip(9, 10))
      .hears(3, digest(ranges(9, 4, 6)))
    assert.deepStrictEqual([p.says("Fetch"), Plumtree.firstMissing(p.state, origin)], [[], 11])
    assert.deepStrictEqual(p.passes(p.state.config.retainedMillis).lagged, [])
  })

  it("R5. but what is pushed all the same, being still under way, is delivered", () => {
    const p = node([2, 3], { catchUp: false }).hears(2, digest(ranges(9, 4, 6)))
    assert.deepStrictEqual(p.hears(3, gossip(9, 6)).delivered, ["9/6"])
    assert.deepStrictEqual(p.hears(2, gossip(9, 6)).gives("Duplicate").length, 1)
    assert.deepStrictEqual(p.hears(2, gossip(8, 3)).hears(3, gossip(8, 2)).delivered, ["8/2"])
  })

  it("R6. a gap is noticed when a later message comes, and fetched after timeout1 if it has not closed", () => {
    const p = node([2, 3]).hears(2, gossip(9, 0)).hears(2, gossip(9, 3))
    assert.deepStrictEqual(p.says("Fetch"), [])
    p.hears(3, gossip(9, 1)).hears(3, gossip(9, 2))
    p.passes(600)
    assert.deepStrictEqual(p.says("Fetch"), [])
    p.hears(2, gossip(9, 6))
    p.passes(p.state.config.graftMillis)
    assert.deepStrictEqual(p.says("Fetch"), [{ _tag: "Fetch", wanted: [ranges(9, 4, 5)], to: 2 }])
  })

  it("R6. or at once when 32 later ones have come, which is sooner than what is kept lasts, and again after 32 more", () => {
    const p = node([2, 3], { windowSize: 255, retainedMessages: 128 }).hears(2, gossip(9, 0)).hears(2, gossip(9, 4))
    const comes = (first: number, last: number): Subject => {
      for (let sequence = first; sequence <= last; sequence++) p.hears(2, gossip(9, sequence))
      return p
    }
    assert.deepStrictEqual(comes(5, 35).saysTo("Fetch"), [])
    assert.deepStrictEqual(comes(36, 36).says("Fetch"), [{ _tag: "Fetch", wanted: [ranges(9, 1, 3)], to: 2 }])
    // Nobody has it yet, and the pause before the next round is not waited for.
    p.hears(2, fetched())
    assert.deepStrictEqual(p.saysTo("Fetch"), [3])
    p.hears(3, fetched())
    assert.deepStrictEqual([p.saysTo("Fetch"), p.lagged], [[], []])
    assert.deepStrictEqual(comes(37, 67).saysTo("Fetch"), [])
    assert.deepStrictEqual(comes(68, 68).saysTo("Fetch"), [2])
  })

  it("R6. of an origin of which much is kept, when a quarter as many have come", () => {
    const p = node([2], { windowSize: 2_047, retainedMessages: 1_024 })
    for (let sequence = 0; sequence < 1_000; sequence++) p.hears(2, gossip(9, sequence))
    for (let sequence = 1_001; sequence < 1_257; sequence++) p.hears(2, gossip(9, sequence))
    assert.deepStrictEqual(p.saysTo("Fetch"), [])
    assert.deepStrictEqual(p.hears(2, gossip(9, 1_257)).saysTo("Fetch"), [2])
  })

  it("R6. for messages that have come, and not for one that jumps ahead, with which anybody could have all ask all", () => {
    const p = node([2, 3], { windowSize: 8_191, retainedMessages: 128 }).hears(2, gossip(9, 0))
    for (let jump = 1; jump <= 40; jump++) {
      p.hears(2, gossip(9, 100 * jump))
      assert.deepStrictEqual([jump, ...p.saysTo("Fetch")], jump === 33 ? [jump, 2] : [jump])
    }
  })

  it("R6. from one neighbour after the other, and again after pauses that grow", () => {
    const p = node([2, 3, 4]).hears(2, gossip(9, 0)).hears(2, gossip(9, 3))
    const asked: Array<readonly [to: number, after: number]> = []
    const since = p.now
    while (p.now < since + 60_000) {
      p.passes(100)
      for (const to of p.saysTo("Fetch")) asked.push([to, p.now - since])
      // 2 never answers, the others have nothing.
      for (const to of p.saysTo("Fetch").filter((to) => to !== 2)) {
        p.hears(to, fetched())
        for (const next of p.saysTo("Fetch")) {
          asked.push([next, p.now - since])
          p.hears(next, fetched())
        }
      }
    }
    assert.deepStrictEqual(
      asked.slice(0, 3).map(([to]) => to),
      [2, 3, 4]
    )
    const rounds = asked.filter(([to]) => to === 2).map(([, after]) => after)
    assert.isTrue(rounds.length >= 5 && rounds.length <= 12, rounds.join(" "))
    const pauses = rounds.map((after, i) => after - (rounds[i - 1] ?? 0)).slice(1)
    assert.isTrue(
      pauses.every((pause, i) => i === 0 || pause >= (pauses[i - 1] ?? 0)),
      pauses.join(" ")
    )
    assert.deepStrictEqual(p.lagged, [])
  })

  it("R6. such a pause is cut short when some of it comes after all, or a later one is missing as well", () => {
    /** For a hundred seconds nobody has any of it; then, in the middle of a long pause, this comes. */
    const askedAfter = (later: ReadonlyArray<number>, isHearsay = false): ReadonlyArray<number> => {
      const p = node([2, 3]).hears(2, gossip(9, 0))
      p.hears(2, isHearsay ? digest(ranges(9, 1, 10)) : gossip(9, 10))
      if (isHearsay) p.hears(2, fetched())
      for (let second = 0; second < 100; second++) {
        for (const to of p.passes(1_000).saysTo("Fetch")) p.hears(to, fetched())
      }
      const { due } = p.state.streams.near[0]?.gap ?? { due: 0 }
      assert.isAbove(due, p.now + 10_000)
      for (const sequence of later) p.hears(3, gossip(9, sequence))
      return [p.passes(1_900).saysTo("Fetch").length, p.passes(200).saysTo("Fetch").length]
    }
    assert.deepStrictEqual(
      [[], [1], [12]].map((later) => askedAfter(later)),
      [
        [0, 0],
        [0, 1],
        [0, 1]
      ]
    )
    // And not for what comes in order, nor is what is only hearsay asked for the more often the more its source publishes.
    assert.deepStrictEqual(
      [askedAfter([11, 12, 13]), askedAfter([1, 2, 3], true)],
      [
        [0, 0],
        [0, 0]
      ]
    )
    // Where the tree is late it is left the time that it takes.
    const p = node([2, 3], { graftMaxMillis: 10_000 }).hears(2, gossip(9, 0)).hears(2, gossip(9, 10))
    for (let second = 0; second < 100; second++)
      for (const to of p.passes(1_000).saysTo("Fetch")) p.hears(to, fetched())
    p.hears(3, iHave([8, 0, 1])).now += 3_000
    p.hears(2, gossip(8, 0, { ageMillis: 4_000 })).hears(2, gossip(9, 12))
    assert.deepStrictEqual([p.passes(5_900).saysTo("Fetch"), p.passes(200).saysTo("Fetch")], [[], [2]])
  })

  it("R7. a gap is lagged when every neighbour says that it is over there", () => {
    const p = node([2, 3]).hears(2, gossip(9, 0)).hears(2, gossip(9, 6)).passes(500)
    assert.deepStrictEqual(p.saysTo("Fetch"), [2])
    const gone = { source: 9, epoch: 1, topic, below: 4 }
    assert.deepStrictEqual(p.hears(2, fetched(false, gone)).lagged, [])
    p.hears(3, fetched(false, { ...gone, below: 6 }))
    assert.deepStrictEqual(p.lagged, ["9/1–3"])
    assert.deepStrictEqual(p.hears(3, gossip(9, 2)).delivered, [])
    assert.deepStrictEqual(p.hears(3, gossip(9, 4)).delivered, ["9/4"])
    // That is what a node says which has it done and does not keep it.
    const q = node([2], { retainedMessages: 2 })
    for (let sequence = 0; sequence < 6; sequence++) q.hears(2, gossip(9, sequence))
    assert.deepStrictEqual(q.hears(2, fetch(ranges(9, 1, 5))).says("Fetched"), [
      { _tag: "Fetched", gone: [{ ...gone, below: 4 }], more: false, to: 2 }
    ])
    // And not one that misses it too.
    assert.deepStrictEqual(
      node([2])
        .hears(2, gossip(9, 0))
        .hears(2, gossip(9, 6))
        .hears(2, fetch(ranges(9, 1, 5)))
        .says("Fetched")[0]?.gone,
      []
    )
  })

  it("R7. who asks for many gaps is told of all of them that are over, at once", () => {
    const odd = [1, 3, 5, 7, 9, 11]
    const p = node([2], { retainedMillis: 60_000 })
    for (let sequence = 0; sequence <= 4; sequence++) p.hears(2, gossip(9, sequence, { ageMillis: 50_000 }))
    p.passes(20_000)
    for (let sequence = 5; sequence <= 9; sequence++) p.hears(2, gossip(9, sequence))
    const wanted = fetch({ ...origin, runs: odd.flatMap((number) => [number, number]) })
    // 1 and 3 are over, 5 to 9 are sent. Of 11 nothing is known: it may come.
    p.hears(2, wanted)
    assert.deepStrictEqual(
      p.says("Gossip").map(({ id }) => id.sequence),
      [5, 7, 9]
    )
    assert.deepStrictEqual(p.says("Fetched")[0]?.gone, [{ ...origin, below: 11 }])
    // What was kept is over too now.
    p.passes(70_000).hears(2, gossip(9, 12)).hears(2, wanted)
    assert.deepStrictEqual(p.says("Gossip"), [])
    assert.deepStrictEqual(p.says("Fetched")[0]?.gone, [{ ...origin, below: 11 }])
    // Up to what is missing here too, or is kept and does not fit into the answer.
    const q = node([2], { retainedMessages: 2, fetchMessages: 1 })
    for (const sequence of [0, 1, 2, 3, 4, 6, 7]) q.hears(2, gossip(9, sequence))
    q.hears(2, fetch({ ...origin, runs: [1, 1, 3, 3, 5, 5] }))
    assert.deepStrictEqual(q.says("Fetched")[0]?.gone, [{ ...origin, below: 5 }])
    q.hears(2, fetch({ ...origin, runs: [4, 4, 6, 7] }))
    assert.deepStrictEqual(q.says("Fetched"), [{ _tag: "Fetched", gone: [{ ...origin, below: 5 }], more: true, to: 2 }])
  })

  it("R7. when one says so and nothing of it comes for gapMillis; when nothing comes for as long as messages are kept", () => {
    const gone = { source: 9, epoch: 1, topic, below: 3 }
    const opened = () => node([2, 3]).hears(2, gossip(9, 0)).hears(2, gossip(9, 3)).passes(500)
    const p = opened().hears(2, fetched(false, gone))
    const { fetchMillis, gapMillis, retainedMillis } = p.state.config
    // The other is asked then, and does not answer.
    assert.deepStrictEqual(p.passes(fetchMillis + gapMillis - 100).lagged, [])
    assert.deepStrictEqual(p.passes(200).lagged, ["9/1–2"])
    const q = opened().hears(2, fetched())
    assert.deepStrictEqual(q.passes(retainedMillis - 600).lagged, [])
    assert.deepStrictEqual(q.passes(200).lagged, ["9/1–2"])
    assert.deepStrictEqual(q.state.upkeep.gaps, [])
  })

  it("R7. also if all say so too late: what has been waited for no longer counts when it comes", () => {
    const over = fetched(false, { ...origin, below: 3 })
    const p = node([2, 3]).hears(2, gossip(9, 0)).hears(2, gossip(9, 3)).passes(500)
    // Each takes three seconds, and is waited for two.
    assert.deepStrictEqual([p.passes(3_000).saysTo("Fetch"), p.hears(2, over).lagged], [[3], []])
    assert.deepStrictEqual(p.passes(2_000).hears(3, over).lagged, ["9/1–2"])
    // Of what is not missing it is nothing, and has no gap looked at.
    const { upkeep } = p.hears(2, gossip(8, 0)).hears(2, gossip(8, 2)).state
    assert.strictEqual(p.hears(2, fetched(false, { ...origin, below: 9 })).state.upkeep, upkeep)
    assert.strictEqual(p.hears(2, fetched()).state.upkeep, upkeep)
  })

  it("R7. what was noticed later is not given up with it: it has not been missing for as long", () => {
    const gone = { source: 9, epoch: 1, topic, below: 3 }
    const p = node([2, 3]).hears(2, gossip(9, 0)).hears(2, gossip(9, 3)).passes(500).hears(2, fetched(false, gone))
    const { fetchMillis, gapMillis, retainedMillis } = p.state.config
    p.passes(fetchMillis + gapMillis - 100).hears(2, gossip(9, 5))
    assert.deepStrictEqual(p.passes(200).lagged, ["9/1–2"])
    assert.deepStrictEqual(p.hears(3, gossip(9, 4)).delivered, ["9/4"])
    // Nor where nobody has said anything.
    const q = node([2]).hears(2, gossip(9, 0)).hears(2, gossip(9, 2))
    q.passes(retainedMillis - 100).hears(2, gossip(9, 4))
    assert.deepStrictEqual(q.passes(200).lagged, ["9/1–1"])
    assert.deepStrictEqual(q.passes(retainedMillis - 300).lagged, [])
    assert.deepStrictEqual(q.passes(400).lagged, ["9/3–3"])
  })

  it("R7. nor what is being fetched behind a number that is over", () => {
    const p = node([2, 3]).hears(2, gossip(9, 0)).hears(2, gossip(9, 30)).passes(500)
    p.hears(2, fetched(true, { source: 9, epoch: 1, topic, below: 2 }))
    const { gapMillis } = p.state.config
    for (let sequence = 2; sequence <= 29; sequence++) {
      p.passes(gapMillis / 20)
      brings(p, 2, sequence)
      assert.deepStrictEqual(p.delivered, [`9/${sequence}`])
    }
    assert.deepStrictEqual(Plumtree.firstMissing(p.state, origin), 31)
  })

  it("R7. nor what another is bringing, with what it does not bring and one says is over", () => {
    const p = node([2, 3, 4]).hears(4, gossip(9, 0)).hears(4, gossip(9, 61)).passes(500)
    // 3 has kept none of it, and 4 misses it as well. 2 brings one a second from 2 on, which may take it so long (R3).
    const over = { ...origin, below: 61 }
    const lagged: Array<string> = []
    for (let sequence = 2; sequence <= 60; sequence++) {
      brings(p, 2, sequence)
      if (sequence % 3 === 0) p.hears(2, fetched(sequence < 60, { ...origin, below: 2 }))
      if (sequence === 3) p.hears(3, fetched(false, over)).hears(4, fetched())
      lagged.push(...p.passes(1_000).lagged)
    }
    assert.deepStrictEqual([lagged, Plumtree.firstMissing(p.state, origin)], [["9/1–1"], 62])
    // Nor where it is asked, and has it, only once the others have said so. What is newer changes nothing of that.
    const late = node([2, 3], { gapMillis: 3_000 }).hears(3, gossip(9, 0)).hears(3, gossip(9, 9)).passes(500)
    late.hears(2, fetched()).hears(3, fetched(false, { ...origin, below: 9 }))
    assert.deepStrictEqual(late.passes(2_500).saysTo("Fetch"), [2])
    brings(late, 2, 3).hears(3, gossip(9, 11, { replay: "recovery" }))
    assert.deepStrictEqual(late.passes(600).lagged, ["9/1–2"])
    // Once it has ended its answer all is given up together.
    const q = node([2, 3, 4]).hears(4, gossip(9, 0)).hears(4, gossip(9, 9)).passes(500)
    brings(q, 2, 3, 5).hears(2, fetched(false, { ...origin, below: 9 }))
    q.hears(3, fetched(false, { ...origin, below: 9 })).hears(4, fetched())
    assert.deepStrictEqual(q.passes(q.state.config.gapMillis + 100).lagged, ["9/1–2", "9/4–4", "9/6–8"])
  })

  it("R7. and what is over is given up in the middle of an answer that takes long", () => {
    const p = node([2, 3], { fetchBytes: 64_000 }).hears(3, gossip(9, 0)).hears(3, gossip(9, 61)).passes(500)
    const payload = new Uint8Array(8_000)
    const slowly = (sequence: number) => p.hears(2, gossip(9, sequence, { replay: "recovery", payload }))
    slowly(2).hears(2, fetched(true))
    assert.deepStrictEqual(p.hears(3, fetched(false, { ...origin, below: 61 })).saysTo("Fetch"), [2])
    for (let second = 0; second < 10; second++)
      assert.deepStrictEqual([p.lagged, slowly(3 + second).passes(990).lagged], [[], []])
    assert.deepStrictEqual(p.passes(200).lagged, ["9/1–1"])
  })

  it("R7. but all of it when nothing has come of the first for as long as messages are kept", () => {
    const p = node([2, 3], { retainedMillis: 20_000 }).hears(3, gossip(9, 0)).hears(3, gossip(9, 60)).passes(500)
    for (let sequence = 2; sequence < 20; sequence++) {
      brings(p, 2, sequence).hears(2, fetched(true))
      assert.deepStrictEqual(p.passes(1_000).lagged, [])
    }
    brings(p, 2, 20).hears(2, fetched(true))
    assert.deepStrictEqual(p.passes(1_600).lagged, ["9/1–1", "9/21–59"])
  })

  it("R7. at its time, also where that is before the next round", () => {
    const p = node([2, 3], { fetchMillis: 5_000, gapMillis: 1_000 }).hears(2, gossip(9, 0)).hears(2, gossip(9, 2))
    p.passes(500)
      .hears(2, fetched(false, { ...origin, below: 2 }))
      .hears(3, fetched())
    assert.deepStrictEqual([p.passes(990).lagged, p.passes(20).lagged], [[], ["9/1–1"]])
  })

  it("R7. what is newly missing has its own time, though all have been asked for what is older", () => {
    const p = node([2, 3], { gapMillis: 4_000 }).hears(2, gossip(9, 0)).hears(2, gossip(9, 2)).passes(500)
    p.hears(2, fetched(false, { ...origin, below: 2 })).hears(3, fetched())
    p.passes(1_500)
      .hears(3, gossip(9, 4))
      .hears(2, fetched(false, { ...origin, below: 4 }))
    assert.deepStrictEqual(p.passes(2_600).lagged, ["9/1–1"])
    assert.deepStrictEqual([p.passes(6_000).lagged, p.passes(6_000).lagged], [[], ["9/3–3"]])
  })

  it("R5. who has no neighbour waits for what is older no longer than gapMillis", () => {
    const p = node([2]).hears(2, gossip(9, 10)).loses(2)
    p.passes(p.state.config.gapMillis - 100)
    assert.strictEqual(Plumtree.firstMissing(p.state, origin), 0)
    p.passes(200)
    assert.strictEqual(Plumtree.firstMissing(p.state, origin), 11)
  })

  it("R5. counted from when the last neighbour was lost, and not at all once there is another that has not been asked", () => {
    // While these wait for their verdicts nobody is asked.
    const p = node([2], { verdictsSize: 2, verdictMillis: 100_000 })
      .step({ _tag: "ValidateTopic", now: 1_000, topic, on: true })
      .hears(2, gossip(9, 10))
      .hears(2, gossip(9, 11))
      .passes(20_000)
    const first = () => Plumtree.firstMissing(p.state, origin)
    // A link that is made anew.
    assert.deepStrictEqual([p.wins(2) && first(), p.passes(20_000) && first()], [0, 0])
    p.loses(2).passes(p.state.config.gapMillis - 100)
    assert.deepStrictEqual([first(), p.wins(2).passes(20_000) && first()], [0, 0])
    p.loses(2).passes(p.state.config.gapMillis + 100)
    assert.strictEqual(first(), 10)
  })

  it("R5. nor much longer where the only neighbour is lost and comes back all the time: it is asked soon, and not after a pause", () => {
    const flapping = () => {
      const p = node([2]).hears(2, gossip(9, 10))
      for (let second = 0; second < 250; second++) p.loses(2).wins(2).passes(1_000)
      return p
    }
    const { fetchMillis, gapMillis } = node().state.config
    const stays = flapping()
    assert.deepStrictEqual(stays.passes(fetchMillis).saysTo("Fetch"), [2])
    stays.passes(fetchMillis + gapMillis)
    assert.strictEqual(Plumtree.firstMissing(stays.state, origin), 11)
    const goes = flapping()
      .loses(2)
      .passes(gapMillis - 100)
    assert.strictEqual(Plumtree.firstMissing(goes.state, origin), 0)
    assert.strictEqual(Plumtree.firstMissing(goes.passes(200).state, origin), 11)
  })

  it("R6. who has been alone asks the first that comes before long, however long the pause would have been", () => {
    const p = node([2]).hears(2, gossip(9, 0)).hears(2, gossip(9, 2)).loses(2).passes(80_000)
    assert.deepStrictEqual(p.wins(3).passes(p.state.config.fetchMillis).saysTo("Fetch"), [3])
  })

  it("R7. nor at once where one that has named it is lost before it could answer: it comes back, or has passed it on", () => {
    const lost = () =>
      node([2, 3])
        .hears(2, gossip(9, 0))
        .hears(2, gossip(9, 2))
        .hears(3, digest(ranges(9, 0, 2)))
        .loses(3)
    const isOver = fetched(false, { ...origin, below: 2 })
    const p = lost()
    assert.deepStrictEqual([p.saysTo("Fetch"), p.hears(2, isOver).lagged], [[2], []])
    p.passes(1_000)
      .wins(3)
      .hears(3, digest(ranges(9, 0, 2)))
    assert.deepStrictEqual([p.saysTo("Fetch"), brings(p, 3, 1).delivered], [[3], ["9/1"]])
    // But for no longer than gapMillis.
    const q = lost().hears(2, isOver)
    const { gapMillis } = q.state.config
    assert.deepStrictEqual([q.passes(gapMillis - 100).lagged, q.passes(200).lagged], [[], ["9/1–1"]])
    // One that has answered has said what it keeps.
    const r = node([2, 3])
      .hears(2, gossip(9, 0))
      .hears(2, gossip(9, 2))
      .hears(3, digest(ranges(9, 0, 2)))
    assert.deepStrictEqual(r.hears(3, isOver).loses(3).hears(2, isOver).lagged, ["9/1–1"])
  })

  it("R7. whatever numbers there are, what is said to be over can be written", () => {
    const last = Number.MAX_SAFE_INTEGER
    const over = (first: number) => {
      const p = node([2], { retainedMillis: 1 }).hears(2, gossip(9, last)).passes(10_000)
      return p.hears(2, fetch(ranges(9, first, last))).says("Fetched")[0]?.gone
    }
    assert.deepStrictEqual(over(last), [])
    assert.deepStrictEqual(over(0), [{ ...origin, below: last }])
  })

  it("R8. a gap is lagged at once when it falls out of the window, or there are too many", () => {
    const p = node([2], { windowSize: 32 }).hears(2, gossip(9, 0)).hears(2, gossip(9, 2))
    assert.deepStrictEqual(p.hears(2, gossip(9, 40)).lagged, ["9/1–1", "9/3–8"])
    assert.deepStrictEqual(p.delivered, ["9/40"])
    const q = node([2], { gapsSize: 2 }).hears(2, gossip(9, 0)).hears(2, gossip(9, 2)).hears(2, gossip(9, 4))
    assert.deepStrictEqual(q.hears(2, gossip(9, 6)).lagged, ["9/1–1"])
  })

  it("R5. a later digest brings the baseline down to what it names, and to nothing that is missing here and there", () => {
    const p = node([2], { windowSize: 8, retainedMessages: 8 }).hears(2, digest(ranges(9, 8, 14)))
    for (let sequence = 8; sequence <= 14; sequence++) p.hears(2, gossip(9, sequence, { replay: "recovery" }))
    p.hears(2, fetched(false, { ...origin, below: 8 }))
    assert.deepStrictEqual(p.lagged, [])
    // Up to 6 all is below the window, and 7 within it; of neither is there any here.
    p.wins(3).hears(3, digest(ranges(9, 2, 2, 4, 4, 6, 6, 8, 14)))
    assert.deepStrictEqual([p.saysTo("Fetch"), p.lagged, p.state.upkeep.gaps], [[], [], []])
    // What one more names is asked for, if anybody keeps it.
    p.wins(4).hears(4, digest(ranges(9, 7, 7, 9, 14)))
    assert.deepStrictEqual(p.says("Fetch")[0]?.wanted, [ranges(9, 7, 7)])
    assert.deepStrictEqual(p.hears(4, gossip(9, 7, { replay: "recovery" })).delivered, ["9/7"])
  })

  it("R5. with catchUp off, what a digest has named is owed from the first message on that was under way, and asked for", () => {
    const p = node([2, 3], { catchUp: false }).hears(3, digest(ranges(9, 0, 3)))
    assert.deepStrictEqual(p.saysTo("Fetch"), [])
    assert.deepStrictEqual(p.hears(2, gossip(9, 0)).delivered, ["9/0"])
    p.passes(p.state.config.graftMillis)
    assert.deepStrictEqual(p.says("Fetch")[0]?.wanted, [ranges(9, 1, 3)])
  })

  it("R7. what was said to be over before a digest brought the baseline down was not of what is older", () => {
    const p = node([2, 3, 4]).hears(2, gossip(9, 20))
    p.passes(500)
    for (const from of [2, 3, 4]) p.hears(from, fetched(false, { ...origin, below: 20 }))
    p.hears(2, gossip(9, 25)).passes(500)
    for (const from of [2, 3]) p.hears(from, fetched(false, { ...origin, below: 25 }))
    p.hears(4, fetched()).hears(4, digest(ranges(9, 10, 12)))
    assert.deepStrictEqual(p.says("Fetch"), [{ _tag: "Fetch", to: 4, wanted: [ranges(9, 10, 19, 21, 24)] }])
    // It has lost them since. The others may have some, and are asked.
    assert.deepStrictEqual(p.hears(4, fetched(false, { ...origin, below: 25 })).lagged, [])
    assert.deepStrictEqual(p.saysTo("Fetch"), [2])
    p.hears(2, fetched(false, { ...origin, below: 25 }))
    assert.deepStrictEqual(p.hears(3, fetched(false, { ...origin, below: 25 })).lagged, ["9/10–19", "9/21–24"])
  })

  it("R7. that some of what is older is over puts nothing off, however often all say so", () => {
    const p = node([2, 3], { gapMillis: 4_000 }).hears(2, gossip(9, 3)).hears(2, gossip(9, 5))
    const since = p.now
    while (p.lagged.length === 0 && p.now < since + 20_000) {
      p.passes(100)
      // 3 still misses 2 itself.
      for (const to of p.saysTo("Fetch")) p.hears(to, fetched(false, { ...origin, below: to === 2 ? 5 : 2 }))
      for (const to of p.saysTo("Fetch")) p.hears(to, fetched(false, { ...origin, below: to === 2 ? 5 : 2 }))
    }
    assert.isAtMost(p.now - since, 10_500)
    assert.deepStrictEqual(p.lagged, ["9/4–4"])
  })

  it("R7. nor was what comes in answer to a Fetch of before, from the one that has named what is older", () => {
    // What is older has been given up, and 4 is asked for what is newer, when its digest comes.
    const p = node([2, 3]).hears(2, gossip(9, 20)).passes(500)
    for (const from of [2, 3]) p.hears(from, fetched(false, { ...origin, below: 20 }))
    p.hears(2, gossip(9, 25)).wins(4).passes(500)
    p.hears(2, fetched()).hears(3, fetched())
    assert.deepStrictEqual(p.says("Fetch"), [{ _tag: "Fetch", to: 4, wanted: [ranges(9, 21, 24)] }])
    p.hears(4, digest(ranges(9, 10, 12))).hears(4, fetched(false, { ...origin, below: 25 }))
    assert.deepStrictEqual(p.says("Fetch"), [{ _tag: "Fetch", to: 4, wanted: [ranges(9, 10, 19, 21, 24)] }])
    for (const from of [2, 3]) p.hears(from, fetched(false, { ...origin, below: 25 }))
    assert.deepStrictEqual(p.lagged, [])
    brings(p, 4, 10, 11, 12).hears(4, fetched(false, { ...origin, below: 25 }))
    assert.deepStrictEqual(p.lagged, ["9/13–19", "9/21–24"])
  })

  it("R7. what one says is over is not lagged while another, who has named some of the gap, has yet to answer", () => {
    // Cut off for longer than `gapMillis`, of two new neighbours it asks the one that is first to name any of it.
    const back = (p: ReturnType<typeof node>) => {
      p.loses(2).passes(p.state.config.gapMillis + 1_000)
      p.wins(3)
        .wins(4)
        .hears(3, digest(ranges(9, 2, 2)))
        .hears(4, digest(ranges(9, 1, 2)))
      return p.hears(3, fetched(true, { ...origin, below: 2 }))
    }
    const p = back(node([2]).hears(2, gossip(9, 0)).hears(2, gossip(9, 3)))
    assert.deepStrictEqual(p.lagged, [])
    assert.deepStrictEqual(p.says("Fetch"), [{ _tag: "Fetch", to: 4, wanted: [ranges(9, 1, 2)] }])
    // It has nothing either: as far as the first has said, once what comes late has had its time.
    assert.deepStrictEqual(p.hears(4, fetched()).lagged, [])
    assert.deepStrictEqual(p.passes(p.state.config.gapMillis).lagged, ["9/1–1"])
    // Nor is what is only hearsay forgotten.
    const q = back(
      node([2])
        .hears(2, gossip(9, 0))
        .hears(2, digest(ranges(9, 1, 2)))
    )
    assert.deepStrictEqual(q.says("Fetch"), [{ _tag: "Fetch", to: 4, wanted: [ranges(9, 1, 2)] }])
    assert.deepStrictEqual(q.hears(4, gossip(9, 2, { replay: "recovery" })).delivered, ["9/2"])
  })

  it("R7. nor where one has named it only when the time was nearly over", () => {
    const p = node([2, 3]).hears(2, gossip(9, 0)).hears(2, gossip(9, 2)).passes(500)
    p.hears(2, fetched(false, { ...origin, below: 2 })).hears(3, fetched())
    p.passes(p.state.config.gapMillis - 100)
      .wins(4)
      .hears(4, digest(ranges(9, 1, 1)))
    // Another is being asked, and it is next.
    assert.deepStrictEqual([p.passes(1_000).lagged, p.passes(1_000).saysTo("Fetch")], [[], [4]])
    assert.deepStrictEqual(brings(p, 4, 1).delivered, ["9/1"])
  })

  it("R7. nor before a neighbour that has just come can have named it", () => {
    const asked = () => {
      const p = node([2, 3]).hears(2, gossip(9, 0)).hears(2, gossip(9, 2)).passes(500)
      p.hears(2, fetched(false, { ...origin, below: 2 })).hears(3, fetched())
      return p.passes(p.state.config.gapMillis - 100).wins(4)
    }
    const { fetchMillis } = asked().state.config
    const p = asked()
    assert.deepStrictEqual(p.passes(fetchMillis - 100).lagged, [])
    assert.deepStrictEqual(p.hears(4, digest(ranges(9, 1, 1))).passes(1_000).lagged, [])
    assert.deepStrictEqual(asked().passes(fetchMillis).lagged, ["9/1–1"])
    // One that comes earlier has had the time.
    const q = node([2, 3]).hears(2, gossip(9, 0)).hears(2, gossip(9, 2)).passes(500)
    q.hears(2, fetched(false, { ...origin, below: 2 })).hears(3, fetched())
    const { gapMillis } = q.state.config
    q.passes(gapMillis - 3_000).wins(4)
    assert.deepStrictEqual([q.passes(2_990).lagged, q.passes(20).lagged], [[], ["9/1–1"]])
  })

  it("R7. nor before all neighbours have been asked, however much others have to answer before", () => {
    const busy = () => {
      const p = node([2, 3], { gapMillis: 1_000 }).hears(3, digest(ranges(8, 0, 9)))
      p.hears(2, gossip(9, 0)).hears(2, gossip(9, 2)).passes(500)
      assert.deepStrictEqual(p.saysTo("Fetch"), [2])
      p.hears(2, fetched(false, { ...origin, below: 2 })).passes(1_499)
      assert.deepStrictEqual([p.lagged, p.saysTo("Fetch")], [[], []])
      p.passes(1)
      assert.deepStrictEqual(p.says("Fetch")[0]?.wanted, [ranges(9, 1, 1)])
      return p
    }
    assert.deepStrictEqual(brings(busy(), 3, 1).delivered, ["9/1"])
    assert.deepStrictEqual(busy().hears(3, fetched()).passes(2_000).lagged, ["9/1–1"])
  })

  it("R7. whoever has more, of whatever, has been asked: several such keep nothing from being given up", () => {
    const p = node([2, 3, 4], { gapMillis: 1_000, sourcesSize: 1_000 })
    const named = new Map([
      [2, 100],
      [3, 101]
    ])
    for (const [neighbor, source] of named) p.hears(neighbor, digest(ranges(source, 0, 9)))
    p.hears(4, gossip(9, 0)).hears(4, gossip(9, 2)).passes(500)
    assert.deepStrictEqual([p.saysTo("Fetch"), p.hears(4, fetched(false, { ...origin, below: 2 })).lagged], [[4], []])
    // Two bring, by turns, one of what they have just named, and have more each time.
    const since = p.now
    for (let turn = 0; turn < 100 && p.lagged.length === 0; turn++) {
      for (const [neighbor, source] of named) {
        const next = source + 2
        p.hears(neighbor, digest(ranges(next, 0, 9))).hears(neighbor, gossip(source, 0, { replay: "recovery" }))
        named.set(neighbor, next)
        p.hears(neighbor, fetched(true))
        if (p.passes(100).lagged.length > 0) break
      }
    }
    assert.deepStrictEqual(p.lagged, ["9/1–1"])
    assert.isAtMost(p.now - since, 1_500)
  })

  it("R7. but nothing is for which an answer had no room, while more of what was asked for before it comes", () => {
    const sources = Array.from({ length: 16 }, (_, i) => 20 + i)
    /** 2 keeps all, and brings of each one message a second; 3 has kept nothing. The last of them the application gets. */
    const fetches = (older: boolean) => {
      const p = node([2, 3])
      const lagged: Array<string> = []
      const delivered: Array<string> = []
      const asked = new Map<number, ReadonlyArray<Plumtree.Ranges<number>>>()
      const see = () => {
        lagged.push(...p.lagged)
        delivered.push(...p.delivered)
        for (const { to, wanted } of p.says("Fetch")) asked.set(to, wanted)
      }
      const answers = (from: number, count: number, more: boolean, ...gone: ReadonlyArray<Plumtree.Gone<number>>) => {
        const wanted = asked.get(from) ?? []
        asked.delete(from)
        for (const { runs, source } of wanted.slice(0, count)) {
          p.hears(from, gossip(source, runs[0] ?? 0, { replay: "recovery" }))
          see()
        }
        p.hears(from, fetched(more, ...gone))
        see()
      }
      for (const source of sources) {
        if (!older) p.hears(3, gossip(source, 0))
        p.hears(3, gossip(source, 2))
      }
      for (let tenth = 1; tenth < 400; tenth++) {
        p.passes(100)
        see()
        const toThree = asked.get(3)
        if (toThree !== undefined)
          answers(3, 0, false, ...toThree.map(({ source }) => ({ source, epoch: 1, topic, below: 2 })))
        const toTwo = asked.get(2)
        if (tenth % 10 === 0 && toTwo !== undefined) answers(2, 1, toTwo.length > 1)
      }
      return { lagged, delivered }
    }
    const { delivered, lagged } = fetches(false)
    assert.deepStrictEqual([lagged, delivered.filter((name) => name.endsWith("/1")).length], [[], 16])
    // Nor is what is older forgotten.
    assert.deepStrictEqual(fetches(true).delivered.filter((name) => name.endsWith("/0")).length, 16)
  })

  it("R7. nor does one that has more of it while it answers for something else", () => {
    const p = node([2, 3, 4], { fetchMillis: 5_000, gapMillis: 4_000 })
    p.hears(4, gossip(9, 0)).hears(4, gossip(9, 6)).passes(500)
    assert.deepStrictEqual(p.saysTo("Fetch"), [2])
    p.hears(2, digest(ranges(8, 0, 9)))
    brings(p, 2, 3).hears(2, fetched(true))
    assert.deepStrictEqual(p.saysTo("Fetch"), [3, 2])
    assert.deepStrictEqual(p.hears(3, fetched(false, { ...origin, below: 6 })).saysTo("Fetch"), [4])
    p.hears(4, fetched())
    // 2 has been asked, and what it brings now is of another origin.
    for (let second = 0; second < 3; second++) p.passes(1_000).hears(2, gossip(8, second, { replay: "recovery" }))
    // But 4 and 5 it may bring.
    assert.deepStrictEqual(p.passes(1_100).lagged, ["9/1–2"])
  })

  it("R7. nor for the sake of the time in which nobody could be asked", () => {
    const p = node([2, 3], { fetchMillis: 200, gapMillis: 1_000, verdictsSize: 1, verdictMillis: 5_000 })
    p.step({ _tag: "ValidateTopic", now: p.now, topic, on: true })
    // Of two that both answer late one has some of it, which waits for its verdict.
    assert.deepStrictEqual(p.hears(2, digest(ranges(9, 0, 9))).saysTo("Fetch"), [2])
    assert.deepStrictEqual(p.passes(500).saysTo("Fetch"), [3])
    brings(p, 2, 0)
    assert.deepStrictEqual(p.passes(1_500).saysTo("Fetch"), [])
    p.step({ _tag: "Validated", now: p.now, id: id(9, 0), verdict: "accept" })
    assert.deepStrictEqual(p.saysTo("Fetch"), [2])
    assert.deepStrictEqual(p.passes(200).saysTo("Fetch"), [3])
    p.hears(3, fetched(false, { ...origin, below: 10 })).passes(100)
    assert.deepStrictEqual(p.state.upkeep.gaps.length, 1)
    assert.deepStrictEqual(p.passes(900).says("Fetch")[0]?.wanted, [ranges(9, 1, 9)])
    assert.deepStrictEqual(p.passes(2_000).state.upkeep.gaps, [])
  })

  it("R7. who was asked before something came has not been asked since: the next round counts", () => {
    const p = node([2, 3], { fetchMillis: 200, gapMillis: 1_000 }).hears(2, gossip(9, 0)).hears(2, gossip(9, 9))
    assert.deepStrictEqual([p.passes(500).saysTo("Fetch"), p.passes(200).saysTo("Fetch")], [[2], [3]])
    brings(p, 3, 1).hears(3, fetched(false, { ...origin, below: 9 }))
    assert.deepStrictEqual(p.passes(1_100).lagged, [])
    // Both are silent in that one.
    assert.deepStrictEqual(p.passes(700).lagged, ["9/2–8"])
  })

  it("R7. nor at once when what is older is given up: it has not been asked for by itself", () => {
    const p = node([2, 3], { fetchMillis: 200, gapMillis: 1_000 }).hears(2, digest(ranges(9, 5, 9)))
    // Both are slow, and have been asked.
    assert.deepStrictEqual(p.passes(1_000).saysTo("Fetch"), [3, 2, 3])
    p.hears(3, fetched(false, { ...origin, below: 5 }))
    brings(p.passes(200), 2, 5).hears(2, fetched(false, { ...origin, below: 5 }))
    assert.deepStrictEqual(p.passes(600).saysTo("Fetch"), [2, 3])
    p.hears(3, fetched(false, { ...origin, below: 10 }))
    assert.deepStrictEqual([Plumtree.firstMissing(p.state, origin), p.state.upkeep.gaps.length], [6, 1])
  })

  it("R8. hearsay is asked for after what is owed, of which there cannot be any amount", () => {
    const p = node([2], { digestSize: 1 }).hears(2, gossip(9, 0))
    p.hears(2, digest(ranges(7, 0, 0), ranges(8, 0, 0)))
    const asked = () => p.says("Fetch").flatMap(({ wanted }) => wanted.map(({ source }) => source))
    assert.deepStrictEqual(asked(), [7])
    assert.deepStrictEqual((p.hears(2, gossip(9, 2)).passes(500), asked()), [])
    assert.deepStrictEqual((p.hears(2, fetched()), asked()), [9])
    assert.deepStrictEqual((p.hears(2, fetched()), asked()), [8])
  })

  it("R8. what is owed, of which there can be any amount as well, leaves a quarter of each Fetch to hearsay", () => {
    const p = node([2, 3], { digestSize: 4 })
    const asked = () => p.says("Fetch").map(({ to, wanted }) => [to, ...wanted.map(({ source }) => source)])
    p.hears(3, digest(ranges(7, 0, 0)))
    for (let source = 20; source < 30; source++) p.hears(3, gossip(source, 0)).hears(3, gossip(source, 2))
    assert.deepStrictEqual((p.passes(500), asked()), [[2, 20, 21, 22, 23]])
    for (let source = 8; source < 12; source++) p.hears(3, digest(ranges(source, 0, 0)))
    assert.deepStrictEqual((p.hears(3, fetched()), asked()), [[3, 24, 25, 26, 8]])
    // Nor is a place left empty.
    assert.deepStrictEqual((p.hears(3, fetched()), asked()), [[3, 27, 28, 29, 9]])
    const q = node([2, 3], { digestSize: 4 })
    q.hears(2, digest(ranges(7, 0, 0)))
    for (let source = 20; source < 30; source++) q.hears(3, gossip(source, 0)).hears(3, gossip(source, 2))
    q.passes(500)
    assert.deepStrictEqual(
      q.says("Fetch").map(({ to, wanted }) => [to, wanted.length]),
      [[3, 4]]
    )
  })

  it("R8. hearsay, of which some comes while what is missing below it is given up, is not forgotten with that", () => {
    const p = node([2, 3])
      .hears(2, gossip(9, 0))
      .hears(2, digest(ranges(9, 4, 9)))
    // The first that it asks answers, too late, with 4; the other has none of it.
    p.passes(p.state.config.fetchMillis).hears(3, fetched(false, { ...origin, below: 10 }))
    assert.deepStrictEqual(p.hears(2, gossip(9, 4, { replay: "recovery" })).delivered, ["9/4"])
    p.passes(p.state.config.gapMillis)
    assert.deepStrictEqual(p.lagged, ["9/1–3"])
    // It is still asked for, and comes.
    p.passes(p.state.config.gapMillis / 2)
    assert.deepStrictEqual(
      p.says("Fetch").flatMap(({ wanted }) => wanted.map(({ runs }) => [...runs])),
      p.says("Fetch").map(() => [5, 9])
    )
    assert.isTrue(p.state.upkeep.gaps.length === 1)
    p.hears(2, gossip(9, 5, { replay: "recovery" }))
    // And is forgotten when nothing of it has come for as long as a gap stays open.
    p.passes(2 * p.state.config.retainedMillis)
    assert.deepStrictEqual([p.lagged, p.state.upkeep.gaps], [[], []])
  })

  it("R8. that a digest names a number moves no window: it is asked for, and forgotten when nothing of it comes", () => {
    const far = Number.MAX_SAFE_INTEGER - 1
    for (const catchUp of [true, false]) {
      const p = node([2, 3], { catchUp }).hears(2, gossip(9, 0)).hears(2, gossip(9, 1))
      // Of an origin that is known, and of one of which nothing has come yet.
      p.hears(3, digest(ranges(8, far, far), ranges(9, far, far)))
      assert.deepStrictEqual(p.lagged, [])
      const asked = p.says("Fetch").map(({ to, wanted }) => [to, wanted.map(({ runs, source }) => [source, ...runs])])
      assert.deepStrictEqual(
        asked,
        catchUp
          ? [
              [
                3,
                [
                  [8, 0, far],
                  [9, 2, far]
                ]
              ]
            ]
          : [[3, [[9, 2, far]]]]
      )
      p.hears(3, fetched(false, { ...origin, below: far }))
      assert.deepStrictEqual(p.hears(2, gossip(9, 2)).hears(2, gossip(8, 0)).delivered, ["8/0"])
      assert.deepStrictEqual(p.hears(2, gossip(9, 3)).delivered, ["9/3"])
      // The source goes on, and what was named is asked for no longer than anything else.
      for (let sequence = 4; sequence < 104; sequence++) {
        assert.deepStrictEqual(p.passes(p.state.config.retainedMillis / 90).lagged, [])
        assert.deepStrictEqual(p.hears(2, gossip(9, sequence)).delivered, [`9/${sequence}`])
      }
      assert.deepStrictEqual([p.state.upkeep.gaps, p.hears(2, gossip(8, 1)).delivered], [[], ["8/1"]])
    }
  })

  it("R8. what is announced and finds no room is asked for once it could have been grafted, from who announced it first", () => {
    const announced = [0, 1, 2, 3, 4, 5].map((sequence) => [9, sequence, 2] as const)
    const p = node([2, 3], { missingSize: 2 }).hears(3, iHave(...announced))
    assert.deepStrictEqual([p.state.missing.length, p.saysTo("Fetch")], [2, []])
    p.passes(p.state.config.graftMillis)
    assert.deepStrictEqual([p.says("Graft").map(({ ids }) => ids.length), p.saysTo("Fetch")], [[2], [3]])
    assert.deepStrictEqual(p.says("Fetch")[0]?.wanted, [ranges(9, 0, 5)])
    brings(p, 3, 0, 1, 2, 3, 4, 5).hears(3, fetched())
    assert.deepStrictEqual([p.saysTo("Fetch"), p.state.upkeep.gaps, p.state.missing], [[], [], []])
    // As with a digest, nothing is lagged for it: the next message that comes shows what is missing.
    const q = node([2], { missingSize: 2 }).hears(2, iHave(...announced))
    assert.deepStrictEqual(q.passes(q.state.config.retainedMillis + 60_000).lagged, [])
    assert.deepStrictEqual(q.state.upkeep.gaps, [])
    assert.deepStrictEqual(
      q.hears(2, gossip(9, 6)).hears(2, fetched()).passes(q.state.config.graftMillis).says("Fetch")[0]?.wanted,
      [ranges(9, 2, 5)]
    )
  })

  it("R8. where the tree is late it is asked for as late as a graft would be", () => {
    const p = node([2, 3], { missingSize: 1, graftMaxMillis: 10_000 }).hears(3, iHave([9, 0, 2]))
    p.now += 1_000
    p.hears(2, gossip(9, 0)).hears(3, iHave([9, 1, 2], [9, 2, 2]))
    assert.deepStrictEqual(p.passes(1_999).saysTo("Fetch"), [])
    assert.deepStrictEqual(p.passes(1).saysTo("Fetch"), [3])
  })

  it("R8. another that announces it is asked too, and again what it has come by since it was asked", () => {
    const p = node([2, 3], { missingSize: 1 }).hears(3, iHave([9, 0, 2], [9, 1, 2]))
    p.passes(p.state.config.graftMillis)
    assert.deepStrictEqual(p.saysTo("Fetch"), [3])
    p.hears(2, iHave([8, 0, 2], [9, 1, 2]))
    assert.deepStrictEqual(p.hears(3, fetched(false, { ...origin, below: 2 })).saysTo("Fetch"), [2])
    p.hears(3, iHave([9, 1, 2]))
    assert.deepStrictEqual(p.hears(2, fetched()).saysTo("Fetch"), [3])
  })

  it("R8. while the tree brings what was published before it nobody is asked", () => {
    const p = node([2, 3], { missingSize: 1 })
    p.hears(3, iHave(...Array.from({ length: 20 }, (_, sequence) => [9, sequence, 2] as const)))
    for (let sequence = 0; sequence < 15; sequence++) {
      assert.deepStrictEqual(p.passes(p.state.config.graftMillis - 1).saysTo("Fetch"), [])
      p.hears(2, gossip(9, sequence))
    }
    assert.deepStrictEqual(p.passes(p.state.config.graftMillis).says("Fetch")[0]?.wanted, [ranges(9, 15, 19)])
  })

  it("R8. of what finds no room nothing is asked for that is history, done, of this node, or not to be recovered", () => {
    const quiet = (p: Subject, announced: readonly [number, number, number]): void => {
      p.hears(2, iHave([7, 0, 2], announced))
      assert.deepStrictEqual([p.state.missing.length, p.state.upkeep.gaps], [1, []])
    }
    quiet(node([2], { missingSize: 1, recovery: false }), [9, 0, 2])
    quiet(node([2], { missingSize: 1 }), [1, 3, 2])
    quiet(node([2], { missingSize: 1, catchUp: false }).hears(2, gossip(9, 5)), [9, 3, 2])
    const full = node([2], { missingSize: 1, sourcesSize: 1 }).hears(2, gossip(9, 0)).hears(2, gossip(8, 0))
    quiet(full, [9, 0, 2])
    assert.deepStrictEqual(full.state.streams.keys, [8])
  })

  it("R8. what is fetched from beyond the window moves it, and what falls out is lagged", () => {
    const p = node([2, 3])
      .hears(2, gossip(9, 0))
      .hears(3, digest(ranges(9, 1_000, 1_004)))
    assert.deepStrictEqual([p.lagged, p.says("Fetch")[0]?.wanted], [[], [ranges(9, 1, 1_004)]])
    assert.deepStrictEqual(brings(p, 3, 1_000).lagged, ["9/1–936"])
    brings(p, 3, 1_001, 1_002, 1_003, 1_004)
    const gone = { ...origin, below: 1_000 }
    p.hears(3, fetched(false, gone))
    assert.deepStrictEqual(p.saysTo("Fetch"), [2])
    assert.deepStrictEqual(p.hears(2, fetched(false, gone)).lagged, ["9/941–999"])
    assert.deepStrictEqual(Plumtree.firstMissing(p.state, origin), 1_005)
  })

  it("R8. what was named and is gone everywhere is lagged when a later message shows that it was published", () => {
    const p = node([2])
      .hears(2, gossip(9, 0))
      .hears(2, digest(ranges(9, 1, 3)))
    const gone = { ...origin, below: 4 }
    assert.deepStrictEqual(p.hears(2, fetched(false, gone)).lagged, [])
    assert.deepStrictEqual(p.passes(p.state.config.retainedMillis).lagged, [])
    p.hears(2, gossip(9, 4)).passes(p.state.config.graftMillis)
    assert.deepStrictEqual(p.says("Fetch")[0]?.wanted, [ranges(9, 1, 3)])
    assert.deepStrictEqual(p.hears(2, fetched(false, gone)).lagged, ["9/1–3"])
  })

  it("R6. many gaps, each with a time of its own, are not gone through at each of these times", () => {
    const p = node([2])
    for (let source = 10; source < 778; source++) {
      p.now++
      p.hears(2, gossip(source, 5))
    }
    const { gapsAt } = p.state.upkeep
    let looks = 0
    while (p.isSet("Recover") && p.state.timers.Recover.at < gapsAt + 768) {
      p.fires("Recover")
      looks++
    }
    // 768 gaps: once in 3 ms at most.
    assert.isAtMost(looks, 256)
  })

  it("R6. many gaps are not gone through for one that cannot wait, nor put off by one that is looked at again and again", () => {
    const p = node([2, 3], { windowSize: 255, retainedMessages: 128 })
    for (let source = 10; source < 778; source++) p.hears(2, gossip(source, 5))
    const { gapsAt } = p.state.upkeep
    for (let sequence = 7; sequence < 38; sequence++) p.hears(2, gossip(10, sequence))
    assert.deepStrictEqual(p.saysTo("Fetch"), [])
    assert.deepStrictEqual(p.hears(2, gossip(10, 38)).saysTo("Fetch"), [2])
    assert.strictEqual(p.state.upkeep.gapsAt, gapsAt)
    p.now = gapsAt - 1
    p.hears(3, digest(ranges(11, 0, 0)))
    assert.strictEqual(p.state.upkeep.gapsAt, gapsAt)
  })
})
