/**
 * Who is who: peers, and the links between them.
 *
 * Id and address are type parameters: strings in production, small integers in the simulator. Both compare with `===`,
 * ids also with `<`.
 *
 * @since 0.1.0
 */

/**
 * What an id can be.
 *
 * @category models
 * @since 0.1.0
 */
export type Key = string | number

/**
 * One incarnation of a node. The id names the node for ever; the epoch grows with each of its starts, and the higher
 * epoch is the living one; the address is where it can be dialled. A peer record is never changed, and may be shared.
 *
 * @category models
 * @since 0.1.0
 */
export interface Peer<I extends Key = string, A = string> {
  readonly id: I
  readonly epoch: number
  readonly address: A
}

/**
 * Names one active link: the request (asker's id, asker's epoch, request id) that made it. Whatever speaks about a link
 * names it, and what names another link is ignored: so a late Disconnect cannot tear down a link that was made anew.
 *
 * @category models
 * @since 0.1.0
 */
export interface LinkId<I extends Key = string> {
  readonly asker: I
  readonly epoch: number
  readonly requestId: number
}

/**
 * Whether two names mean the same link.
 *
 * @category comparisons
 * @since 0.1.0
 */
export const sameLink = <I extends Key>(a: LinkId<I>, b: LinkId<I>): boolean =>
  a === b || (a.requestId === b.requestId && a.asker === b.asker && a.epoch === b.epoch)

/**
 * Peers on their way to another node's passive view, each with its age: the cycles since the peer itself last vouched
 * for its entry. Two arrays of one length.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sample<I extends Key = string, A = string> {
  readonly peers: ReadonlyArray<Peer<I, A>>
  readonly ages: ReadonlyArray<number>
}

/**
 * A sample of nobody.
 *
 * @category constants
 * @since 0.1.0
 */
export const noSample: Sample<never, never> = { peers: [], ages: [] }
