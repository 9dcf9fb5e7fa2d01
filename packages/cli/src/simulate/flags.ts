/** What the command can be told, and what of it an experiment can make use of. */
import { Experiment, Latency } from "@hyparview/simulator"
import * as Option from "effect/Option"
import * as Struct from "effect/Struct"
import type * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"

/** One sentence each. */
export const experiments: Readonly<Record<Experiment.Name, string>> = {
  stable: "Nodes join, some cycles pass, and the overlay is measured: degrees, paths, clustering, symmetry",
  failures:
    "A stable overlay loses a share of its nodes at once; broadcasts right after it, then cycles in which it heals",
  churn: "A stable overlay whose nodes crash, leave and come back at random moments, with broadcasts meanwhile",
  partition:
    "A stable overlay is cut, in one of several ways, and healed: how soon it is one again, and how well mixed",
  hashicorp:
    "HashiCorp's scenario: all join through one contact, sends fail, rounds of gossip with shuffles and keep-alives",
  plumtree:
    "Broadcasts along a tree, on a stable overlay or a new one; then a share of the nodes dies, or some in each cycle",
  thicket:
    "Broadcasts along several trees on an overlay of 25 neighbours: load, coverage, single deaths, stripes; Plumtree beside",
  paper: "Every figure and table of the HyParView and the Plumtree paper, each on a copy of one overlay"
}

type Name = Experiment.Name

interface Setting {
  /** Its flag, without dashes. */
  readonly flag: string
  /** In the flag a percentage, in the options a share. */
  readonly percent?: true
  /** Experiments on which it has an effect. Default: all. */
  readonly of?: ReadonlyArray<Name>
}

/** Each option of an experiment but the seed, which is no setting: it is where chance begins. */
export const settings = {
  nodes: { flag: "nodes" },
  contacts: { flag: "contacts" },
  joins: { flag: "joins" },
  cycles: { flag: "cycles" },
  kill: { flag: "kill", percent: true, of: ["failures", "churn", "plumtree", "thicket"] },
  messages: { flag: "messages", of: ["failures", "plumtree", "thicket", "paper"] },
  healCycles: { flag: "heal-cycles", of: ["failures", "churn", "partition", "plumtree", "thicket", "paper"] },
  againMessages: { flag: "again", of: ["failures"] },
  ageWeight: { flag: "age-weight" },
  mixMillis: { flag: "mix" },
  triangleExchanges: { flag: "triangle-exchanges" },
  cut: { flag: "cut", of: ["partition"] },
  cutMinutes: { flag: "cut-minutes", of: ["partition"] },
  xBotCandidates: { flag: "x-bot-candidates" },
  unbiasedLinks: { flag: "unbiased" },
  latency: { flag: "latency" },
  sendFailure: { flag: "send-failure", percent: true, of: ["hashicorp", "stable", "failures", "churn", "plumtree"] },
  sendAttempts: { flag: "send-attempts", of: ["hashicorp", "stable", "failures", "churn", "plumtree"] },
  gossips: { flag: "gossips", of: ["hashicorp"] },
  heartbeatMillis: { flag: "heartbeat" },
  detectionMillis: { flag: "detection" },
  strategy: { flag: "strategy", of: ["plumtree"] },
  senders: { flag: "senders", of: ["plumtree", "thicket"] },
  pace: { flag: "pace", of: ["plumtree"] },
  rate: { flag: "rate", of: ["plumtree"] },
  optimizeHops: { flag: "optimize", of: ["plumtree"] },
  announceMillis: { flag: "announce", of: ["plumtree", "thicket"] },
  pruneAfter: { flag: "prune-after", of: ["plumtree"] },
  guideMillis: { flag: "guide", of: ["plumtree"] },
  failures: { flag: "failures", of: ["plumtree"] },
  part: { flag: "part", of: ["paper"] }
} as const satisfies Readonly<Record<Exclude<keyof Experiment.Options, "seed">, Setting>>

type Key = keyof typeof settings

const keys = Struct.keys(settings)

/** The setting without the narrowness of its literal type. */
const settingOf = (key: Key): Setting => settings[key]

const experimentsOf = (key: Key): ReadonlyArray<Name> => settingOf(key).of ?? Experiment.names

/** "50; churn: 10": the defaults, by the experiments that have them. */
const defaultsOf = (key: Key): string => {
  const scale = settingOf(key).percent === true ? 100 : 1
  const names = new Map<string, Array<string>>()
  for (const name of experimentsOf(key)) {
    const value = Experiment.defaults(name)[key]
    const text = typeof value === "number" ? Math.round(value * scale * 1e6) / 1e6 : value
    names.set(String(text), [...(names.get(String(text)) ?? []), name])
  }
  const groups = [...names].sort(([, a], [, b]) => b.length - a.length)
  return groups.map(([text, list], index) => (index === 0 ? text : `${list.join(" and ")}: ${text}`)).join("; ")
}

const described = (key: Key, text: string): string => {
  const only = settingOf(key).of
  return `${only === undefined ? "" : `${only.join(", ")}: `}${text}. Default: ${defaultsOf(key)}`
}

const whole = (key: Key, metavar: string, text: string) =>
  Flag.Int(settings[key].flag).pipe(
    Flag.optional,
    Flag.withMetavar(metavar),
    Flag.withDescription(described(key, text))
  )

/** One of a few names. */
const named = <K extends keyof typeof Experiment.choices>(key: K, text: string) =>
  Flag.Literals(settings[key].flag, Experiment.choices[key]).pipe(
    Flag.optional,
    Flag.withMetavar("NAME"),
    Flag.withDescription(described(key, text))
  )

const percentage = (key: Key, most: number, text: string) =>
  Flag.Finite(settings[key].flag).pipe(
    Flag.filter(
      (value) => value >= 0 && value <= most,
      () => `a percentage from 0 to ${most}`
    ),
    Flag.optional,
    Flag.withMetavar("P"),
    Flag.withDescription(described(key, text))
  )

const file = (name: string, metavar: string, text: string) =>
  Flag.String(name).pipe(
    Flag.filter(
      (value) => value !== "",
      () => "a path, which is not empty"
    ),
    Flag.optional,
    Flag.withMetavar(metavar),
    Flag.withDescription(text)
  )

/** Passive entries that X-BOT weighs in a cycle, unless it is told. */
const usualCandidates = 4

/** The papers' figures are means of several runs. */
const seedsOfPaper = 3

/** Seeds of one command. Each costs a whole run. */
const mostSeeds = 10_000

export const flags = {
  nodes: whole("nodes", "N", "How many nodes, 2 to 16,777,216"),
  seed: Flag.Int("seed").pipe(
    Flag.withDefault(1),
    Flag.withMetavar("S"),
    Flag.withDescription("Where all chance begins: the same experiment, options and seed give the same trace hash")
  ),
  seeds: Flag.Int("seeds").pipe(
    Flag.filter(
      (value) => value >= 1 && value <= mostSeeds,
      () => `1 to ${mostSeeds}`
    ),
    Flag.optional,
    Flag.withMetavar("K"),
    Flag.withDescription(
      `K runs with the seeds S, S + 1, …, side by side in threads, at most one for each core. Default: 1; paper: ${seedsOfPaper}`
    )
  ),
  contacts: whole("contacts", "K", "Join through K contacts, K nodes at a time"),
  joins: named("joins", "Nodes join in turn, as many at a time as there are contacts; or all of them at once"),
  cycles: whole("cycles", "C", "Cycles after the joins; in one, each node shuffles once"),
  kill: percentage("kill", 100, "How many percent of the nodes die: at once, or (churn) go away in each ten cycles"),
  failures: whole("failures", "N", "Nodes that die in each of the --heal-cycles cycles"),
  strategy: named("strategy", "Along a tree, or over every link"),
  senders: named(
    "senders",
    "One node publishes everything; or each message is some node's (in thicket: one in ten publishes in all trees at once)"
  ),
  pace: named("pace", "Each broadcast drained before the next, one each cycle, or --rate a second"),
  rate: whole("rate", "R", "Broadcasts a second, at the pace rate"),
  optimizeHops: whole("optimizeHops", "T", "By how many hops a path must be shorter to replace another; 0: never"),
  announceMillis: whole("announceMillis", "MS", "Milliseconds that announcements wait for others to travel with"),
  pruneAfter: whole("pruneAfter", "N", "Duplicates after which a link is pruned, where there is no guide"),
  guideMillis: whole(
    "guideMillis",
    "MS",
    "Milliseconds for which a source guides the tree after it was last heard: its duplicates alone prune; 0: there is no guide"
  ),
  part: named("part", "Both papers, or one of them"),
  messages: whole(
    "messages",
    "M",
    "Broadcasts: right after the kill, each drained before the next; in plumtree and thicket before it"
  ),
  healCycles: whole("healCycles", "H", "Cycles to heal in; in churn and plumtree, cycles of churn or failures"),
  againMessages: whole(
    "againMessages",
    "M",
    "After the cycles, M broadcasts after each further kill, of 10 to 90 % of those who live; 0: no further kill"
  ),
  ageWeight: Flag.Finite(settings.ageWeight.flag).pipe(
    Flag.filter(
      (value) => value >= 0 && value <= 1,
      () => "a weight from 0 to 1"
    ),
    Flag.optional,
    Flag.withMetavar("W"),
    Flag.withDescription(
      described("ageWeight", "How much the age of passive entries counts when they are evicted and offered, 0 to 1")
    )
  ),
  mixMillis: whole("mixMillis", "MS", "Milliseconds in which each node exchanges one link for any other; 0: never"),
  triangleExchanges: whole(
    "triangleExchanges",
    "N",
    "How many links a node exchanges that sees itself in triangles of links; 0: none"
  ),
  cut: named(
    "cut",
    "Who is cut from whom: halves, 90 % and 10 %, thirds, halves from the start, one way only, on and off"
  ),
  cutMinutes: whole(
    "cutMinutes",
    "M",
    "Minutes of cycles that the cut lasts; a flapping one is on in the last of them, and in every other before it"
  ),
  ages: Flag.Boolean("ages").pipe(Flag.withDefault(false), Flag.withDescription("The same as --age-weight 1")),
  xBotCandidates: whole(
    "xBotCandidates",
    "K",
    "X-BOT: passive entries that each node weighs in a cycle, to take a link's place; 0 switches it off"
  ),
  xBot: Flag.Boolean("x-bot").pipe(
    Flag.withDefault(false),
    Flag.withDescription(`The same as --x-bot-candidates ${usualCandidates}`)
  ),
  unbiasedLinks: whole("unbiasedLinks", "U", "X-BOT: links of each node that stay whatever they cost"),
  latency: Flag.Literals("latency", Latency.names).pipe(
    Flag.optional,
    Flag.withMetavar("NAME"),
    Flag.withDescription(
      described(
        "latency",
        "How long frames travel, one way: 10 ms; 5 to 50; 20 in the median (sigma 0.5); as between twenty cities"
      )
    )
  ),
  sendFailure: percentage("sendFailure", 90, "How many percent of the sends fail"),
  sendAttempts: whole("sendAttempts", "N", "How often a failed send is tried before its link breaks, 1 to 100"),
  gossips: whole("gossips", "G", "Rounds of gossip"),
  heartbeatMillis: whole("heartbeatMillis", "MS", "Milliseconds between heartbeats; 0 switches them off"),
  detectionMillis: whole("detectionMillis", "MS", "Milliseconds after which both ends are told of a broken link"),
  json: file("json", "FILE", "Write the result; with several seeds {experiment, runs: [result, …]}"),
  edges: file(
    "edges",
    "FILE",
    "Write the final active graph, a line from,to for each end of a link; in hashicorp also the passive graph, to NAME.passive.EXT. One seed only"
  ),
  report: file("report", "DIR", "Write a page with plots (index.html), and the plots as SVG files"),
  baseline: file(
    "baseline",
    "FILE",
    "Print the differences from an earlier result of the same experiment, seed by seed"
  )
}

export type Input = Command.Command.Config.Infer<typeof flags>

const given = (key: Key, input: Input): number | string | undefined => {
  const value: Option.Option<number | string> = isShort(key) ? longOf(key, input) : input[key]
  return Option.getOrUndefined(value)
}

/** Options that have a shorter flag for their usual value. */
const isShort = (key: Key): key is "ageWeight" | "xBotCandidates" => key === "ageWeight" || key === "xBotCandidates"

const longOf = (key: "ageWeight" | "xBotCandidates", input: Input): Option.Option<number> => {
  if (key === "ageWeight") return input.ages ? Option.some(1) : input.ageWeight
  return input.xBot ? Option.some(usualCandidates) : input.xBotCandidates
}

/** How many seeds an experiment is to run with. */
export const seedsOf = (experiment: string, input: Pick<Input, "seeds">): number =>
  Option.getOrElse(input.seeds, () => (experiment === "paper" ? seedsOfPaper : 1))

/** The options of an experiment: its defaults, and what was given. */
export const optionsOf = (experiment: Name, input: Input): Experiment.Options => {
  const defaults = Experiment.defaults(experiment)
  const number = (key: Exclude<Key, "latency" | keyof typeof Experiment.choices>): number =>
    Option.match(isShort(key) ? longOf(key, input) : input[key], {
      onNone: () => defaults[key],
      onSome: (value) => (settingOf(key).percent === true ? value / 100 : value)
    })
  return {
    nodes: number("nodes"),
    seed: input.seed,
    contacts: number("contacts"),
    joins: Option.getOrElse(input.joins, () => defaults.joins),
    cycles: number("cycles"),
    kill: number("kill"),
    messages: number("messages"),
    healCycles: number("healCycles"),
    againMessages: number("againMessages"),
    ageWeight: number("ageWeight"),
    mixMillis: number("mixMillis"),
    triangleExchanges: number("triangleExchanges"),
    cut: Option.getOrElse(input.cut, () => defaults.cut),
    cutMinutes: number("cutMinutes"),
    xBotCandidates: number("xBotCandidates"),
    unbiasedLinks: number("unbiasedLinks"),
    latency: Option.getOrElse(input.latency, () => defaults.latency),
    sendFailure: number("sendFailure"),
    sendAttempts: number("sendAttempts"),
    gossips: number("gossips"),
    heartbeatMillis: number("heartbeatMillis"),
    detectionMillis: number("detectionMillis"),
    strategy: Option.getOrElse(input.strategy, () => defaults.strategy),
    senders: Option.getOrElse(input.senders, () => defaults.senders),
    pace: Option.getOrElse(input.pace, () => defaults.pace),
    rate: number("rate"),
    optimizeHops: number("optimizeHops"),
    announceMillis: number("announceMillis"),
    pruneAfter: number("pruneAfter"),
    guideMillis: number("guideMillis"),
    failures: number("failures"),
    part: Option.getOrElse(input.part, () => defaults.part)
  }
}

/** "stable (…)", a line each. */
export const listed = Experiment.names.map((name) => `${name.padEnd(10)} ${experiments[name]}`)

/** What no flag can know by itself. */
export const contradiction = (experiment: string, input: Input): string | undefined => {
  if (!Experiment.isName(experiment)) {
    return [`unknown experiment "${experiment}". Known are:`, ...listed.map((line) => `  ${line}`)].join("\n    ")
  }
  for (const key of keys) {
    const { flag, of } = settingOf(key)
    if (of === undefined || of.includes(experiment) || given(key, input) === undefined) continue
    const applicable = keys.filter((other) => experimentsOf(other).includes(experiment))
    const names = applicable.map((other) => `--${settings[other].flag}`).join(", ")
    return `--${flag} has no effect on ${experiment}, only on ${of.join(", ")}. For ${experiment} there are ${names}`
  }
  const { ageWeight, ages, seed, xBot, xBotCandidates } = input
  const seeds = seedsOf(experiment, input)
  if (ages && Option.isSome(ageWeight)) return `--ages is --age-weight 1: give one of them`
  if (xBot && Option.isSome(xBotCandidates)) {
    return `--x-bot is --x-bot-candidates ${usualCandidates}: give one of them`
  }
  const { pace } = optionsOf(experiment, input)
  if (Option.isSome(input.rate) && pace !== "rate") return `--rate has no effect at --pace ${pace}: add --pace rate`
  if (seed > Number.MAX_SAFE_INTEGER - (seeds - 1)) return `--seed ${seed}: seeds go up to ${Number.MAX_SAFE_INTEGER}`
  if (Option.isSome(input.edges) && seeds > 1)
    return `--edges writes one graph, and --seeds ${seeds} would give ${seeds}`
  const fault = Experiment.faultOf(experiment, optionsOf(experiment, input))
  return fault === undefined
    ? idle(experiment, input)
    : explain(experiment, input, { option: fault.option, value: String(fault.value), expected: fault.expected })
}

/** A flag that has an effect on the experiment, but none beside the others. */
const idle = (experiment: Name, input: Input): string | undefined => {
  const { failures, kill, pace, part, sendFailure, strategy, xBotCandidates } = optionsOf(experiment, input)
  const heals =
    experiment === "plumtree" ? failures > 0 || (kill > 0 && pace !== "rate") : experiment !== "thicket" || kill > 0
  const conditions: ReadonlyArray<readonly [keys: ReadonlyArray<Key>, idle: boolean, where: string]> = [
    [["unbiasedLinks"], xBotCandidates === 0, "without --x-bot"],
    [["sendAttempts"], sendFailure === 0, "without --send-failure"],
    [
      ["optimizeHops", "announceMillis", "pruneAfter", "guideMillis"],
      experiment === "plumtree" && strategy === "flood",
      "with --strategy flood"
    ],
    [["messages", "healCycles"], experiment === "paper" && part === "plumtree", "with --part plumtree"],
    [
      ["healCycles"],
      !heals,
      experiment === "thicket"
        ? "without --kill"
        : kill > 0
          ? "with --pace rate, only with --failures"
          : "without --kill or --failures"
    ]
  ]
  for (const [keys, isIdle, where] of conditions) {
    const key = isIdle ? keys.find((each) => given(each, input) !== undefined) : undefined
    if (key !== undefined) return `--${settings[key].flag} has no effect ${where}`
  }
  return undefined
}

/** What the protocol's configuration calls otherwise than the options do. */
const configured: Readonly<Record<string, string>> = { optimizeCandidates: "xBotCandidates" }

/** Words of the configuration that no flag sets. */
const sizes: ReadonlyArray<readonly [field: string, words: string]> = [
  ["activeSize", "the size of the active view"],
  ["passiveSize", "the size of the passive view"]
]

/** What an experiment has against an option, in the words of the command line. */
export const explain = (
  experiment: Name,
  input: Input,
  fault: { readonly option: string; readonly value: string; readonly expected: string }
): string => {
  const field = fault.option.replace(/^config\./, "")
  const name = configured[field] ?? field
  // Options are called by their flags here; those of one word are words.
  const called = keys.filter((key) => /[A-Z]/.test(key)).map((key) => [key, `--${settings[key].flag}`] as const)
  const expected = [...called, ...sizes].reduce((text, [key, words]) => text.replaceAll(key, words), fault.expected)
  if (name === "seed") return `--seed ${input.seed}: ${expected}`
  const key = keys.find((each) => each === name)
  if (key === undefined) return `${name} ${fault.value}: ${expected}`
  const { failures, kill, nodes } = optionsOf(experiment, input)
  if (key === "failures" && failures === 0) {
    const left = nodes - Math.round(kill * nodes)
    return `--kill ${given("kill", input) ?? kill * 100}: of ${nodes} nodes ${left} would be left, and a broadcast takes two; kill fewer, or give more --nodes`
  }
  return `--${settings[key].flag} ${given(key, input) ?? fault.value}: ${expected}`
}

/** The command again, with what makes its result what it is, so that it can stand in a report. */
export const commandLine = (experiment: Name, input: Input): string => {
  const settled = keys.flatMap((key) => {
    const value = given(key, input)
    return value === undefined ? [] : [`--${settings[key].flag}`, String(value)]
  })
  const count = seedsOf(experiment, input)
  const seeds = count === 1 ? [] : ["--seeds", String(count)]
  return ["npm run simulate --", experiment, ...settled, "--seed", String(input.seed), ...seeds].join(" ")
}
