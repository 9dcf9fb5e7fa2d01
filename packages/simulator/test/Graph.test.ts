import { Random } from "@hyparview/core"
import { assert, describe, it } from "@effect/vitest"
import * as Graph from "@hyparview/simulator/Graph"

const random = () => Random.seeded(1)

/** An undirected graph from its edges. */
const undirected = (nodes: number, edges: ReadonlyArray<readonly [number, number]>): Graph.Graph => {
  const lists: Array<Array<number>> = Array.from({ length: nodes }, () => [])
  for (const [a, b] of edges) {
    lists[a]?.push(b)
    lists[b]?.push(a)
  }
  return Graph.fromLists(nodes, (node) => lists[node] ?? [])
}

const ring = (nodes: number) => Graph.fromLists(nodes, (node) => [(node + 1) % nodes, (node + nodes - 1) % nodes])
const complete = (nodes: number) => Graph.fromLists(nodes, () => Array.from({ length: nodes }, (_, i) => i))
const star = (nodes: number) =>
  undirected(
    nodes,
    Array.from({ length: nodes - 1 }, (_, i) => [0, i + 1] as const)
  )
const path = (nodes: number) =>
  undirected(
    nodes,
    Array.from({ length: nodes - 1 }, (_, i) => [i, i + 1] as const)
  )
/** A ring in which each node also holds its neighbours' neighbours, up to `reach` away. */
const lattice = (nodes: number, reach: number) =>
  Graph.fromLists(nodes, (node) =>
    Array.from({ length: 2 * reach }, (_, i) => (node + nodes + (i < reach ? i + 1 : reach - i - 1)) % nodes)
  )
const cliques = (size: number, bridged: boolean) => {
  const edges: Array<readonly [number, number]> = bridged ? [[0, size]] : []
  for (let a = 0; a < size; a++) for (let b = 0; b < a; b++) edges.push([a, b], [size + a, size + b])
  return undirected(2 * size, edges)
}
/** A random graph of one degree: stubs paired at random, bad pairs mended by swapping with random others. */
const randomRegular = (nodes: number, degree: number, random: Random.Random): Graph.Graph => {
  const stubs = Array.from({ length: nodes * degree }, (_, i) => Math.floor(i / degree))
  const swap = (a: number, b: number) => {
    const kept = stubs[a] ?? 0
    stubs[a] = stubs[b] ?? 0
    stubs[b] = kept
  }
  for (let i = stubs.length - 1; i > 0; i--) swap(i, Random.nextBelow(random, i + 1))
  for (let bad = true; bad;) {
    bad = false
    const seen = new Set<number>()
    for (let i = 0; i < stubs.length; i += 2) {
      const [a = 0, b = 0] = [stubs[i], stubs[i + 1]]
      const edge = Math.min(a, b) * nodes + Math.max(a, b)
      if (a === b || seen.has(edge)) {
        swap(i, Random.nextBelow(random, stubs.length))
        bad = true
      }
      seen.add(edge)
    }
  }
  const edges = Array.from({ length: stubs.length / 2 }, (_, i) => [stubs[2 * i] ?? 0, stubs[2 * i + 1] ?? 0] as const)
  return undirected(nodes, edges)
}

describe("a graph", () => {
  it("leaves out links to oneself, to nobody, and repeated ones", () => {
    const graph = Graph.fromLists(3, (node) => (node === 0 ? [0, 1, 1, 2, -1, 3] : []))
    assert.deepStrictEqual([...Graph.linksOf(graph, 0)], [1, 2])
    assert.deepStrictEqual([...graph.offsets], [0, 2, 2, 2])
  })

  it("of no nodes has no parts and no paths", () => {
    const none = Graph.fromLists(0, () => [])
    assert.include(Graph.components(none), { count: 0, largest: 0, largestRoot: -1 })
    assert.include(Graph.pathLengths(none, random()), { average: 0, longest: 0, unreachableShare: 0 })
    assert.strictEqual(Graph.clustering(none), 0)
  })
})

describe("components", () => {
  it("counts the parts and finds the largest", () => {
    assert.include(Graph.components(ring(10)), { count: 1, largest: 10, largestRoot: 0 })
    assert.include(Graph.components(cliques(5, false)), { count: 2, largest: 5, largestRoot: 0 })
    assert.include(Graph.components(cliques(5, true)), { count: 1, largest: 10 })
    assert.include(Graph.components(Graph.fromLists(4, () => [])), { count: 4, largest: 1 })
    const parts = Graph.components(
      undirected(6, [
        [0, 1],
        [2, 5],
        [5, 4]
      ])
    )
    assert.include(parts, { count: 3, largest: 3, largestRoot: 2 })
    assert.deepStrictEqual([...parts.rootOf], [0, 0, 2, 3, 2, 2])
  })

  it("joins by a link in either direction", () => {
    assert.strictEqual(Graph.components(Graph.fromLists(3, (node) => (node === 2 ? [0, 1] : []))).count, 1)
  })
})

describe("degrees and asymmetry", () => {
  it("counts links that are not held back", () => {
    assert.strictEqual(Graph.asymmetricLinks(complete(6)), 0)
    assert.strictEqual(Graph.asymmetricLinks(Graph.fromLists(5, (node) => [(node + 1) % 5])), 5)
    assert.strictEqual(
      Graph.asymmetricLinks(Graph.fromLists(3, (node) => (node === 0 ? [1, 2] : [0].slice(node - 1)))),
      1
    )
  })

  it("counts in- and out-degrees", () => {
    const outward = Graph.fromLists(5, (node) => (node === 0 ? [1, 2, 3, 4] : []))
    assert.deepStrictEqual(Graph.histogram(Graph.outDegrees(outward)), { "0": 4, "4": 1 })
    assert.deepStrictEqual(Graph.histogram(Graph.inDegrees(outward)), { "0": 1, "1": 4 })
    assert.deepStrictEqual(Graph.histogram(Graph.inDegrees(star(9))), { "1": 8, "8": 1 })
    for (const value of [0.5, -1, NaN]) assert.throws(() => Graph.histogram([1, value]), RangeError)
  })

  it("counts links between groups", () => {
    assert.strictEqual(
      Graph.crossLinks(cliques(4, true), (node) => Math.floor(node / 4)),
      2
    )
    assert.strictEqual(
      Graph.crossLinks(complete(6), (node) => node % 2),
      18
    )
    // A link that one end alone holds is one.
    const inward = Graph.fromLists(4, (node) => (node === 3 ? [0, 1, 2] : []))
    assert.strictEqual(
      Graph.crossLinks(inward, (node) => Math.floor(node / 2)),
      2
    )
  })
})

describe("clustering", () => {
  it("is 1 in a complete graph, 0 in a star, a path and a long ring", () => {
    assert.strictEqual(Graph.clustering(complete(7)), 1)
    assert.strictEqual(Graph.clustering(star(7)), 0)
    assert.strictEqual(Graph.clustering(path(7)), 0)
    assert.strictEqual(Graph.clustering(ring(7)), 0)
  })

  it("counts a node with two neighbours as every other", () => {
    // Three of a triangle that are linked, and one of them with a fourth: 1, 1, a third, 0.
    const tailed = undirected(4, [
      [0, 1],
      [1, 2],
      [2, 0],
      [2, 3]
    ])
    assert.approximately(Graph.clustering(tailed), (1 + 1 + 1 / 3 + 0) / 4, 1e-12)
  })

  it("is 3(k − 2) / 4(k − 1) in a ring lattice of degree k", () => {
    assert.approximately(Graph.clustering(lattice(50, 2)), 0.5, 1e-12)
    assert.approximately(Graph.clustering(lattice(50, 3)), 0.6, 1e-12)
  })

  it("counts each bridge end's pairs in two bridged cliques", () => {
    // 8 nodes see a clique; 2 have one neighbour more that knows none of the other four: 6 of 10 pairs.
    assert.approximately(Graph.clustering(cliques(5, true)), (8 + 2 * 0.6) / 10, 1e-12)
  })
})

describe("path lengths", () => {
  const average = (graph: Graph.Graph) => Graph.pathLengths(graph, random()).average

  it("have the closed form of a ring, a complete graph, a star, a path and a lattice", () => {
    assert.approximately(average(ring(11)), 3, 1e-12)
    assert.approximately(average(ring(600)), (600 * 600) / (4 * 599), 1e-9)
    assert.strictEqual(average(complete(9)), 1)
    // 2(n − 1) pairs with the middle at 1, (n − 1)(n − 2) pairs of leaves at 2.
    assert.approximately(average(star(10)), (18 + 2 * 72) / 90, 1e-12)
    assert.approximately(average(path(100)), 101 / 3, 1e-12)
    // Distances 1 1 1 2 2 2 … to either side.
    assert.approximately(average(lattice(13, 3)), (6 * 1 + 6 * 2) / 12, 1e-12)
  })

  it("give the diameter", () => {
    const longest = (graph: Graph.Graph) => Graph.pathLengths(graph, random()).longest
    assert.deepStrictEqual(
      [ring(10), ring(11), complete(4), star(5), path(700), cliques(5, true)].map(longest),
      [5, 5, 1, 2, 699, 3]
    )
  })

  it("follow directions and count whom they cannot reach", () => {
    const outward = Graph.pathLengths(
      Graph.fromLists(3, (node) => (node < 2 ? [node + 1] : [])),
      random()
    )
    assert.approximately(outward.average, 4 / 3, 1e-12)
    assert.strictEqual(outward.unreachableShare, 0.5)
    assert.approximately(Graph.pathLengths(cliques(5, false), random()).unreachableShare, 5 / 9, 1e-12)
  })

  it("know the standard errors of a sample that can be counted", () => {
    // Of every sample that there is of two nodes: what it gives, by what it finds.
    const found = (graph: Graph.Graph) =>
      new Map(
        Array.from({ length: 50 }, (_, seed) => {
          const sampled = Graph.pathLengths(graph, Random.seeded(seed), { exactUpTo: 1, samples: 2 })
          const { average, standardError, unreachableShare, unreachableStandardError } = sampled
          return [`${average} ${unreachableShare.toFixed(3)}`, [standardError, unreachableStandardError]] as const
        })
      )
    // The ends of a path of three nodes see lengths of 1 and 2, its middle 1 and 1: 5/4 on average, ± 1/4 each.
    const whole = found(path(3))
    assert.sameMembers([...whole.keys()], ["1.5 0.000", "1.25 0.000"])
    assert.deepStrictEqual(whole.get("1.5 0.000"), [0, 0])
    assert.approximately(whole.get("1.25 0.000")?.[0] ?? NaN, Math.sqrt(((2 * (1 / 16)) / 2) * (1 - 2 / 3)), 1e-12)
    // Of two nodes that are joined and two that are alone, one of each kind: 1/3 and 0 of the others are reached.
    const parts = found(undirected(4, [[0, 1]]))
    assert.sameMembers([...parts.keys()], ["1 0.667", "1 0.833", "0 1.000"])
    assert.deepStrictEqual(parts.get("1 0.667"), [0, 0])
    assert.deepStrictEqual(parts.get("0 1.000"), [0, 0])
    const [ofAverage, ofShare] = parts.get("1 0.833") ?? []
    // Whoever reaches nobody says nothing of the lengths.
    assert.strictEqual(ofAverage, 0)
    assert.approximately(ofShare ?? NaN, Math.sqrt(((2 * (1 / 36)) / 2) * (1 - 2 / 4)), 1e-12)
  })

  it("know their standard errors in a graph of many parts: as much as samples differ", () => {
    // 180 nodes well joined, a ring of 40, 30 pairs, 20 that are alone.
    const large = randomRegular(180, 4, Random.seeded(2))
    const graph = Graph.fromLists(300, (node) => {
      if (node < 180) return Graph.linksOf(large, node)
      if (node < 220) return [180 + ((node - 180 + 1) % 40), 180 + ((node - 180 + 39) % 40)]
      return node < 280 ? [node ^ 1] : []
    })
    const exact = Graph.pathLengths(graph, random())
    assert.include(exact, { exact: true, standardError: 0, unreachableStandardError: 0 })
    const samples = Array.from({ length: 400 }, (_, seed) =>
      Graph.pathLengths(graph, Random.seeded(seed), { exactUpTo: 1, samples: 60 })
    )
    const rootMeanSquare = (of: (sampled: Graph.PathLengths) => number) =>
      Math.sqrt(samples.reduce((sum, each) => sum + of(each) ** 2, 0) / samples.length)
    // Of 400 values a standard deviation is known to 4 %.
    const lengths = rootMeanSquare(({ average }) => average - exact.average)
    assert.approximately(rootMeanSquare(({ standardError }) => standardError) / lengths, 1, 0.16)
    const unreached = rootMeanSquare(({ unreachableShare }) => unreachableShare - exact.unreachableShare)
    assert.approximately(
      rootMeanSquare(({ unreachableStandardError }) => unreachableStandardError) / unreached,
      1,
      0.16
    )
  })

  it("see the longest path of all sources, however many are searched at a time", () => {
    // 600 sources are two searches; the two ends of the one long path are of the first.
    const long = undirected(700, [
      ...Array.from({ length: 9 }, (_, i) => [i, i + 1] as const),
      ...Array.from({ length: 345 }, (_, i) => [10 + 2 * i, 11 + 2 * i] as const)
    ])
    assert.strictEqual(Graph.pathLengths(long, random()).longest, 9)
  })

  it("of a random 5-regular graph of 10,000 nodes agree with theory, 6.36", () => {
    const graph = randomRegular(10_000, 5, Random.seeded(3))
    const exact = Graph.pathLengths(graph, random())
    assert.isTrue(exact.exact)
    assert.approximately(exact.average, 6.36, 0.01)
    // (k − 1)³ / 6 triangles are expected, 10.7 here: 3 · 10.7 closed pairs of 10 · n.
    assert.approximately(Graph.clustering(graph), 0.00032, 0.0002)

    const sampled = Graph.pathLengths(graph, random(), { exactUpTo: 1_000, samples: 300 })
    assert.include(sampled, { exact: false, sources: 300 })
    assert.approximately(sampled.average, exact.average, 4 * sampled.standardError)
    assert.isBelow(sampled.standardError, 0.005)
    assert.isAtMost(sampled.longest, exact.longest)
  })
})
