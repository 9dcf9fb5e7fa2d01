/** Far ends that are not the transport: raw sockets on loopback, servers that never read, ports that never answer; and looks. */
import type { Transport, TransportError } from "@hyparview/runtime/Transport"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { AddressInfo, Server, Socket } from "node:net"
import { createConnection, createServer } from "node:net"
import { Worker } from "node:worker_threads"
import * as Address from "@hyparview/transport-tcp/Address"

export const prefixed = (frame: Uint8Array, announcedBytes = frame.length): Uint8Array => {
  const bytes = Buffer.alloc(4 + frame.length)
  bytes.writeUInt32BE(announcedBytes)
  bytes.set(frame, 4)
  return bytes
}

export const addressOf = (text: string): Address.Address => {
  const { _tag, ...parsed } = Address.parse(text)
  if (_tag === "Failure" || !("success" in parsed)) throw new Error(`${text} is no address`)
  return parsed.success
}

/** A connected socket, destroyed with the scope. */
export const rawConnect = (address: string): Effect.Effect<Socket, Error, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<Socket, Error>((resume) => {
      const socket = createConnection({ ...addressOf(address), noDelay: true, allowHalfOpen: true })
      socket.once("error", (error) => resume(Effect.fail(error)))
      socket.once("connect", () => {
        socket.on("error", () => {})
        resume(Effect.succeed(socket))
      })
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )

export const rawWrite = (socket: Socket, bytes: Uint8Array): Effect.Effect<void> =>
  Effect.callback((resume) => {
    socket.write(bytes, () => resume(Effect.void))
  })

const portOf = (server: Server): number => {
  const bound: AddressInfo | string | null = server.address()
  return bound === null || typeof bound === "string" ? 0 : bound.port
}

/** A server that hands each connection, paused, to `accept`. All of it ends with the scope. */
export const rawServer = (
  host: string,
  accept: (socket: Socket) => void = () => {}
): Effect.Effect<string, never, Scope.Scope> => {
  const sockets = new Set<Socket>()
  return Effect.acquireRelease(
    Effect.callback<Server>((resume) => {
      const server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, (socket) => {
        sockets.add(socket)
        socket.on("error", () => {})
        accept(socket)
      })
      server.listen(0, host, () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.sync(() => {
        for (const socket of sockets) socket.destroy()
        server.close()
      })
  ).pipe(Effect.map((server) => Address.format({ host, port: portOf(server) })))
}

/**
 * Where nobody listens, nor can anybody for the life of the scope: the port belongs to the near end of a connection.
 */
export const refusingAddress = (host: string): Effect.Effect<string, Error, Scope.Scope> =>
  Effect.gen(function* () {
    const { localPort } = yield* rawConnect(yield* rawServer(host))
    return Address.format({ host, port: localPort ?? 0 })
  })

/**
 * For who listens at a port that is known beforehand: one that was free a moment ago, and another one where somebody else has taken it
 * meanwhile.
 */
export const atFreeAddress = <A, E, R>(
  host: string,
  use: (address: Address.Address) => Effect.Effect<A, E | TransportError, R>
): Effect.Effect<A, E | TransportError, R> =>
  Effect.scoped(rawServer(host)).pipe(
    Effect.flatMap((address) => use(addressOf(address))),
    Effect.retry({ times: 9, while: Predicate.isTagged("TransportError") })
  )

const deafListener = `
  const { parentPort, workerData } = require("node:worker_threads")
  const server = require("node:net").createServer()
  server.listen({ host: workerData, port: 0, backlog: 1 }, () => {
    parentPort.postMessage(server.address().port)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  })
`

/** A listening thread that accepts nothing, with a full backlog: the kernel drops every further SYN. */
export const deafAddress = (host: string): Effect.Effect<string, Error, Scope.Scope> =>
  Effect.gen(function* () {
    const worker = yield* Effect.acquireRelease(
      Effect.sync(() => new Worker(deafListener, { eval: true, workerData: host })),
      (worker) => Effect.promise(() => worker.terminate())
    )
    const port = yield* Effect.callback<number>((resume) => {
      worker.once("message", (message: number) => resume(Effect.succeed(message)))
    })
    const address = Address.format({ host, port })
    // Linux keeps one connection more than the backlog says.
    yield* rawConnect(address)
    yield* rawConnect(address)
    return address
  })

/** The next link that a transport accepts. */
export const nextAccepted = (transport: Transport["Service"]) =>
  Effect.flatMap(Stream.runHead(transport.accepted), Effect.fromOption)

/** With metrics that count nobody else. */
export const alone = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.provideService(effect, Metric.MetricRegistry, new Map())

/** The middle one. */
export const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN

/** What the system still holds for sockets, once those that are closing have closed. */
export const openSockets = Effect.gen(function* () {
  for (let turn = 0; turn < 5; turn++)
    yield* Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))
  return process.getActiveResourcesInfo().filter((kind) => /TCP|Connect|GetAddrInfo|Shutdown|Write/.test(kind))
})
