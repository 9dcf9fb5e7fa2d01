/**
 * How much of one core's raw TCP forwarding a node keeps: frames that come from one neighbour and go on to four others,
 * as in the tree of a broadcast, by the relay's CPU time.
 *
 * The relay has a process of its own: a node of the real runtime, or a relay on bare `node:net` sockets that reads
 * length-prefixed frames from the first connection and writes each to the others. There are two of these: one writes each
 * frame by itself, the other hands on what a read has brought with one write, and hardly looks at it; nothing in
 * JavaScript is faster. Source and sinks are sockets of this process that speak just enough of the wire format to be
 * neighbours; so what is measured is the relay alone, and its limit is not theirs. All relays get the same bytes.
 */
import { Discovery } from "@hyparview/runtime/Discovery"
import { Membership } from "@hyparview/runtime/Membership"
import * as Node from "@hyparview/runtime/Node"
import { Transport } from "@hyparview/runtime/Transport"
import { TcpTransport } from "@hyparview/transport-tcp"
import { Node as Core, type Peer, Wire } from "@hyparview/core"
import { Effect, Layer, Result } from "effect"
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { type AddressInfo, createConnection, createServer, type Socket } from "node:net"
import { prefixBytes, rawFrames } from "./internal/raw-frames.ts"
import { medianOf, type Row } from "./internal/row.ts"

const kinds = ["node", "a write a frame", "a write a read"] as const
type Kind = (typeof kinds)[number]

/** An active view of five: where it comes from, and four more. */
const sinkCount = 4

// --- the relay, in a process of its own ------------------------------------------------------------------------------

const serveNode = Effect.gen(function* () {
  const membership = yield* Membership
  const { address } = yield* Transport
  yield* membership.join([])
  process.send?.({ port: Number(address.split(":").at(-1)) })
  return yield* Effect.never
}).pipe(
  Effect.provide(
    Node.layer({ id: "relay", cluster: "benchmark", seed: 1 }).pipe(
      Layer.provideMerge(Layer.merge(TcpTransport.layer({ host: "127.0.0.1" }), Discovery.layerNone))
    )
  )
)

/** Cuts chunks into frames with their prefixes, and gives the whole ones in one piece. */
const wholeFrames = (onWhole: (whole: Buffer) => void) => {
  let rest: Buffer | undefined
  return (chunk: Buffer): void => {
    const bytes = rest === undefined ? chunk : Buffer.concat([rest, chunk])
    let at = 0
    while (bytes.length - at >= prefixBytes) {
      const length = prefixBytes + bytes.readUInt32BE(at)
      if (bytes.length - at < length) break
      at += length
    }
    rest = at === bytes.length ? undefined : bytes.subarray(at)
    if (at > 0) onWhole(bytes.subarray(0, at))
  }
}

const serveRaw = (kind: Exclude<Kind, "node">): void => {
  const sinks: Array<Socket> = []
  const toAll = (bytes: Buffer): void => {
    for (const sink of sinks) sink.write(bytes)
  }
  const eachFrame = wholeFrames((whole) => {
    let at = 0
    while (at < whole.length) {
      const end = at + prefixBytes + whole.readUInt32BE(at)
      toAll(whole.subarray(at, end))
      at = end
    }
  })
  let source: Socket | undefined
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on("error", () => socket.destroy())
    if (source !== undefined) return void sinks.push(socket)
    source = socket
    socket.on("data", kind === "a write a frame" ? eachFrame : wholeFrames(toAll))
  })
  server.listen(0, "127.0.0.1", () => process.send?.({ port: (server.address() as AddressInfo).port }))
}

const serve = (kind: Kind): void => {
  process.on("message", () => {
    const { system, user } = process.cpuUsage()
    process.send?.({ cpuMicros: system + user })
  })
  process.on("disconnect", () => process.exit(0))
  if (kind === "node") Effect.runFork(serveNode)
  else serveRaw(kind)
}

// --- its neighbours --------------------------------------------------------------------------------------------------

const connect = async (port: number, onFrame: (frame: Uint8Array) => void): Promise<Socket> => {
  const socket = createConnection({ host: "127.0.0.1", port, noDelay: true })
  socket.on("data", rawFrames(onFrame))
  await once(socket, "connect")
  return socket
}

const framed = (chunks: ReadonlyArray<Uint8Array>): Buffer => {
  const prefix = Buffer.alloc(prefixBytes)
  prefix.writeUInt32BE(chunks.reduce((sum, { length }) => sum + length, 0))
  return Buffer.concat([prefix, ...chunks])
}

const peerOf = (id: string): Peer.Peer => ({ id, epoch: 1, address: "127.0.0.1:1" })

const linkOf = (id: string): Peer.LinkId => ({ asker: id, epoch: 1, requestId: 1 })

/** Becomes a neighbour, by a Hello each way, a request and its answer; and stays one, by answering heartbeats. */
const becomeNeighbor = async (port: number, id: string, onPayload: () => void): Promise<Socket> => {
  const ends = { local: peerOf(id), remote: peerOf("relay") }
  const answered = Promise.withResolvers<void>()
  let greeted = false
  const say = (message: Core.Message): void => {
    socket.write(framed(Result.getOrThrow(Wire.encode(message, ends))))
  }
  const socket = await connect(port, (frame) => {
    if (!greeted) {
      greeted = true
      return
    }
    const decoded = Wire.decode(frame, ends)
    const message = Result.isSuccess(decoded) ? decoded.success : undefined
    if (message?._tag === "Carried" && message.body._tag === "Gossip") onPayload()
    else if (message?._tag === "Heartbeat") say({ ...message, _tag: "HeartbeatReply" })
    else if (message?._tag === "NeighborReply") answered.resolve()
  })
  const hello = { _tag: "Hello", versions: Wire.versions, cluster: "benchmark", peer: peerOf(id) } as const
  socket.write(
    framed([
      Result.getOrThrow(
        Wire.encodeHello({
          ...hello,
          knownEpoch: undefined,
          knownAddress: undefined,
          settings: undefined,
          to: undefined
        })
      )
    ])
  )
  say({ _tag: "Neighbor", requestId: 1, reason: "repair" })
  await answered.promise
  return socket
}

interface Run {
  readonly payloadBytes: number
  readonly messages: number
}

/** What the source sends, in one piece for each batch. */
const batchesOf = ({ messages, payloadBytes }: Run, first: number): ReadonlyArray<Buffer> => {
  const payload = new Uint8Array(payloadBytes).fill(7)
  const batches: Array<Buffer> = []
  let batch: Array<Buffer> = []
  for (let sequence = first; sequence < first + messages; sequence++) {
    const id = { source: "source", epoch: 1, topic: "benchmark", sequence }
    const body = { _tag: "Gossip", id, round: 1, publishedAt: 0, ageMillis: 0, payload, replay: undefined } as const
    const message = { _tag: "Carried", link: linkOf("source"), body } as const
    const ends = { local: peerOf("source"), remote: peerOf("relay") }
    batch.push(framed(Result.getOrThrow(Wire.encode(message, ends))))
    if (batch.length < batchMessages && sequence + 1 < first + messages) continue
    batches.push(Buffer.concat(batch))
    batch = []
  }
  return batches
}

const batchMessages = 64

/** Bytes of payload that may be between the source and the slowest sink, so that nothing piles up in the relay. */
const windowBytes = 512 * 1024

/** A run takes a second or so; whatever takes so long has come to a stop. */
const patienceMillis = 60_000

const cpuMicrosOf = async (child: ChildProcess): Promise<number> => {
  const answer = once(child, "message")
  child.send("usage")
  const [{ cpuMicros }] = await answer
  return cpuMicros
}

/** Messages that the relay forwards to all sinks in a second of its CPU time. */
const measure = async (kind: Kind, run: Run): Promise<number> => {
  const child = fork(import.meta.filename, [kind], { execArgv: ["--conditions=source"] })
  try {
    const [{ port }] = await once(child, "message")
    const received = Array.from({ length: sinkCount }, () => 0)
    let progress = (): void => {}
    const count = (sink: number) => (): void => {
      received[sink] = (received[sink] ?? 0) + 1
      progress()
    }
    const open = (id: string, onFrame: () => void) =>
      kind === "node" ? becomeNeighbor(port, id, onFrame) : connect(port, onFrame)
    const source = await open("source", () => {})
    for (let sink = 0; sink < sinkCount; sink++) await open(`sink-${sink}`, count(sink))

    const forward = async (first: number): Promise<number> => {
      const batches = batchesOf(run, first)
      const before = await cpuMicrosOf(child)
      const done = Promise.withResolvers<void>()
      let sent = first
      let next = 0
      progress = () => {
        const arrived = Math.min(...received)
        if (arrived === first + run.messages) return done.resolve()
        while (next < batches.length && (sent - arrived) * run.payloadBytes < windowBytes) {
          source.write(batches[next++] ?? "")
          sent += batchMessages
        }
      }
      progress()
      const tooLong = setTimeout(
        () => done.reject(new Error(`the relay ${kind} has stopped forwarding`)),
        patienceMillis
      )
      await done.promise
      clearTimeout(tooLong)
      return (1e6 * run.messages) / ((await cpuMicrosOf(child)) - before)
    }
    await forward(0)
    return await forward(run.messages)
  } finally {
    child.disconnect()
  }
}

/** `pairs`: of runs that count. */
export const relayBench = async (pairs: number): Promise<ReadonlyArray<Row>> => {
  const rows: Array<Row> = []
  for (const run of [
    { payloadBytes: 64, messages: 64_000 },
    { payloadBytes: 1_024, messages: 32_000 }
  ]) {
    const rates: Record<Kind, Array<number>> = { node: [], "a write a frame": [], "a write a read": [] }
    for (let pair = 0; pair < pairs; pair++) {
      for (const kind of pair % 2 === 0 ? kinds : kinds.toReversed()) rates[kind].push(await measure(kind, run))
    }
    const median = medianOf(rates.node)
    const ratioTo = (kind: Kind) => medianOf(rates.node.map((rate, pair) => rate / (rates[kind][pair] ?? NaN)))
    const what = `${run.payloadBytes} B to ${sinkCount} neighbours`
    const unit = "messages/CPU-second"
    rows.push(
      {
        what,
        median,
        unit,
        ratio: { to: "node:net, a write a frame", value: ratioTo("a write a frame") },
        aim: { of: "ratio", bound: "≥", value: 0.5 }
      },
      { what, median, unit, ratio: { to: "node:net, a write a read", value: ratioTo("a write a read") } }
    )
  }
  return rows
}

if (process.argv[1] === import.meta.filename) {
  const kind = kinds.find((name) => name === process.argv[2])
  if (kind !== undefined) serve(kind)
}
