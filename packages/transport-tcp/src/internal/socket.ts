/**
 * The one place that opens Node's sockets: listening, dialling, aborting, and what the system's error codes mean.
 *
 * Why `node:net` and not Effect's `Socket`: what a link promises lies outside of that interface. It cannot reset a
 * connection; it does not notice the far end's close while bytes wait that nobody has pulled; a write after its reader's
 * scope has closed never resolves; it cannot refuse a connection without a fiber. Each can be had by reaching round it
 * for Node's socket, and then it carries nothing. Measured (one process, 64-byte frames, messages per CPU-second against
 * a raw socket with the same batches): a link over `NodeSocket` 0.75–0.83 in batches of 16 and 0.93 in batches of 64,
 * over `node:net` with one write a turn 1.5 and 1.1.
 *
 * The same holds for TLS (`tls.ts`), and two reasons more: Effect's TLS server takes a connection's certificate check and
 * its failure to itself, so that nobody could say or count why one was refused; and it cannot take new certificates.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { DialFailure } from "@hyparview/runtime/Transport"
import { DialError, TransportError } from "@hyparview/runtime/Transport"
import { closeSync, openSync } from "node:fs"
import * as Net from "node:net"
import { devNull } from "node:os"
import * as Address from "../Address.ts"
import type { TcpConfig } from "../TcpConfig.ts"

/** What both ends set: a close by the far end must not close ours before we have looked at what came with it. */
const socketOptions = (config: TcpConfig) => ({
  allowHalfOpen: true,
  noDelay: config.noDelay,
  keepAlive: config.keepAliveMillis > 0,
  keepAliveInitialDelay: config.keepAliveMillis
})

export const codeOf = (error: Error): string => ("code" in error && typeof error.code === "string" ? error.code : "")

/**
 * Drops a connection: the far end sees a reset, and nothing waits in the kernel. Not so one whose last byte and end the
 * kernel has taken: libuv refuses to reset it (`uv_tcp_close_reset` after a shutdown), and Node would keep the descriptor
 * for ever. There is nothing left to take back then, and it is closed. One that still has bytes to write is reset, for
 * an end behind missing frames would pass for a close in order.
 */
export const abort = ({ raw, socket }: { readonly raw: Net.Socket; readonly socket: Net.Socket }): void => {
  if (raw.destroyed) return
  if (socket.writableEnded && socket.writableLength === 0) socket.destroy()
  // What TLS has wrapped cannot be reset; the connection beneath it can, and takes it along.
  else raw.resetAndDestroy()
}

/** The far end as the kernel names it; a connection that is already gone has none. */
export const remoteAddressOf = (connection: Net.Socket): string =>
  connection.remoteAddress === undefined || connection.remotePort === undefined
    ? "unknown"
    : Address.format({ host: connection.remoteAddress, port: connection.remotePort })

/**
 * `EMFILE` and `ENFILE`: descriptors; `EADDRNOTAVAIL`: no local port is left; `ENOBUFS`, `ENOMEM`: the kernel's memory.
 */
const dialFailures: Readonly<Record<string, DialFailure>> = {
  ECONNREFUSED: "refused",
  ECONNRESET: "refused",
  ETIMEDOUT: "timeout",
  EMFILE: "limit",
  ENFILE: "limit",
  ENOBUFS: "limit",
  ENOMEM: "limit",
  EADDRNOTAVAIL: "limit"
}

/** `getaddrinfo` does not say that it lacked a descriptor to ask with: it says that there is no such name. */
const lookupFailures: ReadonlySet<string> = new Set(["ENOTFOUND", "EAI_AGAIN"])

/** The failure of whoever wants a descriptor now, if that is that there is none. */
export const lackOfDescriptors = (): Error | undefined => {
  try {
    closeSync(openSync(devNull, "r"))
    return undefined
  } catch (error) {
    return error instanceof Error && dialFailures[codeOf(error)] === "limit" ? error : undefined
  }
}

/** What this machine lacks, by the code of the failure, in words by which whoever looks after it knows what to do. */
export const lacks: Readonly<Record<string, string>> = {
  EMFILE: "no file descriptor is left; let this process open more files (ulimit -n, LimitNOFILE)",
  ENFILE: "no file descriptor is left on this machine; let it open more files (fs.file-max)",
  EADDRNOTAVAIL: "no local port is left, or no address to dial from (net.ipv4.ip_local_port_range, the interfaces)"
}

const dialError = (address: string, error: Error): DialError => {
  const lack = lookupFailures.has(codeOf(error)) ? lackOfDescriptors() : undefined
  const said = error.message || codeOf(error)
  const known = lacks[codeOf(error)]
  const detail = known === undefined ? said : `${known}: ${said}`
  return lack === undefined
    ? new DialError({ address, reason: dialFailures[codeOf(error)] ?? "unreachable", detail })
    : new DialError({ address, reason: "limit", detail: `${detail}, for want of descriptors (${codeOf(lack)})` })
}

/** Begins to open a connection. An error that nobody waits for is not the process's. */
export const openConnection = (address: Address.Address, config: TcpConfig): Net.Socket =>
  Net.createConnection({ host: address.host, port: address.port, ...socketOptions(config) }).on("error", () => {})

/** Waits until a connection that was begun is open. Interrupting it leaves the connection to the caller. */
export const awaitOpen = (connection: Net.Socket, text: string): Effect.Effect<void, DialError> =>
  Effect.callback<void, DialError>((resume) => {
    const stop = (): void => {
      connection.off("connect", onConnect)
      connection.off("error", onError)
    }
    const onConnect = (): void => {
      stop()
      resume(Effect.void)
    }
    const onError = (error: Error): void => {
      stop()
      resume(Effect.fail(dialError(text, error)))
    }
    connection.on("connect", onConnect)
    connection.on("error", onError)
    return Effect.sync(stop)
  })

const listenDetails: Readonly<Record<string, string>> = {
  EADDRINUSE: "the port is in use",
  EACCES: "not allowed to listen on this port",
  EADDRNOTAVAIL: "the host is not an address of this machine",
  ENOTFOUND: "the host does not exist",
  EAI_AGAIN: "the host's name could not be looked up",
  EMFILE: "no file descriptor is left"
}

const transportError = (config: TcpConfig, error: Error): TransportError => {
  const detail = listenDetails[codeOf(error)]
  return new TransportError({
    address: Address.format(config),
    detail: detail === undefined ? error.message : `${detail} (${error.message})`
  })
}

/** A listening socket. */
export interface Listener {
  readonly port: number
}

/**
 * Listens until the scope closes. Closing frees the port at once, runs `close`, which ends the connections, and waits
 * until every accepted one is gone.
 */
export const listen = (
  config: TcpConfig,
  on: {
    readonly connection: (connection: Net.Socket) => void
    readonly error: (error: Error) => void
    readonly close: Effect.Effect<void>
  }
): Effect.Effect<Listener, TransportError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<Net.Server, TransportError>((resume) => {
      const server = Net.createServer(socketOptions(config))
      const onError = (error: Error): void => resume(Effect.fail(transportError(config, error)))
      server.on("error", onError)
      server.on("connection", on.connection)
      server.listen({ host: config.host, port: config.port, exclusive: true }, () => {
        server.off("error", onError)
        server.on("error", on.error)
        resume(Effect.succeed(server))
      })
      return Effect.sync(() => {
        server.close()
      })
    }),
    (server) => {
      const closed = Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
      })
      return Effect.all([closed, on.close], { concurrency: "unbounded", discard: true })
    },
    { interruptible: true }
  ).pipe(
    Effect.flatMap((server) => {
      const bound = server.address()
      return bound === null || typeof bound === "string"
        ? Effect.fail(new TransportError({ address: Address.format(config), detail: "no port was bound" }))
        : Effect.succeed({ port: bound.port })
    })
  )
