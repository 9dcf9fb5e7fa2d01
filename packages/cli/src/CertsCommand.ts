/**
 * `hyparview certs`: an authority for development, certificates for nodes, and what a certificate says.
 *
 * @since 0.1.0
 */
import * as CertificateFiles from "@hyparview/transport-tcp/CertificateFiles"
import type { Description, Issued, IssueError } from "@hyparview/transport-tcp/Certificates"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Result from "effect/Result"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import type { CommandFailed } from "./ExitCode.ts"
import { badInput } from "./internal/failures.ts"
import { many, table } from "./internal/table.ts"

/** A file of more is no certificate, nor a chain of them. */
const maxBytes = 1024 * 1024

const mostNodes = 10_000
const longestDays = 36_500

/** Loads the X.509 library only for who uses it: the other commands start without. */
const certificates = Effect.promise(() => import("@hyparview/transport-tcp/Certificates"))

const dir = Flag.String("dir").pipe(
  Flag.filter(
    (path) => path !== "",
    () => "the path of a directory, not empty"
  ),
  Flag.withMetavar("DIR"),
  Flag.withDescription("The directory with ca.pem and ca.key, and a directory for each node")
)

const days = (fallback: number) =>
  Flag.Finite("days").pipe(
    Flag.filter(
      (value) => value > 0 && value <= longestDays,
      () => `above 0, up to ${longestDays}`
    ),
    Flag.withDefault(fallback),
    Flag.withMetavar("N"),
    Flag.withDescription(`How long it is valid. Default: ${fallback} days`)
  )

const force = Flag.Boolean("force").pipe(
  Flag.withDefault(false),
  Flag.withDescription("Replace files that exist. Without it nothing is overwritten")
)

const orFail = <A, R>(
  effect: Effect.Effect<A, IssueError | CertificateFiles.CertificateFileError, R>
): Effect.Effect<A, CommandFailed, R> =>
  Effect.mapError(effect, (error) => {
    const isExisting = error._tag === "CertificateFileError" && error.reason === "exists"
    return badInput(isExisting ? `${error.message}; --force replaces it` : error.message)
  })

/** An id may be any text, and a stranger's certificate must not give orders to a terminal. */
const printable = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}]/gu, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`)

const day = (date: Date): string => date.toISOString().slice(0, 16).replace("T", " ")

const validityOf = ({ validFrom, validTo }: Description): string => `${day(validFrom)} to ${day(validTo)} UTC`

const init = Command.make(
  "init",
  {
    dir,
    name: Flag.String("name").pipe(
      Flag.withDefault("hyparview development authority"),
      Flag.withMetavar("NAME"),
      Flag.withDescription("The authority's name, for people, 1 to 64 characters")
    ),
    days: days(365),
    force
  },
  Effect.fnUntraced(function* ({ days, dir, force, name }) {
    const { describe, makeAuthority } = yield* certificates
    if (!force) yield* orFail(CertificateFiles.checkAuthorityAbsent(dir))
    const authority = yield* orFail(makeAuthority({ name, days }))
    yield* orFail(CertificateFiles.writeAuthority(dir, authority, { overwrite: force }))
    const paths = CertificateFiles.authorityFiles(dir)
    const description = yield* orFail(Effect.fromResult(describe(authority.certificate)))
    yield* Console.log(
      [
        `An authority, valid ${validityOf(description)}:`,
        ...table([
          [`  ${paths.certificate}`, "its certificate: every node gets it"],
          [`  ${paths.key}`, "its key, for you alone: whoever has it decides who is a member"]
        ]),
        "",
        `Next: hyparview certs issue --dir ${dir} --id node-1 --id node-2`
      ].join("\n")
    )
  })
).pipe(
  Command.withShortDescription("Make an authority"),
  Command.withDescription(
    "Makes an authority that signs certificates of nodes: for development, or a cluster of your own."
  ),
  Command.withExamples(({ commandPath }) => [
    { command: `${commandPath.join(" ")} --dir pki`, description: "An authority in ./pki" }
  ])
)

/** A key that does not belong to its certificate would sign what nobody believes. */
const readAuthority = Effect.fnUntraced(function* (directory: string): Effect.fn.Return<Issued, CommandFailed> {
  const paths = CertificateFiles.authorityFiles(directory)
  return yield* CertificateFiles.readAuthority(directory).pipe(
    Effect.mapError((error) =>
      badInput(
        error.reason === "missing"
          ? `${error.path}: there is no authority; make one: hyparview certs init --dir ${directory}`
          : `${error.message} (${paths.certificate} and ${paths.key} are needed)`
      )
    )
  )
})

const issue = Command.make(
  "issue",
  {
    dir,
    id: Flag.String("id").pipe(
      Flag.between(1, mostNodes),
      Flag.withMetavar("ID"),
      Flag.withDescription("The node's id, 1 to 255 bytes. Several: --id a --id b")
    ),
    cluster: Flag.String("cluster").pipe(
      Flag.withDefault("default"),
      Flag.withMetavar("NAME"),
      Flag.withDescription("The cluster whose node it is, 1 to 255 bytes. Default: default")
    ),
    days: days(90),
    hosts: Flag.String("hosts").pipe(
      Flag.withDefault(""),
      Flag.withMetavar("HOST,…"),
      Flag.withDescription("More host names and addresses to name, for other programs; nodes ignore them")
    ),
    force
  },
  Effect.fnUntraced(function* ({ cluster, days, dir, force, hosts, id }) {
    const ids = [...new Set(id)]
    const { describe, issue } = yield* certificates
    const authority = yield* readAuthority(dir)
    if (!force) yield* orFail(CertificateFiles.checkNodesAbsent(dir, ids))
    const options = { cluster, days, hosts: hosts.split(",").filter((host) => host !== "") }
    // All are made before one is written: a wrong id leaves nothing behind.
    const nodes = yield* orFail(
      Effect.forEach(ids, (id) => Effect.map(issue(authority, { id, ...options }), (issued) => ({ id, issued })))
    )
    const rows = yield* Effect.forEach(nodes, ({ id, issued }) =>
      Effect.gen(function* () {
        const node = { id, issued, authorityCertificate: authority.certificate }
        yield* orFail(CertificateFiles.writeNode(dir, node, { overwrite: force }))
        const description = yield* orFail(Effect.fromResult(describe(issued.certificate)))
        return [`  ${printable(id)}`, CertificateFiles.nodeDirectory(dir, id), validityOf(description)]
      })
    )
    yield* Console.log(
      [
        `${many(nodes.length, "certificate")} of cluster ${printable(cluster)}:`,
        ...table([["  id", "directory", "valid"], ...rows]),
        "",
        "Each directory holds what its node needs: cert.pem, key.pem (for its owner alone) and ca.pem."
      ].join("\n")
    )
  })
).pipe(
  Command.withShortDescription("Issue certificates to nodes"),
  Command.withDescription(
    [
      "Issues certificates to nodes, signed by the authority in DIR. Each names its node and cluster; no other certificate",
      "  lets a process pass for that node. Nodes that run take up new files by themselves (--force replaces them)."
    ].join("\n")
  ),
  Command.withExamples(({ commandPath }) => [
    { command: `${commandPath.join(" ")} --dir pki --id a --id b`, description: "Two nodes, in ./pki/a and ./pki/b" },
    {
      command: `${commandPath.join(" ")} --dir pki --id a --cluster shop --days 7 --force`,
      description: "A new certificate for a, in place of the one before"
    }
  ])
)

const read = Effect.fnUntraced(function* (file: string) {
  const fileSystem = yield* FileSystem.FileSystem
  return yield* Effect.gen(function* () {
    const { size, type } = yield* fileSystem.stat(file)
    if (type !== "File") return yield* badInput(`${file}: it is not a file`)
    if (size > maxBytes) return yield* badInput(`${file}: it is larger than ${maxBytes} bytes`)
    return yield* fileSystem.readFileString(file)
  }).pipe(
    Effect.catchTag("PlatformError", (error) => Effect.fail(badInput(`${file}: cannot be read (${error.reason._tag})`)))
  )
})

const state = ({ validFrom, validTo }: Description, nowMillis: number): string => {
  if (validFrom.getTime() > nowMillis) return "not valid yet"
  const left = (validTo.getTime() - nowMillis) / (24 * 60 * 60 * 1_000)
  return left < 0 ? "EXPIRED" : `${left < 2 ? `${(left * 24).toFixed(0)} hours` : `${left.toFixed(0)} days`} left`
}

const who = (description: Description): ReadonlyArray<ReadonlyArray<string>> => {
  if (description.name !== undefined) {
    return [
      ["id", printable(description.name.id)],
      ["cluster", printable(description.name.cluster)]
    ]
  }
  return description.isAuthority
    ? [["authority", printable(description.subject)]]
    : [["id", `none: ${printable(description.nameDetail)}`]]
}

const show = Command.make(
  "show",
  {
    file: Argument.String("file").pipe(
      Argument.withMetavar("FILE"),
      Argument.withDescription("A certificate, PEM. Of several in one file, the first")
    )
  },
  Effect.fnUntraced(function* ({ file }) {
    const { describe } = yield* certificates
    const described = describe(yield* read(file))
    if (Result.isFailure(described)) return yield* badInput(`${file}: ${described.failure.detail}`)
    const description = described.success
    const now = yield* Clock.currentTimeMillis
    const rows = [
      ...who(description),
      ["valid", `${validityOf(description)}, ${state(description, now)}`],
      ["issuer", printable(description.issuer.replaceAll("\n", ", "))],
      ["other names", description.alternativeNames === "" ? "none" : printable(description.alternativeNames)],
      ["serial number", description.serialNumber],
      ["SHA-256", description.fingerprint]
    ]
    for (const line of table(rows)) yield* Console.log(line)
  })
).pipe(
  Command.withShortDescription("Say what a certificate says"),
  Command.withDescription(
    "Says whose a certificate is, of which cluster, how long it is valid, and who issued it. It checks nothing."
  ),
  Command.withExamples(({ commandPath }) => [
    { command: `${commandPath.join(" ")} pki/a/cert.pem`, description: "What node a's certificate says" }
  ])
)

/**
 * @category commands
 * @since 0.1.0
 */
export const certs = Command.make("certs").pipe(
  Command.withShortDescription("Make and show certificates"),
  Command.withDescription(
    [
      "Certificates for mutual TLS between nodes: an authority (init), certificates that it signs (issue), and what one says",
      "  (show). Keys are ECDSA on P-256, and can be read by their owner alone. An authority of your own can do the same: see",
      "  docs/security.md for what a node's certificate must hold."
    ].join("\n")
  ),
  Command.withSubcommands([init, issue, show])
)
