/** A small soak of real processes, and the command around it. */
import { assert, describe, it } from "@effect/vitest"
import { Supervisor } from "@hyparview/cluster"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import * as SoakRun from "../src/SoakRun.ts"

const options: SoakRun.Options = {
  nodes: 12,
  processes: 2,
  tls: false,
  strategy: "plumtree",
  trees: "shared",
  seed: 3,
  warmUpMillis: 4_000,
  watchMillis: 12_000,
  sampleMillis: 1_000,
  churnMillis: 500,
  stay: 0.5,
  partitionMillis: 6_000,
  retentionMillis: 20_000,
  topics: 5,
  perSecond: 10
}

describe("a soak", () => {
  it.live(
    "of twelve nodes kills, cuts, publishes, samples everything, and finds nothing wrong",
    () =>
      Effect.gen(function* () {
        const phases = new Set<string>()
        const outcome = yield* SoakRun.soak(options, ({ phase }) => Effect.sync(() => phases.add(phase)))
        assert.deepStrictEqual(outcome.breaches, [])
        assert.isTrue(outcome.isComplete)
        assert.deepStrictEqual([...phases], ["warm-up", "watch", "calm", "done"])
        const { marks, totals } = outcome
        // Of each at least some: how much there is in sixteen seconds (32 kills, 160 messages at most) the machine decides.
        assert.isAtLeast(marks.kills, 3)
        assert.strictEqual(marks.restarts, marks.kills)
        assert.isAtLeast(marks.cutsSilent, 1)
        assert.isAtLeast(marks.cutsReset, 1)
        assert.isAtLeast(totals.published, 20)
        assert.isAtLeast(totals.owed, 5 * totals.judged)
        assert.strictEqual(totals.judged + totals.lostWithPublisher, totals.published)
        const names = outcome.judged.map(({ name }) => name)
        for (const name of ["memory.resident", "memory.heap", "fibers", "handles.TCPSocketWrap", "broadcast.streams"]) {
          assert.include(names, name)
        }
        assert.isAtLeast(outcome.samples.length, 3)
      }).pipe(Effect.provide(Supervisor.layer(SoakRun.supervisorOptions(options)))),
    // A guard only: alone on a machine it takes half a minute.
    240_000
  )
})

describe("the supervisor of a soak", () => {
  it("is told how broadcasts travel", () => {
    const { broadcast } = SoakRun.supervisorOptions({ ...options, strategy: "thicket" })
    assert.deepStrictEqual(broadcast, { strategy: "thicket", trees: "shared" })
  })
})

const main = fileURLToPath(new URL("../src/soakMain.ts", import.meta.url))

/** The command, and what it wrote when it ended. */
const run = (args: ReadonlyArray<string>, onOutput: (text: string, pid: number, kill: () => void) => void = () => {}) =>
  Effect.callback<{ readonly code: number | null; readonly output: string }>((resume) => {
    const child = spawn(process.execPath, ["--conditions=source", main, ...args])
    let output = ""
    const onData = (chunk: Buffer): void => {
      output += chunk.toString()
      onOutput(output, child.pid ?? 0, () => child.kill("SIGINT"))
    }
    child.stdout.on("data", onData)
    child.stderr.on("data", onData)
    child.on("close", (code) => resume(Effect.succeed({ code, output })))
    return Effect.sync(() => child.kill("SIGKILL"))
  })

const childrenOf = (pid: number): ReadonlyArray<number> =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number)

describe("the command", () => {
  it.live.each([
    { args: ["--minutes", "0"], says: "0.1 to 100000 minutes" },
    { args: ["--minutes", "1", "--nodes", "3"], says: "a whole number from 4 to 1000" },
    { args: ["--minutes", "1", "--nodes", "5", "--processes", "6"], says: "--processes 6 is more than --nodes 5" },
    { args: ["--minutes", "1", "--json", "/no/such/place"], says: "--json /no/such/place: cannot be written" },
    { args: [], says: "minutes" }
  ])("refuses bad input, says what is wrong, and starts nothing: %o", ({ args, says }) =>
    Effect.gen(function* () {
      const { code, output } = yield* run(args)
      assert.strictEqual(code, 2)
      assert.include(output, says)
      assert.notInclude(output, "nodes in")
    })
  )

  it.live("says once what it has against a file", () =>
    Effect.gen(function* () {
      const { output } = yield* run(["--minutes", "1", "--json", "/no/such/place"])
      assert.strictEqual(output.trim(), "ERROR\n  --json /no/such/place: cannot be written (NotFound)")
    })
  )

  it.live("ends all that it started when it is interrupted, and prints what it has seen", () =>
    Effect.gen(function* () {
      let workers: ReadonlyArray<number> = []
      const args = ["--minutes", "5", "--nodes", "6", "--processes", "2", "--sample", "0.5"]
      const { code, output } = yield* run(args, (text, pid, kill) => {
        if (workers.length > 0 || !text.includes("warm-up;")) return
        workers = childrenOf(pid)
        kill()
      })
      assert.strictEqual(code, 130)
      assert.include(output, "Interrupted: not everything was judged.")
      assert.strictEqual(workers.length, 2)
      for (const pid of workers) while (existsSync(`/proc/${pid}`)) yield* Effect.sleep(10)
    })
  )
})
