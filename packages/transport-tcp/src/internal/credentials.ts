/**
 * A node's certificate, its key and its authority: read, and checked before they are used, so that whoever set them up is
 * told which file is wrong and why, and not every peer in turn.
 *
 * What decides whom a link may speak with is OpenSSL's own check, in the handshake. What is checked here is our own side.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Formatter from "effect/Formatter"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { constants, createPrivateKey, X509Certificate } from "node:crypto"
import { open, stat } from "node:fs/promises"
import type { SecureContext, SecureContextOptions } from "node:tls"
import { createSecureContext } from "node:tls"
import * as CertificateName from "../CertificateName.ts"
import type { CertificateFault, Pem, TlsOptions } from "../TlsConfig.ts"
import { CertificateError } from "../TlsConfig.ts"

/** Texts and certificates that go together. */
export interface Credentials {
  /** What a handshake is done with, and the options to make another such. */
  readonly context: SecureContext
  readonly contextOptions: SecureContextOptions
  readonly name: CertificateName.CertificateName
  readonly notBeforeMillis: number
  readonly notAfterMillis: number
}

type Option = CertificateError["option"]

/** Where one of the three comes from. */
interface Source {
  readonly option: Option
  readonly path: string | undefined
  readonly text: string | undefined
}

export type Sources = Readonly<Record<Option, Source>>

type Checked<A> = Result.Result<A, CertificateError>

/** A certificate and its chain are some kilobytes; a bundle of many authorities some hundred. */
const maxBytes = 1024 * 1024

const wrong = ({ option, path }: Source, reason: CertificateFault, detail: string): CertificateError =>
  new CertificateError({ option, path, reason, detail })

/** Without its value: it may be a key. */
const notText = (option: Option, detail: string): Checked<never> =>
  Result.fail(wrong({ option, path: undefined, text: undefined }, "malformed", detail))

const sourceOf = (option: Option, pem: Pem): Checked<Source> => {
  const text: unknown = Redacted.isRedacted(pem) ? Redacted.value(pem) : pem
  if (text === undefined) return notText(option, "it is not given; the path of a PEM file, or its text, belongs here")
  if (text instanceof Uint8Array) {
    return notText(option, 'it is bytes and not text; read the file as "utf8", or give its path')
  }
  if (typeof text !== "string")
    return notText(option, "it is no text; the path of a PEM file, or its text, belongs here")
  if (text === "") return notText(option, "it is empty; the path of a PEM file, or its text, belongs here")
  return Result.succeed(
    text.includes("-----BEGIN") ? { option, path: undefined, text } : { option, path: text, text: undefined }
  )
}

export const sourcesOf = ({ ca, cert, key }: TlsOptions): Checked<Sources> =>
  Result.all({ cert: sourceOf("cert", cert), key: sourceOf("key", key), ca: sourceOf("ca", ca) })

const advice: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "this process may not read it",
  EISDIR: "it is a directory"
}

const unreadable = (source: Source, error: unknown): CertificateError => {
  const code = error instanceof Error && "code" in error ? String(error.code) : ""
  return wrong(source, "unreadable", advice[code] ?? String(error))
}

const readFile = async (path: string): Promise<string> => {
  const file = await open(path, "r")
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(maxBytes + 1), 0, maxBytes + 1, 0)
    if (bytesRead > maxBytes) throw new Error(`it is larger than ${maxBytes} bytes`)
    return buffer.toString("utf8", 0, bytesRead)
  } finally {
    await file.close()
  }
}

/** What changes when a file does, or who may read it; for a text, always the same. */
const stampOf = (source: Source): Effect.Effect<string, CertificateError> => {
  const { path } = source
  if (path === undefined) return Effect.succeed("")
  return Effect.tryPromise({
    try: async () => {
      const { ctimeNs, ino, isFile, mtimeNs, size } = await stat(path, { bigint: true }).then((stats) => ({
        ...stats,
        isFile: stats.isFile()
      }))
      // A pipe would keep us waiting for ever.
      if (!isFile) throw new Error("it is not a file")
      return `${ino} ${size} ${mtimeNs} ${ctimeNs}`
    },
    catch: (error) => unreadable(source, error)
  })
}

const textOf = (source: Source): Effect.Effect<string, CertificateError> => {
  const { path, text } = source
  if (path === undefined) return Effect.succeed(text ?? "")
  return Effect.tryPromise({ try: () => readFile(path), catch: (error) => unreadable(source, error) })
}

/** The files as they are now, to be compared with how they were. An unreadable one has a stamp of its own. */
export const stamps = (sources: Sources): Effect.Effect<string> =>
  Effect.map(
    Effect.forEach([sources.cert, sources.key, sources.ca], (source) =>
      Effect.catch(stampOf(source), (error) => Effect.succeed(error.detail))
    ),
    (all) => all.join("\n")
  )

const block = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[^-]*-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g

const begin = /-----BEGIN [A-Z0-9 ]*CERTIFICATE-----/g

const certificatesIn = (source: Source, text: string): Checked<readonly [X509Certificate, ...Array<X509Certificate>]> =>
  Result.try({
    try: () => {
      const blocks = text.match(block) ?? []
      const [first, ...rest] = blocks.map((pem) => new X509Certificate(pem))
      if (first === undefined) throw new Error("it holds no certificate")
      if (blocks.length !== text.match(begin)?.length) throw new Error("one of its certificates is cut off")
      return [first, ...rest] as const
    },
    catch: (error) =>
      wrong(
        source,
        "malformed",
        `${error instanceof Error ? error.message : String(error)}; a PEM certificate, which begins with -----BEGIN CERTIFICATE-----, belongs here`
      )
  })

const checkKey = (source: Source, text: string, certificate: X509Certificate): Checked<void> =>
  Result.gen(function* () {
    const key = yield* Result.try({
      try: () => createPrivateKey(text),
      catch: () =>
        wrong(
          source,
          "malformed",
          text.includes("ENCRYPTED")
            ? "the key is encrypted; give it without a passphrase, in a file that only this user may read"
            : "it holds no private key; PEM, which begins with -----BEGIN PRIVATE KEY-----, belongs here"
        )
    })
    if (!certificate.checkPrivateKey(key)) {
      return yield* Result.fail(
        wrong(source, "keyMismatch", "it is not the key of the certificate in cert; the two are made together")
      )
    }
  })

const checkTime = (source: Source, certificate: X509Certificate, nowMillis: number): Checked<void> => {
  if (certificate.validFromDate.getTime() > nowMillis) {
    return Result.fail(
      wrong(source, "notYetValid", `valid from ${certificate.validFrom}; is this machine's clock right?`)
    )
  }
  return certificate.validToDate.getTime() < nowMillis
    ? Result.fail(
        wrong(
          source,
          "expired",
          `expired on ${certificate.validTo}; issue a new one, if the clock of this machine is right`
        )
      )
    : Result.succeed(undefined)
}

const isIssuedBy = (certificate: X509Certificate, issuer: X509Certificate): boolean =>
  certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)

/** Whether a way leads from the certificate over the others of its chain to an authority. */
const isSigned = (
  certificate: X509Certificate,
  chain: ReadonlyArray<X509Certificate>,
  authorities: ReadonlyArray<X509Certificate>
): boolean => {
  let at = certificate
  const left = new Set(chain)
  while (!authorities.some((authority) => isIssuedBy(at, authority))) {
    const next = [...left].find((issuer) => issuer.ca && isIssuedBy(at, issuer))
    if (next === undefined) return false
    left.delete(next)
    at = next
  }
  return true
}

/** Extended key usages. A certificate without any may be used for everything. */
const purposes: ReadonlyArray<readonly [oid: string, name: string]> = [
  ["1.3.6.1.5.5.7.3.1", "servers"],
  ["1.3.6.1.5.5.7.3.2", "clients"]
]

const checkPurpose = (source: Source, certificate: X509Certificate): Checked<void> => {
  // Node's types leave out that it is undefined where there is none.
  const allowed: ReadonlyArray<string> | undefined = certificate.keyUsage
  const missing = allowed === undefined ? undefined : purposes.find(([oid]) => !allowed.includes(oid))
  return missing === undefined
    ? Result.succeed(undefined)
    : Result.fail(
        wrong(
          source,
          "purpose",
          `it may not be used by ${missing[1]}; a node is both a server and a client (serverAuth, clientAuth)`
        )
      )
}

const checkName = (
  source: Source,
  certificate: X509Certificate,
  wanted: Pick<TlsOptions, "cluster" | "id">
): Checked<CertificateName.CertificateName> =>
  Result.gen(function* () {
    const name = yield* Result.mapError(CertificateName.ofCertificate(certificate), (error) =>
      wrong(source, "noName", `${error.detail}; issue one with the node's id`)
    )
    for (const part of ["id", "cluster"] as const) {
      const want = wanted[part]
      if (want !== undefined && want !== name[part]) {
        const detail = `its ${part} is ${JSON.stringify(name[part])}, this node's is ${Formatter.format(want)}`
        return yield* Result.fail(wrong(source, "otherName", detail))
      }
    }
    return name
  })

const checkContext = (source: Source, contextOptions: SecureContextOptions): Checked<SecureContext> =>
  Result.try({
    try: () => createSecureContext(contextOptions),
    catch: (error) => wrong(source, "malformed", `OpenSSL does not take it: ${String(error)}`)
  })

const check = (
  sources: Sources,
  pem: Readonly<Record<Option, string>>,
  wanted: Pick<TlsOptions, "cluster" | "id">,
  nowMillis: number
): Checked<Credentials> =>
  Result.gen(function* () {
    const authorities = yield* certificatesIn(sources.ca, pem.ca)
    const [certificate, ...chain] = yield* certificatesIn(sources.cert, pem.cert)
    if (!authorities.every((authority) => authority.ca)) {
      return yield* Result.fail(
        wrong(sources.ca, "notAuthority", "a certificate in it is no authority's; is it a node's, put here by mistake?")
      )
    }
    yield* checkKey(sources.key, pem.key, certificate)
    const name = yield* checkName(sources.cert, certificate, wanted)
    yield* checkTime(sources.cert, certificate, nowMillis)
    yield* checkPurpose(sources.cert, certificate)
    // One that has expired may stand beside the one that has followed it.
    const usable = authorities.filter((authority) => Result.isSuccess(checkTime(sources.ca, authority, nowMillis)))
    if (usable.length === 0) yield* checkTime(sources.ca, authorities[0], nowMillis)
    if (!isSigned(certificate, chain, usable)) {
      return yield* Result.fail(
        wrong(sources.cert, "untrusted", "the authority in ca has not signed it; peers would refuse this node")
      )
    }
    const contextOptions: SecureContextOptions = {
      ...pem,
      minVersion: "TLSv1.3",
      maxVersion: "TLSv1.3",
      // Without tickets the server would have to remember sessions, and nobody tells it to.
      secureOptions: constants.SSL_OP_NO_TICKET
    }
    return {
      context: yield* checkContext(sources.cert, contextOptions),
      contextOptions,
      name,
      notBeforeMillis: certificate.validFromDate.getTime(),
      notAfterMillis: certificate.validToDate.getTime()
    }
  })

/** Reads and checks all three. */
export const load = Effect.fnUntraced(function* (
  sources: Sources,
  wanted: Pick<TlsOptions, "cluster" | "id">
): Effect.fn.Return<Credentials, CertificateError> {
  yield* Effect.forEach([sources.cert, sources.key, sources.ca], stampOf, { discard: true })
  const pem = {
    cert: yield* textOf(sources.cert),
    key: yield* textOf(sources.key),
    ca: yield* textOf(sources.ca)
  }
  return yield* Effect.fromResult(check(sources, pem, wanted, yield* Clock.currentTimeMillis))
})
