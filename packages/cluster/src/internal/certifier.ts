/**
 * Certificates for a cluster of one machine and one evening: an authority whose key stays in memory, and a temporary
 * directory for those of the nodes, gone with the scope.
 */
import * as CertificateFiles from "@hyparview/transport-tcp/CertificateFiles"
import * as Certificates from "@hyparview/transport-tcp/Certificates"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeNotStarted } from "../Control.ts"

/** Longer than any such cluster lives. */
const days = 30

/** Sees to it that these nodes have certificates, and gives the directory of all. */
export type Certify = (ids: ReadonlyArray<string>) => Effect.Effect<string, NodeNotStarted>

const temporary = Effect.acquireRelease(
  Effect.tryPromise({
    try: () => mkdtemp(join(tmpdir(), "hyparview-certificates-")),
    catch: (error) => `certificates: no temporary directory: ${String(error)}`
  }),
  (directory) => Effect.promise(() => rm(directory, { recursive: true, force: true }))
)

export const make = Effect.fnUntraced(function* (cluster: string): Effect.fn.Return<Certify, never, Scope.Scope> {
  const scope = yield* Effect.scope
  const certified = new Set<string>()
  // Once, when the first nodes start: a supervisor that starts none leaves nothing behind.
  const prepare = yield* Effect.cached(
    Effect.all({
      authority: Effect.mapError(Certificates.makeAuthority({ days }), ({ message }) => `certificates: ${message}`),
      directory: Scope.provide(temporary, scope)
    })
  )
  const certify = Effect.fnUntraced(function* (id: string) {
    const { authority, directory } = yield* prepare
    const issued = yield* Certificates.issue(authority, { id, cluster, days })
    const node = { id, issued, authorityCertificate: authority.certificate }
    yield* CertificateFiles.writeNode(directory, node, { overwrite: false })
    certified.add(id)
  })
  return Effect.fnUntraced(function* (ids) {
    const { directory } = yield* Effect.mapError(
      prepare,
      (detail) => new NodeNotStarted({ node: ids[0] ?? "", detail })
    )
    yield* Effect.forEach(
      ids.filter((id) => !certified.has(id)),
      (id) =>
        Effect.mapError(certify(id), (error) => {
          const detail = typeof error === "string" ? error : `certificates: ${error.message}`
          return new NodeNotStarted({ node: id, detail })
        }),
      { discard: true }
    )
    return directory
  })
})
