/**
 * Hostile inputs: anything, from anyone, at any time, by a sender who knows the node's state and uses it.
 *
 * What the wire guarantees (`Wire.ts`): every number of a message is whole and not negative; ttl is at most 255, an age at
 * most 65,535, `retryAfterMillis` at most 2³² − 1, a request id at most 2⁵² − 1, an epoch or nonce at most 2⁵³ − 1; a
 * sample has at most 255 entries and an age for each. What the driver guarantees (`Driver.ts`): `now` is whole and never
 * decreases, and `from` is the peer that stands at the other end of the link. The core must hold beyond the first, so
 * `wild` numbers stand in every field of a message; the second is taken for granted.
 */
import type * as HyParView from "@hyparview/core/HyParView"
import type { LinkId, Peer, Sample } from "@hyparview/core/Peer"
import { nextBelow, type Random } from "@hyparview/core/Random"

export type State = HyParView.State<number, number>
export type Input = HyParView.Input<number, number>
export type Message = HyParView.Message<number, number>
type Someone = Peer<number, number>

export const one = <A>(random: Random, items: readonly [A, ...Array<A>]): A =>
  items[nextBelow(random, items.length)] ?? items[0]

const small = [0, 1, 2, 3, 4, 6, 7] as const
const wireLimits = [255, 65_535, 4_294_967_295, 4_503_599_627_370_495, Number.MAX_SAFE_INTEGER] as const
const wild = [-1, -0, 0.5, -1e300, 1e300, 2 ** 53, Number.NaN, Infinity, -Infinity] as const

/** Any number at all. */
const number = (random: Random): number => {
  const kind = nextBelow(random, 8)
  return kind < 5 ? one(random, small) : kind < 7 ? one(random, wireLimits) : one(random, wild)
}

/** The ids of the play: 0 is the node itself, 1 to 5 often its neighbours, the rest strangers. */
const id = (random: Random): number => nextBelow(random, 40)

/** An incarnation, rarely another than the first. */
export const someone = (random: Random, who = id(random)): Someone => ({
  id: who,
  epoch: nextBelow(random, 10) === 0 ? number(random) : 1,
  address: 100 + who
})

/** A peer at the end of a link: its epoch is one that a Hello can carry. */
const speaker = (random: Random): Someone => {
  const who = id(random)
  const epoch = nextBelow(random, 12) === 0 ? one(random, [0, 2, 3, 1_000, Number.MAX_SAFE_INTEGER]) : 1
  return { id: who, epoch, address: 100 + who }
}

const sample = (random: Random): Sample<number, number> => {
  const size = nextBelow(random, 20) === 0 ? 300 : nextBelow(random, 10)
  const peers = Array.from({ length: size }, () => someone(random))
  const ages = Array.from({ length: nextBelow(random, 10) === 0 ? nextBelow(random, 12) : size }, () => number(random))
  return { peers, ages }
}

/** A request id: of one under way, or any. */
const requestId = (random: Random, { pending, shuffle }: State): number => {
  const open = [...pending.map((asking) => asking.requestId), ...(shuffle === undefined ? [] : [shuffle.requestId])]
  const guess = open[nextBelow(random, Math.max(1, open.length))]
  return guess !== undefined && nextBelow(random, 3) > 0 ? guess : number(random)
}

/** The name of a link: of one that stands, or any. */
const link = (random: Random, { active }: State): LinkId<number> => {
  const known = active[nextBelow(random, Math.max(1, active.length))]?.link
  return known !== undefined && nextBelow(random, 4) > 0
    ? known
    : { asker: id(random), epoch: number(random), requestId: number(random) }
}

const reasons = ["empty", "joinWalk", "repair", "bridge"] as const
const answers = ["accepted", "full", "busy", "limited"] as const
const endings = ["evicted", "leaving"] as const

/** Any message. */
export const message = (random: Random, state: State): Message => {
  switch (nextBelow(random, state.config.optimizeCandidates > 0 ? 20 : 12)) {
    case 0:
      return { _tag: "Join", requestId: number(random) }
    case 1:
      return { _tag: "ForwardJoin", link: link(random, state), joiner: someone(random), ttl: number(random) }
    case 2: {
      const reason = one(random, reasons)
      return { _tag: "Neighbor", requestId: number(random), reason, moves: number(random) }
    }
    case 3:
    case 4:
      return {
        _tag: "NeighborReply",
        requestId: requestId(random, state),
        answer: one(random, answers),
        retryAfterMillis: number(random),
        sample: sample(random)
      }
    case 5: {
      const reason = one(random, endings)
      const moves = nextBelow(random, 2) === 0 ? { moves: number(random) } : {}
      return { _tag: "Disconnect", link: link(random, state), reason, sample: sample(random), ...moves }
    }
    case 6: {
      const walking = nextBelow(random, 3) > 0 ? link(random, state) : undefined
      const origin = someone(random)
      const ttl = number(random)
      return { _tag: "Shuffle", link: walking, requestId: number(random), origin, ttl, sample: sample(random) }
    }
    case 7:
      return { _tag: "ShuffleReply", requestId: requestId(random, state), sample: sample(random) }
    case 8:
      return { _tag: "Heartbeat", link: link(random, state), nonce: number(random) }
    case 9:
      return { _tag: "HeartbeatReply", link: link(random, state), nonce: state.heartbeatRound }
    case 10: {
      const nonce =
        state.search.probe !== undefined && nextBelow(random, 2) === 0 ? state.search.probe.nonce : number(random)
      return { _tag: one(random, ["Probe", "ProbeReply"]), nonce }
    }
    case 12:
      return {
        _tag: "DisconnectWait",
        link: link(random, state),
        requestId: swapId(random, state),
        waits: nextBelow(random, 3) > 0
      }
    case 13:
      return { _tag: "Optimization", ...proposal(random, state) }
    case 14:
      return { _tag: "OptimizationReply", requestId: swapId(random, state), accepted: nextBelow(random, 3) > 0 }
    case 15:
    case 16:
      return { _tag: "Replace", link: link(random, state), initiator: someone(random), ...proposal(random, state) }
    case 17:
      return {
        _tag: "ReplaceReply",
        link: link(random, state),
        requestId: swapId(random, state),
        accepted: nextBelow(random, 3) > 0
      }
    case 18: {
      const known = state.swap?._tag === "Old" ? state.swap.initiator : someone(random)
      return { _tag: "Switch", requestId: number(random), initiator: known, round: swapId(random, state) }
    }
    case 19:
      return { _tag: "SwitchReply", requestId: swapId(random, state), accepted: nextBelow(random, 3) > 0 }
    default:
      return { _tag: "NotNeighbor", link: link(random, state) }
  }
}

const proposal = (random: Random, state: State): HyParView.Proposal<number, number> => {
  const old = nextBelow(random, 4) === 0 ? state.active[0]?.peer : undefined
  const after = number(random)
  return { requestId: swapId(random, state), old: old ?? someone(random), before: number(random), after }
}

/** The answer for which a round of X-BOT waits, from the one whose it is. */
const awaited = (
  random: Random,
  { swap }: State
): { readonly from: Someone; readonly message: Message } | undefined => {
  switch (swap?._tag) {
    case "Initiator": {
      const { candidate, requestId } = swap
      return { from: candidate, message: { _tag: "OptimizationReply", requestId, accepted: true } }
    }
    case "Candidate": {
      const { given, requestId } = swap
      return { from: given.peer, message: { _tag: "ReplaceReply", link: given.link, requestId, accepted: true } }
    }
    case "Disconnected": {
      const { old, requestId } = swap
      return { from: old, message: { _tag: "SwitchReply", requestId, accepted: true } }
    }
    case "Old": {
      const { initiator, requestId } = swap
      return { from: speaker(random), message: { _tag: "Switch", requestId: 7, initiator, round: requestId } }
    }
    default:
      return undefined
  }
}

/** The request of the round under way, or any. */
const swapId = (random: Random, { swap }: State): number => {
  const open = swap !== undefined && "requestId" in swap ? swap.requestId : undefined
  return open !== undefined && nextBelow(random, 4) > 0 ? open : number(random)
}

const timers = ["Cycle", "Heartbeat", "Request", "Repair", "Discovery"] as const
const linkCauses = ["closed", "reset", "slow", "protocol", "local"] as const
const dialCauses = ["refused", "timeout", "unreachable", "rejected", "identity"] as const

/** A neighbour, somebody asked, or anybody. */
const party = (random: Random, state: State): Someone => {
  const known = [...state.active, ...state.pending].map(({ peer }) => peer)
  const { swap } = state
  if (swap !== undefined && nextBelow(random, 2) === 0) {
    if ("initiator" in swap) known.push(swap.initiator, swap.initiator, swap.initiator)
    if ("candidate" in swap) known.push(swap.candidate, swap.candidate, swap.candidate)
    if ("old" in swap) known.push(swap.old, swap.old, swap.old)
  }
  const peer = known[nextBelow(random, Math.max(1, known.length))]
  return peer !== undefined && nextBelow(random, 3) > 0 ? peer : speaker(random)
}

/** Any input but time: `now` is what the driver says it is. */
export const input = (random: Random, state: State, now: number): Input => {
  switch (nextBelow(random, 40)) {
    case 0:
      return { _tag: "SendFailed", now, to: party(random, state), cause: one(random, dialCauses) }
    case 1:
      return { _tag: "LinkClosed", now, peer: party(random, state), cause: one(random, linkCauses) }
    case 2:
    case 3: {
      const address = state.contacts.dialing[0]?.address ?? 100 + id(random)
      // Somebody else than was dialled may answer, self among them.
      return { _tag: "LinkOpened", now, address, peer: nextBelow(random, 8) === 0 ? state.self : speaker(random) }
    }
    case 4: {
      const address = state.contacts.dialing[0]?.address ?? 100 + id(random)
      return { _tag: "DialFailed", now, address, cause: one(random, dialCauses) }
    }
    case 5: {
      const contacts = Array.from({ length: nextBelow(random, 50) }, () => 100 + id(random))
      return { _tag: one(random, ["ContactsFound", "Join"]), now, contacts }
    }
    case 6: {
      const kind = one(random, timers)
      return { _tag: "TimerFired", now, kind, nonce: number(random) }
    }
    case 7:
    case 8:
    case 9:
    case 10: {
      const kind = one(random, timers)
      return { _tag: "TimerFired", now, kind, nonce: state.timers[kind].nonce }
    }
    case 13:
    case 14:
    case 15:
    case 16:
    case 17: {
      // Costs that were asked for, or any that nobody did.
      const { swap } = state
      if (swap === undefined || !("nonce" in swap)) break
      const costs = Array.from({ length: 12 }, () => (nextBelow(random, 6) === 0 ? undefined : number(random)))
      return { _tag: "CostsMeasured", now, nonce: nextBelow(random, 8) === 0 ? number(random) : swap.nonce, costs }
    }
    case 18:
    case 19:
    case 20: {
      // Now and then a round of X-BOT goes on as its partners would have it.
      const answer = awaited(random, state)
      if (answer === undefined) break
      return { _tag: "Received", now, ...answer }
    }
    case 11:
      return { _tag: "LinkUsed", now, from: party(random, state), link: link(random, state) }
    case 12:
      if (nextBelow(random, 40) === 0) return { _tag: "Leave", now }
      return { _tag: "EpochConflict", now, epoch: nextBelow(random, 8) === 0 ? one(random, wireLimits) : 2 }
  }
  return { _tag: "Received", now, from: party(random, state), message: message(random, state) }
}
