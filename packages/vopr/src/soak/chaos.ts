/**
 * What a soak does to its cluster, drawn from a seed: nodes die and come back, the cluster is cut in two and healed, and
 * messages are published all the while.
 */
import type { Supervisor } from "@hyparview/cluster"
import * as Random from "@hyparview/core/Random"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { Ledger } from "../SoakLedger.ts"

export interface ChaosOptions {
  readonly seed: number
  /** Between two kills or restarts, in milliseconds. */
  readonly churnMillis: number
  /** The nodes that may be killed. */
  readonly mortal: ReadonlyArray<string>
  /** How many are down at a time. */
  readonly down: number
  /** Between the beginnings of two cuts, and how long one lasts, in milliseconds. */
  readonly partitionMillis: number
  readonly cutMillis: number
  readonly topics: ReadonlyArray<string>
  /** Messages a second, on all topics together. */
  readonly perSecond: number
}

/** How often each thing was done. */
export interface Marks {
  kills: number
  restarts: number
  cutsSilent: number
  cutsReset: number
  /** Publications that a node refused, because it had not joined yet or was killed meanwhile. */
  refused: number
}

type Service = Supervisor.Supervisor["Service"]

const payload = "x".repeat(200)

const draw = <A>(items: ReadonlyArray<A>, random: Random.Random): A | undefined =>
  items[Random.nextBelow(random, Math.max(1, items.length))]

const shuffled = <A>(items: ReadonlyArray<A>, random: Random.Random): ReadonlyArray<A> =>
  items
    .map((item) => ({ item, rank: Random.nextBits(random) }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item)

/** Again and again. What is under way when a soak comes to its end is finished first. */
const every =
  (millis: number) =>
  <E>(step: Effect.Effect<void, E>): Effect.Effect<number, E> =>
    Effect.schedule(Effect.uninterruptible(step), Schedule.fixed(millis))

/** Kills a node, then starts another one again, in turns. */
export const churn = (supervisor: Service, ledger: Ledger, marks: Marks, options: ChaosOptions) => {
  const random = Random.seededFor(options.seed, 1)
  const dead = new Set<string>()
  const kill = Effect.fnUntraced(function* (id: string) {
    dead.add(id)
    // Before it is dead: from here on it may miss what it likes.
    ledger.down(id)
    yield* supervisor.kill({ processes: [], nodes: [id] })
    marks.kills++
  })
  const restart = Effect.fnUntraced(function* (id: string) {
    dead.delete(id)
    yield* supervisor.restart([id])
    ledger.up(id, yield* Clock.currentTimeMillis)
    marks.restarts++
  })
  const step = Effect.suspend(() => {
    const victim = draw(
      options.mortal.filter((id) => !dead.has(id)),
      random
    )
    const patient = draw([...dead], random)
    if (patient !== undefined && dead.size > options.down) return restart(patient)
    return victim === undefined ? Effect.void : kill(victim)
  })
  return {
    run: step.pipe(every(options.churnMillis)),
    /** Whoever is down comes back. */
    restore: Effect.suspend(() => Effect.forEach([...dead], restart, { discard: true }))
  }
}

/** Cuts the cluster in two, silently and with resets in turns, and heals it again. */
export const partitions = (supervisor: Service, marks: Marks, options: ChaosOptions) => {
  const random = Random.seededFor(options.seed, 2)
  const cut = Effect.gen(function* () {
    const ids = shuffled(
      (yield* supervisor.nodes).map(({ id }) => id),
      random
    )
    // From a tenth to a half of all are on one side.
    const few = Math.max(1, Math.floor((ids.length * (10 + Random.nextBelow(random, 41))) / 100))
    const mode = marks.cutsSilent <= marks.cutsReset ? "silent" : "reset"
    yield* supervisor.partition({ groups: [ids.slice(0, few), ids.slice(few)], mode })
    if (mode === "silent") marks.cutsSilent++
    else marks.cutsReset++
    yield* Effect.interruptible(Effect.sleep(options.cutMillis))
    yield* supervisor.heal
  })
  return cut.pipe(every(options.partitionMillis))
}

/** Publishes on the topics in turns, from whichever node of the topic's is up. */
export const traffic = (
  supervisor: Service,
  ledger: Ledger,
  marks: Marks,
  options: ChaosOptions & { readonly onSilence: (sentence: string) => void }
) => {
  const random = Random.seededFor(options.seed, 3)
  const { topics } = options
  let turn = 0
  const publish = Effect.gen(function* () {
    const index = turn++ % topics.length
    const topic = topics[index]
    const up = (yield* supervisor.nodes).filter(
      ({ isRunning }, number) => isRunning && number % topics.length === index
    )
    const from = draw(up, random)
    if (from === undefined || topic === undefined) return
    yield* supervisor.publish({ from: from.id, topic, text: payload }).pipe(
      Effect.map(({ atMillis, id }) => ledger.published(id, atMillis)),
      Effect.catchTags({
        NoSuchNode: () => Effect.sync(() => marks.refused++),
        NotPublished: () => Effect.sync(() => marks.refused++),
        // A node that neither publishes nor refuses is a defect, and no reason to end the soak.
        WorkerSilent: ({ message }) => Effect.sync(() => options.onSilence(`${from.id} on ${topic}: ${message}`))
      })
    )
  })
  return publish.pipe(every(1_000 / options.perSecond))
}
