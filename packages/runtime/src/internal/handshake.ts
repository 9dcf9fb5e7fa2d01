/**
 * The first frames of a link: who are you, and do we speak with each other? Both ends send a Hello; the dialler first.
 * Whoever turns the other away says why in a Bye, so that both logs can tell.
 */
import { HyParView, type Peer, Wire } from "@hyparview/core"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Link, LinkClosed } from "../Transport.ts"

/**
 * There is another incarnation of our id: one that has said so itself (on mutual TLS its certificate says so, too), or one that a
 * peer claims there is.
 */
export type Conflict = { readonly _tag: "Met"; readonly epoch: number } | ({ readonly _tag: "Claimed" } & Claim)

/** What a peer says of a later incarnation of this node. */
export interface Claim {
  readonly epoch: number
  /** Where that one is, if the peer knows that. */
  readonly address: string | undefined
  /** The id of who says so. */
  readonly by: string
}

/** The far end is nobody to speak with; `reason` and `detail` say why, in this end's words or the far end's. */
export class Refused extends Data.TaggedError("Refused")<{
  readonly reason: Wire.ByeReason
  readonly detail: string
  /** The far end has our id, or knows of a later incarnation that has. */
  readonly conflict: Conflict | undefined
  /** Who turned us away, where that is known. */
  readonly peer: Peer.Peer | undefined
  /** The far end is this end: it has been dialled by another name of its address. */
  readonly isSelf: boolean
}> {}

export interface Ourselves {
  readonly cluster: string
  readonly self: Peer.Peer
  /** How we are set up: `likeness.ts`. */
  readonly settings: string
  /** The highest epoch we have heard of for an id; −1 for none. */
  readonly knownEpoch: (id: string) => number
  /** Where the incarnation of that epoch is; undefined where that is not known. */
  readonly knownAddress: (id: string) => string | undefined
}

/** Our Hello. The id and the cluster's name were checked when the node was made; the address is the transport's. */
export const hello = (
  { cluster, knownAddress, knownEpoch, self, settings }: Ourselves,
  to: string | undefined
): Uint8Array => {
  const known = to === undefined ? -1 : knownEpoch(to)
  return Result.getOrThrow(
    Wire.encodeHello({
      _tag: "Hello",
      versions: Wire.versions,
      cluster,
      peer: self,
      knownEpoch: known < 0 ? undefined : known,
      knownAddress: to === undefined || known < 0 ? undefined : knownAddress(to),
      settings,
      to
    })
  )
}

/** Sends a Bye and ends the link once it is flushed. */
export const turnAway = (link: Link, reason: Wire.ByeReason, detail: string): Effect.Effect<void> =>
  Effect.andThen(Effect.ignore(link.send([[Wire.encodeBye(reason, detail)]])), link.close("flush"))

/** The frames that came in one go: the first is the Hello, the rest belongs to the conversation. */
export interface Greeted {
  readonly peer: Peer.Peer
  /** How it says that it is set up. */
  readonly settings: string | undefined
  readonly rest: ReadonlyArray<Uint8Array>
}

/** Reads the far end's Hello and judges it. */
export const readHello = (link: Link, whoWeAre: () => Ourselves): Effect.Effect<Greeted, Refused | LinkClosed> =>
  Effect.flatMap(link.receive, ([first, ...rest]) => {
    const refuse = (reason: Wire.ByeReason, detail: string, peer?: Peer.Peer, conflict?: Conflict) =>
      Effect.fail(new Refused({ reason, detail, peer, conflict, isSelf: false }))
    if (first === undefined) return refuse("protocol", "no frame")
    const decoded = Wire.decodeControl(first)
    if (Result.isFailure(decoded)) return refuse("protocol", decoded.failure.message)
    const control = decoded.success
    // Who we are now: an epoch can be raised while the far end has not said a word.
    const ourselves = whoWeAre()
    if (control._tag === "Bye") return refuse(control.reason, `the peer said: ${control.detail}`)
    const version = Wire.negotiate(Wire.versions, control.versions)
    if (Result.isFailure(version)) return refuse("version", version.failure.message)
    if (control.cluster !== ourselves.cluster) {
      return refuse(
        "cluster",
        `it belongs to cluster ${JSON.stringify(control.cluster)}, this is ${JSON.stringify(ourselves.cluster)}`
      )
    }
    const { peer } = control
    const { self } = ourselves
    // Before anything else is made of the id: one who only claims ours must not pass for a second process that has it.
    if (link.authenticatedId !== undefined && link.authenticatedId !== peer.id) {
      return refuse("identity", `its certificate belongs to ${JSON.stringify(link.authenticatedId)}`)
    }
    if (peer.id === self.id) {
      const isSelf = peer.epoch === self.epoch && peer.address === self.address
      if (!isSelf) {
        return refuse("identity", "another process has the id of this node", peer, { _tag: "Met", epoch: peer.epoch })
      }
      const detail = "this node has dialled itself"
      return Effect.fail(new Refused({ reason: "identity", detail, peer, conflict: undefined, isSelf }))
    }
    const known = ourselves.knownEpoch(peer.id)
    if (peer.epoch < known) return refuse("superseded", `epoch ${peer.epoch} is over, ${known} is known`, peer)
    const meantFor = control.to ?? self.id
    if (meantFor === self.id && control.knownEpoch !== undefined && control.knownEpoch > self.epoch) {
      const claim = { epoch: control.knownEpoch, address: control.knownAddress, by: peer.id }
      return refuse("superseded", `the peer knows epoch ${claim.epoch} of this id`, peer, { _tag: "Claimed", ...claim })
    }
    return Effect.succeed({ peer, settings: control.settings, rest })
  })

/** What the core calls the reason for which no conversation came about. */
export const dialCauseOf = (reason: Wire.ByeReason): HyParView.DialCause =>
  reason === "identity" || reason === "superseded" ? "identity" : "rejected"
