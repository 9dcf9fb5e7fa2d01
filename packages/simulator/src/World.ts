/**
 * A simulated world: many nodes, each driven by the core's own `Node.step`, on one virtual time, over a network that can
 * fail in every way the protocol must survive. It is the simulator's half of the driver contract (`core/src/Driver.ts`);
 * nothing here knows what a message means, except whether it was sent over a link or needs one to be dialled.
 *
 * A run is a pure function of the options and of the commands given: all randomness comes from the seed, events at one
 * instant happen in the order in which they were caused, and `traceHash` covers every input that a node was given.
 *
 * How the network behaves:
 *
 * - A frame travels for as long as the latency model says; frames from one node to another arrive in order. A link opens
 *   with the first frame that needs it, without a round trip of its own; `Dial` takes one round trip.
 * - A crash breaks the node's links: each far end is given `LinkClosed` after `detectionMillis`, and so is the sender of
 *   whatever was still under way. A frame that needs a dial (a request, a probe, a reply to a stranger) fails as dials to a
 *   dead process fail: refused after a round trip, or, if `dialFailure` says so, after `dialTimeoutMillis`.
 * - A node that starts again closes what its former incarnation left open, before it says anything.
 * - Silent loss, and only that, breaks the assumption that a link loses nothing.
 *
 * The hot path (`runUntil`, `give`, `send`) allocates nothing but what `step` needs; nine tenths of the time are spent in
 * the core, and most of it on memory latency, since every event goes to another node's state (figures, and how they grow
 * with the number of nodes, are in `docs/benchmarks.md`). `LookAhead` lets the
 * misses of sixteen events overlap: in pairs of worlds that took turns in one process, with 10,000 nodes, cycles took 0.81
 * and floods 0.68 of the time without it, joins 0.96.
 *
 * @since 0.1.0
 */
import { HyParView, Node, Plumtree, Random } from "@hyparview/core"
import { type FaultPlan, Latency } from "@hyparview/faults"
import { EventQueue } from "./EventQueue.ts"
import { type Broadcast, Broadcasts } from "./internal/broadcasts.ts"
import { Conditions } from "./internal/conditions.ts"
import {
  bytesOf,
  cycleTimer,
  dialAnswered,
  discovered,
  firstTimer,
  frameArrives,
  graftTimer,
  isUnderWay,
  linkLost,
  needsDial,
  opensLink,
  type SimulatedMessage,
  timerKindOf,
  timerKinds,
  wasClosed,
  wasConflict,
  wasLink,
  wasRefused,
  wasTimeout
} from "./internal/events.ts"
import { LinkOrder } from "./internal/linkOrder.ts"
import { LookAhead } from "./internal/lookAhead.ts"
import { absent, crashed, frozen, left, Processes, type SimulatedPeer, up } from "./internal/processes.ts"
import { CyclePause, type Waiting } from "./internal/waiting.ts"
import { TraceHash } from "./TraceHash.ts"

type Id = number
type Address = number
type SimulatedInput = Node.Input<Id, Address>

/**
 * The state of a simulated node: ids and addresses are the node's index.
 *
 * @category models
 * @since 0.1.0
 */
export type NodeState = Node.State<Id, Address>

/**
 * What a world is made from.
 *
 * @category models
 * @since 0.1.0
 */
export interface WorldOptions {
  /** Indices run from 0 to `nodes` − 1. At most 2²⁴. */
  readonly nodes: number
  /** All randomness of the run: every node's, the network's, and the choice of victims. */
  readonly seed: number
  readonly config: Node.Config
  readonly latency: Latency.LatencyModel
  /** How long after a link broke its two ends are told, in milliseconds. */
  readonly detectionMillis: number
  /** How a dial to a process that is not there fails. */
  readonly dialFailure: "refused" | "timeout"
  /** How long a dial that gets no answer takes to fail, in milliseconds. */
  readonly dialTimeoutMillis: number
  /** How often a send that failed is tried before the link counts as broken. Only with a `SendFailure` fault. */
  readonly sendAttempts: number
  /** How many living nodes Discovery answers with. */
  readonly discoverySize: number
  /** The nodes that Discovery names, whether they live or not, as a static list would. Default: any that live. */
  readonly discoverable?: ReadonlyArray<number>
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

const presences: ReadonlyArray<Presence> = ["absent", "up", "frozen", "crashed", "left"]

const micros = 1000

/**
 * The world. Mutable: it belongs to whoever made it; `fork` gives an independent copy for the price of its arrays, since
 * the nodes' states never change.
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
  /** Frames to nodes that were not there any more, or that the network did not let through. */
  undelivered = 0
  /** Questions to Discovery, and dials: how often nodes turned to bootstrap. */
  discoveries = 0
  dials = 0
  /** For each node, how often it asked Discovery or dialled a contact. */
  readonly bootstrapCounts: Uint32Array

  private readonly nodes: number
  private readonly queue: EventQueue<SimulatedMessage>
  private hash = new TraceHash()
  private random: Random.Random
  private readonly states: Array<NodeState | undefined>
  private readonly processes: Processes
  private readonly spread: Broadcasts = new Broadcasts()
  /** For a crashed node, who had a link to it. */
  private readonly bereaved = new Map<number, ReadonlyArray<number>>()
  private conditions: Conditions
  private order = new LinkOrder()
  private readonly constantMicros: number
  /** Events pending of the kinds that `isUnderWay`. */
  private underWay = 0
  /** Whether delays differ, so that the order of a link's frames must be kept. */
  private ordered: boolean

  /** Events until the next look ahead. */
  private ahead = 0
  private readonly lookAhead: LookAhead = new LookAhead()

  private readonly stalled = new Map<number, Array<Waiting>>()
  private held: Array<Waiting> = []
  private readonly pause: CyclePause = new CyclePause()

  constructor(options: WorldOptions) {
    const { latency, nodes, seed } = options
    this.options = options
    this.nodes = nodes
    this.queue = new EventQueue(Math.max(1024, nodes))
    this.random = Random.seededFor(seed, 0x7fffffff)
    this.states = Array.from<NodeState | undefined>({ length: nodes }).fill(undefined)
    this.processes = new Processes(nodes)
    this.bootstrapCounts = new Uint32Array(nodes)
    this.conditions = new Conditions(nodes)
    this.constantMicros = latency._tag === "Constant" ? latency.micros : -1
    this.ordered = this.constantMicros < 0
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
    return this.states[node]
  }

  /** A generator of its own for a user of this world, so that drawing from it disturbs nothing here. */
  randomFor(user: number): Random.Random {
    return Random.seededFor(this.options.seed, 0x70000000 + user)
  }

  /** A random living node; −1 if there is none. */
  randomAlive(random: Random.Random = this.random): number {
    return this.processes.anyAlive(random)
  }

  /** `count` distinct living nodes, at random, in random order; all of them if there are fewer. */
  sampleAlive(count: number, random: Random.Random = this.random): ReadonlyArray<number> {
    return this.processes.sampleAlive(count, random)
  }

  // --- commands --------------------------------------------------------------------------------------------------------

  /** Starts a node that does not run, through these contacts. One that ran before starts with a higher epoch. */
  start(node: number, contacts: ReadonlyArray<number>): void {
    if (this.isAlive(node)) return
    const incarnation = this.processes.incarnationOf(node)
    if (incarnation > 0) this.releaseBereaved(node)
    const self = this.processes.begin(node)
    const random = Random.seededFor(this.options.seed + incarnation * 4294967296, node)
    this.states[node] = Node.init({ config: this.options.config, self, random })
    this.command(node, { _tag: "Join", now: this.millis(), contacts })
  }

  /** Tells a node that runs of contacts, as a user does who calls `join` again. */
  introduce(node: number, contacts: ReadonlyArray<number>): void {
    if (this.processes.isUp(node)) this.command(node, { _tag: "Join", now: this.millis(), contacts })
  }

  /** Nodes die without a word; whoever had a link to one is told after the detection delay. */
  crash(nodes: ReadonlyArray<number>): void {
    const at = this.queue.now + this.options.detectionMillis * micros
    for (const node of nodes) {
      const state = this.states[node]
      if (!this.isAlive(node) || state === undefined) continue
      this.processes.end(node, crashed)
      this.states[node] = undefined
      this.conditions.letGoOfAll(node)
      this.stalled.delete(node)
      const { active, pending } = state.membership
      const others = [...active.map((neighbor) => neighbor.peer.id), ...pending.map((asking) => asking.peer.id)]
      const partner = HyParView.partnerOf(state.membership)
      if (partner !== undefined && !others.includes(partner.id)) others.push(partner.id)
      this.bereaved.set(node, others)
      for (const other of others) this.tell(other, node, state.membership.self.epoch, wasLink, at)
    }
  }

  /** A node says goodbye to its neighbours and stops. */
  leave(node: number): void {
    if (!this.processes.isUp(node)) return
    this.command(node, { _tag: "Leave", now: this.millis() })
    this.processes.end(node, left)
    this.states[node] = undefined
    this.conditions.letGoOfAll(node)
  }

  /**
   * Publishes from a node; the number of the broadcast, or −1 if the node does not run. The payload has four bytes at least,
   * which name the broadcast.
   */
  publish(node: number, topic = "broadcast", bytes = 4): number {
    if (!this.processes.isUp(node)) return -1
    const index = this.broadcasts.length
    const payload = this.spread.begin(node, bytes, this.queue.now, this.constantMicros < 0)
    this.command(node, { _tag: "Publish", now: this.millis(), topic, payload })
    return index
  }

  /**
   * Makes something go wrong, or right again.
   *
   * There is one time here, which drivers are to take from a clock that never jumps; what a jump of the wall clock does is
   * to the epoch of the node's next start, which keeps none: after a jump back it is one that others know to be over. A frame
   * to a slow reader counts as 100 bytes, or 60 and its payload.
   */
  apply(fault: FaultPlan.Fault): void {
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
      case "Partition":
        this.conditions.partition(fault.groups, fault.mode)
        if (fault.mode === "reset") this.breakLinks((a, b) => this.conditions.passage(a, b) === "reset")
        return
      case "OneWay":
        this.conditions.oneWay(fault.from, fault.to)
        return
      case "Heal":
        this.conditions.heal()
        this.releaseHeld()
        return
      case "BreakLinks": {
        const { links } = fault
        if (links._tag === "Share") {
          this.breakLinks(() => links.share > 0 && Random.nextBelow(this.random, 1_000_000) < links.share * 1_000_000)
        } else {
          for (const [a, b] of links.pairs) if (this.hasLink(a, b) || this.hasLink(b, a)) this.breakLink(a, b)
        }
        return
      }
      case "HalfOpen":
        // What does not exist cannot die: a link that the two make later is another.
        for (const [a, b] of fault.pairs) if (this.hasLink(a, b) || this.hasLink(b, a)) this.conditions.kill(a, b)
        return
      case "RefuseDials":
        this.conditions.dials(fault.nodes, "refused")
        return
      case "HangDials":
        this.conditions.dials(fault.nodes, "hanging")
        return
      case "AcceptDials":
        this.conditions.dials(fault.nodes, "accepted")
        return
      case "SendFailure":
        this.conditions.rates({ sendFailure: fault.probability })
        return
      case "SilentLoss":
        this.conditions.rates({ silentLoss: fault.probability })
        return
      case "Duplicate":
        this.conditions.rates({ duplicate: fault.probability })
        return
      case "SlowReader":
        this.ordered = true
        this.conditions.slow([fault.node], fault.bytesPerSecond)
        return
      case "NormalReader":
        this.conditions.slow(fault.nodes, undefined)
        return
      case "ClockJump":
        this.processes.jump(fault.node, fault.millis)
        return
    }
  }

  /**
   * Stops what happens once a cycle (shuffles, ticks, probes) and Discovery's answers; what events cause goes on. Time
   * stands still for the cycles only: when they resume, each node is at the phase where it was.
   */
  pauseCycles(): void {
    this.pause.begin(this.queue.now)
  }

  /** Ends the pause. */
  resumeCycles(): void {
    const { now } = this.queue
    for (const waiting of this.pause.end(now)) this.requeue(waiting, now + waiting.remaining)
  }

  // --- running ---------------------------------------------------------------------------------------------------------

  /** Runs until a virtual time in microseconds, but for at most `budget` events; whether the time was reached. */
  runUntil(time: number, budget: number = Number.MAX_SAFE_INTEGER): boolean {
    const { queue } = this
    const last = this.events + budget
    while (this.events < last) {
      if (!queue.next(time)) return true
      if (--this.ahead <= 0) this.ahead = this.lookAhead.read(this.queue, this.states)
      this.happen()
    }
    return false
  }

  /**
   * Runs until no frame, notice or answer is under way and no graft may follow (timers that are due before that included),
   * or until a virtual time in microseconds, but for at most `budget` events; whether it came to rest or the time was reached. With heartbeats, or
   * sends that fail, a large world never rests.
   */
  drain(until: number, budget: number = Number.MAX_SAFE_INTEGER): boolean {
    const { queue } = this
    const last = this.events + budget
    while (this.underWay > 0) {
      if (this.events >= last) return false
      if (!queue.next(until)) break
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
    const fork = new World({ ...this.options, nodes: 0 }).become(this, branch)
    return broadcast === undefined ? fork : fork.beginBroadcast(broadcast)
  }

  /** From now on its nodes, and those that start later, follow these parameters. */
  reconfigure(membership: HyParView.Config): void {
    Object.assign(this, { options: { ...this.options, config: { ...this.options.config, membership } } })
    this.states.forEach((state, node) => {
      if (state === undefined) return
      this.states[node] = { ...state, membership: { ...state.membership, config: membership } }
    })
  }

  private beginBroadcast(config: Plumtree.Config): World {
    Object.assign(this, { options: { ...this.options, config: { ...this.options.config, broadcast: config } } })
    const now = this.millis()
    this.states.forEach((state, node) => {
      if (state === undefined) return
      const { active, self } = state.membership
      let broadcast = Plumtree.init({ config, self, random: Random.seededFor(this.options.seed, 0x50000000 + node) })
      for (const { peer } of active) broadcast = Plumtree.step(broadcast, { _tag: "NeighborUp", now, peer }).state
      this.states[node] = { ...state, broadcast }
    })
    return this
  }

  private become(from: World, branch: number): World {
    Object.assign(this, {
      options: from.options,
      nodes: from.nodes,
      events: from.events,
      messages: from.messages,
      undelivered: from.undelivered,
      discoveries: from.discoveries,
      dials: from.dials,
      bootstrapCounts: from.bootstrapCounts.slice(),
      spread: from.spread.fork(),
      queue: from.queue.fork(),
      hash: from.hash.fork(),
      random: branch === 0 ? { ...from.random } : Random.seededFor(from.options.seed, 0x60000000 + branch),
      states: from.states.slice(),
      processes: from.processes.fork(),
      bereaved: new Map(from.bereaved),
      conditions: from.conditions.fork(),
      order: from.order.fork(),
      ordered: from.ordered,
      underWay: from.underWay,
      stalled: new Map([...from.stalled].map(([node, events]) => [node, events.slice()])),
      held: from.held.slice(),
      pause: from.pause.fork()
    })
    return this
  }

  /** The driver's clock: whole milliseconds. */
  private millis(): number {
    return Math.floor(this.queue.now / micros)
  }

  private command(node: number, input: SimulatedInput): void {
    this.hash.word(node)
    this.hash.word(input._tag.length)
    this.give(node, input)
  }

  /** The event just taken out of the queue happens. */
  private happen(): void {
    const { queue } = this
    const node = queue.target
    if (isUnderWay(queue.kind)) this.underWay--
    const { processes } = this
    const presence = processes.presence[node]
    if (presence !== up) {
      if (presence === frozen) this.stall(node)
      else if (queue.kind === frameArrives)
        this.failFrame(queue.second, node, queue.third, queue.fourth, queue.reference)
      return
    }
    switch (queue.kind) {
      case frameArrives: {
        const { reference: message, second, third } = queue
        if (message === undefined) return
        queue.absorbInto(this.hash)
        const sender = processes.peers[second]
        if (processes.anyFormer && opensLink(message) && this.isRefused(node, second, third)) return
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

  /** Gives an input and performs what follows from it. */
  private give(node: number, input: SimulatedInput): void {
    const state = this.states[node]
    if (state === undefined) return
    this.events++
    const step = Node.step(state, input)
    this.states[node] = step.state
    if (this.observer !== undefined) this.observer(node, state, input, step)
    const { outputs } = step
    let measure: Extract<Node.Output<Id, Address>, { _tag: "Measure" }> | undefined
    for (let i = 0; i < outputs.length; i++) {
      const output = outputs[i]
      if (output === undefined) continue
      switch (output._tag) {
        case "Send":
          this.send(node, output.to, output.message)
          break
        case "SetTimer":
          this.setTimer(node, output.kind, output.nonce, output.at)
          break
        case "Delivered":
          this.spread.delivered(output.payload, output.hops, this.queue.now)
          break
        case "Duplicate":
          this.spread.repeated(input._tag === "Received" ? input.message : undefined)
          break
        case "Dial":
          this.dial(node, output.address)
          break
        case "Discover":
          this.discover(node)
          break
        case "Measure":
          measure = output
          break
        case "Close":
          this.close(node, output.peer)
          break
        case "NeighborDown":
          if (this.conditions.any) this.conditions.letGo(node, output.peer.id)
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

  // --- frames ----------------------------------------------------------------------------------------------------------

  private send(from: number, to: SimulatedPeer, message: SimulatedMessage): void {
    this.messages++
    if (message._tag === "Carried") this.spread.sent(message.body)
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
    this.underWay++
    this.queue.push(arrival, frameArrives, to.id, from, epoch, to.epoch, message)
  }

  /** Whether the network, being troubled, takes a frame; if not, what must happen has been arranged. */
  private passes(from: number, epoch: number, to: SimulatedPeer, message: SimulatedMessage): boolean {
    const { conditions, random } = this
    const chance = (probability: number) =>
      probability > 0 && Random.nextBelow(random, 1_000_000) < probability * 1_000_000
    // What could be said over a link of its own goes over one that stands.
    const dials = needsDial(message) && !this.hasLink(from, to.id)
    let passage = conditions.passage(from, to.id)
    // A link opens only if its handshake comes back.
    if (passage === "open" && dials) passage = conditions.passage(to.id, from)
    if (passage === "open" && dials) passage = conditions.dial(to.id)
    if (passage === "reset") {
      this.failFrame(from, to.id, epoch, to.epoch, message)
      return false
    }
    if (passage === "silent") {
      this.undelivered++
      if (dials) this.tellLater(from, to.id, to.epoch, wasTimeout, this.options.dialTimeoutMillis * micros)
      else this.held.push(frameOf(from, epoch, to, message))
      return false
    }
    if (!dials && conditions.isDead(from, to.id)) {
      this.undelivered++
      return false
    }
    if (conditions.sendFailure > 0) {
      let failures = 0
      while (failures < this.options.sendAttempts && chance(conditions.sendFailure)) failures++
      if (failures === this.options.sendAttempts) {
        this.undelivered++
        if (dials) this.tellLater(from, to.id, to.epoch, wasRefused, this.roundTrip(from, to.id))
        else this.breakLink(from, to.id)
        return false
      }
    }
    if (chance(conditions.silentLoss)) {
      this.undelivered++
      return false
    }
    if (chance(conditions.duplicate)) this.transmit(from, epoch, to, message)
    return true
  }

  /** A frame cannot reach a process that is not there: its sender is told, as its link or its dial fails. */
  private failFrame(
    from: number,
    to: number,
    epoch: number,
    toEpoch: number,
    message: SimulatedMessage | undefined
  ): void {
    this.undelivered++
    if (message === undefined || this.processes.epochOf(from) !== epoch || !this.isAlive(from)) return
    if (!needsDial(message)) {
      this.tellLater(from, to, toEpoch, wasLink, this.options.detectionMillis * micros)
    } else if (this.options.dialFailure === "timeout") {
      this.tellLater(from, to, toEpoch, wasTimeout, this.options.dialTimeoutMillis * micros)
    } else {
      // The frame's own way is behind it; the refusal's way back is ahead.
      this.tellLater(from, to, toEpoch, wasRefused, Math.ceil(this.roundTrip(from, to) / 2))
    }
  }

  /** The far end of a link sees it close behind what was sent before, if the network lets it. */
  private close(node: number, peer: SimulatedPeer): void {
    const { conditions, queue } = this
    const reaches =
      !conditions.any || (conditions.passage(node, peer.id) === "open" && !conditions.isDead(node, peer.id))
    if (conditions.any) conditions.letGo(node, peer.id)
    if (!reaches) return
    const time = queue.now + Math.ceil(this.roundTrip(node, peer.id) / 2)
    const at = this.ordered ? this.order.arrivalOf(node, peer.id, time, queue.now) : time
    this.tell(peer.id, node, this.processes.epochOf(node), wasClosed, at)
  }

  /** Both ends of a link will be told that it broke; until then all that is sent over it is lost. */
  private breakLink(a: number, b: number): void {
    const at = this.queue.now + this.options.detectionMillis * micros
    this.conditions.kill(a, b)
    this.tell(a, b, this.processes.epochOf(b), wasLink, at)
    this.tell(b, a, this.processes.epochOf(a), wasLink, at)
  }

  /** Whether a node holds a link to another. One that it has only asked for may never be, and nobody would let go of it. */
  private hasLink(node: number, other: number): boolean {
    const membership = this.states[node]?.membership
    if (membership === undefined) return false
    return membership.active.some(({ peer }) => peer.id === other)
  }

  private breakLinks(breaks: (a: number, b: number) => boolean): void {
    for (let node = 0; node < this.nodes; node++) {
      const membership = this.states[node]?.membership
      if (membership === undefined) continue
      for (const { peer } of membership.active) {
        // A symmetric link is looked at once, from its lower end.
        const other = this.states[peer.id]?.membership
        const mutual = other?.active.some((neighbor) => neighbor.peer.id === node) ?? false
        if ((node < peer.id || !mutual) && breaks(node, peer.id)) this.breakLink(node, peer.id)
      }
    }
  }

  private tell(node: number, other: number, epoch: number, how: number, at: number): void {
    this.underWay++
    this.queue.push(at, linkLost, node, other, epoch, how, undefined)
  }

  private tellLater(node: number, other: number, epoch: number, how: number, delayMicros: number): void {
    this.tell(node, other, epoch, how, this.queue.now + delayMicros)
  }

  private onLinkLost(node: number): void {
    const { fourth: how, second: other, third: epoch } = this.queue
    const peer = this.processes.peerOf(other, epoch)
    if (how === wasClosed) return this.closeLink(node, peer, "closed")
    if (how === wasConflict) {
      this.queue.absorbInto(this.hash)
      return this.give(node, { _tag: "EpochConflict", now: this.millis(), epoch })
    }
    if (how !== wasLink) {
      this.queue.absorbInto(this.hash)
      const cause = how === wasRefused ? "refused" : "timeout"
      return this.give(node, { _tag: "SendFailed", now: this.millis(), to: peer, cause })
    }
    if (this.conditions.any) this.conditions.letGo(node, other)
    this.closeLink(node, peer, "reset")
  }

  /** Tells a node that its link to this incarnation of a peer is gone, unless it knows. */
  private closeLink(node: number, peer: SimulatedPeer, cause: "closed" | "reset"): void {
    const membership = this.states[node]?.membership
    if (membership === undefined || !this.processes.isUp(node)) return
    const holds =
      membership.active.some((neighbor) => neighbor.peer.id === peer.id && neighbor.peer.epoch <= peer.epoch) ||
      membership.pending.some((asking) => asking.peer.id === peer.id && asking.peer.epoch <= peer.epoch) ||
      isPartner(membership, peer)
    if (!holds) return
    this.queue.absorbInto(this.hash)
    this.give(node, { _tag: "LinkClosed", now: this.millis(), peer, cause })
  }

  /** Known closes come before any later message: a node that starts again first closes what it left open. */
  private releaseBereaved(node: number): void {
    const others = this.bereaved.get(node)
    const former = this.processes.peers[node]
    if (others === undefined || former === undefined) return
    this.bereaved.delete(node)
    for (const other of others) this.closeLink(other, former, "reset")
  }

  /**
   * Whether the Hellos of a link's two ends, exchanged when it opens, part them again: the one to whom the other's epoch is
   * over says so, and the other hears of the higher one. Looked at where a frame comes that may open a link.
   */
  private isRefused(node: number, sender: number, epoch: number): boolean {
    const own = this.states[node]?.membership
    if (own === undefined) return false
    const known = HyParView.knownEpoch(own, sender)
    if (known > epoch) {
      this.tellLater(sender, node, known, wasConflict, Math.ceil(this.roundTrip(sender, node) / 2))
      return true
    }
    const theirs = this.states[sender]?.membership
    const ofOurs = theirs === undefined ? -1 : HyParView.knownEpoch(theirs, node)
    if (ofOurs <= own.self.epoch) return false
    this.give(node, { _tag: "EpochConflict", now: this.millis(), epoch: ofOurs })
    return true
  }

  // --- dials and Discovery -----------------------------------------------------------------------------------------------

  private roundTrip(from: number, to: number): number {
    if (this.constantMicros >= 0) return 2 * this.constantMicros
    const { latency } = this.options
    return Latency.sampleMicros(latency, from, to, this.random) + Latency.sampleMicros(latency, to, from, this.random)
  }

  private dial(node: number, address: number): void {
    this.dials++
    this.bootstrapCounts[node] = (this.bootstrapCounts[node] ?? 0) + 1
    const passage = this.dialPassage(node, address)
    const delay = passage === "silent" ? this.options.dialTimeoutMillis * micros : this.roundTrip(node, address)
    this.underWay++
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

  private dialPassage(node: number, address: number): "open" | "reset" | "silent" {
    const presence = this.processes.presence[address]
    if (presence === frozen) return "silent"
    if (presence !== up) return this.options.dialFailure === "timeout" ? "silent" : "reset"
    if (!this.conditions.any) return "open"
    const passage = this.conditions.passage(node, address)
    if (passage !== "open") return passage
    const back = this.conditions.passage(address, node)
    return back === "open" ? this.conditions.dial(address) : back
  }

  private onDialAnswered(node: number): void {
    const { fourth: timedOut, second: address, third: incarnation } = this.queue
    if (this.processes.incarnationOf(node) !== incarnation) return
    this.queue.absorbInto(this.hash)
    const peer = this.processes.peers[address]
    const open = timedOut === 0 && peer !== undefined && this.dialPassage(node, address) === "open"
    this.give(
      node,
      open
        ? { _tag: "LinkOpened", now: this.millis(), address, peer }
        : { _tag: "DialFailed", now: this.millis(), address, cause: timedOut === 1 ? "timeout" : "refused" }
    )
  }

  private discover(node: number): void {
    this.discoveries++
    this.bootstrapCounts[node] = (this.bootstrapCounts[node] ?? 0) + 1
    const incarnation = this.processes.incarnationOf(node)
    if (this.pause.isOn) {
      const waiting = { kind: discovered, target: node, second: 0, third: incarnation, fourth: 0, reference: undefined }
      this.pause.keep({ ...waiting, remaining: 0 })
      return
    }
    this.underWay++
    this.queue.push(this.queue.now + this.roundTrip(node, node), discovered, node, 0, incarnation, 0, undefined)
  }

  private onDiscovered(node: number): void {
    if (this.processes.incarnationOf(node) !== this.queue.third) return
    this.queue.absorbInto(this.hash)
    this.give(node, { _tag: "ContactsFound", now: this.millis(), contacts: this.contactsFor(node) })
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

  // --- timers ------------------------------------------------------------------------------------------------------------

  private setTimer(node: number, timer: Node.Timer, nonce: number, atMillis: number): void {
    const { now } = this.queue
    const kind = timerKindOf(timer)
    const time = Math.max(now, atMillis * micros)
    const incarnation = this.processes.incarnationOf(node)
    const pause = this.pause.ended
    if (kind === cycleTimer && this.pause.isOn) {
      const waiting = { kind, target: node, second: nonce, third: incarnation, fourth: pause + 1, reference: undefined }
      this.pause.keep({ ...waiting, remaining: time - now })
      return
    }
    if (kind === graftTimer) this.underWay++
    this.queue.push(time, kind, node, nonce, incarnation, pause, undefined)
  }

  private onTimer(node: number): void {
    const { queue } = this
    const { kind, second: nonce, third: incarnation } = queue
    if (this.processes.incarnationOf(node) !== incarnation) return
    const state = this.states[node]
    const timer = timerKinds[kind - firstTimer]
    // A timer that was replaced or cleared need not be given.
    if (timer === undefined || state === undefined || Node.timerNonce(state, timer) !== nonce) return
    if (kind === cycleTimer && this.isPostponed(node)) return
    queue.absorbInto(this.hash)
    this.give(node, { _tag: "TimerFired", now: this.millis(), kind: timer, nonce })
  }

  /** Cycle timers do not run during a pause: this one is put off by as long as the cycles stood still since it was set. */
  private isPostponed(node: number): boolean {
    const { now, fourth, second, third } = this.queue
    const pause = this.pause.ended
    const missed = this.pause.missedSince(fourth)
    const waiting = { kind: cycleTimer, target: node, second, third, reference: undefined }
    if (this.pause.isOn) {
      const remaining = Math.max(0, this.pause.remainingAt(now + missed))
      this.pause.keep({ ...waiting, fourth: pause + 1, remaining })
      return true
    }
    if (missed === 0) return false
    this.queue.push(now + missed, cycleTimer, node, second, third, pause, undefined)
    return true
  }

  // --- what waits ----------------------------------------------------------------------------------------------------------

  private stall(node: number): void {
    const { fourth, kind, reference, second, third } = this.queue
    const events = this.stalled.get(node) ?? []
    events.push({ kind, target: node, second, third, fourth, reference, remaining: 0 })
    this.stalled.set(node, events)
  }

  private thaw(node: number): void {
    if (!this.processes.thaw(node)) return
    const events = this.stalled.get(node) ?? []
    this.stalled.delete(node)
    for (const waiting of events) this.requeue(waiting, this.queue.now)
  }

  /** What waited for a heal arrives. */
  private releaseHeld(): void {
    const { held } = this
    this.held = []
    const { now } = this.queue
    for (const waiting of held) {
      if (this.conditions.isDead(waiting.second, waiting.target)) continue
      const latency = this.constantMicros >= 0 ? this.constantMicros : this.roundTrip(waiting.second, waiting.target)
      this.requeue(waiting, this.order.arrivalOf(waiting.second, waiting.target, now + latency, now))
    }
  }

  private requeue(waiting: Waiting, at: number): void {
    const { fourth, kind, reference, second, target, third } = waiting
    if (isUnderWay(kind)) this.underWay++
    this.queue.push(at, kind, target, second, third, fourth, reference)
  }
}

const isPartner = (membership: Membership, peer: SimulatedPeer): boolean => {
  const partner = HyParView.partnerOf(membership)
  return partner !== undefined && partner.id === peer.id && partner.epoch <= peer.epoch
}

const frameOf = (from: number, epoch: number, to: SimulatedPeer, message: SimulatedMessage): Waiting => ({
  kind: frameArrives,
  target: to.id,
  second: from,
  third: epoch,
  fourth: to.epoch,
  reference: message,
  remaining: 0
})

/**
 * The membership half of a node's state.
 *
 * @category models
 * @since 0.1.0
 */
export type Membership = HyParView.State<Id, Address>
