/**
 * The network between the nodes of a simulated world: when a frame arrives, if it does; how a dial ends; who is told that a
 * link is gone. What it decides it puts into the queue; what a node then makes of it is the world's (`World.ts`), which also
 * says how the network behaves.
 */
import { Random } from "@hyparview/core"
import { type FaultPlan, Latency } from "@hyparview/faults"
import type { EventQueue } from "../EventQueue.ts"
import { Conditions, type Passage } from "./conditions.ts"
import {
  bytesOf,
  dialAnswered,
  frameArrives,
  linkLost,
  millisecond,
  needsDial,
  type SimulatedMessage,
  wasClosed,
  wasConflict,
  wasLink,
  wasRefused,
  wasTimeout
} from "./events.ts"
import { LinkOrder } from "./linkOrder.ts"
import { frozen, type Processes, type SimulatedPeer, up } from "./processes.ts"
import type { States } from "./states.ts"
import { putBack, type Waiting } from "./waiting.ts"

/** What a network is made from. */
export interface NetworkOptions {
  readonly latency: Latency.LatencyModel
  /** How long after a link broke its two ends are told, in milliseconds. */
  readonly detectionMillis: number
  /** How a dial to a process that is not there fails. */
  readonly dialFailure: "refused" | "timeout"
  /** How long a dial that gets no answer takes to fail, in milliseconds. */
  readonly dialTimeoutMillis: number
  /** How often a send that failed is tried before the link counts as broken. Only with a `SendFailure` fault. */
  readonly sendAttempts: number
}

/** What of its world a network looks at. */
export interface Surroundings {
  readonly queue: EventQueue<SimulatedMessage>
  readonly processes: Processes
  readonly states: States
  /** The world's own. */
  readonly random: Random.Random
}

/** The faults that are the network's, and no node's. */
export type NetworkFault = Exclude<
  FaultPlan.Fault,
  { readonly _tag: "Crash" | "Restart" | "Leave" | "Freeze" | "Unfreeze" | "ClockJump" }
>

/** Mutable: it belongs to the world that made it. */
export class Network {
  /** Frames to nodes that were not there any more, or that it did not let through; none of those that wait for a heal. */
  undelivered: number

  private readonly options: NetworkOptions
  private readonly queue: EventQueue<SimulatedMessage>
  private readonly processes: Processes
  private readonly states: Surroundings["states"]
  private readonly random: Random.Random
  private readonly conditions: Conditions
  private readonly order: LinkOrder
  /** Frames that wait for a heal. */
  private held: Array<Waiting>
  /** The latency of every frame; −1 where it varies. */
  private readonly constantMicros: number
  /** Whether delays differ, so that the order of a link's frames must be kept. */
  private ordered: boolean
  /** Whether readers are or were slow: frames may be under way for as long as one likes. */
  private slowed: boolean

  constructor(options: NetworkOptions, { processes, queue, random, states }: Surroundings, from?: Network) {
    const { latency } = options
    this.options = options
    this.queue = queue
    this.processes = processes
    this.states = states
    this.random = random
    this.constantMicros = latency._tag === "Constant" ? latency.micros : -1
    this.undelivered = from?.undelivered ?? 0
    this.conditions = from?.conditions.fork() ?? new Conditions(states.length)
    this.order = from?.order.fork() ?? new LinkOrder()
    this.held = from?.held.slice() ?? []
    this.ordered = from?.ordered ?? this.constantMicros < 0
    this.slowed = from?.slowed ?? false
  }

  /** The same network, in a world that is a fork of its own. */
  fork(surroundings: Surroundings): Network {
    return new Network(this.options, surroundings, this)
  }

  /** Whether frames take different times. */
  get isTimed(): boolean {
    return this.constantMicros < 0
  }

  /** Makes something go wrong, or right again. */
  apply(fault: NetworkFault): void {
    const { conditions } = this
    switch (fault._tag) {
      case "Partition":
        conditions.partition(fault.groups, fault.mode)
        if (fault.mode === "reset") this.breakLinks((a, b) => conditions.passage(a, b) === "reset")
        return
      case "OneWay":
        return conditions.oneWay(fault.from, fault.to)
      case "Heal":
        conditions.heal()
        return this.releaseHeld()
      case "BreakLinks": {
        const { links } = fault
        if (links._tag === "Share") {
          this.breakLinks(() => happens(this.random, links.share))
        } else {
          for (const [a, b] of links.pairs) if (this.hasLink(a, b) || this.hasLink(b, a)) this.breakLink(a, b)
        }
        return
      }
      case "HalfOpen":
        // What does not exist cannot die: a link that the two make later is another.
        for (const [a, b] of fault.pairs) if (this.hasLink(a, b) || this.hasLink(b, a)) conditions.kill(a, b)
        return
      case "RefuseDials":
        return conditions.dials(fault.nodes, "refused")
      case "HangDials":
        return conditions.dials(fault.nodes, "hanging")
      case "AcceptDials":
        return conditions.dials(fault.nodes, "accepted")
      case "SendFailure":
        return conditions.rates({ sendFailure: fault.probability })
      case "SilentLoss":
        return conditions.rates({ silentLoss: fault.probability })
      case "Duplicate":
        return conditions.rates({ duplicate: fault.probability })
      case "SlowReader":
        this.ordered = true
        this.slowed = true
        return conditions.slow([fault.node], fault.bytesPerSecond)
      case "NormalReader":
        return conditions.slow(fault.nodes, undefined)
    }
  }

  // --- frames ----------------------------------------------------------------------------------------------------------

  /** A frame sets out. */
  send(from: number, to: SimulatedPeer, message: SimulatedMessage): void {
    const epoch = this.processes.epochOf(from)
    if (this.conditions.any && !this.passes(from, epoch, to, message)) return
    this.transmit(from, epoch, to, message)
  }

  private transmit(from: number, epoch: number, to: SimulatedPeer, message: SimulatedMessage): void {
    const { now } = this.queue
    let arrival = now + this.constantMicros
    if (this.ordered) {
      const latency = Latency.sampleMicros(this.options.latency, from, to.id, this.random)
      arrival = this.order.arrivalOf(from, to.id, now + latency, now)
      const rate = this.conditions.any ? this.conditions.bytesPerSecond(to.id) : undefined
      if (rate !== undefined) {
        const drained = arrival + Math.ceil((bytesOf(message) * 1_000_000) / rate)
        arrival = this.order.arrivalOf(from, to.id, drained, now)
      }
    }
    this.queue.push(arrival, frameArrives, to.id, from, epoch, to.epoch, message)
  }

  /** Whether the network, being troubled, takes a frame; if not, what must happen has been arranged. */
  private passes(from: number, epoch: number, to: SimulatedPeer, message: SimulatedMessage): boolean {
    const { conditions, random } = this
    // What could be said over a link of its own goes over one that stands.
    const dials = needsDial(message) && !this.hasLink(from, to.id)
    let passage = conditions.passage(from, to.id)
    // A link opens only if its handshake comes back.
    if (passage === "open" && dials) passage = conditions.passage(to.id, from)
    if (passage === "open" && dials) passage = conditions.dial(to.id)
    if (passage === "reset") {
      // Who refuses a dial lives: it does so at once. A link that stands breaks as links do.
      if (!dials) this.failFrame(from, to.id, epoch, to.epoch, message)
      else {
        this.undelivered++
        this.tellLater(from, to.id, to.epoch, wasRefused, this.roundTrip(from, to.id))
      }
      return false
    }
    if (passage === "silent") {
      if (!dials) this.held.push(frameOf(from, epoch, to, message))
      else {
        this.undelivered++
        this.tellLater(from, to.id, to.epoch, wasTimeout, this.options.dialTimeoutMillis * millisecond)
      }
      return false
    }
    if (!dials && conditions.isDead(from, to.id)) {
      this.undelivered++
      return false
    }
    if (conditions.sendFailure > 0) {
      let failures = 0
      while (failures < this.options.sendAttempts && happens(random, conditions.sendFailure)) failures++
      if (failures === this.options.sendAttempts) {
        this.undelivered++
        if (dials) this.tellLater(from, to.id, to.epoch, wasRefused, this.roundTrip(from, to.id))
        else this.breakLink(from, to.id)
        return false
      }
    }
    if (happens(random, conditions.silentLoss)) {
      this.undelivered++
      return false
    }
    if (happens(random, conditions.duplicate)) this.transmit(from, epoch, to, message)
    return true
  }

  /** A frame cannot reach a process that is not there: its sender is told, as its link or its dial fails. */
  failFrame(from: number, to: number, epoch: number, toEpoch: number, message: SimulatedMessage | undefined): void {
    this.undelivered++
    if (message === undefined || this.processes.epochOf(from) !== epoch || !this.processes.isAlive(from)) return
    if (!needsDial(message)) {
      this.tellOfBreak(from, to, toEpoch)
    } else if (this.options.dialFailure === "timeout") {
      this.tellLater(from, to, toEpoch, wasTimeout, this.options.dialTimeoutMillis * millisecond)
    } else {
      // The frame's own way is behind it; the refusal's way back is ahead.
      this.tellLater(from, to, toEpoch, wasRefused, Math.ceil(this.roundTrip(from, to) / 2))
    }
  }

  /** What waited for a heal arrives. */
  private releaseHeld(): void {
    const { held } = this
    this.held = []
    const { now } = this.queue
    for (const waiting of held) {
      if (this.conditions.isDead(waiting.second, waiting.target)) {
        this.undelivered++
        continue
      }
      const latency = Latency.sampleMicros(this.options.latency, waiting.second, waiting.target, this.random)
      putBack(this.queue, waiting, this.order.arrivalOf(waiting.second, waiting.target, now + latency, now))
    }
  }

  // --- links -----------------------------------------------------------------------------------------------------------

  /** The far end of a link sees it close behind what was sent before, if the network lets it. */
  close(node: number, peer: SimulatedPeer): void {
    const { conditions, queue } = this
    const reaches =
      !conditions.any || (conditions.passage(node, peer.id) === "open" && !conditions.isDead(node, peer.id))
    this.letGo(node, peer.id)
    if (!reaches) return
    const time = queue.now + Math.ceil(this.roundTrip(node, peer.id) / 2)
    const at = this.ordered ? this.order.arrivalOf(node, peer.id, time, queue.now) : time
    this.tell(peer.id, node, this.processes.epochOf(node), wasClosed, at)
  }

  /** A node's end of a link is gone: the next one that it makes is another. */
  letGo(node: number, other: number): void {
    if (this.conditions.any) this.conditions.letGo(node, other)
  }

  /** A node is gone, and its links with it. */
  letGoOfAll(node: number): void {
    this.conditions.letGoOfAll(node)
  }

  /** Both ends of a link will be told that it broke; until then all that is sent over it is lost. */
  private breakLink(a: number, b: number): void {
    this.conditions.kill(a, b)
    this.tellOfBreak(a, b, this.processes.epochOf(b))
    this.tellOfBreak(b, a, this.processes.epochOf(a))
  }

  /** Whether a node holds a link to another. One that it has only asked for may never be, and nobody would let go of it. */
  private hasLink(node: number, other: number): boolean {
    return this.states.hasNeighbor(node, other)
  }

  private breakLinks(breaks: (a: number, b: number) => boolean): void {
    for (let node = 0; node < this.states.length; node++) {
      const membership = this.states.get(node)?.membership
      if (membership === undefined) continue
      for (const { peer } of membership.active) {
        // A symmetric link is looked at once, from its lower end.
        if ((node < peer.id || !this.hasLink(peer.id, node)) && breaks(node, peer.id)) this.breakLink(node, peer.id)
      }
    }
  }

  /**
   * A node is told that its link to another broke, as soon as that can be known, and behind what the other sent before; but
   * nobody waits for what a slow reader has not read.
   */
  tellOfBreak(node: number, other: number, epoch: number): void {
    const { now } = this.queue
    const known = now + this.options.detectionMillis * millisecond
    const last =
      this.constantMicros >= 0 ? now + this.constantMicros : this.slowed ? now : this.order.lastArrivalOf(other, node)
    this.tell(node, other, epoch, wasLink, Math.max(known, last))
  }

  /** A frame came over an opening link whose two ends part again. */
  turnedAway(): void {
    this.undelivered++
  }

  /** The far end of an opening link knows a higher epoch of a node, and says so in its Hello. */
  tellOfConflict(node: number, other: number, epoch: number): void {
    this.tellLater(node, other, epoch, wasConflict, Math.ceil(this.roundTrip(node, other) / 2))
  }

  private tell(node: number, other: number, epoch: number, how: number, at: number): void {
    this.queue.push(at, linkLost, node, other, epoch, how, undefined)
  }

  private tellLater(node: number, other: number, epoch: number, how: number, delayMicros: number): void {
    this.tell(node, other, epoch, how, this.queue.now + delayMicros)
  }

  // --- dials -----------------------------------------------------------------------------------------------------------

  /** How long it takes there and back, this time, in microseconds. */
  roundTrip(from: number, to: number): number {
    if (this.constantMicros >= 0) return 2 * this.constantMicros
    const { latency } = this.options
    return Latency.sampleMicros(latency, from, to, this.random) + Latency.sampleMicros(latency, to, from, this.random)
  }

  /** A node dials an address to find out who is there. */
  dial(node: number, address: number): void {
    const passage = this.dialPassage(node, address)
    const delay = passage === "silent" ? this.options.dialTimeoutMillis * millisecond : this.roundTrip(node, address)
    const at = this.queue.now + delay
    this.queue.push(
      at,
      dialAnswered,
      node,
      address,
      this.processes.incarnationOf(node),
      passage === "silent" ? 1 : 0,
      undefined
    )
  }

  /** How a dial fares, were it to arrive now. */
  dialPassage(node: number, address: number): Passage {
    const presence = this.processes.presence[address]
    if (presence === frozen) return "silent"
    if (presence !== up) return this.options.dialFailure === "timeout" ? "silent" : "reset"
    if (!this.conditions.any) return "open"
    const passage = this.conditions.passage(node, address)
    if (passage !== "open") return passage
    const back = this.conditions.passage(address, node)
    return back === "open" ? this.conditions.dial(address) : back
  }
}

const draws = 2 ** 32

/** What happens with a probability, to one in 2³². Nothing is drawn for what never does. */
const happens = (random: Random.Random, probability: number): boolean =>
  probability > 0 && Random.nextBelow(random, draws) < probability * draws

const frameOf = (from: number, epoch: number, to: SimulatedPeer, message: SimulatedMessage): Waiting => ({
  kind: frameArrives,
  target: to.id,
  second: from,
  third: epoch,
  fourth: to.epoch,
  reference: message,
  remaining: 0
})
