/**
 * What this end lacks to take others' connections with, counted and told in the log, seldom. Without a word here only those who are
 * turned away would know, and not why.
 *
 * Of descriptors there is no error to wait for. Where one is lacking libuv accepts with a descriptor that it has set aside,
 * and closes at once, so that nobody waits in the backlog; Node hears of none of it. So each connection that was accepted has
 * us look whether there is one for the next (1.5 µs).
 */
import type { Socket } from "node:net"
import type { Counters, Refusal } from "./counters.ts"
import { makeSeldom } from "./seldom.ts"
import { codeOf, lacks, remoteAddressOf } from "./socket.ts"

/** What a shortage's log entry holds. */
type Fields = Readonly<Record<string, unknown>>

export interface Shortages {
  /** The far end is reset, since a limit of ours is reached. */
  readonly refused: (limit: Exclude<Refusal, "closing">, connection: Socket) => void
  /** The far end was accepted: nothing else is known of it yet. */
  readonly accepted: (connection: Socket) => void
}

const cutOff = "whoever connects is cut off until a file descriptor is free"

const noSlot = "others' connections are reset: this transport holds as many as it may"

export const makeShortages = (
  counters: Counters,
  limits: Readonly<Record<Exclude<Refusal, "closing">, number>>,
  lackOfDescriptors: () => Error | undefined,
  nowMillis: () => number,
  log: (message: string, fields: Fields) => void
): Shortages => {
  const seldom = makeSeldom(nowMillis)
  const tell = (kind: string, message: string, connection: Socket, more: Fields): void => {
    const also = seldom(kind)
    if (also !== undefined) log(message, { ...more, far: remoteAddressOf(connection), ...also })
  }
  return {
    refused: (limit, connection) => {
      counters.refused[limit](1)
      tell(limit, noSlot, connection, { limit, value: limits[limit] })
    },
    accepted: (connection) => {
      const lack = lackOfDescriptors()
      if (lack === undefined) return
      counters.descriptorShortages(1)
      const code = codeOf(lack)
      tell("descriptors", `${lacks[code] ?? lack.message}: ${cutOff}`, connection, { code })
    }
  }
}
