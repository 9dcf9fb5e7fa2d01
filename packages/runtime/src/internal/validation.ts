/**
 * Validators: who is asked about which topic, how many at once, for how long. The core bounds how many messages wait for
 * a verdict, and for how long; here they wait for one of so many places. What the core has given up is judged no more,
 * and what it would give up before a validator's time is over is not begun: of too many messages some are judged in time,
 * where otherwise all would be judged too late.
 *
 * A queue takes up a burst: all that comes at once is judged, if that can be done in time. Where more comes than is judged, and goes
 * on coming, a queue saves nothing: as many are ignored, and those that are not have waited for as long as one may, on each node that
 * passes them on. So once somebody has waited without a break for that long, nobody waits for longer than an eighth of it.
 *
 * Each topic has a queue of its own, and the topics take places in turn: a validator that never answers costs the others the time of a
 * place, and not their messages, while all that waits is within its bounds.
 */
import { Plumtree } from "@hyparview/core"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Formatter from "effect/Formatter"
import type { Candidate, Verdict } from "./messages.ts"
import type { Meter } from "./metrics.ts"
import { isVerdict } from "./requests.ts"
import type { Run } from "./run.ts"
import { makeSeldom } from "./seldom.ts"

/** A validator as it was given, with its services provided. */
export type Judge = (message: Candidate) => Effect.Effect<Verdict, unknown>

export interface Validation {
  /** Adds a validator of a topic; calling what it returns takes it away. Undefined if there are too many topics. */
  readonly add: (topic: string, judge: Judge) => (() => void) | undefined
  /** Asks the validators of a message's topic, as soon as there is a place. */
  readonly ask: (message: Candidate) => void
  /** Whether a topic has validators. */
  readonly judges: (topic: string) => boolean
  /** Asks them about a message for which the core does not wait, as soon as there is a place. */
  readonly judge: (message: Candidate, decide: (verdict: Verdict) => void) => void
  /**
   * The core has dismissed a message: nobody judges it any more. Whether that was for want of a verdict, and not because a
   * validator said so.
   */
  readonly dismissed: (id: Plumtree.MessageId) => boolean
}

/** A message that is judged, or waits to be. */
interface Case {
  readonly message: Candidate
  readonly decide: (verdict: Verdict) => void
  /** When it came, in milliseconds. */
  readonly since: number
  decided: boolean
  /** Whether it was a validator that decided. */
  said: boolean
  fiber: Fiber.Fiber<void> | undefined
  /** What ends the fiber in time. */
  limit: Fiber.Fiber<void> | undefined
}

/** Who of a topic waits for a place. */
interface Queue {
  /** The oldest first. At least one. */
  readonly cases: Set<Case>
  /** Since when somebody has waited without a break. */
  readonly since: number
}

export const makeValidation = (options: {
  /** How many topics the core validates at most. */
  readonly topicsSize: number
  readonly concurrency: number
  readonly timeoutMillis: number
  /** How long the core waits for a verdict. */
  readonly verdictMillis: number
  /** Bytes of payload that may wait for a place; a single message fits whatever its size. */
  readonly waitingBytes: number
  readonly now: () => number
  readonly run: Run
  readonly meter: Meter
  /** The first validator of a topic has come, or the last has gone. */
  readonly watch: (topic: string, on: boolean) => void
  readonly decide: (message: Candidate, verdict: Verdict) => void
}): Validation => {
  const { concurrency, decide, meter, now, run, timeoutMillis, verdictMillis, watch } = options
  /** Who has waited longer may be dismissed while it is judged. */
  const patienceMillis = Math.max(verdictMillis - timeoutMillis, verdictMillis / 2)
  /** Where more comes than is judged. */
  const shortPatienceMillis = patienceMillis / 8
  const judges = new Map<string, Array<Judge>>()
  /** Of which the core waits for a verdict, or has not acted upon it yet. */
  const open = new Map<string, Case>()
  /** By topic, the one whose turn it is first. */
  const waiting = new Map<string, Queue>()
  let waitingCount = 0
  let waitingBytes = 0
  let running = 0

  /** Subscribers are told that messages are missing, not why. There are three reasons. */
  const seldom = makeSeldom(now, 3 * options.topicsSize)
  const warn = (
    { topic }: Plumtree.MessageId,
    why: string,
    about: Readonly<Record<string, unknown>>
  ): Effect.Effect<void> => {
    const more = seldom(topic, why)
    const log = more === undefined ? Effect.logDebug : Effect.logWarning
    return log(`${why}: the message is ignored`, { topic, ...about, ...more })
  }

  const judgeAll = (message: Candidate): Effect.Effect<Verdict, unknown> =>
    Effect.gen(function* () {
      for (const judge of judges.get(message.id.topic) ?? []) {
        const verdict = yield* judge(message)
        if (verdict === "accept") continue
        // Whoever has no types: what is no verdict says nothing, and least of all that the message is wrong.
        return isVerdict(verdict)
          ? verdict
          : yield* Effect.die(new TypeError(`${Formatter.format(verdict)} is no verdict`))
      }
      return "accept"
    })

  const settle = (which: Case, verdict: Verdict, said: boolean): void => {
    if (which.decided) return
    which.decided = true
    which.said = said
    which.decide(verdict)
  }

  /** Runs one; a validator that can answer at once does so without a clock. */
  const begin = (which: Case): void => {
    running++
    // A validator that cannot be interrupted keeps its place until it ends; the message does not wait for it.
    const judged = judgeAll(which.message).pipe(
      Effect.map((verdict) => settle(which, verdict, true)),
      Effect.catchCause((cause) => {
        if (which.decided) return Effect.void
        meter.count("validatorsFailed")
        settle(which, "ignore", false)
        return warn(which.message.id, "a validator failed", { cause: Cause.pretty(cause) })
      }),
      Effect.ensuring(
        Effect.sync(() => {
          running--
          which.limit?.interruptUnsafe()
          pump()
        })
      )
    )
    const fiber = run(judged)
    if (fiber.pollUnsafe() !== undefined) return
    which.fiber = fiber
    const expire = Effect.sync(() => {
      if (which.decided) return
      meter.count("validatorsSlow")
      settle(which, "ignore", false)
      run(warn(which.message.id, "a validator is too slow", { validatorTimeoutMillis: timeoutMillis }))
      fiber.interruptUnsafe()
    })
    which.limit = run(Effect.delay(expire, timeoutMillis))
  }

  let pumping = false
  /** One that answers at once makes room for the next while this goes on; it must not go on in itself. */
  const pump = (): void => {
    if (pumping) return
    pumping = true
    for (let next = take(); next !== undefined; next = take()) begin(next)
    pumping = false
  }

  const take = (): Case | undefined => {
    if (running >= concurrency || waiting.size === 0) return undefined
    const at = now()
    for (const [topic, queue] of waiting) {
      const patience = at - queue.since > patienceMillis ? shortPatienceMillis : patienceMillis
      for (const next of queue.cases) {
        leave(next)
        if (at - next.since > patience) {
          neglect(next)
          continue
        }
        // It is the turn of the next topic.
        if (waiting.delete(topic)) waiting.set(topic, queue)
        return next
      }
    }
    return undefined
  }

  const sayBusy = (id: Plumtree.MessageId): void => {
    run(warn(id, "no validator was free in time", { validators: concurrency, waiting: waitingCount }))
  }

  const neglect = (which: Case): void => {
    settle(which, "ignore", false)
    sayBusy(which.message.id)
  }

  const leave = (which: Case): void => {
    const { id, payload } = which.message
    const queue = waiting.get(id.topic)
    if (queue?.cases.delete(which) !== true) return
    if (queue.cases.size === 0) waiting.delete(id.topic)
    waitingCount--
    waitingBytes -= payload.byteLength
  }

  const caseOf = (message: Candidate, decide: (verdict: Verdict) => void): Case => ({
    message,
    decide,
    since: now(),
    decided: false,
    said: false,
    fiber: undefined,
    limit: undefined
  })

  const enter = (which: Case): void => {
    const { id, payload } = which.message
    const bytes = payload.byteLength
    if (waiting.size > 0 && waitingBytes + bytes > options.waitingBytes) return neglect(which)
    const queue = waiting.get(id.topic)
    if (queue === undefined) waiting.set(id.topic, { cases: new Set([which]), since: which.since })
    else queue.cases.add(which)
    waitingCount++
    waitingBytes += bytes
    pump()
  }

  return {
    add: (topic, judge) => {
      const all = judges.get(topic)
      if (all === undefined) {
        if (judges.size >= options.topicsSize) return undefined
        judges.set(topic, [judge])
        watch(topic, true)
      } else all.push(judge)
      return () => {
        const left = (judges.get(topic) ?? []).filter((other) => other !== judge)
        if (left.length > 0) judges.set(topic, left)
        else if (judges.delete(topic)) watch(topic, false)
      }
    },
    ask: (message) => {
      const key = Plumtree.keyOf(message.id)
      const which = caseOf(message, (verdict) => {
        if (verdict === "accept") open.delete(key)
        decide(message, verdict)
      })
      open.set(key, which)
      enter(which)
    },
    judges: (topic) => judges.has(topic),
    judge: (message, decide) => enter(caseOf(message, decide)),
    dismissed: (id) => {
      const key = Plumtree.keyOf(id)
      const which = open.get(key)
      if (which?.decided !== true) sayBusy(id)
      // One that is not here was never asked about, or was accepted too late.
      if (which === undefined) return true
      open.delete(key)
      leave(which)
      which.decided = true
      which.fiber?.interruptUnsafe()
      return !which.said
    }
  }
}
