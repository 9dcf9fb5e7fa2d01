import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"
import { ActionRefused, ClusterUnavailable, type Observation, type SeenNode } from "../src/ClusterSource.ts"
import * as Feed from "../src/Feed.ts"
import * as Overlay from "../src/Overlay.ts"
import * as Story from "../src/Story.ts"

const about = { cluster: "c", wantedDegree: 2, transport: "none" }

const node = (id: string, active: ReadonlyArray<string>, more: Partial<SeenNode> = {}): SeenNode => ({
  id,
  address: `${id}:1`,
  process: 0,
  status: "alive",
  active,
  passiveSize: 3,
  roundTripMillis: null,
  group: null,
  ...more
})

const seen = (nodes: ReadonlyArray<SeenNode>, sent = 0): Observation => ({
  nodes,
  processes: 1,
  messages: { sent, received: sent },
  outboxBytes: 0,
  reach: null
})

const triangle = [node("a", ["b", "c"]), node("b", ["a", "c"]), node("c", ["a", "b"])]

const stateOf = (nodes: ReadonlyArray<SeenNode>) => Feed.advance(Feed.initial(about), seen(nodes), 1_000)

const encode = Schema.encodeSync(Schema.fromJsonString(Feed.FeedMessage))
const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Feed.FeedMessage))

/** Through the wire and into a page. */
const told = (before: Feed.State | undefined, message: Feed.FeedMessage) => Feed.apply(before, decode(encode(message)))

describe("the feed", () => {
  it("tells everything at first, and then what has changed", () => {
    const first = stateOf(triangle)
    const page = told(undefined, Feed.snapshot(first))
    assert.deepStrictEqual(page, first)

    const now = Feed.advance(
      first,
      seen([node("a", ["b"]), node("b", ["a"]), node("c", [], { status: "dead" }), node("d", [])]),
      1_200
    )
    const update = Feed.difference(first, now)
    assert.deepStrictEqual(update._tag === "Update" ? update.nodes : [], [
      { id: "a", active: ["b"] },
      { id: "b", active: ["a"] },
      { id: "c", status: "dead", active: [] },
      node("d", [])
    ])
    assert.deepStrictEqual(told(page, update), now)
  })

  it("keeps a node that has not changed the same object, and tells nothing of it", () => {
    const first = stateOf(triangle)
    const now = Feed.advance(first, seen(triangle.map((each) => ({ ...each, active: [...each.active] }))), 1_200)
    assert.strictEqual(now.nodes.get("a"), first.nodes.get("a"))
    const update = Feed.difference(first, now)
    assert.deepStrictEqual(update._tag === "Update" ? update.nodes : undefined, [])
    // The page's map stays the same too, so that it need not draw.
    assert.strictEqual(told(first, update)?.nodes, first.nodes)
  })

  it.effect.prop(
    "says to a slow reader in one update what it says to a quick one in many",
    {
      observed: Arbitrary.schema(
        Schema.Array(Schema.Array(Schema.Tuple([Schema.Literals(["a", "b", "c", "d"]), Schema.Boolean])))
      )
    },
    ({ observed }) =>
      Effect.sync(() => {
        let state = Feed.initial(about)
        const start = state
        let quick: Feed.State | undefined = told(undefined, Feed.snapshot(state))
        observed.forEach((pairs, index) => {
          const nodes = [...new Map(pairs)].map(([id, isAlive]) =>
            node(id, isAlive ? pairs.map(([other]) => other).filter((other) => other !== id) : [], {
              status: isAlive ? "alive" : "dead",
              group: pairs.length % 3 === 0 ? pairs.length : null,
              ...(pairs.length % 2 === 0 ? { eager: [] } : {})
            })
          )
          const next = Feed.advance(state, seen(nodes, index), 1_000 + index)
          quick = told(quick, Feed.difference(state, next))
          state = next
        })
        const slow = told(told(undefined, Feed.snapshot(start)), Feed.difference(start, state))
        // Nodes that are new to the one may be old to the other: the order is not part of it.
        assert.deepStrictEqual(new Map([...(slow?.nodes ?? [])].sort()), new Map([...(quick?.nodes ?? [])].sort()))
        assert.deepStrictEqual(slow?.counters, quick?.counters)
      })
  )

  it("leaves out a round trip that has moved by less than a fifth", () => {
    const first = stateOf([node("a", [], { roundTripMillis: 10 })])
    const near = Feed.advance(first, seen([node("a", [], { roundTripMillis: 11 })]), 1_200)
    const far = Feed.advance(near, seen([node("a", [], { roundTripMillis: 14 })]), 1_400)
    assert.strictEqual(near.nodes.get("a")?.roundTripMillis, 10)
    assert.strictEqual(far.nodes.get("a")?.roundTripMillis, 14)
  })

  it("tells of a round trip that moves by small steps, each beside another change", () => {
    let state = stateOf([node("a", [], { roundTripMillis: 10 })])
    let page = told(undefined, Feed.snapshot(state))
    for (let step = 1; step <= 20; step++) {
      const more = { roundTripMillis: 10 * 1.1 ** step, passiveSize: step }
      const next = Feed.advance(state, seen([node("a", [], more)]), 1_000 + step * 200)
      page = told(page, Feed.difference(state, next))
      state = next
      assert.isAtLeast(page?.nodes.get("a")?.roundTripMillis ?? 0, 0.8 * more.roundTripMillis)
    }
    assert.deepStrictEqual(page?.nodes, state.nodes)
  })

  it("understands no update before its snapshot", () => {
    const first = stateOf(triangle)
    assert.isUndefined(Feed.apply(undefined, Feed.difference(Feed.initial(about), first)))
  })

  it("keeps the last 500 lines of the log, numbered without a gap", () => {
    const line = { kind: "node", isBad: false, text: "x", reason: null, node: null, atMillis: 1 } as const
    let state = Feed.initial(about)
    for (let round = 0; round < 7; round++)
      state = Feed.withLog(
        state,
        Array.from({ length: 100 }, () => line)
      )
    assert.strictEqual(state.log.length, Feed.mostLogEntries)
    assert.deepStrictEqual([state.log[0]?.sequence, state.log.at(-1)?.sequence], [200, 699])
  })

  it("counts what runs, what does not, and in how many pieces it is", () => {
    const { counters } = stateOf([
      ...triangle,
      node("d", ["e"]),
      node("e", []),
      node("f", []),
      node("g", [], { status: "joining" }),
      node("h", [], { status: "dead" }),
      node("i", [], { status: "left" })
    ])
    const { alive, components, dead, isolated, joining, largest, left, links, oneSided } = counters
    assert.deepStrictEqual(
      { alive, components, dead, isolated, joining, largest, left, links, oneSided },
      { alive: 6, components: 4, dead: 1, isolated: 2, joining: 1, largest: 3, left: 1, links: 4, oneSided: 1 }
    )
  })

  it("counts the groups of a cut that is in force, also where all of their members are dead", () => {
    const { counters } = stateOf([
      node("a", [], { group: 0, status: "dead" }),
      node("b", [], { group: 1, status: "dead" }),
      node("c", [])
    ])
    assert.strictEqual(counters.groups, 2)
  })

  it("evens out the rate of messages, and holds it when a node takes its count to the grave", () => {
    const first = Feed.advance(Feed.initial(about), seen(triangle, 100), 1_000)
    assert.isNull(first.counters.sentPerSecond)
    const second = Feed.advance(first, seen(triangle, 200), 2_000)
    assert.strictEqual(second.counters.sentPerSecond, 100)
    const third = Feed.advance(second, seen(triangle, 50), 3_000)
    assert.strictEqual(third.counters.sentPerSecond, 100)
    const fourth = Feed.advance(third, seen(triangle, 50), 4_000)
    assert.isBelow(fourth.counters.sentPerSecond ?? 100, 100)
  })
})

describe("the overlay", () => {
  it("marks a link that either end pushes broadcasts over, and one that only one end holds", () => {
    const { componentSizes, links } = Overlay.overlayOf([
      node("a", ["b", "c"], { eager: ["b"] }),
      node("b", ["a"], { eager: [] }),
      node("c", [])
    ])
    assert.deepStrictEqual(links, [
      { a: "a", b: "b", isOneSided: false, isEager: true },
      { a: "a", b: "c", isOneSided: true, isEager: false }
    ])
    assert.deepStrictEqual(componentSizes, [3])
  })

  it("knows no link to a node that does not run", () => {
    const { degreeOf, links } = Overlay.overlayOf([node("a", ["b", "x"]), node("b", [], { status: "dead" })])
    assert.deepStrictEqual([links.length, degreeOf.get("a")], [0, 0])
  })
})

describe("the log's words", () => {
  it("tell many of one kind in one line, with the reason", () => {
    const loss = (id: string, neighbor: string) =>
      ({ kind: "link", isBad: false, nodes: [id, neighbor], what: "lost a neighbour", reason: "reset" }) as const
    const lines = Story.ofHappenings([loss("a", "z"), loss("b", "z"), loss("a", "y")])
    assert.deepStrictEqual(
      lines.map(({ reason, text }) => [text, reason]),
      [["a, b lost a neighbour, 3 times in all", "reset"]]
    )
    assert.deepStrictEqual(
      Story.ofHappenings([loss("a", "z")]).map(({ text }) => text),
      ["a lost a neighbour (z)"]
    )
  })

  it("tell what could not be done by the name that it has on the page, and of no answer not that nothing was done", () => {
    const share = { _tag: "KillShare", percent: 1 } as const
    const lines = [
      Story.ofFailure(share, new ActionRefused({ action: "KillShare", detail: "1 % of 24 nodes is nobody" })),
      Story.ofFailure({ _tag: "Heal" }, new ClusterUnavailable({ detail: "silence" }))
    ]
    assert.deepStrictEqual(
      lines.map(({ isBad, reason, text }) => [isBad, text, reason]),
      [
        [true, "Kill a share: not done", "1 % of 24 nodes is nobody"],
        [true, "Heal the cut: no answer", "the cluster does not answer: silence"]
      ]
    )
  })

  it("tell what was done, and badly where it was not all", () => {
    const reach = { id: "m", from: "a", publishedAtMillis: 0, expected: 3 }
    const publish = { _tag: "Publish", node: "a", text: "x" } as const
    const published = (arrivals: ReadonlyArray<readonly [string, number, number]>) =>
      Story.ofAction(publish, { _tag: "Published", reach: { ...reach, arrivals } })
    const [whole, part] = [
      published([
        ["a", 0, 0],
        ["b", 1, 4],
        ["c", 2, 33_312]
      ]),
      published([["a", 0, 0]])
    ]
    assert.deepStrictEqual(
      [whole.isBad, whole.text],
      [false, "a published; all 3 have it after 33.3 s and at most 2 hops"]
    )
    assert.deepStrictEqual(
      [part.isBad, part.text],
      [true, "a published; 1 of 3 nodes have it after 0 ms and at most 0 hops"]
    )
    const ids = ["a", "b", "c", "d", "e"]
    const lines = [
      Story.ofAction({ _tag: "KillShare", percent: 40 }, { _tag: "Killed", nodes: ids }),
      Story.ofAction({ _tag: "Restart", nodes: [] }, { _tag: "Restarted", nodes: ["a"] }),
      Story.ofAction({ _tag: "AddNodes", count: 2 }, { _tag: "Added", nodes: ["f"], trouble: "no room" }),
      Story.ofAction({ _tag: "Heal" }, { _tag: "Partitioned", sizes: [2, 3] }),
      Story.ofAction({ _tag: "Heal" }, { _tag: "Healed" })
    ]
    assert.deepStrictEqual(
      lines.map(({ isBad, reason, text }) => [isBad, text, reason]),
      [
        [false, "5 nodes killed without a goodbye (40 %)", "a, b, c and 2 others"],
        [false, "1 node started again", "a"],
        [true, "1 new node started; no room", "f"],
        [false, "cut into 2 groups of 2, 3", null],
        [false, "the cut is healed", null]
      ]
    )
  })

  it("tell who died, that the overlay fell apart, and that it is one piece again", () => {
    const whole = stateOf(triangle)
    const broken = Feed.advance(whole, seen([node("a", []), node("b", []), node("c", [], { status: "dead" })]), 1_200)
    assert.deepStrictEqual(
      Story.between(whole, broken).map(({ text }) => text),
      ["c is dead", "the overlay is in 2 components; the largest has 1 of 2", "2 nodes have no neighbour at all"]
    )
    const healed = Feed.advance(
      broken,
      seen([node("a", ["b"]), node("b", ["a"]), node("c", [], { status: "dead" })]),
      1_400
    )
    assert.deepStrictEqual(
      Story.between(broken, healed).map(({ text }) => text),
      ["the overlay is one piece again"]
    )
  })
})
