/** Certificates good and odd, and far ends on Node's own TLS. */
import "reflect-metadata"
import * as X509 from "@peculiar/x509"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { randomBytes, webcrypto } from "node:crypto"
import type { ConnectionOptions, TlsOptions as NodeTlsOptions, TLSSocket } from "node:tls"
import { connect, createServer } from "node:tls"
import * as Address from "@hyparview/transport-tcp/Address"
import * as Certificates from "@hyparview/transport-tcp/Certificates"
import { addressOf } from "./kit.ts"

export const cluster = "test"

/** What a transport or Node's TLS is given to be somebody. */
export interface Credentials {
  readonly cert: string
  readonly key: string
  readonly ca: string
}

export const credentials = (authority: Certificates.Issued, node: Certificates.Issued): Credentials => ({
  cert: node.certificate,
  key: Redacted.value(node.key),
  ca: authority.certificate
})

/** A node's credentials under an authority. */
export const member = (authority: Certificates.Issued, id: string, more: Partial<Certificates.NodeOptions> = {}) =>
  Effect.map(Certificates.issue(authority, { id, cluster, ...more }), (node) => credentials(authority, node))

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const

const hour = 60 * 60 * 1000

/** What differs from a node's ordinary certificate. */
export interface Oddity {
  readonly names?: X509.JsonGeneralNames
  readonly usages?: ReadonlyArray<string>
  /** By its own key, in nobody's name but its own. */
  readonly signedByItself?: true
  /** Hours from now. */
  readonly valid?: readonly [from: number, to: number]
}

/** A certificate as `Certificates` would not issue it. */
export const odd = (authority: Certificates.Issued, { names, signedByItself, usages, valid = [-1, 1] }: Oddity) =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    return yield* Effect.promise(async () => {
      const issuer = new X509.X509Certificate(authority.certificate)
      const pkcs8 = X509.PemConverter.decodeFirst(Redacted.value(authority.key))
      const signingKey = await webcrypto.subtle.importKey("pkcs8", pkcs8, algorithm, false, ["sign"])
      const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"])
      const certificate = await X509.X509CertificateGenerator.create({
        serialNumber: `4${randomBytes(8).toString("hex")}`,
        subject: "CN=odd",
        issuer: signedByItself === true ? "CN=odd" : issuer.subjectName,
        notBefore: new Date(now + valid[0] * hour),
        notAfter: new Date(now + valid[1] * hour),
        signingAlgorithm: algorithm,
        publicKey: keys.publicKey,
        signingKey: signedByItself === true ? keys.privateKey : signingKey,
        extensions: [
          ...(names === undefined ? [] : [new X509.SubjectAlternativeNameExtension(names)]),
          ...(usages === undefined ? [] : [new X509.ExtendedKeyUsageExtension([...usages])])
        ]
      })
      const key = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)
      return credentials(authority, {
        certificate: certificate.toString("pem"),
        key: Redacted.make(X509.PemConverter.encode(key, "PRIVATE KEY"))
      })
    })
  })

export const nodeName = (id: string, of = cluster): X509.JsonGeneralNames => [
  { type: "url", value: `hyparview://${of}/${id}` }
]

/** A client on Node's own TLS, destroyed with the scope. Fails with whatever its handshake fails with. */
export const tlsConnect = (
  address: string,
  options: ConnectionOptions
): Effect.Effect<TLSSocket, NodeJS.ErrnoException, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<TLSSocket, NodeJS.ErrnoException>((resume) => {
      const socket = connect({ ...addressOf(address), checkServerIdentity: () => undefined, ...options })
      socket.once("error", (error) => resume(Effect.fail(error)))
      socket.once("secureConnect", () => {
        socket.on("error", () => {})
        resume(Effect.succeed(socket))
      })
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )

/** A server on Node's own TLS that takes anybody. All of it ends with the scope. */
export const tlsServer = (
  options: NodeTlsOptions,
  accept: (socket: TLSSocket) => void = () => {}
): Effect.Effect<string, never, Scope.Scope> => {
  const sockets = new Set<TLSSocket>()
  return Effect.acquireRelease(
    Effect.callback<ReturnType<typeof createServer>>((resume) => {
      const server = createServer({ requestCert: true, rejectUnauthorized: false, ...options }, (socket) => {
        sockets.add(socket)
        socket.on("error", () => {})
        accept(socket)
      })
      server.on("tlsClientError", (_, socket) => socket.on("error", () => {}))
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.sync(() => {
        for (const socket of sockets) socket.destroy()
        server.close()
      })
  ).pipe(
    Effect.map((server) => {
      const bound = server.address()
      return Address.format({
        host: "127.0.0.1",
        port: bound === null || typeof bound === "string" ? 0 : bound.port
      })
    })
  )
}

/** The far end's last word to a client: the end of the connection, or the error that ended it. */
export const endOf = (socket: TLSSocket): Effect.Effect<string> =>
  Effect.callback<string>((resume) => {
    socket.on("error", (error) => resume(Effect.succeed(`${"code" in error ? String(error.code) : error.message}`)))
    socket.on("close", () => resume(Effect.succeed("closed")))
    socket.resume()
  })
