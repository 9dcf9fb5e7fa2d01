/**
 * The timers of a simulated world's nodes, each an event of its own in the queue; and pauses of the cycles: what happens once
 * a cycle stands still while all else goes on, and goes on at the phase where it was. A timer is set with the number of
 * pauses so far, and so knows how long the cycles have stood still since.
 */
import { Node } from "@hyparview/core"
import type { EventQueue } from "../EventQueue.ts"
import { cycleTimer, firstTimer, millisecond, type SimulatedMessage, timerKindOf, timerKinds } from "./events.ts"
import type { Processes } from "./processes.ts"
import type { NodeState } from "./states.ts"
import { putBack, type Waiting } from "./waiting.ts"

/** Mutable: they belong to the world that made them. */
export class Timers {
  private readonly queue: EventQueue<SimulatedMessage>
  private readonly processes: Processes
  /** How long the cycles have stood still until the n-th pause ended, in microseconds; index 0 is before any pause. */
  private readonly stood: Array<number>
  /** What waits for the end of the present pause. */
  private readonly waiting: Array<Waiting>
  /** When the present pause began; −1: the cycles run. */
  private since: number

  constructor(queue: EventQueue<SimulatedMessage>, processes: Processes, from?: Timers) {
    this.queue = queue
    this.processes = processes
    this.stood = from?.stood.slice() ?? [0]
    this.waiting = from?.waiting.slice() ?? []
    this.since = from?.since ?? -1
  }

  /** The same, in a world that is a fork. */
  fork(queue: EventQueue<SimulatedMessage>, processes: Processes): Timers {
    return new Timers(queue, processes, this)
  }

  /** The cycles stand still from now on. */
  pause(): void {
    if (this.since < 0) this.since = this.queue.now
  }

  /** The cycles go on. */
  resume(): void {
    if (this.since < 0) return
    const { now } = this.queue
    this.stood.push((this.stood[this.pauses] ?? 0) + now - this.since)
    this.since = -1
    for (const waiting of this.waiting.splice(0)) putBack(this.queue, waiting, now + waiting.remaining)
  }

  set(node: number, timer: Node.Timer, nonce: number, atMillis: number): void {
    const { now } = this.queue
    const kind = timerKindOf(timer)
    const time = Math.max(now, atMillis * millisecond)
    const incarnation = this.processes.incarnationOf(node)
    const { pauses } = this
    if (kind === cycleTimer && this.holdBack(kind, node, nonce, incarnation, pauses + 1, time - now)) return
    this.queue.push(time, kind, node, nonce, incarnation, pauses, undefined)
  }

  /** Which timer the event just taken out of the queue is; undefined if the node is not to be given it, or not yet. */
  due(node: number, state: NodeState): Node.Timer | undefined {
    const { kind, second: nonce, third: incarnation } = this.queue
    if (this.processes.incarnationOf(node) !== incarnation) return undefined
    const timer = timerKinds[kind - firstTimer]
    // A timer that was replaced or cleared need not be given.
    if (timer === undefined || Node.timerNonce(state, timer) !== nonce) return undefined
    return kind === cycleTimer && this.isPostponed(node) ? undefined : timer
  }

  /** During a pause an event that belongs to the cycles waits until they go on, and `remaining` microseconds more; whether it does. */
  holdBack(kind: number, node: number, second: number, third: number, fourth: number, remaining: number): boolean {
    if (this.since < 0) return false
    this.waiting.push({ kind, target: node, second, third, fourth, reference: undefined, remaining })
    return true
  }

  /** Pauses that have ended. */
  private get pauses(): number {
    return this.stood.length - 1
  }

  /** Cycle timers do not run during a pause: this one is put off by as long as the cycles stood still since it was set. */
  private isPostponed(node: number): boolean {
    const { pauses } = this
    const { fourth, now, second, third } = this.queue
    const missed = (this.stood[pauses] ?? 0) - (this.stood[fourth] ?? 0)
    const remaining = Math.max(0, now + missed - this.since)
    if (this.holdBack(cycleTimer, node, second, third, pauses + 1, remaining)) return true
    if (missed === 0) return false
    this.queue.push(now + missed, cycleTimer, node, second, third, pauses, undefined)
    return true
  }
}
