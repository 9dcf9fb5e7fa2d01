import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { hyparview, waitFor } from "./command.ts"

/**
 * Real processes on a machine that does other things too; and an odd free slot may rest for a minute before it moves on,
 * where eight nodes have few ways to fill it.
 */
const patience = 180_000

const childrenOf = (pid: number): ReadonlyArray<number> =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
    .split(" ")
    .filter((text) => text !== "")
    .map(Number)

const isRunning = (pid: number): boolean => {
  try {
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, "utf8"))
  } catch {
    return false
  }
}

const Result = Schema.fromJsonString(
  Schema.Struct({
    ok: Schema.Boolean,
    nodes: Schema.Int,
    seed: Schema.Int,
    strategy: Schema.String,
    trees: Schema.String,
    killed: Schema.Struct({ nodes: Schema.Int, processes: Schema.Int, contact: Schema.Boolean }),
    steps: Schema.Array(Schema.Struct({ name: Schema.String, ok: Schema.Boolean, seconds: Schema.Finite })),
    figures: Schema.Struct({
      killToWholeSeconds: Schema.Finite,
      residentBytesPerNode: Schema.Finite,
      copiesAfterJoin: Schema.Struct({ first: Schema.Finite, last: Schema.Finite })
    })
  })
)

describe("hyparview cluster", () => {
  it.live(
    "shows what its nodes log where that is asked for, also in the scenario, on standard error",
    () =>
      Effect.gen(function* () {
        const args = ["cluster", "--exit", "--nodes", "2", "--processes", "1", "--log-level", "debug"]
        const command = yield* hyparview(args)
        let errors = ""
        command.child.stderr.on("data", (chunk: string) => {
          errors += chunk
        })
        yield* waitFor(command, "[process 0] ")
        assert.match(errors, /^\[process 0\] .*level=DEBUG/m)
      }).pipe(Effect.scoped),
    patience
  )

  it.live(
    "plays the scenario on real sockets, holds every step, and writes the summary",
    () =>
      Effect.gen(function* () {
        const folder = mkdtempSync(join(tmpdir(), "hyparview-"))
        const json = join(folder, "result.json")
        const args = ["cluster", "--exit", "--nodes", "12", "--processes", "3", "--seed", "5", "--json", json]
        const command = yield* hyparview(args)
        yield* waitFor(command, "ok      start")
        const workers = childrenOf(command.child.pid ?? 0)
        assert.strictEqual(workers.length, 3)
        const code = yield* command.exit
        assert.strictEqual(code, 0, command.output())
        assert.include(command.output(), "every step held")
        const result = yield* Schema.decodeEffect(Result)(readFileSync(json, "utf8"))
        assert.isTrue(result.ok)
        assert.deepStrictEqual([result.nodes, result.seed, result.killed.nodes, result.killed.processes], [12, 5, 5, 1])
        assert.strictEqual(result.steps.length, 10)
        assert.deepStrictEqual(workers.filter(isRunning), [])
        rmSync(folder, { recursive: true })
      }),
    patience
  )

  it.live(
    "plays it over mutual TLS, with another strategy, which the summary names and the nodes have",
    () =>
      Effect.gen(function* () {
        const folder = mkdtempSync(join(tmpdir(), "hyparview-"))
        const json = join(folder, "result.json")
        const args = [
          "cluster",
          "--exit",
          "--tls",
          "--nodes",
          "8",
          "--processes",
          "2",
          "--seed",
          "5",
          "--strategy",
          "flood",
          "--json",
          json
        ]
        const command = yield* hyparview(args)
        assert.strictEqual(yield* command.exit, 0, command.output())
        assert.include(command.output(), "8 nodes in 2 processes over mutual TLS with floods")
        assert.include(command.output(), "every step held")
        const result = yield* Schema.decodeEffect(Result)(readFileSync(json, "utf8"))
        assert.deepStrictEqual([result.strategy, result.trees], ["flood", "shared"])
        // Each of the eight has five neighbours: along a tree it would be 1.
        assert.isAbove(result.figures.copiesAfterJoin.last, 3)
        rmSync(folder, { recursive: true })
      }),
    patience
  )

  it.live(
    "stays up without a terminal in plain lines, and leaves at SIGTERM with exit code 0",
    () =>
      Effect.gen(function* () {
        const command = yield* hyparview(["cluster", "--nodes", "6", "--processes", "2"])
        yield* waitFor(command, "components 1, all 6 nodes in it")
        assert.notInclude(command.output(), "\u001B[")
        const workers = childrenOf(command.child.pid ?? 0)
        assert.strictEqual(workers.length, 2)
        command.child.kill("SIGTERM")
        assert.strictEqual(yield* command.exit, 0, command.output())
        assert.match(command.output(), /SIGTERM: leaving\n6 nodes left\n$/)
        assert.deepStrictEqual(workers.filter(isRunning), [])
      }),
    patience
  )

  it.live(
    "leaves where its terminal closes, and leaves no keys behind",
    () =>
      Effect.gen(function* () {
        const folder = mkdtempSync(join(tmpdir(), "hyparview-"))
        const args = ["cluster", "--tls", "--no-dashboard", "--nodes", "2", "--processes", "1"]
        const command = yield* hyparview(args, { TMPDIR: folder })
        yield* waitFor(command, "components 1, all 2 nodes in it")
        assert.strictEqual(readdirSync(folder).length, 1)
        command.child.kill("SIGHUP")
        assert.strictEqual(yield* command.exit, 0, command.output())
        assert.deepStrictEqual(readdirSync(folder), [])
        rmSync(folder, { recursive: true })
      }),
    patience
  )

  it.live(
    "says which port is in use, with exit code 3",
    () =>
      Effect.gen(function* () {
        const first = yield* hyparview(["cluster", "--nodes", "1", "--processes", "1"])
        yield* waitFor(first, "joining through")
        const port = /joining through \S+:(\d+)/.exec(first.output())?.[1] ?? "?"
        const second = yield* hyparview(["cluster", "--nodes", "2", "--port", port])
        assert.strictEqual(yield* second.exit, 3, second.output())
        assert.match(second.output(), new RegExp(`n1 could not start: .*${port}`))
      }),
    patience
  )
})
