/** One round of ForceAtlas2 over plain arrays: the library types only what wraps it. */
declare module "graphology-layout-forceatlas2/iterate.js" {
  export interface Settings {
    linLogMode: boolean
    outboundAttractionDistribution: boolean
    adjustSizes: boolean
    edgeWeightInfluence: number
    scalingRatio: number
    strongGravityMode: boolean
    gravity: number
    slowDown: number
    barnesHutOptimize: boolean
    barnesHutTheta: number
  }
  export default function iterate(settings: Settings, nodes: Float32Array, edges: Float32Array): void
}
