/**
 * A simulated world: many nodes, each driven by the core's own `Node.step`, on one virtual time, over a network that can
 * fail in every way the protocol must survive. It is the simulator's half of the driver contract (`core/src/Driver.ts`);
 * nothing here knows what a message means, except whether it was sent over a link or needs one to be dialled.
 *
 * A run is a pure function of the options and of the commands given: all randomness comes from the seed, events at one
 * instant happen in the order in which they were caused, and `traceHash` covers every input that a node was given: when, to
 * whom, of what kind, and from whom. (What a message says follows from the states of nodes that were given the same before.)
 *
 * How the network behaves:
 *
 * - A frame travels for as long as the latency model says; frames from one node to another arrive in order. A link opens
 *   with the first frame that needs it, without a round trip of its own; `Dial` takes one round trip.
 * - A crash breaks the node's links: each far end is given `LinkClosed` after `detectionMillis`, behind what the node had sent
 *   before, and so is the sender of whatever was still under way. A frame that needs a dial (a request, a probe, a reply to a
 *   stranger) fails as dials to a dead process fail: refused after a round trip, or, if `dialFailure` says so, after
 *   `dialTimeoutMillis`. What waited at a frozen process fails when it dies.
 * - A node that starts again closes what its former incarnation left open, before it says anything.
 * - Silent loss, and only that, breaks the assumption that a link loses nothing.
 *
 * The hot path (`runUntil`, `give`, `send`) allocates nothing but what `step` needs. What is left is memory latency, since every
 * event goes to another node's state: in large worlds the states rest as words in one array between their steps
 * (`internal/resting.ts`), and `LookAhead` lets the misses of sixteen events overlap. Figures, and how they grow with the number
 * of nodes, are in `docs/benchmarks.md`.
 *
 * @since 0.1.0
 */
import { HyParView, Node, Plumtree, Random } from "@hyparview/core"
import { FaultPlan, Latency } from "@hyparview/faults"
import * as Result from "effect/Result"
import { EventQueue } from "./EventQueue.ts"
import { type Broadcast, Broadcasts } from "./internal/broadcasts.ts"
import {
  dialAnswered,
  discovered,
  frameArrives,
  isUnderWay,
  linkLost,
  millisecond,
  opensLink,
  type SimulatedMessage,
  wasClosed,
  wasConflict,
  wasLink,
  wasRefused
} from "./internal/events.ts"
import { LookAhead } from "./internal/lookAhead.ts"
import { Network, type NetworkOptions, type Surroundings } from "./internal/network.ts"
import { absent, crashed, frozen, left, Processes, type SimulatedPeer, up } from "./internal/processes.ts"
import { defectOf, isIndex, limitOf } from "./internal/refusals.ts"
import { RestingStates } from "./internal/resting.ts"
import { type NodeState, type States, WholeStates } from "./internal/states.ts"
import { Timers } from "./internal/timers.ts"
import { putBack, type Waiting } from "./internal/waiting.ts"
import { TraceHash } from "./TraceHash.ts"

type Id = number
type Address = number
type SimulatedInput = Node.Input<Id, Address>

export type { NodeState } from "./internal/states.ts"

/**
 * What a world is made from.
 *
 * @category models
 * @since 0.1.0
 */
export interface WorldOptions extends NetworkOptions {
  /** Indices run from 0 to `nodes` − 1. At most 2²⁴. */
  readonly nodes: number
  /** All randomness of the run: every node's, the network's, and the choice of victims. */
  readonly seed: number
  readonly config: Node.Config
  /** How many living nodes Discovery answers with. */
  readonly discoverySize: number
  /** Whether nodes' states rest as numbers between their steps, which changes no trace. Default: from 2,000 nodes on. */
  readonly rests?: boolean | undefined
  /** The nodes that Discovery names, whether they live or not, as a static list would. Default: any that live. */
  readonly discoverable?: ReadonlyArray<number> | undefined
}

/**
 * Is shown each transition of each node, after it happened and before its outputs are performed.
 *
 * @category models
 * @since 0.1.0
 */
export type Observer = (node: number, before: NodeState, input: SimulatedInput, step: Node.Step<Id, Address>) => void

export type { Broadcast } from "./internal/broadcasts.ts"

/**
 * Whether a node runs. `absent`: not started yet; `frozen`: its process is stopped, what reaches it waits.
 *
 * @category models
 * @since 0.1.0
 */
export type Presence = "absent" | "up" | "frozen" | "crashed" | "left"

/** From how many nodes on states rest as numbers, where nothing else is said. */
const restsFrom = 2_000

const presences: ReadonlyArray<Presence> = ["absent", "up", "frozen", "crashed", "left"]

/**
 * The world. Mutable: it belongs to whoever made it; `fork` gives an independent copy for the price of its arrays, since
 * the nodes' states never change.
 *
 * Options and commands that cannot be are defects of the caller, and throw before anything has changed: a `RangeError`, of a
 * latency model its `InvalidLatency`, of a fault its `InvalidPlan`.
 *
 * @category models
 * @since 0.1.0
 */
export class World {
  readonly options: WorldOptions
  /** Who watches, if anybody does; a fork is watched by nobody. */
  observer: Observer | undefined = undefined
  /** Inputs given to nodes. */
  events = 0
  /** Frames sent. */
  messages = 0
  /** Questions to Discovery, and dials: how often nodes turned to bootstrap. */
  discoveries = 0
  dials = 0
  /** For each node, how often it asked Discovery or dialled a contact. */
  readonly bootstrapCounts: Uint32Array

  private readonly nodes: number
  private readonly queue: EventQueue<SimulatedMessage>
  private hash = new TraceHash()
  private random: Random.Random
  private readonly states: States
  private readonly processes: Processes
  private readonly spread: Broadcasts = new Broadcasts()
  /** For a crashed node, who had a link to it. */
  private readonly bereaved = new Map<number, ReadonlySet<number>>()
  private readonly network: Network

  /** Events until the next look ahead. */
  private ahead = 0
  private readonly lookAhead: LookAhead = new LookAhead()

  private readonly stalled = new Map<number, Array<Waiting>>()
  private readonly timers: Timers

  constructor(options: WorldOptions) {
    const { nodes, seed } = options
    const defect = defectOf(options)
    if (defect !== undefined) throw new RangeError(defect)
    Result.getOrThrow(Latency.validate(options.latency))
    this.options = options
    this.nodes = nodes
    this.queue = new EventQueue(Math.max(1024, nodes))
    this.random = Random.seededFor(seed, 0x7fffffff)
    const rests = options.rests ?? nodes >= restsFrom
    this.states = rests ? new RestingStates(nodes, options.config) : new WholeStates(nodes)
    this.processes = new Processes(nodes)
    this.bootstrapCounts = new Uint32Array(nodes)
    this.network = new Network(options, this.surroundings)
    this.timers = new Timers(this.queue, this.processes)
  }

  private get surroundings(): Surroundings {
    const { processes, queue, random, states } = this
    return { processes, queue, random, states }
  }

  // --- looking ---------------------------------------------------------------------------------------------------------

  /** Virtual time in microseconds. */
  get now(): number {
    return this.queue.now
  }

  /** Nodes that run, frozen ones included. */
  get alive(): number {
    return this.processes.living
  }

  /** What became of each broadcast, in the order in which they were published. */
  get broadcasts(): ReadonlyArray<Broadcast> {
    return this.spread.list
  }

  /** Frames sent that carried a broadcast. */
  get payloads(): number {
    return this.spread.payloads
  }

  /** The other frames of the broadcast protocol. */
  get controls(): number {
    return this.spread.controls
  }

  /**
   * Frames to nodes that were not there any more, or that the network did not let through. All `messages` are these, those that
   * nodes were given, each copy but the first left out, and those that are under way or wait for a thaw or a heal.
   */
  get undelivered(): number {
    return this.network.undelivered
  }

  /** Events pending, timers included. */
  get pending(): number {
    return this.queue.size
  }

  /** The hash of all inputs given so far. */
  get traceHash(): string {
    return this.hash.value()
  }

  presenceOf(node: number): Presence {
    return presences[this.processes.presence[node] ?? absent] ?? "absent"
  }

  isAlive(node: number): boolean {
    return this.processes.isAlive(node)
  }

  /** A node's state; undefined if it is not running. */
  stateOf(node: number): NodeState | undefined {
    const state = this.states.get(node)
    return state === undefined ? undefined : this.states.kept(state)
  }

  /** A generator of its own for a user of this world, so that drawing from it disturbs nothing here. */
  randomFor(user: number): Random.Random {
    return Random.seededFor(this.options.seed, 0x70000000 + user)
  }

  /** A random living node; −1 if there is none. */
  randomAlive(random: Random.Random = this.random): number {
    return this.processes.anyAlive(random)
  }

  /** `count` distinct living nodes, a whole number of them, at random, in random order; all of them if there are fewer. */
  sampleAlive(count: number, random: Random.Random = this.random): ReadonlyArray<number> {
    if (!Number.isInteger(count) || count < 0)
      throw new RangeError(`${count} nodes cannot be drawn: expected a whole number from 0`)
    return this.processes.sampleAlive(count, random)
  }

  // --- commands --------------------------------------------------------------------------------------------------------

  /** Starts a node that does not run, through these contacts. One that ran before starts with a higher epoch. */
  start(node: number, contacts: ReadonlyArray<number>): void {
    this.assertNodes([node])
    this.assertNodes(contacts)
    if (this.isAlive(node)) return
    const incarnation = this.processes.incarnationOf(node)
    if (incarnation > 0) this.releaseBereaved(node)
    const self = this.processes.begin(node)
    const random = Random.seededFor(this.options.seed + incarnation * 4294967296, node)
    this.states.set(node, Node.init({ config: this.options.config, self, random }), undefined)
    this.command(node, { _tag: "Join", now: this.millis(), contacts })
  }

  /** Tells a node that runs of contacts, as a user does who calls `join` again. */
  introduce(node: number, contacts: ReadonlyArray<number>): void {
    this.assertNodes([node])
    this.assertNodes(contacts)
    if (this.processes.isUp(node)) this.command(node, { _tag: "Join", now: this.millis(), contacts })
  }

  /** Nodes die without a word; whoever had a link to one is told after the detection delay. */
  crash(nodes: ReadonlyArray<number>): void {
    this.assertNodes(nodes)
    for (const node of nodes) {
      const state = this.states.get(node)
      if (!this.isAlive(node) || state === undefined) continue
      this.processes.end(node, crashed)
      this.states.delete(node)
      this.network.letGoOfAll(node)
      this.failStalled(node)
      const others = new Set(linkedPeers(state.membership).map(({ id }) => id))
      this.bereaved.set(node, others)
      for (const other of others) this.network.tellOfBreak(other, node, state.membership.self.epoch)
    }
  }

  /** A node says goodbye to its neighbours and stops. */
  leave(node: number): void {
    this.assertNodes([node])
    if (!this.processes.isUp(node)) return
    this.command(node, { _tag: "Leave", now: this.millis() })
    this.processes.end(node, left)
    this.states.delete(node)
    this.network.letGoOfAll(node)
  }

  /**
   * Publishes from a node; the number of the broadcast, or −1 if the node does not run, as nobody (−1, see `randomAlive`) does. The
   * payload has four bytes at least, which name the broadcast.
   */
  publish(node: number, topic = "broadcast", bytes = 4): number {
    if (node !== -1) this.assertNodes([node])
    if (!Number.isSafeInteger(bytes)) throw new RangeError(`a payload cannot have ${bytes} bytes`)
    if (!this.processes.isUp(node)) return -1
    const index = this.broadcasts.length
    const payload = this.spread.begin(node, bytes, this.queue.now, this.network.isTimed, this.processes.begun)
    this.command(node, { _tag: "Publish", now: this.millis(), topic, payload })
    return index
  }

  /**
   * Makes something go wrong, or right again.
   *
   * There is one time here, which drivers are to take from a clock that never jumps; what a jump of the wall clock does is
   * to the epoch of the node's next start, which keeps none: after a jump back it is one that others know to be over, after one
   * forward at most 2³⁰. A frame to a slow reader counts as 100 bytes, or 60 and its payload.
   */
  apply(fault: FaultPlan.Fault): void {
    Result.getOrThrow(FaultPlan.validateFault(fault, this.nodes))
    switch (fault._tag) {
      case "Crash":
        this.crash(fault.nodes)
        return
      case "Restart":
        for (const node of fault.nodes) this.start(node, this.contactsFor(node))
        return
      case "Leave":
        for (const node of fault.nodes) this.leave(node)
        return
      case "Freeze":
        for (const node of fault.nodes) this.processes.freeze(node)
        return
      case "Unfreeze":
        for (const node of fault.nodes) this.thaw(node)
        return
      case "ClockJump":
        this.processes.jump(fault.node, fault.millis)
        return
      default:
        return this.network.apply(fault)
    }
  }

  /**
   * Stops what happens once a cycle (shuffles, ticks, probes) and Discovery's answers; what events cause goes on. Time
   * stands still for the cycles only: when they resume, each node is at the phase where it was.
   */
  pauseCycles(): void {
    this.timers.pause()
  }

  /** Ends the pause. */
  resumeCycles(): void {
    this.timers.resume()
  }

  // --- running ---------------------------------------------------------------------------------------------------------

  /** Runs until a virtual time in microseconds, but for at most `budget` events; whether the time was reached. */
  runUntil(time: number, budget: number = Number.MAX_SAFE_INTEGER): boolean {
    const { queue } = this
    const limit = limitOf(time, budget)
    const last = this.events + budget
    while (this.events < last) {
      if (!queue.next(limit)) return true
      if (--this.ahead <= 0) this.ahead = this.lookAhead.read(this.queue, this.states)
      this.happen()
    }
    return false
  }

  /**
   * Runs until no frame, notice or answer is under way and no graft may follow (timers that are due before that included),
   * or until a virtual time in microseconds, but for at most `budget` events; whether it came to rest or the time was
   * reached. With heartbeats, or sends that fail, a large world never rests.
   */
  drain(until: number, budget: number = Number.MAX_SAFE_INTEGER): boolean {
    const { queue } = this
    const limit = limitOf(until, budget)
    const last = this.events + budget
    while (isUnderWay(queue)) {
      if (this.events >= last) return false
      if (!queue.next(limit)) break
      if (--this.ahead <= 0) this.ahead = this.lookAhead.read(this.queue, this.states)
      this.happen()
    }
    return true
  }

  /**
   * An independent world at the same point. Its own draws, given another `branch`, differ from this one's. Given another
   * broadcast, its nodes begin with that one, among the neighbours they have.
   */
  fork(branch = 0, broadcast?: Plumtree.Config): World {
    const fork = new World({ ...this.options, nodes: 0, discoverable: undefined }).become(this, branch)
    return broadcast === undefined ? fork : fork.beginBroadcast(broadcast)
  }

  /** From now on its nodes, and those that start later, follow these parameters. */
  reconfigure(membership: HyParView.Config): void {
    Object.assign(this, { options: { ...this.options, config: { ...this.options.config, membership } } })
    for (let node = 0; node < this.nodes; node++) {
      const state = this.states.get(node)
      if (state === undefined) continue
      this.states.set(node, { ...state, membership: { ...state.membership, config: membership } }, state)
    }
  }

  private assertNodes(nodes: ReadonlyArray<number>): void {
    const stranger = nodes.find((node) => !isIndex(node, this.nodes))
    if (stranger !== undefined) throw new RangeError(`there is no node ${stranger}: the world has ${this.nodes}`)
  }

  private beginBroadcast(config: Plumtree.Config): World {
    Object.assign(this, { options: { ...this.options, config: { ...this.options.config, broadcast: config } } })
    const now = this.millis()
    for (let node = 0; node < this.nodes; node++) {
      const state = this.states.get(node)
      if (state === undefined) continue
      const { active, self } = state.membership
      let broadcast = Plumtree.init({ config, self, random: Random.seededFor(this.options.seed, 0x50000000 + node) })
      for (const { peer } of active) broadcast = Plumtree.step(broadcast, { _tag: "NeighborUp", now, peer }).state
      this.states.set(node, { ...state, broadcast }, state)
    }
    return this
  }

  private become(from: World, branch: number): World {
    Object.assign(this, {
      options: from.options,
      nodes: from.nodes,
      events: from.events,
      messages: from.messages,
      discoveries: from.discoveries,
      dials: from.dials,
      bootstrapCounts: from.bootstrapCounts.slice(),
      spread: from.spread.fork(),
      queue: from.queue.fork(),
      hash: from.hash.fork(),
      random: branch === 0 ? { ...from.random } : Random.seededFor(from.options.seed, 0x60000000 + branch),
      states: from.states.fork(),
      processes: from.processes.fork(),
      bereaved: new Map(from.bereaved),
      stalled: new Map([...from.stalled].map(([node, events]) => [node, events.slice()]))
    })
    const { processes, queue, surroundings } = this
    return Object.assign(this, {
      network: from.network.fork(surroundings),
      timers: from.timers.fork(queue, processes)
    })
  }

  /** The driver's clock: whole milliseconds. */
  private millis(): number {
    return Math.floor(this.queue.now / millisecond)
  }

  private command(node: number, input: SimulatedInput): void {
    const { hash } = this
    hash.whole(this.queue.now)
    hash.word(node)
    hash.text(input._tag)
    if (input._tag === "Join") this.absorbContacts(input.contacts)
    if (input._tag === "Publish") {
      hash.text(input.topic)
      hash.word(input.payload.length)
    }
    this.give(node, input)
  }

  private absorbContacts(contacts: ReadonlyArray<number>): void {
    this.hash.word(contacts.length)
    for (const contact of contacts) this.hash.word(contact)
  }

  /** The event just taken out of the queue happens. */
  private happen(): void {
    const { queue } = this
    const node = queue.target
    const { processes } = this
    const presence = processes.presence[node]
    if (presence !== up) {
      if (presence === frozen) this.stall(node)
      else if (queue.kind === frameArrives)
        this.network.failFrame(queue.second, node, queue.third, queue.fourth, queue.reference)
      return
    }
    switch (queue.kind) {
      case frameArrives: {
        const { reference: message, second, third } = queue
        if (message === undefined) return
        queue.absorbInto(this.hash)
        this.hash.kind(message._tag === "Carried" ? message.body._tag : message._tag)
        const sender = processes.peers[second]
        if (processes.anyFormer && opensLink(message) && this.isRefused(node, second, third)) {
          return this.network.turnedAway()
        }
        const from = sender !== undefined && sender.epoch === third ? sender : processes.peerOf(second, third)
        return this.give(node, { _tag: "Received", now: this.millis(), from, message })
      }
      case linkLost:
        return this.onLinkLost(node)
      case dialAnswered:
        return this.onDialAnswered(node)
      case discovered:
        return this.onDiscovered(node)
      default:
        return this.onTimer(node)
    }
  }

  private onTimer(node: number): void {
    const state = this.states.get(node)
    const timer = state === undefined ? undefined : this.timers.due(node, state)
    if (timer === undefined) return
    const nonce = this.queue.second
    this.queue.absorbInto(this.hash)
    this.give(node, { _tag: "TimerFired", now: this.millis(), kind: timer, nonce }, state)
  }

  /** Gives an input and performs what follows from it. */
  private give(node: number, input: SimulatedInput, state = this.states.get(node)): void {
    if (state === undefined) return
    this.events++
    const step = Node.step(state, input)
    const { outputs } = step
    if (this.observer === undefined) this.states.set(node, step.state, state)
    else {
      const before = this.states.kept(state)
      const after = this.states.kept(step.state)
      this.states.set(node, step.state, state)
      this.observer(node, before, input, { state: after, outputs })
    }
    let measure: Extract<Node.Output<Id, Address>, { _tag: "Measure" }> | undefined
    for (let i = 0; i < outputs.length; i++) {
      const output = outputs[i]
      if (output === undefined) continue
      switch (output._tag) {
        case "Send":
          this.messages++
          if (output.message._tag === "Carried") this.spread.sent(output.message.body)
          this.network.send(node, output.to, output.message)
          break
        case "SetTimer":
          this.timers.set(node, output.kind, output.nonce, output.at)
          break
        case "Delivered":
          this.spread.delivered(output.payload, output.hops, this.queue.now, this.processes.nthOf(node))
          break
        case "Duplicate":
          this.spread.repeated(input._tag === "Received" ? input.message : undefined)
          break
        case "Dial":
          this.dials++
          this.turnedToBootstrap(node)
          this.network.dial(node, output.address)
          break
        case "Discover":
          this.discover(node)
          break
        case "Measure":
          measure = output
          break
        case "Close":
          this.network.close(node, output.peer)
          break
        case "NeighborDown":
          this.network.letGo(node, output.peer.id)
          break
        case "EpochRaised":
          this.processes.become(node, output.self)
          break
      }
    }
    if (measure !== undefined) this.measured(node, measure)
  }

  /** The oracle: what a frame takes there and back, without noise. It knows at once. */
  private measured(node: number, { nonce, peers }: Extract<Node.Output<Id, Address>, { _tag: "Measure" }>): void {
    const costs = peers.map(({ id }) => this.costOf(node, id))
    this.hash.word(node)
    this.hash.word(nonce)
    for (const cost of costs) this.hash.word(cost)
    this.give(node, { _tag: "CostsMeasured", now: this.millis(), nonce, costs })
  }

  /** What a link costs: a frame there and back without noise, in microseconds. */
  costOf(a: number, b: number): number {
    const { latency } = this.options
    return Latency.typicalMicros(latency, a, b) + Latency.typicalMicros(latency, b, a)
  }

  // --- links and dials -------------------------------------------------------------------------------------------------

  private onLinkLost(node: number): void {
    const { fourth: how, second: other, third: epoch } = this.queue
    const now = this.millis()
    const peer = this.processes.peerOf(other, epoch)
    if (how === wasLink) this.network.letGo(node, other)
    if ((how === wasLink || how === wasClosed) && !this.holdsLink(node, peer)) return
    this.queue.absorbInto(this.hash)
    switch (how) {
      case wasLink:
        return this.give(node, { _tag: "LinkClosed", now, peer, cause: "reset" })
      case wasClosed:
        return this.give(node, { _tag: "LinkClosed", now, peer, cause: "closed" })
      case wasConflict:
        return this.give(node, { _tag: "EpochConflict", now, epoch })
      default:
        return this.give(node, { _tag: "SendFailed", now, to: peer, cause: how === wasRefused ? "refused" : "timeout" })
    }
  }

  /** Whether a node that runs believes that it has a link to this incarnation of a peer. */
  private holdsLink(node: number, peer: SimulatedPeer): boolean {
    const membership = this.processes.isUp(node) ? this.states.get(node)?.membership : undefined
    return (
      membership !== undefined && linkedPeers(membership).some(({ epoch, id }) => id === peer.id && epoch <= peer.epoch)
    )
  }

  /** Known closes come before any later message: a node that starts again first closes what it left open. */
  private releaseBereaved(node: number): void {
    const others = this.bereaved.get(node)
    const former = this.processes.peers[node]
    if (others === undefined || former === undefined) return
    this.bereaved.delete(node)
    const { hash } = this
    for (const other of others) {
      if (!this.holdsLink(other, former)) continue
      hash.whole(this.queue.now)
      hash.word(other)
      hash.text("LinkClosed")
      hash.word(former.id)
      hash.whole(former.epoch)
      this.give(other, { _tag: "LinkClosed", now: this.millis(), peer: former, cause: "reset" })
    }
  }

  /**
   * Whether the Hellos of a link's two ends, exchanged when it opens, part them again: the one to whom the other's epoch is
   * over says so, and the other hears of the higher one. Looked at where a frame comes that may open a link.
   */
  private isRefused(node: number, sender: number, epoch: number): boolean {
    const own = this.states.get(node)?.membership
    if (own === undefined) return false
    const known = HyParView.knownEpoch(own, sender)
    if (known > epoch) {
      this.network.tellOfConflict(sender, node, known)
      return true
    }
    const theirs = this.states.get(sender)?.membership
    const ofOurs = theirs === undefined ? -1 : HyParView.knownEpoch(theirs, node)
    if (ofOurs <= own.self.epoch) return false
    this.hash.whole(ofOurs)
    this.give(node, { _tag: "EpochConflict", now: this.millis(), epoch: ofOurs })
    return true
  }

  private onDialAnswered(node: number): void {
    const { fourth: timedOut, second: address, third: incarnation } = this.queue
    if (this.processes.incarnationOf(node) !== incarnation) return
    this.queue.absorbInto(this.hash)
    const peer = this.processes.peers[address]
    const open = timedOut === 0 && peer !== undefined && this.network.dialPassage(node, address) === "open"
    this.hash.word(open ? 1 : 0)
    this.give(
      node,
      open
        ? { _tag: "LinkOpened", now: this.millis(), address, peer }
        : { _tag: "DialFailed", now: this.millis(), address, cause: timedOut === 1 ? "timeout" : "refused" }
    )
  }

  private turnedToBootstrap(node: number): void {
    this.bootstrapCounts[node] = (this.bootstrapCounts[node] ?? 0) + 1
  }

  private discover(node: number): void {
    this.discoveries++
    this.turnedToBootstrap(node)
    const incarnation = this.processes.incarnationOf(node)
    if (this.timers.holdBack(discovered, node, 0, incarnation, 0, 0)) return
    this.queue.push(this.queue.now + this.network.roundTrip(node, node), discovered, node, 0, incarnation, 0, undefined)
  }

  private onDiscovered(node: number): void {
    if (this.processes.incarnationOf(node) !== this.queue.third) return
    const contacts = this.contactsFor(node)
    this.queue.absorbInto(this.hash)
    this.absorbContacts(contacts)
    this.give(node, { _tag: "ContactsFound", now: this.millis(), contacts })
  }

  /** What Discovery knows: some living nodes, wherever they stand. */
  private contactsFor(node: number): ReadonlyArray<number> {
    const contacts = new Set<number>()
    const { discoverable } = this.options
    if (discoverable !== undefined) {
      const first = Random.nextBelow(this.random, Math.max(1, discoverable.length))
      for (let i = 0; i < Math.min(discoverable.length, this.options.discoverySize); i++) {
        const contact = discoverable[(first + i) % discoverable.length] ?? node
        if (contact !== node) contacts.add(contact)
      }
      return [...contacts]
    }
    for (let i = 0; i < this.options.discoverySize; i++) {
      const contact = this.randomAlive()
      if (contact >= 0 && contact !== node) contacts.add(contact)
    }
    return [...contacts]
  }

  // --- what waits ----------------------------------------------------------------------------------------------------------

  private stall(node: number): void {
    const { fourth, kind, reference, second, third } = this.queue
    const events = this.stalled.get(node) ?? []
    events.push({ kind, target: node, second, third, fourth, reference, remaining: 0 })
    this.stalled.set(node, events)
  }

  /** A frozen process has died: what has waited for it to go on fails, as what is under way to it will. */
  private failStalled(node: number): void {
    for (const { fourth, kind, reference, second, third } of this.stalled.get(node) ?? []) {
      if (kind === frameArrives) this.network.failFrame(second, node, third, fourth, reference)
    }
    this.stalled.delete(node)
  }

  private thaw(node: number): void {
    if (!this.processes.thaw(node)) return
    const events = this.stalled.get(node) ?? []
    this.stalled.delete(node)
    for (const waiting of events) putBack(this.queue, waiting, this.queue.now)
  }
}

/** Those to whom a node has a link, or has asked for one. */
const linkedPeers = (membership: Membership): ReadonlyArray<SimulatedPeer> => {
  const peers = [...membership.active, ...membership.pending].map(({ peer }) => peer)
  const partner = HyParView.partnerOf(membership)
  return partner === undefined ? peers : [...peers, partner]
}

/**
 * The membership half of a node's state.
 *
 * @category models
 * @since 0.1.0
 */
export type Membership = HyParView.State<Id, Address>
