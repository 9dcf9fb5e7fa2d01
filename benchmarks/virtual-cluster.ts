/**
 * How long it takes to live through an hour of a cluster's time: nodes of the real runtime, with the wire format and all,
 * join through one contact over the in-process network, come to rest, and go on for an hour with shuffles every 30 s and
 * heartbeats every 10, the defaults.
 *
 * Each run has a process of its own, whose peak of resident memory is its own too. V8 is given 512 MB of old space: the
 * live heap needs a quarter of that, and without a bound V8 takes what a large machine has.
 */
import { Duration, Effect } from "effect"
import { TestClock } from "effect/testing"
import { TestCluster, VirtualClock } from "@hyparview/testing"
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { medianOf, type Row } from "./internal/row.ts"

interface Run {
  readonly nodes: number
  readonly clock: "TestClock" | "the virtual clock"
  readonly durationMillis: number
}

/** What a run has cost, joins included. */
interface Cost {
  readonly wallSeconds: number
  readonly cpuSeconds: number
  readonly peakMegabytes: number
  readonly frames: number
}

const live = ({ durationMillis, nodes }: Run) =>
  Effect.gen(function* () {
    const cluster = yield* TestCluster.make({ nodes, seed: 1 })
    yield* cluster.joinAll()
    yield* cluster.settle()
    yield* cluster.pass(durationMillis)
    return (yield* cluster.statistics).network.framesSent
  }).pipe(Effect.scoped)

const measure = async (run: Run): Promise<Cost> => {
  const begin = performance.now()
  const clock = run.clock === "TestClock" ? TestClock.layer() : VirtualClock.layer()
  const frames = await Effect.runPromise(live(run).pipe(Effect.provide(clock)))
  const { maxRSS, systemCPUTime, userCPUTime } = process.resourceUsage()
  return {
    wallSeconds: (performance.now() - begin) / 1e3,
    cpuSeconds: (systemCPUTime + userCPUTime) / 1e6,
    peakMegabytes: maxRSS / 1e3,
    frames
  }
}

const measureApart = async (run: Run): Promise<Cost> => {
  // As the test kit's README says for large clusters.
  const flags = ["--conditions=source", "--max-old-space-size=512", "--no-allocation-site-pretenuring"]
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, import.meta.filename, JSON.stringify(run)])
  return JSON.parse(stdout)
}

const aims = { TestClock: { seconds: 20 }, "the virtual clock": { seconds: 60 } } as const

/** `duration`: virtual time after the joins. */
export const virtualClusterBench = async (rounds: number, duration: Duration.Input): Promise<ReadonlyArray<Row>> => {
  const durationMillis = Duration.toMillis(duration)
  const rows: Array<Row> = []
  for (const { clock, nodes } of [
    { nodes: 100, clock: "TestClock" },
    { nodes: 100, clock: "the virtual clock" },
    { nodes: 1_000, clock: "the virtual clock" }
  ] as const) {
    const costs: Array<Cost> = []
    for (let round = 0; round < rounds; round++) costs.push(await measureApart({ nodes, clock, durationMillis }))
    const median = (of: (cost: Cost) => number): number => medianOf(costs.map(of))
    const what = `${nodes.toLocaleString("en")} nodes on ${clock}`
    const wall = median(({ wallSeconds }) => wallSeconds)
    rows.push(
      {
        what: `${what}, wall time`,
        median: wall,
        unit: "s",
        aim: { of: "median", bound: "≤", value: aims[clock].seconds }
      },
      { what: `${what}, CPU time`, median: median(({ cpuSeconds }) => cpuSeconds), unit: "s" },
      {
        what: `${what}, CPU time of a frame`,
        median: median(({ cpuSeconds, frames }) => (1e6 * cpuSeconds) / frames),
        unit: "µs"
      },
      {
        what: `${what}, peak memory`,
        median: median(({ peakMegabytes }) => peakMegabytes),
        unit: "MB",
        aim: { of: "median", bound: "≤", value: 1_000 }
      }
    )
  }
  return rows
}

if (process.argv[1] === import.meta.filename) {
  process.stdout.write(JSON.stringify(await measure(JSON.parse(process.argv[2] ?? ""))))
}
