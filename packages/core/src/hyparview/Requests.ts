/**
 * Requests under way: links asked for, addresses dialled, and the one timer that watches their deadlines.
 *
 * @since 0.1.0
 */
import { earlier } from "../internal/slots.ts"
import type { Key, Peer } from "../Peer.ts"
import type { NeighborReason } from "./Message.ts"
import { type Asking, type Dialing, emit, setTimer, type State, type Transition } from "./State.ts"

/** Sends a request for a link, and holds a slot for its answer. */
export const ask = <I extends Key, A>(
  t: Transition<I, A>,
  peer: Peer<I, A>,
  reason: NeighborReason | "join",
  moves = 0
): void => {
  const { now, state } = t
  const requestId = state.nextRequestId++
  const asking: Asking<I, A> = { peer, requestId, reason, deadline: now + state.config.requestTimeoutMillis }
  state.pending = [...state.pending, asking]
  emit(t, {
    _tag: "Send",
    to: peer,
    message:
      reason === "join"
        ? { _tag: "Join", requestId }
        : moves === 0
          ? { _tag: "Neighbor", requestId, reason }
          : { _tag: "Neighbor", requestId, reason, moves }
  })
}

/** Whether the acceptance of a request makes room for itself. Otherwise one that finds the view full is let go again. */
export const evictsOnAcceptance = <I extends Key, A>({ reason }: Asking<I, A>): boolean =>
  reason === "joinWalk" || reason === "bridge"

/** Whether some contact is being dialled or has been sent a Join. */
export const isJoining = <I extends Key, A>(state: State<I, A>): boolean =>
  state.contacts.dialing.some((dialing) => dialing.purpose === "join") ||
  state.pending.some((asking) => asking.reason === "join")

/** Dials an address to find out who answers there; one dial at a time for each purpose. */
export const dial = <I extends Key, A>(t: Transition<I, A>, address: A, purpose: Dialing<A>["purpose"]): void => {
  const { now, state } = t
  const { dialing } = state.contacts
  if (dialing.some((dialing) => dialing.purpose === purpose || dialing.address === address)) return
  const deadline = now + state.config.requestTimeoutMillis
  state.contacts = { ...state.contacts, dialing: [...dialing, { address, purpose, deadline }] }
  emit(t, { _tag: "Dial", address })
}

/** Keeps the Request timer at the earliest deadline, or earlier; one that comes too early is simply set again. */
export const armRequestTimer = <I extends Key, A>(t: Transition<I, A>): void => {
  const { state } = t
  let at = earlier(state.search.probe?.deadline ?? 0, state.swap?.deadline ?? 0)
  for (const asking of state.pending) at = earlier(at, asking.deadline)
  for (const dialing of state.contacts.dialing) at = earlier(at, dialing.deadline)
  if (at !== 0 && (state.timers.Request.nonce === 0 || at < state.timers.Request.at)) setTimer(t, "Request", at)
}

/** The requests whose time is up, taken out of the state; the caller knows what their silence means. */
export const takeExpired = <I extends Key, A>(t: Transition<I, A>): ReadonlyArray<Asking<I, A>> => {
  const { now, state } = t
  const { contacts, search } = state
  if (search.probe !== undefined && now >= search.probe.deadline) state.search = { ...search, probe: undefined }
  if (contacts.dialing.length > 0) {
    state.contacts = { ...contacts, dialing: contacts.dialing.filter((dialing) => now < dialing.deadline) }
  }
  const expired = state.pending.filter((asking) => now >= asking.deadline)
  if (expired.length > 0) state.pending = state.pending.filter((asking) => now < asking.deadline)
  return expired
}
