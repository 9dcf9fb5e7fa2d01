/**
 * Identity is (id, epoch): the higher epoch is the living incarnation, and what an older one says is ignored.
 *
 * @since 0.1.0
 */
import { type Key, noSample } from "../Peer.ts"
import { abandon } from "./Optimization.ts"
import {
  clearTimer,
  emit,
  freshRound,
  highestEpoch,
  itemAt,
  nobody,
  noGraves,
  none,
  nothingFound,
  type State,
  type Transition
} from "./State.ts"
import type { Timer } from "./Protocol.ts"
import { indexInPassive, indexOf, keepPassive, neighborOf, unlink } from "./Views.ts"

/**
 * The highest epoch this node has heard of for an id; −1 for one it has not heard of.
 *
 * @category queries
 * @since 0.1.0
 */
export const knownEpoch = <I extends Key, A>(state: State<I, A>, id: I): number => {
  if (id === state.self.id) return state.self.epoch
  let epoch = neighborOf(state, id)?.peer.epoch ?? -1
  const { departed, graveyard } = state.memory
  epoch = Math.max(epoch, itemAt(state.passive.epochs, indexInPassive(state, id)) ?? -1)
  epoch = Math.max(epoch, itemAt(graveyard.epochs, indexOf(graveyard.ids, id)) ?? -1)
  for (const gone of departed) if (gone.id === id) epoch = Math.max(epoch, gone.epoch)
  return epoch
}

/**
 * Where the incarnation is that `knownEpoch` speaks of; undefined where nothing is known of that, as of one that has said goodbye.
 *
 * @category queries
 * @since 0.1.0
 */
export const knownAddress = <I extends Key, A>(state: State<I, A>, id: I): A | undefined => {
  const { passive, self } = state
  const { graveyard } = state.memory
  if (id === self.id) return self.address
  const epoch = knownEpoch(state, id)
  const neighbor = neighborOf(state, id)?.peer
  if (neighbor?.epoch === epoch) return neighbor.address
  const entry = indexInPassive(state, id)
  if (itemAt(passive.epochs, entry) === epoch) return itemAt(passive.addresses, entry)
  const grave = indexOf(graveyard.ids, id)
  return itemAt(graveyard.epochs, grave) === epoch ? itemAt(graveyard.addresses, grave) : undefined
}

/**
 * Whether a conflict with this epoch of our id would stop the node: it is one, and comes within `duplicateIdentityMillis` of one
 * before (rule 9e).
 *
 * @category queries
 * @since 0.1.0
 */
export const wouldStop = <I extends Key, A>(state: State<I, A>, now: number, epoch: number): boolean => {
  const { epochRaisedAt } = state.memory
  return isConflict(state, epoch) && epochRaisedAt >= 0 && now - epochRaisedAt < state.config.duplicateIdentityMillis
}

/** Above the highest epoch there is none to take: whoever claims that one lies. */
const isConflict = <I extends Key, A>({ self }: State<I, A>, epoch: number): boolean =>
  epoch >= self.epoch && epoch < highestEpoch

const allTimers: ReadonlyArray<Timer> = ["Cycle", "Heartbeat", "Request", "Repair", "Discovery"]

/** Ends every link and every request, and empties every timer slot. */
export const letGo = <I extends Key, A>(t: Transition<I, A>, reason: "leaving" | "epochRaised"): void => {
  const { state } = t
  for (const { peer } of state.active) {
    unlink(t, 0, reason)
    emit(t, { _tag: "Close", peer })
    if (reason === "epochRaised") keepPassive(t, peer)
  }
  state.pending = none
  state.contacts = { ...state.contacts, left: none, dialing: none }
  state.shuffle = undefined
  state.swap = undefined
  state.search = { ...state.search, probe: undefined }
  state.round = freshRound
  if (reason === "leaving") for (const kind of allTimers) clearTimer(t, kind)
}

/**
 * A peer holds an epoch of our id that is not below ours: an earlier start with a faster clock, or another process. Once
 * we raise ours above it, and begin again with what we know; a second time within `duplicateIdentityMillis` two processes
 * share the id, and this node stops.
 */
export const onEpochConflict = <I extends Key, A>(t: Transition<I, A>, epoch: number): void => {
  const { now, state } = t
  if (!isConflict(state, epoch)) return
  if (wouldStop(state, now, epoch)) {
    letGo(t, "leaving")
    state.status = "stopped"
    emit(t, { _tag: "DuplicateIdentity", epoch })
    return
  }
  letGo(t, "epochRaised")
  state.self = { ...state.self, epoch: epoch + 1 }
  state.memory = { ...state.memory, epochRaisedAt: now }
  emit(t, { _tag: "EpochRaised", self: state.self })
}

/**
 * Says goodbye to every neighbour. The goodbyes stand before the closes, so that a driver flushes them; it bounds the
 * time that takes, whatever the peers do.
 */
export const leave = <I extends Key, A>(t: Transition<I, A>): void => {
  const { state } = t
  for (const { link, peer } of state.active) {
    emit(t, {
      _tag: "Send",
      to: peer,
      message: { _tag: "Disconnect", link, reason: "leaving", sample: noSample }
    })
  }
  abandon(t)
  letGo(t, "leaving")
  state.passive = nobody
  state.memory = { ...state.memory, graveyard: noGraves, suspects: none }
  state.seeker = undefined
  // Nor does it come back with the beacon that it was: who joins is younger than all, and sets nothing off.
  state.search = { ...state.search, ...nothingFound }
  state.status = "left"
  emit(t, { _tag: "Left" })
}
