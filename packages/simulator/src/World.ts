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
 * with the number of nodes, are in `docs/benchmarks.md`). `warmUp` lets the
 * misses of sixteen events overlap: in pairs of worlds that took turns in one process, with 10,000 nodes, cycles took 0.81
 * and floods 0.68 of the time without it, joins 0.96.
 *
 * @since 0.1.0
 */
import { HyParView, Node, type Peer, Plumtree, Random } from "@hyparview/core"
import { type FaultPlan, Latency } from "@hyparview/faults"
import { EventQueue } from "./EventQueue.ts"
import { Conditions } from "./internal/conditions.ts"
import { LinkOrder } from "./internal/linkOrder.ts"
import { TraceHash } from "./TraceHash.ts"

type Id = number
type Address = number
type SimulatedPeer = Peer.Peer<Id, Address>
type SimulatedMessage = Node.Message<Id, Address>
type SimulatedBody = Node.Carried<Id>["body"]
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

/**
 * What became of one broadcast so far.
 *
 * @category models
 * @since 0.1.0
 */
export interface Broadcast {
  readonly source: number
  /** Nodes that have it, the source included. */
  delivered: number
  /** Hops of the last delivery. */
  hops: number
  /** Copies that carried it: pushed along the tree, or grafted. */
  payload: number
  /** Copies that were fetched, from what a new neighbour had kept. */
  recovered: number
  /** Copies that arrived where it was known. */
  duplicates: number
}

/**
 * Whether a node runs. `absent`: not started yet; `frozen`: its process is stopped, what reaches it waits.
 *
 * @category models
 * @since 0.1.0
 */
export type Presence = "absent" | "up" | "frozen" | "crashed" | "left"

const absent = 0
const up = 1
const frozen = 2
const crashed = 3
const left = 4
const presences: ReadonlyArray<Presence> = ["absent", "up", "frozen", "crashed", "left"]

/** Kinds of events; those from `firstTimer` on are timers, in the order of `timerKinds`. */
const frameArrives = 0
/** second: the other end; third: its epoch; fourth: whether a dial failed (and how) or a link. */
const linkLost = 1
/** second: the address; third: our incarnation. */
const dialAnswered = 2
const discovered = 3
const firstTimer = 4
const timerKinds: ReadonlyArray<Node.Timer> = [
  "Cycle",
  "Heartbeat",
  "Request",
  "Repair",
  "Discovery",
  "Announce",
  "Graft",
  "Recover"
]
const cycleTimer = firstTimer
const graftTimer = firstTimer + 6

/** What a drained world has none of: frames, notices and answers, and timers by which a broadcast goes on. */
const isUnderWay = (kind: number): boolean => kind < firstTimer || kind === graftTimer

const timerKindOf = (timer: Node.Timer): number => {
  switch (timer) {
    case "Cycle":
      return cycleTimer
    case "Heartbeat":
      return firstTimer + 1
    case "Request":
      return firstTimer + 2
    case "Repair":
      return firstTimer + 3
    case "Discovery":
      return firstTimer + 4
    case "Announce":
      return firstTimer + 5
    case "Graft":
      return graftTimer
    case "Recover":
      return firstTimer + 7
  }
}

/** `fourth` of `linkLost`. */
const wasLink = 0
const wasRefused = 1
const wasTimeout = 2
const wasClosed = 3
/** Not a loss: the far end knows a higher epoch of ours, `third`, and says so in its Hello. */
const wasConflict = 4

/** Whether a frame may have to open a link: it goes to somebody who need not be a neighbour. */
const needsDial = (message: SimulatedMessage): boolean => {
  switch (message._tag) {
    case "Neighbor":
    case "Probe":
    case "ProbeReply":
    case "ShuffleReply":
      return true
    case "Shuffle":
      return message.link === undefined
    default:
      return false
  }
}

/** What a frame counts to a slow reader. */
const bytesOf = (message: SimulatedMessage): number =>
  message._tag === "Carried" && (message.body._tag === "Gossip" || message.body._tag === "Recalled")
    ? 60 + message.body.payload.length
    : 100

/** A contact's Join comes over a link that was dialled for it. */
const opensLink = (message: SimulatedMessage): boolean => message._tag === "Join" || needsDial(message)

/** An event that waits outside the queue: for a thaw, a heal, or the cycles to go on. */
interface Waiting {
  readonly kind: number
  readonly target: number
  readonly second: number
  readonly third: number
  readonly fourth: number
  readonly reference: SimulatedMessage | undefined
  /** For a timer, how long it still had to run. */
  readonly remaining: number
}

const micros = 1000

/** With fewer events ahead, nothing is gained by looking at them. */
const fewest = 4

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
  /** Frames sent; of these the ones that carried a broadcast, and the others of the broadcast protocol. */
  messages = 0
  payloads = 0
  controls = 0
  /** Frames to nodes that were not there any more, or that the network did not let through. */
  undelivered = 0
  /** Questions to Discovery, and dials: how often nodes turned to bootstrap. */
  discoveries = 0
  dials = 0
  /** For each node, how often it asked Discovery or dialled a contact. */
  readonly bootstrapCounts: Uint32Array
  readonly broadcasts: Array<Broadcast> = []

  private readonly nodes: number
  private readonly queue: EventQueue<SimulatedMessage>
  private hash = new TraceHash()
  private random: Random.Random
  private readonly states: Array<NodeState | undefined>
  private readonly peers: Array<SimulatedPeer>
  private readonly presence: Uint8Array
  /** Nodes that are up or frozen. */
  private living = 0
  /** Counts a node's processes: what an earlier one waited for is nothing to the next. */
  private readonly incarnation: Int32Array
  /** Former peer records by (id, epoch), for frames still under way from before a restart. */
  private readonly former = new Map<string, SimulatedPeer>()
  /** For a crashed node, who had a link to it. */
  private readonly bereaved = new Map<number, ReadonlyArray<number>>()
  private conditions: Conditions
  private order = new LinkOrder()
  private readonly constantMicros: number
  /** Events pending of the kinds that `isUnderWay`. */
  private underWay = 0
  /** Whether delays differ, so that the order of a link's frames must be kept. */
  private ordered: boolean
  /** By how much each node's clock has jumped since its start. */
  private readonly jumps = new Map<number, number>()

  /** Events that will happen before the next `warmUp`, and whose they are. */
  private warm = 0
  private readonly targets = new Int32Array(16)
  /** What `warmUp` has read, so that it is not left out. */
  warmth = 0

  private readonly stalled = new Map<number, Array<Waiting>>()
  private held: Array<Waiting> = []
  private readonly pausedCycles: Array<Waiting> = []
  private pausedAt = -1
  /** How long the cycles have stood still until the n-th pause ended; index 0 is before any pause. */
  private readonly pausedMicros: Array<number> = [0]

  constructor(options: WorldOptions) {
    const { latency, nodes, seed } = options
    this.options = options
    this.nodes = nodes
    this.queue = new EventQueue(Math.max(1024, nodes))
    this.random = Random.seededFor(seed, 0x7fffffff)
    this.states = Array.from<NodeState | undefined>({ length: nodes }).fill(undefined)
    this.peers = Array.from({ length: nodes }, (_, id) => ({ id, epoch: 1, address: id }))
    this.presence = new Uint8Array(nodes)
    this.incarnation = new Int32Array(nodes)
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
    return this.living
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
    return presences[this.presence[node] ?? absent] ?? "absent"
  }

  isAlive(node: number): boolean {
    const presence = this.presence[node]
    return presence === up || presence === frozen
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
    if (this.living === 0) return -1
    for (let tries = 0; tries < 64; tries++) {
      const node = Random.nextBelow(random, this.nodes)
      if (this.isAlive(node)) return node
    }
    let skip = Random.nextBelow(random, this.living)
    for (let node = 0; node < this.nodes; node++) if (this.isAlive(node) && skip-- === 0) return node
    return -1
  }

  /** `count` distinct living nodes, at random, in random order; all of them if there are fewer. */
  sampleAlive(count: number, random: Random.Random = this.random): ReadonlyArray<number> {
    const nodes: Array<number> = []
    for (let node = 0; node < this.nodes; node++) if (this.isAlive(node)) nodes.push(node)
    const wanted = Math.min(count, nodes.length)
    for (let i = 0; i < wanted; i++) {
      const other = i + Random.nextBelow(random, nodes.length - i)
      const kept = nodes[i] ?? 0
      nodes[i] = nodes[other] ?? 0
      nodes[other] = kept
    }
    return nodes.slice(0, wanted)
  }

  // --- commands --------------------------------------------------------------------------------------------------------

  /** Starts a node that does not run, through these contacts. One that ran before starts with a higher epoch. */
  start(node: number, contacts: ReadonlyArray<number>): void {
    if (this.isAlive(node)) return
    const again = (this.incarnation[node] ?? 0) > 0
    if (again) {
      this.releaseBereaved(node)
      const old = this.peers[node] ?? { id: node, epoch: 0, address: node }
      this.former.set(`${node}/${old.epoch}`, old)
      this.peers[node] = { id: node, epoch: this.nextEpoch(node, old.epoch), address: node }
    }
    const incarnation = (this.incarnation[node] ?? 0) + 1
    this.incarnation[node] = incarnation
    const self = this.peers[node] ?? { id: node, epoch: incarnation, address: node }
    const random = Random.seededFor(this.options.seed + (incarnation - 1) * 4294967296, node)
    this.states[node] = Node.init({ config: this.options.config, self, random })
    this.presence[node] = up
    this.living++
    this.command(node, { _tag: "Join", now: this.millis(), contacts })
  }

  /** After a jump back of the clock it may be any that is not positive in time, but never one that was taken before. */
  private nextEpoch(node: number, last: number): number {
    const jump = this.jumps.get(node) ?? 0
    this.jumps.delete(node)
    let epoch = Math.max(0, last + 1 + jump)
    while (this.former.has(`${node}/${epoch}`)) epoch++
    return epoch
  }

  /** Nodes die without a word; whoever had a link to one is told after the detection delay. */
  crash(nodes: ReadonlyArray<number>): void {
    const at = this.queue.now + this.options.detectionMillis * micros
    for (const node of nodes) {
      const state = this.states[node]
      if (!this.isAlive(node) || state === undefined) continue
      this.presence[node] = crashed
      this.living--
      this.states[node] = undefined
      this.conditions.letGoOfAll(node)
      this.stalled.delete(node)
      const { active, pending } = state.membership
      const others = [...active.map((neighbor) => neighbor.peer.id), ...pending.map((asking) => asking.peer.id)]
      this.bereaved.set(node, others)
      for (const other of others) this.tell(other, node, state.membership.self.epoch, wasLink, at)
    }
  }

  /** A node says goodbye to its neighbours and stops. */
  leave(node: number): void {
    if (this.presence[node] !== up) return
    this.command(node, { _tag: "Leave", now: this.millis() })
    this.presence[node] = left
    this.living--
    this.states[node] = undefined
    this.conditions.letGoOfAll(node)
  }

  /**
   * Publishes from a node; the number of the broadcast, or −1 if the node does not run. The payload has four bytes at least,
   * which name the broadcast.
   */
  publish(node: number, topic = "broadcast", bytes = 4): number {
    if (this.presence[node] !== up) return -1
    const index = this.broadcasts.length
    this.broadcasts.push({ source: node, delivered: 0, hops: 0, payload: 0, recovered: 0, duplicates: 0 })
    // The payload names the broadcast, so that its deliveries can be counted; it is shared by all copies.
    const payload = new Uint8Array(Math.max(4, bytes))
    payload.set([index & 255, (index >> 8) & 255, (index >> 16) & 255, index >>> 24])
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
        for (const node of fault.nodes) if (this.presence[node] === up) this.presence[node] = frozen
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
        this.jumps.set(fault.node, (this.jumps.get(fault.node) ?? 0) + fault.millis)
        return
    }
  }

  /**
   * Stops what happens once a cycle (shuffles, ticks, probes) and Discovery's answers; what events cause goes on. Time
   * stands still for the cycles only: when they resume, each node is at the phase where it was.
   */
  pauseCycles(): void {
    if (this.pausedAt < 0) this.pausedAt = this.queue.now
  }

  /** Ends the pause. */
  resumeCycles(): void {
    if (this.pausedAt < 0) return
    const before = this.pausedMicros[this.pausedMicros.length - 1] ?? 0
    this.pausedMicros.push(before + this.queue.now - this.pausedAt)
    this.pausedAt = -1
    for (const waiting of this.pausedCycles) this.requeue(waiting, this.queue.now + waiting.remaining)
    this.pausedCycles.length = 0
  }

  // --- running ---------------------------------------------------------------------------------------------------------

  /** Runs until a virtual time in microseconds, but for at most `budget` events; whether the time was reached. */
  runUntil(time: number, budget: number = Number.MAX_SAFE_INTEGER): boolean {
    const { queue } = this
    const last = this.events + budget
    while (this.events < last) {
      if (!queue.next(time)) return true
      if (--this.warm <= 0) this.warmUp()
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
      if (--this.warm <= 0) this.warmUp()
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
      payloads: from.payloads,
      controls: from.controls,
      undelivered: from.undelivered,
      discoveries: from.discoveries,
      dials: from.dials,
      bootstrapCounts: from.bootstrapCounts.slice(),
      broadcasts: from.broadcasts.map((broadcast) => ({ ...broadcast })),
      queue: from.queue.fork(),
      hash: from.hash.fork(),
      random: branch === 0 ? { ...from.random } : Random.seededFor(from.options.seed, 0x60000000 + branch),
      states: from.states.slice(),
      peers: from.peers.slice(),
      presence: from.presence.slice(),
      living: from.living,
      incarnation: from.incarnation.slice(),
      former: new Map(from.former),
      bereaved: new Map(from.bereaved),
      conditions: from.conditions.fork(),
      order: from.order.fork(),
      ordered: from.ordered,
      jumps: new Map(from.jumps),
      underWay: from.underWay,
      stalled: new Map([...from.stalled].map(([node, events]) => [node, events.slice()])),
      held: from.held.slice(),
      pausedCycles: from.pausedCycles.slice(),
      pausedAt: from.pausedAt,
      pausedMicros: from.pausedMicros.slice()
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

  /**
   * Reads from the states of the next few nodes what their steps will read first. One step's reads wait for each other, from
   * a pointer to the next; here those of many nodes do not, so their cache misses overlap. Changes nothing.
   */
  private warmUp(): void {
    const { queue, states, targets } = this
    const count = queue.upcoming(targets)
    this.warm = Math.max(count, fewest)
    if (count < fewest) return
    let sum = 0
    for (let i = 0; i < count; i++) {
      if (states[targets[i] ?? 0] !== undefined) sum++
    }
    for (let i = 0; i < count; i++) {
      const state = states[targets[i] ?? 0]
      if (state !== undefined) sum += state.membership.cycle
    }
    for (let i = 0; i < count; i++) {
      const state = states[targets[i] ?? 0]
      if (state !== undefined) sum += state.membership.active.length + state.membership.self.epoch
    }
    for (let i = 0; i < count; i++) {
      const state = states[targets[i] ?? 0]
      if (state === undefined) continue
      const { active } = state.membership
      for (let j = 0; j < active.length; j++) sum += active[j]?.heardIn ?? 0
    }
    this.warmth = sum
  }

  /** The event just taken out of the queue happens. */
  private happen(): void {
    const { queue } = this
    const node = queue.target
    if (isUnderWay(queue.kind)) this.underWay--
    const presence = this.presence[node]
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
        const sender = this.peers[second]
        if (this.former.size > 0 && opensLink(message) && this.isRefused(node, second, third)) return
        const from = sender !== undefined && sender.epoch === third ? sender : this.peerOf(second, third)
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
        case "Delivered": {
          const broadcast = this.broadcastOf(output.payload)
          if (broadcast !== undefined) {
            broadcast.delivered++
            if (output.hops > broadcast.hops) broadcast.hops = output.hops
          }
          break
        }
        case "Duplicate": {
          const message = input._tag === "Received" ? input.message : undefined
          const body = message?._tag === "Carried" ? message.body : undefined
          const broadcast = body?._tag === "Gossip" ? this.broadcastOf(body.payload) : undefined
          if (broadcast !== undefined) broadcast.duplicates++
          break
        }
        case "Dial":
          this.dial(node, output.address)
          break
        case "Discover":
          this.discover(node)
          break
        case "Close":
          this.close(node, output.peer)
          break
        case "NeighborDown":
          if (this.conditions.any) this.conditions.letGo(node, output.peer.id)
          break
        case "EpochRaised":
          this.former.set(`${node}/${this.peers[node]?.epoch ?? 0}`, this.peers[node] ?? output.self)
          this.peers[node] = output.self
          break
      }
    }
  }

  // --- frames ----------------------------------------------------------------------------------------------------------

  private send(from: number, to: SimulatedPeer, message: SimulatedMessage): void {
    this.messages++
    if (message._tag === "Carried") this.countCarried(message.body)
    const epoch = this.peers[from]?.epoch ?? 0
    if (this.conditions.any && !this.passes(from, epoch, to, message)) return
    this.transmit(from, epoch, to, message)
  }

  private countCarried(body: SimulatedBody): void {
    if (body._tag !== "Gossip") {
      this.controls++
      return
    }
    this.payloads++
    const broadcast = this.broadcastOf(body.payload)
    if (broadcast === undefined) return
    if (body.replay === "recovery") broadcast.recovered++
    else broadcast.payload++
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
    const dials = needsDial(message)
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
    if (message === undefined || this.peers[from]?.epoch !== epoch || !this.isAlive(from)) return
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
    this.tell(peer.id, node, this.peers[node]?.epoch ?? 0, wasClosed, at)
  }

  /** Both ends of a link will be told that it broke; until then all that is sent over it is lost. */
  private breakLink(a: number, b: number): void {
    const at = this.queue.now + this.options.detectionMillis * micros
    this.conditions.kill(a, b)
    this.tell(a, b, this.peers[b]?.epoch ?? 0, wasLink, at)
    this.tell(b, a, this.peers[a]?.epoch ?? 0, wasLink, at)
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
    const peer = this.peerOf(other, epoch)
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
    if (membership === undefined || this.presence[node] !== up) return
    const holds =
      membership.active.some((neighbor) => neighbor.peer.id === peer.id && neighbor.peer.epoch <= peer.epoch) ||
      membership.pending.some((asking) => asking.peer.id === peer.id && asking.peer.epoch <= peer.epoch)
    if (!holds) return
    this.queue.absorbInto(this.hash)
    this.give(node, { _tag: "LinkClosed", now: this.millis(), peer, cause })
  }

  /** Known closes come before any later message: a node that starts again first closes what it left open. */
  private releaseBereaved(node: number): void {
    const others = this.bereaved.get(node)
    const former = this.peers[node]
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

  private peerOf(node: number, epoch: number): SimulatedPeer {
    const peer = this.peers[node]
    if (peer !== undefined && peer.epoch === epoch) return peer
    return this.former.get(`${node}/${epoch}`) ?? { id: node, epoch, address: node }
  }

  private broadcastOf(payload: Uint8Array): Broadcast | undefined {
    const [a = 0, b = 0, c = 0, d = 0] = payload
    return this.broadcasts[a | (b << 8) | (c << 16) | (d << 24)]
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
      this.incarnation[node] ?? 0,
      passage === "silent" ? 1 : 0,
      undefined
    )
  }

  private dialPassage(node: number, address: number): "open" | "reset" | "silent" {
    const presence = this.presence[address]
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
    if (this.incarnation[node] !== incarnation) return
    this.queue.absorbInto(this.hash)
    const peer = this.peers[address]
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
    const incarnation = this.incarnation[node] ?? 0
    if (this.pausedAt >= 0) {
      const waiting = { kind: discovered, target: node, second: 0, third: incarnation, fourth: 0, reference: undefined }
      this.pausedCycles.push({ ...waiting, remaining: 0 })
      return
    }
    this.underWay++
    this.queue.push(this.queue.now + this.roundTrip(node, node), discovered, node, 0, incarnation, 0, undefined)
  }

  private onDiscovered(node: number): void {
    if (this.incarnation[node] !== this.queue.third) return
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
    const incarnation = this.incarnation[node] ?? 0
    const pause = this.pausedMicros.length - 1
    if (kind === cycleTimer && this.pausedAt >= 0) {
      const waiting = { kind, target: node, second: nonce, third: incarnation, fourth: pause + 1, reference: undefined }
      this.pausedCycles.push({ ...waiting, remaining: time - now })
      return
    }
    if (kind === graftTimer) this.underWay++
    this.queue.push(time, kind, node, nonce, incarnation, pause, undefined)
  }

  private onTimer(node: number): void {
    const { queue } = this
    const { kind, second: nonce, third: incarnation } = queue
    if (this.incarnation[node] !== incarnation) return
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
    const pause = this.pausedMicros.length - 1
    const missed = (this.pausedMicros[pause] ?? 0) - (this.pausedMicros[fourth] ?? 0)
    const waiting = { kind: cycleTimer, target: node, second, third, reference: undefined }
    if (this.pausedAt >= 0) {
      const remaining = Math.max(0, now + missed - this.pausedAt)
      this.pausedCycles.push({ ...waiting, fourth: pause + 1, remaining })
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
    if (this.presence[node] !== frozen) return
    this.presence[node] = up
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
