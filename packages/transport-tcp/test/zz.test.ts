import { it, assert } from "@effect/vitest"
import { Effect, Stream, Redacted } from "effect"
import * as Certificates from "@hyparview/transport-tcp/Certificates"
import { TlsTransport } from "@hyparview/transport-tcp"
it.live("x", () => Effect.gen(function* () {
  const authority = yield* Certificates.makeAuthority()
  const a = yield* Certificates.issue(authority, { id: "a/ü b", cluster: "c", hosts: ["127.0.0.1", "::1", "x.example"] })
  const b = yield* Certificates.issue(authority, { id: "b", cluster: "c" })
  console.log(a.certificate, Redacted.value(a.key), Certificates.describe(a.certificate))
  const ta = yield* TlsTransport.make({ cert: a.certificate, key: a.key, ca: authority.certificate })
  const tb = yield* TlsTransport.make({ cert: b.certificate, key: b.key, ca: authority.certificate })
  const link = yield* ta.dial(tb.address)
  assert.strictEqual(link.authenticatedId, "b")
  yield* link.send([[new Uint8Array([1, 2, 3])]])
  const far = yield* Effect.flatMap(Stream.runHead(tb.accepted), Effect.fromOption)
  console.log(far.authenticatedId, yield* far.receive)
}))
