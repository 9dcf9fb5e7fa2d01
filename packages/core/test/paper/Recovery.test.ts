import { assert, describe, it } from "@effect/vitest"
import * as Plumtree from "@hyparview/core/Plumtree"
import { all } from "../../src/plumtree/Held.ts"
import { mostNamed } from "../../src/plumtree/Seen.ts"
import { maxRuns } from "../../src/wire/Limits.ts"
import { stateFaults } from "../broadcast/Always.ts"
import {
  brings,
  bytes,
  digest,
  fetch,
  fetched,
  gossip,
  graft,
  id,
  iHave,
  node,
  peer,
  ranges,
  type Subject,
  topic
} from "../broadcast/subject.ts"

const origin = { source: 9, epoch: 1, topic }

describe("recovery", () => {
  it("R1. messages of an origin are kept up to a number", () => {
    const p = node([2], { retainedMessages: 3 })
    for (const sequence of [0, 1, 3, 2, 4]) p.hears(2, gossip(9, sequence))
    assert.deepStrictEqual(p.kept(9), [2, 3, 4])
  })

  it("R1. all together up to a number of bytes, the oldest first of the origins that hold more than their share", () => {
    const p = node([2], { retainedBytes: 10_000 })
    const large = (source: number, sequence: number) =>
      p.hears(2, gossip(source, sequence, { payload: new Uint8Array(872) }))
    large(7, 0)
    for (let sequence = 0; sequence < 20; sequence++) large(9, sequence)
    assert.deepStrictEqual(p.kept(7), [0])
    assert.deepStrictEqual(p.kept(9), [11, 12, 13, 14, 15, 16, 17, 18, 19])
    assert.strictEqual(p.state.streams.bytes, 10_000)
    // Nor does one of an origin that holds less than its share drive out another of the same.
    large(7, 1)
    assert.deepStrictEqual(
      [p.kept(7), p.kept(9)],
      [
        [0, 1],
        [12, 13, 14, 15, 16, 17, 18, 19]
      ]
    )
    // One that is larger than all that may be kept is not kept, and drives nothing out.
    p.hears(2, gossip(8, 0, { payload: new Uint8Array(9_873) }))
    assert.deepStrictEqual([p.delivered, p.kept(8), p.kept(7)], [["8/0"], [], [0, 1]])
  })

  it("R1. what has just come is kept in place of what others hold beyond their share, though it is more than a share by itself", () => {
    const p = node([2], { retainedBytes: 3_000 })
    for (let source = 7; source < 12; source++) p.hears(2, gossip(source, 0, { payload: new Uint8Array(872) }))
    assert.deepStrictEqual(
      [7, 8, 9, 10, 11].map((source) => p.kept(source)),
      [[], [], [0], [0], [0]]
    )
    // Where no other holds more than its share there is no place for it.
    const q = node([2], { retainedBytes: 3_000 })
    for (let source = 7; source < 12; source++) q.hears(2, gossip(source, 0, { payload: new Uint8Array(372) }))
    q.hears(2, gossip(12, 0, { payload: new Uint8Array(872) }))
    assert.deepStrictEqual(q.kept(12), [])
  })

  it("R1. none longer than a time after its publication, wherever it has been meanwhile", () => {
    const p = node([2, 3], { retainedMillis: 60_000 }).hears(2, gossip(9, 0, { ageMillis: 50_000 }))
    assert.strictEqual(p.says("Gossip")[0]?.ageMillis, 50_000)
    p.now += 9_000
    const [again] = p.hears(3, graft(id(9, 0))).says("Gossip")
    assert.strictEqual(again?.ageMillis, 59_000)
    p.now += 2_000
    // Too old to be sent, and soon gone.
    assert.deepStrictEqual(p.hears(3, graft(id(9, 0))).saysTo("GraftMiss"), [3])
    p.passes(7_500)
    assert.deepStrictEqual(p.kept(9), [])
    p.passes(60_000)
    assert.isFalse(p.isSet("Recover"))
  })

  for (const frame of [new Uint8Array(4_096), Buffer.alloc(4_096)])
    it(`R1. a payload that is a small view of a large ${frame.constructor.name} is copied, another is not`, () => {
      const p = node([2])
      p.hears(2, gossip(9, 0, { payload: frame.subarray(0, 16) }))
      p.hears(2, gossip(9, 1, { payload: frame.subarray(0, 4_000) }))
      const stream = p.state.streams.near[0]
      const kept = stream === undefined ? [] : all(stream.held)
      assert.deepStrictEqual(
        kept.map(({ payload }) => payload.buffer === frame.buffer),
        [false, true]
      )
    })

  it("R1. also while messages come steadily", () => {
    const p = node([2], { retainedMillis: 8_000 })
    for (let sequence = 0; sequence < 40; sequence++) p.hears(2, gossip(9, sequence)).passes(500)
    // 20 s have passed, and what is kept is looked through once in a second.
    assert.isAtLeast(p.kept(9)[0] ?? 0, 40 - 18)
  })

  it("R1. what is too old, and not swept yet, is named to nobody, and is over for whoever asks for it", () => {
    const p = node([2], { retainedMillis: 1_000 })
      .hears(2, gossip(9, 0, { ageMillis: 600 }))
      .hears(2, gossip(9, 1))
    p.now += 500
    assert.deepStrictEqual(p.kept(9), [0, 1])
    assert.deepStrictEqual(p.wins(3).says("Digest")[0]?.held, [ranges(9, 1, 1)])
    p.hears(3, fetch(ranges(9, 0, 1)))
    assert.deepStrictEqual(
      p.says("Gossip").map(({ id }) => id.sequence),
      [1]
    )
    assert.deepStrictEqual(p.says("Fetched")[0]?.gone, [{ ...origin, below: 1 }])
    p.now += 499
    assert.deepStrictEqual(p.wins(4).saysTo("Digest"), [4])
    p.now += 2
    assert.deepStrictEqual([p.kept(9), p.wins(5).says("Digest")], [[0, 1], []])
    p.hears(5, fetch(ranges(9, 0, 1)))
    assert.deepStrictEqual([p.saysTo("Gossip"), p.says("Fetched")[0]?.gone], [[], [{ ...origin, below: 2 }]])
  })

  it("R2. a new neighbour is told what is kept, in messages of bounded size with a pause between", () => {
    const p = node([2], { digestSize: 2 })
    for (const source of [5, 6, 7, 8]) p.hears(2, gossip(source, 0)).hears(2, gossip(source, 2))
    p.hears(2, gossip(3, 0))
    p.wins(3)
    assert.deepStrictEqual(p.says("Digest"), [
      { _tag: "Digest", held: [ranges(5, 0, 0, 2, 2), ranges(6, 0, 0, 2, 2)], to: 3 }
    ])
    p.fires("Recover")
    assert.deepStrictEqual(p.says("Digest")[0]?.held, [ranges(7, 0, 0, 2, 2), ranges(8, 0, 0, 2, 2)])
    // What it published itself it is not told.
    p.passes(1_000)
    assert.deepStrictEqual(p.saysTo("Digest"), [])
    // Nothing is kept, nothing told.
    assert.deepStrictEqual(node([2]).wins(3).outputs, [])
  })

  it("R2. a storm of links that come and go costs one message each", () => {
    const p = node([2], { digestSize: 2 })
    for (let source = 10; source < 40; source++) p.hears(2, gossip(source, 0))
    let told = 0
    for (let round = 0; round < 50; round++) {
      told += p.wins(3).says("Digest").length
      p.now += 10
      p.loses(3)
    }
    assert.strictEqual(told, 50)
  })

  it("R3. what a digest names and is missing is fetched from who named it", () => {
    const p = node([2, 3]).hears(2, gossip(9, 5))
    p.hears(3, digest(ranges(9, 4, 6), ranges(8, 0, 1)))
    assert.deepStrictEqual(p.says("Fetch"), [
      { _tag: "Fetch", wanted: [ranges(9, 0, 4, 6, 6), ranges(8, 0, 1)], to: 3 }
    ])
    // Of what is here nothing.
    assert.deepStrictEqual(
      node([2, 3])
        .hears(2, gossip(9, 0))
        .hears(3, digest(ranges(9, 0, 0))).outputs,
      []
    )
  })

  it("R3. one fetch to each neighbour is open, and the next begins when it has ended", () => {
    const p = node([2, 3], { digestSize: 2 })
    p.hears(3, digest(ranges(6, 0, 0), ranges(7, 0, 0), ranges(8, 0, 0), ranges(9, 0, 0)))
    assert.deepStrictEqual(
      p.says("Fetch").map(({ to, wanted }) => [to, wanted.map(({ source }) => source)]),
      [[3, [6, 7]]]
    )
    assert.deepStrictEqual(p.hears(3, digest(ranges(9, 0, 0))).says("Fetch"), [])
    p.hears(3, gossip(6, 0, { replay: "recovery" })).hears(3, gossip(7, 0, { replay: "recovery" }))
    assert.deepStrictEqual(p.says("Fetch"), [])
    p.hears(3, fetched())
    assert.deepStrictEqual(
      p.says("Fetch").map(({ to, wanted }) => [to, wanted.map(({ source }) => source)]),
      [[3, [8, 9]]]
    )
    // An end that nothing was asked for is ignored.
    assert.deepStrictEqual(p.hears(2, fetched(true)).outputs, [])
  })

  it("R3. the answer is bounded in messages and in bytes, and says that there is more", () => {
    const p = node([2, 3], { fetchMessages: 3, fetchBytes: 100 })
    for (let sequence = 0; sequence < 5; sequence++) p.hears(2, gossip(9, sequence))
    p.hears(3, fetch(ranges(9, 0, 9)))
    assert.deepStrictEqual(
      p.says("Gossip").map(({ id, replay }) => [id.sequence, replay]),
      [
        [0, "recovery"],
        [1, "recovery"],
        [2, "recovery"]
      ]
    )
    assert.deepStrictEqual(p.says("Fetched"), [{ _tag: "Fetched", gone: [], more: true, to: 3 }])
    p.hears(3, fetch(ranges(9, 3, 9)))
    assert.deepStrictEqual([p.saysTo("Gossip"), p.says("Fetched")[0]?.more], [[3, 3], false])
    for (const sequence of [0, 1]) p.hears(2, gossip(8, sequence, { payload: new Uint8Array(101) }))
    p.hears(3, fetch(ranges(8, 0, 1)))
    assert.deepStrictEqual([p.saysTo("Gossip"), p.says("Fetched")[0]?.more], [[3], true])
  })

  it("R3. who has more is asked again, after all others; who says so and brings nothing that was asked for is not", () => {
    const p = node([2, 3, 4]).hears(3, digest(ranges(9, 0, 9)))
    const asked = () => p.says("Fetch").map(({ to, wanted }) => [to, ...wanted.map(({ runs }) => runs)])
    brings(p, 3, 0, 1, 2).hears(3, fetched(true))
    assert.deepStrictEqual(asked(), [[2, [3, 9]]])
    p.hears(2, fetched())
    assert.deepStrictEqual(asked(), [[4, [3, 9]]])
    p.hears(4, fetched())
    assert.deepStrictEqual(asked(), [[3, [3, 9]]])
    // Nobody else is left in this round.
    brings(p, 3, 3).hears(3, fetched(true))
    assert.deepStrictEqual(asked(), [[3, [4, 9]]])
    // What is known, and what nobody has asked for, is nothing.
    brings(p, 3, 3)
      .hears(3, gossip(8, 0, { replay: "recovery" }))
      .hears(3, fetched(true))
    assert.deepStrictEqual(asked(), [])
    assert.deepStrictEqual(p.passes(2_000).saysTo("Fetch"), [2])
  })

  it("R3. one that brings nothing new, or answers for more than half of gapMillis, keeps nobody from being asked", () => {
    /** Node 3 is asked first, and sends one message a second, as if it were at it. */
    const askedAfter = (bring: (p: Subject, second: number) => void): ReadonlyArray<readonly [number, number]> => {
      const p = node([2, 3])
        .hears(2, gossip(8, 0))
        .hears(3, digest(ranges(9, 0, 99)))
      assert.deepStrictEqual(p.saysTo("Fetch"), [3])
      for (let second = 0; second < 20; second++) {
        bring(p, second)
        const asked = p.passes(1_000).saysTo("Fetch")
        if (asked.length > 0) return asked.map((to) => [to, second + 1])
      }
      return []
    }
    assert.deepStrictEqual(
      askedAfter((p) => p.hears(3, gossip(8, 0, { replay: "recovery" }))),
      [[2, 2]]
    )
    assert.deepStrictEqual(
      askedAfter((p, second) => p.hears(3, gossip(7, second, { replay: "recovery" }))),
      [[2, 2]]
    )
    assert.deepStrictEqual(
      askedAfter((p, second) => brings(p, 3, second)),
      [[2, 5]]
    )
  })

  it("R3. nor does what another is asked for", () => {
    const p = node([2, 3])
      .hears(2, digest(ranges(7, 0, 9)))
      .hears(3, digest(ranges(9, 0, 9)))
    const fetchAt = () => p.state.links.map((link) => link.fetchAt - p.now)
    p.now += 1_000
    assert.deepStrictEqual(
      [fetchAt(), (p.hears(3, gossip(7, 0, { replay: "recovery" })), fetchAt())],
      [
        [1_000, 1_000],
        [1_000, 1_000]
      ]
    )
    assert.deepStrictEqual((brings(p, 3, 0), fetchAt()), [1_000, 2_000])
  })

  it("R3. but a slow link may take longer: what is under way on it is asked of nobody else", () => {
    /** When another is asked, if each second this many bytes come that were asked for, and the answer never ends. */
    const askedAfter = (bytesPerSecond: number): number => {
      const p = node([2, 3], { windowSize: 1_024, fetchBytes: 64_000 })
        .hears(2, gossip(8, 0))
        .hears(3, digest(ranges(9, 0, 999)))
      assert.deepStrictEqual(p.saysTo("Fetch"), [3])
      const payload = new Uint8Array(bytesPerSecond / 4 - 128)
      for (let quarter = 0; quarter < 500; quarter++) {
        p.hears(3, gossip(9, quarter, { replay: "recovery", payload }))
        if (p.passes(250).saysTo("Fetch").length > 0) return (quarter + 1) / 4
      }
      return Infinity
    }
    // As much as a sixteenth of an answer in each half of gapMillis, but not for ever.
    assert.deepStrictEqual([600, 700, 1_000, 8_000].map(askedAfter), [5, 5, 30, 30])
  })

  it("R3. who answers after all, too late, is asked once more in this round, after all others", () => {
    const p = node([2, 3, 4]).hears(2, gossip(9, 0)).hears(2, gossip(9, 5)).passes(500)
    const { fetchMillis } = p.state.config
    assert.deepStrictEqual([p.saysTo("Fetch"), p.passes(fetchMillis).saysTo("Fetch")], [[2], [3]])
    assert.deepStrictEqual(brings(p, 2, 1).hears(3, fetched()).saysTo("Fetch"), [4])
    assert.deepStrictEqual(p.hears(4, fetched()).says("Fetch"), [{ _tag: "Fetch", to: 2, wanted: [ranges(9, 2, 4)] }])
    assert.deepStrictEqual(p.passes(fetchMillis).saysTo("Fetch"), [])
    // Also if what comes is not the first that is missing.
    const q = node([2, 3]).hears(2, gossip(9, 0)).hears(2, gossip(9, 5)).passes(500)
    q.passes(fetchMillis)
    assert.deepStrictEqual(brings(q, 2, 3).hears(3, fetched()).saysTo("Fetch"), [2])
    // But not for what is newer than what it was asked for.
    const r = node([2, 3]).hears(2, gossip(9, 0)).hears(2, gossip(9, 5)).passes(500)
    r.passes(fetchMillis)
    assert.deepStrictEqual(brings(r, 2, 7).hears(3, fetched()).saysTo("Fetch"), [])
  })

  it("R3. a Fetch names all gaps that are remembered, and what is only hearsay", () => {
    const p = node([2, 3], { gapsSize: 1 }).hears(2, gossip(9, 0)).hears(2, gossip(9, 2))
    p.hears(3, digest(ranges(9, 4, 5)))
    assert.deepStrictEqual(p.says("Fetch"), [{ _tag: "Fetch", to: 3, wanted: [ranges(9, 1, 1, 3, 5)] }])
    assert.deepStrictEqual([mostNamed({ gapsSize: maxRuns - 1 }), mostNamed({ gapsSize: maxRuns })], [maxRuns, maxRuns])
    // And who is asked answers for as many.
    const q = node([2], { gapsSize: 1 })
    for (const sequence of [0, 1, 2, 3]) q.hears(2, gossip(9, sequence))
    q.hears(2, fetch(ranges(9, 0, 0, 2, 3, 5, 5)))
    assert.deepStrictEqual(
      q.says("Gossip").map(({ id }) => id.sequence),
      [0, 2, 3]
    )
  })

  it("R3. what a lost neighbour said is forgotten, also that it has more: it is asked in its turn once it has come back", () => {
    const p = node([2, 3, 4]).hears(3, digest(ranges(9, 0, 9)))
    brings(p, 3, 0).hears(3, fetched(true))
    assert.deepStrictEqual(p.saysTo("Fetch"), [2])
    p.loses(3)
      .wins(3)
      .hears(3, digest(ranges(9, 0, 9)))
      .hears(2, fetched())
    assert.deepStrictEqual(p.saysTo("Fetch"), [3])
    // Also of one that has named nothing.
    const q = node([2, 3]).hears(3, gossip(9, 0)).hears(3, gossip(9, 9)).passes(500)
    brings(q, 2, 1).hears(2, fetched(true)).loses(2).wins(2)
    assert.deepStrictEqual(q.hears(3, fetched()).saysTo("Fetch"), [2])
    assert.deepStrictEqual(q.hears(2, fetched()).saysTo("Fetch"), [])
  })

  it("R3. what goes missing while one is asked is not what it has left, and waits for the next round", () => {
    const p = node([2]).hears(2, gossip(9, 0)).hears(2, gossip(9, 2)).passes(500)
    brings(p.hears(2, gossip(9, 4)), 2, 1)
    assert.deepStrictEqual(p.hears(2, fetched()).saysTo("Fetch"), [])
    assert.deepStrictEqual(p.passes(2_000).says("Fetch")[0]?.wanted, [ranges(9, 3, 3)])
  })

  it("R3. the gap of which something came last is asked for last: one that does not end keeps no other waiting", () => {
    const p = node([2], { digestSize: 2, fetchMessages: 2 })
    for (let source = 6; source < 9; source++) p.hears(2, digest(ranges(source, 0, 99)))
    const asked = (): ReadonlyArray<number> =>
      p.says("Fetch").flatMap(({ wanted }) => wanted.map(({ source }) => source))
    const rounds: Array<ReadonlyArray<number>> = []
    const next = new Map<number, number>()
    for (let round = 0; round < 6; round++) {
      const sources = round === 0 ? [6] : asked()
      rounds.push(sources)
      // What the answer has room for is of the first of them.
      const source = sources[0] ?? 0
      const from = next.get(source) ?? 0
      next.set(source, from + 2)
      p.passes(1)
      for (const sequence of [from, from + 1]) p.hears(2, gossip(source, sequence, { replay: "recovery" }))
      p.hears(2, fetched(true))
    }
    assert.deepStrictEqual(rounds, [[6], [7, 8], [8, 6], [6, 7], [7, 8], [8, 6]])
  })

  it("R3. an origin that a fetch names again is not looked through again, and an empty digest is nothing to look at", () => {
    const p = node([2, 3]).hears(2, gossip(9, 0)).hears(2, gossip(9, 4))
    assert.deepStrictEqual(p.hears(3, fetch(ranges(9, 0, 0), ranges(9, 0, 0), ranges(9, 4, 4))).saysTo("Gossip"), [3])
    const { upkeep } = p.state
    assert.strictEqual(p.hears(3, digest()).state.upkeep, upkeep)
  })

  it("R3. of many gaps a digest has those looked at that it names, and each is listed once", () => {
    const p = node([2, 3], { digestSize: 2, sourcesSize: 8 })
    p.hears(3, digest(ranges(6, 0, 0), ranges(7, 0, 0), ranges(8, 0, 0), ranges(6, 0, 1)))
    const { gaps } = p.state.upkeep
    p.hears(3, digest(ranges(6, 0, 0)))
    assert.strictEqual(p.state.upkeep.gaps, gaps)
    // More than there is room for: some make room for others of the same digest.
    p.hears(3, digest(...Array.from({ length: 30 }, (_, index) => ranges(100 + index, 0, 0))))
    assert.strictEqual(p.state.upkeep.gaps.length, 8)
  })

  it("R4. a fetched message is delivered, pushed and announced, and is no sign of the tree", () => {
    const p = node([2, 3, 4]).hears(2, { _tag: "Prune", tree: undefined }).hears(3, { _tag: "Prune", tree: undefined })
    p.hears(2, digest(ranges(9, 0, 0)))
    brings(p, 2, 0)
    assert.deepStrictEqual(
      p.gives("Delivered").map(({ id, via }) => [id.sequence, via]),
      [[0, "recovery"]]
    )
    assert.deepStrictEqual([p.saysTo("Gossip"), p.saysTo("IHave"), p.says("Gossip")[0]?.replay], [[4], [3], "recovery"])
    assert.deepStrictEqual([p.eager(), p.lazy(), p.says("Prune")], [[4], [2, 3], []])
    brings(p, 4, 0)
    assert.deepStrictEqual([p.gives("Duplicate").length, p.eager(), p.says("Prune")], [1, [4], []])
    assert.deepStrictEqual(p.kept(9), [0])
  })

  it("R4. nor is it one to whom it is passed on: a newcomer that fetches what all have is pruned by nobody", () => {
    const p = node([2, 3, 4]).hears(2, gossip(9, 0))
    const fetchedBefore = { ...gossip(9, 0), replay: "recovery" } as const
    assert.deepStrictEqual([p.hears(3, fetchedBefore).says("Prune"), p.eager()], [[], [2, 3, 4]])
    // What was grafted is the tree's from here on, and so is a push.
    p.hears(4, { ...gossip(9, 1), replay: "graft" })
    assert.deepStrictEqual(
      p.says("Gossip").map(({ replay, to }) => [to, replay]),
      [
        [2, undefined],
        [3, undefined]
      ]
    )
    assert.deepStrictEqual([p.hears(3, gossip(9, 0)).saysTo("Prune"), p.eager()], [[3], [2, 4]])
    // Passed on further it is said no more: a member that said it of everything would have nobody behind it prune.
    p.hears(2, { ...gossip(9, 2), replay: "recovery" })
    assert.deepStrictEqual(
      p.says("Gossip").map(({ replay, to }) => [to, replay]),
      [[4, undefined]]
    )
  })

  it("R4. to those that have named it too it is announced and not pushed: of what a newcomer fetches all have told", () => {
    const p = node([2, 3, 4])
      .hears(2, digest(ranges(9, 0, 2)))
      .hears(3, digest(ranges(9, 0, 1)))
    brings(p, 2, 0)
    assert.deepStrictEqual([p.saysTo("Gossip"), p.saysTo("IHave"), p.lazy()], [[4], [3], []])
    // One that has named others of the same origin grafts it.
    brings(p, 2, 2)
    assert.deepStrictEqual([p.saysTo("Gossip"), p.saysTo("IHave")], [[4], [3]])
    assert.deepStrictEqual(p.hears(3, graft(id(9, 2))).says("Gossip")[0]?.id, id(9, 2))
    // The last one too, which closes the gap. What comes along the tree is pushed to all.
    brings(p, 2, 1)
    assert.deepStrictEqual([p.saysTo("Gossip"), p.saysTo("IHave")], [[4], [3]])
    assert.deepStrictEqual(p.hears(2, gossip(9, 3)).saysTo("Gossip"), [3, 4])
    // Where nobody grafts it is pushed.
    const q = node([2, 3, 4], { strategy: "flood" })
    q.hears(2, digest(ranges(9, 0, 2))).hears(3, digest(ranges(9, 0, 2)))
    assert.deepStrictEqual([brings(q, 2, 0).saysTo("Gossip"), q.saysTo("IHave")], [[3, 4], []])
  })

  it("R4. nor where it waited for a verdict, in which others have named it, or the gap has closed", () => {
    const p = node([2, 3, 4, 5]).step({ _tag: "ValidateTopic", now: 1_000, topic, on: true })
    const accepts = (sequence: number) =>
      p.step({ _tag: "Validated", now: p.now, id: id(9, sequence), verdict: "accept" })
    p.hears(2, digest(ranges(9, 0, 1))).hears(3, digest(ranges(9, 0, 1)))
    brings(p, 2, 0).hears(4, digest(ranges(9, 0, 1)))
    assert.deepStrictEqual([accepts(0).saysTo("Gossip"), p.saysTo("IHave")], [[5], [3, 4]])
    brings(p, 2, 1).hears(2, fetched())
    assert.deepStrictEqual([accepts(1).saysTo("Gossip"), p.saysTo("IHave")], [[5], [3, 4]])
  })

  it("R4. nor does that announcement offer a shorter path to those that have it by a longer one", () => {
    const p = node([2, 3])
      .hears(2, digest(ranges(9, 0, 2)))
      .hears(3, digest(ranges(9, 0, 2)))
    const [told] = p.hears(2, gossip(9, 0, { replay: "recovery" })).says("IHave")
    const other = node([1, 4], { optimizeHops: 3 }, 3).hears(4, gossip(9, 0, { round: 9 }))
    if (told !== undefined) other.hears(1, { _tag: "IHave", announcements: told.announcements })
    assert.deepStrictEqual([told?.to, other.outputs, other.eager()], [3, [], [1, 4]])
    // What came along the tree does.
    assert.deepStrictEqual(other.hears(1, iHave([9, 0, 3])).saysTo("Graft"), [1])
  })

  it("R9. an origin of which only a digest has spoken makes room before one with a gap, and takes no number with it", () => {
    const far = Number.MAX_SAFE_INTEGER - 1
    const p = node([2], { sourcesSize: 4 }).hears(2, gossip(9, 0)).hears(2, gossip(9, 2))
    for (const source of [20, 21, 22, 23, 24, 25, 26, 27]) {
      p.now += 10
      assert.deepStrictEqual(p.hears(2, digest(ranges(source, far, far))).lagged, [])
    }
    assert.deepStrictEqual(p.hears(2, gossip(9, 1)).delivered, ["9/1"])
    for (const source of [20, 27]) assert.deepStrictEqual(p.hears(2, gossip(source, 0)).delivered, [`${source}/0`])
  })

  it("R9. the table of origins is bounded, the gaps of the one that goes are lagged, and what was done of it stays done", () => {
    const p = node([2], { sourcesSize: 20 }).hears(2, gossip(9, 0)).hears(2, gossip(9, 3))
    // Something is owed of each of the twenty, and this one has been silent longest.
    for (let source = 100; source < 119; source++) {
      p.now += 10
      p.hears(2, gossip(source, 0))
      assert.deepStrictEqual(p.hears(2, gossip(source, 2)).lagged, [])
    }
    assert.deepStrictEqual(p.hears(2, gossip(119, 0)).lagged, ["9/1–2"])
    for (let source = 100; source < 119; source++) p.hears(2, gossip(source, 1))
    // With its gap went what was waited for.
    assert.isFalse(p.fires("Recover").state.timers.Recover.at <= p.now)
    for (const sequence of [0, 1, 2, 3]) assert.deepStrictEqual(p.hears(2, gossip(9, sequence)).delivered, [])
    assert.deepStrictEqual(p.hears(2, gossip(9, 5)).delivered, ["9/5"])
    assert.deepStrictEqual(p.passes(500).says("Fetch")[0]?.wanted, [ranges(9, 4, 4)])
  })

  it("R9. of twice sourcesSize origins what was done stays done, however often some of them make room for each other", () => {
    const p = node([2], { sourcesSize: 4 }).hears(2, gossip(9, 0))
    for (let sequence = 0; sequence < 20; sequence++) {
      for (const source of [20, 21, 22, 23, 24]) {
        p.now += 10
        assert.deepStrictEqual(p.hears(2, gossip(source, sequence)).delivered, [`${source}/${sequence}`])
      }
    }
    assert.deepStrictEqual(p.hears(2, gossip(9, 0)).delivered, [])
    // Nor does one that comes again stay among those that are gone.
    p.hears(2, gossip(9, 1))
    assert.deepStrictEqual(p.state.streams.forgottenCount, 2)
    assert.deepStrictEqual(p.hears(2, gossip(9, 1)).delivered, [])
  })

  it("R9. as many origins again are remembered, up to twice as many; then those that went first begin anew", () => {
    const p = node([2], { sourcesSize: 4 })
    const hears = (source: number) => {
      p.now += 10
      return p.hears(2, gossip(source, 0)).delivered
    }
    const sources = Array.from({ length: 12 }, (_, index) => 100 + index)
    for (const source of sources) assert.deepStrictEqual(hears(source), [`${source}/0`])
    assert.deepStrictEqual(sources.flatMap(hears), [])
    assert.deepStrictEqual(hears(112), ["112/0"])
    assert.deepStrictEqual(hears(104), [])
    // Not by the subject, which is not told anything twice.
    const again = { _tag: "Received", now: p.now, from: peer(2), message: gossip(100, 0) } as const
    assert.isTrue(Plumtree.step(p.state, again).outputs.some(({ _tag }) => _tag === "Delivered"))
  })

  it("R9. of a few an origin of which nothing is owed makes room, however long one with a gap has been silent", () => {
    const p = node([2], { sourcesSize: 8 }).hears(2, gossip(9, 0)).hears(2, gossip(9, 3))
    for (let source = 100; source < 140; source++) {
      p.now += 10
      assert.deepStrictEqual(p.hears(2, gossip(source, 0)).lagged, [])
    }
    assert.deepStrictEqual(p.hears(2, gossip(9, 1)).delivered, ["9/1"])
    assert.deepStrictEqual(p.hears(2, gossip(9, 2)).delivered, ["9/2"])
    // Of those without a gap it is still the one that has been silent longest.
    p.now += 10
    const remembered = (source: number) => p.state.streams.near.some((stream) => stream.source === source)
    assert.isFalse(remembered(132))
    assert.isTrue(remembered(133))
    p.hears(2, gossip(200, 0))
    assert.isFalse(remembered(133))
    assert.isTrue(remembered(134))
  })

  it("R9. a digest of what was done of origins that have gone does not bring them back, or turn the table over", () => {
    const p = node([2], { sourcesSize: 8 })
    const sources = Array.from({ length: 16 }, (_, index) => 100 + index)
    for (const source of sources) p.hears(2, gossip(source, 0))
    const { streams } = p.state
    // Half of them have gone, and a late copy of each comes too.
    p.hears(2, digest(...sources.slice(0, 8).map((source) => ranges(source, 0, 0))))
    for (const source of sources.slice(0, 8)) p.hears(2, gossip(source, 0))
    assert.deepStrictEqual(p.state.streams.keys, streams.keys)
    assert.deepStrictEqual(
      sources.flatMap((source) => p.hears(2, gossip(source, 0)).delivered),
      []
    )
    // Of what is new it says as much as ever.
    assert.deepStrictEqual(p.hears(2, digest(ranges(100, 0, 1))).says("Fetch")[0]?.wanted, [ranges(100, 1, 1)])
  })

  it("R9. it is told when an origin makes room of which messages are kept, and not when none are any more", () => {
    const p = node([2], { sourcesSize: 2, retainedMillis: 10_000 })
    for (const source of [11, 12]) p.hears(2, gossip(source, 0))
    assert.isEmpty(p.gives("MadeRoom"))
    p.hears(2, gossip(13, 0))
    assert.deepStrictEqual(p.gives("MadeRoom"), [{ _tag: "MadeRoom", topic, source: 11, epoch: 1, messages: 1 }])
    // Too old, and kept until the next sweep.
    p.passes(10_100)
    assert.deepStrictEqual(p.kept(13), [0])
    p.hears(2, gossip(14, 0))
    assert.isEmpty(p.gives("MadeRoom"))
    p.passes(20_000)
    p.hears(2, gossip(15, 0))
    assert.isEmpty(p.gives("MadeRoom"))
  })

  it("R9. an origin that makes room is not looked for among all gaps: the next takes its place there too", () => {
    const p = node([2], { sourcesSize: 4 })
    for (const source of [11, 12, 13, 14]) p.hears(2, gossip(source, 5))
    const { gaps } = p.state.upkeep
    assert.strictEqual(gaps.length, 4)
    p.hears(2, gossip(15, 5))
    assert.strictEqual(p.state.upkeep.gaps, gaps)
    // One without a gap leaves the place empty, until they are gone through.
    p.hears(2, gossip(16, 0))
    assert.strictEqual(p.state.upkeep.gaps, gaps)
    p.passes(1_000)
    assert.strictEqual(p.state.upkeep.gaps.length, 3)
  })

  it("R9. a node with 10,000 sources knows each, and tells them apart", () => {
    const p = node([2])
    // The fixture looks through everything at each step: here the steps are taken bare.
    let { state } = p
    let delivered = 0
    for (let sequence = 0; sequence < 3; sequence++) {
      for (let source = 100; source < 10_100; source++) {
        // The last of each comes twice.
        const message = gossip(source, Math.min(sequence, 1))
        const step = Plumtree.step(state, { _tag: "Received", now: p.now, from: peer(2), message })
        state = step.state
        if (step.outputs.some(({ _tag }) => _tag === "Delivered")) delivered++
      }
    }
    assert.strictEqual(delivered, 20_000)
    assert.deepStrictEqual(stateFaults(state), [])
    p.state = state
    for (const source of [100, 115, 116, 4_711, 10_099]) assert.deepStrictEqual(p.kept(source), [0, 1])
    // A new neighbour is told of them in 157 messages.
    let told = p
      .wins(3)
      .says("Digest")
      .reduce((sum, { held }) => sum + held.length, 0)
    for (let messages = 1; messages < 157; messages++) told += p.fires("Recover").says("Digest")[0]?.held.length ?? 0
    assert.strictEqual(told, 10_000)
  })

  it("R10. a message published before the first neighbour comes to those who link later", () => {
    const p = node().publishes("early")
    assert.deepStrictEqual(p.delivered, ["1/0"])
    p.wins(2)
    assert.deepStrictEqual(p.says("Digest"), [{ _tag: "Digest", held: [ranges(1, 0, 0)], to: 2 }])
    const q = node([1], {}, 2).hears(1, digest(ranges(1, 0, 0)))
    const [{ wanted } = { wanted: [] }] = q.says("Fetch")
    const [answer] = p.hears(2, fetch(...wanted)).says("Gossip")
    assert.deepStrictEqual(answer?.payload, bytes("early"))
  })

  it("R10. nobody else says what a node has published: a number that it has not given yet is not done for it", () => {
    const p = node([2, 3]).hears(2, gossip(1, 1_000_000))
    assert.deepStrictEqual([p.delivered, p.gives("Duplicate").length, p.saysTo("Gossip")], [[], 1, []])
    assert.deepStrictEqual(p.publishes("mine").delivered, ["1/0"])
  })

  it("R10. nor is one asked for that is announced in its name", () => {
    const p = node([2]).hears(2, iHave([1, 7, 2]))
    assert.deepStrictEqual([p.state.missing, p.isSet("Graft")], [[], false])
  })

  it("R10. nor what it will publish in an epoch to come", () => {
    const p = node([2, 3]).hears(2, gossip(1, 9_000, { id: id(1, 9_000, 8) }))
    assert.deepStrictEqual([p.delivered, p.gives("Duplicate").length, p.saysTo("Gossip")], [[], 1, []])
    assert.deepStrictEqual(p.hears(2, digest({ ...ranges(1, 0, 7), epoch: 9 })).outputs, [])
    p.step({ _tag: "EpochRaised", now: p.now, self: peer(1, 8) })
    assert.deepStrictEqual([p.publishes("mine").delivered, p.publishes("too").delivered], [["1/0"], ["1/1"]])
    p.step({ _tag: "EpochRaised", now: p.now, self: peer(1, 9) })
    assert.deepStrictEqual(p.publishes("again").delivered, ["1/0"])
  })

  it("R11. a restarted publisher is another origin: what it published before still counts", () => {
    const p = node([2]).hears(2, gossip(9, 0)).hears(2, gossip(9, 2))
    p.hears(2, gossip(9, 0, { id: id(9, 0, 2) }))
    assert.deepStrictEqual(p.delivered, ["9/0"])
    assert.deepStrictEqual(p.hears(2, gossip(9, 1)).delivered, ["9/1"])
    // Its own earlier life is news to itself too.
    const q = node([2], {}, 9)
    q.step({ _tag: "EpochRaised", now: q.now, self: peer(9, 2) })
    q.publishes("again").hears(2, gossip(9, 0))
    assert.deepStrictEqual(q.delivered, ["9/0"])
    // What it publishes now nobody knows better.
    assert.deepStrictEqual(q.hears(2, digest({ ...ranges(9, 0, 7), epoch: 2 })).outputs, [])
  })

  it("R13. history is recalled from what is kept here, then from neighbours, and neither delivered nor passed on", () => {
    const p = node([2, 3]).hears(2, gossip(9, 7, { publishedAt: 70 }))
    const recall = (requestId: number, count: number) => p.step({ _tag: "Recall", now: p.now, requestId, topic, count })
    recall(5, 1)
    assert.deepStrictEqual(
      p
        .gives("Recalled")
        .map(({ done, messages, requestId }) => [requestId, messages.map(({ id }) => id.sequence), done]),
      [[5, [7], true]]
    )
    recall(6, 3)
    assert.deepStrictEqual(
      [p.gives("Recalled")[0]?.done, p.says("Recall")],
      [false, [{ _tag: "Recall", requestId: 6, topic, count: 3, to: 2 }]]
    )
    const answer = (from: number, sequence: number) =>
      p.hears(from, { _tag: "Recalled", requestId: 6, id: id(9, sequence), publishedAt: 10, payload: bytes("old") })
    answer(2, 7)
    assert.deepStrictEqual(p.outputs, [])
    // An answer of somebody who was not asked is none.
    assert.deepStrictEqual(answer(3, 6).outputs, [])
    answer(2, 6)
    assert.deepStrictEqual(p.gives("Recalled")[0]?.messages, [{ id: id(9, 6), publishedAt: 10, payload: bytes("old") }])
    assert.deepStrictEqual([p.delivered, p.says("Gossip")], [[], []])
    p.hears(2, { _tag: "RecallEnd", requestId: 6 })
    assert.deepStrictEqual(p.saysTo("Recall"), [3])
    // One that does not answer is not waited for for ever.
    p.passes(p.state.config.recallMillis)
    assert.deepStrictEqual(p.gives("Recalled"), [{ _tag: "Recalled", requestId: 6, topic, messages: [], done: true }])
  })

  it("R13. an answer that goes on beyond what was asked for is heard no further", () => {
    const p = node([2, 3]).step({ _tag: "Recall", now: 1_000, requestId: 6, topic, count: 2 })
    const answer = (sequence: number) =>
      p
        .hears(2, { _tag: "Recalled", requestId: 6, id: id(9, sequence), publishedAt: 10, payload: bytes("old") })
        .gives("Recalled").length
    assert.deepStrictEqual([5, 6, 7, 8].map(answer), [1, 1, 0, 0])
    p.hears(2, { _tag: "RecallEnd", requestId: 6 })
    assert.deepStrictEqual([p.gives("Recalled")[0]?.done, p.saysTo("Recall")], [true, []])
  })

  it("R13. one neighbour is asked for one topic at a time: who has nobody else to ask waits until it has answered", () => {
    const p = node([2, 3])
    const recall = (requestId: number) =>
      p.step({ _tag: "Recall", now: p.now, requestId, topic: `t${requestId}`, count: 3 })
    const asked = () => p.says("Recall").map(({ requestId, to }) => [requestId, to])
    for (const requestId of [1, 2, 3]) recall(requestId)
    assert.deepStrictEqual([asked(), p.gives("Recalled")[0]?.done], [[], false])
    // The first that is free, whoever waits longest; 1 goes on to 3 when that is free in its turn.
    p.hears(2, { _tag: "RecallEnd", requestId: 1 })
    assert.deepStrictEqual([asked(), p.gives("Recalled")], [[[3, 2]], []])
    p.hears(3, { _tag: "RecallEnd", requestId: 2 })
    assert.deepStrictEqual(asked(), [[1, 3]])
    p.step({ _tag: "NeighborDown", now: p.now, peer: peer(2) })
    assert.deepStrictEqual(asked(), [])
    assert.deepStrictEqual(
      p.gives("Recalled").map(({ done, requestId }) => [requestId, done]),
      [[2, true]]
    )
    p.passes(p.state.config.recallMillis)
    assert.deepStrictEqual(asked(), [[3, 3]])
    p.hears(3, { _tag: "RecallEnd", requestId: 3 })
    assert.deepStrictEqual(stateFaults(p.state), [])
    assert.deepStrictEqual([p.state.upkeep.recalls, p.isSet("Recover")], [[], false])
  })

  it("R13. and is answered: the last of the topic, whoever published them, within bounds", () => {
    const p = node([2, 3], { recallMessages: 3, recallBytes: 10 })
    for (const [index, source] of [9, 8, 9, 8].entries()) {
      p.hears(2, gossip(source, index >> 1, { publishedAt: index, payload: new Uint8Array(3) }))
    }
    p.hears(2, gossip(9, 9, { id: { ...id(9, 9), topic: "other" } }))
    p.hears(3, { _tag: "Recall", requestId: 1, topic, count: 100 })
    assert.deepStrictEqual(
      p.says("Recalled").map(({ id }) => [id.source, id.sequence]),
      [
        [8, 0],
        [9, 1],
        [8, 1]
      ]
    )
    assert.deepStrictEqual(p.outputs.at(-1), {
      _tag: "Send",
      to: peer(3),
      message: { _tag: "RecallEnd", requestId: 1 }
    })
    p.hears(2, gossip(9, 2, { publishedAt: 9, payload: new Uint8Array(20) }))
    assert.strictEqual(p.hears(3, { _tag: "Recall", requestId: 1, topic, count: 100 }).says("Recalled").length, 1)
  })

  it("R13. and is answered: of many sources the last, though they are not gone through in the order of time", () => {
    const p = node([2, 3], { recallMessages: 3 })
    const published = [90, 10, 80, 20, 70, 30, 60, 40, 50, 0, 5, 15]
    published.forEach((publishedAt, index) => {
      for (const sequence of [0, 1]) p.hears(2, gossip(10 + index, sequence, { publishedAt: publishedAt + sequence }))
    })
    p.hears(3, { _tag: "Recall", requestId: 1, topic, count: 3 })
    assert.deepStrictEqual(
      p.says("Recalled").map(({ publishedAt }) => publishedAt),
      [81, 90, 91]
    )
  })

  it("R13. a neighbour is answered so often in recallMillis as a node may have under way; then it is told of nothing", () => {
    const p = node([2, 3], { recallsSize: 3 }).hears(2, gossip(9, 0))
    const ask = (from: number) => p.hears(from, { _tag: "Recall", requestId: 1, topic, count: 1 })
    const told = (from: number) => [ask(from).says("Recalled").length, p.saysTo("RecallEnd")]
    for (let i = 0; i < 3; i++) assert.deepStrictEqual(told(3), [1, [3]])
    assert.deepStrictEqual(
      [told(3), told(2)],
      [
        [0, [3]],
        [1, [2]]
      ]
    )
    p.now += p.state.config.recallMillis
    assert.deepStrictEqual(told(3), [1, [3]])
  })

  it("R14. while it waits it is not over here: who fetches it is told nothing, and gets it after the verdict", () => {
    const p = node([2, 3]).step({ _tag: "ValidateTopic", now: 1_000, topic, on: true })
    for (const sequence of [0, 1, 2]) p.hears(2, gossip(9, sequence))
    for (const sequence of [0, 2]) {
      p.step({ _tag: "Validated", now: p.now, id: id(9, sequence), verdict: "accept" })
    }
    const answer = () => p.hears(3, fetch(ranges(9, 1, 1))).says("Fetched")[0]
    assert.deepStrictEqual(answer()?.gone, [])
    p.step({ _tag: "Validated", now: p.now, id: id(9, 1), verdict: "accept" })
    assert.deepStrictEqual(p.hears(3, fetch(ranges(9, 1, 1))).saysTo("Gossip"), [3])
    p.hears(2, gossip(9, 3))
    p.step({ _tag: "Validated", now: p.now, id: id(9, 3), verdict: "reject" })
    p.hears(2, gossip(9, 4)).step({ _tag: "Validated", now: p.now, id: id(9, 4), verdict: "accept" })
    const [rejected] = p.hears(3, fetch(ranges(9, 3, 3))).says("Fetched")
    assert.deepStrictEqual(rejected?.gone, [{ ...origin, below: 4 }])
  })

  it("R14. messages of validated topics are asked for of one neighbour at a time, and once its answer is judged", () => {
    const p = node([2, 3, 4], { verdictsSize: 32 }).step({ _tag: "ValidateTopic", now: 1_000, topic, on: true })
    const asks = () => p.says("Fetch").map(({ to, wanted }) => [to, ...wanted.map(({ runs }) => runs)])
    const judges = (sequence: number) =>
      p.step({ _tag: "Validated", now: p.now, id: id(9, sequence), verdict: "accept" })
    p.hears(2, digest(ranges(9, 0, 40)))
    assert.deepStrictEqual(asks(), [[2, [0, 40]]])
    // Whatever others have. Of other topics they are asked as ever.
    assert.deepStrictEqual((p.hears(3, digest(ranges(8, 0, 40))), asks()), [])
    const other = { source: 9, epoch: 1, topic: "other", runs: [0, 40] }
    assert.deepStrictEqual((p.hears(4, digest(other)), asks()), [[4, [0, 40]]])
    brings(p, 2, 0, 1, 2, 3)
    assert.deepStrictEqual((p.hears(2, fetched(true)), asks()), [])
    assert.deepStrictEqual((judges(0), asks()), [])
    assert.deepStrictEqual((judges(1), asks()), [[3, [0, 40], [4, 40]]])
    // One whose answer brings nothing waits for no verdict.
    p.hears(3, fetched(false, { ...origin, source: 8, below: 41 }))
    assert.deepStrictEqual(asks(), [[2, [0, 40]]])
  })

  it("R14. what is pushed and waits keeps no gap of a validated topic from being asked for, while it leaves room", () => {
    const p = node([2, 3], { verdictsSize: 32 }).step({ _tag: "ValidateTopic", now: 1_000, topic, on: true })
    const asks = () => p.says("Fetch").map(({ to, wanted }) => [to, ...wanted.map(({ runs }) => runs)])
    // Verdicts take their time, and so many wait at any time.
    for (let sequence = 0; sequence < 17; sequence++) p.hears(2, gossip(8, sequence))
    p.hears(3, digest(ranges(9, 0, 5)))
    assert.deepStrictEqual(asks(), [])
    p.step({ _tag: "Validated", now: p.now, id: id(8, 0), verdict: "accept" })
    assert.deepStrictEqual(asks(), [[3, [0, 5]]])
  })

  it("R14. a neighbour that answers slowly, or has always more, does not keep others from being asked", () => {
    const asked: Array<number> = []
    const started = () => {
      const p = node([2, 3], { gapMillis: 30_000 }).step({ _tag: "ValidateTopic", now: 1_000, topic, on: true })
      p.hears(2, digest(ranges(9, 0, 50), ranges(7, 0, 50)))
      assert.deepStrictEqual(p.hears(3, digest(ranges(8, 0, 5))).saysTo("Fetch"), [])
      return p
    }
    const accepts = (p: Subject, sequence: number) => {
      brings(p, 2, sequence).step({ _tag: "Validated", now: p.now, id: id(9, sequence), verdict: "accept" })
      asked.push(...p.saysTo("Fetch"))
    }
    const p = started()
    for (let sequence = 0; sequence < 10; sequence++) {
      accepts(p, sequence)
      assert.deepStrictEqual(asked, [])
      asked.push(...p.passes(1_000).saysTo("Fetch"))
    }
    assert.deepStrictEqual(asked, [3])
    const q = started()
    accepts(q, 0)
    assert.deepStrictEqual(q.hears(2, fetched(true)).saysTo("Fetch"), [3])
    const over = { ...origin, source: 8, below: 6 }
    assert.deepStrictEqual(q.hears(3, fetched(false, over)).saysTo("Fetch"), [2])
  })

  it("R14. nor are more asked for while those that were fetched are many bytes", () => {
    const p = node([2], { retainedBytes: 16_000 }).step({ _tag: "ValidateTopic", now: 1_000, topic, on: true })
    p.hears(2, digest(ranges(9, 0, 40)))
    const payload = new Uint8Array(600)
    for (const sequence of [0, 1]) p.hears(2, gossip(9, sequence, { replay: "recovery", payload }))
    assert.deepStrictEqual(p.hears(2, fetched(true)).saysTo("Fetch"), [])
    p.step({ _tag: "Validated", now: p.now, id: id(9, 0), verdict: "accept" })
    assert.deepStrictEqual(p.saysTo("Fetch"), [2])
    for (const sequence of [2]) p.hears(2, gossip(9, sequence, { replay: "recovery", payload }))
    assert.deepStrictEqual(p.hears(2, fetched(true)).saysTo("Fetch"), [])
  })

  it("R14. what waits of one origin says nothing of what is over of another", () => {
    const p = node([2, 3]).step({ _tag: "ValidateTopic", now: 1_000, topic, on: true })
    for (const sequence of [0, 1, 2]) {
      p.hears(2, gossip(9, sequence))
      p.step({ _tag: "Validated", now: p.now, id: id(9, sequence), verdict: "reject" })
    }
    p.hears(2, gossip(8, 1)).hears(3, fetch(ranges(9, 0, 2)))
    assert.deepStrictEqual(p.says("Fetched")[0]?.gone, [{ ...origin, below: 3 }])
  })

  it("R14. a message of a validated topic waits for its verdict before anything is done with it", () => {
    const p = node([2, 3]).step({ _tag: "ValidateTopic", now: 1_000, topic, on: true })
    const verdict = (sequence: number, verdict: "accept" | "reject" | "ignore") =>
      p.step({ _tag: "Validated", now: p.now, id: id(9, sequence), verdict })
    p.hears(2, gossip(9, 0))
    assert.deepStrictEqual(
      p.outputs.filter(({ _tag }) => _tag !== "SetTimer").map(({ _tag }) => _tag),
      ["Validate"]
    )
    assert.deepStrictEqual(p.kept(9), [])
    // Another copy is a duplicate.
    assert.deepStrictEqual(p.hears(3, gossip(9, 0)).gives("Duplicate").length, 1)
    p.wins(3)
    verdict(0, "accept")
    assert.deepStrictEqual([p.delivered, p.saysTo("Gossip"), p.kept(9)], [["9/0"], [3], [0]])
    p.hears(2, gossip(9, 1))
    verdict(1, "reject")
    assert.deepStrictEqual(p.gives("Rejected"), [{ _tag: "Rejected", id: id(9, 1), from: peer(2), verdict: "reject" }])
    assert.deepStrictEqual([verdict(1, "accept").outputs, p.kept(9)], [[], [0]])
    // Without a verdict in time it is ignored, and so is one more than may wait: what is judged already is not given up for it.
    p.hears(2, gossip(9, 2)).passes(p.state.config.verdictMillis)
    assert.deepStrictEqual(p.gives("Rejected")[0]?.verdict, "ignore")
    // Our own are not ours to judge; and what is on can be switched off.
    assert.deepStrictEqual(p.publishes("mine").delivered, ["1/0"])
    p.step({ _tag: "ValidateTopic", now: p.now, topic, on: false })
    assert.deepStrictEqual(p.hears(2, gossip(9, 3)).delivered, ["9/3"])
    const q = node([2], { verdictsSize: 2 }).step({ _tag: "ValidateTopic", now: 1_000, topic, on: true })
    q.hears(2, gossip(9, 0)).hears(2, gossip(9, 1)).hears(2, gossip(9, 2))
    assert.deepStrictEqual(
      q.gives("Rejected").map(({ id, verdict }) => [id.sequence, verdict]),
      [[2, "ignore"]]
    )
    assert.deepStrictEqual(q.gives("Validate"), [])
  })

  it("R14. what waits already is not asked about again, though its origin has made room and begun anew meanwhile", () => {
    const p = node([2, 3], { sourcesSize: 1 }).step({ _tag: "ValidateTopic", now: 1_000, topic, on: true })
    for (const source of [9, 8, 7, 6]) {
      assert.strictEqual(p.hears(2, gossip(source, 0)).gives("Validate").length, 1, `${source}`)
    }
    assert.deepStrictEqual(p.hears(3, gossip(9, 0)).gives("Validate"), [])
    const accepts = () => p.step({ _tag: "Validated", now: p.now, id: id(9, 0), verdict: "accept" })
    assert.deepStrictEqual([accepts().delivered, p.kept(9)], [["9/0"], [0]])
    assert.deepStrictEqual([accepts().delivered, p.kept(9)], [[], [0]])
  })

  it("R14. what waits for a verdict is bounded in bytes too: one more is ignored", () => {
    const p = node([2], { retainedBytes: 10_000 }).step({ _tag: "ValidateTopic", now: 1_000, topic, on: true })
    const large = (sequence: number, size: number) =>
      p
        .hears(2, gossip(9, sequence, { payload: new Uint8Array(size) }))
        .gives("Rejected")
        .map(({ id, verdict }) => [id.sequence, verdict])
    for (let sequence = 0; sequence < 10; sequence++) assert.deepStrictEqual(large(sequence, 872), [])
    assert.deepStrictEqual(large(10, 1), [[10, "ignore"]])
    assert.strictEqual(p.state.upkeep.waiting.length, 10)
    // One that is larger than all may be waits alone.
    const q = node([2], { retainedBytes: 10_000 }).step({ _tag: "ValidateTopic", now: 1_000, topic, on: true })
    q.hears(2, gossip(9, 0, { payload: new Uint8Array(20_000) }))
    assert.deepStrictEqual([q.gives("Rejected"), q.state.upkeep.waiting.length], [[], 1])
    // Where nothing is kept the default holds.
    const r = node([2], { retainedBytes: 0, recovery: false })
    r.step({ _tag: "ValidateTopic", now: 1_000, topic, on: true })
    assert.deepStrictEqual(r.hears(2, gossip(9, 0)).hears(2, gossip(9, 1)).gives("Rejected"), [])
  })

  it("R11. who has begun anew while a verdict was awaited is sent what it had sent itself", () => {
    const p = node([2, 3])
      .step({ _tag: "ValidateTopic", now: 1_000, topic, on: true })
      .hears(2, gossip(9, 0))
      .hears(2, gossip(2, 0))
    p.loses(2).wins(2, 2)
    assert.deepStrictEqual(p.says("Digest"), [])
    for (const source of [9, 2]) {
      p.step({ _tag: "Validated", now: p.now, id: id(source, 0), verdict: "accept" })
      assert.deepStrictEqual(p.saysTo("Gossip"), [3, 2])
    }
  })

  it("R15. a node that leaves waits for nothing", () => {
    const p = node([2, 3], { announceMillis: 100 }).hears(3, { _tag: "Prune", tree: undefined })
    p.step({ _tag: "ValidateTopic", now: p.now, topic: "judged", on: true })
    p.hears(2, gossip(9, 0))
      .hears(2, gossip(9, 3))
      .hears(2, { _tag: "IHave", announcements: [{ id: id(9, 7), round: 1 }] })
    p.hears(2, gossip(9, 0, { id: { ...id(9, 0), topic: "judged" } }))
    p.step({ _tag: "Recall", now: p.now, requestId: 1, topic: "nothing", count: 3 })
    for (const kind of ["Announce", "Graft", "Recover"] as const) assert.isTrue(p.isSet(kind), kind)
    p.step({ _tag: "Left", now: p.now })
    for (const kind of ["Announce", "Graft"] as const) assert.isFalse(p.isSet(kind), kind)
    // But that what is kept grows too old (R1).
    assert.strictEqual(p.state.timers.Recover.at, p.state.upkeep.sweepAt)
    assert.deepStrictEqual(p.lagged, ["9/1–2"])
    assert.strictEqual(p.gives("Recalled")[0]?.done, true)
    assert.deepStrictEqual(p.gives("Rejected")[0]?.verdict, "ignore")
    assert.deepStrictEqual(p.state.neighbors, [])
    assert.deepStrictEqual(p.says("Fetch"), [])
    assert.deepStrictEqual(p.says("Recall"), [])
  })

  it("R1. what is kept by a node that has left is kept no longer for that, and nobody is told of it when it joins again", () => {
    const p = node([2], { retainedMillis: 10_000 }).hears(2, gossip(9, 0))
    p.step({ _tag: "Left", now: p.now }).passes(5_000)
    // Should it join again soon it has something to give.
    assert.deepStrictEqual(p.wins(2).says("Digest")[0]?.held, [ranges(9, 0, 0)])
    p.step({ _tag: "Left", now: p.now }).passes(10_000)
    assert.deepStrictEqual([p.kept(9), p.isSet("Recover")], [[], false])
    assert.deepStrictEqual(p.wins(2).saysTo("Digest"), [])
    // A node that keeps nothing has no timer at all.
    assert.isFalse(node([2]).step({ _tag: "Left", now: 1_000 }).isSet("Recover"))
  })
})
