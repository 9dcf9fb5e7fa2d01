/**
 * What links cost, for X-BOT: the round trip to a peer in microseconds. Heartbeats measure neighbours as they go;
 * whoever is asked about and has not been measured lately is sent probes. The first probe to a peer without a link has
 * to open one, so that only the second counts.
 *
 * What was measured is smoothed as TCP smooths it (RFC 6298, §2: seven eighths of the old, one of the new), so that one
 * late answer moves little; what little is left X-BOT's own hysteresis does not follow (`optimizeHysteresis`).
 */
import type { Node, Peer } from "@hyparview/core"
import type { Settings } from "./settings.ts"

/** What the costs ask of the driver. */
export interface Host {
  /** Milliseconds, with their fraction. */
  readonly exact: () => number
  readonly isOpen: (id: string) => boolean
  readonly send: (to: Peer.Peer, message: Node.Message) => void
  readonly answer: (nonce: number, costs: ReadonlyArray<number | undefined>) => void
  /** Have `expire` called at this time, in milliseconds. */
  readonly wakeAt: (at: number) => void
}

export interface LinkCosts {
  /**
   * Answers as soon as every peer is known, at the latest shortly before the node gives up. A later question takes its
   * place.
   */
  readonly measure: (nonce: number, peers: ReadonlyArray<Peer.Peer>) => void
  readonly sent: (to: Peer.Peer, message: Node.Message) => void
  readonly received: (from: Peer.Peer, messages: ReadonlyArray<Node.Message>) => void
  /** There is no link to a peer, or none any more: what it was asked is not answered. */
  readonly lost: (id: string) => void
  readonly expire: () => void
}

interface Cost {
  readonly epoch: number
  readonly micros: number
  readonly at: number
}

/** A message that will be answered. `counts`: its answer tells the round trip of an open link. */
interface Asked {
  readonly nonce: number
  readonly at: number
  readonly counts: boolean
}

interface Question {
  readonly nonce: number
  readonly peers: ReadonlyArray<Peer.Peer>
  readonly waiting: Set<string>
  readonly deadline: number
}

/** Above every nonce of the core's own, which counts from 1: whose a reply is can be told from it. */
const firstNonce = 2 ** 52

/** The share of a request's time-out after which a question is answered with what is known. */
const patience = 0.8

/** How long a measurement is good, in cycles. Idle neighbours are measured once in a heartbeat period. */
const goodCycles = 2

export const makeLinkCosts = (settings: Settings, host: Host): LinkCosts => {
  const { cycleMillis, memorySize, optimizeCandidates, requestTimeoutMillis } = settings.membership
  const isOn = optimizeCandidates > 0
  /** By id, the latest last. At most memorySize. */
  const costs = new Map<string, Cost>()
  /** Probes of the question that is open: at most one for each of its peers. */
  const probes = new Map<string, Asked>()
  /** The latest heartbeat to each neighbour. At most memorySize. */
  const heartbeats = new Map<string, Asked>()
  let question: Question | undefined
  let nextNonce = firstNonce

  const known = ({ epoch, id }: Peer.Peer): Cost | undefined => {
    const cost = costs.get(id)
    return cost !== undefined && cost.epoch === epoch && host.exact() - cost.at <= goodCycles * cycleMillis
      ? cost
      : undefined
  }

  const record = (peer: Peer.Peer, millis: number): void => {
    const micros = Math.max(0, millis * 1_000)
    const old = known(peer)?.micros
    keep(costs, peer.id, {
      epoch: peer.epoch,
      micros: old === undefined ? micros : (7 * old + micros) / 8,
      at: host.exact()
    })
  }

  /** Puts an entry behind all others; where there are too many the first makes room. */
  const keep = <A>(entries: Map<string, A>, id: string, entry: A): void => {
    entries.delete(id)
    entries.set(id, entry)
    if (entries.size <= memorySize) return
    for (const first of entries.keys()) {
      entries.delete(first)
      return
    }
  }

  const probe = (peer: Peer.Peer, counts: boolean): void => {
    const nonce = nextNonce++
    probes.set(peer.id, { nonce, at: host.exact(), counts })
    host.send(peer, { _tag: "Probe", nonce })
  }

  const settled = (id: string): void => {
    probes.delete(id)
    if (question?.waiting.delete(id) === true && question.waiting.size === 0) answer()
  }

  const answer = (): void => {
    if (question === undefined) return
    const { nonce, peers } = question
    question = undefined
    probes.clear()
    host.answer(
      nonce,
      peers.map((peer) => known(peer)?.micros)
    )
  }

  const onProbeReply = (from: Peer.Peer, nonce: number): void => {
    const asked = probes.get(from.id)
    if (asked === undefined || asked.nonce !== nonce) return
    if (!asked.counts) return probe(from, true)
    record(from, host.exact() - asked.at)
    settled(from.id)
  }

  const onHeartbeatReply = (from: Peer.Peer, nonce: number): void => {
    const asked = heartbeats.get(from.id)
    if (asked === undefined || asked.nonce !== nonce) return
    heartbeats.delete(from.id)
    record(from, host.exact() - asked.at)
  }

  return {
    measure: (nonce, peers) => {
      const waiting = peers.filter((peer) => known(peer) === undefined)
      const deadline = host.exact() + patience * requestTimeoutMillis
      probes.clear()
      question = { nonce, peers, waiting: new Set(waiting.map(({ id }) => id)), deadline }
      if (waiting.length === 0) return answer()
      host.wakeAt(Math.ceil(deadline))
      for (const peer of waiting) probe(peer, host.isOpen(peer.id))
    },
    sent: (to, message) => {
      if (!isOn || message._tag !== "Heartbeat") return
      keep(heartbeats, to.id, { nonce: message.nonce, at: host.exact(), counts: true })
    },
    received: (from, messages) => {
      if (!isOn) return
      for (const message of messages) {
        if (message._tag === "ProbeReply") onProbeReply(from, message.nonce)
        else if (message._tag === "HeartbeatReply") onHeartbeatReply(from, message.nonce)
      }
    },
    lost: (id) => {
      if (!isOn) return
      heartbeats.delete(id)
      settled(id)
    },
    expire: () => {
      if (question !== undefined && host.exact() >= question.deadline) answer()
    }
  }
}
