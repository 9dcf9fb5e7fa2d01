/** Runs the seeds of an experiment in threads, side by side. */
import * as NodeWorker from "@effect/platform-node/NodeWorker"
import { type Experiment, type Result as Results } from "@hyparview/simulator"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as RpcClient from "effect/rpc/RpcClient"
import { availableParallelism, totalmem } from "node:os"
import { Worker } from "node:worker_threads"
import { badInput, failed } from "../internal/failures.ts"
import { type Progress, type Refused, Simulation } from "./Simulation.ts"

/** Between two looks at progress and interruption. */
const turnMillis = 200

/** A graph is drawn in a report up to this many nodes. */
const drawnNodes = 10_000

/** Of the machine's memory, what simulations may fill. */
const memoryShare = 0.85

/**
 * What a node takes, and what a thread takes besides. Measured in a world of a million after a broadcast: 5.8 kB a node, and 8.8
 * where its broadcast did not rest as words; an experiment may work on a copy of its world, which makes it twice as much.
 */
const nodeBytes = 18_000
const threadBytes = 500_000_000

/** What a node takes at the very least: less than the 4.1 kB by which a world grows with each from 20,000 to 100,000. */
const leastNodeBytes = 3_000

/**
 * The young generation's bound. Nearly all that a simulation allocates dies at once; what is under way survives, and of a
 * broadcast the state of every node. Where states rest as words, joins and cycles with 10,000 nodes are as quick with 24 MB as
 * with 384, and take 120 MB less; with 100,000 nodes 24, 96 and 384 MB take 52.9, 46.9 and 44.4 CPU seconds for joins and four
 * cycles; a hundred floods among 10,000 take 20.8 with 96 and 19.8 with 384 (means of two).
 */
const youngMegabytes = 384
/** …and on a small machine at most this part of a thread's memory. */
const youngShare = 1 / 8

/** Run from its sources, the project resolves its packages by the `source` condition, and so must its threads. */
const isSource = import.meta.url.endsWith(".ts")
const main = new URL(isSource ? "./workerMain.ts" : "./workerMain.js", import.meta.url)

export interface Plan {
  /** Threads at a time. */
  readonly threads: number
  readonly limits: {
    readonly maxYoungGenerationSizeMb: number
    readonly maxOldGenerationSizeMb: number
  }
}

/** As many threads as there are cores and as memory has room for, and what each may take of it. */
export const plan = (
  nodes: number,
  runs: number,
  machine = { cores: availableParallelism(), memoryBytes: totalmem() }
): Plan => {
  const usableBytes = machine.memoryBytes * memoryShare
  const room = Math.floor(usableBytes / (nodes * nodeBytes + threadBytes))
  const threads = Math.max(1, Math.min(runs, machine.cores, room))
  const megabytes = Math.floor(usableBytes / threads / 2 ** 20)
  const young = Math.min(youngMegabytes, Math.ceil(megabytes * youngShare))
  return { threads, limits: { maxYoungGenerationSizeMb: young, maxOldGenerationSizeMb: megabytes } }
}

/** Why a world of so many nodes is too large for a machine, if it is. */
export const tooLarge = (nodes: number, memoryBytes = totalmem()): string | undefined => {
  const gigabytes = (bytes: number) => `${Math.round(bytes / 1e9).toLocaleString("en")} GB`
  return nodes * leastNodeBytes <= memoryBytes
    ? undefined
    : `--nodes ${nodes}: they take ${gigabytes(nodes * leastNodeBytes)} at least, and this machine has ${gigabytes(memoryBytes)}`
}

const isDocument = (value: unknown): value is Results.Result | Results.Results =>
  typeof value === "object" && value !== null && "experiment" in value && ("runs" in value || "overlay" in value)

const Document = Schema.fromJsonString(Schema.declare(isDocument))
const decodeDocument = Schema.decodeEffect(Document)

export interface Outcome {
  readonly result: Results.Result | Results.Results
  readonly measured: Results.Measured
  readonly complete: boolean
  /** Why its graph could not be written. */
  readonly notWritten: string | undefined
  /** The active graph, of the first seed, if it is small enough to be drawn. */
  readonly edges: string | undefined
}

export interface Request {
  readonly experiment: Experiment.Name
  readonly options: Experiment.Options
  readonly seeds: number
  readonly activeEdges: string | undefined
  readonly passiveEdges: string | undefined
  /** Whether a graph will be drawn. */
  readonly draws: boolean
  /** Asked between two pieces of work: whether to stop, with what there is. */
  readonly isStopped: () => boolean
  /** What to say of an option that the experiment refuses. */
  readonly explain: (fault: Pick<Refused, "option" | "value" | "expected">) => string
  readonly onProgress: (runs: ReadonlyArray<Progress | undefined>) => Effect.Effect<void>
}

const layerThread = ({ limits }: Plan) =>
  RpcClient.layerProtocolWorker({ size: 1 }).pipe(
    Layer.provide(
      NodeWorker.layer(
        () => new Worker(main, { execArgv: isSource ? ["--conditions=source"] : [], resourceLimits: limits })
      )
    )
  )

/** One seed in a thread of its own, which ends with it and gives all its memory back. */
const runSeed = Effect.fnUntraced(function* (
  request: Request,
  options: Experiment.Options,
  alone: boolean,
  onProgress: (progress: Progress) => Effect.Effect<void>
) {
  const { activeEdges, experiment, isStopped, passiveEdges } = request
  const client = yield* RpcClient.make(Simulation, { disableTracing: true })
  yield* client.Start({ experiment, options, alone })
  let more = true
  while (more && !isStopped()) {
    const progress = yield* client.Advance({ millis: turnMillis })
    more = progress.more
    yield* onProgress(progress)
  }
  const { json, measured } = yield* client.Result()
  const write = (view: "active" | "passive", file: string | undefined) =>
    file === undefined ? Effect.void : client.WriteEdges({ view, file })
  const notWritten = yield* Effect.andThen(write("active", activeEdges), write("passive", passiveEdges)).pipe(
    Effect.as(undefined),
    Effect.catchTag("EdgesNotWritten", ({ message }) => Effect.succeed(`--edges ${message}`))
  )
  const draws = request.draws && options.seed === request.options.seed && options.nodes <= drawnNodes
  const outcome: Outcome = {
    result: yield* decodeDocument(json),
    measured,
    complete: !more,
    notWritten,
    edges: draws ? yield* client.Edges() : undefined
  }
  return outcome
})

/** Every seed's outcome in order, but those that had not begun when it was stopped. */
export const runAll = Effect.fnUntraced(function* (request: Request) {
  const { isStopped, onProgress, options, seeds } = request
  const large = tooLarge(options.nodes)
  if (large !== undefined) return yield* badInput(large)
  const thePlan = plan(options.nodes, seeds)
  const progress = Array.from({ length: seeds }, (): Progress | undefined => undefined)
  const outcomes = yield* Effect.forEach(
    progress,
    (_, index) => {
      if (isStopped()) return Effect.undefined
      const seed = options.seed + index
      return runSeed(request, { ...options, seed }, thePlan.threads === 1, (now) => {
        progress[index] = now
        return onProgress(progress)
      }).pipe(
        Effect.provide(layerThread(thePlan), { local: true }),
        Effect.scoped,
        Effect.catchTags({
          Refused: (fault) => Effect.fail(badInput(request.explain(fault))),
          SchemaError: ({ message }) => Effect.die(new Error(message)),
          RpcClientError: (error) => Effect.fail(failed(lost(seed, error))),
          WorkerError: (error) => Effect.fail(failed(lost(seed, error)))
        })
      )
    },
    { concurrency: thePlan.threads }
  )
  return outcomes.filter((outcome) => outcome !== undefined)
})

/** Why a thread ended. V8 ends one whose heap is full, and says so in the cause. */
const lost = (seed: number, error: Error & { readonly reason: { readonly cause?: unknown } }): string => {
  const { cause } = error.reason
  const detail = cause instanceof Error ? cause.message : error.message
  return `the thread of seed ${seed} ended: ${detail}`
}
