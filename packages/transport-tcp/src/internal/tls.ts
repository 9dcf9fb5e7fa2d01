/**
 * TLS between a TCP connection and a link. Both ends must show a certificate that an authority of ours has signed, and
 * that names a node of our cluster; whoever it names is the far end.
 *
 * At the accepting end Node does not end a connection whose certificate does not pass, but hands it over with the
 * verdict, which is read here: Node would end it without saying whose it was or why. Nothing is read from a connection
 * before.
 *
 * Sessions are never resumed, for a resumed one shows no certificate: one that has expired since, or whose authority is
 * trusted no more, would pass. We offer none, remember none, and refuse one that is resumed all the same.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { DialError } from "@hyparview/runtime/Transport"
import type { Socket } from "node:net"
import type { Server, TLSSocket } from "node:tls"
import { connect, createServer } from "node:tls"
import * as CertificateName from "../CertificateName.ts"
import type { TcpConfig } from "../TcpConfig.ts"
import type { Credentials } from "./credentials.ts"
import type { Refusals, Refused } from "./refusals.ts"
import { hungUp, ofError, ofVerdict } from "./refusals.ts"
import type { Connection, Security } from "./security.ts"
import { abort, remoteAddressOf } from "./socket.ts"

/** An accepted connection in its handshake. */
interface Waiting {
  readonly raw: Socket
  readonly far: string
  readonly ready: (connection: Connection) => void
  refused: boolean
}

/**
 * Both ends of a connection, which no other has in common with it at the same time: a socket that listens on every
 * address of its machine may have two connections from one address and port. One that is already gone has no far end.
 */
const endsOf = ({ localAddress, localPort, remoteAddress, remotePort }: Socket): string =>
  `${localAddress} ${localPort} ${remoteAddress} ${remotePort}`

export class TlsSecurity implements Security {
  readonly #refusals: Refusals
  /** Shakes hands on connections that are handed to it; it does not listen. */
  readonly #server: Server
  /** By their ends, which are all that Node's events have in common with the connection that was handed over. */
  readonly #waiting = new Map<string, Waiting>()
  #credentials: Credentials

  constructor(credentials: Credentials, config: TcpConfig, refusals: Refusals) {
    this.#refusals = refusals
    this.#credentials = credentials
    this.#server = createServer({
      ...credentials.contextOptions,
      requestCert: true,
      rejectUnauthorized: false,
      // The transport's own time-out comes first, and covers the first frame too.
      handshakeTimeout: 2 * config.handshakeTimeoutMillis
    })
    this.#server.on("secureConnection", (socket) => this.#onSecured(socket))
    this.#server.on("tlsClientError", (error, socket) => this.#onFailed(error, socket))
  }

  /** From now on new connections use these. */
  renew(credentials: Credentials): void {
    this.#server.setSecureContext(credentials.contextOptions)
    this.#credentials = credentials
  }

  readonly accept = (raw: Socket, ready: (connection: Connection) => void): void => {
    const ends = endsOf(raw)
    const former = this.#waiting.get(ends)
    // Whose ends are used again is gone, though its end has not reached us; and so is who has none any more.
    if (former !== undefined) abort({ raw: former.raw, socket: former.raw })
    const waiting: Waiting = { raw, far: remoteAddressOf(raw), ready, refused: false }
    this.#waiting.set(ends, waiting)
    raw.on("close", () => {
      if (this.#waiting.get(ends) !== waiting) return
      this.#waiting.delete(ends)
      this.#report(waiting, { reason: "hungUp", detail: "" })
    })
    // An end of the connection ends its handshake; after that the far end may end before we do.
    raw.allowHalfOpen = false
    this.#server.emit("connection", raw)
  }

  readonly giveUp = (raw: Socket, why: "stalled" | "closing"): void => {
    const waiting = this.#waiting.get(endsOf(raw))
    if (waiting?.raw === raw) {
      if (why === "stalled") this.#report(waiting, { reason: "stalled", detail: "" })
      waiting.refused = true
    }
    abort({ raw, socket: raw })
  }

  #onSecured(socket: TLSSocket): void {
    socket.on("error", () => {})
    const ends = endsOf(socket)
    const waiting = this.#waiting.get(ends)
    if (waiting === undefined) {
      socket.destroy()
      return
    }
    const { raw } = waiting
    const id = this.#farEnd(socket)
    if (Result.isFailure(id)) {
      this.#report(waiting, id.failure)
      abort({ raw, socket: raw })
      return
    }
    this.#waiting.delete(ends)
    socket.allowHalfOpen = true
    waiting.ready({ socket, raw, authenticatedId: id.success, marksEnd: true, earlyEndDetail: "" })
  }

  #onFailed(error: Error, socket: TLSSocket): void {
    socket.on("error", () => {})
    const waiting = this.#waiting.get(endsOf(socket))
    // Node ends the connection itself, with an alert that tells the far end why.
    if (waiting !== undefined) this.#report(waiting, ofError(error))
  }

  /** Once for each connection. */
  #report(waiting: Waiting, refused: Refused): void {
    if (waiting.refused) return
    waiting.refused = true
    this.#refusals.report("accepted", waiting.far, refused)
  }

  /** Who is at the far end of a connection whose handshake is done. */
  #farEnd(socket: TLSSocket): Result.Result<string, Refused> {
    const certificate = socket.getPeerX509Certificate()
    if (certificate === undefined) return Result.fail({ reason: "noCertificate", detail: "" })
    if (!socket.authorized) return Result.fail(ofVerdict(String(socket.authorizationError)))
    if (socket.isSessionReused()) return Result.fail({ reason: "resumed", detail: "" })
    const name = CertificateName.ofCertificate(certificate)
    if (Result.isFailure(name)) return Result.fail({ reason: "noName", detail: name.failure.detail })
    const { cluster, id } = name.success
    return cluster === this.#credentials.name.cluster
      ? Result.succeed(id)
      : Result.fail({
          reason: "otherCluster",
          detail: `${JSON.stringify(id)} is of cluster ${JSON.stringify(cluster)}`
        })
  }

  readonly dial = (raw: Socket, address: string): Effect.Effect<Connection, DialError> =>
    Effect.callback<Connection, DialError>((resume) => {
      const socket = connect({
        socket: raw,
        secureContext: this.#credentials.context,
        rejectUnauthorized: true,
        // The name that counts is looked at below, and addresses come and go.
        checkServerIdentity: () => undefined
      })
      const stop = (): void => {
        socket.off("secureConnect", onSecured)
        socket.off("error", onError)
        socket.off("close", onClose)
      }
      const refuse = (refused: Refused): void => {
        stop()
        resume(Effect.fail(this.#cannotDial(address, refused)))
      }
      const onError = (error: Error): void => refuse(ofError(error))
      const onClose = (): void => refuse(hungUp)
      const onSecured = (): void => {
        stop()
        const id = this.#farEnd(socket)
        if (Result.isFailure(id)) return refuse(id.failure)
        const earlyEndDetail =
          "the far end said nothing: it may not accept this node's certificate, and its log says so"
        resume(Effect.succeed({ socket, raw, authenticatedId: id.success, marksEnd: true, earlyEndDetail }))
      }
      socket.on("error", () => {})
      socket.on("secureConnect", onSecured)
      socket.on("error", onError)
      socket.on("close", onClose)
      return Effect.sync(stop)
    })

  #cannotDial(address: string, refused: Refused): DialError {
    this.#refusals.report("dialed", address, refused)
    const { detail, reason } = refused
    return new DialError({
      address,
      reason: reason === "hungUp" ? "refused" : "untrusted",
      detail: detail === "" ? `TLS: ${reason}` : `TLS: ${reason}: ${detail}`
    })
  }
}
