/** What the page and its layout worker say to each other. */

/** A graph to lay out. Positions are kept from what they were: `NaN` for a node that has none yet. */
export interface LayoutRequest {
  readonly version: number
  readonly positions: Float32Array
  /** Pairs of indices. */
  readonly links: Uint32Array
  /** How many rounds to run: many for a new graph, few for one that has changed a little. */
  readonly rounds: number
}

/** Where the nodes are after some more rounds, within a circle of radius 1. */
export interface LayoutAnswer {
  readonly version: number
  readonly positions: Float32Array
  readonly isDone: boolean
}
