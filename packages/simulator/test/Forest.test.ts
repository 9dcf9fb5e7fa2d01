/** The measures of trees, on trees that are drawn by hand. */
import { Plumtree } from "@hyparview/core"
import { assert, describe, it } from "@effect/vitest"
import * as Forest from "@hyparview/simulator/Forest"
import { HandMade, peer } from "./HandMade.ts"

/** A node's place in a tree. */
interface Place {
  readonly parent?: number
  readonly children?: ReadonlyArray<number>
}

const nodes = 7

/** All others are its neighbours. */
const neighborsOf = (node: number) => Array.from({ length: nodes }, (_, id) => id).filter((id) => id !== node)

const inTrees = (node: number, places: ReadonlyArray<Place>) => {
  const neighbors = neighborsOf(node)
  const trees = places.map(({ children = [], parent }) => ({
    branches: [...children, ...(parent === undefined ? [] : [parent])].reduce(
      (set, id) => set | (1 << neighbors.indexOf(id)),
      0
    ),
    parent: parent === undefined ? -1 : neighbors.indexOf(parent),
    isRoot: false,
    last: undefined,
    seek: undefined,
    movedAt: 0,
    lackedSince: -1,
    guide: undefined
  }))
  return { broadcast: { neighbors: neighbors.map(peer), thicket: { trees, told: 0 } } }
}

/**
 * Two trees, and a node 6 that does not run. The first grows from node 0: 0 → 1 → 3 → 4, and 0 → 2 → 6. The other grows
 * from 4, to 0, 5 and 6; apart from it 1 feeds 2.
 */
const twoTrees = () =>
  new HandMade(
    [
      inTrees(0, [{ children: [1, 2] }, { parent: 4 }]),
      inTrees(1, [{ parent: 0, children: [3] }, { children: [2] }]),
      inTrees(2, [{ parent: 0, children: [6] }, { parent: 1 }]),
      inTrees(3, [{ parent: 1, children: [4] }, {}]),
      inTrees(4, [{ parent: 3 }, { children: [0, 5, 6] }]),
      inTrees(5, [{}, { parent: 4 }]),
      undefined
    ],
    undefined,
    { ...Plumtree.defaultConfig, strategy: "thicket", treesCount: 2 }
  )

describe("a thicket", () => {
  it("reaches whom its branches reach, up to a parent too, of those that run", () => {
    // 0 1 2 3 4 of six; 0 4 5 of six.
    assert.deepStrictEqual(Forest.thicket(twoTrees(), 0).trees, [
      { reachedShare: 5 / 6, hops: 3 },
      { reachedShare: 3 / 6, hops: 2 }
    ])
  })

  it("has its load told without the source, whose own is apart", () => {
    // Children of 1 to 5: 1 + 1, 1, 1, 3, 0.
    assert.deepInclude(Forest.thicket(twoTrees(), 0), {
      load: { "0": 1, "1": 2, "2": 1, "3": 1 },
      mostLoad: 3,
      sourceLoad: 2,
      interiorTrees: { "0": 1, "1": 3, "2": 1 },
      atMostOneShare: 4 / 5
    })
    // Without 4, which publishes too.
    assert.deepInclude(Forest.thicket(twoTrees(), 0, [4]), {
      load: { "0": 1, "1": 2, "2": 1 },
      mostLoad: 2,
      sourceLoad: 2,
      interiorTrees: { "0": 1, "1": 2, "2": 1 },
      atMostOneShare: 3 / 4
    })
  })
})

describe("the tree of Plumtree", () => {
  it("loads a node with its eager neighbours but for the one towards the source", () => {
    const held = (count: number, lazy: number) => ({
      broadcast: { neighbors: neighborsOf(0).slice(0, count).map(peer), lazy }
    })
    const world = new HandMade([held(5, 0), held(3, 0b000), held(3, 0b101), held(1, 0b1), held(4, 0b0010), undefined])
    // Node 0 is the source; of the others two push on to two more, and two to nobody.
    assert.deepStrictEqual(Forest.plumtreeLoad(world, 0), { "0": 2, "2": 2 })
  })
})
