import { assert, describe, it } from "@effect/vitest"
import * as Plumtree from "@hyparview/core/Plumtree"
import * as Result from "effect/Result"
import {
  digest,
  fetched,
  gossip,
  graft,
  id,
  iHave,
  type Message,
  node,
  ranges,
  type Subject,
  topic
} from "../broadcast/subject.ts"
import { overSeeds } from "./node.ts"

/** A node of a thicket of two trees, in which it takes two children and three at most. */
const thicket = (neighbors: ReadonlyArray<number>, override: Partial<Plumtree.Config> = {}, seed = 1): Subject =>
  node(
    neighbors,
    {
      strategy: "thicket",
      treesCount: 2,
      fanout: 2,
      maxLoad: 3,
      announceMillis: 100,
      balanceMillis: 1_000,
      ...override
    },
    1,
    seed
  )

const joined = (tree: number): Message => ({ _tag: "Branch", tree, joined: true })
const refused = (tree: number): Message => ({ _tag: "Branch", tree, joined: false })
const load = (...children: ReadonlyArray<number>): Message => ({ _tag: "Load", children })

/** Its parent in a tree, and its children, in order. */
const parent = ({ state }: Subject, tree: number): number | undefined => Plumtree.treeViews(state)[tree]?.parent?.id
const children = ({ state }: Subject, tree: number): ReadonlyArray<number> =>
  (Plumtree.treeViews(state)[tree]?.children ?? []).map(({ id }) => id).sort((a, b) => a - b)
const loads = ({ state }: Subject): ReadonlyArray<number> => Plumtree.childCounts(state)

/** What it answers about branches, each as `to: tree, in or out`. */
const branches = (p: Subject): ReadonlyArray<string> =>
  p.says("Branch").map(({ joined, to, tree }) => `${to}: ${tree} ${joined ? "in" : "out"}`)

/** A leaf in tree 1: its parent is 2, all its neighbours forward in tree 0, and it has children there. */
const leafOf2 = (override: Partial<Plumtree.Config> = {}, neighbors = [2, 3, 4, 5, 6]): Subject => {
  const p = thicket(neighbors, override)
  p.hears(2, gossip(9, 0))
  for (const child of children(p, 1)) p.hears(child, refused(1))
  return p
}

describe("the trees of a thicket", () => {
  it("TH1. the messages of an origin take the trees in turn, and an epoch begins where it says", () => {
    const tree = (sequence: number, epoch: number) => {
      const p = thicket([2, 3])
      p.hears(2, gossip(9, sequence, { id: id(9, sequence, epoch) }))
      return [0, 1].filter((tree) => parent(p, tree) === 2)
    }
    assert.deepStrictEqual([tree(0, 0), tree(1, 0), tree(2, 0), tree(0, 1), tree(7, 8)], [[0], [1], [0], [1], [1]])
    assert.deepStrictEqual(tree(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER), [0])
  })

  it("TH2. who publishes in a tree first takes f neighbours by chance, such as it uses in no other tree", () => {
    const chosen = new Set<string>()
    overSeeds(20, (seed) => {
      const p = thicket([2, 3, 4, 5, 6, 7], {}, seed).publishes("a").publishes("b")
      assert.deepStrictEqual(loads(p), [2, 2])
      assert.deepStrictEqual(p.saysTo("Gossip").slice().sort(), children(p, 0))
      const both = [...children(p, 0), ...children(p, 1)]
      assert.strictEqual(new Set(both).size, 4)
      chosen.add(both.join(" "))
    })
    assert.isAbove(chosen.size, 10)
    // The next message takes the same; if all of them are gone it begins anew; where none is unused it takes any.
    const p = thicket([2, 3], { fanout: 2 }).publishes("a")
    assert.deepStrictEqual([p.saysTo("Gossip").length, children(p, 1)], [2, [2, 3]])
    p.publishes("b")
    assert.deepStrictEqual([p.saysTo("Gossip").length, children(p, 0)], [2, [2, 3]])
    p.loses(2).loses(3).wins(4).publishes("c")
    assert.deepStrictEqual(children(p, 1), [4])
  })

  it("TH3. the first message of a tree brings the parent, and makes a node interior that is so in no other", () => {
    overSeeds(10, (seed) => {
      const p = thicket([2, 3, 4, 5, 6, 9], {}, seed).hears(2, gossip(9, 0))
      assert.deepStrictEqual([parent(p, 1), loads(p)], [2, [0, 2]])
      assert.deepStrictEqual(p.saysTo("Gossip").slice().sort(), children(p, 1))
      // Not its parent, nor the source.
      assert.notInclude(children(p, 1), 2)
      assert.notInclude(children(p, 1), 9)
      p.hears(3, gossip(9, 1))
      assert.deepStrictEqual([parent(p, 0), loads(p), p.saysTo("Gossip")], [3, [0, 2], []])
    })
    // One that has been in the tree takes none, though it forwards in none.
    const p = leafOf2()
    p.loses(2).hears(3, gossip(9, 2))
    assert.deepStrictEqual([parent(p, 1), loads(p)], [3, [0, 0]])
  })

  it("TH4. a message is pushed to the branches of its tree, but not back, and announced to all others", () => {
    const p = thicket([2, 3, 4, 5, 6]).hears(2, gossip(9, 0))
    const [a, b] = children(p, 1)
    const others = [3, 4, 5, 6].filter((other) => other !== a && other !== b)
    p.fires("Announce")
    assert.deepStrictEqual(p.saysTo("IHave"), others)
    p.hears(a ?? 0, gossip(8, 0))
    assert.deepStrictEqual(p.saysTo("Gossip").slice().sort(), [2, b])
    p.publishes("own").publishes("own")
    assert.strictEqual(p.says("Gossip").length, 2)
  })

  it("TH5. a duplicate ends the branch that brought it, at both ends; but the parent's is no cycle", () => {
    const p = thicket([2, 3, 4, 5]).hears(2, gossip(9, 0))
    const [a = 0, b = 0] = children(p, 1)
    p.hears(a, gossip(9, 0))
    assert.deepStrictEqual([branches(p), children(p, 1)], [[`${a}: 1 out`], [b]])
    p.hears(2, gossip(9, 0))
    assert.deepStrictEqual([branches(p), parent(p, 1)], [[], 2])
    p.hears(b, refused(1))
    assert.deepStrictEqual([children(p, 1), parent(p, 1)], [[], 2])
    // What was asked for says nothing of the tree.
    const q = thicket([2, 3, 4]).hears(2, gossip(9, 0))
    const [c = 0] = children(q, 1)
    q.hears(c, gossip(9, 0, { replay: "graft" })).hears(c, gossip(9, 0, { replay: "recovery" }))
    assert.include(children(q, 1), c)
  })

  it("TH6. a push from one that is no branch: without a parent it is the parent, otherwise it is told, once in timeout1", () => {
    const p = leafOf2()
    p.hears(3, gossip(9, 2))
    assert.deepStrictEqual([p.delivered, branches(p), parent(p, 1)], [["9/2"], ["3: 1 out"], 2])
    assert.deepStrictEqual(branches(p.hears(3, gossip(9, 4))), [])
    p.now += 600
    assert.deepStrictEqual(branches(p.hears(3, gossip(9, 6))), ["3: 1 out"])
    p.loses(2).hears(4, gossip(9, 8))
    assert.deepStrictEqual([branches(p), parent(p, 1)], [[], 4])
  })

  it("TH6. where messages have come past the parent for so long that they would have been grafted, such a push replaces it", () => {
    const p = leafOf2()
    // That nothing has been published for long says nothing.
    p.now += 60_000
    assert.deepStrictEqual(parent(p.hears(3, gossip(9, 2)), 1), 2)
    p.now += 601
    // Who passes on what it had to ask for is no better off.
    assert.deepStrictEqual(parent(p.hears(3, gossip(9, 4, { ageMillis: 100 })), 1), 2)
    p.hears(3, gossip(9, 6, { ageMillis: 99 }))
    assert.deepStrictEqual([branches(p), parent(p, 1), children(p, 1)], [[], 3, [2]])
    // And not at once again.
    assert.deepStrictEqual(parent(p.hears(4, gossip(9, 8)), 1), 3)
    p.now += 500
    p.hears(3, gossip(9, 10))
    p.now += 500
    assert.deepStrictEqual(parent(p.hears(4, gossip(9, 12)), 1), 3)
  })

  it("TH6. a parent that brings the same a little later lacks nothing", () => {
    const p = leafOf2()
    for (let sequence = 2; sequence < 10; sequence += 2) {
      p.hears(3, gossip(9, sequence)).hears(2, gossip(9, sequence))
      assert.deepStrictEqual(parent(p, 1), 2)
      p.now += 601
    }
    // But not where it had to ask for it.
    p.hears(3, gossip(9, 10)).hears(2, gossip(9, 10, { ageMillis: 100 }))
    p.now += 601
    assert.deepStrictEqual(parent(p.hears(3, gossip(9, 12)), 1), 3)
  })

  it("TH7. what somebody on its way had to ask for does not say where up is: of a part that is cut off it would make a ring", () => {
    const grown = () => thicket([2, 3, 4, 5]).hears(2, gossip(9, 0))
    const p = grown()
    const [a = 0] = children(p, 1)
    p.hears(a, gossip(9, 2, { ageMillis: 100 }))
    assert.deepStrictEqual([p.delivered, parent(p, 1), branches(p)], [["9/2"], 2, []])
    assert.strictEqual(parent(p.hears(a, gossip(9, 4)), 1), a)
    // Judges take their time, and that is no such sign.
    const q = grown()
    q.step({ _tag: "ValidateTopic", now: q.now, topic, on: true })
    const [b = 0] = children(q, 1)
    assert.strictEqual(parent(q.hears(b, gossip(9, 2, { ageMillis: 100 })), 1), b)
    // Without a parent it is better than none.
    assert.strictEqual(parent(thicket([2, 3]).hears(2, gossip(9, 0, { ageMillis: 100 })), 1), 2)
  })

  it("TH7. trees have no direction: where a message comes from is up, and any node may publish", () => {
    const p = thicket([2, 3, 4, 5]).hears(2, gossip(9, 0))
    const [a = 0, b = 0] = children(p, 1)
    p.hears(a, gossip(8, 0))
    assert.deepStrictEqual([parent(p, 1), children(p, 1)], [a, [2, b].sort()])
    p.publishes("own")
    assert.deepStrictEqual([p.saysTo("Gossip").slice().sort(), loads(p)], [[2, a, b].sort(), [0, 2]])
    // Its own message does not move what is up.
    assert.strictEqual(parent(p, 1), a)
  })
})

describe("the load", () => {
  it("TH8. is told to all neighbours when it has changed, with the announcements of the next moments", () => {
    const p = thicket([2, 3, 4]).hears(2, gossip(9, 0))
    const [a = 0] = children(p, 1)
    assert.deepStrictEqual(p.says("Load"), [])
    p.fires("Announce")
    assert.deepStrictEqual(p.saysTo("Load"), [2, 3, 4])
    assert.deepStrictEqual(p.says("Load")[0]?.children, [0, 2])
    p.hears(2, gossip(9, 2)).passes(1_000)
    assert.deepStrictEqual(p.says("Load"), [])
    // A new neighbour has not been told, nor has anybody of a child that went.
    p.wins(5).passes(1_000)
    assert.deepStrictEqual(p.saysTo("Load"), [5])
    p.hears(a, refused(1)).passes(1_000)
    assert.deepStrictEqual(
      [p.saysTo("Load"), p.says("Load")[0]?.children],
      [
        [2, 3, 4, 5],
        [0, 1]
      ]
    )
  })

  it("TH9. a child is taken up to the bound, and not beyond it, in whatever tree", () => {
    const p = leafOf2({}, [2, 3, 4, 5, 6, 7])
    p.hears(2, gossip(9, 2))
    for (const child of [3, 4, 5]) assert.deepStrictEqual(branches(p.hears(child, graft(id(9, 2)))), [`${child}: 1 in`])
    assert.deepStrictEqual([branches(p.hears(6, graft(id(9, 2)))), loads(p)], [["6: 1 out"], [0, 3]])
    // The payload is sent all the same.
    assert.strictEqual(p.says("Gossip")[0]?.replay, "graft")
    p.hears(7, gossip(9, 1))
    assert.deepStrictEqual(branches(p.hears(6, graft(id(9, 1)))), ["6: 0 out"])
    assert.deepStrictEqual(branches(p.hears(5, graft(id(9, 2)))), ["5: 1 in"])
    p.hears(3, refused(1))
    assert.deepStrictEqual([branches(p.hears(6, graft(id(9, 1)))), loads(p)], [["6: 0 in"], [1, 2]])
  })
})

describe("a parent is found", () => {
  it("TH10. by a message that is announced and does not come: at once where there is no parent, later where there is one", () => {
    const p = thicket([2, 3, 4]).hears(3, iHave([9, 0, 2]))
    p.fires("Graft")
    assert.deepStrictEqual([p.now, p.saysTo("Graft")], [1_100, [3]])
    p.hears(3, joined(1)).hears(3, gossip(9, 0, { replay: "graft" }))
    assert.deepStrictEqual([parent(p, 1), p.delivered, loads(p)], [3, ["9/0"], [0, 0]])
    p.hears(4, iHave([9, 2, 2])).fires("Graft")
    assert.deepStrictEqual([p.now, p.saysTo("Graft")], [1_700, [4]])
  })

  it("TH10. what somebody on its way had to ask for does not tell how late the tree is, and nothing is waited for longer", () => {
    const lateBy = (ageMillis: number) => {
      const p = leafOf2({ graftMaxMillis: 10_000 }).hears(3, iHave([9, 2, 2]))
      p.now += 450
      return p.hears(2, gossip(9, 2, { ageMillis })).state.late.millis
    }
    assert.deepStrictEqual([lateBy(99), lateBy(100)], [450, 0])
  })

  it("TH11. first one that forwards in this tree alone, then one that does in none, in this and others, in others; of those the least loaded", () => {
    const order = (...children: ReadonlyArray<ReadonlyArray<number>>) => {
      const p = thicket(
        children.map((_, index) => index + 2),
        { announcersSize: 8, maxLoad: 7 }
      )
      children.forEach((counts, index) => counts.length > 0 && p.hears(index + 2, load(...counts)))
      children.forEach((_, index) => p.hears(index + 2, iHave([9, 0, 2])))
      p.fires("Graft")
      const asked: Array<number> = []
      for (let [next] = p.saysTo("Graft"); next !== undefined; [next] = p.saysTo("Graft")) {
        asked.push(next)
        p.hears(next, refused(1))
      }
      return asked
    }
    assert.deepStrictEqual(order([3, 0], [1, 3], [0, 0], [0, 5], [0, 2]), [6, 5, 4, 3, 2])
    // Who has no room is not asked, but for the message, if nobody else has it.
    assert.deepStrictEqual(order([0, 7], [6, 0]), [3])
    assert.deepStrictEqual(order([0, 7]), [2])
  })

  it("TH11. nobody asks its own child while another has the message", () => {
    const p = leafOf2({ maxLoad: 7 }).hears(3, graft(id(9, 0)))
    assert.deepStrictEqual(children(p, 1), [3])
    p.hears(3, load(0, 1))
      .hears(4, load(0, 0))
      .hears(3, iHave([9, 2, 2]))
      .hears(4, iHave([9, 2, 2]))
    assert.deepStrictEqual(p.fires("Graft").saysTo("Graft"), [4])
  })

  it("TH11. of those alike by chance", () => {
    const asked = new Set<number>()
    overSeeds(20, (seed) => {
      const p = thicket([2, 3, 4], {}, seed)
      for (const announcer of [2, 3, 4]) p.hears(announcer, iHave([9, 0, 2]))
      asked.add(p.fires("Graft").saysTo("Graft")[0] ?? 0)
    })
    assert.deepStrictEqual([...asked].sort(), [2, 3, 4])
  })

  it("TH12. by Graft and Branch: it takes a child that is itself in the tree, looks for no parent, and is not asked by its own", () => {
    const p = thicket([2, 3, 4])
    assert.deepStrictEqual(branches(p.hears(3, graft(id(9, 0)))), ["3: 1 out"])
    p.hears(2, gossip(9, 0))
    for (const child of children(p, 1)) p.hears(child, refused(1))
    assert.deepStrictEqual(branches(p.hears(2, graft(id(9, 0)))), [])
    assert.deepStrictEqual(branches(p.hears(3, graft(id(9, 0)))), ["3: 1 in"])
    // It has missed one, and asks: it may not be in the tree any more.
    p.hears(4, iHave([9, 2, 2]))
      .fires("Graft")
      .hears(3, refused(1))
    assert.deepStrictEqual(branches(p.hears(3, graft(id(9, 0)))), ["3: 1 out"])
    // Whoever publishes is in the tree without a parent.
    const q = thicket([2, 3, 4], { fanout: 1 }).publishes("a")
    const [child = 0] = children(q, 1)
    const other = child === 2 ? 3 : 2
    assert.deepStrictEqual(branches(q.hears(other, graft(id(1, 0)))), [`${other}: 1 in`])
  })

  it("TH12. the source that begins the tree takes f children in it, also at its bound: the last may pass nothing on", () => {
    const p = thicket([2, 3, 4, 5, 6, 7], { guideMillis: 5_000 }).publishes("a").publishes("b")
    assert.deepStrictEqual(loads(p), [2, 2])
    const [gone = 0] = children(p, 1)
    const asking = [2, 3, 4, 5, 6, 7].filter((other) => !children(p, 1).includes(other))
    const answers = () => asking.slice(0, 2).map((other) => branches(p.hears(other, graft(id(1, 0)))))
    assert.deepStrictEqual(
      answers(),
      asking.slice(0, 2).map((other) => [`${other}: 1 out`])
    )
    p.hears(gone, refused(1))
    assert.deepStrictEqual(answers(), [[`${asking[0]}: 1 in`], [`${asking[1]}: 1 out`]])
    // Whoever has a parent, or does not begin this tree, does not.
    const q = leafOf2({ guideMillis: 5_000 }, [2, 3, 4, 5, 6, 7]).hears(2, gossip(9, 2))
    for (const child of [3, 4, 5]) q.hears(child, graft(id(9, 2)))
    q.hears(5, graft(id(9, 2)))
    assert.deepStrictEqual(branches(q.hears(6, graft(id(9, 2)))), ["6: 1 out"])
  })

  it("TH13. the message that is named must have come by a branch: else who had it may be behind the one that asks", () => {
    const p = leafOf2().hears(2, gossip(9, 2))
    p.hears(2, refused(1)).hears(p.saysTo("Graft")[0] ?? 0, joined(1))
    const now = parent(p, 1) ?? 0
    const other = [3, 4, 5, 6].find((neighbor) => neighbor !== now) ?? 0
    assert.deepStrictEqual(branches(p.hears(other, graft(id(9, 2)))), [`${other}: 1 out`])
    p.hears(now, gossip(9, 4))
    assert.deepStrictEqual(branches(p.hears(other, graft(id(9, 4)))), [`${other}: 1 in`])
  })

  it("TH13. nor does one prove anything that was fetched, is kept no more, or never came", () => {
    const p = leafOf2({ retainedMessages: 2 })
    p.hears(2, gossip(9, 2, { replay: "recovery" }))
    assert.deepStrictEqual(branches(p.hears(3, graft(id(9, 2)))), ["3: 1 out"])
    assert.deepStrictEqual(branches(p.hears(3, graft(id(9, 20)))), ["3: 1 out"])
    for (const sequence of [4, 6, 8]) p.hears(2, gossip(9, sequence))
    assert.deepStrictEqual(branches(p.hears(3, graft(id(9, 4)))), ["3: 1 out"])
    assert.deepStrictEqual(branches(p.hears(3, graft(id(9, 8)))), ["3: 1 in"])
  })

  it("TH14. refused, lost or silent for timeout1, the next is asked; when nobody is left, whoever announces later", () => {
    const asked = (p: Subject): number => p.saysTo("Graft")[0] ?? 0
    const p = thicket([2, 3, 4, 5])
    for (const announcer of [2, 3, 4]) p.hears(announcer, iHave([9, 0, 2]))
    const first = asked(p.fires("Graft"))
    p.hears(first, gossip(9, 0, { replay: "graft" }))
    const second = asked(p.hears(first, refused(1)))
    const third = asked(p.passes(500))
    assert.deepStrictEqual([first, second, third].sort(), [2, 3, 4])
    assert.deepStrictEqual(asked(p.loses(third)), 0)
    // An answer that comes late is welcome while there is none, and told off when there is one.
    p.hears(second, joined(1))
    assert.deepStrictEqual([parent(p, 1), branches(p)], [second, []])
    assert.deepStrictEqual(branches(p.hears(5, joined(1))), ["5: 1 out"])
    const q = thicket([2, 3])
      .hears(2, iHave([9, 0, 2]))
      .fires("Graft")
    q.hears(2, gossip(9, 0, { replay: "graft" })).hears(2, refused(1))
    assert.strictEqual(asked(q.hears(3, iHave([9, 2, 2])).fires("Graft")), 3)
    // It has the message by a graft, and no parent: so whoever announces it may be one.
    const r = thicket([2, 3])
      .hears(2, iHave([9, 0, 2]))
      .fires("Graft")
    r.hears(2, gossip(9, 0, { round: 2, replay: "graft" })).hears(2, refused(1))
    assert.strictEqual(asked(r.hears(3, iHave([9, 0, 3]))), 3)
    // Where it has children only one that is nearer to the source, and so not behind it.
    const s = leafOf2()
      .hears(4, graft(id(9, 0)))
      .loses(2)
    assert.deepStrictEqual([parent(s, 1), children(s, 1)], [undefined, [4]])
    s.hears(3, gossip(9, 2, { round: 5, replay: "graft" }))
    assert.strictEqual(asked(s.hears(5, iHave([9, 2, 6]))), 0)
    assert.strictEqual(asked(s.hears(5, iHave([9, 2, 5]))), 5)
  })

  it("TH15. who has lost its only branch asks any neighbour at once; who has children waits for what it will miss", () => {
    const p = leafOf2().loses(2)
    assert.strictEqual(p.saysTo("Graft").length, 1)
    assert.deepStrictEqual(
      p.says("Graft").map(({ ids, payload }) => [ids[0], payload]),
      [[id(9, 0), false]]
    )
    const q = thicket([2, 3, 4, 5]).hears(2, gossip(9, 0)).loses(2)
    assert.deepStrictEqual([q.saysTo("Graft"), parent(q, 1), loads(q)], [[], undefined, [0, 2]])
    assert.deepStrictEqual(branches(q.hears(children(q, 1)[0] ?? 0, graft(id(9, 0)))), [`${children(q, 1)[0]}: 1 in`])
    const [other = 0] = [3, 4, 5].filter((neighbor) => !children(q, 1).includes(neighbor))
    assert.deepStrictEqual(branches(q.hears(other, graft(id(9, 0)))), [`${other}: 1 out`])
    q.hears(other, iHave([9, 2, 2]))
      .fires("Graft")
      .hears(other, joined(1))
    assert.deepStrictEqual([parent(q, 1), loads(q)], [other, [0, 2]])
  })

  it("TH16. the parent before is kept as a child, unless the load is at its bound", () => {
    const p = leafOf2()
    p.hears(3, iHave([9, 2, 2]))
      .fires("Graft")
      .hears(3, joined(1))
    assert.deepStrictEqual([parent(p, 1), children(p, 1), branches(p)], [3, [2], []])
    const q = leafOf2({}, [2, 3, 4, 5, 6]).hears(2, gossip(9, 2))
    for (const child of [4, 5, 6]) q.hears(child, graft(id(9, 2)))
    q.hears(3, iHave([9, 4, 2]))
      .fires("Graft")
      .hears(3, joined(1))
    assert.deepStrictEqual([parent(q, 1), children(q, 1), branches(q)], [3, [4, 5, 6], ["2: 1 out"]])
  })

  it("TH17. a gap is left to the trees before it is fetched; what was fetched and announced shows a parent too", () => {
    const p = leafOf2().hears(3, gossip(9, 1))
    const began = p.now
    p.hears(2, gossip(9, 4))
    p.passes(600)
    assert.deepStrictEqual(p.says("Fetch"), [])
    p.passes(1_000)
    assert.strictEqual(p.says("Fetch").length, 1)
    assert.isAbove(p.now - began, 900)
    const q = thicket([2, 3]).hears(2, digest(ranges(9, 0, 0)))
    q.hears(3, iHave([9, 0, 2])).hears(2, gossip(9, 0, { replay: "recovery" }))
    assert.deepStrictEqual([q.delivered, q.saysTo("Graft")], [["9/0"], [3]])
  })

  it("TH17. and it shows another parent where messages have come past the one that there is for as long, by whichever came first", () => {
    const fetched = (p: Subject, sequence = 2) =>
      p.hears(5, gossip(9, sequence, { replay: "recovery" })).saysTo("Graft")
    const announced = (millis: number): Subject => {
      const p = leafOf2().hears(3, iHave([9, 2, 2]))
      p.now += millis
      return p
    }
    assert.deepStrictEqual(fetched(announced(601)), [3])
    assert.deepStrictEqual(fetched(announced(600)), [])
    const late = leafOf2()
    assert.deepStrictEqual(fetched(late), [])
    late.now += 601
    assert.deepStrictEqual(late.hears(3, iHave([9, 2, 2])).saysTo("Graft"), [3])
    // It is kept as a child, as one from whom something was missed.
    late.hears(3, joined(1))
    assert.deepStrictEqual([parent(late, 1), children(late, 1)], [3, [2]])
    // What the parent brings ends that, and what it had to ask for itself does not.
    const p = leafOf2()
    fetched(p)
    p.hears(2, gossip(9, 4)).now += 601
    assert.deepStrictEqual(p.hears(3, iHave([9, 4, 2])).saysTo("Graft"), [])
    p.hears(3, iHave([9, 6, 1])).now += 25
    p.hears(2, gossip(9, 6, { ageMillis: 100 })).now += 576
    assert.deepStrictEqual(p.hears(4, iHave([9, 6, 1])).saysTo("Graft"), [4])
  })

  it("TH6. a parent is not dry that brings what is old, where nobody has announced it sooner: it says so of all, or judges do", () => {
    const p = leafOf2()
    for (let sequence = 2; sequence < 10; sequence += 2) {
      p.now += 400
      p.hears(3, iHave([9, sequence, 1])).now += 24
      p.hears(2, gossip(9, sequence, { ageMillis: 5_000 }))
      assert.deepStrictEqual(p.hears(4, iHave([9, sequence, 1])).saysTo("Graft"), [])
      assert.deepStrictEqual(parent(p, 1), 2)
    }
  })

  it("TH17. while a tree carries nothing its numbers are gaps, of which there are never too many within the window", () => {
    const p = thicket([2, 3], { gapsSize: 2 })
    for (let sequence = 0; sequence <= 60; sequence += 2) {
      p.hears(2, gossip(9, sequence))
      assert.deepStrictEqual([p.delivered, p.lagged], [[`9/${sequence}`], []])
    }
    // As many are asked for at once as one Fetch names.
    assert.deepStrictEqual(p.passes(2_000).says("Fetch"), [
      { _tag: "Fetch", to: 2, wanted: [ranges(9, 1, 1, 3, 3, 5, 5)] }
    ])
    // Who has them has the others too, it may be, and is asked after all others without a pause.
    for (const sequence of [1, 3, 5]) p.hears(2, gossip(9, sequence, { replay: "recovery" }))
    assert.deepStrictEqual(p.hears(2, fetched()).saysTo("Fetch"), [3])
    assert.deepStrictEqual(p.hears(3, fetched()).says("Fetch"), [
      { _tag: "Fetch", to: 2, wanted: [ranges(9, 7, 7, 9, 9, 11, 11)] }
    ])
    // If it has none of them it is not, in this round.
    assert.deepStrictEqual(p.hears(2, fetched()).saysTo("Fetch"), [])
    assert.deepStrictEqual(p.hears(2, gossip(9, 74)).lagged, ["9/7–7", "9/9–9"])
  })
})

describe("a parent is changed for a better one", () => {
  /** 2 is the parent in tree 1 and brings message 2, which `other` announces, with loads as said. */
  const offered = (
    mine: ReadonlyArray<number>,
    others: ReadonlyArray<number>,
    more: { readonly round?: number; readonly children?: ReadonlyArray<number>; readonly source?: number } = {}
  ): Subject => {
    const p = leafOf2({ maxLoad: 7 })
    for (const child of more.children ?? []) p.hears(child, graft(id(9, 0)))
    p.hears(2, load(...mine)).hears(3, load(...others))
    p.now += 2_000
    const source = more.source ?? 9
    p.hears(2, gossip(source, 2, { round: 4 }))
    return p.hears(3, iHave([source, 2, more.round ?? 4]))
  }

  it("TH18. for one that forwards in this tree alone, or in none, if the parent forwards in others too", () => {
    const p = offered([2, 2], [0, 4])
    assert.deepStrictEqual(
      p.says("Graft").map(({ payload, to }) => [to, payload]),
      [[3, false]]
    )
    // The old one is left when the new one has said yes.
    assert.strictEqual(parent(p, 1), 2)
    p.hears(3, joined(1))
    assert.deepStrictEqual([parent(p, 1), children(p, 1), branches(p)], [3, [], ["2: 1 out"]])
    assert.deepStrictEqual(offered([2, 2], [0, 0]).saysTo("Graft"), [3])
    for (const others of [
      [1, 0],
      [1, 3],
      [0, 7]
    ])
      assert.deepStrictEqual(offered([2, 2], others).saysTo("Graft"), [])
    assert.deepStrictEqual(offered([0, 4], [0, 4]).saysTo("Graft"), [])
    // Who has not said how much it forwards is nobody's better parent.
    assert.deepStrictEqual(offered([2, 2], []).saysTo("Graft"), [])
    // Refused, it stays.
    assert.deepStrictEqual(parent(offered([2, 2], [0, 4]).hears(3, refused(1)), 1), 2)
  })

  it("TH18. or for one that has three children less; not from one that publishes, nor twice in a while", () => {
    assert.deepStrictEqual(offered([0, 6], [0, 3]).saysTo("Graft"), [3])
    assert.deepStrictEqual(offered([0, 6], [0, 4]).saysTo("Graft"), [])
    assert.deepStrictEqual(offered([0, 6], [0, 0]).saysTo("Graft"), [])
    assert.deepStrictEqual(offered([5, 5], [0, 3]).saysTo("Graft"), [])
    const p = offered([0, 6], [0, 3]).hears(3, joined(1))
    p.hears(3, load(0, 6))
      .hears(4, load(0, 2))
      .hears(3, gossip(9, 4))
      .hears(4, iHave([9, 4, 2]))
    assert.deepStrictEqual(p.saysTo("Graft"), [])
    p.now += 1_000
    p.hears(3, gossip(9, 6)).hears(4, iHave([9, 6, 2]))
    assert.deepStrictEqual(p.saysTo("Graft"), [4])
    assert.deepStrictEqual(branches(p.hears(5, graft(id(9, 6)))), ["5: 1 out"])
  })

  it("TH19. who has children asks only who is nearer to the source", () => {
    assert.deepStrictEqual(offered([2, 2], [0, 4], { children: [4], round: 5 }).saysTo("Graft"), [])
    assert.deepStrictEqual(offered([2, 2], [0, 4], { children: [4], round: 4 }).saysTo("Graft"), [3])
    assert.deepStrictEqual(offered([2, 2], [0, 4], { round: 9 }).saysTo("Graft"), [3])
  })
})

describe("TH20. of several sources one is the guide", () => {
  /** A leaf in tree 1, whose parent 2 has brought a message of 9. */
  const guided = (override: Partial<Plumtree.Config> = {}) => leafOf2({ guideMillis: 5_000, maxLoad: 7, ...override })

  it("the one of the lowest id, until it has been silent for guideMillis times the number of trees", () => {
    const guide = (p: Subject) => p.state.thicket.trees[1]?.guide?.source
    const p = guided().hears(2, gossip(10, 2))
    assert.strictEqual(guide(p), 9)
    assert.strictEqual(guide(p.hears(2, gossip(8, 2))), 8)
    p.now += 10_000
    assert.strictEqual(guide(p.hears(2, gossip(10, 4))), 8)
    p.now += 1
    assert.strictEqual(guide(p.hears(2, gossip(10, 6))), 10)
    // What was recovered was published once, also where a neighbour has recovered it and passes it on.
    assert.strictEqual(guide(p.hears(2, gossip(7, 2, { replay: "recovery" }))), 10)
    assert.strictEqual(guide(p.hears(2, gossip(7, 4, { ageMillis: 5_001 }))), 10)
    assert.strictEqual(guide(p.hears(2, gossip(7, 6, { ageMillis: 5_000 }))), 7)
  })

  it("and not one whose messages wait for a verdict, since nobody else may ever get them", () => {
    const p = guided()
    p.step({ _tag: "ValidateTopic", now: p.now, topic, on: true })
    assert.strictEqual(p.hears(2, gossip(8, 2)).state.thicket.trees[1]?.guide?.source, 9)
    // One that has been silent for too long guides no more, even so.
    p.now += 10_001
    assert.strictEqual(p.hears(2, gossip(8, 4)).state.thicket.trees[1]?.guide, undefined)
  })

  it("by whose messages alone a parent is known and a duplicate prunes", () => {
    const p = guided().hears(3, graft(id(9, 0)))
    assert.deepStrictEqual([children(p, 1), parent(p, 1)], [[3], 2])
    assert.strictEqual(parent(p.hears(3, gossip(10, 2)), 1), 2)
    assert.deepStrictEqual(branches(p.hears(3, gossip(10, 2))), [])
    assert.strictEqual(parent(p.hears(3, gossip(9, 2)), 1), 3)
    assert.deepStrictEqual([branches(p.hears(2, gossip(9, 2))), children(p, 1)], [["2: 1 out"], []])
  })

  it("and not by the first of those by which it took a living one's place", () => {
    const p = guided()
      .hears(3, graft(id(9, 0)))
      .hears(3, gossip(8, 2))
    assert.deepStrictEqual([parent(p, 1), branches(p.hears(2, gossip(8, 2)))], [2, []])
    assert.strictEqual(parent(p.hears(3, gossip(8, 4)), 1), 3)
  })

  it("what others publish is asked for where it does not come, and moves nobody", () => {
    const p = guided().hears(3, iHave([10, 2, 1]))
    p.now += 99
    assert.isAtLeast(p.state.timers.Graft.at - p.now, p.state.config.graftMillis)
    p.fires("Graft")
    assert.deepStrictEqual(
      p.says("Graft").map(({ payload, to }) => [to, payload]),
      [[3, true]]
    )
    p.hears(3, gossip(10, 2, { replay: "graft" }))
    assert.deepStrictEqual([p.delivered, parent(p, 1), p.state.thicket.trees[1]?.seek], [["10/2"], 2, undefined])
    // Nor does it make who asks for it a child.
    p.hears(4, graft(id(10, 2)))
    assert.deepStrictEqual([branches(p), children(p, 1), p.saysTo("Gossip")], [[], [], [4]])
    assert.deepStrictEqual(branches(p.hears(4, graft(id(9, 0)))), ["4: 1 in"])
  })

  it("who has no parent waits for a message of the guide to find one", () => {
    const p = guided().loses(2)
    // Its only branch was lost: it asks at once, by the last message of the guide.
    assert.deepStrictEqual(
      p.says("Graft").map(({ ids }) => ids),
      [[id(9, 0)]]
    )
    for (let asked = 0; asked < 4; asked++) p.hears(p.says("Graft")[0]?.to ?? 0, refused(1))
    p.hears(3, gossip(10, 2, { replay: "graft" })).hears(4, iHave([10, 2, 1]))
    assert.deepStrictEqual([p.says("Graft"), parent(p, 1)], [[], undefined])
    p.hears(4, iHave([9, 2, 1]))
      .fires("Graft")
      .hears(4, joined(1))
    assert.strictEqual(parent(p, 1), 4)
  })

  it("this node may be it, and then needs no parent; and no more when another of a lower id is heard", () => {
    const p = thicket([2, 3, 4, 5], { guideMillis: 5_000, maxLoad: 7 }).publishes("a").publishes("b")
    const [a = 0] = children(p, 1)
    p.hears(a, gossip(9, 0))
    assert.deepStrictEqual([parent(p, 1), p.state.thicket.trees[1]?.isRoot], [undefined, true])
    // Somebody who takes this node for a child of his is told that it is none.
    const [stranger = 0] = [2, 3, 4, 5].filter((other) => !children(p, 1).includes(other))
    assert.deepStrictEqual(branches(p.hears(stranger, gossip(9, 2))), [`${stranger}: 1 out`])
    p.hears(a, gossip(0, 0)).hears(a, gossip(0, 2))
    const tree = (0 + 1 + 0) % 2
    assert.deepStrictEqual([parent(p, tree), p.state.thicket.trees[tree]?.isRoot], [a, false])
  })

  it("with guideMillis 0 there is none, and every message counts, as in the paper, which has one source", () => {
    const p = guided({ guideMillis: 0 }).hears(3, graft(id(9, 0)))
    assert.strictEqual(parent(p.hears(3, gossip(10, 2)), 1), 3)
    assert.deepStrictEqual(branches(p.hears(2, gossip(10, 2))), ["2: 1 out"])
    assert.strictEqual(p.state.thicket.trees[1]?.guide, undefined)
  })
})

describe("a thicket ends", () => {
  it("TH21. a neighbour that was lost is in no tree any more; who leaves is in none", () => {
    const p = thicket([2, 3, 4, 5]).hears(2, gossip(9, 0))
    const [a = 0, b = 0] = children(p, 1)
    p.loses(a)
    assert.deepStrictEqual([parent(p, 1), children(p, 1)], [2, [b]])
    p.loses(2)
    assert.deepStrictEqual([parent(p, 1), children(p, 1)], [undefined, [b]])
    p.step({ _tag: "Left", now: p.now })
    assert.deepStrictEqual([loads(p), p.says("Graft")], [[0, 0], []])
  })

  it("TH22. a configuration names how many trees, children and a bound that holds them", () => {
    const wrong = (override: Partial<Plumtree.Config>) =>
      Result.match(Plumtree.makeConfig(override), { onFailure: ({ field }) => field, onSuccess: () => "none" })
    assert.strictEqual(wrong({ strategy: "thicket" }), "none")
    assert.strictEqual(wrong({ treesCount: 0 }), "treesCount")
    assert.strictEqual(wrong({ fanout: 8, maxLoad: 7 }), "fanout")
    assert.strictEqual(wrong({ maxLoad: 256 }), "maxLoad")
    assert.strictEqual(wrong({ balanceMillis: -1 }), "balanceMillis")
    assert.strictEqual(wrong({ strategy: "thicket", retainedBytes: 0, recovery: false }), "retainedBytes")
    assert.strictEqual(wrong({ strategy: "thicket", announceMillis: 0 }), "announceMillis")
  })
})
