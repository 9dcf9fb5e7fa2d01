import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { TestClock } from "effect/testing"
import "reflect-metadata"
import * as X509 from "@peculiar/x509"
import { createPrivateKey, KeyObject, webcrypto, X509Certificate } from "node:crypto"
import * as CertificateName from "@hyparview/transport-tcp/CertificateName"
import * as Certificates from "@hyparview/transport-tcp/Certificates"

const day = 24 * 60 * 60 * 1000

/** An authority with a key on P-384, as OpenSSL makes one. */
const otherCurve = await (async () => {
  const algorithm = { name: "ECDSA", namedCurve: "P-384", hash: "SHA-384" } as const
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"])
  const certificate = await X509.X509CertificateGenerator.createSelfSigned({
    name: "CN=other",
    notAfter: new Date(Date.now() + day),
    signingAlgorithm: algorithm,
    keys,
    extensions: [new X509.BasicConstraintsExtension(true, 0, true)]
  })
  const key = KeyObject.from(keys.privateKey).export({ type: "pkcs8", format: "pem" })
  return { certificate: certificate.toString("pem"), key: Redacted.make(key.toString()) }
})()

describe("a certificate's name", () => {
  const names: ReadonlyArray<readonly [cluster: string, id: string, uri: string]> = [
    ["shop", "node-7", "hyparview://shop/node-7"],
    ["a/b", "c d", "hyparview://a%2Fb/c%20d"],
    ["ü", `!'()*,"\\`, "hyparview://%C3%BC/%21%27%28%29%2A%2C%22%5C"],
    ["%41", "~._-", "hyparview://%2541/~._-"]
  ]
  for (const [cluster, id, uri] of names) {
    it(`of ${cluster} and ${id} is ${uri}, and reads back`, () => {
      assert.deepStrictEqual(CertificateName.format({ cluster, id }), Result.succeed(uri))
      assert.deepStrictEqual(CertificateName.parse(uri), Result.succeed({ cluster, id }))
    })
  }

  it("holds any id of 1 to 255 bytes, and no other", () => {
    const isName = (id: string): boolean => Result.isSuccess(CertificateName.format({ cluster: "c", id }))
    assert.isTrue(isName("x".repeat(255)))
    assert.isTrue(isName("ü".repeat(127)))
    assert.isTrue(isName("\u0000"))
    assert.isFalse(isName(""))
    assert.isFalse(isName("x".repeat(256)))
    assert.isFalse(isName("ü".repeat(128)))
    assert.isFalse(isName("\uD800"))
  })

  const others = [
    "",
    "hyparview://",
    "hyparview://c",
    "hyparview://c/",
    "hyparview:///i",
    "hyparview://c/i/",
    "hyparview://c/i?x",
    "HYPARVIEW://c/i",
    "hyparview://c/%69",
    "hyparview://c/%2f",
    "hyparview://c/%C3",
    "hyparview://c/ü",
    "spiffe://c/i",
    `hyparview://c/${"x".repeat(256)}`
  ]
  for (const uri of others) {
    it(`is not ${JSON.stringify(uri.slice(0, 40))}: each name has one spelling`, () => {
      assert.isTrue(Result.isFailure(CertificateName.parse(uri)))
    })
  }
})

describe("an authority", () => {
  it.effect(
    "signs nodes' certificates, which name node and cluster, for servers and clients, and say what it says",
    () =>
      Effect.gen(function* () {
        yield* TestClock.setTime(Date.UTC(2030, 0, 1))
        const authority = yield* Certificates.makeAuthority({ name: "Anna's", days: 10 })
        const node = yield* Certificates.issue(authority, {
          id: "#1, CN=x",
          cluster: "shop",
          days: 2,
          hosts: ["a.example", "10.0.0.1", "::1"]
        })
        const root = new X509Certificate(authority.certificate)
        const leaf = new X509Certificate(node.certificate)
        assert.isTrue(root.ca && root.checkIssued(root) && root.verify(root.publicKey))
        assert.isTrue(!leaf.ca && leaf.checkIssued(root) && leaf.verify(root.publicKey))
        assert.isTrue(leaf.checkPrivateKey(createPrivateKey(Redacted.value(node.key))))
        assert.deepStrictEqual(leaf.keyUsage, ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"])
        const description = Result.getOrThrow(Certificates.describe(node.certificate))
        assert.deepStrictEqual(description.name, { cluster: "shop", id: "#1, CN=x" })
        assert.strictEqual(description.issuer, "CN=Anna's")
        assert.deepStrictEqual(description.validFrom, new Date(Date.UTC(2029, 11, 31, 23, 55)))
        assert.deepStrictEqual(description.validTo, new Date(Date.UTC(2030, 0, 3)))
        assert.include(description.alternativeNames, "DNS:a.example, IP Address:10.0.0.1, IP Address:0:0:0:0:0:0:0:1")
        assert.isFalse(description.isAuthority)
        const about = Result.getOrThrow(Certificates.describe(authority.certificate))
        assert.isTrue(about.isAuthority)
        assert.isUndefined(about.name)
        assert.isNotEmpty(about.nameDetail)
      })
  )

  it.effect("signs nothing that outlives it", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.UTC(2030, 0, 1))
      const authority = yield* Certificates.makeAuthority({ days: 3 })
      yield* TestClock.adjust(day)
      const { certificate } = yield* Certificates.issue(authority, { id: "n", cluster: "c", days: 30 })
      assert.deepStrictEqual(
        Result.getOrThrow(Certificates.describe(certificate)).validTo,
        new Date(Date.UTC(2030, 0, 4))
      )
    })
  )

  it.effect("signs nothing before and after its time, and says why", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.UTC(2030, 0, 1))
      const authority = yield* Certificates.makeAuthority({ days: 3 })
      const refusal = Effect.map(
        Effect.flip(Certificates.issue(authority, { id: "n", cluster: "c" })),
        ({ message }) => message
      )
      yield* TestClock.setTime(Date.UTC(2030, 0, 5))
      assert.match(yield* refusal, /^authority: it cannot sign: it expired on Jan {2}4 .*; make a new one$/)
      yield* TestClock.setTime(Date.UTC(2029, 11, 31))
      assert.match(yield* refusal, /^authority: it cannot sign: it is valid from .*clock right\?$/)
    })
  )

  it.effect("made by another tool signs with its key on P-256, and says so where it has another, or a passphrase", () =>
    Effect.gen(function* () {
      const { certificate, key } = yield* Certificates.makeAuthority()
      const own = createPrivateKey(Redacted.value(key))
      const issue = (key: string) =>
        Certificates.issue({ certificate, key: Redacted.make(key) }, { id: "n", cluster: "c" })
      yield* issue(own.export({ type: "sec1", format: "pem" }).toString())
      const locked = own.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" }).toString()
      assert.include((yield* Effect.flip(issue(locked))).message, "must be PEM, without a passphrase")
      const fault = Effect.map(Effect.flip(Certificates.issue(otherCurve, { id: "n", cluster: "c" })), String)
      assert.include(yield* fault, "not one for ECDSA on P-256")
    })
  )

  it.effect("gives each certificate a number of its own", () =>
    Effect.gen(function* () {
      const authority = yield* Certificates.makeAuthority()
      const made = yield* Effect.all(
        Array.from({ length: 20 }, () => Certificates.issue(authority, { id: "n", cluster: "c" }))
      )
      const numbers = made.map(({ certificate }) => new X509Certificate(certificate).serialNumber)
      assert.strictEqual(new Set(numbers).size, 20)
    })
  )

  const wrong: ReadonlyArray<readonly [Partial<Certificates.NodeOptions>, Certificates.IssueError["about"]]> = [
    [{ id: "" }, "id"],
    [{ id: "x".repeat(256) }, "id"],
    [{ cluster: "" }, "id"],
    [{ days: 0 }, "days"],
    [{ days: Number.NaN }, "days"],
    [{ days: 40_000 }, "days"],
    [{ hosts: ["a b"] }, "hosts"],
    [{ hosts: ["[::1]"] }, "hosts"],
    [{ hosts: Array.from({ length: 101 }, () => "a") }, "hosts"],
    // @ts-expect-error: whoever has no types may give anything.
    [{ host: ["a"] }, "options"],
    // @ts-expect-error: the same.
    [{ id: 7 }, "id"]
  ]
  for (const [options, about] of wrong) {
    it.effect(`does not sign ${JSON.stringify(options).slice(0, 40)}: the error is about ${about}`, () =>
      Effect.gen(function* () {
        const authority = yield* Certificates.makeAuthority()
        const error = yield* Effect.flip(Certificates.issue(authority, { id: "n", cluster: "c", ...options }))
        assert.strictEqual(error.about, about)
      })
    )
  }

  it.effect("that is none cannot sign, and says so", () =>
    Effect.gen(function* () {
      const none = { certificate: "x", key: Redacted.make("y") }
      assert.strictEqual((yield* Effect.flip(Certificates.issue(none, { id: "n", cluster: "c" }))).about, "authority")
      assert.strictEqual((yield* Effect.flip(Certificates.makeAuthority({ name: "" }))).about, "name")
      // @ts-expect-error: whoever has no types may give anything.
      const misspelt = yield* Effect.flip(Certificates.makeAuthority({ day: 5 }))
      assert.strictEqual(misspelt.message, "options: there is no day. Options are name, days")
      // @ts-expect-error: the same.
      const nothing = yield* Effect.flip(Certificates.issue(none))
      assert.strictEqual(nothing.message, "options: undefined is not an object of options")
      assert.isTrue(Result.isFailure(Certificates.describe("x")))
    })
  )
})
