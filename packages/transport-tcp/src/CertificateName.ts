/**
 * The name that a node's certificate carries: `hyparview://CLUSTER/ID`, as a URI among its subject alternative names,
 * with every byte of the two but letters, digits, `-`, `.`, `_` and `~` percent-encoded.
 *
 * Why a URI: an id is any text of 1 to 255 bytes of UTF-8, and neither a DNS name (labels of 63 letters, upper and
 * lower case alike) nor a common name (64 characters, and shown to people rather than compared) can hold it. A scheme
 * of its own keeps certificates that the same authority made for something else, a web server called like a node, from
 * being a node's. The cluster stands in front, as a trust domain does in SPIFFE, so that two clusters may share an
 * authority.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Result from "effect/Result"
import type { X509Certificate } from "node:crypto"

/**
 * Whom a certificate names.
 *
 * @category models
 * @since 0.1.0
 */
export interface CertificateName {
  /** The cluster's name, 1 to 255 bytes of UTF-8. */
  readonly cluster: string
  /** The node's id, 1 to 255 bytes of UTF-8. */
  readonly id: string
}

/**
 * No name of a node: not of the form, or of a length that no node's has. Nothing else is affected.
 *
 * @category errors
 * @since 0.1.0
 */
export class CertificateNameError extends Data.TaggedError("CertificateNameError")<{
  readonly detail: string
}> {
  override get message(): string {
    return this.detail
  }
}

const scheme = "hyparview://"

/** The wire format's limit of any text. */
const maxBytes = 255

const fail = (detail: string) => Result.fail(new CertificateNameError({ detail }))

const checked = (what: string, text: string): Result.Result<string, CertificateNameError> => {
  if (typeof text !== "string") return fail(`the ${what} is ${String(text)}, not a text`)
  if (!text.isWellFormed()) return fail(`the ${what} is not well-formed Unicode`)
  const bytes = new TextEncoder().encode(text).length
  return bytes >= 1 && bytes <= maxBytes
    ? Result.succeed(text)
    : fail(`the ${what} has ${bytes} bytes, not 1 to ${maxBytes}`)
}

/** `encodeURIComponent` leaves these five as they are, some of which certificates print in quotes. */
const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)

/**
 * Writes a name as a URI; `parse` reads it back.
 *
 * **Example** (A name with a space)
 *
 * ```ts
 * import * as CertificateName from "@hyparview/transport-tcp/CertificateName"
 *
 * CertificateName.format({ cluster: "shop", id: "node 7" }) // success: "hyparview://shop/node%207"
 * ```
 *
 * @category conversions
 * @since 0.1.0
 */
export const format = (name: CertificateName): Result.Result<string, CertificateNameError> =>
  Result.gen(function* () {
    const cluster = yield* checked("cluster's name", name.cluster)
    const id = yield* checked("id", name.id)
    return `${scheme}${encode(cluster)}/${encode(id)}`
  })

const decode = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/**
 * Reads a name from a URI. There is one spelling of each name: what `format` would not have written is no name.
 *
 * @category constructors
 * @since 0.1.0
 */
export const parse = (uri: string): Result.Result<CertificateName, CertificateNameError> => {
  const [cluster = "", id = "", ...rest] = uri.startsWith(scheme) ? uri.slice(scheme.length).split("/") : []
  const name = { cluster: decode(cluster) ?? "", id: decode(id) ?? "" }
  const spelled = rest.length === 0 ? format(name) : undefined
  return spelled !== undefined && Result.isSuccess(spelled) && spelled.success === uri
    ? Result.succeed(name)
    : fail(`${JSON.stringify(uri.slice(0, 200))} is not of the form ${scheme}CLUSTER/ID`)
}

/** One name as Node prints it, after the one before: its kind, and its value plain or as a JSON string. */
const printed = /(?:^|, )([A-Za-z][A-Za-z ]*):(?:"((?:[^"\\]|\\.)*)"|([^",]*))(?=, |$)/y

/** The URIs among printed alternative names; undefined if they are not printed as Node does. */
const urisOf = (names: string): ReadonlyArray<string> | undefined => {
  const uris: Array<string> = []
  printed.lastIndex = 0
  while (printed.lastIndex < names.length) {
    const [, kind, quoted, plain] = printed.exec(names) ?? []
    if (kind === undefined) return undefined
    // A quoted one has characters that no name of a node has, and must not pass for one.
    if (kind === "URI") uris.push(quoted ?? plain ?? "")
  }
  return uris
}

/**
 * The one node that a certificate names. A certificate with several names of nodes is nobody's: which one is meant?
 *
 * @category constructors
 * @since 0.1.0
 */
export const ofCertificate = (certificate: X509Certificate): Result.Result<CertificateName, CertificateNameError> => {
  const uris = urisOf(certificate.subjectAltName ?? "")
  if (uris === undefined) return fail("its alternative names cannot be read")
  const [uri, ...more] = uris.filter((uri) => uri.toLowerCase().startsWith(scheme))
  if (uri === undefined) return fail(`no alternative name of the form URI:${scheme}CLUSTER/ID`)
  return more.length === 0 ? parse(uri) : fail(`${more.length + 1} names of nodes, not one`)
}
