/**
 * What the broadcast benchmark asks of an implementation: nodes of one process, joined to each other over real TCP. A mesh
 * ends with its process.
 */

/** Totals over all nodes and the mesh's life. */
export interface Counts {
  /** Payloads that reached a node over a link, of use or not. */
  readonly copies: number
  /** Messages that were handed to the application of a node other than their publisher. */
  readonly deliveries: number
}

export interface Mesh {
  /** Publishes and returns at once. `refused` is called, now or later, if the node does not take the message. */
  readonly publish: (node: number, payload: Uint8Array, refused: () => void) => void
  /** What has been counted up to the last second or so. */
  readonly counts: () => Counts
  /** Resolves when no link is being opened any more of those that the nodes were told to open. */
  readonly connected: Promise<void>
}

export interface MeshOptions {
  readonly nodes: number
  /** Whatever both ends of a link and a message's origin need to prove. */
  readonly secured: boolean
  /** Called for each message handed to a node's application. */
  readonly onMessage: (node: number, payload: Uint8Array) => void
}

/** An implementation whose modules are loaded and whose keys are made: what is left is to start. */
export interface Contender {
  /** Resolves when every node exists and has been told whom to connect to; links may still be opening. */
  readonly start: () => Promise<Mesh>
}

/** Evenly spaced among the nodes, so that publishers are not each other's contacts. */
export const publisherAt = (index: number, publishers: number, nodes: number): number =>
  Math.floor(((index % publishers) * nodes) / publishers)

export const topic = "benchmark"
