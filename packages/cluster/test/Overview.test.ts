import { assert, describe, it } from "@effect/vitest"
import type { NodeView } from "@hyparview/cluster/Control"
import * as Overview from "@hyparview/cluster/Overview"

const rules: Overview.Rules = { activeSize: 4, passiveSize: 6, requestTimeoutMillis: 3_000 }

const node = (id: string, active: ReadonlyArray<string>, more: Partial<NodeView> = {}): NodeView => ({
  id,
  epoch: 1,
  address: `${id}.test:1`,
  status: "joined",
  active,
  passive: [],
  passiveSize: 0,
  pending: 0,
  graveyard: 0,
  links: active.length,
  sent: 0,
  received: 0,
  delivered: 0,
  duplicates: 0,
  eager: [],
  outboxBytes: 0,
  ...more
})

/** A ring of `count` nodes in which each holds the two before and after it. */
const ring = (count: number): ReadonlyArray<NodeView> =>
  Array.from({ length: count }).map((_, index) => {
    const at = (offset: number) => `n${(index + offset + count) % count}`
    return node(at(0), [at(1), at(-1), at(2), at(-2)])
  })

const edit = (nodes: ReadonlyArray<NodeView>, id: string, change: (node: NodeView) => NodeView) =>
  nodes.map((node) => (node.id === id ? change(node) : node))

const forget = (nodes: ReadonlyArray<NodeView>, id: string, neighbor: string) =>
  edit(nodes, id, (node) => ({ ...node, active: node.active.filter((other) => other !== neighbor) }))

const look = (nodes: ReadonlyArray<NodeView>, atMillis = 1_000, before: Overview.Watch = Overview.watch) =>
  Overview.observe(before, { atMillis, nodes }, rules)

describe("a whole overlay", () => {
  it("is one component of symmetric links with full views", () => {
    const { overview } = look(ring(20))
    assert.strictEqual(overview.alive, 20)
    assert.strictEqual(overview.joined, 20)
    assert.strictEqual(overview.links, 40)
    assert.deepStrictEqual(overview.components, { count: 1, largest: 20, isolated: 0 })
    assert.deepStrictEqual([...overview.degrees], [[4, 20]])
    assert.isTrue(Overview.isWhole(overview))
    assert.isTrue(Overview.isFull(overview))
    assert.strictEqual(Overview.summary(overview), "1 component of 20, 40 links, all symmetric, all with 4 neighbours")
    assert.deepStrictEqual(Overview.faults(ring(20), rules), [])
  })

  it("may be a single node", () => {
    const { overview } = look([node("n1", [])])
    assert.isTrue(Overview.isFull(overview))
  })

  it("is not whole when nobody answered", () => {
    assert.isFalse(Overview.isWhole(look([]).overview))
  })
})

describe("a link that one end holds", () => {
  it("is a suspect at first, and counts once", () => {
    const { overview } = look(forget(ring(20), "n3", "n4"))
    assert.deepStrictEqual(overview.suspects, [{ from: "n4", to: "n3" }])
    assert.deepStrictEqual(overview.asymmetric, [])
    assert.strictEqual(overview.links, 40)
    assert.isFalse(Overview.isWhole(overview))
  })

  it("is asymmetric when a poll a request time-out later agrees", () => {
    const broken = forget(ring(20), "n3", "n4")
    const first = look(broken, 1_000)
    const second = look(broken, 3_999, first.watch)
    assert.deepStrictEqual(second.overview.asymmetric, [])
    const third = look(broken, 4_000, second.watch)
    assert.deepStrictEqual(third.overview.asymmetric, [{ from: "n4", to: "n3" }])
  })

  it("is asymmetric too when it leads to nobody alive for so long", () => {
    const halfDead = ring(20).filter(({ id }) => id !== "n3")
    const first = look(halfDead, 1_000)
    assert.strictEqual(first.overview.deadLinks.length, 4)
    assert.isFalse(Overview.isWhole(first.overview))
    const second = look(halfDead, 4_000, first.watch)
    assert.strictEqual(second.overview.asymmetric.length, 4)
    assert.isFalse(Overview.isWhole(second.overview))
  })

  it("is not judged where it leads to a node that lives elsewhere", () => {
    const guest = edit(ring(20), "n3", (node) => ({ ...node, active: [...node.active, "guest"] }))
    const own = new Set(guest.map(({ id }) => id))
    const first = Overview.observe(Overview.watch, { atMillis: 1_000, nodes: guest, own }, rules)
    const second = Overview.observe(first.watch, { atMillis: 4_000, nodes: guest, own }, rules)
    const { asymmetric, deadLinks, elsewhere, links } = second.overview
    assert.deepStrictEqual([asymmetric, deadLinks, elsewhere], [[], [], [{ from: "n3", to: "guest" }]])
    assert.strictEqual(links, 40)
    assert.isTrue(Overview.isWhole(second.overview))
  })

  it("does not keep an overlay from being whole where it is another one in each poll", () => {
    const first = look(forget(ring(20), "n3", "n4"), 1_000)
    const second = look(forget(ring(20), "n5", "n6"), 2_500, first.watch)
    assert.isFalse(Overview.isWhole(second.overview))
    const third = look(forget(ring(20), "n7", "n8"), 4_000, second.watch)
    assert.isTrue(Overview.isWhole(third.overview))
    const fourth = look([...ring(20), node("x", [])], 4_500, third.watch)
    assert.isFalse(Overview.isWhole(fourth.overview))
    const fifth = look(forget(ring(20), "n9", "n10"), 5_000, fourth.watch)
    assert.isFalse(Overview.isWhole(fifth.overview))
  })

  it("starts over when a poll between found it whole", () => {
    const broken = forget(ring(20), "n3", "n4")
    const first = look(broken, 1_000)
    const second = look(ring(20), 2_000, first.watch)
    const third = look(broken, 4_500, second.watch)
    assert.deepStrictEqual(third.overview.asymmetric, [])
    assert.strictEqual(third.overview.suspects.length, 1)
  })
})

describe("what is wrong", () => {
  it("is told: parts, links to the dead, nodes short of neighbours", () => {
    const halves = [
      ...ring(10),
      ...ring(10).map((n) => ({ ...n, id: `x${n.id}`, active: n.active.map((a) => `x${a}`) }))
    ]
    const { overview } = look(halves.filter(({ id }) => id !== "n0"))
    assert.strictEqual(overview.components.count, 2)
    assert.strictEqual(overview.deadLinks.length, 4)
    assert.deepStrictEqual(
      [...overview.degrees],
      [
        [3, 4],
        [4, 15]
      ]
    )
    assert.strictEqual(
      Overview.summary(overview),
      "2 components (largest 10 of 19, 0 alone), 36 links, all symmetric, 4 to dead nodes, all with 4 neighbours"
    )
  })

  it("leaves nodes that have left or stopped out of account", () => {
    const { overview } = look([...ring(20), node("a", [], { status: "left" }), node("b", [], { status: "stopped" })])
    assert.strictEqual(overview.alive, 20)
    assert.isTrue(Overview.isFull(overview))
  })

  it("forgives one short node where the sum of degrees is odd, and none where it is even", () => {
    const odd = { ...rules, activeSize: 3 }
    // Five nodes of three neighbours cannot be: one has two.
    const five = [
      node("a", ["b", "c", "d"]),
      node("b", ["a", "c", "e"]),
      node("c", ["a", "b", "d"]),
      node("d", ["a", "c", "e"]),
      node("e", ["b", "d"])
    ]
    assert.isTrue(Overview.observe(Overview.watch, { atMillis: 0, nodes: five }, odd).overview.fullness.isFull)
    assert.isFalse(look(forget(forget(ring(20), "n1", "n2"), "n2", "n1")).overview.fullness.isFull)
  })
})

describe("traffic", () => {
  const sending = (nodes: ReadonlyArray<NodeView>, sent: number) => nodes.map((node) => ({ ...node, sent }))

  it("has no rate in the first poll", () => {
    assert.isUndefined(look(ring(10)).overview.sentPerSecond)
  })

  it("is what was sent between two polls, a second", () => {
    const first = look(sending(ring(10), 100), 1_000)
    const second = look(sending(ring(10), 150), 3_000, first.watch)
    assert.strictEqual(second.overview.sentPerSecond, 250)
    assert.strictEqual(second.overview.messages.sent, 1_500)
  })

  it("does not count a new incarnation against the old", () => {
    const first = look(sending(ring(10), 100), 1_000)
    const reborn = edit(sending(ring(10), 101), "n0", (node) => ({ ...node, epoch: 2, sent: 5 }))
    assert.strictEqual(look(reborn, 2_000, first.watch).overview.sentPerSecond, 9)
  })
})
