/** A node's view in a form that travels. */
import type { Broadcast, Membership } from "@hyparview/runtime"
import type { Inspection, NodeView } from "../Control.ts"

/** Undefined where nothing has been measured. */
const median = (values: ReadonlyArray<number>): number | undefined =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

type Counts = Pick<Broadcast.View, "delivered" | "duplicates" | "eagerNeighbors">

export const nodeViewOf = (
  view: Membership.View,
  { delivered, duplicates, eagerNeighbors }: Counts,
  { passive }: { readonly passive: boolean }
): NodeView => {
  const roundTripMillis = median(view.active.flatMap(({ roundTripMillis }) => roundTripMillis ?? []))
  return {
    id: view.self.id,
    epoch: view.self.epoch,
    address: view.self.address,
    status: view.status,
    active: view.active.map(({ peer }) => peer.id),
    passive: passive ? view.passive.map(({ id }) => id) : [],
    passiveSize: view.passive.length,
    pending: view.pending,
    graveyard: view.graveyard,
    links: view.links,
    sent: view.messages.sent,
    received: view.messages.received,
    delivered,
    duplicates,
    eager: eagerNeighbors,
    outboxBytes: view.outboxBytes,
    ...(roundTripMillis === undefined ? {} : { roundTripMillis })
  }
}

export const inspectionOf = (view: Membership.View, counts: Counts): Inspection => ({
  view: nodeViewOf(view, counts, { passive: true }),
  neighbors: view.active.map(({ peer, roundTripMillis }) => ({ id: peer.id, roundTripMillis: roundTripMillis ?? null }))
})
