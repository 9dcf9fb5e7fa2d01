/**
 * The canonical form of a world, hashed: two worlds with one hash behave alike from here on, so that only one of them
 * need be explored. What is left out cannot matter:
 *
 * * The generators of the nodes: the explorer chooses the randomness of every step itself (`World.dice`).
 * * `now`: times are taken relative to it, and those that are over count as 0; the core only compares and adds.
 * * Numbers of requests and nonces of probes: the core only asks whether two are equal, and new ones are new in any case,
 *   so they are renamed in the order in which they are met here. The nonce of a timer that stands in its slot is the one
 *   its firing will carry, by construction of the world, so only whether the slot is filled counts.
 * * The token buckets, where the rate is so high that no sequence within the depth empties one.
 * * The cycle counter: ages are taken relative to it. Heartbeats are off in the scenarios.
 * * The configuration, which is the same everywhere.
 *
 * The hash has 53 bits and worlds are told apart by it alone (hash compaction, as in Spin): with a million worlds the
 * chance that any two are wrongly taken for one is below 10⁻⁴, and the error could only hide a sequence, never invent one.
 */
import * as HyParView from "@hyparview/core/HyParView"
import type { LinkId, Sample } from "@hyparview/core/Peer"
import type { Budget } from "./Events.ts"
import type { Arrival, End, Id, Message, Someone, State, World } from "./World.ts"

type Swap = HyParView.Swap<Id, number>

const statuses = ["idle", "joining", "joined", "left", "stopped"]
const reasons = [
  "join",
  "empty",
  "joinWalk",
  "repair",
  "bridge",
  "accepted",
  "full",
  "busy",
  "limited",
  "evicted",
  "leaving"
]
const purposes = ["join", "repair", "probe"]
const causes = ["closed", "reset", "slow", "protocol", "local"]

class Hasher {
  private high = 0x9e3779b9 | 0
  private low = 0x243f6a88 | 0
  private readonly now: number
  private readonly names: Array<number> = []

  constructor(now: number) {
    this.now = now
  }

  put(value: number): void {
    const word = value | 0
    this.high = Math.imul(this.high ^ word, 0x85ebca6b)
    this.high ^= this.high >>> 15
    this.low = Math.imul(this.low ^ word, 0xc2b2ae35) + this.high
    this.low ^= this.low >>> 13
  }

  /** A time to come; one that is over is 0. */
  until(at: number): number {
    return Math.max(0, at - this.now)
  }

  since(at: number): number {
    return this.now - at
  }

  time(at: number): void {
    this.put(this.until(at))
  }

  /** A number that only its owner gives out, renamed in the order of first mention. */
  name(owner: Id, value: number): void {
    const full = owner * 1_048_576 + value
    let index = this.names.indexOf(full)
    if (index < 0) index = this.names.push(full) - 1
    this.put(index)
  }

  get value(): number {
    return (this.high >>> 0) * 2_097_152 + (this.low >>> 11)
  }
}

const putPeer = (h: Hasher, peer: Someone): void => {
  h.put(peer.id * 1_024 + peer.epoch)
}

const putPeers = (h: Hasher, peers: ReadonlyArray<Someone>): void => {
  h.put(peers.length)
  for (const peer of peers) putPeer(h, peer)
}

const putNumbers = (h: Hasher, numbers: ReadonlyArray<number>): void => {
  h.put(numbers.length)
  for (const number of numbers) h.put(number)
}

const putLink = (h: Hasher, link: LinkId<Id>): void => {
  h.put(link.epoch)
  h.name(link.asker, link.requestId)
}

const putSample = (h: Hasher, sample: Sample<Id, number>): void => {
  putPeers(h, sample.peers)
  putNumbers(h, sample.ages)
}

const putProposal = (h: Hasher, initiator: Id, proposal: HyParView.Proposal<Id, number>): void => {
  h.name(initiator, proposal.requestId)
  putPeer(h, proposal.old)
  h.put(proposal.before)
  h.put(proposal.after)
}

const putGiven = (h: Hasher, { doubted, link, peer }: Extract<Swap, { readonly _tag: "Initiator" }>["given"]): void => {
  putPeer(h, peer)
  putLink(h, link)
  h.put(doubted ? 1 : 0)
}

/** Costs are known at once, so that nobody is seen weighing. */
const putSwap = (h: Hasher, self: Id, swap: Swap | undefined): void => {
  if (swap === undefined) return h.put(0)
  h.time(swap.deadline)
  switch (swap._tag) {
    case "Initiator":
      h.put(1)
      h.name(self, swap.requestId)
      putPeer(h, swap.candidate)
      return putGiven(h, swap.given)
    case "Candidate":
      h.put(2)
      putPeer(h, swap.initiator)
      h.name(swap.initiator.id, swap.requestId)
      return putGiven(h, swap.given)
    case "Disconnected":
      h.put(3)
      h.name(self, swap.requestId)
      h.put(swap.round)
      putPeer(h, swap.old)
      return putGiven(h, swap.given)
    case "Old":
      h.put(4)
      putPeer(h, swap.initiator)
      h.name(swap.initiator.id, swap.requestId)
      return putLink(h, swap.link)
    default:
      return h.put(5)
  }
}

const putMessage = (h: Hasher, from: Id, to: Id, message: Message): void => {
  switch (message._tag) {
    case "Join":
      h.put(1)
      return h.name(from, message.requestId)
    case "Neighbor":
      h.put(2)
      h.put(reasons.indexOf(message.reason))
      h.put(message.moves ?? 0)
      return h.name(from, message.requestId)
    case "NeighborReply":
      h.put(3)
      h.put(reasons.indexOf(message.answer))
      h.put(message.retryAfterMillis)
      putSample(h, message.sample)
      return h.name(to, message.requestId)
    case "ForwardJoin":
      h.put(4)
      h.put(message.ttl)
      putPeer(h, message.joiner)
      return putLink(h, message.link)
    case "Disconnect":
      h.put(5)
      h.put(reasons.indexOf(message.reason))
      h.put(message.moves ?? 0)
      putSample(h, message.sample)
      return putLink(h, message.link)
    case "Shuffle":
      h.put(message.link === undefined ? 6 : 7)
      h.put(message.ttl)
      putPeer(h, message.origin)
      h.name(message.origin.id, message.requestId)
      putSample(h, message.sample)
      if (message.link !== undefined) putLink(h, message.link)
      return
    case "ShuffleReply":
      h.put(8)
      putSample(h, message.sample)
      return h.name(to, message.requestId)
    case "Heartbeat":
    case "HeartbeatReply":
      h.put(message._tag === "Heartbeat" ? 9 : 10)
      h.put(message.nonce)
      return putLink(h, message.link)
    case "Probe":
      h.put(11)
      return h.name(from + 100, message.nonce)
    case "ProbeReply":
      h.put(12)
      return h.name(to + 100, message.nonce)
    case "NotNeighbor":
      h.put(13)
      return putLink(h, message.link)
    case "DisconnectWait":
      h.put(message.waits ? 14 : 15)
      h.name(from, message.requestId)
      return putLink(h, message.link)
    case "Optimization":
      h.put(16)
      return putProposal(h, from, message)
    case "OptimizationReply":
      h.put(message.accepted ? 17 : 18)
      return h.name(to, message.requestId)
    case "Replace":
      h.put(19)
      putPeer(h, message.initiator)
      putProposal(h, message.initiator.id, message)
      return putLink(h, message.link)
    case "ReplaceReply":
      // Whose round it is stands in the state of both ends.
      h.put(message.accepted ? 20 : 21)
      h.put(message.requestId)
      return putLink(h, message.link)
    case "Switch":
      h.put(22)
      h.name(from, message.requestId)
      putPeer(h, message.initiator)
      return h.name(message.initiator.id, message.round)
    case "SwitchReply":
      h.put(message.accepted ? 23 : 24)
      return h.name(to, message.requestId)
  }
}

const putQueue = (h: Hasher, from: Id, to: Id, queue: ReadonlyArray<Arrival>): void => {
  h.put(queue.length)
  for (const arrival of queue) {
    if (arrival._tag === "Message") putMessage(h, from, to, arrival.message)
    else h.put(20 + causes.indexOf(arrival.cause))
  }
}

const putEnd = (h: Hasher, at: Id, other: Id, end: End): void => {
  if (end._tag === "None") return h.put(0)
  h.put(end._tag === "Open" ? 1 : 2)
  putPeer(h, end.peer)
  if (end._tag === "Open") putQueue(h, other, at, end.queue)
  else putQueue(h, at, other, end.queue)
}

const putState = (h: Hasher, state: State): void => {
  const self = state.self.id
  h.put(statuses.indexOf(state.status))
  h.put(state.self.epoch)
  h.put(state.active.length)
  for (const { chosen, heardIn, link, unbiased, peer } of state.active) {
    putPeer(h, peer)
    putLink(h, link)
    h.put((chosen ? 1 : 0) + (unbiased ? 2 : 0))
    h.put(state.heartbeatRound - heardIn)
  }
  putPeers(h, HyParView.passivePeers(state))
  putNumbers(
    h,
    state.passive.since.map((since) => state.cycle - since)
  )
  h.put(state.pending.length)
  for (const { deadline, peer, reason, requestId } of state.pending) {
    putPeer(h, peer)
    h.put(reasons.indexOf(reason))
    h.name(self, requestId)
    h.time(deadline)
  }
  putSwap(h, self, state.swap)
  h.put(state.round.waiting ? 1 : 0)
  h.put(state.round.waitMillis)
  putNumbers(h, state.round.tried)
  putNumbers(h, state.round.busy)
  putNumbers(h, state.memory.suspects)
  h.put(state.shuffle === undefined ? 0 : 1)
  if (state.shuffle !== undefined) {
    h.name(self, state.shuffle.requestId)
    // Still in time at its deadline, unlike the others.
    h.time(state.shuffle.deadline + 1)
    putPeers(h, state.shuffle.sent)
    h.put(state.shuffle.stranger === undefined ? -1 : state.shuffle.stranger.id)
  }
  putNumbers(h, state.contacts.known)
  putNumbers(h, state.contacts.left)
  h.put(state.contacts.dialing.length)
  for (const { address, deadline, purpose } of state.contacts.dialing) {
    h.put(address)
    h.put(purposes.indexOf(purpose))
    h.time(deadline)
  }
  h.put(state.contacts.discoveryWaitMillis)
  h.put((state.contacts.alone ? 1 : 0) + (state.contacts.graves ? 2 : 0))
  h.time(state.contacts.metAt < 0 ? 0 : state.contacts.metAt + state.config.discoveryBackoffMillis[0])
  putPeers(h, HyParView.buriedPeers(state))
  h.put(state.search.probe === undefined ? 0 : 1)
  if (state.search.probe !== undefined) {
    putPeer(h, state.search.probe.peer)
    h.name(self + 100, state.search.probe.nonce)
    h.time(state.search.probe.deadline)
  }
  for (const at of [state.search.nextProbeAt, state.search.nextBridgeAskAt, state.search.nextBridgeAcceptAt]) h.time(at)
  for (const count of [state.search.triangles, state.search.exchangesDue]) h.put(count)
  h.put(state.search.surplus ?? -1)
  // Looked at while a slot is free, and set anew when one becomes free.
  h.put(state.active.length < state.config.activeSize ? h.since(state.hole.since) : 0)
  h.put(state.hole.moves)
  h.put(state.memory.departed.length)
  for (const { epoch, id, until } of state.memory.departed) {
    h.put(id)
    h.put(epoch)
    h.time(until)
  }
  const { admissionPerPeer } = state.config
  if (admissionPerPeer.burst < 100) {
    for (const askers of [state.admission.askers, state.admission.named]) {
      h.put(askers.length)
      for (const { at, id, tokens } of askers) {
        h.put(id)
        h.put(tokens * 1_000)
        h.put(Math.min(h.since(at), (60_000 * admissionPerPeer.burst) / admissionPerPeer.perMinute))
      }
    }
  }
  const { epochRaisedAt } = state.memory
  h.time(epochRaisedAt < 0 ? 0 : epochRaisedAt + state.config.duplicateIdentityMillis)
  for (const { at, nonce } of Object.values(state.timers)) h.put(nonce === 0 ? -1 : h.until(at))
}

/** The hash of a world and of what may still happen in it. */
export const hashOf = (world: World, budget: Budget): number => {
  const h = new Hasher(world.now)
  putNumbers(h, [budget.timers, budget.breaks, budget.failures, budget.idles])
  putNumbers(h, [budget.crashes, budget.leaves, budget.starts])
  for (const { dials, discovering, epoch, state } of world.stations) {
    h.put(epoch)
    h.put(discovering ? 1 : 0)
    putNumbers(h, dials)
    h.put(state === undefined ? 0 : 1)
    if (state !== undefined) putState(h, state)
  }
  const size = world.stations.length
  for (let a = 0; a < size; a++) {
    for (let b = a + 1; b < size; b++) {
      putEnd(h, a, b, world.end(a, b))
      putEnd(h, b, a, world.end(b, a))
      h.put(world.isWhole(a, b) ? 1 : 0)
    }
  }
  return h.value
}
