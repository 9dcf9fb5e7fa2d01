import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { cluster } from "@hyparview/cli/ClusterCommand"
import { StopSignal } from "@hyparview/cli/StopSignal"
import { Cause, Console, Effect, Exit, Layer } from "effect"
import * as Command from "effect/cli/Command"
import * as CliOutput from "effect/cli/CliOutput"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { exitCodeOf, layerConfig, layerPresenter } from "../src/internal/run.ts"

const root = Command.make("hyparview").pipe(Command.withSubcommands([cluster]))

const layerPlain = Layer.mergeAll(
  NodeServices.layer,
  layerConfig,
  layerPresenter,
  CliOutput.layer(CliOutput.defaultFormatter({ colors: false })),
  Layer.succeed(StopSignal, { wait: Effect.never })
)

/** Runs a command line that must not get as far as to start anything. */
const answer = Effect.fnUntraced(function* (line: string) {
  const said: Array<string> = []
  const console: Console.Console = {
    ...globalThis.console,
    log: (...parts: ReadonlyArray<unknown>) => said.push(parts.join(" ")),
    error: (...parts: ReadonlyArray<unknown>) => said.push(parts.join(" "))
  }
  const exit = yield* Command.runWith(root, { version: "1.2.3" })(line.split(" ").filter((word) => word !== "")).pipe(
    Effect.provide(layerPlain),
    Effect.provideService(Console.Console, console),
    Effect.exit
  )
  return { text: said.join("\n"), exitCode: exitCodeOf(exit, undefined) }
})

const wrong: ReadonlyArray<readonly [line: string, message: RegExp]> = [
  ["cluster --bogus", /Unrecognized flag: --bogus in command hyparview cluster/],
  ["cluster --node 3", /--nodes/],
  ["cluster --nodes", /--nodes/],
  ["cluster --nodes 0", /--nodes: "0"\. Expected: 1 to 10000/],
  ["cluster --nodes -5", /--nodes/],
  ["cluster --nodes many", /--nodes: "many"/],
  ["cluster --nodes 2.5", /--nodes: "2\.5"/],
  ["cluster --processes 0", /--processes: "0"\. Expected: 1 to/],
  ["cluster --nodes 3 --processes 5", /--processes 5 is more than --nodes 3/],
  ["cluster --exit --kill 101", /--kill: "101"\. Expected: a percentage from 0 to 99/],
  ["cluster --exit --kill 100", /--kill: "100"\. Expected: a percentage from 0 to 99/],
  ["cluster --exit --kill -1", /--kill/],
  ["cluster --exit --nodes 1 --kill 60", /--kill 60 of 1 node leaves nobody to heal/],
  ["cluster --kill 10", /--kill is a step of the scenario: add --exit/],
  ["cluster --json x.json", /--json holds the scenario's summary: add --exit/],
  ["cluster --port 70000", /--port: "70000"\. Expected: 1 to 65535/],
  ["cluster --dashboard-port 0", /--dashboard-port: "0"\. Expected: 1 to 65535/],
  ["cluster --no-dashboard --dashboard-port 7900", /--dashboard-port 7900 is of no use with --no-dashboard/],
  ["cluster --exit --dashboard-port 7900", /--dashboard-port 7900 is of no use with --exit/],
  ["cluster --strategy bush", /--strategy: "bush"/],
  ["cluster --trees one", /--trees: "one"/],
  ["cluster --strategy flood --trees source", /--trees source is of no use with --strategy flood/],
  ["cluster --log-level loud", /--log-level/],
  ["cluster extra", /extra/],
  ["clutser", /Unknown subcommand "clutser"/]
]

describe("bad input", () => {
  for (const [line, message] of wrong) {
    it.effect(`is answered with what is wrong, and exit code 2: ${line}`, () =>
      Effect.gen(function* () {
        const { exitCode, text } = yield* answer(line)
        assert.match(text, message)
        assert.match(text, /See hyparview.* --help\./)
        assert.isBelow(text.split("\n").length, 12)
        assert.strictEqual(exitCode, 2)
      })
    )
  }

  it.effect("includes a file that cannot be written, before anything is started", () =>
    Effect.gen(function* () {
      const folder = mkdtempSync(join(tmpdir(), "hyparview-"))
      const missing = yield* answer(`cluster --exit --json ${join(folder, "none", "x.json")}`)
      assert.match(missing.text, /--json .*x\.json: cannot be written: its directory does not exist/)
      assert.strictEqual(missing.exitCode, 2)
      const directory = yield* answer(`cluster --exit --json ${folder}`)
      assert.match(directory.text, /--json .*: cannot be written/)
      assert.strictEqual(directory.exitCode, 2)
      rmSync(folder, { recursive: true })
    })
  )
})

describe("help", () => {
  it.effect("teaches the flags, the exit codes and examples", () =>
    Effect.gen(function* () {
      const { exitCode, text } = yield* answer("cluster --help")
      for (const word of [
        "--nodes N",
        "--processes K",
        "--exit",
        "--kill P",
        "--seed S",
        "--json FILE",
        "--log-level"
      ]) {
        assert.include(text, word)
      }
      assert.include(text, "Exit codes: 0 all well")
      assert.include(text, "hyparview cluster --exit --nodes 300")
      assert.strictEqual(exitCode, 0)
    })
  )
})

describe("exit codes", () => {
  it("tell a signal from a failure", () => {
    const interrupted = Exit.failCause(Cause.interrupt(1))
    assert.strictEqual(exitCodeOf(Exit.void, undefined), 0)
    assert.strictEqual(exitCodeOf(interrupted, "SIGINT"), 130)
    assert.strictEqual(exitCodeOf(interrupted, "SIGTERM"), 143)
    assert.strictEqual(exitCodeOf(interrupted, "SIGHUP"), 129)
    assert.strictEqual(exitCodeOf(Exit.die(new Error("defect")), undefined), 1)
  })
})
