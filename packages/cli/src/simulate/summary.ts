/** Results for a reader at a terminal. */
import { Measure, type Result as Results } from "@hyparview/simulator"
import { many, percent, seconds, table } from "../internal/table.ts"
import { rounded } from "./progress.ts"

type Run = Results.Result

const { mean } = Measure

const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6).toLocaleString("en")} MB`

/** Shares near one are what matters: 99.9987 %. */
const fine = (share: number): string => `${Number((share * 100).toFixed(4))} %`

const components = ({ alive, components, largestComponent }: Results.Overlay): string =>
  components === 1
    ? `1, all ${many(alive, "living node")} in it`
    : `${components.toLocaleString("en")}; the largest holds ${largestComponent.toLocaleString("en")} of ${many(alive, "living node")}`

const symmetry = ({ asymmetricLinks, deadLinks, inBothViews, overCapacity }: Results.Overlay): string =>
  [
    many(asymmetricLinks, "one-sided link"),
    `${many(deadLinks, "link")} to dead nodes`,
    `${many(inBothViews, "node")} with an id in both views`,
    `${overCapacity} over capacity`
  ].join(", ")

/** The commonest degrees first: "5: 99.9 %, 4: 0.1 %". */
const degrees = ({ alive, inDegree }: Results.Overlay): string => {
  const entries = Object.entries(inDegree).sort(([, a], [, b]) => b - a)
  const shown = entries.slice(0, 4).map(([degree, nodes]) => `${degree}: ${percent(nodes / Math.max(1, alive))}`)
  return `${shown.join(", ")}${entries.length > 4 ? ", …" : ""}`
}

const paths = ({
  averageShortestPath,
  clustering,
  paths: { exact, longest, sources, standardError, unreachableShare, unreachableStandardError }
}: Results.Overlay) => {
  const how = exact ? "exact" : `from ${sources} nodes, standard error ${standardError.toPrecision(2)}`
  const error = exact ? "" : ` (standard error ${fine(unreachableStandardError)})`
  return [
    `${averageShortestPath.toFixed(3)} hops on average (${how}), ${longest} at most`,
    ...(unreachableShare === 0 ? [] : [`none between ${fine(unreachableShare)} of the pairs${error}`]),
    `clustering ${clustering.toPrecision(3)}`
  ].join("; ")
}

const broadcasts = (list: Run["broadcasts"]): string => {
  const reliabilities = list.map(({ reliability }) => reliability)
  const least = reliabilities.reduce((a, b) => Math.min(a, b), 1)
  return [
    `${many(list.length, "message")}: reliability ${fine(mean(reliabilities))} on average, ${fine(least)} at least`,
    `RMR ${mean(list.map(({ rmr }) => rmr)).toFixed(3)}`,
    `last hop ${mean(list.map(({ hops }) => hops)).toFixed(2)} on average`
  ].join("; ")
}

/** Milliseconds until half of those reached had a message, 99 in a hundred, and all: means over the messages. */
const latencies = (list: Run["broadcasts"]): ReadonlyArray<readonly [string, string]> => {
  const timed = list.flatMap(({ latency }) => latency ?? [])
  if (timed.length === 0) return []
  const { last, p50, p99 } = {
    p50: mean(timed.map(({ p50 }) => p50)),
    p99: mean(timed.map(({ p99 }) => p99)),
    last: mean(timed.map(({ last }) => last))
  }
  return [
    [
      "latency",
      `${p50.toFixed(1)} ms to half of those reached, ${p99.toFixed(1)} ms to 99 %, ${last.toFixed(1)} ms to all; means over the messages`
    ]
  ]
}

const linkCosts = ({ linkCost: { mean, p50, p99 } }: Results.Overlay): string =>
  [mean, p50, p99].map((micros) => (micros / 1000).toFixed(1)).join(", ") + " ms there and back: mean, median, p99"

/** Of a tree: what came of each of the first broadcasts, by which it came to be, and of the last. */
const tree = (list: Run["broadcasts"]): ReadonlyArray<readonly [string, string]> => {
  const last = list.at(-1)
  if (last === undefined) return []
  const first = list.slice(0, 6).map(({ rmr }) => rmr.toFixed(3))
  return [
    ["RMR", `${first.join(", ")}${list.length > 6 ? `, …, ${last.rmr.toFixed(3)}` : ""}`],
    [
      "last broadcast",
      `${many(last.payload, "payload")}, ${many(Math.round(last.control), "control frame")}, ${many(last.hops, "hop")}`
    ]
  ]
}

const rounds = (list: NonNullable<Run["rounds"]>): string =>
  [
    `${many(list.length, "round")}, on average`,
    `${mean(list.map(({ seen }) => seen)).toFixed(1)} nodes saw it,`,
    `${mean(list.map(({ missed }) => missed)).toFixed(1)} missed it,`,
    `${mean(list.map(({ waste }) => waste)).toFixed(1)} copies wasted,`,
    `${mean(list.map(({ maintenance }) => maintenance)).toFixed(1)} frames of maintenance`
  ].join(" ")

const allCycles = (list: NonNullable<Run["samples"]>): string => {
  const reliabilities = list.map(({ reliability }) => reliability)
  return `${many(list.length, "cycle")}: reliability ${fine(mean(reliabilities))} on average, ${fine(Math.min(...reliabilities))} at least`
}

const cycle = ({ cycle, reliability, rmr }: NonNullable<Run["samples"]>[number]): string =>
  `${cycle}: reliability ${fine(reliability)}${rmr === undefined ? "" : `, RMR ${rmr.toFixed(3)}`}`

const cost = ({ cpuSeconds, events, eventsPerSecond, messages, peakRssBytes, wallSeconds }: Results.Cost): string =>
  [
    `${many(events, "event")}, ${many(messages, "frame")}`,
    ...(cpuSeconds > 0
      ? [
          `${rounded(eventsPerSecond)} events per CPU-second`,
          `${seconds(cpuSeconds)} CPU`,
          `${seconds(wallSeconds)} wall`,
          `peak ${megabytes(peakRssBytes)}`
        ]
      : [])
  ].join("; ")

const healed = ({ samples }: Run, partition: NonNullable<Run["partition"]>): string => {
  const { mostControlOfCalm, oneComponentSeconds, wellMixedCycles } = partition
  const { crossLinks = 0, crossLinksOfRandomGraph = 0 } = samples?.at(-1) ?? {}
  return [
    oneComponentSeconds === null ? "never one component" : `one component after ${Math.round(oneComponentSeconds)} s`,
    `${percent(crossLinks / Math.max(1, crossLinksOfRandomGraph))} of a random graph's links between the parts`,
    wellMixedCycles === null ? "never 80 %" : `80 % after ${many(wellMixedCycles, "cycle")}`,
    mostControlOfCalm === null
      ? "no whole minute of cycles after it"
      : `worst minute ${mostControlOfCalm.toFixed(2)} times the calm control frames`
  ].join("; ")
}

const furtherKills = (list: NonNullable<Run["furtherKills"]>): string =>
  list.map(({ kill, reliability }) => `${percent(kill)}: ${fine(reliability)}`).join(", ")

/** What a thicket has come to. */
const thicket = (
  { deaths, healed, settled }: NonNullable<Run["thicket"]>,
  messages: number
): ReadonlyArray<readonly [string, string]> => {
  const forest = ({ atMostOneShare, mostLoad, sourceLoad, trees }: Results.Forest): string =>
    [
      `${fine(Math.min(...trees.map(({ reachedShare }) => reachedShare)))} reached by each tree`,
      `${fine(atMostOneShare)} interior in at most one`,
      `load ${mostLoad} at most, the source's ${sourceLoad}`,
      many(Math.max(...trees.map(({ hops }) => hops)), "hop")
    ].join("; ")
  const count = settled.trees.length
  const begun = messages < count ? `; ${many(messages, "message")}, so ${messages} of ${count} trees have begun` : ""
  const single = deaths.filter(({ interiorTrees }) => interiorTrees <= 1)
  return [
    ["trees", `${forest(settled)}${begun}`],
    ...(deaths.length === 0
      ? []
      : [
          [
            "deaths",
            `${many(deaths.length, "node")}, alone: ${deaths.filter((death) => death.interruptedTrees > death.interiorTrees).length} interrupted more trees than they forwarded in; of ${single.length} that did so in at most one, ${single.filter(({ gaps }) => gaps > 0).length} left somebody without four of five parts`
          ] as const
        ]),
    ...(healed === undefined ? [] : [["trees, healed", forest(healed)] as const])
  ]
}

/** What an experiment is made for, beside the overlay at its end. */
const found = (run: Run): ReadonlyArray<readonly [string, string]> => {
  const { broadcasts: list, samples } = run
  const last = samples?.at(-1)
  return [
    ...(list.length === 0 ? [] : [["broadcasts", broadcasts(list)] as const]),
    ...latencies(list),
    ...(run.experiment === "plumtree" ? tree(list) : []),
    ...(run.rounds === undefined ? [] : [["gossip", rounds(run.rounds)] as const]),
    ...(samples !== undefined && isSteady(run) ? [["all cycles", allCycles(samples)] as const] : []),
    ...(last === undefined || last.cycle < 0 ? [] : [["last cycle", cycle(last)] as const]),
    ...(run.partition === undefined ? [] : [["cut healed", healed(run, run.partition)] as const]),
    ...(run.thicket === undefined ? [] : thicket(run.thicket, list.length)),
    ...(run.furtherKills === undefined ? [] : [["further kills", furtherKills(run.furtherKills)] as const])
  ]
}

const one = (run: Run): ReadonlyArray<string> => {
  const { overlay } = run
  const rows: ReadonlyArray<readonly [string, string]> = [
    ["components", components(overlay)],
    ["links", symmetry(overlay)],
    ["in-degrees", degrees(overlay)],
    ["paths", paths(overlay)],
    ...(run.config["latency"] === "geographic" ? [["link costs", linkCosts(overlay)] as const] : []),
    ["passive views", `${percent(overlay.deadPassiveShare)} of the entries name dead nodes`],
    ...found(run),
    ...(run.experiment === "failures" || run.experiment === "partition"
      ? [["healed", run.healingCycles === null ? "not yet" : `after ${many(run.healingCycles, "cycle")}`] as const]
      : []),
    ["cost", cost(run.cost)],
    ["trace hash", run.traceHash]
  ]
  return [
    `${run.experiment}, ${many(run.nodes, "node")}, seed ${run.seed}${run.complete ? "" : " — INTERRUPTED, as it was at that moment"}`,
    ...table(rows).map((text) => `  ${text}`)
  ]
}

/** What a part of `paper` is of, by what it was told. */
const partOf = ({ config, experiment, firstMessages }: Run): string => {
  if (experiment === "failures") {
    if (firstMessages !== undefined) return "failures: first messages"
    return config["messages"] === 0 ? "failures: healing" : "failures: messages"
  }
  if (experiment !== "plumtree") return experiment
  const { healCycles, kill, optimizeHops, pace, senders, strategy } = config
  return [
    `${String(strategy)}: ${String(senders)} ${senders === "one" ? "sender" : "senders"}`,
    ...(Number(optimizeHops) > 0 ? [`optimised by ${String(optimizeHops)}`] : []),
    ...(pace === "cycle" ? ["from cycle 0"] : pace === "rate" ? ["batched"] : []),
    ...(Number(kill) > 0 ? ["after a kill"] : Number(healCycles) > 0 ? ["steady failures"] : [])
  ].join(", ")
}

const nameOf = (experiment: string, run: Run): string => (experiment === "paper" ? partOf(run) : run.experiment)

const killOf = ({ config, experiment }: Run): string => {
  const kill = config["kill"]
  const kills = experiment === "failures" || experiment === "plumtree" || experiment === "thicket"
  return kills && typeof kill === "number" ? percent(kill) : "–"
}

/** Whether nodes go all along, so that each cycle tells as much as the last. */
const isSteady = ({ config, experiment }: Run): boolean =>
  experiment === "churn" || (experiment === "plumtree" && Number(config["failures"]) > 0)

/**
 * What messages reached on average once something had gone wrong: right after the kill, where nodes go all along in all cycles,
 * elsewhere in the last. Where nothing has: all messages.
 */
const reliabilityOf = (run: Run): number | undefined => {
  const { broadcasts: list, experiment, rounds, samples = [] } = run
  if (rounds !== undefined) return mean(rounds.map(({ missed, seen }) => seen / Math.max(1, seen + missed)))
  const sampled = isSteady(run) ? samples : samples.slice(-1)
  const measured = sampled.length === 0 || (experiment === "failures" && list.length > 0) ? list : sampled
  return measured.length === 0 ? undefined : mean(measured.map(({ reliability }) => reliability))
}

const row = (experiment: string, run: Run): ReadonlyArray<string> => {
  const { cost, healingCycles, overlay } = run
  const reliability = reliabilityOf(run)
  return [
    nameOf(experiment, run),
    String(run.seed),
    killOf(run),
    reliability === undefined ? "–" : fine(reliability),
    healingCycles === null ? "–" : String(healingCycles),
    overlay.components.toLocaleString("en"),
    String(overlay.asymmetricLinks),
    overlay.averageShortestPath.toFixed(3),
    cost.cpuSeconds > 0 ? rounded(cost.eventsPerSecond) : "–",
    run.traceHash,
    run.complete ? "" : "INTERRUPTED"
  ]
}

const columns = [
  "experiment",
  "seed",
  "killed",
  "reliability",
  "healed after",
  "components",
  "one-sided",
  "path",
  "events/CPU s",
  "trace hash",
  ""
]

/** The mean, and the standard deviation of the values (n − 1), two of its digits. */
const withDeviation = (values: ReadonlyArray<number>, decimals: number): string => {
  const average = mean(values)
  const squares = values.reduce((sum, value) => sum + (value - average) ** 2, 0)
  const deviation = Math.sqrt(squares / Math.max(1, values.length - 1))
  return `${Number(average.toFixed(decimals))} ± ${Number(deviation.toPrecision(2))}`
}

/** The means over the seeds with which the same was run to its end, and how far the seeds differ. */
const means = (experiment: string, runs: ReadonlyArray<Run>): ReadonlyArray<string> => {
  const groups = new Map<string, Array<Run>>()
  for (const run of runs) {
    if (!run.complete) continue
    const key = `${nameOf(experiment, run)} ${killOf(run)}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [run])
    else group.push(run)
  }
  const rows = [...groups.values()].flatMap((group) => {
    const [first] = group
    if (first === undefined || group.length < 2) return []
    const reliabilities = group.flatMap((run) => reliabilityOf(run) ?? [])
    const cycles = group.flatMap(({ healingCycles }) => healingCycles ?? [])
    const some = cycles.length < group.length ? ` (${cycles.length} of ${group.length})` : ""
    return [
      [
        nameOf(experiment, first),
        String(group.length),
        killOf(first),
        reliabilities.length === 0
          ? "–"
          : `${withDeviation(
              reliabilities.map((share) => share * 100),
              4
            )} %`,
        cycles.length === 0 ? "–" : `${mean(cycles).toFixed(2)}${some}`,
        mean(group.map(({ overlay }) => overlay.components)).toFixed(2),
        withDeviation(
          group.map(({ overlay }) => overlay.averageShortestPath),
          3
        )
      ]
    ]
  })
  const heads = ["mean over seeds ± s", "seeds", "killed", "reliability", "healed after", "components", "path"]
  return rows.length === 0 ? [] : ["", ...table([heads, ...rows], [1, 2, 3, 4, 5, 6])]
}

/** Of several seeds, what each has found. The parts of `paper` are too many: the page has theirs. */
const foundBySeed = (experiment: string, runs: ReadonlyArray<Run>): ReadonlyArray<string> => {
  if (experiment === "paper") return []
  const rows = runs.flatMap((run) => found(run).map(([name, text]) => [`seed ${run.seed}`, name, text]))
  return rows.length === 0 ? [] : ["", ...table(rows)]
}

/** Some lines on one run; a line each on several, what each has found, and the means over their seeds. */
export const summary = (experiment: string, runs: ReadonlyArray<Run>): ReadonlyArray<string> => {
  const [only, ...others] = runs
  if (only === undefined) return ["no run was finished"]
  if (others.length === 0) return one(only)
  const rows = runs.map((run) => row(experiment, run))
  return [
    ...table([columns, ...rows], [1, 2, 3, 4, 5, 6, 7, 8]),
    ...foundBySeed(experiment, runs),
    ...means(experiment, runs)
  ]
}
