/**
 * What a TLS transport can be told beyond a TCP one: its certificate and key, whom it trusts, and how often it looks for
 * new ones.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import type * as Redacted from "effect/Redacted"
import type { TcpOptions } from "./TcpConfig.ts"

/**
 * PEM: the path of a file, or the text itself, which is told by its `-----BEGIN`. A file is read again when it changes;
 * a text stays. A `Redacted` is either of the two, kept out of logs.
 *
 * @category models
 * @since 0.1.0
 */
export type Pem = string | Redacted.Redacted<string>

/**
 * The options of a TLS transport: those of a TCP transport, and three files.
 *
 * @category models
 * @since 0.1.0
 */
export interface TlsOptions extends TcpOptions {
  /**
   * The node's certificate; intermediate ones may follow it. It must name the node, as `CertificateName` says, and may be
   * used by servers and clients alike. At most 1 MiB.
   */
  readonly cert: Pem

  /** The certificate's private key, not encrypted. At most 1 MiB. */
  readonly key: Pem

  /**
   * The certificates of the cluster's own authority: whoever has one signed by it is a member, and nobody else is, the
   * system's roots least of all. Several may stand here while one authority takes over from another. At most 1 MiB.
   */
  readonly ca: Pem

  /**
   * The node's id, if the certificate must be checked to be this node's. Default: whatever the first certificate says.
   * Those that follow it must say the same.
   */
  readonly id?: string | undefined

  /**
   * The cluster's name, if the certificate must be checked to be of it. Default: whatever the first certificate says.
   * Those that follow it must say the same.
   */
  readonly cluster?: string | undefined

  /**
   * How often the files are looked at; `false`: never. From 10 milliseconds to a day. Default 30 seconds (a guess: soon
   * enough for certificates that live for hours, and three `stat` calls cost nothing). Polled and not watched, because
   * mounted secrets change by a swap of links, which watches miss.
   */
  readonly reloadEvery?: Duration.Input | false | undefined
}

/**
 * What is wrong with a certificate, a key or an authority:
 *
 * - `unreadable`: no such file, no permission, or too large
 * - `malformed`: no text, not PEM, or not of what it says it is; an encrypted key
 * - `keyMismatch`: the key is another certificate's
 * - `noName`: the certificate does not name a node, or names more than one
 * - `otherName`: it names another node or cluster than `id` and `cluster` ask for, or than the certificate in use
 * - `untrusted`: the authority in `ca` has not signed it
 * - `notAuthority`: what stands in `ca` may not sign
 * - `expired`, `notYetValid`: by this machine's clock
 * - `purpose`: it may not be used by a server, or not by a client
 *
 * @category models
 * @since 0.1.0
 */
export type CertificateFault =
  | "unreadable"
  | "malformed"
  | "keyMismatch"
  | "noName"
  | "otherName"
  | "untrusted"
  | "notAuthority"
  | "expired"
  | "notYetValid"
  | "purpose"

/**
 * A certificate, a key or an authority cannot be used. At the start: nothing was opened. Later, from a reload: those
 * loaded before stay in use.
 *
 * @category errors
 * @since 0.1.0
 */
export class CertificateError extends Data.TaggedError("CertificateError")<{
  /** Which of the three. */
  readonly option: "cert" | "key" | "ca"
  /** Its file; undefined if it was given as a text, or as none. */
  readonly path: string | undefined
  readonly reason: CertificateFault
  /** What is wrong, and what to do about it. */
  readonly detail: string
}> {
  override get message(): string {
    return `${this.option}${this.path === undefined ? "" : ` ${this.path}`}: ${this.detail}`
  }
}
