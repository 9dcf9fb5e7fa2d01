/**
 * Makes certificates for nodes, and an authority to sign them: enough for development, for tests, and for a small cluster
 * of one's own. Whoever has an authority already issues with it; what a node's certificate must hold is in
 * `CertificateName` and `TlsConfig.CertificateFault`.
 *
 * An entry point of its own, `@hyparview/transport-tcp/Certificates`, and not a part of the package's index: it loads an
 * X.509 library (`@peculiar/x509`, on Web Crypto), which a node that only uses certificates can do without.
 *
 * Keys are ECDSA on P-256. Measured here against Ed25519, a mutual handshake of TLS 1.3 in Node, both ends: 1.95 and 2.05
 * milliseconds of processor time; and P-256 is what every client takes.
 *
 * @since 0.1.0
 */
// The X.509 library's dependency injection wants it, before the library itself.
import "reflect-metadata"
import * as X509 from "@peculiar/x509"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { createPrivateKey, type KeyObject, randomBytes, webcrypto, X509Certificate } from "node:crypto"
import { isIP } from "node:net"
import { isHost } from "./Address.ts"
import * as CertificateName from "./CertificateName.ts"

/**
 * A certificate and its private key, both PEM.
 *
 * @category models
 * @since 0.1.0
 */
export interface Issued {
  readonly certificate: string
  readonly key: Redacted.Redacted<string>
}

/**
 * How long a certificate is valid, from five minutes ago, since clocks differ.
 *
 * @category models
 * @since 0.1.0
 */
export interface Validity {
  /**
   * Days from now, above 0 to 36,500; fractions are allowed. Default 365. A node's certificate ends with its
   * authority's.
   */
  readonly days?: number | undefined
}

/**
 * How an authority is made.
 *
 * @category models
 * @since 0.1.0
 */
export interface AuthorityOptions extends Validity {
  /** What people call it, 1 to 64 characters. Default `hyparview development authority`. */
  readonly name?: string | undefined
}

/**
 * What a node's certificate is to say.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeOptions extends Validity {
  /** The node's id, 1 to 255 bytes of UTF-8. */
  readonly id: string
  /** The cluster's name, 1 to 255 bytes of UTF-8. */
  readonly cluster: string
  /** Host names and IP addresses that other programs know the node by, up to 100. Nodes do not look at them. */
  readonly hosts?: ReadonlyArray<string> | undefined
}

/**
 * No certificate was made: an option is out of its bounds, or is none, or the authority cannot sign.
 *
 * @category errors
 * @since 0.1.0
 */
export class IssueError extends Data.TaggedError("IssueError")<{
  readonly about: "name" | "id" | "hosts" | "days" | "authority" | "certificate" | "options"
  readonly detail: string
}> {
  override get message(): string {
    return `${this.about}: ${this.detail}`
  }
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const

const dayMillis = 24 * 60 * 60 * 1000
const skewMillis = 5 * 60 * 1000
const maxDays = 36_500
const maxHosts = 100

/** The upper bound of a common name, in characters. It is for people; the name that counts is in the URI. */
const commonName = (text: string): string => Array.from(text).slice(0, 64).join("")

const serialNumber = (): string => {
  const bytes = randomBytes(16)
  // Positive, and without a leading zero.
  return `4${bytes.toString("hex").slice(1)}`
}

const validity = Effect.fnUntraced(function* ({ days = 365 }: Validity) {
  if (!(days > 0 && days <= maxDays)) {
    return yield* new IssueError({ about: "days", detail: `${days} is not a number above 0, up to ${maxDays}` })
  }
  const now = yield* Clock.currentTimeMillis
  return { notBefore: new Date(now - skewMillis), notAfter: new Date(now + days * dayMillis) }
})

/** A misspelt `days` would be a year. */
const known = <Options extends object>(
  options: Options,
  names: Record<keyof Options, true>
): Effect.Effect<void, IssueError> => {
  if (!Predicate.isObject(options)) {
    return Effect.fail(new IssueError({ about: "options", detail: `${String(options)} is not an object of options` }))
  }
  const stranger = Object.keys(options).find((name) => !Object.hasOwn(names, name))
  if (stranger === undefined) return Effect.void
  const detail = `there is no ${stranger}. Options are ${Object.keys(names).join(", ")}`
  return Effect.fail(new IssueError({ about: "options", detail }))
}

const generateKeys = Effect.promise(() => webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]))

const issued = (certificate: X509.X509Certificate, key: webcrypto.CryptoKey): Effect.Effect<Issued> =>
  Effect.promise(async () => ({
    certificate: `${certificate.toString("pem")}\n`,
    key: Redacted.make(`${X509.PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY")}\n`)
  }))

/**
 * Makes an authority: its own certificate, signed by itself, and the key with which it signs others. Whoever has the key
 * decides who is a member.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeAuthority = Effect.fnUntraced(function* (
  options: AuthorityOptions = {}
): Effect.fn.Return<Issued, IssueError> {
  yield* known(options, { name: true, days: true })
  const { name = "hyparview development authority" } = options
  if (name === "" || commonName(name) !== name) {
    return yield* new IssueError({ about: "name", detail: "not 1 to 64 characters" })
  }
  const valid = yield* validity(options)
  const keys = yield* generateKeys
  const certificate = yield* Effect.promise(async () =>
    X509.X509CertificateGenerator.createSelfSigned({
      serialNumber: serialNumber(),
      name: new X509.Name([{ CN: [{ utf8String: name }] }]),
      ...valid,
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new X509.BasicConstraintsExtension(true, 0, true),
        new X509.KeyUsagesExtension(X509.KeyUsageFlags.keyCertSign | X509.KeyUsageFlags.cRLSign, true),
        await X509.SubjectKeyIdentifierExtension.create(keys.publicKey)
      ]
    })
  )
  return yield* issued(certificate, keys.privateKey)
})

/** What keeps a certificate and its key from signing others now. */
const faultOfAuthority = (certificate: X509Certificate, key: KeyObject, nowMillis: number): string | undefined => {
  if (!certificate.ca) return "its certificate is not an authority's"
  if (!certificate.checkPrivateKey(key)) return "its key is another certificate's"
  if (key.asymmetricKeyDetails?.namedCurve !== "prime256v1") {
    return "its key is not one for ECDSA on P-256; sign with the tool that made it"
  }
  if (certificate.validToDate.getTime() < nowMillis) return `it expired on ${certificate.validTo}; make a new one`
  return certificate.validFromDate.getTime() > nowMillis
    ? `it is valid from ${certificate.validFrom}; is this machine's clock right?`
    : undefined
}

const readKey = (pem: string): KeyObject => {
  try {
    return createPrivateKey(pem)
  } catch {
    throw new Error("its key cannot be read; it must be PEM, without a passphrase")
  }
}

/** The authority's certificate and key, ready to sign. */
const readAuthority = (authority: Issued, nowMillis: number) =>
  Effect.tryPromise({
    try: async () => {
      const own = readKey(Redacted.value(authority.key))
      const fault = faultOfAuthority(new X509Certificate(authority.certificate), own, nowMillis)
      if (fault !== undefined) throw new Error(fault)
      const certificate = new X509.X509Certificate(authority.certificate)
      const pkcs8 = own.export({ type: "pkcs8", format: "der" })
      const key = await webcrypto.subtle.importKey("pkcs8", pkcs8, algorithm, false, ["sign"])
      return { certificate, key }
    },
    catch: (error) =>
      new IssueError({
        about: "authority",
        detail: `it cannot sign: ${error instanceof Error ? error.message : String(error)}`
      })
  })

const names = (options: NodeOptions): Result.Result<X509.JsonGeneralNames, IssueError> =>
  Result.gen(function* () {
    const { hosts = [] } = options
    const uri = yield* Result.mapError(
      CertificateName.format(options),
      ({ detail }) => new IssueError({ about: "id", detail })
    )
    const wrong = hosts.length > maxHosts ? `${hosts.length} of them` : hosts.find((host) => !isHost(host))
    if (wrong !== undefined) {
      return yield* Result.fail(
        new IssueError({
          about: "hosts",
          detail: `${JSON.stringify(wrong)}: host names and IP addresses belong here, up to ${maxHosts}`
        })
      )
    }
    return [
      { type: "url", value: uri },
      ...hosts.map((value) => ({ type: isIP(value) === 0 ? ("dns" as const) : ("ip" as const), value }))
    ]
  })

/**
 * Issues a node's certificate, with a new key.
 *
 * **Example** (An authority and a node)
 *
 * ```ts
 * import { TlsTransport } from "@hyparview/transport-tcp"
 * import * as Certificates from "@hyparview/transport-tcp/Certificates"
 * import { Effect } from "effect"
 *
 * const transport = Effect.gen(function* () {
 *   const authority = yield* Certificates.makeAuthority()
 *   const node = yield* Certificates.issue(authority, { id: "node-7", cluster: "shop" })
 *   return yield* TlsTransport.make({ cert: node.certificate, key: node.key, ca: authority.certificate })
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const issue = Effect.fnUntraced(function* (
  authority: Issued,
  options: NodeOptions
): Effect.fn.Return<Issued, IssueError> {
  yield* known(options, { id: true, cluster: true, hosts: true, days: true })
  const alternatives = yield* Effect.fromResult(names(options))
  const { notAfter, notBefore } = yield* validity(options)
  const signer = yield* readAuthority(authority, yield* Clock.currentTimeMillis)
  const keys = yield* generateKeys
  const certificate = yield* Effect.promise(async () =>
    X509.X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject: new X509.Name([{ CN: [{ utf8String: commonName(options.id) }] }]),
      issuer: signer.certificate.subjectName,
      notBefore,
      notAfter: notAfter < signer.certificate.notAfter ? notAfter : signer.certificate.notAfter,
      signingAlgorithm: algorithm,
      publicKey: keys.publicKey,
      signingKey: signer.key,
      extensions: [
        new X509.BasicConstraintsExtension(false, undefined, true),
        new X509.KeyUsagesExtension(X509.KeyUsageFlags.digitalSignature, true),
        new X509.ExtendedKeyUsageExtension([X509.ExtendedKeyUsage.serverAuth, X509.ExtendedKeyUsage.clientAuth]),
        new X509.SubjectAlternativeNameExtension(alternatives),
        // Tells two authorities of one name apart, while the one takes over from the other.
        await X509.AuthorityKeyIdentifierExtension.create(signer.certificate),
        await X509.SubjectKeyIdentifierExtension.create(keys.publicKey)
      ]
    })
  )
  return yield* issued(certificate, keys.privateKey)
})

/**
 * What a certificate says.
 *
 * @category models
 * @since 0.1.0
 */
export interface Description {
  /** Whom it names; undefined if it names no node, or several. */
  readonly name: CertificateName.CertificateName | undefined
  /** Why it names no node; empty if it names one. */
  readonly nameDetail: string
  readonly isAuthority: boolean
  readonly subject: string
  readonly issuer: string
  readonly validFrom: Date
  readonly validTo: Date
  /** Other names, as Node prints them. */
  readonly alternativeNames: string
  readonly serialNumber: string
  /** SHA-256. */
  readonly fingerprint: string
}

/**
 * Reads what a certificate says, the first if the text holds several. It checks nothing.
 *
 * @category conversions
 * @since 0.1.0
 */
export const describe = (pem: string): Result.Result<Description, IssueError> =>
  Result.try({
    try: () => {
      const certificate = new X509Certificate(pem)
      const name = CertificateName.ofCertificate(certificate)
      return {
        name: Result.isSuccess(name) ? name.success : undefined,
        nameDetail: Result.isSuccess(name) ? "" : name.failure.detail,
        isAuthority: certificate.ca,
        subject: certificate.subject,
        issuer: certificate.issuer,
        validFrom: certificate.validFromDate,
        validTo: certificate.validToDate,
        alternativeNames: certificate.subjectAltName ?? "",
        serialNumber: certificate.serialNumber,
        fingerprint: certificate.fingerprint256
      }
    },
    catch: () =>
      new IssueError({
        about: "certificate",
        detail: "not a PEM certificate, which begins with -----BEGIN CERTIFICATE-----"
      })
  })
