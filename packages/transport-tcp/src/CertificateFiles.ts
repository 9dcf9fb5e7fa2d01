/**
 * Where certificates lie on a disk, and how they get there: a directory with the authority's `ca.pem` and `ca.key`, and
 * in it one for each node with all that the node needs, to be taken to its machine as it is: `cert.pem`, `key.pem`,
 * `ca.pem`.
 *
 * Keys can be read by their owner alone. A file appears whole or not at all, so that a node that looks for new ones never
 * reads half of one.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { createHash } from "node:crypto"
import { access, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import type { Issued } from "./Certificates.ts"

/**
 * The three files of a node, as `TlsOptions` takes them.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeFiles {
  readonly cert: string
  readonly key: string
  readonly ca: string
}

/**
 * A file could not be written or read. Files written before it stay.
 *
 * @category errors
 * @since 0.1.0
 */
export class CertificateFileError extends Data.TaggedError("CertificateFileError")<{
  readonly path: string
  /** `exists`: it would have been overwritten. */
  readonly reason: "exists" | "missing" | "denied" | "failed"
  readonly detail: string
}> {
  override get message(): string {
    return `${this.path}: ${this.detail}`
  }
}

/**
 * How files are written.
 *
 * @category models
 * @since 0.1.0
 */
export interface WriteOptions {
  /** Whether files that exist are replaced. */
  readonly overwrite: boolean
}

const causes: Readonly<Record<string, readonly [CertificateFileError["reason"], string]>> = {
  ENOENT: ["missing", "there is no such file"],
  EACCES: ["denied", "this process may not"],
  EPERM: ["denied", "this process may not"],
  EROFS: ["denied", "the file system is read-only"],
  EEXIST: ["failed", "a file is in the way; move it, or choose another name"],
  ENOTDIR: ["failed", "a part of its path is a file, no directory; choose another place"],
  ENOSPC: ["failed", "no space is left on the device"],
  EDQUOT: ["failed", "no space is left of this user's"]
}

const codeOf = (error: unknown): string => (error instanceof Error && "code" in error ? String(error.code) : "")

const failure = (path: string, error: unknown): CertificateFileError => {
  const [reason, detail] = causes[codeOf(error)] ?? ["failed", error instanceof Error ? error.message : String(error)]
  return new CertificateFileError({ path, reason, detail })
}

const attempt = <A>(path: string, run: () => Promise<A>): Effect.Effect<A, CertificateFileError> =>
  Effect.tryPromise({ try: run, catch: (error) => failure(path, error) })

interface File {
  readonly path: string
  readonly text: string
  readonly isSecret: boolean
}

/** Before anything is made or written: would something be overwritten? */
const checkAbsent = (paths: ReadonlyArray<string>): Effect.Effect<void, CertificateFileError> =>
  Effect.forEach(
    paths,
    (path) =>
      Effect.flatMap(Effect.option(attempt(path, () => access(path))), (found) =>
        found._tag === "None"
          ? Effect.void
          : Effect.fail(new CertificateFileError({ path, reason: "exists", detail: "it exists already" }))
      ),
    { discard: true }
  )

/** A directory that exists already is as good. */
const makeOne = async (directory: string): Promise<void> => {
  try {
    await mkdir(directory, { mode: 0o700 })
  } catch (error) {
    if (codeOf(error) !== "EEXIST" || !(await stat(directory)).isDirectory()) throw error
  }
}

/**
 * With those above it that do not exist. One after the other: in a place like /proc, which takes none, Node never comes back
 * from making all of them at once.
 */
const makeDirectory = async (directory: string): Promise<void> => {
  const above = dirname(directory)
  const isAbsent = (error: unknown): boolean => codeOf(error) === "ENOENT" && above !== directory
  try {
    return await makeOne(directory)
  } catch (error) {
    if (!isAbsent(error)) throw error
  }
  await makeDirectory(above)
  try {
    await makeOne(directory)
  } catch (error) {
    throw isAbsent(error) ? new Error(`${above} takes no directories`, { cause: error }) : error
  }
}

const writeAll = Effect.fnUntraced(function* (directory: string, files: ReadonlyArray<File>) {
  yield* attempt(directory, () => makeDirectory(directory))
  for (const { isSecret, path, text } of files) {
    yield* attempt(path, async () => {
      const partial = `${path}.new`
      // One that was left behind would keep its own mode.
      await rm(partial, { force: true })
      try {
        await writeFile(partial, text, { mode: isSecret ? 0o600 : 0o644, flag: "wx" })
        await rename(partial, path)
      } catch (error) {
        await rm(partial, { force: true })
        throw error
      }
    })
  }
})

/**
 * The authority's two files.
 *
 * @category files
 * @since 0.1.0
 */
export const authorityFiles = (directory: string): { readonly certificate: string; readonly key: string } => ({
  certificate: join(directory, "ca.pem"),
  key: join(directory, "ca.key")
})

/** What any file system takes as a name, and a person would write; but for the authority's files, in any case of the letters. */
const plainName = /^(?!ca\.(?:pem|key)(?:\.new)?$)[a-z0-9_][a-z0-9._-]{0,99}$/i

/**
 * A node's directory: named by its id, or, where that is no name of a file, by what can be read of it and a hash.
 *
 * @category files
 * @since 0.1.0
 */
export const nodeDirectory = (directory: string, id: string): string => {
  if (plainName.test(id)) return join(directory, id)
  const readable = id.replace(/[^A-Za-z0-9._-]+/g, "_").slice(0, 40)
  return join(directory, `_${readable}-${createHash("sha256").update(id).digest("hex").slice(0, 16)}`)
}

/**
 * A node's three files.
 *
 * @category files
 * @since 0.1.0
 */
export const nodeFiles = (directory: string, id: string): NodeFiles => {
  const own = nodeDirectory(directory, id)
  return { cert: join(own, "cert.pem"), key: join(own, "key.pem"), ca: join(own, "ca.pem") }
}

/**
 * Fails with `exists` if a file of the authority is there.
 *
 * @category files
 * @since 0.1.0
 */
export const checkAuthorityAbsent = (directory: string): Effect.Effect<void, CertificateFileError> =>
  checkAbsent(Object.values(authorityFiles(directory)))

/**
 * Fails with `exists` if a file of one of the nodes is there.
 *
 * @category files
 * @since 0.1.0
 */
export const checkNodesAbsent = (
  directory: string,
  ids: ReadonlyArray<string>
): Effect.Effect<void, CertificateFileError> =>
  checkAbsent(ids.flatMap((id) => Object.values<string>({ ...nodeFiles(directory, id) })))

/**
 * Writes an authority, and makes the directory if need be.
 *
 * @category files
 * @since 0.1.0
 */
export const writeAuthority = Effect.fnUntraced(function* (
  directory: string,
  authority: Issued,
  { overwrite }: WriteOptions
): Effect.fn.Return<void, CertificateFileError> {
  const paths = authorityFiles(directory)
  if (!overwrite) yield* checkAuthorityAbsent(directory)
  yield* writeAll(directory, [
    { path: paths.key, text: Redacted.value(authority.key), isSecret: true },
    { path: paths.certificate, text: authority.certificate, isSecret: false }
  ])
})

/**
 * Reads an authority.
 *
 * @category files
 * @since 0.1.0
 */
export const readAuthority = Effect.fnUntraced(function* (
  directory: string
): Effect.fn.Return<Issued, CertificateFileError> {
  const paths = authorityFiles(directory)
  const certificate = yield* attempt(paths.certificate, () => readFile(paths.certificate, "utf8"))
  const key = yield* attempt(paths.key, () => readFile(paths.key, "utf8"))
  return { certificate, key: Redacted.make(key) }
})

/**
 * Writes a node's three files, its certificate last: whoever sees a new certificate finds the others new too.
 *
 * @category files
 * @since 0.1.0
 */
export const writeNode = Effect.fnUntraced(function* (
  directory: string,
  node: { readonly id: string; readonly issued: Issued; readonly authorityCertificate: string },
  { overwrite }: WriteOptions
): Effect.fn.Return<NodeFiles, CertificateFileError> {
  const paths = nodeFiles(directory, node.id)
  if (!overwrite) yield* checkNodesAbsent(directory, [node.id])
  yield* writeAll(nodeDirectory(directory, node.id), [
    { path: paths.ca, text: node.authorityCertificate, isSecret: false },
    { path: paths.key, text: Redacted.value(node.issued.key), isSecret: true },
    { path: paths.cert, text: node.issued.certificate, isSecret: false }
  ])
  return paths
})
