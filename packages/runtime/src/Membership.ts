/**
 * Membership: the overlay as an application sees it. Who are my neighbours, who came, who went and why; joining and
 * leaving. `Node.layer` builds it from the pure protocol in `@hyparview/core`, a `Transport` and a `Discovery`.
 *
 * @since 0.1.0
 */
import type { HyParView, Peer } from "@hyparview/core"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"

/**
 * What happens to the active view.
 *
 * - `NeighborUp`: a link to this peer is up. Never twice for one id without a `NeighborDown` between.
 * - `NeighborDown`: it is not any more, and why. Only after a `NeighborUp` for the same id.
 *
 * @category models
 * @since 0.1.0
 */
export type MembershipEvent =
  | { readonly _tag: "NeighborUp"; readonly peer: Peer.Peer }
  | { readonly _tag: "NeighborDown"; readonly peer: Peer.Peer; readonly reason: HyParView.DownReason }

/**
 * A snapshot of a node: what an operator wants to see at a glance.
 *
 * @category models
 * @since 0.1.0
 */
export interface View {
  readonly self: Peer.Peer
  readonly status: HyParView.Status
  /** Neighbours, with the measured round trip in milliseconds where there has been one. */
  readonly active: ReadonlyArray<{ readonly peer: Peer.Peer; readonly roundTripMillis: number | undefined }>
  readonly passive: ReadonlyArray<Peer.Peer>
  /** Requests for links that are under way. */
  readonly pending: number
  /** Peers that stopped answering and are probed from time to time. */
  readonly graveyard: number
  /** Open connections, temporary ones included. */
  readonly links: number
  /** Messages since the start. */
  readonly messages: { readonly sent: number; readonly received: number }
  /** Bytes that wait in outboxes now. */
  readonly outboxBytes: number
}

/**
 * Another process uses this node's id: within `duplicateIdentityMillis` of raising its epoch, this node has met that process, which
 * said so itself. The node has stopped: it holds no links and answers nobody. Give each process an id of its
 * own.
 *
 * @category errors
 * @since 0.1.0
 */
export class DuplicateIdentity extends Data.TaggedError("DuplicateIdentity")<{
  readonly id: string
  readonly epoch: number
}> {
  override get message(): string {
    const id = JSON.stringify(this.id)
    return `another process uses the id ${id} (epoch ${this.epoch}): this node has stopped; give each process its own`
  }
}

/**
 * A subscriber fell so far behind that an event had to be dropped: `eventsBuffer` of them were waiting, and are handed
 * out before this error. The node is not affected. Subscribe again: the stream begins with the current neighbours.
 *
 * @category errors
 * @since 0.1.0
 */
export class EventsLost extends Data.TaggedError("EventsLost")<{
  /** How many events were waiting. */
  readonly waiting: number
}> {
  override get message(): string {
    return `the subscriber is too slow: ${this.waiting} membership events were waiting; subscribe again`
  }
}

/**
 * The overlay as an application sees it.
 *
 * @category services
 * @since 0.1.0
 */
export class Membership extends Context.Service<
  Membership,
  {
    /** This node. Its epoch may be raised while it runs (see `DuplicateIdentity`). */
    readonly self: Effect.Effect<Peer.Peer>

    /**
     * Joins the overlay through these contacts (addresses), and returns at once: `awaitNeighbors(1)` waits for the first
     * link. While there is none the node keeps asking both the contacts and Discovery, at growing intervals. On a node
     * that has links already it makes the contacts known: one of them may lead to another part of the cluster. Until it is called
     * this node is no member, and turns away whoever would join through it: the first one too joins, by no contact (`[]`).
     * Interrupted if the node's layer has been closed.
     */
    readonly join: (contacts: ReadonlyArray<string>) => Effect.Effect<void, DuplicateIdentity>

    /**
     * Says goodbye to every neighbour and closes all links; returns when the goodbyes are flushed, and after
     * `leaveDeadline` at the latest, whatever the peers do. A later `join` is a new incarnation. Does nothing on a node
     * that has left.
     */
    readonly leave: Effect.Effect<void>

    /** The active view. */
    readonly neighbors: Effect.Effect<ReadonlyArray<Peer.Peer>>

    /** The passive view. */
    readonly passive: Effect.Effect<ReadonlyArray<Peer.Peer>>

    /**
     * Waits until there are at least `n` neighbours. Bound it with `Effect.timeout`. Interrupted if the node's layer is closed. There
     * are never more than `activeSize`: to wait for more dies with an `OptionsError`.
     */
    readonly awaitNeighbors: (n: number) => Effect.Effect<void, DuplicateIdentity>

    /**
     * The current neighbours as `NeighborUp`, then every change, without a gap. Each run subscribes anew. It ends when the
     * node's layer is closed.
     */
    readonly events: Stream.Stream<MembershipEvent, DuplicateIdentity | EventsLost>

    /** A snapshot of everything. */
    readonly view: Effect.Effect<View>
  }
>()("@hyparview/runtime/Membership") {}
