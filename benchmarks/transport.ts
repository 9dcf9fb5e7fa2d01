/**
 * How much of a raw socket's throughput a TCP link keeps: frames a second over one loopback connection, against
 * `node:net` with the same framing and the same batches in the same run.
 *
 *     node --conditions=source benchmarks/transport.ts
 *
 * One way, as fast as backpressure allows: the first frame says how many follow, and the receiver answers once it has
 * counted them. Each pair runs raw and link one after the other, in alternating order; the ratio is the median over the
 * pairs, so that a machine that is slower for a while slows both sides of a pair. With one process both ends share a core;
 * with two, the slower end decides.
 */
import { Effect, Stream } from "effect"
import type { Link } from "@hyparview/runtime/Transport"
import { TcpTransport } from "@hyparview/transport-tcp"
import { spawn } from "node:child_process"
import type { AddressInfo, Socket } from "node:net"
import { createConnection, createServer } from "node:net"
import { pathToFileURL } from "node:url"
import { rawBatch, rawFrames } from "./internal/raw-frames.ts"

export interface TransportBenchOptions {
  /** Default 64 and 1024. */
  readonly frameBytes?: ReadonlyArray<number>
  /** Frames in one `send`. Default 64. */
  readonly batchFrames?: ReadonlyArray<number>
  /** Default one and two. */
  readonly processes?: ReadonlyArray<1 | 2>
  /** Pairs of runs that count; one more warms up. Default 5. */
  readonly pairs?: number
  /** Bytes that one run moves. Default 64 MiB, and never more than a million frames. */
  readonly runBytes?: number
}

export interface TransportBenchRow {
  readonly processes: 1 | 2
  readonly frameBytes: number
  readonly batchFrames: number
  readonly pairs: number
  /** Medians, frames a second. */
  readonly rawPerSecond: number
  readonly linkPerSecond: number
  /** The median of the pairs' ratios, link to raw. */
  readonly ratio: number
  /** The same by this process's CPU time, which other programs do not disturb: both ends, or the sender alone. */
  readonly cpuRatio: number
}

interface Run {
  readonly frameBytes: number
  readonly batchFrames: number
  readonly frames: number
}

const second = 1e9

interface Rate {
  readonly perSecond: number
  readonly perCpuSecond: number
}

/** Begins a measurement; call what it gives at the end. */
const measure = (frames: number): (() => Rate) => {
  const cpu = process.cpuUsage()
  const start = process.hrtime.bigint()
  return () => {
    const took = Number(process.hrtime.bigint() - start) / second
    const { system, user } = process.cpuUsage(cpu)
    return { perSecond: frames / took, perCpuSecond: (frames * 1e6) / (system + user) }
  }
}

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b).at(Math.floor(values.length / 2)) ?? NaN

const announcement = (frames: number): Uint8Array => new TextEncoder().encode(String(frames))
const announced = (frame: Uint8Array): number => Number(new TextDecoder().decode(frame))
const answer = new Uint8Array([1])

const rawReceiver = (socket: Socket): void => {
  let left = -1
  socket.on("error", () => socket.destroy())
  socket.on(
    "data",
    rawFrames((frame) => {
      left = left === -1 ? announced(frame) : left - 1
      if (left === 0) socket.write(rawBatch(answer, 1))
    })
  )
}

const listenRaw = Effect.acquireRelease(
  Effect.callback<ReturnType<typeof createServer>>((resume) => {
    const server = createServer({ noDelay: true }, rawReceiver)
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  }),
  (server) => Effect.sync(() => server.close())
)

const portOf = (server: ReturnType<typeof createServer>): number => (server.address() as AddressInfo).port

const sendRaw = (port: number, run: Run): Effect.Effect<Rate> =>
  Effect.callback<Rate>((resume) => {
    const socket = createConnection({ host: "127.0.0.1", port, noDelay: true }, () => {
      const frame = new Uint8Array(run.frameBytes).fill(7)
      const measured = measure(run.frames)
      socket.write(rawBatch(announcement(run.frames), 1))
      socket.on("data", () => {
        const rate = measured()
        socket.destroy()
        resume(Effect.succeed(rate))
      })
      let sent = 0
      const send = (): void => {
        while (sent < run.frames) {
          const count = Math.min(run.batchFrames, run.frames - sent)
          sent += count
          if (!socket.write(rawBatch(frame, count))) {
            socket.once("drain", send)
            return
          }
        }
      }
      send()
    })
  })

const linkReceiver = Effect.fnUntraced(
  function* (link: Link) {
    let left = -1
    while (true) {
      for (const frame of yield* link.receive) {
        left = left === -1 ? announced(frame) : left - 1
        if (left === 0) yield* link.send([[answer]])
      }
    }
  },
  Effect.catchTag("LinkClosed", () => Effect.void)
)

const listenLink = Effect.gen(function* () {
  const transport = yield* TcpTransport.make({})
  yield* transport.accepted.pipe(
    Stream.runForEach((link) => Effect.forkScoped(linkReceiver(link))),
    Effect.forkScoped
  )
  return transport.address
})

const sendLink = Effect.fnUntraced(function* (address: string, run: Run) {
  const transport = yield* TcpTransport.make({})
  const link = yield* transport.dial(address)
  const frame = [new Uint8Array(run.frameBytes).fill(7)]
  const batch = Array.from({ length: run.batchFrames }, () => frame)
  const measured = measure(run.frames)
  yield* link.send([[announcement(run.frames)]])
  let sent = 0
  while (sent < run.frames) {
    const count = Math.min(run.batchFrames, run.frames - sent)
    sent += count
    yield* link.send(count === run.batchFrames ? batch : batch.slice(0, count))
  }
  yield* link.receive
  return measured()
}, Effect.scoped)

interface Receivers {
  readonly rawPort: number
  readonly linkAddress: string
}

const receivers = Effect.gen(function* () {
  const server = yield* listenRaw
  return { rawPort: portOf(server), linkAddress: yield* listenLink }
})

/** The same receivers in a child process, which ends with its standard input. */
const childReceivers = Effect.acquireRelease(
  Effect.sync(() =>
    spawn(process.execPath, [...process.execArgv, import.meta.filename, "receivers"], {
      stdio: ["pipe", "pipe", "inherit"]
    })
  ),
  (child) => Effect.sync(() => child.stdin.end())
).pipe(
  Effect.flatMap((child) =>
    Effect.callback<Receivers>((resume) => {
      let text = ""
      child.stdout.on("data", (chunk: Buffer) => {
        text += chunk.toString()
        if (text.endsWith("\n")) resume(Effect.succeed(JSON.parse(text)))
      })
    })
  )
)

const beReceivers = Effect.gen(function* () {
  console.log(JSON.stringify(yield* receivers))
  yield* Effect.callback<void>((resume) => {
    process.stdin.resume().on("end", () => resume(Effect.void))
  })
}).pipe(Effect.scoped)

const benchPairs = Effect.fnUntraced(function* (target: Receivers, processes: 1 | 2, run: Run, pairs: number) {
  const raw: Array<Rate> = []
  const link: Array<Rate> = []
  for (let pair = 0; pair <= pairs; pair++) {
    const sides = [
      Effect.tap(sendRaw(target.rawPort, run), (rate) => Effect.sync(() => raw.push(rate))),
      Effect.tap(sendLink(target.linkAddress, run), (rate) => Effect.sync(() => link.push(rate)))
    ]
    yield* Effect.all(pair % 2 === 0 ? sides : sides.toReversed(), { discard: true })
  }
  raw.shift()
  link.shift()
  const row: TransportBenchRow = {
    processes,
    frameBytes: run.frameBytes,
    batchFrames: run.batchFrames,
    pairs,
    rawPerSecond: median(raw.map((rate) => rate.perSecond)),
    linkPerSecond: median(link.map((rate) => rate.perSecond)),
    ratio: median(link.map((rate, index) => rate.perSecond / (raw[index]?.perSecond ?? NaN))),
    cpuRatio: median(link.map((rate, index) => rate.perCpuSecond / (raw[index]?.perCpuSecond ?? NaN)))
  }
  return row
})

/** Measures every combination of the options, one row each. */
export const transportBench = (options: TransportBenchOptions = {}): Promise<ReadonlyArray<TransportBenchRow>> => {
  const { batchFrames = [64], frameBytes = [64, 1024], pairs = 5, processes = [1, 2], runBytes = 64 << 20 } = options
  const rows = Effect.forEach(processes, (count) =>
    Effect.gen(function* () {
      const target = yield* count === 1 ? receivers : childReceivers
      const runs = frameBytes.flatMap((frame) =>
        batchFrames.map((batch) => ({
          frameBytes: frame,
          batchFrames: batch,
          frames: Math.min(1_000_000, Math.ceil(runBytes / frame))
        }))
      )
      return yield* Effect.forEach(runs, (run) => benchPairs(target, count, run, pairs))
    }).pipe(Effect.scoped)
  )
  return Effect.runPromise(Effect.map(rows, (nested) => nested.flat()))
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  if (process.argv[2] === "receivers") await Effect.runPromise(beReceivers)
  else {
    const rows = await transportBench({ batchFrames: [16, 64, 256] })
    console.table(
      rows.map((row) => ({
        ...row,
        rawPerSecond: Math.round(row.rawPerSecond),
        linkPerSecond: Math.round(row.linkPerSecond),
        ratio: Number(row.ratio.toFixed(2)),
        cpuRatio: Number(row.cpuRatio.toFixed(2))
      }))
    )
  }
}
