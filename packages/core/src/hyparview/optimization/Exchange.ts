/**
 * How a round of X-BOT ends at a node (`../Optimization.ts`): the new link takes the place of the one that is given away, or the
 * node keeps what it has. What comes too late is let go of, so that no link stays with one end only.
 *
 * @since 0.1.0
 */
import type { Key, LinkId, Peer } from "../../Peer.ts"
import { onNotNeighbor } from "../Membership.ts"
import { emit, type Given, isNobody, type Neighbor, type State, type Transition } from "../State.ts"
import { exchange, indexInActive, indexOfLink, isAsking, keepPassive, link, neighborOf } from "../Views.ts"
import { isFull } from "./Part.ts"

/** Whether a link with this peer can be made: it is somebody, there is none, and none is asked for. */
export const isOpen = <I extends Key, A>(state: State<I, A>, peer: Peer<I, A>): boolean => {
  const { id } = peer
  return id !== state.self.id && !isNobody(peer) && indexInActive(state, id) < 0 && !isAsking(state, id)
}

/**
 * Takes the new link for the one that is given away, or into its slot if that one is gone meanwhile. False: somebody has
 * taken that slot, or the asker has meanwhile asked again, and holds the link that came of that.
 */
export const takeLink = <I extends Key, A>(
  t: Transition<I, A>,
  given: Given<I, A>,
  peer: Peer<I, A>,
  id: LinkId<I>,
  chosen: boolean
): boolean => {
  const { state } = t
  state.swap = undefined
  const index = indexOfLink(state, given.peer.id, given.link)
  const held = neighborOf(state, peer.id)
  if (held !== undefined) {
    if (isLater(held, peer, id)) return false
    // A neighbour some other way meanwhile: its link is the new one, and the other is gone.
    link(t, peer, id, chosen)
    if (index >= 0) onNotNeighbor(t, given.peer, given.link)
    return true
  }
  if (index >= 0) {
    exchange(t, index, peer, id, chosen)
    return true
  }
  if (isFull(state)) {
    keepPassive(t, peer)
    return false
  }
  link(t, peer, id, chosen)
  return true
}

/** Whether a link was asked for after another one: by a later incarnation, or by the same node in a later request. */
const isLater = <I extends Key, A>({ link, peer }: Neighbor<I, A>, asker: Peer<I, A>, id: LinkId<I>): boolean =>
  peer.epoch > asker.epoch || (link.asker === id.asker && link.epoch === id.epoch && link.requestId > id.requestId)

/** This node's part is over, and it has kept its link, unless that one turned out to be gone meanwhile. */
export const end = <I extends Key, A>(t: Transition<I, A>, given: Given<I, A>): void => {
  t.state.swap = undefined
  if (given.doubted) onNotNeighbor(t, given.peer, given.link)
}

/** A link that comes too late: its other end is told to let go, unless it is the one that stands. */
export const disown = <I extends Key, A>(t: Transition<I, A>, from: Peer<I, A>, id: LinkId<I>): void => {
  if (indexOfLink(t.state, from.id, id) >= 0) return
  emit(t, { _tag: "Send", to: from, message: { _tag: "NotNeighbor", link: id } })
}
