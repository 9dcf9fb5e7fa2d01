import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { certs } from "@hyparview/cli/CertsCommand"
import * as CertificateFiles from "@hyparview/transport-tcp/CertificateFiles"
import * as TlsTransport from "@hyparview/transport-tcp/TlsTransport"
import { Console, Effect, Layer, Stream } from "effect"
import * as Command from "effect/cli/Command"
import * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { exitCodeOf, layerConfig, layerPresenter } from "../src/internal/run.ts"

const root = Command.make("hyparview").pipe(Command.withSubcommands([certs]))

const layerPlain = Layer.mergeAll(
  NodeServices.layer,
  layerConfig,
  layerPresenter,
  CliOutput.layer(CliOutput.defaultFormatter({ colors: false }))
)

/** Runs a command line, and gives what it said and how it ended. */
const hyparview = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
  const said: Array<string> = []
  const console: Console.Console = {
    ...globalThis.console,
    log: (...parts: ReadonlyArray<unknown>) => said.push(parts.join(" ")),
    error: (...parts: ReadonlyArray<unknown>) => said.push(parts.join(" "))
  }
  const exit = yield* Command.runWith(root, { version: "1.2.3" })(args).pipe(
    Effect.tapError((error) => Effect.sync(() => said.push(CliError.isCliError(error) ? "" : error.message))),
    Effect.provide(layerPlain),
    Effect.provideService(Console.Console, console),
    Effect.exit
  )
  return { text: said.join("\n"), exitCode: exitCodeOf(exit, undefined) }
})

const directory = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "hyparview-test-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true }))
)

const modeOf = (path: string) => Effect.promise(async () => (await stat(path)).mode & 0o777)

describe("hyparview certs", () => {
  it.live("makes an authority and certificates with which two nodes speak, and says what it made", () =>
    Effect.gen(function* () {
      const dir = join(yield* directory, "pki")
      const made = yield* hyparview("certs", "init", "--dir", dir, "--name", "Anna's", "--days", "10")
      assert.strictEqual(made.exitCode, 0)
      assert.include(made.text, join(dir, "ca.pem"))
      const issued = yield* hyparview("certs", "issue", "--dir", dir, "--id", "a", "--id", "b/ü", "--cluster", "shop")
      assert.strictEqual(issued.exitCode, 0)
      assert.include(issued.text, "2 certificates of cluster shop:")
      assert.include(issued.text, join(dir, "a"))

      const a = yield* TlsTransport.make({ ...CertificateFiles.nodeFiles(dir, "a"), id: "a", cluster: "shop" })
      const b = yield* TlsTransport.make(CertificateFiles.nodeFiles(dir, "b/ü"))
      const link = yield* a.dial(b.address)
      assert.strictEqual(link.authenticatedId, "b/ü")
      const accepted = yield* Effect.flatMap(Stream.runHead(b.accepted), Effect.fromOption)
      assert.strictEqual(accepted.authenticatedId, "a")

      const { cert, key } = CertificateFiles.nodeFiles(dir, "a")
      assert.strictEqual(yield* modeOf(key), 0o600)
      assert.strictEqual(yield* modeOf(join(dir, "ca.key")), 0o600)
      assert.strictEqual(yield* modeOf(dir), 0o700)
      assert.notInclude(made.text + issued.text, "PRIVATE KEY")

      const shown = yield* hyparview("certs", "show", cert)
      for (const line of [/^id +a$/m, /^cluster +shop$/m, /^valid .*, 10 days left$/m, /^issuer +CN=Anna's$/m]) {
        assert.match(shown.text, line)
      }
      assert.match((yield* hyparview("certs", "show", join(dir, "ca.pem"))).text, /^authority +CN=Anna's$/m)
    })
  )

  it.live("overwrites nothing without --force", () =>
    Effect.gen(function* () {
      const dir = yield* directory
      yield* hyparview("certs", "init", "--dir", dir)
      yield* hyparview("certs", "issue", "--dir", dir, "--id", "a")
      const { cert, key } = CertificateFiles.nodeFiles(dir, "a")
      const paths = [join(dir, "ca.pem"), join(dir, "ca.key"), cert, key]
      const texts = () => Effect.promise(() => Promise.all(paths.map((path) => readFile(path, "utf8"))))
      const before = yield* texts()
      for (const args of [
        ["certs", "init", "--dir", dir],
        // The new one is not written either.
        ["certs", "issue", "--dir", dir, "--id", "new", "--id", "a"]
      ]) {
        const { exitCode, text } = yield* hyparview(...args)
        assert.strictEqual(exitCode, 2)
        assert.include(text, "it exists already; --force replaces it")
      }
      assert.deepStrictEqual(yield* texts(), before)
      assert.notInclude(yield* Effect.promise(() => readdir(dir)), "new")
      const { exitCode } = yield* hyparview("certs", "issue", "--dir", dir, "--id", "a", "--force")
      assert.strictEqual(exitCode, 0)
      const after = yield* texts()
      assert.deepStrictEqual(after.slice(0, 2), before.slice(0, 2))
      assert.notStrictEqual(after[2], before[2])
      assert.strictEqual(yield* modeOf(key), 0o600)
    })
  )

  it.live("has a place for a node that is called like the authority's files", () =>
    Effect.gen(function* () {
      const dir = yield* directory
      yield* hyparview("certs", "init", "--dir", dir)
      for (const id of ["ca.pem", "ca.key", "CA.PEM", "ca.key.new"]) {
        const { exitCode, text } = yield* hyparview("certs", "issue", "--dir", dir, "--id", id)
        assert.strictEqual(exitCode, 0, text)
        assert.include(yield* Effect.promise(() => readdir(CertificateFiles.nodeDirectory(dir, id))), "cert.pem")
      }
      assert.strictEqual((yield* hyparview("certs", "init", "--dir", dir, "--force")).exitCode, 0)
    })
  )

  it.live("answers bad input with what is wrong and what to do, and leaves nothing behind", () =>
    Effect.gen(function* () {
      const dir = yield* directory
      const empty = join(dir, "none")
      yield* hyparview("certs", "init", "--dir", join(dir, "one"))
      yield* hyparview("certs", "init", "--dir", join(dir, "two"))
      yield* Effect.promise(async () => {
        await writeFile(join(dir, "two/ca.key"), await readFile(join(dir, "one/ca.key")))
        await writeFile(join(dir, "text"), "hello")
        await writeFile(join(dir, "one/node"), "a file")
        await mkdir(join(dir, "taken/ca.key"), { recursive: true })
      })
      const one = join(dir, "one")
      const wrong: ReadonlyArray<readonly [ReadonlyArray<string>, string]> = [
        [["init"], "--dir"],
        [["init", "--dir", ""], "the path of a directory, not empty"],
        [["init", "--dir", empty, "--days", "0"], "above 0"],
        [["init", "--dir", empty, "--name", ""], "name: not 1 to 64 characters"],
        [["init", "--dir", "/proc/nope"], "/proc/nope: /proc takes no directories"],
        [["init", "--dir", join(dir, "text")], "a file is in the way; move it, or choose another name"],
        [["init", "--dir", join(dir, "text/x")], "a part of its path is a file, no directory"],
        [["init", "--force", "--dir", join(dir, "taken")], "taken/ca.key: "],
        [["issue", "--dir", one, "--id", "node"], "one/node: a file is in the way; move it, or choose another name"],
        [["issue", "--dir", empty, "--id", "a"], `make one: hyparview certs init --dir ${empty}`],
        [["issue", "--dir", one], "--id"],
        [["issue", "--dir", one, "--id", "a", "--id", ""], "id: the id has 0 bytes"],
        [["issue", "--dir", one, "--id", "a", "--cluster", ""], "the cluster's name has 0 bytes"],
        [["issue", "--dir", one, "--id", "a", "--hosts", "a b"], "host names and IP addresses belong here"],
        [["issue", "--dir", join(dir, "two"), "--id", "a"], "its key is another certificate's"],
        [["show", join(dir, "nothing")], "cannot be read (NotFound)"],
        [["show", dir], "it is not a file"],
        [["show", join(dir, "text")], "not a PEM certificate"],
        [["shwo"], "Unknown subcommand"]
      ]
      for (const [args, says] of wrong) {
        const { exitCode, text } = yield* hyparview("certs", ...args)
        assert.include(text, says, args.join(" "))
        assert.strictEqual(exitCode, 2, args.join(" "))
      }
      const left = yield* Effect.promise(() => readdir(dir, { recursive: true }))
      assert.deepStrictEqual(left.sort(), [
        "one",
        "one/ca.key",
        "one/ca.pem",
        "one/node",
        "taken",
        "taken/ca.key",
        "text",
        "two",
        "two/ca.key",
        "two/ca.pem"
      ])
    })
  )

  it.live("shows a stranger's certificate without letting it speak to the terminal", () =>
    Effect.gen(function* () {
      const dir = yield* directory
      yield* hyparview("certs", "init", "--dir", dir)
      yield* hyparview("certs", "issue", "--dir", dir, "--id", "\u001B[31mred\u202E")
      const { text } = yield* hyparview("certs", "show", CertificateFiles.nodeFiles(dir, "\u001B[31mred\u202E").cert)
      assert.include(text, "\\u{1b}[31mred\\u{202e}")
      assert.notInclude(text, "\u001B")
    })
  )
})
