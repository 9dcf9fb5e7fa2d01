/** Where a node's settings come from, and what is said of those that are wrong. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Redacted, type Scope } from "effect"
import { inspect } from "node:util"
import type { Key } from "../src/node/fields.ts"
import { flagOf, keys, variableOf } from "../src/node/fields.ts"
import { Environment, merge } from "../src/node/sources.ts"

interface Given {
  readonly flags?: Partial<Record<Key, string>>
  readonly variables?: Readonly<Record<string, string>>
  /** The file's content; text as it is, anything else as JSON. */
  readonly file?: unknown
}

/** What comes of it; `FILE` stands for the file's path. */
const merged = Effect.fnUntraced(function* ({ file, flags = {}, variables = {} }: Given) {
  const files = yield* FileSystem.FileSystem
  const path = `${yield* Effect.orDie(files.makeTempDirectoryScoped())}/node.json`
  const content = typeof file === "string" ? file : JSON.stringify(file)
  if (file !== undefined) yield* Effect.orDie(files.writeFileString(path, content))
  const environment = Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [name, value.replaceAll("FILE", path)])
  )
  return yield* merge(flags, file === undefined ? undefined : path).pipe(
    Effect.provideService(Environment, environment),
    Effect.mapError(({ exitCode, message }) => ({ exitCode, message: message.replaceAll(path, "FILE") }))
  )
})

const run = <A, E>(body: Effect.Effect<A, E, NodeServices.NodeServices | Scope.Scope>) =>
  body.pipe(Effect.scoped, Effect.provide(NodeServices.layer))

describe("the settings of a node", () => {
  it.effect("are the defaults where nobody says anything", () =>
    Effect.gen(function* () {
      const { settings, unknownVariables } = yield* merged({ flags: { id: "a" } })
      assert.deepStrictEqual(settings, {
        id: "a",
        cluster: "default",
        listen: "127.0.0.1:7946",
        contacts: [],
        clusterSize: 10_000,
        logFormat: "pretty",
        logLevel: "info"
      })
      assert.deepStrictEqual(unknownVariables, [])
    }).pipe(run)
  )

  it.effect("come from flags before variables before the file, each field by itself", () =>
    Effect.gen(function* () {
      const { settings } = yield* merged({
        flags: { id: "flag", contacts: "10.0.0.1:1, 10.0.0.2:2", clusterSize: "100" },
        variables: { HYPARVIEW_ID: "variable", HYPARVIEW_LISTEN: "[::1]:7", HYPARVIEW_CLUSTER_SIZE: "200" },
        file: { id: "file", listen: "127.0.0.1:9", cluster: "c", contacts: ["h:3"], clusterSize: 300, logLevel: "warn" }
      })
      const { cluster, clusterSize, contacts, id, listen, logLevel } = settings
      assert.deepStrictEqual(
        [id, listen, cluster, contacts, clusterSize, logLevel],
        ["flag", "[::1]:7", "c", ["10.0.0.1:1", "10.0.0.2:2"], 100, "warn"]
      )
    }).pipe(run)
  )

  it.effect("may be parameters of the protocols, in JSON, of which the last word counts as a whole", () =>
    Effect.gen(function* () {
      const { settings } = yield* merged({
        flags: { id: "a", membership: '{"activeSize":25}' },
        variables: { HYPARVIEW_BROADCAST: '{"strategy":"thicket"}' },
        file: { membership: { ageWeight: 0.5 }, broadcast: { retainedMillis: 60_000 } }
      })
      assert.deepStrictEqual(settings.membership, { activeSize: 25 })
      assert.deepStrictEqual(settings.broadcast, { strategy: "thicket" })
    }).pipe(run)
  )

  it.effect("may come from a file that a variable names; an empty variable is none", () =>
    Effect.gen(function* () {
      const files = yield* FileSystem.FileSystem
      const path = `${yield* files.makeTempDirectoryScoped()}/settings.json`
      yield* files.writeFileString(path, `{"id":"file"}`)
      const named = yield* merge({}, undefined).pipe(
        Effect.provideService(Environment, { HYPARVIEW_CONFIG: path, HYPARVIEW_ID: "" })
      )
      assert.strictEqual(named.settings.id, "file")
      const none = yield* Effect.flip(
        merge({}, undefined).pipe(Effect.provideService(Environment, { HYPARVIEW_CONFIG: "" }))
      )
      assert.match(none.message, /^no id: give --id, HYPARVIEW_ID, or "id" in a configuration file/)
    }).pipe(run)
  )

  it.effect("tell of variables that look like some and are none", () =>
    Effect.gen(function* () {
      const variables = { HYPARVIEW_CLUSTERSIZE: "1", HYPARVIEW_CLUSTER: "c", OTHER: "x" }
      const { unknownVariables } = yield* merged({ flags: { id: "a" }, variables })
      assert.deepStrictEqual(unknownVariables, ["HYPARVIEW_CLUSTERSIZE"])
    }).pipe(run)
  )

  it.effect("hold their secrets back from whoever writes them down", () =>
    Effect.gen(function* () {
      const tls = { tlsCert: "node.pem", tlsKey: "-----BEGIN secret", tlsCa: "ca.pem" }
      const { settings } = yield* merged({
        flags: { id: "a", admin: "127.0.0.1:1" },
        variables: { HYPARVIEW_ADMIN_TOKEN: "secret-of-twenty-letters" },
        file: tls
      })
      for (const dump of [JSON.stringify(settings), inspect(settings, { depth: 9 }), String(settings.adminToken)]) {
        assert.notInclude(dump, "secret")
      }
      const { adminToken, tlsKey } = settings
      assert.deepStrictEqual(
        [adminToken, tlsKey].map((secret) => secret && Redacted.value(secret)),
        ["secret-of-twenty-letters", tls.tlsKey]
      )
    }).pipe(run)
  )

  it("have one name in each source", () => {
    assert.deepStrictEqual(
      [flagOf("clusterSize"), variableOf("clusterSize")],
      ["cluster-size", "HYPARVIEW_CLUSTER_SIZE"]
    )
    assert.strictEqual(new Set(keys.map(variableOf)).size, keys.length)
  })
})

const wrong: ReadonlyArray<readonly [name: string, given: Given, message: RegExp]> = [
  ["a flag", { flags: { id: "a", listen: "here" } }, /^--listen: "here"\. Expected: HOST:PORT/],
  [
    "a variable",
    { flags: { id: "a" }, variables: { HYPARVIEW_CLUSTER_SIZE: "many" } },
    /^HYPARVIEW_CLUSTER_SIZE: "many"\./
  ],
  [
    "a field of the file",
    { file: { id: "a", logFormat: 7 } },
    /^FILE: logFormat: 7\. Expected: pretty, json or logfmt/
  ],
  [
    "parameters that are no JSON",
    { flags: { id: "a", broadcast: "flood" } },
    /^--broadcast: "flood"\. Expected: an object/
  ],
  [
    "parameters that are a list",
    { file: { id: "a", membership: [] } },
    /^FILE: membership: \[\]\. Expected: an object/
  ],
  [
    "a parameter out of its bounds",
    { variables: { HYPARVIEW_ID: "a", HYPARVIEW_MEMBERSHIP: '{"activeSize":99}' } },
    /^HYPARVIEW_MEMBERSHIP: activeSize is 99: expected a whole number from 1 to 30/
  ],
  [
    "a parameter that is misspelt",
    { flags: { id: "a", broadcast: '{"stratgy":"flood"}' } },
    /^--broadcast: stratgy is "flood": no such parameter\. Parameters are strategy, /
  ],
  [
    "a parameter with a value of a heap of text",
    { flags: { id: "a", broadcast: JSON.stringify({ strategy: "x".repeat(10_000) }) } },
    /^--broadcast: strategy is "x{99}…: expected plumtree or flood or thicket$/m
  ],
  [
    "parameters that are a list of lists, ten thousand deep",
    { flags: { id: "a", broadcast: "[".repeat(10_000) + "]".repeat(10_000) } },
    /^--broadcast: \[{100}…\. Expected: an object/
  ],
  ["a field of the wrong kind", { file: { id: "a", contacts: "x:1" } }, /^FILE: contacts: "x:1"\. Expected: up to 256/],
  ["one contact of several", { flags: { id: "a", contacts: "h:1,h" } }, /^--contacts: "h"\. Expected/],
  ["two of several", { flags: { id: "a", contacts: "f,h:1,g" } }, /^--contacts: \["f","g"\]\. Expected/],
  [
    "too many contacts",
    { flags: { id: "a", contacts: "h:1,".repeat(257) } },
    /^--contacts: \["h:1",.*…\. Expected: up to 256/
  ],
  ["a contact that nobody can dial", { flags: { id: "a", contacts: "h:0" } }, /^--contacts/],
  ["an empty id", { file: { id: "" } }, /^FILE: id: ""\. Expected: 1 to 255 bytes/],
  ["an id that is too long", { flags: { id: "ä".repeat(128) } }, /^--id: .*Expected: 1 to 255 bytes/],
  ["an id that is no text", { flags: { id: "\ud800" } }, /^--id: .*Expected: 1 to 255 bytes/],
  ["a URL that is none", { flags: { id: "a", otlp: "localhost:4318" } }, /^--otlp: "localhost:4318"\. Expected: a URL/],
  [
    "a field that there is not",
    { file: { id: "a", lisen: "x" } },
    /^--config FILE: no such field: "lisen"\. Fields are id, /
  ],
  ["a file that is no JSON", { file: "{" }, /^--config FILE: it is not JSON/],
  ["a file that holds no object", { file: "[]" }, /^--config FILE: it does not hold an object/],
  ["a file that is too large", { file: " ".repeat(1_048_577) }, /^--config FILE: 1048577 bytes are more than 1048576/],
  [
    "a file that is not there",
    { variables: { HYPARVIEW_CONFIG: "/nowhere/x.json" } },
    /^HYPARVIEW_CONFIG \/nowhere\/x\.json: cannot be read: no such file or directory/
  ],
  [
    "a listening address that nobody can dial",
    { flags: { id: "a", listen: "0.0.0.0:1" } },
    /^--listen 0\.0\.0\.0:1 .*--advertise/
  ],
  [
    "a listening address that nobody can dial, in another spelling",
    { flags: { id: "a", listen: "[0::0]:1" } },
    /^--listen \[0::0\]:1 .*--advertise/
  ],
  [
    "an advertised address that nobody can dial",
    { flags: { id: "a", listen: "0.0.0.0:1" }, variables: { HYPARVIEW_ADVERTISE: "[::]:1" } },
    /^HYPARVIEW_ADVERTISE \[::\]:1 is not an address/
  ],
  [
    "an admin side for others without a token",
    { flags: { id: "a", admin: "10.0.0.1:1" } },
    /^--admin 10\.0\.0\.1:1 .*HYPARVIEW_ADMIN_TOKEN/
  ],
  [
    "a certificate without its key",
    { flags: { id: "a" }, variables: { HYPARVIEW_TLS_CERT: "node.pem" }, file: { tlsCa: "ca.pem" } },
    /^HYPARVIEW_TLS_CERT is not enough for TLS: add --tls-key/
  ],
  [
    "a token without an admin side",
    { file: { id: "a", adminToken: "x".repeat(16) } },
    /^FILE: adminToken is for an admin server/
  ]
]

describe("wrong settings of a node", () => {
  for (const [name, given, message] of wrong) {
    it.effect(`are named with field and source: ${name}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(merged(given))
        assert.match(error.message, message)
        assert.match(error.message, /See hyparview node --help\.$/)
        assert.strictEqual(error.exitCode, 2)
      }).pipe(run)
    )
  }

  it.effect("are all named at once", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        merged({ flags: { listen: "x" }, variables: { HYPARVIEW_OTLP: "x" }, file: { clusterSize: 0 } })
      )
      for (const word of ["--listen", "HYPARVIEW_OTLP", "FILE: clusterSize", "no id"])
        assert.include(error.message, word)
    }).pipe(run)
  )

  it.effect("are named at once too where they are parameters, or contradict each other", () =>
    Effect.gen(function* () {
      const parameters = { membership: '{"activeSize":0}', broadcast: '{"trees":"one"}' }
      const error = yield* Effect.flip(merged({ flags: { id: "a", tlsCert: "node.pem", ...parameters } }))
      for (const fault of ["--membership: activeSize is 0", '--broadcast: trees is "one"', "--tls-cert is not enough"])
        assert.include(error.message, fault)
    }).pipe(run)
  )

  it.effect("do not show a token", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(merged({ flags: { id: "a", admin: "127.0.0.1:1", adminToken: "secret word" } }))
      assert.match(error.message, /^--admin-token: .*Expected: 16 to 1024/)
      assert.notInclude(error.message, "secret")
    }).pipe(run)
  )

  it.effect("do not show a secret from the file either, wrong or in a wrong place", () =>
    Effect.gen(function* () {
      for (const adminToken of [["secret word"], { secret: 1 }, "secret", "a-secret-of-twenty-four"]) {
        const error = yield* Effect.flip(merged({ file: { id: "a", tlsKey: "secret.pem", adminToken } }))
        assert.notInclude(String(error.message), "secret")
      }
    }).pipe(run)
  )
})
