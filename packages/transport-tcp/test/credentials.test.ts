/** Certificates from files: what is wrong with them at the start, and what happens when they change. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Redacted from "effect/Redacted"
import { TestClock } from "effect/testing"
import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Transport } from "@hyparview/runtime/Transport"
import * as Certificates from "@hyparview/transport-tcp/Certificates"
import type { CertificateError, CertificateFault } from "@hyparview/transport-tcp/TlsConfig"
import * as TlsMetrics from "@hyparview/transport-tcp/TlsMetrics"
import * as TlsTransport from "@hyparview/transport-tcp/TlsTransport"
import { alone, nextAccepted } from "./kit.ts"
import type { Credentials } from "./tlsKit.ts"
import { cluster, endOf, member, nodeName, odd, tlsConnect } from "./tlsKit.ts"

const authority = await Effect.runPromise(Certificates.makeAuthority())
const stranger = await Effect.runPromise(Certificates.makeAuthority())
const [near, far] = await Effect.runPromise(Effect.all([member(authority, "near"), member(authority, "far")]))

const directory = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "hyparview-test-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true }))
)

const pathsIn = (folder: string): Credentials => ({
  cert: join(folder, "cert.pem"),
  key: join(folder, "key.pem"),
  ca: join(folder, "ca.pem")
})

const write = (paths: Credentials, texts: Partial<Credentials>) =>
  Effect.promise(async () => {
    for (const option of ["cert", "key", "ca"] as const) {
      const text = texts[option]
      if (text === undefined) continue
      await writeFile(`${paths[option]}.new`, text)
      await rename(`${paths[option]}.new`, paths[option])
    }
  })

const failedWith = (error: { readonly _tag: string }): error is CertificateError => error._tag === "CertificateError"

type Bad = readonly [
  what: string,
  option: CertificateError["option"],
  reason: CertificateFault,
  texts: Effect.Effect<Partial<Credentials>, unknown>,
  says: string
]

const wrong: ReadonlyArray<Bad> = [
  ["a certificate that is no PEM", "cert", "malformed", Effect.succeed({ cert: "certificate" }), "no certificate"],
  [
    "a certificate that is cut off",
    "cert",
    "malformed",
    Effect.succeed({ cert: far.cert.slice(0, 200) }),
    "no certificate"
  ],
  [
    "a certificate of nonsense",
    "cert",
    "malformed",
    Effect.succeed({ cert: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" }),
    "PEM certificate"
  ],
  ["a chain that is cut off", "cert", "malformed", Effect.succeed({ cert: far.cert + far.ca.slice(0, 99) }), "cut off"],
  ["a file without end", "cert", "unreadable", Effect.succeed({ cert: "x".repeat(1_100_000) }), "larger than"],
  ["a key that is a certificate", "key", "malformed", Effect.succeed({ key: far.cert }), "no private key"],
  [
    "an encrypted key",
    "key",
    "malformed",
    Effect.succeed({ key: "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n" }),
    "without a passphrase"
  ],
  ["another certificate's key", "key", "keyMismatch", Effect.succeed({ key: near.key }), "not the key of"],
  ["an authority that is empty", "ca", "malformed", Effect.succeed({ ca: "" }), "no certificate"],
  ["a node in the authority's place", "ca", "notAuthority", Effect.succeed({ ca: near.cert }), "no authority's"],
  [
    "another authority",
    "cert",
    "untrusted",
    Effect.succeed({ ca: stranger.certificate }),
    "the authority in ca has not signed it"
  ],
  ["a certificate without a name", "cert", "noName", odd(authority, {}), "issue one with the node's id"],
  [
    "a certificate that has expired",
    "cert",
    "expired",
    odd(authority, { names: nodeName("far"), valid: [-2, -1] }),
    "issue a new one"
  ],
  [
    "a certificate that is not valid yet",
    "cert",
    "notYetValid",
    odd(authority, { names: nodeName("far"), valid: [1, 2] }),
    "clock"
  ],
  [
    "a certificate for servers alone",
    "cert",
    "purpose",
    odd(authority, { names: nodeName("far"), usages: ["1.3.6.1.5.5.7.3.1"] }),
    "clients"
  ],
  ["another node's certificate", "cert", "otherName", member(authority, "other"), `its id is "other"`],
  [
    "another cluster's certificate",
    "cert",
    "otherName",
    member(authority, "far", { cluster: "elsewhere" }),
    `its cluster is "elsewhere"`
  ]
]

describe("a transport does not start with", () => {
  for (const [what, option, reason, texts, says] of wrong) {
    it.live(`${what}, and says which file and what to do`, () =>
      Effect.gen(function* () {
        const paths = pathsIn(yield* directory)
        const given = { ...far, ...(yield* texts) }
        yield* write(paths, given)
        const fromFiles = yield* Effect.flip(TlsTransport.make({ ...paths, id: "far", cluster }))
        if (!failedWith(fromFiles)) return assert.fail(fromFiles.message)
        assert.deepInclude(fromFiles, { option, path: paths[option], reason })
        assert.include(fromFiles.message, `${option} ${paths[option]}: `)
        assert.include(fromFiles.detail, says)
        if (!given[option].includes("-----BEGIN")) return
        const fromTexts = yield* Effect.flip(TlsTransport.make({ ...given, id: "far", cluster }))
        if (!failedWith(fromTexts)) return assert.fail(fromTexts.message)
        assert.deepInclude(fromTexts, { option, path: undefined, reason })
        assert.notInclude(fromTexts.message, "PRIVATE KEY-----\nM")
      })
    )
  }

  const untyped: ReadonlyArray<
    readonly [what: string, options: object, option: CertificateError["option"], detail: string]
  > = [
    ["none of the three", {}, "cert", "it is not given"],
    ["no key", { ...far, key: undefined }, "key", "it is not given"],
    [
      "a key that is bytes",
      { ...far, key: Buffer.from(far.key) },
      "key",
      'it is bytes and not text; read the file as "utf8"'
    ],
    ["redacted bytes", { ...far, key: Redacted.make(Buffer.from(far.key)) }, "key", "it is bytes"],
    ["a URL", { ...far, cert: new URL("file:///cert.pem") }, "cert", "it is no text; the path of a PEM file"],
    ["an empty text", { ...far, ca: "" }, "ca", "it is empty; the path of a PEM file"],
    ["an id that is no text", { ...far, id: 5n }, "cert", `this node's is 5n`]
  ]
  for (const [what, options, option, detail] of untyped) {
    it.live(`${what}, and shows no key`, () =>
      Effect.gen(function* () {
        // @ts-expect-error: whoever has no types may give anything.
        const error = yield* Effect.flip(TlsTransport.make(options))
        if (!failedWith(error)) return assert.fail(error.message)
        assert.deepInclude(error, { option, path: undefined })
        assert.include(error.message, detail)
        assert.notInclude(error.message, far.key)
      })
    )
  }

  it.live("a file that is not there, or none, and says so", () =>
    Effect.gen(function* () {
      const folder = yield* directory
      const paths = pathsIn(folder)
      const missing = yield* Effect.flip(TlsTransport.make(paths))
      assert.include(missing.message, `cert ${paths.cert}: there is no such file`)
      yield* write(paths, far)
      yield* Effect.promise(() => mkdir(join(folder, "folder")))
      const isFolder = yield* Effect.flip(TlsTransport.make({ ...paths, ca: join(folder, "folder") }))
      if (!failedWith(isFolder)) return assert.fail(isFolder.message)
      assert.deepInclude(isFolder, { option: "ca", reason: "unreadable" })
    })
  )

  it.live("an interval that is none", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(TlsTransport.make({ ...far, reloadEvery: 1 }))
      assert.include(error.message, "reloadEvery: 1 is not a duration from 10 milliseconds to a day")
    })
  )
})

/** The certificate that a transport shows to who dials it. */
const shownBy = (transport: Transport["Service"]) =>
  Effect.scoped(
    Effect.map(tlsConnect(transport.address, near), (socket) => socket.getPeerX509Certificate()?.serialNumber)
  )

const reloads = (outcome: "loaded" | "failed") =>
  Effect.map(Metric.value(Metric.withAttributes(TlsMetrics.reloads, { outcome })), ({ count }) => count)

const awaitReloads = Effect.fnUntraced(function* (outcome: "loaded" | "failed", count: number) {
  for (let waited = 0; waited < 5_000 && (yield* reloads(outcome)) < count; waited++) yield* Effect.sleep(1)
  assert.strictEqual(yield* reloads(outcome), count)
})

describe("files that change", () => {
  it.live("are used for new links, dialed and accepted, while old links go on", () =>
    Effect.gen(function* () {
      const paths = pathsIn(yield* directory)
      yield* write(paths, far)
      const transport = yield* TlsTransport.make({ ...paths, reloadEvery: 10 })
      const other = yield* TlsTransport.make(near)
      const old = yield* other.dial(transport.address)
      const oldFar = yield* nextAccepted(transport)
      const before = yield* shownBy(transport)
      yield* write(paths, yield* member(authority, "far"))
      yield* awaitReloads("loaded", 1)
      assert.notStrictEqual(yield* shownBy(transport), before)
      assert.strictEqual((yield* other.dial(transport.address)).authenticatedId, "far")
      yield* transport.dial(other.address)
      yield* old.send([[Uint8Array.of(1)]])
      assert.deepStrictEqual(yield* oldFar.receive, [Uint8Array.of(1)])
      const { value } = yield* Metric.value(TlsMetrics.certificateExpiry)
      assert.isAbove(value, 1_700_000_000)
    }).pipe(alone)
  )

  it.live("and cannot be used are reported once, and what was in use before stays, until they can", () =>
    Effect.gen(function* () {
      const paths = pathsIn(yield* directory)
      yield* write(paths, far)
      const transport = yield* TlsTransport.make({ ...paths, reloadEvery: 10, id: "far" })
      const before = yield* shownBy(transport)
      const next = yield* member(authority, "far")
      // Half of a rotation: the certificate has come, and its key has not.
      yield* write(paths, { cert: next.cert })
      yield* awaitReloads("failed", 1)
      yield* Effect.sleep(100)
      yield* awaitReloads("failed", 1)
      assert.strictEqual(yield* shownBy(transport), before)
      yield* write(paths, { key: next.key })
      yield* awaitReloads("loaded", 1)
      assert.notStrictEqual(yield* shownBy(transport), before)
      // Somebody else's certificate is no new certificate of this node.
      yield* write(paths, near)
      while ((yield* reloads("failed")) < 2) yield* Effect.sleep(1)
      // Its files have come one by one, and each may have been found wrong: what the next failure is counted from is the last.
      yield* Effect.sleep(100)
      const failures = yield* reloads("failed")
      yield* Effect.promise(() => rm(paths.cert))
      while ((yield* reloads("failed")) === failures) yield* Effect.sleep(1)
      assert.notStrictEqual(yield* shownBy(transport), before)
    }).pipe(alone)
  )

  it.live("and cannot be used yet are taken up once they can, though nothing touches them any more", () =>
    Effect.gen(function* () {
      const paths = pathsIn(yield* directory)
      yield* write(paths, far)
      const transport = yield* TlsTransport.make({ ...paths, reloadEvery: 10 })
      const before = yield* shownBy(transport)
      // The clock of whoever issued it is ahead of this one's.
      const seconds = 1 / 3_600
      yield* write(paths, yield* odd(authority, { names: nodeName("far"), valid: [3 * seconds, 1] }))
      while ((yield* reloads("failed")) === 0) yield* Effect.sleep(1)
      yield* Effect.sleep(100)
      const failures = yield* reloads("failed")
      assert.strictEqual(yield* shownBy(transport), before)
      yield* awaitReloads("loaded", 1)
      assert.strictEqual(yield* reloads("failed"), failures)
      assert.notStrictEqual(yield* shownBy(transport), before)
    }).pipe(alone)
  )

  it.live("and name another node, or another cluster, are not taken up, though nobody said which the node is", () =>
    Effect.gen(function* () {
      const paths = pathsIn(yield* directory)
      yield* write(paths, far)
      const transport = yield* TlsTransport.make({ ...paths, reloadEvery: 10 })
      const before = yield* shownBy(transport)
      for (const other of [member(authority, "other"), member(authority, "far", { cluster: "elsewhere" })]) {
        yield* write(paths, yield* other)
        yield* Effect.sleep(100)
        assert.isAbove(yield* reloads("failed"), 0)
        assert.strictEqual(yield* reloads("loaded"), 0)
        assert.strictEqual(yield* shownBy(transport), before)
      }
    }).pipe(alone)
  )

  it.live("in nothing but their mode are looked at again", () =>
    Effect.gen(function* () {
      const paths = pathsIn(yield* directory)
      yield* write(paths, far)
      yield* TlsTransport.make({ ...paths, reloadEvery: 10 })
      yield* Effect.promise(() => chmod(paths.key, 0o600))
      yield* awaitReloads("loaded", 1)
    }).pipe(alone)
  )

  it.live("let one authority take over from another, and be rid of the former", () =>
    Effect.gen(function* () {
      const paths = pathsIn(yield* directory)
      yield* write(paths, far)
      const transport = yield* TlsTransport.make({ ...paths, reloadEvery: 10 })
      const ofNew = yield* member(stranger, "near")
      const dialWith = (who: Credentials) =>
        Effect.gen(function* () {
          const socket = yield* tlsConnect(transport.address, { ...who, rejectUnauthorized: false })
          socket.write(Uint8Array.of(0, 0, 0, 1, 7))
          return yield* Effect.raceFirst(
            Effect.map(nextAccepted(transport), (link) => link.authenticatedId),
            endOf(socket)
          )
        }).pipe(Effect.scoped)
      assert.include(["closed", "ECONNRESET"], yield* dialWith(ofNew))
      yield* write(paths, { ca: far.ca + stranger.certificate })
      yield* awaitReloads("loaded", 1)
      assert.strictEqual(yield* dialWith(ofNew), "near")
      assert.strictEqual(yield* dialWith(near), "near")
      yield* write(paths, { ...(yield* member(stranger, "far")), ca: stranger.certificate })
      while ((yield* dialWith(near)) === "near") yield* Effect.sleep(10)
      assert.strictEqual(yield* dialWith(ofNew), "near")
    }).pipe(alone)
  )

  it.live("are not looked at when they must not be", () =>
    Effect.gen(function* () {
      const paths = pathsIn(yield* directory)
      yield* write(paths, far)
      const transport = yield* TlsTransport.make({ ...paths, key: Redacted.make(paths.key), reloadEvery: false })
      const before = yield* shownBy(transport)
      yield* write(paths, yield* member(authority, "far"))
      yield* Effect.sleep(50)
      assert.strictEqual(yield* shownBy(transport), before)
    }).pipe(alone)
  )
})

describe("a certificate's end", () => {
  for (const reloadEvery of [undefined, false] as const) {
    it.effect(
      `is told, and warned of once when it is near and once when it is past, with reloadEvery ${reloadEvery}`,
      () =>
        Effect.gen(function* () {
          // Certificates begin in the real present.
          yield* TestClock.setTime(Date.now())
          const said: Array<unknown> = []
          const logger = Logger.make(({ message }) => void said.push(message))
          const ofOneDay = yield* member(authority, "far", { days: 1 })
          yield* TlsTransport.make({ ...ofOneDay, reloadEvery }).pipe(Effect.provide(Logger.layer([logger])))
          const { value } = yield* Metric.value(TlsMetrics.certificateExpiry)
          assert.strictEqual(Math.round((value - Date.now() / 1_000) / 3_600), 24)
          yield* TestClock.adjust("20 hours")
          assert.deepStrictEqual(said, [])
          yield* TestClock.adjust("3 hours")
          yield* TestClock.adjust("1 minute")
          assert.strictEqual(said.length, 1)
          assert.include(JSON.stringify(said), "about to expire")
          yield* TestClock.adjust("1 hour")
          yield* TestClock.adjust("1 hour")
          assert.strictEqual(said.length, 2)
          assert.include(JSON.stringify(said[1]), "has expired")
        }).pipe(alone)
    )
  }

  it.effect(
    "is told anew after a clock that was wrong has been set right, and so is a certificate that has not begun",
    () =>
      Effect.gen(function* () {
        yield* TestClock.setTime(Date.now())
        const said: Array<string> = []
        const logger = Logger.make(({ message }) => void said.push(JSON.stringify(message)))
        const clock = yield* Clock.Clock
        let hoursWrong = 0
        const millis = () => clock.currentTimeMillisUnsafe() + hoursWrong * 3_600_000
        const wrong = { ...clock, currentTimeMillisUnsafe: millis, currentTimeMillis: Effect.sync(millis) }
        const ofOneDay = yield* member(authority, "far", { days: 1 })
        yield* TlsTransport.make(ofOneDay).pipe(
          Effect.provide(Logger.layer([logger])),
          Effect.provideService(Clock.Clock, wrong)
        )
        for (const hours of [48, 0, -48, 0, 48]) {
          hoursWrong = hours
          yield* TestClock.adjust("2 minutes")
        }
        assert.deepStrictEqual(
          said.map((line) => /has expired|not valid yet/.exec(line)?.[0]),
          ["has expired", "not valid yet", "has expired"]
        )
      }).pipe(alone)
  )
})
