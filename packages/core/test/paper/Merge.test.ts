import { assert, describe, it } from "@effect/vitest"
import type * as HyParView from "@hyparview/core/HyParView"
import {
  bridge,
  disconnect,
  heartbeat,
  join,
  linkTo,
  neighbor,
  node,
  passiveOf,
  peer,
  probeReply,
  reply,
  sample,
  shuffle,
  shuffleReply,
  type Subject
} from "./node.ts"

/** Cycles pass until the node probes somebody; whom, and by which nonce. */
const probed = (p: Subject): { readonly to: number; readonly nonce: number } => {
  for (let cycle = 0; cycle < 100; cycle++) {
    const [sent] = p.fires("Cycle").says("Probe")
    if (sent !== undefined) return sent
  }
  throw new Error("nobody was probed in 100 cycles")
}

/** Nobody answers the probe. */
const expire = (p: Subject): void => {
  while (p.state.search.probe !== undefined) p.fires("Request")
}

/** A node that knows a contact's address, and sounds it out in each cycle unless its configuration says otherwise. */
const withContact = (
  given: Parameters<typeof node>[1],
  config: Partial<HyParView.Config> = { contactProbeMillis: 1_000 }
): Subject =>
  node(1, { ...given, config })
    .joins(109)
    .cannotDial(109)

/** Cycles pass until the node dials a contact. */
const sounded = (p: Subject): number => {
  for (let cycle = 0; cycle < 100; cycle++) {
    const [dial] = p.fires("Cycle").gives("Dial")
    if (dial !== undefined) return dial.address
  }
  throw new Error("no contact was sounded out in 100 cycles")
}

const ageOf = (p: Subject, id: number): number =>
  p.state.cycle - (p.state.passive.since[p.passive.indexOf(id)] ?? Number.NaN)

describe("cuts and their healing", () => {
  it("P1. the graveyard is bounded, and the oldest grave makes room", () => {
    const p = node(1, { active: [2, 3], passive: [], config: { graveyardSize: 3 } })
    for (const id of [10, 11, 12, 13, 14]) p.hears(id, neighbor(1, "repair")).loses(id)
    assert.deepStrictEqual(p.graveyard, [12, 13, 14])
  })

  it("P1. graves do not age", () => {
    const p = node(1, { active: [2, 3, 4], graveyard: [9], config: { probeMillis: 0 } })
    for (let cycle = 0; cycle < 100; cycle++) p.fires("Cycle")
    assert.deepStrictEqual(p.graveyard, [9])
  })

  it("P1. whoever is buried and speaks is exhumed, and known again if it gets no link", () => {
    const p = node(1, { active: [2, 3, 4], graveyard: [9, 10] }).hears(9, neighbor(1, "repair"))
    assert.deepStrictEqual([p.says("NeighborReply")[0]?.answer, p.passive, p.graveyard], ["full", [9], [10]])
    assert.isAbove(p.state.cycle - (p.state.passive.since[0] ?? 0), 10)
    const q = node(1, { active: [2, 3], passive: [5, 6, 7, 8, 11, 12], graveyard: [9] }).hears(9, neighbor(1, "repair"))
    assert.deepStrictEqual([q.active, q.passive, q.graveyard], [[2, 3, 9], [5, 6, 7, 8, 11, 12], []])
    const r = node(1, { active: [2, 3, 4], graveyard: [9] }).hears(9, disconnect(linkTo(9), "leaving"))
    assert.deepStrictEqual([r.passive, r.graveyard], [[], []])
  })

  it("P1. with a graveyard of size 0 nobody is remembered", () => {
    const p = node(1, { active: [2, 3], config: { graveyardSize: 0 } }).loses(2)
    assert.deepStrictEqual(p.graveyard, [])
  })

  it("P2. now and then one grave is probed, also when the view is full", () => {
    const p = node(1, { active: [2, 3, 4], graveyard: [9] })
    const times = Array.from({ length: 20 }, () => {
      assert.strictEqual(probed(p).to, 9)
      const at = p.now
      expire(p)
      return at
    })
    const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0))
    // Once a minute, half more or less, at the next cycle.
    assert.isTrue(
      gaps.every((gap) => gap >= 30_000 && gap <= 135_000),
      gaps.join(" ")
    )
  })

  it("P2. a contact is sounded out too, also when the view is full", () => {
    assert.strictEqual(sounded(withContact({ active: [2, 3, 4] })), 109)
  })

  it("P2. in contactProbeMillis one by all that know each other: each takes its share by chance", () => {
    const count = (passive: ReadonlyArray<number>, areHeardOf: boolean) => {
      // The cycle is a tenth of the period.
      const p = withContact({ active: [2, 3, 4], passive }, { contactProbeMillis: 300_000 })
      let dials = 0
      for (let cycle = 0; cycle < 2_000; cycle++) {
        dials += p.fires("Cycle").gives("Dial").length
        const [walk] = p.says("Shuffle")
        if (areHeardOf) p.hears(2, shuffleReply(walk?.requestId ?? 0, sample(passive)))
        if (p.state.contacts.dialing.length > 0) p.cannotDial(109)
      }
      return dials
    }
    // Of four nodes each in one cycle of forty; of ten, in one of a hundred.
    const four = count([], true)
    assert.isTrue(four > 30 && four < 70, `${four}`)
    const ten = count([10, 11, 12, 13, 14, 15], true)
    assert.isTrue(ten > 8 && ten < 36, `${ten}`)
    // Of whom nothing is heard any more takes no share.
    const alone = count([10, 11, 12, 13, 14, 15], false)
    assert.isTrue(alone > 30 && alone < 70, `${alone}`)
  })

  it("P2. never with a Join", () => {
    const probing = node(1, { active: [2, 3, 4], graveyard: [9] })
    probed(probing)
    assert.deepStrictEqual(probing.says("Join"), [])
    const p = withContact({ active: [2, 3, 4] })
    sounded(p)
    p.opens(109)
    assert.deepStrictEqual(
      p.saysTo(9).map(({ _tag }) => _tag),
      ["Shuffle"]
    )
  })

  it("P2. a probe that is not answered changes nothing, and the next cycle may probe again", () => {
    const p = node(1, { active: [2, 3, 4], graveyard: [9] })
    probed(p)
    p.cannotReach(9)
    assert.deepStrictEqual([p.active, p.passive, p.graveyard, p.state.search.probe], [[2, 3, 4], [], [9], undefined])
    probed(p)
    expire(p)
    assert.deepStrictEqual(p.graveyard, [9])
    probed(p)
  })

  it("P3. a buried peer that answers is exhumed, and shuffled with directly", () => {
    const p = node(1, { active: [2, 3, 4], graveyard: [9] })
    const { nonce } = probed(p)
    p.hears(9, probeReply(nonce))
    assert.deepStrictEqual([p.passive, p.graveyard, ageOf(p, 9)], [[9], [], 11])
    const [walk] = p.says("Shuffle")
    assert.deepStrictEqual([walk?.to, walk?.link], [9, undefined])
  })

  it("P3. an answer to another probe than the open one counts only as a sign of life", () => {
    const p = node(1, { active: [2, 3, 4], graveyard: [9] })
    const { nonce } = probed(p)
    p.hears(9, probeReply(nonce + 1))
    assert.deepStrictEqual(p.sent, [])
    const q = node(1, { active: [2, 3, 4], graveyard: [9, 10] })
    const open = probed(q)
    q.hears(19 - open.to, probeReply(open.nonce))
    assert.deepStrictEqual(q.sent, [])
  })

  it("P3. a contact that is known is left alone, one that is not is shuffled with", () => {
    const known = withContact({ active: [2, 3, 4], passive: [9] })
    sounded(known)
    assert.deepStrictEqual(known.opens(109).sent, [])
    const neighborly = withContact({ active: [2, 3, 4] })
    sounded(neighborly)
    assert.deepStrictEqual(neighborly.opens(109, peer(2)).sent, [])
  })

  const stranger = () => {
    const p = withContact({ active: [2, 3, 4], passive: [5] })
    sounded(p)
    p.opens(109)
    return { p, requestId: p.says("Shuffle")[0]?.requestId ?? 0 }
  }

  it("P3. lately is ten cycles ago, however many there have been", () => {
    const p = withContact({ active: [2, 3, 4], passive: [9] })
    p.state = { ...p.state, cycle: 1_000, passive: passiveOf([peer(9)], [995]) }
    sounded(p)
    assert.deepStrictEqual(p.opens(109).says("Shuffle"), [])
  })

  it("P3. a contact whose reply holds nobody that we know lives on another island", () => {
    const { p, requestId } = stranger()
    p.hears(9, shuffleReply(requestId, sample([20, 21])))
    assert.deepStrictEqual(
      p.says("Neighbor").map(({ reason, to }) => [to, reason]),
      [[9, "bridge"]]
    )
  })

  it("P3. one whose reply holds somebody that we know, or ourselves, does not", () => {
    for (const known of [1, 3, 5]) {
      const { p, requestId } = stranger()
      p.hears(9, shuffleReply(requestId, sample([20, known])))
      assert.deepStrictEqual(p.says("Neighbor"), [], `${known}`)
    }
  })

  it("P3. a contact that is known, but has not been heard of for more than ten cycles, is shuffled with", () => {
    const p = withContact({ active: [2, 3, 4], passive: [9] })
    for (let cycle = 0; cycle < 11; cycle++) p.fires("Cycle").cannotDial(109)
    sounded(p)
    assert.strictEqual(p.opens(109).says("Shuffle").length, 1)
  })

  it("P3. it lives on another island if there is nobody of whom both have heard lately, though they know each other", () => {
    const old = () => {
      const p = withContact({ active: [2, 3, 4], passive: [5, 9] })
      for (let cycle = 0; cycle < 11; cycle++) p.fires("Cycle").cannotDial(109)
      sounded(p)
      return { p, requestId: p.opens(109).says("Shuffle")[0]?.requestId ?? 0 }
    }
    const strangers = old()
    strangers.p.hears(9, shuffleReply(strangers.requestId, sample([3, 5], [11, 0])))
    assert.deepStrictEqual(
      strangers.p.says("Neighbor").map(({ reason, to }) => [to, reason]),
      [[9, "bridge"]]
    )
    const friends = old()
    friends.p.hears(9, shuffleReply(friends.requestId, sample([3, 5], [10, 0])))
    assert.deepStrictEqual(friends.p.says("Neighbor"), [])
  })

  it("P3. what a direct shuffle brings, at either end, does not count as heard of lately, who sends it included", () => {
    const { p, requestId } = stranger()
    p.hears(9, shuffleReply(requestId, sample([20, 3], [1, 0]))).hears(
      7,
      shuffle(undefined, 1, peer(7), 1, sample([21], [2]))
    )
    const ageOf = (id: number) => p.state.cycle - (p.state.passive.since[p.passive.indexOf(id)] ?? NaN)
    assert.deepStrictEqual([20, 7, 21].map(ageOf), [11, 11, 11])
    // By a walk it does.
    p.hears(2, shuffle(linkTo(2), 2, peer(8), 1, sample([22], [2])))
    assert.deepStrictEqual([8, 22].map(ageOf), [0, 2])
  })

  it("P3. nor do answers to requests, whomever they name", () => {
    const asking = () => {
      const p = node(1, { active: [2, 3], passive: [5] })
      for (let cycle = 0; cycle < 30; cycle++) p.fires("Cycle")
      return p.loses(3)
    }
    const p = asking()
    p.hears(5, reply(p.requestTo(5), "full", 0, sample([20])))
    assert.deepStrictEqual(
      [5, 20].map((id) => ageOf(p, id)),
      [11, 11]
    )
    const q = asking()
    q.hears(5, reply(q.requestTo(5), "limited", 0, sample([20, 21], [0, 30])))
    assert.deepStrictEqual(
      [5, 20, 21].map((id) => ageOf(q, id)),
      [11, 11, 30]
    )
    // Who was a neighbour has come by a link.
    assert.strictEqual(ageOf(q.hears(2, disconnect(linkTo(2), "evicted")), 2), 0)
    // Nor who accepts when there is no slot left, and is let go.
    const full = asking()
    const requestId = full.requestTo(5)
    full.hears(10, neighbor(1, "repair")).hears(0, neighbor(1, "repair"))
    full.hears(5, reply(requestId, "accepted"))
    assert.deepStrictEqual([full.active, full.says("Disconnect")[0]?.to, ageOf(full, 5)], [[2, 10, 0], 5, 11])
  })

  it("P3. where a slot is free there is no need to know: the contact is asked at once", () => {
    const p = withContact({ active: [2, 3] })
    sounded(p)
    p.opens(109)
    assert.deepStrictEqual(
      p.sent.map(([to, { _tag }]) => [to, _tag]),
      [
        [9, "Shuffle"],
        [9, "Neighbor"]
      ]
    )
  })

  it("P4. the two are linked by a repair request if a slot is free", () => {
    const p = node(1, { active: [2, 3], graveyard: [9] })
    const { nonce } = probed(p)
    p.hears(9, probeReply(nonce))
    assert.deepStrictEqual(p.saysTo(9).at(-1), neighbor(p.requestTo(9), "repair"))
  })

  it("P4. else by a bridge", () => {
    const p = node(1, { active: [2, 3, 4], graveyard: [9] })
    const { nonce } = probed(p)
    p.hears(9, probeReply(nonce))
    assert.deepStrictEqual(p.saysTo(9).at(-1), bridge(p.requestTo(9), 1))
    p.hears(9, reply(p.requestTo(9), "accepted"))
    assert.include(p.active, 9)
    assert.strictEqual(p.active.length, 3)
    assert.strictEqual(p.says("Disconnect").length, 1)
  })

  it("P4. which is accepted by evicting a random neighbour outside the floor", () => {
    const p = node(1, { chosen: [2], active: [3, 4] }).hears(9, neighbor(7, "bridge"))
    const [victim] = p.says("Disconnect")
    assert.includeMembers([...p.active], [2, 9])
    assert.include([3, 4], victim?.to)
  })

  it("P4. and it hands the links over: each end's evicted is told of the other's, and one asks", () => {
    const asked = node(9, { active: [12, 13, 14] }).hears(1, bridge(7, 1))
    const [answer] = asked.says("NeighborReply")
    const [theirs] = asked.says("Disconnect")
    assert.deepStrictEqual(answer?.sample, sample([theirs?.to ?? 0]))
    const asker = node(1, { active: [2, 3, 4], graveyard: [9] })
    const { nonce } = probed(asker)
    asker.hears(9, probeReply(nonce))
    asker.hears(9, reply(asker.requestTo(9), "accepted", 0, answer?.sample))
    const [ours] = asker.says("Disconnect")
    assert.deepStrictEqual([ours?.sample.peers[0], ours?.moves], [peer(theirs?.to ?? 0), undefined])
    // Ours asks theirs, which waits for that.
    const evicted = node(ours?.to ?? 0, { active: [1, 20, 21] })
    evicted.hears(1, disconnect(linkTo(1), "evicted", ours?.sample))
    assert.deepStrictEqual(evicted.asking, [theirs?.to ?? 0])
    assert.strictEqual(theirs?.moves, 1)
  })

  it("P4. into a free slot it is accepted like any other, and costs nothing", () => {
    const p = node(1, { active: [2] })
      .hears(8, neighbor(7, "bridge"))
      .hears(9, neighbor(7, "bridge"))
    assert.deepStrictEqual([p.active, p.says("Disconnect")], [[2, 8, 9], []])
  })

  it("P4. at most one is accepted in a period", () => {
    const p = node(1, { active: [2, 3, 4] }).hears(8, neighbor(7, "bridge"))
    assert.strictEqual(p.hears(9, neighbor(7, "bridge")).says("NeighborReply")[0]?.answer, "limited")
    p.waits(60_000)
    assert.strictEqual(p.hears(9, neighbor(8, "bridge")).says("NeighborReply")[0]?.answer, "accepted")
  })

  it("P4. and at most one made", () => {
    const p = node(1, { active: [2, 3, 4], graveyard: [8, 9], config: { bridgeMillis: 36_000_000 } })
    const bridges: Array<number> = []
    while (p.graveyard.length > 0) {
      const { nonce, to } = probed(p)
      p.hears(to, probeReply(nonce))
      bridges.push(...p.says("Neighbor").map(({ to }) => to))
      for (const id of p.asking) p.hears(id, reply(p.requestTo(id), "full"))
    }
    assert.strictEqual(bridges.length, 1)
  })

  it("P4. a heartbeat, a walk or a join builds no bridge", () => {
    const p = node(1, { active: [2, 3, 4], graveyard: [9] })
      .hears(2, heartbeat(linkTo(2), 1))
      .hears(9, join(1))
    assert.deepStrictEqual(p.says("Neighbor"), [])
  })

  /** Neighbours 2, 3 and 4, some passive entries, and so many cycles behind it. Peers 0 and −1 are older than it. */
  const mixing = (cycles: number, config: Partial<HyParView.Config> = {}): Subject => {
    const p = node(1, { active: [2, 3, 4], passive: [5, 6, 7], config: { mixMillis: 30_000, ...config } })
    for (let cycle = 0; cycle < cycles; cycle++) p.fires("Cycle")
    return p
  }

  const beaconOf = (p: Subject) => p.state.search.beacon?.peer.id

  const hearsOf = (p: Subject, id: number, age = 0): Subject =>
    p.hears(4, shuffle(linkTo(4), 9, peer(20), 1, sample([30, id], [0, age])))

  /** Bridges that a node asks for in so many cycles. */
  const bridges = (p: Subject, cycles: number): number => {
    let count = 0
    for (let cycle = 0; cycle < cycles; cycle++) {
      count += p.fires("Cycle").waits(30_000).says("Neighbor").length
      for (const id of p.asking) p.hears(id, reply(p.requestTo(id), "full"))
    }
    return count
  }

  it("P5. the beacon is who has run for longest of all that are heard of: this node itself, until it hears of another", () => {
    const p = mixing(1)
    assert.strictEqual(beaconOf(p), 1)
    assert.strictEqual(beaconOf(hearsOf(p, 9)), 1)
    assert.strictEqual(beaconOf(hearsOf(p, 0)), 0)
    assert.strictEqual(beaconOf(hearsOf(p, -1)), -1)
    assert.strictEqual(beaconOf(hearsOf(p, 0)), -1)
    const late = node(1, { active: [2, 3, 4], passive: [5], epoch: 7, config: { mixMillis: 30_000 } }).fires("Cycle")
    assert.strictEqual(beaconOf(hearsOf(late, 9)), 9)
  })

  it("P5. shuffles and their replies tell of it, with its age, in place of their last entry", () => {
    const p = hearsOf(mixing(1), 0, 3)
    const [walk] = p.fires("Cycle").says("Shuffle")
    assert.deepStrictEqual([walk?.sample.peers.at(-1)?.id, walk?.sample.ages.at(-1)], [0, 4])
    assert.strictEqual(walk?.sample.peers.length, 4)
    const [answer] = p.hears(3, shuffle(linkTo(3), 9, peer(21), 1, sample([31]))).says("ShuffleReply")
    assert.deepStrictEqual([answer?.sample.peers.at(-1)?.id, answer?.sample.peers.length], [0, 2])
    // It is not told of itself, and the owner's own shuffle names it anyhow.
    const [own] = mixing(0).fires("Cycle").says("Shuffle")
    assert.notInclude(own?.sample.peers.map(({ id }) => id) ?? [], 1)
  })

  it("P5. by a reply too it is heard of, and a cycle older", () => {
    const p = mixing(1)
    const [walk] = p.fires("Cycle").says("Shuffle")
    p.hears(9, shuffleReply(walk?.requestId ?? 0, sample([0], [3])))
    assert.deepStrictEqual([beaconOf(p), p.state.search.beacon?.since], [0, p.state.cycle - 4])
  })

  it("P5. only it resets its age, and what nobody has renewed for 30 cycles is forgotten", () => {
    const p = hearsOf(mixing(1), 0, 5)
    for (let cycle = 0; cycle < 25; cycle++) p.fires("Cycle")
    assert.strictEqual(beaconOf(p), 0)
    assert.strictEqual(beaconOf(p.fires("Cycle")), 1)
    assert.strictEqual(beaconOf(hearsOf(p, 0, 31)), 1)
    const renewed = hearsOf(hearsOf(mixing(1), 0, 5), 0, 2)
    assert.strictEqual(renewed.state.search.beacon?.since, renewed.state.cycle - 2)
    assert.strictEqual(hearsOf(renewed, 0, 9).state.search.beacon?.since, renewed.state.cycle - 2)
    for (let cycle = 0; cycle < 28; cycle++) renewed.fires("Cycle")
    assert.strictEqual(beaconOf(renewed), 0)
  })

  it("P5. a node that has left and joins again is no beacon by what it was before, and mixes with nobody for that", () => {
    const p = mixing(1)
    assert.strictEqual(beaconOf(p), 1)
    p.leaves()
    assert.deepStrictEqual([beaconOf(p), p.state.search.mixUntil, p.state.seeker], [undefined, 0, undefined])
    p.joins(102).fires("Cycle")
    assert.deepStrictEqual(p.state.search.beacon?.peer, p.state.self)
    // Nor is one whose epoch was raised.
    const q = mixing(1).hasConflict(17).fires("Cycle")
    assert.deepStrictEqual(q.state.search.beacon?.peer, peer(1, 18))
  })

  it("P5. nor does a direct shuffle: it may come from another island that had the same beacon", () => {
    const directly = (p: Subject, id: number) =>
      p.hears(20, shuffle(undefined, 9, peer(20), 1, sample([30, id], [0, 0])))
    const p = hearsOf(mixing(1), 0, 5)
    const since = p.state.cycle - 5
    assert.strictEqual(directly(p, 0).state.search.beacon?.since, since)
    // The beacon itself may live on the other island.
    assert.strictEqual(p.hears(0, shuffle(undefined, 9, peer(0), 1, sample([30]))).state.search.beacon?.since, since)
    // What is older is heard of all the same.
    assert.strictEqual(beaconOf(directly(p, -1)), -1)
  })

  it("P5. what tells of it puts it into no passive view", () => {
    const p = hearsOf(mixing(1), 0)
    assert.notInclude([...p.passive], 0)
    assert.includeMembers([...p.passive], [20, 30])
  })

  it("P5. nothing of it where nodes do not mix", () => {
    const p = hearsOf(mixing(20, { mixMillis: 0 }), 0)
    assert.strictEqual(p.state.search.beacon, undefined)
    assert.include([...p.passive], 0)
    assert.strictEqual(bridges(p, 50), 0)
  })

  it("P6. who has held a beacon for 15 cycles and hears of an older one exchanges links for 30 cycles", () => {
    const p = hearsOf(mixing(17), 0)
    const first = bridges(p, 29)
    // Each cycle, but not more often than once a minute.
    assert.approximately(first, 14, 2)
    assert.strictEqual(bridges(p, 50), 0)
    // It held itself for its beacon from the first cycle on.
    assert.strictEqual(hearsOf(mixing(16), 0).state.search.mixUntil, 16 + 30)
    assert.strictEqual(hearsOf(mixing(15), 0).state.search.mixUntil, 0)
    const seldom = bridges(hearsOf(mixing(17, { mixMillis: 300_000 }), 0), 29)
    assert.isTrue(seldom >= 1 && seldom <= 6, `${seldom}`)
  })

  /** A node whose beacon is 0 or so, and which has just asked a contact, 9, that may be a stranger. */
  const sounding = (beacon: number) => {
    const p = node(1, {
      active: [2, 3, 4],
      passive: [5],
      config: { mixMillis: 30_000, contactProbeMillis: 1_000, probeMillis: 0 }
    })
    p.joins(109).cannotDial(109).fires("Cycle").cannotDial(109)
    hearsOf(p, beacon)
    sounded(p)
    return { p, requestId: p.opens(109).says("Shuffle")[0]?.requestId ?? 0 }
  }

  it("P6. nodes that mix tell another island by its beacon: one that is not theirs", () => {
    // Nobody is known to both, but the beacon is: they are of one island, as most of many nodes that share nobody are.
    const one = sounding(0)
    one.p.hears(9, shuffleReply(one.requestId, sample([40, 0])))
    assert.deepStrictEqual(one.p.says("Neighbor"), [])
    const itself = sounding(0)
    itself.p.hears(9, shuffleReply(itself.requestId, sample([5, 41])))
    assert.deepStrictEqual(
      itself.p.says("Neighbor").map(({ reason, to }) => [to, reason]),
      [[9, "bridge"]]
    )
    // It goes on with those whom the stranger has named.
    itself.p.hears(9, reply(itself.p.requestTo(9), "limited", 60_000))
    const asked: Array<number> = []
    for (let cycle = 0; cycle < 8; cycle++) {
      asked.push(
        ...itself.p
          .waits(30_000)
          .fires("Cycle")
          .says("Neighbor")
          .map(({ to }) => to)
      )
      itself.p.cannotDial(109)
      for (const id of itself.p.asking) itself.p.hears(id, reply(itself.p.requestTo(id), "full"))
    }
    assert.deepStrictEqual(asked.slice(0, 2), [5, 41])
  })

  it("B5. of those whom a stranger has named it keeps as many as an honest sample holds", () => {
    const { p, requestId } = sounding(0)
    p.hears(9, shuffleReply(requestId, sample(Array.from({ length: 50 }, (_, index) => 100 + index))))
    assert.deepStrictEqual(
      p.state.search.strangers.map(({ id }) => id),
      [100, 101, 102, 103, 104]
    )
  })

  it("P6. a reply that names nobody tells of no beacon: nobody mixes for it", () => {
    const { p, requestId } = sounding(0)
    p.hears(9, shuffleReply(requestId, sample([])))
    assert.isAtMost(p.state.search.mixUntil, p.state.cycle)
    // It may be alone: that is reason enough for a link.
    assert.deepStrictEqual(
      p.says("Neighbor").map(({ reason, to }) => [to, reason]),
      [[9, "bridge"]]
    )
  })

  it("P6. a stranger that names this node itself, who has left, or nobody (9d), sends it to none of them", () => {
    const { p, requestId } = sounding(0)
    p.hears(4, disconnect(linkTo(4), "leaving"))
    for (const id of p.asking) p.hears(id, reply(p.requestTo(id), "accepted"))
    const named = [peer(1), peer(4), peer(42, 2 ** 53 - 1), peer(41)]
    p.hears(9, shuffleReply(requestId, { peers: named, ages: named.map(() => 0) }))
    const asked = new Set<number>()
    for (let cycle = 0; cycle < 12; cycle++) {
      for (const { to } of p.waits(30_000).fires("Cycle").says("Neighbor")) asked.add(to)
      p.cannotDial(109)
      for (const id of p.asking) p.hears(id, reply(p.requestTo(id), "full"))
    }
    assert.isTrue(asked.has(41))
    assert.isFalse(asked.has(1) || asked.has(4) || asked.has(42))
  })

  it("P6. who has just begun to agree with others does not", () => {
    assert.strictEqual(bridges(hearsOf(mixing(10), 0), 30), 0)
    const p = hearsOf(mixing(17, { probeMillis: 0 }), 9)
    assert.strictEqual(bridges(p, 30), 0)
  })

  it("P6. nor is a free slot left for it: that is repair's", () => {
    const p = hearsOf(mixing(17), 0).loses(2)
    for (const { reason } of p.fires("Cycle").says("Neighbor")) assert.notStrictEqual(reason, "bridge")
  })
})
