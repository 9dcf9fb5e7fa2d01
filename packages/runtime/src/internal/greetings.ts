/**
 * From a link to a peer: dials, and the Hellos at both ends, within a deadline. What the Hellos say is judged in `handshake.ts`;
 * who turns the other away says so, to it and in the log. What a greeted peer's link is for is `links.ts`'s business.
 */
import type { HyParView, Wire } from "@hyparview/core"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { DialError, Link, LinkClosed, Transport } from "../Transport.ts"
import type { Deadlines } from "./deadlines.ts"
import { causeOfDial } from "./ending.ts"
import {
  type Conflict,
  dialCauseOf,
  type Greeted,
  hello,
  type Ourselves,
  readHello,
  type Refused,
  turnAway
} from "./handshake.ts"
import type { Meter } from "./metrics.ts"
import type { Run } from "./run.ts"
import type { Seldom } from "./seldom.ts"

/** Why no conversation came about, in the words of the transport, of the far end, or of ours. */
export interface Why {
  readonly reason: string
  readonly detail: string
  readonly conflict?: Conflict | undefined
  readonly isSelf?: boolean | undefined
}

/** Goes on with a link at whose far end the peer is; the link lives as long as that runs. */
export type Converse = (link: Link, greeted: Greeted) => Effect.Effect<void>

export interface Greetings {
  /** `id`: whose address it is, where that is known. */
  readonly dial: (
    address: string,
    id: string | undefined,
    converse: Converse,
    onFailure: (cause: HyParView.DialCause, why: Why) => Effect.Effect<void>
  ) => void
  readonly accept: (link: Link, converse: Converse) => void
  /** Turns away who has dialled us, before either end has said Hello. */
  readonly refuse: (link: Link, reason: Wire.ByeReason, detail: string) => void
  /** How many accepted links wait for their Hello. */
  readonly accepting: () => number
  /** Gives up every dial that has not been greeted. */
  readonly stopDialling: () => void
}

/** A dial, until both ends have said Hello. */
interface Dial {
  fiber: Fiber.Fiber<void> | undefined
}

export const makeGreetings = (options: {
  readonly seldom: Seldom
  readonly transport: Transport["Service"]
  readonly handshakeMillis: number
  readonly within: Deadlines["within"]
  readonly ourselves: () => Ourselves
  readonly run: Run
  readonly meter: Meter
  readonly onConflict: (conflict: Conflict) => void
}): Greetings => {
  const { handshakeMillis, meter, ourselves, run, seldom, transport, within } = options
  const dials = new Set<Dial>()
  let accepting = 0

  const noHello = `no Hello within ${handshakeMillis} ms`

  const sayHello = (link: Link, us: Ourselves, to: string | undefined): Effect.Effect<void, LinkClosed> =>
    link.send([[hello(us, to)]])

  const noteRefusal = (reason: Wire.ByeReason): void => {
    meter.count("handshakesRefused")
    meter.refused(reason)
  }

  /** `proven`: who it is by the transport, so that it is no stranger who is turned away, but a member that is set up wrong. */
  const report = ({ conflict, detail, isSelf, reason }: Refused, address: string, proven: string | undefined): void => {
    // A node that dials itself, where its own address is among its contacts, turns nobody away.
    if (!isSelf) noteRefusal(reason)
    if (conflict !== undefined) options.onConflict(conflict)
    const more = proven !== undefined && reason === "identity" && !isSelf ? seldom(proven, reason) : undefined
    const log = more === undefined ? Effect.logDebug : Effect.logWarning
    run(log("no conversation", { address, reason, detail, ...more }))
  }

  /** That is this node's own trouble, whoever is dialled. */
  const sayLimit = ({ address, detail }: DialError): void => {
    const more = seldom("", "limit")
    if (more === undefined) return
    run(
      Effect.logWarning("this node can open no more links: it has too many, or no descriptors, local ports or memory", {
        address,
        detail,
        ...more
      })
    )
  }

  const dial: Greetings["dial"] = (address, id, converse, onFailure) => {
    const greet = Effect.gen(function* () {
      const link = yield* transport.dial(address)
      yield* sayHello(link, ourselves(), id)
      const greeted = yield* Effect.tapError(readHello(link, ourselves), (error) =>
        error._tag === "Refused" ? turnAway(link, error.reason, error.detail) : Effect.void
      )
      return { link, greeted }
    })
    const fail = (error: DialError | LinkClosed | Refused) => {
      if (error._tag === "DialError") {
        if (error.reason === "limit") sayLimit(error)
        return onFailure(causeOfDial(error.reason), error)
      }
      if (error._tag === "LinkClosed") return onFailure("rejected", error)
      report(error, address, undefined)
      return onFailure(dialCauseOf(error.reason), error)
    }
    const under: Dial = { fiber: undefined }
    const giveUp = (): void => {
      dials.delete(under)
      under.fiber?.interruptUnsafe()
      run(onFailure("timeout", { reason: "timeout", detail: noHello }))
    }
    const greeting = Effect.ensuring(
      within(greet, giveUp),
      Effect.sync(() => dials.delete(under))
    )
    dials.add(under)
    under.fiber = run(
      Effect.scoped(
        Effect.matchEffect(greeting, {
          onFailure: fail,
          onSuccess: ({ greeted, link }) => converse(link, greeted)
        })
      )
    )
  }

  const accept: Greetings["accept"] = (link, converse) => {
    const address = link.remoteAddress
    const onClosed = ({ detail, reason }: LinkClosed): Effect.Effect<void> =>
      Effect.logDebug("no conversation", { address, reason, detail: reason === "local" ? noHello : detail })
    const onRefused = Effect.fnUntraced(function* (refused: Refused) {
      report(refused, address, link.authenticatedId)
      // A Hello all the same: it says which cluster, version and epochs are spoken of here.
      yield* Effect.ignore(sayHello(link, ourselves(), refused.peer?.id))
      yield* turnAway(link, refused.reason, refused.detail)
    })
    const onGreeted = Effect.fnUntraced(function* (greeted: Greeted) {
      const us = ourselves()
      yield* Effect.ignore(sayHello(link, us, greeted.peer.id))
      if (ourselves().self.epoch === us.self.epoch) return greeted
      return yield* turnAway(link, "superseded", "the epoch of this node has been raised meanwhile")
    })
    const greeting = Effect.matchEffect(readHello(link, ourselves), {
      onFailure: (error) => (error._tag === "Refused" ? onRefused(error) : onClosed(error)),
      onSuccess: onGreeted
    })
    accepting++
    run(
      within(greeting, () => run(link.close("abort"))).pipe(
        Effect.ensuring(Effect.sync(() => accepting--)),
        Effect.flatMap((greeted) => (greeted === undefined ? Effect.void : converse(link, greeted))),
        Effect.ensuring(link.close("abort"))
      )
    )
  }

  return {
    dial,
    accept,
    refuse: (link, reason, detail) => {
      noteRefusal(reason)
      run(Effect.logDebug("no conversation", { address: link.remoteAddress, reason, detail }))
      run(turnAway(link, reason, detail))
    },
    accepting: () => accepting,
    stopDialling: () => {
      for (const { fiber } of dials) fiber?.interruptUnsafe()
      dials.clear()
    }
  }
}
