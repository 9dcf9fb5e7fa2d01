/** The examples of the documentation, run. */
import { assert, it } from "@effect/vitest"
import { Effect, Result, Stream } from "effect"
import { Transport } from "@hyparview/runtime/Transport"
import { Address, CertificateName, TcpTransport, TlsTransport } from "@hyparview/transport-tcp"
import * as CertificateFiles from "@hyparview/transport-tcp/CertificateFiles"
import * as Certificates from "@hyparview/transport-tcp/Certificates"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

it("the example of Address.parse", () => {
  assert.deepStrictEqual(Address.parse("10.0.0.7:7946"), Result.succeed({ host: "10.0.0.7", port: 7946 }))
  assert.deepStrictEqual(Address.parse("[::1]:7946"), Result.succeed({ host: "::1", port: 7946 }))
  assert.deepStrictEqual(Address.parse("node-7.example:7946"), Result.succeed({ host: "node-7.example", port: 7946 }))
  assert.isTrue(Result.isFailure(Address.parse("::1:7946")))
})

it.live("the example of TcpTransport.layer", () => {
  const program = Effect.gen(function* () {
    const near = yield* Transport
    const far = yield* TcpTransport.make({})
    const link = yield* near.dial(far.address)
    yield* link.send([[new TextEncoder().encode("hello")]])
    const accepted = yield* Stream.runHead(far.accepted).pipe(Effect.flatMap(Effect.fromOption))
    const frames = yield* accepted.receive
    return frames.map((frame) => new TextDecoder().decode(frame))
  }).pipe(Effect.scoped, Effect.provide(TcpTransport.layer({ host: "127.0.0.1" })))

  return Effect.map(program, (greetings) => assert.deepStrictEqual(greetings, ["hello"]))
})

it("the example of CertificateName.format", () => {
  assert.deepStrictEqual(
    CertificateName.format({ cluster: "shop", id: "node 7" }),
    Result.succeed("hyparview://shop/node%207")
  )
})

it.live("the example of Certificates.issue", () => {
  const transport = Effect.gen(function* () {
    const authority = yield* Certificates.makeAuthority()
    const node = yield* Certificates.issue(authority, { id: "node-7", cluster: "shop" })
    return yield* TlsTransport.make({ cert: node.certificate, key: node.key, ca: authority.certificate })
  })

  return Effect.gen(function* () {
    const { address } = yield* transport
    assert.match(address, /^127\.0\.0\.1:\d+$/)
  })
})

it.live("the example of TlsTransport.layer, with the files of a directory", () =>
  Effect.gen(function* () {
    const directory = yield* Effect.acquireRelease(
      Effect.promise(() => mkdtemp(join(tmpdir(), "hyparview-test-"))),
      (path) => Effect.promise(() => rm(path, { recursive: true }))
    )
    yield* CertificateFiles.writeAuthority(directory, yield* Certificates.makeAuthority(), { overwrite: false })
    const authority = yield* CertificateFiles.readAuthority(directory)
    const issued = yield* Certificates.issue(authority, { id: "node-7", cluster: "shop" })
    const node = { id: "node-7", issued, authorityCertificate: authority.certificate }
    const files = yield* CertificateFiles.writeNode(directory, node, { overwrite: false })
    assert.deepStrictEqual(files, CertificateFiles.nodeFiles(directory, "node-7"))
    const again = yield* Effect.flip(CertificateFiles.writeNode(directory, node, { overwrite: false }))
    assert.strictEqual(again.reason, "exists")
    const options = { host: "0.0.0.0", advertiseHost: "10.0.0.7", ...files, id: "node-7", cluster: "shop" }
    const { address } = yield* Effect.provide(Transport, TlsTransport.layer(options))
    assert.match(address, /^10\.0\.0\.7:\d+$/)
    const mistaken = TlsTransport.layer({ ...options, id: "node-8" })
    const error = yield* Effect.flip(Effect.provide(Transport, mistaken))
    assert.isTrue(error._tag === "CertificateError" && error.reason === "otherName")
  })
)
