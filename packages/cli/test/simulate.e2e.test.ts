/** `hyparview simulate` as a user runs it: real processes, real signals. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { hyparview, main, waitFor } from "./command.ts"

/** Real processes on a machine that does other things too. */
const patience = { timeout: 90_000 }

const folder = mkdtempSync(join(tmpdir(), "hyparview-"))
afterAll(() => rmSync(folder, { recursive: true }))

const file = (name: string): string => join(folder, name)

/** A run that is under way: it has shown so by its first line of progress. */
const underWay = Effect.fnUntraced(function* (args: ReadonlyArray<string>) {
  const command = yield* hyparview(["simulate", ...args])
  yield* waitFor(command, " events ")
  return command
})

describe("a signal", patience, () => {
  it.live(
    "that arrives twice at once, as a Ctrl-C through npm does, stops a run once: what there is gets written",
    () =>
      Effect.gen(function* () {
        const command = yield* underWay([
          "stable",
          "--nodes",
          "500",
          "--cycles",
          "100000",
          "--json",
          file("twice.json")
        ])
        command.child.kill("SIGINT")
        yield* Effect.sleep("50 millis")
        command.child.kill("SIGINT")
        assert.strictEqual(yield* command.exit, 130)
        assert.include(command.output(), "SIGINT: stopping")
        assert.include(command.output(), "INTERRUPTED")
        assert.isFalse(JSON.parse(readFileSync(file("twice.json"), "utf8")).complete)
      }).pipe(Effect.scoped)
  )

  it.live("that follows another later gives up what there is", () =>
    Effect.gen(function* () {
      // Every path among so many nodes takes seconds to measure.
      const size = ["--nodes", "20000", "--contacts", "20000", "--cycles", "100000"]
      const command = yield* underWay(["stable", ...size, "--json", file("later.json")])
      command.child.kill("SIGINT")
      yield* waitFor(command, "SIGINT: stopping")
      yield* Effect.sleep("1100 millis")
      command.child.kill("SIGINT")
      assert.strictEqual(yield* command.exit, 130)
      assert.notInclude(command.output(), "INTERRUPTED")
      assert.isFalse(existsSync(file("later.json")))
    }).pipe(Effect.scoped)
  )
})

describe("an output that is full", patience, () => {
  it("is a failure that is told, and takes nothing with it that can be written", () => {
    const full = openSync("/dev/full", "w")
    const args = ["simulate", "stable", "--nodes", "50", "--cycles", "0", "--json", file("full.json")]
    const { status, stderr } = spawnSync(process.execPath, ["--conditions=source", main, ...args], {
      stdio: ["ignore", full, "pipe"],
      encoding: "utf8"
    })
    closeSync(full)
    assert.strictEqual(
      stderr,
      "standard output: cannot be written: no space left on the device; free some, or choose another place\n"
    )
    assert.strictEqual(status, 1)
    assert.isTrue(JSON.parse(readFileSync(file("full.json"), "utf8")).complete)
  })
})

describe("a reader that has gone", patience, () => {
  it.live("is no signal to a run that is over, and takes no file with it", () =>
    Effect.gen(function* () {
      const args = ["stable", "--nodes", "50", "--cycles", "0", "--json", file("piped.json")]
      const command = yield* hyparview(["simulate", ...args])
      command.child.stdout.destroy()
      assert.strictEqual(yield* command.exit, 1)
      assert.strictEqual(command.output(), "")
      assert.isTrue(JSON.parse(readFileSync(file("piped.json"), "utf8")).complete)
    }).pipe(Effect.scoped)
  )
})
