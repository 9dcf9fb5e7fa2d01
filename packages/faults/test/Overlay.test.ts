import { assert, describe, it } from "@effect/vitest"
import type { NodeView, Snapshot } from "@hyparview/faults/Overlay"
import {
  asymmetricLinks,
  components,
  deadLinks,
  duplicateEntries,
  inBothViews,
  inDegrees,
  missedLinks,
  outDegrees,
  overCapacity,
  selfInViews,
  violations
} from "@hyparview/faults/Overlay"

const bounds = { activeSize: 4, passiveSize: 6 }

/** A ring of `count` nodes in which each holds the two before and after it, and knows the next three. */
const ring = (count: number, first = 0): Snapshot<number> =>
  Array.from({ length: count }).map((_, index) => {
    const at = (offset: number) => first + ((index + offset + count) % count)
    return { id: at(0), active: [at(1), at(-1), at(2), at(-2)], passive: [at(3), at(4), at(5)], pending: 0 }
  })

const change = (
  snapshot: Snapshot<number>,
  id: number,
  edit: (node: NodeView<number>) => NodeView<number>
): Snapshot<number> => snapshot.map((node) => (node.id === id ? edit(node) : node))

const dropLink = (snapshot: Snapshot<number>, a: number, b: number): Snapshot<number> =>
  [
    [a, b],
    [b, a]
  ].reduce(
    (nodes, [from = 0, to = 0]) =>
      change(nodes, from, (node) => ({ ...node, active: node.active.filter((id) => id !== to) })),
    snapshot
  )

const calm = (snapshot: Snapshot<number>) => violations(snapshot, bounds, { calm: true })

describe("a whole overlay", () => {
  it("breaks no rule", () => {
    assert.deepStrictEqual(calm(ring(20)), [])
    assert.deepStrictEqual(components(ring(20)), { count: 1, largest: 20, isolated: 0 })
    assert.deepStrictEqual([...outDegrees(ring(20))], [[4, 20]])
    assert.deepStrictEqual([...inDegrees(ring(20))], [[4, 20]])
  })

  it("may be one node, or two that hold each other, or none", () => {
    assert.deepStrictEqual(calm([{ id: 1, active: [], passive: [], pending: 0 }]), [])
    assert.deepStrictEqual(
      calm([
        { id: 1, active: [2], passive: [], pending: 0 },
        { id: 2, active: [1], passive: [], pending: 0 }
      ]),
      []
    )
    assert.deepStrictEqual(calm([]), [])
    assert.deepStrictEqual(components([]), { count: 0, largest: 0, isolated: 0 })
  })

  it("may leave one node short where the sum of degrees would be odd", () => {
    const odd = { activeSize: 5, passiveSize: 6 }
    const complete = (count: number, without: (a: number, b: number) => boolean): Snapshot<number> =>
      Array.from({ length: count }).map((_, id) => ({
        id,
        active: Array.from({ length: count })
          .map((__, other) => other)
          .filter((other) => other !== id && !without(id, other)),
        passive: [],
        pending: 0
      }))
    // Seven nodes, each with all but one: of seven, one finds no partner to drop and drops two.
    const pairs = ["0-1", "2-3", "4-5", "5-6"]
    const seven = complete(7, (a, b) => pairs.includes(`${Math.min(a, b)}-${Math.max(a, b)}`))
    assert.deepStrictEqual(violations(seven, odd, { calm: true }), [])
    assert.deepStrictEqual(
      [...outDegrees(seven)],
      [
        [4, 1],
        [5, 6]
      ]
    )
  })
})

describe("each mutation of a whole overlay is seen, and nothing else", () => {
  it("a node that holds itself", () => {
    const broken = change(ring(20), 3, (node) => ({ ...node, passive: [3, ...node.passive] }))
    assert.deepStrictEqual(selfInViews(broken), [3])
    assert.deepStrictEqual(calm(broken), ["3 holds itself in a view"])
  })

  it("an id in both views", () => {
    const broken = change(ring(20), 3, (node) => ({ ...node, passive: [4, ...node.passive] }))
    assert.deepStrictEqual(inBothViews(broken), [{ id: 3, both: [4] }])
    assert.deepStrictEqual(calm(broken), ["3 holds 4 in both views"])
  })

  it("an id twice in one view", () => {
    const broken = change(ring(20), 3, (node) => ({ ...node, passive: [6, ...node.passive] }))
    assert.deepStrictEqual(duplicateEntries(broken), [3])
    assert.deepStrictEqual(calm(broken), ["3 holds an id twice in one view"])
  })

  it("an active view above its bound", () => {
    const once = change(ring(20), 3, (node) => ({ ...node, active: [...node.active, 13] }))
    const broken = change(once, 13, (node) => ({ ...node, active: [...node.active, 3] }))
    assert.deepStrictEqual(
      overCapacity(broken, bounds).map(({ id, part }) => [id, part]),
      [
        [3, "active"],
        [13, "active"]
      ]
    )
    assert.deepStrictEqual(calm(broken), [
      "3 holds 5 in its active view, whose bound is 4",
      "13 holds 5 in its active view, whose bound is 4"
    ])
  })

  it("a passive view above its bound", () => {
    const broken = change(ring(20), 3, (node) => ({ ...node, passive: [6, 7, 8, 9, 10, 11, 12] }))
    assert.deepStrictEqual(calm(broken), ["3 holds 7 in its passive view, whose bound is 6"])
  })

  it("more open requests than slots", () => {
    const broken = change(ring(20), 3, (node) => ({ ...node, pending: 5 }))
    assert.deepStrictEqual(calm(broken), ["3 has 5 open requests for 4 active slots"])
  })

  it("a link held by one end only", () => {
    const whole = ring(400)
    const broken = change(whole, 3, (node) => ({ ...node, active: node.active.filter((id) => id !== 4) }))
    assert.deepStrictEqual(asymmetricLinks(broken), [{ from: 4, to: 3 }])
    assert.deepStrictEqual(calm(broken), ["links held by one end only: 4 → 3"])
    assert.deepStrictEqual(violations(broken, bounds, { calm: false }), [])
  })

  it("a link to a node that does not run, or that nobody knows", () => {
    const dead = change(ring(1_000), 3, (node) => ({ ...node, alive: false }))
    assert.deepStrictEqual(
      deadLinks(dead).map(({ from }) => from),
      [1, 2, 4, 5]
    )
    assert.deepStrictEqual(calm(dead), ["links to nodes that do not run: 1 → 3, 2 → 3, 4 → 3, 5 → 3"])
    const unknown = change(ring(1_000), 3, (node) => ({ ...node, active: [...node.active.slice(1), 5_000] }))
    assert.deepStrictEqual(deadLinks(unknown), [{ from: 3, to: 5_000 }])
  })

  it("two components, and a node alone", () => {
    assert.deepStrictEqual(calm([...ring(20), ...ring(10, 20)]), [
      "2 components; the largest has 20 of 30 nodes, 0 are alone"
    ])
    const alone: NodeView<number> = { id: 999, active: [], passive: [], pending: 0 }
    assert.deepStrictEqual(components([...ring(200), alone]), { count: 2, largest: 200, isolated: 1 })
    assert.deepStrictEqual(calm([...ring(200), alone]), [
      "2 components; the largest has 200 of 201 nodes, 1 are alone",
      "nodes with fewer than 2 neighbours: 999 (0)"
    ])
  })

  it("two nodes with free slots of which one knows the other", () => {
    const holes = dropLink(dropLink(ring(400), 3, 4), 10, 11)
    assert.deepStrictEqual(calm(holes), [])
    const broken = change(holes, 3, (node) => ({ ...node, passive: [...node.passive, 10] }))
    assert.deepStrictEqual(missedLinks(broken, bounds), [{ from: 3, to: 10 }])
    assert.deepStrictEqual(calm(broken), ["non-neighbours with free slots that know each other: 3 → 10"])
    const asking = change(broken, 3, (node) => ({ ...node, pending: 1 }))
    assert.deepStrictEqual(missedLinks(asking, bounds), [])
  })

  it("too many nodes short of neighbours", () => {
    assert.deepStrictEqual(calm(dropLink(ring(200), 3, 4)), [])
    assert.deepStrictEqual(calm(dropLink(ring(199), 3, 4)), [
      "2 of 199 nodes, 1 allowed, have fewer than 4 neighbours: 3 (3), 4 (3)"
    ])
  })

  it("a node with a single neighbour", () => {
    // Nobody knows anybody else, or the three that it lost would be a broken rule of their own.
    const strangers: Snapshot<number> = ring(600).map((node) => ({ ...node, passive: [] }))
    const broken = [1, 2, 4].reduce((nodes, other) => dropLink(nodes, 3, other), strangers)
    assert.deepStrictEqual(calm(broken), ["nodes with fewer than 2 neighbours: 3 (1)"])
  })
})

describe("a sentence", () => {
  it("names at most five examples", () => {
    const lonely = Array.from({ length: 9 }).map((_, id) => ({ id, active: [], passive: [], pending: 0 }))
    assert.include(calm(lonely).at(-1), "0 (0), 1 (0), 2 (0), 3 (0), 4 (0), and 4 more")
  })
})
