/**
 * The pump: runs every task of the scheduler in one queue, and moves time when it is asked to and nothing is left to run.
 *
 * Tasks come in the batches that Effect's own `MixedScheduler` makes, in the order in which it asks for them; so fibers
 * run in the order in which they would under the default scheduler, without a turn of the host's event loop for each.
 *
 * A **drive** is a request to move time. Drives are served one after another: the pump runs what is runnable, lets
 * promises settle, moves to the earliest sleeper's instant, wakes that one, and begins again. Sleepers of one instant wake
 * in the order in which they fell asleep, each after everything that the one before it set off.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { afterEverything, afterPromises } from "./host.ts"
import type { Sleepers } from "./sleepers.ts"

/** A batch of a dispatcher's tasks; undefined once it is called off. */
interface Batch {
  run: (() => void) | undefined
}

/** A fiber that would not let an instant end. */
export interface Culprit {
  readonly fiber: number
  readonly span: string | undefined
  /** Its share of the last turns that were counted, 0–1. */
  readonly share: number
}

/** What was going on when an instant had too many turns. */
export interface Runaway {
  readonly turns: number
  readonly culprits: ReadonlyArray<Culprit>
}

export interface Drive {
  /** Where time shall go; called when the drive's turn has come. */
  readonly begin: () => number
  /** Time is there, and nothing more is to be done at that instant. */
  readonly end: (target: number) => void
  readonly fail: (runaway: Runaway) => void
}

/** Time as the pump moves it. */
export interface Hand {
  readonly now: () => number
  readonly moveTo: (at: number) => void
}

/** A sleeping fiber: called with what it is to go on with. */
export type Sleeper = (effect: Effect.Effect<void>) => void

/** The host has its turn after so long, so that its timers and signals are heard while an hour is simulated. */
const turnMillis = 10

/** So many turns are looked at before an instant is given up, to see whose they are. */
const watchedTurns = 1_000

export class Pump {
  readonly #sleepers: Sleepers<Sleeper>
  readonly #hand: Hand
  readonly #maximumTurns: number
  #batches: Array<Batch> = []
  #next = 0
  readonly #drives: Array<Drive> = []
  #target: number | undefined
  #planned = false
  #turning = false
  /** Promises have had their turn since anything last ran. */
  #settled = false
  #turnsAtInstant = 0
  readonly #watched = new Map<number, { span: string | undefined; turns: number }>()

  constructor(sleepers: Sleepers<Sleeper>, hand: Hand, maximumTurns: number) {
    this.#sleepers = sleepers
    this.#hand = hand
    this.#maximumTurns = maximumTurns
  }

  /** Nothing is to run until something from outside, a drive or a promise, asks for it. */
  get isIdle(): boolean {
    return !this.#planned && !this.#turning
  }

  /** Runs a batch when its turn comes; the result calls it off. */
  readonly enqueue = (run: () => void): (() => void) => {
    const batch: Batch = { run }
    this.#batches.push(batch)
    this.#plan()
    if (this.#turnsAtInstant > this.#maximumTurns - watchedTurns) this.#watch()
    return () => {
      batch.run = undefined
    }
  }

  /** Asks for time to be moved. */
  drive(drive: Drive): void {
    this.#drives.push(drive)
    this.#plan()
  }

  /** Withdraws such a request; time stays where it is. */
  withdraw(drive: Drive): void {
    const index = this.#drives.indexOf(drive)
    if (index < 0) return
    this.#drives.splice(index, 1)
    if (index === 0) this.#target = undefined
  }

  #plan(): void {
    if (this.#planned || this.#turning) return
    this.#planned = true
    afterEverything(this.#turn)
  }

  readonly #turn = (): void => {
    this.#planned = false
    this.#turning = true
    let wait: typeof afterPromises | undefined = afterEverything
    try {
      wait = this.#run(performance.now() + turnMillis)
    } finally {
      // Also after a task that threw: the others have not deserved to be lost.
      this.#turning = false
      if (wait !== undefined && !this.#planned) {
        this.#planned = true
        wait(this.#turn)
      }
    }
  }

  /** Runs until nothing is left to do, or the host should have a turn; the result says which turn. */
  #run(until: number): typeof afterPromises | undefined {
    for (let round = 1; ; round++) {
      if (round % 64 === 0 && performance.now() > until) return afterEverything
      if (this.#runBatches(until)) return afterEverything
      const drive = this.#drives[0]
      if (drive === undefined) return undefined
      if (!this.#settled) {
        this.#settled = true
        return afterPromises
      }
      this.#move(drive)
    }
  }

  /** Runs everything runnable; true if it was too much for one turn of the host. */
  #runBatches(until: number): boolean {
    for (;;) {
      const batch = this.#batches[this.#next]
      if (batch === undefined) break
      this.#next++
      const { run } = batch
      if (run === undefined) continue
      this.#settled = false
      run()
      if (++this.#turnsAtInstant > this.#maximumTurns) this.#giveUp()
      if (this.#next % 256 === 0) {
        if (this.#next >= 65_536) this.#batches = this.#batches.slice(this.#next)
        if (this.#next >= 65_536) this.#next = 0
        if (performance.now() > until) return true
      }
    }
    this.#batches.length = 0
    this.#next = 0
    return false
  }

  /** Wakes the earliest sleeper, or ends the drive if time need not go that far. */
  #move(drive: Drive): void {
    if (this.#target === undefined) {
      this.#target = drive.begin()
      this.#newInstant()
    }
    const at = this.#sleepers.nextAt
    this.#settled = false
    if (this.#sleepers.size === 0 || at > this.#target) {
      const target = this.#target
      this.#drives.shift()
      this.#target = undefined
      this.#newInstant()
      drive.end(target)
      return
    }
    if (at !== this.#hand.now()) {
      this.#newInstant()
      this.#hand.moveTo(at)
    }
    this.#sleepers.take()?.(Effect.void)
    // After it: whoever hears of that may call off who sleeps, and this one does not any more.
    if (++this.#turnsAtInstant > this.#maximumTurns) this.#giveUp()
  }

  #newInstant(): void {
    this.#turnsAtInstant = 0
    if (this.#watched.size > 0) this.#watched.clear()
  }

  #watch(): void {
    const fiber = Fiber.getCurrent()
    if (fiber === undefined) return
    const known = this.#watched.get(fiber.id)
    const span = fiber.cache.span
    if (known === undefined) {
      this.#watched.set(fiber.id, { span: span?._tag === "Span" ? span.name : undefined, turns: 1 })
    } else known.turns++
  }

  #giveUp(): void {
    const turns = this.#turnsAtInstant
    const drive = this.#drives.shift()
    const culprits = [...this.#watched]
      .map(([fiber, { span, turns }]) => ({ fiber, span, share: Math.min(1, turns / watchedTurns) }))
      .sort((a, b) => b.share - a.share)
      .slice(0, 3)
    this.#target = undefined
    this.#newInstant()
    drive?.fail({ turns, culprits })
  }
}
