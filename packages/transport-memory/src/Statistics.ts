/**
 * What a network has carried and what has gone wrong on it, in numbers, so that a test can show that each fault happened
 * and that nothing was lost without a reason.
 *
 * Counters only grow. Frames are conserved: `framesSent` + `framesDuplicated` = `framesDelivered` + `framesLost` +
 * `framesVanished` + `framesSilentlyLost` + those still under way.
 *
 * @since 0.1.0
 */
import type { FaultName } from "@hyparview/faults/FaultPlan"

/**
 * The counters of a network since it was made. The object is live: copy it to compare.
 *
 * @category models
 * @since 0.1.0
 */
export interface Statistics {
  /** Dials begun. Each ends as accepted, refused, unreachable, timed out or abandoned, or is still under way. */
  readonly dials: number
  readonly dialsAccepted: number
  /** Nobody there, told to refuse, backlog full, or too many links. */
  readonly dialsRefused: number
  /** Across a partition that resets. */
  readonly dialsUnreachable: number
  readonly dialsTimedOut: number
  /** Interrupted, or the dialling transport ended. */
  readonly dialsAbandoned: number

  readonly linksOpened: number
  /** Links that `close("flush")` ended first. */
  readonly linksClosed: number
  /** Links that broke, whatever the reason: an abort, a crash, a broken link, a send failure, a frame too large. */
  readonly linksReset: number
  /** Links made half-open; they are in neither of the counts above until both ends have closed them. */
  readonly linksHalfOpened: number
  /** Accepted links on which no first frame came in time. They count as reset too. */
  readonly handshakeTimeouts: number

  /** Frames taken from `send`. */
  readonly framesSent: number
  /** Frames that arrived at the far end, read or not. */
  readonly framesDelivered: number
  /** Frames lost with the link that carried them, or too late for its far end. */
  readonly framesLost: number
  /** Frames sent over, or under way on, a half-open link. */
  readonly framesVanished: number
  readonly framesDuplicated: number
  readonly framesSilentlyLost: number
  /** Frames that a freeze, a silent partition or a one-way cut made wait. */
  readonly framesHeld: number
  /** Length prefixes included. */
  readonly bytesDelivered: number
  /** How often a `send` had to wait for room. */
  readonly stalledSends: number
  /** Links broken by `setSendFailure`. */
  readonly sendFailures: number

  /** How often each control was used, by a plan or by hand. */
  readonly faults: Readonly<Record<FaultName, number>>
  /** Actions of plans that the network cannot perform and for which `applyPlan` got no `onFault`. */
  readonly faultsSkipped: number
  /** How often the clock woke the network. */
  readonly clockWakes: number
}
