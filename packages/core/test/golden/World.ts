/**
 * Whole nodes (membership and broadcast) on one virtual clock, without threads, sockets or chance: the driver contract
 * (`Driver.ts`), kept in the simplest way that has latencies. Every message takes one latency; the first of a link takes
 * two, for the link is opened on the way. What is under way can be looked at, let through by hand, dropped or doubled.
 *
 * A node's id is its number, its address 100 more, so that the two are never confused.
 */
import * as HyParView from "@hyparview/core/HyParView"
import * as Node from "@hyparview/core/Node"
import type { Peer } from "@hyparview/core/Peer"
import * as Plumtree from "@hyparview/core/Plumtree"
import { seededFor } from "@hyparview/core/Random"
import { stepNode } from "../paper/frozen.ts"

export type State = Node.State<number, number>
export type Input = Node.Input<number, number>
export type Output = Node.Output<number, number>
export type Message = Node.Message<number, number>

export const addressOf = (id: number): number => id + 100
export const idAt = (address: number): number => address - 100

/** A link between two nodes. Each end holds it until it has learned of its end. */
interface Link {
  readonly id: number
  opened: boolean
  usedAt: number
  /** Who stands at the other end, as the node with this id knows it. */
  readonly peers: Map<number, Peer<number, number>>
}

/** Something under way from one node to another. Discovery's answers come from node 0. */
export interface Flight {
  readonly order: number
  readonly at: number
  readonly from: number
  readonly to: number
  readonly what:
    | { readonly _tag: "Message"; readonly link: Link; readonly message: Message }
    | { readonly _tag: "End"; readonly link: Link; readonly cause: HyParView.LinkCause }
    | { readonly _tag: "Contact"; readonly address: number }
    | { readonly _tag: "Found" }
}

interface DueTimer {
  readonly kind: Node.Timer
  readonly nonce: number
  readonly at: number
  readonly order: number
}

/** A place where the incarnations of one node run, one after the other. */
interface Station {
  state: State | undefined
  epoch: number
  frozen: boolean
  readonly timers: Map<Node.Timer, DueTimer>
}

export interface Options {
  readonly nodes: number
  readonly seed: number
  readonly latencyMillis: number
  readonly config: HyParView.Config
  readonly broadcast: Plumtree.Config
}

/** Sees every step of every node. */
export type Observer = (id: number, input: Input, outputs: ReadonlyArray<Output>, now: number) => void

const idleMillis = 10_000
const sweepMillis = 5_000

export class World {
  now = 0
  observer: Observer = () => {}
  /** How often what is sent arrives: a network that loses or repeats says 0, or 2. */
  copies: (flight: Flight) => number = () => 1
  /** What a link costs: the oracle that answers `Measure`. Where nothing else is said all cost the same. */
  costOf: (a: number, b: number) => number | undefined = () => 1
  /** Addresses that Discovery knows. */
  discovery: ReadonlyArray<number> = []
  flights: Array<Flight> = []
  private readonly options: Options
  private readonly stations = new Map<number, Station>()
  private readonly ends = new Map<string, Link>()
  /** When the latest of what is under way from one node to another arrives: nothing overtakes. */
  private readonly lastAt = new Map<string, number>()
  private groups: ReadonlyArray<ReadonlyArray<number>> = []
  private nextOrder = 1
  private nextSweepAt = sweepMillis

  constructor(options: Options) {
    this.options = options
  }

  // --- commands ------------------------------------------------------------------------------------------------------

  /** Starts a node, or its next incarnation; `epoch` only to start one that does not know how high it stood. */
  start(id: number, contacts: ReadonlyArray<number>, epoch?: number): void {
    const last = this.stations.get(id)
    const self = { id, epoch: epoch ?? (last?.epoch ?? 0) + 1, address: addressOf(id) }
    const { broadcast, config, seed } = this.options
    const state = Node.init({
      config: { membership: config, broadcast },
      self,
      random: seededFor(seed, id)
    })
    this.stations.set(id, { state, epoch: Math.max(self.epoch, last?.epoch ?? 0), frozen: false, timers: new Map() })
    this.give(id, { _tag: "Join", now: this.now, contacts: contacts.map(addressOf) })
  }

  leave(id: number): void {
    this.give(id, { _tag: "Leave", now: this.now })
  }

  publish(id: number, text: string): void {
    this.give(id, { _tag: "Publish", now: this.now, topic: "golden", payload: new TextEncoder().encode(text) })
  }

  /** A node dies without a word. What it has sent arrives; then its links break at the far ends. */
  kill(id: number): void {
    const station = this.stations.get(id)
    if (station === undefined) return
    for (const other of this.stations.keys()) {
      const link = this.ends.get(end(id, other))
      this.ends.delete(end(id, other))
      if (link?.opened === true) this.fly(id, other, { _tag: "End", link, cause: "reset" }, 1)
      else if (link !== undefined) this.lose(({ from, what }) => from === id && isOn(what, link))
    }
    this.lose(({ from, to, what }) => (what._tag === "Contact" && from === id) || (what._tag === "Found" && to === id))
    station.state = undefined
    station.timers.clear()
  }

  /** A process that is stopped: its links stay open, and nothing happens at its end. */
  freeze(id: number, frozen: boolean): void {
    const station = this.stations.get(id)
    if (station !== undefined) station.frozen = frozen
  }

  /** The link between two nodes breaks, and both ends know at once; what is under way is lost. */
  cut(a: number, b: number): void {
    for (const [at, to] of [
      [a, b],
      [b, a]
    ] as const) {
      const link = this.ends.get(end(at, to))
      if (link === undefined) continue
      this.ends.delete(end(at, to))
      this.lose(({ what }) => isOn(what, link))
      const peer = link.peers.get(at)
      if (peer === undefined) continue
      this.give(
        at,
        link.opened
          ? { _tag: "LinkClosed", now: this.now, peer, cause: "reset" }
          : { _tag: "SendFailed", now: this.now, to: peer, cause: "unreachable" }
      )
    }
  }

  /** Nodes of different groups cannot reach each other from now on; no groups: everybody can. */
  partition(groups: ReadonlyArray<ReadonlyArray<number>>): void {
    this.groups = groups
    for (const a of this.stations.keys()) {
      for (const b of this.stations.keys()) if (a < b && !this.reaches(a, b)) this.cut(a, b)
    }
  }

  /** A peer's Hello says that it knows a higher epoch of this node's id. */
  conflict(id: number, epoch: number): void {
    this.give(id, { _tag: "EpochConflict", now: this.now, epoch })
  }

  /** A node hears this, from a peer that need not exist. */
  hear(id: number, from: Peer<number, number>, message: Message): void {
    this.give(id, { _tag: "Received", now: this.now, from, message })
  }

  // --- time ----------------------------------------------------------------------------------------------------------

  /** Everything that is due until then happens, in its order. */
  advance(millis: number): void {
    const until = this.now + millis
    for (;;) {
      const flight = this.nextFlight()
      const timer = this.nextTimer()
      const flightFirst =
        flight !== undefined &&
        (timer === undefined || flight.at < timer.at || (flight.at === timer.at && flight.order < timer.order))
      const at = Math.min(flightFirst ? flight.at : (timer?.at ?? until + 1), this.nextSweepAt)
      if (at > until) break
      this.now = Math.max(this.now, at)
      if (at === this.nextSweepAt) this.sweep()
      else if (flightFirst) this.land(flight)
      else if (timer !== undefined) this.ring(timer.id, timer)
    }
    this.now = until
  }

  /** The timer in this slot fires, however long it would have been until then; false if none is set. */
  fire(id: number, kind: Node.Timer): boolean {
    const timer = this.stations.get(id)?.timers.get(kind)
    if (timer === undefined) return false
    this.now = Math.max(this.now, timer.at)
    this.ring(id, timer)
    return true
  }

  private ring(id: number, { kind, nonce }: DueTimer): void {
    this.stations.get(id)?.timers.delete(kind)
    this.give(id, { _tag: "TimerFired", now: this.now, kind, nonce })
  }

  private nextTimer(): (DueTimer & { readonly id: number }) | undefined {
    let next: (DueTimer & { readonly id: number }) | undefined
    for (const [id, { frozen, timers }] of this.stations) {
      if (frozen) continue
      for (const timer of timers.values()) {
        if (next === undefined || timer.at < next.at || (timer.at === next.at && timer.order < next.order)) {
          next = { ...timer, id }
        }
      }
    }
    return next
  }

  /** Links that neither end has a use for are let go. */
  private sweep(): void {
    this.nextSweepAt += sweepMillis
    for (const [name, link] of this.ends) {
      const [at = 0, to = 0] = name.split(" ").map(Number)
      const state = this.stateOf(at)
      if (state === undefined || !link.opened || Node.keepsLink(state, to)) continue
      if (this.now - link.usedAt >= idleMillis) this.close(at, to)
    }
  }

  // --- what is under way ---------------------------------------------------------------------------------------------

  /** What arrives next of all, or of what is under way between two nodes. */
  nextFlight(from?: number, to?: number): Flight | undefined {
    let next: Flight | undefined
    for (const flight of this.flights) {
      if (from !== undefined && (flight.from !== from || flight.to !== to)) continue
      if (this.stations.get(flight.to)?.frozen === true) continue
      if (next === undefined || flight.at < next.at || (flight.at === next.at && flight.order < next.order))
        next = flight
    }
    return next
  }

  /** It arrives now, whenever it was due. */
  land(flight: Flight): void {
    this.lose((other) => other === flight)
    const { from, to, what } = flight
    switch (what._tag) {
      case "Message":
        return this.landMessage(from, to, what.link, what.message)
      case "End": {
        if (this.ends.get(end(to, from)) !== what.link) return
        this.ends.delete(end(to, from))
        const peer = what.link.peers.get(to)
        if (peer !== undefined) this.give(to, { _tag: "LinkClosed", now: this.now, peer, cause: what.cause })
        return
      }
      case "Contact":
        return this.landContact(from, what.address)
      case "Found":
        return this.give(to, { _tag: "ContactsFound", now: this.now, contacts: this.discovery })
    }
  }

  /** It never arrives, and nobody is told. */
  drop(flight: Flight): void {
    this.lose((other) => other === flight)
  }

  /** It will arrive twice. */
  duplicate(flight: Flight): void {
    this.flights.push({ ...flight })
  }

  private lose(which: (flight: Flight) => boolean): void {
    this.flights = this.flights.filter((flight) => !which(flight))
  }

  private fly(from: number, to: number, what: Flight["what"], latencies: number): void {
    const at = Math.max(this.now + latencies * this.options.latencyMillis, this.lastAt.get(end(from, to)) ?? 0)
    this.lastAt.set(end(from, to), at)
    const flight = { order: this.nextOrder++, at, from, to, what }
    for (let copy = this.copies(flight); copy > 0; copy--) this.flights.push({ ...flight })
  }

  // --- links ---------------------------------------------------------------------------------------------------------

  private send(from: number, peer: Peer<number, number>, message: Message): void {
    const link = this.ends.get(end(from, peer.id)) ?? this.dial(from, peer)
    link.usedAt = this.now
    this.fly(from, peer.id, { _tag: "Message", link, message }, link.opened ? 1 : 2)
  }

  /** A new link; or, of two dials that cross, the one that the other end has begun. */
  private dial(from: number, peer: Peer<number, number>): Link {
    const theirs = this.ends.get(end(peer.id, from))
    const link =
      theirs !== undefined && !theirs.opened
        ? theirs
        : { id: this.nextOrder++, opened: false, usedAt: this.now, peers: new Map() }
    link.peers.set(from, peer)
    this.ends.set(end(from, peer.id), link)
    return link
  }

  private close(at: number, to: number): void {
    const link = this.ends.get(end(at, to))
    if (link === undefined) return
    this.ends.delete(end(at, to))
    this.fly(at, to, { _tag: "End", link, cause: "closed" }, link.opened ? 1 : 2)
  }

  private landMessage(from: number, to: number, link: Link, message: Message): void {
    if (!link.opened && !this.open(from, to, link)) return
    const peer = link.peers.get(to)
    // An end that has let go of the link, or an incarnation that never had it, hears nothing over it.
    if (this.ends.get(end(to, from)) !== link || peer === undefined) return
    link.usedAt = this.now
    this.give(to, { _tag: "Received", now: this.now, from: peer, message })
  }

  /** A link's first message reaches the far end, or fails to. */
  private open(from: number, to: number, link: Link): boolean {
    const peer = link.peers.get(from)
    if (peer === undefined) return false
    if (this.stateOf(to) === undefined || !this.reaches(from, to)) {
      this.abandon(from, to, link)
      const cause = this.reaches(from, to) ? "refused" : "unreachable"
      this.give(from, { _tag: "SendFailed", now: this.now, to: peer, cause })
      return false
    }
    return this.connect(from, to, link)
  }

  private abandon(from: number, to: number, link: Link): void {
    this.lose(({ what }) => isOn(what, link))
    if (this.ends.get(end(from, to)) === link) this.ends.delete(end(from, to))
    if (this.ends.get(end(to, from)) === link) this.ends.delete(end(to, from))
  }

  /** Both ends learn who stands at the other; or one learns that it is known by a higher epoch than it has. */
  private connect(from: number, to: number, link: Link): boolean {
    const caller = this.stateOf(from)
    const called = this.stateOf(to)
    if (caller === undefined || called === undefined) return false
    for (const [one, other] of [
      [caller, called],
      [called, caller]
    ] as const) {
      const { id, epoch } = one.membership.self
      const known = HyParView.knownEpoch(other.membership, id)
      if (known <= epoch) continue
      this.abandon(from, to, link)
      this.conflict(id, known)
      return false
    }
    const stale = this.ends.get(end(to, from))
    if (stale !== undefined && stale !== link) {
      this.ends.delete(end(to, from))
      const peer = stale.peers.get(to)
      if (peer !== undefined) this.give(to, { _tag: "LinkClosed", now: this.now, peer, cause: "reset" })
    }
    link.opened = true
    link.peers.set(from, called.membership.self).set(to, caller.membership.self)
    this.ends.set(end(to, from), link)
    return true
  }

  private landContact(from: number, address: number): void {
    const { now } = this
    const to = idAt(address)
    const open = this.ends.get(end(from, to))
    if (open?.opened !== true) {
      if (this.stateOf(to) === undefined || !this.reaches(from, to)) {
        return this.give(from, { _tag: "DialFailed", now, address, cause: "refused" })
      }
      const link = open ?? this.dial(from, { id: to, epoch: 0, address })
      if (!this.connect(from, to, link)) return this.give(from, { _tag: "DialFailed", now, address, cause: "rejected" })
    }
    const peer = this.ends.get(end(from, to))?.peers.get(from)
    if (peer !== undefined) this.give(from, { _tag: "LinkOpened", now, address, peer })
  }

  private reaches(a: number, b: number): boolean {
    const group = this.groups.find((ids) => ids.includes(a))
    return group === undefined || group.includes(b) || !this.groups.some((ids) => ids.includes(b))
  }

  // --- steps ---------------------------------------------------------------------------------------------------------

  stateOf(id: number): State | undefined {
    return this.stations.get(id)?.state
  }

  /** Every node that was ever started, and its state if it runs. */
  get nodes(): ReadonlyArray<readonly [id: number, state: State | undefined]> {
    return [...this.stations].map(([id, { state }]) => [id, state] as const)
  }

  private give(id: number, input: Input): void {
    const station = this.stations.get(id)
    if (station?.state === undefined) return
    const { outputs, state } = stepNode(station.state, input)
    station.state = state
    this.observer(id, input, outputs, this.now)
    for (const output of outputs) this.perform(id, station, output)
    for (const output of outputs) {
      if (output._tag !== "Measure") continue
      const costs = output.peers.map((peer) => this.costOf(id, peer.id))
      this.give(id, { _tag: "CostsMeasured", now: this.now, nonce: output.nonce, costs })
    }
  }

  private perform(id: number, station: Station, output: Output): void {
    switch (output._tag) {
      case "Send":
        return this.send(id, output.to, output.message)
      case "Close":
        return this.close(id, output.peer.id)
      case "Dial":
        return this.fly(id, idAt(output.address), { _tag: "Contact", address: output.address }, 2)
      case "Discover":
        return this.fly(0, id, { _tag: "Found" }, 1)
      case "SetTimer":
        station.timers.set(output.kind, { ...output, order: this.nextOrder++ })
        return
      case "ClearTimer":
        station.timers.delete(output.kind)
        return
      case "EpochRaised":
        station.epoch = output.self.epoch
        for (const other of this.stations.keys()) this.close(id, other)
        return
      case "Left":
      case "DuplicateIdentity":
        // What was said before is on its way; the process is gone.
        station.state = undefined
        return
      default:
      // Events for the application.
    }
  }
}

/** One node's end of its link with another. */
const end = (at: number, to: number): string => `${at} ${to}`

const isOn = (what: Flight["what"], link: Link): boolean =>
  (what._tag === "Message" || what._tag === "End") && what.link === link
