/**
 * A node's part in a round of X-BOT (`../Optimization.ts`): whether it can take one, how long it lasts, which link it gives away,
 * and with whom it will make another.
 *
 * @since 0.1.0
 */
import type { Key, Peer } from "../../Peer.ts"
import type { Given, State, Swap, Transition } from "../State.ts"

/** A part, by its name. */
export type Part<Tag extends Swap<Key, unknown>["_tag"], I extends Key, A> = Extract<Swap<I, A>, { readonly _tag: Tag }>

/** Deadlines, in request time-outs from when a part begins. Each waits for those that come after it in the round. */
export const patience = { weighing: 1, Switch: 1, Replace: 3, Optimization: 5, DisconnectWait: 6 } as const

export const deadlineIn = <I extends Key, A>({ now, state }: Transition<I, A>, timeouts: number): number =>
  now + timeouts * state.config.requestTimeoutMillis

/** Whether a node can take a part: X-BOT is on, and it has none. */
export const isFree = <I extends Key, A>(state: State<I, A>): boolean =>
  state.config.optimizeCandidates > 0 && state.swap === undefined

/** Whether every slot is filled. */
export const isFull = <I extends Key, A>({ active, config }: State<I, A>): boolean =>
  active.length === config.activeSize

/** The link that this node gives away in the round under way. */
export const givenOf = <I extends Key, A>({ swap }: State<I, A>): Given<I, A> | undefined =>
  swap !== undefined && "given" in swap && swap._tag !== "Judging" ? swap.given : undefined

/**
 * Who is no neighbour, or not yet, and takes part in the same round of X-BOT: a driver keeps its link to it.
 *
 * @category queries
 * @since 0.1.0
 */
export const partnerOf = <I extends Key, A>({ swap }: State<I, A>): Peer<I, A> | undefined => {
  if (swap === undefined) return undefined
  switch (swap._tag) {
    case "Initiator":
      return swap.candidate
    case "Choosing":
    case "Candidate":
      return swap.initiator
    case "Disconnected":
      return swap.old
    default:
      return undefined
  }
}
