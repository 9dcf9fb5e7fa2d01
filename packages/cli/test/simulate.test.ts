import * as NodeServices from "@effect/platform-node/NodeServices"
import * as NodeTerminal from "@effect/platform-node/NodeTerminal"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { simulate } from "@hyparview/cli/SimulateCommand"
import { type Signal, StopSignal } from "@hyparview/cli/StopSignal"
import { Experiment, type Result } from "@hyparview/simulator"
import { Console, Deferred, Effect, Layer } from "effect"
import * as Terminal from "effect/Terminal"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { exitCodeOf, layerConfig, layerPresenter } from "../src/internal/run.ts"

const folder = mkdtempSync(join(tmpdir(), "hyparview-"))
afterAll(() => rmSync(folder, { recursive: true }))

const file = (name: string): string => join(folder, name)

const root = Command.make("hyparview").pipe(Command.withSubcommands([simulate]))

const layerPlain: Layer.Layer<NodeServices.NodeServices> = Layer.mergeAll(
  NodeServices.layer,
  layerConfig,
  layerPresenter,
  CliOutput.layer(CliOutput.defaultFormatter({ colors: false }))
)

/** No terminal, and no signal. */
const layerHost = Layer.mergeAll(
  Layer.succeed(TerminalCapabilities, { canColor: false, canAnimate: false, canPrompt: false }),
  Layer.succeed(StopSignal, { wait: Effect.never }),
  NodeTerminal.layer
)

/** Runs a command line, and gives what it printed and its exit code. */
const answer = Effect.fnUntraced(function* (
  line: string,
  signal?: Signal,
  host: Layer.Layer<StopSignal | Terminal.Terminal> = layerHost
) {
  const said: Array<string> = []
  const console: Console.Console = {
    ...globalThis.console,
    log: (...parts: ReadonlyArray<unknown>) => said.push(parts.join(" ")),
    error: (...parts: ReadonlyArray<unknown>) => said.push(parts.join(" "))
  }
  const words = `simulate ${line}`
    .split(" ")
    .filter((word) => word !== "")
    .map((word) => (word === '""' ? "" : word))
  const exit = yield* Command.runWith(root, { version: "1.2.3" })(words).pipe(
    Effect.provide(Layer.merge(layerPlain, host)),
    Effect.provideService(Console.Console, console),
    Effect.exit
  )
  return { text: said.join("\n"), exitCode: exitCodeOf(exit, signal) }
})

const read = (path: string): Record<string, unknown> => JSON.parse(readFileSync(path, "utf8"))

const isRun = (value: unknown): value is Result.Result =>
  typeof value === "object" && value !== null && "traceHash" in value

const readRun = (path: string): Result.Result => {
  const value = read(path)
  if (!isRun(value)) throw new Error(`${path} is not one result`)
  return value
}

const readRuns = (path: string): ReadonlyArray<Result.Result> => {
  const { runs } = read(path)
  return Array.isArray(runs) ? runs.filter(isRun) : []
}

/** A result without what depends on the machine. */
const repeatable = ({ cost: { events, messages }, ...run }: Result.Result) => ({ ...run, cost: { events, messages } })

const wrong: ReadonlyArray<readonly [line: string, message: RegExp]> = [
  ["", /Missing required argument: experiment/],
  ["stabel", /unknown experiment "stabel"\. Known are:\n *stable .*\n *failures .*\n *churn /],
  ["stable failures", /Unexpected positional argument: "failures"/],
  [
    "stable --bogus 3",
    /Unrecognized flag: --bogus in command hyparview simulate\n\nFlags are --nodes, --seed, .*--baseline/
  ],
  ["stable --nodes many", /--nodes: "many"/],
  ["stable --nodes 1", /--nodes 1: expected a whole number from 2 to 16,777,216/],
  ["stable --nodes 20000000", /--nodes 20000000: expected/],
  ["stable --nodes 10 --contacts 11", /--contacts 11: there are only 10 nodes/],
  ["stable --seed -1", /--seed -1: expected a whole number from 0/],
  ["stable --seed 9007199254740991 --seeds 2", /--seed 9007199254740991: seeds go up to 9007199254740991/],
  ["stable --seeds 0", /--seeds: "0"\. Expected: 1 to 10000/],
  ["stable --cycles -1", /--cycles -1: expected a whole number from 0/],
  ["stable --heartbeat -1", /--heartbeat -1: expected/],
  ["stable --latency warp", /--latency: "warp"\. Expected.*geographic/],
  [
    "stable --kill 50",
    /--kill has no effect on stable, only on failures, churn, plumtree, thicket\. For stable there are --nodes, --contacts/
  ],
  ["failures --gossips 3", /--gossips has no effect on failures, only on hashicorp/],
  ["plumtree --rate 20", /--rate has no effect at --pace drained: add --pace rate/],
  ["plumtree --rate 20 --pace cycle", /--rate has no effect at --pace cycle: add --pace rate/],
  ["failures --kill 101", /--kill: "101"\. Expected: a percentage from 0 to 100/],
  ["failures --nodes 10 --kill 100", /--kill 100: of 10 nodes at least one must survive/],
  ["hashicorp --send-failure 95", /--send-failure: "95"\. Expected: a percentage from 0 to 90/],
  ["hashicorp --send-attempts 0", /--send-attempts 0: expected a whole number from 1 to 100/],
  ["failures --ages --age-weight 0.5", /--ages is --age-weight 1: give one of them/],
  ["stable --age-weight 2", /--age-weight: "2"\. Expected: a weight from 0 to 1/],
  ["partition --cut one-way", /--cut one-way: heartbeats alone notice a one-way cut, so --heartbeat must not be 0/],
  ["partition --cut quarters", /--cut: "quarters"\. Expected.*islands/],
  ["partition --cut-minutes 0", /--cut-minutes 0: expected a whole number from 1 to 10,080/],
  ["partition --mix -1", /--mix -1: expected a whole number from 0/],
  ["stable --cut halves", /--cut has no effect on stable, only on partition/],
  ["stable --x-bot --x-bot-candidates 3", /--x-bot is --x-bot-candidates 4: give one of them/],
  ["stable --x-bot", /--latency constant: with constant latency all links cost the same: expected geographic/],
  ["stable --unbiased -1", /--unbiased -1: expected a whole number from 0 to 30/],
  ["stable --latency geographic --unbiased 2", /--unbiased has no effect without --x-bot/],
  ["failures --send-attempts 2", /--send-attempts has no effect without --send-failure/],
  ["hashicorp --send-failure 0 --send-attempts 2", /--send-attempts has no effect without --send-failure/],
  ["plumtree --strategy flood --optimize 3", /--optimize has no effect with --strategy flood/],
  ["plumtree --strategy flood --guide 9000", /--guide has no effect with --strategy flood/],
  ["plumtree --strategy flood --announce 9", /--announce has no effect with --strategy flood/],
  ["plumtree --strategy flood --prune-after 2", /--prune-after has no effect with --strategy flood/],
  ["plumtree --heal-cycles 2", /--heal-cycles has no effect without --kill or --failures/],
  [
    "plumtree --pace rate --kill 20 --heal-cycles 2",
    /--heal-cycles has no effect with --pace rate, only with --failures/
  ],
  ["thicket --heal-cycles 2", /--heal-cycles has no effect without --kill/],
  ["paper --part plumtree --messages 7", /--messages has no effect with --part plumtree/],
  [
    "plumtree --nodes 2 --cycles 0 --messages 3 --kill 50 --heal-cycles 1",
    /--kill 50: of 2 nodes 1 would be left, and a broadcast takes two; kill fewer, or give more --nodes/
  ],
  ['stable --json ""', /Missing value for flag --json. Expected: a path, which is not empty/],
  ['stable --report ""', /Missing value for flag --report. Expected: a path, which is not empty/],
  ["stable --edges x.csv --seeds 2", /--edges writes one graph, and --seeds 2 would give 2/]
]

describe("bad input", () => {
  for (const [line, message] of wrong) {
    it.effect(`is answered with what is wrong and what there is, and exit code 2: simulate ${line}`, () =>
      Effect.gen(function* () {
        const { exitCode, text } = yield* answer(line)
        assert.match(text, message)
        assert.match(text, /See hyparview simulate --help\./)
        assert.strictEqual(exitCode, 2)
      })
    )
  }

  it.effect("includes files that cannot be written or read, before anything is started", () =>
    Effect.gen(function* () {
      writeFileSync(file("plain"), "no folder")
      writeFileSync(file("other.json"), `{"name": "other"}`)
      const unusable = [
        [`--json ${file("none/x.json")}`, /--json .*x\.json: cannot be written: its directory does not exist/],
        [`--json ${folder}`, /--json .*: cannot be written/],
        [`--edges ${file("none/x.csv")}`, /--edges .*x\.csv: cannot be written/],
        [`--report ${file("plain/report")}`, /--report .*report: cannot be made: a part of its path is a file/],
        [`--baseline ${file("none.json")}`, /--baseline .*none\.json: cannot be read: no such file or directory/],
        [`--baseline ${file("plain")}`, /--baseline .*plain: not JSON/],
        [`--baseline ${file("other.json")}`, /--baseline .*other\.json: not the result of an experiment/],
        [`--json ${file("x")} --edges ${file("x")}`, /--json .*x and --edges .*x: .*x would be written twice/],
        [`--json ${file("linked/x")} --edges ${file("x")}`, /x would be written twice/],
        [
          `--json ${file("page/index.html")} --report ${file("linked/page")}`,
          /--json .* and the page of --report .*page: .*index\.html would be written twice/
        ],
        [`--edges ${file("index")} --report ${file("page")}`, /index\.html would be written twice/],
        [`--json ${file("page/a.svg")} --report ${file("page")}`, /--report .*page writes pictures there/],
        [`--report ${file("plain")}`, /--report .*plain: cannot be made: it is a file/],
        ["--report /proc/foo", /--report \/proc\/foo: cannot be made: \/proc takes no directories/],
        [`--report ${file("new/deep")} --json ${file("none/x")}`, /cannot be written/],
        [`--report ${file("new/deep")} --nodes 16000000`, /--nodes 16000000: they take .* at least/],
        [
          `--report ${file("new/deep")} --nodes 60 --latency geographic --x-bot --unbiased 20`,
          /^ *--unbiased 20: must be at most the size of the active view \(5\)$/m
        ]
      ] as const
      symlinkSync(folder, file("linked"))
      symlinkSync(file("page/index.html"), file("index"))
      for (const [flags, message] of unusable) {
        const { exitCode, text } = yield* answer(`stable ${flags}`)
        assert.match(text, message)
        assert.strictEqual(exitCode, 2)
      }
      for (const absent of ["x", "page", "new"]) assert.isFalse(existsSync(file(absent)), absent)
    })
  )

  it.effect("leaves existing files and absences as they were", () =>
    Effect.gen(function* () {
      writeFileSync(file("kept.json"), "kept")
      yield* answer(`stable --json ${file("kept.json")} --edges ${file("none/y")}`)
      yield* answer(`stable --json ${file("absent.json")} --edges ${file("none/y")}`)
      assert.strictEqual(readFileSync(file("kept.json"), "utf8"), "kept")
      assert.isFalse(existsSync(file("absent.json")))
    })
  )
})

describe("help", () => {
  it.effect("teaches the experiments, the flags with their defaults, the exit codes and examples", () =>
    Effect.gen(function* () {
      const { exitCode, text } = yield* answer("--help")
      for (const name of Experiment.names) assert.match(text, new RegExp(`^ +${name} +[A-Z].{30}`, "m"))
      assert.match(text, /--cycles C .*Default: 50; .*hashicorp: 0/)
      assert.match(text, /--kill P .*Default: 0; failures: 50; churn: 10/)
      assert.include(text, "Exit codes: 0 all well")
      assert.include(text, "hyparview simulate failures --kill 80")
      assert.strictEqual(exitCode, 0)
    })
  )
})

/** A thread starts in half a second, but on a busy machine it may take some. */
const patience = { timeout: 60_000 }

describe("a run", patience, () => {
  it.live("gives every field of the result, the graph, and a summary", () =>
    Effect.gen(function* () {
      const { exitCode, text } = yield* answer(
        `failures --nodes 80 --cycles 4 --kill 25 --messages 7 --seed 3 --json ${file("a.json")} --edges ${file("a.csv")}`
      )
      assert.strictEqual(exitCode, 0)
      const run = readRun(file("a.json"))
      assert.strictEqual(run.experiment, "failures")
      assert.strictEqual(run.seed, 3)
      assert.strictEqual(run.nodes, 80)
      assert.isTrue(run.complete)
      assert.strictEqual(run.config["kill"], 0.25)
      assert.match(run.traceHash, /^[0-9a-f]{16}$/)
      assert.strictEqual(run.overlay.alive, 60)
      assert.containsAllKeys(run.overlay, [
        "components",
        "largestComponent",
        "asymmetricLinks",
        "inBothViews",
        "overCapacity",
        "inDegree",
        "clustering",
        "averageShortestPath",
        "deadPassiveShare"
      ])
      assert.lengthOf(run.broadcasts, 7)
      assert.hasAllKeys(run.broadcasts[0], ["reliability", "rmr", "hops", "payload", "control"])
      assert.isNotNull(run.healingCycles)
      assert.isAbove(run.cost.events, 1_000)
      assert.isAbove(run.cost.messages, 1_000)
      assert.isAbove(run.cost.cpuSeconds, 0)
      assert.isAbove(run.cost.wallSeconds, 0)
      assert.closeTo(run.cost.eventsPerSecond, run.cost.events / run.cost.cpuSeconds, 1)
      assert.isAbove(run.cost.peakRssBytes, 10_000_000)

      const lines = readFileSync(file("a.csv"), "utf8").trimEnd().split("\n")
      const links = Object.entries(run.overlay.inDegree).reduce((sum, [degree, n]) => sum + Number(degree) * n, 0)
      assert.lengthOf(lines, links)
      for (const line of lines) assert.match(line, /^\d+,\d+$/)

      assert.include(text, "failures, 80 nodes, seed 3")
      assert.include(text, run.traceHash)
      assert.match(text, /7 messages: reliability [\d.]+ % on average/)
      assert.match(text, /events per CPU-second; .* CPU; .* wall; peak .* MB/)
    })
  )

  it.live("is the same again with the same seed, and so is each of several seeds side by side", () =>
    Effect.gen(function* () {
      const line = "stable --nodes 60 --cycles 3"
      yield* answer(`${line} --seed 5 --json ${file("one.json")}`)
      const { text } = yield* answer(`${line} --seed 4 --seeds 2 --json ${file("both.json")}`)
      const one = readRun(file("one.json"))
      const both = readRuns(file("both.json"))
      assert.hasAllKeys(read(file("both.json")), ["experiment", "runs"])
      assert.deepStrictEqual(
        both.map(({ seed }) => seed),
        [4, 5]
      )
      const again = both[1]
      assert.isDefined(again)
      if (again !== undefined) assert.deepStrictEqual(repeatable(again), repeatable(one))
      assert.strictEqual(new Set(both.map(({ traceHash }) => traceHash)).size, 2)
      for (const { traceHash } of both) assert.include(text, traceHash)
    })
  )

  it.live("keeps what can be written where something cannot", () =>
    Effect.gen(function* () {
      const { exitCode, text } = yield* answer(
        `stable --nodes 60 --cycles 1 --edges /dev/full --json ${file("kept.json")} --report ${file("kept")}`
      )
      assert.strictEqual(exitCode, 1)
      assert.include(text, "stable, 60 nodes, seed 1")
      assert.match(text, /^ *--edges \/dev\/full: cannot be written: no space left on the device; free some/m)
      assert.strictEqual(readRun(file("kept.json")).overlay.alive, 60)
      assert.include(readdirSync(file("kept")), "index.html")
    })
  )

  it.live("runs the papers' experiments with three seeds, and says what the whole has cost", () =>
    Effect.gen(function* () {
      const { text } = yield* answer(
        `paper --part hyparview --nodes 60 --cycles 1 --messages 2 --json ${file("paper.json")} --report ${file("paper")}`
      )
      const runs = readRuns(file("paper.json"))
      assert.deepStrictEqual([...new Set(runs.map(({ seed }) => seed))], [1, 2, 3])
      assert.hasAllKeys(read(file("paper.json")), ["experiment", "runs", "costs"])
      assert.include(readFileSync(file("paper/index.html"), "utf8"), "What it cost")
      // The runs' rows say which part they are, and so do the means'.
      for (const part of ["messages", "healing", "first messages"]) {
        assert.lengthOf(text.match(new RegExp(`^failures: ${part} +[123] +50\\.0 %`, "gm")) ?? [], 4)
      }
      assert.match(text, /^mean over seeds ± s +seeds +killed +reliability/m)
    })
  )

  it.live("writes a report with its pictures and its command, and both graphs of HashiCorp's scenario", () =>
    Effect.gen(function* () {
      const { exitCode } = yield* answer(
        `hashicorp --nodes 60 --gossips 5 --send-attempts 2 --edges ${file("g.csv")} --report ${file("report/deep")}`
      )
      assert.strictEqual(exitCode, 0)
      const html = readFileSync(file("report/deep/index.html"), "utf8")
      assert.include(html, "npm run simulate -- hashicorp --nodes 60 --send-attempts 2 --gossips 5 --seed 1")
      assert.include(readdirSync(file("report/deep")), "graph.svg")
      assert.match(readFileSync(file("g.csv"), "utf8"), /^\d+,\d+\n/)
      assert.match(readFileSync(file("g.passive.csv"), "utf8"), /^\d+,\d+\n/)
    })
  )

  it.live("is compared with a baseline", () =>
    Effect.gen(function* () {
      yield* answer(`stable --nodes 60 --cycles 3 --json ${file("base.json")}`)
      const { exitCode, text } = yield* answer(`stable --nodes 60 --cycles 4 --baseline ${file("base.json")}`)
      assert.match(text, /against the baseline, \d+ differences, but for \d in seconds and bytes of the machine:/)
      assert.match(text, /config\.cycles +3 +4 +\+33\.3 %/)
      assert.match(text, /traceHash +[0-9a-f]{16} +[0-9a-f]{16}/)
      assert.strictEqual(exitCode, 0)
      const { text: same } = yield* answer(`stable --nodes 60 --cycles 3 --baseline ${file("base.json")}`)
      assert.match(same, /against the baseline, no difference, but for \d in seconds and bytes of the machine:/)
    })
  )

  it.live("says which pictures beside its page are of another run", () =>
    Effect.gen(function* () {
      const line = `--nodes 40 --cycles 1 --report ${file("twice")}`
      const { text } = yield* answer(`failures --messages 2 --heal-cycles 2 ${line}`)
      assert.notInclude(text, "not of this run")
      const { exitCode, text: later } = yield* answer(`stable ${line}`)
      assert.match(later, /^beside it, and not of this run: dead-passive\.svg, healing\.svg, reliability\.svg$/m)
      assert.strictEqual(exitCode, 0)
    })
  )

  it.live("is not begun where it has nothing in common with its baseline, and says what little it has", () =>
    Effect.gen(function* () {
      const line = "stable --nodes 40 --cycles 0"
      yield* answer(`${line} --seeds 2 --json ${file("two.json")}`)
      for (const [other, message] of [
        [`${line} --seed 5`, /it has the seeds 1, 2, and this run seed 5: there is nothing to compare; give --seed 1/],
        [`${line} --seed 5 --seeds 2`, /this run the seeds 5, 6: there is nothing to compare/],
        ["churn", /it is of stable, and this is churn; only results of one experiment can be compared/]
      ] as const) {
        const { exitCode, text } = yield* answer(`${other} --baseline ${file("two.json")}`)
        assert.match(text, message)
        assert.match(text, /--baseline .*two\.json: /)
        assert.strictEqual(exitCode, 2)
      }
      const { exitCode, text } = yield* answer(`${line} --seed 2 --baseline ${file("two.json")}`)
      assert.match(text, /against the baseline, of seed 2 alone, 1 difference, but for/)
      assert.strictEqual(exitCode, 0)
    })
  )

  for (const [signal, exitCode] of [
    ["SIGINT", 130],
    ["SIGTERM", 143]
  ] as const) {
    it.live(`that ${signal} stops writes what there is and marks it, and its exit code is ${exitCode}`, () =>
      Effect.gen(function* () {
        // The signal comes when the bar is drawn for the first time: in the middle.
        const drawn = yield* Deferred.make<Signal>()
        const shown: Array<string> = []
        const terminal = yield* Terminal.Terminal
        const host = Layer.mergeAll(
          Layer.succeed(TerminalCapabilities, { canColor: false, canAnimate: true, canPrompt: false }),
          Layer.succeed(StopSignal, { wait: Deferred.await(drawn) }),
          Layer.succeed(Terminal.Terminal, {
            ...terminal,
            columns: Effect.succeed(100),
            display: (text) => {
              shown.push(text)
              return Effect.asVoid(Deferred.succeed(drawn, signal))
            }
          })
        )
        const path = file(`${signal}.json`)
        const stopped = yield* answer(`stable --nodes 50000 --json ${path}`, signal, host)
        assert.strictEqual(stopped.exitCode, exitCode)
        assert.match(stopped.text, new RegExp(`${signal}: stopping`))
        assert.match(stopped.text, /INTERRUPTED/)
        const run = readRun(path)
        assert.isFalse(run.complete)
        assert.isAbove(run.overlay.alive, 0)
        assert.isBelow(run.overlay.alive, 50_000)
        assert.match(shown[0] ?? "", /░ +\d+ % +joins +[\d.]+ [kM] events +[\d.]+ [kM]\/s/)
      }).pipe(Effect.provide(NodeTerminal.layer))
    )
  }
})
