/** X-BOT: each rule of `docs/protocol.md` by its label, at one node; what many nodes come to is in `properties/Exchanges.test.ts`. */
import { assert, describe, it } from "@effect/vitest"
import type * as HyParView from "@hyparview/core/HyParView"
import type { LinkId } from "@hyparview/core/Peer"
import {
  disconnect,
  forwardJoin,
  idleNode,
  join,
  linkOf,
  linkTo,
  neighbor,
  node,
  notNeighbor,
  overSeeds,
  peer
} from "./node.ts"
import { reply, sample, sorted, type Subject } from "./node.ts"

type Message = HyParView.Message<number, number>
type Given = NonNullable<Parameters<typeof node>[1]>

/** A = 3: every link may be given away, unless a test says otherwise. */
const optimizing = { optimizeCandidates: 6, unbiasedLinks: 0, protectedLinks: 0, optimizeHysteresis: 0 } as const

const weighing = (given: Given = {}): Subject =>
  node(1, { active: [2, 3, 4], passive: [9], ...given, config: { ...optimizing, ...given.config } })

const optimization = (requestId: number, old: number, before: number, after: number): Message => ({
  _tag: "Optimization",
  requestId,
  old: peer(old),
  before,
  after
})

const optimizationReply = (requestId: number, accepted: boolean): Message => ({
  _tag: "OptimizationReply",
  requestId,
  accepted
})

const replace = (
  link: LinkId<number>,
  requestId: number,
  initiator: number,
  old: number,
  before: number,
  after: number
): Message => ({ _tag: "Replace", link, requestId, initiator: peer(initiator), old: peer(old), before, after })

const replaceReply = (link: LinkId<number>, requestId: number, accepted: boolean): Message => ({
  _tag: "ReplaceReply",
  link,
  requestId,
  accepted
})

const disconnectWait = (link: LinkId<number>, requestId: number, waits = true): Message => ({
  _tag: "DisconnectWait",
  link,
  requestId,
  waits
})

const switchTo = (requestId: number, initiator: number, round: number): Message => ({
  _tag: "Switch",
  requestId,
  initiator: peer(initiator),
  round
})

const switchReply = (requestId: number, accepted: boolean): Message => ({ _tag: "SwitchReply", requestId, accepted })

/** Node 1 as initiator: it has asked 9 for a link in the place of the one with 4. */
const initiating = (given: Given = {}): Subject => weighing(given).fires("Cycle").weighs({ 2: 5, 3: 5, 4: 50, 9: 20 })

/** Its request. */
const requestOf = (p: Subject): number => {
  const { swap } = p.state
  return swap !== undefined && "requestId" in swap ? swap.requestId : 0
}

/** Node 1 as candidate: 9 has asked it by request 7 for the sake of a link with 8, and it has asked 4 to let go. */
const asCandidate = (given: Given = {}): Subject =>
  weighing({ passive: [], ...given })
    .hears(9, optimization(7, 8, 50, 20))
    .weighs({ 4: 40 })

/** Node 1 as the disconnected one: 4, its neighbour, asks it to take 8 for itself, for request 7 of 9; and 8 is asked. */
const asDisconnected = (given: Given = {}): Subject =>
  weighing({ passive: [], ...given })
    .hears(4, replace(linkTo(4), 7, 9, 8, 90, 20))
    .weighs({ 8: 30 })

/** Node 1 as the old neighbour of 4, whose request 7 may give its place to somebody. */
const asOld = (given: Given = {}): Subject => weighing({ passive: [], ...given }).hears(4, disconnectWait(linkTo(4), 7))

/** Node 1, none of whose links a bridge has made, in a cycle. */
const drawing = (config: Given["config"] = {}): Subject => {
  const p = weighing({ config: { unbiasedLinks: 1, ...config } })
  p.state = { ...p.state, active: p.state.active.map((neighbor) => ({ ...neighbor, unbiased: false })) }
  return p.fires("Cycle")
}

/** Whom it has asked by a bridge. */
const bridgesOf = (p: Subject): ReadonlyArray<number> =>
  p.sent.flatMap(([to, message]) => (message._tag === "Neighbor" && message.reason === "bridge" ? [to] : []))

const refusals = (p: Subject): ReadonlyArray<string> =>
  p.sent.flatMap(([to, message]) => ("accepted" in message && !message.accepted ? [`${message._tag} to ${to}`] : []))

describe("X-BOT", () => {
  it("X1. is off unless optimizeCandidates is above 0: nothing is weighed, and whoever asks is refused", () => {
    const off = { config: { optimizeCandidates: 0 } }
    assert.deepStrictEqual(weighing(off).fires("Cycle").gives("Measure"), [])
    const p = weighing({ ...off, passive: [] })
    assert.deepStrictEqual(refusals(p.hears(9, optimization(7, 8, 50, 20))), ["OptimizationReply to 9"])
    assert.deepStrictEqual(refusals(p.hears(4, replace(linkTo(4), 7, 9, 8, 90, 20))), ["ReplaceReply to 4"])
    p.hears(4, disconnectWait(linkTo(4), 7))
    assert.deepStrictEqual(refusals(p.hears(8, switchTo(6, 4, 7))), ["SwitchReply to 8"])
    assert.deepStrictEqual(p.active, [2, 3, 4])
  })

  it("X1. a node begins one round in a cycle", () => {
    const p = weighing().fires("Cycle")
    assert.strictEqual(p.gives("Measure").length, 1)
    p.weighs({ 2: 50, 3: 50, 4: 50, 9: 1 })
    assert.strictEqual(p.says("Optimization").length, 1)
    assert.strictEqual(p.says("DisconnectWait").length, 1)
  })

  it("X1. a node takes part in one round at a time", () => {
    const busy = [weighing().fires("Cycle"), initiating(), asCandidate(), asDisconnected(), asOld()]
    for (const p of busy) {
      const { swap } = p.state
      assert.deepStrictEqual(refusals(p.hears(12, optimization(3, 11, 50, 20))), ["OptimizationReply to 12"])
      assert.deepStrictEqual(refusals(p.hears(2, replace(linkTo(2), 3, 12, 11, 90, 20))), ["ReplaceReply to 2"])
      p.hears(3, disconnectWait(linkTo(3), 3))
      assert.deepStrictEqual(refusals(p.hears(11, switchTo(6, 3, 3))), ["SwitchReply to 11"])
      assert.strictEqual(p.state.swap, swap)
      assert.deepStrictEqual(p.fires("Cycle").gives("Measure"), [])
    }
  })

  it("X2. no round without a full view at the initiator and at the candidate", () => {
    assert.deepStrictEqual(
      weighing({ active: [2, 3] })
        .fires("Cycle")
        .gives("Measure"),
      []
    )
    const p = weighing({ active: [2, 3], passive: [] })
    assert.deepStrictEqual(refusals(p.hears(9, optimization(7, 8, 50, 20))), ["OptimizationReply to 9"])
    // Nor where the view is full no more when the costs are known.
    const late = weighing().fires("Cycle")
    const measure = late.gives("Measure")[0]
    late.loses(2)
    const costs = measure?.peers.map(({ id }) => (id === 9 ? 1 : 50)) ?? []
    late.step({ _tag: "CostsMeasured", now: late.now, nonce: measure?.nonce ?? 0, costs })
    assert.deepStrictEqual(late.says("Optimization"), [])
  })

  it("X3. the initiator weighs its links and some passive entries", () => {
    const p = weighing({ passive: [9, 10, 11], config: { optimizeCandidates: 2 } }).fires("Cycle")
    const weighed = p.gives("Measure")[0]?.peers.map(({ id }) => id) ?? []
    assert.strictEqual(weighed.filter((id) => id >= 9).length, 2)
    assert.deepStrictEqual(sorted(weighed.filter((id) => id < 9)), [2, 3, 4])
  })

  it("X3. it asks the cheapest for a link in the place of one that costs more", () => {
    const p = weighing({ passive: [9, 10, 11] })
      .fires("Cycle")
      .weighs({ 2: 5, 3: 6, 4: 50, 9: 30, 10: 20, 11: 25 })
    assert.deepStrictEqual(
      p.says("Optimization").map(({ after, before, old, to }) => [to, old.id, before, after]),
      [[10, 4, 50, 20]]
    )
    assert.deepStrictEqual(p.active, [2, 3, 4])
  })

  it("X3. of two drawn at random it gives away the costlier, so that the worst goes soon and none stands in its way", () => {
    const olds = overSeeds(300, (seed) => {
      const p = weighing({ seed }).fires("Cycle").weighs({ 2: 30, 3: 40, 4: 50, 9: 20 })
      return p.says("Optimization")[0]?.old.id
    })
    const count = (id: number) => olds.filter((old) => old === id).length
    // One in nine, three in nine, five in nine.
    assert.isTrue(count(2) > 15 && count(2) < 55, `${count(2)}`)
    assert.isTrue(count(3) > 70 && count(3) < 130, `${count(3)}`)
    assert.isTrue(count(4) > 135 && count(4) < 200, `${count(4)}`)
  })

  it("X3. nobody is asked where nobody is cheaper, or the costs are not known", () => {
    for (const costs of [
      { 2: 5, 3: 5, 4: 5, 9: 5 },
      { 2: 5, 3: 5, 4: 5 },
      { 9: 5 },
      { 2: -1, 3: Number.NaN, 4: Infinity, 9: 5 },
      {}
    ]) {
      const p = weighing().fires("Cycle").weighs(costs)
      assert.deepStrictEqual([p.sent, p.state.swap], [[], undefined], JSON.stringify(costs))
    }
  })

  it("X3. X6. what is gained must be a share of what it costs, so that noise exchanges nothing", () => {
    const config = { optimizeHysteresis: 0.1 }
    const asks = (after: number) =>
      weighing({ config }).fires("Cycle").weighs({ 2: 100, 3: 100, 4: 100, 9: after }).says("Optimization").length
    assert.deepStrictEqual([asks(91), asks(90), asks(89)], [0, 1, 1])
    const accepts = (cost: number) =>
      weighing({ passive: [], config })
        .hears(4, replace(linkTo(4), 7, 9, 8, 100, 20))
        .weighs({ 8: cost })
        .says("Switch").length
    assert.deepStrictEqual([accepts(71), accepts(70)], [0, 1])
  })

  it("X4. the initiator tells its old neighbour which request may take its place", () => {
    const p = initiating()
    assert.deepStrictEqual(p.saysTo(4), [disconnectWait(linkTo(4), requestOf(p))])
  })

  it("X4. a Switch for a round that nobody has announced, or another one, is refused", () => {
    const refusing = [
      weighing({ passive: [] }).hears(8, switchTo(6, 4, 7)),
      asOld().hears(8, switchTo(6, 4, 6)),
      asOld().hears(8, switchTo(6, 3, 7)),
      asOld()
        .hears(4, disconnectWait(linkTo(4), 7, false))
        .hears(8, switchTo(6, 4, 7)),
      asOld()
        .hears(4, disconnect(linkTo(4), "evicted"))
        .hears(8, switchTo(6, 4, 7))
    ]
    for (const p of refusing) {
      assert.deepStrictEqual(refusals(p), ["SwitchReply to 8"])
      assert.notInclude(p.active, 8)
    }
  })

  it("X4. one that was announced is accepted, once", () => {
    const p = asOld().hears(8, switchTo(6, 4, 7))
    assert.deepStrictEqual(p.saysTo(8), [switchReply(6, true)])
    assert.deepStrictEqual(p.active, [2, 3, 8])
    assert.deepStrictEqual(refusals(p.hears(11, switchTo(6, 4, 7))), ["SwitchReply to 11"])
  })

  it("X5. the candidate chooses whom to give away among neighbours that are not the old one", () => {
    const p = weighing({ passive: [] }).hears(9, optimization(7, 4, 50, 20))
    assert.deepStrictEqual(sorted(p.gives("Measure")[0]?.peers.map(({ id }) => id) ?? []), [2, 3])
    p.weighs({ 3: 40 })
    assert.deepStrictEqual(p.saysTo(3), [replace(linkTo(3), 7, 9, 4, 90, 20)])
  })

  it("X5. nobody can make it give away one of the F links that it chose itself", () => {
    const config = { protectedLinks: 2 }
    const p = weighing({ active: [4], chosen: [2, 3], passive: [], config }).hears(9, optimization(7, 8, 50, 20))
    assert.deepStrictEqual(
      p.gives("Measure")[0]?.peers.map(({ id }) => id),
      [4]
    )
    // Nor its link to the initiator, which is the old neighbour's to give.
    const chosenByOld = weighing({ active: [3, 4], chosen: [2], passive: [], config }).hears(
      2,
      disconnectWait(linkOf(1, 502), 7)
    )
    assert.strictEqual(chosenByOld.state.swap, undefined)
    assert.deepStrictEqual(refusals(chosenByOld.hears(8, switchTo(6, 2, 7))), ["SwitchReply to 8"])
    // Nor when it has become one of them since it was promised.
    const since = weighing({ active: [4], chosen: [2, 3], passive: [], config: { protectedLinks: 1 } })
      .hears(3, disconnectWait(linkOf(1, 503), 7))
      .loses(2)
    assert.strictEqual(since.state.swap?._tag, "Old")
    assert.deepStrictEqual(refusals(since.hears(8, switchTo(6, 3, 7))), ["SwitchReply to 8"])
  })

  it("X5. it costs a token to ask", () => {
    const p = weighing({ passive: [], config: { admissionPerPeer: { burst: 1, perMinute: 1 } } })
    assert.strictEqual(p.hears(9, optimization(7, 8, 50, 20)).gives("Measure").length, 1)
    p.weighs({})
    assert.deepStrictEqual(refusals(p), ["OptimizationReply to 9"])
    assert.deepStrictEqual(refusals(p.hears(9, optimization(8, 8, 50, 20))), ["OptimizationReply to 9"])
    assert.deepStrictEqual(p.gives("Measure"), [])
  })

  it("X5. a neighbour, and one that is being asked for a link, is refused", () => {
    const p = weighing({ passive: [] })
    assert.deepStrictEqual(refusals(p.hears(2, optimization(7, 8, 50, 20))), ["OptimizationReply to 2"])
    assert.deepStrictEqual(refusals(p.hears(9, optimization(7, 1, 50, 20))), ["OptimizationReply to 9"])
  })

  it("X6. the disconnected node weighs the old one, and the two new links must cost less than the two old ones", () => {
    const told = (cost: number) =>
      weighing({ passive: [] })
        .hears(4, replace(linkTo(4), 7, 9, 8, 90, 20))
        .weighs({ 8: cost })
    assert.deepStrictEqual(told(69).saysTo(8), [switchTo(requestOf(told(69)), 9, 7)])
    assert.deepStrictEqual(told(70).saysTo(4), [replaceReply(linkTo(4), 7, false)])
    assert.deepStrictEqual(told(70).saysTo(8), [])
  })

  it("X6. it refuses if it holds the old one already, or cannot weigh it", () => {
    const holds = weighing({ passive: [] }).hears(4, replace(linkTo(4), 7, 9, 3, 90, 20))
    assert.deepStrictEqual(refusals(holds), ["ReplaceReply to 4"])
    const unknown = weighing({ passive: [] })
      .hears(4, replace(linkTo(4), 7, 9, 8, 90, 20))
      .weighs({})
    assert.deepStrictEqual(refusals(unknown), ["ReplaceReply to 4"])
  })

  it("X6. a Replace counts on the link that it names, as all that is said between neighbours", () => {
    const p = weighing({ passive: [] }).hears(4, replace(linkOf(4, 1), 7, 9, 8, 90, 20))
    assert.deepStrictEqual(p.saysTo(4), [notNeighbor(linkOf(4, 1))])
  })

  it("X7. each of the four exchanges both links in one transition, and its view keeps its size", () => {
    const old = asOld().hears(8, switchTo(6, 4, 7))
    assert.deepStrictEqual(
      [old.active, old.news, old.state.active.at(-1)?.link],
      [[2, 3, 8], ["-4 optimized", "+8"], linkOf(8, 6)]
    )
    const disconnected = asDisconnected()
    const own = requestOf(disconnected)
    disconnected.hears(8, switchReply(own, true))
    assert.deepStrictEqual(
      [disconnected.active, disconnected.news, disconnected.state.active.at(-1)?.link],
      [[2, 3, 8], ["-4 optimized", "+8"], linkOf(1, own)]
    )
    const candidate = asCandidate().hears(4, replaceReply(linkTo(4), 7, true))
    assert.deepStrictEqual(
      [candidate.active, candidate.news, candidate.state.active.at(-1)?.link],
      [[2, 3, 9], ["-4 optimized", "+9"], linkOf(9, 7)]
    )
    const initiator = initiating()
    const request = requestOf(initiator)
    initiator.hears(9, optimizationReply(request, true))
    assert.deepStrictEqual(
      [initiator.active, initiator.news, initiator.state.active.at(-1)?.link],
      [[2, 3, 9], ["-4 optimized", "+9"], linkOf(1, request)]
    )
    for (const p of [old, disconnected, candidate, initiator]) {
      assert.isUndefined(p.state.swap)
      assert.deepStrictEqual(p.asking, [])
    }
  })

  it("X7. the old neighbour has not chosen the link that it takes: it is none of the F of B2", () => {
    assert.isFalse(
      asOld()
        .hears(8, switchTo(6, 4, 7))
        .state.active.at(-1)?.chosen
    )
  })

  it("X7. one after the other, each as it hears that those before it have: old, disconnected, candidate, initiator", () => {
    assert.deepStrictEqual(
      asOld()
        .hears(8, switchTo(6, 4, 7))
        .saysTo(8),
      [switchReply(6, true)]
    )
    const disconnected = asDisconnected()
    disconnected.hears(8, switchReply(requestOf(disconnected), true))
    assert.deepStrictEqual(disconnected.saysTo(4), [replaceReply(linkTo(4), 7, true)])
    const candidate = asCandidate().hears(4, replaceReply(linkTo(4), 7, true))
    assert.deepStrictEqual(candidate.saysTo(9), [optimizationReply(7, true)])
    for (const waiting of [asDisconnected(), asCandidate(), initiating()])
      assert.deepStrictEqual(waiting.active, [2, 3, 4])
  })

  it("X7. whose link is given away lives, and is kept as passive", () => {
    assert.deepStrictEqual(asOld().hears(8, switchTo(6, 4, 7)).passive, [4])
    const p = initiating()
    assert.deepStrictEqual(p.hears(9, optimizationReply(requestOf(p), true)).passive, [4])
  })

  it("X7. a refusal on the way goes back to the initiator, and nothing has changed", () => {
    const disconnected = asDisconnected()
    disconnected.hears(8, switchReply(requestOf(disconnected), false))
    assert.deepStrictEqual(refusals(disconnected), ["ReplaceReply to 4"])
    const candidate = asCandidate().hears(4, replaceReply(linkTo(4), 7, false))
    assert.deepStrictEqual(refusals(candidate), ["OptimizationReply to 9"])
    for (const p of [disconnected, candidate]) {
      assert.deepStrictEqual([p.active, p.state.swap], [[2, 3, 4], undefined])
    }
  })

  it("X8. of the links that bridges have made the longest held are never given away", () => {
    const config = { unbiasedLinks: 2 }
    const initiator = weighing({ config }).fires("Cycle").weighs({ 2: 90, 3: 90, 4: 50, 9: 20 })
    assert.deepStrictEqual(
      initiator.sent.flatMap(([to, { _tag }]) => (_tag === "DisconnectWait" ? [to] : [])),
      [4]
    )
    const candidate = weighing({ passive: [], config }).hears(9, optimization(7, 8, 50, 20))
    assert.deepStrictEqual(
      candidate.gives("Measure")[0]?.peers.map(({ id }) => id),
      [4]
    )
    const disconnected = weighing({ passive: [], config }).hears(3, replace(linkTo(3), 7, 9, 8, 90, 20))
    assert.deepStrictEqual(refusals(disconnected), ["ReplaceReply to 3"])
    const old = weighing({ passive: [], config })
      .hears(3, disconnectWait(linkTo(3), 7))
      .hears(8, switchTo(6, 3, 7))
    assert.deepStrictEqual(refusals(old), ["SwitchReply to 8"])
  })

  it("X8. a link that a round has made is none of them", () => {
    const p = asOld({ config: { unbiasedLinks: 2 } }).hears(8, switchTo(6, 4, 7))
    assert.deepStrictEqual(
      p.state.active.map(({ id, unbiased }) => [id, unbiased]),
      [
        [2, true],
        [3, true],
        [8, false]
      ]
    )
    p.hears(8, replace(linkOf(8, 6), 7, 9, 11, 90, 20))
    assert.deepStrictEqual(
      p.gives("Measure")[0]?.peers.map(({ id }) => id),
      [11]
    )
  })

  it("X8. a link that becomes one of them while costs are asked for is not promised", () => {
    const config = { unbiasedLinks: 1 }
    const late = (p: Subject, lost: number, costs: ReadonlyArray<number>) => {
      const nonce = p.gives("Measure")[0]?.nonce ?? 0
      p.loses(lost)
      return p.step({ _tag: "CostsMeasured", now: p.now, nonce, costs })
    }
    // 2 is the longest held; without it 3 is.
    const judging = weighing({ passive: [], config }).hears(3, replace(linkTo(3), 7, 9, 8, 90, 20))
    late(judging, 2, [1])
    assert.deepStrictEqual(refusals(judging), ["ReplaceReply to 3"])
    const choosing = weighing({ passive: [], config }).hears(9, optimization(7, 8, 50, 20))
    const nonce = choosing.gives("Measure")[0]?.nonce ?? 0
    choosing.loses(2).hears(12, neighbor(1, "repair"))
    choosing.step({ _tag: "CostsMeasured", now: choosing.now, nonce, costs: [40, undefined] })
    assert.deepStrictEqual([choosing.active, refusals(choosing)], [[3, 4, 12], ["OptimizationReply to 9"]])
  })

  it("X16. a link is unbiased if a bridge has made it, at either end, and none that a join, a repair or a round makes", () => {
    const made = (p: Subject) => p.state.active.map(({ id, unbiased }) => [id, unbiased])
    const asked = idleNode(1).joins()
    asked.hears(2, join(1)).hears(3, neighbor(1, "repair")).hears(5, neighbor(1, "bridge"))
    assert.deepStrictEqual(made(asked), [
      [2, false],
      [3, false],
      [5, true]
    ])
    const p = drawing()
    p.hears(9, reply(p.requestTo(9), "accepted"))
    assert.deepStrictEqual(made(p).at(-1), [9, true])
  })

  it("X16. a node that lacks unbiased links weighs nothing, and asks anybody for one by a bridge, once in bridgeMillis", () => {
    const p = drawing()
    assert.deepStrictEqual([bridgesOf(p), p.gives("Measure"), p.active], [[9], [], [2, 3, 4]])
    p.hears(9, reply(p.requestTo(9), "limited")).fires("Cycle")
    assert.deepStrictEqual([bridgesOf(p), p.gives("Measure")], [[], []])
    p.waits(p.state.config.bridgeMillis).fires("Cycle")
    assert.deepStrictEqual(bridgesOf(p), [9])
    const without = drawing({ unbiasedLinks: 0 })
    assert.deepStrictEqual([bridgesOf(without), without.gives("Measure").length], [[], 1])
    const off = drawing({ optimizeCandidates: 0 })
    assert.deepStrictEqual([bridgesOf(off), off.gives("Measure").length], [[], 0])
  })

  it("X16. who has to make room spares them while there are others, and not where X-BOT is off", () => {
    const victims = (config: Given["config"]) =>
      new Set(
        overSeeds(30, (seed) => {
          const p = weighing({ seed, config: { unbiasedLinks: 2, ...config }, passive: [] }).hears(
            9,
            neighbor(1, "empty")
          )
          return [2, 3, 4].find((id) => !p.active.includes(id)) ?? 0
        })
      )
    assert.deepStrictEqual([...victims({})], [4])
    assert.deepStrictEqual(sorted([...victims({ optimizeCandidates: 0 })]), [2, 3, 4])
    assert.deepStrictEqual(sorted([...victims({ unbiasedLinks: 3 })]), [2, 3, 4])
  })

  it("X9. before it exchanges each looks again whether it still holds what it gives", () => {
    const old = asOld()
      .loses(4)
      .hears(8, switchTo(6, 4, 7))
    assert.deepStrictEqual(refusals(old), ["SwitchReply to 8"])
    const judging = weighing({ passive: [] }).hears(4, replace(linkTo(4), 7, 9, 8, 90, 20))
    const [measure] = judging.gives("Measure")
    judging.hears(4, disconnect(linkTo(4), "evicted"))
    judging.step({ _tag: "CostsMeasured", now: judging.now, nonce: measure?.nonce ?? 0, costs: [1] })
    assert.deepStrictEqual(judging.saysTo(8), [])
  })

  it("X9. where the given link is gone meanwhile the new one takes its slot", () => {
    const p = initiating().loses(4)
    p.hears(9, optimizationReply(requestOf(p), true))
    assert.deepStrictEqual([p.active, p.asking], [[2, 3, 9], []])
  })

  it("X9. where somebody has taken that slot the new link is let go", () => {
    const p = initiating().loses(4).hears(12, neighbor(1, "empty"))
    assert.deepStrictEqual(p.active, [2, 3, 12])
    const request = requestOf(p)
    p.hears(9, optimizationReply(request, true))
    assert.deepStrictEqual(p.saysTo(9), [disconnect(linkOf(1, request), "evicted")])
    assert.deepStrictEqual(p.active, [2, 3, 12])
  })

  it("X9. a candidate holds the link that the initiator has asked for since, or in a later life, and refuses the older one", () => {
    const since = (p: Subject) => p.hears(4, replaceReply(linkTo(4), 7, true))
    const again = since(asCandidate().loses(2).hears(9, neighbor(8, "repair")))
    assert.deepStrictEqual(
      again.state.active.map(({ id, link }) => [id, link]),
      [
        [3, linkTo(3)],
        [9, linkOf(9, 8)]
      ]
    )
    assert.deepStrictEqual([refusals(again), again.news], [["OptimizationReply to 9"], ["-4 notNeighbor"]])
    // One that was asked for before the round gives way to the round's.
    const before = since(asCandidate().loses(2).hears(9, neighbor(5, "repair")))
    assert.deepStrictEqual(
      before.state.active.map(({ id, link }) => [id, link]),
      [
        [3, linkTo(3)],
        [9, linkOf(9, 7)]
      ]
    )
    assert.deepStrictEqual(before.saysTo(9), [optimizationReply(7, true)])
    const reborn = since(asCandidate().loses(2).hears(peer(9, 2), join(1)))
    assert.deepStrictEqual(
      reborn.state.active.map((held) => [held.id, held.peer.epoch]),
      [
        [3, 1],
        [9, 2]
      ]
    )
  })

  it("X10. whoever waits in vain gives up, and says so", () => {
    const expired = (p: Subject): Subject => {
      while (p.state.swap !== undefined) p.fires("Request")
      return p
    }
    const weighed = expired(weighing().fires("Cycle"))
    assert.deepStrictEqual(weighed.sent, [])
    const choosing = expired(weighing({ passive: [] }).hears(9, optimization(7, 8, 50, 20)))
    assert.deepStrictEqual(refusals(choosing), ["OptimizationReply to 9"])
    assert.deepStrictEqual(refusals(expired(asCandidate())), ["OptimizationReply to 9"])
    const judging = expired(weighing({ passive: [] }).hears(4, replace(linkTo(4), 7, 9, 8, 90, 20)))
    assert.deepStrictEqual(refusals(judging), ["ReplaceReply to 4"])
    const disconnected = asDisconnected()
    const own = requestOf(disconnected)
    expired(disconnected)
    assert.deepStrictEqual(disconnected.saysTo(4), [replaceReply(linkTo(4), 7, false)])
    // It may hold us, and its answer be lost.
    assert.deepStrictEqual(disconnected.saysTo(8), [notNeighbor(linkOf(1, own))])
    const initiator = initiating()
    const request = requestOf(initiator)
    expired(initiator)
    assert.deepStrictEqual(initiator.saysTo(4), [disconnectWait(linkTo(4), request, false)])
    const old = expired(asOld())
    for (const p of [weighed, choosing, judging, disconnected, initiator, old]) {
      assert.deepStrictEqual(p.active, [2, 3, 4])
    }
  })

  it("X10. deadlines are nested: nobody gives up before those whose answer it waits for", () => {
    const lasts = (p: Subject): number => (p.state.swap?.deadline ?? 0) - p.now
    const disconnected = asDisconnected()
    const judging = weighing({ passive: [] }).hears(4, replace(linkTo(4), 7, 9, 8, 90, 20))
    const choosing = weighing({ passive: [] }).hears(9, optimization(7, 8, 50, 20))
    const asked = lasts(judging) + lasts(disconnected)
    assert.isAbove(lasts(asCandidate()), asked)
    assert.isAbove(lasts(initiating()), lasts(choosing) + lasts(asCandidate()))
    assert.isAbove(lasts(asOld()), lasts(initiating()))
  })

  it("X11. while the round is open nobody is asked for the slot that is handed over", () => {
    for (const p of [initiating(), asCandidate({ passive: [10] }), asDisconnected({ passive: [10] })]) {
      p.hears(4, disconnect(linkTo(4), "evicted"))
      assert.deepStrictEqual([p.active, p.asking], [[2, 3], []])
      // Nor is it given, to a lower id either, which would get a slot that is promised to a request (6b).
      for (const asker of [11, 0]) {
        const requests = p.hears(asker, neighbor(1, "repair")).says("NeighborReply")
        assert.deepStrictEqual(
          requests.map(({ answer }) => answer),
          ["busy"]
        )
      }
    }
    // The partner that would have had it is refused, or gone: then it is free.
    const p = initiating({ passive: [9, 10] })
    p.hears(4, disconnect(linkTo(4), "evicted"))
    assert.deepStrictEqual(p.asking, [])
    p.hears(9, optimizationReply(requestOf(p), false))
    assert.strictEqual(p.asking.length, 1)
  })

  it("X11. who is asked in a round, and who has asked, is asked for no other link", () => {
    const asked = (p: Subject, partner: number) => {
      // A repair, a join's walk that ends here, and whoever evicts us names it.
      p.hears(2, disconnect(linkTo(2), "evicted", sample([partner])))
      p.hears(3, forwardJoin(linkTo(3), peer(partner), 0))
      return p.asking.includes(partner)
    }
    assert.isFalse(asked(initiating(), 9))
    assert.isFalse(asked(asCandidate(), 9))
    assert.isFalse(asked(asDisconnected(), 8))
    assert.isTrue(asked(weighing({ passive: [] }), 9))
    // Once the round is over it is one like any other.
    const p = initiating()
    const request = requestOf(p)
    p.hears(9, optimizationReply(request, false))
    assert.isTrue(asked(p, 9))
  })

  it("X11. who must make room for somebody else spares the link that is to be given away", () => {
    const evicted = overSeeds(50, (seed) => initiating({ seed }).hears(12, join(1)).news[0])
    assert.sameMembers([...new Set(evicted)], ["-2 evicted", "-3 evicted"])
  })

  it("X12. a NotNeighbor about the link that is given away waits for the end of the round", () => {
    const p = initiating().hears(4, notNeighbor(linkTo(4)))
    assert.deepStrictEqual(p.active, [2, 3, 4])
    const request = requestOf(p)
    p.hears(9, optimizationReply(request, true))
    assert.deepStrictEqual(p.active, [2, 3, 9])
    const failed = initiating().hears(4, notNeighbor(linkTo(4)))
    failed.hears(9, optimizationReply(requestOf(failed), false))
    assert.deepStrictEqual([failed.active, failed.news], [[2, 3], ["-4 notNeighbor"]])
  })

  it("X12. but a candidate that hears it from the disconnected node has nothing to wait for", () => {
    const p = asCandidate().hears(4, notNeighbor(linkTo(4)))
    assert.deepStrictEqual([p.active, p.news, p.state.swap], [[2, 3], ["-4 notNeighbor"], undefined])
    assert.deepStrictEqual(refusals(p), ["OptimizationReply to 9"])
  })

  it("X12. about any other link it does not", () => {
    assert.deepStrictEqual(initiating().hears(3, notNeighbor(linkTo(3))).active, [2, 4])
    assert.deepStrictEqual(initiating().hears(4, notNeighbor(linkOf(4, 1))).active, [2, 3, 4])
  })

  it("X13. when a round has failed the old neighbour is told; if it has let go all the same it says so", () => {
    const p = initiating()
    const request = requestOf(p)
    p.hears(9, optimizationReply(request, false))
    assert.deepStrictEqual(p.saysTo(4), [disconnectWait(linkTo(4), request, false)])
    const old = asOld().hears(8, switchTo(6, 4, 7))
    old.hears(4, disconnectWait(linkTo(4), 7, false))
    assert.deepStrictEqual(old.saysTo(4), [notNeighbor(linkTo(4))])
  })

  it("X13. an acceptance that comes too late is let go", () => {
    const p = initiating()
    const request = requestOf(p)
    p.hears(9, optimizationReply(request, false)).hears(9, optimizationReply(request, true))
    assert.deepStrictEqual([p.saysTo(9), p.active], [[notNeighbor(linkOf(1, request))], [2, 3, 4]])
    const disconnected = asDisconnected()
    const own = requestOf(disconnected)
    disconnected.hears(8, switchReply(own, false)).hears(8, switchReply(own, true))
    assert.deepStrictEqual(disconnected.saysTo(8), [notNeighbor(linkOf(1, own))])
    // The disconnected one has let go of us: so do we.
    const candidate = asCandidate()
    candidate.hears(4, replaceReply(linkTo(4), 7, false)).hears(4, replaceReply(linkTo(4), 7, true))
    assert.deepStrictEqual(candidate.news, ["-4 notNeighbor"])
  })

  it("X13. the same acceptance twice changes nothing", () => {
    const p = initiating()
    const request = requestOf(p)
    p.hears(9, optimizationReply(request, true)).hears(9, optimizationReply(request, true))
    assert.deepStrictEqual([p.active, p.sent], [[2, 3, 9], []])
  })

  it("X13. a node that is no member takes no part, and lets go of what it is offered", () => {
    for (const p of [idleNode(1), weighing().leaves()]) {
      assert.deepStrictEqual(refusals(p.hears(9, optimization(7, 8, 50, 20))), ["OptimizationReply to 9"])
      assert.deepStrictEqual(refusals(p.hears(9, switchTo(7, 8, 1))), ["SwitchReply to 9"])
      assert.deepStrictEqual(p.hears(9, optimizationReply(3, true)).saysTo(9), [notNeighbor(linkOf(1, 3))])
      assert.deepStrictEqual(p.hears(9, switchReply(3, true)).saysTo(9), [notNeighbor(linkOf(1, 3))])
      assert.isUndefined(p.state.swap)
    }
  })

  it("X13. one that has left after it gave the initiator's place away says so when the initiator tells it of the failure", () => {
    const left = asOld()
      .hears(8, switchTo(6, 4, 7))
      .leaves()
    left.hears(4, disconnectWait(linkTo(4), 7, false))
    assert.deepStrictEqual(left.saysTo(4), [disconnect(linkTo(4), "leaving")])
    const reborn = idleNode(1).hears(4, disconnectWait(linkTo(4), 7, false))
    assert.deepStrictEqual(reborn.saysTo(4), [notNeighbor(linkTo(4))])
  })

  it("X14. the loss of a partner ends the part", () => {
    const initiator = initiating()
    const request = requestOf(initiator)
    initiator.cannotReach(9)
    assert.deepStrictEqual(initiator.saysTo(4), [disconnectWait(linkTo(4), request, false)])
    assert.deepStrictEqual(refusals(asCandidate().loses(4)), ["OptimizationReply to 9"])
    assert.deepStrictEqual(refusals(asDisconnected().cannotReach(8)), ["ReplaceReply to 4"])
    for (const p of [
      initiator,
      asCandidate().loses(4),
      asDisconnected().cannotReach(8),
      asOld().loses(4),
      weighing({ passive: [] })
        .hears(9, optimization(7, 8, 50, 20))
        .loses(9),
      weighing({ passive: [] })
        .hears(4, replace(linkTo(4), 7, 9, 8, 90, 20))
        .loses(4)
    ]) {
      assert.isUndefined(p.state.swap)
    }
  })

  it("X14. so does that of the initiator: a candidate takes no link with one that is gone", () => {
    const p = asCandidate().loses(9)
    assert.deepStrictEqual([p.state.swap, p.sent, p.active], [undefined, [], [2, 3, 4]])
    // The disconnected one may have exchanged its links by then.
    p.hears(4, replaceReply(linkTo(4), 7, true))
    assert.deepStrictEqual([p.active, p.news, p.saysTo(9)], [[2, 3], ["-4 notNeighbor"], []])
    // An earlier incarnation of it is another.
    const reborn = weighing({ passive: [] })
      .hears(peer(9, 2), optimization(7, 8, 50, 20))
      .weighs({ 2: 1, 3: 1, 4: 90 })
    assert.strictEqual(reborn.loses(9).state.swap?._tag, "Candidate")
  })

  it("X9. whoever answers may be a later incarnation than was asked", () => {
    const p = initiating()
    const request = requestOf(p)
    p.hears(peer(9, 2), optimizationReply(request, true))
    assert.deepStrictEqual(
      p.state.active.map((neighbor) => [neighbor.id, neighbor.peer.epoch]),
      [
        [2, 1],
        [3, 1],
        [9, 2]
      ]
    )
  })

  it("X14. so does a goodbye of it", () => {
    const goodbye = disconnect(linkTo(4), "leaving")
    const candidate = asCandidate().hears(4, goodbye)
    assert.deepStrictEqual([refusals(candidate), candidate.state.swap], [["OptimizationReply to 9"], undefined])
    const disconnected = asDisconnected().hears(8, disconnect(linkOf(8, 1), "leaving"))
    assert.deepStrictEqual([refusals(disconnected), disconnected.active], [["ReplaceReply to 4"], [2, 3, 4]])
    // Of another link than the one that stands it is none.
    assert.strictEqual(asCandidate().hears(4, disconnect(linkOf(4, 1), "leaving")).state.swap?._tag, "Candidate")
  })

  it("X14. whoever leaves while it is asked tells the initiator, which is no neighbour and gets no goodbye", () => {
    const choosing = weighing({ passive: [] }).hears(9, optimization(7, 8, 50, 20))
    for (const p of [choosing, asCandidate()]) assert.deepStrictEqual(refusals(p.leaves()), ["OptimizationReply to 9"])
  })

  it("X14. leaving, and a new epoch, end it too", () => {
    assert.isUndefined(initiating().leaves().state.swap)
    assert.isUndefined(initiating().hasConflict(1).state.swap)
  })
})
