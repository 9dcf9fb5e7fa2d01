/** A thread that runs one simulation. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as NodeWorkerRunner from "@effect/platform-node/NodeWorkerRunner"
import { Experiment } from "@hyparview/simulator"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as ResultModule from "effect/Result"
import * as Stream from "effect/Stream"
import * as RpcServer from "effect/rpc/RpcServer"
import { performance } from "node:perf_hooks"
import { reasonOf } from "../internal/systemErrors.ts"
import { EdgesNotWritten, Refused, Simulation } from "./Simulation.ts"

/**
 * What a run costs, from the preparation of its world to the end of its last piece of work; the metrics of the result are
 * computed after that.
 *
 * - CPU: of a run alone in its process, the process's: V8's helper threads, which collect garbage and compile, work for
 *   nobody else, and the main thread draws a progress bar. Of runs side by side, each thread's own, without those helpers'
 *   share (some percent), which nobody can tell apart.
 * - Peak memory: the process's highest, so far. Of runs side by side that is all of them together.
 */
class Meter {
  private readonly alone: boolean
  private readonly startedMillis = performance.now()
  private readonly startedCpu: NodeJS.CpuUsage
  private stoppedMillis = this.startedMillis
  private cpuSeconds = 0

  constructor(alone: boolean) {
    this.alone = alone
    this.startedCpu = this.cpu()
  }

  private cpu(): NodeJS.CpuUsage {
    // Node 22 cannot tell threads apart.
    return this.alone || typeof process.threadCpuUsage !== "function" ? process.cpuUsage() : process.threadCpuUsage()
  }

  /** Takes a reading: the run lasted until now. */
  read(): void {
    const { system, user } = this.cpu()
    this.stoppedMillis = performance.now()
    this.cpuSeconds = (user - this.startedCpu.user + system - this.startedCpu.system) / 1e6
  }

  /** Takes a reading, and gives it. */
  now() {
    this.read()
    return this.measured
  }

  get measured() {
    return {
      cpuSeconds: this.cpuSeconds,
      wallSeconds: (this.stoppedMillis - this.startedMillis) / 1e3,
      peakRssBytes: process.resourceUsage().maxRSS * 1024
    }
  }
}

let current: { readonly run: Experiment.Run; readonly meter: Meter } | undefined

const started = Effect.suspend(() =>
  current === undefined ? Effect.die(new Error("nothing was started")) : Effect.succeed(current)
)

const handlers = Simulation.toLayer({
  Start: ({ alone, experiment, options }) =>
    Effect.suspend(() => {
      const meter = new Meter(alone)
      const run = Experiment.start(experiment, options, {}, () => meter.now())
      if (ResultModule.isFailure(run)) {
        const { expected, option, value } = run.failure
        return Effect.fail(new Refused({ option, value: String(value), expected }))
      }
      current = { run: run.success, meter }
      return Effect.void
    }),
  Advance: ({ millis }) =>
    Effect.map(started, ({ meter, run }) => {
      const until = performance.now() + millis
      let more = run.advance()
      while (more && performance.now() < until) more = run.advance()
      meter.read()
      const { events, phase, share } = run.progress
      return { phase, share, events, more }
    }),
  Result: () =>
    Effect.map(started, ({ meter: { measured }, run }) => ({ measured, json: JSON.stringify(run.result(measured)) })),
  WriteEdges: ({ file, view }) =>
    Effect.gen(function* () {
      const { run } = yield* started
      const { sink } = yield* FileSystem.FileSystem
      yield* Stream.fromIterable(run.edges(view), { chunkSize: 16 }).pipe(
        Stream.encodeText,
        Stream.run(sink(file)),
        Effect.mapError((error) => new EdgesNotWritten({ message: `${file}: cannot be written: ${reasonOf(error)}` }))
      )
    }),
  Edges: () => Effect.map(started, ({ run }) => [...run.edges("active")].join(""))
})

RpcServer.layer(Simulation, { disableTracing: true }).pipe(
  Layer.provide(handlers),
  Layer.provide(RpcServer.layerProtocolWorkerRunner),
  Layer.provide([NodeWorkerRunner.layer, NodeServices.layer]),
  Layer.launch,
  Effect.runFork
)
