import { assert, describe, it } from "@effect/vitest"
import {
  heartbeat,
  join,
  linkTo,
  neighbor,
  node,
  peer,
  probeReply,
  reply,
  sample,
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
  while (p.state.probe !== undefined) p.fires("Request")
}

/** Cycles pass until the node dials a contact. */
const sounded = (p: Subject): number => {
  for (let cycle = 0; cycle < 100; cycle++) {
    const [dial] = p.fires("Cycle").gives("Dial")
    if (dial !== undefined) return dial.address
  }
  throw new Error("no contact was sounded out in 100 cycles")
}

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
    const p = node(1, { active: [2, 3, 4] }).joins(109)
    p.step({ _tag: "DialFailed", now: p.now, address: 109, cause: "refused" })
    assert.strictEqual(sounded(p), 109)
  })

  it("P2. never with a Join", () => {
    const p = node(1, { active: [2, 3, 4], graveyard: [9] })
    probed(p)
    assert.deepStrictEqual(p.says("Join"), [])
    p.joins(109).cannotDial(109)
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
    assert.deepStrictEqual([p.active, p.passive, p.graveyard, p.state.probe], [[2, 3, 4], [], [9], undefined])
    probed(p)
    expire(p)
    assert.deepStrictEqual(p.graveyard, [9])
    probed(p)
  })

  it("P3. a buried peer that answers is exhumed, and shuffled with directly", () => {
    const p = node(1, { active: [2, 3, 4], graveyard: [9] })
    const { nonce } = probed(p)
    p.hears(9, probeReply(nonce))
    assert.deepStrictEqual([p.passive, p.graveyard], [[9], []])
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
    const known = node(1, { active: [2, 3, 4], passive: [9] })
      .joins(109)
      .cannotDial(109)
    sounded(known)
    assert.deepStrictEqual(known.opens(109).sent, [])
    const neighborly = node(1, { active: [2, 3, 4] })
      .joins(109)
      .cannotDial(109)
    sounded(neighborly)
    assert.deepStrictEqual(neighborly.opens(109, peer(2)).sent, [])
  })

  const stranger = () => {
    const p = node(1, { active: [2, 3, 4], passive: [5] })
      .joins(109)
      .cannotDial(109)
    sounded(p)
    p.opens(109)
    return { p, requestId: p.says("Shuffle")[0]?.requestId ?? 0 }
  }

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
    assert.deepStrictEqual(p.saysTo(9).at(-1), neighbor(p.requestTo(9), "bridge"))
    p.hears(9, reply(p.requestTo(9), "accepted"))
    assert.include(p.active, 9)
    assert.strictEqual(p.active.length, 3)
    assert.strictEqual(p.says("Disconnect").length, 1)
  })

  it("P4. which is accepted by evicting a random neighbour outside the floor", () => {
    const p = node(1, { chosen: [2], active: [3, 4] }).hears(9, neighbor(7, "bridge"))
    assert.deepStrictEqual(p.saysTo(9), [reply(7, "accepted")])
    assert.includeMembers([...p.active], [2, 9])
    assert.strictEqual(p.says("Disconnect").length, 1)
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
    const p = node(1, { active: [2, 3, 4], graveyard: [8, 9], config: { bridgeMillis: 3_600_000 } })
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
})
