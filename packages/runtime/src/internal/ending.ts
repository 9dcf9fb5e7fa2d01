/** Why a conversation is over, or did not come about: for the log, and as the core calls it. */
import type { HyParView, Wire } from "@hyparview/core"
import type { DialFailure, LinkClosed } from "../Transport.ts"

/** A conversation is over by a Bye: of the peer's, or of ours to what is no message. */
export interface Farewell {
  readonly said: "here" | "there"
  readonly reason: Wire.ByeReason
  readonly detail: string
}

export type Ending = Farewell | LinkClosed

export const isFarewell = (ending: Ending): ending is Farewell => "said" in ending

/** The Byes of a cluster in which all is well. */
const ordinary: ReadonlySet<string> = new Set<Wire.ByeReason>(["idle", "duplicate", "shutdown", "superseded"])

/** What somebody should look at: an end does not keep to the protocol, or the two are set up differently. */
export const isFault = (ending: Ending): boolean =>
  isFarewell(ending)
    ? !ordinary.has(ending.reason)
    : ending.reason === "frameTooLarge" || ending.reason === "handshakeTimeout"

/** Who ended the link, as far as this end can tell. */
export const endedBy = (ending: Ending): string => {
  if (isFarewell(ending)) return ending.said === "there" ? "the peer" : "this node"
  return ending.reason === "local" ? "this node" : ending.reason === "closed" ? "the peer" : "the network"
}

export const causeOfEnding = (ending: Ending): HyParView.LinkCause => {
  const { reason } = ending
  if (!isFarewell(ending)) return reason === "closed" || reason === "local" ? "closed" : "reset"
  return reason === "protocol" ? "protocol" : reason === "slow" ? "reset" : "closed"
}

export const causeOfDial = (reason: DialFailure): HyParView.DialCause => {
  if (reason === "untrusted") return "identity"
  return reason === "refused" || reason === "timeout" ? reason : "unreachable"
}
