/**
 * What peers say of a later incarnation of this node is looked into where it would stop the node (rule 9e): whoever answers at the
 * address that they name must say itself that it has this node's id. Else any member could stop any node by two Hellos.
 *
 * A node dials such addresses one at a time and seldom, since a member may name any. Our own is dialled like others: two processes
 * with one id often have one name, which leads to one of them.
 */
import * as Effect from "effect/Effect"
import type { Why } from "./greetings.ts"
import type { Claim } from "./handshake.ts"
import type { Run } from "./run.ts"
import type { Seldom } from "./seldom.ts"

/** How long no other claim is looked into once the time for the handshake of one is up. */
const pauseMillis = 10_000

export interface Claims {
  readonly verify: (claim: Claim) => void
}

export const makeClaims = (options: {
  readonly now: () => number
  readonly handshakeMillis: number
  readonly run: Run
  readonly seldom: Seldom
  /** Reports a conflict of its own accord if whoever answers has this node's id. */
  readonly dial: (
    address: string,
    onOther: (id: string) => Effect.Effect<void>,
    onFailure: (why: Why) => Effect.Effect<void>
  ) => void
}): Claims => {
  const { dial, handshakeMillis, now, run, seldom } = options
  /** A time, not a flag: however a dial ends, the next claim has its turn. */
  let nextAt = 0

  const drop = ({ address, by, epoch }: Claim, detail: string): Effect.Effect<void> =>
    Effect.suspend(() => {
      const more = seldom(by, "claim")
      const log = more === undefined ? Effect.logDebug : Effect.logWarning
      return log("a peer says that another process has the id of this node, which nothing confirms", {
        peer: by,
        epoch,
        address,
        detail,
        ...more
      })
    })

  const verify: Claims["verify"] = (claim) => {
    const { address } = claim
    if (address === undefined) {
      run(drop(claim, "it does not say where"))
      return
    }
    if (now() < nextAt) {
      run(drop(claim, "it is not looked into: the last one was not long ago"))
      return
    }
    nextAt = now() + handshakeMillis + pauseMillis
    dial(
      address,
      (id) => drop(claim, `${id} answers there`),
      ({ conflict, detail }) => (conflict?._tag === "Met" ? Effect.void : drop(claim, detail))
    )
  }

  return { verify }
}
