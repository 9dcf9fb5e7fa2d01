/**
 * `hyparview cluster`: a live cluster on this machine.
 *
 * @since 0.1.0
 */
import { Supervisor } from "@hyparview/cluster"
import * as KillPlan from "@hyparview/cluster/KillPlan"
import * as RoutingFlags from "@hyparview/cluster/RoutingFlags"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import * as CliError from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Scenario from "./ClusterScenario.ts"
import { CommandFailed } from "./ExitCode.ts"
import * as ExitCode from "./ExitCode.ts"
import { live } from "./internal/clusterLive.ts"
import { report, stepLine } from "./internal/clusterReport.ts"
import { checkWritable, writeText } from "./internal/files.ts"
import { many } from "./internal/table.ts"

/** Descriptors: a process may hold 20,000, and a node takes a dozen. More is a matter of several machines. */
const mostNodes = 10_000

const defaultNodes = 50
const defaultKill = 40

/**
 * At least five processes, and one for every 400 nodes: with up to 40 descriptors a node while it joins these stay below
 * 20,000, and every process costs a second of processor time to start, and seconds until its code is compiled (joins of 300
 * nodes: 20 ms of processor time a node in 2 processes, 44 in 4).
 */
const defaultProcesses = (nodes: number): number => Math.min(nodes, Math.max(5, Math.ceil(nodes / 400)))

const whole = (name: string, least: number, most: number) =>
  Flag.Int(name).pipe(
    Flag.filter(
      (value) => value >= least && value <= most,
      () => `${least} to ${most}`
    )
  )

const flags = {
  nodes: whole("nodes", 1, mostNodes).pipe(
    Flag.withDefault(defaultNodes),
    Flag.withMetavar("N"),
    Flag.withDescription(`How many nodes, 1 to ${mostNodes}. All join through the first`)
  ),
  processes: whole("processes", 1, mostNodes).pipe(
    Flag.optional,
    Flag.withMetavar("K"),
    Flag.withDescription("In how many processes, at most one per node. Default: 5, or one for every 400 nodes")
  ),
  tls: Flag.Boolean("tls").pipe(
    Flag.withDefault(false),
    Flag.withDescription("Mutual TLS between the nodes, with certificates made for the occasion and removed at the end")
  ),
  ...RoutingFlags.flags,
  exit: Flag.Boolean("exit").pipe(
    Flag.withDefault(false),
    Flag.withDescription("Play the scenario (join, broadcast, kill, heal, broadcast, leave), print a summary, and exit")
  ),
  kill: Flag.Finite("kill").pipe(
    Flag.filter(
      (value) => value >= 0 && value < 100,
      () => "a percentage from 0 to 99 (somebody must be left to heal)"
    ),
    Flag.optional,
    Flag.withMetavar("P"),
    Flag.withDescription(`With --exit: how many percent of the nodes to kill. Default: ${defaultKill}`)
  ),
  seed: whole("seed", 0, Number.MAX_SAFE_INTEGER).pipe(
    Flag.optional,
    Flag.withMetavar("S"),
    Flag.withDescription("Decides who is killed and who broadcasts. Default: drawn, and printed")
  ),
  port: whole("port", 1, 65_535).pipe(
    Flag.optional,
    Flag.withMetavar("PORT"),
    Flag.withDescription("The first node's port, so that other nodes know where to join. Default: any free one")
  ),
  dashboard: Flag.Boolean("dashboard").pipe(
    Flag.withDefault(true),
    Flag.withDescription("Serve a page on this machine that shows the cluster and acts on it. --no-dashboard: none")
  ),
  dashboardPort: whole("dashboard-port", 1, 65_535).pipe(
    Flag.optional,
    Flag.withMetavar("PORT"),
    Flag.withDescription("Where the page is served. Default: any free port, which is printed")
  ),
  json: Flag.String("json").pipe(
    Flag.optional,
    Flag.withMetavar("FILE"),
    Flag.withDescription("With --exit: write the summary to a file as well")
  )
}

type Input = Command.Command.Config.Infer<typeof flags>

/** What no flag can know by itself. */
const contradiction = (input: Input): string | undefined => {
  const { dashboard, dashboardPort, exit, json, kill, nodes, processes } = input
  const percent = Option.getOrElse(kill, () => defaultKill)
  if (Option.isSome(processes) && processes.value > nodes) {
    return `--processes ${processes.value} is more than --nodes ${nodes}: a process without a node is of no use`
  }
  if (Option.isSome(dashboardPort) && (exit || !dashboard)) {
    return `--dashboard-port ${dashboardPort.value} is of no use ${exit ? "with --exit" : "with --no-dashboard"}: no page is served`
  }
  const routing = RoutingFlags.contradiction(input)
  if (routing !== undefined) return routing
  if (!exit && Option.isSome(kill)) return "--kill is a step of the scenario: add --exit"
  if (!exit && Option.isSome(json)) return "--json holds the scenario's summary: add --exit"
  if (exit && KillPlan.share(nodes, percent) >= nodes) {
    return `--kill ${percent} of ${many(nodes, "node")} leaves nobody to heal: take more nodes, or kill fewer`
  }
  return undefined
}

const inWords = (options: Pick<Scenario.Options, "nodes" | "processes" | "strategy" | "tls" | "trees">): string => {
  const routing = RoutingFlags.inWords(options)
  return [
    `${many(options.nodes, "node")} in ${many(options.processes, "process")}`,
    ...(options.tls ? ["over mutual TLS"] : []),
    ...(routing === undefined ? [] : [`with ${routing}`])
  ].join(" ")
}

/** What the nodes log, beside the steps. */
const tellLogs = Effect.gen(function* () {
  const { events } = yield* Supervisor.Supervisor
  return yield* Stream.runForEach(events, (event) =>
    event._tag === "WorkerWrote" ? Console.error(`[process ${event.process}] ${event.line}`) : Effect.void
  )
})

const scenario = Effect.fnUntraced(function* (options: Scenario.Options, json: Option.Option<string>) {
  yield* Console.log(`${inWords(options)}, killing ${options.kill} %, seed ${options.seed}`)
  const outcome = yield* Scenario.play(options, (step) => Console.log(stepLine(step)))
  for (const line of report(outcome)) yield* Console.log(line)
  if (Option.isSome(json)) {
    yield* writeText("json", json.value, `${JSON.stringify(outcome, (_, value) => value ?? null, 2)}\n`)
  }
  const broken = outcome.steps.find(({ ok }) => !ok)
  if (broken === undefined) return
  const isStart = outcome.steps.length === 1
  return yield* new CommandFailed({
    message: `${isStart ? "could not start" : "this step did not hold"}: ${broken.name}\n  ${broken.seen}`,
    exitCode: isStart ? ExitCode.notStarted : ExitCode.failed
  })
})

const handle = Effect.fnUntraced(function* (input: Input) {
  const { exit, json, nodes, strategy, tls, trees } = input
  const processes = Option.getOrElse(input.processes, () => defaultProcesses(nodes))
  const seed = Option.isSome(input.seed) ? input.seed.value : yield* Random.nextIntBetween(0, 2 ** 31)
  const kill = Option.getOrElse(input.kill, () => defaultKill)
  if (Option.isSome(json)) yield* checkWritable("json", json.value)
  const logLevel = yield* GlobalFlag.LogLevel
  const supervisor = Supervisor.layer({
    nodes,
    processes,
    tls,
    seed,
    broadcast: { strategy, trees },
    ...(Option.isSome(input.port) ? { port: input.port.value } : {}),
    ...(Option.isSome(logLevel) ? { logLevel: logLevel.value } : {})
  })
  const options = { nodes, processes, tls, strategy, trees, kill, seed }
  if (exit) {
    // Unless asked for it is not shown: of nodes that are killed there is much to be warned of.
    const told = Option.isSome(logLevel) ? Effect.forkScoped(tellLogs, { startImmediately: true }) : Effect.void
    return yield* Effect.andThen(told, scenario(options, json)).pipe(Effect.scoped, Effect.provide(supervisor))
  }
  const routing = RoutingFlags.inWords(options)
  const transport = `${tls ? "mutual TLS" : "TCP"} on loopback${routing === undefined ? "" : `, ${routing}`}`
  const page = input.dashboard ? { port: Option.getOrElse(input.dashboardPort, () => 0), transport } : undefined
  return yield* live({ cluster: inWords(options), page }).pipe(Effect.scoped, Effect.provide(supervisor))
})

/**
 * @category commands
 * @since 0.1.0
 */
export const cluster = Command.make("cluster", flags, handle).pipe(
  Command.validate((input) => {
    const message = contradiction(input)
    return message === undefined ? Effect.void : Effect.fail(new CliError.ValidationError({ message }))
  }),
  Command.withShortDescription("Run a live cluster on this machine"),
  Command.withDescription(
    [
      "Runs a live cluster on this machine: nodes over loopback TCP, in several processes, joining through one contact.",
      "With --tls they prove to each other who they are: an authority and certificates are made in a temporary directory.",
      "",
      "It stays up and shows the overlay as it is: components, links and whether both ends hold them, how many neighbours",
      "the nodes have, messages. Ctrl-C or SIGTERM makes every node say goodbye, and exits 0; a second one stops at once.",
      "",
      "The printed address is a page that shows the overlay live, and on which you publish, kill, restart, cut and heal. It is",
      "served to this machine only, and acts only for whoever has the whole address: it contains this start's token.",
      "",
      "With --exit it plays a scenario instead, and exits 0 only if every step held: all join and form one component with",
      "full views; ten broadcasts reach all; exactly P % are killed without a goodbye (whole processes by SIGKILL while they",
      "fit into the number, single nodes by destroying their sockets for the rest); the survivors heal; ten broadcasts reach",
      "them all; they leave. The copies received for each delivery are given for the first broadcast, which floods, and for the",
      "last, which goes along the tree that the others have grown. With --strategy flood all flood; with thicket the ten take",
      "five trees in turn.",
      "",
      "Exit codes: 0 all well; 1 a step did not hold, or a process was lost; 2 bad input; 3 it could not start;",
      "129, 130 and 143 interrupted by a closed terminal, Ctrl-C or SIGTERM before it was done."
    ].join("\n  ")
  ),
  Command.withExamples(({ commandPath }) => [
    { command: commandPath.join(" "), description: "50 nodes in 5 processes, until Ctrl-C" },
    { command: `${commandPath.join(" ")} --tls`, description: "The same over mutual TLS" },
    { command: `${commandPath.join(" ")} --exit`, description: "Join, broadcast, kill 40 %, heal, broadcast, leave" },
    {
      command: `${commandPath.join(" ")} --exit --nodes 300 --kill 60 --seed 7 --json result.json`,
      description: "A larger cluster, a worse accident, the same victims each time, the figures in a file"
    },
    {
      command: `${commandPath.join(" ")} --strategy thicket`,
      description: "Nodes with more neighbours, and five trees: each node forwards in few of them"
    },
    {
      command: `${commandPath.join(" ")} --nodes 12 --processes 3 --port 7946 --log-level debug`,
      description: "A small cluster with a known contact, and what its nodes log"
    }
  ])
)
