/**
 * The counters behind `Statistics`, as the network writes them.
 */
import type { FaultName } from "@hyparview/faults/FaultPlan"
import type { Statistics } from "../Statistics.ts"

export type Counters = { -readonly [Name in keyof Omit<Statistics, "faults">]: number } & {
  readonly faults: Record<FaultName, number>
}

export const makeCounters = (): Counters => ({
  dials: 0,
  dialsAccepted: 0,
  dialsRefused: 0,
  dialsUnreachable: 0,
  dialsTimedOut: 0,
  dialsAbandoned: 0,
  linksOpened: 0,
  linksClosed: 0,
  linksReset: 0,
  linksHalfOpened: 0,
  handshakeTimeouts: 0,
  framesSent: 0,
  framesDelivered: 0,
  framesLost: 0,
  framesVanished: 0,
  framesDuplicated: 0,
  framesSilentlyLost: 0,
  framesHeld: 0,
  bytesDelivered: 0,
  stalledSends: 0,
  sendFailures: 0,
  faultsSkipped: 0,
  clockWakes: 0,
  faults: {
    Crash: 0,
    Restart: 0,
    Leave: 0,
    Freeze: 0,
    Unfreeze: 0,
    Partition: 0,
    OneWay: 0,
    Heal: 0,
    BreakLinks: 0,
    HalfOpen: 0,
    RefuseDials: 0,
    HangDials: 0,
    AcceptDials: 0,
    SendFailure: 0,
    Duplicate: 0,
    SilentLoss: 0,
    SlowReader: 0,
    NormalReader: 0,
    ClockJump: 0
  }
})
