/** What the page is given to show: nodes as the server sees them, pictures of the graph, files of the simulator. */
import { nothing, type Picture, type PictureNode } from "../page/model/Picture.ts"
import type { SeenNode } from "../src/ClusterSource.ts"

export const seenNode = (id: string, active: ReadonlyArray<string> = [], more: Partial<SeenNode> = {}): SeenNode => ({
  id,
  address: `${id}:1`,
  process: 0,
  status: "alive",
  active,
  passiveSize: 0,
  roundTripMillis: null,
  group: null,
  ...more
})

export const pictureNode = (id: string, more: Partial<PictureNode> = {}): PictureNode => ({
  id,
  state: "running",
  degree: 0,
  component: 0,
  process: 0,
  ...more
})

/** A picture of a cluster: its running nodes, its links as `a-b`, and who is dead. */
export const pictureOf = (
  ids: ReadonlyArray<string>,
  links: ReadonlyArray<string> = [],
  dead: ReadonlyArray<string> = []
): Picture => ({
  ...nothing,
  of: "cluster",
  nodes: new Map([
    ...ids.map((id) => [id, pictureNode(id)] as const),
    ...dead.map((id) => [id, pictureNode(id, { state: "dead", component: -1 })] as const)
  ]),
  links: links.map((link) => {
    const [a = "", b = ""] = link.split("-")
    return { a, b, isOneSided: false, isEager: false }
  })
})

/** A result of three broadcasts. */
export const resultFile = (more: object = {}): File =>
  new File(
    [
      JSON.stringify({
        experiment: "failures",
        seed: 3,
        nodes: 3,
        complete: true,
        traceHash: "abc",
        overlay: {
          alive: 2,
          components: 1,
          largestComponent: 2,
          asymmetricLinks: 0,
          inDegree: {},
          clustering: 0.01,
          averageShortestPath: 1.5
        },
        healingCycles: null,
        broadcasts: [
          { reliability: 1, rmr: 0.5, hops: 2 },
          { reliability: 0.5, rmr: 0.5, hops: 2 },
          { reliability: 1, rmr: 0.5, hops: 2 }
        ],
        ...more
      })
    ],
    "result.json"
  )

/** Three nodes in a row. */
export const edgesFile = (): File => new File(["1,2\n2,1\n2,3\n"], "edges.csv")
