/**
 * Broadcast over real TCP, beside js-libp2p's gossipsub: 10, 50 and 100 nodes of either in one process, the same load,
 * the same clock. Plain TCP stands beside gossipsub without signatures and encryption, mutual TLS beside signatures and
 * noise.
 *
 * Each mesh has a process of its own and serves all payloads and publishers, one after the other. The two sides take
 * turns, and a ratio is the median over the pairs: a machine that is slower for a while slows both sides of a pair. How
 * the sides are set up is in `internal/hyparview.ts` and `internal/gossipsub.ts`, what is measured in `internal/load.ts`.
 */
import { fork } from "node:child_process"
import { type Latency, Load, type Throughput } from "./internal/load.ts"
import type { Contender, Mesh, MeshOptions } from "./internal/mesh.ts"
import { type Aim, medianOf, type Row } from "./internal/row.ts"
import { countWireBytes, type WireBytes } from "./internal/wire-bytes.ts"

type Side = "hyparview" | "gossipsub"

interface Trial {
  readonly side: Side
  readonly nodes: number
  readonly secured: boolean
}

const loads = [
  { bytes: 64, publishers: 1 },
  { bytes: 64, publishers: 10 },
  { bytes: 1_024, publishers: 1 },
  { bytes: 1_024, publishers: 10 }
] as const

const loadName = ({ bytes, publishers }: (typeof loads)[number]): string =>
  `${bytes === 64 ? "64 B" : "1 KiB"}, ${publishers === 1 ? "1 publisher" : `${publishers} publishers`}`

/** The figures of one mesh, in the order of the table. */
interface Figures {
  readonly readySeconds: number
  /** In the order of `loads`. */
  readonly throughput: ReadonlyArray<Throughput>
  readonly p50Millis: number
  readonly p99Millis: number
  readonly earlyCopies: number
  readonly copies: number
  readonly wireBytes: number
  readonly idleMegabytes: number
  readonly loadedMegabytes: number
}

// --- one mesh, in a process of its own -------------------------------------------------------------------------------

/** CPU time, at the beginning. */
const warmUpMillis = 1_500

/** The modest rate, for latency, copies and bytes: early, and once more after the loads. */
const modest = { bytes: 1_024, perSecond: 5, publishers: 10 } as const

/** Messages of that rate at the beginning, two seconds of them, while links may still move. */
const earlyMessages = 10

/** Afterwards as many as make so many deliveries, so that one of them alone is no p99: ten seconds with 10 nodes, two with more. */
const leastDeliveries = 400
const lateMessages = (nodes: number): number =>
  modest.publishers * Math.ceil(leastDeliveries / (nodes - 1) / modest.publishers)

/** CPU time: the least of a throughput measurement that counts, and what each load warms up before it. */
const measuring = { leastMillis: 800, warmUpMillis: 2_000 } as const

const prepare = async (side: Side, options: MeshOptions): Promise<Contender> => {
  const contender = await (side === "hyparview" ? import("./internal/hyparview.ts") : import("./internal/gossipsub.ts"))
  return contender.prepare(options)
}

/** The heap and the buffers outside of it that are in use. */
const usedMegabytes = (): number => {
  globalThis.gc?.()
  globalThis.gc?.()
  const { external, heapUsed } = process.memoryUsage()
  return (heapUsed + external) / 1e6
}

interface Modest extends Latency {
  readonly copies: number
  readonly wireBytes: number
}

const measureModest = async (
  messages: number,
  nodes: number,
  mesh: Mesh,
  load: Load,
  wire: WireBytes
): Promise<Modest> => {
  await load.settle()
  const countsBefore = mesh.counts()
  const bytesBefore = wire.total()
  const latency = await load.latency({ ...modest, messages })
  const wireBytes = (wire.total() - bytesBefore) / (messages * (nodes - 1))
  await load.settle()
  const counts = mesh.counts()
  const copies = (counts.copies - countsBefore.copies) / (counts.deliveries - countsBefore.deliveries)
  return { ...latency, copies, wireBytes }
}

const measure = async (trial: Trial): Promise<Figures> => {
  const { nodes } = trial
  // js-libp2p leaves rejections of closed streams to nobody; they are no reason to end what goes on without them.
  if (trial.side === "gossipsub")
    process.on("unhandledRejection", (error) => console.error(`gossipsub: ${String(error)}`))
  const load = new Load(nodes)
  const wire = countWireBytes()
  const contender = await prepare(trial.side, { ...trial, onMessage: load.onMessage })
  const megabytesBefore = usedMegabytes()

  const begin = performance.now()
  const mesh = await contender.start()
  load.mesh = mesh
  const readyMillis = await load.firstComplete(begin)
  await mesh.connected
  await load.warmUp(warmUpMillis)

  await load.settle()
  const idleMegabytes = (usedMegabytes() - megabytesBefore) / nodes
  const early = await measureModest(earlyMessages, nodes, mesh, load, wire)
  const throughput: Array<Throughput> = []
  for (const { bytes, publishers } of loads) throughput.push(await load.throughput(bytes, publishers, measuring))
  const loadedMegabytes = (usedMegabytes() - megabytesBefore) / nodes
  const late = await measureModest(lateMessages(nodes), nodes, mesh, load, wire)
  if (load.lost + load.repeated > 0) {
    console.error(
      `${JSON.stringify(trial)}: ${load.lost} messages missed nodes, ${load.repeated} were handed out twice`
    )
  }
  return {
    readySeconds: readyMillis / 1_000,
    throughput,
    ...late,
    earlyCopies: early.copies,
    idleMegabytes,
    loadedMegabytes
  }
}

// --- pairs of them ---------------------------------------------------------------------------------------------------

/** A mesh that takes longer than this will never end. */
const timeoutMillis = 300_000

const measureApart = (trial: Trial): Promise<Figures> =>
  new Promise((resolve, reject) => {
    // Nodes may log: standard output is no place for the figures.
    const child = fork(import.meta.filename, [JSON.stringify(trial)], {
      execArgv: ["--conditions=source", "--expose-gc"],
      stdio: ["ignore", 2, 2, "ipc"],
      timeout: timeoutMillis
    })
    let figures: Figures | undefined
    child.on("message", (message: Figures) => {
      figures = message
    })
    child.on("error", reject)
    child.on("exit", (code, signal) => {
      if (code === 0 && figures !== undefined) resolve(figures)
      else reject(new Error(`${JSON.stringify(trial)} ended with ${signal ?? `exit code ${code}`}`))
    })
  })

interface Pair {
  readonly ours: Figures
  readonly theirs: Figures
}

/** One mesh that does not come to its end, of either side, costs another try, and not everything measured before. */
const attempts = 2

const measurePatiently = async (trial: Trial, progress: string): Promise<Figures | undefined> => {
  const what = `${trial.side}, ${trial.nodes} nodes, ${trial.secured ? "secured" : "plain"}`
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const begin = performance.now()
    const seconds = () => `${((performance.now() - begin) / 1_000).toFixed(0)} s`
    try {
      const figures = await measureApart(trial)
      const rates = figures.throughput.map(({ perSecond }) => perSecond.toPrecision(3)).join(", ")
      console.error(`  ${progress} ${what}: ${rates} messages/s (${seconds()})`)
      return figures
    } catch (error) {
      console.error(`  ${progress} ${what}: ${String(error)} (${seconds()})`)
    }
  }
  return undefined
}

/** The pairs measured of meshes of one kind. */
interface Measured {
  readonly count: number
  readonly secured: boolean
  readonly pairs: Array<Pair>
}

/** One mesh of either side; undefined if one of them did not come to its end. */
const measurePair = async (
  nodes: number,
  secured: boolean,
  oursFirst: boolean,
  progress: () => string
): Promise<Pair | undefined> => {
  const of = (side: Side) => measurePatiently({ side, nodes, secured }, progress())
  const first = await of(oursFirst ? "hyparview" : "gossipsub")
  const second = await of(oursFirst ? "gossipsub" : "hyparview")
  const [ours, theirs] = oursFirst ? [first, second] : [second, first]
  return ours === undefined || theirs === undefined ? undefined : { ours, theirs }
}

const rowsOf = (nodes: number, secured: boolean, pairs: ReadonlyArray<Pair>): ReadonlyArray<Row> => {
  const row = (what: string, unit: string, of: (figures: Figures) => number, aim?: Aim): Row => ({
    what: `${nodes} nodes, ${secured ? "secured" : "plain"}: ${what}`,
    median: medianOf(pairs.map(({ ours }) => of(ours))),
    unit,
    ratio: { to: "gossipsub", value: medianOf(pairs.map(({ ours, theirs }) => of(ours) / of(theirs))) },
    ...(aim === undefined ? {} : { aim })
  })
  const ratioAtLeast = { of: "ratio", bound: "≥", value: secured ? 100 : 50 } as const
  const ratioAtMost = { of: "ratio", bound: "≤", value: 0.2 } as const
  const readyAtMost = { of: "median", bound: "≤", value: 2 } as const
  const copiesAtMost = { of: "median", bound: "≤", value: 1.05 } as const
  return [
    ...loads.flatMap((load, index) => [
      row(loadName(load), "messages/s", ({ throughput }) => throughput[index]?.perSecond ?? NaN, ratioAtLeast),
      row(
        `${loadName(load)}, by CPU time`,
        "messages/CPU-second",
        ({ throughput }) => throughput[index]?.perCpuSecond ?? NaN
      )
    ]),
    row("latency p50", "ms", ({ p50Millis }) => p50Millis),
    row("latency p99", "ms", ({ p99Millis }) => p99Millis, ratioAtMost),
    row("copies a delivery", "copies", ({ copies }) => copies, copiesAtMost),
    row("copies a delivery, in the first seconds", "copies", ({ earlyCopies }) => earlyCopies),
    row("on the wire a delivery of 1 KiB", "B", ({ wireBytes }) => wireBytes),
    row("memory of a node", "MB", ({ idleMegabytes }) => idleMegabytes),
    row("memory of a node, after the load", "MB", ({ loadedMegabytes }) => loadedMegabytes),
    row("start to first delivery to all", "s", ({ readySeconds }) => readySeconds, readyAtMost)
  ]
}

/**
 * Rounds over all sizes, each one pair of each: as many as `pairs` says and as there is time for, and at least one. None begins
 * that would probably end after so many seconds, on a machine that is too busy for all.
 */
export const broadcastBench = async (pairs: number, seconds: number): Promise<ReadonlyArray<Row>> => {
  const meshes = [false, true].flatMap((secured) =>
    [10, 50, 100].map((count): Measured => ({ count, secured, pairs: [] }))
  )
  const begin = performance.now()
  let begun = 0
  const progress = () => `${++begun}/${2 * meshes.length * pairs}`
  for (let round = 0; round < pairs; round++) {
    const perRound = (performance.now() - begin) / 1_000 / Math.max(1, round)
    if (round > 0 && (round + 1) * perRound > seconds) {
      console.error(`  no time for more: medians of ${round} instead of ${pairs}`)
      break
    }
    for (const mesh of meshes) {
      const pair = await measurePair(mesh.count, mesh.secured, round % 2 === 0, progress)
      if (pair !== undefined) mesh.pairs.push(pair)
    }
  }
  const measured = meshes.filter((mesh) => mesh.pairs.length > 0)
  if (measured.length === 0) throw new Error("no mesh came to its end")
  return measured.flatMap((mesh) => rowsOf(mesh.count, mesh.secured, mesh.pairs))
}

if (process.argv[1] === import.meta.filename) {
  const figures = await measure(JSON.parse(process.argv[2] ?? ""))
  if (process.send === undefined) console.log(figures)
  else await new Promise<void>((sent) => process.send?.(figures, () => sent()))
  // The nodes would go on for ever.
  process.exit(0)
}
