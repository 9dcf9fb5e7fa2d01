/**
 * The network's agenda: what will happen, and when, in one heap ordered by instant and then by sequence number; and the
 * one fiber that sleeps until the earliest of it. A **turn** runs everything that is due, then tells the fibers that it
 * concerns, each once. Nothing is told outside a turn, so no fiber ever runs on the stack of another's `send`.
 *
 * Instants are whole microseconds since the network was made, on the monotonic side of the clock it was made under.
 */
import type { CallingClock } from "@hyparview/runtime/Alarm"
import type * as Clock from "effect/Clock"
import type * as Scheduler from "effect/Scheduler"

/** Something with a place in the agenda. It stands there at most once. */
export class Event {
  at = 0
  sequence = 0
  /** Where it stands in the heap; -1 if it does not. */
  position = -1
  readonly due: () => void

  constructor(due: () => void) {
    this.due = due
  }
}

/** After so many rounds in one turn other fibers get theirs: without latency, two nodes could talk for ever. */
const maximumRounds = 16

const before = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.sequence < b.sequence)

/** What the agenda needs of the fiber that made the network. */
export interface Surroundings {
  readonly clock: Clock.Clock
  readonly dispatcher: Scheduler.SchedulerDispatcher
  readonly counters: { clockWakes: number }
  readonly callAfter: CallingClock["callAfter"]
}

export class Agenda {
  readonly #surroundings: Surroundings
  readonly #origin: number
  readonly #heap: Array<Event> = []
  #tellings: Array<() => void> = []
  #sequence = 0
  #instant = 0
  #inTurn = false
  #turnPlanned = false
  /** Calls off the wake that is waited for. */
  #callOff: (() => void) | undefined
  #sleepingUntil = Infinity
  #closed = false

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings
    this.#origin = this.#readClock()
  }

  /** The current instant. It stands still during a turn. */
  now(): number {
    if (!this.#inTurn) this.#instant = Math.max(this.#instant, this.#readClock() - this.#origin)
    return this.#instant
  }

  /** Puts an event at an instant, or moves it there; it goes behind what stands at that instant already. */
  schedule(event: Event, at: number): void {
    if (event.position >= 0) this.cancel(event)
    event.at = at
    event.sequence = this.#sequence++
    event.position = this.#heap.length
    this.#heap.push(event)
    this.#rise(event)
    if (at < this.#sleepingUntil) this.#arm()
  }

  cancel(event: Event): void {
    const position = event.position
    if (position < 0) return
    event.position = -1
    const last = this.#heap.pop()
    if (last === undefined || last === event) return
    last.position = position
    this.#heap[position] = last
    this.#rise(last)
    this.#sink(last)
  }

  /** Calls back within a turn: the current one, or one of its own as soon as the scheduler gets to it. */
  tell(callback: () => void): void {
    if (this.#closed) return callback()
    this.#tellings.push(callback)
    this.#arm()
  }

  /** Nothing happens any more, and no fiber is left behind: whoever was about to be told something is told it now. */
  close(): void {
    this.#closed = true
    this.#heap.length = 0
    for (const callback of this.#tellings.splice(0)) callback()
    this.#callOff?.()
    this.#callOff = undefined
  }

  /** Monotonic, because a wall clock that is set back would stop the network. */
  #readClock(): number {
    return Math.round(Number(this.#surroundings.clock.monotonicTimeNanosUnsafe()) / 1000)
  }

  readonly #turn = (): void => {
    this.#turnPlanned = false
    if (this.#closed || this.#inTurn) return
    this.now()
    this.#inTurn = true
    try {
      for (let round = 0; round < maximumRounds && this.#hasWork(); round++) this.#round()
    } finally {
      this.#inTurn = false
    }
    this.#arm()
  }

  #hasWork(): boolean {
    const first = this.#heap[0]
    return this.#tellings.length > 0 || (first !== undefined && first.at <= this.#instant)
  }

  #round(): void {
    for (;;) {
      const first = this.#heap[0]
      if (first === undefined || first.at > this.#instant) break
      this.cancel(first)
      first.due()
    }
    const tellings = this.#tellings
    this.#tellings = []
    for (const callback of tellings) callback()
  }

  /** Sees to it that the next turn comes in time. */
  #arm(): void {
    if (this.#inTurn || this.#closed || this.#turnPlanned) return
    this.now()
    if (this.#hasWork()) return this.#planTurn()
    const first = this.#heap[0]
    if (first !== undefined && first.at < this.#sleepingUntil) this.#sleepUntil(first.at)
  }

  #planTurn(): void {
    this.#turnPlanned = true
    this.#surroundings.dispatcher.scheduleTask(this.#turn, 0)
  }

  #sleepUntil(at: number): void {
    const callOffEarlier = this.#callOff
    let isHere = true
    let hasCome = false
    const callOff = this.#surroundings.callAfter((at - this.#instant) / 1000, () => {
      hasCome = true
      if (isHere) return
      this.#callOff = undefined
      this.#sleepingUntil = Infinity
      this.#surroundings.counters.clockWakes++
      this.#turn()
    })
    isHere = false
    // A clock coarser than the network may not sleep at all; its turn must not run on the stack of whoever is here.
    if (hasCome) return this.#planTurn()
    this.#callOff = callOff
    this.#sleepingUntil = at
    callOffEarlier?.()
  }

  #rise(event: Event): void {
    const heap = this.#heap
    let position = event.position
    while (position > 0) {
      const above = (position - 1) >> 1
      const parent = heap[above]
      if (parent === undefined || !before(event, parent)) break
      heap[position] = parent
      parent.position = position
      position = above
    }
    heap[position] = event
    event.position = position
  }

  #sink(event: Event): void {
    const heap = this.#heap
    let position = event.position
    for (;;) {
      const left = 2 * position + 1
      let child = heap[left]
      if (child === undefined) break
      let below = left
      const right = heap[left + 1]
      if (right !== undefined && before(right, child)) {
        child = right
        below = left + 1
      }
      if (!before(child, event)) break
      heap[position] = child
      child.position = position
      position = below
    }
    heap[position] = event
    event.position = position
  }
}
