/**
 * A soak: a live cluster over TCP, in processes, for as long as one likes. Nodes are killed and restarted, the cluster is cut
 * and healed, and messages are published all the while; memory, handles, fibers and the size of every table are sampled; the
 * broadcast is held to its promise (`SoakLedger`), and after a warm-up everything must be flat (`Slope`).
 *
 * At the end all is healed: the overlay must become whole with full views, the last messages must have come to all, and when
 * every node has been killed, the processes must hold no socket and no fiber more than before they had nodes.
 */
import { Overview, Supervisor } from "@hyparview/cluster"
import type { NodeNotStarted, NoSuchNode, NotBlocked } from "@hyparview/cluster/Control"
import type { InvalidPartition } from "@hyparview/cluster/Partition"
import type { PartlyStarted, WorkerError } from "@hyparview/cluster/WorkerError"
import type * as Plumtree from "@hyparview/core/Plumtree"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import { churn, type ChaosOptions, type Marks, partitions, traffic } from "./soak/chaos.ts"
import { beyondBounds, judge, mustBeFlat, type Judged, type SoakSample, valuesOf } from "./soak/quantities.ts"
import * as SoakLedger from "./SoakLedger.ts"

export type { Judged, SoakSample, Values } from "./soak/quantities.ts"
export type { Marks } from "./soak/chaos.ts"
export { flatShare } from "./soak/quantities.ts"

/** How large, how long, how bad. All times are in milliseconds. */
export interface Options {
  readonly nodes: number
  readonly processes: number
  readonly tls: boolean
  readonly strategy: Plumtree.Config["strategy"]
  readonly trees: Plumtree.Config["trees"]
  readonly seed: number
  /** Before anything is judged to be flat: tables fill, code is compiled. */
  readonly warmUpMillis: number
  /** For how long the quantities are then watched. */
  readonly watchMillis: number
  readonly sampleMillis: number
  /** Between two kills or restarts. */
  readonly churnMillis: number
  /** The share of the nodes that are never killed, 0 to 1. */
  readonly stay: number
  /** Between the beginnings of two cuts. A third of it the cluster is cut. */
  readonly partitionMillis: number
  /** For how long messages are retained. They are due, of those that stayed, after four fifths of it. */
  readonly retentionMillis: number
  readonly topics: number
  /** Messages a second, on all topics together. */
  readonly perSecond: number
}

/** How a soak is going. */
export interface Progress {
  readonly phase: "starting" | "warm-up" | "watch" | "calm" | "done"
  readonly elapsedMillis: number
  /** Nodes that run, and the components in which they are. */
  readonly alive: number
  readonly components: number
  readonly sample: SoakSample
  readonly marks: Readonly<Marks>
  readonly totals: SoakLedger.Totals
  /** Cores in use, of all processes together, since the last time. */
  readonly cores: number
  /** What has been wrong so far, in sentences. */
  readonly breaches: ReadonlyArray<string>
}

/** What came out of it. */
export interface Outcome {
  readonly options: Options
  /** How long the quantities were watched. */
  readonly watchedMillis: number
  readonly samples: ReadonlyArray<SoakSample>
  readonly judged: ReadonlyArray<Judged>
  readonly marks: Readonly<Marks>
  readonly totals: SoakLedger.Totals
  /** What was wrong, in sentences. */
  readonly breaches: ReadonlyArray<string>
  /** Whether it came to its own end: what is missing of one that was interrupted was not judged. */
  readonly isComplete: boolean
}

/** What ends a soak before its time: a process is gone, or does not do what it is asked. */
export type SoakError = WorkerError | NodeNotStarted | PartlyStarted | NoSuchNode | NotBlocked | InvalidPartition

/** How often the workers are asked what they were told. */
const collectMillis = 5_000

/** A node that has been up for this long has joined. */
const settleMillis = 10_000

/** The share of a partition's period in which it is in force. */
const cutShare = 1 / 3

/** The most that a healed cluster may take to become whole with full views: two repair rounds' longest waits, and a probe. */
const calmMillis = 180_000

/** The last messages are owed once the overlay has been whole for so long, or half of their retention. */
const mostLastMillis = 30_000

/** Less tells nothing of an hour: the slopes are reported, and not judged. */
const decisiveMillis = 30 * 60_000

/**
 * The streams that a node remembers, in place of the default of 20,000: every incarnation of a publisher is another stream,
 * and a table that needs hours to fill could not be seen to be flat. It must hold those that publish and those that are gone
 * but have messages that are retained still, one for each restart in that time, and half as many again: a smaller one has
 * its origins push each other out whenever neighbours compare what they keep.
 */
const streamsOf = ({ churnMillis, nodes, retentionMillis }: Options): number =>
  nodes + Math.ceil((1.5 * retentionMillis) / (2 * churnMillis))

/** The same for the short memories of the membership, whose default of 64 takes hours to fill among a hundred nodes. */
const memorySize = 16

/** Nodes that are down at a time, of those that may be killed. */
const downShare = 0.1

interface Run {
  readonly options: Options
  readonly supervisor: Supervisor.Supervisor["Service"]
  readonly ledger: SoakLedger.Ledger
  readonly marks: Marks
  readonly samples: Array<SoakSample>
  readonly breaches: Array<string>
}

const newMarks = (): Marks => ({ kills: 0, restarts: 0, cutsSilent: 0, cutsReset: 0, refused: 0 })

const keptBreaches = 100

const breach = ({ breaches }: Run, sentence: string): void => {
  if (breaches.length < keptBreaches) breaches.push(sentence)
}

/** Takes what the nodes were told into the books. Not to be interrupted: what a worker has handed over it has no more. */
const collect = Effect.fnUntraced(function* (run: Run, dueAfter?: number) {
  const { dropped, lagged, told } = yield* run.supervisor.takeTold
  const now = yield* Clock.currentTimeMillis
  run.ledger.told(told, lagged, now)
  run.ledger.judge(now, dueAfter)
  if (dropped > 0) breach(run, `${dropped} deliveries were more than the workers remember: they were not judged`)
}, Effect.uninterruptible)

/** One sample, after a collection of garbage. */
const sampling = (run: Run, began: number) => {
  let last = { cpuMicros: 0, atMillis: began }
  return Effect.fnUntraced(function* (phase: Progress["phase"]) {
    const { ledger, marks, samples, supervisor } = run
    const usages = yield* supervisor.usage({ collect: true })
    const sizes = yield* supervisor.sizes
    const { nodes: views } = yield* supervisor.poll({ passive: false })
    const overview = yield* supervisor.overview
    const atMillis = yield* Clock.currentTimeMillis
    const { system, user } = process.cpuUsage()
    const cpuMicros = usages.reduce((sum, { usage }) => sum + usage.cpuMicros, user + system)
    const cores = (cpuMicros - last.cpuMicros) / 1_000 / Math.max(1, atMillis - last.atMillis)
    last = { cpuMicros, atMillis }
    const sample = { atMillis: atMillis - began, values: valuesOf(usages, sizes, views) }
    samples.push(sample)
    for (const sentence of beyondBounds(sizes)) breach(run, sentence)
    return {
      phase,
      elapsedMillis: sample.atMillis,
      alive: overview.alive,
      components: overview.components.count,
      sample,
      marks: { ...marks },
      totals: ledger.totals(),
      cores,
      breaches: [...run.breaches, ...ledger.breaches()]
    } satisfies Progress
  })
}

/** Until the overlay is whole and its views are full; false if it never is. */
const becomesFull = ({ supervisor }: Run) =>
  supervisor.overview.pipe(
    Effect.delay("1 second"),
    Effect.repeat({ until: Overview.isFull }),
    Effect.timeoutOption(calmMillis)
  )

/** What nodes open, and must have closed at their end. Pipes and the like are the process's own. */
const mustGo: ReadonlySet<string> = new Set(["TCPServerWrap", "TCPSocketWrap", "TLSWrap", "ConnectWrap", "Timeout"])

/** What processes hold when all their nodes are dead, against what they held before their first one. */
const leftovers = Effect.fnUntraced(function* (run: Run) {
  const { supervisor } = run
  const alive = (yield* supervisor.nodes).filter(({ isRunning }) => isRunning).map(({ id }) => id)
  yield* supervisor.kill({ processes: [], nodes: alive })
  for (const { empty, process, usage } of yield* supervisor.usage({ collect: true })) {
    if (usage.fibers > empty.fibers) {
      breach(
        run,
        `process ${process} holds ${usage.fibers} fibers after its nodes' end, and held ${empty.fibers} before`
      )
    }
    for (const [kind, count] of Object.entries(usage.handles)) {
      const before = empty.handles[kind] ?? 0
      if (mustGo.has(kind) && count > before) {
        breach(run, `process ${process} holds ${count} ${kind} after its nodes' end, and held ${before} before`)
      }
    }
  }
})

const outcomeOf = (run: Run, isComplete: boolean): Outcome => {
  const { breaches, ledger, marks, options, samples } = run
  const watched = samples.filter(({ atMillis }) => atMillis >= options.warmUpMillis)
  const watchedMillis = (watched.at(-1)?.atMillis ?? 0) - (watched[0]?.atMillis ?? 0)
  const judged = judge(watched, options.nodes)
  const growing = judged.flatMap(({ bound, finding, name, slope: { high, perHour } }) => {
    if (finding === "flat" || watchedMillis < decisiveMillis) return []
    // What has a bound of its own is held to it in every sample: that it grows must not be sure, that it does not need not be.
    if (finding === "undecided" && !mustBeFlat(name)) return []
    const by = `by ${perHour.toPrecision(3)} an hour (at most ${high.toPrecision(3)}), ${bound.toPrecision(3)} are allowed`
    return [finding === "grows" ? `${name} grows ${by}` : `${name} was not shown to be flat: it grows ${by}`]
  })
  return {
    options,
    watchedMillis,
    samples,
    judged,
    marks,
    totals: ledger.totals(),
    breaches: [...breaches, ...ledger.breaches(), ...growing],
    isComplete
  }
}

/** Runs a soak on a supervisor that has started nothing yet (`supervisorOptions`). */
export const soak = Effect.fnUntraced(function* (
  options: Options,
  tell: (progress: Progress, outcome: () => Outcome) => Effect.Effect<void>
): Effect.fn.Return<Outcome, SoakError, Supervisor.Supervisor> {
  const supervisor = yield* Supervisor.Supervisor
  const ledger = SoakLedger.make({
    dueMillis: (4 / 5) * options.retentionMillis,
    settleMillis,
    // What is retained is swept an eighth of its time later at the most.
    keptMillis: 1.25 * options.retentionMillis + 30_000
  })
  const run: Run = { options, supervisor, ledger, marks: newMarks(), samples: [], breaches: [] }
  const nodes = yield* supervisor.start
  yield* supervisor.join
  if ((yield* becomesFull(run))._tag === "None") breach(run, "the overlay did not become whole at the start")
  const began = yield* Clock.currentTimeMillis
  const ids = nodes.map(({ id }) => id)
  // They were up before the first message, by more than they need to settle.
  for (const id of ids) ledger.up(id, began - settleMillis)

  const mortal = ids.slice(Math.ceil(options.stay * ids.length))
  const chaos: ChaosOptions = {
    seed: options.seed,
    churnMillis: options.churnMillis,
    mortal,
    down: Math.floor(downShare * mortal.length),
    partitionMillis: options.partitionMillis,
    cutMillis: cutShare * options.partitionMillis,
    topics: topicsOf(options),
    perSecond: options.perSecond
  }
  const sample = sampling(run, began)
  const phaseAt = (elapsed: number): Progress["phase"] => (elapsed < options.warmUpMillis ? "warm-up" : "watch")
  const sampleAndTell = Effect.gen(function* () {
    const elapsed = (yield* Clock.currentTimeMillis) - began
    yield* tell(yield* sample(phaseAt(elapsed)), () => outcomeOf(run, false))
  })
  const churning = churn(supervisor, ledger, run.marks, chaos)
  const endings = yield* Effect.forEach(
    [
      churning.run,
      partitions(supervisor, run.marks, chaos),
      traffic(supervisor, ledger, run.marks, { ...chaos, onSilence: (sentence) => breach(run, sentence) }),
      Effect.schedule(collect(run), Schedule.spaced(collectMillis)),
      Effect.schedule(sampleAndTell, Schedule.fixed(options.sampleMillis))
    ],
    (loop: Effect.Effect<unknown, SoakError>) => Effect.forkChild(loop)
  )
  yield* Effect.raceAllFirst([
    Effect.sleep(options.warmUpMillis + options.watchMillis),
    supervisor.untilLoss,
    ...endings.map(Fiber.join)
  ])
  yield* Fiber.interruptAll(endings)

  yield* supervisor.heal
  yield* churning.restore
  yield* tell(yield* sample("calm"), () => outcomeOf(run, false))
  const calm = yield* becomesFull(run)
  if (calm._tag === "None") {
    const { nodes, ...rest } = yield* supervisor.poll({ passive: false })
    const found = Overview.observe(Overview.watch, { nodes, ...rest }, supervisor.rules).overview
    breach(run, `healed for ${calmMillis / 1_000} s, the overlay is not whole: ${Overview.summary(found)}`)
  }
  const lastMillis = Math.min(mostLastMillis, options.retentionMillis / 2)
  yield* Effect.sleep(lastMillis)
  yield* collect(run, lastMillis)
  yield* tell(yield* sample("done"), () => outcomeOf(run, false))
  // What was sampled after the end of the churn tells nothing of its slope.
  run.samples.splice(
    run.samples.findLastIndex(({ atMillis }) => atMillis <= options.warmUpMillis + options.watchMillis) + 1
  )
  yield* leftovers(run)
  return outcomeOf(run, true)
})

const topicsOf = ({ topics }: Options): readonly [string, ...ReadonlyArray<string>] => [
  "topic-1",
  ...Array.from({ length: topics - 1 }, (_, index) => `topic-${index + 2}`)
]

/** The cluster that a soak needs. */
export const supervisorOptions = (options: Options): Supervisor.Options => ({
  nodes: options.nodes,
  processes: options.processes,
  tls: options.tls,
  seed: options.seed,
  broadcast: { strategy: options.strategy, trees: options.trees },
  cluster: "soak",
  topics: topicsOf(options),
  watched: true,
  bounds: {
    sourcesSize: streamsOf(options),
    retainedMillis: options.retentionMillis,
    memorySize
  }
})
