/**
 * Validators: who is asked about which topic, how many at once, for how long. The core bounds how many messages wait for
 * a verdict; here they wait for one of so many places.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { Candidate, Verdict } from "./messages.ts"
import type { Meter } from "./metrics.ts"
import type { Run } from "./run.ts"

/** A validator as it was given, with its services provided. */
export type Judge = (message: Candidate) => Effect.Effect<Verdict, unknown>

export interface Validation {
  /** Adds a validator of a topic; calling what it returns takes it away. */
  readonly add: (topic: string, judge: Judge) => () => void
  /** Asks the validators of a message's topic, as soon as there is a place. */
  readonly ask: (message: Candidate) => void
}

export const makeValidation = (options: {
  readonly concurrency: number
  readonly timeoutMillis: number
  readonly run: Run
  readonly meter: Meter
  /** The first validator of a topic has come, or the last has gone. */
  readonly watch: (topic: string, on: boolean) => void
  readonly decide: (message: Candidate, verdict: Verdict) => void
}): Validation => {
  const { concurrency, decide, meter, run, timeoutMillis, watch } = options
  const judges = new Map<string, Array<Judge>>()
  const waiting: Array<Candidate> = []
  let running = 0

  const judgeAll = (message: Candidate): Effect.Effect<Verdict, unknown> =>
    Effect.gen(function* () {
      for (const judge of judges.get(message.id.topic) ?? []) {
        const verdict = yield* judge(message)
        if (verdict !== "accept") return verdict
      }
      return "accept"
    })

  /** Runs one; a validator that can answer at once does so without a clock. */
  const begin = (message: Candidate): void => {
    running++
    const judging: { decided: boolean; limit: Fiber.Fiber<void> | undefined } = { decided: false, limit: undefined }
    // A validator that cannot be interrupted keeps its place until it ends; the message does not wait for it.
    const settle = (verdict: Verdict): void => {
      if (judging.decided) return
      judging.decided = true
      decide(message, verdict)
    }
    const judged = judgeAll(message).pipe(
      Effect.map(settle),
      Effect.catchCause((cause) => {
        if (judging.decided) return Effect.void
        meter.count("validatorsFailed")
        settle("ignore")
        return Effect.logDebug("a validator failed: the message is ignored", cause)
      }),
      Effect.ensuring(
        Effect.sync(() => {
          running--
          judging.limit?.interruptUnsafe()
          pump()
        })
      )
    )
    const fiber = run(judged)
    if (fiber.pollUnsafe() !== undefined) return
    const expire = Effect.sync(() => {
      if (judging.decided) return
      meter.count("validatorsSlow")
      settle("ignore")
      fiber.interruptUnsafe()
    })
    judging.limit = run(Effect.delay(expire, timeoutMillis))
  }

  let pumping = false
  /** One that answers at once makes room for the next while this goes on; it must not go on in itself. */
  const pump = (): void => {
    if (pumping) return
    pumping = true
    for (let next = take(); next !== undefined; next = take()) begin(next)
    pumping = false
  }
  const take = (): Candidate | undefined => (running < concurrency ? waiting.shift() : undefined)

  return {
    add: (topic, judge) => {
      const all = judges.get(topic)
      if (all === undefined) {
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
      waiting.push(message)
      pump()
    }
  }
}
