/**
 * Many bare nodes and one plain queue: the least that keeps the driver contract (`core/src/Driver.ts`) on a network that
 * never fails, so that what is measured is the core and hardly anything else. There is no virtual time: every message
 * arrives at once, behind those that were sent before it, and the clock moves in ticks, at which due timers fire.
 */
import { HyParView, Node, Peer, Random } from "@hyparview/core"

type Id = number
type LoopPeer = Peer.Peer<Id, Id>
export type LoopState = Node.State<Id, Id>
export type LoopInput = Node.Input<Id, Id>
type LoopOutput = Node.Output<Id, Id>

/** Heartbeats fall due every second tick; a shuffle, on average, every sixth. */
const tickMillis = 5_000

const timers = ["Cycle", "Heartbeat", "Request", "Repair", "Discovery"] as const

/** Whose input; `input` alone would need a record for each entry of the queue. */
interface Queue {
  readonly nodes: Array<Id>
  readonly inputs: Array<LoopInput>
}

/** Sees each step as it is made; `undefined` while nobody looks. */
export type Observer = (state: LoopState, input: LoopInput, outputs: ReadonlyArray<LoopOutput>) => void

export class Loop {
  readonly states: Array<LoopState> = []
  /** How many steps have been made. */
  steps = 0
  observer: Observer | undefined
  private now = 0
  private readonly peers: Array<LoopPeer> = []
  private filling: Queue = { nodes: [], inputs: [] }
  private draining: Queue = { nodes: [], inputs: [] }

  /** Nodes that have joined one after the other through the first. */
  constructor(nodes: number, seed: number, config: Node.Config) {
    for (let id = 0; id < nodes; id++) {
      const self = { id, epoch: 1, address: id }
      this.peers.push(self)
      this.states.push(Node.init({ config, self, random: Random.seededFor(seed, id) }))
    }
    for (let id = 0; id < nodes; id++) {
      this.put(id, { _tag: "Join", now: this.now, contacts: id === 0 ? [] : [0] })
      this.drain()
    }
  }

  /** Moves the clock by so many ticks; what is due happens, and all that comes of it. */
  run(ticks: number): void {
    for (let tick = 0; tick < ticks; tick++) {
      this.now += tickMillis
      for (let id = 0; id < this.states.length; id++) this.fire(id)
      this.drain()
    }
  }

  publish(id: Id, payload: Uint8Array): void {
    this.put(id, { _tag: "Publish", now: this.now, topic: "bench", payload })
    this.drain()
  }

  /** The mean size of the active views. */
  meanDegree(): number {
    return this.states.reduce((sum, { membership }) => sum + membership.active.length, 0) / this.states.length
  }

  private put(node: Id, input: LoopInput): void {
    this.filling.nodes.push(node)
    this.filling.inputs.push(input)
  }

  private fire(id: Id): void {
    const { now } = this
    for (const kind of timers) {
      const slot = this.states[id]?.membership.timers[kind]
      if (slot === undefined || slot.nonce === 0 || slot.at > now) continue
      this.put(id, { _tag: "TimerFired", now, kind, nonce: slot.nonce })
    }
  }

  /** Gives what stands in the queue, in turns: while one array is read the other is filled. */
  private drain(): void {
    while (this.filling.nodes.length > 0) {
      const { inputs, nodes } = this.filling
      this.filling = this.draining
      this.draining = { nodes, inputs }
      for (let i = 0; i < nodes.length; i++) this.give(nodes[i] ?? 0, inputs[i])
      nodes.length = 0
      inputs.length = 0
    }
  }

  private give(id: Id, input: LoopInput | undefined): void {
    const state = this.states[id]
    const from = this.peers[id]
    if (state === undefined || from === undefined || input === undefined) return
    const { outputs, state: next } = Node.step(state, input)
    this.states[id] = next
    this.steps++
    this.observer?.(state, input, outputs)
    for (let i = 0; i < outputs.length; i++) this.perform(from, outputs[i])
  }

  /** Timers stand in the state, links never fail, and nobody listens to events. */
  private perform(from: LoopPeer, output: LoopOutput | undefined): void {
    const { now } = this
    switch (output?._tag) {
      case "Send":
        return this.put(output.to.id, { _tag: "Received", now, from, message: output.message })
      case "Dial": {
        const peer = this.peers[output.address]
        if (peer === undefined) return
        return this.put(from.id, { _tag: "LinkOpened", now, address: output.address, peer })
      }
      case "Discover":
        return this.put(from.id, { _tag: "ContactsFound", now, contacts: [] })
      default:
        return
    }
  }
}

/** The membership's part of an input, or undefined for one that is the broadcast's. */
export const membershipInput = (input: LoopInput): HyParView.Input<Id, Id> | undefined => {
  switch (input._tag) {
    case "Publish":
    case "ValidateTopic":
    case "Validated":
    case "Recall":
      return undefined
    case "TimerFired": {
      const { kind, nonce, now } = input
      return kind === "Announce" || kind === "Graft" || kind === "Recover"
        ? undefined
        : { _tag: "TimerFired", now, kind, nonce }
    }
    case "Received": {
      const { from, message, now } = input
      return message._tag === "Carried" ? undefined : { _tag: "Received", now, from, message }
    }
    default:
      return input
  }
}
