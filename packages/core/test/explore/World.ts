/**
 * A world in which bare nodes run: what the driver contract (`Driver.ts`) promises and nothing more, with every moment at
 * which something may happen made an event of its own. Whoever explores chooses the order of the events; a world is cheap
 * to fork, so that every order can be tried from one point.
 *
 * The network is one of links, as §1.0 of the protocol rules wants it: a link delivers in order, at most once, without
 * gaps, until it ends. Its two ends learn of the end one by one, each as an event, in one queue with the messages that
 * arrive before it. An end that has learned of it may dial anew while the other still believes in the old link; the new
 * link then ends the old one there first.
 */
import * as HyParView from "@hyparview/core/HyParView"
import type { Peer } from "@hyparview/core/Peer"
import type { Random } from "@hyparview/core/Random"

/** Ids are small numbers, printed as letters; a node's address is 100 more, so that the two are never confused. */
export type Id = number
export type State = HyParView.State<Id, number>
export type Input = HyParView.Input<Id, number>
export type Output = HyParView.Output<Id, number>
export type Message = HyParView.Message<Id, number>
export type Someone = Peer<Id, number>

export const addressOf = (id: Id): number => id + 100
export const idAt = (address: number): Id => address - 100

/** A place where incarnations of one node run, one after the other. */
export interface Station {
  readonly state: State | undefined
  /** The epoch of the latest incarnation; 0 before the first. */
  readonly epoch: number
  /** Addresses being dialled to find out who answers. */
  readonly dials: ReadonlyArray<number>
  /** Discovery owes an answer. */
  readonly discovering: boolean
}

/** What arrives at an end of a link: a message, or the news that the link has ended. */
export type Arrival =
  | { readonly _tag: "Message"; readonly message: Message }
  | { readonly _tag: "End"; readonly cause: HyParView.LinkCause }

/**
 * One end of the link between two nodes. `dialing`: `queue` waits to be sent; `open`: `queue` is what is on its way
 * *towards* this end. An end may be open though the other is not: it has yet to learn of it.
 */
export type End =
  | { readonly _tag: "None" }
  | { readonly _tag: "Dialing"; readonly peer: Someone; readonly queue: ReadonlyArray<Arrival> }
  | { readonly _tag: "Open"; readonly peer: Someone; readonly queue: ReadonlyArray<Arrival> }

/** The two ends between two nodes, the smaller id's first; `whole`: both are open, and of the same link. */
export interface Pair {
  readonly low: End
  readonly high: End
  readonly whole: boolean
  /** When the link last carried something. */
  readonly usedAt: number
}

/**
 * What may happen. The first four happen by themselves, the others are faults or commands. `Lose` and `Repeat` lose or
 * repeat the next message of a link that holds: no link does so, but the rules ask that nothing breaks for it.
 */
export type Event =
  | { readonly _tag: "Deliver" | "Connect"; readonly from: Id; readonly to: Id }
  | { readonly _tag: "OpenContact" | "FailContact"; readonly node: Id; readonly address: number }
  | { readonly _tag: "Discovered"; readonly node: Id }
  | { readonly _tag: "Fire"; readonly node: Id; readonly kind: HyParView.Timer }
  | { readonly _tag: "CloseIdle" | "FailDial"; readonly from: Id; readonly to: Id }
  | { readonly _tag: "Lose" | "Repeat"; readonly from: Id; readonly to: Id }
  | { readonly _tag: "Break"; readonly from: Id; readonly to: Id; readonly lost: boolean }
  | { readonly _tag: "Crash" | "Leave"; readonly node: Id }
  | { readonly _tag: "Start"; readonly node: Id; readonly contacts: ReadonlyArray<Id>; readonly epoch: number }

/** Sees every step of every node: before, input, and what came of it. */
export type Observer = (node: Id, before: State, input: Input, step: HyParView.Step<Id, number>) => void

/** What a link costs, for ever: the oracle that answers `Measure`. Looks like chance, and is the same from both ends. */
export const costOf = (a: Id, b: Id): number => ((Math.min(a, b) + 3) * 7_919 + Math.max(a, b) * 104_729) % 997

const none: End = { _tag: "None" }
const ended = (cause: HyParView.LinkCause): Arrival => ({ _tag: "End", cause })
const absent: Station = { state: undefined, epoch: 0, dials: [], discovering: false }

export class World {
  now = 0
  readonly config: HyParView.Config
  readonly stations: Array<Station>
  readonly pairs: Map<number, Pair>
  /** What Discovery knows: always the same contacts. */
  readonly seeds: ReadonlyArray<Id>
  /** Gives each incarnation its generator. */
  readonly randomFor: (node: Id, epoch: number) => Random
  observer: Observer | undefined
  /** Replaces the randomness of the next steps: the explorer makes it one more thing to choose. */
  dice: Random | undefined

  constructor(from: Pick<World, "config" | "seeds" | "randomFor"> & Partial<World>, size: number) {
    this.config = from.config
    this.seeds = from.seeds
    this.randomFor = from.randomFor
    this.now = from.now ?? 0
    this.observer = from.observer
    this.dice = from.dice
    this.stations = from.stations === undefined ? Array.from({ length: size }, () => absent) : [...from.stations]
    this.pairs = new Map(from.pairs)
  }

  fork(): World {
    return new World(this, this.stations.length)
  }

  stateOf(id: Id): State | undefined {
    return this.stations[id]?.state
  }

  private station(id: Id): Station {
    return this.stations[id] ?? absent
  }

  private change(id: Id, edit: Partial<Station>): void {
    this.stations[id] = { ...this.station(id), ...edit }
  }

  // --- ends of links -------------------------------------------------------------------------------------------------

  private key(a: Id, b: Id): number {
    return Math.min(a, b) * this.stations.length + Math.max(a, b)
  }

  /** The end at `at` of the link to `to`. */
  end(at: Id, to: Id): End {
    const pair = this.pairs.get(this.key(at, to))
    return pair === undefined ? none : at < to ? pair.low : pair.high
  }

  isWhole(a: Id, b: Id): boolean {
    return this.pairs.get(this.key(a, b))?.whole === true
  }

  private setEnds(at: Id, to: Id, mine: End, theirs: End, whole: boolean): void {
    const key = this.key(at, to)
    if (mine._tag === "None" && theirs._tag === "None") {
      this.pairs.delete(key)
      return
    }
    const [low, high] = at < to ? [mine, theirs] : [theirs, mine]
    this.pairs.set(key, { low, high, whole, usedAt: this.now })
  }

  /** `at` ends its link to `to` in order; the other end learns of it after all that was sent before. */
  private hangUp(at: Id, to: Id): void {
    const mine = this.end(at, to)
    const theirs = this.end(to, at)
    if (mine._tag === "Dialing") {
      this.setEnds(at, to, { ...mine, queue: [...mine.queue, ended("closed")] }, theirs, false)
    } else if (theirs._tag === "Open" && this.isWhole(at, to)) {
      this.setEnds(at, to, none, { ...theirs, queue: [...theirs.queue, ended("closed")] }, false)
    } else {
      this.setEnds(at, to, none, theirs, false)
    }
  }

  /** Sends what a node says, or somebody in its place. */
  send(at: Id, peer: Someone, message: Message): void {
    const mine = this.end(at, peer.id)
    const theirs = this.end(peer.id, at)
    const arrival: Arrival = { _tag: "Message", message }
    if (mine._tag !== "Open") {
      const dialing: End =
        mine._tag === "Dialing"
          ? { ...mine, queue: [...mine.queue, arrival] }
          : { _tag: "Dialing", peer, queue: [arrival] }
      this.setEnds(at, peer.id, dialing, theirs, false)
    } else if (theirs._tag === "Open" && this.isWhole(at, peer.id)) {
      this.setEnds(at, peer.id, mine, { ...theirs, queue: [...theirs.queue, arrival] }, true)
    }
    // Else the link has ended and this end has yet to learn of it: what is sent is lost.
  }

  // --- steps ---------------------------------------------------------------------------------------------------------

  /** Gives one input to a node and performs what comes out. */
  give(id: Id, input: Input): void {
    const held = this.stateOf(id)
    if (held === undefined) return
    const before = this.dice === undefined ? held : { ...held, random0: this.dice.random0, random1: this.dice.random1 }
    const step = HyParView.step(before, input)
    this.change(id, { state: step.state })
    this.observer?.(id, before, input, step)
    for (const output of step.outputs) this.perform(id, output)
    for (const output of step.outputs) {
      if (output._tag !== "Measure") continue
      const costs = output.peers.map((peer) => costOf(id, peer.id))
      this.give(id, { _tag: "CostsMeasured", now: this.now, nonce: output.nonce, costs })
    }
  }

  private perform(id: Id, output: Output): void {
    switch (output._tag) {
      case "Send":
        return this.send(id, output.to, output.message)
      case "Close":
        return this.hangUp(id, output.peer.id)
      case "Dial":
        return this.change(id, { dials: [...this.station(id).dials, output.address] })
      case "Discover":
        return this.change(id, { discovering: true })
      case "EpochRaised":
        this.change(id, { dials: [] })
        for (const other of this.stations.keys()) {
          if (this.end(id, other)._tag === "Dialing") this.setEnds(id, other, none, this.end(other, id), false)
          else if (other !== id) this.hangUp(id, other)
        }
        return
      default:
      // Timers stand in the state; the rest are events for the application.
    }
  }

  /**
   * Opens a link from `from` to `to`, both running. Crossing dials become one link, and what waited goes over it. An end
   * at `to` that still believed in an earlier link learns first that this has ended. A node that is known by a higher
   * epoch than it has is told so instead (its Hello is answered by that).
   */
  private connect(from: Id, to: Id): void {
    const stale = this.end(to, from)
    if (stale._tag === "Open") {
      const last = stale.queue.at(-1)
      this.setEnds(to, from, none, this.end(from, to), false)
      this.give(to, {
        _tag: "LinkClosed",
        now: this.now,
        peer: stale.peer,
        cause: last?._tag === "End" ? last.cause : "reset"
      })
    }
    const caller = this.stateOf(from)
    const called = this.stateOf(to)
    if (caller === undefined || called === undefined) return
    if (this.tellEpoch(from, caller, to, called) || this.tellEpoch(to, called, from, caller)) return
    const mine = this.end(from, to)
    const theirs = this.end(to, from)
    const toMe = theirs._tag === "Dialing" ? theirs.queue : []
    const toThem = mine._tag === "Dialing" ? mine.queue : []
    const iEnd = toThem.at(-1)?._tag === "End"
    const theyEnd = toMe.at(-1)?._tag === "End"
    this.setEnds(
      from,
      to,
      iEnd ? none : { _tag: "Open", peer: called.self, queue: toMe },
      theyEnd ? none : { _tag: "Open", peer: caller.self, queue: toThem },
      !iEnd && !theyEnd
    )
  }

  /** Tells `node` that `other` knows a higher epoch of its id; the attempt to open a link is over. */
  private tellEpoch(node: Id, state: State, other: Id, otherState: State): boolean {
    const epoch = HyParView.knownEpoch(otherState, node)
    if (epoch <= state.self.epoch) return false
    this.setEnds(node, other, none, none, false)
    this.give(node, { _tag: "EpochConflict", now: this.now, epoch })
    return true
  }

  apply(event: Event): void {
    const { now } = this
    switch (event._tag) {
      case "Deliver":
        return this.deliver(event.from, event.to, true)
      case "Repeat":
        return this.deliver(event.from, event.to, false)
      case "Lose": {
        const end = this.end(event.to, event.from)
        if (end._tag !== "Open" || end.queue[0]?._tag !== "Message") return
        const queue = end.queue.slice(1)
        return this.setEnds(
          event.to,
          event.from,
          { ...end, queue },
          this.end(event.from, event.to),
          this.isWhole(event.from, event.to)
        )
      }
      case "Connect":
        if (this.end(event.from, event.to)._tag === "Dialing") this.connect(event.from, event.to)
        return
      case "FailDial": {
        const { from, to } = event
        const mine = this.end(from, to)
        if (mine._tag !== "Dialing") return
        this.setEnds(from, to, none, this.end(to, from), false)
        return this.give(from, { _tag: "SendFailed", now, to: mine.peer, cause: "refused" })
      }
      case "OpenContact":
        return this.openContact(event.node, event.address)
      case "FailContact":
        this.change(event.node, { dials: this.station(event.node).dials.filter((a) => a !== event.address) })
        return this.give(event.node, { _tag: "DialFailed", now, address: event.address, cause: "refused" })
      case "Discovered":
        this.change(event.node, { discovering: false })
        return this.give(event.node, { _tag: "ContactsFound", now, contacts: this.seeds.map(addressOf) })
      case "Fire": {
        const slot = this.stateOf(event.node)?.timers[event.kind]
        if (slot === undefined || slot.nonce === 0) return
        this.now = Math.max(now, slot.at)
        return this.give(event.node, { _tag: "TimerFired", now: this.now, kind: event.kind, nonce: slot.nonce })
      }
      case "CloseIdle":
        return this.hangUp(event.from, event.to)
      case "Break":
        return this.break(event.from, event.to, event.lost)
      case "Crash":
        return this.crash(event.node)
      case "Leave":
        return this.give(event.node, { _tag: "Leave", now })
      case "Start":
        return this.start(event.node, event.contacts, event.epoch)
    }
  }

  private deliver(from: Id, to: Id, takes: boolean): void {
    const end = this.end(to, from)
    if (end._tag !== "Open") return
    const [arrival, ...queue] = end.queue
    if (arrival === undefined) return
    const whole = this.isWhole(from, to)
    if (arrival._tag === "End") {
      this.setEnds(to, from, none, this.end(from, to), false)
      return this.give(to, { _tag: "LinkClosed", now: this.now, peer: end.peer, cause: arrival.cause })
    }
    if (takes) this.setEnds(to, from, { ...end, queue }, this.end(from, to), whole)
    this.give(to, { _tag: "Received", now: this.now, from: end.peer, message: arrival.message })
  }

  private openContact(node: Id, address: number): void {
    const to = idAt(address)
    if (!this.station(node).dials.includes(address)) return
    if (this.end(node, to)._tag !== "Open") this.connect(node, to)
    const end = this.end(node, to)
    // The far end was told of a higher epoch of its id: this attempt is over, whatever it makes of the news.
    if (end._tag !== "Open") return this.apply({ _tag: "FailContact", node, address })
    this.change(node, { dials: this.station(node).dials.filter((a) => a !== address) })
    this.give(node, { _tag: "LinkOpened", now: this.now, address, peer: end.peer })
  }

  /** The link breaks: what is on its way arrives first, or is lost; then each end learns of it. */
  private break(a: Id, b: Id, lost: boolean): void {
    const cut = (end: End): End =>
      end._tag === "Open" ? { ...end, queue: [...(lost ? [] : end.queue), ended("reset")] } : end
    this.setEnds(a, b, cut(this.end(a, b)), cut(this.end(b, a)), false)
  }

  private crash(node: Id): void {
    for (const other of this.stations.keys()) {
      if (other === node) continue
      const theirs = this.end(other, node)
      const told = theirs._tag === "Open" ? { ...theirs, queue: [ended("reset")] } : theirs
      this.setEnds(node, other, none, told, false)
    }
    const { epoch, state } = this.station(node)
    // One that has left and joined again has raised its epoch itself.
    this.change(node, {
      state: undefined,
      epoch: Math.max(epoch, state?.self.epoch ?? 0),
      dials: [],
      discovering: false
    })
  }

  /** The first incarnation of a node, a later one, or (of one that left) the same process joining again. */
  private start(node: Id, contacts: ReadonlyArray<Id>, epoch: number): void {
    if (this.stateOf(node) === undefined) {
      const self = { id: node, epoch, address: addressOf(node) }
      const state = HyParView.init({ config: this.config, self, random: this.randomFor(node, epoch) })
      this.change(node, { state, epoch: Math.max(epoch, this.station(node).epoch) })
    }
    this.give(node, { _tag: "Join", now: this.now, contacts: contacts.map(addressOf) })
  }
}
