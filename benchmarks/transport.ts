/**
 * How much of a raw socket's throughput a link keeps: frames a second over one loopback connection, against `node:net`,
 * and for mutual TLS against `node:tls`, with the same framing and the same batches in the same run.
 *
 * One way, as fast as backpressure allows: the first frame says how many follow, and the receiver answers once it has
 * counted them. Each pair runs raw and link one after the other, in alternating order; the ratio is the median over the
 * pairs, so that a machine that is slower for a while slows both sides of a pair. With one process both ends share a core;
 * with two, the slower end decides.
 */
import { Effect, Redacted, Stream } from "effect"
import type { Link } from "@hyparview/runtime/Transport"
import { TcpTransport, TlsTransport } from "@hyparview/transport-tcp"
import * as Certificates from "@hyparview/transport-tcp/Certificates"
import { spawn } from "node:child_process"
import type { AddressInfo, Server, Socket } from "node:net"
import * as Net from "node:net"
import * as Tls from "node:tls"
import { rawBatch, rawFrames } from "./internal/raw-frames.ts"
import { medianOf, type Row } from "./internal/row.ts"

/** What carries the frames: a TCP connection, or mutual TLS over one. */
export type Carrier = "tcp" | "tls"

/** Frames in one `send`. */
const batchFrames = 64

/** Bytes that one run moves, in a million frames at most. */
const runBytes = 64 << 20

interface Run {
  readonly frameBytes: number
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

/** One certificate for both ends; undefined on plain TCP. */
type Credentials = { readonly cert: string; readonly key: string; readonly ca: string } | undefined

const makeCredentials = Effect.gen(function* () {
  const authority = yield* Certificates.makeAuthority()
  const { certificate, key } = yield* Certificates.issue(authority, { id: "bench", cluster: "bench" })
  return { cert: certificate, key: Redacted.value(key), ca: authority.certificate }
})

const makeTransport = (credentials: Credentials) =>
  credentials === undefined ? TcpTransport.make({}) : TlsTransport.make(credentials)

const createRaw = (credentials: Credentials): Server =>
  credentials === undefined
    ? Net.createServer({ noDelay: true }, rawReceiver)
    : Tls.createServer(
        { ...credentials, minVersion: "TLSv1.3", requestCert: true, rejectUnauthorized: true, noDelay: true },
        rawReceiver
      )

const connectRaw = (port: number, credentials: Credentials, onOpen: (socket: Socket) => void): void => {
  const to = { host: "127.0.0.1", port, noDelay: true }
  const socket: Socket =
    credentials === undefined
      ? Net.createConnection(to, () => onOpen(socket))
      : Tls.connect({ ...to, ...credentials, checkServerIdentity: () => undefined }, () => {
          socket.setNoDelay(true)
          onOpen(socket)
        })
}

const listenRaw = (credentials: Credentials) =>
  Effect.acquireRelease(
    Effect.callback<Server>((resume) => {
      const server = createRaw(credentials)
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => server.close())
  )

const portOf = (server: Server): number => (server.address() as AddressInfo).port

const sendRaw = ({ credentials, rawPort }: Receivers, run: Run): Effect.Effect<Rate> =>
  Effect.callback<Rate>((resume) => {
    connectRaw(rawPort, credentials, (socket) => {
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
          const count = Math.min(batchFrames, run.frames - sent)
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

const listenLink = Effect.fnUntraced(function* (credentials: Credentials) {
  const transport = yield* makeTransport(credentials)
  yield* transport.accepted.pipe(
    Stream.runForEach((link) => Effect.forkScoped(linkReceiver(link))),
    Effect.forkScoped
  )
  return transport.address
})

const sendLink = Effect.fnUntraced(function* ({ credentials, linkAddress }: Receivers, run: Run) {
  const transport = yield* makeTransport(credentials)
  const link = yield* transport.dial(linkAddress)
  const frame = [new Uint8Array(run.frameBytes).fill(7)]
  const batch = Array.from({ length: batchFrames }, () => frame)
  const measured = measure(run.frames)
  yield* link.send([[announcement(run.frames)]])
  let sent = 0
  while (sent < run.frames) {
    const count = Math.min(batchFrames, run.frames - sent)
    sent += count
    yield* link.send(count === batchFrames ? batch : batch.slice(0, count))
  }
  yield* link.receive
  return measured()
}, Effect.scoped)

interface Receivers {
  readonly rawPort: number
  readonly linkAddress: string
  readonly credentials: Credentials
}

const receivers = Effect.fnUntraced(function* (carrier: Carrier) {
  const credentials = carrier === "tcp" ? undefined : yield* makeCredentials
  const server = yield* listenRaw(credentials)
  return { rawPort: portOf(server), linkAddress: yield* listenLink(credentials), credentials }
})

/** The same receivers in a child process, which ends with its standard input. */
const childReceivers = (carrier: Carrier) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, [...process.execArgv, import.meta.filename, carrier], {
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

const beReceivers = Effect.fnUntraced(function* (carrier: Carrier) {
  console.log(JSON.stringify(yield* receivers(carrier)))
  yield* Effect.callback<void>((resume) => {
    process.stdin.resume().on("end", () => resume(Effect.void))
  })
}, Effect.scoped)

/** A figure of the link's to the raw socket's, the median over the pairs of runs. */
const ratioOf = (link: ReadonlyArray<Rate>, raw: ReadonlyArray<Rate>, figure: keyof Rate): number =>
  medianOf(link.map((rate, index) => rate[figure] / (raw[index]?.[figure] ?? NaN)))

const benchPairs = Effect.fnUntraced(function* (
  target: Receivers,
  { carrier, processes }: { readonly carrier: Carrier; readonly processes: 1 | 2 },
  run: Run,
  pairs: number
) {
  const raw: Array<Rate> = []
  const link: Array<Rate> = []
  for (let pair = 0; pair <= pairs; pair++) {
    const sides = [
      Effect.tap(sendRaw(target, run), (rate) => Effect.sync(() => raw.push(rate))),
      Effect.tap(sendLink(target, run), (rate) => Effect.sync(() => link.push(rate)))
    ]
    yield* Effect.all(pair % 2 === 0 ? sides : sides.toReversed(), { discard: true })
  }
  raw.shift()
  link.shift()
  const where = processes === 1 ? "one process" : "two processes"
  const what = `${carrier.toUpperCase()}, ${run.frameBytes} B, ${batchFrames} a batch, ${where}`
  const to = carrier === "tcp" ? "node:net" : "node:tls"
  const rows: ReadonlyArray<Row> = [
    {
      what,
      median: medianOf(link.map(({ perSecond }) => perSecond)),
      unit: "frames/s",
      ratio: { to, value: ratioOf(link, raw, "perSecond") },
      aim: { of: "ratio", bound: "≥", value: 0.85 }
    },
    // The other end's work is not in it, so that two processes compare senders only.
    {
      what: `${what}, by CPU time`,
      median: ratioOf(link, raw, "perCpuSecond"),
      unit: `times ${to}`
    }
  ]
  return rows
})

/** `pairs`: of runs that count; one more warms up. */
export const transportBench = (pairs: number): Promise<ReadonlyArray<Row>> => {
  const kinds = (["tcp", "tls"] as const).flatMap((carrier) =>
    ([1, 2] as const).map((processes) => ({ carrier, processes }))
  )
  const rows = Effect.forEach(kinds, (kind) =>
    Effect.gen(function* () {
      const target = yield* kind.processes === 1 ? receivers(kind.carrier) : childReceivers(kind.carrier)
      return yield* Effect.forEach([64, 1_024], (frameBytes) =>
        benchPairs(target, kind, { frameBytes, frames: Math.min(1_000_000, runBytes / frameBytes) }, pairs)
      )
    }).pipe(Effect.scoped)
  )
  return Effect.runPromise(Effect.map(rows, (nested) => nested.flat(2)))
}

if (process.argv[1] === import.meta.filename) {
  await Effect.runPromise(beReceivers(process.argv[2] === "tls" ? "tls" : "tcp"))
}
